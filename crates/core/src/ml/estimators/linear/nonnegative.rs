//! Least squares with coefficients of at least 0.
//!
//! Lawson and Hanson, Solving Least Squares Problems, 1974, chapter 23: columns come into use one by one,
//! the steepest first, and leave where their coefficients would fall below 0. Orthogonal
//! transformations keep the columns in use triangular, so that the condition isn't squared.

use faer::Mat;
use rayon::prelude::*;

use crate::ml::estimator::{FitContext, FitError};

/// The least part of a column that the columns in use must leave unexplained.
const INDEPENDENT: f64 = 1e-11;

/// So many numbers are transformed by one task at least.
const LEAST: usize = 1 << 15;

/// Where the search ended.
pub(super) struct Optimum {
    /// One a column, at least 0.
    pub(super) coefficients: Vec<f64>,
    /// The columns in use, and those that could come into use at no cost.
    pub(super) level: Vec<usize>,
    /// Whether there is a column that could.
    pub(super) choice: bool,
    /// Whether no column is left that should come into use.
    pub(super) settled: bool,
}

/// Minimises ‖y − Xβ‖ over β ≥ 0, X given by columns.
pub(super) fn minimise(
    columns: Vec<Vec<f64>>,
    target: Vec<f64>,
    context: &FitContext<'_>,
) -> Result<Optimum, FitError> {
    let mut search = Search::new(columns, target);
    let mut settled = false;
    for _ in 0..10 * search.columns.len() + 100 {
        context.check()?;
        let Some(column) = search.next() else {
            settled = true;
            break;
        };
        search.enter(column);
        search.settle();
    }
    let free =
        |column: &usize| search.lengths[*column] > 0.0 && search.slope(*column).abs() <= 1e-9;
    let level: Vec<usize> =
        (0..search.columns.len()).filter(|column| search.place[*column] || free(column)).collect();
    let choice = level.len() > search.used.len();
    let coefficients = search.found.iter().map(|value| value * search.size).collect();
    Ok(Optimum { coefficients, level, choice, settled })
}

/// Moves coefficients that are no less than 0 to the smallest ones with the same sums in all rows.
///
/// The smallest ones without a bound are the part that lies in the rows' space; where that falls below
/// 0, the least distance to go from there is a problem of the same sort (Lawson and Hanson, LDP). None
/// where there is no choice.
pub(super) fn smallest(
    columns: &[Vec<f64>],
    found: &[f64],
    context: &FitContext<'_>,
) -> Result<Option<Vec<f64>>, FitError> {
    let (rows, width) = (columns.first().map_or(0, Vec::len), columns.len());
    let matrix = Mat::from_fn(rows, width, |row, column| columns[column][row]);
    let Ok(values) = matrix.svd() else { return Ok(None) };
    let (sizes, right) = (values.S().column_vector(), values.V());
    let largest = (0..sizes.nrows()).map(|place| sizes[place]).fold(0.0, f64::max);
    let noise = largest * f64::EPSILON * rows.max(width) as f64;
    let rank = (0..sizes.nrows()).filter(|place| sizes[*place] > noise).count();
    if rank == width {
        return Ok(None);
    }
    let along = |direction: usize| -> f64 {
        (0..width).map(|column| right[(column, direction)] * found[column]).sum()
    };
    let parts: Vec<f64> = (0..rank).map(along).collect();
    let inside = |column: usize| -> f64 {
        (0..rank).map(|direction| right[(column, direction)] * parts[direction]).sum()
    };
    let base: Vec<f64> = (0..width).map(inside).collect();
    let size = base.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    if base.iter().all(|value| *value >= -1e-14 * width as f64 * size) {
        return Ok(Some(base.iter().map(|value| value.max(0.0)).collect()));
    }
    let free = width - rank;
    let constraint = |column: usize| {
        let own = (rank..width).map(|direction| right[(column, direction)]);
        own.chain([-base[column] / size]).collect::<Vec<f64>>()
    };
    let constraints: Vec<Vec<f64>> = (0..width).map(constraint).collect();
    let mut goal = vec![0.0; free + 1];
    goal[free] = 1.0;
    let met = minimise(constraints.clone(), goal.clone(), context)?;
    let mut rest: Vec<f64> = goal.iter().map(|own| -own).collect();
    for (constraint, force) in constraints.iter().zip(&met.coefficients) {
        rest.iter_mut().zip(constraint).for_each(|(rest, own)| *rest += force * own);
    }
    let moved = |column: usize| {
        let way: f64 = (0..free).map(|own| constraints[column][own] * rest[own]).sum();
        let value = base[column] - size * way / rest[free];
        if met.coefficients[column] > 0.0 { 0.0 } else { value.max(0.0) }
    };
    let moved: Vec<f64> = (0..width).map(moved).collect();
    Ok(moved.iter().all(|value| value.is_finite()).then_some(moved))
}

struct Search {
    /// The transformed columns: those in use are a triangle in the order in which they came.
    columns: Vec<Vec<f64>>,
    /// The transformed target, the largest number of it 1.
    target: Vec<f64>,
    /// What the target was divided by.
    size: f64,
    /// The lengths of the columns, which no transformation changes.
    lengths: Vec<f64>,
    /// The length of the target.
    length: f64,
    used: Vec<usize>,
    /// Tells for each column whether it is in use.
    place: Vec<bool>,
    found: Vec<f64>,
}

impl Search {
    fn new(columns: Vec<Vec<f64>>, mut target: Vec<f64>) -> Self {
        let size = target.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        let size = if size > 0.0 { size } else { 1.0 };
        target.iter_mut().for_each(|value| *value /= size);
        let width = columns.len();
        Self {
            lengths: columns.iter().map(|column| dot(column, column).sqrt()).collect(),
            length: dot(&target, &target).sqrt(),
            columns,
            target,
            size,
            used: Vec::new(),
            place: vec![false; width],
            found: vec![0.0; width],
        }
    }

    /// Gives the cosine between what a column leaves unexplained and the target.
    fn slope(&self, column: usize) -> f64 {
        let start = self.used.len();
        let along = dot(&self.columns[column][start..], &self.target[start..]);
        let lengths = self.lengths[column] * self.length;
        if lengths > 0.0 { along / lengths } else { 0.0 }
    }

    /// Finds the steepest column not in use; none where all slopes are within rounding of 0.
    fn next(&self) -> Option<usize> {
        let start = self.used.len();
        let noise = 10.0 * f64::EPSILON * self.target.len() as f64;
        let mut best = None;
        for column in (0..self.columns.len()).filter(|column| !self.place[*column]) {
            let rest = &self.columns[column][start..];
            let slope = self.slope(column);
            // What depends on the columns in use has nothing to add.
            let adds = dot(rest, rest).sqrt() > INDEPENDENT * self.lengths[column];
            if adds && slope > best.map_or(noise, |(_, steepest)| steepest) {
                best = Some((column, slope));
            }
        }
        best.map(|(column, _)| column)
    }

    /// Takes a column into use, behind the others: a reflection makes it a column of the triangle.
    fn enter(&mut self, column: usize) {
        let start = self.used.len();
        let mut axis = self.columns[column][start..].to_vec();
        let length = dot(&axis, &axis).sqrt();
        let corner = -length.copysign(axis[0]);
        axis[0] -= corner;
        let half = dot(&axis, &axis) / 2.0;
        let reflect = |values: &mut [f64]| {
            let values = &mut values[start..];
            let share = dot(&axis, values) / half;
            values.iter_mut().zip(&axis).for_each(|(value, axis)| *value -= share * axis);
        };
        let tasks = 1 + LEAST / self.target.len();
        let places = self.place.par_iter().zip(self.columns.par_iter_mut());
        places.with_min_len(tasks).filter(|(used, _)| !**used).for_each(|(_, own)| reflect(own));
        reflect(&mut self.target);
        self.columns[column][start] = corner;
        self.columns[column][start + 1..].fill(0.0);
        self.used.push(column);
        self.place[column] = true;
    }

    /// Goes to the least error of the columns in use; those whose coefficients would fall below 0
    /// on the way go out of use.
    fn settle(&mut self) {
        loop {
            let solved = self.solved();
            let below = |(column, solved): (&usize, &f64)| {
                let own = self.found[*column];
                if *solved > 0.0 { 1.0 } else { own / (own - solved) }
            };
            let shares: Vec<f64> = self.used.iter().zip(&solved).map(below).collect();
            let share = shares.iter().copied().fold(1.0, f64::min);
            for ((column, solved), own) in self.used.iter().zip(&solved).zip(&shares) {
                let found = &mut self.found[*column];
                let moved = if share < 1.0 { *found + share * (solved - *found) } else { *solved };
                *found = if *own < 1.0 && *own == share { 0.0 } else { moved.max(0.0) };
            }
            let mut whole = true;
            while let Some(place) = self.used.iter().position(|own| self.found[*own] <= 0.0) {
                self.leave(place);
                whole = false;
            }
            if whole {
                return;
            }
        }
    }

    /// Solves the triangle of the columns in use.
    fn solved(&self) -> Vec<f64> {
        let mut solved = self.target[..self.used.len()].to_vec();
        for (place, column) in self.used.iter().enumerate().rev() {
            let (above, own) = solved.split_at_mut(place);
            let column = &self.columns[*column];
            own[0] /= column[place];
            above.iter_mut().zip(column).for_each(|(left, entry)| *left -= own[0] * entry);
        }
        solved
    }

    /// Takes a column out of use; rotations make a triangle of the others.
    fn leave(&mut self, place: usize) {
        let column = self.used.remove(place);
        self.place[column] = false;
        self.found[column] = 0.0;
        for (row, own) in self.used.iter().enumerate().skip(place) {
            let (top, bottom) = (self.columns[*own][row], self.columns[*own][row + 1]);
            let length = top.hypot(bottom);
            let (cosine, sine) =
                if length > 0.0 { (top / length, bottom / length) } else { (1.0, 0.0) };
            let rotate = |values: &mut Vec<f64>| {
                let (top, bottom) = (values[row], values[row + 1]);
                values[row] = cosine * top + sine * bottom;
                values[row + 1] = cosine * bottom - sine * top;
            };
            self.columns.iter_mut().for_each(rotate);
            rotate(&mut self.target);
            self.columns[*own][row + 1] = 0.0;
        }
    }
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}
