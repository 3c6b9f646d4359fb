//! What a plan asks of the outside.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;

use super::registry::Registry;
use crate::data::{ColumnType, Hash};
use crate::ml::model::ModelHead;
use crate::params::Setting;

/// Answers for everything that isn't in the text of the pipeline.
pub trait Catalog: Sync {
    /// Gives the text of a file beside the pipeline: an import, or `file("q.sql")`.
    ///
    /// # Errors
    /// Says why it can't be read.
    fn text(&self, path: &Path) -> Result<String, String>;

    /// Gives what a pipeline may name.
    fn registry(&self) -> &Arc<Registry>;

    /// Tells whether a file may be written: it must lie below the project's folder.
    fn may_write(&self, path: &Path) -> bool;

    /// Finds the files and the columns of a source.
    fn source(&self, request: &SourceRequest<'_>) -> SourceAnswer;

    /// Reads the head of the model file that a path in a folder names.
    ///
    /// # Errors
    /// Says why it can't be read, or why it is no model that can be used.
    fn model(&self, folder: &Path, path: &str) -> Result<ModelFile, ModelTrouble>;

    /// Gives what an earlier check found out, if it is remembered.
    fn recall(&self, kind: Remembered, key: Hash) -> Option<Vec<u8>>;

    /// Remembers what a check found out; a failure to do so costs time alone.
    fn remember(&self, kind: Remembered, key: Hash, value: &[u8]);
}

/// What is remembered between checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remembered {
    /// What a query's text tells by itself, by that text.
    Outline,
    /// The analysis of a query, by its text and the schemas that it reads.
    Analysis,
    /// The columns of a file, by its content and the options of its reader.
    Columns,
}

/// What is asked of a source.
#[derive(Clone, Copy, Debug)]
pub struct SourceRequest<'a> {
    /// The folder that its paths are relative to.
    pub folder: &'a Path,
    /// What the user wrote: a path, a list of paths, or a call.
    pub from: &'a Setting,
    /// The types that the user declared.
    pub declared: &'a [(String, ColumnType)],
    /// Rows that don't fit are left out.
    pub quarantine: bool,
}

/// What is known of a source.
#[derive(Clone, Debug)]
pub struct SourceAnswer {
    /// The files, in the order in which they are read; none for what isn't a file.
    pub files: Vec<PathBuf>,
    /// The names of the files, as messages and tables call them.
    pub names: Vec<String>,
    /// The columns, if they could be found out.
    pub schema: Result<SchemaRef, SourceTrouble>,
}

/// A model file.
#[derive(Clone, Debug)]
pub struct ModelFile {
    /// The file.
    pub path: PathBuf,
    /// What it says of itself.
    pub head: ModelHead,
}

/// Why a model file can't be used.
#[derive(Clone, Debug)]
pub struct ModelTrouble {
    /// The name of the trouble.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Vec<String>,
}

/// Why the columns of a source are not known.
#[derive(Clone, Debug)]
pub struct SourceTrouble {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Vec<String>,
    /// The data aren't there; with a declared schema the pipeline still checks.
    pub absent: bool,
    /// The declared column that the data don't have, if that is what is wrong.
    pub column: Option<String>,
}
