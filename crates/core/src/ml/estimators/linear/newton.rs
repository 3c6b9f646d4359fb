//! Minimises the penalised log loss of linear scores to a tight optimum.
//!
//! Newton's method whose steps are found by conjugate gradients (Nocedal and Wright, Numerical
//! Optimization, 2006, algorithm 7.1). They are preconditioned by each class's own block of the
//! Hessian, factorised anew only when that is cheaper than iterating on; with two classes the block
//! is the Hessian, and the method is Newton's own.

use faer::linalg::solvers::{Llt, Solve};
use faer::{Mat, Side};
use rayon::prelude::*;

use super::design::{Block, Design, sum};
use crate::ml::estimator::{FitContext, FitError, Round};

/// More numbers than this are no factorised blocks, but one for all classes.
const MOST_IN_BLOCKS: usize = 30_000_000;

/// The objective: Σ wᵢ lossᵢ + ½ Σ penaltyⱼ βⱼ² + Σ absoluteⱼ |βⱼ|.
pub(super) struct Problem<'a> {
    /// The rows.
    pub(super) design: &'a Design,
    /// For each row its class; with two classes 1 is the one whose score is learnt.
    pub(super) places: &'a [u32],
    /// A weight a row; none means one each.
    pub(super) weights: Option<&'a [f64]>,
    /// How many scores a row has: 1 for two classes, else one a class.
    pub(super) outputs: usize,
    /// Per column of the design.
    pub(super) penalty: &'a [f64],
    /// Per column of the design; empty where nothing is penalised so, which [`minimise`] is for.
    pub(super) absolute: &'a [f64],
}

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The largest slope of the mean objective that counts as flat.
    pub(super) tolerance: f64,
    /// The most Newton steps.
    pub(super) steps: u64,
}

/// Where the search ended.
pub(super) struct Optimum {
    /// `columns × outputs`.
    pub(super) coefficients: Mat<f64>,
    /// The mean objective after each step.
    pub(super) history: Vec<Round>,
    /// Whether the slope is within the tolerance.
    pub(super) converged: bool,
    /// The largest slope of the mean objective left.
    pub(super) slope: f64,
}

/// What is kept of a block's rows between passes: scores, probabilities, the step's scores.
pub(super) struct State {
    scores: Mat<f64>,
    pub(super) probabilities: Mat<f64>,
    step: Mat<f64>,
}

/// Minimises from zero.
pub(super) fn minimise(
    problem: &Problem<'_>,
    limits: Limits,
    context: &FitContext<'_>,
) -> Result<Optimum, FitError> {
    let mut states = problem.start();
    let total = problem.total();
    let mut point = Mat::<f64>::zeros(problem.design.width(), problem.outputs);
    let (mut value, mut gradient) = problem.advance(&mut states, &point, 0.0);
    let first = norm(&gradient);
    let mut preconditioner = Preconditioner::default();
    let mut history = Vec::new();
    for iteration in 0..limits.steps {
        context.check()?;
        (context.progress)(iteration, limits.steps);
        if largest(&gradient) <= limits.tolerance * total {
            break;
        }
        preconditioner.refresh(problem, &states);
        let accuracy = (norm(&gradient) / first).sqrt().clamp(1e-8, 0.1);
        let step = problem.newton_step(&mut states, &gradient, &mut preconditioner, accuracy);
        problem.project(&mut states, &step);
        let Some(length) = problem.search(&states, &point, &step, value, dot(&gradient, &step))
        else {
            break;
        };
        point += faer::Scale(length) * &step;
        (value, gradient) = problem.advance(&mut states, &point, length);
        history.push(round(iteration, value / total));
    }
    Ok(Optimum::at(point, largest(&gradient) / total, limits, history))
}

/// Gives the history's entry of a step: the mean objective after it.
pub(super) fn round(iteration: u64, train: f64) -> Round {
    Round { iteration: iteration + 1, metric: "objective".to_owned(), train, validation: None }
}

impl Optimum {
    pub(super) fn at(
        coefficients: Mat<f64>,
        slope: f64,
        limits: Limits,
        history: Vec<Round>,
    ) -> Self {
        Self { coefficients, history, converged: slope <= limits.tolerance, slope }
    }
}

impl Problem<'_> {
    pub(super) fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    pub(super) fn total(&self) -> f64 {
        self.weights.map_or(self.places.len() as f64, |weights| weights.iter().sum())
    }

    pub(super) fn start(&self) -> Vec<State> {
        let zeros = |block: &Block| Mat::zeros(block.x.nrows(), self.outputs);
        let state = |block: &Block| State {
            scores: zeros(block),
            probabilities: zeros(block),
            step: zeros(block),
        };
        self.design.blocks.iter().map(state).collect()
    }

    /// Moves the scores along the step, and gives the objective and its gradient there, to which the
    /// absolute penalty, which has none, adds nothing.
    pub(super) fn advance(
        &self,
        states: &mut [State],
        point: &Mat<f64>,
        length: f64,
    ) -> (f64, Mat<f64>) {
        let parts: Vec<(f64, Mat<f64>)> = self
            .design
            .blocks
            .par_iter()
            .zip(states)
            .map(|(block, state)| {
                state.scores += faer::Scale(length) * &state.step;
                let losses = self.fill(block, state);
                (losses, block.transposed_times(self.residuals(block, state).as_ref()))
            })
            .collect();
        let (losses, gradients): (Vec<f64>, Vec<Mat<f64>>) = parts.into_iter().unzip();
        let mut gradient = sum(gradients);
        for output in 0..self.outputs {
            for (column, penalty) in self.penalty.iter().enumerate() {
                gradient[(column, output)] += penalty * point[(column, output)];
            }
        }
        (
            losses.iter().sum::<f64>() + self.penalised(|column, output| point[(column, output)]),
            gradient,
        )
    }

    /// Gives ½ Σ penaltyⱼ βⱼ² + Σ absoluteⱼ |βⱼ|.
    fn penalised(&self, coefficient: impl Fn(usize, usize) -> f64) -> f64 {
        let squares = |output: usize| {
            let columns = self.penalty.iter().enumerate();
            columns
                .map(|(column, penalty)| penalty * coefficient(column, output).powi(2))
                .sum::<f64>()
        };
        let squares = 0.5 * (0..self.outputs).map(squares).sum::<f64>();
        if self.absolute.is_empty() { squares } else { squares + self.sizes(coefficient) }
    }

    /// Gives Σ absoluteⱼ |βⱼ|.
    pub(super) fn sizes(&self, coefficient: impl Fn(usize, usize) -> f64) -> f64 {
        let sizes = |output: usize| {
            let columns = self.absolute.iter().enumerate();
            columns.map(|(column, own)| own * coefficient(column, output).abs()).sum::<f64>()
        };
        (0..self.outputs).map(sizes).sum()
    }

    /// Fills in the probabilities of a block's scores and gives its loss.
    fn fill(&self, block: &Block, state: &mut State) -> f64 {
        let mut loss = 0.0;
        if self.outputs == 1 {
            let scores = state.scores.col_as_slice(0);
            let probabilities = state.probabilities.col_as_slice_mut(0);
            for (row, (score, probability)) in scores.iter().zip(probabilities).enumerate() {
                *probability = sigmoid(*score);
                loss += self.weight(block.start + row)
                    * two_class_loss(*score, self.places[block.start + row]);
            }
            return loss;
        }
        let rows = state.scores.nrows();
        let State { scores, probabilities, .. } = state;
        let (tops, sums) =
            exponentials(self.outputs, rows, |output| scores.col_as_slice(output), probabilities);
        for output in 0..self.outputs {
            let column = probabilities.col_as_slice_mut(output).iter_mut();
            column.zip(&sums).for_each(|(value, sum)| *value /= sum);
        }
        for row in 0..rows {
            let own = scores[(row, self.places[block.start + row] as usize)];
            loss += self.weight(block.start + row) * (tops[row] + sums[row].ln() - own);
        }
        loss
    }

    /// Gives wᵢ (pᵢₖ − yᵢₖ).
    fn residuals(&self, block: &Block, state: &State) -> Mat<f64> {
        let mut residuals = state.probabilities.clone();
        for row in 0..residuals.nrows() {
            let place = self.places[block.start + row] as usize;
            if self.outputs > 1 {
                residuals[(row, place)] -= 1.0;
            } else if place == 1 {
                // 1 − p loses digits where p is near 1.
                residuals[(row, 0)] = -sigmoid(-state.scores[(row, 0)]);
            }
        }
        if self.weights.is_some() {
            for output in 0..self.outputs {
                let column = residuals.col_as_slice_mut(output);
                for (row, value) in column.iter_mut().enumerate() {
                    *value *= self.weight(block.start + row);
                }
            }
        }
        residuals
    }

    /// Gives the curvature of the loss of one row in one of its scores.
    pub(super) fn curvature(&self, block: &Block, state: &State, row: usize, output: usize) -> f64 {
        let probability = state.probabilities[(row, output)];
        self.weight(block.start + row) * probability * (1.0 - probability)
    }

    /// Gives the Hessian times a direction.
    fn curve(&self, states: &mut [State], direction: &Mat<f64>) -> Mat<f64> {
        let parts = self.design.blocks.par_iter().zip(states).map(|(block, state)| {
            block.times(direction.as_ref(), &mut state.step);
            let mut bent = state.step.clone();
            let mut shared = vec![0.0; bent.nrows()];
            for output in 0..self.outputs {
                let pairs =
                    bent.col_as_slice(output).iter().zip(state.probabilities.col_as_slice(output));
                shared
                    .iter_mut()
                    .zip(pairs)
                    .for_each(|(sum, (bent, probability))| *sum += bent * probability);
            }
            for output in 0..self.outputs {
                let probabilities = state.probabilities.col_as_slice(output);
                let column = bent.col_as_slice_mut(output);
                for (row, (value, shared)) in column.iter_mut().zip(&shared).enumerate() {
                    *value = probabilities[row] * (*value - shared);
                }
                if let Some(weights) = self.weights {
                    let weights = &weights[block.start..];
                    column.iter_mut().zip(weights).for_each(|(value, weight)| *value *= weight);
                }
            }
            block.transposed_times(bent.as_ref())
        });
        let mut product = sum(parts.collect());
        for output in 0..self.outputs {
            for (column, penalty) in self.penalty.iter().enumerate() {
                product[(column, output)] += penalty * direction[(column, output)];
            }
        }
        product
    }

    /// Solves for the Newton step by conjugate gradients.
    fn newton_step(
        &self,
        states: &mut [State],
        gradient: &Mat<f64>,
        preconditioner: &mut Preconditioner,
        accuracy: f64,
    ) -> Mat<f64> {
        let mut step = Mat::<f64>::zeros(gradient.nrows(), gradient.ncols());
        let mut residual = -gradient;
        let mut conditioned = preconditioner.apply(&residual);
        let mut direction = conditioned.clone();
        let mut product = dot(&residual, &conditioned);
        let enough = accuracy * norm(gradient);
        for _ in 0..10 * gradient.nrows() * gradient.ncols() + 10 {
            let bent = self.curve(states, &direction);
            preconditioner.spent += self.pass();
            let curvature = dot(&direction, &bent);
            // Rounding or a flat direction: what has been found is still a way down.
            if curvature <= 0.0 || curvature.is_nan() {
                break;
            }
            let length = product / curvature;
            step += faer::Scale(length) * &direction;
            residual -= faer::Scale(length) * &bent;
            if norm(&residual) <= enough {
                break;
            }
            conditioned = preconditioner.apply(&residual);
            let next = dot(&residual, &conditioned);
            direction = &conditioned + faer::Scale(next / product) * &direction;
            product = next;
        }
        if dot(&step, gradient) < 0.0 { step } else { preconditioner.apply(&-gradient) }
    }

    /// Puts the scores of a step into the states.
    pub(super) fn project(&self, states: &mut [State], step: &Mat<f64>) {
        let blocks = self.design.blocks.par_iter().zip(states);
        blocks.for_each(|(block, state)| block.times(step.as_ref(), &mut state.step));
    }

    /// Shortens a step until the objective falls enough (Armijo); none where it can't. `slope` is how
    /// steeply it falls at the step's start.
    pub(super) fn search(
        &self,
        states: &[State],
        point: &Mat<f64>,
        step: &Mat<f64>,
        value: f64,
        slope: f64,
    ) -> Option<f64> {
        let mut length = 1.0;
        for _ in 0..40 {
            let blocks = self.design.blocks.par_iter().zip(states);
            let losses: Vec<f64> =
                blocks.map(|(block, state)| self.loss_along(block, state, length)).collect();
            let moved = |column: usize, output: usize| {
                point[(column, output)] + length * step[(column, output)]
            };
            let there = losses.iter().sum::<f64>() + self.penalised(moved);
            // What rounding adds near the optimum must not reject the last steps.
            if there <= value + 1e-4 * length * slope + 1e-13 * value.abs() {
                return Some(length);
            }
            length *= 0.5;
        }
        None
    }

    /// Gives a block's loss at some length of the step.
    fn loss_along(&self, block: &Block, state: &State, length: f64) -> f64 {
        let rows = state.scores.nrows();
        let score = |row: usize, output: usize| {
            state.scores[(row, output)] + length * state.step[(row, output)]
        };
        let weighed = |row: usize, loss: f64| self.weight(block.start + row) * loss;
        if self.outputs == 1 {
            let loss = |row: usize| {
                weighed(row, two_class_loss(score(row, 0), self.places[block.start + row]))
            };
            return (0..rows).map(loss).sum();
        }
        let moved = &state.scores + faer::Scale(length) * &state.step;
        let mut scratch = Mat::zeros(rows, self.outputs);
        let (tops, sums) =
            exponentials(self.outputs, rows, |output| moved.col_as_slice(output), &mut scratch);
        let own = |row: usize| moved[(row, self.places[block.start + row] as usize)];
        (0..rows).map(|row| weighed(row, tops[row] + sums[row].ln() - own(row))).sum()
    }

    /// Counts the multiplications of one pass over the rows, there and back.
    fn pass(&self) -> usize {
        2 * self.design.rows() * self.design.width() * self.outputs
    }
}

/// Fills in exp(score − top); gives each row's top score and the sum of what was filled in.
fn exponentials<'a>(
    outputs: usize,
    rows: usize,
    scores: impl Fn(usize) -> &'a [f64],
    into: &mut Mat<f64>,
) -> (Vec<f64>, Vec<f64>) {
    let mut tops = vec![f64::NEG_INFINITY; rows];
    for output in 0..outputs {
        tops.iter_mut().zip(scores(output)).for_each(|(top, score)| *top = top.max(*score));
    }
    let mut sums = vec![0.0; rows];
    for output in 0..outputs {
        let slots = into.col_as_slice_mut(output).iter_mut().zip(scores(output));
        for (row, (slot, score)) in slots.enumerate() {
            *slot = (score - tops[row]).exp();
            sums[row] += *slot;
        }
    }
    (tops, sums)
}

/// Approximates the inverse of the Hessian, class by class.
#[derive(Default)]
struct Preconditioner {
    factors: Vec<Llt<f64>>,
    diagonal: Vec<f64>,
    /// Multiplications of conjugate gradients since the last factorisation.
    spent: usize,
}

impl Preconditioner {
    /// Factorises anew where iterating on would cost as much.
    fn refresh(&mut self, problem: &Problem<'_>, states: &[State]) {
        let (rows, width) = (problem.design.rows(), problem.design.width());
        let fresh = self.factors.is_empty() && self.diagonal.is_empty();
        // At the start all classes are equally probable, so that one block does for all.
        let shared = fresh || width * width * problem.outputs > MOST_IN_BLOCKS;
        let blocks = if shared { 1 } else { problem.outputs };
        if width * width > MOST_IN_BLOCKS {
            self.diagonal = diagonal(problem, states);
            return;
        }
        let price = blocks * width * width * (rows + width) / 2;
        if !fresh && self.spent < price / 2 {
            return;
        }
        self.spent = 0;
        let factors: Option<Vec<_>> = (0..blocks)
            .map(|output| factor(problem, gram(problem, states, (!shared).then_some(output))))
            .collect();
        match factors {
            Some(factors) => self.factors = factors,
            None => self.diagonal = diagonal(problem, states),
        }
    }

    fn apply(&self, residual: &Mat<f64>) -> Mat<f64> {
        match &self.factors[..] {
            [] => Mat::from_fn(residual.nrows(), residual.ncols(), |row, column| {
                residual[(row, column)] / self.diagonal.get(row).copied().unwrap_or(1.0)
            }),
            [one] => one.solve(residual),
            several => {
                let mut solved = residual.clone();
                for (output, factor) in several.iter().enumerate() {
                    factor.solve_in_place(solved.as_mut().subcols_mut(output, 1));
                }
                solved
            }
        }
    }
}

/// Sums the block of one class, or the mean of all blocks.
fn gram(problem: &Problem<'_>, states: &[State], output: Option<usize>) -> Mat<f64> {
    let width = problem.design.width();
    let parts = problem.design.blocks.par_iter().zip(states).map(|(block, state)| {
        let mut part = Mat::zeros(width, width);
        let mean = |row: usize| {
            let sum: f64 =
                (0..problem.outputs).map(|k| problem.curvature(block, state, row, k)).sum();
            sum / problem.outputs as f64
        };
        match output {
            Some(output) => {
                block.add_gram(|row| problem.curvature(block, state, row, output), &mut part);
            }
            None => block.add_gram(mean, &mut part),
        }
        part
    });
    sum(parts.collect())
}

/// Adds the penalty, and as little as keeps a singular block apart from zero.
fn factor(problem: &Problem<'_>, mut gram: Mat<f64>) -> Option<Llt<f64>> {
    let width = problem.design.width();
    let most = (0..width).map(|column| gram[(column, column)]).fold(0.0, f64::max);
    for column in 0..width {
        gram[(column, column)] += problem.penalty[column] + 1e-12 * most + f64::MIN_POSITIVE;
    }
    gram.llt(Side::Lower).ok()
}

/// Sums the diagonal of the mean block.
fn diagonal(problem: &Problem<'_>, states: &[State]) -> Vec<f64> {
    let entry = |column: usize| {
        let parts = problem.design.blocks.iter().zip(states).map(|(block, state)| {
            let values = block.x.col_as_slice(column).iter().enumerate();
            values
                .map(|(row, value)| {
                    let all: f64 =
                        (0..problem.outputs).map(|k| problem.curvature(block, state, row, k)).sum();
                    value * value * all / problem.outputs as f64
                })
                .sum::<f64>()
        });
        let sum = parts.sum::<f64>() + problem.penalty[column];
        if sum > 0.0 { sum } else { 1.0 }
    };
    (0..problem.design.width()).into_par_iter().map(entry).collect()
}

/// Gives 1 / (1 + exp(−score)).
pub(super) fn sigmoid(score: f64) -> f64 {
    1.0 / (1.0 + (-score).exp())
}

fn two_class_loss(score: f64, place: u32) -> f64 {
    let wrong = if place == 1 { -score } else { score };
    wrong.max(0.0) + (-wrong.abs()).exp().ln_1p()
}

pub(super) fn dot(left: &Mat<f64>, right: &Mat<f64>) -> f64 {
    let columns = 0..left.ncols();
    columns
        .map(|column| {
            let pairs = left.col_as_slice(column).iter().zip(right.col_as_slice(column));
            pairs.map(|(left, right)| left * right).sum::<f64>()
        })
        .sum()
}

fn norm(matrix: &Mat<f64>) -> f64 {
    dot(matrix, matrix).sqrt()
}

/// Gives the largest size of an entry; NaN where one is none.
pub(super) fn largest(matrix: &Mat<f64>) -> f64 {
    let columns = 0..matrix.ncols();
    let slopes = columns.flat_map(|column| matrix.col_as_slice(column)).map(|slope| slope.abs());
    slopes.fold(0.0, |most, slope| if slope.is_nan() || slope > most { slope } else { most })
}
