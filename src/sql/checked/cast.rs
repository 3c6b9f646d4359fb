//! A cast that names itself where it fails.

use std::hash::Hash;

use arrow::array::{ArrayRef, AsArray, Float64Array};
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use arrow::error::ArrowError;
use arrow::util::display::{DurationFormat, FormatOptions};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::{Place, Reason};
use crate::data::ColumnType;

/// `CAST(x AS type)`, failing with its place.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(in crate::sql) struct CheckedCast {
    to: DataType,
    place: Place,
    signature: Signature,
}

impl CheckedCast {
    /// Makes a cast.
    pub(in crate::sql) fn new(to: DataType, place: Place) -> Self {
        Self { to, place, signature: Signature::any(1, Volatility::Immutable) }
    }

    /// Tells whether any value of a type has none in another.
    pub(in crate::sql) fn can_fail(from: &DataType, to: &DataType) -> bool {
        if from == to || from.is_null() || from.is_nested() || to.is_nested() {
            return false;
        }
        let lossless = match from {
            DataType::Boolean => to.is_numeric() || to.is_string(),
            _ if to.is_string() => true,
            _ if to.is_floating() => from.is_numeric() && !narrows(from, to),
            DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32
            | DataType::Int8
            | DataType::Int16
            | DataType::Int32 => *to == DataType::Int64,
            _ => false,
        };
        !lossless
    }

    fn cast(&self, array: &ArrayRef) -> Result<ArrayRef> {
        const OPTIONS: CastOptions<'static> = CastOptions {
            safe: false,
            format_options: FormatOptions::new().with_duration_format(DurationFormat::Pretty),
        };
        let made = cast_with_options(array, &self.to, &OPTIONS).map_err(|error| match error {
            ArrowError::CastError(text)
            | ArrowError::ParseError(text)
            | ArrowError::ComputeError(text)
            | ArrowError::InvalidArgumentError(text)
            | ArrowError::ArithmeticOverflow(text) => self.place.fault(Reason::Cast, &text),
            other => other.into(),
        })?;
        if narrows(array.data_type(), &self.to)
            && let Some(value) = beyond(array, &made)?
        {
            let detail =
                format!("`{value:?}` does not fit into {}", ColumnType::new(self.to.clone()));
            return Err(self.place.fault(Reason::Overflow, &detail));
        }
        if let Some(text) = infinite(array, &made)? {
            let detail = format!("`{text}` does not fit into {}", ColumnType::new(self.to.clone()));
            return Err(self.place.fault(Reason::Overflow, &detail));
        }
        Ok(made)
    }
}

/// Finds the text of a number that only infinity could stand for; `inf` and the like mean it.
fn infinite(from: &ArrayRef, made: &ArrayRef) -> Result<Option<String>> {
    if !(from.data_type().is_string() && made.data_type().is_floating()) {
        return Ok(None);
    }
    let floats = cast(made, &DataType::Float64)?;
    let floats = floats.as_primitive::<Float64Type>();
    if !floats.iter().flatten().any(f64::is_infinite) {
        return Ok(None);
    }
    let texts = cast(from, &DataType::Utf8)?;
    let mut pairs = texts.as_string::<i32>().iter().flatten().zip(floats.iter().flatten());
    let digits = |text: &str| text.contains(|letter: char| letter.is_ascii_digit());
    let beyond = pairs.find(|(text, made)| made.is_infinite() && digits(text));
    Ok(beyond.map(|(text, _)| text.to_owned()))
}

/// Tells a cast of floats to ones of a smaller range, in which the largest would be infinite.
const fn narrows(from: &DataType, to: &DataType) -> bool {
    matches!(
        (from, to),
        (DataType::Float64, DataType::Float32 | DataType::Float16)
            | (DataType::Float32, DataType::Float16)
    )
}

/// Finds a value that a cast made infinite.
fn beyond(from: &ArrayRef, made: &ArrayRef) -> Result<Option<f64>> {
    let wide = |array: &ArrayRef| -> Result<Float64Array> {
        Ok(cast(array, &DataType::Float64)?.as_primitive().clone())
    };
    let (from, made) = (wide(from)?, wide(made)?);
    let mut pairs = from.iter().flatten().zip(made.iter().flatten());
    let beyond = pairs.find(|(from, made)| from.is_finite() && made.is_infinite());
    Ok(beyond.map(|(from, _)| from))
}

impl ScalarUDFImpl for CheckedCast {
    fn name(&self) -> &'static str {
        "checked_cast"
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        match args {
            [inner] => Ok(format!("CAST({} AS {})", inner.schema_name(), self.to)),
            _ => internal_err!("a cast has one operand"),
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.to.clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let nullable = args.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Field::new(self.name(), self.to.clone(), nullable).into())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.first() {
            Some(ColumnarValue::Array(array)) => Ok(ColumnarValue::Array(self.cast(array)?)),
            Some(ColumnarValue::Scalar(value)) => {
                let array = self.cast(&value.to_array()?)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?))
            }
            None => internal_err!("a cast has one operand"),
        }
    }
}
