//! The registry of searches, and the traits behind which each stands.
//!
//! A search is asked for trials and told their results. It never fits anything and never sees
//! data: a trial is a list of values, one for each tuned path.

mod grid;
mod kind;
mod random;
mod space;
#[cfg(test)]
mod tests;

use super::Seed;
use super::estimator::BadSetting;
use super::metric::Direction;
use crate::params::{Args, Setting, Signature};
use kind::Kind;

/// Every registered search, in the order in which the docs list them.
pub static SEARCHES: &[&dyn SearchKind] =
    &[&Kind::<grid::Grid>::new(), &Kind::<random::Random>::new()];

/// A registered search.
pub trait SearchKind: Sync {
    /// Gives the word and the parameters.
    fn signature(&self) -> &'static Signature;

    /// Makes the search from settled parameters.
    ///
    /// # Errors
    /// Names the parameter that is wrong together with the others.
    fn bind(&self, args: &Args) -> Result<Box<dyn Search>, BadSetting>;
}

/// A search with its settings.
pub trait Search: Send + Sync {
    /// Tells why the search can't work on a space, such as a grid over a range of floats.
    ///
    /// # Errors
    /// Names the dimension by its position, and says what was expected.
    fn check(&self, space: &[Dimension]) -> Result<(), (usize, String)>;

    /// Counts the trials that it will ask for at most.
    fn trials(&self, space: &[Dimension]) -> usize;

    /// Gives the next trials to run, which may run side by side; none when the search is over.
    ///
    /// `done` holds every finished trial in the order of their indices. What is proposed depends on
    /// nothing but the space, the seed and `done`.
    fn propose(
        &self,
        space: &[Dimension],
        seed: Seed,
        done: &[Finished],
        direction: Direction,
    ) -> Vec<Trial>;
}

/// One tuned path and the values that it may take.
#[derive(Clone, Debug, PartialEq)]
pub enum Dimension {
    /// Whole numbers, both ends included.
    Int {
        /// The least.
        low: i64,
        /// The greatest.
        high: i64,
        /// Drawn evenly on a logarithmic scale.
        log: bool,
    },
    /// Numbers.
    Float {
        /// The least.
        low: f64,
        /// The greatest.
        high: f64,
        /// Drawn evenly on a logarithmic scale.
        log: bool,
    },
    /// Any of these.
    Choice(Vec<Setting>),
}

/// Values to try.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Which one, counted from 0.
    pub index: usize,
    /// A value for each dimension.
    pub values: Vec<Setting>,
    /// The share of the full budget (rows or rounds) to spend, above 0 and at most 1.
    pub budget: f64,
}

/// A trial and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// What was tried.
    pub trial: Trial,
    /// The mean score over the folds; none if it failed.
    pub score: Option<f64>,
}
