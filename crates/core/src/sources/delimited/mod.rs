//! Delimited text: CSV and its kin.
//!
//! A file is read in chunks of whole records (`split`), each chunk is cut into fields (`tokens`),
//! looked at for its types (`look`) or built into arrays (`build`) on its own, several at once; results are taken in the file's
//! order, so that the first fault of the file is the one reported, whatever the threads do.

mod build;
mod header;
mod look;
mod split;
mod tokens;

use rayon::prelude::*;

use super::error::PARTS_OF_DATES;
use super::guess::Guess;
use super::input::{Encoding, TextSource};
use super::merge::Seen;
use super::style::Style;
use super::{Input, Job, OnBadRow, Out, Request, SourceError};
use build::Builder;
use header::Header;
use split::{Chunk, Chunks};
use tokens::{BadRecord, Fault, Field, Syntax};

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
    /// How dates and times are written beside the ISO form, in `strftime`'s words.
    pub dates: Vec<String>,
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
            dates: Vec::new(),
        }
    }
}

impl CsvOptions {
    fn syntax(&self) -> Result<Syntax, SourceError> {
        /// Each mark, and behind it those that come before it.
        const MARKS: [&[&str]; 3] =
            [&["delimiter"], &["quote", "delimiter"], &["comment", "quote", "delimiter"]];
        let marks = [Some(self.delimiter), self.quote, self.comment];
        let fail = |options, problem: String| Err(SourceError::Option { options, problem });
        for (at, mark) in marks.iter().enumerate() {
            let Some(mark) = mark else { continue };
            if !mark.is_ascii() || matches!(mark, 0 | b'\n' | b'\r') {
                return fail(
                    MARKS[at],
                    "delimiter, quote and comment are each one ASCII character, no line end"
                        .to_owned(),
                );
            }
            if marks[..at].contains(&Some(*mark)) {
                return fail(
                    MARKS[at],
                    format!(
                        "two of delimiter, quote and comment are `{}`: each needs a character of its own",
                        char::from(*mark)
                    ),
                );
            }
        }
        if !matches!(self.decimal, b'.' | b',') {
            return fail(&["decimal"], "the decimal mark is `.` or `,`".to_owned());
        }
        Ok(Syntax { delimiter: self.delimiter, quote: self.quote, comment: self.comment })
    }

    fn style(&self) -> Result<Style, SourceError> {
        Style::new(self.decimal, &self.dates).map_err(|(format, problem)| SourceError::Option {
            options: &["dates"],
            problem: format!("the format `{format}` in `dates` {problem}; {PARTS_OF_DATES}"),
        })
    }
}

/// What is known of a file once its header was read.
struct Layout<'a> {
    input: &'a Input,
    options: &'a CsvOptions,
    syntax: Syntax,
    style: Style,
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
    let (syntax, style) = (options.syntax()?, options.style()?);
    let source = TextSource::open(input, options.encoding, &request.limits)?;
    let plain = source.is_plain();
    let limit = request.limits.record;
    let mut chunks = Chunks::new(source, &input.name, syntax, options.skip, limit)?;
    let mut blank = options.skip > 0;
    loop {
        // Comments and empty lines alone may fill whole chunks before the header.
        let Some(mut chunk) = chunks.next_chunk()? else {
            return Err(SourceError::Empty { file: input.name.clone(), blank });
        };
        blank = true;
        if let Some((header, from)) = Header::read(&chunk, &input.name, options, syntax)? {
            chunk.drop_before(from);
            let layout = Layout { input, options, syntax, style, header, plain };
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
}

/// Tells the columns of a file and what their texts look like.
pub(super) fn columns(
    request: &Request,
    input: &Input,
    options: &CsvOptions,
) -> Result<Vec<(String, Seen)>, SourceError> {
    let (layout, body) = open(request, input, options)?;
    let bytes = std::fs::metadata(&input.path).map_or(0, |metadata| metadata.len());
    let is_declared = |name: &String| request.schema.iter().any(|(declared, _)| declared == name);
    let guesses = if layout.header.names.iter().all(is_declared) {
        vec![Guess::Empty; layout.width()]
    } else if bytes > request.limits.sample_above {
        look::at_samples(&layout, body, bytes)?
    } else {
        look::at_all(&layout, body, request.on_bad_row)?
    };
    Ok(layout.header.names.into_iter().zip(guesses.into_iter().map(Seen::Guess)).collect())
}

/// Tells whether a record that can't be used ends the reading: behind an open quote nothing can be
/// told apart.
fn is_fatal(bad: &BadRecord, on_bad_row: OnBadRow) -> bool {
    on_bad_row == OnBadRow::Fail || matches!(bad.fault, Fault::OpenQuote(_))
}

/// Reads a file batch by batch.
pub(super) fn read(job: &Job, options: &CsvOptions, out: &mut Out) -> Result<(), SourceError> {
    let (layout, body) = open(job.request, job.input, options)?;
    let builder = Builder::new(layout, job)?;
    body.each(
        |chunk| builder.build(chunk),
        |part| {
            let (batch, aside) = part?;
            out.rows(batch)?;
            aside.into_iter().try_for_each(|(text, error)| out.reject(text, &error))
        },
    )
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
