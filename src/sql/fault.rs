//! DataFusion's errors in the user's words.
//!
//! Knows how DataFusion phrases what it refuses. What has no phrase here keeps DataFusion's, with
//! the types in the language's words and without marks.

use std::error::Error;
use std::ops::Range;

use arrow::error::ArrowError;
use datafusion::common::{Column, DataFusionError, SchemaError};
use datafusion::sql::sqlparser::tokenizer::{Location, Span};

use super::check::doubled_column;
use super::checked::{Fault, Reason};
use super::error::SqlError;
use super::parse::lower_first;
use super::rewrite::MARK;
use super::source::Source;

/// Arrow's names of types, as its messages write them, and the language's.
const TYPES: &[(&str, &str)] = &[
    ("Timestamp(Nanosecond, None)", "timestamp_ns"),
    ("Timestamp(Microsecond, None)", "timestamp"),
    ("Timestamp(ns)", "timestamp_ns"),
    ("Timestamp(µs)", "timestamp"),
    ("Timestamp(ms)", "timestamp_ms"),
    ("Timestamp(s)", "timestamp_s"),
    ("Duration(µs)", "duration"),
    ("Duration(Microsecond)", "duration"),
    ("Interval(MonthDayNano)", "interval"),
    ("LargeUtf8", "text"),
    ("Utf8View", "text"),
    ("Utf8", "text"),
    ("UInt64", "uint64"),
    ("UInt32", "uint32"),
    ("Int64", "int"),
    ("Int32", "int32"),
    ("Int16", "int16"),
    ("Int8", "int8"),
    ("Float64", "float"),
    ("Float32", "float32"),
    ("Int64Array", "int"),
    ("Float64Array", "float"),
    ("Boolean", "bool"),
    ("Date32", "date"),
];

/// Turns an error of planning or running into ours.
pub(super) fn explain(error: &DataFusionError, source: &Source) -> SqlError {
    let mut range = None;
    let mut error = error;
    loop {
        error = match error {
            DataFusionError::Context(_, inner) => inner,
            DataFusionError::Diagnostic(diagnostic, inner) => {
                range = range.or_else(|| diagnostic.span.and_then(|span| place(source, span)));
                inner
            }
            DataFusionError::Shared(inner) => inner,
            DataFusionError::Collection(list) if !list.is_empty() => &list[0],
            DataFusionError::ArrowError(inner, _) => match as_datafusion(inner) {
                Some(inner) => inner,
                None => break,
            },
            _ => break,
        };
    }
    let text = error.to_string();
    if let Some(found) = regex(&text) {
        return found.at(range.or_else(|| pattern(&text, source)));
    }
    let found = match error {
        DataFusionError::External(inner) => external(inner.as_ref()),
        DataFusionError::ArrowError(inner, _) => arrow(inner),
        DataFusionError::SchemaError(inner, _) => schema(inner, source),
        DataFusionError::ResourcesExhausted(text) => memory(text),
        DataFusionError::Plan(text) => planning(text, source),
        DataFusionError::NotImplemented(text) => SqlError::new("sql-unsupported", words(text)),
        DataFusionError::Execution(text) => execution(text),
        DataFusionError::Internal(text) => SqlError::new("sql-internal", words(text)),
        DataFusionError::SQL(inner, _) => SqlError::new("sql-syntax", words(&inner.to_string())),
        other => SqlError::new("sql-internal", words(&other.strip_backtrace())),
    };
    // DataFusion's place for an operation is its left side alone.
    let range = range
        .filter(|_| !matches!(error, DataFusionError::Plan(text) if operation(text).is_some()));
    let range = found.range.clone().or(range);
    let range = range.or_else(|| mentioned(&found, source));
    found.at(range)
}

/// Finds what a message of a run names, if it stands in the query once: a call, or a text.
fn mentioned(error: &SqlError, source: &Source) -> Option<Range<usize>> {
    if !matches!(error.code, "sql-runtime" | "sql-cast" | "sql-overflow") {
        return None;
    }
    let text = &error.message;
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let name = |before: &str| {
        let start = before.trim_end_matches(letter).len();
        before.get(start..).filter(|name| !name.is_empty()).map(str::to_owned)
    };
    let calls = text.match_indices('(').filter_map(|(at, _)| name(&text[..at]));
    // "string size overflow on repeat, max size is …"
    let behind = text
        .split(" on ")
        .skip(1)
        .map(|rest| rest.split(|c| !letter(c)).next().unwrap_or_default().to_owned());
    let calls = calls.chain(behind);
    let texts = text.split('\'').skip(1).step_by(2);
    calls
        .filter_map(|name| source.only_call(&name))
        .chain(texts.filter_map(|text| source.only_word(&format!("'{text}'"))))
        .next()
}

fn as_datafusion(error: &ArrowError) -> Option<&DataFusionError> {
    match error {
        ArrowError::ExternalError(inner) => inner.downcast_ref(),
        _ => None,
    }
}

fn external(error: &(dyn Error + Send + Sync + 'static)) -> SqlError {
    if let Some(fault) = error.downcast_ref::<Fault>() {
        return failed(fault);
    }
    if let Some(own) = error.downcast_ref::<SqlError>() {
        return own.clone();
    }
    SqlError::new("sql-runtime", words(&error.to_string()))
}

fn failed(fault: &Fault) -> SqlError {
    let text = &fault.text;
    let error = match fault.reason {
        Reason::Overflow => SqlError::new("sql-overflow", format!("`{text}` overflows"))
            .label(fault.detail.clone())
            .help("compute in `float` or a wider `decimal`: `CAST(x AS DOUBLE)`"),
        Reason::DivisionByZero => {
            SqlError::new("sql-division-by-zero", format!("`{text}` divides by zero"))
                .help("write `NULLIF(divisor, 0)` to get null instead")
        }
        Reason::Cast => SqlError::new("sql-cast", format!("`{text}` fails"))
            .label(words(&fault.detail))
            .help("write `TRY_CAST(… AS …)` to get null instead"),
    };
    error.at(fault.range.clone())
}

fn execution(text: &str) -> SqlError {
    let error = SqlError::new("sql-runtime", words(text));
    if text.to_lowercase().contains("scalar subquery returned more than one row") {
        return error.help("take one row of it: aggregate with `max(…)`, or write `LIMIT 1`");
    }
    error
}

/// Finds the pattern that the regex crate draws, if it stands in the query once.
fn pattern(text: &str, source: &Source) -> Option<Range<usize>> {
    let (_, drawing) = text.split_once("regex parse error:")?;
    let pattern = drawing.lines().find(|line| !line.trim().is_empty())?.trim();
    source.only_word(&format!("'{pattern}'"))
}

/// Gives the last line of what the regex crate draws, which says what is wrong.
fn regex(text: &str) -> Option<SqlError> {
    let (_, drawing) = text.split_once("regex parse error:")?;
    let why = drawing.lines().rev().find_map(|line| line.trim().strip_prefix("error: "))?;
    let message = format!("the regular expression can't be read: {why}");
    Some(
        SqlError::new("sql-regex", message)
            .help("a character such as `[` or `(` is written `\\[`, `\\(`"),
    )
}

fn arrow(error: &ArrowError) -> SqlError {
    match error {
        ArrowError::DivideByZero => SqlError::new("sql-division-by-zero", "a division by zero")
            .help("write `NULLIF(divisor, 0)` to get null instead"),
        ArrowError::CastError(text) | ArrowError::ParseError(text) => {
            SqlError::new("sql-cast", words(text))
        }
        ArrowError::ArithmeticOverflow(text) => SqlError::new("sql-overflow", words(text)),
        ArrowError::ComputeError(text)
        | ArrowError::InvalidArgumentError(text)
        | ArrowError::SchemaError(text) => SqlError::new("sql-runtime", words(text)),
        other => SqlError::new("sql-runtime", words(&other.to_string())),
    }
}

fn memory(text: &str) -> SqlError {
    SqlError::new("sql-memory", "the query needs more memory than it may take")
        .label(words(text))
        .help("raise `--memory`, or aggregate and filter in earlier stages")
}

fn schema(error: &SchemaError, source: &Source) -> SqlError {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            unknown_column(field, valid_fields).at(column_place(field, source))
        }
        SchemaError::AmbiguousReference { field } => {
            let name = field.flat_name();
            SqlError::new("sql-ambiguous-column", format!("several tables have a column `{name}`"))
                .help(format!("write the table before it: `table.{}`", field.name))
                .at(column_place(field, source))
        }
        SchemaError::DuplicateQualifiedField { name, .. }
        | SchemaError::DuplicateUnqualifiedField { name } => {
            SqlError::new("sql-doubled-column", format!("two columns are named `{name}`"))
                .help("give one of them another name with `AS`")
        }
    }
}

fn unknown_column(field: &Column, valid: &[Column]) -> SqlError {
    let name = field.flat_name();
    let error = SqlError::new("sql-unknown-column", format!("there is no column `{name}`"));
    let same_table: Vec<&Column> = valid
        .iter()
        .filter(|one| field.relation.is_some() && one.relation == field.relation)
        .collect();
    if !same_table.is_empty() {
        let names = same_table.iter().map(|one| one.name.as_str());
        return error.suggest(&field.name, names, "columns");
    }
    if field.relation.is_some() {
        let names: Vec<String> = valid.iter().map(Column::flat_name).collect();
        return error.suggest(&name, names.iter().map(String::as_str), "columns");
    }
    error.suggest(&field.name, valid.iter().map(|one| one.name.as_str()), "columns")
}

fn column_place(field: &Column, source: &Source) -> Option<Range<usize>> {
    let span = field.spans.first().and_then(|span| place(source, span));
    span.or_else(|| source.only_word(&field.name))
}

fn place(source: &Source, span: datafusion::common::Span) -> Option<Range<usize>> {
    let at =
        |place: datafusion::common::Location| Location { line: place.line, column: place.column };
    source.range(Span::new(at(span.start), at(span.end)))
}

fn planning(text: &str, source: &Source) -> SqlError {
    if let Some(column) = projected_twice(text) {
        return doubled_column(column).at(source.only_word("*"));
    }
    if let Some(column) = ungrouped(text) {
        let message = format!("the column `{column}` is neither grouped nor aggregated");
        return SqlError::new("sql-ungrouped", message)
            .help(format!("add `{column}` to `GROUP BY`, or take one value: `max({column})`"));
    }
    if let Some(operation) = operation(text) {
        let message = format!("there is no `{}`", words(operation));
        return SqlError::new("sql-type", message)
            .help("bring both sides to types that go together: `CAST(… AS …)`");
    }
    let error = match miscalled(text) {
        Some((call, why)) => {
            let error = SqlError::new("sql-type", format!("there is no `{}`", words(call)));
            why.map(words).into_iter().fold(error, SqlError::help)
        }
        None => SqlError::new("sql-type", words(text)),
    };
    match text.split_once("Candidate functions:\n") {
        Some((_, list)) => {
            let candidates = list.lines().map(|line| words(line.trim())).take(6);
            candidates.fold(error, |error, one| error.help(format!("it can be called as `{one}`")))
        }
        None => error,
    }
}

/// Finds the call whose arguments fit no function, and why where that says more than the call.
fn miscalled(text: &str) -> Option<(&str, Option<&str>)> {
    let (why, rest) = text.split_once("No function matches the given name and argument types '")?;
    let (call, _) = rest.split_once('\'')?;
    let says_more = !why.trim().is_empty() && !why.contains("coerce arguments to satisfy a call");
    Some((call, says_more.then_some(why)))
}

/// Finds the operation between types that DataFusion has no rule for: `Date32 + Utf8`.
fn operation(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("Cannot coerce arithmetic expression ")?;
    Some(rest.split_once(" to valid types")?.0)
}

/// Finds the column in DataFusion's long sentence about a name that is given twice.
fn projected_twice(text: &str) -> Option<&str> {
    let text = text.strip_prefix("Projections require unique expression names")?;
    let (_, rest) = text.split_once('"')?;
    let (column, _) = rest.split_once("\" at position")?;
    Some(column.rsplit_once('.').map_or(column, |(_, name)| name))
}

/// Finds the column in DataFusion's long sentence about grouping.
fn ungrouped(text: &str) -> Option<&str> {
    let (before, _) = text.split_once(" must appear in the GROUP BY clause")?;
    let start = before.rfind("column \"")? + "column \"".len();
    before.get(start..)?.strip_suffix('"')
}

/// Rewrites a message: one line, no marks, the language's types, a small letter first.
pub(super) fn words(text: &str) -> String {
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let mut line = without_marks(line.trim());
    for (theirs, ours) in TYPES {
        line = replace_word(&line, theirs, ours);
    }
    for prefix in ["Error during planning: ", "Execution error: ", "Arrow error: ", "Cast error: "]
    {
        line = line.strip_prefix(prefix).map(str::to_owned).unwrap_or(line);
    }
    let (line, _) = line.split_once(" You might need to add explicit").unwrap_or((&line, ""));
    lower_first(line.trim_end_matches('.').trim_end())
}

/// Takes the marks out of an expression that DataFusion printed.
fn without_marks(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut parens: Vec<bool> = Vec::new();
    let mut letters = text.chars().peekable();
    let mut after_mark = false;
    while let Some(letter) = letters.next() {
        match letter {
            MARK => {
                while letters.next_if(char::is_ascii_digit).is_some() {}
                after_mark = letters.peek() == Some(&'(');
            }
            '(' => {
                parens.push(after_mark);
                if !after_mark {
                    clean.push(letter);
                }
                after_mark = false;
            }
            ')' => {
                if !parens.pop().unwrap_or(false) {
                    clean.push(letter);
                }
            }
            letter => clean.push(letter),
        }
    }
    clean
}

fn replace_word(text: &str, from: &str, to: &str) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(from) {
        let (before, after) = (&rest[..at], &rest[at + from.len()..]);
        let word = |letter: char| letter.is_alphanumeric() || letter == '_';
        let whole = !before.ends_with(word) && !after.starts_with(word);
        replaced.push_str(before);
        replaced.push_str(if whole { to } else { from });
        rest = after;
    }
    replaced.push_str(rest);
    replaced
}
