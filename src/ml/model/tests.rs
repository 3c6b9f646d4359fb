//! Models from table to prediction and back from the store, with estimators made for the tests.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DurationMillisecondArray,
    Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
    TimestampSecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Schema};
use indexmap::IndexMap;
use serde_json::{Value as Json, json};

use super::{ClassWeight, FittedModel, ModelSpec, Part, Steps};
use crate::data::{Column, Frame, Label, NO_CATEGORY, NO_TIME, Sort, Table, Target};
use crate::ml::Seed;
use crate::ml::columns::Columns;
use crate::ml::estimator::{
    BadSetting, Estimator, EstimatorKind, FitContext, FitError, Fitted, LoadError, Prediction,
    Sample, Tags, Task,
};
use crate::ml::steps::fixture;
use crate::params::{Args, Bound, Call, Setting, Signature};
use crate::text::{FileId, Span};

/// An estimator that answers with the weighted mean target plus the sum of a row's numbers.
struct MadeUp {
    signature: &'static Signature,
    tags: Tags,
}

macro_rules! made_up {
    ($word:literal, $tags:expr) => {
        &MadeUp {
            signature: &Signature { name: $word, doc: "Made up.", positional: 0, params: &[] },
            tags: $tags,
        }
    };
}

const BOTH: &[Task] = &[Task::Classification, Task::Regression];

const fn tags(tasks: &'static [Task], missing: bool, scaled: bool) -> Tags {
    Tags { tasks, missing, categories: missing, scaled, weights: true }
}

pub(super) static MADE_UP: &[&dyn EstimatorKind] = &[
    made_up!("made_up_plain", tags(BOTH, false, true)),
    made_up!("made_up_native", tags(BOTH, true, false)),
    made_up!("made_up_line", tags(&[Task::Regression], false, true)),
    made_up!("made_up_groups", tags(&[Task::Clustering], false, true)),
    made_up!("made_up_unweighted", Tags { weights: false, ..tags(BOTH, false, false) }),
];

#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Mean {
    /// The weight of each class, or the mean alone.
    values: Vec<f64>,
    classes: Vec<String>,
    columns: usize,
    groups: bool,
}

impl EstimatorKind for MadeUp {
    fn signature(&self) -> &'static Signature {
        self.signature
    }

    fn tags(&self) -> Tags {
        self.tags
    }

    fn bind(&self, _: &Args) -> Result<Box<dyn Estimator>, BadSetting> {
        Ok(Box::new(Unfitted))
    }

    fn load(&self, bytes: &[u8]) -> Result<Box<dyn Fitted>, LoadError> {
        let broken = |reason: postcard::Error| LoadError { kind: "made up", reason: reason.to_string() };
        Ok(Box::new(postcard::from_bytes::<Mean>(bytes).map_err(broken)?))
    }
}

struct Unfitted;

impl Estimator for Unfitted {
    fn fit(&self, sample: &Sample<'_>, _: &FitContext<'_>) -> Result<Box<dyn Fitted>, FitError> {
        let weight = |row: usize| sample.weights.map_or(1.0, |weights| weights[row]);
        let columns = sample.features.width();
        let mean = match sample.target {
            Target::Classes { codes, classes } => {
                let mut values = vec![0.0; classes.len()];
                codes.iter().enumerate().for_each(|(row, code)| values[*code as usize] += weight(row));
                let classes = classes.iter().map(ToString::to_string).collect();
                Mean { values, classes, columns, groups: false }
            }
            Target::Numbers(own) => {
                let all: f64 = (0..own.len()).map(weight).sum();
                let sum: f64 = own.iter().enumerate().map(|(row, own)| own * weight(row)).sum();
                Mean { values: vec![sum / all], classes: Vec::new(), columns, groups: false }
            }
            Target::Absent { .. } => Mean { values: Vec::new(), classes: Vec::new(), columns, groups: true },
        };
        Ok(Box::new(mean))
    }
}

impl Fitted for Mean {
    fn predict(&self, features: &Frame) -> Result<Prediction, FitError> {
        assert_eq!(features.width(), self.columns);
        let row_sum = |row: usize| {
            let own = features.columns().iter().filter_map(|column| match column {
                Column::Category { codes, .. } => Some(f64::from(codes[row].min(99))),
                other => other.numbers().map(|values| values[row]),
            });
            own.filter(|value| !value.is_nan()).sum::<f64>()
        };
        let rows = 0..features.rows();
        Ok(if self.groups {
            Prediction::Clusters(rows.map(|row| i64::from(row_sum(row) > 0.0)).collect())
        } else if self.classes.is_empty() {
            Prediction::Values(rows.map(|row| self.values[0] + row_sum(row)).collect())
        } else {
            let all: f64 = self.values.iter().sum();
            let classes = self.classes.iter().map(|class| Label::Text(Arc::from(class.as_str()))).collect();
            let shares = rows.flat_map(|_| self.values.iter().map(move |own| own / all));
            Prediction::Classes { probabilities: shares.collect(), classes }
        })
    }

    fn save(&self) -> Vec<u8> {
        postcard::to_stdvec(self).unwrap()
    }

    fn importance(&self) -> Option<Vec<f64>> {
        Some((0..self.columns).map(|at| at as f64).collect())
    }
}

fn bound(setting: Setting) -> Bound {
    Bound { setting, span: Span::new(FileId(0), 3, 7), written: true }
}

fn estimator(word: &str) -> Call {
    let kind = super::kinds::estimator_named(word).expect("an estimator");
    let mut args = Args::default();
    for param in kind.signature().params {
        args.set(param.name, bound(param.default.expect("a default")()));
    }
    Call { name: kind.signature().name, args }
}

fn step(word: &str, settings: &Json) -> Call {
    Call { name: fixture::kind(word).signature().name, args: fixture::args(word, settings) }
}

fn spec(target: Option<&str>, word: &str) -> ModelSpec {
    ModelSpec {
        target: target.map(str::to_owned),
        features: Columns::all(),
        task: None,
        steps: Steps::Auto,
        estimator: estimator(word),
        weight: None,
        class_weight: ClassWeight::None,
        positive: None,
        excluded: Vec::new(),
    }
}

fn table(columns: Vec<(&str, ArrayRef)>) -> Table {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns.into_iter().map(|(_, own)| own).collect());
    Table::new(schema, vec![batch.unwrap()]).unwrap()
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn floats(values: &[Option<f64>]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

fn ints(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn context(stop: &AtomicBool) -> FitContext<'_> {
    FitContext { seed: Seed::new(1), stop, validation: None, progress: &|_, _| {} }
}

fn fit(spec: &ModelSpec, table: &Table) -> Result<FittedModel, FitError> {
    let stop = AtomicBool::new(false);
    spec.fit(table, None, &context(&stop))
}

/// Twenty passengers with every sort of column.
fn passengers() -> Table {
    let some = |at: usize, text: &'static str| (at % 7 != 3).then_some(text);
    let port: Vec<Option<&str>> = (0..20).map(|at| some(at, ["S", "C", "Q"][at % 3])).collect();
    let story = ["a long story about a cabin on deck", "she came with all of her five children"];
    let story: Vec<Option<&str>> = (0..20).map(|at| Some(story[at % 2])).collect();
    let age: Vec<Option<f64>> = (0..20).map(|at| (at % 5 != 0).then_some(at as f64 * 1.5)).collect();
    let ids: Vec<String> = (0..20).map(|at| format!("ticket {at}")).collect();
    table(vec![
        ("age", floats(&age)),
        ("class", ints(&(0..20).map(|at| at % 3 + 1).collect::<Vec<_>>())),
        ("port", texts(&port)),
        ("story", texts(&story)),
        ("alone", Arc::new(BooleanArray::from((0..20).map(|at| Some(at % 2 == 0)).collect::<Vec<_>>()))),
        ("ticket", Arc::new(StringArray::from(ids))),
        ("boarded", Arc::new(Date32Array::from((0..20).map(|at| 19_000 + at * 40).collect::<Vec<_>>()))),
        ("empty", floats(&[None; 20])),
        ("ship", texts(&[Some("Titanic"); 20])),
        ("survived", Arc::new(BooleanArray::from((0..20).map(|at| Some(at % 4 == 0)).collect::<Vec<_>>()))),
        ("fare", floats(&(0..20).map(|at| Some(at as f64)).collect::<Vec<_>>())),
    ])
}

#[test]
fn columns_of_every_type_become_features() {
    let table = table(vec![
        ("i", Arc::new(Int32Array::from(vec![Some(1), None]))),
        ("u", Arc::new(UInt64Array::from(vec![Some(u64::MAX), Some(2)]))),
        ("f", floats(&[Some(0.5), Some(f64::NAN)])),
        ("d", Arc::new(Decimal128Array::from(vec![Some(1234), None]).with_precision_and_scale(10, 2).unwrap())),
        ("b", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("t", texts(&[Some("x"), None])),
        ("day", Arc::new(Date32Array::from(vec![Some(1), None]))),
        ("s", Arc::new(TimestampSecondArray::from(vec![Some(-1), None]))),
        ("ns", Arc::new(TimestampNanosecondArray::from(vec![Some(-1), Some(1_500)]))),
        ("dur", Arc::new(DurationMillisecondArray::from(vec![Some(1_500), None]))),
    ]);
    let names: Vec<String> = table.schema().fields().iter().map(|field| field.name().clone()).collect();
    let frame = Frame::of_table(&table, &names).unwrap();
    let number = |name: &str| frame.column(name).unwrap().numbers().unwrap().to_vec();
    assert_eq!(number("i")[0], 1.0);
    assert!(number("i")[1].is_nan() && number("f")[1].is_nan() && number("d")[1].is_nan());
    assert_eq!(number("u"), [u64::MAX as f64, 2.0]);
    assert_eq!(number("d")[0], 12.34);
    assert_eq!(number("dur")[0], 1.5);
    assert!(number("dur")[1].is_nan() && number("b")[1].is_nan());
    assert_eq!(frame.column("t"), Some(&Column::Text(vec![Some(Arc::from("x")), None].into())));
    assert_eq!(frame.column("day"), Some(&Column::Time(vec![86_400_000_000, NO_TIME].into())));
    assert_eq!(frame.column("s"), Some(&Column::Time(vec![-1_000_000, NO_TIME].into())));
    assert_eq!(frame.column("ns"), Some(&Column::Time(vec![-1, 1].into())));
    let sorts: Vec<Sort> = frame.columns().iter().map(Sort::of).collect();
    let known: Vec<Sort> = crate::data::sorts(table.schema()).map(|(_, sort)| sort.unwrap()).collect();
    assert_eq!(sorts, known);
}

#[test]
fn declared_categories_are_sorted_levels() {
    let metadata = std::collections::HashMap::from([("mlp.categories".to_owned(), r#"["b","a","never"]"#.to_owned())]);
    let schema = Arc::new(Schema::new(vec![Field::new("c", DataType::Utf8, true).with_metadata(metadata)]));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![texts(&[Some("b"), None, Some("ä"), Some("a")])]);
    let table = Table::new(schema, vec![batch.unwrap()]).unwrap();
    let Some(Column::Category { codes, levels }) =
        Frame::of_table(&table, &["c".to_owned()]).unwrap().column("c").cloned()
    else {
        panic!("no category")
    };
    assert_eq!(levels.iter().map(|level| &**level).collect::<Vec<_>>(), ["a", "b", "never", "ä"]);
    assert_eq!(*codes, [1, NO_CATEGORY, 3, 0]);
    let known = crate::data::declared_classes(table.schema().field(0));
    assert_eq!(known.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a", "b", "never"]);
}

#[test]
fn what_no_model_takes_is_named() {
    let bytes = table(vec![("raw", Arc::new(BinaryArray::from(vec![&b"x"[..]]))), ("far", Arc::new(TimestampSecondArray::from(vec![i64::MAX])))]);
    let error = |name: &str| Frame::of_table(&bytes, &[name.to_owned()]).unwrap_err().to_string();
    assert_eq!(error("raw"), "column `raw` holds bytes, which no model takes; leave it out, or take it apart in SQL");
    assert_eq!(error("nope"), "the table has no column `nope`");
    assert_eq!(error("far"), "column `far` has a date beyond the years that can be counted in row 0; dates reach 290,000 years either way");
}

#[test]
fn targets_are_sorted_classes_or_whole_numbers_or_refused() {
    let table = table(vec![
        ("t", texts(&[Some("b"), Some("a"), Some("b")])),
        ("i", ints(&[10, -2, 10])),
        ("f", floats(&[Some(1.0), Some(0.0), Some(1.0)])),
        ("half", floats(&[Some(0.5), Some(0.0), Some(1.0)])),
        ("a b", floats(&[None, Some(f64::NAN), Some(1.0)])),
        ("inf", floats(&[Some(1.0), Some(f64::INFINITY), Some(1.0)])),
        ("day", Arc::new(Date32Array::from(vec![1, 2, 3]))),
    ]);
    let classes = |name: &str| match Target::classes_of(&table, name, &[]).map_err(|error| error.to_string()) {
        Ok(Target::Classes { codes, classes }) => {
            Ok((codes.to_vec(), classes.iter().map(ToString::to_string).collect::<Vec<_>>()))
        }
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error),
    };
    let named = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(classes("t"), Ok((vec![1, 0, 1], named(&["a", "b"]))));
    assert_eq!(classes("i"), Ok((vec![1, 0, 1], named(&["-2", "10"]))));
    assert_eq!(classes("f"), Ok((vec![1, 0, 1], named(&["0", "1"]))));
    assert_eq!(classes("half"), Err("column `half` has 0.5 in row 0; a class is a text, a bool or a whole number".to_owned()));
    assert_eq!(
        classes("a b"),
        Err("the target `a b` is missing in 2 of 3 rows; leave them out with `WHERE \"a b\" IS NOT NULL`".to_owned()),
    );
    assert_eq!(classes("day"), Err("the target `day` holds a date, but classes are texts, bools or whole numbers".to_owned()));
    let number = |name: &str| Target::numbers_of(&table, name).map_err(|error| error.to_string());
    assert_eq!(number("i"), Ok(Target::Numbers(vec![10.0, -2.0, 10.0].into())));
    assert_eq!(number("inf"), Err("column `inf` has infinity in row 1; leave such rows out or cap the value in SQL".to_owned()));
    assert_eq!(number("t"), Err("the target `t` holds text, but regression needs a number".to_owned()));
}

#[test]
fn infinity_is_refused_by_a_fit_with_row_and_column() {
    let rows = table(vec![("x", floats(&[Some(1.0), Some(f64::NEG_INFINITY)])), ("y", floats(&[Some(1.0); 2]))]);
    let error = fit(&spec(Some("y"), "made_up_plain"), &rows).unwrap_err();
    assert_eq!(error.to_string(), "column `x` has infinity in row 1; leave such rows out or cap the value in SQL");
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
    assert_eq!(native.explain(), [
        "drop_constant: empty (empty); ship (constant)",
        "category: port: 3 levels; ticket: 20 levels",
        "tf_idf: story: 14 terms",
        "date_parts: boarded: year, month, day, day_of_week",
        "made_up_native on 24 columns",
    ].map(str::to_owned));
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
        model.explain().iter().map(|line| line.split(':').next().unwrap_or_default().to_owned()).collect()
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
        let loaded = FittedModel::load(&bytes).unwrap();
        assert_eq!(loaded.save(), bytes);
        assert_eq!(loaded.predict(&table), fitted.predict(&table));
        assert_eq!(loaded.explain(), fitted.explain());
        assert_eq!(loaded.canonical(), fitted.canonical());
        for at in (0..bytes.len()).step_by(7) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            assert!(FittedModel::load(&flipped).is_err(), "{word}: byte {at} may be anything");
            assert!(FittedModel::load(&bytes[..at]).is_err(), "{word}: {at} bytes are enough");
        }
    }
}

#[test]
fn predictions_need_the_features_alone_and_in_any_order() {
    let table = passengers();
    let spec = ModelSpec { features: Columns::named(["age", "port"]), ..spec(Some("fare"), "made_up_line") };
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
    let spec = ModelSpec { features: Columns::named(["age", "port"]), ..spec(Some("fare"), "made_up_line") };
    let fitted = fit(&spec, &passengers()).unwrap();
    let empty = table(vec![("age", texts(&[None])), ("port", texts(&[Some("new port")]))]);
    assert!(matches!(fitted.predict(&empty), Ok(Prediction::Values(values)) if values[0].is_finite()));
    let wrong = table(vec![("age", texts(&[Some("old")])), ("port", texts(&[None]))]);
    assert_eq!(
        fitted.predict(&wrong).unwrap_err().to_string(),
        "column `age` holds text, but it held a number when the model was fitted",
    );
}

#[test]
fn leftover_columns_are_named_with_what_to_do() {
    let listed = |steps: Vec<Call>, word: &str| {
        let spec = ModelSpec { steps: Steps::List(steps), ..spec(Some("fare"), word) };
        (fit(&spec, &passengers()).unwrap_err().to_string(), spec.check(Some(passengers().schema())))
    };
    let (error, findings) = listed(vec![step("impute", &json!({}))], "made_up_line");
    assert_eq!(
        error,
        "column `port` holds text, but `made_up_line` takes numbers; add `one_hot(port)`, `target_encode(port)` or, for long texts, `tf_idf(port)` to `steps`, or leave the column out of `features`",
    );
    let messages: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(messages, [
        "column `port` holds text, but `made_up_line` takes numbers",
        "column `story` holds text, but `made_up_line` takes numbers",
        "column `ticket` holds text, but `made_up_line` takes numbers",
        "column `boarded` holds a date, but `made_up_line` takes numbers",
        "column `ship` holds text, but `made_up_line` takes numbers",
    ]);
    assert_eq!(
        findings[3].help,
        ["add `date_parts(boarded)` to `steps`, or leave the column out of `features`"],
    );
    let encoded = vec![step("one_hot", &json!({})), step("date_parts", &json!({})), step("drop_constant", &json!({}))];
    let (error, findings) = listed(encoded, "made_up_line");
    assert_eq!(
        error,
        "column `age` has a missing value in row 0; `made_up_line` takes no missing values: add `impute(age)` to `steps`, or use `steps: auto`",
    );
    assert_eq!(findings, []);
}

#[test]
fn rows_of_errors_are_those_of_the_whole_table() {
    let spec = ModelSpec { steps: Steps::List(Vec::new()), features: Columns::named(["age"]), ..spec(Some("fare"), "made_up_line") };
    let prepared = spec.prepare(&passengers()).unwrap();
    let stop = AtomicBool::new(false);
    let stepped = spec.fit_steps(&prepared, &[1, 2, 5], &[3], &context(&stop)).unwrap();
    let error = spec.fit_estimator(&stepped, &context(&stop)).unwrap_err();
    assert!(error.to_string().contains("in row 5"), "{error}");
    let stepped = spec.fit_steps(&prepared, &[1, 2], &[4, 10], &context(&stop)).unwrap();
    let error = spec.fit_estimator(&stepped, &context(&stop)).unwrap().predict_prepared(&stepped).unwrap_err();
    assert!(error.to_string().contains("in row 10"), "{error}");
}

#[test]
fn steps_are_fitted_on_training_rows_alone_and_shared() {
    let steps = vec![step("impute", &json!({})), step("scale", &json!({})), step("one_hot", &json!({ "columns": ["port"] }))];
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
    let ages: Vec<f64> = ages.iter().enumerate().map(|(row, age)| if test.contains(&row) { 1e6 } else { *age }).collect();
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
    let predicted = |own: &super::Stepped| {
        spec.fit_estimator(own, &context(&stop)).unwrap().predict_prepared(own).unwrap()
    };
    assert_eq!(predicted(&whole), predicted(&stepped));
}

#[test]
fn prefix_keys_agree_as_far_as_steps_do() {
    let with = |steps: Vec<Call>| ModelSpec { steps: Steps::List(steps), ..spec(Some("fare"), "made_up_line") };
    let one = with(vec![step("impute", &json!({})), step("scale", &json!({}))]);
    let two = with(vec![step("impute", &json!({})), step("scale", &json!({ "method": "robust" }))]);
    let three = with(vec![step("impute", &json!({ "strategy": "mean" })), step("scale", &json!({}))]);
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
    let named = |names: [&str; 2]| ModelSpec { features: Columns::named(names), ..spec(Some("y"), "made_up_line") };
    assert_eq!(named(["a", "b"]).canonical(), named(["b", "a"]).canonical());
    let canonical = named(["a", "b"]).canonical();
    assert_eq!(canonical["estimator"], json!([{ "made_up_line": {} }, 1]));
    assert_eq!(canonical["steps"]["steps"]["impute"], json!(1));
}

#[test]
fn class_weights_multiply_row_weights() {
    let table = table(vec![
        ("x", floats(&[Some(1.0); 10])),
        ("y", texts(&[Some("a"), Some("a"), Some("a"), Some("a"), Some("a"), Some("a"), Some("a"), Some("a"), Some("b"), Some("b")])),
        ("w", ints(&[1, 1, 1, 1, 1, 1, 1, 1, 3, 1])),
    ]);
    let shares = |class_weight: ClassWeight, weight: Option<&str>| {
        let steps = Steps::List(Vec::new());
        let weight = weight.map(str::to_owned);
        let spec = ModelSpec { class_weight, weight, steps, features: Columns::named(["x"]), ..spec(Some("y"), "made_up_plain") };
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
        Err("`class_weight` names `c`, which is no class of the target; its classes are `a`, `b`".to_owned()),
    );
    // scikit-learn: [8, 2] rows weigh 0.625 and 2.5.
    assert_eq!(super::fit::balanced(&[0, 0, 0, 0, 0, 0, 0, 0, 1, 1], 2, None), [0.625, 2.5]);
}

#[test]
fn weights_are_checked() {
    let weighted = |weight: ArrayRef| {
        let table = table(vec![("x", floats(&[Some(1.0); 2])), ("y", ints(&[1, 2])), ("w", weight)]);
        let spec = ModelSpec { weight: Some("w".to_owned()), steps: Steps::List(Vec::new()), ..spec(Some("y"), "made_up_line") };
        fit(&spec, &table).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(weighted(ints(&[0, 1])), Ok(()));
    assert_eq!(weighted(ints(&[0, 0])), Err("there are no rows to learn from".to_owned()));
    assert_eq!(weighted(ints(&[1, -1])), Err("column `w` has -1 in row 1; a weight is a number of at least 0".to_owned()));
    assert_eq!(
        weighted(floats(&[None, Some(1.0)])),
        Err("column `w` has a missing value in row 0; a weight is a number of at least 0".to_owned()),
    );
}

#[test]
fn judging_takes_classes_that_the_model_never_saw() {
    let train = table(vec![("x", floats(&[Some(1.0), Some(2.0)])), ("y", texts(&[Some("b"), Some("c")]))]);
    let spec = ModelSpec { steps: Steps::List(Vec::new()), positive: Some(Label::Text(Arc::from("c"))), ..spec(Some("y"), "made_up_plain") };
    let fitted = fit(&spec, &train).unwrap();
    let test = table(vec![("x", floats(&[Some(1.0)])), ("y", texts(&[Some("a")]))]);
    let judged = fitted.judge(&test).unwrap();
    assert_eq!(judged.positive, Some(2));
    let Prediction::Classes { probabilities, classes } = judged.prediction else { panic!("no classes") };
    assert_eq!(probabilities, [0.0, 0.5, 0.5]);
    assert_eq!(classes.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn positive_classes_are_settled_or_named() {
    let with = |y: ArrayRef, positive: Option<Label>, task: Option<Task>| {
        let table = table(vec![("x", floats(&[Some(1.0), Some(2.0)])), ("y", y)]);
        let spec = ModelSpec { positive, task, ..spec(Some("y"), "made_up_plain") };
        spec.prepare(&table).map(|prepared| prepared.positive).map_err(|error| error.to_string())
    };
    let class = Some(Task::Classification);
    assert_eq!(with(ints(&[0, 1]), None, class), Ok(Some(1)));
    assert_eq!(with(ints(&[1, 2]), None, class), Ok(None));
    assert_eq!(with(Arc::new(BooleanArray::from(vec![false, false])), None, None), Ok(Some(1)));
    assert_eq!(with(texts(&[Some("no"), Some("yes")]), None, None), Ok(None));
    assert_eq!(with(texts(&[Some("no"), Some("yes")]), Some(Label::Text(Arc::from("no"))), None), Ok(Some(0)));
    assert_eq!(
        with(texts(&[Some("no"), Some("yes")]), Some(Label::Bool(true)), None),
        Err("`positive: true` is no class of the target; its classes are `no`, `yes`".to_owned()),
    );
}

/// A model, the columns' types, and what is found.
fn found(change: impl Fn(&mut ModelSpec)) -> Vec<(Part, &'static str, String, Vec<String>)> {
    let mut own = spec(Some("survived"), "made_up_plain");
    change(&mut own);
    let findings = own.check(Some(passengers().schema()));
    findings.into_iter().map(|own| (own.part, own.code, own.message, own.help)).collect()
}

fn one(change: impl Fn(&mut ModelSpec)) -> (Part, &'static str, String, Vec<String>) {
    let mut found = found(change);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn help(text: &str) -> Vec<String> {
    vec![text.to_owned()]
}

#[test]
fn a_right_model_has_no_findings() {
    assert_eq!(found(|_| ()), []);
    let own = spec(Some("survived"), "made_up_plain");
    assert_eq!(own.known_task(Some(passengers().schema())), Some(Task::Classification));
    assert_eq!(own.known_task(None), None);
    assert_eq!(spec(Some("y"), "made_up_line").known_task(None), Some(Task::Regression));
    assert_eq!(spec(None, "made_up_groups").known_task(None), Some(Task::Clustering));
    assert_eq!(own.known_classes(passengers().schema()).map(|classes| classes.len()), Some(2));
}

#[test]
fn targets_and_tasks_are_checked() {
    let unknown = |what: &str| format!("the data has no column `{what}`");
    assert_eq!(
        one(|own| own.target = Some("survivd".to_owned())),
        (Part::Target, "unknown-column", unknown("survivd"), help("did you mean `survived`?")),
    );
    assert_eq!(
        one(|own| own.target = Some("class".to_owned())),
        (
            Part::Task,
            "no-task",
            "the target `class` holds whole numbers: they may be classes or amounts".to_owned(),
            help("add `task: classification` or `task: regression`"),
        ),
    );
    assert_eq!(found(|own| (own.target, own.task) = (Some("class".to_owned()), Some(Task::Regression))), []);
    assert_eq!(found(|own| (own.target, own.estimator) = (Some("class".to_owned()), estimator("made_up_line"))), []);
    assert_eq!(
        one(|own| own.target = Some("boarded".to_owned())),
        (
            Part::Target,
            "target-type",
            "the target `boarded` holds a date, which can't be told".to_owned(),
            help("make a number or a class of it in SQL"),
        ),
    );
    assert_eq!(
        one(|own| own.estimator = estimator("made_up_line")),
        (
            Part::Estimator,
            "task-misfit",
            "the target `survived` holds classes, but `made_up_line` does regression".to_owned(),
            help("use an estimator for classification"),
        ),
    );
    assert_eq!(
        one(|own| own.task = Some(Task::Regression)),
        (
            Part::Task,
            "task-misfit",
            "the target `survived` holds classes, which regression can't tell".to_owned(),
            help("`survived` is for classification"),
        ),
    );
    assert_eq!(
        one(|own| own.estimator = estimator("made_up_groups")),
        (
            Part::Target,
            "needless-target",
            "`made_up_groups` does clustering and takes no target".to_owned(),
            help("remove `target`, and leave the column out of `features` if it must not be seen"),
        ),
    );
    assert_eq!(
        one(|own| own.target = None),
        (Part::Estimator, "no-target", "`made_up_plain` needs a target".to_owned(), help("add `target: COLUMN`")),
    );
}

#[test]
fn features_weights_and_classes_are_checked() {
    assert_eq!(
        one(|own| own.features = Columns::named(["age", "prot"])),
        (Part::Features, "unknown-column", "the data has no column `prot`".to_owned(), help("did you mean `port`?")),
    );
    assert_eq!(
        one(|own| own.features = Columns::named(["age", "survived"])),
        (Part::Features, "target-as-feature", "`survived` is the target, so it can't be a feature".to_owned(), Vec::new()),
    );
    assert_eq!(
        one(|own| own.features = Columns::default()),
        (Part::Features, "no-features", "the list of features is empty".to_owned(), Vec::new()),
    );
    assert_eq!(
        one(|own| own.weight = Some("port".to_owned())),
        (Part::Weight, "weight-type", "the weight `port` holds text, not numbers".to_owned(), Vec::new()),
    );
    assert_eq!(
        one(|own| (own.weight, own.estimator) = (Some("fare".to_owned()), estimator("made_up_unweighted"))),
        (
            Part::Weight,
            "no-weights",
            "`made_up_unweighted` takes no row weights, so `weight` can't be used".to_owned(),
            Vec::new(),
        ),
    );
    assert_eq!(
        one(|own| own.positive = Some(Label::Text(Arc::from("tru")))),
        (Part::Positive, "unknown-class", "`tru` is no class of `survived`".to_owned(), help("did you mean `true`?")),
    );
    assert_eq!(
        one(|own| own.class_weight = ClassWeight::Map(vec![("yes".to_owned(), 1.0)])),
        (
            Part::ClassWeight,
            "unknown-class",
            "`yes` is no class of `survived`".to_owned(),
            help("its classes are `false`, `true`"),
        ),
    );
}

#[test]
fn steps_are_checked_as_the_columns_stand_at_their_turn() {
    let steps = |calls: Vec<Call>| move |own: &mut ModelSpec| {
        own.features = Columns::named(["age", "port"]);
        own.steps = Steps::List(calls.clone());
    };
    let one_hot = || step("one_hot", &json!({}));
    assert_eq!(
        one(steps(vec![step("scale", &json!({ "columns": ["agee"] })), one_hot()])),
        (Part::Step(0), "step-misfit", "`scale` finds no column `agee`".to_owned(), help("did you mean `age`?")),
    );
    assert_eq!(
        one(steps(vec![step("scale", &json!({ "columns": ["port"] })), one_hot()])),
        (Part::Step(0), "step-misfit", "column `port` holds text, but `scale` takes numbers".to_owned(), Vec::new()),
    );
    assert_eq!(
        one(steps(vec![step("ordinal", &json!({})), step("scale", &json!({ "columns": ["fare"] }))])),
        (
            Part::Step(1),
            "step-misfit",
            "`scale` finds no column `fare`".to_owned(),
            help("an earlier step has put other columns in the place of `fare`, or `features` leaves it out"),
        ),
    );
    // Which columns `one_hot` makes is known at run time alone.
    assert_eq!(found(steps(vec![one_hot(), step("scale", &json!({ "columns": ["port=S"] }))])), []);
    assert_eq!(
        one(steps(vec![one_hot(), step("clip", &json!({}))])),
        (Part::Step(1), "bad-setting", "`clip` needs `lower`, `upper` or `quantiles`".to_owned(), Vec::new()),
    );
}

#[test]
fn settings_are_read_from_bound_fields() {
    let mut args = Args::default();
    args.set("task", bound(Setting::Word("classification".to_owned())));
    args.set("steps", bound(Setting::List(vec![bound(Setting::Call(step("scale", &json!({}))))])));
    args.set("estimator", bound(Setting::Call(estimator("made_up_plain"))));
    args.set("weight", bound(Setting::Column("w".to_owned())));
    args.set("class_weight", bound(Setting::Map(IndexMap::from([("1".to_owned(), bound(Setting::Float(2.0)))]))));
    args.set("positive", bound(Setting::Int(1)));
    let own = ModelSpec::from_settings(Some("y".to_owned()), Columns::all(), &args).unwrap();
    assert_eq!(own, ModelSpec {
        task: Some(Task::Classification),
        steps: Steps::List(vec![step("scale", &json!({}))]),
        weight: Some("w".to_owned()),
        class_weight: ClassWeight::Map(vec![("1".to_owned(), 2.0)]),
        positive: Some(Label::Int(1)),
        ..spec(Some("y"), "made_up_plain")
    });
    args.set("steps", bound(Setting::Word("auto".to_owned())));
    args.set("class_weight", bound(Setting::Word("balanced".to_owned())));
    let own = ModelSpec::from_settings(None, Columns::all(), &args).unwrap();
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
    let spec = ModelSpec { steps, features: Columns::named(["age", "port"]), ..spec(Some("fare"), "made_up_line") };
    let names: Vec<String> =
        fit(&spec, &passengers()).unwrap().importance().unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["age", "port=C", "port=Q", "port=S", "port_missing"]);
}

/// Penguins by logistic regression: what scikit-learn scores on each of five folds, row i in fold
/// i mod 5, with the steps that the reference file states.
#[test]
fn a_whole_model_agrees_with_scikit_learn() {
    let root = env!("CARGO_MANIFEST_DIR");
    let csv = std::fs::read_to_string(format!("{root}/pipelines/data/penguins.csv")).unwrap();
    let reference = std::fs::read_to_string(format!("{root}/tests/fixtures/reference/penguins.json")).unwrap();
    let reference: Json = serde_json::from_str(&reference).unwrap();
    let mut lines = csv.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    let text = |at: usize| -> ArrayRef {
        texts(&rows.iter().map(|row| Some(row[at]).filter(|cell| !cell.is_empty())).collect::<Vec<_>>())
    };
    let number = |at: usize| floats(&rows.iter().map(|row| row[at].parse().ok()).collect::<Vec<_>>());
    let is_text = |name: &str| ["species", "island", "sex"].contains(&name);
    let columns = names.iter().enumerate();
    let columns = columns.map(|(at, name)| (*name, if is_text(name) { text(at) } else { number(at) }));
    let table = table(columns.collect());
    let steps = vec![
        step("impute", &json!({})),
        step("scale", &json!({})),
        step("impute", &json!({ "columns": ["island", "sex"], "strategy": "most_frequent" })),
        step("one_hot", &json!({})),
    ];
    let spec = ModelSpec { steps: Steps::List(steps), ..spec(Some("species"), "logistic_regression") };
    assert_eq!(spec.check(Some(table.schema())), []);
    let prepared = spec.prepare(&table).unwrap();
    let stop = AtomicBool::new(false);
    for (fold, expected) in reference["exact"]["logistic"]["folds"].as_array().unwrap().iter().enumerate() {
        let (test, train): (Vec<usize>, Vec<usize>) = (0..table.rows()).partition(|row| row % 5 == fold);
        let stepped = spec.fit_steps(&prepared, &train, &test, &context(&stop)).unwrap();
        let fitted = spec.fit_estimator(&stepped, &context(&stop)).unwrap();
        let Ok(Prediction::Classes { probabilities, .. }) = fitted.predict_prepared(&stepped) else { panic!("no classes") };
        let Target::Classes { codes, .. } = prepared.target.take(&test) else { panic!("no classes") };
        let loss: f64 = codes.iter().zip(probabilities.chunks(3)).map(|(code, own)| -own[*code as usize].ln()).sum();
        let (loss, expected) = (loss / test.len() as f64, expected["log_loss"].as_f64().unwrap());
        assert!((loss - expected).abs() <= 1e-4 * expected, "fold {fold}: {loss}, not {expected}");
    }
}
