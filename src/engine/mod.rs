//! Runs a plan: what is in the cache is taken from it, everything else side by side.
//!
//! The engine sees tables and opaque bytes. It doesn't know what a model, a query or a file format
//! is; stages do, behind [`plan::Work`](crate::plan::Work).

mod catalog;
mod events;
mod latest;
mod lock;
mod machine;
mod resolve;
mod run;
mod stage;

pub use catalog::DiskCatalog;
pub use events::{Event, Observer, Outcome, OutputReport, Report, StageReport};
pub use latest::{Latest, latest, latest_of_all};
pub use lock::LockError;
pub use machine::machine_memory;
pub use resolve::{Forecast, Verdict, forecast};
pub use run::{EngineError, Options, Services, project_of, run, unbuilt_settings};
