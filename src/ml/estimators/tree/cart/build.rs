//! Growing one tree: which node is split next, and when a node stays a leaf.

use rand::RngExt;
use rand_pcg::Pcg64;

use super::criterion::Criterion;
use super::grown::Arena;
use super::ranks::Ranked;
use super::scan::{Cut, Floor, Scanner, Seen};
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
    /// Whether what inner nodes would say is kept, for pruning.
    pub(in crate::ml::estimators) keep_inner: bool,
}

/// A node that can be split.
struct Open {
    node: usize,
    rows: std::ops::Range<usize>,
    depth: usize,
    constants: usize,
    cut: Cut,
    gain: f64,
}

/// The state of a tree that grows.
struct State<C: Criterion> {
    rows: Vec<u32>,
    swap: Vec<u32>,
    scanner: Scanner<C>,
    random: Pcg64,
    /// The columns in a changing order; those known to be constant come first.
    features: Vec<u32>,
    constants: Vec<u32>,
    total: f64,
    open: Vec<Open>,
    arena: Arena,
}

impl<C: Criterion> Grower<'_, C> {
    /// Grows a tree on some rows, each with its weight.
    pub(in crate::ml::estimators) fn grow(
        &self,
        rows: Vec<u32>,
        weights: Option<&[f64]>,
        (seed, context): (Seed, &FitContext<'_>),
    ) -> Result<Arena, FitError> {
        let floor = Floor {
            rows: self.stops.min_samples_leaf,
            weight: self.stops.min_weight_leaf,
        };
        let count = self.data.columns.len();
        let mut state = State {
            swap: vec![0; rows.len()],
            scanner: Scanner::new(self.criterion, floor),
            random: seed.generator(),
            features: (0..count as u32).collect(),
            constants: vec![0; count],
            total: rows
                .iter()
                .map(|row| weights.map_or(1.0, |weights| weights[*row as usize]))
                .sum(),
            open: Vec::new(),
            arena: Arena::new(self.criterion.width(), count),
            rows,
        };
        let all = 0..state.rows.len();
        self.examine(&mut state, weights, (all, 0, 0));
        let mut leaves = 1;
        while let Some(next) = self.next(&mut state) {
            context.check()?;
            if self.stops.max_leaf_nodes.is_some_and(|most| leaves >= most) {
                break;
            }
            leaves += 1;
            let ranks = &self.data.columns[next.cut.feature as usize].ranks;
            let middle = next.rows.start + next.cut.left;
            state.divide(next.rows.clone(), |row| next.cut.goes_left(ranks[row as usize]));
            let left = self.examine(
                &mut state,
                weights,
                (next.rows.start..middle, next.depth + 1, next.constants),
            );
            let right = self.examine(
                &mut state,
                weights,
                (middle..next.rows.end, next.depth + 1, next.constants),
            );
            state.arena.split(next.node, &next.cut, [left, right]);
        }
        Ok(state.arena)
    }

    /// Takes the node to split next: the newest, or where leaves are few the one that gains most.
    fn next(&self, state: &mut State<C>) -> Option<Open> {
        if self.stops.max_leaf_nodes.is_none() {
            return state.open.pop();
        }
        let best = (0..state.open.len()).reduce(|best, index| {
            let (a, b) = (&state.open[best], &state.open[index]);
            if b.gain > a.gain || (b.gain >= a.gain && b.node < a.node) { index } else { best }
        })?;
        Some(state.open.swap_remove(best))
    }

    /// Makes a node of some rows; if it can be split, it is put among the open ones.
    fn examine(
        &self,
        state: &mut State<C>,
        weights: Option<&[f64]>,
        (range, depth, known): (std::ops::Range<usize>, usize, usize),
    ) -> usize {
        let stops = &self.stops;
        let rows = &state.rows[range.clone()];
        let fetch = |row: &u32| {
            let weight = weights.map_or(1.0, |weights| weights[*row as usize]);
            (self.items[*row as usize], weight)
        };
        state.scanner.take(rows.iter().map(fetch));
        let weight = self.criterion.weight(&state.scanner.total);
        let impurity = self.criterion.impurity(&state.scanner.total);
        let is_leaf = depth >= stops.max_depth
            || rows.len() < stops.min_samples_split.max(2)
            || rows.len() < 2 * stops.min_samples_leaf
            || weight < 2.0 * stops.min_weight_leaf
            || state.scanner.is_pure();
        let (cut, constants) = if is_leaf { (None, known) } else { self.search(state, &range, known) };
        let gain = match &cut {
            Some(cut) if stops.max_leaf_nodes.is_some() || stops.min_impurity_decrease > 0.0 => {
                self.gain(state, &range, (cut, impurity))
            }
            _ => 0.0,
        };
        let cut = cut.filter(|_| gain + f64::EPSILON >= stops.min_impurity_decrease);
        let node = state.arena.add(
            (weight, impurity),
            cut.is_none() || self.keep_inner,
            |values| self.criterion.write(&state.scanner.total, values),
        );
        if let Some(cut) = cut {
            state.open.push(Open { node, rows: range, depth, constants, cut, gain });
        }
        node
    }

    /// Tries columns in random order until enough were tried and one of them varied.
    fn search(
        &self,
        state: &mut State<C>,
        range: &std::ops::Range<usize>,
        known: usize,
    ) -> (Option<Cut>, usize) {
        let State { rows, scanner, random, features, constants, .. } = state;
        let rows = &rows[range.clone()];
        let (mut found, mut drawn, mut visited) = (0, 0, 0);
        let mut end = features.len();
        while end > known + found
            && (visited < self.stops.max_features || visited <= found + drawn)
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
        state: &State<C>,
        range: &std::ops::Range<usize>,
        (cut, impurity): (&Cut, f64),
    ) -> f64 {
        let ranks = &self.data.columns[cut.feature as usize].ranks;
        let (mut left, mut right) = (self.criterion.empty(), self.criterion.empty());
        for (row, (item, weight)) in state.rows[range.clone()].iter().zip(&state.scanner.items) {
            let side = if cut.goes_left(ranks[*row as usize]) { &mut left } else { &mut right };
            self.criterion.add(side, *item, *weight);
        }
        let all = self.criterion.weight(&state.scanner.total);
        let part = |tally| self.criterion.weight(tally) / all * self.criterion.impurity(tally);
        all / state.total * (impurity - part(&right) - part(&left))
    }
}

impl<C: Criterion> State<C> {
    /// Moves the rows that go left before the others, each side in its order.
    fn divide(&mut self, range: std::ops::Range<usize>, goes_left: impl Fn(u32) -> bool) {
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
