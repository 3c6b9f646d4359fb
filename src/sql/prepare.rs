//! Text to plan: every finding about a query, and what is needed to run it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::DataFusionError;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::planner::SqlToRel;
use datafusion::sql::sqlparser::ast::{SelectItem, SetExpr, Statement};

use super::added::Functions;
use super::analysis::Analysis;
use super::check::{self, Checked};
use super::error::SqlError;
use super::names::Names;
use super::parse::{self, Parsed};
use super::rewrite::{self, Parameter};
use super::session::{Optimising, base};
use super::source::Source;
use super::{fault, guard, lineage, locate, unmark};
use crate::data::Table;

/// A query with all that it may name.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// The SQL text.
    pub text: &'a str,
    /// The tables, each as the parts of its name and its schema; more than it mentions is fine.
    pub tables: &'a [(Vec<String>, SchemaRef)],
    /// The parameters, without `$`; `file.name` is written `$file.name`.
    pub parameters: &'a [(String, Parameter)],
    /// The functions that it may call beside the built-in ones.
    pub functions: &'a Functions,
}

/// A query that was planned once and can run.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub(super) analysis: Analysis,
    pub(super) plan: LogicalPlan,
    pub(super) source: Arc<Source>,
}

impl Prepared {
    /// Gives what is known of the query.
    #[must_use]
    pub const fn analysis(&self) -> &Analysis {
        &self.analysis
    }
}

/// Finds out all about a query without running it.
///
/// # Errors
///
/// Gives every finding that can be told from the syntax, and the first about types.
pub fn analyse(query: &Query<'_>) -> Result<Analysis, Vec<SqlError>> {
    prepare(query).map(|prepared| prepared.analysis)
}

/// Plans a query, to run it later.
///
/// # Errors
///
/// As [`analyse`].
pub fn prepare(query: &Query<'_>) -> Result<Prepared, Vec<SqlError>> {
    guard::run(|| {
        let parsed = parse::query(query.text).map_err(|error| vec![error])?;
        prepare_parsed(parsed, query)
    })
    .unwrap_or_else(|error| Err(vec![error]))
}

/// Plans a query that was read.
pub(super) fn prepare_parsed(parsed: Parsed, query: &Query<'_>) -> Result<Prepared, Vec<SqlError>> {
    let tables: Vec<Vec<String>> = query.tables.iter().map(|(parts, _)| parts.clone()).collect();
    let parameters: Vec<&str> = query.parameters.iter().map(|(name, _)| name.as_str()).collect();
    let names =
        check::Names { tables: &tables, parameters: &parameters, functions: query.functions };
    let mut checked = check::check(&parsed.query, &parsed.source, names);
    if checked.errors.iter().any(|error| !is_about_names(error)) {
        return Err(sorted(checked.errors));
    }
    match plan(parsed, query, &checked) {
        Ok(prepared) if checked.errors.is_empty() => Ok(prepared),
        Ok(_) => Err(sorted(checked.errors)),
        Err(error) => {
            checked.errors.push(error);
            Err(sorted(checked.errors))
        }
    }
}

/// Tells whether planning can go on after a finding.
fn is_about_names(error: &SqlError) -> bool {
    matches!(error.code, "sql-unnamed" | "sql-volatile")
}

fn sorted(mut errors: Vec<SqlError>) -> Vec<SqlError> {
    errors.sort_by_key(|error| error.range.as_ref().map_or((usize::MAX, 0), |r| (r.start, r.end)));
    errors.dedup();
    errors
}

/// A plan whose types are settled, and where it divides whole numbers.
pub(super) struct Typed {
    pub(super) plan: LogicalPlan,
    pub(super) divisions: Vec<Range<usize>>,
    pub(super) source: Arc<Source>,
}

/// Plans a query up to its types.
pub(super) fn typed(parsed: Parsed, query: &Query<'_>) -> Result<Typed, DataFusionError> {
    let Parsed { query: mut tree, source } = parsed;
    let source = Arc::new(source);
    let values: BTreeMap<&str, &Parameter> =
        query.parameters.iter().map(|(name, value)| (name.as_str(), value)).collect();
    let sites = rewrite::rewrite(&mut tree, Arc::clone(&source), &values);
    let names = Names::new(query.tables, &sites, query.functions);
    let state = &base().state;
    let plan = SqlToRel::new(&names).sql_statement_to_plan(Statement::Query(tree))?;
    let plan = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {})?;
    let unmarked = unmark::unmark(plan)?;
    Ok(Typed { plan: unmarked.plan, divisions: unmarked.integer_divisions, source })
}

fn plan(parsed: Parsed, query: &Query<'_>, checked: &Checked) -> Result<Prepared, SqlError> {
    let body = (*parsed.query.body).clone();
    let source = parsed.source.clone();
    let placed = |error: DataFusionError| locate::locate(fault::explain(&error, &source), query);
    let typed = typed(parsed, query).map_err(placed)?;
    let schema = output(&typed.plan, &body, &source)?;
    finish(typed, schema, checked).map_err(placed)
}

/// Simplifies a plan, and finds what can't be computed whatever the rows are.
pub(super) fn optimised(plan: LogicalPlan) -> Result<LogicalPlan, DataFusionError> {
    base().state.optimizer().optimize(plan, &Optimising::begin(), |_, _| {})
}

/// Gives the schema of the output in the normal form, if each column has a name of its own.
fn output(plan: &LogicalPlan, body: &SetExpr, source: &Source) -> Result<SchemaRef, SqlError> {
    let mut names = BTreeSet::new();
    for field in plan.schema().fields() {
        if !names.insert(field.name()) {
            return Err(doubled(field.name(), body, source));
        }
    }
    let schema = Arc::clone(plan.schema().inner());
    match Table::new(schema, Vec::new()) {
        Ok(table) => Ok(Arc::clone(table.schema())),
        Err(error) => Err(SqlError::new("sql-type", error.to_string())),
    }
}

/// Says that two columns have one name; `check` found those that are both written out.
fn doubled(name: &str, body: &SetExpr, source: &Source) -> SqlError {
    let items = first_select(body);
    let wild = |item: &&SelectItem| {
        matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
    };
    let item = items.iter().rev().find(wild);
    let item = item.or_else(|| items.iter().find(|item| check::output_name(item) == Some(name)));
    check::doubled_column(name).at(item.and_then(|item| check::item_place(item, source)))
}

/// Gives the items of the `SELECT` that names a query's columns.
fn first_select(body: &SetExpr) -> &[SelectItem] {
    match body {
        SetExpr::Select(select) => &select.projection,
        SetExpr::Query(query) => first_select(&query.body),
        SetExpr::SetOperation { left, .. } => first_select(left),
        _ => &[],
    }
}

fn finish(typed: Typed, schema: SchemaRef, checked: &Checked) -> Result<Prepared, DataFusionError> {
    let Typed { plan, divisions, source } = typed;
    let (mut lineage, mut aggregated) = (BTreeMap::new(), BTreeMap::new());
    for (field, found) in schema.fields().iter().zip(lineage::lineage(&plan)?) {
        lineage.insert(field.name().clone(), found.from);
        if !found.aggregated_over.is_empty() {
            aggregated.insert(field.name().clone(), found.aggregated_over);
        }
    }
    let aggregates_over = lineage::aggregates_over(&plan)?;
    let plan = optimised(plan)?;
    let analysis = Analysis {
        schema,
        reads: lineage::reads(&plan)?,
        lineage,
        aggregated,
        aggregates_over,
        parameters: checked.parameters.clone(),
        functions: checked.functions.clone(),
        clocks: checked.clocks.clone(),
        lints: divisions.iter().map(|range| integer_division(range, &source)).collect(),
    };
    Ok(Prepared { analysis, plan, source })
}

fn integer_division(range: &Range<usize>, source: &Source) -> SqlError {
    let text = source.slice(range);
    let message = format!("`{text}` divides whole numbers and drops the remainder");
    SqlError::new("sql-integer-division", message)
        .at(range.clone())
        .help("write `CAST(x AS DOUBLE) / y` for a fraction")
}
