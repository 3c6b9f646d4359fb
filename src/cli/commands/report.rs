//! `mlp report`: the pipeline and its results on one page.

use std::path::PathBuf;

use crate::cli::opened::{Opened, Pipeline};
use crate::cli::{Exit, Trouble, Ui};
use crate::engine::{self, Latest};
use crate::plan::{Plan, Stage};
use crate::report::{self, Content, Entry, Found, Outline, Output, Page, State};
use crate::sources;
use crate::store::Store;

/// Write the pipeline and its results to a page.
///
/// The page is one file that needs no network, made from what earlier runs left in the cache. It
/// says which results are out of date, and runs nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mlp report churn.mlp
  mlp report churn.mlp --to out/churn.html --times")]
pub(crate) struct Args {
    #[command(flatten)]
    pipeline: Pipeline,
    /// The file to write.
    #[arg(long, value_name = "FILE.html", default_value = "report.html")]
    to: PathBuf,
    /// Tell how long each stage took; two caches then give two pages.
    #[arg(long)]
    times: bool,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit, Trouble> {
    let html = args.to.extension().is_some_and(|extension| {
        extension.eq_ignore_ascii_case("html") || extension.eq_ignore_ascii_case("htm")
    });
    if !html {
        let name = args.to.with_extension("html");
        return Err(Trouble::wrong(format!("`{}` isn't named like a page", args.to.display()))
            .help(format!("name it `{}`", name.display())));
    }
    let Opened { plan: Some(plan), store, .. } = args.pipeline.open(ui)? else {
        return Ok(Exit::Wrong);
    };
    let latest = engine::latest_of_all(&plan, &store);
    let ran = |(stage, latest): (&Stage, &Option<Latest>)| stage.task.is_some() && latest.is_some();
    if !plan.stages.iter().zip(&latest).any(ran) {
        return Err(Trouble::Failed {
            message: "there are no results to show yet".to_owned(),
            help: Vec::new(),
        }
        .help(format!("run it first: `mlp run {}`", args.pipeline.file().display())));
    }
    let page = page(&plan, &latest, &store, args.times)?;
    let shown = args.to.display();
    sources::write_bytes(report::render(&page).as_bytes(), &args.to).map_err(|error| {
        Trouble::Failed {
            message: format!("`{shown}` can't be written: {error}"),
            help: Vec::new(),
        }
    })?;
    ui.say(&format!("wrote {shown}\n"));
    Ok(Exit::Done)
}

/// Puts together what is known of each stage; other reports are left out.
fn page(
    plan: &Plan,
    latest: &[Option<Latest>],
    store: &Store,
    times: bool,
) -> Result<Page, Trouble> {
    let outline = outline(plan);
    let mut found = Vec::new();
    for entry in &outline.stages {
        let known = plan.stages.iter().zip(latest).find(|(stage, _)| stage.name == entry.name);
        found.push(match known {
            Some((stage, latest)) => of_stage(stage, latest.as_ref(), (plan, store), times)?,
            None => Found::default(),
        });
    }
    Ok(Page { outline, found })
}

pub(super) fn outline(plan: &Plan) -> Outline {
    let name = |place: &usize| plan.stages.get(*place).map(|stage| stage.name.clone());
    let entry = |stage: &Stage| Entry {
        name: stage.name.clone(),
        kind: stage.kind.to_owned(),
        doc: stage.doc.clone(),
        fields: stage
            .written
            .iter()
            .map(|(name, text)| ((*name).to_owned(), text.clone()))
            .collect(),
        before: stage.waits.iter().filter_map(name).collect(),
        shown: true,
    };
    let outline = Outline {
        title: plan.name.clone(),
        doc: plan.doc.clone(),
        problem: plan.header.problem.clone(),
        owner: plan.header.owner.clone(),
        seed: plan.header.seed,
        stages: plan.stages.iter().filter(|stage| stage.kind != "report").map(entry).collect(),
    };
    outline.ordered()
}

fn of_stage(
    stage: &Stage,
    latest: Option<&Latest>,
    (plan, store): (&Plan, &Store),
    times: bool,
) -> Result<Found, Trouble> {
    if stage.task.is_none() {
        return Ok(Found { state: State::Defined, ..Found::default() });
    }
    let Some(latest) = latest else {
        return Ok(Found { state: State::Missing, ..Found::default() });
    };
    let state = match (latest.current, latest.unmet.is_empty()) {
        (_, false) => State::Failed,
        (true, true) => State::Done,
        (false, true) => State::Outdated,
    };
    let damaged = |error: String| Trouble::Failed {
        message: format!("the cached result of `{}` is damaged: {error}", stage.name),
        help: vec!["run the pipeline again: what is missing is made anew".to_owned()],
    };
    let mut outputs = Vec::new();
    for (name, object) in latest.outputs() {
        let content = if object.digest.is_some() {
            Content::Table(store.table(object).map_err(|error| damaged(error.to_string()))?)
        } else {
            let bytes = store.blob(object).map_err(|error| damaged(error.to_string()))?;
            Content::of_blob(&bytes, plan.registry.estimators())
        };
        outputs.push(Output { name: name.to_owned(), digest: object.content, content });
    }
    Ok(Found {
        state,
        notes: latest.unmet.iter().chain(&latest.warnings).cloned().collect(),
        seconds: times.then_some(latest.seconds),
        fingerprint: latest.fingerprint,
        outputs,
    })
}
