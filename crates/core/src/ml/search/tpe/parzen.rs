//! Parzen estimators: a density over a space, made of one kernel an observation and an even one.
//!
//! A place is a number between 0 and 1 on a range's own scale, or the number of a choice. Kernels of
//! ranges are normal distributions cut off at 0 and 1; of whole numbers they are summed over the
//! cell of each number. Widths and weights as in Optuna's `_ParzenEstimator`, in which the scale of a
//! range plays no part.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use rand::RngExt;
use rand_pcg::Pcg64;

use crate::ml::search::Dimension;
use crate::ml::special::normal;

/// So many of the newest observations weigh the same; older ones the less, the older they are.
const FLAT: usize = 25;

/// A density over some dimensions of a space.
pub(super) struct Parzen {
    /// The logarithm of each kernel's weight; the weights sum to one.
    logs: Vec<f64>,
    weights: Vec<f64>,
    kernels: Vec<Kernels>,
}

/// What the kernels are in one dimension.
enum Kernels {
    /// Over a range.
    Range(Vec<Normal>),
    /// Over whole numbers.
    Cells(Cells),
    /// The probability of each choice.
    Choice(Vec<Vec<f64>>),
}

/// Kernels over whole numbers, summed over the cell of each.
struct Cells {
    normals: Vec<Normal>,
    dimension: Dimension,
    /// The logarithms of the kernels' probabilities of the cells that were asked for: candidates
    /// often fall into the same.
    known: RefCell<BTreeMap<u64, Rc<[f64]>>>,
}

/// A normal distribution cut off at 0 and 1.
#[derive(Clone, Copy)]
struct Normal {
    centre: f64,
    width: f64,
    /// The probability below 0 before it was cut off, and that between 0 and 1.
    below: f64,
    inside: f64,
    /// The logarithm of the density at the centre.
    height: f64,
}

impl Parzen {
    /// Makes the density of points over some dimensions of a space.
    pub(super) fn of(space: &[Dimension], dimensions: &[usize], points: &[Vec<f64>]) -> Self {
        let kernels = dimensions.iter().map(|dimension| {
            let places: Vec<f64> = points.iter().map(|point| point[*dimension]).collect();
            Kernels::of(&space[*dimension], &places)
        });
        let kernels = kernels.collect();
        let mut weights = recency(points.len());
        weights.push(1.0);
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= sum);
        Self { logs: weights.iter().map(|weight| weight.ln()).collect(), weights, kernels }
    }

    /// Draws a point.
    pub(super) fn draw(&self, generator: &mut Pcg64) -> Vec<f64> {
        let kernel = pick(&self.weights, generator.random());
        self.kernels.iter().map(|own| own.draw(kernel, generator)).collect()
    }

    /// Gives the logarithm of the density at a point.
    pub(super) fn log_density(&self, point: &[f64]) -> f64 {
        let mut logs = self.logs.clone();
        for (own, place) in self.kernels.iter().zip(point) {
            own.add_logs(*place, &mut logs);
        }
        let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if most == f64::NEG_INFINITY {
            return most;
        }
        most + logs.iter().map(|log| (log - most).exp()).sum::<f64>().ln()
    }
}

impl Kernels {
    fn of(dimension: &Dimension, places: &[f64]) -> Self {
        match dimension {
            Dimension::Choice(values) => Self::Choice(choices(places, values.len())),
            Dimension::Int { .. } => Self::Cells(Cells {
                normals: normals(places),
                dimension: dimension.clone(),
                known: RefCell::default(),
            }),
            Dimension::Float { .. } => Self::Range(normals(places)),
        }
    }

    fn draw(&self, kernel: usize, generator: &mut Pcg64) -> f64 {
        match self {
            Self::Range(normals) => normals[kernel].at(generator.random()),
            Self::Cells(cells) => {
                let place = cells.normals[kernel].at(generator.random());
                cells.dimension.place(&cells.dimension.at(place))
            }
            Self::Choice(rows) => pick(&rows[kernel], generator.random()) as f64,
        }
    }

    /// Adds the logarithm of each kernel's density at a place.
    fn add_logs(&self, place: f64, logs: &mut [f64]) {
        match self {
            Self::Range(normals) => {
                for (log, normal) in logs.iter_mut().zip(normals) {
                    *log += normal.log_density(place);
                }
            }
            Self::Cells(cells) => {
                for (log, own) in logs.iter_mut().zip(cells.logs(place).iter()) {
                    *log += own;
                }
            }
            Self::Choice(rows) => {
                for (log, row) in logs.iter_mut().zip(rows) {
                    let own = row.iter().zip(0_u32..).find(|(_, at)| is_at(place, f64::from(*at)));
                    *log += own.map_or(f64::NEG_INFINITY, |(probability, _)| probability.ln());
                }
            }
        }
    }
}

impl Cells {
    /// Gives the logarithm of each kernel's probability of the cell around a place.
    fn logs(&self, place: f64) -> Rc<[f64]> {
        let mut known = self.known.borrow_mut();
        let logs = known.entry(place.to_bits()).or_insert_with(|| {
            let (from, to) = self.dimension.cell(place);
            self.normals.iter().map(|normal| normal.log_mass(from, to)).collect()
        });
        Rc::clone(logs)
    }
}

/// Gives what each observation weighs by its age, the oldest first.
fn recency(count: usize) -> Vec<f64> {
    let old = count.saturating_sub(FLAT);
    let least = 1.0 / count.max(1) as f64;
    let step = (1.0 - least) / old.saturating_sub(1).max(1) as f64;
    let ramp = (0..old).map(|age| least + step * age as f64);
    ramp.chain(std::iter::repeat_n(1.0, count - old)).collect()
}

/// Makes the probabilities of choices: mostly the observed one, the rest spread evenly.
fn choices(places: &[f64], count: usize) -> Vec<Vec<f64>> {
    let spread = 1.0 / (places.len() + 1) as f64;
    let sum = 1.0 + spread * count as f64;
    let row = |place: &f64| {
        let own = |at: usize| if is_at(*place, at as f64) { 1.0 } else { 0.0 };
        (0..count).map(|at| (own(at) + spread) / sum).collect()
    };
    let even = vec![1.0 / count.max(1) as f64; count];
    places.iter().map(row).chain([even]).collect()
}

/// Tells whether a place is that of a choice.
fn is_at(place: f64, choice: f64) -> bool {
    (place - choice).abs() < 0.5
}

/// Makes a normal distribution an observation, and a wide one in the middle.
fn normals(places: &[f64]) -> Vec<Normal> {
    let least = 1.0 / (places.len() as f64 + 2.0).min(100.0);
    let observed = places.iter().zip(widths(places));
    observed
        .map(|(centre, width)| Normal::new(*centre, width.clamp(least, 1.0)))
        .chain([Normal::new(0.5, 1.0)])
        .collect()
}

/// Gives each place the distance to the farther of its neighbours; the outermost look inwards, a
/// single one to the farther end.
fn widths(places: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<usize> = (0..places.len()).collect();
    sorted.sort_by(|one, other| places[*one].total_cmp(&places[*other]));
    let mut widths = vec![1.0; places.len()];
    for (at, own) in sorted.iter().enumerate() {
        let gap = |other: Option<&usize>| other.map(|other| (places[*own] - places[*other]).abs());
        let before = gap(at.checked_sub(1).and_then(|before| sorted.get(before)));
        let after = gap(sorted.get(at + 1));
        widths[*own] = match (before, after) {
            (Some(before), Some(after)) => before.max(after),
            (Some(gap), None) | (None, Some(gap)) => gap,
            (None, None) => places[*own].max(1.0 - places[*own]),
        };
    }
    widths
}

/// Gives the first of some weights, which sum to one, at which their sum passes a number.
fn pick(weights: &[f64], number: f64) -> usize {
    let mut sum = 0.0;
    let passes = |weight: &f64| {
        sum += weight;
        number < sum
    };
    weights.iter().position(passes).unwrap_or(weights.len().saturating_sub(1))
}

impl Normal {
    fn new(centre: f64, width: f64) -> Self {
        let below = normal::below(-centre / width);
        let inside = normal::below((1.0 - centre) / width) - below;
        let height = -(std::f64::consts::TAU.sqrt() * width * inside).ln();
        Self { centre, width, below, inside, height }
    }

    /// Gives the place below which a share of the distribution lies.
    fn at(&self, share: f64) -> f64 {
        let place = self.centre + self.width * normal::quantile(self.below + share * self.inside);
        place.clamp(0.0, 1.0)
    }

    fn log_density(&self, place: f64) -> f64 {
        let z = (place - self.centre) / self.width;
        self.height - 0.5 * z * z
    }

    fn log_mass(&self, from: f64, to: f64) -> f64 {
        let z = |place: f64| (place - self.centre) / self.width;
        (normal::between(z(from), z(to)) / self.inside).ln()
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::params::Setting;

    fn space() -> Vec<Dimension> {
        let word = |text: &&str| Setting::Word((*text).to_owned());
        vec![
            Dimension::Float { low: 1e-4, high: 1.0, log: true },
            Dimension::Int { low: 2, high: 40, log: true },
            Dimension::Choice(["x", "y", "z"].iter().map(word).collect()),
            Dimension::Float { low: -1.0, high: 2.0, log: false },
            Dimension::Int { low: -20, high: 20, log: false },
        ]
    }

    /// Gives the place of a point; its choice stands as a number.
    fn place(space: &[Dimension], point: (f64, i64, f64, f64, i64)) -> Vec<f64> {
        let values = [
            Setting::Float(point.0),
            Setting::Int(point.1),
            Setting::Null,
            Setting::Float(point.3),
            Setting::Int(point.4),
        ];
        let mut places: Vec<f64> =
            space.iter().zip(&values).map(|(own, value)| own.place(value)).collect();
        places[2] = point.2;
        places
    }

    /// The points of which the expected numbers below were made too.
    fn points(space: &[Dimension]) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
        let good = [(0.01, 7, 1.0, 0.5, 0), (0.05, 9, 1.0, 1.0, 2)];
        let bad = (0..30_i64).map(|i| {
            let share = |by: i64| ((i * by) % 31) as f64 / 30.0;
            let power = 10_f64.powf(4.0 * share(7) - 4.0);
            let own = 3.0 * share(13) - 1.0;
            (power, 2 + (i * 11) % 39, (i % 3) as f64, own, (i * 9) % 31 - 15)
        });
        let good = good.into_iter().map(|point| place(space, point)).collect();
        (good, bad.map(|point| place(space, point)).collect())
    }

    /// Gives what a point promises: the logarithm of the ratio of both densities.
    fn gain(dimensions: &[usize], point: (f64, i64, f64, f64, i64)) -> f64 {
        let space = space();
        let (good, bad) = points(&space);
        let place = place(&space, point);
        let own: Vec<f64> = dimensions.iter().map(|dimension| place[*dimension]).collect();
        let density =
            |points: &[Vec<f64>]| Parzen::of(&space, dimensions, points).log_density(&own);
        density(&good) - density(&bad)
    }

    #[test]
    fn densities_agree_with_optuna() {
        // `_ParzenEstimator.log_pdf` of Optuna 5.0.0, that of the good minus that of the bad.
        let together = [
            ((0.02, 8, 1.0, 0.7, 1), 5.500_850_429_030_859),
            ((0.9, 40, 0.0, -1.0, -20), 2.257_467_790_020_133),
            ((1e-4, 2, 2.0, 2.0, 3), 2.288_794_384_937_956_4),
        ];
        for (point, expected) in together {
            let own = gain(&[0, 1, 2, 3, 4], point);
            assert!((own - expected).abs() < 1e-9, "{point:?}: {own}");
        }
        let alone = [
            0.269_519_230_535_901_77,
            0.949_949_414_070_426_1,
            0.503_146_386_920_506_8,
            0.722_495_703_437_908_7,
            0.027_822_456_535_022_244,
        ];
        for (dimension, expected) in alone.into_iter().enumerate() {
            let own = gain(&[dimension], (0.02, 8, 1.0, 0.7, 1));
            assert!((own - expected).abs() < 1e-9, "{dimension}: {own}");
        }
    }

    #[test]
    fn draws_follow_the_density() {
        let space = space();
        let (good, _) = points(&space);
        let parzen = Parzen::of(&space, &[4], &good);
        let mut generator = Pcg64::seed_from_u64(1);
        let mut counts = [0.0; 41];
        for _ in 0..20_000 {
            let draw = parzen.draw(&mut generator);
            counts[(draw[0] * 41.0) as usize] += 1.0 / 20_000.0;
        }
        let mut sum = 0.0;
        for (number, share) in (-20_i64..).zip(counts) {
            let probability = parzen.log_density(&[space[4].place(&Setting::Int(number))]).exp();
            // Five standard errors of a share of a half are 0.018.
            assert!((share - probability).abs() < 0.018, "{number}: {share}, not {probability}");
            sum += probability;
        }
        assert!((sum - 1.0).abs() < 1e-12);
    }

    #[test]
    fn old_observations_weigh_less() {
        assert_eq!(recency(3), [1.0; 3]);
        let many = recency(45);
        assert!((many[0] - 1.0 / 45.0).abs() < 1e-15 && (many[19] - 1.0).abs() < 1e-15);
        assert!(many.windows(2).all(|pair| pair[0] <= pair[1] + 1e-15));
        assert!((recency(26)[0] - 1.0 / 26.0).abs() < 1e-15);
    }

    #[test]
    fn the_ends_of_the_world_are_no_danger() {
        let odd = [
            Dimension::Int { low: i64::MIN, high: i64::MAX, log: false },
            Dimension::Int { low: 1, high: i64::MAX, log: true },
            Dimension::Int { low: 5, high: 5, log: false },
            Dimension::Float { low: 2.0, high: 2.0, log: true },
            Dimension::Float { low: -1e308, high: 1e308, log: false },
            Dimension::Float { low: 5e-324, high: 1e308, log: true },
        ];
        let all: Vec<usize> = (0..odd.len()).collect();
        let mut generator = Pcg64::seed_from_u64(1);
        let mut seen: Vec<Vec<f64>> = Vec::new();
        for _ in 0..60 {
            let parzen = Parzen::of(&odd, &all, &seen);
            let point = parzen.draw(&mut generator);
            assert!(point.iter().all(|place| (0.0..=1.0).contains(place)), "{point:?}");
            assert!(!parzen.log_density(&point).is_nan());
            let values = odd.iter().zip(&point).map(|(own, place)| own.at(*place));
            seen.push(odd.iter().zip(values).map(|(own, value)| own.place(&value)).collect());
        }
    }
}
