//! What scikit-learn answered on small data; see `tests/fixtures/trees/make.py`.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "the codes of the fixture are small"
)]

use serde_json::Value as Json;

use crate::data::{Column, Frame, Label, NO_CATEGORY, Target};
use crate::ml::estimator::{Fitted, Prediction};
use crate::ml::estimators::parity::fit;
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
        let frame = frame(set);
        set["cases"].as_array().unwrap().iter().map(move |case| Case::new(word, &frame, case))
    })
    .collect()
}

pub(in crate::ml::estimators) fn floats(json: &Json) -> Vec<f64> {
    json.as_array().unwrap().iter().map(|cell| cell.as_f64().unwrap_or(f64::NAN)).collect()
}

fn frame(set: &Json) -> Frame {
    let columns: Vec<Vec<f64>> = set["columns"].as_array().unwrap().iter().map(floats).collect();
    let mut frame = Frame::new(columns[0].len());
    for (index, values) in columns.iter().enumerate() {
        let column = if set["category"] == true && index == 4 {
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

fn setting(json: &Json) -> Setting {
    match json {
        Json::Null => Setting::Null,
        Json::Bool(flag) => Setting::Bool(*flag),
        Json::String(word) => Setting::Word(word.clone()),
        Json::Object(map) => {
            let span = Span::new(FileId(0), 0, 0);
            let bound = |item: &Json| Bound { setting: setting(item), span, written: true };
            Setting::Map(map.iter().map(|(key, item)| (key.clone(), bound(item))).collect())
        }
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
            word,
            settings: settings.map(|(key, value)| (&*key.clone().leak(), setting(value))).collect(),
            frame: frame.clone(),
            target,
            weights: json["weights"].as_array().map(|_| floats(&json["weights"])),
            answers,
            json: json.clone(),
        }
    }

    /// Fits the case and compares the answers.
    pub(in crate::ml::estimators) fn check(
        &self,
        tolerance: f64,
    ) -> Result<Box<dyn Fitted>, String> {
        let weights = self.weights.as_deref();
        let fitted = fit(self.word, &self.settings, &self.frame, &self.target, weights);
        let answers = match fitted.predict(&self.frame).unwrap() {
            Prediction::Classes { probabilities, .. } => probabilities,
            Prediction::Values(values) => values,
            other => panic!("{other:?}"),
        };
        let off = answers.iter().zip(&self.answers).map(|(a, b)| (a - b).abs() / b.abs().max(1.0));
        let worst = off.fold(0.0, f64::max);
        if worst <= tolerance { Ok(fitted) } else { Err(format!("{}: off by {worst}", self.name)) }
    }
}
