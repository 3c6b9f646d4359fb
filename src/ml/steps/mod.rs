//! The registry of steps: one file each, one line each.

use super::step::StepKind;

/// Every registered kind, in the order in which the docs list them.
pub static STEPS: &[&dyn StepKind] = &[];
