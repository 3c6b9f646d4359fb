//! The built program: whole output, exit codes, pipes and signals.

use std::process::Stdio;

use crate::program::{Project, Ran, finish, mlp};

const PEOPLE: &str = "id,name,age\n1,Ada,36\n2,Bo,41\n3,Cy,29\n";

/// A pipeline that needs nothing but SQL.
const SQL: &str = r#"
ingest people { from: "people.csv" }
prep old { sql: "SELECT id, age FROM people WHERE age > 30" }
prep count { sql: "SELECT count(*) AS n FROM old" }
"#;

fn people() -> Project {
    let project = Project::new();
    project.write("people.csv", PEOPLE).write("a.mlp", SQL);
    project
}

fn done(stdout: &str) -> Ran {
    Ran { status: 0, stdout: stdout.to_owned(), stderr: String::new() }
}

#[test]
fn a_second_run_says_at_once_that_nothing_changed() {
    let project = people();
    let first = project.run(&["run", "a.mlp"]);
    assert_eq!(
        (first.status, first.stdout.as_str()),
        (0, "a: 3 stages: 3 ran\n"),
        "{}",
        first.stderr
    );
    assert_eq!(project.run(&["run", "a.mlp"]), done("a: all 3 stages are up to date\n"));
}

#[test]
fn a_plan_says_what_runs_and_why() {
    let project = people();
    insta::assert_snapshot!(project.run(&["plan", "a.mlp"]).stdout, @r"
    people  ingest  will run: it has not run before
    old     prep    depends on people
    count   prep    depends on old

    1 to run, 2 that depend on those
    ");
    project.run(&["run", "a.mlp"]);
    project.write("a.mlp", &SQL.replace("age > 30", "age > 40"));
    insta::assert_snapshot!(project.run(&["plan", "a.mlp"]).stdout, @r"
    people  ingest  cached
    old     prep    will run: `sql` changed
    count   prep    depends on old

    1 in the cache, 1 to run, 1 that depend on those
    ");
}

#[test]
fn a_command_that_is_not_built_yet_says_so() {
    let project = Project::new();
    for words in
        [&["serve"][..], &["lsp"], &["diff", "a.mlp"], &["cache", "push"], &["cache", "pull"]]
    {
        let refused = project.run(words);
        let word = words.iter().rfind(|word| !word.contains('.')).unwrap();
        assert_eq!(refused.status, 2, "{words:?}");
        let said = format!("error: `{word}` is not built yet\n  help: ");
        assert!(refused.stderr.starts_with(&said), "{words:?}: {}", refused.stderr);
    }
    assert!(project.run(&["sreve"]).stderr.contains("unrecognized subcommand 'sreve'"));
}

#[test]
fn settings_of_a_project_are_not_ignored() {
    let project = people();
    project.write("mlp.yaml", "# the project\n");
    assert_eq!(project.run(&["check", "a.mlp"]).status, 0);
    project.write("mlp.yaml", "cache: elsewhere\n");
    for words in [["check", "a.mlp"], ["run", "a.mlp"], ["cache", "ls"]] {
        let refused = project.run(&words);
        assert_eq!(refused.status, 2, "{words:?}");
        assert!(refused.stderr.contains("mlp.yaml` are not built yet"), "{}", refused.stderr);
    }
}

#[test]
fn rows_are_shown_as_a_table() {
    let project = people();
    project.run(&["run", "a.mlp"]);
    insta::assert_snapshot!(project.run(&["show", "a.mlp", "old"]).stdout, @r"
    | id | age |
    |----|-----|
    |  1 |  36 |
    |  2 |  41 |

    2 rows, 2 columns
      id   int
      age  int
    ");
    let json = project.run(&["show", "a.mlp", "old", "--json", "--rows", "1"]);
    insta::assert_snapshot!(json.stdout, @r#"{"current":true,"facts":{},"warnings":[],"rows":2,"schema":[{"name":"id","type":"int"},{"name":"age","type":"int"}],"data":[{"id":1,"age":36}]}"#);
}

#[test]
fn parameters_reach_sql_with_their_declared_types() {
    let project = Project::new();
    project.write("rows.csv", "id,day\n1,2024-01-01\n2,2024-02-01\n").write(
        "p.mlp",
        r#"
param day: date = "2024-02-01" "the last day"
param at: timestamp = "2024-02-01 12:30:00" "a moment"
param back: duration = 31d "how far back"
param share: float = 1 "a whole number for a float"
param part: float = 20% "a percentage for a float"
param price: decimal(6, 2) = 1.10 "an exact number"
param days: [date] = ["2024-01-01"] "days"
ingest rows { from: "rows.csv" }
prep typed {
  sql: """
    SELECT id, $day - $back AS first, $at AS at, $share AS share, $part AS part, $price * 3 AS price
    FROM rows WHERE day >= $day - $back AND day IN ($days)
  """
}
"#,
    );
    assert_eq!(project.run(&["run", "p.mlp", "--quiet", "--set", "part=25%"]).status, 0);
    let args = ["show", "p.mlp", "typed", "--set", "part=25%"];
    insta::assert_snapshot!(project.run(&args).stdout, @r"
    | id | first      | at                  | share | part | price |
    |----|------------|---------------------|-------|------|-------|
    |  1 | 2024-01-01 | 2024-02-01T12:30:00 |   1.0 | 0.25 |  3.30 |

    1 row, 6 columns
      id     int
      first  date
      at     timestamp
      share  float
      part   float
      price  decimal(27, 2)
    ");
}

#[test]
fn a_query_above_the_memory_limit_fails_and_the_others_go_on() {
    let project = Project::new();
    project.write("rows.csv", "id\n1\n2\n").write(
        "p.mlp",
        r#"
ingest rows { from: "rows.csv" }
prep large { sql: "SELECT unnest(range(0, 1000000)) AS n FROM rows" }
prep small { sql: "SELECT id + 1 AS id FROM rows" }
"#,
    );
    let ran = project.run(&["run", "p.mlp", "--quiet", "--memory", "2MiB"]);
    assert_eq!(ran.status, 1);
    assert!(ran.stdout.contains("3 stages: 2 ran, 1 failed"), "{}", ran.stdout);
    assert!(ran.stderr.contains("raise `--memory`"), "{}", ran.stderr);
    assert_eq!(project.run(&["run", "p.mlp", "--memory", "64MiB"]).status, 0);
    assert_eq!(project.run(&["run", "p.mlp", "--memory", "64"]).status, 2);
}

#[test]
fn a_result_that_is_out_of_date_is_shown_with_a_note() {
    let project = people();
    project.run(&["run", "a.mlp"]);
    project.write("a.mlp", &SQL.replace("age > 30", "age > 40"));
    let shown = project.run(&["show", "a.mlp", "old"]);
    assert_eq!(shown.status, 0);
    assert!(shown.stderr.contains("of an earlier run"), "{}", shown.stderr);
}

#[test]
fn what_has_not_run_cannot_be_shown() {
    let shown = people().run(&["show", "a.mlp", "old"]);
    assert_eq!(shown.status, 1);
    insta::assert_snapshot!(shown.stderr, @r"
    error: `old` has not run yet
      help: run it first: `mlp run a.mlp --only old`
    ");
}

#[test]
fn a_wrong_pipeline_ends_with_two_and_runs_nothing() {
    let project = people();
    project.write("a.mlp", &SQL.replace("SELECT id, age", "SELECT id, agee"));
    let ran = project.run(&["run", "a.mlp"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("a.mlp:3:"), "{}", ran.stderr);
    assert!(!project.path("a.lock").exists());
}

#[test]
fn findings_are_written_for_programs() {
    let project = people();
    project.write("a.mlp", "ingest people { form: \"people.csv\" }\n");
    let checked = project.run(&["check", "a.mlp", "--json"]);
    assert_eq!((checked.status, checked.stderr.as_str()), (2, ""));
    let answer: serde_json::Value = serde_json::from_str(&checked.stdout).unwrap();
    assert_eq!(
        (&answer["ok"], &answer["errors"]),
        (&false.into(), &answer["diagnostics"].as_array().unwrap().len().into())
    );
    assert_eq!(answer["diagnostics"][0]["line"], 1);
    assert_eq!(answer["diagnostics"][0]["file"], "a.mlp");
}

#[test]
fn a_failed_expectation_ends_with_one_and_blocks_what_reads_the_data() {
    let project = people();
    project.write(
        "a.mlp",
        &format!("{SQL}expect sane {{ data: old, checks: [between(age, 0, 40)] }}\n"),
    );
    let ran = project.run(&["run", "a.mlp"]);
    assert_eq!(ran.status, 1);
    assert!(
        ran.stdout.contains("failed: sane") && ran.stdout.contains("blocked: count"),
        "{}",
        ran.stdout
    );
    assert!(ran.stderr.contains("`sane` failed"), "{}", ran.stderr);
    assert_eq!(project.run(&["run", "a.mlp"]).status, 1, "a failure is told again");
}

#[test]
fn standard_output_is_the_same_at_any_number_of_threads() {
    for form in [&["run", "a.mlp"][..], &["run", "a.mlp", "--json"]] {
        let outputs: Vec<String> = ["1", "2", "5"]
            .iter()
            .map(|threads| people().run(&[form, &["--threads", threads]].concat()).stdout)
            .collect();
        assert!(!outputs[0].is_empty());
        assert!(outputs.iter().all(|output| *output == outputs[0]), "{outputs:?}");
    }
}

#[test]
fn events_are_written_an_object_a_line() {
    let ran = people().run(&["run", "a.mlp", "--json"]);
    let kinds = |text: &str| -> Vec<String> {
        let objects =
            text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        objects.map(|object| object["event"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        kinds(&ran.stdout),
        ["stage_finished", "stage_finished", "stage_finished", "run_finished"]
    );
    assert_eq!(kinds(&ran.stderr).first().unwrap(), "run_started");
    assert_eq!(kinds(&ran.stderr).last().unwrap(), "run_finished");
}

#[test]
fn quiet_says_nothing_but_the_summary() {
    let ran = people().run(&["run", "a.mlp", "--quiet"]);
    assert_eq!(ran, done("a: 3 stages: 3 ran\n"));
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let project = people();
    project.run(&["run", "a.mlp"]);
    let mut child =
        project.command(&["show", "a.mlp", "old"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn files_that_are_not_there_are_told_with_the_nearest() {
    let project = people();
    let ran = project.run(&["check", "b.mlp"]);
    assert_eq!(ran.status, 2);
    insta::assert_snapshot!(ran.stderr, @r"
    error: there is no pipeline `b.mlp`
      help: did you mean `a.mlp`?
    ");
    assert_eq!(project.run(&["check", "."]).status, 2);
}

#[test]
fn a_word_that_is_no_command_ends_with_two() {
    let ran = finish(mlp().arg("chek"));
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("'check'"), "{}", ran.stderr);
}

#[test]
fn the_version_needs_nothing() {
    let ran = finish(mlp().arg("--version"));
    assert_eq!(ran, done(&format!("mlp {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn every_command_teaches() {
    let help = finish(mlp().arg("--help"));
    assert_eq!(help.status, 0);
    let commands = help.stdout.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    let names: Vec<&str> = commands
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(names.len() >= 8, "{names:?}");
    for name in names {
        let help = finish(mlp().args(["help", name]));
        assert!(help.status == 0 && help.stdout.contains("Example"), "{name}: {}", help.stdout);
    }
}

#[test]
fn layout_is_mended_in_place_and_checked_without() {
    let project = Project::new();
    project.write("a.mlp", "ingest   people { from:\"people.csv\" }\n");
    let checked = project.run(&["fmt", "--check", "a.mlp"]);
    assert_eq!((checked.status, checked.stdout.as_str()), (1, "a.mlp\n"));
    assert_eq!(project.run(&["fmt", "a.mlp"]), done(""));
    assert_eq!(project.read("a.mlp"), "ingest people { from: \"people.csv\" }\n");
    assert_eq!(project.run(&["fmt", "--check", "a.mlp"]), done(""));
}

#[test]
fn a_graph_can_be_drawn() {
    let project = people();
    insta::assert_snapshot!(project.run(&["graph", "a.mlp"]).stdout, @r"
    people  ingest
    old     prep    after people
    count   prep    after old
    ");
    insta::assert_snapshot!(project.run(&["graph", "a.mlp", "--format", "mermaid"]).stdout, @r#"
    flowchart LR
      s0["people<br/>ingest"]
      s1["old<br/>prep"]
      s2["count<br/>prep"]
      s0 --> s1
      s1 --> s2
    "#);
}

#[test]
fn a_first_pipeline_runs_and_nothing_is_written_over() {
    let project = Project::new();
    assert_eq!(project.run(&["init", "first.mlp"]).status, 0);
    let checked = project.run(&["check", "first.mlp", "--deny", "warnings"]);
    assert_eq!(checked.status, 0, "{}", checked.stderr);
    let ran = project.run(&["run", "first.mlp"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(project.read("out/scores.csv").lines().count() > 10);
    assert_eq!(project.run(&["init", "first.mlp"]).status, 2);
    let explained = project.run(&["explain", "first.mlp", "fitted"]);
    assert!(explained.stdout.contains("logistic_regression on"), "{}", explained.stdout);
}

#[test]
fn init_names_the_pipeline_and_keeps_what_is_there() {
    let project = Project::new();
    assert_eq!(project.run(&["init", "churn.mlp"]).status, 0);
    assert!(project.read("churn.mlp").contains("pipeline churn {"));
    assert_eq!(project.run(&["init"]).status, 0);
    assert!(project.read("pipeline.mlp").contains("pipeline first {"));
    project.write("data/visits.csv", "mine\n");
    let other = project.run(&["init", "other.mlp"]);
    assert_eq!(other.status, 2);
    assert!(other.stderr.contains("start in another folder"), "{}", other.stderr);
    assert_eq!(project.read("data/visits.csv"), "mine\n");
    assert!(!project.path("other.mlp").exists());
}

#[test]
fn a_graph_is_drawn_and_written_for_programs() {
    let project = Project::new();
    project.run(&["init", "first.mlp"]);
    let svg = project.run(&["graph", "first.mlp", "--format", "svg"]).stdout;
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\"") && !svg.contains("href"));
    let graph = project.run(&["graph", "first.mlp", "--json"]).stdout;
    let graph: serde_json::Value = serde_json::from_str(&graph).unwrap();
    for stage in graph["stages"].as_array().unwrap() {
        let name = stage["stage"].as_str().unwrap();
        assert!(svg.contains(&format!(">{name}</text>")), "{name}");
    }
    let mut long = String::from("ingest s0 { from: \"data/visits.csv\" }\n");
    for stage in 1..151 {
        long.push_str(&format!("prep s{stage} {{ sql: \"SELECT * FROM s{}\" }}\n", stage - 1));
    }
    project.write("long.mlp", &long);
    let refused = project.run(&["graph", "long.mlp", "--format", "svg"]);
    assert_eq!(refused.status, 1);
    assert!(refused.stderr.contains("`--format dot`"), "{}", refused.stderr);
}

#[test]
fn functions_of_sql_explain_themselves() {
    let list = finish(mlp().args(["docs", "sql"])).stdout;
    for name in ["round", "coalesce", "sum", "row_number", "date_trunc"] {
        assert!(list.contains(&format!("\n  {name} ")), "{name}");
    }
    let round = finish(mlp().args(["docs", "round"])).stdout;
    assert!(round.starts_with("round(") && round.contains("is a function of SQL"), "{round}");
    // A word of both is told as both.
    let median = finish(mlp().args(["docs", "median"])).stdout;
    assert!(median.contains("is a pruner") && median.contains("is a function of SQL"), "{median}");
    let words = finish(mlp().args(["docs", "--json"])).stdout;
    let words: serde_json::Value = serde_json::from_str(&words).unwrap();
    assert_eq!(words["words"]["stages"][0]["name"], "ingest");
    assert!(words["functions"].as_array().unwrap().len() > 200);
}

#[test]
fn words_explain_themselves() {
    let docs = finish(mlp().args(["docs", "logistic_regression"]));
    assert!(docs.status == 0 && docs.stdout.contains("C: a number"), "{}", docs.stdout);
    let near = finish(mlp().args(["docs", "logistic_regresion"]));
    assert_eq!(near.status, 2);
    assert!(near.stderr.contains("did you mean `logistic_regression`?"), "{}", near.stderr);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_run_and_keeps_what_is_finished() {
    use std::io::{BufRead, BufReader};

    let project = people();
    // A join of everything with everything that no machine finishes while the test waits.
    let rows: String = (0..3000).map(|row| format!("{row},n{row},{}\n", row % 90)).collect();
    project.write("people.csv", &format!("id,name,age\n{rows}"));
    let endless = "prep endless { sql: \"SELECT sum(a.id * b.id % (c.id + 1)) AS n FROM people a, people b, people c\" }\n";
    project.write("a.mlp", &format!("{SQL}{endless}"));
    let mut child = project
        .command(&["run", "a.mlp", "--json"])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut events = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(events.any(|line| line.contains("stage_started") && line.contains("endless")));
    let killed = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(1));
    drop(events);
    let plan = project.run(&["plan", "a.mlp"]).stdout;
    assert!(plan.contains("people   ingest  cached"), "{plan}");
}

#[test]
fn columns_are_profiled_and_correlated() {
    let project = Project::new();
    project
        .write("people.csv", "id,name,age,born\n1,Ada,36,1990-01-01\n2,Bo,,1990-01-01\n3,Cy,29,\n");
    project.write(
        "a.mlp",
        r#"
ingest people { from: "people.csv" }
profile seen { data: people }
correlate pairs { data: people, columns: [age, id] }
"#,
    );
    let ran = project.run(&["run", "a.mlp"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "a: 3 stages: 3 ran\n"), "{}", ran.stderr);
    let rows = |stage: &str| {
        let shown = project.run(&["show", "a.mlp", stage, "--json"]).stdout;
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        let rows = shown["data"].as_array().unwrap();
        rows.iter().map(|row| format!("{row}\n")).collect::<String>()
    };
    insta::assert_snapshot!(rows("seen"), @r#"
    {"column":"id","type":"int","rows":3,"missing":0,"distinct":3,"mean":2.0,"sd":1.0,"min":1.0,"p25":1.5,"p50":2.0,"p75":2.5,"max":3.0,"top":null}
    {"column":"name","type":"text","rows":3,"missing":0,"distinct":3,"mean":2.3333333333333335,"sd":0.5773502691896258,"min":2.0,"p25":2.0,"p50":2.0,"p75":2.5,"max":3.0,"top":null}
    {"column":"age","type":"int","rows":3,"missing":1,"distinct":2,"mean":32.5,"sd":4.949747468305833,"min":29.0,"p25":30.75,"p50":32.5,"p75":34.25,"max":36.0,"top":null}
    {"column":"born","type":"date","rows":3,"missing":1,"distinct":1,"mean":631152000.0,"sd":0.0,"min":631152000.0,"p25":631152000.0,"p50":631152000.0,"p75":631152000.0,"max":631152000.0,"top":"1990-01-01"}
    "#);
    insta::assert_snapshot!(rows("pairs"), @r#"
    {"left":"id","right":"age","method":"pearson","coefficient":-1.0,"p":1.0,"p_adjusted":1.0,"rows":2}
    "#);
}

#[test]
#[cfg(unix)]
fn a_folder_that_is_gone_is_told_as_such() {
    let project = people();
    let mut command = std::process::Command::new("sh");
    command.current_dir(project.path("")).env("MLP", mlp().get_program()).arg("-c");
    command.arg("mkdir gone && cd gone && rmdir ../gone && exec \"$MLP\" check ../a.mlp");
    let ran = finish(&mut command);
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""));
    insta::assert_snapshot!(ran.stderr, @r"
    error: the folder in which mlp was started is gone
      help: go to a folder that is there, and name the pipeline from it
    ");
}

#[test]
#[cfg(unix)]
fn an_export_keeps_who_may_read_the_file_before_it() {
    use std::os::unix::fs::PermissionsExt;

    let project = people();
    project.write("a.mlp", &format!("{SQL}export some {{ data: old, to: \"old.csv\" }}\n"));
    project.write("old.csv", "secret\n");
    let path = project.path("old.csv");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(project.run(&["run", "a.mlp", "--quiet"]).status, 0);
    assert_eq!(project.read("old.csv"), "id,age\n1,36\n2,41\n");
    assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_running_query_says_how_many_rows_it_has() {
    let project = people();
    let ran = project.run(&["run", "a.mlp", "--json"]);
    let event = "{\"event\":\"stage_progress\",\"stage\":\"old\",\"done\":2,\"total\":null,\"unit\":\"rows\",\"note\":\"\"}";
    assert!(ran.stderr.lines().any(|line| line == event), "{}", ran.stderr);
}
