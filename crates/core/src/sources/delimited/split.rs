//! Splits a text into chunks that end where a record ends, each to be read on its own.

use super::tokens::{Fault, MAX_TEXT, Syntax, cut, last_record_end};
use crate::sources::SourceError;
use crate::sources::input::{TextSource, count_lines, looks_like};

/// How many bytes a chunk has, if no record is longer.
const CHUNK: usize = 1 << 20;

/// Whole records of a text.
#[derive(Debug)]
pub(super) struct Chunk {
    /// The bytes.
    pub(super) text: Vec<u8>,
    /// The line of the first byte, from one.
    pub(super) line: u64,
}

impl Chunk {
    /// Drops what stands before a byte.
    pub(super) fn drop_before(&mut self, at: usize) {
        self.line = self.line_of(at);
        self.text.drain(..at.min(self.text.len()));
    }

    /// Gives the line of a byte.
    pub(super) fn line_of(&self, at: usize) -> u64 {
        let before = &self.text[..at.min(self.text.len())];
        let lines = if memchr::memchr(b'\n', &self.text).is_some() {
            memchr::memchr_iter(b'\n', before).count() as u64
        } else {
            count_lines(before)
        };
        self.line + lines
    }

    /// Gives the text, which is checked to be one.
    pub(super) fn text(&self, name: &str) -> Result<&str, SourceError> {
        if let Some(zero) = memchr::memchr(0, &self.text) {
            let first = if self.line == 1 { looks_like(&self.text) } else { None };
            let (file, line) = (name.to_owned(), self.line_of(zero));
            let head = &self.text[..self.text.len().min(512)];
            let wide = memchr::memchr_iter(0, head).count() * 3 > head.len();
            return Err(SourceError::Binary { file, line, looks_like: first, wide });
        }
        std::str::from_utf8(&self.text).map_err(|error| {
            let at = error.valid_up_to();
            if self.line == 1
                && let Some(kind) = looks_like(&self.text)
            {
                let (file, looks_like) = (name.to_owned(), Some(kind));
                let line = self.line_of(at);
                return SourceError::Binary { file, line, looks_like, wide: false };
            }
            let start = memchr::memrchr(b'\n', &self.text[..at]).map_or(0, |end| end + 1);
            SourceError::Encoding {
                file: name.to_owned(),
                line: self.line_of(at),
                column: (at - start) as u64 + 1,
                found: format!("0x{:02X}", self.text[at]),
                encoding: "UTF-8",
            }
        })
    }
}

/// Gives one chunk after the other.
pub(super) struct Chunks {
    source: TextSource,
    name: String,
    syntax: Syntax,
    /// The longest record.
    limit: usize,
    /// What was read and not given yet.
    rest: Vec<u8>,
    /// The line of its first byte.
    line: u64,
    ended: bool,
}

impl Chunks {
    /// Begins behind the first `skip` lines.
    pub(super) fn new(
        source: TextSource,
        name: &str,
        syntax: Syntax,
        skip: u64,
        limit: usize,
    ) -> Result<Self, SourceError> {
        let limit = limit.min(MAX_TEXT / 2);
        let (name, rest) = (name.to_owned(), Vec::new());
        let mut chunks = Self { source, name, syntax, limit, rest, line: 1, ended: false };
        chunks.skip(skip)?;
        Ok(chunks)
    }

    fn skip(&mut self, mut lines: u64) -> Result<(), SourceError> {
        while lines > 0 {
            match memchr::memchr(b'\n', &self.rest) {
                Some(end) => {
                    self.rest.drain(..=end);
                    self.line += 1;
                    lines -= 1;
                }
                None if self.ended => {
                    self.rest.clear();
                    return Ok(());
                }
                None => self.more()?,
            }
        }
        Ok(())
    }

    fn more(&mut self) -> Result<(), SourceError> {
        let before = self.rest.len();
        self.source.fill(&mut self.rest, CHUNK)?;
        self.ended = self.rest.len() < before + CHUNK;
        Ok(())
    }

    /// Tells whether the whole text was given.
    pub(super) fn is_done(&self) -> bool {
        self.ended && self.rest.is_empty()
    }

    /// Gives the next chunk, if anything is left.
    pub(super) fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError> {
        let end = loop {
            if self.rest.len() < CHUNK && !self.ended {
                self.more()?;
            }
            if self.ended {
                break self.rest.len();
            }
            match last_record_end(&self.rest, self.syntax) {
                Some(end) => break end,
                None if self.rest.len() > self.limit => return Err(self.too_long()),
                None => self.more()?,
            }
        };
        if end == 0 {
            return Ok(None);
        }
        let after = self.rest.split_off(end);
        let text = std::mem::replace(&mut self.rest, after);
        let chunk = Chunk { line: self.line, text };
        self.line += count_lines(&chunk.text);
        Ok(Some(chunk))
    }

    /// Says why no record ends: it is endless, or a quote in it is never closed.
    fn too_long(&self) -> SourceError {
        let (records, _) = cut(&self.rest, self.syntax, 0, false);
        let (file, limit) = (self.name.clone(), self.limit);
        let open = records.bad.iter().find_map(|bad| match bad.fault {
            Fault::OpenQuote(at) => Some(at),
            _ => None,
        });
        match open {
            Some(at) => {
                SourceError::OpenQuote { file, line: self.line + count_lines(&self.rest[..at]) }
            }
            None => SourceError::LongRecord { file, line: self.line, limit },
        }
    }
}
