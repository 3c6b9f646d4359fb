//! The registry of estimators: one file each, one line each.
//!
//! What the files share stands in `kind` (binding, saving) and `training` (checked rows).

mod dummy;
mod linear;

#[cfg(test)]
mod checks;
#[cfg(test)]
mod parity;
mod kind;
mod training;

use super::estimator::EstimatorKind;
use kind::Kind;

/// Every registered kind, in the order in which the docs list them.
pub static ESTIMATORS: &[&dyn EstimatorKind] = &[
    &Kind::<dummy::Dummy>::new(),
    &Kind::<linear::LogisticRegression>::new(),
];
