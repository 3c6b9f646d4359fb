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
mod bad_input;
mod cli;
mod docs;
mod examples;
mod extending;
mod incremental;
mod networks;
mod program;
mod registry;
mod report;
mod selection;
mod suite;
mod tuning;
