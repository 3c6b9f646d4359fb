//! Coordinate descent on a quadratic with an absolute penalty.
//!
//! Friedman, Hastie and Tibshirani, J. Stat. Softw. 33, 2010. Once the set of coefficients in use
//! settles, its own equations are solved at once, so that the optimum is exact. Knows nothing of rows:
//! `elastic` brings least squares, `sparse` a step's model of the log loss.

use faer::linalg::solvers::Solve;
use faer::{Mat, Side};

use crate::ml::estimator::{FitContext, FitError};

/// Equations of more coefficients than this are not solved at once.
const MOST_AT_ONCE: usize = 3_000;

/// As many coefficients are left out of the equations one after the other before the descent goes on.
const MOST_LEFT_OUT: usize = 20;

/// But the equations are solved no more often than takes so many multiplications.
const MOST_WORK: usize = 1_000_000_000;

/// The part of the largest curvature that is added to all, so that columns that depend on each other
/// have a solution: one far away, and the way there ends where the first of them is left out.
const APART: f64 = 1e-11;

/// ½ βᵀGβ − cᵀβ + Σ lⱼ |βⱼ| + ½ Σ qⱼ βⱼ², and a point on it.
pub(super) struct Descent {
    /// G, whole.
    pub(super) gram: Mat<f64>,
    /// c.
    pub(super) aims: Vec<f64>,
    /// l; 0 is a coefficient that is always in use.
    pub(super) absolute: Vec<f64>,
    /// q.
    pub(super) quadratic: Vec<f64>,
    /// Keeps coefficients at 0 or above.
    pub(super) positive: bool,
    /// β.
    pub(super) found: Vec<f64>,
    /// c − Gβ.
    pub(super) left: Vec<f64>,
}

impl Descent {
    /// Descends until it is enough, for some rounds at most; gives the rounds.
    pub(super) fn run(
        &mut self,
        most: u64,
        context: &FitContext<'_>,
        enough: impl Fn(&Self) -> bool,
    ) -> Result<u64, FitError> {
        let (mut next_solve, mut signs) = (2, Vec::new());
        for round in 1..=most {
            context.check()?;
            (0..self.found.len()).for_each(|column| self.step(column));
            for _ in 0..4 {
                self.used().into_iter().for_each(|column| self.step(column));
            }
            let now: Vec<i8> = self.found.iter().map(|value| sign(*value)).collect();
            // Where the same columns are in use as before, their equations may be the whole problem.
            if now == signs && round >= next_solve {
                self.solve();
                next_solve = round + round / 2 + 1;
            }
            signs = now;
            if enough(self) {
                return Ok(round);
            }
        }
        Ok(most)
    }

    fn used(&self) -> Vec<usize> {
        let used = |column: &usize| self.found[*column] != 0.0 || self.absolute[*column] == 0.0;
        (0..self.found.len()).filter(used).collect()
    }

    /// Minimises over one coefficient.
    fn step(&mut self, column: usize) {
        let own = self.gram[(column, column)];
        let before = self.found[column];
        let pull = self.left[column] + own * before;
        let curvature = own + self.quadratic[column];
        let after = if curvature > 0.0 && !(self.positive && pull < 0.0) {
            let shrunk = (pull.abs() - self.absolute[column]).max(0.0) / curvature;
            shrunk.copysign(pull)
        } else {
            0.0
        };
        let after = if after == 0.0 { 0.0 } else { after };
        if after.to_bits() != before.to_bits() {
            let change = after - before;
            let covariances = self.gram.col_as_slice(column);
            self.left.iter_mut().zip(covariances).for_each(|(left, own)| *left -= change * own);
            self.found[column] = after;
        }
    }

    /// Solves for the coefficients in use, their signs kept: goes to the solution, or as far as the
    /// first that would change its sign; that one is left out, and the others solved for anew.
    fn solve(&mut self) {
        let (found, left, value) = (self.found.clone(), self.left.clone(), self.value());
        let size = self.used().len();
        for _ in 0..(MOST_WORK / size.pow(3).max(1)).clamp(1, MOST_LEFT_OUT) {
            let used = self.used();
            let Some(solved) = self.solution(&used) else { break };
            let share = |(column, solved): (&usize, &f64)| {
                let own = self.found[*column];
                let kept = self.absolute[*column] == 0.0 || sign(own) == sign(*solved);
                if kept { 1.0 } else { own / (own - solved) }
            };
            let shares: Vec<f64> = used.iter().zip(&solved).map(share).collect();
            let length = shares.iter().copied().fold(1.0, f64::min);
            for ((column, solved), share) in used.iter().zip(&solved).zip(&shares) {
                let own = self.found[*column];
                let moved = if length < 1.0 { own + length * (solved - own) } else { *solved };
                let crossed = self.absolute[*column] > 0.0 && sign(moved) != sign(own);
                let stops = length < 1.0 && *share == length;
                self.found[*column] = if crossed || stops { 0.0 } else { moved };
            }
            if length == 1.0 {
                break;
            }
        }
        self.left.copy_from_slice(&self.aims);
        for column in self.used() {
            let (value, covariances) = (self.found[column], self.gram.col_as_slice(column));
            self.left.iter_mut().zip(covariances).for_each(|(left, own)| *left -= value * own);
        }
        // Equations that are nearly singular may lead anywhere.
        let falls = self.value() <= value + 1e-12 * value.abs();
        if !falls {
            (self.found, self.left) = (found, left);
        }
    }

    /// Gives what is minimised.
    fn value(&self) -> f64 {
        let of = |column: usize| {
            let own = self.found[column];
            // ½ βᵀGβ − cᵀβ = −½ βᵀ(c + (c − Gβ))
            self.absolute[column] * own.abs() + 0.5 * self.quadratic[column] * own * own
                - 0.5 * own * (self.aims[column] + self.left[column])
        };
        (0..self.found.len()).map(of).sum()
    }

    /// Solves the equations of some coefficients; none where they depend on each other.
    fn solution(&self, used: &[usize]) -> Option<Vec<f64>> {
        if used.is_empty() || used.len() > MOST_AT_ONCE {
            return None;
        }
        let entry = |row: usize, column: usize| {
            let penalty = if row == column { self.quadratic[used[row]] } else { 0.0 };
            self.gram[(used[row], used[column])] + penalty
        };
        let matrix = Mat::from_fn(used.len(), used.len(), entry);
        let most = (0..used.len()).map(|place| matrix[(place, place)]).fold(0.0, f64::max);
        let mut apart = matrix.clone();
        (0..used.len()).for_each(|place| apart[(place, place)] += APART * most);
        let factor = apart.llt(Side::Lower).ok()?;
        let aim = |row: usize, _| {
            let column = used[row];
            self.aims[column] - self.absolute[column].copysign(self.found[column])
        };
        let aims = Mat::from_fn(used.len(), 1, aim);
        let mut solved = factor.solve(&aims);
        // What was added moves the solution; each round takes that out but a share as small.
        for _ in 0..2 {
            solved += factor.solve(&aims - &matrix * &solved);
        }
        let solved = solved.col_as_slice(0).to_vec();
        solved.iter().all(|value| value.is_finite()).then_some(solved)
    }
}

fn sign(value: f64) -> i8 {
    if value == 0.0 {
        0
    } else if value > 0.0 {
        1
    } else {
        -1
    }
}
