//! A plot: two axes and what is drawn between them.

use super::axis::Axis;
use crate::report::html::{Html, Px};

/// How many series have a colour and a dash of their own.
pub(in crate::report) const SERIES: usize = 8;

const WIDTH: f64 = 380.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 44.0;

/// Names the class of a series: its colour and its dash.
pub(in crate::report) const fn series(at: usize) -> &'static str {
    ["s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7"][at % SERIES]
}

/// A drawing between two axes.
pub(in crate::report) struct Plot {
    x: Axis,
    y: Axis,
    height: f64,
    body: Html,
}

impl Plot {
    /// Starts a plot.
    pub(in crate::report) fn new(x: Axis, y: Axis) -> Self {
        Self { x, y, height: 300.0, body: Html::new() }
    }

    /// Gives the place of a point on the drawing.
    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let width = WIDTH - LEFT - RIGHT;
        let height = self.height - TOP - BOTTOM;
        (LEFT + self.x.place(x) * width, TOP + (1.0 - self.y.place(y)) * height)
    }

    /// Draws a line through points; where one has no number, the line breaks.
    pub(in crate::report) fn line(&mut self, class: &'static str, points: &[(f64, f64)]) {
        let mut path = String::new();
        let mut pen_down = false;
        for (x, y) in points {
            if x.is_nan() || y.is_nan() {
                pen_down = false;
                continue;
            }
            let (x, y) = self.at(*x, *y);
            path.push_str(&format!("{}{} {}", if pen_down { "L" } else { "M" }, Px(x), Px(y)));
            pen_down = true;
        }
        self.body
            .open("path", &[("class", &format_args!("line {class}")), ("d", &path)])
            .close("path");
    }

    /// Draws points; those without a number are left out.
    pub(in crate::report) fn points(&mut self, class: &'static str, points: &[(f64, f64)]) {
        for (x, y) in points.iter().filter(|(x, y)| !x.is_nan() && !y.is_nan()) {
            let (x, y) = self.at(*x, *y);
            let class = format_args!("dot {class}");
            self.body
                .open("circle", &[("class", &class), ("cx", &Px(x)), ("cy", &Px(y)), ("r", &3)])
                .close("circle");
        }
    }

    /// Draws a box from one corner to the other, more or less strong (0 to 1).
    pub(in crate::report) fn cell(&mut self, from: (f64, f64), to: (f64, f64), strength: f64) {
        let ((x0, y0), (x1, y1)) = (self.at(from.0, from.1), self.at(to.0, to.1));
        let (x, y) = (x0.min(x1), y0.min(y1));
        let (width, height) = ((x1 - x0).abs(), (y1 - y0).abs());
        self.body
            .open(
                "rect",
                &[
                    ("class", &"cell"),
                    ("x", &Px(x)),
                    ("y", &Px(y)),
                    ("width", &Px(width)),
                    ("height", &Px(height)),
                    ("fill-opacity", &Px(strength.clamp(0.0, 1.0))),
                ],
            )
            .close("rect");
    }

    /// Draws a bar from the axis up.
    pub(in crate::report) fn bar(&mut self, from: f64, to: f64, height: f64) {
        let ((x0, y0), (x1, y1)) = (self.at(from, 0.0), self.at(to, height));
        self.body
            .open(
                "rect",
                &[
                    ("class", &"bar s0"),
                    ("x", &Px(x0 + 0.5)),
                    ("y", &Px(y1)),
                    ("width", &Px((x1 - x0 - 1.0).max(0.5))),
                    ("height", &Px((y0 - y1).max(0.0))),
                ],
            )
            .close("rect");
    }

    /// Closes the drawing; `told` says what it shows to those who don't see it.
    pub(in crate::report) fn finish(self, told: &str) -> Html {
        let mut svg = Html::new();
        let view = format!("0 0 {} {}", Px(WIDTH), Px(self.height));
        svg.open(
            "svg",
            &[("viewBox", &view), ("role", &"img"), ("aria-label", &told), ("class", &"plot")],
        );
        self.axes(&mut svg);
        svg.add(&self.body).close("svg");
        svg
    }

    fn axes(&self, svg: &mut Html) {
        let (left, right) = (LEFT, WIDTH - RIGHT);
        let (top, bottom) = (TOP, self.height - BOTTOM);
        for (value, text) in self.y.ticks() {
            let (_, y) = self.at(f64::NAN, value);
            rule(svg, "grid", (left, y), (right, y));
            label(svg, "tick end", (left - 6.0, y + 4.0), &text);
        }
        for (value, text) in self.x.ticks() {
            let (x, _) = self.at(value, f64::NAN);
            rule(svg, "grid", (x, top), (x, bottom));
            label(svg, "tick middle", (x, bottom + 16.0), &text);
        }
        rule(svg, "axis", (left, bottom), (right, bottom));
        label(svg, "name", (4.0, 14.0), &self.y.label);
        label(svg, "name end", (right, self.height - 8.0), &self.x.label);
    }
}

fn rule(svg: &mut Html, class: &'static str, from: (f64, f64), to: (f64, f64)) {
    svg.open(
        "line",
        &[
            ("class", &class),
            ("x1", &Px(from.0)),
            ("y1", &Px(from.1)),
            ("x2", &Px(to.0)),
            ("y2", &Px(to.1)),
        ],
    )
    .close("line");
}

fn label(svg: &mut Html, class: &'static str, at: (f64, f64), text: &str) {
    svg.element("text", &[("class", &class), ("x", &Px(at.0)), ("y", &Px(at.1))], text);
}

/// What the colours of a plot mean.
pub(in crate::report) struct Legend(pub(in crate::report) Vec<(&'static str, String)>);

impl Legend {
    /// Writes the list; one series needs none.
    pub(in crate::report) fn write(&self, html: &mut Html) {
        if self.0.len() < 2 {
            return;
        }
        html.open("ul", &[("class", &"legend")]);
        for (class, name) in &self.0 {
            html.open("li", &[])
                .raw("<svg class=\"key\" viewBox=\"0 0 22 8\" aria-hidden=\"true\">")
                .open("path", &[("class", &format_args!("line {class}")), ("d", &"M0 4L22 4")])
                .close("path")
                .close("svg")
                .text(name)
                .close("li");
        }
        html.close("ul");
    }
}
