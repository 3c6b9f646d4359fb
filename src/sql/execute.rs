//! Runs a planned query over tables.
//!
//! Blocks the calling thread, which must not be a worker of the runtime. The tables' batches are
//! read where they lie. Nothing is spilled to disk: above the memory limit the query fails, because
//! what spills comes back in another order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::execution::TaskContext;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::logical_expr::{LogicalPlan, TableSource};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;
use futures::future::BoxFuture;
use tokio::runtime::Handle;

use super::added::Functions;
use super::error::{Code, SqlError};
use super::memory::Memory;
use super::names::KnownTable;
use super::prepare::{Prepared, Query, prepare};
use super::rewrite::Parameter;
use super::session::base;
use super::{fault, guard};
use crate::data::Table;

/// The code of the error by which a query ends that is to end.
pub const STOPPED: Code = "sql-stopped";

/// How often a running query looks whether it should stop.
const LOOK: Duration = Duration::from_millis(20);

/// What bounds a running query.
#[derive(Clone, Copy, Debug)]
pub struct Limits<'a> {
    /// Where the bytes of its working state and result come from.
    pub memory: &'a Memory,
    /// Set from another thread to stop it.
    pub stop: &'a AtomicBool,
}

/// A query, the tables that it reads, and what bounds it.
#[derive(Clone, Copy, Debug)]
pub struct Execution<'a> {
    /// The SQL text.
    pub text: &'a str,
    /// The tables, each by the parts of its name.
    pub tables: &'a [(Vec<String>, Table)],
    /// The parameters, without `$`.
    pub parameters: &'a [(String, Parameter)],
    /// The functions that it may call beside the built-in ones.
    pub functions: &'a Functions,
    /// What bounds it.
    pub limits: Limits<'a>,
}

/// Plans a query, runs it and waits for its result.
///
/// # Errors
///
/// Says what failed and, for an operation of the query, where it stands in the text.
pub fn execute(execution: &Execution<'_>, runtime: &Handle) -> Result<Table, SqlError> {
    let schemas = execution.tables.iter();
    let schemas = schemas.map(|(parts, table)| (parts.clone(), Arc::clone(table.schema())));
    let query = Query {
        text: execution.text,
        tables: &schemas.collect::<Vec<_>>(),
        parameters: execution.parameters,
        functions: execution.functions,
    };
    let first = |errors: Vec<SqlError>| errors.into_iter().next();
    let prepared = prepare(&query).map_err(|errors| {
        first(errors).unwrap_or_else(|| SqlError::new("sql-internal", "the query was refused"))
    })?;
    prepared.execute(execution.tables, execution.limits, runtime)
}

impl Prepared {
    /// Runs the query over tables of the schemas that it was planned for.
    ///
    /// The runtime waits for streams and must have its timer enabled.
    ///
    /// # Errors
    ///
    /// As [`execute`].
    pub fn execute(
        &self,
        tables: &[(Vec<String>, Table)],
        limits: Limits<'_>,
        runtime: &Handle,
    ) -> Result<Table, SqlError> {
        let ran = guard::run(|| {
            let plan = bind(&self.plan, tables)?;
            let context = context(limits)?;
            runtime.block_on(collect(plan, context, limits.stop))
        })?;
        let batches = ran.map_err(|error| fault::explain(&error, &self.source))?;
        let planned = || Arc::clone(&self.analysis.schema);
        let schema = batches.first().map_or_else(planned, RecordBatch::schema);
        Table::new(schema, batches)
            .map_err(|error| SqlError::new("sql-internal", error.to_string()))
    }
}

/// Puts the tables themselves where the plan has their schemas.
fn bind(plan: &LogicalPlan, tables: &[(Vec<String>, Table)]) -> Result<LogicalPlan> {
    let mut sources: BTreeMap<&[String], Arc<dyn TableSource>> = BTreeMap::new();
    for (parts, table) in tables {
        sources.insert(parts, source(table)?);
    }
    let bound = plan.clone().transform_up_with_subqueries(|node| {
        let LogicalPlan::TableScan(mut scan) = node else { return Ok(Transformed::no(node)) };
        let Some(known) = scan.source.as_ref().downcast_ref::<KnownTable>() else {
            return Ok(Transformed::no(LogicalPlan::TableScan(scan)));
        };
        let name = known.parts.join(".");
        let source = sources.get(known.parts.as_slice());
        let source = source.filter(|source| same_columns(&source.schema(), &known.schema));
        let Some(source) = source else {
            let message =
                format!("the table `{name}` is not the one that the query was planned for");
            return Err(DataFusionError::External(Box::new(SqlError::new(
                "sql-internal",
                message,
            ))));
        };
        scan.source = Arc::clone(source);
        Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
    })?;
    Ok(bound.data)
}

fn same_columns(left: &SchemaRef, right: &SchemaRef) -> bool {
    let columns = |schema: &SchemaRef| {
        let fields = schema.fields().iter();
        fields.map(|field| (field.name().clone(), field.data_type().clone())).collect::<Vec<_>>()
    };
    columns(left) == columns(right)
}

fn source(table: &Table) -> Result<Arc<dyn TableSource>> {
    let batches = vec![table.batches().to_vec()];
    let provider = MemTable::try_new(Arc::clone(table.schema()), batches)?;
    Ok(provider_as_source(Arc::new(provider)))
}

fn context(limits: Limits<'_>) -> Result<Arc<TaskContext>> {
    let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
    let runtime: Arc<RuntimeEnv> = RuntimeEnvBuilder::new()
        .with_disk_manager_builder(disk)
        .with_memory_pool(limits.memory.pool())
        .build_arc()?;
    let state = &base().state;
    let context = TaskContext::new(
        None,
        state.session_id().to_owned(),
        state.config().clone(),
        state.scalar_functions().clone(),
        state.higher_order_functions().clone(),
        state.aggregate_functions().clone(),
        state.window_functions().clone(),
        runtime,
    );
    Ok(Arc::new(context))
}

/// Plans the operators and gathers their batches.
///
/// A plain function that gives a boxed future: an `async fn` over a plan has the compiler prove
/// anew, for minutes, that it may cross threads.
fn collect(
    plan: LogicalPlan,
    context: Arc<TaskContext>,
    stop: &AtomicBool,
) -> BoxFuture<'_, Result<Vec<RecordBatch>>> {
    Box::pin(async move {
        let state = &base().state;
        let plan = state.query_planner().create_physical_plan(&plan, state).await?;
        gather(plan, context, stop).await
    })
}

fn gather(
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    stop: &AtomicBool,
) -> BoxFuture<'_, Result<Vec<RecordBatch>>> {
    Box::pin(async move {
        let held = MemoryConsumer::new("the result").register(context.memory_pool());
        let mut stream = execute_stream(plan, context)?;
        let mut batches = Vec::new();
        let mut look = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                biased;
                _ = look.tick() => {
                    if stop.load(Ordering::Relaxed) {
                        return Err(stopped());
                    }
                }
                batch = stream.next() => match batch {
                    Some(batch) => {
                        let batch = batch?;
                        hold(&held, &batch)?;
                        batches.push(batch);
                    }
                    None => return Ok(batches),
                },
            }
        }
    })
}

fn hold(held: &MemoryReservation, batch: &RecordBatch) -> Result<()> {
    let mut bytes = 0;
    for column in batch.columns() {
        bytes += column.to_data().get_slice_memory_size()?;
    }
    held.try_grow(bytes)
}

fn stopped() -> DataFusionError {
    DataFusionError::External(Box::new(SqlError::new(STOPPED, "the query was stopped")))
}
