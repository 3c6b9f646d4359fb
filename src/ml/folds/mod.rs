//! The registry of folds: one file each, one line each.

use super::splitter::FoldKind;

/// Every registered kind, in the order in which the docs list them.
pub static FOLDS: &[&dyn FoldKind] = &[];
