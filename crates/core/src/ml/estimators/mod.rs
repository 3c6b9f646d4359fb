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
mod training;
mod tree;

use super::estimator::EstimatorKind;
use kind::Kind;
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
