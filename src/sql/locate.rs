//! Finds where in a query an error stands that came without a place.
//!
//! Slow and only for what has already failed: parts of the query are planned alone, from the large
//! to the small, and the smallest that fails with the same words is the place.

use std::ops::{ControlFlow, Range};

use datafusion::sql::sqlparser::ast::{
    Cte, Expr, GroupByExpr, Ident, JoinConstraint, JoinOperator, LimitClause, ObjectName, OrderBy,
    OrderByKind, Query as Tree, Select, SelectItem, SetExpr, Spanned, TableFactor, Value, Visit,
    Visitor, With,
};

use super::error::SqlError;
use super::fault;
use super::parse::{self, Parsed};
use super::prepare::{Query, optimised, typed};
use super::source::Source;

/// How many parts may be planned to find one place.
const MAX_TRIALS: usize = 200;

/// Adds a place to an error that has none.
pub(super) fn locate(error: SqlError, query: &Query<'_>) -> SqlError {
    if error.range.is_some() {
        return error;
    }
    let Ok(parsed) = parse::query(query.text) else { return error };
    let mut search =
        Search { query, source: &parsed.source, error: &error, trials: MAX_TRIALS, using: false };
    let range = search.query(&parsed.query, &[], false);
    let using = search.using;
    let mut error = error.at(range);
    if using {
        error.help = vec![
            "`USING` finds more than one such column before it; write `JOIN … ON a.x = b.x`"
                .to_owned(),
        ];
    }
    error
}

struct Search<'a> {
    query: &'a Query<'a>,
    source: &'a Source,
    error: &'a SqlError,
    trials: usize,
    /// It was found in a `USING`.
    using: bool,
}

impl Search<'_> {
    /// Tells whether a query fails with the same words.
    fn fails(&mut self, tree: Tree) -> bool {
        let Some(trials) = self.trials.checked_sub(1) else { return false };
        self.trials = trials;
        let parsed = Parsed { query: Box::new(tree), source: self.source.clone() };
        match typed(parsed, self.query).and_then(|typed| optimised(typed.plan)) {
            Ok(_) => false,
            Err(error) => fault::explain(&error, self.source).message == self.error.message,
        }
    }

    /// Looks through a query that is known to fail.
    fn query(&mut self, tree: &Tree, around: &[Cte], recursive: bool) -> Option<Range<usize>> {
        let mut tables = around.to_vec();
        let recursive = recursive || tree.with.as_ref().is_some_and(|with| with.recursive);
        for table in tree.with.iter().flat_map(|with| &with.cte_tables) {
            if self.fails(inside(&tables, recursive, &table.query)) {
                return self.query(&table.query, &tables, recursive);
            }
            tables.push(table.clone());
        }
        let found = self.body(&tree.body, &tables, recursive);
        found.or_else(|| self.tail(tree, &tables, recursive))
    }

    /// Looks through `ORDER BY`, `LIMIT` and `OFFSET`, one after the other.
    fn tail(&mut self, tree: &Tree, tables: &[Cte], recursive: bool) -> Option<Range<usize>> {
        let body = with(tables, recursive, (*tree.body).clone());
        if self.fails(body.clone()) {
            return None;
        }
        let mut tails = tails(tree, &body).into_iter();
        let (failing, _) = tails.find(|(_, tree)| self.fails(tree.clone()))?;
        self.source.cover_expr(&failing)
    }

    fn body(&mut self, body: &SetExpr, tables: &[Cte], recursive: bool) -> Option<Range<usize>> {
        match body {
            SetExpr::Select(select) => self.select(select, tables, recursive),
            SetExpr::Query(query) => self.query(query, tables, recursive),
            SetExpr::SetOperation { left, right, .. } => {
                for side in [left, right] {
                    if self.fails(with(tables, recursive, (**side).clone())) {
                        return self.body(side, tables, recursive);
                    }
                }
                None
            }
            _ => None,
        }
    }

    fn select(&mut self, select: &Select, tables: &[Cte], recursive: bool) -> Option<Range<usize>> {
        for factor in factors(select) {
            if let TableFactor::Derived { subquery, .. } = factor
                && self.fails(inside(tables, recursive, subquery))
            {
                return self.query(subquery, tables, recursive);
            }
        }
        let bare = without_conditions(select);
        if let Some(range) = self.joined(&bare, tables, recursive) {
            self.using = true;
            return range;
        }
        let try_one = |search: &mut Self, expr: &Expr| {
            let mut select = bare.clone();
            let alias = Ident::new("tried");
            select.projection = vec![SelectItem::ExprWithAlias { expr: expr.clone(), alias }];
            search.fails(with(tables, recursive, SetExpr::Select(Box::new(select))))
        };
        let mut failing = expressions(select).into_iter().find(|expr| try_one(self, expr))?;
        while let Some(inner) = children(&failing).into_iter().find(|expr| try_one(self, expr)) {
            failing = inner;
        }
        self.source.cover_expr(&failing)
    }

    /// Finds the first join by `USING` that fails whatever is selected; none inside where it has no
    /// place.
    #[expect(clippy::option_option, reason = "a join that is found may have no place")]
    fn joined(
        &mut self,
        bare: &Select,
        tables: &[Cte],
        recursive: bool,
    ) -> Option<Option<Range<usize>>> {
        for (from, table) in bare.from.iter().enumerate() {
            for (at, join) in table.joins.iter().enumerate() {
                let Some(columns) = using(&join.join_operator) else { continue };
                let mut select = bare.clone();
                let one = Expr::Value(Value::Number("1".to_owned(), false).into());
                let alias = Ident::new("tried");
                select.projection = vec![SelectItem::ExprWithAlias { expr: one, alias }];
                select.from.truncate(from + 1);
                select.from[from].joins.truncate(at + 1);
                if self.fails(with(tables, recursive, SetExpr::Select(Box::new(select)))) {
                    return Some(columns.first().and_then(|name| self.source.cover(name.span())));
                }
            }
        }
        None
    }
}

/// Makes a query of a body and the common tables around it.
fn with(tables: &[Cte], recursive: bool, body: SetExpr) -> Tree {
    let with = (!tables.is_empty()).then(|| With {
        with_token: datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken::empty(
        ),
        recursive,
        cte_tables: tables.to_vec(),
    });
    Tree {
        with,
        body: Box::new(body),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    }
}

/// Makes a query of one that stands inside another, and the common tables around it.
fn inside(tables: &[Cte], recursive: bool, query: &Tree) -> Tree {
    let own = query.with.iter().flat_map(|own| &own.cte_tables).cloned();
    let tables: Vec<Cte> = tables.iter().cloned().chain(own).collect();
    let recursive = recursive || query.with.as_ref().is_some_and(|own| own.recursive);
    let Tree { with, .. } = with(&tables, recursive, (*query.body).clone());
    Tree { with, ..query.clone() }
}

/// Gives each expression behind a query's body, with the body and that expression as a query.
fn tails(tree: &Tree, body: &Tree) -> Vec<(Expr, Tree)> {
    let mut found = Vec::new();
    if let Some(OrderBy { kind: OrderByKind::Expressions(orders), .. }) = &tree.order_by {
        for order in orders {
            let kind = OrderByKind::Expressions(vec![order.clone()]);
            let order_by = Some(OrderBy { kind, interpolate: None });
            found.push((order.expr.clone(), Tree { order_by, ..body.clone() }));
        }
    }
    if let Some(LimitClause::LimitOffset { limit, offset, .. }) = &tree.limit_clause {
        let clause = |limit, offset| LimitClause::LimitOffset { limit, offset, limit_by: vec![] };
        let limits = limit.iter().map(|own| (own, clause(Some(own.clone()), None)));
        let offsets = offset.iter().map(|own| (&own.value, clause(None, Some(own.clone()))));
        for (expr, clause) in limits.chain(offsets) {
            found.push((expr.clone(), Tree { limit_clause: Some(clause), ..body.clone() }));
        }
    }
    found
}

fn factors(select: &Select) -> impl Iterator<Item = &TableFactor> {
    select.from.iter().flat_map(|from| {
        std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation))
    })
}

/// Keeps of a `SELECT` only its tables, all side by side.
fn without_conditions(select: &Select) -> Select {
    let mut bare = select.clone();
    bare.distinct = None;
    bare.selection = None;
    bare.having = None;
    bare.qualify = None;
    bare.group_by = GroupByExpr::Expressions(Vec::new(), Vec::new());
    for join in bare.from.iter_mut().flat_map(|from| &mut from.joins) {
        if condition(&join.join_operator).is_some() {
            join.join_operator = JoinOperator::CrossJoin(JoinConstraint::None);
        }
    }
    bare
}

fn condition(operator: &JoinOperator) -> Option<&Expr> {
    match constraint(operator)? {
        JoinConstraint::On(expr) => Some(expr),
        _ => None,
    }
}

/// Gives the columns of `USING (…)`.
fn using(operator: &JoinOperator) -> Option<&[ObjectName]> {
    match constraint(operator)? {
        JoinConstraint::Using(columns) => Some(columns),
        _ => None,
    }
}

const fn constraint(operator: &JoinOperator) -> Option<&JoinConstraint> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::LeftSemi(constraint)
        | JoinOperator::LeftAnti(constraint) => Some(constraint),
        _ => None,
    }
}

/// Gives the expressions of a `SELECT`, in the order of their evaluation.
fn expressions(select: &Select) -> Vec<Expr> {
    let joins = select.from.iter().flat_map(|from| &from.joins);
    let joins = joins.filter_map(|join| condition(&join.join_operator));
    let items = select.projection.iter().filter_map(|item| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    });
    let groups: &[Expr] = match &select.group_by {
        GroupByExpr::Expressions(exprs, _) => exprs,
        GroupByExpr::All(_) => &[],
    };
    let tail = select.having.iter().chain(&select.qualify);
    joins.chain(&select.selection).chain(items).chain(groups).chain(tail).cloned().collect()
}

/// Gives the expressions directly inside another; a subquery's own are not among them.
fn children(expr: &Expr) -> Vec<Expr> {
    let mut finder = Children { depth: 0, queries: 0, found: Vec::new() };
    let ControlFlow::Continue(()) = expr.visit(&mut finder);
    finder.found
}

struct Children {
    depth: usize,
    queries: usize,
    found: Vec<Expr>,
}

impl Visitor for Children {
    type Break = std::convert::Infallible;

    fn pre_visit_query(&mut self, _: &Tree) -> ControlFlow<Self::Break> {
        self.queries += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Tree) -> ControlFlow<Self::Break> {
        self.queries -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Self::Break> {
        if self.depth == 1 && self.queries == 0 {
            self.found.push(expr.clone());
        }
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, _: &Expr) -> ControlFlow<Self::Break> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }
}
