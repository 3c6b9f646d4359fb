//! The graph of a pipeline, laid out from left to right.
//!
//! Stages stand in columns, each behind those that it waits for; an edge over several columns goes
//! through a place in each, and the places of a column are put in the order in which edges cross
//! least (Sugiyama, Tagawa and Toda, IEEE Trans. Syst. Man Cybern. 11, 1981). Every choice follows the
//! order of the stages, so that the same pipeline is drawn alike.

use super::figures;
use super::html::{Html, Px};
use super::page::{Page, Stage, State};

/// A larger pipeline isn't drawn.
pub(super) const MOST: usize = 150;

const WIDTH: f64 = 150.0;
const HEIGHT: f64 = 46.0;
const ACROSS: f64 = 26.0;
const DOWN: f64 = 18.0;
const MARGIN: f64 = 6.0;
/// How high the place of a passing edge is.
const PASSAGE: f64 = 10.0;
/// The longest name that fits.
const LETTERS: usize = 18;

/// A place in a column: of a stage, or of an edge that passes.
#[derive(Clone, Debug)]
struct Place {
    stage: Option<usize>,
    column: usize,
    /// The places in the column before that it is joined to.
    before: Vec<usize>,
    /// The places in the column behind that it is joined to.
    behind: Vec<usize>,
    y: f64,
}

/// A layout.
struct Layout {
    places: Vec<Place>,
    /// The places of each column, from top to bottom.
    columns: Vec<Vec<usize>>,
}

/// The look of a graph that stands alone: the page's, and no marks of what ran.
const LOOK: &str = "<style>\
    text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif;fill:#1d2226}\
    .edge{fill:none;stroke:#a9b0b5;stroke-width:1.5}rect{fill:#f5f6f5;stroke:#c4c9cc}\
    .defined rect{fill:none;stroke-dasharray:4 3}.name{font-weight:560;font-size:12.5px}\
    .kind{font-size:11px;fill:#586169}.state{display:none}\
    @media (prefers-color-scheme:dark){text{fill:#e4e7e9}.edge{stroke:#5b6469}\
    rect{fill:#1b1f23;stroke:#4a5258}.kind{fill:#9ba4ab}}</style>";

/// Draws the graph as a file of its own, stage by stage; nothing if it is too large.
pub(super) fn alone(page: &Page) -> Option<String> {
    let stages: Vec<Stage<'_>> = page.stages().collect();
    let layout = laid_out(&stages)?;
    let (width, height) = layout.size();
    let mut svg = Html::new();
    svg.open(
        "svg",
        &[
            ("xmlns", &"http://www.w3.org/2000/svg"),
            ("role", &"img"),
            ("aria-label", &format_args!("The stages of {}", page.outline.title)),
            ("width", &Px(width)),
            ("height", &Px(height)),
            ("viewBox", &format_args!("0 0 {} {}", Px(width), Px(height))),
        ],
    );
    svg.raw(LOOK);
    layout.draw(&mut svg, &stages);
    svg.close("svg").raw("\n");
    Some(svg.finish())
}

fn laid_out(stages: &[Stage<'_>]) -> Option<Layout> {
    if stages.is_empty() || stages.len() > MOST {
        return None;
    }
    let place = |name: &String| stages.iter().position(|stage| stage.entry.name == *name);
    let waits: Vec<Vec<usize>> =
        stages.iter().map(|stage| stage.entry.before.iter().filter_map(place).collect()).collect();
    Some(Layout::of(&waits))
}

/// Draws the graph; nothing if it is too large.
pub(super) fn draw(page: &Page) -> Option<Html> {
    let stages: Vec<Stage<'_>> = page.stages().collect();
    let layout = laid_out(&stages)?;
    let (width, height) = layout.size();
    let mut svg = Html::new();
    svg.open(
        "svg",
        &[
            ("class", &"graph"),
            ("role", &"group"),
            ("aria-label", &"The stages, each behind those that it waits for"),
            // It shrinks a little where the page is narrow, and then scrolls.
            ("style", &format_args!("max-width:{}px;min-width:{}px", Px(width), Px(width * 0.7))),
            ("viewBox", &format_args!("0 0 {} {}", Px(width), Px(height))),
        ],
    );
    layout.draw(&mut svg, &stages);
    svg.close("svg");
    Some(svg)
}

impl Layout {
    fn of(waits: &[Vec<usize>]) -> Self {
        let mut layout = Self::placed(waits);
        for round in 0..8 {
            layout.reorder(round % 2 == 0);
        }
        layout.settle();
        layout
    }

    /// Puts each stage into a column, and a passage into each column that an edge crosses.
    fn placed(waits: &[Vec<usize>]) -> Self {
        let columns = columns(waits);
        let count = columns.iter().max().map_or(0, |last| last + 1);
        let place = |stage: Option<usize>, column: usize| Place {
            stage,
            column,
            before: Vec::new(),
            behind: Vec::new(),
            y: 0.0,
        };
        let mut places: Vec<Place> =
            columns.iter().enumerate().map(|(stage, column)| place(Some(stage), *column)).collect();
        for (stage, waits) in waits.iter().enumerate() {
            for from in waits {
                let mut last = *from;
                for column in columns[*from] + 1..columns[stage] {
                    places.push(place(None, column));
                    let own = places.len() - 1;
                    places[last].behind.push(own);
                    places[own].before.push(last);
                    last = own;
                }
                places[last].behind.push(stage);
                places[stage].before.push(last);
            }
        }
        let mut in_columns = vec![Vec::new(); count];
        for (own, place) in places.iter().enumerate() {
            in_columns[place.column].push(own);
        }
        Self { places, columns: in_columns }
    }

    /// Orders each column by where its neighbours on one side stand.
    fn reorder(&mut self, forward: bool) {
        let count = self.columns.len();
        for step in 1..count {
            let column = if forward { step } else { count - 1 - step };
            let other = if forward { column - 1 } else { column + 1 };
            let mut rank = vec![0.0; self.places.len()];
            for (at, place) in self.columns[other].iter().enumerate() {
                rank[*place] = at as f64;
            }
            let mut keyed: Vec<(f64, usize)> = self.columns[column]
                .iter()
                .enumerate()
                .map(|(at, place)| {
                    let own = &self.places[*place];
                    let near = if forward { &own.before } else { &own.behind };
                    let sum: f64 = near.iter().map(|other| rank[*other]).sum();
                    let mean = if near.is_empty() { at as f64 } else { sum / near.len() as f64 };
                    (mean, *place)
                })
                .collect();
            keyed.sort_by(|(a, _), (b, _)| a.total_cmp(b));
            self.columns[column] = keyed.into_iter().map(|(_, place)| place).collect();
        }
    }

    /// Gives each place its height: as near to its neighbours' as the others leave room.
    fn settle(&mut self) {
        for column in 0..self.columns.len() {
            self.stack(column, |_, _| None);
        }
        for round in 0..12 {
            let forward = round % 2 == 0;
            for step in 0..self.columns.len() {
                let column = if forward { step } else { self.columns.len() - 1 - step };
                self.stack(column, |layout, place| {
                    let own = &layout.places[place];
                    let near = if forward { &own.before } else { &own.behind };
                    let sum: f64 = near.iter().map(|other| layout.places[*other].y).sum();
                    (!near.is_empty()).then(|| sum / near.len() as f64)
                });
            }
        }
        let top = self.places.iter().map(|own| own.y - own.half()).fold(f64::INFINITY, f64::min);
        for place in &mut self.places {
            place.y += MARGIN - top;
        }
    }

    /// Puts the places of a column where they want to be, as far as they don't overlap.
    fn stack(&mut self, column: usize, wanted: impl Fn(&Self, usize) -> Option<f64>) {
        let order = self.columns[column].clone();
        let wishes: Vec<f64> = order
            .iter()
            .map(|place| wanted(self, *place).unwrap_or(self.places[*place].y))
            .collect();
        let gap =
            |one: usize, other: usize| self.places[one].half() + self.places[other].half() + DOWN;
        // Downwards each as high as it may, upwards each as low as it may: the middle of both.
        let mut down = wishes.clone();
        for at in 1..order.len() {
            down[at] = down[at].max(down[at - 1] + gap(order[at - 1], order[at]));
        }
        let mut up = wishes;
        for at in (1..order.len()).rev() {
            up[at - 1] = up[at - 1].min(up[at] - gap(order[at - 1], order[at]));
        }
        for (at, place) in order.iter().enumerate() {
            self.places[*place].y = f64::midpoint(down[at], up[at]);
        }
    }

    fn size(&self) -> (f64, f64) {
        let columns = self.columns.len() as f64;
        let low = self.places.iter().map(|own| own.y + own.half()).fold(0.0, f64::max);
        (2.0 * MARGIN + columns * (WIDTH + ACROSS) - ACROSS, low + MARGIN)
    }

    fn draw(&self, svg: &mut Html, stages: &[Stage<'_>]) {
        self.edges(svg);
        let placed = self.places.iter().filter_map(|own| Some((own, stages.get(own.stage?)?)));
        for (place, stage) in placed {
            node(svg, place, stage);
        }
    }

    fn edges(&self, svg: &mut Html) {
        let starts = self.places.iter().filter(|own| own.stage.is_some());
        for from in starts {
            for next in &from.behind {
                let mut path = format!("M{} {}", Px(from.right()), Px(from.y));
                let (mut last, mut next) = (from, *next);
                loop {
                    let place = &self.places[next];
                    path.push_str(&bend(last, place));
                    last = place;
                    match (place.stage, place.behind.first()) {
                        (None, Some(behind)) => {
                            path.push_str(&format!("L{} {}", Px(place.right()), Px(place.y)));
                            next = *behind;
                        }
                        _ => break,
                    }
                }
                svg.open("path", &[("class", &"edge"), ("d", &path)]).close("path");
            }
        }
    }
}

/// Bends from the right side of one place to the left side of the next.
fn bend(from: &Place, to: &Place) -> String {
    let (x0, x1) = (from.right(), to.left());
    let middle = f64::midpoint(x0, x1);
    format!("C{} {} {} {} {} {}", Px(middle), Px(from.y), Px(middle), Px(to.y), Px(x1), Px(to.y))
}

impl Place {
    fn half(&self) -> f64 {
        if self.stage.is_some() { HEIGHT / 2.0 } else { PASSAGE / 2.0 }
    }

    fn left(&self) -> f64 {
        MARGIN + self.column as f64 * (WIDTH + ACROSS)
    }

    fn right(&self) -> f64 {
        self.left() + WIDTH
    }
}

/// Gives each stage its column: behind all that it waits for; what waits for nothing stands directly
/// before the first that waits for it.
fn columns(waits: &[Vec<usize>]) -> Vec<usize> {
    let mut columns: Vec<usize> = vec![0; waits.len()];
    for (stage, waits) in waits.iter().enumerate() {
        // Stages come after those that they wait for.
        columns[stage] = waits.iter().map(|other| columns[*other] + 1).max().unwrap_or(0);
    }
    for stage in 0..waits.len() {
        if !waits[stage].is_empty() {
            continue;
        }
        let readers = (0..waits.len()).filter(|other| waits[*other].contains(&stage));
        let first = readers.map(|other| columns[other]).min();
        columns[stage] = first.map_or(0, |column| column.saturating_sub(1));
    }
    columns
}

fn node(svg: &mut Html, place: &Place, stage: &Stage<'_>) {
    let (x, y) = (place.left(), place.y - HEIGHT / 2.0);
    let told = format!("{}, {}, {}", stage.entry.name, stage.entry.kind, word(stage.found.state));
    // A stage that isn't shown has no place on the page to lead to.
    let link = if stage.entry.shown { "a" } else { "g" };
    let anchor = format!("#{}", stage.anchor());
    let attributes: [(&'static str, &dyn std::fmt::Display); 3] =
        [("aria-label", &told), ("class", &class(stage)), ("href", &anchor)];
    svg.open(link, if stage.entry.shown { &attributes } else { &attributes[..2] });
    svg.element("title", &[], format_args!("{} ({})", stage.entry.name, stage.entry.kind));
    svg.open(
        "rect",
        &[("x", &Px(x)), ("y", &Px(y)), ("width", &Px(WIDTH)), ("height", &Px(HEIGHT)), ("rx", &7)],
    )
    .close("rect");
    let name = shortened(&stage.entry.name);
    svg.element("text", &[("class", &"name"), ("x", &Px(x + 12.0)), ("y", &Px(y + 19.5))], name);
    let mut under = stage.entry.kind.clone();
    if let Some(seconds) = stage.found.seconds {
        under.push_str(&format!(" · {}", figures::seconds(seconds)));
    }
    svg.element("text", &[("class", &"kind"), ("x", &Px(x + 24.0)), ("y", &Px(y + 35.0))], under);
    let mark = (x + 15.5, y + 31.5);
    svg.open(
        "circle",
        &[("class", &"state"), ("cx", &Px(mark.0)), ("cy", &Px(mark.1)), ("r", &3.5)],
    )
    .close("circle");
    svg.close(link);
}

fn shortened(name: &str) -> String {
    match name.char_indices().nth(LETTERS) {
        Some((_, _)) => {
            let kept: String = name.chars().take(LETTERS - 1).collect();
            format!("{kept}…")
        }
        None => name.to_owned(),
    }
}

/// Names the look of a stage by how it stands.
pub(super) fn class(stage: &Stage<'_>) -> &'static str {
    match stage.found.state {
        State::Done if stage.found.notes.is_empty() => "node done",
        State::Done => "node noted",
        State::Defined => "node defined",
        State::Failed => "node failed",
        State::Outdated => "node outdated",
        State::Missing => "node missing",
    }
}

/// Says how a stage stands.
pub(super) const fn word(state: State) -> &'static str {
    match state {
        State::Done => "done",
        State::Defined => "defined",
        State::Failed => "failed",
        State::Outdated => "out of date",
        State::Missing => "not run",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_stage_stands_behind_those_that_it_waits_for() {
        // A diamond, and a model that waits for nothing and is used last.
        let waits = [vec![], vec![0], vec![0], vec![], vec![1, 2, 3]];
        assert_eq!(columns(&waits), [0, 1, 1, 1, 2]);
    }

    proptest! {
        #[test]
        fn nothing_overlaps(edges in prop::collection::vec((0_usize..30, 0_usize..30), 0..60)) {
            let mut waits = vec![Vec::new(); 30];
            for (one, other) in edges.into_iter().filter(|(one, other)| one != other) {
                let (from, to) = (one.min(other), one.max(other));
                if !waits[to].contains(&from) {
                    waits[to].push(from);
                }
            }
            let layout = Layout::of(&waits);
            for column in &layout.columns {
                for pair in column.windows(2) {
                    let (one, other) = (&layout.places[pair[0]], &layout.places[pair[1]]);
                    prop_assert!(other.y - one.y >= one.half() + other.half() + DOWN - 1e-6);
                }
            }
            for place in &layout.places {
                for behind in &place.behind {
                    prop_assert_eq!(layout.places[*behind].column, place.column + 1);
                }
            }
        }
    }
}
