//! Finds registered kinds by the calls that name them.

use serde_json::Value as Json;

use super::ModelSpec;
use crate::ml::estimator::{BadSetting, Estimator, EstimatorKind};
use crate::ml::estimators::words;
use crate::ml::step::StepKind;
use crate::ml::steps::STEPS;
use crate::params::{Call, Family, Signature};

impl ModelSpec {
    /// Finds the kind of the estimator.
    pub(super) fn kind(&self) -> Option<&'static dyn EstimatorKind> {
        self.estimators.named(self.estimator.name)
    }

    /// Makes the estimator.
    pub(super) fn bind_estimator(&self) -> Result<Box<dyn Estimator>, BadSetting> {
        let word = self.estimator.name;
        let unknown =
            || BadSetting { param: "", message: format!("there is no estimator `{word}`") };
        self.kind().ok_or_else(unknown)?.bind(&self.estimator.args)
    }
}

/// Finds a step by its word.
pub(super) fn step_named(word: &str) -> Option<&'static dyn StepKind> {
    STEPS.iter().find(|kind| kind.signature().name == word).copied()
}

/// Finds a call's step.
pub(super) fn step(call: &Call) -> Option<&'static dyn StepKind> {
    step_named(call.name)
}

/// Finds the signature of a step, or of a word that stands inside of an estimator.
pub(super) fn signature(family: Family, word: &str) -> Option<&'static Signature> {
    match family {
        Family::Step => step_named(word).map(StepKind::signature),
        inner => words(inner).into_iter().find(|signature| signature.name == word),
    }
}

/// Writes the versions of all steps.
pub(super) fn step_versions() -> Json {
    STEPS
        .iter()
        .map(|kind| (kind.signature().name.to_owned(), Json::from(kind.version())))
        .collect()
}
