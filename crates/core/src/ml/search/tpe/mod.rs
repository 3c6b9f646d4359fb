//! `tpe`: values that look like those of good trials, and unlike those of bad ones.

mod parzen;

use super::kind::Declaration;
use super::points::{self, Tried};
use super::{Dimension, Finished, Outcome, Search, Task, Trial, space};
use crate::params;
use crate::params::{Limits, Setting};
use parzen::Parzen;

/// No more trials than this count as good (Optuna's `default_gamma`).
const MOST_GOOD: usize = 25;

params! {
    /// Tries values that look like those of good trials, and unlike those of bad ones.
    ///
    /// The Tree-structured Parzen Estimator (Bergstra et al., NeurIPS 24, 2011) as Optuna's
    /// `TPESampler` has it: of the trials with a score the best tenth, at most 25, are good. Failed
    /// trials teach nothing, pruned ones count as worse than complete ones. Where the space has but
    /// finitely many points, none is tried twice.
    pub(crate) struct Tpe("tpe", 1) {
        /// How many trials.
        trials: usize = 20 => Limits::between(1.0, 1_000_000.0),
        /// How many trials are drawn by chance, as `random` draws them, before anything is learnt.
        n_startup_trials: usize = 10 => Limits::at_least(0.0),
        /// How many candidates are drawn for each trial; the most promising is tried.
        n_ei_candidates: usize = 24 => Limits::between(1.0, 10_000.0),
        /// Learn which values of several parameters are good together, instead of each alone.
        multivariate: bool = true,
        /// How many trials are picked at once, before the first of them has a score; to keep them
        /// apart, those picked before count as bad (a constant liar). More of them keep more cores
        /// busy, and learn later. The number of cores has no part in it.
        batch: usize = 4 => Limits::between(1.0, 1_000.0),
    }
}

impl Declaration for Tpe {}

impl Search for Tpe {
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
        let (begin, end) = self.batch_of(done.len());
        let end = end.min(count);
        let mut tried = Tried::none(task.space);
        done[..begin].iter().for_each(|own| tried.add(&own.trial.values));
        let learnt = Learnt::of(task, &done[..begin]);
        let mut batch: Vec<Vec<Setting>> = Vec::new();
        for index in begin..end {
            let values = if learnt.count() < self.n_startup_trials.max(1) {
                points::nth(task, index, &mut tried)
            } else {
                self.pick(task, index, &learnt, &batch, &mut tried)
            };
            batch.push(values);
        }
        (begin..)
            .zip(batch)
            .skip(done.len() - begin)
            .map(|(index, values)| Trial { index, values, budget: None })
            .collect()
    }
}

impl Tpe {
    /// Gives the ends of the batch that a trial belongs to; they depend on no result and on no number
    /// of trials.
    fn batch_of(&self, index: usize) -> (usize, usize) {
        let startup = self.n_startup_trials;
        if index < startup {
            return (0, startup);
        }
        let begin = startup + (index - startup) / self.batch * self.batch;
        (begin, begin + self.batch)
    }

    /// Picks the values of a trial; `batch` holds those that were picked since something was learnt.
    fn pick(
        &self,
        task: &Task<'_>,
        index: usize,
        learnt: &Learnt,
        batch: &[Vec<Setting>],
        tried: &mut Tried<'_>,
    ) -> Vec<Setting> {
        let mut bad = learnt.bad.clone();
        bad.extend(batch.iter().map(|values| places(task.space, values)));
        let groups: Vec<Vec<usize>> = if self.multivariate {
            vec![(0..task.space.len()).collect()]
        } else {
            (0..task.space.len()).map(|dimension| vec![dimension]).collect()
        };
        let pairs: Vec<(Parzen, Parzen)> = groups
            .iter()
            .map(|group| {
                let of = |points: &[Vec<f64>]| Parzen::of(task.space, group, points);
                (of(&learnt.good), of(&bad))
            })
            .collect();
        let mut generator = task.seed.derive("trial", index as u64).generator();
        tried.fresh(|| {
            let mut values = vec![Setting::Null; task.space.len()];
            for (group, (good, bad)) in groups.iter().zip(&pairs) {
                let place = best(good, bad, self.n_ei_candidates, &mut generator);
                for (dimension, place) in group.iter().zip(place) {
                    values[*dimension] = task.space[*dimension].at(place);
                }
            }
            values
        })
    }
}

/// Draws candidates from the good ones' density, and gives the one with the greatest expected
/// improvement: the greatest ratio of the two densities.
fn best(
    good: &Parzen,
    bad: &Parzen,
    candidates: usize,
    generator: &mut rand_pcg::Pcg64,
) -> Vec<f64> {
    let mut best: Option<(f64, Vec<f64>)> = None;
    for _ in 0..candidates.max(1) {
        let point = good.draw(generator);
        let gain = good.log_density(&point) - bad.log_density(&point);
        if best.as_ref().is_none_or(|(most, _)| gain > *most) {
            best = Some((gain, point));
        }
    }
    best.map(|(_, point)| point).unwrap_or_default()
}

/// What is known of a space: the places of good and bad trials, each in the order of the trials.
struct Learnt {
    good: Vec<Vec<f64>>,
    bad: Vec<Vec<f64>>,
}

impl Learnt {
    fn of(task: &Task<'_>, done: &[Finished]) -> Self {
        let rank = |one: f64, other: f64| task.direction.rank(Some(one), Some(other));
        let mut ranked: Vec<&Finished> =
            done.iter().filter(|own| own.outcome != Outcome::Failed).collect();
        // Complete before pruned, more folds before fewer, better before worse, earlier before later.
        ranked.sort_by(|one, other| match (one.outcome, other.outcome) {
            (Outcome::Complete(one), Outcome::Complete(other)) => rank(one, other),
            (Outcome::Pruned { folds, score }, Outcome::Pruned { folds: others, score: other }) => {
                others.cmp(&folds).then_with(|| rank(score, other))
            }
            (Outcome::Complete(_), _) => std::cmp::Ordering::Less,
            (_, Outcome::Complete(_)) => std::cmp::Ordering::Greater,
            _ => std::cmp::Ordering::Equal,
        });
        let count = ranked.len().div_ceil(10).min(MOST_GOOD);
        let (good, bad) = ranked.split_at_mut(count);
        good.sort_by_key(|own| own.trial.index);
        bad.sort_by_key(|own| own.trial.index);
        let points = |own: &[&Finished]| {
            own.iter().map(|own| places(task.space, &own.trial.values)).collect()
        };
        Self { good: points(good), bad: points(bad) }
    }

    fn count(&self) -> usize {
        self.good.len() + self.bad.len()
    }
}

fn places(space: &[Dimension], values: &[Setting]) -> Vec<f64> {
    space.iter().zip(values).map(|(dimension, value)| dimension.place(value)).collect()
}
