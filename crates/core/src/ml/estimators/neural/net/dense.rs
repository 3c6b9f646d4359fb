//! Weighted sums of rows: the way forward, and the slopes on the way back.
//!
//! The weights of one input lie side by side, the biases behind them all.

use super::multiply::{Matrix, Onto, multiply};

/// The sizes of sums.
#[derive(Clone, Copy)]
pub(super) struct Sums {
    /// How many numbers are summed.
    pub(super) inputs: usize,
    /// How many sums there are.
    pub(super) outputs: usize,
}

impl Sums {
    /// Computes the sums of each row.
    pub(super) fn forward(self, input: &[f32], weights: &[f32], output: &mut [f32]) {
        let (weights, biases) = weights.split_at(self.inputs * self.outputs);
        let onto = if biases.is_empty() {
            Onto::Nothing
        } else {
            output.chunks_exact_mut(self.outputs).for_each(|row| row.copy_from_slice(biases));
            Onto::Held
        };
        let weights = Matrix::new(weights, self.outputs);
        multiply(output, Matrix::new(input, self.inputs), weights, onto);
    }

    /// Computes the slopes of weights and biases.
    pub(super) fn weight_slopes(self, input: &[f32], slopes: &[f32], weight_slopes: &mut [f32]) {
        weight_slopes.fill(0.0);
        self.add_weight_slopes(input, slopes, weight_slopes);
    }

    /// Adds the slopes of weights and biases.
    pub(super) fn add_weight_slopes(
        self,
        input: &[f32],
        slopes: &[f32],
        weight_slopes: &mut [f32],
    ) {
        let (weights, biases) = weight_slopes.split_at_mut(self.inputs * self.outputs);
        let input = Matrix::new(input, self.inputs).turned();
        multiply(weights, input, Matrix::new(slopes, self.outputs), Onto::Held);
        if !biases.is_empty() {
            add_rows(slopes, biases);
        }
    }

    /// Computes the slopes of what came in.
    pub(super) fn input_slopes(self, slopes: &[f32], weights: &[f32], input_slopes: &mut [f32]) {
        let weights = Matrix::new(&weights[..self.inputs * self.outputs], self.outputs).turned();
        multiply(input_slopes, Matrix::new(slopes, self.outputs), weights, Onto::Nothing);
    }
}

/// Adds rows up, in their order.
fn add_rows(rows: &[f32], sums: &mut [f32]) {
    for row in rows.chunks_exact(sums.len()) {
        sums.iter_mut().zip(row).for_each(|(sum, own)| *sum += own);
    }
}
