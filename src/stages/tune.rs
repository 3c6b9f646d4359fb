//! `tune`: searches for the values with which a model does best.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::learning::{self, Scorer};
use super::searching::Searching;
use super::{tables, values};
use crate::diag::Diagnostic;
use crate::ml::Seed;
use crate::ml::metric::Direction;
use crate::ml::model::ModelSpec;
use crate::ml::prune::{PRUNERS, Pruner};
use crate::ml::search::{self, Dimension, Means, ROWS, Search};
use crate::params;
use crate::params::{Args, Bound, Call, Family, Kind, Limits, Param, Params, Setting, Signature};
use crate::plan::{Caching, Checked, Checking, ModelType, Output, StageKind, Task, Tuned};
use crate::text::Span;

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
        /// When a trial is given up before all folds are judged.
        prune: Option<Call> as (Kind::Optional(&Kind::Call(Family::Pruner))) = None,
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
const CANDIDATE: Kind = Kind::OneOf(&[Kind::Literal, Kind::Word]);

/// The registered kind.
pub(super) struct TuneKind;

impl StageKind for TuneKind {
    fn signature(&self) -> &'static Signature {
        const { &Tune::SIGNATURE }
    }

    fn groups(&self, args: &Args) -> Vec<String> {
        learning::groups(args)
    }

    fn learns(&self) -> bool {
        true
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
        let portions = portions(search.as_ref(), &spec, &space, &fields.search, checking)?;
        let pruner = pruner(args, portions.as_ref(), checking)?;
        let splitter =
            learning::splitter(&fields.folds, args.get("folds")?.span, &data, &known, checking)?;
        let reads = learning::reads(&spec, splitter.by(), &data);
        let trials = tables::trials_type(&space, portions.as_ref());
        let settings = json!({
            "model": spec.canonical(),
            "over": space.iter().map(|own| json!([own.path, own.canonical()])).collect::<Vec<_>>(),
            "search": fields.search.canonical(),
            "folds": fields.folds.canonical(),
            "prune": fields.prune.as_ref().map(Call::canonical),
            "metric": scorer.canonical,
            "direction": format!("{direction:?}"),
            "seed": checking.seed,
        });
        let searching = Arc::new(Searching {
            spec: Arc::clone(&spec),
            space,
            search,
            portions,
            pruner,
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
            inputs: vec![data.input(reads)],
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
        let param = values::param_at(spec, path, bound.span, checking);
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
    let whole = values::takes_only_whole(param.kind);
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
    match values::as_setting(item, param) {
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
    let kind = search::SEARCHES.iter().find(|kind| kind.signature().name == call.name)?;
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

/// What a search gives its trials in portions.
pub(super) enum Portions {
    /// Rows to learn from: so many at most, or all.
    Rows(Option<u64>),
    /// The values of a parameter that counts rounds, up to a number.
    Rounds(String, u64),
}

impl Portions {
    /// Names the column of `.trials` that says what a trial got.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Rows(_) => ROWS,
            Self::Rounds(path, _) => path,
        }
    }
}

/// Finds what a search gives in portions; none inside where it gives everything to each trial.
#[expect(clippy::option_option, reason = "nothing where an error was reported, as everywhere here")]
fn portions(
    search: &dyn Search,
    spec: &ModelSpec,
    space: &[Tunable],
    call: &Call,
    checking: &mut Checking<'_>,
) -> Option<Option<Portions>> {
    let Some(resource) = search.resource() else { return Some(None) };
    if resource.name == ROWS {
        return Some(Some(Portions::Rows(resource.most)));
    }
    let place = call.args.get("resource").map_or(checking.place, |bound| bound.span);
    let path = resource.name;
    let param = values::param_at(spec, path, place, checking)?;
    let wrong = if space.iter().any(|own| own.path == path) {
        Some("it is what the search tunes".to_owned())
    } else if values::takes_only_whole(param.kind) {
        None
    } else {
        Some(format!("it takes {}, not a number of rounds", param.kind.spoken()))
    };
    if let Some(wrong) = wrong {
        checking.report(
            Diagnostic::error(
                "bad-setting",
                place,
                format!("`{path}` can't be given in portions: {wrong}"),
            )
            .help(
                "name `rows`, or a parameter that counts rounds, such as `estimator.n_estimators`",
            ),
        );
        return None;
    }
    let own = match spec.setting(path) {
        Some(Setting::Int(number)) => u64::try_from(*number).ok(),
        _ => None,
    };
    let Some(most) = resource.most.or(own) else {
        checking.report(
            Diagnostic::error(
                "bad-setting",
                place,
                format!("the model sets no number for `{path}`"),
            )
            .help("say how much a trial may get: `max_resources: 100`"),
        );
        return None;
    };
    affordable(search, space, most, place, checking)?;
    Some(Some(Portions::Rounds(path.to_owned(), most)))
}

/// Checks that a search can work with so many rounds.
fn affordable(
    search: &dyn Search,
    space: &[Tunable],
    most: u64,
    place: Span,
    checking: &mut Checking<'_>,
) -> Option<()> {
    let space: Vec<Dimension> = space.iter().map(|own| own.dimension.clone()).collect();
    let task = search::Task {
        space: &space,
        seed: Seed::new(checking.seed),
        direction: Direction::Maximize,
        means: Means { least: 1, most },
    };
    let Err(message) = search.afford(&task) else { return Some(()) };
    checking.report(Diagnostic::error("bad-setting", place, message));
    None
}

/// Makes the pruner that the user asked for; none inside where there is none.
#[expect(clippy::option_option, reason = "nothing where an error was reported, as everywhere here")]
fn pruner(
    args: &Args,
    portions: Option<&Portions>,
    checking: &mut Checking<'_>,
) -> Option<Option<Box<dyn Pruner>>> {
    let Some(bound) = args.given("prune") else { return Some(None) };
    let Setting::Call(call) = &bound.setting else { return Some(None) };
    if portions.is_some() {
        checking.report(
            Diagnostic::error(
                "clashing-fields",
                bound.span,
                "this search gives candidates up by itself, round after round",
            )
            .help("take `prune` out, or search with `tpe` or `random`"),
        );
        return None;
    }
    let kind = PRUNERS.iter().find(|kind| kind.signature().name == call.name)?;
    match kind.bind(&call.args) {
        Ok(pruner) => Some(Some(pruner)),
        Err(bad) => learning::bad_setting(bad, call, bound.span, checking),
    }
}
