//! The rows of a growing tree: each node's lie together, in their first order.

use std::ops::Range;

use rayon::prelude::*;

use super::threads;

/// Rows below which a cut isn't worth several threads.
const WIDE: usize = 1 << 16;

/// The order of the rows, and room to work.
pub(super) struct Partition {
    order: Vec<u32>,
    lefts: Vec<u32>,
    rights: Vec<u32>,
    parallel: bool,
}

impl Partition {
    /// Makes the partition of one node that holds all rows.
    pub(super) fn new(rows: usize, parallel: bool) -> Self {
        let lefts = if parallel && rows >= WIDE { vec![0; rows] } else { Vec::new() };
        Self { order: vec![0; rows], lefts, rights: vec![0; rows], parallel }
    }

    /// Puts all rows back into one node.
    pub(super) fn reset(&mut self) {
        for (row, slot) in (0_u32..).zip(&mut self.order) {
            *slot = row;
        }
    }

    /// Gives the rows, node by node.
    pub(super) fn order(&self) -> &[u32] {
        &self.order
    }

    /// Moves the rows of a node that go left before the others, each side in its order.
    pub(super) fn split(
        &mut self,
        rows: Range<usize>,
        middle: usize,
        goes_left: impl Fn(u32) -> bool + Sync,
    ) {
        if self.parallel && rows.len() >= WIDE {
            return self.split_wide(rows, middle, &goes_left);
        }
        let order = &mut self.order[rows];
        let rights = &mut self.rights[..order.len()];
        let (mut left, mut right) = (0, 0);
        for index in 0..order.len() {
            let row = order[index];
            let goes = usize::from(goes_left(row));
            order[left] = row;
            rights[right] = row;
            left += goes;
            right += 1 - goes;
        }
        order[left..].copy_from_slice(&rights[..right]);
    }

    fn split_wide(
        &mut self,
        rows: Range<usize>,
        middle: usize,
        goes_left: &(impl Fn(u32) -> bool + Sync),
    ) {
        let size = rows.len().div_ceil(threads() * 4).max(1 << 13);
        let (start, count) = (rows.start, rows.len());
        let order = &mut self.order[rows];
        let lefts = &mut self.lefts[..count];
        let rights = &mut self.rights[..count];
        let counts: Vec<usize> = order
            .par_chunks(size)
            .zip(lefts.par_chunks_mut(size))
            .zip(rights.par_chunks_mut(size))
            .map(|((rows, lefts), rights)| {
                let (mut left, mut right) = (0, 0);
                for row in rows {
                    let goes = usize::from(goes_left(*row));
                    lefts[left] = *row;
                    rights[right] = *row;
                    left += goes;
                    right += 1 - goes;
                }
                left
            })
            .collect();
        let (mut to_left, mut to_right) = order.split_at_mut(middle - start);
        let mut copies = Vec::with_capacity(2 * counts.len());
        for (chunk, left) in counts.iter().enumerate() {
            let from = chunk * size;
            let right = size.min(count - from) - left;
            let (head, tail) = to_left.split_at_mut(*left);
            copies.push((head, &lefts[from..from + left]));
            to_left = tail;
            let (head, tail) = to_right.split_at_mut(right);
            copies.push((head, &rights[from..from + right]));
            to_right = tail;
        }
        copies.into_par_iter().for_each(|(to, from)| to.copy_from_slice(from));
    }
}
