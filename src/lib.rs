//! `mlp` runs machine-learning pipelines: one language, one engine, one binary.
#![doc = "
```text
.mlp text
   │ syntax::parse   → ast::File            pure
   │ plan::build     → Plan                 pure: a Catalog answers for schemas
   │ engine::run     → Report               the only I/O
   ▼ cli             → text, JSON or page   pure
```
"]

pub mod cli;
pub mod engine;
pub mod plan;
pub mod report;
pub mod session;
pub mod sql;
pub mod stages;
pub mod store;

pub use plan::Registry;
pub use session::Session;

pub use mlp_core::{data, diag, ml, params, sources, syntax, text};
