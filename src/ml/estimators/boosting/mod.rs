//! Boosting: trees that mend each other's errors.

mod engine;
pub mod gradient_boosting;
