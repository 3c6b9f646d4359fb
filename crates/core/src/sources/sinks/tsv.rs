//! Fields parted by tabs, else as CSV.

use arrow::datatypes::{DataType, SchemaRef};

use super::csv::{Delimited, is_plain};
use super::{Rows, Sink, SinkError, SinkKind};
use crate::sources::Format;

/// The registered kind.
pub(super) struct Tsv;

impl SinkKind for Tsv {
    fn format(&self) -> Format {
        Format::Tsv
    }

    fn begin<'a>(
        &self,
        schema: &SchemaRef,
        out: &'a mut dyn Sink,
    ) -> Result<Box<dyn Rows + 'a>, SinkError> {
        Ok(Box::new(Delimited::begin(schema, b'\t', out)?))
    }

    fn holds(&self, kind: &DataType) -> bool {
        is_plain(kind)
    }
}
