//! Scores: which way a metric gets better, and between which values a score lies.

use crate::data::Table;
use crate::ml::intervals::{self, Interval};
use crate::ml::metric::Direction;
use crate::ml::metrics::METRICS;
use crate::report::figures::{beside, figure};
use crate::report::html::Html;
use crate::report::read::{distinct, numbers, pick, rows_of, texts};

/// Scores by model and metric.
pub(super) struct Scores {
    /// The models, in the order of the table.
    pub(super) models: Vec<String>,
    /// The metrics, in the order of the table.
    pub(super) metrics: Vec<String>,
    rows: Vec<(String, String, Score)>,
}

/// A score.
#[derive(Clone, Debug, Default)]
pub(super) struct Score {
    /// The value, or the mean over folds.
    pub(super) value: f64,
    /// The standard deviation over folds.
    pub(super) sd: Option<f64>,
    /// Between which values it lies.
    pub(super) interval: Option<Interval>,
}

impl Scores {
    /// Reads a table of scores: `value` is the name of the column that holds them.
    pub(super) fn read(table: &Table, value: &str) -> Option<Self> {
        let (models, metrics) = (texts(table, "model")?, texts(table, "metric")?);
        let values = numbers(table, value)?;
        let sds = numbers(table, "sd");
        let rows = models.iter().zip(&metrics).zip(values).enumerate();
        let score = |(at, ((model, metric), value)): (usize, ((&String, &String), f64))| {
            let sd = sds.as_ref().and_then(|sds| sds.get(at).copied());
            (model.clone(), metric.clone(), Score { value, sd, interval: None })
        };
        let owned = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect::<Vec<_>>();
        Some(Self {
            rows: rows.map(score).collect(),
            models: owned(distinct(&models)),
            metrics: owned(distinct(&metrics)),
        })
    }

    /// Gives a score.
    pub(super) fn of(&self, model: &str, metric: &str) -> Option<&Score> {
        let own = |row: &&(String, String, Score)| row.0 == model && row.1 == metric;
        self.rows.iter().find(own).map(|(.., score)| score)
    }

    /// Gives each score the interval that a function finds.
    pub(super) fn measure(&mut self, interval: impl Fn(&str, &str, f64) -> Option<Interval>) {
        for (model, metric, score) in &mut self.rows {
            score.interval = interval(model, metric, score.value).map(|own| within(metric, own));
        }
    }

    /// Tells whether a score is the best of its metric, among several models.
    pub(super) fn is_best(&self, model: &str, metric: &str) -> bool {
        let mut all: Vec<f64> = self
            .rows
            .iter()
            .filter(|row| row.1 == metric && !row.2.value.is_nan())
            .map(|row| row.2.value)
            .collect();
        all.sort_by(f64::total_cmp);
        let best = match direction(metric) {
            Some(Direction::Maximize) => all.last(),
            Some(Direction::Minimize) => all.first(),
            None => None,
        };
        let own = self.of(model, metric).map(|score| score.value);
        self.models.len() > 1 && best.copied() == own && own.is_some()
    }

    /// Tells whether some score has an interval.
    pub(super) fn has_intervals(&self) -> bool {
        self.rows.iter().any(|(.., score)| score.interval.is_some())
    }

    /// Puts the models in the order of their first score, the best one first.
    pub(super) fn rank(&mut self) {
        let Some(metric) = self.metrics.first().cloned() else { return };
        let sign = match direction(&metric) {
            Some(Direction::Minimize) => 1.0,
            Some(Direction::Maximize) => -1.0,
            None => return,
        };
        let mut models = self.models.clone();
        let worst = |value: f64| if value.is_nan() { f64::INFINITY } else { sign * value };
        let key = |model: &String| worst(self.of(model, &metric).map_or(f64::NAN, |own| own.value));
        models.sort_by(|a, b| key(a).total_cmp(&key(b)));
        self.models = models;
    }
}

impl Score {
    /// Writes the value, and below it between which values it lies.
    pub(super) fn write(&self, best: bool) -> Html {
        let mut html = Html::new();
        html.element(
            if best { "strong" } else { "span" },
            &[("class", &"score")],
            figure(self.value),
        );
        if let Some(sd) = self.sd.filter(|sd| sd.is_finite()) {
            html.element(
                "span",
                &[("class", &"sd")],
                format_args!(" ± {}", beside(sd, self.value)),
            );
        }
        if let Some(Interval { low, high }) = self.interval {
            let text = format!("{} to {}", beside(low, self.value), beside(high, self.value));
            html.element("small", &[("class", &"interval")], text);
        }
        html
    }
}

/// Gives which way a metric gets better, by its name without settings.
pub(super) fn direction(metric: &str) -> Option<Direction> {
    let word = metric.split('(').next().unwrap_or_default();
    METRICS.iter().find(|kind| kind.signature().name == word).map(|kind| kind.tags().direction)
}

/// Keeps an interval inside of what a metric can be: no loss or error is below 0, and no other score
/// above 1, but for the one that knows no bound.
fn within(metric: &str, interval: Interval) -> Interval {
    let Interval { low, high } = interval;
    match direction(metric) {
        Some(Direction::Minimize) => Interval { low: low.max(0.0), high },
        Some(Direction::Maximize) if metric != "calinski_harabasz" => {
            Interval { low, high: high.min(1.0) }
        }
        Some(Direction::Maximize) | None => interval,
    }
}

/// The counts of a confusion matrix.
pub(super) struct Confusion {
    pub(super) classes: Vec<String>,
    /// The count of each actual class (row) and predicted class (column).
    pub(super) counts: Vec<Vec<f64>>,
}

impl Confusion {
    /// Reads those of one model; classes are in the order of the table.
    pub(super) fn read(table: &Table, model: &str) -> Option<Self> {
        let rows = rows_of(&texts(table, "model")?, model);
        let actual = pick(&texts(table, "actual")?, &rows);
        let predicted = pick(&texts(table, "predicted")?, &rows);
        let counts = pick(&numbers(table, "count")?, &rows);
        let classes: Vec<String> = distinct(&actual).into_iter().map(str::to_owned).collect();
        let mut own = Self { counts: vec![vec![0.0; classes.len()]; classes.len()], classes };
        for ((actual, predicted), count) in actual.iter().zip(&predicted).zip(counts) {
            if let (Some(row), Some(column)) = (own.place(actual), own.place(predicted)) {
                own.counts[row][column] += count;
            }
        }
        Some(own)
    }

    /// Counts predictions beside the truth.
    pub(super) fn of(actual: &[String], predicted: &[String]) -> Self {
        let mut classes: Vec<String> = actual.iter().chain(predicted).cloned().collect();
        classes.sort();
        classes.dedup();
        let mut own = Self { counts: vec![vec![0.0; classes.len()]; classes.len()], classes };
        for (actual, predicted) in actual.iter().zip(predicted) {
            if let (Some(row), Some(column)) = (own.place(actual), own.place(predicted)) {
                own.counts[row][column] += 1.0;
            }
        }
        own
    }

    fn place(&self, class: &str) -> Option<usize> {
        self.classes.iter().position(|own| own == class)
    }

    /// Counts the rows of a class.
    pub(super) fn actual(&self, class: usize) -> f64 {
        self.counts.get(class).map_or(0.0, |row| row.iter().sum())
    }

    /// Counts the rows that were taken for a class.
    fn predicted(&self, class: usize) -> f64 {
        self.counts.iter().filter_map(|row| row.get(class)).sum()
    }

    pub(super) fn all(&self) -> f64 {
        (0..self.classes.len()).map(|class| self.actual(class)).sum()
    }

    /// Gives the interval of a score that is a share of these counts; none of other scores.
    ///
    /// A score that is no such share, because rows have weights or classes are averaged, is told by its
    /// value.
    pub(super) fn interval(&self, metric: &str, value: f64) -> Option<Interval> {
        let correct = |class: usize| self.counts[class][class];
        let all = self.all();
        let hits: f64 = (0..self.classes.len()).map(correct).sum();
        let of_class = |class: usize| match metric {
            "recall" => Some((correct(class), self.actual(class))),
            "precision" => Some((correct(class), self.predicted(class))),
            "specificity" => {
                let others = all - self.actual(class);
                Some((others - (self.predicted(class) - correct(class)), others))
            }
            _ => None,
        };
        let shares: Vec<(f64, f64)> = match metric {
            "accuracy" => vec![(hits, all)],
            _ if self.classes.len() == 2 => (0..2).filter_map(of_class).collect(),
            _ => Vec::new(),
        };
        let same = |(hits, count): &&(f64, f64)| (hits / count - value).abs() < 1e-9;
        let (hits, count) = shares.iter().find(same)?;
        intervals::of_share(*hits, *count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_share_of_rows_has_the_interval_of_a_share() {
        let counts = Confusion {
            classes: vec!["no".to_owned(), "yes".to_owned()],
            counts: vec![vec![50.0, 10.0], vec![5.0, 35.0]],
        };
        assert_eq!(counts.interval("accuracy", 0.85), intervals::of_share(85.0, 100.0));
        assert_eq!(counts.interval("recall", 35.0 / 40.0), intervals::of_share(35.0, 40.0));
        assert_eq!(counts.interval("precision", 35.0 / 45.0), intervals::of_share(35.0, 45.0));
        assert_eq!(counts.interval("specificity", 50.0 / 60.0), intervals::of_share(50.0, 60.0));
        assert_eq!(counts.interval("accuracy", 0.9), None);
        assert_eq!(counts.interval("f1", 0.85), None);
    }
}
