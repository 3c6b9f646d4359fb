//! Tables of a page: numbers in line, long ones cut with a count.

use super::figures;
use super::html::Html;

/// The longest text of a cell.
const LONGEST: usize = 120;

/// A column.
pub(super) struct Head {
    text: String,
    numeric: bool,
}

impl Head {
    /// A column of words.
    pub(super) fn words(text: &str) -> Self {
        Self { text: text.to_owned(), numeric: false }
    }

    /// A column of numbers, which stand in line to the right.
    pub(super) fn numbers(text: &str) -> Self {
        Self { text: text.to_owned(), numeric: true }
    }
}

/// What a cell holds.
pub(super) enum Cell {
    /// Text.
    Text(String),
    /// A name or a value as it is written in a pipeline.
    Code(String),
    /// What was made elsewhere.
    Markup(Html),
}

impl Cell {
    /// Holds a text.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Holds a name.
    pub(super) fn code(text: impl Into<String>) -> Self {
        Self::Code(text.into())
    }

    fn write(&self, html: &mut Html) {
        match self {
            Self::Code(text) if text.is_empty() => html,
            Self::Code(text) => html.element("code", &[], cut(text)),
            Self::Text(text) => html.text(cut(text)),
            Self::Markup(markup) => html.add(markup),
        };
    }
}

/// A table.
pub(super) struct Grid {
    /// What it shows; also told to those who don't see it.
    pub(super) caption: String,
    /// The columns.
    pub(super) heads: Vec<Head>,
    /// The rows, each as many cells as there are columns.
    pub(super) rows: Vec<Vec<Cell>>,
    /// How many rows there are in all, those that aren't shown among them.
    pub(super) all: usize,
}

impl Grid {
    /// Starts a table of some columns.
    pub(super) fn new(caption: impl Into<String>, heads: Vec<Head>) -> Self {
        Self { caption: caption.into(), heads, rows: Vec::new(), all: 0 }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// Writes the table, inside of a box that scrolls where the page is narrow.
    pub(super) fn write(&self, html: &mut Html) {
        let label: &dyn std::fmt::Display = &self.caption;
        html.open(
            "div",
            &[("class", &"scroll"), ("role", &"region"), ("tabindex", &"0"), ("aria-label", label)],
        );
        html.open("table", &[]).element("caption", &[], &self.caption);
        html.raw("<thead><tr>");
        for head in &self.heads {
            html.element("th", &[("scope", &"col"), ("class", &class(head))], &head.text);
        }
        html.raw("</tr></thead><tbody>");
        for row in &self.rows {
            html.raw("<tr>");
            for (at, (cell, head)) in row.iter().zip(&self.heads).enumerate() {
                let name = if at == 0 && !head.numeric { "th" } else { "td" };
                if name == "th" {
                    html.open(name, &[("scope", &"row"), ("class", &class(head))]);
                } else {
                    html.open(name, &[("class", &class(head))]);
                }
                cell.write(html);
                html.close(name);
            }
            html.raw("</tr>");
        }
        html.raw("</tbody></table>");
        html.close("div");
        let more = self.all.saturating_sub(self.rows.len());
        if more > 0 {
            html.element(
                "p",
                &[("class", &"more")],
                format!("and {}", figures::counted(more, "more row")),
            );
        }
    }
}

const fn class(head: &Head) -> &'static str {
    if head.numeric { "n" } else { "w" }
}

/// Cuts a long text.
fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
