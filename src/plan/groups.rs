//! Columns by which rows are kept together: those that a `split` groups by, and those that folds
//! group by.
//!
//! Such a column is no feature: a model would know each group by it, and be judged on groups that
//! it cannot know. What is compared, tuned and trained must be one model, so each model gets the
//! groups of all stages that fit it, and of all that their rows come from. Told by names and edges
//! alone, before anything is checked.

use std::collections::BTreeSet;

/// What a block has to do with groups.
#[derive(Clone, Debug, Default)]
pub(super) struct Grouping {
    /// The columns whose equal values it keeps together.
    pub(super) own: Vec<String>,
    /// It fits models.
    pub(super) learns: bool,
}

/// Gives for each block the groups of the stages that fit it, were it a model.
///
/// `order` has each block after those that it waits for.
pub(super) fn of(
    blocks: &[Grouping],
    waits: &[Vec<usize>],
    order: &[usize],
) -> Vec<BTreeSet<String>> {
    if blocks.iter().all(|block| block.own.is_empty()) {
        return vec![BTreeSet::new(); blocks.len()];
    }
    let mut above: Vec<BTreeSet<String>> = vec![BTreeSet::new(); blocks.len()];
    for block in order {
        let mut groups: BTreeSet<String> = blocks[*block].own.iter().cloned().collect();
        for other in &waits[*block] {
            groups.extend(above[*other].iter().cloned());
        }
        above[*block] = groups;
    }
    let mut fitted: Vec<BTreeSet<String>> = vec![BTreeSet::new(); blocks.len()];
    for block in order.iter().rev().filter(|block| blocks[**block].learns) {
        // A search hands its model on: who fits it then fits the model that was searched with.
        let mut groups = std::mem::take(&mut above[*block]);
        groups.extend(fitted[*block].iter().cloned());
        for other in &waits[*block] {
            fitted[*other].extend(groups.iter().cloned());
        }
    }
    fitted
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks as `name: columns that it groups by | what it waits for`, `*` before the name of one that
    /// fits models.
    fn groups(blocks: &[&str]) -> Vec<String> {
        let parts = |line: &&str| {
            let (name, rest) = line.split_once(':').unwrap();
            let (own, waits) = rest.split_once('|').unwrap();
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            (name.to_owned(), words(own), words(waits))
        };
        let blocks: Vec<_> = blocks.iter().map(parts).collect();
        let place = |name: &String| {
            blocks.iter().position(|(own, ..)| own.trim_start_matches('*') == name).unwrap()
        };
        let waits: Vec<Vec<usize>> =
            blocks.iter().map(|(_, _, waits)| waits.iter().map(place).collect()).collect();
        let grouping: Vec<Grouping> = blocks
            .iter()
            .map(|(name, own, _)| Grouping { own: own.clone(), learns: name.starts_with('*') })
            .collect();
        let order: Vec<usize> = (0..blocks.len()).collect();
        let told = of(&grouping, &waits, &order);
        let line = |(block, groups): (&(String, _, _), &BTreeSet<String>)| {
            let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
            format!("{}: {}", block.0, groups.join(" "))
        };
        let some = blocks.iter().zip(&told).filter(|(_, groups)| !groups.is_empty());
        some.map(line).collect()
    }

    #[test]
    fn a_model_gets_the_groups_of_every_stage_that_fits_it() {
        let told = groups(&[
            "rows: |",
            "parts: patient | rows",
            "some: | parts",
            "a: |",
            "b: |",
            "lone: |",
            "*compare: ward | a b some",
            "*final: | a rows",
            "*other: | lone rows",
            "judged: day | final",
        ]);
        assert_eq!(told, ["some: patient ward", "a: patient ward", "b: patient ward"]);
    }

    #[test]
    fn a_search_hands_its_model_on_to_who_fits_it() {
        let told = groups(&[
            "rows: |",
            "parts: g | rows",
            "a: |",
            "*best: | a rows",
            "*final: | best parts",
        ]);
        assert!(told.contains(&"a: g".to_owned()), "{told:?}");
    }
}
