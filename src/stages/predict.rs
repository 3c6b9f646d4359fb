//! `predict`: answers for rows with a fitted model.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::fitted::{self, Model, Place};
use super::learning::{self, fit_failure};
use super::tables;
use crate::data::Table;
use crate::diag::Diagnostic;
use crate::ml::columns::Columns;
use crate::ml::model::FittedModel;
use crate::params;
use crate::params::{Args, Kind, Params, Setting, Signature};
use crate::plan::{
    Artifact, Caching, Checked, Checking, Failure, Output, Produced, Reads, Running, StageKind,
    Task, Work,
};

params! {
    /// Answers for rows with a fitted model.
    ///
    /// The kept columns come first, then `prediction` and, for classes, a `probability_CLASS` each.
    pub(super) struct Predict("predict", 0) {
        /// The fitted model.
        model: Setting as (fitted::MODEL),
        /// The rows.
        data: Setting as (Kind::Stage),
        /// The columns of the rows to keep beside the answer.
        keep: Columns = Columns::all(),
    }
}

/// The registered kind.
pub(super) struct PredictKind;

impl StageKind for PredictKind {
    fn signature(&self) -> &'static Signature {
        const { &Predict::SIGNATURE }
    }

    fn check(&self, args: &Args, checking: &mut Checking<'_>) -> Option<Checked> {
        let fields = Predict::from_args(args)?;
        let model = Model::of(args.get("model")?, checking);
        let data = checking.table(args.get("data")?)?;
        let model = model?;
        model.rows().check(&data, false, checking)?;
        let names = fields.keep.names();
        let schema = data.kind.planned(names.iter().map(|name| name.node.as_str()));
        let keep = args.get("keep").map_or(data.span, |bound| bound.span);
        names.iter().for_each(|name| checking.count_on(&name.node, &data, keep));
        let kept = match &schema {
            Some(schema) => Some(learning::kept(&fields.keep, schema, &data.name, checking)?),
            None => None,
        };
        let answers = tables::answer_columns(&model.interface);
        if let Some(taken) = kept.iter().flatten().find(|name| answers.contains(name)) {
            checking.report(
                Diagnostic::error(
                    "doubled-column",
                    args.given("keep")
                        .filter(|bound| bound.written)
                        .map_or(data.span, |own| own.span),
                    format!(
                        "the answer has a column `{taken}`, and `{}` has one already",
                        data.name
                    ),
                )
                .help(format!("leave that out: `keep: all(except: [{taken}])`")),
            );
            return None;
        }
        let output =
            tables::prediction_type(&model.interface, &data, schema.as_ref(), kept.as_deref());
        let reads = match (&kept, model.features()) {
            (Some(kept), Some(features)) if !data.kind.open => {
                Reads::Columns(features.map(str::to_owned).chain(kept.iter().cloned()).collect())
            }
            _ => Reads::All,
        };
        let kept = match kept {
            Some(kept) if !data.kind.open => Kept::Columns(kept),
            _ => Kept::Picked(fields.keep),
        };
        let (mut inputs, mut files) = (vec![data.input(reads)], Vec::new());
        let place = model.place(&mut inputs, &mut files);
        let task = Task {
            inputs,
            settings: json!({ "keep": kept.canonical() }),
            files,
            writes: Vec::new(),
            work: Arc::new(Answering { place, kept }),
            caching: Caching::Keyed,
        };
        Some(Checked { outputs: vec![("", Output::Table(output))], task: Some(task) })
    }
}

/// The work of a prediction.
struct Answering {
    place: Place,
    kept: Kept,
}

/// The columns that are kept beside the answers.
enum Kept {
    /// These.
    Columns(Vec<String>),
    /// Those that are picked of all that turn up.
    Picked(Columns),
}

impl Kept {
    fn canonical(&self) -> Json {
        match self {
            Self::Columns(names) => json!(names),
            Self::Picked(columns) => json!({ "pick": columns.canonical() }),
        }
    }

    fn of(&self, rows: &Table) -> Result<Vec<String>, Failure> {
        match self {
            Self::Columns(names) => Ok(names.clone()),
            Self::Picked(columns) => match columns.of_schema(rows.schema()) {
                (picked, missing) if missing.is_empty() => Ok(picked),
                (_, missing) => {
                    let first = missing.first().map(ToString::to_string).unwrap_or_default();
                    Err(learning::worded(&format!("`keep`: {first}")))
                }
            },
        }
    }
}

impl Work for Answering {
    fn run(&self, inputs: &[Artifact], running: &dyn Running) -> Result<Produced, Failure> {
        let table = inputs.first().ok_or_else(|| Failure::new("there are no rows"))?.table()?;
        let model = self.place.load(inputs, running)?;
        let output = running.pool().install(|| answers(&model, table, &self.kept.of(table)?))?;
        Ok(Produced { outputs: vec![Artifact::Table(output)], ..Produced::default() })
    }
}

/// Answers for rows, and puts the answers beside the kept columns of the rows.
///
/// # Errors
/// The rows lack a column or hold what the model refuses.
pub fn answers(model: &FittedModel, rows: &Table, kept: &[String]) -> Result<Table, Failure> {
    answers_behind(0, model, rows, kept)
}

/// Does as [`answers`] for rows that stand behind others, which are counted where a row is named.
///
/// # Errors
/// As [`answers`].
pub fn answers_behind(
    before: usize,
    model: &FittedModel,
    rows: &Table,
    kept: &[String],
) -> Result<Table, Failure> {
    let prediction = model.predict(rows).map_err(|error| fit_failure(error.behind(before)))?;
    let kept: Vec<&str> = kept.iter().map(String::as_str).collect();
    let kept = rows.project(&kept).map_err(|error| Failure::new(error.to_string()))?;
    tables::predictions(&kept, &prediction)
}
