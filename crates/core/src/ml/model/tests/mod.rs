//! Estimators made for the tests, and tables to fit them on.

mod checks;
mod fitting;
mod sharing;
mod tunable;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray,
};
use arrow::datatypes::{Field, Schema};
use serde_json::Value as Json;

use super::{ClassWeight, FittedModel, ModelSpec, Steps};
use crate::data::{Column, Frame, Label, Table, Target};
use crate::ml::Seed;
use crate::ml::columns::Columns;
use crate::ml::estimator::{
    BadSetting, Estimator, EstimatorKind, FitContext, FitError, Fitted, LoadError, Prediction,
    Sample, Tags, Task,
};
use crate::ml::estimators::Estimators;
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

static MADE_UP: &[&dyn EstimatorKind] = &[
    made_up!("made_up_plain", tags(BOTH, false, true)),
    made_up!("made_up_native", tags(BOTH, true, false)),
    made_up!("made_up_line", tags(&[Task::Regression], false, true)),
    made_up!("made_up_groups", tags(&[Task::Clustering], false, true)),
    made_up!("made_up_unweighted", Tags { weights: false, ..tags(BOTH, false, false) }),
];

/// The built-in estimators, and the made-up ones.
pub(super) fn estimators() -> Estimators {
    MADE_UP.iter().fold(Estimators::default(), |all, kind| all.with(*kind))
}

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
        let broken =
            |reason: postcard::Error| LoadError { kind: "made up", reason: reason.to_string() };
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
                codes
                    .iter()
                    .enumerate()
                    .for_each(|(row, code)| values[*code as usize] += weight(row));
                let classes = classes.iter().map(ToString::to_string).collect();
                Mean { values, classes, columns, groups: false }
            }
            Target::Numbers(own) => {
                let all: f64 = (0..own.len()).map(weight).sum();
                let sum: f64 = own.iter().enumerate().map(|(row, own)| own * weight(row)).sum();
                Mean { values: vec![sum / all], classes: Vec::new(), columns, groups: false }
            }
            Target::Absent { .. } => {
                Mean { values: Vec::new(), classes: Vec::new(), columns, groups: true }
            }
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
            let classes =
                self.classes.iter().map(|class| Label::Text(Arc::from(class.as_str()))).collect();
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

pub(super) fn bound(setting: Setting) -> Bound {
    Bound { setting, span: Span::new(FileId(0), 3, 7), written: true }
}

pub(super) fn estimator(word: &str) -> Call {
    let kind = estimators().named(word).expect("an estimator");
    let mut args = Args::default();
    for param in kind.signature().params {
        args.set(param.name, bound(param.default.expect("a default")()));
    }
    Call { name: kind.signature().name, args }
}

pub(super) fn step(word: &str, settings: &Json) -> Call {
    Call { name: fixture::kind(word).signature().name, args: fixture::args(word, settings) }
}

pub(super) fn spec(target: Option<&str>, word: &str) -> ModelSpec {
    ModelSpec {
        target: target.map(str::to_owned),
        features: Columns::all(),
        task: None,
        steps: Steps::Auto,
        estimator: estimator(word),
        estimators: estimators(),
        weight: None,
        class_weight: ClassWeight::None,
        positive: None,
        excluded: Vec::new(),
    }
}

pub(super) fn table(columns: Vec<(&str, ArrayRef)>) -> Table {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(
        Arc::clone(&schema),
        columns.into_iter().map(|(_, own)| own).collect(),
    );
    Table::new(schema, vec![batch.unwrap()]).unwrap()
}

pub(super) fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

pub(super) fn floats(values: &[Option<f64>]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

pub(super) fn ints(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

pub(super) fn context(stop: &AtomicBool) -> FitContext<'_> {
    FitContext { seed: Seed::new(1), stop, validation: None, progress: &|_, _| {} }
}

pub(super) fn fit(spec: &ModelSpec, table: &Table) -> Result<FittedModel, FitError> {
    let stop = AtomicBool::new(false);
    spec.fit(table, None, &context(&stop))
}

/// Twenty passengers with every sort of column.
pub(super) fn passengers() -> Table {
    let some = |at: usize, text: &'static str| (at % 7 != 3).then_some(text);
    let port: Vec<Option<&str>> = (0..20).map(|at| some(at, ["S", "C", "Q"][at % 3])).collect();
    let story = ["a long story about a cabin on deck", "she came with all of her five children"];
    let story: Vec<Option<&str>> = (0..20).map(|at| Some(story[at % 2])).collect();
    let age: Vec<Option<f64>> =
        (0..20).map(|at| (at % 5 != 0).then_some(f64::from(at) * 1.5)).collect();
    let ids: Vec<String> = (0..20).map(|at| format!("ticket {at}")).collect();
    table(vec![
        ("age", floats(&age)),
        ("class", ints(&(0..20).map(|at| at % 3 + 1).collect::<Vec<_>>())),
        ("port", texts(&port)),
        ("story", texts(&story)),
        (
            "alone",
            Arc::new(BooleanArray::from((0..20).map(|at| Some(at % 2 == 0)).collect::<Vec<_>>())),
        ),
        ("ticket", Arc::new(StringArray::from(ids))),
        (
            "boarded",
            Arc::new(Date32Array::from((0..20).map(|at| 19_000 + at * 40).collect::<Vec<_>>())),
        ),
        ("empty", floats(&[None; 20])),
        ("ship", texts(&[Some("Titanic"); 20])),
        (
            "survived",
            Arc::new(BooleanArray::from((0..20).map(|at| Some(at % 4 == 0)).collect::<Vec<_>>())),
        ),
        ("fare", floats(&(0..20).map(|at| Some(f64::from(at))).collect::<Vec<_>>())),
    ])
}
