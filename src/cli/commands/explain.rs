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
            "groups": stage.groups,
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
    let rows = settings(&stage.settings);
    if !rows.is_empty() {
        text.push_str(&format!("\nsettings\n{}", grid::align(&rows, |_| false, 2)));
    }
    for column in &stage.groups {
        text.push_str(&format!(
            "\nno feature: {column}, by which a split or folds keep rows together\n"
        ));
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

/// Lists settings as they would be written. What is nothing is left out, as are the stages that are
/// read: they stand above.
fn settings(settings: &Json) -> Vec<Vec<String>> {
    let Json::Object(map) = settings else { return Vec::new() };
    map.iter().flat_map(|(key, value)| rows(key, value)).collect()
}

/// The longest setting that stands on one line.
const LINE: usize = 64;

/// Writes a setting on a line, or a long one on several: an item or an argument each.
fn rows(key: &str, value: &Json) -> Vec<Vec<String>> {
    let row = |key: &str, text: String| vec![key.to_owned(), text];
    let Some(text) = spoken(value) else { return Vec::new() };
    if grid::width(&text) <= LINE {
        return vec![row(key, text)];
    }
    match value {
        Json::Array(items) => {
            let keys = std::iter::once(key).chain(std::iter::repeat(""));
            keys.zip(items.iter().filter_map(spoken)).map(|(key, item)| row(key, item)).collect()
        }
        Json::Object(map) => match (map.len(), map.iter().next()) {
            (1, Some((word, Json::Object(args)))) if is_word(word) => {
                let argument = |(name, value): (&String, &Json)| {
                    Some(row(&format!("  {name}"), spoken(value)?))
                };
                let head = row(key, word.clone());
                std::iter::once(head).chain(args.iter().filter_map(argument)).collect()
            }
            _ => vec![row(key, text)],
        },
        _ => vec![row(key, text)],
    }
}

/// Writes a setting as a user would; gives nothing where there is none.
fn spoken(value: &Json) -> Option<String> {
    match value {
        Json::Null => None,
        Json::String(text) if text == "@" => None,
        Json::String(text) if text.contains('\n') => {
            Some(format!("{} …", text.lines().next().unwrap_or_default()))
        }
        Json::String(text) => Some(text.clone()),
        Json::Array(items) => {
            let items: Vec<String> = items.iter().filter_map(spoken).collect();
            (!items.is_empty()).then(|| format!("[{}]", items.join(", ")))
        }
        Json::Object(map) => match (map.len(), map.iter().next()) {
            (_, None) => None,
            (1, Some((key, value))) if key == "column" => spoken(value),
            (2, _) if map.contains_key("from") && map.contains_key("to") => {
                Some(format!("{} .. {}", spoken(&map["from"])?, spoken(&map["to"])?))
            }
            (1, Some((word, Json::Object(args)))) if is_word(word) => Some(match pairs(args) {
                none if none.is_empty() => word.clone(),
                args => format!("{word}({args})"),
            }),
            _ => Some(format!("{{ {} }}", pairs(map))),
        },
        other => Some(other.to_string()),
    }
}

fn pairs(map: &serde_json::Map<String, Json>) -> String {
    let pair = |(key, value): (&String, &Json)| Some(format!("{key}: {}", spoken(value)?));
    map.iter().filter_map(pair).collect::<Vec<_>>().join(", ")
}

/// Tells whether a key can be the word of a call: a path of a search is none.
fn is_word(key: &str) -> bool {
    key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_told_as_they_are_written() {
        let rows = settings(&json!({
            "models": ["@"],
            "target": { "column": "came_back" },
            "features": { "all": { "except": [] } },
            "folds": { "stratified_k_fold": { "n": 3, "shuffle": false } },
            "metrics": [{ "roc_auc": { "average": "macro", "max_fpr": null } }, { "accuracy": {} }],
            "class_weight": { "yes": 2.0, "no": 1.0 },
            "over": { "estimator.C": { "log": { "range": { "from": 0.1, "to": 1.0 } } } },
            "estimator": { "gradient_boosting": {
                "learning_rate": 0.1, "max_iter": 100, "max_leaf_nodes": 31, "seed": null,
                "early_stopping": false,
            } },
            "sql": "SELECT *\nFROM x",
            "seed": null,
        }));
        let told: Vec<String> = rows.iter().map(|row| row.join("  ")).collect();
        assert_eq!(
            told,
            [
                "target  came_back",
                "features  all",
                "folds  stratified_k_fold(n: 3, shuffle: false)",
                "metrics  [roc_auc(average: macro), accuracy]",
                "class_weight  { yes: 2.0, no: 1.0 }",
                "over  { estimator.C: log(range: 0.1 .. 1.0) }",
                "estimator  gradient_boosting",
                "  learning_rate  0.1",
                "  max_iter  100",
                "  max_leaf_nodes  31",
                "  early_stopping  false",
                "sql  SELECT * …",
            ]
        );
    }
}
