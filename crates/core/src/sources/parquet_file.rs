//! Apache Parquet, by the `parquet` crate's own reader.
//!
//! Only the wanted columns are read, several at once.

use std::io::Read;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::Schema;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use rayon::prelude::*;

use super::adapt::{Adapter, looked_at};
use super::error::NOT_ITS_FORMAT;
use super::guard::guarded;
use super::input::open;
use super::merge::Seen;
use super::{Input, Job, Out, SourceError};

/// How many rows are read at once.
const BATCH_ROWS: usize = 65_536;
/// Less than so many bytes are not worth a second thread.
const SMALL: u64 = 1 << 20;

fn damaged(input: &Input, problem: impl ToString) -> SourceError {
    let (file, problem) = (input.name.clone(), problem.to_string());
    let problem = problem.strip_prefix("Parquet error: ").map(str::to_owned).unwrap_or(problem);
    SourceError::Damaged { file, format: "Parquet", problem }
}

fn load(input: &Input) -> Result<ArrowReaderMetadata, SourceError> {
    let (mut file, metadata) = open(input)?;
    if metadata.len() == 0 {
        return Err(SourceError::Empty { file: input.name.clone(), blank: false });
    }
    let mut magic = Vec::with_capacity(4);
    let read = (&mut file).take(4).read_to_end(&mut magic);
    read.map_err(|error| SourceError::io(&input.name, "read", error))?;
    if magic != b"PAR1" {
        return Err(damaged(input, NOT_ITS_FORMAT));
    }
    guarded(input, "Parquet", || {
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new());
        metadata.map_err(|error| damaged(input, error))
    })
}

/// Tells the columns that a file says it has.
pub(super) fn columns(input: &Input) -> Result<Vec<(String, Seen)>, SourceError> {
    let metadata = load(input)?;
    Ok(super::typed_columns(metadata.schema()))
}

/// Reads a file batch by batch.
pub(super) fn read(job: &Job, out: &mut Out) -> Result<(), SourceError> {
    let input = job.input;
    let metadata = load(input)?;
    let schema = metadata.schema();
    let places: Vec<usize> = looked_at(job)
        .into_iter()
        .filter_map(|at| schema.index_of(job.target.schema.field(at).name()).ok())
        .collect();
    let groups = groups(&metadata, &places);
    let mut readers = groups
        .iter()
        .map(|columns| reader(input, &metadata, columns))
        .collect::<Result<Vec<_>, _>>()?;
    let mut adapter = Adapter::new(job)?;
    while let Some(batch) = next(input, &mut readers)? {
        adapter.take(job, &batch, out)?;
    }
    Ok(())
}

/// Deals the columns out to threads, the largest first, each to the one with the least.
fn groups(metadata: &ArrowReaderMetadata, places: &[usize]) -> Vec<Vec<usize>> {
    let mut sizes: Vec<u64> = vec![0; metadata.schema().fields().len()];
    let descriptor = metadata.metadata().file_metadata().schema_descr();
    for group in metadata.metadata().row_groups() {
        for (leaf, column) in group.columns().iter().enumerate() {
            if let Some(size) = sizes.get_mut(descriptor.get_column_root_idx(leaf)) {
                *size += u64::try_from(column.compressed_size()).unwrap_or(0);
            }
        }
    }
    let mut places: Vec<(u64, usize)> =
        places.iter().map(|at| (sizes.get(*at).copied().unwrap_or(0), *at)).collect();
    let total: u64 = places.iter().map(|(size, _)| size).sum();
    let threads = if total < SMALL { 1 } else { rayon::current_num_threads() };
    places.sort_unstable_by(|one, two| two.cmp(one));
    let mut groups: Vec<(u64, Vec<usize>)> =
        vec![(0, Vec::new()); threads.clamp(1, places.len().max(1))];
    for (size, at) in places {
        if let Some(least) = groups.iter_mut().min_by_key(|(size, columns)| (*size, columns.len()))
        {
            least.0 += size.max(1);
            least.1.push(at);
        }
    }
    groups.into_iter().map(|(_, columns)| columns).collect()
}

/// Opens the file once more: readers of one handle would share its position.
fn reader(
    input: &Input,
    metadata: &ArrowReaderMetadata,
    columns: &[usize],
) -> Result<ParquetRecordBatchReader, SourceError> {
    let (file, _) = open(input)?;
    guarded(input, "Parquet", || {
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone());
        let mask = ProjectionMask::roots(builder.parquet_schema(), columns.iter().copied());
        let reader = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build();
        reader.map_err(|error| damaged(input, error))
    })
}

/// Gives the next rows, put together from what each reader has of them.
fn next(
    input: &Input,
    readers: &mut [ParquetRecordBatchReader],
) -> Result<Option<RecordBatch>, SourceError> {
    let count = readers.len();
    let step = |reader: &mut ParquetRecordBatchReader| {
        guarded(input, "Parquet", || {
            reader.next().transpose().map_err(|error| damaged(input, error))
        })
    };
    let parts: Vec<Result<Option<RecordBatch>, SourceError>> = match readers {
        [reader] => vec![step(reader)],
        several => several.par_iter_mut().map(step).collect(),
    };
    let parts = parts.into_iter().collect::<Result<Vec<_>, _>>()?;
    let batches: Vec<RecordBatch> = parts.into_iter().flatten().collect();
    let Some(rows) = batches.first().map(RecordBatch::num_rows) else { return Ok(None) };
    if batches.len() < count || batches.iter().any(|batch| batch.num_rows() != rows) {
        return Err(damaged(input, "its columns have different numbers of rows"));
    }
    let fields = batches.iter().flat_map(|batch| batch.schema().fields().to_vec());
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let arrays: Vec<ArrayRef> = batches.iter().flat_map(|batch| batch.columns().to_vec()).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let batch = RecordBatch::try_new_with_options(schema, arrays, &options);
    batch.map(Some).map_err(|error| SourceError::arrow(&input.name, error))
}
