//! Association: how strongly two columns go together, and how likely that would be by accident.
//!
//! Coefficients and p-values are scipy's and scikit-learn's. A row counts for a pair of columns where
//! both have a value. Knows numbers and levels, and nothing of tables or stages.

mod adjust;
mod kendall;
mod levels;
mod mutual;
mod nearest;
mod pearson;
mod ranks;

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

pub use adjust::benjamini_hochberg;

use super::Seed;
use crate::params;

params! {
    /// How the association of two columns is measured.
    pub enum Method {
        /// How well a straight line fits, from -1 to 1.
        Pearson = "pearson",
        /// How well a rising or falling curve fits: Pearson's coefficient of the ranks, equal values
        /// having the mean of their ranks.
        Spearman = "spearman",
        /// How much more often two rows are in the same order than not: Kendall's tau-b.
        Kendall = "kendall",
        /// How far levels depend on each other, from 0 to 1: Cramér's V, not corrected for bias.
        CramersV = "cramers_v",
        /// How much one column tells about the other, in nats, as scikit-learn estimates it from the
        /// three nearest neighbours; without a p-value.
        MutualInfo = "mutual_info",
    }
}

/// The mark of a row without a level.
pub const NO_LEVEL: u32 = u32::MAX;

/// A column as its association is measured.
#[derive(Clone, Debug)]
pub enum Values {
    /// Numbers; NaN is missing.
    Numbers(Vec<f64>),
    /// Codes below `count`; [`NO_LEVEL`] is missing.
    Levels {
        /// A code a row.
        codes: Vec<u32>,
        /// How many levels there are.
        count: usize,
    },
}

/// What was found of a pair of columns; NaN where it isn't defined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Association {
    /// The coefficient.
    pub coefficient: f64,
    /// The probability of a coefficient at least as far from 0 if the columns had nothing to do with
    /// each other.
    pub p: f64,
    /// The rows in which both columns have a value.
    pub rows: usize,
}

/// Measures pairs of columns of one length; gives nothing once `stop` is set.
///
/// Columns of numbers go with all methods but `cramers_v`, columns of levels with the last two. The
/// seed is for the noise by which `mutual_info` tells equal numbers apart.
#[must_use]
pub fn associate(
    method: Method,
    columns: &[Values],
    pairs: &[(usize, usize)],
    seed: Seed,
    stop: &AtomicBool,
) -> Option<Vec<Association>> {
    let columns: Vec<Prepared<'_>> =
        columns.par_iter().map(|column| Prepared::of(method, column)).collect();
    let one = |(left, right): &(usize, usize)| {
        if stop.load(Ordering::Relaxed) {
            return None;
        }
        Some(pair(method, &columns[*left], &columns[*right], seed))
    };
    pairs.par_iter().map(one).collect()
}

/// A column, and what of it is the same in each pair.
struct Prepared<'a> {
    values: &'a Values,
    /// Some row has no value.
    missing: bool,
    /// The numbers, or their ranks, made ready, where no row is left out.
    centred: Option<pearson::Centred<'a>>,
}

impl<'a> Prepared<'a> {
    fn of(method: Method, values: &'a Values) -> Self {
        let missing = match values {
            Values::Numbers(numbers) => numbers.iter().any(|number| number.is_nan()),
            Values::Levels { codes, .. } => codes.contains(&NO_LEVEL),
        };
        let centred = match (values, method) {
            (Values::Numbers(numbers), Method::Pearson) if !missing => {
                Some(pearson::Centred::of(numbers.into()))
            }
            (Values::Numbers(numbers), Method::Spearman) if !missing => {
                Some(pearson::Centred::of(ranks::average(numbers).into()))
            }
            _ => None,
        };
        Self { values, missing, centred }
    }

    /// Gives the numbers; levels count as such.
    fn numbers(&self) -> Vec<f64> {
        match self.values {
            Values::Numbers(numbers) => numbers.clone(),
            Values::Levels { codes, .. } => codes
                .iter()
                .map(|code| if *code == NO_LEVEL { f64::NAN } else { f64::from(*code) })
                .collect(),
        }
    }
}

fn pair(method: Method, left: &Prepared<'_>, right: &Prepared<'_>, seed: Seed) -> Association {
    if let (Some(left), Some(right)) = (&left.centred, &right.centred) {
        return left.with(right);
    }
    match (method, left.values, right.values) {
        (Method::CramersV, Values::Levels { .. }, Values::Levels { .. }) => {
            levels::cramers_v(&levels::Counts::of(left.values, right.values))
        }
        (Method::MutualInfo, ..) => mutual::information(left.values, right.values, seed),
        _ => {
            let (x, y) = both(left, right);
            match method {
                Method::Spearman => pearson::Centred::of(ranks::average(&x).into())
                    .with(&pearson::Centred::of(ranks::average(&y).into())),
                Method::Kendall => kendall::tau(&x, &y),
                _ => pearson::Centred::of(x.into()).with(&pearson::Centred::of(y.into())),
            }
        }
    }
}

/// Gives the numbers of the rows in which both columns have one.
fn both(left: &Prepared<'_>, right: &Prepared<'_>) -> (Vec<f64>, Vec<f64>) {
    let (x, y) = (left.numbers(), right.numbers());
    if !left.missing && !right.missing {
        return (x, y);
    }
    x.into_iter().zip(y).filter(|(x, y)| !x.is_nan() && !y.is_nan()).unzip()
}

#[cfg(test)]
mod tests;
