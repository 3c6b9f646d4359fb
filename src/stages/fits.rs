//! Whether a condition of `expect` suits the columns that it is about, told before any run.
//!
//! Knows types and what the user wrote, never a row.

use arrow::datatypes::{DataType, Schema};

use super::checks::{Between, OneOf, ordered, values};
use crate::data::ColumnType;
use crate::params::{Bound, Call, Params, Setting};
use crate::text::Span;

/// Why a condition can't be held against a column.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Misfit {
    /// The part of the condition that is wrong.
    pub(super) span: Span,
    /// What is wrong.
    pub(super) message: String,
    /// What to do.
    pub(super) help: Option<String>,
}

impl Misfit {
    fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), help: None }
    }

    fn help(self, text: impl Into<String>) -> Self {
        Self { help: Some(text.into()), ..self }
    }
}

/// What some literals are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Numbers,
    Texts,
    Bools,
}

impl Sort {
    fn of(setting: &Setting) -> Option<Self> {
        match setting {
            Setting::Int(_) | Setting::Float(_) | Setting::Share(_) => Some(Self::Numbers),
            Setting::Text(_) => Some(Self::Texts),
            Setting::Bool(_) => Some(Self::Bools),
            _ => None,
        }
    }

    const fn spoken(self) -> &'static str {
        match self {
            Self::Numbers => "numbers",
            Self::Texts => "texts",
            Self::Bools => "bools",
        }
    }

    fn suits(self, kind: &DataType) -> bool {
        match self {
            Self::Numbers => kind.is_numeric() || *kind == DataType::Boolean,
            Self::Texts => is_text(kind) || kind.is_temporal(),
            Self::Bools => *kind == DataType::Boolean,
        }
    }

    /// Says how to bring a column and literals of this sort together.
    fn remedy(self, column: &str, kind: &DataType) -> String {
        match self {
            Self::Numbers if is_text(kind) => format!(
                "make numbers of it: `schema: {{ {column}: float }}` in the `ingest`, or `CAST({column} AS DOUBLE)` in a `prep`"
            ),
            Self::Texts if kind.is_numeric() => "write numbers without quotes".to_owned(),
            _ if kind.is_temporal() => {
                "write dates and times in quotes: `\"2024-05-31\"`".to_owned()
            }
            _ => format!("write values that fit the type {}", spoken(kind)),
        }
    }
}

fn is_text(kind: &DataType) -> bool {
    spoken(kind) == "text"
}

fn spoken(kind: &DataType) -> String {
    ColumnType::new(kind.clone()).to_string()
}

/// Says what keeps a check or a measure from being held against the columns of a table.
pub(super) fn misfit(call: &Call, schema: &Schema) -> Option<Misfit> {
    match call.name {
        "between" => between(call, schema),
        "one_of" => one_of(call, schema),
        "matches" => shaped(call, schema, |kind| !(kind.is_nested() || is_bytes(kind)), "text"),
        "min" | "max" | "mean" | "sum" => {
            shaped(call, schema, |kind| Sort::Numbers.suits(kind), "numbers")
        }
        _ => None,
    }
}

const fn is_bytes(kind: &DataType) -> bool {
    matches!(kind, DataType::Binary | DataType::FixedSizeBinary(_))
}

/// Gives the column that a condition is about, its place and its type.
fn column<'a>(call: &'a Call, schema: &'a Schema) -> Option<(&'a str, Span, &'a DataType)> {
    let bound = call.args.get("column")?;
    let Setting::Column(name) = &bound.setting else { return None };
    Some((name, bound.span, schema.field_with_name(name).ok()?.data_type()))
}

/// Holds the type of the column against what the word needs.
fn shaped(
    call: &Call,
    schema: &Schema,
    suits: impl Fn(&DataType) -> bool,
    wanted: &str,
) -> Option<Misfit> {
    let (name, span, kind) = column(call, schema)?;
    (!suits(kind)).then(|| {
        let message = format!("`{}` needs {wanted}, and `{name}` is {}", call.name, spoken(kind));
        Misfit::new(span, message)
    })
}

/// Finds the one sort of some literals, and holds the column's type against it.
fn sorted(call: &Call, schema: &Schema, literals: &[&Bound]) -> Result<Option<Sort>, Misfit> {
    let mut one: Option<Sort> = None;
    for literal in literals {
        let Some(sort) = Sort::of(&literal.setting) else {
            let message = format!("`{}` can't be compared", literal.setting.spoken());
            return Err(
                Misfit::new(literal.span, message).help("nulls pass each check but `not_null`")
            );
        };
        if let Some(first) = one.filter(|first| *first != sort) {
            let message =
                format!("`{}` is given {} and {}", call.name, first.spoken(), sort.spoken());
            return Err(Misfit::new(literal.span, message));
        }
        one = Some(sort);
    }
    let (Some(sort), Some((name, span, kind))) = (one, column(call, schema)) else {
        return Ok(None);
    };
    if !sort.suits(kind) {
        let message =
            format!("`{name}` is {}, and `{}` is given {}", spoken(kind), call.name, sort.spoken());
        return Err(Misfit::new(span, message).help(sort.remedy(name, kind)));
    }
    for literal in literals {
        if let Setting::Text(text) = &literal.setting
            && let Err(message) = values(&[text], kind)
        {
            return Err(Misfit::new(literal.span, message).help(sort.remedy(name, kind)));
        }
    }
    Ok(Some(sort))
}

fn between(call: &Call, schema: &Schema) -> Option<Misfit> {
    let (low, high) = (call.args.get("low")?, call.args.get("high")?);
    let sort = match sorted(call, schema, &[low, high]) {
        Ok(sort) => sort?,
        Err(misfit) => return Some(misfit),
    };
    if sort == Sort::Bools {
        return Some(Misfit::new(low.span, "bools have no order").help("use `one_of`"));
    }
    let check = Between::from_args(&call.args)?;
    let kind = column(call, schema).map_or(DataType::Utf8, |(_, _, kind)| kind.clone());
    let upside_down = match (check.low.as_f64(), check.high.as_f64(), &check.low, &check.high) {
        (Some(low), Some(high), ..) => low > high,
        (_, _, Setting::Text(low), Setting::Text(high)) => {
            values(&[low, high], &kind).is_ok_and(|ends| !ordered(&ends))
        }
        _ => false,
    };
    upside_down.then(|| {
        let (low_end, high_end) = (check.low.spoken(), check.high.spoken());
        Misfit::new(
            low.span.to(high.span),
            format!("no value lies between {low_end} and {high_end}"),
        )
        .help("the least value comes first")
    })
}

fn one_of(call: &Call, schema: &Schema) -> Option<Misfit> {
    let list = call.args.get("values")?;
    let Setting::List(items) = &list.setting else { return None };
    if OneOf::from_args(&call.args)?.values.is_empty() {
        return Some(Misfit::new(
            list.span,
            "the list of values is empty, so that no value passes",
        ));
    }
    sorted(call, schema, &items.iter().collect::<Vec<_>>()).err()
}

/// Says what keeps a measure from being compared with a number: a count is whole, or a share of the
/// rows.
pub(super) fn limit_misfit(call: &Call, limit: &Bound) -> Option<Misfit> {
    let counts = matches!(call.name, "row_count" | "missing" | "distinct");
    match limit.setting {
        Setting::Share(_) if call.name == "row_count" => Some(
            Misfit::new(limit.span, "a number of rows is no share").help("write a whole number"),
        ),
        Setting::Share(share) if counts && !(0.0..=1.0).contains(&share) => {
            Some(Misfit::new(limit.span, "a share of the rows lies between 0% and 100%"))
        }
        Setting::Float(number) if counts && number.is_finite() && number.fract() != 0.0 => {
            let misfit = Misfit::new(
                limit.span,
                format!(
                    "`{}` counts rows, so {number} can't be what it is compared with",
                    call.name
                ),
            );
            let share = (0.0..=1.0).contains(&number) && call.name != "row_count";
            let percent = format!("a share of the rows is written `{}%`", number * 100.0);
            Some(if share { misfit.help(percent) } else { misfit.help("write a whole number") })
        }
        _ => None,
    }
}

/// Says whether a column can be looked up in another: both are of one sort.
pub(super) fn comparable(one: &DataType, other: &DataType) -> bool {
    let sort = |kind: &DataType| match kind {
        kind if is_text(kind) => 0,
        kind if kind.is_numeric() => 1,
        DataType::Boolean => 2,
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => 3,
        _ => 4,
    };
    one == other || (sort(one) == sort(other) && sort(one) < 4)
}
