//! Successive halving: candidates climb rungs, fewer on each, and more is spent on those left.
//!
//! Li et al., JMLR 18, 2018, where a rung is a round of `SuccessiveHalving` and a bracket is one run
//! of it.

use super::{Finished, MOST_TRIALS, Task, Trial};
use crate::ml::metric::Direction;
use crate::params::Setting;

/// One round: so many candidates get so much each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rung {
    pub(super) candidates: usize,
    pub(super) budget: u64,
}

/// Rounds of which each begins with the best of the one before.
#[derive(Clone, Debug)]
pub(super) struct Bracket {
    /// The values of the first round.
    pub(super) candidates: Vec<Vec<Setting>>,
    pub(super) rungs: Vec<Rung>,
}

/// Counts the trials of some rounds.
pub(super) fn count(rungs: &[Rung]) -> u64 {
    rungs.iter().fold(0, |sum, rung| sum.saturating_add(rung.candidates as u64))
}

/// Refuses more trials than anyone means.
pub(super) fn bounded(trials: u64, mend: &str) -> Result<(), String> {
    if trials <= MOST_TRIALS {
        return Ok(());
    }
    Err(format!("the search would run {trials} trials, above {MOST_TRIALS}; {mend}"))
}

/// Gives what is left of the first round that isn't done, bracket after bracket.
pub(super) fn next(brackets: &[Bracket], task: &Task<'_>, done: &[Finished]) -> Vec<Trial> {
    let mut begin = 0;
    for bracket in brackets {
        let mut left = bracket.candidates.clone();
        for rung in &bracket.rungs {
            left.truncate(rung.candidates);
            let end = begin + left.len();
            let Some(round) = done.get(begin..end) else {
                let trial =
                    |(at, values)| Trial { index: begin + at, values, budget: Some(rung.budget) };
                let known = done.len().saturating_sub(begin);
                return left.into_iter().enumerate().skip(known).map(trial).collect();
            };
            left = ranked(round, task.direction);
            begin = end;
        }
    }
    Vec::new()
}

/// Gives the values of a round's trials, the best first; ties go to the earlier, failed ones last.
fn ranked(round: &[Finished], direction: Direction) -> Vec<Vec<Setting>> {
    let mut ranked: Vec<&Finished> = round.iter().collect();
    // The sort is stable, so equal scores stay in the order of the trials.
    ranked.sort_by(|one, other| direction.rank(one.score(), other.score()));
    ranked.into_iter().map(|own| own.trial.values.clone()).collect()
}

/// Gives the greatest whole number whose power of a factor is at most `ratio`.
///
/// Counted up rather than taken from logarithms, which may fall short of an exact power.
pub(super) fn powers(factor: f64, ratio: f64) -> u32 {
    let mut power = 0;
    while power < 1_000 && factor.powi(power + 1) <= ratio * (1.0 + 1e-12) {
        power += 1;
    }
    u32::try_from(power).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ml::Seed;
    use crate::ml::metric::Direction::{Maximize, Minimize};
    use crate::ml::search::{Dimension, Means, Outcome, SEARCHES, Search};
    use crate::ml::settle::written;

    /// The least and the most, settings, and the rounds that come of them.
    type Case<'a> = (u64, u64, Vec<(&'static str, Setting)>, &'a [(usize, u64)]);

    fn search(word: &str, settings: &[(&'static str, Setting)]) -> Box<dyn Search> {
        let kind = SEARCHES.iter().find(|kind| kind.signature().name == word).unwrap();
        kind.bind(&written(kind.signature(), settings)).unwrap()
    }

    const RANGE: &[Dimension] = &[Dimension::Float { low: 0.0, high: 1.0, log: false }];

    fn task(least: u64, most: u64, direction: Direction) -> Task<'static> {
        Task { space: RANGE, seed: Seed::new(3), direction, means: Means { least, most } }
    }

    /// Runs a search and gives the rounds: so many trials with so much each. The score is the value.
    fn rounds(search: &dyn Search, task: &Task<'_>) -> (Vec<(usize, u64)>, Vec<Finished>) {
        search.afford(task).unwrap();
        let (mut rounds, mut done) = (Vec::new(), Vec::<Finished>::new());
        loop {
            let trials = search.propose(task, &done);
            let Some(first) = trials.first() else { return (rounds, done) };
            let budget = first.budget.unwrap();
            assert!(trials.iter().all(|trial| trial.budget == Some(budget)));
            rounds.push((trials.len(), budget));
            done.extend(trials.into_iter().map(|trial| {
                let score = trial.values[0].as_f64().unwrap();
                Finished { trial, outcome: Outcome::Complete(score) }
            }));
        }
    }

    #[test]
    fn hyperband_spends_what_the_paper_s_table_says() {
        // Li et al. 2018, Table 1: R = 81, η = 3.
        let table: [&[(usize, u64)]; 5] = [
            &[(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
            &[(34, 3), (11, 9), (3, 27), (1, 81)],
            &[(15, 9), (5, 27), (1, 81)],
            &[(8, 27), (2, 81)],
            &[(5, 81)],
        ];
        let hyperband = search("hyperband", &[]);
        let (rounds, done) = rounds(hyperband.as_ref(), &task(1, 81, Maximize));
        assert_eq!(rounds, table.concat());
        assert_eq!(hyperband.trials(&task(1, 81, Maximize)), done.len());
        // Each bracket costs about (s_max + 1) R, and none of the first rounds repeats another.
        for bracket in table {
            let cost: u64 = bracket.iter().map(|(trials, budget)| *trials as u64 * budget).sum();
            assert!((300..=405).contains(&cost), "{cost}");
        }
    }

    #[test]
    fn halving_spends_what_scikit_learn_s_does() {
        let int = Setting::Int;
        let word = |word: &str| Setting::Word(word.to_owned());
        // `n_candidates_` and `n_resources_` of HalvingRandomSearchCV, scikit-learn 1.9.1, 5 folds.
        let cases: &[Case<'_>] = &[
            (20, 1000, vec![], &[(50, 20), (17, 60), (6, 180), (2, 540)]),
            (10, 100, vec![], &[(10, 10), (4, 30), (2, 90)]),
            (20, 1000, vec![("n_candidates", int(9))], &[(9, 20), (3, 60), (1, 180)]),
            (
                20,
                1000,
                vec![("factor", Setting::Float(2.0))],
                &[(50, 20), (25, 40), (13, 80), (7, 160), (4, 320), (2, 640)],
            ),
            (
                20,
                1000,
                vec![("n_candidates", int(20)), ("min_resources", word("exhaust"))],
                &[(20, 111), (7, 333), (3, 999)],
            ),
            (
                20,
                100,
                vec![("n_candidates", int(30)), ("aggressive_elimination", Setting::Bool(true))],
                &[(30, 20), (10, 20), (4, 20), (2, 60)],
            ),
            (
                20,
                1000,
                vec![("n_candidates", int(9)), ("aggressive_elimination", Setting::Bool(true))],
                &[(9, 60), (3, 180), (1, 540)],
            ),
            (
                20,
                1000,
                vec![("min_resources", int(243)), ("n_candidates", int(27))],
                &[(27, 243), (9, 729)],
            ),
            (1, 1, vec![], &[(1, 1)]),
        ];
        for (least, most, settings, expected) in cases {
            let halving = search("halving", settings);
            let (rounds, done) = rounds(halving.as_ref(), &task(*least, *most, Maximize));
            assert_eq!(rounds, *expected, "{least} of {most}: {settings:?}");
            assert_eq!(halving.trials(&task(*least, *most, Maximize)), done.len());
        }
    }

    #[test]
    fn the_best_of_a_round_go_on() {
        for (direction, best) in [(Maximize, f64::max as fn(f64, f64) -> f64), (Minimize, f64::min)]
        {
            let (rounds, done) = rounds(search("halving", &[]).as_ref(), &task(1, 27, direction));
            assert_eq!(rounds, [(27, 1), (9, 3), (3, 9), (1, 27)]);
            let scores: Vec<f64> = done.iter().filter_map(Finished::score).collect();
            let first = scores[..27].iter().copied().reduce(best).unwrap();
            assert_eq!(scores.last().copied().map(f64::to_bits), Some(first.to_bits()));
        }
    }

    #[test]
    fn ties_go_to_the_earlier_and_failed_trials_last() {
        let trial = |index| Trial { index, values: vec![Setting::Int(index as i64)], budget: None };
        let outcomes = [
            Outcome::Failed,
            Outcome::Complete(1.0),
            Outcome::Complete(2.0),
            Outcome::Complete(1.0),
        ];
        let round: Vec<Finished> = (0..)
            .zip(outcomes)
            .map(|(index, outcome)| Finished { trial: trial(index), outcome })
            .collect();
        let order = |direction| -> Vec<i64> {
            let values = ranked(&round, direction).into_iter().flatten();
            values.filter_map(|value| value.as_f64().map(|value| value as i64)).collect()
        };
        assert_eq!(order(Maximize), [2, 1, 3, 0]);
        assert_eq!(order(Minimize), [1, 3, 2, 0]);
    }

    #[test]
    fn a_finite_space_has_no_more_candidates_than_points() {
        let space = [Dimension::Int { low: 1, high: 4, log: false }];
        for word in ["halving", "hyperband"] {
            let task = Task { space: &space, ..task(1, 81, Maximize) };
            let (rounds, _) = rounds(search(word, &[]).as_ref(), &task);
            assert_eq!(rounds[0].0, 4, "{word}");
        }
    }

    #[test]
    fn what_nobody_means_is_refused() {
        for word in ["halving", "hyperband"] {
            let said = search(word, &[]).afford(&task(1, 100_000_000, Maximize)).unwrap_err();
            assert!(said.contains("above 100000"), "{word}: {said}");
            let least = search(word, &[("min_resources", Setting::Int(50))]);
            let said = least.afford(&task(1, 10, Maximize)).unwrap_err();
            assert!(said.contains("only 10"), "{word}: {said}");
        }
        let kind = SEARCHES.iter().find(|kind| kind.signature().name == "halving").unwrap();
        let ends = [("min_resources", Setting::Int(50)), ("max_resources", Setting::Int(10))];
        let bad = kind.bind(&written(kind.signature(), &ends)).err().unwrap();
        assert_eq!(bad.param, "min_resources");
    }

    #[test]
    fn powers_are_counted_exactly() {
        for power in 0..30 {
            assert_eq!(powers(3.0, 3_f64.powi(power)), u32::try_from(power).unwrap());
        }
        assert_eq!((powers(3.0, 80.9), powers(2.0, 0.5), powers(1.5, f64::INFINITY)), (3, 0, 1000));
    }
}
