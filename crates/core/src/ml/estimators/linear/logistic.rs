//! Logistic regression: probabilities of classes from weighted sums of the columns.

use super::classifier::LinearClassifier;
use super::design::Design;
use super::newton::{self, Optimum, Problem, minimise};
use crate::ml::estimator::{Estimator, FitContext, FitError, Fitted, Sample, Tags, Task};
use crate::ml::estimators::kind::Declaration;
use crate::ml::estimators::training::{Classes, Training};
use crate::params;
use crate::params::Limits;

params! {
    /// Logistic regression: probabilities of classes from weighted sums of the columns.
    ///
    /// Minimises Σ wᵢ log lossᵢ + ‖β‖² / 2C, the intercept unpenalised: a sigmoid for two classes,
    /// the symmetric softmax for more. As scikit-learn's `LogisticRegression`, but by Newton's method
    /// on columns scaled internally, to an optimum so tight that scaling doesn't change it. The
    /// penalty does depend on the columns' units, so `scale` belongs in front of it.
    pub(crate) struct LogisticRegression("logistic_regression", 0) {
        /// How little large coefficients cost: smaller is simpler, `inf` is no penalty.
        c("C"): f64 = 1.0 => Limits::above(0.0),
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
        let penalty = self.penalty(&design);
        let problem = Problem {
            design: &design,
            places: &classes.places,
            weights: training.weights.as_deref(),
            outputs: if classes.present.len() == 2 { 1 } else { classes.present.len() },
            penalty: &penalty,
        };
        let limits = newton::Limits { tolerance: self.tol, steps: self.max_iter };
        let optimum = minimise(&problem, limits, context)?;
        Ok(Box::new(self.model(&training, classes, &design, optimum)))
    }
}

impl LogisticRegression {
    /// Gives the penalty of scaled columns: β = γ / scale, so β² / C = γ² / (C scale²).
    fn penalty(&self, design: &Design) -> Vec<f64> {
        let of = |scale: &f64| 1.0 / (self.c * scale * scale);
        let intercept = if self.fit_intercept { Some(0.0) } else { None };
        design.scale.iter().map(of).chain(intercept).collect()
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
        let centred = centred(&optimum);
        let mut coefficients = Vec::with_capacity(features * outputs);
        let mut intercepts = Vec::with_capacity(outputs);
        for scaled in &centred {
            let own = scaled.iter().zip(&design.scale).map(|(value, scale)| value / scale);
            let own: Vec<f64> = own.collect();
            let moved: f64 =
                own.iter().zip(&design.shift).map(|(value, shift)| value * shift).sum();
            intercepts.push(scaled.get(features).copied().unwrap_or(0.0) - moved);
            coefficients.extend(own);
        }
        let importance = (0..features)
            .map(|column| centred.iter().map(|own| own[column].abs()).sum::<f64>() / outputs as f64)
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
}

/// Gives the coefficients of each output; those of several classes sum to zero.
///
/// Adding the same to every class changes no probability; the optimum nearest to zero is taken.
fn centred(optimum: &Optimum) -> Vec<Vec<f64>> {
    let (width, outputs) = optimum.coefficients.shape();
    let mean = |column: usize| {
        if outputs == 1 {
            return 0.0;
        }
        (0..outputs).map(|output| optimum.coefficients[(column, output)]).sum::<f64>()
            / outputs as f64
    };
    let means: Vec<f64> = (0..width).map(mean).collect();
    (0..outputs)
        .map(|output| {
            (0..width)
                .map(|column| optimum.coefficients[(column, output)] - means[column])
                .collect()
        })
        .collect()
}
