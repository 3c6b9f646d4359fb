//! Parameters: declared types, defaults, and what the command line sets.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::datatypes::DataType;

use super::load::Request;
use super::names::Instance;
use crate::data::{ColumnType, date_of, timestamp_of};
use crate::diag::{Diagnostic, Diagnostics};
use crate::ml::estimators::Device;
use crate::params::{self, Binder, Parameters, Vocabulary};
use crate::syntax::ast::{self, Number, Text, Value};
use crate::text::{SourceMap, Span, Spanned};

/// What the user asks for beside the file: every parameter, under its name as the main file sees it.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// Where networks are trained that don't say it themselves.
    pub(super) device: Device,
    /// The declared ones, in the order of the text.
    pub(super) list: Vec<Parameter>,
}

/// One parameter.
#[derive(Clone, Debug)]
pub(super) struct Parameter {
    /// The name as the main file sees it: `c.day`.
    pub(super) full: String,
    /// The name in its own file.
    pub(super) name: ast::Name,
    /// The file that declares it.
    pub(super) instance: usize,
    /// Its type and its value.
    pub(super) given: params::Parameter,
}

impl Settled {
    /// Gives what the fields of one file may use, by the names that the file uses.
    pub(super) fn visible(&self, reachable: &[usize], instances: &[Instance]) -> Parameters {
        let mut visible = Parameters::new();
        for parameter in &self.list {
            let given = &parameter.given;
            if reachable.contains(&parameter.instance) {
                visible.insert(parameter.name.node.clone(), given.clone());
            }
            for (alias, target) in reachable.iter().flat_map(|id| &instances[*id].imports) {
                if let (Some(alias), true) = (alias, *target == parameter.instance) {
                    visible.insert(format!("{alias}.{}", parameter.name.node), given.clone());
                }
            }
        }
        visible
    }
}

/// Settles every parameter: default, then `--params`, then `--set`.
pub(super) fn settle(
    instances: &[Instance],
    request: &Request,
    sources: &mut SourceMap,
    vocabulary: Vocabulary<'_>,
    diagnostics: &mut Diagnostics,
) -> Settled {
    let given = given(request, sources, diagnostics);
    let mut settled = Settled { device: request.device, ..Settled::default() };
    for (id, instance) in instances.iter().enumerate() {
        for item in &instance.tree.items {
            let ast::Item::Param(param) = item else { continue };
            let full = format!("{}{}", instance.prefix, param.name.node);
            if let Some(first) = settled.list.iter().find(|own| own.full == full) {
                diagnostics.push(
                    Diagnostic::error(
                        "doubled-parameter",
                        param.name.span,
                        format!("the parameter `{full}` is declared twice"),
                    )
                    .related(first.name.span, "first declared here"),
                );
                continue;
            }
            let value = given.get(&full);
            settled.list.push(settle_one(id, full, param, value, vocabulary, diagnostics));
        }
    }
    for (name, value) in &given {
        if !settled.list.iter().any(|parameter| parameter.full == *name) {
            diagnostics.push(unknown(name, value.name(), &settled.list));
        }
    }
    settled
}

/// Says that nothing has the name that the command line sets.
fn unknown(name: &str, place: Span, list: &[Parameter]) -> Diagnostic {
    let diagnostic = Diagnostic::error(
        "unknown-parameter",
        place,
        format!("the pipeline has no parameter `{name}`"),
    );
    // A parameter of an import is set under the import's name too.
    let inner = list.iter().find(|own| own.name.node == *name);
    match inner {
        Some(inner) => diagnostic.help(format!("did you mean `{}`?", inner.full)),
        None if list.is_empty() => {
            diagnostic.help("it declares none: `param NAME: TYPE = DEFAULT`")
        }
        None => diagnostic.suggest(name, list.iter().map(|parameter| parameter.full.as_str())),
    }
}

/// A value from outside of the pipeline.
enum Given {
    /// The text behind `--set name=`.
    Typed(String, Span),
    /// A value of the parameter file.
    Read(serde_yaml::Value, Span),
}

impl Given {
    /// Gives the place of the name that it was given under.
    fn name(&self) -> Span {
        match self {
            Self::Typed(_, span) => {
                let start = span.range().start;
                Span::new(span.file, 0, start.saturating_sub(1))
            }
            Self::Read(_, span) => *span,
        }
    }
}

/// Collects what the command line gives; the later word wins.
fn given(
    request: &Request,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<String, Given> {
    let mut given = BTreeMap::new();
    if let Some((path, text)) = &request.params_file {
        let file = sources.add(path, text.as_str());
        let whole = Span::new(file.id, 0, text.trim_end().len());
        match serde_yaml::from_str::<BTreeMap<String, serde_yaml::Value>>(text) {
            Ok(values) => {
                for (name, value) in values {
                    let start = text.find(&format!("{name}:")).unwrap_or(0);
                    let span = Span::new(file.id, start, start + name.len());
                    given.insert(name, Given::Read(value, span));
                }
            }
            Err(error) => diagnostics.push(
                Diagnostic::error(
                    "bad-params-file",
                    whole,
                    format!("the parameter file can't be read: {error}"),
                )
                .help("expected YAML with a line `name: value` for each parameter"),
            ),
        }
    }
    for (name, value) in &request.sets {
        let shown = format!("{name}={value}");
        let file = sources.add(Path::new("--set"), shown.as_str());
        let span = Span::new(file.id, name.len() + 1, shown.len());
        given.insert(name.clone(), Given::Typed(value.clone(), span));
    }
    given
}

fn settle_one(
    instance: usize,
    full: String,
    param: &ast::Param,
    given: Option<&Given>,
    vocabulary: Vocabulary<'_>,
    diagnostics: &mut Diagnostics,
) -> Parameter {
    let none = Parameters::new();
    let mut binder = Binder::new(vocabulary, &none);
    let (kind, list) = match &param.kind.node {
        Value::List(items) => match items.as_slice() {
            [one] => (binder.column_type(one), true),
            _ => {
                diagnostics.push(
                    Diagnostic::error(
                        "unknown-type",
                        param.kind.span,
                        "a list type names one type",
                    )
                    .help("write `[text]`"),
                );
                (None, true)
            }
        },
        _ => (binder.column_type(&param.kind), false),
    };
    diagnostics.extend(std::mem::take(&mut binder.diagnostics));
    let settled = |full, kind, value| Parameter {
        full,
        name: param.name.clone(),
        instance,
        given: params::Parameter { kind, value },
    };
    // A parameter of no known type is still one: its uses are not wrong too.
    let Some(kind) = kind else { return settled(full, None, None) };
    let expected = Expected { name: &full, kind: &kind, list };
    let value = match given {
        Some(Given::Typed(text, span)) => expected.typed(text, *span),
        Some(Given::Read(value, span)) => expected.read(value, *span),
        None => match &param.default {
            Some(default) => expected.value(default),
            None => Err(Diagnostic::error(
                "unset-parameter",
                param.name.span,
                format!("the parameter `{full}` has no default and isn't set"),
            )
            .help(format!(
                "run with `--set {full}=VALUE`, or give it a default: `param {}: {kind} = …`",
                param.name.node
            ))),
        },
    };
    let value = value.map_err(|diagnostic| diagnostics.push(diagnostic)).ok();
    settled(full, Some(kind), value)
}

/// What a parameter's value must be.
struct Expected<'a> {
    name: &'a str,
    kind: &'a ColumnType,
    list: bool,
}

impl Expected<'_> {
    fn spoken(&self) -> String {
        if self.list {
            format!("a list of {}", self.kind)
        } else {
            format!("of type {}", self.kind)
        }
    }

    fn misfit(&self, span: Span, found: &str) -> Diagnostic {
        Diagnostic::error(
            "wrong-type",
            span,
            format!("the parameter `{}` is {}, which `{found}` is not", self.name, self.spoken()),
        )
        .label(format!("expected a value {}", self.spoken()))
    }

    /// Takes a value written in the language.
    fn value(&self, value: &Spanned<Value>) -> Result<Spanned<Value>, Diagnostic> {
        match (&value.node, self.list) {
            (Value::List(items), true) => {
                let items: Result<Vec<_>, _> = items.iter().map(|item| self.single(item)).collect();
                Ok(Spanned::new(Value::List(items?), value.span))
            }
            (_, false) => self.single(value),
            (_, true) => Err(self.misfit(value.span, "one value")),
        }
    }

    /// Takes one value; a whole number or a percentage for a float becomes that float.
    fn single(&self, value: &Spanned<Value>) -> Result<Spanned<Value>, Diagnostic> {
        let kind = &self.kind.arrow;
        let float = |number| Spanned::new(Value::Number(Number::Float(number)), value.span);
        let fits = match &value.node {
            Value::Null => true,
            Value::Bool(_) => *kind == DataType::Boolean,
            Value::Number(Number::Int(number)) if kind.is_floating() => {
                return Ok(float(*number as f64));
            }
            Value::Percent(share) if kind.is_floating() => return Ok(float(*share)),
            Value::Number(Number::Int(number)) => holds_whole(kind, *number),
            Value::Number(Number::Float(number)) => {
                kind.is_floating() || holds_digits(kind, &number.to_string())
            }
            Value::Duration(_) => matches!(kind, DataType::Duration(_)),
            Value::Text(text) => return self.text(&text.value, value.span),
            _ => false,
        };
        let found = match &value.node {
            Value::Number(Number::Int(number)) => number.to_string(),
            Value::Number(Number::Float(number)) => number.to_string(),
            _ => "the value".to_owned(),
        };
        if fits { Ok(value.clone()) } else { Err(self.misfit(value.span, &found)) }
    }

    /// Takes a text, which may be a date or one of some categories.
    fn text(&self, text: &str, span: Span) -> Result<Spanned<Value>, Diagnostic> {
        let fits = match &self.kind.arrow {
            DataType::Utf8 => self
                .kind
                .categories
                .as_ref()
                .is_none_or(|known| known.iter().any(|own| own == text)),
            DataType::Date32 => date_of(text).is_some(),
            DataType::Timestamp(..) => timestamp_of(text).is_some(),
            _ => false,
        };
        if fits {
            return Ok(text_value(text, span));
        }
        let misfit = self.misfit(span, text);
        Err(match &self.kind.arrow {
            DataType::Date32 => misfit.help("a date is written `2024-05-31`"),
            DataType::Timestamp(..) => misfit.help("a time is written `2024-05-31 12:30`"),
            _ => misfit,
        })
    }

    /// Takes what stands behind `--set name=`.
    fn typed(&self, text: &str, span: Span) -> Result<Spanned<Value>, Diagnostic> {
        if self.list {
            if text.trim_start().starts_with('[')
                && let Ok(list) = self.literal(text, span)
            {
                return Ok(list);
            }
            let inner = text.trim().trim_start_matches('[').trim_end_matches(']');
            let one = Expected { list: false, ..*self };
            let parts = inner.split(',').map(str::trim).filter(|part| !part.is_empty());
            let items: Result<Vec<_>, _> =
                parts.map(|part| one.typed(part.trim_matches('"'), span)).collect();
            return Ok(Spanned::new(Value::List(items?), span));
        }
        let value = match &self.kind.arrow {
            DataType::Boolean => text.parse().map(Value::Bool).ok(),
            kind if kind.is_floating() => {
                let beyond = |number: f64| {
                    number.is_infinite() && text.contains(|c: char| c.is_ascii_digit())
                };
                let number = text.parse().ok().filter(|number| !beyond(*number));
                number.map(|number| Value::Number(Number::Float(number)))
            }
            kind if kind.is_numeric() || matches!(kind, DataType::Duration(_)) => None,
            _ => return self.text(text, span),
        };
        match value {
            Some(value) => Ok(Spanned::new(value, span)),
            None => self.literal(text, span).map_err(|_| self.misfit(span, text)),
        }
    }

    /// Takes a literal of the language, such as `30s`.
    fn literal(&self, text: &str, span: Span) -> Result<Spanned<Value>, Diagnostic> {
        let mut scratch = SourceMap::default();
        let file = scratch.add(Path::new("--set"), format!("param x: duration = {text}\n"));
        let (tree, found) = crate::syntax::parse(&file);
        match tree.items.as_slice() {
            [ast::Item::Param(param)] if found.is_empty() => match &param.default {
                Some(default) => self.value(&Spanned::new(default.node.clone(), span)),
                None => Err(self.misfit(span, text)),
            },
            _ => Err(self.misfit(span, text)),
        }
    }

    /// Takes a value of the parameter file.
    fn read(&self, value: &serde_yaml::Value, span: Span) -> Result<Spanned<Value>, Diagnostic> {
        match value {
            serde_yaml::Value::Sequence(items) if self.list => {
                let one = Expected { list: false, ..*self };
                let items: Result<Vec<_>, _> =
                    items.iter().map(|item| one.read(item, span)).collect();
                Ok(Spanned::new(Value::List(items?), span))
            }
            serde_yaml::Value::Null => Ok(Spanned::new(Value::Null, span)),
            serde_yaml::Value::Bool(flag) => self.single(&Spanned::new(Value::Bool(*flag), span)),
            serde_yaml::Value::Number(number) => self.typed(&number.to_string(), span),
            serde_yaml::Value::String(text) => self.typed(text, span),
            _ => Err(self.misfit(span, "the value")),
        }
    }
}

/// Tells whether a type has a whole number.
fn holds_whole(kind: &DataType, number: i64) -> bool {
    match kind {
        DataType::Int8 => i8::try_from(number).is_ok(),
        DataType::Int16 => i16::try_from(number).is_ok(),
        DataType::Int32 => i32::try_from(number).is_ok(),
        DataType::UInt8 => u8::try_from(number).is_ok(),
        DataType::UInt16 => u16::try_from(number).is_ok(),
        DataType::UInt32 => u32::try_from(number).is_ok(),
        DataType::UInt64 => number >= 0,
        DataType::Decimal128(..) => holds_digits(kind, &number.to_string()),
        kind => kind.is_numeric(),
    }
}

/// Tells whether a decimal type has a number with all of its digits.
fn holds_digits(kind: &DataType, number: &str) -> bool {
    let DataType::Decimal128(precision, scale) = kind else { return false };
    let number = number.trim_start_matches('-');
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let (whole, part) = (whole.trim_start_matches('0').len(), part.trim_end_matches('0').len());
    let scale = usize::try_from(*scale).unwrap_or(0);
    part <= scale && whole + scale <= usize::from(*precision)
}

fn text_value(text: &str, span: Span) -> Spanned<Value> {
    Spanned::new(Value::Text(Text { value: text.to_owned(), anchors: Vec::new() }), span)
}
