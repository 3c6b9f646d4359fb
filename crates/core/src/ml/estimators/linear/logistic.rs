//! Logistic regression: probabilities of classes from weighted sums of the columns.

use super::classifier::LinearClassifier;
use super::design::Design;
use super::newton::{self, Optimum, Problem};
use super::sparse;
use crate::ml::estimator::{Estimator, FitContext, FitError, Fitted, Sample, Tags, Task};
use crate::ml::estimators::kind::Declaration;
use crate::ml::estimators::training::{Classes, Training};
use crate::params;
use crate::params::Limits;

params! {
    /// Logistic regression: probabilities of classes from weighted sums of the columns.
    ///
    /// Minimises Σ wᵢ log lossᵢ + ((1 − `l1_ratio`) ‖β‖² / 2 + `l1_ratio` ‖β‖₁) / C, the intercept
    /// unpenalised: a sigmoid for two classes, the symmetric softmax for more. As scikit-learn's
    /// `LogisticRegression`, but by Newton's method on columns scaled internally, to an optimum so tight
    /// that scaling doesn't change it. The penalty does depend on the columns' units, so `scale` belongs
    /// in front of it.
    ///
    /// With `l1_ratio` above 0 columns are left out, their coefficients exactly 0: the more, the smaller
    /// `C`. Of columns that say much the same, `l1_ratio: 1` tends to keep one, less shares among them.
    pub(crate) struct LogisticRegression("logistic_regression", 0) {
        /// How little large coefficients cost: smaller is simpler, `inf` is no penalty.
        c("C"): f64 = 1.0 => Limits::above(0.0),
        /// The share of the absolute penalty: 0 keeps every column, 1 leaves out the most.
        l1_ratio: f64 = 0.0 => Limits::between(0.0, 1.0),
        /// Learns a constant beside the columns.
        fit_intercept: bool = true,
        /// The largest slope of the mean loss, columns scaled, that counts as the optimum.
        tol: f64 = 1e-10 => Limits::above(0.0),
        /// The most Newton steps; a handful is usual.
        max_iter: u64 = 100 => Limits::at_least(1.0),
    }
}

impl Declaration for LogisticRegression {
    type Model = LinearClassifier;
    const TAGS: Tags = Tags {
        tasks: &[Task::Classification],
        missing: false,
        categories: false,
        scaled: true,
        weights: true,
    };
}

impl Estimator for LogisticRegression {
    fn fit(
        &self,
        sample: &Sample<'_>,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Fitted>, FitError> {
        let training = Training::of(sample)?;
        let classes = training.classes()?;
        let design = Design::new(&training, self.fit_intercept);
        let (penalty, absolute) = self.penalties(&design);
        let problem = Problem {
            design: &design,
            places: &classes.places,
            weights: training.weights.as_deref(),
            outputs: if classes.present.len() == 2 { 1 } else { classes.present.len() },
            penalty: &penalty,
            absolute: &absolute,
        };
        let limits = newton::Limits { tolerance: self.tol, steps: self.max_iter };
        let optimum = if absolute.is_empty() {
            newton::minimise(&problem, limits, context)?
        } else {
            sparse::minimise(&problem, limits, context)?
        };
        Ok(Box::new(self.model(&training, classes, &design, optimum)))
    }
}

impl LogisticRegression {
    /// Gives the quadratic and the absolute penalty of scaled columns, the latter if there is any:
    /// β = γ / scale, so β² / C = γ² / (C scale²).
    fn penalties(&self, design: &Design) -> (Vec<f64>, Vec<f64>) {
        // Nothing costs more than the largest number, so that 0 is free whatever the scale.
        let quadratic =
            |scale: &f64| ((1.0 - self.l1_ratio) / (self.c * scale * scale)).min(f64::MAX);
        let absolute = |scale: &f64| (self.l1_ratio / (self.c * scale)).min(f64::MAX);
        let intercept = if self.fit_intercept { Some(0.0) } else { None };
        let of_all =
            |of: &dyn Fn(&f64) -> f64| design.scale.iter().map(of).chain(intercept).collect();
        (of_all(&quadratic), if self.sparse() { of_all(&absolute) } else { Vec::new() })
    }

    /// Tells whether there is an absolute penalty.
    fn sparse(&self) -> bool {
        self.l1_ratio > 0.0 && self.c.is_finite()
    }

    /// Brings the optimum back to the columns' own units.
    fn model(
        &self,
        training: &Training<'_>,
        classes: Classes,
        design: &Design,
        optimum: Optimum,
    ) -> LinearClassifier {
        let (features, outputs) = (training.columns.len(), optimum.coefficients.ncols());
        let settled = self.settled(&optimum);
        let mut coefficients = Vec::with_capacity(features * outputs);
        let mut intercepts = Vec::with_capacity(outputs);
        for scaled in &settled {
            let own = scaled.iter().zip(&design.scale).map(|(value, scale)| value / scale);
            let own: Vec<f64> = own.collect();
            let moved: f64 =
                own.iter().zip(&design.shift).map(|(value, shift)| value * shift).sum();
            intercepts.push(scaled.get(features).copied().unwrap_or(0.0) - moved);
            coefficients.extend(own);
        }
        // Columns that are left out by some classes alone move the constants apart.
        if outputs > 1 && self.sparse() {
            let mean = intercepts.iter().sum::<f64>() / outputs as f64;
            intercepts.iter_mut().for_each(|own| *own -= mean);
        }
        let importance = (0..features)
            .map(|column| settled.iter().map(|own| own[column].abs()).sum::<f64>() / outputs as f64)
            .collect();
        LinearClassifier {
            names: training.names.clone(),
            classes: classes.all,
            present: classes.present,
            coefficients,
            intercepts,
            importance,
            warnings: self.warnings(&optimum),
            history: optimum.history,
        }
    }

    fn warnings(&self, optimum: &Optimum) -> Vec<String> {
        let mut warnings = Vec::new();
        if !optimum.converged {
            warnings.push(format!(
                "logistic_regression did not converge in {} steps: the loss still slopes by {:.1e}, above `tol` \
                 ({:.1e}); raise `max_iter`, or lower `C`",
                optimum.history.len(), optimum.slope, self.tol
            ));
        }
        let loss = optimum.history.last().map_or(f64::INFINITY, |round| round.train);
        if self.c.is_infinite() && loss < 1e-6 {
            warnings.push(
                "the columns tell the classes apart perfectly, so that without a penalty the coefficients \
                 have no limit; set `C` to a finite number"
                    .to_owned(),
            );
        }
        warnings
    }

    /// Gives the coefficients of each output.
    ///
    /// Adding the same to every class changes no probability. Of the optima the one nearest to zero is
    /// taken, where coefficients sum to zero; with the absolute penalty alone the one with most zeros.
    fn settled(&self, optimum: &Optimum) -> Vec<Vec<f64>> {
        let (width, outputs) = optimum.coefficients.shape();
        let shift = |column: usize| {
            let own = (0..outputs).map(|output| optimum.coefficients[(column, output)]);
            match outputs {
                1 => 0.0,
                _ if !self.sparse() => own.sum::<f64>() / outputs as f64,
                _ if self.l1_ratio < 1.0 => 0.0,
                _ => middle(own.collect()),
            }
        };
        let shifts: Vec<f64> = (0..width).map(shift).collect();
        let moved =
            |column: usize, output: usize| optimum.coefficients[(column, output)] - shifts[column];
        (0..outputs)
            .map(|output| (0..width).map(|column| moved(column, output)).collect())
            .collect()
    }
}

/// Gives the middle one, of two the more frequent, then the one nearer to zero: the sum of distances
/// from both is the same.
fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
    let count = |value: f64| values.iter().filter(|own| **own == value).count();
    let order = count(high).cmp(&count(low)).then(low.abs().total_cmp(&high.abs()));
    if order.is_gt() { high } else { low }
}
