//! `evaluate`: judges fitted models on rows that they have not seen.

use std::sync::Arc;

use serde_json::json;

use super::fitted::{self, Model, Origin, Place};
use super::learning::{self, Known, Scorer, fit_failure};
use super::tables::{self, Curves};
use crate::data::Target;
use crate::diag::Diagnostic;
use crate::ml::estimator::Task as Learning;
use crate::ml::intervals::{self, Interval};
use crate::ml::model::{FittedModel, Judgement};
use crate::params;
use crate::params::{Args, Bound, Family, Kind, Params, Setting, Signature};
use crate::plan::{
    Artifact, Caching, Checked, Checking, Facts, Failure, Output, Produced, Running, Score, Source,
    StageKind, TableType, Task, Unmet, Work,
};
use crate::syntax::ast::Comparison;

params! {
    /// Judges fitted models on rows that they have not seen.
    ///
    /// With `require`, a score that isn't met fails the run.
    pub(super) struct Evaluate("evaluate", 0) {
        /// The fitted model.
        model: Option<Setting> as (Kind::Optional(&fitted::MODEL)) = None,
        /// Several fitted models.
        models: Option<Setting> as (Kind::Optional(&Kind::List(&fitted::MODEL))) = None,
        /// The rows.
        data: Setting as (Kind::Stage),
        /// What is measured.
        metrics: Setting as (Kind::List(&Kind::Call(Family::Metric))),
        /// What must hold: `[roc_auc >= 0.75]`, or for one of several models
        /// `[boost.roc_auc >= 0.8]`.
        require: Setting as (Kind::List(&Kind::Compare(Family::Metric))) = Setting::List(Vec::new()),
    }
}

/// The registered kind.
pub(super) struct EvaluateKind;

impl StageKind for EvaluateKind {
    fn signature(&self) -> &'static Signature {
        const { &Evaluate::SIGNATURE }
    }

    fn version(&self) -> u32 {
        2
    }

    fn check(&self, args: &Args, checking: &mut Checking<'_>) -> Option<Checked> {
        let models = Model::all(args, checking);
        let data = checking.table(args.get("data")?)?;
        let models = models?;
        let mut known = Known::default();
        for model in &models {
            model.rows().check(&data, true, checking)?;
            let judged = Known::of(&model.interface);
            // Groups and outliers are as often judged where they were found.
            if matches!(judged.task, Some(Learning::Classification | Learning::Regression)) {
                warn_of_seen_rows(model, &data, checking);
            }
            known = judged.and(known);
        }
        let reads = models.iter().map(|model| model.judging(&data)).reduce(learning::both)?;
        let scorers = Scorer::list(args.get("metrics")?, &known, checking)?;
        let required = required(args.get("require")?, &models, &known, checking)?;
        let settings = json!({
            "models": models.iter().map(|model| model.name.clone()).collect::<Vec<_>>(),
            "metrics": scorers.iter().map(|scorer| scorer.canonical.clone()).collect::<Vec<_>>(),
            "require": required.iter().map(|own| own.spoken.clone()).collect::<Vec<_>>(),
        });
        let (mut inputs, mut files) = (vec![data.input(reads)], Vec::new());
        let candidates =
            models.iter().map(|model| (model.name.clone(), model.place(&mut inputs, &mut files)));
        let candidates = candidates.collect();
        let mut outputs = vec![("", Output::Table(tables::evaluation_type()))];
        if known.task == Some(Learning::Classification) {
            outputs.push(("confusion", Output::Table(tables::confusion_type())));
            outputs.push(("roc", Output::Table(tables::roc_type())));
            outputs.push(("calibration", Output::Table(tables::calibration_type())));
        }
        if matches!(known.task, Some(Learning::Classification | Learning::Regression)) {
            outputs.push(("intervals", Output::Table(tables::intervals_type())));
        }
        let work = Judging { candidates, scorers, required, task: known.task };
        let task = Task {
            inputs,
            settings,
            files,
            writes: Vec::new(),
            work: Arc::new(work),
            caching: Caching::Keyed,
        };
        Some(Checked { outputs, task: Some(task) })
    }
}

/// Warns where a model is judged on rows that had a part in making it.
fn warn_of_seen_rows(model: &Model, data: &Source<TableType>, checking: &mut Checking<'_>) {
    let Origin::Stage(fitted) = &model.origin else { return };
    let rows = (data.stage, data.output);
    let (code, how, label) = if checking.share_rows(fitted.kind.trained_on, rows) {
        ("judged-on-training-rows", "was fitted on", "these rows were learnt from")
    } else if fitted.kind.searched_on.is_some_and(|own| checking.share_rows(own, rows)) {
        let label = "these rows took part in the search for the best values";
        ("judged-on-searched-rows", "was tuned on", label)
    } else {
        return;
    };
    checking.report(
        Diagnostic::warning(
            code,
            data.span,
            format!("`{}` {how} rows of `{}`", model.name, data.name),
        )
        .label(label)
        .help("judge it on rows that it hasn't seen, such as the `.test` part of a `split`"),
    );
}

/// A score that must be met.
struct Required {
    /// The model that it is for; none means each.
    model: Option<String>,
    scorer: Scorer,
    sign: Comparison,
    limit: f64,
    /// The requirement as it was written.
    spoken: String,
    /// Its number among the stage's entries.
    entry: usize,
}

fn required(
    bound: &Bound,
    models: &[Model],
    known: &Known,
    checking: &mut Checking<'_>,
) -> Option<Vec<Required>> {
    let Setting::List(items) = &bound.setting else { return None };
    let mut list = Vec::new();
    let mut right = true;
    for item in items {
        match requirement(item, models, known, checking) {
            Some(required) => list.push(required),
            None => right = false,
        }
    }
    right.then_some(list)
}

fn requirement(
    item: &Bound,
    models: &[Model],
    known: &Known,
    checking: &mut Checking<'_>,
) -> Option<Required> {
    let Setting::Compare(model, left, sign, right) = &item.setting else { return None };
    let Setting::Call(call) = &left.setting else { return None };
    if let Some(name) = model
        && !models.iter().any(|own| own.name == *name)
    {
        checking.report(
            Diagnostic::error(
                "unknown-model",
                left.span,
                format!("`{name}` is not one of the models judged here"),
            )
            .suggest(name, models.iter().map(|own| own.name.as_str())),
        );
        return None;
    }
    let scorer = Scorer::bind(call, left.span, checking)?;
    scorer.fits(known, left.span, checking).then_some(())?;
    Some(Required {
        model: model.clone(),
        scorer,
        sign: *sign,
        limit: right.setting.as_f64()?,
        spoken: item.setting.spoken(),
        entry: checking.entry(item.span),
    })
}

/// The work of an evaluation.
struct Judging {
    candidates: Vec<(String, Place)>,
    scorers: Vec<Scorer>,
    required: Vec<Required>,
    task: Option<Learning>,
}

impl Work for Judging {
    fn run(&self, inputs: &[Artifact], running: &dyn Running) -> Result<Produced, Failure> {
        let table = inputs.first().ok_or_else(|| Failure::new("there are no rows"))?.table()?;
        let mut scores = Vec::new();
        let mut curves = Curves::default();
        let mut intervals = Vec::new();
        let (mut unmet, mut warnings) = (Vec::new(), Vec::new());
        for (name, place) in &self.candidates {
            let model = place.load(inputs, running)?;
            running.pool().install(|| -> Result<(), Failure> {
                let judged = model.judge(table).map_err(fit_failure)?;
                warnings.extend(unseen(name, &model, &judged.target));
                if place.is_file() && model.learnt_from(table) {
                    warnings.push(format!(
                        "`{name}` was fitted on these very rows; judge it on rows that it hasn't seen"
                    ));
                }
                let features = judged.features.as_ref();
                for scorer in &self.scorers {
                    let value = scorer.score(
                        &judged.target,
                        &judged.prediction,
                        judged.positive,
                        features,
                    )?;
                    let metric = scorer.name.clone();
                    if let Some(interval) = interval(scorer, value, &judged) {
                        intervals.push((name.clone(), metric.clone(), interval));
                    }
                    scores.push(Score { model: name.clone(), metric, value, sd: None });
                }
                for required in &self.required {
                    if required.model.as_ref().is_some_and(|own| own != name) {
                        continue;
                    }
                    let value = required.scorer.score(
                        &judged.target,
                        &judged.prediction,
                        judged.positive,
                        features,
                    )?;
                    if !required.sign.holds(value, required.limit) {
                        let message = format!(
                            "`{}` is not met: `{name}` has {value:.6}",
                            required.spoken
                        );
                        unmet.push(Unmet { entry: required.entry, message });
                    }
                }
                if self.task == Some(Learning::Classification) {
                    curves.add(name, &judged.target, &judged.prediction);
                }
                Ok(())
            })?;
        }
        let mut outputs = vec![Artifact::Table(tables::evaluation(&scores)?)];
        if self.task == Some(Learning::Classification) {
            outputs.extend(curves.tables()?.into_iter().map(Artifact::Table));
        }
        if matches!(self.task, Some(Learning::Classification | Learning::Regression)) {
            outputs.push(Artifact::Table(tables::intervals(&intervals)?));
        }
        Ok(Produced {
            outputs,
            facts: Facts { metrics: scores, ..Facts::default() },
            unmet,
            warnings,
            ..Produced::default()
        })
    }
}

/// How many parts the rows are cut into.
const PARTS: usize = 20;

/// With fewer rows, a median without a part is that of all rows too often to tell how far it moves.
const ROWS_OF_A_MEDIAN: usize = 300;

/// Finds between which values a score lies, from what it is without each part of the rows; a single row
/// decides on the largest error, so that there is none of it.
fn interval(scorer: &Scorer, value: f64, judged: &Judgement) -> Option<Interval> {
    let rows = judged.target.len();
    match scorer.name.as_str() {
        "max_error" => return None,
        "median_ae" if rows < ROWS_OF_A_MEDIAN => return None,
        _ => {}
    }
    let parts = PARTS.min(rows);
    let without = |part: usize| {
        let kept: Vec<usize> = (0..rows).filter(|row| row % parts != part).collect();
        let prediction = judged.prediction.take(&kept)?;
        scorer.score(&judged.target.take(&kept), &prediction, judged.positive, None).ok()
    };
    intervals::of_parts(value, &(0..parts).map(without).collect::<Option<Vec<f64>>>()?)
}

/// Warns of a class in the rows that no training row had: the model can't ever tell it.
fn unseen(name: &str, model: &FittedModel, target: &Target) -> Option<String> {
    let Target::Classes { codes, classes } = target else { return None };
    let (place, class) =
        classes.iter().enumerate().find(|(_, class)| !model.classes().contains(class))?;
    let rows = codes.iter().filter(|code| usize::try_from(**code) == Ok(place)).count();
    Some(format!(
        "no row that `{name}` learnt from has the class `{class}`, which is that of {rows} of {} rows here",
        codes.len()
    ))
}
