//! `tune`: searches for the values with which a model does best.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Value as Json, json};

use super::learning::{self, At, Cut, Folded, Scorer, better, mean_sd, side_by_side};
use super::tables::{self, TrialRow};
use crate::data::Table;
use crate::diag::Diagnostic;
use crate::ml::metric::Direction;
use crate::ml::model::ModelSpec;
use crate::ml::search::{Dimension, Finished, Search, Trial};
use crate::ml::splitter::Splitter;
use crate::params;
use crate::params::{Args, Bound, Call, Family, Kind, Limits, Param, Params, Setting, Signature};
use crate::plan::{
    Artifact, Caching, Checked, Checking, Facts, Failure, ModelType, Output, Produced, Progress,
    Reads, Running, Score, StageKind, Task, Tuned, Work,
};

params! {
    /// Searches for the values with which a model does best.
    ///
    /// It gives the model with the best values; every trial is in `.trials`.
    pub(super) struct Tune("tune", 0) {
        /// The model.
        model: Setting as (Kind::Stage),
        /// The rows.
        data: Setting as (Kind::Stage),
        /// The values to try, by path: `estimator.max_depth: 2 .. 8`.
        over: Setting as (Kind::Map(&SPACE)),
        /// How values are picked.
        search: Call as (Kind::Call(Family::Search)) = learning::random_search(),
        /// How the rows are cut.
        folds: Call as (Kind::Call(Family::Fold)) = learning::k_fold(),
        /// The metric to bring up.
        maximize: Option<Call> as (Kind::Optional(&Kind::Call(Family::Metric))) = None,
        /// The metric to bring down.
        minimize: Option<Call> as (Kind::Optional(&Kind::Call(Family::Metric))) = None,
    }
}

params! {
    /// Numbers drawn evenly on a logarithmic scale.
    pub(super) struct Log("log", 1) {
        /// The range: `0.01 .. 0.3`.
        range: Setting as (Kind::Range) => Limits::above(0.0),
    }
}

/// The words that a space may use.
pub(super) static SPACES: &[&Signature] = &[const { &Log::SIGNATURE }];

/// A space: a range, `log(range)`, or a list.
const SPACE: Kind = Kind::OneOf(&[Kind::Range, Kind::Call(Family::Space), Kind::List(&CANDIDATE)]);

/// One of a list of values.
const CANDIDATE: Kind = Kind::OneOf(&[Kind::Literal, Kind::Stage]);

/// The registered kind.
pub(super) struct TuneKind;

impl StageKind for TuneKind {
    fn signature(&self) -> &'static Signature {
        const { &Tune::SIGNATURE }
    }

    fn check(&self, args: &Args, checking: &mut Checking<'_>) -> Option<Checked> {
        let fields = Tune::from_args(args)?;
        let model = checking.model(args.get("model")?)?;
        let data = checking.table(args.get("data")?)?;
        let spec = Arc::clone(&model.kind.spec);
        let known = learning::check_model(&model, &data, checking)?;
        let (scorer, direction) = goal(args, &known, checking)?;
        let space = space(args.get("over")?, &spec, checking)?;
        let search = search(&fields.search, args, &space, checking)?;
        let splitter =
            learning::splitter(&fields.folds, args.get("folds")?.span, &data, &known, checking)?;
        let mut columns = learning::columns(&spec, &data)?;
        columns.extend(splitter.by().map(str::to_owned));
        let trials = tables::trials_type(&space);
        let settings = json!({
            "model": spec.canonical(),
            "over": space.iter().map(|own| json!([own.path, own.canonical()])).collect::<Vec<_>>(),
            "search": fields.search.canonical(),
            "folds": fields.folds.canonical(),
            "metric": scorer.canonical,
            "direction": format!("{direction:?}"),
            "seed": checking.seed,
        });
        let searching = Arc::new(Searching {
            spec: Arc::clone(&spec),
            space,
            search,
            splitter,
            folds: fields.folds,
            scorer,
            direction,
            canonical: settings.clone(),
        });
        let tuned: Arc<dyn Tuned> = Arc::clone(&searching) as _;
        let outputs = vec![
            (
                "",
                Output::Model(ModelType {
                    spec,
                    tuned: Some(tuned),
                    searched_on: Some((data.stage, data.output)),
                    places: Arc::clone(&model.kind.places),
                }),
            ),
            ("trials", Output::Table(trials)),
        ];
        let task = Task {
            inputs: vec![data.input(Reads::Columns(columns))],
            settings,
            files: Vec::new(),
            writes: Vec::new(),
            work: searching,
            caching: Caching::Keyed,
        };
        Some(Checked { outputs, task: Some(task) })
    }
}

/// Finds the metric to bring up or down.
fn goal(
    args: &Args,
    known: &learning::Known,
    checking: &mut Checking<'_>,
) -> Option<(Scorer, Direction)> {
    let (bound, direction) = match (args.given("maximize"), args.given("minimize")) {
        (Some(bound), None) => (bound, Direction::Maximize),
        (None, Some(bound)) => (bound, Direction::Minimize),
        (Some(_), Some(bound)) => {
            checking.report(Diagnostic::error(
                "two-goals",
                bound.span,
                "a search has one goal: `maximize` or `minimize`",
            ));
            return None;
        }
        (None, None) => {
            checking.report(
                Diagnostic::error(
                    "missing-field",
                    checking.place,
                    "`tune` needs `maximize` or `minimize`",
                )
                .help("add `maximize: roc_auc`, or another metric"),
            );
            return None;
        }
    };
    let Setting::Call(call) = &bound.setting else { return None };
    let scorer = Scorer::bind(call, bound.span, checking)?;
    if !scorer.fits(known, bound.span, checking) {
        return None;
    }
    if scorer.tags.direction != direction {
        let (asked, other) = match direction {
            Direction::Maximize => ("up", "minimize"),
            Direction::Minimize => ("down", "maximize"),
        };
        checking.report(
            Diagnostic::warning(
                "goal-direction",
                bound.span,
                format!("`{}` gets worse when it goes {asked}", scorer.name),
            )
            .help(format!("write `{other}: {}`", scorer.name)),
        );
    }
    Some((scorer, direction))
}

/// One tuned path.
pub(super) struct Tunable {
    /// The path: `estimator.max_depth`.
    pub(super) path: String,
    /// The values that it may take.
    pub(super) dimension: Dimension,
}

impl Tunable {
    fn canonical(&self) -> Json {
        match &self.dimension {
            Dimension::Int { low, high, log } => json!({ "from": low, "to": high, "log": log }),
            Dimension::Float { low, high, log } => {
                json!({ "from": low, "to": high, "log": log, "float": true })
            }
            Dimension::Choice(values) => values.iter().map(Setting::canonical).collect(),
        }
    }
}

/// Reads the space: each path must be a parameter, each value must be one that it takes.
fn space(over: &Bound, spec: &ModelSpec, checking: &mut Checking<'_>) -> Option<Vec<Tunable>> {
    let Setting::Map(map) = &over.setting else { return None };
    if map.is_empty() {
        checking.report(
            Diagnostic::error("empty-space", over.span, "there is nothing to search over")
                .help("name a parameter and its values: `estimator.max_depth: 2 .. 8`"),
        );
        return None;
    }
    let mut space = Vec::new();
    for (path, bound) in map {
        let param = learning::param_at(spec, path, bound.span, checking);
        if let Some(dimension) = param.and_then(|param| dimension(path, bound, param, checking)) {
            space.push(Tunable { path: path.clone(), dimension });
        }
    }
    (space.len() == map.len()).then_some(space)
}

fn dimension(
    path: &str,
    bound: &Bound,
    param: &'static Param,
    checking: &mut Checking<'_>,
) -> Option<Dimension> {
    match &bound.setting {
        Setting::Range(low, high) => range(path, low, high, false, param, checking),
        Setting::Call(call) => match call.args.get("range").map(|bound| &bound.setting) {
            Some(Setting::Range(low, high)) => range(path, low, high, true, param, checking),
            _ => None,
        },
        Setting::List(items) => {
            let values: Vec<Option<Setting>> =
                items.iter().map(|item| candidate(path, item, param, checking)).collect();
            let values: Vec<Setting> = values.into_iter().collect::<Option<_>>()?;
            if values.is_empty() {
                checking.report(Diagnostic::error(
                    "empty-space",
                    bound.span,
                    format!("there are no values for `{path}`"),
                ));
                return None;
            }
            Some(Dimension::Choice(values))
        }
        _ => None,
    }
}

fn range(
    path: &str,
    low: &Bound,
    high: &Bound,
    log: bool,
    param: &'static Param,
    checking: &mut Checking<'_>,
) -> Option<Dimension> {
    let place = low.span.to(high.span);
    let whole = learning::takes_only_whole(param.kind);
    let dimension = match (&low.setting, &high.setting) {
        (Setting::Int(low), Setting::Int(high)) if whole || !log => {
            Dimension::Int { low: *low, high: *high, log }
        }
        (from, to) => {
            let (from, to) = (from.as_f64()?, to.as_f64()?);
            if whole {
                checking.report(
                    Diagnostic::error("wrong-type", place, format!("`{path}` takes whole numbers"))
                        .help("write both ends without a point: `8 .. 64`"),
                );
                return None;
            }
            Dimension::Float { low: from, high: to, log }
        }
    };
    let (from, to) = (low.setting.as_f64()?, high.setting.as_f64()?);
    let wrong = if from > to {
        Some(format!("the range of `{path}` ends before it begins"))
    } else if !(from.is_finite() && to.is_finite()) {
        Some(format!("the range of `{path}` has no end"))
    } else if log && from <= 0.0 {
        Some(format!("the range of `{path}` is logarithmic, so it must lie above 0"))
    } else if !(param.limits.allow(from) && param.limits.allow(to)) {
        Some(format!("`{path}` must be {}", param.limits.spoken()))
    } else {
        None
    };
    if let Some(wrong) = wrong {
        checking.report(Diagnostic::error("out-of-range", place, wrong));
        return None;
    }
    Some(dimension)
}

/// Takes one value of a list, as the parameter takes it.
fn candidate(
    path: &str,
    item: &Bound,
    param: &'static Param,
    checking: &mut Checking<'_>,
) -> Option<Setting> {
    match learning::as_setting(item, param) {
        Ok(setting) => Some(setting),
        Err(message) => {
            checking.report(
                Diagnostic::error("wrong-type", item.span, format!("`{path}` {message}"))
                    .label(format!("expected {}", param.kind.spoken())),
            );
            None
        }
    }
}

fn search(
    call: &Call,
    args: &Args,
    space: &[Tunable],
    checking: &mut Checking<'_>,
) -> Option<Box<dyn Search>> {
    let place = args.get("search")?.span;
    let kind =
        crate::ml::search::SEARCHES.iter().find(|kind| kind.signature().name == call.name)?;
    let search = match kind.bind(&call.args) {
        Ok(search) => search,
        Err(bad) => return learning::bad_setting(bad, call, place, checking),
    };
    let dimensions: Vec<Dimension> = space.iter().map(|own| own.dimension.clone()).collect();
    if let Err((index, message)) = search.check(&dimensions) {
        let path = space.get(index).map(|own| own.path.as_str()).unwrap_or_default();
        let span = match &args.get("over")?.setting {
            Setting::Map(map) => map.get(path).map_or(place, |bound| bound.span),
            _ => place,
        };
        let (message, help) = message.split_once("; ").unwrap_or((&message, ""));
        let diagnostic = Diagnostic::error("search-misfit", span, format!("`{path}`: {message}"));
        checking.report(if help.is_empty() { diagnostic } else { diagnostic.help(help) });
        return None;
    }
    Some(search)
}

/// A search, ready to be run on some rows.
struct Searching {
    spec: Arc<ModelSpec>,
    space: Vec<Tunable>,
    search: Box<dyn Search>,
    splitter: Box<dyn Splitter>,
    folds: Call,
    scorer: Scorer,
    direction: Direction,
    canonical: Json,
}

impl std::fmt::Debug for Searching {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Searching").finish_non_exhaustive()
    }
}

/// A trial, and its scores fold by fold.
struct Scored {
    trial: Trial,
    scores: Result<Vec<f64>, Failure>,
}

impl Scored {
    fn mean_sd(&self) -> (f64, f64) {
        self.scores.as_ref().map_or((f64::NAN, f64::NAN), |scores| mean_sd(scores))
    }
}

impl Searching {
    /// Runs every trial that the search asks for.
    fn trials(&self, table: &Table, running: &dyn Running) -> Result<Vec<Scored>, Failure> {
        let dimensions: Vec<Dimension> =
            self.space.iter().map(|own| own.dimension.clone()).collect();
        let canonical = self.folds.canonical();
        let cut = Cut { splitter: self.splitter.as_ref(), canonical: &canonical, repeats: 1 };
        let folded = Folded::new(&self.spec, table, &cut, running.seed())?;
        let total = self.search.trials(&dimensions) as u64;
        let mut scored: Vec<Scored> = Vec::new();
        loop {
            let finished: Vec<Finished> = scored.iter().map(finished).collect();
            let seed = running.seed().derive("search", 0);
            let batch = self.search.propose(&dimensions, seed, &finished, self.direction);
            if batch.is_empty() {
                return Ok(scored);
            }
            scored.extend(self.batch(&folded, batch, running)?);
            scored.sort_by_key(|own| own.trial.index);
            let best = self.best(&scored).map(|own| own.mean_sd().0);
            let note = best.map(|best| format!("best {} {best:.4}", self.scorer.name));
            running.progress(Progress {
                done: scored.len() as u64,
                total: Some(total),
                unit: "trials",
                note: note.unwrap_or_default(),
            });
        }
    }

    /// Runs trials side by side, fold by fold.
    fn batch(
        &self,
        folded: &Folded,
        batch: Vec<Trial>,
        running: &dyn Running,
    ) -> Result<Vec<Scored>, Failure> {
        let specs: Vec<ModelSpec> = batch
            .iter()
            .map(|trial| {
                learning::with_values(
                    &self.spec,
                    self.space.iter().map(|own| own.path.as_str()).zip(&trial.values),
                )
            })
            .collect::<Result<_, _>>()?;
        let places = folded.places();
        let parts: Vec<(usize, At)> =
            (0..batch.len()).flat_map(|trial| places.iter().map(move |at| (trial, *at))).collect();
        let done = std::sync::atomic::AtomicU64::new(0);
        let folds = places.len() as u64;
        let total = self
            .search
            .trials(&self.space.iter().map(|own| own.dimension.clone()).collect::<Vec<_>>())
            as u64;
        let scores = side_by_side(running, &parts, |(trial, at)| {
            let label = format!("trial {} fold {}", batch[*trial].index, at.fold);
            let score = self.score(folded, &specs[*trial], *at, &label, running);
            let done = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
            running.progress(Progress {
                done: done / folds,
                total: Some(total),
                unit: "trials",
                note: String::new(),
            });
            match score {
                Err(failure) if failure.stopped => Err(failure),
                other => Ok(other),
            }
        })?;
        let mut scores = scores.into_iter();
        Ok(batch
            .into_iter()
            .map(|trial| Scored { trial, scores: scores.by_ref().take(places.len()).collect() })
            .collect())
    }

    fn score(
        &self,
        folded: &Folded,
        spec: &ModelSpec,
        at: At,
        label: &str,
        running: &dyn Running,
    ) -> Result<f64, Failure> {
        let prediction = folded.predict(spec, at, label, running)?;
        self.scorer.score(&folded.truth(at), &prediction, folded.prepared.positive, None)
    }

    /// Gives the best trial; ties go to the earlier, failed ones are never best.
    fn best<'s>(&self, scored: &'s [Scored]) -> Option<&'s Scored> {
        let mut best: Option<&Scored> = None;
        for own in scored.iter().filter(|own| own.trial.budget >= 1.0) {
            let mean = own.mean_sd().0;
            if !mean.is_nan()
                && best.is_none_or(|best| better(self.direction, mean, best.mean_sd().0))
            {
                best = Some(own);
            }
        }
        best
    }

    fn values(&self, scored: &Scored) -> IndexMap<String, Setting> {
        self.space
            .iter()
            .map(|own| own.path.clone())
            .zip(scored.trial.values.iter().cloned())
            .collect()
    }

    fn no_best(scored: &[Scored]) -> Failure {
        let first = scored.iter().find_map(|own| own.scores.as_ref().err());
        Failure::new(match first {
            Some(failure) => format!("every trial failed, the first with: {failure}"),
            None => "no trial has a score".to_owned(),
        })
    }
}

fn finished(scored: &Scored) -> Finished {
    let score = Some(scored.mean_sd().0).filter(|mean| !mean.is_nan());
    Finished { trial: scored.trial.clone(), score }
}

impl Tuned for Searching {
    fn search(&self, rows: &Table, running: &dyn Running) -> Result<ModelSpec, Failure> {
        let scored = self.trials(rows, running)?;
        let best = self.best(&scored).ok_or_else(|| Self::no_best(&scored))?;
        let values = self.values(best);
        learning::with_values(&self.spec, values.iter().map(|(path, value)| (path.as_str(), value)))
    }

    fn canonical(&self) -> Json {
        self.canonical.clone()
    }
}

impl Work for Searching {
    fn run(&self, inputs: &[Artifact], running: &dyn Running) -> Result<Produced, Failure> {
        let table = inputs.first().ok_or_else(|| Failure::new("there are no rows"))?.table()?;
        let scored = self.trials(table, running)?;
        let best = self.best(&scored).ok_or_else(|| Self::no_best(&scored))?;
        let values = self.values(best);
        let (mean, sd) = best.mean_sd();
        let rows: Vec<TrialRow> = scored
            .iter()
            .map(|own| {
                let (mean, sd) = own.mean_sd();
                let status = if own.scores.is_ok() { "complete" } else { "failed" };
                TrialRow {
                    trial: own.trial.index,
                    status,
                    metric: self.scorer.name.clone(),
                    mean,
                    sd,
                    values: own.trial.values.clone(),
                }
            })
            .collect();
        let failed = scored.iter().filter(|own| own.scores.is_err()).count();
        let warnings = (failed > 0).then(|| format!("{failed} of {} trials failed", scored.len()));
        let best: serde_json::Map<String, Json> =
            values.iter().map(|(path, value)| (path.clone(), learning::plain(value))).collect();
        let score = Score {
            model: String::new(),
            metric: self.scorer.name.clone(),
            value: mean,
            sd: Some(sd),
        };
        let bytes = learning::write_values(&values)?;
        Ok(Produced {
            outputs: vec![
                Artifact::Blob { kind: learning::MODEL.to_owned(), bytes: bytes.into() },
                Artifact::Table(tables::trials(&rows, &self.space)?),
            ],
            facts: Facts { best, metrics: vec![score] },
            warnings: warnings.into_iter().collect(),
            ..Produced::default()
        })
    }
}
