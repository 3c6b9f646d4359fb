//! Which side of a join is read row by row, and which is gathered first.
//!
//! A join's rows come in the order of the side that is read row by row. DataFusion picks the sides
//! by the bytes that the tables have allocated, so the order of rows would hang on whether a table
//! came from the cache. Here the left side is read row by row, as a reader of `a LEFT JOIN b`
//! expects; only an inner join whose right side has many times its rows is turned around, by the
//! counts of rows alone.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{JoinType, Result};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, NestedLoopJoinExec, PartitionMode,
};
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};

/// How many times the left side's rows the right one must have to be read row by row.
const TIMES: usize = 4;

/// Picks the sides of joins.
#[derive(Debug)]
pub(super) struct Sides;

impl PhysicalOptimizerRule for Sides {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let turned = turned(node.as_ref())?;
            Ok(turned.map_or_else(|| Transformed::no(node), Transformed::yes))
        })
        .data()
    }

    /// Takes the name of the rule whose place it takes.
    fn name(&self) -> &'static str {
        "join_selection"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Turns a join around; DataFusion gathers the left side and reads the right one row by row.
fn turned(node: &dyn ExecutionPlan) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if let Some(join) = node.downcast_ref::<HashJoinExec>() {
        if !join.null_aware && turn(*join.join_type(), join.left(), join.right())? {
            return join.swap_inputs(PartitionMode::CollectLeft).map(Some);
        }
        let plain = join.builder().with_partition_mode(PartitionMode::CollectLeft).build()?;
        return Ok(Some(Arc::new(plain)));
    }
    if let Some(join) = node.downcast_ref::<NestedLoopJoinExec>()
        && turn(*join.join_type(), join.left(), join.right())?
    {
        return join.swap_inputs().map(Some);
    }
    if let Some(join) = node.downcast_ref::<CrossJoinExec>()
        && turn(JoinType::Inner, join.left(), join.right())?
    {
        return join.swap_inputs().map(Some);
    }
    Ok(None)
}

fn turn(
    kind: JoinType,
    left: &Arc<dyn ExecutionPlan>,
    right: &Arc<dyn ExecutionPlan>,
) -> Result<bool> {
    if !kind.supports_swap() {
        return Ok(false);
    }
    match kind {
        JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => {
            Ok(false)
        }
        JoinType::Inner => match (rows(left)?, rows(right)?) {
            (Some(left), Some(right)) => Ok(right < left.saturating_mul(TIMES)),
            _ => Ok(true),
        },
        _ => Ok(true),
    }
}

fn rows(plan: &Arc<dyn ExecutionPlan>) -> Result<Option<usize>> {
    let statistics = StatisticsContext::new().compute(plan.as_ref(), &StatisticsArgs::new())?;
    Ok(statistics.num_rows.get_value().copied())
}
