//! Builds the rows of a chunk, and sets aside or refuses those that don't fit.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{FieldRef, SchemaRef};

use super::split::Chunk;
use super::tokens::{Field, Records, cut};
use super::{Layout, Nulls, is_fatal};
use crate::sources::typed::{Cells, Misfit, Reader};
use crate::sources::{Job, OnBadRow, SourceError, shorten};

/// What a chunk gave: rows, and rows set aside with their text and error.
pub(super) type Part = (RecordBatch, Vec<(String, SourceError)>);

/// The values that don't fit, each with its column's place in the table.
type Misfits = Vec<(usize, Misfit)>;

/// Builds the batches of one file.
pub(super) struct Builder<'a> {
    layout: Layout<'a>,
    job: &'a Job<'a>,
    schema: SchemaRef,
    nulls: Nulls,
    columns: Vec<Wanted>,
}

/// A column of the table, as it is read from the file.
struct Wanted {
    /// Its place in the file and how its texts are read, if the file has it.
    read: Option<(usize, Reader)>,
    /// It is one of the columns asked for.
    is_asked: bool,
}

/// A chunk and its records.
struct Cut<'c> {
    chunk: &'c Chunk,
    text: &'c str,
    records: Records,
}

impl Cut<'_> {
    /// Gives the first byte of a row.
    fn start(&self, row: usize) -> usize {
        self.records.spans.get(row).map_or(0, |(start, _)| *start as usize)
    }

    fn raw(&self, from: usize, to: usize) -> String {
        self.text.get(from..to).unwrap_or_default().to_owned()
    }
}

impl<'a> Builder<'a> {
    pub(super) fn new(layout: Layout<'a>, job: &'a Job<'a>) -> Result<Self, SourceError> {
        let names = layout.header.names.iter().enumerate();
        let places: HashMap<&String, usize> = names.map(|(at, name)| (name, at)).collect();
        let mut is_asked = vec![false; job.target.schema.fields().len()];
        job.wanted.iter().for_each(|at| is_asked[*at] = true);
        let column = |(at, field): (usize, &FieldRef)| {
            let read = match places.get(field.name()) {
                Some(place) => Some((*place, Reader::new(&job.target.types[at], &layout.style)?)),
                None => None,
            };
            Ok(Wanted { read, is_asked: is_asked[at] })
        };
        let fields = job.target.schema.fields().iter().enumerate();
        let columns = fields.map(column).collect::<Result<Vec<_>, SourceError>>()?;
        let (schema, nulls) = (job.schema()?, Nulls::new(&layout.options.null_values));
        Ok(Self { layout, job, schema, nulls, columns })
    }

    /// Builds the rows of a chunk.
    pub(super) fn build(&self, chunk: &Chunk) -> Result<Part, SourceError> {
        let layout = &self.layout;
        let text = chunk.text(&layout.input.name)?;
        let (records, _) = cut(text.as_bytes(), layout.syntax, layout.width(), false);
        let cut = Cut { chunk, text, records };
        let (arrays, misfits) = self.arrays(&cut)?;
        if let Some(error) = self.first_error(&cut, &misfits) {
            return Err(error);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(cut.records.spans.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
            .map_err(|error| SourceError::arrow(&layout.input.name, error))?;
        if misfits.is_empty() && cut.records.bad.is_empty() {
            return Ok((batch, Vec::new()));
        }
        self.set_aside(&cut, &batch, misfits)
    }

    /// Gives the first error of the chunk that ends the reading.
    fn first_error(&self, cut: &Cut, misfits: &Misfits) -> Option<SourceError> {
        let on_bad_row = self.job.request.on_bad_row;
        let bad = cut.records.bad.iter().find(|bad| is_fatal(bad, on_bad_row));
        let misfit = misfits
            .iter()
            .filter(|_| on_bad_row == OnBadRow::Fail)
            .min_by_key(|(at, misfit)| (misfit.row, *at));
        match (bad, misfit) {
            (Some(bad), Some((_, misfit))) if bad.start < cut.start(misfit.row) => {
                Some(self.layout.fault(cut.chunk, bad))
            }
            (_, Some((at, misfit))) => Some(self.misfit(cut, *at, misfit)),
            (Some(bad), None) => Some(self.layout.fault(cut.chunk, bad)),
            (None, None) => None,
        }
    }

    /// Builds the columns asked for; in quarantine the others are looked at too, so that the rows
    /// set aside don't depend on the columns asked for.
    fn arrays(&self, cut: &Cut) -> Result<(Vec<ArrayRef>, Misfits), SourceError> {
        let quarantine = self.job.request.on_bad_row == OnBadRow::Quarantine;
        let (mut arrays, mut misfits) = (Vec::new(), Vec::new());
        for (at, column) in self.columns.iter().enumerate() {
            if !column.is_asked && !quarantine {
                continue;
            }
            let array = match &column.read {
                Some((place, reader)) => {
                    let (array, unfit) = reader.build(&self.cells(cut, *place))?;
                    misfits.extend(unfit.into_iter().map(|misfit| (at, misfit)));
                    array
                }
                None => {
                    let kind = self.job.target.schema.field(at).data_type();
                    new_null_array(kind, cut.records.spans.len())
                }
            };
            if column.is_asked {
                arrays.push(array);
            }
        }
        Ok((arrays, misfits))
    }

    fn cells<'c>(&'c self, cut: &'c Cut, at: usize) -> Column<'c> {
        let (width, quote) = (self.layout.width(), self.layout.syntax.quote);
        let (text, fields) = (cut.text, cut.records.fields.as_slice());
        Column { text, fields, width, at, quote, nulls: &self.nulls }
    }

    /// Makes the error of a value that doesn't fit.
    fn misfit(&self, cut: &Cut, at: usize, misfit: &Misfit) -> SourceError {
        let place = self.columns[at].read.as_ref().map_or(0, |(place, _)| *place);
        let field = cut.records.fields.get(misfit.row * self.layout.width() + place);
        let found = field.map(|field| field.value(cut.text, self.layout.syntax.quote));
        let target = self.job.target;
        SourceError::Misfit {
            file: self.layout.input.name.clone(),
            unit: "line",
            line: cut.chunk.line_of(field.map_or(0, |field| field.start())),
            column: target.schema.field(at).name().clone(),
            found: shorten(&found.unwrap_or_default()),
            expected: target.spoken(at),
            why: misfit.why.clone(),
            inferred: !target.declared[at],
        }
    }

    /// Takes the rows with misfits out of the batch; gives all rows set aside in the file's order.
    fn set_aside(
        &self,
        cut: &Cut,
        batch: &RecordBatch,
        misfits: Misfits,
    ) -> Result<Part, SourceError> {
        let mut first: BTreeMap<usize, (usize, Misfit)> = BTreeMap::new();
        for (at, misfit) in misfits {
            first.entry(misfit.row).or_insert((at, misfit));
        }
        let rows = 0..cut.records.spans.len();
        let keep: BooleanArray = rows.map(|row| Some(!first.contains_key(&row))).collect();
        let batch = filter_record_batch(batch, &keep)
            .map_err(|error| SourceError::arrow(&self.layout.input.name, error))?;
        let mut aside: BTreeMap<usize, (String, SourceError)> = BTreeMap::new();
        for bad in &cut.records.bad {
            let error = self.layout.fault(cut.chunk, bad);
            aside.insert(bad.start, (cut.raw(bad.start, bad.end), error));
        }
        for (row, (at, misfit)) in first {
            let Some((from, to)) = cut.records.spans.get(row) else { continue };
            let (from, to) = (*from as usize, *to as usize);
            aside.insert(from, (cut.raw(from, to), self.misfit(cut, at, &misfit)));
        }
        Ok((batch, aside.into_values().collect()))
    }
}

/// The fields of one column of a chunk.
struct Column<'a> {
    text: &'a str,
    fields: &'a [Field],
    width: usize,
    at: usize,
    quote: Option<u8>,
    nulls: &'a Nulls,
}

impl Column<'_> {
    fn fields(&self) -> impl Iterator<Item = Field> {
        self.fields.iter().skip(self.at).step_by(self.width.max(1)).copied()
    }
}

impl Cells for Column<'_> {
    fn rows(&self) -> usize {
        self.fields.len() / self.width.max(1)
    }

    fn bytes(&self) -> usize {
        self.text.len() / self.width.max(1)
    }

    fn raw(&self) -> impl Iterator<Item = Option<&str>> {
        self.fields().map(|field| {
            let raw = field.raw(self.text);
            (!self.nulls.has(raw)).then_some(raw)
        })
    }

    fn texts(&self) -> impl Iterator<Item = Option<Cow<'_, str>>> {
        self.fields().map(|field| {
            let raw = field.raw(self.text);
            (!self.nulls.has_text(field, raw)).then(|| field.value(self.text, self.quote))
        })
    }
}
