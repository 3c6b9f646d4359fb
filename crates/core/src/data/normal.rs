//! The normal form of types and arrays: one encoding for each kind of value.
//!
//! Readers and SQL hand over the same values as dictionaries, views, runs or large offsets; here
//! they become the one plain encoding, without a copy where they have it already. Knows nothing of
//! tables or hashes.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, FixedSizeListArray, GenericByteArray,
    GenericByteBuilder, GenericByteViewArray, GenericListArray, GenericListViewArray, ListArray,
    MapArray, OffsetSizeTrait, RunArray, StringArray, StructArray, UInt64Array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::{concat, take};
use arrow::datatypes::{
    BinaryViewType, ByteArrayType, ByteViewType, DataType, Field, FieldRef, Fields, Int16Type,
    Int32Type, Int64Type, LargeBinaryType, LargeUtf8Type, RunEndIndexType, Schema, SchemaRef,
    StringViewType,
};
use arrow::error::ArrowError;

use super::table::TableError;
use super::types::{list_item, map_entries};

/// How deep types may nest.
const MAX_DEPTH: usize = 64;

/// What the keys of metadata that a table keeps begin with.
const KEPT: &str = "mlp.";

/// Gives the schema of the normal form: plain types, all nullable, no foreign metadata.
///
/// # Errors
///
/// Refuses unions, types nested too deep, and two columns of one name.
pub(super) fn normal_schema(schema: SchemaRef) -> Result<SchemaRef, TableError> {
    let mut fields: Vec<FieldRef> = Vec::with_capacity(schema.fields().len());
    let mut names = std::collections::HashSet::new();
    for field in schema.fields() {
        if !names.insert(field.name()) {
            return Err(TableError::DoubledColumn(field.name().clone()));
        }
        if !is_supported(field.data_type(), 0) {
            let (name, kind) = (field.name().clone(), field.data_type().to_string());
            return Err(TableError::Unsupported { name, kind });
        }
        fields.push(normal_field(field));
    }
    let same = schema.metadata().is_empty() && fields == schema.fields().to_vec();
    Ok(if same { schema } else { Arc::new(Schema::new(fields)) })
}

fn is_supported(data_type: &DataType, depth: usize) -> bool {
    if depth > MAX_DEPTH {
        return false;
    }
    let inner = |field: &FieldRef| is_supported(field.data_type(), depth + 1);
    match data_type {
        DataType::Union(..) => false,
        DataType::Dictionary(_, value) => is_supported(value, depth + 1),
        DataType::RunEndEncoded(_, value) => inner(value),
        DataType::Struct(fields) => fields.iter().all(inner),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => inner(item),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(parts) => parts.len() == 2 && parts.iter().all(inner),
            _ => false,
        },
        _ => true,
    }
}

fn normal_field(field: &FieldRef) -> FieldRef {
    let kept = |(key, _): &(&String, &String)| key.starts_with(KEPT);
    let owned = |(key, value): (&String, &String)| (key.clone(), value.clone());
    let metadata: HashMap<_, _> = field.metadata().iter().filter(kept).map(owned).collect();
    let plain = Field::new(field.name(), normal_type(field.data_type()), true);
    let plain = plain.with_metadata(metadata);
    if **field == plain { Arc::clone(field) } else { Arc::new(plain) }
}

/// Gives the type that a type's values have in the normal form.
pub(super) fn normal_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(_, value) => normal_type(value),
        DataType::RunEndEncoded(_, value) => normal_type(value.data_type()),
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        DataType::Struct(fields) => DataType::Struct(normal_fields(fields)),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => {
            DataType::List(list_item(normal_type(item.data_type())))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(parts) if parts.len() == 2 => {
                let part = |at: usize| normal_type(parts[at].data_type());
                DataType::Map(map_entries(part(0), part(1)), false)
            }
            _ => data_type.clone(),
        },
        other => other.clone(),
    }
}

fn normal_fields(fields: &Fields) -> Fields {
    fields.iter().map(normal_field).collect()
}

/// Gives an array's values in the normal form; shares what is in it already.
///
/// # Errors
///
/// Refuses texts and lists of more than 2³¹ bytes or items in one array.
pub(super) fn normal_array(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match array.data_type() {
        plain if *plain == normal_type(plain) => Ok(Arc::clone(array)),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            take(&normal_array(dictionary.values())?, dictionary.keys(), None)
        }
        DataType::RunEndEncoded(ends, _) => match ends.data_type() {
            DataType::Int16 => runs(array.as_run::<Int16Type>()),
            DataType::Int32 => runs(array.as_run::<Int32Type>()),
            _ => runs(array.as_run::<Int64Type>()),
        },
        DataType::Utf8View => views::<StringViewType, arrow::datatypes::Utf8Type>(array),
        DataType::BinaryView => views::<BinaryViewType, arrow::datatypes::BinaryType>(array),
        DataType::LargeUtf8 => {
            let (offsets, values, nulls) = small_bytes(array.as_bytes::<LargeUtf8Type>())?;
            Ok(Arc::new(StringArray::try_new(offsets, values, nulls)?))
        }
        DataType::LargeBinary => {
            let (offsets, values, nulls) = small_bytes(array.as_bytes::<LargeBinaryType>())?;
            Ok(Arc::new(BinaryArray::try_new(offsets, values, nulls)?))
        }
        DataType::Struct(_) => structure(array.as_struct()).map(|array| Arc::new(array) as _),
        DataType::List(_) => list(array.as_list::<i32>()),
        DataType::LargeList(_) => list(array.as_list::<i64>()),
        DataType::ListView(_) => list_view(array.as_list_view::<i32>()),
        DataType::LargeListView(_) => list_view(array.as_list_view::<i64>()),
        DataType::FixedSizeList(..) => fixed_list(array.as_fixed_size_list()),
        DataType::Map(..) => map(array.as_map()),
        _ => Ok(Arc::clone(array)),
    }
}

fn too_large() -> ArrowError {
    ArrowError::OffsetOverflowError(i32::MAX as usize)
}

fn runs<R: RunEndIndexType>(array: &RunArray<R>) -> Result<ArrayRef, ArrowError> {
    let rows = (0..array.len()).map(|row| array.get_physical_index(row) as u64);
    take(&normal_array(array.values())?, &UInt64Array::from_iter_values(rows), None)
}

fn views<V, B>(array: &ArrayRef) -> Result<ArrayRef, ArrowError>
where
    V: ByteViewType,
    B: ByteArrayType<Native = V::Native>,
{
    let array: &GenericByteViewArray<V> = array.as_byte_view();
    let length = |value: &V::Native| AsRef::<[u8]>::as_ref(value).len();
    let bytes: usize = array.iter().flatten().map(length).sum();
    if i32::try_from(bytes).is_err() {
        return Err(too_large());
    }
    let mut builder = GenericByteBuilder::<B>::with_capacity(array.len(), bytes);
    array.iter().for_each(|value| builder.append_option(value));
    Ok(Arc::new(builder.finish()))
}

type Bytes = (OffsetBuffer<i32>, arrow::buffer::Buffer, Option<NullBuffer>);

/// Shares an array's bytes under offsets of 32 bits that start at nought.
fn small_bytes<B: ByteArrayType<Offset = i64>>(
    array: &GenericByteArray<B>,
) -> Result<Bytes, ArrowError> {
    let (offsets, start, length) = small_offsets(array.offsets())?;
    let values = array.values().slice_with_length(start, length);
    Ok((offsets, values, array.nulls().cloned()))
}

/// Rebases offsets to nought in 32 bits; gives the first offset and the length too.
fn small_offsets<O: OffsetSizeTrait>(
    offsets: &OffsetBuffer<O>,
) -> Result<(OffsetBuffer<i32>, usize, usize), ArrowError> {
    let start = offsets.first().map_or(0, |first| first.as_usize());
    let end = offsets.last().map_or(0, |last| last.as_usize());
    let length = i32::try_from(end - start).map_err(|_| too_large())?;
    let small = |offset: &O| i32::try_from(offset.as_usize() - start).unwrap_or(length);
    let small: ScalarBuffer<i32> = offsets.iter().map(small).collect();
    Ok((OffsetBuffer::new(small), start, end - start))
}

fn list<O: OffsetSizeTrait>(array: &GenericListArray<O>) -> Result<ArrayRef, ArrowError> {
    let (offsets, start, length) = small_offsets(array.offsets())?;
    let values = normal_array(&array.values().slice(start, length))?;
    new_list(offsets, values, array.nulls())
}

fn new_list(
    offsets: OffsetBuffer<i32>,
    values: ArrayRef,
    nulls: Option<&NullBuffer>,
) -> Result<ArrayRef, ArrowError> {
    let item = list_item(values.data_type().clone());
    Ok(Arc::new(ListArray::try_new(item, offsets, values, nulls.cloned())?))
}

/// Gathers the items of a list view row by row, those of null rows left out.
fn list_view<O: OffsetSizeTrait>(array: &GenericListViewArray<O>) -> Result<ArrayRef, ArrowError> {
    let size = |row| if array.is_valid(row) { array.value_size(row).as_usize() } else { 0 };
    let total: usize = (0..array.len()).map(size).sum();
    if i32::try_from(total).is_err() {
        return Err(too_large());
    }
    let items = |row| {
        let start = array.value_offset(row).as_usize();
        (start..start + size(row)).map(|item| item as u64)
    };
    let items = UInt64Array::from_iter_values((0..array.len()).flat_map(items));
    let values = take(&normal_array(array.values())?, &items, None)?;
    new_list(OffsetBuffer::from_lengths((0..array.len()).map(size)), values, array.nulls())
}

fn fixed_list(array: &FixedSizeListArray) -> Result<ArrayRef, ArrowError> {
    let size = usize::try_from(array.value_length()).unwrap_or(0);
    let total = size.checked_mul(array.len()).ok_or_else(too_large)?;
    i32::try_from(total).map_err(|_| too_large())?;
    let values = normal_array(&array.values().slice(0, total))?;
    let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(size, array.len()));
    new_list(offsets, values, array.nulls())
}

fn map(array: &MapArray) -> Result<ArrayRef, ArrowError> {
    let (offsets, start, length) = small_offsets(array.offsets())?;
    let entries = array.entries().slice(start, length);
    let (keys, values) = (normal_array(entries.column(0))?, normal_array(entries.column(1))?);
    let field = map_entries(keys.data_type().clone(), values.data_type().clone());
    let parts = match field.data_type() {
        DataType::Struct(parts) => parts.clone(),
        _ => Fields::empty(),
    };
    let entries = StructArray::try_new(parts, vec![keys, values], None)?;
    Ok(Arc::new(MapArray::try_new(field, offsets, entries, array.nulls().cloned(), false)?))
}

fn structure(array: &StructArray) -> Result<StructArray, ArrowError> {
    let columns = array.columns().iter().map(normal_array).collect::<Result<Vec<_>, _>>()?;
    let (fields, nulls) = (normal_fields(array.fields()), array.nulls().cloned());
    StructArray::try_new_with_length(fields, columns, nulls, array.len())
}

/// Joins arrays of the same normal type.
///
/// # Errors
///
/// Refuses texts and lists of more than 2³¹ bytes or items in all.
pub(super) fn join(pieces: &[ArrayRef]) -> Result<ArrayRef, ArrowError> {
    if let [piece] = pieces {
        return Ok(Arc::clone(piece));
    }
    let pieces: Vec<&dyn Array> = pieces.iter().map(AsRef::as_ref).collect();
    if !lists_fit(&pieces) {
        return Err(too_large());
    }
    concat(&pieces)
}

/// Tells whether the lists of several arrays fit into one: Arrow only checks this by a panic.
fn lists_fit(pieces: &[&dyn Array]) -> bool {
    let children = |child: &dyn Fn(&dyn Array) -> ArrayRef| -> Vec<ArrayRef> {
        pieces.iter().map(|piece| child(*piece)).collect()
    };
    let fit = |children: Vec<ArrayRef>| {
        let children: Vec<&dyn Array> = children.iter().map(AsRef::as_ref).collect();
        let total: usize = children.iter().map(|child| child.len()).sum();
        i32::try_from(total).is_ok() && lists_fit(&children)
    };
    match pieces.first().map(|piece| piece.data_type()) {
        Some(DataType::List(_)) => fit(children(&|piece| list_items(piece.as_list()))),
        Some(DataType::Map(..)) => fit(children(&|piece| map_items(piece.as_map()))),
        Some(DataType::Struct(fields)) => (0..fields.len()).all(|at| {
            let child = children(&|piece| Arc::clone(piece.as_struct().column(at)));
            lists_fit(&child.iter().map(AsRef::as_ref).collect::<Vec<_>>())
        }),
        _ => true,
    }
}

/// Gives the items that an array's lists span.
pub(super) fn list_items(array: &ListArray) -> ArrayRef {
    let offsets = array.offsets();
    let (start, end) = span(offsets);
    array.values().slice(start, end - start)
}

/// Gives the entries that an array's maps span.
pub(super) fn map_items(array: &MapArray) -> ArrayRef {
    let (start, end) = span(array.offsets());
    Arc::new(array.entries().slice(start, end - start))
}

/// Gives the first and the last of some offsets.
pub(super) fn span(offsets: &[i32]) -> (usize, usize) {
    let at =
        |offset: Option<&i32>| offset.map_or(0, |offset| usize::try_from(*offset).unwrap_or(0));
    (at(offsets.first()), at(offsets.last()))
}
