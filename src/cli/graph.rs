//! The graph of a pipeline as text, for Graphviz and for Mermaid.

use crate::plan::Plan;

/// Lists the stages in plan order, each with those that it waits for.
#[must_use]
pub fn text(plan: &Plan) -> String {
    let rows: Vec<Vec<String>> = plan
        .stages
        .iter()
        .map(|stage| {
            let before: Vec<&str> = names(plan, &stage.waits).collect();
            let after = if before.is_empty() {
                String::new()
            } else {
                format!("after {}", before.join(", "))
            };
            vec![stage.name.clone(), stage.kind.to_owned(), after]
        })
        .collect();
    super::grid::align(&rows, |_| false, 0)
}

/// Writes the graph for Graphviz.
#[must_use]
pub fn dot(plan: &Plan) -> String {
    let name = plan.name.replace('\\', "\\\\").replace('"', "\\\"");
    let mut text = format!("digraph \"{name}\" {{\n  rankdir=LR\n  node [shape=box]\n");
    for (place, stage) in plan.stages.iter().enumerate() {
        text.push_str(&format!("  s{place} [label=\"{}\\n{}\"]\n", stage.name, stage.kind));
    }
    for (from, to) in edges(plan) {
        text.push_str(&format!("  s{from} -> s{to}\n"));
    }
    text + "}\n"
}

/// Writes the graph for Mermaid.
#[must_use]
pub fn mermaid(plan: &Plan) -> String {
    let mut text = "flowchart LR\n".to_owned();
    for (place, stage) in plan.stages.iter().enumerate() {
        text.push_str(&format!("  s{place}[\"{}<br/>{}\"]\n", stage.name, stage.kind));
    }
    for (from, to) in edges(plan) {
        text.push_str(&format!("  s{from} --> s{to}\n"));
    }
    text
}

fn edges(plan: &Plan) -> impl Iterator<Item = (usize, usize)> + '_ {
    plan.stages
        .iter()
        .enumerate()
        .flat_map(|(place, stage)| stage.waits.iter().map(move |before| (*before, place)))
}

fn names<'a>(plan: &'a Plan, places: &'a [usize]) -> impl Iterator<Item = &'a str> {
    places.iter().filter_map(|place| plan.stages.get(*place)).map(|stage| stage.name.as_str())
}
