//! Intervals of scores: between which values a score lies that was measured on some rows.
//!
//! All are of 95 %. Each says what it is made from and where it comes from; a score that none of them
//! fits has no interval.

use super::special::{normal, student};
use super::steps::statistics::{moments, total};

/// How often an interval misses.
const MISSED: f64 = 0.05;

/// Two ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// Gives the interval of a share, such as an accuracy, from `hits` among `count` rows.
///
/// Wilson's score interval (J. Am. Stat. Assoc. 22, 1927). None without rows.
#[must_use]
pub fn of_share(hits: f64, count: f64) -> Option<Interval> {
    if !(count >= 1.0 && (0.0..=count).contains(&hits)) {
        return None;
    }
    let z = normal::quantile(1.0 - MISSED / 2.0);
    let (share, square) = (hits / count, z * z / count);
    let middle = (share + square / 2.0) / (1.0 + square);
    let half = z / (1.0 + square) * (share * (1.0 - share) / count + square / (4.0 * count)).sqrt();
    // With all or no hits the end is exact, but for rounding.
    let low = if hits == 0.0 { 0.0 } else { middle - half };
    let high = if hits == count { 1.0 } else { middle + half };
    Some(Interval { low, high })
}

/// Gives the interval of the area under a ROC curve, and the area.
///
/// The points are `(false positive rate, true positive rate)` from (0, 0) to (1, 1); the curve was drawn
/// from so many positive and negative rows. The variance is that of DeLong, DeLong and
/// Clarke-Pearson (Biometrics 44, 1988), and the interval is made of the area's logit, so that it
/// stays between 0 and 1. None for an area of 0 or 1, or fewer than two rows of a class.
#[must_use]
pub fn of_area(points: &[(f64, f64)], positives: f64, negatives: f64) -> Option<(f64, Interval)> {
    let steps = || {
        points.windows(2).map(|pair| {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            // The share of the positives and of the negatives that the step takes in, and what part
            // of the other class lies beyond, ties counting half.
            (y1 - y0, 1.0 - f64::midpoint(x0, x1), x1 - x0, f64::midpoint(y0, y1))
        })
    };
    let area = total(steps().map(|(share, below, ..)| share * below));
    if !(area > 0.0 && area < 1.0 && positives >= 2.0 && negatives >= 2.0) {
        return None;
    }
    let of_positives =
        total(steps().map(|(share, below, ..)| share * (below - area) * (below - area)));
    let of_negatives =
        total(steps().map(|(_, _, share, above)| share * (above - area) * (above - area)));
    let variance = of_positives / (positives - 1.0) + of_negatives / (negatives - 1.0);
    let logit = (area / (1.0 - area)).ln();
    let half = normal::quantile(1.0 - MISSED / 2.0) * variance.sqrt() / (area * (1.0 - area));
    let back = |logit: f64| 1.0 / (1.0 + (-logit).exp());
    Some((area, Interval { low: back(logit - half), high: back(logit + half) }))
}

/// Gives the interval of a mean over folds; `tested` is how many rows a fold judges for each row that
/// it learns from.
///
/// Folds share training rows, which a plain t interval doesn't know; Nadeau and Bengio's variance
/// (Machine Learning 52, 2003) allows for that. None for fewer than two scores.
#[must_use]
pub fn of_folds(scores: &[f64], tested: f64) -> Option<Interval> {
    if scores.len() < 2 || !(tested.is_finite() && scores.iter().all(|score| score.is_finite())) {
        return None;
    }
    let count = scores.len() as f64;
    let own = moments(scores, None);
    let variance = own.variance * count / (count - 1.0) * (1.0 / count + tested);
    let half = student::two_sided_quantile(MISSED, count - 1.0) * variance.sqrt();
    Some(Interval { low: own.mean - half, high: own.mean + half })
}

/// Gives the interval of any score that changes smoothly with its rows: `without` holds the score
/// without each of several equal parts of the rows.
///
/// The delete-a-group jackknife (Kott, J. Official Statistics 17, 2001), with Student's t of one degree
/// less than there are parts. None for fewer than two parts, or where a score is no number.
#[must_use]
pub fn of_parts(score: f64, without: &[f64]) -> Option<Interval> {
    if without.len() < 2 || !(score.is_finite() && without.iter().all(|own| own.is_finite())) {
        return None;
    }
    let count = without.len() as f64;
    let variance = moments(without, None).variance * (count - 1.0);
    let half = student::two_sided_quantile(MISSED, count - 1.0) * variance.sqrt();
    Some(Interval { low: score - half, high: score + half })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounded(interval: Option<Interval>) -> Option<(f64, f64)> {
        let round = |value: f64| (value * 1e6).round() / 1e6;
        interval.map(|own| (round(own.low), round(own.high)))
    }

    /// scipy's `binomtest(hits, count).proportion_ci(method="wilson")`.
    #[test]
    fn shares_agree_with_scipy() {
        assert_eq!(rounded(of_share(0.0, 10.0)), Some((0.0, 0.277_533)));
        assert_eq!(rounded(of_share(8.0, 10.0)), Some((0.490_162, 0.943_318)));
        assert_eq!(rounded(of_share(170.0, 209.0)), Some((0.755_096, 0.860_385)));
        assert_eq!(of_share(1.0, 0.0), None);
        assert_eq!(of_share(f64::NAN, 5.0), None);
    }

    /// Against DeLong's variance written out pair by pair in NumPy, ties included.
    #[test]
    fn an_area_has_the_variance_of_its_rows() {
        // Scores 0.1 0.4 0.4 0.35 of negatives, 0.4 0.8 0.9 0.3 of positives.
        let points = [
            (0.0, 0.0),
            (0.0, 0.25),
            (0.0, 0.5),
            (0.5, 0.75),
            (0.75, 0.75),
            (0.75, 1.0),
            (1.0, 1.0),
        ];
        let (area, interval) = of_area(&points, 4.0, 4.0).unwrap();
        assert_eq!(area, 0.75);
        assert_eq!(rounded(Some(interval)), Some((0.275_405, 0.959_480)));
        assert_eq!(of_area(&[(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)], 4.0, 4.0), None);
    }

    /// With a row a part, the jackknife of a mean is its t interval: SciPy's
    /// `t.interval(0.95, 4, loc=mean, scale=sem)` of 1, 2, 4, 7 and 11.
    #[test]
    fn a_mean_without_each_row_has_its_t_interval() {
        let values = [1.0, 2.0, 4.0, 7.0, 11.0];
        let all: f64 = values.iter().sum();
        let without: Vec<f64> = values.iter().map(|own| (all - own) / 4.0).collect();
        assert_eq!(rounded(of_parts(5.0, &without)), Some((-0.043_663, 10.043_663)));
        assert_eq!(of_parts(5.0, &without[..1]), None);
        assert_eq!(of_parts(5.0, &[1.0, f64::NAN]), None);
    }

    #[test]
    fn folds_that_share_rows_tell_less_than_their_number() {
        // t(0.975, 4) = 2.776445, sd 0.02 (ddof 1), sqrt(1/5 + 1/4) = 0.670820.
        let scores = [0.80, 0.82, 0.84, 0.80, 0.84];
        assert_eq!(rounded(of_folds(&scores, 0.25)), Some((0.782_750, 0.857_250)));
        assert_eq!(of_folds(&[0.5], 0.25), None);
        assert_eq!(of_folds(&[0.5, f64::NAN], 0.25), None);
    }
}
