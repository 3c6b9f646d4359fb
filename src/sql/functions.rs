//! The functions of SQL, for the reference and for completion.

use std::collections::BTreeMap;

use datafusion::logical_expr::Documentation;

use super::added::{self, Functions};
use super::session::base;

/// What the reference says of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionDoc {
    /// Its name, or another one for the same function.
    pub name: String,
    /// What kind of function it is.
    pub kind: FunctionKind,
    /// How it is called: `round(x, digits)`.
    pub signature: String,
    /// What it does, in Markdown.
    pub doc: String,
}

/// Where a function may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FunctionKind {
    /// Over the values of one row.
    Scalar,
    /// Over the rows of a group, or of a window with `OVER`.
    Aggregate,
    /// Over the rows of a window, with `OVER`.
    Window,
}

/// Gives what the reference says of every function, by name.
#[must_use]
pub fn functions(own: &Functions) -> Vec<FunctionDoc> {
    let base = base();
    let mut docs: BTreeMap<(&str, FunctionKind), FunctionDoc> = BTreeMap::new();
    let mut add = |name, kind, documentation: Option<&Documentation>| {
        docs.insert((name, kind), describe(name, kind, documentation));
    };
    for (name, function) in &base.scalars {
        add(name.as_str(), FunctionKind::Scalar, function.documentation());
    }
    for (name, function) in &base.higher {
        add(name.as_str(), FunctionKind::Scalar, function.documentation());
    }
    for (name, function) in &base.aggregates {
        add(name.as_str(), FunctionKind::Aggregate, function.documentation());
    }
    for (name, function) in &base.windows {
        add(name.as_str(), FunctionKind::Window, function.documentation());
    }
    for function in own.added() {
        let (name, kind) = (function.name(), FunctionKind::Scalar);
        let (signature, doc) = (added::usage(*function), function.doc().trim().to_owned());
        docs.insert((name, kind), FunctionDoc { name: name.to_owned(), kind, signature, doc });
    }
    docs.into_values().collect()
}

fn describe(name: &str, kind: FunctionKind, doc: Option<&Documentation>) -> FunctionDoc {
    let Some(doc) = doc else {
        let (signature, doc) = (format!("{name}(…)"), String::new());
        return FunctionDoc { name: name.to_owned(), kind, signature, doc };
    };
    let mut text = doc.description.trim().to_owned();
    for (argument, meaning) in doc.arguments.iter().flatten() {
        text.push_str(&format!("\n- `{argument}`: {}", meaning.trim()));
    }
    if let Some(example) = &doc.sql_example {
        text.push_str("\n\n");
        text.push_str(example.trim());
    }
    let signature = doc.syntax_example.trim().to_owned();
    FunctionDoc { name: name.to_owned(), kind, signature, doc: text }
}
