//! What stands between a step's declared settings and the registry: binding, saving, loading.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ml::estimator::{BadSetting, LoadError};
use crate::ml::step::{FittedStep, Step, StepKind};
use crate::params::{Args, Params, Signature};

/// Settings that are a step, and what such a step learns.
pub(super) trait Declaration: Params + Step + 'static {
    /// The fitted step.
    type Learnt: Learnt;

    /// See [`StepKind::version`].
    const VERSION: u32 = 1;

    /// Checks rules between the settings.
    fn check(&self) -> Result<(), BadSetting> {
        Ok(())
    }
}

/// A fitted step that can be written and read back.
pub(super) trait Learnt: FittedStep + Serialize + DeserializeOwned + 'static {
    /// Tells whether what was read back can be used: lengths and codes fit together.
    fn sound(&self) -> bool {
        true
    }
}

/// The registered kind of a declaration.
pub(super) struct Kind<P>(PhantomData<fn() -> P>);

impl<P> Kind<P> {
    pub(super) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<P: Declaration> StepKind for Kind<P> {
    fn signature(&self) -> &'static Signature {
        &P::SIGNATURE
    }

    fn version(&self) -> u32 {
        P::VERSION
    }

    fn bind(&self, args: &Args) -> Result<Box<dyn Step>, BadSetting> {
        let misfit = || BadSetting {
            param: P::SIGNATURE.params.first().map_or("", |param| param.name),
            message: format!("these are no settings of `{}`", P::SIGNATURE.name),
        };
        let settings = P::from_args(args).ok_or_else(misfit)?;
        settings.check()?;
        Ok(Box::new(settings))
    }

    fn load(&self, bytes: &[u8]) -> Result<Box<dyn FittedStep>, LoadError> {
        let broken =
            |reason: &str| LoadError { kind: P::SIGNATURE.name, reason: reason.to_owned() };
        let (learnt, rest) = postcard::take_from_bytes::<P::Learnt>(bytes)
            .map_err(|error| broken(&error.to_string()))?;
        if !rest.is_empty() {
            return Err(broken("something stands behind its end"));
        }
        if !learnt.sound() {
            return Err(broken("its parts don't fit together"));
        }
        Ok(Box::new(learnt))
    }
}

/// Writes what a step learnt.
pub(super) fn saved<T: Serialize>(learnt: &T) -> Vec<u8> {
    // Writing plain data to memory has no way to fail; nothing reads an empty text back.
    postcard::to_stdvec(learnt).unwrap_or_default()
}
