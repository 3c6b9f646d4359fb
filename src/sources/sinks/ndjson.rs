//! One JSON object a line. JSON has no NaN and no infinity: they are written as null.

use arrow::json::writer::{JsonFormat, LineDelimited, WriterBuilder};

use super::{Sink, SinkError, SinkKind};
use crate::data::Table;
use crate::sources::Format;

/// The registered kind.
pub(super) struct Ndjson;

impl SinkKind for Ndjson {
    fn format(&self) -> Format {
        Format::Ndjson
    }

    fn write(&self, table: &Table, out: &mut dyn Sink) -> Result<(), SinkError> {
        write_json::<LineDelimited>(table, out)
    }
}

/// Writes a table as JSON; a null is written, so that every object has every column.
pub(super) fn write_json<F: JsonFormat>(
    table: &Table,
    out: &mut dyn Sink,
) -> Result<(), SinkError> {
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, F>(out);
    for batch in table.batches() {
        writer.write(batch)?;
    }
    Ok(writer.finish()?)
}
