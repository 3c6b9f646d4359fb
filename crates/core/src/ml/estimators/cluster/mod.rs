//! Finding groups without a target.

mod k_means;
mod lloyd;

pub(super) use k_means::KMeans;
