//! How numbers, dates and times are written in a text file.
//!
//! Knows texts and values, no column and no file.

use super::values::{Moment, Pattern, date, declared_timestamp, timestamp};

/// How values are written.
#[derive(Clone, Debug)]
pub(super) struct Style {
    /// What parts a number's whole from its fraction.
    pub(super) point: u8,
    /// How dates are written where they aren't in ISO form, tried in order.
    dates: Vec<Pattern>,
    /// How times are written, likewise.
    times: Vec<Pattern>,
}

/// What a file says that says nothing.
pub(super) static PLAIN: Style = Style { point: b'.', dates: Vec::new(), times: Vec::new() };

impl Style {
    /// Reads formats of dates and times; gives the first that is wrong, and what is wrong with it.
    pub(super) fn new(point: u8, formats: &[String]) -> Result<Self, (String, &'static str)> {
        let mut style = Self { point, ..PLAIN.clone() };
        for format in formats {
            let pattern = Pattern::checked(format).map_err(|problem| (format.clone(), problem))?;
            if pattern.has_time() {
                style.times.push(pattern);
            } else {
                style.dates.push(pattern);
            }
        }
        Ok(style)
    }

    /// Tells whether dates and times are written in ISO form alone.
    pub(super) fn is_iso(&self) -> bool {
        self.dates.is_empty() && self.times.is_empty()
    }

    /// Reads a date as days since 1970.
    pub(super) fn date(&self, field: &[u8]) -> Option<i32> {
        date(field).or_else(|| self.other_date(field))
    }

    /// Reads a date that isn't in ISO form.
    pub(super) fn other_date(&self, field: &[u8]) -> Option<i32> {
        self.dates.iter().find_map(|pattern| pattern.date(field))
    }

    /// Reads a time; a date alone is its midnight.
    pub(super) fn time(&self, field: &[u8]) -> Option<Moment> {
        declared_timestamp(field)
            .or_else(|| self.other_time(field))
            .or_else(|| self.dates.iter().find_map(|pattern| pattern.timestamp(field)))
    }

    /// Reads a time that isn't in ISO form.
    pub(super) fn other_time(&self, field: &[u8]) -> Option<Moment> {
        timestamp(field).or_else(|| self.times.iter().find_map(|pattern| pattern.timestamp(field)))
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::TimeUnit;

    use super::*;

    #[test]
    fn formats_are_tried_in_order_behind_iso() {
        let formats = ["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y %H:%M"].map(str::to_owned);
        let style = Style::new(b'.', &formats).unwrap();
        assert_eq!(style.date(b"1970-01-02"), Some(1));
        assert_eq!(style.date(b"02/01/1970"), Some(1));
        assert_eq!(style.date(b"01/31/1970"), Some(30));
        assert_eq!(style.date(b"02.01.1970"), None);
        let seconds = |text: &str| {
            style.time(text.as_bytes()).map(|moment| moment.count(TimeUnit::Second).unwrap())
        };
        assert_eq!(seconds("01.01.1970 00:01"), Some(60));
        assert_eq!(seconds("1970-01-01 00:02"), Some(120));
        assert_eq!(seconds("02/01/1970"), Some(86_400));
        assert_eq!(seconds("soon"), None);
        let wrong = |format: &str| Style::new(b'.', &[format.to_owned()]).unwrap_err().1;
        assert_eq!(wrong("%Q"), "has an unknown part");
        for format in ["", "dd/mm/yyyy", "%H:%M", "%d.%m.", "%Y-%m", "%d/%m/%Y %H"] {
            assert_eq!(wrong(format), "doesn't say which day it is", "{format}");
        }
        for format in ["%D", "%e %B %Y", "%s", "%Y-%j", "%d/%m/%y %I:%M %p", "%Y-%m-%dT%H:%M:%S%z"]
        {
            assert!(Style::new(b'.', &[format.to_owned()]).is_ok(), "{format}");
        }
    }
}
