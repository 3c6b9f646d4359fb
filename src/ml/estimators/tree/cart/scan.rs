//! Split finding at one node: the best cut of a column, or one at random.

use rand::RngExt;
use rand_pcg::Pcg64;

use super::criterion::Criterion;
use super::ranks::{Column, MISSING};
use super::sorting::Sorter;

/// Values nearer to each other than this count as equal, as in scikit-learn.
const NEAR: f32 = 1e-7;

/// What a split must leave on each side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Floor {
    /// Rows.
    pub(super) rows: usize,
    /// Weight.
    pub(super) weight: f64,
}

/// A cut of a node's rows in two.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// The column.
    pub(super) feature: u32,
    /// The highest rank that goes left.
    pub(super) rank: u32,
    /// The highest value that goes left.
    pub(super) threshold: f64,
    /// Whether missing values go left.
    pub(super) missing_left: bool,
    /// How many rows go left.
    pub(super) left: usize,
    /// How good it is; see [`Criterion::score`].
    pub(super) score: f64,
}

/// Whether a column tells the rows of a node apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It is the same for all.
    Constant,
    /// It isn't.
    Varied,
}

/// The rows of a node, fetched once for all columns.
pub(super) struct Scanner<C: Criterion> {
    criterion: C,
    floor: Floor,
    /// What each row holds, and its weight.
    pub(super) items: Vec<(C::Item, f64)>,
    /// The tally of all rows.
    pub(super) total: C::Tally,
    sorter: Sorter,
    missing: Vec<u32>,
    /// The best cut so far.
    pub(super) best: Option<Cut>,
}

impl<C: Criterion> Scanner<C> {
    /// Makes a scanner without rows.
    pub(super) fn new(criterion: C, floor: Floor) -> Self {
        Self {
            total: criterion.empty(),
            criterion,
            floor,
            items: Vec::new(),
            sorter: Sorter::default(),
            missing: Vec::new(),
            best: None,
        }
    }

    /// Takes the rows of a node.
    pub(super) fn take(&mut self, items: impl Iterator<Item = (C::Item, f64)>) {
        self.items.clear();
        self.items.extend(items);
        self.best = None;
        self.total = self.criterion.empty();
        for (item, weight) in &self.items {
            self.criterion.add(&mut self.total, *item, *weight);
        }
    }

    /// Tells whether all rows hold the same.
    pub(super) fn is_pure(&self) -> bool {
        self.items.windows(2).all(|pair| pair[0].0 == pair[1].0)
    }

    /// Looks for the best cut of a column.
    pub(super) fn search(&mut self, feature: u32, column: &Column, rows: &[u32]) -> Seen {
        self.sorter.keys.clear();
        self.missing.clear();
        for (place, row) in (0_u32..).zip(rows) {
            let rank = column.ranks[*row as usize];
            if rank == MISSING {
                self.missing.push(place);
            } else {
                self.sorter.keys.push(u64::from(rank) << 32 | u64::from(place));
            }
        }
        if self.sorter.keys.is_empty() {
            return Seen::Constant;
        }
        if self.missing.is_empty() && self.is_narrow(column) {
            return Seen::Constant;
        }
        self.sorter.sort(column.values.len());
        self.sweep(feature, column, false);
        if !self.missing.is_empty() {
            self.sweep(feature, column, true);
        }
        Seen::Varied
    }

    /// Tells whether the values of the keys count as one.
    fn is_narrow(&self, column: &Column) -> bool {
        let (mut low, mut high) = (u32::MAX, 0);
        for key in &self.sorter.keys {
            let rank = (key >> 32) as u32;
            low = low.min(rank);
            high = high.max(rank);
        }
        column.values[high as usize] <= column.values[low as usize] + NEAR
    }

    /// Moves the sorted rows from right to left one by one and weighs each cut on the way.
    fn sweep(&mut self, feature: u32, column: &Column, missing_left: bool) {
        let (criterion, rows) = (self.criterion, self.items.len());
        let (mut left, mut right) = (criterion.empty(), self.total.clone());
        let mut passed = 0;
        if missing_left {
            for place in &self.missing {
                let (item, weight) = self.items[*place as usize];
                criterion.add(&mut left, item, weight);
                criterion.remove(&mut right, item, weight);
            }
            passed = self.missing.len();
        }
        let mut best = self.best.map_or(f64::NEG_INFINITY, |best| best.score);
        let keys = &self.sorter.keys;
        for (index, key) in keys.iter().enumerate() {
            let (item, weight) = self.items[*key as u32 as usize];
            criterion.add(&mut left, item, weight);
            criterion.remove(&mut right, item, weight);
            passed += 1;
            let rank = (key >> 32) as u32;
            let next = match keys.get(index + 1) {
                Some(next) if (next >> 32) as u32 == rank => continue,
                Some(next) => Some(column.values[(next >> 32) as usize]),
                None if missing_left || self.missing.is_empty() => break,
                None => None,
            };
            let value = column.values[rank as usize];
            let tied = next.is_some_and(|next| next <= value + NEAR);
            if tied || passed < self.floor.rows || rows - passed < self.floor.rows {
                continue;
            }
            let floor = self.floor.weight;
            if criterion.weight(&left) < floor || criterion.weight(&right) < floor {
                continue;
            }
            let score = criterion.score(&left) + criterion.score(&right);
            if score > best {
                best = score;
                self.best = Some(Cut {
                    feature,
                    rank,
                    threshold: next.map_or(f64::INFINITY, |next| {
                        f64::from(value) / 2.0 + f64::from(next) / 2.0
                    }),
                    missing_left: if self.missing.is_empty() {
                        passed > rows - passed
                    } else {
                        missing_left
                    },
                    left: passed,
                    score,
                });
            }
        }
    }

    /// Weighs one cut of a column at a random value between its least and its greatest.
    pub(super) fn draw(
        &mut self,
        feature: u32,
        column: &Column,
        (rows, random): (&[u32], &mut Pcg64),
    ) -> Seen {
        let (mut low, mut high, mut missing) = (u32::MAX, 0, 0);
        for row in rows {
            let rank = column.ranks[*row as usize];
            if rank == MISSING {
                missing += 1;
            } else {
                low = low.min(rank);
                high = high.max(rank);
            }
        }
        if missing == rows.len() {
            return Seen::Constant;
        }
        let (least, most) = (column.values[low as usize], column.values[high as usize]);
        if missing == 0 && most <= least + NEAR {
            return Seen::Constant;
        }
        let (least, most) = (f64::from(least), f64::from(most));
        let drawn = least + (most - least) * random.random::<f64>();
        let threshold = if drawn >= most { least } else { drawn };
        let missing_left = missing > 0 && random.random::<bool>();
        let within = &column.values[low as usize..=high as usize];
        let rank = low + (within.partition_point(|value| f64::from(*value) <= threshold) as u32).max(1) - 1;
        self.weigh(Cut { feature, rank, threshold, missing_left, left: 0, score: 0.0 }, (column, rows, missing));
        Seen::Varied
    }

    fn weigh(&mut self, mut cut: Cut, (column, rows, missing): (&Column, &[u32], usize)) {
        let criterion = self.criterion;
        let (mut left, mut right) = (criterion.empty(), criterion.empty());
        for (row, (item, weight)) in rows.iter().zip(&self.items) {
            if cut.goes_left(column.ranks[*row as usize]) {
                cut.left += 1;
                criterion.add(&mut left, *item, *weight);
            } else {
                criterion.add(&mut right, *item, *weight);
            }
        }
        let others = rows.len() - cut.left;
        if cut.left < self.floor.rows.max(1) || others < self.floor.rows.max(1) {
            return;
        }
        let floor = self.floor.weight;
        if criterion.weight(&left) < floor || criterion.weight(&right) < floor {
            return;
        }
        cut.score = criterion.score(&left) + criterion.score(&right);
        if missing == 0 {
            cut.missing_left = cut.left > others;
        }
        if cut.score > self.best.map_or(f64::NEG_INFINITY, |best| best.score) {
            self.best = Some(cut);
        }
    }
}

impl Cut {
    /// Tells whether a rank goes left.
    #[inline]
    pub(super) const fn goes_left(&self, rank: u32) -> bool {
        if rank == MISSING { self.missing_left } else { rank <= self.rank }
    }
}
