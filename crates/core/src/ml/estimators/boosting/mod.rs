//! Boosting: trees that mend each other's errors.

mod engine;
mod gradient_boosting;
mod interactions;
#[cfg(test)]
mod tests;

pub(crate) use gradient_boosting::GradientBoosting;
