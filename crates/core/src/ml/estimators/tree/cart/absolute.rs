//! The absolute error around the median: a criterion without sums that rows could pass between.
//!
//! For each order in which a column puts the rows of a node, the errors of all its beginnings and of
//! all that is left behind them are worked out before one is weighed. The rows stand in a list sorted
//! by target and leave it one by one; the median then moves by a place or so, and takes the sums on
//! its sides along. Where weights are so uneven that it moves far and often, a tree of sums finds it
//! in log n steps instead. So a column costs O(n log n) at most, and hardly more than its sorting.

#![expect(clippy::cast_possible_truncation, reason = "rows are below 2^31, as the door checks")]

use super::criterion::Criterion;
use super::sorting::Sorter;

/// How many places the median may move in all, for each row that leaves, before it's sought in a
/// tree of sums.
const PATIENCE: usize = 16;

/// Into how many units the error of a node is cut. Cuts whose errors round to the same number of them
/// are as good as each other and the first is taken, whatever rounding makes of the sums.
const UNITS: f64 = (1_u64 << 36) as f64;

/// What makes a number below it a whole one when added and taken off again.
const ROUND: f64 = (1_u64 << 52) as f64;

/// The absolute error around the weighted median. Where the lower half of the weight ends at a row,
/// the median is the middle between that row and the next.
#[derive(Clone, Copy, Debug)]
pub(in crate::ml::estimators) struct Absolute<'a> {
    /// The distinct targets, ascending; a row holds a place among them.
    pub(in crate::ml::estimators) values: &'a [f64],
}

/// The rows of a node.
#[derive(Clone, Debug, Default)]
pub(in crate::ml::estimators) struct Spread {
    weight: f64,
    /// A rank and a weight a row, in the order in which they came.
    rows: Vec<(u32, f64)>,
    sorted: Sorted,
    /// For each row its place among the sorted ones.
    places: Vec<u32>,
    /// The places of the rows in the order in which they pass.
    order: Vec<u32>,
    /// What is known of the rows up to each that passes, itself included.
    passed: Vec<Point>,
    /// What is known of the others.
    left: Vec<Point>,
    list: Vec<Link>,
    sums: Vec<Sum>,
    sorter: Sorter,
}

/// How far rows have passed.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::ml::estimators) struct Progress {
    rows: usize,
    weight: f64,
}

/// What is known of some rows.
#[derive(Clone, Copy, Debug, Default)]
struct Point {
    /// The weighted sum of the distances from the median.
    error: f64,
    median: f64,
}

/// The weight of a row or of some, and the weighted sum of their targets, the node's median taken off
/// so that sums stay exact.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    weight: f64,
    value: f64,
}

impl Sum {
    #[inline]
    fn add(&mut self, other: Self) {
        self.weight += other.weight;
        self.value += other.value;
    }

    #[inline]
    fn take(&mut self, other: Self) {
        self.weight -= other.weight;
        self.value -= other.value;
    }
}

/// Where the median of some rows is.
#[derive(Clone, Copy, Debug, Default)]
struct Middle {
    /// The first row with which the lower half of the weight is full.
    at: usize,
    /// The rows before it.
    below: Sum,
    /// All rows.
    all: Sum,
}

/// The neighbours of a row in a list.
#[derive(Clone, Copy, Debug, Default)]
struct Link {
    before: u32,
    after: u32,
}

/// All rows sorted by target. Before the first and behind the last stands one that is none, so that
/// each has neighbours.
#[derive(Clone, Debug, Default)]
struct Sorted {
    rows: Vec<Sum>,
    targets: Vec<f64>,
    middle: Middle,
    whole: Point,
    /// How many units a unit of error is.
    units: f64,
}

impl Criterion for Absolute<'_> {
    type Item = u32;
    type Tally = Spread;
    type Sides = Progress;
    const TABLED: bool = true;

    fn empty(&self) -> Spread {
        Spread::default()
    }

    fn add(&self, tally: &mut Spread, item: u32, weight: f64) {
        tally.rows.push((item, weight));
        tally.weight += weight;
    }

    fn clear(&self, tally: &mut Spread) {
        tally.rows.clear();
        tally.weight = 0.0;
    }

    fn complete(&self, tally: &mut Spread) {
        let Spread { rows, sorted, places, sorter, .. } = tally;
        sorter.keys.clear();
        let key =
            |(place, (rank, _)): (u32, &(u32, f64))| u64::from(*rank) << 32 | u64::from(place);
        sorter.keys.extend((0..).zip(&*rows).map(key));
        sorter.sort(self.values.len());
        places.resize(rows.len(), 0);
        sorted.start();
        for (at, key) in (1..).zip(&sorter.keys) {
            let place = *key as u32 as usize;
            let (rank, weight) = rows[place];
            places[place] = at;
            sorted.push(self.values[rank as usize], weight);
        }
        sorted.end();
    }

    fn tabulate(&self, tally: &mut Spread, order: impl Iterator<Item = u32>) {
        let Spread { sorted, places, order: own, passed, left, list, sums, .. } = tally;
        own.clear();
        own.extend(order.map(|place| places[place as usize]));
        let Some(last) = own.len().checked_sub(1) else { return };
        passed.resize(own.len(), Point::default());
        left.resize(own.len(), Point::default());
        passed[last] = sorted.whole;
        let others = || own[1..].iter();
        if !sorted.leave(list, own.iter().zip(left.iter_mut()))
            || !sorted.leave(list, others().zip(&mut passed[..last]).rev())
        {
            sorted.enter(sums, own.iter().zip(passed.iter_mut()));
            sorted.enter(sums, others().zip(&mut left[..last]).rev());
        }
    }

    fn weight(&self, tally: &Spread) -> f64 {
        tally.weight
    }

    fn start(&self, _: &Spread) -> Progress {
        Progress::default()
    }

    #[inline]
    fn pass(&self, sides: &mut Progress, _: u32, weight: f64) {
        sides.rows += usize::from(weight > 0.0);
        sides.weight += weight;
    }

    #[inline]
    fn left(&self, sides: &Progress) -> f64 {
        sides.weight
    }

    #[inline]
    fn score(&self, sides: &Progress, total: &Spread) -> f64 {
        let last = sides.rows - 1;
        let error = total.passed[last].error + total.left[last].error;
        -(error * total.sorted.units + ROUND - ROUND)
    }

    fn answers(&self, sides: &Progress, total: &Spread) -> [f64; 2] {
        let last = sides.rows - 1;
        [total.passed[last].median, total.left[last].median]
    }

    fn pack(_: u32, _: f64) -> Option<u32> {
        None
    }

    fn unpack(_: u32) -> (u32, f64) {
        (0, 0.0)
    }

    fn impurity(&self, tally: &Spread) -> f64 {
        tally.sorted.whole.error / tally.weight
    }

    fn write(&self, tally: &Spread, values: &mut Vec<f64>) {
        values.push(tally.sorted.whole.median);
    }

    fn width(&self) -> usize {
        1
    }
}

impl Sorted {
    /// Takes all rows away.
    fn start(&mut self) {
        self.rows.clear();
        self.targets.clear();
        self.push(0.0, 0.0);
    }

    /// Adds a row.
    fn push(&mut self, target: f64, weight: f64) {
        self.rows.push(Sum { weight, value: 0.0 });
        self.targets.push(target);
    }

    /// Hears that all rows are added; finds their median and measures them from it.
    fn end(&mut self) {
        let total: f64 = self.rows.iter().map(|row| row.weight).sum();
        self.push(0.0, 0.0);
        let (last, mut below) = (self.last(), 0.0);
        let mut at = 1;
        while at < last && 2.0 * (below + self.rows[at].weight) < total {
            below += self.rows[at].weight;
            at += 1;
        }
        let all = Sum { weight: total, value: 0.0 };
        self.middle = Middle { at, below: Sum { weight: below, value: 0.0 }, all };
        self.whole = Point { error: 0.0, median: self.median(&self.middle, at + 1) };
        self.middle = Middle { at, ..Middle::default() };
        for row in 1..=last {
            let off = self.targets[row] - self.whole.median;
            let own = &mut self.rows[row];
            own.value = own.weight * off;
            self.whole.error += own.value.abs();
            self.middle.all.add(*own);
            if row < at {
                self.middle.below.add(*own);
            }
        }
        self.units = if self.whole.error > 0.0 { UNITS / self.whole.error } else { 0.0 };
    }

    /// Gives the place of the last row.
    fn last(&self) -> usize {
        self.rows.len() - 2
    }

    /// Gives the median, told which row follows the middle one.
    #[inline]
    fn median(&self, Middle { at, below, all }: &Middle, next: usize) -> f64 {
        let is_between =
            next <= self.last() && 2.0 * (below.weight + self.rows[*at].weight) <= all.weight;
        let own = self.targets[*at];
        if is_between { f64::midpoint(own, self.targets[next]) } else { own }
    }

    /// Gives the error and the median.
    #[inline]
    fn point(&self, middle: &Middle, next: usize) -> Point {
        // All numbers between the middle row and the next have this error, where the half ends.
        let Middle { at, below, all } = middle;
        let off = self.targets[*at] - self.whole.median;
        let error = off * (2.0 * below.weight - all.weight) + all.value - 2.0 * below.value;
        Point { error: error.max(0.0), median: self.median(middle, next) }
    }

    /// Lets rows leave and notes what is left behind each; gives up where the median moves too far.
    fn leave<'p>(
        &self,
        list: &mut Vec<Link>,
        leaving: impl ExactSizeIterator<Item = (&'p u32, &'p mut Point)>,
    ) -> bool {
        let end = self.rows.len() - 1;
        list.clear();
        list.extend(
            (0..=end as u32).map(|own| Link { before: own.saturating_sub(1), after: own + 1 }),
        );
        let mut middle = self.middle;
        let mut patience = leaving.len() * PATIENCE;
        for (place, point) in leaving {
            let place = *place as usize;
            let (row, Link { before, after }) = (self.rows[place], list[place]);
            list[before as usize].after = after;
            list[after as usize].before = before;
            middle.all.take(row);
            // Multiplied, not told apart: a branch would be guessed wrong half the time.
            let share = f64::from(u8::from(place < middle.at));
            middle.below.take(Sum { weight: share * row.weight, value: share * row.value });
            if place == middle.at {
                middle.at = after as usize;
            }
            while middle.at == end || 2.0 * middle.below.weight >= middle.all.weight {
                let before = list[middle.at].before as usize;
                if before == 0 {
                    break;
                }
                middle.at = before;
                middle.below.take(self.rows[before]);
                patience = patience.saturating_sub(1);
            }
            let mut next = list[middle.at].after as usize;
            while next < end
                && 2.0 * (middle.below.weight + self.rows[middle.at].weight) < middle.all.weight
            {
                middle.below.add(self.rows[middle.at]);
                middle.at = next;
                next = list[next].after as usize;
                patience = patience.saturating_sub(1);
            }
            if patience == 0 {
                return false;
            }
            *point = self.point(&middle, next);
        }
        true
    }

    /// Lets rows come together and notes what is known once each is there.
    fn enter<'p>(
        &self,
        sums: &mut Vec<Sum>,
        entering: impl Iterator<Item = (&'p u32, &'p mut Point)>,
    ) {
        // A Fenwick tree: a node sums up as many rows up to its own as its lowest bit says.
        sums.clear();
        sums.resize(self.rows.len() - 1, Sum::default());
        let mut all = Sum::default();
        for (place, point) in entering {
            let row = self.rows[*place as usize];
            all.add(row);
            let mut node = *place as usize;
            while node < sums.len() {
                sums[node].add(row);
                node += node & node.wrapping_neg();
            }
            let (at, below) = seek(sums, |weight| 2.0 * weight < all.weight);
            let middle = Middle { at, below, all };
            let next = if 2.0 * (below.weight + self.rows[at].weight) <= all.weight {
                seek(sums, |weight| 2.0 * weight <= all.weight).0
            } else {
                sums.len()
            };
            *point = self.point(&middle, next);
        }
    }
}

/// Finds the first row up to which the weight isn't too small, and the sum before it.
fn seek(sums: &[Sum], is_small: impl Fn(f64) -> bool) -> (usize, Sum) {
    let last = sums.len() - 1;
    let (mut at, mut below) = (0, Sum::default());
    let mut step = 1 << last.checked_ilog2().unwrap_or(0);
    while step > 0 {
        let next = at + step;
        if next <= last && is_small(below.weight + sums[next].weight) {
            at = next;
            below.add(sums[next]);
        }
        step /= 2;
    }
    ((at + 1).min(last), below)
}

#[cfg(test)]
mod tests {
    use rand::RngExt;
    use rand::seq::SliceRandom;

    use super::{Point, Sorted};
    use crate::ml::Seed;

    fn sorted(rows: &[(f64, f64)]) -> Sorted {
        let mut sorted = Sorted::default();
        sorted.start();
        rows.iter().for_each(|(target, weight)| sorted.push(*target, *weight));
        sorted.end();
        sorted
    }

    /// Gives what both ways find of the rows behind each place of an order.
    fn both(sorted: &Sorted, order: &[u32]) -> (bool, Vec<Point>, Vec<Point>) {
        let last = order.len() - 1;
        let mut left = vec![Point::default(); last];
        let mut found = left.clone();
        let held = sorted.leave(&mut Vec::new(), order[..last].iter().zip(&mut left));
        sorted.enter(&mut Vec::new(), order[1..].iter().zip(&mut found).rev());
        (held, left, found)
    }

    #[test]
    fn leaving_and_entering_find_the_same() {
        for seed in 0..200 {
            let mut random = Seed::new(seed).generator();
            let count = random.random_range(2..120);
            let mut target = 0.0;
            let rows: Vec<(f64, f64)> = (0..count)
                .map(|row| {
                    target += f64::from(random.random_range(0..3_u32));
                    let whole = f64::from(1 + row % 4);
                    (target, if seed % 2 == 0 { whole } else { random.random::<f64>() + 0.01 })
                })
                .collect();
            let mut order: Vec<u32> = (1..=count).collect();
            order.shuffle(&mut random);
            let (held, left, found) = both(&sorted(&rows), &order);
            assert!(held);
            for (left, found) in left.iter().zip(&found) {
                assert!((left.error - found.error).abs() < 1e-9, "{seed} {left:?} {found:?}");
                // Halves of weights that are not whole may seem full or not, by rounding.
                assert!((left.median - found.median).abs() < 1e-9 || seed % 2 == 1, "{seed}");
            }
        }
    }

    #[test]
    fn a_median_that_is_dragged_along_is_sought_otherwise() {
        // Heavy rows leave in turn left and right of many light ones.
        let weight = |row: u32| if (100..200).contains(&row) { 1e-6 } else { 1.0 };
        let rows: Vec<(f64, f64)> = (0..300).map(|row| (f64::from(row), weight(row))).collect();
        let mut order: Vec<u32> = (1..=100).flat_map(|row| [row, 301 - row]).collect();
        order.extend(101..=200);
        let (held, _, found) = both(&sorted(&rows), &order);
        assert!(!held);
        assert!((found[0].median - 200.0).abs() < 1e-9 && (found[1].median - 149.5).abs() < 1.0);
    }
}
