//! `random`: values drawn by chance.

use super::kind::Declaration;
use super::{Dimension, Finished, Search, Task, Trial, points, space};
use crate::params;
use crate::params::Limits;

params! {
    /// Tries values drawn by chance (Bergstra and Bengio, JMLR 13, 2012).
    ///
    /// Each trial has its own seed, so that more trials leave the earlier ones as they are. Where the
    /// space has but finitely many points, none is tried twice. As scikit-learn's
    /// `RandomizedSearchCV`.
    pub(crate) struct Random("random", 1) {
        /// How many trials.
        trials: usize = 20 => Limits::between(1.0, 1_000_000.0),
    }
}

impl Declaration for Random {}

impl Search for Random {
    fn check(&self, space: &[Dimension]) -> Result<(), (usize, String)> {
        space::check(space)
    }

    fn trials(&self, task: &Task<'_>) -> usize {
        points::at_most(task.space, self.trials)
    }

    fn propose(&self, task: &Task<'_>, done: &[Finished]) -> Vec<Trial> {
        let count = self.trials(task);
        if done.len() >= count {
            return Vec::new();
        }
        points::draws(task, count)
            .into_iter()
            .enumerate()
            .skip(done.len())
            .map(|(index, values)| Trial { index, values, budget: None })
            .collect()
    }
}
