//! CSV: what this writes, the CSV source reads back as the same values.
//!
//! A null is an empty field, an empty text is `""`; floats keep every bit, and their point; dates
//! and times are ISO; a duration is written as in the language.

use std::io::Write;

use arrow::array::{
    Array, ArrayRef, AsArray, Float32Array, Float64Array, Int64Array, RecordBatch, StringArray,
};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int64Type, SchemaRef, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use rayon::prelude::*;

use super::{Rows, Sink, SinkError, SinkKind, in_utc};
use crate::sources::Format;

/// The registered kind.
pub(super) struct Csv;

impl SinkKind for Csv {
    fn format(&self) -> Format {
        Format::Csv
    }

    fn begin<'a>(
        &self,
        schema: &SchemaRef,
        out: &'a mut dyn Sink,
    ) -> Result<Box<dyn Rows + 'a>, SinkError> {
        Ok(Box::new(Delimited::begin(schema, b',', out)?))
    }

    fn holds(&self, kind: &DataType) -> bool {
        is_plain(kind)
    }
}

/// Tells whether a value of a type can stand in one field.
pub(super) fn is_plain(kind: &DataType) -> bool {
    !(kind.is_nested() || matches!(kind, DataType::Binary | DataType::FixedSizeBinary(_)))
}

/// A file with fields parted by a delimiter.
pub(super) struct Delimited<'a> {
    delimiter: u8,
    out: &'a mut dyn Sink,
}

impl<'a> Delimited<'a> {
    /// Writes the header.
    pub(super) fn begin(
        schema: &SchemaRef,
        delimiter: u8,
        out: &'a mut dyn Sink,
    ) -> Result<Self, SinkError> {
        let mut head = Vec::new();
        for (at, field) in schema.fields().iter().enumerate() {
            if at > 0 {
                head.push(delimiter);
            }
            push_text(&mut head, field.name(), delimiter);
        }
        head.push(b'\n');
        out.write_all(&head)?;
        Ok(Self { delimiter, out })
    }
}

impl Rows for Delimited<'_> {
    fn push(&mut self, batches: &[RecordBatch]) -> Result<(), SinkError> {
        let text = |batch: &RecordBatch| text(batch, self.delimiter);
        // Some batches at a time are turned into text side by side, and written in order.
        for batches in batches.chunks(rayon::current_num_threads() * 2) {
            let texts: Vec<Result<Vec<u8>, SinkError>> = match batches {
                [batch] => vec![text(batch)],
                batches => batches.par_iter().map(text).collect(),
            };
            for text in texts {
                self.out.write_all(&text?)?;
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), SinkError> {
        Ok(())
    }
}

fn text(batch: &RecordBatch, delimiter: u8) -> Result<Vec<u8>, SinkError> {
    let columns = batch.columns().iter().map(|array| Cell::new(array.as_ref()));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let mut text = Vec::with_capacity(batch.num_rows() * columns.len() * 8);
    for row in 0..batch.num_rows() {
        for (at, column) in columns.iter().enumerate() {
            if at > 0 {
                text.push(delimiter);
            }
            column.push(&mut text, row, delimiter)?;
        }
        text.push(b'\n');
    }
    Ok(text)
}

/// A column whose values are written one by one.
enum Cell<'a> {
    /// A column of nothing but nulls, which has no marks for them.
    Nothing,
    Text(&'a StringArray),
    Int(&'a Int64Array),
    Float(&'a Float64Array),
    Single(&'a Float32Array),
    Duration(ArrayRef, TimeUnit),
    /// A time in some zone, as its text in UTC.
    Zoned(StringArray),
    Other(&'a dyn Array, ArrayFormatter<'a>),
}

impl<'a> Cell<'a> {
    fn new(array: &'a dyn Array) -> Result<Self, SinkError> {
        Ok(match array.data_type() {
            DataType::Null => Self::Nothing,
            DataType::Utf8 => Self::Text(array.as_string()),
            DataType::Int64 => Self::Int(array.as_primitive::<Int64Type>()),
            DataType::Float64 => Self::Float(array.as_primitive::<Float64Type>()),
            DataType::Float32 => Self::Single(array.as_primitive::<Float32Type>()),
            DataType::Duration(unit) => {
                Self::Duration(arrow::compute::cast(array, &DataType::Int64)?, *unit)
            }
            DataType::Timestamp(_, Some(_)) => Self::Zoned(in_utc(array)?),
            _ => Self::Other(array, ArrayFormatter::try_new(array, &FormatOptions::default())?),
        })
    }

    fn push(&self, text: &mut Vec<u8>, row: usize, delimiter: u8) -> Result<(), SinkError> {
        match self {
            Self::Text(array) if array.is_valid(row) => {
                push_text(text, array.value(row), delimiter);
            }
            Self::Int(array) if array.is_valid(row) => write!(text, "{}", array.value(row))?,
            // The debug form is the shortest that reads back as the same bits, and keeps a point.
            Self::Float(array) if array.is_valid(row) => write!(text, "{:?}", array.value(row))?,
            Self::Single(array) if array.is_valid(row) => write!(text, "{:?}", array.value(row))?,
            Self::Duration(array, unit) if array.is_valid(row) => {
                let count = array.as_primitive::<Int64Type>().value(row);
                write!(text, "{count}{}", unit_word(*unit))?;
            }
            Self::Zoned(array) if array.is_valid(row) => {
                push_text(text, array.value(row), delimiter);
            }
            Self::Other(array, formatter) if array.is_valid(row) => {
                push_text(text, &formatter.value(row).try_to_string()?, delimiter);
            }
            _ => {}
        }
        Ok(())
    }
}

const fn unit_word(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    }
}

/// Writes a text, in quotes where it would else read as something else.
fn push_text(out: &mut Vec<u8>, text: &str, delimiter: u8) {
    let bytes = text.as_bytes();
    let special = |byte: &u8| *byte == delimiter || matches!(byte, b'"' | b'\n' | b'\r');
    if !bytes.is_empty() && !bytes.iter().any(special) {
        out.extend_from_slice(bytes);
        return;
    }
    out.push(b'"');
    for byte in bytes {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
    out.push(b'"');
}
