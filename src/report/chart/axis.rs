//! An axis: from numbers to places, with ticks at round numbers.

use crate::report::figures;

/// How many ticks an axis has at most, about.
const TICKS: f64 = 5.0;

/// An axis.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::report) struct Axis {
    /// What it shows.
    pub(in crate::report) label: String,
    low: f64,
    high: f64,
    log: bool,
}

impl Axis {
    /// Spans some numbers, with a little room on both sides; of none it spans 0 to 1.
    pub(in crate::report) fn over(label: &str, values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = ends(values);
        let room = match high - low {
            0.0 => (low.abs() * 0.05).max(1e-9),
            width => width * 0.04,
        };
        Self { label: label.to_owned(), low: low - room, high: high + room, log: false }
    }

    /// Spans exactly from one number to another.
    pub(in crate::report) fn from_to(label: &str, low: f64, high: f64) -> Self {
        Self { label: label.to_owned(), low, high, log: false }
    }

    /// Spans shares: 0 to 1.
    pub(in crate::report) fn share(label: &str) -> Self {
        Self { label: label.to_owned(), low: 0.0, high: 1.0, log: false }
    }

    /// Spans some numbers by their size; as [`Self::over`] if some are not above 0.
    pub(in crate::report) fn log(
        label: &str,
        values: impl IntoIterator<Item = f64> + Clone,
    ) -> Self {
        let (low, high) = ends(values.clone());
        if low <= 0.0 || low == high {
            return Self::over(label, values);
        }
        let room = (high / low).powf(0.03);
        Self { label: label.to_owned(), low: low / room, high: high * room, log: true }
    }

    /// Gives the lower end.
    pub(in crate::report) const fn low(&self) -> f64 {
        self.low
    }

    /// Gives the upper end.
    pub(in crate::report) const fn high(&self) -> f64 {
        self.high
    }

    /// Gives the place of a number, from 0 to 1.
    pub(in crate::report) fn place(&self, value: f64) -> f64 {
        let at = |value: f64| if self.log { value.max(f64::MIN_POSITIVE).ln() } else { value };
        let share = (at(value) - at(self.low)) / (at(self.high) - at(self.low));
        if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.5 }
    }

    /// Gives round numbers along the axis, each as it is written.
    pub(in crate::report) fn ticks(&self) -> Vec<(f64, String)> {
        let values = if self.log { self.powers() } else { self.steps() };
        let texts = if self.log {
            values.iter().map(|value| figures::plain(*value)).collect()
        } else {
            figures::ticks(&values)
        };
        values.into_iter().zip(texts).collect()
    }

    fn steps(&self) -> Vec<f64> {
        let width = self.high - self.low;
        if !(width.is_finite() && width > 0.0) {
            return Vec::new();
        }
        let rough = width / TICKS;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0]
            .into_iter()
            .map(|factor| factor * power)
            .find(|step| *step >= rough * 0.999)
            .unwrap_or(10.0 * power);
        let first = (self.low / step - 1e-9).ceil();
        let last = (self.high / step + 1e-9).floor();
        let count = (last - first + 1.0).clamp(0.0, 20.0) as u32;
        (0..count).map(|at| (first + f64::from(at)) * step).collect()
    }

    fn powers(&self) -> Vec<f64> {
        let (low, high) = (self.low.log10().ceil() as i32, self.high.log10().floor() as i32);
        let every = ((high - low) / 5 + 1).max(1) as usize;
        let powers: Vec<f64> =
            (low..=high).step_by(every).map(|power| 10_f64.powi(power)).collect();
        if powers.len() > 1 {
            return powers;
        }
        // Less than two powers of ten: numbers in between.
        let between = (low - 1..=high).flat_map(|power| {
            [1.0, 2.0, 5.0].into_iter().map(move |factor| factor * 10_f64.powi(power))
        });
        between.filter(|value| (self.low..=self.high).contains(value)).collect()
    }
}

/// Gives the least and the greatest of the finite numbers; 0 and 1 of none.
fn ends(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let finite = values.into_iter().filter(|value| value.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if low <= high { (low, high) } else { (0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::Axis;

    fn shown(axis: &Axis) -> Vec<String> {
        axis.ticks().into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(shown(&Axis::share("x")), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(shown(&Axis::over("x", [3.0, 1180.0])), ["0", "500", "1,000"]);
        assert_eq!(shown(&Axis::log("x", [0.02, 0.29])), ["0.02", "0.05", "0.1", "0.2"]);
        assert_eq!(shown(&Axis::log("x", [1e-4, 10.0])), ["0.0001", "0.01", "1"]);
    }

    #[test]
    fn no_numbers_break_an_axis() {
        for values in [vec![], vec![f64::NAN], vec![5.0], vec![1e308, -1e308], vec![f64::INFINITY]]
        {
            for axis in [Axis::over("x", values.clone()), Axis::log("x", values)] {
                assert!(axis.ticks().len() <= 20);
                assert!((0.0..=1.0).contains(&axis.place(7.0)));
                assert!((0.0..=1.0).contains(&axis.place(f64::NAN)));
            }
        }
    }
}
