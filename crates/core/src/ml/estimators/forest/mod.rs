//! Forests: many trees whose answers are averaged.

mod extra_trees;
mod grown;
mod isolation_forest;
mod random_forest;

pub(crate) use extra_trees::ExtraTrees;
pub(crate) use isolation_forest::IsolationForest;
pub(crate) use random_forest::RandomForest;
