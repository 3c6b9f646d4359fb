//! Folds of single rows: `k_fold`, `stratified_k_fold`, `leave_one_out`.

use rand::seq::SliceRandom;

use super::kind::{classes_by_appearance, enough, refused, tested_in};
use crate::ml::Seed;
use crate::ml::splitter::{Fold, FoldRows, SplitError, Splitter};
use crate::params;
use crate::params::Limits;

/// Leaving one out of more rows than this makes more index lists than memory should hold.
const MOST_LEFT_OUT: usize = 5_000;

params! {
    /// Cuts rows into folds of equal size, each tested once.
    ///
    /// In the order of the rows unless shuffled; the first `rows mod n` folds have one row more. As
    /// scikit-learn's `KFold`.
    pub(crate) struct KFold("k_fold", 1) {
        /// How many folds.
        n: usize = 5 => Limits::at_least(2.0),
        /// Puts the rows into a random order first.
        shuffle: bool = false,
    }
}

params! {
    /// Cuts rows into folds that have the classes in the same shares, each tested once.
    ///
    /// In the order of the rows unless shuffled. As scikit-learn's `StratifiedKFold`.
    pub(crate) struct StratifiedKFold("stratified_k_fold", 1) {
        /// How many folds.
        n: usize = 5 => Limits::at_least(2.0),
        /// Puts the rows of each class into a random order first.
        shuffle: bool = false,
    }
}

params! {
    /// Tests on each row once, learning from all others: as many fits as rows.
    ///
    /// As scikit-learn's `LeaveOneOut`.
    pub(crate) struct LeaveOneOut("leave_one_out", 0) {}
}

impl Splitter for KFold {
    fn shuffled(&self) -> bool {
        self.shuffle
    }

    fn split(&self, rows: &FoldRows<'_>, seed: Seed) -> Result<Vec<Fold>, SplitError> {
        enough(self.n, rows.rows, "rows")?;
        let mut order: Vec<usize> = (0..rows.rows).collect();
        if self.shuffle {
            order.shuffle(&mut seed.generator());
        }
        let mut of_row = vec![0; rows.rows];
        let (size, larger) = (rows.rows / self.n, rows.rows % self.n);
        for (place, row) in order.into_iter().enumerate() {
            let in_larger = larger * (size + 1);
            of_row[row] = if place < in_larger {
                place / (size + 1)
            } else {
                larger + (place - in_larger) / size
            };
        }
        Ok(tested_in(self.n, &of_row))
    }
}

impl Splitter for StratifiedKFold {
    fn stratified(&self) -> bool {
        true
    }

    fn shuffled(&self) -> bool {
        self.shuffle
    }

    fn split(&self, rows: &FoldRows<'_>, seed: Seed) -> Result<Vec<Fold>, SplitError> {
        enough(self.n, rows.rows, "rows")?;
        let (of_row, counts) = classes_by_appearance(rows, "stratified_k_fold")?;
        frequent_enough(self.n, &counts)?;
        let mut generator = seed.generator();
        let allocation = allocation(self.n, &counts);
        let dealt = allocation.iter().map(|shares| {
            let mut folds: Vec<usize> =
                (0..self.n).flat_map(|fold| std::iter::repeat_n(fold, shares[fold])).collect();
            if self.shuffle {
                folds.shuffle(&mut generator);
            }
            folds.into_iter()
        });
        let mut dealt: Vec<_> = dealt.collect();
        let fold_of = of_row.iter().map(|class| dealt[*class].next().unwrap_or_default());
        Ok(tested_in(self.n, &fold_of.collect::<Vec<_>>()))
    }
}

/// Refuses more folds than the most frequent class has rows.
pub(super) fn frequent_enough(folds: usize, counts: &[usize]) -> Result<(), SplitError> {
    let most = counts.iter().copied().max().unwrap_or(0);
    if folds > most {
        return refused(format!(
            "{folds} stratified folds need a class of {folds} rows at least, but the largest has {most}"
        ));
    }
    Ok(())
}

/// Deals sorted rows round robin: for each class how many rows go to each fold.
fn allocation(folds: usize, counts: &[usize]) -> Vec<Vec<usize>> {
    let mut next = 0;
    counts
        .iter()
        .map(|count| {
            let mut shares = vec![count / folds; folds];
            for _ in 0..count % folds {
                shares[next] += 1;
                next = (next + 1) % folds;
            }
            shares
        })
        .collect()
}

impl Splitter for LeaveOneOut {
    fn split(&self, rows: &FoldRows<'_>, _: Seed) -> Result<Vec<Fold>, SplitError> {
        enough(2, rows.rows, "rows")?;
        if rows.rows > MOST_LEFT_OUT {
            return refused(format!(
                "`leave_one_out` would fit {} models; it takes {MOST_LEFT_OUT} rows at most, so use `k_fold`",
                rows.rows
            ));
        }
        Ok(tested_in(rows.rows, &(0..rows.rows).collect::<Vec<_>>()))
    }
}
