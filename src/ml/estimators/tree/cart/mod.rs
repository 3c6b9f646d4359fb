//! What trees and forests are grown with.

pub(in crate::ml::estimators) mod door;
