//! `mlp explain`: what a stage comes to, defaults filled in.

use serde_json::{Value as Json, json};

use crate::cli::opened::{Opened, Pipeline, no_stage};
use crate::cli::{Exit, Trouble, Ui, grid};
use crate::engine;
use crate::ml::model::FittedModel;
use crate::plan::{Output, Plan, Stage};
use crate::stages::FITTED;
use crate::store::Store;

/// Show what a stage comes to, defaults filled in.
///
/// Beside its settings, inputs and outputs, a `train` stage that ran shows the steps that its model
/// was fitted with, those that `steps: auto` picked too.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mlp explain churn.mlp forest           the settings of a model
  mlp explain churn.mlp final            what `steps: auto` picked, once it ran
  mlp explain churn.mlp compare --json")]
pub(crate) struct Args {
    #[command(flatten)]
    pipeline: Pipeline,
    /// The stage.
    stage: String,
    /// Write it as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit, Trouble> {
    let Opened { plan: Some(plan), store } = args.pipeline.open(ui)? else {
        return Ok(Exit::Wrong);
    };
    let stage = plan.stage(&args.stage).ok_or_else(|| no_stage(&plan, &args.stage))?;
    let fitted = fitted(&plan, stage, &store)?;
    if args.json {
        let answer = json!({
            "stage": stage.name,
            "kind": stage.kind,
            "doc": stage.doc,
            "settings": stage.settings,
            "waits": waits(&plan, stage),
            "fitted": fitted,
            "outputs": stage.outputs.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        });
        ui.data(&format!("{answer}\n"))?;
    } else {
        ui.data(&text(&plan, stage, &fitted))?;
    }
    Ok(Exit::Done)
}

fn waits<'a>(plan: &'a Plan, stage: &Stage) -> Vec<&'a str> {
    stage
        .waits
        .iter()
        .filter_map(|place| plan.stages.get(*place))
        .map(|other| other.name.as_str())
        .collect()
}

fn text(plan: &Plan, stage: &Stage, fitted: &[String]) -> String {
    let mut text = format!("{} {}\n", stage.kind, stage.name);
    for line in stage.doc.lines() {
        text.push_str(&format!("  {line}\n"));
    }
    let before = waits(plan, stage);
    if !before.is_empty() {
        text.push_str(&format!("\nwaits for {}\n", before.join(", ")));
    }
    let mut rows = Vec::new();
    settings("", &stage.settings, &mut rows);
    if !rows.is_empty() {
        text.push_str(&format!("\nsettings\n{}", grid::align(&rows, |_| false, 2)));
    }
    if !fitted.is_empty() {
        text.push_str("\nfitted\n");
        fitted.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
    }
    for (name, output) in &stage.outputs {
        let full =
            if name.is_empty() { stage.name.clone() } else { format!("{}.{name}", stage.name) };
        text.push_str(&format!("\n{full}: {}\n", output.spoken()));
        if let Output::Table(table) = output {
            match &table.schema {
                Some(schema) => text.push_str(&crate::cli::rows::schema(schema)),
                None => text.push_str("  its columns are known once its data are there\n"),
            }
        }
    }
    text
}

/// Says what a model was fitted with, a line each step, if the stage gives one and has run.
fn fitted(plan: &Plan, stage: &Stage, store: &Store) -> Result<Vec<String>, Trouble> {
    let is_fitted =
        |(name, output): &(&str, Output)| name.is_empty() && matches!(output, Output::Fitted(_));
    if !stage.outputs.iter().any(is_fitted) {
        return Ok(Vec::new());
    }
    let damaged = |error: String| Trouble::Failed {
        message: format!("the cached result is damaged: {error}"),
        help: vec!["run the pipeline again: what is missing is made anew".to_owned()],
    };
    let Some(latest) = engine::latest(plan, stage, store) else { return Ok(Vec::new()) };
    let found = latest.outputs().find(|(name, object)| name.is_empty() && object.kind == FITTED);
    let Some((_, object)) = found else { return Ok(Vec::new()) };
    let bytes = store.blob(object).map_err(|error| damaged(error.to_string()))?;
    let model = FittedModel::load(&bytes, plan.registry.estimators())
        .map_err(|error| damaged(error.to_string()))?;
    Ok(model.explain())
}

/// Lists settings by path. What is nothing is left out, as are the stages that are read: they stand
/// above.
fn settings(path: &str, value: &Json, rows: &mut Vec<Vec<String>>) {
    match value {
        Json::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                settings(&path, value, rows);
            }
        }
        Json::Null => {}
        Json::String(text) if text == "@" => {}
        Json::String(text) if text.contains('\n') => {
            rows.push(vec![
                path.to_owned(),
                format!("{} …", text.lines().next().unwrap_or_default()),
            ]);
        }
        Json::String(text) => rows.push(vec![path.to_owned(), text.clone()]),
        Json::Array(items) if items.is_empty() => {}
        other => rows.push(vec![path.to_owned(), other.to_string()]),
    }
}
