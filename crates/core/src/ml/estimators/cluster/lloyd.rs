//! Lloyd's algorithm on centred rows, from drawn rows on.
//!
//! Distances come from matrix products: ‖x − c‖² = ‖x‖² − 2xᵀc + ‖c‖², which rounds well because the
//! columns are centred. A row whose two nearest centres can't have changed places by how far centres
//! moved is not looked at again (Hamerly, SDM 2010). Rows are cut into blocks by their count alone and
//! sums are added in order: the same bits on any number of threads.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par};
use rand::RngExt;
use rand::seq::index;
use rand_pcg::Pcg64;
use rayon::prelude::*;

use crate::ml::Seed;
use crate::ml::estimator::{FitContext, FitError, Round};
use crate::ml::estimators::training::Training;

/// Rows of a block at least.
const LEAST_ROWS: usize = 512;

/// As many blocks as can be looked at side by side.
const MOST_BLOCKS: usize = 64;

/// Rows whose distances are found by one product.
const TILE: usize = 256;

/// The training rows, columns centred.
pub(super) struct Rows {
    blocks: Vec<Block>,
    means: Vec<f64>,
    /// The mean of the columns' variances.
    variance: f64,
    rows: usize,
}

/// Neighbouring rows.
struct Block {
    start: usize,
    /// Row by row.
    values: Vec<f64>,
    width: usize,
    /// ‖x‖² of each row.
    norms: Vec<f64>,
    weights: Option<Vec<f64>>,
}

/// How to start, and when to stop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    pub(super) groups: usize,
    /// Draws centres far from each other.
    pub(super) spread: bool,
    pub(super) rounds: u64,
    /// Ends where the centres' squared moves sum to less than this share of the mean variance.
    pub(super) still: f64,
}

/// Where a start led.
pub(super) struct Course {
    /// `groups × columns`, centred.
    pub(super) centres: Vec<f64>,
    /// The weighted sum of squared distances.
    pub(super) inertia: f64,
    pub(super) history: Vec<Round>,
    /// Whether the centres came to rest.
    pub(super) settled: bool,
    /// How many groups have rows.
    pub(super) filled: usize,
}

/// What is known of each row of a block.
struct Place {
    /// The nearest centre.
    group: Vec<u32>,
    /// At least as far as the nearest centre.
    upper: Vec<f64>,
    /// At most as far as the second nearest centre.
    lower: Vec<f64>,
}

/// Centres with what distances to them need.
struct Middles {
    /// `groups × columns`.
    values: Vec<f64>,
    width: usize,
    norms: Vec<f64>,
}

impl Rows {
    pub(super) fn new(training: &Training<'_>) -> Result<Self, FitError> {
        let (rows, width, total) = (training.rows, training.columns.len(), training.total());
        let moments: Vec<(f64, f64)> = training
            .columns
            .par_iter()
            .map(|column| {
                let sum = |of: &dyn Fn(f64) -> f64| {
                    let values = column.iter().enumerate();
                    values.map(|(row, value)| training.weight(row) * of(*value)).sum::<f64>()
                        / total
                };
                let mean = sum(&|value| value);
                (mean, sum(&|value| (value - mean) * (value - mean)))
            })
            .collect();
        if moments.iter().any(|(mean, variance)| !(mean.is_finite() && variance.is_finite())) {
            return Err(FitError::Other(
                "a column's values are too large; scale the columns first".to_owned(),
            ));
        }
        let (means, variances): (Vec<f64>, Vec<f64>) = moments.into_iter().unzip();
        let count = (rows / LEAST_ROWS).clamp(1, MOST_BLOCKS);
        let block = |block: usize| {
            let range = rows * block / count..rows * (block + 1) / count;
            let centred = |row: usize| {
                let columns = training.columns.iter().zip(&means);
                columns.map(move |(column, mean)| column[row] - mean)
            };
            let values: Vec<f64> = range.clone().flat_map(centred).collect();
            let norms = values.chunks(width.max(1)).map(squares).collect();
            let weights = training.weights.as_ref().map(|weights| weights[range.clone()].to_vec());
            Block { start: range.start, values, width, norms, weights }
        };
        let blocks: Vec<Block> = (0..count).into_par_iter().map(block).collect();
        let variance = variances.iter().sum::<f64>() / width.max(1) as f64;
        Ok(Self { blocks, means, variance, rows })
    }

    /// Moves centres back to the columns' own units.
    pub(super) fn in_own_units(&self, centres: &[f64]) -> Vec<f64> {
        let width = self.means.len().max(1);
        let moved = |centre: &[f64]| -> Vec<f64> {
            centre.iter().zip(&self.means).map(|(value, mean)| value + mean).collect()
        };
        centres.chunks(width).flat_map(moved).collect()
    }

    fn row(&self, row: usize) -> &[f64] {
        let block = self.blocks.partition_point(|block| block.start <= row).saturating_sub(1);
        let block = &self.blocks[block];
        block.row(row - block.start)
    }
}

impl Block {
    fn len(&self) -> usize {
        self.norms.len()
    }

    fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.width..][..self.width]
    }

    fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[row])
    }

    /// Calls with each of some rows and its squared distances to all centres.
    fn distances(&self, rows: &[usize], middles: &Middles, mut call: impl FnMut(usize, &[f64])) {
        let groups = middles.norms.len();
        let centres = faer::MatRef::from_column_major_slice(&middles.values, middles.width, groups);
        let mut tile = Mat::<f64>::zeros(self.width, TILE.min(rows.len()));
        let mut products = Mat::<f64>::zeros(groups, TILE.min(rows.len()));
        for some in rows.chunks(TILE) {
            for (place, row) in some.iter().enumerate() {
                tile.col_as_slice_mut(place).copy_from_slice(self.row(*row));
            }
            let tile = tile.as_ref().subcols(0, some.len());
            let into = products.as_mut().subcols_mut(0, some.len());
            matmul(into, Accum::Replace, centres.transpose(), tile, 1.0, Par::Seq);
            for (place, row) in some.iter().enumerate() {
                let distances = products.col_as_slice_mut(place);
                for (distance, norm) in distances.iter_mut().zip(&middles.norms) {
                    *distance = (norm + self.norms[*row] - 2.0 * *distance).max(0.0);
                }
                call(*row, distances);
            }
        }
    }
}

impl Middles {
    fn new(values: Vec<f64>, width: usize) -> Self {
        let groups = values.len().checked_div(width).unwrap_or(0);
        let norms = (0..groups).map(|group| squares(&values[group * width..][..width])).collect();
        Self { values, width, norms }
    }

    fn centre(&self, group: usize) -> &[f64] {
        &self.values[group * self.width..][..self.width]
    }
}

fn squares(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum()
}

fn apart(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| (left - right) * (left - right)).sum()
}

/// Runs Lloyd's algorithm from one start.
pub(super) fn run(
    rows: &Rows,
    start: Start,
    seed: Seed,
    context: &FitContext<'_>,
) -> Result<Course, FitError> {
    let width = rows.means.len();
    let mut generator = seed.generator();
    let first = if start.spread {
        spread(rows, start.groups, &mut generator)
    } else {
        index::sample(&mut generator, rows.rows, start.groups).into_vec()
    };
    let values = first.iter().flat_map(|row| rows.row(*row)).copied().collect();
    let mut middles = Middles::new(values, width);
    let mut places: Vec<Place> = rows.blocks.iter().map(Place::new).collect();
    let (mut history, mut settled, mut moves) =
        (Vec::new(), false, vec![f64::INFINITY; start.groups]);
    for round in 1..=start.rounds {
        context.check()?;
        let changed = assign(rows, &middles, &mut places, &moves);
        let tally = Tally::of(rows, &places, start.groups);
        let moved = Middles::new(tally.means(rows, &middles, &places), width);
        moves = (0..start.groups)
            .map(|group| apart(middles.centre(group), moved.centre(group)).sqrt())
            .collect();
        middles = moved;
        let inertia = inertia(rows, &middles, &places);
        history.push(Round {
            iteration: round,
            metric: "inertia".to_owned(),
            train: inertia,
            validation: None,
        });
        let motion: f64 = moves.iter().map(|own| own * own).sum();
        if changed == 0 || motion <= start.still * rows.variance {
            settled = true;
            break;
        }
    }
    // The centres moved once more: rows go where they are nearest.
    assign(rows, &middles, &mut places, &moves);
    let filled =
        Tally::of(rows, &places, start.groups).weights.iter().filter(|own| **own > 0.0).count();
    let inertia = inertia(rows, &middles, &places);
    Ok(Course { centres: middles.values, inertia, history, settled, filled })
}

impl Place {
    fn new(block: &Block) -> Self {
        let rows = block.len();
        Self {
            group: vec![u32::MAX; rows],
            upper: vec![f64::INFINITY; rows],
            lower: vec![0.0; rows],
        }
    }
}

/// Moves each row to its nearest centre; counts the rows that changed.
fn assign(rows: &Rows, middles: &Middles, places: &mut [Place], moves: &[f64]) -> usize {
    let groups = middles.norms.len();
    let farthest = moves.iter().copied().fold(0.0, f64::max);
    // Half the way to the next centre: nearer rows can't be nearer to another one.
    let half: Vec<f64> = (0..groups)
        .into_par_iter()
        .map(|own| {
            let others = (0..groups).filter(|other| *other != own);
            let least = others.map(|other| apart(middles.centre(own), middles.centre(other)));
            0.5 * least.fold(f64::INFINITY, f64::min).sqrt()
        })
        .collect();
    let changes = rows.blocks.par_iter().zip(places).map(|(block, place)| {
        let mut unsure = Vec::new();
        for row in 0..block.len() {
            let group = place.group[row] as usize;
            if let Some(motion) = moves.get(group) {
                place.upper[row] += motion;
            }
            place.lower[row] -= farthest;
            let known = half.get(group).map_or(0.0, |half| half.max(place.lower[row]));
            // What products lose in rounding must not decide.
            let margin = 1e-7 * block.norms[row].sqrt();
            if place.upper[row] + margin >= known {
                unsure.push(row);
            }
        }
        let mut changed = 0;
        block.distances(&unsure, middles, |row, distances| {
            let (group, nearest, second) = two_nearest(distances);
            changed += usize::from(place.group[row] != group);
            place.group[row] = group;
            place.upper[row] = nearest.sqrt();
            place.lower[row] = second.sqrt();
        });
        changed
    });
    changes.sum()
}

/// Finds the nearest centre, its distance, and the second distance.
fn two_nearest(distances: &[f64]) -> (u32, f64, f64) {
    let (mut group, mut nearest, mut second) = (0, f64::INFINITY, f64::INFINITY);
    for (own, distance) in (0_u32..).zip(distances) {
        if *distance < nearest {
            second = nearest;
            (group, nearest) = (own, *distance);
        } else if *distance < second {
            second = *distance;
        }
    }
    (group, nearest, second)
}

/// The weight and the weighted sum of each group.
struct Tally {
    weights: Vec<f64>,
    sums: Vec<f64>,
}

impl Tally {
    fn of(rows: &Rows, places: &[Place], groups: usize) -> Self {
        let width = rows.means.len();
        let parts: Vec<Self> = rows
            .blocks
            .par_iter()
            .zip(places)
            .map(|(block, place)| {
                let mut part = Self { weights: vec![0.0; groups], sums: vec![0.0; groups * width] };
                for (row, group) in place.group.iter().enumerate() {
                    let (group, weight) = (*group as usize, block.weight(row));
                    part.weights[group] += weight;
                    let sums = &mut part.sums[group * width..][..width];
                    sums.iter_mut()
                        .zip(block.row(row))
                        .for_each(|(sum, value)| *sum += weight * value);
                }
                part
            })
            .collect();
        let mut all = Self { weights: vec![0.0; groups], sums: vec![0.0; groups * width] };
        for part in parts {
            all.weights.iter_mut().zip(part.weights).for_each(|(sum, own)| *sum += own);
            all.sums.iter_mut().zip(part.sums).for_each(|(sum, own)| *sum += own);
        }
        all
    }

    /// Gives each group's mean; one without rows goes to the row farthest from its centre, as in
    /// scikit-learn.
    fn means(mut self, rows: &Rows, middles: &Middles, places: &[Place]) -> Vec<f64> {
        let width = rows.means.len();
        let empty: Vec<usize> =
            (0..self.weights.len()).filter(|group| self.weights[*group] == 0.0).collect();
        for (group, (row, from, weight)) in
            empty.iter().zip(farthest(rows, middles, places, empty.len()))
        {
            let point = rows.row(row);
            for (column, value) in point.iter().enumerate() {
                self.sums[from * width + column] -= weight * value;
                self.sums[group * width + column] = weight * value;
            }
            self.weights[*group] = weight;
            self.weights[from] -= weight;
        }
        for group in 0..self.weights.len() {
            let (weight, own) = (self.weights[group], &mut self.sums[group * width..][..width]);
            if weight > 0.0 {
                own.iter_mut().for_each(|sum| *sum /= weight);
            } else {
                own.copy_from_slice(middles.centre(group));
            }
        }
        self.sums
    }
}

/// Finds the rows farthest from their centres: row, group, weight.
fn farthest(
    rows: &Rows,
    middles: &Middles,
    places: &[Place],
    count: usize,
) -> Vec<(usize, usize, f64)> {
    if count == 0 {
        return Vec::new();
    }
    let mut all = Vec::with_capacity(rows.rows);
    for (block, place) in rows.blocks.iter().zip(places) {
        for (row, group) in place.group.iter().enumerate() {
            let distance = apart(block.row(row), middles.centre(*group as usize));
            all.push((distance, block.start + row, *group as usize, block.weight(row)));
        }
    }
    all.sort_by(|left, right| right.0.total_cmp(&left.0).then(left.1.cmp(&right.1)));
    all.into_iter().take(count).map(|(_, row, group, weight)| (row, group, weight)).collect()
}

/// Sums the squared distances to the centres.
fn inertia(rows: &Rows, middles: &Middles, places: &[Place]) -> f64 {
    let parts = rows.blocks.par_iter().zip(places).map(|(block, place)| {
        let members = place.group.iter().enumerate();
        members
            .map(|(row, group)| {
                block.weight(row) * apart(block.row(row), middles.centre(*group as usize))
            })
            .sum::<f64>()
    });
    parts.collect::<Vec<f64>>().iter().sum()
}

/// Draws rows far from each other: greedy k-means++ with 2 + ⌊ln k⌋ tries for each.
fn spread(rows: &Rows, groups: usize, generator: &mut Pcg64) -> Vec<usize> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small logarithm"
    )]
    let tries = 2 + (groups as f64).ln() as usize;
    let mut nearest: Vec<Vec<f64>> = rows
        .blocks
        .iter()
        .map(|block| (0..block.len()).map(|row| block.weight(row)).collect())
        .collect();
    // The first is drawn by weight alone, the others by weight times distance.
    let first = drawn(&nearest, generator);
    nearest = distances(rows, &[first], None).into_iter().flatten().collect();
    let mut centres = vec![first];
    while centres.len() < groups {
        let weighed: Vec<Vec<f64>> = rows
            .blocks
            .iter()
            .zip(&nearest)
            .map(|(block, own)| {
                own.iter().enumerate().map(|(row, own)| block.weight(row) * own).collect()
            })
            .collect();
        let candidates: Vec<usize> = (0..tries).map(|_| drawn(&weighed, generator)).collect();
        let found = distances(rows, &candidates, Some(&nearest));
        let potential = |candidate: usize| -> f64 {
            let blocks = rows.blocks.iter().zip(&found);
            blocks
                .map(|(block, own)| {
                    let own = own[candidate].iter().enumerate();
                    own.map(|(row, distance)| block.weight(row) * distance).sum::<f64>()
                })
                .sum()
        };
        let potentials: Vec<f64> = (0..tries).map(potential).collect();
        let mut best = 0;
        for candidate in 1..tries {
            if potentials[candidate] < potentials[best] {
                best = candidate;
            }
        }
        centres.push(candidates[best]);
        nearest = found.into_iter().map(|mut own| own.swap_remove(best)).collect();
    }
    centres
}

/// Draws a row in proportion to what it weighs; the last one where nothing weighs.
fn drawn(weights: &[Vec<f64>], generator: &mut Pcg64) -> usize {
    let total: f64 = weights.iter().map(|own| own.iter().sum::<f64>()).sum();
    let aim = generator.random::<f64>() * total;
    let (mut sum, mut last, mut start) = (0.0, 0, 0);
    for block in weights {
        for (row, weight) in block.iter().enumerate() {
            sum += weight;
            if *weight > 0.0 {
                last = start + row;
                if sum > aim {
                    return last;
                }
            }
        }
        start += block.len();
    }
    last
}

/// Gives for each block and candidate the squared distances, none above those before.
fn distances(
    rows: &Rows,
    candidates: &[usize],
    before: Option<&Vec<Vec<f64>>>,
) -> Vec<Vec<Vec<f64>>> {
    let values = candidates.iter().flat_map(|row| rows.row(*row)).copied().collect();
    let middles = Middles::new(values, rows.means.len());
    let of_block = |(index, block): (usize, &Block)| {
        let all: Vec<usize> = (0..block.len()).collect();
        let mut found = vec![vec![0.0; block.len()]; candidates.len()];
        block.distances(&all, &middles, |row, distances| {
            let most = before.map_or(f64::INFINITY, |before| before[index][row]);
            for (candidate, distance) in distances.iter().enumerate() {
                // A row is at no distance from itself, whatever rounding says.
                let own = if candidates[candidate] == block.start + row { 0.0 } else { *distance };
                found[candidate][row] = own.min(most);
            }
        });
        found
    };
    rows.blocks.par_iter().enumerate().map(of_block).collect()
}
