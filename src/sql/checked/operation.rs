//! Checked `+ - * / %` and `-x`, on quick loops where whole numbers fit, else on arrow's checked kernels.

use arrow::array::{Array, ArrayRef, Datum, Decimal128Array, Decimal256Array};
use arrow::compute::kernels::numeric;
use arrow::datatypes::{DataType, Field, FieldRef};
use arrow::error::ArrowError;
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::logical_expr_common::type_coercion::binary::BinaryTypeCoercer;
use datafusion::physical_expr_common::datum::apply;

use super::Place;
use crate::data::{ColumnType, Operation, arithmetic};

/// `left op right`, failing on overflow and on division by zero.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(in crate::sql) struct CheckedOperation {
    op: Operator,
    place: Place,
    signature: Signature,
}

impl CheckedOperation {
    /// Makes an operation; `op` is one of `+ - * / %`.
    pub(in crate::sql) fn new(op: Operator, place: Place) -> Self {
        Self { op, place, signature: Signature::any(2, Volatility::Immutable) }
    }

    fn compute(&self, left: &dyn Datum, right: &dyn Datum) -> Result<ArrayRef, ArrowError> {
        let quick = match self.op {
            Operator::Plus => Some(Operation::Add),
            Operator::Minus => Some(Operation::Subtract),
            Operator::Multiply => Some(Operation::Multiply),
            _ => None,
        };
        if let Some(result) = quick.and_then(|op| arithmetic(op, left, right)) {
            return Ok(result);
        }
        let result = match self.op {
            Operator::Plus => numeric::add(left, right),
            Operator::Minus => numeric::sub(left, right),
            Operator::Multiply => numeric::mul(left, right),
            Operator::Divide => numeric::div(left, right),
            _ => numeric::rem(left, right),
        }?;
        check_digits(&result)?;
        Ok(result)
    }
}

/// Refuses decimals of more digits than their type has: arrow computes them without a look.
pub(super) fn check_digits(array: &ArrayRef) -> Result<(), ArrowError> {
    match array.data_type() {
        DataType::Decimal128(precision, _) => array
            .as_any()
            .downcast_ref::<Decimal128Array>()
            .map_or(Ok(()), |decimals| decimals.validate_decimal_precision(*precision)),
        DataType::Decimal256(precision, _) => array
            .as_any()
            .downcast_ref::<Decimal256Array>()
            .map_or(Ok(()), |decimals| decimals.validate_decimal_precision(*precision)),
        _ => Ok(()),
    }
    .map_err(|error| ArrowError::ArithmeticOverflow(error.to_string()))
}

impl ScalarUDFImpl for CheckedOperation {
    fn name(&self) -> &'static str {
        match self.op {
            Operator::Plus => "checked_add",
            Operator::Minus => "checked_subtract",
            Operator::Multiply => "checked_multiply",
            Operator::Divide => "checked_divide",
            _ => "checked_remainder",
        }
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        match args {
            [left, right] => {
                Ok(format!("{} {} {}", left.schema_name(), self.op, right.schema_name()))
            }
            _ => internal_err!("an operation has two operands"),
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [left, right] => BinaryTypeCoercer::new(left, &self.op, right).get_result_type(),
            _ => internal_err!("an operation has two operands"),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types: Vec<_> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let nullable = args.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Field::new(self.name(), self.return_type(&types)?, nullable).into())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = args.args.as_slice() else {
            return internal_err!("an operation has two operands");
        };
        apply(left, right, |left, right| {
            self.compute(left, right).map_err(|error| {
                let kind = ColumnType::new(args.return_field.data_type().clone());
                ArrowError::ExternalError(Box::new(self.place.explain(error, &kind)))
            })
        })
    }
}

/// `-x`, failing for the smallest whole number.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(in crate::sql) struct CheckedNegation {
    place: Place,
    signature: Signature,
}

impl CheckedNegation {
    /// Makes a negation.
    pub(in crate::sql) fn new(place: Place) -> Self {
        Self { place, signature: Signature::any(1, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for CheckedNegation {
    fn name(&self) -> &'static str {
        "checked_negate"
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        match args {
            [inner] => Ok(format!("(- {})", inner.schema_name())),
            _ => internal_err!("a negation has one operand"),
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [inner] => Ok(inner.clone()),
            _ => internal_err!("a negation has one operand"),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        match args.arg_fields {
            [inner] => Ok(inner.as_ref().clone().with_name(self.name()).into()),
            _ => internal_err!("a negation has one operand"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let kind = ColumnType::new(args.return_field.data_type().clone());
        let negate = |array: &dyn Array| {
            numeric::neg(array).map_err(|error| self.place.explain(error, &kind))
        };
        match args.args.first() {
            Some(ColumnarValue::Array(array)) => Ok(ColumnarValue::Array(negate(array)?)),
            Some(ColumnarValue::Scalar(value)) => {
                let array = negate(&value.to_array()?)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?))
            }
            None => internal_err!("a negation has one operand"),
        }
    }
}
