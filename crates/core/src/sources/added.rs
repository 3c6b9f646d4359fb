//! Files of a format that a program adds.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;

use super::adapt::Adapter;
use super::merge::Seen;
use super::{Input, Job, Out, SourceError, Take, typed_columns};

/// Reads the files of a format.
pub trait Reader: Send + Sync {
    /// Tells the columns of a file.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the file: [`SourceError::Damaged`].
    fn schema(&self, input: &Input) -> Result<SchemaRef, SourceError>;

    /// Hands on the rows of a file, in batches with the columns of its schema.
    ///
    /// # Errors
    ///
    /// As [`Self::schema`]; an error of `take` is handed back as it is.
    fn read(&self, input: &Input, take: &mut Take<'_>) -> Result<(), SourceError>;
}

/// A reader with its arguments, as an [option](super::Options).
#[derive(Clone)]
pub struct Added(pub Arc<dyn Reader>);

impl fmt::Debug for Added {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Added")
    }
}

impl PartialEq for Added {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Tells the columns of a file and their types.
pub(super) fn columns(reader: &Added, input: &Input) -> Result<Vec<(String, Seen)>, SourceError> {
    Ok(typed_columns(&reader.0.schema(input)?))
}

/// Reads a file batch by batch.
pub(super) fn read(reader: &Added, job: &Job, out: &mut Out) -> Result<(), SourceError> {
    let mut adapter = Adapter::new(job)?;
    reader.0.read(job.input, &mut |batch| adapter.take(job, &batch, out))
}
