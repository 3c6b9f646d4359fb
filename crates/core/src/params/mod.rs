//! Declares a parameter once; everything else follows from the declaration.
//!
//! A declaration gives a name, a doc, a type, a default and a range. From it come the binding of
//! what the user wrote, the errors, `mlp docs`, completion, the canonical settings that are keyed,
//! and the values that a tuner may set. The words that a call may use (estimators, steps, folds …)
//! are handed in as a [`Vocabulary`]: this layer knows none of them.

mod bind;
mod declare;
pub mod elsewhere;
mod setting;

pub use bind::{Binder, Parameter, Parameters};
pub use declare::{Choice, Declared, Family, Kind, Limits, Param, Params, Signature, Vocabulary};
pub use setting::{Args, Bound, Call, Code, Setting};
