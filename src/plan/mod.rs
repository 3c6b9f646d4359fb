//! Tree → what will run: names, types, columns, settings and order, all known before any work.
//!
//! Nothing here reads a data file, runs SQL or fits a model; what must be asked of the outside (the
//! text of an imported file, the schema of a source) is asked of a [`Catalog`]. Stage kinds and words
//! are handed in as a [`Registry`], so that programs plan with kinds of their own.

mod build;
mod catalog;
mod checking;
mod fingerprint;
mod graph;
mod groups;
mod lint;
mod load;
mod names;
mod parameters;
mod registry;
mod stage;

pub use build::{Head, Header, Plan, Stage};
pub use catalog::{
    Catalog, ModelFile, ModelTrouble, Remembered, SourceAnswer, SourceRequest, SourceTrouble,
};
pub use checking::{Before, Checking, Source};
pub use fingerprint::{InputDigest, describe, difference, fingerprint};
pub use load::{Loaded, Request, load};
pub use registry::{Registry, RegistryError};
pub use stage::{
    Artifact, Caching, Checked, Facts, Failure, FittedType, Input, Lineage, Mention, ModelType,
    Output, PROBABILITY, Produced, Progress, Promise, Reads, Role, Running, Score, StageKind,
    TableSink, TableType, Task, Tuned, Unmet, Work,
};
