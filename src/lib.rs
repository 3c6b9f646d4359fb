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
pub mod data;
pub mod diag;
pub mod engine;
pub mod ml;
pub mod params;
pub mod plan;
pub mod sources;
pub mod sql;
pub mod stages;
pub mod store;
pub mod syntax;
pub mod text;
