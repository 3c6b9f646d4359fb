//! Objects and arrays inside a column: structs and lists.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::json::ReaderBuilder;
use indexmap::IndexMap;
use serde_json::Value as Json;

use super::flat::Value;
use crate::sources::SourceError;
use crate::sources::guess::Guess;
use crate::sources::style::PLAIN;
use crate::sources::typed::Misfit;

/// What the values of a column look like.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    /// Single values.
    Scalar(Guess),
    /// Arrays, whose items look like this.
    List(Box<Self>),
    /// Objects, whose values look like this by key.
    Struct(IndexMap<String, Self>),
    /// Things that don't go together: only their text does.
    Mixed,
}

impl Shape {
    /// Widens the shape by one more value.
    pub(super) fn see(&mut self, value: &Value) {
        let guess = match value {
            Value::Null => return,
            Value::Bool(_) => Guess::Bool,
            Value::Number(text) => Guess::of(text.as_bytes(), &PLAIN),
            Value::Text(text) => of_text(text),
            Value::Nested(text) => {
                let json = serde_json::from_str(text).unwrap_or(Json::Null);
                let before = std::mem::replace(self, Self::Scalar(Guess::Empty));
                *self = before.join(Self::of(&json));
                return;
            }
        };
        match self {
            Self::Scalar(before) => *before = before.join(guess),
            _ => *self = Self::Mixed,
        }
    }

    /// Gives the shape of a value inside another: there a string is text, whatever it says.
    fn of(value: &Json) -> Self {
        match value {
            Json::Null => Self::Scalar(Guess::Empty),
            Json::Bool(_) => Self::Scalar(Guess::Bool),
            Json::Number(number) if number.is_i64() => Self::Scalar(Guess::Int),
            Json::Number(number) if number.is_u64() => Self::Scalar(Guess::LongInt),
            Json::Number(_) => Self::Scalar(Guess::Float),
            Json::String(_) => Self::Scalar(Guess::Text),
            Json::Array(items) => {
                let none = Self::Scalar(Guess::Empty);
                Self::List(Box::new(items.iter().map(Self::of).fold(none, Self::join)))
            }
            Json::Object(map) => Self::Struct(
                map.iter().map(|(key, value)| (key.clone(), Self::of(value))).collect(),
            ),
        }
    }

    /// Gives the narrowest shape that covers both.
    pub(super) fn join(self, other: Self) -> Self {
        match (self, other) {
            (Self::Scalar(Guess::Empty), shape) | (shape, Self::Scalar(Guess::Empty)) => shape,
            (Self::Scalar(one), Self::Scalar(two)) => Self::Scalar(one.join(two)),
            (Self::List(one), Self::List(two)) => Self::List(Box::new(one.join(*two))),
            (Self::Struct(mut one), Self::Struct(two)) => {
                for (key, shape) in two {
                    let before = one.shift_remove_full(&key);
                    match before {
                        Some((at, _, before)) => {
                            one.shift_insert(at, key, before.join(shape));
                        }
                        None => {
                            one.insert(key, shape);
                        }
                    }
                }
                Self::Struct(one)
            }
            _ => Self::Mixed,
        }
    }

    /// Gives the type of a column of this shape: JSON text where its parts don't go together.
    pub(super) fn data_type(&self) -> DataType {
        if self.is_mixed() { DataType::Utf8 } else { self.plain_type() }
    }

    /// Tells whether anything in it has no type of its own; an object without keys has none.
    fn is_mixed(&self) -> bool {
        match self {
            Self::Scalar(_) => false,
            Self::List(item) => item.is_mixed(),
            Self::Struct(fields) => fields.is_empty() || fields.values().any(Self::is_mixed),
            Self::Mixed => true,
        }
    }

    fn plain_type(&self) -> DataType {
        match self {
            Self::Scalar(guess) => guess.data_type(),
            Self::List(item) => DataType::new_list(item.plain_type(), true),
            Self::Struct(fields) => DataType::Struct(
                fields
                    .iter()
                    .map(|(key, shape)| Field::new(key, shape.plain_type(), true))
                    .collect(),
            ),
            Self::Mixed => DataType::Utf8,
        }
    }
}

fn of_text(text: &str) -> Guess {
    match Guess::of(text.as_bytes(), &PLAIN) {
        guess @ (Guess::Date | Guess::Time | Guess::FineTime | Guess::FarTime) => guess,
        _ => Guess::Text,
    }
}

/// Builds the array of a column of structs or lists; a value of another shape doesn't fit.
pub(super) fn build(
    values: &[Value],
    kind: &DataType,
    file: &str,
) -> Result<(ArrayRef, Vec<Misfit>), SourceError> {
    let all: Vec<usize> = (0..values.len()).collect();
    if let Ok(array) = decode(values, &all, kind) {
        return Ok((array, Vec::new()));
    }
    // One of them doesn't fit: each is tried on its own.
    let mut misfits = Vec::new();
    let mut arrays = Vec::with_capacity(values.len());
    for row in all {
        arrays.push(decode(values, &[row], kind).unwrap_or_else(|_| {
            misfits.push(Misfit { row, why: None });
            new_null_array(kind, 1)
        }));
    }
    let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
    let array = arrow::compute::concat(&arrays).map_err(|error| SourceError::arrow(file, error))?;
    Ok((array, misfits))
}

fn decode(
    values: &[Value],
    rows: &[usize],
    kind: &DataType,
) -> Result<ArrayRef, arrow::error::ArrowError> {
    let mut text = String::new();
    for row in rows {
        let value = match &values[*row] {
            Value::Null => "null".to_owned(),
            Value::Bool(flag) => flag.to_string(),
            Value::Number(text) | Value::Nested(text) => (*text).to_owned(),
            Value::Text(text) => Json::from(text.as_ref()).to_string(),
        };
        text.push_str("{\"v\":");
        text.push_str(&value);
        text.push_str("}\n");
    }
    let schema = Arc::new(Schema::new(vec![Field::new("v", kind.clone(), true)]));
    let mut decoder = ReaderBuilder::new(schema)
        .with_coerce_primitive(true)
        .with_batch_size(rows.len().max(1))
        .build_decoder()?;
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let read = decoder.decode(rest)?;
        if read == 0 {
            break;
        }
        rest = &rest[read..];
    }
    match decoder.flush()? {
        Some(batch) if batch.num_rows() == rows.len() => Ok(Arc::clone(batch.column(0))),
        _ => Ok(new_null_array(kind, rows.len())),
    }
}
