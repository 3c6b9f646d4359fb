//! What a run shows while it runs.
//!
//! Three observers of the same events: a live tree for a person at a terminal, a line a stage for
//! a log, an object a line for a program. All of it goes to standard error. What came of the run
//! goes to standard output when it is over, so that this is the same on every run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value as Json;

use super::ui::{Look, Paint, Ui};
use crate::engine::{Event, Observer, Outcome, Report, StageReport};
use crate::plan::Progress;

/// From how many stages on a short stage leaves no line of its own.
const CROWD: usize = 60;

/// How long a stage of a crowd must have run to leave a line, in seconds.
const NOTEWORTHY: f64 = 1.0;

/// How a run is to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Not at all.
    Quiet,
    /// As fits standard error.
    People,
    /// For a program.
    Json,
}

/// Gives the observer for a run.
#[must_use]
pub fn observer(ui: Ui, mode: Mode) -> Arc<dyn Observer + Send + Sync> {
    match mode {
        Mode::Quiet => Arc::new(Silence),
        Mode::People if ui.err.live => Arc::new(Live::new(ui)),
        Mode::People => Arc::new(Lines { ui, stages: Mutex::default() }),
        Mode::Json => Arc::new(Objects { ui }),
    }
}

/// Locks state that stays right even if another thread panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shows nothing.
struct Silence;

impl Observer for Silence {
    fn on(&self, _event: &Event<'_>) {}
}

/// Writes a line when a stage begins and when it ends.
struct Lines {
    ui: Ui,
    stages: Mutex<usize>,
}

impl Observer for Lines {
    fn on(&self, event: &Event<'_>) {
        match event {
            Event::RunStarted { stages, .. } => *lock(&self.stages) = stages.len(),
            Event::StageStarted { stage, kind, why } if *lock(&self.stages) < CROWD => {
                let why = if why.is_empty() { String::new() } else { format!(": {why}") };
                self.ui.say(&format!("start   {stage} ({kind}){why}\n"));
            }
            Event::StageFinished { report } if report.outcome != Outcome::Cached => {
                self.ui.say(&format!("{}\n", finished(report, &self.ui.err)));
            }
            Event::RunFinished { seconds, .. } if *lock(&self.stages) > 0 => {
                self.ui.say(&format!("took    {}\n", spoken_seconds(*seconds)));
            }
            _ => {}
        }
    }
}

/// Writes how a stage ended, in one line.
fn finished(report: &StageReport, look: &Look) -> String {
    let StageReport { stage, kind, why, .. } = report;
    let why = why.lines().next().unwrap_or_default();
    let took = spoken_seconds(report.seconds);
    let (sign, word) = match report.outcome {
        Outcome::Ran => ("✔", "ran"),
        Outcome::Cached => ("·", "cached"),
        Outcome::Failed => ("✘", "failed"),
        Outcome::Blocked => ("-", "blocked"),
        Outcome::Stopped => ("-", "stopped"),
    };
    let head = if look.unicode { format!("  {sign}") } else { format!("{word:<7}") };
    let paint = match report.outcome {
        Outcome::Ran => Paint::Good,
        Outcome::Failed => Paint::Bad,
        Outcome::Cached | Outcome::Blocked | Outcome::Stopped => Paint::Quiet,
    };
    let told = match report.outcome {
        Outcome::Ran => format!("({kind}) in {took}{}", rows(report)),
        Outcome::Failed | Outcome::Blocked if !why.is_empty() => format!("({kind}): {why}"),
        _ => format!("({kind})"),
    };
    // Why something failed is not said beside.
    let told = if report.outcome == Outcome::Failed {
        told.into()
    } else {
        look.paint(Paint::Quiet, &told)
    };
    format!("{} {stage} {told}", look.paint(paint, &head))
}

/// Says how many rows the main table of a stage has, or each of its tables where none is the main one.
fn rows(report: &StageReport) -> String {
    let tables = || report.outputs.iter().filter_map(|output| Some((&output.name, output.rows?)));
    let main = tables().find(|(name, _)| name.is_empty());
    let shown: Vec<String> = match main {
        Some((_, 1)) => vec!["1 row".to_owned()],
        Some((_, rows)) => vec![format!("{rows} rows")],
        None if report.outputs.iter().any(|output| output.name.is_empty()) => Vec::new(),
        None => tables().map(|(name, rows)| format!("{name} {rows}")).collect(),
    };
    if shown.is_empty() { String::new() } else { format!(", {}", shown.join(", ")) }
}

/// Writes a time as people say it: `40 ms`, `3.2 s`, `4 min 10 s`.
#[must_use]
pub fn spoken_seconds(seconds: f64) -> String {
    let whole = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    match whole.as_secs() {
        0 => format!("{} ms", whole.as_millis()),
        1..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {} s", whole.as_secs() / 60, whole.as_secs() % 60),
        more => format!("{} h {} min", more / 3600, more % 3600 / 60),
    }
}

/// Keeps a line for each running stage at the bottom of a terminal.
struct Live {
    ui: Ui,
    bars: MultiProgress,
    state: Mutex<Shown>,
}

/// What [`Live`] shows at a moment.
#[derive(Default)]
struct Shown {
    total: usize,
    done: usize,
    cached: usize,
    overall: Option<ProgressBar>,
    running: BTreeMap<String, Row>,
}

/// The line of a running stage.
struct Row {
    bar: ProgressBar,
    kind: String,
    progress: Progress,
    parts_cached: u64,
}

impl Live {
    fn new(ui: Ui) -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        Self { ui, bars, state: Mutex::default() }
    }

    /// Adds a line that moves at the bottom.
    fn bar(&self) -> ProgressBar {
        let bar = self.bars.add(ProgressBar::new_spinner());
        let style = if self.ui.err.unicode {
            ProgressStyle::default_spinner().tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ")
        } else {
            ProgressStyle::default_spinner().tick_chars("-\\|/ ")
        };
        if let Ok(style) = style.template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    }

    fn start(&self, stage: &str, kind: &str) {
        let mut state = lock(&self.state);
        if state.overall.is_none() {
            state.overall = Some(self.bar());
        }
        let progress = Progress::default();
        let row = Row { bar: self.bar(), kind: kind.to_owned(), progress, parts_cached: 0 };
        row.show(stage, &self.ui.err);
        state.running.insert(stage.to_owned(), row);
        state.show();
    }

    fn change(&self, stage: &str, change: impl FnOnce(&mut Row)) {
        if let Some(row) = lock(&self.state).running.get_mut(stage) {
            change(row);
            row.show(stage, &self.ui.err);
        }
    }

    fn finish(&self, report: &StageReport) {
        let mut state = lock(&self.state);
        state.done += 1;
        if let Some(row) = state.running.remove(&report.stage) {
            row.bar.finish_and_clear();
            self.bars.remove(&row.bar);
        }
        match report.outcome {
            Outcome::Cached => state.cached += 1,
            Outcome::Ran if state.total >= CROWD && report.seconds < NOTEWORTHY => {}
            Outcome::Blocked | Outcome::Stopped => {}
            // A terminal that is gone can't be told.
            Outcome::Ran | Outcome::Failed => {
                drop(self.bars.println(finished(report, &self.ui.err)));
            }
        }
        state.show();
    }

    fn end(&self, seconds: f64) {
        let mut state = lock(&self.state);
        let worked = state.overall.take().is_some();
        state.running.clear();
        drop(self.bars.clear());
        if worked {
            let took = format!("  took {}\n", spoken_seconds(seconds));
            self.ui.say(&self.ui.err.paint(Paint::Quiet, &took));
        }
    }
}

impl Observer for Live {
    fn on(&self, event: &Event<'_>) {
        match event {
            Event::RunStarted { stages, .. } => lock(&self.state).total = stages.len(),
            Event::StageStarted { stage, kind, .. } => self.start(stage, kind),
            Event::StageProgress { stage, progress } => {
                self.change(stage, |row| row.progress = progress.clone());
            }
            Event::PartFinished { stage, cached: true, .. } => {
                self.change(stage, |row| row.parts_cached += 1);
            }
            Event::PartFinished { .. } => {}
            Event::StageFinished { report } => self.finish(report),
            Event::RunFinished { seconds, .. } => self.end(*seconds),
        }
    }
}

impl Shown {
    fn show(&self) {
        if let Some(bar) = &self.overall {
            let cached = match self.cached {
                0 => String::new(),
                cached => format!(", {cached} of them from the cache"),
            };
            bar.set_message(format!("{} of {} stages{cached}", self.done, self.total));
        }
    }
}

impl Row {
    fn show(&self, stage: &str, look: &Look) {
        self.bar.set_message(self.text(stage, look));
    }

    /// Says how far the stage is, and what is best so far.
    fn text(&self, stage: &str, look: &Look) -> String {
        let branch = if look.unicode { "└" } else { "" };
        let mut text = format!("{branch} {stage} ({})", self.kind);
        let Progress { done, total, unit, note } = &self.progress;
        match total {
            Some(total) => text.push_str(&format!("  {done}/{total} {unit}")),
            None if *done > 0 => text.push_str(&format!("  {done} {unit}")),
            None => {}
        }
        if self.parts_cached > 0 {
            text.push_str(&format!(", {} from the cache", self.parts_cached));
        }
        if !note.is_empty() {
            text.push_str(&format!("  {note}"));
        }
        text
    }
}

/// Writes what happens as an object a line, to standard error: the order is that of the moment.
struct Objects {
    ui: Ui,
}

impl Observer for Objects {
    fn on(&self, event: &Event<'_>) {
        if let Ok(text) = serde_json::to_string(event) {
            self.ui.say(&format!("{text}\n"));
        }
    }
}

/// Writes what came of a run as an object a line, in plan order and without what differs from run
/// to run.
#[must_use]
pub fn results(report: &Report) -> String {
    let stages = report.stages.iter().map(|report| Event::StageFinished { report });
    let last = Event::RunFinished { ok: report.ok(), seconds: report.seconds };
    let events = stages.chain(std::iter::once(last));
    events.map(|event| format!("{}\n", settled(&event))).collect()
}

fn settled(event: &Event<'_>) -> Json {
    let mut json = serde_json::to_value(event).unwrap_or_default();
    if let Json::Object(fields) = &mut json {
        fields.shift_remove("seconds");
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::OutputReport;

    #[test]
    fn times_are_said_as_people_say_them() {
        let said: Vec<String> =
            [0.0, 0.0404, 3.21, 250.0, 7260.0, f64::NAN].map(spoken_seconds).to_vec();
        assert_eq!(said, ["0 ms", "40 ms", "3.2 s", "4 min 10 s", "2 h 1 min", "0 ms"]);
    }

    fn row(kind: &str, progress: Progress, parts_cached: u64) -> Row {
        Row { bar: ProgressBar::hidden(), kind: kind.to_owned(), progress, parts_cached }
    }

    #[test]
    fn a_running_stage_says_how_far_it_is_and_what_is_best() {
        let progress =
            |done, total, unit, note: &str| Progress { done, total, unit, note: note.to_owned() };
        let rich = Look::rich(80);
        let rows = [
            row("prep", Progress::default(), 0).text("clean", &rich),
            row("ingest", progress(8192, None, "rows", ""), 0).text("people", &rich),
            row("train", progress(3, Some(10), "rounds", ""), 0).text("final", &Look::plain()),
            row("cross_validate", progress(3, Some(10), "folds", "best f1 0.5 (a)"), 2)
                .text("compare", &rich),
            row("tune", progress(7, Some(30), "trials", "best roc_auc 0.8614"), 0)
                .text("best", &rich),
        ];
        assert_eq!(
            rows,
            [
                "└ clean (prep)",
                "└ people (ingest)  8192 rows",
                " final (train)  3/10 rounds",
                "└ compare (cross_validate)  3/10 folds, 2 from the cache  best f1 0.5 (a)",
                "└ best (tune)  7/30 trials  best roc_auc 0.8614",
            ]
        );
    }

    #[test]
    fn a_stage_that_ran_says_its_rows() {
        let output = |name: &str, rows| OutputReport {
            name: name.to_owned(),
            rows,
            digest: crate::data::Hash::of(b""),
        };
        let of = |outputs: Vec<OutputReport>| {
            let report = StageReport {
                stage: "s".to_owned(),
                kind: "k".to_owned(),
                outcome: Outcome::Ran,
                why: String::new(),
                help: Vec::new(),
                warnings: Vec::new(),
                outputs,
                facts: crate::plan::Facts::default(),
                seconds: 0.012,
                places: Vec::new(),
            };
            finished(&report, &Look::plain())
        };
        assert_eq!(
            of(vec![output("", Some(1)), output("rejects", Some(2))]),
            "ran     s (k) in 12 ms, 1 row"
        );
        assert_eq!(
            of(vec![output("train", Some(90)), output("test", Some(30))]),
            "ran     s (k) in 12 ms, train 90, test 30"
        );
        assert_eq!(
            of(vec![output("", None), output("importance", Some(3))]),
            "ran     s (k) in 12 ms"
        );
        assert_eq!(of(Vec::new()), "ran     s (k) in 12 ms");
    }

    #[test]
    fn results_hold_no_time() {
        let report = Report { stages: Vec::new(), seconds: 1.5, stopped: true };
        assert_eq!(results(&report), "{\"event\":\"run_finished\",\"ok\":false}\n");
    }
}
