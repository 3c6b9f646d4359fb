//! What a stage kind leans on while it checks one block.

use std::collections::BTreeSet;
use std::path::Path;

use arrow::datatypes::{Schema, SchemaRef};

use super::build::{Block, Head, ancestors};
use super::catalog::Catalog;
use super::names::Names;
use super::registry::Registry;
use super::stage::{
    Checked, FittedType, Input, ModelType, Output, PROBABILITY, Promise, Reads, TableType,
};
use crate::diag::{Diagnostic, Diagnostics};
use crate::params::{Bound, Parameters, Setting, Vocabulary};
use crate::text::Span;

/// The surroundings of one block, and what is found out about it.
pub struct Checking<'a> {
    /// Answers for what isn't in the text.
    pub catalog: &'a dyn Catalog,
    /// The values behind `$name`, as the file of the block sees them.
    pub parameters: &'a Parameters,
    /// The folder that paths in the block are relative to.
    pub folder: &'a Path,
    /// The block's name, as the main file sees it.
    pub name: &'a str,
    /// Where the block's name stands.
    pub place: Span,
    /// The seed that the user gave to the block, or else to the pipeline.
    pub seed: u64,
    /// The head of the pipeline.
    pub head: &'a Head,
    /// What is wrong.
    pub diagnostics: Diagnostics,
    /// The parameters that were used beside those in fields, such as in SQL.
    pub used: BTreeSet<String>,
    /// The columns that the block counts on, and that only a run can tell.
    pub(super) promised: Vec<Promise>,
    /// The places of the entries that a run may find unmet.
    pub(super) entries: Vec<Span>,
    pub(super) view: View<'a>,
}

/// What a block sees of the others.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) names: &'a Names<'a>,
    pub(super) instance: usize,
    /// The place in the plan of each block.
    pub(super) places: &'a [usize],
    /// What came of each stage of the plan that was checked before; none of a wrong one.
    pub(super) checked: &'a [Option<Checked>],
    /// All blocks, in the order of the text, and which one is checked; none while names are bound.
    pub(super) blocks: &'a [Option<Block<'a>>],
    pub(super) own: usize,
}

/// A stage that comes before the one that is checked.
pub struct Before<'a> {
    /// Its place in the plan.
    pub place: usize,
    /// Its name, as the main file sees it.
    pub name: &'a str,
    /// Its kind.
    pub kind: &'static str,
    /// The lines that say what it is for.
    pub doc: String,
    /// Its fields as they were written.
    pub written: Vec<(&'static str, String)>,
    /// The names of the stages that it waits for.
    pub waits: Vec<&'a str>,
    /// What it gives.
    pub checked: &'a Checked,
    /// The block that is checked waits for it directly.
    pub directly: bool,
}

/// One output of another stage, as it was named.
#[derive(Clone, Debug)]
pub struct Source<T> {
    /// The stage, by its place in the plan.
    pub stage: usize,
    /// The output, by its place.
    pub output: usize,
    /// The name as the user wrote it.
    pub name: String,
    /// Where it was written.
    pub span: Span,
    /// What it is.
    pub kind: T,
}

impl<T> Source<T> {
    /// Makes an input of some work.
    #[must_use]
    pub const fn input(&self, reads: Reads) -> Input {
        Input { stage: self.stage, output: self.output, reads }
    }
}

impl Checking<'_> {
    /// Gives the registered words.
    #[must_use]
    pub fn vocabulary(&self) -> Vocabulary<'_> {
        self.catalog.registry().vocabulary()
    }

    /// Gives what the pipeline may name.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        self.catalog.registry()
    }

    /// Reports a finding.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Finds an output; reports what isn't there. Gives nothing, and says nothing, where the stage
    /// is there but wrong: that was reported already.
    pub fn source(&mut self, path: &[String], span: Span) -> Option<Source<Output>> {
        let name = path.join(".");
        let Some((block, used)) = self.view.names.find(self.view.instance, path) else {
            let names = self.view.names.seen_from(self.view.instance);
            self.report(
                Diagnostic::error("unknown-stage", span, format!("there is no stage `{name}`"))
                    .suggest(&name, names.iter().map(String::as_str)),
            );
            return None;
        };
        let stage = self.view.places[block];
        let checked = self.view.checked.get(stage)?.as_ref()?;
        let wanted = path[used..].join(".");
        let found = checked.outputs.iter().position(|(own, _)| *own == wanted);
        let Some(output) = found else {
            self.report(unknown_output(&path[..used].join("."), &wanted, span, checked));
            return None;
        };
        let kind = checked.outputs[output].1.clone();
        Some(Source { stage, output, name, span, kind })
    }

    /// Finds the stage that a path names, and which of its outputs if it names one; reports what isn't
    /// there.
    pub fn stage(&mut self, path: &[String], span: Span) -> Option<(usize, Option<usize>)> {
        let found = self.view.names.find(self.view.instance, path);
        match found.filter(|(_, used)| *used == path.len()) {
            Some((block, _)) => Some((self.view.places[block], None)),
            None => self.source(path, span).map(|source| (source.stage, Some(source.output))),
        }
    }

    /// Lists the stages that the block waits for, and those that they wait for in turn, in plan order.
    #[must_use]
    pub fn before(&self) -> Vec<Before<'_>> {
        let View { blocks, own, places, checked, .. } = self.view;
        let directly = blocks.get(own).and_then(Option::as_ref).map_or(&[][..], |own| &own.waits);
        let name = |id: &usize| Some(blocks.get(*id)?.as_ref()?.name.as_str());
        let one = |id: usize| {
            let block = blocks.get(id)?.as_ref()?;
            let place = *places.get(id)?;
            Some(Before {
                place,
                name: &block.name,
                kind: block.kind.signature().name,
                doc: block.doc(),
                written: block.written(),
                waits: block.waits.iter().filter_map(name).collect(),
                checked: checked.get(place)?.as_ref()?,
                directly: directly.contains(&id),
            })
        };
        let mut before: Vec<Before<'_>> =
            ancestors(blocks, own).into_iter().filter_map(one).collect();
        before.sort_by_key(|own| own.place);
        before
    }

    /// Gives the columns by which rows are kept together in the stages that fit the block, if it is a
    /// model.
    #[must_use]
    pub fn groups(&self) -> Vec<String> {
        let own = self.view.blocks.get(self.view.own).and_then(Option::as_ref);
        own.map(|block| block.groups.iter().cloned().collect()).unwrap_or_default()
    }

    /// Finds the table that a setting names.
    pub fn table(&mut self, bound: &Bound) -> Option<Source<TableType>> {
        let source = self.named(bound)?;
        match source.kind.clone() {
            Output::Table(kind) => Some(source.of(kind)),
            Output::Model(_) | Output::Fitted(_) => self.misfit(&source, "a table"),
        }
    }

    /// Finds the unfitted model that a setting names.
    pub fn model(&mut self, bound: &Bound) -> Option<Source<ModelType>> {
        let source = self.named(bound)?;
        match source.kind.clone() {
            Output::Model(kind) => Some(source.of(kind)),
            Output::Table(_) | Output::Fitted(_) => self.misfit(&source, "a model"),
        }
    }

    /// Finds the fitted model that a setting names.
    pub fn fitted(&mut self, bound: &Bound) -> Option<Source<FittedType>> {
        let source = self.named(bound)?;
        match source.kind.clone() {
            Output::Fitted(kind) => Some(source.of(kind)),
            Output::Table(_) | Output::Model(_) => self.misfit(&source, "a fitted model"),
        }
    }

    /// Tells whether a table has a column, as far as its columns are known; reports one that it
    /// doesn't have.
    pub fn has_column(&mut self, column: &str, table: &Source<TableType>, span: Span) -> bool {
        let Some(schema) = table.kind.planned([column]) else { return true };
        let has = schema.field_with_name(column).is_ok();
        if has {
            self.count_on(column, table, span);
        } else {
            self.unknown_column(column, &table.name, &schema, span);
        }
        has
    }

    /// Notes the place of an entry that a run may find unmet; gives its number, counted from 0.
    pub fn entry(&mut self, span: Span) -> usize {
        self.entries.push(span);
        self.entries.len() - 1
    }

    /// Counts on a column of an open table that may turn up at run time: the stage fails at this place
    /// if it doesn't. Nothing is noted of a column that is known, or of one that can't turn up.
    pub fn count_on(&mut self, column: &str, table: &Source<TableType>, span: Span) {
        let known = |schema: &SchemaRef| schema.field_with_name(column).is_ok();
        let may_come = table.kind.open
            && column.starts_with(PROBABILITY)
            && table.kind.schema.as_ref().is_some_and(|schema| !known(schema));
        if may_come {
            let (input, table) = ((table.stage, table.output), table.name.clone());
            self.promised.push(Promise { input, table, column: column.to_owned(), span });
        }
    }

    /// Reports a column that a table doesn't have, with the nearest that it has.
    pub fn unknown_column(&mut self, column: &str, table: &str, schema: &Schema, span: Span) {
        let known = schema.fields().iter().map(|field| field.name().as_str());
        self.report(
            Diagnostic::error(
                "unknown-column",
                span,
                format!("`{table}` has no column `{column}`"),
            )
            .label("no such column")
            .suggest(column, known),
        );
    }

    /// Tells whether a table holds rows that another one holds too: one derives from the other.
    #[must_use]
    pub fn share_rows(&self, one: (usize, usize), other: (usize, usize)) -> bool {
        one == other || self.derives(one, other) || self.derives(other, one)
    }

    fn derives(&self, from: (usize, usize), ancestor: (usize, usize)) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![from.0];
        while let Some(stage) = open.pop() {
            let Some(Some(checked)) = self.view.checked.get(stage) else { continue };
            for input in checked.task.iter().flat_map(|task| &task.inputs) {
                if (input.stage, input.output) == ancestor {
                    return true;
                }
                if seen.insert(input.stage) {
                    open.push(input.stage);
                }
            }
        }
        false
    }

    fn named(&mut self, bound: &Bound) -> Option<Source<Output>> {
        match &bound.setting {
            Setting::Stage(path) => self.source(path, bound.span),
            _ => None,
        }
    }

    fn misfit<T>(&mut self, source: &Source<Output>, expected: &str) -> Option<Source<T>> {
        let found = source.kind.spoken();
        let mut diagnostic = Diagnostic::error(
            "wrong-output",
            source.span,
            format!("`{}` is {found}, not {expected}", source.name),
        )
        .label(format!("expected {expected}"));
        if let (Output::Model(_), "a fitted model") = (&source.kind, expected) {
            diagnostic = diagnostic.help(format!(
                "fit it first: `train fitted {{ model: {}, data: … }}`, then name `fitted` here",
                source.name
            ));
        }
        if let (Output::Fitted(_), "a table") = (&source.kind, expected) {
            let name = &source.name;
            diagnostic = diagnostic
                .help(format!(
                    "a table of its answers is made by `predict {{ model: {name}, data: … }}`"
                ))
                .help(format!("the model itself is exported by `model: {name}`"));
        }
        self.report(diagnostic);
        None
    }
}

impl<T> Source<T> {
    /// Gives the same output as another view of it.
    #[must_use]
    pub fn of<U>(self, kind: U) -> Source<U> {
        Source { stage: self.stage, output: self.output, name: self.name, span: self.span, kind }
    }
}

fn unknown_output(stage: &str, wanted: &str, span: Span, checked: &Checked) -> Diagnostic {
    let names: Vec<String> = checked
        .outputs
        .iter()
        .map(|(own, _)| if own.is_empty() { stage.to_owned() } else { format!("{stage}.{own}") })
        .collect();
    if wanted.is_empty() {
        let list: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        return Diagnostic::error(
            "unknown-output",
            span,
            format!("`{stage}` has several outputs; say which"),
        )
        .help(format!("its outputs are {}", list.join(", ")));
    }
    Diagnostic::error("unknown-output", span, format!("`{stage}` has no output `{wanted}`"))
        .suggest(&format!("{stage}.{wanted}"), names.iter().map(String::as_str))
}
