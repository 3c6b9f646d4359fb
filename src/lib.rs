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

pub mod data;
pub mod diag;
pub mod ml;
pub mod params;
pub mod syntax;
pub mod text;
