//! Curves of classifiers: ROC, precision and recall, calibration; and the confusion matrix.

use super::scores::Confusion;
use crate::ml::metrics::curves as computed;
use crate::report::chart::{Axis, Legend, Plot, SERIES, series};
use crate::report::figures::{count, percent};
use crate::report::html::{Html, Px};

/// How many points of a curve are drawn, about.
const POINTS: f64 = 300.0;

/// How many classes a confusion matrix shows.
const CLASSES: usize = 20;

/// How many points are put on each straight piece of a ROC curve, where precision bends.
const BETWEEN: usize = 8;

/// A line of a plot.
#[derive(Clone, Debug, Default)]
pub(super) struct Curve {
    /// What it belongs to.
    pub(super) name: String,
    /// The points.
    pub(super) points: Vec<(f64, f64)>,
}

/// The curves of one model and one class.
#[derive(Clone, Debug, Default)]
pub(super) struct Curves {
    pub(super) roc: Curve,
    pub(super) recall: Curve,
    pub(super) calibration: Curve,
    /// The share of the rows that are of the class.
    pub(super) share: f64,
}

impl Curves {
    /// Computes them from scores beside the truth.
    pub(super) fn of(name: &str, truth: &[bool], scores: &[f64]) -> Self {
        let curve = |points: Vec<(f64, f64)>| Curve { name: name.to_owned(), points: thin(points) };
        let roc = computed::roc(truth, scores, None);
        let recall = computed::precision_recall(truth, scores, None);
        let bins = computed::calibration(truth, scores, None, 10);
        let hits = truth.iter().filter(|own| **own).count();
        Self {
            roc: curve(
                roc.iter().map(|own| (own.false_positive_rate, own.true_positive_rate)).collect(),
            ),
            recall: curve(recall.iter().map(|own| (own.recall, own.precision)).collect()),
            calibration: curve(
                bins.iter().map(|own| (own.mean_predicted, own.fraction_positive)).collect(),
            ),
            share: hits as f64 / truth.len() as f64,
        }
    }

    /// Makes them from a ROC curve and the number of rows of the class and of the others.
    pub(super) fn of_roc(name: &str, roc: Vec<(f64, f64)>, own: f64, others: f64) -> Self {
        let mut recall = Vec::new();
        for pair in roc.windows(2) {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            for step in 1..=BETWEEN {
                let part = step as f64 / BETWEEN as f64;
                let (x, y) = (x0 + (x1 - x0) * part, y0 + (y1 - y0) * part);
                let taken = y * own + x * others;
                if taken > 0.0 {
                    recall.push((y, y * own / taken));
                }
            }
        }
        let curve = |points| Curve { name: name.to_owned(), points: thin(points) };
        Self {
            recall: curve(recall),
            roc: curve(roc),
            calibration: Curve::default(),
            share: own / (own + others),
        }
    }
}

/// Draws the curves of several models or classes: ROC, precision and recall, calibration.
pub(super) fn draw(curves: &[Curves]) -> Vec<(String, Html)> {
    vec![
        ("ROC".to_owned(), roc(curves)),
        ("Precision and recall".to_owned(), precision(curves)),
        ("Calibration".to_owned(), calibration(curves)),
    ]
}

fn roc(curves: &[Curves]) -> Html {
    let mut plot = Plot::new(Axis::share("False positive rate"), Axis::share("True positive rate"));
    plot.line("even", &[(0.0, 0.0), (1.0, 1.0)]);
    let named = |own: &Curves| {
        let area = area(&own.roc.points);
        (own.roc.clone(), format!("{} (area {area:.4})", own.roc.name))
    };
    lines(plot, curves.iter().map(named).collect(), "ROC curve")
}

fn precision(curves: &[Curves]) -> Html {
    let mut plot = Plot::new(Axis::share("Recall"), Axis::share("Precision"));
    if let [first, rest @ ..] = curves
        && rest.iter().all(|own| (own.share - first.share).abs() < 1e-12)
    {
        plot.line("even", &[(0.0, first.share), (1.0, first.share)]);
    }
    let named = |own: &Curves| (own.recall.clone(), own.recall.name.clone());
    lines(plot, curves.iter().map(named).collect(), "Precision against recall")
}

fn calibration(curves: &[Curves]) -> Html {
    if curves.iter().all(|own| own.calibration.points.is_empty()) {
        return Html::new();
    }
    let mut plot =
        Plot::new(Axis::share("Mean predicted probability"), Axis::share("Share that came true"));
    plot.line("even", &[(0.0, 0.0), (1.0, 1.0)]);
    for (at, own) in curves.iter().take(SERIES).enumerate() {
        plot.points(series(at), &own.calibration.points);
    }
    let named = |own: &Curves| (own.calibration.clone(), own.calibration.name.clone());
    lines(plot, curves.iter().map(named).collect(), "Calibration")
}

/// Draws lines, says what each is, and counts those that have no colour.
fn lines(mut plot: Plot, curves: Vec<(Curve, String)>, what: &str) -> Html {
    if curves.iter().all(|(curve, _)| curve.points.is_empty()) {
        return Html::new();
    }
    let shown = &curves[..curves.len().min(SERIES)];
    for (at, (curve, _)) in shown.iter().enumerate() {
        plot.line(series(at), &curve.points);
    }
    let names: Vec<&str> = shown.iter().map(|(_, name)| name.as_str()).collect();
    let mut html = plot.finish(&format!("{what}: {}", names.join(", ")));
    let legend = shown.iter().enumerate().map(|(at, (_, name))| (series(at), name.clone()));
    Legend(legend.collect()).write(&mut html);
    let more = curves.len() - shown.len();
    if more > 0 {
        html.element("p", &[("class", &"more")], format_args!("and {more} more"));
    }
    html
}

/// Gives the area under a curve.
fn area(points: &[(f64, f64)]) -> f64 {
    let piece = |pair: &[(f64, f64)]| (pair[1].0 - pair[0].0) * f64::midpoint(pair[0].1, pair[1].1);
    points.windows(2).map(piece).sum()
}

/// Leaves out points that no eye can tell from the one before.
fn thin(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let near = |a: (f64, f64), b: (f64, f64)| {
        (a.0 - b.0).abs() < 1.0 / POINTS && (a.1 - b.1).abs() < 1.0 / POINTS
    };
    let last = points.len().saturating_sub(1);
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for (at, point) in points.into_iter().enumerate() {
        if at == last || kept.last().is_none_or(|before| !near(*before, point)) {
            kept.push(point);
        }
    }
    kept
}

/// Writes confusion matrices beside each other, a heading each.
pub(super) fn confusions(html: &mut Html, matrices: Vec<(String, Confusion)>) {
    let drawn: Vec<(String, Html)> = matrices
        .iter()
        .map(|(model, matrix)| (format!("Confusion matrix, {model}"), confusion(matrix)))
        .filter(|(_, drawn)| !drawn.is_empty())
        .collect();
    if !drawn.is_empty() {
        super::in_box(html, "matrices", drawn);
        html.raw("<p class=\"fine\">Shares in a matrix are of the rows of an actual class.</p>");
    }
}

/// Writes a confusion matrix: counts, and shares of the actual class.
fn confusion(confusion: &Confusion) -> Html {
    let mut html = Html::new();
    let classes = confusion.classes.len();
    if classes == 0 || confusion.all() == 0.0 {
        return html;
    }
    let shown = classes.min(CLASSES);
    html.raw(
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Confusion matrix\">",
    );
    html.raw("<table class=\"confusion\">");
    html.raw("<thead><tr><th scope=\"col\">actual ↓ predicted →</th>");
    for class in &confusion.classes[..shown] {
        html.element("th", &[("scope", &"col")], class);
    }
    html.raw("</tr></thead><tbody>");
    for (row, class) in confusion.classes[..shown].iter().enumerate() {
        html.raw("<tr>").element("th", &[("scope", &"row")], class);
        for column in 0..shown {
            let number = confusion.counts[row][column];
            let share = number / confusion.actual(row).max(1.0);
            let kind = if row == column { "hit" } else { "miss" };
            html.open("td", &[("class", &kind), ("style", &format_args!("--share:{}", Px(share)))]);
            html.element("span", &[("class", &"count")], count(number as usize));
            // Most cells of many classes are empty: a share of nothing says nothing.
            if number > 0.0 {
                html.element("small", &[], percent(share));
            }
            html.close("td");
        }
        html.raw("</tr>");
    }
    html.raw("</tbody></table></div>");
    if classes > shown {
        html.element(
            "p",
            &[("class", &"more")],
            format_args!("and {} more classes", classes - shown),
        );
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precision_follows_from_a_roc_curve_and_the_classes() {
        let truth = [true, true, false, true, false, false, false, true];
        let scores = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2];
        let exact = Curves::of("x", &truth, &scores);
        let made = Curves::of_roc("x", exact.roc.points.clone(), 4.0, 4.0);
        // Each point of the exact curve lies on the one that was made from the corners of the other.
        for (recall, precision) in &exact.recall.points {
            let near = made.recall.points.iter().any(|(own, other)| {
                (own - recall).abs() < 0.07 && (other - precision).abs() < 0.07
            });
            assert!(near, "{recall} {precision}");
        }
        assert!((area(&made.roc.points) - 0.6875).abs() < 1e-12);
    }

    #[test]
    fn a_long_curve_is_thinned() {
        let points: Vec<(f64, f64)> = (0..100_000).map(|at| (f64::from(at) / 1e5, 0.5)).collect();
        let thin = thin(points);
        assert!(thin.len() < 310, "{}", thin.len());
        assert_eq!(thin.last(), Some(&(0.99999, 0.5)));
    }
}
