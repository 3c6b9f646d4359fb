//! Functions whose bits are the same on every machine: sums and products alone, in a fixed order.
//!
//! Without the machine's own fused multiply-add each of theirs is a call, so loops over them belong into
//! [`wide`]. They are written without branches, so that such a loop takes several numbers at once.

#![expect(clippy::inline_always, reason = "what isn't inlined is not compiled for wide vectors")]

use pulp::Arch;

/// 2^23 + 2^22: added and taken away, it rounds to a whole number.
const ROUNDER: f32 = 12_582_912.0;

/// Does some work in code for the widest vectors of the machine, with the same bits on all.
///
/// The work is a closure that is always inlined, and calls nothing that isn't.
#[inline(always)]
pub(super) fn wide<R>(work: impl FnOnce() -> R) -> R {
    Arch::new().dispatch(work)
}

/// Gives eˣ, to about one unit in the last place; above 88 infinity, far below 0 zero.
///
/// x = n·ln 2 + r with |r| ≤ ln 2 / 2, and eʳ by its Taylor series, which ends below the precision.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // A number that is none stays none on this way.
    let near = x.clamp(-87.33, 88.72);
    let whole = near.mul_add(std::f32::consts::LOG2_E, ROUNDER) - ROUNDER;
    // ln 2 in two parts, the first with so few digits that the product is exact.
    let rest = whole.mul_add(-0.693_359_4, near);
    let rest = whole.mul_add(2.121_944_4e-4, rest);
    let mut series = 1.0 / 5040.0;
    for term in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        series = rest.mul_add(series, term);
    }
    // 2ⁿ in two steps, as 2¹²⁸ is no number.
    let half = (whole * 0.5).floor();
    let power = power_of_two(half) * (series * power_of_two(whole - half));
    // The smallest results are left out: below the normal numbers there is 0.
    let power = if x < -87.33 { 0.0 } else { power };
    if x > 88.72 { f32::INFINITY } else { power }
}

/// Gives 2ⁿ for a whole number from −126 to 127.
#[inline(always)]
fn power_of_two(n: f32) -> f32 {
    f32::from_bits(((n as i32 + 127) as u32) << 23)
}

/// Gives 1 / (1 + e⁻ˣ).
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Gives the hyperbolic tangent.
#[inline(always)]
pub(super) fn tanh(x: f32) -> f32 {
    let size = x.abs();
    // Where the difference below would lose its digits: the Taylor series to the 11th power.
    let square = x * x;
    let mut series = -1_382.0 / 155_925.0;
    for term in [62.0 / 2_835.0, -17.0 / 315.0, 2.0 / 15.0, -1.0 / 3.0, 1.0] {
        series = square.mul_add(series, term);
    }
    let far = 1.0 - 2.0 / (exp(2.0 * size) + 1.0);
    if size < 0.3 { x * series } else { far.copysign(x) }
}

/// Gives the error function, to 2·10⁻⁷ (Abramowitz and Stegun 7.1.26).
#[inline(always)]
pub(super) fn erf(x: f32) -> f32 {
    let size = x.abs();
    let t = 1.0 / 0.327_591_1_f32.mul_add(size, 1.0);
    let mut series = 1.061_405_4_f32;
    for term in [-1.453_152_1, 1.421_413_8, -0.284_496_72, 0.254_829_6] {
        series = t.mul_add(series, term);
    }
    let far = 1.0 - t * series * exp(-size * size);
    far.copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each(check: impl Fn(f32)) {
        for step in -30_000_i16..=30_000 {
            check(f32::from(step) / 300.0);
        }
    }

    #[test]
    fn functions_are_those_of_twice_the_precision() {
        each(|x| {
            let wide = f64::from(x);
            let near = |found: f32, exact: f64, tolerance: f64, name: &str| {
                let off = (f64::from(found) - exact).abs();
                assert!(off <= tolerance, "{name} of {x} is {found}, not {exact}");
            };
            if (-87.0..88.7).contains(&x) {
                near(exp(x), wide.exp(), 1.5e-7 * wide.exp(), "exp");
            }
            near(sigmoid(x), 1.0 / (1.0 + (-wide).exp()), 2e-7, "sigmoid");
            near(tanh(x), wide.tanh(), 4e-7 * wide.tanh().abs(), "tanh");
        });
    }

    #[test]
    fn the_error_function_has_known_values() {
        for (x, exact) in [
            (0.0, 0.0),
            (0.1, 0.112_462_9),
            (0.5, 0.520_499_9),
            (1.0, 0.842_700_8),
            (2.0, 0.995_322_3),
            (-1.5, -0.966_105_1),
            (6.0, 1.0),
        ] {
            assert!((erf(x) - exact).abs() < 4e-7, "{x}: {}", erf(x));
        }
    }

    #[test]
    fn ends_are_met() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(f32::INFINITY), f32::INFINITY);
        assert_eq!(exp(1e30), f32::INFINITY);
        assert!(exp(88.7).is_finite() && exp(f32::NAN).is_nan());
        assert_eq!((tanh(50.0), tanh(-50.0), tanh(0.0)), (1.0, -1.0, 0.0));
        assert_eq!((sigmoid(200.0), sigmoid(-200.0)), (1.0, 0.0));
    }
}
