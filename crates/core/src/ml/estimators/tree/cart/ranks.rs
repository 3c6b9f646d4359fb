//! Ranks: each column's values as places among its distinct values, sorted once for all trees.

#![expect(
    clippy::cast_possible_truncation,
    reason = "a rank is below the number of rows, and keys hold two halves"
)]

use rayon::prelude::*;

use super::build::Splitter;
use crate::data::Frame;

/// The rank of a missing value.
pub(super) const MISSING: u32 = u32::MAX;

/// A column of ranks.
#[derive(Debug)]
pub(super) struct Column {
    /// A rank a row, or [`MISSING`]; none where cuts are random.
    pub(super) ranks: Vec<u32>,
    /// The distinct values, ascending.
    pub(super) values: Vec<f32>,
    /// The values themselves, where cuts are random.
    pub(super) singles: Vec<f32>,
    /// Whether some row has no value.
    pub(super) missing: bool,
    /// Whether some neighbours among the values are so near that they count as equal.
    pub(super) crowded: bool,
}

/// Values nearer to each other than this count as equal, as in scikit-learn.
pub(super) const NEAR: f32 = 1e-7;

/// Rows as ranks, column by column.
#[derive(Debug)]
pub(in crate::ml::estimators) struct Ranked {
    /// The columns.
    pub(super) columns: Vec<Column>,
}

/// Reads a value as trees do: in single precision, with one zero alone. The door refuses what is
/// beyond its range.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "single precision is what trees compare in")]
pub(super) fn single(value: f64) -> f32 {
    value as f32 + 0.0
}

/// Gives the columns of a frame of numbers.
pub(in crate::ml::estimators) fn numbers(frame: &Frame) -> Vec<&[f64]> {
    frame.columns().iter().map(|column| column.numbers().unwrap_or_default()).collect()
}

impl Ranked {
    /// Ranks the picked rows of each column.
    pub(in crate::ml::estimators) fn new(
        frame: &Frame,
        picked: Option<&[u32]>,
        splitter: Splitter,
    ) -> Self {
        let rows = picked.map_or(frame.rows(), <[u32]>::len);
        let columns = numbers(frame);
        let rank = |values: &&[f64]| match picked {
            None => Column::new(splitter, values.iter().copied()),
            Some(picked) => Column::new(splitter, picked.iter().map(|row| values[*row as usize])),
        };
        let columns = if rows * columns.len() >= 1 << 17 {
            columns.par_iter().map(rank).collect()
        } else {
            columns.iter().map(rank).collect()
        };
        Self { columns }
    }
}

impl Column {
    fn new(splitter: Splitter, values: impl Iterator<Item = f64>) -> Self {
        match splitter {
            Splitter::Best => Self::ranked(values),
            Splitter::Random => Self::valued(values),
        }
    }

    fn valued(values: impl Iterator<Item = f64>) -> Self {
        let singles: Vec<f32> = values.map(single).collect();
        let missing = singles.iter().any(|value| value.is_nan());
        Self { ranks: Vec::new(), values: Vec::new(), singles, missing, crowded: false }
    }

    fn ranked(values: impl Iterator<Item = f64>) -> Self {
        let mut keys: Vec<u64> = Vec::new();
        let mut ranks = Vec::new();
        for (row, value) in (0_u32..).zip(values) {
            ranks.push(MISSING);
            if !value.is_nan() {
                keys.push(u64::from(key(single(value))) << 32 | u64::from(row));
            }
        }
        keys.sort_unstable();
        let mut values: Vec<f32> = Vec::new();
        let mut last = None;
        for pair in &keys {
            let (key, row) = ((pair >> 32) as u32, *pair as u32 as usize);
            if last != Some(key) {
                last = Some(key);
                values.push(value_of(key));
            }
            ranks[row] = values.len() as u32 - 1;
        }
        let crowded = values.windows(2).any(|pair| pair[1] <= pair[0] + NEAR);
        let missing = keys.len() < ranks.len();
        Self { ranks, values, singles: Vec::new(), missing, crowded }
    }
}

/// Maps a float to an integer of the same order.
fn key(value: f32) -> u32 {
    let bits = value.to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

/// Maps back.
fn value_of(key: u32) -> f32 {
    f32::from_bits(if key >> 31 == 1 { key & !(1 << 31) } else { !key })
}
