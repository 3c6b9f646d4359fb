//! The incomplete beta function.

use std::f64::consts::{LN_2, PI};

use super::gamma::{EPSILON, MOST_TERMS, bounded, stirling_rest};

/// Gives the regularised incomplete beta function `I_x(a, b)`, for `a, b > 0`.
///
/// Takes `y = 1 − x` as well, as one of the two may be too near to 1 to tell.
pub(super) fn lower(a: f64, b: f64, x: f64, y: f64) -> f64 {
    if [a, b, x, y].iter().any(|value| value.is_nan()) {
        return f64::NAN;
    }
    if x <= 0.0 {
        return 0.0;
    }
    if y <= 0.0 {
        return 1.0;
    }
    if x < (a + 1.0) / (a + b + 2.0) { fraction(a, b, x, y) } else { 1.0 - fraction(b, a, y, x) }
}

/// Gives `xᵃ yᵇ / B(a, b)`, each power near its own peak so that large ones keep their digits.
fn front(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let sum = a + b;
    // Both powers are highest at x = a / (a + b), where Stirling's formula takes them up whole.
    let (peak, other_peak) = (a / sum, b / sum);
    let away = if x > 0.5 { other_peak - y } else { x - peak };
    let power = |shape: f64, value: f64, peak: f64, away: f64| {
        let relative = away / peak;
        shape * if relative.abs() < 0.5 { relative.ln_1p() } else { (value / peak).ln() }
    };
    let powers = power(a, x, peak, away) + power(b, y, other_peak, -away);
    let rests = stirling_rest(sum) - stirling_rest(a) - stirling_rest(b);
    let scale = 0.5 * (a.ln() + b.ln() - sum.ln() - LN_2 - PI.ln());
    (powers + rests + scale).exp()
}

/// Works out the continued fraction of `I_x(a, b)` in the form of DiDonato and Morris (ACM Trans.
/// Math. Softw. 18, 1992), which takes `a − (a + b) x` from the outside, by Lentz's method.
fn fraction(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let below_peak = if x > 0.5 { (a + b) * y - b } else { a - (a + b) * x };
    let denominator = |n: f64| {
        let first = n + n * (b - n) * x / (a + 2.0 * n - 1.0);
        first + (a + n) / (a + 2.0 * n + 1.0) * (below_peak + 1.0 + n * (1.0 + y))
    };
    let start = a / (a + 1.0) * (below_peak + 1.0);
    let (mut c, mut d) = (bounded(start), 0.0);
    let mut value = 1.0 / c;
    for n in (1..MOST_TERMS).map(f64::from) {
        let odd = a + 2.0 * n - 1.0;
        let numerator = (a + n - 1.0) / odd * ((a + b + n - 1.0) / odd) * n * (b - n) * x * x;
        let own = denominator(n);
        d = 1.0 / bounded(own + numerator * d);
        c = bounded(own + numerator / c);
        let factor = c * d;
        value /= factor;
        if (factor - 1.0).abs() <= EPSILON {
            break;
        }
    }
    (front(a, b, x, y) * value).min(1.0)
}
