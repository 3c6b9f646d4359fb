//! What can be said against a query from its syntax alone, all at once.
//!
//! Knows the names of tables, functions and parameters, not their types: unknown names, expressions
//! without a name, functions that differ with each call, and syntax that DataFusion would read and
//! then ignore. What needs types is found when the query is planned.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{ControlFlow, Range};

use datafusion::logical_expr::Volatility;
use datafusion::sql::sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArguments, GroupByExpr, Query, Select, SelectItem,
    SetExpr, Spanned, TableFactor, Value, Visit, Visitor,
};

use super::added::Functions;
use super::error::SqlError;
use super::mentions::{self, Mention};
use super::parse;
use super::rewrite::{MARK, parameter_name};
use super::session::{Base, base};
use super::source::Source;

/// How many tables one `FROM` may name side by side.
const MAX_FROM: usize = 200;

/// What a look at the syntax found.
#[derive(Debug, Default)]
pub(super) struct Checked {
    pub(super) errors: Vec<SqlError>,
    pub(super) mentions: Vec<Mention>,
    pub(super) parameters: BTreeSet<String>,
    /// The added functions that are called, with their versions.
    pub(super) functions: BTreeMap<String, u32>,
    pub(super) clocks: Vec<SqlError>,
}

/// The names that a query may use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names<'a> {
    /// The tables, each as the parts of its name.
    pub(super) tables: &'a [Vec<String>],
    /// The parameters, without `$`.
    pub(super) parameters: &'a [&'a str],
    /// The functions, beside the built-in ones.
    pub(super) functions: &'a Functions,
}

/// Looks at a query's syntax.
pub(super) fn check(query: &Query, source: &Source, names: Names<'_>) -> Checked {
    let checked = Checked::default();
    let mut checker = Checker { base: base(), source, names, checked, root: std::ptr::null() };
    match mentions::of(query, source) {
        Ok(mentions) => checker.mentions(mentions),
        Err(error) => checker.checked.errors.push(error),
    }
    checker.output(&query.body);
    let ControlFlow::Continue(()) = query.visit(&mut checker);
    checker.checked
}

struct Checker<'a> {
    base: &'static Base,
    source: &'a Source,
    names: Names<'a>,
    checked: Checked,
    /// The address of the `$file` in a `$file.name` that was looked at; only compared.
    root: *const Expr,
}

impl Checker<'_> {
    fn error(&mut self, error: SqlError) {
        self.checked.errors.push(error);
    }

    fn unsupported(&mut self, what: &str, range: Option<Range<usize>>) {
        self.error(SqlError::new("sql-unsupported", format!("{what} is not supported")).at(range));
    }

    fn mentions(&mut self, mentions: Vec<Mention>) {
        for mention in &mentions {
            if !self.names.tables.contains(&mention.parts) {
                let error = unknown_table(mention, self.names.tables);
                self.error(error);
            }
        }
        self.checked.mentions = mentions;
    }

    /// Sees to it that each column that a query gives has a name.
    fn output(&mut self, body: &SetExpr) {
        match body {
            SetExpr::Select(select) => {
                select.projection.iter().for_each(|item| self.item(item));
                self.doubled(&select.projection);
            }
            SetExpr::Query(query) => self.output(&query.body),
            SetExpr::SetOperation { left, .. } => self.output(left),
            _ => {}
        }
    }

    fn item(&mut self, item: &SelectItem) {
        let SelectItem::UnnamedExpr(expr) = item else { return };
        let mut inner = expr;
        while let Expr::Nested(nested) = inner {
            inner = nested;
        }
        if matches!(inner, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) {
            return;
        }
        let range = self.source.cover_expr(expr);
        let text = range.clone().map(|range| self.source.slice(&range)).unwrap_or_default();
        let short = if text.len() <= 60 && !text.contains('\n') { text } else { "…" };
        self.error(
            SqlError::new("sql-unnamed", "this expression needs a name")
                .help(format!("write `{short} AS name`"))
                .at(range),
        );
    }

    /// Refuses a name that two items of a `SELECT` have.
    fn doubled(&mut self, items: &[SelectItem]) {
        let mut seen = BTreeSet::new();
        for (name, item) in items.iter().filter_map(|item| Some((output_name(item)?, item))) {
            if !seen.insert(name) {
                let error = doubled_column(name).at(item_place(item, self.source));
                self.error(error);
            }
        }
    }

    fn function(&mut self, function: &Function) {
        let range = self.source.cover_call(function.name.span());
        let written = function.name.to_string();
        let name = match function.name.0.as_slice() {
            [part] => part.as_ident().map(|ident| match ident.quote_style {
                Some(_) => ident.value.clone(),
                None => ident.value.to_lowercase(),
            }),
            _ => None,
        };
        let name = name.unwrap_or_default();
        let added = self.names.functions.named(&name);
        if name.starts_with(MARK) || !(added.is_some() || self.base.is_function(&name)) {
            let place = self.source.range(function.name.span());
            let error =
                SqlError::new("sql-unknown-function", format!("there is no function `{written}`"));
            let added = self.names.functions.added().iter().map(|own| own.name());
            let names = self.base.function_names().chain(added);
            return self.error(error.at(place).suggest(&written, names, "functions"));
        }
        if let Some(own) = added {
            self.checked.functions.insert(name.clone(), own.version());
        }
        self.volatile(&name, range.clone());
        if !self.base.aggregates.contains_key(&name) && !self.base.windows.contains_key(&name) {
            self.plain_call(function, &name, range);
        }
    }

    fn volatile(&mut self, name: &str, range: Option<Range<usize>>) {
        let function = self.base.scalars.get(name);
        match function.map(|function| function.signature().volatility) {
            Some(Volatility::Volatile) => {
                let message = format!("`{name}()` gives another result in each run");
                let help = "draw at random with `split`, or from a hash of a key: `md5(key)`";
                self.error(SqlError::new("sql-volatile", message).at(range).help(help));
            }
            Some(Volatility::Stable) => {
                let message = format!("`{name}()` in a cached stage reads the clock only once");
                let help = "give the time as a parameter, or write `cache: false`";
                let error = SqlError::new("sql-volatile", message).at(range).help(help);
                self.checked.clocks.push(error);
            }
            _ => {}
        }
    }

    /// Refuses what only an aggregate may have; DataFusion would ignore it.
    fn plain_call(&mut self, function: &Function, name: &str, range: Option<Range<usize>>) {
        let (distinct, clauses) = match &function.args {
            FunctionArguments::List(list) => (
                list.duplicate_treatment == Some(DuplicateTreatment::Distinct),
                !list.clauses.is_empty(),
            ),
            _ => (false, false),
        };
        let extra = if function.over.is_some() {
            "OVER"
        } else if function.filter.is_some() {
            "FILTER"
        } else if !function.within_group.is_empty() {
            "WITHIN GROUP"
        } else if distinct {
            "DISTINCT"
        } else if clauses || function.null_treatment.is_some() {
            "this clause"
        } else {
            return;
        };
        let message = format!("`{name}` is no aggregate and takes no {extra}");
        self.error(SqlError::new("sql-unsupported", message).at(range));
    }

    fn placeholder(&mut self, written: &str, range: Option<Range<usize>>) {
        let name = written.trim_start_matches('$');
        if written.starts_with('$') && self.names.parameters.contains(&name) {
            self.checked.parameters.insert(name.to_owned());
            return;
        }
        let error =
            SqlError::new("sql-unknown-parameter", format!("there is no parameter `{written}`"));
        let error = match self.names.parameters {
            [] => error.help(format!("declare it at the top of the file: `param {name}: …`")),
            known => error.suggest(name, known.iter().copied(), "parameters"),
        };
        self.error(error.at(range));
    }

    fn table_factor(&mut self, factor: &TableFactor) -> Option<&'static str> {
        match factor {
            TableFactor::Table { args: Some(_), .. }
            | TableFactor::TableFunction { .. }
            | TableFactor::Function { .. } => Some("a table function"),
            TableFactor::Table { sample: Some(_), .. }
            | TableFactor::Derived { sample: Some(_), .. } => Some("`TABLESAMPLE`"),
            TableFactor::Table { version: Some(_), .. } => Some("a table's version"),
            TableFactor::Table { with_ordinality: true, .. } => Some("`WITH ORDINALITY`"),
            TableFactor::Table { with_hints, partitions, json_path, index_hints, .. } => {
                let plain = with_hints.is_empty() && partitions.is_empty();
                let plain = plain && json_path.is_none() && index_hints.is_empty();
                (!plain).then_some("a hint on a table")
            }
            TableFactor::Derived { subquery, .. } => {
                self.output(&subquery.body);
                None
            }
            TableFactor::NestedJoin { .. } | TableFactor::UNNEST { .. } => None,
            TableFactor::Pivot { .. } => Some("`PIVOT`"),
            TableFactor::Unpivot { .. } => Some("`UNPIVOT`"),
            _ => Some("this kind of table"),
        }
    }
}

impl Visitor for Checker<'_> {
    type Break = std::convert::Infallible;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        let range = self.source.range(query.span());
        for what in unsupported_query(query) {
            self.unsupported(what, range.clone());
        }
        for common in query.with.iter().flat_map(|with| &with.cte_tables) {
            if common.alias.columns.is_empty() {
                self.output(&common.query.body);
            }
        }
        if let SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) =
            &*query.body
        {
            self.error(parse::not_a_query("a change of data").at(range));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Self::Break> {
        let range = self.source.range(select.select_token.0.span);
        for what in unsupported_select(select) {
            self.unsupported(what, range.clone());
        }
        if select.from.len() > MAX_FROM {
            let message = format!("this `FROM` names more than {MAX_FROM} tables");
            self.error(SqlError::new("sql-too-deep", message).at(range));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Self::Break> {
        if let Some(what) = self.table_factor(factor) {
            self.unsupported(what, self.source.cover(factor.span()));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Self::Break> {
        match expr {
            Expr::Function(function) => self.function(function),
            Expr::CompoundFieldAccess { .. } => {
                if let (Some(name), Expr::CompoundFieldAccess { root, .. }) =
                    (parameter_name(expr), expr)
                {
                    self.root = &raw const **root;
                    self.placeholder(&format!("${name}"), self.source.cover(expr.span()));
                }
            }
            Expr::Value(value) => {
                if let Value::Placeholder(name) = &value.value
                    && !std::ptr::eq(self.root, expr)
                {
                    self.placeholder(name, self.source.range(value.span));
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// Gives the name of the column that an item makes, as far as it is written there.
pub(super) fn output_name(item: &SelectItem) -> Option<&str> {
    match item {
        SelectItem::UnnamedExpr(Expr::Identifier(ident)) => Some(&ident.value),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => {
            parts.last().map(|part| part.value.as_str())
        }
        SelectItem::ExprWithAlias { alias, .. } => Some(&alias.value),
        _ => None,
    }
}

/// Gives the bytes of an item of a `SELECT`, with its alias.
pub(super) fn item_place(item: &SelectItem, source: &Source) -> Option<Range<usize>> {
    match item {
        SelectItem::ExprWithAlias { expr, alias } => {
            Some(source.cover_expr(expr)?.start..source.range(alias.span)?.end)
        }
        item => source.range(item.span()),
    }
}

/// Says that two columns have one name.
pub(super) fn doubled_column(name: &str) -> SqlError {
    SqlError::new("sql-doubled-column", format!("two columns are named `{name}`"))
        .help("give one of them another name with `AS`")
}

fn unsupported_query(query: &Query) -> impl Iterator<Item = &'static str> {
    [
        (!query.locks.is_empty()).then_some("`FOR UPDATE`"),
        query.for_clause.is_some().then_some("`FOR XML` or `FOR JSON`"),
        query.settings.is_some().then_some("`SETTINGS`"),
        query.format_clause.is_some().then_some("`FORMAT`"),
        query.fetch.is_some().then_some("`FETCH`"),
        (!query.pipe_operators.is_empty()).then_some("`|>`"),
    ]
    .into_iter()
    .flatten()
}

fn unsupported_select(select: &Select) -> impl Iterator<Item = &'static str> {
    let grouping = match &select.group_by {
        GroupByExpr::All(_) => Some("`GROUP BY ALL`"),
        GroupByExpr::Expressions(_, modifiers) if !modifiers.is_empty() => {
            Some("`WITH ROLLUP`, `WITH CUBE` or `WITH TOTALS`")
        }
        GroupByExpr::Expressions(..) => None,
    };
    [
        select.into.is_some().then_some("`INTO`"),
        select.top.is_some().then_some("`TOP`"),
        select.exclude.is_some().then_some("`EXCLUDE` here"),
        select.prewhere.is_some().then_some("`PREWHERE`"),
        (!select.connect_by.is_empty()).then_some("`CONNECT BY`"),
        (!select.lateral_views.is_empty()).then_some("`LATERAL VIEW`"),
        (!select.cluster_by.is_empty()).then_some("`CLUSTER BY`"),
        (!select.distribute_by.is_empty()).then_some("`DISTRIBUTE BY`"),
        (!select.sort_by.is_empty()).then_some("`SORT BY`"),
        select.value_table_mode.is_some().then_some("`AS VALUE` or `AS STRUCT`"),
        select.select_modifiers.is_some().then_some("this word after `SELECT`"),
        select.projection.is_empty().then_some("a `SELECT` of no columns"),
        grouping,
    ]
    .into_iter()
    .flatten()
}

fn unknown_table(mention: &Mention, tables: &[Vec<String>]) -> SqlError {
    let written = mention.parts.join(".");
    let known: Vec<String> = tables.iter().map(|parts| parts.join(".")).collect();
    SqlError::new("sql-unknown-table", format!("there is no table `{written}`"))
        .at(mention.range.clone())
        .suggest(&written, known.iter().map(String::as_str), "tables")
}
