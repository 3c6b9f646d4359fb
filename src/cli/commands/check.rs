//! `mlp check`: every mistake, before any work.

use serde_json::json;

use crate::cli::opened::Pipeline;
use crate::cli::render::{self, Renderer};
use crate::cli::{Exit, Trouble, Ui, grid};
use crate::diag::Severity;

/// Find every mistake in a pipeline before any work is done.
///
/// Names, types, columns, SQL, hyper-parameters and requirements are checked against what the data
/// files hold. Nothing is run and nothing is asked of a network.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mlp check churn.mlp
  mlp check churn.mlp --deny warnings
  mlp check churn.mlp --json | jq .diagnostics")]
pub(crate) struct Args {
    #[command(flatten)]
    pipeline: Pipeline,
    /// Write the findings to standard output as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit, Trouble> {
    let (loaded, _) = args.pipeline.load(ui)?;
    let found = &loaded.diagnostics;
    let ok = loaded.plan.is_some();
    if args.json {
        let renderer = Renderer::new(&loaded.sources, &ui.out);
        let findings: Vec<_> = found.iter().map(|finding| renderer.json(finding)).collect();
        let answer = json!({
            "ok": ok,
            "stages": loaded.plan.as_ref().map(|plan| plan.stages.len()),
            "errors": render::count(found, Severity::Error),
            "warnings": render::count(found, Severity::Warning),
            "notes": render::count(found, Severity::Note),
            "diagnostics": findings,
        });
        ui.data(&format!("{answer}\n"))?;
    } else {
        ui.say(&render::findings(&loaded.sources, found, &ui.err));
        if let (Some(plan), None) = (&loaded.plan, render::summary(found)) {
            ui.say(&format!(
                "{}: {}, nothing to mend\n",
                plan.name,
                grid::counted(plan.stages.len(), "block")
            ));
        }
    }
    Ok(if ok { Exit::Done } else { Exit::Wrong })
}
