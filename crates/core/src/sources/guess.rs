//! Guesses the type of a column from the texts in it.
//!
//! A guess only ever grows wider: seeing values in any order and joining the guesses of parts in
//! any order give the same type, so that rows can be looked at in parallel. Knows no file.
//!
//! | texts | type |
//! | --- | --- |
//! | `12 -3` | int |
//! | `1.5 1e3 .5`, also `inf` and `nan` in any case, and whole numbers among them | float |
//! | `true False` | bool |
//! | `2024-05-31` | date |
//! | `2024-05-31 12:30:05.25Z`, and dates among them | timestamp |
//! | leading zeros (`007`), a plus before digits alone (`+49`), whole numbers beyond 64 bits where no float stands among them, all else | text |
//! | nothing at all | text |

use arrow::datatypes::{DataType, TimeUnit};

use super::style::Style;
use super::values::{Moment, date, float, timestamp, trim, truth};

/// What the values of a column may be, from what was seen so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guess {
    /// Nothing was seen but empty fields.
    Empty,
    /// Truth values.
    Bool,
    /// Whole numbers of 64 bits.
    Int,
    /// Whole numbers, some beyond 64 bits.
    LongInt,
    /// Numbers.
    Float,
    /// Days.
    Date,
    /// Points in time, to the microsecond.
    Time,
    /// Points in time, some finer than microseconds.
    FineTime,
    /// Points in time, some too far away to be counted in nanoseconds.
    FarTime,
    /// Anything.
    Text,
}

impl Guess {
    /// Guesses from one value, which is no null.
    pub(super) fn of(field: &[u8], style: &Style) -> Self {
        match Self::of_usual(field, style.point) {
            Self::Text if !style.is_iso() => Self::of_styled(trim(field), style),
            guess => guess,
        }
    }

    /// Guesses from a value that isn't written in one of the usual ways.
    fn of_styled(text: &[u8], style: &Style) -> Self {
        if style.other_date(text).is_some() {
            return Self::Date;
        }
        style.other_time(text).map_or(Self::Text, Self::of_moment)
    }

    fn of_usual(field: &[u8], point: u8) -> Self {
        let text = trim(field);
        match text.first() {
            None if field.is_empty() => Self::Empty,
            None => Self::Text,
            Some(b't' | b'T' | b'f' | b'F') if truth(text).is_some() => Self::Bool,
            Some(b'0'..=b'9') if begins_with_year(text) => Self::of_time(text),
            Some(b'0'..=b'9' | b'-' | b'+' | b'.' | b',' | b'i' | b'I' | b'n' | b'N') => {
                Self::of_number(text, point)
            }
            Some(_) => Self::Text,
        }
    }

    fn of_time(text: &[u8]) -> Self {
        if date(text).is_some() {
            return Self::Date;
        }
        timestamp(text).map_or(Self::Text, Self::of_moment)
    }

    fn of_moment(moment: Moment) -> Self {
        let fits = |unit| moment.count(unit).is_ok();
        match (fits(TimeUnit::Microsecond), fits(TimeUnit::Nanosecond)) {
            (true, true) => Self::Time,
            (true, false) => Self::FarTime,
            (false, true) => Self::FineTime,
            (false, false) => Self::Text,
        }
    }

    fn of_number(text: &[u8], point: u8) -> Self {
        let (plus, digits) = match text {
            [b'-', rest @ ..] => (false, rest),
            [b'+', rest @ ..] => (true, rest),
            _ => (false, text),
        };
        if matches!(digits, [b'0', b'0'..=b'9', ..]) {
            return Self::Text;
        }
        if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) {
            return match (plus, super::values::int(text, point)) {
                (true, _) => Self::Text,
                (false, Some(_)) => Self::Int,
                (false, None) => Self::LongInt,
            };
        }
        if float(text, point).is_some() { Self::Float } else { Self::Text }
    }

    /// Widens the guess by one more value, which is no null.
    #[inline]
    pub(super) fn see(self, field: &[u8], style: &Style) -> Self {
        match self {
            Self::Text => self,
            Self::Int if is_plain_int(field) => self,
            Self::Float if is_plain_decimal(field, style.point) => self,
            _ => self.join(Self::of(field, style)),
        }
    }

    /// Gives the narrowest guess that covers both.
    pub(super) const fn join(self, other: Self) -> Self {
        use Guess::{Date, Empty, FarTime, FineTime, Float, Int, LongInt, Time};
        match (self, other) {
            (Empty, guess) | (guess, Empty) => guess,
            (Int, LongInt) | (LongInt, Int) => LongInt,
            (Int | LongInt, Float) | (Float, Int | LongInt) => Float,
            (Date, guess @ (Time | FineTime | FarTime))
            | (guess @ (Time | FineTime | FarTime), Date) => guess,
            (Time, guess @ (FineTime | FarTime)) | (guess @ (FineTime | FarTime), Time) => guess,
            (one, two) if one as u8 == two as u8 => one,
            _ => Self::Text,
        }
    }

    /// Gives the type of a column of such values.
    pub(super) const fn data_type(self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Date => DataType::Date32,
            Self::Time | Self::FarTime => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::FineTime => DataType::Timestamp(TimeUnit::Nanosecond, None),
            Self::Empty | Self::LongInt | Self::Text => DataType::Utf8,
        }
    }
}

/// Tells a date from a number such as `1.5e-05`, which has its minus in the same place.
fn begins_with_year(text: &[u8]) -> bool {
    let year = text.split_at_checked(4);
    matches!(year, Some((year, [b'-', ..])) if year.iter().all(u8::is_ascii_digit))
}

/// Tells whole numbers that surely fit from everything else.
fn is_plain_int(field: &[u8]) -> bool {
    let digits = match field {
        [b'-', rest @ ..] => rest,
        _ => field,
    };
    let leading = matches!(digits, [] | [b'0', _, ..]);
    !leading && digits.len() <= 18 && digits.iter().all(u8::is_ascii_digit)
}

/// Tells decimals without blanks, exponent or leading zeros from everything else.
fn is_plain_decimal(field: &[u8], point: u8) -> bool {
    let digits = match field {
        [b'-', rest @ ..] => rest,
        _ => field,
    };
    if matches!(digits, [b'0', b'0'..=b'9', ..]) || digits.len() > 300 {
        return false;
    }
    let (mut count, mut points) = (0, 0);
    for byte in digits {
        if byte.is_ascii_digit() {
            count += 1;
        } else if *byte == point {
            points += 1;
        } else {
            return false;
        }
    }
    count > 0 && points <= 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::style::PLAIN;
    use proptest::prelude::*;

    fn guess(texts: &[&str]) -> Guess {
        texts.iter().fold(Guess::Empty, |guess, text| guess.see(text.as_bytes(), &PLAIN))
    }

    #[test]
    fn columns_of_texts() {
        let cases: &[(&[&str], Guess)] = &[
            (&[], Guess::Empty),
            (&["1", "-2", "0"], Guess::Int),
            (&["1", "2.5"], Guess::Float),
            (&["1", " 2 "], Guess::Int),
            (&["1", "nan"], Guess::Float),
            (&["inf", "-Infinity"], Guess::Float),
            (&["nancy"], Guess::Text),
            (&["1", "NA"], Guess::Text),
            (&["007"], Guess::Text),
            (&["1.5", "007"], Guess::Text),
            (&["00.5"], Guess::Text),
            (&["+49"], Guess::Text),
            (&["+0.5", "-0.5"], Guess::Float),
            (&["9223372036854775808"], Guess::LongInt),
            (&["9223372036854775808", "1"], Guess::LongInt),
            (&["9223372036854775808", "1.5"], Guess::Float),
            (&["1e999"], Guess::Text),
            (&["true", "FALSE"], Guess::Bool),
            (&["true", "0"], Guess::Text),
            (&["yes"], Guess::Text),
            (&["2024-02-29"], Guess::Date),
            (&["2023-02-29"], Guess::Text),
            (&["2024-02-29", "2024-02-29 10:00"], Guess::Time),
            (&["2024-02-29T10:00:00.000000001"], Guess::FineTime),
            (&["9999-12-31 00:00"], Guess::FarTime),
            (&["9999-12-31 00:00", "2024-02-29T10:00:00.000000001"], Guess::Text),
            (&["2024-02-29", "1"], Guess::Text),
            (&["1", " "], Guess::Text),
            (&["1,5"], Guess::Text),
        ];
        for (texts, expected) in cases {
            assert_eq!(guess(texts), *expected, "{texts:?}");
        }
    }

    #[test]
    fn a_decimal_comma() {
        let comma = Style::new(b',', &[]).unwrap();
        assert_eq!(Guess::of(b"1.5e-05", &PLAIN), Guess::Float);
        assert_eq!(Guess::of(b"1,5", &comma), Guess::Float);
        assert_eq!(Guess::of(b"1.5", &comma), Guess::Text);
    }

    #[test]
    fn dates_in_other_forms() {
        let formats = ["%d/%m/%Y", "%d/%m/%Y %H:%M"].map(str::to_owned);
        let style = Style::new(b'.', &formats).unwrap();
        let guess = |texts: &[&str]| {
            texts.iter().fold(Guess::Empty, |guess, text| guess.see(text.as_bytes(), &style))
        };
        assert_eq!(guess(&["31/12/2024", "2024-12-30"]), Guess::Date);
        assert_eq!(guess(&["31/12/2024", "31/12/2024 10:00"]), Guess::Time);
        assert_eq!(guess(&["12/31/2024"]), Guess::Text);
        assert_eq!(guess(&["31/12/2024", "5"]), Guess::Text);
        assert_eq!(guess(&["5", "6"]), Guess::Int);
    }

    proptest! {
        #[test]
        fn order_counts_for_nothing(
            mut texts in proptest::collection::vec(
                "(true|[0-9]{1,20}|0[0-9]|[0-9]\\.[0-9]|nan|2024-0[1-9]-0[1-9]( 1[0-9]:00(:00\\.000000001)?)?|9999-01-01 00:00|x|)", 0..6),
            shift in 0_usize..6,
        ) {
            let refs: Vec<&str> = texts.iter().map(String::as_str).collect();
            let straight = guess(&refs);
            let (left, right) = refs.split_at(shift.min(refs.len()));
            let joined = guess(left).join(guess(right));
            texts.reverse();
            let back = guess(&texts.iter().map(String::as_str).collect::<Vec<_>>());
            prop_assert_eq!(straight, back);
            prop_assert_eq!(straight, joined);
        }
    }
}
