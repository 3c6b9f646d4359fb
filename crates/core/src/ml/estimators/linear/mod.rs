//! Linear models: what they predict is a weighted sum of the columns.

mod classifier;
mod descent;
mod design;
mod elastic;
mod logistic;
mod newton;
mod nonnegative;
mod regressor;
mod sparse;
mod squares;
#[cfg(test)]
mod tests;

pub(super) use elastic::{ElasticNet, Lasso};
pub(super) use logistic::LogisticRegression;
pub(super) use squares::{LinearRegression, Ridge};
