//! Splits JSON text into objects: lines, an array, or one behind the other.

use crate::sources::SourceError;
use crate::sources::input::{TextSource, count_lines, looks_like};

/// How many bytes are read at once.
const CHUNK: usize = 1 << 20;

/// Some objects of a file, each with the line on which it begins.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// The text.
    pub(super) text: String,
    /// Where each object begins and ends.
    pub(super) objects: Vec<(usize, usize)>,
    /// The line of the first byte, from one.
    pub(super) line: u64,
}

impl Chunk {
    /// Gives the line of a byte.
    pub(super) fn line_of(&self, at: usize) -> u64 {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        self.line + memchr::memchr_iter(b'\n', before).count() as u64
    }

    /// Gives the text of an object.
    pub(super) fn object(&self, (from, to): (usize, usize)) -> &str {
        self.text.get(from..to).unwrap_or_default()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// One object a line.
    Lines,
    /// An array of objects.
    Array,
    /// Objects one behind the other, over several lines.
    Sequence,
}

/// Gives one chunk after the other.
pub(super) struct Objects {
    source: TextSource,
    name: String,
    limit: usize,
    shape: Shape,
    rest: Vec<u8>,
    line: u64,
    ended: bool,
    /// What an array awaits next: an object only, or also its end.
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The opening bracket.
    Open,
    /// The first object, or the end.
    First,
    /// A comma, or the end.
    Comma,
    /// An object.
    Next,
    /// Nothing.
    Closed,
}

impl Objects {
    /// Looks at the beginning of a text to see how objects follow each other in it.
    pub(super) fn new(
        source: TextSource,
        name: &str,
        limit: usize,
        may_be_empty: bool,
    ) -> Result<Self, SourceError> {
        let name = name.to_owned();
        let (shape, rest) = (Shape::Sequence, Vec::new());
        let state = State::Open;
        let mut objects = Self { source, name, limit, shape, rest, line: 1, ended: false, state };
        objects.more()?;
        let start = objects.rest.iter().position(|byte| !byte.is_ascii_whitespace());
        let Some(start) = start else {
            let blank = !objects.rest.is_empty();
            let empty = SourceError::Empty { file: objects.name.clone(), blank };
            return if may_be_empty && objects.ended { Ok(objects) } else { Err(empty) };
        };
        let text = &objects.rest[start..];
        objects.shape = match text[0] {
            b'[' => Shape::Array,
            b'{' if first_line_is_whole(text, objects.ended) => Shape::Lines,
            b'{' => Shape::Sequence,
            _ => return Err(objects.no_object(start)),
        };
        Ok(objects)
    }

    fn no_object(&self, at: usize) -> SourceError {
        let (file, line) = (self.name.clone(), self.line + count_lines(&self.rest[..at]));
        if let Some(kind) = looks_like(&self.rest) {
            return SourceError::Binary { file, line, looks_like: Some(kind), wide: false };
        }
        let text = String::from_utf8_lossy(&self.rest[at..self.rest.len().min(at + 100)]);
        let found = super::super::shorten(text.lines().next().unwrap_or_default());
        let problem = format!(
            "expected an object or an array of objects, found `{found}`; a row is an object: `{{\"column\": 1}}`"
        );
        SourceError::Json { file, line, problem }
    }

    fn more(&mut self) -> Result<(), SourceError> {
        let before = self.rest.len();
        self.source.fill(&mut self.rest, CHUNK)?;
        self.ended = self.rest.len() < before + CHUNK;
        Ok(())
    }

    /// Gives the next chunk, if anything is left.
    pub(super) fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError> {
        loop {
            if self.rest.len() < CHUNK && !self.ended {
                self.more()?;
            }
            let state = self.state;
            let (objects, end) = match self.shape {
                Shape::Lines => self.lines(),
                Shape::Array | Shape::Sequence => self.places()?,
            };
            if !objects.is_empty() || self.ended {
                return self.take(objects, end);
            }
            if self.rest.len() > self.limit {
                let (file, limit) = (self.name.clone(), self.limit);
                return Err(SourceError::LongRecord { file, line: self.line, limit });
            }
            self.state = state;
            self.more()?;
        }
    }

    fn take(
        &mut self,
        objects: Vec<(usize, usize)>,
        end: usize,
    ) -> Result<Option<Chunk>, SourceError> {
        if end == 0 && objects.is_empty() {
            return Ok(None);
        }
        let after = self.rest.split_off(end);
        let text = std::mem::replace(&mut self.rest, after);
        let line = self.line;
        self.line += memchr::memchr_iter(b'\n', &text).count() as u64;
        match String::from_utf8(text) {
            Ok(text) => Ok(Some(Chunk { text, objects, line })),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let text = error.as_bytes();
                let start = memchr::memrchr(b'\n', &text[..at]).map_or(0, |end| end + 1);
                Err(SourceError::Encoding {
                    file: self.name.clone(),
                    line: line + memchr::memchr_iter(b'\n', &text[..at]).count() as u64,
                    column: (at - start) as u64 + 1,
                    found: format!("0x{:02X}", text[at]),
                    encoding: "UTF-8, in which JSON is written",
                })
            }
        }
    }

    /// Finds the lines that are not empty, and the end of the last.
    fn lines(&self) -> (Vec<(usize, usize)>, usize) {
        let (mut objects, mut start) = (Vec::new(), 0);
        let ends = memchr::memchr_iter(b'\n', &self.rest);
        for end in ends.chain(self.ended.then_some(self.rest.len())) {
            if self.rest[start..end].iter().any(|byte| !byte.is_ascii_whitespace()) {
                objects.push((start, end));
            }
            start = (end + 1).min(self.rest.len());
        }
        (objects, start)
    }

    /// Finds the objects by their brackets, and the end of the last.
    fn places(&mut self) -> Result<(Vec<(usize, usize)>, usize), SourceError> {
        let (mut objects, mut at, mut end) = (Vec::new(), 0, 0);
        while let Some(skipped) =
            self.rest[at..].iter().position(|byte| !byte.is_ascii_whitespace())
        {
            at += skipped;
            let byte = self.rest[at];
            if byte == b'{' && self.awaits_object() {
                match object_end(&self.rest, at) {
                    Some(to) => {
                        objects.push((at, to));
                        self.state = State::Comma;
                        (at, end) = (to, to);
                    }
                    // The last object may be cut off: reading it will say what is wrong.
                    None if self.ended => {
                        objects.push((at, self.rest.len()));
                        self.state = State::Closed;
                        return Ok((objects, self.rest.len()));
                    }
                    None => return Ok((objects, end)),
                }
            } else {
                self.state = self.mark(byte).ok_or_else(|| self.misplaced(at))?;
                (at, end) = (at + 1, at + 1);
            }
        }
        if self.ended {
            self.check_end()?;
            end = self.rest.len();
        }
        Ok((objects, end))
    }

    fn awaits_object(&self) -> bool {
        self.shape == Shape::Sequence || matches!(self.state, State::First | State::Next)
    }

    /// Gives the state behind a mark of an array.
    fn mark(&self, byte: u8) -> Option<State> {
        match (self.shape, self.state, byte) {
            (Shape::Array, State::Open, b'[') => Some(State::First),
            (Shape::Array, State::First | State::Comma, b']') => Some(State::Closed),
            (Shape::Array, State::Comma, b',') => Some(State::Next),
            _ => None,
        }
    }

    fn misplaced(&self, at: usize) -> SourceError {
        let (expected, help) = match (self.shape, self.state) {
            (Shape::Array, State::Comma) => ("`,` or `]`", ""),
            (Shape::Array, State::Closed) => ("the end of the file", ""),
            _ => ("an object", "; a row is an object: `{\"column\": 1}`"),
        };
        let text = String::from_utf8_lossy(&self.rest[at..self.rest.len().min(at + 100)]);
        let found = super::super::shorten(text.lines().next().unwrap_or_default());
        SourceError::Json {
            file: self.name.clone(),
            line: self.line + memchr::memchr_iter(b'\n', &self.rest[..at]).count() as u64,
            problem: format!("expected {expected}, found `{found}`{help}"),
        }
    }

    fn check_end(&self) -> Result<(), SourceError> {
        if self.shape == Shape::Sequence || self.state == State::Closed {
            return Ok(());
        }
        let lines = memchr::memchr_iter(b'\n', &self.rest).count() as u64;
        let problem = "the array is never closed; the file may be cut short".to_owned();
        Err(SourceError::Json { file: self.name.clone(), line: self.line + lines, problem })
    }
}

/// Tells whether the first line is an object of its own.
fn first_line_is_whole(text: &[u8], ended: bool) -> bool {
    match memchr::memchr(b'\n', text) {
        Some(end) => {
            let line = text[..end].trim_ascii_end();
            object_end(line, 0) == Some(line.len())
        }
        None => ended,
    }
}

/// Gives the byte behind the bracket that closes the object that opens at a byte.
fn object_end(text: &[u8], from: usize) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, from);
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => at = string_end(text, at)?,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Gives the place of the quote that closes the string that opens at a byte.
fn string_end(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from + 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}
