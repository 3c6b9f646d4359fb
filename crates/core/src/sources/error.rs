//! What can go wrong between a file and a table, as data.
//!
//! An error names the file as the user wrote it, the line, the column and the text found, so that
//! a stage can turn it into one diagnostic: `to_string` is its message, [`SourceError::help`] its
//! help lines. It knows no span: where the source stands in the pipeline is the stage's to say.

use std::io;

use crate::diag::{nearest, plain};

/// What is wrong with a file that isn't of the format that it should be.
pub(super) const NOT_ITS_FORMAT: &str = "it does not begin as one";

/// What formats of dates are made of.
pub(super) const PARTS_OF_DATES: &str =
    "parts of dates are `%Y` `%m` `%d`, of times `%H` `%M` `%S`, of zones `%z`";

/// What can be wrong with a file that is read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// Nothing lies at the path.
    #[error("there is no file `{file}`")]
    Missing {
        /// The path as written.
        file: String,
        /// The names of what lies in the same folder.
        siblings: Vec<String>,
    },
    /// A pattern matches nothing.
    #[error("no file matches `{pattern}`")]
    NoMatch {
        /// The pattern as written.
        pattern: String,
    },
    /// A folder holds no data file.
    #[error("the folder `{folder}` holds no data file")]
    EmptyFolder {
        /// The folder as written.
        folder: String,
    },
    /// The path leads to something that is no file: a folder, a pipe, a device.
    #[error("`{file}` is {found}, not a file")]
    NotAFile {
        /// The path as written.
        file: String,
        /// What it is.
        found: &'static str,
    },
    /// A list names the same file twice.
    #[error("`{file}` is named twice, so its rows would come twice")]
    NamedTwice {
        /// The path as written.
        file: String,
    },
    /// No path is given at all.
    #[error("no path is given")]
    NoPath,
    /// The extension tells no format.
    #[error("the name `{file}` tells no format")]
    UnknownFormat {
        /// The path as written.
        file: String,
    },
    /// The files are of several formats.
    #[error("`{first}` and `{second}` are files of different formats")]
    MixedFormats {
        /// A file of one format.
        first: String,
        /// A file of another.
        second: String,
    },
    /// The address is one that is not read yet.
    #[error("reading from `{scheme}://` is not built yet: `{address}`")]
    Remote {
        /// The address as written.
        address: String,
        /// Its scheme.
        scheme: String,
    },
    /// The operating system refused.
    #[error("cannot {action} `{file}`: {}", plain(.source))]
    Io {
        /// The path as written.
        file: String,
        /// What was tried: `read`, `write`, `create the folder of`.
        action: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// The file changed while it was read.
    #[error("`{file}` changed while it was read")]
    Changed {
        /// The path as written.
        file: String,
    },
    /// The file has no byte, or nothing but blank, skipped and commented lines.
    #[error("`{file}` {}", if *.blank { "holds no record" } else { "is empty" })]
    Empty {
        /// The path as written.
        file: String,
        /// It has lines, none of which is a record.
        blank: bool,
    },
    /// The bytes are no text.
    #[error("`{file}`, line {line}: a zero byte, so this is no text file")]
    Binary {
        /// The path as written.
        file: String,
        /// The line, from one.
        line: u64,
        /// What the first bytes say that the file is, where they say it.
        looks_like: Option<&'static str>,
        /// There are as many zero bytes as a text in UTF-16 has.
        wide: bool,
    },
    /// The bytes are no text in the encoding.
    #[error("`{file}`, line {line}, byte {column}: {found} is not valid {encoding}")]
    Encoding {
        /// The path as written.
        file: String,
        /// The line, from one.
        line: u64,
        /// The byte in the line, from one.
        column: u64,
        /// The byte or unit found, such as `0xE9`.
        found: String,
        /// The encoding in which it was read.
        encoding: &'static str,
    },
    /// A record has too few or too many fields.
    #[error("`{file}`, line {line}: {} found where the {} has {expected}", count(*.found, "field"), if *.header { "header" } else { "first row" })]
    Ragged {
        /// The path as written.
        file: String,
        /// The line on which the record begins, from one.
        line: u64,
        /// How many fields every record must have.
        expected: usize,
        /// How many it has.
        found: usize,
        /// Tells a width that the header gave from one that the first row gave.
        header: bool,
        /// The other delimiter by which the record would fit, if there is one.
        delimiter: Option<char>,
    },
    /// The header is a single field, which another delimiter would part.
    #[error("`{file}`: the header is the single field `{header}`")]
    OneField {
        /// The path as written.
        file: String,
        /// The header, shortened.
        header: String,
        /// The delimiter that parts it.
        delimiter: char,
    },
    /// A quoted field is never closed.
    #[error("`{file}`, line {line}: the quote that opens here is never closed")]
    OpenQuote {
        /// The path as written.
        file: String,
        /// The line on which the quote stands, from one.
        line: u64,
    },
    /// Text follows a closing quote.
    #[error("`{file}`, line {line}: text follows the closing quote of field {field}")]
    AfterQuote {
        /// The path as written.
        file: String,
        /// The line on which the record begins, from one.
        line: u64,
        /// The field in the record, from one.
        field: usize,
    },
    /// A record is longer than any record may be.
    #[error("`{file}`, line {line}: a record of more than {limit} bytes begins here")]
    LongRecord {
        /// The path as written.
        file: String,
        /// The line on which the record begins, from one.
        line: u64,
        /// The limit in bytes.
        limit: usize,
    },
    /// Two columns have one name.
    #[error("`{file}`: the columns {first} and {second} are both named `{name}`")]
    SameName {
        /// The path as written.
        file: String,
        /// The name.
        name: String,
        /// The place of the first, from one.
        first: usize,
        /// The place of the second, from one.
        second: usize,
    },
    /// The names given are more or fewer than the columns.
    #[error("`{file}` has {}, and `names` gives {names}", count(*.columns, "column"))]
    NamesCount {
        /// The path as written.
        file: String,
        /// How many columns the file has.
        columns: usize,
        /// How many names are given.
        names: usize,
    },
    /// A column was asked for that is in no file.
    #[error("`{file}` has no column `{column}`")]
    NoColumn {
        /// The path as written, or the first of several.
        file: String,
        /// The column.
        column: String,
        /// The columns that there are.
        known: Vec<String>,
    },
    /// A value doesn't fit its column's type.
    #[error("`{file}`, {unit} {line}: `{found}` in column `{column}` is no {expected}{}", reason(.why))]
    Misfit {
        /// The path as written.
        file: String,
        /// What is counted: `line`, or `row` in a format without lines.
        unit: &'static str,
        /// The line or row, from one.
        line: u64,
        /// The column.
        column: String,
        /// The text found, shortened.
        found: String,
        /// The type, in the user's words.
        expected: String,
        /// What is wrong with it, where the type alone doesn't say it.
        why: Option<String>,
        /// The type was inferred from samples, not declared.
        inferred: bool,
    },
    /// Two files disagree about a column.
    #[error("column `{column}` is {first_type} in `{first}` and {second_type} in `{second}`")]
    Conflict {
        /// The column.
        column: String,
        /// One file.
        first: String,
        /// Its type there.
        first_type: String,
        /// The other file.
        second: String,
        /// Its type there.
        second_type: String,
    },
    /// The text is no JSON, or not of the shape of a table.
    #[error("`{file}`, line {line}: {}", first_part(.problem))]
    Json {
        /// The path as written.
        file: String,
        /// The line, from one.
        line: u64,
        /// What is wrong, and what to do behind a semicolon.
        problem: String,
    },
    /// A compressed file ends early or is damaged.
    #[error("`{file}`: its {compression} data is cut short or damaged")]
    Compressed {
        /// The path as written.
        file: String,
        /// How it is compressed: `gzip`, `zstd`.
        compression: &'static str,
        /// The decoder's answer.
        source: io::Error,
    },
    /// A compressed file grows beyond all measure.
    #[error("`{file}` unpacks to more than {limit} bytes")]
    Bomb {
        /// The path as written.
        file: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// A Parquet or Arrow file is cut short or damaged.
    #[error("`{file}` is no readable {format} file: {problem}")]
    Damaged {
        /// The path as written.
        file: String,
        /// The format.
        format: &'static str,
        /// What the decoder said.
        problem: String,
    },
    /// A format can't hold a column's type.
    #[error("a {format} file cannot hold column `{column}` of type {found}")]
    Unfit {
        /// The format.
        format: &'static str,
        /// The column.
        column: String,
        /// Its type, in the user's words.
        found: String,
    },
    /// The format of a date or time can't be read.
    #[error("the format `{format}` of column `{column}` {problem}")]
    Format {
        /// The column.
        column: String,
        /// The format as declared.
        format: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Who was to take the rows didn't; the reason is known there.
    #[error("the rows could not be taken")]
    Refused,
    /// An option makes no sense.
    #[error("{}", first_part(.problem))]
    Option {
        /// The options that it may be about, the likeliest first; none where no option is at fault.
        options: &'static [&'static str],
        /// What is wrong.
        problem: String,
    },
    /// Arrow refused an operation.
    #[error("`{file}`: {source}")]
    Arrow {
        /// The path as written.
        file: String,
        /// Arrow's answer.
        source: arrow::error::ArrowError,
    },
    /// The table refused what was read.
    #[error(transparent)]
    Table(#[from] crate::data::TableError),
}

/// The part of what a user wrote that an error is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A column; what was declared of it is at fault, if anything was.
    Column(String),
    /// Options of a call, the likeliest first: the first that was written is at fault; none means that
    /// the call as a whole is.
    Options(&'static [&'static str]),
    /// A path, as it was written.
    Path(String),
}

impl SourceError {
    /// Tells whether the data aren't there, as against being there and wrong.
    #[must_use]
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::NoMatch { .. } | Self::EmptyFolder { .. })
    }

    /// Gives the lines that say what to do about it.
    #[must_use]
    pub fn help(&self) -> Vec<String> {
        match self {
            Self::Missing { file, siblings } => missing_help(file, siblings),
            Self::UnknownFormat { file } => unknown_format_help(file),
            Self::NoMatch { pattern } => no_match_help(pattern),
            Self::NoPath => vec!["name a file, a list of files, a pattern or a folder".to_owned()],
            Self::NamedTwice { .. } => vec!["name each file once".to_owned()],
            Self::Empty { blank, .. } => vec![if *blank {
                "blank, skipped and commented lines are no records; the first record names the columns"
            } else {
                "a file without a byte is no table: look at how it is made"
            }
            .to_owned()],
            Self::LongRecord { .. } => {
                vec!["is it a text file with line ends, and `quote` the character that encloses fields?".to_owned()]
            }
            Self::NamesCount { .. } => vec!["give one name for each column".to_owned()],
            Self::Format { .. } => {
                vec![PARTS_OF_DATES.to_owned()]
            }
            Self::Json { problem, .. } | Self::Option { problem, .. } => {
                problem.split_once("; ").map(|(_, help)| help.to_owned()).into_iter().collect()
            }
            Self::Io { action: "write", source, .. } => write_help(source),
            Self::Unfit { .. } => {
                vec!["write `.parquet`, `.arrow` or `.ndjson`, or take the column apart in a `prep`".to_owned()]
            }
            Self::MixedFormats { .. } => {
                vec!["ingest each format on its own, or narrow the pattern, such as `*.csv`".to_owned()]
            }
            Self::EmptyFolder { .. } => {
                vec!["files with a known extension count, hidden ones and subfolders do not; `**/*.csv` also looks into subfolders".to_owned()]
            }
            Self::Remote { .. } => vec!["fetch the file first, and give its path".to_owned()],
            Self::Binary { looks_like, wide, .. } => binary_help(*looks_like, *wide),
            Self::Encoding { encoding: "UTF-16", .. } => {
                vec!["the file may have been cut short, or its `encoding` is another".to_owned()]
            }
            Self::Encoding { encoding: "UTF-8", .. } => {
                vec!["say the encoding, such as `csv(\"…\", encoding: windows_1252)`; known: utf_8, latin_1, windows_1252, utf_16".to_owned()]
            }
            Self::Ragged { delimiter, expected, found, .. } => ragged_help(*delimiter, *expected, *found),
            Self::OneField { delimiter, .. } => ragged_help(Some(*delimiter), 0, 0),
            Self::OpenQuote { .. } => vec![
                "double a quote that is part of the text (`\"\"`), or read quotes as text with `quote: \"\"`".to_owned(),
            ],
            Self::AfterQuote { .. } => vec![
                "double a quote that is part of the text (`\"\"`), or read quotes as text with `quote: \"\"`".to_owned(),
            ],
            Self::SameName { .. } => {
                vec!["give every column its own name with `names: [\"…\", …]`".to_owned()]
            }
            Self::NoColumn { column, known, .. } => column_help(column, known),
            Self::Misfit { column, inferred, expected, .. } => misfit_help(column, expected, *inferred),
            Self::Conflict { column, .. } => vec![format!(
                "settle the type in the stage: `schema: {{ {}: text }}`",
                spoken_name(column)
            )],
            Self::Damaged { problem, format, .. } if problem == NOT_ITS_FORMAT => vec![format!(
                "if it is of another format, say which: `csv(\"…\")`, `ndjson(\"…\")`; else write it again as {format}"
            )],
            Self::Compressed { .. } | Self::Damaged { .. } => {
                vec!["fetch or write the file again: it may have been cut short on the way".to_owned()]
            }
            _ => Vec::new(),
        }
    }

    /// Gives the column whose declared type is wrong, or is not that of a value.
    #[must_use]
    pub fn column(&self) -> Option<&str> {
        match self {
            Self::NoColumn { column, .. }
            | Self::Misfit { column, .. }
            | Self::Format { column, .. } => Some(column),
            _ => None,
        }
    }

    /// Gives the part of what the user wrote that is at fault.
    #[must_use]
    pub fn fault(&self) -> Fault {
        let path = |path: &String| Fault::Path(path.clone());
        match self {
            Self::NoColumn { column, .. } | Self::Format { column, .. } => {
                Fault::Column(column.clone())
            }
            Self::Misfit { inferred: true, expected, .. } if is_moment(expected) => {
                Fault::Options(&["dates"])
            }
            Self::Misfit { column, .. } => Fault::Column(column.clone()),
            Self::Option { options, .. } => Fault::Options(options),
            Self::NamesCount { .. } | Self::SameName { .. } => Fault::Options(&["names"]),
            Self::Encoding { .. } | Self::Binary { wide: true, .. } => {
                Fault::Options(&["encoding"])
            }
            Self::OneField { .. } | Self::Ragged { delimiter: Some(_), .. } => {
                Fault::Options(&["delimiter"])
            }
            Self::OpenQuote { .. } | Self::AfterQuote { .. } => Fault::Options(&["quote"]),
            Self::Empty { blank: true, .. } => Fault::Options(&["skip", "comment"]),
            Self::Missing { file, .. }
            | Self::NotAFile { file, .. }
            | Self::NamedTwice { file }
            | Self::UnknownFormat { file }
            | Self::Io { file, action: "read", .. } => path(file),
            Self::NoMatch { pattern } => path(pattern),
            Self::EmptyFolder { folder } => path(folder),
            Self::Remote { address, .. } => path(address),
            _ => Fault::Options(&[]),
        }
    }

    /// Gives the file and the line, where there is one, else 0.
    pub(super) fn place(&self) -> (&str, u64) {
        match self {
            Self::Binary { file, line, .. }
            | Self::Encoding { file, line, .. }
            | Self::Ragged { file, line, .. }
            | Self::OpenQuote { file, line }
            | Self::AfterQuote { file, line, .. }
            | Self::LongRecord { file, line, .. }
            | Self::Misfit { file, line, .. }
            | Self::Json { file, line, .. } => (file, *line),
            _ => ("", 0),
        }
    }

    /// Gives the message without its place.
    pub(super) fn reason(&self) -> String {
        let (file, line) = self.place();
        let message = self.to_string();
        let places = ["line", "row"].map(|unit| format!("`{file}`, {unit} {line}: "));
        let rest = places.iter().find_map(|place| message.strip_prefix(place.as_str()));
        rest.map(str::to_owned).unwrap_or(message)
    }

    /// Makes the error of an operation that the system refused.
    pub(super) fn io(file: &str, action: &'static str, source: io::Error) -> Self {
        Self::Io { file: file.to_owned(), action, source }
    }

    /// Makes the error of an operation that Arrow refused.
    pub(super) fn arrow(file: &str, source: arrow::error::ArrowError) -> Self {
        Self::Arrow { file: file.to_owned(), source }
    }
}

/// Writes a column as it stands in a map of the language: bare if it is a name, else as a string.
#[must_use]
pub(super) fn spoken_name(column: &str) -> String {
    const RESERVED: [&str; 7] = ["import", "param", "pipeline", "true", "false", "null", "inf"];
    let starts = column.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let is_name = starts && column.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_name && !RESERVED.contains(&column) { column.to_owned() } else { format!("{column:?}") }
}

fn missing_help(file: &str, siblings: &[String]) -> Vec<String> {
    let (folder, name) = file.rsplit_once('/').map_or(("", file), |(folder, name)| (folder, name));
    nearest(name, siblings.iter().map(String::as_str))
        .map(|near| if folder.is_empty() { near.to_owned() } else { format!("{folder}/{near}") })
        .map(|near| format!("did you mean `{near}`?"))
        .into_iter()
        .chain(["paths are relative to the file that holds them".to_owned()])
        .collect()
}

fn binary_help(looks_like: Option<&'static str>, wide: bool) -> Vec<String> {
    vec![match looks_like {
        Some(kind) => format!("the first bytes are those of {kind}"),
        None if wide => "a text in UTF-16 is read with `encoding: utf_16`".to_owned(),
        None => "is it a data file, and written to its end?".to_owned(),
    }]
}

fn unknown_format_help(file: &str) -> Vec<String> {
    let lower = file.to_ascii_lowercase();
    if [".xlsx", ".xls", ".ods"].iter().any(|end| lower.ends_with(end)) {
        return vec!["save the sheet of the workbook as CSV, and ingest that".to_owned()];
    }
    vec![
        "known extensions: .csv .tsv .json .ndjson .jsonl .parquet .arrow .feather .ipc, the text formats also with .gz or .zst".to_owned(),
        format!("or say the format: `from: csv({file:?})`"),
    ]
}

fn no_match_help(pattern: &str) -> Vec<String> {
    let open = pattern.rsplit('/').any(|part| part.contains('[') && !part.contains(']'));
    if open {
        return vec![
            "`[` opens a set of characters, `[a-z]`; for itself it is written `[[]`".to_owned(),
        ];
    }
    vec![
        "`*` and `?` stand for characters of one name, `**` for folders".to_owned(),
        "paths are relative to the file that holds them".to_owned(),
    ]
}

fn write_help(source: &io::Error) -> Vec<String> {
    let help = match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "make room, or write to another disk; what was there before is untouched"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "write where this user may write"
        }
        io::ErrorKind::InvalidFilename => "give the file a shorter name",
        _ => "write to another path, or move away what lies there",
    };
    vec![help.to_owned()]
}

fn ragged_help(delimiter: Option<char>, expected: usize, found: usize) -> Vec<String> {
    if let Some(other) = delimiter.map(char::escape_default) {
        return vec![format!(
            "the fields seem to be parted by `{other}`: say `delimiter: \"{other}\"`"
        )];
    }
    let set_aside = "set such rows aside with `on_bad_row: quarantine`";
    if found > expected {
        let surplus = "a field that holds the delimiter must be quoted".to_owned();
        return vec![surplus, format!("or {set_aside}")];
    }
    vec![set_aside.to_owned()]
}

fn column_help(column: &str, known: &[String]) -> Vec<String> {
    match nearest(column, known.iter().map(String::as_str)) {
        Some(near) => vec![format!("did you mean `{near}`?")],
        None if known.len() > 40 => Vec::new(),
        None => {
            let list: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            vec![format!("known here: {}", list.join(", "))]
        }
    }
}

fn is_moment(kind: &str) -> bool {
    kind == "date" || kind == "timestamp"
}

fn misfit_help(column: &str, expected: &str, inferred: bool) -> Vec<String> {
    let name = spoken_name(column);
    let origin = inferred
        .then(|| format!("that it is {expected} was inferred from samples of a large file"));
    let format = (!inferred && is_moment(expected)).then(|| {
        format!("say how it is written: `schema: {{ {name}: {expected}(\"%d/%m/%Y\") }}`")
    });
    let or = if format.is_some() { "or " } else { "" };
    origin
        .into_iter()
        .chain(format)
        .chain([
            format!("{or}read the column as text: `schema: {{ {name}: text }}`"),
            "or set such rows aside with `on_bad_row: quarantine`, or name the word in `null_values`".to_owned(),
        ])
        .collect()
}

fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

fn reason(why: &Option<String>) -> String {
    why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default()
}

/// Gives what is wrong without what to do about it.
fn first_part(problem: &str) -> &str {
    problem.split_once("; ").map_or(problem, |(first, _)| first)
}
