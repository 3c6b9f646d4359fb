//! Small estimators against scikit-learn where their settings lie away from the defaults.
//!
//! What scikit-learn said stands in `tests/fixtures/estimators/settings.json`, made by `settings.py`.

use std::sync::atomic::AtomicBool;

use serde_json::{Value as Json, json};

use super::ESTIMATORS;
use crate::data::{Column, Frame};
use crate::ml::estimator::{EstimatorKind, FitError, Fitted, Prediction, Sample};
use crate::ml::steps::fixture::{args_of, context, target};

fn kind(word: &str) -> &'static dyn EstimatorKind {
    *ESTIMATORS.iter().find(|kind| kind.signature().name == word).unwrap()
}

fn frame(columns: &Json) -> Frame {
    let columns = columns.as_array().unwrap();
    let rows = columns[0].as_array().unwrap().len();
    columns.iter().enumerate().fold(Frame::new(rows), |frame, (at, own)| {
        frame.with(&format!("x{at}"), Column::Number(numbers(own).into()))
    })
}

fn numbers(list: &Json) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|own| own.as_f64().unwrap()).collect()
}

fn fit(
    word: &str,
    settings: &Json,
    features: &Frame,
    answers: &Json,
    weights: Option<&[f64]>,
) -> Result<Box<dyn Fitted>, FitError> {
    let kind = kind(word);
    let estimator = kind.bind(&args_of(kind.signature(), settings)).unwrap();
    let target = target(Some(answers), features.rows());
    let stop = AtomicBool::new(false);
    estimator.fit(&Sample { features, target: &target, weights }, &context(&stop, 1))
}

fn said(prediction: Prediction) -> Vec<f64> {
    match prediction {
        Prediction::Classes { probabilities, .. } => probabilities,
        Prediction::Values(values) => values,
        _ => panic!("neither classes nor numbers"),
    }
}

fn fixture() -> Json {
    let text = std::fs::read_to_string("tests/fixtures/estimators/settings.json").unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn settings_away_from_the_defaults_agree_with_scikit_learn() {
    let all = fixture();
    let weights = numbers(&all["weights"]);
    for case in all["cases"].as_array().unwrap() {
        let of = |name: &str| case.get(name).unwrap_or(&all[name]).clone();
        let (word, name) = (case["estimator"].as_str().unwrap(), &case["name"]);
        let weights = case["weighted"].as_bool().unwrap().then_some(&weights[..]);
        let answers = &all[case["target"].as_str().unwrap()];
        let fitted = fit(word, &case["settings"], &frame(&of("x")), answers, weights).unwrap();
        let asked = frame(&of("asked"));
        let found = said(fitted.predict(&asked).unwrap());
        let wanted: Vec<f64> = case["said"].as_array().unwrap().iter().flat_map(numbers).collect();
        assert_eq!(found.len(), wanted.len(), "{word}: {name}");
        for (place, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
            let near = (found - wanted).abs() <= 1e-9 * wanted.abs().max(1.0);
            assert!(near, "{word}: {name}, value {place} is {found}, not {wanted}");
        }
        let loaded = kind(word).load(&fitted.save()).unwrap();
        assert_eq!(said(loaded.predict(&asked).unwrap()), found, "{word}: {name}");
    }
}

#[test]
fn rules_between_settings_are_checked() {
    for (word, settings, message) in [
        (
            "k_nearest_neighbors",
            json!({ "metric": "cosine", "p": 3 }),
            "`p` is for `metric: minkowski` alone",
        ),
        (
            "gaussian_naive_bayes",
            json!({ "priors": { "a": { "share": 0.5 }, "b": { "share": 0.25 } } }),
            "the shares of `priors` add up to 0.75, not to 1",
        ),
        ("dummy", json!({ "strategy": "constant" }), "`strategy: constant` needs `constant`"),
        ("dummy", json!({ "constant": 1 }), "`constant` is for `strategy: constant` alone"),
    ] {
        let bound = kind(word).bind(&args_of(kind(word).signature(), &settings));
        assert_eq!(bound.err().map(|bad| bad.message).as_deref(), Some(message), "{word}");
    }
}

#[test]
fn settings_that_name_classes_are_held_against_the_target() {
    let frame = frame(&json!([[1.0, 2.0, 3.0, 4.0], [1.0, 0.0, 1.5, 2.0]]));
    let classes = json!(["no", "yes", "no", "yes"]);
    let half = json!({ "share": 0.5 });
    for (word, settings, answers, message) in [
        (
            "gaussian_naive_bayes",
            json!({ "priors": { "no": half, "maybe": half } }),
            &classes,
            "`priors` names `maybe`, which is no class; the classes are `no`, `yes`",
        ),
        (
            "gaussian_naive_bayes",
            json!({ "priors": { "no": { "share": 1.0 } } }),
            &classes,
            "`priors` has no share for the class `yes`; the classes are `no`, `yes`",
        ),
        (
            "dummy",
            json!({ "strategy": "constant", "constant": "maybe" }),
            &classes,
            "`constant` is no class of the target; its classes are `no`, `yes`",
        ),
        (
            "dummy",
            json!({ "strategy": "constant", "constant": "no" }),
            &json!([1.0, 2.0, 3.0, 4.0]),
            "`constant` must be a number, as the target is",
        ),
    ] {
        let error = fit(word, &settings, &frame, answers, None).map(|_| ()).unwrap_err();
        assert_eq!(error.to_string(), message, "{word}");
    }
}
