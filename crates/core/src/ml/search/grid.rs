//! `grid`: every combination of the values.

use super::kind::Declaration;
use super::{Dimension, Finished, MOST_TRIALS, Search, Task, Trial, space};
use crate::params;

params! {
    /// Tries every combination of lists and whole-number ranges.
    ///
    /// In the order of the paths, the last one changing fastest. As scikit-learn's `GridSearchCV`.
    pub(crate) struct Grid("grid", 0) {}
}

impl Declaration for Grid {}

impl Search for Grid {
    fn check(&self, space: &[Dimension]) -> Result<(), (usize, String)> {
        space::check(space)?;
        for (index, dimension) in space.iter().enumerate() {
            if dimension.count().is_none() {
                return Err((
                    index,
                    "a grid needs a list of values or a range of whole numbers, and this range has infinitely \
                     many; write `[a, b, c]`, or search with `random`"
                        .to_owned(),
                ));
            }
        }
        let points = space::count(space).unwrap_or(u64::MAX);
        if points > MOST_TRIALS {
            let widest = (0..space.len()).max_by_key(|index| space[*index].count());
            return Err((
                widest.unwrap_or(0),
                format!(
                    "the grid has {points} combinations, above {MOST_TRIALS}; search with `random`"
                ),
            ));
        }
        Ok(())
    }

    fn trials(&self, task: &Task<'_>) -> usize {
        let points = space::count(task.space).unwrap_or(0).min(MOST_TRIALS);
        usize::try_from(points).unwrap_or(usize::MAX)
    }

    fn propose(&self, task: &Task<'_>, done: &[Finished]) -> Vec<Trial> {
        let trial = |index| {
            let values = space::point(task.space, index as u64);
            Trial { index, values, budget: None }
        };
        (done.len()..self.trials(task)).map(trial).collect()
    }
}
