//! The command line: the only printer.
//!
//! Every command goes the one way (parse, plan, run, render) as far as it needs. What is shown is
//! decided here; what is said is settled where it is found.

mod commands;
mod excerpt;
pub mod graph;
mod grid;
mod interrupt;
mod model;
mod opened;
pub mod progress;
pub mod reference;
pub mod render;
mod rows;
pub mod summary;
mod ui;

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use clap::error::{ContextKind, ContextValue};
use clap::{Parser, Subcommand};

use commands::{
    cache, check, completions, docs, explain, fmt, graph as graph_command, init, plan, predict,
    report as report_command, run, show,
};
pub use opened::{load_pipeline, load_with};
pub use ui::{Look, Ui};

use crate::data::TableError;
use crate::plan::Registry;
use crate::stages;

/// Runs machine-learning pipelines.
///
/// A pipeline is a `.mlp` file: data in, SQL, models, scores, files out. mlp checks the whole of it
/// before it does any work, runs what has changed, and keeps every result under the content that it
/// was made from.
#[derive(Debug, Parser)]
#[command(name = "mlp", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = EXAMPLES)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  mlp init churn.mlp             start a pipeline from a small example
  mlp check churn.mlp            find every mistake before any work
  mlp plan churn.mlp             see what would run, and why
  mlp run churn.mlp              run what has changed
  mlp show churn.mlp clean       look at what a stage made
  mlp report churn.mlp           see all results on one page
  mlp predict m.mlpmodel new.csv answer for new rows with an exported model
  mlp docs random_forest         read what a word of the language means

Exit status: 0 done; 1 a stage, an expectation or a requirement failed;
2 the pipeline or the command line is wrong.";

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Args),
    Check(check::Args),
    Plan(plan::Args),
    Show(show::Args),
    Explain(explain::Args),
    Graph(graph_command::Args),
    Report(report_command::Args),
    Predict(predict::Args),
    Fmt(fmt::Args),
    Docs(docs::Args),
    Init(init::Args),
    Cache(cache::Args),
    Completions(completions::Args),
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It did what was asked.
    Done = 0,
    /// A stage, an expectation or a requirement failed.
    Failed = 1,
    /// The pipeline or the command line is wrong.
    Wrong = 2,
}

/// Why a command couldn't do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// The command line, or a file that it names, is wrong.
    #[error("{message}")]
    Wrong {
        /// What is wrong.
        message: String,
        /// What to do.
        help: Vec<String>,
    },
    /// The work itself failed.
    #[error("{message}")]
    Failed {
        /// What went wrong.
        message: String,
        /// What to do.
        help: Vec<String>,
    },
    /// Standard output can't be written.
    #[error("standard output can't be written: {0}")]
    Output(#[from] io::Error),
    /// Rows can't be shown.
    #[error("the rows can't be shown: {0}")]
    Rows(#[from] TableError),
}

impl Trouble {
    /// Says what is wrong with what the user asked.
    fn wrong(message: impl Into<String>) -> Self {
        Self::Wrong { message: message.into(), help: Vec::new() }
    }

    /// Says what to do.
    #[must_use]
    fn help(mut self, text: impl Into<String>) -> Self {
        if let Self::Wrong { help, .. } | Self::Failed { help, .. } = &mut self {
            help.push(text.into());
        }
        self
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Wrong { .. } => Exit::Wrong,
            Self::Failed { .. } | Self::Output(_) | Self::Rows(_) => Exit::Failed,
        }
    }

    fn spoken(&self) -> String {
        let mut text = format!("error: {self}\n");
        if let Self::Wrong { help, .. } | Self::Failed { help, .. } = self {
            for line in help {
                text.push_str(&format!("  help: {line}\n"));
            }
        }
        text
    }
}

/// Does what the process's command line asks.
#[must_use]
pub fn main() -> ExitCode {
    main_with(stages::registry())
}

/// Does what the process's command line asks, with the words that a program adds; called once.
#[must_use]
pub fn main_with(registry: Registry) -> ExitCode {
    answer(registry, std::env::args_os())
}

/// Does what a command line asks, whose first word is the program's name.
#[must_use]
pub fn answer(
    registry: Registry,
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
) -> ExitCode {
    let asked = match CommandLine::try_parse_from(arguments) {
        Ok(asked) => asked,
        Err(answer) => {
            let answer = unbuilt(&answer).unwrap_or(answer);
            // Help and version go to standard output, whose reader may be gone.
            drop(answer.print());
            return ExitCode::from(u8::try_from(answer.exit_code()).unwrap_or(2));
        }
    };
    // The process ends with this command: what it knows may stay to its end.
    let ui = Ui::detect(Box::leak(Box::new(Arc::new(registry))));
    let exit = dispatch(&asked.command, &ui).unwrap_or_else(|trouble| {
        ui.say(&trouble.spoken());
        trouble.exit()
    });
    ExitCode::from(exit as u8)
}

/// Commands that the language's page names and that are not built yet, with what does instead.
const UNBUILT: &[(&str, &str)] = &[
    ("diff", "compare lock files: `git diff NAME.lock`"),
    ("lsp", "`mlp check --json FILE` tells an editor what is wrong, and where"),
    ("pull", "the cache is the folder `.mlp`: copy it"),
    ("push", "the cache is the folder `.mlp`: copy it"),
    ("serve", "`mlp predict` answers rows of a file, and a program of yours can embed a model"),
];

/// Words the refusal of a command that is not built yet.
fn unbuilt(refused: &clap::Error) -> Option<clap::Error> {
    let ContextValue::String(word) = refused.get(ContextKind::InvalidSubcommand)? else {
        return None;
    };
    let (word, instead) = UNBUILT.iter().find(|(own, _)| own == word)?;
    let message = format!("`{word}` is not built yet\n  help: {instead}\n");
    Some(clap::Error::raw(refused.kind(), message))
}

fn dispatch(command: &Command, ui: &Ui) -> Result<Exit, Trouble> {
    match command {
        Command::Run(args) => run::run(args, ui),
        Command::Check(args) => check::run(args, ui),
        Command::Plan(args) => plan::run(args, ui),
        Command::Show(args) => show::run(args, ui),
        Command::Explain(args) => explain::run(args, ui),
        Command::Graph(args) => graph_command::run(args, ui),
        Command::Report(args) => report_command::run(args, ui),
        Command::Predict(args) => predict::run(args, ui),
        Command::Fmt(args) => fmt::run(args, ui),
        Command::Docs(args) => docs::run(args, ui),
        Command::Init(args) => init::run(args, ui),
        Command::Cache(args) => cache::run(args, ui),
        Command::Completions(args) => completions::run(args, ui),
    }
}
