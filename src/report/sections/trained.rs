//! `train`: what was fitted, how the training went, which features count.

use crate::data::Table;
use crate::report::chart::{Axis, Legend, Plot, bars, series};
use crate::report::html::Html;
use crate::report::page::{Page, Stage};
use crate::report::read::{distinct, numbers, pick, rows_of, texts};

/// How many features are drawn.
const FEATURES: usize = 20;

/// The longest line of a step.
const LETTERS: usize = 400;

/// Writes what a `train` gave.
pub(super) fn write(html: &mut Html, _: &Page, stage: &Stage<'_>) {
    if let Some(model) = stage.fitted() {
        html.raw("<p>What was fitted, in order:</p><ol class=\"steps\">");
        for line in model.explain() {
            html.element("li", &[], cut(&line));
        }
        html.raw("</ol>");
    }
    let mut drawings = Vec::new();
    drawings.extend(stage.table("importance").and_then(importance));
    drawings.extend(stage.table("history").map(history).unwrap_or_default());
    super::figures(html, drawings);
}

/// Cuts the line of a step that was fitted on very many columns.
fn cut(line: &str) -> String {
    match line.char_indices().nth(LETTERS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

fn importance(table: &Table) -> Option<(String, Html)> {
    let names = texts(table, "feature")?;
    let values = numbers(table, "importance")?;
    let mut rows: Vec<(String, f64)> =
        names.into_iter().zip(values).filter(|(_, value)| value.is_finite()).collect();
    rows.sort_by(|(a, x), (b, y)| y.abs().total_cmp(&x.abs()).then_with(|| a.cmp(b)));
    let more = rows.len().saturating_sub(FEATURES);
    rows.truncate(FEATURES);
    if rows.is_empty() {
        return None;
    }
    let mut html = bars(&rows, "Importance of the features, the greatest first");
    if more > 0 {
        html.element("p", &[("class", &"more")], format_args!("and {more} more features"));
    }
    Some(("Feature importance".to_owned(), html))
}

/// Draws the course of the training, a plot a metric.
fn history(table: &Table) -> Vec<(String, Html)> {
    let columns = (texts(table, "metric"), numbers(table, "iteration"));
    let (Some(metrics), Some(iterations)) = columns else { return Vec::new() };
    let train = numbers(table, "train").unwrap_or_default();
    let validation = numbers(table, "validation").unwrap_or_default();
    let one = |metric: &&str| {
        let rows = rows_of(&metrics, metric);
        let x = pick(&iterations, &rows);
        let lines = [("train", pick(&train, &rows)), ("validation", pick(&validation, &rows))];
        let all = lines.iter().flat_map(|(_, values)| values.iter().copied());
        let axes = (Axis::over("Iteration", x.iter().copied()), Axis::over(metric, all));
        let mut plot = Plot::new(axes.0, axes.1);
        let mut legend = Vec::new();
        for (at, (name, values)) in lines.iter().enumerate() {
            if values.iter().any(|value| value.is_finite()) {
                let points: Vec<(f64, f64)> =
                    x.iter().copied().zip(values.iter().copied()).collect();
                plot.line(series(at), &points);
                legend.push((series(at), (*name).to_owned()));
            }
        }
        let mut html = plot.finish(&format!("{metric} by iteration"));
        Legend(legend).write(&mut html);
        (format!("{metric} while training"), html)
    };
    distinct(&metrics).iter().map(one).collect()
}
