//! The sections of a page, from what a reader asks first to what proves it.

mod compared;
mod correlated;
mod curves;
mod data;
mod glance;
mod judged;
mod pipeline;
mod profiled;
mod provenance;
mod residuals;
mod scores;
mod searched;
mod trained;

use super::html::Html;
use super::page::{Page, Stage};
use super::shell::paragraphs;

/// A section.
pub(super) struct Section {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) body: Html,
}

/// Writes every section that has something to say.
pub(super) fn all(page: &Page) -> Vec<Section> {
    let section = |id, title, body| Section { id, title, body };
    let sections = vec![
        section("glance", "At a glance", glance::write(page)),
        section("pipeline", "Pipeline", pipeline::write(page)),
        section("judged", "Judged on other rows", each(page, &["evaluate"], judged::write)),
        section("compared", "Models compared", each(page, &["cross_validate"], compared::write)),
        section("searched", "Search", each(page, &["tune"], searched::write)),
        section("trained", "Training", each(page, &["train", "load"], trained::write)),
        section("models", "Models", each(page, &["model"], |_, _, _| ())),
        section("data", "Data", data::write(page)),
        section("provenance", "Provenance", provenance::write(page)),
    ];
    sections.into_iter().filter(|section| !section.body.is_empty()).collect()
}

/// Writes the stages of some kinds, one below the other.
fn each(page: &Page, kinds: &[&str], write: impl Fn(&mut Html, &Page, &Stage<'_>)) -> Html {
    let mut html = Html::new();
    let shown = |stage: &Stage<'_>| kinds.contains(&stage.entry.kind.as_str()) && stage.entry.shown;
    for stage in page.stages().filter(shown) {
        block(&mut html, &stage, |html| write(html, page, &stage));
    }
    html
}

/// Writes a stage: its name, what it is for, what a function tells of it, and how it is written.
fn block(html: &mut Html, stage: &Stage<'_>, inside: impl FnOnce(&mut Html)) {
    html.open("article", &[("class", &"stage"), ("id", &stage.anchor())]);
    html.open("h3", &[])
        .element("code", &[], &stage.entry.name)
        .raw(" ")
        .element("span", &[("class", &"kind")], &stage.entry.kind)
        .close("h3");
    paragraphs(html, "doc", &stage.entry.doc);
    for note in &stage.found.notes {
        html.element("p", &[("class", &"note")], note);
    }
    inside(html);
    settings(html, stage);
    html.close("article").raw("\n");
}

/// Writes the fields of a stage, behind a fold.
fn settings(html: &mut Html, stage: &Stage<'_>) {
    if stage.entry.fields.is_empty() {
        return;
    }
    // Of these that is what there is to tell.
    let open = matches!(stage.entry.kind.as_str(), "model" | "expect" | "export");
    html.raw(if open { "<details open>" } else { "<details>" });
    html.raw("<summary>How it is written</summary><dl class=\"fields\">");
    for (name, value) in &stage.entry.fields {
        html.element("dt", &[], name).open("dd", &[]);
        html.element("pre", &[], value).close("dd");
    }
    html.raw("</dl></details>");
}

/// Writes drawings beside each other, each with a heading.
fn figures(html: &mut Html, figures: Vec<(String, Html)>) {
    in_box(html, "figures", figures);
}

/// Writes drawings beside each other in a box of a class, each with a heading.
fn in_box(html: &mut Html, class: &'static str, figures: Vec<(String, Html)>) {
    let figures: Vec<_> = figures.into_iter().filter(|(_, body)| !body.is_empty()).collect();
    if figures.is_empty() {
        return;
    }
    html.open("div", &[("class", &class)]);
    for (title, body) in figures {
        html.raw("<figure>").element("figcaption", &[], title).add(&body).raw("</figure>");
    }
    html.raw("</div>");
}
