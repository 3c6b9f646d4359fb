//! The pipeline: its graph, and a line for each stage.

use crate::report::figures::{self, count};
use crate::report::graph;
use crate::report::grid::{Cell, Grid, Head};
use crate::report::html::Html;
use crate::report::page::{Content, Page, Stage};

/// How many stages are listed.
const LISTED: usize = 300;

/// Writes the section.
pub(super) fn write(page: &Page) -> Html {
    let mut html = Html::new();
    if page.outline.stages.is_empty() {
        return html;
    }
    match graph::draw(page) {
        Some(svg) => {
            html.open(
                "div",
                &[
                    ("class", &"scroll wide"),
                    ("role", &"region"),
                    ("tabindex", &"0"),
                    ("aria-label", &"Graph of the pipeline"),
                ],
            );
            html.add(&svg).close("div");
        }
        None => {
            let text = format!("A graph of more than {} stages is not drawn.", graph::MOST);
            html.element("p", &[("class", &"more")], text);
        }
    }
    list(&mut html, page);
    html
}

fn list(html: &mut Html, page: &Page) {
    let timed = page.found.iter().any(|found| found.seconds.is_some());
    let mut heads = vec![
        Head::words("Stage"),
        Head::words("Kind"),
        Head::words("State"),
        Head::numbers("Rows"),
        Head::words("After"),
    ];
    if timed {
        heads.push(Head::numbers("Took"));
    }
    let mut grid = Grid::new("The stages", heads);
    grid.all = page.outline.stages.len();
    for stage in page.stages().take(LISTED) {
        let mut cells = vec![
            Cell::Markup(link(&stage)),
            Cell::text(&stage.entry.kind),
            Cell::Markup(state(&stage)),
            Cell::text(rows(&stage).map_or_else(String::new, count)),
            Cell::Markup(names(&stage.entry.before)),
        ];
        if timed {
            cells.push(Cell::text(stage.found.seconds.map_or_else(String::new, figures::seconds)));
        }
        grid.row(cells);
    }
    grid.write(html);
}

fn link(stage: &Stage<'_>) -> Html {
    let mut html = Html::new();
    if stage.entry.shown {
        html.open("a", &[("href", &format_args!("#{}", stage.anchor()))]);
        html.element("code", &[], &stage.entry.name).close("a");
    } else {
        html.element("code", &[], &stage.entry.name);
    }
    html
}

fn state(stage: &Stage<'_>) -> Html {
    let mut html = Html::new();
    let word = graph::word(stage.found.state);
    let class = graph::class(stage);
    html.element("span", &[("class", &format_args!("badge {class}"))], word);
    html
}

/// Writes names with commas between them.
pub(super) fn names(names: &[String]) -> Html {
    let mut html = Html::new();
    for (at, name) in names.iter().enumerate() {
        if at > 0 {
            html.raw(", ");
        }
        html.element("code", &[], name);
    }
    html
}

/// Counts the rows of a stage's main table.
fn rows(stage: &Stage<'_>) -> Option<usize> {
    let tables = stage.found.outputs.iter().filter_map(|output| match &output.content {
        Content::Table(table) => Some((output.name.is_empty(), table.rows())),
        Content::Fitted(_) | Content::Other => None,
    });
    tables.filter(|(main, _)| *main).map(|(_, rows)| rows).next()
}
