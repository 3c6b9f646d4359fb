//! The registry of estimators: one file each, one line each.
//!
//! What the files share stands in `kind` (binding, saving) and `training` (checked rows).

mod bayes;
mod boosting;
#[cfg(test)]
mod checks;
mod cluster;
mod dummy;
mod forest;
mod kind;
mod linear;
mod neighbors;
mod neural;
#[cfg(test)]
mod parity;
#[cfg(test)]
mod settings;
mod training;
mod tree;

use super::estimator::EstimatorKind;
pub use kind::{Declaration, Kind, Model, saved};
pub use neural::{Device, words};

/// Every registered kind, in the order in which the docs list them.
pub static ESTIMATORS: &[&dyn EstimatorKind] = &[
    &Kind::<dummy::Dummy>::new(),
    &Kind::<linear::LogisticRegression>::new(),
    &Kind::<linear::LinearRegression>::new(),
    &Kind::<linear::Ridge>::new(),
    &Kind::<linear::Lasso>::new(),
    &Kind::<linear::ElasticNet>::new(),
    &Kind::<bayes::GaussianNaiveBayes>::new(),
    &Kind::<neighbors::KNearestNeighbors>::new(),
    &Kind::<tree::DecisionTree>::new(),
    &Kind::<forest::RandomForest>::new(),
    &Kind::<forest::ExtraTrees>::new(),
    &Kind::<forest::IsolationForest>::new(),
    &Kind::<boosting::GradientBoosting>::new(),
    &Kind::<neural::NeuralNetwork>::new(),
    &Kind::<cluster::KMeans>::new(),
];

/// The estimators that a model may name: the built-in ones, and those that a program adds.
#[derive(Clone, Default)]
pub struct Estimators {
    added: Vec<&'static dyn EstimatorKind>,
}

impl Estimators {
    /// Adds a kind; its word must not be taken.
    #[must_use]
    pub fn with(mut self, kind: &'static dyn EstimatorKind) -> Self {
        self.added.push(kind);
        self
    }

    /// Finds a kind by its word.
    #[must_use]
    pub fn named(&self, word: &str) -> Option<&'static dyn EstimatorKind> {
        let mut all = ESTIMATORS.iter().chain(&self.added);
        all.find(|kind| kind.signature().name == word).copied()
    }
}

impl std::fmt::Debug for Estimators {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.added.iter().map(|kind| kind.signature().name)).finish()
    }
}

impl PartialEq for Estimators {
    fn eq(&self, other: &Self) -> bool {
        let word = |kind: &&dyn EstimatorKind| kind.signature().name;
        self.added.iter().map(word).eq(other.added.iter().map(word))
    }
}
