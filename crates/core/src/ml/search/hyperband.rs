//! `hyperband`: brackets of halving, from many candidates that get a little to few that get all.

use super::halving::{AUTO, ends_in_order, number, whole, within};
use super::kind::Declaration;
use super::rungs::{self, Bracket, Rung};
use super::{Dimension, Finished, Means, Resource, Search, Task, Trial, points, space};
use crate::ml::estimator::BadSetting;
use crate::params;
use crate::params::{Kind, Limits, Setting};

params! {
    /// Runs brackets of halving, from many candidates that get a little to few that get all.
    ///
    /// One bracket is right where little tells much, another where only everything tells; each costs
    /// about as much as the others (Li et al., JMLR 18, 2018). The best candidate is the best of
    /// those that got everything.
    pub(crate) struct Hyperband("hyperband", 0) {
        /// One in how many candidates goes on, and how many times more it then gets: the paper's η.
        factor: f64 = 3.0 => Limits::above(1.0),
        /// What is given in portions: `rows`, or the path of a parameter that counts rounds, such as
        /// `estimator.n_estimators`.
        resource: String as (Kind::Word) = super::ROWS.to_owned(),
        /// The least that a candidate gets; `smallest`: 2 rows a fold and class, or 1 of a
        /// parameter.
        min_resources: Setting as (Kind::OneOf(&[LEAST, Kind::Int])) = word("smallest") => Limits::at_least(1.0),
        /// The most that a candidate gets, the paper's R; `auto`: all rows, or the parameter's value
        /// in the model.
        max_resources: Setting as (Kind::OneOf(&[AUTO, Kind::Int])) = word("auto") => Limits::at_least(1.0),
    }
}

const LEAST: Kind = Kind::Choice(&[params::Choice {
    word: "smallest",
    doc: "2 rows a fold and class, or 1 of a parameter.",
}]);

fn word(word: &str) -> Setting {
    Setting::Word(word.to_owned())
}

impl Declaration for Hyperband {
    fn rules(&self) -> Result<(), BadSetting> {
        ends_in_order(number(&self.min_resources), number(&self.max_resources))
    }
}

impl Hyperband {
    /// Plans the brackets, the widest first: with s = ⌊log_η(R / r)⌋ down to 0, n = ⌈(s_max + 1)
    /// η^s / (s + 1)⌉ candidates begin with R η^−s each.
    fn brackets(&self, space: &[Dimension], means: Means) -> Vec<Vec<Rung>> {
        let most = means.most.max(1);
        let least = number(&self.min_resources).unwrap_or(means.least).clamp(1, most);
        let widest = rungs::powers(self.factor, most as f64 / least as f64);
        let power = |power: u32| self.factor.powi(i32::try_from(power).unwrap_or(i32::MAX));
        let bracket = |s: u32| -> Vec<Rung> {
            let share = f64::from(widest + 1) / f64::from(s + 1);
            let begin = (share * power(s) * (1.0 - 1e-12)).ceil();
            let rung = |round: u32| {
                let candidates = usize::try_from(whole(begin / power(round))).unwrap_or(usize::MAX);
                let budget = whole((most as f64 / power(s - round)).round()).clamp(least, most);
                Rung { candidates: points::at_most(space, candidates).max(1), budget }
            };
            (0..=s).map(rung).collect()
        };
        (0..=widest).rev().map(bracket).collect()
    }
}

impl Search for Hyperband {
    fn check(&self, space: &[Dimension]) -> Result<(), (usize, String)> {
        space::check(space)
    }

    fn resource(&self) -> Option<Resource<'_>> {
        Some(Resource { name: &self.resource, most: number(&self.max_resources) })
    }

    fn afford(&self, task: &Task<'_>) -> Result<(), String> {
        within(number(&self.min_resources), task.means)?;
        let rungs = self.brackets(task.space, task.means).concat();
        rungs::bounded(rungs::count(&rungs), "raise `min_resources` or `factor`")
    }

    fn trials(&self, task: &Task<'_>) -> usize {
        let rungs = self.brackets(task.space, task.means).concat();
        usize::try_from(rungs::count(&rungs)).unwrap_or(usize::MAX)
    }

    fn propose(&self, task: &Task<'_>, done: &[Finished]) -> Vec<Trial> {
        let brackets: Vec<Bracket> = (0..)
            .zip(self.brackets(task.space, task.means))
            .map(|(index, rungs)| {
                let own = Task { seed: task.seed.derive("bracket", index), ..*task };
                let first = rungs.first().map_or(0, |rung| rung.candidates);
                Bracket { candidates: points::draws(&own, first), rungs }
            })
            .collect();
        rungs::next(&brackets, task, done)
    }
}
