//! Metrics of the confusion matrix as a whole: accuracy and its relatives.

use super::scorer::{Scorer, Weights, classes, codes, undefined};
use crate::ml::metric::Direction::Maximize;
use crate::ml::metric::{Judged, MetricError, Needs};
use crate::params;

params! {
    /// Share of rows whose class is predicted right.
    ///
    /// As scikit-learn's `accuracy_score`.
    pub(super) struct Accuracy("accuracy", 0) {}
}

params! {
    /// Mean over the classes of the share of their rows that is predicted right.
    ///
    /// Classes without rows don't count. As scikit-learn's `balanced_accuracy_score`.
    pub(super) struct BalancedAccuracy("balanced_accuracy", 0) {
        /// Rescales so that guessing gives 0 and perfection 1.
        adjusted: bool = false,
    }
}

params! {
    /// Matthews correlation coefficient: 1 is perfect, 0 no better than guessing.
    ///
    /// For several classes Gorodkin's R_K (Comput. Biol. Chem. 28, 2004), 0 where it is 0/0. As
    /// scikit-learn's `matthews_corrcoef`.
    pub(super) struct Mcc("mcc", 0) {}
}

params! {
    /// How much being off by several classes costs.
    pub(super) enum Distance {
        /// Each wrong class costs the same.
        None = "none",
        /// As many as the classes lie apart, in sorted order.
        Linear = "linear",
        /// The square of it.
        Quadratic = "quadratic",
    }
}

params! {
    /// Cohen's kappa: agreement beyond chance; 1 is perfect, 0 no better than guessing.
    ///
    /// Undefined where all rows are of one class and all predicted so. As scikit-learn's
    /// `cohen_kappa_score`.
    pub(super) struct CohenKappa("cohen_kappa", 0) {
        /// How much being off by several classes costs.
        weights: Distance = Distance::None,
    }
}

/// `accuracy`.
pub(super) static ACCURACY: Scorer<Accuracy> =
    Scorer::new(classes(Maximize, Needs::Labels), |_, judged| {
        let confusion = Confusion::of(judged)?;
        Ok(confusion.correct() / confusion.total())
    });

/// `balanced_accuracy`.
pub(super) static BALANCED_ACCURACY: Scorer<BalancedAccuracy> =
    Scorer::new(classes(Maximize, Needs::Labels), balanced_accuracy);

/// `mcc`.
pub(super) static MCC: Scorer<Mcc> =
    Scorer::new(classes(Maximize, Needs::Labels), |_, judged| Ok(Confusion::of(judged)?.mcc()));

/// `cohen_kappa`.
pub(super) static COHEN_KAPPA: Scorer<CohenKappa> =
    Scorer::new(classes(Maximize, Needs::Labels), cohen_kappa);

/// Counts of rows by true and predicted class.
#[derive(Clone, Debug, PartialEq)]
pub struct Confusion {
    classes: usize,
    counts: Vec<f64>,
}

impl Confusion {
    /// Counts rows (or their weights); every code must be below `classes`.
    #[must_use]
    pub fn new(classes: usize, truth: &[u32], predicted: &[u32], weights: Option<&[f64]>) -> Self {
        let mut counts = vec![0.0; classes * classes];
        for (row, (actual, guess)) in truth.iter().zip(predicted).enumerate() {
            counts[*actual as usize * classes + *guess as usize] += Weights(weights).of(row);
        }
        Self { classes, counts }
    }

    pub(super) fn of(judged: &Judged<'_>) -> Result<Self, MetricError> {
        let codes = codes(judged)?;
        Ok(Self::new(codes.classes.len(), codes.truth, &codes.predicted, codes.weights.0))
    }

    /// Counts the classes.
    #[must_use]
    pub const fn classes(&self) -> usize {
        self.classes
    }

    /// Gives the count of rows of one class predicted as another.
    #[must_use]
    pub fn count(&self, actual: usize, predicted: usize) -> f64 {
        self.counts[actual * self.classes + predicted]
    }

    /// Gives the count of rows of a class.
    #[must_use]
    pub fn actual(&self, class: usize) -> f64 {
        (0..self.classes).map(|other| self.count(class, other)).sum()
    }

    /// Gives the count of rows predicted as a class.
    #[must_use]
    pub fn predicted(&self, class: usize) -> f64 {
        (0..self.classes).map(|other| self.count(other, class)).sum()
    }

    /// Gives the count of rows.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.counts.iter().sum()
    }

    /// Gives the count of rows predicted right.
    #[must_use]
    pub fn correct(&self) -> f64 {
        (0..self.classes).map(|class| self.count(class, class)).sum()
    }

    fn mcc(&self) -> f64 {
        let total = self.total();
        let (mut both, mut actual, mut predicted) = (0.0, 0.0, 0.0);
        for class in 0..self.classes {
            let (rows, guesses) = (self.actual(class), self.predicted(class));
            both += rows * guesses;
            actual += rows * rows;
            predicted += guesses * guesses;
        }
        let covariance = self.correct() * total - both;
        let spread = (total * total - predicted) * (total * total - actual);
        if spread == 0.0 { 0.0 } else { covariance / spread.sqrt() }
    }
}

fn balanced_accuracy(params: &BalancedAccuracy, judged: &Judged<'_>) -> Result<f64, MetricError> {
    let confusion = Confusion::of(judged)?;
    let recalls: Vec<f64> = (0..confusion.classes())
        .map(|class| confusion.count(class, class) / confusion.actual(class))
        .filter(|recall| !recall.is_nan())
        .collect();
    let (count, mean) = (recalls.len() as f64, recalls.iter().sum::<f64>() / recalls.len() as f64);
    match (params.adjusted, recalls.len()) {
        (false, _) => Ok(mean),
        (true, 1) => {
            Err(undefined("with one class in the rows there is no chance level to adjust by"))
        }
        (true, _) => Ok((mean - 1.0 / count) / (1.0 - 1.0 / count)),
    }
}

fn cohen_kappa(params: &CohenKappa, judged: &Judged<'_>) -> Result<f64, MetricError> {
    let confusion = Confusion::of(judged)?;
    let total = confusion.total();
    let (mut observed, mut expected) = (0.0, 0.0);
    for actual in 0..confusion.classes() {
        for predicted in 0..confusion.classes() {
            let apart = actual.abs_diff(predicted) as f64;
            let cost = match params.weights {
                Distance::None => f64::from(u8::from(actual != predicted)),
                Distance::Linear => apart,
                Distance::Quadratic => apart * apart,
            };
            observed += cost * confusion.count(actual, predicted);
            expected += cost * confusion.actual(actual) * confusion.predicted(predicted) / total;
        }
    }
    if expected == 0.0 {
        return Err(undefined(
            "all rows are of one class and all are predicted so: agreement is no evidence",
        ));
    }
    Ok(1.0 - observed / expected)
}
