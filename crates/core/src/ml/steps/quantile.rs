//! `quantile`: numbers as their rank among the training rows.
//!
//! Follows scikit-learn's `QuantileTransformer`: up to 1,000 landmarks, learnt on at most 10,000 rows,
//! interpolated from both sides. Row weights are not looked at.

use rand::seq::index::sample;
use serde::{Deserialize, Serialize};

use super::kind::Declaration;
use super::picked::{ByColumn, Picking, Rule, applied, is_number, numbers_of, retyped};
use super::scale::cut;
use super::statistics::{quantile, sorted};
use crate::data::{Column, Frame, Sort, Target};
use crate::ml::columns::{Columns, Shape};
use crate::ml::estimator::{FitContext, FitError};
use crate::ml::special::normal;
use crate::ml::step::{FittedStep, Misfit, Step};
use crate::params;
use crate::params::Limits;

/// How near to the ends a value counts as the end, for the normal distribution.
const BOUND: f64 = 1e-7;

params! {
    /// Replaces numbers by their rank among the training rows.
    ///
    /// The ranks are spread evenly or as a normal distribution. Missing values stay missing; values outside of the training range count as its ends.
    pub struct Quantile("quantile", 1) {
        /// The columns; left out, all numbers.
        columns: Option<Columns> = None,
        /// How many landmarks are learnt, at most one a row.
        n_quantiles: usize = 1000 => Limits::between(1.0, 1e6),
        /// How the values are distributed afterwards.
        output_distribution: Distribution = Distribution::Uniform,
        /// From how many rows, drawn at random, the landmarks are learnt at most; `null` takes all.
        subsample: Option<usize> = Some(10_000) => Limits::at_least(1.0),
    }
}

params! {
    /// How values are distributed.
    pub enum Distribution {
        /// Evenly from 0 to 1.
        Uniform = "uniform",
        /// Normally, with mean 0 and standard deviation 1.
        Normal = "normal",
    }
}

/// What was learnt of a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Ranked {
    /// The values at even shares, from the least to the greatest.
    landmarks: Vec<f64>,
    normal: bool,
}

impl Quantile {
    fn picking(&self) -> Picking<'_> {
        Picking {
            step: "quantile",
            columns: self.columns.as_ref(),
            takes: is_number,
            suits: |sort| sort == Sort::Number,
            expected: "numbers",
        }
    }

    fn learn(&self, values: &[f64], rows: Option<&[usize]>) -> Ranked {
        let drawn: Vec<f64>;
        let seen = match rows {
            None => values,
            Some(rows) => {
                drawn = rows.iter().map(|row| values[*row]).collect();
                &drawn
            }
        };
        let sorted = sorted(seen);
        let count = self.n_quantiles.min(values.len()).max(1);
        // By way of percent, as there.
        let landmarks =
            (0..count).map(|at| quantile(&sorted, share(at, count) * 100.0 / 100.0)).collect();
        Ranked { landmarks, normal: self.output_distribution == Distribution::Normal }
    }
}

/// Gives the share at which a landmark lies, rounded as `NumPy` rounds it: where values repeat, the
/// last bit decides on which of them a landmark falls.
fn share(at: usize, count: usize) -> f64 {
    match at {
        0 => 0.0,
        at if at + 1 == count => 1.0,
        at => at as f64 * (1.0 / (count - 1) as f64),
    }
}

impl Step for Quantile {
    fn fit(
        &self,
        frame: &Frame,
        _: &Target,
        _: Option<&[f64]>,
        context: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedStep>, Frame), FitError> {
        let picked = self.picking().of(frame)?;
        let few = self.subsample.filter(|most| *most < frame.rows());
        let rows = few.map(|most| {
            let mut generator = context.seed.derive("quantile", 0).generator();
            sample(&mut generator, frame.rows(), most).into_vec()
        });
        let fitted = ByColumn::learn(frame, &picked, |name, column| {
            Ok(self.learn(numbers_of(name, column)?, rows.as_deref()))
        })?;
        applied(fitted, frame)
    }

    fn reshape(&self, before: &Shape) -> Result<Shape, Misfit> {
        Ok(retyped(before, &self.picking().known(before)?, Sort::Number))
    }
}

impl Declaration for Quantile {
    type Learnt = ByColumn<Ranked>;
}

impl Ranked {
    fn rank(&self, value: f64) -> f64 {
        let (Some(low), Some(high)) = (self.landmarks.first(), self.landmarks.last()) else {
            return f64::NAN;
        };
        if value.is_nan() || low.is_nan() {
            return f64::NAN;
        }
        // Repeated landmarks are a flat stretch of values: the mean of its two ends is taken.
        let mut rank = 0.5 * (self.rising(value) + self.falling(value));
        let slack = if self.normal { BOUND } else { 0.0 };
        let (at_high, at_low) = if self.normal {
            (value + slack > *high, value - slack < *low)
        } else {
            (value.total_cmp(high).is_eq(), value.total_cmp(low).is_eq())
        };
        if at_high {
            rank = 1.0;
        }
        if at_low {
            rank = 0.0;
        }
        if !self.normal {
            return rank;
        }
        let end = BOUND - f64::EPSILON;
        cut(normal::quantile(rank), normal::quantile(end), normal::quantile(1.0 - end))
    }

    /// Interpolates from the last landmark that is not above the value.
    fn rising(&self, value: f64) -> f64 {
        let count = self.landmarks.len();
        let behind = self.landmarks.partition_point(|own| *own <= value);
        match behind {
            0 => 0.0,
            behind if behind == count => share(count - 1, count),
            behind => self.between(behind - 1, value),
        }
    }

    /// Interpolates from the first landmark that is not below the value.
    fn falling(&self, value: f64) -> f64 {
        let count = self.landmarks.len();
        let first = self.landmarks.partition_point(|own| *own < value);
        match first {
            first if first == count => share(count - 1, count),
            0 => 0.0,
            first => self.between(first - 1, value),
        }
    }

    fn between(&self, at: usize, value: f64) -> f64 {
        let (low, high) = (self.landmarks[at], self.landmarks[at + 1]);
        let (from, to) = (share(at, self.landmarks.len()), share(at + 1, self.landmarks.len()));
        if high > low { from + (to - from) * ((value - low) / (high - low)) } else { from }
    }
}

impl Rule for Ranked {
    fn apply(&self, name: &str, column: &Column) -> Result<Vec<(String, Column)>, FitError> {
        let values = numbers_of(name, column)?.iter().map(|value| self.rank(*value)).collect();
        Ok(vec![(name.to_owned(), Column::Number(values))])
    }

    fn summary(&self) -> String {
        format!("{} landmarks", self.landmarks.len())
    }

    fn sound(&self) -> bool {
        let nan = self.landmarks.iter().all(|own| own.is_nan());
        nan || self.landmarks.is_sorted_by(|a, b| a <= b)
    }
}
