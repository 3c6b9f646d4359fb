//! Boosting: trees that mend each other's errors.

mod engine;
mod gradient_boosting;

pub(crate) use gradient_boosting::GradientBoosting;
