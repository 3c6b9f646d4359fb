//! The registry of stage kinds: one file each, two lines here.

mod checks;
mod expect;
mod export;
mod ingest;
mod learning;
mod prep;
mod split;

use std::sync::LazyLock;

use crate::params::{Family, Signature, Vocabulary};
use crate::plan::StageKind;

/// Every kind of stage, in the order in which the docs list them.
pub static STAGES: &[&dyn StageKind] = &[
    &ingest::IngestKind,
    &prep::PrepKind,
    &expect::ExpectKind,
    &split::SplitKind,
    &export::ExportKind,
];
