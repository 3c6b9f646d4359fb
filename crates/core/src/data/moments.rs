//! Dates and times as texts of the language write them.

use arrow::datatypes::Date32Type;
use chrono::{DateTime, NaiveDate, NaiveDateTime};

/// Reads a date, such as `2024-02-01`, as days since 1970-01-01.
#[must_use]
pub fn date_of(text: &str) -> Option<i32> {
    text.parse().ok().map(Date32Type::from_naive_date)
}

/// Reads a date, with a time of day or without, as microseconds since 1970-01-01; an offset turns the
/// time into UTC.
#[must_use]
pub fn timestamp_of(text: &str) -> Option<i64> {
    let text = text.trim().replacen(' ', "T", 1);
    let minutes = || NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M").ok();
    let day = || Some(text.parse::<NaiveDate>().ok()?.into());
    let zoned = || {
        let forms = ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z"];
        let text = text.replacen(" UTC", "Z", 1);
        let read = |form| DateTime::parse_from_str(&text, form).ok();
        forms.into_iter().find_map(read).map(|time| time.naive_utc())
    };
    let time = text.parse().ok().or_else(minutes).or_else(day).or_else(zoned)?;
    Some(NaiveDateTime::and_utc(&time).timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_and_without_seconds_and_offsets() {
        let noon = timestamp_of("2024-05-31T12:00:00");
        assert!(noon.is_some());
        for text in [
            "2024-05-31 12:00",
            "2024-05-31T12:00",
            "2024-05-31 12:00:00.000",
            "2024-05-31T12:00Z",
            "2024-05-31 12:00 UTC",
            "2024-05-31T14:00:00+02:00",
            "2024-05-31 10:30:00-0130",
        ] {
            assert_eq!(timestamp_of(text), noon, "{text}");
        }
        assert_eq!(timestamp_of("1970-01-02"), Some(86_400_000_000));
        for text in ["", "noon", "2024-05-31 25:00", "2024-13-01 12:00", "2024-05-31 12"] {
            assert_eq!(timestamp_of(text), None, "{text}");
        }
    }
}
