//! The pipeline that a command line names, read and checked.

use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;

use super::render;
use super::{Trouble, Ui};
use crate::diag::nearest;
use crate::engine::{DiskCatalog, project_of, unbuilt_settings};
use crate::ml::estimators::Device;
use crate::plan::{self, Loaded, Plan, Registry, Request};
use crate::stages;
use crate::store::{Store, StoreError};

/// The largest text that is read.
const MAX_TEXT: usize = 16 << 20;

// The arguments of every command that takes a pipeline. (clap would take a doc comment here for that
// of the command itself.)
#[derive(Debug, clap::Args)]
pub(super) struct Pipeline {
    /// The pipeline.
    file: PathBuf,
    /// Set a parameter; may be given more than once.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    sets: Vec<String>,
    /// Read parameters from a YAML file of `name: value` lines; `--set` wins over it.
    #[arg(long, value_name = "FILE.yaml")]
    params: Option<PathBuf>,
    /// Train networks there that don't say it themselves: `cpu`, `cuda`, `cuda:1`, `metal`.
    #[arg(long, value_name = "DEVICE", value_parser = device)]
    device: Option<Device>,
    /// Take what is only doubtful for a mistake.
    #[arg(long, value_name = "WHAT", value_enum)]
    deny: Option<Deny>,
}

/// What may be taken for a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Deny {
    /// Warnings.
    Warnings,
}

/// A pipeline that was read, and what was found in it.
pub(super) struct Opened {
    /// What will run; none if there are errors, which were shown.
    pub(super) plan: Option<Plan>,
    /// The cache of the pipeline's project.
    pub(super) store: Arc<Store>,
}

impl Pipeline {
    /// Gives the file as it was named.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Gives the folder of the project that the pipeline belongs to.
    pub(super) fn project(&self) -> PathBuf {
        project_of(&self.file)
    }

    /// Reads and checks the pipeline, and keeps what is found to itself.
    pub(super) fn load(&self, ui: &Ui) -> Result<(Loaded, Arc<Store>), Trouble> {
        if self.file.is_relative() {
            stand()?;
        }
        let text = read(&self.file, "pipeline")?;
        let request = self.request()?;
        let store = Arc::new(open_store(&self.project())?);
        Ok((load_with(&self.file, &text, &request, &store, ui.registry), store))
    }

    /// Reads and checks the pipeline, and shows what is wrong; what is only doubtful, `check` and
    /// `run` tell.
    pub(super) fn open(&self, ui: &Ui) -> Result<Opened, Trouble> {
        let (Loaded { sources, plan, diagnostics }, store) = self.load(ui)?;
        if plan.is_none() {
            ui.say(&render::findings(&sources, &diagnostics, &ui.err));
        }
        Ok(Opened { plan, store })
    }

    fn request(&self) -> Result<Request, Trouble> {
        let pair = |set: &String| match set.split_once('=') {
            Some((name, value)) => Ok((name.trim().to_owned(), value.to_owned())),
            None => Err(Trouble::wrong(format!("`--set {set}` has no `=`"))
                .help("write `--set NAME=VALUE`")),
        };
        let params_file = match &self.params {
            Some(path) => Some((path.clone(), read(path, "parameter file")?)),
            None => None,
        };
        Ok(Request {
            sets: self.sets.iter().map(pair).collect::<Result<_, _>>()?,
            params_file,
            deny_warnings: self.deny == Some(Deny::Warnings),
            device: self.device.unwrap_or_default(),
        })
    }
}

/// Reads a device that this program can train on.
fn device(text: &str) -> Result<Device, String> {
    let device: Device = text.parse()?;
    device.missing().map_or(Ok(device), Err)
}

/// Checks a pipeline whose text is at hand; what is found out about its data is remembered in the
/// cache.
#[must_use]
pub fn load_pipeline(path: &Path, text: &str, request: &Request, store: &Arc<Store>) -> Loaded {
    load_with(path, text, request, store, &Arc::new(stages::registry()))
}

/// Does as [`load_pipeline`], with what a program's own registry holds.
#[must_use]
pub fn load_with(
    path: &Path,
    text: &str,
    request: &Request,
    store: &Arc<Store>,
    registry: &Arc<Registry>,
) -> Loaded {
    let registry = Arc::clone(registry);
    let catalog = DiskCatalog::new(Arc::clone(store), registry, project_of(path));
    plan::load(path, text, request, &catalog)
}

/// Opens the cache of a project.
pub(super) fn open_store(project: &Path) -> Result<Store, Trouble> {
    if let Some(message) = unbuilt_settings(project) {
        return Err(Trouble::wrong(message));
    }
    Store::open(&project.join(".mlp")).map_err(|error| {
        let help = match &error {
            StoreError::Io { .. } => {
                vec!["the folder `.mlp` is the cache: move away what is in its place".to_owned()]
            }
            _ => Vec::new(),
        };
        Trouble::Failed { message: format!("the cache can't be opened: {error}"), help }
    })
}

/// Checks that there is a folder from which paths can lead.
fn stand() -> Result<(), Trouble> {
    std::env::current_dir().map(drop).map_err(|_| {
        Trouble::wrong("the folder in which mlp was started is gone")
            .help("go to a folder that is there, and name the pipeline from it")
    })
}

/// Reads a text that the command line names.
pub(super) fn read(path: &Path, what: &str) -> Result<String, Trouble> {
    let shown = path.display();
    let bytes = bounded(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => missing(path, what),
        ErrorKind::IsADirectory => Trouble::wrong(format!("`{shown}` is a folder, not a {what}")),
        _ => Trouble::wrong(format!("the {what} `{shown}` can't be read: {error}")),
    })?;
    if bytes.len() > MAX_TEXT {
        return Err(Trouble::wrong(format!(
            "the {what} `{shown}` is larger than {} MiB",
            MAX_TEXT >> 20
        )));
    }
    String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1;
        Trouble::wrong(format!("the {what} `{shown}` isn't UTF-8 text: line {line}"))
            .help("save it as UTF-8")
    })
}

/// Reads a file, and no more of it than shows that it is too large: some never end.
fn bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(MAX_TEXT as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Says that a file isn't there, and which was likely meant.
fn missing(path: &Path, what: &str) -> Trouble {
    let trouble = Trouble::wrong(format!("there is no {what} `{}`", path.display()));
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."));
    let mut beside: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| Path::new(name).extension() == path.extension().or(Some("mlp".as_ref())))
        .collect();
    beside.sort();
    let wanted = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match nearest(&wanted, beside.iter().map(String::as_str)) {
        Some(name) => {
            trouble.help(format!("did you mean `{}`?", path.with_file_name(name).display()))
        }
        None => trouble,
    }
}

/// Says that a plan has no such stage.
pub(super) fn no_stage(plan: &Plan, name: &str) -> Trouble {
    let names = || plan.stages.iter().map(|stage| stage.name.as_str());
    let trouble = Trouble::wrong(format!("`{}` has no stage `{name}`", plan.name));
    match nearest(name, names()) {
        Some(near) => trouble.help(format!("did you mean `{near}`?")),
        None => trouble
            .help(format!("its stages: {}", super::summary::listed(&names().collect::<Vec<_>>()))),
    }
}
