//! A stack that is large enough, and a net below it.
//!
//! Trees of expressions are walked by recursion, in DataFusion and in the parser. How deep they get
//! is bounded in `parse`; here is the room for that depth. A panic in DataFusion becomes an error.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::error::SqlError;

/// The stack of whatever reads, plans or runs a query, in bytes; only what is touched is real.
pub const STACK_BYTES: usize = 256 << 20;

/// How much stack must be left to go without a new one.
const RED_ZONE: usize = 128 << 20;

/// Runs a piece of work on a large stack.
pub(super) fn with_room<T>(work: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(RED_ZONE, STACK_BYTES, work)
}

/// Runs a piece of work on a large stack; a panic becomes an error.
pub(super) fn run<T>(work: impl FnOnce() -> T) -> Result<T, SqlError> {
    with_room(|| catch_unwind(AssertUnwindSafe(work))).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
        SqlError::new("sql-internal", format!("the SQL engine failed: {text}"))
            .help("this is our bug; please report it with the query")
    })
}
