//! `mlp cache`: looking after the cache.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;

use crate::cli::opened::open_store;
use crate::cli::{Exit, Trouble, Ui, grid};
use crate::data::Hash;
use crate::engine::project_of;
use crate::store::{Collection, Count, LockFile, Store, StoreError};

/// Look after the cache of a project.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mlp cache ls
  mlp cache gc --limit 2GiB --dry-run     say what would go
  mlp cache verify                        look at every byte")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
    /// A folder of the project.
    #[arg(long, global = true, value_name = "FOLDER", default_value = ".")]
    project: PathBuf,
    /// Write the answer as JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Say how much there is.
    Ls,
    /// Remove what was used least lately; what lock files of the project name stays.
    Gc {
        /// How much may stay: `500MB`, `2GiB`.
        #[arg(long, value_name = "SIZE", default_value = "10GiB", value_parser = size)]
        limit: u64,
        /// Only say what would go.
        #[arg(long)]
        dry_run: bool,
    },
    /// Look at every byte and remove what is damaged; the next run makes it anew.
    Verify,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit, Trouble> {
    if !args.project.is_dir() {
        return Err(Trouble::wrong(format!("there is no folder `{}`", args.project.display())));
    }
    let project = project_of(&args.project.join("any.mlp"));
    let store = open_store(&project)?;
    match &args.action {
        Action::Ls => list(args, &store, ui),
        Action::Gc { limit, dry_run } => {
            let collection = Collection { limit: *limit, pins: pins(&project)?, dry_run: *dry_run };
            collect(args, &store, &collection, ui)
        }
        Action::Verify => verify(args, &store, ui),
    }
}

fn list(args: &Args, store: &Store, ui: &Ui) -> Result<Exit, Trouble> {
    let usage = store.usage().map_err(failed)?;
    if args.json {
        ui.data(&format!("{}\n", json!(usage)))?;
        return Ok(Exit::Done);
    }
    let row = |what: &str, count: Count| {
        vec![what.to_owned(), count.files.to_string(), bytes(count.bytes)]
    };
    let rows = [
        row("tables and models", usage.objects),
        row("records", usage.records),
        row("remembered", usage.facts),
    ];
    let head = format!("{}: {}\n", store.folder().display(), bytes(usage.bytes()));
    ui.data(&(head + &grid::align(&rows, |column| column > 0, 2)))?;
    Ok(Exit::Done)
}

fn collect(args: &Args, store: &Store, what: &Collection, ui: &Ui) -> Result<Exit, Trouble> {
    let collected = store.gc(what).map_err(failed)?;
    if args.json {
        ui.data(&format!("{}\n", json!(collected)))?;
    } else {
        let verb = if what.dry_run { "would remove" } else { "removed" };
        let (gone, kept) = (collected.removed, collected.kept);
        ui.data(&format!(
            "{verb} {} files, {}; {} files, {} stay\n",
            gone.files,
            bytes(gone.bytes),
            kept.files,
            bytes(kept.bytes)
        ))?;
    }
    Ok(Exit::Done)
}

fn verify(args: &Args, store: &Store, ui: &Ui) -> Result<Exit, Trouble> {
    let verified = store.verify().map_err(failed)?;
    if args.json {
        ui.data(&format!("{}\n", json!(verified)))?;
        return Ok(Exit::Done);
    }
    let checked = verified.checked;
    let mut text = format!("looked at {} files, {}\n", checked.files, bytes(checked.bytes));
    for path in &verified.damaged {
        text.push_str(&format!("damaged, removed: {}\n", path.display()));
    }
    if verified.damaged.is_empty() {
        text.push_str("all is whole\n");
    }
    ui.data(&text)?;
    Ok(Exit::Done)
}

fn failed(error: StoreError) -> Trouble {
    Trouble::Failed { message: error.to_string(), help: Vec::new() }
}

/// Collects what the lock files of a project name, so that it stays.
fn pins(project: &Path) -> Result<BTreeSet<Hash>, Trouble> {
    let mut pins = BTreeSet::new();
    for path in lock_files(project) {
        let locked = LockFile::read(&path).map_err(|error| {
            Trouble::Failed { message: error.to_string(), help: Vec::new() }
                .help("mend or delete the lock file, so that nothing it names is lost unseen")
        })?;
        for stage in locked.iter().flat_map(|locked| locked.stages.values()) {
            pins.insert(stage.fingerprint);
            pins.extend(stage.outputs.values().map(|output| output.digest));
        }
    }
    Ok(pins)
}

/// Finds the lock files of a project, in its folders too, hidden ones left out.
fn lock_files(project: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![project.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            // A link is not followed: it could lead around in a circle.
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && !hidden => open.push(path),
                Ok(kind) if kind.is_file() && is_lock(&path) => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

/// Tells the lock file of a pipeline from those of other tools.
fn is_lock(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "lock")
        && path.with_extension("mlp").is_file()
}

/// Reads a size: `500MB`, `2GiB`, `1000`.
fn size(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim() {
        "" | "B" => 1,
        "kB" | "KB" => 1000,
        "KiB" => 1 << 10,
        "MB" => 1_000_000,
        "MiB" => 1 << 20,
        "GB" => 1_000_000_000,
        "GiB" => 1 << 30,
        "TB" => 1_000_000_000_000,
        "TiB" => 1 << 40,
        _ => return Err(format!("`{unit}` is no unit; write a size such as `2GiB`")),
    };
    let number: u64 = number.parse().map_err(|_| "write a size such as `2GiB`".to_owned())?;
    number.checked_mul(factor).ok_or_else(|| "no disk is that large".to_owned())
}

/// Writes a number of bytes as people say it.
fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut shown = number as f64;
    let mut unit = 0;
    while shown >= 1024.0 && unit + 1 < UNITS.len() {
        shown /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{number} B") } else { format!("{shown:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written() {
        assert_eq!(size("2GiB"), Ok(2 << 30));
        assert_eq!(size("500 MB"), Ok(500_000_000));
        assert_eq!(size("7"), Ok(7));
        for wrong in
            ["", "GiB", "2 gallons", "99999999999999999999", "18446744073709551615KiB", "-1"]
        {
            assert!(size(wrong).is_err(), "{wrong}");
        }
        assert_eq!([0, 1023, 1536, 3 << 40].map(bytes), ["0 B", "1023 B", "1.5 KiB", "3.0 TiB"]);
        assert_eq!(bytes(u64::MAX), "16777216.0 TiB");
    }
}
