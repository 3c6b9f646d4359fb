//! The registry of rules for ending a training early.

use super::words::{Made, Makes, Word};
use crate::params;
use crate::params::Limits;

/// Every registered rule, in the order in which the docs list them.
pub(super) static STOPPINGS: &[&dyn Made<Patience>] = &[&Word::<Patience>::new()];

params! {
    /// Ends the training when the loss of the watched rows has not fallen for some epochs, and keeps
    /// the weights of the best one.
    ///
    /// The rows that are watched are those given as `validation`, else some that are held out.
    pub(super) struct Patience("patience", 1) {
        /// How many epochs without progress end the training.
        epochs: u64 = 5 => Limits::at_least(1.0),
        /// By how much the loss must fall to count as progress.
        min_delta: f64 = 0.0 => Limits::at_least(0.0),
    }
}

impl Makes<Patience> for Patience {
    #[expect(clippy::use_self, reason = "the registry is compared by the name")]
    fn make(self) -> Patience {
        self
    }
}
