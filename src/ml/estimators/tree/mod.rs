//! Decision trees.

pub(in crate::ml::estimators) mod cart;
mod decision_tree;
#[cfg(test)]
mod tests;

pub(crate) use decision_tree::DecisionTree;
