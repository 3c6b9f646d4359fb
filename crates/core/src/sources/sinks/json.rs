//! A JSON array of objects.

use arrow::json::writer::JsonArray;

use super::ndjson::write_json;
use super::{Sink, SinkError, SinkKind};
use crate::data::Table;
use crate::sources::Format;

/// The registered kind.
pub(super) struct Json;

impl SinkKind for Json {
    fn format(&self) -> Format {
        Format::Json
    }

    fn write(&self, table: &Table, out: &mut dyn Sink) -> Result<(), SinkError> {
        write_json::<JsonArray>(table, out)
    }
}
