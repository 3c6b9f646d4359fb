//! The schedule: starts each stage once what it waits for is done, as many as may run at once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::events::{Event, Observer, Outcome, Report, StageReport};
use super::lock::{self, LockError};
use super::resolve;
use super::stage::{self, Ended, Shared};
use crate::plan::{Facts, Plan, Stage};
use crate::sql::Memory;
use crate::store::{ObjectRef, Store, StoreError};

/// How long a stopped run waits for its stages to end by themselves.
const GRACE: Duration = Duration::from_millis(1500);

/// How often a stage is made anew where the cache has lost its result.
const REMAKES: u32 = 3;

/// How often the schedule looks whether the user wants to stop, or a stage ran out of time.
const BEAT: Duration = Duration::from_millis(25);

/// How to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many threads compute; also how many stages run side by side.
    pub threads: usize,
    /// How many bytes the queries of the run may hold together; none for no limit.
    pub memory: Option<usize>,
    /// Fail if a result would differ from the lock file, and leave that as it is.
    pub locked: bool,
    /// Run these stages and what they need alone; all others stay as they are. Empty means all.
    pub only: Vec<String>,
    /// The folder below which files may be written.
    pub project: PathBuf,
}

/// What a run leans on.
#[derive(Clone)]
pub struct Services {
    /// The cache.
    pub store: Arc<Store>,
    /// Hears what happens.
    pub observer: Arc<dyn Observer + Send + Sync>,
    /// Set when the user wants to stop.
    pub stop: Arc<AtomicBool>,
}

/// Why a run could not be started or finished.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The threads could not be started.
    #[error("the threads for the run can't be started: {0}")]
    Threads(String),
    /// The lock file is in the way.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The cache failed at its last step.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Runs a plan; what is in the cache is not run again.
///
/// # Errors
/// Failures of stages are in the report; an error is what keeps the run as a whole from going on.
pub fn run(
    plan: &Arc<Plan>,
    services: &Services,
    options: &Options,
) -> Result<Report, EngineError> {
    let begun = Instant::now();
    let locked = lock::read(plan)?;
    let wanted = wanted(plan, &options.only);
    let known = resolve::known(plan, &services.store);
    let mut state = State::new(plan, known, &wanted);
    let missing = state.open.len();
    if missing > 0 {
        // A file that can't be read is told before any work.
        locked.parse().map_err(LockError::from)?;
        Schedule::new(plan, services, options)?.run(&mut state);
    }
    let report = state.report(plan, begun.elapsed(), services.stop.load(Ordering::Relaxed));
    lock::settle(plan, &state.results, &report, &locked, options.locked)?;
    services.store.flush()?;
    let seconds = report.seconds;
    services.observer.on(&Event::RunFinished { ok: report.ok(), seconds });
    Ok(report)
}

/// Marks the stages that are to be there after the run.
fn wanted(plan: &Plan, only: &[String]) -> Vec<bool> {
    let asked = |stage: &Stage| {
        if only.is_empty() { !stage.on_demand } else { only.contains(&stage.name) }
    };
    let mut wanted: Vec<bool> = plan.stages.iter().map(asked).collect();
    for place in (0..wanted.len()).rev() {
        if wanted[place] {
            for other in &plan.stages[place].waits {
                wanted[*other] = true;
            }
        }
    }
    wanted
}

/// Where each stage stands.
struct State {
    /// The stages that have yet to run.
    open: BTreeSet<usize>,
    /// What each stage gave.
    results: Vec<Option<resolve::Result>>,
    /// How each stage ended.
    reports: Vec<Option<StageReport>>,
    /// How often each stage was made anew because its result was lost.
    remade: BTreeMap<usize, u32>,
}

impl State {
    fn new(plan: &Plan, known: Vec<Result<resolve::Result, String>>, wanted: &[bool]) -> Self {
        let mut state = Self {
            open: BTreeSet::new(),
            results: vec![None; plan.stages.len()],
            reports: vec![None; plan.stages.len()],
            remade: BTreeMap::new(),
        };
        for (place, found) in known.into_iter().enumerate() {
            let stage = &plan.stages[place];
            if !wanted[place] {
                continue;
            }
            match found {
                Ok(result) => {
                    if stage.task.is_some() {
                        let report = stage::finished(stage, Outcome::Cached, &result, 0.0);
                        state.reports[place] = Some(report);
                    }
                    state.results[place] = Some(result);
                }
                Err(_) => {
                    state.open.insert(place);
                }
            }
        }
        state
    }

    /// Opens the stages whose results were lost, and the one that missed them, to be run once more;
    /// gives nothing where that was tried often enough.
    fn reopen(&mut self, place: usize, lost: &[usize], store: &Store) -> Option<Vec<usize>> {
        let gone = |own: &&usize| {
            self.results[**own]
                .as_ref()
                .is_some_and(|result| !result.outputs.iter().all(|object| store.has(object)))
        };
        let gone: Vec<usize> = lost.iter().filter(gone).copied().collect();
        for own in gone.iter().chain([&place]) {
            let times = self.remade.entry(*own).or_default();
            *times += 1;
            if *times > REMAKES {
                return None;
            }
        }
        for own in &gone {
            self.results[*own] = None;
            self.reports[*own] = None;
            self.open.insert(*own);
        }
        Some(gone.into_iter().chain([place]).collect())
    }

    /// Tells whether everything that a stage waits for went well.
    fn is_ready(&self, stage: &Stage) -> bool {
        stage.waits.iter().all(|other| self.is_well(*other))
    }

    fn is_well(&self, place: usize) -> bool {
        self.results[place].is_some()
            && self.reports[place]
                .as_ref()
                .is_none_or(|report| matches!(report.outcome, Outcome::Ran | Outcome::Cached))
    }

    /// Finds a stage that failed, or was blocked, among those that a stage waits for.
    fn blocker<'p>(&self, plan: &'p Plan, stage: &Stage) -> Option<&'p str> {
        stage
            .waits
            .iter()
            .find(|other| !self.open.contains(*other) && !self.is_well(**other))
            .map(|other| plan.stages[*other].name.as_str())
    }

    fn report(&mut self, plan: &Plan, took: Duration, stopped: bool) -> Report {
        for place in std::mem::take(&mut self.open) {
            let stage = &plan.stages[place];
            self.reports[place] = Some(unrun(stage, Outcome::Stopped, "the run was ended"));
        }
        let stages = self.reports.iter().flatten().cloned().collect();
        Report { stages, seconds: took.as_secs_f64(), stopped }
    }
}

fn unrun(stage: &Stage, outcome: Outcome, why: &str) -> StageReport {
    StageReport {
        stage: stage.name.clone(),
        kind: stage.kind.to_owned(),
        outcome,
        why: why.to_owned(),
        help: Vec::new(),
        warnings: Vec::new(),
        outputs: Vec::new(),
        facts: Facts::default(),
        seconds: 0.0,
        places: Vec::new(),
    }
}

/// The threads of a run, and what runs on them.
struct Schedule {
    runtime: tokio::runtime::Runtime,
    shared: Arc<Shared>,
    stop: Arc<AtomicBool>,
    permits: usize,
}

/// The stages that have yet to start.
///
/// Only those are looked at for which something changed, so that a long pipeline costs each stage the
/// same.
struct Queue {
    /// All of them.
    waiting: BTreeSet<usize>,
    /// Those to be looked at.
    changed: BTreeSet<usize>,
    /// Those that may start.
    ready: BTreeSet<usize>,
    /// The stages that wait for each stage of the plan.
    followers: Vec<Vec<usize>>,
}

impl Queue {
    fn new(plan: &Plan, open: &BTreeSet<usize>) -> Self {
        let mut followers = vec![Vec::new(); plan.stages.len()];
        for (place, stage) in plan.stages.iter().enumerate() {
            stage.waits.iter().for_each(|other| followers[*other].push(place));
        }
        Self { waiting: open.clone(), changed: open.clone(), ready: BTreeSet::new(), followers }
    }

    /// Notes that a stage ended.
    fn ended(&mut self, place: usize) {
        let followers = self.followers[place].iter();
        self.changed.extend(followers.filter(|own| self.waiting.contains(own)));
    }

    /// Takes stages in that have to run once more; what was ready may wait for them.
    fn again(&mut self, stages: Vec<usize>) {
        self.waiting.extend(stages);
        self.changed.clone_from(&self.waiting);
        self.ready.clear();
    }
}

/// A stage that runs.
struct Job {
    place: usize,
    stop: Arc<AtomicBool>,
    deadline: Option<Instant>,
    late: bool,
}

impl Schedule {
    fn new(plan: &Arc<Plan>, services: &Services, options: &Options) -> Result<Self, EngineError> {
        let threads = options.threads.max(1);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .max_blocking_threads(threads + 4)
            .enable_all()
            .build()
            .map_err(|error| EngineError::Threads(error.to_string()))?;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .map_err(|error| EngineError::Threads(error.to_string()))?;
        let shared = Arc::new(Shared {
            plan: Arc::clone(plan),
            store: Arc::clone(&services.store),
            observer: Arc::clone(&services.observer),
            pool,
            runtime: runtime.handle().clone(),
            project: options.project.clone(),
            memory: options.memory.map_or_else(Memory::unbounded, Memory::of),
        });
        Ok(Self { runtime, shared, stop: Arc::clone(&services.stop), permits: threads })
    }

    fn run(self, state: &mut State) {
        let stages: Vec<&str> =
            state.open.iter().map(|place| self.shared.plan.stages[*place].name.as_str()).collect();
        self.shared.observer.on(&Event::RunStarted { stages, threads: self.permits });
        self.runtime.block_on(self.drive(state));
        // What still runs after the time of grace is left to end with the process.
        self.runtime.shutdown_background();
    }

    async fn drive(&self, state: &mut State) {
        let mut running: JoinSet<(usize, Ended)> = JoinSet::new();
        let mut jobs: Vec<Job> = Vec::new();
        let mut queue = Queue::new(&self.shared.plan, &state.open);
        let mut stopping: Option<Instant> = None;
        loop {
            if stopping.is_none() && self.stop.load(Ordering::Relaxed) {
                stopping = Some(Instant::now());
                jobs.iter().for_each(|job| job.stop.store(true, Ordering::Relaxed));
            }
            if stopping.is_none() {
                self.look(state, &mut queue);
                self.start(state, &mut queue, &mut jobs, &mut running);
            }
            if running.is_empty() || stopping.is_some_and(|since| since.elapsed() > GRACE) {
                break;
            }
            match tokio::time::timeout(BEAT, running.join_next()).await {
                Ok(Some(Ok((place, ended)))) => {
                    let late = jobs.iter().any(|job| job.place == place && job.late);
                    jobs.retain(|job| job.place != place);
                    if !ended.lost.is_empty()
                        && let Some(again) = state.reopen(place, &ended.lost, &self.shared.store)
                    {
                        queue.again(again);
                        continue;
                    }
                    self.settle(state, place, ended, late);
                    queue.ended(place);
                }
                Ok(Some(Err(_)) | None) => {}
                Err(_) => expire(&mut jobs),
            }
        }
        running.detach_all();
    }

    /// Looks at the stages for which something changed: those whose inputs are all there may start,
    /// those that wait for one that failed are ended.
    fn look(&self, state: &mut State, queue: &mut Queue) {
        while let Some(place) = queue.changed.pop_first() {
            let stage = &self.shared.plan.stages[place];
            if let Some(blocker) = state.blocker(&self.shared.plan, stage) {
                let report = unrun(stage, Outcome::Blocked, &format!("`{blocker}` failed"));
                self.shared.observer.on(&Event::StageFinished { report: &report });
                state.open.remove(&place);
                state.reports[place] = Some(report);
                queue.waiting.remove(&place);
                queue.ended(place);
            } else if state.is_ready(stage) {
                queue.ready.insert(place);
            }
        }
    }

    /// Starts what is ready, as far as there are permits.
    fn start(
        &self,
        state: &State,
        queue: &mut Queue,
        jobs: &mut Vec<Job>,
        running: &mut JoinSet<(usize, Ended)>,
    ) {
        while jobs.len() < self.permits {
            let Some(place) = queue.ready.pop_first() else { break };
            queue.waiting.remove(&place);
            let stage = &self.shared.plan.stages[place];
            let inputs = inputs(stage, &state.results);
            let stop = Arc::new(AtomicBool::new(false));
            let deadline = stage.timeout.map(|limit| Instant::now() + limit);
            jobs.push(Job { place, stop: Arc::clone(&stop), deadline, late: false });
            let shared = Arc::clone(&self.shared);
            running.spawn_blocking(move || (place, stage::run(&shared, place, &inputs, &stop)));
        }
    }

    fn settle(&self, state: &mut State, place: usize, mut ended: Ended, late: bool) {
        if late && ended.report.outcome == Outcome::Stopped {
            let limit = self.shared.plan.stages[place].timeout.unwrap_or_default();
            ended.report.outcome = Outcome::Failed;
            ended.report.why = format!("it ran longer than its `timeout` of {limit:?}");
            ended.report.help = vec!["raise `timeout`, or give it less to do".to_owned()];
        }
        self.shared.observer.on(&Event::StageFinished { report: &ended.report });
        state.open.remove(&place);
        state.results[place] = ended.result;
        state.reports[place] = Some(ended.report);
    }
}

/// Stops the stages whose time is over.
fn expire(jobs: &mut [Job]) {
    for job in jobs {
        if job.deadline.is_some_and(|deadline| Instant::now() > deadline) {
            job.late = true;
            job.stop.store(true, Ordering::Relaxed);
        }
    }
}

/// Gives the outputs that a stage reads, which are all there.
fn inputs(stage: &Stage, results: &[Option<resolve::Result>]) -> Vec<ObjectRef> {
    stage
        .task
        .iter()
        .flat_map(|task| &task.inputs)
        .filter_map(|input| results[input.stage].as_ref()?.outputs.get(input.output).cloned())
        .collect()
}

/// Finds the folder of a project: that of the nearest `mlp.yaml` above, or else the pipeline's own.
#[must_use]
pub fn project_of(pipeline: &Path) -> PathBuf {
    let folder = pipeline.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new(".")).to_path_buf();
    let absolute = std::path::absolute(&folder).unwrap_or_else(|_| folder.clone());
    absolute
        .ancestors()
        .find(|above| above.join("mlp.yaml").is_file())
        .map_or(folder, Path::to_path_buf)
}

/// Says what is wrong with the settings file of a project: it marks the project's folder, and what it
/// says is not built yet.
#[must_use]
pub fn unbuilt_settings(project: &Path) -> Option<String> {
    let path = project.join("mlp.yaml");
    let text = std::fs::read_to_string(&path).ok()?;
    let says =
        |line: &str| !matches!(line.trim(), "" | "---" | "{}") && !line.trim().starts_with('#');
    text.lines().any(says).then(|| {
        format!(
            "the settings in `{}` are not built yet: leave the file empty, as the mark of a project's folder",
            path.display()
        )
    })
}
