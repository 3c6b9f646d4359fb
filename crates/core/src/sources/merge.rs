//! One table from several files: which columns it has, of which types.
//!
//! Knows what was seen in each file, not how it was read.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use indexmap::IndexMap;

use super::guess::Guess;
use super::values::Pattern;
use super::{Input, Options, Request, SourceError};
use crate::data::ColumnType;

/// What a file says about a column.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Seen {
    /// Its texts look like this.
    Guess(Guess),
    /// The file states its type.
    Typed(Field),
}

impl Seen {
    fn data_type(&self) -> DataType {
        match self {
            Self::Guess(guess) => guess.data_type(),
            Self::Typed(field) => field.data_type().clone(),
        }
    }

    /// Gives what covers both, if anything does.
    fn join(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Guess(Guess::Empty), seen) | (seen, Self::Guess(Guess::Empty)) => {
                Some(seen.clone())
            }
            (Self::Guess(one), Self::Guess(two)) => {
                let joined = one.join(*two);
                let agree = joined != Guess::Text || one.data_type() == two.data_type();
                agree.then_some(Self::Guess(joined))
            }
            _ => self.join_types(other),
        }
    }

    fn join_types(&self, other: &Self) -> Option<Self> {
        let (one, two) = (self.data_type(), other.data_type());
        if same_values(&one, &two) {
            return Some(self.clone());
        }
        let name = match (self, other) {
            (Self::Typed(field), _) | (_, Self::Typed(field)) => field.name().clone(),
            _ => String::new(),
        };
        wider_number(&one, &two).map(|wider| Self::Typed(Field::new(name, wider, true)))
    }
}

/// Tells types that hold the same values in different encodings from others.
fn same_values(one: &DataType, two: &DataType) -> bool {
    one == two
        || ColumnType::new(one.clone()).to_string() == ColumnType::new(two.clone()).to_string()
}

fn wider_number(one: &DataType, two: &DataType) -> Option<DataType> {
    if !one.is_numeric() || !two.is_numeric() || is_decimal(one) || is_decimal(two) {
        return None;
    }
    let unsigned = |kind: &DataType| kind.is_unsigned_integer();
    let wide = |kind: &DataType| kind.primitive_width().unwrap_or(8);
    if one.is_floating() || two.is_floating() {
        return Some(DataType::Float64);
    }
    match (unsigned(one), unsigned(two)) {
        (true, true) | (false, false) => {
            Some(if wide(one) >= wide(two) { one } else { two }.clone())
        }
        // A signed number of 64 bits holds all but the widest unsigned ones.
        (true, false) if wide(one) < 8 => Some(DataType::Int64),
        (false, true) if wide(two) < 8 => Some(DataType::Int64),
        _ => None,
    }
}

fn is_decimal(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..)
    )
}

/// The table that is to be made.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// Its schema.
    pub(super) schema: SchemaRef,
    /// The type of each column as it was declared or inferred.
    pub(super) types: Vec<ColumnType>,
    /// Tells for each column whether the user gave its type.
    pub(super) declared: Vec<bool>,
}

impl Target {
    /// Gives the places of the columns wanted.
    pub(super) fn wanted(&self, request: &Request) -> Result<Vec<usize>, SourceError> {
        let all = || 0..self.schema.fields().len();
        let Some(columns) = request.columns else { return Ok(all().collect()) };
        let name = |at: usize| self.schema.field(at).name();
        if let Some(column) = columns.iter().find(|column| self.schema.index_of(column).is_err()) {
            return Err(no_column(
                request.inputs,
                column,
                all().map(|at| name(at).clone()).collect(),
            ));
        }
        let columns: HashSet<&String> = columns.iter().collect();
        Ok(all().filter(|at| columns.contains(name(*at))).collect())
    }

    /// Gives a column's type in the user's words.
    pub(super) fn spoken(&self, at: usize) -> String {
        self.types.get(at).map(ToString::to_string).unwrap_or_default()
    }
}

fn no_column(inputs: &[Input], column: &str, known: Vec<String>) -> SourceError {
    let file = inputs.first().map(|input| input.name.clone()).unwrap_or_default();
    SourceError::NoColumn { file, column: column.to_owned(), known }
}

/// Refuses a declared format by which no day can be read.
fn check_formats(request: &Request) -> Result<(), SourceError> {
    for (column, kind) in request.schema {
        if let Some(format) = &kind.format
            && let Err(problem) = Pattern::checked(format)
        {
            let (column, format) = (column.clone(), format.clone());
            return Err(SourceError::Format { column, format, problem });
        }
    }
    Ok(())
}

/// Settles the table that a request asks for.
pub(super) fn target(request: &Request) -> Result<Target, SourceError> {
    if let Some(known) = request.known {
        return assemble(request, known.fields().iter().map(|field| (**field).clone()).collect());
    }
    let mut merged: IndexMap<String, (Seen, usize)> = IndexMap::new();
    for (at, input) in request.inputs.iter().enumerate() {
        for (name, seen) in super::columns(request, input)? {
            merge(request, &mut merged, name, seen, at)?;
        }
    }
    let fields = merged.into_iter().map(|(name, (seen, _))| match seen {
        Seen::Guess(guess) => Field::new(name, guess.data_type(), true),
        Seen::Typed(field) => field,
    });
    assemble(request, fields.collect())
}

/// Takes in what one file says about a column.
fn merge(
    request: &Request,
    merged: &mut IndexMap<String, (Seen, usize)>,
    name: String,
    seen: Seen,
    at: usize,
) -> Result<(), SourceError> {
    let Some((before, first)) = merged.get_mut(&name) else {
        merged.insert(name, (seen, at));
        return Ok(());
    };
    match before.join(&seen) {
        Some(joined) => {
            // The file whose type it is stands for the column in a later message.
            if joined != *before && joined == seen {
                *first = at;
            }
            *before = joined;
        }
        None if request.schema.iter().any(|(declared, _)| *declared == name) => {}
        None => {
            let spoken = |seen: &Seen| ColumnType::new(seen.data_type()).to_string();
            return Err(SourceError::Conflict {
                first: request.inputs[*first].name.clone(),
                first_type: spoken(before),
                second: request.inputs[at].name.clone(),
                second_type: spoken(&seen),
                column: name,
            });
        }
    }
    Ok(())
}

/// Puts the user's types into a schema.
fn assemble(request: &Request, mut fields: Vec<Field>) -> Result<Target, SourceError> {
    check_formats(request)?;
    let mut declared = vec![false; fields.len()];
    let mut types: Vec<ColumnType> = fields.iter().map(ColumnType::of_field).collect();
    let keyed = matches!(request.options, Options::Json | Options::Ndjson);
    for (name, column_type) in request.schema {
        let at = match fields.iter().position(|field| field.name() == name) {
            Some(at) => at,
            // An object may lack any key, so a declared one may be lacking in all.
            None if keyed => {
                fields.push(column_type.to_field(name));
                types.push(column_type.clone());
                declared.push(true);
                continue;
            }
            None => {
                let known = fields.iter().map(|field| field.name().clone()).collect();
                return Err(no_column(request.inputs, name, known));
            }
        };
        fields[at] = column_type.to_field(name);
        types[at] = column_type.clone();
        declared[at] = true;
    }
    Ok(Target { schema: Arc::new(Schema::new(fields)), types, declared })
}
