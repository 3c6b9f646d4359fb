//! The registry of steps: one file each, one line each.
//!
//! What a step's file shares with others stands in `kind` (binding, saving), `picked` (which columns,
//! and what takes their place), `levels` and `statistics`.

mod bin;
mod category;
mod clip;
mod date_parts;
mod drop_constant;
mod eigen;
mod hash;
mod impute;
mod interval;
mod kind;
mod levels;
mod one_hot;
mod ordinal;
mod pca;
mod picked;
mod polynomial;
mod power;
mod quantile;
mod scale;
mod select_k_best;
pub(super) mod statistics;
mod stop_words;
mod target_encode;
mod terms;
mod tf_idf;

use super::step::StepKind;
use kind::Kind;

pub use bin::{Bin, Edges, Encode, QuantileMethod};
pub use category::Category;
pub use clip::Clip;
pub use date_parts::{DateParts, Part};
pub use drop_constant::DropConstant;
pub use hash::Hash;
pub use impute::{Impute, Strategy, is_empty};
pub use interval::Interval;
pub use levels::count_levels;
pub use one_hot::{Drop, Dropped, Frequency, OneHot, Unknown};
pub use ordinal::{Ordinal, UnknownLevel};
pub use pca::{Components, Guess, Pca};
pub use polynomial::Polynomial;
pub use power::{Power, PowerMethod};
pub use quantile::{Distribution, Quantile};
pub use scale::{Method, Scale};
pub use select_k_best::{ScoreWord, SelectKBest};
pub use target_encode::TargetEncode;
pub use tf_idf::{Accents, Analyzer, Language, Norm, StopWords, TfIdf};

/// Every registered kind, in the order in which the docs list them.
pub static STEPS: &[&dyn StepKind] = &[
    &Kind::<Impute>::new(),
    &Kind::<Scale>::new(),
    &Kind::<OneHot>::new(),
    &Kind::<Ordinal>::new(),
    &Kind::<TargetEncode>::new(),
    &Kind::<Category>::new(),
    &Kind::<TfIdf>::new(),
    &Kind::<Hash>::new(),
    &Kind::<DateParts>::new(),
    &Kind::<Bin>::new(),
    &Kind::<Clip>::new(),
    &Kind::<Power>::new(),
    &Kind::<Quantile>::new(),
    &Kind::<Polynomial>::new(),
    &Kind::<Pca>::new(),
    &Kind::<SelectKBest>::new(),
    &Kind::<DropConstant>::new(),
];

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
