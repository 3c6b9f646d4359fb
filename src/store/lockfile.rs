//! The lock file: what each stage of a pipeline gave, as text that is committed and compared.
//!
//! It holds no time, host or path, so that two machines that get the same results write the same
//! bytes, and a diff shows what changed.

use std::cell::OnceCell;
use std::io;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::disk;
use crate::data::Hash;
use crate::diag::plain;

/// The number of the format.
const FORMAT: u32 = 1;

/// How many brackets may be open at once: the YAML reader's time grows with their square.
const DEEPEST: usize = 5000;

/// The largest file that is read: a lock file has a few hundred bytes a stage.
const LARGEST: u64 = 256 << 20;

const NOTE: &str = "# Written by mlp: what each stage gave. Commit it; it is not for editing.\n";

/// Why a lock file can't be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockFileError {
    /// It can't be read or written.
    #[error("can't {doing} the lock file `{}`: {}", path.display(), plain(source))]
    Io {
        /// What was tried: `read`, `write`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It holds both sides of a merge.
    #[error("the lock file `{}` holds a merge conflict at line {line}; resolve it, or delete the file and run again", path.display())]
    Conflict {
        /// The file.
        path: PathBuf,
        /// The line of the first mark.
        line: usize,
    },
    /// It isn't what mlp writes.
    #[error("the lock file `{}` is broken: {why}; restore it, or delete it and run again", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Another version of mlp wrote it.
    #[error("the lock file `{}` has the format {found}, and this version of mlp reads {FORMAT}; use the version that wrote it, or delete the file and run again", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
    },
}

/// What each stage of a pipeline gave.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockFile {
    /// The stages in the order of the plan.
    #[serde(with = "unique")]
    pub stages: IndexMap<String, LockedStage>,
}

/// What one stage gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedStage {
    /// The kind of stage.
    pub kind: String,
    /// The hash of all that went in.
    pub fingerprint: Hash,
    /// The outputs by name; the main one is called `main`.
    #[serde(default, with = "unique", skip_serializing_if = "IndexMap::is_empty")]
    pub outputs: IndexMap<String, LockedOutput>,
    /// The best values by tuned path.
    #[serde(default, with = "unique", skip_serializing_if = "IndexMap::is_empty")]
    pub best: IndexMap<String, serde_json::Value>,
    /// The scores in the order of their table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<LockedScore>,
}

/// One output of a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedOutput {
    /// The hash of its content.
    pub digest: Hash,
    /// The rows of a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// The types of a table's columns, in the language's words, in the order of the columns.
    #[serde(default, with = "unique", skip_serializing_if = "IndexMap::is_empty")]
    pub schema: IndexMap<String, String>,
}

/// One score of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedScore {
    /// The model, as it was named.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// The metric in canonical form.
    pub metric: String,
    /// The value, or the mean over folds.
    pub value: f64,
    /// The standard deviation over folds, where there are folds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sd: Option<f64>,
}

impl LockedOutput {
    /// Describes an object of the cache.
    #[must_use]
    pub fn of(object: &super::ObjectRef) -> Self {
        let columns = object.digest.iter().flat_map(|digest| &digest.columns);
        let schema =
            columns.map(|column| (column.name.clone(), column.column_type.clone())).collect();
        let rows = object.digest.as_ref().map(|digest| digest.rows);
        Self { digest: object.content, rows, schema }
    }
}

/// The format's number, which is read before all else.
#[derive(Deserialize)]
struct Header {
    format: u64,
}

/// The whole file as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Versioned {
    format: u32,
    #[serde(with = "unique")]
    stages: IndexMap<String, LockedStage>,
}

/// The text of a lock file, which says as much as the file: reading it as YAML takes longer than a run
/// that changes nothing.
#[derive(Clone, Debug)]
pub struct LockText {
    path: PathBuf,
    /// The text, if there is a file.
    text: Option<String>,
    /// What it says, once somebody asked.
    parsed: OnceCell<LockFile>,
}

impl LockText {
    /// Reads the text of a lock file, if there is one.
    ///
    /// # Errors
    ///
    /// Says why it can't be read.
    pub fn read(path: &Path) -> Result<Self, LockFileError> {
        let trouble =
            |source| LockFileError::Io { doing: "read", path: path.to_path_buf(), source };
        match std::fs::metadata(path) {
            Ok(stat) if stat.len() > LARGEST => {
                return Err(broken(path, "it is too large to be one"));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { path: path.to_path_buf(), text: None, parsed: OnceCell::new() });
            }
            Err(error) => return Err(trouble(error)),
        }
        let bytes = std::fs::read(path).map_err(trouble)?;
        let text = String::from_utf8(bytes).map_err(|_| broken(path, "it is no UTF-8 text"))?;
        Ok(Self { path: path.to_path_buf(), text: Some(text), parsed: OnceCell::new() })
    }

    /// Gives what the file says; nothing if there is none.
    ///
    /// # Errors
    ///
    /// Says what is wrong with a file that isn't whole, and what to do.
    pub fn parse(&self) -> Result<Option<&LockFile>, LockFileError> {
        let Some(text) = &self.text else { return Ok(None) };
        if self.parsed.get().is_none() {
            // Nobody else can have set it meanwhile.
            let _ = self.parsed.set(LockFile::parse(text, &self.path)?);
        }
        Ok(self.parsed.get())
    }

    /// Tells whether the file says just this, byte for byte.
    #[must_use]
    pub fn says(&self, lock: &LockFile) -> bool {
        self.text.is_some() && lock.text().ok() == self.text
    }
}

impl LockFile {
    /// Reads a lock file; nothing if there is none.
    ///
    /// # Errors
    ///
    /// Says what is wrong with a file that isn't whole, and what to do.
    pub fn read(path: &Path) -> Result<Option<Self>, LockFileError> {
        let text = LockText::read(path)?;
        text.parse()?;
        Ok(text.parsed.into_inner())
    }

    fn parse(text: &str, path: &Path) -> Result<Self, LockFileError> {
        if let Some(line) = text.lines().position(is_conflict) {
            return Err(LockFileError::Conflict { path: path.to_path_buf(), line: line + 1 });
        }
        if nests_too_deep(text) {
            return Err(broken(path, "it nests too deep"));
        }
        let header: Header =
            serde_yaml::from_str(text).map_err(|error| broken(path, &error.to_string()))?;
        if header.format != u64::from(FORMAT) {
            return Err(LockFileError::Format { path: path.to_path_buf(), found: header.format });
        }
        let whole: Versioned =
            serde_yaml::from_str(text).map_err(|error| broken(path, &error.to_string()))?;
        Ok(Self { stages: whole.stages })
    }

    /// Gives the text of the file.
    fn text(&self) -> Result<String, serde_yaml::Error> {
        let whole = Versioned { format: FORMAT, stages: self.stages.clone() };
        Ok(format!("{NOTE}{}", serde_yaml::to_string(&whole)?))
    }

    /// Writes the file, whole or not at all, if it doesn't say just this; tells whether it did.
    ///
    /// # Errors
    ///
    /// Says why the file can't be written.
    pub fn write_if_changed(&self, path: &Path) -> Result<bool, LockFileError> {
        let trouble =
            |source| LockFileError::Io { doing: "write", path: path.to_path_buf(), source };
        let text = self.text().map_err(|error| trouble(io::Error::other(error)))?;
        if std::fs::read(path).is_ok_and(|bytes| bytes == text.as_bytes()) {
            return Ok(false);
        }
        disk::write_whole(path, text.as_bytes()).map_err(trouble)?;
        Ok(true)
    }
}

fn broken(path: &Path, why: &str) -> LockFileError {
    LockFileError::Broken { path: path.to_path_buf(), why: why.to_owned() }
}

/// Tells whether a line is a mark that git leaves in a file that it can't merge.
fn is_conflict(line: &str) -> bool {
    ["<<<<<<<", "|||||||", "=======", ">>>>>>>"].iter().any(|mark| line.starts_with(mark))
}

fn nests_too_deep(text: &str) -> bool {
    let mut depth = 0_usize;
    text.bytes().any(|byte| {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > DEEPEST
    })
}

/// Maps in order whose keys may not stand twice, as they may after a careless merge.
mod unique {
    use std::fmt;
    use std::marker::PhantomData;

    use indexmap::IndexMap;
    use serde::de::{Error, MapAccess, Visitor};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<V: Serialize, S: Serializer>(
        map: &IndexMap<String, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        map.serialize(serializer)
    }

    pub(super) fn deserialize<'de, V: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<IndexMap<String, V>, D::Error> {
        deserializer.deserialize_map(Entries(PhantomData))
    }

    struct Entries<V>(PhantomData<V>);

    impl<'de, V: Deserialize<'de>> Visitor<'de> for Entries<V> {
        type Value = IndexMap<String, V>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
            let mut map = IndexMap::new();
            while let Some((key, value)) = access.next_entry::<String, V>()? {
                if map.contains_key(&key) {
                    return Err(A::Error::custom(format!("`{key}` stands twice")));
                }
                map.insert(key, value);
            }
            Ok(map)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> LockFile {
        let digest = Hash::of(b"content");
        let schema = [("id", "int"), ("kind", "category(\"A\", \"B\")"), ("yes", "bool")];
        let schema = schema.map(|(name, kind)| (name.to_owned(), kind.to_owned())).into();
        let table = LockedOutput { digest, rows: Some(3), schema };
        let blob = LockedOutput { digest, rows: None, schema: IndexMap::new() };
        let plain = LockedStage {
            kind: "prep".to_owned(),
            fingerprint: Hash::of(b"work"),
            outputs: [("main".to_owned(), table), ("fitted".to_owned(), blob)].into(),
            best: IndexMap::new(),
            metrics: Vec::new(),
        };
        let rate = ("estimator.learning_rate".to_owned(), serde_json::json!(0.1));
        let layers = ("estimator.layers".to_owned(), serde_json::json!(["a", 2, null]));
        let score = |model: &str, sd| LockedScore {
            model: model.to_owned(),
            metric: "f1(average: macro)".to_owned(),
            value: 0.1 + 0.2,
            sd,
        };
        let tuned = LockedStage {
            best: [rate, layers].into(),
            metrics: vec![score("boost", Some(0.25)), score("", None)],
            ..plain.clone()
        };
        LockFile { stages: [("zeta".to_owned(), plain), ("alpha".to_owned(), tuned)].into() }
    }

    #[test]
    fn reads_what_it_wrote_and_keeps_the_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("titanic.lock");
        assert_eq!(LockFile::read(&path).unwrap(), None);
        assert!(sample().write_if_changed(&path).unwrap());
        let found = LockFile::read(&path).unwrap().unwrap();
        assert_eq!(found, sample());
        assert_eq!(found.stages.keys().collect::<Vec<_>>(), ["zeta", "alpha"]);
        assert!(!found.write_if_changed(&path).unwrap());
        let other = LockFile::default();
        assert!(other.write_if_changed(&path).unwrap());
        assert_eq!(LockFile::read(&path).unwrap(), Some(other));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_text_is_settled() {
        let mut file = sample();
        file.stages.shift_remove("zeta");
        let fingerprint = Hash::of(b"work");
        let digest = Hash::of(b"content");
        let expected = format!(
            "# Written by mlp: what each stage gave. Commit it; it is not for editing.
format: 1
stages:
  alpha:
    kind: prep
    fingerprint: {fingerprint}
    outputs:
      main:
        digest: {digest}
        rows: 3
        schema:
          id: int
          kind: category(\"A\", \"B\")
          yes: bool
      fitted:
        digest: {digest}
    best:
      estimator.learning_rate: 0.1
      estimator.layers:
      - a
      - 2
      - null
    metrics:
    - model: boost
      metric: 'f1(average: macro)'
      value: 0.30000000000000004
      sd: 0.25
    - metric: 'f1(average: macro)'
      value: 0.30000000000000004
"
        );
        assert_eq!(file.text().unwrap(), expected);
    }

    #[test]
    fn every_broken_file_says_what_to_do() {
        let good = sample().text().unwrap();
        let conflict = good.replacen("  alpha:", "<<<<<<< HEAD\n  alpha:", 1);
        let doubled = good.replacen("  alpha:", "  zeta:", 1);
        let cases = [
            (conflict.as_str(), "holds a merge conflict at line 1"),
            (doubled.as_str(), "`zeta` stands twice"),
            ("format: 2\nstages: 7\n", "has the format 2, and this version of mlp reads 1"),
            ("", "is broken: "),
            ("format: 1\n", "missing field `stages`"),
            ("format: 1\nstages: {}\nmore: 1\n", "unknown field `more`"),
            ("format: 1\nstages: {a: {kind: prep, fingerprint: xyz}}\n", "64 hexadecimal digits"),
            ("- format\n", "is broken: "),
            (&good[..good.len() / 2], "is broken: "),
            ("a: &a [*a, *a]\n", "is broken: "),
        ];
        for (text, expected) in cases {
            let found = LockFile::parse(text, Path::new("x.lock")).unwrap_err().to_string();
            assert!(found.contains(expected), "{found}");
            assert!(found.contains("x.lock") && found.contains("run again"), "{found}");
        }
    }

    #[test]
    fn no_bomb_of_aliases_or_depth_hurts() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..30 {
            let last = format!("*a{}", level - 1);
            let list = vec![last; 10].join(", ");
            bomb = format!("{bomb}a{level}: &a{level} [{list}]\n");
        }
        for text in [bomb, "[".repeat(100_000), "{a: ".repeat(100_000), "- ".repeat(100_000)] {
            assert!(LockFile::parse(&text, Path::new("x.lock")).is_err());
        }
    }
}
