//! Embeds mlp: checks a pipeline, runs it, and reads what came of it.
//!
//! `cargo run --example run_pipeline -- pipelines/titanic.mlp`

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use mlp::cli::Look;
use mlp::cli::load_pipeline;
use mlp::cli::render::Renderer;
use mlp::engine::{self, Event, Observer, Options, Services, project_of};
use mlp::plan::Request;
use mlp::store::Store;

/// Hears what happens; this one only says which stages run.
struct Names;

impl Observer for Names {
    fn on(&self, event: &Event<'_>) {
        if let Event::StageStarted { stage, kind, why } = event {
            // Nobody may be listening any more.
            drop(writeln!(std::io::stderr(), "{kind} {stage}: {why}"));
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let path: PathBuf = std::env::args_os().nth(1).ok_or("name a pipeline")?.into();
    let text = std::fs::read_to_string(&path)?;
    let project = project_of(&path);
    let store = Arc::new(Store::open(&project.join(".mlp"))?);

    let request = Request { sets: vec![], ..Request::default() };
    let loaded = load_pipeline(&path, &text, &request, &store);
    let renderer = Renderer::new(&loaded.sources, &Look::plain());
    write!(std::io::stderr(), "{}", renderer.all(&loaded.diagnostics))?;
    let plan = Arc::new(loaded.plan.ok_or("the pipeline is wrong")?);

    let services =
        Services { store, observer: Arc::new(Names), stop: Arc::new(AtomicBool::new(false)) };
    let options = Options { threads: 2, memory: None, locked: false, only: vec![], project };
    let report = engine::run(&plan, &services, &options)?;
    for stage in &report.stages {
        for score in &stage.facts.metrics {
            writeln!(
                std::io::stdout(),
                "{}: {} of {} is {}",
                stage.stage,
                score.metric,
                score.model,
                score.value
            )?;
        }
    }
    if report.ok() { Ok(()) } else { Err("the run failed".into()) }
}
