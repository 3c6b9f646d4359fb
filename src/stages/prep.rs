//! `prep`: one SQL query over other tables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::compute::kernels::cast_utils::parse_decimal;
use arrow::datatypes::{DataType, Decimal128Type, SchemaRef};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::data::{ColumnType, Hash, Hasher, date_of, timestamp_of};
use crate::diag::Diagnostic;
use crate::params;
use crate::params::{Args, Code, Kind, Params, Setting, Signature};
use crate::plan::{
    Artifact, Caching, Catalog, Checked, Checking, Failure, Lineage, Mention, Output, Produced,
    Reads, Remembered, Running, Source, StageKind, TableType, Task, Work,
};
use crate::sql::{self, Analysis, Outline, Parameter, Query, SqlError};
use crate::syntax::ast::{Number, Value};

params! {
    /// One SQL query over other tables.
    ///
    /// The tables that the query names are its inputs. It is one `SELECT` or `WITH … SELECT`.
    pub(super) struct Prep("prep", 0) {
        /// The query: a string, or `file("query.sql")`.
        sql: Setting as (Kind::Code),
    }
}

/// The registered kind.
pub(super) struct PrepKind;

impl StageKind for PrepKind {
    fn signature(&self) -> &'static Signature {
        const { &Prep::SIGNATURE }
    }

    fn mentions(&self, args: &Args, checking: &mut Checking<'_>) -> Vec<Mention> {
        let Some(Setting::Code(code)) = args.get("sql").map(|bound| &bound.setting) else {
            return Vec::new();
        };
        match outline(code, checking) {
            Ok(outline) => outline
                .mentions
                .into_iter()
                .map(|mention| Mention { path: mention.parts, span: code.span(&mention.range) })
                .collect(),
            Err(error) => {
                report(checking, code, error);
                Vec::new()
            }
        }
    }

    fn check(&self, args: &Args, checking: &mut Checking<'_>) -> Option<Checked> {
        let Some(Setting::Code(code)) = args.get("sql").map(|bound| &bound.setting) else {
            return None;
        };
        let outline = outline(code, checking).ok()?;
        let tables = tables(outline.mentions, code, checking)?;
        let parameters = parameters(checking);
        let analysis = analyse(code, &tables, &parameters, checking)?;
        for lint in &analysis.lints {
            let diagnostic =
                Diagnostic::warning(lint.code, place(code, lint), lint.message.clone());
            checking.report(lint.help.iter().cloned().fold(diagnostic, Diagnostic::help));
        }
        refuse_clocks(args, code, &analysis, checking)?;
        checking.used.extend(analysis.parameters.iter().cloned());
        let used: Vec<(String, Parameter)> =
            parameters.into_iter().filter(|(name, _)| analysis.parameters.contains(name)).collect();
        let reads = |table: &Source<TableType>| {
            if table.kind.open {
                // A `SELECT *` reads columns that nobody can name yet.
                return Reads::All;
            }
            Reads::Columns(analysis.reads.get(&table.name).cloned().unwrap_or_default())
        };
        let mut settings = json!({
            "sql": outline.canonical,
            "engine": sql::VERSION,
            "parameters": used
                .iter()
                .map(|(name, value)| (name.clone(), json!(format!("{value:?}"))))
                .collect::<serde_json::Map<_, _>>(),
        });
        if !analysis.functions.is_empty() {
            settings["functions"] = json!(analysis.functions);
        }
        let output = TableType {
            schema: Some(Arc::clone(&analysis.schema)),
            open: tables.iter().any(|table| table.kind.open),
            lineage: Arc::new(lineage(&analysis, &tables)),
        };
        let work = Arc::new(Querying {
            code: code.clone(),
            names: tables.iter().map(|table| table.name.clone()).collect(),
            parameters: used,
        });
        let task = Task {
            inputs: tables.iter().map(|table| table.input(reads(table))).collect(),
            settings,
            files: Vec::new(),
            writes: Vec::new(),
            work,
            caching: Caching::Keyed,
        };
        Some(Checked { outputs: vec![("", Output::Table(output))], task: Some(task) })
    }
}

/// Refuses the clock in a stage whose result is kept: it would never be the same again.
fn refuse_clocks(
    args: &Args,
    code: &Code,
    analysis: &Analysis,
    checking: &mut Checking<'_>,
) -> Option<()> {
    let is_kept = args.get("cache").is_none_or(|bound| bound.setting == Setting::Bool(true));
    if !is_kept || analysis.clocks.is_empty() {
        return Some(());
    }
    for clock in &analysis.clocks {
        report(checking, code, clock.clone());
    }
    None
}

/// Finds the tables of a query, each once.
fn tables(
    mentions: Vec<sql::Mention>,
    code: &Code,
    checking: &mut Checking<'_>,
) -> Option<Vec<Source<TableType>>> {
    let mut tables: BTreeMap<String, Option<Source<TableType>>> = BTreeMap::new();
    for mention in mentions {
        let name = mention.parts.join(".");
        if tables.contains_key(&name) {
            continue;
        }
        let span = code.span(&mention.range);
        let found =
            checking.source(&mention.parts, span).and_then(|source| match source.kind.clone() {
                Output::Table(kind) => Some(source.of(kind)),
                other => {
                    checking.report(
                        Diagnostic::error(
                            "wrong-output",
                            span,
                            format!("`{name}` is {}, not a table", other.spoken()),
                        )
                        .label("expected a table"),
                    );
                    None
                }
            });
        tables.insert(name, found);
    }
    tables.into_values().collect()
}

/// Gives the pipeline's parameters as SQL takes them.
pub(super) fn parameters(checking: &Checking<'_>) -> Vec<(String, Parameter)> {
    checking
        .parameters
        .iter()
        .filter_map(|(name, given)| match (&given.value, &given.kind) {
            (Some(value), Some(kind)) => Some((name.clone(), parameter(&value.node, kind)?)),
            // Wrong and reported already: null stands for it, so that nothing is reported twice.
            _ => Some((name.clone(), Parameter::Null)),
        })
        .collect()
}

/// Gives a value as its declared type has it in SQL.
fn parameter(value: &Value, kind: &ColumnType) -> Option<Parameter> {
    let decimal = |text: &str| match kind.arrow {
        DataType::Decimal128(precision, scale) => {
            let value = parse_decimal::<Decimal128Type>(text, precision, scale).ok()?;
            Some(Parameter::Decimal { value, precision, scale })
        }
        _ => None,
    };
    match value {
        Value::Null => Some(Parameter::Null),
        Value::Bool(flag) => Some(Parameter::Bool(*flag)),
        Value::Number(Number::Int(number)) => {
            decimal(&number.to_string()).or(Some(Parameter::Int(*number)))
        }
        Value::Number(Number::Float(number)) => {
            decimal(&number.to_string()).or(Some(Parameter::Float(*number)))
        }
        Value::Text(text) => match kind.arrow {
            DataType::Date32 => date_of(&text.value).map(Parameter::Date),
            DataType::Timestamp(..) => timestamp_of(&text.value).map(Parameter::Timestamp),
            _ => Some(Parameter::Text(text.value.clone())),
        },
        Value::Duration(nanoseconds) => Some(Parameter::Duration(*nanoseconds)),
        Value::List(items) => items
            .iter()
            .map(|item| parameter(&item.node, kind))
            .collect::<Option<_>>()
            .map(Parameter::List),
        _ => None,
    }
}

/// Analyses a query, or remembers what was found before.
fn analyse(
    code: &Code,
    tables: &[Source<TableType>],
    parameters: &[(String, Parameter)],
    checking: &mut Checking<'_>,
) -> Option<Analysis> {
    let schemas: Vec<(Vec<String>, SchemaRef)> = tables
        .iter()
        .map(|table| Some((parts(&table.name), table.kind.planned(words(code))?)))
        .collect::<Option<_>>()?;
    let functions = checking.registry().functions();
    let key = key(code, &schemas, parameters, functions);
    let query = Query { text: &code.text.value, tables: &schemas, parameters, functions };
    let found = remembered(checking.catalog, Remembered::Analysis, key, || sql::analyse(&query));
    found.map_err(|errors| errors.into_iter().for_each(|error| report(checking, code, error))).ok()
}

/// Outlines a query, or remembers what was found before.
fn outline(code: &Code, checking: &Checking<'_>) -> Result<Outline, SqlError> {
    let text = code.text.value.as_str();
    let key = Hasher::new().text(sql::VERSION).text(text).finish();
    remembered(checking.catalog, Remembered::Outline, key, || sql::outline(text))
}

/// Recalls what was found before, or finds it and remembers it.
fn remembered<T: Serialize + DeserializeOwned, E>(
    catalog: &dyn Catalog,
    kind: Remembered,
    key: Hash,
    find: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    let recalled = catalog.recall(kind, key);
    if let Some(found) = recalled.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
        return Ok(found);
    }
    let found = find()?;
    if let Ok(bytes) = serde_json::to_vec(&found) {
        catalog.remember(kind, key, &bytes);
    }
    Ok(found)
}

fn parts(name: &str) -> Vec<String> {
    name.split('.').map(str::to_owned).collect()
}

/// Gives the words of a query, and what stands in double quotes in it: names of columns are among
/// these.
pub(super) fn words(code: &Code) -> impl Iterator<Item = &str> {
    let text = code.text.value.as_str();
    let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    words.chain(text.split('"').skip(1).step_by(2))
}

/// Names an analysis by all that it depends on.
fn key(
    code: &Code,
    schemas: &[(Vec<String>, SchemaRef)],
    parameters: &[(String, Parameter)],
    functions: &sql::Functions,
) -> Hash {
    let mut hasher = Hasher::new();
    hasher.text(sql::VERSION).text(&code.text.value);
    for (name, schema) in schemas {
        hasher.text(&name.join("."));
        for field in schema.fields() {
            hasher.text(field.name()).text(&field.data_type().to_string());
            let mut metadata: Vec<_> = field.metadata().iter().collect();
            metadata.sort();
            hasher.text(&format!("{metadata:?}"));
        }
    }
    for (name, value) in parameters {
        hasher.text(name).text(&format!("{value:?}"));
    }
    for own in functions.added() {
        hasher.text(own.name()).update(&own.version().to_le_bytes());
    }
    hasher.finish()
}

/// Follows each column to the ingested columns that it derives from.
fn lineage(analysis: &Analysis, tables: &[Source<TableType>]) -> Lineage {
    let origin = |table: &String, column: &String| -> BTreeSet<String> {
        tables
            .iter()
            .find(|source| source.name == *table)
            .and_then(|source| source.kind.lineage.get(column).cloned())
            .unwrap_or_default()
    };
    analysis
        .lineage
        .iter()
        .map(|(column, from)| {
            let origins = from.iter().flat_map(|(table, column)| origin(table, column)).collect();
            (column.clone(), origins)
        })
        .collect()
}

fn place(code: &Code, error: &SqlError) -> crate::text::Span {
    let whole = 0..code.text.value.len();
    code.span(error.range.as_ref().unwrap_or(&whole))
}

/// Reports a finding of `sql` at its place in the user's file.
pub(super) fn report(checking: &mut Checking<'_>, code: &Code, error: SqlError) {
    let span = place(code, &error);
    let diagnostic = Diagnostic::error(error.code, span, error.message).label(error.label);
    checking.report(error.help.into_iter().fold(diagnostic, Diagnostic::help));
}

/// Words an error of a query that ran: what went wrong, with the value at fault where it is known.
pub(super) fn failure(code: &Code, error: SqlError) -> Failure {
    if error.code == sql::STOPPED {
        return Failure::stopped();
    }
    let span = place(code, &error);
    let message = if error.label.is_empty() {
        error.message
    } else {
        format!("{}: {}", error.message, error.label)
    };
    error.help.into_iter().fold(Failure::new(message).at(span), Failure::help)
}

/// The work of a prep.
struct Querying {
    code: Code,
    names: Vec<String>,
    parameters: Vec<(String, Parameter)>,
}

impl Work for Querying {
    fn run(&self, inputs: &[Artifact], running: &dyn Running) -> Result<Produced, Failure> {
        let tables: Vec<_> = self
            .names
            .iter()
            .zip(inputs)
            .map(|(name, input)| Ok((parts(name), input.table()?.clone())))
            .collect::<Result<_, Failure>>()?;
        let query = sql::Execution {
            text: &self.code.text.value,
            tables: &tables,
            parameters: &self.parameters,
            functions: running.registry().functions(),
            limits: running.limits(),
        };
        let table =
            sql::execute(&query, running.runtime()).map_err(|error| failure(&self.code, error))?;
        Ok(Produced { outputs: vec![Artifact::Table(table)], ..Produced::default() })
    }
}
