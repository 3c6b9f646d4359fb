//! Runs one stage: key, cache, work, commit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use serde_json::Value as Json;

use super::events::{Event, Observer, Outcome, OutputReport, StageReport};
use super::resolve::{self, Kept};
use crate::data::Hash;
use crate::ml::Seed;
use crate::plan::{
    self, Artifact, Caching, Failure, Input, Plan, Produced, Progress, Registry, Running, Stage,
    TableSink, Task,
};
use crate::sql::{Limits, Memory};
use crate::store::{ObjectRef, Record, SMALL_PART, Store, StoreError, TableWriter};
use crate::text::Span;

/// What every stage of a run shares.
pub(super) struct Shared {
    pub(super) plan: Arc<Plan>,
    pub(super) store: Arc<Store>,
    pub(super) observer: Arc<dyn Observer + Send + Sync>,
    pub(super) pool: rayon::ThreadPool,
    pub(super) runtime: tokio::runtime::Handle,
    pub(super) project: PathBuf,
    pub(super) memory: Memory,
}

/// How one stage ended.
pub(super) struct Ended {
    pub(super) report: StageReport,
    pub(super) result: Option<resolve::Result>,
    /// The stages whose results were to be read and turned out to be gone or damaged: with them
    /// made anew, this one can run.
    pub(super) lost: Vec<usize>,
}

/// Why a stage didn't come to its end.
enum Trouble {
    /// It failed.
    Failed(Failure),
    /// What these stages gave is not in the cache any more.
    Lost(Vec<usize>),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Runs a stage whose inputs are there, or finds its result.
pub(super) fn run(
    shared: &Shared,
    place: usize,
    inputs: &[ObjectRef],
    stop: &Arc<AtomicBool>,
) -> Ended {
    let stage = &shared.plan.stages[place];
    let begun = Instant::now();
    let ended = match &stage.task {
        Some(task) => attempt(shared, stage, task, inputs, stop),
        None => Ok((Outcome::Cached, resolve::Result::default())),
    };
    let seconds = begun.elapsed().as_secs_f64();
    match ended {
        Ok((outcome, result)) => {
            let report = finished(stage, outcome, &result, seconds);
            Ended { report, result: Some(result), lost: Vec::new() }
        }
        Err(Trouble::Failed(failure)) => {
            Ended { report: failed(stage, &failure, seconds), result: None, lost: Vec::new() }
        }
        Err(Trouble::Lost(lost)) => {
            let failure =
                Failure::new("what it reads is damaged in the cache each time it is made")
                    .help("the disk may be failing; look at it, or put the cache on another one");
            Ended { report: failed(stage, &failure, seconds), result: None, lost }
        }
    }
}

/// Describes a stage whose result is there.
pub(super) fn finished(
    stage: &Stage,
    outcome: Outcome,
    result: &resolve::Result,
    seconds: f64,
) -> StageReport {
    let kept = &result.kept;
    let outputs = stage
        .outputs
        .iter()
        .zip(&result.outputs)
        .map(|((name, _), object)| OutputReport {
            name: (*name).to_owned(),
            rows: object.digest.as_ref().map(|digest| digest.rows),
            digest: object.content,
        })
        .collect();
    StageReport {
        stage: stage.name.clone(),
        kind: stage.kind.to_owned(),
        outcome: if kept.unmet.is_empty() { outcome } else { Outcome::Failed },
        why: kept.unmet.join("; "),
        help: Vec::new(),
        warnings: kept.warnings.clone(),
        outputs,
        facts: kept.facts.clone(),
        seconds,
        places: places(stage, kept),
    }
}

/// Gives the places of the entries that are unmet.
fn places(stage: &Stage, kept: &Kept) -> Vec<Span> {
    let of_entry = |entry: &usize| stage.entries.get(*entry).copied();
    let mut places: Vec<Span> = kept.entries.iter().filter_map(of_entry).collect();
    places.dedup();
    if places.is_empty() && !kept.unmet.is_empty() {
        places.push(stage.span);
    }
    places
}

fn failed(stage: &Stage, failure: &Failure, seconds: f64) -> StageReport {
    StageReport {
        stage: stage.name.clone(),
        kind: stage.kind.to_owned(),
        outcome: if failure.stopped { Outcome::Stopped } else { Outcome::Failed },
        why: failure.message.clone(),
        help: failure.help.clone(),
        warnings: Vec::new(),
        outputs: Vec::new(),
        facts: plan::Facts::default(),
        seconds,
        places: vec![failure.span.unwrap_or(stage.span)],
    }
}

fn attempt(
    shared: &Shared,
    stage: &Stage,
    task: &Task,
    inputs: &[ObjectRef],
    stop: &Arc<AtomicBool>,
) -> Result<(Outcome, resolve::Result), Trouble> {
    let store = &shared.store;
    let place = |input: &Input| task.inputs.iter().position(|own| own == input);
    let output = |input: &Input| place(input).and_then(|index| inputs.get(index));
    let key = resolve::key(stage, task, &output, store)
        .map_err(|error| Failure::new(error.to_string()))?;
    // Waits here while another process makes the same result, and shares it then.
    let _lock = store.lock(key.fingerprint).map_err(|error| trouble(&error))?;
    if task.caching != Caching::EachTime
        && let Some(result) = resolve::found(&key, store)
    {
        return Ok((Outcome::Cached, result));
    }
    let why = match task.caching {
        Caching::EachTime => "`cache: false`".to_owned(),
        Caching::Keyed | Caching::Effect => resolve::why(&shared.plan, stage, &key, store),
    };
    shared.observer.on(&Event::StageStarted { stage: &stage.name, kind: stage.kind, why: &why });
    let begun = Instant::now();
    let mut left = stage.retries;
    let produced = loop {
        match work(shared, stage, task, inputs, stop) {
            Ok(produced) => break produced,
            Err(Trouble::Failed(failure)) if left > 0 && !failure.stopped => left -= 1,
            Err(trouble) => return Err(trouble),
        }
    };
    let result = keep(shared, stage, &key, (produced, begun.elapsed().as_secs_f64()))?;
    Ok((Outcome::Ran, result))
}

/// Loads the inputs and does the work, whatever it does.
fn work(
    shared: &Shared,
    stage: &Stage,
    task: &Task,
    inputs: &[ObjectRef],
    stop: &Arc<AtomicBool>,
) -> Result<Produced, Trouble> {
    let artifacts = artifacts(shared, task, inputs)?;
    kept_promises(stage, task, &artifacts)?;
    let contents = inputs.iter().map(|object| object.content).collect();
    let context = Context { shared, stage, contents, stop };
    let done = catch_unwind(AssertUnwindSafe(|| task.work.run(&artifacts, &context)));
    let produced = done.unwrap_or_else(|panic| Err(broken(panic.as_ref())))?;
    if stop.load(Ordering::Relaxed) {
        return Err(Failure::stopped().into());
    }
    Ok(produced)
}

/// Checks that the columns are there that only the run could tell.
fn kept_promises(stage: &Stage, task: &Task, artifacts: &[Artifact]) -> Result<(), Failure> {
    for promise in &stage.promised {
        let is_it = |input: &Input| (input.stage, input.output) == promise.input;
        let at = task.inputs.iter().position(is_it);
        if let Some(Artifact::Table(table)) = at.and_then(|at| artifacts.get(at))
            && table.column_index(&promise.column).is_none()
        {
            return Err(promise.broken(table.schema()));
        }
    }
    Ok(())
}

/// Loads the inputs; those that the cache has lost are told by the stages that make them.
fn artifacts(shared: &Shared, task: &Task, inputs: &[ObjectRef]) -> Result<Vec<Artifact>, Trouble> {
    let mut artifacts = Vec::with_capacity(inputs.len());
    let mut lost = Vec::new();
    for (input, object) in task.inputs.iter().zip(inputs) {
        match load(&shared.store, object) {
            Ok(artifact) => artifacts.push(artifact),
            Err(error) if error.is_miss() => lost.push(input.stage),
            Err(error) => return Err(trouble(&error).into()),
        }
    }
    if lost.is_empty() { Ok(artifacts) } else { Err(Trouble::Lost(lost)) }
}

/// Words a panic: the bug is ours, not the user's.
fn broken(panic: &(dyn std::any::Any + Send)) -> Failure {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    Failure::new(format!("mlp broke here: {text}"))
        .help("this is a bug in mlp, not in your pipeline; please report it with this message")
}

fn load(store: &Store, object: &ObjectRef) -> Result<Artifact, StoreError> {
    if object.digest.is_some() {
        store.table(object).map(Artifact::Table)
    } else {
        let bytes = store.blob(object)?;
        Ok(Artifact::Blob { kind: object.kind.clone(), bytes })
    }
}

fn put(store: &Store, artifact: &Artifact) -> Result<ObjectRef, Failure> {
    match artifact {
        Artifact::Table(table) => store.put_table(table),
        Artifact::Kept(object) => Ok(object.clone()),
        Artifact::Blob { kind, bytes } => store.put_blob(kind, bytes),
    }
    .map_err(|error| trouble(&error))
}

fn trouble(error: &StoreError) -> Failure {
    Failure::new(error.to_string())
        .help("the cache folder must be writable and its disk must have room")
}

/// Stores what a stage made; commits the record last.
fn keep(
    shared: &Shared,
    stage: &Stage,
    key: &resolve::Key,
    (produced, seconds): (Produced, f64),
) -> Result<resolve::Result, Failure> {
    let store = &shared.store;
    let outputs: Vec<ObjectRef> = shared.pool.install(|| {
        produced.outputs.iter().map(|artifact| put(store, artifact)).collect::<Result<_, _>>()
    })?;
    let files = produced.files.iter().map(|path| written(store, path)).collect::<Result<_, _>>()?;
    let (unmet, entries) =
        produced.unmet.into_iter().map(|unmet| (unmet.message, unmet.entry)).unzip();
    let mut kept =
        Kept { facts: produced.facts, warnings: produced.warnings, unmet, entries, files, seconds };
    let changed = key.files.iter().find(|content| !store.unchanged(content));
    if let Some(content) = changed {
        kept.warnings.push(format!(
            "`{}` changed while it was read, so this result is not kept",
            content.path.display()
        ));
        return Ok(resolve::Result { fingerprint: None, outputs, kept });
    }
    let result = resolve::Result { fingerprint: Some(key.fingerprint), outputs, kept };
    store.commit(&resolve::record(stage, key, &result)).map_err(|error| trouble(&error))?;
    store.set_previous(&resolve::stage_key(&shared.plan, stage), key.fingerprint);
    Ok(result)
}

fn written(store: &Store, path: &Path) -> Result<(String, Hash), Failure> {
    let content = store.content_hash(path).map_err(|error| {
        Failure::new(format!("`{}` can't be read back: {error}", path.display()))
    })?;
    Ok((path.to_string_lossy().into_owned(), content.hash))
}

/// A table on its way into the cache.
struct Keeping(TableWriter);

impl TableSink for Keeping {
    fn push(&mut self, batch: RecordBatch) -> Result<(), Failure> {
        self.0.push(batch).map_err(|error| trouble(&error))
    }

    fn finish(self: Box<Self>) -> Result<Artifact, Failure> {
        self.0.finish().map(Artifact::Kept).map_err(|error| trouble(&error))
    }
}

/// What the work of one stage leans on.
struct Context<'a> {
    shared: &'a Shared,
    stage: &'a Stage,
    contents: Vec<Hash>,
    stop: &'a Arc<AtomicBool>,
}

impl Running for Context<'_> {
    fn seed(&self) -> Seed {
        Seed::new(self.stage.seed)
    }

    fn contents(&self) -> &[Hash] {
        &self.contents
    }

    fn stop(&self) -> &AtomicBool {
        self.stop
    }

    fn pool(&self) -> &rayon::ThreadPool {
        &self.shared.pool
    }

    fn runtime(&self) -> &tokio::runtime::Handle {
        &self.shared.runtime
    }

    fn registry(&self) -> &Registry {
        &self.shared.plan.registry
    }

    fn limits(&self) -> Limits<'_> {
        Limits { memory: &self.shared.memory, stop: self.stop }
    }

    fn project(&self) -> &Path {
        &self.shared.project
    }

    fn table(&self, schema: SchemaRef) -> Result<Box<dyn TableSink>, Failure> {
        let writer = TableWriter::new(&self.shared.store, schema);
        Ok(Box::new(Keeping(writer.map_err(|error| trouble(&error))?)))
    }

    fn progress(&self, progress: Progress) {
        self.shared.observer.on(&Event::StageProgress { stage: &self.stage.name, progress });
    }

    fn part(
        &self,
        label: &str,
        key: &Json,
        make: &(dyn Fn() -> Result<Artifact, Failure> + Sync),
    ) -> Result<Artifact, Failure> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Failure::stopped());
        }
        let store = &self.shared.store;
        let description = plan::describe("part", 1, key, &[]);
        let fingerprint = plan::fingerprint(&description);
        let told = |cached: bool| {
            let event = Event::PartFinished { stage: &self.stage.name, part: label, cached };
            self.shared.observer.on(&event);
        };
        if let Some(artifact) = kept_part(store, fingerprint) {
            told(true);
            return Ok(artifact);
        }
        let artifact = make()?;
        if self.stop.load(Ordering::Relaxed) {
            return Err(Failure::stopped());
        }
        keep_part(store, fingerprint, description, &artifact)?;
        told(false);
        Ok(artifact)
    }
}

/// Finds a part of a stage's work: among the small ones, or with a record of its own.
fn kept_part(store: &Store, fingerprint: Hash) -> Option<Artifact> {
    if let Some(small) = store.part(fingerprint)
        && let Ok(SmallPart { kind, bytes }) = postcard::from_bytes(&small)
    {
        return Some(Artifact::Blob { kind, bytes: bytes.into() });
    }
    let record = store.record(fingerprint)?;
    let (_, object) = record.outputs.first()?;
    load(store, object).ok()
}

/// Keeps a part of a stage's work.
fn keep_part(
    store: &Store,
    fingerprint: Hash,
    description: Json,
    artifact: &Artifact,
) -> Result<(), Failure> {
    if let Artifact::Blob { kind, bytes } = artifact
        && bytes.len() <= SMALL_PART
        && let Ok(small) =
            postcard::to_allocvec(&SmallPart { kind: kind.clone(), bytes: bytes.to_vec() })
    {
        return store.put_part(fingerprint, &small).map_err(|error| trouble(&error));
    }
    let record = Record {
        fingerprint,
        kind: "part".to_owned(),
        inputs: description,
        outputs: vec![(String::new(), put(store, artifact)?)],
        facts: Json::Null,
    };
    store.commit(&record).map_err(|error| trouble(&error))
}

/// A small blob as it is kept.
#[derive(serde::Serialize, serde::Deserialize)]
struct SmallPart {
    kind: String,
    bytes: Vec<u8>,
}
