//! Where a network is trained: the processor, or a device of candle's.

use crate::params;

params! {
    /// Where a network is trained.
    pub(crate) enum Device {
        /// The processor.
        Cpu = "cpu",
        /// A graphics card of NVIDIA's; `mlp` must be built with the feature `cuda`.
        Cuda = "cuda",
        /// The graphics of a Mac; `mlp` must be built with the feature `metal`.
        Metal = "metal",
    }
}
