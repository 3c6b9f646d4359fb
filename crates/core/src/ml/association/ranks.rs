//! Average ranks.

/// Gives each value its rank from 1 on, equal values the mean of theirs; no value may be NaN.
pub(super) fn average(values: &[f64]) -> Vec<f64> {
    let order = order(values);
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let value = values[order[start]];
        let run = order[start..].iter().take_while(|row| values[**row] == value).count();
        // Ranks start + 1 to start + run.
        let rank = (2 * start + run + 1) as f64 / 2.0;
        for row in &order[start..start + run] {
            ranks[*row] = rank;
        }
        start += run;
    }
    ranks
}

/// Gives the rows in ascending order of their values.
pub(super) fn order(values: &[f64]) -> Vec<usize> {
    let mut keyed: Vec<(f64, usize)> = values.iter().copied().zip(0..).collect();
    keyed.sort_unstable_by(|(a, i), (b, j)| a.total_cmp(b).then(i.cmp(j)));
    keyed.into_iter().map(|(_, row)| row).collect()
}

#[cfg(test)]
mod tests {
    use super::average;

    #[test]
    fn equal_values_share_the_mean_of_their_ranks() {
        assert_eq!(average(&[3.0, -0.0, 3.0, 1.0, 0.0]), [4.5, 1.5, 4.5, 3.0, 1.5]);
        assert!(average(&[]).is_empty());
    }
}
