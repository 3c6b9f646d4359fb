//! `tsv`: text whose fields are parted by tabs.

use super::csv::{Characters, Csv};
use super::{PATHS, SourceKind};
use crate::params;
use crate::params::{Args, Params, Signature};
use crate::sources::{Format, Options, SourceError};

params! {
    /// Reads text whose fields are parted by tabs; all else is as in `csv`.
    pub(super) struct Tsv("tsv", 1) {
        /// The file, a list of files, a pattern such as `"in/*.tsv"`, or a folder; `.gz` and `.zst`
        /// are unpacked.
        path: Vec<String> as (PATHS),
        /// The first record names the columns; else they are `column_1`, `column_2` and so on.
        header: bool = true,
        /// Names for all columns, instead of those in the header.
        names: Vec<String> = Vec::new(),
        /// What encloses a field that holds a tab, a quote or a line end; `""` for nothing.
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

/// The registered kind.
pub(super) struct TsvKind;

impl SourceKind for TsvKind {
    fn signature(&self) -> &'static Signature {
        const { &Tsv::SIGNATURE }
    }

    fn format(&self) -> Option<Format> {
        Some(Format::Tsv)
    }

    fn options(&self, args: &Args) -> Result<Options, SourceError> {
        let tsv = Tsv::from_args(args).ok_or_else(|| SourceError::Option {
            options: &[],
            problem: "the arguments of `tsv` don't fit its parameters".to_owned(),
        })?;
        let csv = Csv {
            path: tsv.path,
            delimiter: "\t".to_owned(),
            header: tsv.header,
            names: tsv.names,
            quote: tsv.quote,
            null_values: tsv.null_values,
            encoding: tsv.encoding,
            comment: tsv.comment,
            skip: tsv.skip,
            decimal: tsv.decimal,
            dates: tsv.dates,
        };
        csv.options().map(Options::Csv)
    }
}
