//! An Arrow IPC file, uncompressed, so that it can be memory-mapped.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::FileWriter;

use super::{Rows, Sink, SinkError, SinkKind};
use crate::sources::Format;

/// The registered kind.
pub(super) struct Arrow;

impl SinkKind for Arrow {
    fn format(&self) -> Format {
        Format::Arrow
    }

    fn begin<'a>(
        &self,
        schema: &SchemaRef,
        out: &'a mut dyn Sink,
    ) -> Result<Box<dyn Rows + 'a>, SinkError> {
        Ok(Box::new(FileWriter::try_new(out, schema)?))
    }
}

impl Rows for FileWriter<&mut dyn Sink> {
    fn push(&mut self, batches: &[RecordBatch]) -> Result<(), SinkError> {
        batches.iter().try_for_each(|batch| Ok(self.write(batch)?))
    }

    fn finish(mut self: Box<Self>) -> Result<(), SinkError> {
        Ok(FileWriter::finish(&mut self)?)
    }
}
