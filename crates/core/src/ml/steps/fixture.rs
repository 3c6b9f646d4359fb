//! Reads what scikit-learn computed and holds each step against it; and claims true of every step.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::Value as Json;

use super::STEPS;
use crate::data::{Column, Frame, Label, Target};
use crate::ml::Seed;
use crate::ml::estimator::{FitContext, FitError};
use crate::ml::step::{FittedStep, Step, StepKind};
use crate::params::{Args, Bound, Kind, Setting, Signature};
use crate::text::{FileId, Span};

/// Gives a context that nothing stops and nobody watches.
pub(crate) fn context(stop: &AtomicBool, seed: u64) -> FitContext<'_> {
    FitContext { seed: Seed::new(seed), stop, validation: None, progress: &|_, _| {} }
}

pub(crate) fn kind(word: &str) -> &'static dyn StepKind {
    *STEPS.iter().find(|kind| kind.signature().name == word).expect("a registered step")
}

/// Binds settings of a step given as JSON, defaults filled in.
pub(crate) fn args(word: &str, settings: &Json) -> Args {
    args_of(kind(word).signature(), settings)
}

/// Binds settings given as JSON, defaults filled in.
pub(crate) fn args_of(signature: &Signature, settings: &Json) -> Args {
    let word = signature.name;
    let mut args = Args::default();
    for param in signature.params {
        let setting = match settings.get(param.name) {
            Some(given) => setting(&param.kind, given),
            None => param.default.expect("a default")(),
        };
        args.set(param.name, bound(setting));
    }
    if let Some(settings) = settings.as_object() {
        settings.keys().for_each(|key| assert!(args.get(key).is_some(), "{word} has no {key}"));
    }
    args
}

pub(crate) fn step(word: &str, settings: &Json) -> Box<dyn Step> {
    kind(word).bind(&args(word, settings)).expect("settings that bind")
}

fn bound(setting: Setting) -> Bound {
    Bound { setting, span: Span::new(FileId(0), 0, 0), written: true }
}

fn setting(kind: &Kind, given: &Json) -> Setting {
    match (kind, given) {
        (_, Json::Null) => Setting::Null,
        (Kind::Optional(inner), _) => setting(inner, given),
        (_, Json::Object(map)) if map.contains_key("share") => {
            Setting::Share(map["share"].as_f64().expect("a share"))
        }
        (_, Json::Object(map)) if map.contains_key("range") => {
            let end = |at: usize| Box::new(bound(setting(&Kind::Literal, &map["range"][at])));
            Setting::Range(end(0), end(1))
        }
        (_, Json::Object(map)) => Setting::Map(
            map.iter()
                .map(|(key, item)| (key.clone(), bound(setting(&Kind::Literal, item))))
                .collect(),
        ),
        (Kind::Choice(_), Json::String(word)) => Setting::Word(word.clone()),
        (Kind::OneOf(kinds), Json::String(word)) if kinds.iter().any(|own| is_word(own, word)) => {
            Setting::Word(word.clone())
        }
        (Kind::Float, Json::String(text)) => Setting::Float(text.parse().expect("a number")),
        (_, Json::String(text)) => Setting::Text(text.clone()),
        (_, Json::Bool(flag)) => Setting::Bool(*flag),
        (Kind::List(item), Json::Array(items)) => {
            Setting::List(items.iter().map(|own| bound(setting(item, own))).collect())
        }
        (_, Json::Array(items)) => {
            Setting::List(items.iter().map(|own| bound(setting(&Kind::Literal, own))).collect())
        }
        (Kind::Float, Json::Number(number)) => Setting::Float(number.as_f64().expect("a float")),
        (_, Json::Number(number)) => match number.as_i64() {
            Some(number) => Setting::Int(number),
            None => Setting::Float(number.as_f64().expect("a number")),
        },
    }
}

fn is_word(kind: &Kind, word: &str) -> bool {
    matches!(kind, Kind::Choice(choices) if choices.iter().any(|choice| choice.word == word))
}

pub(crate) fn frame(given: &Json) -> Frame {
    let columns = given.as_object().expect("columns");
    let rows = columns.values().next().map_or(0, |column| {
        column
            .as_object()
            .and_then(|own| own.values().next())
            .and_then(Json::as_array)
            .map_or(0, Vec::len)
    });
    columns.iter().fold(Frame::new(rows), |frame, (name, own)| frame.with(name, column(own)))
}

fn column(given: &Json) -> Column {
    let (sort, values) = given.as_object().and_then(|own| own.iter().next()).expect("a column");
    let values = values.as_array().expect("values");
    let numbers = || values.iter().map(|value| value.as_f64().unwrap_or(f64::NAN)).collect();
    match sort.as_str() {
        "number" => Column::Number(numbers()),
        "flag" => Column::Flag(numbers()),
        "text" => Column::Text(values.iter().map(|value| value.as_str().map(Arc::from)).collect()),
        other => panic!("{other} is no sort"),
    }
}

pub(crate) fn target(given: Option<&Json>, rows: usize) -> Target {
    let Some(values) = given.and_then(Json::as_array) else { return Target::Absent { rows } };
    if values.iter().all(Json::is_string) {
        let classes: std::collections::BTreeSet<&str> =
            values.iter().filter_map(Json::as_str).collect();
        let classes: Vec<&str> = classes.into_iter().collect();
        let code = |value: &Json| {
            u32::try_from(classes.iter().position(|own| value == own).expect("a class"))
                .expect("small")
        };
        let labels = classes.iter().map(|class| Label::Text(Arc::from(*class))).collect();
        return Target::Classes { codes: values.iter().map(code).collect(), classes: labels };
    }
    Target::Numbers(values.iter().map(|value| value.as_f64().expect("a number")).collect())
}

fn compare(name: &str, found: &Frame, expected: &Json, tolerance: f64) {
    let expected = expected.as_object().expect("columns");
    let columns: BTreeMap<&str, &Column> = found.iter().map(|(name, own)| (&**name, own)).collect();
    let mut names: Vec<&str> = expected.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(columns.keys().copied().collect::<Vec<_>>(), names, "{name}: columns");
    for (column, values) in expected {
        let values = values.as_array().expect("values");
        match columns[column.as_str()] {
            Column::Number(own) | Column::Flag(own) => {
                let largest =
                    values.iter().filter_map(Json::as_f64).fold(1.0, |m, x| x.abs().max(m));
                for (row, (own, value)) in own.iter().zip(values).enumerate() {
                    let wanted = value.as_f64().unwrap_or(f64::NAN);
                    let close = (own.is_nan() && wanted.is_nan())
                        || (own - wanted).abs() <= tolerance * wanted.abs().max(largest * 1e-3);
                    assert!(close, "{name}: `{column}` row {row} is {own}, not {wanted}");
                }
            }
            Column::Text(own) => {
                for (own, value) in own.iter().zip(values) {
                    assert_eq!(own.as_deref(), value.as_str(), "{name}: `{column}`");
                }
            }
            other => panic!("{name}: `{column}` holds {}", other.spoken()),
        }
        assert_eq!(columns[column.as_str()].len(), values.len(), "{name}: rows of `{column}`");
    }
}

/// Holds a step against the cases of its file.
pub(crate) fn check_cases(word: &str) {
    let path = format!("tests/fixtures/steps/{word}.json");
    let text = std::fs::read_to_string(path).expect("a fixture");
    let cases: Json = serde_json::from_str(&text).expect("JSON");
    for case in cases["cases"].as_array().expect("cases") {
        check_case(word, case);
    }
}

/// Holds steps against the cases whose settings lie away from the defaults.
pub(crate) fn check_settings() {
    let path = "tests/fixtures/steps/settings.json";
    let text = std::fs::read_to_string(path).expect("a fixture");
    let cases: Json = serde_json::from_str(&text).expect("JSON");
    for case in cases["cases"].as_array().expect("cases") {
        check_case(case["step"].as_str().expect("a step"), case);
    }
}

fn check_case(word: &str, case: &Json) {
    let name = format!("{word}: {}", case["name"]);
    let frame = frame(&case["frame"]);
    let target = target(case.get("target"), frame.rows());
    let weights: Option<Vec<f64>> = case
        .get("weights")
        .and_then(Json::as_array)
        .map(|weights| weights.iter().map(|weight| weight.as_f64().expect("a weight")).collect());
    let tolerance = case["tolerance"].as_f64().expect("a tolerance");
    let stop = AtomicBool::new(false);
    let fitted =
        step(word, &case["settings"]).fit(&frame, &target, weights.as_deref(), &context(&stop, 1));
    let (fitted, transformed) = fitted.unwrap_or_else(|error| panic!("{name}: {error}"));
    if let Some(expected) = case.get("fit") {
        compare(&format!("{name}, fit"), &transformed, expected, tolerance);
    }
    let new = self::frame(&case["new"]);
    let transformed = fitted.transform(&new);
    match (transformed, case.get("error").and_then(Json::as_str)) {
        (Err(error), Some(expected)) => {
            assert!(error.to_string().contains(expected), "{name}: {error}");
        }
        (Err(error), None) => panic!("{name}: {error}"),
        (Ok(_), Some(expected)) => panic!("{name}: expected an error with {expected}"),
        (Ok(transformed), None) => {
            compare(&format!("{name}, transform"), &transformed, &case["transform"], tolerance);
            check_round_trip(word, fitted.as_ref(), &new, &transformed);
        }
    }
}

/// Checks that a fitted step survives the store to the bit, and that broken bytes are refused.
pub(crate) fn check_round_trip(word: &str, fitted: &dyn FittedStep, new: &Frame, expected: &Frame) {
    let bytes = fitted.save();
    let loaded = kind(word).load(&bytes).unwrap_or_else(|error| panic!("{error}"));
    let again = loaded.transform(new).unwrap_or_else(|error| panic!("{word}: {error}"));
    assert!(same_bits(&again, expected), "{word} changes by being stored");
    assert_eq!(loaded.save(), bytes, "{word} is stored otherwise the second time");
    assert_eq!(loaded.summary(), fitted.summary());
    for cut in [0, bytes.len() / 2, bytes.len().saturating_sub(1)] {
        assert!(kind(word).load(&bytes[..cut]).is_err(), "{word} loads {cut} of {}", bytes.len());
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(kind(word).load(&longer).is_err(), "{word} loads too many bytes");
    // A flipped bit may give another right step; it must never panic when it is used.
    for at in 0..bytes.len().min(400) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        if let Ok(loaded) = kind(word).load(&flipped) {
            let _ = loaded.transform(new);
            let _ = loaded.summary();
        }
    }
}

/// Compares frames bit by bit, NaN with NaN.
pub(crate) fn same_bits(left: &Frame, right: &Frame) -> bool {
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    left.names() == right.names()
        && left.columns().iter().zip(right.columns()).all(|(left, right)| {
            match (left.numbers(), right.numbers()) {
                (Some(left), Some(right)) => bits(left) == bits(right),
                _ => left == right,
            }
        })
}

pub(crate) fn fit(
    word: &str,
    settings: &Json,
    frame: &Frame,
    target: &Target,
) -> Result<(Box<dyn FittedStep>, Frame), FitError> {
    let stop = AtomicBool::new(false);
    step(word, settings).fit(frame, target, None, &context(&stop, 1))
}
