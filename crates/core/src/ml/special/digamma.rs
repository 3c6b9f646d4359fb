//! The digamma function.

/// Gives the slope of `ln Γ` at `x`, for `x > 0`.
#[must_use]
pub fn digamma(x: f64) -> f64 {
    if x < 10.0 {
        return digamma(x + 1.0) - 1.0 / x;
    }
    // The coefficients are B₂ₖ / 2k, with Bernoulli's numbers.
    let square = 1.0 / (x * x);
    let series = [
        1.0 / 12.0,
        -1.0 / 120.0,
        1.0 / 252.0,
        -1.0 / 240.0,
        1.0 / 132.0,
        -691.0 / 32_760.0,
        1.0 / 12.0,
        -3617.0 / 8160.0,
    ];
    x.ln() - 0.5 / x - square * series.iter().rev().fold(0.0, |sum, part| sum * square + part)
}
