//! What the cache promises as a whole: the right answer, or a miss, whatever happened to its files.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::time::Duration;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, ListBuilder, RecordBatch, StringArray,
    StringBuilder, StructArray,
};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use serde_json::json;

use super::*;
use crate::data::{ColumnType, Table};

fn place() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join(".mlp")).unwrap();
    (folder, store)
}

fn again(store: &Store) -> Store {
    Store::open(store.folder()).unwrap()
}

fn table(seed: i64) -> Table {
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(seed), None, Some(3)]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), Some("é"), None]));
    let batch = RecordBatch::try_from_iter(vec![("n", numbers), ("t", texts)]).unwrap();
    Table::new(batch.schema(), vec![batch]).unwrap()
}

fn wide() -> Table {
    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.append_value([Some("a"), None]);
    lists.append_null();
    lists.append_value([] as [Option<&str>; 0]);
    let lists: ArrayRef = Arc::new(lists.finish());
    let flags: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]));
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![Some(f64::NAN), Some(-0.0), None]));
    let fields = vec![Field::new("x", DataType::Boolean, true)].into();
    let nested: ArrayRef = Arc::new(StructArray::new(fields, vec![Arc::clone(&flags)], None));
    let kind = ColumnType::from_parts("category", &["No", "Yes"], &[]).unwrap();
    let words: ArrayRef = Arc::new(StringArray::from(vec!["No", "Yes", "No"]));
    let schema = Schema::new(vec![
        Field::new("l", lists.data_type().clone(), true),
        Field::new("b", DataType::Boolean, true),
        Field::new("f", DataType::Float64, true),
        Field::new("s", nested.data_type().clone(), true),
        kind.to_field("c"),
    ]);
    let columns = vec![lists, flags, floats, nested, words];
    let batch = RecordBatch::try_new(Arc::new(schema), columns).unwrap();
    Table::new(batch.schema(), vec![batch]).unwrap()
}

fn record(store: &Store, name: &str, tables: &[Table]) -> Record {
    let outputs = tables.iter().enumerate();
    let outputs =
        outputs.map(|(at, table)| (format!("out{at}"), store.put_table(table).unwrap())).collect();
    let record = Record {
        fingerprint: Hash::of(name.as_bytes()),
        kind: "prep".to_owned(),
        inputs: json!({ "settings": { "z": 1.5, "a": [null, "x"] }, "columns": ["n"] }),
        outputs,
        facts: json!({ "best": 0.1 }),
    };
    store.commit(&record).unwrap();
    record
}

/// Lists all files of a store.
fn files(store: &Store) -> Vec<PathBuf> {
    ["objects", "records"].iter().flat_map(|kind| list(&store.root.join(kind)).unwrap()).collect()
}

/// Writes a file anew: writing into the old one has the disk wait for it.
fn rewrite(path: &Path, bytes: &[u8]) {
    let _ = fs::remove_file(path);
    fs::write(path, bytes).unwrap();
}

/// Puts the time of a file back.
fn age(path: &Path, by: Duration) {
    let file = File::options().write(true).open(path).unwrap();
    let time = file.metadata().unwrap().modified().unwrap();
    file.set_modified(time - by).unwrap();
}

#[test]
fn what_was_kept_is_found_by_the_next_process() {
    let (_folder, store) = place();
    let tables = [table(1), wide(), Table::empty(Arc::clone(table(1).schema()))];
    let kept = record(&store, "work", &tables);
    store.flush().unwrap();
    let next = again(&store);
    let found = next.record(kept.fingerprint).unwrap();
    assert_eq!(found, kept);
    assert!(next.has_objects(&found));
    for ((_, object), expected) in found.outputs.iter().zip(&tables) {
        let table = next.table(object).unwrap();
        assert_eq!(table.schema(), expected.schema());
        assert_eq!(table.batches(), expected.batches());
        assert_eq!(table.digest(), expected.digest());
        let columns: Vec<_> =
            object.columns().map(|(name, kind)| kind.unwrap().to_field(name)).collect();
        assert_eq!(&Schema::new(columns), expected.schema().as_ref());
    }
    assert_eq!(next.record(Hash::of(b"other work")), None);
}

#[test]
fn a_table_that_is_kept_already_is_not_written_again() {
    let (_folder, store) = place();
    let first = store.put_table(&table(1)).unwrap();
    let path = store.object_path(&first);
    age(&path, Duration::from_secs(1000));
    let before = fs::metadata(&path).unwrap().modified().unwrap();
    assert_eq!(store.put_table(&table(1)).unwrap(), first);
    assert_eq!(again(&store).put_table(&table(1)).unwrap(), first);
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before);
    assert_eq!(files(&store), std::slice::from_ref(&path));
    fs::remove_file(&path).unwrap();
    assert_eq!(store.put_table(&table(1)).unwrap(), first);
    assert!(path.exists());
}

#[test]
fn blobs_are_told_apart_by_kind_and_bytes() {
    let (_folder, store) = place();
    let one = store.put_blob("model", b"bytes").unwrap();
    let two = store.put_blob("fitted", b"bytes").unwrap();
    let none = store.put_blob("fitted", b"").unwrap();
    assert_ne!(one.content, two.content);
    let next = again(&store);
    assert_eq!(next.blob(&one).unwrap().as_ref(), b"bytes");
    assert_eq!(next.blob(&none).unwrap().as_ref(), b"");
    assert!(next.table(&one).unwrap_err().to_string().contains("it is a model, no table"));
    let wrong = ObjectRef { content: two.content, ..one };
    assert!(next.blob(&wrong).unwrap_err().is_miss());
}

#[test]
fn no_flipped_byte_of_an_object_gives_a_wrong_table() {
    let (_folder, store) = place();
    let object = store.put_table(&table(1)).unwrap();
    let path = store.object_path(&object);
    let good = fs::read(&path).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        rewrite(&path, &bad);
        let next = again(&store);
        assert!(next.table(&object).unwrap_err().is_miss());
        assert!(!path.exists(), "a damaged object is removed");
        if at % 50 == 0 {
            // Kept over a damaged one, the object is whole again.
            rewrite(&path, &bad);
            assert_eq!(next.put_table(&table(1)).unwrap(), object);
            assert_eq!(again(&store).table(&object).unwrap().digest(), table(1).digest());
        }
    }
}

#[test]
fn no_cut_object_gives_a_table() {
    let (_folder, store) = place();
    let kept = record(&store, "work", &[table(1)]);
    let object = &kept.outputs[0].1;
    let path = store.object_path(object);
    let good = fs::read(&path).unwrap();
    for length in (0..good.len()).step_by(7) {
        rewrite(&path, &good[..length]);
        assert!(!store.has_objects(&kept));
        assert!(again(&store).table(object).unwrap_err().is_miss());
    }
    assert!(matches!(store.table(object), Err(StoreError::Missing { .. })));
    let longer = [&good[..], b"x"].concat();
    fs::write(&path, longer).unwrap();
    assert!(again(&store).table(object).unwrap_err().is_miss());
}

#[test]
fn any_doubt_about_a_record_is_a_miss() {
    let (_folder, store) = place();
    let kept = record(&store, "work", &[table(1)]);
    let path = store.path("records", kept.fingerprint, ".json");
    let good = fs::read(&path).unwrap();
    for at in 0..good.len() {
        for bit in [0, 4, 7] {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            rewrite(&path, &bad);
            assert_eq!(store.record(kept.fingerprint), None, "byte {at}, bit {bit}");
        }
        rewrite(&path, &good[..at]);
        assert_eq!(store.record(kept.fingerprint), None, "cut at {at}");
    }
    fs::write(&path, &good).unwrap();
    assert_eq!(store.record(kept.fingerprint), Some(kept));
    let other = store.path("records", Hash::of(b"other"), ".json");
    fs::create_dir_all(other.parent().unwrap()).unwrap();
    fs::copy(&path, &other).unwrap();
    assert_eq!(store.record(Hash::of(b"other")), None, "a record under a wrong name");
}

#[test]
fn a_record_is_json_that_people_can_read() {
    let (_folder, store) = place();
    let kept = record(&store, "work", &[table(1)]);
    let text = fs::read_to_string(store.path("records", kept.fingerprint, ".json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["record"]["inputs"]["settings"]["z"], 1.5);
    assert_eq!(json["record"]["outputs"][0][1]["digest"]["columns"][0]["type"], "int");
}

#[test]
fn a_full_disk_leaves_nothing_behind() {
    let (_folder, store) = place();
    let full = |out: &mut dyn io::Write| {
        out.write_all(&vec![7; 300_000])?;
        Err(ArrowError::from(io::Error::from(io::ErrorKind::StorageFull)))
    };
    let error = store.put("model", Hash::of(b"x"), None, &full).unwrap_err();
    let StoreError::Io { path, source, .. } = &error else { panic!("{error}") };
    assert!(path.starts_with(store.folder()));
    assert_eq!(source.kind(), io::ErrorKind::StorageFull);
    assert_eq!(files(&store), [] as [PathBuf; 0]);
    store.flush().unwrap();
}

#[test]
fn a_folder_that_cannot_be_written_is_a_clear_error_and_only_then() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "in the way").unwrap();
    let store = Store::open(folder.path()).unwrap();
    fs::write(folder.path().join("objects"), "in the way").unwrap();
    fs::write(folder.path().join("records"), "in the way").unwrap();
    fs::write(folder.path().join("facts"), "in the way").unwrap();
    fs::write(folder.path().join("locks"), "in the way").unwrap();
    let error = store.put_table(&table(1)).unwrap_err().to_string();
    assert!(error.starts_with("can't write `") && error.contains("objects"), "{error}");
    assert!(store.lock(Hash::of(b"x")).is_err());
    assert_eq!(store.record(Hash::of(b"x")), None);
    store.remember("schema", Hash::of(b"k"), b"known while the process lives");
    assert!(store.recall("schema", Hash::of(b"k")).is_some());
    assert!(store.content_hash(&file).is_ok());
    store.flush().unwrap();
    assert!(matches!(Store::open(&file), Err(StoreError::Io { .. })));
}

#[cfg(unix)]
#[test]
fn files_are_as_open_as_any_other() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, store) = place();
    let plain = folder.path().join("plain");
    fs::write(&plain, "").unwrap();
    let kept = record(&store, "work", &[table(1)]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&store.object_path(&kept.outputs[0].1)), mode(&plain));
    assert_eq!(mode(&store.path("records", kept.fingerprint, ".json")), mode(&plain));
}

#[test]
fn another_format_is_refused_with_what_to_do() {
    let (_folder, store) = place();
    store.put_table(&table(1)).unwrap();
    fs::write(store.folder().join("version"), "mlp cache 99\n").unwrap();
    let error = Store::open(store.folder()).unwrap_err().to_string();
    assert!(
        error.contains("the format `mlp cache 99`") && error.contains("delete the folder"),
        "{error}"
    );
}

#[test]
fn opening_and_looking_makes_no_folder() {
    let (_folder, store) = place();
    assert_eq!(store.record(Hash::of(b"x")), None);
    assert_eq!(store.recall("schema", Hash::of(b"x")), None);
    assert_eq!(store.previous("a/b"), None);
    store.flush().unwrap();
    assert_eq!(store.usage().unwrap(), Usage::default());
    assert_eq!(store.gc(&Collection::default()).unwrap(), Collected::default());
    assert_eq!(store.verify().unwrap(), Verified::default());
    assert!(!store.folder().exists());
}

#[test]
fn facts_and_last_runs_outlive_the_process() {
    let (_folder, store) = place();
    let (key, fingerprint) = (Hash::of(b"key"), Hash::of(b"work"));
    store.remember("schema", key, b"one");
    store.remember("a kind with / in it", key, b"two");
    store.set_previous("titanic.mlp/clean", fingerprint);
    drop(again(&store));
    store.flush().unwrap();
    let next = again(&store);
    assert_eq!(next.recall("schema", key).as_deref(), Some(&b"one"[..]));
    assert_eq!(next.recall("a kind with / in it", key).as_deref(), Some(&b"two"[..]));
    assert_eq!(next.recall("files", key), None);
    assert_eq!(next.previous("titanic.mlp/clean"), Some(fingerprint));
    assert_eq!(next.previous("titanic.mlp/other"), None);
    next.set_previous("titanic.mlp/clean", key);
    drop(next);
    assert_eq!(again(&store).previous("titanic.mlp/clean"), Some(key));
}

#[test]
fn many_handles_at_once_agree() {
    let (_folder, store) = place();
    let start = Barrier::new(6);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let own = again(&store);
                start.wait();
                for turn in 0..20 {
                    let kept = record(&own, &format!("work {turn}"), &[table(turn)]);
                    own.remember("schema", kept.fingerprint, &turn.to_le_bytes());
                    let found = own.record(kept.fingerprint).unwrap();
                    assert_eq!(
                        own.table(&found.outputs[0].1).unwrap().digest(),
                        table(turn).digest()
                    );
                }
                own.flush().unwrap();
            });
        }
    });
    let next = again(&store);
    assert_eq!(next.verify().unwrap().damaged, [] as [PathBuf; 0]);
    assert_eq!(files(&next).len(), 40);
    for turn in 0..20_i64 {
        let key = Hash::of(format!("work {turn}").as_bytes());
        assert_eq!(next.recall("schema", key).as_deref(), Some(&turn.to_le_bytes()[..]));
    }
}

#[test]
fn what_a_killed_process_leaves_is_harmless_and_goes_in_time() {
    let (_folder, store) = place();
    let kept = record(&store, "work", &[table(1)]);
    let path = store.object_path(&kept.outputs[0].1);
    let stray = path.with_file_name(format!("{}xyz", disk::UNFINISHED));
    fs::write(&stray, "half of it").unwrap();
    let all = Collection { limit: u64::MAX, ..Collection::default() };
    store.gc(&all).unwrap();
    assert!(stray.exists(), "it may belong to a run that goes on");
    age(&stray, Duration::from_hours(2));
    assert_eq!(store.verify().unwrap().damaged, [] as [PathBuf; 0]);
    store.gc(&all).unwrap();
    assert!(!stray.exists());
    assert_eq!(store.table(&kept.outputs[0].1).unwrap().digest(), table(1).digest());
}

#[test]
fn what_was_used_least_lately_goes_first() {
    let (_folder, store) = place();
    let shared = table(9);
    let kept: Vec<Record> = ["old", "pinned", "used", "new"]
        .iter()
        .zip(1..)
        .map(|(name, seed)| record(&store, name, &[table(seed), shared.clone()]))
        .collect();
    for (record, hours) in kept.iter().zip([40, 30, 20, 10]) {
        age(&store.path("records", record.fingerprint, ".json"), Duration::from_hours(hours));
    }
    assert!(again(&store).record(kept[2].fingerprint).is_some(), "looking at it is using it");
    let size = |record: &Record| {
        let path = store.path("records", record.fingerprint, ".json");
        fs::metadata(path).unwrap().len() + record.outputs[0].1.bytes
    };
    let limit = size(&kept[1]) + size(&kept[2]) + shared_bytes(&kept[0]);
    let pins = BTreeSet::from([kept[1].fingerprint]);
    let collection = Collection { limit, pins, dry_run: true };
    let before = files(&store);
    let told = store.gc(&collection).unwrap();
    assert_eq!(files(&store), before, "a dry run removes nothing");
    let done = store.gc(&Collection { dry_run: false, ..collection }).unwrap();
    assert_eq!(done, told);
    assert_eq!((done.removed.files, done.kept.files), (4, 5));
    let left = kept.iter().map(|record| store.record(record.fingerprint).is_some());
    assert_eq!(left.collect::<Vec<_>>(), [false, true, true, false]);
    assert!(kept[1..3].iter().all(|record| store.has_objects(record)));
    assert_eq!(store.usage().unwrap().objects.files, 3);
}

fn shared_bytes(record: &Record) -> u64 {
    record.outputs[1].1.bytes
}

#[test]
fn objects_pinned_by_their_content_stay() {
    let (_folder, store) = place();
    let kept = record(&store, "work", &[table(1)]);
    let pins = BTreeSet::from([kept.outputs[0].1.content]);
    store.gc(&Collection { limit: 0, pins, dry_run: false }).unwrap();
    assert!(store.record(kept.fingerprint).is_some_and(|record| store.has_objects(&record)));
    store.gc(&Collection::default()).unwrap();
    assert_eq!(files(&store), [] as [PathBuf; 0]);
}

#[test]
fn an_object_not_yet_named_by_a_record_stays_an_hour() {
    let (_folder, store) = place();
    let object = store.put_table(&table(1)).unwrap();
    store.gc(&Collection::default()).unwrap();
    assert!(store.table(&object).is_ok());
    age(&store.object_path(&object), Duration::from_hours(2));
    store.gc(&Collection::default()).unwrap();
    assert!(store.table(&object).is_err());
}

#[test]
fn nothing_is_collected_while_another_uses_the_cache() {
    let (_folder, store) = place();
    let kept = record(&store, "work", &[table(1)]);
    let other = again(&store);
    let table = other.table(&kept.outputs[0].1).unwrap();
    assert!(matches!(store.gc(&Collection::default()), Err(StoreError::Busy { .. })));
    drop(other);
    store.gc(&Collection::default()).unwrap();
    assert_eq!(table.digest(), self::table(1).digest(), "a map outlives its file");
}

#[test]
fn verify_finds_and_removes_what_is_damaged() {
    let (_folder, store) = place();
    let kept: Vec<Record> =
        (0..4).map(|at| record(&store, &format!("work {at}"), &[table(at)])).collect();
    let object = store.object_path(&kept[1].outputs[0].1);
    let path = store.path("records", kept[2].fingerprint, ".json");
    for path in [&object, &path] {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        fs::write(path, bytes).unwrap();
    }
    let found = again(&store).verify().unwrap();
    assert_eq!(found.checked.files, 8);
    assert_eq!(found.damaged, [object, path]);
    assert_eq!(again(&store).verify().unwrap().checked.files, 6);
    let left = kept.iter().filter(|record| {
        store.record(record.fingerprint).is_some_and(|record| store.has_objects(&record))
    });
    assert_eq!(left.count(), 2);
}

#[test]
fn small_parts_are_there_for_the_next_process_at_once() {
    let (_folder, store) = place();
    let name = |text: &str| Hash::of(text.as_bytes());
    store.put_part(name("one"), b"first").unwrap();
    store.put_part(name("two"), &[7; SMALL_PART]).unwrap();
    // Nothing was flushed: a process that is killed here loses neither.
    let next = again(&store);
    assert_eq!(next.part(name("one")).as_deref(), Some(&b"first"[..]));
    assert_eq!(next.part(name("two")), Some(vec![7; SMALL_PART]));
    assert_eq!(next.part(name("three")), None);
    store.put_part(name("one"), b"second").unwrap();
    assert_eq!(again(&store).part(name("one")).as_deref(), Some(&b"second"[..]));
    store.flush().unwrap();
}

#[test]
fn a_damaged_small_part_is_a_miss() {
    let (_folder, store) = place();
    let name = |text: &str| Hash::of(text.as_bytes());
    for text in ["one", "two", "three"] {
        store.put_part(name(text), text.as_bytes()).unwrap();
    }
    let path = store.folder().join("facts").join(PARTS);
    let good = fs::read(&path).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&path, &bad).unwrap();
        let next = again(&store);
        for text in ["one", "two", "three"] {
            let found = next.part(name(text));
            assert!(found.is_none_or(|found| found == text.as_bytes()), "{at}");
        }
    }
}

#[test]
fn a_table_kept_while_it_is_made_is_the_same_object() {
    let rows = 3 * crate::data::BATCH_ROWS / 2;
    let numbers: ArrayRef = Arc::new((0..i64::try_from(rows).unwrap()).collect::<Int64Array>());
    let texts = (0..rows).map(|row| (!row.is_multiple_of(3)).then(|| row.to_string()));
    let texts: ArrayRef = Arc::new(texts.collect::<StringArray>());
    let batch = RecordBatch::try_from_iter(vec![("n", numbers), ("t", texts)]).unwrap();
    let table = Table::new(batch.schema(), vec![batch.clone()]).unwrap();
    let (_folder, store) = place();
    let store = Arc::new(store);
    let put = store.put_table(&table).unwrap();
    let (_other, second) = place();
    let second = Arc::new(second);
    for store in [&store, &second] {
        let mut writer = TableWriter::new(store, batch.schema()).unwrap();
        for start in (0..rows).step_by(7000) {
            writer.push(batch.slice(start, 7000.min(rows - start))).unwrap();
        }
        let kept = writer.finish().unwrap();
        assert_eq!(kept, put);
        assert_eq!(again(store).table(&kept).unwrap().batches(), table.batches());
    }
    // A table that is given up leaves nothing, and neither does one that was there already.
    let mut writer = TableWriter::new(&store, batch.schema()).unwrap();
    writer.push(batch).unwrap();
    drop(writer);
    let left = |folder: &Path| {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with(disk::UNFINISHED)).count()
    };
    assert_eq!(left(store.folder()), 0);
}
