//! Estimators that ask the nearest training rows.

mod nearest;
mod tree;

pub(super) use nearest::KNearestNeighbors;
