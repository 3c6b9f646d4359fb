//! Dates and times as texts of the language write them.

use arrow::datatypes::Date32Type;
use chrono::{NaiveDate, NaiveDateTime};

/// Reads a date, such as `2024-02-01`, as days since 1970-01-01.
#[must_use]
pub fn date_of(text: &str) -> Option<i32> {
    text.parse().ok().map(Date32Type::from_naive_date)
}

/// Reads a date, with a time of day or without, as microseconds since 1970-01-01.
#[must_use]
pub fn timestamp_of(text: &str) -> Option<i64> {
    let text = text.replace(' ', "T");
    let day = || Some(text.parse::<NaiveDate>().ok()?.into());
    let time: NaiveDateTime = text.parse().ok().or_else(day)?;
    Some(time.and_utc().timestamp_micros())
}
