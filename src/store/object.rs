//! Objects: tables and blobs, each in a file named by its content and its bytes' checksum.
//!
//! A name holds both hashes, so that it says what must be in the file and nothing has to be
//! believed: a file whose bytes don't have the checksum of its name is damaged. Tables are Arrow IPC
//! files, uncompressed, mapped into memory and shared without a copy.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::convert::fb_to_schema;
use arrow::ipc::reader::{FileDecoder, read_footer_length};
use arrow::ipc::root_as_footer;
use arrow::ipc::writer::FileWriter;
use serde::{Deserialize, Serialize};

use super::checksum::{Summed, checksum};
use super::disk::Unfinished;
use super::map::map;
use super::record::Record;
use super::{Store, StoreError, lock_of};
use crate::data::{ColumnType, Hash, Hasher, Table, TableDigest, TableError};

/// The kind of objects that are tables.
const TABLE: &str = "table";

/// How many digits of the checksum stand in a file's name.
const DIGITS: usize = 16;

/// Names an object and says what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRef {
    /// `table`, or what the bytes of a blob are.
    pub kind: String,
    /// The hash of what the object says: of a table's values, of a blob's kind and bytes.
    pub content: Hash,
    /// The length of its file.
    pub bytes: u64,
    /// The checksum of its file, which follows from the content but for how a table was laid out.
    pub checksum: Hash,
    /// The content of a table, column by column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<TableDigest>,
}

impl ObjectRef {
    /// Gives the names and types of a table's columns.
    pub fn columns(&self) -> impl Iterator<Item = (&str, Option<ColumnType>)> {
        let columns = self.digest.iter().flat_map(|digest| &digest.columns);
        columns.map(|column| (column.name.as_str(), column.column_type.parse().ok()))
    }

    fn extension(&self) -> &'static str {
        if self.digest.is_some() { "arrow" } else { "blob" }
    }
}

impl Store {
    /// Gives the path of an object.
    pub(super) fn object_path(&self, object: &ObjectRef) -> PathBuf {
        let sum = object.checksum.to_string();
        self.path("objects", object.content, &format!(".{}.{}", &sum[..DIGITS], object.extension()))
    }

    /// Keeps a table; writes nothing if the same table is kept already.
    ///
    /// # Errors
    ///
    /// A full disk or a folder that can't be written leaves nothing behind.
    pub fn put_table(&self, table: &Table) -> Result<ObjectRef, StoreError> {
        let digest = table.digest().clone();
        let content = digest.hash();
        self.put(TABLE, content, Some(digest), &|out| write_table(table, out))
    }

    /// Keeps bytes; writes nothing if the same bytes are kept already.
    ///
    /// # Errors
    ///
    /// A full disk or a folder that can't be written leaves nothing behind.
    pub fn put_blob(&self, kind: &str, bytes: &[u8]) -> Result<ObjectRef, StoreError> {
        let content = blob_content(kind, checksum(bytes));
        self.put(kind, content, None, &|out| Ok(out.write_all(bytes)?))
    }

    pub(super) fn put(
        &self,
        kind: &str,
        content: Hash,
        digest: Option<TableDigest>,
        write: &dyn Fn(&mut dyn Write) -> Result<(), ArrowError>,
    ) -> Result<ObjectRef, StoreError> {
        let empty = checksum(&[]);
        let wanted =
            ObjectRef { kind: kind.to_owned(), content, bytes: 0, checksum: empty, digest };
        if let Some(known) = self.known(&wanted) {
            return Ok(known);
        }
        self.prepare()?;
        let folder = self.object_path(&wanted).parent().map(Path::to_path_buf).unwrap_or_default();
        let trouble = |error| StoreError::write(&folder, error);
        let mut file = Unfinished::in_folder(&folder).map_err(trouble)?;
        let mut out = Summed::new(file.writer());
        write(&mut out).map_err(|error| trouble(plain(error)))?;
        let (mut inner, checksum, bytes) = out.finish();
        inner.flush().map_err(trouble)?;
        drop(inner);
        let object = ObjectRef { bytes, checksum, ..wanted };
        let path = self.object_path(&object);
        file.keep(&path).map_err(|error| StoreError::write(&path, error))?;
        self.syncer.add(path);
        lock_of(&self.whole).insert(content, object.clone());
        Ok(object)
    }

    /// Puts a table that was written under a temporary name in its place, unless it is there.
    pub(super) fn adopt(
        &self,
        file: Unfinished,
        digest: TableDigest,
        checksum: Hash,
        bytes: u64,
    ) -> Result<ObjectRef, StoreError> {
        let (kind, content) = (TABLE.to_owned(), digest.hash());
        let object = ObjectRef { kind, content, bytes, checksum, digest: Some(digest) };
        if let Some(known) = self.known(&object) {
            return Ok(known);
        }
        let path = self.object_path(&object);
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder).map_err(|error| StoreError::write(folder, error))?;
        file.keep(&path).map_err(|error| StoreError::write(&path, error))?;
        self.syncer.add(path);
        lock_of(&self.whole).insert(content, object.clone());
        Ok(object)
    }

    /// Finds an object of this content that is there and whole; removes what isn't.
    fn known(&self, wanted: &ObjectRef) -> Option<ObjectRef> {
        let known = lock_of(&self.whole).get(&wanted.content).cloned();
        if let Some(known) = known.filter(|known| self.has(known)) {
            return Some(ObjectRef { digest: wanted.digest.clone(), ..known });
        }
        let folder = self.object_path(wanted).parent()?.to_path_buf();
        let content = wanted.content.to_string();
        for file in fs::read_dir(folder).ok()?.flatten() {
            let name = file.file_name();
            let Some(name) = name.to_str().filter(|name| name.starts_with(&content)) else {
                continue;
            };
            let Ok(bytes) = map(&file.path()) else { continue };
            let found = ObjectRef {
                bytes: bytes.len() as u64,
                checksum: checksum(&bytes),
                ..wanted.clone()
            };
            if self.object_path(&found).file_name() == Some(name.as_ref()) {
                lock_of(&self.whole).insert(found.content, found.clone());
                return Some(found);
            }
            remove(&file.path());
        }
        None
    }

    /// Tells whether an object's file is there and as long as it should be.
    #[must_use]
    pub fn has(&self, object: &ObjectRef) -> bool {
        let stat = fs::metadata(self.object_path(object));
        stat.is_ok_and(|stat| stat.is_file() && stat.len() == object.bytes)
    }

    /// Tells whether all objects of a record are there; looks at their lengths alone.
    #[must_use]
    pub fn has_objects(&self, record: &Record) -> bool {
        record.outputs.iter().all(|(_, object)| self.has(object))
    }

    /// Gives a table, mapped into memory.
    ///
    /// The first time in a process the file's checksum is looked at.
    ///
    /// # Errors
    ///
    /// Says what is missing or damaged. A damaged object is removed, so that it is made anew.
    pub fn table(&self, object: &ObjectRef) -> Result<Table, StoreError> {
        let path = self.object_path(object);
        let bytes = self.whole_bytes(object, &path)?;
        let damaged = |why: String| {
            remove(&path);
            StoreError::damaged(&path, why)
        };
        let Some(digest) = object.digest.clone() else {
            return Err(StoreError::damaged(&path, format!("it is a {}, no table", object.kind)));
        };
        let table = decode(&bytes).map_err(|error| damaged(error.to_string()))?;
        if !agrees(&table, &digest) {
            return Err(damaged("its columns or rows are not those of its record".to_owned()));
        }
        Ok(table.with_digest(digest))
    }

    /// Gives the bytes of a blob.
    ///
    /// # Errors
    ///
    /// Says what is missing or damaged. A damaged object is removed, so that it is made anew.
    pub fn blob(&self, object: &ObjectRef) -> Result<Arc<[u8]>, StoreError> {
        let path = self.object_path(object);
        let bytes = self.whole_bytes(object, &path)?;
        if blob_content(&object.kind, object.checksum) != object.content {
            return Err(StoreError::damaged(&path, "its content is not that of its record"));
        }
        Ok(Arc::from(bytes.as_slice()))
    }

    /// Gives the bytes of an object that have the right length and checksum.
    fn whole_bytes(&self, object: &ObjectRef, path: &Path) -> Result<Buffer, StoreError> {
        let bytes = map(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => StoreError::Missing { path: path.to_path_buf() },
            _ => StoreError::read(path, error),
        })?;
        self.use_folder();
        let same =
            |known: &ObjectRef| (known.checksum, known.bytes) == (object.checksum, object.bytes);
        let known = lock_of(&self.whole).get(&object.content).is_some_and(same);
        let right =
            bytes.len() as u64 == object.bytes && (known || checksum(&bytes) == object.checksum);
        if !right {
            lock_of(&self.whole).remove(&object.content);
            remove(path);
            return Err(StoreError::damaged(path, "its bytes are not those that were written"));
        }
        lock_of(&self.whole).insert(object.content, object.clone());
        Ok(bytes)
    }

    /// Tells whether a file's bytes have the checksum of its name.
    pub(super) fn check_object(path: &Path) -> bool {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let mut parts = name.split('.');
        let (content, sum) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let Ok(bytes) = map(path) else { return false };
        content.parse::<Hash>().is_ok() && checksum(&bytes).to_string()[..DIGITS] == *sum
    }
}

/// Removes a damaged file; if that isn't possible, it stays what it is: a miss.
pub(super) fn remove(path: &Path) {
    let _ = fs::remove_file(path);
}

/// Takes the system's error out of Arrow's.
pub(super) fn plain(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, error) => error,
        other => io::Error::other(other),
    }
}

fn blob_content(kind: &str, bytes: Hash) -> Hash {
    Hasher::new().text("mlp blob 1").text(kind).update(bytes.as_bytes()).finish()
}

fn write_table(table: &Table, out: &mut dyn Write) -> Result<(), ArrowError> {
    let mut writer = FileWriter::try_new(out, table.schema())?;
    table.batches().iter().try_for_each(|batch| writer.write(batch))?;
    writer.finish()
}

/// Tells whether a table has the rows and columns of a digest.
fn agrees(table: &Table, digest: &TableDigest) -> bool {
    let fields = table.schema().fields();
    table.rows() as u64 == digest.rows
        && fields.len() == digest.columns.len()
        && fields.iter().zip(&digest.columns).all(|(field, column)| {
            *field.name() == column.name
                && ColumnType::of_field(field).to_string() == column.column_type
        })
}

/// Reads an Arrow file whose checksum is right; its arrays share the buffer.
fn decode(bytes: &Buffer) -> Result<Table, TableError> {
    // The bytes are those that were written, but perhaps by a program that meant ill; Arrow's
    // reader panics on some files that no writer makes.
    let read = catch_unwind(AssertUnwindSafe(|| read_batches(bytes)));
    let malformed = |_| Err(ArrowError::IpcError("it is no Arrow file".to_owned()));
    let (schema, batches) = read.unwrap_or_else(malformed)?;
    Table::new(schema, batches)
}

fn read_batches(bytes: &Buffer) -> Result<(SchemaRef, Vec<RecordBatch>), ArrowError> {
    let malformed = || ArrowError::IpcError("it is no Arrow file".to_owned());
    let (rest, trailer) = bytes.as_slice().split_last_chunk::<10>().ok_or_else(malformed)?;
    let start = rest.len().checked_sub(read_footer_length(*trailer)?).ok_or_else(malformed)?;
    let footer = root_as_footer(&rest[start..]).map_err(|_| malformed())?;
    let schema: SchemaRef = Arc::new(fb_to_schema(footer.schema().ok_or_else(malformed)?));
    let decoder = FileDecoder::new(Arc::clone(&schema), footer.version());
    let mut batches = Vec::new();
    for block in footer.recordBatches().iter().flatten() {
        let offset = usize::try_from(block.offset()).map_err(|_| malformed())?;
        let head = usize::try_from(block.metaDataLength()).map_err(|_| malformed())?;
        let body = usize::try_from(block.bodyLength()).map_err(|_| malformed())?;
        let length = head.checked_add(body).ok_or_else(malformed)?;
        if offset.checked_add(length).is_none_or(|end| end > bytes.len()) {
            return Err(malformed());
        }
        let block_bytes = bytes.slice_with_length(offset, length);
        batches.extend(decoder.read_record_batch(block, &block_bytes)?);
    }
    Ok((schema, batches))
}

/// Gives the objects of a record by their paths, each with its length.
pub(super) fn paths(store: &Store, record: &Record) -> BTreeMap<PathBuf, u64> {
    let outputs = record.outputs.iter();
    outputs.map(|(_, object)| (store.object_path(object), object.bytes)).collect()
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, ArrayRef, Int64Array, StringArray};
    use arrow::buffer::NullBuffer;

    use super::*;

    #[test]
    fn a_decoded_table_shares_the_files_bytes() {
        let numbers: ArrayRef = Arc::new((0..100_000).collect::<Int64Array>());
        let texts = (0..100_000).map(|row| (row % 3 > 0).then(|| row.to_string()));
        let texts: ArrayRef = Arc::new(texts.collect::<StringArray>());
        let batch = RecordBatch::try_from_iter(vec![("n", numbers), ("t", texts)]).unwrap();
        let table = Table::new(batch.schema(), vec![batch]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let object = store.put_table(&table).unwrap();
        let bytes = map(&store.object_path(&object)).unwrap();
        let found = decode(&bytes).unwrap();
        let file = bytes.as_ptr_range();
        for array in found.batches().iter().flat_map(RecordBatch::columns) {
            let data = array.to_data();
            let nulls = data.nulls().map(NullBuffer::buffer);
            for buffer in data.buffers().iter().chain(nulls) {
                assert!(file.contains(&buffer.as_ptr()), "copied {}", array.data_type());
            }
        }
        assert_eq!(found.batches(), table.batches());
    }

    #[test]
    fn no_bytes_make_the_decoder_panic() {
        let batch = RecordBatch::try_from_iter(vec![(
            "t",
            Arc::new(StringArray::from(vec![Some("a"), None, Some("text")])) as ArrayRef,
        )])
        .unwrap();
        let mut good = Vec::new();
        write_table(&Table::new(batch.schema(), vec![batch]).unwrap(), &mut good).unwrap();
        for at in 0..good.len() {
            let _ = decode(&Buffer::from(good[..at].to_vec()));
            for change in [1, 0x40, 0xff] {
                let mut bad = good.clone();
                bad[at] ^= change;
                let _ = decode(&Buffer::from(bad));
            }
        }
    }
}
