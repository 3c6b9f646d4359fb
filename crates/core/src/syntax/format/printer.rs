//! Writes items, entry by entry, and weaves the comments in.

use super::comments::{any_between, comments, opener};
use super::oneline::{self, Source};
use super::{INDENT, WIDTH};
use crate::syntax::ast::{Argument, Block, Field, Import, Item, Param, Value};
use crate::syntax::literal::raw_lines;
use crate::syntax::scan::Lexeme;
use crate::text::{Span, Spanned};

/// Writes one file.
pub(super) struct Printer<'a> {
    text: &'a str,
    comments: Vec<Lexeme>,
    /// The first comment that is not written yet.
    next: usize,
    /// The byte of the text behind what is written; nothing at the start of the file or of a
    /// bracket, where no blank line is kept.
    last: Option<usize>,
    indent: usize,
    /// What is written.
    pub(super) out: String,
}

/// An entry of a bracket.
#[derive(Clone, Copy)]
enum Entry<'t> {
    Field(&'t Field),
    Value(&'t Spanned<Value>),
    Argument(&'t Argument),
}

impl Entry<'_> {
    fn span(&self) -> Span {
        match self {
            Self::Field(field) => field.key.span.to(field.value.span),
            Self::Value(value) => value.span,
            Self::Argument(Argument { name: Some(name), value }) => name.span.to(value.span),
            Self::Argument(Argument { name: None, value }) => value.span,
        }
    }
}

/// A bracket whose entries have lines of their own.
struct Bracket {
    open: char,
    close: char,
    /// What follows each entry.
    mark: &'static str,
    /// The bytes of the opening bracket and behind the closing one.
    start: usize,
    end: usize,
}

impl<'a> Printer<'a> {
    /// Starts with nothing written.
    pub(super) fn new(text: &'a str) -> Self {
        let comments = comments(text);
        Self { text, comments, next: 0, last: None, indent: 0, out: String::new() }
    }

    /// Writes the comments behind the last item and gives the text.
    pub(super) fn finish(mut self) -> String {
        self.leading_comments(self.text.len());
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out
    }

    /// Starts a line for what stands at a byte; tells whether a blank line is kept above.
    fn line(&mut self, start: usize) -> bool {
        let between = self.last.and_then(|last| self.text.get(last..start)).unwrap_or_default();
        let blank = between.matches('\n').count() > 1;
        if blank {
            self.out.push('\n');
        }
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out.extend(std::iter::repeat_n(' ', self.indent));
        blank
    }

    /// Takes the next comment if it starts before a byte.
    fn comment_before(&mut self, end: usize) -> Option<Lexeme> {
        let comment = self.comments.get(self.next).copied().filter(|it| it.start < end)?;
        self.next += 1;
        Some(comment)
    }

    fn comment(&mut self, comment: Lexeme) {
        self.out.push_str(comment.of(self.text).trim_end());
        self.last = Some(comment.end);
    }

    /// Writes the comments before a byte, and starts the line of what stands there unless it is
    /// the end; tells whether a blank line is kept anywhere.
    pub(super) fn leading_comments(&mut self, start: usize) -> bool {
        let mut spaced = self.own_line_comments(start);
        if start < self.text.len() {
            spaced |= self.line(start);
        }
        spaced
    }

    fn own_line_comments(&mut self, end: usize) -> bool {
        let mut spaced = false;
        while let Some(comment) = self.comment_before(end) {
            spaced |= self.line(comment.start);
            self.comment(comment);
        }
        spaced
    }

    /// Writes the comment on the line on which something ended, before a byte.
    fn trailing_comment(&mut self, ended: usize, end: usize) {
        self.last = Some(ended);
        let same_line = |comment: &Lexeme| {
            !self.text.get(ended..comment.start).is_some_and(|between| between.contains('\n'))
        };
        if self.comments.get(self.next).is_some_and(same_line)
            && let Some(comment) = self.comment_before(end)
        {
            self.out.push(' ');
            self.comment(comment);
        }
    }

    /// Writes an item and the comment behind it.
    pub(super) fn item(&mut self, item: &Item) {
        let span = match item {
            Item::Header(block) | Item::Block(block) => self.block(block),
            Item::Param(param) => self.param(param),
            Item::Import(import) => self.import(import),
        };
        self.trailing_comment(span.end as usize, self.text.len());
    }

    fn copy(&mut self, span: Span) {
        self.out.push_str(self.text.get(span.range()).unwrap_or_default());
    }

    fn import(&mut self, import: &Import) -> Span {
        self.out.push_str("import ");
        self.copy(import.path.span);
        if let Some(alias) = &import.alias {
            self.out.push_str(" as ");
            self.copy(alias.span);
        }
        import.span
    }

    fn param(&mut self, param: &Param) -> Span {
        self.out.push_str("param ");
        self.copy(param.name.span);
        self.colon_and_value(param.name.span, &param.kind);
        if let Some(default) = &param.default {
            self.out.push_str(" = ");
            self.value(default);
        }
        if let Some(description) = &param.description {
            self.out.push(' ');
            self.copy(description.span);
        }
        param.span
    }

    fn block(&mut self, block: &Block) -> Span {
        self.copy(block.kind.span);
        self.out.push(' ');
        self.copy(block.name.span);
        self.out.push(' ');
        let named = block.name.span.end as usize;
        let (start, end) = (opener(self.text, named), block.span.end as usize);
        let free = !any_between(&self.comments, named, start);
        let line = oneline::fields(self.source(), (start, end), &block.fields, self.room());
        match line.filter(|_| free) {
            Some(line) => self.out.push_str(&line),
            None => self.fields(start, end, &block.fields),
        }
        block.span
    }

    fn source(&self) -> Source<'_> {
        Source { text: self.text, comments: &self.comments }
    }

    /// How many columns are left on the line.
    fn room(&self) -> usize {
        let start = self.out.rfind('\n').map_or(0, |newline| newline + 1);
        WIDTH.saturating_sub(self.out[start..].chars().count())
    }

    fn value(&mut self, value: &Spanned<Value>) {
        self.value_before(value, "");
    }

    /// Writes a value that a mark follows on the same line.
    fn value_before(&mut self, value: &Spanned<Value>, mark: &str) {
        let room = self.room().saturating_sub(mark.len());
        match oneline::value(self.source(), value, room) {
            Some(line) => self.out.push_str(&line),
            None => self.broken(value),
        }
        self.out.push_str(mark);
    }

    /// Writes a value that does not stand on one line, or can't be broken.
    fn broken(&mut self, value: &Spanned<Value>) {
        let (start, end) = (value.span.start as usize, value.span.end as usize);
        match &value.node {
            Value::List(list) => {
                let bracket = Bracket { open: '[', close: ']', mark: ",", start, end };
                self.entries(&bracket, list.iter().map(Entry::Value));
            }
            Value::Map(fields) => self.fields(start, end, fields),
            Value::Call(call) => {
                if let (Some(first), Some(last)) = (call.name.first(), call.name.last()) {
                    self.copy(first.span.to(last.span));
                    let start = opener(self.text, last.span.end as usize);
                    let bracket = Bracket { open: '(', close: ')', mark: ",", start, end };
                    self.entries(&bracket, call.args.iter().map(Entry::Argument));
                }
            }
            Value::Range(left, right) => self.joined(left, "..", right),
            Value::Compare(left, sign, right) => self.joined(left, sign.node.sign(), right),
            Value::Text(_) => self.raw(value.span),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Percent(_)
            | Value::Duration(_)
            | Value::Size(_)
            | Value::Path(_)
            | Value::Param(_) => self.copy(value.span),
        }
    }

    fn joined(&mut self, left: &Spanned<Value>, sign: &str, right: &Spanned<Value>) {
        self.value_before(left, " ");
        self.out.push_str(sign);
        self.out.push(' ');
        self.value(right);
    }

    fn fields(&mut self, start: usize, end: usize, fields: &[Field]) {
        let bracket = Bracket { open: '{', close: '}', mark: "", start, end };
        self.entries(&bracket, fields.iter().map(Entry::Field));
    }

    /// Writes each entry on a line of its own.
    fn entries<'t>(&mut self, bracket: &Bracket, entries: impl Iterator<Item = Entry<'t>>) {
        self.out.push(bracket.open);
        self.indent += INDENT;
        let entries: Vec<Entry<'t>> = entries.collect();
        let start_of = |index: usize| {
            entries.get(index).map_or(bracket.end, |entry| entry.span().start as usize)
        };
        self.comment_behind_opener(bracket, start_of(0));
        for (index, entry) in entries.iter().enumerate() {
            self.leading_comments(start_of(index));
            self.entry(*entry, bracket.mark);
            self.trailing_comment(entry.span().end as usize, start_of(index + 1));
        }
        self.own_line_comments(bracket.end);
        self.indent -= INDENT;
        // Nothing was written only where nothing is between the brackets.
        if self.last.take().is_some() {
            self.line(bracket.end);
        }
        self.out.push(bracket.close);
    }

    /// Writes the comment that stands behind the opening bracket, or before it behind a name.
    fn comment_behind_opener(&mut self, bracket: &Bracket, first: usize) {
        let early = self.comments.get(self.next).is_some_and(|it| it.start < bracket.start);
        self.last = None;
        if early {
            if let Some(comment) = self.comment_before(bracket.start) {
                self.out.push(' ');
                self.comment(comment);
            }
            self.own_line_comments(bracket.start);
            self.last = self.last.map(|_| bracket.start);
        } else {
            let written = self.next;
            self.trailing_comment(bracket.start, first);
            if self.next == written {
                self.last = None;
            }
        }
    }

    fn entry(&mut self, entry: Entry<'_>, mark: &str) {
        match entry {
            Entry::Field(field) => {
                self.copy(field.key.span);
                self.colon_and_value_before(field.key.span, &field.value, mark);
            }
            Entry::Argument(Argument { name: Some(name), value }) => {
                self.copy(name.span);
                self.colon_and_value_before(name.span, value, mark);
            }
            Entry::Value(value) | Entry::Argument(Argument { name: None, value }) => {
                self.value_before(value, mark);
            }
        }
    }

    fn colon_and_value(&mut self, key: Span, value: &Spanned<Value>) {
        self.colon_and_value_before(key, value, "");
    }

    /// Writes a colon, the comments behind it, and the value.
    fn colon_and_value_before(&mut self, key: Span, value: &Spanned<Value>, mark: &str) {
        self.out.push(':');
        let (start, end) = (key.end as usize, value.span.start as usize);
        if !any_between(&self.comments, start, end) {
            self.out.push(' ');
            self.value_before(value, mark);
            return;
        }
        self.indent += INDENT;
        if let Some(comment) = self.comment_before(end) {
            self.out.push(' ');
            self.comment(comment);
        }
        self.leading_comments(end);
        self.value_before(value, mark);
        self.indent -= INDENT;
    }

    /// Writes a string of several lines, indented to where it stands.
    fn raw(&mut self, span: Span) {
        const QUOTES: &str = "\"\"\"";
        let written = self.text.get(span.range()).unwrap_or_default();
        let Some(content) = written.strip_prefix(QUOTES).and_then(|it| it.strip_suffix(QUOTES))
        else {
            self.copy(span);
            return;
        };
        let lines = raw_lines(content);
        let outer = " ".repeat(self.indent);
        let inner =
            if lines.says_anything { " ".repeat(self.indent + INDENT) } else { String::new() };
        self.out.push_str(QUOTES);
        self.out.push_str(lines.head.unwrap_or_default());
        for (_, line) in lines.rest {
            self.out.push('\n');
            if !line.is_empty() {
                self.out.push_str(&inner);
                self.out.push_str(line);
            }
        }
        if lines.own_close {
            self.out.push('\n');
            self.out.push_str(&outer);
        }
        self.out.push_str(QUOTES);
    }
}
