//! What stands between a pruner's declared settings and the registry.

use std::marker::PhantomData;

use super::{Pruner, PrunerKind};
use crate::ml::estimator::BadSetting;
use crate::ml::settle::settled;
use crate::params::{Args, Params, Signature};

/// A pruner that is its own settings.
pub(super) trait Declaration: Params + Pruner + 'static {}

/// The registered kind of a declaration.
pub(super) struct Kind<P>(PhantomData<fn() -> P>);

impl<P> Kind<P> {
    pub(super) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<P: Declaration> PrunerKind for Kind<P> {
    fn signature(&self) -> &'static Signature {
        const { &P::SIGNATURE }
    }

    fn bind(&self, args: &Args) -> Result<Box<dyn Pruner>, BadSetting> {
        Ok(Box::new(settled::<P>(args)?))
    }
}
