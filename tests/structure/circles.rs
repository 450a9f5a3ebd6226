//! Circles of arrows, between modules and between files.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::arrows::Arrow;
use super::map::module_of;

/// Where a circle is allowed: two files of one format's folder belong together.
const FORMATS: &str = "document/format/";

/// Who uses whom.
type Graph<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// One sentence for each circle of modules.
pub(crate) fn between_modules(arrows: &[Arrow]) -> Vec<String> {
    let mut graph = Graph::new();
    for arrow in arrows {
        let (from, to) = (module_of(&arrow.from), module_of(&arrow.to));
        if from != to {
            graph.entry(from).or_default().insert(to);
        }
    }
    circles(&graph).into_iter().map(|circle| format!("a circle of modules: {}", circle.join(" → "))).collect()
}

/// One sentence for each circle of files outside of a format's folder.
pub(crate) fn between_files(arrows: &[Arrow]) -> Vec<String> {
    let mut graph = Graph::new();
    for arrow in arrows.iter().filter(|arrow| !are_of_one_format(&arrow.from, &arrow.to)) {
        graph.entry(&arrow.from).or_default().insert(&arrow.to);
    }
    let told = |circle: Vec<&str>| {
        let steps = circle.windows(2).filter_map(|pair| {
            let arrow = arrows.iter().find(|arrow| arrow.from == pair[0] && arrow.to == pair[1])?;
            Some(format!("{}:{} says {}", arrow.from, arrow.line, arrow.path))
        });
        format!("a circle of files: {} ({})", circle.join(" → "), steps.collect::<Vec<_>>().join(", "))
    };
    circles(&graph).into_iter().map(told).collect()
}

fn are_of_one_format(a: &str, b: &str) -> bool {
    let folder = |file: &str| {
        let (format, _) = file.strip_prefix(FORMATS)?.split_once('/')?;
        Some(format.to_owned())
    };
    folder(a).is_some() && folder(a) == folder(b)
}

/// The shortest circle through each node that is on one; each circle once, from its first node by name.
fn circles<'a>(graph: &Graph<'a>) -> Vec<Vec<&'a str>> {
    let mut told: Vec<Vec<&str>> = Vec::new();
    for &node in graph.keys() {
        let is_told = told.iter().any(|circle| circle.contains(&node));
        if !is_told && let Some(circle) = way_back(graph, node) {
            told.push(circle);
        }
    }
    told
}

/// The shortest way from `start` to itself.
fn way_back<'a>(graph: &Graph<'a>, start: &'a str) -> Option<Vec<&'a str>> {
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut next = VecDeque::from([start]);
    while let Some(node) = next.pop_front() {
        for &to in graph.get(node).into_iter().flatten() {
            if to == start {
                return Some(path_to(&came_from, start, node));
            }
            if !came_from.contains_key(to) {
                came_from.insert(to, node);
                next.push_back(to);
            }
        }
    }
    None
}

fn path_to<'a>(came_from: &BTreeMap<&'a str, &'a str>, start: &'a str, end: &'a str) -> Vec<&'a str> {
    let mut path = vec![start, end];
    let mut node = end;
    while node != start {
        node = came_from[node];
        path.push(node);
    }
    path.reverse();
    path
}
