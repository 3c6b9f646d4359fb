//! Runs a pipeline and prints its scores, as `mlp run` does.
//!
//! `cargo run --example run_pipeline -- pipelines/titanic.mlp`

use std::error::Error;
use std::io::{Write, stderr, stdout};
use std::path::PathBuf;
use std::sync::Arc;

use mlp::Session;
use mlp::engine::{Event, Observer};

/// Hears what happens; this one says which stages run, and why they do.
struct Names;

impl Observer for Names {
    fn on(&self, event: &Event<'_>) {
        if let Event::StageStarted { stage, kind, why } = event {
            // Nobody may be listening any more.
            drop(writeln!(stderr(), "{kind} {stage}: {why}"));
        }
    }
}

pub(crate) fn run(path: PathBuf, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    // Reads the file, checks all of it, and says at once everything that is wrong.
    let pipeline = Session::default().watched_by(Arc::new(Names)).open(path)?;
    // Runs what has changed since the last run, here or by the program `mlp`.
    for score in pipeline.run()?.scores() {
        writeln!(out, "{} of {} is {:.4}", score.metric, score.model, score.value)?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).unwrap_or("pipelines/titanic.mlp".into());
    run(path.into(), &mut stdout())
}
