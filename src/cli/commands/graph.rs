//! `mlp graph`: the stages and what each waits for.

use clap::ValueEnum;
use serde_json::{Value as Json, json};

use crate::cli::opened::{Opened, Pipeline};
use crate::cli::{Exit, Trouble, Ui, graph};
use crate::plan::Plan;
use crate::report::{self, Found, Page, State};

/// Show the stages and what each waits for.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mlp graph churn.mlp
  mlp graph churn.mlp --format svg > churn.svg
  mlp graph churn.mlp --format dot | dot -Tpng > churn.png
  mlp graph churn.mlp --format mermaid >> README.md
  mlp graph churn.mlp --json | jq '.stages[] | select(.kind == \"train\").waits'")]
pub(crate) struct Args {
    #[command(flatten)]
    pipeline: Pipeline,
    /// What to write.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write it as JSON.
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A line a stage.
    Text,
    /// For Graphviz.
    Dot,
    /// For Mermaid, as GitHub and many wikis draw it.
    Mermaid,
    /// A drawing, readable on light and on dark.
    Svg,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit, Trouble> {
    let Opened { plan: Some(plan), .. } = args.pipeline.open(ui)? else { return Ok(Exit::Wrong) };
    ui.data(&match args.format {
        _ if args.json => format!("{}\n", json(&plan)),
        Format::Text => graph::text(&plan),
        Format::Dot => graph::dot(&plan),
        Format::Mermaid => graph::mermaid(&plan),
        Format::Svg => svg(&plan)?,
    })?;
    Ok(Exit::Done)
}

fn json(plan: &Plan) -> Json {
    let name = |place: &usize| plan.stages.get(*place).map(|stage| stage.name.as_str());
    let stages = plan.stages.iter().map(|stage| {
        let waits: Vec<&str> = stage.waits.iter().filter_map(name).collect();
        json!({ "stage": stage.name, "kind": stage.kind, "doc": stage.doc, "waits": waits })
    });
    json!({ "pipeline": plan.name, "stages": stages.collect::<Json>() })
}

fn svg(plan: &Plan) -> Result<String, Trouble> {
    let mut outline = super::report::outline(plan);
    outline.stages.iter_mut().for_each(|entry| entry.shown = false);
    let state = |kind: &str| if kind == "model" { State::Defined } else { State::Done };
    let found =
        outline.stages.iter().map(|own| Found { state: state(&own.kind), ..Found::default() });
    let found = found.collect();
    report::graph(&Page { outline, found }).ok_or_else(|| Trouble::Failed {
        message: format!(
            "a graph of {} stages isn't drawn: that can be done for 1 to {}",
            plan.stages.len(),
            report::MOST_DRAWN
        ),
        help: vec!["`--format dot` writes it for Graphviz, whatever its size".to_owned()],
    })
}
