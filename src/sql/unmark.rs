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
use super::names::{Bound, Mark};

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
        let expr = expr.transform_up(|expr| operation(expr, &schema, divisions))?;
        Ok(expr.update_data(|expr| name.restore(expr)))
    })?;
    mapped.map_data(LogicalPlan::recompute_schema)
}

/// Takes the mark off one operation.
fn operation(
    expr: Expr,
    schema: &DFSchema,
    divisions: &mut Vec<Range<usize>>,
) -> Result<Transformed<Expr>> {
    let Expr::ScalarFunction(mut call) = expr else { return Ok(Transformed::no(expr)) };
    if let Some(bound) = call.func.inner().as_ref().downcast_ref::<Bound>() {
        return Ok(Transformed::yes(Expr::Literal(bound.value.clone(), None)));
    }
    let Some(mark) = call.func.inner().as_ref().downcast_ref::<Mark>() else {
        return Ok(Transformed::no(Expr::ScalarFunction(call)));
    };
    let place = mark.place.clone();
    let Some(inner) = call.args.pop() else {
        return Ok(Transformed::no(Expr::ScalarFunction(call)));
    };
    Ok(Transformed::yes(checked(inner, place, schema, divisions)?))
}

fn checked(
    inner: Expr,
    place: Place,
    schema: &DFSchema,
    divisions: &mut Vec<Range<usize>>,
) -> Result<Expr> {
    match inner {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let types = (left.get_type(schema)?, right.get_type(schema)?);
            if op == Operator::Divide && types.0.is_integer() && types.1.is_integer() {
                divisions.push(place.range().clone());
            }
            if can_wrap(&types.0, &types.1) {
                return Ok(call(CheckedOperation::new(op, place), vec![*left, *right]));
            }
            Ok(Expr::BinaryExpr(BinaryExpr { left, op, right }))
        }
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
