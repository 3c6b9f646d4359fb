//! The traits where stage kinds and the engine meet.
//!
//! A stage kind says, before any run, what a block gives and what it reads ([`StageKind::check`]);
//! what comes of that is a [`Work`] that the engine runs or finds in the cache. Neither side knows
//! the other: kinds are handed to `plan` in a registry, and the engine sees tables and opaque bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use serde_json::Value as Json;

use super::checking::Checking;
use super::registry::Registry;
use crate::data::{Hash, Table};
use crate::diag::nearest;
use crate::ml::Seed;
use crate::ml::model::{Interface, ModelSpec};
use crate::params::{Args, Signature};
use crate::sql;
use crate::store::ObjectRef;
use crate::text::Span;

/// A registered kind of block.
pub trait StageKind: Sync {
    /// Gives the word and the fields.
    fn signature(&self) -> &'static Signature;

    /// Counts up when the same settings and inputs give another output than before.
    fn version(&self) -> u32 {
        1
    }

    /// Tells what role its blocks play.
    fn role(&self) -> Role {
        Role::Work
    }

    /// Gives the stages that a block names outside of fields that hold stages, such as the tables
    /// of its SQL.
    fn mentions(&self, _args: &Args, _checking: &mut Checking<'_>) -> Vec<Mention> {
        Vec::new()
    }

    /// Gives the columns whose equal values a block keeps together, as `group` in a `split` does.
    fn groups(&self, _args: &Args) -> Vec<String> {
        Vec::new()
    }

    /// Tells whether its blocks fit models.
    fn learns(&self) -> bool {
        false
    }

    /// Tells whether a block reads, beside what it names, every stage that keeps something.
    fn reads_all(&self, _args: &Args) -> bool {
        false
    }

    /// Checks a block whose inputs are checked, and says what it gives and what work that is.
    ///
    /// Gives nothing after it reported an error.
    fn check(&self, args: &Args, checking: &mut Checking<'_>) -> Option<Checked>;
}

/// The role of a kind of block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Only says something that others use: it never runs.
    Definition,
    /// Brings data in; without a reader it has no use.
    Source,
    /// Makes something of its inputs.
    Work,
    /// Every other reader of its data waits for it, and doesn't run if it fails.
    Guard,
    /// Leaves something outside of the cache.
    Effect,
}

/// A stage named in a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// The name: `parts.train`.
    pub path: Vec<String>,
    /// Where it stands.
    pub span: Span,
}

/// A block that was found to be right.
#[derive(Clone)]
pub struct Checked {
    /// What it gives, by name; the main output has no name and comes first.
    pub outputs: Vec<(&'static str, Output)>,
    /// The work; none where the block only defines something.
    pub task: Option<Task>,
}

/// What one output of a stage is.
#[derive(Clone, Debug)]
pub enum Output {
    /// A table.
    Table(TableType),
    /// A model that isn't fitted.
    Model(ModelType),
    /// A fitted model.
    Fitted(FittedType),
}

impl Output {
    /// Names it as a user would.
    #[must_use]
    pub const fn spoken(&self) -> &'static str {
        match self {
            Self::Table(_) => "a table",
            Self::Model(_) => "a model",
            Self::Fitted(_) => "a fitted model",
        }
    }
}

/// What is known of a table before the run.
#[derive(Clone, Debug)]
pub struct TableType {
    /// Its columns; none where a source couldn't be asked (its data are absent, and no schema is
    /// declared).
    pub schema: Option<SchemaRef>,
    /// More columns of the form `probability_CLASS` may turn up at run time.
    pub open: bool,
    /// The columns of ingested tables that each column derives from, for the leakage lint.
    pub lineage: Arc<Lineage>,
}

/// What the column of a class's probability begins with.
pub const PROBABILITY: &str = "probability_";

impl TableType {
    /// Gives the columns, if they are known; an open table has those of the named ones that may turn
    /// up at run time, as nullable floats.
    #[must_use]
    pub fn planned<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Option<SchemaRef> {
        let schema = self.schema.as_ref()?;
        if !self.open {
            return Some(Arc::clone(schema));
        }
        let mut fields: Vec<FieldRef> = schema.fields().iter().cloned().collect();
        for name in names.into_iter().filter(|name| name.starts_with(PROBABILITY)) {
            if !fields.iter().any(|field| field.name() == name) {
                fields.push(Arc::new(Field::new(name, DataType::Float64, true)));
            }
        }
        Some(Arc::new(Schema::new(fields)))
    }
}

/// For each column, the columns of ingested tables that it derives from: `passengers.age`.
pub type Lineage = BTreeMap<String, BTreeSet<String>>;

/// What is known of a model before the run.
#[derive(Clone, Debug)]
pub struct ModelType {
    /// Its settings; of a tuned one, those before tuning.
    pub spec: Arc<ModelSpec>,
    /// How to find the values that were best: the search itself, where the model is a tune's.
    pub tuned: Option<Arc<dyn Tuned>>,
    /// The table that the search was run on: stage and output.
    pub searched_on: Option<(usize, usize)>,
    /// Where each of the model's fields was written, and where its name stands (under no name).
    pub places: Arc<BTreeMap<&'static str, Span>>,
}

/// A search for good values that can be run again on other rows, as nested validation does.
pub trait Tuned: std::fmt::Debug + Send + Sync {
    /// Finds the best settings on some rows; every random choice derives from the seed.
    fn search(&self, rows: &Table, seed: Seed, running: &dyn Running)
    -> Result<ModelSpec, Failure>;

    /// Writes its settings canonically.
    fn canonical(&self) -> Json;
}

/// What is known of a fitted model before the run.
#[derive(Clone, Debug)]
pub struct FittedType {
    /// What it takes and gives; of a tuned one, as its settings before tuning tell.
    pub interface: Arc<Interface>,
    /// The table that it is fitted on: stage and output.
    pub trained_on: (usize, usize),
    /// The table on which its settings were searched for, if they were.
    pub searched_on: Option<(usize, usize)>,
}

/// Work to be run or found in the cache.
#[derive(Clone)]
pub struct Task {
    /// What it reads, in the order in which [`Work::run`] gets it.
    pub inputs: Vec<Input>,
    /// The settings as they are keyed: canonical, defaults filled in, parameters put in.
    pub settings: Json,
    /// Files outside of the project's cache that it reads.
    pub files: Vec<std::path::PathBuf>,
    /// Files outside of the project's cache that it writes.
    pub writes: Vec<std::path::PathBuf>,
    /// What to do.
    pub work: Arc<dyn Work>,
    /// Whether its result may be taken from the cache.
    pub caching: Caching,
}

/// Whether a result may be taken from the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caching {
    /// Taken from the cache when its key is there.
    Keyed,
    /// Made each time; its outputs are keyed by content, so that later work may still be found.
    EachTime,
    /// Writes outside of the cache; done again unless the files stand as it left them.
    Effect,
}

/// One output of another stage that work reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The stage, by its place in the plan.
    pub stage: usize,
    /// The output, by its place in [`Checked::outputs`].
    pub output: usize,
    /// Which columns of a table are read.
    pub reads: Reads,
}

/// A column of an open table that a stage counts on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promise {
    /// The table: stage and output.
    pub input: (usize, usize),
    /// Its name as the user wrote it.
    pub table: String,
    /// The column.
    pub column: String,
    /// Where it was written.
    pub span: Span,
}

impl Promise {
    /// Says that the column isn't there after all.
    #[must_use]
    pub fn broken(&self, schema: &Schema) -> Failure {
        let names = schema.fields().iter().map(|field| field.name().as_str());
        let known: Vec<&str> = names.filter(|name| name.starts_with(PROBABILITY)).collect();
        let class = |name: &'_ str| name.strip_prefix(PROBABILITY).unwrap_or_default().to_owned();
        let classes: Vec<String> = known.iter().map(|name| class(name)).collect();
        let failure =
            Failure::new(format!("`{}` has no column `{}`", self.table, self.column)).at(self.span);
        let list: Vec<String> = known.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
        let more = if known.len() > SHOWN { " …" } else { "" };
        // Of short classes each is near to any other.
        let own = class(&self.column);
        let near = nearest(&own, classes.iter().map(String::as_str)).filter(|_| own.len() > 2);
        match near {
            Some(near) => failure.help(format!("did you mean `{PROBABILITY}{near}`?")),
            None if known.is_empty() => failure,
            None => failure.help(format!("its classes have {}{more}", list.join(", "))),
        }
    }
}

/// How many columns are named where one is missing.
const SHOWN: usize = 20;

/// The columns that are read of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reads {
    /// All, their names and their order too.
    All,
    /// These; the number and order of rows count always.
    Columns(BTreeSet<String>),
}

/// What a stage does when it runs.
pub trait Work: Send + Sync {
    /// Makes the outputs, in the order of [`Checked::outputs`].
    fn run(&self, inputs: &[Artifact], running: &dyn Running) -> Result<Produced, Failure>;
}

/// What flows between stages at run time.
#[derive(Clone, Debug)]
pub enum Artifact {
    /// A table.
    Table(Table),
    /// A table that was kept while it was made, see [`Running::table`]; an output, never an input.
    Kept(ObjectRef),
    /// Anything else, opaque to the engine.
    Blob {
        /// What the bytes are: `fitted`, `model`.
        kind: String,
        /// The bytes.
        bytes: Arc<[u8]>,
    },
}

impl Artifact {
    /// Gives the table, or says that there is none.
    pub fn table(&self) -> Result<&Table, Failure> {
        match self {
            Self::Table(table) => Ok(table),
            Self::Kept(object) => {
                Err(Failure::new(format!("expected a table at hand, found a kept {}", object.kind)))
            }
            Self::Blob { kind, .. } => {
                Err(Failure::new(format!("expected a table, found a {kind}")))
            }
        }
    }

    /// Gives the bytes of a kind, or says that there are none.
    pub fn blob(&self, wanted: &str) -> Result<&Arc<[u8]>, Failure> {
        match self {
            Self::Blob { kind, bytes } if kind == wanted => Ok(bytes),
            Self::Blob { kind, .. } => {
                Err(Failure::new(format!("expected a {wanted}, found a {kind}")))
            }
            Self::Table(_) | Self::Kept(_) => {
                Err(Failure::new(format!("expected a {wanted}, found a table")))
            }
        }
    }
}

/// What came of a run.
#[derive(Clone, Debug, Default)]
pub struct Produced {
    /// The outputs, in the order of [`Checked::outputs`].
    pub outputs: Vec<Artifact>,
    /// Small results for the lock file, the summary and `plan`: best values, metrics.
    pub facts: Facts,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// The files that were written outside of the cache.
    pub files: Vec<std::path::PathBuf>,
    /// Says what isn't as required, where the work itself went well but its finding fails the stage.
    pub unmet: Vec<Unmet>,
}

/// Something that isn't as required.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// The entry that asks for it, as [`Checking::entry`] counted them.
    pub entry: usize,
    /// What was asked for, and what was found.
    pub message: String,
}

/// Small results of a stage.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Facts {
    /// Scores by model and metric, in the order of the table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Score>,
    /// The best values by tuned path.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub best: serde_json::Map<String, Json>,
}

/// One score.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Score {
    /// The model, as it was named.
    pub model: String,
    /// The metric, in canonical form.
    pub metric: String,
    /// The value, or the mean over folds.
    pub value: f64,
    /// The standard deviation over folds, where there are folds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sd: Option<f64>,
}

/// What work may lean on while it runs.
pub trait Running: Sync {
    /// Gives the source of every random choice of this stage.
    fn seed(&self) -> Seed;

    /// Gives the hash of what each input says, in the order of the inputs; none to work that is done
    /// inside of other work.
    fn contents(&self) -> &[Hash] {
        &[]
    }

    /// Tells that the run is to end.
    fn stop(&self) -> &AtomicBool;

    /// Gives the pool on which all computing happens.
    fn pool(&self) -> &rayon::ThreadPool;

    /// Gives the runtime on which waiting happens.
    fn runtime(&self) -> &tokio::runtime::Handle;

    /// Gives what the pipeline may name.
    fn registry(&self) -> &Registry;

    /// Gives what bounds a query: the memory of the run, and its end.
    fn limits(&self) -> sql::Limits<'_>;

    /// Gives the folder below which files may be written.
    fn project(&self) -> &Path;

    /// Says how far the work is.
    fn progress(&self, progress: Progress);

    /// Begins a table that is kept while it is made, so that it need never be in memory as a whole.
    fn table(&self, schema: SchemaRef) -> Result<Box<dyn TableSink>, Failure>;

    /// Takes a part of the work from the cache, or makes it and keeps it.
    ///
    /// The key must hold everything that the part depends on; `label` is for people.
    fn part(
        &self,
        label: &str,
        key: &Json,
        make: &(dyn Fn() -> Result<Artifact, Failure> + Sync),
    ) -> Result<Artifact, Failure>;
}

/// Takes a table batch by batch; one that isn't finished leaves nothing.
pub trait TableSink: Send {
    /// Takes some rows.
    fn push(&mut self, batch: RecordBatch) -> Result<(), Failure>;

    /// Ends the table, and gives it as an output.
    fn finish(self: Box<Self>) -> Result<Artifact, Failure>;
}

/// How far some work is.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Progress {
    /// Parts done.
    pub done: u64,
    /// Parts in all, if known.
    pub total: Option<u64>,
    /// What the parts are: `folds`, `trials`, `rows`.
    pub unit: &'static str,
    /// What is worth knowing at this point: `best roc_auc 0.861`.
    pub note: String,
}

/// Why work failed at run time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What went wrong, with what was expected and found.
    pub message: String,
    /// Where in the user's text, if it has a place more exact than the stage.
    pub span: Option<Span>,
    /// What to do.
    pub help: Vec<String>,
    /// The run was ended by the user; nothing is wrong.
    pub stopped: bool,
}

impl Failure {
    /// Says what went wrong.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), span: None, help: Vec::new(), stopped: false }
    }

    /// Says that the user ended the run.
    #[must_use]
    pub fn stopped() -> Self {
        Self { stopped: true, ..Self::new("stopped") }
    }

    /// Points at the user's text.
    #[must_use]
    pub const fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }
}
