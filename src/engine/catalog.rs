//! Answers what a plan asks of the outside, from the disk and the cache.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;

use crate::data::{Hash, Hasher};
use crate::ml::model::ModelHead;
use crate::plan::{
    Catalog, ModelFile, ModelTrouble, Registry, Remembered, SourceAnswer, SourceRequest,
    SourceTrouble,
};
use crate::sources::{self, OnBadRow, SourceError};
use crate::store::{Store, schema_bytes, schema_of};

/// The largest text that is read as a pipeline or a query.
const MAX_TEXT: u64 = 16 << 20;

/// Counts up when the readers type columns in another way.
const COLUMNS_VERSION: u32 = 3;

/// The catalog of a project: its files, and what its cache remembers.
pub struct DiskCatalog {
    store: Arc<Store>,
    registry: Arc<Registry>,
    project: PathBuf,
}

impl DiskCatalog {
    /// Leans on a cache and on what is registered; files may be written below the project's folder.
    #[must_use]
    pub const fn new(store: Arc<Store>, registry: Arc<Registry>, project: PathBuf) -> Self {
        Self { store, registry, project }
    }

    /// Finds the columns of some files, or remembers them by content.
    fn columns(
        &self,
        request: &sources::Request<'_>,
        from: &str,
    ) -> Result<SchemaRef, SourceTrouble> {
        let key = self.key(request, from);
        if let Some(known) = key.and_then(|key| self.store.recall("columns", key))
            && let Some(schema) = schema_of(&known)
        {
            return Ok(schema);
        }
        let schema = sources::infer(request).map_err(|error| trouble(&error))?;
        if let Some(key) = key
            && let Some(bytes) = schema_bytes(&schema)
        {
            self.store.remember("columns", key, &bytes);
        }
        Ok(schema)
    }

    /// Names the columns of some files by their contents and the options of the reader.
    fn key(&self, request: &sources::Request<'_>, from: &str) -> Option<Hash> {
        let mut hasher = Hasher::new();
        hasher.update(&COLUMNS_VERSION.to_le_bytes()).text(from);
        hasher.text(&format!("{:?}", request.on_bad_row));
        for (name, kind) in request.schema {
            hasher.text(name).text(&kind.to_string());
        }
        for input in request.inputs {
            let content = self.store.content_hash(&input.path).ok()?;
            hasher.update(content.hash.as_bytes());
        }
        Some(hasher.finish())
    }
}

impl Catalog for DiskCatalog {
    fn text(&self, path: &Path) -> Result<String, String> {
        read_text(path)
    }

    fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    fn may_write(&self, path: &Path) -> bool {
        sources::lies_below(path, &self.project)
    }

    fn source(&self, request: &SourceRequest<'_>) -> SourceAnswer {
        match self.registry.sources().open(request.folder, request.from) {
            Err(error) => {
                SourceAnswer { files: Vec::new(), names: Vec::new(), schema: Err(trouble(&error)) }
            }
            Ok((inputs, options)) => {
                let files = inputs.iter().map(|input| input.path.clone()).collect();
                let names = inputs.iter().map(|input| input.name.clone()).collect();
                let mut wanted = sources::Request::new(&inputs, &options);
                wanted.schema = request.declared;
                wanted.on_bad_row =
                    if request.quarantine { OnBadRow::Quarantine } else { OnBadRow::Fail };
                let from = self.registry.sources().canonical(request.from).to_string();
                SourceAnswer { files, names, schema: self.columns(&wanted, &from) }
            }
        }
    }

    fn model(&self, folder: &Path, path: &str) -> Result<ModelFile, ModelTrouble> {
        let refused = |error: &SourceError| ModelTrouble {
            code: "unreadable-file",
            message: error.to_string(),
            help: error.help(),
        };
        let input = sources::named_file(folder, path).map_err(|error| refused(&error))?;
        let (mut file, metadata) = sources::open_file(&input).map_err(|error| refused(&error))?;
        let head = ModelHead::read(&mut file, metadata.len(), self.registry.estimators()).map_err(
            |source| refused(&SourceError::Io { file: path.to_owned(), action: "read", source }),
        )?;
        match head {
            Ok(head) => Ok(ModelFile { path: input.path, head }),
            Err(bad) => Err(ModelTrouble {
                code: bad.code(),
                message: bad.spoken(path),
                help: vec![bad.help().to_owned()],
            }),
        }
    }

    fn recall(&self, kind: Remembered, key: Hash) -> Option<Vec<u8>> {
        self.store.recall(word(kind), key)
    }

    fn remember(&self, kind: Remembered, key: Hash, value: &[u8]) {
        self.store.remember(word(kind), key, value);
    }
}

const fn word(kind: Remembered) -> &'static str {
    match kind {
        Remembered::Outline => "outline",
        Remembered::Analysis => "analysis",
        Remembered::Columns => "columns",
    }
}

/// Reads a text file of bounded size; what is wrong is said in the user's words.
///
/// # Errors
/// It isn't there, isn't readable, is no UTF-8, or is too large.
pub(super) fn read_text(path: &Path) -> Result<String, String> {
    let metadata = std::fs::metadata(path).map_err(|error| spoken(&error))?;
    if metadata.is_dir() {
        return Err("it is a folder".to_owned());
    }
    if metadata.len() > MAX_TEXT {
        return Err(format!("it is larger than {} MiB", MAX_TEXT >> 20));
    }
    // A device has no length, so what is read is bounded too.
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| spoken(&error))?;
    file.take(MAX_TEXT + 1).read_to_end(&mut bytes).map_err(|error| spoken(&error))?;
    if bytes.len() as u64 > MAX_TEXT {
        return Err(format!("it is larger than {} MiB", MAX_TEXT >> 20));
    }
    String::from_utf8(bytes).map_err(|error| {
        format!("it is no UTF-8 text (byte {} is wrong)", error.utf8_error().valid_up_to())
    })
}

fn spoken(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "it may not be read".to_owned(),
        _ => error.to_string(),
    }
}

fn trouble(error: &SourceError) -> SourceTrouble {
    let column = error.column().map(str::to_owned);
    let (message, help, absent) = (error.to_string(), error.help(), error.is_absent());
    SourceTrouble { message, help, absent, column }
}
