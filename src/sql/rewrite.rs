//! Syntax tree to syntax tree: values for parameters, and marks on what can fail while it runs.
//!
//! DataFusion forgets where an expression stood. So each cast, negation and sum is wrapped, in the
//! syntax tree, into a call of a function that no user can name; the call's name is the number of a
//! [`Site`], which knows the bytes. Of an operation with two sides the right one alone is wrapped: a
//! long sum leans to the left, and calls within calls would cost the planner cubic time. Once types
//! are known, `unmark` takes the marks off again and puts checked operations in their place.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use arrow::datatypes::IntervalMonthDayNano;
use datafusion::common::ScalarValue;
use datafusion::sql::sqlparser::ast::{
    AccessExpr, Array, BinaryOperator, CastKind, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentList, FunctionArguments, Ident, ObjectName, Query, UnaryOperator, Value,
    ValueWithSpan, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::source::Source;

/// What the names of marks begin with; no keyboard types it.
pub(super) const MARK: char = '\u{1}';

/// A value that a query takes as `$name`.
#[derive(Clone, Debug, PartialEq)]
pub enum Parameter {
    /// Nothing known.
    Null,
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A number of fixed digits.
    Decimal {
        /// The digits, without a point.
        value: i128,
        /// How many digits there may be.
        precision: u8,
        /// How many of them stand behind the point.
        scale: i8,
    },
    /// True or false.
    Bool(bool),
    /// A text.
    Text(String),
    /// A date, in days since 1970-01-01.
    Date(i32),
    /// A time, in microseconds since 1970-01-01.
    Timestamp(i64),
    /// A length of time, in nanoseconds; an interval in SQL.
    Duration(i64),
    /// Values for `IN ($name)`.
    List(Vec<Parameter>),
}

/// A place in a query's text, or a value, that a mark stands for.
#[derive(Clone, Debug)]
pub(super) enum Site {
    /// A negation or a cast, which the mark stands around.
    Expression(Range<usize>),
    /// An operation whose right side the mark stands around.
    Operation(Range<usize>),
    /// A call of `sum`.
    Sum(Range<usize>),
    /// A parameter's value that has no literal of its own in SQL.
    Value(ScalarValue),
}

/// What the marks in a query stand for.
#[derive(Clone, Debug)]
pub(super) struct Sites {
    pub(super) source: Arc<Source>,
    list: Vec<Site>,
}

impl Sites {
    /// Finds what a function's name stands for, if it is a mark.
    pub(super) fn get(&self, name: &str) -> Option<&Site> {
        self.list.get(name.strip_prefix(MARK)?.parse::<usize>().ok()?)
    }
}

/// Binds parameters and marks operations, in place.
pub(super) fn rewrite(
    query: &mut Query,
    source: Arc<Source>,
    parameters: &BTreeMap<&str, &Parameter>,
) -> Sites {
    let sites = Sites { source, list: Vec::new() };
    let mut rewriter = Rewriter { sites, parameters, ranges: Vec::new() };
    let ControlFlow::Continue(()) = query.visit(&mut rewriter);
    rewriter.sites
}

/// Gives the parameter's name if an expression is `$file.name`.
pub(super) fn parameter_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(ValueWithSpan { value: Value::Placeholder(name), .. }) => {
            name.strip_prefix('$').map(str::to_owned)
        }
        Expr::CompoundFieldAccess { root, access_chain } => {
            let [AccessExpr::Dot(Expr::Identifier(name))] = access_chain.as_slice() else {
                return None;
            };
            parameter_name(root).map(|file| format!("{file}.{}", name.value))
        }
        _ => None,
    }
}

struct Rewriter<'a> {
    sites: Sites,
    parameters: &'a BTreeMap<&'a str, &'a Parameter>,
    /// Where the operations stand that are being walked.
    ranges: Vec<Range<usize>>,
}

impl VisitorMut for Rewriter<'_> {
    type Break = std::convert::Infallible;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        if let Expr::InList { list, .. } = expr {
            self.spread(list);
        }
        if let Some(parameter) = self.parameter(expr) {
            *expr = self.literal(parameter);
        }
        if let Expr::CompoundFieldAccess { root, access_chain } = expr {
            // Behind a name alone, points part the name: `table.column[1].field`.
            let is_name = matches!(**root, Expr::Identifier(_));
            let dots = access_chain.iter().take_while(|one| matches!(one, AccessExpr::Dot(_)));
            let first = if is_name { dots.count() } else { 0 };
            access_chain.iter_mut().skip(first).for_each(name_field);
        }
        if is_operation(expr) {
            self.ranges.push(self.sites.source.cover_expr(expr).unwrap_or_default());
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        if is_operation(expr) {
            let range = self.ranges.pop().unwrap_or_default();
            match expr {
                Expr::BinaryOp { right, .. } => self.wrap(right, Site::Operation(range)),
                _ if is_negative_literal(expr) => {}
                _ => self.wrap(expr, Site::Expression(range)),
            }
        }
        match expr {
            Expr::Interval(interval) => unmark(&mut interval.value),
            Expr::Function(function) => self.sum(function),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl<'a> Rewriter<'a> {
    fn mark(&mut self, site: Site) -> Ident {
        let name = format!("{MARK}{}", self.sites.list.len());
        self.sites.list.push(site);
        Ident { value: name, quote_style: Some('"'), span: Span::empty() }
    }

    /// Puts a mark around an expression.
    fn wrap(&mut self, expr: &mut Expr, site: Site) {
        let name = self.mark(site);
        let inner = std::mem::replace(expr, Expr::Value(Value::Null.into()));
        *expr = call(name, vec![inner]);
    }

    fn parameter(&self, expr: &Expr) -> Option<&'a Parameter> {
        let name = parameter_name(expr)?;
        self.parameters.get(name.as_str()).copied()
    }

    /// Puts a list's values where the list stands in `IN (…)`.
    fn spread(&mut self, list: &mut Vec<Expr>) {
        for one in std::mem::take(list) {
            match self.parameter(&one) {
                Some(Parameter::List(values)) => {
                    list.extend(values.iter().map(|value| self.literal(value)));
                }
                _ => list.push(one),
            }
        }
    }

    fn literal(&mut self, parameter: &Parameter) -> Expr {
        let value = match parameter {
            Parameter::Null => Value::Null,
            Parameter::Int(value @ 0..) => Value::Number(value.to_string(), false),
            Parameter::Int(value) => return self.value(ScalarValue::Int64(Some(*value))),
            Parameter::Float(value) => return self.value(ScalarValue::Float64(Some(*value))),
            Parameter::Decimal { value, precision, scale } => {
                return self.value(ScalarValue::Decimal128(Some(*value), *precision, *scale));
            }
            Parameter::Bool(value) => Value::Boolean(*value),
            Parameter::Text(value) => Value::SingleQuotedString(value.clone()),
            Parameter::Date(days) => return self.value(ScalarValue::Date32(Some(*days))),
            Parameter::Timestamp(micros) => {
                return self.value(ScalarValue::TimestampMicrosecond(Some(*micros), None));
            }
            Parameter::Duration(nanos) => return self.value(interval(*nanos)),
            Parameter::List(values) => {
                let elem = values.iter().map(|value| self.literal(value)).collect();
                return Expr::Array(Array { elem, named: false });
            }
        };
        Expr::Value(value.into())
    }

    /// Gives a value that has no literal in SQL: a mark without arguments.
    fn value(&mut self, value: ScalarValue) -> Expr {
        let name = self.mark(Site::Value(value));
        call(name, Vec::new())
    }

    /// Gives each call of `sum` a name of its own, so that an overflow can point at it.
    fn sum(&mut self, function: &mut Function) {
        let [part] = function.name.0.as_slice() else { return };
        let Some(ident) = part.as_ident() else { return };
        let is_sum = match ident.quote_style {
            Some(_) => ident.value == "sum",
            None => ident.value.eq_ignore_ascii_case("sum"),
        };
        if is_sum {
            let range = self.sites.source.cover_call(ident.span).unwrap_or_default();
            let name = self.mark(Site::Sum(range));
            function.name = ObjectName::from(vec![name]);
        }
    }
}

/// Writes `.field` behind an index or a call as the planner takes it: the field as a text.
fn name_field(access: &mut AccessExpr) {
    if let AccessExpr::Dot(field) = access
        && let Expr::Identifier(name) = field
    {
        *field = Expr::Value(Value::SingleQuotedString(name.value.clone()).into());
    }
}

/// Tells whether an expression may overflow or be divided by zero.
const fn is_operation(expr: &Expr) -> bool {
    match expr {
        Expr::BinaryOp { op, .. } => matches!(
            op,
            BinaryOperator::Plus
                | BinaryOperator::Minus
                | BinaryOperator::Multiply
                | BinaryOperator::Divide
                | BinaryOperator::Modulo
        ),
        Expr::UnaryOp { op, .. } => matches!(op, UnaryOperator::Minus),
        Expr::Cast { kind, array, .. } => {
            matches!(kind, CastKind::Cast | CastKind::DoubleColon) && !*array
        }
        _ => false,
    }
}

/// Tells whether an expression is a number or an interval with a sign.
fn is_negative_literal(expr: &Expr) -> bool {
    let Expr::UnaryOp { expr, .. } = expr else { return false };
    let number = |value: &ValueWithSpan| matches!(value.value, Value::Number(..));
    matches!(&**expr, Expr::Value(value) if number(value)) || matches!(**expr, Expr::Interval(_))
}

/// Takes marks off again: an interval's text is read from the syntax tree.
fn unmark(expr: &mut Expr) {
    if let Some(inner) = marked(expr) {
        *expr = inner;
    }
    if let Expr::BinaryOp { left, right, .. } = expr {
        unmark(left);
        unmark(right);
    }
}

/// Takes out what a mark stands around.
fn marked(expr: &mut Expr) -> Option<Expr> {
    let Expr::Function(Function { name, args: FunctionArguments::List(list), .. }) = expr else {
        return None;
    };
    let ident = name.0.first().and_then(|part| part.as_ident())?;
    match ident.value.starts_with(MARK).then(|| list.args.pop())?? {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(inner)) => Some(inner),
        _ => None,
    }
}

fn call(name: Ident, args: Vec<Expr>) -> Expr {
    let args = args.into_iter().map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)));
    Expr::Function(Function {
        name: ObjectName::from(vec![name]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: args.collect(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// Makes an interval of whole days and the nanoseconds that are left.
fn interval(nanos: i64) -> ScalarValue {
    const DAY: i64 = 86_400_000_000_000;
    // 2⁶³ nanoseconds are 106,751 days.
    let days = i32::try_from(nanos / DAY).unwrap_or(i32::MAX);
    ScalarValue::IntervalMonthDayNano(Some(IntervalMonthDayNano::new(0, days, nanos % DAY)))
}
