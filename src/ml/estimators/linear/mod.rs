//! Linear models: what they predict is a weighted sum of the columns.

mod classifier;
mod design;
mod logistic;
mod newton;

pub(super) use logistic::LogisticRegression;
