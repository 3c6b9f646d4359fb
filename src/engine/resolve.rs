//! Keys: what each stage's result is called in the cache, and whether it is there.

use std::path::Path;

use serde_json::{Value as Json, json};

use crate::data::Hash;
use crate::plan::{self, Caching, Facts, Input, InputDigest, Plan, Stage, Task};
use crate::store::{FileContent, ObjectRef, Record, Store};

/// What a stage gave, as the cache holds it.
#[derive(Clone, Debug, Default)]
pub(super) struct Result {
    /// The fingerprint of the work.
    pub(super) fingerprint: Option<Hash>,
    /// The outputs, in the order of the plan.
    pub(super) outputs: Vec<ObjectRef>,
    /// What is known beside them.
    pub(super) kept: Kept,
}

/// What is kept of a stage beside its outputs.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub(super) struct Kept {
    /// Its small results.
    pub(super) facts: Facts,
    /// What isn't as it should be.
    pub(super) warnings: Vec<String>,
    /// What isn't as required.
    pub(super) unmet: Vec<String>,
    /// Which entries ask for these, each in its turn.
    pub(super) entries: Vec<usize>,
    /// The files that it wrote outside of the cache, relative to the project, and their hashes.
    pub(super) files: Vec<(String, Hash)>,
    /// How long it took; told on a report's page, if asked for, and no part of any key.
    pub(super) seconds: f64,
}

/// A fingerprint, and what it is made of.
#[derive(Clone, Debug)]
pub(super) struct Key {
    /// The fingerprint.
    pub(super) fingerprint: Hash,
    /// What went in, readably.
    pub(super) description: Json,
    /// The files outside of the cache, as they were when the key was made.
    pub(super) files: Vec<FileContent>,
}

/// What `mlp plan` says of a stage.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Forecast {
    /// The stage's name.
    pub stage: String,
    /// Its kind.
    pub kind: &'static str,
    /// What would happen.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// What a run would do with a stage.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "verdict", content = "why", rename_all = "snake_case")]
pub enum Verdict {
    /// Take it from the cache.
    Cached,
    /// Run it, for this reason.
    WillRun(String),
    /// Run it if this stage gives something new.
    DependsOn(String),
}

/// Says what a run would do, without running anything.
#[must_use]
pub fn forecast(plan: &Plan, store: &Store) -> Vec<Forecast> {
    let known = known(plan, store);
    let mut forecasts = Vec::new();
    for (place, stage) in plan.stages.iter().enumerate() {
        let Some(task) = stage.task.as_ref().filter(|_| !stage.on_demand) else { continue };
        let waiting = stage
            .waits
            .iter()
            .find(|other| plan.stages[**other].task.is_some() && !is_well(&known[**other]));
        let verdict = match (&known[place], waiting) {
            (Ok(_), _) => Verdict::Cached,
            (Err(_), Some(other)) if task.caching != Caching::EachTime => {
                Verdict::DependsOn(plan.stages[*other].name.clone())
            }
            (Err(why), _) => Verdict::WillRun(why.clone()),
        };
        forecasts.push(Forecast { stage: stage.name.clone(), kind: stage.kind, verdict });
    }
    forecasts
}

/// Finds, stage by stage, what is in the cache; where it isn't, says why.
pub(super) fn known(plan: &Plan, store: &Store) -> Vec<std::result::Result<Result, String>> {
    let mut known: Vec<std::result::Result<Result, String>> = Vec::with_capacity(plan.stages.len());
    for stage in &plan.stages {
        let found = match &stage.task {
            None => Ok(Result::default()),
            Some(_) if !stage.waits.iter().all(|other| is_well(&known[*other])) => {
                Err("a stage that it waits for runs or fails".to_owned())
            }
            Some(task) => lookup(plan, stage, task, &known, store),
        };
        known.push(found);
    }
    known
}

/// Tells whether a stage is there and found nothing that stops those after it.
fn is_well(found: &std::result::Result<Result, String>) -> bool {
    found.as_ref().is_ok_and(|result| result.kept.unmet.is_empty())
}

fn lookup(
    plan: &Plan,
    stage: &Stage,
    task: &Task,
    known: &[std::result::Result<Result, String>],
    store: &Store,
) -> std::result::Result<Result, String> {
    if task.caching == Caching::EachTime {
        return Err("`cache: false`".to_owned());
    }
    let output = |input: &Input| known[input.stage].as_ref().ok()?.outputs.get(input.output);
    let key = key(stage, task, &output, store).map_err(|error| error.to_string())?;
    found(&key, store).ok_or_else(|| why(plan, stage, &key, store))
}

/// Says why a stage has to run: what is other than at its last run.
pub(super) fn why(plan: &Plan, stage: &Stage, key: &Key, store: &Store) -> String {
    match store.previous(&stage_key(plan, stage)).and_then(|before| store.record(before)) {
        None => "it has not run before".to_owned(),
        Some(before) => plan::difference(&before.inputs, &key.description, &files(plan, key)),
    }
}

/// Names the files that a stage reads as the pipeline's text does: relative to its folder.
fn files(plan: &Plan, key: &Key) -> Vec<String> {
    let folder = plan.path.parent().unwrap_or_else(|| Path::new(""));
    let name = |content: &FileContent| {
        let inside = content.path.strip_prefix(folder).unwrap_or(&content.path);
        inside.display().to_string()
    };
    key.files.iter().map(name).collect()
}

/// Names a stage among all pipelines of a project, to find its last run.
pub(super) fn stage_key(plan: &Plan, stage: &Stage) -> String {
    let file = plan.path.file_name().unwrap_or_default().to_string_lossy();
    format!("{file}/{}", stage.name)
}

/// Makes the key of a stage whose inputs are known.
pub(super) fn key<'a>(
    stage: &Stage,
    task: &Task,
    output: &dyn Fn(&Input) -> Option<&'a ObjectRef>,
    store: &Store,
) -> std::result::Result<Key, KeyError> {
    let mut inputs = Vec::new();
    for input in &task.inputs {
        let object = output(input).ok_or(KeyError::Unknown)?;
        let digest = match &object.digest {
            Some(digest) => InputDigest::Table(digest.clone()),
            None => InputDigest::Blob(object.content),
        };
        inputs.push(digest.describe(input));
    }
    let mut files = Vec::new();
    for path in &task.files {
        let content = store
            .content_hash(path)
            .map_err(|source| KeyError::File { path: path.clone(), source })?;
        inputs.push(json!({ "file": content.hash }));
        files.push(content);
    }
    let description = plan::describe(stage.kind, stage.version, &task.settings, &inputs);
    Ok(Key { fingerprint: plan::fingerprint(&description), description, files })
}

/// Why a key can't be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeyError {
    /// An input isn't known.
    #[error("an input is not known")]
    Unknown,
    /// A file can't be read.
    #[error("`{}` can't be read: {source}", path.display())]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Finds the result under a key, if all of it is there.
pub(super) fn found(key: &Key, store: &Store) -> Option<Result> {
    let record = store.record(key.fingerprint)?;
    if !store.has_objects(&record) {
        return None;
    }
    let kept: Kept = serde_json::from_value(record.facts.clone()).ok()?;
    let stands = |(path, hash): &(String, Hash)| {
        store.content_hash(Path::new(path)).is_ok_and(|content| content.hash == *hash)
    };
    kept.files.iter().all(stands).then(|| Result {
        fingerprint: Some(key.fingerprint),
        outputs: record.outputs.iter().map(|(_, object)| object.clone()).collect(),
        kept,
    })
}

/// Makes the record of a stage.
pub(super) fn record(stage: &Stage, key: &Key, result: &Result) -> Record {
    let names = stage.outputs.iter().map(|(name, _)| (*name).to_owned());
    Record {
        fingerprint: key.fingerprint,
        kind: stage.kind.to_owned(),
        inputs: key.description.clone(),
        outputs: names.zip(result.outputs.iter().cloned()).collect(),
        facts: serde_json::to_value(&result.kept).unwrap_or(Json::Null),
    }
}
