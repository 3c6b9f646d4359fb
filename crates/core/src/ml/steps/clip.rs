//! `clip`: brings numbers between two ends.

use serde::{Deserialize, Serialize};

use super::kind::Declaration;
use super::picked::{ByColumn, Picking, Rule, applied, is_number, numbers_of, retyped};
use super::scale::{cut, short};
use super::statistics::{quantile, sorted};
use crate::data::{Column, Frame, Sort, Target};
use crate::ml::columns::{Columns, Shape};
use crate::ml::estimator::{BadSetting, FitContext, FitError};
use crate::ml::step::{FittedStep, Misfit, Step};
use crate::ml::steps::interval::Interval;
use crate::params;

params! {
    /// Brings numbers that lie outside of two ends to the nearer end.
    ///
    /// Missing values stay missing.
    pub struct Clip("clip", 1) {
        /// The columns; left out, all numbers.
        columns: Option<Columns> = None,
        /// The lower end.
        lower: Option<f64> = None,
        /// The upper end.
        upper: Option<f64> = None,
        /// Both ends as quantiles of the training rows, `1% .. 99%`.
        quantiles: Option<Interval> = None,
    }
}

/// The ends for a column.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Ends {
    low: f64,
    high: f64,
}

impl Clip {
    fn picking(&self) -> Picking<'_> {
        Picking {
            step: "clip",
            columns: self.columns.as_ref(),
            takes: is_number,
            suits: |sort| sort == Sort::Number,
            expected: "numbers",
        }
    }

    fn learn(&self, values: &[f64]) -> Ends {
        match self.quantiles {
            None => Ends {
                low: self.lower.unwrap_or(f64::NEG_INFINITY),
                high: self.upper.unwrap_or(f64::INFINITY),
            },
            Some(range) => {
                let sorted = sorted(values);
                Ends { low: quantile(&sorted, range.low), high: quantile(&sorted, range.high) }
            }
        }
    }
}

impl Step for Clip {
    fn fit(
        &self,
        frame: &Frame,
        _: &Target,
        _: Option<&[f64]>,
        _: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedStep>, Frame), FitError> {
        let picked = self.picking().of(frame)?;
        let fitted = ByColumn::learn(frame, &picked, |name, column| {
            Ok(self.learn(numbers_of(name, column)?))
        })?;
        applied(fitted, frame)
    }

    fn reshape(&self, before: &Shape) -> Result<Shape, Misfit> {
        Ok(retyped(before, &self.picking().known(before)?, Sort::Number))
    }
}

impl Declaration for Clip {
    type Learnt = ByColumn<Ends>;

    fn check(&self) -> Result<(), BadSetting> {
        let wrong = |param, message: &str| Err(BadSetting { param, message: message.to_owned() });
        match (self.lower, self.upper, self.quantiles) {
            (None, None, None) => wrong("lower", "`clip` needs `lower`, `upper` or `quantiles`"),
            (None, None, Some(range)) => range.check("quantiles", 0.0, 1.0),
            (_, _, Some(_)) => {
                wrong("quantiles", "`quantiles` doesn't go with `lower` and `upper`")
            }
            (Some(low), Some(high), None) if low > high => {
                wrong("upper", "`upper` lies below `lower`")
            }
            (_, _, None) => Ok(()),
        }
    }
}

impl Rule for Ends {
    fn apply(&self, name: &str, column: &Column) -> Result<Vec<(String, Column)>, FitError> {
        let values = numbers_of(name, column)?.iter().map(|value| cut(*value, self.low, self.high));
        Ok(vec![(name.to_owned(), Column::Number(values.collect()))])
    }

    fn summary(&self) -> String {
        format!("{} .. {}", short(self.low), short(self.high))
    }
}
