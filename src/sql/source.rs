//! The text of a query: its tokens, and places in it as byte ranges.
//!
//! The parser speaks of lines and columns, and gives an expression the span of its leaves, without
//! the parentheses and keywords around them. Here such a span becomes the bytes that the user would
//! underline.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{Expr, Spanned};
use datafusion::sql::sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan};

/// A query's text with what is needed to find places in it.
#[derive(Clone)]
pub(super) struct Source {
    text: Arc<str>,
    /// The first byte of each character; none where every character is one byte.
    letters: Vec<usize>,
    /// The first byte of each line.
    lines: Vec<usize>,
    pieces: Vec<Piece>,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("text", &self.text).finish_non_exhaustive()
    }
}

/// A token that is neither blank nor comment.
#[derive(Clone, Debug)]
struct Piece {
    range: Range<usize>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Open,
    Close,
    Other,
}

impl Source {
    /// Starts with a text of which no token is known.
    pub(super) fn new(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        let letters = text.char_indices().map(|(at, _)| at);
        let letters = if text.is_ascii() { Vec::new() } else { letters.collect() };
        Self { text: text.into(), letters, lines, pieces: Vec::new() }
    }

    /// Remembers the tokens.
    pub(super) fn set_tokens(&mut self, tokens: &[TokenWithSpan]) {
        let solid = tokens.iter().filter(|one| !matches!(one.token, Token::Whitespace(_)));
        let pieces = solid.map(|one| {
            let kind = match one.token {
                Token::LParen | Token::LBracket | Token::LBrace => Kind::Open,
                Token::RParen | Token::RBracket | Token::RBrace => Kind::Close,
                _ => Kind::Other,
            };
            Piece { range: self.offset(one.span.start)..self.offset(one.span.end), kind }
        });
        self.pieces = pieces.collect();
    }

    /// Gives the text.
    pub(super) fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Gives a part of the text.
    pub(super) fn slice(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }

    /// Gives the byte at a line and column.
    pub(super) fn offset(&self, place: Location) -> usize {
        let whole = |number: u64| usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
        let Some(start) = self.lines.get(whole(place.line)) else { return self.text.len() };
        let end = self.lines.get(whole(place.line).saturating_add(1)).copied();
        let end = end.unwrap_or(self.text.len());
        let column = whole(place.column);
        if self.letters.is_empty() {
            return start.saturating_add(column).min(end);
        }
        let first = self.letters.partition_point(|at| at < start);
        self.letters.get(first.saturating_add(column)).map_or(end, |at| (*at).min(end))
    }

    /// Gives the token that starts at a byte.
    pub(super) fn token_at(&self, start: usize) -> Option<Range<usize>> {
        let at = self.pieces.partition_point(|piece| piece.range.start < start);
        let range = self.pieces.get(at).map(|piece| piece.range.clone())?;
        (range.start == start).then_some(range)
    }

    /// Finds a name, if it stands in the text once.
    pub(super) fn only_word(&self, name: &str) -> Option<Range<usize>> {
        let same = |range: &Range<usize>| self.slice(range).trim_matches(['"', '`']) == name;
        let mut found = self.pieces.iter().map(|piece| &piece.range).filter(|range| same(range));
        match (found.next(), found.next()) {
            (Some(range), None) => Some(range.clone()),
            _ => None,
        }
    }

    /// Finds the call of a function, in whatever case, if it stands in the text once.
    pub(super) fn only_call(&self, name: &str) -> Option<Range<usize>> {
        let is_call = |at: &usize| {
            self.piece_text(*at).eq_ignore_ascii_case(name)
                && self.kind(*at + 1) == Some(Kind::Open)
        };
        let mut found = (0..self.pieces.len()).filter(is_call);
        match (found.next(), found.next()) {
            (Some(at), None) => Some(self.bytes(self.balance(at, at + 1))),
            _ => None,
        }
    }

    /// Gives the bytes of a span as it is.
    pub(super) fn range(&self, span: Span) -> Option<Range<usize>> {
        (span.start.line > 0).then(|| self.offset(span.start)..self.offset(span.end))
    }

    /// Gives the bytes of a span, with the parentheses that it opens or closes.
    pub(super) fn cover(&self, span: Span) -> Option<Range<usize>> {
        let (first, last) = self.pieces_of(&self.range(span)?)?;
        Some(self.bytes(self.balance(first, last)))
    }

    /// Gives the bytes of an expression as a user would underline it.
    pub(super) fn cover_expr(&self, expr: &Expr) -> Option<Range<usize>> {
        match expr {
            Expr::Function(function) => self.cover_call(function.name.span()),
            Expr::Cast { expr, .. } => self.cover_cast(&self.cover_expr(expr)?),
            Expr::UnaryOp { expr, .. } => Some(self.widen(&self.cover_expr(expr)?, 1, 0)),
            Expr::Nested(inner) => Some(self.widen(&self.cover_expr(inner)?, 1, 1)),
            Expr::Subquery(query) => Some(self.widen(&self.cover(query.span())?, 1, 1)),
            Expr::BinaryOp { left, right, .. } => {
                Some(self.cover_expr(left)?.start..self.cover_expr(right)?.end)
            }
            expr => self.cover(expr.span()),
        }
    }

    /// Gives the bytes of a call by the span of its name: to its last parenthesis.
    pub(super) fn cover_call(&self, name: Span) -> Option<Range<usize>> {
        let (first, last) = self.pieces_of(&self.range(name)?)?;
        let opens = self.kind(last + 1) == Some(Kind::Open);
        Some(self.bytes(self.balance(first, if opens { last + 1 } else { last })))
    }

    /// Gives the bytes of `CAST(… AS …)` around what is cast, or of `…::type`.
    fn cover_cast(&self, inner: &Range<usize>) -> Option<Range<usize>> {
        let (first, last) = self.pieces_of(inner)?;
        if self.piece_text(last + 1) == "::" {
            let opens = self.kind(last + 3) == Some(Kind::Open);
            return Some(self.bytes(self.balance(first, if opens { last + 3 } else { last + 2 })));
        }
        match first.checked_sub(2) {
            Some(word) if self.piece_text(word).to_ascii_lowercase().ends_with("cast") => {
                Some(self.bytes(self.balance(word, first - 1)))
            }
            _ => Some(inner.clone()),
        }
    }

    /// Takes in some tokens before and after.
    fn widen(&self, range: &Range<usize>, before: usize, after: usize) -> Range<usize> {
        let Some((first, last)) = self.pieces_of(range) else { return range.clone() };
        let end = self.pieces.len().saturating_sub(1);
        self.bytes((first.saturating_sub(before), (last + after).min(end)))
    }

    /// Finds the first and last token that touch a range.
    fn pieces_of(&self, range: &Range<usize>) -> Option<(usize, usize)> {
        let first = self.pieces.partition_point(|piece| piece.range.end <= range.start);
        let next = self.pieces.partition_point(|piece| piece.range.start < range.end);
        (first < next).then(|| (first, next - 1))
    }

    /// Widens a run of tokens until each parenthesis in it has its partner.
    fn balance(&self, mut first: usize, mut last: usize) -> (usize, usize) {
        let (mut open, mut missing) = (0_usize, 0_usize);
        for at in first..=last {
            match self.kind(at) {
                Some(Kind::Open) => open += 1,
                Some(Kind::Close) if open == 0 => missing += 1,
                Some(Kind::Close) => open -= 1,
                _ => {}
            }
        }
        while missing > 0 && first > 0 {
            first -= 1;
            match self.kind(first) {
                Some(Kind::Open) => missing -= 1,
                Some(Kind::Close) => missing += 1,
                _ => {}
            }
        }
        while open > 0 && last + 1 < self.pieces.len() {
            last += 1;
            match self.kind(last) {
                Some(Kind::Open) => open += 1,
                Some(Kind::Close) => open -= 1,
                _ => {}
            }
        }
        (first, last)
    }

    fn kind(&self, at: usize) -> Option<Kind> {
        self.pieces.get(at).map(|piece| piece.kind)
    }

    fn piece_text(&self, at: usize) -> &str {
        self.pieces.get(at).map_or("", |piece| self.slice(&piece.range))
    }

    fn bytes(&self, (first, last): (usize, usize)) -> Range<usize> {
        let start = self.pieces.get(first).map_or(0, |piece| piece.range.start);
        let end =
            self.pieces.get(last).or(self.pieces.last()).map_or(start, |piece| piece.range.end);
        start..end
    }
}
