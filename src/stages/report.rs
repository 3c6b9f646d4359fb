//! `report`: shows the pipeline and its results on one page.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use super::export;
use crate::data::Hash;
use crate::diag::Diagnostic;
use crate::params;
use crate::params::{Args, Kind, Params, Setting, Signature};
use crate::plan::{
    Artifact, Before, Caching, Checked, Checking, Failure, Input, Produced, Reads, Registry, Role,
    Running, StageKind, Task, Work,
};
use crate::report::{self, Content, Entry, Found, Outline, Page, State};
use crate::sources;

params! {
    /// Shows the pipeline and its results on one page, which needs no network and no other file.
    ///
    /// The page is made again when a result that it shows changed, or what it says of a stage.
    pub(super) struct Report("report", 0) {
        /// The stages or outputs to show; left out, all but exports and other reports.
        of: Option<Setting> as (Kind::Optional(&Kind::List(&Kind::Stage))) = None,
        /// The file; it must lie below the project's folder and end in `.html`.
        to: String as (Kind::Path) = "report.html".to_owned(),
    }
}

/// The registered kind.
pub(super) struct ReportKind;

impl StageKind for ReportKind {
    fn signature(&self) -> &'static Signature {
        const { &Report::SIGNATURE }
    }

    fn role(&self) -> Role {
        Role::Effect
    }

    fn reads_all(&self, args: &Args) -> bool {
        args.given("of").is_none()
    }

    fn check(&self, args: &Args, checking: &mut Checking<'_>) -> Option<Checked> {
        let fields = Report::from_args(args)?;
        check_target(&fields.to, args, checking)?;
        let path = checking.folder.join(&fields.to);
        export::check_place(&path, args.get("to")?, checking)?;
        let named = named(args, checking)?;
        let before = checking.before();
        let shows = |own: &Before<'_>, output: usize| match &named {
            None => own.directly,
            Some(named) => named.iter().any(|(stage, which)| {
                *stage == own.place && which.is_none_or(|which| which == output)
            }),
        };
        let shown = |own: &Before<'_>| match &named {
            None => own.directly,
            Some(named) => named.iter().any(|(stage, _)| *stage == own.place),
        };
        let outline = outline(checking, &before, &shown);
        let mut inputs = Vec::new();
        let mut places = Vec::new();
        for (entry, stage) in outline.stages.iter().enumerate() {
            let Some(own) = before.iter().find(|own| own.name == stage.name) else { continue };
            let kept = own.checked.task.is_some();
            for (output, (name, _)) in own.checked.outputs.iter().enumerate() {
                if kept && shows(own, output) {
                    inputs.push(Input { stage: own.place, output, reads: Reads::All });
                    places.push((entry, (*name).to_owned()));
                }
            }
        }
        let settings = json!({ "to": fields.to, "page": outline });
        let defined: Vec<bool> = outline
            .stages
            .iter()
            .map(|stage| {
                !before.iter().any(|own| own.name == stage.name && own.checked.task.is_some())
            })
            .collect();
        let task = Task {
            inputs,
            settings,
            files: Vec::new(),
            writes: vec![path.clone()],
            work: Arc::new(Showing { path, outline, defined, places }),
            caching: Caching::Effect,
        };
        Some(Checked { outputs: Vec::new(), task: Some(task) })
    }
}

/// Checks that the file is named like a page.
fn check_target(to: &str, args: &Args, checking: &mut Checking<'_>) -> Option<()> {
    let html = std::path::Path::new(to).extension().is_some_and(|extension| {
        extension.eq_ignore_ascii_case("html") || extension.eq_ignore_ascii_case("htm")
    });
    if !html {
        let span = args.get("to").map_or(checking.place, |bound| bound.span);
        checking.report(
            Diagnostic::error("unknown-format", span, format!("`{to}` is not named like a page"))
                .help("a report is written to a file that ends in `.html`"),
        );
    }
    html.then_some(())
}

/// Finds the stages and outputs that are to be shown; none means all.
fn named(args: &Args, checking: &mut Checking<'_>) -> Option<Option<Vec<(usize, Option<usize>)>>> {
    let Some(bound) = args.given("of") else { return Some(None) };
    let Setting::List(items) = &bound.setting else { return None };
    let mut named = Vec::new();
    let mut right = true;
    for item in items {
        let Setting::Stage(path) = &item.setting else { continue };
        match checking.stage(path, item.span) {
            Some(found) => named.push(found),
            None => right = false,
        }
    }
    if items.is_empty() {
        checking.report(
            Diagnostic::error("nothing-to-show", bound.span, "the list of stages is empty")
                .help("name stages, or leave `of` out to show all"),
        );
        right = false;
    }
    right.then_some(Some(named))
}

/// Tells all that the page says beside the results.
fn outline(
    checking: &Checking<'_>,
    before: &[Before<'_>],
    shown: &dyn Fn(&Before<'_>) -> bool,
) -> Outline {
    let entry = |own: &Before<'_>| {
        let shown = shown(own);
        // Of a stage that isn't shown the page reads what decides on the curves of others alone.
        let told = |name: &str| shown || matches!(name, "target" | "positive");
        let fields = own.written.iter().filter(|(name, _)| told(name));
        Entry {
            name: own.name.to_owned(),
            kind: own.kind.to_owned(),
            doc: if shown { own.doc.clone() } else { String::new() },
            fields: fields.map(|(name, text)| ((*name).to_owned(), text.clone())).collect(),
            before: own.waits.iter().map(|name| (*name).to_owned()).collect(),
            shown,
        }
    };
    let head = checking.head;
    let outline = Outline {
        title: head.name.clone(),
        doc: head.doc.clone(),
        problem: head.fields.problem.clone(),
        owner: head.fields.owner.clone(),
        seed: head.fields.seed,
        stages: before.iter().map(entry).collect(),
    };
    outline.ordered()
}

/// The work of a report.
struct Showing {
    path: PathBuf,
    outline: Outline,
    /// Which stages of the outline only define something.
    defined: Vec<bool>,
    /// For each input, its stage in the outline and the name of the output.
    places: Vec<(usize, String)>,
}

impl Work for Showing {
    fn run(&self, inputs: &[Artifact], running: &dyn Running) -> Result<Produced, Failure> {
        // A link may have been put in the way since the check.
        if !sources::lies_below(&self.path, running.project()) {
            return Err(export::outside(&self.path));
        }
        let mut found: Vec<Found> = self
            .defined
            .iter()
            .map(|defined| Found {
                state: if *defined { State::Defined } else { State::Done },
                ..Found::default()
            })
            .collect();
        let contents = running.contents();
        for (at, (artifact, (entry, name))) in inputs.iter().zip(&self.places).enumerate() {
            let digest = contents.get(at).copied().unwrap_or_else(|| Hash::of(&[]));
            let content = content(artifact, running.registry());
            if let Some(own) = found.get_mut(*entry) {
                if let Content::Fitted(model) = &content {
                    own.notes.extend(model.warnings());
                }
                own.outputs.push(report::Output { name: name.clone(), digest, content });
            }
        }
        let page = Page { outline: self.outline.clone(), found };
        let text = running.pool().install(|| report::render(&page));
        sources::write_bytes(text.as_bytes(), &self.path)
            .map_err(|error| Failure::new(error.to_string()))?;
        Ok(Produced { files: vec![self.path.clone()], ..Produced::default() })
    }
}

/// Gives what a page can show of an artifact.
fn content(artifact: &Artifact, registry: &Registry) -> Content {
    match artifact {
        Artifact::Table(table) => Content::Table(table.clone()),
        Artifact::Blob { bytes, .. } => Content::of_blob(bytes, registry.estimators()),
        Artifact::Kept(_) => Content::Other,
    }
}
