//! Looks at the texts of a file to guess the types of its columns.

use super::split::Chunk;
use super::tokens::{Records, cut};
use super::{Body, Layout, Nulls, is_fatal};
use crate::sources::guess::Guess;
use crate::sources::input::TextSource;
use crate::sources::{OnBadRow, SourceError};

/// How many chunks at the start of a large file are looked at.
const HEAD_CHUNKS: usize = 16;
/// How many places beyond are looked at, and how many bytes at each.
const SAMPLES: u64 = 48;
const SAMPLE_BYTES: u64 = 1 << 20;

/// Guesses from all rows.
pub(super) fn at_all(
    layout: &Layout,
    body: Body,
    on_bad_row: OnBadRow,
) -> Result<Vec<Guess>, SourceError> {
    let mut all = vec![Guess::Empty; layout.width()];
    let nulls = Nulls::new(&layout.options.null_values);
    let work = |chunk: &Chunk| -> Result<Vec<Guess>, SourceError> {
        let text = chunk.text(&layout.input.name)?;
        let (records, _) = cut(text.as_bytes(), layout.syntax, layout.width(), false);
        match records.bad.iter().find(|bad| is_fatal(bad, on_bad_row)) {
            Some(bad) => Err(layout.fault(chunk, bad)),
            None => Ok(guess(layout, text, &records, &nulls)),
        }
    };
    body.each(work, |guesses| {
        join(&mut all, &guesses?);
        Ok(())
    })?;
    Ok(all)
}

fn join(all: &mut [Guess], guesses: &[Guess]) {
    all.iter_mut().zip(guesses).for_each(|(all, guess)| *all = all.join(*guess));
}

/// Guesses the type of each column from some records.
fn guess(layout: &Layout, text: &str, records: &Records, nulls: &Nulls) -> Vec<Guess> {
    let mut guesses = vec![Guess::Empty; layout.width()];
    for record in records.fields.chunks_exact(layout.width()) {
        for (guess, field) in guesses.iter_mut().zip(record) {
            let raw = field.raw(text);
            if *guess != Guess::Text && !nulls.has(raw) {
                *guess = guess.see(raw.as_bytes(), &layout.style);
            }
        }
    }
    guesses
}

/// Guesses from the start of a large file and from samples spread evenly over it.
pub(super) fn at_samples(
    layout: &Layout,
    mut body: Body,
    bytes: u64,
) -> Result<Vec<Guess>, SourceError> {
    let mut all = vec![Guess::Empty; layout.width()];
    let nulls = Nulls::new(&layout.options.null_values);
    let mut next = body.first.take();
    for _ in 0..HEAD_CHUNKS {
        let Some(chunk) = next else { break };
        let text = chunk.text(&layout.input.name)?;
        let (records, _) = cut(text.as_bytes(), layout.syntax, layout.width(), false);
        join(&mut all, &guess(layout, text, &records, &nulls));
        next = body.chunks.next_chunk()?;
    }
    let samples = if layout.plain { SAMPLES } else { 0 };
    for sample in 1..=samples {
        let text = part(layout, bytes / (SAMPLES + 1) * sample)?;
        let (records, _) = cut(text.as_bytes(), layout.syntax, layout.width(), false);
        // A sample may begin inside quotes, which shows in records that don't fit: reading the rows
        // will judge them, a guess must not be led astray.
        if records.bad.is_empty() {
            join(&mut all, &guess(layout, &text, &records, &nulls));
        }
    }
    Ok(all)
}

/// Reads some whole lines from the middle of a file; nothing if they are no text.
fn part(layout: &Layout, from: u64) -> Result<String, SourceError> {
    let mut text = Vec::new();
    TextSource::part(layout.input, from, SAMPLE_BYTES)?.fill(&mut text, usize::MAX)?;
    let start = memchr::memchr(b'\n', &text).map_or(text.len(), |at| at + 1);
    let end = memchr::memrchr(b'\n', &text).map_or(start, |at| at + 1);
    text.truncate(end);
    text.drain(..start);
    Ok(String::from_utf8(text).unwrap_or_default())
}
