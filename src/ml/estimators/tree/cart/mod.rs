//! What trees and forests are grown with: classification and regression trees after
//! scikit-learn's, on exact values.
//!
//! It knows ranks of values, items to tell apart and weights; it knows no parameters of the language.

mod build;
mod criterion;
pub(in crate::ml::estimators) mod door;
mod grown;
mod ranks;
pub(in crate::ml::estimators) mod fit;
mod scan;
pub(in crate::ml::estimators) mod settings;
mod sorting;

pub(in crate::ml::estimators) use build::{Splitter, Stops};
pub(in crate::ml::estimators) use fit::TreeModel;
