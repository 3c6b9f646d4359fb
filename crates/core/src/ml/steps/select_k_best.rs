//! `select_k_best`: keeps the columns that tell most about the target, each looked at alone.
//!
//! Follows scikit-learn's `SelectKBest` with `f_classif`, `f_regression`, `chi2`, `mutual_info_classif`
//! and `mutual_info_regression`. Of equal scores the later column is kept, as there. Row weights are not
//! looked at.

use serde::{Deserialize, Serialize};

use super::kind::{Declaration, Learnt, saved};
use super::levels::Coded;
use super::picked::{Picking, applied, each, is_number, joined, listed, numbers_of};
use super::statistics::total;
use crate::data::{Column, Frame, Target};
use crate::ml::association::{Method, Values, associate};
use crate::ml::columns::{Columns, Shape};
use crate::ml::estimator::{FitContext, FitError};
use crate::ml::step::{FittedStep, Misfit, Step};
use crate::params;
use crate::params::Limits;

params! {
    /// Keeps the columns that tell most about the target, each looked at alone.
    pub struct SelectKBest("select_k_best", 1) {
        /// How many of the picked columns are kept.
        k: usize = 10 => Limits::at_least(1.0),
        /// The columns to choose from; left out, all numbers and columns of ones and zeros. Others stay.
        columns: Option<Columns> = None,
        /// What is measured.
        score: ScoreWord = ScoreWord::Auto,
    }
}

params! {
    /// What is measured of a column.
    pub enum ScoreWord {
        /// `f_classif` for classes, `f_regression` for numbers.
        Auto = "auto",
        /// How far the means of the classes lie apart (analysis of variance).
        FClassif = "f_classif",
        /// How far a line explains the target.
        FRegression = "f_regression",
        /// How far the sums by class differ from chance; for counts and flags.
        Chi2 = "chi2",
        /// How much the column tells about the target, straight or not, in nats: estimated from the three
        /// nearest neighbours. Columns of ones and zeros count as levels. Noise of 10⁻¹⁰, drawn from the
        /// seed, tells equal numbers apart, so scores of columns in which many are equal depend on it.
        MutualInfo = "mutual_info",
    }
}

/// The columns that were left out, and how each was scored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Selected {
    kept: Vec<(String, f64)>,
    left_out: Vec<String>,
}

impl SelectKBest {
    fn picking(&self) -> Picking<'_> {
        Picking {
            step: "select_k_best",
            columns: self.columns.as_ref(),
            takes: is_number,
            suits: is_number,
            expected: "numbers; encode other columns first, for example with `one_hot`",
        }
    }

    fn score(
        &self,
        name: &str,
        column: &Column,
        target: &Target,
        context: &FitContext<'_>,
    ) -> Result<f64, FitError> {
        let values = numbers_of(name, column)?;
        if let Some(row) = values.iter().position(|value| value.is_nan()) {
            return Err(FitError::BadValue {
                column: name.to_owned(),
                found: "a missing value".to_owned(),
                row,
                hint: "`select_k_best` takes none: put `impute` in front of it".to_owned(),
            });
        }
        match (self.score, target) {
            (ScoreWord::Auto | ScoreWord::FClassif, Target::Classes { codes, classes }) => {
                Ok(f_classif(values, codes, classes.len()))
            }
            (ScoreWord::Auto | ScoreWord::FRegression, Target::Numbers(target)) => {
                Ok(f_regression(values, target))
            }
            (ScoreWord::Chi2, Target::Classes { codes, classes }) => {
                match values.iter().position(|value| *value < 0.0) {
                    None => Ok(chi2(values, codes, classes.len())),
                    Some(row) => Err(FitError::BadValue {
                        column: name.to_owned(),
                        found: values[row].to_string(),
                        row,
                        hint: "`score: chi2` takes numbers of at least 0".to_owned(),
                    }),
                }
            }
            (ScoreWord::MutualInfo, Target::Classes { codes, classes }) => {
                let goal = Values::Levels { codes: codes.to_vec(), count: classes.len() };
                information(column, values, goal, context)
            }
            (ScoreWord::MutualInfo, Target::Numbers(target)) => {
                information(column, values, Values::Numbers(target.to_vec()), context)
            }
            (ScoreWord::FRegression, Target::Classes { .. }) => Err(FitError::Other(
                "`score: f_regression` is for regression; use `f_classif`".to_owned(),
            )),
            (ScoreWord::FClassif | ScoreWord::Chi2, Target::Numbers(_)) => Err(FitError::Other(
                "this `score` is for classification; use `f_regression`".to_owned(),
            )),
            (_, Target::Absent { .. }) => {
                Err(FitError::Other("`select_k_best` needs a target".to_owned()))
            }
        }
    }
}

impl Step for SelectKBest {
    fn fit(
        &self,
        frame: &Frame,
        target: &Target,
        _: Option<&[f64]>,
        context: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedStep>, Frame), FitError> {
        let picked = self.picking().of(frame)?;
        let scores = each(&picked, frame.rows(), |at| {
            context.check()?;
            let name = &frame.names()[*at];
            self.score(name, &frame.columns()[*at], target, context)
        })?;
        // A column without a score comes last.
        let scores: Vec<f64> =
            scores.into_iter().map(|score| if score.is_nan() { f64::MIN } else { score }).collect();
        let mut order: Vec<usize> = (0..picked.len()).collect();
        order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
        let (left_out, kept) = order.split_at(order.len().saturating_sub(self.k));
        let name = |at: &usize| frame.names()[picked[*at]].to_string();
        let fitted = Selected {
            kept: kept.iter().rev().map(|at| (name(at), scores[*at])).collect(),
            left_out: left_out.iter().map(name).collect(),
        };
        applied(fitted, frame)
    }

    fn reshape(&self, before: &Shape) -> Result<Shape, Misfit> {
        let picked = self.picking().known(before)?;
        if picked.len() <= self.k && !before.open {
            return Ok(before.clone());
        }
        // Which of them stay is learnt; a later step may name any.
        Ok(Shape { open: true, ..super::picked::reshaped(before, &picked, |_, _| Vec::new()) })
    }
}

impl Declaration for SelectKBest {
    type Learnt = Selected;
}

impl FittedStep for Selected {
    fn transform(&self, frame: &Frame) -> Result<Frame, FitError> {
        let left_out: std::collections::HashSet<&str> =
            self.left_out.iter().map(String::as_str).collect();
        let without: Vec<usize> =
            (0..frame.width()).filter(|at| left_out.contains(&*frame.names()[*at])).collect();
        Ok(joined(frame, &without, Vec::new()))
    }

    fn save(&self) -> Vec<u8> {
        saved(self)
    }

    fn summary(&self) -> String {
        listed(
            self.kept
                .iter()
                .map(|(name, score)| format!("{name} ({})", super::scale::short(*score))),
        )
    }
}

impl Learnt for Selected {}

/// Gives the ratio of the variance between classes to that inside of them.
fn f_classif(values: &[f64], codes: &[u32], classes: usize) -> f64 {
    let rows = values.len() as f64;
    let mean = total(values.iter().copied()) / rows;
    let mut counts = vec![0.0; classes];
    let mut sums = vec![0.0; classes];
    for (value, code) in values.iter().zip(codes) {
        counts[*code as usize] += 1.0;
        sums[*code as usize] += value - mean;
    }
    let present = counts.iter().filter(|count| **count > 0.0).count() as f64;
    let means: Vec<f64> = sums.iter().zip(&counts).map(|(sum, count)| sum / count).collect();
    let between =
        total(means.iter().zip(&counts).filter(|(_, n)| **n > 0.0).map(|(m, n)| m * m * n));
    let inside = total(values.iter().zip(codes).map(|(value, code)| {
        let off = value - mean - means[*code as usize];
        off * off
    }));
    (between / (present - 1.0)) / (inside / (rows - present))
}

/// Gives the F statistic of a line through the rows.
fn f_regression(values: &[f64], target: &[f64]) -> f64 {
    let rows = values.len() as f64;
    let centred = |own: &[f64]| {
        let mean = total(own.iter().copied()) / rows;
        own.iter().map(|value| value - mean).collect::<Vec<f64>>()
    };
    let dot = |a: &[f64], b: &[f64]| total(a.iter().zip(b).map(|(a, b)| a * b));
    let (x, y) = (centred(values), centred(target));
    let correlation = dot(&x, &y) / (dot(&x, &x).sqrt() * dot(&y, &y).sqrt());
    let square = correlation * correlation;
    let f = square / (1.0 - square) * (rows - 2.0);
    match f {
        f if f.is_nan() => 0.0,
        f if f.is_infinite() => f64::MAX,
        f => f,
    }
}

/// Gives the chi-squared statistic of the sums by class.
fn chi2(values: &[f64], codes: &[u32], classes: usize) -> f64 {
    let mut observed = vec![0.0; classes];
    let mut counts = vec![0.0; classes];
    for (value, code) in values.iter().zip(codes) {
        observed[*code as usize] += value;
        counts[*code as usize] += 1.0;
    }
    let all = total(values.iter().copied());
    let rows = values.len() as f64;
    total(observed.iter().zip(&counts).filter(|(_, count)| **count > 0.0).map(
        |(observed, count)| {
            let expected = count / rows * all;
            (observed - expected) * (observed - expected) / expected
        },
    ))
}

/// Estimates how much a column tells about the target.
fn information(
    column: &Column,
    values: &[f64],
    goal: Values,
    context: &FitContext<'_>,
) -> Result<f64, FitError> {
    let own = match (column, Coded::of(column)) {
        (Column::Flag(_), Some(coded)) => {
            Values::Levels { count: coded.levels.len(), codes: coded.codes }
        }
        _ => Values::Numbers(values.to_vec()),
    };
    // One seed for all columns: the target gets the same noise beside each.
    let seed = context.seed.derive("select_k_best", 0);
    let found = associate(Method::MutualInfo, &[own, goal], &[(0, 1)], seed, context.stop);
    found.and_then(|found| found.first().map(|own| own.coefficient)).ok_or(FitError::Stopped)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use serde_json::Value as Json;

    use super::*;
    use crate::ml::steps::fixture::{args, context, frame, target};
    use crate::params::Params;

    #[test]
    fn mutual_information_is_that_of_scikit_learn() {
        let text = std::fs::read_to_string("tests/fixtures/steps/settings.json").unwrap();
        let all: Json = serde_json::from_str(&text).unwrap();
        let stop = AtomicBool::new(false);
        let cases = all["cases"].as_array().unwrap();
        for case in cases.iter().filter(|case| case["step"] == "select_k_best") {
            let step = SelectKBest::from_args(&args("select_k_best", &case["settings"])).unwrap();
            let frame = frame(&case["frame"]);
            let target = target(case.get("target"), frame.rows());
            for (name, column) in frame.iter() {
                let found = step.score(name, column, &target, &context(&stop, 1)).unwrap();
                let wanted = case["scores"][&**name].as_f64().unwrap();
                assert!((found - wanted).abs() < 1e-9, "{}: {name} {found} {wanted}", case["name"]);
            }
        }
    }
}
