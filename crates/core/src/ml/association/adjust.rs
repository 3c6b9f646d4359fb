//! Corrections for looking at many pairs at once.

/// Adjusts p-values so that those below a level hold at most that share of false finds (Benjamini and
/// Hochberg, J. R. Stat. Soc. B 57, 1995); NaN stays NaN and counts for nothing.
#[must_use]
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).filter(|at| !p[*at].is_nan()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let count = order.len() as f64;
    let mut adjusted = vec![f64::NAN; p.len()];
    let mut least: f64 = 1.0;
    for (rank, at) in order.iter().enumerate().rev() {
        least = least.min(p[*at] * count / (rank + 1) as f64);
        adjusted[*at] = least;
    }
    adjusted
}
