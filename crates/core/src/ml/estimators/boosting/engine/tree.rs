//! A fitted tree of a boosted model: nodes in pre-order, so that the left child is the next node.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers of sets and bins are small and whole, as `is_sound` checks"
)]

use std::hint::select_unpredictable;

use serde::{Deserialize, Serialize};

use super::split::{BinSet, contains};

/// Marks a leaf.
const LEAF: u32 = u32::MAX;
/// Marks a node that sends missing values left.
const MISSING_LEFT: u32 = 1 << 31;
/// Marks a node whose number is a set of categories.
const CATEGORIES: u32 = 1 << 30;

/// One node: a test or a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Node {
    /// The threshold, the number of a set, or the value of the leaf.
    number: f64,
    /// The column with the marks, or [`LEAF`].
    feature: u32,
    /// The right child; the left one is the next node.
    right: u32,
}

impl Node {
    /// Gives the column that a test reads.
    #[inline]
    const fn column(&self) -> usize {
        (self.feature & !(MISSING_LEFT | CATEGORIES)) as usize
    }
}

/// Rows that go down a tree side by side.
pub(super) const ABREAST: usize = 8;

/// Where a test sends what it can't decide by a threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Question {
    /// Goes left up to this value.
    UpTo(f64),
    /// Goes left if the category's bin is in the set.
    In(BinSet),
}

/// A tree.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    sets: Vec<BinSet>,
}

impl Tree {
    /// Adds a leaf.
    pub(super) fn leaf(&mut self, value: f64) {
        self.nodes.push(Node { number: value, feature: LEAF, right: 0 });
    }

    /// Adds a test and gives its number, for [`Tree::join`].
    pub(super) fn test(&mut self, feature: u32, question: Question, missing_left: bool) -> usize {
        let mut node = Node { number: 0.0, feature, right: 0 };
        if missing_left {
            node.feature |= MISSING_LEFT;
        }
        match question {
            Question::UpTo(threshold) => node.number = threshold,
            Question::In(set) => {
                node.feature |= CATEGORIES;
                node.number = self.sets.len() as f64;
                self.sets.push(set);
            }
        }
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// Makes the next node the right child of a test.
    pub(super) fn join(&mut self, test: usize) {
        self.nodes[test].right = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
    }

    /// Gives the leaves other values, in their order.
    pub(super) fn revalue(&mut self, values: impl Iterator<Item = f64>) {
        for (node, value) in self.nodes.iter_mut().filter(|node| node.feature == LEAF).zip(values) {
            node.number = value;
        }
    }

    /// Tells whether every way down ends in a leaf and reads a column that is there.
    pub(super) fn is_sound(&self, columns: usize) -> bool {
        let (last, sets) = (self.nodes.len(), self.sets.len() as f64);
        !self.nodes.is_empty()
            && self.nodes.iter().enumerate().all(|(index, node)| {
                let set = node.feature & CATEGORIES == 0
                    || (node.number >= 0.0 && node.number < sets && node.number.fract() == 0.0);
                node.feature == LEAF
                    || (set
                        && node.column() < columns
                        && node.right as usize > index + 1
                        && (node.right as usize) < last)
            })
    }

    /// Gives the value of the leaf to which a row belongs.
    pub(super) fn value(&self, columns: &[&[f64]], row: usize) -> f64 {
        let mut index = 0;
        loop {
            let node = &self.nodes[index];
            if node.feature == LEAF {
                return node.number;
            }
            index = self.next(index, node, columns[node.column()][row]);
        }
    }

    #[inline]
    fn next(&self, index: usize, node: &Node, value: f64) -> usize {
        let left = if value.is_nan() {
            node.feature & MISSING_LEFT != 0
        } else if node.feature & CATEGORIES == 0 {
            value <= node.number
        } else {
            contains(&self.sets[node.number as usize], value as usize)
        };
        select_unpredictable(left, index + 1, node.right as usize)
    }

    /// Gives the values of the leaves to which some rows in a row belong; they go down side by side,
    /// so that one doesn't wait for what the other loads.
    #[inline]
    pub(super) fn values(&self, columns: &[&[f64]], first: usize) -> [f64; ABREAST] {
        let mut indices = [0; ABREAST];
        loop {
            let mut leaves = 0;
            for (lane, index) in indices.iter_mut().enumerate() {
                let node = &self.nodes[*index];
                if node.feature == LEAF {
                    leaves += 1;
                } else {
                    *index = self.next(*index, node, columns[node.column()][first + lane]);
                }
            }
            if leaves == ABREAST {
                return indices.map(|index| self.nodes[index].number);
            }
        }
    }
}
