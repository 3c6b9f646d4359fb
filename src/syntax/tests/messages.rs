//! Later.
use super::{parse, show, source};
#[test]
fn dump() {
    for case in std::fs::read_to_string("/tmp/mlp-syntax/cases.txt").unwrap().split("\n----\n") {
        let (tree, found) = parse(case);
        println!("{case}\n   >>> [{}]\n{}\n", tree.broken.iter().map(|b| b.node.as_str()).collect::<Vec<_>>().join(" "), show::findings(&source(case), &found));
    }
}
