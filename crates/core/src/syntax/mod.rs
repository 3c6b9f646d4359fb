//! Text → tree. Knows blocks, fields and values; knows no stage, model or table.
//!
//! [`parse`] reads a file: `outline` cuts it into items, `grammar` matches each, `build` makes
//! its tree, and `mistakes` says what is wrong with an item that does not match. [`format()`] writes
//! the tree and the comments back in the one canonical layout.

pub mod ast;
mod build;
mod characters;
mod format;
mod grammar;
mod literal;
mod mistakes;
mod outline;
mod parse;
mod scan;

pub use format::format;
pub use parse::parse;

#[cfg(test)]
mod tests;
