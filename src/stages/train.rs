//! `train`: fits a model on a table.

use std::sync::Arc;

use serde_json::json;

use super::fitted::Rows;
use super::learning::{self, fit_failure};
use super::{tables, values};
use crate::ml::estimator::FitContext;
use crate::ml::model::ModelSpec;
use crate::params;
use crate::params::{Args, Kind, Params, Setting, Signature};
use crate::plan::{
    Artifact, Caching, Checked, Checking, Failure, FittedType, Output, Produced, Progress, Running,
    StageKind, Task, Work,
};

params! {
    /// Fits a model on a table.
    ///
    /// `.importance` says which features count, `.history` how the training went.
    pub(super) struct Train("train", 0) {
        /// The model: a `model`, or a `tune` for the best values that it found.
        model: Setting as (Kind::Stage),
        /// The rows to learn from.
        data: Setting as (Kind::Stage),
        /// Rows to watch while training, for early stopping.
        validation: Option<Setting> as (Kind::Optional(&Kind::Stage)) = None,
    }
}

/// The registered kind.
pub(super) struct TrainKind;

impl StageKind for TrainKind {
    fn signature(&self) -> &'static Signature {
        const { &Train::SIGNATURE }
    }

    fn version(&self) -> u32 {
        2
    }

    fn learns(&self) -> bool {
        true
    }

    fn check(&self, args: &Args, checking: &mut Checking<'_>) -> Option<Checked> {
        let model = checking.model(args.get("model")?)?;
        let data = checking.table(args.get("data")?)?;
        let validation = match args.given("validation") {
            Some(bound) => Some(checking.table(bound)?),
            None => None,
        };
        let spec = Arc::clone(&model.kind.spec);
        learning::check_model(&model, &data, checking)?;
        let schema = learning::planned(&spec, &data);
        let mut interface = spec.interface(schema.as_deref());
        if let Some(validation) = &validation {
            let (name, how) = (&model.name, "learns from");
            let rows = Rows { name, how, interface: &interface, file: None };
            rows.check(validation, true, checking)?;
        }
        if data.kind.open {
            // More columns may turn up, and be features.
            interface.features = None;
        }
        let mut inputs = vec![data.input(learning::reads(&spec, None, &data))];
        if model.kind.tuned.is_some() {
            inputs.push(model.input(crate::plan::Reads::All));
        }
        if let Some(validation) = &validation {
            inputs.push(validation.input(learning::reads(&spec, None, validation)));
        }
        let fitted = FittedType {
            interface: Arc::new(interface),
            trained_on: (data.stage, data.output),
            searched_on: model.kind.searched_on,
        };
        let outputs = vec![
            ("", Output::Fitted(fitted)),
            ("importance", Output::Table(tables::importance_type())),
            ("history", Output::Table(tables::history_type())),
        ];
        let settings = json!({ "model": spec.canonical(), "seed": checking.seed });
        let work = Training {
            spec,
            seed: checking.seed,
            tuned: model.kind.tuned.is_some(),
            validated: validation.is_some(),
        };
        let task = Task {
            inputs,
            settings,
            files: Vec::new(),
            writes: Vec::new(),
            work: Arc::new(work),
            caching: Caching::Keyed,
        };
        Some(Checked { outputs, task: Some(task) })
    }
}

/// The work of a training.
struct Training {
    spec: Arc<ModelSpec>,
    seed: u64,
    tuned: bool,
    validated: bool,
}

impl Work for Training {
    fn run(&self, inputs: &[Artifact], running: &dyn Running) -> Result<Produced, Failure> {
        let mut inputs = inputs.iter();
        let table = inputs.next().ok_or_else(|| Failure::new("there are no rows"))?.table()?;
        let best = if self.tuned { inputs.next() } else { None };
        let spec = values::with_best(&self.spec, best)?;
        let validation =
            if self.validated { inputs.next().map(Artifact::table).transpose()? } else { None };
        let progress = |done: u64, total: u64| {
            running.progress(Progress {
                done,
                total: Some(total),
                unit: "rounds",
                note: String::new(),
            });
        };
        let context = FitContext {
            seed: running.seed().derive("fit", 0),
            stop: running.stop(),
            validation: None,
            progress: &progress,
        };
        let fitted = running
            .pool()
            .install(|| spec.fit(table, validation, &context))
            .map_err(fit_failure)?
            .with_seed(self.seed);
        let bytes = fitted.save();
        Ok(Produced {
            outputs: vec![
                Artifact::Blob { kind: learning::FITTED.to_owned(), bytes: bytes.into() },
                Artifact::Table(tables::importance(&fitted)?),
                Artifact::Table(tables::history(&fitted)?),
            ],
            warnings: fitted.warnings(),
            ..Produced::default()
        })
    }
}
