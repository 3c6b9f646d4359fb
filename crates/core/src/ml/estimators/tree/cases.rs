//! What scikit-learn answered on small data; see `tests/fixtures/trees/make.py`.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "the codes of the fixture are small"
)]

use std::sync::atomic::AtomicBool;

use serde_json::Value as Json;

use super::trials::{kind, numbers};
use crate::data::{Column, Frame, Label, NO_CATEGORY, Target};
use crate::ml::Seed;
use crate::ml::estimator::{FitContext, Fitted, Sample};
use crate::ml::settle::written;
use crate::params::{Bound, Setting};
use crate::text::{FileId, Span};

/// One fit and its answers.
pub(in crate::ml::estimators) struct Case {
    /// What it is about.
    pub(in crate::ml::estimators) name: String,
    word: &'static str,
    settings: Vec<(&'static str, Setting)>,
    frame: Frame,
    target: Target,
    weights: Option<Vec<f64>>,
    answers: Vec<f64>,
    /// All that is known of the case.
    pub(in crate::ml::estimators) json: Json,
}

/// Reads the cases of an estimator.
pub(in crate::ml::estimators) fn cases(word: &'static str) -> Vec<Case> {
    let place = "tests/fixtures/trees/trees.json";
    let json: Json = serde_json::from_str(&std::fs::read_to_string(place).unwrap()).unwrap();
    let sets = json["sets"].as_array().unwrap().iter().filter(|set| set["word"] == word);
    sets.flat_map(|set| {
        let frame = frame(&set["columns"], set["category"] == true);
        set["cases"].as_array().unwrap().iter().map(move |case| Case::new(word, &frame, case))
    })
    .collect()
}

pub(in crate::ml::estimators) fn floats(json: &Json) -> Vec<f64> {
    json.as_array().unwrap().iter().map(|cell| cell.as_f64().unwrap_or(f64::NAN)).collect()
}

fn frame(columns: &Json, has_category: bool) -> Frame {
    let columns: Vec<Vec<f64>> = columns.as_array().unwrap().iter().map(floats).collect();
    let mut frame = Frame::new(columns[0].len());
    for (index, values) in columns.iter().enumerate() {
        let column = if has_category && index == 4 {
            let code = |value: &f64| if value.is_nan() { NO_CATEGORY } else { *value as u32 };
            let levels = (0..9).map(|level| format!("level {level}").into()).collect();
            Column::Category { codes: values.iter().map(code).collect(), levels }
        } else {
            Column::Number(values.as_slice().into())
        };
        frame = frame.with(&format!("c{index}"), column);
    }
    frame
}

fn bound(setting: Setting) -> Bound {
    Bound { setting, span: Span::new(FileId(0), 0, 0), written: true }
}

/// Reads what stands in a list: a text is a column there.
fn listed(json: &Json) -> Bound {
    bound(match json {
        Json::String(name) => Setting::Column(name.clone()),
        other => setting(other),
    })
}

fn setting(json: &Json) -> Setting {
    match json {
        Json::Null => Setting::Null,
        Json::Bool(flag) => Setting::Bool(*flag),
        Json::String(word) => Setting::Word(word.clone()),
        Json::Array(items) => Setting::List(items.iter().map(listed).collect()),
        Json::Object(map) => Setting::Map(
            map.iter().map(|(key, item)| (key.clone(), bound(setting(item)))).collect(),
        ),
        other => other.as_i64().map_or(Setting::Float(other.as_f64().unwrap()), Setting::Int),
    }
}

impl Case {
    fn new(word: &'static str, frame: &Frame, json: &Json) -> Self {
        let settings = json["settings"].as_object().unwrap().iter();
        let target = floats(&json["target"]);
        let answers = floats(&json["answers"]);
        let outputs = answers.len() / target.len();
        let target = if outputs == 1 {
            Target::Numbers(target.into())
        } else {
            let classes: Vec<Label> = (0..outputs).map(|class| Label::Int(class as i64)).collect();
            let codes = target.iter().map(|code| *code as u32).collect();
            Target::Classes { codes, classes: classes.into() }
        };
        Self {
            name: json["name"].as_str().unwrap().to_owned(),
            word: json["word"].as_str().map_or(word, |word| word.to_owned().leak()),
            settings: settings.map(|(key, value)| (&*key.clone().leak(), setting(value))).collect(),
            frame: frame.clone(),
            target,
            weights: json["weights"].as_array().map(|_| floats(&json["weights"])),
            answers,
            json: json.clone(),
        }
    }

    /// Fits the case.
    pub(in crate::ml::estimators) fn fit(&self, seed: u64) -> Box<dyn Fitted> {
        let kind = kind(self.word);
        let estimator = kind.bind(&written(kind.signature(), &self.settings)).unwrap();
        let (stop, seed) = (AtomicBool::new(false), Seed::new(seed));
        let context = FitContext { seed, stop: &stop, validation: None, progress: &|_, _| {} };
        let weights = self.weights.as_deref();
        let sample = Sample { features: &self.frame, target: &self.target, weights };
        let fitted = estimator.fit(&sample, &context).unwrap();
        assert_eq!(fitted.warnings(), [""; 0], "{}", self.name);
        fitted
    }

    /// Tells how far the answers of a model are from those of the case, at most.
    pub(in crate::ml::estimators) fn off(&self, answers: &[f64]) -> f64 {
        worst(answers, &self.answers)
    }

    /// Gives what a model answers on the rows that it learnt from.
    pub(in crate::ml::estimators) fn answers(&self, fitted: &dyn Fitted) -> Vec<f64> {
        numbers(fitted.predict(&self.frame).unwrap())
    }

    /// Fits the case and compares the answers, also on rows just beside the thresholds.
    pub(in crate::ml::estimators) fn check(
        &self,
        tolerance: f64,
    ) -> Result<Box<dyn Fitted>, String> {
        let fitted = self.fit(0);
        let mut off = self.off(&self.answers(&*fitted));
        if self.json["probes"].is_array() {
            let probes = frame(&self.json["probes"], false);
            let answers = numbers(fitted.predict(&probes).unwrap());
            off = off.max(worst(&answers, &floats(&self.json["probed"])));
        }
        if off <= tolerance { Ok(fitted) } else { Err(format!("{}: off by {off}", self.name)) }
    }
}

fn worst(answers: &[f64], wanted: &[f64]) -> f64 {
    assert_eq!(answers.len(), wanted.len());
    let off = answers.iter().zip(wanted).map(|(a, b)| (a - b).abs() / b.abs().max(1.0));
    off.fold(0.0, f64::max)
}
