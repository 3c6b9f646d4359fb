//! `grid`: every combination of the values.

use super::kind::Declaration;
use super::{Dimension, Finished, Search, Trial, space};
use crate::ml::Seed;
use crate::ml::metric::Direction;
use crate::params;

/// More combinations than this were surely not meant.
const MOST_TRIALS: u64 = 100_000;

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

    fn trials(&self, space: &[Dimension]) -> usize {
        let points = space::count(space).unwrap_or(0).min(MOST_TRIALS);
        usize::try_from(points).unwrap_or(usize::MAX)
    }

    fn propose(&self, space: &[Dimension], _: Seed, done: &[Finished], _: Direction) -> Vec<Trial> {
        (done.len()..self.trials(space))
            .map(|index| Trial { index, values: space::point(space, index as u64), budget: 1.0 })
            .collect()
    }
}
