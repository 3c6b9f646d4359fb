//! Forests: many trees whose answers are averaged.

mod extra_trees;
mod random_forest;

pub(crate) use extra_trees::ExtraTrees;
pub(crate) use random_forest::RandomForest;
