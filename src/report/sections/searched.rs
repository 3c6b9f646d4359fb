//! `tune`: the trials, and what each value did.

use crate::data::Table;
use crate::report::chart::{Axis, Plot, series};
use crate::report::figures::{beside, counted, figure};
use crate::report::grid::{Cell, Grid, Head};
use crate::report::html::Html;
use crate::report::page::{Page, Stage};
use crate::report::read::{numbers, texts};

/// The columns that are no tuned path.
const FIXED: usize = 5;

/// How many trials are listed.
const LISTED: usize = 10;

/// How many tuned paths are drawn.
const DRAWN: usize = 12;

/// The trials of a search.
struct Trials<'a> {
    table: &'a Table,
    metric: String,
    means: Vec<f64>,
    sds: Vec<f64>,
    numbers: Vec<f64>,
    statuses: Vec<String>,
    /// The trials that came to their end, best first.
    ranked: Vec<usize>,
    minimize: bool,
    /// The tuned paths whose values count by their size.
    by_size: Vec<String>,
}

/// Writes what a `tune` found.
pub(super) fn write(html: &mut Html, _: &Page, stage: &Stage<'_>) {
    let Some(trials) = stage.table("trials").and_then(|table| Trials::read(table, stage)) else {
        return;
    };
    let all = trials.means.len();
    let failed = all - trials.ranked.len();
    html.open("p", &[]).text(counted(all, "trial"));
    if failed > 0 {
        html.text(format_args!(", {failed} of them pruned or failed"));
    }
    html.text(format_args!(
        "; {} is {}. Mean ± standard deviation over the folds.",
        trials.metric,
        if trials.minimize { "made small" } else { "made large" }
    ));
    html.close("p");
    trials.list(html);
    super::figures(html, trials.draw());
}

impl<'a> Trials<'a> {
    fn read(table: &'a Table, stage: &Stage<'_>) -> Option<Self> {
        let means = numbers(table, "mean")?;
        let minimize = stage.field("minimize").is_some();
        let statuses = texts(table, "status")?;
        // A pruned trial has the mean of a few folds, which is not to be held against the others'.
        let complete = |row: &usize| !means[*row].is_nan() && statuses[*row] == "complete";
        let mut ranked: Vec<usize> = (0..means.len()).filter(complete).collect();
        // The sort is stable: ties go to the earlier trial.
        let sign: f64 = if minimize { 1.0 } else { -1.0 };
        ranked.sort_by(|a, b| (sign * means[*a]).total_cmp(&(sign * means[*b])));
        let over = stage.field("over").unwrap_or_default();
        let fields = table.schema().fields().iter().skip(FIXED).map(|field| field.name());
        let by_size = fields.filter(|path| over.contains(&format!("{path}: log("))).cloned();
        Some(Self {
            table,
            by_size: by_size.collect(),
            metric: texts(table, "metric")?.first().cloned().unwrap_or_default(),
            sds: numbers(table, "sd")?,
            numbers: numbers(table, "trial")?,
            statuses,
            means,
            ranked,
            minimize,
        })
    }

    /// Gives the tuned paths.
    fn paths(&self) -> Vec<String> {
        let fields = self.table.schema().fields().iter();
        fields.skip(FIXED).map(|field| field.name().clone()).collect()
    }

    fn list(&self, html: &mut Html) {
        let paths = self.paths();
        let columns: Vec<Vec<String>> =
            paths.iter().map(|path| texts(self.table, path).unwrap_or_default()).collect();
        let mut heads = vec![Head::numbers("Trial"), Head::numbers(&self.metric)];
        heads.extend(paths.iter().map(|path| Head::numbers(path)));
        heads.push(Head::words("Status"));
        let mut grid = Grid::new("The best trials", heads);
        grid.all = self.means.len();
        for row in self.ranked.iter().take(LISTED) {
            let mut cells = vec![
                Cell::text(format!("{}", self.numbers[*row])),
                Cell::text(format!(
                    "{} ± {}",
                    figure(self.means[*row]),
                    beside(self.sds[*row], self.means[*row])
                )),
            ];
            cells.extend(columns.iter().map(|column| {
                let text = column.get(*row).cloned().unwrap_or_default();
                match text.parse::<f64>() {
                    Ok(number) if text.contains(['.', 'e']) => Cell::text(figure(number)),
                    _ => Cell::text(text),
                }
            }));
            cells.push(Cell::text(&self.statuses[*row]));
            grid.row(cells);
        }
        grid.write(html);
    }

    fn draw(&self) -> Vec<(String, Html)> {
        let best = self.ranked.first().copied();
        let mut drawings = vec![("Best score so far".to_owned(), self.course())];
        for path in self.paths().into_iter().take(DRAWN) {
            let Some(values) = numbers(self.table, &path) else { continue };
            let x = if self.by_size.contains(&path) {
                Axis::log(&path, values.clone())
            } else {
                Axis::over(&path, values.clone())
            };
            let y = Axis::over(&self.metric, self.means.iter().copied());
            let mut plot = Plot::new(x, y);
            let points = |rows: &[usize]| -> Vec<(f64, f64)> {
                rows.iter().map(|row| (values[*row], self.means[*row])).collect()
            };
            plot.points("faint s0", &points(&self.ranked));
            plot.points("best s1", &points(best.as_slice()));
            let told = format!("{} of each trial against {path}", self.metric);
            drawings.push((path, plot.finish(&told)));
        }
        drawings
    }

    /// Draws each trial's score and the best one up to it.
    fn course(&self) -> Html {
        let mut rows: Vec<usize> = self.ranked.clone();
        rows.sort_by(|a, b| self.numbers[*a].total_cmp(&self.numbers[*b]));
        let mut best = f64::NAN;
        let mut course = Vec::new();
        for row in &rows {
            let mean = self.means[*row];
            let better = if self.minimize { mean < best } else { mean > best };
            let before = best;
            if better || best.is_nan() {
                best = mean;
            }
            if !before.is_nan() {
                course.push((self.numbers[*row], before));
            }
            course.push((self.numbers[*row], best));
        }
        let x = Axis::over("Trial", self.numbers.iter().copied());
        let y = Axis::over(&self.metric, self.means.iter().copied());
        let mut plot = Plot::new(x, y);
        let points: Vec<(f64, f64)> =
            rows.iter().map(|row| (self.numbers[*row], self.means[*row])).collect();
        plot.points("faint s0", &points);
        plot.line(series(1), &course);
        plot.finish(&format!("{} of each trial, and the best so far", self.metric))
    }
}
