//! `hash`: puts levels into a fixed number of columns by their hash.
//!
//! Follows scikit-learn's `FeatureHasher` over the texts `NAME=LEVEL`: `MurmurHash3` of 32 bits with a
//! sign, so that levels that share a bucket tend to cancel out.

use serde::{Deserialize, Serialize};

use super::kind::{Declaration, Learnt, saved};
use super::levels::{Coded, MISSING};
use super::picked::{Picking, applied, is_category, joined, other_sort, places};
use crate::data::{Column, Frame, Sort, Target};
use crate::ml::columns::{Columns, Shape};
use crate::ml::estimator::{FitContext, FitError};
use crate::ml::step::{FittedStep, Misfit, Step};
use crate::params;
use crate::params::Limits;

params! {
    /// Puts the levels of columns into a fixed number of columns by their hash.
    ///
    /// Nothing is learnt, so new levels are as good as known ones; missing values count nowhere. All
    /// picked columns share the buckets, which are called `NAME#0`, `NAME#1` …, or `hash#0` … where
    /// several columns are picked.
    pub struct Hash("hash", 1) {
        /// The columns; left out, all text and categories.
        columns: Option<Columns> = None,
        /// How many columns come out. (scikit-learn's 1,048,576 suit sparse matrices alone.)
        buckets: usize = 256 => Limits::between(1.0, 65_536.0),
    }
}

/// A fitted hash: which columns, and how many buckets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Hashed {
    columns: Vec<String>,
    buckets: u32,
}

impl Hash {
    fn picking(&self) -> Picking<'_> {
        Picking {
            step: "hash",
            columns: self.columns.as_ref(),
            takes: is_category,
            suits: is_category,
            expected: "text and categories",
        }
    }
}

impl Step for Hash {
    fn fit(
        &self,
        frame: &Frame,
        _: &Target,
        _: Option<&[f64]>,
        _: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedStep>, Frame), FitError> {
        let picked = self.picking().of(frame)?;
        let columns = picked.iter().map(|at| frame.names()[*at].to_string()).collect();
        let fitted = Hashed { columns, buckets: u32::try_from(self.buckets).unwrap_or(u32::MAX) };
        applied(fitted, frame)
    }

    fn reshape(&self, before: &Shape) -> Result<Shape, Misfit> {
        let picked = self.picking().known(before)?;
        let mut after = super::picked::reshaped(before, &picked, |_, _| Vec::new());
        let names = picked.iter().map(|at| before.columns[*at].0.to_string()).collect();
        let hashed = Hashed { columns: names, buckets: u32::try_from(self.buckets).unwrap_or(0) };
        let columns = hashed.names().into_iter().map(|name| (name.as_str().into(), Sort::Flag));
        after.columns.extend(columns);
        Ok(after)
    }
}

impl Declaration for Hash {
    type Learnt = Hashed;
}

impl Hashed {
    fn names(&self) -> Vec<String> {
        let owner = match self.columns.as_slice() {
            [] => return Vec::new(),
            [name] => name,
            _ => "hash",
        };
        (0..self.buckets).map(|bucket| format!("{owner}#{bucket}")).collect()
    }

    /// Gives the bucket of a text, and the sign with which it counts.
    fn bucket(&self, text: &str) -> (usize, f64) {
        let hash = murmur3(text.as_bytes());
        let bucket = match hash {
            // The absolute value of the least number is none of 32 bits; scikit-learn's way out.
            i32::MIN => (u32::MAX / 2).wrapping_sub(self.buckets - 1) % self.buckets,
            hash => hash.unsigned_abs() % self.buckets,
        };
        (bucket as usize, if hash >= 0 { 1.0 } else { -1.0 })
    }
}

impl FittedStep for Hashed {
    fn transform(&self, frame: &Frame) -> Result<Frame, FitError> {
        let places = places(frame, self.columns.iter().map(String::as_str))?;
        let names = self.names();
        let mut buckets = vec![vec![0.0; frame.rows()]; names.len()];
        for at in &places {
            let (name, column) = (&frame.names()[*at], &frame.columns()[*at]);
            let refused = || other_sort(name, column, "text or categories");
            let coded =
                Coded::of(column).filter(|_| is_category(Sort::of(column))).ok_or_else(refused)?;
            let levels = 0..coded.levels.len();
            let hashed: Vec<(usize, f64)> = levels
                .map(|level| self.bucket(&format!("{name}={}", coded.levels.name(level))))
                .collect();
            let valued = coded.codes.iter().enumerate().filter(|(_, code)| **code != MISSING);
            for (row, code) in valued {
                let (bucket, sign) = hashed[*code as usize];
                buckets[bucket][row] += sign;
            }
        }
        let columns = buckets.into_iter().map(|values| Column::Flag(values.into()));
        Ok(joined(frame, &places, names.into_iter().zip(columns).collect()))
    }

    fn save(&self) -> Vec<u8> {
        saved(self)
    }

    fn summary(&self) -> String {
        format!("{} into {} buckets", self.columns.join(", "), self.buckets)
    }
}

impl Learnt for Hashed {
    fn sound(&self) -> bool {
        (1..=65_536).contains(&self.buckets)
    }
}

/// `MurmurHash3` of 32 bits with seed 0 (Appleby), as a signed number.
fn murmur3(bytes: &[u8]) -> i32 {
    let mix = |part: u32| part.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let (blocks, tail) = bytes.as_chunks::<4>();
    let mut hash = 0_u32;
    for block in blocks {
        hash ^= mix(u32::from_le_bytes(*block));
        hash = hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    if !tail.is_empty() {
        hash ^= mix(tail.iter().rev().fold(0, |part, byte| (part << 8) | u32::from(*byte)));
    }
    hash ^= u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    (hash ^ (hash >> 16)).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_murmur3() {
        // Values of sklearn.utils.murmurhash3_32(text, seed=0).
        for (text, hash) in [
            ("", 0),
            ("a", 1_009_084_850),
            ("ab", -1_681_926_305),
            ("abc", -1_277_324_294),
            ("abcd", 1_139_631_978),
            ("größe=Ä", -1_647_074_046),
        ] {
            assert_eq!(murmur3(text.as_bytes()), hash, "{text}");
        }
    }
}
