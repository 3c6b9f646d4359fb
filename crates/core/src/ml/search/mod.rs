//! The registry of searches, and the traits behind which each stands.
//!
//! A search is asked for trials and told what came of them. It never fits anything and never sees
//! data: a trial is a list of values, one for each tuned path, and how much may be spent on it.

mod grid;
mod halving;
mod hyperband;
mod kind;
mod points;
mod random;
mod rungs;
mod space;
#[cfg(test)]
mod tests;
mod tpe;

use super::Seed;
use super::estimator::BadSetting;
use super::metric::Direction;
use crate::params::{Args, Setting, Signature};
use kind::Kind;

/// Every registered search, in the order in which the docs list them.
pub static SEARCHES: &[&dyn SearchKind] = &[
    &Kind::<grid::Grid>::new(),
    &Kind::<random::Random>::new(),
    &Kind::<tpe::Tpe>::new(),
    &Kind::<halving::Halving>::new(),
    &Kind::<hyperband::Hyperband>::new(),
];

/// The word for rows as the resource of a search; any other resource is a path.
pub const ROWS: &str = "rows";

/// More trials than this were surely not meant.
pub(super) const MOST_TRIALS: u64 = 100_000;

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

    /// Names what its trials get more or less of; none where each gets everything.
    fn resource(&self) -> Option<Resource<'_>> {
        None
    }

    /// Tells why the search can't work with so much of its resource.
    ///
    /// # Errors
    /// Says which setting to mend.
    fn afford(&self, _task: &Task<'_>) -> Result<(), String> {
        Ok(())
    }

    /// Counts the trials that it will ask for at most.
    fn trials(&self, task: &Task<'_>) -> usize;

    /// Gives the next trials to run, which may run side by side; none when the search is over.
    ///
    /// `done` holds every finished trial in the order of their indices. What is proposed depends on
    /// nothing but the task and `done`.
    fn propose(&self, task: &Task<'_>, done: &[Finished]) -> Vec<Trial>;
}

/// What a search is to do.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// The tuned paths.
    pub space: &'a [Dimension],
    /// The source of every random choice.
    pub seed: Seed,
    /// Which way a score gets better.
    pub direction: Direction,
    /// How much of its resource there is.
    pub means: Means,
}

/// How much there is of a search's resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Means {
    /// The least that makes sense to give to a trial, above 0.
    pub least: u64,
    /// All that can be given to a trial, above 0.
    pub most: u64,
}

/// What the trials of a search get more or less of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resource<'a> {
    /// [`ROWS`], or the path of a parameter: `estimator.n_estimators`.
    pub name: &'a str,
    /// All that a trial may get, where the user says so.
    pub most: Option<u64>,
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
    /// How much of the search's resource it gets; none means everything.
    pub budget: Option<u64>,
}

/// A trial and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// What was tried.
    pub trial: Trial,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a trial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// The mean score over all folds, a number.
    Complete(f64),
    /// Given up after some folds, with the mean score over these.
    Pruned {
        /// How many folds were judged.
        folds: usize,
        /// The mean over them, a number.
        score: f64,
    },
    /// No score.
    Failed,
}

impl Finished {
    /// Gives the mean score over all folds, where there is one.
    #[must_use]
    pub const fn score(&self) -> Option<f64> {
        match self.outcome {
            Outcome::Complete(score) => Some(score),
            Outcome::Pruned { .. } | Outcome::Failed => None,
        }
    }
}
