//! A cast that names itself where it fails.

use std::hash::Hash;

use arrow::array::ArrayRef;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef};
use arrow::error::ArrowError;
use arrow::util::display::{DurationFormat, FormatOptions};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::{Place, Reason};

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
            _ if to.is_floating() => from.is_numeric(),
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
        cast_with_options(array, &self.to, &OPTIONS).map_err(|error| match error {
            ArrowError::CastError(text)
            | ArrowError::ParseError(text)
            | ArrowError::ComputeError(text)
            | ArrowError::InvalidArgumentError(text)
            | ArrowError::ArithmeticOverflow(text) => self.place.fault(Reason::Cast, &text),
            other => other.into(),
        })
    }
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
