//! JSON objects as rows: an array of them, one a line, or one behind the other.
//!
//! A key is a column. Numbers and `true` are typed as in delimited text; a string is text, or a
//! date or time if every string of the column is one in ISO form. A column of mixed kinds is text,
//! with numbers as they are written. Objects and arrays in a column are structs and lists where all
//! rows agree, else JSON text; declared as text they are JSON text.

mod flat;
mod nested;
mod split;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, SchemaRef};
use indexmap::IndexMap;
use rayon::prelude::*;

use super::guess::Guess;
use super::input::{Encoding, TextSource};
use super::merge::Seen;
use super::style::PLAIN;
use super::typed::{Cells, Misfit, Reader};
use super::{Input, Job, OnBadRow, Options, Out, Request, SourceError, shorten};
use flat::{Fault, Value};
use nested::Shape;
use split::{Chunk, Objects};

fn open(request: &Request, input: &Input) -> Result<Objects, SourceError> {
    let source = TextSource::open(input, Encoding::Utf8, &request.limits)?;
    let may_be_empty = *request.options == Options::Ndjson;
    Objects::new(source, &input.name, request.limits.record, may_be_empty)
}

/// Works on every chunk, on several at once, and takes the results in the file's order.
fn each<T: Send>(
    mut objects: Objects,
    work: impl Fn(&Chunk) -> T + Sync,
    mut take: impl FnMut(T) -> Result<(), SourceError>,
) -> Result<(), SourceError> {
    let mut window = next_window(&mut objects, 1)?;
    while !window.is_empty() {
        if let [chunk] = window.as_slice() {
            take(work(chunk))?;
            window = next_window(&mut objects, rayon::current_num_threads() * 2)?;
            continue;
        }
        let (next, results) = rayon::join(
            || next_window(&mut objects, rayon::current_num_threads() * 2),
            || window.par_iter().map(&work).collect::<Vec<_>>(),
        );
        results.into_iter().try_for_each(&mut take)?;
        window = next?;
    }
    Ok(())
}

fn next_window(objects: &mut Objects, size: usize) -> Result<Vec<Chunk>, SourceError> {
    let mut window = Vec::with_capacity(size);
    while window.len() < size {
        match objects.next_chunk()? {
            Some(chunk) => window.push(chunk),
            None => break,
        }
    }
    Ok(window)
}

/// Makes the error of a text that is no object.
fn broken(chunk: &Chunk, name: &str, from: usize, fault: Fault) -> SourceError {
    let (file, line) = (name.to_owned(), chunk.line_of(from + fault.at));
    SourceError::Json { file, line, problem: fault.problem }
}

/// Tells the columns of a file and what their values look like.
pub(super) fn columns(
    request: &Request,
    input: &Input,
) -> Result<Vec<(String, Seen)>, SourceError> {
    let objects = open(request, input)?;
    let mut all: IndexMap<String, Shape> = IndexMap::new();
    let quarantine = request.on_bad_row == OnBadRow::Quarantine;
    let sampled = std::fs::metadata(&input.path)
        .is_ok_and(|metadata| metadata.len() > request.limits.sample_above);
    let take = |shapes: Result<IndexMap<String, Shape>, SourceError>| {
        for (key, shape) in shapes? {
            let before = all.entry(key).or_insert(Shape::Scalar(Guess::Empty));
            *before = std::mem::replace(before, Shape::Scalar(Guess::Empty)).join(shape);
        }
        Ok(())
    };
    let work = |chunk: &Chunk| shapes(chunk, &input.name, quarantine);
    if sampled {
        sample(objects, work, take)?;
    } else {
        each(objects, work, take)?;
    }
    Ok(all.into_iter().map(|(name, shape)| (name.clone(), seen(&name, shape))).collect())
}

/// How many chunks at the start of a large file are looked at.
const HEAD_CHUNKS: usize = 64;

fn sample<T>(
    mut objects: Objects,
    work: impl Fn(&Chunk) -> T,
    mut take: impl FnMut(T) -> Result<(), SourceError>,
) -> Result<(), SourceError> {
    for _ in 0..HEAD_CHUNKS {
        let Some(chunk) = objects.next_chunk()? else { break };
        take(work(&chunk))?;
    }
    Ok(())
}

fn seen(name: &str, shape: Shape) -> Seen {
    match shape {
        Shape::Scalar(guess) => Seen::Guess(guess),
        nested => Seen::Typed(Field::new(name, nested.data_type(), true)),
    }
}

/// Joins the shapes of the values of a chunk, by key.
fn shapes(
    chunk: &Chunk,
    name: &str,
    quarantine: bool,
) -> Result<IndexMap<String, Shape>, SourceError> {
    let mut shapes: IndexMap<String, Shape> = IndexMap::new();
    for place in &chunk.objects {
        let fields = match flat::object(chunk.object(*place)) {
            Ok(fields) => fields,
            Err(_) if quarantine => continue,
            Err(fault) => return Err(broken(chunk, name, place.0, fault)),
        };
        for (key, value) in fields {
            match shapes.get_mut(key.as_ref()) {
                Some(shape) => shape.see(&value),
                None => {
                    let mut shape = Shape::Scalar(Guess::Empty);
                    shape.see(&value);
                    shapes.insert(key.into_owned(), shape);
                }
            }
        }
    }
    Ok(shapes)
}

/// Makes the fault of an object in which a key stands twice.
fn doubled(key: &str) -> Fault {
    let key = shorten(key);
    Fault {
        at: 0,
        problem: format!("the key `{key}` stands twice in one object; keep one of the two"),
    }
}

/// The values of one key in some objects.
struct Column<'a>(Vec<Value<'a>>);

impl Column<'_> {
    fn text<'v>(value: &'v Value<'_>) -> Option<&'v str> {
        match value {
            Value::Null => None,
            Value::Bool(true) => Some("true"),
            Value::Bool(false) => Some("false"),
            Value::Number(text) | Value::Nested(text) => Some(text),
            Value::Text(text) => Some(text),
        }
    }
}

impl Cells for Column<'_> {
    fn rows(&self) -> usize {
        self.0.len()
    }

    fn bytes(&self) -> usize {
        self.0.iter().filter_map(Self::text).map(str::len).sum()
    }

    fn raw(&self) -> impl Iterator<Item = Option<&str>> {
        self.0.iter().map(|value| Self::text(value).filter(|text| !text.is_empty()))
    }

    fn texts(&self) -> impl Iterator<Item = Option<Cow<'_, str>>> {
        self.0.iter().map(|value| Self::text(value).map(Cow::Borrowed))
    }
}

/// How a column's values become an array.
enum Kind {
    Scalar(Reader),
    Nested(DataType),
}

/// What a chunk gave: rows, and rows set aside with their text and error.
type Part = (RecordBatch, Vec<(String, SourceError)>);

/// Builds the batches of one file.
struct Builder<'a> {
    job: &'a Job<'a>,
    schema: SchemaRef,
    kinds: Vec<Kind>,
}

impl<'a> Builder<'a> {
    fn new(job: &'a Job<'a>) -> Result<Self, SourceError> {
        let kinds = job.target.types.iter().map(|kind| {
            if kind.arrow.is_nested() {
                Ok(Kind::Nested(kind.arrow.clone()))
            } else {
                Reader::new(kind, &PLAIN).map(Kind::Scalar)
            }
        });
        Ok(Self { kinds: kinds.collect::<Result<_, _>>()?, schema: job.schema()?, job })
    }

    fn build(&self, chunk: &Chunk) -> Result<Part, SourceError> {
        let mut aside: BTreeMap<usize, SourceError> = BTreeMap::new();
        let (columns, places) = self.columns(chunk, &mut aside);
        let (arrays, misfits) = self.arrays(&columns)?;
        let mut keep = vec![true; places.len()];
        for (at, misfit) in misfits {
            let Some(place) = places.get(misfit.row) else { continue };
            keep[misfit.row] = false;
            let error = || self.misfit(chunk, *place, at, &columns[at].0[misfit.row], &misfit);
            aside.entry(place.0).or_insert_with(error);
        }
        if self.job.request.on_bad_row == OnBadRow::Fail
            && let Some((_, error)) = aside.pop_first()
        {
            return Err(error);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(places.len()));
        let fail = |error| SourceError::arrow(&self.job.input.name, error);
        let mut batch =
            RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
                .map_err(fail)?;
        if keep.contains(&false) {
            batch = filter_record_batch(&batch, &BooleanArray::from(keep)).map_err(fail)?;
        }
        let texts = chunk.objects.iter().map(|place| (place.0, chunk.object(*place).trim()));
        let texts: BTreeMap<usize, &str> = texts.collect();
        let text = |from: &usize| texts.get(from).copied().unwrap_or_default().to_owned();
        Ok((batch, aside.into_iter().map(|(from, error)| (text(&from), error)).collect()))
    }

    /// Takes the objects of a chunk apart.
    fn columns<'c>(
        &self,
        chunk: &'c Chunk,
        aside: &mut BTreeMap<usize, SourceError>,
    ) -> (Vec<Column<'c>>, Vec<(usize, usize)>) {
        let schema = &self.job.target.schema;
        let names: BTreeMap<&str, usize> = schema
            .fields()
            .iter()
            .enumerate()
            .map(|(at, field)| (field.name().as_str(), at))
            .collect();
        let mut columns: Vec<Column> = schema.fields().iter().map(|_| Column(Vec::new())).collect();
        let mut places = Vec::new();
        for place in &chunk.objects {
            let taken = flat::object(chunk.object(*place))
                .and_then(|fields| row(fields, &names, &mut columns, places.len()));
            if let Err(fault) = taken {
                // What the row had given so far is given back.
                columns.iter_mut().for_each(|column| column.0.truncate(places.len()));
                aside.insert(place.0, broken(chunk, &self.job.input.name, place.0, fault));
            } else {
                places.push(*place);
            }
        }
        (columns, places)
    }

    /// Builds the wanted columns; the others are looked at only where rows may be set aside.
    fn arrays(
        &self,
        columns: &[Column],
    ) -> Result<(Vec<ArrayRef>, Vec<(usize, Misfit)>), SourceError> {
        let (mut arrays, mut misfits) = (Vec::new(), Vec::new());
        for (at, (column, kind)) in columns.iter().zip(&self.kinds).enumerate() {
            let wanted = self.job.wanted.contains(&at);
            if !wanted && self.job.request.on_bad_row == OnBadRow::Fail {
                continue;
            }
            let (array, unfit) = match kind {
                Kind::Scalar(reader) => reader.build(column)?,
                Kind::Nested(kind) => nested::build(&column.0, kind, &self.job.input.name)?,
            };
            misfits.extend(unfit.into_iter().map(|misfit| (at, misfit)));
            if wanted {
                arrays.push(array);
            }
        }
        Ok((arrays, misfits))
    }

    fn misfit(
        &self,
        chunk: &Chunk,
        place: (usize, usize),
        at: usize,
        value: &Value,
        misfit: &Misfit,
    ) -> SourceError {
        let target = self.job.target;
        SourceError::Misfit {
            file: self.job.input.name.clone(),
            unit: "line",
            line: chunk.line_of(place.0),
            column: target.schema.field(at).name().clone(),
            found: shorten(Column::text(value).unwrap_or_default()),
            expected: target.spoken(at),
            why: misfit.why.clone(),
            inferred: !target.declared[at],
        }
    }
}

/// Puts the values of one object into the columns.
fn row<'c>(
    fields: Vec<(Cow<'c, str>, Value<'c>)>,
    names: &BTreeMap<&str, usize>,
    columns: &mut [Column<'c>],
    row: usize,
) -> Result<(), Fault> {
    for (key, value) in fields {
        let Some(column) = names.get(key.as_ref()).and_then(|at| columns.get_mut(*at)) else {
            continue;
        };
        if column.0.len() > row {
            return Err(doubled(&key));
        }
        column.0.push(value);
    }
    for column in columns {
        column.0.resize(row + 1, Value::Null);
    }
    Ok(())
}

/// Reads a file batch by batch.
pub(super) fn read(job: &Job, out: &mut Out) -> Result<(), SourceError> {
    let objects = open(job.request, job.input)?;
    let builder = Builder::new(job)?;
    each(
        objects,
        |chunk| builder.build(chunk),
        |part| {
            let (batch, aside) = part?;
            out.rows(batch)?;
            aside.into_iter().try_for_each(|(text, error)| out.reject(text, &error))
        },
    )
}
