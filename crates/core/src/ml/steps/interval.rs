//! An inclusive range of numbers as a setting: `0 .. 1`.

use crate::ml::estimator::BadSetting;
use crate::params::{Bound, Declared, Kind, Setting};
use crate::text::{FileId, Span};

/// Two numbers, `low .. high`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// Checks that the ends are in order and lie between two others.
    pub(super) fn check(
        self,
        param: &'static str,
        least: f64,
        most: f64,
    ) -> Result<(), BadSetting> {
        let inside = least <= self.low && self.low < self.high && self.high <= most;
        if inside {
            return Ok(());
        }
        let bounds =
            if most < f64::MAX { format!(", from {least} to {most}") } else { String::new() };
        let message = format!(
            "`{param}` is a range `low .. high` with low below high{bounds}, not `{} .. {}`",
            self.low, self.high
        );
        Err(BadSetting { param, message })
    }
}

impl Declared for Interval {
    const KIND: Kind = Kind::Range;

    fn from_setting(setting: &Setting) -> Option<Self> {
        let Setting::Range(low, high) = setting else { return None };
        Some(Self { low: low.setting.as_f64()?, high: high.setting.as_f64()? })
    }

    fn to_setting(&self) -> Setting {
        let end = |number| {
            let span = Span::new(FileId(0), 0, 0);
            Box::new(Bound { setting: Setting::Float(number), span, written: false })
        };
        Setting::Range(end(self.low), end(self.high))
    }
}
