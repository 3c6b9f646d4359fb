//! What is refused, and in which words.

use std::io::Write;

use super::*;

fn said(error: &SourceError) -> String {
    error.help().into_iter().fold(error.to_string(), |text, help| format!("{text}\n  {help}"))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn cut(mut bytes: Vec<u8>, by: usize) -> Vec<u8> {
    bytes.truncate(bytes.len() - by);
    bytes
}

const QUARANTINE: &str = "set such rows aside with `on_bad_row: quarantine`";
const NO_BYTE: &str = "a file without a byte is no table: look at how it is made";
const NO_RECORD: &str =
    "blank, skipped and commented lines are no records; the first record names the columns";

#[test]
fn broken_delimited_text() {
    let csv = CsvOptions::default;
    let cases: Vec<(Vec<u8>, CsvOptions, String)> = vec![
        (b"".to_vec(), csv(), format!("`data.csv` is empty\n  {NO_BYTE}")),
        (b"\n\n\n".to_vec(), csv(), format!("`data.csv` holds no record\n  {NO_RECORD}")),
        (b"\xef\xbb\xbf".to_vec(), csv(), format!("`data.csv` is empty\n  {NO_BYTE}")),
        (
            b"a,b\n1,2\n1,2,3\n".to_vec(),
            csv(),
            format!("`data.csv`, line 3: 3 fields found where the header has 2\n  a field that holds the delimiter must be quoted\n  or {QUARANTINE}"),
        ),
        (
            b"a,b\n\"x\ny\",2\n\n1\n".to_vec(),
            csv(),
            format!("`data.csv`, line 5: 1 field found where the header has 2\n  {QUARANTINE}"),
        ),
        (
            b"1,2\n1\n".to_vec(),
            CsvOptions { header: false, ..csv() },
            format!("`data.csv`, line 2: 1 field found where the first row has 2\n  {QUARANTINE}"),
        ),
        (
            b"a,b\n1,2,\n".to_vec(),
            csv(),
            format!("`data.csv`, line 2: 3 fields found where the header has 2\n  a field that holds the delimiter must be quoted\n  or {QUARANTINE}"),
        ),
        (
            b"a;b\n1;2\n".to_vec(),
            csv(),
            "`data.csv`: the header is the single field `a;b`\n  the fields seem to be parted by `;`: say `delimiter: \";\"`".into(),
        ),
        (
            b"a;b\n1,5;2\n".to_vec(),
            csv(),
            "`data.csv`: the header is the single field `a;b`\n  the fields seem to be parted by `;`: say `delimiter: \";\"`".into(),
        ),
        (
            b"a\tb, c\n1\t2\n".to_vec(),
            csv(),
            "`data.csv`, line 2: 1 field found where the header has 2\n  the fields seem to be parted by `\\t`: say `delimiter: \"\\t\"`".into(),
        ),
        (
            b"a,b\n1,2\n3,\"4\n5,6\n".to_vec(),
            csv(),
            "`data.csv`, line 3: the quote that opens here is never closed\n  double a quote that is part of the text (`\"\"`), or read quotes as text with `quote: \"\"`".into(),
        ),
        (
            b"a,b\n\"x\" ,2\n".to_vec(),
            csv(),
            "`data.csv`, line 2: text follows the closing quote of field 1\n  double a quote that is part of the text (`\"\"`), or read quotes as text with `quote: \"\"`".into(),
        ),
        (
            b"a,b,a\n1,2,3\n".to_vec(),
            csv(),
            "`data.csv`: the columns 1 and 3 are both named `a`\n  give every column its own name with `names: [\"\u{2026}\", \u{2026}]`".into(),
        ),
        (
            b"a,b\n1,2\n".to_vec(),
            CsvOptions { names: vec!["x".into()], ..csv() },
            "`data.csv` has 2 columns, and `names` gives 1\n  give one name for each column".into(),
        ),
        (
            b"a,b\n1,M\xfcller\n".to_vec(),
            csv(),
            "`data.csv`, line 2, byte 4: 0xFC is not valid UTF-8\n  say the encoding, such as `csv(\"\u{2026}\", encoding: windows_1252)`; known: utf_8, latin_1, windows_1252, utf_16".into(),
        ),
        (
            b"a,b\n1,\0\n".to_vec(),
            csv(),
            "`data.csv`, line 2: a zero byte, so this is no text file\n  is it a data file, and written to its end?".into(),
        ),
        (
            b"PAR1\x15\0\x15".to_vec(),
            csv(),
            "`data.csv`, line 1: a zero byte, so this is no text file\n  the first bytes are those of a Parquet file".into(),
        ),
        (
            b"\xff\xfea\0,\0b\0\n\0\x00\xd8\n\0".to_vec(),
            csv(),
            "`data.csv`, line 2, byte 1: 0xD800 is not valid UTF-16\n  the file may have been cut short, or its `encoding` is another".into(),
        ),
        (
            cut(gzip(b"a,b\n1,2\n"), 6),
            csv(),
            "`data.csv`: its gzip data is cut short or damaged\n  fetch or write the file again: it may have been cut short on the way".into(),
        ),
        (
            cut(zstd::encode_all(&b"a,b\n1,2\n"[..], 0).unwrap(), 3),
            csv(),
            "`data.csv`: its zstd data is cut short or damaged\n  fetch or write the file again: it may have been cut short on the way".into(),
        ),
        (
            b"a,b\n".to_vec(),
            CsvOptions { delimiter: b'"', ..csv() },
            "two of delimiter, quote and comment are `\"`: each needs a character of its own".into(),
        ),
    ];
    for (bytes, options, expected) in cases {
        let error = try_read("data.csv", &bytes, &Options::Csv(options), &[], OnBadRow::Fail);
        let found = error.map_or_else(|error| said(&error), |read| shown(&read.table));
        assert_eq!(found, expected, "{}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn values_that_do_not_fit() {
    let cases: &[(&str, &str, &str)] = &[
        ("12x", "int", "`12x` in column `a b` is no int"),
        ("1.5", "int", "`1.5` in column `a b` is no int (it has a fraction)"),
        (
            "9223372036854775808",
            "int",
            "`9223372036854775808` in column `a b` is no int (out of its range)",
        ),
        ("-1e999", "float", "`-1e999` in column `a b` is no float (out of its range)"),
        ("256", "uint8", "`256` in column `a b` is no uint8 (out of its range)"),
        ("maybe", "bool", "`maybe` in column `a b` is no bool"),
        ("2024-02-30", "date", "`2024-02-30` in column `a b` is no date"),
        (
            "2024-01-31",
            "date(\"%d/%m/%Y\")",
            "`2024-01-31` in column `a b` is no date(\"%d/%m/%Y\")",
        ),
        (
            "2024-01-31 10:00:00.0000001",
            "timestamp",
            "`2024-01-31 10:00:00.0000001` in column `a b` is no timestamp (finer than microseconds)",
        ),
        (
            "9999-12-31 00:00",
            "timestamp_ns",
            "`9999-12-31 00:00` in column `a b` is no timestamp_ns (too far away to be counted in nanoseconds)",
        ),
        (
            "1.255",
            "decimal(5, 2)",
            "`1.255` in column `a b` is no decimal(5, 2) (more than 2 places)",
        ),
        (
            "12345",
            "decimal(5, 2)",
            "`12345` in column `a b` is no decimal(5, 2) (more than 5 digits)",
        ),
        ("C", "category(\"A\", \"B\")", "`C` in column `a b` is no category(\"A\", \"B\")"),
        ("5", "duration", "`5` in column `a b` is no duration"),
        ("25:00:00", "time_s", "`25:00:00` in column `a b` is no time_s"),
    ];
    for (text, kind, expected) in cases {
        let bytes = format!("x,a b\n1,\n2,{text}\n");
        let options = Options::from(Format::Csv);
        let error = try_read("d.csv", bytes.as_bytes(), &options, &[("a b", kind)], OnBadRow::Fail);
        let error = error.map(|read| shown(&read.table)).unwrap_err();
        assert_eq!(error.to_string(), format!("`d.csv`, line 3: {expected}"), "{text}");
        let help = error.help();
        let text = help.iter().find(|line| line.contains("read the column as text")).unwrap();
        assert!(text.ends_with("`schema: { \"a b\": text }`"), "{text}");
    }
}

#[test]
fn the_first_fault_of_the_file_is_the_one_told() {
    let options = Options::from(Format::Csv);
    let told = |text: &str| {
        let schema = [("a", "int"), ("b", "int")];
        let error = try_read("d.csv", text.as_bytes(), &options, &schema, OnBadRow::Fail);
        error.unwrap_err().to_string()
    };
    assert_eq!(told("a,b\n1,2\nx,y\n1\n"), "`d.csv`, line 3: `x` in column `a` is no int");
    assert_eq!(told("a,b\n1,y\nx,2\n"), "`d.csv`, line 2: `y` in column `b` is no int");
}

#[test]
fn broken_json() {
    let cases: &[(&str, &str)] = &[
        ("", "`d.json` is empty"),
        (" \n", "`d.json` holds no record"),
        ("12", "`d.json`, line 1: expected an object or an array of objects, found `12`"),
        ("a,b\n1,2\n", "`d.json`, line 1: expected an object or an array of objects, found `a,b`"),
        ("[1, 2]", "`d.json`, line 1: expected an object, found `1, 2]`"),
        ("[{\"a\": 1}\n{\"a\": 2}]", "`d.json`, line 2: expected `,` or `]`, found `{\"a\": 2}]`"),
        ("[{\"a\": 1},\n", "`d.json`, line 2: the array is never closed"),
        ("[{\"a\": 1},\n{\"a\"", "`d.json`, line 2: expected `:` behind the key, found the end"),
        ("[{\"a\": 1}] x", "`d.json`, line 1: expected the end of the file, found `x`"),
        ("{\"a\": 1}\n{\"a\": }\n", "`d.json`, line 2: expected a value, found `}`"),
        ("{\"a\": 1}\n{\"a\": 01}\n", "`d.json`, line 2: `01` is no number"),
        ("{\"a\": 1}\n2\n", "`d.json`, line 2: expected an object, found `2`"),
        ("{\n\"a\": 1,\n\"b\": NaN\n}", "`d.json`, line 3: expected a value, found `NaN`"),
        (
            "{\"a\": 1} {\"a\": 2}",
            "`d.json`, line 1: expected the end of the line, found `{\"a\": 2}`",
        ),
    ];
    for (text, expected) in cases {
        let error = try_read("d.json", text.as_bytes(), &Options::Json, &[], OnBadRow::Fail);
        let found = error.map_or_else(|error| error.to_string(), |read| shown(&read.table));
        assert_eq!(found, *expected, "{text:?}");
    }
}

#[test]
fn broken_parquet_and_arrow() {
    let table =
        try_read("d.csv", b"a,b\n1,x\n2,y\n", &Options::from(Format::Csv), &[], OnBadRow::Fail);
    let (table, folder) = (table.unwrap().table, tempfile::tempdir().unwrap());
    for format in [Format::Parquet, Format::Arrow] {
        let name = format!("d.{}", format.spoken().to_lowercase());
        let path = folder.path().join(&name);
        write(&table, &path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let options = Options::from(format);
        let said = |bytes: &[u8]| {
            let error = try_read(&name, bytes, &options, &[], OnBadRow::Fail).unwrap_err();
            assert!(
                matches!(error, SourceError::Damaged { .. } | SourceError::Empty { .. }),
                "{error}"
            );
            error.to_string()
        };
        let start = format!("`{name}` is no readable {} file: ", format.spoken());
        assert!(said(&whole[..whole.len() - 9]).starts_with(&start));
        assert!(said(b"a,b\n1,2\n").starts_with(&start));
        said(b"");
    }
}

#[test]
fn no_flipped_byte_panics() {
    let table =
        try_read("d.csv", b"a,b\n1,x\n2,y\n", &Options::from(Format::Csv), &[], OnBadRow::Fail);
    let (table, folder) = (table.unwrap().table, tempfile::tempdir().unwrap());
    for format in [Format::Parquet, Format::Arrow] {
        let name = format!("d.{}", format.spoken().to_lowercase());
        let path = folder.path().join(&name);
        write(&table, &path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let options = Options::from(format);
        for at in 0..whole.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] ^= flip;
                let _ = try_read(&name, &bytes, &options, &[], OnBadRow::Fail);
            }
        }
    }
}

#[test]
fn files_that_disagree() {
    let folder = Folder::new(&[("1.csv", b"a,b\n1,x\n"), ("2.csv", b"a,b\ny,x\n")]);
    let inputs = folder.inputs(&["1.csv", "2.csv"]);
    let options = Options::from(Format::Csv);
    let request = Request::new(&inputs, &options);
    let expected = "column `a` is int in `1.csv` and text in `2.csv`\n  settle the type in the stage: `schema: { a: text }`";
    assert_eq!(said(&read(&request).unwrap_err()), expected);
    let schema = [("a".to_owned(), "text".parse().unwrap())];
    let settled = read(&Request { schema: &schema, ..request }).unwrap();
    assert_eq!(shown(&settled.table), "a: text, b: text\n1|x\ny|x");
}

#[test]
fn columns_that_are_not_there() {
    let folder = Folder::new(&[("1.csv", b"age,name\n1,x\n")]);
    let inputs = folder.inputs(&["1.csv"]);
    let options = Options::from(Format::Csv);
    let schema = [("Age".to_owned(), "text".parse().unwrap())];
    let request = Request { schema: &schema, ..Request::new(&inputs, &options) };
    assert_eq!(
        said(&infer(&request).unwrap_err()),
        "`1.csv` has no column `Age`\n  did you mean `age`?"
    );
}

#[test]
fn paths_that_lead_nowhere() {
    let folder = Folder::new(&[
        ("data/titanic.csv", b"a\n"),
        ("mixed/a.csv", b"a\n"),
        ("mixed/b.json", b"[]"),
        ("empty/readme.txt", b""),
    ]);
    let known = "known extensions: .csv .tsv .json .ndjson .jsonl .parquet .arrow .feather .ipc, the text formats also with .gz or .zst";
    let cases: &[(&[&str], String)] = &[
        (&["data/titanc.csv"], "there is no file `data/titanc.csv`\n  did you mean `data/titanic.csv`?\n  paths are relative to the file that holds them".into()),
        (&["data/*.json"], "no file matches `data/*.json`\n  `*` and `?` stand for characters of one name, `**` for folders\n  paths are relative to the file that holds them".into()),
        (&["data/[.csv"], "no file matches `data/[.csv`\n  `[` opens a set of characters, `[a-z]`; for itself it is written `[[]`".into()),
        (&["data/titanic.csv", "data/*.csv"], "`data/titanic.csv` is named twice, so its rows would come twice\n  name each file once".into()),
        (&["empty"], "the folder `empty` holds no data file\n  files with a known extension count, hidden ones and subfolders do not; `**/*.csv` also looks into subfolders".into()),
        (&["mixed"], "`mixed/a.csv` and `mixed/b.json` are files of different formats\n  ingest each format on its own, or narrow the pattern, such as `*.csv`".into()),
        (&["empty/readme.txt"], format!("the name `empty/readme.txt` tells no format\n  {known}\n  or say the format: `from: csv(\"empty/readme.txt\")`")),
        (&["s3://bucket/a.csv"], "reading from `s3://` is not built yet: `s3://bucket/a.csv`\n  fetch the file first, and give its path".into()),
    ];
    for (paths, expected) in cases {
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        let found = resolve(folder.path(), &paths).and_then(|inputs| Format::of_inputs(&inputs));
        assert_eq!(said(&found.unwrap_err()), *expected);
    }
    let inputs = [Input { path: folder.path().join("data"), name: "data".to_owned() }];
    let error = read(&Request::new(&inputs, &Options::from(Format::Csv))).unwrap_err();
    assert_eq!(said(&error), "`data` is a folder, not a file");
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe.csv");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.is_ok_and(|status| status.success()));
    let inputs = [Input { path, name: "pipe.csv".to_owned() }];
    let error = read(&Request::new(&inputs, &Options::from(Format::Csv))).unwrap_err();
    assert_eq!(error.to_string(), "`pipe.csv` is a pipe or device, not a file");
}

#[test]
fn a_file_that_unpacks_beyond_all_measure_is_refused() {
    let bomb = gzip(&vec![b'a'; 3 << 20]);
    let folder = Folder::new(&[("b.csv.gz", &bomb)]);
    let inputs = folder.inputs(&["b.csv.gz"]);
    let options = Options::from(Format::Csv);
    let limits = Limits { unpacked: 1 << 20, ratio: 2, ..Limits::default() };
    let request = Request { limits, ..Request::new(&inputs, &options) };
    assert_eq!(
        read(&request).unwrap_err().to_string(),
        "`b.csv.gz` unpacks to more than 1048576 bytes"
    );
}

#[test]
fn an_endless_record_is_refused() {
    let limits = Limits { record: 1 << 20, ..Limits::default() };
    let options = Options::from(Format::Csv);
    let told = |text: &str| {
        let folder = Folder::new(&[("a.csv", text.as_bytes())]);
        let inputs = folder.inputs(&["a.csv"]);
        let request = Request { limits, ..Request::new(&inputs, &options) };
        read(&request).unwrap_err().to_string()
    };
    let open = format!("a,b\n1,2\n3,\"4\n{}", "5,6\n".repeat(3 << 19));
    assert_eq!(told(&open), "`a.csv`, line 3: the quote that opens here is never closed");
    let long = format!("a,b\n{}", "x".repeat(4 << 20));
    assert_eq!(told(&long), "`a.csv`, line 2: a record of more than 1048576 bytes begins here");
}
