//! Bars in rows: a name, a bar, a number.

use crate::report::figures::column;
use crate::report::html::{Html, Px};

const WIDTH: f64 = 380.0;
const LEFT: f64 = 150.0;
const RIGHT: f64 = 62.0;
const ROW: f64 = 22.0;

/// The longest name of a row.
const LETTERS: usize = 21;

/// Draws bars from 0 on; those below 0 go to the left as far as the longest.
pub(in crate::report) fn bars(rows: &[(String, f64)], told: &str) -> Html {
    let mut svg = Html::new();
    let finite = || rows.iter().map(|(_, value)| *value).filter(|value| value.is_finite());
    let (low, high) = (finite().fold(0.0, f64::min), finite().fold(0.0, f64::max));
    let width = WIDTH - LEFT - RIGHT;
    let place = |value: f64| {
        let share = (value - low) / (high - low);
        LEFT + width * if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
    };
    let height = rows.len() as f64 * ROW + 8.0;
    let view = format!("0 0 {} {}", Px(WIDTH), Px(height));
    svg.open(
        "svg",
        &[("viewBox", &view), ("role", &"img"), ("aria-label", &told), ("class", &"plot")],
    );
    let figures = column(&rows.iter().map(|(_, value)| *value).collect::<Vec<_>>());
    for (at, ((name, value), figure)) in rows.iter().zip(&figures).enumerate() {
        let y = at as f64 * ROW + 4.0;
        let label: String = match name.char_indices().nth(LETTERS) {
            Some(_) => name.chars().take(LETTERS - 1).chain(['…']).collect(),
            None => name.clone(),
        };
        svg.open("g", &[]).element("title", &[], format_args!("{name}: {figure}"));
        let text_y = y + ROW / 2.0 + 4.0;
        svg.element(
            "text",
            &[("class", &"row end"), ("x", &Px(LEFT - 10.0)), ("y", &Px(text_y))],
            label,
        );
        let (from, to) = (place(0.0).min(place(*value)), place(0.0).max(place(*value)));
        svg.open(
            "rect",
            &[
                ("class", &"bar s0"),
                ("x", &Px(from)),
                ("y", &Px(y + 4.0)),
                ("width", &Px((to - from).max(0.5))),
                ("height", &Px(ROW - 8.0)),
                ("rx", &2),
            ],
        )
        .close("rect");
        svg.element(
            "text",
            &[("class", &"tick end"), ("x", &Px(WIDTH - 2.0)), ("y", &Px(text_y))],
            figure,
        );
        svg.close("g");
    }
    svg.close("svg");
    svg
}
