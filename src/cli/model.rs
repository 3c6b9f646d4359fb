//! Model files that the command line names: opening them, and saying what is in one.

use std::io::Read;
use std::path::Path;

use serde_json::{Value as Json, json};

use super::{Trouble, Ui, grid};
use crate::ml::model::{FittedModel, ModelHead};
use crate::sources::{self, Input, SourceError};

/// A model file that was read.
pub(super) struct Opened {
    /// What it says of itself.
    pub(super) head: ModelHead,
    /// The model.
    pub(super) model: FittedModel,
}

/// Tells a model file by its name.
pub(super) fn is_model(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "mlpmodel")
}

/// Reads a model file.
pub(super) fn open(path: &Path, ui: &Ui) -> Result<Opened, Trouble> {
    let estimators = ui.registry.estimators();
    let name = path.to_string_lossy().into_owned();
    let bytes = read(&Input { path: path.to_path_buf(), name: name.clone() })
        .map_err(|error| unreadable(&error))?;
    let opened = ModelHead::read(&mut bytes.as_slice(), bytes.len() as u64, estimators)
        .map_err(|error| Trouble::wrong(format!("`{name}` can't be read: {error}")))?
        .and_then(|head| Ok(Opened { head, model: FittedModel::load(&bytes, estimators)? }));
    opened.map_err(|bad| {
        if path.extension().is_some_and(|extension| extension == "mlp") {
            return Trouble::wrong(format!("`{name}` is a pipeline, not a model file"))
                .help("a stage `export { model: …, to: \"NAME.mlpmodel\" }` writes a model file");
        }
        Trouble::wrong(bad.spoken(&name)).help(bad.help())
    })
}

fn read(input: &Input) -> Result<Vec<u8>, SourceError> {
    let (mut file, _) = sources::open_file(input)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|source| SourceError::Io {
        file: input.name.clone(),
        action: "read",
        source,
    })?;
    Ok(bytes)
}

/// Says why a file that the command line names can't be read; paths there are as everywhere on it.
pub(super) fn unreadable(error: &SourceError) -> Trouble {
    let help = error.help().into_iter().filter(|line| !line.starts_with("paths are relative"));
    help.fold(Trouble::wrong(error.to_string()), Trouble::help)
}

impl Opened {
    /// Says what is in the file.
    pub(super) fn text(&self) -> String {
        let head = &self.head;
        let told = match &head.target {
            Some(target) => format!("{} of `{target}`", head.task.word()),
            None => head.task.word().to_owned(),
        };
        let mut rows = vec![
            vec!["task".to_owned(), told],
            vec!["estimator".to_owned(), head.estimator.clone()],
        ];
        if !head.classes.is_empty() {
            let classes: Vec<String> = head.classes.iter().map(ToString::to_string).collect();
            rows.push(vec!["classes".to_owned(), classes.join(", ")]);
        }
        if let Some(positive) = &head.positive {
            rows.push(vec!["positive".to_owned(), positive.to_string()]);
        }
        rows.push(vec!["learnt from".to_owned(), self.training()]);
        let columns: Vec<Vec<String>> = head
            .columns
            .iter()
            .map(|column| vec![column.name.clone(), column.kind.clone()])
            .collect();
        let mut settings = Vec::new();
        for field in ["estimator", "weight", "class_weight"] {
            written(field, &head.settings[field], &mut settings);
        }
        let mut text = grid::align(&rows, |_| false, 0);
        text.push_str("\nfitted\n");
        self.model.explain().iter().for_each(|line| text.push_str(&format!("  {line}\n")));
        text.push_str("\nreads\n");
        text.push_str(&grid::align(&columns, |_| false, 2));
        if !settings.is_empty() {
            text.push_str("\nsettings\n");
            text.push_str(&grid::align(&settings, |_| false, 2));
        }
        text
    }

    fn training(&self) -> String {
        let training = &self.head.training;
        let rows = usize::try_from(training.rows).unwrap_or(usize::MAX);
        let mut text = grid::counted(rows, "row");
        if let Some(content) = &training.content {
            text.push_str(&format!(" ({})", content.short()));
        }
        if let Some(seed) = training.seed {
            text.push_str(&format!(", seed {seed}"));
        }
        format!("{text}, mlp {}", training.mlp)
    }

    /// Says what is in the file, for a program.
    pub(super) fn json(&self) -> Json {
        let mut answer = json!(self.head);
        if let Some(answer) = answer.as_object_mut() {
            answer.shift_remove("body");
            answer.insert("fitted".to_owned(), json!(self.model.explain()));
        }
        answer
    }
}

/// Lists settings by path; what is nothing is left out. The steps stand under what was fitted.
fn written(path: &str, value: &Json, rows: &mut Vec<Vec<String>>) {
    match value {
        Json::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                written(&path, value, rows);
            }
        }
        // A call and the version of what it names.
        Json::Array(items) if matches!(items.as_slice(), [Json::Object(_), Json::Number(_)]) => {
            items.iter().take(1).for_each(|call| written(path, call, rows));
        }
        Json::Null => {}
        Json::Array(items) if items.is_empty() => {}
        Json::String(text) => rows.push(vec![path.to_owned(), text.clone()]),
        other => rows.push(vec![path.to_owned(), other.to_string()]),
    }
}
