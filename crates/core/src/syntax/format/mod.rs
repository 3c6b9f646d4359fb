//! Tree and comments → the one canonical layout.
//!
//! Literals are kept as they were written. A list or call stands on one line if it fits, a map or
//! block if it was also begun on one; else each entry has a line of its own. Comments keep their
//! places, and between entries at most one blank line is kept. What a file means does not change.

mod comments;
mod oneline;
mod printer;

use super::ast::{File, Item};
use crate::diag::Diagnostics;
use crate::text::SourceFile;
use printer::Printer;

/// How many columns a line has at most, where a line can be broken at all.
const WIDTH: usize = 100;

/// How many columns an inner entry stands to the right.
const INDENT: usize = 2;

/// Lays a file out anew.
///
/// # Errors
/// Gives what is wrong with the text if it can't be read.
pub fn format(file: &SourceFile) -> Result<String, Diagnostics> {
    let (tree, found) = super::parse(file);
    if found.has_errors() { Err(found) } else { Ok(write(file, &tree)) }
}

fn write(file: &SourceFile, tree: &File) -> String {
    let mut printer = Printer::new(&file.text);
    let mut large = false;
    for (index, item) in tree.items.iter().enumerate() {
        let gap = printer.out.len();
        let spaced = printer.leading_comments(start_of(item));
        let start = printer.out.len();
        printer.item(item);
        let is_large = printer.out[start..].contains('\n');
        if index > 0 && !spaced && (large || is_large) {
            printer.out.insert(gap, '\n');
        }
        large = is_large;
    }
    printer.finish()
}

fn start_of(item: &Item) -> usize {
    let span = match item {
        Item::Header(block) | Item::Block(block) => block.span,
        Item::Param(param) => param.span,
        Item::Import(import) => import.span,
    };
    span.start as usize
}
