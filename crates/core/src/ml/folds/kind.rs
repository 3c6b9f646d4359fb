//! What stands between a splitter's declared settings and the registry.

use std::marker::PhantomData;

use crate::data::Target;
use crate::ml::estimator::BadSetting;
use crate::ml::settle::settled;
use crate::ml::splitter::{Fold, FoldKind, FoldRows, SplitError, Splitter};
use crate::params::{Args, Params, Signature};

/// The registered kind of a splitter that is its own settings.
pub(super) struct Kind<P>(PhantomData<fn() -> P>);

impl<P> Kind<P> {
    pub(super) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<P: Params + Splitter + 'static> FoldKind for Kind<P> {
    fn signature(&self) -> &'static Signature {
        const { &P::SIGNATURE }
    }

    fn bind(&self, args: &Args) -> Result<Box<dyn Splitter>, BadSetting> {
        Ok(Box::new(settled::<P>(args)?))
    }
}

/// Says why rows can't be cut.
pub(super) fn refused<T>(why: impl Into<String>) -> Result<T, SplitError> {
    Err(SplitError(why.into()))
}

/// Makes folds from the fold in which each row is tested.
pub(super) fn tested_in(folds: usize, of_row: &[usize]) -> Vec<Fold> {
    let fold = |fold: usize| {
        let (test, train) = (0..of_row.len()).partition(|row| of_row[*row] == fold);
        Fold { train, test }
    };
    (0..folds).map(fold).collect()
}

/// Gives a class a row, counted from 0 in the order in which classes first appear, and how many
/// rows each has.
pub(super) fn classes_by_appearance(
    rows: &FoldRows<'_>,
    word: &str,
) -> Result<(Vec<usize>, Vec<usize>), SplitError> {
    let Some(Target::Classes { codes, classes }) = rows.target else {
        return refused(format!(
            "`{word}` keeps the shares of classes, but the target has none; use `k_fold`"
        ));
    };
    let mut place = vec![usize::MAX; classes.len()];
    let (mut of_row, mut counts) = (Vec::with_capacity(codes.len()), Vec::new());
    for code in codes.iter() {
        let Some(place) = place.get_mut(*code as usize) else {
            return refused(format!("the target has no class number {code}"));
        };
        if *place == usize::MAX {
            *place = counts.len();
            counts.push(0);
        }
        counts[*place] += 1;
        of_row.push(*place);
    }
    Ok((of_row, counts))
}

/// Gives a group a row, counted from 0 in the order of the groups' values, and how many there are.
pub(super) fn groups(rows: &FoldRows<'_>) -> Result<(Vec<usize>, usize), SplitError> {
    let Some(by) = rows.by else { return refused("the column of the groups is missing") };
    let mut distinct = by.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let of_row = by.iter().map(|rank| distinct.partition_point(|own| own < rank)).collect();
    Ok((of_row, distinct.len()))
}

/// Refuses more folds than there are rows (or groups) to fill them.
pub(super) fn enough(folds: usize, things: usize, what: &str) -> Result<(), SplitError> {
    if folds > things {
        return refused(format!(
            "{folds} folds need {folds} {what} at least, but there are {things}; ask for fewer folds"
        ));
    }
    Ok(())
}
