//! Models from table to prediction and back from the store.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, StringArray};
use indexmap::IndexMap;
use serde_json::json;

use super::{
    bound, estimator, estimators, fit, floats, ints, passengers, spec, step, table, texts,
};
use crate::data::Label;
use crate::ml::columns::Columns;
use crate::ml::estimator::{FitError, Prediction, Task};
use crate::ml::model::{ClassWeight, FittedModel, ModelSpec, Steps};
use crate::params::{Args, Setting};

#[test]
fn infinity_is_refused_by_a_fit_with_row_and_column() {
    let rows = table(vec![
        ("x", floats(&[Some(1.0), Some(f64::NEG_INFINITY)])),
        ("y", floats(&[Some(1.0); 2])),
    ]);
    let error = fit(&spec(Some("y"), "made_up_plain"), &rows).unwrap_err();
    assert_eq!(
        error.to_string(),
        "column `x` has infinity in row 1; leave such rows out or cap the value in SQL"
    );
}

#[test]
fn auto_picks_what_suits_columns_and_estimator() {
    let plain = fit(&spec(Some("survived"), "made_up_plain"), &passengers()).unwrap();
    assert_eq!(plain.explain(), [
        "drop_constant: empty (empty); ship (constant)",
        "impute: age: 15; class: 2; fare: 9.5",
        "scale: age: (15 ± 7.6485); class: (1.95 ± 0.80467); fare: (9.5 ± 5.7663)",
        "impute: alone: 0",
        "one_hot: port: 4 columns; ticket: 20 columns",
        "tf_idf: story: 14 terms",
        "date_parts: boarded: year, month, day, day_of_week",
        "impute: boarded_year: 2023; boarded_month: 6; boarded_day: 16; boarded_day_of_week: 3",
        "scale: boarded_year: (2022.6 ± 0.5831); boarded_month: (6.05 ± 3.5422); boarded_day: (16.1 ± 8.9325); boarded_day_of_week: (3.15 ± 1.9307)",
        "made_up_plain on 47 columns",
    ].map(str::to_owned));
    let native = fit(&spec(Some("survived"), "made_up_native"), &passengers()).unwrap();
    assert_eq!(
        native.explain(),
        [
            "drop_constant: empty (empty); ship (constant)",
            "category: port: 3 levels; ticket: 20 levels",
            "tf_idf: story: 14 terms",
            "date_parts: boarded: year, month, day, day_of_week",
            "made_up_native on 24 columns",
        ]
        .map(str::to_owned)
    );
}

#[test]
fn auto_encodes_many_levels_by_target_or_hash() {
    let ids: Vec<String> = (0..80).map(|at| format!("id{at}")).collect();
    let table = table(vec![
        ("id", Arc::new(StringArray::from(ids))),
        ("x", floats(&(0..80).map(|at| Some(f64::from(at))).collect::<Vec<_>>())),
        ("y", floats(&(0..80).map(|at| Some(f64::from(at))).collect::<Vec<_>>())),
    ]);
    let words = |model: &FittedModel| -> Vec<String> {
        model
            .explain()
            .iter()
            .map(|line| line.split(':').next().unwrap_or_default().to_owned())
            .collect()
    };
    let told = fit(&spec(Some("y"), "made_up_line"), &table).unwrap();
    assert_eq!(words(&told)[3..5], ["target_encode", "scale"]);
    let grouped = fit(&spec(None, "made_up_groups"), &table).unwrap();
    assert_eq!(words(&grouped)[3], "hash");
}

#[test]
fn models_survive_the_store_to_the_bit() {
    let table = passengers();
    for (target, word) in [
        (Some("survived"), "made_up_plain"),
        (Some("survived"), "made_up_native"),
        (Some("fare"), "made_up_line"),
        (None, "made_up_groups"),
    ] {
        let fitted = fit(&spec(target, word), &table).unwrap();
        let bytes = fitted.save();
        let loaded = FittedModel::load(&bytes, &estimators()).unwrap();
        assert_eq!(loaded.save(), bytes);
        assert_eq!(loaded.predict(&table), fitted.predict(&table));
        assert_eq!(loaded.explain(), fitted.explain());
        assert_eq!(loaded.canonical(), fitted.canonical());
        for at in (0..bytes.len()).step_by(7) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            assert!(
                FittedModel::load(&flipped, &estimators()).is_err(),
                "{word}: byte {at} may be anything"
            );
            assert!(
                FittedModel::load(&bytes[..at], &estimators()).is_err(),
                "{word}: {at} bytes are enough"
            );
        }
    }
}

#[test]
fn predictions_need_the_features_alone_and_in_any_order() {
    let table = passengers();
    let spec = ModelSpec {
        features: Columns::named(["age", "port"]),
        ..spec(Some("fare"), "made_up_line")
    };
    let fitted = fit(&spec, &table).unwrap();
    let expected = fitted.predict(&table).unwrap();
    let few = table.project(&["ship", "port", "age"]).unwrap();
    assert_eq!(fitted.predict(&few), Ok(expected));
    let lacking = table.project(&["ship"]).unwrap();
    assert_eq!(
        fitted.predict(&lacking).unwrap_err().to_string(),
        "the rows lack columns `age`, `port`, from which the model was learnt",
    );
    assert_eq!(fitted.columns_read().collect::<Vec<_>>(), ["age", "port"]);
}

#[test]
fn columns_that_changed_their_type_are_named_unless_they_are_empty() {
    let spec = ModelSpec {
        features: Columns::named(["age", "port"]),
        ..spec(Some("fare"), "made_up_line")
    };
    let fitted = fit(&spec, &passengers()).unwrap();
    let empty = table(vec![("age", texts(&[None])), ("port", texts(&[Some("new port")]))]);
    assert!(
        matches!(fitted.predict(&empty), Ok(Prediction::Values(values)) if values[0].is_finite())
    );
    let wrong = table(vec![("age", texts(&[Some("old")])), ("port", texts(&[None]))]);
    assert_eq!(
        fitted.predict(&wrong).unwrap_err().to_string(),
        "column `age` holds text, but it held a number when the model was fitted; give it that type by `schema` in its `ingest`, or by `CAST` in a `prep`",
    );
}

#[test]
fn judging_takes_classes_that_the_model_never_saw() {
    let train =
        table(vec![("x", floats(&[Some(1.0), Some(2.0)])), ("y", texts(&[Some("b"), Some("c")]))]);
    let spec = ModelSpec {
        steps: Steps::List(Vec::new()),
        positive: Some(Label::Text(Arc::from("c"))),
        ..spec(Some("y"), "made_up_plain")
    };
    let fitted = fit(&spec, &train).unwrap();
    let test = table(vec![("x", floats(&[Some(1.0)])), ("y", texts(&[Some("a")]))]);
    let judged = fitted.judge(&test).unwrap();
    assert_eq!(judged.positive, Some(2));
    let Prediction::Classes { probabilities, classes } = judged.prediction else {
        panic!("no classes")
    };
    assert_eq!(probabilities, [0.0, 0.5, 0.5]);
    assert_eq!(classes.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn positive_classes_are_settled_or_named() {
    let with = |y: ArrayRef, positive: Option<Label>, task: Option<Task>| {
        let table = table(vec![("x", floats(&[Some(1.0), Some(2.0)])), ("y", y)]);
        let spec = ModelSpec { task, positive, ..spec(Some("y"), "made_up_plain") };
        spec.prepare(&table).map(|prepared| prepared.positive).map_err(|error| error.to_string())
    };
    let class = Some(Task::Classification);
    assert_eq!(with(ints(&[0, 1]), None, class), Ok(Some(1)));
    assert_eq!(with(ints(&[1, 2]), None, class), Ok(None));
    assert_eq!(with(Arc::new(BooleanArray::from(vec![false, false])), None, None), Ok(Some(1)));
    assert_eq!(with(texts(&[Some("no"), Some("yes")]), None, None), Ok(None));
    assert_eq!(
        with(texts(&[Some("no"), Some("yes")]), Some(Label::Text(Arc::from("no"))), None),
        Ok(Some(0))
    );
    assert_eq!(
        with(texts(&[Some("no"), Some("yes")]), Some(Label::Bool(true)), None),
        Err("`positive: true` is no class of the target; its classes are `no`, `yes`".to_owned()),
    );
}

#[test]
fn settings_are_read_from_bound_fields() {
    let mut args = Args::default();
    args.set("task", bound(Setting::Word("classification".to_owned())));
    args.set("steps", bound(Setting::List(vec![bound(Setting::Call(step("scale", &json!({}))))])));
    args.set("estimator", bound(Setting::Call(estimator("made_up_plain"))));
    args.set("weight", bound(Setting::Column("w".to_owned())));
    args.set(
        "class_weight",
        bound(Setting::Map(IndexMap::from([("1".to_owned(), bound(Setting::Float(2.0)))]))),
    );
    args.set("positive", bound(Setting::Int(1)));
    let own = ModelSpec::from_settings(Some("y".to_owned()), Columns::all(), &args, &estimators())
        .unwrap();
    assert_eq!(
        own,
        ModelSpec {
            task: Some(Task::Classification),
            steps: Steps::List(vec![step("scale", &json!({}))]),
            weight: Some("w".to_owned()),
            class_weight: ClassWeight::Map(vec![("1".to_owned(), 2.0)]),
            positive: Some(Label::Int(1)),
            ..spec(Some("y"), "made_up_plain")
        }
    );
    args.set("steps", bound(Setting::Word("auto".to_owned())));
    args.set("class_weight", bound(Setting::Word("balanced".to_owned())));
    let own = ModelSpec::from_settings(None, Columns::all(), &args, &estimators()).unwrap();
    assert_eq!((own.steps, own.class_weight), (Steps::Auto, ClassWeight::Balanced));
}

#[test]
fn empty_and_tiny_tables_never_panic() {
    for word in ["made_up_plain", "made_up_native"] {
        for target in ["survived", "fare"] {
            let spec = spec(Some(target), word);
            let none = passengers().slice(0..0).unwrap();
            assert_eq!(fit(&spec, &none).map(|_| ()), Err(FitError::NoRows));
            for rows in 1..4 {
                let table = passengers().slice(5..5 + rows).unwrap();
                if let Ok(fitted) = fit(&spec, &table) {
                    let predicted = fitted.predict(&passengers()).unwrap();
                    assert_eq!(predicted.len(), 20);
                    assert_eq!(fitted.predict(&none).unwrap().len(), 0);
                }
            }
        }
    }
}

#[test]
fn importance_is_named_as_the_columns_behind_the_steps() {
    let steps = Steps::List(vec![step("one_hot", &json!({})), step("impute", &json!({}))]);
    let spec = ModelSpec {
        steps,
        features: Columns::named(["age", "port"]),
        ..spec(Some("fare"), "made_up_line")
    };
    let names: Vec<String> = fit(&spec, &passengers())
        .unwrap()
        .importance()
        .unwrap()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["age", "port=C", "port=Q", "port=S", "port_missing"]);
}
