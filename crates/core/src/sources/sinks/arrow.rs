//! An Arrow IPC file, uncompressed, so that it can be memory-mapped.

use arrow::ipc::writer::FileWriter;

use super::{Sink, SinkError, SinkKind};
use crate::data::Table;
use crate::sources::Format;

/// The registered kind.
pub(super) struct Arrow;

impl SinkKind for Arrow {
    fn format(&self) -> Format {
        Format::Arrow
    }

    fn write(&self, table: &Table, out: &mut dyn Sink) -> Result<(), SinkError> {
        let mut writer = FileWriter::try_new(out, table.schema())?;
        for batch in table.batches() {
            writer.write(batch)?;
        }
        Ok(writer.finish()?)
    }
}
