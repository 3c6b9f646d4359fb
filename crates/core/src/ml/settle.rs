//! Reading a declared struct out of settled parameters, for every registry of this layer.

use super::estimator::BadSetting;
use crate::params::{Args, Params};

/// Reads the struct; what binding let through but the struct can't hold is named.
///
/// # Errors
/// A parameter is missing or of another type, which binding refuses first.
pub(crate) fn settled<P: Params>(args: &Args) -> Result<P, BadSetting> {
    P::from_args(args).ok_or_else(|| BadSetting {
        param: P::SIGNATURE.params.first().map_or(P::SIGNATURE.name, |param| param.name),
        message: format!(
            "the settings of `{}` don't have the types that it declares",
            P::SIGNATURE.name
        ),
    })
}

/// Settles a word as if the user had written nothing, for tests; `change` writes over a default.
#[cfg(test)]
pub(crate) fn written(
    signature: &crate::params::Signature,
    change: &[(&'static str, crate::params::Setting)],
) -> Args {
    let place = crate::text::Span::new(crate::text::FileId(0), 0, 0);
    let mut args = Args::default();
    for param in signature.params {
        let given = change.iter().find(|(name, _)| *name == param.name);
        let setting = given
            .map(|(_, setting)| setting.clone())
            .or_else(|| param.default.map(|default| default()));
        let setting = setting.unwrap_or_else(|| panic!("`{}` has no default", param.name));
        args.set(
            param.name,
            crate::params::Bound { setting, span: place, written: given.is_some() },
        );
    }
    for (name, _) in change {
        assert!(signature.param(name).is_some(), "`{}` has no `{name}`", signature.name);
    }
    args
}
