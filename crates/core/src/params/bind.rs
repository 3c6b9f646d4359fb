//! Binding: what the user wrote, held against what is declared.
//!
//! Every misfit becomes a diagnostic at the value's own place; binding goes on, so that all are
//! found at once.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;

use super::declare::{Family, Kind, Limits, Param, Signature, Vocabulary};
use super::elsewhere;
use super::setting::{Args, Bound, Call, Code, Setting};
use crate::data::{ColumnType, TypeError};
use crate::diag::{Diagnostic, Diagnostics, nearest};
use crate::syntax::ast::{self, Argument, Key, Number, Value};
use crate::text::{Span, Spanned};

/// The pipeline's parameters, by name.
pub type Parameters = BTreeMap<String, Parameter>;

/// A parameter of the pipeline: its declared type, and its value.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// The type, of each value where it is a list; none if it was wrong, which was reported.
    pub kind: Option<ColumnType>,
    /// The value, as it is written; none if it was wrong, which was reported.
    pub value: Option<Spanned<Value>>,
}

/// Binds values to declarations, collecting what doesn't fit.
pub struct Binder<'a> {
    /// The words that calls may use.
    pub vocabulary: Vocabulary<'a>,
    /// The values behind `$name`.
    pub parameters: &'a Parameters,
    /// The parameters that were used so far.
    pub used: BTreeSet<String>,
    /// What doesn't fit.
    pub diagnostics: Diagnostics,
}

/// What parameters belong to: a block or a call.
struct Owner<'a> {
    spoken: &'a str,
    place: Span,
    /// The parameters that misspelt names were meant for.
    meant: &'a [&'static str],
}

/// What a value is bound to: whose it is, what it may be.
#[derive(Clone, Copy)]
struct Slot<'a> {
    name: &'a str,
    kind: Kind,
    limits: Limits,
}

impl<'a> Binder<'a> {
    /// Starts without findings.
    #[must_use]
    pub fn new(vocabulary: Vocabulary<'a>, parameters: &'a Parameters) -> Self {
        let (used, diagnostics) = (BTreeSet::new(), Diagnostics::default());
        Self { vocabulary, parameters, used, diagnostics }
    }

    /// Binds the fields of a block; `common` are the parameters that every block takes besides.
    ///
    /// Gives nothing if a field is wrong or missing.
    pub fn fields(
        &mut self,
        block: &ast::Block,
        signature: &Signature,
        common: &'static [Param],
    ) -> Option<Args> {
        let known = || signature.params.iter().chain(common);
        let owner = format!("`{}`", signature.name);
        let before = self.diagnostics.len();
        let mut given = IndexMap::new();
        // A misspelt field is one mistake: the field that was meant is not missing too.
        let mut meant = Vec::new();
        for field in &block.fields {
            let name = field.key.node.spoken();
            match known().find(|param| param.name == name && matches!(field.key.node, Key::Path(_)))
            {
                Some(param) => {
                    given.insert(param.name, self.slot(&field.value, &Slot::of(param)));
                }
                None => {
                    meant.extend(nearest(&name, known().map(|param| param.name)));
                    self.diagnostics.push(
                        Diagnostic::error(
                            "unknown-field",
                            field.key.span,
                            format!("{owner} has no field `{name}`"),
                        )
                        .suggest(&name, known().map(|param| param.name)),
                    );
                }
            }
        }
        let owner = Owner { spoken: &owner, place: block.name.span, meant: &meant };
        self.settle(&owner, known(), given).filter(|_| {
            // An unknown field was reported, yet left no hole in the settled ones.
            self.diagnostics.len() == before
        })
    }

    /// Binds a call of one family: `impute(age, strategy: mean)`, or a bare word.
    pub fn call(&mut self, value: &Spanned<Value>, family: Family) -> Option<Bound> {
        let (name, args): (&[ast::Name], &[Argument]) = match &value.node {
            Value::Path(path) => (path, &[]),
            Value::Call(call) => (&call.name, &call.args),
            _ => return self.misfit(family.spoken(), value, &Kind::Call(family)),
        };
        let [word] = name else {
            let spoken = name.iter().map(|part| part.node.as_str()).collect::<Vec<_>>().join(".");
            self.diagnostics.push(
                Diagnostic::error(
                    "unknown-word",
                    value.span,
                    format!("`{spoken}` is no name of {}", family.spoken()),
                )
                .label(format!("expected {}", family.spoken())),
            );
            return None;
        };
        let Some(signature) = self.vocabulary.find(family, &word.node) else {
            self.unknown_word(family, word);
            return None;
        };
        let args = self.arguments(signature, word.span, args)?;
        let setting = Setting::Call(Call { name: signature.name, args });
        Some(Bound { setting, span: value.span, written: true })
    }

    /// Says that a family has no such word; one of another family is told as what it is.
    fn unknown_word(&mut self, family: Family, word: &ast::Name) {
        let name = &word.node;
        if family.planned().contains(&name.as_str()) {
            self.diagnostics.push(not_built(name, word.span));
            return;
        }
        let expected = format!("expected {}", family.spoken());
        let diagnostic = match self.vocabulary.family_of(name) {
            Some(other) => Diagnostic::error(
                "unknown-word",
                word.span,
                format!("`{name}` is {}, not {}", other.spoken(), family.spoken()),
            ),
            None => Diagnostic::error(
                "unknown-word",
                word.span,
                format!("`{name}` is not {}", family.spoken()),
            ),
        };
        let names = self.vocabulary.signatures(family).map(|signature| signature.name);
        let diagnostic = diagnostic.label(expected);
        self.diagnostics.push(match (self.vocabulary.family_of(name), family) {
            (Some(Family::Measure), Family::Check) => {
                diagnostic.help(format!("compare it with a number: `{name} >= 1`"))
            }
            _ => {
                let names: Vec<&str> = names.collect();
                match elsewhere::word(family, name, &names) {
                    Some(here) => diagnostic.help(format!("did you mean `{here}`?")),
                    None => diagnostic.suggest(name, names),
                }
            }
        });
    }

    /// Binds the arguments of a call.
    pub fn arguments(
        &mut self,
        signature: &'static Signature,
        place: Span,
        args: &[Argument],
    ) -> Option<Args> {
        let owner = format!("`{}`", signature.name);
        let (mut given, mut meant) = (IndexMap::new(), Vec::new());
        let mut wrong = false;
        let mut position = 0;
        for arg in args {
            let Some(param) = self.parameter_of(signature, arg, &mut position) else {
                wrong = true;
                let names = signature.params.iter().map(|param| param.name);
                meant.extend(arg.name.as_ref().and_then(|name| nearest(&name.node, names)));
                continue;
            };
            let bound = match param.kind {
                Kind::Rest(item) if arg.name.is_none() => {
                    let bound = self.slot(&arg.value, &Slot { kind: *item, ..Slot::of(param) });
                    self.rest(given.shift_remove(param.name).flatten(), bound)
                }
                _ if given.contains_key(param.name) => {
                    self.diagnostics.push(Diagnostic::error(
                        "doubled-argument",
                        arg.value.span,
                        format!("`{}` of {owner} is given twice", param.name),
                    ));
                    None
                }
                _ => self.slot(&arg.value, &Slot::of(param)),
            };
            given.insert(param.name, bound);
        }
        let owner = Owner { spoken: &owner, place, meant: &meant };
        let settled = self.settle(&owner, signature.params.iter(), given);
        if wrong { None } else { settled.map(|args| args.called(signature)) }
    }

    /// Finds the parameter that an argument is for, or says that there is none.
    fn parameter_of(
        &mut self,
        signature: &'static Signature,
        arg: &Argument,
        position: &mut usize,
    ) -> Option<&'static Param> {
        let owner = signature.name;
        if let Some(name) = &arg.name {
            let found = signature.param(&name.node);
            if found.is_none() {
                let diagnostic = Diagnostic::error(
                    "unknown-argument",
                    name.span,
                    format!("`{owner}` has no parameter `{}`", name.node),
                );
                self.diagnostics.push(match elsewhere::parameter(&name.node) {
                    Some(here) => diagnostic.help(here),
                    None => {
                        let names = signature.params.iter().map(|param| param.name);
                        diagnostic.suggest(&name.node, names)
                    }
                });
            }
            return found;
        }
        let last = signature.positional.checked_sub(1).and_then(|last| signature.params.get(last));
        let found = match signature.params.get(*position) {
            Some(param) if *position < signature.positional => Some(param),
            _ => last.filter(|param| matches!(param.kind, Kind::Rest(_))),
        };
        *position += 1;
        if found.is_none() {
            let names: Vec<String> =
                signature.params.iter().map(|param| format!("`{}:`", param.name)).collect();
            let diagnostic = Diagnostic::error(
                "unnamed-argument",
                arg.value.span,
                match signature.positional {
                    0 => format!("an argument of `{owner}` needs its name"),
                    1 => format!("`{owner}` takes one argument without a name"),
                    count => format!("`{owner}` takes {count} arguments without a name"),
                },
            );
            self.diagnostics.push(if names.is_empty() {
                diagnostic.help(format!("`{owner}` takes no arguments"))
            } else {
                diagnostic.help(format!("its parameters are {}", names.join(", ")))
            });
        }
        found
    }

    /// Adds one more value to those of a parameter that takes the rest of the arguments.
    fn rest(&mut self, before: Option<Bound>, bound: Option<Bound>) -> Option<Bound> {
        let bound = bound?;
        match before {
            None => {
                let span = bound.span;
                Some(Bound { setting: Setting::List(vec![bound]), span, written: true })
            }
            Some(Bound { setting: Setting::List(mut items), span, .. }) => {
                let span = span.to(bound.span);
                items.push(bound);
                Some(Bound { setting: Setting::List(items), span, written: true })
            }
            Some(other) => Some(other),
        }
    }

    /// Fills in defaults; says which parameters are missing.
    fn settle(
        &mut self,
        owner: &Owner<'_>,
        params: impl Iterator<Item = &'static Param>,
        mut given: IndexMap<&'static str, Option<Bound>>,
    ) -> Option<Args> {
        let mut args = Args::default();
        let mut whole = true;
        for param in params {
            match given.shift_remove(param.name) {
                Some(Some(bound)) => {
                    // A default that is spelled out is a default.
                    let written = param.default.is_none_or(|default| default() != bound.setting);
                    args.set(param.name, Bound { written, ..bound });
                }
                Some(None) => whole = false,
                None => match param.default {
                    Some(default) => {
                        args.set(
                            param.name,
                            Bound { setting: default(), span: owner.place, written: false },
                        );
                    }
                    None if owner.meant.contains(&param.name) => whole = false,
                    None => {
                        whole = false;
                        self.diagnostics.push(
                            Diagnostic::error(
                                "missing-field",
                                owner.place,
                                format!("{} needs `{}`", owner.spoken, param.name),
                            )
                            .help(format!(
                                "add `{}: …`, {}",
                                param.name,
                                param.kind.spoken()
                            )),
                        );
                    }
                },
            }
        }
        whole.then_some(args)
    }

    /// Binds one value to a declared parameter.
    pub fn value(&mut self, value: &Spanned<Value>, param: &Param) -> Option<Bound> {
        self.slot(value, &Slot::of(param))
    }

    fn slot(&mut self, value: &Spanned<Value>, slot: &Slot<'_>) -> Option<Bound> {
        let value = self.substituted(value)?;
        let value = value.as_ref();
        let setting = match (slot.kind, &value.node) {
            (Kind::Optional(_), Value::Null) => Setting::Null,
            (Kind::Optional(inner), _) => return self.slot(value, &Slot { kind: *inner, ..*slot }),
            (Kind::OneOf(kinds), _) => {
                let Some(kind) = kinds.iter().find(|kind| fits(kind, &value.node)) else {
                    return self.misfit(slot.name, value, &slot.kind);
                };
                return self.slot(value, &Slot { kind: *kind, ..*slot });
            }
            (Kind::Bool, Value::Bool(flag)) => Setting::Bool(*flag),
            (Kind::Int, Value::Number(Number::Int(number))) => {
                self.limited(value, slot, *number as f64)?;
                Setting::Int(*number)
            }
            (Kind::Float, Value::Number(number)) => {
                self.limited(value, slot, number.as_f64())?;
                Setting::Float(number.as_f64())
            }
            (Kind::Share, Value::Percent(share)) => self.share(value, slot, *share)?,
            (Kind::Share, Value::Number(Number::Float(share))) => {
                self.share(value, slot, *share)?
            }
            (Kind::Text, Value::Text(text)) => Setting::Text(text.value.clone()),
            (Kind::Path, Value::Text(text)) => Setting::Text(self.path(&text.value, value.span)?),
            (Kind::Code, Value::Text(text)) => {
                Setting::Code(Code { text: text.clone(), file: value.span.file })
            }
            (Kind::Code, Value::Call(call)) => Setting::CodeFile(self.code_file(call, value)?),
            (Kind::Duration, Value::Duration(nanoseconds)) => Setting::Duration(*nanoseconds),
            (Kind::Size, Value::Size(bytes)) => Setting::Size(*bytes),
            (Kind::Choice(choices), Value::Path(path)) => {
                let word = path.iter().map(|part| part.node.as_str()).collect::<Vec<_>>().join(".");
                if !choices.iter().any(|choice| choice.word == word) {
                    let words = choices.iter().map(|choice| choice.word);
                    self.diagnostics.push(
                        Diagnostic::error(
                            "unknown-choice",
                            value.span,
                            format!("`{}` can't be `{word}`", slot.name),
                        )
                        .label(format!("expected {}", slot.kind.spoken()))
                        .suggest(&word, words),
                    );
                    return None;
                }
                Setting::Word(word)
            }
            (Kind::Column, Value::Path(path)) if path.len() == 1 => {
                Setting::Column(path.iter().map(|part| part.node.clone()).collect())
            }
            (Kind::Column, Value::Text(text)) => Setting::Column(text.value.clone()),
            (Kind::Type, _) => Setting::Type(self.column_type(value)?),
            (Kind::Label | Kind::Literal, Value::Bool(flag)) => Setting::Bool(*flag),
            (Kind::Label | Kind::Literal, Value::Text(text)) => Setting::Text(text.value.clone()),
            (Kind::Label | Kind::Literal, Value::Number(Number::Int(number))) => {
                Setting::Int(*number)
            }
            (Kind::Literal, Value::Number(Number::Float(number))) => Setting::Float(*number),
            (Kind::Literal, Value::Percent(share)) => Setting::Share(*share),
            (Kind::Literal, Value::Null) => Setting::Null,
            (Kind::Stage, Value::Path(path)) => {
                Setting::Stage(path.iter().map(|part| part.node.clone()).collect())
            }
            (Kind::Word, Value::Path(path)) => {
                let parts: Vec<&str> = path.iter().map(|part| part.node.as_str()).collect();
                Setting::Word(parts.join("."))
            }
            (Kind::Call(family), _) => return self.call(value, family),
            (Kind::Compare(family), Value::Compare(left, sign, right)) => {
                self.comparison(family, left, sign.node, right)?
            }
            (Kind::List(item), Value::List(values)) => {
                Setting::List(self.each(values, &Slot { kind: *item, ..*slot })?)
            }
            (Kind::List(item) | Kind::Rest(item), _) if fits(item, &value.node) => Setting::List(
                self.each(std::slice::from_ref(value), &Slot { kind: *item, ..*slot })?,
            ),
            (Kind::Rest(item), Value::List(values)) => {
                Setting::List(self.each(values, &Slot { kind: *item, ..*slot })?)
            }
            (Kind::Map(item), Value::Map(fields)) => {
                Setting::Map(self.map(fields, &Slot { kind: *item, ..*slot })?)
            }
            (Kind::Range, Value::Range(low, high)) => {
                let end = Slot { kind: Kind::Literal, ..*slot };
                let (low, high) = (self.slot(low, &end), self.slot(high, &end));
                Setting::Range(Box::new(low?), Box::new(high?))
            }
            _ => return self.misfit(slot.name, value, &slot.kind),
        };
        Some(Bound { setting, span: value.span, written: true })
    }

    /// Puts a parameter's value in the place of `$name`.
    fn substituted<'v>(&mut self, value: &'v Spanned<Value>) -> Option<Owned<'v>> {
        let Value::Param(path) = &value.node else { return Some(Owned::Borrowed(value)) };
        let name = path.iter().map(|part| part.node.as_str()).collect::<Vec<_>>().join(".");
        let Some(found) = self.parameters.get(&name) else {
            let names = self.parameters.keys().map(String::as_str);
            self.diagnostics.push(
                Diagnostic::error(
                    "unknown-parameter",
                    value.span,
                    format!("there is no parameter `${name}`"),
                )
                .help(format!("declare it: `param {name}: TYPE = DEFAULT`"))
                .suggest(&name, names),
            );
            return None;
        };
        self.used.insert(name);
        found.value.as_ref().map(|found| Owned::Own(Spanned::new(found.node.clone(), value.span)))
    }

    fn each(&mut self, values: &[Spanned<Value>], slot: &Slot<'_>) -> Option<Vec<Bound>> {
        let bound: Vec<Option<Bound>> = values.iter().map(|value| self.slot(value, slot)).collect();
        bound.into_iter().collect()
    }

    fn map(&mut self, fields: &[ast::Field], slot: &Slot<'_>) -> Option<IndexMap<String, Bound>> {
        let bound: Vec<(String, Option<Bound>)> = fields
            .iter()
            .map(|field| {
                let key = field.key.node.spoken();
                let bound = self.slot(&field.value, &Slot { name: &key, ..*slot });
                // What is wrong with an entry may be its key.
                let span = field.key.span.to(field.value.span);
                (key, bound.map(|bound| Bound { span, ..bound }))
            })
            .collect();
        bound.into_iter().map(|(key, bound)| bound.map(|bound| (key, bound))).collect()
    }

    fn limited(&mut self, value: &Spanned<Value>, slot: &Slot<'_>, number: f64) -> Option<()> {
        if slot.limits.allow(number) {
            return Some(());
        }
        self.diagnostics.push(
            Diagnostic::error(
                "out-of-range",
                value.span,
                format!("`{}` must be {}, not {number}", slot.name, slot.limits.spoken()),
            )
            .label(format!("expected a number {}", slot.limits.spoken())),
        );
        None
    }

    fn share(&mut self, value: &Spanned<Value>, slot: &Slot<'_>, share: f64) -> Option<Setting> {
        let limits =
            if slot.limits == Limits::ANY { Limits::between(0.0, 1.0) } else { slot.limits };
        self.limited(value, &Slot { limits, ..*slot }, share)?;
        Some(Setting::Share(share))
    }

    fn comparison(
        &mut self,
        family: Family,
        left: &Spanned<Value>,
        sign: ast::Comparison,
        right: &Spanned<Value>,
    ) -> Option<Setting> {
        let (model, call) = match &left.node {
            Value::Path(path) => {
                let (last, model) = path.split_last()?;
                (model, Value::Path(vec![last.clone()]))
            }
            Value::Call(call) => {
                let (last, model) = call.name.split_last()?;
                let call = ast::Call { name: vec![last.clone()], args: call.args.clone() };
                (model, Value::Call(call))
            }
            _ => return self.misfit(family.spoken(), left, &Kind::Call(family)).map(|b| b.setting),
        };
        let model: Vec<&str> = model.iter().map(|part| part.node.as_str()).collect();
        let model = (!model.is_empty()).then(|| model.join("."));
        let call = self.call(&Spanned::new(call, left.span), family);
        let bound = Slot { name: "the right side", kind: Kind::Literal, limits: Limits::ANY };
        let right = self.slot(right, &bound)?;
        if right.setting.as_f64().is_none() {
            self.diagnostics.push(
                Diagnostic::error(
                    "wrong-type",
                    right.span,
                    "the right side of a comparison must be a number",
                )
                .label("expected a number"),
            );
            return None;
        }
        Some(Setting::Compare(model, Box::new(call?), sign, Box::new(right)))
    }

    /// Reads a type: `int`, `decimal(10, 2)`, `category("A", "B")`.
    pub fn column_type(&mut self, value: &Spanned<Value>) -> Option<ColumnType> {
        let (name, args): (&[ast::Name], &[Argument]) = match &value.node {
            Value::Path(path) => (path, &[]),
            Value::Call(call) => (&call.name, &call.args),
            _ => {
                self.misfit("a type", value, &Kind::Type);
                return None;
            }
        };
        let word = name.iter().map(|part| part.node.as_str()).collect::<Vec<_>>().join(".");
        let (mut texts, mut numbers) = (Vec::new(), Vec::new());
        for arg in args {
            match &arg.value.node {
                Value::Text(text) => texts.push(text.value.as_str()),
                Value::Number(Number::Int(number)) => numbers.push(*number),
                _ => {
                    self.misfit(&word, &arg.value, &Kind::OneOf(&[Kind::Text, Kind::Int]));
                    return None;
                }
            }
        }
        ColumnType::from_parts(&word, &texts, &numbers)
            .map_err(|error| {
                let diagnostic = Diagnostic::error("unknown-type", value.span, error.to_string());
                self.diagnostics.push(match (&error, ColumnType::meant(&word)) {
                    (TypeError::Unknown(_), Some(meant)) => {
                        diagnostic.help(format!("did you mean `{meant}`?"))
                    }
                    (TypeError::Unknown(_), None) => diagnostic.help(ColumnType::spoken_words()),
                    _ => diagnostic,
                });
            })
            .ok()
    }

    /// Reads `file("query.sql")`.
    fn code_file(&mut self, call: &ast::Call, value: &Spanned<Value>) -> Option<String> {
        match (call.name.as_slice(), call.args.as_slice()) {
            (
                [name],
                [Argument { name: None, value: Spanned { node: Value::Text(path), span } }],
            ) if name.node == "file" => self.path(&path.value, *span),
            _ => {
                self.misfit("sql", value, &Kind::Code);
                None
            }
        }
    }

    /// Puts parameters into a path: `in/{$day}.csv`.
    fn path(&mut self, text: &str, span: Span) -> Option<String> {
        let mut path = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{$") {
            let Some((name, behind)) = after.split_once('}') else { break };
            let part = |name: &str| Spanned::new(name.to_owned(), span);
            let param = Value::Param(name.split('.').map(part).collect());
            let value = self.substituted(&Spanned::new(param, span))?.as_ref().clone();
            path.push_str(before);
            path.push_str(&self.path_part(name, &value)?);
            rest = behind;
        }
        path.push_str(rest);
        Some(path)
    }

    fn path_part(&mut self, name: &str, value: &Spanned<Value>) -> Option<String> {
        let text = match &value.node {
            Value::Text(text) => text.value.clone(),
            Value::Number(Number::Int(number)) => number.to_string(),
            Value::Number(Number::Float(number)) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            _ => {
                self.misfit(name, value, &Kind::Literal);
                return None;
            }
        };
        if text.contains(['/', '\\', '\0']) || text.contains("..") {
            self.diagnostics.push(
                Diagnostic::error(
                    "unsafe-path",
                    value.span,
                    format!("the value {text:?} of `${name}` can't stand in a path"),
                )
                .help("a value in a path holds no `/`, `\\`, `..` or NUL"),
            );
            return None;
        }
        Some(text)
    }

    fn misfit(&mut self, name: &str, value: &Spanned<Value>, kind: &Kind) -> Option<Bound> {
        let called = match &value.node {
            Value::Call(call) => call.name.as_slice(),
            _ => &[],
        };
        if let [word] = called
            && word.node == "env"
        {
            self.diagnostics.push(not_built(&word.node, value.span));
            return None;
        }
        let (found, shape, kind) = (describe(&value.node), kind.shape(), kind.spoken());
        let mut diagnostic = Diagnostic::error(
            "wrong-type",
            value.span,
            format!("`{name}` takes {shape}, not {found}"),
        )
        .label(format!("expected {kind}"));
        if let (Value::Text(text), true) =
            (&value.node, kind.contains("name") || kind.starts_with("one of"))
        {
            diagnostic = diagnostic.help(if text.value.ends_with(".mlpmodel") {
                format!("a model file is read by `load({:?})`", text.value)
            } else {
                format!("write `{}` without quotes", text.value)
            });
        }
        if let [word] = called
            && self.vocabulary.find(Family::Stored, &word.node).is_some()
        {
            diagnostic = diagnostic.help(format!(
                "`{}` gives a fitted model; it stands where a fitted model is taken, such as in `evaluate` and `predict`",
                word.node
            ));
        }
        self.diagnostics.push(diagnostic);
        None
    }
}

/// Says that a word of the language can't be used yet.
fn not_built(word: &str, span: Span) -> Diagnostic {
    Diagnostic::error(
        "not-built",
        span,
        format!("`{word}` belongs to the language, but this version of mlp doesn't have it"),
    )
}

/// A value that stands in the text, or one that a parameter put in its place.
enum Owned<'v> {
    Borrowed(&'v Spanned<Value>),
    Own(Spanned<Value>),
}

impl Owned<'_> {
    const fn as_ref(&self) -> &Spanned<Value> {
        match self {
            Self::Borrowed(value) => value,
            Self::Own(value) => value,
        }
    }
}

impl<'a> Slot<'a> {
    const fn of(param: &'a Param) -> Self {
        Self { name: param.name, kind: param.kind, limits: param.limits }
    }
}

/// Tells whether a value has the shape of a kind; what is inside is not looked at.
fn fits(kind: &Kind, value: &Value) -> bool {
    match (kind, value) {
        (Kind::Optional(_), Value::Null)
        | (Kind::Bool, Value::Bool(_))
        | (Kind::Int, Value::Number(Number::Int(_)))
        | (Kind::Float, Value::Number(_))
        | (Kind::Share, Value::Percent(_) | Value::Number(Number::Float(_)))
        | (Kind::Text | Kind::Path | Kind::Code | Kind::Column, Value::Text(_))
        | (Kind::Duration, Value::Duration(_))
        | (Kind::Size, Value::Size(_))
        | (Kind::Code, Value::Call(_))
        | (Kind::Type | Kind::Call(_), Value::Path(_) | Value::Call(_))
        | (Kind::Stage | Kind::Word, Value::Path(_))
        | (Kind::Compare(_), Value::Compare(..))
        | (Kind::List(_), Value::List(_))
        | (Kind::Map(_), Value::Map(_))
        | (Kind::Range, Value::Range(..)) => true,
        (Kind::Column, Value::Path(path)) => path.len() == 1,
        (Kind::Choice(choices), Value::Path(path)) => {
            path.len() == 1
                && choices.iter().any(|choice| path.iter().all(|p| p.node == choice.word))
        }
        (Kind::Label, value) => {
            matches!(value, Value::Bool(_) | Value::Text(_) | Value::Number(Number::Int(_)))
        }
        (Kind::Literal, value) => matches!(
            value,
            Value::Bool(_) | Value::Text(_) | Value::Number(_) | Value::Percent(_) | Value::Null
        ),
        (Kind::Optional(inner) | Kind::Rest(inner), value) => fits(inner, value),
        (Kind::OneOf(kinds), value) => kinds.iter().any(|kind| fits(kind, value)),
        _ => false,
    }
}

/// Says what a value is, as a user would.
fn describe(value: &Value) -> String {
    match value {
        Value::Null => "`null`".to_owned(),
        Value::Bool(flag) => format!("`{flag}`"),
        Value::Number(Number::Int(number)) => format!("the number {number}"),
        Value::Number(Number::Float(number)) => format!("the number {number}"),
        Value::Percent(share) => format!("the share {}%", share * 100.0),
        Value::Duration(_) => "a time span".to_owned(),
        Value::Size(_) => "a size".to_owned(),
        Value::Text(_) => "a string".to_owned(),
        Value::Path(path) => {
            let path: Vec<&str> = path.iter().map(|part| part.node.as_str()).collect();
            format!("the word `{}`", path.join("."))
        }
        Value::Param(_) => "a parameter".to_owned(),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a map".to_owned(),
        Value::Call(call) => {
            let name: Vec<&str> = call.name.iter().map(|part| part.node.as_str()).collect();
            format!("the call `{}(…)`", name.join("."))
        }
        Value::Range(..) => "a range".to_owned(),
        Value::Compare(..) => "a comparison".to_owned(),
    }
}
