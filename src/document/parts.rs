//! Divides a document into the numbered parts that a user can select.
//!
//! The outline may have several levels. The parts are those of the outermost level that has at least [`ENOUGH_PARTS`],
//! or else of the level that has most. *Emma* with 3 volumes and 55 chapters has 55 parts, a README with one title and
//! 6 sections has 6. Text before the first heading belongs to the first part, so the parts together are the whole text.
//!
//! A part of more than [`LONG_BYTES`] that has headings of its own is opened: the parts in it are numbered instead. A
//! novel between a title page and an imprint is opened into its chapters:
//!
//! ```text
//!  1  Titlepage        [`PartNode`] 1
//!     The Hound        [`PartNode`] 2, parts 2-16
//!  2    Mr. Sherlock Holmes
//!  …
//! 17  Colophon         [`PartNode`] 3
//! ```

use std::ops::Range;

use super::content::Document;
use super::outline::OutlineEntry;
use super::span::ByteSpan;

/// Enough parts to select from.
const ENOUGH_PARTS: usize = 5;
/// Enough parts in a part to open it.
const ENOUGH_INSIDE: usize = 2;
/// A part that is longer is opened: about 8,000 tokens, a quarter of a small model's context.
const LONG_BYTES: usize = 32 << 10;
/// Text between the heading of an opened part and the first heading in it is a part by itself if it is longer.
const LONG_INTRODUCTION_BYTES: usize = 2 << 10;

/// A numbered part of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// From 1.
    pub number: usize,
    /// With the titles above it, where there are several on that level: `VOLUME II · CHAPTER III`.
    pub title: String,
    pub span: ByteSpan,
}

/// A part, or a part that was opened into others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartNode {
    pub title: String,
    pub span: ByteSpan,
    /// The number of its first part, from 1; its own if it was not opened.
    pub first: usize,
    /// The number of its last part.
    pub last: usize,
    /// Empty if it was not opened.
    pub inside: Vec<PartNode>,
}

/// The entries that begin a part, as indices, outermost first.
type Openers = Vec<usize>;

impl Document {
    /// The parts, in order. There is at least one, and together they are the whole text.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        for node in self.part_tree() {
            add_leaves(node, &mut parts);
        }
        parts
    }

    /// The parts as a tree: those that were opened hold others.
    #[must_use]
    pub fn part_tree(&self) -> Vec<PartNode> {
        let whole = ByteSpan { start: 0, end: self.text.len() };
        let openers = self.division(0..self.outline.len(), ENOUGH_PARTS);
        if openers.is_empty() {
            let title = self.sources.first().map(|source| source.name.clone()).unwrap_or_default();
            return vec![PartNode { title, span: whole, first: 1, last: 1, inside: Vec::new() }];
        }
        let mut next = 1;
        self.nodes(whole, &openers, self.outline.len(), &OutlineTree::new(&self.outline), &mut next)
    }

    /// The openers of the outermost level of these entries that has `enough` parts, or else of the level that has most.
    fn division(&self, entries: Range<usize>, enough: usize) -> Vec<Openers> {
        let mut levels: Vec<u8> = self.outline[entries.clone()].iter().map(|entry| entry.level).collect();
        levels.sort_unstable();
        levels.dedup();
        let mut most = Vec::new();
        for level in levels {
            let openers = self.openers(entries.clone(), level);
            if openers.len() >= most.len() {
                most = openers;
            }
            if most.len() >= enough {
                break;
            }
        }
        most
    }

    /// The entries that begin each part of a division at `level`.
    ///
    /// `VOLUME II` directly before `CHAPTER I` begins the same part.
    fn openers(&self, entries: Range<usize>, level: u8) -> Vec<Openers> {
        let mut parts: Vec<Openers> = Vec::new();
        for index in entries.filter(|&index| self.outline[index].level <= level) {
            match parts.last_mut() {
                Some(part) if self.is_only_a_heading(part[part.len() - 1], index) => part.push(index),
                _ => parts.push(vec![index]),
            }
        }
        parts
    }

    /// Whether the entry `outer` has nothing but its heading before the deeper entry `next`.
    fn is_only_a_heading(&self, outer: usize, next: usize) -> bool {
        let (outer, next) = (&self.outline[outer], &self.outline[next]);
        let between = &self.text[outer.span.start..next.span.start];
        outer.level < next.level && between.lines().filter(|line| !line.trim().is_empty()).take(3).count() <= 2
    }

    /// A node for each of `openers`, which divide `span`. `end` is the entry behind the last of them; `next` counts the
    /// parts.
    fn nodes(
        &self,
        span: ByteSpan,
        openers: &[Openers],
        end: usize,
        tree: &OutlineTree<'_>,
        next: &mut usize,
    ) -> Vec<PartNode> {
        let start = |index: usize| openers.get(index).map_or(span.end, |entries| self.outline[entries[0]].span.start);
        let mut nodes = Vec::with_capacity(openers.len());
        for (index, entries) in openers.iter().enumerate() {
            let from = if index == 0 { span.start } else { start(index) };
            let own = ByteSpan { start: from, end: start(index + 1) };
            let behind = openers.get(index + 1).map_or(end, |entries| entries[0]);
            nodes.push(self.node(own, entries[entries.len() - 1], behind, tree, next));
        }
        nodes
    }

    /// The node of the part that the entry `opener` begins; the entries in it end before `end`.
    fn node(&self, span: ByteSpan, opener: usize, end: usize, tree: &OutlineTree<'_>, next: &mut usize) -> PartNode {
        let title = tree.title(opener);
        let first = *next;
        let openers = if span.len() > LONG_BYTES { self.division(opener + 1..end, ENOUGH_INSIDE) } else { Vec::new() };
        if openers.len() < ENOUGH_INSIDE {
            *next += 1;
            return PartNode { title, span, first, last: first, inside: Vec::new() };
        }
        let mut inside = Vec::new();
        let mut rest = span;
        let introduction = ByteSpan { start: span.start, end: self.outline[openers[0][0]].span.start };
        if introduction.len() > LONG_INTRODUCTION_BYTES {
            inside.push(PartNode { title: title.clone(), span: introduction, first, last: first, inside: Vec::new() });
            *next += 1;
            rest.start = introduction.end;
        }
        inside.extend(self.nodes(rest, &openers, end, tree, next));
        PartNode { title, span, first, last: *next - 1, inside }
    }
}

fn add_leaves(node: PartNode, parts: &mut Vec<Part>) {
    if node.inside.is_empty() {
        parts.push(Part { number: node.first, title: node.title, span: node.span });
    }
    for inner in node.inside {
        add_leaves(inner, parts);
    }
}

/// The nesting of an outline's entries. Entries are indices.
struct OutlineTree<'a> {
    outline: &'a [OutlineEntry],
    parents: Vec<Option<usize>>,
    /// For each entry, the number of entries directly below it; `roots` have none above.
    children: Vec<usize>,
    roots: usize,
}

impl<'a> OutlineTree<'a> {
    fn new(outline: &'a [OutlineEntry]) -> Self {
        let mut tree = Self { outline, parents: Vec::new(), children: vec![0; outline.len()], roots: 0 };
        let mut open: Vec<usize> = Vec::new();
        for (index, entry) in outline.iter().enumerate() {
            open.retain(|&outer| outline[outer].level < entry.level);
            match open.last() {
                Some(&parent) => tree.children[parent] += 1,
                None => tree.roots += 1,
            }
            tree.parents.push(open.last().copied());
            open.push(index);
        }
        tree
    }

    /// The title of `entry`, after the titles above it that have siblings.
    fn title(&self, entry: usize) -> String {
        let mut titles = vec![self.outline[entry].title.as_str()];
        let mut above = self.parents[entry];
        while let Some(outer) = above {
            above = self.parents[outer];
            if above.map_or(self.roots, |parent| self.children[parent]) > 1 {
                titles.push(&self.outline[outer].title);
            }
        }
        titles.reverse();
        titles.join(" · ")
    }
}
