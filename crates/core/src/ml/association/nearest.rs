//! Distances to the nearest rows, for the estimates of mutual information.

use rayon::prelude::*;

/// Points in a leaf of the tree.
const LEAF: usize = 16;

/// Below so many points a second thread is not worth it.
const FEW: usize = 4096;

/// Gives for each point in the plane the distance to its `k`th nearest other one, where a distance is
/// the larger of the two along the axes; infinite if there are too few points.
pub(super) fn distances(x: &[f64], y: &[f64], k: usize) -> Vec<f64> {
    let tree = Tree::over(x, y);
    let one = |point: usize| tree.distance(point, k);
    if x.len() < FEW {
        (0..x.len()).map(one).collect()
    } else {
        (0..x.len()).into_par_iter().map(one).collect()
    }
}

/// Gives for each value of a sorted column the distance to its `k`th nearest other one.
pub(super) fn distances_of_sorted(values: &[f64], k: usize) -> Vec<f64> {
    let distance = |at: usize| {
        let (mut low, mut high) = (at, at);
        let mut farthest = f64::INFINITY;
        for _ in 0..k {
            let left = low.checked_sub(1).map_or(f64::INFINITY, |next| values[at] - values[next]);
            let right = values.get(high + 1).map_or(f64::INFINITY, |next| next - values[at]);
            if left <= right {
                low = low.saturating_sub(1);
            } else {
                high += 1;
            }
            farthest = left.min(right);
        }
        farthest
    };
    (0..values.len()).map(distance).collect()
}

/// Counts the values of a sorted column that lie at most so far away, the point itself included.
pub(super) fn within(sorted: &[f64], value: f64, radius: f64) -> usize {
    let start = sorted.partition_point(|other| value - other > radius);
    let end = sorted.partition_point(|other| other - value <= radius);
    end.saturating_sub(start)
}

/// A k-d tree over points in the plane, halved by numbers so that its depth is bounded.
struct Tree<'a> {
    axes: [&'a [f64]; 2],
    /// The points, leaf by leaf.
    order: Vec<usize>,
}

impl<'a> Tree<'a> {
    fn over(x: &'a [f64], y: &'a [f64]) -> Self {
        let mut tree = Self { axes: [x, y], order: (0..x.len()).collect() };
        let mut order = std::mem::take(&mut tree.order);
        tree.sort(&mut order, 0);
        tree.order = order;
        tree
    }

    /// Puts the points in front of which the middle one lies along an axis before it, and so on.
    fn sort(&self, points: &mut [usize], axis: usize) {
        if points.len() <= LEAF {
            return;
        }
        let middle = points.len() / 2;
        let values = self.axes[axis];
        points.select_nth_unstable_by(middle, |a, b| {
            values[*a].total_cmp(&values[*b]).then(a.cmp(b))
        });
        let (left, right) = points.split_at_mut(middle);
        self.sort(left, 1 - axis);
        self.sort(&mut right[1..], 1 - axis);
    }

    fn distance(&self, point: usize, k: usize) -> f64 {
        let mut nearest = vec![f64::INFINITY; k];
        self.visit(&self.order, 0, point, &mut nearest);
        nearest.last().copied().unwrap_or(f64::INFINITY)
    }

    fn visit(&self, points: &[usize], axis: usize, point: usize, nearest: &mut [f64]) {
        if points.len() <= LEAF {
            points.iter().for_each(|other| self.look(*other, point, nearest));
            return;
        }
        let middle = points.len() / 2;
        let (left, right) = points.split_at(middle);
        let (cut, right) = (right[0], &right[1..]);
        self.look(cut, point, nearest);
        let away = self.axes[axis][point] - self.axes[axis][cut];
        let (near, far) = if away < 0.0 { (left, right) } else { (right, left) };
        self.visit(near, 1 - axis, point, nearest);
        if nearest.last().is_some_and(|farthest| away.abs() <= *farthest) {
            self.visit(far, 1 - axis, point, nearest);
        }
    }

    /// Takes a point into the list of the nearest, if it belongs there.
    fn look(&self, other: usize, point: usize, nearest: &mut [f64]) {
        if other == point {
            return;
        }
        let [x, y] = self.axes;
        let distance = (x[other] - x[point]).abs().max((y[other] - y[point]).abs());
        let place = nearest.partition_point(|own| *own <= distance);
        if place < nearest.len() {
            nearest[place..].rotate_right(1);
            nearest[place] = distance;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_finds_what_looking_at_all_finds() {
        // Points on a coarse grid, so that many distances are equal.
        let points = |factor: usize| -> Vec<f64> {
            (0..400).map(|row| (row * factor % 97 % 13) as f64).collect()
        };
        let (x, y) = (points(31), points(57));
        for k in [1, 3, 5] {
            let found = distances(&x, &y, k);
            for (point, found) in found.iter().enumerate() {
                let mut all: Vec<f64> = (0..x.len())
                    .filter(|other| *other != point)
                    .map(|other| (x[other] - x[point]).abs().max((y[other] - y[point]).abs()))
                    .collect();
                all.sort_by(f64::total_cmp);
                assert_eq!(*found, all[k - 1]);
            }
        }
    }

    #[test]
    fn a_sorted_column_is_looked_at_from_each_value() {
        let values = [0.0, 1.0, 1.5, 4.0];
        assert_eq!(distances_of_sorted(&values, 1), [1.0, 0.5, 0.5, 2.5]);
        assert_eq!(distances_of_sorted(&values, 3), [4.0, 3.0, 2.5, 4.0]);
        assert_eq!(distances_of_sorted(&values[..2], 3), [f64::INFINITY; 2]);
        assert_eq!([within(&values, 1.0, 0.5), within(&values, 4.0, 2.4)], [2, 1]);
    }
}
