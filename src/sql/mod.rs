//! SQL: what a query mentions, reads and gives, what is wrong with it, and its result.
//!
//! The only importer of DataFusion; nothing of DataFusion leaves it, only Arrow's types do. It knows
//! no pipeline and no file: places are bytes of the SQL text, tables are handed in as schemas to
//! check a query and as data to run it.
//!
//! ```text
//! text ── parse ──► syntax tree ── check ──► findings about names
//!                       │ rewrite: values for parameters, marks on what may overflow
//!                       ▼
//!                   plan (DataFusion) ── unmark: checked operations ──► lineage, lints
//!                       │ optimise (DataFusion)
//!                       ▼
//!                   Prepared ── reads ── execute ──► Table
//! ```
//!
//! The same tables give the same bytes at any thread count: see `docs/design/sql-same-bits.md`.

mod added;
mod analysis;
mod check;
mod checked;
mod condition;
mod error;
mod execute;
mod fault;
mod functions;
mod guard;
mod lineage;
mod locate;
mod memory;
mod mentions;
mod names;
mod ordered;
mod parse;
mod prepare;
mod rewrite;
mod session;
mod sides;
mod source;
mod spread;
mod unmark;

pub use added::{Functions, ScalarFunction};
pub use analysis::Analysis;
pub use condition::{Condition, condition};
pub use error::{Code, SqlError};
pub use execute::{Execution, Limits, STOPPED, execute};
pub use functions::{FunctionDoc, FunctionKind, functions};
pub use guard::STACK_BYTES;
pub use memory::Memory;
pub use mentions::{Mention, Outline, outline};
pub use prepare::{Prepared, Query, analyse, prepare};
pub use rewrite::Parameter;
pub use session::VERSION;

#[cfg(test)]
mod tests;
