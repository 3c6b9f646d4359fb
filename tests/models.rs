//! Fitted models as files: exported, loaded by other pipelines, and used on the command line.

use std::fs;

use mlp::cli::load_pipeline;
use mlp::ml::estimator::Task;
use mlp::ml::estimators::ESTIMATORS;
use mlp::ml::steps::STEPS;
use mlp::params::{Family, Kind, Signature};
use mlp::plan::Request;
use serde_json::Value as Json;

use crate::incremental::people;
use crate::program::Project;

/// A pipeline that fits, exports and answers.
const FIT: &str = r#"
pipeline fit { seed: 11 }
ingest people { from: "people.csv" }
prep told { sql: "SELECT age, kind, pay, pay > 30 AS well FROM people" }
split parts { data: told, test: 25% }
model line { target: well, features: [age, kind], estimator: logistic_regression() }
train final { model: line, data: parts.train }
predict scored { model: final, data: parts.test }
evaluate judged { model: final, data: parts.test, metrics: [accuracy, roc_auc] }
export saved { model: final, to: "out/line.mlpmodel" }
export answers { data: scored, to: "out/answers.csv" }
export rows { data: parts.test, to: "out/rows.csv" }
"#;

/// A pipeline that knows the model by its file alone.
const USE: &str = r#"
ingest rows { from: "out/rows.csv" }
predict scored { model: load("out/line.mlpmodel"), data: rows }
evaluate judged {
  models: [load("out/line.mlpmodel")]
  data: rows
  metrics: [accuracy, roc_auc]
  require: [line.accuracy >= 0.1, roc_auc > 0]
}
prep far { sql: "SELECT prediction, probability_true FROM scored WHERE probability_true > 0.5" }
export answers { data: scored, to: "out/again.csv" }
export copy { model: load("out/line.mlpmodel"), to: "out/copy.mlpmodel" }
"#;

fn fitted() -> Project {
    let project = Project::new();
    project.write("people.csv", &people(|_| {})).write("fit.mlp", FIT).write("use.mlp", USE);
    let ran = project.run(&["run", "fit.mlp", "--quiet"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    project
}

fn bytes(project: &Project, name: &str) -> Vec<u8> {
    fs::read(project.path(name)).unwrap()
}

/// Runs a pipeline, and gives the stages that ran with the reason of each.
fn ran(project: &Project, file: &str) -> Vec<(String, String)> {
    let ran = project.run(&["run", file, "--json"]);
    assert_eq!(ran.status, 0, "{}\n{}", ran.stdout, ran.stderr);
    let events = ran.stderr.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok());
    let mut started: Vec<(String, String)> = events
        .filter(|event| event["event"] == "stage_started")
        .map(|event| {
            let text = |name: &str| event[name].as_str().unwrap().to_owned();
            (text("stage"), text("why"))
        })
        .collect();
    started.sort();
    started
}

#[test]
fn a_loaded_model_answers_to_the_bit_as_the_one_that_was_fitted() {
    let project = fitted();
    let used = project.run(&["run", "use.mlp", "--quiet"]);
    assert_eq!(used.status, 0, "{}{}", used.stdout, used.stderr);
    assert_eq!(project.read("out/answers.csv"), project.read("out/again.csv"));
    assert_eq!(bytes(&project, "out/line.mlpmodel"), bytes(&project, "out/copy.mlpmodel"));
    let facts = |file: &str| {
        let shown = project.run(&["show", file, "judged", "--json"]);
        let shown: Json = serde_json::from_str(&shown.stdout).unwrap();
        shown["facts"]["metrics"]
            .as_array()
            .unwrap()
            .iter()
            .map(|own| own["value"].clone())
            .collect()
    };
    let (fitted, loaded): (Vec<Json>, Vec<Json>) = (facts("fit.mlp"), facts("use.mlp"));
    assert_eq!(fitted, loaded);
    let shown = project.run(&["show", "use.mlp", "judged", "--json"]);
    assert!(shown.stdout.contains(r#""model":"line""#), "{}", shown.stdout);
}

#[test]
fn the_command_answers_to_the_bit_as_the_stage_does() {
    let project = fitted();
    let answers = project.read("out/answers.csv");
    let said = project.run(&["predict", "out/line.mlpmodel", "out/rows.csv"]);
    assert_eq!((said.status, said.stderr.as_str()), (0, ""), "{}", said.stderr);
    assert_eq!(said.stdout, answers);
    let wrote =
        project.run(&["predict", "out/line.mlpmodel", "out/rows.csv", "--to", "out/new/told.csv"]);
    assert_eq!((wrote.status, wrote.stdout.as_str()), (0, ""), "{}", wrote.stderr);
    assert_eq!(wrote.stderr, "wrote out/new/told.csv: 30 rows\n");
    assert_eq!(project.read("out/new/told.csv"), answers);
    for name in ["out/told.parquet", "out/told.arrow", "out/told.ndjson"] {
        let args = ["predict", "out/line.mlpmodel", "out/rows.csv", "--to", name, "--json"];
        let wrote = project.run(&args);
        let told: Json = serde_json::from_str(&wrote.stdout).unwrap();
        assert_eq!((&told["rows"], &told["to"]), (&30.into(), &name.into()));
        // What was written is read again: its columns are those that the model reads, and more.
        let again =
            project.run(&["predict", "out/line.mlpmodel", name, "--keep", "age,kind,pay,well"]);
        assert_eq!((again.status, again.stdout.as_str()), (0, answers.as_str()), "{name}");
    }
}

#[test]
fn rows_come_by_standard_input_and_few_columns_stay() {
    let project = fitted();
    let mut command = project.command(&["predict", "out/line.mlpmodel", "-", "--keep", "pay"]);
    command.stdin(fs::File::open(project.path("out/rows.csv")).unwrap());
    let said = crate::program::finish(&mut command);
    assert_eq!(said.status, 0, "{}", said.stderr);
    let mut lines = said.stdout.lines();
    assert_eq!(lines.next(), Some("pay,prediction,probability_false,probability_true"));
    assert_eq!(lines.count(), 30);
    let args = ["predict", "out/line.mlpmodel", "out/rows.csv", "--keep", "", "--json"];
    let said = project.run(&args);
    let first: Json = serde_json::from_str(said.stdout.lines().next().unwrap()).unwrap();
    let names: Vec<&String> = first.as_object().unwrap().keys().collect();
    assert_eq!(names, ["prediction", "probability_false", "probability_true"]);
}

#[test]
fn text_is_read_with_the_types_of_the_training_rows() {
    let project = Project::new();
    let rows: String = (0..40).map(|at| format!("{:03},{at}.5,{}\n", at % 4, at % 2)).collect();
    project.write("rows.csv", &format!("zone,size,sold\n{rows}")).write(
        "fit.mlp",
        r#"
ingest rows { from: "rows.csv" }
model line { target: sold, task: classification, estimator: logistic_regression() }
train final { model: line, data: rows }
export saved { model: final, to: "line.mlpmodel" }
"#,
    );
    let ran = project.run(&["run", "fit.mlp", "--quiet"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    // Alone, `3` is a whole number and nothing is a text; the model knows better.
    project.write("new.csv", "zone,size\n3,\n2,\n");
    let said = project.run(&["predict", "line.mlpmodel", "new.csv", "--keep", "zone,size"]);
    assert_eq!(said.status, 0, "{}", said.stderr);
    assert!(said.stdout.starts_with("zone,size,prediction,probability_0,probability_1\n3,,"));
    project.write("new.csv", "zone,size\n3,large\n");
    let said = project.run(&["predict", "line.mlpmodel", "new.csv"]);
    insta::assert_snapshot!(said.stderr, @r"
    error: `new.csv`, line 2: `large` in column `size` is no float
      help: `line.mlpmodel` was fitted on `size` as float
    ");
    assert_eq!(said.status, 2);
}

#[test]
fn an_edited_model_file_reruns_what_reads_it_alone() {
    let project = fitted();
    project.run(&["run", "use.mlp", "--quiet"]);
    assert_eq!(ran(&project, "use.mlp"), []);
    // The same bytes elsewhere in time are the same file.
    let model = bytes(&project, "out/line.mlpmodel");
    fs::write(project.path("out/line.mlpmodel"), &model).unwrap();
    assert_eq!(ran(&project, "use.mlp"), []);
    project.write("fit.mlp", &FIT.replace("logistic_regression()", "logistic_regression(C: 0.1)"));
    assert_eq!(project.run(&["run", "fit.mlp", "--quiet"]).status, 0);
    let plan = project.run(&["plan", "use.mlp"]);
    assert!(
        plan.stdout.contains("scored   predict   will run: `out/line.mlpmodel` changed"),
        "{}",
        plan.stdout
    );
    let ran = ran(&project, "use.mlp");
    let names: Vec<&str> = ran.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["answers", "copy", "far", "judged", "scored"]);
    assert!(ran.iter().all(|(name, why)| {
        ["answers", "far"].contains(&name.as_str()) || why == "`out/line.mlpmodel` changed"
    }));
}

#[test]
fn a_model_file_says_what_is_in_it() {
    let project = fitted();
    let shown = project.run(&["show", "out/line.mlpmodel"]);
    assert_eq!(shown.status, 0, "{}", shown.stderr);
    insta::assert_snapshot!(shown.stdout.replace(env!("CARGO_PKG_VERSION"), "VERSION"), @r"
    task         classification of `well`
    estimator    logistic_regression
    classes      false, true
    positive     true
    learnt from  90 rows (37588cf05d), seed 11, mlp VERSION

    fitted
      drop_constant: nothing to drop
      impute: age: 39.5
      scale: age: (39.933 ± 14.304)
      one_hot: kind: 3 columns
      logistic_regression on 4 columns

    reads
      age   int
      kind  text

    settings
      estimator.logistic_regression.C              1.0
      estimator.logistic_regression.l1_ratio       0.0
      estimator.logistic_regression.fit_intercept  true
      estimator.logistic_regression.tol            1e-10
      estimator.logistic_regression.max_iter       100
    ");
    let told: Json =
        serde_json::from_str(&project.run(&["show", "out/line.mlpmodel", "--json"]).stdout)
            .unwrap();
    assert_eq!(told["classes"], serde_json::json!([false, true]));
    assert_eq!(
        told["columns"][0],
        serde_json::json!({"name": "age", "type": "int", "holds": "number"})
    );
    assert_eq!((&told["training"]["rows"], &told["training"]["seed"]), (&90.into(), &11.into()));
}

#[test]
fn a_report_shows_what_is_in_a_model_file() {
    let project = fitted();
    project.write(
        "page.mlp",
        "report page { of: [load(\"out/line.mlpmodel\")], to: \"out/page.html\" }\n",
    );
    let ran = project.run(&["run", "page.mlp", "--quiet"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let page = project.read("out/page.html");
    for part in
        ["out/line.mlpmodel", "one_hot: kind: 3 columns", "logistic_regression on 4 columns"]
    {
        assert!(page.contains(part), "{part}\n{page}");
    }
}

#[test]
fn a_loaded_model_is_not_judged_on_its_training_rows_unsaid() {
    let project = fitted();
    let seen = FIT.replace("data: parts.test, metrics", "data: parts.train, metrics");
    let seen = seen.replace("judged { model: final", "judged { model: load(\"out/line.mlpmodel\")");
    let seen = seen.replace("export saved { model: final, to: \"out/line.mlpmodel\" }", "");
    project.write("seen.mlp", &seen);
    let ran = project.run(&["run", "seen.mlp", "--quiet"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("`line` was fitted on these very rows"), "{}", ran.stderr);
}

/// Says what is told of a pipeline that loads a file of these bytes.
fn told(project: &Project, bytes: &[u8]) -> String {
    fs::write(project.path("odd.mlpmodel"), bytes).unwrap();
    let text = "ingest rows { from: \"out/rows.csv\" }\n\
                predict scored { model: load(\"odd.mlpmodel\"), data: rows }\n";
    project.write("odd.mlp", text);
    let checked = project.run(&["check", "odd.mlp"]);
    assert_eq!(checked.status, 2, "{}", checked.stderr);
    assert_eq!(checked.stderr.matches("error[").count(), 1, "{}", checked.stderr);
    assert!(checked.stderr.contains("odd.mlp:2:25"), "{}", checked.stderr);
    let by_hand = project.run(&["predict", "odd.mlpmodel", "out/rows.csv"]);
    assert_eq!((by_hand.status, by_hand.stdout.as_str()), (2, ""));
    // The same in both places, but for where lines end.
    let said = by_hand.stderr.lines().next().unwrap().trim_start_matches("error: ");
    let flat = checked.stderr.split_whitespace().filter(|word| *word != "|").collect::<Vec<_>>();
    assert!(flat.join(" ").contains(said), "{}", checked.stderr);
    said.to_owned()
}

#[test]
fn a_file_that_is_no_usable_model_is_told_at_its_place() {
    let project = fitted();
    let good = bytes(&project, "out/line.mlpmodel");
    let mut newer = good.clone();
    newer[8] = 77;
    let mut head = good.clone();
    head[60] ^= 1;
    let said = [
        told(&project, b""),
        told(&project, b"id,name\n1,Ada\n"),
        told(&project, &good[..40]),
        told(&project, &good[..good.len() - 1]),
        told(&project, &[&good[..], b"x"].concat()),
        told(&project, &head),
        told(&project, &newer),
    ];
    insta::assert_snapshot!(said.join("\n").replace(&(good.len() - 1).to_string(), "N"), @r"
    `odd.mlpmodel` is no model file: it is empty
    `odd.mlpmodel` is no model file: it doesn't begin as one
    the model file `odd.mlpmodel` is damaged: it is cut off after 40 bytes
    the model file `odd.mlpmodel` is damaged: it is cut off after N bytes
    the model file `odd.mlpmodel` is damaged: some of its bytes were changed
    the model file `odd.mlpmodel` is damaged: some of its bytes were changed
    the model file `odd.mlpmodel` can't be used: a later mlp wrote it, in format 77; this mlp reads format 2
    ");
}

#[test]
fn a_model_whose_body_is_damaged_fails_the_stage_and_writes_nothing() {
    let project = fitted();
    let mut damaged = bytes(&project, "out/line.mlpmodel");
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    fs::write(project.path("out/line.mlpmodel"), damaged).unwrap();
    assert_eq!(project.run(&["check", "use.mlp"]).status, 0, "a check reads the head alone");
    let ran = project.run(&["run", "use.mlp"]);
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("the model file `out/line.mlpmodel` is damaged"), "{}", ran.stderr);
    assert!(!project.path("out/again.csv").exists());
    let said = project.run(&["predict", "out/line.mlpmodel", "out/rows.csv", "--to", "told.csv"]);
    assert_eq!((said.status, said.stdout.as_str()), (2, ""));
    assert!(!project.path("told.csv").exists());
}

#[test]
fn rows_are_answered_batch_by_batch_as_they_are_all_at_once() {
    // More rows than one batch has; a row of the second is one that the model refuses.
    const ROWS: usize = 70_001;
    let project = fitted();
    let row = |row: usize| format!("{},{}\n", row * 7 % 90, ["a", "b", "c"][row % 3]);
    let rows: String = (0..ROWS).map(row).collect();
    project.write("rows.csv", &format!("age,kind\n{rows}")).write(
        "all.mlp",
        "ingest rows { from: \"rows.csv\" }\n\
         predict told { model: load(\"out/line.mlpmodel\"), data: rows }\n\
         export csv { data: told, to: \"all.csv\" }\n\
         export packed { data: told, to: \"all.ndjson.gz\" }\n\
         export parquet { data: told, to: \"all.parquet\" }\n",
    );
    let ran = project.run(&["run", "all.mlp", "--quiet"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let said = project.run(&["predict", "out/line.mlpmodel", "rows.csv"]);
    assert_eq!((said.status, said.stdout == project.read("all.csv")), (0, true), "{}", said.stderr);
    for name in ["ndjson.gz", "parquet"] {
        let to = format!("told.{name}");
        let args = ["predict", "out/line.mlpmodel", "rows.csv", "--to", &to];
        let said = project.run(&args);
        assert_eq!((said.status, said.stderr), (0, format!("wrote {to}: {ROWS} rows\n")),);
        assert!(bytes(&project, &to) == bytes(&project, &format!("all.{name}")), "{name}");
    }
    project.write("rows.csv", &format!("age,kind\n{rows}inf,a\n"));
    let said = project.run(&["predict", "out/line.mlpmodel", "rows.csv", "--to", "none.csv"]);
    assert_eq!((said.status, said.stdout.as_str()), (1, ""));
    assert!(said.stderr.contains(&format!("has infinity in row {ROWS}")), "{}", said.stderr);
    assert!(!project.path("none.csv").exists());
}

#[test]
fn rows_that_a_model_cannot_read_are_told_once() {
    let project = fitted();
    let check = |rows: &str| {
        project.write("rows.csv", rows).write(
            "odd.mlp",
            "ingest rows { from: \"rows.csv\" }\nevaluate judged { model: load(\"out/line.mlpmodel\"), data: rows, metrics: [accuracy] }\n",
        );
        let checked = project.run(&["check", "odd.mlp"]);
        assert_eq!((checked.status, checked.stderr.matches("error[").count()), (2, 1));
        let by_hand = project.run(&["predict", "out/line.mlpmodel", "rows.csv"]);
        format!("{}\n{} {}", checked.stderr, by_hand.status, by_hand.stderr)
    };
    insta::assert_snapshot!(check("Age,well\n1,true\n"), @r#"
    error[missing-column]

      x `rows` has no columns `age`, `kind`, which `line` was fitted on
       ,-[odd.mlp:2:26]
     1 | ingest rows { from: "rows.csv" }
     2 | evaluate judged { model: load("out/line.mlpmodel"), data: rows, metrics: [accuracy] }
       :                          ^^^^^^^^^^^^|^^^^^^^^^^^^        ^^|^
       :                                      |                      `-- than these rows have
       :                                      `-- this model reads other columns
       `----
      help: is `Age` what was `age`?

    1 error

    2 error: the rows have no columns `age`, `kind`, which `out/line.mlpmodel` reads
      help: is `Age` what was `age`?
    "#);
    insta::assert_snapshot!(check("age,kind,well\nold,a,true\n"), @r#"
    error[changed-type]

      x `rows` holds other types than `line` was fitted on: `age` is text, not int
       ,-[odd.mlp:2:26]
     1 | ingest rows { from: "rows.csv" }
     2 | evaluate judged { model: load("out/line.mlpmodel"), data: rows, metrics: [accuracy] }
       :                          ^^^^^^^^^^^^|^^^^^^^^^^^^        ^^|^
       :                                      |                      `-- than these rows have
       :                                      `-- this model reads other columns
       `----
      help: give it the type that it had: `schema: { age: int }` in an `ingest`, or `CAST` in a `prep`

    1 error

    2 error: `rows.csv`, line 2: `old` in column `age` is no int
      help: `out/line.mlpmodel` was fitted on `age` as int
    "#);
    insta::assert_snapshot!(check("age,kind,well\n1,a,yes\n"), @r#"
    error[changed-type]

      x `rows` holds other types than `line` was fitted on: `well` is text, not bool
       ,-[odd.mlp:2:26]
     1 | ingest rows { from: "rows.csv" }
     2 | evaluate judged { model: load("out/line.mlpmodel"), data: rows, metrics: [accuracy] }
       :                          ^^^^^^^^^^^^|^^^^^^^^^^^^        ^^|^
       :                                      |                      `-- than these rows have
       :                                      `-- this model reads other columns
       `----
      help: give it the type that it had: `schema: { well: bool }` in an `ingest`, or `CAST` in a
            `prep`

    1 error

    0
    "#);
}

#[test]
fn a_command_line_that_cannot_work_says_why() {
    let project = fitted();
    project.write("taken.csv", "age,kind,prediction\n3,a,x\n").write("head.csv", "age,kind\n");
    let said = |args: &[&str]| {
        let ran = project.run(&[&["predict", "out/line.mlpmodel"], args].concat());
        format!("{} {}", ran.status, ran.stderr)
    };
    insta::assert_snapshot!(
        [
            said(&["out/row.csv"]),
            said(&["out/rows.csv", "--to", "told.xlsx"]),
            said(&["out/rows.csv", "--to", "out/rows.csv"]),
            said(&["out/rows.csv", "--keep", "agee"]),
            said(&["taken.csv"]),
            said(&["head.csv"]),
            said(&["fit.mlp"]),
        ]
        .join("\n"),
        @r"
        2 error: there is no file `out/row.csv`
          help: did you mean `out/rows.csv`?

        2 error: the name `told.xlsx` tells no format to write
          help: name a file that ends in `.parquet`, `.csv`, `.tsv`, `.ndjson`, `.json` or `.arrow`

        2 error: `out/rows.csv` is read, so it can't be written
          help: write to another file

        2 error: the rows have no column `agee` to keep
          help: did you mean `age`?

        2 error: the rows have a column `prediction` already
          help: keep others alone, such as `--keep id`

        0 
        2 error: the name `fit.mlp` tells no format
          help: known extensions: .csv .tsv .json .ndjson .jsonl .parquet .arrow .feather .ipc, the text formats also with .gz or .zst
        "
    );
    let ran = project.run(&["predict", "fit.mlp", "out/rows.csv"]);
    insta::assert_snapshot!(ran.stderr, @r#"
    error: `fit.mlp` is a pipeline, not a model file
      help: a stage `export { model: …, to: "NAME.mlpmodel" }` writes a model file
    "#);
}

/// Writes a call of a registered word: what must be given, and few rounds.
fn call(signature: &Signature, column: &str) -> String {
    let rounds = ["n_estimators", "max_iter", "epochs"];
    let args: Vec<String> = signature
        .params
        .iter()
        .filter_map(|param| {
            let value = match param.kind {
                _ if rounds.contains(&param.name) => "3",
                _ if param.default.is_some() => return None,
                Kind::Int => "2",
                Kind::Float | Kind::Share => "0.5",
                Kind::List(Kind::Call(Family::Layer)) => "[dense(3)]",
                _ => column,
            };
            Some(format!("{}: {value}", param.name))
        })
        .collect();
    // What a rule between the settings asks for.
    let more = if signature.name == "clip" { "lower: 20" } else { "" };
    format!("{}({}{more})", signature.name, args.join(", "))
}

/// Two pipelines that must give the same bytes: one fits models, the other loads them.
#[derive(Default)]
struct Pair {
    fit: String,
    load: String,
    names: Vec<String>,
}

const ROWS: &str = r#"
ingest people { from: "people.csv" }
prep told {
  sql: """
    SELECT age, kind, pay, pay > 30 AS well, CAST(to_timestamp(age * 864000) AS DATE) AS day
    FROM people
  """
}
"#;

impl Pair {
    /// Adds a model.
    fn add(&mut self, name: &str, fields: &str) {
        let at = self.names.len();
        self.names.push(name.to_owned());
        self.fit.push_str(&one(at, fields));
        self.load.push_str(&format!(
            "predict p{at} {{ model: load(\"out/{at}.mlpmodel\"), data: told }}\n\
             export e{at} {{ data: p{at}, to: \"out/loaded{at}.csv\" }}\n\
             export f{at} {{ model: load(\"out/{at}.mlpmodel\"), to: \"out/copy{at}.mlpmodel\" }}\n"
        ));
    }

    /// Runs both, and compares what they wrote.
    fn compare(&self) {
        let project = Project::new();
        project
            .write("people.csv", &people(|_| {}))
            .write("fit.mlp", &format!("{ROWS}{}", self.fit))
            .write("load.mlp", &format!("{ROWS}{}", self.load))
            .write("none.csv", "age,kind,pay,well,day\n");
        for file in ["fit.mlp", "load.mlp"] {
            let ran = project.run(&["run", file, "--quiet"]);
            assert_eq!(ran.status, 0, "{file}\n{}{}", ran.stdout, ran.stderr);
        }
        for (at, name) in self.names.iter().enumerate() {
            let read = |name: &str| bytes(&project, &format!("out/{name}{at}.csv"));
            assert_eq!(read("fitted"), read("loaded"), "{name}");
            let model = |name: &str| bytes(&project, &format!("out/{name}{at}.mlpmodel"));
            assert_eq!(model(""), model("copy"), "{name}");
            let none = project.run(&["predict", &format!("out/{at}.mlpmodel"), "none.csv"]);
            assert_eq!(
                (none.status, none.stdout.lines().count()),
                (0, 1),
                "{name} {}",
                none.stderr
            );
        }
    }
}

/// Writes the stages that fit a model and write it.
fn one(at: usize, fields: &str) -> String {
    format!(
        "model m{at} {{ {fields} }}\n\
         train t{at} {{ model: m{at}, data: told }}\n\
         predict p{at} {{ model: t{at}, data: told }}\n\
         export e{at} {{ data: p{at}, to: \"out/fitted{at}.csv\" }}\n\
         export f{at} {{ model: t{at}, to: \"out/{at}.mlpmodel\" }}\n"
    )
}

#[test]
fn every_estimator_survives_its_file_to_the_bit() {
    let mut pair = Pair::default();
    for kind in ESTIMATORS {
        let call = call(kind.signature(), "age");
        for task in kind.tags().tasks {
            let target = match task {
                Task::Classification => "target: well, features: [age, kind], ",
                Task::Regression => "target: pay, task: regression, features: [age, kind], ",
                Task::Clustering | Task::Anomaly => "features: [age, pay], ",
            };
            pair.add(&format!("{call} for {}", task.word()), &format!("{target}estimator: {call}"));
        }
    }
    pair.compare();
}

#[test]
fn every_step_survives_its_file_to_the_bit() {
    // What a step leaves must be what the estimator takes, so that not every step goes with every column.
    const WAYS: [(&str, &str); 5] = [
        ("age", ""),
        ("kind", ""),
        ("kind", ", one_hot()"),
        ("day", ""),
        ("day", ", date_parts()"),
    ];
    let mut pair = Pair::default();
    let project = Project::new();
    project.write("people.csv", &people(|_| {}));
    for kind in STEPS {
        let fields = WAYS.iter().map(|(column, rest)| {
            let call = call(kind.signature(), column);
            format!("target: pay, task: regression, features: [{column}], steps: [{call}{rest}], estimator: ridge()")
        });
        let is_right = |fields: &String| {
            let text = format!("{ROWS}{}", one(0, fields));
            let path = project.path("try.mlp");
            load_pipeline(&path, &text, &Request::default(), &project.store()).plan.is_some()
        };
        let word = kind.signature().name;
        let fields = fields.into_iter().find(is_right);
        pair.add(word, &fields.unwrap_or_else(|| panic!("no way to use `{word}`")));
    }
    pair.compare();
}
