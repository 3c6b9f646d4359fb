//! The outline of a file: where each item starts and ends, told from brackets and lines alone.
//!
//! Items are found before the grammar sees them, so that nesting is bounded, each item is matched
//! on its own, and one broken item does not hide the next. Knows no field and no value.

use super::scan::{Kind, Lexeme, lexeme, lexemes};

/// How deep brackets may nest.
pub(super) const DEEPEST: usize = 64;

/// What stands between two items.
pub(super) struct Gap {
    /// The byte at which the next item starts, or the end of the text.
    pub(super) end: usize,
    /// The `##` lines directly above the next item, without their marks.
    pub(super) doc: String,
    /// Whether the next item starts on the line on which the gap did.
    pub(super) same_line: bool,
}

/// Reads layout up to the next item.
pub(super) fn gap(text: &str, start: usize) -> Gap {
    let mut own_line = starts_line(text, start);
    let mut gap = Gap { end: start, doc: String::new(), same_line: !own_line };
    let mut doc: Vec<&str> = Vec::new();
    let mut commented = false;
    for found in lexemes(text, start).take_while(|found| found.is_layout()) {
        match found.kind {
            Kind::LineEnd => {
                if !commented {
                    doc.clear();
                }
                (own_line, commented, gap.same_line) = (true, false, false);
            }
            Kind::Comment => {
                commented = true;
                match doc_line(found.of(text)).filter(|_| own_line) {
                    Some(line) => doc.push(line),
                    None => doc.clear(),
                }
            }
            _ => {}
        }
        gap.end = found.end;
    }
    gap.doc = doc.join("\n");
    gap
}

fn starts_line(text: &str, at: usize) -> bool {
    matches!(text.get(..at), Some("" | "\u{FEFF}")) || text[..at].ends_with('\n')
}

/// Gives what a `##` comment says; nothing for any other comment.
fn doc_line(comment: &str) -> Option<&str> {
    let line = comment.strip_prefix("##").filter(|line| !line.starts_with('#'))?;
    Some(line.strip_prefix([' ', '\t']).unwrap_or(line).trim_end())
}

/// Why the end of an item can't be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// A string without its closing quote.
    Text(Lexeme),
    /// A raw string without its closing quotes.
    Raw(Lexeme),
    /// A bracket closed by one of another kind.
    Crossed { open: usize, close: usize },
    /// A closing bracket that nothing opened, and the innermost one that is open.
    Unopened { close: usize, open: Option<usize> },
    /// A bracket that is open where the text or the item ends; the suspect is an earlier one that
    /// was closed at another indentation than its own.
    Unclosed { open: usize, suspect: Option<usize>, at: usize },
    /// A bracket inside too many others.
    Deep { at: usize },
    /// No bracket is open, and the item goes on.
    Unended { at: usize },
}

impl Trouble {
    /// Gives the byte up to which the text made sense.
    pub(super) const fn at(self) -> usize {
        match self {
            Self::Text(found) | Self::Raw(found) => found.start,
            Self::Crossed { close, .. } | Self::Unopened { close, .. } => close,
            Self::Unclosed { at, .. } | Self::Deep { at } | Self::Unended { at } => at,
        }
    }

    /// Gives the byte up to which the text was read.
    pub(super) const fn reached(self) -> usize {
        match self {
            Self::Text(found) | Self::Raw(found) => found.end,
            _ => self.at(),
        }
    }
}

#[derive(Clone, Copy)]
struct Open {
    byte: u8,
    at: usize,
    indent: usize,
}

/// The brackets that are open, and what is known of the current line.
struct Walk {
    stack: Vec<Open>,
    suspect: Option<usize>,
    indent: usize,
    line_starts: bool,
}

impl Walk {
    fn open(&mut self, byte: u8, at: usize) -> Result<(), Trouble> {
        if self.stack.len() == DEEPEST {
            return Err(Trouble::Deep { at });
        }
        self.stack.push(Open { byte, at, indent: self.indent });
        Ok(())
    }

    fn close(&mut self, byte: u8, at: usize) -> Result<(), Trouble> {
        let opened = self.stack.iter().any(|open| closer(open.byte) == byte);
        let innermost = self.stack.pop();
        let Some(open) = innermost.filter(|_| opened) else {
            return Err(Trouble::Unopened { close: at, open: innermost.map(|open| open.at) });
        };
        if closer(open.byte) != byte {
            return Err(Trouble::Crossed { open: open.at, close: at });
        }
        if self.line_starts && self.indent < open.indent {
            self.suspect = self.suspect.or(Some(open.at));
        }
        Ok(())
    }

    fn stop(&self, at: usize) -> Trouble {
        match self.stack.last() {
            Some(open) => Trouble::Unclosed { open: open.at, suspect: self.suspect, at },
            None => Trouble::Unended { at },
        }
    }
}

/// Gives the bracket that closes another.
pub(super) const fn closer(open: u8) -> u8 {
    match open {
        b'{' => b'}',
        b'[' => b']',
        _ => b')',
    }
}

/// Finds the end of the item that starts at a byte: behind its closing brace, or where the line
/// of a parameter or import ends.
pub(super) fn item_end(text: &str, start: usize) -> Result<usize, Trouble> {
    let one_line = is_line_item(text, start);
    let indent = indent_of(text, start);
    let mut walk = Walk { stack: Vec::new(), suspect: None, indent, line_starts: false };
    let mut last = start..start;
    for found in lexemes(text, start) {
        match found.kind {
            Kind::Text { closed: false } => return Err(Trouble::Text(found)),
            Kind::Raw { closed: false } => return Err(Trouble::Raw(found)),
            Kind::Open(byte) => walk.open(byte, found.start)?,
            Kind::Close(byte) => {
                walk.close(byte, found.start)?;
                if walk.stack.is_empty() && byte == b'}' && !one_line {
                    return Ok(found.end);
                }
            }
            Kind::LineEnd => {
                if one_line && walk.stack.is_empty() && text.get(last.clone()) != Some(":") {
                    return Ok(last.end);
                }
                if is_header(text, found.end) {
                    return Err(walk.stop(found.end));
                }
                (walk.line_starts, walk.indent) = (true, 0);
                continue;
            }
            Kind::Blank if walk.line_starts => {
                walk.indent = found.end - found.start;
                continue;
            }
            _ => {}
        }
        walk.line_starts = false;
        if !found.is_layout() {
            last = found.start..found.end;
        }
    }
    let done = one_line && walk.stack.is_empty();
    if done { Ok(last.end) } else { Err(walk.stop(text.len())) }
}

/// Counts the bytes before the start of an item on its line, as far as they matter.
fn indent_of(text: &str, start: usize) -> usize {
    const FAR: usize = 200;
    let before = &text.as_bytes()[start.saturating_sub(FAR)..start];
    before.iter().rev().position(|byte| *byte == b'\n').unwrap_or(before.len())
}

/// Lists the brackets that are open at a byte of the item that starts at another.
pub(super) fn open_at(text: &str, start: usize, at: usize) -> Vec<usize> {
    let mut stack = Vec::new();
    for found in lexemes(text, start).take_while(|found| found.start < at) {
        match found.kind {
            Kind::Open(_) => stack.push(found.start),
            Kind::Close(_) => drop(stack.pop()),
            _ => {}
        }
    }
    stack
}

fn is_line_item(text: &str, at: usize) -> bool {
    lexeme(text, at).is_some_and(|word| matches!(word.of(text), "param" | "import"))
}

/// Tells whether `word word {`, `param` or `import` stands at a byte.
pub(super) fn is_header(text: &str, at: usize) -> bool {
    if is_line_item(text, at) {
        return true;
    }
    let is_word = |found: &Lexeme| {
        found.kind == Kind::Word
            && !found.of(text).starts_with(|first: char| first.is_ascii_digit())
    };
    let mut found = lexemes(text, at);
    found.next().is_some_and(|kind| is_word(&kind))
        && found.next().is_some_and(|blank| blank.kind == Kind::Blank)
        && found.next().is_some_and(|name| is_word(&name))
        && found.find(|next| !next.is_layout()).is_some_and(|next| next.kind == Kind::Open(b'{'))
}

/// Finds the first line behind a byte on which an item starts, at column one; else the text's end.
pub(super) fn next_header(text: &str, start: usize) -> usize {
    let lines = text[start..].match_indices('\n').map(|(at, _)| start + at + 1);
    lines.into_iter().find(|at| is_header(text, *at)).unwrap_or(text.len())
}

/// Finds the first of the `##` lines directly above an item.
pub(super) fn doc_start(text: &str, item: usize) -> usize {
    let mut start = item;
    for line in text[..item].split_inclusive('\n').rev() {
        if !line.ends_with('\n') || doc_line(line.trim()).is_none() {
            break;
        }
        start -= line.len();
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_directly_above_are_the_doc() {
        let check = |text: &str, doc: &str| assert_eq!(gap(text, 0).doc, doc, "{text:?}");
        check("## a\n##  b \n  ##\nx", "a\n b\n");
        check("## a\r\n## b\r\nx", "a\nb");
        check("## a\n\n## b\nx", "b");
        check("## a\n# b\nx", "");
        check("## a\n \nx", "");
        check("### a\nx", "");
        check("\u{FEFF}## a\nx", "");
        assert_eq!(gap("\u{FEFF}## a\nx", 3).doc, "a");
        assert_eq!(gap("} ## a\nx", 1).doc, "");
    }

    #[test]
    fn an_item_ends_at_its_brace_or_its_line() {
        let check = |text: &str, end: Result<usize, Trouble>| {
            assert_eq!(item_end(text, 0), end, "{text:?}");
        };
        check("a b { c: \"}\" } d", Ok(14));
        check("a b\n{ # }\n}", Ok(11));
        check("param a: int = [1,\n2] # c\n", Ok(21));
        check("param a:\n int", Ok(13));
        check("a b {\nc d {", Err(Trouble::Unclosed { open: 4, suspect: None, at: 6 }));
        check("a b {\n  m: {\n}\n", Err(Trouble::Unclosed { open: 4, suspect: Some(11), at: 15 }));
        check("a b { c: [ }", Err(Trouble::Crossed { open: 9, close: 11 }));
        check("}", Err(Trouble::Unopened { close: 0, open: None }));
        check("a", Err(Trouble::Unended { at: 1 }));
    }

    #[test]
    fn nesting_is_bounded() {
        let nest =
            |depth: usize| format!("a b {{ c: {}{} }}", "[".repeat(depth), "]".repeat(depth));
        assert!(item_end(&nest(DEEPEST - 1), 0).is_ok());
        let deep = item_end(&nest(DEEPEST), 0);
        assert_eq!(deep, Err(Trouble::Deep { at: 9 + DEEPEST - 1 }));
    }

    #[test]
    fn a_header_starts_at_column_one() {
        let check = |text: &str, end: usize| assert_eq!(next_header(text, 0), end, "{text:?}");
        check("a b {\nc d {", 6);
        check("a b {\n c d {\nparam x", 13);
        check("a b {\nc d # e\n\n{", 6);
        check("a b {\nc\n{\nc d\nimports\nimport", 22);
        check("a b {\nc {\n", 10);
    }
}
