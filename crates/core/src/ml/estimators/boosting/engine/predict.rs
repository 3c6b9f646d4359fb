//! A fitted ensemble: its trees, how it reads columns, and what its sums mean.

use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::bins::Binning;
use super::math::exp;
use super::tree::{ABREAST, Tree};
use super::{Rows, loss::Loss};
use crate::data::{Column, Frame};

/// Rows that go through all trees together.
const BLOCK: usize = 128;

/// How a column is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Reading {
    /// As numbers.
    Numbers,
    /// As categories: a level's place among these is its bin; the rest counts as missing.
    Levels(Vec<Arc<str>>),
}

/// What the sums of the trees mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) enum Link {
    /// They are the answer.
    Identity,
    /// They are the logarithm of the answer.
    Log,
    /// They are log odds.
    Logistic,
    /// They are the logarithms of probabilities, up to a constant.
    Softmax,
}

impl From<Loss> for Link {
    fn from(loss: Loss) -> Self {
        match loss {
            Loss::Binary => Self::Logistic,
            Loss::Multinomial(_) => Self::Softmax,
            Loss::Squared | Loss::Absolute | Loss::Quantile(_) => Self::Identity,
            Loss::Poisson | Loss::Gamma => Self::Log,
        }
    }
}

/// Trees whose values are summed up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct Ensemble {
    pub(super) readings: Vec<Reading>,
    pub(super) baseline: Vec<f64>,
    pub(super) trees: Vec<Tree>,
    /// What the sums mean.
    pub(in super::super) link: Link,
}

/// The columns of a frame as the trees read them: borrowed numbers, or bins of categories.
pub(super) struct Columns<'a> {
    own: Vec<Vec<f64>>,
    numbers: Vec<Option<&'a [f64]>>,
}

impl Columns<'_> {
    /// Gives a slice a column.
    pub(super) fn slices(&self) -> Vec<&[f64]> {
        let mut own = self.own.iter();
        let slice = |numbers: &Option<_>| match numbers {
            Some(numbers) => *numbers,
            None => own.next().map(Vec::as_slice).unwrap_or_default(),
        };
        self.numbers.iter().map(slice).collect()
    }
}

impl Ensemble {
    /// Starts an ensemble without trees.
    pub(super) fn new(loss: Loss, baseline: Vec<f64>, binning: &[Binning]) -> Self {
        let reading = |binning: &Binning| match binning {
            Binning::Edges(_) => Reading::Numbers,
            Binning::Levels { kept, .. } => Reading::Levels(kept.clone()),
        };
        let readings = binning.iter().map(reading).collect();
        Self { readings, baseline, trees: Vec::new(), link: loss.into() }
    }

    /// Counts the columns.
    pub(in super::super) const fn width(&self) -> usize {
        self.readings.len()
    }

    /// Tells whether a column is read as categories.
    pub(in super::super) fn is_categorical(&self, column: usize) -> bool {
        matches!(self.readings.get(column), Some(Reading::Levels(_)))
    }

    /// Counts the sums a row.
    pub(in super::super) const fn outputs(&self) -> usize {
        self.baseline.len()
    }

    /// Tells whether the parts fit together, so that no prediction can go astray.
    pub(in super::super) fn is_sound(&self) -> bool {
        let sorted = |levels: &Vec<Arc<str>>| {
            levels.len() <= 256 && levels.windows(2).all(|pair| pair[0] < pair[1])
        };
        let outputs = self.outputs();
        outputs > 0
            && self.trees.len().is_multiple_of(outputs)
            && (self.link == Link::Softmax || outputs == 1)
            && self.trees.iter().all(|tree| tree.is_sound(self.width()))
            && self.readings.iter().all(|reading| match reading {
                Reading::Numbers => true,
                Reading::Levels(levels) => sorted(levels),
            })
    }

    /// Reads the columns of a frame; each must be of the sort that was learnt from.
    pub(super) fn columns<'a>(&self, frame: &'a Frame) -> Columns<'a> {
        let mut columns = Columns { own: Vec::new(), numbers: Vec::new() };
        for (reading, column) in self.readings.iter().zip(frame.columns()) {
            match (reading, column) {
                (Reading::Levels(kept), Column::Category { codes, levels }) => {
                    columns.own.push(bins_of(kept, codes, levels));
                    columns.numbers.push(None);
                }
                (_, column) => columns.numbers.push(Some(column.numbers().unwrap_or_default())),
            }
        }
        columns
    }

    /// Sums up the trees for every row; `outputs` sums a row, row by row, with the link applied.
    pub(in super::super) fn predict(&self, frame: &Frame) -> Vec<f64> {
        let columns = self.columns(frame);
        let slices = columns.slices();
        let outputs = self.outputs();
        let mut answers = vec![0.0; frame.rows() * outputs];
        let run = |(block, answers): (usize, &mut [f64])| {
            self.block(&slices, block * BLOCK, answers);
            self.link(answers);
        };
        if frame.rows() * self.trees.len() >= 1 << 17 && frame.rows() > BLOCK {
            answers.par_chunks_mut(BLOCK * outputs).enumerate().for_each(run);
        } else {
            answers.chunks_mut(BLOCK * outputs).enumerate().for_each(run);
        }
        answers
    }

    fn block(&self, columns: &[&[f64]], first: usize, answers: &mut [f64]) {
        let outputs = self.outputs();
        for row in answers.chunks_mut(outputs) {
            row.copy_from_slice(&self.baseline);
        }
        let rows = answers.len() / outputs;
        let even = rows - rows % ABREAST;
        for (index, tree) in self.trees.iter().enumerate() {
            let output = index % outputs;
            for start in (0..even).step_by(ABREAST) {
                for (lane, value) in tree.values(columns, first + start).into_iter().enumerate() {
                    answers[(start + lane) * outputs + output] += value;
                }
            }
            for row in even..rows {
                answers[row * outputs + output] += tree.value(columns, first + row);
            }
        }
    }

    fn link(&self, answers: &mut [f64]) {
        match self.link {
            Link::Identity => {}
            Link::Log => answers.iter_mut().for_each(|raw| *raw = exp(*raw)),
            Link::Logistic => answers.iter_mut().for_each(|raw| {
                let e = exp(-raw.abs());
                *raw = if *raw >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) };
            }),
            Link::Softmax => answers.chunks_mut(self.outputs()).for_each(softmax),
        }
    }

    /// Adds the last trees of one output to the sums of watched rows.
    pub(super) fn add_last(&self, columns: &[&[f64]], rows: Rows<'_>, sums: &mut [f64]) {
        let Some(tree) = self.trees.last() else { return };
        let add = |(row, sum): (usize, &mut f64)| *sum += tree.value(columns, rows.at(row));
        if rows.len() >= 1 << 14 {
            sums.par_iter_mut().with_min_len(1 << 12).enumerate().for_each(add);
        } else {
            sums.iter_mut().enumerate().for_each(add);
        }
    }
}

fn softmax(row: &mut [f64]) {
    let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    for raw in &mut *row {
        *raw = exp(*raw - most);
    }
    let total: f64 = row.iter().sum();
    for share in row {
        *share /= total;
    }
}

/// Gives the bin of each code; NaN where the level wasn't kept or is missing.
fn bins_of(kept: &[Arc<str>], codes: &[u32], levels: &[Arc<str>]) -> Vec<f64> {
    let bin = |level: &Arc<str>| kept.binary_search(level).map_or(f64::NAN, |bin| bin as f64);
    if codes.len() < levels.len() {
        return codes.iter().map(|code| levels.get(*code as usize).map_or(f64::NAN, bin)).collect();
    }
    let bins: Vec<f64> = levels.iter().map(bin).collect();
    codes.iter().map(|code| bins.get(*code as usize).copied().unwrap_or(f64::NAN)).collect()
}
