//! Spreads the work of a query over the machine's threads.
//!
//! A large table is cut into runs of rows of one length, whatever the machine. Filters, projections
//! and the side of a join that is read row by row work on each run by itself; of an aggregate with
//! few groups each run gives its part, and the parts are put together; a sort sorts each run, and
//! merges them. The runs come back in their order, so neither the rows, nor the batches, nor the order
//! in which floats are added hang on the number of threads. What looks at many rows in another way
//! stays as it is: above the runs, on one thread.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::filter_record_batch;
use arrow::row::{Row, RowConverter, SortField};
use datafusion::common::cast::as_boolean_array;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{JoinType, Result};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_expr_common::utils::evaluate_expressions_to_arrays;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::replace_children_if_necessary;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, InputOrderMode};

use super::ordered::Ordered;

/// How many batches of a table make a run; a smaller table is not worth a thread.
const RUN: usize = 2;

/// How many rows an aggregate over a run sees at once: few enough to stay in the processor's own
/// memory. The first of them tell whether groups are few.
const SLICE: usize = 8_192;

/// Groups are few where the first rows have at most one for so many rows.
const ROWS_A_GROUP: usize = 4;

/// Aggregates whose parts over runs can be put together, and whose parts are small.
const FOLDS: &[&str] = &[
    "avg",
    "bool_and",
    "bool_or",
    "count",
    "max",
    "min",
    "stddev",
    "stddev_pop",
    "sum",
    "var",
    "var_pop",
];

/// Cuts tables into runs below operators that can work on each by itself.
#[derive(Debug)]
pub(super) struct Spread;

impl PhysicalOptimizerRule for Spread {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        spread(plan).data()
    }

    fn name(&self) -> &'static str {
        "spread"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Spreads the topmost operators that can be, and looks for others below those that can't.
fn spread(plan: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    let spread = if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
        folded(aggregate)?
    } else if let Some(sort) = plan.downcast_ref::<SortExec>() {
        sorted(sort)?
    } else if row_by_row(plan.as_ref()).is_some() {
        cut(&plan, whole)?.map(|runs| Arc::new(Ordered::new(runs)) as _)
    } else {
        None
    };
    spread.map_or_else(|| plan.map_children(self::spread), |new| Ok(Transformed::yes(new)))
}

/// Makes an aggregate one over each run, and one over what these give.
fn folded(aggregate: &AggregateExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let expressions = aggregate.aggr_expr();
    let foldable = expressions.iter().all(|own| {
        let plain = !own.is_distinct() && own.order_bys().is_empty();
        plain && FOLDS.contains(&own.fun().name())
    });
    let groups = aggregate.group_expr();
    let at_once =
        matches!(aggregate.mode(), AggregateMode::Single | AggregateMode::SinglePartitioned);
    let plain = !groups.has_grouping_set()
        && aggregate.limit_options().is_none()
        && *aggregate.input_order_mode() == InputOrderMode::Linear;
    if !(foldable && at_once && plain && has_few_groups(aggregate)) {
        return Ok(None);
    }
    let Some(runs) = cut(aggregate.input(), sliced)? else { return Ok(None) };
    let of_mode = |mode, groups, filters, input| {
        let (expressions, schema) = (expressions.to_vec(), aggregate.input_schema());
        AggregateExec::try_new(mode, groups, expressions, filters, input, schema).map(Arc::new)
    };
    let filters = aggregate.filter_expr().to_vec();
    let parts = of_mode(AggregateMode::Partial, groups.clone(), filters, runs)?;
    let groups = parts.group_expr().as_final();
    let parts = Arc::new(Ordered::new(parts));
    let none = vec![None; expressions.len()];
    of_mode(AggregateMode::Final, groups, none, parts).map(|all| Some(all as _))
}

/// Makes a sort one of each run, and merges these. The first rows alone are found faster at once:
/// each run would gather as many anew.
fn sorted(sort: &SortExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if sort.fetch().is_some() {
        return Ok(None);
    }
    let Some(runs) = cut(sort.input(), whole)? else { return Ok(None) };
    let by = sort.expr().clone();
    let runs = SortExec::new(by.clone(), runs).with_preserve_partitioning(true);
    Ok(Some(Arc::new(Ordered::merging(Arc::new(runs), by))))
}

/// Tells whether the first rows are of few groups, as far as they can be seen: putting many together
/// on one thread costs more than making them on several saves.
fn has_few_groups(aggregate: &AggregateExec) -> bool {
    let keys = aggregate.group_expr().input_exprs();
    let counted = || -> Result<Option<bool>> {
        let Some(rows) = first_rows(aggregate.input())? else { return Ok(None) };
        let columns = evaluate_expressions_to_arrays(&keys, &rows)?;
        let fields = columns.iter().map(|own| SortField::new(own.data_type().clone())).collect();
        let keys = RowConverter::new(fields)?.convert_columns(&columns)?;
        let groups: HashSet<Row<'_>> = keys.iter().collect();
        Ok(Some(groups.len() * ROWS_A_GROUP <= rows.num_rows()))
    };
    // What fails for the first rows fails, with its message, when the query runs.
    keys.is_empty() || counted().ok().flatten().unwrap_or(false)
}

/// Gives what the first rows of a table become below an aggregate; nothing where a join is between.
fn first_rows(plan: &Arc<dyn ExecutionPlan>) -> Result<Option<RecordBatch>> {
    if let Some(scan) = plan.downcast_ref::<DataSourceExec>() {
        let Some((memory, batches)) = large(scan) else { return Ok(None) };
        let Some(batch) = batches.first() else { return Ok(None) };
        let batch = batch.slice(0, batch.num_rows().min(SLICE));
        let columns = memory.projection().as_deref();
        return Ok(Some(columns.map_or(Ok(batch.clone()), |columns| batch.project(columns))?));
    }
    let [below] = plan.children()[..] else { return Ok(None) };
    let Some(rows) = first_rows(below)? else { return Ok(None) };
    if let Some(filter) = plan.downcast_ref::<FilterExec>() {
        let kept = filter.predicate().evaluate(&rows)?.into_array(rows.num_rows())?;
        let rows = filter_record_batch(&rows, as_boolean_array(&kept)?)?;
        let columns = filter.projection().as_deref();
        return Ok(Some(columns.map_or(Ok(rows.clone()), |columns| rows.project(columns))?));
    }
    let Some(projection) = plan.downcast_ref::<ProjectionExec>() else { return Ok(None) };
    let columns = projection.expr().iter().map(|own| Arc::clone(&own.expr));
    let columns = evaluate_expressions_to_arrays(&columns.collect::<Vec<_>>(), &rows)?;
    Ok(Some(RecordBatch::try_new(projection.schema(), columns)?))
}

/// Gives the batches of a run as the operators above it are to see them.
type Shape = fn(&[RecordBatch]) -> Vec<RecordBatch>;

/// Cuts the table below a chain of operators that work row by row, if it is large.
fn cut(plan: &Arc<dyn ExecutionPlan>, shape: Shape) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if let Some(scan) = plan.downcast_ref::<DataSourceExec>() {
        return runs(scan, shape);
    }
    let Some(at) = row_by_row(plan.as_ref()) else { return Ok(None) };
    let mut children: Vec<_> = plan.children().into_iter().cloned().collect();
    let Some(below) = cut(&children[at], shape)? else { return Ok(None) };
    for (place, child) in children.iter_mut().enumerate() {
        let new =
            if place == at { Ok(Arc::clone(&below)) } else { spread(Arc::clone(child)).data() };
        *child = new?;
    }
    replace_children_if_necessary(Arc::clone(plan), children).map(Some)
}

/// Tells which input an operator reads row by row, giving the rows of each run by that run alone.
fn row_by_row(plan: &dyn ExecutionPlan) -> Option<usize> {
    if plan.fetch().is_some() {
        return None;
    }
    if plan.is::<FilterExec>() || plan.is::<ProjectionExec>() {
        return Some(0);
    }
    let join = plan.downcast_ref::<HashJoinExec>()?;
    let gathered = *join.partition_mode() == PartitionMode::CollectLeft && !join.null_aware;
    // Other kinds give rows of the gathered side once all of the other one was seen.
    let probing = matches!(
        join.join_type(),
        JoinType::Inner
            | JoinType::Right
            | JoinType::RightSemi
            | JoinType::RightAnti
            | JoinType::RightMark
    );
    (gathered && probing).then_some(1)
}

fn runs(scan: &DataSourceExec, shape: Shape) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some((memory, batches)) = large(scan) else { return Ok(None) };
    let runs: Vec<Vec<RecordBatch>> = batches.chunks(RUN).map(shape).collect();
    let (schema, columns) = (memory.original_schema(), memory.projection().clone());
    MemorySourceConfig::try_new(&runs, schema, columns)
        .map(|runs| Some(DataSourceExec::from_data_source(runs) as _))
}

/// Gives the batches of a table that is worth to be cut.
fn large(scan: &DataSourceExec) -> Option<(&MemorySourceConfig, &[RecordBatch])> {
    let memory = scan.data_source().downcast_ref::<MemorySourceConfig>()?;
    let [batches] = memory.partitions() else { return None };
    let worth = batches.len() > RUN && scan.fetch().is_none();
    worth.then_some((memory, batches.as_slice()))
}

fn whole(batches: &[RecordBatch]) -> Vec<RecordBatch> {
    batches.to_vec()
}

/// Cuts batches into slices of a few rows, which share their memory.
fn sliced(batches: &[RecordBatch]) -> Vec<RecordBatch> {
    let slices = |batch: &RecordBatch| {
        let rows = batch.num_rows();
        let slice = |from: usize| batch.slice(from, SLICE.min(rows - from));
        (0..rows).step_by(SLICE).map(slice).collect::<Vec<_>>()
    };
    batches.iter().flat_map(slices).collect()
}
