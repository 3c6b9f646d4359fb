//! Decision trees.

pub(in crate::ml::estimators) mod cart;
#[cfg(test)]
pub(in crate::ml::estimators) mod cases;
mod decision_tree;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(in crate::ml::estimators) mod trials;

pub(crate) use decision_tree::DecisionTree;
