//! `predict`: answers for rows with a fitted model.

use std::sync::Arc;

use serde_json::json;

use super::learning::{self, fit_failure};
use super::tables;
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
        model: Setting as (Kind::Stage),
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
        let model = checking.fitted(args.get("model")?)?;
        let data = checking.table(args.get("data")?)?;
        learning::check_applied(&model, &data, false, checking)?;
        let kept = match &data.kind.schema {
            Some(schema) => Some(learning::kept(&fields.keep, schema, &data.name, checking)?),
            None => None,
        };
        let output = tables::prediction_type(&model.kind, &data, kept.as_deref());
        let reads = match &kept {
            Some(kept) if !data.kind.open => {
                let mut columns = learning::features(&model.kind.spec, &data)?;
                columns.extend(kept.iter().cloned());
                Reads::Columns(columns)
            }
            _ => Reads::All,
        };
        let task = Task {
            inputs: vec![model.input(Reads::All), data.input(reads)],
            settings: json!({ "keep": kept }),
            files: Vec::new(),
            writes: Vec::new(),
            work: Arc::new(Answering { kept }),
            caching: Caching::Keyed,
        };
        Some(Checked { outputs: vec![("", Output::Table(output))], task: Some(task) })
    }
}

/// The work of a prediction.
struct Answering {
    kept: Option<Vec<String>>,
}

impl Work for Answering {
    fn run(&self, inputs: &[Artifact], running: &dyn Running) -> Result<Produced, Failure> {
        let [model, data] = inputs else {
            return Err(Failure::new("there is no model, or there are no rows"));
        };
        let table = data.table()?;
        let model =
            FittedModel::load(model.blob(learning::FITTED)?, running.registry().estimators())
                .map_err(|error| Failure::new(error.to_string()))?;
        let prediction = running.pool().install(|| model.predict(table)).map_err(fit_failure)?;
        let kept = match &self.kept {
            Some(kept) => {
                let names: Vec<&str> = kept.iter().map(String::as_str).collect();
                table.project(&names).map_err(|error| Failure::new(error.to_string()))?
            }
            None => table.clone(),
        };
        let output = tables::predictions(&kept, &prediction)?;
        Ok(Produced { outputs: vec![Artifact::Table(output)], ..Produced::default() })
    }
}
