//! Where a network is trained: the processor; other devices are words that are not built yet.

use crate::params;
use crate::params::Declared;

params! {
    /// Where a network is trained.
    pub(crate) enum Device {
        /// The processor.
        Cpu = "cpu",
        /// A graphics card of NVIDIA's; not built yet.
        Cuda = "cuda",
        /// The graphics of a Mac; not built yet.
        Metal = "metal",
    }
}

impl Device {
    /// Says that this program can't use the device.
    pub(super) fn missing(self) -> String {
        let word = self.to_setting().spoken();
        format!("training on `{word}` is not built yet; use `device: cpu`")
    }
}
