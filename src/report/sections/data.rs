//! The data: what came in, what was made of it, how it was cut and what holds of it.

use std::sync::atomic::AtomicBool;

use super::{correlated, profiled, residuals};
use crate::data::Table;
use crate::ml::profile::profile;
use crate::report::chart::bars;
use crate::report::figures::{self, count, counted, percent};
use crate::report::grid::{Cell, Grid, Head};
use crate::report::html::Html;
use crate::report::page::{Page, Stage};
use crate::report::read::{distinct, is_number, numbers, texts};

/// The kinds that other sections tell of, or that leave nothing to show.
const ELSEWHERE: &[&str] =
    &["evaluate", "cross_validate", "tune", "train", "load", "model", "report"];

/// A table of at most so many rows and columns is shown whole: it is a result, not data.
const SMALL: (usize, usize) = (25, 12);

/// How many tables are profiled at most, and how many cells they may have in all.
const PROFILED: (usize, usize) = (12, 20_000_000);

/// How many stages are shown.
const STAGES: usize = 100;

/// How many histograms of predictions are drawn.
const HISTOGRAMS: usize = 6;

/// Writes the section.
pub(super) fn write(page: &Page) -> Html {
    let mut html = Html::new();
    let own =
        |stage: &Stage<'_>| stage.entry.shown && !ELSEWHERE.contains(&stage.entry.kind.as_str());
    let stages: Vec<Stage<'_>> = page.stages().filter(own).collect();
    let mut budget = PROFILED;
    for stage in stages.iter().take(STAGES) {
        super::block(&mut html, stage, |html| inside(html, page, stage, &mut budget));
    }
    if stages.len() > STAGES {
        let more = counted(stages.len() - STAGES, "more stage");
        html.element("p", &[("class", &"more")], format_args!("and {more}"));
    }
    html
}

fn inside(html: &mut Html, page: &Page, stage: &Stage<'_>, budget: &mut (usize, usize)) {
    match stage.entry.kind.as_str() {
        "split" => split(html, stage),
        "expect" => expectation(html, stage),
        "predict" => prediction(html, page, stage),
        "profile" => {
            if let Some(columns) = stage.table("").and_then(profiled::read) {
                profiled::write(html, &columns, "What the columns hold");
            }
        }
        "correlate" => drop(stage.table("").map(|table| correlated::write(html, table))),
        _ => tables(html, stage, budget),
    }
}

/// Writes each table of a stage: small ones whole, of others what their columns hold.
fn tables(html: &mut Html, stage: &Stage<'_>, budget: &mut (usize, usize)) {
    for output in &stage.found.outputs {
        let Some(table) = stage.table(&output.name) else { continue };
        let columns = table.schema().fields().len();
        if !output.name.is_empty() {
            html.element("h4", &[], &output.name);
        }
        html.element("p", &[], size(table));
        let cells = table.rows().saturating_mul(columns);
        if table.rows() <= SMALL.0 && columns <= SMALL.1 {
            whole(html, table);
        } else if budget.0 > 0 && cells <= budget.1 {
            *budget = (budget.0 - 1, budget.1 - cells);
            if let Ok(Some(columns)) = profile(table, &AtomicBool::new(false)) {
                let columns: Vec<profiled::Column> = columns.iter().map(Into::into).collect();
                profiled::write(html, &columns, "What the columns hold");
            }
        } else {
            names(html, table);
        }
    }
}

fn size(table: &Table) -> String {
    let columns = table.schema().fields().len();
    format!("{}, {}", counted(table.rows(), "row"), counted(columns, "column"))
}

/// Writes a table with all of its rows.
fn whole(html: &mut Html, table: &Table) {
    if table.rows() == 0 || table.schema().fields().is_empty() {
        return;
    }
    let heads = table.schema().fields().iter().map(|field| {
        let numeric = is_number(field.data_type());
        if numeric { Head::numbers(field.name()) } else { Head::words(field.name()) }
    });
    let mut grid = Grid::new("All rows", heads.collect());
    let fields = table.schema().fields().iter();
    let columns: Vec<Vec<String>> = fields
        .map(|field| {
            if field.data_type().is_floating() {
                numbers(table, field.name()).map(|values| figures::column(&values))
            } else {
                texts(table, field.name())
            }
        })
        .map(Option::unwrap_or_default)
        .collect();
    for row in 0..table.rows() {
        let cell = |column: &Vec<String>| Cell::text(column.get(row).cloned().unwrap_or_default());
        grid.row(columns.iter().map(cell).collect());
    }
    grid.all = table.rows();
    grid.write(html);
}

/// Lists columns and types, where a profile would take too long.
fn names(html: &mut Html, table: &Table) {
    let heads = vec![Head::words("Column"), Head::words("Type")];
    let mut grid = Grid::new("Columns; a `profile` stage would tell more", heads);
    grid.all = table.schema().fields().len();
    for field in table.schema().fields().iter().take(profiled::LISTED) {
        let kind = crate::data::ColumnType::of_field(field).to_string();
        grid.row(vec![Cell::code(field.name()), Cell::text(kind)]);
    }
    grid.write(html);
}

fn split(html: &mut Html, stage: &Stage<'_>) {
    let part = |output: &crate::report::page::Output| {
        Some((output.name.clone(), stage.table(&output.name)?.rows()))
    };
    let parts: Vec<(String, usize)> = stage.found.outputs.iter().filter_map(part).collect();
    let all: usize = parts.iter().map(|(_, rows)| rows).sum();
    if all == 0 {
        return;
    }
    let heads = vec![Head::words("Part"), Head::numbers("Rows"), Head::numbers("Share")];
    let mut grid = Grid::new("The parts", heads);
    for (name, rows) in parts {
        let share = percent(rows as f64 / all as f64);
        grid.row(vec![Cell::code(name), Cell::text(count(rows)), Cell::text(share)]);
    }
    grid.write(html);
}

/// Says whether all holds, and else how many rows are at fault; the rows themselves stay where they
/// are.
fn expectation(html: &mut Html, stage: &Stage<'_>) {
    let Some(failures) = stage.table("failures") else { return };
    let checks = texts(failures, "check").unwrap_or_default();
    if checks.is_empty() {
        html.element("p", &[("class", &"required")], "Everything that is expected holds.");
        return;
    }
    let heads = vec![Head::words("Check"), Head::numbers("Rows at fault")];
    let mut grid = Grid::new("What doesn't hold", heads);
    for check in distinct(&checks) {
        let rows = checks.iter().filter(|own| *own == check).count();
        grid.row(vec![Cell::code(check), Cell::text(count(rows))]);
    }
    grid.write(html);
}

/// Draws how the predictions are spread.
fn prediction(html: &mut Html, page: &Page, stage: &Stage<'_>) {
    let Some(table) = stage.table("") else { return };
    html.element("p", &[], size(table));
    let mut drawings = Vec::new();
    let fields = table.schema().fields().iter().map(|field| field.name().as_str());
    let scores = fields.filter(|name| name.starts_with("probability_") || *name == "anomaly_score");
    for name in scores.take(HISTOGRAMS) {
        let values = numbers(table, name).unwrap_or_default();
        drawings.push((name.to_owned(), residuals::histogram(&values, name, "Rows")));
    }
    for name in ["prediction", "cluster", "is_anomaly"] {
        drawings.extend(answers(table, name).map(|drawing| (name.to_owned(), drawing)));
    }
    drawings.extend(errors(page, stage, table).unwrap_or_default());
    super::figures(html, drawings);
}

/// Draws predicted numbers against true ones, where the rows have kept the target.
fn errors(page: &Page, stage: &Stage<'_>, table: &Table) -> Option<Vec<(String, Html)>> {
    let floating = table.field("prediction")?.data_type().is_floating();
    let mut targets = page.behind(stage).into_iter().filter_map(|own| own.field("target"));
    let target = targets.find(|target| table.field(target.trim_matches('"')).is_some())?;
    let truth = numbers(table, target.trim_matches('"'))?;
    floating.then(|| residuals::draw(&truth, &numbers(table, "prediction").unwrap_or_default()))
}

/// Draws how often which answer was given: numbers by their size, others by their value.
fn answers(table: &Table, name: &str) -> Option<Html> {
    let field = table.field(name)?;
    if field.data_type().is_floating() {
        return Some(residuals::histogram(&numbers(table, name)?, name, "Rows"));
    }
    let values = texts(table, name)?;
    let mut rows: Vec<(String, f64)> = distinct(&values)
        .into_iter()
        .take(1000)
        .map(|value| (value.to_owned(), values.iter().filter(|own| *own == value).count() as f64))
        .collect();
    rows.sort_by(|(a, x), (b, y)| y.total_cmp(x).then_with(|| a.cmp(b)));
    rows.truncate(20);
    Some(bars(&rows, &format!("How often each {name} was given")))
}
