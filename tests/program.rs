//! Runs the built program in a folder of its own.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, LazyLock};

use mlp::store::Store;
use tempfile::TempDir;

/// A folder that vanishes, in which the program is run.
pub(crate) struct Project {
    folder: TempDir,
}

/// What one run of the program gave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Gives the folder of the sources.
///
/// It is the working directory of every test; a path that the compiler wrote into the program would
/// point to the checkout that built it, which a shared target directory may outlive.
pub(crate) fn root() -> &'static Path {
    static ROOT: LazyLock<PathBuf> = LazyLock::new(|| std::env::current_dir().unwrap());
    &ROOT
}

/// Gives the program, set up so that nothing of the surroundings reaches it.
pub(crate) fn mlp() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mlp"));
    command.env_remove("NO_COLOR").env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) fn finish(command: &mut Command) -> Ran {
    let Output { status, stdout, stderr } = command.output().unwrap();
    Ran {
        status: status.code().expect("the program ended by itself"),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

impl Project {
    /// Makes an empty project.
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// Makes a project that holds the gallery.
    pub(crate) fn with_gallery() -> Self {
        let project = Self::new();
        for name in ["titanic.mlp", "data/titanic.csv"] {
            let text = fs::read(root().join("pipelines").join(name)).unwrap();
            project.write_bytes(name, &text);
        }
        project
    }

    /// Gives the path of a file of the project.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, text: &str) -> &Self {
        self.write_bytes(name, text.as_bytes())
    }

    fn write_bytes(&self, name: &str, bytes: &[u8]) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::File::create(path).unwrap().write_all(bytes).unwrap();
        self
    }

    /// Reads a file.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Opens the project's cache.
    pub(crate) fn store(&self) -> Arc<Store> {
        Arc::new(Store::open(&self.path(".mlp")).unwrap())
    }

    /// Starts a command line in the project's folder.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = mlp();
        command.current_dir(self.folder.path()).args(args);
        command
    }

    /// Runs a command line in the project's folder.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        finish(&mut self.command(args))
    }
}
