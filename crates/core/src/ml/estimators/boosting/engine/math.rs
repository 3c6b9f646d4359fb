//! Exponentials and logarithms that are the same on every platform and fit into vector registers.

/// Adding this to a float below 2^51 rounds it to a whole number, which then sits in the low bits.
pub(super) const ROUND: f64 = 6_755_399_441_055_744.0;

/// Gives e^x with a relative error below 1e-15; beyond the range of floats it is 0 or huge.
///
/// e^x = 2^n · e^r with n = round(x / ln 2) and |r| ≤ ln 2 / 2; e^r by its Taylor series.
#[inline]
pub(super) fn exp(x: f64) -> f64 {
    const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    let x = x.clamp(-708.0, 709.0);
    let shifted = x * std::f64::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    let mut sum = 1.0 / 6_227_020_800.0;
    for term in [
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ] {
        sum = sum * r + term;
    }
    let power = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1.0_f64.to_bits()));
    sum * power
}

/// Gives ln(1 + e) for e between 0 and 1 with a relative error below 1e-13.
///
/// ln(1 + e) = 2 artanh(e / (2 + e)), by the series of artanh.
#[inline]
pub(super) fn ln_1p(e: f64) -> f64 {
    let s = e / (2.0 + e);
    let square = s * s;
    let mut sum = 1.0 / 27.0;
    for odd in [25.0, 23.0, 21.0, 19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
        sum = sum * square + 1.0 / odd;
    }
    2.0 * s * sum
}

#[cfg(test)]
mod tests {
    use super::{exp, ln_1p};

    #[test]
    fn exp_agrees_with_the_library() {
        for step in -7000..7000 {
            let x = f64::from(step) / 10.0 + 0.013;
            let (own, library) = (exp(x), x.exp());
            assert!((own - library).abs() <= 2e-15 * library, "{x}: {own} {library}");
        }
        assert!(exp(f64::NEG_INFINITY) < 1e-300 && exp(f64::INFINITY) > 1e300);
    }

    #[test]
    fn ln_1p_agrees_with_the_library() {
        for step in 0..=1000 {
            let e = f64::from(step) / 1000.0;
            assert!((ln_1p(e) - e.ln_1p()).abs() <= 1e-13 * e.ln_1p(), "{e}");
        }
    }
}
