//! The conditions and measures of `expect`: what a table is held against.
//!
//! A check says of every row whether it passes; a missing value (null or NaN) passes all but
//! `not_null`. A measure is one number of the whole table, compared by the user.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use arrow::row::{OwnedRow, RowConverter, SortField};

use crate::data::{ColumnType, Table};
use crate::params;
use crate::params::{Args, Call, Kind, Params, Setting, Signature};
use crate::plan::Failure;

params! {
    /// Has a value in every row.
    pub(super) struct NotNull("not_null", 1) {
        /// The columns.
        columns: Vec<String> as (Kind::Rest(&Kind::Column)),
    }
}

params! {
    /// Has no two rows with equal values.
    pub(super) struct Unique("unique", 1) {
        /// The columns, taken together.
        columns: Vec<String> as (Kind::Rest(&Kind::Column)),
    }
}

params! {
    /// Lies in a range, both ends included.
    pub(super) struct Between("between", 3) {
        /// The column.
        column: String as (Kind::Column),
        /// The least value: a number, or a date or time in quotes.
        low: Setting as (Kind::Literal),
        /// The greatest value.
        high: Setting as (Kind::Literal),
    }
}

params! {
    /// Is one of some values.
    pub(super) struct OneOf("one_of", 2) {
        /// The column.
        column: String as (Kind::Column),
        /// The values.
        values: Vec<Setting> as (Kind::List(&Kind::Literal)),
    }
}

params! {
    /// Has a part that a regular expression matches; `^…$` asks for the whole.
    pub(super) struct Matches("matches", 2) {
        /// The column.
        column: String as (Kind::Column),
        /// The regular expression.
        pattern: String,
    }
}

params! {
    /// Stands in a column of another table.
    pub(super) struct References("references", 2) {
        /// The column.
        column: String as (Kind::Column),
        /// The other table and its column: `users.id`.
        to: Setting as (Kind::Stage),
    }
}

params! {
    /// Meets a condition in SQL.
    pub(super) struct Holds("holds", 1) {
        /// The condition, over the columns of the table.
        condition: Setting as (Kind::Code),
    }
}

params! {
    /// The number of rows.
    pub(super) struct RowCount("row_count", 0) {}
}

/// Declares a measure of one column.
macro_rules! measures {
    ($($(#[doc = $doc:literal])* $name:ident($word:literal);)*) => {$(
        params! {
            $(#[doc = $doc])*
            pub struct $name($word, 1) {
                /// The column.
                column: String as (Kind::Column),
            }
        }
    )*};
}

measures! {
    /// The number of rows without a value; held against a percentage, their share of all rows.
    ///
    /// `missing(age) <= 20` allows twenty rows, `missing(age) <= 5%` one row in twenty.
    Missing("missing");
    /// The number of different values; held against a percentage, that number by the number of rows.
    ///
    /// `distinct(id) >= 99%` asks for a value of its own in nearly every row.
    Distinct("distinct");
    /// The least value.
    Min("min");
    /// The greatest value.
    Max("max");
    /// The mean.
    Mean("mean");
    /// The sum.
    Sum("sum");
}

/// The checks.
pub(super) static CHECKS: &[&Signature] = &[
    const { &NotNull::SIGNATURE },
    const { &Unique::SIGNATURE },
    const { &Between::SIGNATURE },
    const { &OneOf::SIGNATURE },
    const { &Matches::SIGNATURE },
    const { &References::SIGNATURE },
    const { &Holds::SIGNATURE },
];

/// The measures.
pub(super) static MEASURES: &[&Signature] = &[
    const { &RowCount::SIGNATURE },
    const { &Missing::SIGNATURE },
    const { &Distinct::SIGNATURE },
    const { &Min::SIGNATURE },
    const { &Max::SIGNATURE },
    const { &Mean::SIGNATURE },
    const { &Sum::SIGNATURE },
];

/// Gives the columns that a check or measure reads of its own table.
pub(super) fn columns(call: &Call) -> Vec<(String, crate::text::Span)> {
    let columns = |setting: &Setting, span| match setting {
        Setting::Column(name) => vec![(name.clone(), span)],
        Setting::List(items) => items
            .iter()
            .filter_map(|item| match &item.setting {
                Setting::Column(name) => Some((name.clone(), item.span)),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    };
    call.args.iter().flat_map(|(_, bound)| columns(&bound.setting, bound.span)).collect()
}

/// Finds the rows that fail a check; `other` is the column that `references` names.
pub(super) fn failing(
    call: &Call,
    table: &Table,
    other: Option<&[ArrayRef]>,
) -> Result<Vec<usize>, Failure> {
    let args = &call.args;
    match call.name {
        "not_null" => {
            let columns = NotNull::from_args(args).map(|check| check.columns).unwrap_or_default();
            let mut rows = BTreeSet::new();
            for column in columns {
                rows.extend(missing(&whole(table, &column)?));
            }
            Ok(rows.into_iter().collect())
        }
        "unique" => {
            let columns = Unique::from_args(args).map(|check| check.columns).unwrap_or_default();
            doubled(table, &columns)
        }
        "between" => between(args, table),
        "one_of" => one_of(args, table),
        "matches" => matching(args, table),
        "references" => referring(args, table, other.unwrap_or_default()),
        other => Err(Failure::new(format!("`{other}` is no check of rows"))),
    }
}

/// Gives a column in one piece.
fn whole(table: &Table, column: &str) -> Result<ArrayRef, Failure> {
    let pieces = table.column(column).map_err(|error| Failure::new(error.to_string()))?;
    let pieces: Vec<&dyn Array> = pieces.iter().map(AsRef::as_ref).collect();
    if pieces.is_empty() {
        let kind = table.field(column).map_or(DataType::Null, |field| field.data_type().clone());
        return Ok(arrow::array::new_empty_array(&kind));
    }
    arrow::compute::concat(&pieces).map_err(|error| Failure::new(error.to_string()))
}

/// Gives the rows whose value is null or NaN.
fn missing(column: &ArrayRef) -> Vec<usize> {
    let nan = column.as_primitive_opt::<Float64Type>();
    (0..column.len())
        .filter(|row| column.is_null(*row) || nan.is_some_and(|values| values.value(*row).is_nan()))
        .collect()
}

fn numbers(table: &Table, column: &str) -> Result<Float64Array, Failure> {
    let array = whole(table, column)?;
    let unfit =
        || Failure::new(format!("`{column}` is {}, not numbers", spoken(array.data_type())));
    if !(array.data_type().is_numeric() || *array.data_type() == DataType::Boolean) {
        return Err(unfit());
    }
    cast(&array, &DataType::Float64).map(|cast| cast.as_primitive().clone()).map_err(|_| unfit())
}

fn texts(table: &Table, column: &str) -> Result<StringArray, Failure> {
    let array = whole(table, column)?;
    cast(&array, &DataType::Utf8).map(|cast| cast.as_string().clone()).map_err(|_| {
        Failure::new(format!("`{column}` is {}, which has no text", spoken(array.data_type())))
    })
}

fn spoken(kind: &DataType) -> String {
    ColumnType::new(kind.clone()).to_string()
}

/// Reads texts as values of a column's type.
///
/// # Errors
/// Says which text is no value of the type.
pub(super) fn values(texts: &[&str], kind: &DataType) -> Result<ArrayRef, String> {
    let array: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
    let wrong = |text: &str| format!("{text:?} is no {}", spoken(kind));
    let first = texts.first().copied().unwrap_or_default();
    let read = cast(&array, kind).map_err(|_| wrong(first))?;
    match (0..read.len()).find(|row| read.is_null(*row)) {
        Some(row) => Err(wrong(texts[row])),
        None => Ok(read),
    }
}

/// Tells whether the values of an array ascend, or stay the same.
pub(super) fn ordered(array: &ArrayRef) -> bool {
    rows(std::slice::from_ref(array)).is_ok_and(|keys| keys.is_sorted())
}

/// Writes each row of some columns as bytes that are equal where the values are.
fn rows(columns: &[ArrayRef]) -> Result<Vec<OwnedRow>, Failure> {
    let failure = |error: arrow::error::ArrowError| Failure::new(error.to_string());
    let fields = columns.iter().map(|array| SortField::new(array.data_type().clone())).collect();
    let converter = RowConverter::new(fields).map_err(failure)?;
    let rows = converter.convert_columns(columns).map_err(failure)?;
    Ok(rows.iter().map(|row| row.owned()).collect())
}

/// Finds the rows whose values stand in another row too; rows with a missing value pass.
fn doubled(table: &Table, columns: &[String]) -> Result<Vec<usize>, Failure> {
    let arrays: Vec<ArrayRef> =
        columns.iter().map(|column| whole(table, column)).collect::<Result<_, _>>()?;
    let skipped: HashSet<usize> = arrays.iter().flat_map(missing).collect();
    let keys = rows(&arrays)?;
    let mut seen: HashMap<&OwnedRow, usize> = HashMap::new();
    for (_, key) in keys.iter().enumerate().filter(|(row, _)| !skipped.contains(row)) {
        *seen.entry(key).or_default() += 1;
    }
    let doubled = |(row, key): (usize, &OwnedRow)| {
        (!skipped.contains(&row) && seen.get(key).is_some_and(|count| *count > 1)).then_some(row)
    };
    Ok(keys.iter().enumerate().filter_map(doubled).collect())
}

fn between(args: &Args, table: &Table) -> Result<Vec<usize>, Failure> {
    let Some(check) = Between::from_args(args) else { return Ok(Vec::new()) };
    if let (Some(low), Some(high)) = (check.low.as_f64(), check.high.as_f64()) {
        let values = numbers(table, &check.column)?;
        let outside = |(row, value): (usize, Option<f64>)| {
            value.filter(|value| *value < low || *value > high).map(|_| row)
        };
        return Ok(values.iter().enumerate().filter_map(outside).collect());
    }
    let (Setting::Text(low), Setting::Text(high)) = (&check.low, &check.high) else {
        return Err(Failure::new("the ends of `between` must be two numbers or two texts"));
    };
    let column = whole(table, &check.column)?;
    let ends = rows(&[values(&[low, high], column.data_type()).map_err(Failure::new)?])?;
    let [low, high] = ends.as_slice() else { return Ok(Vec::new()) };
    let keys = rows(&[Arc::clone(&column)])?;
    let outside = |row: &usize| column.is_valid(*row) && (keys[*row] < *low || keys[*row] > *high);
    Ok((0..column.len()).filter(outside).collect())
}

fn one_of(args: &Args, table: &Table) -> Result<Vec<usize>, Failure> {
    let Some(check) = OneOf::from_args(args) else { return Ok(Vec::new()) };
    let numeric: Option<Vec<f64>> = check.values.iter().map(Setting::as_f64).collect();
    if let Some(known) = numeric {
        let values = numbers(table, &check.column)?;
        let outside = |(row, value): (usize, Option<f64>)| {
            value.filter(|value| !value.is_nan() && !known.contains(value)).map(|_| row)
        };
        return Ok(values.iter().enumerate().filter_map(outside).collect());
    }
    let known: Vec<String> = check
        .values
        .iter()
        .map(|value| match value {
            Setting::Text(text) => text.clone(),
            other => other.spoken(),
        })
        .collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let column = whole(table, &check.column)?;
    let known = rows(&[values(&known, column.data_type()).map_err(Failure::new)?])?;
    let known: HashSet<OwnedRow> = known.into_iter().collect();
    let keys = rows(&[Arc::clone(&column)])?;
    let outside = |row: &usize| column.is_valid(*row) && !known.contains(&keys[*row]);
    Ok((0..column.len()).filter(outside).collect())
}

fn matching(args: &Args, table: &Table) -> Result<Vec<usize>, Failure> {
    let Some(check) = Matches::from_args(args) else { return Ok(Vec::new()) };
    let pattern = pattern(&check.pattern)?;
    let values = texts(table, &check.column)?;
    let outside = |(row, value): (usize, Option<&str>)| {
        value.filter(|value| !pattern.is_match(value)).map(|_| row)
    };
    Ok(values.iter().enumerate().filter_map(outside).collect())
}

/// Reads a regular expression.
pub(super) fn pattern(text: &str) -> Result<regex::Regex, Failure> {
    regex::RegexBuilder::new(text).size_limit(1 << 20).build().map_err(|error| {
        Failure::new(format!("{text:?} is no regular expression: {}", why(&error)))
    })
}

/// Says in one line why a regular expression is none.
fn why(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.strip_prefix("error: ").unwrap_or(last).to_owned()
        }
    }
}

fn referring(args: &Args, table: &Table, other: &[ArrayRef]) -> Result<Vec<usize>, Failure> {
    let Some(check) = References::from_args(args) else { return Ok(Vec::new()) };
    let column = whole(table, &check.column)?;
    let mut known = HashSet::new();
    for piece in other {
        let same =
            cast(piece, column.data_type()).map_err(|error| Failure::new(error.to_string()))?;
        known.extend(rows(&[same])?);
    }
    let skipped: HashSet<usize> = missing(&column).into_iter().collect();
    let outside = |(row, key): (usize, &OwnedRow)| {
        (!skipped.contains(&row) && !known.contains(key)).then_some(row)
    };
    Ok(rows(&[column])?.iter().enumerate().filter_map(outside).collect())
}

/// Measures a table; a measure of no values is NaN, which meets no comparison but `!=`.
pub(super) fn measure(call: &Call, table: &Table) -> Result<f64, Failure> {
    let Some(Setting::Column(column)) = call.args.get("column").map(|bound| &bound.setting) else {
        return Ok(table.rows() as f64);
    };
    match call.name {
        "missing" => Ok(missing(&whole(table, column)?).len() as f64),
        "distinct" => {
            let array = whole(table, column)?;
            let skipped: HashSet<usize> = missing(&array).into_iter().collect();
            let keys = rows(&[array])?;
            let kept = keys.iter().enumerate().filter(|(row, _)| !skipped.contains(row));
            Ok(kept.map(|(_, key)| key).collect::<HashSet<_>>().len() as f64)
        }
        word => {
            let values: Vec<f64> =
                numbers(table, column)?.iter().flatten().filter(|v| !v.is_nan()).collect();
            let sum: f64 = values.iter().sum();
            Ok(match word {
                _ if values.is_empty() && word != "sum" => f64::NAN,
                "min" => values.iter().copied().fold(f64::INFINITY, f64::min),
                "max" => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                "mean" => sum / values.len() as f64,
                _ => sum,
            })
        }
    }
}
