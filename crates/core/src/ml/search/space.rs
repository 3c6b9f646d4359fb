//! What searches ask of a space: how many points it has, which one has a number, one by chance.

use rand::RngExt;
use rand_pcg::Pcg64;

use super::Dimension;
use crate::params::Setting;

impl Dimension {
    /// Counts the values; none where there are infinitely many.
    pub(super) fn count(&self) -> Option<u64> {
        match self {
            Self::Int { low, high, .. } => Some(high.abs_diff(*low).saturating_add(1)),
            Self::Float { low, high, .. } => (low >= high).then_some(1),
            Self::Choice(values) => Some(values.len() as u64),
        }
    }

    /// Gives the value with a number, counted from 0; there must be so many.
    pub(super) fn value(&self, index: u64) -> Setting {
        match self {
            Self::Int { low, .. } => Setting::Int(low.saturating_add_unsigned(index)),
            Self::Float { low, .. } => Setting::Float(*low),
            Self::Choice(values) => {
                let place = usize::try_from(index).unwrap_or(usize::MAX);
                values.get(place).cloned().unwrap_or(Setting::Null)
            }
        }
    }

    /// Draws a value evenly, on the logarithmic scale where the dimension says so.
    pub(super) fn draw(&self, generator: &mut Pcg64) -> Setting {
        match self {
            Self::Int { low, high, log: false } => {
                Setting::Int(generator.random_range(*low..=*high))
            }
            Self::Int { .. } | Self::Float { .. } => self.at(generator.random::<f64>()),
            Self::Choice(values) => {
                self.value(generator.random_range(0..values.len().max(1) as u64))
            }
        }
    }

    /// Gives the value at a place: between 0 and 1 of a range, on its own scale; the number of a
    /// choice.
    ///
    /// Whole numbers on a logarithmic scale take the width that rounding gives them, both ends a
    /// half wider, as Optuna does.
    pub(super) fn at(&self, place: f64) -> Setting {
        match self {
            Self::Int { low, high, log } => {
                let (from, to) = int_ends(*low, *high, *log);
                let value = if *log {
                    (from + place * (to - from)).exp()
                } else {
                    from + place * (to - from)
                };
                #[expect(clippy::cast_possible_truncation, reason = "clamped to whole numbers")]
                let rounded = value.round() as i64;
                Setting::Int(rounded.clamp(*low, *high))
            }
            Self::Float { low, high, log: false } => {
                Setting::Float((low + place * (high - low)).clamp(*low, *high))
            }
            Self::Float { low, high, log: true } => {
                let (from, to) = (low.ln(), high.ln());
                Setting::Float((from + place * (to - from)).exp().clamp(*low, *high))
            }
            Self::Choice(values) => {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a cast of floats stays within the ends"
                )]
                let index = place.round() as u64;
                self.value(index.min((values.len() as u64).saturating_sub(1)))
            }
        }
    }

    /// Gives the number of a value, counted from 0; of those of a range of floats, their bits.
    pub(super) fn index(&self, value: &Setting) -> u64 {
        match (self, value) {
            (Self::Int { low, .. }, Setting::Int(value)) => value.abs_diff(*low),
            (Self::Choice(values), value) => {
                values.iter().position(|own| own == value).unwrap_or(values.len()) as u64
            }
            (_, value) => value.as_f64().map_or(0, f64::to_bits),
        }
    }

    /// Gives the place of a value, from which [`Self::at`] leads back to it.
    pub(super) fn place(&self, value: &Setting) -> f64 {
        match self {
            Self::Choice(_) => self.index(value) as f64,
            Self::Int { low, high, log } => {
                let (from, to) = int_ends(*low, *high, *log);
                let number = value.as_f64().unwrap_or(*low as f64);
                share(if *log { number.ln() } else { number }, from, to)
            }
            Self::Float { low, high, log } => {
                let number = value.as_f64().unwrap_or(*low);
                if *log {
                    share(number.ln(), low.ln(), high.ln())
                } else {
                    share(number, *low, *high)
                }
            }
        }
    }

    /// Gives the places between which a whole number is the nearest to be taken.
    pub(super) fn cell(&self, place: f64) -> (f64, f64) {
        let (Self::Int { low, high, log }, Setting::Int(number)) = (self, self.at(place)) else {
            return (place, place);
        };
        let (from, to) = int_ends(*low, *high, *log);
        let edge = |number: f64| share(if *log { number.ln() } else { number }, from, to);
        (edge(number as f64 - 0.5), edge(number as f64 + 0.5))
    }

    /// Says why the dimension has no values to draw from.
    pub(super) fn flaw(&self) -> Option<String> {
        match self {
            Self::Int { low, high, .. } if low > high => Some(format!(
                "the range {low} .. {high} is empty: its ends are the wrong way round"
            )),
            Self::Float { low, high, .. }
                if !(low.is_finite() && high.is_finite() && low <= high) =>
            {
                Some(format!("the range {low} .. {high} is no finite range from low to high"))
            }
            Self::Int { low, log: true, .. } if *low < 1 => {
                Some(format!("a logarithmic range begins above 0, not at {low}"))
            }
            Self::Float { low, log: true, .. } if *low <= 0.0 => {
                Some(format!("a logarithmic range begins above 0, not at {low}"))
            }
            Self::Choice(values) if values.is_empty() => Some("the list has no values".to_owned()),
            _ => None,
        }
    }
}

/// Gives how far a number lies between two others; the middle of nothing is a half.
fn share(number: f64, from: f64, to: f64) -> f64 {
    let share = (number - from) / (to - from);
    if share.is_nan() { 0.5 } else { share.clamp(0.0, 1.0) }
}

/// Gives the ends of a range of whole numbers, each number with its half on both sides.
fn int_ends(low: i64, high: i64, log: bool) -> (f64, f64) {
    let (from, to) = (low as f64 - 0.5, high as f64 + 0.5);
    if log { (from.ln(), to.ln()) } else { (from, to) }
}

/// Refuses a space with a dimension that has no values.
pub(super) fn check(space: &[Dimension]) -> Result<(), (usize, String)> {
    let flaw = |(index, dimension): (usize, &Dimension)| dimension.flaw().map(|flaw| (index, flaw));
    match space.iter().enumerate().find_map(flaw) {
        Some(flaw) => Err(flaw),
        None => Ok(()),
    }
}

/// Counts the points of a space; none where there are infinitely many.
pub(super) fn count(space: &[Dimension]) -> Option<u64> {
    space
        .iter()
        .try_fold(1_u64, |points, dimension| Some(points.saturating_mul(dimension.count()?)))
}

/// Gives the point with a number, the last dimension changing fastest.
pub(super) fn point(space: &[Dimension], mut index: u64) -> Vec<Setting> {
    let mut values = Vec::with_capacity(space.len());
    for dimension in space.iter().rev() {
        let count = dimension.count().unwrap_or(1).max(1);
        values.push(dimension.value(index % count));
        index /= count;
    }
    values.reverse();
    values
}
