//! Reads a pipeline: its file, what that imports, and its parameters; then builds the plan.

use std::path::{Path, PathBuf};

use super::build::{self, Plan};
use super::catalog::Catalog;
use super::names::{Instance, InstanceId};
use super::parameters;
use crate::diag::{Diagnostic, Diagnostics};
use crate::ml::estimators::Device;
use crate::syntax::{self, ast};
use crate::text::{SourceMap, Span};

/// How deep imports may go.
const MAX_IMPORTS: usize = 256;

/// What a user asks of a pipeline beside its file.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// `--set NAME=VALUE`, in order.
    pub sets: Vec<(String, String)>,
    /// The text of `--params FILE.yaml`, and its path for messages.
    pub params_file: Option<(PathBuf, String)>,
    /// `--deny warnings`.
    pub deny_warnings: bool,
    /// `--device`: where networks are trained that don't say it themselves.
    pub device: Device,
}

/// A pipeline as far as it could be understood.
#[derive(Debug)]
pub struct Loaded {
    /// The texts that it is made of.
    pub sources: SourceMap,
    /// What will run; none if there are errors.
    pub plan: Option<Plan>,
    /// Everything that was found, in the order of the text.
    pub diagnostics: Diagnostics,
}

/// Reads and checks a whole pipeline. Every problem is found at once.
pub fn load(path: &Path, text: &str, request: &Request, catalog: &dyn Catalog) -> Loaded {
    let mut reading = Reading {
        catalog,
        sources: SourceMap::default(),
        instances: Vec::new(),
        open: Vec::new(),
        diagnostics: Diagnostics::default(),
    };
    reading.file(path, text, "");
    let Reading { mut sources, instances, mut diagnostics, .. } = reading;
    let parameters = parameters::settle(
        &instances,
        request,
        &mut sources,
        catalog.registry().vocabulary(),
        &mut diagnostics,
    );
    let plan = build::build(path, &instances, &parameters, catalog, &mut sources, &mut diagnostics);
    if request.deny_warnings {
        diagnostics.deny_warnings();
    }
    diagnostics.sort();
    let plan = plan.filter(|_| !diagnostics.has_errors());
    Loaded { sources, plan, diagnostics }
}

/// Files being read.
struct Reading<'a> {
    catalog: &'a dyn Catalog,
    sources: SourceMap,
    instances: Vec<Instance>,
    /// The files whose imports are being followed, for cycles.
    open: Vec<PathBuf>,
    diagnostics: Diagnostics,
}

impl Reading<'_> {
    /// Parses a file and follows its imports; `prefix` is what its names get in front.
    fn file(&mut self, path: &Path, text: &str, prefix: &str) -> InstanceId {
        let source = self.sources.add(path, text);
        let (tree, found) = syntax::parse(&source);
        self.diagnostics.extend(found);
        let id = self.instances.len();
        let folder = path.parent().unwrap_or_else(|| Path::new("")).to_path_buf();
        let imports: Vec<ast::Import> = tree
            .items
            .iter()
            .filter_map(|item| match item {
                ast::Item::Import(import) => Some(import.clone()),
                _ => None,
            })
            .collect();
        self.instances.push(Instance {
            prefix: prefix.to_owned(),
            path: path.to_path_buf(),
            folder,
            tree,
            imports: Vec::new(),
        });
        self.open.push(path.to_path_buf());
        for import in imports {
            if let Some(target) = self.import(id, &import, prefix) {
                let alias = import.alias.map(|alias| alias.node);
                self.instances[id].imports.push((alias, target));
            }
        }
        self.open.pop();
        id
    }

    fn import(
        &mut self,
        from: InstanceId,
        import: &ast::Import,
        prefix: &str,
    ) -> Option<InstanceId> {
        let path = normal(&self.instances[from].folder.join(&import.path.node));
        let prefix = match &import.alias {
            Some(alias) => format!("{prefix}{}.", alias.node),
            None => prefix.to_owned(),
        };
        if self.open.contains(&path) {
            self.cycle(&path, import.path.span);
            return None;
        }
        let known = |own: &Instance| own.path == path && own.prefix == prefix;
        if let Some(known) = self.instances.iter().position(known) {
            return Some(known);
        }
        if self.instances.len() >= MAX_IMPORTS {
            self.diagnostics.push(
                Diagnostic::error(
                    "too-many-imports",
                    import.span,
                    format!("more than {MAX_IMPORTS} files are imported"),
                )
                .help("merge some of the files"),
            );
            return None;
        }
        match self.catalog.text(&path) {
            Ok(text) => Some(self.file(&path, &text, &prefix)),
            Err(reason) => {
                self.diagnostics.push(
                    Diagnostic::error(
                        "unreadable-import",
                        import.path.span,
                        format!("`{}` can't be read: {reason}", import.path.node),
                    )
                    .help("the path is relative to the file that holds the `import`"),
                );
                None
            }
        }
    }

    fn cycle(&mut self, path: &Path, span: Span) {
        let first = self.open.iter().position(|open| open == path).unwrap_or(0);
        let names = self.open[first..].iter().map(PathBuf::as_path).chain([path]);
        let names: Vec<String> = names
            .map(|path| path.file_name().unwrap_or_default().to_string_lossy().into_owned())
            .collect();
        self.diagnostics.push(
            Diagnostic::error(
                "import-cycle",
                span,
                format!("the files import each other: {}", names.join(" → ")),
            )
            .help("move what both need into a third file"),
        );
    }
}

/// Takes `.` and `x/..` out of a path, without asking the disk.
pub(super) fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir
                if normal.file_name().is_some_and(|name| name != "..") =>
            {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}
