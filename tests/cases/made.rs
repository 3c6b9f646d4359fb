//! Files that nobody wants to write out: large, compressed, damaged.

use std::fs;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use mlp::data::Table;

const INGEST: &str = "ingest t { from: \"t.csv\" }\n";

/// Gives the bytes that a word of a case stands for.
pub(super) fn bytes(word: &str) -> Vec<u8> {
    match word {
        "noise" => noise(),
        "parquet" => table("t.parquet"),
        "arrow" => table("t.arrow"),
        "gzip" => table("t.csv.gz"),
        "zstd" => table("t.csv.zst"),
        "parquet-cut" => half(table("t.parquet")),
        "arrow-cut" => half(table("t.arrow")),
        "gzip-cut" => half(table("t.csv.gz")),
        "gzip-flipped" => flipped(table("t.csv.gz")),
        "zstd-cut" => half(table("t.csv.zst")),
        "endless" => [b"a\n".to_vec(), vec![b'x'; 70 << 20]].concat(),
        "long-line" => format!("a,b\n1,{}\n", "x".repeat(1_000_000)).into_bytes(),
        "wide" => wide(300).into_bytes(),
        "numbers" => numbers().into_bytes(),
        "deep-json" => {
            format!("{{\"a\": {}{}}}\n", "[".repeat(5000), "]".repeat(5000)).into_bytes()
        }
        _ => pipeline(word).into_bytes(),
    }
}

/// Writes a pipeline that is large in some way.
fn pipeline(word: &str) -> String {
    let prep = |query: String| format!("{INGEST}prep p {{ sql: \"{query}\" }}\n");
    match word {
        "brackets" => {
            let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
            format!("{INGEST}expect e {{ data: t, checks: {open}{close} }}\n")
        }
        "braces" => format!("{INGEST}tune e {{ over: {}\n", "{ a: ".repeat(100_000)),
        "huge-literal" => {
            format!("{INGEST}split s {{ data: t, test: {} }}\n", "9".repeat(1_000_000))
        }
        "huge-string" => format!("ingest t {{ from: \"{}.csv\" }}\n", "x".repeat(1_000_000)),
        "huge-name" => format!("ingest {} {{ from: \"t.csv\" }}\n", "x".repeat(1_000_000)),
        "blanks" => format!("{}x\n", " ".repeat(1_000_000)),
        "huge-pipeline" => "# a comment\n".repeat(2 << 20),
        "additions" => prep(format!("SELECT {} AS b FROM t", vec!["a"; 5001].join("+"))),
        "parentheses" => {
            prep(format!("SELECT {}a{} AS b FROM t", "(".repeat(1000), ")".repeat(1000)))
        }
        "long-query" => {
            let columns: Vec<String> = (0..10_000).map(|at| format!("a AS c{at}")).collect();
            prep(format!("SELECT {} FROM t", columns.join(", ")))
        }
        "joins" => {
            let joins: String =
                (0..1000).map(|at| format!(" JOIN t AS t{at} ON t.a = t{at}.a")).collect();
            prep(format!("SELECT t.a FROM t{joins}"))
        }
        "long-path" => {
            format!("{INGEST}export x {{ data: t, to: \"out/{}.csv\" }}\n", "x".repeat(300))
        }
        other => panic!("nothing is made under the name `{other}`"),
    }
}

/// Gives bytes that are the same each time and mean nothing.
fn noise() -> Vec<u8> {
    let mut state = 12_345_u32;
    let mut next = || {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        (state >> 16).to_le_bytes()[0]
    };
    (0..4096).map(|_| next()).collect()
}

/// Gives the file of a small table in the format that its name tells.
fn table(name: &str) -> Vec<u8> {
    let rows = 0..2000_i64;
    let ids: ArrayRef = Arc::new(rows.clone().collect::<Int64Array>());
    let texts = rows.map(|row| Some(format!("n{}", row * 7919 % 1000)));
    let texts: ArrayRef = Arc::new(texts.collect::<StringArray>());
    let batch = RecordBatch::try_from_iter(vec![("id", ids), ("name", texts)]).unwrap();
    let table = Table::new(batch.schema(), vec![batch]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    mlp::sources::write(&table, &path).unwrap();
    fs::read(path).unwrap()
}

fn half(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() / 2);
    bytes
}

fn flipped(mut bytes: Vec<u8>) -> Vec<u8> {
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    bytes
}

fn wide(columns: usize) -> String {
    let names: Vec<String> = (0..columns).map(|at| format!("c{at}")).collect();
    format!("{}\n{}\n", names.join(","), vec!["1"; columns].join(","))
}

fn numbers() -> String {
    let rows: String = (0..100_000).map(|row| format!("{}\n", row * 7)).collect();
    format!("{}\n{rows}", "a_column_with_a_name_that_makes_each_object_of_json_long")
}
