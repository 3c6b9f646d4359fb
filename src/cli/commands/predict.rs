//! `mlp predict`: answers for the rows of a file with a fitted model from another.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use arrow::datatypes::{Field, SchemaRef};
use serde_json::json;

use crate::cli::model::{self, Opened};
use crate::cli::{Exit, Trouble, Ui, grid};
use crate::data::{ColumnType, Table};
use crate::diag::nearest;
use crate::ml::model::{Feature, Interface};
use crate::plan::PROBABILITY;
use crate::sources::{self, Format, Input, Options, SINKS, SourceError};
use crate::stages;

/// Answer for the rows of a file with an exported model.
///
/// The answers are those of the stage `predict`, to the bit: the columns of the rows, then
/// `prediction` and, for classes, a `probability_CLASS` each. Columns are found by their names; text
/// files are read with the types that the columns had when the model was fitted.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mlp predict churn.mlpmodel new.csv --to scored.parquet
  mlp predict churn.mlpmodel new.csv --keep id > scored.csv
  mlp predict churn.mlpmodel 'in/*.parquet' --json | head
  cat new.csv | mlp predict churn.mlpmodel - --keep ''
  mlp show churn.mlpmodel                say what is in a model file

A pipeline writes a model with `export saved { model: final, to: \"churn.mlpmodel\" }`, and uses one with
`predict scored { model: load(\"churn.mlpmodel\"), data: … }`.

Exit status: 0 done; 1 the rows can't be answered for, or the answers can't be written;
2 the model, the rows or the command line is wrong.")]
pub(crate) struct Args {
    /// The model file.
    #[arg(value_name = "MODEL.mlpmodel")]
    model: PathBuf,
    /// The rows: a file of any format that `ingest` reads, a pattern, a folder; or `-` for CSV from
    /// standard input.
    data: String,
    /// Write to this file instead of CSV to standard output; its extension tells the format.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Keep these columns of the rows alone, parted by commas; `''` keeps none. Without it, all stay.
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    keep: Option<Vec<String>>,
    /// Write an object a row instead of CSV; with `--to`, say what was written.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit, Trouble> {
    let opened = model::open(&args.model, ui)?;
    if let Some(to) = &args.to {
        check_target(to, args)?;
    }
    let rows = Rows::find(&args.data)?.read(&opened, &args.model)?;
    let kept = kept(args, &rows, &opened.head.interface())?;
    let answers = stages::answers(&opened.model, &rows, &kept).map_err(|failure| {
        failure
            .help
            .into_iter()
            .fold(Trouble::Failed { message: failure.message, help: Vec::new() }, Trouble::help)
    })?;
    match &args.to {
        Some(to) => write(&answers, to, args, ui)?,
        None => ui.data(&text(&answers, if args.json { Format::Ndjson } else { Format::Csv })?)?,
    }
    Ok(Exit::Done)
}

/// Checks, before any work, that the file to write is one that can be written.
fn check_target(to: &Path, args: &Args) -> Result<(), Trouble> {
    let name = to.to_string_lossy();
    if !Format::of_name(&name).is_some_and(Format::can_write) {
        return Err(Trouble::wrong(format!("the name `{name}` tells no format to write")).help(
            "name a file that ends in `.parquet`, `.csv`, `.tsv`, `.ndjson`, `.json` or `.arrow`",
        ));
    }
    let real = |path: &Path| path.canonicalize().ok();
    let read = [args.model.as_path(), Path::new(&args.data)];
    if real(to).is_some_and(|to| read.iter().any(|own| real(own).as_ref() == Some(&to))) {
        return Err(Trouble::wrong(format!("`{name}` is read, so it can't be written"))
            .help("write to another file"));
    }
    Ok(())
}

/// The files that hold the rows.
struct Rows {
    inputs: Vec<Input>,
    options: Options,
    /// What came by standard input, until it is read.
    _spooled: Option<tempfile::NamedTempFile>,
}

impl Rows {
    fn find(data: &str) -> Result<Self, Trouble> {
        if data == "-" {
            return Self::standard_input();
        }
        let found = sources::resolve(Path::new(""), &[data.to_owned()]);
        let inputs = found.map_err(|error| model::unreadable(&error))?;
        let format = Format::of_inputs(&inputs).map_err(|error| match error {
            SourceError::UnknownFormat { file } => {
                Trouble::wrong(format!("the name `{file}` tells no format")).help(
                    "known extensions: .csv .tsv .json .ndjson .jsonl .parquet .arrow .feather .ipc, the text formats also with .gz or .zst",
                )
            }
            other => model::unreadable(&other),
        })?;
        Ok(Self { inputs, options: Options::from(format), _spooled: None })
    }

    /// Puts what comes by standard input into a file: its types are told by all of its rows.
    fn standard_input() -> Result<Self, Trouble> {
        let spool = || -> std::io::Result<tempfile::NamedTempFile> {
            let mut file = tempfile::Builder::new().prefix("mlp-").suffix(".csv").tempfile()?;
            std::io::copy(&mut std::io::stdin().lock().by_ref(), file.as_file_mut())?;
            file.flush()?;
            Ok(file)
        };
        let file = spool().map_err(|error| Trouble::Failed {
            message: format!("standard input can't be kept: {}", crate::diag::plain(&error)),
            help: vec!["temporary files need room on the disk".to_owned()],
        })?;
        let input = Input { path: file.path().to_path_buf(), name: "standard input".to_owned() };
        let options = Options::from(Format::Csv);
        Ok(Self { inputs: vec![input], options, _spooled: Some(file) })
    }

    /// Reads the rows with the types that the model knows, as far as the file says no other.
    fn read(&self, opened: &Opened, model: &Path) -> Result<Table, Trouble> {
        let mut request = sources::Request::new(&self.inputs, &self.options);
        let schema = sources::infer(&request).map_err(|error| model::unreadable(&error))?;
        let features = opened.head.interface().features.unwrap_or_default();
        check_columns(&features, &schema, model)?;
        let field = |own: &Feature| schema.field_with_name(&own.name).ok();
        let unlike: Vec<(&Feature, &Field)> = features
            .iter()
            .filter_map(|own| Some((own, field(own)?)))
            .filter(|(own, field)| !own.takes(field))
            .collect();
        // What text says is a matter of reading; what a typed file says is what it says.
        if let (false, Some((own, field))) = (self.is_text(), unlike.first()) {
            return Err(other_type(own, field, model));
        }
        let declared: Vec<(String, ColumnType)> =
            unlike.iter().map(|(own, _)| (own.name.clone(), plain(own))).collect();
        if declared.is_empty() {
            request.known = Some(&schema);
        }
        request.schema = &declared;
        let read = sources::read(&request).map_err(|error| match error.column() {
            Some(column) => Trouble::wrong(error.to_string()).help(format!(
                "`{}` was fitted on `{column}` as {}",
                model.display(),
                declared
                    .iter()
                    .find(|(name, _)| name == column)
                    .map_or_else(|| "another type".to_owned(), |(_, kind)| kind.to_string())
            )),
            None => model::unreadable(&error),
        })?;
        Ok(read.table)
    }

    const fn is_text(&self) -> bool {
        matches!(self.options, Options::Csv(_) | Options::Json | Options::Ndjson)
    }
}

/// Gives the type to read a column with; which texts are categories, the model knows itself.
fn plain(feature: &Feature) -> ColumnType {
    ColumnType { categories: None, ..feature.kind.clone() }
}

fn other_type(own: &Feature, field: &Field, model: &Path) -> Trouble {
    let found = ColumnType::of_field(field);
    Trouble::wrong(format!(
        "column `{}` is {found}, but `{}` was fitted on {}",
        own.name,
        model.display(),
        own.kind
    ))
    .help("give it that type where the file is written, or by `CAST` in the `prep` of a pipeline")
}

/// Checks that the rows have every column that the model reads.
fn check_columns(features: &[Feature], schema: &SchemaRef, model: &Path) -> Result<(), Trouble> {
    let missing: Vec<&str> = features
        .iter()
        .map(|own| own.name.as_str())
        .filter(|name| schema.field_with_name(name).is_err())
        .collect();
    let Some(first) = missing.first() else { return Ok(()) };
    let list: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
    let plural = if missing.len() == 1 { "" } else { "s" };
    let trouble = Trouble::wrong(format!(
        "the rows have no column{plural} {}, which `{}` reads",
        list.join(", "),
        model.display()
    ));
    Err(match nearest(first, schema.fields().iter().map(|field| field.name().as_str())) {
        Some(near) => trouble.help(format!("is `{near}` what was `{first}`?")),
        None => trouble.help(format!("`mlp show {}` lists all that it reads", model.display())),
    })
}

/// Picks the columns of the rows that stay beside the answers.
fn kept(args: &Args, rows: &Table, model: &Interface) -> Result<Vec<String>, Trouble> {
    let names = || rows.schema().fields().iter().map(|field| field.name().as_str());
    let kept: Vec<String> = match &args.keep {
        None => names().map(str::to_owned).collect(),
        Some(keep) => {
            let keep: Vec<&str> =
                keep.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
            if let Some(name) = keep.iter().find(|name| !names().any(|own| own == **name)) {
                let trouble = Trouble::wrong(format!("the rows have no column `{name}` to keep"));
                return Err(match nearest(name, names()) {
                    Some(near) => trouble.help(format!("did you mean `{near}`?")),
                    None => trouble.help("columns are parted by commas: `--keep id,age`"),
                });
            }
            // In the order of the rows, as the stage has them.
            names().filter(|name| keep.contains(name)).map(str::to_owned).collect()
        }
    };
    match kept.iter().find(|name| is_answer(name, model)) {
        None => Ok(kept),
        Some(name) => Err(Trouble::wrong(format!("the rows have a column `{name}` already"))
            .help("keep others alone, such as `--keep id`")),
    }
}

/// Tells whether a column has the name of an answer.
fn is_answer(name: &str, model: &Interface) -> bool {
    let class = |label: &crate::data::Label| name == format!("{PROBABILITY}{label}");
    stages::answer_columns(model).iter().any(|own| own == name)
        || model.classes.iter().flatten().any(class)
}

/// Writes the answers as text.
fn text(answers: &Table, format: Format) -> Result<String, Trouble> {
    let failed = |error: String| Trouble::Failed {
        message: format!("the answers can't be written: {error}"),
        help: vec!["keep fewer columns with `--keep`, or write Parquet with `--to`".to_owned()],
    };
    let name = format!("answers.{}", format.spoken().to_lowercase());
    sources::can_hold(&name, answers.schema()).map_err(|error| failed(error.to_string()))?;
    let sink = SINKS.iter().find(|sink| sink.format() == format);
    let mut bytes: Vec<u8> = Vec::new();
    if let Some(sink) = sink {
        sink.write(answers, &mut bytes).map_err(|error| failed(error.to_string()))?;
    }
    String::from_utf8(bytes).map_err(|error| failed(error.to_string()))
}

/// Writes the answers to a file, whole or not at all.
fn write(answers: &Table, to: &Path, args: &Args, ui: &Ui) -> Result<(), Trouble> {
    let shown = to.display();
    sources::write(answers, to).map_err(|error| {
        let failed = Trouble::Failed { message: error.to_string(), help: Vec::new() };
        error.help().into_iter().fold(failed, Trouble::help)
    })?;
    if args.json {
        let names = answers.schema().fields().iter().map(|field| field.name());
        let answer = json!({
            "to": shown.to_string(),
            "rows": answers.rows(),
            "columns": names.collect::<Vec<_>>(),
        });
        ui.data(&format!("{answer}\n"))?;
    } else {
        ui.say(&format!("wrote {shown}: {}\n", grid::counted(answers.rows(), "row")));
    }
    Ok(())
}
