//! Names: which block a word means, seen from the file that holds it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::diag::{Diagnostic, Diagnostics};
use crate::syntax::ast;

/// The place of an [`Instance`] in the list of all.
pub(super) type InstanceId = usize;

/// One file as it is imported: the same file under two names is there twice.
#[derive(Debug)]
pub(super) struct Instance {
    /// What stands before its names when they are seen from the main file: `c.`.
    pub(super) prefix: String,
    /// Where the file lies.
    pub(super) path: PathBuf,
    /// The folder that paths in it are relative to.
    pub(super) folder: PathBuf,
    /// Its tree.
    pub(super) tree: ast::File,
    /// What it imports, under which name.
    pub(super) imports: Vec<(Option<String>, InstanceId)>,
}

/// Every block of every file, and what each file sees of them.
pub(super) struct Names<'a> {
    instances: &'a [Instance],
    /// For each instance: its own blocks by name, as places in the list of all blocks.
    own: Vec<BTreeMap<&'a str, usize>>,
}

/// One block, and the file that it stands in.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    /// The file.
    pub(super) instance: InstanceId,
    /// The block.
    pub(super) block: &'a ast::Block,
}

impl<'a> Names<'a> {
    /// Lists the blocks in plan order (imported files first come where they were first named) and
    /// reports doubled names.
    pub(super) fn collect(
        instances: &'a [Instance],
        diagnostics: &mut Diagnostics,
    ) -> (Self, Vec<Found<'a>>) {
        let mut all = Vec::new();
        let mut own = Vec::new();
        let mut seen: BTreeMap<String, &ast::Block> = BTreeMap::new();
        for (id, instance) in instances.iter().enumerate() {
            let mut names = BTreeMap::new();
            for block in instance.tree.blocks() {
                let full = format!("{}{}", instance.prefix, block.name.node);
                match seen.get(&full) {
                    Some(first) => diagnostics.push(
                        Diagnostic::error(
                            "doubled-name",
                            block.name.span,
                            format!("`{}` is defined twice", block.name.node),
                        )
                        .related(first.name.span, "first defined here")
                        .help("give one of the two another name"),
                    ),
                    None => {
                        seen.insert(full, block);
                        names.insert(block.name.node.as_str(), all.len());
                    }
                }
                all.push(Found { instance: id, block });
            }
            own.push(names);
        }
        (Self { instances, own }, all)
    }

    /// Finds the block that a path means, and how many parts of the path name it.
    pub(super) fn find(&self, from: InstanceId, path: &[String]) -> Option<(usize, usize)> {
        let (first, rest) = path.split_first()?;
        if let Some(block) = self.visible(from, first) {
            return Some((block, 1));
        }
        let (alias, target) = (first.as_str(), rest.first()?);
        let imports = self.reachable(from);
        imports
            .iter()
            .flat_map(|id| &self.instances[*id].imports)
            .filter(|(own, _)| own.as_deref() == Some(alias))
            .find_map(|(_, id)| self.visible(*id, target))
            .map(|block| (block, 2))
    }

    /// Lists every name that a file sees, as it would write them.
    pub(super) fn seen_from(&self, from: InstanceId) -> Vec<String> {
        let mut names = Vec::new();
        for id in self.reachable(from) {
            names.extend(self.own[id].keys().map(|name| (*name).to_owned()));
            for (alias, target) in &self.instances[id].imports {
                let Some(alias) = alias else { continue };
                for id in self.reachable(*target) {
                    names.extend(self.own[id].keys().map(|name| format!("{alias}.{name}")));
                }
            }
        }
        names
    }

    /// Gives a file and those that it imports without a name, over any number of steps.
    pub(super) fn reachable(&self, from: InstanceId) -> Vec<InstanceId> {
        let mut list = vec![from];
        let mut next = 0;
        while let Some(id) = list.get(next).copied() {
            next += 1;
            for (alias, target) in &self.instances[id].imports {
                if alias.is_none() && !list.contains(target) {
                    list.push(*target);
                }
            }
        }
        list
    }

    fn visible(&self, from: InstanceId, name: &str) -> Option<usize> {
        self.reachable(from).into_iter().find_map(|id| self.own[id].get(name).copied())
    }
}
