//! `mlp fmt`: the one layout.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::cli::opened::read;
use crate::cli::render;
use crate::cli::{Exit, Trouble, Ui};
use crate::syntax;
use crate::text::SourceMap;

/// Lay pipelines out in the one way. Comments stay, and nothing reruns for it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mlp fmt churn.mlp
  mlp fmt --check *.mlp     in continuous integration: changes nothing, fails if something would")]
pub(crate) struct Args {
    /// The pipelines.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Change nothing; end with status 1 if a file isn't laid out so.
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit, Trouble> {
    let mut exit = Exit::Done;
    for path in &args.files {
        let text = read(path, "pipeline")?;
        let mut sources = SourceMap::default();
        let source = sources.add(path, text.as_str());
        match syntax::format(&source) {
            Ok(laid_out) if laid_out == text => {}
            Ok(_) if args.check => {
                ui.data(&format!("{}\n", path.display()))?;
                exit = worse(exit, Exit::Failed);
            }
            Ok(laid_out) => replace(path, &laid_out)?,
            Err(found) => {
                ui.say(&render::findings(&sources, &found, &ui.err));
                exit = worse(exit, Exit::Wrong);
            }
        }
    }
    Ok(exit)
}

fn worse(one: Exit, other: Exit) -> Exit {
    if other as u8 > one as u8 { other } else { one }
}

/// Puts a new text in a file's place: the file is whole at any moment.
fn replace(path: &Path, text: &str) -> Result<(), Trouble> {
    let attempt = || {
        // A link stays one: what it points to is replaced.
        let path = fs::canonicalize(path)?;
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        new.write_all(text.as_bytes())?;
        new.as_file().set_permissions(fs::metadata(&path)?.permissions())?;
        new.as_file().sync_all()?;
        new.persist(&path).map_err(|error| error.error)?;
        Ok(())
    };
    attempt().map_err(|error: std::io::Error| {
        Trouble::wrong(format!("`{}` can't be written: {error}", path.display()))
    })
}
