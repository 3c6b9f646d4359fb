//! What files are read as, and what is said where they or a pipeline are wrong.
//!
//! Whatever a user does wrong gets an answer that helps, and leaves nothing half done. A file
//! `TOPIC.cases` holds cases as text; [`Case`] says what a case may hold. Each is run by the built
//! program in a folder of its own, under a guard against hangs, and must end with its status, name
//! its code and its place, and say what its `says` lines say. Beside that no case may panic, change a
//! file of the user, leave a temporary file, or write what failed into the lock file.

mod made;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use serde_json::Value as Json;

use crate::program::{Project, Ran, mlp, root};

/// How long the slowest case may take on the slowest machine.
const HANG: Duration = Duration::from_mins(5);

/// The pipeline of a case that brings none; `SOURCE` is the case's `from`.
const PIPELINE: &str = "ingest t { from: SOURCE }\nprep all { sql: \"SELECT * FROM t\" }\n";

/// What no output may hold.
const BROKEN: &[&str] = &["panicked", "RUST_BACKTRACE", "mlp broke here", "stack overflow"];

/// One case: `### NAME`, then `key: value` lines, then files.
///
/// A file begins with `--- PATH` and goes up to the next mark. `--- PATH | HOW` says how its content
/// comes about: `empty`, `escaped` (`\xE9`, `\n`, `\0`; line breaks don't count), `make WORD` (see
/// `made`), `folder`, `link TARGET`, `locked`, `locked-folder`, `closed-folder`. Behind `then:` a second step
/// begins, with files and keys of its own; the steps before it must succeed.
struct Case {
    name: String,
    steps: Vec<Step>,
}

/// Files to be put down, and a command to be run.
#[derive(Default)]
struct Step {
    /// `run` the command line (`run case.mlp`), `exit` the status (2; of a step that another
    /// follows 0), `code`, `at` the place, `says`, `from`, `needs: permissions`, `limit` the
    /// blocks that a file may have, `makes` a file that the command writes. Of the last step, where it
    /// ends well: `table` the table to look at (`t`), `is` its columns, and a `row` each.
    keys: BTreeMap<String, Vec<String>>,
    files: Vec<File>,
}

struct File {
    path: String,
    how: String,
    body: String,
}

impl Step {
    fn one(&self, key: &str) -> Option<&str> {
        self.all(key).first().map(String::as_str)
    }

    fn all(&self, key: &str) -> &[String] {
        self.keys.get(key).map(Vec::as_slice).unwrap_or_default()
    }

    fn needs_permissions(&self) -> bool {
        self.one("needs") == Some("permissions")
    }
}

/// Reads the cases of a file.
fn cases(topic: &str) -> Vec<Case> {
    let text = fs::read_to_string(root().join(format!("tests/cases/{topic}.cases"))).unwrap();
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("### ") {
            cases.push(Case { name: name.to_owned(), steps: vec![Step::default()] });
            continue;
        }
        let Some(case) = cases.last_mut() else { continue };
        if line == "then:" {
            case.steps.push(Step::default());
            continue;
        }
        let step = case.steps.last_mut().unwrap();
        if let Some(file) = line.strip_prefix("--- ") {
            let (path, how) = file.split_once(" | ").unwrap_or((file, ""));
            let (path, how) = (path.to_owned(), how.to_owned());
            step.files.push(File { path, how, body: String::new() });
        } else if let Some(file) = step.files.last_mut() {
            file.body.push_str(line);
            file.body.push('\n');
        } else if let Some((key, value)) = line.split_once(": ") {
            step.keys.entry(key.to_owned()).or_default().push(value.to_owned());
        } else {
            assert!(line.is_empty(), "{topic}: `{line}` is no `key: value`");
        }
    }
    cases
}

impl File {
    fn put(&self, folder: &Path) {
        let path = folder.join(&self.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match self.how.split_once(' ').unwrap_or((&self.how, "")) {
            ("", _) => fs::write(path, self.body.trim_end().to_owned() + "\n").unwrap(),
            ("empty", _) => fs::write(path, "").unwrap(),
            ("escaped", _) => fs::write(path, unescaped(&self.body)).unwrap(),
            ("make", word) => fs::write(path, made::bytes(word)).unwrap(),
            ("folder", _) => fs::create_dir_all(path).unwrap(),
            ("link", target) => link(target, &path),
            ("locked", _) => {
                fs::write(&path, &self.body).unwrap();
                set_mode(&path, 0o000);
            }
            ("locked-folder", _) => {
                fs::create_dir_all(&path).unwrap();
                set_mode(&path, 0o555);
            }
            ("closed-folder", _) => {
                fs::create_dir_all(&path).unwrap();
                set_mode(&path, 0o000);
            }
            (how, _) => panic!("`{how}` is no way to make a file"),
        }
    }
}

#[cfg(unix)]
fn link(target: &str, path: &Path) {
    std::os::unix::fs::symlink(target, path).unwrap();
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
fn link(_target: &str, _path: &Path) {}

#[cfg(not(unix))]
fn set_mode(_path: &Path, _mode: u32) {}

/// Reads `\n`, `\r`, `\t`, `\0`, `\\` and `\xNN`; line breaks of the case's file don't count.
fn unescaped(body: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = body.bytes().filter(|byte| *byte != b'\n');
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next().unwrap() {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'0' => 0,
            b'x' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    bytes
}

/// Runs a command without the rights by which root reads and writes everything.
const WITHOUT_RIGHTS: &[&str] = &[
    "setpriv",
    "--bounding-set=-dac_override,-dac_read_search",
    "--inh-caps=-dac_override,-dac_read_search",
];

/// Tells whether a command that reads a file is kept from one that nobody may read, as it isn't
/// under root.
fn permissions_count(reader: &mut Command) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("locked");
    fs::write(&path, "x").unwrap();
    set_mode(&path, 0o000);
    let read = reader.arg(path).stdout(Stdio::null()).stderr(Stdio::null()).status();
    read.is_ok_and(|status| !status.success())
}

/// Tells whether permissions can be made to count.
fn can_forbid() -> bool {
    let mut without = Command::new(WITHOUT_RIGHTS[0]);
    without.args(&WITHOUT_RIGHTS[1..]).arg("cat");
    permissions_count(&mut Command::new("cat")) || permissions_count(&mut without)
}

/// Gives every file below a folder but those of the cache, by its path.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).into_iter().flatten() {
            let path = entry.unwrap().path();
            let kind = fs::symlink_metadata(&path).unwrap();
            if kind.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
                let in_cache = name.starts_with(".mlp/");
                let bytes = if in_cache { None } else { fs::read(&path).ok() };
                files.insert(name, bytes.unwrap_or_default());
            }
        }
    }
    files
}

/// Runs a command to its end, or ends it if it never ends by itself.
fn guarded(command: &mut Command) -> Result<Ran, String> {
    fn drain(mut pipe: impl Read + Send + 'static) -> impl FnOnce() -> String {
        let (sender, receiver) = channel();
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = pipe.read_to_end(&mut bytes);
            let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
        });
        move || receiver.recv().unwrap_or_default()
    }
    let mut child: Child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let stdout = drain(child.stdout.take().unwrap());
    let stderr = drain(child.stderr.take().unwrap());
    let (sender, receiver) = channel();
    let id = child.id();
    thread::spawn(move || {
        let _ = sender.send(child.wait());
    });
    match receiver.recv_timeout(HANG) {
        Ok(status) => {
            let status = status.unwrap().code().ok_or("a signal ended it")?;
            Ok(Ran { status, stdout: stdout(), stderr: stderr() })
        }
        Err(_) => {
            let _ = Command::new("kill").args(["-KILL", &id.to_string()]).status();
            Err(format!("it ran longer than {HANG:?}"))
        }
    }
}

/// Makes the command of a step: a limit on the size of files stands for a full disk, and root gives
/// up the right to read and write what its permissions forbid.
fn command(folder: &Path, args: &str, step: Option<&Step>) -> Command {
    let mut script = String::new();
    if let Some(blocks) = step.and_then(|step| step.one("limit")) {
        script = format!("trap '' XFSZ; ulimit -f {blocks}; ");
    }
    if step.is_some_and(Step::needs_permissions) && !permissions_count(&mut Command::new("cat")) {
        script = format!("{script}exec {} \"$0\" \"$@\"", WITHOUT_RIGHTS.join(" "));
    } else if !script.is_empty() {
        script.push_str("exec \"$0\" \"$@\"");
    }
    let program = mlp();
    let mut command = if script.is_empty() {
        program
    } else {
        let mut command = Command::new("sh");
        command.args(["-c", &script]).arg(program.get_program());
        command.env_remove("NO_COLOR").env_remove("RUST_LOG").stdin(Stdio::null());
        command
    };
    command.args(args.split(' ')).current_dir(folder);
    command
}

/// Takes the drawing out of an output, so that a wrapped message is one line.
fn plain(text: &str) -> String {
    let lines = text.lines().map(|line| line.trim_start().trim_start_matches("| ").trim());
    lines.collect::<Vec<_>>().join(" ")
}

/// Reads what a lock file says of each stage.
fn locked(files: &BTreeMap<String, Vec<u8>>) -> serde_yaml::Value {
    let lock = files.get("case.lock").cloned().unwrap_or_default();
    let read: serde_yaml::Value = serde_yaml::from_slice(&lock).unwrap_or_default();
    read.get("stages").cloned().unwrap_or_default()
}

impl Case {
    /// Runs the case, and says what is not as it should be.
    fn faults(&self) -> Vec<String> {
        let first = &self.steps[0];
        if first.needs_permissions() && !can_forbid() {
            return Vec::new();
        }
        let project = Project::new();
        let folder = project.path("");
        let mut faults = Vec::new();
        for (at, step) in self.steps.iter().enumerate() {
            step.files.iter().for_each(|file| file.put(&folder));
            if !project.path("case.mlp").exists() {
                let from = first.one("from").unwrap_or("\"t.csv\"");
                fs::write(project.path("case.mlp"), PIPELINE.replace("SOURCE", from)).unwrap();
            }
            let before = tree(&folder);
            let args = step.one("run").unwrap_or("run case.mlp");
            let ran = match guarded(&mut command(&folder, args, Some(step))) {
                Ok(ran) => ran,
                Err(fault) => return vec![fault],
            };
            let last = at + 1 == self.steps.len();
            faults.extend(step.told(&ran, last));
            if last && let Some(columns) = step.one("is") {
                faults.extend(step.shown(&folder, columns));
            }
            faults.extend(step.left(&ran, &before, &tree(&folder)));
            if !faults.is_empty() {
                faults.push(format!("{}{}", ran.stdout, ran.stderr));
                break;
            }
        }
        faults
    }
}

impl Step {
    /// Holds what was said against what should be.
    fn told(&self, ran: &Ran, last: bool) -> Vec<String> {
        let usual = if last && self.one("is").is_none() { 2 } else { 0 };
        let status = self.one("exit").map_or(usual, |status| status.parse().unwrap());
        let said = plain(&format!("{}\n{}", ran.stdout, ran.stderr));
        let code = self.one("code").map(|code| format!("[{code}]"));
        let place = self.one("at").map(|place| format!(",-[{place}]"));
        let mut faults = Vec::new();
        if ran.status != status {
            faults.push(format!("it ended with {}, not {status}", ran.status));
        }
        for piece in self.all("says").iter().chain(&code).chain(&place) {
            if !said.contains(piece.as_str()) {
                faults.push(format!("it doesn't say {piece}"));
            }
        }
        for word in BROKEN.iter().filter(|word| said.contains(**word)) {
            faults.push(format!("it says {word}"));
        }
        if last && status != 0 && self.all("says").is_empty() {
            faults.push("the case asks for nothing to be said".to_owned());
        }
        faults
    }

    /// Holds a table against what it should be.
    fn shown(&self, folder: &Path, columns: &str) -> Vec<String> {
        let args = format!("show case.mlp {} --json --rows 100", self.one("table").unwrap_or("t"));
        let ran = match guarded(&mut command(folder, &args, None)) {
            Ok(ran) => ran,
            Err(fault) => return vec![fault],
        };
        let Ok(answer) = serde_json::from_str::<Json>(&ran.stdout) else {
            return vec![format!("nothing can be shown: {}", ran.stderr)];
        };
        let text = |value: &Json| match value {
            Json::Null => "∅".to_owned(),
            Json::String(text) => text.replace('\n', "\\n"),
            other => other.to_string(),
        };
        let list = |value: &Json| value.as_array().cloned().unwrap_or_default();
        let column = |own: &Json| format!("{}: {}", text(&own["name"]), text(&own["type"]));
        let found = list(&answer["schema"]).iter().map(column).collect::<Vec<_>>().join(", ");
        let row = |row: &Json| {
            let values = row.as_object().into_iter().flat_map(|row| row.values());
            values.map(text).collect::<Vec<_>>().join("|")
        };
        let rows: Vec<String> = list(&answer["data"]).iter().map(row).collect();
        let mut faults = Vec::new();
        if found != columns {
            faults.push(format!("its columns are {found}"));
        }
        if rows != self.all("row") {
            faults.push(format!("its rows are\n{}", rows.join("\n")));
        }
        faults
    }

    /// Holds what was left in the folder against what was there.
    fn left(
        &self,
        ran: &Ran,
        before: &BTreeMap<String, Vec<u8>>,
        after: &BTreeMap<String, Vec<u8>>,
    ) -> Vec<String> {
        let mut faults = Vec::new();
        let user = |name: &&String| !name.starts_with(".mlp/") && *name != "case.lock";
        for name in before.keys().filter(user).filter(|name| before.get(*name) != after.get(*name))
        {
            faults.push(format!("it changed {name}"));
        }
        let own = |name: &&String| before.contains_key(*name) || self.all("makes").contains(name);
        for name in after.keys().filter(user).filter(|name| !own(name)) {
            faults.push(format!("it left {name}"));
        }
        for name in
            after.keys().filter(|name| name.contains(".unfinished-") || name.ends_with(".tmp"))
        {
            faults.push(format!("it left {name}"));
        }
        let lock = |files: &BTreeMap<String, Vec<u8>>| files.get("case.lock").cloned();
        if ran.status == 2 && lock(before) != lock(after) {
            faults.push("it changed the lock file".to_owned());
        }
        let (old, new) = (locked(before), locked(after));
        for stage in unmade(&ran.stdout) {
            if old.get(stage) != new.get(stage) {
                faults.push(format!("the lock file tells of `{stage}`, which failed"));
            }
        }
        faults
    }
}

/// Gives the stages that a summary says failed or were blocked.
fn unmade(summary: &str) -> impl Iterator<Item = &str> {
    let lists = summary.lines().filter_map(|line| {
        line.strip_prefix("failed: ").or_else(|| line.strip_prefix("blocked: "))
    });
    lists.flat_map(|list| list.split(", "))
}

/// Runs every case of a topic.
fn run(topic: &str) {
    let mut wrong = Vec::new();
    for case in cases(topic) {
        let faults = case.faults();
        if !faults.is_empty() {
            wrong.push(format!("### {}\n{}", case.name, faults.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "{} cases of {topic}:\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn reading() {
    run("reading");
}

#[test]
fn checks() {
    run("checks");
}

#[test]
fn files() {
    run("files");
}

#[test]
fn values() {
    run("values");
}

#[test]
fn text() {
    run("text");
}

#[test]
fn sql() {
    run("sql");
}

#[test]
fn learning() {
    run("learning");
}

#[test]
fn output() {
    run("output");
}

#[test]
fn the_table_is_not_small() {
    let topics = ["reading", "files", "values", "text", "sql", "checks", "learning", "output"];
    let all: Vec<Case> = topics.iter().flat_map(|topic| cases(topic)).collect();
    let wrong = all.iter().filter(|case| {
        let last = case.steps.last().unwrap();
        last.one("exit") != Some("0") && (last.one("is").is_none() || last.one("exit").is_some())
    });
    assert!(wrong.count() >= 120, "{} cases", all.len());
    for case in &all {
        let same = all.iter().filter(|other| other.name == case.name).count();
        assert_eq!(same, 1, "`{}` stands twice", case.name);
    }
}
