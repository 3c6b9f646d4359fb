//! Metrics of groups by the rows' columns: how tight they are, and how far apart.

use rayon::prelude::*;

use super::scorer::{Scorer, groups, undefined};
use crate::ml::estimator::Prediction;
use crate::ml::metric::Direction::{Maximize, Minimize};
use crate::ml::metric::{Judged, MetricError};
use crate::params;

params! {
    /// How far two rows are apart.
    pub(super) enum Metric {
        /// The straight line.
        Euclidean = "euclidean",
        /// The sum of the differences of all columns.
        Manhattan = "manhattan",
    }
}

params! {
    /// How much nearer rows are to their own group than to the next one, from −1 to 1.
    ///
    /// Rousseeuw, J. Comput. Appl. Math. 20 (1987); a group of one row counts 0. Looks at every pair
    /// of rows. As scikit-learn's `silhouette_score`.
    pub(super) struct Silhouette("silhouette", 0) {
        /// How far two rows are apart.
        metric: Metric = Metric::Euclidean,
    }
}

params! {
    /// How alike each group is to the one most like it: 0 and up, smaller is better.
    ///
    /// Davies and Bouldin, IEEE PAMI 1 (1979). As scikit-learn's `davies_bouldin_score`.
    pub(super) struct DaviesBouldin("davies_bouldin", 0) {}
}

params! {
    /// Spread between groups over spread within, each by its degrees of freedom.
    ///
    /// Calinski and Harabasz, Commun. Stat. 3 (1974). As scikit-learn's `calinski_harabasz_score`.
    pub(super) struct CalinskiHarabasz("calinski_harabasz", 0) {}
}

/// `silhouette`.
pub(super) static SILHOUETTE: Scorer<Silhouette> =
    Scorer::new(groups(Maximize), |params, judged| {
        let points = Points::of(judged)?;
        let widths = silhouettes(&points, params.metric);
        Ok(widths.iter().sum::<f64>() / widths.len() as f64)
    });

/// Gives each row's own silhouette.
#[cfg(test)]
pub(super) fn silhouette_samples(judged: &Judged<'_>) -> Result<Vec<f64>, MetricError> {
    Ok(silhouettes(&Points::of(judged)?, Metric::Euclidean))
}

/// `davies_bouldin`.
pub(super) static DAVIES_BOULDIN: Scorer<DaviesBouldin> =
    Scorer::new(groups(Minimize), |_, judged| Ok(davies_bouldin(&Points::of(judged)?)));

/// `calinski_harabasz`.
pub(super) static CALINSKI_HARABASZ: Scorer<CalinskiHarabasz> =
    Scorer::new(groups(Maximize), |_, judged| Ok(calinski_harabasz(&Points::of(judged)?)));

/// Rows and their groups.
struct Points {
    /// Row by row.
    values: Vec<f64>,
    width: usize,
    /// The group of a row, counted from 0.
    group: Vec<usize>,
    /// The rows of each group.
    sizes: Vec<usize>,
}

impl Points {
    fn of(judged: &Judged<'_>) -> Result<Self, MetricError> {
        let Prediction::Clusters(said) = judged.prediction else {
            return Err(undefined("it judges groups, but the prediction holds none"));
        };
        let Some(features) = judged.features else {
            return Err(undefined("it looks at the columns, but there are none to look at"));
        };
        if judged.weights.is_some() {
            return Err(undefined("it takes no weights"));
        }
        if features.rows() != said.len() {
            return Err(undefined(format!(
                "there are {} rows but {} predictions",
                features.rows(),
                said.len()
            )));
        }
        let mut columns = Vec::with_capacity(features.width());
        for (name, column) in features.iter() {
            let values =
                column.numbers().filter(|values| values.iter().all(|value| value.is_finite()));
            columns.push(values.ok_or_else(|| {
                undefined(format!("the column `{name}` holds other than finite numbers"))
            })?);
        }
        let (group, sizes) = numbered(said);
        if sizes.len() < 2 || sizes.len() >= said.len() {
            return Err(undefined(format!(
                "there are {} groups of {} rows; it needs 2 at least, and fewer than rows",
                sizes.len(),
                said.len()
            )));
        }
        let rows = 0..said.len();
        let values = rows.flat_map(|row| columns.iter().map(move |column| column[row])).collect();
        Ok(Self { values, width: columns.len(), group, sizes })
    }

    fn rows(&self) -> usize {
        self.group.len()
    }

    fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.width..][..self.width]
    }

    /// Gives the mean of each group.
    fn means(&self) -> Vec<Vec<f64>> {
        let mut means = vec![vec![0.0; self.width]; self.sizes.len()];
        for (row, group) in self.group.iter().enumerate() {
            means[*group].iter_mut().zip(self.row(row)).for_each(|(sum, value)| *sum += value);
        }
        for (mean, size) in means.iter_mut().zip(&self.sizes) {
            mean.iter_mut().for_each(|sum| *sum /= *size as f64);
        }
        means
    }
}

/// Numbers groups from 0 in their order, and counts their rows.
pub(super) fn numbered(groups: &[i64]) -> (Vec<usize>, Vec<usize>) {
    let mut distinct = groups.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let number: Vec<usize> =
        groups.iter().map(|group| distinct.partition_point(|other| other < group)).collect();
    let mut sizes = vec![0; distinct.len()];
    number.iter().for_each(|group| sizes[*group] += 1);
    (number, sizes)
}

fn squared(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| (left - right) * (left - right)).sum()
}

fn silhouettes(points: &Points, metric: Metric) -> Vec<f64> {
    let distance = |left: &[f64], right: &[f64]| match metric {
        Metric::Euclidean => squared(left, right).sqrt(),
        Metric::Manhattan => left.iter().zip(right).map(|(left, right)| (left - right).abs()).sum(),
    };
    let of_row = |row: usize| {
        let mut sums = vec![0.0; points.sizes.len()];
        for other in 0..points.rows() {
            sums[points.group[other]] += distance(points.row(row), points.row(other));
        }
        let own = points.group[row];
        if points.sizes[own] == 1 {
            return 0.0;
        }
        let within = sums[own] / (points.sizes[own] - 1) as f64;
        let others = (0..sums.len()).filter(|group| *group != own);
        let next = others
            .map(|group| sums[group] / points.sizes[group] as f64)
            .fold(f64::INFINITY, f64::min);
        let most = within.max(next);
        if most > 0.0 { (next - within) / most } else { 0.0 }
    };
    (0..points.rows()).into_par_iter().map(of_row).collect()
}

fn davies_bouldin(points: &Points) -> f64 {
    let means = points.means();
    let count = means.len();
    let mut within = vec![0.0; count];
    for (row, group) in points.group.iter().enumerate() {
        within[*group] += squared(points.row(row), &means[*group]).sqrt();
    }
    within.iter_mut().zip(&points.sizes).for_each(|(sum, size)| *sum /= *size as f64);
    let apart = |left: usize, right: usize| squared(&means[left], &means[right]).sqrt();
    let pairs = || (0..count).flat_map(|left| (0..left).map(move |right| (left, right)));
    // As numpy's `isclose` has it.
    let nothing = 1e-8;
    if within.iter().all(|spread| *spread <= nothing)
        || pairs().all(|(left, right)| apart(left, right) <= nothing)
    {
        return 0.0;
    }
    let worst = |own: usize| {
        let others = (0..count).filter(|other| *other != own);
        others
            .map(|other| match apart(own, other) {
                0.0 => 0.0,
                distance => (within[own] + within[other]) / distance,
            })
            .fold(0.0, f64::max)
    };
    (0..count).map(worst).sum::<f64>() / count as f64
}

fn calinski_harabasz(points: &Points) -> f64 {
    let (means, rows, count) = (points.means(), points.rows() as f64, points.sizes.len() as f64);
    let mut centre = vec![0.0; points.width];
    for row in 0..points.rows() {
        centre.iter_mut().zip(points.row(row)).for_each(|(sum, value)| *sum += value);
    }
    centre.iter_mut().for_each(|sum| *sum /= rows);
    let between: f64 = means
        .iter()
        .zip(&points.sizes)
        .map(|(mean, size)| *size as f64 * squared(mean, &centre))
        .sum();
    let members = points.group.iter().enumerate();
    let within: f64 = members.map(|(row, group)| squared(points.row(row), &means[*group])).sum();
    if within == 0.0 { 1.0 } else { between * (rows - count) / (within * (count - 1.0)) }
}
