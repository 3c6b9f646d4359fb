//! `median`: gives up what is worse than half of the trials.

use super::kind::Declaration;
use super::percentile::is_behind;
use super::{Pruner, Standing};
use crate::params;
use crate::params::Limits;

params! {
    /// Gives a trial up when it is worse than the median of earlier trials on the same folds.
    ///
    /// As Optuna's `MedianPruner`, with folds for steps.
    pub(crate) struct Median("median", 0) {
        /// So many trials are complete before any is given up.
        n_startup_trials: usize = 5 => Limits::at_least(0.0),
        /// So many folds of a trial are judged before it may be given up, one at least.
        n_warmup_steps: usize = 0 => Limits::at_least(0.0),
    }
}

impl Declaration for Median {}

impl Pruner for Median {
    fn gives_up(&self, standing: &Standing<'_>) -> bool {
        standing.others.len() >= self.n_startup_trials.max(1)
            && standing.folds > self.n_warmup_steps
            && is_behind(standing, 50.0)
    }
}
