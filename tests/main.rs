//! The one integration binary: one link instead of ten.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod architecture;
mod cases;
mod cli;
mod docs;
mod events;
mod examples;
mod extending;
mod formats;
mod gallery;
mod grouped;
mod incremental;
mod models;
mod networks;
mod outputs;
mod program;
mod registry;
mod report;
mod selection;
mod suite;
mod tuning;
