//! Tuned values: the paths that a search may set, the values that these take, and how they are kept.

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::learning::MODEL;
use crate::diag::Diagnostic;
use crate::ml::model::ModelSpec;
use crate::params::{Bound, Kind, Param, Setting};
use crate::plan::{Artifact, Checking, Failure};
use crate::text::Span;

/// Finds the declared parameter behind a path such as `estimator.max_depth`.
pub(super) fn param_at(
    spec: &ModelSpec,
    path: &str,
    place: Span,
    checking: &mut Checking<'_>,
) -> Option<&'static Param> {
    let paths: Vec<(String, &'static Param)> = spec.tunable();
    let found = paths.iter().find(|(own, _)| own == path).map(|(_, param)| *param);
    if found.is_none() {
        let diagnostic = Diagnostic::error(
            "unknown-path",
            place,
            format!("the model has no parameter `{path}`"),
        );
        let inner = paths.iter().find(|(own, _)| own.ends_with(&format!(".{path}")));
        checking.report(match inner {
            Some((inner, _)) => diagnostic.help(format!("did you mean `{inner}`?")),
            None => diagnostic.suggest(path, paths.iter().map(|(own, _)| own.as_str())),
        });
    }
    found
}

/// Tells whether a parameter takes whole numbers, and no others.
pub(super) fn takes_only_whole(kind: Kind) -> bool {
    match kind {
        Kind::Int => true,
        Kind::Optional(inner) => takes_only_whole(*inner),
        _ => false,
    }
}

/// Takes one candidate value as a parameter takes it, or says what is wrong.
pub(super) fn as_setting(item: &Bound, param: &Param) -> Result<Setting, String> {
    fn fit(setting: &Setting, kind: &Kind) -> Option<Setting> {
        match (kind, setting) {
            (Kind::Optional(_), Setting::Null) => Some(Setting::Null),
            (Kind::Optional(inner), other) => fit(other, inner),
            (Kind::OneOf(kinds), other) => kinds.iter().find_map(|kind| fit(other, kind)),
            (Kind::Float, other) => other.as_f64().map(Setting::Float),
            (Kind::Int, Setting::Int(_))
            | (Kind::Bool, Setting::Bool(_))
            | (Kind::Text, Setting::Text(_))
            | (Kind::Share, Setting::Share(_)) => Some(setting.clone()),
            (Kind::Share, Setting::Float(share)) => Some(Setting::Share(*share)),
            (Kind::Choice(choices), Setting::Word(word)) => {
                choices.iter().any(|choice| choice.word == word).then(|| setting.clone())
            }
            _ => None,
        }
    }
    let fitting = fit(&item.setting, &param.kind)
        .ok_or_else(|| format!("takes {}, not {}", param.kind.spoken(), item.setting.spoken()))?;
    match fitting.as_f64() {
        Some(number) if !param.limits.allow(number) => {
            Err(format!("must be {}, not {number}", param.limits.spoken()))
        }
        _ => Ok(fitting),
    }
}

/// Puts values into a model's settings.
pub(super) fn with_values<'a>(
    spec: &ModelSpec,
    values: impl Iterator<Item = (&'a str, &'a Setting)>,
) -> Result<ModelSpec, Failure> {
    let mut spec = spec.clone();
    for (path, value) in values {
        spec.set(path, value.clone())
            .map_err(|bad| Failure::new(format!("`{path}` can't be {}: {bad}", value.spoken())))?;
    }
    Ok(spec)
}

/// Puts a search's best values into a model's settings, if it is a tuned one.
pub(super) fn with_best(spec: &ModelSpec, best: Option<&Artifact>) -> Result<ModelSpec, Failure> {
    let Some(best) = best else { return Ok(spec.clone()) };
    let values: Vec<(String, KeptValue)> = serde_json::from_slice(best.blob(MODEL)?)
        .map_err(|error| Failure::new(format!("a tuned model can't be read: {error}")))?;
    let values: Vec<(String, Setting)> =
        values.into_iter().map(|(path, value)| (path, value.into())).collect();
    with_values(spec, values.iter().map(|(path, value)| (path.as_str(), value)))
}

/// A tuned value as it is kept.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum KeptValue {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Share(f64),
    Text(String),
    Word(String),
}

impl From<KeptValue> for Setting {
    fn from(value: KeptValue) -> Self {
        match value {
            KeptValue::Null => Self::Null,
            KeptValue::Bool(flag) => Self::Bool(flag),
            KeptValue::Int(number) => Self::Int(number),
            KeptValue::Float(number) => Self::Float(number),
            KeptValue::Share(share) => Self::Share(share),
            KeptValue::Text(text) => Self::Text(text),
            KeptValue::Word(word) => Self::Word(word),
        }
    }
}

/// Writes tuned values.
pub(super) fn write_values(values: &IndexMap<String, Setting>) -> Result<Vec<u8>, Failure> {
    let kept = |setting: &Setting| match setting {
        Setting::Bool(flag) => KeptValue::Bool(*flag),
        Setting::Int(number) => KeptValue::Int(*number),
        Setting::Float(number) => KeptValue::Float(*number),
        Setting::Share(share) => KeptValue::Share(*share),
        Setting::Text(text) => KeptValue::Text(text.clone()),
        Setting::Word(word) => KeptValue::Word(word.clone()),
        _ => KeptValue::Null,
    };
    let list: Vec<(&String, KeptValue)> =
        values.iter().map(|(path, value)| (path, kept(value))).collect();
    serde_json::to_vec(&list).map_err(|error| Failure::new(error.to_string()))
}

/// Writes a value for the lock file.
pub(super) fn plain(setting: &Setting) -> Json {
    setting.canonical()
}
