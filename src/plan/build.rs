//! Builds the plan: binds every block, orders them, checks each against its inputs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rayon::prelude::*;

use super::catalog::Catalog;
use super::checking::{Checking, View};
use super::graph;
use super::groups::{self, Grouping};
use super::lint;
use super::load::normal;
use super::names::{Found, Instance, Names};
use super::parameters::Settled;
use super::registry::Registry;
use super::stage::{Caching, Checked, Output, Promise, Role, StageKind, Task};
use crate::diag::{Diagnostic, Diagnostics, Severity};
use crate::ml::estimators::Device;
use crate::params;
use crate::params::{Args, Binder, Bound, Code, Declared, Param, Parameters, Params, Setting};
use crate::syntax::ast;
use crate::text::{SourceMap, Span};

/// The number of stages of one level from which on they are checked side by side.
const MANY: usize = 16;

params! {
    /// The head of a pipeline.
    pub struct Header("pipeline", 0) {
        /// The seed that every random choice derives from.
        seed: u64 = 0,
        /// Who answers for the pipeline.
        owner: Option<String> = None,
        /// The problem that the pipeline solves, in a sentence or two.
        problem: Option<String> = None,
    }
}

params! {
    /// What every block takes.
    struct Described("block", 0) {
        /// What the block is for, shown in reports.
        description: Option<String> = None,
        /// Words to group blocks by.
        tags: Vec<String> = Vec::new(),
    }
}

params! {
    /// What every stage takes.
    struct Common("stage", 0) {
        /// What the stage is for, shown in reports.
        description: Option<String> = None,
        /// Words to group stages by.
        tags: Vec<String> = Vec::new(),
        /// Stages to wait for, though no data of theirs is read.
        needs: Vec<Setting> as (params::Kind::List(&params::Kind::Stage)) = Vec::new(),
        /// The seed of the stage's own random choices, instead of the pipeline's.
        seed: Option<u64> = None,
        /// How often a failed stage is tried again.
        retries: u32 = 0 => params::Limits::between(0.0, 100.0),
        /// How long the stage may run.
        timeout: Option<Setting> as (params::Kind::Optional(&params::Kind::Duration)) = None,
        /// `false` runs the stage each time; later stages rerun only if its output changed.
        cache: bool = true,
    }
}

/// The head of a pipeline, and what it is called.
#[derive(Clone, Debug)]
pub struct Head {
    /// The name in the header, or else the file's.
    pub name: String,
    /// The `##` lines above it.
    pub doc: String,
    /// What it says.
    pub fields: Header,
    /// Where networks are trained that don't say it themselves, as the command line has it.
    pub device: Device,
}

/// A pipeline that was found to be right.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The name in the header, or else the file's.
    pub name: String,
    /// The `##` lines above the header.
    pub doc: String,
    /// The file.
    pub path: PathBuf,
    /// The header.
    pub header: Header,
    /// Every block, each after those that it waits for.
    pub stages: Vec<Stage>,
    /// What it may name.
    pub registry: Arc<Registry>,
}

/// One block of a plan.
#[derive(Clone)]
pub struct Stage {
    /// The name, as the main file sees it.
    pub name: String,
    /// The kind.
    pub kind: &'static str,
    /// The version of the kind.
    pub version: u32,
    /// The `##` lines above it, or else its `description`.
    pub doc: String,
    /// Where its name stands.
    pub span: Span,
    /// The words to group by.
    pub tags: Vec<String>,
    /// What it gives.
    pub outputs: Vec<(&'static str, Output)>,
    /// Its settings, canonically.
    pub settings: serde_json::Value,
    /// The columns by which the rows of a model are kept together, which are no features of it.
    pub groups: Vec<String>,
    /// Its fields as they were written, parameters put in.
    pub written: Vec<(&'static str, String)>,
    /// The work; none where the block only defines something.
    pub task: Option<Task>,
    /// The columns that it counts on, and that only a run can tell.
    pub promised: Vec<Promise>,
    /// The places of the entries that a run may find unmet, see [`Unmet`](super::Unmet).
    pub entries: Vec<Span>,
    /// The stages that it waits for, whether it reads them or not.
    pub waits: Vec<usize>,
    /// The seed of its random choices.
    pub seed: u64,
    /// How often it is tried again.
    pub retries: u32,
    /// How long it may run.
    pub timeout: Option<Duration>,
    /// It comes from an import and leaves something outside of the cache: it runs only when asked.
    pub on_demand: bool,
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stage")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl Plan {
    /// Finds a stage by its name.
    #[must_use]
    pub fn stage(&self, name: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.name == name)
    }
}

/// A block whose fields are bound.
pub(super) struct Block<'a> {
    found: Found<'a>,
    pub(super) name: String,
    pub(super) kind: &'static dyn StageKind,
    args: Args,
    /// The blocks that it names.
    pub(super) waits: Vec<usize>,
    /// The columns by which the rows of a model are kept together, wherever it is fitted.
    pub(super) groups: BTreeSet<String>,
    parameters: &'a Parameters,
}

impl Block<'_> {
    /// Gives the lines that say what the block is for: those above it, or else its `description`.
    pub(super) fn doc(&self) -> String {
        let doc = &self.found.block.doc;
        if !doc.is_empty() {
            return doc.clone();
        }
        let description = self.args.get("description").map(|bound| &bound.setting);
        match description {
            Some(Setting::Text(text)) => text.clone(),
            _ => String::new(),
        }
    }

    /// Lists the fields as they were written, those that only describe the block left out.
    pub(super) fn written(&self) -> Vec<(&'static str, String)> {
        let own = self
            .args
            .iter()
            .filter(|(name, bound)| bound.written && !matches!(*name, "description" | "tags"));
        own.map(|(name, bound)| (name, bound.setting.spoken())).collect()
    }
}

/// Builds the plan as far as the text allows; what is wrong is added to `diagnostics`.
pub(super) fn build(
    path: &Path,
    instances: &[Instance],
    settled: &Settled,
    catalog: &dyn Catalog,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> Option<Plan> {
    let broken: Vec<Span> = diagnostics
        .iter()
        .filter(|own| own.severity == Severity::Error)
        .map(|own| own.primary.span)
        .collect();
    let (names, found) = Names::collect(instances, diagnostics);
    let visible: Vec<Parameters> =
        (0..instances.len()).map(|id| settled.visible(&names.reachable(id), instances)).collect();
    let mut head = head(path, instances, catalog, &visible, diagnostics)?;
    head.device = settled.device;
    let seed = head.fields.seed;
    let mut used: BTreeSet<(usize, String)> = BTreeSet::new();
    let mut binding =
        Binding { instances, names: &names, catalog, sources, visible: &visible, head: &head };
    let mut blocks: Vec<Option<Block<'_>>> = Vec::with_capacity(found.len());
    for found in &found {
        let bound = binding.bind(*found, &mut used, diagnostics);
        // What isn't written right has a value that was not meant: nothing more is said of it.
        let is_broken = broken.iter().any(|span| found.block.span.covers(*span));
        blocks.push(bound.filter(|_| !is_broken));
    }
    guard(&mut blocks);
    let named = waits_of(&blocks);
    gather(&mut blocks, instances);
    let waits = waits_of(&blocks);
    let order = match graph::order(&waits) {
        Ok(order) => order,
        Err(cycles) => {
            for cycle in &cycles {
                diagnostics.push(cycle_found(cycle, &found));
            }
            return None;
        }
    };
    group(&mut blocks, &named, &order);
    let mut places = vec![0; order.len()];
    for (place, block) in order.iter().enumerate() {
        places[*block] = place;
    }
    let checks = Checks { catalog, instances, names: &names, places: &places, head: &head };
    let (checked, counted) = checks.all(&blocks, &order, &waits, &mut used, diagnostics);
    lint::clashing_files(&order, &blocks_read(&blocks), &checked, diagnostics);
    if diagnostics.has_errors() {
        // What is wrong may well use what seems unused.
        return None;
    }
    lint::unused_parameters(settled, instances, &names, &used, diagnostics);
    lint::unused_stages(&blocks_read(&blocks), &named, diagnostics);
    let stages = order
        .iter()
        .zip(checked.into_iter().zip(counted))
        .filter_map(|(block, (checked, Counted { promised, entries }))| {
            let made = stage(blocks[*block].as_ref()?, checked?, &places, seed);
            Some(Stage { promised, entries, ..made })
        })
        .collect();
    Some(Plan {
        name: head.name,
        doc: head.doc,
        path: path.to_path_buf(),
        header: head.fields,
        stages,
        registry: Arc::clone(catalog.registry()),
    })
}

/// Binds the header of the main file; a wrong one is reported, and stands for one that isn't there.
fn head(
    path: &Path,
    instances: &[Instance],
    catalog: &dyn Catalog,
    visible: &[Parameters],
    diagnostics: &mut Diagnostics,
) -> Option<Head> {
    let written = instances.first()?.tree.items.iter().find_map(|item| match item {
        ast::Item::Header(block) => Some(block),
        _ => None,
    });
    let Some(block) = written else {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let (doc, fields) = (String::new(), Header::defaults()?);
        return Some(Head { name, doc, fields, device: Device::default() });
    };
    let mut binder = Binder::new(catalog.registry().vocabulary(), visible.first()?);
    let args = binder.fields(block, &Header::SIGNATURE, &[]);
    diagnostics.extend(std::mem::take(&mut binder.diagnostics));
    let fields = args.and_then(|args| Header::from_args(&args)).or_else(Header::defaults)?;
    let (name, doc) = (block.name.node.clone(), block.doc.clone());
    Some(Head { name, doc, fields, device: Device::default() })
}

/// What binding a block needs.
struct Binding<'a, 's> {
    instances: &'a [Instance],
    names: &'a Names<'a>,
    catalog: &'s dyn Catalog,
    sources: &'s mut SourceMap,
    visible: &'a [Parameters],
    head: &'a Head,
}

impl<'a> Binding<'a, '_> {
    fn bind(
        &mut self,
        found: Found<'a>,
        used: &mut BTreeSet<(usize, String)>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Block<'a>> {
        let instance = &self.instances[found.instance];
        let parameters = &self.visible[found.instance];
        let block = found.block;
        let kinds = self.catalog.registry().stages();
        let Some(kind) = kinds.iter().find(|kind| kind.signature().name == block.kind.node) else {
            diagnostics.push(lint::unknown_kind(block, kinds));
            return None;
        };
        let mut binder = Binder::new(self.catalog.registry().vocabulary(), parameters);
        let args = binder.fields(block, kind.signature(), common(*kind));
        used.extend(
            std::mem::take(&mut binder.used).into_iter().map(|name| (found.instance, name)),
        );
        diagnostics.extend(std::mem::take(&mut binder.diagnostics));
        let mut args = args?;
        if let Some(Bound { setting: Setting::Duration(time), span, .. }) = args.get("timeout")
            && *time <= 0
        {
            diagnostics.push(
                Diagnostic::error("out-of-range", *span, "`timeout` must be longer than no time")
                    .help("leave it out to let the stage run as long as it takes"),
            );
            return None;
        }
        self.read_code(&mut args, kind.signature().params, &instance.folder, diagnostics)?;
        let mut waits = Vec::new();
        let name = format!("{}{}", instance.prefix, block.name.node);
        let mut checking = Checking {
            catalog: self.catalog,
            parameters,
            folder: &instance.folder,
            name: &name,
            place: block.name.span,
            seed: 0,
            head: self.head,
            diagnostics: Diagnostics::default(),
            used: BTreeSet::new(),
            promised: Vec::new(),
            entries: Vec::new(),
            view: View {
                names: self.names,
                instance: found.instance,
                places: &[],
                checked: &[],
                blocks: &[],
                own: 0,
            },
        };
        let mut named = Vec::new();
        args.iter().for_each(|(_, bound)| stages_named(bound, &mut named));
        named.extend(kind.mentions(&args, &mut checking).into_iter().map(|m| (m.path, m.span)));
        for (path, span) in named {
            match self.names.find(found.instance, &path) {
                Some((other, _)) => waits.push(other),
                // Reports the unknown name, as there is nothing to find.
                None => drop(checking.source(&path, span)),
            }
        }
        let found_wrong = checking.diagnostics.has_errors();
        diagnostics.extend(checking.diagnostics);
        waits.sort_unstable();
        waits.dedup();
        let groups = BTreeSet::new();
        (!found_wrong).then_some(Block {
            found,
            name,
            kind: *kind,
            args,
            waits,
            groups,
            parameters,
        })
    }

    /// Reads `file("query.sql")` in the settings of a block.
    fn read_code(
        &mut self,
        args: &mut Args,
        params: &'static [Param],
        folder: &Path,
        diagnostics: &mut Diagnostics,
    ) -> Option<()> {
        for param in params {
            let Some(Bound { setting, span, .. }) = args.get_mut(param.name) else { continue };
            let Setting::CodeFile(path) = setting else { continue };
            match self.catalog.text(&normal(&folder.join(path.as_str()))) {
                Ok(text) => {
                    let file =
                        self.sources.add(&normal(&folder.join(path.as_str())), text.as_str());
                    let text = ast::Text { value: text, anchors: vec![(0, 0)] };
                    *setting = Setting::Code(Code { text, file: file.id });
                }
                Err(reason) => {
                    diagnostics.push(
                        Diagnostic::error(
                            "unreadable-file",
                            *span,
                            format!("`{path}` can't be read: {reason}"),
                        )
                        .help("the path is relative to the file that names it"),
                    );
                    return None;
                }
            }
        }
        Some(())
    }
}

/// Gives the fields that a kind takes beside its own.
fn common(kind: &'static dyn StageKind) -> &'static [Param] {
    match kind.role() {
        Role::Definition => Described::SIGNATURE.params,
        Role::Source | Role::Work | Role::Guard | Role::Effect => Common::SIGNATURE.params,
    }
}

/// Collects the stages named anywhere in a setting.
fn stages_named(bound: &Bound, named: &mut Vec<(Vec<String>, Span)>) {
    match &bound.setting {
        Setting::Stage(path) => named.push((path.clone(), bound.span)),
        Setting::List(items) => items.iter().for_each(|item| stages_named(item, named)),
        Setting::Map(map) => map.values().for_each(|item| stages_named(item, named)),
        Setting::Call(call) => call.args.iter().for_each(|(_, item)| stages_named(item, named)),
        _ => {}
    }
}

/// Lets every reader of a table wait for the guards on it, but for those that a guard reads itself.
fn guard(blocks: &mut [Option<Block<'_>>]) {
    let guards: Vec<(usize, Vec<usize>)> = blocks
        .iter()
        .enumerate()
        .filter_map(|(id, block)| {
            let block = block.as_ref()?;
            (block.kind.role() == Role::Guard).then(|| (id, block.waits.clone()))
        })
        .collect();
    for (guard, guarded) in guards {
        let before = ancestors(blocks, guard);
        for (id, block) in blocks.iter_mut().enumerate() {
            let Some(block) = block else { continue };
            let reads = guarded.first().is_some_and(|data| block.waits.contains(data));
            if reads && id != guard && !before.contains(&id) && block.kind.role() != Role::Guard {
                block.waits.push(guard);
            }
        }
    }
}

/// Lets each block that reads all wait for every other that its file sees and that keeps something,
/// but for those that wait for it themselves.
fn gather(blocks: &mut [Option<Block<'_>>], instances: &[Instance]) {
    let reads_all = |block: &Block<'_>| block.kind.reads_all(&block.args);
    let readers: Vec<usize> =
        (0..blocks.len()).filter(|id| blocks[*id].as_ref().is_some_and(reads_all)).collect();
    for reader in readers {
        let Some(seen) = blocks[reader].as_ref().map(|own| own.found.instance) else { continue };
        let seen = imported(instances, seen);
        let kept = |id: &usize| {
            *id != reader
                && blocks[*id].as_ref().is_some_and(|other| {
                    other.kind.role() != Role::Effect && seen.contains(&other.found.instance)
                })
                && !ancestors(blocks, *id).contains(&reader)
        };
        let others: Vec<usize> = (0..blocks.len()).filter(kept).collect();
        if let Some(block) = &mut blocks[reader] {
            block.waits.extend(others);
            block.waits.sort_unstable();
            block.waits.dedup();
        }
    }
}

/// Tells each model by which columns rows are kept together where it is fitted.
fn group(blocks: &mut [Option<Block<'_>>], waits: &[Vec<usize>], order: &[usize]) {
    let grouping = |block: &Option<Block<'_>>| {
        block.as_ref().map_or_else(Grouping::default, |block| Grouping {
            own: block.kind.groups(&block.args),
            learns: block.kind.learns(),
        })
    };
    let grouping: Vec<Grouping> = blocks.iter().map(grouping).collect();
    for (block, groups) in blocks.iter_mut().zip(groups::of(&grouping, waits, order)) {
        if let Some(block) = block.as_mut().filter(|own| own.kind.role() == Role::Definition) {
            block.groups = groups;
        }
    }
}

/// Gives a file and all that it imports, under a name or not.
fn imported(instances: &[Instance], from: usize) -> BTreeSet<usize> {
    let mut seen = BTreeSet::from([from]);
    let mut open = vec![from];
    while let Some(id) = open.pop() {
        for (_, other) in instances.get(id).iter().flat_map(|instance| &instance.imports) {
            if seen.insert(*other) {
                open.push(*other);
            }
        }
    }
    seen
}

fn waits_of(blocks: &[Option<Block<'_>>]) -> Vec<Vec<usize>> {
    let waits = |block: &Option<Block<'_>>| block.as_ref().map(|block| block.waits.clone());
    blocks.iter().map(|block| waits(block).unwrap_or_default()).collect()
}

/// Gives everything that a block waits for, over any number of steps.
pub(super) fn ancestors(blocks: &[Option<Block<'_>>], of: usize) -> BTreeSet<usize> {
    let mut seen = BTreeSet::new();
    let mut open = vec![of];
    while let Some(id) = open.pop() {
        for other in blocks[id].iter().flat_map(|block| &block.waits) {
            if seen.insert(*other) {
                open.push(*other);
            }
        }
    }
    seen
}

fn cycle_found(cycle: &[usize], found: &[Found<'_>]) -> Diagnostic {
    let name = |block: &usize| &found[*block].block.name;
    let names: Vec<&str> =
        cycle.iter().chain(cycle.first()).map(|block| name(block).node.as_str()).collect();
    let first = cycle
        .first()
        .map_or_else(|| Span::new(crate::text::FileId(0), 0, 0), |block| name(block).span);
    let mut diagnostic = Diagnostic::error(
        "cycle",
        first,
        match cycle {
            [_] => format!("`{}` waits for itself", names[0]),
            _ => format!("these stages wait for each other: {}", names.join(" → ")),
        },
    )
    .help("a stage waits for every stage that its fields or its SQL name; break the circle at one of them");
    for block in cycle.iter().skip(1) {
        diagnostic = diagnostic.related(name(block).span, "part of the circle");
    }
    diagnostic
}

/// What checking the blocks needs.
struct Checks<'a> {
    catalog: &'a dyn Catalog,
    instances: &'a [Instance],
    names: &'a Names<'a>,
    places: &'a [usize],
    head: &'a Head,
}

impl Checks<'_> {
    /// Checks every block after its inputs; blocks that don't wait for each other side by side.
    fn all(
        &self,
        blocks: &[Option<Block<'_>>],
        order: &[usize],
        waits: &[Vec<usize>],
        used: &mut BTreeSet<(usize, String)>,
        diagnostics: &mut Diagnostics,
    ) -> (Vec<Option<Checked>>, Vec<Counted>) {
        let mut checked: Vec<Option<Checked>> = vec![None; order.len()];
        let mut counted: Vec<Counted> = vec![Counted::default(); order.len()];
        for level in levels(order, waits) {
            let one = |block: &usize| {
                let instance = blocks[*block].as_ref()?.found.instance;
                Some((instance, self.one(blocks, *block, &checked)?))
            };
            let results: Vec<_> = if level.len() < MANY {
                level.iter().map(one).collect()
            } else {
                level.par_iter().map(one).collect()
            };
            for (block, result) in level.iter().zip(results) {
                let Some((instance, (found, result))) = result else { continue };
                used.extend(found.used.into_iter().map(|name| (instance, name)));
                let wrong = found.diagnostics.has_errors();
                diagnostics.extend(found.diagnostics);
                checked[self.places[*block]] = result.filter(|_| !wrong);
                counted[self.places[*block]] = found.counted;
            }
        }
        (checked, counted)
    }

    fn one(
        &self,
        blocks: &[Option<Block<'_>>],
        own: usize,
        checked: &[Option<Checked>],
    ) -> Option<(Finding, Option<Checked>)> {
        let block = blocks[own].as_ref()?;
        let instance = block.found.instance;
        let mut checking = Checking {
            catalog: self.catalog,
            parameters: block.parameters,
            folder: &self.instances[instance].folder,
            name: &block.name,
            place: block.found.block.name.span,
            seed: seed_of(&block.args, self.head.fields.seed),
            head: self.head,
            diagnostics: Diagnostics::default(),
            used: BTreeSet::new(),
            promised: Vec::new(),
            entries: Vec::new(),
            view: View { names: self.names, instance, places: self.places, checked, blocks, own },
        };
        let result = block.kind.check(&block.args, &mut checking);
        let Checking { diagnostics, used, promised, entries, .. } = checking;
        let finding = Finding { diagnostics, used, counted: Counted { promised, entries } };
        Some((finding, result))
    }
}

/// What checking one block found.
struct Finding {
    diagnostics: Diagnostics,
    used: BTreeSet<String>,
    counted: Counted,
}

/// What a run is held against, or points at.
#[derive(Clone, Default)]
struct Counted {
    promised: Vec<Promise>,
    entries: Vec<Span>,
}

/// Cuts an order into levels: each waits for those before alone.
fn levels(order: &[usize], waits: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut level_of = vec![0; order.len()];
    let mut levels: Vec<Vec<usize>> = Vec::new();
    for block in order {
        let level = waits[*block].iter().map(|other| level_of[*other] + 1).max().unwrap_or(0);
        level_of[*block] = level;
        if levels.len() <= level {
            levels.resize(level + 1, Vec::new());
        }
        levels[level].push(*block);
    }
    levels
}

fn seed_of(args: &Args, pipeline: u64) -> u64 {
    args.get("seed")
        .and_then(|bound| Option::<u64>::from_setting(&bound.setting))
        .flatten()
        .unwrap_or(pipeline)
}

fn blocks_read<'a>(blocks: &'a [Option<Block<'_>>]) -> Vec<Option<(&'a ast::Block, Role)>> {
    blocks
        .iter()
        .map(|block| block.as_ref().map(|block| (block.found.block, block.kind.role())))
        .collect()
}

/// Makes a stage of the plan.
fn stage(block: &Block<'_>, checked: Checked, places: &[usize], seed: u64) -> Stage {
    let common = Common::from_args(&block.args);
    let tags = match (&common, Described::from_args(&block.args)) {
        (Some(common), _) => common.tags.clone(),
        (None, Some(described)) => described.tags,
        (None, None) => Vec::new(),
    };
    let timeout = common.as_ref().and_then(|common| match common.timeout {
        Some(Setting::Duration(nanoseconds)) => {
            Some(Duration::from_nanos(nanoseconds.unsigned_abs()))
        }
        _ => None,
    });
    let task = checked.task.map(|mut task| {
        if common.as_ref().is_some_and(|common| !common.cache) && task.caching == Caching::Keyed {
            task.caching = Caching::EachTime;
        }
        task
    });
    let mut waits: Vec<usize> = block.waits.iter().map(|other| places[*other]).collect();
    waits.sort_unstable();
    Stage {
        name: block.name.clone(),
        kind: block.kind.signature().name,
        version: block.kind.version(),
        doc: block.doc(),
        span: block.found.block.name.span,
        tags,
        outputs: checked.outputs,
        promised: Vec::new(),
        entries: Vec::new(),
        settings: block.args.canonical(),
        groups: block.groups.iter().cloned().collect(),
        written: block.written(),
        task,
        waits,
        seed: seed_of(&block.args, seed),
        retries: common.as_ref().map_or(0, |common| common.retries),
        timeout,
        on_demand: block.found.instance != 0 && block.kind.role() == Role::Effect,
    }
}
