//! The one integration binary: one link instead of ten.

mod architecture;
mod cli;
mod docs;
mod incremental;
mod program;
mod registry;
mod suite;
