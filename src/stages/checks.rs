//! The conditions and measures of `expect`: what a table is held against.
//!
//! A check says of every row whether it passes; a missing value (null or NaN) passes all but
//! `not_null`. A measure is one number of the whole table, compared by the user.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, StringArray};
use arrow::buffer::BooleanBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};

use super::keys::{Fingerprints, Keys};
use super::marks::{marked, missing, where_present};
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

/// Marks the rows that fail a check; `other` is the column that `references` names.
pub(super) fn failing(
    call: &Call,
    table: &Table,
    other: Option<&[ArrayRef]>,
) -> Result<BooleanBuffer, Failure> {
    let args = &call.args;
    match call.name {
        "not_null" => {
            let columns = NotNull::from_args(args).map(|check| check.columns).unwrap_or_default();
            let mut marks = BooleanBuffer::new_unset(table.rows());
            for column in columns {
                marks = &marks | &marked(table, &column, |array| Ok(missing(array)))?;
            }
            Ok(marks)
        }
        "unique" => {
            let columns = Unique::from_args(args).map(|check| check.columns).unwrap_or_default();
            let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
            let keys = Keys::of(&kinds(table, &columns)?)?;
            Fingerprints::new(batches(table, &columns)?, &keys).doubled()
        }
        "between" => between(args, table),
        "one_of" => one_of(args, table),
        "matches" => matching(args, table),
        "references" => referring(args, table, other.unwrap_or_default()),
        other => Err(Failure::new(format!("`{other}` is no check of rows"))),
    }
}

/// Gives the types of some columns.
fn kinds(table: &Table, columns: &[&str]) -> Result<Vec<DataType>, Failure> {
    let kind = |column: &&str| match table.field(column) {
        Some(field) => Ok(field.data_type().clone()),
        None => Err(Failure::new(format!("the table has no column `{column}`"))),
    };
    columns.iter().map(kind).collect()
}

/// Gives some columns batch by batch.
fn batches(table: &Table, columns: &[&str]) -> Result<Vec<Vec<ArrayRef>>, Failure> {
    let table = table.project(columns).map_err(|error| Failure::new(error.to_string()))?;
    Ok(table.batches().iter().map(|batch| batch.columns().to_vec()).collect())
}

fn numbers(column: &str, array: &ArrayRef) -> Result<Float64Array, Failure> {
    let unfit =
        || Failure::new(format!("`{column}` is {}, not numbers", spoken(array.data_type())));
    if !(array.data_type().is_numeric() || *array.data_type() == DataType::Boolean) {
        return Err(unfit());
    }
    cast(array, &DataType::Float64).map(|cast| cast.as_primitive().clone()).map_err(|_| unfit())
}

fn texts(column: &str, array: &ArrayRef) -> Result<StringArray, Failure> {
    cast(array, &DataType::Utf8).map(|cast| cast.as_string().clone()).map_err(|_| {
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
    let keys = Keys::of([array.data_type()]);
    let keys = keys.and_then(|keys| keys.write(std::slice::from_ref(array)));
    keys.is_ok_and(|keys| keys.iter().is_sorted())
}

fn between(args: &Args, table: &Table) -> Result<BooleanBuffer, Failure> {
    let Some(check) = Between::from_args(args) else { return Ok(none(table)) };
    let column = check.column.as_str();
    if let (Some(low), Some(high)) = (check.low.as_f64(), check.high.as_f64()) {
        return marked(table, column, |array| {
            let values = numbers(column, array)?;
            let outside = |row: usize| values.value(row) < low || values.value(row) > high;
            Ok(where_present(&values, outside))
        });
    }
    let (Setting::Text(low), Setting::Text(high)) = (&check.low, &check.high) else {
        return Err(Failure::new("the ends of `between` must be two numbers or two texts"));
    };
    let kind = &kinds(table, &[column])?[0];
    let keys = Keys::of([kind])?;
    let ends = keys.write(&[values(&[low, high], kind).map_err(Failure::new)?])?;
    let (low, high) = (ends.row(0), ends.row(1));
    marked(table, column, |array| {
        let found = keys.write(std::slice::from_ref(array))?;
        let outside = |row: usize| found.row(row) < low || found.row(row) > high;
        Ok(where_present(array, outside))
    })
}

/// Marks no row.
fn none(table: &Table) -> BooleanBuffer {
    BooleanBuffer::new_unset(table.rows())
}

fn one_of(args: &Args, table: &Table) -> Result<BooleanBuffer, Failure> {
    let Some(check) = OneOf::from_args(args) else { return Ok(none(table)) };
    let column = check.column.as_str();
    let numeric: Option<Vec<f64>> = check.values.iter().map(Setting::as_f64).collect();
    if let Some(known) = numeric {
        return marked(table, column, |array| {
            let values = numbers(column, array)?;
            let outside = |value: f64| !value.is_nan() && !known.contains(&value);
            Ok(where_present(&values, |row| outside(values.value(row))))
        });
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
    let kind = &kinds(table, &[column])?[0];
    let keys = Keys::of([kind])?;
    let known = keys.write(&[values(&known, kind).map_err(Failure::new)?])?;
    let known: HashSet<&[u8]> = known.iter().map(|row| row.data()).collect();
    marked(table, column, |array| {
        let found = keys.write(std::slice::from_ref(array))?;
        Ok(where_present(array, |row| !known.contains(found.row(row).data())))
    })
}

fn matching(args: &Args, table: &Table) -> Result<BooleanBuffer, Failure> {
    let Some(check) = Matches::from_args(args) else { return Ok(none(table)) };
    let pattern = pattern(&check.pattern)?;
    marked(table, &check.column, |array| {
        let values = texts(&check.column, array)?;
        Ok(where_present(&values, |row| !pattern.is_match(values.value(row))))
    })
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

fn referring(args: &Args, table: &Table, other: &[ArrayRef]) -> Result<BooleanBuffer, Failure> {
    let Some(check) = References::from_args(args) else { return Ok(none(table)) };
    let own = &kinds(table, &[&check.column])?[0];
    let kind = other.first().map_or_else(|| own.clone(), |other| common(own, other.data_type()));
    let keys = Keys::of([&kind])?;
    let alike = |column: &ArrayRef| {
        cast(column, &kind)
            .map(|column| vec![column])
            .map_err(|error| Failure::new(error.to_string()))
    };
    let column = table.column(&check.column).map_err(|error| Failure::new(error.to_string()))?;
    let own: Vec<Vec<ArrayRef>> = column.iter().map(alike).collect::<Result<_, _>>()?;
    let known: Vec<Vec<ArrayRef>> = other.iter().map(alike).collect::<Result<_, _>>()?;
    Fingerprints::new(own, &keys).absent(&Fingerprints::new(known, &keys))
}

/// Gives a type in which the values of both can be compared and none is cut.
fn common(own: &DataType, other: &DataType) -> DataType {
    let whole = |kind: &DataType| kind.is_integer();
    let fineness = |unit: &TimeUnit| *unit as u8;
    match (own, other) {
        (DataType::Timestamp(one, _), DataType::Timestamp(two, _)) => {
            if fineness(one) >= fineness(two) { own.clone() } else { other.clone() }
        }
        (_, DataType::Timestamp(..)) => other.clone(),
        _ if own.is_numeric() && own != other && !(whole(own) && whole(other)) => DataType::Float64,
        _ => own.clone(),
    }
}

/// Measures a table; a measure of no values is NaN, which meets no comparison but `!=`.
pub(super) fn measure(call: &Call, table: &Table) -> Result<f64, Failure> {
    let Some(Setting::Column(column)) = call.args.get("column").map(|bound| &bound.setting) else {
        return Ok(table.rows() as f64);
    };
    match call.name {
        "missing" => {
            let missing = marked(table, column, |array| Ok(missing(array)))?;
            Ok(missing.count_set_bits() as f64)
        }
        "distinct" => {
            let keys = Keys::of(&kinds(table, &[column])?)?;
            Fingerprints::new(batches(table, &[column])?, &keys)
                .distinct()
                .map(|count| count as f64)
        }
        word => {
            let (mut count, mut sum) = (0_usize, 0.0);
            let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
            for piece in table.column(column).map_err(|error| Failure::new(error.to_string()))? {
                for value in numbers(column, &piece)?.iter().flatten().filter(|v| !v.is_nan()) {
                    count += 1;
                    sum += value;
                    least = least.min(value);
                    most = most.max(value);
                }
            }
            Ok(match word {
                "sum" => sum,
                _ if count == 0 => f64::NAN,
                "min" => least,
                "max" => most,
                _ => sum / count as f64,
            })
        }
    }
}
