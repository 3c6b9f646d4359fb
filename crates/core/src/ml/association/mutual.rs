//! Mutual information, as scikit-learn estimates it.
//!
//! Levels with levels are counted out; numbers with numbers go by the nearest neighbours of Kraskov,
//! Stögbauer and Grassberger (Phys. Rev. E 69, 2004), numbers with levels by those of Ross (PLoS ONE 9,
//! 2014). As in scikit-learn numbers are divided by their standard deviation, and noise of 10⁻¹⁰ tells
//! equal ones apart.

use rand::RngExt;

use super::levels::{self, Counts};
use super::nearest::{distances, distances_of_sorted, within};
use super::{Association, NO_LEVEL, Values};
use crate::ml::Seed;
use crate::ml::special::{digamma, normal};
use crate::ml::steps::statistics::{moments, total};

/// How many neighbours are looked at.
const NEIGHBORS: usize = 3;

/// Estimates the mutual information of two columns, in nats.
pub(super) fn information(left: &Values, right: &Values, seed: Seed) -> Association {
    match (left, right) {
        (Values::Levels { .. }, Values::Levels { .. }) => {
            levels::information(&Counts::of(left, right))
        }
        (Values::Numbers(x), Values::Numbers(y)) => {
            let (x, y): (Vec<f64>, Vec<f64>) =
                x.iter().zip(y).filter(|(x, y)| !x.is_nan() && !y.is_nan()).unzip();
            let (x, y) = (jittered(x, seed, 0), jittered(y, seed, 1));
            found(x.len(), of_numbers(&x, &y))
        }
        (Values::Numbers(x), Values::Levels { codes, .. }) => with_levels(x, codes, seed, 0),
        (Values::Levels { codes, .. }, Values::Numbers(y)) => with_levels(y, codes, seed, 1),
    }
}

fn found(rows: usize, information: f64) -> Association {
    // Nothing can tell less than nothing; the estimate may.
    let coefficient = if information.is_nan() { f64::NAN } else { information.max(0.0) };
    Association { coefficient, p: f64::NAN, rows }
}

fn with_levels(numbers: &[f64], codes: &[u32], seed: Seed, side: u64) -> Association {
    let present = numbers.iter().zip(codes).filter(|(x, code)| !x.is_nan() && **code != NO_LEVEL);
    let (numbers, codes): (Vec<f64>, Vec<u32>) = present.unzip();
    let numbers = jittered(numbers, seed, side);
    found(numbers.len(), of_numbers_and_levels(&numbers, &codes))
}

/// Brings numbers to a standard deviation of 1 and tells equal ones apart.
fn jittered(mut values: Vec<f64>, seed: Seed, side: u64) -> Vec<f64> {
    let deviation = moments(&values, None).variance.sqrt();
    if deviation > 0.0 {
        values.iter_mut().for_each(|value| *value /= deviation);
    }
    let size = total(values.iter().map(|value| value.abs())) / values.len() as f64;
    let mut random = seed.derive("mutual_info noise", side).generator();
    for value in &mut values {
        let drawn: f64 = random.random();
        *value += 1e-10 * size.max(1.0) * normal::quantile(drawn.max(f64::MIN_POSITIVE));
    }
    values
}

fn of_numbers(x: &[f64], y: &[f64]) -> f64 {
    if x.len() <= NEIGHBORS {
        return f64::NAN;
    }
    let radii = distances(x, y, NEIGHBORS);
    let near = |values: &[f64]| {
        let sorted = sorted(values);
        let one = |(value, radius): (&f64, &f64)| {
            digamma(within(&sorted, *value, radius.next_down().max(0.0)) as f64)
        };
        total(values.iter().zip(&radii).map(one)) / values.len() as f64
    };
    digamma(x.len() as f64) + digamma(NEIGHBORS as f64) - near(x) - near(y)
}

fn of_numbers_and_levels(numbers: &[f64], codes: &[u32]) -> f64 {
    let mut rows: Vec<(u32, f64)> = codes.iter().copied().zip(numbers.iter().copied()).collect();
    rows.sort_unstable_by(|(a, x), (b, y)| a.cmp(b).then(x.total_cmp(y)));
    // A level of one row tells nothing.
    let groups: Vec<Vec<f64>> = rows
        .chunk_by(|(a, _), (b, _)| a == b)
        .filter(|group| group.len() > 1)
        .map(|group| group.iter().map(|(_, value)| *value).collect())
        .collect();
    let all = sorted(&groups.concat());
    if all.is_empty() {
        return f64::NAN;
    }
    let mut terms = Vec::with_capacity(all.len());
    for group in &groups {
        let neighbors = NEIGHBORS.min(group.len() - 1);
        let own = digamma(neighbors as f64) - digamma(group.len() as f64);
        for (value, radius) in group.iter().zip(distances_of_sorted(group, neighbors)) {
            terms.push(own - digamma(within(&all, *value, radius.next_down().max(0.0)) as f64));
        }
    }
    digamma(all.len() as f64) + total(terms.iter().copied()) / all.len() as f64
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}
