//! One cut into training, test and validation rows, for the `split` stage.

use std::cmp::Reverse;

use rand::seq::{IndexedRandom, SliceRandom};
use rand_pcg::Pcg64;

use super::kind::refused;
use super::timed::{begin_of_moment, in_time};
use crate::data::{Label, Target};
use crate::ml::Seed;
use crate::ml::splitter::SplitError;

/// What to cut, and into how much.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cut<'a> {
    /// How many rows there are.
    pub rows: usize,
    /// How many go to the test rows.
    pub test: usize,
    /// How many go to the validation rows.
    pub validation: usize,
    /// The classes whose shares each part keeps.
    pub stratify: Option<&'a Target>,
    /// A rank a row; rows of equal rank go to the same part.
    pub groups: Option<&'a [u64]>,
    /// A rank a row; the latest rows are the test rows, those before them the validation rows.
    pub time: Option<&'a [u64]>,
}

/// The rows of each part, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// What models learn from.
    pub train: Vec<usize>,
    /// What models are judged on in the end.
    pub test: Vec<usize>,
    /// What early stopping looks at; empty unless asked for.
    pub validation: Vec<usize>,
}

/// Gives how many of `rows` a share is: ceil(share × rows).
///
/// A product that differs from a whole number by rounding alone is that number: 7% of 100 rows are
/// 7, although 0.07 × 100 is 7.000000000000001.
#[must_use]
pub fn share_of(share: f64, rows: usize) -> usize {
    let exact = share * rows as f64;
    let near = exact.round();
    let count = if (exact - near).abs() <= 1e-9 * near.max(1.0) { near } else { exact.ceil() };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the rows"
    )]
    let count = count.clamp(0.0, rows as f64) as usize;
    count
}

/// Cuts rows by chance, by group, by class, or along time.
///
/// # Errors
/// A part would be empty, or a class or group can't be cut; the message says which.
pub fn holdout(cut: &Cut<'_>, seed: Seed) -> Result<Parts, SplitError> {
    if cut.rows == 0 {
        return refused("there are no rows to split");
    }
    if cut.test.saturating_add(cut.validation) >= cut.rows {
        let validation = match cut.validation {
            0 => String::new(),
            rows => format!(" and {}", counted(rows, "validation row")),
        };
        return refused(format!(
            "with {}{validation} of {}, nothing is left to learn from",
            counted(cut.test, "test row"),
            counted(cut.rows, "row"),
        ));
    }
    if cut.test == 0 {
        return refused(format!("the test part of {} would be empty", counted(cut.rows, "row")));
    }
    let mut generator = seed.generator();
    let part_of = match (cut.time, cut.groups, cut.stratify) {
        (Some(_), Some(_), _) => return refused("a split is by `time` or by `group`, not by both"),
        (Some(_), _, Some(_)) => return refused("a split along `time` can't be stratified"),
        (Some(time), None, None) => along_time(cut, time)?,
        (None, Some(groups), stratify) => by_group(cut, groups, stratify, &mut generator)?,
        (None, None, Some(target)) => by_class(cut, target, &mut generator)?,
        (None, None, None) => by_chance(cut, &mut generator),
    };
    let rows = |part: Part| (0..cut.rows).filter(|row| part_of[*row] == part).collect();
    Ok(Parts {
        train: rows(Part::Train),
        test: rows(Part::Test),
        validation: rows(Part::Validation),
    })
}

fn counted(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Train,
    Test,
    Validation,
}

impl Part {
    const ALL: [Self; 3] = [Self::Train, Self::Test, Self::Validation];
}

impl Cut<'_> {
    fn size(&self, part: Part) -> usize {
        match part {
            Part::Train => self.rows - self.test - self.validation,
            Part::Test => self.test,
            Part::Validation => self.validation,
        }
    }
}

fn by_chance(cut: &Cut<'_>, generator: &mut Pcg64) -> Vec<Part> {
    let mut order: Vec<usize> = (0..cut.rows).collect();
    order.shuffle(generator);
    let mut part_of = vec![Part::Train; cut.rows];
    order[..cut.test].iter().for_each(|row| part_of[*row] = Part::Test);
    let validation = &order[cut.test..cut.test + cut.validation];
    validation.iter().for_each(|row| part_of[*row] = Part::Validation);
    part_of
}

fn along_time(cut: &Cut<'_>, time: &[u64]) -> Result<Vec<Part>, SplitError> {
    let order = in_time(cut.rows, Some(time));
    let test = begin_of_moment(cut.rows - cut.test, &order, Some(time));
    let validation = begin_of_moment(test.saturating_sub(cut.validation), &order, Some(time));
    if validation == 0 || (cut.validation > 0 && validation == test) {
        return refused(
            "so many rows are of one moment that a part would be empty; cut at another share, or by another column",
        );
    }
    let mut part_of = vec![Part::Train; cut.rows];
    order[validation..test].iter().for_each(|row| part_of[*row] = Part::Validation);
    order[test..].iter().for_each(|row| part_of[*row] = Part::Test);
    Ok(part_of)
}

/// Gives each part the classes in their shares, the parts exact in size.
fn by_class(
    cut: &Cut<'_>,
    target: &Target,
    generator: &mut Pcg64,
) -> Result<Vec<Part>, SplitError> {
    let (codes, classes) = classes(target)?;
    let mut counts = vec![0_usize; classes.len()];
    codes.iter().for_each(|code| counts[*code as usize] += 1);
    let present = counts.iter().filter(|count| **count > 0).count();
    if let Some(class) = counts.iter().position(|count| *count == 1) {
        return refused(format!(
            "the class `{}` has one row alone, which can't be both learnt from and tested; leave it out or merge it, \
             or don't stratify",
            classes[class]
        ));
    }
    for part in Part::ALL {
        let size = cut.size(part);
        if size < present && !(part == Part::Validation && size == 0) {
            return refused(format!(
                "a part of {size} rows can't hold all {present} classes; make it larger, or don't stratify"
            ));
        }
    }
    // As scikit-learn does: the training rows are allotted first, then the test rows.
    let train = allotted(&counts, cut.size(Part::Train), generator);
    let left: Vec<usize> = counts.iter().zip(&train).map(|(all, own)| all - own).collect();
    let test = allotted(&left, cut.test, generator);
    let mut part_of = vec![Part::Train; cut.rows];
    let mut members: Vec<Vec<usize>> =
        counts.iter().map(|rows| Vec::with_capacity(*rows)).collect();
    (0..cut.rows).for_each(|row| members[codes[row] as usize].push(row));
    for (class, rows) in members.iter_mut().enumerate() {
        rows.shuffle(generator);
        let (own, rest) = rows.split_at(train[class].min(rows.len()));
        debug_assert_eq!(own.len(), train[class]);
        let (tested, validated) = rest.split_at(test[class].min(rest.len()));
        tested.iter().for_each(|row| part_of[*row] = Part::Test);
        validated.iter().for_each(|row| part_of[*row] = Part::Validation);
    }
    Ok(part_of)
}

fn classes(target: &Target) -> Result<(&[u32], &[Label]), SplitError> {
    match target {
        Target::Classes { codes, classes }
            if codes.iter().all(|code| (*code as usize) < classes.len()) =>
        {
            Ok((codes, classes))
        }
        _ => refused("`stratify` needs a column of classes: text, bool, or whole numbers"),
    }
}

/// Allots draws to classes in their shares: rounded down, then one more to the largest remainders,
/// equal ones by chance.
fn allotted(counts: &[usize], draws: usize, generator: &mut Pcg64) -> Vec<usize> {
    let total: usize = counts.iter().sum();
    if total == 0 {
        return vec![0; counts.len()];
    }
    // Remainders are compared as whole numbers, so that equal ones are equal.
    let share = |count: usize| (count as u128 * draws as u128, total as u128);
    let mut own: Vec<usize> = counts
        .iter()
        .map(|count| usize::try_from(share(*count).0 / share(*count).1).unwrap_or(*count))
        .collect();
    let mut missing = draws - own.iter().sum::<usize>().min(draws);
    let mut remainders: Vec<(Reverse<u128>, usize)> = (0..counts.len())
        .map(|class| (Reverse(share(counts[class]).0 % share(counts[class]).1), class))
        .filter(|(Reverse(remainder), _)| *remainder > 0)
        .collect();
    remainders.sort_unstable();
    for tied in remainders.chunk_by(|one, other| one.0 == other.0) {
        if missing == 0 {
            break;
        }
        let drawn: Vec<usize> =
            tied.sample(generator, missing.min(tied.len())).map(|(_, class)| *class).collect();
        drawn.iter().for_each(|class| own[*class] += 1);
        missing -= drawn.len();
    }
    own
}

/// Deals whole groups, in a random order, each to the part that lacks most of what it holds.
fn by_group(
    cut: &Cut<'_>,
    ranks: &[u64],
    stratify: Option<&Target>,
    generator: &mut Pcg64,
) -> Result<Vec<Part>, SplitError> {
    let (codes, kinds) = match stratify {
        Some(target) => classes(target).map(|(codes, classes)| (Some(codes), classes.len()))?,
        None => (None, 1),
    };
    let class_of = |row: usize| codes.map_or(0, |codes| codes[row] as usize);
    let mut members: std::collections::BTreeMap<u64, Vec<usize>> =
        std::collections::BTreeMap::new();
    (0..cut.rows).for_each(|row| members.entry(ranks[row]).or_default().push(row));
    let mut groups: Vec<Vec<usize>> = members.into_values().collect();
    let parts: Vec<Part> = Part::ALL.into_iter().filter(|part| cut.size(*part) > 0).collect();
    if groups.len() < parts.len() {
        return refused(format!(
            "{} parts need as many groups, but there are {}",
            parts.len(),
            groups.len()
        ));
    }
    groups.shuffle(generator);
    let mut totals = vec![0.0; kinds];
    (0..cut.rows).for_each(|row| totals[class_of(row)] += 1.0);
    let mut lacking: Vec<Vec<f64>> = parts
        .iter()
        .map(|part| {
            totals.iter().map(|total| total * cut.size(*part) as f64 / cut.rows as f64).collect()
        })
        .collect();
    let mut part_of = vec![Part::Train; cut.rows];
    let mut filled = vec![0_usize; parts.len()];
    for (dealt, group) in groups.iter().enumerate() {
        // The last groups go to parts that are still empty.
        let empty: Vec<usize> = (0..parts.len()).filter(|part| filled[*part] == 0).collect();
        let forced = groups.len() - dealt <= empty.len();
        let candidates = if forced { empty } else { (0..parts.len()).collect() };
        let mut rows = vec![0.0; kinds];
        group.iter().for_each(|row| rows[class_of(*row)] += 1.0);
        let best = fullest_need(&candidates, &lacking, &rows, &totals);
        rows.iter().zip(&mut lacking[best]).for_each(|(rows, lacks)| *lacks -= rows);
        group.iter().for_each(|row| part_of[*row] = parts[best]);
        filled[best] += 1;
    }
    Ok(part_of)
}

/// Finds the part that is left nearest to its size when it gets the group's rows.
fn fullest_need(candidates: &[usize], lacking: &[Vec<f64>], rows: &[f64], totals: &[f64]) -> usize {
    // How much the squared distance to the wanted sizes shrinks.
    let gain = |part: usize| {
        let classes = lacking[part].iter().zip(rows).zip(totals);
        classes
            .filter(|(_, total)| **total > 0.0)
            .map(|((lacks, rows), total)| (2.0 * lacks - rows) * rows / (total * total))
            .sum::<f64>()
    };
    let mut best = candidates.first().copied().unwrap_or(0);
    for part in candidates {
        if gain(*part) > gain(best) {
            best = *part;
        }
    }
    best
}
