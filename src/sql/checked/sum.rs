//! `sum` that fails when whole numbers, decimals or durations no longer fit.
//!
//! Floats and what else DataFusion's `sum` takes are left to it. A running sum is checked at each
//! step, in the order of the rows.

use std::fmt;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, ArrowNativeTypeOp, AsArray, BooleanArray, PrimitiveArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{
    ArrowNumericType, DataType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
    FieldRef, Int64Type, TimeUnit, UInt64Type,
};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, EmitTo, GroupsAccumulator,
    ReversedUDAF, SetMonotonicity, Signature,
};

use super::operation::check_digits;
use super::{Place, Reason};
use crate::data::{ColumnType, Summand};

/// `sum(x)`, failing on overflow.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(in crate::sql) struct CheckedSum {
    place: Place,
}

static PLAIN: LazyLock<Arc<AggregateUDF>> = LazyLock::new(sum_udaf);

impl CheckedSum {
    /// Makes a sum.
    pub(in crate::sql) const fn new(place: Place) -> Self {
        Self { place }
    }
}

/// Calls a generic function with the arrow type of sums that are checked, else gives the default.
macro_rules! with_type {
    ($data_type:expr, $function:ident($($arg:expr),*), $default:expr) => {
        match $data_type {
            DataType::Int64 => $function::<Int64Type>($($arg),*),
            DataType::UInt64 => $function::<UInt64Type>($($arg),*),
            DataType::Decimal32(..) => $function::<Decimal32Type>($($arg),*),
            DataType::Decimal64(..) => $function::<Decimal64Type>($($arg),*),
            DataType::Decimal128(..) => $function::<Decimal128Type>($($arg),*),
            DataType::Decimal256(..) => $function::<Decimal256Type>($($arg),*),
            DataType::Duration(TimeUnit::Second) => $function::<DurationSecondType>($($arg),*),
            DataType::Duration(TimeUnit::Millisecond) => {
                $function::<DurationMillisecondType>($($arg),*)
            }
            DataType::Duration(TimeUnit::Microsecond) => {
                $function::<DurationMicrosecondType>($($arg),*)
            }
            DataType::Duration(TimeUnit::Nanosecond) => {
                $function::<DurationNanosecondType>($($arg),*)
            }
            _ => $default,
        }
    };
}

impl AggregateUDFImpl for CheckedSum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn signature(&self) -> &Signature {
        PLAIN.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        PLAIN.return_type(types)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let data_type = args.return_field.data_type().clone();
        if args.is_distinct {
            let place = self.place.clone();
            let inner = PLAIN.accumulator(args)?;
            return Ok(Box::new(DistinctSum { inner, place, data_type }));
        }
        with_type!(data_type, one(&data_type, &self.place), PLAIN.accumulator(args))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        PLAIN.state_fields(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        PLAIN.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        let data_type = args.return_field.data_type().clone();
        let plain = || PLAIN.create_groups_accumulator(args);
        with_type!(data_type, groups(&data_type, &self.place), plain())
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let data_type = args.return_field.data_type().clone();
        if args.is_distinct {
            return PLAIN.create_sliding_accumulator(args);
        }
        let plain = || PLAIN.create_sliding_accumulator(args);
        with_type!(data_type, one(&data_type, &self.place), plain())
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn documentation(&self) -> Option<&Documentation> {
        PLAIN.documentation()
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        PLAIN.inner().set_monotonicity(data_type)
    }
}

fn overflow(place: &Place, data_type: &DataType) -> datafusion::common::DataFusionError {
    let kind = ColumnType::new(data_type.clone());
    place.fault(Reason::Overflow, &format!("the sum does not fit into {kind}"))
}

fn one<T: ArrowNumericType>(data_type: &DataType, place: &Place) -> Result<Box<dyn Accumulator>>
where
    T::Native: Summand,
{
    let (data_type, place) = (data_type.clone(), place.clone());
    Ok(Box::new(Sum::<T> { sum: T::Native::ZERO, rows: 0, data_type, place }))
}

fn groups<T: ArrowNumericType + Send>(
    data_type: &DataType,
    place: &Place,
) -> Result<Box<dyn GroupsAccumulator>>
where
    T::Native: Summand,
{
    let (data_type, place) = (data_type.clone(), place.clone());
    Ok(Box::new(GroupSums::<T> { sums: Vec::new(), seen: Vec::new(), data_type, place }))
}

/// The sum of one group, or of the rows of a window.
struct Sum<T: ArrowNumericType> {
    sum: T::Native,
    /// How many values went in; without any the sum is null.
    rows: u64,
    data_type: DataType,
    place: Place,
}

impl<T: ArrowNumericType> fmt::Debug for Sum<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sum({})", self.data_type)
    }
}

impl<T: ArrowNumericType> Sum<T>
where
    T::Native: Summand,
{
    fn batch(&self, values: &[ArrayRef]) -> Result<(T::Native, u64)> {
        let Some(values) = values.first() else { return internal_err!("sum has one argument") };
        let values = values.as_primitive::<T>();
        let sum = T::Native::sum(values.values(), values.nulls());
        let sum = sum.ok_or_else(|| overflow(&self.place, &self.data_type))?;
        Ok((sum, (values.len() - values.null_count()) as u64))
    }
}

impl<T: ArrowNumericType> Accumulator for Sum<T>
where
    T::Native: Summand,
{
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (sum, rows) = self.batch(values)?;
        let sum = self.sum.add_checked(sum);
        self.sum = sum.map_err(|_| overflow(&self.place, &self.data_type))?;
        self.rows += rows;
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (sum, rows) = self.batch(values)?;
        let sum = self.sum.sub_checked(sum);
        self.sum = sum.map_err(|_| overflow(&self.place, &self.data_type))?;
        self.rows = self.rows.saturating_sub(rows);
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let sum = (self.rows > 0).then_some(self.sum);
        let array: PrimitiveArray<T> = std::iter::once(sum).collect();
        let array: ArrayRef = Arc::new(array.with_data_type(self.data_type.clone()));
        check_sums(&array, &self.place)?;
        ScalarValue::try_from_array(&array, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

/// Refuses decimals of more digits than their type has.
fn check_sums(sums: &ArrayRef, place: &Place) -> Result<()> {
    check_digits(sums).map_err(|_| overflow(place, sums.data_type()))
}

/// The sums of many groups.
struct GroupSums<T: ArrowNumericType> {
    sums: Vec<T::Native>,
    /// Which groups had a value; the others' sums are null.
    seen: Vec<bool>,
    data_type: DataType,
    place: Place,
}

/// Joins the nulls of values with those of a filter, whose false and null rows don't count.
fn kept(values: &dyn Array, filter: Option<&BooleanArray>) -> Option<NullBuffer> {
    let filter = filter.map(|filter| match filter.nulls() {
        Some(nulls) => NullBuffer::new(filter.values() & nulls.inner()),
        None => NullBuffer::new(filter.values().clone()),
    });
    NullBuffer::union(values.nulls(), filter.as_ref()).filter(|nulls| nulls.null_count() > 0)
}

impl<T: ArrowNumericType + Send> GroupsAccumulator for GroupSums<T>
where
    T::Native: Summand,
{
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        let Some(values) = values.first() else { return internal_err!("sum has one argument") };
        let values = values.as_primitive::<T>();
        self.sums.resize(total, T::Native::ZERO);
        self.seen.resize(total, false);
        let keep = kept(values, filter);
        let (sums, seen) = (&mut self.sums, &mut self.seen);
        if T::Native::sum_groups(sums, seen, groups, values.values(), keep.as_ref()) {
            Ok(())
        } else {
            Err(overflow(&self.place, &self.data_type))
        }
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.update_batch(values, groups, None, total)
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let sums = emit.take_needed(&mut self.sums);
        let seen = BooleanBuffer::from(emit.take_needed(&mut self.seen));
        let nulls = Some(NullBuffer::new(seen)).filter(|nulls| nulls.null_count() > 0);
        let array = PrimitiveArray::<T>::try_new(sums.into(), nulls)?;
        let array: ArrayRef = Arc::new(array.with_data_type(self.data_type.clone()));
        check_sums(&array, &self.place)?;
        Ok(array)
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate(emit)?])
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let Some(values) = values.first() else { return internal_err!("sum has one argument") };
        let values = values.as_primitive::<T>();
        let array = PrimitiveArray::<T>::try_new(values.values().clone(), kept(values, filter))?;
        Ok(vec![Arc::new(array.with_data_type(self.data_type.clone()))])
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<T::Native>() + self.seen.capacity()
    }
}

/// The sum of a group's distinct values: DataFusion gathers them, here they are added up.
#[derive(Debug)]
struct DistinctSum {
    inner: Box<dyn Accumulator>,
    place: Place,
    data_type: DataType,
}

impl DistinctSum {
    /// Adds the values up, sorted: a set has no order of its own, and a float sum needs one.
    fn total(&mut self, values: &ArrayRef) -> Result<ScalarValue> {
        let sorted = arrow::compute::sort(values, None)?;
        let plain = || match self.data_type {
            DataType::Float64 => {
                let sum =
                    arrow::compute::sum(sorted.as_primitive::<arrow::datatypes::Float64Type>());
                Ok(ScalarValue::Float64(sum))
            }
            _ => internal_err!("no sum of {}", self.data_type),
        };
        with_type!(self.data_type, total_of(&self.data_type, &self.place, &sorted), plain())
    }
}

fn total_of<T: ArrowNumericType>(
    data_type: &DataType,
    place: &Place,
    values: &ArrayRef,
) -> Result<ScalarValue>
where
    T::Native: Summand,
{
    let mut sum = one::<T>(data_type, place)?;
    sum.update_batch(std::slice::from_ref(values))?;
    sum.evaluate()
}

impl Accumulator for DistinctSum {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.update_batch(values)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        match self.inner.state()?.first() {
            Some(ScalarValue::List(list)) => self.total(&list.value(0)),
            _ => self.inner.evaluate(),
        }
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}
