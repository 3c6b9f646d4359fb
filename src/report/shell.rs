//! The page around the sections: head, title, contents, foot.

use super::figures::{count, counted};
use super::html::Html;
use super::page::{Page, State};
use super::sections::{self, Section};

/// The look of the page.
const STYLE: &str = include_str!("style.css");

/// Nothing is loaded from anywhere, and no script runs, not even one that got in somehow.
const POLICY: &str = "<meta http-equiv=\"Content-Security-Policy\" \
                      content=\"default-src 'none'; style-src 'unsafe-inline'\">\n";

/// Writes the page.
pub(super) fn write(page: &Page) -> String {
    let sections = sections::all(page);
    let mut html = Html::new();
    html.raw("<!doctype html>\n<html lang=\"en\">\n");
    head(&mut html, page);
    html.raw("<body>\n<a class=\"skip\" href=\"#main\">Skip to the content</a>\n");
    title(&mut html, page);
    html.raw("<div class=\"sheet\">\n");
    contents(&mut html, &sections);
    html.raw("<main id=\"main\">\n");
    for section in &sections {
        html.open(
            "section",
            &[
                ("id", &section.id),
                ("class", &"topic"),
                ("aria-labelledby", &format_args!("{}-title", section.id)),
            ],
        )
        .element("h2", &[("id", &format_args!("{}-title", section.id))], section.title)
        .add(&section.body)
        .close("section")
        .raw("\n");
    }
    html.raw("</main>\n</div>\n");
    html.within("footer", &[], |html| {
        html.text(format_args!("Made by mlp {} from the results of the pipeline, without a clock: the same results give the same page.", env!("CARGO_PKG_VERSION")));
    });
    html.raw("\n</body>\n</html>\n");
    html.finish()
}

fn head(html: &mut Html, page: &Page) {
    html.raw("<head>\n<meta charset=\"utf-8\">\n");
    html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    html.raw(POLICY);
    html.raw("<meta name=\"color-scheme\" content=\"light dark\">\n");
    let maker = format!("mlp {}", env!("CARGO_PKG_VERSION"));
    html.open("meta", &[("name", &"generator"), ("content", &maker)]).raw("\n");
    html.element("title", &[], format_args!("{} · mlp report", page.outline.title)).raw("\n");
    html.raw("<style>\n").raw(STYLE).raw("</style>\n</head>\n");
}

fn title(html: &mut Html, page: &Page) {
    let outline = &page.outline;
    html.raw("<header class=\"top\">\n<p class=\"kicker\">Pipeline report</p>\n");
    html.element("h1", &[], &outline.title).raw("\n");
    paragraphs(html, "lead", &outline.doc);
    if let Some(problem) = &outline.problem {
        html.element("p", &[("class", &"problem")], problem).raw("\n");
    }
    html.raw("<p class=\"facts\">");
    let mut facts = vec![counted(page.outline.stages.len(), "stage")];
    facts.extend(stands(page));
    facts.push(format!("seed {}", outline.seed));
    facts.extend(outline.owner.as_ref().map(|owner| format!("owner {owner}")));
    for (at, fact) in facts.iter().enumerate() {
        if at > 0 {
            html.raw(" <span aria-hidden=\"true\">·</span> ");
        }
        html.element("span", &[], fact);
    }
    html.raw("</p>\n</header>\n");
}

/// Says how many stages are not as they should be.
fn stands(page: &Page) -> Vec<String> {
    let states =
        [(State::Failed, "failed"), (State::Outdated, "out of date"), (State::Missing, "not run")];
    let number = |state| page.found.iter().filter(|found| found.state == state).count();
    states
        .into_iter()
        .map(|(state, word)| (number(state), word))
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{} {word}", count(number)))
        .collect()
}

fn contents(html: &mut Html, sections: &[Section]) {
    html.raw("<nav aria-label=\"Contents\"><ul>");
    for section in sections {
        html.open("li", &[])
            .element("a", &[("href", &format_args!("#{}", section.id))], section.title)
            .close("li");
    }
    html.raw("</ul></nav>\n");
}

/// Writes lines as paragraphs, an empty line between two.
pub(super) fn paragraphs(html: &mut Html, class: &'static str, text: &str) {
    for part in text.split("\n\n").map(str::trim).filter(|part| !part.is_empty()) {
        html.element("p", &[("class", &class)], part).raw("\n");
    }
}
