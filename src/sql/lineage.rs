//! What a query reads, and what each of its columns is made of.
//!
//! Reads come from the optimised plan, where only the columns that matter are left. Lineage comes
//! from the plan before that, whose shape is the query's own: it follows values, not conditions, so
//! a `WHERE` or a join's key is in no column's lineage, and a row's own values, so what a window finds in
//! rows before it is in none either.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, JoinType, Result};
use datafusion::logical_expr::expr::GroupingSet;
use datafusion::logical_expr::logical_plan::TableScan;
use datafusion::logical_expr::{
    Distinct, Expr, LogicalPlan, WindowFrameBound, WindowFunctionDefinition,
};

use super::names::KnownTable;

/// What a column's values are made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lineage {
    /// The columns that its values derive from, each as table and column.
    pub(super) from: BTreeSet<(String, String)>,
    /// The tables over whose rows an aggregate or a window ran on the way to it.
    pub(super) aggregated_over: BTreeSet<String>,
}

impl Lineage {
    fn add(&mut self, other: &Self) {
        self.from.extend(other.from.iter().cloned());
        self.aggregated_over.extend(other.aggregated_over.iter().cloned());
    }
}

/// Finds the columns that a plan reads, by table; a table of which only rows are counted has none.
pub(super) fn reads(plan: &LogicalPlan) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let mut reads: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Some(table) = known(scan)
        {
            let read = reads.entry(table.parts.join(".")).or_default();
            read.extend(scan.projected_schema.fields().iter().map(|field| field.name().clone()));
            for filter in &scan.filters {
                read.extend(filter.column_refs().iter().map(|column| column.name.clone()));
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(reads)
}

fn known(scan: &TableScan) -> Option<&KnownTable> {
    scan.source.as_ref().downcast_ref::<KnownTable>()
}

/// Finds the lineage of each column that a plan gives, in their order.
pub(super) fn lineage(plan: &LogicalPlan) -> Result<Vec<Lineage>> {
    Tracer::default().columns(plan)
}

/// Finds the tables over whose rows an aggregate or a window runs anywhere in a plan.
pub(super) fn aggregates_over(plan: &LogicalPlan) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    plan.apply_with_subqueries(|node| {
        match node {
            LogicalPlan::Aggregate(aggregate) if !aggregate.aggr_expr.is_empty() => {
                found.extend(tables(&aggregate.input)?);
            }
            LogicalPlan::Window(window) => found.extend(tables(&window.input)?),
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

/// Finds the tables below a node.
fn tables(plan: &LogicalPlan) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            found.extend(known(scan).map(|table| table.parts.join(".")));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

/// Follows values from the tables up.
#[derive(Default)]
struct Tracer {
    /// The columns of the queries around a subquery, the nearest last.
    outer: Vec<(Arc<DFSchema>, Vec<Lineage>)>,
    /// The columns of recursive tables that are being followed.
    recursive: Vec<(String, Vec<Lineage>)>,
}

impl Tracer {
    fn columns(&mut self, plan: &LogicalPlan) -> Result<Vec<Lineage>> {
        match plan {
            LogicalPlan::TableScan(scan) => Ok(self.scan(scan)),
            LogicalPlan::Projection(node) => self.each(&node.expr, &node.input),
            LogicalPlan::Distinct(Distinct::On(node)) => self.each(&node.select_expr, &node.input),
            LogicalPlan::Aggregate(node) => {
                let groups = flat_groups(&node.group_expr);
                let mut columns = self.each(&groups, &node.input)?;
                let rest = plan.schema().fields().len().saturating_sub(node.aggr_expr.len());
                columns.resize(rest, Lineage::default());
                columns.extend(self.over_rows(&node.aggr_expr, &node.input)?);
                Ok(columns)
            }
            LogicalPlan::Window(node) => {
                let mut columns = self.columns(&node.input)?;
                let mut windows = self.over_rows(&node.window_expr, &node.input)?;
                for (window, expr) in windows.iter_mut().zip(&node.window_expr) {
                    if looks_back_alone(expr) {
                        window.from.clear();
                    }
                }
                columns.extend(windows);
                Ok(columns)
            }
            LogicalPlan::Join(node) => {
                let (mut left, right) = (self.columns(&node.left)?, self.columns(&node.right)?);
                match node.join_type {
                    JoinType::LeftSemi | JoinType::LeftAnti => {}
                    JoinType::RightSemi | JoinType::RightAnti => left = right,
                    JoinType::LeftMark => left.push(Lineage::default()),
                    JoinType::RightMark => {
                        left = right;
                        left.push(Lineage::default());
                    }
                    _ => left.extend(right),
                }
                Ok(left)
            }
            LogicalPlan::Unnest(node) => {
                let input = self.columns(&node.input)?;
                let pick = |at: &usize| input.get(*at).cloned().unwrap_or_default();
                Ok(node.dependency_indices.iter().map(pick).collect())
            }
            LogicalPlan::RecursiveQuery(node) => {
                self.recursion(&node.name, &node.static_term, &node.recursive_term)
            }
            LogicalPlan::Subquery(node) => self.columns(&node.subquery),
            other => self.side_by_side(other),
        }
    }

    /// Follows what passes its inputs' columns on: filters, sorts, limits, aliases and unions.
    fn side_by_side(&mut self, plan: &LogicalPlan) -> Result<Vec<Lineage>> {
        let mut columns = vec![Lineage::default(); plan.schema().fields().len()];
        for input in plan.inputs() {
            for (column, below) in columns.iter_mut().zip(self.columns(input)?) {
                column.add(&below);
            }
        }
        Ok(columns)
    }

    fn scan(&self, scan: &TableScan) -> Vec<Lineage> {
        let Some(table) = known(scan) else {
            let name = scan.table_name.table();
            let found = self.recursive.iter().rev().find(|(known, _)| known == name);
            return found.map(|(_, columns)| columns.clone()).unwrap_or_default();
        };
        let table = table.parts.join(".");
        let fields = scan.projected_schema.fields().iter();
        let lineage = fields.map(|field| Lineage {
            from: BTreeSet::from([(table.clone(), field.name().clone())]),
            aggregated_over: BTreeSet::new(),
        });
        lineage.collect()
    }

    /// Follows a recursive table until a round adds nothing: each round passes columns one step on.
    fn recursion(
        &mut self,
        name: &str,
        start: &LogicalPlan,
        step: &LogicalPlan,
    ) -> Result<Vec<Lineage>> {
        let mut columns = self.columns(start)?;
        for _ in 0..=columns.len() {
            self.recursive.push((name.to_owned(), columns.clone()));
            let next = self.columns(step);
            self.recursive.pop();
            let before = columns.clone();
            for (column, below) in columns.iter_mut().zip(next?) {
                column.add(&below);
            }
            if columns == before {
                break;
            }
        }
        Ok(columns)
    }

    fn each(&mut self, exprs: &[Expr], input: &LogicalPlan) -> Result<Vec<Lineage>> {
        let below = self.columns(input)?;
        exprs.iter().map(|expr| self.expression(expr, input.schema(), &below)).collect()
    }

    fn over_rows(&mut self, exprs: &[Expr], input: &LogicalPlan) -> Result<Vec<Lineage>> {
        let tables = tables(input)?;
        let mut columns = self.each(exprs, input)?;
        for column in &mut columns {
            column.aggregated_over.extend(tables.iter().cloned());
        }
        Ok(columns)
    }

    fn expression(
        &mut self,
        expr: &Expr,
        schema: &Arc<DFSchema>,
        below: &[Lineage],
    ) -> Result<Lineage> {
        let mut lineage = Lineage::default();
        expr.apply(|inner| {
            match inner {
                Expr::Column(column) => {
                    if let Some(found) = find(column, schema, below) {
                        lineage.add(found);
                    }
                }
                Expr::OuterReferenceColumn(_, column) => {
                    let mut outer = self.outer.iter().rev();
                    if let Some(found) =
                        outer.find_map(|(schema, below)| find(column, schema, below))
                    {
                        lineage.add(found);
                    }
                }
                Expr::ScalarSubquery(query) => {
                    lineage.add(&self.inside(&query.subquery, schema, below)?);
                }
                Expr::InSubquery(query) => {
                    lineage.add(&self.inside(&query.subquery.subquery, schema, below)?);
                }
                Expr::SetComparison(query) => {
                    lineage.add(&self.inside(&query.subquery.subquery, schema, below)?);
                }
                _ => {}
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(lineage)
    }

    /// Follows a subquery inside an expression: all that its columns are made of.
    fn inside(
        &mut self,
        query: &LogicalPlan,
        schema: &Arc<DFSchema>,
        below: &[Lineage],
    ) -> Result<Lineage> {
        self.outer.push((Arc::clone(schema), below.to_vec()));
        let columns = self.columns(query);
        self.outer.pop();
        let mut all = Lineage::default();
        columns?.iter().for_each(|column| all.add(column));
        Ok(all)
    }
}

fn find<'a>(column: &Column, schema: &DFSchema, below: &'a [Lineage]) -> Option<&'a Lineage> {
    below.get(schema.maybe_index_of_column(column)?)
}

/// Tells whether a window sees rows before its own alone: what was known before is made of other rows.
///
/// That is so of `lag` and of frames that end before the row, such as `RANGE BETWEEN 7 PRECEDING AND 1
/// PRECEDING`. Functions of rank look at no frame.
fn looks_back_alone(expr: &Expr) -> bool {
    let Expr::WindowFunction(window) = expr.clone().unalias() else { return false };
    let params = &window.params;
    match (&window.fun, window.fun.name()) {
        (_, "lag") => match params.args.get(1) {
            None => true,
            Some(Expr::Literal(rows, _)) => is_above_zero(&rows.to_string()),
            Some(_) => false,
        },
        (WindowFunctionDefinition::AggregateUDF(_), _)
        | (_, "first_value" | "last_value" | "nth_value") => match &params.window_frame.end_bound {
            WindowFrameBound::Preceding(by) => !by.is_null() && is_above_zero(&by.to_string()),
            WindowFrameBound::CurrentRow | WindowFrameBound::Following(_) => false,
        },
        _ => false,
    }
}

/// Tells whether a count or a span of time, `3` or `1 day`, is known to be more than nothing.
fn is_above_zero(text: &str) -> bool {
    let digits = |c: char| c.is_ascii_digit() || c == '.';
    let spans = text.split(|c: char| !digits(c)).filter_map(|part| part.parse::<f64>().ok());
    !text.contains('-') && spans.fold(0.0, f64::max) > 0.0
}

/// Gives the grouped expressions one by one, in the order of the aggregate's columns.
fn flat_groups(groups: &[Expr]) -> Vec<Expr> {
    let [Expr::GroupingSet(set)] = groups else { return groups.to_vec() };
    let mut flat: Vec<Expr> = Vec::new();
    let all: Vec<&Expr> = match set {
        GroupingSet::Rollup(exprs) | GroupingSet::Cube(exprs) => exprs.iter().collect(),
        GroupingSet::GroupingSets(sets) => sets.iter().flatten().collect(),
    };
    for expr in all {
        if !flat.contains(expr) {
            flat.push(expr.clone());
        }
    }
    flat
}
