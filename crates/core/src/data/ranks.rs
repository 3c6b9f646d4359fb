//! Ranks: the order of a column's values, whatever their type.

use std::cmp::Ordering;

use arrow::array::{Array, ArrayRef, AsArray, make_comparator};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{SortOptions, concat, sort_to_indices};
use arrow::datatypes::{DataType, Float16Type, Float32Type, Float64Type};
use rayon::prelude::*;

use super::TableError;

/// The values of a column as ranks: equal values have equal ranks, and ranks are ordered as the
/// values are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranks {
    /// A rank a row, from 0; of a missing value it means nothing.
    pub ranks: Vec<u64>,
    /// The rows whose value is missing.
    pub missing: Vec<usize>,
    /// How many different values there are.
    pub distinct: usize,
}

impl Ranks {
    /// Ranks the values of a column, given in pieces; null and NaN are missing.
    ///
    /// # Errors
    /// The type has no order.
    pub fn of(pieces: &[ArrayRef]) -> Result<Self, TableError> {
        match pieces.first().map(Array::data_type) {
            None => Ok(Self { ranks: Vec::new(), missing: Vec::new(), distinct: 0 }),
            Some(DataType::Utf8) => Ok(Self::of_texts(pieces)),
            Some(_) => Self::of_values(pieces),
        }
    }

    /// Ranks texts where they lie: all of them in one array could pass what an array can hold.
    fn of_texts(pieces: &[ArrayRef]) -> Self {
        let texts: Vec<Option<&str>> =
            pieces.iter().flat_map(|piece| piece.as_string::<i32>().iter()).collect();
        let mut order: Vec<usize> = (0..texts.len()).filter(|row| texts[*row].is_some()).collect();
        order.par_sort_unstable_by_key(|row| texts[*row]);
        let missing = (0..texts.len()).filter(|row| texts[*row].is_none()).collect();
        Self::ordered(order.into_iter(), missing, texts.len(), |one, two| {
            texts[one].cmp(&texts[two])
        })
    }

    fn of_values(pieces: &[ArrayRef]) -> Result<Self, TableError> {
        let pieces: Vec<&dyn Array> = pieces.iter().map(AsRef::as_ref).collect();
        let column = concat(&pieces)?;
        let options = SortOptions { descending: false, nulls_first: false };
        let order = sort_to_indices(&column, Some(options), None)?;
        let compare = make_comparator(&column, &column, options)?;
        let is_missing = missing(&column);
        let order = order.values().iter().map(|row| *row as usize);
        let present = order.filter(|row| !is_missing.value(*row));
        Ok(Self::ordered(present, is_missing.set_indices().collect(), column.len(), compare))
    }

    /// Ranks rows that are given in order.
    fn ordered(
        order: impl Iterator<Item = usize>,
        missing: Vec<usize>,
        rows: usize,
        compare: impl Fn(usize, usize) -> Ordering,
    ) -> Self {
        let mut ranks = vec![0; rows];
        let (mut rank, mut before, mut distinct) = (0, None, 0);
        for row in order {
            match before {
                None => distinct = 1,
                Some(before) if compare(before, row).is_ne() => {
                    rank += 1;
                    distinct += 1;
                }
                Some(_) => {}
            }
            ranks[row] = rank;
            before = Some(row);
        }
        Self { ranks, missing, distinct }
    }
}

/// Marks the values that are null or NaN.
fn missing(column: &ArrayRef) -> BooleanBuffer {
    let nulls = column.logical_nulls();
    let is_null = |row: usize| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
    let mark = |is_nan: &dyn Fn(usize) -> bool| {
        BooleanBuffer::collect_bool(column.len(), |row| is_null(row) || is_nan(row))
    };
    match column.data_type() {
        DataType::Float64 => {
            let values = column.as_primitive::<Float64Type>();
            mark(&|row| values.value(row).is_nan())
        }
        DataType::Float32 => {
            let values = column.as_primitive::<Float32Type>();
            mark(&|row| values.value(row).is_nan())
        }
        DataType::Float16 => {
            let values = column.as_primitive::<Float16Type>();
            mark(&|row| values.value(row).is_nan())
        }
        _ => mark(&|_| false),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array, StringArray};
    use proptest::prelude::*;

    use super::Ranks;

    #[test]
    fn equal_values_have_equal_ranks_across_pieces() {
        let pieces: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec![Some("b"), None])),
            Arc::new(StringArray::from(vec![Some("a"), Some("b")])),
        ];
        let ranks = Ranks::of(&pieces).expect("texts have an order");
        assert_eq!((ranks.ranks, ranks.missing, ranks.distinct), (vec![1, 0, 0, 1], vec![1], 2));
    }

    #[test]
    fn null_and_nan_are_missing() {
        let column: ArrayRef = Arc::new(Float64Array::from(vec![
            Some(f64::NAN),
            Some(2.0),
            None,
            Some(-1.0),
            Some(2.0),
            Some(-f64::NAN),
        ]));
        let ranks = Ranks::of(&[column]).expect("floats have an order");
        assert_eq!((&ranks.ranks[3], &ranks.ranks[1], &ranks.ranks[4]), (&0, &1, &1));
        assert_eq!((ranks.missing, ranks.distinct), (vec![0, 2, 5], 2));
    }

    proptest! {
        #[test]
        fn texts_rank_as_their_order_says(
            texts in proptest::collection::vec(proptest::option::of("[ab]{0,2}"), 0..40),
            cut in 0..40_usize,
        ) {
            let cut = cut.min(texts.len());
            let piece = |texts: &[Option<String>]| -> ArrayRef {
                Arc::new(texts.iter().cloned().collect::<StringArray>())
            };
            let found = Ranks::of(&[piece(&texts[..cut]), piece(&texts[cut..])]).unwrap();
            let levels: BTreeSet<&String> = texts.iter().flatten().collect();
            for (row, text) in texts.iter().enumerate() {
                let rank = text.as_ref().and_then(|text| levels.iter().position(|own| *own == text));
                prop_assert_eq!(rank.is_none(), found.missing.contains(&row));
                prop_assert_eq!(rank.unwrap_or(0) as u64, found.ranks[row]);
            }
            prop_assert_eq!(found.distinct, levels.len());
        }
    }
}
