//! Whole texts in, trees, messages and layouts out.

mod layout;
mod messages;
mod properties;
mod show;
mod speed;
mod trees;

use std::path::Path;

use super::ast::File;
use crate::diag::Diagnostics;
use crate::text::{SourceFile, SourceMap};

fn source(text: &str) -> SourceFile {
    SourceMap::default().add(Path::new("test.mlp"), text)
}

fn parse(text: &str) -> (File, Diagnostics) {
    super::parse(&source(text))
}
