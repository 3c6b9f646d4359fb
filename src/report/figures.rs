//! Numbers as a reader wants them: few digits, the same in one column.

/// What stands for a number that isn't there.
pub(super) const NONE: &str = "–";

/// Writes a number with four digits that say something.
pub(super) fn figure(value: f64) -> String {
    with_places(value, places(value.abs()))
}

/// Writes a number that stands beside another with as many places as that one has; of one that is
/// small but more than rounding, the digits that say something.
pub(super) fn beside(value: f64, other: f64) -> String {
    let text = with_places(value, places(other.abs()));
    let nothing = value.abs() > 1e-12 * other.abs()
        && !text.chars().any(|digit| ('1'..='9').contains(&digit));
    if nothing && value.is_finite() { figure(value) } else { text }
}

/// Writes the numbers of one column with the same places after the point.
pub(super) fn column(values: &[f64]) -> Vec<String> {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let largest = finite().map(f64::abs).fold(0.0, f64::max);
    let places = if finite().all(|value| value.fract() == 0.0) { Some(0) } else { places(largest) };
    let one = |value: &f64| {
        let tiny = *value != 0.0 && value.abs() < 0.5e-4 * largest.min(1.0);
        if tiny { figure(*value) } else { with_places(*value, places) }
    };
    values.iter().map(one).collect()
}

/// Writes a whole number with a comma between thousands.
pub(super) fn count(value: usize) -> String {
    grouped(&value.to_string())
}

/// Writes a number of things: `1 row`, `2,000 rows`.
pub(super) fn counted(value: usize, one: &str) -> String {
    format!("{} {one}{}", count(value), if value == 1 { "" } else { "s" })
}

/// Writes a share as a percentage.
pub(super) fn percent(share: f64) -> String {
    if !share.is_finite() {
        return NONE.to_owned();
    }
    match share * 100.0 {
        0.0 => "0 %".to_owned(),
        small if small < 0.1 => "< 0.1 %".to_owned(),
        most if (99.9..100.0).contains(&most) => "> 99.9 %".to_owned(),
        percent if percent < 10.0 => format!("{percent:.1} %"),
        percent => format!("{percent:.0} %"),
    }
}

/// Writes a time span.
pub(super) fn seconds(seconds: f64) -> String {
    match seconds {
        short if short < 0.0995 => format!("{:.0} ms", short * 1e3),
        some if some < 99.5 => format!("{some:.1} s"),
        more if more < 5970.0 => format!("{:.0} min", more / 60.0),
        long => format!("{:.1} h", long / 3600.0),
    }
}

/// Writes a number as short as it can be said.
pub(super) fn plain(value: f64) -> String {
    if !value.is_finite() || (value != 0.0 && !(1e-4..1e7).contains(&value.abs())) {
        return with_places(value, None);
    }
    trimmed(&with_places(value, Some(4)))
}

/// Writes a number with four digits, nothings at the end left out.
pub(super) fn short(value: f64) -> String {
    trimmed(&figure(value))
}

/// Writes the numbers of an axis with as few places as tell them apart.
pub(super) fn ticks(values: &[f64]) -> Vec<String> {
    let step =
        values.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(f64::INFINITY, f64::min);
    let largest = values.iter().map(|value| value.abs()).fold(0.0, f64::max);
    if largest >= 1e7 || (largest > 0.0 && largest < 1e-4) {
        return values.iter().map(|value| short_power(*value)).collect();
    }
    let places = if step.is_finite() && step > 0.0 {
        (0..8).find(|places| {
            let scaled = step * 10_f64.powi(*places);
            (scaled - scaled.round()).abs() < 1e-6
        })
    } else {
        None
    };
    let places = places.map_or(4, |places| places as usize);
    values.iter().map(|value| with_places(*value, Some(places))).collect()
}

/// Writes a number with a power of ten and no more digits than it has.
fn short_power(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let text = format!("{:.2e}", value.abs());
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    format!("{}{}e{power}", if value < 0.0 { "−" } else { "" }, trimmed(digits))
}

/// Takes nothings off the end of a decimal.
fn trimmed(text: &str) -> String {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text.to_owned()
    }
}

/// Gives the places after the point for numbers of this size; none for those that need a power of
/// ten.
fn places(size: f64) -> Option<usize> {
    match size {
        0.0 => Some(0),
        size if !(1e-4..1e7).contains(&size) => None,
        size if size < 1.0 => Some(4),
        size if size < 10.0 => Some(3),
        size if size < 100.0 => Some(2),
        size if size < 1000.0 => Some(1),
        _ => Some(0),
    }
}

fn with_places(value: f64, places: Option<usize>) -> String {
    if value.is_nan() {
        return NONE.to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞" } else { "−∞" }.to_owned();
    }
    let whole = value.fract() == 0.0 && value.abs() < 1e15;
    let text = match places {
        Some(0) => format!("{:.0}", value.abs()),
        Some(places) => format!("{:.places$}", value.abs()),
        None if whole => format!("{:.0}", value.abs()),
        None => format!("{:.3e}", value.abs()),
    };
    let negative = value < 0.0 && text.chars().any(|digit| ('1'..='9').contains(&digit));
    format!("{}{}", if negative { "−" } else { "" }, grouped(&text))
}

/// Puts commas between thousands of the whole part.
fn grouped(text: &str) -> String {
    let whole = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let mut written = String::with_capacity(text.len() + whole / 3);
    for (at, letter) in text.chars().enumerate() {
        if at > 0 && at < whole && (whole - at).is_multiple_of(3) {
            written.push(',');
        }
        written.push(letter);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_digits() {
        let values =
            [0.0, 0.123_456, 3.0, 12.345, 1234.6, -0.5, 1_234_567.0, 1.5e9, 2e9, 1e-7, f64::NAN];
        let shown = values.map(figure);
        let expected = [
            "0",
            "0.1235",
            "3.000",
            "12.35",
            "1,235",
            "−0.5000",
            "1,234,567",
            "1,500,000,000",
            "2,000,000,000",
            "1.000e-7",
            "–",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_column_has_one_number_of_places() {
        assert_eq!(column(&[0.5, 12.0, f64::NAN]), ["0.50", "12.00", "–"]);
        assert_eq!(column(&[1.0, 20_000.0]), ["1", "20,000"]);
        assert_eq!(column(&[0.9, 1e-9]), ["0.9000", "1.000e-9"]);
    }

    #[test]
    fn what_rounding_leaves_is_nothing() {
        assert_eq!(beside(0.012_345, 0.2022), "0.0123");
        assert_eq!(beside(1.5e-7, 0.2022), "1.500e-7");
        assert_eq!(beside(9.6e-17, 0.2022), "0.0000");
        assert_eq!(beside(0.0, 0.0), "0");
    }

    #[test]
    fn shares_and_times_are_short() {
        assert_eq!(
            [0.0, 0.0001, 0.034, 0.5, 0.9999, 1.0].map(percent),
            ["0 %", "< 0.1 %", "3.4 %", "50 %", "> 99.9 %", "100 %"]
        );
        assert_eq!([0.0042, 1.25, 130.0, 9000.0].map(seconds), ["4 ms", "1.2 s", "2 min", "2.5 h"]);
    }
}
