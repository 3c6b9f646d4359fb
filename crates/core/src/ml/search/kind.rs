//! What stands between a search's declared settings and the registry.

use std::marker::PhantomData;

use super::{Search, SearchKind};
use crate::ml::estimator::BadSetting;
use crate::ml::settle::settled;
use crate::params::{Args, Params, Signature};

/// A search that is its own settings.
pub(super) trait Declaration: Params + Search + 'static {
    /// Checks rules between the settings.
    fn rules(&self) -> Result<(), BadSetting> {
        Ok(())
    }
}

/// The registered kind of a declaration.
pub(super) struct Kind<P>(PhantomData<fn() -> P>);

impl<P> Kind<P> {
    pub(super) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<P: Declaration> SearchKind for Kind<P> {
    fn signature(&self) -> &'static Signature {
        const { &P::SIGNATURE }
    }

    fn bind(&self, args: &Args) -> Result<Box<dyn Search>, BadSetting> {
        let settings = settled::<P>(args)?;
        settings.rules()?;
        Ok(Box::new(settings))
    }
}
