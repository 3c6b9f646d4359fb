//! Learning: estimators, steps, folds, metrics, search. No files, no SQL, no runtime.

pub mod association;
pub mod columns;
pub mod estimator;
pub mod estimators;
pub mod folds;
pub mod intervals;
pub mod metric;
pub mod metrics;
pub mod model;
pub mod profile;
pub mod prune;
pub mod search;
mod seed;
mod settle;
pub mod special;
pub mod splitter;
pub mod step;
pub mod steps;

pub use seed::Seed;
