//! The order of stages: who waits for whom, and what to say of a cycle.

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

/// Orders `count` nodes so that each comes after those that it waits for.
///
/// `waits[n]` are the nodes that node `n` waits for. Among nodes that are free to go, the one
/// written first goes first, so that the order follows the text.
///
/// # Errors
/// Gives every cycle, each as the nodes along it, from its first node.
pub(super) fn order(waits: &[Vec<usize>]) -> Result<Vec<usize>, Vec<Vec<usize>>> {
    let mut open: Vec<usize> = vec![0; waits.len()];
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); waits.len()];
    for (node, wanted) in waits.iter().enumerate() {
        let mut wanted = wanted.clone();
        wanted.sort_unstable();
        wanted.dedup();
        open[node] = wanted.len();
        for other in wanted {
            readers[other].push(node);
        }
    }
    let mut free: std::collections::BTreeSet<usize> =
        (0..waits.len()).filter(|node| open[*node] == 0).collect();
    let mut order = Vec::with_capacity(waits.len());
    while let Some(node) = free.pop_first() {
        order.push(node);
        for reader in &readers[node] {
            open[*reader] -= 1;
            if open[*reader] == 0 {
                free.insert(*reader);
            }
        }
    }
    if order.len() == waits.len() { Ok(order) } else { Err(cycles(waits)) }
}

/// Finds the cycles: in each strongly connected part, one way around.
fn cycles(waits: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut graph = DiGraph::<(), ()>::new();
    let nodes: Vec<NodeIndex> = waits.iter().map(|_| graph.add_node(())).collect();
    for (node, wanted) in waits.iter().enumerate() {
        for other in wanted {
            graph.add_edge(nodes[node], nodes[*other], ());
        }
    }
    let mut found: Vec<Vec<usize>> = tarjan_scc(&graph)
        .into_iter()
        .map(|part| part.into_iter().map(NodeIndex::index).collect::<Vec<usize>>())
        .filter(|part| part.len() > 1 || part.iter().all(|node| waits[*node].contains(node)))
        .map(|part| around(waits, &part))
        .collect();
    found.sort();
    found
}

/// Walks from the first node of a strongly connected part the shortest way back to it.
fn around(waits: &[Vec<usize>], part: &[usize]) -> Vec<usize> {
    let Some(start) = part.iter().copied().min() else { return Vec::new() };
    let mut came_from = std::collections::BTreeMap::new();
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for next in waits[node].iter().copied().filter(|next| part.contains(next)) {
            if next == start {
                let mut way = vec![node];
                while let Some(before) = way.last().and_then(|last| came_from.get(last)) {
                    way.push(*before);
                }
                way.reverse();
                return way;
            }
            if let std::collections::btree_map::Entry::Vacant(e) = came_from.entry(next) {
                e.insert(node);
                queue.push_back(next);
            }
        }
    }
    part.to_vec()
}

#[cfg(test)]
mod tests {
    use super::order;

    #[test]
    fn the_order_follows_the_text_where_it_is_free() {
        assert_eq!(order(&[vec![2], vec![], vec![], vec![0]]), Ok(vec![1, 2, 0, 3]));
    }

    #[test]
    fn a_cycle_is_named_in_full() {
        assert_eq!(
            order(&[vec![1], vec![2], vec![0], vec![3], vec![]]),
            Err(vec![vec![0, 1, 2], vec![3]])
        );
    }

    #[test]
    fn ten_thousand_stages_in_a_chain_are_ordered() {
        let waits: Vec<Vec<usize>> =
            (0..10_000_usize).map(|node| node.checked_sub(1).into_iter().collect()).collect();
        assert_eq!(order(&waits).map(|order| order.len()), Ok(10_000));
    }
}
