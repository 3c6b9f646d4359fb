//! The values of columns as keys: bytes that are equal, and ordered, as the values are, and
//! fingerprints of these, by which equal rows of a large table are found in little memory.

use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, BooleanBufferBuilder};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, Rows, SortField};
use rayon::prelude::*;

use super::marks::missing;
use crate::data::Hash;
use crate::plan::Failure;

/// How many bytes fingerprints may take at once.
const ROOM: usize = 256 << 20;

/// About what a fingerprint takes, in a list or a set.
const EACH: usize = 40;

/// How many batches are looked at side by side.
const ABREAST: usize = 32;

/// Writes values of some types as bytes.
pub(super) struct Keys(RowConverter);

impl Keys {
    /// Begins with the types of the columns.
    ///
    /// # Errors
    /// A type has no order.
    pub(super) fn of<'a>(kinds: impl IntoIterator<Item = &'a DataType>) -> Result<Self, Failure> {
        let fields = kinds.into_iter().map(|kind| SortField::new(kind.clone())).collect();
        RowConverter::new(fields).map(Self).map_err(|error| Failure::new(error.to_string()))
    }

    /// Writes the rows of some columns.
    ///
    /// # Errors
    /// The columns have other types.
    pub(super) fn write(&self, columns: &[ArrayRef]) -> Result<Rows, Failure> {
        self.0.convert_columns(columns).map_err(|error| Failure::new(error.to_string()))
    }
}

/// What stands for the values of a row: 128 bits of a hash that nobody can make collide.
type Fingerprint = u128;

/// Columns of a table, row by row as fingerprints.
pub(super) struct Fingerprints<'a> {
    batches: Vec<Vec<ArrayRef>>,
    rows: usize,
    keys: &'a Keys,
    /// How many bytes they may take at once.
    room: usize,
}

impl<'a> Fingerprints<'a> {
    /// Begins with columns, given batch by batch.
    pub(super) fn new(batches: Vec<Vec<ArrayRef>>, keys: &'a Keys) -> Self {
        let rows = batches.iter().filter_map(|columns| columns.first()).map(Array::len).sum();
        Self { batches, rows, keys, room: ROOM }
    }

    /// Counts the different rows; rows with a missing value count for nothing.
    pub(super) fn distinct(&self) -> Result<usize, Failure> {
        let mut count = 0;
        for part in self.parts() {
            let mut found: Vec<Fingerprint> = Vec::new();
            self.each(&part, |_, print| found.push(print))?;
            found.sort_unstable();
            found.dedup();
            count += found.len();
        }
        Ok(count)
    }

    /// Marks the rows that stand in another row too; rows with a missing value don't.
    pub(super) fn doubled(&self) -> Result<BooleanBuffer, Failure> {
        let mut marks = nothing(self.rows);
        for part in self.parts() {
            let mut found: Vec<(Fingerprint, usize)> = Vec::new();
            self.each(&part, |row, print| found.push((print, row)))?;
            found.sort_unstable();
            for same in found.chunk_by(|one, two| one.0 == two.0).filter(|same| same.len() > 1) {
                same.iter().for_each(|(_, row)| marks.set_bit(*row, true));
            }
        }
        Ok(marks.finish())
    }

    /// Marks the rows that aren't among others; rows with a missing value are let pass.
    pub(super) fn absent(&self, others: &Self) -> Result<BooleanBuffer, Failure> {
        let mut marks = nothing(self.rows);
        // The parts are those of the others, whose fingerprints are kept; each own row is in one.
        for part in others.parts() {
            let mut known: HashSet<Fingerprint> = HashSet::new();
            others.each(&part, |_, print| {
                known.insert(print);
            })?;
            self.each(&part, |row, print| {
                if !known.contains(&print) {
                    marks.set_bit(row, true);
                }
            })?;
        }
        Ok(marks.finish())
    }

    /// Cuts the fingerprints into parts that fit into the room.
    fn parts(&self) -> Vec<Part> {
        let count = (self.rows.saturating_mul(EACH) / self.room).next_power_of_two();
        let bits = count.trailing_zeros();
        (0..count as Fingerprint).map(|number| Part { number, bits }).collect()
    }

    /// Gives each fingerprint of a part with its row, in the order of the rows.
    fn each(&self, part: &Part, mut take: impl FnMut(usize, Fingerprint)) -> Result<(), Failure> {
        let mut start = 0;
        for batches in self.batches.chunks(ABREAST) {
            let found: Vec<_> = batches.par_iter().map(|columns| self.prints(columns)).collect();
            for (found, columns) in found.into_iter().zip(batches) {
                for (row, print) in found? {
                    if part.has(print) {
                        take(start + row, print);
                    }
                }
                start += columns.first().map_or(0, Array::len);
            }
        }
        Ok(())
    }

    /// Gives the fingerprints of a batch; rows with a missing value have none.
    fn prints(&self, columns: &[ArrayRef]) -> Result<Vec<(usize, Fingerprint)>, Failure> {
        let rows = self.keys.write(columns)?;
        let skipped: Vec<BooleanBuffer> = columns.iter().map(missing).collect();
        let kept = |row: &usize| skipped.iter().all(|skipped| !skipped.value(*row));
        let print = |row: usize| (row, fingerprint(rows.row(row).as_ref()));
        Ok((0..rows.num_rows()).filter(kept).map(print).collect())
    }
}

/// The fingerprints that begin with some bits.
struct Part {
    number: Fingerprint,
    bits: u32,
}

impl Part {
    const fn has(&self, print: Fingerprint) -> bool {
        self.bits == 0 || print >> (Fingerprint::BITS - self.bits) == self.number
    }
}

fn fingerprint(bytes: &[u8]) -> Fingerprint {
    let hash = Hash::of(bytes);
    hash.as_bytes().iter().take(16).fold(0, |bits, byte| (bits << 8) | Fingerprint::from(*byte))
}

/// Marks no row.
fn nothing(rows: usize) -> BooleanBufferBuilder {
    let mut marks = BooleanBufferBuilder::new(rows);
    marks.append_n(rows, false);
    marks
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int64Array, StringArray};
    use proptest::prelude::*;

    use super::*;

    type Row = (Option<i64>, Option<String>);

    /// Makes columns of rows, cut into batches.
    fn batches(rows: &[Row], size: usize) -> Vec<Vec<ArrayRef>> {
        let batch = |rows: &[Row]| -> Vec<ArrayRef> {
            let numbers: Int64Array = rows.iter().map(|row| row.0).collect();
            let texts: StringArray = rows.iter().map(|row| row.1.clone()).collect();
            vec![Arc::new(numbers), Arc::new(texts)]
        };
        rows.chunks(size).map(batch).collect()
    }

    fn whole(row: &Row) -> bool {
        row.0.is_some() && row.1.is_some()
    }

    proptest! {
        #[test]
        fn in_any_number_of_parts_equal_rows_are_found(
            rows in prop::collection::vec(
                (prop::option::of(0..3_i64), prop::option::of("[ab]{0,1}")), 0..60),
            others in prop::collection::vec(
                (prop::option::of(0..3_i64), prop::option::of("[ab]{0,1}")), 0..20),
            size in 1..20_usize,
            room in prop_oneof![Just(ROOM), 300..2000_usize],
        ) {
            let keys = Keys::of(&[DataType::Int64, DataType::Utf8]).unwrap();
            let prints = |rows: &[Row]| Fingerprints {
                room, ..Fingerprints::new(batches(rows, size), &keys)
            };
            let mut counts: BTreeMap<&Row, usize> = BTreeMap::new();
            rows.iter().filter(|row| whole(row)).for_each(|row| *counts.entry(row).or_default() += 1);
            let marked = |marks: &BooleanBuffer| marks.set_indices().collect::<Vec<_>>();
            let places = |wanted: &dyn Fn(&Row) -> bool| {
                (0..rows.len()).filter(|at| whole(&rows[*at]) && wanted(&rows[*at])).collect::<Vec<_>>()
            };
            let found = prints(&rows);
            prop_assert_eq!(found.distinct().unwrap(), counts.len());
            let doubled = marked(&found.doubled().unwrap());
            prop_assert_eq!(doubled, places(&|row| counts[row] > 1));
            let absent = marked(&found.absent(&prints(&others)).unwrap());
            prop_assert_eq!(absent, places(&|row| !others.contains(row)));
        }
    }

    #[test]
    fn nan_is_missing_and_no_value_of_its_own() {
        let column: ArrayRef =
            Arc::new(Float64Array::from(vec![Some(f64::NAN), None, Some(f64::NAN), Some(1.0)]));
        let keys = Keys::of(&[DataType::Float64]).unwrap();
        let found = Fingerprints::new(vec![vec![column]], &keys);
        assert_eq!(found.distinct().unwrap(), 1);
        assert_eq!(found.doubled().unwrap().count_set_bits(), 0);
    }
}
