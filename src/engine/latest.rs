//! What the cache holds of a stage: for looking at, not for running.

use super::resolve::{self, Kept};
use crate::data::Table;
use crate::plan::{Facts, Plan, Stage};
use crate::store::{ObjectRef, Store, StoreError};

/// The newest result of a stage.
#[derive(Clone, Debug)]
pub struct Latest {
    /// It is what a run would give; else the pipeline or its data changed since.
    pub current: bool,
    /// Its small results.
    pub facts: Facts,
    /// What isn't as it should be, or as required.
    pub warnings: Vec<String>,
    outputs: Vec<(String, ObjectRef)>,
}

impl Latest {
    /// Names the outputs that are there; the main output has no name.
    pub fn outputs(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().map(|(name, _)| name.as_str())
    }

    /// Gives an output if it is a table.
    ///
    /// # Errors
    /// The cache may be damaged.
    pub fn table(&self, output: &str, store: &Store) -> Result<Option<Table>, StoreError> {
        let found = self.outputs.iter().find(|(name, _)| name == output);
        match found {
            Some((_, object)) if object.digest.is_some() => store.table(object).map(Some),
            _ => Ok(None),
        }
    }
}

/// Finds the newest result of a stage: the one that a run would give, or else the last one.
#[must_use]
pub fn latest(plan: &Plan, stage: &Stage, store: &Store) -> Option<Latest> {
    let place = plan.stages.iter().position(|own| own.name == stage.name)?;
    if let Some(Ok(result)) = resolve::known(plan, store).into_iter().nth(place) {
        let names = stage.outputs.iter().map(|(name, _)| (*name).to_owned());
        let outputs = names.zip(result.outputs).collect();
        return Some(settle(result.kept, outputs, true));
    }
    let record = store.previous(&resolve::stage_key(plan, stage)).and_then(|key| store.record(key))?;
    let kept: Kept = serde_json::from_value(record.facts).ok()?;
    Some(settle(kept, record.outputs, false))
}

fn settle(kept: Kept, outputs: Vec<(String, ObjectRef)>, current: bool) -> Latest {
    let Kept { facts, mut warnings, unmet, .. } = kept;
    warnings.extend(unmet);
    Latest { current, facts, warnings, outputs }
}
