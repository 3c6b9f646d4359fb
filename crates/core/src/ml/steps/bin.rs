//! `bin`: numbers as the interval in which they lie.
//!
//! Follows scikit-learn's `KBinsDiscretizer`; the edges of `quantile` are by default the averaged inverse
//! of the distribution, those of `kmeans` lie between the centres that Lloyd's rule finds. Row weights
//! count as copies. All training rows are used unless `subsample` is set, where scikit-learn draws 200,000
//! of more.

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::kind::Declaration;
use super::picked::{ByColumn, Picking, Rule, applied, is_number, numbers_of, reshaped};
use super::scale::short;
use super::statistics::interpolated;
use crate::data::{Column, Frame, Sort, Target};
use crate::ml::Seed;
use crate::ml::columns::{Columns, Shape};
use crate::ml::estimator::{BadSetting, FitContext, FitError};
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
        /// For `strategy: quantile`: which value a quantile is where no row lies at it exactly; with row
        /// weights one of the first two.
        quantile_method: QuantileMethod = QuantileMethod::AveragedInvertedCdf,
        /// From how many rows, drawn at random with replacement and by weight, the edges are learnt at
        /// most; left out, from all.
        subsample: Option<usize> = None => Limits::at_least(1.0),
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
    /// Which value a quantile is; the names are `NumPy`'s, the numbers those of Hyndman and Fan (1996).
    pub enum QuantileMethod {
        /// The least value up to which lies the share, and where that is met exactly, the mean with the
        /// next (2).
        AveragedInvertedCdf = "averaged_inverted_cdf",
        /// The least value up to which lies the share (1).
        InvertedCdf = "inverted_cdf",
        /// The value whose share is nearest, of two the one of even rank (3).
        ClosestObservation = "closest_observation",
        /// Between values, whose shares are `k / n` (4).
        InterpolatedInvertedCdf = "interpolated_inverted_cdf",
        /// Between values, whose shares are `(k - 1/2) / n` (5).
        Hazen = "hazen",
        /// Between values, whose shares are `k / (n + 1)` (6).
        Weibull = "weibull",
        /// Between values, whose shares are `(k - 1) / (n - 1)` (7).
        Linear = "linear",
        /// Between values, whose shares are `(k - 1/3) / (n + 1/3)` (8).
        MedianUnbiased = "median_unbiased",
        /// Between values, whose shares are `(k - 3/8) / (n + 1/4)` (9).
        NormalUnbiased = "normal_unbiased",
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

    /// Learns a column, from some rows alone if they were drawn; drawing took care of their weights.
    fn learn(&self, values: &[f64], weights: Option<&[f64]>, drawn: Option<&[usize]>) -> Binned {
        let row = |row: usize| (values[row], weights.map_or(1.0, |weights| weights[row]));
        let rows: Weighted = match drawn {
            Some(drawn) => drawn.iter().map(|row| (values[*row], 1.0)).collect(),
            None => (0..values.len()).map(row).collect(),
        };
        let mut rows: Weighted =
            rows.into_iter().filter(|(value, weight)| !value.is_nan() && *weight > 0.0).collect();
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
            Edges::Quantile => wide(self.quantile_method.edges(&rows, self.n_bins)),
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

/// Draws so many rows with replacement, by weight.
fn drawn(rows: usize, count: usize, weights: Option<&[f64]>, seed: Seed) -> Vec<usize> {
    let mut generator = seed.derive("bin", 0).generator();
    let Some(weights) = weights else {
        return (0..count).map(|_| generator.random_range(0..rows)).collect();
    };
    let sums = sums(weights.iter().copied());
    let all = sums.last().copied().unwrap_or_default();
    let mut one = || {
        let at = generator.random::<f64>() * all;
        sums.partition_point(|sum| *sum <= at).min(rows - 1)
    };
    (0..count).map(|_| one()).collect()
}

fn sums(weights: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut sum = 0.0;
    weights
        .map(|weight| {
            sum += weight;
            sum
        })
        .collect()
}

impl QuantileMethod {
    /// Gives the edges at even shares of the weight; places are rounded as `NumPy` rounds them.
    fn edges(self, rows: &Weighted, bins: usize) -> Vec<f64> {
        let sums = sums(rows.iter().map(|(_, weight)| *weight));
        let values: Vec<f64> = rows.iter().map(|(value, _)| *value).collect();
        let n = rows.len() as f64;
        let at = |place: f64| interpolated(&values, place);
        let spaced = |share: f64, alpha: f64, beta: f64| {
            at(n * share + (alpha + share * (1.0 - alpha - beta)) - 1.0)
        };
        let edge = |share: f64| match self {
            Self::AveragedInvertedCdf => {
                let (value, next) = passed(&values, &sums, share);
                next.map_or(value, |next| f64::midpoint(value, next))
            }
            Self::InvertedCdf => passed(&values, &sums, share).0,
            Self::ClosestObservation => at(nearest_place(n * share - 1.0 - 0.5)),
            Self::InterpolatedInvertedCdf => spaced(share, 0.0, 1.0),
            Self::Hazen => spaced(share, 0.5, 0.5),
            Self::Weibull => spaced(share, 0.0, 0.0),
            Self::Linear => at((n - 1.0) * share),
            Self::MedianUnbiased => spaced(share, 1.0 / 3.0, 1.0 / 3.0),
            Self::NormalUnbiased => spaced(share, 3.0 / 8.0, 3.0 / 8.0),
        };
        let share = |bin: usize| match bin {
            bin if bin == bins => 1.0,
            bin => 100.0 / bins as f64 * bin as f64 / 100.0,
        };
        (0..=bins).map(|bin| edge(share(bin))).collect()
    }
}

/// Gives the value where a share of the weight is passed, and the next one where it is met exactly.
fn passed(values: &[f64], sums: &[f64], share: f64) -> (f64, Option<f64>) {
    let wanted = share * sums.last().copied().unwrap_or_default();
    let value = |at: usize| values[at.min(values.len() - 1)];
    let at = sums.partition_point(|sum| *sum < wanted);
    let met = sums.get(at).is_some_and(|sum| (sum - wanted).abs() <= 1e-12 * wanted);
    (value(at), (share > 0.0 && met).then(|| value(at + 1)))
}

/// Rounds up, but for a place that is odd already.
fn nearest_place(place: f64) -> f64 {
    let low = place.floor();
    if place == low && low.rem_euclid(2.0) == 1.0 { low } else { low + 1.0 }
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
        context: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedStep>, Frame), FitError> {
        let picked = self.picking().of(frame)?;
        let few = self.subsample.filter(|most| *most < frame.rows());
        let drawn = few.map(|count| drawn(frame.rows(), count, weights, context.seed));
        let first = [QuantileMethod::AveragedInvertedCdf, QuantileMethod::InvertedCdf];
        if weights.is_some() && drawn.is_none() && !first.contains(&self.quantile_method) {
            return Err(FitError::Other(
                "the rows have weights, which `bin` takes with `quantile_method: averaged_inverted_cdf` or `inverted_cdf` alone"
                    .to_owned(),
            ));
        }
        let fitted = ByColumn::learn(frame, &picked, |name, column| {
            Ok(self.learn(numbers_of(name, column)?, weights, drawn.as_deref()))
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

    fn check(&self) -> Result<(), BadSetting> {
        let default = QuantileMethod::AveragedInvertedCdf;
        if self.strategy != Edges::Quantile && self.quantile_method != default {
            let message = "`quantile_method` is for `strategy: quantile` alone".to_owned();
            return Err(BadSetting { param: "quantile_method", message });
        }
        Ok(())
    }
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
