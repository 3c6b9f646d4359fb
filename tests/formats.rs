//! Each pipeline of the gallery, its data in each format that mlp writes: the results are the same.
//!
//! The data are converted by mlp's own exports, and read as the same tables in each format; each
//! pipeline is run on one format after its own, another than the next. Of a pipeline with many rows only what stands before
//! its models is run: what a model reads is keyed by content, so that from equal tables the same comes.
//! Models are made small, because what they learn is no matter here; what is required of them is left
//! out with that.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use mlp::sources::{Format, Input, Options, Request, infer};
use mlp::syntax::ast::{Block, Call, Field, File, Item, Key, Value};
use mlp::syntax::parse;
use mlp::text::{SourceFile, SourceMap, Span, Spanned};

use crate::program::{Project, root};

/// The files to read, by extension: each format that can be written, and both ways to pack text.
///
/// The first one states types, against which those that text files have by themselves are held.
const FORMATS: &[&str] = &[
    "parquet",
    "arrow",
    "csv",
    "csv.gz",
    "tsv",
    "tsv.zst",
    "json",
    "json.zst",
    "ndjson",
    "ndjson.gz",
];

/// A pipeline of more rows is run up to its models.
const MANY_ROWS: u64 = 2500;

/// The kinds of blocks that can stand before a model.
const LIGHT: &[&str] = &["ingest", "prep", "expect", "split"];

/// What makes a model small: a word, its parameter, and how little is enough.
const SMALL: &[(&str, &str, &str)] = &[
    ("random_forest", "n_estimators", "3"),
    ("extra_trees", "n_estimators", "3"),
    ("isolation_forest", "n_estimators", "3"),
    ("gradient_boosting", "max_iter", "3"),
    ("neural_network", "epochs", "2"),
    ("tf_idf", "max_features", "30"),
    ("random", "trials", "2"),
    ("tpe", "trials", "2"),
];

/// Replacements in a text, each of a range of bytes.
type Edits = Vec<(std::ops::Range<usize>, String)>;

/// One pipeline of the gallery.
struct Pipeline {
    name: String,
    source: SourceFile,
    tree: File,
}

impl Pipeline {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let source = SourceMap::default().add(path, text);
        let (tree, found) = parse(&source);
        assert!(found.is_empty(), "{}", path.display());
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        Self { name, source, tree }
    }

    fn ingests(&self) -> impl Iterator<Item = &Block> {
        self.tree.blocks().filter(|block| block.kind.node == "ingest")
    }

    /// Lists the stages that wait for no model.
    fn light(&self) -> Vec<&str> {
        let blocks: Vec<&Block> = self.tree.blocks().collect();
        let mut heavy: BTreeSet<&str> = BTreeSet::new();
        loop {
            let before = heavy.len();
            for block in &blocks {
                let text = self.source.slice(block.span);
                let mut words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
                if !LIGHT.contains(&block.kind.node.as_str())
                    || words.any(|word| heavy.contains(word))
                {
                    heavy.insert(&block.name.node);
                }
            }
            if heavy.len() == before {
                break;
            }
        }
        let names = blocks.iter().map(|block| block.name.node.as_str());
        names.filter(|name| !heavy.contains(name)).collect()
    }

    /// Gives its text with some ranges replaced.
    fn edited(&self, mut edits: Edits) -> String {
        edits.sort_by_key(|(range, _)| range.start);
        let mut text = self.source.text.to_string();
        for (range, new) in edits.into_iter().rev() {
            text.replace_range(range, &new);
        }
        text
    }

    /// Makes its models small, and requires nothing of them.
    fn small(&self) -> Edits {
        let mut edits = Edits::new();
        for item in &self.tree.items {
            match item {
                Item::Block(block) => {
                    for field in &block.fields {
                        if is(field, "require") {
                            edits.push((self.with_comma(field), String::new()));
                        } else {
                            shrink(&field.value, &mut edits);
                        }
                    }
                }
                Item::Param(param) if param.name.node == "trials" => {
                    let default = param.default.as_ref().unwrap();
                    edits.push((default.span.range(), "2".to_owned()));
                }
                _ => {}
            }
        }
        edits
    }

    /// Gives the range of a field and of the comma behind it.
    fn with_comma(&self, field: &Field) -> std::ops::Range<usize> {
        let end = field.value.span.range().end;
        let comma = self.source.text[end..].starts_with(',');
        field.key.span.range().start..end + usize::from(comma)
    }

    /// Reads its data from files of another format, and says nothing of how they are written.
    fn from(&self, format: &str) -> Edits {
        let mut edits = Edits::new();
        for block in self.ingests() {
            for field in &block.fields {
                if is(field, "from") {
                    let path = format!("{:?}", self.converted(&block.name.node, format));
                    edits.push((field.value.span.range(), path));
                } else if let (true, Value::Map(types)) = (is(field, "schema"), &field.value.node) {
                    edits.extend(types.iter().filter_map(plain_type));
                }
            }
        }
        edits
    }

    fn converted(&self, ingest: &str, format: &str) -> String {
        format!("out/as/{}_{ingest}.{format}", self.name)
    }

    /// Writes a pipeline that converts the data.
    fn conversion(&self, formats: &[&str]) -> String {
        let mut text = String::new();
        for block in self.ingests() {
            let name = &block.name.node;
            text.push_str(self.source.slice(block.span));
            for (at, format) in formats.iter().enumerate() {
                let to = self.converted(name, format);
                text.push_str(&format!("\nexport {name}_{at} {{ data: {name}, to: {to:?} }}\n"));
            }
        }
        text
    }

    /// Writes a pipeline that reads the converted data, of each format.
    fn reading(&self, formats: &[&str]) -> String {
        let mut text = String::new();
        for block in self.ingests() {
            for (at, format) in formats.iter().enumerate() {
                let start = block.span.range().start;
                let name = block.name.span.range();
                let mut edits = vec![(name, format!("{}_{at}", block.name.node))];
                edits.extend(self.from(format));
                edits.retain(|(range, _)| block.span.range().contains(&range.start));
                edits.sort_by_key(|(range, _)| range.start);
                let mut own = self.source.slice(block.span).to_owned();
                for (range, new) in edits.into_iter().rev() {
                    own.replace_range(range.start - start..range.end - start, &new);
                }
                text.push_str(&format!("{own}\n"));
            }
        }
        text
    }

    /// Lists the columns whose types the pipeline declares, by ingest.
    fn declared(&self, ingest: &Block) -> Vec<String> {
        let schema = ingest.fields.iter().find(|field| is(field, "schema"));
        match schema.map(|field| &field.value.node) {
            Some(Value::Map(types)) => types.iter().map(|own| own.key.node.spoken()).collect(),
            _ => Vec::new(),
        }
    }
}

fn is(field: &Field, name: &str) -> bool {
    matches!(&field.key.node, Key::Path(path) if *path == [name])
}

/// Takes the form off a date's type: a converted file has dates in ISO form.
fn plain_type(field: &Field) -> Option<(std::ops::Range<usize>, String)> {
    let Value::Call(call) = &field.value.node else { return None };
    let word = &call.name.first()?.node;
    let has_form = matches!(word.as_str(), "date" | "timestamp");
    has_form.then(|| (field.value.span.range(), word.clone()))
}

/// Makes the calls in a value small.
fn shrink(value: &Spanned<Value>, edits: &mut Edits) {
    match &value.node {
        Value::Call(call) => shrink_call(call, value.span, edits),
        Value::List(items) => items.iter().for_each(|item| shrink(item, edits)),
        Value::Map(fields) => fields.iter().for_each(|field| shrink(&field.value, edits)),
        _ => {}
    }
}

fn shrink_call(call: &Call, span: Span, edits: &mut Edits) {
    call.args.iter().for_each(|arg| shrink(&arg.value, edits));
    let word = call.name.last().unwrap();
    let Some((_, param, least)) = SMALL.iter().find(|(own, ..)| *own == word.node) else { return };
    let named =
        |name: &Option<Spanned<String>>| name.as_ref().is_some_and(|own| own.node == *param);
    match call.args.iter().find(|arg| named(&arg.name)) {
        Some(arg) => edits.push((arg.value.span.range(), (*least).to_owned())),
        None if word.span.end < span.end => {
            let behind = word.span.range().end + 1;
            edits.push((behind..behind, format!("{param}: {least}, ")));
        }
        None => {}
    }
}

/// Reads a lock file: the digests of each stage's outputs.
fn digests(project: &Project, name: &str) -> BTreeMap<String, serde_yaml::Value> {
    let lock: serde_yaml::Value =
        serde_yaml::from_str(&project.read(&format!("{name}.lock"))).unwrap();
    let stages = lock["stages"].as_mapping().unwrap();
    let outputs = |(stage, own): (&serde_yaml::Value, &serde_yaml::Value)| {
        (stage.as_str().unwrap().to_owned(), own["outputs"].clone())
    };
    stages.iter().map(outputs).collect()
}

/// Tells the types that a file's columns have by themselves.
fn types(project: &Project, name: &str) -> BTreeMap<String, String> {
    let inputs = [Input { path: project.path(name), name: name.to_owned() }];
    let options = Options::from(Format::of_name(name).unwrap());
    let schema = infer(&Request::new(&inputs, &options)).unwrap();
    let column = |field: &std::sync::Arc<arrow::datatypes::Field>| {
        let kind = mlp::data::ColumnType::new(field.data_type().clone()).to_string();
        (field.name().clone(), kind)
    };
    schema.fields().iter().map(column).collect()
}

fn copy(from: &Path, project: &Project, below: &str) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{below}{}", path.file_name().unwrap().to_string_lossy());
        if path.is_dir() {
            if !name.ends_with("out") && !name.ends_with(".mlp") {
                copy(&path, project, &format!("{name}/"));
            }
        } else if !name.ends_with(".lock") {
            let to = project.path(&name);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(path, to).unwrap();
        }
    }
}

#[test]
fn every_pipeline_of_the_gallery_runs_on_each_format() {
    let project = Project::new();
    copy(&root().join("pipelines"), &project, "");
    let folder = fs::read_dir(root().join("pipelines")).unwrap();
    let mut paths: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.is_file() && path.extension().is_some_and(|own| own == "mlp"));
    paths.sort();
    let pipelines = paths.iter().enumerate();
    let wrong: Vec<String> = pipelines
        .flat_map(|(at, path)| runs_on_each_format(&Pipeline::read(path), at, &project))
        .collect();
    assert!(paths.len() >= 5, "the gallery is smaller than it was");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Runs a pipeline on its own data, converts these, holds what each file is read as against them, and
/// runs the pipeline on one of the formats, each pipeline on another.
fn runs_on_each_format(pipeline: &Pipeline, at: usize, project: &Project) -> Vec<String> {
    let run = |name: &str, text: &str, stages: &[&str]| {
        let file = format!("{name}.mlp");
        let ran = project.write(&file, text).run(&[&["run", &file], stages].concat());
        let said = || format!("{name}: {}{}", ran.stdout, ran.stderr);
        if ran.status == 0 { Ok(digests(project, name)) } else { Err(said()) }
    };
    let name = pipeline.name.as_str();
    let run_all = || -> Result<Vec<String>, String> {
        let small = pipeline.edited(pipeline.small());
        let mut stages = pipeline.light();
        let mut expected = run(name, &small, &stages)?;
        let ingested = |ingest: &Block| expected[&ingest.name.node]["main"]["rows"].as_u64();
        if pipeline.ingests().filter_map(ingested).sum::<u64>() <= MANY_ROWS {
            stages.clear();
            expected = run(name, &small, &stages)?;
        }
        let mut formats = FORMATS.to_vec();
        if let Err(said) = run("convert", &pipeline.conversion(&formats), &[]) {
            // Delimited text holds no lists.
            formats.retain(|format| !format.contains("sv"));
            assert!(said.contains("unfit-column"), "{said}");
            run("convert", &pipeline.conversion(&formats), &[])?;
        }
        let read = run("read", &pipeline.reading(&formats), &[])?;
        let mut wrong = Vec::new();
        for (number, format) in formats.iter().enumerate() {
            for ingest in pipeline.ingests().map(|ingest| &ingest.name.node) {
                if read[&format!("{ingest}_{number}")] != expected[ingest] {
                    wrong.push(format!("{name}: `{ingest}` is another as {format}"));
                }
            }
            wrong.extend(needed(pipeline, project, format));
        }
        let format = formats[at % formats.len()];
        let edits = [pipeline.small(), pipeline.from(format)].concat();
        let found = run(name, &pipeline.edited(edits), &stages)?;
        let other = expected.iter().filter(|(stage, outputs)| found.get(*stage) != Some(outputs));
        wrong.extend(other.map(|(stage, _)| format!("{name} as {format}: `{stage}` is another")));
        Ok(wrong)
    };
    run_all().unwrap_or_else(|said| vec![said])
}

/// Says which columns a format needs a declared type for, where the pipeline doesn't declare it.
fn needed(pipeline: &Pipeline, project: &Project, format: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for ingest in pipeline.ingests() {
        let name = &ingest.name.node;
        let found = types(project, &pipeline.converted(name, format));
        let declared = pipeline.declared(ingest);
        for (column, kind) in types(project, &pipeline.converted(name, FORMATS[0])) {
            if found.get(&column) != Some(&kind) && !declared.contains(&column) {
                wrong.push(format!("{name}.{column} needs `{kind}` in {format}"));
            }
        }
    }
    wrong
}
