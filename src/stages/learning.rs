//! What the learning stages share: models and metrics as fields name them, and how they are checked.

use std::collections::BTreeMap;

use arrow::datatypes::SchemaRef;
use serde_json::{Value as Json, json};

use crate::data::{Label, Target};
use crate::diag::Diagnostic;
use crate::ml::columns::Columns;
use crate::ml::estimator::{BadSetting, FitError, Prediction, Task};
use crate::ml::folds;
use crate::ml::metric::{Direction, Judged, Metric, MetricKind, MetricTags, Needs};
use crate::ml::metrics::METRICS;
use crate::ml::model::{Interface, ModelSpec};
use crate::ml::splitter::Splitter;
use crate::params::{Args, Bound, Call, Setting, Signature};
use crate::plan::{Checking, Failure, ModelType, Reads, Source, TableType};
use crate::text::Span;

/// A metric as a stage uses it.
pub(super) struct Scorer {
    /// The metric in canonical form: `f1(average: macro)`.
    pub(super) name: String,
    /// What is true of it.
    pub(super) tags: MetricTags,
    /// The metric.
    pub(super) metric: Box<dyn Metric>,
    /// How it is written in keys: what was asked for, and the version of the metric.
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
                canonical: json!([call.canonical(), kind.version()]),
            }),
            Err(bad) => bad_setting(bad, call, place, checking),
        }
    }

    /// Makes the metrics of a list, and checks that each judges what the models do.
    pub(super) fn list(
        bound: &Bound,
        known: &Known,
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
            right &= scorer.fits(known, item.span, checking);
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
    pub(super) fn fits(&self, known: &Known, span: Span, checking: &mut Checking<'_>) -> bool {
        self.fits_task(known, span, checking) && self.fits_classes(known, span, checking)
    }

    /// Checks that the positive class is settled where the metric is about it.
    fn fits_classes(&self, known: &Known, span: Span, checking: &mut Checking<'_>) -> bool {
        let Some(target) = known.unsettled.as_ref().filter(|_| self.metric.needs_positive()) else {
            return true;
        };
        let failure = self.no_positive();
        let diagnostic = Diagnostic::error("needs-positive", span, failure.message)
            .label(format!("which class of `{target}` is it about?"));
        checking.report(failure.help.into_iter().fold(diagnostic, Diagnostic::help));
        false
    }

    fn no_positive(&self) -> Failure {
        Failure::new(format!("`{}` needs to know which class is the positive one", self.name)).help(
            "set `positive:` in the model, or ask for an `average:`, such as `f1(average: macro)`",
        )
    }

    /// Tells whether the score looks at the judged rows' columns, not at the predictions alone.
    pub(super) fn looks_at_columns(&self) -> bool {
        self.tags.needs == Needs::Groups
    }

    fn fits_task(&self, known: &Known, span: Span, checking: &mut Checking<'_>) -> bool {
        let Some(task) = known.task else { return true };
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
            return Err(self.no_positive());
        }
        let judged = Judged { target, prediction, weights: None, positive, features };
        self.metric
            .score(&judged)
            .map_err(|error| Failure::new(format!("`{}` has no value here: {error}", self.name)))
    }
}

/// What is known of models before they are fitted.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// What they are for.
    pub(super) task: Option<Task>,
    /// The target whose positive class nothing tells, if there is one.
    unsettled: Option<String>,
}

impl Known {
    /// Tells what is known of a model by what it takes and gives.
    pub(super) fn of(interface: &Interface) -> Self {
        let unsettled = interface.target.clone().filter(|_| interface.unsettled);
        Self { task: interface.task, unsettled }
    }

    /// Puts together what is known of several models of one stage.
    pub(super) fn and(self, other: Self) -> Self {
        Self { task: self.task.or(other.task), unsettled: self.unsettled.or(other.unsettled) }
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
    if error == FitError::Stopped {
        return Failure::stopped();
    }
    worded(&error.to_string())
}

/// Words what learning found wrong: the message, and behind a semicolon what to do.
pub(super) fn worded(text: &str) -> Failure {
    // What is behind the semicolon says what to do.
    let (message, help) = text.split_once("; ").unwrap_or((text, ""));
    let rows = message.contains(" in row ");
    let rows =
        rows.then(|| "rows are counted from 0, as in the `row` columns of outputs".to_owned());
    let help = (!help.is_empty()).then(|| help.to_owned());
    help.into_iter().chain(rows).fold(Failure::new(message), Failure::help)
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
pub(super) fn named<'a>(args: &'a Args, checking: &mut Checking<'_>) -> Option<Vec<&'a Bound>> {
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
    same_target(
        models.iter().map(|model| Named {
            name: &model.name,
            span: model.span,
            tells: model.kind.spec.target.as_ref(),
            task: None,
            target: model.kind.places.get("target").copied(),
        }),
        checking,
    )?;
    Some(models)
}

/// A model as a stage names it.
pub(super) struct Named<'a> {
    pub(super) name: &'a String,
    pub(super) span: Span,
    /// The column that it tells.
    pub(super) tells: Option<&'a String>,
    /// What it is for, where that is known.
    pub(super) task: Option<Task>,
    /// Where its target was written.
    pub(super) target: Option<Span>,
}

/// Checks that the models of a stage share target and task, and that none is named twice.
pub(super) fn same_target<'a>(
    models: impl Iterator<Item = Named<'a>>,
    checking: &mut Checking<'_>,
) -> Option<()> {
    let models: Vec<_> = models.collect();
    let first = models.first()?;
    let mut seen: Vec<&String> = Vec::new();
    for model in &models {
        let Named { name, span, .. } = model;
        let tasks_differ = model.task.zip(first.task).is_some_and(|(own, first)| own != first);
        if model.tells != first.tells || tasks_differ {
            let shown = |model: &Named<'_>| match (model.tells, model.task) {
                (_, Some(task)) if tasks_differ => format!("`{}` does {}", model.name, task.word()),
                (Some(target), _) => format!("`{}` tells `{target}`", model.name),
                (None, _) => format!("`{}` tells nothing", model.name),
            };
            let message = format!("{}, but {}", shown(model), shown(first));
            let diagnostic = Diagnostic::error("targets-differ", *span, message)
                .label(if tasks_differ {
                    "this model has another task"
                } else {
                    "this model has another target"
                })
                .help("the models of one stage share target and task; compare others in a stage of their own");
            let places = [first, model].map(|own| Some((own.target?, shown(own))));
            checking.report(
                places
                    .into_iter()
                    .flatten()
                    .fold(diagnostic, |all, (span, text)| all.related(span, text)),
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
) -> Option<Known> {
    let (spec, place) = (&model.kind.spec, model.span);
    let schema = planned(spec, data);
    let schema = schema.as_deref();
    let findings = spec.check(schema);
    let right = findings.is_empty();
    let places = &model.kind.places;
    for finding in findings {
        // What is wrong is wrong in the model; the stage that brings model and data together is
        // shown beside it. A column that stands alone, without a list around it, has no place.
        let field = places.get(finding.part.field()).or_else(|| places.get(""));
        let own = finding.span.filter(|span| span.start < span.end);
        let span = own.or(field.copied()).unwrap_or(place);
        let mut diagnostic = Diagnostic::error(finding.code, span, finding.message);
        if span != place {
            diagnostic = diagnostic
                .related(place, format!("checked against the columns of `{}`", data.name));
        }
        checking.report(finding.help.into_iter().fold(diagnostic, Diagnostic::help));
    }
    if right {
        warn_of_leaks(spec, data, place, checking);
        let place = |field: &str| places.get(field).copied().unwrap_or(place);
        for column in spec.features.names() {
            checking.count_on(&column.node, data, place("features"));
        }
        for (column, field) in [(&spec.target, "target"), (&spec.weight, "weight")] {
            column.iter().for_each(|own| checking.count_on(own, data, place(field)));
        }
    }
    right.then(|| Known::of(&spec.interface(schema)))
}

/// Gives the columns of a table as far as they are known, with those that a model names and that may
/// turn up at run time.
pub(super) fn planned(spec: &ModelSpec, data: &Source<TableType>) -> Option<SchemaRef> {
    let named = spec.named_columns();
    data.kind.planned(named.iter().map(String::as_str))
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
    let mut leaks: BTreeMap<&String, Vec<String>> = BTreeMap::new();
    for feature in spec.features_of(schema) {
        let own = data.kind.lineage.get(&feature);
        if let Some(shared) = own.and_then(|own| own.intersection(origins).next()) {
            leaks.entry(shared).or_default().push(feature);
        }
    }
    for (shared, features) in leaks {
        let (noun, verb) = if features.len() == 1 {
            ("the feature", "derives")
        } else {
            ("the features", "derive")
        };
        let named: Vec<String> = features.iter().map(|feature| format!("`{feature}`")).collect();
        let named = named.join(", ");
        checking.report(
            Diagnostic::warning(
                "target-leak",
                place,
                format!("{noun} {named} {verb} from `{shared}`, as the target `{target}` does"),
            )
            .label("this model may learn the answer from the question")
            .help(format!("leave out what it can't know: `features: all(except: [{}])`", features.join(", ")))
            .help("what rows before it tell, ask of a window that ends before the row: `lag(…)`, `… AND 1 PRECEDING`"),
        );
    }
}

/// Gives what some work reads of a table for a model, and a column besides.
pub(super) fn reads(spec: &ModelSpec, by: Option<&str>, data: &Source<TableType>) -> Reads {
    match &data.kind.schema {
        // A model of all columns reads those too that nobody can name yet.
        Some(schema) if !data.kind.open => {
            let columns = spec.columns_read(schema).into_iter();
            Reads::Columns(columns.chain(by.map(str::to_owned)).collect())
        }
        _ => Reads::All,
    }
}

/// Puts together what is read of one table for several purposes.
pub(super) fn both(one: Reads, other: Reads) -> Reads {
    match (one, other) {
        (Reads::Columns(one), Reads::Columns(other)) => {
            Reads::Columns(one.into_iter().chain(other).collect())
        }
        _ => Reads::All,
    }
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

/// Gives the column by which the folds of a stage keep rows together.
pub(super) fn groups(args: &Args) -> Vec<String> {
    let Some(Setting::Call(call)) = args.get("folds").map(|bound| &bound.setting) else {
        return Vec::new();
    };
    let kind = folds::FOLDS.iter().find(|kind| kind.signature().name == call.name);
    let splitter = kind.and_then(|kind| kind.bind(&call.args).ok());
    splitter.and_then(|splitter| splitter.group().map(str::to_owned)).into_iter().collect()
}

/// Makes the splitter that a call names, and checks the column that it goes by.
pub(super) fn splitter(
    call: &Call,
    place: Span,
    data: &Source<TableType>,
    known: &Known,
    checking: &mut Checking<'_>,
) -> Option<Box<dyn Splitter>> {
    let kind = folds::FOLDS.iter().find(|kind| kind.signature().name == call.name)?;
    let splitter = match kind.bind(&call.args) {
        Ok(splitter) => splitter,
        Err(bad) => return bad_setting(bad, call, place, checking),
    };
    if let Some(task) = known.task.filter(|task| *task != Task::Classification)
        && splitter.stratified()
    {
        let message =
            format!("`{}` keeps the shares of classes, and {} has none", call.name, task.word());
        let plain = if splitter.by().is_some() { "group_k_fold" } else { "k_fold" };
        checking.report(
            Diagnostic::error("folds-misfit", place, message)
                .label(format!("the model's task is {}", task.word()))
                .help(format!("use `{plain}`")),
        );
        return None;
    }
    if let Some(by) = splitter.by() {
        let span = call.args.get("by").map_or(place, |bound| bound.span);
        checking.has_column(by, data, span).then_some(())?;
    }
    Some(splitter)
}
