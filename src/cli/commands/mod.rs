//! One file a command: its arguments, their help, and what it does.

pub(super) mod cache;
pub(super) mod check;
pub(super) mod completions;
pub(super) mod docs;
pub(super) mod explain;
pub(super) mod fmt;
pub(super) mod graph;
pub(super) mod init;
pub(super) mod plan;
pub(super) mod predict;
pub(super) mod report;
pub(super) mod run;
pub(super) mod show;
