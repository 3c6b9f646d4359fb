//! Where a network is trained: the processor, or a graphics card that the program is built for.
//!
//! The one place that knows which [`Engine`] computes on which device. The device is a setting like
//! any other, so it is part of the key of a fit: what is learnt differs in its last digits.

use std::fmt;
use std::str::FromStr;

use super::engine::{Changing, Engine, Learnt, Processor};
use super::net::Net;
use crate::ml::estimator::FitError;
use crate::params::{Choice, Declared, Kind, Setting};

/// Where a network is trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Device {
    /// The processor.
    #[default]
    Cpu,
    /// A graphics card of NVIDIA's, counted from 0.
    Cuda(u16),
    /// The graphics of a Mac.
    Metal,
}

impl Declared for Device {
    const KIND: Kind = Kind::Choice(&[
        Choice { word: "cpu", doc: "The processor." },
        Choice { word: "cuda", doc: "The first graphics card of NVIDIA's." },
        Choice { word: "metal", doc: "The graphics of a Mac." },
    ]);

    fn from_setting(setting: &Setting) -> Option<Self> {
        match setting {
            Setting::Word(word) => word.parse().ok(),
            _ => None,
        }
    }

    fn to_setting(&self) -> Setting {
        Setting::Word(self.to_string())
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(0) => f.write_str("cuda"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
            Self::Metal => f.write_str("metal"),
        }
    }
}

impl FromStr for Device {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let card = || text.strip_prefix("cuda:")?.parse().ok().map(Self::Cuda);
        match text {
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            "metal" => Ok(Self::Metal),
            _ => card().ok_or_else(|| "expected `cpu`, `cuda`, `cuda:1` or `metal`".to_owned()),
        }
    }
}

impl Device {
    /// Says what keeps this program from using it, and what to do.
    #[must_use]
    pub fn missing(self) -> Option<String> {
        let (built, feature) = match self {
            Self::Cpu => return None,
            Self::Cuda(_) => (cfg!(feature = "cuda"), "cuda"),
            Self::Metal => (cfg!(feature = "metal"), "metal"),
        };
        (!built).then(|| {
            format!(
                "this mlp is built without `{feature}`; build it with `cargo build --release --features {feature}`, or train on `cpu`"
            )
        })
    }

    /// Gives what computes the steps of a training.
    ///
    /// # Errors
    /// The program isn't built for the device, or the device isn't there.
    pub(super) fn engine<'n>(
        self,
        net: &'n Net,
        learnt: Learnt,
        changing: Changing,
    ) -> Result<Box<dyn Engine + 'n>, FitError> {
        match (self, self.missing()) {
            (Self::Cpu, _) => Ok(Box::new(Processor::new(net, learnt, changing))),
            (_, Some(missing)) => Err(FitError::Other(missing)),
            (other, None) => other.card(net, learnt, changing),
        }
    }

    #[cfg(feature = "candle")]
    fn card<'n>(
        self,
        net: &'n Net,
        learnt: Learnt,
        changing: Changing,
    ) -> Result<Box<dyn Engine + 'n>, FitError> {
        let device = super::card::open(self)?;
        Ok(Box::new(super::card::Card::new(net, &learnt, changing, device)?))
    }

    /// Never called: without the feature every other device is missing.
    #[cfg(not(feature = "candle"))]
    fn card<'n>(
        self,
        _: &'n Net,
        _: Learnt,
        _: Changing,
    ) -> Result<Box<dyn Engine + 'n>, FitError> {
        Err(FitError::Other(format!("this mlp knows no device `{self}`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_read_as_they_are_written() {
        for (text, device) in [
            ("cpu", Device::Cpu),
            ("cuda", Device::Cuda(0)),
            ("cuda:3", Device::Cuda(3)),
            ("metal", Device::Metal),
        ] {
            assert_eq!(text.parse(), Ok(device));
            assert_eq!(device.to_string(), text);
            assert_eq!(Device::from_setting(&device.to_setting()), Some(device));
        }
        // The first card is one device, however it is written.
        assert_eq!("cuda:0".parse(), Ok(Device::Cuda(0)));
        for text in ["", "gpu", "cuda:", "cuda:-1", "cuda:70000", "CUDA", "cpu:0"] {
            assert!(text.parse::<Device>().is_err(), "{text}");
        }
    }

    #[test]
    #[cfg(not(any(feature = "cuda", feature = "metal")))]
    fn a_device_that_is_not_built_says_how_to_build_it() {
        assert_eq!(Device::Cpu.missing(), None);
        for device in [Device::Cuda(1), Device::Metal] {
            let said = device.missing().unwrap();
            let word = if device == Device::Metal { "metal" } else { "cuda" };
            assert!(said.contains(&format!("--features {word}")), "{said}");
        }
    }
}
