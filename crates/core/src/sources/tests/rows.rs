//! What is read.

use super::*;

fn csv() -> CsvOptions {
    CsvOptions::default()
}

fn check(bytes: &[u8], options: CsvOptions, schema: &[(&str, &str)], expected: &str) {
    let read = try_read("data.csv", bytes, &Options::Csv(options), schema, OnBadRow::Fail);
    let found = match read {
        Ok(read) => shown(&read.table),
        Err(error) => error.to_string(),
    };
    assert_eq!(found, expected, "{}", String::from_utf8_lossy(bytes));
}

#[test]
fn delimited_text() {
    let cases: &[(&str, &str)] = &[
        ("a,b\n1,x\n", "a: int, b: text\n1|x"),
        ("a,b\r\n1,x\r\n2,y", "a: int, b: text\n1|x\n2|y"),
        ("a,b\r1,x\r2,y", "a: int, b: text\n1|x\n2|y"),
        ("a,b\n", "a: text, b: text"),
        ("a,b", "a: text, b: text"),
        ("\u{feff}a,b\n1,2\n", "a: int, b: int\n1|2"),
        ("\u{feff}\"a\",b\n1,2\n", "a: int, b: int\n1|2"),
        ("a,b\n1,\n,\"\"\n", "a: int, b: text\n1|∅\n∅|"),
        ("a,b\n\"1\",\"\"\n\"2\",\"3\"\n", "a: int, b: int\n1|∅\n2|3"),
        ("a,b\n\"x, \"\"y\"\"\nz\",1\n", "a: text, b: int\nx, \"y\"\nz|1"),
        ("a,b\nNA,1\nn/a,NA\n", "a: text, b: text\nNA|1\nn/a|NA"),
        (",b,\n1,2,3\n", "column_1: int, b: int, column_3: int\n1|2|3"),
        (" a , b\n 1 , x \n", "a: int, b: text\n1| x "),
        ("a\n1\n\n3\n", "a: int\n1\n∅\n3"),
        ("a,b\n\n1,2\n\n\n3,4\n", "a: int, b: int\n1|2\n3|4"),
        ("a,b\n007,true\n8,FALSE\n", "a: text, b: bool\n007|true\n8|false"),
        ("a,b\nyes,0\nno,1\n", "a: text, b: int\nyes|0\nno|1"),
        (
            "a\n2024-01-31\n2024-02-01 10:00:00.5\n",
            "a: timestamp\n2024-01-31T00:00:00\n2024-02-01T10:00:00.500",
        ),
        ("a\n2024-01-31T10:00:00+02:00\n", "a: timestamp\n2024-01-31T08:00:00"),
        ("a\n9223372036854775807\n", "a: int\n9223372036854775807"),
        ("a\n9223372036854775808\n", "a: text\n9223372036854775808"),
        ("a\n1\nnan\ninf\n", "a: float\n1.0\nNaN\ninf"),
        ("a;b\n", "a;b: text"),
    ];
    for (text, expected) in cases {
        check(text.as_bytes(), csv(), &[], expected);
    }
}

#[test]
fn options_of_delimited_text() {
    let semicolon = CsvOptions { delimiter: b';', decimal: b',', ..csv() };
    check(b"a;b\n1,5;x\n", semicolon, &[], "a: float, b: text\n1.5|x");
    let headless = CsvOptions { header: false, ..csv() };
    check(b"1,x\n2,y\n", headless.clone(), &[], "column_1: int, column_2: text\n1|x\n2|y");
    let named = CsvOptions { names: vec!["n".into(), "t".into()], ..headless };
    check(b"1,x\n", named, &[], "n: int, t: text\n1|x");
    let renamed = CsvOptions { names: vec!["n".into(), "t".into()], ..csv() };
    check(b"a,a\n1,x\n", renamed, &[], "n: int, t: text\n1|x");
    let nulls = CsvOptions { null_values: vec!["NA".into(), "-".into()], ..csv() };
    check(b"a,b\nNA,x\n1,-\n", nulls, &[], "a: int, b: text\n∅|x\n1|∅");
    let unquoted = CsvOptions { quote: None, ..csv() };
    check(b"a,b\n\"1,2\"\n", unquoted, &[], "a: text, b: text\n\"1|2\"");
    let commented = CsvOptions { comment: Some(b'#'), skip: 1, ..csv() };
    check(b"made by \"x\n# now\na,b\n# \"\n1,2\n#\n", commented, &[], "a: int, b: int\n1|2");
    let latin = CsvOptions { encoding: Encoding::Windows1252, ..csv() };
    check(b"a\nM\xfcller \x80\n", latin, &[], "a: text\nMüller €");
    let wide: Vec<u8> = "\u{feff}a,b\n1,é\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    check(&wide, csv(), &[], "a: int, b: text\n1|é");
    let big: Vec<u8> = "\u{feff}a,b\n1,é\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
    check(&big, csv(), &[], "a: int, b: text\n1|é");
}

#[test]
fn declared_types() {
    let cases: &[(&str, &str, &str)] = &[
        ("007", "text", "a: text\n007"),
        ("007", "int", "a: int\n7"),
        ("517.0", "int", "a: int\n517"),
        ("+49", "int", "a: int\n49"),
        ("255", "uint8", "a: uint8\n255"),
        ("1.5", "float32", "a: float32\n1.5"),
        ("yes", "bool", "a: bool\ntrue"),
        ("0", "bool", "a: bool\nfalse"),
        ("31/01/2024", "date(\"%d/%m/%Y\")", "a: date\n2024-01-31"),
        ("31.01.24 10:30", "timestamp(\"%d.%m.%y %H:%M\")", "a: timestamp\n2024-01-31T10:30:00"),
        ("2024-01-31", "timestamp", "a: timestamp\n2024-01-31T00:00:00"),
        (
            "2024-01-31 10:00:00.000000001",
            "timestamp_ns",
            "a: timestamp_ns\n2024-01-31T10:00:00.000000001",
        ),
        ("1.25", "decimal(5, 2)", "a: decimal(5, 2)\n1.25"),
        ("A", "category(\"A\", \"B\")", "a: category(\"A\", \"B\")\nA"),
        ("500ms", "duration", "a: duration\nPT0.5S"),
        ("10:30:00", "time_s", "a: time_s\n10:30:00"),
    ];
    for (text, kind, expected) in cases {
        check(format!("a\n{text}\n").as_bytes(), csv(), &[("a", kind)], expected);
    }
}

#[test]
fn quarantined_rows_keep_their_place_text_and_reason() {
    let text = b"id,age,kind\n1,20,A\n2,x,B\n3\n4,40,C\n5,50,A,9\n\"6\"7,1,A\n8,80,B\n";
    let schema = [("age", "int"), ("kind", "category(\"A\", \"B\")")];
    let options = Options::Csv(csv());
    let read = try_read("in/data.csv", text, &options, &schema, OnBadRow::Quarantine).unwrap();
    assert_eq!(
        shown(&read.table),
        "id: int, age: int, kind: category(\"A\", \"B\")\n1|20|A\n8|80|B"
    );
    let expected = "file: text, line: int, text: text, reason: text\n\
        in/data.csv|3|2,x,B|`x` in column `age` is no int\n\
        in/data.csv|4|3|1 field found where the header has 3\n\
        in/data.csv|5|4,40,C|`C` in column `kind` is no category(\"A\", \"B\")\n\
        in/data.csv|6|5,50,A,9|4 fields found where the header has 3\n\
        in/data.csv|7|\"6\"7,1,A|text follows the closing quote of field 1";
    assert_eq!(shown(&read.rejects.unwrap()), expected);
}

#[test]
fn json_objects() {
    let cases: &[(&str, &str)] = &[
        (
            r#"[{"a": 1, "b": "x"}, {"b": null, "c": true}]"#,
            "a: int, b: text, c: bool\n1|x|∅\n∅|∅|true",
        ),
        ("{\"a\": 1}\n{\"a\": 2.5}\n", "a: float\n1.0\n2.5"),
        ("{\"a\":\n1}\n{\"a\": 2}", "a: int\n1\n2"),
        ("{\"a\": 1}", "a: int\n1"),
        ("[]", ""),
        (r#"{"a": "2024-01-31"}"#, "a: date\n2024-01-31"),
        (r#"{"a": "12"}"#, "a: text\n12"),
        (r#"{"a": "", "b": "true"}"#, "a: text, b: text\n|true"),
        ("{\"a\": 1}\n{\"a\": \"x\"}", "a: text\n1\nx"),
        (
            "{\"a\": {\"b\": 1, \"c\": [1, 2.5]}}\n{\"a\": {\"c\": null, \"d\": \"x\"}}",
            "a: struct(\"b\": int, \"c\": list(float), \"d\": text)\n{b: 1, c: [1.0, 2.5], d: ∅}\n{b: ∅, c: ∅, d: x}",
        ),
        ("{\"a\": {\"b\": 1}}\n{\"a\": 3}", "a: text\n{\"b\": 1}\n3"),
        ("{\"a\": []}\n{\"a\": [{}]}", "a: text\n[]\n[{}]"),
        ("{\"é\": \"\\u00e9\\n\"}", "é: text\né\n"),
        (r#"{"a": 18446744073709551615}"#, "a: text\n18446744073709551615"),
    ];
    for (text, expected) in cases {
        for name in ["data.json", "data.ndjson"] {
            let read = try_read(name, text.as_bytes(), &Options::Json, &[], OnBadRow::Fail);
            let found = read.map_or_else(|error| error.to_string(), |read| shown(&read.table));
            assert_eq!(found, *expected, "{text}");
        }
    }
}

#[test]
fn a_key_that_stands_twice_is_refused_or_set_aside() {
    let text = "{\"a\": 1, \"b\": 2}\n{\"a\": 3, \"b\": 4, \"a\": 5}\n{\"b\": 6}\n";
    let read = |mode| try_read("d.ndjson", text.as_bytes(), &Options::Ndjson, &[], mode);
    let told = read(OnBadRow::Fail).unwrap_err();
    assert_eq!(told.to_string(), "`d.ndjson`, line 2: the key `a` stands twice in one object");
    let kept = read(OnBadRow::Quarantine).unwrap();
    assert_eq!(shown(&kept.table), "a: int, b: int\n1|2\n∅|6");
    let aside = shown(&kept.rejects.unwrap());
    assert!(
        aside.contains("|2|{\"a\": 3, \"b\": 4, \"a\": 5}|the key `a` stands twice"),
        "{aside}"
    );
}

#[test]
fn declared_types_of_json() {
    let text = br#"{"a": "31/01/2024", "b": {"c": [1, 2]}, "d": "7", "e": 1}"#;
    let schema = [("a", "date(\"%d/%m/%Y\")"), ("b", "text"), ("d", "int"), ("e", "bool")];
    let read = try_read("data.json", text, &Options::Json, &schema, OnBadRow::Fail).unwrap();
    let expected = "a: date, b: text, d: int, e: bool\n2024-01-31|{\"c\": [1, 2]}|7|true";
    assert_eq!(shown(&read.table), expected);
}

#[test]
fn quarantined_objects() {
    let text = b"{\"a\": 1}\n{\"a\": \"x\"}\n{\"a\"\n{\"a\": 4}\n";
    let read =
        try_read("d.ndjson", text, &Options::Json, &[("a", "int")], OnBadRow::Quarantine).unwrap();
    assert_eq!(shown(&read.table), "a: int\n1\n4");
    let expected = "file: text, line: int, text: text, reason: text\n\
        d.ndjson|2|{\"a\": \"x\"}|`x` in column `a` is no int\n\
        d.ndjson|3|{\"a\"|expected `:` behind the key, found the end";
    assert_eq!(shown(&read.rejects.unwrap()), expected);
}

#[test]
fn several_files_are_one_table_by_name() {
    let folder = Folder::new(&[
        ("in/2.csv", b"b,a\nx,1.5\n"),
        ("in/1.csv", b"a,b\n1,y\n"),
        ("in/3.csv", b"c,a\n2024-01-31,\n"),
        ("in/.hidden.csv", b"z\n"),
        ("in/notes.txt", b"z\n"),
        ("in/deeper/4.csv", b"a\n7\n"),
    ]);
    let options = Options::from(Format::Csv);
    for (paths, expected) in [
        (&["in"][..], "a: float, b: text, c: date\n1.0|y|∅\n1.5|x|∅\n∅|∅|2024-01-31"),
        (&["in/[1-2].csv"], "a: float, b: text\n1.0|y\n1.5|x"),
        (&["in/2.csv", "in/1.csv"], "b: text, a: float\nx|1.5\ny|1.0"),
        (&["in/**/*.csv"], "a: float, b: text, c: date\n1.0|y|∅\n1.5|x|∅\n∅|∅|2024-01-31\n7.0|∅|∅"),
        (&["in/deeper/**"], "a: int\n7"),
    ] {
        let inputs = folder.inputs(paths);
        let read = read(&Request::new(&inputs, &options)).unwrap();
        assert_eq!(shown(&read.table), expected, "{paths:?}");
        assert_eq!(read.stamps.len(), inputs.len());
    }
}

#[test]
fn only_the_wanted_columns_are_read() {
    let folder = Folder::new(&[("a.csv", b"a,b,c\n1,x,2\n3,y,4\n")]);
    let inputs = folder.inputs(&["a.csv"]);
    let options = Options::from(Format::Csv);
    let columns = ["c".to_owned(), "a".to_owned()];
    let request = Request { columns: Some(&columns), ..Request::new(&inputs, &options) };
    assert_eq!(shown(&read(&request).unwrap().table), "a: int, c: int\n1|2\n3|4");
    let none = Request { columns: Some(&[]), ..request };
    assert_eq!(read(&none).unwrap().table.rows(), 2);
}

#[test]
fn chunks_make_no_difference() {
    // Long enough for many chunks, with quotes and line ends inside fields.
    let rows: Vec<String> = (0..60_000)
        .map(|row| format!("{row},\"text {row}, \"\"quoted\"\"\nand more of it\",{}.5\n", row % 7))
        .collect();
    let text = format!("id,text,value\n{}", rows.concat());
    let whole =
        try_read("a.csv", text.as_bytes(), &Options::from(Format::Csv), &[], OnBadRow::Fail);
    let table = whole.unwrap().table;
    assert_eq!(table.rows(), 60_000);
    let head = "id: int, text: text, value: float\n0|text 0, \"quoted\"\nand more of it|0.5\n";
    assert!(shown(&table).starts_with(head));
    let digest = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let options = Options::from(Format::Csv);
        let read =
            pool.install(|| try_read("a.csv", text.as_bytes(), &options, &[], OnBadRow::Fail));
        read.unwrap().table.digest().clone()
    };
    assert_eq!(digest(1), digest(3));
    // The fault of the last row is found at its line: two lines a row.
    let broken = format!("{text}60000,x\n");
    let error =
        try_read("a.csv", broken.as_bytes(), &Options::from(Format::Csv), &[], OnBadRow::Fail);
    let expected = "`a.csv`, line 120002: 2 fields found where the header has 3";
    assert_eq!(error.unwrap_err().to_string(), expected);
}

#[test]
fn large_files_are_typed_from_samples_and_judged_row_by_row() {
    let rows: String = (0..400_000)
        .map(|row| if row == 390_001 { "oops\n".to_owned() } else { format!("{row}\n") })
        .collect();
    let folder = Folder::new(&[("a.csv", format!("n\n{rows}").as_bytes())]);
    let inputs = folder.inputs(&["a.csv"]);
    let options = Options::from(Format::Csv);
    let limits = Limits { sample_above: 1 << 20, ..Limits::default() };
    let request = Request { limits, ..Request::new(&inputs, &options) };
    // The samples reach every part of so short a file, so the word is seen.
    assert_eq!(infer(&request).unwrap().field(0).data_type(), &arrow::datatypes::DataType::Utf8);
    let known = Arc::new(arrow::datatypes::Schema::new(vec![arrow::datatypes::Field::new(
        "n",
        arrow::datatypes::DataType::Int64,
        true,
    )]));
    let error = read(&Request { known: Some(&known), ..request }).unwrap_err();
    assert_eq!(error.to_string(), "`a.csv`, line 390003: `oops` in column `n` is no int");
    assert_eq!(
        error.help(),
        [
            "that it is int was inferred from samples of a large file",
            "read the column as text: `schema: { n: text }`",
            "or set such rows aside with `on_bad_row: quarantine`, or name the word in `null_values`",
        ]
    );
}
