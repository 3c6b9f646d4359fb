//! Delimited text: CSV and its kin.
//!
//! A file is read in chunks of whole records ([`split`]), each chunk is cut into fields ([`tokens`])
//! and built into arrays (`typed`) on its own, several at once; results are taken in the file's
//! order, so that the first fault of the file is the one reported, whatever the threads do.

mod header;
mod split;
mod tokens;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{FieldRef, SchemaRef};
use rayon::prelude::*;

use super::guess::Guess;
use super::input::{Encoding, TextSource};
use super::merge::Seen;
use super::typed::{Cells, Misfit, Reader};
use super::{Input, Job, OnBadRow, Request, SourceError, Take, shorten};
use header::Header;
use split::{Chunk, Chunks};
use tokens::{BadRecord, Fault, Field, Records, Syntax, cut};

/// How delimited text is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvOptions {
    /// What parts fields, one ASCII character.
    pub delimiter: u8,
    /// Tells whether the first record names the columns; else they are `column_1`, `column_2` ….
    pub header: bool,
    /// Names for the columns instead of those in the header.
    pub names: Vec<String>,
    /// What encloses a field that holds the delimiter, a quote or a line end.
    pub quote: Option<u8>,
    /// Words that stand for nothing, beside the empty field.
    pub null_values: Vec<String>,
    /// How characters are written.
    pub encoding: Encoding,
    /// What a line begins with that is no record.
    pub comment: Option<u8>,
    /// How many lines stand before the header.
    pub skip: u64,
    /// What parts a number's whole from its fraction: `.` or `,`.
    pub decimal: u8,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            delimiter: b',',
            header: true,
            names: Vec::new(),
            quote: Some(b'"'),
            null_values: Vec::new(),
            encoding: Encoding::Utf8,
            comment: None,
            skip: 0,
            decimal: b'.',
        }
    }
}

impl CsvOptions {
    fn syntax(&self) -> Result<Syntax, SourceError> {
        let marks = [Some(self.delimiter), self.quote, self.comment];
        let fail = |problem: String| Err(SourceError::Option { problem });
        for (at, mark) in marks.iter().enumerate() {
            let Some(mark) = mark else { continue };
            if !mark.is_ascii() || matches!(mark, 0 | b'\n' | b'\r') {
                return fail(
                    "delimiter, quote and comment are each one ASCII character, no line end"
                        .to_owned(),
                );
            }
            if marks[..at].contains(&Some(*mark)) {
                return fail(format!(
                    "delimiter, quote and comment cannot both be {:?}",
                    char::from(*mark)
                ));
            }
        }
        if !matches!(self.decimal, b'.' | b',') {
            return fail("the decimal mark is `.` or `,`".to_owned());
        }
        Ok(Syntax { delimiter: self.delimiter, quote: self.quote, comment: self.comment })
    }
}

/// What is known of a file once its header was read.
struct Layout<'a> {
    input: &'a Input,
    options: &'a CsvOptions,
    syntax: Syntax,
    header: Header,
    /// The file's bytes are its text, so that a part of it can be read alone.
    plain: bool,
}

/// The rest of a file behind the header.
struct Body {
    first: Option<Chunk>,
    chunks: Chunks,
}

/// Opens a file and reads its header.
fn open<'a>(
    request: &Request,
    input: &'a Input,
    options: &'a CsvOptions,
) -> Result<(Layout<'a>, Body), SourceError> {
    let syntax = options.syntax()?;
    let source = TextSource::open(input, options.encoding, &request.limits)?;
    let plain = source.is_plain();
    let limit = request.limits.record;
    let mut chunks = Chunks::new(source, &input.name, syntax, options.skip, limit)?;
    loop {
        // Comments and empty lines alone may fill whole chunks before the header.
        let Some(mut chunk) = chunks.next_chunk()? else {
            return Err(SourceError::Empty { file: input.name.clone() });
        };
        if let Some((header, from)) = Header::read(&chunk, &input.name, options, syntax)? {
            chunk.drop_before(from);
            let layout = Layout { input, options, syntax, header, plain };
            return Ok((layout, Body { first: Some(chunk), chunks }));
        }
    }
}

impl Body {
    /// Works on every chunk, on several at once, and takes the results in the file's order.
    fn each<T: Send>(
        mut self,
        work: impl Fn(&Chunk) -> T + Sync,
        mut take: impl FnMut(T) -> Result<(), SourceError>,
    ) -> Result<(), SourceError> {
        let mut window: Vec<Chunk> = self.first.into_iter().collect();
        if self.chunks.is_done() {
            return window.iter().try_for_each(|chunk| take(work(chunk)));
        }
        while !window.is_empty() {
            let (next, results) = rayon::join(
                || next_window(&mut self.chunks),
                || window.par_iter().map(&work).collect::<Vec<_>>(),
            );
            results.into_iter().try_for_each(&mut take)?;
            window = next?;
        }
        Ok(())
    }
}

/// Reads as many chunks as keep every thread at work twice.
fn next_window(chunks: &mut Chunks) -> Result<Vec<Chunk>, SourceError> {
    let size = rayon::current_num_threads() * 2;
    let mut window = Vec::with_capacity(size);
    while window.len() < size {
        match chunks.next_chunk()? {
            Some(chunk) => window.push(chunk),
            None => break,
        }
    }
    Ok(window)
}

impl Layout<'_> {
    fn width(&self) -> usize {
        self.header.names.len()
    }

    /// Makes the error of a record that can't be used.
    fn fault(&self, chunk: &Chunk, bad: &BadRecord) -> SourceError {
        let (file, line) = (self.input.name.clone(), chunk.line_of(bad.start));
        match bad.fault {
            Fault::Width(found) => {
                let record = &chunk.text[bad.start..bad.end];
                let delimiter = self.header.other_delimiter(record, self.syntax);
                let (expected, header) = (self.width(), self.options.header);
                SourceError::Ragged { file, line, expected, found, header, delimiter }
            }
            Fault::AfterQuote(field) => SourceError::AfterQuote { file, line, field },
            Fault::OpenQuote(at) => SourceError::OpenQuote { file, line: chunk.line_of(at) },
        }
    }

    /// Guesses the type of each column from the records of a chunk.
    fn guess(&self, text: &str, records: &Records) -> Vec<Guess> {
        let nulls = Nulls::new(&self.options.null_values);
        let mut guesses = vec![Guess::Empty; self.width()];
        for record in records.fields.chunks_exact(self.width()) {
            for (guess, field) in guesses.iter_mut().zip(record) {
                let raw = field.raw(text);
                if !nulls.has(raw) {
                    *guess = guess.see(raw.as_bytes(), self.options.decimal);
                }
            }
        }
        guesses
    }
}

/// Tells the columns of a file and what their texts look like.
pub(super) fn columns(
    request: &Request,
    input: &Input,
    options: &CsvOptions,
) -> Result<Vec<(String, Seen)>, SourceError> {
    let (layout, body) = open(request, input, options)?;
    let bytes = std::fs::metadata(&input.path).map_or(0, |metadata| metadata.len());
    let guesses = if bytes > request.limits.sample_above {
        guess_samples(&layout, body, bytes)?
    } else {
        guess_all(&layout, body, request.on_bad_row)?
    };
    Ok(layout.header.names.into_iter().zip(guesses.into_iter().map(Seen::Guess)).collect())
}

fn guess_all(layout: &Layout, body: Body, on_bad_row: OnBadRow) -> Result<Vec<Guess>, SourceError> {
    let mut all = vec![Guess::Empty; layout.width()];
    let work = |chunk: &Chunk| -> Result<Vec<Guess>, SourceError> {
        let text = chunk.text(&layout.input.name)?;
        let (records, _) = cut(text.as_bytes(), layout.syntax, layout.width(), false);
        match records.bad.iter().find(|bad| is_fatal(bad, on_bad_row)) {
            Some(bad) => Err(layout.fault(chunk, bad)),
            None => Ok(layout.guess(text, &records)),
        }
    };
    body.each(work, |guesses| {
        all.iter_mut().zip(guesses?).for_each(|(all, guess)| *all = all.join(guess));
        Ok(())
    })?;
    Ok(all)
}

/// Tells whether a record that can't be used ends the reading: behind an open quote nothing can be
/// told apart.
fn is_fatal(bad: &BadRecord, on_bad_row: OnBadRow) -> bool {
    on_bad_row == OnBadRow::Fail || matches!(bad.fault, Fault::OpenQuote(_))
}

/// How many chunks at the start of a large file are looked at.
const HEAD_CHUNKS: usize = 16;
/// How many places beyond are looked at, and how many bytes at each.
const SAMPLES: u64 = 48;
const SAMPLE_BYTES: u64 = 1 << 20;

/// Guesses from the start of a large file and from samples spread evenly over it.
///
/// A sample begins behind a line end that may lie inside quotes, so records that don't fit are
/// passed over: reading the rows will judge them.
fn guess_samples(layout: &Layout, mut body: Body, bytes: u64) -> Result<Vec<Guess>, SourceError> {
    let mut all = vec![Guess::Empty; layout.width()];
    let mut see = |text: &str| {
        let (records, _) = cut(text.as_bytes(), layout.syntax, layout.width(), false);
        let guesses = layout.guess(text, &records);
        all.iter_mut().zip(guesses).for_each(|(all, guess)| *all = all.join(guess));
    };
    let mut next = body.first.take();
    for _ in 0..HEAD_CHUNKS {
        let Some(chunk) = next else { break };
        see(chunk.text(&layout.input.name)?);
        next = body.chunks.next_chunk()?;
    }
    if layout.plain {
        for sample in 1..=SAMPLES {
            let from = bytes / (SAMPLES + 1) * sample;
            let mut text = Vec::new();
            TextSource::part(layout.input, from, SAMPLE_BYTES)?.fill(&mut text, usize::MAX)?;
            let start = memchr::memchr(b'\n', &text).map_or(text.len(), |at| at + 1);
            let end = memchr::memrchr(b'\n', &text).map_or(start, |at| at + 1);
            if let Ok(text) = std::str::from_utf8(text.get(start..end).unwrap_or_default()) {
                see(text);
            }
        }
    }
    Ok(all)
}

/// What a chunk gave: rows, and rows set aside with their text and error.
type Part = (RecordBatch, Vec<(String, SourceError)>);

/// Builds the batches of one file.
struct Builder<'a> {
    layout: Layout<'a>,
    job: &'a Job<'a>,
    schema: SchemaRef,
    nulls: Nulls,
    /// For each column of the table: its place in the file, and how its texts are read.
    columns: Vec<Option<(usize, Reader)>>,
}

impl<'a> Builder<'a> {
    fn new(layout: Layout<'a>, job: &'a Job<'a>) -> Result<Self, SourceError> {
        let options = layout.options;
        let column = |(at, field): (usize, &FieldRef)| {
            let place = layout.header.names.iter().position(|name| name == field.name());
            place
                .map(|place| Ok((place, Reader::new(&job.target.types[at], options.decimal)?)))
                .transpose()
        };
        let fields = job.target.schema.fields().iter().enumerate();
        let columns = fields.map(column).collect::<Result<Vec<_>, SourceError>>()?;
        let schema = job.schema()?;
        let nulls = Nulls::new(&options.null_values);
        Ok(Self { layout, job, schema, nulls, columns })
    }

    fn build(&self, chunk: &Chunk) -> Result<Part, SourceError> {
        let layout = &self.layout;
        let text = chunk.text(&layout.input.name)?;
        let (records, _) = cut(text.as_bytes(), layout.syntax, layout.width(), false);
        let on_bad_row = self.job.request.on_bad_row;
        let fatal = records.bad.iter().find(|bad| is_fatal(bad, on_bad_row));
        let (arrays, misfits) = self.arrays(text, &records)?;
        let first = misfits.iter().min_by_key(|(at, misfit)| (misfit.row, *at));
        match (fatal, first) {
            (Some(bad), Some((at, misfit)))
                if on_bad_row == OnBadRow::Fail && start(&records, misfit.row) < bad.start =>
            {
                return Err(self.misfit(chunk, text, &records, *at, misfit));
            }
            (Some(bad), _) => return Err(layout.fault(chunk, bad)),
            (None, Some((at, misfit))) if on_bad_row == OnBadRow::Fail => {
                return Err(self.misfit(chunk, text, &records, *at, misfit));
            }
            _ => {}
        }
        let options = RecordBatchOptions::new().with_row_count(Some(records.spans.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
            .map_err(|error| SourceError::arrow(&layout.input.name, error))?;
        self.set_aside(chunk, text, &records, batch, misfits)
    }

    /// Builds the wanted columns; in quarantine the others are looked at too, so that the rows set
    /// aside don't depend on the columns wanted.
    fn arrays(
        &self,
        text: &str,
        records: &Records,
    ) -> Result<(Vec<ArrayRef>, Misfits), SourceError> {
        let (mut arrays, mut misfits) = (Vec::new(), Vec::new());
        for (at, column) in self.columns.iter().enumerate() {
            let wanted = self.job.wanted.contains(&at);
            let looked_at = wanted || self.job.request.on_bad_row == OnBadRow::Quarantine;
            let array = match column {
                Some((place, reader)) if looked_at => {
                    let (array, unfit) = reader.build(&self.cells(text, records, *place))?;
                    misfits.extend(unfit.into_iter().map(|misfit| (at, misfit)));
                    array
                }
                _ => new_null_array(
                    self.job.target.schema.field(at).data_type(),
                    records.spans.len(),
                ),
            };
            if wanted {
                arrays.push(array);
            }
        }
        Ok((arrays, misfits))
    }

    fn cells<'c>(&'c self, text: &'c str, records: &'c Records, at: usize) -> Column<'c> {
        let (width, quote) = (self.layout.width(), self.layout.syntax.quote);
        Column { text, fields: &records.fields, width, at, quote, nulls: &self.nulls }
    }

    /// Makes the error of a value that doesn't fit.
    fn misfit(
        &self,
        chunk: &Chunk,
        text: &str,
        records: &Records,
        at: usize,
        misfit: &Misfit,
    ) -> SourceError {
        let place = self.columns[at].as_ref().map_or(0, |(place, _)| *place);
        let field = records.fields.get(misfit.row * self.layout.width() + place);
        let found = field.map(|field| field.value(text, self.layout.syntax.quote));
        let offset = field.map_or(0, |field| field.start());
        let target = self.job.target;
        SourceError::Misfit {
            file: self.layout.input.name.clone(),
            unit: "line",
            line: chunk.line_of(offset),
            column: target.schema.field(at).name().clone(),
            found: shorten(&found.unwrap_or_default()),
            expected: target.spoken(at),
            why: misfit.why.clone(),
            inferred: !target.declared[at],
        }
    }

    /// Takes the rows with misfits out of the batch.
    fn set_aside(
        &self,
        chunk: &Chunk,
        text: &str,
        records: &Records,
        batch: RecordBatch,
        misfits: Misfits,
    ) -> Result<Part, SourceError> {
        if misfits.is_empty() && records.bad.is_empty() {
            return Ok((batch, Vec::new()));
        }
        let mut first: BTreeMap<usize, (usize, Misfit)> = BTreeMap::new();
        for (at, misfit) in misfits {
            first.entry(misfit.row).or_insert((at, misfit));
        }
        let keep: BooleanArray =
            (0..records.spans.len()).map(|row| Some(!first.contains_key(&row))).collect();
        let batch = filter_record_batch(&batch, &keep)
            .map_err(|error| SourceError::arrow(&self.layout.input.name, error))?;
        let raw = |from: usize, to: usize| text.get(from..to).unwrap_or_default().to_owned();
        let mut rows: Vec<(usize, String, SourceError)> = records
            .bad
            .iter()
            .map(|bad| (bad.start, raw(bad.start, bad.end), self.layout.fault(chunk, bad)))
            .collect();
        rows.extend(first.into_iter().filter_map(|(row, (at, misfit))| {
            let (from, to) = records.spans.get(row)?;
            let error = self.misfit(chunk, text, records, at, &misfit);
            Some((*from as usize, raw(*from as usize, *to as usize), error))
        }));
        rows.sort_by_key(|(start, ..)| *start);
        Ok((batch, rows.into_iter().map(|(_, text, error)| (text, error)).collect()))
    }
}

/// What stands for nothing.
#[derive(Clone, Debug, Default)]
struct Nulls(Vec<String>);

impl Nulls {
    fn new(words: &[String]) -> Self {
        Self(words.to_vec())
    }

    /// Tells whether a field of a column that is no text holds nothing.
    fn has(&self, raw: &str) -> bool {
        raw.is_empty() || self.has_word(raw)
    }

    fn has_word(&self, raw: &str) -> bool {
        self.0.iter().any(|word| word == raw)
    }

    /// Tells whether a field of a text column holds nothing: `""` is an empty text.
    fn has_text(&self, field: Field, raw: &str) -> bool {
        (raw.is_empty() && !field.is_quoted()) || self.has_word(raw)
    }
}

/// The fields of one column of a chunk.
struct Column<'a> {
    text: &'a str,
    fields: &'a [Field],
    width: usize,
    at: usize,
    quote: Option<u8>,
    nulls: &'a Nulls,
}

impl Column<'_> {
    fn fields(&self) -> impl Iterator<Item = Field> {
        self.fields.iter().skip(self.at).step_by(self.width.max(1)).copied()
    }
}

impl Cells for Column<'_> {
    fn rows(&self) -> usize {
        self.fields.len() / self.width.max(1)
    }

    fn bytes(&self) -> usize {
        self.text.len() / self.width.max(1)
    }

    fn raw(&self) -> impl Iterator<Item = Option<&str>> {
        self.fields().map(|field| {
            let raw = field.raw(self.text);
            (!self.nulls.has(raw)).then_some(raw)
        })
    }

    fn texts(&self) -> impl Iterator<Item = Option<Cow<'_, str>>> {
        self.fields().map(|field| {
            let raw = field.raw(self.text);
            (!self.nulls.has_text(field, raw)).then(|| field.value(self.text, self.quote))
        })
    }
}

/// The values that don't fit, each with its column's place in the table.
type Misfits = Vec<(usize, Misfit)>;

fn start(records: &Records, row: usize) -> usize {
    records.spans.get(row).map_or(0, |(start, _)| *start as usize)
}

/// Reads a file batch by batch.
pub(super) fn read(
    job: &mut Job,
    options: &CsvOptions,
    take: &mut Take,
) -> Result<(), SourceError> {
    let (layout, body) = open(job.request, job.input, options)?;
    let mut aside = Vec::new();
    let builder = Builder::new(layout, job)?;
    body.each(
        |chunk| builder.build(chunk),
        |part| {
            let (batch, rows) = part?;
            aside.extend(rows);
            if batch.num_rows() == 0 { Ok(()) } else { take(batch) }
        },
    )?;
    aside.iter().for_each(|(text, error)| job.rejects.push(text.clone(), error));
    Ok(())
}
