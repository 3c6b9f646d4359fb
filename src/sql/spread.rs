//! Spreads what is done row by row over the machine's threads.
//!
//! A large table is cut into runs of rows of one length, whatever the machine, and filters,
//! projections and the side of a join that is read row by row work on each run by itself. The runs
//! come back in their order, so neither the rows nor the batches that the rest of the query sees
//! hang on the number of threads. Aggregates, windows and sorts, which look at many rows at once,
//! stay as they are: above the runs, on one thread.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{JoinType, Result};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::replace_children_if_necessary;

use super::ordered::Ordered;

/// How many batches of a table make a run; a smaller table is not worth a thread.
const RUN: usize = 2;

/// Cuts tables into runs below operators that work row by row.
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

/// Spreads the topmost operators that work row by row, and looks for others below those that don't.
fn spread(plan: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    if row_by_row(plan.as_ref()).is_some()
        && let Some(cut) = cut(&plan)?
    {
        return Ok(Transformed::yes(Arc::new(Ordered::new(cut))));
    }
    plan.map_children(spread)
}

/// Cuts the table below a chain of operators that work row by row, if it is large.
fn cut(plan: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if let Some(scan) = plan.downcast_ref::<DataSourceExec>() {
        return runs(scan);
    }
    let Some(at) = row_by_row(plan.as_ref()) else { return Ok(None) };
    let mut children: Vec<_> = plan.children().into_iter().cloned().collect();
    let Some(below) = cut(&children[at])? else { return Ok(None) };
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

fn runs(scan: &DataSourceExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(memory) = scan.data_source().downcast_ref::<MemorySourceConfig>() else {
        return Ok(None);
    };
    let [batches] = memory.partitions() else { return Ok(None) };
    if batches.len() <= RUN || scan.fetch().is_some() {
        return Ok(None);
    }
    let runs: Vec<Vec<RecordBatch>> = batches.chunks(RUN).map(<[RecordBatch]>::to_vec).collect();
    let (schema, columns) = (memory.original_schema(), memory.projection().clone());
    MemorySourceConfig::try_new(&runs, schema, columns)
        .map(|runs| Some(DataSourceExec::from_data_source(runs) as _))
}
