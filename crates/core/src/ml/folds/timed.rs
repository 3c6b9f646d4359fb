//! Folds along time: `time_series_split`.

use super::kind::refused;
use crate::ml::Seed;
use crate::ml::splitter::{Fold, FoldRows, SplitError, Splitter};
use crate::params;
use crate::params::{Kind, Limits};

params! {
    /// Learns from the past and tests on what follows, fold after fold.
    ///
    /// Rows of one moment stay together: a test begins with the first row of its moment. Otherwise as
    /// scikit-learn's `TimeSeriesSplit`.
    pub(crate) struct TimeSeriesSplit("time_series_split", 1) {
        /// How many folds.
        n: usize = 5 => Limits::at_least(2.0),
        /// The column that orders the rows; left out, they are taken as they stand.
        by: Option<String> as (Kind::Optional(&Kind::Column)) = None,
        /// How many rows each fold tests; left out, `rows / (n + 1)`.
        test_size: Option<usize> = None => Limits::at_least(1.0),
        /// The most rows to learn from, the latest ones.
        max_train_size: Option<usize> = None => Limits::at_least(1.0),
        /// How many rows to leave out between learning and testing.
        gap: usize = 0,
    }
}

impl Splitter for TimeSeriesSplit {
    fn by(&self) -> Option<&str> {
        self.by.as_deref()
    }

    fn split(&self, rows: &FoldRows<'_>, _: Seed) -> Result<Vec<Fold>, SplitError> {
        let order = in_time(rows.rows, rows.by);
        let size = self.test_size.unwrap_or(rows.rows / (self.n + 1));
        let tested = size.saturating_mul(self.n);
        if size == 0 || tested.saturating_add(self.gap) >= rows.rows {
            return refused(format!(
                "{} folds that test {} rows each, with a gap of {}, leave nothing to learn from: there \
                 are {} rows",
                self.n,
                size.max(1),
                self.gap,
                rows.rows
            ));
        }
        let starts = (0..=self.n).map(|fold| rows.rows - tested + fold * size);
        let starts: Vec<usize> =
            starts.map(|start| begin_of_moment(start, &order, rows.by)).collect();
        starts.windows(2).map(|ends| self.fold(&order, ends[0], ends[1])).collect()
    }
}

impl TimeSeriesSplit {
    fn fold(&self, order: &[usize], start: usize, end: usize) -> Result<Fold, SplitError> {
        let last = start.saturating_sub(self.gap);
        let first = last.saturating_sub(self.max_train_size.unwrap_or(last));
        if first == last || start == end {
            return refused(
                "so many rows are of one moment that a fold would have nothing to learn from or to test; use \
                 fewer folds",
            );
        }
        let sorted = |rows: &[usize]| {
            let mut rows = rows.to_vec();
            rows.sort_unstable();
            rows
        };
        Ok(Fold { train: sorted(&order[first..last]), test: sorted(&order[start..end]) })
    }
}

/// Puts rows into the order of time; rows of one moment stay in their order.
pub(super) fn in_time(rows: usize, by: Option<&[u64]>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows).collect();
    if let Some(by) = by {
        order.sort_by_key(|row| by[*row]);
    }
    order
}

/// Moves a border back to the first row of the moment it falls into.
pub(super) fn begin_of_moment(mut border: usize, order: &[usize], by: Option<&[u64]>) -> usize {
    let Some(by) = by else { return border };
    while border > 0 && border < order.len() && by[order[border]] == by[order[border - 1]] {
        border -= 1;
    }
    border
}
