//! The tables that a query mentions.
//!
//! Knows the scopes of common table expressions and nothing of what exists: a name that no `WITH`
//! around it defines is a table.

use std::ops::{ControlFlow, Range};

use datafusion::sql::sqlparser::ast::{ObjectName, ObjectNamePart, Query, Spanned, Visit, Visitor};

use serde::{Deserialize, Serialize};

use super::error::SqlError;
use super::parse;
use super::source::Source;

/// How many tables a query may read once every common table expression stands where it is used.
const MAX_EXPANDED: usize = 1_000;

/// What a query's text tells by itself; other text may tell the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outline {
    /// The tables that it mentions, in the order of the text.
    pub mentions: Vec<Mention>,
    /// The text without comments and layout.
    pub canonical: String,
}

/// A table that a query reads, as it is written there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mention {
    /// The parts of the name: `["parts", "train"]` for `parts.train`.
    pub parts: Vec<String>,
    /// The bytes of the name in the SQL text.
    pub range: Range<usize>,
}

/// Outlines a query.
///
/// # Errors
///
/// Says where the text is no query.
pub fn outline(text: &str) -> Result<Outline, SqlError> {
    let parsed = parse::query(text)?;
    let mentions = of(&parsed.query, &parsed.source)?;
    Ok(Outline { mentions, canonical: parse::canonical(text) })
}

/// Finds the tables that a parsed query mentions.
pub(super) fn of(query: &Query, source: &Source) -> Result<Vec<Mention>, SqlError> {
    let mut finder = Finder { source, scopes: Vec::new(), found: Vec::new() };
    match query.visit(&mut finder) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(finder.found),
    }
}

struct Finder<'a> {
    source: &'a Source,
    scopes: Vec<Scope>,
    found: Vec<Mention>,
}

/// A query that is being walked.
struct Scope {
    tables: Vec<Common>,
    /// How many of its common tables can be seen from where the walk is.
    visible: usize,
    recursive: bool,
    /// The common table of the scope around that this query defines.
    defines: Option<usize>,
    /// How many tables the query reads, common ones expanded.
    size: usize,
}

/// A common table expression.
struct Common {
    name: String,
    /// The address of its query; only compared.
    query: *const Query,
    size: usize,
}

impl Scope {
    fn of(query: &Query) -> Self {
        let with = query.with.as_ref();
        let tables = with.into_iter().flat_map(|with| &with.cte_tables).map(|table| Common {
            name: table.alias.name.value.clone(),
            query: &raw const *table.query,
            size: 1,
        });
        let recursive = with.is_some_and(|with| with.recursive);
        let tables: Vec<Common> = tables.collect();
        let visible = tables.len();
        Self { tables, visible, recursive, defines: None, size: 0 }
    }
}

impl Finder<'_> {
    fn common(&self, name: &str) -> Option<&Common> {
        let visible = self.scopes.iter().rev().map(|scope| scope.tables.get(..scope.visible));
        visible.flatten().find_map(|tables| tables.iter().rev().find(|table| table.name == name))
    }

    fn grow(&mut self, size: usize) -> ControlFlow<SqlError> {
        let Some(scope) = self.scopes.last_mut() else { return ControlFlow::Continue(()) };
        scope.size = scope.size.saturating_add(size);
        if scope.size <= MAX_EXPANDED {
            return ControlFlow::Continue(());
        }
        let message = format!("this query reads more than {MAX_EXPANDED} tables");
        ControlFlow::Break(
            SqlError::new("sql-too-deep", message)
                .label("a table of `WITH` counts wherever it is used")
                .help("split the query into several `prep` stages"),
        )
    }
}

impl Visitor for Finder<'_> {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<SqlError> {
        let mut scope = Scope::of(query);
        if let Some(outer) = self.scopes.last_mut() {
            scope.defines = outer.tables.iter().position(|table| std::ptr::eq(table.query, query));
            if let Some(at) = scope.defines {
                outer.visible = at + usize::from(outer.recursive);
            }
        }
        self.scopes.push(scope);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<SqlError> {
        let Some(inner) = self.scopes.pop() else { return ControlFlow::Continue(()) };
        let Some(outer) = self.scopes.last_mut() else { return ControlFlow::Continue(()) };
        let Some(at) = inner.defines else { return self.grow(inner.size) };
        if let Some(table) = outer.tables.get_mut(at) {
            table.size = inner.size + 1;
        }
        outer.visible = at + 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<SqlError> {
        let part = |part: &_| match part {
            ObjectNamePart::Identifier(ident) => ident.value.clone(),
            other => other.to_string(),
        };
        let parts: Vec<String> = name.0.iter().map(part).collect();
        let range = self.source.range(name.span()).unwrap_or_default();
        if let Some(size) = self.common(&parts.join(".")).map(|table| table.size) {
            return self.grow(size).map_break(|error| error.at(range));
        }
        if parts.len() > 3 {
            return ControlFlow::Break(
                SqlError::new("sql-unknown-table", "a table's name has at most three parts")
                    .at(range),
            );
        }
        self.found.push(Mention { parts, range: range.clone() });
        self.grow(1).map_break(|error| error.at(range))
    }
}
