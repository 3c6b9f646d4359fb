//! Matched rules → tree.
//!
//! What the grammar can't say is checked here: doubled keys, the ends of a range, the left side
//! of a comparison, the parts of a reference, and what literals are worth.

use std::collections::HashMap;

use pest::iterators::Pair;

use super::ast::{
    Argument, Block, Call, Comparison, Field, Import, Item, Key, Name, Number, Param, Value,
};
use super::grammar::Rule;
use super::literal;
use crate::diag::{Diagnostic, Diagnostics};
use crate::text::{FileId, Span, Spanned};

/// The most parts that a reference to a stage or column has: `c.parts.train`.
const REFERENCE_PARTS: usize = 3;

/// The most parts that a parameter has: `$c.name`.
const PARAM_PARTS: usize = 2;

/// Builds the items of one file.
pub(super) struct Builder<'a> {
    /// The file, for spans.
    pub(super) file: FileId,
    /// The byte at which the matched text starts.
    pub(super) base: usize,
    /// Takes what is wrong.
    pub(super) found: &'a mut Diagnostics,
}

impl Builder<'_> {
    /// Builds an import, a parameter, the header or a block.
    pub(super) fn item(&mut self, pair: Pair<'_, Rule>, doc: String) -> Item {
        match pair.as_rule() {
            Rule::import => Item::Import(self.import(pair)),
            Rule::param => Item::Param(self.param(pair, doc)),
            Rule::header => Item::Header(self.block(pair, doc)),
            _ => Item::Block(self.block(pair, doc)),
        }
    }

    fn span(&self, pair: &Pair<'_, Rule>) -> Span {
        let span = pair.as_span();
        Span::new(self.file, self.base + span.start(), self.base + span.end())
    }

    fn name(&self, pair: &Pair<'_, Rule>) -> Name {
        Spanned::new(pair.as_str().to_owned(), self.span(pair))
    }

    fn names(&self, pair: Pair<'_, Rule>) -> Vec<Name> {
        pair.into_inner().map(|name| self.name(&name)).collect()
    }

    fn string(&mut self, pair: &Pair<'_, Rule>) -> Spanned<String> {
        let span = self.span(pair);
        Spanned::new(literal::text(pair.as_str(), span, self.found).value, span)
    }

    fn import(&mut self, pair: Pair<'_, Rule>) -> Import {
        let span = self.span(&pair);
        let path = Spanned::new(String::new(), span);
        let mut import = Import { path, alias: None, span };
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::string => import.path = self.string(&part),
                Rule::name => import.alias = Some(self.name(&part)),
                _ => {}
            }
        }
        import
    }

    fn param(&mut self, pair: Pair<'_, Rule>, doc: String) -> Param {
        let span = self.span(&pair);
        let name = Spanned::new(String::new(), span);
        let kind = Spanned::new(Value::Null, span);
        let mut param = Param { doc, name, kind, default: None, description: None, span };
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::name => param.name = self.name(&part),
                Rule::kind => param.kind = self.kind(part),
                Rule::value => param.default = Some(self.value(part)),
                Rule::string => param.description = Some(self.string(&part)),
                _ => {}
            }
        }
        param
    }

    fn kind(&mut self, pair: Pair<'_, Rule>) -> Spanned<Value> {
        let span = self.span(&pair);
        let mut kind = Value::Null;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::word => kind = self.word(part),
                Rule::kind => kind = Value::List(vec![self.kind(part)]),
                _ => {}
            }
        }
        Spanned::new(kind, span)
    }

    fn block(&mut self, pair: Pair<'_, Rule>, doc: String) -> Block {
        let span = self.span(&pair);
        let mut names = Vec::new();
        let mut fields = Vec::new();
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::body => fields = self.fields(part, "field"),
                _ => names.push(self.name(&part)),
            }
        }
        for field in &fields {
            self.check_block_key(&field.key);
        }
        let mut names = names.into_iter();
        let mut next = || names.next().unwrap_or_else(|| Spanned::new(String::new(), span));
        Block { doc, kind: next(), name: next(), fields, span }
    }

    fn check_block_key(&mut self, key: &Spanned<Key>) {
        if !matches!(&key.node, Key::Path(parts) if parts.len() == 1) {
            let message = format!("`{}` is no name of a field", key.node.spoken());
            let error = Diagnostic::error("syntax-field-name", key.span, message)
                .label("expected a name")
                .help("only the keys of a map may be dotted paths, strings, numbers or bools");
            self.found.push(error);
        }
    }

    fn fields(&mut self, pair: Pair<'_, Rule>, what: &'static str) -> Vec<Field> {
        let mut fields = Vec::new();
        let mut seen = Seen::new(what);
        for part in pair.into_inner().filter(|part| part.as_rule() == Rule::field) {
            let Some(field) = self.field(part) else { continue };
            if seen.is_new(&field.key, self.found) {
                fields.push(field);
            }
        }
        fields
    }

    fn field(&mut self, pair: Pair<'_, Rule>) -> Option<Field> {
        let (mut key, mut value) = (None, None);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::key => key = self.key(part),
                Rule::value => value = Some(self.value(part)),
                _ => {}
            }
        }
        Some(Field { key: key?, value: value? })
    }

    fn key(&mut self, pair: Pair<'_, Rule>) -> Option<Spanned<Key>> {
        let span = self.span(&pair);
        let part = pair.into_inner().next()?;
        let key = match part.as_rule() {
            Rule::path => Key::Path(part.into_inner().map(|name| name.as_str().into()).collect()),
            Rule::bool => Key::Bool(part.as_str() == "true"),
            Rule::number_key => Key::Number(self.number(part.as_str(), span)),
            _ => Key::Text(self.string(&part).node),
        };
        Some(Spanned::new(key, span))
    }

    fn number(&mut self, written: &str, span: Span) -> Number {
        match written {
            "inf" => Number::Float(f64::INFINITY),
            "-inf" => Number::Float(f64::NEG_INFINITY),
            _ => literal::plain(written, span, self.found),
        }
    }

    fn value(&mut self, pair: Pair<'_, Rule>) -> Spanned<Value> {
        let span = self.span(&pair);
        let mut sign = None;
        let mut sides = Vec::new();
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::cmp | Rule::dots => sign = Some(part),
                Rule::side => sides.extend(part.into_inner().next().map(|atom| self.atom(atom))),
                _ => sides.push(self.atom(part)),
            }
        }
        let mut sides = sides.into_iter();
        match (sides.next(), sign, sides.next()) {
            (Some(left), Some(sign), Some(right)) => {
                Spanned::new(self.joined(left, &sign, right), span)
            }
            (Some(only), _, _) => only,
            (None, _, _) => Spanned::new(Value::Null, span),
        }
    }

    fn joined(
        &mut self,
        left: Spanned<Value>,
        sign: &Pair<'_, Rule>,
        right: Spanned<Value>,
    ) -> Value {
        let (left, right) = (Box::new(left), Box::new(right));
        if let Some(comparison) = comparison(sign.as_str()) {
            let comparison = Spanned::new(comparison, self.span(sign));
            self.check_left(&left, &comparison);
            Value::Compare(left, comparison, right)
        } else {
            self.check_bound(&left);
            self.check_bound(&right);
            Value::Range(left, right)
        }
    }

    fn check_left(&mut self, left: &Spanned<Value>, sign: &Spanned<Comparison>) {
        let fits =
            matches!(left.node, Value::Path(_) | Value::Call(_) | Value::Param(_) | Value::Text(_));
        if !fits {
            let error = Diagnostic::error(
                "syntax-comparison",
                left.span,
                "the left side of a comparison is a metric, a call or a column",
            )
            .related(sign.span, "compared here")
            .help(format!("turn it around: `… {} the value`", mirrored(sign.node).sign()));
            self.found.push(error);
        }
    }

    fn check_bound(&mut self, bound: &Spanned<Value>) {
        let fits = matches!(
            bound.node,
            Value::Number(_)
                | Value::Percent(_)
                | Value::Duration(_)
                | Value::Size(_)
                | Value::Param(_)
                | Value::Null
        );
        if !fits {
            let message = "a range goes from a number to a number";
            let error = Diagnostic::error("syntax-range", bound.span, message)
                .label("expected a number or a parameter");
            self.found.push(error);
        }
    }

    fn atom(&mut self, pair: Pair<'_, Rule>) -> Spanned<Value> {
        let span = self.span(&pair);
        Spanned::new(self.atom_value(pair, span), span)
    }

    fn atom_value(&mut self, part: Pair<'_, Rule>, span: Span) -> Value {
        match part.as_rule() {
            Rule::raw | Rule::string => Value::Text(literal::text(part.as_str(), span, self.found)),
            Rule::quantity => self.quantity(part, span),
            Rule::infinity => Value::Number(self.number(part.as_str(), span)),
            Rule::bool => Value::Bool(part.as_str() == "true"),
            Rule::list => Value::List(self.list(part)),
            Rule::map => Value::Map(self.fields(part, "key")),
            Rule::word => self.word(part),
            Rule::param_ref => Value::Param(self.param_ref(part, span)),
            _ => Value::Null,
        }
    }

    fn quantity(&mut self, pair: Pair<'_, Rule>, span: Span) -> Value {
        let mut parts = pair.into_inner();
        let number = parts.next().map_or("", |number| number.as_str());
        let unit = parts.next().map(|unit| unit.as_str());
        literal::quantity(number, unit, span, self.found)
    }

    fn list(&mut self, pair: Pair<'_, Rule>) -> Vec<Spanned<Value>> {
        let values = pair.into_inner().filter(|part| part.as_rule() == Rule::value);
        values.map(|value| self.value(value)).collect()
    }

    fn param_ref(&mut self, pair: Pair<'_, Rule>, span: Span) -> Vec<Name> {
        let names = self.names(pair);
        self.check_parts(&names, PARAM_PARTS, "a parameter has at most two: `$c.name`", span);
        names
    }

    fn check_parts(&mut self, names: &[Name], most: usize, label: &str, span: Span) {
        if names.len() > most {
            let message = format!("a reference of {} parts", names.len());
            self.found.push(Diagnostic::error("syntax-reference", span, message).label(label));
        }
    }

    fn word(&mut self, pair: Pair<'_, Rule>) -> Value {
        let mut name = Vec::new();
        let mut call = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::path => {
                    let span = self.span(&part);
                    name = self.names(part);
                    let label = "a reference has at most three: `c.parts.train`";
                    self.check_parts(&name, REFERENCE_PARTS, label, span);
                }
                _ => call = Some(self.args(part)),
            }
        }
        match call {
            Some(args) => Value::Call(Call { name, args }),
            None => Value::Path(name),
        }
    }

    fn args(&mut self, pair: Pair<'_, Rule>) -> Vec<Argument> {
        let mut args = Vec::new();
        let mut seen = Seen::new("argument");
        for part in pair.into_inner().filter(|part| part.as_rule() == Rule::arg) {
            let Some(argument) = self.arg(part) else { continue };
            let is_new = argument.name.as_ref().is_none_or(|name| {
                let key = Spanned::new(Key::Text(name.node.clone()), name.span);
                seen.is_new(&key, self.found)
            });
            if is_new {
                args.push(argument);
            }
        }
        args
    }

    fn arg(&mut self, pair: Pair<'_, Rule>) -> Option<Argument> {
        let (mut name, mut value) = (None, None);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::name => name = Some(self.name(&part)),
                Rule::value => value = Some(self.value(part)),
                _ => {}
            }
        }
        Some(Argument { name, value: value? })
    }
}

fn comparison(sign: &str) -> Option<Comparison> {
    Some(match sign {
        "<" => Comparison::Less,
        "<=" => Comparison::LessOrEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterOrEqual,
        "==" => Comparison::Equal,
        "!=" => Comparison::NotEqual,
        _ => return None,
    })
}

const fn mirrored(sign: Comparison) -> Comparison {
    match sign {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        Comparison::Equal => Comparison::Equal,
        Comparison::NotEqual => Comparison::NotEqual,
    }
}

/// What makes two keys the same: a name and a string that say the same are one column, `1` and
/// `1.0` one class.
#[derive(PartialEq, Eq, Hash)]
enum Same {
    Word(String),
    Number(u64),
    Bool(bool),
}

impl Same {
    fn of(key: &Key) -> Self {
        match key {
            Key::Path(_) | Key::Text(_) => Self::Word(key.spoken()),
            // Adding zero makes one zero of the two.
            Key::Number(number) => Self::Number((number.as_f64() + 0.0).to_bits()),
            Key::Bool(flag) => Self::Bool(*flag),
        }
    }
}

/// The keys met so far.
struct Seen {
    what: &'static str,
    keys: HashMap<Same, Span>,
}

impl Seen {
    fn new(what: &'static str) -> Self {
        Self { what, keys: HashMap::new() }
    }

    fn is_new(&mut self, key: &Spanned<Key>, found: &mut Diagnostics) -> bool {
        let Some(first) = self.keys.get(&Same::of(&key.node)) else {
            self.keys.insert(Same::of(&key.node), key.span);
            return true;
        };
        let message = format!("the {} `{}` is given twice", self.what, key.node.spoken());
        let error = Diagnostic::error("syntax-doubled", key.span, message)
            .label("given again here")
            .related(*first, "first given here");
        found.push(error);
        false
    }
}
