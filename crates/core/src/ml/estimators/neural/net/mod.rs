//! What a network is: an input and a chain of operations, and where the weights of each lie.
//!
//! A [`Net`] holds sizes alone. Its weights are one run of numbers, its running figures another, so
//! that an optimiser sees no layers and a fitted model is plain data. Rows lie one behind the other,
//! the channels of a position side by side.

mod activation;
mod attend;
mod convolve;
mod dense;
mod embed;
mod loss;
mod math;
mod multiply;
mod normalise;
mod pass;
mod pool;
mod recurrent;
#[cfg(test)]
mod tests;
mod window;

use std::ops::Range;

use rand::RngExt;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

pub(super) use activation::Activation;
#[cfg(feature = "candle")]
pub(super) use activation::LEAK;
pub(super) use attend::{Attention, AttentionPool};
pub(super) use embed::Embedding;
pub(super) use loss::{Goal, probabilities, total};
#[cfg(feature = "candle")]
pub(super) use pass::dropout_factors;
pub(super) use pass::{Applied, Input, Pass};
pub(super) use recurrent::{Cell, Recurrence};
pub(super) use window::Window;

use crate::ml::Seed;

/// More weights than this are refused: with an optimiser's figures they take gigabytes.
pub(super) const MOST_WEIGHTS: usize = 1 << 27;

/// More numbers a row, all operations together, are refused.
pub(super) const MOST_NUMBERS: usize = 1 << 24;

/// A network's operations, without its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Net {
    /// How many columns of numbers come in.
    pub(super) numbers: usize,
    /// The columns of categories that come in, behind the numbers.
    pub(super) embeddings: Vec<Embedding>,
    /// What is done, in order; the last makes the answers.
    pub(super) ops: Vec<Op>,
}

/// One operation on rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Op {
    /// Weighted sums of all numbers of a row.
    Dense {
        /// Numbers that come in.
        inputs: usize,
        /// Numbers that go out.
        outputs: usize,
        /// Whether a number is added to each sum.
        bias: bool,
    },
    /// Weighted sums of the numbers below a window, at each of its positions.
    Convolve {
        /// The window.
        window: Window,
        /// Channels that go out.
        outputs: usize,
        /// Whether a number is added to each sum.
        bias: bool,
    },
    /// The largest number below a window, at each of its positions, channel by channel.
    Pool(Window),
    /// Brings each channel to mean 0 and variance 1 over the rows of a batch, then scales and shifts it.
    BatchNorm {
        /// How many channels.
        channels: usize,
        /// How many positions a row has.
        positions: usize,
        /// The share of a new batch in the running figures.
        momentum: f32,
        /// What is added to the variance.
        eps: f32,
    },
    /// Brings each row to mean 0 and variance 1, then scales and shifts each number.
    LayerNorm {
        /// How many numbers a row has.
        width: usize,
        /// What is added to the variance.
        eps: f32,
    },
    /// Sets numbers to 0 by chance while training, and scales the others up.
    Dropout {
        /// How many numbers a row has.
        width: usize,
        /// The share that is set to 0.
        share: f32,
    },
    /// A function of each number.
    Activate {
        /// How many numbers a row has.
        width: usize,
        /// The function.
        activation: Activation,
    },
    /// Carries a state over the positions of a row.
    Recur(Recurrence),
    /// Lets every position of a row look at all.
    Attend(Attention),
    /// The mean over the positions of a row, weighed by a learnt look at each.
    AttentionPool(AttentionPool),
    /// Brings each position to mean 0 and variance 1, then scales and shifts each of its channels.
    PositionNorm {
        /// How many channels.
        channels: usize,
        /// How many positions a row has.
        positions: usize,
        /// What is added to the variance.
        eps: f32,
    },
    /// Adds a learnt number to each channel of each position.
    AddPositions {
        /// How many numbers a row has.
        width: usize,
    },
    /// Notes what comes in for the next [`Op::Join`] that has none yet, and lets it through.
    Fork {
        /// How many numbers a row has.
        width: usize,
    },
    /// Adds what the last open [`Op::Fork`] noted.
    Join {
        /// How many numbers a row has.
        width: usize,
    },
}

impl Op {
    /// Counts the numbers of a row that comes in; none if they are too many to count.
    pub(super) fn inputs(&self) -> Option<usize> {
        match self {
            Self::Dense { inputs, .. } => Some(*inputs),
            Self::Convolve { window, .. } | Self::Pool(window) => window.inputs(),
            Self::BatchNorm { channels, positions, .. }
            | Self::PositionNorm { channels, positions, .. } => channels.checked_mul(*positions),
            Self::Recur(recurrence) => recurrence.inputs(),
            Self::Attend(attention) => attention.width(),
            Self::AttentionPool(pool) => pool.inputs(),
            Self::LayerNorm { width, .. }
            | Self::Dropout { width, .. }
            | Self::Activate { width, .. }
            | Self::AddPositions { width }
            | Self::Fork { width }
            | Self::Join { width } => Some(*width),
        }
    }

    /// Counts the numbers of a row that goes out; none if they are too many to count.
    pub(super) fn outputs(&self) -> Option<usize> {
        match self {
            Self::Dense { outputs, .. } => Some(*outputs),
            Self::Convolve { window, outputs, .. } => window.positions()?.checked_mul(*outputs),
            Self::Pool(window) => window.positions()?.checked_mul(window.channels),
            Self::Recur(recurrence) => recurrence.outputs(),
            Self::AttentionPool(pool) => Some(pool.channels),
            other => other.inputs(),
        }
    }

    /// Counts the numbers of a row that are kept beside what goes out, where these are many.
    fn between(&self) -> Option<usize> {
        match self {
            Self::Recur(recurrence) => recurrence.between(),
            Self::Attend(attention) => attention.between(),
            _ => Some(0),
        }
    }

    /// Counts the weights; none if they are too many to count.
    pub(super) fn weights(&self) -> Option<usize> {
        let affine = |inputs: usize, outputs: usize, bias: bool| {
            inputs.checked_mul(outputs)?.checked_add(if bias { outputs } else { 0 })
        };
        match self {
            Self::Dense { inputs, outputs, bias } => affine(*inputs, *outputs, *bias),
            Self::Convolve { window, outputs, bias } => affine(window.patch()?, *outputs, *bias),
            Self::BatchNorm { channels: width, .. }
            | Self::PositionNorm { channels: width, .. }
            | Self::LayerNorm { width, .. } => width.checked_mul(2),
            Self::Recur(recurrence) => recurrence.weights(),
            Self::Attend(attention) => attention.weights(),
            Self::AttentionPool(pool) => Some(pool.channels),
            Self::AddPositions { width } => Some(*width),
            Self::Pool(_)
            | Self::Dropout { .. }
            | Self::Activate { .. }
            | Self::Fork { .. }
            | Self::Join { .. } => Some(0),
        }
    }

    /// Counts the running figures, which are learnt without slopes.
    fn figures(&self) -> usize {
        match self {
            Self::BatchNorm { channels, .. } => 2 * channels,
            _ => 0,
        }
    }

    /// Tells whether the sizes and settings make sense.
    fn is_sound(&self) -> bool {
        let fine = |eps: f32| eps.is_finite() && eps > 0.0;
        match self {
            Self::Dense { inputs, outputs, .. } => *inputs > 0 && *outputs > 0,
            Self::Convolve { window, outputs, .. } => window.is_sound() && *outputs > 0,
            Self::Pool(window) => window.is_sound() && window.is_unpadded(),
            Self::BatchNorm { channels, positions, momentum, eps } => {
                *channels > 0 && *positions > 0 && (0.0..=1.0).contains(momentum) && fine(*eps)
            }
            Self::LayerNorm { width, eps } => *width > 0 && fine(*eps),
            Self::Dropout { width, share } => *width > 0 && (0.0..1.0).contains(share),
            Self::PositionNorm { channels, positions, eps } => {
                *channels > 0 && *positions > 0 && fine(*eps)
            }
            Self::Recur(recurrence) => recurrence.is_sound(),
            Self::Attend(attention) => attention.is_sound(),
            Self::AttentionPool(pool) => pool.is_sound(),
            Self::Activate { width, .. }
            | Self::AddPositions { width }
            | Self::Fork { width }
            | Self::Join { width } => *width > 0,
        }
    }

    /// Draws the first weights, as PyTorch does by default: sums get weights and biases up to
    /// 1 / √(numbers summed) on both sides of 0, the gates of a state up to 1 / √(its size), norms
    /// leave their numbers as they are.
    fn draw(&self, generator: &mut Pcg64, weights: &mut [f32]) {
        match self {
            Self::Dense { inputs, .. } => uniform(generator, weights, root(*inputs)),
            Self::Convolve { window, .. } => {
                uniform(generator, weights, root(window.patch().unwrap_or(1)));
            }
            Self::Recur(recurrence) => uniform(generator, weights, root(recurrence.hidden)),
            Self::Attend(attention) => attention.draw(weights, |part, bound| {
                uniform(generator, part, bound);
            }),
            Self::AttentionPool(pool) => uniform(generator, weights, root(pool.channels)),
            // As far apart as vectors of positions are in BERT and ViT, whose deviation is 0.02.
            Self::AddPositions { .. } => uniform(generator, weights, 0.02 * 3.0_f32.sqrt()),
            Self::BatchNorm { .. } | Self::LayerNorm { .. } | Self::PositionNorm { .. } => {
                let half = weights.len() / 2;
                weights[..half].fill(1.0);
                weights[half..].fill(0.0);
            }
            Self::Pool(_)
            | Self::Dropout { .. }
            | Self::Activate { .. }
            | Self::Fork { .. }
            | Self::Join { .. } => {}
        }
    }
}

/// Gives 1 / √(numbers summed).
fn root(summed: usize) -> f32 {
    1.0 / (summed as f32).sqrt()
}

/// Draws weights up to a bound on both sides of 0.
fn uniform(generator: &mut Pcg64, weights: &mut [f32], bound: f32) {
    weights.iter_mut().for_each(|weight| *weight = bound * (2.0 * generator.random::<f32>() - 1.0));
}

impl Net {
    /// Counts the numbers of a row behind the embeddings; none if they are too many to count.
    pub(super) fn width(&self) -> Option<usize> {
        let dimensions = self.embeddings.iter().map(|embedding| embedding.dimension);
        dimensions.into_iter().try_fold(self.numbers, usize::checked_add)
    }

    /// Counts the answers for a row.
    pub(super) fn answers(&self) -> usize {
        self.ops.last().and_then(Op::outputs).unwrap_or(0)
    }

    /// Counts all weights; none if they are too many to count.
    pub(super) fn weights(&self) -> Option<usize> {
        let tables = self.embeddings.iter().map(Embedding::weights);
        let ops = self.ops.iter().map(Op::weights);
        tables.chain(ops).try_fold(0_usize, |sum, own| sum.checked_add(own?))
    }

    /// Counts all running figures.
    pub(super) fn figures(&self) -> usize {
        self.ops.iter().map(Op::figures).sum()
    }

    /// Counts the numbers that a row takes on its way; none if they are too many to count.
    pub(super) fn numbers_a_row(&self) -> Option<usize> {
        let all = |op: &Op| op.outputs()?.checked_add(op.between()?);
        self.ops.iter().map(all).try_fold(self.width()?, |sum, own| sum.checked_add(own?))
    }

    /// Tells whether a batch of one row can't be learnt from.
    pub(super) fn needs_two_rows(&self) -> bool {
        self.ops.iter().any(|op| matches!(op, Op::BatchNorm { positions: 1, .. }))
    }

    /// Tells whether the operations fit together, and take no more room than is allowed.
    pub(super) fn is_sound(&self) -> bool {
        let fits = |limit: usize, size: Option<usize>| size.is_some_and(|size| size <= limit);
        let mut width = self.width().filter(|width| *width > 0);
        let mut forks = Vec::new();
        for op in &self.ops {
            if width.is_none() || !op.is_sound() || op.inputs() != width {
                return false;
            }
            match op {
                Op::Fork { .. } => forks.push(width),
                Op::Join { .. } if forks.pop() != Some(width) => return false,
                _ => {}
            }
            width = op.outputs();
        }
        forks.is_empty()
            && matches!(self.ops.last(), Some(Op::Dense { .. }))
            && self.embeddings.iter().all(Embedding::is_sound)
            && fits(MOST_WEIGHTS, self.weights())
            && fits(MOST_NUMBERS, self.numbers_a_row())
    }

    /// Gives where the weights of each embedding lie, then those of each operation.
    pub(super) fn places(&self) -> (Vec<Range<usize>>, Vec<Range<usize>>) {
        let mut end = 0;
        let mut place = |count: Option<usize>| {
            let start = end;
            end += count.unwrap_or(0);
            start..end
        };
        let tables = self.embeddings.iter().map(|own| place(own.weights())).collect();
        (tables, self.ops.iter().map(|op| place(op.weights())).collect())
    }

    /// Gives for each [`Op::Join`] which operation is its [`Op::Fork`].
    pub(super) fn forks(&self) -> Vec<Option<usize>> {
        let mut open = Vec::new();
        let own = |(at, op): (usize, &Op)| match op {
            Op::Fork { .. } => {
                open.push(at);
                None
            }
            Op::Join { .. } => open.pop(),
            _ => None,
        };
        self.ops.iter().enumerate().map(own).collect()
    }

    /// Gives where the running figures of each operation lie.
    pub(super) fn figure_places(&self) -> Vec<Range<usize>> {
        let mut end = 0;
        let mut place = |count: usize| {
            end += count;
            end - count..end
        };
        self.ops.iter().map(|op| place(op.figures())).collect()
    }

    /// Draws the first weights.
    pub(super) fn draw(&self, seed: Seed) -> Vec<f32> {
        let mut weights = vec![0.0; self.weights().unwrap_or(0)];
        let (tables, ops) = self.places();
        for (number, (embedding, place)) in (0..).zip(self.embeddings.iter().zip(tables)) {
            embedding.draw(&mut seed.derive("embedding", number).generator(), &mut weights[place]);
        }
        for (number, (op, place)) in (0..).zip(self.ops.iter().zip(ops)) {
            op.draw(&mut seed.derive("weights", number).generator(), &mut weights[place]);
        }
        weights
    }

    /// Gives the first running figures: mean 0 and variance 1.
    pub(super) fn first_figures(&self) -> Vec<f32> {
        let mut figures = vec![0.0; self.figures()];
        for place in self.figure_places() {
            let middle = usize::midpoint(place.start, place.end);
            figures[middle..place.end].fill(1.0);
        }
        figures
    }
}
