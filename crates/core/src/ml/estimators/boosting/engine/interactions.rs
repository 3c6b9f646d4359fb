//! Interactions: which columns may meet on one way down a tree.

/// The sets of columns that may meet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) enum Interactions {
    /// Any.
    #[default]
    Free,
    /// Any two.
    Pairs,
    /// Those of a set, each a list of columns that ascend; every column is in one at least.
    Sets(Vec<Vec<u32>>),
}

impl Interactions {
    /// Tells for each of so many columns whether it may be cut below tests of some others; nothing
    /// where all may.
    ///
    /// As in scikit-learn and LightGBM, a set counts as long as it has all columns that were cut.
    pub(super) fn allowed(&self, used: &[u32], columns: usize) -> Option<Vec<bool>> {
        match self {
            Self::Free => None,
            Self::Pairs => (used.len() > 1).then(|| marked(used, columns)),
            Self::Sets(_) if used.is_empty() => None,
            Self::Sets(sets) => {
                let fits = |set: &&Vec<u32>| used.iter().all(|own| set.binary_search(own).is_ok());
                Some(marked(sets.iter().filter(fits).flatten(), columns))
            }
        }
    }

    /// Adds a column to those that were cut, where that matters.
    pub(super) fn with(&self, used: &[u32], column: u32) -> Vec<u32> {
        let mut used = used.to_vec();
        if *self != Self::Free && !used.contains(&column) {
            used.push(column);
        }
        used
    }
}

fn marked<'a>(columns: impl IntoIterator<Item = &'a u32>, count: usize) -> Vec<bool> {
    let mut marks = vec![false; count];
    for column in columns {
        marks[*column as usize] = true;
    }
    marks
}
