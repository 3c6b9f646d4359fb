//! Metrics of the probabilities themselves: log loss, Brier, and the best few classes.

use super::scorer::{Scorer, Table, classes, table, undefined};
use crate::ml::metric::Direction::{Maximize, Minimize};
use crate::ml::metric::{Judged, MetricError, Needs};
use crate::params;
use crate::params::Limits;

params! {
    /// Mean negative logarithm of the probability given to the true class.
    ///
    /// Probabilities are clipped to [ε, 1−ε], ε = 2.2e-16, so a certain miss costs 36.04. As
    /// scikit-learn's `log_loss`.
    pub(super) struct LogLoss("log_loss", 0) {}
}

params! {
    /// Mean squared difference between probabilities and what came true.
    ///
    /// For two classes in [0, 1]; for more the sum over the classes, in [0, 2]. As scikit-learn's
    /// `brier_score_loss`.
    pub(super) struct Brier("brier", 0) {}
}

params! {
    /// Share of the log loss that is explained, against always giving the classes' shares.
    ///
    /// 1 is perfect, 0 no better than the shares. As scikit-learn's `d2_log_loss_score`.
    pub(super) struct D2LogLoss("d2_log_loss", 0) {}
}

params! {
    /// Share of the Brier score that is explained, against always giving the classes' shares.
    ///
    /// 1 is perfect, 0 no better than the shares. As scikit-learn's `d2_brier_score`.
    pub(super) struct D2Brier("d2_brier", 0) {}
}

params! {
    /// Share of rows whose class is among the `k` most probable.
    ///
    /// Of classes with equal probability the last one goes first, as in scikit-learn's
    /// `top_k_accuracy_score`.
    pub(super) struct TopKAccuracy("top_k_accuracy", 1) {
        /// How many classes may be named.
        k: usize = 2 => Limits::at_least(1.0),
    }
}

/// `log_loss`.
pub(super) static LOG_LOSS: Scorer<LogLoss> =
    Scorer::new(classes(Minimize, Needs::Probabilities), |_, judged| {
        let table = table(judged)?;
        Ok(log_loss(&table, &|row, class| table.of(row, class)))
    });

/// `brier`.
pub(super) static BRIER: Scorer<Brier> =
    Scorer::new(classes(Minimize, Needs::Probabilities), |_, judged| {
        let table = table(judged)?;
        let scale = if table.classes.len() == 2 { 0.5 } else { 1.0 };
        Ok(scale * brier(&table, &|row, class| table.of(row, class)))
    });

/// `d2_log_loss`.
pub(super) static D2_LOG_LOSS: Scorer<D2LogLoss> =
    Scorer::new(classes(Maximize, Needs::Probabilities), |_, judged| explained(judged, log_loss));

/// `d2_brier`.
pub(super) static D2_BRIER: Scorer<D2Brier> =
    Scorer::new(classes(Maximize, Needs::Probabilities), |_, judged| explained(judged, brier));

/// `top_k_accuracy`.
pub(super) static TOP_K_ACCURACY: Scorer<TopKAccuracy> =
    Scorer::new(classes(Maximize, Needs::Probabilities), |params, judged| {
        let table = table(judged)?;
        let rows = table.probabilities.chunks(table.classes.len()).zip(table.truth);
        Ok(table.weights.mean(rows.map(|(row, code)| {
            let own = row[*code as usize];
            let before = |(class, other): &(usize, &f64)| {
                #[expect(clippy::float_cmp, reason = "ties are equal probabilities")]
                let tied = **other == own && *class > *code as usize;
                **other > own || tied
            };
            f64::from(u8::from(row.iter().enumerate().filter(before).count() < params.k))
        })))
    });

/// A loss of probabilities, asked by row and class.
type Loss = fn(&Table<'_>, &dyn Fn(usize, usize) -> f64) -> f64;

fn log_loss(table: &Table<'_>, probability: &dyn Fn(usize, usize) -> f64) -> f64 {
    let truth = table.truth.iter().enumerate();
    table.weights.mean(truth.map(|(row, code)| {
        -probability(row, *code as usize).clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()
    }))
}

fn brier(table: &Table<'_>, probability: &dyn Fn(usize, usize) -> f64) -> f64 {
    let truth = table.truth.iter().enumerate();
    table.weights.mean(truth.map(|(row, code)| {
        let classes = 0..table.classes.len();
        classes
            .map(|class| {
                let came_true = f64::from(u8::from(class == *code as usize));
                (came_true - probability(row, class)).powi(2)
            })
            .sum()
    }))
}

/// Compares a loss with the loss of always giving the classes' shares.
fn explained(judged: &Judged<'_>, loss: Loss) -> Result<f64, MetricError> {
    let table = table(judged)?;
    if table.truth.len() < 2 {
        return Err(undefined("it needs two rows at least"));
    }
    let share: Vec<f64> = (0..table.classes.len())
        .map(|class| {
            table.weights.mean(table.is(class).into_iter().map(|own| f64::from(u8::from(own))))
        })
        .collect();
    let base = loss(&table, &|_, class| share[class]);
    if base == 0.0 {
        return Err(undefined("all rows are of one class: there is nothing to explain"));
    }
    Ok(1.0 - loss(&table, &|row, class| table.of(row, class)) / base)
}
