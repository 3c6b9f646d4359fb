//! Joins partitions in their order.
//!
//! DataFusion's own `CoalescePartitionsExec` gives rows in the order in which threads finish, so the
//! order of rows, and of float sums over them, would change from run to run. This operator gives the
//! first partition to its end, then the next; while one is given, those after it are at work. Sorted
//! partitions it merges, and of equal rows the one of the earlier partition comes first.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow::array::RecordBatch;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, internal_err};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{LexOrdering, PhysicalExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::limit::GlobalLimitExec;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet};
use datafusion::physical_plan::sorts::streaming_merge::StreamingMergeBuilder;
use datafusion::physical_plan::stream::{RecordBatchReceiverStream, RecordBatchStreamAdapter};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PlanProperties,
};
use futures::{Stream, StreamExt, TryStreamExt, future, stream};
use tokio::runtime::{Handle, RuntimeFlavor};

use super::guard;

/// How many batches of a partition are ready before they are asked for.
const AHEAD: usize = 2;

/// Gives the rows of all partitions of its input, in the order of the partitions or merged.
#[derive(Debug)]
pub(super) struct Ordered {
    input: Arc<dyn ExecutionPlan>,
    /// How each partition is sorted, where they are to be merged.
    sorted: Option<LexOrdering>,
    properties: Arc<PlanProperties>,
}

impl Ordered {
    /// Makes the operator that gives one partition after the other.
    pub(super) fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        Self::of(input, None)
    }

    /// Makes the operator that merges partitions, each of which is sorted so.
    pub(super) fn merging(input: Arc<dyn ExecutionPlan>, sorted: LexOrdering) -> Self {
        Self::of(input, Some(sorted))
    }

    fn of(input: Arc<dyn ExecutionPlan>, sorted: Option<LexOrdering>) -> Self {
        let mut equivalence = input.equivalence_properties().clone();
        if input.output_partitioning().partition_count() > 1 {
            equivalence.clear_orderings();
            equivalence.clear_per_partition_constants();
        }
        if let Some(sorted) = &sorted {
            equivalence.add_ordering(sorted.clone());
        }
        let partitioning = Partitioning::UnknownPartitioning(1);
        let (kind, bounded) = (input.pipeline_behavior(), input.boundedness());
        let properties = PlanProperties::new(equivalence, partitioning, kind, bounded);
        Self { input, sorted, properties: Arc::new(properties) }
    }

    /// Merges partitions while they are at work, on whatever thread.
    fn merged(
        &self,
        sorted: &LexOrdering,
        context: &Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let count = self.input.output_partitioning().partition_count();
        let parts = (0..count).map(|part| begun(&self.input, part, context));
        let held = MemoryConsumer::new("a merge").register(context.memory_pool());
        let merged = StreamingMergeBuilder::new()
            .with_streams(parts.collect::<Result<_>>()?)
            .with_schema(self.schema())
            .with_expressions(sorted)
            .with_metrics(BaselineMetrics::new(&ExecutionPlanMetricsSet::new(), 0))
            .with_batch_size(context.session_config().batch_size())
            .with_reservation(held)
            .with_round_robin_tie_breaker(false)
            .build()?;
        Ok(ahead(merged))
    }
}

impl DisplayAs for Ordered {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Ordered")
    }
}

impl ExecutionPlan for Ordered {
    fn name(&self) -> &'static str {
        "Ordered"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match children.pop() {
            Some(input) => Ok(Arc::new(Self::of(input, self.sorted.clone()))),
            None => internal_err!("`Ordered` has one input"),
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        if partition > 0 {
            return internal_err!("`Ordered` has one partition");
        }
        if let Some(sorted) = &self.sorted {
            return self.merged(sorted, &context);
        }
        let input = Arc::clone(&self.input);
        let count = input.output_partitioning().partition_count();
        let Some(threads) = threads().filter(|_| count > 1) else {
            let parts = stream::iter(0..count)
                .map(move |part| input.execute(part, Arc::clone(&context)))
                .try_flatten();
            return Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), parts)));
        };
        let parts = stream::iter(0..count)
            .map(move |part| future::ready(begun(&input, part, &context)))
            .buffered(threads)
            .try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), parts)))
    }
}

/// Gives how many threads the runtime has that work ahead; none outside of one.
fn threads() -> Option<usize> {
    let runtime = Handle::try_current().ok()?;
    (runtime.runtime_flavor() == RuntimeFlavor::MultiThread)
        .then(|| runtime.metrics().num_workers())
}

/// Sets a partition to work.
fn begun(
    input: &Arc<dyn ExecutionPlan>,
    part: usize,
    context: &Arc<TaskContext>,
) -> Result<SendableRecordBatchStream> {
    Ok(ahead(input.execute(part, Arc::clone(context))?))
}

/// Sets a stream to work, which waits once a few of its batches are not asked for.
fn ahead(batches: SendableRecordBatchStream) -> SendableRecordBatchStream {
    let mut given = RecordBatchReceiverStream::builder(batches.schema(), AHEAD);
    let mut batches = Roomy(batches);
    let sender = given.tx();
    given.spawn(async move {
        while let Some(batch) = batches.next().await {
            let last = batch.is_err();
            // Nobody listens once the query has ended.
            if sender.send(batch).await.is_err() || last {
                break;
            }
        }
        Ok(())
    });
    given.build()
}

/// A stream that is polled on a stack for deep expressions, on whatever thread.
struct Roomy(SendableRecordBatchStream);

impl Stream for Roomy {
    type Item = Result<RecordBatch>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<RecordBatch>>> {
        guard::with_room(|| self.0.poll_next_unpin(context))
    }
}

/// Puts [`Ordered`] where DataFusion would join partitions as they come.
#[derive(Debug)]
pub(super) struct KeepOrder;

impl PhysicalOptimizerRule for KeepOrder {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = plan.transform_up(|node| {
            let Some(joined) = node.downcast_ref::<CoalescePartitionsExec>() else {
                return Ok(Transformed::no(node));
            };
            let ordered: Arc<dyn ExecutionPlan> =
                Arc::new(Ordered::new(Arc::clone(joined.input())));
            Ok(Transformed::yes(match joined.fetch() {
                Some(_) => Arc::new(GlobalLimitExec::new(ordered, 0, joined.fetch())),
                None => ordered,
            }))
        });
        let plan = plan.data()?;
        let single = plan.output_partitioning().partition_count() == 1;
        Ok(if single { plan } else { Arc::new(Ordered::new(plan)) })
    }

    fn name(&self) -> &'static str {
        "keep_order"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
