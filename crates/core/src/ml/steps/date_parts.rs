//! `date_parts`: takes dates apart into numbers.
//!
//! Moments are taken as UTC. The calendar is the Gregorian one for all times, as in Arrow and pandas;
//! the arithmetic is Howard Hinnant's ("chrono-compatible low-level date algorithms").

use serde::{Deserialize, Serialize};

use super::kind::Declaration;
use super::picked::{ByColumn, Picking, Rule, applied, other_sort, reshaped};
use crate::data::{Column, Frame, NO_TIME, Sort, Target};
use crate::ml::columns::{Columns, Shape};
use crate::ml::estimator::{BadSetting, FitContext, FitError};
use crate::ml::step::{FittedStep, Misfit, Step};
use crate::params;
use crate::params::{Declared, Setting};

const A_DAY: i64 = 86_400_000_000;

params! {
    /// Takes dates apart into numbers, each in a column `NAME_PART`.
    ///
    /// The parts of a missing date are missing.
    pub struct DateParts("date_parts", 1) {
        /// The columns; left out, all dates and timestamps.
        columns: Option<Columns> = None,
        /// The parts; left out: `year`, `month`, `day`, `day_of_week`, and `hour` for columns with a
        /// time of day in the training rows.
        parts: Option<Vec<Part>> = None,
    }
}

params! {
    /// A part of a date.
    pub enum Part {
        /// The year.
        Year = "year",
        /// The quarter of the year, 1 to 4.
        Quarter = "quarter",
        /// The month, 1 to 12.
        Month = "month",
        /// The week of the year by ISO 8601, 1 to 53.
        Week = "week",
        /// The day of the month, 1 to 31.
        Day = "day",
        /// The day of the week, 0 for Monday to 6 for Sunday.
        DayOfWeek = "day_of_week",
        /// The day of the year, 1 to 366.
        DayOfYear = "day_of_year",
        /// The hour, 0 to 23.
        Hour = "hour",
        /// The minute, 0 to 59.
        Minute = "minute",
        /// The second with its fraction, 0 up to 60.
        Second = "second",
        /// Days since 1970 with their fraction: a running number for trends.
        Days = "days",
    }
}

/// The parts that were settled for a column, by their words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Parted(Vec<String>);

impl Part {
    fn word(self) -> String {
        match self.to_setting() {
            Setting::Word(word) => word,
            _ => String::new(),
        }
    }

    /// Reads a part of a moment.
    fn of(self, moment: i64) -> f64 {
        let (days, within) = (moment.div_euclid(A_DAY), moment.rem_euclid(A_DAY));
        match self {
            Self::Year => civil(days).0 as f64,
            Self::Quarter => ((civil(days).1 - 1) / 3 + 1) as f64,
            Self::Month => civil(days).1 as f64,
            Self::Week => iso_week(days) as f64,
            Self::Day => civil(days).2 as f64,
            Self::DayOfWeek => weekday(days) as f64,
            Self::DayOfYear => day_of_year(days) as f64,
            Self::Hour => (within / 3_600_000_000) as f64,
            Self::Minute => (within / 60_000_000 % 60) as f64,
            Self::Second => (within % 60_000_000) as f64 / 1e6,
            Self::Days => days as f64 + within as f64 / A_DAY as f64,
        }
    }
}

/// Gives year, month and day of a number of days since 1970.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Gives the days since 1970 of a year's first day.
fn first_of_year(year: i64) -> i64 {
    let before = year - 1;
    365 * (year - 1970) + before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400)
        - 477
}

fn day_of_year(days: i64) -> i64 {
    days - first_of_year(civil(days).0) + 1
}

/// Gives 0 for Monday: 1970 began on a Thursday.
const fn weekday(days: i64) -> i64 {
    (days + 3).rem_euclid(7)
}

/// Gives the ISO week: that of the Thursday of the same week.
fn iso_week(days: i64) -> i64 {
    let thursday = days - weekday(days) + 3;
    (day_of_year(thursday) - 1) / 7 + 1
}

impl DateParts {
    fn picking(&self) -> Picking<'_> {
        Picking {
            step: "date_parts",
            columns: self.columns.as_ref(),
            takes: |sort| sort == Sort::Time,
            suits: |sort| sort == Sort::Time,
            expected: "dates and timestamps",
        }
    }

    fn learn(&self, column: &Column) -> Parted {
        let usual = [Part::Year, Part::Month, Part::Day, Part::DayOfWeek];
        let parts = match (&self.parts, column) {
            (Some(parts), _) => parts.clone(),
            (None, Column::Time(times)) => {
                let timed =
                    times.iter().any(|time| *time != NO_TIME && time.rem_euclid(A_DAY) != 0);
                usual.into_iter().chain(timed.then_some(Part::Hour)).collect()
            }
            (None, _) => usual.to_vec(),
        };
        Parted(parts.into_iter().map(Part::word).collect())
    }
}

impl Step for DateParts {
    fn fit(
        &self,
        frame: &Frame,
        _: &Target,
        _: Option<&[f64]>,
        _: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedStep>, Frame), FitError> {
        let picked = self.picking().of(frame)?;
        let fitted = ByColumn::learn(frame, &picked, |_, column| Ok(self.learn(column)))?;
        applied(fitted, frame)
    }

    fn reshape(&self, before: &Shape) -> Result<Shape, Misfit> {
        let picked = self.picking().known(before)?;
        let parts = self.learn(&Column::Time(Vec::new().into())).0;
        let after = reshaped(before, &picked, |name, _| {
            parts.iter().map(|part| (format!("{name}_{part}"), Sort::Number)).collect()
        });
        let open = after.open || (self.parts.is_none() && !picked.is_empty());
        Ok(Shape { open, ..after })
    }
}

impl Declaration for DateParts {
    type Learnt = ByColumn<Parted>;

    fn check(&self) -> Result<(), BadSetting> {
        match &self.parts {
            Some(parts) if parts.is_empty() => {
                Err(BadSetting { param: "parts", message: "the list of parts is empty".to_owned() })
            }
            _ => Ok(()),
        }
    }
}

impl Rule for Parted {
    fn apply(&self, name: &str, column: &Column) -> Result<Vec<(String, Column)>, FitError> {
        let Column::Time(times) = column else { return Err(other_sort(name, column, "dates")) };
        let part = |word: &String| {
            let part = Part::from_setting(&Setting::Word(word.clone()));
            let value = |time: &i64| match (*time, part) {
                (NO_TIME, _) | (_, None) => f64::NAN,
                (time, Some(part)) => part.of(time),
            };
            (format!("{name}_{word}"), Column::Number(times.iter().map(value).collect()))
        };
        Ok(self.0.iter().map(part).collect())
    }

    fn summary(&self) -> String {
        self.0.join(", ")
    }

    fn sound(&self) -> bool {
        let known = |word: &String| Part::from_setting(&Setting::Word(word.clone()));
        self.0.iter().all(|word| known(word).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_agree_with_the_calendar() {
        // Each from Python's `datetime`.
        for (days, date, weekday_, of_year, week) in [
            (0, (1970, 1, 1), 3, 1, 1),
            (-1, (1969, 12, 31), 2, 365, 1),
            (19_782, (2024, 2, 29), 3, 60, 9),
            (18_627, (2020, 12, 31), 3, 366, 53),
            (18_628, (2021, 1, 1), 4, 1, 53),
            (-25_567, (1900, 1, 1), 0, 1, 1),
            (-719_162, (1, 1, 1), 0, 1, 1),
            (2_932_896, (9999, 12, 31), 4, 365, 52),
        ] {
            assert_eq!(civil(days), date);
            assert_eq!(weekday(days), weekday_, "{date:?}");
            assert_eq!(day_of_year(days), of_year, "{date:?}");
            assert_eq!(iso_week(days), week, "{date:?}");
        }
    }

    #[test]
    fn times_of_day_are_read_before_1970_too() {
        let moment = -1; // The last microsecond of 1969.
        let parts = [Part::Hour, Part::Minute, Part::Second, Part::Year];
        let read: Vec<f64> = parts.iter().map(|part| part.of(moment)).collect();
        assert_eq!(read, [23.0, 59.0, 59.999_999, 1969.0]);
        assert!(Part::Year.of(i64::MIN + 1) < -290_000.0);
        assert!(Part::Week.of(i64::MAX) >= 1.0);
    }
}
