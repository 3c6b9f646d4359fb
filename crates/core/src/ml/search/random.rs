//! `random`: values drawn by chance.

use super::kind::Declaration;
use super::{Dimension, Finished, Search, Trial, space};
use crate::ml::Seed;
use crate::ml::metric::Direction;
use crate::params;
use crate::params::{Limits, Setting};

/// After as many draws of what was tried before, the next point not tried is taken.
const MOST_DRAWS: u64 = 64;

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

    fn trials(&self, space: &[Dimension]) -> usize {
        let points = space::count(space).and_then(|points| usize::try_from(points).ok());
        points.map_or(self.trials, |points| points.min(self.trials))
    }

    fn propose(
        &self,
        space: &[Dimension],
        seed: Seed,
        done: &[Finished],
        _: Direction,
    ) -> Vec<Trial> {
        draws(space, seed, self.trials(space))
            .into_iter()
            .enumerate()
            .skip(done.len())
            .map(|(index, values)| Trial { index, values, budget: 1.0 })
            .collect()
    }
}

/// Draws so many points, each from its own seed; a finite space gives none twice.
pub(super) fn draws(space: &[Dimension], seed: Seed, trials: usize) -> Vec<Vec<Setting>> {
    let points = space::count(space);
    let mut drawn: Vec<Vec<Setting>> = Vec::with_capacity(trials);
    for index in 0..trials as u64 {
        let mut generator = seed.derive("trial", index).generator();
        let mut draw = || space.iter().map(|dimension| dimension.draw(&mut generator)).collect();
        let mut values: Vec<Setting> = draw();
        if points.is_some() {
            let mut tries = 1;
            while tries < MOST_DRAWS && drawn.contains(&values) {
                values = draw();
                tries += 1;
            }
            if drawn.contains(&values) {
                let all = (0..points.unwrap_or(0)).map(|index| space::point(space, index));
                values = all.into_iter().find(|point| !drawn.contains(point)).unwrap_or(values);
            }
        }
        drawn.push(values);
    }
    drawn
}
