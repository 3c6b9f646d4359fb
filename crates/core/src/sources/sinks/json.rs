//! A JSON array of objects.

use arrow::datatypes::SchemaRef;
use arrow::json::writer::JsonArray;

use super::ndjson::json;
use super::{Rows, Sink, SinkError, SinkKind};
use crate::sources::Format;

/// The registered kind.
pub(super) struct Json;

impl SinkKind for Json {
    fn format(&self) -> Format {
        Format::Json
    }

    fn begin<'a>(
        &self,
        _schema: &SchemaRef,
        out: &'a mut dyn Sink,
    ) -> Result<Box<dyn Rows + 'a>, SinkError> {
        Ok(json::<JsonArray>(out))
    }
}
