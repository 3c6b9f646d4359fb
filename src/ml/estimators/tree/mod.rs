//! Decision trees.

pub(in crate::ml::estimators) mod cart;
