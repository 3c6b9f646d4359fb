//! What a run came to, on one screen: counts, scores, and what went wrong.
//!
//! The text is made of the report alone, without times, so that it is the same on every run.

use super::grid;
use super::ui::Look;
use crate::engine::{Outcome, Report, StageReport};
use crate::plan::{Facts, Score};

/// How many stages' scores are shown before the rest is counted.
const TABLES: usize = 8;

/// How many lines of a stage's scores are shown before the rest is counted.
const LINES: usize = 16;

/// How many lines the scores take together; those of one stage are shown in any case.
const SCREEN: usize = 34;

/// How many names are listed before the rest is counted.
const NAMES: usize = 8;

/// How many stages' warnings are shown before the rest is counted.
const WARNINGS: usize = 10;

/// Writes what came of a run.
#[must_use]
pub fn summary(pipeline: &str, report: &Report, look: &Look) -> String {
    if report.ok() && report.stages.iter().all(|stage| stage.outcome == Outcome::Cached) {
        return format!("{pipeline}: {}\n", up_to_date(report.stages.len()));
    }
    let mut text = format!("{pipeline}: {}\n", counts(report));
    let scored: Vec<&StageReport> =
        report.stages.iter().filter(|stage| has_scores(stage)).collect();
    let mut shown = 0;
    for stage in scored.iter().take(TABLES) {
        let table = format!("\n{} ({})\n{}", stage.stage, stage.kind, cut(stage, look));
        if shown > 0 && text.lines().count() + table.lines().count() > SCREEN {
            break;
        }
        text.push_str(&table);
        shown += 1;
    }
    if scored.len() > shown {
        let more = grid::counted(scored.len() - shown, "more stage");
        text.push_str(&format!("\nand the scores of {more}: `mlp show FILE STAGE`\n"));
    }
    text + &ended_early(report)
}

/// Writes the scores of a stage, the first lines of many.
fn cut(stage: &StageReport, look: &Look) -> String {
    let all = facts(&stage.facts, look);
    let lines: Vec<&str> = all.lines().collect();
    if lines.len() <= LINES {
        return all;
    }
    let first: String = lines[..LINES].iter().map(|line| format!("{line}\n")).collect();
    let more = grid::counted(lines.len() - LINES, "more line");
    format!("{first}  and {more}: `mlp show FILE {}`\n", stage.stage)
}

/// Lists the stages that failed, were blocked or stopped, a line for each kind of end.
fn ended_early(report: &Report) -> String {
    let ends =
        [(Outcome::Failed, "failed"), (Outcome::Blocked, "blocked"), (Outcome::Stopped, "stopped")];
    let mut text = String::new();
    for (outcome, word) in ends {
        let ended = report.stages.iter().filter(|stage| stage.outcome == outcome);
        let names: Vec<&str> = ended.map(|stage| stage.stage.as_str()).collect();
        if !names.is_empty() {
            let gap = if text.is_empty() { "\n" } else { "" };
            text.push_str(&format!("{gap}{word}: {}\n", listed(&names)));
        }
    }
    text
}

/// Writes what stages warned of.
#[must_use]
pub fn warnings(report: &Report) -> String {
    let all: Vec<String> = report
        .stages
        .iter()
        .flat_map(|stage| {
            stage
                .warnings
                .iter()
                .map(move |warning| format!("warning: {}: {warning}\n", stage.stage))
        })
        .collect();
    let mut text: String = all.iter().take(WARNINGS).map(String::as_str).collect();
    if all.len() > WARNINGS {
        text.push_str(&format!("and {} more warnings\n", all.len() - WARNINGS));
    }
    text
}

fn up_to_date(stages: usize) -> String {
    match stages {
        0 => "nothing to run".to_owned(),
        1 => "the stage is up to date".to_owned(),
        _ => format!("all {stages} stages are up to date"),
    }
}

fn counts(report: &Report) -> String {
    let count = |outcome| report.stages.iter().filter(|stage| stage.outcome == outcome).count();
    let words = [
        (Outcome::Ran, "ran"),
        (Outcome::Cached, "from the cache"),
        (Outcome::Failed, "failed"),
        (Outcome::Blocked, "blocked"),
        (Outcome::Stopped, "stopped"),
    ];
    let parts: Vec<String> = words
        .into_iter()
        .map(|(outcome, word)| (count(outcome), word))
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{number} {word}"))
        .collect();
    let all = grid::counted(report.stages.len(), "stage");
    if parts.is_empty() { all } else { format!("{all}: {}", parts.join(", ")) }
}

pub(super) fn listed(names: &[&str]) -> String {
    let shown = names[..names.len().min(NAMES)].join(", ");
    match names.len().saturating_sub(NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn has_scores(stage: &StageReport) -> bool {
    !stage.facts.metrics.is_empty() || !stage.facts.best.is_empty()
}

/// Writes the scores of a stage, models against metrics, and the best values of a search.
#[must_use]
pub fn facts(facts: &Facts, look: &Look) -> String {
    let best = facts.best.iter().map(|(path, value)| vec![path.clone(), spoken(value)]);
    // The scores of a search belong to no model of their own and stand under its values.
    if facts.metrics.iter().all(|score| score.model.is_empty()) {
        let scores =
            facts.metrics.iter().map(|score| vec![score.metric.clone(), value(score, look)]);
        return grid::align(&best.chain(scores).collect::<Vec<_>>(), |_| false, 2);
    }
    let best: Vec<Vec<String>> = best.collect();
    grid::align(&best, |_| false, 2) + &score_table(&facts.metrics, look)
}

fn score_table(metrics: &[Score], look: &Look) -> String {
    let models = named(metrics, |score| &score.model);
    let columns = named(metrics, |score| &score.metric);
    let head = std::iter::once(String::new()).chain(columns.iter().map(|name| (*name).clone()));
    let mut rows = vec![head.collect::<Vec<_>>()];
    for model in models {
        let cell = |metric: &&String| {
            let own = |score: &&Score| score.model == *model && score.metric == **metric;
            metrics.iter().find(own).map(|score| value(score, look)).unwrap_or_default()
        };
        rows.push(std::iter::once(model.clone()).chain(columns.iter().map(cell)).collect());
    }
    let wide = grid::align(&rows, |column| column > 0, 2);
    if grid::widest(&wide) <= look.width {
        wide
    } else {
        grid::align(&grid::transpose(&rows), |column| column > 0, 2)
    }
}

/// Lists the different names in scores, in the order in which they appear.
fn named(metrics: &[Score], name: fn(&Score) -> &String) -> Vec<&String> {
    let mut names: Vec<&String> = Vec::new();
    for score in metrics {
        if !names.contains(&name(score)) {
            names.push(name(score));
        }
    }
    names
}

/// Writes a score: `0.8421`, with its spread over folds `0.8421 ± 0.0123`.
fn value(score: &Score, look: &Look) -> String {
    let sign = if look.unicode { "±" } else { "+/-" };
    let Some(sd) = score.sd else { return number(score.value) };
    // The spread has the digits of the value, unless nothing would be left of it but what rounding made.
    let spread = match digits(score.value) {
        Some(digits) if sd <= 1e-12 * score.value.abs() || sd >= 0.5 * 0.1_f64.powi(digits) => {
            format!("{sd:.*}", usize::try_from(digits).unwrap_or_default())
        }
        _ => number(sd),
    };
    format!("{} {sign} {spread}", number(score.value))
}

/// Writes a number with four digits that count, in exponents only where it is far from 1.
#[must_use]
pub fn number(number: f64) -> String {
    match digits(number) {
        _ if number == 0.0 => "0".to_owned(),
        Some(digits) => format!("{number:.*}", usize::try_from(digits).unwrap_or_default()),
        None if number.is_finite() => format!("{number:.3e}"),
        None => number.to_string(),
    }
}

/// Gives the digits to show behind the point; none where a number needs an exponent or is none.
fn digits(number: f64) -> Option<i32> {
    match number.abs() {
        0.0 => Some(4),
        size if !(1e-4..1e9).contains(&size) => None,
        size if size >= 1000.0 => Some(1),
        size if size >= 10.0 => Some(2),
        _ => Some(4),
    }
}

/// Writes a best value as a user would write it.
fn spoken(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Number(whole) if whole.is_i64() || whole.is_u64() => whole.to_string(),
        serde_json::Value::Number(other) => other.as_f64().map(number).unwrap_or_default(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stage(name: &str, kind: &str, outcome: Outcome) -> StageReport {
        StageReport {
            stage: name.to_owned(),
            kind: kind.to_owned(),
            outcome,
            why: String::new(),
            help: Vec::new(),
            warnings: Vec::new(),
            outputs: Vec::new(),
            facts: Facts::default(),
            seconds: 0.0,
            places: Vec::new(),
        }
    }

    fn report(stages: Vec<StageReport>) -> Report {
        Report { stages, seconds: 1.0, stopped: false }
    }

    fn score(model: &str, metric: &str, value: f64, sd: Option<f64>) -> Score {
        Score { model: model.to_owned(), metric: metric.to_owned(), value, sd }
    }

    #[test]
    fn a_run_that_changed_nothing_says_so_in_a_line() {
        let stages =
            vec![stage("a", "ingest", Outcome::Cached), stage("b", "prep", Outcome::Cached)];
        assert_eq!(
            summary("demo", &report(stages), &Look::plain()),
            "demo: all 2 stages are up to date\n"
        );
        assert_eq!(summary("demo", &report(vec![]), &Look::plain()), "demo: nothing to run\n");
    }

    #[test]
    fn scores_stand_in_a_table_of_models_and_metrics() {
        let mut compare = stage("compare", "cross_validate", Outcome::Ran);
        compare.facts.metrics = vec![
            score("logit", "roc_auc", 0.842_13, Some(0.0123)),
            score("logit", "log_loss", 0.45, Some(0.02)),
            score("boost", "roc_auc", 0.861, Some(0.011)),
        ];
        let mut best = stage("best", "tune", Outcome::Cached);
        best.facts.best = [
            ("estimator.learning_rate".to_owned(), json!(0.081_234)),
            ("estimator.max_leaf_nodes".to_owned(), json!(21)),
        ]
        .into_iter()
        .collect();
        best.facts.metrics = vec![score("", "roc_auc", 0.87, Some(0.01))];
        let text = summary("demo", &report(vec![compare, best]), &Look::plain());
        insta::assert_snapshot!(text, @r"
        demo: 2 stages: 1 ran, 1 from the cache

        compare (cross_validate)
                           roc_auc           log_loss
          logit  0.8421 +/- 0.0123  0.4500 +/- 0.0200
          boost  0.8610 +/- 0.0110

        best (tune)
          estimator.learning_rate   0.0812
          estimator.max_leaf_nodes  21
          roc_auc                   0.8700 +/- 0.0100
        ");
    }

    #[test]
    fn a_thousand_stages_fit_a_screen() {
        let mut stages: Vec<StageReport> = (0..1000)
            .map(|index| {
                let mut stage = stage(&format!("s{index}"), "evaluate", Outcome::Ran);
                stage.facts.metrics = vec![score("m", "accuracy", 0.5, None)];
                stage.warnings = vec!["odd".to_owned()];
                stage
            })
            .collect();
        for stage in &mut stages[500..] {
            stage.outcome = Outcome::Blocked;
        }
        stages[499].outcome = Outcome::Failed;
        let report = report(stages);
        assert!(summary("big", &report, &Look::plain()).lines().count() <= 40);
        assert!(warnings(&report).lines().count() <= 12);
        assert!(
            summary("big", &report, &Look::plain())
                .contains("blocked: s500, s501, s502, s503, s504, s505, s506, s507 and 492 more")
        );
    }

    #[test]
    fn many_models_in_many_stages_fit_a_screen() {
        let stages = (0..20).map(|index| {
            let mut stage = stage(&format!("s{index}"), "cross_validate", Outcome::Ran);
            let models = (0..50).map(|model| score(&format!("m{model}"), "accuracy", 0.5, None));
            stage.facts.metrics = models.collect();
            stage
        });
        let text = summary("big", &report(stages.collect()), &Look::plain());
        assert!(text.lines().count() <= 40, "{text}");
        assert!(text.contains("and 35 more lines: `mlp show FILE s0`"), "{text}");
        assert!(
            text.ends_with("and the scores of 19 more stages: `mlp show FILE STAGE`\n"),
            "{text}"
        );
    }

    #[test]
    fn a_table_too_wide_is_turned() {
        let mut wide = stage("wide", "evaluate", Outcome::Ran);
        wide.facts.metrics =
            (0..20).map(|index| score("m", &format!("metric_{index}"), 0.5, None)).collect();
        let text = facts(&wide.facts, &Look::plain());
        assert!(grid::widest(&text) <= 100 && text.lines().count() == 21, "{text}");
    }

    #[test]
    fn a_spread_has_the_digits_of_its_value() {
        let shown = |mean, sd| value(&score("m", "rmse", mean, Some(sd)), &Look::plain());
        assert_eq!(shown(103.41, 0.8805), "103.41 +/- 0.88");
        assert_eq!(shown(0.5, 0.0), "0.5000 +/- 0.0000");
        assert_eq!(shown(0.2654, 9.4e-5), "0.2654 +/- 0.0001");
        assert_eq!(shown(0.2022, 9.6e-17), "0.2022 +/- 0.0000");
        assert_eq!(shown(5000.0, 0.01), "5000.0 +/- 0.0100");
        assert_eq!(shown(0.0, 1e-9), "0 +/- 1.000e-9");
        assert_eq!(shown(f64::NAN, f64::NAN), "NaN +/- NaN");
    }

    #[test]
    fn numbers_show_four_digits_that_count() {
        let shown: Vec<String> =
            [0.0, 0.84213, 12.3456, -1234.56, 3e12, 1.5e-7, f64::NAN, f64::INFINITY]
                .map(number)
                .to_vec();
        assert_eq!(
            shown,
            ["0", "0.8421", "12.35", "-1234.6", "3.000e12", "1.500e-7", "NaN", "inf"]
        );
    }
}
