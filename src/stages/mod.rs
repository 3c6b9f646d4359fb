//! The registry of stage kinds: one file each, two lines here; and every word that a block may use.

mod checks;
mod correlate;
mod cross_validate;
mod evaluate;
mod expect;
mod export;
mod fits;
mod fitted;
mod folded;
mod ingest;
mod kept;
mod keys;
mod learning;
mod marks;
mod model;
mod predict;
mod prep;
mod profile;
mod report;
mod searching;
mod split;
mod tables;
mod train;
mod tune;
mod values;

use std::sync::LazyLock;

pub use learning::FITTED;
pub use predict::{answers, answers_behind};
pub use tables::answer_columns;

use crate::ml::columns::SELECTORS;
use crate::ml::{estimators, folds, metrics, prune, search, steps};
use crate::params::{Family, Signature, Vocabulary};
use crate::plan::{Registry, StageKind};
use crate::sources;

/// Every kind of stage, in the order in which the docs list them.
pub static STAGES: &[&dyn StageKind] = &[
    &ingest::IngestKind,
    &prep::PrepKind,
    &expect::ExpectKind,
    &split::SplitKind,
    &model::ModelKind,
    &train::TrainKind,
    &cross_validate::CrossValidateKind,
    &tune::TuneKind,
    &evaluate::EvaluateKind,
    &predict::PredictKind,
    &profile::ProfileKind,
    &correlate::CorrelateKind,
    &export::ExportKind,
    &report::ReportKind,
];

/// The words of one family.
type Words = (Family, &'static [&'static Signature]);

/// Gives all that a pipeline may name, built in.
#[must_use]
pub fn registry() -> Registry {
    Registry::new(STAGES, vocabulary())
}

/// Gives every word that the fields of blocks may use, from all registries.
#[must_use]
pub fn vocabulary() -> Vocabulary<'static> {
    static WORDS: LazyLock<Vec<Words>> = LazyLock::new(|| {
        let list = |words: Vec<&'static Signature>| &*Vec::leak(words);
        vec![
            (Family::Stage, list(STAGES.iter().map(|kind| kind.signature()).collect())),
            (Family::Source, list(sources::SOURCES.iter().map(|kind| kind.signature()).collect())),
            (Family::Check, checks::CHECKS),
            (Family::Measure, checks::MEASURES),
            (Family::Assignment, split::ASSIGNMENTS),
            (Family::Selector, SELECTORS),
            (Family::Step, list(steps::STEPS.iter().map(|kind| kind.signature()).collect())),
            (
                Family::Estimator,
                list(estimators::ESTIMATORS.iter().map(|kind| kind.signature()).collect()),
            ),
            (Family::Layer, list(estimators::words(Family::Layer))),
            (Family::Optimizer, list(estimators::words(Family::Optimizer))),
            (Family::Schedule, list(estimators::words(Family::Schedule))),
            (Family::Stopping, list(estimators::words(Family::Stopping))),
            (Family::Stored, fitted::STORED),
            (Family::Fold, list(folds::FOLDS.iter().map(|kind| kind.signature()).collect())),
            (Family::Metric, list(metrics::METRICS.iter().map(|kind| kind.signature()).collect())),
            (Family::Search, list(search::SEARCHES.iter().map(|kind| kind.signature()).collect())),
            (Family::Pruner, list(prune::PRUNERS.iter().map(|kind| kind.signature()).collect())),
            (Family::Space, tune::SPACES),
        ]
    });
    Vocabulary::new(&WORDS)
}
