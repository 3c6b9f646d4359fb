//! mlp in a Rust program: open a pipeline, run it, take what came of it.
//!
//! Goes the way that the commands go, and prints nothing.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::cli::render::Renderer;
use crate::cli::{Look, load_with};
use crate::data::Table;
use crate::engine::{
    self, EngineError, Event, Observer, Options, Outcome, Report, Services, project_of,
    unbuilt_settings,
};
use crate::ml::model::{BadModel, FittedModel};
use crate::plan::{Plan, Registry, Request};
use crate::stages::{self, FITTED};
use crate::store::{ObjectRef, Store, StoreError};

/// What a program knows and wants beside its pipelines.
#[derive(Clone)]
pub struct Session {
    registry: Arc<Registry>,
    observer: Arc<dyn Observer + Send + Sync>,
    threads: usize,
}

impl Default for Session {
    /// Knows what is built in.
    fn default() -> Self {
        Self::new(stages::registry())
    }
}

impl Session {
    /// Knows what a registry holds.
    #[must_use]
    pub fn new(registry: Registry) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { registry: Arc::new(registry), observer: Arc::new(Nobody), threads }
    }

    /// Has somebody hear what happens during runs.
    #[must_use]
    pub fn watched_by(self, observer: Arc<dyn Observer + Send + Sync>) -> Self {
        Self { observer, ..self }
    }

    /// Computes on so many threads; the results are the same on any number.
    #[must_use]
    pub fn on_threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// Reads and checks a pipeline.
    ///
    /// # Errors
    /// It can't be read, or something is wrong with it: [`SessionError::Wrong`] says everything.
    pub fn open(&self, path: impl Into<PathBuf>) -> Result<Pipeline, SessionError> {
        self.open_with(path, &Request::default())
    }

    /// Reads and checks a pipeline whose parameters are set.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(
        &self,
        path: impl Into<PathBuf>,
        request: &Request,
    ) -> Result<Pipeline, SessionError> {
        let path = path.into();
        let text = std::fs::read_to_string(&path)
            .map_err(|source| SessionError::Unread { path: path.clone(), source })?;
        let project = project_of(&path);
        if let Some(message) = unbuilt_settings(&project) {
            return Err(SessionError::Wrong(message));
        }
        let store = Arc::new(Store::open(&project.join(".mlp"))?);
        let loaded = load_with(&path, &text, request, &store, &self.registry);
        let found = Renderer::new(&loaded.sources, &Look::plain()).all(&loaded.diagnostics);
        match loaded.plan {
            Some(plan) => Ok(Pipeline {
                session: self.clone(),
                plan: Arc::new(plan),
                store,
                project,
                warnings: found,
            }),
            None => Err(SessionError::Wrong(found)),
        }
    }
}

/// A pipeline that was found to be right.
pub struct Pipeline {
    session: Session,
    plan: Arc<Plan>,
    store: Arc<Store>,
    project: PathBuf,
    warnings: String,
}

impl Pipeline {
    /// Gives what will run.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Gives the folder of its project, below which it may write.
    #[must_use]
    pub fn project(&self) -> &Path {
        &self.project
    }

    /// Gives what is only doubtful, as the commands would show it; empty if nothing is.
    #[must_use]
    pub fn warnings(&self) -> &str {
        &self.warnings
    }

    /// Runs what has changed.
    ///
    /// # Errors
    /// A stage failed, or what it found isn't as required: [`SessionError::Failed`] holds the report.
    pub fn run(&self) -> Result<Report, SessionError> {
        let services = Services {
            store: Arc::clone(&self.store),
            observer: Arc::clone(&self.session.observer),
            stop: Arc::new(AtomicBool::new(false)),
        };
        let options = Options {
            threads: self.session.threads,
            memory: engine::machine_memory().map(|bytes| bytes / 5 * 4),
            locked: false,
            only: Vec::new(),
            project: self.project.clone(),
        };
        let report = engine::run(&self.plan, &services, &options)?;
        if report.ok() { Ok(report) } else { Err(SessionError::Failed(Box::new(report))) }
    }

    /// Gives a table that a run left: `scored`, `parts.train`.
    ///
    /// # Errors
    /// There is no such table, or not yet.
    pub fn table(&self, output: &str) -> Result<Table, SessionError> {
        let object = self.output(output).filter(|object| object.digest.is_some());
        let object = object.ok_or_else(|| missing("table", output))?;
        Ok(self.store.table(&object)?)
    }

    /// Gives a fitted model that a run left.
    ///
    /// # Errors
    /// There is no such model, or not yet.
    pub fn model(&self, output: &str) -> Result<FittedModel, SessionError> {
        let object = self.output(output).filter(|object| object.kind == FITTED);
        let object = object.ok_or_else(|| missing("fitted model", output))?;
        let bytes = self.store.blob(&object)?;
        Ok(FittedModel::load(&bytes, self.session.registry.estimators())?)
    }

    /// Finds an output that is up to date.
    fn output(&self, path: &str) -> Option<ObjectRef> {
        let whole = self.plan.stage(path).map(|stage| (stage, ""));
        let (stage, output) = whole.or_else(|| {
            let (name, output) = path.rsplit_once('.')?;
            Some((self.plan.stage(name)?, output))
        })?;
        let latest = engine::latest(&self.plan, stage, &self.store).filter(|own| own.current)?;
        let found = latest.outputs().find(|(name, _)| *name == output);
        found.map(|(_, object)| object.clone())
    }
}

fn missing(what: &'static str, output: &str) -> SessionError {
    SessionError::Missing { what, output: output.to_owned() }
}

/// Why a pipeline can't be opened or run.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The file can't be read.
    #[error("the pipeline `{}` can't be read: {source}", path.display())]
    Unread {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something is wrong with the pipeline: all that was found, with places and what to do.
    #[error("the pipeline is wrong\n\n{0}")]
    Wrong(String),
    /// A stage failed, or what it found isn't as required.
    #[error("{}", first_failure(.0))]
    Failed(Box<Report>),
    /// There is no such output of a stage that is up to date.
    #[error("there is no {what} `{output}` that is up to date; run the pipeline first")]
    Missing {
        /// What was asked for.
        what: &'static str,
        /// By which name.
        output: String,
    },
    /// The run as a whole failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The cache failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A cached model is damaged, or of an estimator that the session doesn't know.
    #[error("a cached model can't be used: {0}")]
    Model(#[from] BadModel),
}

/// As it is said to people: a `main` that gives back an error shows it in this way.
impl fmt::Debug for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

fn first_failure(report: &Report) -> String {
    let failed = report.stages.iter().find(|stage| stage.outcome == Outcome::Failed);
    match failed {
        Some(stage) => {
            let first = format!("`{}` failed: {}", stage.stage, stage.why);
            stage.help.iter().fold(first, |text, line| text + "\n  help: " + line)
        }
        None => "the run was ended".to_owned(),
    }
}

/// Hears nothing.
struct Nobody;

impl Observer for Nobody {
    fn on(&self, _: &Event<'_>) {}
}
