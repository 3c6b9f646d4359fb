//! Content hashes of tables: what the values say, not how they are laid out.
//!
//! A column's hash depends on its type, its values and which are null; not on batches, offsets,
//! compression, or what lies under a null. All NaN are one value; `-0.0` is not `0.0`.
//! Tables come in batches of a settled length, so each batch is hashed by itself, on any thread,
//! and the column's hash is that of its batches' hashes in order.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, FixedSizeBinaryArray, RecordBatch};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{DataType, Field, Float16Type, Float32Type, Float64Type, Schema};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::hash::{Hash, Hasher};
use super::normal::{list_items, map_items, span};
use super::types::ColumnType;

/// The content of one column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnDigest {
    /// The column's name.
    pub name: String,
    /// Its type in the language's words.
    #[serde(rename = "type")]
    pub column_type: String,
    /// The hash of its values and type, not of its name.
    pub hash: Hash,
}

/// The content of a table: its columns, hashed one by one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableDigest {
    /// How many rows there are.
    pub rows: u64,
    /// The columns in order.
    pub columns: Vec<ColumnDigest>,
}

impl TableDigest {
    /// Gives the hash of the whole table.
    #[must_use]
    pub fn hash(&self) -> Hash {
        hash_of(self.rows, self.columns.iter())
    }

    /// Gives the content of a column.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&ColumnDigest> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Gives the hash of some columns, in this order, and the number of rows; nothing if one of
    /// them isn't there.
    #[must_use]
    pub fn columns_hash(&self, names: &[&str]) -> Option<Hash> {
        let columns = names.iter().map(|name| self.column(name)).collect::<Option<Vec<_>>>()?;
        Some(hash_of(self.rows, columns.into_iter()))
    }
}

fn hash_of<'a>(rows: u64, columns: impl Iterator<Item = &'a ColumnDigest>) -> Hash {
    let mut hasher = Hasher::new();
    hasher.text("mlp table 1").update(&rows.to_le_bytes());
    for column in columns {
        hasher.text(&column.name).text(&column.column_type).update(column.hash.as_bytes());
    }
    hasher.finish()
}

/// Hashes a column: its type, what the language knows of it, and its values.
pub(super) fn column_hash(field: &Field, batches: &[ArrayRef]) -> Hash {
    // The order of the results is that of the batches, whichever thread is first.
    let hashes: Vec<Hash> = match batches {
        [_, _, ..] => batches.par_iter().map(values_hash).collect(),
        _ => batches.iter().map(values_hash).collect(),
    };
    let mut hasher = column_hasher(field);
    for hash in hashes {
        hasher.update(hash.as_bytes());
    }
    hasher.finish()
}

/// Begins the hash of a column with what is known of it before its values.
fn column_hasher(field: &Field) -> Hasher {
    let mut hasher = Hasher::new();
    hasher.text(&ColumnType::of_field(field).to_string());
    for (key, value) in field.metadata().iter().collect::<BTreeMap<_, _>>() {
        hasher.text(key).text(value);
    }
    hasher
}

/// Hashes the values of a batch of a column.
fn values_hash(array: &ArrayRef) -> Hash {
    let mut values = Hasher::new();
    feed(&mut values, array.as_ref(), array.logical_nulls().as_ref());
    values.finish()
}

/// Digests a table batch by batch, as its batches of normal form go by.
#[derive(Debug)]
pub(super) struct Digester {
    rows: u64,
    columns: Vec<(ColumnDigest, Hasher)>,
}

impl Digester {
    /// Begins with the columns of a normal schema.
    pub(super) fn new(schema: &Schema) -> Self {
        let column = |field: &Arc<Field>| {
            let column_type = ColumnType::of_field(field).to_string();
            let hasher = column_hasher(field);
            let hash = hasher.finish();
            (ColumnDigest { name: field.name().clone(), column_type, hash }, hasher)
        };
        Self { rows: 0, columns: schema.fields().iter().map(column).collect() }
    }

    /// Takes the next batch.
    pub(super) fn push(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows() as u64;
        let hashes: Vec<Hash> = batch.columns().par_iter().map(values_hash).collect();
        for ((_, hasher), hash) in self.columns.iter_mut().zip(hashes) {
            hasher.update(hash.as_bytes());
        }
    }

    /// Gives the digest of all that was taken.
    pub(super) fn finish(self) -> TableDigest {
        let column = |(column, hasher): (ColumnDigest, Hasher)| ColumnDigest {
            hash: hasher.finish(),
            ..column
        };
        TableDigest { rows: self.rows, columns: self.columns.into_iter().map(column).collect() }
    }
}

/// Feeds the values of an array; `nulls` stands for the array's own nulls.
///
/// Lengths go first, so that no two different arrays feed the same bytes.
fn feed(hasher: &mut Hasher, array: &dyn Array, nulls: Option<&NullBuffer>) {
    let nulls = nulls.filter(|nulls| nulls.null_count() > 0);
    hasher.update(&(array.len() as u64).to_le_bytes());
    hasher.update(&(nulls.map_or(0, NullBuffer::null_count) as u64).to_le_bytes());
    if let Some(nulls) = nulls {
        feed_bits(hasher, nulls.inner());
    }
    match array.data_type() {
        DataType::Null => {}
        DataType::Boolean => feed_booleans(hasher, array.as_boolean(), nulls),
        DataType::Float16 => {
            let values = array.as_primitive::<Float16Type>().values();
            feed_floats(hasher, array, nulls, values.iter().fold(false, |nan, x| nan | x.is_nan()));
        }
        DataType::Float32 => {
            let values = array.as_primitive::<Float32Type>().values();
            feed_floats(hasher, array, nulls, values.iter().fold(false, |nan, x| nan | x.is_nan()));
        }
        DataType::Float64 => {
            let values = array.as_primitive::<Float64Type>().values();
            feed_floats(hasher, array, nulls, values.iter().fold(false, |nan, x| nan | x.is_nan()));
        }
        DataType::Utf8 => {
            let array = array.as_string::<i32>();
            feed_bytes(hasher, array.value_offsets(), array.value_data(), nulls);
        }
        DataType::Binary => {
            let array = array.as_binary::<i32>();
            feed_bytes(hasher, array.value_offsets(), array.value_data(), nulls);
        }
        DataType::FixedSizeBinary(_) => {
            let array: &FixedSizeBinaryArray = array.as_fixed_size_binary();
            let width = usize::try_from(array.value_length()).unwrap_or(0);
            feed_fixed(hasher, array.value_data(), width, nulls);
        }
        DataType::Struct(_) => {
            for child in array.as_struct().columns() {
                let both = NullBuffer::union(nulls, child.logical_nulls().as_ref());
                feed(hasher, child.as_ref(), both.as_ref());
            }
        }
        DataType::List(_) => {
            let array = array.as_list::<i32>();
            feed_lists(hasher, array.value_offsets(), &list_items(array), nulls);
        }
        DataType::Map(..) => {
            let array = array.as_map();
            feed_lists(hasher, array.value_offsets(), &map_items(array), nulls);
        }
        other => {
            let width = other.primitive_width().unwrap_or(0);
            feed_fixed(hasher, &primitive_bytes(array, width), width, nulls);
        }
    }
}

/// Feeds bits packed from the first one; bits past the end are nought.
fn feed_bits(hasher: &mut Hasher, bits: &BooleanBuffer) {
    let packed = bits.sliced();
    let whole = bits.len() / 8;
    hasher.update(&packed.as_slice()[..whole]);
    let rest = bits.len() % 8;
    if rest > 0 {
        let last = packed.as_slice().get(whole).copied().unwrap_or(0);
        hasher.update(&[last & ((1 << rest) - 1)]);
    }
}

fn feed_booleans(hasher: &mut Hasher, array: &BooleanArray, nulls: Option<&NullBuffer>) {
    match nulls {
        Some(nulls) => feed_bits(hasher, &(array.values() & nulls.inner())),
        None => feed_bits(hasher, array.values()),
    }
}

/// Gives the bytes of an array of fixed width, from its first value to its last.
fn primitive_bytes(array: &dyn Array, width: usize) -> arrow::buffer::Buffer {
    let data = array.to_data();
    let (start, length) = (data.offset() * width, data.len() * width);
    match data.buffers().first() {
        Some(buffer) if buffer.len() >= start + length => buffer.slice_with_length(start, length),
        _ => arrow::buffer::Buffer::from(Vec::<u8>::new()),
    }
}

/// Feeds floats so that every NaN is the same.
fn feed_floats(hasher: &mut Hasher, array: &dyn Array, nulls: Option<&NullBuffer>, nan: bool) {
    let width = array.data_type().primitive_width().unwrap_or(0);
    let bytes = primitive_bytes(array, width);
    if !nan {
        return feed_fixed(hasher, &bytes, width, nulls);
    }
    let mut bytes = bytes.to_vec();
    for value in bytes.chunks_exact_mut(width.max(1)) {
        match value {
            [_, _] => one_nan(value, 0x7c00, 0x03ff, 0x7e00),
            [_, _, _, _] => one_nan(value, 0x7f80_0000, 0x007f_ffff, 0x7fc0_0000),
            _ => {
                one_nan(value, 0x7ff0_0000_0000_0000, 0x000f_ffff_ffff_ffff, 0x7ff8_0000_0000_0000);
            }
        }
    }
    feed_fixed(hasher, &bytes, width, nulls);
}

/// Makes a float's little-endian bytes the one NaN if its exponent is full and its fraction isn't nought.
fn one_nan(value: &mut [u8], exponent: u64, fraction: u64, nan: u64) {
    let mut bits = [0; 8];
    let width = value.len().min(8);
    bits[..width].copy_from_slice(&value[..width]);
    let bits = u64::from_le_bytes(bits);
    if bits & exponent == exponent && bits & fraction != 0 {
        value.copy_from_slice(&nan.to_le_bytes()[..width]);
    }
}

/// Feeds values of one width, those of nulls as noughts.
fn feed_fixed(hasher: &mut Hasher, bytes: &[u8], width: usize, nulls: Option<&NullBuffer>) {
    let Some(nulls) = nulls else {
        hasher.update(bytes);
        return;
    };
    let mut clean = vec![0; bytes.len()];
    for (start, end) in nulls.valid_slices() {
        let range = start * width..end * width;
        clean[range.clone()].copy_from_slice(&bytes[range]);
    }
    hasher.update(&clean);
}

/// Feeds the length of each text, nought for nulls, then the bytes of those that are there.
fn feed_bytes(hasher: &mut Hasher, offsets: &[i32], bytes: &[u8], nulls: Option<&NullBuffer>) {
    let (first, last) = span(offsets);
    if feed_lengths(hasher, offsets, nulls) == last - first {
        hasher.update(&bytes[first..last]);
        return;
    }
    for (start, end) in valid_spans(offsets, nulls) {
        hasher.update(&bytes[start..end]);
    }
}

/// Gives the sum of the lengths too.
fn feed_lengths(hasher: &mut Hasher, offsets: &[i32], nulls: Option<&NullBuffer>) -> usize {
    let mut bytes = Vec::with_capacity(offsets.len() * 4);
    let mut total = 0;
    for (row, pair) in offsets.windows(2).enumerate() {
        let valid = nulls.is_none_or(|nulls| nulls.is_valid(row));
        let length = if valid { pair[1].wrapping_sub(pair[0]) } else { 0 };
        total += usize::try_from(length).unwrap_or(0);
        bytes.extend_from_slice(&length.to_le_bytes());
    }
    hasher.update(&bytes);
    total
}

/// Gives the ranges of bytes or items that belong to rows which aren't null.
fn valid_spans(offsets: &[i32], nulls: Option<&NullBuffer>) -> Vec<(usize, usize)> {
    match nulls {
        None => vec![span(offsets)],
        Some(nulls) => {
            nulls.valid_slices().map(|(start, end)| span(&offsets[start..=end])).collect()
        }
    }
}

/// Feeds the length of each list, nought for nulls, then the items of those that are there.
fn feed_lists(hasher: &mut Hasher, offsets: &[i32], items: &ArrayRef, nulls: Option<&NullBuffer>) {
    if feed_lengths(hasher, offsets, nulls) == items.len() {
        return feed(hasher, items.as_ref(), items.logical_nulls().as_ref());
    }
    let base = span(offsets).0;
    let spans = valid_spans(offsets, nulls).into_iter().filter(|(start, end)| start < end);
    // The empty slice gives `concat` a type even if every list is null.
    let empty = std::iter::once((base, base));
    let pieces: Vec<ArrayRef> =
        empty.chain(spans).map(|(start, end)| items.slice(start - base, end - start)).collect();
    let pieces: Vec<&dyn Array> = pieces.iter().map(AsRef::as_ref).collect();
    // Parts of one array always join.
    let items = arrow::compute::concat(&pieces).unwrap_or_else(|_| items.slice(0, 0));
    feed(hasher, items.as_ref(), items.logical_nulls().as_ref());
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        Float32Array, Float64Array, Int32Array, Int64Array, Int64Builder, LargeStringArray,
        ListBuilder, MapBuilder, RecordBatch, StringArray, StringBuilder, StringViewArray,
        StructArray, UInt64Array,
    };
    use arrow::compute::concat;
    use arrow::datatypes::Fields;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::data::{BATCH_ROWS, Table};

    fn digest(columns: Vec<(&str, ArrayRef)>) -> TableDigest {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        Table::new(batch.schema(), vec![batch]).unwrap().digest().clone()
    }

    fn of(array: impl Array + 'static) -> Hash {
        digest(vec![("x", Arc::new(array))]).hash()
    }

    #[test]
    fn all_nans_are_one_value_and_minus_zero_is_not_zero() {
        let odd = f64::from_bits(0xfff8_0000_0000_1234);
        assert_eq!(
            of(Float64Array::from(vec![1.0, f64::NAN])),
            of(Float64Array::from(vec![1.0, odd]))
        );
        let odd = f32::from_bits(0xff80_0001);
        assert_eq!(of(Float32Array::from(vec![f32::NAN])), of(Float32Array::from(vec![odd])));
        assert_ne!(of(Float64Array::from(vec![0.0])), of(Float64Array::from(vec![-0.0])));
        assert_ne!(
            of(Float64Array::from(vec![f64::INFINITY])),
            of(Float64Array::from(vec![f64::NAN]))
        );
    }

    #[test]
    fn any_change_of_meaning_changes_the_hash() {
        let hashes = [
            of(Int64Array::from(vec![1, 2])),
            of(Int64Array::from(vec![2, 1])),
            of(Int64Array::from(vec![1, 2, 0])),
            of(Int64Array::from(vec![Some(1), Some(2), None])),
            of(Int64Array::from(vec![Some(1), None, Some(2)])),
            of(Int32Array::from(vec![1, 2])),
            of(Float64Array::from(vec![1.0, 2.0])),
            of(StringArray::from(vec!["1", "2"])),
            of(StringArray::from(vec!["12", ""])),
            of(StringArray::from(vec![Some("12"), None])),
            of(BooleanArray::from(vec![true, false])),
            of(BooleanArray::from(vec![Some(true), None])),
            digest(vec![("y", Arc::new(Int64Array::from(vec![1, 2])))]).hash(),
        ];
        for (at, hash) in hashes.iter().enumerate() {
            assert_eq!(hashes.iter().position(|other| other == hash), Some(at));
        }
    }

    #[test]
    fn chosen_columns_are_hashed_by_name_and_order() {
        let column = |value: i64| -> ArrayRef { Arc::new(Int64Array::from(vec![value])) };
        let wide = digest(vec![("a", column(1)), ("b", column(2)), ("c", column(3))]);
        let other = digest(vec![("a", column(1)), ("b", column(9)), ("c", column(3))]);
        assert_eq!(wide.columns_hash(&["a", "c"]), other.columns_hash(&["a", "c"]));
        assert_ne!(wide.columns_hash(&["a", "b"]), other.columns_hash(&["a", "b"]));
        assert_ne!(wide.columns_hash(&["a", "c"]), wide.columns_hash(&["c", "a"]));
        assert_eq!(wide.columns_hash(&["a", "z"]), None);
        assert_eq!(wide.columns_hash(&["a", "b", "c"]), Some(wide.hash()));
        let json = serde_json::to_string(&wide).unwrap();
        assert_eq!(serde_json::from_str::<TableDigest>(&json).unwrap(), wide);
    }

    #[test]
    fn the_hash_is_settled_for_all_time() {
        let found = digest(vec![
            ("n", Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]))),
            ("t", Arc::new(StringArray::from(vec![Some("a"), Some(""), None]))),
        ]);
        // A change here makes every cache and lock file stale: raise the format's number then.
        assert_eq!(found.hash().short(), "59686e5892");
    }

    fn every_type() -> Vec<ArrayRef> {
        let numbers = Int64Array::from(vec![Some(5), Some(70), None, Some(3), Some(9)]);
        let texts = StringArray::from(vec![Some("aa"), Some("bb"), None, Some("cc"), Some("dd")]);
        let words = [
            "int8",
            "int16",
            "int32",
            "int",
            "uint8",
            "uint16",
            "uint32",
            "uint64",
            "float16",
            "float32",
            "float",
            "bool",
            "text",
            "date",
            "date64",
            "time_s",
            "time_ms",
            "time_us",
            "time_ns",
            "timestamp_s",
            "timestamp_ms",
            "timestamp",
            "timestamp_ns",
            "timestamp_tz(\"UTC\")",
            "duration_s",
            "duration",
            "interval_months",
            "interval_days",
            "interval",
            "decimal32(4, 1)",
            "decimal64(9, 2)",
            "decimal(9, 2)",
            "decimal256(40, 2)",
        ];
        let mut arrays: Vec<ArrayRef> = Vec::new();
        for word in words {
            let kind = word.parse::<ColumnType>().unwrap().arrow;
            let array = arrow::compute::cast(&numbers, &kind).or_else(|_| {
                let narrow = arrow::compute::cast(&numbers, &DataType::Int32)?;
                arrow::compute::cast(&narrow, &kind)
            });
            arrays.push(array.unwrap_or_else(|_| arrow::array::new_null_array(&kind, 5)));
        }
        let binary = arrow::compute::cast(&texts, &DataType::Binary).unwrap();
        arrays.push(arrow::compute::cast(&binary, &DataType::FixedSizeBinary(2)).unwrap());
        arrays.push(binary);
        let mut maps = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
        for row in 0..5 {
            (0..row).for_each(|at| maps.keys().append_value(at.to_string()));
            (0..row).for_each(|at| maps.values().append_option((at != 1).then_some(row)));
            maps.append(row != 2).unwrap();
        }
        arrays.push(Arc::new(maps.finish()));
        arrays
    }

    #[test]
    fn every_type_is_hashed_by_its_values_alone() {
        let take = |array: &ArrayRef, rows: &[u64]| {
            let rows = UInt64Array::from(rows.to_vec());
            arrow::compute::take(array, &rows, None).unwrap()
        };
        let hash = |array: ArrayRef| digest(vec![("x", array)]).hash();
        for array in every_type() {
            let kind = array.data_type().clone();
            let slice = hash(array.slice(1, 3));
            assert_eq!(slice, hash(take(&array, &[1, 2, 3])), "{kind}");
            if array.null_count() < 5 && kind != DataType::Boolean {
                assert_ne!(slice, hash(take(&array, &[3, 2, 1])), "{kind}");
                assert_ne!(slice, hash(take(&array, &[1, 2, 4])), "{kind}");
            }
        }
    }

    type Row = (Option<i64>, Option<f64>, Option<String>, Option<Vec<Option<String>>>);

    fn row() -> impl Strategy<Value = Row> {
        let text = "[a-zé]{0,20}";
        let float = prop_oneof![any::<f64>(), Just(f64::NAN), Just(-0.0)];
        (
            proptest::option::of(any::<i64>()),
            proptest::option::of(float),
            proptest::option::of(text),
            proptest::option::of(vec(proptest::option::of(text), 0..4)),
        )
    }

    /// Makes the columns of some rows, with texts in one of three encodings.
    fn columns(rows: &[Row], encoding: u8) -> Vec<ArrayRef> {
        let texts = || rows.iter().map(|row| row.2.as_deref());
        let text: ArrayRef = match encoding % 3 {
            0 => Arc::new(texts().collect::<StringArray>()),
            1 => Arc::new(texts().collect::<LargeStringArray>()),
            _ => Arc::new(texts().collect::<StringViewArray>()),
        };
        let mut lists = ListBuilder::new(StringBuilder::new());
        for row in rows {
            lists.append_option(row.3.clone());
        }
        let number: ArrayRef = Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>());
        let float: ArrayRef = Arc::new(rows.iter().map(|row| row.1).collect::<Float64Array>());
        let fields: Fields = vec![
            Field::new("n", DataType::Int64, true),
            Field::new("t", text.data_type().clone(), true),
        ]
        .into();
        let nulls = rows.iter().map(|row| row.1.is_some()).collect::<Vec<bool>>();
        let nested = StructArray::new(
            fields,
            vec![Arc::clone(&number), Arc::clone(&text)],
            Some(nulls.into()),
        );
        vec![number, float, text, Arc::new(lists.finish()), Arc::new(nested)]
    }

    fn batch(columns: Vec<ArrayRef>) -> RecordBatch {
        let named = columns.into_iter().zip(["n", "f", "t", "l", "s"]);
        RecordBatch::try_from_iter_with_nullable(named.map(|(array, name)| (name, array, true)))
            .unwrap()
    }

    proptest! {
        #[test]
        fn batches_and_encodings_do_not_count(
            rows in vec(row(), 1..60),
            cuts in vec((1usize..20, any::<u8>()), 1..20),
        ) {
            let whole = batch(columns(&rows, 0));
            let expected = Table::new(whole.schema(), vec![whole]).unwrap();
            let mut rest = rows.as_slice();
            let mut pieces = Vec::new();
            for (length, encoding) in cuts.iter().cycle() {
                let (piece, later) = rest.split_at((*length).min(rest.len()));
                // A row before and one after, so that the piece is a slice with an offset.
                let wide = [&rows[..1], piece, &rows[..1]].concat();
                pieces.push(batch(columns(&wide, *encoding)).slice(1, piece.len()));
                rest = later;
                if rest.is_empty() { break; }
            }
            let found = Table::new(Arc::clone(expected.schema()), pieces).unwrap();
            prop_assert_eq!(found.digest(), expected.digest());
            prop_assert_eq!(found.schema(), expected.schema());
        }

        #[test]
        fn one_changed_cell_changes_its_column_alone(
            rows in vec(row(), 1..40),
            at in any::<prop::sample::Index>(),
            other in row(),
        ) {
            let at = at.index(rows.len());
            let mut changed = rows.clone();
            changed[at].2 = other.2;
            let table = |rows: &[Row]| {
                let batch = batch(columns(rows, 0));
                Table::new(batch.schema(), vec![batch]).unwrap().digest().clone()
            };
            let (before, after) = (table(&rows), table(&changed));
            let same = rows[at].2 == changed[at].2;
            prop_assert_eq!(before.column("t") == after.column("t"), same);
            prop_assert_eq!(before.column("n"), after.column("n"));
            prop_assert_eq!(before.column("l"), after.column("l"));
        }
    }

    #[test]
    fn threads_do_not_count() {
        let rows = 3 * BATCH_ROWS + 17;
        let numbers = (0..i64::try_from(rows).unwrap()).collect::<Int64Array>();
        let numbers: ArrayRef = Arc::new(numbers);
        let texts: ArrayRef =
            Arc::new((0..rows).map(|row| Some(row.to_string())).collect::<StringArray>());
        let hash = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let columns = vec![("n", Arc::clone(&numbers)), ("t", Arc::clone(&texts))];
            pool.install(|| digest(columns).hash())
        };
        assert_eq!(hash(1), hash(4));
        let halves = [numbers.slice(0, 1000), numbers.slice(1000, rows - 1000)];
        let joined = concat(&[halves[0].as_ref(), halves[1].as_ref()]).unwrap();
        assert_eq!(of(Int64Array::from(joined.to_data())), of(Int64Array::from(numbers.to_data())));
    }
}
