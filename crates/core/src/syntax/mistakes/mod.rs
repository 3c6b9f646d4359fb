//! Says what is wrong with an item that does not match the grammar.
//!
//! One finding an item: the earliest of what the brackets and the grammar tell. Common mistakes
//! are known by where they stand and have words of their own; the rest are told as what was
//! expected and what was found.

mod common;
mod numbers;

use super::grammar::{self, Rule};
use super::outline::{self, Trouble, closer};
use super::scan::{Kind, Lexeme, lexeme, lexemes};
use super::{characters, literal};
use crate::diag::Diagnostic;
use crate::text::{SourceFile, Span};

/// The words that are no names.
const RESERVED: [&str; 7] = ["import", "param", "pipeline", "true", "false", "null", "inf"];

/// Explains the broken item that stands between two bytes; nothing if a refused character broke
/// it, which has its own finding.
pub(super) fn explain(file: &SourceFile, start: usize, end: usize) -> Option<Diagnostic> {
    let text = &file.text[..end];
    let trouble = outline::item_end(text, start).err();
    if let Some(deep @ Trouble::Deep { .. }) = trouble {
        return explain_trouble(file, deep);
    }
    let misfit = grammar::item(&text[start..]).err();
    let (at, expected) = misfit.map_or((end, Vec::new()), |misfit| (misfit.at, misfit.expected));
    let site = Site::new(file, text, start, start + at, expected);
    let trouble = trouble.filter(|trouble| site.is_behind(*trouble));
    match trouble.and_then(|trouble| explain_trouble(file, trouble)) {
        Some(diagnostic) => Some(diagnostic),
        None if characters::is_refused_at(&file.text, site.at) => None,
        None => Some(site.explain()),
    }
}

/// Explains what the brackets and quotes tell.
fn explain_trouble(file: &SourceFile, trouble: Trouble) -> Option<Diagnostic> {
    let text = &*file.text;
    let mark = |at: usize| Span::new(file.id, at, at + 1);
    let byte = |at: usize| text.as_bytes().get(at).copied().unwrap_or_default();
    let sign = |at: usize| char::from(byte(at));
    let unclosed = |span: Span, what: &str| {
        Diagnostic::error("syntax-unclosed", span, format!("this {what} is never closed"))
    };
    Some(match trouble {
        Trouble::Text(found) => unclosed(Span::new(file.id, found.start, found.end), "string")
            .label("expected a `\"` before the end of the line")
            .help("a string of several lines stands between `\"\"\"` and `\"\"\"`"),
        Trouble::Raw(found) => {
            unclosed(Span::new(file.id, found.start, found.start + 3), "raw string")
                .label("opened here")
                .help("close it with `\"\"\"`")
        }
        Trouble::Crossed { open, close } => {
            unclosed(mark(open), &format!("`{}`", sign(open))).label("opened here").related(
                mark(close),
                format!("expected `{}` before this", char::from(closer(byte(open)))),
            )
        }
        Trouble::Unclosed { open, suspect, at } => {
            let first = suspect.unwrap_or(open);
            let error = unclosed(mark(first), &format!("`{}`", sign(first))).label("opened here");
            let error = match suspect {
                Some(_) => error
                    .related(mark(open), "left open at the end")
                    .help("by its indentation, the bracket that closes this one is another's"),
                None => error,
            };
            match lexeme(text, at) {
                Some(next) => error
                    .related(Span::new(file.id, next.start, next.end), "the next item starts here"),
                None => error,
            }
        }
        Trouble::Unopened { close, open } => {
            let message = format!("this `{}` closes nothing", sign(close));
            let error = Diagnostic::error("syntax-unopened", mark(close), message);
            match open.filter(|open| byte(*open) != b'{') {
                Some(open) => error
                    .label(format!("expected `{}`", char::from(closer(byte(open)))))
                    .related(mark(open), "opened here"),
                None => error,
            }
        }
        Trouble::Deep { at } => {
            let message = format!("brackets nest deeper than {}", outline::DEEPEST);
            Diagnostic::error("syntax-depth", mark(at), message)
        }
        Trouble::Unended { .. } => return None,
    })
}

/// The place at which an item stops matching.
struct Site<'a> {
    file: &'a SourceFile,
    /// The file up to the end of the item.
    text: &'a str,
    /// Where the item starts.
    start: usize,
    /// Where it stops matching, behind blanks.
    at: usize,
    /// What could have stood there.
    expected: Vec<Rule>,
    /// What stands there, if anything does.
    found: Option<Lexeme>,
    /// What stands before, but layout.
    before: Option<Lexeme>,
    /// Whether `before` and `found` stand on one line.
    same_line: bool,
}

/// Recognises one common mistake.
type Mistake = fn(&Site<'_>) -> Option<Diagnostic>;

/// The common mistakes; the first that recognises the place has the word.
const MISTAKES: &[Mistake] = &[
    common::quotes,
    common::comment_marks,
    common::semicolon,
    numbers::spaced_unit,
    numbers::points,
    numbers::ranges,
    numbers::signs,
    numbers::dates,
    common::equals,
    common::outside_of_blocks,
    common::nameless_items,
    common::import_path,
    common::reserved_words,
    common::letters_of_names,
    common::missing_colon,
    common::missing_value,
    common::spaced_call,
    common::loose_comma,
    common::missing_comma,
    common::dollar,
    common::template,
    common::bare_default,
    common::second_colon,
    common::chained,
];

impl<'a> Site<'a> {
    fn new(
        file: &'a SourceFile,
        text: &'a str,
        start: usize,
        at: usize,
        expected: Vec<Rule>,
    ) -> Self {
        let mut site =
            Self { file, text, start, at, expected, found: None, before: None, same_line: true };
        site.found = lexeme(text, at);
        if let Some(blank) = site.found.filter(|found| found.kind == Kind::Blank) {
            (site.at, site.found) = (blank.end, lexeme(text, blank.end));
        }
        for found in lexemes(text, start).take_while(|found| found.start < site.at) {
            match found.kind {
                Kind::Blank | Kind::Comment => {}
                Kind::LineEnd => site.same_line = false,
                _ => (site.before, site.same_line) = (Some(found), true),
            }
        }
        site
    }

    /// Tells whether the item makes sense up to a trouble with its brackets or quotes.
    fn is_behind(&self, trouble: Trouble) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let ended = lexemes(rest, 0).all(Lexeme::is_layout);
        let stray_colon = self.found_is(":") && self.innermost_is(trouble);
        self.at >= trouble.at() || ended || stray_colon
    }

    /// Tells whether the innermost open bracket is a `[` that is not closed: the fields that
    /// follow then look like its entries.
    fn innermost_is(&self, trouble: Trouble) -> bool {
        let (Trouble::Crossed { open, .. } | Trouble::Unclosed { open, .. }) = trouble else {
            return false;
        };
        let innermost = outline::open_at(self.text, self.start, self.at).pop();
        innermost == Some(open) && self.text[open..].starts_with('[')
    }

    fn explain(&self) -> Diagnostic {
        let mistake = MISTAKES.iter().find_map(|mistake| mistake(self));
        mistake.unwrap_or_else(|| self.general())
    }

    /// Says what was expected and what was found.
    fn general(&self) -> Diagnostic {
        let expected = self.expected_words();
        let found = self.found_words();
        self.error("syntax-expected", format!("expected {expected}, found {found}"))
            .label(format!("expected {expected}"))
    }

    fn error(&self, code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, self.found_span(), message)
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file.id, start, end)
    }

    fn found_span(&self) -> Span {
        match self.found {
            Some(found) if found.kind == Kind::LineEnd => self.span(self.at, self.at),
            Some(found) => self.span(found.start, found.end),
            None => self.span(self.at, self.at),
        }
    }

    fn found_text(&self) -> &'a str {
        self.found.map_or("", |found| found.of(self.text))
    }

    fn found_is(&self, text: &str) -> bool {
        self.found_text() == text
    }

    fn found_kind(&self) -> Option<Kind> {
        self.found.map(|found| found.kind)
    }

    fn before_text(&self) -> &'a str {
        self.before.map_or("", |before| before.of(self.text))
    }

    /// Tells whether nothing stands between what is found and what stands before.
    fn adjacent(&self) -> bool {
        self.before.is_some_and(|before| before.end == self.at)
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn character(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn expects(&self, rule: Rule) -> bool {
        self.expected.contains(&rule)
    }

    fn expects_value(&self) -> bool {
        self.expects(Rule::value) || self.expects(Rule::side) || self.expects(Rule::arg)
    }

    /// Tells whether something starts here that would be an entry.
    fn finds_entry(&self) -> bool {
        let starts = matches!(
            self.found_kind(),
            Some(Kind::Word | Kind::Text { .. } | Kind::Raw { .. } | Kind::Open(_))
        );
        starts || self.found_is("$") || self.rest().starts_with('-')
    }

    fn expected_words(&self) -> String {
        let closes = |rule: &Rule| matches!(rule, Rule::close | Rule::unbracket | Rule::unparen);
        let mut rules: Vec<Rule> = self.expected.clone();
        rules.retain(|rule| self.is_telling(*rule));
        rules.sort_by_key(closes);
        let mut words: Vec<&str> = Vec::new();
        for word in rules.into_iter().filter_map(grammar::words).flatten() {
            if !words.contains(word) {
                words.push(word);
            }
        }
        match words.split_last() {
            None => "something else".into(),
            Some((last, [])) => (*last).into(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
        }
    }

    /// Leaves out what could go on with a value that is complete.
    fn is_telling(&self, rule: Rule) -> bool {
        let goes_on =
            matches!(rule, Rule::cmp | Rule::dots | Rule::args | Rule::paren | Rule::unit);
        let ends = |rule: &Rule| matches!(rule, Rule::sep | Rule::unbracket | Rule::EOI);
        !(goes_on && self.expected.iter().any(ends))
    }

    fn found_words(&self) -> String {
        let text = self.found_text();
        match self.found_kind() {
            None if self.text.len() < self.file.text.len() => "the start of the next item".into(),
            None => "the end of the file".into(),
            Some(Kind::LineEnd | Kind::Comment) => "the end of the line".into(),
            Some(Kind::Text { .. } | Kind::Raw { .. }) => "a string".into(),
            Some(Kind::Mark) => match self.character() {
                Some(mark) if !mark.is_ascii_graphic() && !mark.is_alphabetic() => {
                    format!("the character {}", characters::name(mark))
                }
                _ => format!("`{text}`"),
            },
            Some(_) => format!("`{}`", shortened(text)),
        }
    }
}

/// Cuts a long word for a message.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 40;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Tells whether a lexeme is a number, as far as a lexeme can be.
fn is_number(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
}

fn is_unit(text: &str) -> bool {
    text == "%" || literal::is_unit(text)
}
