//! Pages: when they are made again, that they are the same bytes anywhere, and how a browser shows them.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value as Json;

use crate::program::{Project, finish};

const PIPELINE: &str = r#"
## Who is paid well?
pipeline pay { seed: 3, problem: "Find <b>those</b> who are." }

ingest people { from: "people.csv" }
## Grown-ups <script>alert(1)</script>
prep adults { sql: "SELECT age, kind, pay > 30 AS well FROM people WHERE age >= 18" }
profile columns { data: adults }
correlate pairs { data: adults }
expect adults_are_sane { data: adults, checks: [not_null(age)] }
split parts { data: adults, test: 25%, stratify: well }
model line { target: well, estimator: logistic_regression(C: 0.5) }
model trees { target: well, estimator: gradient_boosting(max_iter: 5) }
cross_validate compare {
  models: [line, trees]
  data: parts.train
  folds: stratified_k_fold(3)
  metrics: [roc_auc, accuracy]
}
tune best {
  model: trees
  data: parts.train
  over: { estimator.learning_rate: log(0.01 .. 0.3) }
  search: random(trials: 4)
  folds: stratified_k_fold(3)
  maximize: roc_auc
}
train final { model: best, data: parts.train }
evaluate judged { model: final, data: parts.test, metrics: [accuracy, roc_auc], require: [accuracy > 0.1] }
predict scored { model: final, data: parts.test }
export saved { data: scored, to: "out/scored.csv" }
report page {}
report scores { of: [compare, judged], to: "out/scores.html" }
"#;

fn project() -> Project {
    let project = Project::new();
    let rows = (0..200_u32).map(|id| {
        let (age, noise) = (16 + id * 7 % 50, id * 13 % 17);
        format!("{id},{age},{},{}\n", age / 2 + noise, ["a", "b", "c"][id as usize % 3])
    });
    let text = "id,age,pay,kind\n".to_owned() + &rows.collect::<String>();
    project.write("people.csv", &text).write("pay.mlp", PIPELINE);
    project
}

/// Runs the pipeline and names the stages that ran.
fn ran(project: &Project) -> BTreeSet<String> {
    let ran = project.run(&["run", "pay.mlp", "--json"]);
    assert_eq!(ran.status, 0, "{}\n{}", ran.stdout, ran.stderr);
    let events = ran.stdout.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok());
    let own = events.filter(|event| event["outcome"] == "ran");
    own.filter_map(|event| event["stage"].as_str().map(str::to_owned)).collect()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_page_is_made_again_only_when_what_it_shows_changed() {
    let project = project();
    assert_eq!(ran(&project).len(), 14);
    let first = project.read("report.html");
    assert_eq!(ran(&project), names(&[]));

    // Comments, layout and the order of blocks are no part of a page.
    let mut blocks: Vec<&str> = PIPELINE.split("\nsplit ").collect();
    blocks.reverse();
    let turned = format!("# x\nsplit {}", blocks.join("\n# another comment\n"));
    project.write("pay.mlp", &turned);
    assert_eq!(ran(&project), names(&[]));

    // What it says of a stage is.
    project.write("pay.mlp", &PIPELINE.replace("Grown-ups", "Adults"));
    assert_eq!(ran(&project), names(&["page"]));
    assert!(project.read("report.html").contains("Adults &lt;script&gt;"));

    project.write("pay.mlp", PIPELINE);
    assert_eq!(ran(&project), names(&["page"]));
    assert_eq!(project.read("report.html"), first);

    // A result that one of the pages doesn't show leaves it alone.
    project.write(
        "pay.mlp",
        &PIPELINE.replace("data: adults }\nexpect", "data: adults, method: kendall }\nexpect"),
    );
    assert_eq!(ran(&project), names(&["pairs", "page"]));

    // A page that was edited or deleted is made again, alone.
    project.write("pay.mlp", PIPELINE).write("report.html", "edited");
    assert_eq!(ran(&project), names(&["page"]));
    assert_eq!(project.read("report.html"), first);
}

#[test]
fn a_page_of_some_stages_shows_no_others() {
    let project = project();
    ran(&project);
    let page = project.read("out/scores.html");
    assert!(page.contains("id=\"stage-compare\"") && page.contains("id=\"stage-judged\""));
    assert!(!page.contains("id=\"stage-scored\"") && !page.contains("id=\"stage-best\""));
    // The graph tells of what they come from, and of nothing else.
    assert!(page.contains("people") && !page.contains("pairs"));
}

#[test]
fn the_same_results_give_the_same_bytes_in_any_folder_and_by_stage_or_command() {
    let (one, other) = (project(), project());
    let pages: Vec<[String; 2]> = [&one, &other]
        .map(|project| {
            ran(project);
            let done = project.run(&["report", "pay.mlp", "--to", "page.html"]);
            assert_eq!((done.status, done.stderr.as_str()), (0, "wrote page.html\n"));
            [project.read("report.html"), project.read("page.html")]
        })
        .into();
    assert_eq!(pages[0], pages[1]);
    // The command knows fingerprints and exports besides; the results are the same.
    let scores = |page: &str| {
        let from = page.find("id=\"judged\"").unwrap();
        let to = page.find("id=\"data\"").unwrap();
        page[from..to].to_owned()
    };
    assert_eq!(scores(&pages[0][0]), scores(&pages[0][1]));
    assert!(pages[0][1].contains("Fingerprint of the work"));
    assert!(!pages[0][0].contains("Fingerprint of the work"));
}

#[test]
fn the_command_says_what_is_out_of_date_and_runs_nothing() {
    let project = project();
    let before = project.run(&["report", "pay.mlp"]);
    assert_eq!(before.status, 1);
    insta::assert_snapshot!(before.stderr, @r"
    error: there are no results to show yet
      help: run it first: `mlp run pay.mlp`
    ");
    let wrong = project.run(&["report", "pay.mlp", "--to", "page.pdf"]);
    assert_eq!(wrong.status, 2);
    insta::assert_snapshot!(wrong.stderr, @r"
    error: `page.pdf` isn't named like a page
      help: name it `page.html`
    ");
    ran(&project);
    project.write("pay.mlp", &PIPELINE.replace("C: 0.5", "C: 0.25"));
    assert_eq!(project.run(&["report", "pay.mlp", "--to", "page.html", "--times"]).status, 0);
    let page = project.read("page.html");
    assert!(page.contains("1 out of date"), "compare reads the model");
    assert!(page.contains("<th scope=\"col\" class=\"n\">Took</th>"));
    // What failed is on the page, with the reason.
    project.write("pay.mlp", &PIPELINE.replace("accuracy > 0.1", "accuracy > 1.5"));
    assert_eq!(project.run(&["run", "pay.mlp"]).status, 1);
    assert_eq!(project.run(&["report", "pay.mlp", "--to", "page.html"]).status, 0);
    let page = project.read("page.html");
    assert!(page.contains("Not met: ") && page.contains("is not met: `final` has"));
}

/// Finds a Chromium among the programs.
fn chromium() -> Option<&'static str> {
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| {
        Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success())
    })
}

/// Opens a page in frames of a phone's and a desk's width, and writes down what it measures.
const MEASURE: &str = r#"<!doctype html><body><pre id="found"></pre><script>
const found = [];
let left = 2;
for (const width of [390, 1280]) {
  const frame = document.createElement("iframe");
  frame.style.cssText = `width:${width}px;height:900px;border:0`;
  frame.src = "report.html";
  frame.onload = () => {
    const page = frame.contentDocument, root = page.documentElement, view = frame.contentWindow;
    const inside = (node) => node.closest(".scroll, .skip, svg");
    const wide = [...page.querySelectorAll("body *")].filter((node) =>
      !inside(node) && node.getBoundingClientRect().right > width + 0.5);
    const texts = [...page.querySelectorAll("svg.plot text")].map((node) => node.getBoundingClientRect());
    found.push({
      width,
      overflow: root.scrollWidth - width,
      wide: wide.slice(0, 3).map((node) => node.outerHTML.slice(0, 80)),
      small: texts.filter((text) => text.height < 8).length,
      plots: page.querySelectorAll("svg.plot").length,
      nodes: page.querySelectorAll("svg.graph a").length,
      loaded: view.performance.getEntriesByType("resource").length,
      paper: view.getComputedStyle(page.body).backgroundColor,
    });
    if (--left === 0) {
      found.sort((a, b) => a.width - b.width);
      document.getElementById("found").textContent = JSON.stringify(found);
    }
  };
  document.body.append(frame);
}
</script></body>"#;

/// Measures the page in a browser that prefers dark or light pages.
fn measured(browser: &str, folder: &Path, dark: bool) -> Json {
    let mut command = Command::new(browser);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]);
    command.args(["--virtual-time-budget=10000", "--dump-dom", "--disable-dev-shm-usage"]);
    command.arg(format!("--user-data-dir={}", folder.join("profile").display()));
    command.arg(format!("--blink-settings=preferredColorScheme={}", u8::from(!dark)));
    command.arg(format!("file://{}", folder.join("measure.html").display()));
    let done = finish(&mut command);
    let text =
        done.stdout.split("<pre id=\"found\">").nth(1).and_then(|rest| rest.split("</pre>").next());
    let text =
        text.unwrap_or_default().replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{}\n{}", done.stdout, done.stderr))
}

#[test]
fn a_browser_shows_the_page_on_phone_and_desk_light_and_dark() {
    let Some(browser) = chromium() else {
        println!("skipped: there is no Chromium on this machine to show a page");
        return;
    };
    let project = project();
    ran(&project);
    project.write("measure.html", MEASURE);
    let folder = project.path("");
    let mut papers = BTreeSet::new();
    for dark in [false, true] {
        let found = measured(browser, &folder, dark);
        for frame in found.as_array().unwrap() {
            assert_eq!(frame["overflow"].as_f64().map(|wide| wide > 0.5), Some(false), "{frame}");
            assert_eq!(frame["wide"].as_array().map(Vec::len), Some(0), "{frame}");
            assert_eq!(
                (frame["small"].as_u64(), frame["loaded"].as_u64()),
                (Some(0), Some(0)),
                "{frame}"
            );
            assert!(
                frame["plots"].as_u64() > Some(12) && frame["nodes"].as_u64() == Some(13),
                "{frame}"
            );
            papers.insert(frame["paper"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(papers.len(), 2, "light and dark have a paper each: {papers:?}");
}
