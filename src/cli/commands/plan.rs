//! `mlp plan`: what would run, and why.

use serde_json::json;

use crate::cli::opened::{Opened, Pipeline};
use crate::cli::{Exit, Trouble, Ui, grid};
use crate::engine::{self, Forecast, Verdict};

/// Say what a run would do with each stage, and why, without running anything.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mlp plan churn.mlp
  mlp plan churn.mlp --json | jq -r '.stages[] | select(.verdict == \"will_run\") | .stage'")]
pub(crate) struct Args {
    #[command(flatten)]
    pipeline: Pipeline,
    /// Write the plan as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit, Trouble> {
    let Opened { plan: Some(plan), store, .. } = args.pipeline.open(ui)? else {
        return Ok(Exit::Wrong);
    };
    let forecasts = engine::forecast(&plan, &store);
    if args.json {
        ui.data(&format!("{}\n", json!({ "pipeline": plan.name, "stages": forecasts })))?;
    } else {
        ui.data(&text(&forecasts))?;
    }
    Ok(Exit::Done)
}

fn text(forecasts: &[Forecast]) -> String {
    let rows: Vec<Vec<String>> = forecasts
        .iter()
        .map(|forecast| {
            vec![forecast.stage.clone(), forecast.kind.to_owned(), spoken(&forecast.verdict)]
        })
        .collect();
    let count = |is: fn(&Verdict) -> bool| {
        forecasts.iter().filter(|forecast| is(&forecast.verdict)).count()
    };
    let counts = [
        (count(|verdict| matches!(verdict, Verdict::Cached)), "in the cache"),
        (count(|verdict| matches!(verdict, Verdict::WillRun(_))), "to run"),
        (count(|verdict| matches!(verdict, Verdict::DependsOn(_))), "that depend on those"),
    ];
    let counts = counts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{number} {word}"));
    let counts: Vec<String> = counts.collect();
    if counts.is_empty() {
        return "no stages\n".to_owned();
    }
    grid::align(&rows, |_| false, 0) + "\n" + &counts.join(", ") + "\n"
}

fn spoken(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Cached => "cached".to_owned(),
        Verdict::WillRun(why) => format!("will run: {why}"),
        Verdict::DependsOn(stage) => format!("depends on {stage}"),
    }
}
