//! Rows set aside: where they stood, what they said, why they were refused.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;

use super::SourceError;

/// The rows set aside, in the order of the files and their rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejects {
    files: Vec<String>,
    lines: Vec<i64>,
    texts: Vec<String>,
    reasons: Vec<String>,
}

impl Rejects {
    /// Sets a row aside for the error that it would have been.
    pub(super) fn push(&mut self, text: String, error: &SourceError) {
        let (file, line) = error.place();
        self.reasons.push(error.reason());
        self.files.push(file.to_owned());
        self.lines.push(i64::try_from(line).unwrap_or(i64::MAX));
        self.texts.push(text);
    }

    /// Counts the rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Tells whether no row was set aside.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Gives the schema of the table: `file`, `line`, `text`, `reason`.
    #[must_use]
    pub fn schema() -> Schema {
        let text = |name: &str| Field::new(name, DataType::Utf8, true);
        let line = Field::new("line", DataType::Int64, true);
        Schema::new(vec![text("file"), line, text("text"), text("reason")])
    }

    /// Makes a batch of the rows.
    pub(super) fn into_batch(self) -> Result<RecordBatch, ArrowError> {
        let schema = Arc::new(Self::schema());
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(self.files)),
            Arc::new(Int64Array::from(self.lines)),
            Arc::new(StringArray::from_iter_values(self.texts)),
            Arc::new(StringArray::from_iter_values(self.reasons)),
        ];
        RecordBatch::try_new(schema, columns)
    }
}
