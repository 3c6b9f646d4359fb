//! Scores in rows: a line for each model, a dot for each fold, a bar for mean ± standard deviation.

use super::axis::Axis;
use crate::report::html::{Html, Px};

const WIDTH: f64 = 380.0;
const LEFT: f64 = 104.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 8.0;
const ROW: f64 = 30.0;
const BOTTOM: f64 = 42.0;

/// How many rows are drawn.
const ROWS: usize = 12;

/// The longest name of a row.
const LETTERS: usize = 14;

/// Rows of scores.
pub(in crate::report) struct Dots {
    label: String,
    rows: Vec<(String, Vec<f64>, Option<(f64, f64)>)>,
}

impl Dots {
    /// Starts without rows; `label` says what the scores are.
    pub(in crate::report) fn new(label: &str) -> Self {
        Self { label: label.to_owned(), rows: Vec::new() }
    }

    /// Adds a row: its scores, their mean and standard deviation.
    pub(in crate::report) fn row(&mut self, name: &str, scores: &[f64], mean: Option<(f64, f64)>) {
        self.rows.push((name.to_owned(), scores.to_vec(), mean));
    }

    /// Closes the drawing.
    pub(in crate::report) fn finish(self) -> Html {
        let shown = &self.rows[..self.rows.len().min(ROWS)];
        let values = shown.iter().flat_map(|(_, scores, mean)| {
            let ends = mean.map(|(mean, sd)| [mean - sd, mean + sd]);
            scores.iter().copied().chain(ends.into_iter().flatten())
        });
        let axis = Axis::over(&self.label, values.collect::<Vec<_>>());
        let height = TOP + shown.len() as f64 * ROW + BOTTOM;
        let mut svg = Html::new();
        let view = format!("0 0 {} {}", Px(WIDTH), Px(height));
        let told = format!("{} of each fold for {} models", self.label, shown.len());
        svg.open(
            "svg",
            &[("viewBox", &view), ("role", &"img"), ("aria-label", &told), ("class", &"plot")],
        );
        scale(&mut svg, &axis, height);
        for (at, (name, scores, mean)) in shown.iter().enumerate() {
            let y = TOP + (at as f64 + 0.5) * ROW;
            row(&mut svg, &axis, y, (name, scores, *mean));
        }
        svg.close("svg");
        if self.rows.len() > shown.len() {
            let more = self.rows.len() - shown.len();
            svg.element("p", &[("class", &"more")], format_args!("and {more} more"));
        }
        svg
    }
}

fn place(axis: &Axis, value: f64) -> f64 {
    LEFT + axis.place(value) * (WIDTH - LEFT - RIGHT)
}

fn scale(svg: &mut Html, axis: &Axis, height: f64) {
    let bottom = height - BOTTOM;
    for (value, text) in axis.ticks() {
        let x = place(axis, value);
        let ends: [(&'static str, &dyn std::fmt::Display); 5] = [
            ("class", &"grid"),
            ("x1", &Px(x)),
            ("y1", &Px(TOP)),
            ("x2", &Px(x)),
            ("y2", &Px(bottom)),
        ];
        svg.open("line", &ends).close("line");
        let at: [(&'static str, &dyn std::fmt::Display); 3] =
            [("class", &"tick middle"), ("x", &Px(x)), ("y", &Px(bottom + 16.0))];
        svg.element("text", &at, text);
    }
    svg.element(
        "text",
        &[("class", &"name end"), ("x", &Px(WIDTH - RIGHT)), ("y", &Px(height - 6.0))],
        &axis.label,
    );
}

fn row(
    svg: &mut Html,
    axis: &Axis,
    y: f64,
    (name, scores, mean): (&str, &[f64], Option<(f64, f64)>),
) {
    let label = match name.char_indices().nth(LETTERS) {
        Some(_) => name.chars().take(LETTERS - 1).chain(['…']).collect(),
        None => name.to_owned(),
    };
    svg.element(
        "text",
        &[("class", &"row end"), ("x", &Px(LEFT - 10.0)), ("y", &Px(y + 4.0))],
        label,
    );
    for score in scores.iter().filter(|score| score.is_finite()) {
        svg.open(
            "circle",
            &[
                ("class", &"dot faint s0"),
                ("cx", &Px(place(axis, *score))),
                ("cy", &Px(y)),
                ("r", &3),
            ],
        )
        .close("circle");
    }
    let Some((mean, sd)) = mean.filter(|(mean, _)| mean.is_finite()) else { return };
    let sd = if sd.is_finite() { sd } else { 0.0 };
    svg.open(
        "line",
        &[
            ("class", &"spread s0"),
            ("x1", &Px(place(axis, mean - sd))),
            ("y1", &Px(y)),
            ("x2", &Px(place(axis, mean + sd))),
            ("y2", &Px(y)),
        ],
    )
    .close("line");
    svg.open(
        "line",
        &[
            ("class", &"middle s0"),
            ("x1", &Px(place(axis, mean))),
            ("y1", &Px(y - 8.0)),
            ("x2", &Px(place(axis, mean))),
            ("y2", &Px(y + 8.0)),
        ],
    )
    .close("line");
}
