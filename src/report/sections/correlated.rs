//! Correlations: a map of all pairs if they are few, and a list of the strongest.

use crate::data::Table;
use crate::report::figures::{count, figure};
use crate::report::grid::{Cell, Grid, Head};
use crate::report::html::{Html, Px};
use crate::report::read::{distinct, numbers, texts};

/// How many columns a map shows.
const MAPPED: usize = 24;

/// How many pairs are listed.
const LISTED: usize = 20;

/// Writes the table of a `correlate` stage.
pub(super) fn write(html: &mut Html, table: &Table) {
    let Some(pairs) = Pairs::read(table) else { return };
    pairs.map(html);
    pairs.list(html);
}

struct Pairs {
    left: Vec<String>,
    right: Vec<String>,
    method: String,
    coefficients: Vec<f64>,
    p: Vec<f64>,
    adjusted: Vec<f64>,
    rows: Vec<f64>,
}

impl Pairs {
    fn read(table: &Table) -> Option<Self> {
        Some(Self {
            left: texts(table, "left")?,
            right: texts(table, "right")?,
            method: texts(table, "method")?.first().cloned().unwrap_or_default(),
            coefficients: numbers(table, "coefficient")?,
            p: numbers(table, "p")?,
            adjusted: numbers(table, "p_adjusted")?,
            rows: numbers(table, "rows")?,
        })
    }

    /// Draws every pair as a cell that is darker the stronger it is.
    fn map(&self, html: &mut Html) {
        let rows = distinct(&self.left);
        let mut columns = distinct(&self.right);
        // Columns that are held against each other stand on both sides, each pair twice.
        let among = columns.iter().skip(1).any(|name| rows.contains(name));
        let rows: Vec<&str> = if among { union(&rows, &columns) } else { rows };
        if among {
            columns.clone_from(&rows);
        }
        if rows.len() > MAPPED || columns.len() > MAPPED || self.left.len() < 3 {
            return;
        }
        let caption = format!("Coefficients ({})", self.method);
        html.open(
            "div",
            &[
                ("class", &"scroll"),
                ("role", &"region"),
                ("tabindex", &"0"),
                ("aria-label", &caption),
            ],
        );
        html.raw("<table class=\"map\">").element("caption", &[], &caption);
        html.raw("<thead><tr><td></td>");
        for name in &columns {
            html.element("th", &[("scope", &"col")], name);
        }
        html.raw("</tr></thead><tbody>");
        for row in &rows {
            html.raw("<tr>").element("th", &[("scope", &"row")], row);
            for column in &columns {
                match self.of(row, column) {
                    Some(value) if !value.is_nan() => {
                        let class = if value < 0.0 { "minus" } else { "plus" };
                        let share = Px(value.abs().min(1.0));
                        html.open(
                            "td",
                            &[("class", &class), ("style", &format_args!("--share:{share}"))],
                        );
                        html.text(format!("{value:.2}").replace('-', "−")).close("td");
                    }
                    _ => {
                        html.raw("<td></td>");
                    }
                }
            }
            html.raw("</tr>");
        }
        html.raw("</tbody></table></div>");
    }

    fn of(&self, one: &str, other: &str) -> Option<f64> {
        let same = |at: &usize| {
            let (left, right) = (self.left[*at].as_str(), self.right[*at].as_str());
            (left, right) == (one, other) || (left, right) == (other, one)
        };
        (0..self.left.len()).find(same).map(|at| self.coefficients[at])
    }

    fn list(&self, html: &mut Html) {
        let mut order: Vec<usize> = (0..self.left.len()).collect();
        let size = |at: usize| {
            if self.coefficients[at].is_nan() { -1.0 } else { self.coefficients[at].abs() }
        };
        order.sort_by(|a, b| size(*b).total_cmp(&size(*a)));
        let heads = vec![
            Head::words("One"),
            Head::words("Other"),
            Head::numbers("Coefficient"),
            Head::numbers("p"),
            Head::numbers("p adjusted"),
            Head::numbers("Rows"),
        ];
        let mut grid = Grid::new(format!("The strongest ({})", self.method), heads);
        grid.all = order.len();
        for at in order.into_iter().take(LISTED) {
            grid.row(vec![
                Cell::code(&self.left[at]),
                Cell::code(&self.right[at]),
                Cell::text(figure(self.coefficients[at])),
                Cell::text(p_value(self.p[at])),
                Cell::text(p_value(self.adjusted[at])),
                Cell::text(count(self.rows[at] as usize)),
            ]);
        }
        grid.write(html);
    }
}

/// Writes a probability; a very small one as below a bound.
fn p_value(p: f64) -> String {
    match p {
        p if p.is_nan() => String::new(),
        p if p < 1e-4 => "< 0.0001".to_owned(),
        p => figure(p),
    }
}

/// Gives the names of both lists, each once.
fn union<'a>(one: &[&'a str], other: &[&'a str]) -> Vec<&'a str> {
    let mut all = one.to_vec();
    all.extend(other.iter().filter(|name| !one.contains(name)));
    all
}
