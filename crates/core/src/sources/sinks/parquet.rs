//! Apache Parquet, compressed with Zstandard.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::{Rows, Sink, SinkError, SinkKind};
use crate::sources::Format;

/// The registered kind.
pub(super) struct Parquet;

impl SinkKind for Parquet {
    fn format(&self) -> Format {
        Format::Parquet
    }

    fn begin<'a>(
        &self,
        schema: &SchemaRef,
        out: &'a mut dyn Sink,
    ) -> Result<Box<dyn Rows + 'a>, SinkError> {
        // The writer's version is left out, so that equal tables make equal files.
        let properties = WriterProperties::builder()
            .set_created_by("mlp".to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .build();
        Ok(Box::new(ArrowWriter::try_new(out, SchemaRef::clone(schema), Some(properties))?))
    }
}

impl Rows for ArrowWriter<&mut dyn Sink> {
    fn push(&mut self, batches: &[RecordBatch]) -> Result<(), SinkError> {
        batches.iter().try_for_each(|batch| Ok(self.write(batch)?))
    }

    fn finish(self: Box<Self>) -> Result<(), SinkError> {
        self.close()?;
        Ok(())
    }
}
