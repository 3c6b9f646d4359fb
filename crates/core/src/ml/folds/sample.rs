//! Samples of training rows: a smaller one is part of a larger one.

use rand::seq::SliceRandom;

use crate::data::Target;
use crate::ml::Seed;

/// Shuffles rows so that any beginning of them is a fair sample.
///
/// Of classes a beginning has nearly the shares of all rows, and as early as possible a row of each.
#[must_use]
pub fn sample_order(rows: &[usize], target: &Target, seed: Seed) -> Vec<usize> {
    let mut order = rows.to_vec();
    order.shuffle(&mut seed.generator());
    let Target::Classes { codes, classes } = target else { return order };
    let code = |row: usize| codes.get(row).map_or(0, |code| *code as usize);
    let mut counts = vec![0_u64; classes.len().max(1)];
    order.iter().for_each(|row| counts[code(*row)] += 1);
    let mut seen = vec![0_u64; counts.len()];
    let mut placed: Vec<(f64, usize)> = Vec::with_capacity(order.len());
    for row in order {
        let own = code(row);
        placed.push((seen[own] as f64 / counts[own] as f64, row));
        seen[own] += 1;
    }
    // The first row of each class has place 0; the sort is stable, so ties stay shuffled.
    placed.sort_by(|one, other| one.0.total_cmp(&other.0));
    placed.into_iter().map(|(_, row)| row).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::sample_order;
    use crate::data::{Label, Target};
    use crate::ml::Seed;

    #[test]
    fn every_beginning_has_the_shares_of_the_classes() {
        // 90 rows of one class, 27 of the next, 3 of the last.
        let codes: Vec<u32> =
            (0..120).map(|row| [0, 0, 0, 1][row % 4] + u32::from(row % 40 == 3)).collect();
        let classes: Arc<[Label]> = (0..3).map(Label::Int).collect();
        let target = Target::Classes { codes: codes.clone().into(), classes };
        let rows: Vec<usize> = (0..120).collect();
        let order = sample_order(&rows, &target, Seed::new(1));
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, rows);
        let all = |class: u32| codes.iter().filter(|code| **code == class).count() as f64;
        for length in 3..=120 {
            for class in 0..3 {
                let own = order[..length].iter().filter(|row| codes[**row] == class).count();
                let even = all(class) * length as f64 / 120.0;
                assert!(
                    own > 0 && (own as f64 - even).abs() <= 2.0,
                    "{own} of {class} in {length}"
                );
            }
        }
        assert_ne!(order, sample_order(&rows, &target, Seed::new(2)));
    }

    #[test]
    fn rows_without_classes_are_shuffled() {
        let rows: Vec<usize> = (10..30).collect();
        let order = sample_order(&rows, &Target::Absent { rows: 40 }, Seed::new(1));
        assert_ne!(order, rows);
        let mut sorted = order;
        sorted.sort_unstable();
        assert_eq!(sorted, rows);
    }
}
