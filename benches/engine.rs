//! The budgets of the engine, measured on whole processes.
//!
//! `cargo bench --bench engine` prints the median and the spread of several runs of each job; give
//! words to pick jobs: `cargo bench --bench engine -- check titanic`.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench stops where it can't go on, and prints"
)]

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How often each job is run.
const RUNS: usize = 7;

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let wanted =
        |name: &str| asked.is_empty() || asked.iter().any(|word| name.contains(word.as_str()));
    println!("{:44} {:>10} {:>10} {:>10}", "job", "least", "median", "most");
    for (name, job) in JOBS {
        if wanted(name) {
            let mut times = job(name);
            times.sort_unstable();
            let shown = |time: Option<&Duration>| {
                time.map_or_else(
                    || "-".to_owned(),
                    |time| format!("{:.1} ms", time.as_secs_f64() * 1e3),
                )
            };
            println!(
                "{name:44} {:>10} {:>10} {:>10}",
                shown(times.first()),
                shown(times.get(times.len() / 2)),
                shown(times.last())
            );
        }
    }
}

/// A job gives the times of its runs.
type Job = fn(&str) -> Vec<Duration>;

/// The jobs, in the order in which they are printed.
const JOBS: &[(&str, Job)] = &[
    ("version", |_| repeat(RUNS, |folder| timed(folder, &["--version"]))),
    ("check 100 stages, first time", |_| check(100, 5, true)),
    ("check 1000 stages, first time", |_| check(1_000, 5, true)),
    ("check 10000 stages, first time", |_| check(10_000, 3, true)),
    ("check 100 stages, one edit", |_| check(100, RUNS, false)),
    ("check 1000 stages, one edit", |_| check(1_000, RUNS, false)),
    ("check 10000 stages, one edit", |_| check(10_000, 3, false)),
    ("run of 200 stages, nothing changed", |_| unchanged(200)),
    ("run of 1000 stages, nothing changed", |_| unchanged(1_000)),
    ("run of a chain of 1000 trivial stages", |_| chain(1_000)),
    ("tune, 10000 trivial trials, first run", |_| trials(10_000, true)),
    ("tune, 10000 trivial trials, all folds kept", |_| trials(10_000, false)),
    ("titanic, first run", |_| titanic(true)),
    ("titanic, nothing changed", |_| titanic(false)),
];

fn repeat(runs: usize, run: impl Fn(&Path) -> Duration) -> Vec<Duration> {
    let folder = tempfile::tempdir().expect("a folder");
    (0..runs).map(|_| run(folder.path())).collect()
}

/// Runs the program and gives the time of the whole process.
fn timed(folder: &Path, args: &[&str]) -> Duration {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mlp"));
    command.args(args).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    let status = command.status().expect("the program starts");
    let took = begun.elapsed();
    assert!(status.success(), "mlp {args:?} failed");
    took
}

/// Writes a pipeline of so many stages: an ingest, and queries that fan out from it.
fn write_fan(folder: &Path, stages: usize, edit: usize) {
    let mut text = String::from("ingest rows { from: \"rows.csv\" }\n");
    for stage in 1..stages {
        let from = if stage < 10 { "rows".to_owned() } else { format!("s{}", stage / 10) };
        let limit = if stage == stages / 2 { edit } else { stage };
        let _ = writeln!(
            text,
            "prep s{stage} {{ sql: \"SELECT id, a + {stage} AS a, b FROM {from} WHERE a > {limit} - 1000000\" }}"
        );
    }
    std::fs::write(folder.join("p.mlp"), text).expect("a pipeline");
    std::fs::write(folder.join("rows.csv"), "id,a,b\n1,2,x\n2,3,y\n").expect("data");
}

/// Checks a pipeline for the first time, or after one edit.
fn check(stages: usize, runs: usize, first: bool) -> Vec<Duration> {
    let folder = tempfile::tempdir().expect("a folder");
    write_fan(folder.path(), stages, 0);
    if !first {
        timed(folder.path(), &["check", "p.mlp"]);
    }
    (0..runs)
        .map(|run| {
            if first {
                let _ = std::fs::remove_dir_all(folder.path().join(".mlp"));
            } else {
                write_fan(folder.path(), stages, run + 1);
            }
            timed(folder.path(), &["check", "p.mlp"])
        })
        .collect()
}

fn unchanged(stages: usize) -> Vec<Duration> {
    let folder = tempfile::tempdir().expect("a folder");
    write_fan(folder.path(), stages, 0);
    timed(folder.path(), &["run", "p.mlp"]);
    (0..RUNS).map(|_| timed(folder.path(), &["run", "p.mlp"])).collect()
}

/// Runs a chain of stages that do next to nothing: what is left is the engine's own cost.
///
/// Each run has a new folder, and all are kept to the end: some file systems create slowly right
/// after many files were removed.
fn chain(stages: usize) -> Vec<Duration> {
    let folders: Vec<_> = (0..3).map(|_| tempfile::tempdir().expect("a folder")).collect();
    let run = |folder: &tempfile::TempDir| {
        let folder = folder.path();
        let mut text = String::from("ingest s0 { from: \"rows.csv\" }\n");
        for stage in 1..stages {
            let _ = writeln!(
                text,
                "prep s{stage} {{ sql: \"SELECT id, {stage} AS n FROM s{}\" }}",
                stage - 1
            );
        }
        std::fs::write(folder.join("p.mlp"), text).expect("a pipeline");
        std::fs::write(folder.join("rows.csv"), "id\n1\n2\n").expect("data");
        timed(folder, &["check", "p.mlp"]);
        timed(folder, &["run", "p.mlp"])
    };
    folders.iter().map(run).collect()
}

/// Runs a search of so many trials that do next to nothing, each on two folds of 100 rows; of a search
/// whose folds are kept, the stage itself runs again.
fn trials(count: usize, first: bool) -> Vec<Duration> {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |metric: &str| {
        let text = format!(
            r#"ingest rows {{ from: "rows.csv" }}
model idle {{ target: y, estimator: dummy(strategy: quantile), steps: [] }}
tune best {{
  model: idle
  data: rows
  over: {{ estimator.quantile: 0.0 .. 1.0 }}
  search: random(trials: {count})
  folds: k_fold(2)
  minimize: {metric}
}}
train done {{ model: best, data: rows }}
"#
        );
        std::fs::write(folder.path().join("p.mlp"), text).expect("a pipeline");
    };
    let rows: String = (0..100).map(|row| format!("{row},{}.5\n", row % 7)).collect();
    std::fs::write(folder.path().join("rows.csv"), format!("x,y\n{rows}")).expect("data");
    let args = ["run", "p.mlp", "--quiet"];
    let metrics = ["mse", "rmse", "mae", "median_ae"];
    if !first {
        write("r2");
        let _ = timed(folder.path(), &args);
    }
    metrics[..3]
        .iter()
        .map(|metric| {
            if first {
                let _ = std::fs::remove_dir_all(folder.path().join(".mlp"));
            }
            write(metric);
            timed(folder.path(), &args)
        })
        .collect()
}

fn titanic(first: bool) -> Vec<Duration> {
    let gallery = Path::new("pipelines");
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("data")).expect("a folder");
    for file in ["titanic.mlp", "data/titanic.csv"] {
        std::fs::copy(gallery.join(file), folder.path().join(file)).expect("the gallery");
    }
    let args = ["run", "titanic.mlp"];
    if !first {
        timed(folder.path(), &args);
    }
    (0..if first { 3 } else { RUNS })
        .map(|_| {
            if first {
                let _ = std::fs::remove_dir_all(folder.path().join(".mlp"));
            }
            timed(folder.path(), &args)
        })
        .collect()
}
