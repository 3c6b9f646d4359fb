//! Settings: what the user wrote, once it is bound to a declaration.

use indexmap::IndexMap;
use serde_json::{Value as Json, json};

use super::declare::{Kind, Signature};
use crate::data::ColumnType;
use crate::syntax::ast::{self, Comparison};
use crate::text::{FileId, Span};

/// A setting and the place that gave it; a default has the place of what it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    /// The value.
    pub setting: Setting,
    /// Where it was written.
    pub span: Span,
    /// Tells a value that the user wrote from a default.
    pub written: bool,
}

/// A bound value: typed, defaults filled in, parameters put in.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// Nothing: `null`, or an optional setting left out.
    Null,
    /// A switch.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A share between 0 and 1, written `20%`.
    Share(f64),
    /// A text, and for one that stands in the file as it is, the way back to its bytes.
    Text(String),
    /// A piece of SQL.
    Code(Code),
    /// A piece of SQL in a file of its own; `plan` reads it and puts a [`Setting::Code`] here.
    CodeFile(String),
    /// One of a fixed list of words.
    Word(String),
    /// A column.
    Column(String),
    /// A time span, in nanoseconds.
    Duration(i64),
    /// A number of bytes.
    Size(u64),
    /// A type of the language.
    Type(ColumnType),
    /// An output of a stage; which one is settled when names are resolved.
    Stage(Vec<String>),
    /// Several values.
    List(Vec<Bound>),
    /// Values by name, in the order written.
    Map(IndexMap<String, Bound>),
    /// A call of something registered.
    Call(Call),
    /// An inclusive range.
    Range(Box<Bound>, Box<Bound>),
    /// A call held against a number, perhaps for one model: `boost.roc_auc >= 0.8`.
    Compare(Option<String>, Box<Bound>, Comparison, Box<Bound>),
}

/// A piece of SQL, and the way back from its bytes to the file that holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Code {
    /// The text.
    pub text: ast::Text,
    /// The file.
    pub file: FileId,
}

impl Code {
    /// Gives the place of some bytes of the text.
    #[must_use]
    pub fn span(&self, range: &std::ops::Range<usize>) -> Span {
        // The end is mapped through the last byte inside, so that a range that ends a line of a
        // raw string doesn't run into the indentation of the next.
        let start = self.text.source_offset(range.start);
        let last = self.text.source_offset(range.end.max(range.start + 1) - 1);
        Span::new(self.file, start, (last + 1).max(start))
    }
}

/// A call of something registered, with every parameter settled.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The registered name.
    pub name: &'static str,
    /// Its parameters, in the order of the declaration.
    pub args: Args,
}

/// Settled parameters by name, in the order of the declaration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Args {
    values: IndexMap<&'static str, Bound>,
    /// How many leading parameters a call may give without their names.
    positional: usize,
    /// The last of these takes all arguments that follow.
    rest: bool,
}

impl Args {
    /// Takes over how a call of a word is written.
    #[must_use]
    pub fn called(self, signature: &Signature) -> Self {
        let last = signature.positional.checked_sub(1).and_then(|last| signature.params.get(last));
        let rest = last.is_some_and(|param| matches!(param.kind, Kind::Rest(_)));
        Self { positional: signature.positional, rest, ..self }
    }

    /// Sets a parameter.
    pub fn set(&mut self, name: &'static str, value: Bound) {
        self.values.insert(name, value);
    }

    /// Gives a parameter, if it is declared.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Bound> {
        self.values.get(name)
    }

    /// Gives a parameter unless it is `null` or was left out.
    #[must_use]
    pub fn given(&self, name: &str) -> Option<&Bound> {
        self.get(name).filter(|bound| bound.setting != Setting::Null)
    }

    /// Gives a parameter that may be changed in place, as a tuner does.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Bound> {
        self.values.get_mut(name)
    }

    /// Gives the parameters in the order of the declaration.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Bound)> {
        self.values.iter().map(|(name, bound)| (*name, bound))
    }

    /// Writes the settings canonically: what is keyed, and what the lock file shows.
    #[must_use]
    pub fn canonical(&self) -> Json {
        self.iter().map(|(name, bound)| (name.to_owned(), bound.setting.canonical())).collect()
    }
}

impl Call {
    /// Writes the call canonically.
    #[must_use]
    pub fn canonical(&self) -> Json {
        json!({ self.name: self.args.canonical() })
    }

    /// Writes the call as a user would, arguments at their default left out: `f1(average: macro)`.
    #[must_use]
    pub fn spoken(&self) -> String {
        let mut written = Vec::new();
        // A parameter may be without its name as long as none before it was left out.
        let mut bare = true;
        for (place, (name, bound)) in self.args.iter().enumerate() {
            if !bound.written {
                bare = false;
                continue;
            }
            let value = bound.setting.spoken();
            written.push(match &bound.setting {
                Setting::List(items)
                    if bare && self.args.rest && place + 1 == self.args.positional =>
                {
                    let items: Vec<String> =
                        items.iter().map(|item| item.setting.spoken()).collect();
                    items.join(", ")
                }
                _ if bare && place < self.args.positional => value,
                _ => format!("{name}: {value}"),
            });
        }
        if written.is_empty() {
            self.name.to_owned()
        } else {
            format!("{}({})", self.name, written.join(", "))
        }
    }
}

impl Setting {
    /// Writes the value canonically. Stages are left out: their contents are keyed, not their names.
    #[must_use]
    pub fn canonical(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Bool(flag) => json!(flag),
            Self::Int(number) => json!(number),
            Self::Float(number) | Self::Share(number) => canonical_float(*number),
            Self::Text(text) | Self::Word(text) | Self::CodeFile(text) => json!(text),
            Self::Code(code) => json!(code.text.value),
            Self::Column(name) => json!({ "column": name }),
            Self::Duration(nanoseconds) => json!({ "ns": nanoseconds }),
            Self::Size(bytes) => json!({ "bytes": bytes }),
            Self::Type(kind) => json!(kind.to_string()),
            Self::Stage(_) => json!("@"),
            Self::List(items) => items.iter().map(|item| item.setting.canonical()).collect(),
            Self::Map(map) => {
                map.iter().map(|(key, bound)| (key.clone(), bound.setting.canonical())).collect()
            }
            Self::Call(call) => call.canonical(),
            Self::Range(low, high) => {
                json!({ "from": low.setting.canonical(), "to": high.setting.canonical() })
            }
            Self::Compare(model, left, sign, right) => json!([
                model.as_ref().map(|_| "@"),
                left.setting.canonical(),
                sign.sign(),
                right.setting.canonical()
            ]),
        }
    }

    /// Writes the value as a user would.
    #[must_use]
    pub fn spoken(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(flag) => flag.to_string(),
            Self::Int(number) => number.to_string(),
            Self::Float(number) => spoken_float(*number),
            Self::Share(share) => format!("{}%", share * 100.0),
            Self::Text(text) | Self::CodeFile(text) => format!("{text:?}"),
            Self::Code(code) => format!("{:?}", code.text.value),
            Self::Word(word) | Self::Column(word) => word.clone(),
            Self::Duration(nanoseconds) => {
                format!("{:?}", std::time::Duration::from_nanos(nanoseconds.unsigned_abs()))
            }
            Self::Size(bytes) => format!("{bytes}B"),
            Self::Type(kind) => kind.to_string(),
            Self::Stage(path) => path.join("."),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(|item| item.setting.spoken()).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Map(map) => {
                let entries: Vec<String> = map
                    .iter()
                    .map(|(key, item)| format!("{key}: {}", item.setting.spoken()))
                    .collect();
                format!("{{ {} }}", entries.join(", "))
            }
            Self::Call(call) => call.spoken(),
            Self::Range(low, high) => {
                format!("{} .. {}", low.setting.spoken(), high.setting.spoken())
            }
            Self::Compare(model, left, sign, right) => {
                let model = model.as_ref().map(|name| format!("{name}.")).unwrap_or_default();
                format!(
                    "{model}{} {} {}",
                    left.setting.spoken(),
                    sign.sign(),
                    right.setting.spoken()
                )
            }
        }
    }

    /// Gives a number as a float, whole or not.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "settings are far below 2^53")]
    pub const fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(number) => Some(*number as f64),
            Self::Float(number) | Self::Share(number) => Some(*number),
            _ => None,
        }
    }
}

/// Writes a float in full, or by a power of ten where that would be long.
fn spoken_float(number: f64) -> String {
    let size = number.abs();
    let long = size.is_finite() && size != 0.0 && !(1e-7..1e21).contains(&size);
    if long { format!("{number:e}") } else { number.to_string() }
}

/// Writes a float so that equal values are written equally: infinities are no JSON numbers.
fn canonical_float(number: f64) -> Json {
    serde_json::Number::from_f64(number).map_or_else(|| json!(number.to_string()), Json::Number)
}
