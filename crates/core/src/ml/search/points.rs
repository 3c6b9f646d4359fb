//! Points of a space drawn by chance, none of a finite space twice.

use std::collections::BTreeSet;

use rand_pcg::Pcg64;

use super::{Dimension, Task, space};
use crate::params::Setting;

/// After as many draws of what was tried before, the next point not tried is taken.
const MOST_DRAWS: usize = 64;

/// What was tried of a space; kept for finite ones alone, as no draw of others comes twice.
pub(super) struct Tried<'a> {
    space: &'a [Dimension],
    /// The number of points, and the tried ones by the places of their values.
    finite: Option<(u64, BTreeSet<Vec<u64>>)>,
}

impl<'a> Tried<'a> {
    /// Starts with nothing tried.
    pub(super) fn none(space: &'a [Dimension]) -> Self {
        Self { space, finite: space::count(space).map(|points| (points, BTreeSet::new())) }
    }

    /// Notes a point.
    pub(super) fn add(&mut self, values: &[Setting]) {
        let key = self.key(values);
        if let Some((_, tried)) = &mut self.finite {
            tried.insert(key);
        }
    }

    /// Draws until a point comes that wasn't tried, and notes it.
    ///
    /// When none comes, the first point that wasn't tried is taken; when there is none, the last
    /// draw.
    pub(super) fn fresh(&mut self, mut draw: impl FnMut() -> Vec<Setting>) -> Vec<Setting> {
        let mut values = draw();
        let mut draws = 1;
        while self.has(&values) && draws < MOST_DRAWS {
            values = draw();
            draws += 1;
        }
        if self.has(&values) {
            values = self.first_left().unwrap_or(values);
        }
        self.add(&values);
        values
    }

    fn has(&self, values: &[Setting]) -> bool {
        self.finite.as_ref().is_some_and(|(_, tried)| tried.contains(&self.key(values)))
    }

    fn first_left(&self) -> Option<Vec<Setting>> {
        let (points, tried) = self.finite.as_ref()?;
        if tried.len() as u64 >= *points {
            return None;
        }
        (0..*points).map(|index| space::point(self.space, index)).find(|point| !self.has(point))
    }

    fn key(&self, values: &[Setting]) -> Vec<u64> {
        self.space.iter().zip(values).map(|(dimension, value)| dimension.index(value)).collect()
    }
}

/// Draws one value of each dimension.
pub(super) fn draw(space: &[Dimension], generator: &mut Pcg64) -> Vec<Setting> {
    space.iter().map(|dimension| dimension.draw(generator)).collect()
}

/// Draws so many points, each from its own seed, so that more of them leave the first as they are.
pub(super) fn draws(task: &Task<'_>, count: usize) -> Vec<Vec<Setting>> {
    let mut tried = Tried::none(task.space);
    (0..count).map(|index| nth(task, index, &mut tried)).collect()
}

/// Draws the point of one trial.
pub(super) fn nth(task: &Task<'_>, index: usize, tried: &mut Tried<'_>) -> Vec<Setting> {
    let mut generator = task.seed.derive("trial", index as u64).generator();
    tried.fresh(|| draw(task.space, &mut generator))
}

/// Bounds a number of trials by the number of points.
pub(super) fn at_most(space: &[Dimension], trials: usize) -> usize {
    let points = space::count(space).and_then(|points| usize::try_from(points).ok());
    points.map_or(trials, |points| points.min(trials))
}
