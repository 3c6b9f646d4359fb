//! The tables that learning stages give, with the columns that the language page fixes.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::learning::class_name;
use super::tune::{Portions, Tunable};
use crate::data::{Label, Table, Target};
use crate::ml::estimator::Prediction;
use crate::ml::intervals::Interval;
use crate::ml::metrics::curves;
use crate::ml::model::{FittedModel, ModelSpec};
use crate::ml::search::Dimension;
use crate::params::Setting;
use crate::plan::{Failure, FittedType, Lineage, Score, Source, TableType};

/// A column by its name and type.
pub(super) type Named<'a> = (&'a str, DataType);

pub(super) const TEXT: DataType = DataType::Utf8;
pub(super) const INT: DataType = DataType::Int64;
pub(super) const FLOAT: DataType = DataType::Float64;

/// The columns of each output.
const SUMMARY: &[Named<'_>] =
    &[("model", TEXT), ("metric", TEXT), ("mean", FLOAT), ("sd", FLOAT), ("folds", INT)];
const SCORES: &[Named<'_>] =
    &[("model", TEXT), ("metric", TEXT), ("repeat", INT), ("fold", INT), ("value", FLOAT)];
const EVALUATION: &[Named<'_>] = &[("model", TEXT), ("metric", TEXT), ("value", FLOAT)];
const CONFUSION: &[Named<'_>] =
    &[("model", TEXT), ("actual", TEXT), ("predicted", TEXT), ("count", INT)];
const ROC: &[Named<'_>] =
    &[("model", TEXT), ("class", TEXT), ("threshold", FLOAT), ("fpr", FLOAT), ("tpr", FLOAT)];
const CALIBRATION: &[Named<'_>] = &[
    ("model", TEXT),
    ("class", TEXT),
    ("bin", INT),
    ("mean_predicted", FLOAT),
    ("fraction_positive", FLOAT),
    ("count", INT),
];
const INTERVALS: &[Named<'_>] =
    &[("model", TEXT), ("metric", TEXT), ("low", FLOAT), ("high", FLOAT)];
const IMPORTANCE: &[Named<'_>] = &[("feature", TEXT), ("importance", FLOAT)];
const HISTORY: &[Named<'_>] =
    &[("iteration", INT), ("metric", TEXT), ("train", FLOAT), ("validation", FLOAT)];
const TRIALS: &[Named<'_>] =
    &[("trial", INT), ("status", TEXT), ("metric", TEXT), ("mean", FLOAT), ("sd", FLOAT)];

pub(super) fn schema(columns: &[Named<'_>]) -> SchemaRef {
    let field = |(name, kind): &Named<'_>| Field::new(*name, kind.clone(), true);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

pub(super) fn plain(schema: SchemaRef) -> TableType {
    TableType { schema: Some(schema), open: false, lineage: Arc::new(Lineage::new()) }
}

/// The type of the main table of `cross_validate`.
pub(super) fn summary_type() -> TableType {
    plain(schema(SUMMARY))
}

/// The type of `cross_validate`'s `.scores`.
pub(super) fn scores_type() -> TableType {
    plain(schema(SCORES))
}

/// The type of the main table of `evaluate`.
pub(super) fn evaluation_type() -> TableType {
    plain(schema(EVALUATION))
}

/// The type of `evaluate`'s `.confusion`.
pub(super) fn confusion_type() -> TableType {
    plain(schema(CONFUSION))
}

/// The type of `evaluate`'s `.roc`.
pub(super) fn roc_type() -> TableType {
    plain(schema(ROC))
}

/// The type of `evaluate`'s `.calibration`.
pub(super) fn calibration_type() -> TableType {
    plain(schema(CALIBRATION))
}

/// The type of `evaluate`'s `.intervals`.
pub(super) fn intervals_type() -> TableType {
    plain(schema(INTERVALS))
}

/// The type of `train`'s `.importance`.
pub(super) fn importance_type() -> TableType {
    plain(schema(IMPORTANCE))
}

/// The type of `train`'s `.history`.
pub(super) fn history_type() -> TableType {
    plain(schema(HISTORY))
}

/// The type of `tune`'s `.trials`: a column per tuned path besides the fixed ones, and one for what
/// a trial got of what the search gives in portions.
pub(super) fn trials_type(space: &[Tunable], portions: Option<&Portions>) -> TableType {
    let fixed = TRIALS.iter().map(|(name, kind)| Field::new(*name, kind.clone(), true));
    let own =
        space.iter().map(|tunable| Field::new(&tunable.path, value_type(&tunable.dimension), true));
    let got = portions.map(|portions| Field::new(portions.name(), INT, true));
    plain(Arc::new(Schema::new(fixed.chain(own).chain(got).collect::<Vec<_>>())))
}

fn value_type(dimension: &Dimension) -> DataType {
    match dimension {
        Dimension::Int { .. } => INT,
        Dimension::Float { .. } => FLOAT,
        Dimension::Choice(values)
            if values.iter().all(|value| matches!(value, Setting::Int(_) | Setting::Null)) =>
        {
            INT
        }
        Dimension::Choice(values)
            if values.iter().all(|value| value.as_f64().is_some() || *value == Setting::Null) =>
        {
            FLOAT
        }
        Dimension::Choice(values)
            if values.iter().all(|value| matches!(value, Setting::Bool(_))) =>
        {
            DataType::Boolean
        }
        Dimension::Choice(_) => TEXT,
    }
}

/// One row of the main table of `cross_validate`.
pub(super) struct SummaryRow {
    pub(super) model: String,
    pub(super) metric: String,
    pub(super) mean: f64,
    pub(super) sd: f64,
    pub(super) folds: usize,
}

/// One row of `.scores`.
pub(super) struct ScoreRow {
    pub(super) model: String,
    pub(super) metric: String,
    pub(super) repeat: usize,
    pub(super) fold: usize,
    pub(super) value: f64,
}

/// One row of `.trials`.
pub(super) struct TrialRow {
    pub(super) trial: usize,
    pub(super) status: &'static str,
    pub(super) metric: String,
    pub(super) mean: f64,
    pub(super) sd: f64,
    pub(super) values: Vec<Setting>,
    /// What it got of what the search gives in portions.
    pub(super) budget: Option<u64>,
}

pub(super) fn texts<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(values.map(Some).collect::<StringArray>())
}

pub(super) fn floats(values: impl Iterator<Item = f64>) -> ArrayRef {
    // A score that isn't there is null in a table.
    Arc::new(values.map(|value| (!value.is_nan()).then_some(value)).collect::<Float64Array>())
}

pub(super) fn counts(values: impl Iterator<Item = usize>) -> ArrayRef {
    let count = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
    Arc::new(values.map(|value| Some(count(value))).collect::<Int64Array>())
}

/// Counts that come as floats because weights would be such.
fn wholes(values: impl Iterator<Item = f64>) -> ArrayRef {
    #[expect(clippy::cast_possible_truncation, reason = "a count of rows is far below 2^53")]
    let count = |value: f64| Some(value.round() as i64);
    Arc::new(values.map(count).collect::<Int64Array>())
}

pub(super) fn table(schema: SchemaRef, columns: Vec<ArrayRef>) -> Result<Table, Failure> {
    let failure = |error: &dyn std::fmt::Display| Failure::new(error.to_string());
    let batch =
        RecordBatch::try_new(Arc::clone(&schema), columns).map_err(|error| failure(&error))?;
    Table::new(schema, vec![batch]).map_err(|error| failure(&error))
}

/// Makes the main table of `cross_validate`.
pub(super) fn summary(rows: &[SummaryRow]) -> Result<Table, Failure> {
    table(
        schema(SUMMARY),
        vec![
            texts(rows.iter().map(|row| row.model.as_str())),
            texts(rows.iter().map(|row| row.metric.as_str())),
            floats(rows.iter().map(|row| row.mean)),
            floats(rows.iter().map(|row| row.sd)),
            counts(rows.iter().map(|row| row.folds)),
        ],
    )
}

/// Makes `.scores`.
pub(super) fn scores(rows: &[ScoreRow]) -> Result<Table, Failure> {
    table(
        schema(SCORES),
        vec![
            texts(rows.iter().map(|row| row.model.as_str())),
            texts(rows.iter().map(|row| row.metric.as_str())),
            counts(rows.iter().map(|row| row.repeat)),
            counts(rows.iter().map(|row| row.fold)),
            floats(rows.iter().map(|row| row.value)),
        ],
    )
}

/// Makes the main table of `evaluate`.
pub(super) fn evaluation(scores: &[Score]) -> Result<Table, Failure> {
    table(
        schema(EVALUATION),
        vec![
            texts(scores.iter().map(|score| score.model.as_str())),
            texts(scores.iter().map(|score| score.metric.as_str())),
            floats(scores.iter().map(|score| score.value)),
        ],
    )
}

/// Makes `.intervals`: the model, the metric, and between which values its score lies.
pub(super) fn intervals(rows: &[(String, String, Interval)]) -> Result<Table, Failure> {
    table(
        schema(INTERVALS),
        vec![
            texts(rows.iter().map(|row| row.0.as_str())),
            texts(rows.iter().map(|row| row.1.as_str())),
            floats(rows.iter().map(|row| row.2.low)),
            floats(rows.iter().map(|row| row.2.high)),
        ],
    )
}

/// Makes `.trials`.
pub(super) fn trials(
    rows: &[TrialRow],
    space: &[Tunable],
    portions: Option<&Portions>,
) -> Result<Table, Failure> {
    let mut columns = vec![
        counts(rows.iter().map(|row| row.trial)),
        texts(rows.iter().map(|row| row.status)),
        texts(rows.iter().map(|row| row.metric.as_str())),
        floats(rows.iter().map(|row| row.mean)),
        floats(rows.iter().map(|row| row.sd)),
    ];
    for (index, tunable) in space.iter().enumerate() {
        let values: Vec<&Setting> = rows.iter().filter_map(|row| row.values.get(index)).collect();
        columns.push(settings(&values, &value_type(&tunable.dimension)));
    }
    if portions.is_some() {
        let got = |row: &TrialRow| row.budget.and_then(|got| i64::try_from(got).ok());
        columns.push(Arc::new(rows.iter().map(got).collect::<Int64Array>()));
    }
    let Some(schema) = trials_type(space, portions).schema else {
        return Err(Failure::new("no columns"));
    };
    table(schema, columns)
}

fn settings(values: &[&Setting], kind: &DataType) -> ArrayRef {
    match kind {
        DataType::Int64 => Arc::new(
            values
                .iter()
                .map(|value| match value {
                    Setting::Int(number) => Some(*number),
                    _ => None,
                })
                .collect::<Int64Array>(),
        ),
        DataType::Float64 => {
            Arc::new(values.iter().map(|value| value.as_f64()).collect::<Float64Array>())
        }
        DataType::Boolean => Arc::new(
            values
                .iter()
                .map(|value| match value {
                    Setting::Bool(flag) => Some(*flag),
                    _ => None,
                })
                .collect::<BooleanArray>(),
        ),
        _ => Arc::new(
            values
                .iter()
                .map(|value| match value {
                    Setting::Null => None,
                    Setting::Text(text) => Some(text.clone()),
                    other => Some(other.spoken()),
                })
                .collect::<StringArray>(),
        ),
    }
}

/// Makes `.importance`.
pub(super) fn importance(model: &FittedModel) -> Result<Table, Failure> {
    let rows = model.importance().unwrap_or_default();
    table(
        schema(IMPORTANCE),
        vec![
            texts(rows.iter().map(|(feature, _)| feature.as_str())),
            floats(rows.iter().map(|(_, importance)| *importance)),
        ],
    )
}

/// Makes `.history`.
pub(super) fn history(model: &FittedModel) -> Result<Table, Failure> {
    let rounds = model.history();
    table(
        schema(HISTORY),
        vec![
            counts(
                rounds.iter().map(|round| usize::try_from(round.iteration).unwrap_or(usize::MAX)),
            ),
            texts(rounds.iter().map(|round| round.metric.as_str())),
            floats(rounds.iter().map(|round| round.train)),
            floats(rounds.iter().map(|round| round.validation.unwrap_or(f64::NAN))),
        ],
    )
}

/// Names the column of a class's probability.
fn probability(label: &Label) -> String {
    format!("probability_{}", class_name(label))
}

/// Gives the type that a class has in a column, for classes of one sort.
fn label_type(labels: &[Label]) -> DataType {
    match labels.first() {
        Some(Label::Bool(_)) => DataType::Boolean,
        Some(Label::Int(_)) => INT,
        Some(Label::Text(_)) | None => TEXT,
    }
}

/// Gives the columns that a prediction adds, as far as they are known before the run, and whether
/// there may be more.
fn answer_fields(spec: &ModelSpec, schema: Option<&SchemaRef>) -> (Vec<Field>, bool) {
    use crate::ml::estimator::Task;
    let float = |name: &str| Field::new(name, FLOAT, true);
    match spec.known_task(schema.map(AsRef::as_ref)) {
        Some(Task::Classification) => {
            let target = spec.target.as_deref().unwrap_or_default();
            let kind = schema
                .and_then(|schema| schema.field_with_name(target).ok())
                .map_or(TEXT, |field| field.data_type().clone());
            let kind = if kind.is_integer() { INT } else { kind };
            let classes = schema.and_then(|schema| spec.known_classes(schema));
            let mut fields = vec![Field::new("prediction", kind, true)];
            let known = match (&classes, &spec.positive) {
                (Some(classes), _) => classes.clone(),
                (None, Some(positive)) => vec![positive.clone()],
                (None, None) => Vec::new(),
            };
            fields.extend(known.iter().map(|label| float(&probability(label))));
            (fields, classes.is_none())
        }
        Some(Task::Regression) => (vec![float("prediction")], false),
        Some(Task::Clustering) => (vec![Field::new("cluster", INT, true)], false),
        Some(Task::Anomaly) => {
            (vec![float("anomaly_score"), Field::new("is_anomaly", DataType::Boolean, true)], false)
        }
        None => (Vec::new(), true),
    }
}

/// The type of `predict`'s table.
pub(super) fn prediction_type(
    model: &FittedType,
    data: &Source<TableType>,
    kept: Option<&[String]>,
) -> TableType {
    let Some(schema) = &data.kind.schema else {
        return TableType { schema: None, open: true, lineage: Arc::new(Lineage::new()) };
    };
    let kept = kept.unwrap_or_default();
    let mut fields: Vec<Arc<Field>> = kept
        .iter()
        .filter_map(|name| schema.field_with_name(name).ok().map(|field| Arc::new(field.clone())))
        .collect();
    let (answer, open) = answer_fields(&model.spec, model.schema.as_ref());
    fields.extend(answer.into_iter().map(Arc::new));
    TableType {
        schema: Some(Arc::new(Schema::new(fields))),
        open: open || data.kind.open,
        lineage: Arc::clone(&data.kind.lineage),
    }
}

/// Makes the columns of an answer.
fn answer(prediction: &Prediction) -> Vec<(Field, ArrayRef)> {
    let float = |name: &str| Field::new(name, FLOAT, true);
    match prediction {
        Prediction::Classes { probabilities, classes } => {
            let codes = prediction.labels().unwrap_or_default();
            let mut columns = vec![(
                Field::new("prediction", label_type(classes), true),
                labels(codes.iter().map(|code| classes.get(*code as usize)), classes),
            )];
            let width = classes.len().max(1);
            for (index, class) in classes.iter().enumerate() {
                let values = probabilities.iter().skip(index).step_by(width).copied();
                columns.push((float(&probability(class)), floats(values)));
            }
            columns
        }
        Prediction::Values(values) => vec![(float("prediction"), floats(values.iter().copied()))],
        Prediction::Clusters(groups) => {
            let groups: Int64Array = groups.iter().copied().map(Some).collect();
            vec![(Field::new("cluster", INT, true), Arc::new(groups) as ArrayRef)]
        }
        Prediction::Anomalies { scores, odd } => {
            let odd: BooleanArray = odd.iter().copied().map(Some).collect();
            vec![
                (float("anomaly_score"), floats(scores.iter().copied())),
                (Field::new("is_anomaly", DataType::Boolean, true), Arc::new(odd) as ArrayRef),
            ]
        }
    }
}

fn labels<'a>(values: impl Iterator<Item = Option<&'a Label>>, classes: &[Label]) -> ArrayRef {
    match label_type(classes) {
        DataType::Boolean => Arc::new(
            values
                .map(|label| match label {
                    Some(Label::Bool(flag)) => Some(*flag),
                    _ => None,
                })
                .collect::<BooleanArray>(),
        ),
        DataType::Int64 => Arc::new(
            values
                .map(|label| match label {
                    Some(Label::Int(number)) => Some(*number),
                    _ => None,
                })
                .collect::<Int64Array>(),
        ),
        _ => Arc::new(values.map(|label| label.map(class_name)).collect::<StringArray>()),
    }
}

/// Puts an answer beside the kept columns.
pub(super) fn predictions(kept: &Table, prediction: &Prediction) -> Result<Table, Failure> {
    let columns = answer(prediction);
    if let Some((field, _)) =
        columns.iter().find(|(field, _)| kept.column_index(field.name()).is_some())
    {
        return Err(Failure::new(format!("the data have a column `{}` already", field.name()))
            .help(format!("leave it out: `keep: all(except: [{}])`", field.name())));
    }
    kept.with_columns(columns).map_err(|error| Failure::new(error.to_string()))
}

/// The predictions of a model for the judged rows of one fold.
pub(super) struct Predicted<'a> {
    pub(super) model: &'a str,
    pub(super) repeat: usize,
    pub(super) fold: usize,
    pub(super) rows: &'a [usize],
    pub(super) target: Target,
    pub(super) prediction: &'a Prediction,
}

/// The type of `cross_validate`'s `.predictions`.
pub(super) fn predictions_type(spec: &ModelSpec, schema: Option<&SchemaRef>) -> TableType {
    let mut fields = vec![
        Field::new("model", TEXT, true),
        Field::new("repeat", INT, true),
        Field::new("fold", INT, true),
        Field::new("row", INT, true),
    ];
    let (answer, open) = answer_fields(spec, schema);
    if let Some(field) = answer.first() {
        fields.push(Field::new("target", field.data_type().clone(), true));
    }
    fields.extend(answer);
    TableType {
        schema: Some(Arc::new(Schema::new(fields))),
        open,
        lineage: Arc::new(Lineage::new()),
    }
}

/// Puts the predictions of all folds into one table; rows of one model and repeat in their order.
pub(super) fn out_of_fold(parts: &[Predicted<'_>]) -> Result<Table, Failure> {
    let mut tables = Vec::new();
    for part in parts {
        let count = part.rows.len();
        let own = vec![
            (Field::new("model", TEXT, true), texts(std::iter::repeat_n(part.model, count))),
            (Field::new("repeat", INT, true), counts(std::iter::repeat_n(part.repeat, count))),
            (Field::new("fold", INT, true), counts(std::iter::repeat_n(part.fold, count))),
            (Field::new("row", INT, true), counts(part.rows.iter().copied())),
        ];
        let target = match &part.target {
            Target::Classes { codes, classes } => Some((
                Field::new("target", label_type(classes), true),
                labels(codes.iter().map(|code| classes.get(*code as usize)), classes),
            )),
            Target::Numbers(values) => {
                Some((Field::new("target", FLOAT, true), floats(values.iter().copied())))
            }
            Target::Absent { .. } => None,
        };
        let columns: Vec<(Field, ArrayRef)> =
            own.into_iter().chain(target).chain(answer(part.prediction)).collect();
        let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns.into_iter().unzip();
        tables.push(table(Arc::new(Schema::new(fields)), arrays)?);
    }
    Table::concat(&tables).map_err(|error| Failure::new(error.to_string()))
}

/// The curves of an evaluation, model by model.
#[derive(Default)]
pub(super) struct Curves {
    confusion: Vec<(String, String, String, usize)>,
    roc: Vec<(String, String, [f64; 3])>,
    calibration: Vec<(String, String, usize, f64, f64, f64)>,
}

/// The number of bins of a calibration curve.
const BINS: usize = 10;

impl Curves {
    /// Adds those of one model.
    pub(super) fn add(&mut self, model: &str, target: &Target, prediction: &Prediction) {
        let (Target::Classes { codes, .. }, Prediction::Classes { probabilities, classes }) =
            (target, prediction)
        else {
            return;
        };
        let answers = prediction.labels().unwrap_or_default();
        let width = classes.len().max(1);
        let mut cells = vec![0_usize; width * width];
        for (truth, answer) in codes.iter().zip(&answers) {
            if let Some(cell) = cells.get_mut(*truth as usize * width + *answer as usize) {
                *cell += 1;
            }
        }
        for (index, count) in cells.into_iter().enumerate() {
            let (actual, predicted) = (&classes[index / width], &classes[index % width]);
            self.confusion.push((
                model.to_owned(),
                class_name(actual),
                class_name(predicted),
                count,
            ));
        }
        for (code, class) in (0_u32..).zip(classes.iter()) {
            let scores: Vec<f64> =
                probabilities.iter().skip(code as usize).step_by(width).copied().collect();
            let truth: Vec<bool> = codes.iter().map(|own| *own == code).collect();
            let name = class_name(class);
            for point in curves::roc(&truth, &scores, None) {
                self.roc.push((
                    model.to_owned(),
                    name.clone(),
                    [point.threshold, point.false_positive_rate, point.true_positive_rate],
                ));
            }
            for bin in curves::calibration(&truth, &scores, None, BINS) {
                self.calibration.push((
                    model.to_owned(),
                    name.clone(),
                    bin.bin,
                    bin.mean_predicted,
                    bin.fraction_positive,
                    bin.count,
                ));
            }
        }
    }

    /// Makes `.confusion`, `.roc` and `.calibration`.
    pub(super) fn tables(&self) -> Result<[Table; 3], Failure> {
        let confusion = table(
            schema(CONFUSION),
            vec![
                texts(self.confusion.iter().map(|row| row.0.as_str())),
                texts(self.confusion.iter().map(|row| row.1.as_str())),
                texts(self.confusion.iter().map(|row| row.2.as_str())),
                counts(self.confusion.iter().map(|row| row.3)),
            ],
        )?;
        let roc = table(
            schema(ROC),
            vec![
                texts(self.roc.iter().map(|row| row.0.as_str())),
                texts(self.roc.iter().map(|row| row.1.as_str())),
                floats(self.roc.iter().map(|row| row.2[0])),
                floats(self.roc.iter().map(|row| row.2[1])),
                floats(self.roc.iter().map(|row| row.2[2])),
            ],
        )?;
        let calibration = table(
            schema(CALIBRATION),
            vec![
                texts(self.calibration.iter().map(|row| row.0.as_str())),
                texts(self.calibration.iter().map(|row| row.1.as_str())),
                counts(self.calibration.iter().map(|row| row.2)),
                floats(self.calibration.iter().map(|row| row.3)),
                floats(self.calibration.iter().map(|row| row.4)),
                wholes(self.calibration.iter().map(|row| row.5)),
            ],
        )?;
        Ok([confusion, roc, calibration])
    }
}
