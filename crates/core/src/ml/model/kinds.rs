//! Finds registered kinds by the calls that name them.

use serde_json::Value as Json;

use crate::ml::estimator::{BadSetting, Estimator, EstimatorKind};
use crate::ml::estimators::{ESTIMATORS, words};
use crate::ml::step::StepKind;
use crate::ml::steps::STEPS;
use crate::params::{Call, Family, Signature};

/// Finds an estimator by its word.
pub(super) fn estimator_named(word: &str) -> Option<&'static dyn EstimatorKind> {
    #[cfg(test)]
    if let Some(kind) = super::tests::MADE_UP.iter().find(|kind| kind.signature().name == word) {
        return Some(*kind);
    }
    ESTIMATORS.iter().find(|kind| kind.signature().name == word).copied()
}

/// Finds a step by its word.
pub(super) fn step_named(word: &str) -> Option<&'static dyn StepKind> {
    STEPS.iter().find(|kind| kind.signature().name == word).copied()
}

/// Finds a call's estimator.
pub(super) fn estimator(call: &Call) -> Option<&'static dyn EstimatorKind> {
    estimator_named(call.name)
}

/// Finds a call's step.
pub(super) fn step(call: &Call) -> Option<&'static dyn StepKind> {
    step_named(call.name)
}

/// Finds the signature of a word, also of one that stands inside of an estimator.
pub(super) fn signature(family: Family, word: &str) -> Option<&'static Signature> {
    match family {
        Family::Estimator => estimator_named(word).map(EstimatorKind::signature),
        Family::Step => step_named(word).map(StepKind::signature),
        inner => words(inner).into_iter().find(|signature| signature.name == word),
    }
}

/// Makes the estimator of a call.
pub(super) fn bind_estimator(call: &Call) -> Result<Box<dyn Estimator>, BadSetting> {
    let unknown =
        || BadSetting { param: "", message: format!("there is no estimator `{}`", call.name) };
    estimator(call).ok_or_else(unknown)?.bind(&call.args)
}

/// Writes the versions of all steps.
pub(super) fn step_versions() -> Json {
    STEPS
        .iter()
        .map(|kind| (kind.signature().name.to_owned(), Json::from(kind.version())))
        .collect()
}
