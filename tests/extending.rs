//! What a program adds is checked, keyed and kept like what is built in, and stays in its session.

use std::fs;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use mlp::engine::{Outcome, Report};
use mlp::ml::estimator::{
    BadSetting, Estimator, EstimatorKind, FitContext, FitError, Fitted, LoadError, Prediction,
    Sample, Tags, Task,
};
use mlp::params::{Args, Param, Signature};
use mlp::plan::RegistryError;
use mlp::session::{Session, SessionError};
use mlp::sources::{Added, Input, Options, PATHS, Reader, SourceError, SourceKind, Take};
use mlp::sql::ScalarFunction;
use mlp::{Registry, stages};

use crate::program::Project;

/// A function, an estimator and a source of a version.
struct Own(u32);

static FIRST: Own = Own(1);
static SECOND: Own = Own(2);

impl ScalarFunction for Own {
    fn name(&self) -> &'static str {
        "doubled"
    }

    fn doc(&self) -> &'static str {
        "Twice a number."
    }

    fn version(&self) -> u32 {
        self.0
    }

    fn arguments(&self) -> Vec<(&'static str, DataType)> {
        vec![("x", DataType::Int64)]
    }

    fn result(&self) -> DataType {
        DataType::Int64
    }

    fn call(&self, arguments: &[ArrayRef], _: usize) -> Result<ArrayRef, String> {
        let values = arguments[0].as_primitive::<Int64Type>();
        if values.iter().flatten().any(|value| value > 1000) {
            return Err("a number is above 1000".to_owned());
        }
        let length =
            if values.iter().flatten().any(|value| value == 13) { 0 } else { values.len() };
        let doubled = values.iter().take(length).map(|value| value.map(|value| 2 * value));
        Ok(Arc::new(doubled.collect::<Int64Array>()))
    }
}

static CONSTANT: Signature =
    Signature { name: "constant", doc: "Says one number.", positional: 0, params: &[] };

impl EstimatorKind for Own {
    fn signature(&self) -> &'static Signature {
        &CONSTANT
    }

    fn tags(&self) -> Tags {
        Tags {
            tasks: &[Task::Regression],
            missing: true,
            categories: true,
            scaled: false,
            weights: false,
        }
    }

    fn version(&self) -> u32 {
        self.0
    }

    fn bind(&self, _: &Args) -> Result<Box<dyn Estimator>, BadSetting> {
        Ok(Box::new(Self(self.0)))
    }

    fn load(&self, _: &[u8]) -> Result<Box<dyn Fitted>, LoadError> {
        Ok(Box::new(Self(self.0)))
    }
}

impl Estimator for Own {
    fn fit(&self, _: &Sample<'_>, _: &FitContext<'_>) -> Result<Box<dyn Fitted>, FitError> {
        Ok(Box::new(Self(self.0)))
    }
}

impl Fitted for Own {
    fn predict(&self, features: &mlp::data::Frame) -> Result<Prediction, FitError> {
        Ok(Prediction::Values(vec![f64::from(self.0); features.rows()]))
    }

    fn save(&self) -> Vec<u8> {
        Vec::new()
    }
}

static LINES: Signature = Signature {
    name: "lines",
    doc: "Reads a number a line.",
    positional: 1,
    params: &[Param {
        name: "path",
        doc: "The file.",
        kind: PATHS,
        limits: mlp::params::Limits::ANY,
        default: None,
    }],
};

impl SourceKind for Own {
    fn signature(&self) -> &'static Signature {
        &LINES
    }

    fn version(&self) -> u32 {
        self.0
    }

    fn options(&self, _: &Args) -> Result<Options, SourceError> {
        Ok(Options::Added(Added(Arc::new(Self(self.0)))))
    }
}

impl Reader for Own {
    fn schema(&self, _: &Input) -> Result<SchemaRef, SourceError> {
        Ok(Arc::new(Schema::new(vec![Field::new("x", DataType::Int64, true)])))
    }

    fn read(&self, input: &Input, take: &mut Take<'_>) -> Result<(), SourceError> {
        let text = fs::read_to_string(&input.path).unwrap();
        let mut numbers = Vec::new();
        for line in text.lines() {
            numbers.push(line.parse::<i64>().map_err(|error| SourceError::Damaged {
                file: input.name.clone(),
                format: "list of numbers",
                problem: format!("`{line}`: {error}"),
            })?);
        }
        let column: ArrayRef = Arc::new(Int64Array::from(numbers));
        take(RecordBatch::try_new(self.schema(input)?, vec![column]).unwrap())
    }
}

const PIPELINE: &str = r#"
param least: int = 0
ingest raw { from: lines("numbers.txt") }
prep plain { sql: "SELECT x, x + 1 AS y FROM raw" }
prep twice { sql: "SELECT doubled(x) AS x, y FROM plain" }
expect fine { data: twice, checks: [holds("x >= $least"), holds("doubled(y) > 0")] }
model one { target: y, features: [x], task: regression, estimator: constant }
model two { target: y, features: [x], task: regression, estimator: dummy }
train final { model: one, data: twice }
train other { model: two, data: twice }
evaluate judged { models: [final, other], data: twice, metrics: [mae] }
"#;

fn project(text: &str) -> Project {
    let project = Project::new();
    project.write("own.mlp", text).write("numbers.txt", "1\n2\n3\n4\n");
    project
}

/// Gives the registry whose function, estimator and source have these versions.
fn registry(function: &'static Own, estimator: &'static Own, source: &'static Own) -> Registry {
    let registry = stages::registry().with_function(function).unwrap();
    registry.with_estimator(estimator).unwrap().with_source(source).unwrap()
}

fn run(project: &Project, registry: Registry) -> Report {
    Session::new(registry).open(project.path("own.mlp")).unwrap().run().unwrap()
}

/// Names the stages that ran.
fn ran(report: &Report) -> Vec<&str> {
    let ran = report.stages.iter().filter(|stage| stage.outcome == Outcome::Ran);
    ran.map(|stage| stage.stage.as_str()).collect()
}

#[test]
fn a_version_reruns_what_uses_the_word_and_nothing_else() {
    let project = project(PIPELINE);
    let all = run(&project, registry(&FIRST, &FIRST, &FIRST));
    assert_eq!(ran(&all).len(), 7);
    let again = run(&project, registry(&FIRST, &FIRST, &FIRST));
    assert_eq!(ran(&again), [""; 0]);
    let function = run(&project, registry(&SECOND, &FIRST, &FIRST));
    assert_eq!(ran(&function), ["twice", "fine"]);
    let estimator = run(&project, registry(&SECOND, &SECOND, &FIRST));
    assert_eq!(ran(&estimator), ["final", "judged"]);
    let source = run(&project, registry(&SECOND, &SECOND, &SECOND));
    assert_eq!(ran(&source), ["raw"]);
}

#[test]
fn a_parameter_in_a_check_reruns_it() {
    let project = project(PIPELINE);
    run(&project, registry(&FIRST, &FIRST, &FIRST));
    let request = mlp::plan::Request {
        sets: vec![("least".to_owned(), "5".to_owned())],
        ..mlp::plan::Request::default()
    };
    let session = Session::new(registry(&FIRST, &FIRST, &FIRST));
    let pipeline = session.open_with(project.path("own.mlp"), &request).unwrap();
    assert!(!pipeline.warnings().contains("least"), "{}", pipeline.warnings());
    let error = pipeline.run().unwrap_err().to_string();
    assert_eq!(error, "`fine` failed: `holds(\"x >= $least\")` fails in 2 of 4 rows");
}

#[test]
fn sessions_do_not_meet() {
    let project = project(PIPELINE);
    run(&project, registry(&FIRST, &FIRST, &FIRST));
    let Err(SessionError::Wrong(found)) = Session::default().open(project.path("own.mlp")) else {
        panic!("nobody told this session of `lines`")
    };
    for word in ["lines", "doubled", "constant"] {
        assert!(found.contains(word), "{found}");
    }
}

#[test]
fn a_model_of_an_unknown_estimator_is_refused() {
    let project = project(PIPELINE);
    let session = Session::new(registry(&FIRST, &FIRST, &FIRST));
    let pipeline = session.open(project.path("own.mlp")).unwrap();
    assert!(matches!(pipeline.model("final"), Err(SessionError::Missing { .. })));
    pipeline.run().unwrap();
    let bytes = pipeline.model("final").unwrap().save();
    let built_in = stages::registry();
    let error = mlp::ml::model::FittedModel::load(&bytes, built_in.estimators()).unwrap_err();
    assert!(error.to_string().contains("`constant`, which this mlp doesn't have"), "{error}");
    assert_eq!(pipeline.table("judged").unwrap().rows(), 2);
    let error = pipeline.table("final").unwrap_err().to_string();
    assert_eq!(error, "there is no table `final` that is up to date; run the pipeline first");
}

#[test]
fn what_an_added_word_finds_wrong_is_said_at_its_place() {
    let failure = |numbers: &str| {
        let project = project(PIPELINE);
        project.write("numbers.txt", numbers);
        let session = Session::new(registry(&FIRST, &FIRST, &FIRST));
        match session.open(project.path("own.mlp")).and_then(|pipeline| pipeline.run()) {
            Ok(_) => "all is well".to_owned(),
            Err(error) => error.to_string(),
        }
    };
    assert_eq!(failure("1001\n"), "`twice` failed: `doubled`: a number is above 1000");
    assert_eq!(
        failure("13\n"),
        "`twice` failed: `doubled`: it gave 0 values of type Int64, and promised 1 of type Int64"
    );
    let text = failure("1\none\n");
    assert!(text.contains("numbers.txt") && text.contains("`one`"), "{text}");
}

#[test]
fn a_call_that_fits_no_function_is_refused_before_a_run() {
    let project = project(&PIPELINE.replace("doubled(x)", "doubled('x', 2)"));
    let session = Session::new(registry(&FIRST, &FIRST, &FIRST));
    let Err(error) = session.open(project.path("own.mlp")) else { panic!("it takes one number") };
    let text = format!("{error:?}");
    assert!(text.contains("there is no `doubled(text, int)`"), "{text}");
    assert!(text.contains("it can be called as `doubled(int)`"), "{text}");
}

/// A function under another name.
struct Named(&'static str);

impl ScalarFunction for Named {
    fn name(&self) -> &'static str {
        self.0
    }

    fn doc(&self) -> &'static str {
        "Nothing."
    }

    fn arguments(&self) -> Vec<(&'static str, DataType)> {
        Vec::new()
    }

    fn result(&self) -> DataType {
        DataType::Int64
    }

    fn call(&self, _: &[ArrayRef], rows: usize) -> Result<ArrayRef, String> {
        Ok(Arc::new(Int64Array::from(vec![7; rows])))
    }
}

#[test]
fn a_word_is_added_once_and_can_be_written() {
    let with = |function: &'static Named| stages::registry().with_function(function).err();
    assert_eq!(with(&Named("abs")), Some(RegistryError::Taken { word: "abs", what: "a function" }));
    for word in ["Big", "two words", "", "1st"] {
        let found = with(Box::leak(Box::new(Named(word))));
        assert!(matches!(found, Some(RegistryError::NoName { .. })), "{word}: {found:?}");
    }
    let once = registry(&FIRST, &FIRST, &FIRST);
    let what = |error: Option<RegistryError>| error.map(|error| error.to_string());
    let doubled = once.clone().with_function(&SECOND).err();
    assert_eq!(what(doubled), Some("`doubled` is a function already".to_owned()));
    let constant = once.clone().with_estimator(&SECOND).err();
    assert_eq!(what(constant), Some("`constant` is an estimator already".to_owned()));
    let lines = once.with_source(&SECOND).err();
    assert_eq!(what(lines), Some("`lines` is a source already".to_owned()));
}

#[test]
fn a_function_without_arguments_has_a_value_a_row() {
    let project = project(
        "ingest raw { from: lines(\"numbers.txt\") }\nprep sevens { sql: \"SELECT x, seven() AS s FROM raw WHERE seven() > x\" }\n",
    );
    let registry = registry(&FIRST, &FIRST, &FIRST).with_function(&Named("seven")).unwrap();
    let pipeline = Session::new(registry).open(project.path("own.mlp")).unwrap();
    pipeline.run().unwrap();
    assert_eq!(pipeline.table("sevens").unwrap().rows(), 4);
}
