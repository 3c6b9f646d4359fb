//! The registry of folds, and the cut of the `split` stage.

mod grouped;
mod holdout;
mod kind;
mod rows;
mod sample;
#[cfg(test)]
mod tests;
mod timed;

use super::splitter::FoldKind;
use kind::Kind;

pub use holdout::{Cut, Parts, holdout, share_of};
pub use sample::sample_order;

/// Every registered kind, in the order in which the docs list them.
pub static FOLDS: &[&dyn FoldKind] = &[
    &Kind::<rows::KFold>::new(),
    &Kind::<rows::StratifiedKFold>::new(),
    &Kind::<grouped::GroupKFold>::new(),
    &Kind::<grouped::StratifiedGroupKFold>::new(),
    &Kind::<timed::TimeSeriesSplit>::new(),
    &Kind::<rows::LeaveOneOut>::new(),
];
