//! The programs of `examples/` do what they say, run here on copies of their files.

#[path = "../examples/add_estimator.rs"]
#[allow(dead_code, reason = "its `main` is not called here")]
mod add_estimator;
#[path = "../examples/add_source.rs"]
#[allow(dead_code, reason = "its `main` is not called here")]
mod add_source;
#[path = "../examples/add_sql_function.rs"]
#[allow(dead_code, reason = "its `main` is not called here")]
mod add_sql_function;
#[path = "../examples/embed_in_a_service.rs"]
#[allow(dead_code, reason = "its `main` is not called here")]
mod embed_in_a_service;
#[path = "../examples/run_pipeline.rs"]
#[allow(dead_code, reason = "its `main` is not called here")]
mod run_pipeline;

use std::io::{self, Cursor, Read, Write};
use std::process::ExitCode;

use crate::program::{Project, root};

/// The length of a page that a person reads in a minute.
const LINES: usize = 115;

/// Makes a project with the examples and the data that they read.
fn project() -> Project {
    let project = Project::new();
    let files = [
        "examples/add_estimator.mlp",
        "examples/add_source.mlp",
        "examples/add_sql_function.mlp",
        "examples/embed_in_a_service.mlp",
        "examples/data/airports.csv",
        "examples/data/requests.log",
        "pipelines/data/penguins.csv",
    ];
    for name in files {
        project.write(name, &std::fs::read_to_string(root().join(name)).unwrap());
    }
    project
}

/// Runs an example twice: the second time all is found.
fn printed(run: impl Fn(&mut dyn Write)) -> String {
    let text = || {
        let mut bytes = Vec::new();
        run(&mut bytes);
        String::from_utf8(bytes).unwrap()
    };
    let first = text();
    assert_eq!(text(), first);
    first
}

#[test]
fn a_pipeline_is_run_and_says_its_scores() {
    let project = project();
    let text = std::fs::read_to_string(project.path("examples/add_estimator.mlp")).unwrap();
    project.write("examples/own.mlp", &text.replace("nearest_mean(sharpness: 2)", "dummy"));
    let path = project.path("examples/own.mlp");
    let text = printed(|out| run_pipeline::run(path.clone(), out).unwrap());
    insta::assert_snapshot!(text, @r"
    accuracy of own is 0.4419
    accuracy of logit is 0.9884
    ");
}

#[test]
fn an_estimator_of_a_program_is_compared_with_a_built_in_one() {
    let project = project();
    let folder = project.path("examples");
    let text = printed(|out| add_estimator::run(&folder, out).unwrap());
    insta::assert_snapshot!(text, @r"
    accuracy of own: 0.968
    accuracy of logit: 0.988
    ");
}

#[test]
fn a_source_of_a_program_reads_its_files() {
    let project = project();
    let folder = project.path("examples");
    let text = printed(|out| add_source::run(&folder, out).unwrap());
    insta::assert_snapshot!(text, @r"
    page,requests,slowest
    /cart,2,380
    /search,2,184
    /,2,12
    ");
}

#[test]
fn a_function_of_a_program_is_called_in_queries_and_checks() {
    let project = project();
    let folder = project.path("examples");
    let text = printed(|out| add_sql_function::run(&folder, out).unwrap());
    insta::assert_snapshot!(text, @r"
    origin,destination,km
    FCO,OSL,2047.0
    JFK,OSL,5917.0
    FCO,JFK,6866.0
    NRT,OSL,8386.0
    FCO,NRT,9906.0
    JFK,NRT,10830.0
    ");
}

#[test]
fn the_whole_command_line_knows_the_words_of_a_program() {
    let project = project();
    let path = project.path("examples/add_sql_function.mlp");
    let ask = |registry: mlp::Registry, words: &[&str]| {
        let words = words.iter().map(std::ffi::OsString::from);
        let path = path.clone().into_os_string();
        mlp::cli::answer(
            registry,
            [std::ffi::OsString::from("mlp")].into_iter().chain(words).chain([path]),
        )
    };
    let (done, wrong) = (ExitCode::SUCCESS, ExitCode::from(2));
    let own = || add_sql_function::registry().unwrap();
    assert_eq!(ask(own(), &["fmt", "--check"]), done);
    assert_eq!(ask(own(), &["run", "--quiet"]), done);
    assert_eq!(ask(mlp::stages::registry(), &["run", "--quiet"]), wrong, "it has no `distance_km`");
    assert_eq!(ask(own(), &["run", "--no-such-option"]), wrong);
}

/// One connection, in memory.
struct Connection {
    request: Cursor<Vec<u8>>,
    response: Vec<u8>,
}

impl Read for Connection {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.request.read(bytes)
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.response.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_service_answers_and_survives_what_is_wrong() {
    let project = project();
    let service = embed_in_a_service::Service::start(&project.path("examples")).unwrap();
    let ask = |body: &str| {
        let request = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let mut stream =
            Connection { request: Cursor::new(request.into_bytes()), response: Vec::new() };
        service.serve(&mut stream).unwrap();
        String::from_utf8(stream.response).unwrap().replace('\r', "")
    };
    let good = "{\"bill_length_mm\": 39.1, \"flipper_length_mm\": 181, \"island\": \"Torgersen\"}\n{\"bill_length_mm\": 50.0}";
    insta::assert_snapshot!(ask(good), @r#"
    HTTP/1.1 200 OK
    content-length: 111

    {"species":"Adelie","probability":0.9976892525326463}
    {"species":"Chinstrap","probability":0.7907016911526179}
    "#);
    insta::assert_snapshot!(ask("{\"bill_length_mm\": \"long\"}"), @r#"
    HTTP/1.1 400 Bad Request
    content-length: 86

    Json error: whilst decoding field 'bill_length_mm': failed to parse "long" as Float64
    "#);
    insta::assert_snapshot!(ask(""), @r"
    HTTP/1.1 200 OK
    content-length: 0
    ");
}

#[test]
fn the_code_in_the_book_is_cut_from_the_examples() {
    let mut examples = String::new();
    for entry in std::fs::read_dir(root().join("examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            examples.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
    let page = std::fs::read_to_string(root().join("docs/rust.md")).unwrap();
    let blocks: Vec<&str> = page.split("```rust\n").skip(1).collect();
    assert_eq!(blocks.len(), 7);
    for block in blocks {
        let code = block.split("```").next().unwrap();
        assert!(examples.contains(code), "no example has\n{code}");
    }
}

#[test]
fn each_example_is_read_in_a_minute() {
    for entry in std::fs::read_dir(root().join("examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(text.starts_with("//! "), "{} says nothing", path.display());
            assert!(text.lines().count() <= LINES, "{} is long", path.display());
        }
    }
}
