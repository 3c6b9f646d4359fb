//! Metrics of numbers. All are scikit-learn's, weights included.

use super::scorer::{Pairs, Scorer, Weights, numbers, pairs, undefined};
use crate::ml::metric::Direction::{Maximize, Minimize};
use crate::ml::metric::{Judged, MetricError};
use crate::params;
use crate::params::Limits;

params! {
    /// Mean squared error.
    ///
    /// As scikit-learn's `mean_squared_error`.
    pub(super) struct Mse("mse", 0) {}
}
params! {
    /// Root of the mean squared error, in the target's unit.
    ///
    /// As scikit-learn's `root_mean_squared_error`.
    pub(super) struct Rmse("rmse", 0) {}
}
params! {
    /// Mean absolute error, in the target's unit.
    ///
    /// As scikit-learn's `mean_absolute_error`.
    pub(super) struct Mae("mae", 0) {}
}
params! {
    /// Median absolute error, in the target's unit; outliers don't sway it.
    ///
    /// With weights the averaged inverted distribution function. As scikit-learn's
    /// `median_absolute_error`.
    pub(super) struct MedianAe("median_ae", 0) {}
}
params! {
    /// Mean absolute error relative to the target's size: 0.1 is off by a tenth.
    ///
    /// The denominator is at least 2.2e-16, so a target of 0 makes it astronomic. As scikit-learn's
    /// `mean_absolute_percentage_error`.
    pub(super) struct Mape("mape", 0) {}
}
params! {
    /// Mean squared error of log(1 + value); needs values above −1.
    ///
    /// As scikit-learn's `mean_squared_log_error`.
    pub(super) struct Msle("msle", 0) {}
}
params! {
    /// Root of the mean squared error of log(1 + value); needs values above −1.
    ///
    /// As scikit-learn's `root_mean_squared_log_error`.
    pub(super) struct Rmsle("rmsle", 0) {}
}
params! {
    /// Share of the target's variance that is explained: 1 is perfect, 0 no better than the mean.
    ///
    /// For a constant target 1 if all is right, else 0. As scikit-learn's `r2_score`.
    pub(super) struct R2("r2", 0) {}
}
params! {
    /// Share of the target's variance that is explained, a constant error forgiven.
    ///
    /// As scikit-learn's `explained_variance_score`.
    pub(super) struct ExplainedVariance("explained_variance", 0) {}
}
params! {
    /// Largest absolute error, in the target's unit.
    ///
    /// As scikit-learn's `max_error`.
    pub(super) struct MaxError("max_error", 0) {}
}
params! {
    /// Pinball loss: judges a predicted quantile.
    ///
    /// A prediction too low by d costs `alpha` · d, one too high (1 − `alpha`) · d. As
    /// scikit-learn's `mean_pinball_loss`.
    pub(super) struct Pinball("pinball", 0) {
        /// Which quantile was meant; 0.5 is the median.
        alpha: f64 = 0.5 => Limits::between(0.0, 1.0),
    }
}
params! {
    /// Share of the pinball loss that is explained, against always giving the quantile.
    ///
    /// As scikit-learn's `d2_pinball_score`.
    pub(super) struct D2Pinball("d2_pinball", 0) {
        /// Which quantile was meant; 0.5 is the median.
        alpha: f64 = 0.5 => Limits::between(0.0, 1.0),
    }
}
params! {
    /// Share of the absolute error that is explained, against always giving the median.
    ///
    /// As scikit-learn's `d2_absolute_error_score`.
    pub(super) struct D2AbsoluteError("d2_absolute_error", 0) {}
}
params! {
    /// Mean Poisson deviance, for counts; targets of 0 or more, predictions above 0.
    ///
    /// As scikit-learn's `mean_poisson_deviance`.
    pub(super) struct PoissonDeviance("poisson_deviance", 0) {}
}
params! {
    /// Mean Gamma deviance, for amounts; targets and predictions above 0.
    ///
    /// As scikit-learn's `mean_gamma_deviance`.
    pub(super) struct GammaDeviance("gamma_deviance", 0) {}
}
params! {
    /// Mean Tweedie deviance; the power says how the variance grows with the mean.
    ///
    /// As scikit-learn's `mean_tweedie_deviance`.
    pub(super) struct TweedieDeviance("tweedie_deviance", 0) {
        /// 0 is the squared error, 1 Poisson, 2 Gamma, between 1 and 2 both zeros and amounts.
        power: f64 = 0.0,
    }
}
params! {
    /// Share of the Tweedie deviance that is explained, against always giving the mean.
    ///
    /// As scikit-learn's `d2_tweedie_score`.
    pub(super) struct D2Tweedie("d2_tweedie", 0) {
        /// 0 is the squared error, 1 Poisson, 2 Gamma, between 1 and 2 both zeros and amounts.
        power: f64 = 0.0,
    }
}

/// `mse`.
pub(super) static MSE: Scorer<Mse> =
    Scorer::new(numbers(Minimize), |_, judged| Ok(pairs(judged)?.mean(squared)));
/// `rmse`.
pub(super) static RMSE: Scorer<Rmse> =
    Scorer::new(numbers(Minimize), |_, judged| Ok(pairs(judged)?.mean(squared).sqrt()));
/// `mae`.
pub(super) static MAE: Scorer<Mae> =
    Scorer::new(numbers(Minimize), |_, judged| Ok(pairs(judged)?.mean(absolute)));
/// `median_ae`.
pub(super) static MEDIAN_AE: Scorer<MedianAe> = Scorer::new(numbers(Minimize), |_, judged| {
    let pairs = pairs(judged)?;
    let errors: Vec<f64> =
        pairs.iter().map(|(truth, predicted)| absolute(truth, predicted)).collect();
    Ok(quantile(&errors, pairs.weights, 0.5))
});
/// `mape`.
pub(super) static MAPE: Scorer<Mape> = Scorer::new(numbers(Minimize), |_, judged| {
    Ok(pairs(judged)?
        .mean(|truth, predicted| absolute(truth, predicted) / truth.abs().max(f64::EPSILON)))
});
/// `msle`.
pub(super) static MSLE: Scorer<Msle> =
    Scorer::new(numbers(Minimize), |_, judged| log_squared(judged));
/// `rmsle`.
pub(super) static RMSLE: Scorer<Rmsle> =
    Scorer::new(numbers(Minimize), |_, judged| Ok(log_squared(judged)?.sqrt()));
/// `r2`.
pub(super) static R_SQUARED: Scorer<R2> = Scorer::new(numbers(Maximize), |_, judged| {
    let pairs = several(judged)?;
    let mean = pairs.mean(|truth, _| truth);
    let total = pairs.sum(|truth, _| squared(truth, mean));
    Ok(fraction(pairs.sum(squared), total))
});
/// `explained_variance`.
pub(super) static EXPLAINED_VARIANCE: Scorer<ExplainedVariance> =
    Scorer::new(numbers(Maximize), |_, judged| {
        let pairs = pairs(judged)?;
        let shift = pairs.mean(|truth, predicted| truth - predicted);
        let mean = pairs.mean(|truth, _| truth);
        let unexplained = pairs.mean(|truth, predicted| squared(truth - predicted, shift));
        Ok(fraction(unexplained, pairs.mean(|truth, _| squared(truth, mean))))
    });
/// `max_error`.
pub(super) static MAX_ERROR: Scorer<MaxError> = Scorer::new(numbers(Minimize), |_, judged| {
    let pairs = pairs(judged)?;
    Ok(pairs.iter().map(|(truth, predicted)| absolute(truth, predicted)).fold(0.0, f64::max))
});
/// `pinball`.
pub(super) static PINBALL: Scorer<Pinball> = Scorer::new(numbers(Minimize), |params, judged| {
    Ok(pairs(judged)?.mean(|truth, predicted| pinball(params.alpha, truth, predicted)))
});
/// `d2_pinball`.
pub(super) static D2_PINBALL: Scorer<D2Pinball> =
    Scorer::new(numbers(Maximize), |params, judged| d2_pinball(params.alpha, judged));
/// `d2_absolute_error`.
pub(super) static D2_ABSOLUTE_ERROR: Scorer<D2AbsoluteError> =
    Scorer::new(numbers(Maximize), |_, judged| d2_pinball(0.5, judged));
/// `poisson_deviance`.
pub(super) static POISSON_DEVIANCE: Scorer<PoissonDeviance> =
    Scorer::new(numbers(Minimize), |_, judged| deviance(1.0, &pairs(judged)?));
/// `gamma_deviance`.
pub(super) static GAMMA_DEVIANCE: Scorer<GammaDeviance> =
    Scorer::new(numbers(Minimize), |_, judged| deviance(2.0, &pairs(judged)?));
/// `tweedie_deviance`.
pub(super) static TWEEDIE_DEVIANCE: Scorer<TweedieDeviance> =
    Scorer::new(numbers(Minimize), |params, judged| deviance(params.power, &pairs(judged)?));
/// `d2_tweedie`.
pub(super) static D2_TWEEDIE: Scorer<D2Tweedie> =
    Scorer::new(numbers(Maximize), |params, judged| {
        let pairs = several(judged)?;
        let mean = vec![pairs.mean(|truth, _| truth); pairs.truth.len()];
        let base = Pairs { predicted: &mean, ..pairs };
        let (loss, base) = (deviance(params.power, &pairs)?, deviance(params.power, &base)?);
        if base == 0.0 {
            Err(undefined("the target is constant: there is nothing to explain"))
        } else {
            Ok(1.0 - loss / base)
        }
    });

impl Pairs<'_> {
    fn iter(&self) -> impl Iterator<Item = (f64, f64)> {
        self.truth.iter().copied().zip(self.predicted.iter().copied())
    }

    fn mean(&self, of: impl Fn(f64, f64) -> f64) -> f64 {
        self.weights.mean(self.iter().map(|(truth, predicted)| of(truth, predicted)))
    }

    fn sum(&self, of: impl Fn(f64, f64) -> f64) -> f64 {
        let values = self.iter().enumerate();
        values.map(|(row, (truth, predicted))| self.weights.of(row) * of(truth, predicted)).sum()
    }
}

fn several<'a>(judged: &Judged<'a>) -> Result<Pairs<'a>, MetricError> {
    let pairs = pairs(judged)?;
    if pairs.truth.len() < 2 { Err(undefined("it needs two rows at least")) } else { Ok(pairs) }
}

fn squared(truth: f64, predicted: f64) -> f64 {
    (truth - predicted) * (truth - predicted)
}

fn absolute(truth: f64, predicted: f64) -> f64 {
    (predicted - truth).abs()
}

fn pinball(alpha: f64, truth: f64, predicted: f64) -> f64 {
    let below = truth - predicted;
    if below >= 0.0 { alpha * below } else { (alpha - 1.0) * below }
}

fn log_squared(judged: &Judged<'_>) -> Result<f64, MetricError> {
    let pairs = pairs(judged)?;
    if let Some(row) =
        pairs.iter().position(|(truth, predicted)| truth <= -1.0 || predicted <= -1.0)
    {
        return Err(undefined(format!(
            "row {row} has a target or prediction of −1 or less, which has no log(1 + value)"
        )));
    }
    Ok(pairs.mean(|truth, predicted| squared(truth.ln_1p(), predicted.ln_1p())))
}

/// Gives 1 − loss / total, where nothing to explain is 1 if all is right, else 0.
fn fraction(loss: f64, total: f64) -> f64 {
    if total != 0.0 {
        1.0 - loss / total
    } else if loss == 0.0 {
        1.0
    } else {
        0.0
    }
}

fn d2_pinball(alpha: f64, judged: &Judged<'_>) -> Result<f64, MetricError> {
    let pairs = several(judged)?;
    let quantile = quantile(pairs.truth, pairs.weights, alpha);
    let total = pairs.mean(|truth, _| pinball(alpha, truth, quantile));
    Ok(fraction(pairs.mean(|truth, predicted| pinball(alpha, truth, predicted)), total))
}

/// Finds a weighted quantile; where a row ends exactly on it, the middle to the next row.
///
/// The averaged inverted distribution function of Hyndman and Fan (1996). Rows without weight
/// don't count; there must be one with weight.
pub(super) fn quantile(values: &[f64], weights: Weights<'_>, rank: f64) -> f64 {
    let mut order: Vec<usize> = (0..values.len()).filter(|row| weights.of(*row) > 0.0).collect();
    order.sort_by(|left, right| values[*left].total_cmp(&values[*right]));
    let total: f64 = order.iter().map(|row| weights.of(*row)).sum();
    let aim = (rank * total).max(f64::MIN_POSITIVE);
    let mut sum = 0.0;
    for (place, row) in order.iter().enumerate() {
        sum += weights.of(*row);
        if sum >= aim {
            let next = order.get(place + 1).filter(|_| sum - aim <= f64::EPSILON);
            return next.map_or(values[*row], |next| f64::midpoint(values[*row], values[*next]));
        }
    }
    order.last().map_or(f64::NAN, |row| values[*row])
}

fn deviance(power: f64, pairs: &Pairs<'_>) -> Result<f64, MetricError> {
    let allowed = |truth: f64, predicted: f64| match power {
        power if power < 0.0 => predicted > 0.0,
        0.0 => true,
        power if power < 1.0 => false,
        power if power < 2.0 => truth >= 0.0 && predicted > 0.0,
        _ => truth > 0.0 && predicted > 0.0,
    };
    if power > 0.0 && power < 1.0 {
        return Err(undefined("no Tweedie distribution has a power between 0 and 1"));
    }
    if let Some(row) = pairs.iter().position(|(truth, predicted)| !allowed(truth, predicted)) {
        let wanted = if power >= 2.0 { "a target above 0" } else { "a target of 0 or more" };
        let wanted = if power < 0.0 { "any target" } else { wanted };
        return Err(undefined(format!(
            "with power {power} it needs {wanted} and a prediction above 0; row {row} has {} and {}",
            pairs.truth[row], pairs.predicted[row]
        )));
    }
    Ok(pairs.mean(|truth, predicted| tweedie(power, truth, predicted)))
}

/// The unit deviance of a Tweedie distribution.
#[expect(clippy::float_cmp, reason = "the powers 0, 1 and 2 have forms of their own")]
fn tweedie(power: f64, truth: f64, predicted: f64) -> f64 {
    if power == 0.0 {
        squared(truth, predicted)
    } else if power == 1.0 {
        let logged = if truth == 0.0 { 0.0 } else { truth * (truth / predicted).ln() };
        2.0 * (logged - truth + predicted)
    } else if power == 2.0 {
        2.0 * ((predicted / truth).ln() + truth / predicted - 1.0)
    } else {
        let base = if power < 0.0 { truth.max(0.0) } else { truth };
        2.0 * (base.powf(2.0 - power) / ((1.0 - power) * (2.0 - power))
            - truth * predicted.powf(1.0 - power) / (1.0 - power)
            + predicted.powf(2.0 - power) / (2.0 - power))
    }
}
