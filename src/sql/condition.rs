//! A condition over the rows of one table, as in `holds("age >= 18")`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, BooleanBufferBuilder, RecordBatch};
use arrow::buffer::BooleanBuffer;
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
use crate::data::{BATCH_ROWS, Table, TableError};

/// The name by which a condition's table can be written before a column.
const TABLE: &str = "data";

/// The column of a condition's result.
const HOLDS: &str = "holds";

/// How many rows are looked at in one query.
const PIECE: usize = 16 * BATCH_ROWS;

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

    /// Marks the rows for which the condition is false; null passes.
    ///
    /// NaN counts as missing here, as wherever a check reads a column. Rows are gone through piece
    /// by piece, so that a table need not fit into memory.
    ///
    /// # Errors
    ///
    /// As [`execute`](super::execute).
    pub fn failing(
        &self,
        table: &Table,
        limits: Limits<'_>,
        runtime: &Handle,
    ) -> Result<BooleanBuffer, SqlError> {
        let internal = |error: TableError| SqlError::new("sql-internal", error.to_string());
        let reads = self.reads();
        let mut failing = BooleanBufferBuilder::new(table.rows());
        for start in (0..table.rows()).step_by(PIECE) {
            let piece = table.slice(start..start + PIECE).map_err(internal)?;
            let tables = [(vec![TABLE.to_owned()], without_nan(&piece, &reads)?)];
            let held = self.prepared.execute(&tables, limits, runtime)?;
            for batch in held.batches() {
                match batch.columns().first().and_then(|column| column.as_boolean_opt()) {
                    Some(values) => failing.append_buffer(&falses(values)),
                    None => failing.append_n(batch.num_rows(), false),
                }
            }
        }
        Ok(failing.finish())
    }
}

/// Marks the values that are false, and not null.
fn falses(values: &BooleanArray) -> BooleanBuffer {
    let falses = !values.values();
    match values.nulls() {
        Some(nulls) => &falses & nulls.inner(),
        None => falses,
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

/// Gives a table in which the NaN of some columns are null; shares all columns without NaN.
fn without_nan(table: &Table, reads: &BTreeSet<String>) -> Result<Table, SqlError> {
    let batches = table.batches().iter().map(|batch| {
        let schema = batch.schema();
        let columns = schema.fields().iter().zip(batch.columns());
        let columns = columns.map(|(field, column)| {
            if reads.contains(field.name()) { nan_to_null(column) } else { Ok(Arc::clone(column)) }
        });
        RecordBatch::try_new(Arc::clone(&schema), columns.collect::<Result<_, _>>()?)
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
            BooleanArray::from_unary(values, f64::is_nan)
        }
        DataType::Float32 => {
            let values = column.as_primitive::<Float32Type>();
            if !values.values().iter().any(|value| value.is_nan()) {
                return Ok(Arc::clone(column));
            }
            BooleanArray::from_unary(values, f32::is_nan)
        }
        _ => return Ok(Arc::clone(column)),
    };
    nullif(column, &nan)
}
