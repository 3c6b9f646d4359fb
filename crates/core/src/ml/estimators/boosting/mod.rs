//! Boosting: trees that mend each other's errors.

mod engine;
mod gradient_boosting;
#[cfg(test)]
mod tests;

pub(crate) use gradient_boosting::GradientBoosting;
