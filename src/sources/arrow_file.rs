//! Arrow IPC, as a file or as a stream, by Arrow's own readers.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};

use super::adapt::Adapter;
use super::guard::guarded;
use super::input::open;
use super::merge::Seen;
use super::{Input, Job, SourceError, Take};

enum Batches {
    File(FileReader<BufReader<File>>),
    Stream(StreamReader<BufReader<File>>),
}

impl Batches {
    fn open(input: &Input) -> Result<Self, SourceError> {
        let (mut file, _) = open(input)?;
        let fail = |error| SourceError::io(&input.name, "read", error);
        let mut magic = Vec::with_capacity(6);
        (&mut file).take(6).read_to_end(&mut magic).map_err(fail)?;
        file.seek(SeekFrom::Start(0)).map_err(fail)?;
        let file = BufReader::new(file);
        match magic.as_slice() {
            [] => Err(SourceError::Empty { file: input.name.clone() }),
            b"ARROW1" => {
                FileReader::try_new(file, None).map(Self::File).map_err(|e| damaged(input, &e))
            }
            [b'F', b'E', b'A', b'1', ..] => Err(SourceError::Damaged {
                file: input.name.clone(),
                format: "Arrow",
                problem: "it is a Feather file of version 1".to_owned(),
            }),
            _ => {
                StreamReader::try_new(file, None).map(Self::Stream).map_err(|e| damaged(input, &e))
            }
        }
    }

    fn schema(&self) -> SchemaRef {
        match self {
            Self::File(reader) => reader.schema(),
            Self::Stream(reader) => reader.schema(),
        }
    }

    fn next(&mut self, input: &Input) -> Result<Option<RecordBatch>, SourceError> {
        let next = match self {
            Self::File(reader) => reader.next(),
            Self::Stream(reader) => reader.next(),
        };
        next.transpose().map_err(|error| damaged(input, &error))
    }
}

fn damaged(input: &Input, error: &ArrowError) -> SourceError {
    let (file, problem) = (input.name.clone(), error.to_string());
    SourceError::Damaged { file, format: "Arrow", problem }
}

/// Tells the columns that a file says it has.
pub(super) fn columns(input: &Input) -> Result<Vec<(String, Seen)>, SourceError> {
    guarded(input, "Arrow", || Ok(super::typed_columns(&Batches::open(input)?.schema())))
}

/// Reads a file batch by batch.
pub(super) fn read(job: &mut Job, take: &mut Take) -> Result<(), SourceError> {
    let input = job.input;
    let mut batches = guarded(input, "Arrow", || Batches::open(input))?;
    let mut adapter = Adapter::new(job)?;
    while let Some(batch) = guarded(input, "Arrow", || batches.next(input))? {
        adapter.take(job, &batch, take)?;
    }
    Ok(())
}
