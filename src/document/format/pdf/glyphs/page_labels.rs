//! Reads the labels of pages: what a reader of the document calls them, such as `iv`, `12` or `A-3`.
//!
//! `/PageLabels << /Nums [0 << /S /r >> 4 << /S /D >>] >>` calls the first four pages i to iv, and the others 1, 2, 3. The
//! tree is walked without recursion, visiting each node once.

use std::collections::{BTreeMap, HashSet};

use hayro_syntax::object::{Array, Dict, Name, Object, String as PdfString};

use super::super::protocol::MOST_PAGES;
use super::text_string::decoded;
use crate::numerals::roman;

/// Maximum number of nodes visited in the tree, and of ranges found.
const MOST_NODES: usize = 10_000;
/// A longer prefix is no label.
const LONGEST_PREFIX: usize = 40;

/// How the pages of a range are called.
struct LabelRange {
    style: Option<Vec<u8>>,
    prefix: String,
    start: u32,
}

/// A label for each of `count` pages; none if the document has no labels, or none but the pages' own numbers.
pub(super) fn page_labels(catalog: &Dict<'_>, count: u32) -> Vec<String> {
    let ranges = ranges(catalog);
    if ranges.is_empty() {
        return Vec::new();
    }
    let label = |index: u32| match ranges.range(..=index).next_back() {
        Some((first, range)) => range.label(index - first),
        None => (index + 1).to_string(),
    };
    let labels: Vec<String> = (0..count.min(MOST_PAGES)).map(label).collect();
    let are_numbers = (1_usize..).zip(&labels).all(|(number, label)| *label == number.to_string());
    if are_numbers || labels.iter().any(String::is_empty) { Vec::new() } else { labels }
}

/// The ranges by their first page, from 0.
fn ranges(catalog: &Dict<'_>) -> BTreeMap<u32, LabelRange> {
    let mut ranges = BTreeMap::new();
    let mut open: Vec<Dict<'_>> = catalog.get::<Dict<'_>>("PageLabels").into_iter().collect();
    let mut seen = HashSet::new();
    while let Some(node) = open.pop().filter(|_| seen.len() < MOST_NODES && ranges.len() < MOST_NODES) {
        if !seen.insert(node.data().as_ptr() as usize) {
            continue;
        }
        if let Some(numbers) = node.get::<Array<'_>>("Nums") {
            let mut items = numbers.iter::<Object<'_>>();
            while let (Some(first), Some(range)) = (items.next(), items.next()) {
                let first = match first {
                    Object::Number(number) => u32::try_from(number.as_i64()).ok(),
                    _ => None,
                };
                if let (Some(first), Object::Dict(range)) = (first, range) {
                    ranges.insert(first, LabelRange::of(&range));
                }
            }
        }
        open.extend(node.get::<Array<'_>>("Kids").iter().flat_map(Array::iter::<Dict<'_>>));
    }
    ranges
}

impl LabelRange {
    fn of(range: &Dict<'_>) -> Self {
        let prefix = range.get::<PdfString<'_>>("P").map(|prefix| decoded(prefix.as_bytes())).unwrap_or_default();
        Self {
            style: range.get::<Name<'_>>("S").map(|style| style.as_ref().to_vec()),
            prefix: prefix.chars().take(LONGEST_PREFIX).collect::<String>().trim_start().to_owned(),
            start: range.get::<u32>("St").unwrap_or(1).max(1),
        }
    }

    /// The label of the page `offset` behind the first of the range.
    fn label(&self, offset: u32) -> String {
        let number = self.start.saturating_add(offset);
        let number = match self.style.as_deref() {
            Some(b"D") => number.to_string(),
            Some(b"r") => roman(number).to_lowercase(),
            Some(b"R") => roman(number),
            Some(b"a") => letters(number).to_lowercase(),
            Some(b"A") => letters(number),
            _ => String::new(),
        };
        format!("{}{number}", self.prefix)
    }
}

/// A to Z, then AA to ZZ.
fn letters(number: u32) -> String {
    let letter = char::from(b'A' + ((number - 1) % 26) as u8);
    std::iter::repeat_n(letter, ((number - 1) / 26 + 1).min(8) as usize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_each_style() {
        let label =
            |style: &[u8], start| LabelRange { style: Some(style.to_vec()), prefix: "P-".into(), start }.label(3);
        let labels = [label(b"D", 1), label(b"r", 1), label(b"R", 6), label(b"a", 1), label(b"A", 24), label(b"x", 1)];
        assert_eq!(labels, ["P-4", "P-iv", "P-IX", "P-d", "P-AA", "P-"]);
    }
}
