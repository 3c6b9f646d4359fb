//! `mlp graph`: the stages and what each waits for.

use clap::ValueEnum;

use crate::cli::opened::{Opened, Pipeline};
use crate::cli::{Exit, Trouble, Ui, graph};

/// Show the stages and what each waits for.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mlp graph churn.mlp
  mlp graph churn.mlp --format dot | dot -Tsvg > churn.svg
  mlp graph churn.mlp --format mermaid >> README.md")]
pub(crate) struct Args {
    #[command(flatten)]
    pipeline: Pipeline,
    /// What to write.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A line a stage.
    Text,
    /// For Graphviz.
    Dot,
    /// For Mermaid, as GitHub and many wikis draw it.
    Mermaid,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit, Trouble> {
    let Opened { plan: Some(plan), .. } = args.pipeline.open(ui)? else { return Ok(Exit::Wrong) };
    ui.data(&match args.format {
        Format::Text => graph::text(&plan),
        Format::Dot => graph::dot(&plan),
        Format::Mermaid => graph::mermaid(&plan),
    })?;
    Ok(Exit::Done)
}
