//! `split`: cuts a table into rows to learn from and rows to judge on.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use serde_json::json;

use super::kept::kept;
use super::marks::missing;
use crate::data::{BATCH_ROWS, Hasher, Label, Ranks, Table, Target};
use crate::diag::Diagnostic;
use crate::ml::Seed;
use crate::ml::folds::{Cut, Parts, holdout, share_of};
use crate::ml::splitter::SplitError;
use crate::params;
use crate::params::{Args, Bound, Call, Family, Kind, Limits, Params, Setting, Signature};
use crate::plan::{
    Artifact, Caching, Checked, Checking, Failure, Output, Produced, Reads, Running, StageKind,
    Task, Work,
};

/// How much of a table a part takes: a share or a number of rows.
const AMOUNT: Kind = Kind::OneOf(&[Kind::Share, Kind::Int]);

params! {
    /// Cuts a table into `.train`, `.test` and, if asked, `.validation`.
    ///
    /// The rows of each part keep the order of the table.
    pub(super) struct Split("split", 0) {
        /// The table to cut.
        data: Setting as (Kind::Stage),
        /// The part to judge on: a share such as `20%`, or a number of rows; a share is rounded up.
        test: Setting as (AMOUNT),
        /// A second part to judge on while training; none unless given.
        validation: Option<Setting> as (Kind::Optional(&AMOUNT)) = None,
        /// A column whose values have the same shares in each part.
        stratify: Option<String> as (Kind::Optional(&Kind::Column)) = None,
        /// A column whose equal values stay in one part.
        group: Option<String> as (Kind::Optional(&Kind::Column)) = None,
        /// A column of times: the latest rows are judged on.
        time: Option<String> as (Kind::Optional(&Kind::Column)) = None,
        /// How rows are drawn: `shuffle`, or `hash(column)`, by which a row keeps its part when rows
        /// are added.
        by: Call as (Kind::Call(Family::Assignment)) = shuffled(),
    }
}

params! {
    /// Draws rows at random, from the seed.
    pub(super) struct Shuffle("shuffle", 0) {}
}

params! {
    /// Draws rows by a column's value and the seed alone.
    pub(super) struct ByHash("hash", 1) {
        /// The column, such as an id.
        column: String as (Kind::Column),
    }
}

/// The words that `by` takes.
pub(super) static ASSIGNMENTS: &[&Signature] =
    &[const { &Shuffle::SIGNATURE }, const { &ByHash::SIGNATURE }];

fn shuffled() -> Call {
    Call { name: Shuffle::SIGNATURE.name, args: Args::default() }
}

/// The registered kind.
pub(super) struct SplitKind;

impl StageKind for SplitKind {
    fn signature(&self) -> &'static Signature {
        const { &Split::SIGNATURE }
    }

    fn groups(&self, args: &Args) -> Vec<String> {
        Split::from_args(args).and_then(|split| split.group).into_iter().collect()
    }

    fn check(&self, args: &Args, checking: &mut Checking<'_>) -> Option<Checked> {
        let split = Split::from_args(args)?;
        let data = checking.table(args.get("data")?)?;
        let rule = Rule::of(&split, args, checking)?;
        check_amounts(&split, &rule, args, checking)?;
        for (column, span) in rule.columns(args) {
            checking.has_column(&column, &data, span).then_some(())?;
        }
        let kind = || Output::Table(data.kind.clone());
        let mut outputs = vec![("train", kind()), ("test", kind())];
        if split.validation.is_some() {
            outputs.push(("validation", kind()));
        }
        let mut settings = args.canonical();
        let random = !matches!(rule, Rule::Time(_));
        settings["seed"] = if random { json!(checking.seed) } else { json!(null) };
        let task = Task {
            inputs: vec![data.input(Reads::All)],
            settings,
            files: Vec::new(),
            writes: Vec::new(),
            work: Arc::new(Cutting { split, rule }),
            caching: Caching::Keyed,
        };
        Some(Checked { outputs, task: Some(task) })
    }
}

/// What decides on the part of a row.
#[derive(Clone, Debug)]
enum Rule {
    Random { stratify: Option<String>, group: Option<String> },
    Time(String),
    Hash(String),
}

impl Rule {
    /// Reads the rule of a split; some fields don't go together.
    fn of(split: &Split, args: &Args, checking: &mut Checking<'_>) -> Option<Self> {
        let hash =
            ByHash::from_args(&split.by.args).filter(|_| split.by.name == ByHash::SIGNATURE.name);
        let mut clash = |first: &str, second: &str| {
            let span = args.get(first).map_or(checking.place, |bound| bound.span);
            checking.report(
                Diagnostic::error(
                    "clashing-fields",
                    span,
                    format!("`{first}` and `{second}` don't go together"),
                )
                .help(format!(
                    "keep one of the two: `{second}` decides alone on which part a row goes to"
                )),
            );
            None
        };
        match (hash, &split.time) {
            (Some(_), Some(_)) => clash("time", "by: hash(…)"),
            (Some(_), None) if split.stratify.is_some() => clash("stratify", "by: hash(…)"),
            (Some(_), None) if split.group.is_some() => clash("group", "by: hash(…)"),
            (Some(hash), None) => Some(Self::Hash(hash.column)),
            (None, Some(_)) if split.stratify.is_some() => clash("stratify", "time"),
            (None, Some(_)) if split.group.is_some() => clash("group", "time"),
            (None, Some(time)) => Some(Self::Time(time.clone())),
            (None, None) => {
                Some(Self::Random { stratify: split.stratify.clone(), group: split.group.clone() })
            }
        }
    }

    /// Gives the columns that it reads, and where each was written.
    fn columns(&self, args: &Args) -> Vec<(String, crate::text::Span)> {
        let place =
            |field: &str, column: &String| args.get(field).map(|b| (column.clone(), b.span));
        match self {
            Self::Random { stratify, group } => {
                let stratify = stratify.iter().filter_map(|column| place("stratify", column));
                let group = group.iter().filter_map(|column| place("group", column));
                stratify.chain(group).collect()
            }
            Self::Time(column) => place("time", column).into_iter().collect(),
            Self::Hash(column) => place("by", column).into_iter().collect(),
        }
    }
}

/// Checks the sizes of the parts, as far as they can be known.
fn check_amounts(
    split: &Split,
    rule: &Rule,
    args: &Args,
    checking: &mut Checking<'_>,
) -> Option<()> {
    let mut sum = 0.0;
    for (name, amount) in [("test", Some(&split.test)), ("validation", split.validation.as_ref())] {
        let (Some(amount), Some(Bound { span, .. })) = (amount, args.get(name)) else { continue };
        let wrong = match amount {
            Setting::Share(share) => {
                sum += share;
                (!Limits::inside(0.0, 1.0).allow(*share))
                    .then(|| format!("`{name}` must be a share above 0% and below 100%"))
            }
            Setting::Int(_) if matches!(rule, Rule::Hash(_)) => Some(format!(
                "with `by: hash(…)`, `{name}` must be a share: the number of rows follows from their keys"
            )),
            Setting::Int(rows) => (*rows < 1).then(|| format!("`{name}` must be at least 1 row")),
            _ => None,
        };
        if let Some(wrong) = wrong {
            checking.report(
                Diagnostic::error("out-of-range", *span, wrong)
                    .label("expected a share such as `20%`"),
            );
            return None;
        }
    }
    if sum >= 1.0 {
        checking.report(
            Diagnostic::error(
                "out-of-range",
                args.get("validation")?.span,
                "`test` and `validation` leave no rows to train on",
            )
            .help("together they must be below 100%"),
        );
        return None;
    }
    Some(())
}

/// The work of a split.
struct Cutting {
    split: Split,
    rule: Rule,
}

impl Work for Cutting {
    fn run(&self, inputs: &[Artifact], running: &dyn Running) -> Result<Produced, Failure> {
        let table =
            inputs.first().ok_or_else(|| Failure::new("there is no table to cut"))?.table()?;
        let parts = running.pool().install(|| self.parts(table, running.seed()))?;
        let mut rows: Vec<&[usize]> = vec![&parts.train, &parts.test];
        if self.split.validation.is_some() {
            rows.push(&parts.validation);
        }
        let part = |rows: &[usize]| running.pool().install(|| part(table, rows, running));
        let outputs = rows.into_iter().map(part).collect::<Result<_, _>>()?;
        Ok(Produced { outputs, ..Produced::default() })
    }
}

/// About how many bytes of rows are gathered at once.
const ROOM: usize = 64 << 20;

/// Gathers the rows of a part, some batches at a time.
fn part(table: &Table, rows: &[usize], running: &dyn Running) -> Result<Artifact, Failure> {
    let batch = (table.memory() / table.rows().max(1)).saturating_mul(BATCH_ROWS);
    let abreast = (ROOM / batch.max(1)).clamp(1, 16);
    let gathered = rows.chunks(abreast * BATCH_ROWS).flat_map(|rows| match table.take(rows) {
        Ok(table) => table.batches().iter().cloned().map(Ok).collect(),
        Err(error) => vec![Err(Failure::new(error.to_string()))],
    });
    kept(table.schema(), rows.len(), gathered, running)
}

impl Cutting {
    fn parts(&self, table: &Table, seed: Seed) -> Result<Parts, Failure> {
        let cut = self.cut(table.rows());
        let refused = |error: SplitError| super::learning::worded(&error.to_string());
        match &self.rule {
            Rule::Hash(column) => self.by_hash(table, column, seed),
            Rule::Time(column) => {
                let time = whole(table, column, "time")?;
                holdout(&Cut { time: Some(&time.ranks), ..cut }, seed).map_err(refused)
            }
            Rule::Random { stratify, group } => {
                let classes = stratify.as_ref().map(|column| classes(table, column)).transpose()?;
                let groups =
                    group.as_ref().map(|column| whole(table, column, "group")).transpose()?;
                let groups = groups.as_ref().map(|groups| groups.ranks.as_slice());
                holdout(&Cut { stratify: classes.as_ref(), groups, ..cut }, seed).map_err(refused)
            }
        }
    }

    fn cut(&self, rows: usize) -> Cut<'static> {
        let count = |amount: &Setting| match amount {
            Setting::Share(share) => share_of(*share, rows),
            Setting::Int(count) => usize::try_from(*count).unwrap_or(usize::MAX),
            _ => 0,
        };
        let validation = self.split.validation.as_ref().map_or(0, count);
        Cut { rows, test: count(&self.split.test), validation, ..Cut::default() }
    }

    /// Draws each row by its key and the seed alone.
    fn by_hash(&self, table: &Table, column: &str, seed: Seed) -> Result<Parts, Failure> {
        let share = |amount: Option<&Setting>| amount.and_then(Setting::as_f64).unwrap_or(0.0);
        let test = share(Some(&self.split.test));
        let validation = test + share(self.split.validation.as_ref());
        let mut parts = Parts { train: Vec::new(), test: Vec::new(), validation: Vec::new() };
        for (row, draw) in draws(table, column, seed)?.into_iter().enumerate() {
            if draw < test {
                parts.test.push(row);
            } else if draw < validation {
                parts.validation.push(row);
            } else {
                parts.train.push(row);
            }
        }
        Ok(parts)
    }
}

/// Draws a number for each value of a column; none may be missing.
fn draws(table: &Table, column: &str, seed: Seed) -> Result<Vec<f64>, Failure> {
    let failure = |error: &dyn std::fmt::Display| Failure::new(error.to_string());
    let mut draws = Vec::with_capacity(table.rows());
    for piece in table.column(column).map_err(|error| failure(&error))? {
        if let Some(row) = missing(&piece).set_indices().next() {
            let row = draws.len() + row;
            return Err(Failure::new(format!(
                "`{column}` is missing in row {row}; a key to split by has a value in each"
            ))
            .help(format!("leave such rows out before: `WHERE {column} IS NOT NULL`")));
        }
        let texts = cast(&piece, &DataType::Utf8).map_err(|error| failure(&error))?;
        draws.extend(texts.as_string::<i32>().iter().flatten().map(|key| drawn(seed, key)));
    }
    Ok(draws)
}

/// Draws a number from 0 up to 1 for a key.
fn drawn(seed: Seed, key: &str) -> f64 {
    let hash = Hasher::new().update(&seed.bits().to_le_bytes()).text(key).finish();
    let bits =
        hash.as_bytes().iter().take(8).fold(0_u64, |bits, byte| (bits << 8) | u64::from(*byte));
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// Ranks a column that may have no missing value.
fn whole(table: &Table, column: &str, field: &str) -> Result<Ranks, Failure> {
    let ranks = ranked(table, column)?;
    match ranks.missing.first() {
        None => Ok(ranks),
        Some(row) => Err(Failure::new(format!(
            "`{column}` is missing in {} of {} rows, first in row {row}, and a `{field}` column has a value in each",
            ranks.missing.len(),
            table.rows()
        ))
        .help(format!("leave them out before: `WHERE {column} IS NOT NULL`"))),
    }
}

fn ranked(table: &Table, column: &str) -> Result<Ranks, Failure> {
    let pieces = table.column(column).map_err(|error| Failure::new(error.to_string()))?;
    Ranks::of(&pieces).map_err(|error| Failure::new(error.to_string()))
}

/// Makes classes of the values of a column; missing is a class of its own.
fn classes(table: &Table, column: &str) -> Result<Target, Failure> {
    let ranks = ranked(table, column)?;
    let missing: BTreeSet<usize> = ranks.missing.iter().copied().collect();
    let code = |(row, rank): (usize, &u64)| -> u32 {
        let rank = if missing.contains(&row) { ranks.distinct as u64 } else { *rank };
        u32::try_from(rank).unwrap_or(u32::MAX)
    };
    let codes: Vec<u32> = ranks.ranks.iter().enumerate().map(code).collect();
    let count = ranks.distinct + usize::from(!missing.is_empty());
    let classes = names(table, column, &codes, count)?;
    Ok(Target::Classes { codes: codes.into(), classes: classes.into() })
}

/// Gives each class the text of its first row, for messages.
fn names(table: &Table, column: &str, codes: &[u32], count: usize) -> Result<Vec<Label>, Failure> {
    let failure = |error: &dyn std::fmt::Display| Failure::new(error.to_string());
    let mut names: Vec<Option<Label>> = vec![None; count];
    let mut row = 0;
    for piece in table.column(column).map_err(|error| failure(&error))? {
        let texts = cast(&piece, &DataType::Utf8).map_err(|error| failure(&error))?;
        for text in texts.as_string::<i32>() {
            let code = codes.get(row).and_then(|code| usize::try_from(*code).ok());
            if let Some(name @ None) = code.and_then(|code| names.get_mut(code)) {
                *name = Some(Label::Text(text.unwrap_or("null").into()));
            }
            row += 1;
        }
    }
    Ok(names.into_iter().map(|name| name.unwrap_or(Label::Int(0))).collect())
}
