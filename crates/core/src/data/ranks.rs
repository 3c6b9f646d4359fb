//! Ranks: the order of a column's values, whatever their type.

use arrow::array::{Array, ArrayRef, make_comparator};
use arrow::compute::{SortOptions, concat, sort_to_indices};

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
    /// Ranks the values of a column, given in pieces.
    ///
    /// # Errors
    /// The type has no order.
    pub fn of(pieces: &[ArrayRef]) -> Result<Self, TableError> {
        let pieces: Vec<&dyn Array> = pieces.iter().map(AsRef::as_ref).collect();
        if pieces.is_empty() {
            return Ok(Self { ranks: Vec::new(), missing: Vec::new(), distinct: 0 });
        }
        let column = concat(&pieces)?;
        let options = SortOptions { descending: false, nulls_first: false };
        let order = sort_to_indices(&column, Some(options), None)?;
        let compare = make_comparator(&column, &column, options)?;
        let mut ranks = vec![0; column.len()];
        let (mut rank, mut before, mut distinct) = (0, None, 0);
        for row in order.values().iter().map(|row| *row as usize) {
            if column.is_null(row) {
                continue;
            }
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
        let missing = (0..column.len()).filter(|row| column.is_null(*row)).collect();
        Ok(Self { ranks, missing, distinct })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, StringArray};

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
}
