//! Special functions and the distributions made of them: what p-values and intervals are read from.
//!
//! Pure functions of numbers; knows no data. Every upper tail is computed as such, never as one
//! minus the lower one, so that tiny probabilities keep their digits: against scipy to 1 part in
//! 10¹² (see the fixture), down to where they vanish below 10⁻³⁰⁰.

mod beta;
mod chi_squared;
mod digamma;
mod gamma;
pub mod normal;
pub mod student;

pub use chi_squared::upper_tail as chi_squared_upper_tail;
pub use digamma::digamma;
pub use gamma::ln_gamma;

#[cfg(test)]
mod scipy;
