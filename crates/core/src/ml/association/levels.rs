//! Levels against levels: the table of counts, and what is read from it.

use super::{Association, NO_LEVEL, Values};
use crate::ml::special::chi_squared_upper_tail;
use crate::ml::steps::statistics::total;

/// How often two columns of levels have which pair; only pairs that occur.
pub(super) struct Counts {
    /// The codes of either column and the count, ordered by code.
    cells: Vec<(u32, u32, f64)>,
    left: Vec<f64>,
    right: Vec<f64>,
    rows: usize,
}

impl Counts {
    /// Counts the rows in which both columns have a level; columns of numbers have none.
    pub(super) fn of(left: &Values, right: &Values) -> Self {
        let (Values::Levels { codes: a, count: m }, Values::Levels { codes: b, count: n }) =
            (left, right)
        else {
            return Self { cells: Vec::new(), left: Vec::new(), right: Vec::new(), rows: 0 };
        };
        let present = a.iter().zip(b).filter(|(a, b)| **a != NO_LEVEL && **b != NO_LEVEL);
        let mut pairs: Vec<u64> =
            present.map(|(a, b)| (u64::from(*a) << 32) | u64::from(*b)).collect();
        pairs.sort_unstable();
        let (mut left, mut right) = (vec![0.0; *m], vec![0.0; *n]);
        let mut cells = Vec::new();
        for run in pairs.chunk_by(|a, b| a == b) {
            let (a, b, count) = ((run[0] >> 32) as u32, run[0] as u32, run.len() as f64);
            left[a as usize] += count;
            right[b as usize] += count;
            cells.push((a, b, count));
        }
        Self { cells, left, right, rows: pairs.len() }
    }

    /// Gives each cell's count and the two counts that it is a part of.
    fn cells(&self) -> impl Iterator<Item = (f64, f64, f64)> {
        let cell = |(a, b, count): &(u32, u32, f64)| {
            (*count, self.left[*a as usize], self.right[*b as usize])
        };
        self.cells.iter().map(cell)
    }
}

/// Gives Cramér's V and the p-value of the chi-squared test of independence.
pub(super) fn cramers_v(counts: &Counts) -> Association {
    let rows = counts.rows;
    let n = rows as f64;
    let present = |side: &[f64]| side.iter().filter(|count| **count > 0.0).count() as f64;
    let (left, right) = (present(&counts.left), present(&counts.right));
    if left < 2.0 || right < 2.0 {
        return Association { coefficient: f64::NAN, p: f64::NAN, rows };
    }
    let expected = |a: f64, b: f64| a * b / n;
    let of_cells = total(counts.cells().map(|(count, a, b)| {
        let off = count - expected(a, b);
        off * off / expected(a, b)
    }));
    // A pair that doesn't occur adds what would be expected of it: all of these together are what the
    // others don't take.
    let of_others = n - total(counts.cells().map(|(_, a, b)| expected(a, b)));
    let statistic = of_cells + of_others.max(0.0);
    let coefficient = (statistic / n / (left.min(right) - 1.0)).sqrt().min(1.0);
    let p = chi_squared_upper_tail(statistic, (left - 1.0) * (right - 1.0));
    Association { coefficient, p, rows }
}

/// Gives the mutual information of the two columns, in nats.
pub(super) fn information(counts: &Counts) -> Association {
    let n = counts.rows as f64;
    let sum = total(counts.cells().map(|(count, a, b)| count / n * (n * count / (a * b)).ln()));
    let coefficient = if counts.rows == 0 { f64::NAN } else { sum.max(0.0) };
    Association { coefficient, p: f64::NAN, rows: counts.rows }
}
