//! Tables that are kept while they are made, so that they need never be in memory as a whole.
//!
//! What comes of it is the object that [`Store::put_table`] would make of the same rows.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::FileWriter;

use super::checksum::Summed;
use super::disk::Unfinished;
use super::object::{ObjectRef, plain};
use super::{Store, StoreError};
use crate::data::TableStream;

/// A table that is being kept.
pub struct TableWriter {
    store: Arc<Store>,
    stream: TableStream,
    file: Unfinished,
    out: FileWriter<Summed<BufWriter<File>>>,
}

impl std::fmt::Debug for TableWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableWriter").field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl TableWriter {
    /// Begins a table of some columns; a table that isn't finished leaves nothing.
    ///
    /// # Errors
    ///
    /// A folder that can't be written, or a schema that no table can have.
    pub fn new(store: &Arc<Store>, schema: SchemaRef) -> Result<Self, StoreError> {
        let store = Arc::clone(store);
        let stream = TableStream::new(schema)?;
        store.prepare()?;
        let trouble = |error| StoreError::write(&store.root, error);
        // Where it will stand follows from its content, which is not known yet.
        let file = Unfinished::in_folder(&store.root).map_err(trouble)?;
        let summed = Summed::new(file.own_writer().map_err(trouble)?);
        let out =
            FileWriter::try_new(summed, stream.schema()).map_err(|error| trouble(plain(error)))?;
        Ok(Self { store, stream, file, out })
    }

    /// Takes some rows.
    ///
    /// # Errors
    ///
    /// A full disk, or rows that don't fit the schema.
    pub fn push(&mut self, batch: RecordBatch) -> Result<(), StoreError> {
        let full = self.stream.push(batch)?;
        let written = full.iter().try_for_each(|batch| self.out.write(batch));
        written.map_err(|error| StoreError::write(&self.store.root, plain(error)))
    }

    /// Puts the table in its place; writes nothing more if the same table is kept already.
    ///
    /// # Errors
    ///
    /// A full disk, or a folder that can't be written.
    pub fn finish(self) -> Result<ObjectRef, StoreError> {
        let Self { store, stream, file, mut out } = self;
        let (last, digest) = stream.finish()?;
        let trouble = |error| StoreError::write(&store.root, plain(error));
        last.iter().try_for_each(|batch| out.write(batch)).map_err(trouble)?;
        out.finish().map_err(trouble)?;
        let (mut inner, checksum, bytes) = out.into_inner().map_err(trouble)?.finish();
        inner.flush().map_err(|error| StoreError::write(&store.root, error))?;
        drop(inner);
        store.adopt(file, digest, checksum, bytes)
    }
}
