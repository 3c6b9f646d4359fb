//! Growing: one tree, best leaf first, on rows kept together node by node.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of the columns is a small number from 0 on"
)]

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;

use rand::seq::SliceRandom;
use rand_pcg::Pcg64;
use rayon::prelude::*;

use super::bins::{Binned, Binning};
use super::bins::{TILE, Tile};
use super::histogram::{Batch, Cell, Filler, Layout, Pair, Sums, pieces};
use super::interactions::Interactions;
use super::partition::Partition;
use super::split::{Finder, Found, Rules, Split, Test, Whole};
use super::tree::{Question, Tree};
use crate::ml::Seed;

/// Histograms kept for splits to come take at most so many bytes; beyond, they are built again.
const KEPT_BYTES: usize = 1 << 29;

/// When a tree is grown up, and what its splits must obey.
#[derive(Clone, Debug)]
pub(super) struct GrowOptions {
    /// How many leaves it has at most.
    pub(super) max_leaf_nodes: Option<usize>,
    /// How many tests a row passes at most.
    pub(super) max_depth: Option<usize>,
    /// The share of columns that are tried at a node.
    pub(super) max_features: f64,
    /// What is multiplied into each leaf.
    pub(super) learning_rate: f64,
    /// The rules of a split.
    pub(super) rules: Rules,
    /// For each column 1 if answers must rise with it, −1 if they must fall, else 0.
    pub(super) monotone: Vec<i8>,
    /// Which columns may meet on a way down.
    pub(super) interactions: Interactions,
    /// Whether the work is worth several threads.
    pub(super) parallel: bool,
}

/// A node of a tree that grows.
struct Growing<C> {
    rows: std::ops::Range<usize>,
    depth: usize,
    whole: Whole<C>,
    cells: Option<Vec<C>>,
    groups: Arc<[usize]>,
    /// The columns cut above it, and which may be cut at it; nothing where all may.
    used: Arc<[u32]>,
    allowed: Option<Arc<[bool]>>,
    split: Option<Split<C>>,
    children: Option<(usize, usize)>,
}

/// A node that can be split, in the order of gain; ties go to the older node.
struct Candidate {
    gain: f64,
    node: usize,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.gain.total_cmp(&other.gain).then(other.node.cmp(&self.node))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

/// A leaf: its rows in the partition, and its value.
pub(super) struct Leaf {
    /// Where its rows lie.
    pub(super) rows: std::ops::Range<usize>,
    /// What it adds to the answer.
    pub(super) value: f64,
}

/// A grown tree.
pub(super) struct Grown {
    /// The tree as it is kept.
    pub(super) tree: Tree,
    /// Its leaves.
    pub(super) leaves: Vec<Leaf>,
}

/// Grows tree after tree on the same rows.
pub(super) struct Grower<'a, C> {
    binned: &'a Binned,
    layout: Layout,
    options: GrowOptions,
    partition: Partition,
    nodes: Vec<Growing<C>>,
    open: BinaryHeap<Candidate>,
    spare: Vec<Vec<C>>,
    kept: usize,
}

impl<'a, C: Cell> Grower<'a, C> {
    /// Makes a grower.
    pub(super) fn new(binned: &'a Binned, options: GrowOptions) -> Self {
        Self {
            layout: Layout::new(binned),
            partition: Partition::new(binned.rows, options.parallel),
            nodes: Vec::new(),
            open: BinaryHeap::new(),
            spare: Vec::new(),
            kept: 0,
            binned,
            options,
        }
    }

    /// Gives the rows in the order of the leaves of the last tree.
    pub(super) fn order(&self) -> &[u32] {
        self.partition.order()
    }

    /// Changes the scales, which follow the gradients.
    pub(super) fn rules(&mut self) -> &mut Rules {
        &mut self.options.rules
    }

    /// Grows a tree; adds to `importance` what each column gains.
    pub(super) fn grow(&mut self, pairs: &[Pair], seed: Seed, importance: &mut [f64]) -> Grown {
        for node in self.nodes.drain(..) {
            self.spare.extend(node.cells);
        }
        self.open.clear();
        self.kept = 0;
        self.partition.reset();
        self.plant(pairs, seed);
        let mut leaves = 1;
        while let Some(candidate) = self.open.pop() {
            if self.options.max_leaf_nodes.is_some_and(|most| leaves >= most) {
                break;
            }
            leaves += 1;
            self.split(candidate.node, pairs, seed, self.options.max_leaf_nodes == Some(leaves));
            if let Some(split) = &self.nodes[candidate.node].split {
                importance[split.feature as usize] += split.gain;
            }
        }
        self.finish()
    }

    /// Makes the root.
    fn plant(&mut self, pairs: &[Pair], seed: Seed) {
        let groups: Arc<[usize]> = (0..self.binned.groups.len()).collect();
        let mut total = C::default();
        for pair in pairs {
            total.add(*pair);
        }
        let sums = total.sums(&self.options.rules.scales);
        let bounds = (f64::NEG_INFINITY, f64::INFINITY);
        let value = self.options.rules.value(sums, bounds);
        let whole = Whole { total, sums, value, bounds };
        let rows = 0..pairs.len();
        self.nodes.push(Growing {
            rows,
            depth: 0,
            whole,
            cells: None,
            groups,
            used: Arc::from([]),
            allowed: None,
            split: None,
            children: None,
        });
        if !self.is_finished(0) {
            let mut cells = self.fresh();
            self.sum(&mut cells, Batch::All(0, pairs.len()), (pairs, 0));
            self.search(0, cells, seed);
        }
    }

    /// Tells whether a node is a leaf for its size or depth.
    fn is_finished(&self, node: usize) -> bool {
        let node = &self.nodes[node];
        node.rows.len() < 2 * self.options.rules.min_samples_leaf
            || node.rows.len() < 2
            || self.options.max_depth.is_some_and(|most| node.depth >= most)
    }

    fn fresh(&mut self) -> Vec<C> {
        self.spare.pop().unwrap_or_else(|| vec![C::default(); self.layout.cells()])
    }

    /// Tells whether summing up or searching so many rows is worth several threads.
    fn is_wide(&self, rows: usize) -> bool {
        self.options.parallel
            && rows * self.binned.groups.len() * 4 + self.layout.cells() * 8 >= 1 << 17
    }

    /// Builds the histograms of a node's groups.
    fn sum(&self, cells: &mut [C], batch: Batch<'_>, (pairs, node): (&[Pair], usize)) {
        let groups = &self.nodes[node].groups;
        let tiles = &self.binned.tiles;
        let wide = self.is_wide(batch.len());
        let pieces = pieces(batch.len(), tiles.len(), wide);
        let run = |(tile, cells): (&Tile, &mut [C])| {
            let mut wanted = [false; TILE];
            for group in groups.iter().filter(|group| **group >= tile.first) {
                if let Some(slot) = wanted[..tile.count].get_mut(group - tile.first) {
                    *slot = true;
                }
            }
            if wanted.contains(&true) {
                cells.fill(C::default());
                Filler { binned: self.binned, tile, wanted, pairs }.fill(batch, cells, pieces);
            }
        };
        let parts = self.layout.cut(tiles, cells);
        if wide {
            tiles.par_iter().zip(parts).for_each(run);
        } else {
            tiles.iter().zip(parts).for_each(run);
        }
    }

    /// Finds the best split of a node and puts it among the candidates.
    fn search(&mut self, node: usize, cells: Vec<C>, seed: Seed) {
        let chosen = self.chosen(seed, node);
        let own = &self.nodes[node];
        let run = |group: &usize| self.search_group(own, *group, &cells, chosen.as_deref());
        let found: Vec<Found<C>> = if self.is_wide(0) {
            own.groups.par_iter().map(run).collect()
        } else {
            own.groups.iter().map(run).collect()
        };
        let alive: Vec<bool> = found.iter().map(|found| found.alive).collect();
        let best = found.into_iter().filter_map(|found| found.best).reduce(better);
        if alive.contains(&false) {
            let groups = self.nodes[node].groups.iter().zip(alive);
            self.nodes[node].groups =
                groups.filter(|(_, alive)| *alive).map(|(group, _)| *group).collect();
        }
        let Some(split) = best else {
            self.spare.push(cells);
            return;
        };
        self.open.push(Candidate { gain: split.gain, node });
        self.nodes[node].split = Some(split);
        let bytes = size_of_val(cells.as_slice());
        if self.kept + bytes <= KEPT_BYTES {
            self.kept += bytes;
            self.nodes[node].cells = Some(cells);
        } else {
            self.spare.truncate(4);
            self.spare.push(cells);
        }
    }

    /// Draws the columns to try at a node; none means all.
    fn chosen(&self, seed: Seed, node: usize) -> Option<Vec<bool>> {
        let count = self.binned.features.len();
        if self.options.max_features >= 1.0 || count == 0 {
            return None;
        }
        let mut random = seed.derive("node", node as u64).generator();
        let draw = |count: usize, random: &mut Pcg64| {
            let wanted = (self.options.max_features * count as f64).ceil() as usize;
            let wanted = wanted.clamp(1, count);
            let mut chosen: Vec<bool> = (0..count).map(|index| index < wanted).collect();
            chosen.shuffle(random);
            chosen
        };
        let Some(allowed) = &self.nodes[node].allowed else {
            return Some(draw(count, &mut random));
        };
        let mut own = draw(allowed.iter().filter(|own| **own).count(), &mut random).into_iter();
        Some(allowed.iter().map(|allowed| *allowed && own.next().unwrap_or(false)).collect())
    }

    /// Finds the best split in the columns of one group.
    fn search_group(
        &self,
        node: &Growing<C>,
        group: usize,
        cells: &[C],
        chosen: Option<&[bool]>,
    ) -> Found<C> {
        let cells = &cells[self.layout.range(group)];
        let group = &self.binned.groups[group];
        let mut all = Found { best: None, alive: false };
        for (lane, feature) in group.features.iter().enumerate() {
            if node.allowed.as_ref().is_some_and(|allowed| !allowed[*feature as usize]) {
                continue;
            }
            if chosen.is_some_and(|chosen| !chosen[*feature as usize]) {
                all.alive = true;
                continue;
            }
            let finder = Finder {
                node: &node.whole,
                rules: &self.options.rules,
                index: *feature,
                feature: &self.binned.features[*feature as usize],
                cells: &cells[lane * group.width..(lane + 1) * group.width],
                monotone: self.options.monotone.get(*feature as usize).copied().unwrap_or(0),
            };
            let found = finder.find();
            all.alive |= found.alive;
            all.best = match (all.best, found.best) {
                (Some(a), Some(b)) => Some(better(a, b)),
                (a, b) => a.or(b),
            };
        }
        all
    }

    /// Splits a node; unless the tree is full, finds the splits of its children.
    fn split(&mut self, node: usize, pairs: &[Pair], seed: Seed, full: bool) {
        let own = &self.nodes[node];
        let Some(split) = own.split.clone() else { return };
        let feature = &self.binned.features[split.feature as usize];
        let mut right = own.whole.total;
        right.subtract(split.left);
        let scales = self.options.rules.scales;
        let sums = [split.left.sums(&scales), right.sums(&scales)];
        let bins = &self.binned.columns[split.feature as usize];
        let goes_left: [bool; 256] = std::array::from_fn(|bin| split.test.goes_left(bin, feature));
        let rows = own.rows.clone();
        let middle = rows.start + sums[0].count;
        let small_left = sums[0].count < sums[1].count;
        self.partition.split(rows.clone(), middle, |row| goes_left[bins[row as usize] as usize]);
        let values = sums.map(|sums| self.options.rules.value(sums, own.whole.bounds));
        let bounds = self.bounds_of(node, split.feature, values);
        let depth = own.depth + 1;
        let interactions = &self.options.interactions;
        let used: Arc<[u32]> = interactions.with(&own.used, split.feature).into();
        let allowed: Option<Arc<[bool]>> =
            interactions.allowed(&used, self.binned.features.len()).map(Into::into);
        let groups = match &allowed {
            None => Arc::clone(&own.groups),
            Some(allowed) => {
                let features = |group: usize| &self.binned.groups[group].features;
                let lives =
                    |group: &usize| features(*group).iter().any(|own| allowed[*own as usize]);
                own.groups.iter().copied().filter(lives).collect()
            }
        };
        let first = self.nodes.len();
        let child = |rows, total, sums: Sums, value, bounds| Growing {
            rows,
            depth,
            whole: Whole { total, sums, value, bounds },
            cells: None,
            groups: Arc::clone(&groups),
            used: Arc::clone(&used),
            allowed: allowed.clone(),
            split: None,
            children: None,
        };
        let left = child(rows.start..middle, split.left, sums[0], values[0], bounds[0]);
        let right = child(middle..rows.end, right, sums[1], values[1], bounds[1]);
        self.nodes.extend([left, right]);
        self.nodes[node].children = Some((first, first + 1));
        let cells = self.nodes[node].cells.take();
        if full || (self.is_finished(first) && self.is_finished(first + 1)) {
            self.give_back(cells);
        } else {
            let order = if small_left { [first, first + 1] } else { [first + 1, first] };
            self.fit_children(order, cells, pairs, seed);
        }
    }

    fn give_back(&mut self, cells: Option<Vec<C>>) {
        if let Some(cells) = cells {
            self.kept -= size_of_val(cells.as_slice());
            self.spare.push(cells);
        }
    }

    /// Gives both children their histograms, the larger one by subtraction where it can be.
    fn fit_children(
        &mut self,
        [small, large]: [usize; 2],
        parent: Option<Vec<C>>,
        pairs: &[Pair],
        seed: Seed,
    ) {
        let mut small_cells = self.fresh();
        let batch =
            |node: usize| Batch::Some(&self.partition.order()[self.nodes[node].rows.clone()]);
        self.sum(&mut small_cells, batch(small), (pairs, small));
        let large_cells = if self.is_finished(large) {
            self.give_back(parent);
            None
        } else if let Some(mut cells) = parent {
            self.kept -= size_of_val(cells.as_slice());
            self.subtract(&mut cells, &small_cells, large);
            Some(cells)
        } else {
            let mut cells = self.fresh();
            let batch = Batch::Some(&self.partition.order()[self.nodes[large].rows.clone()]);
            self.sum(&mut cells, batch, (pairs, large));
            Some(cells)
        };
        if self.is_finished(small) {
            self.spare.push(small_cells);
        } else {
            self.search(small, small_cells, seed);
        }
        if let Some(cells) = large_cells {
            self.search(large, cells, seed);
        }
    }

    fn subtract(&self, cells: &mut [C], small: &[C], node: usize) {
        for group in self.nodes[node].groups.iter() {
            let range = self.layout.range(*group);
            for (cell, other) in cells[range.clone()].iter_mut().zip(&small[range]) {
                cell.subtract(*other);
            }
        }
    }

    /// Gives the bounds of the children's children, which monotone columns narrow.
    fn bounds_of(&self, node: usize, feature: u32, values: [f64; 2]) -> [(f64, f64); 2] {
        let (low, high) = self.nodes[node].whole.bounds;
        let middle = f64::midpoint(values[0], values[1]);
        match self.options.monotone.get(feature as usize) {
            Some(1) => [(low, middle), (middle, high)],
            Some(-1) => [(middle, high), (low, middle)],
            _ => [(low, high), (low, high)],
        }
    }

    /// Writes the tree in pre-order and gives its leaves.
    fn finish(&mut self) -> Grown {
        let mut grown = Grown { tree: Tree::default(), leaves: Vec::new() };
        let mut stack: Vec<(usize, Option<usize>)> = vec![(0, None)];
        while let Some((index, parent)) = stack.pop() {
            if let Some(test) = parent {
                grown.tree.join(test);
            }
            let node = &self.nodes[index];
            if let (Some(split), Some((left, right))) = (&node.split, node.children) {
                let test = self.write(split, &mut grown.tree, [left, right]);
                stack.push((right, Some(test)));
                stack.push((left, None));
            } else {
                let value = node.whole.value * self.options.learning_rate;
                grown.tree.leaf(value);
                grown.leaves.push(Leaf { rows: node.rows.clone(), value });
            }
        }
        grown
    }

    fn write(&self, split: &Split<C>, tree: &mut Tree, children: [usize; 2]) -> usize {
        let feature = &self.binned.features[split.feature as usize];
        let [left, right] = children.map(|child| self.nodes[child].rows.len());
        let missing_left = if feature.missing {
            split.test.goes_left(feature.values, feature)
        } else {
            left > right
        };
        let question = match (&split.test, &self.binned.binning[split.feature as usize]) {
            (Test::UpTo { bin, .. }, Binning::Edges(edges)) => {
                Question::UpTo(edges.get(*bin).copied().unwrap_or(f64::INFINITY))
            }
            (Test::UpTo { .. }, Binning::Levels { .. }) => Question::UpTo(f64::INFINITY),
            (Test::In(set), _) => Question::In(*set),
        };
        tree.test(split.feature, question, missing_left)
    }
}

/// Picks the larger gain; ties go to the column that comes first.
fn better<C>(a: Split<C>, b: Split<C>) -> Split<C> {
    let second = b.gain > a.gain || (b.gain >= a.gain && b.feature < a.feature);
    if second { b } else { a }
}
