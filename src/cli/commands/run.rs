//! `mlp run`: runs what has changed.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::json;

use crate::cli::opened::{Pipeline, no_stage};
use crate::cli::progress::{self, Mode};
use crate::cli::render::{self, Renderer};
use crate::cli::{Exit, Trouble, Ui, grid, interrupt, summary};
use crate::diag::{Diagnostic, Diagnostics, nearest};
use crate::engine::{self, EngineError, LockError, Options, Outcome, Report, Services};
use crate::plan::{Loaded, Plan};
use crate::text::SourceMap;

/// Run a pipeline: what has changed is run, everything else is taken from the cache.
///
/// The whole pipeline is checked first. The results and a summary go to standard output, progress
/// to standard error. Ctrl-C ends the run; what is finished stays in the cache.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mlp run churn.mlp
  mlp run churn.mlp --set day=2024-05-01 --threads 4
  mlp run churn.mlp compare final         these stages and what they need
  mlp run churn.mlp --tag nightly         the stages with this tag and what they need
  mlp run churn.mlp --locked --quiet      in continuous integration
  mlp run churn.mlp --json | jq 'select(.event == \"stage_finished\")'

Exit status: 0 done; 1 a stage, an expectation or a requirement failed, or the run was ended;
2 the pipeline or the command line is wrong.")]
pub(crate) struct Args {
    #[command(flatten)]
    pipeline: Pipeline,
    /// Compute on so many threads; without it, on all. The results are the same on any number.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Let queries hold so much memory together: `512MiB`, `4GiB`. Without it, four fifths of the
    /// machine's. Above it a query fails with a message and the others go on.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    memory: Option<usize>,
    /// Fail if a result would differ from the lock file, and leave that as it is.
    #[arg(long)]
    locked: bool,
    /// Run these stages and what they need alone.
    #[arg(value_name = "STAGE")]
    stages: Vec<String>,
    /// Run this stage and what it needs alone, as if it stood behind the file; may be given more than
    /// once.
    #[arg(long, value_name = "STAGE")]
    only: Vec<String>,
    /// Run the stages with this tag and what they need alone; may be given more than once.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Show no progress, only the summary.
    #[arg(long, short)]
    quiet: bool,
    /// Write what happens as JSON, an object a line.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit, Trouble> {
    let (Loaded { sources, plan, diagnostics }, store) = args.pipeline.load(ui)?;
    show_findings(args, ui, &sources, &diagnostics)?;
    let Some(plan) = plan.map(Arc::new) else { return Ok(Exit::Wrong) };
    let only = selected(&plan, args)?;
    let stop = Arc::new(AtomicBool::new(false));
    interrupt::watch(Arc::clone(&stop), *ui);
    let mode = match args {
        Args { quiet: true, .. } => Mode::Quiet,
        Args { json: true, .. } => Mode::Json,
        _ => Mode::People,
    };
    let services = Services { store, observer: progress::observer(*ui, mode), stop };
    let options = Options {
        threads: args.threads.map_or_else(all_threads, usize::from),
        memory: args.memory.or_else(|| Some(engine::machine_memory()? / 5 * 4)),
        locked: args.locked,
        only,
        project: args.pipeline.project(),
    };
    let report = engine::run(&plan, &services, &options).map_err(|error| unrun(&error))?;
    if args.json {
        ui.data(&progress::results(&report))?;
    } else {
        ui.data(&summary::summary(&plan.name, &report, &ui.out))?;
        ui.say(&summary::warnings(&report));
    }
    let found = failures(args, &report);
    ui.say(&if args.json {
        found.iter().map(|found| event(&Renderer::new(&sources, &ui.err), found)).collect()
    } else {
        shown(&found, &sources, ui)
    });
    Ok(if report.ok() { Exit::Done } else { Exit::Failed })
}

/// Says why a run as a whole failed.
fn unrun(error: &EngineError) -> Trouble {
    let trouble = Trouble::Failed { message: error.to_string(), help: Vec::new() };
    match error {
        EngineError::Lock(LockError::Differs { .. }) => trouble.help(
            "where the new results are right, run without `--locked` and commit the lock file",
        ),
        _ => trouble,
    }
}

/// Shows what was found in the pipeline, for a program as events.
fn show_findings(
    args: &Args,
    ui: &Ui,
    sources: &SourceMap,
    found: &Diagnostics,
) -> Result<(), Trouble> {
    if args.json {
        let renderer = Renderer::new(sources, &ui.out);
        ui.data(&found.iter().map(|finding| event(&renderer, finding)).collect::<String>())?;
    } else {
        ui.say(&render::findings(sources, found, &ui.err));
    }
    Ok(())
}

/// Writes a finding as an event.
fn event(renderer: &Renderer, finding: &Diagnostic) -> String {
    let mut event = json!({ "event": "diagnostic" });
    if let (Some(event), Some(fields)) = (event.as_object_mut(), renderer.json(finding).as_object())
    {
        event.extend(fields.clone());
    }
    format!("{event}\n")
}

/// Gives the stages that are to run, none where all are; refuses names and tags that aren't there.
fn selected(plan: &Plan, args: &Args) -> Result<Vec<String>, Trouble> {
    let mut names: Vec<String> = args.stages.iter().chain(&args.only).cloned().collect();
    if let Some(name) = names.iter().find(|name| plan.stage(name).is_none()) {
        return Err(no_stage(plan, name));
    }
    for tag in &args.tags {
        let tagged = plan.stages.iter().filter(|stage| stage.tags.contains(tag));
        let before = names.len();
        names.extend(tagged.filter(|stage| stage.task.is_some()).map(|stage| stage.name.clone()));
        if names.len() == before {
            return Err(no_tag(plan, tag));
        }
    }
    Ok(names)
}

/// Says that no stage that runs has a tag.
fn no_tag(plan: &Plan, tag: &str) -> Trouble {
    let mut known: Vec<&str> = plan
        .stages
        .iter()
        .filter(|stage| stage.task.is_some())
        .flat_map(|stage| stage.tags.iter().map(String::as_str))
        .collect();
    known.sort_unstable();
    known.dedup();
    let trouble = Trouble::wrong(format!("no stage of `{}` has the tag `{tag}`", plan.name));
    match nearest(tag, known.iter().copied()) {
        Some(near) => trouble.help(format!("did you mean `{near}`?")),
        None if known.is_empty() => trouble.help(format!("give a stage one: `tags: [\"{tag}\"]`")),
        None => trouble.help(format!("its tags: {}", summary::listed(&known))),
    }
}

/// Reads a size as the language writes it.
fn size(text: &str) -> Result<usize, String> {
    let wrong = || "expected a size: `512MiB`, `4GiB`".to_owned();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: usize = digits.parse().map_err(|_| wrong())?;
    let unit = match &text[digits.len()..] {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return Err(wrong()),
    };
    number.checked_mul(unit).filter(|bytes| *bytes > 0).ok_or_else(wrong)
}

fn all_threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Finds what failed, each at the place where the user wrote it.
fn failures(args: &Args, report: &Report) -> Vec<Diagnostic> {
    let failed = report.stages.iter().filter(|stage| stage.outcome == Outcome::Failed);
    let findings = failed.filter_map(|stage| {
        let message = format!("`{}` failed: {}", stage.stage, stage.why);
        let (first, others) = stage.places.split_first()?;
        let finding = Diagnostic::error("stage-failed", *first, message);
        let finding = others.iter().fold(finding, |finding, span| finding.related(*span, ""));
        let rows = stage.outputs.iter().find(|output| output.name == "failures");
        let rows = rows.filter(|rows| rows.rows > Some(0)).map(|rows| {
            let file = args.pipeline.file().display();
            format!("look at the rows: `mlp show {file} {}.{}`", stage.stage, rows.name)
        });
        Some(stage.help.iter().cloned().chain(rows).fold(finding, Diagnostic::help))
    });
    findings.collect()
}

/// Renders what failed, the first of many.
fn shown(findings: &[Diagnostic], sources: &SourceMap, ui: &Ui) -> String {
    if findings.is_empty() {
        return String::new();
    }
    let renderer = Renderer::new(sources, &ui.err);
    let first = findings.iter().take(SHOWN).map(|finding| renderer.one(finding) + "\n");
    let mut text: String = first.collect();
    if let Some(more) = findings.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        text.push_str(&format!("and {}\n", grid::counted(more, "more failure")));
    }
    text
}

/// How many failures are shown in full.
const SHOWN: usize = 10;
