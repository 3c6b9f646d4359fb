//! Tests of the module as a whole: queries and what is found, computed and refused.

mod analysis;
mod arithmetic;
mod bounds;
mod errors;
mod execution;
mod reference;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::util::display::array_value_to_string;

use super::*;
use crate::data::{ColumnType, Table};

/// Makes a schema of `name type` pairs: `a int, b text`.
fn schema(text: &str) -> SchemaRef {
    let fields = text.split(", ").map(|pair| {
        let (name, word) = pair.split_once(' ').expect("a name and a type");
        word.parse::<ColumnType>().expect("a type").to_field(name)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The tables that most tests use.
fn tables() -> Vec<(Vec<String>, SchemaRef)> {
    let table =
        |name: &str, columns: &str| (name.split('.').map(str::to_owned).collect(), schema(columns));
    vec![
        table("people", "id int, name text, age float, city text, born date, seen timestamp"),
        table("orders", "id int, person int, amount decimal(10,2), Total float, open bool"),
        table("parts.train", "x float, y int"),
        table("parts.test", "x float, y int"),
        table("c.parts.train", "x float, z int"),
        table("odd", "Pool.QC text, Case int, small int8, list list(int)"),
    ]
}

fn parameters() -> Vec<(String, Parameter)> {
    let list = |texts: &[&str]| {
        Parameter::List(texts.iter().map(|text| Parameter::Text((*text).to_owned())).collect())
    };
    vec![
        ("n".to_owned(), Parameter::Int(5)),
        ("minus".to_owned(), Parameter::Int(-5)),
        ("rate".to_owned(), Parameter::Float(0.5)),
        ("flag".to_owned(), Parameter::Bool(true)),
        ("word".to_owned(), Parameter::Text("O'Hara; DROP".to_owned())),
        ("day".to_owned(), Parameter::Date(19_000)),
        ("at".to_owned(), Parameter::Timestamp(1_700_000_000_000_000)),
        ("horizon".to_owned(), Parameter::Duration(7 * 86_400_000_000_000)),
        ("cities".to_owned(), list(&["Oslo", "Bergen"])),
        ("none".to_owned(), list(&[])),
        ("c.limit".to_owned(), Parameter::Int(3)),
    ]
}

fn analysed(text: &str) -> Result<Analysis, Vec<SqlError>> {
    analyse(&Query {
        text,
        tables: &tables(),
        parameters: &parameters(),
        functions: &Functions::default(),
    })
}

fn found(text: &str) -> Analysis {
    analysed(text).unwrap_or_else(|errors| panic!("{text}: {errors:#?}"))
}

/// Gives the errors of a query as `code at 'underlined': message`.
fn errors(text: &str) -> Vec<String> {
    let errors = analysed(text).err().unwrap_or_else(|| panic!("{text} is fine"));
    errors.iter().map(|error| shown(text, error)).collect()
}

fn shown(text: &str, error: &SqlError) -> String {
    let place = |range: &Range<usize>| text.get(range.clone()).expect("a range of the text");
    let place = error.range.as_ref().map_or("?", place);
    format!("{} at '{place}': {}", error.code, error.message)
}

fn columns(schema: &SchemaRef) -> String {
    let fields = schema.fields().iter();
    let fields = fields.map(|field| format!("{} {}", field.name(), ColumnType::of_field(field)));
    fields.collect::<Vec<_>>().join(", ")
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("threads")
}

fn table(columns: Vec<(&str, ArrayRef)>) -> Table {
    let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
    Table::new(batch.schema(), vec![batch]).expect("a table")
}

fn named(tables: Vec<(&str, Table)>) -> Vec<(Vec<String>, Table)> {
    let parts = |name: &str| name.split('.').map(str::to_owned).collect();
    tables.into_iter().map(|(name, table)| (parts(name), table)).collect()
}

fn run(text: &str, tables: &[(Vec<String>, Table)]) -> Result<Table, SqlError> {
    let (stop, runtime) = (AtomicBool::new(false), runtime());
    let limits = Limits { memory: &Memory::unbounded(), stop: &stop };
    execute(
        &Execution {
            text,
            tables,
            parameters: &parameters(),
            functions: &Functions::default(),
            limits,
            rows: &|_| {},
        },
        runtime.handle(),
    )
}

/// Gives the rows of a table as text, one string a row.
fn rows(table: &Table) -> Vec<String> {
    let mut rows = Vec::new();
    for batch in table.batches() {
        for row in 0..batch.num_rows() {
            let values = batch.columns().iter().map(|column| {
                if column.is_null(row) {
                    "null".to_owned()
                } else {
                    array_value_to_string(column, row).expect("a value")
                }
            });
            rows.push(values.collect::<Vec<_>>().join(" | "));
        }
    }
    rows
}
