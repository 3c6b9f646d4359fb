//! The registry of sources: what a user can call to read files of a format.

mod arrow;
mod csv;
mod json;
mod ndjson;
mod parquet;
mod tsv;

use std::path::Path;

use serde_json::{Value as Json, json};

use super::{Format, Input, Options, SourceError, resolve};
use crate::params::{Args, Declared, Kind, Setting, Signature};

/// A source that can be called: `csv("data.csv", delimiter: ";")`.
pub trait SourceKind: Sync {
    /// Gives its name and parameters; the first of them is `path`, of the kind [`PATHS`].
    fn signature(&self) -> &'static Signature;

    /// Gives the format that it reads, if its files are known by their extension.
    fn format(&self) -> Option<Format> {
        None
    }

    /// Counts up when the same files and arguments give another table than before.
    fn version(&self) -> u32 {
        1
    }

    /// Makes the reader's options of the arguments.
    ///
    /// # Errors
    ///
    /// Says which argument makes no sense.
    fn options(&self, args: &Args) -> Result<Options, SourceError>;
}

/// Every registered source.
pub static SOURCES: &[&dyn SourceKind] = &[
    &csv::CsvKind,
    &tsv::TsvKind,
    &json::JsonKind,
    &ndjson::NdjsonKind,
    &parquet::ParquetKind,
    &arrow::ArrowKind,
];

/// What a path may be: a file, a pattern, a folder, or a list of these.
pub const PATHS: Kind = Kind::OneOf(&[Kind::Path, Kind::List(&Kind::Path)]);

/// The sources that a pipeline may call: the built-in ones, and those that a program adds.
#[derive(Clone, Default)]
pub struct Sources {
    added: Vec<&'static dyn SourceKind>,
}

impl Sources {
    /// Adds a kind; its word must not be taken.
    #[must_use]
    pub fn with(mut self, kind: &'static dyn SourceKind) -> Self {
        self.added.push(kind);
        self
    }

    /// Finds the files of a source and how they are read: a path, a list of paths, or a call.
    ///
    /// # Errors
    ///
    /// Fails where no file is found, no format is told, or an argument makes no sense.
    pub fn open(
        &self,
        folder: &Path,
        from: &Setting,
    ) -> Result<(Vec<Input>, Options), SourceError> {
        let paths = |setting: &Setting| Vec::<String>::from_setting(setting).unwrap_or_default();
        if let Setting::Call(call) = from {
            let kind = self.named(call.name).ok_or_else(|| SourceError::Option {
                options: &[],
                problem: format!("there is no source `{}`", call.name),
            })?;
            let bound = call.args.get("path");
            let written = bound.map(|bound| paths(&bound.setting)).unwrap_or_default();
            return Ok((resolve(folder, &written)?, kind.options(&call.args)?));
        }
        let inputs = resolve(folder, &paths(from))?;
        let format = Format::of_inputs(&inputs)?;
        Ok((inputs, Options::from(format)))
    }

    fn named(&self, name: &str) -> Option<&'static dyn SourceKind> {
        let mut all = SOURCES.iter().chain(&self.added);
        all.find(|kind| kind.signature().name == name).copied()
    }

    /// Writes how a source is read canonically: its format, options and version, not its paths.
    ///
    /// A path alone is the call of its format with every option left out.
    #[must_use]
    pub fn canonical(&self, from: &Setting) -> Json {
        let (kind, mut options) = match from {
            Setting::Call(call) => (self.named(call.name), call.args.canonical()),
            other => {
                let paths = Vec::<String>::from_setting(other).unwrap_or_default();
                let format = paths.first().and_then(|path| Format::of_name(path));
                let of_format =
                    |kind: &&&dyn SourceKind| format.is_some() && kind.format() == format;
                let kind = SOURCES.iter().find(of_format).copied();
                let params = kind.map(|kind| kind.signature().params).unwrap_or_default();
                let defaults = params.iter().filter_map(|param| {
                    let default = param.default?;
                    Some((param.name.to_owned(), default().canonical()))
                });
                (kind, defaults.collect())
            }
        };
        // A folder tells its format only once its files are known.
        let Some(kind) = kind else { return json!("by extension") };
        if let Json::Object(options) = &mut options {
            options.shift_remove("path");
        }
        let mut canonical = json!({ kind.signature().name: options });
        if kind.version() > 1 {
            canonical["version"] = json!(kind.version());
        }
        canonical
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::SINKS;

    fn files(folder: &str) -> Vec<String> {
        let path = Path::new("src/sources").join(folder);
        let entries = std::fs::read_dir(path).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "mod.rs")
            .map(|name| name.trim_end_matches(".rs").to_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn each_file_of_the_folder_is_registered() {
        let mut names: Vec<&str> = SOURCES.iter().map(|kind| kind.signature().name).collect();
        names.sort_unstable();
        assert_eq!(names, files("kinds"));
        let mut sinks: Vec<String> =
            SINKS.iter().map(|sink| sink.format().spoken().to_lowercase()).collect();
        sinks.sort();
        assert_eq!(sinks, files("sinks"));
    }

    #[test]
    fn a_path_alone_is_the_call_with_its_defaults() {
        for kind in SOURCES {
            let signature = kind.signature();
            let path = Setting::Text(format!("in/data.{}", signature.name));
            let mut args = Args::default();
            let place = crate::text::Span::new(crate::text::FileId(0), 0, 0);
            for param in signature.params {
                let setting = param.default.map_or_else(|| path.clone(), |default| default());
                args.set(param.name, crate::params::Bound { setting, span: place, written: false });
            }
            assert_eq!(
                kind.options(&args).unwrap(),
                kind.format().map(Options::from).unwrap(),
                "{}",
                signature.name
            );
            let call = Setting::Call(crate::params::Call { name: signature.name, args });
            let sources = Sources::default();
            assert_eq!(sources.canonical(&call), sources.canonical(&path));
        }
    }
}
