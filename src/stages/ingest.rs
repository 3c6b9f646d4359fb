//! `ingest`: brings data in as a typed table.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use indexmap::IndexMap;
use serde_json::json;

use crate::data::ColumnType;
use crate::diag::Diagnostic;
use crate::params;
use crate::params::{Args, Bound, Family, Kind, Params, Setting, Signature};
use crate::plan::{
    Artifact, Caching, Checked, Checking, Failure, Lineage, Output, Produced, Progress, Role,
    Running, SourceRequest, StageKind, TableSink, TableType, Task, Work,
};
use crate::sources::{self, Fault, OnBadRow, Scan};
use crate::text::Span;

params! {
    /// Brings data in as a typed table.
    ///
    /// Files are typed from all of their rows; what is found is remembered by content.
    pub(super) struct Ingest("ingest", 0) {
        /// Where the data are: a path, a list of paths, a glob, a folder, or a call such as
        /// `csv("data.csv", delimiter: ";")`.
        from: Setting as (Kind::OneOf(&[
            Kind::Path,
            Kind::List(&Kind::Path),
            Kind::Call(Family::Source),
        ])),
        /// The types of some columns, instead of those found.
        schema: Setting as (Kind::Map(&Kind::Type)) = Setting::Map(IndexMap::new()),
        /// What to do with a row that doesn't fit.
        on_bad_row: BadRow = BadRow::Fail,
    }
}

params! {
    /// What to do with a row that doesn't fit.
    pub(super) enum BadRow {
        /// Fail, and say where it is.
        Fail = "fail",
        /// Leave it out and keep it in `.rejects`.
        Quarantine = "quarantine",
    }
}

/// The registered kind.
pub(super) struct IngestKind;

impl StageKind for IngestKind {
    fn signature(&self) -> &'static Signature {
        const { &Ingest::SIGNATURE }
    }

    fn role(&self) -> Role {
        Role::Source
    }

    fn check(&self, args: &Args, checking: &mut Checking<'_>) -> Option<Checked> {
        let ingest = Ingest::from_args(args)?;
        let place = args.get("from")?.span;
        let declared = declared(&ingest.schema);
        let quarantine = ingest.on_bad_row == BadRow::Quarantine;
        let request = SourceRequest {
            folder: checking.folder,
            from: &ingest.from,
            declared: &declared,
            quarantine,
        };
        let answer = checking.catalog.source(&request);
        let schema = match answer.schema {
            Ok(schema) => schema,
            Err(trouble) if trouble.absent && !declared.is_empty() => {
                checking.report(
                    Diagnostic::note("absent-data", place, trouble.message)
                        .help("checked with the declared `schema` alone; a run needs the data"),
                );
                declared_schema(&declared)
            }
            Err(trouble) => {
                let place = ingest.place(&trouble.fault, place);
                let diagnostic = Diagnostic::error("source", place, trouble.message);
                checking.report(trouble.help.into_iter().fold(diagnostic, Diagnostic::help));
                return None;
            }
        };
        let mut outputs = vec![("", Output::Table(table(checking.name, Arc::clone(&schema))))];
        if quarantine {
            let rejects = Arc::new(sources::Rejects::schema());
            outputs.push(("rejects", Output::Table(table(checking.name, rejects))));
        }
        let columns: Vec<_> = schema
            .fields()
            .iter()
            .map(|field| json!([field.name(), type_of(field, &declared).to_string()]))
            .collect();
        let mut settings = json!({
            "reader": checking.registry().sources().canonical(&ingest.from),
            "columns": columns,
            "on_bad_row": if quarantine { "quarantine" } else { "fail" },
        });
        if quarantine {
            // `.rejects` names the file of each row.
            settings["names"] = json!(answer.names);
        }
        let folder = checking.folder.to_path_buf();
        let work = Arc::new(Reading { ingest, place, folder, schema, declared, quarantine });
        let task = Task {
            inputs: Vec::new(),
            settings,
            files: answer.files,
            writes: Vec::new(),
            work,
            caching: Caching::Keyed,
        };
        Some(Checked { outputs, task: Some(task) })
    }
}

impl Ingest {
    /// Gives the place of what is at fault; `whole` is that of the source.
    fn place(&self, fault: &Fault, whole: Span) -> Span {
        let args = match &self.from {
            Setting::Call(call) => Some(&call.args),
            _ => None,
        };
        // What was left out has the place of the whole call.
        let own = |name: &str| {
            let bound = args.and_then(|args| args.get(name));
            bound.map(|bound| bound.span).filter(|span| *span != whole)
        };
        let found = match (fault, &self.schema) {
            (Fault::Column(column), Setting::Map(map)) => map.get(column).map(|bound| bound.span),
            (Fault::Column(_), _) => None,
            (Fault::Options(options), _) => options.iter().find_map(|name| own(name)),
            (Fault::Path(path), _) => {
                let bound = args.and_then(|args| args.get("path"));
                let item = named(bound.map_or(&self.from, |bound| &bound.setting), path);
                item.or_else(|| own("path"))
            }
        };
        found.unwrap_or(whole)
    }
}

/// Gives the place of a path in a list.
fn named(paths: &Setting, path: &str) -> Option<Span> {
    let Setting::List(items) = paths else { return None };
    let is_it = |item: &&Bound| matches!(&item.setting, Setting::Text(text) if text == path);
    // Of a path that is named twice, the second time is one too many.
    items.iter().rev().find(is_it).map(|item| item.span)
}

/// Gives a column's type as it is read: a declared one may have a format, which no field keeps.
fn type_of(field: &Field, declared: &[(String, ColumnType)]) -> ColumnType {
    let own = declared.iter().find(|(name, _)| name == field.name());
    own.map_or_else(|| ColumnType::of_field(field), |(_, kind)| kind.clone())
}

/// Gives the columns that the user declared.
fn declared(schema: &Setting) -> Vec<(String, ColumnType)> {
    let Setting::Map(map) = schema else { return Vec::new() };
    map.iter()
        .filter_map(|(name, bound)| match &bound.setting {
            Setting::Type(kind) => Some((name.clone(), kind.clone())),
            _ => None,
        })
        .collect()
}

fn declared_schema(declared: &[(String, ColumnType)]) -> SchemaRef {
    let fields: Vec<_> = declared.iter().map(|(name, kind)| kind.to_field(name)).collect();
    Arc::new(Schema::new(fields))
}

/// Makes the type of a table whose columns derive from nothing but themselves.
fn table(stage: &str, schema: SchemaRef) -> TableType {
    let lineage: Lineage = schema
        .fields()
        .iter()
        .map(|field| (field.name().clone(), [format!("{stage}.{}", field.name())].into()))
        .collect();
    TableType { schema: Some(schema), open: false, lineage: Arc::new(lineage) }
}

/// The work of an ingest.
struct Reading {
    ingest: Ingest,
    /// Where the source was written.
    place: Span,
    folder: PathBuf,
    schema: SchemaRef,
    declared: Vec<(String, ColumnType)>,
    quarantine: bool,
}

impl Work for Reading {
    fn run(&self, _inputs: &[Artifact], running: &dyn Running) -> Result<Produced, Failure> {
        let sources = running.registry().sources();
        let (inputs, options) =
            sources.open(&self.folder, &self.ingest.from).map_err(|error| self.failure(&error))?;
        let mut request = sources::Request::new(&inputs, &options);
        request.schema = &self.declared;
        request.known = Some(&self.schema);
        request.on_bad_row = if self.quarantine { OnBadRow::Quarantine } else { OnBadRow::Fail };
        let scan = Scan::new(&request).map_err(|error| self.failure(&error))?;
        let mut rows = Taking::new(Arc::clone(scan.schema()), running)?;
        let mut aside = Taking::new(Arc::new(sources::Rejects::schema()), running)?;
        let scanned = running
            .pool()
            .install(|| scan.run(&mut |batch| rows.take(batch), &mut |batch| aside.take(batch)));
        let refused = rows.refused.take().or_else(|| aside.refused.take());
        let scanned = match (refused, scanned) {
            (Some(refused), _) => return Err(refused),
            (None, scanned) => scanned.map_err(|error| self.failure(&error))?,
        };
        let mut produced = Produced { outputs: vec![rows.sink.finish()?], ..Produced::default() };
        if self.quarantine {
            produced.outputs.push(aside.sink.finish()?);
        }
        if scanned.rejected > 0 {
            let rows = if scanned.rejected == 1 { "row was" } else { "rows were" };
            let warning = format!("{} {rows} put into `.rejects`", scanned.rejected);
            produced.warnings.push(warning);
        }
        Ok(produced)
    }
}

impl Reading {
    /// Points at what the user wrote that is at fault: a type, an option, a path, or else the source.
    fn failure(&self, error: &sources::SourceError) -> Failure {
        let place = self.ingest.place(&error.fault(), self.place);
        let failure = Failure::new(error.to_string()).at(place);
        error.help().into_iter().fold(failure, Failure::help)
    }
}

/// Rows on their way into the cache.
struct Taking<'a> {
    sink: Box<dyn TableSink>,
    running: &'a dyn Running,
    rows: u64,
    /// Why no more rows are taken.
    refused: Option<Failure>,
}

impl<'a> Taking<'a> {
    fn new(schema: SchemaRef, running: &'a dyn Running) -> Result<Self, Failure> {
        Ok(Self { sink: running.table(schema)?, running, rows: 0, refused: None })
    }

    fn take(&mut self, batch: RecordBatch) -> Result<(), sources::SourceError> {
        self.rows += batch.num_rows() as u64;
        let taken = if self.running.stop().load(Ordering::Relaxed) {
            Err(Failure::stopped())
        } else {
            self.sink.push(batch)
        };
        self.running.progress(Progress { done: self.rows, unit: "rows", ..Progress::default() });
        taken.map_err(|failure| {
            self.refused = Some(failure);
            sources::SourceError::Refused
        })
    }
}
