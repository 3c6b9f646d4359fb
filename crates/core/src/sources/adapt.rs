//! Brings batches of typed files into the types of the table.
//!
//! Knows Arrow arrays, not how a file was read. Rows are counted from the start of the file.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, new_null_array,
};
use arrow::compute::{CastOptions, cast_with_options, filter_record_batch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::json::LineDelimitedWriter;
use arrow::util::display::array_value_to_string;

use super::style::PLAIN;
use super::typed::{Misfit, Reader};
use super::{Job, OnBadRow, Out, SourceError, shorten};
use crate::data::ColumnType;

/// Brings the batches of one file into the table's types, one after the other.
pub(super) struct Adapter {
    schema: SchemaRef,
    rows: u64,
}

impl Adapter {
    /// Starts at the first row of a file.
    pub(super) fn new(job: &Job) -> Result<Self, SourceError> {
        Ok(Self { schema: job.schema()?, rows: 0 })
    }

    /// Takes the next batch of the file: its columns are found by name.
    pub(super) fn take(
        &mut self,
        job: &Job,
        batch: &RecordBatch,
        out: &mut Out,
    ) -> Result<(), SourceError> {
        let rows = batch.num_rows();
        let fail = |error| SourceError::arrow(&job.input.name, error);
        let mut arrays = Vec::with_capacity(job.wanted.len());
        let mut misfits: Vec<(usize, Misfit)> = Vec::new();
        for at in looked_at(job) {
            let (array, unfit) = column(job, batch, at)?;
            misfits.extend(unfit.into_iter().map(|misfit| (at, misfit)));
            if job.wanted.contains(&at) {
                arrays.push(array);
            }
        }
        misfits.sort_by_key(|(at, misfit)| (misfit.row, *at));
        misfits.dedup_by_key(|(_, misfit)| misfit.row);
        let mut keep = vec![true; rows];
        for (at, misfit) in &misfits {
            let error = self.misfit(job, batch, *at, misfit);
            if job.request.on_bad_row == OnBadRow::Fail {
                return Err(error);
            }
            keep[misfit.row] = false;
            out.reject(row_text(batch, misfit.row), &error)?;
        }
        self.rows += rows as u64;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let mut made =
            RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
                .map_err(fail)?;
        if !misfits.is_empty() {
            made = filter_record_batch(&made, &BooleanArray::from(keep)).map_err(fail)?;
        }
        out.rows(made)
    }

    fn misfit(&self, job: &Job, batch: &RecordBatch, at: usize, misfit: &Misfit) -> SourceError {
        let column = job.target.schema.field(at).name();
        let found = batch.column_by_name(column);
        let found = found.and_then(|array| array_value_to_string(array, misfit.row).ok());
        SourceError::Misfit {
            file: job.input.name.clone(),
            unit: "row",
            line: self.rows + misfit.row as u64 + 1,
            column: column.clone(),
            found: shorten(&found.unwrap_or_default()),
            expected: job.target.spoken(at),
            why: misfit.why.clone(),
            inferred: false,
        }
    }
}

/// Gives the columns that are looked at: the wanted ones, and all where rows may be set aside.
pub(super) fn looked_at(job: &Job) -> Vec<usize> {
    match job.request.on_bad_row {
        OnBadRow::Fail => job.wanted.to_vec(),
        OnBadRow::Quarantine => (0..job.target.schema.fields().len()).collect(),
    }
}

/// Writes a row as JSON, to be kept beside the reason why it was set aside.
fn row_text(batch: &RecordBatch, row: usize) -> String {
    let mut bytes = Vec::new();
    let mut writer = LineDelimitedWriter::new(&mut bytes);
    let written = writer.write(&batch.slice(row, 1)).and_then(|()| writer.finish());
    match written {
        Ok(()) => String::from_utf8_lossy(&bytes).trim_end().to_owned(),
        Err(_) => String::new(),
    }
}

fn column(
    job: &Job,
    batch: &RecordBatch,
    at: usize,
) -> Result<(ArrayRef, Vec<Misfit>), SourceError> {
    let (field, kind) = (job.target.schema.field(at), &job.target.types[at]);
    let Some(array) = batch.column_by_name(field.name()) else {
        return Ok((new_null_array(field.data_type(), batch.num_rows()), Vec::new()));
    };
    if array.data_type() == field.data_type() && kind.categories.is_none() {
        return Ok((Arc::clone(array), Vec::new()));
    }
    if array.data_type() != field.data_type() && is_text(array.data_type())
        || kind.categories.is_some()
    {
        let text =
            cast(array, &DataType::Utf8).map_err(|error| cannot(field.name(), kind, &error))?;
        return Reader::new(kind, &PLAIN)?.build(text.as_string::<i32>());
    }
    let made =
        cast(array, field.data_type()).map_err(|error| cannot(field.name(), kind, &error))?;
    let lost = |row: &usize| array.is_valid(*row) && made.is_null(*row);
    let mut misfits: Vec<usize> = (0..array.len()).filter(lost).collect();
    if array.data_type().is_floating() && field.data_type().is_integer() {
        misfits.extend(broken_numbers(array));
        misfits.sort_unstable();
        misfits.dedup();
    }
    Ok((made, misfits.into_iter().map(|row| Misfit { row, why: None }).collect()))
}

fn cannot(column: &str, kind: &ColumnType, error: &arrow::error::ArrowError) -> SourceError {
    let problem = format!("column `{column}` cannot be read as {kind}: {error}");
    SourceError::Option { options: &[], problem }
}

/// Gives the rows of numbers that are not whole, which a cast would cut off.
fn broken_numbers(array: &ArrayRef) -> Vec<usize> {
    let Ok(floats) = cast(array, &DataType::Float64) else { return Vec::new() };
    let floats = floats.as_primitive::<arrow::datatypes::Float64Type>();
    let broken =
        |(row, value): (usize, Option<f64>)| value.filter(|v| v.fract() != 0.0).map(|_| row);
    floats.iter().enumerate().filter_map(broken).collect()
}

fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, value) => is_text(value),
        _ => false,
    }
}

fn cast(array: &ArrayRef, kind: &DataType) -> Result<ArrayRef, arrow::error::ArrowError> {
    cast_with_options(array, kind, &CastOptions { safe: true, ..CastOptions::default() })
}
