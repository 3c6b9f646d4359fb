//! The names of the columns, from the header or made up.

use super::CsvOptions;
use super::split::Chunk;
use super::tokens::{Fault, Field, Syntax, cut};
use crate::sources::{SourceError, shorten};

/// What may part fields where the delimiter doesn't.
const OTHERS: [u8; 4] = [b';', b'\t', b'|', b','];

/// The columns of a file.
#[derive(Clone, Debug)]
pub(super) struct Header {
    /// Their names, each different.
    pub(super) names: Vec<String>,
    /// How many fields the first record would have by each other delimiter.
    others: Vec<(u8, usize)>,
}

impl Header {
    /// Reads the first record of a chunk; gives the byte at which the rows begin. Nothing if there
    /// is no record in the chunk.
    pub(super) fn read(
        chunk: &Chunk,
        file: &str,
        options: &CsvOptions,
        syntax: Syntax,
    ) -> Result<Option<(Self, usize)>, SourceError> {
        let text = chunk.text(file)?;
        let (records, next) = cut(text.as_bytes(), syntax, 0, true);
        if let Some(bad) = records.bad.first() {
            let (file, line) = (file.to_owned(), chunk.line_of(bad.start));
            return Err(match bad.fault {
                Fault::OpenQuote(at) => SourceError::OpenQuote { file, line: chunk.line_of(at) },
                Fault::AfterQuote(field) => SourceError::AfterQuote { file, line, field },
                Fault::Width(_) => SourceError::Empty { file, blank: true },
            });
        }
        let Some((start, end)) = records.spans.first() else { return Ok(None) };
        let record = &text.as_bytes()[*start as usize..*end as usize];
        let others = OTHERS.iter().filter(|other| **other != syntax.delimiter);
        let others = others.map(|other| (*other, count(record, syntax, *other))).collect();
        let names = names(text, &records.fields, file, options)?;
        let header = Self { names, others };
        if options.header && options.names.is_empty() {
            header.check_single(file, &text[next..], record, syntax)?;
        }
        Ok(Some((header, if options.header { next } else { 0 })))
    }

    /// Refuses a header of one field if it and the row below would be parted by another delimiter.
    fn check_single(
        &self,
        file: &str,
        rows: &str,
        record: &[u8],
        syntax: Syntax,
    ) -> Result<(), SourceError> {
        let line = rows.lines().next().unwrap_or_default().as_bytes();
        match self.other_delimiter(line, syntax) {
            Some(delimiter) if self.names.len() == 1 => Err(SourceError::OneField {
                file: file.to_owned(),
                header: shorten(&String::from_utf8_lossy(record)),
                delimiter,
            }),
            _ => Ok(()),
        }
    }

    /// Gives the delimiter by which the first record and this one have equally many fields.
    pub(super) fn other_delimiter(&self, record: &[u8], syntax: Syntax) -> Option<char> {
        let fits = |(other, fields): &&(u8, usize)| {
            *fields > 1 && count(record, syntax, *other) == *fields
        };
        self.others.iter().find(fits).map(|(other, _)| char::from(*other))
    }
}

/// Counts a record's fields by another delimiter.
fn count(record: &[u8], syntax: Syntax, delimiter: u8) -> usize {
    if syntax.quote == Some(delimiter) || syntax.comment == Some(delimiter) {
        return 0;
    }
    let (records, _) = cut(record, Syntax { delimiter, ..syntax }, 0, true);
    records.fields.len()
}

fn names(
    text: &str,
    fields: &[Field],
    file: &str,
    options: &CsvOptions,
) -> Result<Vec<String>, SourceError> {
    if !options.names.is_empty() {
        if options.names.len() != fields.len() {
            let (columns, names) = (fields.len(), options.names.len());
            return Err(SourceError::NamesCount { file: file.to_owned(), columns, names });
        }
        return unique(options.names.clone(), file);
    }
    let name = |(at, field): (usize, &Field)| {
        let value = field.value(text, options.quote);
        let value = if field.is_quoted() { &*value } else { value.trim_matches([' ', '\t']) };
        let given = options.header && !value.is_empty();
        if given { value.to_owned() } else { format!("column_{}", at + 1) }
    };
    unique(fields.iter().enumerate().map(name).collect(), file)
}

fn unique(names: Vec<String>, file: &str) -> Result<Vec<String>, SourceError> {
    let mut places = std::collections::HashMap::new();
    for (at, name) in names.iter().enumerate() {
        if let Some(first) = places.insert(name, at) {
            let (file, name) = (file.to_owned(), name.clone());
            return Err(SourceError::SameName { file, name, first: first + 1, second: at + 1 });
        }
    }
    Ok(names)
}
