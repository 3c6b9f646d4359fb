//! What trees and forests are grown with: classification and regression trees after
//! scikit-learn's, on exact values.
//!
//! It knows ranks of values, items to tell apart and weights; it knows no parameters of the language.

mod absolute;
mod build;
mod criterion;
pub(in crate::ml::estimators) mod door;
pub(in crate::ml::estimators) mod fit;
mod grown;
pub(in crate::ml::estimators) mod monotone;
mod oob;
mod ranks;
mod scan;
pub(in crate::ml::estimators) mod settings;
mod sorting;

pub(in crate::ml::estimators) use build::{Grower, Splitter, Stops};
pub(in crate::ml::estimators) use criterion::Alone;
pub(in crate::ml::estimators) use fit::TreeModel;
pub(in crate::ml::estimators) use grown::{Forest, Numbers};
pub(in crate::ml::estimators) use ranks::Ranked;
