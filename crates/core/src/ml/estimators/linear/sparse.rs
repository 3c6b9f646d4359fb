//! Minimises the log loss of linear scores with an absolute penalty beside the quadratic one.
//!
//! Proximal Newton steps (Friedman, Hastie and Tibshirani, J. Stat. Softw. 33, 2010; Yuan, Ho and Lin,
//! JMLR 13, 2012): the quadratic model of the loss is minimised together with the penalty by coordinate
//! descent, and the step shortened until the objective falls enough (Tseng and Yun, Math. Program. 117,
//! 2009). The model holds the coefficients that are in use and those that should be, the steepest first,
//! so that its size follows what the columns are worth and not how many there are.

use faer::Mat;
use rayon::prelude::*;

use super::descent::Descent;
use super::design::sum;
use super::newton::{Limits, Optimum, Problem, State, dot, largest, round};
use crate::ml::estimator::{FitContext, FitError};

/// A model holds so many coefficients at least, if there are as many to be moved.
const FEW: usize = 200;

/// A model holds no more coefficients than this.
const MOST: usize = 2_500;

/// The most rounds of coordinate descent on one model.
const MOST_ROUNDS: u64 = 200;

/// A coefficient: a column of the design, and an output.
type Place = (usize, usize);

/// Minimises from constant scores.
pub(super) fn minimise(
    problem: &Problem<'_>,
    limits: Limits,
    context: &FitContext<'_>,
) -> Result<Optimum, FitError> {
    let mut states = problem.start();
    let total = problem.total();
    let mut point = shares(problem);
    problem.project(&mut states, &point);
    let (mut value, mut gradient) = problem.advance(&mut states, &point, 1.0);
    let mut slopes = problem.slopes(&point, &gradient);
    let first = largest(&slopes);
    let mut history = Vec::new();
    for iteration in 0..limits.steps {
        context.check()?;
        (context.progress)(iteration, limits.steps);
        let slope = largest(&slopes);
        if slope <= limits.tolerance * total {
            break;
        }
        // What would count as flat need not be moved: it may be rounding.
        let used = problem.used(&point, &slopes, 0.1 * limits.tolerance * total);
        let mut model = problem.model(&states, &point, &gradient, &used);
        let enough = slope * (slope / first).sqrt().clamp(1e-8, 0.1);
        model.run(MOST_ROUNDS, context, |model| steepest(model) <= enough)?;
        let mut ahead = point.clone();
        used.iter().zip(&model.found).for_each(|(place, found)| ahead[*place] = *found);
        let step = &ahead - &point;
        problem.project(&mut states, &step);
        let fall = dot(&gradient, &step) + problem.sizes(|column, output| ahead[(column, output)])
            - problem.sizes(|column, output| point[(column, output)]);
        let Some(length) = problem.search(&states, &point, &step, value, fall) else { break };
        // Where the step is whole, what the model set to 0 is 0.
        point = if length < 1.0 { point + faer::Scale(length) * &step } else { ahead };
        (value, gradient) = problem.advance(&mut states, &point, length);
        slopes = problem.slopes(&point, &gradient);
        history.push(round(iteration, value / total));
    }
    Ok(Optimum::at(point, largest(&slopes) / total, limits, history))
}

/// Gives the optimum of the intercepts alone: the classes' shares. The columns are centred around it.
fn shares(problem: &Problem<'_>) -> Mat<f64> {
    let (width, outputs) = (problem.design.width(), problem.outputs);
    let mut point = Mat::zeros(width, outputs);
    if problem.design.shift.len() == width {
        return point;
    }
    let mut sums = vec![0.0; outputs.max(2)];
    for (row, place) in problem.places.iter().enumerate() {
        sums[*place as usize] += problem.weight(row);
    }
    let logs: Vec<f64> = sums.iter().map(|sum: &f64| sum.ln()).collect();
    let mean = logs.iter().sum::<f64>() / logs.len() as f64;
    for output in 0..outputs {
        point[(width - 1, output)] =
            if outputs == 1 { logs[1] - logs[0] } else { logs[output] - mean };
    }
    point
}

/// Gives how far a coefficient's slope is from where it may stay: 0 at the optimum.
fn slope(coefficient: f64, gradient: f64, absolute: f64) -> f64 {
    if coefficient != 0.0 {
        return (gradient + absolute.copysign(coefficient)).abs();
    }
    let excess = gradient.abs() - absolute;
    // What is no number stays none.
    if excess < 0.0 { 0.0 } else { excess }
}

fn steepest(model: &Descent) -> f64 {
    let of = |column: usize| {
        let gradient = model.quadratic[column] * model.found[column] - model.left[column];
        slope(model.found[column], gradient, model.absolute[column])
    };
    (0..model.found.len()).map(of).fold(0.0, f64::max)
}

impl Problem<'_> {
    fn slopes(&self, point: &Mat<f64>, gradient: &Mat<f64>) -> Mat<f64> {
        Mat::from_fn(point.nrows(), point.ncols(), |column, output| {
            slope(point[(column, output)], gradient[(column, output)], self.absolute[column])
        })
    }

    /// Picks the coefficients that are in use, and the steepest of the others; by output and column.
    fn used(&self, point: &Mat<f64>, slopes: &Mat<f64>, flat: f64) -> Vec<Place> {
        let inside = |place: &Place| point[*place] != 0.0 || self.absolute[place.0] == 0.0;
        let (width, outputs) = point.shape();
        let mut used: Vec<Place> = (0..outputs)
            .flat_map(|output| (0..width).map(move |column| (column, output)))
            .filter(|place| inside(place) || slopes[*place] > flat)
            .collect();
        let count = used.iter().filter(|place| inside(place)).count();
        let room = (2 * count).clamp(FEW, MOST);
        if used.len() > room {
            let first = |place: &Place| count <= room && inside(place);
            used.sort_by(|left, right| {
                let steeper = slopes[*right].total_cmp(&slopes[*left]);
                first(right).cmp(&first(left)).then(steeper)
            });
            used.truncate(room);
            used.sort_by_key(|(column, output)| (*output, *column));
        }
        used
    }

    /// Gives the quadratic model of the loss in some coefficients, with their penalties.
    fn model(
        &self,
        states: &[State],
        point: &Mat<f64>,
        gradient: &Mat<f64>,
        used: &[Place],
    ) -> Descent {
        let mut gram = self.hessian(states, used);
        let size = used.len();
        let most = (0..size).map(|place| gram[(place, place)]).fold(0.0, f64::max);
        for column in 0..size {
            // As little as keeps a singular model apart from zero.
            gram[(column, column)] += 1e-12 * most + f64::MIN_POSITIVE;
            for row in 0..column {
                gram[(row, column)] = gram[(column, row)];
            }
        }
        let quadratic: Vec<f64> = used.iter().map(|(column, _)| self.penalty[*column]).collect();
        let found: Vec<f64> = used.iter().map(|place| point[*place]).collect();
        let left: Vec<f64> =
            (0..size).map(|own| quadratic[own] * found[own] - gradient[used[own]]).collect();
        let mut aims = left.clone();
        for (column, value) in found.iter().enumerate().filter(|(_, value)| **value != 0.0) {
            let own = gram.col_as_slice(column);
            aims.iter_mut().zip(own).for_each(|(aim, own)| *aim += value * own);
        }
        let absolute = used.iter().map(|(column, _)| self.absolute[*column]).collect();
        Descent { gram, aims, absolute, quadratic, positive: false, found, left }
    }

    /// Gives the lower half of the loss's Hessian in some coefficients.
    ///
    /// With several outputs Σ w pₖ (δₖₗ − pₗ) xᵢ xⱼ is a product of columns times √w p, subtracted;
    /// only the outputs' own blocks, where 1 − p counts, are a product of their own.
    fn hessian(&self, states: &[State], used: &[Place]) -> Mat<f64> {
        let columns: Vec<usize> = used.iter().map(|(column, _)| *column).collect();
        let starts: Vec<usize> = (0..=self.outputs)
            .map(|output| used.partition_point(|place| place.1 < output))
            .collect();
        let parts = self.design.blocks.par_iter().zip(states).map(|(block, state)| {
            let rows = block.x.nrows();
            let mut part = Mat::<f64>::zeros(used.len(), used.len());
            if self.outputs > 1 {
                let share = |row: usize, output: usize| {
                    self.weight(block.start + row).sqrt() * state.probabilities[(row, output)]
                };
                let shares = Mat::from_fn(rows, self.outputs, share);
                let of = |place: usize| shares.col_as_slice(used[place].1);
                block.add_products(&columns, of, -1.0, part.as_mut());
            }
            for output in 0..self.outputs {
                let (start, count) = (starts[output], starts[output + 1] - starts[output]);
                let root = |row: usize| self.curvature(block, state, row, output).max(0.0).sqrt();
                let roots: Vec<f64> = (0..rows).map(root).collect();
                let mut own = part.as_mut().submatrix_mut(start, start, count, count);
                own.fill(0.0);
                block.add_products(&columns[start..start + count], |_| &roots[..], 1.0, own);
            }
            part
        });
        sum(parts.collect())
    }
}
