//! Fits in parts: folds, shared steps, weights.

use std::sync::atomic::AtomicBool;

use arrow::array::ArrayRef;
use serde_json::{Value as Json, json};

use super::{context, fit, floats, ints, passengers, spec, step, table, texts};
use crate::data::{Column, Frame, Target};
use crate::ml::columns::Columns;
use crate::ml::estimator::Prediction;
use crate::ml::model::{ClassWeight, ModelSpec, Stepped, Steps};
use crate::ml::steps::fixture;
use crate::params::Call;

#[test]
fn rows_of_errors_are_those_of_the_whole_table() {
    let spec = ModelSpec {
        steps: Steps::List(Vec::new()),
        features: Columns::named(["age"]),
        ..spec(Some("fare"), "made_up_line")
    };
    let prepared = spec.prepare(&passengers()).unwrap();
    let stop = AtomicBool::new(false);
    let stepped = spec.fit_steps(&prepared, &[1, 2, 5], &[3], &context(&stop)).unwrap();
    let error = spec.fit_estimator(&stepped, &context(&stop)).unwrap_err();
    assert!(error.to_string().contains("in row 5"), "{error}");
    let stepped = spec.fit_steps(&prepared, &[1, 2], &[4, 10], &context(&stop)).unwrap();
    let error = spec
        .fit_estimator(&stepped, &context(&stop))
        .unwrap()
        .predict_prepared(&stepped)
        .unwrap_err();
    assert!(error.to_string().contains("in row 10"), "{error}");
}

#[test]
fn steps_are_fitted_on_training_rows_alone_and_shared() {
    let steps = vec![
        step("impute", &json!({})),
        step("scale", &json!({})),
        step("one_hot", &json!({ "columns": ["port"] })),
    ];
    let spec = ModelSpec {
        steps: Steps::List(steps),
        features: Columns::named(["age", "port"]),
        ..spec(Some("fare"), "made_up_line")
    };
    let prepared = spec.prepare(&passengers()).unwrap();
    let stop = AtomicBool::new(false);
    let (train, test): (Vec<usize>, Vec<usize>) = (0..20).partition(|row| row % 5 != 1);
    let whole = spec.fit_steps(&prepared, &train, &test, &context(&stop)).unwrap();
    // The same rows with other values in the judged rows give the same steps.
    let mut changed = prepared.clone();
    let Some(Column::Number(ages)) = changed.features.column("age") else { panic!("no numbers") };
    let ages: Vec<f64> = ages
        .iter()
        .enumerate()
        .map(|(row, age)| if test.contains(&row) { 1e6 } else { *age })
        .collect();
    changed.features = Frame::new(20)
        .with("age", Column::Number(ages.into()))
        .with("port", prepared.features.column("port").unwrap().clone());
    let other = spec.fit_steps(&changed, &train, &test, &context(&stop)).unwrap();
    assert!(fixture::same_bits(whole.train(), other.train()));
    // Step by step gives the same as all at once.
    let mut stepped = spec.start(&prepared, &train, &test).unwrap();
    for count in 1..=3 {
        stepped = spec.fit_steps_up_to(&stepped, count, &context(&stop)).unwrap();
    }
    assert!(fixture::same_bits(whole.train(), stepped.train()));
    assert!(fixture::same_bits(whole.test().unwrap(), stepped.test().unwrap()));
    let predicted = |own: &Stepped| {
        spec.fit_estimator(own, &context(&stop)).unwrap().predict_prepared(own).unwrap()
    };
    assert_eq!(predicted(&whole), predicted(&stepped));
}

#[test]
fn prefix_keys_agree_as_far_as_steps_do() {
    let with = |steps: Vec<Call>| ModelSpec {
        steps: Steps::List(steps),
        ..spec(Some("fare"), "made_up_line")
    };
    let one = with(vec![step("impute", &json!({})), step("scale", &json!({}))]);
    let two = with(vec![step("impute", &json!({})), step("scale", &json!({ "method": "robust" }))]);
    let three =
        with(vec![step("impute", &json!({ "strategy": "mean" })), step("scale", &json!({}))]);
    let same = |a: &ModelSpec, b: &ModelSpec| {
        a.prefix_keys().iter().zip(b.prefix_keys()).take_while(|(a, b)| **a == *b).count()
    };
    assert_eq!([same(&one, &one), same(&one, &two), same(&one, &three)], [3, 2, 1]);
    assert_eq!(one.steps_key(), one.prefix_keys()[2]);
    let auto = |word: &str| spec(Some("fare"), word).steps_key();
    assert_ne!(auto("made_up_line"), auto("made_up_native"));
}

#[test]
fn canonical_settings_hold_versions_and_forget_the_order_of_names() {
    let named = |names: [&str; 2]| ModelSpec {
        features: Columns::named(names),
        ..spec(Some("y"), "made_up_line")
    };
    assert_eq!(named(["a", "b"]).canonical(), named(["b", "a"]).canonical());
    let canonical = named(["a", "b"]).canonical();
    assert_eq!(canonical["estimator"], json!([{ "made_up_line": {} }, 1]));
    assert_eq!(canonical["steps"]["steps"]["impute"], json!(1));
}

#[test]
fn class_weights_multiply_row_weights() {
    let table = table(vec![
        ("x", floats(&[Some(1.0); 10])),
        (
            "y",
            texts(&[
                Some("a"),
                Some("a"),
                Some("a"),
                Some("a"),
                Some("a"),
                Some("a"),
                Some("a"),
                Some("a"),
                Some("b"),
                Some("b"),
            ]),
        ),
        ("w", ints(&[1, 1, 1, 1, 1, 1, 1, 1, 3, 1])),
    ]);
    let shares = |class_weight: ClassWeight, weight: Option<&str>| {
        let steps = Steps::List(Vec::new());
        let weight = weight.map(str::to_owned);
        let spec = ModelSpec {
            class_weight,
            weight,
            steps,
            features: Columns::named(["x"]),
            ..spec(Some("y"), "made_up_plain")
        };
        match fit(&spec, &table).and_then(|fitted| fitted.predict(&table)) {
            Ok(Prediction::Classes { probabilities, .. }) => Ok(probabilities[1]),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        }
    };
    assert_eq!(shares(ClassWeight::None, None), Ok(0.2));
    assert_eq!(shares(ClassWeight::Balanced, None), Ok(0.5));
    assert_eq!(shares(ClassWeight::None, Some("w")), Ok(4.0 / 12.0));
    assert_eq!(shares(ClassWeight::Balanced, Some("w")), Ok(0.5));
    assert_eq!(shares(ClassWeight::Map(vec![("b".to_owned(), 4.0)]), None), Ok(0.5));
    assert_eq!(
        shares(ClassWeight::Map(vec![("c".to_owned(), 4.0)]), None),
        Err("`class_weight` names `c`, which is no class of the target; its classes are `a`, `b`"
            .to_owned()),
    );
    // scikit-learn: [8, 2] rows weigh 0.625 and 2.5.
    assert_eq!(
        crate::ml::model::fit::balanced(&[0, 0, 0, 0, 0, 0, 0, 0, 1, 1], 2, None),
        [0.625, 2.5]
    );
}

#[test]
fn weights_are_checked() {
    let weighted = |weight: ArrayRef| {
        let table =
            table(vec![("x", floats(&[Some(1.0); 2])), ("y", ints(&[1, 2])), ("w", weight)]);
        let spec = ModelSpec {
            weight: Some("w".to_owned()),
            steps: Steps::List(Vec::new()),
            ..spec(Some("y"), "made_up_line")
        };
        fit(&spec, &table).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(weighted(ints(&[0, 1])), Ok(()));
    assert_eq!(weighted(ints(&[0, 0])), Err("there are no rows to learn from".to_owned()));
    assert_eq!(
        weighted(ints(&[1, -1])),
        Err("column `w` has -1 in row 1; a weight is a number of at least 0".to_owned())
    );
    assert_eq!(
        weighted(floats(&[None, Some(1.0)])),
        Err("column `w` has a missing value in row 0; a weight is a number of at least 0"
            .to_owned()),
    );
}

/// Penguins by logistic regression: what scikit-learn scores on each of five folds, row i in fold
/// i mod 5, with the steps that the reference file states.
#[test]
fn a_whole_model_agrees_with_scikit_learn() {
    let csv = std::fs::read_to_string("../../pipelines/data/penguins.csv").unwrap();
    let reference = std::fs::read_to_string("tests/fixtures/reference/penguins.json").unwrap();
    let reference: Json = serde_json::from_str(&reference).unwrap();
    let mut lines = csv.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    let text = |at: usize| -> ArrayRef {
        texts(
            &rows
                .iter()
                .map(|row| Some(row[at]).filter(|cell| !cell.is_empty()))
                .collect::<Vec<_>>(),
        )
    };
    let number =
        |at: usize| floats(&rows.iter().map(|row| row[at].parse().ok()).collect::<Vec<_>>());
    let is_text = |name: &str| ["species", "island", "sex"].contains(&name);
    let columns = names.iter().enumerate();
    let columns =
        columns.map(|(at, name)| (*name, if is_text(name) { text(at) } else { number(at) }));
    let table = table(columns.collect());
    let steps = vec![
        step("impute", &json!({})),
        step("scale", &json!({})),
        step("impute", &json!({ "columns": ["island", "sex"], "strategy": "most_frequent" })),
        step("one_hot", &json!({})),
    ];
    let spec =
        ModelSpec { steps: Steps::List(steps), ..spec(Some("species"), "logistic_regression") };
    assert_eq!(spec.check(Some(table.schema())), []);
    let prepared = spec.prepare(&table).unwrap();
    let stop = AtomicBool::new(false);
    for (fold, expected) in
        reference["exact"]["logistic"]["folds"].as_array().unwrap().iter().enumerate()
    {
        let (test, train): (Vec<usize>, Vec<usize>) =
            (0..table.rows()).partition(|row| row % 5 == fold);
        let stepped = spec.fit_steps(&prepared, &train, &test, &context(&stop)).unwrap();
        let fitted = spec.fit_estimator(&stepped, &context(&stop)).unwrap();
        let Ok(Prediction::Classes { probabilities, .. }) = fitted.predict_prepared(&stepped)
        else {
            panic!("no classes")
        };
        let Target::Classes { codes, .. } = prepared.target.take(&test) else {
            panic!("no classes")
        };
        let loss: f64 = codes
            .iter()
            .zip(probabilities.chunks(3))
            .map(|(code, own)| -own[*code as usize].ln())
            .sum();
        let (loss, expected) = (loss / test.len() as f64, expected["log_loss"].as_f64().unwrap());
        assert!((loss - expected).abs() <= 1e-4 * expected, "fold {fold}: {loss}, not {expected}");
    }
}
