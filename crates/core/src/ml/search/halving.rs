//! `halving`: many candidates get a little, the best of them more and more.

use super::kind::Declaration;
use super::rungs::{self, Bracket, Rung};
use super::{Dimension, Finished, Means, Resource, Search, Task, Trial, points, space};
use crate::ml::estimator::BadSetting;
use crate::params;
use crate::params::{Kind, Limits, Setting};

params! {
    /// Gives many candidates a little, and the best of them more and more.
    ///
    /// The candidates are drawn by chance and judged with few rows (or rounds); the best
    /// 1 in `factor` of them are judged again with `factor` times as much, and so on. The best
    /// candidate is that of the last round. As scikit-learn's `HalvingRandomSearchCV`, but that a
    /// sample of the rows has the shares of the target's classes and all judged rows of a fold are
    /// judged.
    pub(crate) struct Halving("halving", 0) {
        /// How many candidates begin; `exhaust`: as many as let the last round have as much as
        /// possible.
        n_candidates: Setting as (Kind::OneOf(&[EXHAUST, Kind::Int])) = word("exhaust") => Limits::at_least(1.0),
        /// One in how many candidates goes on, and how many times more it then gets.
        factor: f64 = 3.0 => Limits::above(1.0),
        /// What is given in portions: `rows`, or the path of a parameter that counts rounds, such as
        /// `estimator.n_estimators`.
        resource: String as (Kind::Word) = super::ROWS.to_owned(),
        /// What each candidate gets in the first round; `smallest`: 2 rows a fold and class, or 1 of
        /// a parameter; `exhaust`: so much that the last round gets all.
        min_resources: Setting as (Kind::OneOf(&[LEAST, Kind::Int])) = word("smallest") => Limits::at_least(1.0),
        /// The most that a candidate gets; `auto`: all rows, or the parameter's value in the model.
        max_resources: Setting as (Kind::OneOf(&[AUTO, Kind::Int])) = word("auto") => Limits::at_least(1.0),
        /// Where there is too little for so many candidates: thin them out in rounds that all get
        /// the least, rather than end with many.
        aggressive_elimination: bool = false,
    }
}

const EXHAUST: Kind = Kind::Choice(&[params::Choice {
    word: "exhaust",
    doc: "As many as let the last round have as much as possible.",
}]);

const LEAST: Kind = Kind::Choice(&[
    params::Choice { word: "smallest", doc: "2 rows a fold and class, or 1 of a parameter." },
    params::Choice { word: "exhaust", doc: "So much that the last round gets all." },
]);

pub(super) const AUTO: Kind = Kind::Choice(&[params::Choice {
    word: "auto",
    doc: "All rows, or the parameter's value in the model.",
}]);

fn word(word: &str) -> Setting {
    Setting::Word(word.to_owned())
}

/// Gives the number that a user wrote instead of a word.
pub(super) fn number(setting: &Setting) -> Option<u64> {
    match setting {
        Setting::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}

impl Declaration for Halving {
    fn rules(&self) -> Result<(), BadSetting> {
        let exhaust = word("exhaust");
        if self.n_candidates == exhaust && self.min_resources == exhaust {
            return Err(BadSetting {
                param: "min_resources",
                message: "`n_candidates` and `min_resources` can't both be `exhaust`: each is made to fit the other"
                    .to_owned(),
            });
        }
        ends_in_order(number(&self.min_resources), number(&self.max_resources))
    }
}

/// Refuses a least that is above the most.
pub(super) fn ends_in_order(least: Option<u64>, most: Option<u64>) -> Result<(), BadSetting> {
    match (least, most) {
        (Some(least), Some(most)) if least > most => Err(BadSetting {
            param: "min_resources",
            message: format!("`min_resources` is {least}, above `max_resources`, which is {most}"),
        }),
        _ => Ok(()),
    }
}

/// Refuses a least that is above what there is.
pub(super) fn within(least: Option<u64>, means: Means) -> Result<(), String> {
    match least {
        Some(least) if least > means.most => Err(format!(
            "`min_resources` is {least}, but there is only {} to give to a trial",
            means.most
        )),
        _ => Ok(()),
    }
}

impl Halving {
    /// Plans the rounds, as scikit-learn's `BaseSuccessiveHalving` does.
    fn rungs(&self, space: &[Dimension], means: Means) -> Vec<Rung> {
        let most = means.most.max(1);
        let mut least = number(&self.min_resources).unwrap_or(means.least).clamp(1, most);
        let asked = number(&self.n_candidates).unwrap_or(most / least);
        let asked = usize::try_from(asked).unwrap_or(usize::MAX);
        let mut candidates = points::at_most(space, asked).max(1);
        let needed = rungs::powers(self.factor, candidates as f64);
        if self.min_resources == word("exhaust") {
            let last = self.factor.powi(i32::try_from(needed).unwrap_or(i32::MAX));
            least = whole(most as f64 / last).clamp(least, most);
        }
        let possible = rungs::powers(self.factor, (most / least) as f64);
        let last = if self.aggressive_elimination { needed } else { needed.min(possible) };
        let mut rungs = Vec::new();
        for round in 0..=last {
            // With too little for all rounds, the first ones share the least.
            let power = if self.aggressive_elimination {
                (round + possible).saturating_sub(needed)
            } else {
                round
            };
            let grown = self.factor.powi(i32::try_from(power).unwrap_or(i32::MAX));
            let budget = whole(grown * least as f64).min(most);
            rungs.push(Rung { candidates, budget });
            candidates = count((candidates as f64 / self.factor).ceil()).max(1);
        }
        rungs
    }
}

/// Takes the whole part, as `int()` does, but lets no exact number fall short.
pub(super) fn whole(number: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast of floats stays within the ends"
    )]
    let whole = (number * (1.0 + 1e-12)) as u64;
    whole
}

fn count(number: f64) -> usize {
    usize::try_from(whole(number)).unwrap_or(usize::MAX)
}

impl Search for Halving {
    fn check(&self, space: &[Dimension]) -> Result<(), (usize, String)> {
        space::check(space)
    }

    fn resource(&self) -> Option<Resource<'_>> {
        Some(Resource { name: &self.resource, most: number(&self.max_resources) })
    }

    fn afford(&self, task: &Task<'_>) -> Result<(), String> {
        within(number(&self.min_resources), task.means)?;
        rungs::bounded(
            rungs::count(&self.rungs(task.space, task.means)),
            "set `n_candidates`, or raise `min_resources`",
        )
    }

    fn trials(&self, task: &Task<'_>) -> usize {
        usize::try_from(rungs::count(&self.rungs(task.space, task.means))).unwrap_or(usize::MAX)
    }

    fn propose(&self, task: &Task<'_>, done: &[Finished]) -> Vec<Trial> {
        let rungs = self.rungs(task.space, task.means);
        let first = rungs.first().map_or(0, |rung| rung.candidates);
        let bracket = Bracket { candidates: points::draws(task, first), rungs };
        rungs::next(&[bracket], task, done)
    }
}
