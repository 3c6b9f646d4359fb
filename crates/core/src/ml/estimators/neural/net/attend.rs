//! Attention over the positions of a row: each looks at all (Vaswani et al., 2017), or one pool looks
//! at them for the whole row.
//!
//! Rows are computed each for itself, so neither threads nor other rows change a bit.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::dense::Sums;
use super::math::{exp, wide};
use super::multiply::{Matrix, Onto, multiply};

/// So many multiply-adds are worth a thread.
const WORTH_A_THREAD: usize = 1 << 18;

/// Several heads, each of which lets every position look at all.
///
/// The weights are those of two sums: from the channels to queries, keys and values, which lie side by
/// side, and from what the heads give to the channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::ml::estimators::neural) struct Attention {
    /// Numbers at each position.
    pub(in crate::ml::estimators::neural) channels: usize,
    /// How many positions.
    pub(in crate::ml::estimators::neural) positions: usize,
    /// How many heads share the channels.
    pub(in crate::ml::estimators::neural) heads: usize,
}

/// What attention keeps for the way back.
#[derive(Default)]
pub(super) struct Looked {
    /// Queries, keys and values.
    laid: Vec<f32>,
    /// The share of each position that each position looks at, head by head.
    shares: Vec<f32>,
    /// What the heads give.
    seen: Vec<f32>,
    /// Slopes of the two.
    laid_slopes: Vec<f32>,
    seen_slopes: Vec<f32>,
}

/// Room for one head of a row.
#[derive(Default)]
struct Head {
    queries: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
    given: Vec<f32>,
    shares: Vec<f32>,
    back: Vec<f32>,
}

impl Attention {
    pub(super) fn width(&self) -> Option<usize> {
        self.channels.checked_mul(self.positions)
    }

    /// Counts the numbers that a row takes between the two sums.
    pub(super) fn between(&self) -> Option<usize> {
        let looks = self.heads.checked_mul(self.positions)?.checked_mul(self.positions)?;
        self.width()?.checked_mul(4)?.checked_add(looks)
    }

    pub(super) fn weights(&self) -> Option<usize> {
        let laid = self.channels.checked_add(1)?.checked_mul(self.channels)?;
        laid.checked_mul(4)
    }

    pub(super) fn is_sound(&self) -> bool {
        self.positions > 0
            && self.heads > 0
            && self.channels > 0
            && self.channels.is_multiple_of(self.heads)
    }

    /// Draws the first weights as PyTorch does: Glorot's bound for what lays out queries, keys and
    /// values, 1 / √channels for what gathers the heads, biases 0.
    pub(super) fn draw(&self, weights: &mut [f32], mut uniform: impl FnMut(&mut [f32], f32)) {
        let own = self.channels;
        let (lay, gather) = weights.split_at_mut((own + 1) * 3 * own);
        for (part, outputs, bound) in
            [(lay, 3 * own, (1.5 / own as f32).sqrt()), (gather, own, (1.0 / own as f32).sqrt())]
        {
            let (sums, biases) = part.split_at_mut(own * outputs);
            uniform(sums, bound);
            biases.fill(0.0);
        }
    }

    fn lay(&self) -> Sums {
        Sums { inputs: self.channels, outputs: 3 * self.channels }
    }

    fn gather(&self) -> Sums {
        Sums { inputs: self.channels, outputs: self.channels }
    }

    fn head(&self) -> usize {
        self.channels / self.heads
    }

    fn scale(&self) -> f32 {
        1.0 / (self.head() as f32).sqrt()
    }

    /// How many rows at least are worth a thread.
    fn rows_a_thread(&self) -> usize {
        let row = 2 * self.positions * self.positions * self.channels;
        (WORTH_A_THREAD / row.max(1)).max(1)
    }

    /// Splits the weights into those of the two sums.
    fn split<'a>(&self, weights: &'a [f32]) -> (&'a [f32], &'a [f32]) {
        weights.split_at((self.channels + 1) * 3 * self.channels)
    }

    /// Lets every position of each row look at all.
    pub(super) fn forward(
        &self,
        input: &[f32],
        weights: &[f32],
        output: &mut [f32],
        looked: &mut Looked,
    ) {
        let (width, heads) = (self.channels * self.positions, self.heads);
        let looks = self.positions * self.positions;
        let rows = input.len() / width;
        let (to_lay, to_gather) = self.split(weights);
        let Looked { laid, shares, seen, .. } = looked;
        laid.resize(3 * input.len(), 0.0);
        self.lay().forward(input, to_lay, laid);
        shares.resize(rows * heads * looks, 0.0);
        seen.resize(input.len(), 0.0);
        laid.par_chunks(3 * width)
            .zip(shares.par_chunks_mut(heads * looks))
            .zip(seen.par_chunks_mut(width))
            .with_min_len(self.rows_a_thread())
            .for_each_init(Head::default, |room, ((laid, shares), seen)| {
                for (head, shares) in shares.chunks_exact_mut(looks).enumerate() {
                    self.look(head, laid, shares, seen, room);
                }
            });
        self.gather().forward(seen, to_gather, output);
    }

    /// Lets one head of a row look.
    fn look(
        &self,
        head: usize,
        laid: &[f32],
        shares: &mut [f32],
        seen: &mut [f32],
        room: &mut Head,
    ) {
        let size = self.head();
        self.take(head, laid, room);
        let (queries, keys) = (Matrix::new(&room.queries, size), Matrix::new(&room.keys, size));
        multiply(shares, queries, keys.turned(), Onto::Nothing);
        shares.chunks_exact_mut(self.positions).for_each(|line| softmax(line, self.scale()));
        room.given.resize(self.positions * size, 0.0);
        let (left, right) = (Matrix::new(shares, self.positions), Matrix::new(&room.values, size));
        multiply(&mut room.given, left, right, Onto::Nothing);
        put(&room.given, size, seen, self.channels, head * size);
    }

    /// Takes queries, keys and values of a head out of a row.
    fn take(&self, head: usize, laid: &[f32], room: &mut Head) {
        let (size, stride) = (self.head(), 3 * self.channels);
        let parts = [&mut room.queries, &mut room.keys, &mut room.values];
        for (part, own) in parts.into_iter().enumerate() {
            own.resize(self.positions * size, 0.0);
            pick(laid, stride, part * self.channels + head * size, own, size);
        }
    }

    /// Turns slopes of what went out into those of the weights and of what came in.
    pub(super) fn backward(
        &self,
        (input, weights): (&[f32], &[f32]),
        slopes: &[f32],
        weight_slopes: &mut [f32],
        input_slopes: &mut [f32],
        looked: &mut Looked,
    ) {
        let (width, heads) = (self.channels * self.positions, self.heads);
        let looks = self.positions * self.positions;
        let (to_lay, to_gather) = self.split(weights);
        let (of_lay, of_gather) = weight_slopes.split_at_mut(to_lay.len());
        let Looked { laid, shares, seen, laid_slopes, seen_slopes } = looked;
        self.gather().weight_slopes(seen, slopes, of_gather);
        seen_slopes.resize(seen.len(), 0.0);
        self.gather().input_slopes(slopes, to_gather, seen_slopes);
        laid_slopes.resize(laid.len(), 0.0);
        laid_slopes
            .par_chunks_mut(3 * width)
            .zip(laid.par_chunks(3 * width))
            .zip(shares.par_chunks(heads * looks))
            .zip(seen_slopes.par_chunks(width))
            .with_min_len(self.rows_a_thread())
            .for_each_init(Head::default, |room, (((laid_slopes, laid), shares), slopes)| {
                for (head, shares) in shares.chunks_exact(looks).enumerate() {
                    self.look_back(head, (laid, shares), slopes, laid_slopes, room);
                }
            });
        self.lay().weight_slopes(input, laid_slopes, of_lay);
        self.lay().input_slopes(laid_slopes, to_lay, input_slopes);
    }

    fn look_back(
        &self,
        head: usize,
        (laid, shares): (&[f32], &[f32]),
        slopes: &[f32],
        laid_slopes: &mut [f32],
        room: &mut Head,
    ) {
        let (size, positions, stride) = (self.head(), self.positions, 3 * self.channels);
        self.take(head, laid, room);
        room.given.resize(positions * size, 0.0);
        pick(slopes, self.channels, head * size, &mut room.given, size);
        room.shares.resize(shares.len(), 0.0);
        let given = Matrix::new(&room.given, size);
        multiply(&mut room.shares, given, Matrix::new(&room.values, size).turned(), Onto::Nothing);
        for (line, shares) in
            room.shares.chunks_exact_mut(positions).zip(shares.chunks_exact(positions))
        {
            softmax_back(line, shares, self.scale());
        }
        let (looks, scores) =
            (Matrix::new(shares, positions), Matrix::new(&room.shares, positions));
        let sides = [
            (scores, Matrix::new(&room.keys, size)),
            (scores.turned(), Matrix::new(&room.queries, size)),
            (looks.turned(), given),
        ];
        room.back.resize(positions * size, 0.0);
        for (part, (left, right)) in sides.into_iter().enumerate() {
            multiply(&mut room.back, left, right, Onto::Nothing);
            put(&room.back, size, laid_slopes, stride, part * self.channels + head * size);
        }
    }
}

/// Turns scores into shares that sum to one.
fn softmax(scores: &mut [f32], scale: f32) {
    let largest = scores.iter().fold(f32::NEG_INFINITY, |most, own| most.max(*own));
    wide(
        #[inline(always)]
        || {
            for own in scores.iter_mut() {
                *own = exp((*own - largest) * scale);
            }
        },
    );
    let total: f32 = scores.iter().sum();
    scores.iter_mut().for_each(|own| *own /= total);
}

/// Turns slopes of shares into those of the scores.
fn softmax_back(slopes: &mut [f32], shares: &[f32], scale: f32) {
    let mean: f32 = slopes.iter().zip(shares).map(|(slope, share)| slope * share).sum();
    for (slope, share) in slopes.iter_mut().zip(shares) {
        *slope = (*slope - mean) * share * scale;
    }
}

/// Picks a column of vectors out of wider lines.
fn pick(lines: &[f32], stride: usize, start: usize, to: &mut [f32], size: usize) {
    let lines = lines.chunks_exact(stride).zip(to.chunks_exact_mut(size));
    lines.for_each(|(line, to)| to.copy_from_slice(&line[start..][..size]));
}

/// Puts a column of vectors into wider lines.
fn put(from: &[f32], size: usize, lines: &mut [f32], stride: usize, start: usize) {
    let lines = lines.chunks_exact_mut(stride).zip(from.chunks_exact(size));
    lines.for_each(|(line, from)| line[start..][..size].copy_from_slice(from));
}

/// A mean over positions, each weighed by how much a learnt vector looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::ml::estimators::neural) struct AttentionPool {
    /// Numbers at each position.
    pub(in crate::ml::estimators::neural) channels: usize,
    /// How many positions.
    pub(in crate::ml::estimators::neural) positions: usize,
}

impl AttentionPool {
    pub(super) fn inputs(&self) -> Option<usize> {
        self.channels.checked_mul(self.positions)
    }

    pub(super) fn is_sound(&self) -> bool {
        self.channels > 0 && self.positions > 0
    }

    /// Pools each row; keeps the shares.
    pub(super) fn forward(
        &self,
        input: &[f32],
        query: &[f32],
        output: &mut [f32],
        shares: &mut Vec<f32>,
    ) {
        let Self { channels, positions } = *self;
        shares.resize(input.len() / channels, 0.0);
        multiply(shares, Matrix::new(input, channels), Matrix::new(query, 1), Onto::Nothing);
        let rows = input.chunks_exact(channels * positions).zip(output.chunks_exact_mut(channels));
        for ((input, output), shares) in rows.zip(shares.chunks_exact_mut(positions)) {
            softmax(shares, 1.0);
            multiply(
                output,
                Matrix::new(shares, positions),
                Matrix::new(input, channels),
                Onto::Nothing,
            );
        }
    }

    /// Turns slopes of what went out into those of the query and of what came in.
    pub(super) fn backward(
        &self,
        (input, query): (&[f32], &[f32]),
        slopes: &[f32],
        query_slopes: &mut [f32],
        input_slopes: &mut [f32],
        shares: &[f32],
    ) {
        let Self { channels, positions } = *self;
        query_slopes.fill(0.0);
        let mut scores = vec![0.0; positions];
        let rows = input.chunks_exact(channels * positions).zip(slopes.chunks_exact(channels));
        let parts = input_slopes.chunks_exact_mut(channels * positions);
        for (((input, slopes), shares), own) in rows.zip(shares.chunks_exact(positions)).zip(parts)
        {
            let (input, given) = (Matrix::new(input, channels), Matrix::new(slopes, 1));
            multiply(&mut scores, input, given, Onto::Nothing);
            softmax_back(&mut scores, shares, 1.0);
            multiply(query_slopes, input.turned(), Matrix::new(&scores, 1), Onto::Held);
            let lines = own.chunks_exact_mut(channels).zip(shares.iter().zip(&scores));
            for (line, (share, score)) in lines {
                for (at, own) in line.iter_mut().enumerate() {
                    *own = share.mul_add(slopes[at], score * query[at]);
                }
            }
        }
    }
}
