//! Decision trees.

pub(in crate::ml::estimators) mod cart;
mod decision_tree;

pub(crate) use decision_tree::DecisionTree;
