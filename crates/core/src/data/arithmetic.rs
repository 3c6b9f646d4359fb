//! Arithmetic on whole numbers that notices what doesn't fit, at the price of arithmetic that doesn't.
//!
//! The loops have no branch: what overflowed is gathered in one word and looked at once, at the end.
//! Where something was noticed nothing is given, and the caller asks arrow's kernels, which know the row.

use std::ops::BitOr;
use std::sync::Arc;

use arrow::array::types::{
    ArrowPrimitiveType, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow::array::{Array, ArrayRef, ArrowNativeTypeOp, AsArray, Datum, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, i256};

/// An operation on two whole numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `a + b`
    Add,
    /// `a - b`
    Subtract,
    /// `a * b`
    Multiply,
}

/// Computes an operation on whole numbers of one type.
///
/// Gives nothing where the sides have another type, or where a result may not fit: values below
/// nulls are computed too, and count.
#[must_use]
pub fn arithmetic(op: Operation, left: &dyn Datum, right: &dyn Datum) -> Option<ArrayRef> {
    let types = (left.get().0.data_type(), right.get().0.data_type());
    match types {
        (DataType::Int8, DataType::Int8) => typed::<Int8Type>(op, left, right),
        (DataType::Int16, DataType::Int16) => typed::<Int16Type>(op, left, right),
        (DataType::Int32, DataType::Int32) => typed::<Int32Type>(op, left, right),
        (DataType::Int64, DataType::Int64) => typed::<Int64Type>(op, left, right),
        (DataType::UInt8, DataType::UInt8) => typed::<UInt8Type>(op, left, right),
        (DataType::UInt16, DataType::UInt16) => typed::<UInt16Type>(op, left, right),
        (DataType::UInt32, DataType::UInt32) => typed::<UInt32Type>(op, left, right),
        (DataType::UInt64, DataType::UInt64) => typed::<UInt64Type>(op, left, right),
        _ => None,
    }
}

/// A whole number of a machine's width.
///
/// Each operation gives the wrapped result and a mark; marks are joined by `|`.
trait Whole: Copy + Default + BitOr<Output = Self> {
    fn add(self, other: Self) -> (Self, Self);
    fn subtract(self, other: Self) -> (Self, Self);
    fn multiply(self, other: Self) -> (Self, Self);
    /// Tells whether one of the joined marks says that a result did not fit.
    fn is_marked(self) -> bool;
}

macro_rules! signed {
    ($($native:ty),*) => {$(
        impl Whole for $native {
            fn add(self, other: Self) -> (Self, Self) {
                let sum = self.wrapping_add(other);
                (sum, (self ^ sum) & (other ^ sum))
            }

            fn subtract(self, other: Self) -> (Self, Self) {
                let difference = self.wrapping_sub(other);
                (difference, (self ^ other) & (self ^ difference))
            }

            fn multiply(self, other: Self) -> (Self, Self) {
                let (product, over) = self.overflowing_mul(other);
                (product, -Self::from(over))
            }

            fn is_marked(self) -> bool {
                self < 0
            }
        }
    )*};
}

macro_rules! unsigned {
    ($($native:ty),*) => {$(
        impl Whole for $native {
            fn add(self, other: Self) -> (Self, Self) {
                let sum = self.wrapping_add(other);
                (sum, Self::from(sum < self))
            }

            fn subtract(self, other: Self) -> (Self, Self) {
                (self.wrapping_sub(other), Self::from(self < other))
            }

            fn multiply(self, other: Self) -> (Self, Self) {
                let (product, over) = self.overflowing_mul(other);
                (product, Self::from(over))
            }

            fn is_marked(self) -> bool {
                self != 0
            }
        }
    )*};
}

signed!(i8, i16, i32, i64);
unsigned!(u8, u16, u32, u64);

fn typed<T: ArrowPrimitiveType>(
    op: Operation,
    left: &dyn Datum,
    right: &dyn Datum,
) -> Option<ArrayRef>
where
    T::Native: Whole,
{
    match op {
        Operation::Add => pairs::<T>(left, right, Whole::add),
        Operation::Subtract => pairs::<T>(left, right, Whole::subtract),
        Operation::Multiply => pairs::<T>(left, right, Whole::multiply),
    }
}

fn pairs<T: ArrowPrimitiveType>(
    left: &dyn Datum,
    right: &dyn Datum,
    op: impl Fn(T::Native, T::Native) -> (T::Native, T::Native),
) -> Option<ArrayRef>
where
    T::Native: Whole,
{
    let ((left, one_left), (right, one_right)) = (left.get(), right.get());
    let (left, right) = (left.as_primitive_opt::<T>()?, right.as_primitive_opt::<T>()?);
    let (l, r) = (left.values(), right.values());
    match (one_left, one_right) {
        (false, false) if left.len() == right.len() => {
            let nulls = NullBuffer::union(left.nulls(), right.nulls());
            given::<T>(l.iter().zip(r).map(|(l, r)| op(*l, *r)), nulls)
        }
        (false, true) if right.null_count() == 0 => {
            let right = *r.first()?;
            given::<T>(l.iter().map(|left| op(*left, right)), left.nulls().cloned())
        }
        (true, false) if left.null_count() == 0 => {
            let left = *l.first()?;
            given::<T>(r.iter().map(|right| op(left, *right)), right.nulls().cloned())
        }
        _ => None,
    }
}

fn given<T: ArrowPrimitiveType>(
    results: impl Iterator<Item = (T::Native, T::Native)>,
    nulls: Option<NullBuffer>,
) -> Option<ArrayRef>
where
    T::Native: Whole,
{
    let mut marks = T::Native::default();
    let values: Vec<T::Native> = results
        .map(|(value, mark)| {
            marks = marks | mark;
            value
        })
        .collect();
    let array = (!marks.is_marked()).then(|| PrimitiveArray::<T>::try_new(values.into(), nulls));
    Some(Arc::new(array?.ok()?))
}

/// A number that sums are made of, whole or of fixed digits.
pub trait Summand: ArrowNativeTypeOp {
    /// Adds up values, those under nulls left out; nothing where a running sum doesn't fit.
    fn sum(values: &[Self], nulls: Option<&NullBuffer>) -> Option<Self>;

    /// Adds each value to the sum of its group, and notes that the group had one; `keep` leaves rows
    /// out. Tells whether all running sums fit.
    ///
    /// # Panics
    ///
    /// If a group has no sum yet.
    fn sum_groups(
        sums: &mut [Self],
        seen: &mut [bool],
        groups: &[usize],
        values: &[Self],
        keep: Option<&NullBuffer>,
    ) -> bool;
}

macro_rules! summand {
    ($($native:ty),*) => {$(
        impl Summand for $native {
            fn sum(values: &[Self], nulls: Option<&NullBuffer>) -> Option<Self> {
                let add = |sum: Self, value: &Self| sum.add_checked(*value).ok();
                match nulls {
                    None => values.iter().try_fold(Self::ZERO, add),
                    Some(nulls) => {
                        nulls.valid_indices().try_fold(Self::ZERO, |sum, row| add(sum, &values[row]))
                    }
                }
            }

            fn sum_groups(
                sums: &mut [Self],
                seen: &mut [bool],
                groups: &[usize],
                values: &[Self],
                keep: Option<&NullBuffer>,
            ) -> bool {
                let mut fits = true;
                let mut add = |group: usize, value: Self| {
                    match sums[group].add_checked(value) {
                        Ok(sum) => sums[group] = sum,
                        Err(_) => fits = false,
                    }
                    seen[group] = true;
                };
                match keep {
                    None => groups.iter().zip(values).for_each(|(group, value)| add(*group, *value)),
                    Some(keep) => keep.valid_indices().for_each(|row| add(groups[row], values[row])),
                }
                fits
            }
        }
    )*};
}

summand!(i32, i64, u64, i128, i256);

#[cfg(test)]
mod tests {
    use arrow::array::{Int8Array, Int64Array, Scalar, UInt8Array};
    use arrow::compute::kernels::numeric;
    use proptest::prelude::*;

    use super::*;

    /// Compares with arrow's kernels: the same array, or nothing where they fail.
    fn compare(left: &dyn Datum, right: &dyn Datum) {
        let kernels = [
            (Operation::Add, numeric::add(left, right)),
            (Operation::Subtract, numeric::sub(left, right)),
            (Operation::Multiply, numeric::mul(left, right)),
        ];
        for (op, expected) in kernels {
            match (arithmetic(op, left, right), expected) {
                (Some(found), Ok(expected)) => assert_eq!(&found, &expected, "{op:?}"),
                (None, Err(_)) => {}
                (found, expected) => panic!("{op:?}: {found:?}, arrow {expected:?}"),
            }
        }
    }

    #[test]
    fn every_pair_of_bytes_is_as_arrow_has_it() {
        for left in i8::MIN..=i8::MAX {
            for right in i8::MIN..=i8::MAX {
                compare(&Int8Array::from(vec![left]), &Int8Array::from(vec![right]));
            }
        }
        for left in 0..=u8::MAX {
            for right in 0..=u8::MAX {
                compare(&UInt8Array::from(vec![left]), &UInt8Array::from(vec![right]));
            }
        }
    }

    #[test]
    fn what_lies_under_a_null_is_no_failure_of_arrows() {
        let column = Int64Array::from(vec![Some(1), None, Some(3)]);
        let one = Scalar::new(Int64Array::from(vec![1]));
        compare(&column, &one);
        compare(&one, &column);
        compare(&column, &column);
        assert!(arithmetic(Operation::Add, &column, &UInt8Array::from(vec![1, 2, 3])).is_none());
    }

    proptest! {
        #[test]
        fn sums_of_groups_are_the_groups_sums(
            rows in prop::collection::vec((0..4_usize, any::<Option<i64>>()), 0..40)
        ) {
            let groups: Vec<usize> = rows.iter().map(|(group, _)| *group).collect();
            let array: Int64Array = rows.iter().map(|(_, value)| *value).collect();
            let (mut sums, mut seen) = ([0; 4], [false; 4]);
            let fits =
                i64::sum_groups(&mut sums, &mut seen, &groups, array.values(), array.nulls());
            let mut all = true;
            for group in 0..4 {
                let own: Int64Array = rows
                    .iter()
                    .filter(|(of, _)| *of == group)
                    .map(|(_, value)| *value)
                    .collect();
                let expected = i64::sum(own.values(), own.nulls());
                all &= expected.is_some();
                prop_assert_eq!(seen[group], own.null_count() < own.len());
                prop_assert!(expected.is_none_or(|expected| expected == sums[group]));
            }
            prop_assert_eq!(fits, all);
        }
    }
}
