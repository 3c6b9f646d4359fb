//! `pca`: directions in which rows differ most.
//!
//! Follows scikit-learn's `PCA` with exact solvers: centred columns, variances over `n − 1`, and of each
//! component the largest entry is positive. Row weights are not looked at.

use std::f64::consts::{PI, TAU};

use serde::{Deserialize, Serialize};

use super::eigen::symmetric;
use super::kind::{Declaration, Learnt, saved};
use super::picked::{Picking, applied, is_number, joined, numbers_of, places, reshaped};
use super::statistics::total;
use crate::data::{Column, Frame, Sort, Target};
use crate::ml::columns::{Columns, Shape};
use crate::ml::estimator::{BadSetting, FitContext, FitError};
use crate::ml::special::ln_gamma;
use crate::ml::step::{FittedStep, Misfit, Step};
use crate::params;
use crate::params::{Declared, Kind, Setting};

/// The most columns, or rows if they are fewer, whose directions are computed exactly.
const LARGEST: usize = 5_000;

params! {
    /// Replaces columns by the directions in which the rows differ most: `pca_1`, `pca_2` ….
    ///
    /// Scale the columns first, or those with large numbers decide alone.
    pub struct Pca("pca", 1) {
        /// How many directions are kept, or which share of the variance they must explain, `95%`, or
        /// `mle` for as many as are likeliest (Minka 2000); left out, all.
        n: Option<Components> = None,
        /// The columns; left out, all numbers.
        columns: Option<Columns> = None,
        /// Brings each direction to variance 1.
        whiten: bool = false,
    }
}

params! {
    /// A rule for how many directions are kept.
    pub enum Guess {
        /// As many as are likeliest, the other directions being noise.
        Mle = "mle",
    }
}

/// How many directions are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Components {
    /// So many.
    Count(usize),
    /// As many as explain this share of the variance.
    Share(f64),
    /// As many as a rule finds.
    Guessed(Guess),
}

impl Declared for Components {
    const KIND: Kind = Kind::OneOf(&[Kind::Int, Kind::Share, Guess::KIND]);

    fn from_setting(setting: &Setting) -> Option<Self> {
        match setting {
            Setting::Int(count) => usize::try_from(*count).ok().map(Self::Count),
            Setting::Share(share) | Setting::Float(share) => Some(Self::Share(*share)),
            other => Guess::from_setting(other).map(Self::Guessed),
        }
    }

    fn to_setting(&self) -> Setting {
        match self {
            Self::Guessed(guess) => guess.to_setting(),
            Self::Count(count) => Setting::Int(i64::try_from(*count).unwrap_or(i64::MAX)),
            Self::Share(share) => Setting::Share(*share),
        }
    }
}

/// Fitted directions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Projection {
    columns: Vec<String>,
    means: Vec<f64>,
    /// A weight a column, direction by direction.
    directions: Vec<Vec<f64>>,
    /// The share of the variance that each explains.
    explained: Vec<f64>,
}

impl Pca {
    fn picking(&self) -> Picking<'_> {
        Picking {
            step: "pca",
            columns: self.columns.as_ref(),
            takes: is_number,
            suits: |sort| sort == Sort::Number,
            expected: "numbers",
        }
    }

    fn count(
        &self,
        variances: &[f64],
        shares: &[f64],
        rows: usize,
        width: usize,
    ) -> Result<usize, FitError> {
        let most = rows.min(width);
        match self.n {
            None => Ok(most),
            Some(Components::Guessed(Guess::Mle)) if rows < width => Err(FitError::Other(format!(
                "`pca(mle)` needs as many rows as columns: {width} columns have {rows} rows"
            ))),
            Some(Components::Guessed(Guess::Mle)) => Ok(likeliest(variances, rows)),
            Some(Components::Count(count)) if count <= most => Ok(count),
            Some(Components::Count(count)) => Err(FitError::Other(format!(
                "`pca({count})` asks for more directions than there are: {width} columns of {rows} rows have {most}"
            ))),
            Some(Components::Share(wanted)) => {
                let mut sum = 0.0;
                let enough = shares.iter().position(|share| {
                    sum += share;
                    sum > wanted
                });
                Ok(enough.map_or(most, |at| at + 1).min(most))
            }
        }
    }
}

impl Step for Pca {
    fn fit(
        &self,
        frame: &Frame,
        _: &Target,
        _: Option<&[f64]>,
        context: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedStep>, Frame), FitError> {
        let picked = self.picking().of(frame)?;
        let (rows, width) = (frame.rows(), picked.len());
        if rows == 0 {
            return Err(FitError::NoRows);
        }
        if rows.min(width) > LARGEST {
            return Err(FitError::Other(format!(
                "`pca` of {width} columns is too large; pick at most {LARGEST}, for example with `select_k_best`"
            )));
        }
        let names: Vec<String> = picked.iter().map(|at| frame.names()[*at].to_string()).collect();
        let columns = columns(frame, &picked)?;
        let means: Vec<f64> =
            columns.iter().map(|own| total(own.iter().copied()) / rows as f64).collect();
        let centred: Vec<Vec<f64>> = columns
            .iter()
            .zip(&means)
            .map(|(own, mean)| own.iter().map(|value| value - mean).collect())
            .collect();
        context.check()?;
        let (variances, mut directions) = components(&centred, rows);
        let all = total(variances.iter().copied());
        let shares: Vec<f64> =
            variances.iter().map(|own| if all > 0.0 { own / all } else { 0.0 }).collect();
        let count = self.count(&variances, &shares, rows, width)?;
        directions.truncate(count);
        for direction in &mut directions {
            turn(direction);
        }
        if self.whiten {
            for (direction, variance) in directions.iter_mut().zip(&variances) {
                let scale = variance.sqrt().max(f64::EPSILON);
                for weight in direction {
                    *weight /= scale;
                }
            }
        }
        let explained = shares.into_iter().take(count).collect();
        let fitted = Projection { columns: names, means, directions, explained };
        applied(fitted, frame)
    }

    fn reshape(&self, before: &Shape) -> Result<Shape, Misfit> {
        let picked = self.picking().known(before)?;
        let mut after = reshaped(before, &picked, |_, _| Vec::new());
        match self.n {
            Some(Components::Count(count)) if !before.open && count > picked.len() => Err(Misfit {
                step: "pca",
                column: None,
                span: None,
                message: format!(
                    "`pca({count})` asks for more directions than the {} columns have",
                    picked.len()
                ),
                help: None,
            }),
            Some(Components::Count(count)) => {
                let names = (1..=count).map(|at| format!("pca_{at}").as_str().into());
                after.columns.extend(names.map(|name| (name, Sort::Number)));
                Ok(after)
            }
            Some(Components::Share(_) | Components::Guessed(_)) | None => {
                Ok(Shape { open: true, ..after })
            }
        }
    }
}

impl Declaration for Pca {
    type Learnt = Projection;

    fn check(&self) -> Result<(), BadSetting> {
        let wrong = |message: &str| Err(BadSetting { param: "n", message: message.to_owned() });
        match self.n {
            Some(Components::Count(0)) => wrong("`n` is at least 1"),
            Some(Components::Share(share)) if !(share > 0.0 && share < 1.0) => {
                wrong("`n` as a share lies above 0% and below 100%")
            }
            _ => Ok(()),
        }
    }
}

/// Gives the numbers of columns; none may be missing.
fn columns<'a>(frame: &'a Frame, picked: &[usize]) -> Result<Vec<&'a [f64]>, FitError> {
    let column = |at: &usize| {
        let name = &frame.names()[*at];
        let values = numbers_of(name, &frame.columns()[*at])?;
        match values.iter().position(|value| !value.is_finite()) {
            None => Ok(values),
            Some(row) => Err(FitError::BadValue {
                column: name.to_string(),
                found: if values[row].is_nan() { "a missing value" } else { "infinity" }.to_owned(),
                row,
                hint: "`pca` takes none: put `impute` or `clip` in front of it".to_owned(),
            }),
        }
    };
    picked.iter().map(column).collect()
}

/// Gives variances and directions of centred columns, by descending variance.
fn components(columns: &[Vec<f64>], rows: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
    let free = (rows.max(2) - 1) as f64;
    let width = columns.len();
    if width <= rows {
        let (values, vectors) = symmetric(products(columns), width);
        let variances = values.iter().map(|value| value.max(0.0) / free).collect();
        return (variances, vectors);
    }
    // With fewer rows than columns the rows' products have the same values, and are smaller.
    let transposed: Vec<Vec<f64>> =
        (0..rows).map(|row| columns.iter().map(|own| own[row]).collect()).collect();
    let (values, vectors) = symmetric(products(&transposed), rows);
    let largest = values.first().copied().unwrap_or(0.0);
    let direction = |(value, vector): (&f64, &Vec<f64>)| {
        let length = value.max(0.0).sqrt();
        let nothing = *value <= largest * f64::EPSILON * rows as f64;
        let weight = |column: &Vec<f64>| {
            if nothing {
                0.0
            } else {
                total(column.iter().zip(vector).map(|(a, b)| a * b)) / length
            }
        };
        columns.iter().map(weight).collect()
    };
    let directions = values.iter().zip(&vectors).map(direction).collect();
    (values.iter().map(|value| value.max(0.0) / free).collect(), directions)
}

/// Finds the number of directions of the greatest evidence, the others having one variance (Minka,
/// Automatic choice of dimensionality for PCA, 2000).
fn likeliest(variances: &[f64], rows: usize) -> usize {
    let evidence: Vec<f64> =
        (1..variances.len())
            .map(|rank| {
                if variances[rank - 1] < 1e-15 { f64::MIN } else { evidence(variances, rank, rows) }
            })
            .collect();
    let most = evidence.iter().copied().fold(f64::MIN, f64::max);
    evidence.iter().position(|own| *own >= most).map_or(variances.len(), |at| at + 1)
}

/// Gives the logarithm of the evidence for so many directions, all but a constant.
fn evidence(variances: &[f64], rank: usize, rows: usize) -> f64 {
    let (n, width, k) = (rows as f64, variances.len() as f64, rank as f64);
    let noise = (variances[rank..].iter().sum::<f64>() / (width - k)).max(1e-15);
    let prior: f64 = (0..rank)
        .map(|at| {
            let half = (width - at as f64) / 2.0;
            ln_gamma(half) - half * PI.ln()
        })
        .sum::<f64>()
        - k * 2.0_f64.ln();
    let kept = variances[..rank].iter().map(|own| own.ln()).sum::<f64>() * n / 2.0;
    let rest = noise.ln() * n * (width - k) / 2.0;
    let free = width * k - k * (k + 1.0) / 2.0;
    let curved = |at: usize| if at < rank { variances[at] } else { noise };
    let curvature: f64 = (0..rank)
        .flat_map(|i| (i + 1..variances.len()).map(move |j| (i, j)))
        .map(|(i, j)| {
            let apart = (variances[i] - variances[j]) * (1.0 / curved(j) - 1.0 / curved(i));
            apart.ln() + n.ln()
        })
        .sum();
    let evidence =
        prior - kept - rest + TAU.ln() * (free + k) / 2.0 - curvature / 2.0 - k * n.ln() / 2.0;
    // Where two variances are equal the evidence has no value.
    if evidence.is_finite() { evidence } else { f64::MIN }
}

/// Multiplies each vector with each, row by row.
fn products(vectors: &[Vec<f64>]) -> Vec<f64> {
    let width = vectors.len();
    let mut products = vec![0.0; width * width];
    for (i, left) in vectors.iter().enumerate() {
        for (j, right) in vectors.iter().enumerate().take(i + 1) {
            let product = dot(left, right);
            products[i * width + j] = product;
            products[j * width + i] = product;
        }
    }
    products
}

/// Multiplies two vectors in four interleaved sums, a fixed order that the processor can overlap.
fn dot(left: &[f64], right: &[f64]) -> f64 {
    let (left, left_rest) = left.as_chunks::<4>();
    let (right, right_rest) = right.as_chunks::<4>();
    let mut sums = [0.0; 4];
    for (a, b) in left.iter().zip(right) {
        for lane in 0..4 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = left_rest.iter().zip(right_rest).map(|(a, b)| a * b).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

/// Turns a direction so that its largest entry is positive.
fn turn(direction: &mut [f64]) {
    let largest = direction
        .iter()
        .fold(0.0_f64, |most, own| if own.abs() > most.abs() { *own } else { most });
    if largest < 0.0 {
        for own in direction {
            *own = -*own;
        }
    }
}

impl FittedStep for Projection {
    fn transform(&self, frame: &Frame) -> Result<Frame, FitError> {
        let places = places(frame, self.columns.iter().map(String::as_str))?;
        let columns = columns(frame, &places)?;
        let project = |(at, direction): (usize, &Vec<f64>)| {
            let mut values = vec![0.0; frame.rows()];
            for ((column, mean), weight) in columns.iter().zip(&self.means).zip(direction) {
                values
                    .iter_mut()
                    .zip(*column)
                    .for_each(|(sum, value)| *sum += (value - mean) * weight);
            }
            (format!("pca_{}", at + 1), Column::Number(values.into()))
        };
        let projected = self.directions.iter().enumerate().map(project).collect();
        Ok(joined(frame, &places, projected))
    }

    fn save(&self) -> Vec<u8> {
        saved(self)
    }

    fn summary(&self) -> String {
        let explained = total(self.explained.iter().copied()) * 100.0;
        format!(
            "{} directions of {} columns explain {explained:.1}%",
            self.directions.len(),
            self.columns.len()
        )
    }
}

impl Learnt for Projection {
    fn sound(&self) -> bool {
        self.means.len() == self.columns.len()
            && self.explained.len() == self.directions.len()
            && self.directions.iter().all(|own| own.len() == self.columns.len())
    }
}
