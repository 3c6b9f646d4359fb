//! Optimisers: how weights follow their slopes, step by step, in PyTorch's formulas.

#![expect(
    clippy::inline_always,
    reason = "what isn't inlined isn't compiled for the machine's own vectors"
)]

use pulp::{Arch, Simd, WithSimd};

/// How weights follow their slopes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Rule {
    /// Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019).
    AdamW { beta_1: f64, beta_2: f64, epsilon: f64, weight_decay: f64 },
    /// Stochastic gradient descent, with momentum if it is above 0.
    Sgd { momentum: f64, dampening: f64, weight_decay: f64, nesterov: bool },
}

/// Bounds for slopes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Clipping {
    /// The longest that all slopes together may be.
    pub(super) norm: Option<f64>,
    /// The largest that one slope may be.
    pub(super) value: Option<f64>,
}

/// A rule and what it remembers of the steps before.
#[derive(Debug)]
pub(super) struct Optimizer {
    rule: Rule,
    steps: i32,
    /// The running mean of the slopes, or the momentum.
    first: Vec<f32>,
    /// The running mean of their squares.
    second: Vec<f32>,
}

impl Clipping {
    /// Bounds slopes.
    pub(super) fn clip(self, slopes: &mut [f32]) {
        if let Some(value) = self.value {
            let value = value as f32;
            slopes.iter_mut().for_each(|slope| *slope = slope.clamp(-value, value));
        }
        if let Some(limit) = self.norm {
            let norm = norm(slopes);
            // PyTorch divides by a little more, so that the norm is never above the limit.
            let factor = (limit / (norm + 1e-6)) as f32;
            if factor < 1.0 {
                slopes.iter_mut().for_each(|slope| *slope *= factor);
            }
        }
    }
}

/// Gives the length of all slopes together, added up in eight runs.
fn norm(slopes: &[f32]) -> f64 {
    let mut sums = [0.0_f64; 8];
    for part in slopes.chunks(8) {
        for (sum, slope) in sums.iter_mut().zip(part) {
            *sum += f64::from(*slope) * f64::from(*slope);
        }
    }
    sums.iter().sum::<f64>().sqrt()
}

impl Optimizer {
    /// Starts without memory.
    pub(super) fn new(rule: Rule, weights: usize) -> Self {
        let remembers = |does: bool| vec![0.0; if does { weights } else { 0 }];
        let (first, second) = match rule {
            Rule::AdamW { .. } => (true, true),
            Rule::Sgd { momentum, .. } => (momentum > 0.0, false),
        };
        Self { rule, steps: 0, first: remembers(first), second: remembers(second) }
    }

    /// Lets the weights follow their slopes one step.
    pub(super) fn step(&mut self, weights: &mut [f32], slopes: &[f32], rate: f64) {
        self.steps = self.steps.saturating_add(1);
        match self.rule {
            Rule::AdamW { beta_1, beta_2, epsilon, weight_decay } => {
                let correction = |beta: f64| 1.0 - beta.powi(self.steps);
                let step = Adam {
                    keep_first: 1.0 - beta_1,
                    beta_2,
                    rate: rate / correction(beta_1),
                    root: correction(beta_2).sqrt(),
                    epsilon,
                    shrink: 1.0 - rate * weight_decay,
                };
                let (first, second) = (&mut self.first[..], &mut self.second[..]);
                Arch::new().dispatch(AdamStep { step, weights, slopes, first, second });
            }
            Rule::Sgd { .. } => self.descend(weights, slopes, rate),
        }
    }

    fn descend(&mut self, weights: &mut [f32], slopes: &[f32], rate: f64) {
        let Rule::Sgd { momentum, dampening, weight_decay, nesterov } = self.rule else { return };
        let (rate, decay) = (rate as f32, weight_decay as f32);
        if self.first.is_empty() {
            for (weight, slope) in weights.iter_mut().zip(slopes) {
                *weight -= rate * (slope + decay * *weight);
            }
            return;
        }
        let keep = momentum as f32;
        // The first step has nothing to be dampened against.
        let add = if self.steps == 1 { 1.0 } else { (1.0 - dampening) as f32 };
        for ((weight, slope), first) in weights.iter_mut().zip(slopes).zip(&mut self.first) {
            let slope = slope + decay * *weight;
            *first = keep * *first + add * slope;
            *weight -= rate * if nesterov { slope + keep * *first } else { *first };
        }
    }
}

/// The numbers of one step of Adam.
#[derive(Clone, Copy)]
struct Adam {
    keep_first: f64,
    beta_2: f64,
    rate: f64,
    root: f64,
    epsilon: f64,
    shrink: f64,
}

/// One step of Adam over all weights.
struct AdamStep<'a> {
    step: Adam,
    weights: &'a mut [f32],
    slopes: &'a [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
}

impl WithSimd for AdamStep<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { step, weights, slopes, first, second } = self;
        let all = |number: f64| simd.splat_f32s(number as f32);
        let step = Splatted {
            keep: all(step.keep_first),
            beta: all(step.beta_2),
            new: all(1.0 - step.beta_2),
            rate: all(step.rate),
            root: all(1.0 / step.root),
            epsilon: all(step.epsilon),
            shrink: all(step.shrink),
        };
        let (weights, weights_end) = S::as_mut_simd_f32s(weights);
        let (slopes, slopes_end) = S::as_simd_f32s(slopes);
        let (first, first_end) = S::as_mut_simd_f32s(first);
        let (second, second_end) = S::as_mut_simd_f32s(second);
        let all = weights.iter_mut().zip(slopes).zip(first).zip(second);
        for (((weight, slope), first), second) in all {
            step.update(simd, *slope, (weight, first, second));
        }
        if !weights_end.is_empty() {
            let mut weight = simd.partial_load_f32s(weights_end);
            let mut first = simd.partial_load_f32s(first_end);
            let mut second = simd.partial_load_f32s(second_end);
            let slope = simd.partial_load_f32s(slopes_end);
            step.update(simd, slope, (&mut weight, &mut first, &mut second));
            simd.partial_store_f32s(weights_end, weight);
            simd.partial_store_f32s(first_end, first);
            simd.partial_store_f32s(second_end, second);
        }
    }
}

/// The numbers of one step of Adam, each in all lanes of a vector.
#[derive(Clone, Copy)]
struct Splatted<V> {
    keep: V,
    beta: V,
    new: V,
    rate: V,
    root: V,
    epsilon: V,
    shrink: V,
}

impl<V: Copy> Splatted<V> {
    /// Lets some weights follow their slopes. No closure: that would be called, an instruction at a
    /// time, instead of being laid into the loop.
    #[inline(always)]
    fn update<S: Simd<f32s = V>>(
        &self,
        simd: S,
        slope: V,
        (weight, first, second): (&mut V, &mut V, &mut V),
    ) {
        *first = simd.mul_add_f32s(self.keep, simd.sub_f32s(slope, *first), *first);
        let square = simd.mul_f32s(simd.mul_f32s(slope, slope), self.new);
        *second = simd.mul_add_f32s(self.beta, *second, square);
        let spread = simd.mul_add_f32s(simd.sqrt_f32s(*second), self.root, self.epsilon);
        let step = simd.mul_f32s(self.rate, simd.div_f32s(*first, spread));
        *weight = simd.sub_f32s(simd.mul_f32s(self.shrink, *weight), step);
    }
}
