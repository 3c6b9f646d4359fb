//! Adds a source: logs of `key=value` pairs, a record a line.
//!
//! `cargo run --example add_source`. A source says how the files of a format become batches of rows.
//! Paths, lists and patterns, `schema:`, `on_bad_row:`, hashing and caching are done around it.

use std::error::Error;
use std::fs;
use std::io::{Write, stdout};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use mlp::Session;
use mlp::params::{Args, Params, Signature};
use mlp::sources::{Added, Input, Options, PATHS, Reader, SourceError, SourceKind, Take};

mlp::params! {
    /// Reads logs of `key=value` pairs, a record a line; every column is text.
    struct Logfmt("logfmt", 1) {
        /// The file, a list of files, or a pattern such as `"in/*.log"`.
        path: Vec<String> as (PATHS),
    }
}

struct LogfmtKind;

impl SourceKind for LogfmtKind {
    fn signature(&self) -> &'static Signature {
        const { &Logfmt::SIGNATURE }
    }

    fn version(&self) -> u32 {
        1
    }

    fn options(&self, _: &Args) -> Result<Options, SourceError> {
        Ok(Options::Added(Added(Arc::new(Self))))
    }
}

impl Reader for LogfmtKind {
    fn schema(&self, input: &Input) -> Result<SchemaRef, SourceError> {
        let mut keys: Vec<String> = Vec::new();
        for (key, _) in text(input)?.lines().flat_map(pairs) {
            if !keys.iter().any(|known| known == key) {
                keys.push(key.to_owned());
            }
        }
        let fields = keys.iter().map(|key| Field::new(key, DataType::Utf8, true));
        Ok(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
    }

    fn read(&self, input: &Input, take: &mut Take<'_>) -> Result<(), SourceError> {
        let (schema, text) = (self.schema(input)?, text(input)?);
        let column = |field: &Arc<Field>| -> ArrayRef {
            let value = |line| pairs(line).find(|(key, _)| key == field.name()).map(|(_, own)| own);
            Arc::new(text.lines().map(value).collect::<StringArray>())
        };
        let columns = schema.fields().iter().map(column).collect();
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns);
        take(batch.map_err(|error| damaged(input, &error))?)
    }
}

fn text(input: &Input) -> Result<String, SourceError> {
    fs::read_to_string(&input.path).map_err(|error| damaged(input, &error))
}

fn pairs(line: &str) -> impl Iterator<Item = (&str, &str)> {
    line.split_whitespace().filter_map(|pair| pair.split_once('='))
}

/// Names the file that can't be read; mlp adds the place in the pipeline.
fn damaged(input: &Input, problem: &dyn Error) -> SourceError {
    let (file, problem) = (input.name.clone(), problem.to_string());
    SourceError::Damaged { file, format: "logfmt", problem }
}

pub(crate) fn run(folder: &Path, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let registry = mlp::stages::registry().with_source(&LogfmtKind)?;
    let pipeline = Session::new(registry).open(folder.join("add_source.mlp"))?;
    pipeline.run()?;
    for rows in pipeline.table("slow")?.batches() {
        arrow::csv::Writer::new(&mut *out).write(rows)?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    run(Path::new("examples"), &mut stdout())
}
