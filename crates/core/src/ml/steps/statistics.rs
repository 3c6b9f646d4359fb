//! Means, variances and quantiles over the values that are there, in a fixed order of addition.

/// Gives the values that are no NaN, sorted.
pub(super) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut own: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    own.sort_unstable_by(f64::total_cmp);
    own
}

/// Gives a quantile of sorted values by linear interpolation; NaN of none.
///
/// The virtual index is `q (n - 1)`, and the interpolation the one that `NumPy` uses: from the nearer
/// end, so that it is exact at both.
pub(in crate::ml) fn quantile(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    interpolated(sorted, q.clamp(0.0, 1.0) * last as f64)
}

/// Gives what lies at a place between sorted values, counted from 0; NaN of none.
pub(super) fn interpolated(sorted: &[f64], place: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = place.clamp(0.0, last as f64);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to last")]
    let low = (place.floor() as usize).min(last);
    let high = (low + 1).min(last);
    let (a, b, t) = (sorted[low], sorted[high], place - low as f64);
    if a == b || t == 0.0 {
        // From an infinity there is no difference to count with.
        return a;
    }
    let difference = b - a;
    if t >= 0.5 { b - difference * (1.0 - t) } else { a + difference * t }
}

/// Sums, mean and variance of the values that are there.
#[derive(Clone, Copy, Debug)]
pub(in crate::ml) struct Moments {
    /// The sum of the weights.
    pub count: f64,
    /// The weighted mean; NaN where nothing has weight.
    pub mean: f64,
    /// The weighted variance around it, divided by the sum of weights.
    pub variance: f64,
}

/// Computes [`Moments`] in two passes, the second one mended by its own mean (Chan, Golub and
/// `LeVeque`).
pub(in crate::ml) fn moments(values: &[f64], weights: Option<&[f64]>) -> Moments {
    let weight =
        |row: usize| weights.map_or(1.0, |weights| weights.get(row).copied().unwrap_or(0.0));
    let present = || {
        let rows = values.iter().enumerate().filter(|(_, value)| !value.is_nan());
        rows.map(|(row, value)| (*value, weight(row))).filter(|(_, weight)| *weight > 0.0)
    };
    let count = total(present().map(|(_, weight)| weight));
    let mean = total(present().map(|(value, weight)| value * weight)) / count;
    let drift = total(present().map(|(value, weight)| (value - mean) * weight));
    let squares = total(present().map(|(value, weight)| (value - mean) * (value - mean) * weight));
    let variance = (squares - drift * drift / count).max(0.0) / count;
    Moments { count, mean, variance }
}

/// Adds in order, carrying what rounding loses (Neumaier).
pub(in crate::ml) fn total(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0_f64, 0.0_f64);
    for value in values {
        let next = sum + value;
        if sum.abs() >= value.abs() {
            lost += (sum - next) + value;
        } else {
            lost += (value - next) + sum;
        }
        sum = next;
    }
    // Past infinity, what was lost is NaN.
    if lost.is_finite() { sum + lost } else { sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate_and_are_exact_at_the_ends() {
        let values = sorted(&[3.0, f64::NAN, 0.0, 1.0, 2.0]);
        let at = [0.0, 0.25, 0.5, 1.0].map(|q| quantile(&values, q).to_bits());
        assert_eq!(at, [0.0_f64, 0.75, 1.5, 3.0].map(f64::to_bits));
        assert!(quantile(&[], 0.5).is_nan());
        assert!((quantile(&[7.0], 0.3) - 7.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_weight_counts_as_copies() {
        let weighted = moments(&[1.0, f64::NAN, 4.0, 9.0], Some(&[3.0, 5.0, 1.0, 0.0]));
        let copies = moments(&[1.0, 1.0, 1.0, 4.0], None);
        let bits = |own: Moments| [own.count, own.mean, own.variance].map(f64::to_bits);
        assert_eq!(bits(weighted), bits(copies));
    }

    #[test]
    fn sums_survive_huge_and_infinite_values() {
        let sums = [total([1e16, 1.0, -1e16].into_iter()), total([f64::MAX, f64::MAX].into_iter())];
        assert_eq!(sums.map(f64::to_bits), [1.0, f64::INFINITY].map(f64::to_bits));
    }
}
