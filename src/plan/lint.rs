//! Lints of the whole pipeline, and what is said of words that nothing is registered for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::load::normal;
use super::names::{Instance, Names};
use super::parameters::Settled;
use super::stage::{Checked, Role, StageKind};
use crate::diag::{Diagnostic, Diagnostics};
use crate::syntax::ast;

/// Says that a block's kind isn't one.
pub(super) fn unknown_kind(block: &ast::Block, kinds: &[&'static dyn StageKind]) -> Diagnostic {
    let word = &block.kind.node;
    Diagnostic::error("unknown-kind", block.kind.span, format!("`{word}` is no kind of stage"))
        .label("expected a stage kind")
        .suggest(word, kinds.iter().map(|kind| kind.signature().name))
}

/// Refuses a stage that writes a file which another stage reads or writes.
pub(super) fn clashing_files(
    order: &[usize],
    blocks: &[Option<(&ast::Block, Role)>],
    checked: &[Option<Checked>],
    diagnostics: &mut Diagnostics,
) {
    let place =
        |path: &Path| normal(&std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
    let stages = || {
        order.iter().zip(checked).filter_map(|(block, checked)| {
            Some((blocks[*block]?.0, checked.as_ref()?.task.as_ref()?))
        })
    };
    let mut taken: BTreeMap<PathBuf, (&ast::Block, &str)> = BTreeMap::new();
    for (block, task) in stages() {
        taken.extend(task.files.iter().map(|path| (place(path), (block, "reads"))));
    }
    for (block, task) in stages() {
        for path in &task.writes {
            let Some((other, how)) = taken.insert(place(path), (block, "writes")) else { continue };
            diagnostics.push(
                Diagnostic::error(
                    "clashing-files",
                    block.name.span,
                    format!(
                        "`{}` would overwrite `{}`, which `{}` {how}",
                        block.name.node,
                        normal(path).display(),
                        other.name.node
                    ),
                )
                .related(other.name.span, format!("this one {how} it"))
                .help("write to another file"),
            );
        }
    }
}

/// Warns of parameters that nothing uses.
pub(super) fn unused_parameters(
    settled: &Settled,
    instances: &[Instance],
    names: &Names<'_>,
    used: &BTreeSet<(usize, String)>,
    diagnostics: &mut Diagnostics,
) {
    for parameter in &settled.list {
        let uses = used.iter().any(|(instance, word)| {
            let reachable = names.reachable(*instance);
            if reachable.contains(&parameter.instance) && *word == parameter.name.node {
                return true;
            }
            reachable.iter().flat_map(|id| &instances[*id].imports).any(|(alias, target)| {
                *target == parameter.instance
                    && alias
                        .as_ref()
                        .is_some_and(|alias| *word == format!("{alias}.{}", parameter.name.node))
            })
        });
        if !uses {
            diagnostics.push(
                Diagnostic::warning(
                    "unused-parameter",
                    parameter.name.span,
                    format!("nothing uses the parameter `{}`", parameter.full),
                )
                .help(format!("use it as `${}`, or take it out", parameter.name.node)),
            );
        }
    }
}

/// Warns of blocks that are of no use without a reader.
pub(super) fn unused_stages(
    blocks: &[Option<(&ast::Block, Role)>],
    waits: &[Vec<usize>],
    diagnostics: &mut Diagnostics,
) {
    let read: BTreeSet<usize> = waits.iter().flatten().copied().collect();
    for (id, block) in blocks.iter().enumerate() {
        let Some((block, Role::Definition | Role::Source)) = block else { continue };
        if !read.contains(&id) {
            diagnostics.push(
                Diagnostic::warning(
                    "unused-stage",
                    block.name.span,
                    format!("nothing uses `{}`", block.name.node),
                )
                .help("name it in another stage, or take it out"),
            );
        }
    }
}
