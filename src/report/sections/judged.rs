//! `evaluate`: scores on rows that a model didn't learn from, and the curves behind them.

use super::curves::{self, Curve, Curves};
use super::scores::{Confusion, Scores};
use crate::data::Table;
use crate::ml::intervals::{self, Interval};
use crate::report::chart::SERIES;
use crate::report::grid::{Cell, Grid, Head};
use crate::report::html::Html;
use crate::report::page::{Page, Stage};
use crate::report::read::{distinct, numbers, pick, rows_of, texts};

/// How many models' matrices and curves are drawn.
const DRAWN: usize = 8;

/// Writes what an `evaluate` found.
pub(super) fn write(html: &mut Html, page: &Page, stage: &Stage<'_>) {
    let Some(scores) = scores(stage, page) else { return };
    grid(html, &scores, "Scores");
    if scores.has_intervals() {
        html.raw(if stage.table("confusion").is_none() {
            "<p class=\"fine\">The small figures are 95 % intervals over the judged rows: each score \
             without each of 20 parts of the rows (a delete-a-group jackknife).</p>"
        } else {
            "<p class=\"fine\">The small figures are 95 % intervals over the judged rows: Wilson's for \
             scores that are a share of rows, DeLong's (by its logit) for the area under a ROC \
             curve of two classes; of other scores what they are without each of 20 parts of the \
             rows (a delete-a-group jackknife).</p>"
        });
    }
    requirements(html, stage);
    let models: Vec<&str> = scores.models.iter().map(String::as_str).collect();
    super::figures(html, drawings(page, stage, &models));
    let matrix = |model: &&str| {
        let table = stage.table("confusion")?;
        Some(((*model).to_owned(), Confusion::read(table, model)?))
    };
    curves::confusions(html, models.iter().take(DRAWN).filter_map(matrix).collect());
}

/// Reads the scores and finds their intervals.
pub(super) fn scores(stage: &Stage<'_>, page: &Page) -> Option<Scores> {
    let mut scores = Scores::read(stage.table("")?, "value")?;
    let kept = stage.table("intervals").map(kept_intervals).unwrap_or_default();
    let confusions = stage.table("confusion");
    let roc = stage.table("roc");
    scores.measure(|model, metric, value| {
        let of_parts = || {
            let own = |row: &&(String, String, Interval)| row.0 == model && row.1 == metric;
            kept.iter().find(own).map(|(.., interval)| *interval)
        };
        let exact = || {
            let confusion = Confusion::read(confusions?, model)?;
            if metric != "roc_auc" {
                return confusion.interval(metric, value);
            }
            let class = positive(page, stage, &confusion.classes)?;
            let place = confusion.classes.iter().position(|own| *own == class)?;
            let own = confusion.actual(place);
            let points = roc_points(roc?, model, &class)?;
            let (area, interval) = intervals::of_area(&points, own, confusion.all() - own)?;
            // Rows with weights, or an average over classes, give another area.
            (confusion.classes.len() == 2 && (area - value).abs() < 1e-9).then_some(interval)
        };
        exact().or_else(of_parts)
    });
    scores.rank();
    Some(scores)
}

/// Reads the intervals that an `evaluate` of numbers keeps.
fn kept_intervals(table: &Table) -> Vec<(String, String, Interval)> {
    let read = || {
        let (models, metrics) = (texts(table, "model")?, texts(table, "metric")?);
        let (lows, highs) = (numbers(table, "low")?, numbers(table, "high")?);
        let ends = lows.into_iter().zip(highs).map(|(low, high)| Interval { low, high });
        let names = models.into_iter().zip(metrics);
        Some(names.zip(ends).map(|((model, metric), own)| (model, metric, own)).collect())
    };
    read().unwrap_or_default()
}

/// Writes scores, models against metrics.
pub(super) fn grid(html: &mut Html, scores: &Scores, caption: &str) {
    let heads = std::iter::once(Head::words("Model"))
        .chain(scores.metrics.iter().map(|metric| Head::numbers(metric)));
    let mut grid = Grid::new(caption, heads.collect());
    for model in &scores.models {
        let cells = scores.metrics.iter().map(|metric| match scores.of(model, metric) {
            Some(score) => Cell::Markup(score.write(scores.is_best(model, metric))),
            None => Cell::text(""),
        });
        grid.row(std::iter::once(Cell::code(model)).chain(cells).collect());
    }
    grid.write(html);
}

fn requirements(html: &mut Html, stage: &Stage<'_>) {
    let Some(required) = stage.field("require").filter(|text| *text != "[]") else { return };
    let failed = stage.found.state == crate::report::page::State::Failed;
    let word = if failed { "Not met: " } else { "Met: " };
    html.open("p", &[("class", &if failed { "required failed" } else { "required" })])
        .text(word)
        .element("code", &[], required)
        .close("p");
}

/// Draws the curves: of two classes those of the positive one, a line a model; of more classes a plot
/// a model, a line a class.
fn drawings(page: &Page, stage: &Stage<'_>, models: &[&str]) -> Vec<(String, Html)> {
    let one = |model: &str, class: &str, name: &str| -> Option<Curves> {
        let confusion = Confusion::read(stage.table("confusion")?, model)?;
        let place = confusion.classes.iter().position(|own| own == class)?;
        let own = confusion.actual(place);
        let points = roc_points(stage.table("roc")?, model, class)?;
        let mut curves = Curves::of_roc(name, points, own, confusion.all() - own);
        let points = calibration_points(stage.table("calibration")?, model, class)?;
        curves.calibration = Curve { name: name.to_owned(), points };
        Some(curves)
    };
    let classes: Vec<String> = stage
        .table("roc")
        .and_then(|table| texts(table, "class"))
        .map(|own| distinct(&own).into_iter().map(str::to_owned).collect())
        .unwrap_or_default();
    if classes.len() == 2 {
        let Some(class) = positive(page, stage, &classes) else { return Vec::new() };
        let all: Vec<Curves> =
            models.iter().filter_map(|model| one(model, &class, model)).collect();
        return titled(curves::draw(&all), &format!(" of “{class}”"));
    }
    let of_model = |model: &&str| {
        let shown = classes.iter().take(SERIES);
        let all: Vec<Curves> = shown.filter_map(|class| one(model, class, class)).collect();
        let which = match classes.len() {
            few if few <= SERIES => String::new(),
            many => format!(" ({SERIES} of {many} classes)"),
        };
        titled(curves::draw(&all), &format!(", {model}{which}"))
    };
    models.iter().take(DRAWN).flat_map(of_model).collect()
}

/// Adds to the headings of drawings.
pub(super) fn titled(drawings: Vec<(String, Html)>, more: &str) -> Vec<(String, Html)> {
    drawings.into_iter().map(|(title, html)| (title + more, html)).collect()
}

fn roc_points(table: &Table, model: &str, class: &str) -> Option<Vec<(f64, f64)>> {
    points(table, (model, class), ("fpr", "tpr"))
}

fn calibration_points(table: &Table, model: &str, class: &str) -> Option<Vec<(f64, f64)>> {
    points(table, (model, class), ("mean_predicted", "fraction_positive"))
}

/// Reads the points of one model and class.
fn points(
    table: &Table,
    (model, class): (&str, &str),
    (x, y): (&str, &str),
) -> Option<Vec<(f64, f64)>> {
    let models = texts(table, "model")?;
    let rows = rows_of(&texts(table, "class")?, class);
    let rows: Vec<usize> =
        rows.into_iter().filter(|row| models.get(*row).is_some_and(|own| own == model)).collect();
    let points = pick(&numbers(table, x)?, &rows).into_iter().zip(pick(&numbers(table, y)?, &rows));
    let points: Vec<(f64, f64)> = points.filter(|(x, y)| !x.is_nan() && !y.is_nan()).collect();
    (!points.is_empty()).then_some(points)
}

/// Finds the positive one of two classes: the one that a model behind the stage names, or else the
/// last, as `true` and 1 are.
pub(super) fn positive(page: &Page, stage: &Stage<'_>, classes: &[String]) -> Option<String> {
    let named = page.behind(stage).into_iter().find_map(|own| {
        let named = own.field("positive")?.trim_matches('"');
        classes.iter().find(|class| *class == named)
    });
    named.or_else(|| classes.iter().max()).cloned()
}
