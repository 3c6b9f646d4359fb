//! Finds nearest rows exactly, equal distances by the number of the row.
//!
//! A k-d tree (Bentley, Comm. ACM 18, 1975) whose leaves hold their rows column by column. A box is
//! left out only where its distance, added up in the same order as a row's, is above the farthest
//! neighbour found: never by rounding. In many dimensions boxes leave nothing out, and the tree is
//! one leaf; of angles, too.

use serde::{Deserialize, Serialize};

/// Rows in a leaf.
const LEAF: usize = 48;

/// In more dimensions a tree leaves nothing out.
const MOST_DIMENSIONS: usize = 24;

/// How far two rows are apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Distance {
    /// The straight line.
    Euclidean,
    /// The sum over the columns.
    Manhattan,
    /// The sum over the columns of powers.
    Minkowski(f64),
    /// The column in which they differ most.
    Chebyshev,
    /// One minus the cosine of the angle between rows of length one.
    Cosine,
}

impl Distance {
    /// Adds one column to what the columns before it gave.
    fn add(self, sum: f64, own: f64, other: f64) -> f64 {
        let difference = own - other;
        match self {
            Self::Euclidean => sum + difference * difference,
            Self::Manhattan => sum + difference.abs(),
            Self::Minkowski(power) => sum + difference.abs().powf(power),
            Self::Chebyshev => sum.max(difference.abs()),
            Self::Cosine => sum + own * other,
        }
    }

    /// Turns what all columns gave into a number that grows with the distance.
    fn ranked(self, sum: f64) -> f64 {
        match self {
            Self::Cosine => (1.0 - sum).clamp(0.0, 2.0),
            _ => sum,
        }
    }

    /// Turns that number into the distance.
    pub(super) fn whole(self, ranked: f64) -> f64 {
        match self {
            Self::Euclidean => ranked.sqrt(),
            Self::Minkowski(power) => ranked.powf(1.0 / power),
            Self::Manhattan | Self::Chebyshev | Self::Cosine => ranked,
        }
    }

    /// Tells whether a row is at least as far away as the box that it is in.
    const fn has_boxes(self) -> bool {
        !matches!(self, Self::Cosine)
    }

    /// Gives a distance to a box that no rounding brings above that of a row inside it.
    fn surely(self, gap: f64) -> f64 {
        match self {
            // A power of a smaller number may come out greater in its last digits.
            Self::Minkowski(_) => gap * (1.0 - 1e-12),
            _ => gap,
        }
    }
}

/// A tree over rows.
#[derive(Serialize, Deserialize)]
pub(super) struct Tree {
    dimensions: u32,
    distance: Distance,
    /// The row behind each place.
    rows: Vec<u32>,
    /// Column by column within each leaf, the leaves in order.
    values: Vec<f64>,
    nodes: Vec<Node>,
}

/// A box and the places inside it.
#[derive(Clone, Serialize, Deserialize)]
struct Node {
    start: u32,
    end: u32,
    /// The children; 0 for a leaf.
    children: [u32; 2],
    low: Vec<f64>,
    high: Vec<f64>,
}

/// A neighbour: what its distance is ranked by, and the row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Neighbor {
    pub(super) sum: f64,
    pub(super) row: u32,
}

impl Neighbor {
    /// Tells whether it goes before another.
    fn before(&self, other: &Self) -> bool {
        self.sum < other.sum || (self.sum <= other.sum && self.row < other.row)
    }
}

impl Tree {
    /// Builds the tree over columns of equal length.
    pub(super) fn new(columns: &[impl AsRef<[f64]>], rows: u32, distance: Distance) -> Self {
        let boxes = distance.has_boxes() && columns.len() <= MOST_DIMENSIONS;
        let leaf = if boxes { LEAF } else { usize::MAX };
        let mut build = Build { columns, leaf, order: (0..rows).collect(), nodes: Vec::new() };
        build.node(0, rows as usize);
        let Build { order, nodes, .. } = build;
        let mut values = Vec::with_capacity(order.len() * columns.len());
        for node in nodes.iter().filter(|node| node.is_leaf()) {
            for column in columns {
                let own = &order[node.start as usize..node.end as usize];
                values.extend(own.iter().map(|row| column.as_ref()[*row as usize]));
            }
        }
        let dimensions = u32::try_from(columns.len()).unwrap_or(u32::MAX);
        Self { dimensions, distance, rows: order, values, nodes }
    }

    /// Finds the nearest rows, nearest first; `found` and `sums` are room that is used again.
    pub(super) fn nearest(
        &self,
        point: &[f64],
        count: usize,
        found: &mut Vec<Neighbor>,
        sums: &mut Vec<f64>,
    ) {
        found.clear();
        if !self.nodes.is_empty() {
            self.visit(0, point, count, found, sums);
        }
    }

    fn visit(
        &self,
        node: u32,
        point: &[f64],
        count: usize,
        found: &mut Vec<Neighbor>,
        sums: &mut Vec<f64>,
    ) {
        let own = &self.nodes[node as usize];
        if own.is_leaf() {
            self.scan(own, point, count, found, sums);
            return;
        }
        let gaps = own.children.map(|child| self.gap(&self.nodes[child as usize], point));
        let order = if gaps[1] < gaps[0] { [1, 0] } else { [0, 1] };
        for side in order {
            let far =
                found.len() == count && found.last().is_some_and(|last| gaps[side] > last.sum);
            if !far {
                self.visit(own.children[side], point, count, found, sums);
            }
        }
    }

    /// Gives the distance to a box.
    fn gap(&self, node: &Node, point: &[f64]) -> f64 {
        let ends = node.low.iter().zip(&node.high).zip(point);
        let gap = ends.fold(0.0, |sum, ((low, high), value)| {
            let outside = if value < low { low - value } else { (value - high).max(0.0) };
            self.distance.add(sum, outside, 0.0)
        });
        self.distance.surely(gap)
    }

    /// Holds every row of a leaf against the point.
    fn scan(
        &self,
        leaf: &Node,
        point: &[f64],
        count: usize,
        found: &mut Vec<Neighbor>,
        sums: &mut Vec<f64>,
    ) {
        let (start, end) = (leaf.start as usize, leaf.end as usize);
        let rows = end - start;
        sums.clear();
        sums.resize(rows, 0.0);
        let own = &self.values[start * point.len()..end * point.len()];
        for (column, value) in own.chunks(rows.max(1)).zip(point) {
            // One loop a distance, so that each runs without looking which it is.
            match self.distance {
                Distance::Euclidean => add(Distance::Euclidean, sums, column, *value),
                Distance::Manhattan => add(Distance::Manhattan, sums, column, *value),
                Distance::Chebyshev => add(Distance::Chebyshev, sums, column, *value),
                Distance::Cosine => add(Distance::Cosine, sums, column, *value),
                power @ Distance::Minkowski(_) => add(power, sums, column, *value),
            }
        }
        sums.iter_mut().for_each(|sum| *sum = self.distance.ranked(*sum));
        for (place, sum) in sums.iter().enumerate() {
            let worst = found.last().filter(|_| found.len() == count);
            // Most rows are too far away.
            if worst.is_some_and(|worst| *sum > worst.sum) {
                continue;
            }
            let neighbor = Neighbor { sum: *sum, row: self.rows[start + place] };
            if worst.is_some_and(|worst| !neighbor.before(worst)) {
                continue;
            }
            let at = found.partition_point(|other| other.before(&neighbor));
            found.insert(at, neighbor);
            found.truncate(count);
        }
    }

    /// Tells whether what was read back can be searched for rows below `rows`.
    pub(super) fn sound(&self, dimensions: usize, rows: usize) -> bool {
        let dimensions_fit = self.dimensions as usize == dimensions
            && self.rows.len().checked_mul(dimensions) == Some(self.values.len());
        let mut covered = 0;
        let node_fits = |(index, node): (usize, &Node)| {
            let inside = node.start <= node.end && node.end as usize <= self.rows.len();
            // Children stand behind their parent, so that no walk goes in circles.
            let children = node.is_leaf()
                || node
                    .children
                    .iter()
                    .all(|child| (*child as usize) < self.nodes.len() && *child as usize > index);
            inside && children && node.low.len() == dimensions && node.high.len() == dimensions
        };
        let leaves = self.nodes.iter().filter(|node| node.is_leaf());
        let in_order = leaves.map(|leaf| {
            let follows = leaf.start == covered;
            covered = leaf.end;
            follows
        });
        let powered = match self.distance {
            Distance::Minkowski(power) => power > 0.0 && power.is_finite(),
            _ => true,
        };
        dimensions_fit
            && powered
            && in_order.fold(true, |all, one| all && one)
            && !self.rows.is_empty()
            && self.nodes.len() <= 2 * self.rows.len()
            && self.nodes.iter().enumerate().all(node_fits)
            && self.depth_is_bounded()
            && self.rows.iter().all(|row| (*row as usize) < rows)
    }

    /// Tells whether a walk from the root stays shallow, as it does in every tree that was built.
    fn depth_is_bounded(&self) -> bool {
        let mut depths = vec![0_u32; self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            if node.is_leaf() {
                continue;
            }
            for child in node.children {
                let depth = depths[index] + 1;
                depths[child as usize] = depths[child as usize].max(depth);
            }
        }
        depths.iter().all(|depth| *depth <= 64)
    }
}

/// Adds a column of a leaf.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "where the distance is known, the loop has no choice in it"
)]
fn add(distance: Distance, sums: &mut [f64], column: &[f64], value: f64) {
    sums.iter_mut().zip(column).for_each(|(sum, other)| *sum = distance.add(*sum, *other, value));
}

impl Node {
    const fn is_leaf(&self) -> bool {
        self.children[0] == 0
    }
}

struct Build<'a, C> {
    columns: &'a [C],
    leaf: usize,
    order: Vec<u32>,
    nodes: Vec<Node>,
}

impl<C: AsRef<[f64]>> Build<'_, C> {
    /// Builds the node over some places; halves them across the widest side.
    fn node(&mut self, start: usize, end: usize) -> u32 {
        let (low, high): (Vec<f64>, Vec<f64>) =
            self.columns.iter().map(|column| self.ends(column.as_ref(), start, end)).unzip();
        let widest = (0..low.len()).max_by(|left, right| {
            let width = |side: usize| high[side] - low[side];
            width(*left).total_cmp(&width(*right))
        });
        let index = self.nodes.len();
        let place = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let node = Node { start: place(start), end: place(end), children: [0, 0], low, high };
        let flat = widest.is_none_or(|side| node.high[side] <= node.low[side]);
        self.nodes.push(node);
        if let Some(side) = widest.filter(|_| end - start > self.leaf && !flat) {
            let middle = usize::midpoint(start, end);
            let column = self.columns[side].as_ref();
            // Equal values by the number of the row: one tree for one set of rows.
            self.order[start..end].select_nth_unstable_by(middle - start, |left, right| {
                column[*left as usize].total_cmp(&column[*right as usize]).then(left.cmp(right))
            });
            let children = [self.node(start, middle), self.node(middle, end)];
            self.nodes[index].children = children;
        } else {
            self.order[start..end].sort_unstable();
        }
        place(index)
    }

    fn ends(&self, column: &[f64], start: usize, end: usize) -> (f64, f64) {
        let values = self.order[start..end].iter().map(|row| column[*row as usize]);
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Finds neighbours by sorting all rows.
    fn sorted(columns: &[Vec<f64>], point: &[f64], distance: Distance, count: usize) -> Vec<u32> {
        let rows = columns[0].len();
        let sum = |row: usize| {
            let pairs = columns.iter().zip(point);
            distance
                .ranked(pairs.fold(0.0, |sum, (own, value)| distance.add(sum, own[row], *value)))
        };
        let mut order: Vec<(f64, usize)> = (0..rows).map(|row| (sum(row), row)).collect();
        order.sort_by(|left, right| left.0.total_cmp(&right.0).then(left.1.cmp(&right.1)));
        order.iter().take(count).map(|(_, row)| u32::try_from(*row).unwrap()).collect()
    }

    proptest! {
        #[test]
        fn the_tree_finds_what_sorting_finds(
            // Few distinct values, so that many distances tie.
            cells in prop::collection::vec(0_i8..6, 3 * 400),
            rows in 1_usize..400,
            point in prop::collection::vec(-1_i8..7, 3),
            count in 1_usize..30,
            distance in prop_oneof![
                Just(Distance::Euclidean),
                Just(Distance::Manhattan),
                (0.5..6.0_f64).prop_map(Distance::Minkowski),
                Just(Distance::Chebyshev),
                Just(Distance::Cosine),
            ],
        ) {
            let columns: Vec<Vec<f64>> = (0..3)
                .map(|column| cells[column * 400..][..rows].iter().map(|cell| f64::from(*cell) / 3.0).collect())
                .collect();
            let point: Vec<f64> = point.iter().map(|cell| f64::from(*cell) / 3.0).collect();
            let tree = Tree::new(&columns, u32::try_from(rows).unwrap(), distance);
            prop_assert!(tree.sound(3, rows));
            let (mut found, mut sums) = (Vec::new(), Vec::new());
            tree.nearest(&point, count, &mut found, &mut sums);
            let found: Vec<u32> = found.iter().map(|neighbor| neighbor.row).collect();
            prop_assert_eq!(found, sorted(&columns, &point, distance, count));
        }
    }
}
