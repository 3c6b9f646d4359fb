//! Lexemes: what a byte of the text belongs to, told in one pass without a grammar.
//!
//! Knows strings, comments, brackets and words, and nothing of what they mean together. What
//! cuts, guards, formats and explains a text leans on it, so that all agree on where a string
//! ends.

/// What a lexeme is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Blanks and tabs.
    Blank,
    /// `\n` or `\r\n`.
    LineEnd,
    /// `#` to the end of the line.
    Comment,
    /// `"…"`; unclosed at the end of its line.
    Text { closed: bool },
    /// `"""…"""`; unclosed at the end of the text.
    Raw { closed: bool },
    /// `{`, `[` or `(`.
    Open(u8),
    /// `}`, `]` or `)`.
    Close(u8),
    /// Letters of names and digits.
    Word,
    /// Any other character.
    Mark,
}

/// A piece of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lexeme {
    /// What it is.
    pub(super) kind: Kind,
    /// Its first byte.
    pub(super) start: usize,
    /// The byte after its last.
    pub(super) end: usize,
}

impl Lexeme {
    /// Tells whether it is layout: blanks, a comment or a line end.
    pub(super) const fn is_layout(self) -> bool {
        matches!(self.kind, Kind::Blank | Kind::LineEnd | Kind::Comment)
    }

    /// Gives what it says.
    pub(super) fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

/// Gives the lexeme that starts at a byte; none at the end of the text.
pub(super) fn lexeme(text: &str, start: usize) -> Option<Lexeme> {
    let rest = text.get(start..).filter(|rest| !rest.is_empty())?;
    let (kind, length) = read(rest);
    Some(Lexeme { kind, start, end: start + length })
}

/// Gives the lexemes from a byte on.
pub(super) fn lexemes(text: &str, start: usize) -> impl Iterator<Item = Lexeme> {
    std::iter::successors(lexeme(text, start), |last| lexeme(text, last.end))
}

fn read(rest: &str) -> (Kind, usize) {
    match rest.as_bytes() {
        [b' ' | b'\t', ..] => (Kind::Blank, run(rest, |byte| matches!(byte, b' ' | b'\t'))),
        [b'\n', ..] => (Kind::LineEnd, 1),
        [b'\r', b'\n', ..] => (Kind::LineEnd, 2),
        [b'#', ..] => (Kind::Comment, line(rest)),
        [b'"', b'"', b'"', ..] => raw(rest),
        [b'"', ..] => string(rest),
        [byte @ (b'{' | b'[' | b'('), ..] => (Kind::Open(*byte), 1),
        [byte @ (b'}' | b']' | b')'), ..] => (Kind::Close(*byte), 1),
        [byte, ..] if is_name(*byte) => (Kind::Word, run(rest, is_name)),
        _ => (Kind::Mark, rest.chars().next().map_or(1, char::len_utf8)),
    }
}

/// Tells whether a byte may stand in a name.
pub(super) const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn run(rest: &str, holds: impl Fn(u8) -> bool) -> usize {
    rest.bytes().position(|byte| !holds(byte)).unwrap_or(rest.len())
}

/// Counts the bytes before the line's end.
fn line(rest: &str) -> usize {
    let end = rest.find('\n').unwrap_or(rest.len());
    if end < rest.len() && rest[..end].ends_with('\r') { end - 1 } else { end }
}

fn string(rest: &str) -> (Kind, usize) {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            b'\n' => break,
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return (Kind::Text { closed: true }, at + 1),
            _ => {}
        }
    }
    (Kind::Text { closed: false }, line(rest))
}

/// Of a run of quotes the last three close.
fn raw(rest: &str) -> (Kind, usize) {
    match rest[3..].find("\"\"\"") {
        Some(at) => {
            let quotes = run(&rest[3 + at..], |byte| byte == b'"');
            (Kind::Raw { closed: true }, 3 + at + quotes)
        }
        None => (Kind::Raw { closed: false }, rest.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(Kind, &str)]) {
        let found: Vec<(Kind, &str)> =
            lexemes(text, 0).map(|found| (found.kind, found.of(text))).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn a_string_ends_at_its_quote_or_its_line() {
        check(r#""a\"b""#, &[(Kind::Text { closed: true }, r#""a\"b""#)]);
        check("\"a\r\n", &[(Kind::Text { closed: false }, "\"a"), (Kind::LineEnd, "\r\n")]);
        check("\"a\\\n", &[(Kind::Text { closed: false }, "\"a\\"), (Kind::LineEnd, "\n")]);
        check(r#""""#, &[(Kind::Text { closed: true }, r#""""#)]);
    }

    #[test]
    fn of_a_run_of_quotes_the_last_three_close() {
        let raw = Kind::Raw { closed: true };
        check(r#"""""""}"#, &[(raw, r#""""""""#), (Kind::Close(b'}'), "}")]);
        check(r#""""a"""""}"#, &[(raw, r#""""a""""""#), (Kind::Close(b'}'), "}")]);
        check(r#""""a"""#, &[(Kind::Raw { closed: false }, r#""""a"""#)]);
    }

    #[test]
    fn a_comment_hides_what_it_says() {
        check(
            "# { \"\n[",
            &[(Kind::Comment, "# { \""), (Kind::LineEnd, "\n"), (Kind::Open(b'['), "[")],
        );
    }
}
