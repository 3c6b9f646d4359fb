//! Text → tree. Knows blocks, fields and values; knows no stage, model or table.

pub mod ast;
