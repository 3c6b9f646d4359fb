//! The lines of a source file around a finding, as miette asks for them.
//!
//! miette counts lines from the start of a text for each label; ten thousand findings in a large
//! file would take minutes. Here lines are found by an index, and only what fits a screen is shown:
//! a long line is cut around the place, and a place of many lines shrinks to its first.

use std::sync::Arc;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use super::grid::turns;
use crate::text::{SourceFile, Span};

/// How many bytes of one line are shown on either side of a place.
const REACH: usize = 160;

/// How many lines a place may have before only its first is underlined.
const TALL: usize = 5;

/// How many bytes of a place are underlined.
const WIDE: usize = 400;

/// A source file with an index of its lines.
#[derive(Debug)]
pub(super) struct Excerpt {
    name: String,
    text: Arc<str>,
    starts: Vec<usize>,
}

/// A place as people and programs are told it: counted from one, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Excerpt {
    pub(super) fn new(file: &SourceFile) -> Self {
        let text = harmless(&file.text);
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(breaks.map(|(index, _)| index + 1)).collect();
        Self { name: file.path.display().to_string(), text, starts }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Gives the index of the line that holds a byte.
    fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset).saturating_sub(1)
    }

    /// Gives the first byte of a line, or the end of the text.
    fn start(&self, line: usize) -> usize {
        self.starts.get(line).copied().unwrap_or(self.text.len())
    }

    /// Gives the byte behind the last of a line, its line end left out.
    fn end(&self, line: usize) -> usize {
        let end = self.start(line + 1);
        let line = self.text.get(self.start(line)..end).unwrap_or_default();
        end - (line.len() - line.trim_end_matches(['\n', '\r']).len())
    }

    /// Gives the line and column of a byte.
    pub(super) fn position(&self, offset: usize) -> Position {
        let offset = self.text.floor_char_boundary(offset.min(self.text.len()));
        let line = self.line(offset);
        let column = self.text.get(self.start(line)..offset).unwrap_or_default().chars().count();
        Position { line: line + 1, column: column + 1 }
    }

    /// Fits a span to the text and to a screen.
    ///
    /// A place behind the last word (a missing bracket) moves to that word's end, so that there is
    /// a line to show.
    pub(super) fn fit(&self, span: Span) -> (usize, usize) {
        let written = self.text.trim_end().len();
        let start = self.text.floor_char_boundary((span.start as usize).min(written));
        let end = if span.start as usize > written { start } else { span.end as usize };
        let end = self.text.floor_char_boundary(end.clamp(start, self.text.len()));
        let first = self.line(start);
        let end = if self.line(end) - first >= TALL { self.end(first).max(start) } else { end };
        (start, self.text.floor_char_boundary(end.min(start.saturating_add(WIDE))))
    }

    /// Cuts a line short around a place.
    fn reach(&self, line: usize, place: (usize, usize)) -> (usize, usize) {
        let (start, end) = (self.start(line), self.end(line));
        let low = start.max(place.0.saturating_sub(REACH));
        let high = end.min(place.1.saturating_add(REACH)).max(low);
        (self.text.floor_char_boundary(low), self.text.ceil_char_boundary(high))
    }
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let place = (span.offset(), span.offset().saturating_add(span.len()));
        if place.1 > self.text.len() {
            return Err(MietteError::OutOfBounds);
        }
        let first = self.line(place.0).saturating_sub(before);
        let last = (self.line(place.1) + after).min(self.starts.len() - 1);
        let (from, column) = if before == 0 {
            (place.0, self.position(place.0).column - 1)
        } else {
            (self.reach(first, place).0, 0)
        };
        let to = self.reach(last, place).1.max(place.1).max(from);
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            self.text.as_bytes().get(from..to).ok_or(MietteError::OutOfBounds)?,
            (from, to - from).into(),
            if before == 0 { self.line(place.0) } else { first },
            column,
            last - first + 1,
        )))
    }
}

/// Replaces control characters, which could steer a terminal, and those that turn the direction of
/// writing, by as many question marks as bytes.
pub(super) fn harmless(text: &Arc<str>) -> Arc<str> {
    let steers = |c: char| turns(c) || (c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
    if text.chars().any(steers) {
        let safe = |c: char| if steers(c) { "?".repeat(c.len_utf8()) } else { c.to_string() };
        text.chars().map(safe).collect::<String>().into()
    } else {
        Arc::clone(text)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::text::SourceMap;

    fn excerpt(text: &str) -> (Excerpt, SourceFile) {
        let file = SourceMap::default().add(Path::new("a.mlp"), text);
        (Excerpt::new(&file), file)
    }

    #[test]
    fn positions_count_characters_from_one() {
        let (excerpt, file) = excerpt("ä b\r\nc\n");
        for offset in 0..=8 {
            let Position { line, column } = excerpt.position(offset);
            assert_eq!((line, column), file.line_column(offset), "at byte {offset}");
        }
    }

    #[test]
    fn a_place_behind_the_text_moves_to_its_last_word() {
        let (excerpt, file) = excerpt("ingest a {\n\n\n");
        assert_eq!(excerpt.fit(Span::new(file.id, 13, 13)), (10, 10));
        assert_eq!(excerpt.fit(Span::new(file.id, 900, 901)), (10, 10));
    }

    #[test]
    fn a_tall_place_shrinks_to_its_first_line() {
        let (excerpt, file) = excerpt(&"line\n".repeat(20));
        assert_eq!(excerpt.fit(Span::new(file.id, 5, 95)), (5, 9));
        assert_eq!(excerpt.fit(Span::new(file.id, 5, 13)), (5, 13));
    }

    #[test]
    fn control_characters_cannot_steer_a_terminal() {
        assert_eq!(&*harmless(&Arc::from("a\u{1b}[31mb\u{9b}c\td")), "a?[31mb??c\td");
        assert_eq!(&*harmless(&Arc::from("a\u{202e}b\u{2066}c")), "a???b???c");
    }
}
