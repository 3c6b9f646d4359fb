//! The registry of estimators: one file each, one line each.

use super::estimator::EstimatorKind;

/// Every registered kind, in the order in which the docs list them.
pub static ESTIMATORS: &[&dyn EstimatorKind] = &[];
