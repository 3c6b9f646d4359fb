//! Bins: every column as small numbers, with edges learnt on the training rows.
//!
//! At most 255 bins of values and one of missing values a column. Columns with as few as 16 or 64
//! bins are grouped among themselves, so that their histograms stay small. The bins are kept twice:
//! column by column for cutting the rows of a node in two, and side by side for histograms, which
//! read few rows but all columns.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rows are below 2^31, bins below 256, and places are never negative"
)]

use std::sync::Arc;

use rand::RngExt;
use rayon::prelude::*;

use super::Rows;
use crate::data::{Column, NO_CATEGORY};
use crate::ml::Seed;

/// Columns that lie side by side in a group.
pub(super) const LANES: usize = 4;

/// Groups that lie side by side in a tile.
pub(super) const TILE: usize = 8;

/// Rows beyond which edges are learnt on a sample, as scikit-learn does.
const SAMPLE: usize = 200_000;

/// How the values of one column become bins.
#[derive(Clone, Debug)]
pub(super) enum Binning {
    /// A value goes to the number of edges below it.
    Edges(Vec<f64>),
    /// A level goes to its place among the kept levels.
    Levels {
        /// The kept levels, sorted.
        kept: Vec<Arc<str>>,
        /// The bin of each code of the training frame; those without one count as missing.
        bins: Vec<Option<u8>>,
    },
}

impl Binning {
    /// Counts the bins of values that are not missing.
    pub(super) const fn values(&self) -> usize {
        match self {
            Self::Edges(edges) => edges.len() + 1,
            Self::Levels { kept, .. } => kept.len(),
        }
    }

    /// Tells whether the bins are categories.
    pub(super) const fn is_categorical(&self) -> bool {
        matches!(self, Self::Levels { .. })
    }

    /// Learns the bins of a column.
    fn learn(column: &Column, rows: Rows<'_>, sample: &Sampled<'_>) -> Self {
        match column {
            Column::Category { codes, levels } => levels_of(codes, levels, rows, sample.max_bins),
            other => Self::Edges(edges_of(other.numbers().unwrap_or_default(), sample)),
        }
    }
}

/// The rows from which edges are learnt.
struct Sampled<'a> {
    rows: Vec<u32>,
    weights: Option<&'a [f64]>,
    max_bins: usize,
}

/// Keeps the levels with the most rows, as many as there are bins; ties go to the earlier level.
fn levels_of(codes: &[u32], levels: &[Arc<str>], rows: Rows<'_>, max_bins: usize) -> Binning {
    let mut counts = vec![0_u64; levels.len()];
    for row in 0..rows.len() {
        let code = codes[rows.at(row)];
        if code != NO_CATEGORY {
            counts[code as usize] += 1;
        }
    }
    let mut order: Vec<usize> = (0..levels.len()).filter(|code| counts[*code] > 0).collect();
    order.sort_by_key(|code| std::cmp::Reverse(counts[*code]));
    order.truncate(max_bins);
    order.sort_unstable();
    let mut bins = vec![None; levels.len()];
    for (bin, code) in (0..=u8::MAX).zip(&order) {
        bins[*code] = Some(bin);
    }
    Binning::Levels { kept: order.iter().map(|code| Arc::clone(&levels[*code])).collect(), bins }
}

/// Maps a float to an integer of the same order; both zeros are one.
fn key(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | (1 << 63) }
}

/// Maps back.
fn value_of(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 { key & !(1 << 63) } else { !key })
}

/// Learns the edges between the bins of a column of numbers.
fn edges_of(values: &[f64], sample: &Sampled<'_>) -> Vec<f64> {
    let mut sorted: Vec<(u64, f64)> = Vec::new();
    let mut keys: Vec<u64> = Vec::with_capacity(sample.rows.len());
    match sample.weights {
        None => {
            let known = sample.rows.iter().map(|row| values[*row as usize]).filter(|v| !v.is_nan());
            keys.extend(known.map(key));
            keys.sort_unstable();
        }
        Some(weights) => {
            let pairs =
                sample.rows.iter().map(|row| (values[*row as usize], weights[*row as usize]));
            sorted.extend(pairs.filter(|(v, w)| !v.is_nan() && *w > 0.0).map(|(v, w)| (key(v), w)));
            sorted.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
            keys.extend(sorted.iter().map(|(key, _)| *key));
        }
    }
    let mut distinct = Vec::with_capacity(sample.max_bins + 1);
    for key in &keys {
        if distinct.last() != Some(key) {
            distinct.push(*key);
            if distinct.len() > sample.max_bins {
                break;
            }
        }
    }
    let mut edges = if distinct.len() <= sample.max_bins {
        distinct.windows(2).map(|pair| middle(value_of(pair[0]), value_of(pair[1]))).collect()
    } else if sorted.is_empty() {
        quantiles(&keys, sample.max_bins)
    } else {
        weighted_quantiles(&sorted, sample.max_bins)
    };
    edges.dedup();
    edges
}

/// Gives a number from `low` up to, but below, `high`.
fn middle(low: f64, high: f64) -> f64 {
    let sum = low + high;
    let middle = if sum.is_finite() { sum / 2.0 } else { low / 2.0 + high / 2.0 };
    if middle < high { middle } else { low }
}

/// Cuts sorted values into `parts` equal shares: quantiles by the averaged inverted distribution,
/// rounded on the way as NumPy does.
fn quantiles(keys: &[u64], parts: usize) -> Vec<f64> {
    let step = 100.0 / parts as f64;
    let value = |place: f64| value_of(keys[(place.max(0.0) as usize).min(keys.len() - 1)]);
    let cut = |part: usize| {
        let place = part as f64 * step / 100.0 * keys.len() as f64 - 1.0;
        let (low, high) = (place.floor(), place.floor() + 1.0);
        if place > low { value(high) } else { middle_of(value(low), value(high)) }
    };
    (1..parts).map(cut).collect()
}

fn middle_of(low: f64, high: f64) -> f64 {
    low / 2.0 + high / 2.0
}

/// Cuts sorted, weighted values into `parts` shares of equal weight.
fn weighted_quantiles(sorted: &[(u64, f64)], parts: usize) -> Vec<f64> {
    let mut total = 0.0;
    let sums: Vec<f64> = sorted
        .iter()
        .map(|(_, weight)| {
            total += weight;
            total
        })
        .collect();
    let cut = |part: usize| {
        let wanted = part as f64 / parts as f64 * total;
        let place = sums.partition_point(|sum| *sum < wanted).min(sorted.len() - 1);
        let low = value_of(sorted[place].0);
        let exact = sums[place] - wanted <= f64::EPSILON * total;
        match sorted.get(place + 1) {
            Some((next, _)) if exact => middle_of(low, value_of(*next)),
            _ => low,
        }
    };
    (1..parts).map(cut).collect()
}

/// Columns of like size whose histograms are filled together.
#[derive(Debug)]
pub(super) struct Group {
    /// The columns, at most [`LANES`].
    pub(super) features: Vec<u32>,
    /// The room a column's histogram takes: 16, 64, or 256 bins.
    pub(super) width: usize,
}

impl Group {
    /// Counts the cells of the group's histogram.
    pub(super) const fn cells(&self) -> usize {
        self.width * self.features.len()
    }
}

/// Groups that lie side by side, so that a row of theirs is read from one place in memory.
#[derive(Debug)]
pub(super) struct Tile {
    /// The first group.
    pub(super) first: usize,
    /// How many groups there are, at most [`TILE`].
    pub(super) count: usize,
    /// A word a row and group, row by row; its bytes are the bins of the group's columns.
    words: Vec<u32>,
    /// Words a row, a power of two, so that no row lies across two lines of the cache.
    stride: usize,
    /// Words before the first row.
    skip: usize,
}

impl Tile {
    /// Lays the columns of some groups side by side.
    fn new(
        first: usize,
        groups: &[Group],
        columns: &[Vec<u8>],
        (rows, parallel): (usize, bool),
    ) -> Self {
        const CHUNK: usize = 1 << 12;
        const LINE: usize = 64;
        let stride = groups.len().next_power_of_two();
        let mut words = vec![0_u32; rows * stride + LINE / size_of::<u32>()];
        let skip = words.as_ptr().align_offset(LINE).min(LINE / size_of::<u32>());
        let fill = |(chunk, words): (usize, &mut [u32])| {
            for (place, group) in groups.iter().enumerate() {
                for (lane, feature) in group.features.iter().enumerate() {
                    let bins = &columns[*feature as usize][chunk * CHUNK..];
                    for (record, bin) in words.chunks_exact_mut(stride).zip(bins) {
                        record[place] |= u32::from(*bin) << (8 * lane);
                    }
                }
            }
        };
        let own = &mut words[skip..skip + rows * stride];
        if parallel {
            own.par_chunks_mut(CHUNK * stride).enumerate().for_each(fill);
        } else {
            own.chunks_mut(CHUNK * stride).enumerate().for_each(fill);
        }
        Self { first, count: groups.len(), words, stride, skip }
    }

    /// Counts the words of a row.
    pub(super) const fn stride(&self) -> usize {
        self.stride
    }

    /// Gives the words, from the first row on.
    pub(super) fn words(&self) -> &[u32] {
        &self.words[self.skip..]
    }
}

/// What split finding needs to know of a column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Feature {
    /// How many bins hold values.
    pub(super) values: usize,
    /// Whether bin number `values` holds missing values.
    pub(super) missing: bool,
    /// Whether the bins are categories.
    pub(super) categorical: bool,
}

/// The training rows in bins.
#[derive(Debug)]
pub(super) struct Binned {
    /// How many rows there are.
    pub(super) rows: usize,
    /// How each column is cut.
    pub(super) binning: Vec<Binning>,
    /// What is known of each column.
    pub(super) features: Vec<Feature>,
    /// The bins, column by column; none for columns of one bin.
    pub(super) columns: Vec<Vec<u8>>,
    /// The columns that histograms are made of.
    pub(super) groups: Vec<Group>,
    /// The same bins side by side.
    pub(super) tiles: Vec<Tile>,
}

/// How bins are learnt.
#[derive(Clone, Copy)]
pub(super) struct BinOptions<'a> {
    /// How many bins of values a column has at most.
    pub(super) max_bins: usize,
    /// A weight a row of the frame.
    pub(super) weights: Option<&'a [f64]>,
    /// Draws the sample of rows.
    pub(super) seed: Seed,
    /// Whether the work is worth several threads.
    pub(super) parallel: bool,
}

impl Binned {
    /// Learns the bins of every column and puts every row into them.
    pub(super) fn new(rows: Rows<'_>, options: BinOptions<'_>) -> Self {
        let columns = rows.frame.columns();
        let sample = Sampled {
            rows: sample_of(rows, options.seed),
            weights: options.weights,
            max_bins: options.max_bins,
        };
        let learn =
            |column: &Column| (Binning::learn(column, rows, &sample), has_missing(column, rows));
        let learnt: Vec<(Binning, bool)> = if options.parallel {
            columns.par_iter().map(learn).collect()
        } else {
            columns.iter().map(learn).collect()
        };
        let features: Vec<Feature> = learnt
            .iter()
            .zip(columns)
            .map(|((binning, missing), column)| Feature {
                values: binning.values(),
                missing: *missing || outside(binning, column, rows),
                categorical: binning.is_categorical(),
            })
            .collect();
        let binning: Vec<Binning> = learnt.into_iter().map(|(binning, _)| binning).collect();
        let groups = layout(&features);
        let sort =
            |index: usize| column_of(&binning[index], &features[index], (rows, &columns[index]));
        let columns: Vec<Vec<u8>> = if options.parallel {
            (0..columns.len()).into_par_iter().map(sort).collect()
        } else {
            (0..columns.len()).map(sort).collect()
        };
        let tiles = (0..groups.len())
            .step_by(TILE)
            .map(|first| {
                let own = &groups[first..groups.len().min(first + TILE)];
                Tile::new(first, own, &columns, (rows.len(), options.parallel))
            })
            .collect();
        Self { rows: rows.len(), binning, features, columns, groups, tiles }
    }
}

/// Picks the rows that edges are learnt from: all, or a sample in ascending order.
#[expect(
    clippy::cast_possible_truncation,
    reason = "rows are fewer than 2^31, checked at the door"
)]
fn sample_of(rows: Rows<'_>, seed: Seed) -> Vec<u32> {
    if rows.len() <= SAMPLE {
        return (0..rows.len()).map(|row| rows.at(row) as u32).collect();
    }
    // Selection sampling: each row is taken with the chance (still wanted) / (still to come).
    let mut generator = seed.derive("bin sample", 0).generator();
    let mut picked = Vec::with_capacity(SAMPLE);
    for row in 0..rows.len() {
        let (wanted, left) = ((SAMPLE - picked.len()) as u64, (rows.len() - row) as u64);
        if generator.random_range(0..left) < wanted {
            picked.push(rows.at(row) as u32);
        }
    }
    picked
}

fn has_missing(column: &Column, rows: Rows<'_>) -> bool {
    match column {
        Column::Category { codes, .. } => {
            (0..rows.len()).any(|row| codes[rows.at(row)] == NO_CATEGORY)
        }
        other => {
            let values = other.numbers().unwrap_or_default();
            (0..rows.len()).any(|row| values[rows.at(row)].is_nan())
        }
    }
}

/// Tells whether some training row has a level too rare to be kept.
fn outside(binning: &Binning, column: &Column, rows: Rows<'_>) -> bool {
    let (Binning::Levels { bins, .. }, Column::Category { codes, .. }) = (binning, column) else {
        return false;
    };
    (0..rows.len()).any(|row| bins.get(codes[rows.at(row)] as usize).is_some_and(Option::is_none))
}

/// Counts the bins of a column, that of missing values too.
const fn bins_of(feature: &Feature) -> usize {
    feature.values + feature.missing as usize
}

/// Groups columns of like size; columns of one bin are left out, for nothing can be learnt of them.
fn layout(features: &[Feature]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (width, above) in [(16, 1), (64, 16), (256, 64)] {
        let own: Vec<u32> = (0..)
            .zip(features)
            .filter(|(_, feature)| bins_of(feature) <= width && bins_of(feature) > above)
            .map(|(index, _)| index)
            .collect();
        groups.extend(own.chunks(LANES).map(|own| Group { features: own.to_vec(), width }));
    }
    groups
}

/// Puts every row of a column into its bin.
fn column_of(binning: &Binning, feature: &Feature, (rows, column): (Rows<'_>, &Column)) -> Vec<u8> {
    if bins_of(feature) < 2 {
        return Vec::new();
    }
    let missing = missing_bin(feature);
    match (binning, column) {
        (Binning::Levels { bins, .. }, Column::Category { codes, .. }) => {
            let bin = |row| bins.get(codes[rows.at(row)] as usize).copied().flatten();
            (0..rows.len()).map(|row| bin(row).unwrap_or(missing)).collect()
        }
        (Binning::Edges(edges), column) => {
            let search = Search::new(edges);
            let values = column.numbers().unwrap_or_default();
            let mut bins = Vec::with_capacity(rows.len() + TOGETHER);
            for start in (0..rows.len()).step_by(TOGETHER) {
                let last = rows.len() - 1;
                let value = |lane: usize| values[rows.at((start + lane).min(last))];
                bins.extend(search.bins(std::array::from_fn(value), missing));
            }
            bins.truncate(rows.len());
            bins
        }
        (Binning::Levels { .. }, _) => Vec::new(),
    }
}

/// Gives the bin of missing values; without any in training nothing is put there.
#[expect(clippy::cast_possible_truncation, reason = "a column has at most 255 bins of values")]
fn missing_bin(feature: &Feature) -> u8 {
    if feature.missing { feature.values as u8 } else { 0 }
}

/// Finds bins by halving, without a branch.
struct Search {
    edges: [f64; 256],
    first: usize,
}

/// Values that are looked up together, so that one doesn't wait for the other.
const TOGETHER: usize = 8;

impl Search {
    fn new(edges: &[f64]) -> Self {
        let mut padded = [f64::INFINITY; 256];
        for (slot, edge) in padded.iter_mut().zip(edges) {
            *slot = *edge;
        }
        Self { edges: padded, first: (edges.len() + 1).next_power_of_two() / 2 }
    }

    /// Counts the edges below each value; missing values get the bin `missing`.
    fn bins(&self, values: [f64; TOGETHER], missing: u8) -> [u8; TOGETHER] {
        let (mut bins, mut step) = ([0_usize; TOGETHER], self.first);
        while step > 0 {
            for (bin, value) in bins.iter_mut().zip(values) {
                let above = value > self.edges[(*bin + step - 1) & 255];
                *bin = std::hint::select_unpredictable(above, *bin + step, *bin);
            }
            step /= 2;
        }
        std::array::from_fn(|lane| if values[lane].is_nan() { missing } else { bins[lane] as u8 })
    }
}
