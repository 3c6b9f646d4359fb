//! `mlp show`: what a stage made.

use serde_json::{Value as Json, json};

use crate::cli::opened::{Opened, Pipeline, no_stage};
use crate::cli::{Exit, Trouble, Ui, grid, model, rows, summary};
use crate::data::Table;
use crate::engine::{self, Latest};
use crate::plan::{Plan, Stage};
use crate::store::Store;

/// Show what a stage made, or what is in a model file.
///
/// Of a stage: its scores, its columns and its first rows.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mlp show churn.mlp clean
  mlp show churn.mlp parts.train --rows 50
  mlp show churn.mlp compare.scores --json | jq '.data[]'
  mlp show churn.mlpmodel                what it reads, what was fitted, what it was learnt from")]
pub(crate) struct Args {
    #[command(flatten)]
    pipeline: Pipeline,
    /// The stage, or one of its outputs: `parts.train`; none of a model file.
    #[arg(value_name = "STAGE")]
    output: Option<String>,
    /// How many rows.
    #[arg(long, value_name = "N", default_value_t = 10)]
    rows: usize,
    /// Write scores, columns and rows as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit, Trouble> {
    if model::is_model(args.pipeline.file()) {
        return show_model(args, ui);
    }
    let Opened { plan: Some(plan), store, .. } = args.pipeline.open(ui)? else {
        return Ok(Exit::Wrong);
    };
    let Some(word) = &args.output else { return Err(unnamed(&plan)) };
    let (stage, output) = find(&plan, word)?;
    let Some(latest) = engine::latest(&plan, stage, &store) else {
        return Err(Trouble::Failed {
            message: format!("`{}` has not run yet", stage.name),
            help: Vec::new(),
        }
        .help(format!(
            "run it first: `mlp run {} --only {}`",
            args.pipeline.file().display(),
            stage.name
        )));
    };
    if !latest.current {
        ui.say(&format!(
            "note: this is of an earlier run; `{}` or what it reads changed since\n",
            stage.name
        ));
    }
    let table = table(&latest, output, &store)?;
    if args.json {
        ui.data(&format!("{}\n", json(&latest, table.as_ref(), args.rows)?))?;
    } else {
        ui.data(&text(
            &Shown { stage, output, latest: &latest, table: table.as_ref() },
            args.rows,
            ui,
        )?)?;
    }
    Ok(Exit::Done)
}

/// Says what is in a model file.
fn show_model(args: &Args, ui: &Ui) -> Result<Exit, Trouble> {
    if let Some(word) = &args.output {
        return Err(Trouble::wrong(format!("a model file has no stage `{word}`"))
            .help(format!("`mlp show {}` says what is in it", args.pipeline.file().display())));
    }
    let opened = model::open(args.pipeline.file(), ui)?;
    ui.data(&if args.json { format!("{}\n", opened.json()) } else { opened.text() })?;
    Ok(Exit::Done)
}

/// Says that a stage must be named, and which there are.
fn unnamed(plan: &Plan) -> Trouble {
    let kept = plan.stages.iter().filter(|stage| !stage.outputs.is_empty() && stage.task.is_some());
    let names: Vec<&str> = kept.map(|stage| stage.name.as_str()).collect();
    Trouble::wrong("which stage is to be shown?").help(format!(
        "`{}` has the stages: {}",
        plan.name,
        summary::listed(&names)
    ))
}

/// Finds the stage and the output that a word such as `c.parts.train` means.
fn find<'a>(plan: &'a Plan, word: &'a str) -> Result<(&'a Stage, &'a str), Trouble> {
    if let Some(stage) = plan.stage(word) {
        return Ok((stage, ""));
    }
    let Some((stage, output)) =
        word.rsplit_once('.').and_then(|(name, output)| Some((plan.stage(name)?, output)))
    else {
        return Err(no_stage(plan, word));
    };
    if stage.outputs.iter().any(|(name, _)| *name == output) {
        return Ok((stage, output));
    }
    Err(Trouble::wrong(format!("`{}` has no output `{output}`", stage.name)).help(outputs(stage)))
}

fn outputs(stage: &Stage) -> String {
    let names: Vec<String> = stage
        .outputs
        .iter()
        .map(|(name, _)| {
            if name.is_empty() {
                format!("`{}`", stage.name)
            } else {
                format!("`{}.{name}`", stage.name)
            }
        })
        .collect();
    format!("its outputs are {}", names.join(", "))
}

fn table(latest: &Latest, output: &str, store: &Store) -> Result<Option<Table>, Trouble> {
    latest.table(output, store).map_err(|error| {
        Trouble::Failed {
            message: format!("the cached result is damaged: {error}"),
            help: Vec::new(),
        }
        .help("run the pipeline again: what is missing is made anew")
    })
}

/// What is shown.
struct Shown<'a> {
    stage: &'a Stage,
    output: &'a str,
    latest: &'a Latest,
    table: Option<&'a Table>,
}

fn text(shown: &Shown<'_>, rows: usize, ui: &Ui) -> Result<String, Trouble> {
    let Shown { stage, output, latest, table } = shown;
    let mut text = String::new();
    if output.is_empty() {
        text.push_str(&summary::facts(&latest.facts, &ui.out));
        for warning in &latest.warnings {
            text.push_str(&format!("warning: {warning}\n"));
        }
    }
    match table {
        Some(table) => {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&rows::table(table, rows, &ui.out)?);
            text.push_str(&format!("\n{}\n{}", size(table), rows::schema(table.schema())));
        }
        None if text.is_empty() && latest.outputs().next().is_none() => {
            text.push_str(&format!("`{}` leaves nothing in the cache\n", stage.name));
        }
        None if text.is_empty() => {
            text.push_str(&format!("`{}` has no rows to show; {}\n", stage.name, outputs(stage)));
        }
        None => {}
    }
    Ok(text)
}

fn size(table: &Table) -> String {
    let columns = table.schema().fields().len();
    format!("{}, {}", grid::counted(table.rows(), "row"), grid::counted(columns, "column"))
}

fn json(latest: &Latest, table: Option<&Table>, rows: usize) -> Result<Json, Trouble> {
    let mut answer =
        json!({ "current": latest.current, "facts": latest.facts, "warnings": latest.warnings });
    if let (Some(table), Some(answer)) = (table, answer.as_object_mut()) {
        answer.insert("rows".to_owned(), json!(table.rows()));
        answer.insert("schema".to_owned(), rows::json_schema(table.schema()));
        answer.insert("data".to_owned(), Json::Array(rows::json(table, rows)?));
    }
    Ok(answer)
}
