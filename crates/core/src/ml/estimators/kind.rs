//! What stands between an estimator's declared settings and the registry: binding, saving, loading.
//!
//! An estimator is a struct of [`params!`](crate::params!) that is an [`Estimator`], its fitted model a
//! serialisable [`Fitted`]; [`Declaration`] and [`Model`] say what is true of both.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ml::columns::Shape;
use crate::ml::estimator::{BadSetting, Estimator, EstimatorKind, Fitted, Flaw, LoadError, Tags};
use crate::ml::settle::settled;
use crate::params::{Args, Params, Signature};

/// Settings that are an estimator, and what such an estimator learns.
pub trait Declaration: Params + Estimator + 'static {
    /// The fitted model.
    type Model: Model;

    /// What is true of it.
    const TAGS: Tags;

    /// See [`EstimatorKind::version`].
    const VERSION: u32 = 1;

    /// Checks rules between the settings.
    ///
    /// # Errors
    /// Names the parameter that is wrong together with the others.
    fn check(&self) -> Result<(), BadSetting> {
        Ok(())
    }

    /// See [`EstimatorKind::flaws`].
    fn flaws(&self, args: &Args, columns: Option<&Shape>) -> Vec<Flaw> {
        let _ = (args, columns);
        Vec::new()
    }
}

/// A fitted model that can be written and read back.
pub trait Model: Fitted + Serialize + DeserializeOwned + 'static {
    /// Tells whether what was read back can be used: lengths and codes fit together.
    fn sound(&self) -> bool;
}

/// The registered kind of a declaration.
pub struct Kind<P>(PhantomData<fn() -> P>);

impl<P> Kind<P> {
    /// Makes the kind.
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<P> Default for Kind<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Declaration> EstimatorKind for Kind<P> {
    fn signature(&self) -> &'static Signature {
        const { &P::SIGNATURE }
    }

    fn tags(&self) -> Tags {
        P::TAGS
    }

    fn version(&self) -> u32 {
        P::VERSION
    }

    fn bind(&self, args: &Args) -> Result<Box<dyn Estimator>, BadSetting> {
        let settings = settled::<P>(args)?;
        settings.check()?;
        Ok(Box::new(settings))
    }

    fn flaws(&self, args: &Args, columns: Option<&Shape>) -> Vec<Flaw> {
        settled::<P>(args).map_or_else(|_| Vec::new(), |settings| settings.flaws(args, columns))
    }

    fn load(&self, bytes: &[u8]) -> Result<Box<dyn Fitted>, LoadError> {
        let broken =
            |reason: &str| LoadError { kind: P::SIGNATURE.name, reason: reason.to_owned() };
        let (model, rest) = postcard::take_from_bytes::<P::Model>(bytes)
            .map_err(|error| broken(&error.to_string()))?;
        if !rest.is_empty() {
            return Err(broken("something stands behind its end"));
        }
        if !model.sound() {
            return Err(broken("its parts don't fit together"));
        }
        Ok(Box::new(model))
    }
}

/// Writes a fitted model, for [`Fitted::save`]; [`Kind`] reads it back.
pub fn saved<T: Serialize>(model: &T) -> Vec<u8> {
    // Writing plain data to memory has no way to fail; nothing reads an empty text back.
    postcard::to_stdvec(model).unwrap_or_default()
}
