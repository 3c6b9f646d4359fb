//! What flows between stages: tables, their content hashes, and features for learning.
//!
//! No files, no SQL, no learning. Every table in the engine is in one normal form (see
//! [`Table::new`]), so that equal data are equal whatever reader made them.

mod arithmetic;
mod digest;
mod features;
mod hash;
mod import;
mod moments;
mod normal;
mod ranks;
mod stream;
mod table;
mod types;

pub use arithmetic::{Operation, Summand, arithmetic};
pub use digest::{ColumnDigest, TableDigest};
pub use features::{Column, Frame, Label, NO_CATEGORY, NO_TIME, Target};
pub use hash::{Hash, Hasher};
pub use import::{ImportError, Sort, declared_classes, sorts, weights_of, whole};
pub use moments::{date_of, timestamp_of};
pub use ranks::Ranks;
pub use stream::TableStream;
pub use table::{BATCH_ROWS, Table, TableError};
pub use types::{ColumnType, TypeError};
