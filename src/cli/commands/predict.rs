//! `mlp predict`: answers for the rows of a file with a fitted model from another.

use std::io::{BufWriter, ErrorKind, Read, Write, stdout};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, SchemaRef};
use serde_json::json;

use crate::cli::model::{self, Opened};
use crate::cli::{Exit, Trouble, Ui, grid};
use crate::data::{ColumnType, Table, TableStream};
use crate::diag::nearest;
use crate::ml::model::{Feature, FittedModel, Interface};
use crate::plan::PROBABILITY;
use crate::sources::{self, Blank, Filling, Format, Input, Options, Scan, SourceError};
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
    let rows = Rows::find(&args.data)?;
    let typed = rows.types(&opened, &args.model)?;
    let kept = kept(args, &typed.schema, &opened.head.interface())?;
    let mut answering =
        Answering { model: &opened.model, kept, rows: 0, columns: None, trouble: None };
    let ran = match &args.to {
        Some(to) => sources::write_rows(to, |blank| rows.answer(&typed, &mut answering, blank)),
        None => {
            let (format, name) =
                if args.json { (Format::Ndjson, "NDJSON") } else { (Format::Csv, "CSV") };
            let mut out = BufWriter::new(stdout());
            Blank::new(format, name, &mut out)
                .and_then(|blank| rows.answer(&typed, &mut answering, blank))
                .and_then(|()| out.flush().map_err(unwritten))
        }
    };
    let Answering { rows: count, columns, trouble, .. } = answering;
    match (ran, trouble) {
        (Err(_), Some(trouble)) => return Err(trouble),
        // A reader that leaves early is no failure.
        (Err(SourceError::Io { source, .. }), None)
            if args.to.is_none() && source.kind() == ErrorKind::BrokenPipe => {}
        (Err(error), None) => return Err(typed.trouble(&error, &args.model)),
        (Ok(()), _) => {}
    }
    if let Some(to) = &args.to {
        told(to, count, columns.unwrap_or_default(), args, ui)?;
    }
    Ok(Exit::Done)
}

fn unwritten(source: std::io::Error) -> SourceError {
    SourceError::Io { file: "standard output".to_owned(), action: "write", source }
}

/// Says what was written.
fn told(to: &Path, rows: usize, columns: Vec<String>, args: &Args, ui: &Ui) -> Result<(), Trouble> {
    let shown = to.display();
    if args.json {
        let answer = json!({ "to": shown.to_string(), "rows": rows, "columns": columns });
        ui.data(&format!("{answer}\n"))?;
    } else {
        ui.say(&format!("wrote {shown}: {}\n", grid::counted(rows, "row")));
    }
    Ok(())
}

/// Rows on their way to the model, and answers on their way out.
struct Answering<'a> {
    model: &'a FittedModel,
    kept: Vec<String>,
    /// How many rows are answered for.
    rows: usize,
    /// The names of the columns that are written.
    columns: Option<Vec<String>>,
    /// Why no more rows are taken.
    trouble: Option<Trouble>,
}

impl Answering<'_> {
    /// Answers for some rows; what goes wrong is kept in `trouble`.
    fn answers(&mut self, rows: &Table) -> Result<Table, SourceError> {
        let answers = stages::answers_behind(self.rows, self.model, rows, &self.kept);
        let answers = answers.map_err(|failure| {
            let failed = Trouble::Failed { message: failure.message, help: Vec::new() };
            self.trouble = Some(failure.help.into_iter().fold(failed, Trouble::help));
            SourceError::Refused
        })?;
        self.rows += answers.rows();
        Ok(answers)
    }
}

/// Where answers go: the file begins with the first of them, which tell the columns.
enum Writing<'a> {
    Blank(Option<Blank<'a>>),
    Filling(Filling<'a>),
}

impl Writing<'_> {
    fn push(
        &mut self,
        answers: &Table,
        names: &mut Option<Vec<String>>,
    ) -> Result<(), SourceError> {
        if let Self::Blank(blank) = self {
            let Some(blank) = blank.take() else { return Err(SourceError::Refused) };
            let fields = answers.schema().fields().iter();
            *names = Some(fields.map(|field| field.name().clone()).collect());
            *self = Self::Filling(blank.begin(answers.schema())?);
        }
        match self {
            Self::Filling(file) => file.push(answers.batches()),
            Self::Blank(_) => Err(SourceError::Refused),
        }
    }

    fn finish(self) -> Result<(), SourceError> {
        match self {
            Self::Filling(file) => file.finish(),
            Self::Blank(_) => Err(SourceError::Refused),
        }
    }
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

    /// Tells with which types to read the rows: those that the model knows, as far as the file says no
    /// other.
    fn types(&self, opened: &Opened, model: &Path) -> Result<Typed, Trouble> {
        let request = sources::Request::new(&self.inputs, &self.options);
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
        Ok(Typed { schema, declared })
    }

    /// Reads the rows, batch by batch, and writes an answer for each.
    fn answer(
        &self,
        typed: &Typed,
        answering: &mut Answering<'_>,
        blank: Blank<'_>,
    ) -> Result<(), SourceError> {
        let mut request = sources::Request::new(&self.inputs, &self.options);
        if typed.declared.is_empty() {
            request.known = Some(&typed.schema);
        }
        request.schema = &typed.declared;
        let scan = Scan::new(&request)?;
        let mut stream = TableStream::new(SchemaRef::clone(scan.schema()))?;
        let schema = SchemaRef::clone(stream.schema());
        let mut names = None;
        let mut writing = Writing::Blank(Some(blank));
        let mut answer = |batches: Vec<RecordBatch>| -> Result<(), SourceError> {
            let rows = Table::new(SchemaRef::clone(&schema), batches)?;
            writing.push(&answering.answers(&rows)?, &mut names)
        };
        let mut take = |batch| match stream.push(batch)? {
            batches if batches.is_empty() => Ok(()),
            batches => answer(batches),
        };
        scan.run(&mut take, &mut |_| Ok(()))?;
        let (last, _) = stream.finish()?;
        answer(last)?;
        answering.columns = names;
        writing.finish()
    }

    const fn is_text(&self) -> bool {
        matches!(self.options, Options::Csv(_) | Options::Json | Options::Ndjson)
    }
}

/// The types with which rows are read.
struct Typed {
    /// The columns as the files tell them.
    schema: SchemaRef,
    /// Those that the model knows as another type.
    declared: Vec<(String, ColumnType)>,
}

impl Typed {
    /// Words what went wrong with the rows, or with what is written.
    fn trouble(&self, error: &SourceError, model: &Path) -> Trouble {
        if matches!(error, SourceError::Io { action: "write", .. } | SourceError::Unfit { .. }) {
            let failed = Trouble::Failed { message: error.to_string(), help: Vec::new() };
            let help = error.help().into_iter().fold(failed, Trouble::help);
            return match error {
                SourceError::Unfit { .. } => help.help("or keep fewer columns with `--keep`"),
                _ => help,
            };
        }
        match error.column() {
            Some(column) => {
                let own = self.declared.iter().find(|(name, _)| name == column);
                let kind =
                    own.map_or_else(|| "another type".to_owned(), |(_, kind)| kind.to_string());
                Trouble::wrong(error.to_string())
                    .help(format!("`{}` was fitted on `{column}` as {kind}", model.display()))
            }
            None => model::unreadable(error),
        }
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
fn kept(args: &Args, rows: &SchemaRef, model: &Interface) -> Result<Vec<String>, Trouble> {
    let names = || rows.fields().iter().map(|field| field.name().as_str());
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
