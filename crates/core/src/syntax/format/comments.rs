//! The comments of a text, in order.

use crate::syntax::scan::{Kind, Lexeme, lexemes};

/// Lists the comments of a text.
pub(super) fn comments(text: &str) -> Vec<Lexeme> {
    lexemes(text, 0).filter(|found| found.kind == Kind::Comment).collect()
}

/// Tells whether any comment stands between two bytes.
pub(super) fn any_between(comments: &[Lexeme], start: usize, end: usize) -> bool {
    let first = comments.partition_point(|comment| comment.start < start);
    comments.get(first).is_some_and(|comment| comment.start < end)
}

/// Finds the bracket that opens a block's fields, behind its name.
pub(super) fn opener(text: &str, start: usize) -> usize {
    let found = lexemes(text, start).find(|found| !found.is_layout());
    found.map_or(start, |found| found.start)
}

/// Tells whether the line ends behind a byte, but for blanks and a comment.
pub(super) fn ends_line(text: &str, start: usize) -> bool {
    let next = lexemes(text, start).find(|found| found.kind != Kind::Blank);
    next.is_some_and(|next| matches!(next.kind, Kind::LineEnd | Kind::Comment))
}
