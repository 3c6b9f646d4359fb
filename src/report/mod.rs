//! A pipeline and its results as one page: HTML that needs no network, no script and no other file.
//!
//! The page is a pure function of what it is given: no clock, no host, no path, so the same results
//! give the same bytes. It stands below the stages, because a stage makes pages as well as a command
//! does. It knows the columns that the language fixes for each kind of stage, and reads them by
//! name; it knows no plan, no engine and no cache. All text that a user wrote is escaped by the one
//! writer through which everything goes (`html`).

mod chart;
mod figures;
mod graph;
mod grid;
mod html;
mod page;
mod read;
mod sections;
mod shell;

pub use page::{Content, Entry, Found, Outline, Output, Page, State};

/// Writes the page.
#[must_use]
pub fn render(page: &Page) -> String {
    shell::write(page)
}

/// Draws the graph of an outline as an SVG file; nothing where it has no stage or too many.
///
/// Entries that aren't shown lead nowhere, as in a drawing that stands alone.
#[must_use]
pub fn graph(page: &Page) -> Option<String> {
    graph::alone(page)
}

/// The largest number of stages that is drawn.
pub const MOST_DRAWN: usize = graph::MOST;

#[cfg(test)]
mod tests;
