//! Fitted models as fields name them: the output of a stage, or a file.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};

use super::learning::{self, FITTED, Named};
use crate::data::{ColumnType, Sort};
use crate::diag::{Diagnostic, nearest};
use crate::ml::estimator::Task as Learning;
use crate::ml::model::{Feature, FittedModel, Interface, ModelHead};
use crate::params;
use crate::params::{Args, Bound, Family, Kind, Params, Setting, Signature};
use crate::plan::{
    Artifact, Checking, Failure, FittedType, Input, Reads, Running, Source, TableType,
};
use crate::sources;
use crate::text::Span;

params! {
    /// A fitted model that an `export` wrote to a file.
    ///
    /// It stands wherever a fitted model is taken: `evaluate { model: load("out/churn.mlpmodel"), … }`.
    /// What it reads is checked before any work; what reads it runs again when the file changed. In
    /// tables of metrics it has the name of the file.
    pub(super) struct Load("load", 1) {
        /// The file, whose name ends in `.mlpmodel`; relative to the file that holds this path.
        path: String as (Kind::Path),
    }
}

/// The words that read a model.
pub(super) static STORED: &[&Signature] = &[const { &Load::SIGNATURE }];

/// What a field takes that takes a fitted model.
pub(super) const MODEL: Kind = Kind::OneOf(&[Kind::Stage, Kind::Call(Family::Stored)]);

/// A fitted model that a field names.
pub(super) struct Model {
    /// What it is called in tables and messages.
    pub(super) name: String,
    /// Where it was written.
    pub(super) span: Span,
    /// What it takes and gives.
    pub(super) interface: Arc<Interface>,
    /// Where it comes from.
    pub(super) origin: Origin,
}

/// Where a fitted model comes from.
pub(super) enum Origin {
    /// A stage.
    Stage(Source<FittedType>),
    /// A file, and the path as it was written.
    File(PathBuf, String),
}

impl Model {
    /// Finds the fitted model that a field names.
    pub(super) fn of(bound: &Bound, checking: &mut Checking<'_>) -> Option<Self> {
        if let Setting::Call(call) = &bound.setting {
            let path = Load::from_args(&call.args)?.path;
            return Self::of_file(path, bound.span, checking);
        }
        let source = checking.fitted(bound)?;
        Some(Self {
            name: source.name.clone(),
            span: source.span,
            interface: Arc::clone(&source.kind.interface),
            origin: Origin::Stage(source),
        })
    }

    fn of_file(written: String, span: Span, checking: &mut Checking<'_>) -> Option<Self> {
        match checking.catalog.model(checking.folder, &written) {
            Ok(file) => {
                let stem = file.path.file_stem().unwrap_or_default();
                Some(Self {
                    name: stem.to_string_lossy().into_owned(),
                    span,
                    interface: Arc::new(file.head.interface()),
                    origin: Origin::File(file.path, written),
                })
            }
            Err(trouble) => {
                let diagnostic = Diagnostic::error(trouble.code, span, trouble.message);
                checking.report(trouble.help.into_iter().fold(diagnostic, Diagnostic::help));
                None
            }
        }
    }

    /// Finds the fitted models of a stage, which share target and task.
    pub(super) fn all(args: &Args, checking: &mut Checking<'_>) -> Option<Vec<Self>> {
        let bounds = learning::named(args, checking)?;
        let found: Vec<Option<Self>> =
            bounds.into_iter().map(|bound| Self::of(bound, checking)).collect();
        let mut models: Vec<Self> = found.into_iter().collect::<Option<_>>()?;
        tell_apart(&mut models);
        let named = models.iter().map(|model| Named {
            name: &model.name,
            span: model.span,
            tells: model.interface.target.as_ref(),
            task: model.interface.task,
            target: None,
        });
        learning::same_target(named, checking)?;
        Some(models)
    }

    /// Adds what work reads of it, and says where the work finds it.
    pub(super) fn place(&self, inputs: &mut Vec<Input>, files: &mut Vec<PathBuf>) -> Place {
        match &self.origin {
            Origin::Stage(source) => {
                inputs.push(source.input(Reads::All));
                Place::Input(inputs.len() - 1)
            }
            Origin::File(path, written) => {
                files.push(path.clone());
                let input = sources::Input { path: path.clone(), name: written.clone() };
                Place::File(input, Arc::clone(&self.interface))
            }
        }
    }

    /// Gives the columns that a prediction reads, if they are known.
    pub(super) fn features(&self) -> Option<impl Iterator<Item = &str>> {
        Some(self.interface.features.as_ref()?.iter().map(|feature| feature.name.as_str()))
    }

    /// Gives what a judgement reads of a table.
    pub(super) fn judging(&self, data: &Source<TableType>) -> Reads {
        match self.interface.columns() {
            Some(columns) if !data.kind.open && data.kind.schema.is_some() => {
                Reads::Columns(columns.map(str::to_owned).collect())
            }
            _ => Reads::All,
        }
    }

    /// Gives what the model needs of rows that it is applied to.
    pub(super) fn rows(&self) -> Rows<'_> {
        Rows {
            name: &self.name,
            how: "was fitted on",
            interface: &self.interface,
            file: matches!(self.origin, Origin::File(..)).then_some(self.span),
        }
    }
}

/// What a model needs of rows.
pub(super) struct Rows<'a> {
    /// The name of the model.
    pub(super) name: &'a str,
    /// What it has to do with the columns: `was fitted on`.
    pub(super) how: &'a str,
    pub(super) interface: &'a Interface,
    /// Where it was written, if it comes from a file: then it is to blame, not the rows.
    pub(super) file: Option<Span>,
}

impl Rows<'_> {
    /// Checks the columns of a table that the model is to answer for, or to be judged on.
    pub(super) fn check(
        &self,
        data: &Source<TableType>,
        judged: bool,
        checking: &mut Checking<'_>,
    ) -> Option<()> {
        let Some(features) = &self.interface.features else { return Some(()) };
        let target = self.interface.target.as_ref().filter(|_| judged);
        let names = || features.iter().map(|feature| &feature.name).chain(target);
        let Some(schema) = data.kind.planned(names().map(String::as_str)) else {
            return Some(());
        };
        let missing: Vec<&String> =
            names().filter(|name| schema.field_with_name(name).is_err()).collect();
        if !missing.is_empty() {
            checking.report(self.missing(&missing, &schema, data));
            return None;
        }
        let feature = features.iter().filter_map(|own| {
            let field = schema.field_with_name(&own.name).ok()?;
            (!own.takes(field)).then(|| Changed { field, expected: spoken(own) })
        });
        let target = target.and_then(|name| {
            let field = schema.field_with_name(name).ok()?;
            let expected = self.unlike(Sort::of_field(field))?.to_owned();
            Some(Changed { field, expected })
        });
        let changed: Vec<Changed<'_>> = feature.chain(target).collect();
        if !changed.is_empty() {
            checking.report(self.changed(&changed, data));
            return None;
        }
        Some(())
    }

    /// Says which columns the rows lack.
    fn missing(
        &self,
        missing: &[&String],
        schema: &Schema,
        data: &Source<TableType>,
    ) -> Diagnostic {
        let list: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
        let message = format!(
            "`{}` has no column{} {}, which `{}` {}",
            data.name,
            if missing.len() == 1 { "" } else { "s" },
            list.join(", "),
            self.name,
            self.how
        );
        let known = || schema.fields().iter().map(|field| field.name().as_str());
        let diagnostic = self.pointing("missing-column", message, data);
        match missing {
            [alone] => diagnostic.suggest(alone, known()),
            [first, ..] => match nearest(first, known()) {
                Some(near) => diagnostic.help(format!("is `{near}` what was `{first}`?")),
                None => diagnostic.help("a `prep` before can give columns other names"),
            },
            [] => diagnostic,
        }
    }

    /// Says which columns hold something else than those of the training rows.
    fn changed(&self, changed: &[Changed<'_>], data: &Source<TableType>) -> Diagnostic {
        let one = |own: &Changed<'_>| {
            let found = ColumnType::of_field(own.field);
            format!("`{}` is {found}, not {}", own.field.name(), own.expected)
        };
        let mut list: Vec<String> = changed.iter().take(SHOWN).map(one).collect();
        if changed.len() > SHOWN {
            list.push(format!("and {} more", changed.len() - SHOWN));
        }
        let message = format!(
            "`{}` holds other types than `{}` {}: {}",
            data.name,
            self.name,
            self.how,
            list.join("; ")
        );
        let diagnostic = self.pointing("changed-type", message, data);
        match changed.first() {
            None => diagnostic,
            Some(Changed { field, expected }) => diagnostic.help(format!(
                "give it the type that it had: `schema: {{ {}: {expected} }}` in an `ingest`, or `CAST` in a `prep`",
                field.name()
            )),
        }
    }

    fn pointing(
        &self,
        code: &'static str,
        message: String,
        data: &Source<TableType>,
    ) -> Diagnostic {
        match self.file {
            None => Diagnostic::error(code, data.span, message),
            Some(place) => Diagnostic::error(code, place, message)
                .label("this model reads other columns")
                .related(data.span, "than these rows have"),
        }
    }

    /// Says what the target must hold, where a column of this sort holds something else.
    fn unlike(&self, found: Option<Sort>) -> Option<&'static str> {
        let (fits, expected) = match (self.interface.task?, &self.interface.answer, found) {
            (Learning::Classification, DataType::Boolean, found) => {
                (found == Some(Sort::Flag), "bool")
            }
            (Learning::Classification, DataType::Int64, found) => {
                (found == Some(Sort::Number), "int")
            }
            (Learning::Classification, _, found) => {
                (matches!(found, Some(Sort::Text | Sort::Category)), "text")
            }
            (Learning::Regression, _, found) => {
                (matches!(found, Some(Sort::Number | Sort::Flag)), "float")
            }
            (Learning::Clustering | Learning::Anomaly, ..) => return None,
        };
        (!fits).then_some(expected)
    }
}

/// How many changed columns are told.
const SHOWN: usize = 5;

/// A column that holds something else than it did.
struct Changed<'a> {
    field: &'a Field,
    expected: String,
}

/// Says what a column held when the model was fitted.
fn spoken(feature: &Feature) -> String {
    match feature.sort {
        Sort::Category => "text".to_owned(),
        _ => feature.kind.to_string(),
    }
}

/// Gives models that would have one name the paths of their files for names.
fn tell_apart(models: &mut [Model]) {
    let names: Vec<String> = models.iter().map(|model| model.name.clone()).collect();
    for model in models {
        if let Origin::File(_, written) = &model.origin
            && names.iter().filter(|name| **name == model.name).count() > 1
        {
            model.name.clone_from(written);
        }
    }
}

/// Where work finds a fitted model.
pub(super) enum Place {
    /// Among its inputs.
    Input(usize),
    /// In a file, which was checked to hold a model of this kind.
    File(sources::Input, Arc<Interface>),
}

impl Place {
    /// Tells whether the model comes from a file: of its training rows nothing is known before.
    pub(super) const fn is_file(&self) -> bool {
        matches!(self, Self::File(..))
    }

    /// Reads the model.
    pub(super) fn load(
        &self,
        inputs: &[Artifact],
        running: &dyn Running,
    ) -> Result<FittedModel, Failure> {
        let bytes = self.bytes(inputs, running)?;
        FittedModel::load(&bytes, running.registry().estimators()).map_err(|bad| match self {
            Self::Input(_) => Failure::new(format!("a fitted model can't be read: {bad}")),
            Self::File(file, _) => Failure::new(bad.spoken(&file.name)).help(bad.help()),
        })
    }

    /// Gives the bytes of the model.
    pub(super) fn bytes(
        &self,
        inputs: &[Artifact],
        running: &dyn Running,
    ) -> Result<Arc<[u8]>, Failure> {
        let (file, interface) = match self {
            Self::Input(at) => {
                let input = inputs.get(*at).ok_or_else(|| Failure::new("there is no model"))?;
                return Ok(Arc::clone(input.blob(FITTED)?));
            }
            Self::File(file, interface) => (file, interface),
        };
        let refused = |error: &sources::SourceError| {
            error.help().into_iter().fold(Failure::new(error.to_string()), Failure::help)
        };
        let unreadable = |source| {
            let file = file.name.clone();
            refused(&sources::SourceError::Io { file, action: "read", source })
        };
        let (mut opened, metadata) = sources::open_file(file).map_err(|error| refused(&error))?;
        let mut bytes = Vec::new();
        opened.read_to_end(&mut bytes).map_err(unreadable)?;
        let head =
            ModelHead::read(&mut bytes.as_slice(), metadata.len(), running.registry().estimators())
                .map_err(unreadable)?;
        if head.is_ok_and(|head| head.interface() != **interface) {
            return Err(Failure::new(format!(
                "`{}` holds another model than when the pipeline was checked",
                file.name
            ))
            .help("run the pipeline again"));
        }
        Ok(bytes.into())
    }
}
