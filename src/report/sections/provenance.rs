//! What the results were made from, to the byte: hashes, rows, seed, version.

use crate::report::figures::count;
use crate::report::grid::{Cell, Grid, Head};
use crate::report::html::Html;
use crate::report::page::{Content, Output, Page, Stage};

/// How many outputs are listed.
const LISTED: usize = 500;

/// How many letters of a hash are shown; the whole of it is in the cell's title.
const LETTERS: usize = 12;

/// Writes the section.
pub(super) fn write(page: &Page) -> Html {
    let mut html = Html::new();
    let outputs: Vec<(Stage<'_>, &Output)> = page
        .stages()
        .flat_map(|stage| stage.found.outputs.iter().map(move |output| (stage, output)))
        .collect();
    if outputs.is_empty() {
        return html;
    }
    html.element(
        "p",
        &[],
        format_args!(
            "The same data, the same pipeline, seed {} and mlp {} give these contents again, on any \
             machine and at any number of threads. A content hash is BLAKE3 over what a table says, \
             whatever file holds it.",
            page.outline.seed,
            env!("CARGO_PKG_VERSION")
        ),
    );
    let fingerprints = page.found.iter().any(|found| found.fingerprint.is_some());
    let mut heads = vec![
        Head::words("Output"),
        Head::words("What"),
        Head::numbers("Rows"),
        Head::numbers("Columns"),
        Head::words("Content"),
    ];
    if fingerprints {
        heads.push(Head::words("Fingerprint of the work"));
    }
    let mut grid = Grid::new("Outputs and their contents", heads);
    grid.all = outputs.len();
    for (stage, output) in outputs.into_iter().take(LISTED) {
        let name = match output.name.as_str() {
            "" => stage.entry.name.clone(),
            own => format!("{}.{own}", stage.entry.name),
        };
        let (what, rows, columns) = match &output.content {
            Content::Table(table) => {
                ("table", count(table.rows()), count(table.schema().fields().len()))
            }
            Content::Fitted(_) => ("fitted model", String::new(), String::new()),
            Content::Other if stage.entry.kind == "tune" => ("model", String::new(), String::new()),
            Content::Other => ("", String::new(), String::new()),
        };
        let mut cells = vec![
            Cell::code(name),
            Cell::text(what),
            Cell::text(rows),
            Cell::text(columns),
            Cell::Markup(hash(&output.digest.to_string())),
        ];
        if fingerprints {
            let print = stage.found.fingerprint.map(|print| hash(&print.to_string()));
            cells.push(Cell::Markup(print.unwrap_or_default()));
        }
        grid.row(cells);
    }
    grid.write(&mut html);
    html
}

fn hash(hash: &str) -> Html {
    let mut html = Html::new();
    let short: String = hash.chars().take(LETTERS).collect();
    html.element("code", &[("title", &hash)], short);
    html
}
