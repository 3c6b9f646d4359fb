//! The gallery runs: every pipeline in `pipelines/`, in smaller settings where the full ones take long.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::program::{Project, root};

/// What is set to smaller values, so that a pipeline takes seconds without optimisation as well.
const SMALLER: &[(&str, &[&str])] = &[
    ("bikeshare", &["trials=1"]),
    ("diamonds", &["rounds=60"]),
    ("digits", &["epochs=15"]),
    ("flights", &["rounds=30"]),
    ("reviews", &["words=60"]),
    ("titanic", &["trees=10", "trials=2"]),
];

/// Files of which fewer rows do: each so-many-th, and at most so many.
const FEWER: &[(&str, usize, usize)] = &[
    ("data/credit.csv", 2, usize::MAX),
    ("data/diamonds.csv", 12, usize::MAX),
    ("data/isl_bikeshare.csv", 1, 4_000),
    ("data/telco_churn.csv", 3, usize::MAX),
];

/// Lists the pipelines of the gallery by name.
fn names() -> Vec<String> {
    let entries = fs::read_dir(root().join("pipelines")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut names: Vec<String> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "mlp"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// Lists the files below a folder, as paths from it.
fn files(folder: &Path) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            files.extend(self::files(&path).into_iter().map(|file| format!("{name}/{file}")));
        } else {
            files.insert(name);
        }
    }
    files
}

/// Makes a project that holds the whole gallery; of large files only some rows.
pub(crate) fn gallery() -> Project {
    let project = Project::new();
    let from = root().join("pipelines");
    let data = files(&from.join("data")).into_iter().map(|file| format!("data/{file}"));
    for file in data.chain(names().into_iter().map(|name| format!("{name}.mlp"))) {
        let to = project.path(&file);
        match FEWER.iter().find(|(own, ..)| *own == file) {
            Some((_, step, most)) => {
                let text = fs::read_to_string(from.join(&file)).unwrap();
                let (head, rows) = text.split_once('\n').unwrap();
                let rows: Vec<&str> = rows.lines().step_by(*step).take(*most).collect();
                project.write(&file, &format!("{head}\n{}\n", rows.join("\n")));
            }
            None => {
                fs::create_dir_all(to.parent().unwrap()).unwrap();
                fs::copy(from.join(&file), to).unwrap();
            }
        }
    }
    shorten(&project, "data/nycflights/flights.parquet", 18_000);
    project
}

/// Keeps the first rows of a Parquet file.
fn shorten(project: &Project, file: &str, rows: usize) {
    let text = format!(
        "ingest whole {{ from: {file:?} }}\n\
         prep few {{ sql: \"SELECT * FROM whole LIMIT {rows}\" }}\n\
         export short {{ data: few, to: \"out/few.parquet\" }}\n"
    );
    let ran = project.write("few.mlp", &text).run(&["run", "few.mlp"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    fs::rename(project.path("out/few.parquet"), project.path(file)).unwrap();
}

/// Runs a pipeline twice and makes its page; says what was wrong.
fn wrong_with(project: &Project, name: &str) -> Option<String> {
    let file = format!("{name}.mlp");
    let smaller = SMALLER.iter().find(|(own, _)| *own == name).map_or(&[][..], |(_, set)| set);
    let with = |command: &str| {
        let mut args = vec![command, file.as_str()];
        args.extend(smaller.iter().flat_map(|set| ["--set", set]));
        project.run(&args)
    };
    let first = with("run");
    if first.status != 0 {
        return Some(format!("{name}\n{}{}", first.stdout, first.stderr));
    }
    let again = with("run");
    if !again.stdout.contains("up to date") {
        return Some(format!("{name}, run again\n{}{}", again.stdout, again.stderr));
    }
    let page = with("report");
    (page.status != 0).then(|| format!("{name}, report\n{}{}", page.stdout, page.stderr))
}

#[test]
fn every_pipeline_of_the_gallery_runs_and_then_has_nothing_to_do() {
    let project = gallery();
    let wrong: Vec<String> = names().iter().filter_map(|name| wrong_with(&project, name)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_smaller_settings_are_of_pipelines_that_are_there() {
    for (name, _) in SMALLER {
        assert!(names().iter().any(|own| own == name), "{name}");
    }
}

#[test]
fn the_gallery_is_told_of_on_its_pages() {
    let page = fs::read_to_string(root().join("pipelines/README.md")).unwrap();
    let scores = fs::read_to_string(root().join("docs/gallery.md")).unwrap();
    for name in names() {
        assert!(page.contains(&format!("]({name}.mlp)")), "pipelines/README.md lacks {name}");
        assert!(scores.contains(&name), "docs/gallery.md lacks {name}");
    }
    let sources = fs::read_to_string(root().join("pipelines/data/README.md")).unwrap();
    for file in files(&root().join("pipelines/data")).iter().filter(|file| *file != "README.md") {
        assert!(sources.contains(&format!("`{file}`")), "pipelines/data/README.md lacks {file}");
    }
}
