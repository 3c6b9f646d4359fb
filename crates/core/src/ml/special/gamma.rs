//! The gamma function's logarithm and the incomplete gamma functions.

use std::f64::consts::TAU;

use super::normal;

/// Where Stirling's series is exact to the last bit.
const STIRLING: f64 = 10.0;

/// Above this shape, sums would take too many terms, and the first terms of Temme's expansion are
/// exact.
const HUGE: f64 = 1e10;

/// What relative change ends a sum or a fraction.
pub(super) const EPSILON: f64 = f64::EPSILON / 2.0;

/// How many terms are looked at before the value is taken as it is: more than any shape below
/// [`HUGE`] needs, where some `10 √a` do.
pub(super) const MOST_TERMS: u32 = 10_000_000;

/// The least number that a continued fraction divides by.
const TINY: f64 = 1e-300;

/// Gives the logarithm of `Γ(x)`, for `x > 0`.
#[must_use]
pub fn ln_gamma(x: f64) -> f64 {
    (x - 0.5) * x.ln() - x + 0.5 * TAU.ln() + stirling_rest(x)
}

/// Gives what Stirling's formula leaves of `ln Γ(x)`:
/// `ln Γ(x) − (x − ½) ln x + x − ½ ln 2π`, for `x > 0`.
pub(super) fn stirling_rest(x: f64) -> f64 {
    if x < STIRLING {
        // Γ(x + 1) = x Γ(x), turned into a step from x + 1 to x.
        return stirling_rest(x + 1.0) + (x + 0.5) * (1.0 / x).ln_1p() - 1.0;
    }
    // The coefficients are B₂ₖ / (2k (2k − 1)), with Bernoulli's numbers.
    let square = 1.0 / (x * x);
    let series = [
        1.0 / 12.0,
        -1.0 / 360.0,
        1.0 / 1260.0,
        -1.0 / 1680.0,
        1.0 / 1188.0,
        -691.0 / 360_360.0,
        1.0 / 156.0,
        -3617.0 / 122_400.0,
    ];
    series.iter().rev().fold(0.0, |sum, part| sum * square + part) / x
}

/// Gives `ln(1 + x) − x` without losing digits near 0.
pub(super) fn ln_1p_less(x: f64) -> f64 {
    if !(-0.4..=0.5).contains(&x) {
        return x.ln_1p() - x;
    }
    // With r = x / (2 + x): ln(1 + x) = 2 (r + r³/3 + r⁵/5 + …), and x = 2r / (1 − r) = 2r + r x.
    let r = x / (2.0 + x);
    let square = r * r;
    let (mut power, mut sum) = (square, 0.0);
    // The square is at most 1/16, so that 16 terms are more than enough.
    for odd in (3..35).step_by(2) {
        sum += power / f64::from(odd);
        power *= square;
    }
    r * (2.0 * sum - x)
}

/// Gives the regularised upper incomplete gamma function `Q(a, x)`, for `a > 0` and `x ≥ 0`.
pub(super) fn upper(a: f64, x: f64) -> f64 {
    if a.is_nan() || x.is_nan() {
        return f64::NAN;
    }
    if x <= 0.0 {
        return 1.0;
    }
    if x.is_infinite() {
        return 0.0;
    }
    if a > HUGE {
        return far_upper(a, x);
    }
    if x < a + 1.0 { 1.0 - lower_series(a, x) } else { upper_fraction(a, x) }
}

/// Gives `xᵃ e⁻ˣ / Γ(a + 1)`.
fn front(a: f64, x: f64) -> f64 {
    let away = (x - a) / a;
    // Far below the peak, one plus `away` has lost the digits of x.
    let power = if away < -0.5 { (x / a).ln() - away } else { ln_1p_less(away) };
    (a * power - stirling_rest(a)).exp() / (TAU * a).sqrt()
}

/// Adds up `P(a, x) = xᵃ e⁻ˣ / Γ(a + 1) · (1 + x/(a+1) + x²/((a+1)(a+2)) + …)`.
fn lower_series(a: f64, x: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 1.0);
    for step in 1..MOST_TERMS {
        term *= x / (a + f64::from(step));
        sum += term;
        if term <= sum * EPSILON {
            break;
        }
    }
    (front(a, x) * sum).min(1.0)
}

/// Works out Legendre's continued fraction for `Q(a, x)` by Lentz's method, from `x ≥ a + 1` on.
fn upper_fraction(a: f64, x: f64) -> f64 {
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / b;
    let mut value = d;
    for step in (1..MOST_TERMS).map(f64::from) {
        let numerator = -step * (step - a);
        b += 2.0;
        d = 1.0 / bounded(numerator * d + b);
        c = bounded(b + numerator / c);
        let factor = c * d;
        value *= factor;
        if (factor - 1.0).abs() <= EPSILON {
            break;
        }
    }
    front(a, x) * a * value
}

/// Keeps a divisor away from 0.
pub(super) fn bounded(value: f64) -> f64 {
    if value.abs() < TINY { TINY } else { value }
}

/// Gives the first terms of Temme's expansion for large `a` (SIAM J. Math. Anal. 10, 1979).
///
/// What is left out is smaller by `a^(−3/2)`.
fn far_upper(a: f64, x: f64) -> f64 {
    let away = (x - a) / a;
    let half = -ln_1p_less(away);
    // η² / 2 = λ − 1 − ln λ, with the sign of λ − 1.
    let eta = (2.0 * half).sqrt().copysign(away);
    let first = if away.abs() < 1e-5 { -1.0 / 3.0 + away / 12.0 } else { 1.0 / away - 1.0 / eta };
    normal::upper_tail(eta * a.sqrt()) + first * (-a * half).exp() / (TAU * a).sqrt()
}
