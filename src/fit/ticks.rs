//! The parts of a document as a tree with tick boxes: which are selected, and how many tokens they have.
//!
//! Every part has a box. So have folders, volumes and groups of ten PDF pages; these tick all parts in them.
//!
//! ```text
//!   ▾ [-] src/            6,012      partly selected
//!       [x] lib.rs        4,000
//!     ▸ [ ] net/          2,012      folded: contains two files
//! ```
//!
//! Only parts store ticks; the mark and the tokens of a node are computed from its parts. Parts are in document order,
//! so a node is a range of parts.
//!
//! Doesn't draw, handle keys or count tokens.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use super::tree::{self, Row};
use crate::document::{Document, Part, PartNode};

/// The parts of a PDF without an outline are its pages; they are grouped, so that a book of 300 pages needs fewer
/// lines.
const PAGES_TOGETHER: usize = 10;

/// A tree with more nodes than this is folded at first.
const ALL_IS_SEEN: usize = 40;

/// A line of the tree: a part, or a group of parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub name: String,
    pub depth: usize,
    /// Indices of its parts.
    pub parts: Range<usize>,
    /// The first node after it and everything in it.
    end: usize,
}

/// The parts of a document, in groups.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartTree {
    nodes: Vec<Node>,
    /// The full title of each part, in lower case, for the filter.
    titles: Vec<String>,
}

/// A line from which a node is made.
struct Line {
    name: String,
    depth: usize,
    is_part: bool,
}

impl PartTree {
    /// Builds the tree. Files are grouped by folder, pages by tens, and other parts by the volumes or sections above
    /// them.
    #[must_use]
    pub fn of(document: &Document) -> Self {
        let (parts, tree) = (document.parts(), document.part_tree());
        let lines = if are_files(document, &tree) {
            by_folder(&tree)
        } else if are_pages(&parts) {
            by_tens(&parts)
        } else {
            by_outline(document, &parts)
        };
        Self::new(lines, parts.iter().map(|part| part.title.to_lowercase()).collect())
    }

    fn new(lines: Vec<Line>, titles: Vec<String>) -> Self {
        let mut nodes: Vec<Node> = Vec::with_capacity(lines.len());
        let mut open: Vec<usize> = Vec::new();
        let mut parts = 0;
        for Line { name, depth, is_part } in lines {
            while let Some(outer) = open.pop_if(|outer| nodes[*outer].depth >= depth) {
                nodes[outer].end = nodes.len();
                nodes[outer].parts.end = parts;
            }
            open.push(nodes.len());
            nodes.push(Node { name, depth, parts: parts..parts, end: nodes.len() + 1 });
            parts += usize::from(is_part);
        }
        for outer in open {
            nodes[outer].end = nodes.len();
            nodes[outer].parts.end = parts;
        }
        Self { nodes, titles }
    }

    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Number of parts.
    #[must_use]
    pub fn parts(&self) -> usize {
        self.titles.len()
    }

    /// Whether a node is a part itself.
    #[must_use]
    pub fn is_part(&self, node: usize) -> bool {
        self.nodes[node].end == node + 1
    }

    /// The node that contains `node`.
    fn parent(&self, node: usize) -> Option<usize> {
        (0..node).rev().find(|&above| self.nodes[above].depth < self.nodes[node].depth)
    }
}

fn are_files(document: &Document, nodes: &[PartNode]) -> bool {
    let names: HashSet<&str> = document.report.files.iter().map(|file| file.name.as_str()).collect();
    nodes.len() > 1 && nodes.iter().all(|node| names.contains(node.title.as_str()))
}

fn by_folder(nodes: &[PartNode]) -> Vec<Line> {
    let files: Vec<(&str, u32)> = nodes.iter().map(|node| (node.title.as_str(), 0)).collect();
    let mut lines = Vec::new();
    for row in tree::rows(&files) {
        match row {
            Row::Folder { name, depth, .. } => lines.push(Line { name, depth, is_part: false }),
            Row::File { name, depth, index } => add_with_chapters(&nodes[index], name, depth, &mut lines),
        }
    }
    lines
}

/// A line for `node`, and lines for the chapters in it if it was opened.
fn add_with_chapters(node: &PartNode, name: String, depth: usize, lines: &mut Vec<Line>) {
    lines.push(Line { name, depth, is_part: node.inside.is_empty() });
    for inner in &node.inside {
        let rest = inner.title.strip_prefix(node.title.as_str());
        let name = match rest.map(|rest| rest.trim_start_matches(" · ")) {
            Some("") => "opening text",
            Some(rest) => rest,
            None => inner.title.as_str(),
        };
        add_with_chapters(inner, name.to_owned(), depth + 1, lines);
    }
}

fn are_pages(parts: &[Part]) -> bool {
    parts.len() > 2 * PAGES_TOGETHER && parts.iter().all(|part| page(part).is_some())
}

/// The page number, if the part is a page.
fn page(part: &Part) -> Option<&str> {
    part.title.strip_prefix("page ").filter(|number| number.parse::<u32>().is_ok())
}

fn by_tens(parts: &[Part]) -> Vec<Line> {
    let mut lines = Vec::new();
    for pages in parts.chunks(PAGES_TOGETHER) {
        let (first, last) = (page(&pages[0]).unwrap_or(""), page(&pages[pages.len() - 1]).unwrap_or(""));
        lines.push(Line { name: format!("pages {first}-{last}"), depth: 0, is_part: false });
        lines.extend(pages.iter().map(|part| Line { name: part.title.clone(), depth: 1, is_part: true }));
    }
    lines
}

fn by_outline(document: &Document, parts: &[Part]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    for part in parts {
        let above = entries_above(document, part);
        let shared = open.iter().zip(&above).take_while(|(one, other)| one == other).count();
        for (depth, &entry) in above.iter().enumerate().skip(shared) {
            lines.push(Line { name: document.outline[entry].title.clone(), depth, is_part: false });
        }
        lines.push(Line { name: own_name(document, part, &above), depth: above.len(), is_part: true });
        open = above;
    }
    lines
}

/// The outline entries that contain `part` and more, outermost first.
fn entries_above(document: &Document, part: &Part) -> Vec<usize> {
    let Some(last) = part.span.end.checked_sub(1) else { return Vec::new() };
    let outline = document.outline.iter().enumerate();
    outline
        .filter(|(_, entry)| entry.span.contains(last))
        .filter(|(_, entry)| entry.span.start < part.span.start || entry.span.end > part.span.end)
        .map(|(index, _)| index)
        .collect()
}

/// The title of a part without the titles above it: `VOLUME II · CHAPTER III` in `VOLUME II` becomes `CHAPTER III`.
fn own_name(document: &Document, part: &Part, above: &[usize]) -> String {
    let mut name = part.title.as_str();
    for &entry in above {
        let title = &document.outline[entry].title;
        if name == title {
            return "opening text".to_owned();
        }
        name = name.strip_prefix(title.as_str()).and_then(|rest| rest.strip_prefix(" · ")).unwrap_or(name);
    }
    name.to_owned()
}

/// How much of a node is selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    All,
    Some,
    Nothing,
}

/// Tokens of some parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    /// Of the parts counted so far.
    pub tokens: u32,
    /// Number of parts not counted yet.
    pub uncounted: usize,
}

/// A tree with its ticks, folds and filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticks {
    tree: Arc<PartTree>,
    /// By part.
    ticked: Vec<bool>,
    /// By node.
    folded: Vec<bool>,
    filter: String,
}

impl Ticks {
    /// `ticked` has the indices of the selected parts.
    #[must_use]
    pub fn new(tree: Arc<PartTree>, ticked: &[usize]) -> Self {
        let is_long = tree.nodes.len() > ALL_IS_SEEN;
        // A folder around everything stays open: folding it would hide all.
        let around_all = tree.nodes.iter().take_while(|node| node.parts.len() == tree.parts()).count();
        let folded = (0..tree.nodes.len()).map(|node| is_long && node >= around_all && !tree.is_part(node)).collect();
        let mut ticks = Self { ticked: vec![false; tree.parts()], folded, filter: String::new(), tree };
        ticks.set(ticked);
        ticks
    }

    /// Ticks these parts and no others.
    pub fn set(&mut self, ticked: &[usize]) {
        self.ticked.fill(false);
        for &part in ticked {
            if let Some(tick) = self.ticked.get_mut(part) {
                *tick = true;
            }
        }
    }

    #[must_use]
    pub fn tree(&self) -> &PartTree {
        &self.tree
    }

    /// The indices of the ticked parts.
    #[must_use]
    pub fn ticked(&self) -> Vec<usize> {
        (0..self.ticked.len()).filter(|&part| self.ticked[part]).collect()
    }

    #[must_use]
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// Shows only the parts whose titles contain all words of `text`.
    pub fn set_filter(&mut self, text: &str) {
        text.clone_into(&mut self.filter);
    }

    /// The visible nodes, in order. Nothing is folded while a filter is set.
    #[must_use]
    pub fn rows(&self) -> Vec<usize> {
        let is_meant = self.meant();
        let mut rows = Vec::new();
        let mut node = 0;
        while let Some(here) = self.tree.nodes.get(node) {
            if is_meant[here.parts.clone()].iter().any(|meant| *meant) {
                rows.push(node);
            }
            node = if self.is_folded(node) { here.end } else { node + 1 };
        }
        rows
    }

    /// Which parts match the filter.
    fn meant(&self) -> Vec<bool> {
        let words: Vec<String> = self.filter.split_whitespace().map(str::to_lowercase).collect();
        self.tree.titles.iter().map(|title| words.iter().all(|word| title.contains(word.as_str()))).collect()
    }

    #[must_use]
    pub fn is_folded(&self, node: usize) -> bool {
        self.folded[node] && self.filter.is_empty()
    }

    /// Folds `node` and returns it. If there is nothing to fold, returns its parent instead (or `node` if it has none).
    pub fn fold(&mut self, node: usize) -> usize {
        if !self.tree.is_part(node) && !self.is_folded(node) && self.filter.is_empty() {
            self.folded[node] = true;
            return node;
        }
        self.tree.parent(node).unwrap_or(node)
    }

    pub fn unfold(&mut self, node: usize) {
        self.folded[node] = false;
    }

    #[must_use]
    pub fn mark(&self, node: usize) -> Mark {
        let inside = &self.ticked[self.tree.nodes[node].parts.clone()];
        match inside.iter().filter(|tick| **tick).count() {
            0 => Mark::Nothing,
            count if count == inside.len() => Mark::All,
            _ => Mark::Some,
        }
    }

    /// Ticks all matching parts of a node, or unticks them if all are ticked.
    pub fn toggle(&mut self, node: usize) {
        let meant = self.meant();
        let inside: Vec<usize> = self.tree.nodes[node].parts.clone().filter(|&part| meant[part]).collect();
        let tick = !inside.iter().all(|&part| self.ticked[part]);
        for part in inside {
            self.ticked[part] = tick;
        }
    }

    /// Ticks or unticks all parts that match the filter.
    pub fn set_all(&mut self, tick: bool) {
        self.change_meant(|_| tick);
    }

    /// Inverts the ticks of all parts that match the filter.
    pub fn invert(&mut self) {
        self.change_meant(|tick| !tick);
    }

    fn change_meant(&mut self, change: impl Fn(bool) -> bool) {
        let meant = self.meant();
        for (tick, _) in self.ticked.iter_mut().zip(meant).filter(|(_, meant)| *meant) {
            *tick = change(*tick);
        }
    }

    /// Tokens of all parts of a node. `tokens` has the count of each part, if counted.
    #[must_use]
    pub fn sum(&self, node: usize, tokens: &[Option<u32>]) -> Sum {
        sum(self.tree.nodes[node].parts.clone(), tokens)
    }

    /// Tokens of the ticked parts of a node.
    #[must_use]
    pub fn sum_ticked(&self, node: usize, tokens: &[Option<u32>]) -> Sum {
        sum(self.tree.nodes[node].parts.clone().filter(|&part| self.ticked[part]), tokens)
    }

    /// Tokens of all ticked parts.
    #[must_use]
    pub fn sum_of_ticked(&self, tokens: &[Option<u32>]) -> Sum {
        sum((0..self.ticked.len()).filter(|&part| self.ticked[part]), tokens)
    }
}

fn sum(parts: impl Iterator<Item = usize>, tokens: &[Option<u32>]) -> Sum {
    let add = |sum: Sum, part| match tokens.get(part).copied().flatten() {
        Some(tokens) => Sum { tokens: sum.tokens.saturating_add(tokens), ..sum },
        None => Sum { uncounted: sum.uncounted + 1, ..sum },
    };
    parts.fold(Sum::default(), add)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::document::{Input, ReadOptions, load};

    fn loaded(files: &[(&str, &str)]) -> Document {
        let input = |(name, text): &(&str, &str)| Input::Memory {
            name: (*name).to_owned(),
            bytes: text.as_bytes().to_vec().into(),
        };
        let inputs: Vec<Input> = files.iter().map(input).collect();
        load(&inputs, &ReadOptions::default(), &mut std::io::empty()).expect("text")
    }

    fn ticks(document: &Document) -> Ticks {
        let tree = PartTree::of(document);
        let all: Vec<usize> = (0..tree.parts()).collect();
        Ticks::new(Arc::new(tree), &all)
    }

    /// The visible rows, without tokens.
    fn seen(ticks: &Ticks) -> String {
        let row = |node: usize| {
            let mark = match ticks.mark(node) {
                Mark::All => 'x',
                Mark::Some => '-',
                Mark::Nothing => ' ',
            };
            let Node { name, depth, .. } = &ticks.tree.nodes[node];
            format!("{}[{mark}] {name}\n", "  ".repeat(*depth))
        };
        ticks.rows().into_iter().map(row).collect()
    }

    fn named(ticks: &Ticks, name: &str) -> usize {
        ticks.tree.nodes.iter().position(|node| node.name == name).unwrap_or_else(|| panic!("no {name}"))
    }

    fn folder() -> Ticks {
        let names = ["src/lib.rs", "src/net/tcp.rs", "src/net/udp.rs", "src/ui.rs", "tests/all.rs"];
        ticks(&loaded(&names.map(|name| (name, "text\n"))))
    }

    #[test]
    fn files_lie_in_their_folders_and_a_mixed_folder_is_partly_ticked() {
        let mut ticks = folder();
        ticks.toggle(named(&ticks, "tcp.rs"));
        let expected = "\
[-] src/
  [x] lib.rs
  [-] net/
    [ ] tcp.rs
    [x] udp.rs
  [x] ui.rs
[x] tests/
  [x] all.rs
";
        assert_eq!(seen(&ticks), expected);
        ticks.toggle(named(&ticks, "net/"));
        assert_eq!(ticks.mark(named(&ticks, "net/")), Mark::All, "what is mixed is ticked first");
        ticks.toggle(named(&ticks, "net/"));
        assert_eq!((ticks.mark(named(&ticks, "net/")), ticks.ticked()), (Mark::Nothing, vec![0, 3, 4]));
    }

    #[test]
    fn folded_folders_hide_what_lies_in_them_and_left_goes_up() {
        let mut ticks = folder();
        let (net, tcp) = (named(&ticks, "net/"), named(&ticks, "tcp.rs"));
        assert_eq!(ticks.fold(tcp), net, "a file has nothing to fold");
        assert_eq!(ticks.fold(net), net);
        assert_eq!(seen(&ticks), "[x] src/\n  [x] lib.rs\n  [x] net/\n  [x] ui.rs\n[x] tests/\n  [x] all.rs\n");
        assert_eq!(ticks.fold(net), named(&ticks, "src/"));
        ticks.unfold(net);
        assert_eq!(ticks.rows().len(), 8);
    }

    #[test]
    fn a_filter_leaves_what_it_finds_and_only_that_is_ticked() {
        let mut ticks = folder();
        ticks.fold(named(&ticks, "net/"));
        ticks.set_all(false);
        ticks.set_filter("SRC udp");
        assert_eq!(seen(&ticks), "[ ] src/\n  [ ] net/\n    [ ] udp.rs\n", "what is folded is looked into");
        ticks.toggle(named(&ticks, "src/"));
        assert_eq!(ticks.ticked(), [2]);
        ticks.invert();
        assert_eq!(ticks.ticked(), [0; 0]);
        ticks.set_all(true);
        ticks.set_filter("");
        assert_eq!(ticks.ticked(), [2]);
    }

    #[test]
    fn chapters_lie_in_their_volumes() {
        let volume = |number: u32| {
            let chapter = |chapter: u32| format!("## Chapter {chapter}\n\nText.\n\n");
            format!("# Volume {number}\n\nOne.\n\nTwo.\n\n{}", [1, 2].map(chapter).concat())
        };
        let ticks = ticks(&loaded(&[("book.md", &[1, 2].map(volume).concat())]));
        let expected = "\
[x] Volume 1
  [x] opening text
  [x] Chapter 1
  [x] Chapter 2
[x] Volume 2
  [x] opening text
  [x] Chapter 1
  [x] Chapter 2
";
        assert_eq!(seen(&ticks), expected);
    }

    #[test]
    fn a_heading_directly_above_the_first_chapter_is_no_part_of_its_own() {
        let volume =
            |number: u32| format!("# Volume {number}\n\n## One\n\nText.\n\n## Two\n\nText.\n\n## Three\n\nText.\n\n");
        let ticks = ticks(&loaded(&[("book.md", &[1, 2].map(volume).concat())]));
        assert_eq!(
            seen(&ticks),
            "[x] Volume 1\n  [x] One\n  [x] Two\n  [x] Three\n[x] Volume 2\n  [x] One\n  [x] Two\n  [x] Three\n"
        );
    }

    #[test]
    fn pages_come_in_tens_and_a_long_tree_is_folded() {
        let part = |number: usize| Part {
            number,
            title: format!("page {number}"),
            span: crate::document::ByteSpan { start: number, end: number + 1 },
        };
        let parts: Vec<Part> = (1..=45).map(part).collect();
        assert!(are_pages(&parts) && !are_pages(&parts[..20]));
        let tree = PartTree::new(by_tens(&parts), vec![String::new(); 45]);
        let ticks = Ticks::new(Arc::new(tree), &[0, 44]);
        let expected = "[-] pages 1-10\n[ ] pages 11-20\n[ ] pages 21-30\n[ ] pages 31-40\n[-] pages 41-45\n";
        assert_eq!(seen(&ticks), expected);
    }

    #[test]
    fn the_chapters_of_a_long_file_stand_below_it_in_its_folder() {
        let long: String =
            (1..=3).map(|number| format!("# Part {number}/x\n\n{}", "word word word.\n\n".repeat(900))).collect();
        let ticks = ticks(&loaded(&[
            ("doc/book.md", &long),
            ("doc/note.md", "Text.\n"),
            ("doc/x.md", "Text.\n"),
            ("doc/y.md", "Text.\n"),
            ("doc/src/a.rs", "code\n"),
        ]));
        let expected = "\
[x] doc/
  [x] book.md
    [x] Part 1/x
    [x] Part 2/x
    [x] Part 3/x
  [x] note.md
  [x] x.md
  [x] y.md
  [x] src/
    [x] a.rs
";
        assert_eq!(seen(&ticks), expected);
    }

    #[test]
    fn a_document_without_parts_is_one() {
        assert_eq!(seen(&ticks(&loaded(&[("note.txt", "Text.\n")]))), "[x] note.txt\n");
    }

    #[test]
    fn what_is_not_counted_yet_is_told() {
        let ticks = folder();
        let tokens = [Some(1), None, Some(4), Some(8), None];
        let net = named(&ticks, "net/");
        assert_eq!(ticks.sum(net, &tokens), Sum { tokens: 4, uncounted: 1 });
        assert_eq!(ticks.sum_of_ticked(&tokens), Sum { tokens: 13, uncounted: 2 });
    }

    /// A tree of files in folders, named by single letters and sorted by name, with some files ticked and some folders
    /// folded.
    fn any_ticks() -> impl Strategy<Value = (Ticks, Vec<Option<u32>>)> {
        let files = prop::collection::btree_set("([abc]/){0,3}[defg]", 1..30);
        (files, any::<u64>(), any::<u64>(), prop::collection::vec(0..1_000_u32, 30)).prop_map(
            |(files, ticked, folded, tokens)| {
                let file = |(number, title): (usize, &String)| PartNode {
                    title: title.clone(),
                    span: crate::document::ByteSpan { start: 0, end: 0 },
                    first: number,
                    last: number,
                    inside: Vec::new(),
                };
                let nodes: Vec<PartNode> = (1..).zip(&files).map(file).collect();
                let tree = PartTree::new(by_folder(&nodes), files.iter().cloned().collect());
                let chosen: Vec<usize> = (0..files.len()).filter(|part| ticked >> part & 1 == 1).collect();
                let mut ticks = Ticks::new(Arc::new(tree), &chosen);
                for node in 0..ticks.folded.len() {
                    ticks.folded[node] = folded >> node & 1 == 1 && !ticks.tree.is_part(node);
                }
                (ticks, tokens.into_iter().take(files.len()).map(Some).collect())
            },
        )
    }

    /// The nodes in `node`, without itself.
    fn below(ticks: &Ticks, node: usize) -> std::ops::Range<usize> {
        node + 1..ticks.tree.nodes[node].end
    }

    proptest! {
        #[test]
        fn a_folder_that_is_ticked_is_ticked_with_all_below((mut ticks, _) in any_ticks(), node in 0..60_usize) {
            let node = node % ticks.tree.nodes.len();
            let before = ticks.clone();
            ticks.toggle(node);
            let wanted = if before.mark(node) == Mark::All { Mark::Nothing } else { Mark::All };
            prop_assert_eq!(ticks.mark(node), wanted);
            prop_assert!(below(&ticks, node).all(|inner| ticks.mark(inner) == wanted));
            let inside = ticks.tree.nodes[node].parts.clone();
            prop_assert!((0..ticks.ticked.len()).all(|part| inside.contains(&part) || ticks.ticked[part] == before.ticked[part]));
        }

        #[test]
        fn a_folder_has_the_sum_of_what_lies_directly_in_it((ticks, tokens) in any_ticks()) {
            for node in 0..ticks.tree.nodes.len() {
                let depth = ticks.tree.nodes[node].depth;
                let direct = below(&ticks, node).filter(|&inner| ticks.tree.nodes[inner].depth == depth + 1);
                let sum: u32 = direct.map(|inner| ticks.sum(inner, &tokens).tokens).sum();
                prop_assert!(ticks.tree.is_part(node) || sum == ticks.sum(node, &tokens).tokens);
            }
            let outermost = (0..ticks.tree.nodes.len()).filter(|&node| ticks.tree.nodes[node].depth == 0);
            let sum: u32 = outermost.map(|node| ticks.sum_ticked(node, &tokens).tokens).sum();
            prop_assert_eq!(sum, ticks.sum_of_ticked(&tokens).tokens);
        }

        #[test]
        fn every_part_is_one_node_and_the_mark_of_a_folder_is_that_of_its_parts((ticks, _) in any_ticks()) {
            let parts: Vec<usize> = (0..ticks.tree.nodes.len()).filter(|&node| ticks.tree.is_part(node)).collect();
            prop_assert_eq!(parts.len(), ticks.tree.parts());
            for (part, node) in parts.iter().enumerate() {
                prop_assert_eq!(ticks.tree.nodes[*node].parts.clone(), part..part + 1);
            }
            for node in 0..ticks.tree.nodes.len() {
                let marks: Vec<bool> = ticks.tree.nodes[node].parts.clone().map(|part| ticks.ticked[part]).collect();
                let all = marks.iter().all(|tick| *tick);
                let any = marks.iter().any(|tick| *tick);
                let wanted = if all { Mark::All } else if any { Mark::Some } else { Mark::Nothing };
                prop_assert_eq!(ticks.mark(node), wanted);
            }
        }

        #[test]
        fn whatever_is_seen_lies_in_nothing_that_is_folded((ticks, _) in any_ticks()) {
            let rows = ticks.rows();
            let hidden = |node: usize| (0..node).any(|outer| ticks.is_folded(outer) && below(&ticks, outer).contains(&node));
            let wanted: Vec<usize> = (0..ticks.tree.nodes.len()).filter(|&node| !hidden(node)).collect();
            prop_assert_eq!(rows, wanted);
        }

        #[test]
        fn inverting_twice_changes_nothing((mut ticks, _) in any_ticks(), filter in "[a-g/]?") {
            ticks.set_filter(&filter);
            let before = ticks.clone();
            ticks.invert();
            ticks.invert();
            prop_assert_eq!(ticks, before);
        }
    }
}
