//! Seeds: one derived from another, so that no random choice depends on order or threads.

use rand::SeedableRng;
use rand_pcg::Pcg64;

use crate::data::Hasher;

/// The source of every random choice below some task.
///
/// A seed is a hash of what the language page lists (pipeline or stage seed, purpose, repeat, fold,
/// trial, index inside the estimator); never of a name, a position, a clock or a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed([u8; 32]);

impl Seed {
    /// Makes the seed that a user wrote.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(*Hasher::new().text("mlp seed").update(&seed.to_le_bytes()).finish().as_bytes())
    }

    /// Derives the seed of one task: a purpose, and which one of several.
    #[must_use]
    pub fn derive(&self, purpose: &str, index: u64) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(&self.0).text(purpose).update(&index.to_le_bytes());
        Self(*hasher.finish().as_bytes())
    }

    /// Starts the generator of this task.
    #[must_use]
    pub fn generator(&self) -> Pcg64 {
        Pcg64::from_seed(self.0)
    }

    /// Gives 64 bits of the seed, for keys.
    #[must_use]
    pub fn bits(&self) -> u64 {
        self.0.iter().take(8).fold(0, |bits, byte| (bits << 8) | u64::from(*byte))
    }
}
