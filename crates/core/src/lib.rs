//! What `mlp` stands on, below its SQL engine: text, syntax, tables, parameters, sources, learning.
//!
//! A crate of its own so that the development profile can optimise what is hot without optimising
//! what only plans; `mlp` shows each module under its own name.

pub mod data;
pub mod diag;
pub mod ml;
pub mod params;
pub mod sources;
pub mod syntax;
pub mod text;
