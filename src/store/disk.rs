//! Files of the cache: made whole or not at all, and brought to the platter behind the work.
//!
//! A file is written under a temporary name in its own folder and renamed, so that no reader ever
//! sees half of one and a killed process leaves nothing but a stray temporary file. `fsync` comes
//! later, for many files at once, on a thread of its own; until then a power cut can lose a file or
//! leave it cut off, which its checksum shows.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use tempfile::{Builder, NamedTempFile};

/// What the names of unfinished files begin with.
pub(super) const UNFINISHED: &str = ".unfinished-";

/// How many files are brought to disk at once: the journal takes eight at nearly the price of one.
const SYNCS: usize = 8;

/// How long files wait for others to share the journal's commit with: what a power cut may lose.
const WINDOW: Duration = Duration::from_millis(200);

/// A file under a temporary name, in the folders where it will stand.
#[derive(Debug)]
pub(super) struct Unfinished {
    file: NamedTempFile,
}

impl Unfinished {
    /// Makes an empty file in a folder, which is made too if it isn't there.
    pub(super) fn in_folder(folder: &Path) -> io::Result<Self> {
        let mut builder = Builder::new();
        builder.prefix(UNFINISHED);
        // Others may share the cache, and lock files are the user's: no less open than any file.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let make = || builder.tempfile_in(folder);
        let file = make().or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => fs::create_dir_all(folder).and_then(|()| make()),
            _ => Err(error),
        })?;
        Ok(Self { file })
    }

    /// Gives a buffered writer of the file that stands on its own.
    pub(super) fn own_writer(&self) -> io::Result<BufWriter<File>> {
        Ok(BufWriter::with_capacity(1 << 18, self.file.as_file().try_clone()?))
    }

    /// Gives a buffered writer of the file.
    pub(super) fn writer(&mut self) -> BufWriter<&mut File> {
        BufWriter::with_capacity(1 << 18, self.file.as_file_mut())
    }

    /// Gives the time at which it was last written.
    pub(super) fn modified(&self) -> io::Result<SystemTime> {
        self.file.as_file().metadata()?.modified()
    }

    /// Puts the file in its place, over what may be there.
    pub(super) fn keep(self, path: &Path) -> io::Result<()> {
        self.file.persist(path).map(drop).map_err(|error| error.error)
    }
}

/// Makes a file of these bytes, whole or not at all.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = Unfinished::in_folder(path.parent().unwrap_or(Path::new(".")))?;
    file.file.as_file_mut().write_all(bytes)?;
    file.keep(path)
}

/// Gives a file's bytes; nothing if there is no such file.
pub(super) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What the thread that syncs is told.
enum Order {
    /// This file was put in its place.
    Sync(PathBuf),
    /// Answer when all that was put in place before is on disk.
    Answer(Answer),
}

/// Where the one who waits for the disk hears how it went.
type Answer = Sender<Result<(), SyncError>>;

/// A file that could not be brought to disk.
#[derive(Debug)]
pub(super) struct SyncError {
    /// The file.
    pub(super) path: PathBuf,
    /// What the system said.
    pub(super) source: io::Error,
}

/// Brings files to disk behind the work; the thread starts with the first file.
#[derive(Debug, Default)]
pub(super) struct Syncer {
    thread: Mutex<Option<(Sender<Order>, JoinHandle<()>)>>,
    /// The file that grows was named since the last sync began.
    grows: Arc<AtomicBool>,
}

impl Syncer {
    /// Has the one file that grows brought to disk some time soon; costs nothing where that was asked
    /// for already.
    pub(super) fn add_growing(&self, path: &Path) {
        if !self.grows.swap(true, Ordering::AcqRel) {
            self.add(path.to_path_buf());
        }
    }

    /// Has a file and its folder brought to disk some time soon.
    pub(super) fn add(&self, path: PathBuf) {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let (sender, _) = thread.get_or_insert_with(|| {
            let (sender, receiver) = channel();
            let grows = Arc::clone(&self.grows);
            (sender, std::thread::spawn(move || work(&receiver, &grows)))
        });
        // Only fails if the thread is gone, and then the next flush says so.
        let _ = sender.send(Order::Sync(path));
    }

    /// Waits until all files that were added are on disk.
    pub(super) fn flush(&self) -> Result<(), SyncError> {
        let (sender, receiver) = channel();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((orders, _)) = thread.as_ref() else { return Ok(()) };
        let sent = orders.send(Order::Answer(sender)).is_ok();
        drop(thread);
        let gone = || {
            let source = io::Error::other("the thread that syncs files has ended");
            Err(SyncError { path: PathBuf::new(), source })
        };
        if sent { receiver.recv().unwrap_or_else(|_| gone()) } else { gone() }
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((sender, thread)) = thread {
            drop(sender);
            // A panic there was printed there; files that are not synced are no danger.
            let _ = thread.join();
        }
    }
}

/// Syncs what gathered in each window, so that a burst shares its price.
fn work(orders: &Receiver<Order>, grows: &AtomicBool) {
    let mut failed = None;
    while let Ok(order) = orders.recv() {
        let (files, answer) = gather(orders, order);
        // What is written from here on may be missed, so it is to be named again.
        grows.store(false, Ordering::Release);
        failed = failed.or(sync(&files).err());
        if let Some(answer) = answer {
            // Whoever asked may have gone.
            let _ = answer.send(failed.take().map_or(Ok(()), Err));
        }
    }
}

/// Takes orders until the window ends or somebody waits.
fn gather(orders: &Receiver<Order>, first: Order) -> (BTreeSet<PathBuf>, Option<Answer>) {
    let end = Instant::now() + WINDOW;
    let mut files = BTreeSet::new();
    let mut next = Ok(first);
    loop {
        match next {
            Ok(Order::Sync(path)) => drop(files.insert(path)),
            Ok(Order::Answer(answer)) => return (files, Some(answer)),
            Err(_) => return (files, None),
        }
        next = orders.recv_timeout(end.saturating_duration_since(Instant::now()));
    }
}

/// Brings files to disk, then the folders that name them.
fn sync(files: &BTreeSet<PathBuf>) -> Result<(), SyncError> {
    let folders: BTreeSet<PathBuf> =
        files.iter().filter_map(|file| file.parent()).map(Path::to_path_buf).collect();
    sync_all(files)?;
    sync_all(&folders)
}

fn sync_all(paths: &BTreeSet<PathBuf>) -> Result<(), SyncError> {
    let paths: Vec<&PathBuf> = paths.iter().collect();
    let share = paths.len().div_ceil(SYNCS).max(1);
    let each = |paths: &[&PathBuf]| paths.iter().try_for_each(|path| sync_one(path));
    if paths.len() < 2 {
        return each(&paths);
    }
    std::thread::scope(|scope| {
        let parts: Vec<_> =
            paths.chunks(share).map(|part| scope.spawn(move || each(part))).collect();
        // A thread that panicked was asked for no more than its files' durability.
        parts.into_iter().try_for_each(|part| part.join().unwrap_or(Ok(())))
    })
}

fn sync_one(path: &Path) -> Result<(), SyncError> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    match synced {
        Ok(()) => Ok(()),
        // Removed again meanwhile; or a system that cannot sync folders.
        Err(error) if error.kind() == io::ErrorKind::NotFound || cfg!(windows) => Ok(()),
        Err(source) => Err(SyncError { path: path.to_path_buf(), source }),
    }
}
