//! The score on rows that trees left out: each row is judged by the trees that did not draw it.

use rayon::prelude::*;

use super::grown::Forest;
use super::ranks::numbers;
use crate::data::{Frame, Target};
use crate::ml::estimator::Round;

/// Rows that are judged together; fixed, for sums follow it.
const BLOCK: usize = 512;

/// The share of its terms that rounding can leave of a difference.
const NOISE: f64 = 1e-12;

/// The rows that were drawn for a tree, a bit each.
pub(super) struct Bag(Vec<u64>);

impl Bag {
    /// Notes the rows that were drawn of so many.
    pub(super) fn new(rows: usize, drawn: &[u32]) -> Self {
        let mut bits = vec![0; rows.div_ceil(64)];
        for row in drawn {
            bits[*row as usize / 64] |= 1 << (row % 64);
        }
        Self(bits)
    }

    fn holds(&self, row: usize) -> bool {
        self.0[row / 64] >> (row % 64) & 1 == 1
    }
}

/// What is aimed at.
#[derive(Clone, Copy)]
enum Truth<'a> {
    /// The codes of classes.
    Classes(&'a [u32]),
    /// Numbers, and about their mean.
    Numbers(&'a [f64], f64),
}

/// What answers sum up to: right ones of classes; of numbers the squared errors and, to know the
/// spread, the targets.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    rows: f64,
    right: f64,
    error: f64,
    target: f64,
    squares: f64,
}

impl Sums {
    /// Adds a row; `said` is summed up over so many trees.
    fn add(&mut self, truth: Truth<'_>, row: usize, (said, trees): (&[f64], f64)) {
        self.rows += 1.0;
        match truth {
            Truth::Classes(codes) => {
                let own = said[codes[row] as usize];
                let (before, behind) = said.split_at(codes[row] as usize);
                // Ties go to the lower class.
                let best = before.iter().all(|other| *other < own)
                    && behind.iter().all(|other| *other <= own);
                self.right += f64::from(u8::from(best));
            }
            Truth::Numbers(values, middle) => {
                let (error, target) = (values[row] - said[0] / trees, values[row] - middle);
                self.error += error * error;
                self.target += target;
                self.squares += target * target;
            }
        }
    }

    fn join(&mut self, other: &Self) {
        self.rows += other.rows;
        self.right += other.right;
        self.error += other.error;
        self.target += other.target;
        self.squares += other.squares;
    }

    /// Gives the accuracy, or the explained share of the variance.
    fn score(&self, truth: Truth<'_>) -> Option<f64> {
        match truth {
            Truth::Classes(_) => (self.rows >= 1.0).then(|| self.right / self.rows),
            Truth::Numbers(..) => {
                let spread = self.squares - self.target * self.target / self.rows;
                let share = if spread > NOISE * self.squares {
                    1.0 - self.error / spread
                } else {
                    f64::from(u8::from(self.error <= 0.0))
                };
                (self.rows >= 2.0).then_some(share)
            }
        }
    }
}

/// What some rows came to: after each tree the sums over all trees, and over those that left a row
/// out; and how many rows no tree left out.
struct Block {
    sums: Vec<[Sums; 2]>,
    never: usize,
}

/// Scores the forest after each tree: on all rows as learnt, and on those left out as validation.
/// Says so where some are never left out.
pub(super) fn scores(
    forest: &Forest,
    bags: &[Bag],
    (frame, target): (&Frame, &Target),
) -> (Vec<Round>, Vec<String>) {
    let rows = frame.rows();
    let (truth, metric) = match target {
        Target::Classes { codes, .. } => (Truth::Classes(codes), "accuracy"),
        Target::Numbers(values) => {
            (Truth::Numbers(values, values.iter().sum::<f64>() / rows as f64), "r2")
        }
        Target::Absent { .. } => return (Vec::new(), Vec::new()),
    };
    let columns = numbers(frame);
    let run = |number: usize| {
        let first = number * BLOCK;
        block(forest, bags, (&columns, truth), (first, BLOCK.min(rows - first)))
    };
    let blocks = rows.div_ceil(BLOCK);
    let found: Vec<Block> = if rows * bags.len() >= 1 << 16 {
        (0..blocks).into_par_iter().map(run).collect()
    } else {
        (0..blocks).map(run).collect()
    };
    let mut sums = vec![[Sums::default(); 2]; bags.len()];
    for block in &found {
        for (sums, other) in sums.iter_mut().flatten().zip(block.sums.iter().flatten()) {
            sums.join(other);
        }
    }
    let round = |(iteration, [all, out]): (u64, &[Sums; 2])| {
        let metric = metric.to_owned();
        Some(Round { iteration, metric, train: all.score(truth)?, validation: out.score(truth) })
    };
    let never: usize = found.iter().map(|block| block.never).sum();
    (
        (1..).zip(&sums).filter_map(round).collect(),
        (never > 0)
            .then(|| {
                format!(
                    "`oob_score`: {never} of {rows} rows were drawn for every tree, so the score is \
                     that of the others; more trees leave each row out of some"
                )
            })
            .into_iter()
            .collect(),
    )
}

fn block(
    forest: &Forest,
    bags: &[Bag],
    (columns, truth): (&[&[f64]], Truth<'_>),
    (first, rows): (usize, usize),
) -> Block {
    let width = forest.numbers.width;
    let mut said = vec![0.0; rows * width];
    let (mut all, mut out) = (said.clone(), said.clone());
    let mut judges = vec![0.0; rows];
    let sums = (1..).zip(forest.trees.iter().zip(bags)).map(|(trees, (tree, bag))| {
        said.fill(0.0);
        tree.tell(columns, first, (&mut said, width));
        let mut sums = [Sums::default(); 2];
        let own = said.chunks(width).zip(all.chunks_mut(width)).zip(out.chunks_mut(width));
        for (place, ((said, all), out)) in own.enumerate() {
            let row = first + place;
            all.iter_mut().zip(said).for_each(|(sum, said)| *sum += said);
            sums[0].add(truth, row, (all, f64::from(trees)));
            if !bag.holds(row) {
                out.iter_mut().zip(said).for_each(|(sum, said)| *sum += said);
                judges[place] += 1.0;
            }
            if judges[place] > 0.0 {
                sums[1].add(truth, row, (out, judges[place]));
            }
        }
        sums
    });
    let sums = sums.collect();
    Block { sums, never: judges.iter().filter(|judges| **judges <= 0.0).count() }
}
