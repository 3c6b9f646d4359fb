//! From tables to features: what learning sees of Arrow's columns.
//!
//! Knows Arrow's types and the sorts of a [`Frame`], and nothing of models: which column is a
//! feature and what a target is for is said by the caller.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Field, Float64Type, Int64Type, Schema, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt64Type,
};
use arrow::error::ArrowError;

use super::{Column, Frame, Label, NO_CATEGORY, NO_TIME, Table, Target};

/// The key of a field's metadata that holds its categories as a JSON list of texts.
const CATEGORIES: &str = "mlp.categories";

/// How many rows are converted at once, so that no second copy of a column is ever held.
const CHUNK: usize = 1 << 16;

/// How many different texts of a column are shared before each row gets its own.
const SHARED_TEXTS: usize = 1 << 16;

const MICROSECONDS_A_DAY: i64 = 86_400_000_000;

/// What a column holds, as far as its type tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// [`Column::Number`].
    Number,
    /// [`Column::Flag`].
    Flag,
    /// [`Column::Category`].
    Category,
    /// [`Column::Text`].
    Text,
    /// [`Column::Time`].
    Time,
}

impl Sort {
    /// Gives the sort of a column.
    #[must_use]
    pub const fn of(column: &Column) -> Self {
        match column {
            Column::Number(_) => Self::Number,
            Column::Flag(_) => Self::Flag,
            Column::Category { .. } => Self::Category,
            Column::Text(_) => Self::Text,
            Column::Time(_) => Self::Time,
        }
    }

    /// Gives the sort that a field's column will have; none for lists, structs and bytes.
    #[must_use]
    pub fn of_field(field: &Field) -> Option<Self> {
        match plain(field.data_type()) {
            DataType::Boolean => Some(Self::Flag),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                Some(if categories(field).is_some() { Self::Category } else { Self::Text })
            }
            DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => Some(Self::Time),
            DataType::Null | DataType::Duration(_) | DataType::Time32(_) | DataType::Time64(_) => {
                Some(Self::Number)
            }
            other if other.is_numeric() => Some(Self::Number),
            _ => None,
        }
    }

    /// Gives the type that such a column has where nothing more is known of it.
    #[must_use]
    pub const fn arrow(self) -> DataType {
        match self {
            Self::Number => DataType::Float64,
            Self::Flag => DataType::Boolean,
            Self::Category | Self::Text => DataType::Utf8,
            Self::Time => DataType::Timestamp(TimeUnit::Microsecond, None),
        }
    }

    /// Names what it holds, as a user would.
    #[must_use]
    pub const fn spoken(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Flag => "a bool",
            Self::Category => "a category",
            Self::Text => "text",
            Self::Time => "a date",
        }
    }
}

/// Why a table's column can't be learnt from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// Arrow refused a conversion.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    /// Columns were asked for that aren't there.
    #[error("the table has no {}", spoken_columns(.0))]
    NoColumns(Vec<String>),
    /// A column of a type that is no feature.
    #[error(
        "column `{column}` holds {found}, which no model takes; leave it out, or take it apart in SQL"
    )]
    NoFeature {
        /// The column.
        column: String,
        /// Its type.
        found: String,
    },
    /// A column of a type that can't be the target, or not for this task.
    #[error("the target `{column}` holds {found}, but {expected}")]
    NoTarget {
        /// The column.
        column: String,
        /// What it holds.
        found: String,
        /// What was expected.
        expected: &'static str,
    },
    /// Rows without a target.
    #[error("the target `{column}` is missing in {count} of {rows} rows; leave them out with `WHERE {quoted} IS NOT NULL`", quoted = quoted(.column))]
    MissingTarget {
        /// The column.
        column: String,
        /// How many rows have none.
        count: usize,
        /// How many rows there are.
        rows: usize,
    },
    /// A value that can't be used.
    #[error("column `{column}` has {found} in row {row}; {expected}")]
    BadValue {
        /// The column.
        column: String,
        /// What it has there.
        found: String,
        /// The row, counted from 0.
        row: usize,
        /// What was expected.
        expected: &'static str,
    },
}

fn spoken_columns(names: &[String]) -> String {
    let list: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    format!("column{} {}", if names.len() == 1 { "" } else { "s" }, list.join(", "))
}

/// Writes a column as SQL takes it: quoted unless it is a plain name.
fn quoted(name: &str) -> String {
    let plain = name.chars().enumerate().all(|(at, letter)| {
        letter == '_' || letter.is_ascii_alphabetic() || (at > 0 && letter.is_ascii_digit())
    });
    if plain && !name.is_empty() {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

impl Frame {
    /// Makes features of a table's columns, in the order given.
    ///
    /// Numbers of every width become numbers (null is NaN), bools flags, texts texts or, where the
    /// field knows its categories, categories; dates and timestamps times, durations seconds.
    ///
    /// # Errors
    /// Names the columns that aren't there, or the one that can't be a feature.
    pub fn of_table(table: &Table, columns: &[String]) -> Result<Self, ImportError> {
        let schema = table.schema();
        let missing: Vec<String> = columns
            .iter()
            .filter(|name| schema.column_with_name(name).is_none())
            .cloned()
            .collect();
        if !missing.is_empty() {
            return Err(ImportError::NoColumns(missing));
        }
        let mut frame = Self::new(table.rows());
        for name in columns {
            let Some((index, field)) = schema.column_with_name(name) else { continue };
            frame = frame.with(name, feature(field, &Pieces::new(table, index))?);
        }
        Ok(frame)
    }

    /// Finds the first infinity among the numbers: its column and row.
    #[must_use]
    pub fn first_infinity(&self) -> Option<(&Arc<str>, usize)> {
        let infinite = |column: &Column| column.numbers()?.iter().position(|x| x.is_infinite());
        self.iter().find_map(|(name, column)| Some((name, infinite(column)?)))
    }
}

impl Target {
    /// Makes classes of a column: those in `known` and those found, sorted.
    ///
    /// # Errors
    /// The column can't be told in classes, or has missing values.
    pub fn classes_of(table: &Table, column: &str, known: &[Label]) -> Result<Self, ImportError> {
        let (index, field) = found(table, column)?;
        let labels = labels(field, &Pieces::new(table, index))?;
        let mut classes: BTreeSet<Label> = known.iter().cloned().collect();
        classes.extend(declared_classes(field));
        classes.extend(labels.iter().cloned());
        let classes: Arc<[Label]> = classes.into_iter().collect();
        let codes: HashMap<&Label, u32> = classes.iter().zip(0..).collect();
        let code = |label: &Label| codes.get(label).copied().unwrap_or(NO_CATEGORY);
        let codes = labels.iter().map(code).collect();
        Ok(Self::Classes { codes, classes })
    }

    /// Makes numbers of a column.
    ///
    /// # Errors
    /// The column holds no numbers, or has missing or infinite values.
    pub fn numbers_of(table: &Table, column: &str) -> Result<Self, ImportError> {
        let (index, field) = found(table, column)?;
        if Sort::of_field(field) != Some(Sort::Number) {
            let expected = "regression needs a number";
            return Err(no_target(field, expected));
        }
        let values = numbers(field, &Pieces::new(table, index))?;
        refuse_missing(column, values.iter().map(|value| value.is_nan()))?;
        match values.iter().position(|value| value.is_infinite()) {
            Some(row) => Err(infinity(column, row)),
            None => Ok(Self::Numbers(values.into())),
        }
    }
}

/// Gives the classes that a field's type alone makes known: of a bool, and of declared categories.
#[must_use]
pub fn declared_classes(field: &Field) -> Vec<Label> {
    if *plain(field.data_type()) == DataType::Boolean {
        return vec![Label::Bool(false), Label::Bool(true)];
    }
    let mut texts = categories(field).unwrap_or_default();
    texts.sort_unstable();
    texts.dedup();
    texts.iter().map(|text| Label::Text(Arc::from(text.as_str()))).collect()
}

/// Reads row weights: numbers of at least 0.
///
/// # Errors
/// The column isn't there or holds anything else.
pub fn weights_of(table: &Table, column: &str) -> Result<Arc<[f64]>, ImportError> {
    let (index, field) = found(table, column)?;
    if !matches!(Sort::of_field(field), Some(Sort::Number | Sort::Flag)) {
        let found = spoken_type(field.data_type());
        return Err(ImportError::NoFeature { column: column.to_owned(), found });
    }
    let weights = match feature(field, &Pieces::new(table, index))? {
        Column::Number(values) | Column::Flag(values) => values,
        Column::Category { .. } | Column::Text(_) | Column::Time(_) => Arc::default(),
    };
    match weights.iter().position(|weight| !(weight.is_finite() && *weight >= 0.0)) {
        Some(row) => Err(ImportError::BadValue {
            column: column.to_owned(),
            found: weights.get(row).map_or_else(String::new, |weight| match weight {
                weight if weight.is_nan() => "a missing value".to_owned(),
                weight => weight.to_string(),
            }),
            row,
            expected: "a weight is a number of at least 0",
        }),
        None => Ok(weights),
    }
}

/// The arrays of one column, cut so that a conversion never doubles a large one.
struct Pieces<'a> {
    batches: &'a [RecordBatch],
    index: usize,
    rows: usize,
}

impl<'a> Pieces<'a> {
    fn new(table: &'a Table, index: usize) -> Self {
        Self { batches: table.batches(), index, rows: table.rows() }
    }

    /// Gives the pieces cast to a type.
    fn cast(&self, to: &DataType) -> impl Iterator<Item = Result<ArrayRef, ArrowError>> {
        self.batches.iter().flat_map(move |batch| {
            let array = batch.column(self.index);
            let starts = (0..array.len()).step_by(CHUNK);
            starts.map(move |start| cast(&array.slice(start, CHUNK.min(array.len() - start)), to))
        })
    }
}

fn found<'a>(table: &'a Table, column: &str) -> Result<(usize, &'a Field), ImportError> {
    let missing = || ImportError::NoColumns(vec![column.to_owned()]);
    table.schema().column_with_name(column).ok_or_else(missing)
}

/// Looks through dictionaries and runs at the type of the values.
fn plain(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, value) => plain(value),
        DataType::RunEndEncoded(_, value) => plain(value.data_type()),
        other => other,
    }
}

fn categories(field: &Field) -> Option<Vec<String>> {
    field.metadata().get(CATEGORIES).and_then(|list| serde_json::from_str(list).ok())
}

fn spoken_type(data_type: &DataType) -> String {
    match plain(data_type) {
        DataType::Struct(_) => "structs".to_owned(),
        DataType::Map(..) => "maps".to_owned(),
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::FixedSizeList(..) => "lists".to_owned(),
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => "bytes".to_owned(),
        DataType::Boolean => "a bool".to_owned(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".to_owned(),
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => "a date".to_owned(),
        DataType::Duration(_) => "a duration".to_owned(),
        other if other.is_integer() => "a whole number".to_owned(),
        other if other.is_numeric() => "a number".to_owned(),
        other => format!("`{other}`"),
    }
}

fn feature(field: &Field, pieces: &Pieces<'_>) -> Result<Column, ImportError> {
    match Sort::of_field(field) {
        Some(Sort::Number) => Ok(Column::Number(numbers(field, pieces)?.into())),
        Some(Sort::Flag) => flags(pieces).map(Column::Flag),
        Some(Sort::Category) => category(field, pieces),
        Some(Sort::Text) => texts(pieces).map(Column::Text),
        Some(Sort::Time) => times(field, pieces).map(Column::Time),
        None => Err(ImportError::NoFeature {
            column: field.name().clone(),
            found: spoken_type(field.data_type()),
        }),
    }
}

fn numbers(field: &Field, pieces: &Pieces<'_>) -> Result<Vec<f64>, ImportError> {
    let mut values = Vec::with_capacity(pieces.rows);
    // Spans of time are cast to their whole ticks first: Arrow has no cast to a float.
    let (through, ticks) = match plain(field.data_type()) {
        DataType::Duration(unit) | DataType::Time64(unit) => {
            (Some(DataType::Int64), ticks_a_second(*unit))
        }
        DataType::Time32(unit) => (Some(DataType::Int32), ticks_a_second(*unit)),
        _ => (None, 1.0),
    };
    for piece in pieces.cast(through.as_ref().unwrap_or(&DataType::Float64)) {
        let piece = cast(&piece?, &DataType::Float64)?;
        let piece = piece.as_primitive::<Float64Type>();
        if piece.null_count() == 0 {
            values.extend(piece.values().iter().map(|value| value / ticks));
        } else {
            values.extend(piece.iter().map(|value| value.map_or(f64::NAN, |value| value / ticks)));
        }
    }
    Ok(values)
}

const fn ticks_a_second(unit: TimeUnit) -> f64 {
    match unit {
        TimeUnit::Second => 1.0,
        TimeUnit::Millisecond => 1e3,
        TimeUnit::Microsecond => 1e6,
        TimeUnit::Nanosecond => 1e9,
    }
}

fn flags(pieces: &Pieces<'_>) -> Result<Arc<[f64]>, ImportError> {
    let mut values = Vec::with_capacity(pieces.rows);
    for piece in pieces.cast(&DataType::Boolean) {
        let flag = |flag: Option<bool>| flag.map_or(f64::NAN, |flag| f64::from(u8::from(flag)));
        values.extend(piece?.as_boolean().iter().map(flag));
    }
    Ok(values.into())
}

fn texts(pieces: &Pieces<'_>) -> Result<Arc<[Option<Arc<str>>]>, ImportError> {
    let mut shared: HashMap<Box<str>, Arc<str>> = HashMap::new();
    let mut values = Vec::with_capacity(pieces.rows);
    for piece in pieces.cast(&DataType::Utf8) {
        for text in piece?.as_string::<i32>() {
            values.push(text.map(|text| match shared.get(text) {
                Some(known) => Arc::clone(known),
                None if shared.len() < SHARED_TEXTS => {
                    let new: Arc<str> = Arc::from(text);
                    shared.insert(Box::from(text), Arc::clone(&new));
                    new
                }
                None => Arc::from(text),
            }));
        }
    }
    Ok(values.into())
}

fn category(field: &Field, pieces: &Pieces<'_>) -> Result<Column, ImportError> {
    let mut levels: BTreeSet<String> = categories(field).unwrap_or_default().into_iter().collect();
    for piece in pieces.cast(&DataType::Utf8) {
        for text in piece?.as_string::<i32>().iter().flatten() {
            if !levels.contains(text) {
                levels.insert(text.to_owned());
            }
        }
    }
    let known: HashMap<&str, u32> = levels.iter().map(String::as_str).zip(0..).collect();
    let mut codes = Vec::with_capacity(pieces.rows);
    for piece in pieces.cast(&DataType::Utf8) {
        let code = |text: Option<&str>| text.and_then(|text| known.get(text).copied());
        let piece = piece?;
        codes.extend(piece.as_string::<i32>().iter().map(|text| code(text).unwrap_or(NO_CATEGORY)));
    }
    let levels = levels.iter().map(|level| Arc::from(level.as_str())).collect();
    Ok(Column::Category { codes: codes.into(), levels })
}

fn times(field: &Field, pieces: &Pieces<'_>) -> Result<Arc<[i64]>, ImportError> {
    let to = plain(field.data_type()).clone();
    let mut values: Vec<i64> = Vec::with_capacity(pieces.rows);
    for piece in pieces.cast(&to) {
        for moment in microseconds(&piece?) {
            let row = values.len();
            values.push(moment.ok_or_else(|| ImportError::BadValue {
                column: field.name().clone(),
                found: "a date beyond the years that can be counted".to_owned(),
                row,
                expected: "dates reach 290,000 years either way",
            })?);
        }
    }
    Ok(values.into())
}

/// Gives the moments in microseconds; none where that overflows.
fn microseconds(array: &ArrayRef) -> Vec<Option<i64>> {
    fn scaled(
        values: impl Iterator<Item = Option<i64>>,
        scale: impl Fn(i64) -> Option<i64>,
    ) -> Vec<Option<i64>> {
        values.map(|value| value.map_or(Some(NO_TIME), &scale)).collect()
    }
    match array.data_type() {
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>().iter().map(|day| day.map(i64::from));
            scaled(days, |day| day.checked_mul(MICROSECONDS_A_DAY))
        }
        DataType::Timestamp(TimeUnit::Second, _) => {
            let seconds = array.as_primitive::<TimestampSecondType>().iter();
            scaled(seconds, |second| second.checked_mul(1_000_000))
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            let ticks = array.as_primitive::<TimestampMillisecondType>().iter();
            scaled(ticks, |tick| tick.checked_mul(1_000))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            scaled(array.as_primitive::<TimestampMicrosecondType>().iter(), Some)
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            let ticks = array.as_primitive::<TimestampNanosecondType>().iter();
            scaled(ticks, |tick| Some(tick.div_euclid(1_000)))
        }
        DataType::Date64 => {
            let ticks = array.as_primitive::<arrow::datatypes::Date64Type>().iter();
            scaled(ticks, |tick| tick.checked_mul(1_000))
        }
        _ => vec![None; array.len()],
    }
}

fn labels(field: &Field, pieces: &Pieces<'_>) -> Result<Vec<Label>, ImportError> {
    let found: Vec<Option<Label>> = match plain(field.data_type()) {
        DataType::Boolean => {
            let mut labels = Vec::with_capacity(pieces.rows);
            for piece in pieces.cast(&DataType::Boolean) {
                labels.extend(piece?.as_boolean().iter().map(|flag| flag.map(Label::Bool)));
            }
            labels
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            texts(pieces)?.iter().map(|text| text.clone().map(Label::Text)).collect()
        }
        DataType::UInt64 => whole_labels(field, pieces)?,
        other if other.is_integer() => {
            let mut labels = Vec::with_capacity(pieces.rows);
            for piece in pieces.cast(&DataType::Int64) {
                let piece = piece?;
                let numbers = piece.as_primitive::<Int64Type>().iter();
                labels.extend(numbers.map(|number| number.map(Label::Int)));
            }
            labels
        }
        DataType::Duration(_) | DataType::Time32(_) | DataType::Time64(_) => {
            return Err(no_target(field, "classes are texts, bools or whole numbers"));
        }
        other if other.is_numeric() => float_labels(field, pieces)?,
        _ => return Err(no_target(field, "classes are texts, bools or whole numbers")),
    };
    refuse_missing(field.name(), found.iter().map(Option::is_none))?;
    Ok(found.into_iter().flatten().collect())
}

fn whole_labels(field: &Field, pieces: &Pieces<'_>) -> Result<Vec<Option<Label>>, ImportError> {
    let mut labels = Vec::with_capacity(pieces.rows);
    for piece in pieces.cast(&DataType::UInt64) {
        for number in piece?.as_primitive::<UInt64Type>() {
            let label = number.map(i64::try_from).transpose();
            let label = label.map_err(|_| ImportError::BadValue {
                column: field.name().clone(),
                found: number.unwrap_or_default().to_string(),
                row: labels.len(),
                expected: "a class is a whole number of 64 bits with a sign",
            })?;
            labels.push(label.map(Label::Int));
        }
    }
    Ok(labels)
}

/// Takes floats for classes where each is a whole number, as they are behind a SQL `AVG` or `CASE`.
fn float_labels(field: &Field, pieces: &Pieces<'_>) -> Result<Vec<Option<Label>>, ImportError> {
    let label = |(row, value): (usize, &f64)| {
        if value.is_nan() {
            return Ok(None);
        }
        whole(*value).map(|number| Some(Label::Int(number))).ok_or_else(|| ImportError::BadValue {
            column: field.name().clone(),
            found: value.to_string(),
            row,
            expected: "a class is a text, a bool or a whole number",
        })
    };
    numbers(field, pieces)?.iter().enumerate().map(label).collect()
}

/// Gives a float as a whole number if it is exactly one.
#[must_use]
pub fn whole(value: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked in front")]
    let number = (value.trunc().to_bits() == value.to_bits() && value.abs() < 9.0e15)
        .then_some(value as i64);
    number
}

fn no_target(field: &Field, expected: &'static str) -> ImportError {
    let found = spoken_type(field.data_type());
    ImportError::NoTarget { column: field.name().clone(), found, expected }
}

fn infinity(column: &str, row: usize) -> ImportError {
    ImportError::BadValue {
        column: column.to_owned(),
        found: "infinity".to_owned(),
        row,
        expected: "leave such rows out or cap the value in SQL",
    }
}

fn refuse_missing(column: &str, missing: impl Iterator<Item = bool>) -> Result<(), ImportError> {
    let (mut count, mut rows) = (0, 0);
    for missing in missing {
        count += usize::from(missing);
        rows += 1;
    }
    if count == 0 {
        return Ok(());
    }
    Err(ImportError::MissingTarget { column: column.to_owned(), count, rows })
}

/// Gives the sorts of a schema's columns; none for those that can't be features.
pub fn sorts(schema: &Schema) -> impl Iterator<Item = (&str, Option<Sort>)> {
    schema.fields().iter().map(|field| (field.name().as_str(), Sort::of_field(field)))
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        BinaryArray, BooleanArray, Date32Array, Decimal128Array, DurationMillisecondArray,
        Float64Array, Int32Array, Int64Array, StringArray, TimestampNanosecondArray,
        TimestampSecondArray, UInt64Array,
    };

    use super::*;

    fn table(columns: Vec<(&str, ArrayRef)>) -> Table {
        let field =
            |(name, array): &(&str, ArrayRef)| Field::new(*name, array.data_type().clone(), true);
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        let arrays = columns.into_iter().map(|(_, own)| own).collect();
        let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).unwrap();
        Table::new(schema, vec![batch]).unwrap()
    }

    fn texts(values: &[Option<&str>]) -> ArrayRef {
        Arc::new(StringArray::from(values.to_vec()))
    }

    fn floats(values: &[Option<f64>]) -> ArrayRef {
        Arc::new(Float64Array::from(values.to_vec()))
    }

    fn ints(values: &[i64]) -> ArrayRef {
        Arc::new(Int64Array::from(values.to_vec()))
    }

    #[test]
    fn columns_of_every_type_become_features() {
        let table = table(vec![
            ("i", Arc::new(Int32Array::from(vec![Some(1), None]))),
            ("u", Arc::new(UInt64Array::from(vec![Some(u64::MAX), Some(2)]))),
            ("f", floats(&[Some(0.5), Some(f64::NAN)])),
            (
                "d",
                Arc::new(
                    Decimal128Array::from(vec![Some(1234), None])
                        .with_precision_and_scale(10, 2)
                        .unwrap(),
                ),
            ),
            ("b", Arc::new(BooleanArray::from(vec![Some(true), None]))),
            ("t", texts(&[Some("x"), None])),
            ("day", Arc::new(Date32Array::from(vec![Some(1), None]))),
            ("s", Arc::new(TimestampSecondArray::from(vec![Some(-1), None]))),
            ("ns", Arc::new(TimestampNanosecondArray::from(vec![Some(-1), Some(1_500)]))),
            ("dur", Arc::new(DurationMillisecondArray::from(vec![Some(1_500), None]))),
        ]);
        let names: Vec<String> =
            table.schema().fields().iter().map(|field| field.name().clone()).collect();
        let frame = Frame::of_table(&table, &names).unwrap();
        let number = |name: &str| frame.column(name).unwrap().numbers().unwrap().to_vec();
        assert_eq!(number("i")[..1].to_vec(), [1.0]);
        assert!(number("i")[1].is_nan() && number("f")[1].is_nan() && number("d")[1].is_nan());
        assert_eq!(number("u"), [u64::MAX as f64, 2.0]);
        assert_eq!(number("d")[..1].to_vec(), [12.34]);
        assert_eq!(number("dur")[..1].to_vec(), [1.5]);
        assert!(number("dur")[1].is_nan() && number("b")[1].is_nan());
        assert_eq!(frame.column("t"), Some(&Column::Text(vec![Some(Arc::from("x")), None].into())));
        assert_eq!(frame.column("day"), Some(&Column::Time(vec![86_400_000_000, NO_TIME].into())));
        assert_eq!(frame.column("s"), Some(&Column::Time(vec![-1_000_000, NO_TIME].into())));
        assert_eq!(frame.column("ns"), Some(&Column::Time(vec![-1, 1].into())));
        let found: Vec<Sort> = frame.columns().iter().map(Sort::of).collect();
        let known: Vec<Sort> = sorts(table.schema()).map(|(_, sort)| sort.unwrap()).collect();
        assert_eq!(found, known);
    }

    #[test]
    fn declared_categories_are_sorted_levels() {
        let metadata =
            HashMap::from([("mlp.categories".to_owned(), r#"["b","a","never"]"#.to_owned())]);
        let schema = Arc::new(Schema::new(vec![
            Field::new("c", DataType::Utf8, true).with_metadata(metadata),
        ]));
        let batch = RecordBatch::try_new(
            Arc::clone(&schema),
            vec![texts(&[Some("b"), None, Some("ä"), Some("a")])],
        );
        let table = Table::new(schema, vec![batch.unwrap()]).unwrap();
        let Some(Column::Category { codes, levels }) =
            Frame::of_table(&table, &["c".to_owned()]).unwrap().column("c").cloned()
        else {
            panic!("no category")
        };
        assert_eq!(
            levels.iter().map(|level| &**level).collect::<Vec<_>>(),
            ["a", "b", "never", "ä"]
        );
        assert_eq!(*codes, [1, NO_CATEGORY, 3, 0]);
        let known = declared_classes(table.schema().field(0));
        assert_eq!(known.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a", "b", "never"]);
    }

    #[test]
    fn what_no_model_takes_is_named() {
        let bytes = table(vec![
            ("raw", Arc::new(BinaryArray::from(vec![&b"x"[..]]))),
            ("far", Arc::new(TimestampSecondArray::from(vec![i64::MAX]))),
        ]);
        let error =
            |name: &str| Frame::of_table(&bytes, &[name.to_owned()]).unwrap_err().to_string();
        assert_eq!(
            error("raw"),
            "column `raw` holds bytes, which no model takes; leave it out, or take it apart in SQL"
        );
        assert_eq!(error("nope"), "the table has no column `nope`");
        assert_eq!(
            error("far"),
            "column `far` has a date beyond the years that can be counted in row 0; dates reach 290,000 years either way"
        );
    }

    #[test]
    fn targets_are_sorted_classes_or_whole_numbers_or_refused() {
        let table = table(vec![
            ("t", texts(&[Some("b"), Some("a"), Some("b")])),
            ("i", ints(&[10, -2, 10])),
            ("f", floats(&[Some(1.0), Some(0.0), Some(1.0)])),
            ("half", floats(&[Some(0.5), Some(0.0), Some(1.0)])),
            ("a b", floats(&[None, Some(f64::NAN), Some(1.0)])),
            ("inf", floats(&[Some(1.0), Some(f64::INFINITY), Some(1.0)])),
            ("day", Arc::new(Date32Array::from(vec![1, 2, 3]))),
        ]);
        let classes = |name: &str| match Target::classes_of(&table, name, &[])
            .map_err(|error| error.to_string())
        {
            Ok(Target::Classes { codes, classes }) => {
                Ok((codes.to_vec(), classes.iter().map(ToString::to_string).collect::<Vec<_>>()))
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error),
        };
        let named = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(classes("t"), Ok((vec![1, 0, 1], named(&["a", "b"]))));
        assert_eq!(classes("i"), Ok((vec![1, 0, 1], named(&["-2", "10"]))));
        assert_eq!(classes("f"), Ok((vec![1, 0, 1], named(&["0", "1"]))));
        assert_eq!(
            classes("half"),
            Err("column `half` has 0.5 in row 0; a class is a text, a bool or a whole number"
                .to_owned())
        );
        assert_eq!(
            classes("a b"),
            Err("the target `a b` is missing in 2 of 3 rows; leave them out with `WHERE \"a b\" IS NOT NULL`".to_owned()),
        );
        assert_eq!(
            classes("day"),
            Err("the target `day` holds a date, but classes are texts, bools or whole numbers"
                .to_owned())
        );
        let number =
            |name: &str| Target::numbers_of(&table, name).map_err(|error| error.to_string());
        assert_eq!(number("i"), Ok(Target::Numbers(vec![10.0, -2.0, 10.0].into())));
        assert_eq!(
            number("inf"),
            Err("column `inf` has infinity in row 1; leave such rows out or cap the value in SQL"
                .to_owned())
        );
        assert_eq!(
            number("t"),
            Err("the target `t` holds text, but regression needs a number".to_owned())
        );
    }
}
