//! A fitted linear regression: numbers from a weighted sum.

use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::design::Design;
use crate::data::Frame;
use crate::ml::estimator::{FitError, Fitted, Prediction};
use crate::ml::estimators::kind::{Model, saved};
use crate::ml::estimators::training::{Training, same_columns};

/// Rows that are added up at once.
const TILE: usize = 4096;

/// A fitted linear regression.
#[derive(Serialize, Deserialize)]
pub(crate) struct LinearRegressor {
    names: Vec<Arc<str>>,
    pub(super) coefficients: Vec<f64>,
    pub(super) intercept: f64,
    importance: Vec<f64>,
    warnings: Vec<String>,
}

impl LinearRegressor {
    /// Brings coefficients of scaled columns back to the columns' own units.
    pub(super) fn of_scaled(
        training: &Training<'_>,
        design: &Design,
        scaled: &[f64],
        mean: f64,
        warnings: Vec<String>,
    ) -> Self {
        let own = scaled.iter().zip(&design.scale).map(|(value, scale)| value / scale).collect();
        Self::of_own(training, design, own, mean, warnings)
    }

    /// Takes coefficients in the columns' own units; `mean` is what is said where all columns are
    /// at their shifts.
    pub(super) fn of_own(
        training: &Training<'_>,
        design: &Design,
        own: Vec<f64>,
        mean: f64,
        warnings: Vec<String>,
    ) -> Self {
        let moved: f64 = own.iter().zip(&design.shift).map(|(value, shift)| value * shift).sum();
        let importance = own.iter().zip(&design.scale).map(|(value, scale)| (value * scale).abs());
        Self {
            names: training.names.clone(),
            importance: importance.collect(),
            coefficients: own,
            intercept: mean - moved,
            warnings,
        }
    }
}

impl Fitted for LinearRegressor {
    fn predict(&self, features: &Frame) -> Result<Prediction, FitError> {
        let columns = same_columns(&self.names, features)?;
        let mut values = vec![self.intercept; features.rows()];
        // In the order of the columns, so that a row's sum does not depend on the rows beside it.
        let add = |(index, tile): (usize, &mut [f64])| {
            for (column, coefficient) in columns.iter().zip(&self.coefficients) {
                let own = &column[index * TILE..][..tile.len()];
                tile.iter_mut().zip(own).for_each(|(sum, value)| *sum += coefficient * value);
            }
        };
        if features.rows() <= TILE {
            values.chunks_mut(TILE).enumerate().for_each(add);
        } else {
            values.par_chunks_mut(TILE).enumerate().for_each(add);
        }
        Ok(Prediction::Values(values))
    }

    fn save(&self) -> Vec<u8> {
        saved(self)
    }

    fn importance(&self) -> Option<Vec<f64>> {
        Some(self.importance.clone())
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

impl Model for LinearRegressor {
    fn sound(&self) -> bool {
        self.coefficients.len() == self.names.len() && self.importance.len() == self.names.len()
    }
}
