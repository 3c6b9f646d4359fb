//! What a reader asks first: how good is it, and is anything wrong?

use super::judged;
use super::scores::Scores;
use crate::report::graph::word;
use crate::report::grid::{Cell, Grid, Head};
use crate::report::html::Html;
use crate::report::page::{Page, Stage, State};

/// How many stages with scores are shown.
const SCORED: usize = 8;

/// How many troubles are listed.
const TROUBLES: usize = 20;

/// Writes the section.
pub(super) fn write(page: &Page) -> Html {
    let mut html = Html::new();
    troubles(&mut html, page);
    let shown = || page.stages().filter(|stage| stage.entry.shown);
    let of_kind = |kind: &str| shown().filter(|stage| stage.entry.kind == kind).collect::<Vec<_>>();
    let evaluated = of_kind("evaluate");
    let scored = if evaluated.is_empty() { of_kind("cross_validate") } else { evaluated };
    for stage in scored.iter().take(SCORED) {
        let scores = match stage.entry.kind.as_str() {
            "evaluate" => judged::scores(stage, page),
            _ => super::compared::scores(stage),
        };
        if let Some(scores) = scores {
            tiles(&mut html, stage, &scores);
        }
    }
    html
}

/// Writes the scores of a stage large: those of its best model.
fn tiles(html: &mut Html, stage: &Stage<'_>, scores: &Scores) {
    let Some(model) = scores.models.first() else { return };
    html.raw("<div class=\"tiles\">");
    html.open("p", &[("class", &"whose")])
        .element("code", &[], model)
        .text(if stage.entry.kind == "evaluate" { " judged by " } else { " compared by " });
    html.open("a", &[("href", &format_args!("#{}", stage.anchor()))])
        .element("code", &[], &stage.entry.name)
        .close("a")
        .close("p");
    html.raw("<ul>");
    for metric in scores.metrics.iter().take(6) {
        let Some(score) = scores.of(model, metric) else { continue };
        html.open("li", &[])
            .element("span", &[("class", &"metric")], metric)
            .add(&score.write(false))
            .close("li");
    }
    html.raw("</ul></div>");
}

fn troubles(html: &mut Html, page: &Page) {
    let wrong = |stage: &Stage<'_>| {
        matches!(stage.found.state, State::Failed | State::Outdated | State::Missing)
            || !stage.found.notes.is_empty()
    };
    let stages: Vec<Stage<'_>> = page.stages().filter(wrong).collect();
    if stages.is_empty() {
        return;
    }
    let heads = vec![Head::words("Stage"), Head::words("State"), Head::words("Why")];
    let mut grid = Grid::new("What isn't as it should be", heads);
    grid.all = stages.len();
    for stage in stages.iter().take(TROUBLES) {
        grid.row(vec![
            Cell::code(&stage.entry.name),
            Cell::text(word(stage.found.state)),
            Cell::text(stage.found.notes.join("; ")),
        ]);
    }
    grid.write(html);
}
