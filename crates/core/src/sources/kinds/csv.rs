//! `csv`: text whose fields are parted by commas, or by another character.

use super::{PATHS, SourceKind};
use crate::params;
use crate::params::{Args, Params, Signature};
use crate::sources::{CsvOptions, Encoding, Format, Options, SourceError};

params! {
    /// Reads delimited text: CSV and its kin.
    ///
    /// Types are found from all rows. An empty field is null; `""` is an empty text.
    pub(super) struct Csv("csv", 1) {
        /// The file, a list of files, a pattern such as `"in/*.csv"`, or a folder; `.gz` and `.zst`
        /// are unpacked.
        path: Vec<String> as (PATHS),
        /// What parts fields: one ASCII character.
        delimiter: String = ",".to_owned(),
        /// The first record names the columns; else they are `column_1`, `column_2` and so on.
        header: bool = true,
        /// Names for all columns, instead of those in the header.
        names: Vec<String> = Vec::new(),
        /// What encloses a field that holds the delimiter, a quote or a line end; `""` for nothing.
        quote: String = "\"".to_owned(),
        /// Words that stand for null, beside the empty field.
        null_values: Vec<String> = Vec::new(),
        /// How characters are written.
        encoding: Characters = Characters::Utf8,
        /// What a line begins with that is left out; `""` for nothing.
        comment: String = String::new(),
        /// How many lines stand before the header.
        skip: u64 = 0,
        /// What parts a number's whole from its fraction: `"."` or `","`.
        decimal: String = ".".to_owned(),
        /// How dates and times are written beside ISO, such as `"%d/%m/%Y"`: one format or several,
        /// tried in order.
        dates: Vec<String> = Vec::new(),
    }
}

params! {
    /// How characters are written as bytes.
    pub(super) enum Characters {
        /// UTF-8; a byte order mark of UTF-16 is believed.
        Utf8 = "utf_8",
        /// ISO 8859-1.
        Latin1 = "latin_1",
        /// What Windows writes in western Europe and America.
        Windows1252 = "windows_1252",
        /// UTF-16, little-endian unless a byte order mark says otherwise.
        Utf16 = "utf_16",
    }
}

/// The registered kind.
pub(super) struct CsvKind;

impl SourceKind for CsvKind {
    fn signature(&self) -> &'static Signature {
        const { &Csv::SIGNATURE }
    }

    fn format(&self) -> Option<Format> {
        Some(Format::Csv)
    }

    fn options(&self, args: &Args) -> Result<Options, SourceError> {
        let csv = Csv::from_args(args).ok_or_else(|| SourceError::Option {
            options: &[],
            problem: "the arguments of `csv` don't fit its parameters".to_owned(),
        })?;
        csv.options().map(Options::Csv)
    }
}

impl Csv {
    /// Makes the reader's options.
    pub(super) fn options(self) -> Result<CsvOptions, SourceError> {
        let one = |name: &'static [&'static str], text: &str| {
            character(name, text)?.ok_or_else(|| not_one(name, "\"\""))
        };
        Ok(CsvOptions {
            delimiter: one(&["delimiter"], &self.delimiter)?,
            header: self.header,
            names: self.names,
            quote: character(&["quote"], &self.quote)?,
            null_values: self.null_values,
            encoding: match self.encoding {
                Characters::Utf8 => Encoding::Utf8,
                Characters::Latin1 => Encoding::Latin1,
                Characters::Windows1252 => Encoding::Windows1252,
                Characters::Utf16 => Encoding::Utf16,
            },
            comment: character(&["comment"], &self.comment)?,
            skip: self.skip,
            decimal: one(&["decimal"], &self.decimal)?,
            dates: self.dates,
        })
    }
}

/// Reads the value of an option that is one character; an empty text is none.
fn character(option: &'static [&'static str], text: &str) -> Result<Option<u8>, SourceError> {
    match text.as_bytes() {
        [] => Ok(None),
        [byte] if byte.is_ascii() => Ok(Some(*byte)),
        _ => Err(not_one(option, text)),
    }
}

fn not_one(option: &'static [&'static str], text: &str) -> SourceError {
    let name = option.first().copied().unwrap_or_default();
    let problem = format!("`{name}` is one ASCII character, not `{text}`");
    SourceError::Option { options: option, problem }
}
