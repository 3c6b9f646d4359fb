//! Networks on another device than the processor, with candle's tensors and their slopes.
//!
//! The first weights, the order of rows and the masks are those of the
//! [`Processor`](super::engine::Processor), and what is learnt goes back as the same flat weights: it
//! differs in the last digits alone. candle 0.11.1 has no slopes for its layer norm and its softmax,
//! and for max-pooling only where windows don't overlap; so all is made of plain operations.

mod descent;
mod forward;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use candle_core::{Result, Tensor, Var};

use super::devices::Device;
use super::engine::{Batch, Changing, Engine, Learnt};
use super::net::{Goal, Net, Op};
use crate::ml::Seed;
use crate::ml::estimator::FitError;
use descent::Descent;
use forward::{Forward, Weights};

/// More operations than this aren't trained here: candle follows slopes by calling itself, as deep as
/// the network is.
const MOST_OPERATIONS: usize = 200;

/// Trains a network on a device.
pub(super) struct Card<'n> {
    net: &'n Net,
    device: candle_core::Device,
    /// The table of each embedding.
    tables: Vec<Var>,
    /// The weights of each operation that has some.
    ops: Vec<Option<Var>>,
    /// The running figures of each operation that has some.
    figures: Vec<Option<Tensor>>,
    descent: Descent,
}

/// The devices that were opened: opening one takes long and memory, so each is opened once.
static OPEN: Mutex<BTreeMap<String, candle_core::Device>> = Mutex::new(BTreeMap::new());

/// Opens a device, or gives it if it is open.
pub(super) fn open(device: Device) -> std::result::Result<candle_core::Device, FitError> {
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let word = device.to_string();
    if let Some(own) = open.get(&word) {
        return Ok(own.clone());
    }
    let own = match device {
        Device::Cpu => Ok(candle_core::Device::Cpu),
        Device::Cuda(number) => candle_core::Device::new_cuda(usize::from(number)),
        Device::Metal => candle_core::Device::new_metal(0),
    };
    let own = own.map_err(|error| {
        FitError::Other(format!(
            "the device `{word}` can't be used: {}; train on `cpu`, or see whether its driver is installed",
            short(&error)
        ))
    })?;
    open.insert(word, own.clone());
    Ok(own)
}

/// Counts how many operations lie one behind another.
fn deep(op: &Op) -> usize {
    match op {
        Op::Recur(recurrence) => recurrence.length,
        _ => 1,
    }
}

/// Says that a device failed.
fn failed(error: candle_core::Error) -> FitError {
    FitError::Other(format!(
        "the device failed: {}; where its memory is full, a smaller `batch_size` takes less",
        short(&error)
    ))
}

/// Gives the first line of an error; traces may stand behind it.
fn short(error: &candle_core::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().replace("; ", ", ")
}

impl<'n> Card<'n> {
    /// Starts with weights.
    pub(super) fn new(
        net: &'n Net,
        learnt: &Learnt,
        changing: Changing,
        device: candle_core::Device,
    ) -> std::result::Result<Self, FitError> {
        let count = net.ops.iter().map(deep).fold(0, usize::saturating_add);
        if count > MOST_OPERATIONS {
            return Err(FitError::Other(format!(
                "the network has {count} operations, each position of a state counted, and on a device \
                 {MOST_OPERATIONS} at most; train it on `cpu`"
            )));
        }
        Self::laid(net, learnt, changing, device).map_err(failed)
    }

    fn laid(
        net: &'n Net,
        learnt: &Learnt,
        changing: Changing,
        device: candle_core::Device,
    ) -> Result<Self> {
        let (tables, ops) = net.places();
        let var = |part: &[f32]| Var::from_slice(part, part.len(), &device);
        let tables: Vec<Var> =
            tables.into_iter().map(|place| var(&learnt.weights[place])).collect::<Result<_>>()?;
        let some = |part: &[f32]| (!part.is_empty()).then(|| var(part)).transpose();
        let ops: Vec<Option<Var>> =
            ops.into_iter().map(|place| some(&learnt.weights[place])).collect::<Result<_>>()?;
        let figures = net.figure_places().into_iter().map(|place| {
            let part = &learnt.figures[place];
            let tensor = || Tensor::from_slice(part, part.len(), &device);
            (!part.is_empty()).then(tensor).transpose()
        });
        let figures = figures.collect::<Result<_>>()?;
        Ok(Self { net, device, tables, ops, figures, descent: Descent::new(changing) })
    }

    /// Gives the weights, as each part is wanted.
    fn weights(&self, of: fn(&Var) -> Tensor) -> Weights {
        Weights {
            tables: self.tables.iter().map(of).collect(),
            ops: self.ops.iter().map(|own| own.as_ref().map(of)).collect(),
        }
    }

    fn forward<'a>(&'a self, weights: &'a Weights) -> Forward<'a> {
        Forward { net: self.net, device: &self.device, weights, figures: &self.figures }
    }

    fn step(&mut self, batch: &Batch<'_>, rate: f64, seed: Seed) -> Result<f64> {
        let weights = self.weights(|var| var.as_tensor().clone());
        let (answers, figures) = self.forward(&weights).learn(batch.input, seed)?;
        let total = loss(&answers, batch)?;
        let slopes = total.affine(1.0 / batch.input.rows.max(1) as f64, 0.0)?.backward()?;
        let vars = self.tables.iter().chain(self.ops.iter().flatten());
        self.descent.step(vars, &slopes, rate)?;
        self.figures = figures;
        Ok(f64::from(total.to_scalar::<f32>()?))
    }

    /// Computes the answers for rows as a fitted network gives them.
    fn apply(&self, batch: &Batch<'_>) -> Result<Tensor> {
        let weights = self.weights(Var::as_detached_tensor);
        self.forward(&weights).apply(batch.input)
    }

    fn flat(&self) -> Result<Learnt> {
        let mut weights = Vec::new();
        for var in self.tables.iter().chain(self.ops.iter().flatten()) {
            weights.extend(var.to_vec1::<f32>()?);
        }
        let mut figures = Vec::new();
        for own in self.figures.iter().flatten() {
            figures.extend(own.to_vec1::<f32>()?);
        }
        Ok(Learnt { weights, figures })
    }
}

impl Engine for Card<'_> {
    fn learn(
        &mut self,
        batch: &Batch<'_>,
        rate: f64,
        seed: Seed,
    ) -> std::result::Result<f64, FitError> {
        self.step(batch, rate, seed).map_err(failed)
    }

    fn judge(&mut self, batch: &Batch<'_>) -> std::result::Result<f64, FitError> {
        let total = self.apply(batch).and_then(|answers| loss(&answers, batch));
        total.and_then(|total| total.to_scalar::<f32>()).map(f64::from).map_err(failed)
    }

    fn learnt(&self) -> std::result::Result<Learnt, FitError> {
        self.flat().map_err(failed)
    }
}

/// Computes the sum of the weighted losses of rows.
fn loss(answers: &Tensor, batch: &Batch<'_>) -> Result<Tensor> {
    let (device, rows) = (answers.device(), batch.input.rows);
    let losses = match batch.goal {
        Goal::Classes(codes) => {
            // What is taken off changes neither the shares nor the slopes.
            let largest = answers.max_keepdim(1)?.detach();
            let answers = answers.broadcast_sub(&largest)?;
            let codes = Tensor::from_slice(codes, (rows, 1), device)?;
            (answers.exp()?.sum_keepdim(1)?.log()? - answers.gather(&codes, 1)?)?
        }
        Goal::Numbers(numbers) => {
            (answers - Tensor::from_slice(numbers, (rows, 1), device)?)?.sqr()?
        }
    };
    match batch.weights {
        Some(weights) => (losses * Tensor::from_slice(weights, (rows, 1), device)?)?.sum_all(),
        None => losses.sum_all(),
    }
}
