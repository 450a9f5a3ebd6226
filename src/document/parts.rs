//! Divides a document into the numbered parts that a user can select.
//!
//! The outline may have several levels. The parts are those of the outermost level that has at least [`ENOUGH_PARTS`],
//! or else of the level that has most. *Emma* with 3 volumes and 55 chapters has 55 parts, a README with one title and
//! 6 sections has
//! 6. Text before the first heading belongs to the first part, so the parts together are the whole text.

use super::content::Document;
use super::outline::OutlineEntry;
use super::span::ByteSpan;

/// Enough parts to select from.
const ENOUGH_PARTS: usize = 5;

/// A numbered part of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// From 1.
    pub number: usize,
    /// With the titles above it, where there are several on that level: `VOLUME II · CHAPTER III`.
    pub title: String,
    pub span: ByteSpan,
}

impl Document {
    /// The parts, in order. There is at least one, and together they are the whole text.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let levels = self.outline.iter().map(|entry| entry.level).max().unwrap_or(0);
        let mut most = Vec::new();
        for level in 1..=levels {
            let openers = self.openers(level);
            if openers.len() >= most.len() {
                most = openers;
            }
            if most.len() >= ENOUGH_PARTS {
                break;
            }
        }
        if most.is_empty() { self.whole() } else { self.cut_at(&most) }
    }

    /// The whole text as one part, named after the first file.
    fn whole(&self) -> Vec<Part> {
        let title = self.sources.first().map(|source| source.name.clone()).unwrap_or_default();
        vec![Part { number: 1, title, span: ByteSpan { start: 0, end: self.text.len() } }]
    }

    /// The entries that begin each part of a division at `level`, as indices, outermost first.
    ///
    /// `VOLUME II` directly before `CHAPTER I` begins the same part.
    fn openers(&self, level: u8) -> Vec<Vec<usize>> {
        let mut parts: Vec<Vec<usize>> = Vec::new();
        for index in (0..self.outline.len()).filter(|&index| self.outline[index].level <= level) {
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

    fn cut_at(&self, openers: &[Vec<usize>]) -> Vec<Part> {
        let tree = OutlineTree::new(&self.outline);
        let start =
            |index: usize| openers.get(index).map_or(self.text.len(), |entries| self.outline[entries[0]].span.start);
        let part = |(index, entries): (usize, &Vec<usize>)| Part {
            number: index + 1,
            title: tree.title(entries[entries.len() - 1]),
            span: ByteSpan { start: if index == 0 { 0 } else { start(index) }, end: start(index + 1) },
        };
        openers.iter().enumerate().map(part).collect()
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
