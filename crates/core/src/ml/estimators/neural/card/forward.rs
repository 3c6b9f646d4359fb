//! The way of rows through a network, in operations that have slopes.

use candle_core::{DType, Device, Result, Tensor};

use super::super::net::{
    Activation, Attention, AttentionPool, Cell, Input, LEAK, Net, Op, Recurrence, Window,
    dropout_factors,
};
use crate::ml::Seed;

/// The weights of a network, part by part.
pub(super) struct Weights {
    /// The table of each embedding.
    pub(super) tables: Vec<Tensor>,
    /// The weights of each operation that has some.
    pub(super) ops: Vec<Option<Tensor>>,
}

/// What the way forward needs.
pub(super) struct Forward<'a> {
    pub(super) net: &'a Net,
    pub(super) device: &'a Device,
    pub(super) weights: &'a Weights,
    pub(super) figures: &'a [Option<Tensor>],
}

/// The numbers of one operation on its way.
struct Step<'a> {
    from: &'a Tensor,
    weights: Option<&'a Tensor>,
    figures: Option<&'a Tensor>,
}

impl Forward<'_> {
    /// Computes the answers for rows as a fitted network gives them.
    pub(super) fn apply(&self, input: Input<'_>) -> Result<Tensor> {
        let (mut values, mut forks) = (self.enter(input)?, Vec::new());
        for (at, op) in self.net.ops.iter().enumerate() {
            let step = self.at(at, &values);
            values = match op {
                Op::Dropout { .. } => continue,
                Op::Fork { .. } => fork(&values, &mut forks),
                Op::Join { .. } => join(&values, &mut forks)?,
                Op::BatchNorm { channels, eps, .. } => step.by_figures(*channels, *eps)?,
                other => step.alike(other)?,
            };
        }
        Ok(values)
    }

    /// Computes the answers for rows that are learnt from, and the running figures behind them.
    pub(super) fn learn(
        &self,
        input: Input<'_>,
        seed: Seed,
    ) -> Result<(Tensor, Vec<Option<Tensor>>)> {
        let (mut values, mut forks) = (self.enter(input)?, Vec::new());
        let mut figures = self.figures.to_vec();
        for (number, (at, op)) in (0..).zip(self.net.ops.iter().enumerate()) {
            let step = self.at(at, &values);
            values = match op {
                Op::Fork { .. } => fork(&values, &mut forks),
                Op::Join { .. } => join(&values, &mut forks)?,
                Op::Dropout { width, share } => {
                    let (mut factors, seed) = (Vec::new(), seed.derive("dropout", number));
                    dropout_factors(*share, input.rows * width, seed, &mut factors);
                    (&values * Tensor::from_vec(factors, (input.rows, *width), self.device)?)?
                }
                Op::BatchNorm { channels, eps, momentum, .. } => {
                    let (normal, followed) = step.by_batch(*channels, *eps, *momentum)?;
                    figures[at] = followed;
                    normal
                }
                other => step.alike(other)?,
            };
        }
        Ok((values, figures))
    }

    fn at<'a>(&'a self, at: usize, from: &'a Tensor) -> Step<'a> {
        let weights = self.weights.ops.get(at).and_then(Option::as_ref);
        let figures = self.figures.get(at).and_then(Option::as_ref);
        Step { from, weights, figures }
    }

    /// Puts rows in front of the first operation: the numbers, then the embeddings.
    fn enter(&self, input: Input<'_>) -> Result<Tensor> {
        let mut parts = Vec::new();
        if self.net.numbers > 0 {
            let shape = (input.rows, self.net.numbers);
            parts.push(Tensor::from_slice(input.numbers, shape, self.device)?);
        }
        let columns = self.net.embeddings.len();
        for (column, embedding) in self.net.embeddings.iter().enumerate() {
            let codes = input.codes.iter().skip(column).step_by(columns);
            let rows: Vec<u32> = codes.map(|code| embedding.row(*code) as u32).collect();
            let rows = Tensor::from_vec(rows, input.rows, self.device)?;
            let table = self.weights.tables[column].reshape(((), embedding.dimension))?;
            parts.push(table.index_select(&rows, 0)?);
        }
        Tensor::cat(&parts, 1)
    }
}

impl Step<'_> {
    fn weights(&self) -> Result<&Tensor> {
        self.weights.ok_or_else(|| candle_core::Error::Msg("an operation has no weights".into()))
    }

    /// Computes what an operation gives that works alike while learning and afterwards.
    fn alike(&self, op: &Op) -> Result<Tensor> {
        let from = self.from;
        let rows = from.dim(0)?;
        match op {
            Op::Dense { inputs, outputs, .. } => sums(from, self.weights()?, (*inputs, *outputs)),
            Op::Convolve { window, outputs, .. } => {
                let patch = window.patch().unwrap_or(0);
                let patches = patches(from, window)?.reshape(((), patch))?;
                sums(&patches, self.weights()?, (patch, *outputs))?.reshape((rows, ()))
            }
            Op::Pool(window) => {
                let size = window.kernel[0] * window.kernel[1];
                let patches = patches(from, window)?.reshape(((), size, window.channels))?;
                // The largest number is looked up, so that its slope goes to one place alone.
                let largest = patches.detach().argmax_keepdim(1)?;
                patches.gather(&largest, 1)?.reshape((rows, ()))
            }
            Op::LayerNorm { eps, .. } => scaled(&normal(from, 1, *eps)?.0, self.weights()?),
            Op::Activate { activation, .. } => activate(*activation, from),
            Op::Attend(attention) => attend(from, self.weights()?, attention),
            Op::AttentionPool(pool) => attention_pool(from, self.weights()?, pool),
            Op::PositionNorm { channels, eps, .. } => {
                let values = from.reshape(((), *channels))?;
                scaled(&normal(&values, 1, *eps)?.0, self.weights()?)?.reshape((rows, ()))
            }
            Op::AddPositions { .. } => from.broadcast_add(self.weights()?),
            Op::Recur(recurrence) => recur(from, self.weights()?, recurrence),
            // These work unlike while learning and afterwards, or need more, and are computed there.
            Op::BatchNorm { .. } | Op::Dropout { .. } | Op::Fork { .. } | Op::Join { .. } => {
                Ok(from.clone())
            }
        }
    }

    /// Normalises each channel by the running figures.
    fn by_figures(&self, channels: usize, eps: f32) -> Result<Tensor> {
        let figures =
            self.figures.ok_or_else(|| candle_core::Error::Msg("a norm has no figures".into()))?;
        let (means, variances) =
            (figures.narrow(0, 0, channels)?, figures.narrow(0, channels, channels)?);
        let centred = self.from.reshape(((), channels))?.broadcast_sub(&means)?;
        let normal = centred.broadcast_div(&variances.affine(1.0, f64::from(eps))?.sqrt()?)?;
        scaled(&normal, self.weights()?)?.reshape(self.from.dims())
    }

    /// Normalises each channel over all positions of a batch; gives the running figures, which follow.
    fn by_batch(
        &self,
        channels: usize,
        eps: f32,
        momentum: f32,
    ) -> Result<(Tensor, Option<Tensor>)> {
        let values = self.from.reshape(((), channels))?;
        let (normal, [mean, variance]) = normal(&values, 0, eps)?;
        let count = values.dim(0)? as f64;
        // As PyTorch does, the running variance is that of the population behind the batch.
        let variance = variance.affine(count / (count - 1.0).max(1.0), 0.0)?;
        let new = Tensor::cat(&[mean, variance], 1)?.flatten_all()?.detach();
        let follow = |own: &Tensor| {
            let momentum = f64::from(momentum);
            own.affine(1.0 - momentum, 0.0)? + new.affine(momentum, 0.0)?
        };
        let figures = self.figures.map(follow).transpose()?;
        Ok((scaled(&normal, self.weights()?)?.reshape(self.from.dims())?, figures))
    }
}

/// Computes weighted sums of each row: the weights of one input lie side by side, the numbers that are
/// added behind them all.
fn sums(from: &Tensor, weights: &Tensor, (inputs, outputs): (usize, usize)) -> Result<Tensor> {
    let matrix = weights.narrow(0, 0, inputs * outputs)?.reshape((inputs, outputs))?;
    let sums = from.matmul(&matrix)?;
    if weights.dim(0)? == inputs * outputs {
        return Ok(sums);
    }
    sums.broadcast_add(&weights.narrow(0, inputs * outputs, outputs)?)
}

/// Notes what comes in, and lets it through.
fn fork(values: &Tensor, forks: &mut Vec<Tensor>) -> Tensor {
    forks.push(values.clone());
    values.clone()
}

/// Adds what the last open fork noted.
fn join(values: &Tensor, forks: &mut Vec<Tensor>) -> Result<Tensor> {
    let none = || candle_core::Error::Msg("a join has no fork".into());
    values + forks.pop().ok_or_else(none)?
}

/// Carries states over the positions of each row.
fn recur(from: &Tensor, weights: &Tensor, recurrence: &Recurrence) -> Result<Tensor> {
    let Recurrence { length, hidden, both_ways, whole, .. } = *recurrence;
    let ways = if both_ways { 2 } else { 1 };
    let own = weights.dim(0)? / ways;
    let mut given = Vec::with_capacity(ways);
    for way in 0..ways {
        let mut states = carry(from, &weights.narrow(0, way * own, own)?, recurrence, way == 1)?;
        given.push(if !whole {
            states.pop().ok_or_else(|| candle_core::Error::Msg("there is no position".into()))?
        } else {
            if way == 1 {
                states.reverse();
            }
            Tensor::stack(&states, 1)?.reshape(((), length, hidden))?
        });
    }
    Tensor::cat(&given, given[0].rank() - 1)?.reshape((from.dim(0)?, ()))
}

/// Gives the state behind each step of one direction.
fn carry(
    from: &Tensor,
    weights: &Tensor,
    recurrence: &Recurrence,
    backwards: bool,
) -> Result<Vec<Tensor>> {
    let Recurrence { cell, channels, length, hidden, .. } = *recurrence;
    let rows = from.dim(0)?;
    let gates = match cell {
        Cell::Lstm => 4 * hidden,
        Cell::Gru => 3 * hidden,
    };
    let first = (channels + 1) * gates;
    let of_state = weights.narrow(0, first, weights.dim(0)? - first)?;
    let laid =
        sums(&from.reshape(((), channels))?, &weights.narrow(0, 0, first)?, (channels, gates))?;
    let laid = laid.reshape((rows, length, gates))?;
    let zeros = || Tensor::zeros((rows, hidden), DType::F32, from.device());
    let (mut state, mut memory) = (zeros()?, zeros()?);
    let mut states = Vec::with_capacity(length);
    for step in 0..length {
        let position = if backwards { length - 1 - step } else { step };
        let given = laid.narrow(1, position, 1)?.squeeze(1)?;
        let added = sums(&state, &of_state, (hidden, gates))?;
        let part = |of: &Tensor, gate: usize| of.narrow(1, gate * hidden, hidden);
        state = match cell {
            Cell::Lstm => {
                let all = (given + added)?;
                let gate = |gate: usize| sigmoid(&part(&all, gate)?);
                let kept = (gate(1)? * &memory)?;
                memory = (kept + (gate(0)? * part(&all, 2)?.tanh()?)?)?;
                (gate(3)? * memory.tanh()?)?
            }
            Cell::Gru => {
                let gate = |gate: usize| sigmoid(&(part(&given, gate)? + part(&added, gate)?)?);
                let candidate = (part(&given, 2)? + (gate(0)? * part(&added, 2)?)?)?.tanh()?;
                (&candidate + (gate(1)? * (&state - &candidate)?)?)?
            }
        };
        states.push(state.clone());
    }
    Ok(states)
}

/// Lets every position of a row look at all.
fn attend(from: &Tensor, weights: &Tensor, attention: &Attention) -> Result<Tensor> {
    let Attention { channels, positions, heads } = *attention;
    let (rows, size) = (from.dim(0)?, channels / heads);
    let first = (channels + 1) * 3 * channels;
    let (lay, gather) =
        (weights.narrow(0, 0, first)?, weights.narrow(0, first, weights.dim(0)? - first)?);
    let laid = sums(&from.reshape(((), channels))?, &lay, (channels, 3 * channels))?;
    let laid = laid.reshape((rows, positions, 3, heads, size))?;
    let part = |at: usize| laid.narrow(2, at, 1)?.squeeze(2)?.transpose(1, 2)?.contiguous();
    let scores = part(0)?.matmul(&part(1)?.t()?.contiguous()?)?;
    let shares = softmax(&scores.affine(1.0 / (size as f64).sqrt(), 0.0)?)?;
    let seen = shares.matmul(&part(2)?)?.transpose(1, 2)?.contiguous()?;
    sums(&seen.reshape(((), channels))?, &gather, (channels, channels))?.reshape((rows, ()))
}

/// Pools the positions of a row by a learnt look at each.
fn attention_pool(from: &Tensor, query: &Tensor, pool: &AttentionPool) -> Result<Tensor> {
    let AttentionPool { channels, positions } = *pool;
    let places = from.reshape(((), positions, channels))?;
    let query = query.reshape((channels, 1))?;
    let scores = from.reshape(((), channels))?.matmul(&query)?.reshape(((), positions))?;
    places.broadcast_mul(&softmax(&scores)?.unsqueeze(2)?)?.sum(1)
}

/// Turns scores into shares of the last dimension; candle's own softmax has no slopes.
fn softmax(scores: &Tensor) -> Result<Tensor> {
    let last = scores.rank() - 1;
    let powers = scores.broadcast_sub(&scores.detach().max_keepdim(last)?)?.exp()?;
    powers.broadcast_div(&powers.sum_keepdim(last)?)
}

/// Brings numbers to mean 0 and variance 1 along a dimension; gives mean and variance too.
fn normal(values: &Tensor, along: usize, eps: f32) -> Result<(Tensor, [Tensor; 2])> {
    let mean = values.mean_keepdim(along)?;
    let centred = values.broadcast_sub(&mean)?;
    let variance = centred.sqr()?.mean_keepdim(along)?;
    let normal = centred.broadcast_div(&variance.affine(1.0, f64::from(eps))?.sqrt()?)?;
    Ok((normal, [mean, variance]))
}

/// Scales and shifts: the scales lie first, then the shifts.
fn scaled(normal: &Tensor, weights: &Tensor) -> Result<Tensor> {
    let width = weights.dim(0)? / 2;
    let scaled = normal.broadcast_mul(&weights.narrow(0, 0, width)?)?;
    scaled.broadcast_add(&weights.narrow(0, width, width)?)
}

/// Lays out what lies below a window at each of its positions: rows × down × across × patch.
fn patches(from: &Tensor, window: &Window) -> Result<Tensor> {
    let Window { channels, size: [height, width], kernel, stride, padding } = *window;
    let [down, across] = window.steps().unwrap_or([0, 0]);
    let image = from.reshape(((), height, width, channels))?;
    let image = image.pad_with_zeros(1, padding[0], padding[0])?;
    let image = image.pad_with_zeros(2, padding[1], padding[1])?;
    let mut places = Vec::with_capacity(kernel[0] * kernel[1]);
    for top in 0..kernel[0] {
        let lines = every(&image, 1, top, (down, stride[0]))?;
        for left in 0..kernel[1] {
            places.push(every(&lines, 2, left, (across, stride[1]))?);
        }
    }
    Tensor::cat(&places, 3)
}

/// Takes some positions of a dimension, a stride apart.
fn every(
    from: &Tensor,
    dim: usize,
    start: usize,
    (count, stride): (usize, usize),
) -> Result<Tensor> {
    if stride == 1 {
        return from.narrow(dim, start, count);
    }
    let places: Vec<u32> = (0..count).map(|step| (start + step * stride) as u32).collect();
    from.contiguous()?.index_select(&Tensor::from_vec(places, count, from.device())?, dim)
}

/// Computes a function of each number, with the slopes that the processor's kernels have, at 0 too.
fn activate(activation: Activation, from: &Tensor) -> Result<Tensor> {
    let above = || from.gt(0.0)?.to_dtype(DType::F32);
    match activation {
        Activation::Identity => Ok(from.clone()),
        Activation::Relu => from * above()?,
        Activation::LeakyRelu => {
            let leak = f64::from(LEAK);
            from * above()?.affine(1.0 - leak, leak)?
        }
        Activation::Elu => {
            // The power sees no number above 0, where it could be too large.
            let above = (from * above()?)?;
            let below = (from - &above)?;
            (above + below.exp()?)?.affine(1.0, -1.0)
        }
        Activation::Gelu => {
            from * half_above(&from.affine(std::f64::consts::FRAC_1_SQRT_2, 0.0)?.erf()?)?
        }
        Activation::Silu => from * sigmoid(from)?,
        Activation::Tanh => from.tanh(),
        Activation::Sigmoid => sigmoid(from),
    }
}

/// Gives 1 / (1 + e⁻ˣ), by a function that is never too large on the way.
fn sigmoid(from: &Tensor) -> Result<Tensor> {
    half_above(&from.affine(0.5, 0.0)?.tanh()?)
}

/// Gives (1 + x) / 2.
fn half_above(from: &Tensor) -> Result<Tensor> {
    from.affine(0.5, 0.5)
}
