//! Profiles of columns: a line for each, with a small drawing of how its values are spread.

use crate::data::Table;
use crate::ml::profile::Profile;
use crate::report::figures::{self, count, figure, percent};
use crate::report::grid::{Cell, Grid, Head};
use crate::report::html::{Html, Px};
use crate::report::read::{numbers, texts};

/// How many columns are listed.
pub(super) const LISTED: usize = 150;

/// The longest most frequent value.
const LONGEST: usize = 30;

/// A column, as a profile tells of it.
pub(super) struct Column {
    name: String,
    kind: String,
    rows: f64,
    missing: f64,
    distinct: f64,
    mean: f64,
    sd: f64,
    /// The least value, the quartiles, the greatest value.
    spread: [f64; 5],
    top: String,
}

impl From<&Profile> for Column {
    fn from(own: &Profile) -> Self {
        let figures = own.figures;
        let [low, middle, high] = figures.map_or([f64::NAN; 3], |own| own.quartiles);
        let of = |value: fn(&crate::ml::profile::Figures) -> f64| {
            figures.as_ref().map_or(f64::NAN, value)
        };
        Self {
            name: own.column.clone(),
            kind: own.kind.clone(),
            rows: own.rows as f64,
            missing: own.missing as f64,
            distinct: own.distinct.map_or(f64::NAN, |count| count as f64),
            mean: of(|own| own.mean),
            sd: of(|own| own.sd),
            spread: [of(|own| own.min), low, middle, high, of(|own| own.max)],
            top: own.top.clone().unwrap_or_default(),
        }
    }
}

/// Reads the table of a `profile` stage.
pub(super) fn read(table: &Table) -> Option<Vec<Column>> {
    let (names, kinds) = (texts(table, "column")?, texts(table, "type")?);
    let tops = texts(table, "top")?;
    let columns: Vec<Vec<f64>> =
        ["rows", "missing", "distinct", "mean", "sd", "min", "p25", "p50", "p75", "max"]
            .iter()
            .map(|name| numbers(table, name))
            .collect::<Option<_>>()?;
    let at = |column: usize, row: usize| columns[column].get(row).copied().unwrap_or(f64::NAN);
    let own = |(row, name): (usize, String)| Column {
        name,
        kind: kinds.get(row).cloned().unwrap_or_default(),
        rows: at(0, row),
        missing: at(1, row),
        distinct: at(2, row),
        mean: at(3, row),
        sd: at(4, row),
        spread: [5, 6, 7, 8, 9].map(|column| at(column, row)),
        top: tops.get(row).cloned().unwrap_or_default(),
    };
    Some(names.into_iter().enumerate().map(own).collect())
}

/// Writes the columns.
pub(super) fn write(html: &mut Html, columns: &[Column], caption: &str) {
    let heads = vec![
        Head::words("Column"),
        Head::words("Type"),
        Head::numbers("Missing"),
        Head::numbers("Distinct"),
        Head::numbers("Mean ± sd"),
        Head::words("Least, quartiles, greatest"),
        Head::words("Most frequent"),
    ];
    let mut grid = Grid::new(caption, heads);
    grid.all = columns.len();
    for column in columns.iter().take(LISTED) {
        grid.row(vec![
            Cell::code(&column.name),
            Cell::text(&column.kind),
            Cell::Markup(column.holes()),
            Cell::text(whole(column.distinct)),
            Cell::text(column.middle()),
            Cell::Markup(column.drawing()),
            Cell::code(shortened(&column.most_frequent())),
        ]);
    }
    grid.write(html);
}

impl Column {
    fn is_text(&self) -> bool {
        self.kind == "text" || self.kind.starts_with("category")
    }

    fn is_time(&self) -> bool {
        self.kind.starts_with("date") || self.kind.starts_with("timestamp")
    }

    /// Writes the share of rows without a value, with a bar.
    fn holes(&self) -> Html {
        let mut html = Html::new();
        let share = self.missing / self.rows.max(1.0);
        if share > 0.0 {
            html.open(
                "span",
                &[("class", &"gauge"), ("style", &format_args!("--share:{}", Px(share)))],
            )
            .close("span");
        }
        html.text(percent(share));
        html
    }

    fn middle(&self) -> String {
        if self.mean.is_nan() {
            return String::new();
        }
        if self.is_time() {
            return self.value(self.mean);
        }
        if self.kind == "bool" {
            return format!("{} true", percent(self.mean));
        }
        if self.is_text() {
            return String::new();
        }
        if self.sd.is_nan() {
            return figure(self.mean);
        }
        format!("{} ± {}", figure(self.mean), figures::beside(self.sd, self.mean))
    }

    /// Writes the most frequent value, a number or a moment as they are written beside it.
    fn most_frequent(&self) -> String {
        if self.is_time() {
            // To the minute, as the least and the greatest are.
            return self.top.replacen('T', " ", 1).chars().take(16).collect();
        }
        let number = self.top.parse().ok().filter(|_| !self.is_text());
        number.map_or_else(|| self.top.clone(), |number| self.value(number))
    }

    /// Writes a value in the column's own way.
    fn value(&self, value: f64) -> String {
        if !self.is_time() {
            return figures::short(value);
        }
        let moment = chrono::DateTime::from_timestamp(value.floor() as i64, 0);
        // Over a month and more, nobody asks for the hour.
        let long = self.spread[4] - self.spread[0] > 31.0 * 86_400.0;
        let day = long || self.kind.starts_with("date");
        let format = if day { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M" };
        moment.map_or_else(|| figure(value), |moment| moment.format(format).to_string())
    }

    /// Draws the quartiles in a box between the least and the greatest value.
    fn drawing(&self) -> Html {
        const WIDTH: f64 = 110.0;
        let mut html = Html::new();
        let [least, low, middle, high, greatest] = self.spread;
        if least.is_nan() || greatest.is_nan() || self.kind == "bool" {
            return html;
        }
        if self.is_text() {
            let longest = figures::counted(greatest as usize, "character");
            let span = if least == greatest {
                longest
            } else {
                format!("{} to {longest}", count(least as usize))
            };
            html.element("span", &[("class", &"letters")], span);
            return html;
        }
        let place = |value: f64| {
            let share = (value - least) / (greatest - least);
            2.0 + (WIDTH - 4.0) * if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.5 }
        };
        let told = format!(
            "{} to {}, median {}",
            self.value(least),
            self.value(greatest),
            self.value(middle)
        );
        html.open("span", &[("class", &"range")]);
        html.element("span", &[("class", &"end")], self.value(least));
        html.open(
            "svg",
            &[
                ("class", &"box"),
                ("viewBox", &"0 0 110 16"),
                ("role", &"img"),
                ("aria-label", &told),
            ],
        );
        html.element("title", &[], &told);
        html.open(
            "path",
            &[
                ("class", &"whisker"),
                ("d", &format_args!("M{} 8H{}", Px(place(least)), Px(place(greatest)))),
            ],
        )
        .close("path");
        html.open(
            "rect",
            &[
                ("class", &"quartiles"),
                ("x", &Px(place(low))),
                ("y", &3),
                ("width", &Px((place(high) - place(low)).max(1.0))),
                ("height", &10),
                ("rx", &1.5),
            ],
        )
        .close("rect");
        html.open(
            "path",
            &[("class", &"median"), ("d", &format_args!("M{} 2V14", Px(place(middle))))],
        )
        .close("path");
        html.close("svg");
        html.element("span", &[("class", &"end")], self.value(greatest)).close("span");
        html
    }
}

fn whole(value: f64) -> String {
    if value.is_nan() { String::new() } else { count(value as usize) }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
