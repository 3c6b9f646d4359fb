//! Arrow IPC, as a file or as a stream, by Arrow's own readers.
//!
//! The readers trust the lengths that a file states and would ask for as much memory: the lengths
//! of a file are held against its size first, and a stream is fed to its decoder piece by piece.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamDecoder, read_footer_length};
use arrow::ipc::root_as_footer;

use super::adapt::Adapter;
use super::guard::guarded;
use super::input::open;
use super::merge::Seen;
use super::{Input, Job, Out, SourceError};
use crate::diag::plain;

/// How many bytes of a stream are read at once.
const PIECE: u64 = 1 << 20;

enum Batches {
    File(FileReader<BufReader<File>>),
    Stream(Stream),
}

/// A stream and what of it was read but not decoded.
struct Stream {
    file: File,
    decoder: StreamDecoder,
    piece: Buffer,
    /// A batch that came while the schema was sought.
    first: Option<RecordBatch>,
}

impl Batches {
    fn open(input: &Input) -> Result<Self, SourceError> {
        let (mut file, metadata) = open(input)?;
        let fail = |error| SourceError::io(&input.name, "read", error);
        let mut magic = Vec::with_capacity(6);
        (&mut file).take(6).read_to_end(&mut magic).map_err(fail)?;
        file.seek(SeekFrom::Start(0)).map_err(fail)?;
        match magic.as_slice() {
            [] => Err(SourceError::Empty { file: input.name.clone(), blank: false }),
            b"ARROW1" => {
                check_lengths(&mut file, metadata.len(), input)?;
                let reader = FileReader::try_new(BufReader::new(file), None);
                reader.map(Self::File).map_err(|error| damaged(input, &error))
            }
            [b'F', b'E', b'A', b'1', ..] => Err(broken(input, "it is a Feather file of version 1")),
            _ => Stream::open(file, input).map(Self::Stream),
        }
    }

    fn schema(&self) -> Option<SchemaRef> {
        match self {
            Self::File(reader) => Some(reader.schema()),
            Self::Stream(stream) => stream.decoder.schema(),
        }
    }

    fn next(&mut self, input: &Input) -> Result<Option<RecordBatch>, SourceError> {
        match self {
            Self::File(reader) => reader.next().transpose().map_err(|error| damaged(input, &error)),
            Self::Stream(stream) => match stream.first.take() {
                Some(batch) => Ok(Some(batch)),
                None => stream.decode(input, |_| false),
            },
        }
    }
}

impl Stream {
    /// Reads a stream up to its schema.
    fn open(file: File, input: &Input) -> Result<Self, SourceError> {
        let (decoder, piece) = (StreamDecoder::new(), Buffer::from(Vec::<u8>::new()));
        let mut stream = Self { file, decoder, piece, first: None };
        stream.first = stream.decode(input, |decoder| decoder.schema().is_some())?;
        if stream.decoder.schema().is_none() {
            return Err(broken(input, "it has no schema"));
        }
        Ok(stream)
    }

    /// Decodes up to the next batch, or until enough is known.
    fn decode(
        &mut self,
        input: &Input,
        enough: impl Fn(&StreamDecoder) -> bool,
    ) -> Result<Option<RecordBatch>, SourceError> {
        loop {
            if self.piece.is_empty() {
                let mut bytes = Vec::new();
                let read = (&mut self.file).take(PIECE).read_to_end(&mut bytes);
                if read.map_err(|error| SourceError::io(&input.name, "read", error))? == 0 {
                    return match self.decoder.finish() {
                        Ok(()) => Ok(None),
                        Err(error) => Err(damaged(input, &error)),
                    };
                }
                self.piece = Buffer::from(bytes);
            }
            let batch = self.decoder.decode(&mut self.piece);
            let batch = batch.map_err(|error| damaged(input, &error))?;
            if batch.is_some() || enough(&self.decoder) {
                return Ok(batch);
            }
        }
    }
}

/// Holds the lengths that a file's footer states against the file's size.
fn check_lengths(file: &mut File, size: u64, input: &Input) -> Result<(), SourceError> {
    let fail = |error| SourceError::io(&input.name, "read", error);
    let short = || broken(input, "it is cut short");
    let mut tail = [0; 10];
    let tail_start = size.checked_sub(10).ok_or_else(short)?;
    file.seek(SeekFrom::Start(tail_start)).map_err(fail)?;
    file.read_exact(&mut tail).map_err(fail)?;
    let length = read_footer_length(tail).map_err(|error| damaged(input, &error))? as u64;
    let start = tail_start.checked_sub(length).ok_or_else(short)?;
    file.seek(SeekFrom::Start(start)).map_err(fail)?;
    let mut footer = Vec::new();
    file.take(length).read_to_end(&mut footer).map_err(fail)?;
    let footer = root_as_footer(&footer).map_err(|error| broken(input, &error.to_string()))?;
    let blocks = footer.recordBatches().into_iter().chain(footer.dictionaries()).flatten();
    for block in blocks {
        let parts = [block.offset(), i64::from(block.metaDataLength()), block.bodyLength()];
        let parts = parts.map(|part| u64::try_from(part).unwrap_or(u64::MAX));
        if parts.iter().fold(0_u64, |sum, part| sum.saturating_add(*part)) > size {
            return Err(broken(input, "a part of it lies outside of it"));
        }
    }
    file.seek(SeekFrom::Start(0)).map_err(fail)?;
    Ok(())
}

fn broken(input: &Input, problem: &str) -> SourceError {
    let (file, problem) = (input.name.clone(), problem.to_owned());
    SourceError::Damaged { file, format: "Arrow", problem }
}

fn damaged(input: &Input, error: &ArrowError) -> SourceError {
    let text = error.to_string();
    let text =
        ["Parser error: ", "Ipc error: "].iter().find_map(|prefix| text.strip_prefix(prefix));
    match (text, error) {
        (_, ArrowError::IoError(_, source)) => SourceError::Damaged {
            file: input.name.clone(),
            format: "Arrow",
            problem: plain(source),
        },
        (Some(text), _) => broken(input, text),
        (None, _) => broken(input, &error.to_string()),
    }
}

/// Tells the columns that a file says it has.
pub(super) fn columns(input: &Input) -> Result<Vec<(String, Seen)>, SourceError> {
    let schema = guarded(input, "Arrow", || Ok(Batches::open(input)?.schema()))?;
    Ok(schema.map(|schema| super::typed_columns(&schema)).unwrap_or_default())
}

/// Reads a file batch by batch.
pub(super) fn read(job: &Job, out: &mut Out) -> Result<(), SourceError> {
    let input = job.input;
    let mut batches = guarded(input, "Arrow", || Batches::open(input))?;
    let mut adapter = Adapter::new(job)?;
    while let Some(batch) = guarded(input, "Arrow", || batches.next(input))? {
        adapter.take(job, &batch, out)?;
    }
    Ok(())
}
