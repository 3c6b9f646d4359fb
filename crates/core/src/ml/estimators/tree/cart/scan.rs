//! Split finding at one node: the best cut of a column, or one at random.

#![expect(clippy::cast_possible_truncation, reason = "keys hold two halves of 32 bits")]

use rand::RngExt;
use rand_pcg::Pcg64;

use super::criterion::Criterion;
use super::ranks::{Column, MISSING, NEAR};
use super::sorting::Sorter;

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
    /// The highest rank that goes left; for random cuts the threshold alone counts.
    rank: u32,
    /// The highest value that goes left.
    pub(super) threshold: f64,
    /// Whether missing values go left.
    pub(super) missing_left: bool,
    /// How many rows go left.
    pub(super) left: usize,
    /// How good it is; see [`Criterion::score`].
    pub(super) score: f64,
    /// Of a monotone column, the middle between what both sides would say.
    pub(super) middle: f64,
}

/// The least and the greatest answer that is allowed.
pub(super) type Bounds = (f64, f64);

/// Whether a column tells the rows of a node apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It is the same for all.
    Constant,
    /// It isn't.
    Varied,
}

/// The rows of a node, fetched once for all columns.
pub(super) struct Scanner<'a, C: Criterion> {
    criterion: C,
    floor: Floor,
    /// For each column 1 if answers must rise with it, −1 if they must fall, else 0; or nothing.
    monotone: &'a [i8],
    /// Between which both sides of a monotone column's cut must answer.
    pub(super) bounds: Bounds,
    /// What each row holds, and its weight.
    pub(super) items: Vec<(C::Item, f64)>,
    /// The same in 32 bits, if all fit.
    packed: Vec<u32>,
    /// The tally of all rows.
    pub(super) total: C::Tally,
    sorter: Sorter,
    ranks: Vec<u32>,
    values: Vec<f32>,
    missing: Vec<u32>,
    /// The best cut so far.
    pub(super) best: Option<Cut>,
}

/// A column of a node, sorted.
#[derive(Clone, Copy)]
struct Sorted<'a> {
    feature: u32,
    column: &'a Column,
    missing_left: bool,
}

impl<'a, C: Criterion> Scanner<'a, C> {
    /// Makes a scanner without rows.
    pub(super) fn new(criterion: C, floor: Floor, monotone: &'a [i8]) -> Self {
        Self {
            total: criterion.empty(),
            criterion,
            floor: Floor { rows: floor.rows.max(1), ..floor },
            monotone,
            bounds: (f64::NEG_INFINITY, f64::INFINITY),
            items: Vec::new(),
            packed: Vec::new(),
            sorter: Sorter::default(),
            ranks: Vec::new(),
            values: Vec::new(),
            missing: Vec::new(),
            best: None,
        }
    }

    /// Takes the rows of a node.
    pub(super) fn take(&mut self, items: impl Iterator<Item = (C::Item, f64)>) {
        self.items.clear();
        self.items.extend(items);
        self.best = None;
        self.criterion.clear(&mut self.total);
        for (item, weight) in &self.items {
            self.criterion.add(&mut self.total, *item, *weight);
        }
        self.criterion.complete(&mut self.total);
    }

    /// Gets ready to search columns for their best cut.
    pub(super) fn prepare(&mut self) {
        self.packed.clear();
        for (item, weight) in &self.items {
            match C::pack(*item, *weight) {
                Some(packed) => self.packed.push(packed),
                None => break,
            }
        }
    }

    /// Tells whether all rows hold the same.
    pub(super) fn is_pure(&self) -> bool {
        self.items.windows(2).all(|pair| pair[0].0 == pair[1].0)
    }

    /// Looks for the best cut of a column.
    pub(super) fn search(&mut self, feature: u32, column: &Column, rows: &[u32]) -> Seen {
        let packs = self.packed.len() == rows.len();
        let (low, high) = if packs {
            self.fetch::<true>(column, rows)
        } else {
            self.fetch::<false>(column, rows)
        };
        let missing = !self.missing.is_empty();
        if self.sorter.keys.is_empty() || (!missing && column.is_narrow(low, high)) {
            return Seen::Constant;
        }
        self.sorter.sort(column.values.len());
        let mut sorted = Sorted { feature, column, missing_left: false };
        for missing_left in [false, true] {
            sorted.missing_left = missing_left;
            match (packs, missing || !missing_left) {
                (_, false) => {}
                (true, true) => self.sweep::<true>(sorted),
                (false, true) => self.sweep::<false>(sorted),
            }
        }
        Seen::Varied
    }

    /// Makes a key a row of its rank and what it holds; gives the least and the greatest rank.
    #[inline]
    fn fetch<const PACKS: bool>(&mut self, column: &Column, rows: &[u32]) -> (u32, u32) {
        self.sorter.keys.clear();
        self.missing.clear();
        self.ranks.clear();
        // A loop of its own, so that many of these far loads are under way at a time.
        self.ranks.extend(rows.iter().map(|row| column.ranks[*row as usize]));
        let (mut low, mut high) = (u32::MAX, 0);
        let held = |place: u32| if PACKS { self.packed[place as usize] } else { place };
        let key = |(place, rank): (u32, &u32)| u64::from(*rank) << 32 | u64::from(held(place));
        if column.missing {
            for (place, rank) in (0_u32..).zip(&self.ranks) {
                if *rank == MISSING {
                    self.missing.push(place);
                } else {
                    self.sorter.keys.push(key((place, rank)));
                }
            }
        } else {
            self.sorter.keys.extend((0_u32..).zip(&self.ranks).map(key));
        }
        for key in &self.sorter.keys {
            let rank = (key >> 32) as u32;
            low = low.min(rank);
            high = high.max(rank);
        }
        (low, high)
    }

    /// Passes the sorted rows from right to left one by one and weighs each cut on the way.
    #[inline]
    fn sweep<const PACKS: bool>(&mut self, sorted: Sorted<'_>) {
        let (criterion, rows) = (self.criterion, self.items.len());
        if C::TABLED {
            self.tabulate(sorted.missing_left);
        }
        let (column, keys) = (sorted.column, self.sorter.keys.as_slice());
        let mut sides = criterion.start(&self.total);
        let mut passed = 0;
        if sorted.missing_left {
            for place in &self.missing {
                let (item, weight) = self.items[*place as usize];
                criterion.pass(&mut sides, item, weight);
            }
            passed = self.missing.len();
        }
        let mut best = self.best.map_or(f64::NEG_INFINITY, |best| best.score);
        let mut found = None;
        let last = rows - self.floor.rows;
        for (index, key) in keys.iter().enumerate() {
            let held = *key as u32;
            let (item, weight) = if PACKS { C::unpack(held) } else { self.items[held as usize] };
            criterion.pass(&mut sides, item, weight);
            passed += 1;
            let rank = (key >> 32) as u32;
            let next = keys.get(index + 1).map_or(MISSING, |next| (next >> 32) as u32);
            if next == rank || passed < self.floor.rows {
                continue;
            }
            if passed > last {
                break;
            }
            if next == MISSING && (sorted.missing_left || self.missing.is_empty()) {
                break;
            }
            let score = criterion.score(&sides, &self.total);
            if score > best
                && self.is_heavy(criterion.left(&sides))
                && !(column.crowded && next != MISSING && column.is_narrow(rank, next))
                && let Some(middle) = self.middle(sorted.feature, &sides)
            {
                best = score;
                found = Some((rank, next, passed, middle));
            }
        }
        if let Some((rank, next, left, middle)) = found {
            let value = |rank: u32| f64::from(column.values[rank as usize]);
            let between = || value(rank) / 2.0 + value(next) / 2.0;
            self.best = Some(Cut {
                feature: sorted.feature,
                rank,
                threshold: if next == MISSING { f64::INFINITY } else { between() },
                missing_left: sorted.missing_left
                    || (self.missing.is_empty() && left > rows - left),
                left,
                score: best,
                middle,
            });
        }
    }

    /// Has the criterion make its table for the sorted column.
    fn tabulate(&mut self, missing_left: bool) {
        let missing = self.missing.iter().copied();
        let keys = self.sorter.keys.iter().map(|key| *key as u32);
        if missing_left {
            self.criterion.tabulate(&mut self.total, missing.chain(keys));
        } else {
            self.criterion.tabulate(&mut self.total, keys.chain(missing));
        }
    }

    /// Gives the middle between what both sides would say of a monotone column, 0 of another; none
    /// where they break its rule.
    #[inline]
    fn middle(&self, feature: u32, sides: &C::Sides) -> Option<f64> {
        let sign = self.monotone.get(feature as usize).copied().unwrap_or(0);
        if sign == 0 {
            return Some(0.0);
        }
        let [left, right] = self.criterion.answers(sides, &self.total);
        let (low, high) = self.bounds;
        let fits = |answer: f64| low <= answer && answer <= high;
        let rises = f64::from(sign) * (right - left) >= 0.0;
        (rises && fits(left) && fits(right)).then(|| f64::midpoint(left, right))
    }

    /// Tells whether both sides have enough weight.
    #[inline]
    fn is_heavy(&self, left: f64) -> bool {
        self.floor.weight <= 0.0
            || (left >= self.floor.weight
                && self.criterion.weight(&self.total) - left >= self.floor.weight)
    }

    /// Weighs one cut of a column at a random value between its least and its greatest.
    pub(super) fn draw(
        &mut self,
        feature: u32,
        column: &Column,
        (rows, random): (&[u32], &mut Pcg64),
    ) -> Seen {
        self.values.clear();
        self.values.extend(rows.iter().map(|row| column.singles[*row as usize]));
        let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
        for value in &self.values {
            low = low.min(*value);
            high = high.max(*value);
        }
        let missing = column.missing && self.values.iter().any(|value| value.is_nan());
        if low > high || (!missing && high <= low + NEAR) {
            return Seen::Constant;
        }
        let (low, high) = (f64::from(low), f64::from(high));
        let drawn = low + (high - low) * random.random::<f64>();
        let threshold = if drawn >= high { low } else { drawn };
        let missing_left = missing && random.random::<bool>();
        let cut =
            Cut { feature, rank: 0, threshold, missing_left, left: 0, score: 0.0, middle: 0.0 };
        self.weigh(cut, missing);
        Seen::Varied
    }

    /// Weighs a cut, and keeps it if it's the best.
    fn weigh(&mut self, mut cut: Cut, missing: bool) {
        let criterion = self.criterion;
        if C::TABLED {
            let sides = |left: bool| {
                let values = (0..).zip(&self.values);
                values.filter(move |(_, value)| cut.passes(**value) == left).map(|(place, _)| place)
            };
            criterion.tabulate(&mut self.total, sides(true).chain(sides(false)));
        }
        let mut sides = criterion.start(&self.total);
        for (value, (item, weight)) in self.values.iter().zip(&self.items) {
            // Rows that stay right pass with no weight: a branch would be guessed wrong half the time.
            let goes = u8::from(cut.passes(*value));
            cut.left += usize::from(goes);
            criterion.pass(&mut sides, *item, f64::from(goes) * weight);
        }
        let right = self.items.len() - cut.left;
        if cut.left < self.floor.rows || right < self.floor.rows {
            return;
        }
        if !missing {
            cut.missing_left = cut.left > right;
        }
        cut.score = criterion.score(&sides, &self.total);
        let better = cut.score > self.best.map_or(f64::NEG_INFINITY, |best| best.score);
        if better
            && self.is_heavy(criterion.left(&sides))
            && let Some(middle) = self.middle(cut.feature, &sides)
        {
            self.best = Some(Cut { middle, ..cut });
        }
    }
}

impl Column {
    /// Tells whether all values from one rank to another count as equal.
    fn is_narrow(&self, low: u32, high: u32) -> bool {
        self.values[high as usize] <= self.values[low as usize] + NEAR
    }
}

impl Cut {
    /// Tells whether a row of the column goes left.
    #[inline]
    pub(super) fn goes_left(&self, column: &Column, row: u32) -> bool {
        match column.ranks.get(row as usize) {
            Some(rank) => self.ranks_left(*rank),
            None => self.passes(column.singles[row as usize]),
        }
    }

    #[inline]
    fn passes(&self, value: f32) -> bool {
        f64::from(value) <= self.threshold || (self.missing_left && value.is_nan())
    }

    #[inline]
    const fn ranks_left(&self, rank: u32) -> bool {
        if rank == MISSING { self.missing_left } else { rank <= self.rank }
    }
}
