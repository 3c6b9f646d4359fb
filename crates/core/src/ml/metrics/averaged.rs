//! Metrics of one class against the rest, and their averages over the classes.
//!
//! The definitions and the treatment of 0/0 are scikit-learn's
//! `precision_recall_fscore_support` and `jaccard_score`.

use super::confusion::Confusion;
use super::scorer::{Scorer, classes, undefined};
use crate::ml::metric::Direction::Maximize;
use crate::ml::metric::{Judged, MetricError, Needs};
use crate::params;
use crate::params::Limits;

params! {
    /// How the values of the classes become one.
    pub(super) enum Average {
        /// The value of the positive class alone.
        Binary = "binary",
        /// One value from the counts of all classes together.
        Micro = "micro",
        /// The mean over the classes.
        Macro = "macro",
        /// The mean over the classes, weighted by their rows.
        Weighted = "weighted",
    }
}

params! {
    /// Share of the rows predicted as a class that are of it: TP / (TP + FP).
    ///
    /// As scikit-learn's `precision_score`.
    pub(super) struct Precision("precision", 0) {
        /// How the values of the classes become one.
        average: Average = Average::Binary,
        /// The value where nothing is predicted as the class; `null` leaves the class out.
        zero_division: Option<f64> = Some(0.0) => Limits::between(0.0, 1.0),
    }
}

params! {
    /// Share of the rows of a class that are predicted so: TP / (TP + FN).
    ///
    /// As scikit-learn's `recall_score`.
    pub(super) struct Recall("recall", 0) {
        /// How the values of the classes become one.
        average: Average = Average::Binary,
        /// The value where no row is of the class; `null` leaves the class out.
        zero_division: Option<f64> = Some(0.0) => Limits::between(0.0, 1.0),
    }
}

params! {
    /// Harmonic mean of precision and recall: 2TP / (2TP + FP + FN).
    ///
    /// As scikit-learn's `f1_score`.
    pub(super) struct F1("f1", 0) {
        /// How the values of the classes become one.
        average: Average = Average::Binary,
        /// The value where the class is neither there nor predicted; `null` leaves it out.
        zero_division: Option<f64> = Some(0.0) => Limits::between(0.0, 1.0),
    }
}

params! {
    /// Weighted harmonic mean of precision and recall, recall counting `beta` times as much.
    ///
    /// As scikit-learn's `fbeta_score`.
    pub(super) struct FBeta("fbeta", 1) {
        /// How many times as much recall counts.
        beta: f64 => Limits::at_least(0.0),
        /// How the values of the classes become one.
        average: Average = Average::Binary,
        /// The value where the class is neither there nor predicted; `null` leaves it out.
        zero_division: Option<f64> = Some(0.0) => Limits::between(0.0, 1.0),
    }
}

params! {
    /// Rows right about a class over rows that are of it or predicted so: TP / (TP + FP + FN).
    ///
    /// As scikit-learn's `jaccard_score`.
    pub(super) struct Jaccard("jaccard", 0) {
        /// How the values of the classes become one.
        average: Average = Average::Binary,
        /// The value where the class is neither there nor predicted.
        zero_division: f64 = 0.0 => Limits::between(0.0, 1.0),
    }
}

params! {
    /// Share of the rows not of a class that are not predicted so: TN / (TN + FP).
    ///
    /// The recall of the rest; Altman and Bland, BMJ 308 (1994) 1552.
    pub(super) struct Specificity("specificity", 0) {
        /// How the values of the classes become one.
        average: Average = Average::Binary,
        /// The value where all rows are of the class; `null` leaves the class out.
        zero_division: Option<f64> = Some(0.0) => Limits::between(0.0, 1.0),
    }
}

/// `precision`.
pub(super) static PRECISION: Scorer<Precision> = Scorer {
    tags: classes(Maximize, Needs::Labels),
    positive: |params| params.average == Average::Binary,
    score: |params, judged| {
        averaged(judged, params.average, params.zero_division, |counts| {
            (counts.hits, counts.hits + counts.false_alarms)
        })
    },
};

/// `recall`.
pub(super) static RECALL: Scorer<Recall> = Scorer {
    tags: classes(Maximize, Needs::Labels),
    positive: |params| params.average == Average::Binary,
    score: |params, judged| {
        averaged(judged, params.average, params.zero_division, |counts| {
            (counts.hits, counts.hits + counts.misses)
        })
    },
};

/// `f1`.
pub(super) static F1_SCORE: Scorer<F1> = Scorer {
    tags: classes(Maximize, Needs::Labels),
    positive: |params| params.average == Average::Binary,
    score: |params, judged| {
        averaged(judged, params.average, params.zero_division, |counts| counts.f_beta(1.0))
    },
};

/// `fbeta`.
pub(super) static F_BETA: Scorer<FBeta> = Scorer {
    tags: classes(Maximize, Needs::Labels),
    positive: |params| params.average == Average::Binary,
    score: |params, judged| {
        averaged(judged, params.average, params.zero_division, |counts| counts.f_beta(params.beta))
    },
};

/// `jaccard`.
pub(super) static JACCARD: Scorer<Jaccard> = Scorer {
    tags: classes(Maximize, Needs::Labels),
    positive: |params| params.average == Average::Binary,
    score: |params, judged| {
        averaged(judged, params.average, Some(params.zero_division), |counts| {
            (counts.hits, counts.hits + counts.false_alarms + counts.misses)
        })
    },
};

/// `specificity`.
pub(super) static SPECIFICITY: Scorer<Specificity> = Scorer {
    tags: classes(Maximize, Needs::Labels),
    positive: |params| params.average == Average::Binary,
    score: |params, judged| {
        averaged(judged, params.average, params.zero_division, |counts| {
            (counts.rejections, counts.rejections + counts.false_alarms)
        })
    },
};

/// The four counts of one class against the rest.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    hits: f64,
    misses: f64,
    false_alarms: f64,
    rejections: f64,
}

impl Counts {
    fn of(confusion: &Confusion, class: usize) -> Self {
        let hits = confusion.count(class, class);
        let misses = confusion.actual(class) - hits;
        let false_alarms = confusion.predicted(class) - hits;
        let rejections = confusion.total() - hits - misses - false_alarms;
        Self { hits, misses, false_alarms, rejections }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            hits: self.hits + other.hits,
            misses: self.misses + other.misses,
            false_alarms: self.false_alarms + other.false_alarms,
            rejections: self.rejections + other.rejections,
        }
    }

    fn f_beta(&self, beta: f64) -> (f64, f64) {
        let square = beta * beta;
        let actual = self.hits + self.misses;
        let predicted = self.hits + self.false_alarms;
        ((1.0 + square) * self.hits, square * actual + predicted)
    }
}

/// Averages a ratio over the classes; without `zero_division`, 0/0 is left out.
fn averaged(
    judged: &Judged<'_>,
    average: Average,
    zero_division: Option<f64>,
    ratio: impl Fn(&Counts) -> (f64, f64),
) -> Result<f64, MetricError> {
    let confusion = Confusion::of(judged)?;
    let value = |counts: &Counts| {
        let (above, below) = ratio(counts);
        if below == 0.0 { zero_division.unwrap_or(f64::NAN) } else { above / below }
    };
    let each = (0..confusion.classes()).map(|class| Counts::of(&confusion, class));
    let one = match average {
        Average::Binary => value(&Counts::of(&confusion, positive(judged, confusion.classes())?)),
        Average::Micro => value(&each.fold(Counts::default(), Counts::plus)),
        Average::Macro => mean(each.map(|counts| (value(&counts), 1.0))),
        Average::Weighted => {
            let weighed: Vec<_> =
                each.map(|counts| (value(&counts), counts.hits + counts.misses)).collect();
            let none =
                weighed.iter().filter(|(value, _)| !value.is_nan()).all(|(_, rows)| *rows == 0.0);
            mean(weighed.into_iter().map(|(value, rows)| (value, if none { 1.0 } else { rows })))
        }
    };
    if one.is_nan() {
        return Err(undefined("it is 0/0: the class is not there or never predicted"));
    }
    Ok(one)
}

/// Averages values with weights, leaving NaN out.
fn mean(values: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (sum, total) = values
        .filter(|(value, _)| !value.is_nan())
        .fold((0.0, 0.0), |(sum, total), (value, weight)| (sum + value * weight, total + weight));
    sum / total
}

/// Gives the positive class, or says how to do without.
pub(super) fn positive(judged: &Judged<'_>, classes: usize) -> Result<usize, MetricError> {
    match judged.positive {
        Some(code) if (code as usize) < classes => Ok(code as usize),
        _ if classes == 2 => Err(undefined(
            "it is not settled which of the two classes is the positive one; set the model's `positive`",
        )),
        _ => Err(undefined(format!(
            "there are {classes} classes; pick an `average:` such as `macro`, or set the model's `positive`"
        ))),
    }
}
