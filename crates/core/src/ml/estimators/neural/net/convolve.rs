//! Convolution: each position's patch is laid out as a row, and then it is [`dense`].
//!
//! Rows are laid out some at a time, so that the patches of a large batch take little room.

use rayon::prelude::*;

use super::dense::Sums;
use super::window::Window;

/// So many numbers of patches are laid out at once.
const MOST_PATCHES: usize = 1 << 20;

/// So many numbers of patches are worth a thread.
const WORTH_A_THREAD: usize = 1 << 16;

/// A convolution and the room for its patches.
pub(super) struct Convolution<'a> {
    pub(super) window: &'a Window,
    pub(super) outputs: usize,
    pub(super) patches: &'a mut Vec<f32>,
}

/// The sizes of one row.
struct Sizes {
    inputs: usize,
    patches: usize,
    outputs: usize,
    at_once: usize,
}

impl Convolution<'_> {
    fn sizes(&self) -> Sizes {
        let positions = self.window.positions().unwrap_or(0);
        let patches = positions * self.window.patch().unwrap_or(0);
        Sizes {
            inputs: self.window.inputs().unwrap_or(0),
            patches,
            outputs: positions * self.outputs,
            at_once: (MOST_PATCHES / patches.max(1)).max(1),
        }
    }

    /// Computes the sums at each position.
    pub(super) fn forward(&mut self, input: &[f32], weights: &[f32], output: &mut [f32]) {
        let sizes = self.sizes();
        let parts = input.chunks(sizes.at_once * sizes.inputs);
        for (input, output) in parts.zip(output.chunks_mut(sizes.at_once * sizes.outputs)) {
            self.lay_out(input, &sizes);
            self.sums().forward(self.patches, weights, output);
        }
    }

    /// Computes the slopes of the weights, and those of what came in if they are wanted.
    pub(super) fn backward(
        &mut self,
        input: &[f32],
        weights: &[f32],
        slopes: &[f32],
        weight_slopes: &mut [f32],
        mut input_slopes: Option<&mut [f32]>,
    ) {
        let sizes = self.sizes();
        weight_slopes.fill(0.0);
        let rows = input.len() / sizes.inputs.max(1);
        for start in (0..rows).step_by(sizes.at_once) {
            let part = start..rows.min(start + sizes.at_once);
            let of = |width: usize| part.start * width..part.end * width;
            if rows > sizes.at_once {
                // What is left from the way forward belongs to the last rows alone.
                self.lay_out(&input[of(sizes.inputs)], &sizes);
            }
            let slopes = &slopes[of(sizes.outputs)];
            self.sums().add_weight_slopes(self.patches, slopes, weight_slopes);
            if let Some(input_slopes) = input_slopes.as_deref_mut() {
                self.sums().input_slopes(slopes, weights, self.patches);
                self.fold_back(&mut input_slopes[of(sizes.inputs)], &sizes);
            }
        }
    }

    fn sums(&self) -> Sums {
        Sums { inputs: self.window.patch().unwrap_or(0), outputs: self.outputs }
    }

    /// Lays out the patches of rows, one behind the other.
    fn lay_out(&mut self, input: &[f32], sizes: &Sizes) {
        let rows = input.len() / sizes.inputs.max(1);
        self.patches.resize(rows * sizes.patches, 0.0);
        let window = self.window;
        let lay = |(input, patches): (&[f32], &mut [f32])| {
            if !window.is_unpadded() {
                patches.fill(0.0);
            }
            window.each_line(|to, from, count| {
                patches[to..][..count].copy_from_slice(&input[from..][..count]);
            });
        };
        let least = (WORTH_A_THREAD / sizes.patches.max(1)).max(1);
        input
            .par_chunks(sizes.inputs)
            .zip(self.patches.par_chunks_mut(sizes.patches))
            .with_min_len(least)
            .for_each(lay);
    }

    /// Adds up the slopes of patches where they overlap.
    fn fold_back(&self, input_slopes: &mut [f32], sizes: &Sizes) {
        let window = self.window;
        let fold = |(slopes, patches): (&mut [f32], &[f32])| {
            slopes.fill(0.0);
            window.each_line(|from, to, count| {
                let sums = slopes[to..][..count].iter_mut();
                sums.zip(&patches[from..][..count]).for_each(|(sum, own)| *sum += own);
            });
        };
        let least = (WORTH_A_THREAD / sizes.patches.max(1)).max(1);
        input_slopes
            .par_chunks_mut(sizes.inputs)
            .zip(self.patches.par_chunks(sizes.patches))
            .with_min_len(least)
            .for_each(fold);
    }
}
