//! The standard normal distribution.

/// Gives the probability of at least this value.
#[must_use]
pub fn upper_tail(z: f64) -> f64 {
    if z < 0.0 { 1.0 - tail(-z) } else { tail(z) }
}

/// Gives the probability of less than this value.
#[must_use]
pub fn below(z: f64) -> f64 {
    upper_tail(-z)
}

/// Gives the probability of a value between two others.
///
/// Taken on the side where both tails are small, so that nothing is lost far out.
#[must_use]
pub fn between(from: f64, to: f64) -> f64 {
    if from > 0.0 { tail(from) - tail(to) } else { below(to) - below(from) }
}

/// Gives the probability above a number that isn't negative.
///
/// Up to 3 by the series φ(x) Σ x^(2k+1) / (1·3·…·(2k+1)), beyond by Laplace's continued fraction.
fn tail(x: f64) -> f64 {
    const ROOT: f64 = 0.398_942_280_401_432_7;
    let height = ROOT * (-0.5 * x * x).exp();
    if x > 3.0 {
        // The farther out, the fewer terms until more of them change nothing: 45 at 3, 12 at 9.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below 51")]
        let terms = (150.0 / x).max(8.0) as u32;
        let fraction = (1..=terms).rev().fold(x, |below, k| x + f64::from(k) / below);
        return height / fraction;
    }
    let (mut sum, mut term, mut odd) = (x, x, 1.0);
    while term > sum * 1e-17 {
        odd += 2.0;
        term *= x * x / odd;
        sum += term;
    }
    0.5 - height * sum
}

/// Gives the quantile of the standard normal distribution.
///
/// Wichura's algorithm AS 241 (`PPND16`), exact to about one part in 10¹⁶; infinite at 0 and 1, NaN
/// outside.
#[expect(clippy::excessive_precision, reason = "the coefficients as they were published")]
#[must_use]
pub fn quantile(p: f64) -> f64 {
    const A: [f64; 8] = [
        3.387_132_872_796_366_608_0,
        133.141_667_891_784_377_45,
        1_971.590_950_306_551_442_7,
        13_731.693_765_509_461_125,
        45_921.953_931_549_871_457,
        67_265.770_927_008_700_853,
        33_430.575_583_588_128_105,
        2_509.080_928_730_122_672_7,
    ];
    const B: [f64; 8] = [
        1.0,
        42.313_330_701_600_911_252,
        687.187_007_492_057_908_30,
        5_394.196_021_424_751_107_7,
        21_213.794_301_586_595_867,
        39_307.895_800_092_710_610,
        28_729.085_735_721_942_674,
        5_226.495_278_852_854_561_0,
    ];
    const C: [f64; 8] = [
        1.423_437_110_749_683_577_34,
        4.630_337_846_156_545_295_90,
        5.769_497_221_460_691_405_50,
        3.647_848_324_763_204_605_04,
        1.270_458_252_452_368_382_58,
        0.241_780_725_177_450_611_770,
        0.022_723_844_989_269_184_583_3,
        7.745_450_142_783_414_076_40e-4,
    ];
    const D: [f64; 8] = [
        1.0,
        2.053_191_626_637_758_821_87,
        1.676_384_830_183_803_849_40,
        0.689_767_334_985_100_004_550,
        0.148_103_976_427_480_074_590,
        0.015_198_666_563_616_457_196_6,
        5.475_938_084_995_344_946_00e-4,
        1.050_750_071_644_416_843_24e-9,
    ];
    const E: [f64; 8] = [
        6.657_904_643_501_103_777_20,
        5.463_784_911_164_114_369_90,
        1.784_826_539_917_291_335_80,
        0.296_560_571_828_504_891_230,
        0.026_532_189_526_576_123_093_0,
        0.001_242_660_947_388_078_438_60,
        2.711_555_568_743_487_578_15e-5,
        2.010_334_399_292_288_132_65e-7,
    ];
    const F: [f64; 8] = [
        1.0,
        0.599_832_206_555_887_937_690,
        0.136_929_880_922_735_805_310,
        0.014_875_361_290_850_615_025_0,
        7.868_691_311_456_132_591_00e-4,
        1.846_318_317_510_054_681_80e-5,
        1.421_511_758_316_445_888_70e-7,
        2.044_263_103_389_939_785_64e-15,
    ];
    let ratio = |above: &[f64; 8], below: &[f64; 8], x: f64| {
        let value = |own: &[f64; 8]| own.iter().rev().fold(0.0, |sum, part| sum * x + part);
        value(above) / value(below)
    };
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        return q * ratio(&A, &B, 0.180_625 - q * q);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    if tail == 0.0 {
        return f64::INFINITY.copysign(q);
    }
    if tail.is_nan() || tail < 0.0 {
        return f64::NAN;
    }
    let r = (-tail.ln()).sqrt();
    let value = if r <= 5.0 { ratio(&C, &D, r - 1.6) } else { ratio(&E, &F, r - 5.0) };
    value.copysign(q)
}

#[cfg(test)]
mod tests {
    use super::{below, between, quantile};

    #[test]
    fn probabilities_agree_with_scipy() {
        // scipy.stats.norm.cdf.
        for (x, p) in [
            (0.0, 0.5),
            (1.0, 0.841_344_746_068_542_9),
            (-1.0, 0.158_655_253_931_457_05),
            (2.9, 0.998_134_186_699_616),
            (-3.1, 9.676_032_132_183_561e-4),
            (-8.0, 6.220_960_574_271_785e-16),
            (-30.0, 4.906_713_927_148_187e-198),
            (f64::NEG_INFINITY, 0.0),
            (f64::INFINITY, 1.0),
        ] {
            assert!((below(x) - p).abs() <= 1e-13 * p, "{x}: {}", below(x));
        }
        // scipy.special.log_ndtr tells these apart: norm.sf(10) - norm.sf(11).
        let far = 7.619_853_024_160_527e-24 - 1.910_659_574_498_669e-28;
        assert!((between(10.0, 11.0) - far).abs() <= 1e-13 * far);
        assert!((between(-11.0, -10.0) - far).abs() <= 1e-13 * far);
        assert!(below(f64::NAN).is_nan());
    }

    #[test]
    fn quantiles_agree_with_scipy() {
        // scipy.stats.norm.ppf.
        for (p, z) in [
            (0.5, 0.0),
            (0.975, 1.959_963_984_540_054),
            (0.1, -1.281_551_565_544_600_4),
            (1e-7, -5.199_337_582_192_817),
            (1e-300, -37.047_096_299_361_2),
            (0.999_999_9, 5.199_337_582_290_661),
        ] {
            assert!((quantile(p) - z).abs() <= 4e-15 * z.abs().max(1.0), "{p}: {}", quantile(p));
        }
        assert_eq!(
            [quantile(0.0), quantile(1.0)].map(f64::to_bits),
            [f64::NEG_INFINITY, f64::INFINITY].map(f64::to_bits)
        );
        assert!(quantile(-0.1).is_nan() && quantile(1.1).is_nan() && quantile(f64::NAN).is_nan());
    }
}
