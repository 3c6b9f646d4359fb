//! Predicted numbers beside true ones.

use crate::report::chart::{Axis, Plot, series};
use crate::report::html::Html;

/// Up to so many rows, each is a point; above, they are counted in boxes.
const POINTS: usize = 400;

/// How many boxes a side has.
const BOXES: usize = 40;

/// How many bars a histogram has.
const BARS: usize = 31;

/// Draws predictions against the truth, and how the errors are spread.
pub(super) fn draw(truth: &[f64], predicted: &[f64]) -> Vec<(String, Html)> {
    let pairs: Vec<(f64, f64)> = truth
        .iter()
        .copied()
        .zip(predicted.iter().copied())
        .filter(|(truth, predicted)| truth.is_finite() && predicted.is_finite())
        .collect();
    if pairs.is_empty() {
        return Vec::new();
    }
    let errors: Vec<f64> = pairs.iter().map(|(truth, predicted)| truth - predicted).collect();
    let against: Vec<(f64, f64)> =
        pairs.iter().zip(&errors).map(|((_, predicted), error)| (*predicted, *error)).collect();
    vec![
        ("Predicted and true values".to_owned(), scatter(&pairs, true)),
        ("Residuals by prediction".to_owned(), scatter(&against, false)),
        ("Residuals".to_owned(), histogram(&errors, "True value less prediction", "Rows")),
    ]
}

/// Draws points, or boxes that are darker the more points they hold.
fn scatter(points: &[(f64, f64)], square: bool) -> Html {
    let xs = || points.iter().map(|(x, _)| *x);
    let ys = || points.iter().map(|(_, y)| *y);
    let (x, y) = if square {
        (
            Axis::over("True value", xs().chain(ys())),
            Axis::over("Predicted value", xs().chain(ys())),
        )
    } else {
        (Axis::over("Predicted value", xs()), Axis::over("True value less prediction", ys()))
    };
    let (low, high) = (x.low(), x.high());
    let told = format!("{} against {} for {} rows", y.label, x.label, points.len());
    let boxes = (points.len() > POINTS).then(|| boxes(points, &x, &y));
    let mut plot = Plot::new(x, y);
    match boxes {
        None => plot.points(series(0), points),
        Some(boxes) => {
            for (from, to, strength) in boxes {
                plot.cell(from, to, strength);
            }
        }
    }
    let even = if square { [(low, low), (high, high)] } else { [(low, 0.0), (high, 0.0)] };
    plot.line("even", &even);
    plot.finish(&told)
}

/// Counts points in boxes; the fullest has the strength 1.
fn boxes(points: &[(f64, f64)], x: &Axis, y: &Axis) -> Vec<((f64, f64), (f64, f64), f64)> {
    let mut counts = vec![0_u32; BOXES * BOXES];
    let place =
        |axis: &Axis, value: f64| ((axis.place(value) * BOXES as f64) as usize).min(BOXES - 1);
    for (a, b) in points {
        counts[place(y, *b) * BOXES + place(x, *a)] += 1;
    }
    let most = counts.iter().copied().max().unwrap_or(1).max(1);
    let edge =
        |axis: &Axis, at: usize| axis.low() + (axis.high() - axis.low()) * at as f64 / BOXES as f64;
    let filled = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    filled
        .map(|(at, count)| {
            let (column, row) = (at % BOXES, at / BOXES);
            let strength = (f64::from(*count).ln_1p() / f64::from(most).ln_1p()).max(0.08);
            ((edge(x, column), edge(y, row)), (edge(x, column + 1), edge(y, row + 1)), strength)
        })
        .collect()
}

/// Draws how numbers are spread.
pub(super) fn histogram(values: &[f64], label: &str, height: &str) -> Html {
    let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    if finite.is_empty() {
        return Html::new();
    }
    let x = Axis::over(label, finite.iter().copied());
    let mut counts = [0_u32; BARS];
    for value in &finite {
        let at = ((x.place(*value) * BARS as f64) as usize).min(BARS - 1);
        counts[at] += 1;
    }
    let most = f64::from(counts.iter().copied().max().unwrap_or(1));
    let edges: Vec<f64> =
        (0..=BARS).map(|at| x.low() + (x.high() - x.low()) * at as f64 / BARS as f64).collect();
    let mut plot = Plot::new(x, Axis::from_to(height, 0.0, most * 1.04));
    for (at, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        plot.bar(edges[at], edges[at + 1], f64::from(*count));
    }
    plot.finish(&format!("Histogram: {label}, {} values", finite.len()))
}
