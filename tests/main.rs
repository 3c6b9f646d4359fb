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
mod examples;
mod extending;
mod formats;
mod gallery;
mod incremental;
mod networks;
mod program;
mod registry;
mod report;
mod selection;
mod suite;
mod tuning;
