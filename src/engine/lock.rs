//! The lock file of a run: read before, written after, or held against what came out.

use std::path::PathBuf;

use indexmap::IndexMap;

use super::events::{Outcome, Report};
use super::resolve::Result as StageResult;
use crate::plan::{Plan, Stage};
use crate::store::{LockFile, LockFileError, LockedOutput, LockedScore, LockedStage};

/// What is wrong with a lock file, or with a run that was held against one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// It can't be read or written.
    #[error(transparent)]
    File(#[from] LockFileError),
    /// The run came to other results.
    #[error("with `--locked`, results must be those of the lock file; other are: {}", stages.join(", "))]
    Differs {
        /// The stages whose results differ.
        stages: Vec<String>,
    },
    /// There is no lock file to hold the run against.
    #[error("with `--locked`, there must be a lock file; `{}` isn't there: run once without `--locked`", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
}

/// Gives the path of a pipeline's lock file: `NAME.lock` beside `NAME.mlp`.
#[must_use]
pub(super) fn path_of(plan: &Plan) -> PathBuf {
    plan.path.with_extension("lock")
}

/// Reads the lock file of a pipeline, if there is one.
pub(super) fn read(plan: &Plan) -> Result<Option<LockFile>, LockError> {
    Ok(LockFile::read(&path_of(plan))?)
}

/// Writes the lock file after a run, or holds the run against it.
pub(super) fn settle(
    plan: &Plan,
    results: &[Option<StageResult>],
    report: &Report,
    before: Option<LockFile>,
    locked: bool,
) -> Result<(), LockError> {
    let after = after(plan, results, report, before.as_ref());
    if !locked {
        after.write_if_changed(&path_of(plan))?;
        return Ok(());
    }
    let Some(before) = before else { return Err(LockError::Missing { path: path_of(plan) }) };
    let stages: Vec<String> = after
        .stages
        .iter()
        .filter(|(name, stage)| before.stages.get(*name) != Some(*stage))
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    if stages.is_empty() { Ok(()) } else { Err(LockError::Differs { stages }) }
}

/// Makes the lock file: what is new of the stages that came to an end, what was there of the others.
fn after(
    plan: &Plan,
    results: &[Option<StageResult>],
    report: &Report,
    before: Option<&LockFile>,
) -> LockFile {
    let ended = |stage: &Stage| {
        report.stages.iter().any(|own| {
            own.stage == stage.name && matches!(own.outcome, Outcome::Ran | Outcome::Cached)
        })
    };
    let mut stages = IndexMap::new();
    for (stage, result) in plan.stages.iter().zip(results) {
        let entry = match result {
            Some(result) if ended(stage) => locked(stage, result),
            _ => before.and_then(|before| before.stages.get(&stage.name).cloned()),
        };
        stages.extend(entry.map(|entry| (stage.name.clone(), entry)));
    }
    LockFile { stages }
}

fn locked(stage: &Stage, result: &StageResult) -> Option<LockedStage> {
    let facts = &result.kept.facts;
    let name = |name: &str| if name.is_empty() { "main".to_owned() } else { name.to_owned() };
    let outputs = stage
        .outputs
        .iter()
        .zip(&result.outputs)
        .map(|((own, _), object)| (name(own), LockedOutput::of(object)))
        .collect();
    let metrics = facts
        .metrics
        .iter()
        .map(|score| LockedScore {
            model: score.model.clone(),
            metric: score.metric.clone(),
            value: score.value,
            sd: score.sd,
        })
        .collect();
    Some(LockedStage {
        kind: stage.kind.to_owned(),
        fingerprint: result.fingerprint?,
        outputs,
        best: facts.best.iter().map(|(path, value)| (path.clone(), value.clone())).collect(),
        metrics,
    })
}
