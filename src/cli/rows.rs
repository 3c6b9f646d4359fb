//! Rows of a table, for people and for programs.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow::json::writer::{LineDelimited, WriterBuilder};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use comfy_table::{CellAlignment, ContentArrangement, presets};
use serde_json::{Value as Json, json};

use super::grid::{clip, harmless, width};
use super::summary;
use super::ui::Look;
use crate::data::{ColumnType, Table, TableError};

/// The longest cell that is shown in full.
const CELL: usize = 40;

/// Cells of the first rows, column by column.
struct Cells {
    names: Vec<String>,
    kinds: Vec<DataType>,
    columns: Vec<Vec<String>>,
}

/// Writes the first rows of a table, as many columns as fit, and what is left out.
pub(super) fn table(table: &Table, rows: usize, look: &Look) -> Result<String, TableError> {
    let cells = Cells::read(table, rows)?;
    let shown = cells.fitting(look);
    let mut drawn = comfy_table::Table::new();
    drawn.load_preset(if look.unicode {
        presets::UTF8_FULL_CONDENSED
    } else {
        presets::ASCII_MARKDOWN
    });
    drawn.set_content_arrangement(ContentArrangement::Disabled);
    drawn.set_header(cells.names[..shown].iter().map(|name| one_line(name, look)));
    for row in 0..cells.columns.first().map_or(0, Vec::len) {
        drawn.add_row(cells.columns[..shown].iter().map(|column| one_line(&column[row], look)));
    }
    for (column, kind) in cells.kinds.iter().take(shown).enumerate() {
        if let (true, Some(column)) = (kind.is_numeric(), drawn.column_mut(column)) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut text: String = drawn.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    if shown == 0 {
        text.clear();
    }
    let left = &cells.names[shown..];
    if !left.is_empty() {
        text.push_str(&format!("and {} more columns: {}\n", left.len(), listed(left, look)));
    }
    Ok(text)
}

/// Lists the columns and their types, a line each.
pub(super) fn schema(schema: &Schema) -> String {
    let rows: Vec<Vec<String>> =
        schema.fields().iter().map(|field| vec![harmless(field.name()), kind(field)]).collect();
    super::grid::align(&rows, |_| false, 2)
}

/// Writes the first rows for a program: an object a row.
pub(super) fn json(table: &Table, rows: usize) -> Result<Vec<Json>, TableError> {
    let mut objects = Vec::new();
    for batch in head(table, rows)?.batches() {
        let names: Vec<&String> =
            batch.schema_ref().fields().iter().map(|field| field.name()).collect();
        let columns: Vec<Vec<Json>> =
            batch.columns().iter().map(values).collect::<Result<_, _>>()?;
        for row in 0..batch.num_rows() {
            let cells = names
                .iter()
                .zip(&columns)
                .map(|(name, column)| ((*name).clone(), column[row].clone()));
            objects.push(Json::Object(cells.collect()));
        }
    }
    Ok(objects)
}

/// Names the columns and their types for a program.
pub(super) fn json_schema(schema: &Schema) -> Json {
    let field =
        |field: &arrow::datatypes::FieldRef| json!({ "name": field.name(), "type": kind(field) });
    schema.fields().iter().map(field).collect()
}

/// Names a column's type in the words of the language.
fn kind(field: &Field) -> String {
    ColumnType::of_field(field).to_string()
}

/// Gives the first rows.
fn head(table: &Table, rows: usize) -> Result<Table, TableError> {
    table.slice(0..rows.min(table.rows()))
}

/// Tells whether a value is null; a column of nothing but nulls has no marks for them.
fn is_null(column: &ArrayRef, row: usize) -> bool {
    column.data_type().is_null() || column.is_null(row)
}

/// Writes a column's values for a program: bools, numbers, texts, lists and structs as such, the rest
/// as text.
fn values(column: &ArrayRef) -> Result<Vec<Json>, ArrowError> {
    if column.data_type().is_nested()
        && let Ok(values) = nested(column)
    {
        return Ok(values);
    }
    let formatter = ArrayFormatter::try_new(column.as_ref(), &FormatOptions::default())?;
    let own = |text: String| match column.data_type() {
        DataType::Boolean => json!(text == "true"),
        kind if kind.is_integer() || kind.is_floating() => {
            serde_json::from_str(&text).unwrap_or(Json::String(text))
        }
        _ => Json::String(text),
    };
    let value = |row| {
        if is_null(column, row) {
            Ok(Json::Null)
        } else {
            Ok(own(formatter.value(row).try_to_string()?))
        }
    };
    (0..column.len()).map(value).collect()
}

/// Writes lists and structs as JSON.
fn nested(column: &ArrayRef) -> Result<Vec<Json>, ArrowError> {
    let batch = RecordBatch::try_from_iter([("value", Arc::clone(column))])?;
    let mut writer =
        WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(Vec::new());
    writer.write(&batch)?;
    writer.finish()?;
    let bytes = writer.into_inner();
    serde_json::Deserializer::from_slice(&bytes)
        .into_iter::<Json>()
        .map(|line| line.map(|mut line| line["value"].take()))
        .collect::<Result<_, _>>()
        .map_err(|error| ArrowError::JsonError(error.to_string()))
}

impl Cells {
    fn read(table: &Table, rows: usize) -> Result<Self, TableError> {
        let fields = table.schema().fields();
        let mut columns = vec![Vec::new(); fields.len()];
        let options = FormatOptions::default();
        for batch in head(table, rows)?.batches() {
            for (cells, column) in columns.iter_mut().zip(batch.columns()) {
                let formatter = ArrayFormatter::try_new(column.as_ref(), &options)?;
                for row in 0..column.len() {
                    cells.push(if is_null(column, row) {
                        String::new()
                    } else {
                        shortened(formatter.value(row).try_to_string()?, column.data_type())
                    });
                }
            }
        }
        Ok(Self {
            names: fields.iter().map(|field| field.name().clone()).collect(),
            kinds: fields.iter().map(|field| field.data_type().clone()).collect(),
            columns,
        })
    }

    /// Counts the leading columns that fit the width, one at least.
    fn fitting(&self, look: &Look) -> usize {
        let mut used = 1;
        let fits = |(name, cells): (&String, &Vec<String>)| {
            let widest =
                cells.iter().chain([name]).map(|cell| width(cell).min(CELL)).max().unwrap_or(0);
            used += widest + 3;
            used <= look.width
        };
        let fit = self.names.iter().zip(&self.columns).map(fits).take_while(|fits| *fits).count();
        fit.max(1).min(self.names.len())
    }
}

/// Shows floats with as many digits as people read, and a text of nothing apart from a missing one.
fn shortened(text: String, kind: &DataType) -> String {
    match text.parse::<f64>() {
        Err(_) if text.is_empty() => "\"\"".to_owned(),
        Ok(value) if kind.is_floating() && width(&text) > 8 => summary::number(value),
        _ => text,
    }
}

/// Keeps a cell on one line and harmless to a terminal.
fn one_line(cell: &str, look: &Look) -> String {
    clip(&harmless(cell), CELL, look.unicode)
}

/// Lists names as far as two lines go.
fn listed(names: &[String], look: &Look) -> String {
    let all: Vec<String> = names.iter().map(|name| one_line(name, look)).collect();
    clip(&all.join(", "), look.width * 2, look.unicode)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    };

    use super::*;

    fn table_of(columns: Vec<(&str, ArrayRef)>) -> Table {
        let batch = RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(name, column)| (name, column, true)),
        )
        .unwrap();
        Table::new(batch.schema(), vec![batch]).unwrap()
    }

    fn mixed() -> Table {
        table_of(vec![
            ("id", Arc::new(Int64Array::from(vec![Some(1), None]))),
            ("share", Arc::new(Float64Array::from(vec![0.123_456_789, f64::NAN]))),
            ("name", Arc::new(StringArray::from(vec!["a\n\u{1b}[31mb", ""]))),
            ("ok", Arc::new(BooleanArray::from(vec![true, false]))),
        ])
    }

    #[test]
    fn rows_stand_in_a_table_that_no_cell_can_break() {
        insta::assert_snapshot!(table(&mixed(), 10, &Look::plain()).unwrap(), @r#"
        | id |  share | name     | ok    |
        |----|--------|----------|-------|
        |  1 | 0.1235 | a  [31mb | true  |
        |    |    NaN | ""       | false |
        "#);
    }

    #[test]
    fn only_the_columns_that_fit_are_shown() {
        let names: Vec<String> = (0..60).map(|index| format!("column_{index}")).collect();
        let column: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let wide =
            table_of(names.iter().map(|name| (name.as_str(), Arc::clone(&column))).collect());
        let text = table(&wide, 1, &Look::plain()).unwrap();
        assert!(text.lines().take(3).all(|line| width(line) <= 100), "{text}");
        assert!(text.contains("and 51 more columns: column_9, column_10"), "{text}");
    }

    #[test]
    fn no_more_rows_are_shown_than_asked_for() {
        assert_eq!(table(&mixed(), 1, &Look::plain()).unwrap().lines().count(), 3);
        assert_eq!(json(&mixed(), 0).unwrap(), Vec::<Json>::new());
        assert_eq!(table(&Table::empty(Arc::new(Schema::empty())), 5, &Look::plain()).unwrap(), "");
    }

    #[test]
    fn programs_get_values_as_they_are() {
        let rows: Vec<String> = json(&mixed(), 9).unwrap().iter().map(Json::to_string).collect();
        assert_eq!(
            rows,
            [
                r#"{"id":1,"share":0.123456789,"name":"a\n\u001b[31mb","ok":true}"#,
                r#"{"id":null,"share":"NaN","name":"","ok":false}"#,
            ]
        );
    }
}
