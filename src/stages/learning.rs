//! What the learning stages share: folds of work that are fitted, judged and kept in the cache.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow::datatypes::SchemaRef;
use indexmap::IndexMap;
use rayon::prelude::*;
use serde_json::{Value as Json, json};

use crate::data::{Hash, Label, Ranks, Table, Target};
use crate::diag::Diagnostic;
use crate::ml::Seed;
use crate::ml::columns::Columns;
use crate::ml::estimator::{BadSetting, FitContext, FitError, Prediction, Task};
use crate::ml::folds;
use crate::ml::metric::{Direction, Judged, Metric, MetricKind, MetricTags};
use crate::ml::metrics::METRICS;
use crate::ml::model::{ModelSpec, Prepared, Stepped};
use crate::ml::splitter::{Fold, FoldRows, Splitter};
use crate::params::{Args, Bound, Call, Kind, Param, Setting, Signature};
use crate::plan::{
    Artifact, Checking, Failure, FittedType, ModelType, Progress, Reads, Running, Source,
    TableType, fingerprint,
};
use crate::text::Span;

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
    pub(super) fn bind(call: &Call, place: Span, checking: &mut Checking<'_>) -> Option<Self> {
        let kind: &dyn MetricKind =
            *METRICS.iter().find(|kind| kind.signature().name == call.name)?;
        match kind.bind(&call.args) {
            Ok(metric) => Some(Self {
                name: call.spoken(),
                tags: kind.tags(),
                metric,
                canonical: call.canonical(),
            }),
            Err(bad) => bad_setting(bad, call, place, checking),
        }
    }

    /// Makes the metrics of a list, and checks that each judges what the models do.
    pub(super) fn list(
        bound: &Bound,
        task: Option<Task>,
        checking: &mut Checking<'_>,
    ) -> Option<Vec<Self>> {
        let Setting::List(items) = &bound.setting else { return None };
        let mut scorers = Vec::new();
        let mut right = true;
        for item in items {
            let Setting::Call(call) = &item.setting else { continue };
            let Some(scorer) = Self::bind(call, item.span, checking) else {
                right = false;
                continue;
            };
            right &= scorer.fits(task, item.span, checking);
            scorers.push(scorer);
        }
        if scorers.is_empty() && right {
            checking.report(Diagnostic::error(
                "no-metrics",
                bound.span,
                "the list of metrics is empty",
            ));
            right = false;
        }
        right.then_some(scorers)
    }

    /// Checks that the metric judges what a model does.
    pub(super) fn fits(&self, task: Option<Task>, span: Span, checking: &mut Checking<'_>) -> bool {
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

/// Reports a rule between the settings of a call that doesn't hold; gives nothing.
pub(super) fn bad_setting<T>(
    bad: BadSetting,
    call: &Call,
    place: Span,
    checking: &mut Checking<'_>,
) -> Option<T> {
    let span = call.args.get(bad.param).map_or(place, |bound| bound.span);
    checking.report(Diagnostic::error("bad-setting", span, bad.message));
    None
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
    /// The source of every random choice.
    seed: Seed,
    /// The training rows of each fold that was asked for, in the order in which a sample takes them.
    orders: Mutex<BTreeMap<At, Arc<[usize]>>>,
    /// Fitted steps, shared by all trials of a fold.
    stepped: Mutex<Shared>,
}

/// Steps that were fitted lately.
#[derive(Default)]
struct Shared {
    steps: BTreeMap<StepsKey, Arc<OnceLock<Result<Arc<Stepped>, FitError>>>>,
    /// Their keys, the oldest first.
    order: VecDeque<StepsKey>,
}

/// Names fitted steps: the fold, the number of training rows, the steps.
type StepsKey = (At, usize, String);

/// How many settings of steps are kept for each fold: what is kept holds the rows behind the steps.
const KEPT_STEPS: usize = 3;

/// A model's settings, with the keys under which its fits and its steps are found.
pub(super) struct Keyed {
    pub(super) spec: ModelSpec,
    model: Hash,
    pub(super) steps: String,
}

impl Keyed {
    /// Names the settings of a model, once for all folds.
    pub(super) fn of(spec: ModelSpec) -> Self {
        let (model, steps) = (fingerprint(&spec.canonical()), spec.steps_key());
        Self { spec, model, steps }
    }
}

/// What is fitted and judged on one fold.
pub(super) struct Fit<'a> {
    pub(super) keyed: &'a Keyed,
    pub(super) at: At,
    /// Of all rows so many are learnt from, those that are judged counted in; none means all.
    pub(super) rows: Option<u64>,
    /// What it is, for people.
    pub(super) label: &'a str,
}

/// Where in a plan of folds some work stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
    pub(super) fn new(
        spec: &ModelSpec,
        table: &Table,
        cut: &Cut<'_>,
        seed: Seed,
    ) -> Result<Self, Failure> {
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
            let folds =
                cut.splitter.split(&rows, seed).map_err(|error| Failure::new(error.to_string()))?;
            repeats.push(folds);
        }
        let read = spec.columns_read(table.schema());
        let read: Vec<&str> = read.iter().map(String::as_str).collect();
        let data = table
            .columns_hash(&read)
            .ok_or_else(|| Failure::new("a column of the model is not in the table"))?;
        let by_column = cut.splitter.by().and_then(|column| table.columns_hash(&[column]));
        let origin = json!({ "folds": cut.canonical, "by": by_column, "seed": seed.bits() });
        let (orders, stepped) = (Mutex::default(), Mutex::default());
        Ok(Self { prepared, repeats, data, origin, seed, orders, stepped })
    }

    /// Counts the rows.
    pub(super) fn rows(&self) -> usize {
        self.prepared.features.rows()
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

    /// Fits a model on training rows of a fold and predicts the others, or finds the predictions in
    /// the cache.
    pub(super) fn predict(
        &self,
        fit: &Fit<'_>,
        running: &dyn Running,
    ) -> Result<Prediction, Failure> {
        let train = self.train(fit);
        let mut key = json!({
            "part": "fold",
            "model": fit.keyed.model,
            "data": self.data,
            "origin": self.origin,
            "repeat": fit.at.repeat,
            "fold": fit.at.fold,
        });
        if train.len() < self.fold(fit.at).train.len() {
            key["rows"] = json!(train.len());
        }
        let made = running.part(fit.label, &key, &|| {
            let prediction = self.fit(fit, &train, running)?;
            let bytes = postcard::to_allocvec(&prediction)
                .map_err(|error| Failure::new(format!("a prediction can't be kept: {error}")))?;
            Ok(Artifact::Blob { kind: "prediction".to_owned(), bytes: bytes.into() })
        })?;
        postcard::from_bytes(made.blob("prediction")?)
            .map_err(|error| Failure::new(format!("a kept prediction can't be read: {error}")))
    }

    fn fit(
        &self,
        fit: &Fit<'_>,
        train: &[usize],
        running: &dyn Running,
    ) -> Result<Prediction, Failure> {
        let seed = self.seed.derive("fit", fit.at.repeat as u64).derive("fold", fit.at.fold as u64);
        let context = context(seed, running);
        let stepped = self.stepped(fit, train, &context).map_err(fit_failure)?;
        let fitted = fit.keyed.spec.fit_estimator(&stepped, &context).map_err(fit_failure)?;
        fitted.predict_prepared(&stepped).map_err(fit_failure)
    }

    /// Gives the rows that a fit learns from.
    fn train(&self, fit: &Fit<'_>) -> Cow<'_, [usize]> {
        let all = &self.fold(fit.at).train;
        let whole = self.rows().max(1) as u128;
        match fit.rows {
            Some(rows) if u128::from(rows) < whole => {
                let share = all.len() as u128 * u128::from(rows) / whole;
                let count = usize::try_from(share).unwrap_or(all.len()).max(1);
                let mut rows: Vec<usize> = self.order(fit.at).iter().copied().take(count).collect();
                rows.sort_unstable();
                Cow::Owned(rows)
            }
            _ => Cow::Borrowed(all),
        }
    }

    /// Gives the training rows of a fold in an order of which any beginning is a fair sample.
    fn order(&self, at: At) -> Arc<[usize]> {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let order = orders.entry(at).or_insert_with(|| {
            let seed = self.seed.derive("sample", at.repeat as u64).derive("fold", at.fold as u64);
            folds::sample_order(&self.fold(at).train, &self.prepared.target, seed).into()
        });
        Arc::clone(order)
    }

    /// Fits the steps of a model on a fold, once for all models with the same steps.
    fn stepped(
        &self,
        fit: &Fit<'_>,
        train: &[usize],
        context: &FitContext<'_>,
    ) -> Result<Arc<Stepped>, FitError> {
        let slot = self.slot((fit.at, train.len(), fit.keyed.steps.clone()));
        if let Some(done) = slot.get() {
            return done.clone();
        }
        // Two threads may both get here; the steps are the same, and the second result is dropped.
        let test = &self.fold(fit.at).test;
        let made = fit.keyed.spec.fit_steps(&self.prepared, train, test, context).map(Arc::new);
        slot.get_or_init(|| made).clone()
    }

    /// Finds the place of fitted steps, and lets the oldest go where there are many.
    fn slot(&self, key: StepsKey) -> Arc<OnceLock<Result<Arc<Stepped>, FitError>>> {
        let mut shared = self.stepped.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = shared.steps.get(&key) {
            return Arc::clone(slot);
        }
        if shared.order.len() >= KEPT_STEPS * self.places().len()
            && let Some(oldest) = shared.order.pop_front()
        {
            shared.steps.remove(&oldest);
        }
        shared.order.push_back(key.clone());
        Arc::clone(shared.steps.entry(key).or_default())
    }

    /// Gives the true targets of the judged rows of a fold.
    pub(super) fn truth(&self, at: At) -> Target {
        self.prepared.target.take(&self.fold(at).test)
    }
}

/// Makes the surroundings of a fit.
pub(super) fn context(seed: Seed, running: &dyn Running) -> FitContext<'_> {
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

/// The kind of a fitted model's bytes.
pub const FITTED: &str = "fitted";

/// The kind of a tuned model's bytes: the best values, by path.
pub(super) const MODEL: &str = "model";

/// The folds where none are named.
pub(super) fn k_fold() -> Call {
    default_call("k_fold", folds::FOLDS.iter().map(|kind| kind.signature()))
}

/// The search where none is named.
pub(super) fn random_search() -> Call {
    default_call("random", crate::ml::search::SEARCHES.iter().map(|kind| kind.signature()))
}

/// Makes a call with every parameter at its default.
fn default_call(word: &'static str, signatures: impl Iterator<Item = &'static Signature>) -> Call {
    let mut args = Args::default();
    let place = Span::new(crate::text::FileId(0), 0, 0);
    for param in signatures.filter(|own| own.name == word).flat_map(|own| own.params) {
        if let Some(default) = param.default {
            args.set(param.name, Bound { setting: default(), span: place, written: false });
        }
    }
    Call { name: word, args }
}

/// Finds the models of a stage: those of `models`, or the one of `model`.
fn named<'a>(args: &'a Args, checking: &mut Checking<'_>) -> Option<Vec<&'a Bound>> {
    match (args.given("model"), args.given("models")) {
        (Some(model), None) => Some(vec![model]),
        (None, Some(models)) => match &models.setting {
            Setting::List(items) if !items.is_empty() => Some(items.iter().collect()),
            _ => {
                checking.report(Diagnostic::error(
                    "no-models",
                    models.span,
                    "the list of models is empty",
                ));
                None
            }
        },
        (Some(_), Some(models)) => {
            checking.report(
                Diagnostic::error(
                    "clashing-fields",
                    models.span,
                    "`model` and `models` don't go together",
                )
                .help("write all of them into `models: […]`"),
            );
            None
        }
        (None, None) => {
            checking.report(
                Diagnostic::error("missing-field", checking.place, "there is no model here")
                    .help("add `model: …`, or `models: […]` to compare several"),
            );
            None
        }
    }
}

/// Finds the unfitted models of a stage, which share target and task.
pub(super) fn models(args: &Args, checking: &mut Checking<'_>) -> Option<Vec<Source<ModelType>>> {
    let bounds = named(args, checking)?;
    let models: Vec<Source<ModelType>> =
        bounds.into_iter().map(|bound| checking.model(bound)).collect::<Option<_>>()?;
    same_target(models.iter().map(|model| (&model.name, model.span, &model.kind.spec)), checking)?;
    Some(models)
}

/// Finds the fitted models of a stage, which share target and task.
pub(super) fn fitted(args: &Args, checking: &mut Checking<'_>) -> Option<Vec<Source<FittedType>>> {
    let bounds = named(args, checking)?;
    let models: Vec<Source<FittedType>> =
        bounds.into_iter().map(|bound| checking.fitted(bound)).collect::<Option<_>>()?;
    same_target(models.iter().map(|model| (&model.name, model.span, &model.kind.spec)), checking)?;
    Some(models)
}

fn same_target<'a>(
    models: impl Iterator<Item = (&'a String, Span, &'a Arc<ModelSpec>)>,
    checking: &mut Checking<'_>,
) -> Option<()> {
    let models: Vec<_> = models.collect();
    let (first, _, spec) = models.first()?;
    let mut seen: Vec<&String> = Vec::new();
    for (name, span, own) in &models {
        if own.target != spec.target {
            let shown =
                |spec: &ModelSpec| spec.target.clone().unwrap_or_else(|| "nothing".to_owned());
            checking.report(
                Diagnostic::error("targets-differ", *span, format!("`{name}` tells `{}`, but `{first}` tells `{}`", shown(own), shown(spec)))
                    .help("the models of one stage share target and task; compare others in a stage of their own"),
            );
            return None;
        }
        if seen.contains(name) {
            checking.report(Diagnostic::error(
                "doubled-model",
                *span,
                format!("`{name}` is named twice"),
            ));
            return None;
        }
        seen.push(name);
    }
    Some(())
}

/// Checks a model against the table that it is to be fitted on; gives its task, where known.
pub(super) fn check_model(
    model: &Source<ModelType>,
    data: &Source<TableType>,
    checking: &mut Checking<'_>,
) -> Option<Option<Task>> {
    let (spec, place) = (&model.kind.spec, model.span);
    let schema = data.kind.schema.as_deref();
    let findings = spec.check(schema);
    let right = findings.is_empty();
    for finding in findings {
        // What is wrong is wrong in the model; the stage that brings model and data together is
        // shown beside it.
        let places = &model.kind.places;
        let field = places.get(finding.part.field()).or_else(|| places.get(""));
        let span = finding.span.or(field.copied()).unwrap_or(place);
        let mut diagnostic = Diagnostic::error(finding.code, span, finding.message);
        if span != place {
            diagnostic = diagnostic
                .related(place, format!("checked against the columns of `{}`", data.name));
        }
        checking.report(finding.help.into_iter().fold(diagnostic, Diagnostic::help));
    }
    if right {
        warn_of_leaks(spec, data, place, checking);
    }
    right.then(|| spec.known_task(schema))
}

/// Checks what of a model can be checked without data.
pub(super) fn check_settings(spec: &ModelSpec, checking: &mut Checking<'_>) -> bool {
    let findings = spec.check(None);
    let right = findings.is_empty();
    for finding in findings {
        let span = finding.span.unwrap_or(checking.place);
        let diagnostic = Diagnostic::error(finding.code, span, finding.message);
        checking.report(finding.help.into_iter().fold(diagnostic, Diagnostic::help));
    }
    right
}

/// Warns of features that derive from the column that the target derives from.
fn warn_of_leaks(
    spec: &ModelSpec,
    data: &Source<TableType>,
    place: Span,
    checking: &mut Checking<'_>,
) {
    let (Some(target), Some(schema)) = (&spec.target, &data.kind.schema) else { return };
    let Some(origins) = data.kind.lineage.get(target) else { return };
    for feature in spec.features_of(schema) {
        let Some(own) = data.kind.lineage.get(&feature) else { continue };
        if let Some(shared) = own.intersection(origins).next() {
            checking.report(
                Diagnostic::warning("target-leak", place, format!("the feature `{feature}` derives from `{shared}`, as the target `{target}` does"))
                    .label("this model may learn the answer from the question")
                    .help(format!("leave it out: `features: all(except: [{feature}])`")),
            );
        }
    }
}

/// Checks a fitted model against rows that it is to answer for; gives its task, where known.
pub(super) fn check_applied(
    model: &Source<FittedType>,
    data: &Source<TableType>,
    judged: bool,
    checking: &mut Checking<'_>,
) -> Option<Option<Task>> {
    let spec = &model.kind.spec;
    let (Some(trained), Some(schema)) = (&model.kind.schema, &data.kind.schema) else {
        return Some(None);
    };
    let mut wanted = spec.features_of(trained);
    if judged {
        wanted.extend(spec.target.clone());
    }
    for column in wanted {
        if schema.field_with_name(&column).is_err() && !data.kind.open {
            let known: Vec<&str> =
                schema.fields().iter().map(|field| field.name().as_str()).collect();
            checking.report(
                Diagnostic::error(
                    "missing-column",
                    data.span,
                    format!(
                        "`{}` has no column `{column}`, which `{}` was fitted on",
                        data.name, model.name
                    ),
                )
                .suggest(&column, known),
            );
            return None;
        }
    }
    Some(spec.known_task(Some(trained)))
}

/// Gives the columns that a model reads of a table to be fitted.
pub(super) fn columns(spec: &ModelSpec, data: &Source<TableType>) -> Option<BTreeSet<String>> {
    let schema = data.kind.schema.as_ref()?;
    Some(spec.columns_read(schema).into_iter().collect())
}

/// Gives the features of a model, as far as a table has them.
pub(super) fn features(spec: &ModelSpec, data: &Source<TableType>) -> Option<BTreeSet<String>> {
    let schema = data.kind.schema.as_ref()?;
    Some(spec.features_of(schema).into_iter().collect())
}

/// Gives what some work reads of a table for a model.
pub(super) fn reads(spec: &ModelSpec, data: &Source<TableType>) -> Reads {
    columns(spec, data).map_or(Reads::All, Reads::Columns)
}

/// Picks the columns that a prediction keeps.
pub(super) fn kept(
    keep: &Columns,
    schema: &SchemaRef,
    table: &str,
    checking: &mut Checking<'_>,
) -> Option<Vec<String>> {
    let (picked, missing) = keep.of_schema(schema);
    for column in &missing {
        checking.unknown_column(&column.name, table, schema, column.span);
    }
    missing.is_empty().then_some(picked)
}

/// Makes the splitter that a call names, and checks the column that it goes by.
pub(super) fn splitter(
    call: &Call,
    place: Span,
    data: &Source<TableType>,
    checking: &mut Checking<'_>,
) -> Option<Box<dyn Splitter>> {
    let kind = folds::FOLDS.iter().find(|kind| kind.signature().name == call.name)?;
    let splitter = match kind.bind(&call.args) {
        Ok(splitter) => splitter,
        Err(bad) => return bad_setting(bad, call, place, checking),
    };
    if let Some(by) = splitter.by() {
        let span = call.args.get("by").map_or(place, |bound| bound.span);
        checking.has_column(by, &data.name, data.kind.schema.as_deref(), span).then_some(())?;
    }
    Some(splitter)
}

/// Finds the declared parameter behind a path such as `estimator.max_depth`.
pub(super) fn param_at(
    spec: &ModelSpec,
    path: &str,
    place: Span,
    checking: &mut Checking<'_>,
) -> Option<&'static Param> {
    let paths: Vec<(String, &'static Param)> = spec.tunable();
    let found = paths.iter().find(|(own, _)| own == path).map(|(_, param)| *param);
    if found.is_none() {
        checking.report(
            Diagnostic::error(
                "unknown-path",
                place,
                format!("the model has no parameter `{path}`"),
            )
            .suggest(path, paths.iter().map(|(own, _)| own.as_str())),
        );
    }
    found
}

/// A run of which a part is done: its progress isn't that of the whole, and its parts have a name in
/// front.
pub(super) struct Inside<'a> {
    pub(super) running: &'a dyn Running,
    pub(super) name: &'a str,
}

impl Running for Inside<'_> {
    fn seed(&self) -> Seed {
        self.running.seed()
    }

    fn stop(&self) -> &AtomicBool {
        self.running.stop()
    }

    fn pool(&self) -> &rayon::ThreadPool {
        self.running.pool()
    }

    fn runtime(&self) -> &tokio::runtime::Handle {
        self.running.runtime()
    }

    fn project(&self) -> &Path {
        self.running.project()
    }

    fn progress(&self, _: Progress) {}

    fn part(
        &self,
        label: &str,
        key: &Json,
        make: &(dyn Fn() -> Result<Artifact, Failure> + Sync),
    ) -> Result<Artifact, Failure> {
        self.running.part(&format!("{}, {label}", self.name), key, make)
    }
}

/// Tells whether a parameter takes whole numbers, and no others.
pub(super) fn takes_only_whole(kind: Kind) -> bool {
    match kind {
        Kind::Int => true,
        Kind::Optional(inner) => takes_only_whole(*inner),
        _ => false,
    }
}

/// Takes one candidate value as a parameter takes it, or says what is wrong.
pub(super) fn as_setting(item: &Bound, param: &Param) -> Result<Setting, String> {
    fn fit(setting: &Setting, kind: &Kind) -> Option<Setting> {
        match (kind, setting) {
            (Kind::Optional(_), Setting::Null) => Some(Setting::Null),
            (Kind::Optional(inner), other) => fit(other, inner),
            (Kind::OneOf(kinds), other) => kinds.iter().find_map(|kind| fit(other, kind)),
            (Kind::Float, other) => other.as_f64().map(Setting::Float),
            (Kind::Int, Setting::Int(_))
            | (Kind::Bool, Setting::Bool(_))
            | (Kind::Text, Setting::Text(_))
            | (Kind::Share, Setting::Share(_)) => Some(setting.clone()),
            (Kind::Share, Setting::Float(share)) => Some(Setting::Share(*share)),
            (Kind::Choice(choices), Setting::Word(word)) => {
                choices.iter().any(|choice| choice.word == word).then(|| setting.clone())
            }
            _ => None,
        }
    }
    let fitting = fit(&item.setting, &param.kind)
        .ok_or_else(|| format!("takes {}, not {}", param.kind.spoken(), item.setting.spoken()))?;
    match fitting.as_f64() {
        Some(number) if !param.limits.allow(number) => {
            Err(format!("must be {}, not {number}", param.limits.spoken()))
        }
        _ => Ok(fitting),
    }
}

/// Puts values into a model's settings.
pub(super) fn with_values<'a>(
    spec: &ModelSpec,
    values: impl Iterator<Item = (&'a str, &'a Setting)>,
) -> Result<ModelSpec, Failure> {
    let mut spec = spec.clone();
    for (path, value) in values {
        spec.set(path, value.clone())
            .map_err(|bad| Failure::new(format!("`{path}` can't be {}: {bad}", value.spoken())))?;
    }
    Ok(spec)
}

/// Puts a search's best values into a model's settings, if it is a tuned one.
pub(super) fn with_best(spec: &ModelSpec, best: Option<&Artifact>) -> Result<ModelSpec, Failure> {
    let Some(best) = best else { return Ok(spec.clone()) };
    let values: Vec<(String, KeptValue)> = serde_json::from_slice(best.blob(MODEL)?)
        .map_err(|error| Failure::new(format!("a tuned model can't be read: {error}")))?;
    let values: Vec<(String, Setting)> =
        values.into_iter().map(|(path, value)| (path, value.into())).collect();
    with_values(spec, values.iter().map(|(path, value)| (path.as_str(), value)))
}

/// A tuned value as it is kept.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum KeptValue {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Share(f64),
    Text(String),
    Word(String),
}

impl From<KeptValue> for Setting {
    fn from(value: KeptValue) -> Self {
        match value {
            KeptValue::Null => Self::Null,
            KeptValue::Bool(flag) => Self::Bool(flag),
            KeptValue::Int(number) => Self::Int(number),
            KeptValue::Float(number) => Self::Float(number),
            KeptValue::Share(share) => Self::Share(share),
            KeptValue::Text(text) => Self::Text(text),
            KeptValue::Word(word) => Self::Word(word),
        }
    }
}

/// Writes tuned values.
pub(super) fn write_values(values: &IndexMap<String, Setting>) -> Result<Vec<u8>, Failure> {
    let kept = |setting: &Setting| match setting {
        Setting::Bool(flag) => KeptValue::Bool(*flag),
        Setting::Int(number) => KeptValue::Int(*number),
        Setting::Float(number) => KeptValue::Float(*number),
        Setting::Share(share) => KeptValue::Share(*share),
        Setting::Text(text) => KeptValue::Text(text.clone()),
        Setting::Word(word) => KeptValue::Word(word.clone()),
        _ => KeptValue::Null,
    };
    let list: Vec<(&String, KeptValue)> =
        values.iter().map(|(path, value)| (path, kept(value))).collect();
    serde_json::to_vec(&list).map_err(|error| Failure::new(error.to_string()))
}

/// Writes a value for the lock file.
pub(super) fn plain(setting: &Setting) -> Json {
    setting.canonical()
}
