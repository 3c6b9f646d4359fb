//! The memory that the queries of a run share.

use std::fmt;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::execution::memory_pool::{
    GreedyMemoryPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
    UnboundedMemoryPool,
};

/// What DataFusion calls an aggregate over one run of rows.
const PART: &str = "PartialHashAggregateStream";

/// The memory that queries share; clones share it too.
#[derive(Clone, Debug)]
pub struct Memory(Arc<dyn MemoryPool>);

impl Memory {
    /// Gives queries as much as they ask for.
    #[must_use]
    pub fn unbounded() -> Self {
        Self(Arc::new(UnboundedMemoryPool::default()))
    }

    /// Gives all queries together so many bytes, first come, first served.
    #[must_use]
    pub fn of(bytes: usize) -> Self {
        Self(Arc::new(Steady(GreedyMemoryPool::new(bytes))))
    }

    /// Gives what DataFusion asks.
    pub(super) fn pool(&self) -> Arc<dyn MemoryPool> {
        Arc::clone(&self.0)
    }
}

/// A pool that counts what the parts of an aggregate hold, but never refuses it.
///
/// Where another operator fails, a part that is refused gives early what it has: at a time that hangs
/// on the other queries, and so would the order in which floats are added. It is small in any case:
/// the groups of one run of rows.
#[derive(Debug)]
struct Steady(GreedyMemoryPool);

impl fmt::Display for Steady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl MemoryPool for Steady {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.0.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.0.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.0.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.0.shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        if reservation.consumer().name().starts_with(PART) {
            self.0.grow(reservation, additional);
            return Ok(());
        }
        self.0.try_grow(reservation, additional)
    }

    fn reserved(&self) -> usize {
        self.0.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.0.memory_limit()
    }
}
