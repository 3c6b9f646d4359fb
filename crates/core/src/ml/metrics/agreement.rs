//! Metrics of groups against known classes, whatever the groups are called.
//!
//! All are scikit-learn's (`sklearn.metrics.cluster`).

use super::groups::numbered;
use super::scorer::{Scorer, groups, undefined};
use crate::data::Target;
use crate::ml::estimator::Prediction;
use crate::ml::metric::Direction::Maximize;
use crate::ml::metric::{Judged, MetricError};
use crate::params;

params! {
    /// Share of pairs of rows that are together in both or apart in both, 0 for chance, 1 if all are.
    ///
    /// Hubert and Arabie, J. Classif. 2 (1985). As scikit-learn's `adjusted_rand_score`.
    pub(super) struct AdjustedRand("adjusted_rand", 0) {}
}
params! {
    /// Share of pairs of rows that are together in both or apart in both.
    ///
    /// As scikit-learn's `rand_score`.
    pub(super) struct Rand("rand", 0) {}
}
params! {
    /// How what is known of one grouping by the other is put into a range.
    pub(super) enum Norm {
        /// By the smaller entropy.
        Min = "min",
        /// By the geometric mean of the entropies.
        Geometric = "geometric",
        /// By the mean of the entropies.
        Arithmetic = "arithmetic",
        /// By the larger entropy.
        Max = "max",
    }
}
params! {
    /// Information that groups and classes share, from 0 to 1.
    ///
    /// As scikit-learn's `normalized_mutual_info_score`.
    pub(super) struct NormalizedMutualInfo("normalized_mutual_info", 0) {
        /// What the shared information is divided by.
        average: Norm = Norm::Arithmetic,
    }
}
params! {
    /// Information that groups and classes share, in nats: 0 for none.
    ///
    /// As scikit-learn's `mutual_info_score`.
    pub(super) struct MutualInfo("mutual_info", 0) {}
}
params! {
    /// Information that groups and classes share, 0 for chance, 1 if they are the same.
    ///
    /// Vinh, Epps and Bailey, JMLR 11 (2010). As scikit-learn's `adjusted_mutual_info_score`.
    pub(super) struct AdjustedMutualInfo("adjusted_mutual_info", 0) {}
}
params! {
    /// 1 if each group has rows of one class alone.
    ///
    /// Rosenberg and Hirschberg, EMNLP 2007. As scikit-learn's `homogeneity_score`.
    pub(super) struct Homogeneity("homogeneity", 0) {}
}
params! {
    /// 1 if all rows of a class are in one group.
    ///
    /// Rosenberg and Hirschberg, EMNLP 2007. As scikit-learn's `completeness_score`.
    pub(super) struct Completeness("completeness", 0) {}
}
params! {
    /// Harmonic mean of homogeneity and completeness.
    ///
    /// Rosenberg and Hirschberg, EMNLP 2007. As scikit-learn's `v_measure_score`.
    pub(super) struct VMeasure("v_measure", 0) {}
}
params! {
    /// Geometric mean of precision and recall over pairs of rows that are together.
    ///
    /// Fowlkes and Mallows, J. Am. Stat. Assoc. 78 (1983). As scikit-learn's
    /// `fowlkes_mallows_score`.
    pub(super) struct FowlkesMallows("fowlkes_mallows", 0) {}
}

/// `adjusted_rand`.
pub(super) static ADJUSTED_RAND: Scorer<AdjustedRand> =
    Scorer::new(groups(Maximize), |_, judged| Ok(Shared::of(judged)?.pairs().adjusted_rand()));
/// `rand`.
pub(super) static RAND: Scorer<Rand> =
    Scorer::new(groups(Maximize), |_, judged| Ok(Shared::of(judged)?.pairs().rand()));
/// `normalized_mutual_info`.
pub(super) static NORMALIZED_MUTUAL_INFO: Scorer<NormalizedMutualInfo> =
    Scorer::new(groups(Maximize), |params, judged| {
        let shared = Shared::of(judged)?;
        let (left, right) = (entropy(&shared.classes), entropy(&shared.groups));
        let information = shared.information();
        if shared.classes.len() == 1 && shared.groups.len() == 1 {
            return Ok(1.0);
        }
        let norm = match params.average {
            Norm::Min => left.min(right),
            Norm::Geometric => (left * right).sqrt(),
            Norm::Arithmetic => f64::midpoint(left, right),
            Norm::Max => left.max(right),
        };
        Ok(if information == 0.0 { 0.0 } else { information / norm })
    });
/// `mutual_info`.
pub(super) static MUTUAL_INFO: Scorer<MutualInfo> =
    Scorer::new(groups(Maximize), |_, judged| Ok(Shared::of(judged)?.information()));
/// `adjusted_mutual_info`.
pub(super) static ADJUSTED_MUTUAL_INFO: Scorer<AdjustedMutualInfo> =
    Scorer::new(groups(Maximize), |_, judged| Ok(Shared::of(judged)?.adjusted_information()));
/// `homogeneity`.
pub(super) static HOMOGENEITY: Scorer<Homogeneity> =
    Scorer::new(groups(Maximize), |_, judged| Ok(Shared::of(judged)?.purity().0));
/// `completeness`.
pub(super) static COMPLETENESS: Scorer<Completeness> =
    Scorer::new(groups(Maximize), |_, judged| Ok(Shared::of(judged)?.purity().1));
/// `v_measure`.
pub(super) static V_MEASURE: Scorer<VMeasure> = Scorer::new(groups(Maximize), |_, judged| {
    let (homogeneity, completeness) = Shared::of(judged)?.purity();
    let sum = homogeneity + completeness;
    Ok(if sum == 0.0 { 0.0 } else { 2.0 * homogeneity * completeness / sum })
});
/// `fowlkes_mallows`.
pub(super) static FOWLKES_MALLOWS: Scorer<FowlkesMallows> =
    Scorer::new(groups(Maximize), |_, judged| Ok(Shared::of(judged)?.fowlkes_mallows()));

/// How many rows each class and group share.
struct Shared {
    /// `classes × groups`.
    counts: Vec<u64>,
    classes: Vec<u64>,
    groups: Vec<u64>,
    rows: u64,
}

/// How many ordered pairs of rows are together or apart, in classes and in groups.
struct Pairs {
    apart_in_both: f64,
    together_in_groups: f64,
    together_in_classes: f64,
    together_in_both: f64,
}

impl Shared {
    fn of(judged: &Judged<'_>) -> Result<Self, MetricError> {
        let Prediction::Clusters(said) = judged.prediction else {
            return Err(undefined("it judges groups, but the prediction holds none"));
        };
        let Target::Classes { codes, .. } = judged.target else {
            return Err(undefined(
                "it compares groups with classes, but there is no target of classes",
            ));
        };
        if judged.weights.is_some() {
            return Err(undefined("it takes no weights"));
        }
        if codes.len() != said.len() || said.is_empty() {
            return Err(undefined(format!(
                "there are {} rows and {} predictions",
                codes.len(),
                said.len()
            )));
        }
        let codes: Vec<i64> = codes.iter().map(|code| i64::from(*code)).collect();
        let ((class, classes), (group, groups)) = (numbered(&codes), numbered(said));
        let mut counts = vec![0; classes.len() * groups.len()];
        class
            .iter()
            .zip(&group)
            .for_each(|(class, group)| counts[class * groups.len() + group] += 1);
        let whole = |sizes: Vec<usize>| sizes.into_iter().map(|size| size as u64).collect();
        Ok(Self { counts, classes: whole(classes), groups: whole(groups), rows: said.len() as u64 })
    }

    fn pairs(&self) -> Pairs {
        let squares =
            |counts: &[u64]| counts.iter().map(|count| u128::from(*count).pow(2)).sum::<u128>();
        let (both, classes, groups) =
            (squares(&self.counts), squares(&self.classes), squares(&self.groups));
        let rows = u128::from(self.rows);
        Pairs {
            apart_in_both: (rows * rows + both - classes - groups) as f64,
            together_in_groups: (groups - both) as f64,
            together_in_classes: (classes - both) as f64,
            together_in_both: (both - rows) as f64,
        }
    }

    /// Gives the mutual information in nats.
    fn information(&self) -> f64 {
        if self.classes.len() == 1 || self.groups.len() == 1 {
            return 0.0;
        }
        let rows = self.rows as f64;
        let part = |(place, count): (usize, &u64)| {
            if *count == 0 {
                return 0.0;
            }
            let (class, group) = (place / self.groups.len(), place % self.groups.len());
            let share = *count as f64 / rows;
            let expected = (self.classes[class] as f64).ln() + (self.groups[group] as f64).ln();
            let part =
                share * ((*count as f64).ln() - rows.ln()) + share * (2.0 * rows.ln() - expected);
            if part.abs() < f64::EPSILON { 0.0 } else { part }
        };
        self.counts.iter().enumerate().map(part).sum::<f64>().max(0.0)
    }

    fn purity(&self) -> (f64, f64) {
        let information = self.information();
        let of = |entropy: f64| if entropy == 0.0 { 1.0 } else { information / entropy };
        (of(entropy(&self.classes)), of(entropy(&self.groups)))
    }

    fn adjusted_information(&self) -> f64 {
        match (self.classes.len(), self.groups.len()) {
            (1, 1) => return 1.0,
            (1, _) | (_, 1) => return 0.0,
            _ => {}
        }
        let expected = self.expected_information();
        let norm = f64::midpoint(entropy(&self.classes), entropy(&self.groups));
        // Neither may be 0: that is how rounding shows.
        let apart = |value: f64| {
            if value < 0.0 { value.min(-f64::EPSILON) } else { value.max(f64::EPSILON) }
        };
        apart(self.information() - expected) / apart(norm - expected)
    }

    /// Gives the mutual information that chance gives groups of these sizes.
    fn expected_information(&self) -> f64 {
        let rows = self.rows;
        let mut factorials = vec![0.0];
        for number in 1..=rows {
            factorials.push(factorials.last().copied().unwrap_or(0.0) + (number as f64).ln());
        }
        let ln = |number: u64| factorials[usize::try_from(number).unwrap_or(0)];
        let mut sum = 0.0;
        for class in &self.classes {
            for group in &self.groups {
                let least = (class + group).saturating_sub(rows).max(1);
                for both in least..=*class.min(group) {
                    let share = both as f64 / rows as f64;
                    let ratio = (rows as f64 * both as f64 / (*class as f64 * *group as f64)).ln();
                    let chance = ln(*class) + ln(*group) + ln(rows - class) + ln(rows - group)
                        - ln(rows)
                        - ln(both)
                        - ln(class - both)
                        - ln(group - both)
                        - ln(rows + both - class - group);
                    sum += share * ratio * chance.exp();
                }
            }
        }
        sum
    }

    fn fowlkes_mallows(&self) -> f64 {
        let pairs = self.pairs();
        let both = pairs.together_in_both;
        if both == 0.0 {
            return 0.0;
        }
        let (classes, groups) = (both + pairs.together_in_classes, both + pairs.together_in_groups);
        (both / classes).sqrt() * (both / groups).sqrt()
    }
}

impl Pairs {
    fn rand(&self) -> f64 {
        let same = self.apart_in_both + self.together_in_both;
        let all = same + self.together_in_groups + self.together_in_classes;
        if all == 0.0 { 1.0 } else { same / all }
    }

    fn adjusted_rand(&self) -> f64 {
        let Self {
            apart_in_both: tn,
            together_in_groups: fp,
            together_in_classes: fn_,
            together_in_both: tp,
        } = self;
        if *fp == 0.0 && *fn_ == 0.0 {
            return 1.0;
        }
        2.0 * (tp * tn - fn_ * fp) / ((tp + fn_) * (fn_ + tn) + (tp + fp) * (fp + tn))
    }
}

/// Gives the entropy of sizes in nats.
fn entropy(sizes: &[u64]) -> f64 {
    let total = sizes.iter().sum::<u64>() as f64;
    if sizes.len() == 1 {
        return 0.0;
    }
    -sizes
        .iter()
        .filter(|size| **size > 0)
        .map(|size| *size as f64 / total * ((*size as f64).ln() - total.ln()))
        .sum::<f64>()
}
