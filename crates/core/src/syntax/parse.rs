//! Reads one file: its tree, and everything that is wrong with its text.

use super::ast::{File, Item, Name};
use super::build::Builder;
use super::outline::{self, Gap};
use super::scan::{Kind, lexemes};
use super::{characters, grammar, mistakes};
use crate::diag::{Diagnostic, Diagnostics};
use crate::text::{SourceFile, Span, Spanned};

/// How many bytes a file may have.
const LARGEST: usize = 16 << 20;

/// How many findings end the reading of a file.
const MOST_FINDINGS: usize = 20_000;

/// How often, on average, a byte may be read while looking for the ends of items. Only a text of
/// interleaved unclosed strings comes near; beyond, no item reaches past the next one's start.
const REREADS: usize = 8;

/// Parses one file, whatever it says: what is broken is missing from the tree and is reported.
#[must_use]
pub fn parse(file: &SourceFile) -> (File, Diagnostics) {
    let mut reader = Reader::new(file);
    if file.text.len() > LARGEST {
        reader.found.push(too_large(file));
        return (reader.tree, reader.found);
    }
    characters::check(file, &mut reader.found);
    let mut at = if file.text.starts_with('\u{FEFF}') { '\u{FEFF}'.len_utf8() } else { 0 };
    loop {
        let gap = outline::gap(&file.text, at);
        if gap.end == file.text.len() {
            break;
        }
        if reader.found.len() >= MOST_FINDINGS {
            reader.found.push(too_much(file, gap.end));
            break;
        }
        at = reader.item(gap);
    }
    reader.found.sort();
    (reader.tree, reader.found)
}

fn too_large(file: &SourceFile) -> Diagnostic {
    let message = format!("this file has {} bytes, more than {LARGEST}", file.text.len());
    Diagnostic::error("syntax-file-size", Span::new(file.id, 0, 0), message)
}

fn too_much(file: &SourceFile, at: usize) -> Diagnostic {
    let message = format!("more than {MOST_FINDINGS} errors; the rest of the file is not read");
    Diagnostic::error("syntax-file-size", Span::new(file.id, at, at), message)
}

struct Reader<'a> {
    file: &'a SourceFile,
    text: &'a str,
    tree: File,
    found: Diagnostics,
    header: Option<Span>,
    /// How many bytes the search for ends of items has read.
    read: usize,
    /// The start of an item at column one, once looked for.
    next: Option<usize>,
}

impl<'a> Reader<'a> {
    fn new(file: &'a SourceFile) -> Self {
        let (tree, found) = (File::default(), Diagnostics::default());
        Self { file, text: &file.text, tree, found, header: None, read: 0, next: None }
    }

    /// Reads the item behind a gap and gives the byte behind it.
    fn item(&mut self, gap: Gap) -> usize {
        let start = gap.end;
        let joined = gap.same_line && outline::is_header(self.text, start);
        if joined {
            self.found.push(self.line_end(start));
        }
        let Some((pair, end)) = self.whole(start) else {
            return self.broken(start, gap.same_line && !joined);
        };
        let file = self.file.id;
        let item = Builder { file, base: start, found: &mut self.found }.item(pair, gap.doc);
        self.keep(item);
        end
    }

    /// Matches the item that starts at a byte, if it is whole.
    fn whole(&mut self, start: usize) -> Option<(pest::iterators::Pair<'a, grammar::Rule>, usize)> {
        let spent = self.read > REREADS * self.text.len() + LARGEST / 16;
        let limit = if spent { self.next_header(start) } else { self.text.len() };
        let end = outline::item_end(&self.text[..limit], start);
        self.read += end.unwrap_or_else(outline::Trouble::reached).saturating_sub(start);
        let end = end.ok()?;
        grammar::item(&self.text[start..end]).ok().map(|pair| (pair, end))
    }

    /// Finds the start of the first item at column one behind a byte.
    fn next_header(&mut self, start: usize) -> usize {
        let next = self.next.filter(|next| *next > start);
        let next = next.unwrap_or_else(|| outline::next_header(self.text, start));
        self.next = Some(next);
        next
    }

    /// Reports a broken item and gives the byte where reading goes on.
    fn broken(&mut self, start: usize, same_line: bool) -> usize {
        let next = self.next_header(start);
        let doc = outline::doc_start(self.text, next);
        let end = if doc > start { doc } else { next };
        let name = broken_name(self.file, start, end);
        self.tree.broken.extend(name);
        let closes = self.text[start..].starts_with(['}', ']', ')']);
        let refused = characters::is_refused_at(self.text, start);
        if same_line && !closes && !refused {
            self.found.push(self.line_end(start));
        } else {
            self.found.extend(mistakes::explain(self.file, start, end));
        }
        end
    }

    fn line_end(&self, start: usize) -> Diagnostic {
        let end = lexemes(self.text, start).next().map_or(start, |found| found.end);
        let span = Span::new(self.file.id, start, end);
        Diagnostic::error("syntax-line-end", span, "a block, `param` or `import` ends its line")
            .label("expected the end of the line")
    }

    fn keep(&mut self, item: Item) {
        if let Item::Header(header) = &item {
            if let Some(first) = self.header {
                let error = Diagnostic::error(
                    "syntax-doubled-header",
                    header.kind.span.to(header.name.span),
                    "a file has at most one header",
                );
                self.found
                    .push(error.label("the second header").related(first, "the first header"));
                return;
            }
            self.header = Some(header.kind.span.to(header.name.span));
        }
        self.tree.items.push(item);
    }
}

/// Gives the name of a broken item: its second word.
fn broken_name(file: &SourceFile, start: usize, end: usize) -> Option<Name> {
    let text = &file.text[..end];
    let mut words = lexemes(text, start).filter(|found| found.kind != Kind::Blank);
    let (kind, name) = (words.next()?, words.next()?);
    let is_import = kind.of(text) == "import";
    let named = kind.kind == Kind::Word && name.kind == Kind::Word && !is_import;
    let span = Span::new(file.id, name.start, name.end);
    named.then(|| Spanned::new(name.of(text).to_owned(), span))
}
