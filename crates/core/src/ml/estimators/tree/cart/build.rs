//! Growing one tree: which node is split next, and when a node stays a leaf.

use std::ops::Range;

use rand::RngExt;
use rand_pcg::Pcg64;

use super::criterion::Criterion;
use super::grown::{Arena, Side};
use super::ranks::Ranked;
use super::scan::{Bounds, Cut, Floor, Scanner, Seen};
use crate::ml::Seed;
use crate::ml::estimator::{FitContext, FitError};

/// How a column is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ml::estimators) enum Splitter {
    /// Where it is best.
    Best,
    /// At a random value.
    Random,
}

/// When a node stays a leaf, and what is tried at it.
#[derive(Clone, Copy, Debug)]
pub(in crate::ml::estimators) struct Stops {
    /// How a column is cut.
    pub(in crate::ml::estimators) splitter: Splitter,
    /// How many columns are tried at a node.
    pub(in crate::ml::estimators) max_features: usize,
    /// The most tests on a way down.
    pub(in crate::ml::estimators) max_depth: usize,
    /// The fewest rows to split.
    pub(in crate::ml::estimators) min_samples_split: usize,
    /// The fewest rows of a leaf.
    pub(in crate::ml::estimators) min_samples_leaf: usize,
    /// The least weight of a leaf.
    pub(in crate::ml::estimators) min_weight_leaf: f64,
    /// The most leaves; the best ones are split first.
    pub(in crate::ml::estimators) max_leaf_nodes: Option<usize>,
    /// By how much a split must lower the impurity.
    pub(in crate::ml::estimators) min_impurity_decrease: f64,
}

/// What a tree is grown on.
pub(in crate::ml::estimators) struct Grower<'a, C: Criterion> {
    /// The features.
    pub(in crate::ml::estimators) data: &'a Ranked,
    /// What each row holds.
    pub(in crate::ml::estimators) items: &'a [C::Item],
    /// How purity is measured.
    pub(in crate::ml::estimators) criterion: C,
    /// When to stop.
    pub(in crate::ml::estimators) stops: Stops,
    /// For each column 1 if answers must rise with it, −1 if they must fall, else 0; nothing where
    /// all are free.
    pub(in crate::ml::estimators) monotone: &'a [i8],
    /// Whether what inner nodes would say is kept, for pruning.
    pub(in crate::ml::estimators) keep_inner: bool,
}

/// Rows that are to become a node.
struct Task {
    rows: Range<usize>,
    depth: usize,
    /// How many columns are known to be constant; they come first in the order of columns.
    constants: usize,
    bounds: Bounds,
    /// The parent, and whether the node is its left or right child.
    parent: Option<(usize, Side)>,
}

/// A node that can be split.
struct Open {
    node: usize,
    rows: Range<usize>,
    depth: usize,
    constants: usize,
    bounds: Bounds,
    cut: Cut,
    gain: f64,
}

/// The state of a tree that grows.
struct State<'a, C: Criterion> {
    rows: Vec<u32>,
    swap: Vec<u32>,
    scanner: Scanner<'a, C>,
    random: Pcg64,
    /// The columns in a changing order; those known to be constant come first.
    features: Vec<u32>,
    constants: Vec<u32>,
    total: f64,
    tasks: Vec<Task>,
    open: Vec<Open>,
    arena: Arena,
}

impl<C: Criterion> Grower<'_, C> {
    /// Grows a tree on some rows, each with its weight, and some columns.
    pub(in crate::ml::estimators) fn grow(
        &self,
        (rows, features): (Vec<u32>, Vec<u32>),
        weights: Option<&[f64]>,
        (seed, context): (Seed, &FitContext<'_>),
    ) -> Result<Arena, FitError> {
        let floor = Floor { rows: self.stops.min_samples_leaf, weight: self.stops.min_weight_leaf };
        let (count, drawn) = (self.data.columns.len(), features.len());
        let mut state = State {
            swap: vec![0; rows.len()],
            scanner: Scanner::new(self.criterion, floor, self.monotone),
            random: seed.generator(),
            features,
            constants: vec![0; drawn],
            total: rows
                .iter()
                .map(|row| weights.map_or(1.0, |weights| weights[*row as usize]))
                .sum(),
            tasks: Vec::new(),
            open: Vec::new(),
            arena: Arena::new(self.criterion.width(), count),
            rows,
        };
        let (rows, bounds) = (0..state.rows.len(), (f64::NEG_INFINITY, f64::INFINITY));
        state.tasks.push(Task { rows, depth: 0, constants: 0, bounds, parent: None });
        let mut leaves = 1;
        loop {
            while let Some(task) = state.tasks.pop() {
                context.check()?;
                match self.examine(&mut state, weights, task) {
                    Some(open) if self.stops.max_leaf_nodes.is_some() => state.open.push(open),
                    Some(open) => self.divide(&mut state, &open),
                    None => {}
                }
            }
            if self.stops.max_leaf_nodes.is_none_or(|most| leaves >= most) {
                break;
            }
            let Some(open) = state.best() else { break };
            leaves += 1;
            // The order of columns follows a way down, so it says nothing when nodes are picked.
            self.divide(&mut state, &Open { constants: 0, ..open });
        }
        Ok(state.arena)
    }

    /// Parts the rows of a node; each side becomes a task, the left one to be done first.
    fn divide(&self, state: &mut State<'_, C>, open: &Open) {
        let column = &self.data.columns[open.cut.feature as usize];
        let middle = open.rows.start + open.cut.left;
        state.part(open.rows.clone(), |row| open.cut.goes_left(column, row));
        state.arena.split(open.node, &open.cut);
        let (depth, constants) = (open.depth + 1, open.constants);
        let [left, right] = self.bounds(open);
        let task = |rows, bounds, side| {
            let parent = Some((open.node, side));
            Task { rows, depth, constants, bounds, parent }
        };
        state.tasks.push(task(middle..open.rows.end, right, Side::Right));
        state.tasks.push(task(open.rows.start..middle, left, Side::Left));
    }

    /// Gives the bounds of both children, which a monotone column parts in the middle.
    fn bounds(&self, open: &Open) -> [Bounds; 2] {
        let ((low, high), middle) = (open.bounds, open.cut.middle);
        match self.monotone.get(open.cut.feature as usize) {
            Some(1) => [(low, middle), (middle, high)],
            Some(-1) => [(middle, high), (low, middle)],
            _ => [open.bounds; 2],
        }
    }

    /// Makes a node of some rows; tells whether it can be split.
    fn examine(
        &self,
        state: &mut State<'_, C>,
        weights: Option<&[f64]>,
        task: Task,
    ) -> Option<Open> {
        let stops = &self.stops;
        let rows = &state.rows[task.rows.clone()];
        let fetch = |row: &u32| {
            let weight = weights.map_or(1.0, |weights| weights[*row as usize]);
            (self.items[*row as usize], weight)
        };
        state.scanner.take(rows.iter().map(fetch));
        state.scanner.bounds = task.bounds;
        let weight = self.criterion.weight(&state.scanner.total);
        let impurity = self.criterion.impurity(&state.scanner.total);
        let is_leaf = task.depth >= stops.max_depth
            || rows.len() < stops.min_samples_split.max(2)
            || rows.len() < 2 * stops.min_samples_leaf
            || weight < 2.0 * stops.min_weight_leaf
            || state.scanner.is_pure();
        let (cut, constants) = if is_leaf {
            (None, task.constants)
        } else {
            self.search(state, &task.rows, task.constants)
        };
        let wants_gain = stops.max_leaf_nodes.is_some() || stops.min_impurity_decrease > 0.0;
        let gain = match &cut {
            Some(cut) if wants_gain => self.gain(state, &task.rows, (cut, impurity)),
            _ => 0.0,
        };
        let cut = cut.filter(|_| gain + f64::EPSILON >= stops.min_impurity_decrease);
        // A node that may stay open is a leaf where leaves run out.
        let says = cut.is_none() || self.keep_inner || stops.max_leaf_nodes.is_some();
        let node = state.arena.add((weight, impurity), says, |values| {
            let start = values.len();
            self.criterion.write(&state.scanner.total, values);
            if !self.monotone.is_empty() {
                keep_within(task.bounds, &mut values[start..]);
            }
        });
        if let Some((parent, side)) = task.parent {
            state.arena.link(parent, side, node);
        }
        let Task { rows, depth, bounds, .. } = task;
        cut.map(|cut| Open { node, rows, depth, constants, bounds, cut, gain })
    }

    /// Tries columns in random order until enough were tried and one of them varied.
    fn search(
        &self,
        state: &mut State<'_, C>,
        range: &Range<usize>,
        known: usize,
    ) -> (Option<Cut>, usize) {
        let State { rows, scanner, random, features, constants, .. } = state;
        scanner.prepare();
        let rows = &rows[range.clone()];
        let (mut found, mut drawn, mut visited) = (0, 0, 0);
        let mut end = features.len();
        while end > known + found && (visited < self.stops.max_features || visited <= found + drawn)
        {
            visited += 1;
            let pick = random.random_range(drawn..end - found);
            if pick < known {
                features.swap(drawn, pick);
                drawn += 1;
                continue;
            }
            let pick = pick + found;
            let feature = features[pick];
            let column = &self.data.columns[feature as usize];
            let seen = match self.stops.splitter {
                Splitter::Best => scanner.search(feature, column, rows),
                Splitter::Random => scanner.draw(feature, column, (rows, random)),
            };
            if seen == Seen::Constant {
                features.swap(pick, known + found);
                found += 1;
            } else {
                end -= 1;
                features.swap(pick, end);
            }
        }
        // Siblings and children lean on the order of the constant columns.
        features[..known].copy_from_slice(&constants[..known]);
        constants[known..known + found].copy_from_slice(&features[known..known + found]);
        (scanner.best, known + found)
    }

    /// Gives the share of the whole tree's impurity that a cut takes away.
    fn gain(
        &self,
        state: &State<'_, C>,
        range: &Range<usize>,
        (cut, impurity): (&Cut, f64),
    ) -> f64 {
        let column = &self.data.columns[cut.feature as usize];
        let (mut left, mut right) = (self.criterion.empty(), self.criterion.empty());
        for (row, (item, weight)) in state.rows[range.clone()].iter().zip(&state.scanner.items) {
            let side = if cut.goes_left(column, *row) { &mut left } else { &mut right };
            self.criterion.add(side, *item, *weight);
        }
        self.criterion.complete(&mut left);
        self.criterion.complete(&mut right);
        let all = self.criterion.weight(&state.scanner.total);
        let part = |tally| self.criterion.weight(tally) / all * self.criterion.impurity(tally);
        all / state.total * (impurity - part(&right) - part(&left))
    }
}

impl<C: Criterion> State<'_, C> {
    /// Takes the open node that gains most; ties go to the older one.
    fn best(&mut self) -> Option<Open> {
        let best = (0..self.open.len()).reduce(|best, index| {
            let (a, b) = (&self.open[best], &self.open[index]);
            if b.gain > a.gain || (b.gain >= a.gain && b.node < a.node) { index } else { best }
        })?;
        Some(self.open.swap_remove(best))
    }

    /// Moves the rows that go left before the others, each side in its order.
    fn part(&mut self, range: Range<usize>, goes_left: impl Fn(u32) -> bool) {
        let rows = &mut self.rows[range];
        let (mut left, mut right) = (0, 0);
        for index in 0..rows.len() {
            let row = rows[index];
            let goes = usize::from(goes_left(row));
            rows[left] = row;
            self.swap[right] = row;
            left += goes;
            right += 1 - goes;
        }
        rows[left..].copy_from_slice(&self.swap[..right]);
    }
}

/// Keeps what a node says within its bounds: a number, or the share of the second of two classes.
fn keep_within((low, high): Bounds, values: &mut [f64]) {
    match values {
        [value] => *value = value.max(low).min(high),
        [first, second] => {
            *second = second.max(low).min(high);
            *first = 1.0 - *second;
        }
        _ => {}
    }
}
