//! Recurrence: a state that goes from position to position through gates, and its slopes on the way
//! back through all of them.
//!
//! LSTM (Hochreiter and Schmidhuber, 1997) and GRU (Cho et al., 2014) with PyTorch's formulas. The
//! weights of one direction lie in two parts as [`Sums`] keeps them: from what comes in to the gates,
//! then from the state before to the gates, each with its biases. Within a part the gates lie side by
//! side: input, forget, candidate, output; or reset, update, candidate.

#![expect(clippy::inline_always, reason = "what isn't inlined is not compiled for wide vectors")]

use serde::{Deserialize, Serialize};

use super::dense::Sums;
use super::math::{sigmoid, tanh, wide};

/// How a state is carried on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::ml::estimators::neural) enum Cell {
    /// A state and a memory behind it, with four gates.
    Lstm,
    /// A state alone, with three gates.
    Gru,
}

impl Cell {
    fn gates(self) -> usize {
        match self {
            Self::Lstm => 4,
            Self::Gru => 3,
        }
    }
}

/// A state that is carried over the positions of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::ml::estimators::neural) struct Recurrence {
    /// How it is carried on.
    pub(in crate::ml::estimators::neural) cell: Cell,
    /// Numbers at each position that come in.
    pub(in crate::ml::estimators::neural) channels: usize,
    /// How many positions.
    pub(in crate::ml::estimators::neural) length: usize,
    /// How many numbers the state holds.
    pub(in crate::ml::estimators::neural) hidden: usize,
    /// Whether a second state goes from the last position to the first.
    pub(in crate::ml::estimators::neural) both_ways: bool,
    /// Whether the state at each position goes out, or the last of each direction alone.
    pub(in crate::ml::estimators::neural) whole: bool,
}

/// What both directions keep for the way back.
#[derive(Default)]
pub(super) struct Carried {
    ways: [Way; 2],
    scratch: Scratch,
}

/// What one direction keeps, position by position in the order of its way, the rows of one side by side.
#[derive(Default)]
struct Way {
    inputs: Vec<f32>,
    /// The gates behind their functions.
    gates: Vec<f32>,
    /// The states, the first before any position: zeros.
    states: Vec<f32>,
    /// Of an LSTM the memories, the first zeros; of a GRU what the state adds to the candidates.
    memories: Vec<f32>,
}

/// Room that is used again.
#[derive(Default)]
struct Scratch {
    /// What the state adds to the gates of one position.
    step: Vec<f32>,
    /// Slopes of the gates before their functions, as what comes in sees them.
    gates: Vec<f32>,
    /// The same as the state before sees them; of a GRU the candidate's differ.
    recurrent: Vec<f32>,
    /// Slopes of the state, and of the one before.
    state: Vec<f32>,
    before: Vec<f32>,
    /// Slopes of the memory.
    memory: Vec<f32>,
    inputs: Vec<f32>,
}

impl Recurrence {
    pub(super) fn inputs(&self) -> Option<usize> {
        self.channels.checked_mul(self.length)
    }

    pub(super) fn outputs(&self) -> Option<usize> {
        let state = self.hidden.checked_mul(self.ways())?;
        if self.whole { state.checked_mul(self.length) } else { Some(state) }
    }

    pub(super) fn weights(&self) -> Option<usize> {
        self.input_weights()?.checked_add(self.state_weights()?)?.checked_mul(self.ways())
    }

    /// Counts the numbers of a row that are kept for the way back.
    pub(super) fn between(&self) -> Option<usize> {
        let numbers = self.hidden.checked_mul(self.cell.gates() + 2)?.checked_add(self.channels)?;
        numbers.checked_mul(self.length)?.checked_mul(self.ways())
    }

    pub(super) fn is_sound(&self) -> bool {
        self.channels > 0 && self.length > 0 && self.hidden > 0
    }

    fn ways(&self) -> usize {
        if self.both_ways { 2 } else { 1 }
    }

    fn input_weights(&self) -> Option<usize> {
        let gates = self.hidden.checked_mul(self.cell.gates())?;
        self.channels.checked_add(1)?.checked_mul(gates)
    }

    fn state_weights(&self) -> Option<usize> {
        let gates = self.hidden.checked_mul(self.cell.gates())?;
        self.hidden.checked_add(1)?.checked_mul(gates)
    }

    fn input_sums(&self) -> Sums {
        Sums { inputs: self.channels, outputs: self.hidden * self.cell.gates() }
    }

    fn state_sums(&self) -> Sums {
        Sums { inputs: self.hidden, outputs: self.hidden * self.cell.gates() }
    }

    /// Gives the position that a direction sees at one of its steps.
    fn position(&self, way: usize, step: usize) -> usize {
        if way == 0 { step } else { self.length - 1 - step }
    }

    /// Gives where the state of a direction lies in what goes out for a row, if it goes out at all
    /// after this step.
    fn place(&self, way: usize, step: usize) -> Option<usize> {
        let state = self.hidden * self.ways();
        if self.whole {
            Some(self.position(way, step) * state + way * self.hidden)
        } else {
            (step + 1 == self.length).then_some(way * self.hidden)
        }
    }

    /// Carries states over the positions of each row.
    pub(super) fn forward(
        &self,
        input: &[f32],
        weights: &[f32],
        output: &mut [f32],
        carried: &mut Carried,
    ) {
        let own = weights.len() / self.ways();
        for (way, weights) in weights.chunks_exact(own).enumerate() {
            let Carried { ways, scratch } = carried;
            self.carry(way, input, weights, output, &mut ways[way], &mut scratch.step);
        }
    }

    fn carry(
        &self,
        way: usize,
        input: &[f32],
        weights: &[f32],
        output: &mut [f32],
        kept: &mut Way,
        added: &mut Vec<f32>,
    ) {
        let rows = input.len() / (self.channels * self.length);
        let (width, gates) = (rows * self.hidden, self.input_sums().outputs);
        let (from_inputs, from_state) = weights.split_at((self.channels + 1) * gates);
        kept.inputs.resize(input.len(), 0.0);
        self.by_step(way, input, &mut kept.inputs);
        kept.gates.resize(rows * self.length * gates, 0.0);
        self.input_sums().forward(&kept.inputs, from_inputs, &mut kept.gates);
        kept.states.resize(width * (self.length + 1), 0.0);
        kept.memories.resize(width * (self.length + 1), 0.0);
        kept.states[..width].fill(0.0);
        kept.memories[..width].fill(0.0);
        added.resize(rows * gates, 0.0);
        let out = output.len() / rows;
        for step in 0..self.length {
            let (before, after) = kept.states.split_at_mut((step + 1) * width);
            let (before, after) = (&before[step * width..], &mut after[..width]);
            self.state_sums().forward(before, from_state, added);
            let (memory, next) = kept.memories.split_at_mut((step + 1) * width);
            let (memory, next) = (&memory[step * width..], &mut next[..width]);
            let own = &mut kept.gates[step * rows * gates..][..rows * gates];
            let lines = own.chunks_exact_mut(gates).zip(added.chunks_exact(gates));
            for (row, (own, added)) in lines.enumerate() {
                let line = row * self.hidden..(row + 1) * self.hidden;
                let (after, next) = (&mut after[line.clone()], &mut next[line.clone()]);
                wide(
                    #[inline(always)]
                    || match self.cell {
                        Cell::Lstm => remember(own, added, &memory[line], next, after),
                        Cell::Gru => update(own, added, &before[line], next, after),
                    },
                );
            }
            if let Some(place) = self.place(way, step) {
                let lines = output.chunks_exact_mut(out).zip(after.chunks_exact(self.hidden));
                lines.for_each(|(to, from)| to[place..][..self.hidden].copy_from_slice(from));
            }
        }
    }

    /// Turns slopes of what went out into those of the weights, and of what came in if wanted.
    pub(super) fn backward(
        &self,
        weights: &[f32],
        slopes: &[f32],
        weight_slopes: &mut [f32],
        mut input_slopes: Option<&mut [f32]>,
        carried: &mut Carried,
    ) {
        if let Some(input_slopes) = input_slopes.as_deref_mut() {
            input_slopes.fill(0.0);
        }
        let own = weights.len() / self.ways();
        let parts = weights.chunks_exact(own).zip(weight_slopes.chunks_exact_mut(own));
        for (way, (weights, weight_slopes)) in parts.enumerate() {
            let Carried { ways, scratch } = carried;
            self.carry_back(way, weights, slopes, &ways[way], scratch);
            let (rows, gates) = (self.rows(&ways[way]), self.input_sums().outputs);
            let (of_inputs, of_state) = weight_slopes.split_at_mut((self.channels + 1) * gates);
            let before = &ways[way].states[..rows * self.hidden * self.length];
            self.input_sums().weight_slopes(&ways[way].inputs, &scratch.gates, of_inputs);
            let recurrent = match self.cell {
                Cell::Lstm => &scratch.gates,
                Cell::Gru => &scratch.recurrent,
            };
            self.state_sums().weight_slopes(before, recurrent, of_state);
            if let Some(input_slopes) = input_slopes.as_deref_mut() {
                scratch.inputs.resize(input_slopes.len(), 0.0);
                let from_inputs = &weights[..(self.channels + 1) * gates];
                let to = &mut scratch.inputs;
                self.input_sums().input_slopes(&scratch.gates, from_inputs, to);
                self.add_by_position(way, &scratch.inputs, input_slopes);
            }
        }
    }

    fn rows(&self, kept: &Way) -> usize {
        kept.inputs.len() / (self.channels * self.length)
    }

    /// Goes the way of one direction back, and leaves the slopes of its gates.
    fn carry_back(
        &self,
        way: usize,
        weights: &[f32],
        slopes: &[f32],
        kept: &Way,
        scratch: &mut Scratch,
    ) {
        let rows = self.rows(kept);
        let (width, gates) = (rows * self.hidden, self.input_sums().outputs);
        let from_state = &weights[(self.channels + 1) * gates..];
        let Scratch { gates: all, recurrent, state, before, memory, .. } = scratch;
        all.resize(rows * self.length * gates, 0.0);
        if self.cell == Cell::Gru {
            recurrent.resize(all.len(), 0.0);
        }
        for room in [&mut *state, &mut *before, &mut *memory] {
            room.clear();
            room.resize(width, 0.0);
        }
        let out = slopes.len() / rows;
        for step in (0..self.length).rev() {
            if let Some(place) = self.place(way, step) {
                let lines = state.chunks_exact_mut(self.hidden).zip(slopes.chunks_exact(out));
                for (own, slopes) in lines {
                    own.iter_mut().zip(&slopes[place..]).for_each(|(own, more)| *own += more);
                }
            }
            let at = step * rows * gates..(step + 1) * rows * gates;
            for row in 0..rows {
                let line = row * self.hidden..(row + 1) * self.hidden;
                let place = row * gates..(row + 1) * gates;
                let earlier = step * width + line.start..step * width + line.end;
                let later = earlier.start + width..earlier.end + width;
                let values = &kept.gates[at.clone()][place.clone()];
                let own = &mut all[at.clone()][place.clone()];
                wide(
                    #[inline(always)]
                    || match self.cell {
                        Cell::Lstm => {
                            let memories = (&kept.memories[earlier], &kept.memories[later]);
                            let slopes = (&state[line.clone()], &mut memory[line]);
                            remember_back(values, memories, slopes, own);
                        }
                        Cell::Gru => {
                            let given = (&kept.states[earlier], &kept.memories[later]);
                            let slopes = (&state[line.clone()], &mut before[line]);
                            update_back(
                                values,
                                given,
                                slopes,
                                own,
                                &mut recurrent[at.clone()][place],
                            );
                        }
                    },
                );
            }
            match self.cell {
                Cell::Lstm => self.state_sums().input_slopes(&all[at], from_state, state),
                Cell::Gru => {
                    self.state_sums().input_slopes(&recurrent[at], from_state, state);
                    state.iter_mut().zip(&*before).for_each(|(own, more)| *own += more);
                }
            }
        }
    }

    /// Lays rows out step by step, in the order of a direction.
    fn by_step(&self, way: usize, rows: &[f32], steps: &mut [f32]) {
        let (width, count) =
            (self.channels * self.length, rows.len() / self.channels / self.length);
        for (step, lines) in steps.chunks_exact_mut(count * self.channels).enumerate() {
            let place = self.position(way, step) * self.channels;
            let lines = lines.chunks_exact_mut(self.channels).zip(rows.chunks_exact(width));
            lines.for_each(|(to, row)| to.copy_from_slice(&row[place..][..self.channels]));
        }
    }

    /// Adds what lies step by step to the positions of rows.
    fn add_by_position(&self, way: usize, steps: &[f32], rows: &mut [f32]) {
        let (width, count) =
            (self.channels * self.length, rows.len() / self.channels / self.length);
        for (step, lines) in steps.chunks_exact(count * self.channels).enumerate() {
            let place = self.position(way, step) * self.channels;
            for (from, row) in lines.chunks_exact(self.channels).zip(rows.chunks_exact_mut(width)) {
                let to = row[place..][..self.channels].iter_mut();
                to.zip(from).for_each(|(sum, own)| *sum += own);
            }
        }
    }
}

/// Takes a slice of gates apart, one part each.
#[inline(always)]
fn parts<const N: usize>(gates: &[f32]) -> [&[f32]; N] {
    let size = gates.len() / N;
    std::array::from_fn(|at| &gates[at * size..][..size])
}

/// Goes one step of an LSTM for a row: c' = f c + i g, h' = o tanh c'.
#[inline(always)]
fn remember(gates: &mut [f32], added: &[f32], memory: &[f32], next: &mut [f32], state: &mut [f32]) {
    let size = memory.len();
    for (gate, more) in gates.iter_mut().zip(added) {
        *gate += more;
    }
    let (sigmoids, rest) = gates.split_at_mut(2 * size);
    let (candidates, outputs) = rest.split_at_mut(size);
    for gate in sigmoids.iter_mut() {
        *gate = sigmoid(*gate);
    }
    for gate in outputs.iter_mut() {
        *gate = sigmoid(*gate);
    }
    for gate in candidates.iter_mut() {
        *gate = tanh(*gate);
    }
    let [inputs, forgets] = parts(sigmoids);
    for at in 0..size {
        next[at] = forgets[at].mul_add(memory[at], inputs[at] * candidates[at]);
        state[at] = outputs[at] * tanh(next[at]);
    }
}

/// Goes a step of an LSTM back: the memory's slopes become those of the memory before.
#[inline(always)]
fn remember_back(
    gates: &[f32],
    (memory, next): (&[f32], &[f32]),
    (state_slopes, memory_slopes): (&[f32], &mut [f32]),
    gate_slopes: &mut [f32],
) {
    let size = memory.len();
    let [inputs, forgets, candidates, outputs] = parts(gates);
    for at in 0..size {
        let (i, f, g, o) = (inputs[at], forgets[at], candidates[at], outputs[at]);
        let squashed = tanh(next[at]);
        let slope = state_slopes[at] * o * (1.0 - squashed * squashed) + memory_slopes[at];
        gate_slopes[at] = slope * g * (i * (1.0 - i));
        gate_slopes[size + at] = slope * memory[at] * (f * (1.0 - f));
        gate_slopes[2 * size + at] = slope * i * (1.0 - g * g);
        gate_slopes[3 * size + at] = state_slopes[at] * squashed * (o * (1.0 - o));
        memory_slopes[at] = slope * f;
    }
}

/// Goes one step of a GRU for a row: n = tanh(x + r s), h' = (1 - z) n + z h; keeps s.
#[inline(always)]
fn update(gates: &mut [f32], added: &[f32], before: &[f32], kept: &mut [f32], state: &mut [f32]) {
    let size = before.len();
    let (sigmoids, candidates) = gates.split_at_mut(2 * size);
    let (from_state, for_candidates) = added.split_at(2 * size);
    for (gate, more) in sigmoids.iter_mut().zip(from_state) {
        *gate = sigmoid(*gate + more);
    }
    kept.copy_from_slice(for_candidates);
    let [resets, updates] = parts(sigmoids);
    for at in 0..size {
        let candidate = tanh(resets[at].mul_add(kept[at], candidates[at]));
        candidates[at] = candidate;
        state[at] = updates[at].mul_add(before[at] - candidate, candidate);
    }
}

/// Goes a step of a GRU back: leaves the slopes of the state before but for what goes through the gates.
#[inline(always)]
fn update_back(
    gates: &[f32],
    (before, kept): (&[f32], &[f32]),
    (state_slopes, before_slopes): (&[f32], &mut [f32]),
    gate_slopes: &mut [f32],
    recurrent_slopes: &mut [f32],
) {
    let size = before.len();
    let [resets, updates, candidates] = parts(gates);
    for at in 0..size {
        let (r, z, n) = (resets[at], updates[at], candidates[at]);
        let candidate = state_slopes[at] * (1.0 - z) * (1.0 - n * n);
        let reset = candidate * kept[at] * (r * (1.0 - r));
        let update = state_slopes[at] * (before[at] - n) * (z * (1.0 - z));
        for (slopes, candidate) in
            [(&mut *gate_slopes, candidate), (&mut *recurrent_slopes, candidate * r)]
        {
            slopes[at] = reset;
            slopes[size + at] = update;
            slopes[2 * size + at] = candidate;
        }
        before_slopes[at] = state_slopes[at] * z;
    }
}
