//! The traits behind which every way to cut rows into folds stands.

use super::Seed;
use super::estimator::BadSetting;
use crate::data::Target;
use crate::params::{Args, Signature};

/// A registered way to cut rows into folds.
pub trait FoldKind: Sync {
    /// Gives the word and the parameters.
    fn signature(&self) -> &'static Signature;

    /// Makes the splitter from settled parameters.
    ///
    /// # Errors
    /// Names the parameter that is wrong together with the others.
    fn bind(&self, args: &Args) -> Result<Box<dyn Splitter>, BadSetting>;
}

/// A way to cut rows into folds, with its settings.
pub trait Splitter: Send + Sync {
    /// Gives the column that it groups or orders by, if it does.
    fn by(&self) -> Option<&str> {
        None
    }

    /// Gives the column whose equal values it keeps in one fold, if it does.
    fn group(&self) -> Option<&str> {
        None
    }

    /// Tells whether the folds depend on the target's classes.
    fn stratified(&self) -> bool {
        false
    }

    /// Tells whether the folds depend on the seed.
    fn shuffled(&self) -> bool {
        false
    }

    /// Cuts rows.
    ///
    /// # Errors
    /// Too few rows, classes or groups.
    fn split(&self, rows: &FoldRows<'_>, seed: Seed) -> Result<Vec<Fold>, SplitError>;
}

/// What a splitter may see of the rows.
#[derive(Clone, Copy, Debug)]
pub struct FoldRows<'a> {
    /// How many rows there are.
    pub rows: usize,
    /// The target, for stratified folds.
    pub target: Option<&'a Target>,
    /// The values of [`Splitter::by`] as ranks: equal values have equal ranks, and ranks are
    /// ordered as the values are.
    pub by: Option<&'a [u64]>,
}

/// The rows of one fold, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    /// The rows to fit on.
    pub train: Vec<usize>,
    /// The rows to judge on.
    pub test: Vec<usize>,
}

/// Why rows can't be cut.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SplitError(pub String);
