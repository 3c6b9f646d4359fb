//! One batch on its way through a network and back, in buffers that are used again for the next.

use std::ops::Range;

use rand::RngExt;

use super::attend::Looked;
use super::convolve::Convolution;
use super::dense::Sums;
use super::loss::{self, Goal};
use super::normalise::{Norm, Normal};
use super::recurrent::Carried;
use super::{Net, Op, pool};
use crate::ml::Seed;

/// A network and what it has learnt.
#[derive(Clone, Copy)]
pub(in crate::ml::estimators::neural) struct Applied<'a> {
    pub(in crate::ml::estimators::neural) net: &'a Net,
    pub(in crate::ml::estimators::neural) weights: &'a [f32],
    pub(in crate::ml::estimators::neural) figures: &'a [f32],
}

/// Rows that come in: numbers row by row, and a code for each category.
#[derive(Clone, Copy, Debug)]
pub(in crate::ml::estimators::neural) struct Input<'a> {
    pub(in crate::ml::estimators::neural) rows: usize,
    pub(in crate::ml::estimators::neural) numbers: &'a [f32],
    pub(in crate::ml::estimators::neural) codes: &'a [u32],
}

/// The buffers of a batch.
#[derive(Default)]
pub(in crate::ml::estimators::neural) struct Pass {
    /// What comes in, then what each operation gives.
    values: Vec<Vec<f32>>,
    /// What each operation keeps for the way back.
    kept: Vec<Kept>,
    /// The slopes of what an operation gave.
    slopes: Vec<f32>,
    /// The slopes of what came into it.
    spare: Vec<f32>,
    /// The slopes that wait at a join for the way back to reach its fork.
    waiting: Vec<Vec<f32>>,
}

/// What one operation keeps for the way back.
#[derive(Default)]
struct Kept {
    /// The patches of a convolution, the factors of a dropout, or the shares of a pool.
    numbers: Vec<f32>,
    places: Vec<u32>,
    normal: Normal,
    carried: Carried,
    looked: Looked,
}

impl Pass {
    /// Computes the answers for rows as a fitted network gives them.
    pub(in crate::ml::estimators::neural) fn apply(
        &mut self,
        applied: Applied<'_>,
        input: Input<'_>,
    ) -> &[f32] {
        let Applied { net, weights, figures } = applied;
        self.enter(net, weights, input);
        let (_, places) = net.places();
        let (figure_places, forks) = (net.figure_places(), net.forks());
        for (at, op) in net.ops.iter().enumerate() {
            let (before, after) = self.values.split_at_mut(at + 1);
            let (earlier, from) = before.split_at_mut(at);
            let (Some(from), Some(to)) = (from.first_mut(), after.first_mut()) else { break };
            let own = &weights[places[at].clone()];
            match op {
                Op::Dropout { .. } => std::mem::swap(from, to),
                Op::Join { .. } => join(from, forks[at].map(|fork| &*earlier[fork]), to),
                Op::BatchNorm { eps, .. } => {
                    to.resize(from.len(), 0.0);
                    let figures = &figures[figure_places[at].clone()];
                    Norm { weights: own, eps: *eps }.by_figures(from, to, figures);
                }
                other => forward(other, own, from, to, &mut self.kept[at]),
            }
        }
        self.answers()
    }

    /// Computes the answers for rows that are learnt from; running figures follow.
    pub(in crate::ml::estimators::neural) fn learn(
        &mut self,
        net: &Net,
        (weights, figures): (&[f32], &mut [f32]),
        input: Input<'_>,
        seed: Seed,
    ) {
        self.enter(net, weights, input);
        let (_, places) = net.places();
        let (figure_places, forks) = (net.figure_places(), net.forks());
        for (number, (at, op)) in (0..).zip(net.ops.iter().enumerate()) {
            let (before, after) = self.values.split_at_mut(at + 1);
            let (Some(from), Some(to)) = (before.last(), after.first_mut()) else { break };
            let own = &weights[places[at].clone()];
            let kept = &mut self.kept[at];
            match op {
                Op::Join { .. } => join(from, forks[at].map(|fork| &*before[fork]), to),
                Op::Dropout { share, .. } => {
                    let factors = &mut kept.numbers;
                    dropout_factors(*share, from.len(), seed.derive("dropout", number), factors);
                    to.clear();
                    to.extend(from.iter().zip(&*factors).map(|(x, factor)| x * factor));
                }
                Op::BatchNorm { eps, momentum, .. } => {
                    to.resize(from.len(), 0.0);
                    let figures = &mut figures[figure_places[at].clone()];
                    let norm = Norm { weights: own, eps: *eps };
                    norm.batch(from, to, &mut kept.normal, (figures, *momentum));
                }
                other => forward(other, own, from, to, kept),
            }
        }
    }

    /// Computes the sum of the losses, and from it the slopes of all weights, times `share`.
    pub(in crate::ml::estimators::neural) fn back(
        &mut self,
        net: &Net,
        weights: &[f32],
        codes: &[u32],
        (goal, row_weights, share): (Goal<'_>, Option<&[f32]>, f32),
        weight_slopes: &mut [f32],
    ) -> f64 {
        self.slopes.resize(self.answers().len(), 0.0);
        let answers = self.values.last().map_or(&[][..], Vec::as_slice);
        let total = loss::slopes(answers, goal, row_weights, share, &mut self.slopes);
        let (tables, places) = net.places();
        // Slopes of the columns themselves are not asked for, those of embeddings are.
        let first = if net.embeddings.is_empty() {
            net.ops.iter().position(|op| op.weights() != Some(0)).unwrap_or(0)
        } else {
            0
        };
        self.waiting.clear();
        for at in (first..net.ops.len()).rev() {
            let wanted = at > first || !net.embeddings.is_empty();
            let own = (&weights[places[at].clone()], &mut weight_slopes[places[at].clone()]);
            self.back_through(&net.ops[at], at, own, wanted);
        }
        self.back_to_tables(net, codes, &tables, weight_slopes);
        total
    }

    /// Gives the answers for the last rows.
    pub(in crate::ml::estimators::neural) fn answers(&self) -> &[f32] {
        self.values.last().map_or(&[], Vec::as_slice)
    }

    /// Puts rows in front of the first operation: the numbers, then the embeddings.
    fn enter(&mut self, net: &Net, weights: &[f32], input: Input<'_>) {
        self.values.resize_with(net.ops.len() + 1, Vec::new);
        self.kept.resize_with(net.ops.len(), Kept::default);
        let Some(first) = self.values.first_mut() else { return };
        if net.embeddings.is_empty() {
            first.clear();
            return first.extend_from_slice(input.numbers);
        }
        let (tables, _) = net.places();
        let columns = net.embeddings.len();
        first.clear();
        for (row, codes) in (0..input.rows).zip(input.codes.chunks_exact(columns)) {
            first.extend_from_slice(&input.numbers[row * net.numbers..][..net.numbers]);
            for ((embedding, place), code) in net.embeddings.iter().zip(&tables).zip(codes) {
                first.extend_from_slice(embedding.look_up(&weights[place.clone()], *code));
            }
        }
    }

    /// Turns the slopes of what an operation gave into those of its weights and of what came in.
    fn back_through(
        &mut self,
        op: &Op,
        at: usize,
        (weights, weight_slopes): (&[f32], &mut [f32]),
        wanted: bool,
    ) {
        let (input, output) = (&self.values[at], &self.values[at + 1]);
        let (slopes, spare, kept) = (&mut self.slopes, &mut self.spare, &mut self.kept[at]);
        match op {
            Op::Dense { inputs, outputs, .. } => {
                let sums = Sums { inputs: *inputs, outputs: *outputs };
                sums.weight_slopes(input, slopes, weight_slopes);
                if wanted {
                    spare.resize(input.len(), 0.0);
                    sums.input_slopes(slopes, weights, spare);
                    std::mem::swap(slopes, spare);
                }
            }
            Op::Convolve { window, outputs, .. } => {
                let patches = &mut kept.numbers;
                let mut convolution = Convolution { window, outputs: *outputs, patches };
                spare.resize(input.len(), 0.0);
                let input_slopes = wanted.then_some(&mut spare[..]);
                convolution.backward(input, weights, slopes, weight_slopes, input_slopes);
                std::mem::swap(slopes, spare);
            }
            Op::Pool(window) => {
                spare.resize(input.len(), 0.0);
                let (inputs, outputs) = (window.inputs().unwrap_or(1), op.outputs().unwrap_or(1));
                let rows = slopes.chunks_exact(outputs).zip(kept.places.chunks_exact(outputs));
                for (input_slopes, (slopes, places)) in spare.chunks_exact_mut(inputs).zip(rows) {
                    pool::backward(places, slopes, input_slopes);
                }
                std::mem::swap(slopes, spare);
            }
            Op::BatchNorm { eps, .. } => {
                Norm { weights, eps: *eps }.batch_back(&kept.normal, slopes, weight_slopes);
            }
            Op::LayerNorm { eps, .. } => {
                Norm { weights, eps: *eps }.layer_back(&kept.normal, slopes, weight_slopes);
            }
            Op::Dropout { .. } => {
                slopes.iter_mut().zip(&kept.numbers).for_each(|(slope, factor)| *slope *= factor);
            }
            Op::Activate { activation, .. } => activation.backward(input, output, slopes),
            Op::Recur(recurrence) => {
                spare.resize(input.len(), 0.0);
                let input_slopes = wanted.then_some(&mut spare[..]);
                let carried = &mut kept.carried;
                recurrence.backward(weights, slopes, weight_slopes, input_slopes, carried);
                std::mem::swap(slopes, spare);
            }
            Op::Attend(attention) => {
                spare.resize(input.len(), 0.0);
                let given = (&input[..], weights);
                attention.backward(given, slopes, weight_slopes, spare, &mut kept.looked);
                std::mem::swap(slopes, spare);
            }
            Op::AttentionPool(pool) => {
                spare.resize(input.len(), 0.0);
                pool.backward((input, weights), slopes, weight_slopes, spare, &kept.numbers);
                std::mem::swap(slopes, spare);
            }
            Op::PositionNorm { eps, .. } => {
                Norm { weights, eps: *eps }.layer_back(&kept.normal, slopes, weight_slopes);
            }
            Op::AddPositions { width } => {
                weight_slopes.fill(0.0);
                for row in slopes.chunks_exact(*width) {
                    weight_slopes.iter_mut().zip(row).for_each(|(sum, own)| *sum += own);
                }
            }
            Op::Join { .. } => self.waiting.push(slopes.clone()),
            Op::Fork { .. } => {
                let others = self.waiting.pop().unwrap_or_default();
                slopes.iter_mut().zip(&others).for_each(|(slope, other)| *slope += other);
            }
        }
    }

    /// Adds the slopes of embeddings to the rows of their tables, row by row.
    fn back_to_tables(
        &self,
        net: &Net,
        codes: &[u32],
        tables: &[Range<usize>],
        weight_slopes: &mut [f32],
    ) {
        let (Some(width), false) = (net.width(), net.embeddings.is_empty()) else { return };
        for table in tables {
            weight_slopes[table.clone()].fill(0.0);
        }
        let rows = self.slopes.chunks_exact(width).zip(codes.chunks_exact(net.embeddings.len()));
        for (slopes, codes) in rows {
            let mut start = net.numbers;
            for ((embedding, table), code) in net.embeddings.iter().zip(tables).zip(codes) {
                let first = table.start + embedding.row(*code) * embedding.dimension;
                let sums = weight_slopes[first..][..embedding.dimension].iter_mut();
                sums.zip(&slopes[start..]).for_each(|(sum, slope)| *sum += slope);
                start += embedding.dimension;
            }
        }
    }
}

/// Computes what an operation gives that works alike while learning and afterwards.
fn forward(op: &Op, weights: &[f32], from: &[f32], to: &mut Vec<f32>, kept: &mut Kept) {
    let rows = from.len() / op.inputs().unwrap_or(1).max(1);
    to.resize(rows * op.outputs().unwrap_or(0), 0.0);
    match op {
        Op::Dense { inputs, outputs, .. } => {
            Sums { inputs: *inputs, outputs: *outputs }.forward(from, weights, to);
        }
        Op::Convolve { window, outputs, .. } => {
            let patches = &mut kept.numbers;
            Convolution { window, outputs: *outputs, patches }.forward(from, weights, to);
        }
        Op::Pool(window) => {
            kept.places.resize(to.len(), 0);
            let (inputs, outputs) = (window.inputs().unwrap_or(1), op.outputs().unwrap_or(1));
            let rows = to.chunks_exact_mut(outputs).zip(kept.places.chunks_exact_mut(outputs));
            for (from, (to, places)) in from.chunks_exact(inputs).zip(rows) {
                pool::forward(window, from, to, places);
            }
        }
        Op::LayerNorm { eps, .. } => {
            Norm { weights, eps: *eps }.layer(from, to, &mut kept.normal);
        }
        Op::Activate { activation, .. } => activation.forward(from, to),
        Op::Recur(recurrence) => recurrence.forward(from, weights, to, &mut kept.carried),
        Op::Attend(attention) => attention.forward(from, weights, to, &mut kept.looked),
        Op::AttentionPool(pool) => pool.forward(from, weights, to, &mut kept.numbers),
        Op::PositionNorm { eps, .. } => {
            Norm { weights, eps: *eps }.layer(from, to, &mut kept.normal);
        }
        Op::AddPositions { width } => {
            let rows = from.chunks_exact(*width).zip(to.chunks_exact_mut(*width));
            for (from, to) in rows {
                to.iter_mut()
                    .zip(from.iter().zip(weights))
                    .for_each(|(to, (x, own))| *to = x + own);
            }
        }
        Op::Fork { .. } => to.copy_from_slice(from),
        // These work unlike while learning and afterwards, or need more, and are computed there.
        Op::BatchNorm { .. } | Op::Dropout { .. } | Op::Join { .. } => {}
    }
}

/// Adds what a fork noted.
fn join(from: &[f32], noted: Option<&[f32]>, to: &mut Vec<f32>) {
    to.clear();
    to.extend(from.iter().zip(noted.unwrap_or_default()).map(|(x, own)| x + own));
}

/// Draws what each number is multiplied with, so that some are set to 0 by chance and the mean stays.
pub(in crate::ml::estimators::neural) fn dropout_factors(
    share: f32,
    count: usize,
    seed: Seed,
    factors: &mut Vec<f32>,
) {
    let mut generator = seed.generator();
    let kept = 1.0 / (1.0 - share);
    // A draw of 32 bits against the share of all such draws.
    let limit = (f64::from(share) * 4_294_967_296.0) as u64;
    factors.clear();
    while factors.len() < count {
        let draw: u64 = generator.random();
        for half in [draw & 0xffff_ffff, draw >> 32] {
            factors.push(if half < limit { 0.0 } else { kept });
        }
    }
    factors.truncate(count);
}
