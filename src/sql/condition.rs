//! A condition over the rows of one table, as in `holds("age >= 18")`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::nullif;
use arrow::datatypes::{DataType, Float32Type, Float64Type, SchemaRef};
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Query as Tree, SelectItem, SetExpr, Visit, Visitor,
};
use tokio::runtime::Handle;

use super::added::Functions;
use super::error::SqlError;
use super::execute::Limits;
use super::guard;
use super::parse::{self, Parsed};
use super::prepare::{Prepared, Query, prepare_parsed};
use super::rewrite::Parameter;
use super::session::base;
use super::source::Source;
use crate::data::Table;

/// The name by which a condition's table can be written before a column.
const TABLE: &str = "data";

/// The column of a condition's result.
const HOLDS: &str = "holds";

/// A condition that was checked against a table's schema.
#[derive(Clone, Debug)]
pub struct Condition {
    prepared: Prepared,
}

impl Condition {
    /// Gives the columns that the condition reads.
    #[must_use]
    pub fn reads(&self) -> BTreeSet<String> {
        self.prepared.analysis.reads.get(TABLE).cloned().unwrap_or_default()
    }

    /// Gives the parameters that it uses, without `$`.
    #[must_use]
    pub const fn parameters(&self) -> &BTreeSet<String> {
        &self.prepared.analysis.parameters
    }

    /// Gives the added functions that it calls, with their versions.
    #[must_use]
    pub const fn functions(&self) -> &BTreeMap<String, u32> {
        &self.prepared.analysis.functions
    }

    /// Finds the rows, counted from zero, for which the condition is false; null passes.
    ///
    /// NaN counts as missing here, as wherever a check reads a column.
    ///
    /// # Errors
    ///
    /// As [`execute`](super::execute).
    pub fn failing_rows(
        &self,
        table: &Table,
        limits: Limits<'_>,
        runtime: &Handle,
    ) -> Result<Vec<u64>, SqlError> {
        let tables = [(vec![TABLE.to_owned()], without_nan(table)?)];
        let held = self.prepared.execute(&tables, limits, runtime)?;
        let mut failing = Vec::new();
        let mut row = 0;
        for batch in held.batches() {
            let Some(column) = batch.columns().first() else { continue };
            if let Some(values) = column.as_boolean_opt() {
                let false_at = |at: &usize| values.is_valid(*at) && !values.value(*at);
                failing.extend((0..values.len()).filter(false_at).map(|at| row + at as u64));
            }
            row += batch.num_rows() as u64;
        }
        Ok(failing)
    }
}

/// Checks a condition over the rows of one table.
///
/// # Errors
///
/// Gives what is wrong with it, with places in its text; aggregates, windows and subqueries are
/// refused, because they are no matter of one row.
pub fn condition(
    text: &str,
    schema: &SchemaRef,
    parameters: &[(String, Parameter)],
    functions: &Functions,
) -> Result<Condition, Vec<SqlError>> {
    let checked = guard::run(|| {
        let (expr, source) = parse::expression(text).map_err(|error| vec![error])?;
        refuse_more_than_a_row(&expr, &source)?;
        let tables = [(vec![TABLE.to_owned()], Arc::clone(schema))];
        let query = Query { text, tables: &tables, parameters, functions };
        let place = source.cover_expr(&expr);
        let tree = tree(expr).map_err(|error| vec![error])?;
        let prepared = prepare_parsed(Parsed { query: Box::new(tree), source }, &query)?;
        let found = prepared.analysis.schema.field(0).data_type().clone();
        if !matches!(found, DataType::Boolean | DataType::Null) {
            let kind = crate::data::ColumnType::new(found);
            let message = format!("a condition is true or false, and this is of type `{kind}`");
            return Err(vec![SqlError::new("sql-type", message).at(place)]);
        }
        Ok(Condition { prepared })
    });
    checked.unwrap_or_else(|error| Err(vec![error]))
}

/// Makes `SELECT expr AS holds FROM data`.
fn tree(expr: Expr) -> Result<Tree, SqlError> {
    let parsed = parse::query(&format!("SELECT 1 AS {HOLDS} FROM {TABLE}"))?;
    let mut tree = *parsed.query;
    if let SetExpr::Select(select) = &mut *tree.body {
        select.projection = vec![SelectItem::ExprWithAlias { expr, alias: Ident::new(HOLDS) }];
    }
    Ok(tree)
}

fn refuse_more_than_a_row(expr: &Expr, source: &Source) -> Result<(), Vec<SqlError>> {
    let mut finder = MoreThanARow { source, errors: Vec::new() };
    let ControlFlow::Continue(()) = expr.visit(&mut finder);
    if finder.errors.is_empty() { Ok(()) } else { Err(finder.errors) }
}

struct MoreThanARow<'a> {
    source: &'a Source,
    errors: Vec<SqlError>,
}

impl Visitor for MoreThanARow<'_> {
    type Break = std::convert::Infallible;

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Self::Break> {
        let what = match expr {
            Expr::Function(function) if function.over.is_some() => "a window function",
            Expr::Function(function) => {
                let name = function.name.to_string().to_lowercase();
                let scalar = base().scalars.contains_key(&name);
                if scalar || !base().aggregates.contains_key(&name) {
                    return ControlFlow::Continue(());
                }
                "an aggregate"
            }
            Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => "a subquery",
            _ => return ControlFlow::Continue(()),
        };
        let message = format!("{what} cannot stand in a condition over single rows");
        self.errors.push(
            SqlError::new("sql-unsupported", message)
                .at(self.source.cover_expr(expr))
                .help("compute it in a `prep` stage, and check that stage's table"),
        );
        ControlFlow::Continue(())
    }
}

/// Gives a table whose NaN are null; shares all columns without NaN.
fn without_nan(table: &Table) -> Result<Table, SqlError> {
    let batches = table.batches().iter().map(|batch| {
        let columns = batch.columns().iter().map(nan_to_null).collect::<Result<Vec<_>, _>>()?;
        RecordBatch::try_new(batch.schema(), columns)
    });
    let internal = |text: String| SqlError::new("sql-internal", text);
    let batches =
        batches.collect::<Result<Vec<_>, _>>().map_err(|error| internal(error.to_string()))?;
    Table::new(Arc::clone(table.schema()), batches).map_err(|error| internal(error.to_string()))
}

fn nan_to_null(column: &ArrayRef) -> Result<ArrayRef, arrow::error::ArrowError> {
    let nan = match column.data_type() {
        DataType::Float64 => {
            let values = column.as_primitive::<Float64Type>();
            if !values.values().iter().any(|value| value.is_nan()) {
                return Ok(Arc::clone(column));
            }
            arrow::array::BooleanArray::from_unary(values, f64::is_nan)
        }
        DataType::Float32 => {
            let values = column.as_primitive::<Float32Type>();
            if !values.values().iter().any(|value| value.is_nan()) {
                return Ok(Arc::clone(column));
            }
            arrow::array::BooleanArray::from_unary(values, f32::is_nan)
        }
        _ => return Ok(Arc::clone(column)),
    };
    nullif(column, &nan)
}
