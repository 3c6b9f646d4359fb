//! A table: a schema and batches of rows, in normal form.

use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};

use super::TableDigest;

/// What can be wrong with a table's data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// Arrow refused a conversion.
    #[error(transparent)]
    Arrow(#[from] arrow::error::ArrowError),
    /// A column was asked for that isn't there.
    #[error("the table has no column `{0}`")]
    NoColumn(String),
}

/// Rows under named, typed columns; cheap to clone.
#[derive(Clone, Debug)]
pub struct Table {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    rows: usize,
    digest: Arc<OnceLock<TableDigest>>,
}

impl Table {
    /// Makes a table of no rows.
    #[must_use]
    pub fn empty(schema: SchemaRef) -> Self {
        Self { schema, batches: Vec::new(), rows: 0, digest: Arc::default() }
    }

    /// Gives the schema.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Gives the batches.
    #[must_use]
    pub fn batches(&self) -> &[RecordBatch] {
        &self.batches
    }

    /// Counts the rows.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }
}
