//! Folds that keep groups together: `group_k_fold`, `stratified_group_k_fold`.

use std::cmp::Reverse;

use rand::seq::SliceRandom;

use super::kind::{classes_by_appearance, enough, groups, refused, tested_in};
use super::rows::frequent_enough;
use crate::data::Target;
use crate::ml::Seed;
use crate::ml::splitter::{Fold, FoldRows, SplitError, Splitter};
use crate::params;
use crate::params::{Kind, Limits};

params! {
    /// Cuts groups into folds of about equal size: no group is learnt from and tested on.
    ///
    /// The largest group goes to the lightest fold, and so on; shuffled, the groups are dealt in a
    /// random order. As scikit-learn's `GroupKFold`.
    pub(crate) struct GroupKFold("group_k_fold", 1) {
        /// How many folds.
        n: usize = 5 => Limits::at_least(2.0),
        /// The column whose equal values are a group.
        by: String as (Kind::Column),
        /// Deals the groups in a random order.
        shuffle: bool = false,
    }
}

params! {
    /// Cuts groups into folds with the classes in about the same shares.
    ///
    /// Groups are dealt one by one, the most one-sided first, each to the fold that makes the shares
    /// most even. As scikit-learn's `StratifiedGroupKFold`.
    pub(crate) struct StratifiedGroupKFold("stratified_group_k_fold", 1) {
        /// How many folds.
        n: usize = 5 => Limits::at_least(2.0),
        /// The column whose equal values are a group.
        by: String as (Kind::Column),
        /// Deals equally one-sided groups in a random order.
        shuffle: bool = false,
    }
}

impl Splitter for GroupKFold {
    fn by(&self) -> Option<&str> {
        Some(&self.by)
    }

    fn group(&self) -> Option<&str> {
        Some(&self.by)
    }

    fn shuffled(&self) -> bool {
        self.shuffle
    }

    fn split(&self, rows: &FoldRows<'_>, seed: Seed) -> Result<Vec<Fold>, SplitError> {
        let (of_row, count) = groups(rows)?;
        enough(self.n, count, "groups")?;
        let fold_of = if self.shuffle {
            dealt(count, self.n, seed)
        } else {
            balanced(&sizes(&of_row, count), self.n)
        };
        let of_row: Vec<usize> = of_row.iter().map(|group| fold_of[*group]).collect();
        Ok(tested_in(self.n, &of_row))
    }
}

fn sizes(of_row: &[usize], groups: usize) -> Vec<usize> {
    let mut sizes = vec![0; groups];
    of_row.iter().for_each(|group| sizes[*group] += 1);
    sizes
}

/// Cuts groups in a random order into as many in each fold.
fn dealt(groups: usize, folds: usize, seed: Seed) -> Vec<usize> {
    let mut order: Vec<usize> = (0..groups).collect();
    order.shuffle(&mut seed.generator());
    let (size, larger) = (groups / folds, groups % folds);
    let mut fold_of = vec![0; groups];
    for (place, group) in order.into_iter().enumerate() {
        let in_larger = larger * (size + 1);
        fold_of[group] = if place < in_larger {
            place / (size + 1)
        } else {
            larger + (place - in_larger) / size
        };
    }
    fold_of
}

/// Puts the largest group into the lightest fold, again and again; of equal groups the last first.
fn balanced(sizes: &[usize], folds: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|group| Reverse((sizes[*group], *group)));
    let (mut weights, mut fold_of) = (vec![0; folds], vec![0; sizes.len()]);
    for group in order {
        let lightest = (0..folds).min_by_key(|fold| weights[*fold]).unwrap_or(0);
        weights[lightest] += sizes[group];
        fold_of[group] = lightest;
    }
    fold_of
}

impl Splitter for StratifiedGroupKFold {
    fn by(&self) -> Option<&str> {
        Some(&self.by)
    }

    fn group(&self) -> Option<&str> {
        Some(&self.by)
    }

    fn stratified(&self) -> bool {
        true
    }

    fn shuffled(&self) -> bool {
        self.shuffle
    }

    fn split(&self, rows: &FoldRows<'_>, seed: Seed) -> Result<Vec<Fold>, SplitError> {
        let (classes, counts) = classes_in_order(rows)?;
        frequent_enough(self.n, &counts)?;
        let (of_row, count) = groups(rows)?;
        enough(self.n, count, "groups")?;
        let mut per_group = vec![vec![0.0; counts.len()]; count];
        for (group, class) in of_row.iter().zip(&classes) {
            per_group[*group][*class] += 1.0;
        }
        let mut order: Vec<usize> = (0..count).collect();
        if self.shuffle {
            order.shuffle(&mut seed.generator());
        }
        order.sort_by(|left, right| {
            spread(&per_group[*right]).total_cmp(&spread(&per_group[*left]))
        });
        let mut dealing = Dealing::new(self.n, &counts);
        let mut fold_of = vec![0; count];
        for group in order {
            fold_of[group] = dealing.deal(&per_group[group]);
        }
        // Evenness may leave a fold without any group; scikit-learn then judges on no rows.
        if (0..self.n).any(|fold| !fold_of.contains(&fold)) {
            return refused(format!(
                "{count} groups can't be dealt to {} folds so that classes are spread evenly and each fold has \
                 rows; ask for fewer folds, or take `group_k_fold`",
                self.n
            ));
        }
        let of_row: Vec<usize> = of_row.iter().map(|group| fold_of[*group]).collect();
        Ok(tested_in(self.n, &of_row))
    }
}

/// Gives a class a row, counted from 0 in sorted order, and how many rows each has.
fn classes_in_order(rows: &FoldRows<'_>) -> Result<(Vec<usize>, Vec<usize>), SplitError> {
    let (by_appearance, counts) = classes_by_appearance(rows, "stratified_group_k_fold")?;
    let Some(Target::Classes { codes, .. }) = rows.target else {
        return Ok((by_appearance, counts));
    };
    let mut first: Vec<(u32, usize)> = Vec::new();
    for (code, place) in codes.iter().zip(&by_appearance) {
        if *place == first.len() {
            first.push((*code, *place));
        }
    }
    first.sort_unstable();
    let mut sorted = vec![0; first.len()];
    first.iter().enumerate().for_each(|(place, (_, appeared))| sorted[*appeared] = place);
    let of_row = by_appearance.iter().map(|appeared| sorted[*appeared]).collect();
    Ok((of_row, first.iter().map(|(_, appeared)| counts[*appeared]).collect()))
}

/// How many rows of each class each fold has so far.
struct Dealing {
    folds: Vec<Vec<f64>>,
    totals: Vec<f64>,
}

impl Dealing {
    fn new(folds: usize, counts: &[usize]) -> Self {
        let totals = counts.iter().map(|count| *count as f64).collect();
        Self { folds: vec![vec![0.0; counts.len()]; folds], totals }
    }

    /// Puts a group where the classes end up most evenly spread; of equals into the lightest fold.
    fn deal(&mut self, group: &[f64]) -> usize {
        let (mut best, mut least, mut lightest) = (0, f64::INFINITY, f64::INFINITY);
        for fold in 0..self.folds.len() {
            let unevenness = self.unevenness(fold, group);
            let rows: f64 = self.folds[fold].iter().sum();
            let near = (unevenness - least).abs() <= 1e-8 + 1e-5 * least.abs();
            if unevenness < least || (near && rows < lightest) {
                (best, least, lightest) = (fold, unevenness, rows);
            }
        }
        for (count, rows) in self.folds[best].iter_mut().zip(group) {
            *count += rows;
        }
        best
    }

    /// Gives the mean over the classes of their shares' spread over the folds, the group dealt.
    fn unevenness(&self, dealt: usize, group: &[f64]) -> f64 {
        let of_class = |class: usize| {
            let share = |(fold, counts): (usize, &Vec<f64>)| {
                let own = if fold == dealt { group[class] } else { 0.0 };
                (counts[class] + own) / self.totals[class]
            };
            spread(&self.folds.iter().enumerate().map(share).collect::<Vec<_>>())
        };
        (0..self.totals.len()).map(of_class).sum::<f64>() / self.totals.len() as f64
    }
}

/// Gives the standard deviation, divided by the count.
fn spread(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count).sqrt()
}
