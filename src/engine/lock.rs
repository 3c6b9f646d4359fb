//! The lock file of a run: read before, written after, or held against what came out.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::events::{Outcome, Report, StageReport};
use super::resolve::Result as StageResult;
use crate::plan::{Plan, Stage};
use crate::store::{LockFile, LockFileError, LockText, LockedOutput, LockedScore, LockedStage};

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
pub(super) fn read(plan: &Plan) -> Result<LockText, LockError> {
    Ok(LockText::read(&path_of(plan))?)
}

/// Writes the lock file after a run, or holds the run against it.
pub(super) fn settle(
    plan: &Plan,
    results: &[Option<StageResult>],
    report: &Report,
    before: &LockText,
    locked: bool,
) -> Result<(), LockError> {
    let mut after = after(plan, results, report);
    if before.says(&after) {
        return Ok(());
    }
    let before = before.parse()?;
    if locked {
        let before = before.ok_or_else(|| LockError::Missing { path: path_of(plan) })?;
        let stages: Vec<String> = after
            .stages
            .iter()
            .filter(|(name, stage)| before.stages.get(*name) != Some(*stage))
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        return if stages.is_empty() { Ok(()) } else { Err(LockError::Differs { stages }) };
    }
    // What was there of stages that didn't come to an end stays, in the order of the plan.
    let mut kept = |stage: &Stage| {
        let entry = after.stages.swap_remove(&stage.name);
        entry.or_else(|| before?.stages.get(&stage.name).cloned())
    };
    let stages =
        plan.stages.iter().filter_map(|stage| Some((stage.name.clone(), kept(stage)?))).collect();
    LockFile { stages }.write_if_changed(&path_of(plan))?;
    Ok(())
}

/// Makes the lock file of the stages that came to an end.
fn after(plan: &Plan, results: &[Option<StageResult>], report: &Report) -> LockFile {
    let well = |report: &&StageReport| matches!(report.outcome, Outcome::Ran | Outcome::Cached);
    let ended: BTreeSet<&str> =
        report.stages.iter().filter(well).map(|report| report.stage.as_str()).collect();
    let entry = |(stage, result): (&Stage, &Option<StageResult>)| {
        let result = result.as_ref().filter(|_| ended.contains(stage.name.as_str()))?;
        Some((stage.name.clone(), locked(stage, result)?))
    };
    LockFile { stages: plan.stages.iter().zip(results).filter_map(entry).collect() }
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
