//! Fields parted by tabs, else as CSV.

use arrow::datatypes::DataType;

use super::csv::{is_plain, write_delimited};
use super::{Sink, SinkError, SinkKind};
use crate::data::Table;
use crate::sources::Format;

/// The registered kind.
pub(super) struct Tsv;

impl SinkKind for Tsv {
    fn format(&self) -> Format {
        Format::Tsv
    }

    fn write(&self, table: &Table, out: &mut dyn Sink) -> Result<(), SinkError> {
        write_delimited(table, b'\t', out)
    }

    fn holds(&self, kind: &DataType) -> bool {
        is_plain(kind)
    }
}
