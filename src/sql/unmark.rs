//! Plan to plan: takes the marks off and puts checked operations where they are needed.
//!
//! Runs between DataFusion's analyser, which settles the types, and its optimiser, which would fold
//! constants with arithmetic that wraps around. Floats keep DataFusion's own operations.

use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::{BinaryExpr, Cast, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Operator, ScalarUDF};

use super::checked::{CheckedCast, CheckedNegation, CheckedOperation, Place};
use super::names::{Around, Bound, Mark};

/// A plan without marks, and where it divides whole numbers.
pub(super) struct Unmarked {
    pub(super) plan: LogicalPlan,
    pub(super) integer_divisions: Vec<Range<usize>>,
}

/// Takes the marks off a plan.
pub(super) fn unmark(plan: LogicalPlan) -> Result<Unmarked> {
    let mut integer_divisions = Vec::new();
    let plan = plan.transform_up_with_subqueries(|node| {
        let mut marked = false;
        node.apply_expressions(|expr| {
            marked = marked || expr.exists(|expr| Ok(is_mark(expr)))?;
            Ok(datafusion::common::tree_node::TreeNodeRecursion::Continue)
        })?;
        if marked {
            node_without_marks(node, &mut integer_divisions)
        } else {
            Ok(Transformed::no(node))
        }
    })?;
    integer_divisions.sort_by_key(|range| (range.start, range.end));
    integer_divisions.dedup();
    Ok(Unmarked { plan: plan.data, integer_divisions })
}

fn is_mark(expr: &Expr) -> bool {
    match expr {
        Expr::ScalarFunction(call) => {
            let inner = call.func.inner();
            inner.as_ref().is::<Mark>() || inner.as_ref().is::<Bound>()
        }
        _ => false,
    }
}

fn node_without_marks(
    node: LogicalPlan,
    divisions: &mut Vec<Range<usize>>,
) -> Result<Transformed<LogicalPlan>> {
    let mut schema = DFSchema::empty();
    for input in node.inputs() {
        schema.merge(input.schema());
    }
    if node.inputs().is_empty() {
        schema.merge(node.schema());
    }
    let names = NamePreserver::new(&node);
    let mapped = node.map_expressions(|expr| {
        let name = names.save(&expr);
        // From the top down: below, types are still told by DataFusion's own operations, which is quick.
        let expr = expr.transform_down(|expr| operation(expr, &schema, divisions))?;
        // The planner puts calls of its own where it has a function for an operation.
        let expr = expr.transform_data(|expr| expr.transform_up(without_mark))?;
        Ok(expr.update_data(|expr| name.restore(expr)))
    })?;
    mapped.map_data(LogicalPlan::recompute_schema)
}

/// Puts a checked operation in the place of one that is marked, whose parts are not done yet.
fn operation(
    expr: Expr,
    schema: &DFSchema,
    divisions: &mut Vec<Range<usize>>,
) -> Result<Transformed<Expr>> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match unwrapped(*right) {
            (right, Some(place)) => {
                binary((*left, op, right), place, schema, divisions).map(Transformed::yes)
            }
            (right, None) => Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr {
                left,
                op,
                right: Box::new(right),
            }))),
        },
        Expr::ScalarFunction(mut call) => {
            if let Some(bound) = call.func.inner().as_ref().downcast_ref::<Bound>() {
                return Ok(Transformed::yes(Expr::Literal(bound.value.clone(), None)));
            }
            match (mark_of(&call, Around::Whole), call.args.pop()) {
                (Some(place), Some(inner)) => checked(inner, place, schema).map(Transformed::yes),
                (_, last) => {
                    call.args.extend(last);
                    Ok(Transformed::no(Expr::ScalarFunction(call)))
                }
            }
        }
        other => Ok(Transformed::no(other)),
    }
}

fn mark_of(call: &ScalarFunction, around: Around) -> Option<Place> {
    let mark = call.func.inner().as_ref().downcast_ref::<Mark>()?;
    (mark.around == around).then(|| mark.place.clone())
}

/// Takes the mark off the right side of an operation; the analyser's casts may stand around it.
fn unwrapped(expr: Expr) -> (Expr, Option<Place>) {
    match expr {
        Expr::Cast(Cast { expr, field }) => {
            let (expr, place) = unwrapped(*expr);
            (Expr::Cast(Cast { expr: Box::new(expr), field }), place)
        }
        Expr::ScalarFunction(mut call) => match mark_of(&call, Around::RightSide) {
            Some(place) if call.args.len() == 1 => (call.args.remove(0), Some(place)),
            _ => (Expr::ScalarFunction(call), None),
        },
        other => (other, None),
    }
}

/// Takes off a mark of whose operation nothing is left.
fn without_mark(expr: Expr) -> Result<Transformed<Expr>> {
    match expr {
        Expr::ScalarFunction(mut call)
            if call.args.len() == 1 && mark_of(&call, Around::RightSide).is_some() =>
        {
            Ok(Transformed::yes(call.args.remove(0)))
        }
        other => Ok(Transformed::no(other)),
    }
}

fn binary(
    (left, op, right): (Expr, Operator, Expr),
    place: Place,
    schema: &DFSchema,
    divisions: &mut Vec<Range<usize>>,
) -> Result<Expr> {
    let types = (left.get_type(schema)?, right.get_type(schema)?);
    if op == Operator::Divide && types.0.is_integer() && types.1.is_integer() {
        divisions.push(place.range().clone());
    }
    if can_wrap(&types.0, &types.1) {
        return Ok(call(CheckedOperation::new(op, place), vec![left, right]));
    }
    Ok(Expr::BinaryExpr(BinaryExpr { left: Box::new(left), op, right: Box::new(right) }))
}

fn checked(inner: Expr, place: Place, schema: &DFSchema) -> Result<Expr> {
    match inner {
        Expr::Negative(inner) if can_wrap_alone(&inner.get_type(schema)?) => {
            Ok(call(CheckedNegation::new(place), vec![*inner]))
        }
        Expr::Cast(Cast { expr, field }) => {
            let to = field.data_type();
            if field.metadata().is_empty() && CheckedCast::can_fail(&expr.get_type(schema)?, to) {
                return Ok(call(CheckedCast::new(to.clone(), place), vec![*expr]));
            }
            Ok(Expr::Cast(Cast { expr, field }))
        }
        other => Ok(other),
    }
}

fn call(function: impl datafusion::logical_expr::ScalarUDFImpl + 'static, args: Vec<Expr>) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::from(function)), args))
}

/// Tells whether arrow's kernels for two types wrap around or divide by zero.
///
/// Two dates subtract, and a time of day and an interval add up, by DataFusion's own rules.
fn can_wrap(left: &DataType, right: &DataType) -> bool {
    let moment = |kind: &DataType| {
        matches!(kind, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64)
    };
    let span = |kind: &DataType| matches!(kind, DataType::Duration(_) | DataType::Interval(_));
    let dates = |kind: &DataType| matches!(kind, DataType::Date32 | DataType::Date64);
    if dates(left) && dates(right) {
        return false;
    }
    let number = |kind: &DataType| can_wrap_alone(kind) && !span(kind);
    number(left) && number(right)
        || (moment(left) || span(left)) && (moment(right) || span(right) || number(right))
        || number(left) && span(right)
}

fn can_wrap_alone(kind: &DataType) -> bool {
    kind.is_integer()
        || kind.is_decimal()
        || matches!(kind, DataType::Duration(_) | DataType::Interval(_))
}
