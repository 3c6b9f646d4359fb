//! Histograms: sums of gradients, hessians and rows a bin, in fixed point.
//!
//! Whole numbers add up to the same in any order, so neither threads nor the order of rows can
//! change a bit, and a sibling's histogram is the parent's less the child's, exactly.

use rayon::prelude::*;

use super::bins::{Binned, Group, TILE, Tile};
use super::threads;

/// The gradient and the hessian of a row, in fixed point; see [`Scales`].
pub(super) type Pair = [i64; 2];

/// How pairs and cells are read as floats.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scales {
    /// What one unit of gradient is worth.
    pub(super) gradient: f64,
    /// What one unit of hessian is worth.
    pub(super) hessian: f64,
    /// How many low bits of a packed hessian count rows.
    pub(super) count_bits: u32,
}

/// The sums over some rows, as floats.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    /// The sum of gradients.
    pub(super) gradient: f64,
    /// The sum of hessians.
    pub(super) hessian: f64,
    /// How many rows there are.
    pub(super) count: usize,
}

/// The sums of one bin.
pub(super) trait Cell: Copy + Default + Send + Sync + 'static {
    /// Adds a row.
    fn add(&mut self, pair: Pair);
    /// Adds another cell.
    fn merge(&mut self, other: Self);
    /// Takes another cell off.
    fn subtract(&mut self, other: Self);
    /// Tells whether no row is in it.
    fn is_empty(self) -> bool;
    /// Reads it.
    fn sums(self, scales: &Scales) -> Sums;
}

/// Gradient; and hessian above count in one number: one load and one store a row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Packed([i64; 2]);

impl Cell for Packed {
    #[inline]
    fn add(&mut self, pair: Pair) {
        self.0 = [self.0[0] + pair[0], self.0[1] + pair[1]];
    }

    #[inline]
    fn merge(&mut self, other: Self) {
        self.add(other.0);
    }

    #[inline]
    fn subtract(&mut self, other: Self) {
        self.0 = [self.0[0] - other.0[0], self.0[1] - other.0[1]];
    }

    #[inline]
    fn is_empty(self) -> bool {
        self.0[1] == 0
    }

    #[inline]
    #[expect(
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        reason = "the mask leaves a count of rows"
    )]
    fn sums(self, scales: &Scales) -> Sums {
        Sums {
            gradient: self.0[0] as f64 * scales.gradient,
            hessian: (self.0[1] >> scales.count_bits) as f64 * scales.hessian,
            count: (self.0[1] & ((1 << scales.count_bits) - 1)) as usize,
        }
    }
}

/// Gradient, hessian and count apart, for hessians of a wide range or very many rows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wide([i64; 3]);

impl Cell for Wide {
    #[inline]
    fn add(&mut self, pair: Pair) {
        self.0 = [self.0[0] + pair[0], self.0[1] + pair[1], self.0[2] + 1];
    }

    #[inline]
    fn merge(&mut self, other: Self) {
        for (own, other) in self.0.iter_mut().zip(other.0) {
            *own += other;
        }
    }

    #[inline]
    fn subtract(&mut self, other: Self) {
        for (own, other) in self.0.iter_mut().zip(other.0) {
            *own -= other;
        }
    }

    #[inline]
    fn is_empty(self) -> bool {
        self.0[2] == 0
    }

    #[inline]
    #[expect(
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        reason = "the last number counts rows"
    )]
    fn sums(self, scales: &Scales) -> Sums {
        Sums {
            gradient: self.0[0] as f64 * scales.gradient,
            hessian: self.0[1] as f64 * scales.hessian,
            count: self.0[2] as usize,
        }
    }
}

/// The rows of a node.
#[derive(Clone, Copy)]
pub(super) enum Batch<'a> {
    /// All rows from the first of the range on.
    All(usize, usize),
    /// Some.
    Some(&'a [u32]),
}

impl Batch<'_> {
    /// Counts the rows.
    pub(super) const fn len(&self) -> usize {
        match self {
            Self::All(start, end) => *end - *start,
            Self::Some(rows) => rows.len(),
        }
    }

    /// Gives the rows from `start` up to `end`.
    fn part(&self, start: usize, end: usize) -> Self {
        match self {
            Self::All(first, _) => Self::All(first + start, first + end),
            Self::Some(rows) => Self::Some(&rows[start..end]),
        }
    }
}

/// Rows that are fetched and summed up at a time, within the nearest caches.
const BLOCK: usize = 512;

/// Rows that memory is asked for at a time.
const AHEAD: usize = 64;

/// Some rows of a tile, fetched: group by group.
struct Fetched {
    words: [[u32; BLOCK]; TILE],
    pairs: [Pair; BLOCK],
}

/// Sums up rows into the histogram of a tile.
pub(super) struct Filler<'a> {
    /// The bins.
    pub(super) binned: &'a Binned,
    /// The tile.
    pub(super) tile: &'a Tile,
    /// The groups to sum up, by their place in the tile.
    pub(super) wanted: [bool; TILE],
    /// The gradients and hessians of all rows.
    pub(super) pairs: &'a [Pair],
}

impl Filler<'_> {
    /// Adds the rows to a tile's histogram, in so many pieces.
    pub(super) fn fill<C: Cell>(&self, batch: Batch<'_>, cells: &mut [C], pieces: usize) {
        if pieces <= 1 {
            return self.add(batch, cells);
        }
        let (rows, count) = (batch.len(), cells.len());
        let size = rows.div_ceil(pieces);
        let sum = |piece: usize| {
            let mut own = vec![C::default(); count];
            self.add(batch.part(piece * size, rows.min((piece + 1) * size)), &mut own);
            own
        };
        let parts: Vec<Vec<C>> = (0..rows.div_ceil(size)).into_par_iter().map(sum).collect();
        for part in parts {
            for (cell, other) in cells.iter_mut().zip(part) {
                cell.merge(other);
            }
        }
    }

    fn add<C: Cell>(&self, batch: Batch<'_>, cells: &mut [C]) {
        let mut fetched = Fetched { words: [[0; BLOCK]; TILE], pairs: [[0, 0]; BLOCK] };
        let rows = batch.len();
        for start in (0..rows).step_by(BLOCK) {
            let part = batch.part(start, rows.min(start + BLOCK));
            self.fetch(part, &mut fetched);
            let mut rest = &mut *cells;
            for place in 0..self.tile.count {
                let group = &self.binned.groups[self.tile.first + place];
                let (own, more) = rest.split_at_mut(group.cells());
                rest = more;
                if self.wanted[place] {
                    add_group(group, &fetched.words[place][..part.len()], &fetched.pairs, own);
                }
            }
        }
    }

    fn fetch(&self, part: Batch<'_>, fetched: &mut Fetched) {
        match self.tile.stride() {
            1 => self.fetch_words::<1>(part, fetched),
            2 => self.fetch_words::<2>(part, fetched),
            4 => self.fetch_words::<4>(part, fetched),
            _ => self.fetch_words::<8>(part, fetched),
        }
    }

    #[inline]
    fn fetch_words<const WORDS: usize>(&self, part: Batch<'_>, fetched: &mut Fetched) {
        let (records, _) = self.tile.words().as_chunks::<WORDS>();
        let mut put = |slot: usize, record: &[u32; WORDS], pair: Pair| {
            let slot = slot & (BLOCK - 1);
            for (words, word) in fetched.words.iter_mut().zip(record) {
                words[slot] = *word;
            }
            fetched.pairs[slot] = pair;
        };
        match part {
            Batch::All(start, end) => {
                let records = records[start..end].iter().zip(&self.pairs[start..end]);
                for (slot, (record, pair)) in records.enumerate() {
                    put(slot, record, *pair);
                }
            }
            Batch::Some(rows) => {
                let slots = (0..).step_by(AHEAD);
                for (first, rows) in slots.zip(rows.chunks(AHEAD)) {
                    self.touch(records, rows);
                    for (slot, row) in (first..).zip(rows) {
                        let row = *row as usize;
                        put(slot, &records[row], self.pairs[row]);
                    }
                }
            }
        }
    }
}

impl Filler<'_> {
    /// Asks memory for rows ahead of their use: a loop as short as this has many loads under way.
    #[inline]
    fn touch<const WORDS: usize>(&self, records: &[[u32; WORDS]], rows: &[u32]) {
        let mut seen = 0;
        for row in rows {
            let row = *row as usize;
            seen ^= i64::from(records[row][0]) ^ self.pairs[row][0];
        }
        std::hint::black_box(seen);
    }
}

/// Picks the loop that fits the group.
fn add_group<C: Cell>(group: &Group, words: &[u32], pairs: &[Pair], cells: &mut [C]) {
    match group.width {
        16 => add_width::<C, 16>(words, pairs, cells),
        64 => add_width::<C, 64>(words, pairs, cells),
        _ => add_width::<C, 256>(words, pairs, cells),
    }
}

fn add_width<C: Cell, const WIDTH: usize>(words: &[u32], pairs: &[Pair], cells: &mut [C]) {
    let (lanes, _) = cells.as_chunks_mut::<WIDTH>();
    match lanes {
        [a] => add_lanes([a], words, pairs),
        [a, b] => add_lanes([a, b], words, pairs),
        [a, b, c] => add_lanes([a, b, c], words, pairs),
        [a, b, c, d, ..] => add_lanes([a, b, c, d], words, pairs),
        [] => {}
    }
}

/// The hot loop: the mask shows the compiler that no index can be out of bounds.
#[inline]
fn add_lanes<C: Cell, const WIDTH: usize, const COUNT: usize>(
    mut lanes: [&mut [C; WIDTH]; COUNT],
    words: &[u32],
    pairs: &[Pair],
) {
    for (word, pair) in words.iter().zip(pairs) {
        let bins = word.to_le_bytes();
        for (lane, bin) in lanes.iter_mut().zip(bins) {
            lane[bin as usize & (WIDTH - 1)].add(*pair);
        }
    }
}

/// Where the histogram of each group lies in that of a node.
#[derive(Debug)]
pub(super) struct Layout {
    starts: Vec<usize>,
    cells: usize,
}

impl Layout {
    /// Lays the groups side by side.
    pub(super) fn new(binned: &Binned) -> Self {
        let mut cells = 0;
        let starts = binned
            .groups
            .iter()
            .map(|group| {
                let start = cells;
                cells += group.cells();
                start
            })
            .collect();
        Self { starts, cells }
    }

    /// Counts the cells of a node's histogram.
    pub(super) const fn cells(&self) -> usize {
        self.cells
    }

    /// Cuts a node's histogram into those of its tiles.
    pub(super) fn cut<'c, C>(&self, tiles: &[Tile], cells: &'c mut [C]) -> Vec<&'c mut [C]> {
        let mut rest = cells;
        let mut parts = Vec::with_capacity(tiles.len());
        for tile in tiles {
            let start = self.starts[tile.first];
            let end = self.starts.get(tile.first + tile.count).copied().unwrap_or(self.cells);
            let (part, more) = rest.split_at_mut(end - start);
            parts.push(part);
            rest = more;
        }
        parts
    }

    /// Gives the range of one group's cells.
    pub(super) fn range(&self, group: usize) -> std::ops::Range<usize> {
        let end = self.starts.get(group + 1).copied().unwrap_or(self.cells);
        self.starts[group]..end
    }
}

/// Says into how many pieces the rows of a tile's work are cut.
pub(super) fn pieces(rows: usize, tiles: usize, parallel: bool) -> usize {
    if !parallel || rows < 1 << 13 {
        return 1;
    }
    let wanted = (2 * threads()).div_ceil(tiles.max(1));
    wanted.min(rows >> 12).max(1)
}
