//! The rows of a table that a check marks, a bit a row, found batch by batch: a table is never in
//! memory as a whole, nor is a column.

use arrow::array::{Array, ArrayRef, AsArray, BooleanBufferBuilder, PrimitiveArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{ArrowPrimitiveType, DataType, Float16Type, Float32Type, Float64Type};
use rayon::prelude::*;

use crate::data::Table;
use crate::plan::Failure;

/// Arrow's own type of half a float.
type F16 = <Float16Type as ArrowPrimitiveType>::Native;

/// Marks the rows of a column, each batch by itself.
pub(super) fn marked(
    table: &Table,
    column: &str,
    mark: impl Fn(&ArrayRef) -> Result<BooleanBuffer, Failure> + Sync + Send,
) -> Result<BooleanBuffer, Failure> {
    let pieces = table.column(column).map_err(|error| Failure::new(error.to_string()))?;
    let found: Vec<Result<BooleanBuffer, Failure>> = pieces.par_iter().map(mark).collect();
    let mut marks = BooleanBufferBuilder::new(table.rows());
    for piece in found {
        marks.append_buffer(&piece?);
    }
    Ok(marks.finish())
}

/// Marks the values that are null or NaN.
pub(super) fn missing(column: &ArrayRef) -> BooleanBuffer {
    match column.data_type() {
        DataType::Float64 => missing_or_nan::<Float64Type>(column, f64::is_nan),
        DataType::Float32 => missing_or_nan::<Float32Type>(column, f32::is_nan),
        DataType::Float16 => missing_or_nan::<Float16Type>(column, F16::is_nan),
        _ => match column.logical_nulls() {
            Some(nulls) => !nulls.inner(),
            None => BooleanBuffer::new_unset(column.len()),
        },
    }
}

fn missing_or_nan<T: ArrowPrimitiveType>(
    column: &ArrayRef,
    is_nan: impl Fn(T::Native) -> bool,
) -> BooleanBuffer {
    let values: &PrimitiveArray<T> = column.as_primitive();
    let missing = |row: usize| values.is_null(row) || is_nan(values.value(row));
    BooleanBuffer::collect_bool(values.len(), missing)
}

/// Marks the values that are there and for which something holds.
pub(super) fn where_present(array: &dyn Array, holds: impl Fn(usize) -> bool) -> BooleanBuffer {
    let nulls = array.logical_nulls();
    let present = |row: usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
    BooleanBuffer::collect_bool(array.len(), |row| present(row) && holds(row))
}
