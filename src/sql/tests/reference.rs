//! Queries over real tables against DuckDB's results.

use std::fs::File;
use std::io::{BufReader, Cursor, Read};

use arrow::array::{Array, AsArray};
use arrow::csv::ReaderBuilder;
use arrow::csv::reader::Format;
use arrow::datatypes::DataType;
use flate2::read::GzDecoder;
use serde_json::Value;

use super::*;

fn path(name: &str) -> String {
    format!("tests/fixtures/sql/{name}")
}

/// Reads a fixture; times stay text, as the queries cast them.
fn read(name: &str) -> Table {
    let mut text = Vec::new();
    let file = File::open(path(&format!("{name}.csv.gz"))).expect("a fixture");
    GzDecoder::new(file).read_to_end(&mut text).expect("gzip");
    let format = Format::default().with_header(true);
    let (schema, _) = format.infer_schema(Cursor::new(&text), None).expect("a schema");
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Timestamp(..) => field.as_ref().clone().with_data_type(DataType::Utf8),
        _ => field.as_ref().clone(),
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let reader =
        ReaderBuilder::new(Arc::clone(&schema)).with_header(true).build(Cursor::new(&text));
    let batches = reader.expect("a reader").collect::<Result<Vec<_>, _>>().expect("rows");
    Table::new(schema, batches).expect("a table")
}

/// Tells whether a value is the expected one; floats to 12 digits, as DuckDB sums in its own order.
fn same(array: &ArrayRef, row: usize, expected: &Value) -> bool {
    if array.is_null(row) || expected.is_null() {
        return array.is_null(row) && expected.is_null();
    }
    match expected {
        Value::Number(number) => {
            let wanted = number.as_f64().expect("a number");
            let column = arrow::compute::cast(array, &DataType::Float64).expect("a number");
            let found = column.as_primitive::<arrow::datatypes::Float64Type>().value(row);
            (found - wanted).abs() <= 1e-12 * wanted.abs().max(1.0)
        }
        Value::String(text) => array_value_to_string(array, row).is_ok_and(|found| found == *text),
        _ => false,
    }
}

fn check(name: &str, tables: &[&str]) {
    let reader = BufReader::new(File::open(path(&format!("{name}.json"))).expect("a fixture"));
    let reference: Value = serde_json::from_reader(reader).expect("JSON");
    let tables: Vec<_> =
        tables.iter().map(|table| (vec![(*table).to_owned()], read(table))).collect();
    let text = reference["query"].as_str().expect("a query");
    let result = run(text, &tables).unwrap_or_else(|error| panic!("{name}: {error:?}"));
    let names: Vec<_> = result.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(serde_json::json!(names), reference["columns"]);
    assert_eq!(serde_json::json!(result.rows()), reference["row_count"]);
    let batch =
        arrow::compute::concat_batches(result.schema(), result.batches()).expect("one batch");
    let expected = reference["rows"].as_array().expect("rows");
    assert!(!expected.is_empty());
    for (row, values) in expected.iter().enumerate() {
        for (column, value) in batch.columns().iter().zip(values.as_array().expect("a row")) {
            assert!(same(column, row, value), "{name}, row {row}: {value}");
        }
    }
}

#[test]
fn the_churn_of_a_shop() {
    check("shop_churn", &["users", "events"]);
}

#[test]
fn the_funnel_of_a_shop() {
    check("shop_funnel", &["events"]);
}

#[test]
fn the_churn_of_a_carrier() {
    check("telco_prep", &["telco_churn"]);
}
