//! `cross_validate`: models beside each other, fold by fold.

use super::curves::{self, Curves};
use super::judged;
use super::residuals;
use super::scores::{Confusion, Scores};
use crate::data::Table;
use crate::ml::intervals;
use crate::report::chart::{Dots, SERIES};
use crate::report::html::Html;
use crate::report::page::{Page, Stage};
use crate::report::read::{distinct, numbers, pick, rows_of, texts};

/// How many models' matrices and residuals are drawn.
const DRAWN: usize = 6;

/// Above so many predictions, curves are not computed.
const MOST: usize = 5_000_000;

/// Writes what a `cross_validate` found.
pub(super) fn write(html: &mut Html, page: &Page, stage: &Stage<'_>) {
    let Some(scores) = scores(stage) else { return };
    judged::grid(html, &scores, "Leaderboard, best first by the first metric");
    explain(html, stage, &scores);
    super::figures(html, folds(stage, &scores));
    let Some(table) = stage.table("predictions").filter(|table| table.rows() <= MOST) else {
        return;
    };
    let models: Vec<&str> = scores.models.iter().map(String::as_str).collect();
    if let Some(found) = Predictions::read(table) {
        found.write(html, page, stage, &models);
    }
}

/// Reads the scores and finds their intervals.
pub(super) fn scores(stage: &Stage<'_>) -> Option<Scores> {
    let mut scores = Scores::read(stage.table("")?, "mean")?;
    let folds = stage.table("scores");
    let tested = tested(stage);
    scores.measure(|model, metric, _| {
        intervals::of_folds(&fold_scores(folds?, model, metric)?, tested?)
    });
    scores.rank();
    Some(scores)
}

fn explain(html: &mut Html, stage: &Stage<'_>, scores: &Scores) {
    let folds = stage.table("").and_then(|table| numbers(table, "folds"));
    let count = folds.and_then(|folds| folds.first().copied()).unwrap_or(0.0);
    let mut text = format!("Mean ± standard deviation over {count} folds.");
    if scores.has_intervals() {
        text.push_str(
            " The small figures are 95 % intervals of the mean after Nadeau and Bengio, which allow \
             for folds that share training rows.",
        );
    }
    html.element("p", &[("class", &"fine")], text);
}

fn fold_scores(table: &Table, model: &str, metric: &str) -> Option<Vec<f64>> {
    let metrics = texts(table, "metric")?;
    let rows = rows_of(&texts(table, "model")?, model);
    let rows: Vec<usize> =
        rows.into_iter().filter(|row| metrics.get(*row).is_some_and(|own| own == metric)).collect();
    Some(pick(&numbers(table, "value")?, &rows))
}

/// Gives how many rows a fold judges for each row that it learns from, where each row is judged once.
fn tested(stage: &Stage<'_>) -> Option<f64> {
    if stage.field("folds").is_some_and(|text| text.starts_with("time_series")) {
        return None;
    }
    let table = stage.table("predictions")?;
    let (folds, rows) = (numbers(table, "fold")?, numbers(table, "row")?);
    let repeats = numbers(table, "repeat")?;
    let models = texts(table, "model")?;
    let first = models.first()?;
    let own: Vec<usize> = (0..rows.len())
        .filter(|row| models[*row] == *first && repeats[*row] == repeats[0])
        .collect();
    let mut seen: Vec<u64> = own.iter().map(|row| rows[*row].to_bits()).collect();
    seen.sort_unstable();
    seen.dedup();
    let mut sizes = std::collections::BTreeMap::new();
    for row in &own {
        *sizes.entry(folds[*row].to_bits()).or_insert(0.0) += 1.0;
    }
    let all = own.len() as f64;
    let ratios: Vec<f64> = sizes.values().map(|size: &f64| size / (all - size)).collect();
    let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
    (seen.len() == own.len() && ratios.len() > 1).then_some(mean)
}

/// Draws the scores of all folds, a plot a metric, a line a model.
fn folds(stage: &Stage<'_>, scores: &Scores) -> Vec<(String, Html)> {
    let Some(table) = stage.table("scores") else { return Vec::new() };
    let one = |metric: &String| {
        let mut dots = Dots::new(metric);
        for model in &scores.models {
            let mean = scores.of(model, metric).map(|own| (own.value, own.sd.unwrap_or(0.0)));
            dots.row(model, &fold_scores(table, model, metric).unwrap_or_default(), mean);
        }
        (format!("{metric}, fold by fold"), dots.finish())
    };
    scores.metrics.iter().map(one).collect()
}

/// The predictions of all folds together.
struct Predictions<'a> {
    table: &'a Table,
    models: Vec<String>,
}

impl<'a> Predictions<'a> {
    fn read(table: &'a Table) -> Option<Self> {
        Some(Self { table, models: texts(table, "model")? })
    }

    fn write(&self, html: &mut Html, page: &Page, stage: &Stage<'_>, models: &[&str]) {
        let classes = self.classes();
        if classes.is_empty() {
            self.numbers(html, models);
            return;
        }
        html.raw(
            "<p class=\"fine\">The curves and matrices are of the predictions of all folds together, \
             each row judged by a model that didn't learn from it.</p>",
        );
        let targets = texts(self.table, "target").unwrap_or_default();
        if classes.len() == 2 {
            if let Some(class) = judged::positive(page, stage, &classes) {
                let one = |model: &&str| self.curves(model, &class, &targets, model);
                let all: Vec<Curves> = models.iter().take(SERIES).filter_map(one).collect();
                super::figures(html, judged::titled(curves::draw(&all), &format!(" of “{class}”")));
            }
        } else {
            for model in models.iter().take(DRAWN) {
                let shown = classes.iter().take(SERIES);
                let one = |class: &String| self.curves(model, class, &targets, class);
                let all: Vec<Curves> = shown.filter_map(one).collect();
                super::figures(html, judged::titled(curves::draw(&all), &format!(", {model}")));
            }
        }
        self.matrices(html, models, &targets);
    }

    /// Lists the classes that have a column of probabilities.
    fn classes(&self) -> Vec<String> {
        let fields = self.table.schema().fields().iter();
        fields
            .filter_map(|field| field.name().strip_prefix("probability_").map(str::to_owned))
            .collect()
    }

    fn curves(&self, model: &str, class: &str, targets: &[String], name: &str) -> Option<Curves> {
        let rows = rows_of(&self.models, model);
        let scores = pick(&numbers(self.table, &format!("probability_{class}"))?, &rows);
        let truth: Vec<bool> = pick(targets, &rows).iter().map(|own| own == class).collect();
        // A model without this class has no probability of it.
        let known: Vec<usize> = (0..scores.len()).filter(|row| !scores[*row].is_nan()).collect();
        let (truth, scores) = (pick(&truth, &known), pick(&scores, &known));
        (!scores.is_empty()).then(|| Curves::of(name, &truth, &scores))
    }

    fn matrices(&self, html: &mut Html, models: &[&str], targets: &[String]) {
        let predicted = texts(self.table, "prediction").unwrap_or_default();
        let matrix = |model: &&str| {
            let rows = rows_of(&self.models, model);
            let matrix = Confusion::of(&pick(targets, &rows), &pick(&predicted, &rows));
            ((*model).to_owned(), matrix)
        };
        curves::confusions(html, models.iter().take(DRAWN).map(matrix).collect());
        if models.len() > DRAWN {
            let more = models.len() - DRAWN;
            html.element("p", &[("class", &"more")], format_args!("and {more} more models"));
        }
    }

    fn numbers(&self, html: &mut Html, models: &[&str]) {
        let columns = (numbers(self.table, "target"), numbers(self.table, "prediction"));
        let (Some(truth), Some(predicted)) = columns else { return };
        let names: Vec<&str> = distinct(&self.models);
        for model in models.iter().filter(|model| names.contains(*model)).take(DRAWN) {
            let rows = rows_of(&self.models, model);
            let drawn = residuals::draw(&pick(&truth, &rows), &pick(&predicted, &rows));
            super::figures(html, judged::titled(drawn, &format!(", {model}")));
        }
    }
}
