//! What is written is read back as the same table.

use arrow::array::{BooleanArray, Float64Array, Int64Array, NullArray, RecordBatch, StringArray};
use arrow::array::{Date32Array, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Schema};
use proptest::prelude::*;

use super::*;

fn back(table: &Table, name: &str, schema: &[(String, ColumnType)]) -> Table {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deeper/still").join(name);
    write(table, &path).unwrap();
    let inputs = [Input { path, name: name.to_owned() }];
    let options = Options::from(Format::of_name(name).unwrap());
    let request = Request { schema, ..Request::new(&inputs, &options) };
    read(&request).unwrap().table
}

fn declared(table: &Table) -> Vec<(String, ColumnType)> {
    let fields = table.schema().fields().iter();
    fields.map(|field| (field.name().clone(), ColumnType::of_field(field))).collect()
}

fn table() -> impl Strategy<Value = Table> {
    let row = (
        proptest::option::of(any::<i64>()),
        proptest::option::of(any::<f64>()),
        proptest::option::of(any::<bool>()),
        proptest::option::of("[a-z,;\"\n\r\té€0-9 #-]{0,12}"),
        proptest::option::of(-100_000..100_000_i32),
        proptest::option::of(-1_000_000_000_000_000..4_000_000_000_000_000_i64),
    );
    proptest::collection::vec(row, 0..40).prop_map(|rows| {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("int", Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>())),
            ("a float", Arc::new(rows.iter().map(|row| row.1).collect::<Float64Array>())),
            ("bool", Arc::new(rows.iter().map(|row| row.2).collect::<BooleanArray>())),
            ("t\"e,xt", Arc::new(rows.iter().map(|row| row.3.clone()).collect::<StringArray>())),
            ("date", Arc::new(rows.iter().map(|row| row.4).collect::<Date32Array>())),
            ("time", Arc::new(rows.iter().map(|row| row.5).collect::<TimestampMicrosecondArray>())),
        ];
        let fields: Vec<Field> = columns
            .iter()
            .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let arrays = columns.into_iter().map(|(_, array)| array).collect();
        let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).unwrap();
        Table::new(schema, vec![batch]).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn csv_parquet_arrow_and_back_are_the_same_table(table in table()) {
        let types = declared(&table);
        let csv = back(&table, "t.csv", &types);
        prop_assert_eq!(shown(&csv), shown(&table));
        prop_assert_eq!(csv.digest(), table.digest());
        let tsv = back(&csv, "t.tsv.zst", &types);
        let parquet = back(&tsv, "t.parquet", &[]);
        let arrow = back(&parquet, "t.arrow", &[]);
        prop_assert_eq!(arrow.digest(), table.digest());
    }

    #[test]
    fn json_keeps_all_but_what_it_cannot_say(table in table()) {
        let types = declared(&table);
        let lines = back(&table, "t.ndjson.gz", &types);
        let array = back(&lines, "t.json", &types);
        prop_assert_eq!(array.digest(), lines.digest());
        prop_assert_eq!(lines.rows(), table.rows());
    }
}

#[test]
fn what_the_formats_say_of_types_is_found_again() {
    let text = b"i,f,b,d,t,s\n1,2.0,true,2024-01-31,2024-01-31 10:00:00.25,x\n,,,,,\n";
    let options = Options::from(Format::Csv);
    let table = try_read("a.csv", text, &options, &[], OnBadRow::Fail).unwrap().table;
    let expected = "i: int, f: float, b: bool, d: date, t: timestamp, s: text\n\
        1|2.0|true|2024-01-31|2024-01-31T10:00:00.250|x\n∅|∅|∅|∅|∅|∅";
    assert_eq!(shown(&table), expected);
    for name in ["t.csv", "t.tsv", "t.json", "t.ndjson", "t.parquet", "t.arrow"] {
        assert_eq!(shown(&back(&table, name, &[])), expected, "{name}");
    }
}

#[test]
fn durations_and_decimals_survive_text() {
    let schema = [
        ("a", "duration"),
        ("b", "decimal(10, 3)"),
        ("c", "uint64"),
        ("d", "time_us"),
        ("e", "timestamp_tz(\"UTC\")"),
    ];
    let text = b"a,b,c,d,e\n1500ms,1.250,18446744073709551615,10:00:00.000001,2024-01-31T10:00:00Z\n,,,,\n";
    let options = Options::from(Format::Csv);
    let table = try_read("a.csv", text, &options, &schema, OnBadRow::Fail).unwrap().table;
    assert_eq!(back(&table, "t.csv", &declared(&table)).digest(), table.digest());
    assert_eq!(back(&table, "t.parquet", &[]).digest(), table.digest());
}

#[test]
fn parquet_and_arrow_keep_every_type() {
    let kinds = [
        ("int8", "-5"),
        ("int32", "70000"),
        ("uint64", "18446744073709551615"),
        ("float32", "0.1"),
        ("bool", "yes"),
        ("text", "é"),
        ("category(\"é\", \"e\")", "é"),
        ("date", "1969-12-31"),
        ("timestamp", "2024-01-31 10:00:00.000001"),
        ("timestamp_s", "2024-01-31 10:00:00"),
        ("timestamp_ns", "2024-01-31 10:00:00.000000001"),
        ("timestamp_tz(\"Europe/Rome\")", "2024-07-31T10:00:00Z"),
        ("time_ms", "23:59:59.999"),
        ("duration", "90s"),
        ("duration_ns", "7ns"),
        ("decimal(10, 2)", "-1.25"),
        ("decimal(50, 3)", "12345678901234567890123456789012345678.125"),
        ("binary", "bytes"),
    ];
    let options = Options::from(Format::Csv);
    for (kind, text) in kinds {
        let text = format!("a,b\n{text},1\n,2\n");
        let found = try_read("a.csv", text.as_bytes(), &options, &[("a", kind)], OnBadRow::Fail);
        let table = found.unwrap().table;
        assert_eq!(declared(&table)[0].1.to_string(), kind);
        let parquet = back(&table, "t.parquet", &[]);
        assert_eq!(parquet.digest(), table.digest(), "{kind}");
        assert_eq!(back(&parquet, "t.arrow", &[]).digest(), table.digest(), "{kind}");
    }
}

#[test]
fn lists_and_structs_survive_ndjson_parquet_and_arrow() {
    let text = br#"
{"id": 1, "tags": ["a", null], "at": {"x": 1.5, "deep": [{"n": 1}]}}
{"id": 2, "tags": [], "at": null}
{"id": 3, "tags": null, "at": {"x": null, "deep": []}}
"#;
    let table = try_read("a.ndjson", text, &Options::Ndjson, &[], OnBadRow::Fail).unwrap().table;
    let parquet = back(&table, "t.parquet", &[]);
    let arrow = back(&parquet, "t.arrow", &[]);
    let lines = back(&arrow, "t.ndjson.gz", &[]);
    let array = back(&lines, "t.json.zst", &[]);
    for found in [parquet, arrow, lines, array] {
        assert_eq!(shown(&found), shown(&table));
        assert_eq!(found.digest(), table.digest());
    }
}

#[test]
fn one_column_of_nulls_and_empty_texts() {
    let options = Options::from(Format::Csv);
    let table =
        try_read("a.csv", b"a\n\"\"\n\nx\n\n", &options, &[], OnBadRow::Fail).unwrap().table;
    assert_eq!(shown(&table), "a: text\n\n∅\nx\n∅");
    assert_eq!(back(&table, "t.csv", &[]).digest(), table.digest());
}

#[test]
fn a_column_of_no_type_is_written_as_nulls() {
    let nothing: ArrayRef = Arc::new(NullArray::new(2));
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let batch = RecordBatch::try_from_iter([("id", ids), ("nothing", nothing)]).unwrap();
    let table = Table::new(batch.schema(), vec![batch]).unwrap();
    let written = |name: &str| {
        let folder = tempfile::tempdir().unwrap();
        write(&table, &folder.path().join(name)).unwrap();
        std::fs::read_to_string(folder.path().join(name)).unwrap()
    };
    assert_eq!(written("t.csv"), "id,nothing\n1,\n2,\n");
    let lines = "{\"id\":1,\"nothing\":null}\n{\"id\":2,\"nothing\":null}\n";
    assert_eq!(written("t.ndjson"), lines);
    assert_eq!(back(&table, "t.parquet", &[]).digest(), table.digest());
    assert_eq!(back(&table, "t.arrow", &[]).digest(), table.digest());
}

#[test]
fn a_failed_write_leaves_everything_as_it_was() {
    let table =
        try_read("a.json", b"{\"n\": 1, \"list\": [1]}", &Options::Json, &[], OnBadRow::Fail);
    let table = table.unwrap().table;
    let folder = Folder::new(&[("out.csv", b"old"), ("file", b"")]);
    let told = |name: &str| write(&table, &folder.path().join(name)).unwrap_err().to_string();
    assert_eq!(told("out.csv"), "a CSV file cannot hold column `list` of type list(int)");
    assert_eq!(std::fs::read(folder.path().join("out.csv")).unwrap(), b"old");
    assert!(
        told("file/out.parquet").ends_with("a part of its path is a file"),
        "{}",
        told("file/out.parquet")
    );
    assert!(told("out.xlsx").ends_with("out.xlsx` tells no format"));
    assert!(
        write_bytes(b"x", folder.path()).unwrap_err().to_string().ends_with("a folder lies there")
    );
    let mut left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["file", "out.csv"]);
}

#[test]
fn equal_tables_make_equal_files() {
    let options = Options::from(Format::Csv);
    let table = try_read("a.csv", b"a,b\n1,x\n2,\n", &options, &[], OnBadRow::Fail).unwrap().table;
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.csv", "a.csv.gz", "a.ndjson.zst", "a.parquet", "a.arrow"] {
        let bytes = |folder_name: &str| {
            let path = folder.path().join(folder_name).join(name);
            write(&table, &path).unwrap();
            std::fs::read(path).unwrap()
        };
        assert_eq!(bytes("one"), bytes("two"), "{name}");
    }
}
