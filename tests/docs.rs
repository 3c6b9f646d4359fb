//! What README and docs say is true: their pipelines check, their commands run.

use std::fs;
use std::path::{Path, PathBuf};

use mlp::cli::reference::{self, FAMILIES};
use mlp::cli::render::Renderer;
use mlp::cli::{Look, load_pipeline};
use mlp::plan::Request;
use mlp::text::SourceMap;

use crate::program::{Project, root};

/// A fenced block of a Markdown file.
struct Block {
    place: String,
    language: String,
    text: String,
}

/// Lists README, the gallery's pages and the users' book.
fn pages() -> Vec<PathBuf> {
    fn walk(folder: &Path, pages: &mut Vec<PathBuf>) {
        let mut entries: Vec<PathBuf> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                walk(&path, pages);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    let own = ["README.md", "pipelines/README.md", "pipelines/data/README.md"];
    let mut pages: Vec<PathBuf> = own.map(|page| root().join(page)).into();
    walk(&root().join("docs"), &mut pages);
    pages
}

fn blocks() -> Vec<Block> {
    let mut blocks = Vec::new();
    for page in pages() {
        let name = page.strip_prefix(root()).unwrap().display().to_string();
        let text = fs::read_to_string(&page).unwrap();
        let mut open: Option<Block> = None;
        for (index, line) in text.lines().enumerate() {
            match (line.strip_prefix("```"), &mut open) {
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (Some(language), None) => {
                    let place = format!("{name}:{}", index + 1);
                    open =
                        Some(Block { place, language: language.to_owned(), text: String::new() });
                }
                (None, Some(block)) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{name} has a block without an end");
    }
    blocks
}

#[test]
fn every_pipeline_in_the_docs_checks() {
    let project = Project::with_gallery();
    for file in ["data/digits.csv", "data/isl_bikeshare.csv"] {
        project.write(file, &fs::read_to_string(root().join("pipelines").join(file)).unwrap());
    }
    project.write("data/people.csv", "id,city,age\n1,Oslo,36\n2,Rome,41\n");
    project.write(
        "data/measured.csv",
        "id;taken;weight;grade\n007;01/02/2024;3.5;A\n008;02/02/2024;-;B\n",
    );
    let mut wrong = Vec::new();
    let mut seen = 0;
    for block in blocks().iter().filter(|block| block.language == "mlp") {
        seen += 1;
        let path = project.path("page.mlp");
        let loaded = load_pipeline(&path, &block.text, &Request::default(), &project.store());
        if !loaded.diagnostics.is_empty() || loaded.plan.is_none() {
            let said = Renderer::new(&loaded.sources, &Look::plain()).all(&loaded.diagnostics);
            wrong.push(format!("{}\n{said}", block.place));
        }
    }
    assert!(seen > 5, "the docs hold no pipelines any more");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_pipeline_of_the_gallery_checks_and_is_laid_out() {
    let project = Project::new();
    let mut seen = 0;
    for entry in fs::read_dir(root().join("pipelines")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "mlp") {
            continue;
        }
        seen += 1;
        let text = fs::read_to_string(&path).unwrap();
        let loaded = load_pipeline(&path, &text, &Request::default(), &project.store());
        let said = Renderer::new(&loaded.sources, &Look::plain()).all(&loaded.diagnostics);
        assert!(said.is_empty() && loaded.plan.is_some(), "{}\n{said}", path.display());
        let source = SourceMap::default().add(&path, text.as_str());
        let laid_out = mlp::syntax::format(&source).unwrap();
        assert!(laid_out == text, "{}", path.display());
    }
    assert!(seen >= 11, "the gallery is smaller than it was");
}

/// `UPDATE_DOCS=1 cargo test reference_pages` writes the pages anew.
#[test]
fn the_reference_pages_are_those_of_the_program() {
    let words = mlp::stages::vocabulary();
    let update = std::env::var_os("UPDATE_DOCS").is_some();
    let families = FAMILIES.iter().filter(|(family, _)| words.signatures(*family).next().is_some());
    for (family, title) in families {
        let page = reference::markdown(words, *family, title);
        let path = root().join(format!("docs/reference/{title}.md"));
        if update {
            fs::write(&path, &page).unwrap();
        }
        let written = fs::read_to_string(&path).unwrap_or_default();
        assert!(written == page, "{title}: UPDATE_DOCS=1 cargo test reference_pages");
    }
}

#[test]
fn the_tour_of_the_readme_runs() {
    let project = Project::new();
    let mut ran = 0;
    for block in blocks()
        .iter()
        .filter(|block| block.language == "console" && block.place.starts_with("README"))
    {
        for line in block.text.lines() {
            let words: Vec<&str> = line.trim_start_matches("$ ").split_whitespace().collect();
            if let Some((&"mlp", args)) = words.split_first() {
                let result = project.run(args);
                assert_eq!(
                    result.status, 0,
                    "{}: {line}\n{}{}",
                    block.place, result.stdout, result.stderr
                );
                ran += 1;
            }
        }
    }
    assert!(ran >= 8, "the tour has only {ran} commands");
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for (index, _) in text.match_indices("](") {
            let target = text[index + 2..].split(')').next().unwrap();
            let file = target.split('#').next().unwrap();
            if !file.is_empty()
                && !target.contains("://")
                && !page.parent().unwrap().join(file).exists()
            {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_readme_names_the_commands_that_ci_runs() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let ci = fs::read_to_string(root().join(".ci/run")).unwrap();
    for command in ["cargo test", "cargo run -- run pipelines/titanic.mlp"] {
        assert!(readme.contains(command) && ci.contains(command), "{command}");
    }
}
