//! Trees and findings as short texts.

use crate::diag::{Diagnostics, Label};
use crate::syntax::ast::{Block, Call, Field, File, Item, Key, Name, Number, Param, Value};
use crate::text::{SourceFile, Spanned};

pub(super) fn file(file: &File) -> String {
    file.items.iter().map(item).collect::<Vec<_>>().join("\n")
}

fn item(item: &Item) -> String {
    match item {
        Item::Header(it) => format!("header {}", block(it)),
        Item::Block(it) => block(it),
        Item::Param(it) => param(it),
        Item::Import(it) => {
            let alias = it.alias.as_ref().map(|name| format!(" as {}", name.node));
            format!("import {:?}{}", it.path.node, alias.unwrap_or_default())
        }
    }
}

fn doc(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("<{text:?}> ") }
}

fn block(block: &Block) -> String {
    let (kind, name) = (&block.kind.node, &block.name.node);
    format!("{}{kind} {name} {}", doc(&block.doc), fields(&block.fields))
}

fn param(param: &Param) -> String {
    let (name, kind) = (&param.name.node, value(&param.kind));
    let default = param.default.as_ref().map(|it| format!(" = {}", value(it)));
    let says = param.description.as_ref().map(|it| format!(" {:?}", it.node));
    let (default, says) = (default.unwrap_or_default(), says.unwrap_or_default());
    format!("{}param {name}: {kind}{default}{says}", doc(&param.doc))
}

fn fields(fields: &[Field]) -> String {
    let list = fields.iter().map(|it| format!("{}: {}", key(&it.key.node), value(&it.value)));
    format!("{{{}}}", list.collect::<Vec<_>>().join(", "))
}

fn key(key: &Key) -> String {
    match key {
        Key::Path(parts) => parts.join("."),
        Key::Text(text) => format!("{text:?}"),
        Key::Number(it) => number(*it),
        Key::Bool(flag) => flag.to_string(),
    }
}

fn number(number: Number) -> String {
    match number {
        Number::Int(it) => it.to_string(),
        Number::Float(it) => format!("{it:?}f"),
    }
}

fn path(names: &[Name]) -> String {
    names.iter().map(|name| name.node.as_str()).collect::<Vec<_>>().join(".")
}

pub(super) fn value(value: &Spanned<Value>) -> String {
    match &value.node {
        Value::Null => "null".into(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(it) => number(*it),
        Value::Percent(share) => format!("{share:?}%"),
        Value::Duration(nanoseconds) => format!("{nanoseconds}ns"),
        Value::Size(bytes) => format!("{bytes}B"),
        Value::Text(text) => format!("{:?}", text.value),
        Value::Path(names) => path(names),
        Value::Param(names) => format!("${}", path(names)),
        Value::List(list) => list_of(list),
        Value::Map(entries) => fields(entries),
        Value::Call(it) => call(it),
        Value::Range(from, to) => format!("({} .. {})", self::value(from), self::value(to)),
        Value::Compare(left, sign, right) => {
            format!("({} {} {})", self::value(left), sign.node.sign(), self::value(right))
        }
    }
}

fn list_of(list: &[Spanned<Value>]) -> String {
    format!("[{}]", list.iter().map(value).collect::<Vec<_>>().join(", "))
}

fn call(call: &Call) -> String {
    let args = call.args.iter().map(|arg| {
        let name = arg.name.as_ref().map(|name| format!("{}: ", name.node));
        format!("{}{}", name.unwrap_or_default(), value(&arg.value))
    });
    format!("{}({})", path(&call.name), args.collect::<Vec<_>>().join(", "))
}

/// One line a finding: its code, its place and what is underlined, its message, label, other
/// places and help.
pub(super) fn findings(file: &SourceFile, found: &Diagnostics) -> String {
    let place = |span: crate::text::Span| {
        let (line, column) = file.line_column(span.start as usize);
        format!("{line}:{column} {:?}", file.slice(span))
    };
    let lines = found.iter().map(|it| {
        let first = format!("{} at {}: {}", it.code, place(it.primary.span), it.message);
        let label = Some(&it.primary.text).filter(|text| !text.is_empty());
        let mut lines = vec![first];
        lines.extend(label.map(|text| format!("  = {text}")));
        let other = |label: &Label| format!("  @ {}: {}", place(label.span), label.text);
        lines.extend(it.related.iter().map(other));
        lines.extend(it.help.iter().map(|help| format!("  ? {help}")));
        lines.join("\n")
    });
    lines.collect::<Vec<_>>().join("\n")
}
