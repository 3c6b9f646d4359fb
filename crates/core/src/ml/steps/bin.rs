//! `bin`: numbers as the interval in which they lie.
//!
//! Follows scikit-learn's `KBinsDiscretizer`; the edges of `quantile` are the averaged inverse of the
//! distribution, those of `kmeans` lie between the centres that Lloyd's rule finds. Row weights count as
//! copies. All training rows are used, where scikit-learn draws 200,000 of more.

use serde::{Deserialize, Serialize};

use super::kind::Declaration;
use super::picked::{ByColumn, Picking, Rule, applied, is_number, numbers_of, reshaped};
use super::scale::short;
use crate::data::{Column, Frame, Sort, Target};
use crate::ml::columns::{Columns, Shape};
use crate::ml::estimator::{FitContext, FitError};
use crate::ml::step::{FittedStep, Misfit, Step};
use crate::params;
use crate::params::Limits;

/// Bins narrower than this are joined with the one below.
const NARROWEST: f64 = 1e-8;

params! {
    /// Replaces numbers by the interval in which they lie.
    ///
    /// Missing values stay missing, or have no 1 in any of the columns.
    pub struct Bin("bin", 1) {
        /// The columns; left out, all numbers.
        columns: Option<Columns> = None,
        /// How many intervals there are; fewer where values repeat.
        n_bins: usize = 5 => Limits::between(2.0, 65_536.0),
        /// Where the edges lie.
        strategy: Edges = Edges::Quantile,
        /// What comes out.
        encode: Encode = Encode::OneHot,
    }
}

params! {
    /// Where the edges of intervals lie.
    pub enum Edges {
        /// So that all intervals have as many rows.
        Quantile = "quantile",
        /// So that all intervals are as wide.
        Uniform = "uniform",
        /// Between the centres of groups.
        Kmeans = "kmeans",
    }
}

params! {
    /// How intervals are written.
    pub enum Encode {
        /// A column of ones and zeros for each, `NAME_bin_0`, `NAME_bin_1` ….
        OneHot = "one_hot",
        /// Their number, from 0.
        Ordinal = "ordinal",
    }
}

/// What was learnt of a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Binned {
    /// The edges between the intervals, ascending.
    inner: Vec<f64>,
    one_hot: bool,
}

/// Values with their weights, sorted by value.
type Weighted = Vec<(f64, f64)>;

impl Bin {
    fn picking(&self) -> Picking<'_> {
        Picking {
            step: "bin",
            columns: self.columns.as_ref(),
            takes: is_number,
            suits: |sort| sort == Sort::Number,
            expected: "numbers",
        }
    }

    fn learn(&self, values: &[f64], weights: Option<&[f64]>) -> Binned {
        let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
        let mut rows: Weighted = values
            .iter()
            .enumerate()
            .map(|(row, value)| (*value, weight(row)))
            .filter(|(value, weight)| !value.is_nan() && *weight > 0.0)
            .collect();
        rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let one_hot = self.encode == Encode::OneHot;
        let (Some((low, _)), Some((high, _))) = (rows.first(), rows.last()) else {
            return Binned { inner: Vec::new(), one_hot };
        };
        if low.total_cmp(high).is_eq() {
            return Binned { inner: Vec::new(), one_hot };
        }
        let step = (high - low) / self.n_bins as f64;
        let even = |edge: usize| if edge == self.n_bins { *high } else { low + step * edge as f64 };
        let edges: Vec<f64> = match self.strategy {
            Edges::Uniform => (0..=self.n_bins).map(even).collect(),
            Edges::Quantile => wide(quantiles(&rows, self.n_bins)),
            Edges::Kmeans => {
                let start = (0..self.n_bins).map(|bin| (even(bin) + even(bin + 1)) * 0.5).collect();
                let centres = lloyd(&rows, start);
                let between = centres.windows(2).map(|pair| (pair[1] + pair[0]) * 0.5);
                wide([*low].into_iter().chain(between).chain([*high]).collect())
            }
        };
        let last = edges.len().saturating_sub(1).max(1);
        Binned { inner: edges.get(1..last).unwrap_or_default().to_vec(), one_hot }
    }
}

/// Drops edges that lie right behind another.
fn wide(edges: Vec<f64>) -> Vec<f64> {
    let mut before = f64::NEG_INFINITY;
    let far = |edge: &f64| {
        let far = edge - before > NARROWEST;
        before = *edge;
        far
    };
    edges.into_iter().filter(far).collect()
}

/// Gives the edges at even shares of the weight: the value where a share is passed, or the mean of two
/// where it is met exactly.
fn quantiles(rows: &Weighted, bins: usize) -> Vec<f64> {
    let mut sum = 0.0;
    let sums: Vec<f64> = rows
        .iter()
        .map(|(_, weight)| {
            sum += weight;
            sum
        })
        .collect();
    let value = |at: usize| rows[at.min(rows.len() - 1)].0;
    let edge = |bin: usize| {
        let wanted = if bin == bins { sum } else { 100.0 / bins as f64 * bin as f64 / 100.0 * sum };
        let at = sums.partition_point(|sum| *sum < wanted);
        let met = sums.get(at).is_some_and(|sum| (sum - wanted).abs() <= 1e-12 * wanted);
        if bin > 0 && met { f64::midpoint(value(at), value(at + 1)) } else { value(at) }
    };
    (0..=bins).map(edge).collect()
}

/// Moves centres to the means of the values nearest to each, until nothing changes (Lloyd). A centre
/// without values goes to the value farthest from its own.
fn lloyd(rows: &Weighted, mut centres: Vec<f64>) -> Vec<f64> {
    let all: f64 = rows.iter().map(|(_, weight)| weight).sum();
    let plain = rows.iter().map(|(value, _)| value).sum::<f64>() / rows.len() as f64;
    let variance =
        rows.iter().map(|(value, _)| (value - plain).powi(2)).sum::<f64>() / rows.len() as f64;
    let tolerance = variance * 1e-4;
    let mut before: Vec<usize> = Vec::new();
    for _ in 0..300 {
        let nearest: Vec<usize> = rows.iter().map(|(value, _)| nearest(&centres, *value)).collect();
        let mut sums = vec![(0.0, 0.0); centres.len()];
        for ((value, weight), at) in rows.iter().zip(&nearest) {
            sums[*at].0 += value * weight;
            sums[*at].1 += weight;
        }
        relocate(rows, &centres, &nearest, &mut sums);
        let moved: Vec<f64> = sums
            .iter()
            .zip(&centres)
            .map(|((sum, weight), old)| if *weight > 0.0 { sum / weight } else { *old })
            .collect();
        let shift: f64 = moved.iter().zip(&centres).map(|(new, old)| (new - old).powi(2)).sum();
        centres = moved;
        if nearest == before || shift <= tolerance || all <= 0.0 {
            break;
        }
        before = nearest;
    }
    centres.sort_by(f64::total_cmp);
    centres
}

fn nearest(centres: &[f64], value: f64) -> usize {
    let mut best = (f64::INFINITY, 0);
    for (at, centre) in centres.iter().enumerate() {
        let distance = (value - centre).powi(2);
        if distance < best.0 {
            best = (distance, at);
        }
    }
    best.1
}

fn relocate(rows: &Weighted, centres: &[f64], nearest: &[usize], sums: &mut [(f64, f64)]) {
    let empty: Vec<usize> = (0..sums.len()).filter(|at| sums[*at].1 == 0.0).collect();
    if empty.is_empty() {
        return;
    }
    let distance = |row: usize| (rows[row].0 - centres[nearest[row]]).powi(2);
    let mut far: Vec<usize> = (0..rows.len()).collect();
    far.sort_by(|a, b| distance(*b).total_cmp(&distance(*a)).then(a.cmp(b)));
    for (at, row) in empty.into_iter().zip(far) {
        let (value, weight) = rows[row];
        let old = nearest[row];
        sums[at] = (value * weight, weight);
        sums[old].0 -= value * weight;
        sums[old].1 -= weight;
    }
}

impl Step for Bin {
    fn fit(
        &self,
        frame: &Frame,
        _: &Target,
        weights: Option<&[f64]>,
        _: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedStep>, Frame), FitError> {
        let picked = self.picking().of(frame)?;
        let fitted = ByColumn::learn(frame, &picked, |name, column| {
            Ok(self.learn(numbers_of(name, column)?, weights))
        })?;
        applied(fitted, frame)
    }

    fn reshape(&self, before: &Shape) -> Result<Shape, Misfit> {
        let picked = self.picking().known(before)?;
        let one_hot = self.encode == Encode::OneHot;
        let after = reshaped(before, &picked, |name, _| {
            if one_hot { Vec::new() } else { vec![(name.to_owned(), Sort::Number)] }
        });
        Ok(Shape { open: after.open || (one_hot && !picked.is_empty()), ..after })
    }
}

impl Declaration for Bin {
    type Learnt = ByColumn<Binned>;
}

impl Rule for Binned {
    fn apply(&self, name: &str, column: &Column) -> Result<Vec<(String, Column)>, FitError> {
        let values = numbers_of(name, column)?;
        let bin = |value: f64| self.inner.partition_point(|edge| *edge <= value);
        if !self.one_hot {
            let code = |value: &f64| if value.is_nan() { f64::NAN } else { bin(*value) as f64 };
            return Ok(vec![(name.to_owned(), Column::Number(values.iter().map(code).collect()))]);
        }
        let mut flags = vec![vec![0.0; values.len()]; self.inner.len() + 1];
        for (row, value) in values.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
            flags[bin(*value)][row] = 1.0;
        }
        let named =
            |(bin, own): (usize, Vec<f64>)| (format!("{name}_bin_{bin}"), Column::Flag(own.into()));
        Ok(flags.into_iter().enumerate().map(named).collect())
    }

    fn summary(&self) -> String {
        let edges: Vec<String> = self.inner.iter().take(6).map(|edge| short(*edge)).collect();
        let more = if self.inner.len() > 6 { " …" } else { "" };
        format!("cut at {}{more}", edges.join(", "))
    }

    fn sound(&self) -> bool {
        self.inner.is_sorted_by(|a, b| a <= b)
    }
}
