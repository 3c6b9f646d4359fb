//! One JSON object a line. JSON has no NaN and no infinity: they are written as null.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::json::writer::{JsonFormat, LineDelimited, Writer, WriterBuilder};

use super::{Rows, Sink, SinkError, SinkKind, in_utc};
use crate::sources::Format;

/// The registered kind.
pub(super) struct Ndjson;

impl SinkKind for Ndjson {
    fn format(&self) -> Format {
        Format::Ndjson
    }

    fn begin<'a>(
        &self,
        _schema: &SchemaRef,
        out: &'a mut dyn Sink,
    ) -> Result<Box<dyn Rows + 'a>, SinkError> {
        Ok(json::<LineDelimited>(out))
    }
}

/// Begins a file of JSON; a null is written, so that every object has every column.
pub(super) fn json<'a, F: JsonFormat + 'a>(out: &'a mut dyn Sink) -> Box<dyn Rows + 'a> {
    Box::new(WriterBuilder::new().with_explicit_nulls(true).build::<_, F>(out))
}

impl<F: JsonFormat> Rows for Writer<&mut dyn Sink, F> {
    fn push(&mut self, batches: &[RecordBatch]) -> Result<(), SinkError> {
        batches.iter().try_for_each(|batch| Ok(self.write(&without_zones(batch)?)?))
    }

    fn finish(mut self: Box<Self>) -> Result<(), SinkError> {
        Ok(Writer::finish(&mut self)?)
    }
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
