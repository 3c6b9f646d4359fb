//! Values on one line, where they may stand on one.

use super::comments::{any_between, ends_line};
use crate::syntax::ast::{Argument, Call, Field, Value};
use crate::syntax::scan::Lexeme;
use crate::text::{Span, Spanned};

/// What can be told of a text without writing it.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    /// The text.
    pub(super) text: &'a str,
    /// Its comments.
    pub(super) comments: &'a [Lexeme],
}

/// A line as it grows; it gives up beyond its width.
struct Line<'a> {
    source: Source<'a>,
    out: String,
    room: usize,
}

/// Writes a value on one line of at most so many columns.
pub(super) fn value(source: Source<'_>, value: &Spanned<Value>, room: usize) -> Option<String> {
    let mut line = Line { source, out: String::new(), room };
    line.value(value)?;
    Some(line.out)
}

/// Writes the fields of a block or map on one line, unless they were begun on the next.
pub(super) fn fields(
    source: Source<'_>,
    (open, end): (usize, usize),
    fields: &[Field],
    room: usize,
) -> Option<String> {
    let mut line = Line { source, out: String::new(), room };
    line.fields(open, end, fields)?;
    Some(line.out)
}

impl<'a> Line<'a> {
    fn push(&mut self, text: &str) -> Option<()> {
        self.room = self.room.checked_sub(text.chars().count())?;
        self.out.push_str(text);
        Some(())
    }

    /// Writes what stands in the source.
    fn copy(&mut self, span: Span) -> Option<()> {
        let source: Source<'a> = self.source;
        let written = source.text.get(span.range())?;
        if written.contains('\n') { None } else { self.push(written) }
    }

    fn value(&mut self, value: &Spanned<Value>) -> Option<()> {
        let (start, end) = (value.span.start as usize, value.span.end as usize);
        match &value.node {
            Value::List(list) => self.list(start, end, list),
            Value::Map(fields) => self.fields(start, end, fields),
            Value::Call(call) => self.call(call, end),
            Value::Range(from, to) => self.joined(from, "..", to),
            Value::Compare(left, sign, right) => self.joined(left, sign.node.sign(), right),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Percent(_)
            | Value::Duration(_)
            | Value::Size(_)
            | Value::Text(_)
            | Value::Path(_)
            | Value::Param(_) => self.copy(value.span),
        }
    }

    fn joined(&mut self, left: &Spanned<Value>, sign: &str, right: &Spanned<Value>) -> Option<()> {
        self.value(left)?;
        self.push(&format!(" {sign} "))?;
        self.value(right)
    }

    fn uncommented(&self, start: usize, end: usize) -> Option<()> {
        (!any_between(self.source.comments, start, end)).then_some(())
    }

    fn list(&mut self, start: usize, end: usize, list: &[Spanned<Value>]) -> Option<()> {
        self.uncommented(start, end)?;
        self.push("[")?;
        for (index, value) in list.iter().enumerate() {
            self.comma(index)?;
            self.value(value)?;
        }
        self.push("]")
    }

    fn fields(&mut self, open: usize, end: usize, fields: &[Field]) -> Option<()> {
        self.uncommented(open, end)?;
        if fields.is_empty() {
            return self.push("{}");
        }
        if ends_line(self.source.text, open + 1) {
            return None;
        }
        self.push("{ ")?;
        for (index, field) in fields.iter().enumerate() {
            self.comma(index)?;
            self.copy(field.key.span)?;
            self.push(": ")?;
            self.value(&field.value)?;
        }
        self.push(" }")
    }

    fn call(&mut self, call: &Call, end: usize) -> Option<()> {
        let (first, last) = (call.name.first()?, call.name.last()?);
        self.uncommented(last.span.end as usize, end)?;
        self.copy(first.span.to(last.span))?;
        self.push("(")?;
        for (index, argument) in call.args.iter().enumerate() {
            self.comma(index)?;
            self.argument(argument)?;
        }
        self.push(")")
    }

    fn argument(&mut self, argument: &Argument) -> Option<()> {
        if let Some(name) = &argument.name {
            self.copy(name.span)?;
            self.push(": ")?;
        }
        self.value(&argument.value)
    }

    fn comma(&mut self, index: usize) -> Option<()> {
        if index == 0 { Some(()) } else { self.push(", ") }
    }
}
