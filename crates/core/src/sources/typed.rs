//! Turns the texts of one column into an array of the column's type.
//!
//! Knows no file: a value that doesn't fit is told by its row.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, BooleanBuilder, PrimitiveBuilder, StringArray,
    StringBuilder,
};
use arrow::compute::kernels::cast_utils::parse_decimal;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, DurationMicrosecondType,
    DurationMillisecondType, DurationNanosecondType, DurationSecondType, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};

use super::SourceError;
use super::style::Style;
use super::values::{self, Moment, Pattern, Unfit};
use crate::data::ColumnType;

/// The texts of one column, row by row.
pub(super) trait Cells {
    /// Counts the rows.
    fn rows(&self) -> usize;

    /// Guesses how many bytes the texts have together.
    fn bytes(&self) -> usize;

    /// Gives each row's text for a type that is no text, nothing for a null.
    fn raw(&self) -> impl Iterator<Item = Option<&str>>;

    /// Gives each row's text for a text column, nothing for a null.
    fn texts(&self) -> impl Iterator<Item = Option<Cow<'_, str>>>;
}

impl Cells for StringArray {
    fn rows(&self) -> usize {
        self.len()
    }

    fn bytes(&self) -> usize {
        self.value_data().len()
    }

    fn raw(&self) -> impl Iterator<Item = Option<&str>> {
        self.iter().map(|text| text.filter(|text| !text.is_empty()))
    }

    fn texts(&self) -> impl Iterator<Item = Option<Cow<'_, str>>> {
        self.iter().map(|text| text.map(Cow::Borrowed))
    }
}

/// A value that doesn't fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    /// Its row among those built.
    pub(super) row: usize,
    /// What is wrong, where the type alone doesn't say it.
    pub(super) why: Option<String>,
}

/// How the texts of a column become values.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    kind: ColumnType,
    pattern: Option<Pattern>,
    style: Style,
}

type Built = (ArrayRef, Vec<Misfit>);

impl Reader {
    /// Makes the reader of a type.
    ///
    /// # Errors
    ///
    /// Refuses a format of dates that has an unknown part.
    pub(super) fn new(kind: &ColumnType, style: &Style) -> Result<Self, SourceError> {
        let pattern = kind.format.as_deref().map(|format| {
            Pattern::new(format).ok_or_else(|| SourceError::Option {
                options: &[],
                problem: format!("the format `{format}` has an unknown part"),
            })
        });
        Ok(Self { kind: kind.clone(), pattern: pattern.transpose()?, style: style.clone() })
    }

    /// Builds the array of a column; a value that doesn't fit is null in it.
    pub(super) fn build(&self, cells: &impl Cells) -> Result<Built, SourceError> {
        let point = self.style.point;
        let whole = |raw: &str| values::int(raw.as_bytes(), point);
        let float = |raw: &str| values::float(raw.as_bytes(), point);
        Ok(match &self.kind.arrow {
            DataType::Int64 => {
                primitive::<Int64Type>(cells, |raw| whole(raw).ok_or_else(|| no_int(float(raw))))
            }
            DataType::Float64 => primitive::<Float64Type>(cells, |raw| {
                float(raw).ok_or_else(|| values::is_beyond(raw.as_bytes(), point).then(beyond))
            }),
            DataType::Utf8 => self.texts(cells),
            DataType::Boolean => truths(cells),
            DataType::Date32 => primitive::<Date32Type>(cells, |raw| self.date(raw).ok_or(None)),
            DataType::Timestamp(unit, zone) => self.times(cells, *unit, zone.as_ref()),
            DataType::Duration(unit) => spans(cells, *unit),
            DataType::Int8 => small::<Int8Type>(cells, whole),
            DataType::Int16 => small::<Int16Type>(cells, whole),
            DataType::Int32 => small::<Int32Type>(cells, whole),
            DataType::UInt8 => small::<UInt8Type>(cells, whole),
            DataType::UInt16 => small::<UInt16Type>(cells, whole),
            DataType::UInt32 => small::<UInt32Type>(cells, whole),
            DataType::UInt64 => {
                primitive::<UInt64Type>(cells, |raw| values::unsigned(raw.as_bytes()).ok_or(None))
            }
            DataType::Float32 => primitive::<Float32Type>(cells, |raw| {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "single precision was declared"
                )]
                float(raw).map(|value| value as f32).ok_or(None)
            }),
            DataType::Decimal128(digits, places) => {
                let (built, misfits) = primitive_builder::<Decimal128Type>(cells, |raw| {
                    decimal::<Decimal128Type>(raw, point, *digits, *places)
                });
                (Arc::new(built.with_data_type(self.kind.arrow.clone()).finish()), misfits)
            }
            DataType::Decimal256(digits, places) => {
                let (built, misfits) = primitive_builder::<Decimal256Type>(cells, |raw| {
                    decimal::<Decimal256Type>(raw, point, *digits, *places)
                });
                (Arc::new(built.with_data_type(self.kind.arrow.clone()).finish()), misfits)
            }
            other => cast(cells, other)?,
        })
    }

    fn date(&self, raw: &str) -> Option<i32> {
        match &self.pattern {
            Some(pattern) => pattern.date(raw.as_bytes()),
            None => self.style.date(raw.as_bytes()),
        }
    }

    fn times(&self, cells: &impl Cells, unit: TimeUnit, zone: Option<&Arc<str>>) -> Built {
        let moment = |raw: &str| match &self.pattern {
            Some(pattern) => pattern.timestamp(raw.as_bytes()),
            None => self.style.time(raw.as_bytes()),
        };
        let count = |raw: &str| {
            let moment: Moment = moment(raw).ok_or(None)?;
            moment.count(unit).map_err(|unfit| Some(spoken(unfit, unit)))
        };
        macro_rules! built {
            ($kind:ty) => {{
                let (builder, misfits) = primitive_builder::<$kind>(cells, count);
                (Arc::new(builder.with_timezone_opt(zone.cloned()).finish()) as ArrayRef, misfits)
            }};
        }
        match unit {
            TimeUnit::Second => built!(TimestampSecondType),
            TimeUnit::Millisecond => built!(TimestampMillisecondType),
            TimeUnit::Microsecond => built!(TimestampMicrosecondType),
            TimeUnit::Nanosecond => built!(TimestampNanosecondType),
        }
    }

    fn texts(&self, cells: &impl Cells) -> Built {
        let mut builder = StringBuilder::with_capacity(cells.rows(), cells.bytes());
        let mut misfits = Vec::new();
        let known = self.kind.categories.as_deref();
        for (row, value) in cells.texts().enumerate() {
            if let (Some(known), Some(value)) = (known, &value)
                && !known.iter().any(|word| word == value)
            {
                misfits.push(Misfit { row, why: None });
            }
            builder.append_option(value);
        }
        (Arc::new(builder.finish()), misfits)
    }
}

fn beyond() -> String {
    "out of its range".to_owned()
}

/// Says why a number is no whole one of 64 bits.
fn no_int(number: Option<f64>) -> Option<String> {
    let number = number.filter(|number| number.is_finite())?;
    Some(if number.fract() == 0.0 { beyond() } else { "it has a fraction".to_owned() })
}

fn spoken(unfit: Unfit, unit: TimeUnit) -> String {
    let unit = match unit {
        TimeUnit::Second => "seconds",
        TimeUnit::Millisecond => "milliseconds",
        TimeUnit::Microsecond => "microseconds",
        TimeUnit::Nanosecond => "nanoseconds",
    };
    match unfit {
        Unfit::Range => format!("too far away to be counted in {unit}"),
        Unfit::Fine => format!("finer than {unit}"),
    }
}

fn primitive<T: ArrowPrimitiveType>(
    cells: &impl Cells,
    read: impl Fn(&str) -> Result<T::Native, Option<String>>,
) -> Built {
    let (mut builder, misfits) = primitive_builder::<T>(cells, read);
    (Arc::new(builder.finish()), misfits)
}

fn primitive_builder<T: ArrowPrimitiveType>(
    cells: &impl Cells,
    read: impl Fn(&str) -> Result<T::Native, Option<String>>,
) -> (PrimitiveBuilder<T>, Vec<Misfit>) {
    let mut builder = PrimitiveBuilder::<T>::with_capacity(cells.rows());
    let mut misfits = Vec::new();
    for (row, raw) in cells.raw().enumerate() {
        match raw.map(&read) {
            Some(Ok(value)) => builder.append_value(value),
            Some(Err(why)) => {
                builder.append_null();
                misfits.push(Misfit { row, why });
            }
            None => builder.append_null(),
        }
    }
    (builder, misfits)
}

fn small<T: ArrowPrimitiveType>(cells: &impl Cells, whole: impl Fn(&str) -> Option<i64>) -> Built
where
    T::Native: TryFrom<i64>,
{
    primitive::<T>(cells, |raw| {
        let value = whole(raw).ok_or(None)?;
        T::Native::try_from(value).map_err(|_| Some(beyond()))
    })
}

fn truths(cells: &impl Cells) -> Built {
    let mut builder = BooleanBuilder::with_capacity(cells.rows());
    let mut misfits = Vec::new();
    for (row, raw) in cells.raw().enumerate() {
        let value = raw.map(|raw| values::declared_truth(raw.as_bytes()));
        if value == Some(None) {
            misfits.push(Misfit { row, why: None });
        }
        builder.append_option(value.flatten());
    }
    (Arc::new(builder.finish()), misfits)
}

fn spans(cells: &impl Cells, unit: TimeUnit) -> Built {
    let step: i128 = match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    };
    let count = |raw: &str| {
        let nanoseconds = values::duration(raw.as_bytes()).ok_or(None)?;
        if nanoseconds % step != 0 {
            return Err(Some(spoken(Unfit::Fine, unit)));
        }
        i64::try_from(nanoseconds / step).map_err(|_| Some("too long".to_owned()))
    };
    match unit {
        TimeUnit::Second => primitive::<DurationSecondType>(cells, count),
        TimeUnit::Millisecond => primitive::<DurationMillisecondType>(cells, count),
        TimeUnit::Microsecond => primitive::<DurationMicrosecondType>(cells, count),
        TimeUnit::Nanosecond => primitive::<DurationNanosecondType>(cells, count),
    }
}

/// Reads a decimal; digits that the type has no place for are refused, not rounded.
fn decimal<T: arrow::datatypes::DecimalType>(
    raw: &str,
    point: u8,
    digits: u8,
    places: i8,
) -> Result<T::Native, Option<String>> {
    let text = raw.trim_matches([' ', '\t']).replace(char::from(point), ".");
    let behind = text.split_once('.').map_or("", |(_, behind)| behind);
    let plain = behind.bytes().all(|byte| byte.is_ascii_digit());
    if plain && behind.trim_end_matches('0').len() > usize::try_from(places).unwrap_or(0) {
        return Err(Some(format!("more than {places} places")));
    }
    parse_decimal::<T>(&text, digits, places).map_err(|_| {
        let number = values::float(text.as_bytes(), b'.').is_some_and(f64::is_finite);
        number.then(|| format!("more than {digits} digits"))
    })
}

/// Leaves the reading of a rarer type to Arrow's casts.
fn cast(cells: &impl Cells, kind: &DataType) -> Result<Built, SourceError> {
    let mut builder = StringBuilder::with_capacity(cells.rows(), cells.bytes());
    cells.raw().for_each(|raw| builder.append_option(raw));
    let texts = builder.finish();
    let options = CastOptions { safe: true, ..CastOptions::default() };
    let array = cast_with_options(&texts, kind, &options).map_err(|error| SourceError::Option {
        options: &[],
        problem: format!(
            "a text file cannot be read as {}: {error}",
            ColumnType::new(kind.clone())
        ),
    })?;
    let misfits = (0..texts.len()).filter(|row| texts.is_valid(*row) && array.is_null(*row));
    let misfits = misfits.map(|row| Misfit { row, why: None }).collect();
    Ok((array, misfits))
}
