//! Tests over whole files: what is read, what is refused and how, what survives the round trip.

mod errors;
mod files;
mod roundtrip;
mod rows;

use std::path::Path;

use arrow::array::ArrayRef;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::*;

/// Some files in a folder of their own.
pub(super) struct Folder(tempfile::TempDir);

impl Folder {
    pub(super) fn new(files: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        Self(folder)
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn inputs(&self, paths: &[&str]) -> Vec<Input> {
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        resolve(self.path(), &paths).unwrap()
    }
}

/// Reads one file, or says what is wrong with it.
pub(super) fn try_read(
    name: &str,
    bytes: &[u8],
    options: &Options,
    schema: &[(&str, &str)],
    on_bad_row: OnBadRow,
) -> Result<Read, SourceError> {
    let folder = Folder::new(&[(name, bytes)]);
    let inputs = folder.inputs(&[name]);
    let schema: Vec<(String, ColumnType)> =
        schema.iter().map(|(column, kind)| ((*column).to_owned(), kind.parse().unwrap())).collect();
    let mut request = Request::new(&inputs, options);
    request.schema = &schema;
    request.on_bad_row = on_bad_row;
    // The schema found first and remembered gives the same table.
    let known = infer(&request)?;
    let again = Request { known: Some(&known), ..request };
    let (one, two) = (read(&request), read(&again));
    if let (Ok(one), Ok(two)) = (&one, &two) {
        assert_eq!(one.table.digest(), two.table.digest());
    }
    one
}

/// Shows a table as text: names and types, then a line a row.
pub(super) fn shown(table: &Table) -> String {
    let head = table.schema().fields().iter();
    let head: Vec<String> =
        head.map(|field| format!("{}: {}", field.name(), ColumnType::of_field(field))).collect();
    let mut lines = vec![head.join(", ")];
    let options = FormatOptions::default().with_null("∅");
    for batch in table.batches() {
        let columns: Vec<ArrayRef> = batch.columns().to_vec();
        let formatters: Vec<ArrayFormatter> =
            columns.iter().map(|array| ArrayFormatter::try_new(array, &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            let cells: Vec<String> =
                formatters.iter().map(|formatter| formatter.value(row).to_string()).collect();
            lines.push(cells.join("|"));
        }
    }
    lines.join("\n")
}
