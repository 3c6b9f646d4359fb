//! Kendall's tau-b.

use super::Association;
use super::ranks::order;
use crate::ml::special::normal;

/// Up to so many rows without ties, the p-value is counted out.
const EXACT_ROWS: usize = 33;

/// Compares two columns without missing values, in time `n log n` (Knight, J. Am. Stat. Assoc. 61,
/// 1966).
pub(super) fn tau(x: &[f64], y: &[f64]) -> Association {
    let rows = x.len();
    let undefined = Association { coefficient: f64::NAN, p: f64::NAN, rows };
    let mut order: Vec<usize> = order(x);
    for run in order.chunk_by_mut(|a, b| x[*a] == x[*b]) {
        run.sort_unstable_by(|a, b| y[*a].total_cmp(&y[*b]));
    }
    let both = Ties::of(order.chunk_by(|a, b| x[*a] == x[*b] && y[*a] == y[*b]).map(<[_]>::len));
    let left = Ties::of(order.chunk_by(|a, b| x[*a] == x[*b]).map(<[_]>::len));
    let mut sorted: Vec<f64> = order.iter().map(|row| y[*row]).collect();
    let exchanges = exchanges(&mut sorted);
    let right = Ties::of(sorted.chunk_by(|a, b| a == b).map(<[_]>::len));
    let all = pairs(rows);
    if left.pairs == all || right.pairs == all {
        return undefined;
    }
    // Pairs in the same order less those in the other one.
    let balance = (all + both.pairs) as f64 - (left.pairs + right.pairs + 2 * exchanges) as f64;
    let untied = ((all - left.pairs) as f64).sqrt() * ((all - right.pairs) as f64).sqrt();
    let coefficient = (balance / untied).clamp(-1.0, 1.0);
    let few = exchanges.min(all - exchanges);
    let p = if left.pairs == 0 && right.pairs == 0 && (rows <= EXACT_ROWS || few <= 1) {
        exact(rows, few)
    } else {
        approximate(rows, balance, &left, &right)
    };
    Association { coefficient, p, rows }
}

/// Counts the pairs among so many.
const fn pairs(count: usize) -> u64 {
    let count = count as u64;
    count * count.saturating_sub(1) / 2
}

/// What is needed to know of the runs of equal values.
struct Ties {
    /// The pairs inside of runs.
    pairs: u64,
    /// `Σ t (t − 1) (t − 2)`.
    triples: f64,
    /// `Σ t (t − 1) (2t + 5)`.
    spread: f64,
}

impl Ties {
    fn of(runs: impl Iterator<Item = usize>) -> Self {
        let mut ties = Self { pairs: 0, triples: 0.0, spread: 0.0 };
        for run in runs.filter(|run| *run > 1) {
            let t = run as f64;
            ties.pairs += pairs(run);
            ties.triples += t * (t - 1.0) * (t - 2.0);
            ties.spread += t * (t - 1.0) * (2.0 * t + 5.0);
        }
        ties
    }
}

/// Sorts values and counts the pairs that stood in falling order.
fn exchanges(values: &mut Vec<f64>) -> u64 {
    let mut other = values.clone();
    let mut count = 0;
    let mut width = 1;
    while width < values.len() {
        for (from, to) in values.chunks(2 * width).zip(other.chunks_mut(2 * width)) {
            count += merge(from, width.min(from.len()), to);
        }
        std::mem::swap(values, &mut other);
        width *= 2;
    }
    count
}

/// Merges two sorted runs, and counts how many values of the first each of the second goes before.
fn merge(from: &[f64], middle: usize, to: &mut [f64]) -> u64 {
    let (left, right) = from.split_at(middle);
    let (mut i, mut j, mut count) = (0, 0, 0);
    for place in to {
        if i < left.len() && (j >= right.len() || left[i] <= right[j]) {
            *place = left[i];
            i += 1;
        } else {
            *place = right[j];
            j += 1;
            count += (left.len() - i) as u64;
        }
    }
    count
}

/// Counts out the chance of at most so many exchanges, on either side, among all orders.
fn exact(rows: usize, exchanges: u64) -> f64 {
    let orders: f64 = (1..=rows).map(|factor| factor as f64).product();
    match exchanges {
        0 if rows > 1 => 2.0 / orders,
        _ if rows < 2 || 2 * exchanges == pairs(rows) => 1.0,
        1 => 2.0 / orders * rows as f64,
        // Only a few rows have this many exchanges and come here.
        _ => (2.0 * below(rows, exchanges as usize) / orders).min(1.0),
    }
}

/// Counts the orders of so many rows that have at most so many exchanges.
fn below(rows: usize, exchanges: usize) -> f64 {
    let mut counts = vec![0.0; exchanges + 1];
    counts[0] = 1.0;
    for row in 2..=rows {
        // A further row adds 0 to `row − 1` exchanges: a sum over the last `row` counts.
        let before = counts.clone();
        let mut sum = 0.0;
        for (place, count) in counts.iter_mut().enumerate() {
            sum += before[place];
            if let Some(out) = place.checked_sub(row) {
                sum -= before[out];
            }
            *count = sum;
        }
    }
    counts.iter().sum()
}

/// Gives the chance by the normal distribution, the variance mended for ties.
fn approximate(rows: usize, balance: f64, left: &Ties, right: &Ties) -> f64 {
    let n = rows as f64;
    let m = n * (n - 1.0);
    let mut variance = (m * (2.0 * n + 5.0) - left.spread - right.spread) / 18.0
        + 2.0 * left.pairs as f64 * right.pairs as f64 / m;
    if rows > 2 {
        variance += left.triples * right.triples / (9.0 * m * (n - 2.0));
    }
    (2.0 * normal::upper_tail(balance.abs() / variance.sqrt())).min(1.0)
}
