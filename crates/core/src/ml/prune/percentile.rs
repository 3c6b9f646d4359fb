//! `percentile`: gives up what isn't among the best share of the trials.

use super::kind::Declaration;
use super::{Pruner, Standing};
use crate::ml::metric::Direction;
use crate::params;
use crate::params::Limits;

params! {
    /// Gives a trial up when it isn't among the best so many in a hundred of earlier trials on the
    /// same folds.
    ///
    /// As Optuna's `PercentilePruner`, with folds for steps.
    pub(crate) struct Percentile("percentile", 1) {
        /// How many in a hundred go on: 25 keeps those that are with the best quarter.
        percentile: f64 = 25.0 => Limits::between(0.0, 100.0),
        /// So many trials are complete before any is given up.
        n_startup_trials: usize = 5 => Limits::at_least(0.0),
        /// So many folds of a trial are judged before it may be given up, one at least.
        n_warmup_steps: usize = 0 => Limits::at_least(0.0),
    }
}

impl Declaration for Percentile {}

impl Pruner for Percentile {
    fn gives_up(&self, standing: &Standing<'_>) -> bool {
        standing.others.len() >= self.n_startup_trials.max(1)
            && standing.folds > self.n_warmup_steps
            && is_behind(standing, self.percentile)
    }
}

/// Tells whether a trial is worse than the best so many in a hundred of the others.
pub(super) fn is_behind(standing: &Standing<'_>, percent: f64) -> bool {
    let (score, others) = (standing.score, standing.others);
    match standing.direction {
        Direction::Maximize => score < percentile(others, 100.0 - percent),
        Direction::Minimize => score > percentile(others, percent),
    }
}

/// Gives the percentile of some numbers, between two of them as NumPy's `percentile` does.
fn percentile(numbers: &[f64], percent: f64) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = percent / 100.0 * sorted.len().saturating_sub(1) as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in the list"
    )]
    let below = place.floor() as usize;
    match (sorted.get(below), sorted.get(below + 1)) {
        (Some(low), Some(high)) => low + (high - low) * (place - place.floor()),
        (Some(low), None) => *low,
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ml::metric::Direction::{Maximize, Minimize};
    use crate::ml::prune::{PRUNERS, PrunerKind};
    use crate::ml::settle::written;
    use crate::params::Setting;

    fn pruner(word: &str, settings: &[(&'static str, Setting)]) -> Box<dyn Pruner> {
        let kind: &dyn PrunerKind =
            *PRUNERS.iter().find(|kind| kind.signature().name == word).unwrap();
        kind.bind(&written(kind.signature(), settings)).unwrap()
    }

    const OTHERS: [f64; 5] = [0.9, 0.5, 0.8, 0.6, 0.7];

    #[test]
    fn percentiles_agree_with_numpy() {
        // numpy.percentile([0.9, 0.5, 0.8, 0.6, 0.7], q).
        for (percent, expected) in
            [(0.0, 0.5), (25.0, 0.6), (50.0, 0.7), (90.0, 0.86), (100.0, 0.9)]
        {
            assert!((percentile(&OTHERS, percent) - expected).abs() < 1e-15, "{percent}");
        }
        assert!(percentile(&[], 50.0).is_nan());
    }

    #[test]
    fn a_trial_is_given_up_only_where_it_is_worse() {
        let standing = |score, direction| Standing { folds: 1, score, others: &OTHERS, direction };
        let cases = [
            ("median", Maximize, 0.69, true),
            ("median", Maximize, 0.70, false),
            ("median", Minimize, 0.71, true),
            ("median", Minimize, 0.70, false),
            ("percentile", Maximize, 0.79, true),
            ("percentile", Maximize, 0.80, false),
            ("percentile", Minimize, 0.61, true),
            ("percentile", Minimize, 0.60, false),
        ];
        for (word, direction, score, given_up) in cases {
            let own = pruner(word, &[]).gives_up(&standing(score, direction));
            assert_eq!(own, given_up, "{word} {direction:?} {score}");
        }
    }

    #[test]
    fn nothing_is_given_up_before_its_time() {
        let bad = |folds, others| Standing { folds, score: 0.0, others, direction: Maximize };
        for word in ["median", "percentile"] {
            assert!(!pruner(word, &[]).gives_up(&bad(1, &OTHERS[..4])), "{word}");
            let early = pruner(word, &[("n_startup_trials", Setting::Int(0))]);
            assert!(!early.gives_up(&bad(1, &[])), "{word}");
            assert!(early.gives_up(&bad(1, &OTHERS[..1])), "{word}");
            let late = pruner(word, &[("n_warmup_steps", Setting::Int(2))]);
            assert!(!late.gives_up(&bad(2, &OTHERS)) && late.gives_up(&bad(3, &OTHERS)), "{word}");
        }
    }
}
