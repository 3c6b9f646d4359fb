//! Where a network is trained: the processor, or a device of candle's.

use crate::params;
use crate::params::Declared;

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

impl Device {
    /// Says that this program can't use the device.
    pub(super) fn missing(self) -> String {
        let word = self.to_setting().spoken();
        format!(
            "this `mlp` is built without `{word}`; use `device: cpu`, or build it with `--features {word}`"
        )
    }
}
