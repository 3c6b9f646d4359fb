//! `mlp completions`: a shell's completion script.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::{CommandLine, Exit, Trouble, Ui};

/// Write a completion script for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mlp completions bash > /etc/bash_completion.d/mlp
  mlp completions zsh > \"${fpath[1]}/_mlp\"
  mlp completions fish > ~/.config/fish/completions/mlp.fish")]
pub(crate) struct Args {
    /// The shell.
    shell: Shell,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit, Trouble> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut CommandLine::command(), "mlp", &mut script);
    ui.data(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
