//! What the learning stages share: folds of work that are fitted, judged and kept in the cache.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rayon::prelude::*;
use serde_json::{Value as Json, json};

use crate::data::{Hash, Label, Ranks, Table, Target};
use crate::diag::Diagnostic;
use crate::ml::Seed;
use crate::ml::estimator::{FitContext, FitError, Prediction, Task};
use crate::ml::metric::{Direction, Judged, Metric, MetricKind, MetricTags, Needs};
use crate::ml::metrics::METRICS;
use crate::ml::model::{ModelSpec, Prepared, Stepped};
use crate::ml::splitter::{Fold, FoldRows, Splitter};
use crate::params::{Bound, Call, Setting};
use crate::plan::{Artifact, Checking, Failure, Running};

/// A metric as a stage uses it.
pub(super) struct Scorer {
    /// The metric in canonical form: `f1(average: macro)`.
    pub(super) name: String,
    /// What is true of it.
    pub(super) tags: MetricTags,
    /// The metric.
    pub(super) metric: Box<dyn Metric>,
    /// How it is written in keys.
    pub(super) canonical: Json,
}

impl Scorer {
    /// Makes the metric that a call names; reports settings that don't go together.
    pub(super) fn bind(call: &Call, place: crate::text::Span, checking: &mut Checking<'_>) -> Option<Self> {
        let kind: &dyn MetricKind = *METRICS.iter().find(|kind| kind.signature().name == call.name)?;
        match kind.bind(&call.args) {
            Ok(metric) => Some(Self {
                name: call.spoken(),
                tags: kind.tags(),
                metric,
                canonical: call.canonical(),
            }),
            Err(bad) => {
                let span = call.args.get(bad.param).map_or(place, |bound| bound.span);
                checking.report(Diagnostic::error("bad-setting", span, bad.message));
                None
            }
        }
    }

    /// Makes the metrics of a list, and checks that each judges what the models do.
    pub(super) fn list(bound: &Bound, model: &ModelSpec, task: Option<Task>, checking: &mut Checking<'_>) -> Option<Vec<Self>> {
        let Setting::List(items) = &bound.setting else { return None };
        let mut scorers = Vec::new();
        let mut right = true;
        for item in items {
            let Setting::Call(call) = &item.setting else { continue };
            let Some(scorer) = Self::bind(call, item.span, checking) else {
                right = false;
                continue;
            };
            right &= scorer.fits(model, task, item.span, checking);
            scorers.push(scorer);
        }
        if scorers.is_empty() && right {
            checking.report(Diagnostic::error("no-metrics", bound.span, "the list of metrics is empty"));
            right = false;
        }
        right.then_some(scorers)
    }

    /// Checks that the metric judges what a model does.
    pub(super) fn fits(
        &self,
        model: &ModelSpec,
        task: Option<Task>,
        span: crate::text::Span,
        checking: &mut Checking<'_>,
    ) -> bool {
        let Some(task) = task else { return true };
        if !self.tags.tasks.contains(&task) {
            let known: Vec<&str> = METRICS
                .iter()
                .filter(|kind| kind.tags().tasks.contains(&task))
                .map(|kind| kind.signature().name)
                .collect();
            checking.report(
                Diagnostic::error(
                    "metric-misfit",
                    span,
                    format!("`{}` doesn't judge {}", self.name, task.word()),
                )
                .label(format!("the model's task is {}", task.word()))
                .help(format!("metrics for {}: {}", task.word(), known.join(", "))),
            );
            return false;
        }
        let _ = model;
        true
    }

    /// Judges predictions.
    pub(super) fn score(
        &self,
        target: &Target,
        prediction: &Prediction,
        positive: Option<u32>,
        features: Option<&crate::data::Frame>,
    ) -> Result<f64, Failure> {
        if self.metric.needs_positive() && positive.is_none() {
            return Err(Failure::new(format!("`{}` needs to know which class is the positive one", self.name))
                .help("set `positive:` in the model, or ask for an `average:`, such as `f1(average: macro)`"));
        }
        let judged = Judged { target, prediction, weights: None, positive, features };
        self.metric
            .score(&judged)
            .map_err(|error| Failure::new(format!("`{}` has no value here: {error}", self.name)))
    }
}

/// Tells whether any metric looks at the features.
pub(super) fn need_features(scorers: &[Scorer]) -> bool {
    scorers.iter().any(|scorer| scorer.tags.needs == Needs::Groups)
}

/// Words a failed fit.
pub(super) fn fit_failure(error: FitError) -> Failure {
    match error {
        FitError::Stopped => Failure::stopped(),
        other => Failure::new(other.to_string()),
    }
}

/// Rows cut into folds, ready to be fitted again and again.
pub(super) struct Folded {
    /// The rows as the model reads them.
    pub(super) prepared: Prepared,
    /// The folds of each repeat.
    pub(super) repeats: Vec<Vec<Fold>>,
    /// What the rows are, for keys.
    data: Hash,
    /// How the folds came about, for keys.
    origin: Json,
    /// Fitted prefixes of steps, shared by all trials of a fold.
    stepped: Mutex<BTreeMap<(usize, usize, String), Arc<OnceLock<Result<Arc<Stepped>, FitError>>>>>,
}

/// Where in a plan of folds some work stands.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub(super) repeat: usize,
    pub(super) fold: usize,
}

/// How rows are cut, as the user asked.
pub(super) struct Cut<'a> {
    pub(super) splitter: &'a dyn Splitter,
    pub(super) canonical: &'a Json,
    pub(super) repeats: usize,
}

impl Folded {
    /// Cuts the rows of a table for a model.
    pub(super) fn new(spec: &ModelSpec, table: &Table, cut: &Cut<'_>, seed: Seed) -> Result<Self, Failure> {
        let prepared = spec.prepare(table).map_err(fit_failure)?;
        let by = cut.splitter.by().map(|column| by_ranks(table, column)).transpose()?;
        let rows = FoldRows {
            rows: table.rows(),
            target: Some(&prepared.target),
            by: by.as_ref().map(|ranks| ranks.ranks.as_slice()),
        };
        let mut repeats = Vec::new();
        for repeat in 0..cut.repeats {
            let seed = seed.derive("folds", repeat as u64);
            let folds = cut.splitter.split(&rows, seed).map_err(|error| Failure::new(error.to_string()))?;
            repeats.push(folds);
        }
        let read = spec.columns_read(table.schema());
        let read: Vec<&str> = read.iter().map(String::as_str).collect();
        let data = table.columns_hash(&read).ok_or_else(|| Failure::new("a column of the model is not in the table"))?;
        let by_column = cut.splitter.by().and_then(|column| table.columns_hash(&[column]));
        let origin = json!({ "folds": cut.canonical, "by": by_column, "seed": seed.bits() });
        Ok(Self { prepared, repeats, data, origin, stepped: Mutex::new(BTreeMap::new()) })
    }

    /// Lists every fold of every repeat.
    pub(super) fn places(&self) -> Vec<At> {
        self.repeats
            .iter()
            .enumerate()
            .flat_map(|(repeat, folds)| (0..folds.len()).map(move |fold| At { repeat, fold }))
            .collect()
    }

    /// Gives the rows of one fold.
    pub(super) fn fold(&self, at: At) -> &Fold {
        &self.repeats[at.repeat][at.fold]
    }

    /// Fits a model on the training rows of a fold and predicts the others, or finds both in the
    /// cache.
    pub(super) fn predict(
        &self,
        spec: &ModelSpec,
        at: At,
        label: &str,
        running: &dyn Running,
    ) -> Result<Prediction, Failure> {
        let key = json!({
            "part": "fold",
            "model": spec.canonical(),
            "data": self.data,
            "origin": self.origin,
            "repeat": at.repeat,
            "fold": at.fold,
        });
        let made = running.part(label, &key, &|| {
            let prediction = self.fit(spec, at, running)?;
            let bytes = postcard::to_allocvec(&prediction)
                .map_err(|error| Failure::new(format!("a prediction can't be kept: {error}")))?;
            Ok(Artifact::Blob { kind: "prediction".to_owned(), bytes: bytes.into() })
        })?;
        postcard::from_bytes(made.blob("prediction")?)
            .map_err(|error| Failure::new(format!("a kept prediction can't be read: {error}")))
    }

    fn fit(&self, spec: &ModelSpec, at: At, running: &dyn Running) -> Result<Prediction, Failure> {
        let fold = self.fold(at);
        let seed = running.seed().derive("fit", at.repeat as u64).derive("fold", at.fold as u64);
        let context = context(seed, running);
        let stepped = self.stepped(spec, at, fold, &context).map_err(fit_failure)?;
        let fitted = spec.fit_estimator(&stepped, &context).map_err(fit_failure)?;
        fitted.predict_prepared(&stepped).map_err(fit_failure)
    }

    /// Fits the steps of a model on a fold, once for all models with the same steps.
    fn stepped(
        &self,
        spec: &ModelSpec,
        at: At,
        fold: &Fold,
        context: &FitContext<'_>,
    ) -> Result<Arc<Stepped>, FitError> {
        let key = (at.repeat, at.fold, spec.steps_key());
        let slot = {
            let mut stepped = self.stepped.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(stepped.entry(key).or_default())
        };
        if let Some(done) = slot.get() {
            return done.clone();
        }
        // Two threads may both get here; the steps are the same, and the second result is dropped.
        let made = spec.fit_steps(&self.prepared, &fold.train, &fold.test, context).map(Arc::new);
        slot.get_or_init(|| made).clone()
    }

    /// Gives the true targets of the judged rows of a fold.
    pub(super) fn truth(&self, at: At) -> Target {
        self.prepared.target.take(&self.fold(at).test)
    }
}

/// Makes the surroundings of a fit.
pub(super) fn context<'a>(seed: Seed, running: &'a dyn Running) -> FitContext<'a> {
    FitContext { seed, stop: running.stop(), validation: None, progress: &|_, _| {} }
}

/// Runs parts side by side; results come in the order of the parts, the first failure wins.
pub(super) fn side_by_side<T: Sync, R: Send>(
    running: &dyn Running,
    parts: &[T],
    work: impl Fn(&T) -> Result<R, Failure> + Sync + Send,
) -> Result<Vec<R>, Failure> {
    running.pool().install(|| {
        let results: Vec<Result<R, Failure>> = parts.par_iter().map(work).collect();
        results.into_iter().collect()
    })
}

fn by_ranks(table: &Table, column: &str) -> Result<Ranks, Failure> {
    let pieces = table.column(column).map_err(|error| Failure::new(error.to_string()))?;
    let ranks = Ranks::of(&pieces).map_err(|error| Failure::new(error.to_string()))?;
    match ranks.missing.first() {
        None => Ok(ranks),
        Some(row) => Err(Failure::new(format!(
            "`{column}` is missing in {} rows, first in row {row}; folds by it need a value in each",
            ranks.missing.len()
        ))
        .help(format!("leave them out before: `WHERE {column} IS NOT NULL`"))),
    }
}

/// Gives mean and standard deviation (ddof 0), summed in order.
pub(super) fn mean_sd(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}

/// Tells whether one score is better than another; a missing one never is.
pub(super) fn better(direction: Direction, one: f64, other: f64) -> bool {
    match direction {
        _ if one.is_nan() => false,
        _ if other.is_nan() => true,
        Direction::Maximize => one > other,
        Direction::Minimize => one < other,
    }
}

/// Names a class in a column.
pub(super) fn class_name(label: &Label) -> String {
    label.to_string()
}
