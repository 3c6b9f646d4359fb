//! `mlp init`: a first pipeline to change.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::cli::{Exit, Trouble, Ui};

/// The pipeline that `init` writes, and the data beside it.
const PIPELINE: &str = include_str!("../templates/first.mlp");
const DATA: &str = include_str!("../templates/visits.csv");

/// Words that are no names.
const RESERVED: &[&str] = &["import", "param", "pipeline", "true", "false", "null", "inf"];

/// Start a pipeline from a small example that runs.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Writes the pipeline and, beside it, data/visits.csv. Nothing that is there already is changed.

Example:
  mlp init churn.mlp && mlp run churn.mlp")]
pub(crate) struct Args {
    /// The file to write.
    #[arg(default_value = "pipeline.mlp")]
    file: PathBuf,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit, Trouble> {
    if args.file.extension().is_none_or(|extension| extension != "mlp") {
        let name = args.file.with_extension("mlp");
        return Err(Trouble::wrong(format!(
            "`{}` isn't named like a pipeline",
            args.file.display()
        ))
        .help(format!("name it `{}`", name.display())));
    }
    let folder = args.file.parent().unwrap_or_else(|| Path::new("")).to_path_buf();
    let data = folder.join("data").join("visits.csv");
    if args.file.exists() {
        return Err(Trouble::wrong(format!("`{}` is there already", args.file.display()))
            .help("give another name; nothing was written"));
    }
    // The data of an earlier `init` are as good.
    if fs::read(&data).ok().as_deref() != Some(DATA.as_bytes()) {
        if data.exists() {
            return Err(Trouble::wrong(format!("`{}` is there already", data.display()))
                .help("start in another folder; nothing was written"));
        }
        write(&data, DATA)?;
    }
    write(&args.file, &PIPELINE.replace("pipeline first", &format!("pipeline {}", name(args))))?;
    let file = args.file.display();
    ui.say(&format!(
        "wrote {file} and {}\nnext: mlp check {file}, then mlp run {file}\n",
        data.display()
    ));
    Ok(Exit::Done)
}

/// Names the pipeline as its file, if that can be a name.
fn name(args: &Args) -> String {
    let stem = args.file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_word = stem.chars().all(inner) && !stem.starts_with(|c: char| c.is_ascii_digit());
    let is_taken = RESERVED.contains(&stem.as_str()) || stem.is_empty();
    if is_word && !is_taken { stem } else { "first".to_owned() }
}

/// Writes a file that isn't there yet.
fn write(path: &Path, text: &str) -> Result<(), Trouble> {
    let attempt = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::File::create_new(path)?.write_all(text.as_bytes())
    };
    attempt()
        .map_err(|error| Trouble::wrong(format!("`{}` can't be written: {error}", path.display())))
}
