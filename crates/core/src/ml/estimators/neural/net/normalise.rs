//! Batch and layer normalisation: mean 0 and variance 1, then a scale and a shift that are learnt.

use super::math::wide;

/// The settings and the weights of a normalisation: scales first, then shifts.
#[derive(Clone, Copy)]
pub(super) struct Norm<'a> {
    pub(super) weights: &'a [f32],
    pub(super) eps: f32,
}

/// What the way back needs: the normalised numbers, and 1 / standard deviation of each group.
#[derive(Default)]
pub(super) struct Normal {
    numbers: Vec<f32>,
    inverse: Vec<f32>,
}

impl Norm<'_> {
    fn halves(&self) -> (&[f32], &[f32]) {
        self.weights.split_at(self.weights.len() / 2)
    }

    fn inverse(&self, variance: f64) -> f32 {
        (1.0 / (variance + f64::from(self.eps)).sqrt()) as f32
    }

    /// Normalises each channel over all positions of a batch, and lets the running figures follow.
    pub(super) fn batch(
        &self,
        input: &[f32],
        output: &mut [f32],
        normal: &mut Normal,
        (figures, momentum): (&mut [f32], f32),
    ) {
        let (scales, shifts) = self.halves();
        let channels = scales.len();
        let count = (input.len() / channels) as f64;
        let means = column_sums(input, channels, |sum, x, _| *sum += x);
        let means: Vec<f64> = means.iter().map(|sum| sum / count).collect();
        let squares =
            column_sums(input, channels, |sum, x, at| *sum += (x - means[at]) * (x - means[at]));
        let (running_means, running_variances) = figures.split_at_mut(channels);
        let follow = |own: &mut f32, new: f64| {
            *own = f64::from(momentum).mul_add(new - f64::from(*own), f64::from(*own)) as f32;
        };
        for at in 0..channels {
            follow(&mut running_means[at], means[at]);
            // As PyTorch does, the running variance is that of the population behind the batch.
            follow(&mut running_variances[at], squares[at] / (count - 1.0).max(1.0));
        }
        normal.inverse.clear();
        normal.inverse.extend(squares.iter().map(|sum| self.inverse(sum / count)));
        normal.numbers.resize(input.len(), 0.0);
        let means: Vec<f32> = means.iter().map(|mean| *mean as f32).collect();
        let rows = input.chunks_exact(channels).zip(output.chunks_exact_mut(channels));
        for ((input, output), numbers) in rows.zip(normal.numbers.chunks_exact_mut(channels)) {
            wide(
                #[inline(always)]
                || {
                    for at in 0..channels {
                        numbers[at] = (input[at] - means[at]) * normal.inverse[at];
                        output[at] = numbers[at].mul_add(scales[at], shifts[at]);
                    }
                },
            );
        }
    }

    /// Normalises each channel by the running figures.
    pub(super) fn by_figures(&self, input: &[f32], output: &mut [f32], figures: &[f32]) {
        let (scales, shifts) = self.halves();
        let channels = scales.len();
        let (means, variances) = figures.split_at(channels);
        let factors: Vec<f32> = variances
            .iter()
            .zip(scales)
            .map(|(variance, scale)| self.inverse(f64::from(*variance)) * scale)
            .collect();
        for (input, output) in input.chunks_exact(channels).zip(output.chunks_exact_mut(channels)) {
            wide(
                #[inline(always)]
                || {
                    for at in 0..channels {
                        output[at] = (input[at] - means[at]).mul_add(factors[at], shifts[at]);
                    }
                },
            );
        }
    }

    /// Turns slopes behind a batch normalisation into those before it.
    pub(super) fn batch_back(
        &self,
        normal: &Normal,
        slopes: &mut [f32],
        weight_slopes: &mut [f32],
    ) {
        let (scales, _) = self.halves();
        let channels = scales.len();
        let count = (slopes.len() / channels) as f64;
        let shifts = column_sums(slopes, channels, |sum, slope, _| *sum += slope);
        let mut tilts = vec![0.0; channels];
        for (slopes, numbers) in
            slopes.chunks_exact(channels).zip(normal.numbers.chunks_exact(channels))
        {
            for at in 0..channels {
                tilts[at] += f64::from(slopes[at]) * f64::from(numbers[at]);
            }
        }
        let (scale_slopes, shift_slopes) = weight_slopes.split_at_mut(channels);
        for at in 0..channels {
            (scale_slopes[at], shift_slopes[at]) = (tilts[at] as f32, shifts[at] as f32);
        }
        let shift: Vec<f32> = shifts.iter().map(|sum| (sum / count) as f32).collect();
        let tilt: Vec<f32> = tilts.iter().map(|sum| (sum / count) as f32).collect();
        let rows = slopes.chunks_exact_mut(channels).zip(normal.numbers.chunks_exact(channels));
        for (slopes, numbers) in rows {
            for at in 0..channels {
                let own = slopes[at] - shift[at] - numbers[at] * tilt[at];
                slopes[at] = own * scales[at] * normal.inverse[at];
            }
        }
    }

    /// Normalises each row.
    pub(super) fn layer(&self, input: &[f32], output: &mut [f32], normal: &mut Normal) {
        let (scales, shifts) = self.halves();
        let width = scales.len();
        normal.numbers.resize(input.len(), 0.0);
        normal.inverse.clear();
        let rows = input.chunks_exact(width).zip(output.chunks_exact_mut(width));
        for ((input, output), numbers) in rows.zip(normal.numbers.chunks_exact_mut(width)) {
            let count = width as f64;
            let mean = input.iter().map(|x| f64::from(*x)).sum::<f64>() / count;
            let square = |x: &f32| (f64::from(*x) - mean) * (f64::from(*x) - mean);
            let inverse = self.inverse(input.iter().map(square).sum::<f64>() / count);
            wide(
                #[inline(always)]
                || {
                    for at in 0..width {
                        numbers[at] = (input[at] - mean as f32) * inverse;
                        output[at] = numbers[at].mul_add(scales[at], shifts[at]);
                    }
                },
            );
            normal.inverse.push(inverse);
        }
    }

    /// Turns slopes behind a layer normalisation into those before it.
    pub(super) fn layer_back(
        &self,
        normal: &Normal,
        slopes: &mut [f32],
        weight_slopes: &mut [f32],
    ) {
        let (scales, _) = self.halves();
        let width = scales.len();
        weight_slopes.fill(0.0);
        let (scale_slopes, shift_slopes) = weight_slopes.split_at_mut(width);
        let rows = slopes.chunks_exact_mut(width).zip(normal.numbers.chunks_exact(width));
        for ((slopes, numbers), inverse) in rows.zip(&normal.inverse) {
            let (mut shift, mut tilt) = (0.0, 0.0);
            for at in 0..width {
                scale_slopes[at] += slopes[at] * numbers[at];
                shift_slopes[at] += slopes[at];
                slopes[at] *= scales[at];
                shift += f64::from(slopes[at]);
                tilt += f64::from(slopes[at]) * f64::from(numbers[at]);
            }
            let (shift, tilt) = ((shift / width as f64) as f32, (tilt / width as f64) as f32);
            for (slope, number) in slopes.iter_mut().zip(numbers) {
                *slope = (*slope - shift - number * tilt) * inverse;
            }
        }
    }
}

/// Adds something up over rows, column by column.
fn column_sums(rows: &[f32], columns: usize, add: impl Fn(&mut f64, f64, usize)) -> Vec<f64> {
    let mut sums = vec![0.0; columns];
    for row in rows.chunks_exact(columns) {
        for (at, (sum, x)) in sums.iter_mut().zip(row).enumerate() {
            add(sum, f64::from(*x), at);
        }
    }
    sums
}
