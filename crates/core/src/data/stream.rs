//! A table that is never in memory as a whole: its rows come in batches of any size, and go on in
//! batches of normal form, hashed on their way.
//!
//! What comes out is what [`Table::new`] makes of the same rows, and the same digest. Knows nothing
//! of files or of who takes the batches.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::digest::{Digester, TableDigest};
use super::normal::normal_schema;
use super::table::{BATCH_ROWS, Table, TableError};

/// Rows on their way into a table.
#[derive(Debug)]
pub struct TableStream {
    schema: SchemaRef,
    /// The rows that don't fill a batch yet.
    pending: Vec<RecordBatch>,
    rows: usize,
    digester: Digester,
}

impl TableStream {
    /// Begins a table of some columns.
    ///
    /// # Errors
    ///
    /// Refuses a schema that no table can have, see [`Table::new`].
    pub fn new(schema: SchemaRef) -> Result<Self, TableError> {
        let schema = normal_schema(schema)?;
        let digester = Digester::new(&schema);
        Ok(Self { schema, pending: Vec::new(), rows: 0, digester })
    }

    /// Gives the schema of the batches that come out.
    #[must_use]
    pub const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Takes some rows; gives the batches that are full with them.
    ///
    /// # Errors
    ///
    /// Refuses a batch that doesn't fit the schema, and texts that pass 2 GiB.
    pub fn push(&mut self, batch: RecordBatch) -> Result<Vec<RecordBatch>, TableError> {
        self.rows += batch.num_rows();
        self.pending.push(batch);
        if self.rows < BATCH_ROWS {
            return Ok(Vec::new());
        }
        let mut full = self.cut()?;
        if let Some(rest) = full.pop_if(|last| last.num_rows() < BATCH_ROWS) {
            self.rows = rest.num_rows();
            self.pending.push(rest);
        }
        full.iter().for_each(|batch| self.digester.push(batch));
        Ok(full)
    }

    /// Ends the table: gives the last rows, and the digest of all.
    ///
    /// # Errors
    ///
    /// As [`TableStream::push`].
    pub fn finish(mut self) -> Result<(Vec<RecordBatch>, TableDigest), TableError> {
        let last = self.cut()?;
        last.iter().for_each(|batch| self.digester.push(batch));
        Ok((last, self.digester.finish()))
    }

    /// Cuts what is pending into batches of normal form.
    fn cut(&mut self) -> Result<Vec<RecordBatch>, TableError> {
        self.rows = 0;
        let pending = std::mem::take(&mut self.pending);
        Ok(Table::new(SchemaRef::clone(&self.schema), pending)?.into_batches())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
    use proptest::prelude::*;

    use super::*;

    fn rows(count: usize) -> RecordBatch {
        let number =
            |row: usize| (!row.is_multiple_of(7)).then(|| i64::try_from(row * 31 % 1000).unwrap());
        let numbers: ArrayRef = Arc::new((0..count).map(number).collect::<Int64Array>());
        let float = |row: usize| if row.is_multiple_of(5) { f64::NAN } else { row as f64 / 3.0 };
        let floats: ArrayRef = Arc::new((0..count).map(float).collect::<Float64Array>());
        let text = |row: usize| (!row.is_multiple_of(3)).then(|| "é".repeat(row % 4));
        let texts: ArrayRef = Arc::new((0..count).map(text).collect::<StringArray>());
        RecordBatch::try_from_iter_with_nullable(vec![
            ("n", numbers, true),
            ("f", floats, true),
            ("t", texts, true),
        ])
        .unwrap()
    }

    /// Streams rows in pieces of these lengths, over and over.
    fn streamed(batch: &RecordBatch, lengths: &[usize]) -> (Vec<RecordBatch>, TableDigest) {
        let mut stream = TableStream::new(batch.schema()).unwrap();
        let (mut start, mut batches) = (0, Vec::new());
        for length in lengths.iter().cycle() {
            let length = (*length).min(batch.num_rows() - start);
            batches.extend(stream.push(batch.slice(start, length)).unwrap());
            start += length;
            if start == batch.num_rows() {
                break;
            }
        }
        let (last, digest) = stream.finish().unwrap();
        batches.extend(last);
        (batches, digest)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        #[test]
        fn a_stream_makes_the_same_table_and_digest(
            count in prop_oneof![0..2000_usize, 2 * BATCH_ROWS - 2..2 * BATCH_ROWS + 3],
            lengths in proptest::collection::vec(prop_oneof![1..50_000_usize, Just(BATCH_ROWS)], 1..5),
        ) {
            let batch = rows(count);
            let table = Table::new(batch.schema(), vec![batch.clone()]).unwrap();
            let (batches, digest) = streamed(&batch, &lengths);
            prop_assert_eq!(&digest, table.digest());
            prop_assert!(batches == table.batches());
        }
    }

    #[test]
    fn a_batch_of_other_columns_is_refused() {
        let mut stream = TableStream::new(rows(1).schema()).unwrap();
        let other = RecordBatch::try_from_iter(vec![(
            "n",
            Arc::new(StringArray::from(vec!["x"; BATCH_ROWS])) as ArrayRef,
        )]);
        assert!(stream.push(other.unwrap()).is_err());
    }
}
