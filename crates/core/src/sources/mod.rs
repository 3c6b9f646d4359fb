//! Files become tables, and tables become files.
//!
//! [`resolve`] finds the files that a user means, [`infer`] tells the schema that they have
//! together, [`read()`] and [`Scan`] give their rows, [`write()`] puts a table into a file, whole or
//! not at all. Here alone are the readers and writers of formats; nothing here knows of stages,
//! spans, SQL or the cache, and nothing touches a network.
//!
//! Several files are one table: columns are matched by name, in the order in which they first
//! appear; a column that a file lacks is null there; int and float make float; any other
//! disagreement is an error that names both files.

mod adapt;
mod added;
mod arrow_file;
mod delimited;
mod error;
mod guard;
mod guess;
mod input;
mod kinds;
mod merge;
mod objects;
mod parquet_file;
mod rejects;
mod resolve;
mod sinks;
mod style;
mod typed;
mod values;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::data::{ColumnType, Table};

pub use added::{Added, Reader};
pub use delimited::CsvOptions;
pub use error::{Fault, SourceError};
pub use input::{Encoding, Input, Limits, Stamp, open as open_file};
pub use kinds::{PATHS, SOURCES, SourceKind, Sources};
pub use rejects::Rejects;
pub use resolve::{named_file, resolve};
pub use sinks::{
    Blank, Filling, Rows, SINKS, Sink, SinkError, SinkKind, can_hold, lies_below, write,
    write_bytes, write_rows,
};

use merge::{Seen, Target};

/// A file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Fields parted by commas.
    Csv,
    /// Fields parted by tabs.
    Tsv,
    /// A JSON array of objects, or objects one behind the other.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
    /// An Arrow IPC file or stream.
    Arrow,
}

impl Format {
    /// Tells the format by a file name's extension; `.gz` and `.zst` count for nothing.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let name = name.rsplit(['/', '\\']).next().unwrap_or(name).to_ascii_lowercase();
        let packed = [".gz", ".zst"].iter().find_map(|end| name.strip_suffix(end));
        let (_, extension) = packed.unwrap_or(&name).rsplit_once('.')?;
        match extension {
            "csv" => Some(Self::Csv),
            "tsv" | "tab" => Some(Self::Tsv),
            "json" => Some(Self::Json),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            "parquet" if packed.is_none() => Some(Self::Parquet),
            "arrow" | "feather" | "ipc" if packed.is_none() => Some(Self::Arrow),
            _ => None,
        }
    }

    /// Tells whether a table can be written in the format.
    #[must_use]
    pub fn can_write(self) -> bool {
        SINKS.iter().any(|sink| sink.format() == self)
    }

    /// Gives its name as people write it.
    #[must_use]
    pub const fn spoken(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Tsv => "TSV",
            Self::Json => "JSON",
            Self::Ndjson => "NDJSON",
            Self::Parquet => "Parquet",
            Self::Arrow => "Arrow",
        }
    }

    /// Tells the one format of several files by their names.
    ///
    /// # Errors
    ///
    /// Fails where a name tells no format or two tell different ones.
    pub fn of_inputs(inputs: &[Input]) -> Result<Self, SourceError> {
        let mut known: Option<(&Input, Self)> = None;
        for input in inputs {
            let format = Self::of_name(&input.name)
                .ok_or_else(|| SourceError::UnknownFormat { file: input.name.clone() })?;
            match known {
                Some((first, other)) if other != format => {
                    let (first, second) = (first.name.clone(), input.name.clone());
                    return Err(SourceError::MixedFormats { first, second });
                }
                _ => known = Some((input, format)),
            }
        }
        known
            .map(|(_, format)| format)
            .ok_or_else(|| SourceError::NoMatch { pattern: String::new() })
    }
}

/// How files of a format are read.
#[derive(Clone, Debug, PartialEq)]
pub enum Options {
    /// Delimited text.
    Csv(CsvOptions),
    /// JSON objects.
    Json,
    /// JSON objects, one a line; no line is no row.
    Ndjson,
    /// Apache Parquet.
    Parquet,
    /// Arrow IPC.
    Arrow,
    /// A format that a program adds.
    Added(Added),
}

impl From<Format> for Options {
    fn from(format: Format) -> Self {
        match format {
            Format::Csv => Self::Csv(CsvOptions::default()),
            Format::Tsv => Self::Csv(CsvOptions { delimiter: b'\t', ..CsvOptions::default() }),
            Format::Json => Self::Json,
            Format::Ndjson => Self::Ndjson,
            Format::Parquet => Self::Parquet,
            Format::Arrow => Self::Arrow,
        }
    }
}

/// What happens to a row that can't be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnBadRow {
    /// The first one is an error.
    #[default]
    Fail,
    /// It is set aside with its text and the reason.
    Quarantine,
}

/// What is to be read, and how.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The files, in the order of their rows.
    pub inputs: &'a [Input],
    /// How they are read.
    pub options: &'a Options,
    /// The types that the user gave, of some columns or all.
    pub schema: &'a [(String, ColumnType)],
    /// The schema that [`infer`] gave for the same contents, if it is remembered.
    pub known: Option<&'a SchemaRef>,
    /// The columns wanted, in the table's order; all if nothing is said.
    pub columns: Option<&'a [String]>,
    /// What happens to rows that can't be read.
    pub on_bad_row: OnBadRow,
    /// How much reading may cost.
    pub limits: Limits,
}

impl<'a> Request<'a> {
    /// Asks for all columns of some files, their types inferred.
    #[must_use]
    pub fn new(inputs: &'a [Input], options: &'a Options) -> Self {
        Self {
            inputs,
            options,
            schema: &[],
            known: None,
            columns: None,
            on_bad_row: OnBadRow::Fail,
            limits: Limits::default(),
        }
    }
}

/// What reading gave.
#[derive(Clone, Debug)]
pub struct Read {
    /// The rows.
    pub table: Table,
    /// The rows set aside, if that was asked for.
    pub rejects: Option<Table>,
    /// The stamp of each file, which was the same before and after.
    pub stamps: Vec<Stamp>,
}

/// What a scan gave beside the batches.
#[derive(Clone, Debug)]
pub struct Scanned {
    /// How many rows were set aside.
    pub rejected: u64,
    /// The stamp of each file, which was the same before and after.
    pub stamps: Vec<Stamp>,
}

/// Tells the schema of some files together, the user's types put in.
///
/// # Errors
///
/// Fails where a file can't be read, or two disagree about a column's type.
pub fn infer(request: &Request) -> Result<SchemaRef, SourceError> {
    merge::target(request).map(|target| target.schema)
}

/// Reads some files into one table.
///
/// # Errors
///
/// Fails at the first thing that is wrong, and where a file changes while it is read.
pub fn read(request: &Request) -> Result<Read, SourceError> {
    let (mut batches, mut aside) = (Vec::new(), Vec::new());
    let mut take = |batch| {
        batches.push(batch);
        Ok(())
    };
    let mut set_aside = |batch| {
        aside.push(batch);
        Ok(())
    };
    let scan = Scan::new(request)?;
    let schema = Arc::clone(scan.schema());
    let scanned = scan.run(&mut take, &mut set_aside)?;
    let table = Table::new(schema, batches)?;
    let rejects = match request.on_bad_row {
        OnBadRow::Fail => None,
        OnBadRow::Quarantine => Some(Table::new(Arc::new(Rejects::schema()), aside)?),
    };
    Ok(Read { table, rejects, stamps: scanned.stamps })
}

/// Takes one batch after the other, in the order of the files and their rows.
pub type Take<'a> = dyn FnMut(RecordBatch) -> Result<(), SourceError> + 'a;

/// Files that are about to be read batch by batch, so that they need never be in memory as a whole.
#[derive(Debug)]
pub struct Scan<'a> {
    request: &'a Request<'a>,
    before: Vec<Stamp>,
    target: Target,
    wanted: Vec<usize>,
    schema: SchemaRef,
}

impl<'a> Scan<'a> {
    /// Settles what will be read.
    ///
    /// # Errors
    ///
    /// As [`infer`].
    pub fn new(request: &'a Request<'a>) -> Result<Self, SourceError> {
        let before = stamps(request.inputs)?;
        let target = merge::target(request)?;
        let wanted = target.wanted(request)?;
        let first = || request.inputs.first().map(|input| input.name.clone()).unwrap_or_default();
        let schema = target.schema.project(&wanted);
        let schema = Arc::new(schema.map_err(|error| SourceError::arrow(&first(), error))?);
        Ok(Self { request, before, target, wanted, schema })
    }

    /// Gives the schema of every batch.
    #[must_use]
    pub const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Reads the files; `take` gets their rows, `aside` those that can't be read, as batches of
    /// [`Rejects::schema`].
    ///
    /// # Errors
    ///
    /// As [`read`]; what was taken before an error must be thrown away.
    pub fn run(self, take: &mut Take, aside: &mut Take) -> Result<Scanned, SourceError> {
        let mut out = Out { take, aside, rejects: Rejects::default(), rejected: 0 };
        for input in self.request.inputs {
            let (target, wanted) = (&self.target, self.wanted.as_slice());
            Job { input, target, wanted, request: self.request }.read(&mut out)?;
        }
        out.flush()?;
        let after = stamps(self.request.inputs)?;
        let files = self.request.inputs.iter().zip(after.iter().zip(&self.before));
        for (input, (after, before)) in files {
            if after != before {
                return Err(SourceError::Changed { file: input.name.clone() });
            }
        }
        Ok(Scanned { rejected: out.rejected, stamps: self.before })
    }
}

/// How many rows set aside are kept back before they go on.
const REJECTS: usize = 8192;

/// Where the rows of a scan go.
struct Out<'a, 't> {
    take: &'a mut Take<'t>,
    aside: &'a mut Take<'t>,
    rejects: Rejects,
    rejected: u64,
}

impl Out<'_, '_> {
    /// Hands rows on.
    fn rows(&mut self, batch: RecordBatch) -> Result<(), SourceError> {
        if batch.num_rows() == 0 { Ok(()) } else { (self.take)(batch) }
    }

    /// Sets a row aside for the error that it would have been.
    fn reject(&mut self, text: String, error: &SourceError) -> Result<(), SourceError> {
        self.rejects.push(text, error);
        self.rejected += 1;
        if self.rejects.len() < REJECTS { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), SourceError> {
        if self.rejects.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.rejects).into_batch();
        (self.aside)(batch.map_err(|error| SourceError::arrow("rejects", error))?)
    }
}

fn stamps(inputs: &[Input]) -> Result<Vec<Stamp>, SourceError> {
    inputs
        .iter()
        .map(|input| input::open(input).map(|(_, metadata)| Stamp::from(&metadata)))
        .collect()
}

/// One file that is read for a table.
struct Job<'a> {
    input: &'a Input,
    /// What the table is.
    target: &'a Target,
    /// The columns wanted, by their place in the table.
    wanted: &'a [usize],
    request: &'a Request<'a>,
}

/// Shortens a text for a message, its line ends, other controls and what turns the direction of
/// writing made visible.
fn shorten(text: &str) -> String {
    const LONGEST: usize = 60;
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let plain = |c: char| {
        if c.is_control() || turns(c) { c.escape_default().to_string() } else { c.to_string() }
    };
    let short: String = text.chars().take(LONGEST).map(plain).collect();
    if text.chars().nth(LONGEST).is_some() { format!("{short}…") } else { short }
}

impl Job<'_> {
    /// Gives the schema of the wanted columns.
    fn schema(&self) -> Result<SchemaRef, SourceError> {
        let schema = self.target.schema.project(self.wanted);
        schema.map(Arc::new).map_err(|error| SourceError::arrow(&self.input.name, error))
    }

    fn read(&self, out: &mut Out) -> Result<(), SourceError> {
        match self.request.options {
            Options::Csv(options) => delimited::read(self, options, out),
            Options::Json | Options::Ndjson => objects::read(self, out),
            Options::Parquet => parquet_file::read(self, out),
            Options::Arrow => arrow_file::read(self, out),
            Options::Added(reader) => added::read(reader, self, out),
        }
    }
}

/// Tells the columns of one file and what was seen in them.
fn columns(request: &Request, input: &Input) -> Result<Vec<(String, Seen)>, SourceError> {
    match request.options {
        Options::Csv(options) => delimited::columns(request, input, options),
        Options::Json | Options::Ndjson => objects::columns(request, input),
        Options::Parquet => parquet_file::columns(input),
        Options::Arrow => arrow_file::columns(input),
        Options::Added(reader) => added::columns(reader, input),
    }
}

/// Gives the columns of a file that states their types.
fn typed_columns(schema: &SchemaRef) -> Vec<(String, Seen)> {
    let seen = |field: &arrow::datatypes::FieldRef| {
        (field.name().clone(), Seen::Typed(field.as_ref().clone().with_nullable(true)))
    };
    schema.fields().iter().map(seen).collect()
}

#[cfg(test)]
mod tests;
