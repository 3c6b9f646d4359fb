//! The registry of steps: one file each, one line each.
//!
//! What a step's file shares with others stands in `kind` (binding, saving), `picked` (which columns,
//! and what takes their place), `levels` and `statistics`.

mod impute;
mod interval;
mod kind;
mod levels;
mod one_hot;
mod picked;
mod scale;
mod statistics;

use super::step::StepKind;
use kind::Kind;

pub use impute::{Impute, Strategy};
pub use interval::Interval;
pub use one_hot::{Drop, Frequency, OneHot, Unknown};
pub use scale::{Method, Scale};

/// Every registered kind, in the order in which the docs list them.
pub static STEPS: &[&dyn StepKind] =
    &[&Kind::<Impute>::new(), &Kind::<Scale>::new(), &Kind::<OneHot>::new()];

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
