//! The registry of estimators: one file each, one line each.

use super::estimator::EstimatorKind;

pub mod boosting;
pub mod tree;

/// Every registered kind, in the order in which the docs list them.
pub static ESTIMATORS: &[&dyn EstimatorKind] = &[
    &boosting::gradient_boosting::GradientBoostingKind,
];
