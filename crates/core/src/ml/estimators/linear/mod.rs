//! Linear models: what they predict is a weighted sum of the columns.

mod classifier;
mod design;
mod elastic;
mod logistic;
mod newton;
mod regressor;
mod squares;

pub(super) use elastic::{ElasticNet, Lasso};
pub(super) use logistic::LogisticRegression;
pub(super) use squares::{LinearRegression, Ridge};
