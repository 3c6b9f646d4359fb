//! What the registries of this folder share: a word that makes something of its arguments.

use std::marker::PhantomData;

use crate::params::{Args, Bound, Call, Family, Params, Setting, Signature};
use crate::text::{FileId, Span};

/// Settings that make something.
pub(super) trait Makes<T>: Params + 'static {
    /// Makes it.
    fn make(self) -> T;
}

/// A registered word that makes something of its arguments.
pub(super) trait Made<T>: Sync {
    /// Gives the word and the parameters.
    fn signature(&self) -> &'static Signature;

    /// Makes it; none where binding would have refused an argument.
    fn make(&self, args: &Args) -> Option<T>;
}

/// The registered word of a declaration.
pub(super) struct Word<P>(PhantomData<fn() -> P>);

impl<P> Word<P> {
    pub(super) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T, P: Makes<T>> Made<T> for Word<P> {
    fn signature(&self) -> &'static Signature {
        const { &P::SIGNATURE }
    }

    fn make(&self, args: &Args) -> Option<T> {
        P::from_args(args).map(Makes::make)
    }
}

/// Makes what a call names.
pub(super) fn made<T>(words: &[&dyn Made<T>], call: &Call) -> Option<T> {
    words.iter().find(|word| word.signature().name == call.name)?.make(&call.args)
}

/// Writes a call as if the user had: some arguments given, the others at their defaults.
pub(super) fn call<P: Params>(given: &[(&'static str, Setting)]) -> Setting {
    let span = Span::new(FileId(0), 0, 0);
    let mut args = Args::default().called(&P::SIGNATURE);
    for param in P::SIGNATURE.params {
        let own = given.iter().find(|(name, _)| *name == param.name).map(|(_, own)| own.clone());
        let written = own.is_some();
        if let Some(setting) = own.or_else(|| param.default.map(|default| default())) {
            args.set(param.name, Bound { setting, span, written });
        }
    }
    Setting::Call(Call { name: P::SIGNATURE.name, args })
}

/// Writes a list of calls.
pub(super) fn list(calls: Vec<Setting>) -> Setting {
    let span = Span::new(FileId(0), 0, 0);
    let bound = |setting| Bound { setting, span, written: true };
    Setting::List(calls.into_iter().map(bound).collect())
}

/// Gives the words that a network's settings may use: layers, optimisers, schedules, stopping rules.
#[must_use]
pub fn words(family: Family) -> Vec<&'static Signature> {
    fn of<T>(words: &[&dyn Made<T>]) -> Vec<&'static Signature> {
        words.iter().map(|word| word.signature()).collect()
    }
    match family {
        Family::Layer => of(super::layers::LAYERS),
        Family::Optimizer => of(super::optimizers::OPTIMIZERS),
        Family::Schedule => of(super::schedules::SCHEDULES),
        Family::Stopping => of(super::stopping::STOPPINGS),
        _ => Vec::new(),
    }
}
