//! Reads single values from the text of a field.
//!
//! Every function takes bytes and gives a value or nothing; none knows of columns, files or nulls.
//! Blanks around a number, date or truth value count for nothing. Formulas: a decimal of at most 53
//! bits and 22 places is exact in one division (Clinger 1990); all others go to the standard
//! library, which rounds correctly too.

use std::fmt::Write;

use arrow::datatypes::TimeUnit;
use chrono::format::{Fixed, Item, Numeric, Parsed, StrftimeItems};
use chrono::{Datelike, NaiveDate};

/// The days from 0001-01-01 to 1970-01-01.
const EPOCH_DAYS: i32 = 719_163;

/// The powers of ten that a float holds exactly.
const EXACT_TENS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Takes off blanks and tabs on both sides.
pub(super) fn trim(field: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    match (field.first(), field.last()) {
        (Some(first), Some(last)) if blank(first) || blank(last) => {
            let start = field.iter().position(|byte| !blank(byte)).unwrap_or(field.len());
            let end = field.iter().rposition(|byte| !blank(byte)).map_or(start, |at| at + 1);
            field.get(start..end).unwrap_or_default()
        }
        _ => field,
    }
}

/// Reads a whole number, also one that is written with zeros behind the point.
pub(super) fn int(field: &[u8], point: u8) -> Option<i64> {
    let field = trim(field);
    let (negative, digits) = sign(field);
    let digits = match digits.iter().position(|byte| *byte == point) {
        None => digits,
        Some(0) => return None,
        Some(at) if digits[at + 1..].iter().all(|byte| *byte == b'0') => &digits[..at],
        Some(_) => return None,
    };
    if digits.is_empty() {
        return None;
    }
    let mut value: i64 = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        let digit = i64::from(digit);
        value = value.checked_mul(10)?;
        value = if negative { value.checked_sub(digit)? } else { value.checked_add(digit)? };
    }
    Some(value)
}

/// Reads a whole number from nought on.
pub(super) fn unsigned(field: &[u8]) -> Option<u64> {
    let text = trim(field);
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn sign(field: &[u8]) -> (bool, &[u8]) {
    match field.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, field),
    }
}

/// Reads a number, `inf`, `infinity` or `nan` in any case; nothing if it is beyond all floats.
pub(super) fn float(field: &[u8], point: u8) -> Option<f64> {
    quick_float(field, point).or_else(|| slow_float(trim(field), point))
}

/// Reads a plain decimal whose digits a float holds exactly; nothing for all other texts.
fn quick_float(field: &[u8], point: u8) -> Option<f64> {
    let (negative, digits) = sign(field);
    if digits.len() > 19 {
        return None;
    }
    let (mut mantissa, mut count, mut places) = (0_u64, 0_usize, None);
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            mantissa = mantissa * 10 + u64::from(digit);
            count += 1;
        } else if *byte == point && places.is_none() {
            places = Some(count);
        } else {
            return None;
        }
    }
    if count == 0 || mantissa >= 1 << 53 {
        return None;
    }
    let ten = EXACT_TENS.get(places.map_or(0, |before| count - before))?;
    #[expect(clippy::cast_precision_loss, reason = "below 2^53, so it is exact")]
    let value = mantissa as f64 / ten;
    Some(if negative { -value } else { value })
}

fn slow_float(field: &[u8], point: u8) -> Option<f64> {
    let text = std::str::from_utf8(field).ok()?;
    let finite = !matches!(sign(field).1.first(), Some(b'i' | b'I' | b'n' | b'N'));
    let value: f64 = if point == b'.' {
        text.parse().ok()?
    } else if text.contains('.') {
        return None;
    } else {
        text.replacen(char::from(point), ".", 1).parse().ok()?
    };
    (value.is_finite() || !finite).then_some(value)
}

/// Tells a number that is beyond all floats from what is no number at all.
pub(super) fn is_beyond(field: &[u8], point: u8) -> bool {
    let text = std::str::from_utf8(trim(field)).unwrap_or_default();
    let number = sign(text.as_bytes()).1.first().is_some_and(u8::is_ascii_digit);
    let parsed = text.replacen(char::from(point), ".", 1).parse::<f64>();
    number && parsed.is_ok_and(f64::is_infinite)
}

/// Reads `true` or `false` in any case.
pub(super) fn truth(field: &[u8]) -> Option<bool> {
    let field = trim(field);
    if field.eq_ignore_ascii_case(b"true") {
        Some(true)
    } else if field.eq_ignore_ascii_case(b"false") {
        Some(false)
    } else {
        None
    }
}

/// Reads a truth value where one was declared: also `t`, `yes`, `y`, `1` and their opposites.
pub(super) fn declared_truth(field: &[u8]) -> Option<bool> {
    const YES: [&[u8]; 4] = [b"t", b"yes", b"y", b"1"];
    const NO: [&[u8]; 4] = [b"f", b"no", b"n", b"0"];
    let text = trim(field);
    let among = |words: &[&[u8]]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    truth(field).or_else(|| among(&YES).then_some(true)).or_else(|| among(&NO).then_some(false))
}

/// A point in time: seconds since 1970 and nanoseconds on top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    seconds: i64,
    nanoseconds: u32,
}

/// Why a moment has no number in a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// It lies outside the years that the unit reaches.
    Range,
    /// It is finer than the unit.
    Fine,
}

impl Moment {
    /// Gives the count of units since 1970.
    pub(super) fn count(self, unit: TimeUnit) -> Result<i64, Unfit> {
        let parts: u32 = match unit {
            TimeUnit::Second => 1,
            TimeUnit::Millisecond => 1_000,
            TimeUnit::Microsecond => 1_000_000,
            TimeUnit::Nanosecond => 1_000_000_000,
        };
        let step = 1_000_000_000 / parts;
        if !self.nanoseconds.is_multiple_of(step) {
            return Err(Unfit::Fine);
        }
        let whole = i128::from(self.seconds) * i128::from(parts);
        i64::try_from(whole + i128::from(self.nanoseconds / step)).map_err(|_| Unfit::Range)
    }
}

/// Reads an ISO date, `2024-05-31`, as days since 1970.
pub(super) fn date(field: &[u8]) -> Option<i32> {
    iso_date(trim(field).try_into().ok()?)
}

fn iso_date(text: &[u8; 10]) -> Option<i32> {
    if text[4] != b'-' || text[7] != b'-' {
        return None;
    }
    let year = pair(text[0], text[1])? * 100 + pair(text[2], text[3])?;
    let (month, day) = (pair(text[5], text[6])?, pair(text[8], text[9])?);
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    Some(date.num_days_from_ce() - EPOCH_DAYS)
}

fn pair(tens: u8, ones: u8) -> Option<u32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| u32::from(tens) * 10 + u32::from(ones))
}

/// Reads an ISO date with a time, `2024-05-31 12:30`, `2024-05-31T12:30:05.25+02:00`; an offset
/// turns the time into UTC.
pub(super) fn timestamp(field: &[u8]) -> Option<Moment> {
    let (day, rest) = trim(field).split_first_chunk::<10>()?;
    let days = i64::from(iso_date(day)?);
    let rest = match rest.split_first()? {
        (b'T' | b't' | b' ', rest) => rest,
        _ => return None,
    };
    let (seconds, nanoseconds, rest) = time_of_day(rest)?;
    Some(Moment { seconds: days * 86_400 + seconds - zone(rest)?, nanoseconds })
}

/// Reads `HH:MM[:SS[.fraction]]`; gives seconds, nanoseconds and what follows.
fn time_of_day(text: &[u8]) -> Option<(i64, u32, &[u8])> {
    let ([h1, h2, b':', m1, m2], rest) = text.split_first_chunk::<5>()? else { return None };
    let (hour, minute) = (pair(*h1, *h2)?, pair(*m1, *m2)?);
    let (second, nanoseconds, rest) = match rest.split_first_chunk::<3>() {
        Some(([b':', s1, s2], rest)) => {
            let (nanoseconds, rest) = fraction(rest)?;
            (pair(*s1, *s2)?, nanoseconds, rest)
        }
        _ => (0, 0, rest),
    };
    let valid = hour < 24 && minute < 60 && second < 60;
    valid.then(|| (i64::from(hour * 3600 + minute * 60 + second), nanoseconds, rest))
}

fn fraction(text: &[u8]) -> Option<(u32, &[u8])> {
    let Some((b'.' | b',', rest)) = text.split_first() else { return Some((0, text)) };
    let end = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    if end == 0 || end > 9 {
        return None;
    }
    let (digits, rest) = rest.split_at(end);
    let value = digits.iter().fold(0_u32, |value, byte| value * 10 + u32::from(byte - b'0'));
    Some((value * 10_u32.pow(9 - u32::try_from(end).ok()?), rest))
}

/// Reads nothing, `Z`, ` UTC`, `+02`, `+0200` or `+02:00` as seconds east of Greenwich.
fn zone(text: &[u8]) -> Option<i64> {
    let (sign, rest) = match text {
        [] | b"Z" | b"z" | b" UTC" | b" Z" => return Some(0),
        [b' ', b'+', rest @ ..] | [b'+', rest @ ..] => (1, rest),
        [b' ', b'-', rest @ ..] | [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match rest {
        [h1, h2] => (pair(*h1, *h2)?, 0),
        [h1, h2, m1, m2] | [h1, h2, b':', m1, m2] => (pair(*h1, *h2)?, pair(*m1, *m2)?),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then(|| sign * i64::from(hours * 3600 + minutes * 60))
}

/// A format of dates or times in `strftime`'s words, taken apart once.
#[derive(Clone, Debug)]
pub(super) struct Pattern(Vec<Item<'static>>);

impl Pattern {
    /// Takes a format apart; nothing if a part of it is unknown.
    pub(super) fn new(format: &str) -> Option<Self> {
        StrftimeItems::new(format).parse_to_owned().ok().map(Self)
    }

    /// Takes a format apart that a user gave, or says what is wrong with it.
    pub(super) fn checked(format: &str) -> Result<Self, &'static str> {
        match Self::new(format) {
            None => Err("has an unknown part"),
            Some(pattern) if !pattern.is_whole() => Err("doesn't say which day it is"),
            Some(pattern) => Ok(pattern),
        }
    }

    /// Tells whether a text of this form says which day, and which time if it says any.
    fn is_whole(&self) -> bool {
        let known = chrono::DateTime::UNIX_EPOCH.fixed_offset();
        let mut text = String::new();
        let written = write!(text, "{}", known.format_with_items(self.0.iter()));
        written.is_ok() && self.timestamp(text.as_bytes()).is_some()
    }

    /// Tells whether it has a part of a day in it.
    pub(super) fn has_time(&self) -> bool {
        let is_time = |item: &Item<'static>| match item {
            Item::Numeric(part, _) => matches!(
                part,
                Numeric::Hour
                    | Numeric::Hour12
                    | Numeric::Minute
                    | Numeric::Second
                    | Numeric::Nanosecond
                    | Numeric::Timestamp
            ),
            Item::Fixed(part) => !matches!(
                part,
                Fixed::ShortMonthName
                    | Fixed::LongMonthName
                    | Fixed::ShortWeekdayName
                    | Fixed::LongWeekdayName
            ),
            _ => false,
        };
        self.0.iter().any(is_time)
    }

    fn parse(&self, field: &[u8]) -> Option<Parsed> {
        let text = std::str::from_utf8(trim(field)).ok()?;
        let mut parsed = Parsed::new();
        chrono::format::parse(&mut parsed, text, self.0.iter()).ok()?;
        Some(parsed)
    }

    /// Reads a date as days since 1970.
    pub(super) fn date(&self, field: &[u8]) -> Option<i32> {
        let date = self.parse(field)?.to_naive_date().ok()?;
        Some(date.num_days_from_ce() - EPOCH_DAYS)
    }

    /// Reads a time; a date alone is its midnight, and an offset turns it into UTC.
    pub(super) fn timestamp(&self, field: &[u8]) -> Option<Moment> {
        let parsed = self.parse(field)?;
        let offset = parsed.offset().unwrap_or(0);
        let moment = match parsed.to_naive_datetime_with_offset(offset) {
            Ok(time) => time.and_utc(),
            Err(_) if parsed.hour_mod_12().is_none() => {
                parsed.to_naive_date().ok()?.and_time(chrono::NaiveTime::MIN).and_utc()
            }
            Err(_) => return None,
        };
        let seconds = moment.timestamp() - i64::from(offset);
        Some(Moment { seconds, nanoseconds: moment.timestamp_subsec_nanos() })
    }
}

/// Reads a date or a time where a time was declared.
pub(super) fn declared_timestamp(field: &[u8]) -> Option<Moment> {
    let midnight = |days: i32| Moment { seconds: i64::from(days) * 86_400, nanoseconds: 0 };
    timestamp(field).or_else(|| date(field).map(midnight))
}

/// Reads a time span as the language writes it, `500ms`, `30s`, `7d`, as nanoseconds.
pub(super) fn duration(field: &[u8]) -> Option<i128> {
    const UNITS: [(&[u8], i128); 8] = [
        (b"ns", 1),
        (b"us", 1_000),
        (b"ms", 1_000_000),
        (b"s", 1_000_000_000),
        (b"m", 60_000_000_000),
        (b"h", 3_600_000_000_000),
        (b"d", 86_400_000_000_000),
        (b"w", 604_800_000_000_000),
    ];
    let text = trim(field);
    let end = text.iter().rposition(u8::is_ascii_digit)? + 1;
    let (number, unit) = text.split_at(end);
    let (_, nanoseconds) = UNITS.iter().find(|(word, _)| *word == unit)?;
    i128::from(int(number, 0)?).checked_mul(*nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn whole_numbers() {
        let cases: &[(&str, Option<i64>)] = &[
            ("0", Some(0)),
            ("-12", Some(-12)),
            ("+12", Some(12)),
            (" 7\t", Some(7)),
            ("007", Some(7)),
            ("517.0", Some(517)),
            ("517.", Some(517)),
            ("517.5", None),
            (".0", None),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("", None),
            ("-", None),
            ("1e3", None),
            ("1 2", None),
            ("é", None),
        ];
        for (text, expected) in cases {
            assert_eq!(int(text.as_bytes(), b'.'), *expected, "{text}");
        }
    }

    #[test]
    fn floats() {
        let cases: &[(&str, Option<f64>)] = &[
            ("0.1", Some(0.1)),
            ("-0.0", Some(-0.0)),
            (".5", Some(0.5)),
            ("5.", Some(5.0)),
            ("1e3", Some(1000.0)),
            (" 1.5 ", Some(1.5)),
            ("123456789012345678901234567890", Some(1.234_567_890_123_456_8e29)),
            ("9007199254740993", Some(9_007_199_254_740_992.0)),
            ("inf", Some(f64::INFINITY)),
            ("-Infinity", Some(f64::NEG_INFINITY)),
            ("1e999", None),
            ("1,5", None),
            ("", None),
            (".", None),
            ("1.2.3", None),
        ];
        for (text, expected) in cases {
            let found = float(text.as_bytes(), b'.');
            assert_eq!(found.map(f64::to_bits), expected.map(f64::to_bits), "{text}");
        }
        assert!(float(b"NaN", b'.').is_some_and(f64::is_nan));
        assert_eq!(float(b"1,5", b','), Some(1.5));
        assert_eq!(float(b"1.234,5", b','), None);
    }

    #[test]
    fn times() {
        let at = |text: &str| {
            timestamp(text.as_bytes()).map(|moment| moment.count(TimeUnit::Microsecond))
        };
        assert_eq!(at("1970-01-02 00:00"), Some(Ok(86_400_000_000)));
        assert_eq!(at("1970-01-01T00:00:01.5Z"), Some(Ok(1_500_000)));
        assert_eq!(at("1970-01-01T02:00:00+02:00"), Some(Ok(0)));
        assert_eq!(at("1970-01-01 00:00:00.0000001"), Some(Err(Unfit::Fine)));
        assert_eq!(at("1969-12-31 23:59:59.5 UTC"), Some(Ok(-500_000)));
        for wrong in [
            "1970-01-01",
            "1970-02-30 00:00",
            "1970-01-01 24:00",
            "1970-01-01 00:00:60",
            "1970-01-01 00:00x",
        ] {
            assert_eq!(at(wrong), None, "{wrong}");
        }
        let far =
            timestamp(b"9999-12-31 00:00:00").map(|moment| moment.count(TimeUnit::Nanosecond));
        assert_eq!(far, Some(Err(Unfit::Range)));
        assert_eq!(date(b"1970-01-31"), Some(30));
        assert_eq!(date(b"1970-1-31"), None);
    }

    #[test]
    fn patterns() {
        let read = |format: &str, text: &str| Pattern::new(format).unwrap().date(text.as_bytes());
        assert_eq!(read("%d/%m/%Y", "31/01/1970"), Some(30));
        assert_eq!(read("%d/%m/%Y", "01/31/1970"), None);
        assert!(Pattern::new("%Q").is_none());
        let time = Pattern::new("%d.%m.%Y %H:%M").unwrap().timestamp(b"01.01.1970 00:01");
        assert_eq!(time.map(|moment| moment.count(TimeUnit::Second)), Some(Ok(60)));
        let zoned = Pattern::new("%Y-%m-%d %H:%M %z").unwrap().timestamp(b"1970-01-01 02:00 +0200");
        assert_eq!(zoned.map(|moment| moment.count(TimeUnit::Second)), Some(Ok(0)));
        let day = Pattern::new("%d/%m/%Y").unwrap().timestamp(b"02/01/1970");
        assert_eq!(day.map(|moment| moment.count(TimeUnit::Second)), Some(Ok(86_400)));
    }

    #[test]
    fn spans() {
        let cases: &[(&str, Option<i128>)] = &[
            ("500ms", Some(500_000_000)),
            ("-2h", Some(-7_200_000_000_000)),
            ("5", None),
            ("s", None),
        ];
        for (text, expected) in cases {
            assert_eq!(duration(text.as_bytes()), *expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_float_reads_as_the_standard_library_reads_it(text in "[-+]?[0-9]{0,20}(\\.[0-9]{0,20})?(e[-+]?[0-9]{1,3})?") {
            let expected = text.parse::<f64>().ok().filter(|value| value.is_finite());
            prop_assert_eq!(float(text.as_bytes(), b'.').map(f64::to_bits), expected.map(f64::to_bits));
        }

        #[test]
        fn no_text_panics(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = (int(&bytes, b'.'), float(&bytes, b','), truth(&bytes), date(&bytes));
            let _ = (timestamp(&bytes), duration(&bytes), declared_truth(&bytes), unsigned(&bytes));
        }
    }
}
