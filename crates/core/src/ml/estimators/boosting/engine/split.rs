//! Split finding: the best cut of one column at one node, from its histogram.
//!
//! The rules are those of scikit-learn's histogram gradient boosting: numbers are scanned from both
//! ends where values are missing, categories are sorted by gradient over hessian.

use super::bins::Feature;
use super::histogram::{Cell, Scales, Sums};

/// Categories with less support than this many rows are left out of the sorting.
const MIN_CATEGORY_SUPPORT: f64 = 10.0;

/// The least sum of hessians of a child.
const MIN_HESSIAN: f64 = 1e-3;

/// The share of a gain that rounding can fake.
const NOISE: f64 = 1e-13;

/// A set of bins.
pub(super) type BinSet = [u64; 4];

/// Puts a bin into a set.
pub(super) const fn insert(set: &mut BinSet, bin: usize) {
    set[(bin >> 6) & 3] |= 1 << (bin & 63);
}

/// Tells whether a bin is in a set.
pub(super) const fn contains(set: &BinSet, bin: usize) -> bool {
    set[(bin >> 6) & 3] >> (bin & 63) & 1 == 1
}

/// What a split has to obey.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// The least rows of a child.
    pub(super) min_samples_leaf: usize,
    /// The penalty on leaf values.
    pub(super) l2: f64,
    /// How cells are read.
    pub(super) scales: Scales,
}

impl Rules {
    /// Gives the Newton step of some rows, before shrinkage and kept within bounds.
    pub(super) fn value(&self, sums: Sums, (low, high): (f64, f64)) -> f64 {
        (-sums.gradient / (sums.hessian + self.l2 + 1e-15)).max(low).min(high)
    }
}

/// The node to split, as split finding sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole<C> {
    /// The sums over its rows.
    pub(super) total: C,
    /// The same as floats.
    pub(super) sums: Sums,
    /// Its value.
    pub(super) value: f64,
    /// Between which its children's values must lie.
    pub(super) bounds: (f64, f64),
}

/// A split of a node.
#[derive(Clone, Debug)]
pub(super) struct Split<C> {
    /// How much the loss falls.
    pub(super) gain: f64,
    /// The column.
    pub(super) feature: u32,
    /// The sums over the rows that go left.
    pub(super) left: C,
    /// Which rows go left.
    pub(super) test: Test,
}

/// Which rows go left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Test {
    /// Values in bins up to this one, and missing ones if so marked.
    UpTo {
        /// The last bin that goes left.
        bin: usize,
        /// Whether missing values go left.
        missing: bool,
    },
    /// The categories of a set, which may hold the bin of missing values.
    In(BinSet),
}

impl Test {
    /// Tells whether a bin goes left.
    pub(super) const fn goes_left(&self, bin: usize, feature: &Feature) -> bool {
        match self {
            Self::UpTo { bin: last, missing } => {
                if bin == feature.values {
                    *missing
                } else {
                    bin <= *last
                }
            }
            Self::In(set) => contains(set, bin),
        }
    }
}

/// What was found in one column.
pub(super) struct Found<C> {
    /// The best split, if one gains.
    pub(super) best: Option<Split<C>>,
    /// Whether the children may still be split by this column.
    pub(super) alive: bool,
}

/// One column at one node.
pub(super) struct Finder<'a, C> {
    /// The node.
    pub(super) node: &'a Whole<C>,
    /// The rules.
    pub(super) rules: &'a Rules,
    /// The column's number.
    pub(super) index: u32,
    /// The column.
    pub(super) feature: &'a Feature,
    /// Its histogram.
    pub(super) cells: &'a [C],
    /// 1 if the answer must rise with the column, −1 if it must fall, else 0.
    pub(super) monotone: i8,
}

/// The way of a scan: which bins come first, and to which side they go.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// From the lowest bin; what was passed is left.
    Up,
    /// From the highest bin; what was passed is right.
    Down,
}

/// Whether a cut is allowed, and whether going on can help.
enum Verdict {
    Good(f64),
    TooFew,
    Over,
}

impl<C: Cell> Finder<'_, C> {
    /// Finds the best split.
    pub(super) fn find(&self) -> Found<C> {
        if self.feature.categorical {
            return self.categories();
        }
        let mut found = Found { best: None, alive: false };
        let last = self.feature.values - 1 + usize::from(self.feature.missing);
        self.scan(Way::Up, 0..last, &mut found);
        if self.feature.missing {
            self.scan(Way::Down, (1..self.feature.values).rev(), &mut found);
        }
        found
    }

    fn scan(&self, way: Way, bins: impl Iterator<Item = usize>, found: &mut Found<C>) {
        let mut passed = C::default();
        for bin in bins {
            let cell = self.cells[bin];
            if cell.is_empty() {
                continue;
            }
            passed.merge(cell);
            match self.judge(way, passed) {
                Verdict::TooFew => {}
                Verdict::Over => break,
                Verdict::Good(gain) => {
                    found.alive = true;
                    if gain > found.best.as_ref().map_or(0.0, |best| best.gain) {
                        found.best = Some(self.split(way, bin, passed, gain));
                    }
                }
            }
        }
    }

    fn split(&self, way: Way, bin: usize, passed: C, gain: f64) -> Split<C> {
        let (left, test) = match way {
            Way::Up => (passed, Test::UpTo { bin, missing: false }),
            Way::Down => (self.rest(passed), Test::UpTo { bin: bin - 1, missing: true }),
        };
        Split { gain, feature: self.index, left, test }
    }

    fn rest(&self, passed: C) -> C {
        let mut rest = self.node.total;
        rest.subtract(passed);
        rest
    }

    /// Weighs the cut between the rows that were passed and the rest.
    #[inline]
    fn judge(&self, way: Way, passed: C) -> Verdict {
        let (node, rules) = (self.node, self.rules);
        let near = passed.sums(&rules.scales);
        let far = Sums {
            gradient: node.sums.gradient - near.gradient,
            hessian: node.sums.hessian - near.hessian,
            count: node.sums.count - near.count,
        };
        if near.count < rules.min_samples_leaf || near.hessian < MIN_HESSIAN {
            return Verdict::TooFew;
        }
        if far.count < rules.min_samples_leaf || far.hessian < MIN_HESSIAN {
            return Verdict::Over;
        }
        let (near_value, far_value) =
            (rules.value(near, node.bounds), rules.value(far, node.bounds));
        let rise = if way == Way::Up { far_value - near_value } else { near_value - far_value };
        if f64::from(self.monotone) * rise < 0.0 {
            return Verdict::Good(0.0);
        }
        let parts = -(near.gradient * near_value + far.gradient * far_value);
        let gain = parts + node.sums.gradient * node.value;
        Verdict::Good(if gain > NOISE * parts.abs() { gain } else { 0.0 })
    }

    /// Sorts categories by gradient over hessian and scans from both ends to the middle.
    fn categories(&self) -> Found<C> {
        let mut found = Found { best: None, alive: false };
        let bins = self.feature.values + usize::from(self.feature.missing);
        found.alive = self.cells[..bins].iter().filter(|cell| !cell.is_empty()).count() > 1;
        let support = self.node.sums.count as f64 / self.node.sums.hessian;
        let mut used: Vec<(f64, usize)> = (0..bins)
            .filter_map(|bin| {
                let sums = self.cells[bin].sums(&self.rules.scales);
                let value = sums.gradient / (sums.hessian + MIN_CATEGORY_SUPPORT);
                (sums.hessian * support >= MIN_CATEGORY_SUPPORT).then_some((value, bin))
            })
            .collect();
        if used.len() < 2 {
            return found;
        }
        used.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let middle = used.len().div_ceil(2);
        self.sweep(used.iter().take(middle), &mut found);
        self.sweep(used.iter().rev().take(middle - 1), &mut found);
        found
    }

    /// Sends ever more of the sorted categories left.
    fn sweep<'u>(&self, used: impl Iterator<Item = &'u (f64, usize)>, found: &mut Found<C>) {
        let (mut passed, mut set) = (C::default(), BinSet::default());
        for (_, bin) in used {
            passed.merge(self.cells[*bin]);
            insert(&mut set, *bin);
            match self.judge(Way::Up, passed) {
                Verdict::TooFew => {}
                Verdict::Over => break,
                Verdict::Good(gain) => {
                    if gain > found.best.as_ref().map_or(0.0, |best| best.gain) {
                        let (feature, test) = (self.index, Test::In(set));
                        found.best = Some(Split { gain, feature, left: passed, test });
                    }
                }
            }
        }
    }
}
