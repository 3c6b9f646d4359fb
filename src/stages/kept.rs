//! Tables that a stage gives: at hand where they are small, else kept batch by batch, so that no
//! table need fit into memory.

use std::sync::atomic::Ordering;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::data::{BATCH_ROWS, Table};
use crate::plan::{Artifact, Failure, Running};

/// Makes an output of batches that have `rows` rows together.
pub(super) fn kept(
    schema: &SchemaRef,
    rows: usize,
    mut batches: impl Iterator<Item = Result<RecordBatch, Failure>>,
    running: &dyn Running,
) -> Result<Artifact, Failure> {
    if rows <= BATCH_ROWS {
        let batches = batches.collect::<Result<Vec<_>, _>>()?;
        let table = Table::new(SchemaRef::clone(schema), batches);
        return table.map(Artifact::Table).map_err(|error| Failure::new(error.to_string()));
    }
    let mut sink = running.table(SchemaRef::clone(schema))?;
    batches.try_for_each(|batch| {
        if running.stop().load(Ordering::Relaxed) {
            return Err(Failure::stopped());
        }
        sink.push(batch?)
    })?;
    sink.finish()
}
