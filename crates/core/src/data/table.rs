//! A table: a schema and batches of rows, in normal form.
//!
//! Whatever made the rows, equal rows make equal tables: one encoding a type, batches of
//! [`BATCH_ROWS`] rows, all columns nullable. Knows nothing of files, SQL or learning.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::{filter_record_batch, interleave};
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use rayon::prelude::*;

use super::digest::{ColumnDigest, TableDigest, column_hash};
use super::hash::Hash;
use super::normal::{join, normal_array, normal_schema};
use super::types::ColumnType;

/// How many rows each batch of a table has, the last one aside.
pub const BATCH_ROWS: usize = 65_536;

/// Below so many cells, work is not worth a second thread.
const SMALL: usize = 1 << 17;

/// What can be wrong with a table's data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// Arrow refused a conversion.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    /// A column was asked for that isn't there.
    #[error("the table has no column `{0}`")]
    NoColumn(String),
    /// Two columns have the same name.
    #[error("the table has two columns `{0}`")]
    DoubledColumn(String),
    /// A column's type has no place in a table.
    #[error("the column `{name}` has the type `{kind}`, which a table cannot hold")]
    Unsupported {
        /// The column.
        name: String,
        /// Its type in Arrow's words.
        kind: String,
    },
    /// The texts or lists of 65,536 rows take more than 2 GiB.
    #[error("the column `{0}` has more than 2 GiB of text or items in 65,536 rows")]
    TooLarge(String),
    /// A batch or a column does not have the type that the schema says.
    #[error("the column `{name}` should be `{expected}` and is `{found}`")]
    Mismatch {
        /// The column.
        name: String,
        /// The type that the schema says.
        expected: String,
        /// The type that the data have.
        found: String,
    },
    /// A batch, a column or a mask has another number of rows or columns than the rest.
    #[error("expected {expected} {what} and found {found}")]
    Shape {
        /// What was counted.
        what: &'static str,
        /// How many there should be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A row was asked for that isn't there.
    #[error("the table has {rows} rows, so no row {row}")]
    NoRow {
        /// The row, counted from nought.
        row: usize,
        /// How many there are.
        rows: usize,
    },
}

/// Rows under named, typed columns; cheap to clone.
#[derive(Clone, Debug)]
pub struct Table {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    rows: usize,
    /// Each column's content hash, once it was asked for; tables that share a column share it.
    hashes: Vec<Arc<OnceLock<Hash>>>,
    digest: Arc<OnceLock<TableDigest>>,
}

impl Table {
    /// Makes a table, in normal form, of batches that have this schema.
    ///
    /// Encodings are undone, columns become nullable and foreign metadata is dropped, so that
    /// equal rows make equal tables. Batches already in normal form are shared, not copied.
    ///
    /// # Errors
    ///
    /// Refuses batches that don't fit the schema, unions, and batches whose texts pass 2 GiB.
    pub fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Result<Self, TableError> {
        let schema = normal_schema(schema)?;
        check_shapes(&schema, &batches)?;
        let rows = batches.iter().map(RecordBatch::num_rows).sum();
        let mut columns: Vec<Vec<ArrayRef>> = vec![Vec::new(); schema.fields().len()];
        for batch in batches {
            let (_, arrays, _) = batch.into_parts();
            for (column, array) in columns.iter_mut().zip(arrays) {
                column.push(array);
            }
        }
        let named = schema.fields().iter().zip(columns);
        let columns = named.map(|(field, pieces)| Pieces { name: field.name(), pieces });
        Self::assemble(&schema, &columns.collect::<Vec<_>>(), rows)
    }

    /// Cuts columns, each in pieces that have the rows in all, into batches of normal form.
    fn assemble(
        schema: &SchemaRef,
        columns: &[Pieces<'_>],
        rows: usize,
    ) -> Result<Self, TableError> {
        let batch = |range: Range<usize>| {
            let arrays = columns.iter().map(|column| column.cut(&range));
            let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
            new_batch(schema, arrays, range.len())
        };
        let batches = each(&chunks(rows), rows * columns.len(), batch)?;
        Ok(Self::trusted(Arc::clone(schema), batches, rows))
    }

    /// Takes batches that are in normal form by construction.
    fn trusted(schema: SchemaRef, batches: Vec<RecordBatch>, rows: usize) -> Self {
        let hashes = schema.fields().iter().map(|_| Arc::default()).collect();
        Self { schema, batches, rows, hashes, digest: Arc::default() }
    }

    /// Makes a table of no rows.
    ///
    /// The schema is taken to normal form; one that has none (see [`Table::new`]) is kept as it is.
    #[must_use]
    pub fn empty(schema: SchemaRef) -> Self {
        let schema = normal_schema(Arc::clone(&schema)).unwrap_or(schema);
        Self::trusted(schema, Vec::new(), 0)
    }

    /// Gives the schema.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Gives the batches: [`BATCH_ROWS`] rows each, the last one fewer, none empty.
    #[must_use]
    pub fn batches(&self) -> &[RecordBatch] {
        &self.batches
    }

    /// Gives the batches and keeps nothing.
    pub(super) fn into_batches(self) -> Vec<RecordBatch> {
        self.batches
    }

    /// Counts the rows.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Estimates the bytes that the values take in memory.
    #[must_use]
    pub fn memory(&self) -> usize {
        let columns = self.batches.iter().flat_map(RecordBatch::columns);
        columns.map(|array| array.to_data().get_slice_memory_size().unwrap_or(0)).sum()
    }

    /// Gives the place of a column.
    #[must_use]
    pub fn column_index(&self, name: &str) -> Option<usize> {
        self.schema.fields().iter().position(|field| field.name() == name)
    }

    /// Gives the field of a column.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.column_index(name).map(|at| self.schema.field(at))
    }

    fn require(&self, name: &str) -> Result<usize, TableError> {
        self.column_index(name).ok_or_else(|| TableError::NoColumn(name.to_owned()))
    }

    /// Gives a column's values, an array a batch.
    ///
    /// # Errors
    ///
    /// Refuses a name that no column has.
    pub fn column(&self, name: &str) -> Result<Vec<ArrayRef>, TableError> {
        let at = self.require(name)?;
        Ok(self.batches.iter().map(|batch| Arc::clone(batch.column(at))).collect())
    }

    /// Gives the table of only these columns, in this order.
    ///
    /// # Errors
    ///
    /// Refuses a name that no column has, or that stands twice.
    pub fn project(&self, names: &[&str]) -> Result<Self, TableError> {
        let places = names.iter().map(|name| self.require(name)).collect::<Result<Vec<_>, _>>()?;
        let schema = normal_schema(Arc::new(self.schema.project(&places)?))?;
        let batch = |batch: &RecordBatch| {
            let columns = places.iter().map(|at| Arc::clone(batch.column(*at))).collect();
            new_batch(&schema, columns, batch.num_rows())
        };
        let batches = self.batches.iter().map(batch).collect::<Result<_, _>>()?;
        let hashes = places.iter().map(|at| Arc::clone(&self.hashes[*at])).collect();
        Ok(Self { schema, batches, rows: self.rows, hashes, digest: Arc::default() })
    }

    /// Gives the rows of these numbers, counted from nought, in this order; a row may stand twice.
    ///
    /// # Errors
    ///
    /// Refuses a number that no row has, and texts that pass 2 GiB in one batch.
    pub fn take(&self, rows: &[usize]) -> Result<Self, TableError> {
        if let Some(row) = rows.iter().find(|row| **row >= self.rows) {
            return Err(TableError::NoRow { row: *row, rows: self.rows });
        }
        let ranges = chunks(rows.len());
        let cells = rows.len().saturating_mul(self.schema.fields().len());
        let batches = each(&ranges, cells, |range| self.gather(&rows[range]))?;
        Ok(Self::trusted(Arc::clone(&self.schema), batches, rows.len()))
    }

    /// Gathers the rows of one batch.
    fn gather(&self, rows: &[usize]) -> Result<RecordBatch, TableError> {
        let place = |row: &usize| (row / BATCH_ROWS, row % BATCH_ROWS);
        let places: Vec<(usize, usize)> = rows.iter().map(place).collect();
        let gather = |(at, field): (usize, &Arc<Field>)| {
            let arrays: Vec<&dyn Array> =
                self.batches.iter().map(|batch| batch.column(at).as_ref()).collect();
            let found = interleave(&arrays, &places);
            found.map_err(|error| column_error(field.name(), error))
        };
        let columns = self.schema.fields().iter().enumerate().map(gather);
        new_batch(&self.schema, columns.collect::<Result<_, _>>()?, rows.len())
    }

    /// Gives the rows whose mark is true.
    ///
    /// # Errors
    ///
    /// Refuses a mask of another length than the table.
    pub fn filter(&self, mask: &BooleanArray) -> Result<Self, TableError> {
        shape("marks", self.rows, mask.len())?;
        let filter = |(at, batch): (usize, &RecordBatch)| {
            filter_record_batch(batch, &mask.slice(at * BATCH_ROWS, batch.num_rows()))
        };
        let batches = self.batches.iter().enumerate().map(filter).collect::<Result<_, _>>()?;
        Self::new(Arc::clone(&self.schema), batches)
    }

    /// Gives a run of rows; rows past the end are left out.
    ///
    /// # Errors
    ///
    /// Refuses texts that pass 2 GiB in one batch.
    pub fn slice(&self, rows: Range<usize>) -> Result<Self, TableError> {
        let end = rows.end.min(self.rows);
        let rows = rows.start.min(end)..end;
        let columns: Vec<_> = (0..self.schema.fields().len()).map(|at| self.pieces(at)).collect();
        let cut = |range: Range<usize>| {
            let range = rows.start + range.start..rows.start + range.end;
            let arrays = columns.iter().map(|column| column.cut(&range));
            new_batch(&self.schema, arrays.collect::<Result<_, _>>()?, range.len())
        };
        let batches = each(&chunks(rows.len()), rows.len() * columns.len(), cut)?;
        Ok(Self::trusted(Arc::clone(&self.schema), batches, rows.len()))
    }

    fn pieces(&self, at: usize) -> Pieces<'_> {
        let pieces = self.batches.iter().map(|batch| Arc::clone(batch.column(at))).collect();
        Pieces { name: self.schema.field(at).name(), pieces }
    }

    /// Joins tables of the same columns, one under the other.
    ///
    /// # Errors
    ///
    /// Refuses an empty list, and tables whose columns differ in name, type or order.
    pub fn concat(tables: &[Self]) -> Result<Self, TableError> {
        let first = tables.first().ok_or(TableError::Shape {
            what: "tables to join",
            expected: 1,
            found: 0,
        })?;
        for table in &tables[1..] {
            same_fields(&first.schema, &table.schema)?;
        }
        let batches = tables.iter().flat_map(|table| table.batches.iter().cloned()).collect();
        Self::new(Arc::clone(&first.schema), batches)
    }

    /// Adds columns at the end; a column of a name that is there already takes its place.
    ///
    /// Each array has one value a row of the table, and the type that its field says.
    ///
    /// # Errors
    ///
    /// Refuses arrays of another length or type.
    pub fn with_columns(&self, columns: Vec<(Field, ArrayRef)>) -> Result<Self, TableError> {
        let mut fields: Vec<Arc<Field>> = self.schema.fields().to_vec();
        let mut values: Vec<Vec<ArrayRef>> =
            (0..fields.len()).map(|at| self.pieces(at).pieces).collect();
        let mut hashes = self.hashes.clone();
        for (field, array) in columns {
            shape("rows", self.rows, array.len())?;
            let at = fields.iter().position(|known| known.name() == field.name());
            let at = at.unwrap_or(fields.len());
            replace(&mut fields, at, Arc::new(field));
            replace(&mut values, at, vec![array]);
            replace(&mut hashes, at, Arc::default());
        }
        let schema = normal_schema(Arc::new(Schema::new(fields)))?;
        let columns = schema.fields().iter().zip(values);
        let columns = columns.map(|(field, pieces)| Pieces { name: field.name(), pieces });
        let table = Self::assemble(&schema, &columns.collect::<Vec<_>>(), self.rows)?;
        Ok(Self { hashes, ..table })
    }

    /// Gives columns other names; the first of each pair is the name that there is.
    ///
    /// # Errors
    ///
    /// Refuses a name that no column has, and names that are doubled then.
    pub fn rename(&self, names: &[(&str, &str)]) -> Result<Self, TableError> {
        let mut fields: Vec<Field> =
            self.schema.fields().iter().map(|field| field.as_ref().clone()).collect();
        for (old, new) in names {
            fields[self.require(old)?].set_name(*new);
        }
        let schema = normal_schema(Arc::new(Schema::new(fields)))?;
        let batch =
            |batch: &RecordBatch| new_batch(&schema, batch.columns().to_vec(), batch.num_rows());
        let batches = self.batches.iter().map(batch).collect::<Result<_, _>>()?;
        let hashes = self.hashes.clone();
        Ok(Self { schema, batches, rows: self.rows, hashes, digest: Arc::default() })
    }

    /// Gives the hash of what the table says; computed when first asked for.
    #[must_use]
    pub fn digest(&self) -> &TableDigest {
        self.digest.get_or_init(|| self.digest_of(&(0..self.hashes.len()).collect::<Vec<_>>()))
    }

    /// Gives the content hash of some columns and the number of rows; nothing if one isn't there.
    ///
    /// The same as asking the [digest](Table::digest), but hashes no other column.
    #[must_use]
    pub fn columns_hash(&self, names: &[&str]) -> Option<Hash> {
        let places =
            names.iter().map(|name| self.column_index(name)).collect::<Option<Vec<_>>>()?;
        Some(self.digest_of(&places).hash())
    }

    fn digest_of(&self, places: &[usize]) -> TableDigest {
        self.compute_hashes(places);
        let column = |at: &usize| {
            let field = self.schema.field(*at);
            let column_type = ColumnType::of_field(field).to_string();
            ColumnDigest { name: field.name().clone(), column_type, hash: self.column_hash_at(*at) }
        };
        TableDigest { rows: self.rows as u64, columns: places.iter().map(column).collect() }
    }

    fn column_hash_at(&self, at: usize) -> Hash {
        *self.hashes[at].get_or_init(|| column_hash(self.schema.field(at), &self.pieces(at).pieces))
    }

    /// Hashes some columns, side by side where that pays.
    fn compute_hashes(&self, places: &[usize]) {
        if self.rows.saturating_mul(places.len()) < SMALL {
            for at in places {
                self.column_hash_at(*at);
            }
        } else {
            places.par_iter().for_each(|at| {
                self.column_hash_at(*at);
            });
        }
    }

    /// Takes a digest as known, such as one that a checksummed record holds.
    ///
    /// A digest of other columns or rows is not taken.
    #[must_use]
    pub fn with_digest(self, digest: TableDigest) -> Self {
        let fits = digest.rows == self.rows as u64 && digest.columns.len() == self.hashes.len();
        if fits && self.digest.get().is_none() {
            for (cell, column) in self.hashes.iter().zip(&digest.columns) {
                // A cell that is filled already holds the same hash.
                let _ = cell.set(column.hash);
            }
            let _ = self.digest.set(digest);
        }
        self
    }
}

/// Replaces the item at a place, or adds one at the end.
fn replace<T>(list: &mut Vec<T>, at: usize, item: T) {
    match list.get_mut(at) {
        Some(place) => *place = item,
        None => list.push(item),
    }
}

/// A column in pieces that need not be in normal form.
struct Pieces<'a> {
    name: &'a str,
    pieces: Vec<ArrayRef>,
}

impl Pieces<'_> {
    /// Cuts a range of rows out, in normal form.
    fn cut(&self, range: &Range<usize>) -> Result<ArrayRef, TableError> {
        let mut found = Vec::new();
        let mut start = 0;
        for piece in &self.pieces {
            let end = start + piece.len();
            let (from, to) = (range.start.max(start), range.end.min(end));
            if from < to {
                let part = if to - from == piece.len() {
                    Arc::clone(piece)
                } else {
                    piece.slice(from - start, to - from)
                };
                found.push(normal_array(&part).map_err(|error| column_error(self.name, error))?);
            }
            start = end;
        }
        join(&found).map_err(|error| column_error(self.name, error))
    }
}

fn column_error(name: &str, error: ArrowError) -> TableError {
    match error {
        ArrowError::OffsetOverflowError(_) => TableError::TooLarge(name.to_owned()),
        other => TableError::Arrow(other),
    }
}

/// Gives the row ranges of the batches of a table.
fn chunks(rows: usize) -> Vec<Range<usize>> {
    let starts = (0..rows).step_by(BATCH_ROWS);
    starts.map(|start| start..rows.min(start + BATCH_ROWS)).collect()
}

/// Makes each batch, side by side where that pays, and gives them in order.
fn each(
    ranges: &[Range<usize>],
    cells: usize,
    batch: impl Fn(Range<usize>) -> Result<RecordBatch, TableError> + Send + Sync,
) -> Result<Vec<RecordBatch>, TableError> {
    if ranges.len() < 2 || cells < SMALL {
        return ranges.iter().cloned().map(batch).collect();
    }
    // All are awaited, so that of several errors the first batch's is told.
    let batches: Vec<_> = ranges.par_iter().cloned().map(batch).collect();
    batches.into_iter().collect()
}

fn new_batch(
    schema: &SchemaRef,
    columns: Vec<ArrayRef>,
    rows: usize,
) -> Result<RecordBatch, TableError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

fn shape(what: &'static str, expected: usize, found: usize) -> Result<(), TableError> {
    if expected == found { Ok(()) } else { Err(TableError::Shape { what, expected, found }) }
}

/// Checks that batches have the columns of a normal schema, whatever their encoding.
fn check_shapes(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<(), TableError> {
    for batch in batches {
        shape("columns", schema.fields().len(), batch.num_columns())?;
        for (field, array) in schema.fields().iter().zip(batch.columns()) {
            same_type(field, array.data_type())?;
        }
    }
    Ok(())
}

fn same_type(field: &Field, found: &arrow::datatypes::DataType) -> Result<(), TableError> {
    if *field.data_type() == super::normal::normal_type(found) {
        return Ok(());
    }
    let show =
        |data_type: &arrow::datatypes::DataType| ColumnType::new(data_type.clone()).to_string();
    let (expected, found) = (show(field.data_type()), show(found));
    Err(TableError::Mismatch { name: field.name().clone(), expected, found })
}

fn same_fields(expected: &Schema, found: &Schema) -> Result<(), TableError> {
    shape("columns", expected.fields().len(), found.fields().len())?;
    for (one, other) in expected.fields().iter().zip(found.fields()) {
        if one.name() != other.name() {
            return Err(TableError::NoColumn(one.name().clone()));
        }
        same_type(one, other.data_type())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        DictionaryArray, Float64Array, Int64Array, LargeStringArray, ListArray, ListBuilder,
        StringArray, StringBuilder, StringViewArray, StructArray,
    };
    use arrow::buffer::{NullBuffer, OffsetBuffer};
    use arrow::compute::cast;
    use arrow::datatypes::{DataType, Int32Type};

    use super::*;

    fn table(columns: Vec<(&str, ArrayRef)>) -> Table {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        Table::new(batch.schema(), vec![batch]).unwrap()
    }

    fn ints(values: impl IntoIterator<Item = usize>) -> ArrayRef {
        let values = values.into_iter().map(|value| i64::try_from(value).unwrap());
        Arc::new(Int64Array::from_iter_values(values))
    }

    fn texts(values: &[Option<&str>]) -> ArrayRef {
        Arc::new(StringArray::from(values.to_vec()))
    }

    fn batch(column: ArrayRef) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable([("x", column, true)]).unwrap()
    }

    #[test]
    fn every_encoding_of_text_is_the_same_table() {
        let values = [Some("a"), None, Some("ccc"), Some("a"), Some("a text of many letters")];
        let plain = table(vec![("x", texts(&values))]);
        let encodings: Vec<ArrayRef> = vec![
            Arc::new(LargeStringArray::from(values.to_vec())),
            Arc::new(StringViewArray::from(values.to_vec())),
            Arc::new(values.into_iter().collect::<DictionaryArray<Int32Type>>()),
            cast(
                &texts(&values),
                &DataType::RunEndEncoded(
                    Arc::new(Field::new("run_ends", DataType::Int32, false)),
                    Arc::new(Field::new("values", DataType::Utf8, true)),
                ),
            )
            .unwrap(),
        ];
        for array in encodings {
            let kind = array.data_type().clone();
            let found = table(vec![("x", array)]);
            assert_eq!(found.schema(), plain.schema(), "{kind}");
            assert_eq!(found.batches(), plain.batches(), "{kind}");
            assert_eq!(found.digest(), plain.digest(), "{kind}");
        }
    }

    #[test]
    fn every_encoding_of_lists_is_the_same_table() {
        let mut builder = ListBuilder::new(StringBuilder::new());
        builder.append_value([Some("a"), None]);
        builder.append_null();
        builder.append_value([Some("b"), Some("c")]);
        let list: ArrayRef = Arc::new(builder.finish());
        let item = Arc::new(Field::new("element", DataType::Utf8View, true));
        let plain = table(vec![("x", Arc::clone(&list))]);
        for kind in [
            DataType::List(Arc::clone(&item)),
            DataType::LargeList(Arc::clone(&item)),
            DataType::ListView(Arc::clone(&item)),
            DataType::LargeListView(Arc::clone(&item)),
            DataType::FixedSizeList(item, 2),
        ] {
            let array = cast(&list, &kind).unwrap();
            let found = table(vec![("x", array)]);
            assert_eq!(found.schema(), plain.schema(), "{kind}");
            assert_eq!(found.digest(), plain.digest(), "{kind}");
        }
    }

    #[test]
    fn metadata_and_nullability_are_no_content() {
        let field = Field::new("x", DataType::Int64, false);
        let kept = [("mlp.categories".to_owned(), "[\"a\"]".to_owned())];
        let foreign = [("PANDAS".to_owned(), "x".to_owned())];
        let noted = field.with_metadata(kept.iter().chain(&foreign).cloned().collect());
        let schema = Schema::new_with_metadata(vec![noted], foreign.into_iter().collect());
        let found = Table::empty(Arc::new(schema));
        let expected =
            Field::new("x", DataType::Int64, true).with_metadata(kept.into_iter().collect());
        assert_eq!(found.schema().as_ref(), &Schema::new(vec![expected]));
    }

    #[test]
    fn batches_have_the_settled_length_and_share_what_fits() {
        let rows = 2 * BATCH_ROWS + 10;
        let whole = ints(0..rows);
        let pieces: Vec<RecordBatch> = [0..5, 5..5, 5..70_000, 70_000..rows]
            .map(|range| batch(whole.slice(range.start, range.len())))
            .into();
        let table = Table::new(pieces[0].schema(), pieces).unwrap();
        let lengths: Vec<usize> = table.batches().iter().map(RecordBatch::num_rows).collect();
        assert_eq!(lengths, [BATCH_ROWS, BATCH_ROWS, 10]);
        assert_eq!(table.rows(), rows);
        let again = Table::new(Arc::clone(table.schema()), table.batches().to_vec()).unwrap();
        for (one, other) in table.batches().iter().zip(again.batches()) {
            assert!(one.column(0).to_data().ptr_eq(&other.column(0).to_data()));
        }
    }

    #[test]
    fn take_gathers_in_the_given_order() {
        let rows = BATCH_ROWS + 3;
        let all = table(vec![("x", ints(0..rows))]);
        let found = all.take(&[rows - 1, 0, 0, BATCH_ROWS]).unwrap();
        let expected = ints([rows - 1, 0, 0, BATCH_ROWS]);
        assert_eq!(found.column("x").unwrap(), [expected]);
        let error = all.take(&[rows]).unwrap_err().to_string();
        assert_eq!(error, "the table has 65539 rows, so no row 65539");
        assert_eq!(all.take(&[]).unwrap().rows(), 0);
        assert_eq!(Table::empty(Arc::clone(all.schema())).take(&[]).unwrap().rows(), 0);
    }

    #[test]
    fn filter_and_slice_cross_batches() {
        let rows = 2 * BATCH_ROWS;
        let all = table(vec![("x", ints(0..rows))]);
        let mask: BooleanArray = (0..rows).map(|row| Some(row % 65_000 == 7)).collect();
        let expected = ints([7, 65_007, 130_007]);
        assert_eq!(all.filter(&mask).unwrap().column("x").unwrap(), [expected]);
        let part = all.slice(BATCH_ROWS - 1..BATCH_ROWS + 1).unwrap();
        assert_eq!(part.column("x").unwrap(), [ints([65_535, 65_536])]);
        assert_eq!(all.slice(rows - 1..rows + 9).unwrap().rows(), 1);
        assert!(all.filter(&mask.slice(0, 9)).is_err());
    }

    #[test]
    fn columns_come_go_and_change_names() {
        let first = table(vec![("a", ints([1, 2])), ("b", ints([3, 4]))]);
        let field = |name: &str| Field::new(name, DataType::Int64, true);
        let found =
            first.with_columns(vec![(field("a"), ints([5, 6])), (field("c"), ints([7, 8]))]);
        let expected = table(vec![("a", ints([5, 6])), ("b", ints([3, 4])), ("c", ints([7, 8]))]);
        assert_eq!(found.as_ref().unwrap().digest(), expected.digest());
        let renamed = found.unwrap().project(&["c", "b"]).unwrap().rename(&[("c", "x")]).unwrap();
        let expected = table(vec![("x", ints([7, 8])), ("b", ints([3, 4]))]);
        assert_eq!(renamed.digest(), expected.digest());
        assert_eq!(renamed.batches(), expected.batches());
        let joined = Table::concat(&[expected.clone(), expected.clone()]).unwrap();
        assert_eq!(joined.column("x").unwrap(), [ints([7, 8, 7, 8])]);
        assert_eq!(joined.project(&[]).unwrap().rows(), 4);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let first = table(vec![("a", ints([1, 2])), ("b", ints([3, 4]))]);
        let message = |found: Result<Table, TableError>| found.unwrap_err().to_string();
        assert_eq!(message(first.project(&["z"])), "the table has no column `z`");
        assert_eq!(message(first.project(&["a", "a"])), "the table has two columns `a`");
        assert_eq!(message(first.rename(&[("a", "b")])), "the table has two columns `b`");
        assert_eq!(message(Table::concat(&[])), "expected 1 tables to join and found 0");
        let field = Field::new("c", DataType::Int64, true);
        let short = first.with_columns(vec![(field.clone(), ints([1]))]);
        assert_eq!(message(short), "expected 2 rows and found 1");
        let wrong = Table::new(Arc::new(Schema::new(vec![field])), vec![batch(texts(&[None]))]);
        assert_eq!(message(wrong), "the column `c` should be `int` and is `text`");
    }

    #[test]
    fn texts_of_two_gibibytes_are_an_error_not_a_panic() {
        // One long text, referred to by many rows: 65,536 × 40,000 bytes once it is decoded.
        let long = "x".repeat(40_000);
        let values: ArrayRef = Arc::new(StringArray::from(vec![long.as_str()]));
        let keys = arrow::array::Int32Array::from(vec![0; BATCH_ROWS]);
        let column: ArrayRef = Arc::new(DictionaryArray::new(keys, values));
        let batch = batch(column);
        let found = Table::new(batch.schema(), vec![batch]).unwrap_err().to_string();
        assert_eq!(found, "the column `x` has more than 2 GiB of text or items in 65,536 rows");
        let small = table(vec![("x", texts(&[Some(&long)]))]);
        assert!(matches!(small.take(&vec![0; BATCH_ROWS]), Err(TableError::TooLarge(_))));
    }

    #[test]
    fn unions_are_refused() {
        let fields = arrow::datatypes::UnionFields::empty();
        let kind = DataType::Union(fields, arrow::datatypes::UnionMode::Sparse);
        let schema = Arc::new(Schema::new(vec![Field::new("u", kind, true)]));
        assert!(matches!(Table::new(schema, Vec::new()), Err(TableError::Unsupported { .. })));
    }

    #[test]
    fn what_lies_under_a_null_is_no_content() {
        let nulls = || Some(NullBuffer::from(vec![true, false, true]));
        let numbers =
            |middle| -> ArrayRef { Arc::new(Int64Array::new(vec![1, middle, 3].into(), nulls())) };
        let floats = |middle| -> ArrayRef {
            Arc::new(Float64Array::new(vec![1.0, middle, 3.0].into(), nulls()))
        };
        let text = |middle: &str| -> ArrayRef {
            let plain = StringArray::from(vec!["a", middle, "c"]);
            Arc::new(StringArray::new(plain.offsets().clone(), plain.values().clone(), nulls()))
        };
        let list = |middle: usize| -> ArrayRef {
            let items: Vec<usize> =
                std::iter::once(1).chain((0..middle).map(|_| 9)).chain([3]).collect();
            let item = Arc::new(Field::new("item", DataType::Int64, true));
            let offsets = OffsetBuffer::from_lengths([1, middle, 1]);
            Arc::new(ListArray::new(item, offsets, ints(items), nulls()))
        };
        let structure = |middle| -> ArrayRef {
            let fields = vec![Field::new("a", DataType::Int64, true)].into();
            Arc::new(StructArray::new(fields, vec![ints([1, middle, 3])], nulls()))
        };
        let all = |a, b, c, d, e| {
            table(vec![
                ("a", numbers(a)),
                ("b", floats(b)),
                ("c", text(c)),
                ("d", list(d)),
                ("e", structure(e)),
            ])
        };
        let one = all(0, 0.0, "", 0, 0);
        let other = all(7, f64::NAN, "garbage", 5, 9);
        assert_eq!(one.digest(), other.digest());
        assert_eq!(
            Table::concat(&[one.clone(), other.clone()]).unwrap().digest(),
            Table::concat(&[other, one]).unwrap().digest()
        );
    }
}
