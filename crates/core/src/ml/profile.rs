//! A profile: what each column of a table holds, in a few numbers.
//!
//! A column's values are sorted (numbers) or counted (texts) once, and everything is read from that, so
//! that the figures depend neither on the order of the rows nor on the number of threads. Knows
//! tables and nothing of learning.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::compute::{SortOptions, concat, sort};
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;
use arrow::row::{OwnedRow, RowConverter, SortField};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use rayon::prelude::*;

use super::steps::statistics::{quantile, total};
use crate::data::{ColumnType, Table};

/// What a column holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Its name.
    pub column: String,
    /// Its type, in the language's words.
    pub kind: String,
    /// The rows of the table.
    pub rows: usize,
    /// The rows without a value; NaN is none.
    pub missing: usize,
    /// The different values; not known of types that can't be compared.
    pub distinct: Option<usize>,
    /// Figures of the values as numbers, if they have such.
    pub figures: Option<Figures>,
    /// The value that stands most often, of several the least; none if all stand once.
    pub top: Option<String>,
}

/// Figures of a column's values.
///
/// Bools count as 0 and 1, dates and times as seconds (from 1970 on, or from midnight), durations as
/// seconds, and texts as their number of characters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// The mean.
    pub mean: f64,
    /// The standard deviation of a sample: divided by one less than the values. NaN of one value.
    pub sd: f64,
    /// The least value.
    pub min: f64,
    /// The quartiles, interpolated in a straight line between the two values around `q (n − 1)`.
    pub quartiles: [f64; 3],
    /// The greatest value.
    pub max: f64,
}

impl Figures {
    /// Reads the figures from sorted values; none if there are no values.
    fn of(sorted: &[f64]) -> Option<Self> {
        let (first, last) = (*sorted.first()?, *sorted.last()?);
        let count = sorted.len() as f64;
        let mean = total(sorted.iter().copied()) / count;
        let drift = total(sorted.iter().map(|value| value - mean));
        let squares = total(sorted.iter().map(|value| (value - mean) * (value - mean)));
        let variance = (squares - drift * drift / count).max(0.0) / (count - 1.0);
        Some(Self {
            mean: if first == last { first } else { mean },
            sd: variance.sqrt(),
            min: first,
            quartiles: [0.25, 0.5, 0.75].map(|q| quantile(sorted, q)),
            max: last,
        })
    }
}

/// Profiles every column of a table, side by side; gives nothing once `stop` is set.
///
/// # Errors
/// Arrow refuses a conversion.
pub fn profile(table: &Table, stop: &AtomicBool) -> Result<Option<Vec<Profile>>, ArrowError> {
    let columns = 0..table.schema().fields().len();
    let one = |at: usize| {
        if stop.load(Ordering::Relaxed) { Ok(None) } else { column(table, at).map(Some) }
    };
    columns.into_par_iter().map(one).collect()
}

/// The values of a column, counted.
#[derive(Default)]
struct Counted {
    missing: usize,
    distinct: Option<usize>,
    /// The values as numbers, sorted.
    sorted: Vec<f64>,
    top: Option<String>,
}

fn column(table: &Table, at: usize) -> Result<Profile, ArrowError> {
    let field = table.schema().field(at);
    let pieces: Vec<&ArrayRef> = table.batches().iter().map(|batch| batch.column(at)).collect();
    let counted = Pieces { kind: field.data_type(), pieces }.count()?;
    Ok(Profile {
        column: field.name().clone(),
        kind: ColumnType::of_field(field).to_string(),
        rows: table.rows(),
        missing: counted.missing,
        distinct: counted.distinct,
        figures: Figures::of(&counted.sorted),
        top: counted.top,
    })
}

/// A column, an array a batch.
struct Pieces<'a> {
    kind: &'a DataType,
    pieces: Vec<&'a ArrayRef>,
}

impl Pieces<'_> {
    fn count(&self) -> Result<Counted, ArrowError> {
        const DAY: f64 = 86_400.0;
        match self.kind {
            DataType::Boolean => Ok(self.flags()),
            DataType::Int8 => self.sorted::<Int8Type>(f64::from),
            DataType::Int16 => self.sorted::<Int16Type>(f64::from),
            DataType::Int32 => self.sorted::<Int32Type>(f64::from),
            DataType::Int64 => self.sorted::<Int64Type>(|value| value as f64),
            DataType::UInt8 => self.sorted::<UInt8Type>(f64::from),
            DataType::UInt16 => self.sorted::<UInt16Type>(f64::from),
            DataType::UInt32 => self.sorted::<UInt32Type>(f64::from),
            DataType::UInt64 => self.sorted::<UInt64Type>(|value| value as f64),
            DataType::Float16 => self.sorted::<Float16Type>(f64::from),
            DataType::Float32 => self.sorted::<Float32Type>(f64::from),
            DataType::Float64 => self.sorted::<Float64Type>(|value| value),
            DataType::Date32 => self.sorted::<Date32Type>(|days| f64::from(days) * DAY),
            DataType::Date64 => self.sorted::<Date64Type>(|value| value as f64 / 1e3),
            DataType::Time32(TimeUnit::Second) => self.sorted::<Time32SecondType>(f64::from),
            DataType::Time32(_) => self.sorted::<Time32MillisecondType>(|v| f64::from(v) / 1e3),
            DataType::Time64(TimeUnit::Microsecond) => {
                self.sorted::<Time64MicrosecondType>(|value| value as f64 / 1e6)
            }
            DataType::Time64(_) => self.sorted::<Time64NanosecondType>(|value| value as f64 / 1e9),
            DataType::Timestamp(unit, _) => self.moments(*unit),
            DataType::Duration(unit) => self.durations(*unit),
            DataType::Decimal32(_, after) => self.decimals::<Decimal32Type>(*after, f64::from),
            DataType::Decimal64(_, after) => {
                self.decimals::<Decimal64Type>(*after, |value| value as f64)
            }
            DataType::Decimal128(_, after) => {
                self.decimals::<Decimal128Type>(*after, |value| value as f64)
            }
            DataType::Decimal256(_, after) => self.decimals::<Decimal256Type>(*after, |value| {
                value.to_string().parse().unwrap_or(f64::NAN)
            }),
            DataType::Utf8 => Ok(self.texts()),
            DataType::Null => Ok(Counted {
                missing: self.pieces.iter().map(Array::len).sum(),
                distinct: Some(0),
                ..Counted::default()
            }),
            _ => self.anything(),
        }
    }

    fn moments(&self, unit: TimeUnit) -> Result<Counted, ArrowError> {
        match unit {
            TimeUnit::Second => self.sorted::<TimestampSecondType>(|value| value as f64),
            TimeUnit::Millisecond => {
                self.sorted::<TimestampMillisecondType>(|value| value as f64 / 1e3)
            }
            TimeUnit::Microsecond => {
                self.sorted::<TimestampMicrosecondType>(|value| value as f64 / 1e6)
            }
            TimeUnit::Nanosecond => {
                self.sorted::<TimestampNanosecondType>(|value| value as f64 / 1e9)
            }
        }
    }

    fn durations(&self, unit: TimeUnit) -> Result<Counted, ArrowError> {
        match unit {
            TimeUnit::Second => self.sorted::<DurationSecondType>(|value| value as f64),
            TimeUnit::Millisecond => {
                self.sorted::<DurationMillisecondType>(|value| value as f64 / 1e3)
            }
            TimeUnit::Microsecond => {
                self.sorted::<DurationMicrosecondType>(|value| value as f64 / 1e6)
            }
            TimeUnit::Nanosecond => {
                self.sorted::<DurationNanosecondType>(|value| value as f64 / 1e9)
            }
        }
    }

    fn decimals<T: ArrowPrimitiveType>(
        &self,
        after: i8,
        number: impl Fn(T::Native) -> f64,
    ) -> Result<Counted, ArrowError> {
        let unit = 10_f64.powi(i32::from(after));
        self.sorted::<T>(|value| number(value) / unit)
    }

    /// Sorts the values, and reads from them what there is to know.
    fn sorted<T: ArrowPrimitiveType>(
        &self,
        number: impl Fn(T::Native) -> f64,
    ) -> Result<Counted, ArrowError> {
        let pieces: Vec<&dyn Array> = self.pieces.iter().map(AsRef::as_ref).collect();
        if pieces.is_empty() {
            return Ok(Counted { distinct: Some(0), ..Counted::default() });
        }
        let nulls_last = SortOptions { descending: false, nulls_first: false };
        let array = sort(&concat(&pieces)?, Some(nulls_last))?;
        let array = array.as_primitive::<T>();
        let values = &array.values()[..array.len() - array.null_count()];
        // NaN stands before or behind all others, by its sign.
        let nan = |value: &&T::Native| number(**value).is_nan();
        let before = values.iter().take_while(nan).count();
        let behind = values[before..].iter().rev().take_while(nan).count();
        let values = &values[before..values.len() - behind];
        let mut distinct = 0;
        let mut most: Option<&[T::Native]> = None;
        for run in values.chunk_by(|a, b| a == b) {
            distinct += 1;
            if run.len() > most.map_or(1, <[_]>::len) {
                most = Some(run);
            }
        }
        // Of 0 and -0, which are equal, the last one stands for both.
        let show = |run: &[T::Native]| {
            let value = run.last().copied().unwrap_or_default();
            let array = PrimitiveArray::<T>::from_value(value, 1);
            shown(&array.with_data_type(self.kind.clone()), 0)
        };
        Ok(Counted {
            missing: self.rows() - values.len(),
            distinct: Some(distinct),
            top: most.map(show).transpose()?,
            sorted: values.iter().map(|value| number(*value) + 0.0).collect(),
        })
    }

    fn flags(&self) -> Counted {
        let arrays = || self.pieces.iter().map(|piece| piece.as_boolean());
        let trues: usize = arrays().map(arrow::array::BooleanArray::true_count).sum();
        let falses: usize = arrays().map(arrow::array::BooleanArray::false_count).sum();
        let mut sorted = vec![0.0; falses];
        sorted.resize(falses + trues, 1.0);
        let top = if trues > falses { "true" } else { "false" };
        Counted {
            missing: self.rows() - trues - falses,
            distinct: Some(usize::from(trues > 0) + usize::from(falses > 0)),
            top: (trues.max(falses) > 1).then(|| top.to_owned()),
            sorted,
        }
    }

    fn texts(&self) -> Counted {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        let mut present = 0;
        for text in self.pieces.iter().flat_map(|piece| piece.as_string::<i32>()).flatten() {
            *counts.entry(text).or_default() += 1;
            present += 1;
        }
        let most = counts.iter().filter(|(_, count)| **count > 1);
        let most = most.max_by(|(a, m), (b, n)| m.cmp(n).then_with(|| b.cmp(a)));
        let mut lengths: Vec<(usize, usize)> =
            counts.iter().map(|(text, count)| (text.chars().count(), *count)).collect();
        lengths.sort_unstable();
        let repeat = |(length, count)| std::iter::repeat_n(length as f64, count);
        Counted {
            missing: self.rows() - present,
            distinct: Some(counts.len()),
            top: most.map(|(text, _)| (*text).to_owned()),
            sorted: lengths.into_iter().flat_map(repeat).collect(),
        }
    }

    /// Counts values of any type whose rows can be written as bytes.
    fn anything(&self) -> Result<Counted, ArrowError> {
        let nulls = self.pieces.iter().map(Array::null_count).sum();
        let field = SortField::new(self.kind.clone());
        if !RowConverter::supports_fields(std::slice::from_ref(&field)) {
            return Ok(Counted { missing: nulls, ..Counted::default() });
        }
        let converter = RowConverter::new(vec![field])?;
        let mut counts: HashMap<OwnedRow, (usize, (usize, usize))> = HashMap::new();
        for (piece, array) in self.pieces.iter().enumerate() {
            let rows = converter.convert_columns(&[ArrayRef::clone(array)])?;
            for row in (0..array.len()).filter(|row| array.is_valid(*row)) {
                counts.entry(rows.row(row).owned()).or_insert((0, (piece, row))).0 += 1;
            }
        }
        let most = counts.iter().filter(|(_, (count, _))| *count > 1);
        let most = most.max_by(|(a, (m, _)), (b, (n, _))| m.cmp(n).then_with(|| b.cmp(a)));
        let show = |(_, (_, (piece, row))): (&OwnedRow, &(usize, (usize, usize)))| {
            shown(self.pieces[*piece], *row)
        };
        Ok(Counted {
            missing: nulls,
            distinct: Some(counts.len()),
            top: most.map(show).transpose()?,
            sorted: Vec::new(),
        })
    }

    fn rows(&self) -> usize {
        self.pieces.iter().map(Array::len).sum()
    }
}

/// Writes a value as `mlp show` does.
fn shown(array: &dyn Array, row: usize) -> Result<String, ArrowError> {
    let formatter = ArrayFormatter::try_new(array, &FormatOptions::default())?;
    formatter.value(row).try_to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BooleanArray, Float32Array, Float64Array};
    use arrow::array::{
        Date32Array, Decimal128Array, Int64Array, ListArray, RecordBatch, StringArray,
        TimestampMillisecondArray, UInt64Array,
    };
    use arrow::datatypes::Int32Type;
    use serde_json::Value as Json;

    use super::*;

    fn profiled(columns: Vec<(&str, ArrayRef)>) -> Vec<Profile> {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let table = Table::new(batch.schema(), vec![batch]).unwrap();
        profile(&table, &AtomicBool::new(false)).unwrap().unwrap()
    }

    fn one(array: ArrayRef) -> Profile {
        profiled(vec![("x", array)]).remove(0)
    }

    fn ends(profile: &Profile) -> Option<(f64, f64)> {
        profile.figures.map(|figures| (figures.min, figures.max))
    }

    /// pandas' `mean`, `std`, `quantile` and `value_counts`; relative tolerance 1e-12.
    #[test]
    fn figures_agree_with_pandas() {
        let text = std::fs::read_to_string("tests/fixtures/statistics/profile.json").unwrap();
        let all: Json = serde_json::from_str(&text).unwrap();
        for (name, values) in all["columns"].as_object().unwrap() {
            let values = values.as_array().unwrap();
            let array: ArrayRef = match name.as_str() {
                "text" => Arc::new(values.iter().map(Json::as_str).collect::<StringArray>()),
                "int" => Arc::new(values.iter().map(Json::as_i64).collect::<Int64Array>()),
                _ => Arc::new(values.iter().map(Json::as_f64).collect::<Float64Array>()),
            };
            let (found, expected) = (one(array), &all["figures"][name]);
            assert_eq!(found.missing as u64, expected["missing"].as_u64().unwrap(), "{name}");
            assert_eq!(found.distinct.unwrap() as u64, expected["distinct"].as_u64().unwrap());
            assert_eq!(found.top.as_deref(), expected["top"].as_str(), "{name}");
            let figures = found.figures.map(|own| {
                let [low, middle, high] = own.quartiles;
                [own.mean, own.sd, own.min, low, middle, high, own.max]
            });
            let expected = expected["figures"].as_array().unwrap();
            for (at, expected) in expected.iter().map(Json::as_f64).enumerate() {
                let found = figures.map(|own| own[at]).filter(|value| !value.is_nan());
                assert_eq!(found.is_some(), expected.is_some(), "{name} {at}");
                let (found, expected) = (found.unwrap_or(0.0), expected.unwrap_or(0.0));
                let off = (found - expected).abs();
                assert!(off <= 1e-12 * expected.abs(), "{name} {at}: {found} {expected}");
            }
        }
    }

    #[test]
    fn what_is_missing_is_null_or_nan_and_nothing_else() {
        let found = one(Arc::new(Float64Array::from(vec![
            Some(f64::NAN),
            None,
            Some(0.0),
            Some(-0.0),
            Some(f64::INFINITY),
        ])));
        assert_eq!((found.rows, found.missing, found.distinct), (5, 2, Some(2)));
        assert_eq!(found.top.as_deref(), Some("0.0"));
        let figures = found.figures.unwrap();
        assert_eq!((figures.min, figures.max), (0.0, f64::INFINITY));
        assert_eq!(figures.quartiles[..2], [0.0, 0.0]);
    }

    #[test]
    fn whole_numbers_keep_all_their_digits() {
        let large = 1_i64 << 53;
        let found = one(Arc::new(Int64Array::from(vec![large, large + 1, large + 1])));
        assert_eq!((found.distinct, found.top.as_deref()), (Some(2), Some("9007199254740993")));
        let found = one(Arc::new(UInt64Array::from(vec![u64::MAX, 1])));
        assert_eq!((found.distinct, found.top), (Some(2), None));
        let found = one(Arc::new(Float32Array::from(vec![0.1, 0.1, 7.0])));
        assert_eq!(found.top.as_deref(), Some("0.1"));
    }

    #[test]
    fn dates_are_seconds_and_texts_are_their_length() {
        let days =
            one(Arc::new(Date32Array::from(vec![Some(0), Some(19_723), Some(19_723), None])));
        assert_eq!((days.kind.as_str(), days.missing), ("date", 1));
        assert_eq!(ends(&days), Some((0.0, 1_704_067_200.0)));
        assert_eq!(days.top.as_deref(), Some("2024-01-01"));
        let times = one(Arc::new(TimestampMillisecondArray::from(vec![1_500, 2_500])));
        assert_eq!((ends(&times), times.top), (Some((1.5, 2.5)), None));
        let texts = one(Arc::new(StringArray::from(vec!["größe", "b", "b", "a", "a", ""])));
        assert_eq!((ends(&texts), texts.distinct), (Some((0.0, 5.0)), Some(4)));
        assert_eq!(texts.top.as_deref(), Some("a"));
        let decimal = Decimal128Array::from(vec![150, 150, 275]).with_precision_and_scale(5, 2);
        let decimal = one(Arc::new(decimal.unwrap()));
        assert_eq!((ends(&decimal), decimal.top.as_deref()), (Some((1.5, 2.75)), Some("1.50")));
    }

    #[test]
    fn bools_are_shares() {
        let found =
            one(Arc::new(BooleanArray::from(vec![Some(true), Some(false), Some(true), None])));
        assert_eq!(
            (found.missing, found.distinct, found.top.as_deref()),
            (1, Some(2), Some("true"))
        );
        assert!((found.figures.unwrap().mean - 2.0 / 3.0).abs() < 1e-15);
    }

    #[test]
    fn lists_are_counted_and_have_no_figures() {
        let values = vec![Some(vec![Some(1), None]), None, Some(vec![]), Some(vec![Some(1), None])];
        let found = one(Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(values)));
        assert_eq!((found.missing, found.distinct, found.figures), (1, Some(2), None));
        assert_eq!(found.top.as_deref(), Some("[1, ]"));
    }

    #[test]
    fn neither_the_order_of_rows_nor_the_threads_change_a_bit() {
        let values: Vec<f64> =
            (0..70_000_u32).map(|row| f64::from(row * 7919 % 70_001).sqrt()).collect();
        let mut other = values.clone();
        other.reverse();
        let profiles = [values, other].map(|values| one(Arc::new(Float64Array::from(values))));
        let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let columns = || -> Vec<(&str, ArrayRef)> {
            let numbers = |factor: i64| -> ArrayRef {
                Arc::new((0..5000_i64).map(|row| row * factor % 977).collect::<Int64Array>())
            };
            vec![("a", numbers(3)), ("b", numbers(5)), ("c", numbers(7))]
        };
        assert_eq!(profiles[0], profiles[1]);
        assert_eq!(alone.install(|| profiled(columns())), profiled(columns()));
    }

    #[test]
    fn no_rows_and_no_columns_are_profiled_too() {
        let empty = one(Arc::new(Int64Array::from(Vec::<i64>::new())));
        assert_eq!((empty.rows, empty.missing, empty.distinct), (0, 0, Some(0)));
        assert_eq!((empty.figures, empty.top), (None, None));
        let stopped = AtomicBool::new(true);
        let batch = RecordBatch::try_from_iter(vec![(
            "x",
            Arc::new(Int64Array::from(vec![1])) as ArrayRef,
        )]);
        let batch = batch.unwrap();
        let table = Table::new(batch.schema(), vec![batch]).unwrap();
        assert_eq!(profile(&table, &stopped).unwrap(), None);
    }
}
