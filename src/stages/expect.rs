//! `expect`: holds a table against conditions, and keeps the rows that fail.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray};
use arrow::buffer::BooleanBuffer;
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;

use serde_json::{Value as Json, json};

use super::kept::kept;
use super::{checks, fits};
use crate::data::{BATCH_ROWS, Table};
use crate::diag::Diagnostic;
use crate::params;
use crate::params::{Args, Bound, Call, Code, Family, Kind, Params, Setting, Signature};
use crate::plan::{
    Artifact, Caching, Checked, Checking, Failure, Output, Produced, Progress, Reads, Role,
    Running, Source, StageKind, TableType, Task, Unmet, Work,
};
use crate::sql;

params! {
    /// Holds a table against conditions, before anything else reads it.
    ///
    /// Every stage that reads the table waits for this one. The rows that fail are in `.failures`.
    pub(super) struct Expect("expect", 0) {
        /// The table.
        data: Setting as (Kind::Stage),
        /// The conditions: checks such as `not_null(age)`, or comparisons such as `row_count >= 10`.
        checks: Setting as (Kind::List(&Kind::OneOf(&[
            Kind::Compare(Family::Measure),
            Kind::Call(Family::Check),
        ]))),
        /// What a failed condition does.
        on_fail: OnFail = OnFail::Stop,
    }
}

params! {
    /// What a failed condition does.
    pub(super) enum OnFail {
        /// Stops every stage that reads the table.
        Stop = "stop",
        /// Warns, and lets the others go on.
        Warn = "warn",
    }
}

/// The registered kind.
pub(super) struct ExpectKind;

impl StageKind for ExpectKind {
    fn signature(&self) -> &'static Signature {
        const { &Expect::SIGNATURE }
    }

    fn version(&self) -> u32 {
        3
    }

    fn role(&self) -> Role {
        Role::Guard
    }

    fn check(&self, args: &Args, checking: &mut Checking<'_>) -> Option<Checked> {
        let expect = Expect::from_args(args)?;
        let data = checking.table(args.get("data")?)?;
        let Setting::List(items) = &args.get("checks")?.setting else { return None };
        let mut inputs = vec![data.input(Reads::All)];
        let mut conditions = Vec::new();
        let mut right = true;
        for item in items {
            match condition(item, &data, checking) {
                Some((condition, input)) => {
                    let other = input.map(|input| {
                        inputs.push(input);
                        inputs.len() - 1
                    });
                    conditions.push(Condition { other, ..condition });
                }
                None => right = false,
            }
        }
        if !right {
            return None;
        }
        let schema = data.kind.schema.as_ref().map(failures_schema);
        let failures =
            TableType { schema, open: data.kind.open, lineage: Arc::clone(&data.kind.lineage) };
        let task = Task {
            inputs,
            settings: settings(args, &conditions),
            files: Vec::new(),
            writes: Vec::new(),
            work: Arc::new(Holding { conditions, warn: expect.on_fail == OnFail::Warn }),
            caching: Caching::Keyed,
        };
        Some(Checked { outputs: vec![("failures", Output::Table(failures))], task: Some(task) })
    }
}

/// Writes the fields canonically, with what the SQL in them depends on beside its text.
fn settings(args: &Args, conditions: &[Condition]) -> Json {
    let mut settings = args.canonical();
    let queries: Vec<Json> = conditions.iter().filter_map(|own| own.sql.clone()).collect();
    if !queries.is_empty() {
        settings["queries"] = Json::Array(queries);
    }
    settings
}

/// Takes the column off the end of what `references` names.
fn referred(item: &Bound) -> Option<(crate::plan::Mention, String)> {
    let Setting::Call(call) = &item.setting else { return None };
    let to = call.args.get("to")?;
    let Setting::Stage(path) = &to.setting else { return None };
    let (column, table) = path.split_last()?;
    let mention = crate::plan::Mention { path: table.to_vec(), span: to.span };
    Some((mention, column.clone()))
}

/// One condition of an `expect`.
struct Condition {
    /// The check as it was written, for `.failures`.
    spoken: String,
    /// Its number among the stage's entries.
    entry: usize,
    item: Setting,
    /// The input that holds the other table of `references`.
    other: Option<usize>,
    /// The other table's column.
    column: Option<String>,
    /// The parameters that SQL may use.
    parameters: Vec<(String, sql::Parameter)>,
    /// What SQL depends on beside its text: the values of its parameters, the functions that it calls.
    sql: Option<Json>,
}

/// Checks one condition against the columns of the table.
fn condition(
    item: &Bound,
    data: &Source<TableType>,
    checking: &mut Checking<'_>,
) -> Option<(Condition, Option<crate::plan::Input>)> {
    let call = match &item.setting {
        Setting::Call(call) => call,
        Setting::Compare(None, left, ..) => match &left.setting {
            Setting::Call(call) => call,
            _ => return None,
        },
        Setting::Compare(Some(prefix), ..) => {
            checking.report(
                Diagnostic::error(
                    "unknown-word",
                    item.span,
                    format!("`{prefix}.` has no meaning in a check"),
                )
                .help("a check is about the table in `data` alone"),
            );
            return None;
        }
        _ => return None,
    };
    let columns = checks::columns(call);
    for (column, span) in &columns {
        checking.has_column(column, data, *span).then_some(())?;
    }
    let code = match call.args.get("condition").map(|bound| &bound.setting) {
        Some(Setting::Code(code)) => Some(code),
        _ => None,
    };
    // An open table may have columns whose names nobody knows before the run.
    let named = columns.iter().map(|(column, _)| column.as_str());
    let schema =
        data.kind.planned(named.chain(code.iter().flat_map(|code| super::prep::words(code))));
    let limit = match &item.setting {
        Setting::Compare(_, _, _, limit) => fits::limit_misfit(call, limit),
        _ => None,
    };
    let misfit = || schema.as_deref().and_then(|schema| fits::misfit(call, schema));
    if let Some(misfit) = limit.or_else(misfit) {
        let diagnostic = Diagnostic::error("check-misfit", misfit.span, misfit.message);
        checking.report(misfit.help.into_iter().fold(diagnostic, Diagnostic::help));
        return None;
    }
    let parameters = super::prep::parameters(checking);
    let mut queried = None;
    if let (Some(code), Some(schema)) = (code, &schema) {
        let functions = checking.registry().functions();
        match sql::condition(&code.text.value, schema, &parameters, functions) {
            Ok(condition) => {
                checking.used.extend(condition.parameters().iter().cloned());
                queried = Some(depends_on(&condition, &parameters));
            }
            Err(errors) => {
                for error in errors {
                    super::prep::report(checking, code, error);
                }
                return None;
            }
        }
    }
    if let Some(bound) = call.args.get("pattern")
        && let Setting::Text(text) = &bound.setting
        && let Err(failure) = checks::pattern(text)
    {
        checking.report(Diagnostic::error("bad-pattern", bound.span, failure.message));
        return None;
    }
    let (input, column) = match referred(item) {
        None => (None, None),
        Some((mention, column)) => {
            let source = checking.source(&mention.path, mention.span)?;
            let Output::Table(table) = &source.kind else {
                checking.report(Diagnostic::error(
                    "wrong-output",
                    mention.span,
                    format!("`{}` is no table", source.name),
                ));
                return None;
            };
            let other = source.clone().of(table.clone());
            checking.has_column(&column, &other, mention.span).then_some(())?;
            let others = other.kind.planned([column.as_str()]);
            let schemas = schema.as_deref().zip(others.as_deref());
            same_sort(call, schemas, &column, mention.span, checking)?;
            (Some(source.input(Reads::Columns([column.clone()].into()))), Some(column))
        }
    };
    let (spoken, entry) = (item.setting.spoken(), checking.entry(item.span));
    let item = item.setting.clone();
    Some((Condition { spoken, entry, item, other: None, column, parameters, sql: queried }, input))
}

/// Writes what a condition depends on beside its text.
fn depends_on(condition: &sql::Condition, parameters: &[(String, sql::Parameter)]) -> Json {
    let used = parameters.iter().filter(|(name, _)| condition.parameters().contains(name));
    let used = used.map(|(name, value)| (name.clone(), json!(format!("{value:?}"))));
    json!({
        "engine": sql::VERSION,
        "parameters": used.collect::<serde_json::Map<_, _>>(),
        "functions": condition.functions(),
    })
}

/// Checks that the two columns of `references` can have a value in common.
fn same_sort(
    call: &Call,
    schemas: Option<(&Schema, &Schema)>,
    column: &str,
    span: crate::text::Span,
    checking: &mut Checking<'_>,
) -> Option<()> {
    let own = checks::columns(call).into_iter().next().map(|(name, _)| name)?;
    let Some((schema, other)) = schemas else { return Some(()) };
    let kind = |schema: &Schema, name: &str| {
        schema.field_with_name(name).map(|field| field.data_type().clone()).ok()
    };
    let (one, two) = (kind(schema, &own)?, kind(other, column)?);
    if fits::comparable(&one, &two) {
        return Some(());
    }
    let spoken = |kind: DataType| crate::data::ColumnType::new(kind).to_string();
    checking.report(
        Diagnostic::error(
            "check-misfit",
            span,
            format!("`{own}` is {}, and this column is {}", spoken(one), spoken(two)),
        )
        .help("give both the same type: `schema` in an `ingest`, or `CAST` in a `prep`"),
    );
    None
}

/// Gives the columns of `.failures`: the check and the row before those of the table.
fn failures_schema(schema: &SchemaRef) -> SchemaRef {
    let own = [Field::new("check", DataType::Utf8, true), Field::new("row", DataType::Int64, true)];
    let fields: Vec<Arc<Field>> =
        own.into_iter().map(Arc::new).chain(schema.fields().iter().cloned()).collect();
    Arc::new(Schema::new(fields))
}

/// The work of an `expect`.
struct Holding {
    conditions: Vec<Condition>,
    warn: bool,
}

impl Work for Holding {
    fn run(&self, inputs: &[Artifact], running: &dyn Running) -> Result<Produced, Failure> {
        let table =
            inputs.first().ok_or_else(|| Failure::new("there is no table to check"))?.table()?;
        let mut found = Vec::new();
        for (done, condition) in self.conditions.iter().enumerate() {
            if running.stop().load(Ordering::Relaxed) {
                return Err(Failure::stopped());
            }
            running.progress(Progress {
                done: done as u64,
                total: Some(self.conditions.len() as u64),
                unit: "checks",
                note: condition.spoken.clone(),
            });
            found.push(condition.holds(table, inputs, running)?);
        }
        let failures = self.failures(table, &found, running)?;
        let mut produced = Produced { outputs: vec![failures], ..Produced::default() };
        let findings = self.conditions.iter().zip(found).filter_map(|(condition, found)| {
            Some(Unmet { entry: condition.entry, message: found.finding? })
        });
        if self.warn {
            produced.warnings = findings.map(|finding| finding.message).collect();
        } else {
            produced.unmet = findings.collect();
        }
        Ok(produced)
    }
}

impl Holding {
    /// Gathers the failed rows, with the check that each failed.
    fn failures(
        &self,
        table: &Table,
        found: &[Found],
        running: &dyn Running,
    ) -> Result<Artifact, Failure> {
        let schema = failures_schema(table.schema());
        let count = found.iter().map(|found| found.rows.count_set_bits()).sum();
        let checks = self.conditions.iter().zip(found);
        let pieces = checks.flat_map(|(condition, found)| {
            let batches = table.batches().iter().enumerate();
            batches.map(move |(at, batch)| (condition, found, at * BATCH_ROWS, batch))
        });
        let batches = pieces.filter_map(|(condition, found, start, batch)| {
            let rows = found.rows.slice(start, batch.num_rows());
            let some = rows.count_set_bits() > 0;
            some.then(|| failed(&schema, &condition.spoken, (start, rows), batch))
        });
        running.pool().install(|| kept(&schema, count, batches, running))
    }
}

/// Takes the marked rows of a batch, with the check that they failed; `start` is its first row.
fn failed(
    schema: &SchemaRef,
    check: &str,
    (start, marked): (usize, BooleanBuffer),
    batch: &RecordBatch,
) -> Result<RecordBatch, Failure> {
    let failure = |error: ArrowError| Failure::new(error.to_string());
    let number = |row: usize| i64::try_from(start + row).unwrap_or(i64::MAX);
    let numbers: Int64Array = marked.set_indices().map(number).collect();
    let checks = StringArray::from_iter_values(numbers.iter().map(|_| check));
    let own: [ArrayRef; 2] = [Arc::new(checks), Arc::new(numbers)];
    let picked = filter_record_batch(batch, &BooleanArray::new(marked, None)).map_err(failure)?;
    let columns = own.into_iter().chain(picked.columns().iter().cloned()).collect();
    RecordBatch::try_new(Arc::clone(schema), columns).map_err(failure)
}

/// Gives a count as a share of the rows; of no rows it is none.
fn share(count: f64, rows: usize) -> f64 {
    if rows == 0 { 0.0 } else { count / rows as f64 }
}

/// What holding a table against one condition found.
struct Found {
    /// The rows that fail it; none for a condition on the whole table.
    rows: BooleanBuffer,
    finding: Option<String>,
}

impl Condition {
    fn holds(
        &self,
        table: &Table,
        inputs: &[Artifact],
        running: &dyn Running,
    ) -> Result<Found, Failure> {
        let none = || BooleanBuffer::new_unset(table.rows());
        match &self.item {
            Setting::Compare(_, left, sign, right) => {
                let (Setting::Call(call), Some(limit)) = (&left.setting, right.setting.as_f64())
                else {
                    return Ok(Found { rows: none(), finding: None });
                };
                let measured = running.pool().install(|| checks::measure(call, table))?;
                let is_share = matches!(right.setting, Setting::Share(_))
                    && matches!(call.name, "missing" | "distinct");
                let value = if is_share { share(measured, table.rows()) } else { measured };
                let finding = (!sign.holds(value, limit)).then(|| {
                    let found = match value {
                        value if value.is_nan() => "there is no value to measure".to_owned(),
                        _ if is_share => {
                            format!("it is {measured} of {} rows", table.rows())
                        }
                        value => format!("it is {value}"),
                    };
                    format!("`{}` doesn't hold: {found}", self.spoken)
                });
                Ok(Found { rows: none(), finding })
            }
            Setting::Call(call) => {
                let rows = self.failing(call, table, inputs, running)?;
                let count = rows.count_set_bits();
                let finding = (count > 0).then(|| {
                    format!("`{}` fails in {count} of {} rows", self.spoken, table.rows())
                });
                Ok(Found { rows, finding })
            }
            _ => Ok(Found { rows: none(), finding: None }),
        }
    }

    fn failing(
        &self,
        call: &Call,
        table: &Table,
        inputs: &[Artifact],
        running: &dyn Running,
    ) -> Result<BooleanBuffer, Failure> {
        if let Some(Setting::Code(code)) = call.args.get("condition").map(|bound| &bound.setting) {
            return self.failing_condition(code, table, running);
        }
        let other: Option<Vec<ArrayRef>> = match (self.other, &self.column) {
            (Some(input), Some(column)) => {
                let other = inputs
                    .get(input)
                    .ok_or_else(|| Failure::new("the other table is not there"))?;
                Some(
                    other
                        .table()?
                        .column(column)
                        .map_err(|error| Failure::new(error.to_string()))?,
                )
            }
            _ => None,
        };
        running.pool().install(|| checks::failing(call, table, other.as_deref()))
    }

    /// Marks the rows for which a condition in SQL is false.
    fn failing_condition(
        &self,
        code: &Code,
        table: &Table,
        running: &dyn Running,
    ) -> Result<BooleanBuffer, Failure> {
        let worded = |error: sql::SqlError| super::prep::failure(code, error);
        let condition = sql::condition(
            &code.text.value,
            table.schema(),
            &self.parameters,
            running.registry().functions(),
        )
        .map_err(|errors| {
            errors.into_iter().next().map_or_else(|| Failure::new("the condition is wrong"), worded)
        })?;
        condition.failing(table, running.limits(), running.runtime()).map_err(worded)
    }
}
