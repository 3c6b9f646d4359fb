//! The registry of pruners: rules for giving a trial up before all folds are judged.
//!
//! A rule sees means of scores and nothing else. When it is asked, and against which trials a trial
//! is held, follows from the order of the trials alone, never from which was quicker.

mod kind;
mod median;
mod percentile;

use super::estimator::BadSetting;
use super::metric::Direction;
use crate::params::{Args, Signature};
use kind::Kind;

/// Every registered pruner, in the order in which the docs list them.
pub static PRUNERS: &[&dyn PrunerKind] =
    &[&Kind::<median::Median>::new(), &Kind::<percentile::Percentile>::new()];

/// A registered pruner.
pub trait PrunerKind: Sync {
    /// Gives the word and the parameters.
    fn signature(&self) -> &'static Signature;

    /// Makes the pruner from settled parameters.
    ///
    /// # Errors
    /// Names the parameter that is wrong together with the others.
    fn bind(&self, args: &Args) -> Result<Box<dyn Pruner>, BadSetting>;
}

/// A pruner with its settings.
pub trait Pruner: Send + Sync {
    /// Tells whether a trial is to be given up.
    fn gives_up(&self, standing: &Standing<'_>) -> bool;
}

/// Where a trial stands after some folds.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// How many folds are judged.
    pub folds: usize,
    /// The mean score over them.
    pub score: f64,
    /// The means of earlier, complete trials over the same folds.
    pub others: &'a [f64],
    /// Which way a score gets better.
    pub direction: Direction,
}
