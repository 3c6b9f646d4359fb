//! One JSON object a line. JSON has no NaN and no infinity: they are written as null.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::json::writer::{JsonFormat, LineDelimited, WriterBuilder};

use super::{Sink, SinkError, SinkKind, in_utc};
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
        writer.write(&without_zones(batch)?)?;
    }
    Ok(writer.finish()?)
}

/// Puts texts in UTC in the place of times of some zone.
fn without_zones(batch: &RecordBatch) -> Result<RecordBatch, SinkError> {
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        let zoned = matches!(field.data_type(), DataType::Timestamp(_, Some(_)));
        let array: ArrayRef = if zoned { Arc::new(in_utc(array)?) } else { Arc::clone(array) };
        fields.push(Field::new(field.name(), array.data_type().clone(), true));
        arrays.push(array);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let schema = Arc::new(Schema::new(fields));
    Ok(RecordBatch::try_new_with_options(schema, arrays, &options)?)
}
