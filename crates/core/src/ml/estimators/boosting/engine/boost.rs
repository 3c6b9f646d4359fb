//! The loop of boosting: gradients, a tree, sums, and whether to go on.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "fixed point reads bits of floats; exponents and class numbers are small"
)]

use std::sync::atomic::{AtomicU32, Ordering};

use rayon::prelude::*;

use super::Rows;
use super::bins::{BinOptions, Binned};
use super::grow::{GrowOptions, Grower, Leaf};
use super::histogram::{Cell, Packed, Pair, Scales, Wide};
use super::interactions::Interactions;
use super::loss::{self, BLOCK, Loss, Slopes};
use super::math::{ROUND, exp};
use super::predict::Ensemble;
use super::split::Rules;
use crate::ml::estimator::{FitContext, FitError, Round};

/// Rows that one thread works on between two looks at the queue; fixed, for sums follow it.
const CHUNK: usize = 1 << 14;

/// Rows with targets and weights.
#[derive(Clone, Copy)]
pub(in super::super) struct Training<'a> {
    /// The features.
    pub(in super::super) rows: Rows<'a>,
    /// A target a row: a number, or the number of a class.
    pub(in super::super) y: &'a [f64],
    /// A weight a row, above 0.
    pub(in super::super) weights: Option<&'a [f64]>,
    /// The weights of all rows of the frame, for the bins.
    pub(in super::super) frame_weights: Option<&'a [f64]>,
}

/// When boosting ends early.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Stopping {
    /// After so many rounds without progress.
    pub(in super::super) patience: usize,
    /// What counts as progress.
    pub(in super::super) tolerance: f64,
}

/// How to boost.
#[derive(Clone, Debug)]
pub(in super::super) struct Options {
    /// What is made small.
    pub(in super::super) loss: Loss,
    /// How many rounds at most.
    pub(in super::super) max_iter: usize,
    /// The share of each tree that is taken.
    pub(in super::super) learning_rate: f64,
    /// The most leaves of a tree.
    pub(in super::super) max_leaf_nodes: Option<usize>,
    /// The most tests on a way down.
    pub(in super::super) max_depth: Option<usize>,
    /// The least rows of a leaf.
    pub(in super::super) min_samples_leaf: usize,
    /// The penalty on leaf values.
    pub(in super::super) l2: f64,
    /// The share of columns tried at each node.
    pub(in super::super) max_features: f64,
    /// The most bins of a column.
    pub(in super::super) max_bins: usize,
    /// For each column the way in which answers must follow it.
    pub(in super::super) monotone: Vec<i8>,
    /// Which columns may meet on a way down a tree.
    pub(in super::super) interactions: Interactions,
    /// When to end early; none goes through all rounds.
    pub(in super::super) stopping: Option<Stopping>,
}

/// What boosting gives.
pub(in super::super) struct Outcome {
    /// The model.
    pub(in super::super) ensemble: Ensemble,
    /// The gain of each column, summed up.
    pub(in super::super) importance: Vec<f64>,
    /// The loss of each round.
    pub(in super::super) history: Vec<Round>,
}

/// Boosts.
pub(in super::super) fn boost(
    options: &Options,
    training: Training<'_>,
    watched: Option<Training<'_>>,
    context: &FitContext<'_>,
) -> Result<Outcome, FitError> {
    let rows = training.rows.len();
    let columns = training.rows.frame.width();
    let rounds = options.max_iter.saturating_mul(options.loss.outputs());
    let parallel = rows >= 1 << 13
        && rows.saturating_mul(columns.max(1)).saturating_mul(rounds) >= 1 << 22
        && super::threads() > 1;
    let run = || {
        let binned = Binned::new(
            training.rows,
            BinOptions {
                max_bins: options.max_bins,
                weights: training.frame_weights,
                seed: context.seed,
                parallel,
            },
        );
        context.check()?;
        let sums = Sums { options, training, parallel };
        if sums.is_packed() {
            sums.run::<Packed>(&binned, watched, context)
        } else {
            sums.run::<Wide>(&binned, watched, context)
        }
    };
    if parallel { rayon::scope(|_| run()) } else { run() }
}

/// What stays the same over the rounds.
struct Sums<'a> {
    options: &'a Options,
    training: Training<'a>,
    parallel: bool,
}

/// What a pass over the rows found.
#[derive(Clone, Copy, Default)]
struct Pass {
    loss: f64,
    gradient: f64,
    hessian: f64,
}

impl Pass {
    fn join(self, other: Self) -> Self {
        Self {
            loss: self.loss + other.loss,
            gradient: self.gradient.max(other.gradient),
            hessian: self.hessian.max(other.hessian),
        }
    }
}

impl Sums<'_> {
    /// Bits that hold a count of all rows.
    fn count_bits(&self) -> u32 {
        usize::BITS - self.training.rows.len().leading_zeros()
    }

    /// Tells whether hessian and count of a bin fit into one number without harm.
    fn is_packed(&self) -> bool {
        let bits = 63 - 2 * self.count_bits().min(31);
        let Some(weights) = self.training.weights else {
            return (self.options.loss.is_flat() && bits >= 1)
                || (self.options.loss.bounds().is_some() && bits >= 21);
        };
        let most = weights.iter().copied().fold(0.0, f64::max);
        let mean = weights.iter().sum::<f64>() / weights.len() as f64;
        let known = self.options.loss.bounds().is_some() || self.options.loss.is_flat();
        known && bits >= 27 && most <= 64.0 * mean
    }

    fn run<C: Cell>(
        &self,
        binned: &Binned,
        watched: Option<Training<'_>>,
        context: &FitContext<'_>,
    ) -> Result<Outcome, FitError> {
        let packed = size_of::<C>() == size_of::<Packed>();
        let (loss, n) = (self.options.loss, self.training.rows.len());
        let outputs = loss.outputs();
        let baseline = loss.baseline(self.training.y, self.training.weights);
        if baseline.iter().any(|value| !value.is_finite()) {
            return Err(FitError::Other("the target is too large to be averaged; scale it".into()));
        }
        let mut raw: Vec<Vec<f64>> = baseline.iter().map(|value| vec![*value; n]).collect();
        let mut ensemble = Ensemble::new(loss, baseline, &binned.binning);
        let mut watch = watched.map(|watched| Watch::new(loss, watched, &ensemble));
        let mut importance = vec![0.0; binned.features.len()];
        let mut history: Vec<Round> = Vec::new();
        let mut scores: Vec<f64> = Vec::new();
        let mut grower: Grower<'_, C> = Grower::new(binned, self.grow_options());
        let mut pairs: Vec<Pair> = vec![[0, 0]; n];
        let mut lse = Vec::new();
        let leaf_of: Vec<AtomicU32> =
            if self.parallel { (0..n).map(|_| AtomicU32::new(0)).collect() } else { Vec::new() };
        for round in 0..=self.options.max_iter {
            context.check()?;
            if outputs > 1 {
                lse = log_sums(&raw, self.parallel);
            }
            let train = self.prepare(packed, (&raw, &lse, 0), (&mut pairs, grower.rules()))?;
            let train = if outputs > 1 { self.class_loss(&raw, &lse) } else { train };
            let validation = watch.as_mut().map(Watch::loss);
            if round > 0 {
                history.push(Round {
                    iteration: round as u64,
                    metric: loss.metric().to_owned(),
                    train,
                    validation,
                });
                (context.progress)(round as u64, self.options.max_iter as u64);
            }
            scores.push(validation.unwrap_or(train));
            if round == self.options.max_iter || self.is_over(&scores) {
                break;
            }
            for output in 0..outputs {
                context.check()?;
                if output > 0 {
                    self.prepare(packed, (&raw, &lse, output), (&mut pairs, grower.rules()))?;
                }
                let number = (round * outputs + output) as u64;
                let seed = context.seed.derive("tree", number);
                let mut grown = grower.grow(&pairs, seed, &mut importance);
                if loss.renews_leaves() {
                    self.renew(grower.order(), &raw[output], &mut grown.leaves);
                    grown.tree.revalue(grown.leaves.iter().map(|leaf| leaf.value));
                }
                self.add(&grown.leaves, grower.order(), (&leaf_of, &mut raw[output]));
                ensemble.trees.push(grown.tree);
                if let Some(watch) = &mut watch {
                    watch.add(&ensemble, output);
                }
            }
        }
        Ok(Outcome { ensemble, importance, history })
    }

    fn grow_options(&self) -> GrowOptions {
        let options = self.options;
        GrowOptions {
            max_leaf_nodes: options.max_leaf_nodes,
            max_depth: options.max_depth,
            max_features: options.max_features,
            learning_rate: options.learning_rate,
            rules: Rules {
                min_samples_leaf: options.min_samples_leaf,
                l2: options.l2,
                scales: Scales { gradient: 1.0, hessian: 1.0, count_bits: 0 },
            },
            monotone: options.monotone.clone(),
            interactions: options.interactions.clone(),
            parallel: self.parallel,
        }
    }

    /// Works out the gradients of one output in fixed point; gives the mean loss.
    fn prepare(
        &self,
        packed: bool,
        (raw, lse, output): (&[Vec<f64>], &[f64], usize),
        (pairs, rules): (&mut [Pair], &mut Rules),
    ) -> Result<f64, FitError> {
        let loss = self.options.loss;
        let pass =
            |pairs: Option<(&mut [Pair], Fixed)>| self.pass((&raw[output], lse, output), pairs);
        let most = self.training.weights.map_or(1.0, |w| w.iter().copied().fold(0.0, f64::max));
        let [gradient, hessian] = if let Some(bounds) = loss.bounds() {
            bounds.map(|bound| bound * most)
        } else {
            let found = pass(None);
            [found.gradient, found.hessian]
        };
        if !gradient.is_finite() || !hessian.is_finite() {
            return Err(FitError::Other("the gradients overflow; scale the target".into()));
        }
        let fixed = Fixed::new(self.count_bits(), packed, [gradient, hessian]);
        rules.scales = fixed.scales();
        let total =
            self.training.weights.map_or(pairs.len() as f64, |weights| weights.iter().sum());
        Ok(pass(Some((pairs, fixed))).loss / total)
    }

    /// Goes over all rows in chunks, on several threads if it's worth it.
    fn pass(
        &self,
        (raw, lse, output): (&[f64], &[f64], usize),
        pairs: Option<(&mut [Pair], Fixed)>,
    ) -> Pass {
        let run = |chunk: usize, mut pairs: Option<(&mut [Pair], Fixed)>| {
            let (mut slopes, mut found) = (Slopes::new(), Pass::default());
            let end = raw.len().min((chunk + 1) * CHUNK);
            for start in (chunk * CHUNK..end).step_by(BLOCK) {
                let range = start..end.min(start + BLOCK);
                let rows = loss::Rows {
                    raw: &raw[range.clone()],
                    lse: lse.get(range.clone()).unwrap_or_default(),
                    y: &self.training.y[range.clone()],
                    class: output as f64,
                };
                self.options.loss.slopes(rows, &mut slopes);
                if let Some(weights) = self.training.weights {
                    slopes.weigh(&weights[range.clone()]);
                }
                match &mut pairs {
                    Some((pairs, fixed)) => {
                        let from = start - chunk * CHUNK;
                        fixed.fill(&slopes, &mut pairs[from..from + range.len()]);
                    }
                    None => found = found.join(slopes.largest(range.len())),
                }
                found.loss += slopes.loss[..range.len()].iter().sum::<f64>();
            }
            found
        };
        let chunks = raw.len().div_ceil(CHUNK);
        let found: Vec<Pass> = match pairs {
            Some((pairs, fixed)) if self.parallel => {
                let parts = pairs.par_chunks_mut(CHUNK).enumerate();
                parts.map(|(chunk, pairs)| run(chunk, Some((pairs, fixed)))).collect()
            }
            Some((pairs, fixed)) => {
                let parts = pairs.chunks_mut(CHUNK).enumerate();
                parts.map(|(chunk, pairs)| run(chunk, Some((pairs, fixed)))).collect()
            }
            None if self.parallel => {
                (0..chunks).into_par_iter().map(|chunk| run(chunk, None)).collect()
            }
            None => (0..chunks).map(|chunk| run(chunk, None)).collect(),
        };
        found.into_iter().fold(Pass::default(), Pass::join)
    }

    /// Gives the mean log loss over several classes.
    fn class_loss(&self, raw: &[Vec<f64>], lse: &[f64]) -> f64 {
        class_loss(raw, lse, (self.training.y, self.training.weights))
    }

    /// Tells whether the last rounds brought no progress.
    fn is_over(&self, scores: &[f64]) -> bool {
        let Some(stopping) = self.options.stopping else { return false };
        let Some(start) = scores.len().checked_sub(stopping.patience + 1) else { return false };
        let reference = scores[start] - stopping.tolerance;
        scores[start + 1..].iter().all(|score| *score >= reference)
    }

    /// Gives each leaf the best step along its rows' residuals.
    fn renew(&self, order: &[u32], raw: &[f64], leaves: &mut [Leaf]) {
        let run = |leaf: &mut Leaf| {
            let rows = &order[leaf.rows.clone()];
            let residual = |row: &u32| self.training.y[*row as usize] - raw[*row as usize];
            let weights: Option<Vec<f64>> = self
                .training
                .weights
                .map(|weights| rows.iter().map(|row| weights[*row as usize]).collect());
            let residuals = rows.iter().map(residual).collect();
            let step = self.options.loss.best_step(residuals, weights.as_deref());
            leaf.value = step * self.options.learning_rate;
        };
        if self.parallel {
            leaves.par_iter_mut().for_each(run);
        } else {
            leaves.iter_mut().for_each(run);
        }
    }

    /// Adds the values of a tree's leaves to the sums of their rows.
    fn add(&self, leaves: &[Leaf], order: &[u32], (leaf_of, raw): (&[AtomicU32], &mut [f64])) {
        if !self.parallel {
            for leaf in leaves {
                for row in &order[leaf.rows.clone()] {
                    raw[*row as usize] += leaf.value;
                }
            }
            return;
        }
        (0_u32..).zip(leaves).collect::<Vec<_>>().par_iter().for_each(|(index, leaf)| {
            for row in &order[leaf.rows.clone()] {
                leaf_of[*row as usize].store(*index, Ordering::Relaxed);
            }
        });
        raw.par_chunks_mut(CHUNK).zip(leaf_of.par_chunks(CHUNK)).for_each(|(raw, leaf_of)| {
            for (raw, leaf) in raw.iter_mut().zip(leaf_of) {
                *raw += leaves[leaf.load(Ordering::Relaxed) as usize].value;
            }
        });
    }
}

impl Slopes {
    fn weigh(&mut self, weights: &[f64]) {
        let slots = self.gradient.iter_mut().zip(&mut self.hessian).zip(&mut self.loss);
        for (weight, ((gradient, hessian), loss)) in weights.iter().zip(slots) {
            *gradient *= weight;
            *hessian *= weight;
            *loss *= weight;
        }
    }

    fn largest(&self, rows: usize) -> Pass {
        let most =
            |values: &[f64]| values.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
        let nan = self.gradient[..rows].iter().any(|value| value.is_nan());
        let gradient = if nan { f64::INFINITY } else { most(&self.gradient[..rows]) };
        Pass { loss: 0.0, gradient, hessian: most(&self.hessian[..rows]) }
    }
}

/// How floats become fixed point.
#[derive(Clone, Copy)]
struct Fixed {
    gradient: f64,
    hessian: f64,
    count_bits: u32,
    packed: bool,
}

impl Fixed {
    /// Picks powers of two so that no sum over all rows can overflow.
    fn new(count_bits: u32, packed: bool, [gradient, hessian]: [f64; 2]) -> Self {
        let room = 62_u32.saturating_sub(count_bits).min(50);
        let low = if packed { room.min(62_u32.saturating_sub(2 * count_bits)) } else { room };
        Self { gradient: units(gradient, room), hessian: units(hessian, low), count_bits, packed }
    }

    fn scales(&self) -> Scales {
        let (gradient, hessian) = (1.0 / self.gradient, 1.0 / self.hessian);
        Scales { gradient, hessian, count_bits: if self.packed { self.count_bits } else { 0 } }
    }

    fn fill(&self, slopes: &Slopes, pairs: &mut [Pair]) {
        let (shift, one) = if self.packed { (self.count_bits, 1) } else { (0, 0) };
        let slots = slopes.gradient.iter().zip(&slopes.hessian);
        for (pair, (gradient, hessian)) in pairs.iter_mut().zip(slots) {
            *pair =
                [whole(gradient * self.gradient), (whole(hessian * self.hessian) << shift) | one];
        }
    }
}

/// Gives the power of two by which numbers up to `most` fit into so many bits.
fn units(most: f64, bits: u32) -> f64 {
    if most <= 0.0 {
        return 1.0;
    }
    let exponent = (most.log2().ceil() as i32).clamp(-900, 1000);
    2.0_f64.powi(bits as i32 - exponent)
}

/// Rounds a number below 2^51 to a whole one, halves to even.
#[inline]
fn whole(number: f64) -> i64 {
    ((number + ROUND).to_bits() as i64).wrapping_sub(ROUND.to_bits() as i64)
}

/// Gives the logarithm of the sum of exponentials over classes, row by row.
fn log_sums(raw: &[Vec<f64>], parallel: bool) -> Vec<f64> {
    let run = |row: usize| {
        let most = raw.iter().map(|own| own[row]).fold(f64::NEG_INFINITY, f64::max);
        most + raw.iter().map(|own| exp(own[row] - most)).sum::<f64>().ln()
    };
    let rows = raw.first().map_or(0, Vec::len);
    if parallel {
        (0..rows).into_par_iter().with_min_len(CHUNK / 8).map(run).collect()
    } else {
        (0..rows).map(run).collect()
    }
}

fn class_loss(raw: &[Vec<f64>], lse: &[f64], (y, weights): (&[f64], Option<&[f64]>)) -> f64 {
    let own = |row: usize| lse[row] - raw[y[row] as usize][row];
    match weights {
        None => (0..y.len()).map(own).sum::<f64>() / y.len() as f64,
        Some(weights) => {
            let sum: f64 = (0..y.len()).map(|row| own(row) * weights[row]).sum();
            sum / weights.iter().sum::<f64>()
        }
    }
}

/// Rows that are watched but not learnt from.
struct Watch<'a> {
    loss: Loss,
    rows: Training<'a>,
    columns: super::predict::Columns<'a>,
    raw: Vec<Vec<f64>>,
}

impl<'a> Watch<'a> {
    fn new(loss: Loss, rows: Training<'a>, ensemble: &Ensemble) -> Self {
        let raw = ensemble.baseline.iter().map(|value| vec![*value; rows.rows.len()]).collect();
        Self { loss, rows, columns: ensemble.columns(rows.rows.frame), raw }
    }

    fn add(&mut self, ensemble: &Ensemble, output: usize) {
        ensemble.add_last(&self.columns.slices(), self.rows.rows, &mut self.raw[output]);
    }

    /// Gives the mean loss.
    fn loss(&mut self) -> f64 {
        if self.loss.outputs() > 1 {
            let lse = log_sums(&self.raw, false);
            return class_loss(&self.raw, &lse, (self.rows.y, self.rows.weights));
        }
        let (mut slopes, mut sum) = (Slopes::new(), 0.0);
        for start in (0..self.rows.y.len()).step_by(BLOCK) {
            let range = start..self.rows.y.len().min(start + BLOCK);
            let (raw, y) = (&self.raw[0][range.clone()], &self.rows.y[range.clone()]);
            self.loss.slopes(loss::Rows { raw, lse: &[], y, class: 0.0 }, &mut slopes);
            if let Some(weights) = self.rows.weights {
                slopes.weigh(&weights[range.clone()]);
            }
            sum += slopes.loss[..range.len()].iter().sum::<f64>();
        }
        let total =
            self.rows.weights.map_or(self.rows.y.len() as f64, |weights| weights.iter().sum());
        sum / total
    }
}
