//! The latest result of a stage, for those who look at it after a run.

use super::resolve::{self, Result as StageResult};
use crate::data::{Hash, Table};
use crate::plan::{Facts, Plan, Stage};
use crate::store::{ObjectRef, Store, StoreError};

/// What a stage gave last.
#[derive(Clone, Debug)]
pub struct Latest {
    /// It is what a run would give: nothing that the stage reads has changed since.
    pub current: bool,
    /// The small results.
    pub facts: Facts,
    /// What isn't as it should be.
    pub warnings: Vec<String>,
    /// What isn't as required, so that the stage failed.
    pub unmet: Vec<String>,
    /// The fingerprint of the work.
    pub fingerprint: Option<Hash>,
    /// How long the work took when it was done.
    pub seconds: f64,
    outputs: Vec<(String, ObjectRef)>,
}

impl Latest {
    /// Gives the outputs by name; the main one has none.
    pub fn outputs(&self) -> impl Iterator<Item = (&str, &ObjectRef)> {
        self.outputs.iter().map(|(name, object)| (name.as_str(), object))
    }

    /// Gives an output's table, if it is one.
    ///
    /// # Errors
    /// The cached table is damaged.
    pub fn table(&self, output: &str, store: &Store) -> Result<Option<Table>, StoreError> {
        let found = self.outputs.iter().find(|(name, _)| name == output);
        match found {
            Some((_, object)) if object.digest.is_some() => store.table(object).map(Some),
            _ => Ok(None),
        }
    }
}

/// Finds what a stage gave last, if it ever ran and the cache still holds it.
#[must_use]
pub fn latest(plan: &Plan, stage: &Stage, store: &Store) -> Option<Latest> {
    let place = plan.stages.iter().position(|own| own.name == stage.name)?;
    let known = resolve::known(plan, store).into_iter().nth(place)?;
    newest(plan, stage, known.ok(), store)
}

/// Finds what each stage of a plan gave last, as [`latest`] does, in plan order.
#[must_use]
pub fn latest_of_all(plan: &Plan, store: &Store) -> Vec<Option<Latest>> {
    let known = resolve::known(plan, store).into_iter();
    let stages = plan.stages.iter().zip(known);
    stages.map(|(stage, known)| newest(plan, stage, known.ok(), store)).collect()
}

/// Gives what is known of a stage now, or else what its last run left.
fn newest(plan: &Plan, stage: &Stage, known: Option<StageResult>, store: &Store) -> Option<Latest> {
    if let Some(result) = known {
        return Some(of(stage, true, result));
    }
    let record = store.record(store.previous(&resolve::stage_key(plan, stage))?)?;
    let kept = serde_json::from_value(record.facts.clone()).ok()?;
    store.has_objects(&record).then(|| {
        let outputs = record.outputs.iter().map(|(_, object)| object.clone()).collect();
        of(stage, false, StageResult { fingerprint: Some(record.fingerprint), outputs, kept })
    })
}

fn of(stage: &Stage, current: bool, result: StageResult) -> Latest {
    let names = stage.outputs.iter().map(|(name, _)| (*name).to_owned());
    Latest {
        current,
        facts: result.kept.facts,
        warnings: result.kept.warnings,
        unmet: result.kept.unmet,
        fingerprint: result.fingerprint,
        seconds: result.kept.seconds,
        outputs: names.zip(result.outputs).collect(),
    }
}
