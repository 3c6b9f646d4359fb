//! Models from table to prediction and back from the store, with an estimator made for the tests.

use crate::ml::estimator::EstimatorKind;

pub(super) static MADE_UP: &[&dyn EstimatorKind] = &[];
