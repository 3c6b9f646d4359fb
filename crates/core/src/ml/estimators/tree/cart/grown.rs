//! Grown trees: as they are built, as they are kept, and what they say.

#![expect(
    clippy::cast_possible_truncation,
    reason = "a tree has fewer nodes than twice its rows, which are below 2^31"
)]

use std::hint::select_unpredictable;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::ranks::{numbers, single};
use super::scan::Cut;
use crate::data::Frame;

/// Marks a leaf.
const LEAF: u32 = u32::MAX;
/// Marks a node that sends missing values left.
const MISSING_LEFT: u32 = 1 << 31;
/// Rows that go through a tree together.
const BLOCK: usize = 512;

/// A node while its tree is built.
#[derive(Clone, Copy, Debug)]
struct Built {
    /// The weight of its rows.
    weight: f64,
    /// Their impurity.
    impurity: f64,
    /// The column and threshold of the test, and its children; none for a leaf.
    test: Option<(u32, f64, bool, [usize; 2])>,
    /// Where its values lie.
    values: usize,
}

/// A side of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Where the test holds.
    Left,
    /// Where it doesn't.
    Right,
}

/// The nodes of a tree in the order in which they were made.
#[derive(Clone, Debug)]
pub(in crate::ml::estimators) struct Arena {
    nodes: Vec<Built>,
    values: Vec<f64>,
    width: usize,
    columns: usize,
}

impl Arena {
    /// Starts a tree whose leaves say `width` numbers.
    pub(super) const fn new(width: usize, columns: usize) -> Self {
        Self { nodes: Vec::new(), values: Vec::new(), width, columns }
    }

    /// Adds a node, with what it says if that is wanted.
    pub(super) fn add(
        &mut self,
        (weight, impurity): (f64, f64),
        says: bool,
        write: impl Fn(&mut Vec<f64>),
    ) -> usize {
        self.nodes.push(Built { weight, impurity, test: None, values: self.values.len() });
        if says {
            write(&mut self.values);
        }
        self.nodes.len() - 1
    }

    /// Makes a node a test; its children are added later.
    pub(super) fn split(&mut self, node: usize, cut: &Cut) {
        self.nodes[node].test = Some((cut.feature, cut.threshold, cut.missing_left, [0; 2]));
    }

    /// Makes a node the child of another.
    pub(super) fn link(&mut self, parent: usize, side: Side, child: usize) {
        if let Some((_, _, _, children)) = &mut self.nodes[parent].test {
            children[side as usize] = child;
        }
    }

    /// Gives how much each column lowers the impurity, summing up to one.
    pub(in crate::ml::estimators) fn importance(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.columns];
        let part = |node: &Built| node.weight * node.impurity;
        for index in self.reachable() {
            let node = &self.nodes[index];
            if let Some((feature, _, _, [left, right])) = node.test {
                sums[feature as usize] +=
                    part(node) - part(&self.nodes[left]) - part(&self.nodes[right]);
            }
        }
        normalised(sums)
    }

    /// Tells whether there is a test.
    pub(in crate::ml::estimators) fn has_tests(&self) -> bool {
        self.nodes.first().is_some_and(|root| root.test.is_some())
    }

    /// Cuts back tests whose gain a leaf is below `alpha`, weakest first, as scikit-learn does.
    pub(in crate::ml::estimators) fn prune(&mut self, alpha: f64) {
        let total = self.nodes.first().map_or(1.0, |root| root.weight);
        let cost = |node: &Built| node.weight * node.impurity / total;
        loop {
            // The cost and the leaves below each node; children come after their parents.
            let mut below = vec![(0.0, 0_usize); self.nodes.len()];
            let mut weakest: Option<(f64, usize)> = None;
            for index in (0..self.nodes.len()).rev() {
                let node = &self.nodes[index];
                below[index] = match node.test {
                    None => (cost(node), 1),
                    Some((_, _, _, [left, right])) => {
                        (below[left].0 + below[right].0, below[left].1 + below[right].1)
                    }
                };
            }
            for index in self.reachable() {
                let node = &self.nodes[index];
                if node.test.is_some() {
                    let link = (cost(node) - below[index].0) / (below[index].1 as f64 - 1.0);
                    if weakest.is_none_or(|(least, _)| link < least) {
                        weakest = Some((link, index));
                    }
                }
            }
            match weakest {
                Some((link, index)) if link <= alpha => self.nodes[index].test = None,
                _ => return,
            }
        }
    }

    fn reachable(&self) -> Vec<usize> {
        let mut found = vec![0];
        let mut next = 0;
        while let Some(index) = found.get(next) {
            if let Some((_, _, _, children)) = self.nodes[*index].test {
                found.extend(children);
            }
            next += 1;
        }
        found.sort_unstable();
        found
    }

    /// Writes the tree in pre-order.
    pub(in crate::ml::estimators) fn tree(&self) -> Tree {
        self.tree_with(|_, value| value)
    }

    /// Writes the tree in pre-order; a leaf of one number says what `say` makes of its depth and it.
    pub(in crate::ml::estimators) fn tree_with(&self, say: impl Fn(usize, f64) -> f64) -> Tree {
        let mut tree = Tree { nodes: Vec::with_capacity(self.nodes.len()), mixed: Vec::new() };
        let mut stack: Vec<(usize, usize, Option<usize>)> = vec![(0, 0, None)];
        while let Some((index, depth, parent)) = stack.pop() {
            if let Some(parent) = parent {
                tree.nodes[parent].right = tree.nodes.len() as u32;
            }
            let node = &self.nodes[index];
            if let Some((feature, threshold, missing_left, [left, right])) = node.test {
                let mark = if missing_left { MISSING_LEFT } else { 0 };
                stack.push((right, depth + 1, Some(tree.nodes.len())));
                stack.push((left, depth + 1, None));
                tree.nodes.push(Node { number: threshold, feature: feature | mark, right: 0 });
            } else {
                let leaf = self.leaf(node, &mut tree.mixed);
                tree.nodes.push(Node { number: say(depth, leaf.number), ..leaf });
            }
        }
        tree
    }

    fn leaf(&self, node: &Built, mixed: &mut Vec<f64>) -> Node {
        let values = &self.values[node.values..node.values + self.width];
        if self.width == 1 {
            return Node { number: values[0], feature: LEAF, right: 0 };
        }
        // Most leaves of a deep tree hold one class: those need no row of shares.
        let place = values.iter().position(|share| *share >= 1.0).unwrap_or_else(|| {
            mixed.extend_from_slice(values);
            self.width + mixed.len() / self.width - 1
        });
        Node { number: 0.0, feature: LEAF, right: place as u32 }
    }
}

/// Scales numbers to a sum of one; all zero stays so.
pub(super) fn normalised(mut sums: Vec<f64>) -> Vec<f64> {
    let total: f64 = sums.iter().sum();
    if total > 0.0 {
        for sum in &mut sums {
            *sum /= total;
        }
    }
    sums
}

/// One node: a test or a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Node {
    /// The threshold, or the number that a leaf says.
    number: f64,
    /// The column with a mark, or [`LEAF`].
    feature: u32,
    /// The right child, the left being the next node; of a leaf the class or the row of shares.
    right: u32,
}

impl Node {
    /// Gives the column that a test reads.
    #[inline]
    const fn column(&self) -> usize {
        (self.feature & !MISSING_LEFT) as usize
    }

    /// Gives the child to which a value goes; `index` is the node's own.
    #[inline]
    fn next(&self, index: usize, value: f64) -> usize {
        let left = if value.is_nan() {
            self.feature & MISSING_LEFT != 0
        } else {
            f64::from(single(value)) <= self.number
        };
        select_unpredictable(left, index + 1, self.right as usize)
    }
}

/// Rows that go down a tree side by side.
const ABREAST: usize = 8;

/// A tree whose nodes lie in pre-order: the left child is the next node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::ml::estimators) struct Tree {
    nodes: Vec<Node>,
    /// The shares of the classes in leaves that hold several.
    mixed: Vec<f64>,
}

impl Tree {
    /// Gives the leaves to which some rows in a row belong; they go down side by side, so that one
    /// doesn't wait for what the other loads.
    #[inline]
    fn leaves(&self, columns: &[&[f64]], first: usize) -> [&Node; ABREAST] {
        let mut indices = [0; ABREAST];
        loop {
            let mut leaves = 0;
            for (lane, index) in indices.iter_mut().enumerate() {
                let node = &self.nodes[*index];
                if node.feature == LEAF {
                    leaves += 1;
                } else {
                    *index = node.next(*index, columns[node.column()][first + lane]);
                }
            }
            if leaves == ABREAST {
                return indices.map(|index| &self.nodes[index]);
            }
        }
    }

    /// Tells whether every way down ends in a leaf that says `width` numbers.
    fn is_sound(&self, (columns, width): (usize, usize)) -> bool {
        let rows = self.mixed.len() / width + width;
        !self.nodes.is_empty()
            && self.mixed.len().is_multiple_of(width)
            && self.nodes.iter().enumerate().all(|(index, node)| {
                let right = node.right as usize;
                if node.feature == LEAF {
                    width == 1 || right < rows
                } else {
                    node.column() < columns && right > index + 1 && right < self.nodes.len()
                }
            })
    }

    /// Adds what the tree says of some rows.
    fn add(&self, columns: &[&[f64]], first: usize, (sums, width): (&mut [f64], usize)) {
        let rows = (first..).step_by(ABREAST);
        for (row, sums) in rows.zip(sums.chunks_exact_mut(width * ABREAST)) {
            let leaves = self.leaves(columns, row);
            for (leaf, sums) in leaves.into_iter().zip(sums.chunks_exact_mut(width)) {
                self.say(leaf, sums);
            }
        }
    }

    /// Adds what the tree says of some rows, however many.
    pub(super) fn tell(
        &self,
        columns: &[&[f64]],
        first: usize,
        (sums, width): (&mut [f64], usize),
    ) {
        self.add(columns, first, (&mut *sums, width));
        let abreast = sums.len() / (width * ABREAST) * ABREAST;
        for (place, sums) in sums.chunks_exact_mut(width).enumerate().skip(abreast) {
            let mut index = 0;
            while self.nodes[index].feature != LEAF {
                let node = &self.nodes[index];
                index = node.next(index, columns[node.column()][first + place]);
            }
            self.say(&self.nodes[index], sums);
        }
    }

    /// Adds what a leaf says.
    #[inline]
    fn say(&self, leaf: &Node, sums: &mut [f64]) {
        if let [sum] = sums {
            *sum += leaf.number;
            return;
        }
        let (place, width) = (leaf.right as usize, sums.len());
        match place.checked_sub(width) {
            None => sums[place] += 1.0,
            Some(mixed) => {
                let shares = &self.mixed[mixed * width..(mixed + 1) * width];
                sums.iter_mut().zip(shares).for_each(|(sum, share)| *sum += share);
            }
        }
    }
}

/// How many numbers a leaf says, and of how many columns it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::ml::estimators) struct Numbers {
    /// Numbers a leaf: one, or one a class.
    pub(in crate::ml::estimators) width: usize,
    /// The columns.
    pub(in crate::ml::estimators) columns: usize,
}

/// Trees whose answers are averaged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::ml::estimators) struct Forest {
    /// What they take and say.
    pub(in crate::ml::estimators) numbers: Numbers,
    /// The trees.
    pub(in crate::ml::estimators) trees: Vec<Tree>,
}

impl Forest {
    /// Tells whether the parts fit together, so that no prediction can go astray.
    pub(in crate::ml::estimators) fn is_sound(&self) -> bool {
        let Numbers { width, columns } = self.numbers;
        width > 0
            && !self.trees.is_empty()
            && self.trees.iter().all(|tree| tree.is_sound((columns, width)))
    }

    /// Adds what the trees say of one row, which goes down several trees side by side.
    fn add(&self, columns: &[&[f64]], row: usize, sums: &mut [f64]) {
        for trees in self.trees.chunks(ABREAST) {
            let mut indices = [0; ABREAST];
            loop {
                let mut leaves = 0;
                for (tree, index) in trees.iter().zip(&mut indices) {
                    let node = &tree.nodes[*index];
                    if node.feature == LEAF {
                        leaves += 1;
                    } else {
                        *index = node.next(*index, columns[node.column()][row]);
                    }
                }
                if leaves == trees.len() {
                    break;
                }
            }
            for (tree, index) in trees.iter().zip(indices) {
                tree.say(&tree.nodes[index], sums);
            }
        }
    }

    /// Gives the mean of what the trees say of each row.
    pub(in crate::ml::estimators) fn predict(&self, frame: &Frame) -> Vec<f64> {
        let columns = numbers(frame);
        let width = self.numbers.width;
        let mut sums = vec![0.0; frame.rows() * width];
        let count = self.trees.len() as f64;
        let run = |(block, sums): (usize, &mut [f64])| {
            for tree in &self.trees {
                tree.add(&columns, block * BLOCK, (sums, width));
            }
            let rest = sums.len() / width % ABREAST;
            let start = sums.len() / width - rest;
            for row in start..start + rest {
                self.add(&columns, block * BLOCK + row, &mut sums[row * width..(row + 1) * width]);
            }
            for sum in sums {
                *sum /= count;
            }
        };
        if frame.rows() > BLOCK && frame.rows() * self.trees.len() >= 1 << 16 {
            sums.par_chunks_mut(BLOCK * width).enumerate().for_each(run);
        } else {
            sums.chunks_mut(BLOCK * width).enumerate().for_each(run);
        }
        sums
    }
}
