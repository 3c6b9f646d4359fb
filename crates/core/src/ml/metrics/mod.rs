//! The registry of metrics: a file for each sort of what they look at, one line each.

mod agreement;
mod averaged;
mod confusion;
pub mod curves;
mod groups;
mod probabilistic;
mod ranked;
mod regression;
mod scorer;
#[cfg(test)]
mod vectors;

pub use confusion::Confusion;

use super::metric::MetricKind;

/// Every registered kind, in the order in which the docs list them.
pub static METRICS: &[&dyn MetricKind] = &[
    &confusion::ACCURACY,
    &confusion::BALANCED_ACCURACY,
    &averaged::PRECISION,
    &averaged::RECALL,
    &averaged::F1_SCORE,
    &averaged::F_BETA,
    &averaged::JACCARD,
    &averaged::SPECIFICITY,
    &confusion::MCC,
    &confusion::COHEN_KAPPA,
    &ranked::ROC_AUC,
    &ranked::AVERAGE_PRECISION,
    &probabilistic::LOG_LOSS,
    &probabilistic::BRIER,
    &probabilistic::D2_LOG_LOSS,
    &probabilistic::D2_BRIER,
    &probabilistic::TOP_K_ACCURACY,
    &regression::R_SQUARED,
    &regression::MSE,
    &regression::RMSE,
    &regression::MAE,
    &regression::MEDIAN_AE,
    &regression::MAPE,
    &regression::MSLE,
    &regression::RMSLE,
    &regression::EXPLAINED_VARIANCE,
    &regression::MAX_ERROR,
    &regression::PINBALL,
    &regression::D2_PINBALL,
    &regression::D2_ABSOLUTE_ERROR,
    &regression::POISSON_DEVIANCE,
    &regression::GAMMA_DEVIANCE,
    &regression::TWEEDIE_DEVIANCE,
    &regression::D2_TWEEDIE,
    &groups::SILHOUETTE,
    &groups::DAVIES_BOULDIN,
    &groups::CALINSKI_HARABASZ,
    &agreement::ADJUSTED_RAND,
    &agreement::RAND,
    &agreement::NORMALIZED_MUTUAL_INFO,
    &agreement::MUTUAL_INFO,
    &agreement::ADJUSTED_MUTUAL_INFO,
    &agreement::HOMOGENEITY,
    &agreement::COMPLETENESS,
    &agreement::V_MEASURE,
    &agreement::FOWLKES_MALLOWS,
];
