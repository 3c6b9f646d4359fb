//! Apache Parquet, compressed with Zstandard.

use std::sync::Arc;

use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::{Sink, SinkError, SinkKind};
use crate::data::Table;
use crate::sources::Format;

/// The registered kind.
pub(super) struct Parquet;

impl SinkKind for Parquet {
    fn format(&self) -> Format {
        Format::Parquet
    }

    fn write(&self, table: &Table, out: &mut dyn Sink) -> Result<(), SinkError> {
        // The writer's version is left out, so that equal tables make equal files.
        let properties = WriterProperties::builder()
            .set_created_by("mlp".to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .build();
        let schema = Arc::clone(table.schema());
        let mut writer = ArrowWriter::try_new(out, schema, Some(properties))?;
        for batch in table.batches() {
            writer.write(batch)?;
        }
        writer.close()?;
        Ok(())
    }
}
