//! `target_encode`: the mean target of a level, drawn to the mean of all rows.
//!
//! Follows scikit-learn's `TargetEncoder` (Micci-Barreca 2001, equations 5 to 7). Training rows get
//! values learnt on other rows, fold by fold, so that no row's own target reaches its features; new
//! rows get values learnt on all training rows. Row weights are not looked at.

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::kind::{Declaration, Learnt, saved};
use super::levels::{Coded, Levels, MISSING};
use super::picked::{Picking, each, is_category, listed, other_sort, places, replaced, reshaped};
use super::statistics::total;
use crate::data::{Column, Frame, Sort, Target};
use crate::ml::Seed;
use crate::ml::columns::{Columns, Shape};
use crate::ml::estimator::{FitContext, FitError};
use crate::ml::step::{FittedStep, Misfit, Step};
use crate::params;
use crate::params::Limits;

params! {
    /// Replaces each level by the mean target of its rows, drawn to the mean of all rows.
    ///
    /// Training rows get values that were learnt on other rows (`cv` folds). With more than two
    /// classes there is a column `NAME_CLASS` for each class.
    pub struct TargetEncode("target_encode", 1) {
        /// The columns; left out, all text and categories.
        columns: Option<Columns> = None,
        /// How many rows the mean of all rows counts as; left out, it follows from the variances
        /// (empirical Bayes).
        smooth: Option<f64> = None => Limits::at_least(0.0),
        /// How many folds the training rows are cut into.
        cv: usize = 5 => Limits::at_least(2.0),
        /// Whether rows are shuffled before they are cut into folds.
        shuffle: bool = true,
    }
}

/// A fitted encoding.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Encoding {
    columns: Vec<Encoded>,
    /// The mean of all rows, for each output of a column.
    means: Vec<f64>,
    /// What is put behind a column's name for each output; nothing where there is only one.
    suffixes: Vec<String>,
}

/// What was learnt of a column.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Encoded {
    name: String,
    levels: Levels,
    /// Whether a missing value is a level, behind all others.
    missing: bool,
    /// For each output a value a level.
    values: Vec<Vec<f64>>,
}

/// What is averaged: a number a row for each output.
struct Outputs {
    values: Vec<Vec<f64>>,
    suffixes: Vec<String>,
}

impl Outputs {
    fn of(target: &Target) -> Result<Self, FitError> {
        let single = |values| Ok(Self { values: vec![values], suffixes: vec![String::new()] });
        match target {
            Target::Numbers(values) => single(values.to_vec()),
            Target::Classes { codes, classes } => {
                let is = |class: u32| {
                    codes.iter().map(|code| f64::from(u8::from(*code == class))).collect()
                };
                if classes.len() <= 2 {
                    return single(is(1));
                }
                let values = (0..).zip(classes.iter()).map(|(class, _)| is(class)).collect();
                Ok(Self {
                    values,
                    suffixes: classes.iter().map(|class| format!("_{class}")).collect(),
                })
            }
            Target::Absent { .. } => Err(FitError::Other(
                "`target_encode` needs a target; use `one_hot` or `hash` where there is none"
                    .to_owned(),
            )),
        }
    }
}

impl TargetEncode {
    fn picking(&self) -> Picking<'_> {
        Picking {
            step: "target_encode",
            columns: self.columns.as_ref(),
            takes: |sort| sort != Sort::Time,
            suits: is_category,
            expected: "text, categories, bools and numbers; use `date_parts` first",
        }
    }

    /// Learns a value a level from some rows.
    fn learn(&self, codes: &[u32], levels: usize, y: &[f64], rows: &[usize]) -> Vec<f64> {
        let mean = total(rows.iter().map(|row| y[*row])) / rows.len() as f64;
        let mut counts = vec![0.0; levels];
        let mut sums = vec![0.0; levels];
        for row in rows {
            counts[codes[*row] as usize] += 1.0;
            sums[codes[*row] as usize] += y[*row];
        }
        if let Some(smooth) = self.smooth {
            let value = |(sum, count): (&f64, &f64)| {
                let count = count + smooth;
                if count == 0.0 { mean } else { (sum + smooth * mean) / count }
            };
            return sums.iter().zip(&counts).map(value).collect();
        }
        let spread = total(rows.iter().map(|row| (y[*row] - mean) * (y[*row] - mean)));
        let variance = spread / rows.len() as f64;
        let means: Vec<f64> = sums.iter().zip(&counts).map(|(sum, count)| sum / count).collect();
        let mut squares = vec![0.0; levels];
        for row in rows {
            let level = codes[*row] as usize;
            squares[level] += (y[*row] - means[level]) * (y[*row] - means[level]);
        }
        let value = |level: usize| {
            let own = variance * counts[level];
            let trust = own / (own + squares[level] / counts[level]);
            if trust.is_nan() { mean } else { trust * means[level] + (1.0 - trust) * mean }
        };
        (0..levels).map(value).collect()
    }

    /// Encodes the training rows of a column, each fold by what the others say.
    fn cross_fit(&self, codes: &[u32], levels: usize, y: &[f64], folds: &[usize]) -> Vec<f64> {
        let mut encoded = vec![0.0; codes.len()];
        let count = folds.iter().max().map_or(0, |last| last + 1);
        for fold in 0..count {
            let others: Vec<usize> = (0..codes.len()).filter(|row| folds[*row] != fold).collect();
            let values = self.learn(codes, levels, y, &others);
            for row in (0..codes.len()).filter(|row| folds[*row] == fold) {
                encoded[row] = values[codes[row] as usize];
            }
        }
        encoded
    }
}

impl Step for TargetEncode {
    fn fit(
        &self,
        frame: &Frame,
        target: &Target,
        _: Option<&[f64]>,
        context: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedStep>, Frame), FitError> {
        let picked = self.picking().of(frame)?;
        let outputs = Outputs::of(target)?;
        if frame.rows() == 0 {
            return Err(FitError::NoRows);
        }
        let rows: Vec<usize> = (0..frame.rows()).collect();
        let seed = self.shuffle.then(|| context.seed.derive("target_encode", 0));
        let folds = folds(target, self.cv.min(frame.rows()), seed);
        let learnt = each(&picked, frame.rows() * outputs.values.len(), |at| {
            context.check()?;
            let (name, column) = (&frame.names()[*at], &frame.columns()[*at]);
            let coded = Coded::of(column).ok_or_else(|| other_sort(name, column, "levels"))?;
            let missing = coded.missing > 0;
            let behind = u32::try_from(coded.levels.len()).unwrap_or(MISSING);
            let own = |code: &u32| if *code == MISSING { behind } else { *code };
            let codes: Vec<u32> = coded.codes.iter().map(own).collect();
            let levels = coded.levels.len() + usize::from(missing);
            let learn = |y: &Vec<f64>| self.learn(&codes, levels, y, &rows);
            let values: Vec<Vec<f64>> = outputs.values.iter().map(learn).collect();
            let fitted = |(y, values): (&Vec<f64>, &Vec<f64>)| {
                if frame.rows() < 2 {
                    return codes.iter().map(|code| values[*code as usize]).collect();
                }
                self.cross_fit(&codes, levels, y, &folds)
            };
            let fitted: Vec<Vec<f64>> = outputs.values.iter().zip(&values).map(fitted).collect();
            let encoded = Encoded { name: name.to_string(), levels: coded.levels, missing, values };
            Ok((encoded, fitted))
        })?;
        let mean = |y: &Vec<f64>| total(y.iter().copied()) / y.len() as f64;
        let means = outputs.values.iter().map(mean).collect();
        let (columns, fitted): (Vec<Encoded>, Vec<Vec<Vec<f64>>>) = learnt.into_iter().unzip();
        let encoding = Encoding { columns, means, suffixes: outputs.suffixes };
        let with = picked.iter().zip(encoding.columns.iter().zip(fitted));
        let with = with.map(|(at, (own, values))| (*at, encoding.named(&own.name, values)));
        let transformed = replaced(frame, with.collect());
        Ok((Box::new(encoding), transformed))
    }

    fn reshape(&self, before: &Shape) -> Result<Shape, Misfit> {
        let picked = self.picking().known(before)?;
        let after = reshaped(before, &picked, |name, _| vec![(name.to_owned(), Sort::Number)]);
        Ok(Shape { open: after.open || !picked.is_empty(), ..after })
    }
}

impl Declaration for TargetEncode {
    type Learnt = Encoding;
}

impl Encoding {
    fn named(&self, name: &str, values: Vec<Vec<f64>>) -> Vec<(String, Column)> {
        let column = |(suffix, values): (&String, Vec<f64>)| {
            (format!("{name}{suffix}"), Column::Number(values.into()))
        };
        self.suffixes.iter().zip(values).map(column).collect()
    }
}

impl Encoded {
    fn encode(&self, column: &Column, means: &[f64]) -> Result<Vec<Vec<f64>>, FitError> {
        let codes = self.levels.codes(&self.name, column)?;
        let behind = self.levels.len();
        let place = |code: &u32| match *code {
            MISSING if self.missing => behind,
            code => code as usize,
        };
        let output = |(values, mean): (&Vec<f64>, &f64)| {
            codes.iter().map(|code| values.get(place(code)).copied().unwrap_or(*mean)).collect()
        };
        Ok(self.values.iter().zip(means).map(output).collect())
    }
}

impl FittedStep for Encoding {
    fn transform(&self, frame: &Frame) -> Result<Frame, FitError> {
        let places = places(frame, self.columns.iter().map(|own| own.name.as_str()))?;
        let work: Vec<(usize, &Encoded)> = places.into_iter().zip(&self.columns).collect();
        let with = each(&work, frame.rows(), |(at, own)| {
            Ok((*at, self.named(&own.name, own.encode(&frame.columns()[*at], &self.means)?)))
        })?;
        Ok(replaced(frame, with))
    }

    fn save(&self) -> Vec<u8> {
        saved(self)
    }

    fn summary(&self) -> String {
        listed(self.columns.iter().map(|own| format!("{}: {} levels", own.name, own.levels.len())))
    }
}

impl Learnt for Encoding {
    fn sound(&self) -> bool {
        self.means.len() == self.suffixes.len()
            && self.columns.iter().all(|own| {
                let levels = own.levels.len() + usize::from(own.missing);
                own.levels.sound()
                    && own.values.len() == self.means.len()
                    && own.values.iter().all(|values| values.len() == levels)
            })
    }
}

/// Gives each row its fold, as scikit-learn's `StratifiedKFold` does for classes and `KFold` for
/// numbers; with a seed, shuffled.
fn folds(target: &Target, count: usize, seed: Option<Seed>) -> Vec<usize> {
    let mut generator = seed.map(|seed| seed.generator());
    let Target::Classes { codes, classes } = target else {
        let rows = target.len();
        let sizes = (0..count).map(|fold| rows / count + usize::from(fold < rows % count));
        let mut folds: Vec<usize> =
            sizes.enumerate().flat_map(|(fold, size)| std::iter::repeat_n(fold, size)).collect();
        if let Some(generator) = &mut generator {
            folds.shuffle(generator);
        }
        return folds;
    };
    // Classes in the order in which they appear; each is dealt out over the sorted whole.
    let mut order: Vec<Option<usize>> = vec![None; classes.len()];
    let mut rows_of: Vec<Vec<usize>> = Vec::new();
    for (row, code) in codes.iter().enumerate() {
        let class = *order[*code as usize].get_or_insert(rows_of.len());
        if class == rows_of.len() {
            rows_of.push(Vec::new());
        }
        rows_of[class].push(row);
    }
    let mut folds = vec![0; codes.len()];
    let mut start = 0;
    for rows in &rows_of {
        let dealt =
            |fold: usize| (start..start + rows.len()).filter(|at| at % count == fold).count();
        let mut own: Vec<usize> =
            (0..count).flat_map(|fold| std::iter::repeat_n(fold, dealt(fold))).collect();
        if let Some(generator) = &mut generator {
            own.shuffle(generator);
        }
        rows.iter().zip(own).for_each(|(row, fold)| folds[*row] = fold);
        start += rows.len();
    }
    folds
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::data::Label;

    fn classes(codes: &[u32]) -> Target {
        let classes = (0..3).map(Label::Int).collect();
        Target::Classes { codes: Arc::from(codes), classes }
    }

    #[test]
    fn folds_are_dealt_as_scikit_learn_deals_them() {
        let folds = folds(&classes(&[1, 0, 0, 1, 0, 0, 1, 0, 2, 2]), 3, None);
        let test = |fold: usize| (0..10).filter(|row| folds[*row] == fold).collect::<Vec<_>>();
        assert_eq!([test(0), test(1), test(2)], [vec![0, 1, 2, 8], vec![3, 4, 5], vec![6, 7, 9]]);
        let numbers = Target::Numbers(vec![0.0; 10].into());
        assert_eq!(super::folds(&numbers, 3, None), [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]);
    }

    #[test]
    fn shuffled_folds_have_the_same_sizes_and_follow_the_seed() {
        let target = classes(&[1, 0, 0, 1, 0, 0, 1, 0, 2, 2]);
        let shuffled = |seed| folds(&target, 3, Some(Seed::new(seed)));
        assert_eq!(shuffled(1), shuffled(1));
        assert_ne!(shuffled(1), shuffled(2));
        let mut sizes = [0; 3];
        for fold in shuffled(1) {
            sizes[fold] += 1;
        }
        assert_eq!(sizes, [4, 3, 3]);
    }
}
