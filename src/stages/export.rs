//! `export`: writes a table or a fitted model to a file, whole or not at all.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use super::fitted::{self, Model, Place};
use crate::diag::Diagnostic;
use crate::params;
use crate::params::{Args, Bound, Kind, Params, Setting, Signature};
use crate::plan::{
    Artifact, Caching, Checked, Checking, Failure, Input, Produced, Reads, Role, Running,
    StageKind, Task, Work,
};
use crate::sources;

params! {
    /// Writes a table to a file, whole or not at all.
    ///
    /// The format follows the extension of the file.
    pub(super) struct Export("export", 0) {
        /// The table to write.
        data: Option<Setting> as (Kind::Optional(&Kind::Stage)) = None,
        /// The fitted model to write, to a file `NAME.mlpmodel`.
        model: Option<Setting> as (Kind::Optional(&fitted::MODEL)) = None,
        /// The file; it must lie below the project's folder.
        to: String as (Kind::Path),
    }
}

/// The registered kind.
pub(super) struct ExportKind;

impl StageKind for ExportKind {
    fn signature(&self) -> &'static Signature {
        const { &Export::SIGNATURE }
    }

    fn role(&self) -> Role {
        Role::Effect
    }

    fn check(&self, args: &Args, checking: &mut Checking<'_>) -> Option<Checked> {
        let export = Export::from_args(args)?;
        let to = args.get("to")?;
        let (inputs, files, what) = input(args, &export.to, checking)?;
        let path = checking.folder.join(&export.to);
        let is_model = export.model.is_some();
        check_target(&path, is_model, to, checking)?;
        check_place(&path, to, checking)?;
        let task = Task {
            inputs,
            // The path is kept as it was written, so that the key is the same in any directory.
            settings: json!({ "to": export.to, "model": is_model }),
            files,
            writes: vec![path.clone()],
            work: Arc::new(Writing { path, what }),
            caching: Caching::Effect,
        };
        Some(Checked { outputs: Vec::new(), task: Some(task) })
    }
}

/// Finds what is to be written: a table or a fitted model, not both.
fn input(
    args: &Args,
    to: &str,
    checking: &mut Checking<'_>,
) -> Option<(Vec<Input>, Vec<PathBuf>, What)> {
    match (args.given("data"), args.given("model")) {
        (Some(data), None) => {
            let table = checking.table(data)?;
            if let Some(schema) = &table.kind.schema
                && let Err(error @ sources::SourceError::Unfit { .. }) =
                    sources::can_hold(to, schema)
            {
                let diagnostic = Diagnostic::error("unfit-column", data.span, error.to_string());
                checking.report(error.help().into_iter().fold(diagnostic, Diagnostic::help));
                return None;
            }
            Some((vec![table.input(Reads::All)], Vec::new(), What::Table))
        }
        (None, Some(model)) => {
            let (mut inputs, mut files) = (Vec::new(), Vec::new());
            let place = Model::of(model, checking)?.place(&mut inputs, &mut files);
            Some((inputs, files, What::Model(place)))
        }
        (Some(_), Some(model)) => {
            checking.report(
                Diagnostic::error(
                    "two-exports",
                    model.span,
                    "an export writes `data` or `model`, not both",
                )
                .help("write a second `export` for the other"),
            );
            None
        }
        (None, None) => {
            checking.report(
                Diagnostic::error(
                    "missing-field",
                    checking.place,
                    "`export` needs `data` or `model`",
                )
                .help("add `data: …`, the name of a table"),
            );
            None
        }
    }
}

/// Checks that the file's extension says how to write it.
fn check_target(path: &Path, model: bool, to: &Bound, checking: &mut Checking<'_>) -> Option<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let known = if model {
        name.ends_with(".mlpmodel")
    } else {
        sources::Format::of_name(&name).is_some_and(sources::Format::can_write)
    };
    if !known {
        let expected = if model {
            "a model is written to a file that ends in `.mlpmodel`".to_owned()
        } else {
            "a table is written to a file that ends in `.parquet`, `.csv`, `.ndjson` or `.arrow`"
                .to_owned()
        };
        checking.report(
            Diagnostic::error(
                "unknown-format",
                to.span,
                format!("the extension of `{name}` says no format to write"),
            )
            .help(expected),
        );
        return None;
    }
    Some(())
}

/// Checks that the file lies where the project may write.
pub(super) fn check_place(path: &Path, to: &Bound, checking: &mut Checking<'_>) -> Option<()> {
    if checking.catalog.may_write(path) {
        return Some(());
    }
    let failure = outside(path);
    let diagnostic = Diagnostic::error("outside-project", to.span, failure.message);
    checking.report(failure.help.into_iter().fold(diagnostic, Diagnostic::help));
    None
}

/// Says that a file lies where the project may not write.
pub(super) fn outside(path: &Path) -> Failure {
    Failure::new(format!("`{}` lies outside of the project's folder", path.display())).help(
        "write to a path below the folder of the pipeline (or of the nearest `mlp.yaml` above)",
    )
}

/// The work of an export.
struct Writing {
    path: PathBuf,
    what: What,
}

/// What is written.
enum What {
    /// The table that is the input.
    Table,
    /// A fitted model.
    Model(Place),
}

impl Work for Writing {
    fn run(&self, inputs: &[Artifact], running: &dyn Running) -> Result<Produced, Failure> {
        // A link may have been put in the way since the check.
        if !sources::lies_below(&self.path, running.project()) {
            return Err(outside(&self.path));
        }
        let written = match &self.what {
            What::Table => {
                let input = inputs.first().ok_or_else(|| Failure::new("there are no rows"))?;
                sources::write(input.table()?, &self.path)
            }
            What::Model(place) => sources::write_bytes(&place.bytes(inputs, running)?, &self.path),
        };
        written.map_err(|error| {
            error.help().into_iter().fold(Failure::new(error.to_string()), Failure::help)
        })?;
        Ok(Produced { files: vec![self.path.clone()], ..Produced::default() })
    }
}
