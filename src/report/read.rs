//! Columns of a table by name, as numbers or as texts.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::data::Table;

/// Gives a column as numbers, NaN where there is none; nothing if it isn't there or holds no numbers.
pub(super) fn numbers(table: &Table, name: &str) -> Option<Vec<f64>> {
    let mut values = Vec::with_capacity(table.rows());
    for piece in table.column(name).ok()? {
        let numeric = piece.data_type().is_numeric() || *piece.data_type() == DataType::Boolean;
        let piece = cast(&piece, &DataType::Float64).ok().filter(|_| numeric)?;
        values.extend(
            piece.as_primitive::<Float64Type>().iter().map(|value| value.unwrap_or(f64::NAN)),
        );
    }
    Some(values)
}

/// Gives a column as texts, empty where there is none; nothing if it isn't there.
pub(super) fn texts(table: &Table, name: &str) -> Option<Vec<String>> {
    let mut values = Vec::with_capacity(table.rows());
    for piece in table.column(name).ok()? {
        values.extend(shown(&piece)?);
    }
    Some(values)
}

/// Writes the values of an array as `mlp show` does.
fn shown(array: &ArrayRef) -> Option<Vec<String>> {
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(array.as_ref(), &options).ok()?;
    let value = |row: usize| {
        if array.is_null(row) {
            Some(String::new())
        } else {
            formatter.value(row).try_to_string().ok()
        }
    };
    (0..array.len()).map(value).collect()
}

/// Tells whether a column is written to the right: numbers are.
pub(super) fn is_number(kind: &DataType) -> bool {
    kind.is_numeric()
}

/// Gives the different texts of a column, in the order in which they first stand.
pub(super) fn distinct(texts: &[String]) -> Vec<&str> {
    let mut seen = std::collections::HashSet::new();
    texts.iter().map(String::as_str).filter(|text| seen.insert(*text)).collect()
}

/// Gives the rows in which a column has a text.
pub(super) fn rows_of(texts: &[String], wanted: &str) -> Vec<usize> {
    texts.iter().enumerate().filter(|(_, text)| *text == wanted).map(|(row, _)| row).collect()
}

/// Picks the values of some rows.
pub(super) fn pick<T: Clone>(values: &[T], rows: &[usize]) -> Vec<T> {
    rows.iter().filter_map(|row| values.get(*row).cloned()).collect()
}
