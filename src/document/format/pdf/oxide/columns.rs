//! Separates two short columns that the library interleaved line by line.
//!
//! Two columns are recognised by a gap at the same place in several lines, with prose on both sides of it:
//!
//! ```text
//! The cat sat on the mat and      looked at the dog, who had       →  The cat sat on the mat and
//! would not move, for it was      no wish to be looked at by       →  would not move, for it was
//! …                                                                    …
//!                                                                      looked at the dog, who had
//! ```
//!
//! The library gives the positions of words. The text stays the library's own; only the halves of its lines are
//! reordered. This happens if at least [`FEWEST_LINES`] consecutive lines of the text match rows of the page, and if
//! both sides look like prose: lines that fill their column, with several words each. Tables have short cells, so they
//! stay as they are.
//!
//! Three columns are not handled. Long columns are put in order by the library itself.

use pdf_oxide::layout::TextSpan;

/// Maximum number of lines. A printed page has 60; one with more than this is hostile.
const MOST_LINES: usize = 400;
/// Fewer lines may be a table.
const FEWEST_LINES: usize = 4;
/// Minimum gap between columns, in font sizes: wider than most spaces between words.
const LEAST_GAP: f32 = 0.8;
/// Minimum average number of words per line of prose. Table cells have fewer.
const FEWEST_WORDS: usize = 4;
/// Minimum share of its column that a line of prose fills, except at the end of a paragraph.
const FULL: f32 = 0.7;
/// Maximum line spacing, in font sizes. A line further away is something else, such as a page number or a note.
const MOST_LEADING: f32 = 2.5;
/// How far apart lines of a column may begin, in points, except for indented ones.
const RAGGED: f32 = 3.0;

/// A part of a line without a wide gap.
#[derive(Debug, Clone, PartialEq)]
struct TextRun {
    left: f32,
    right: f32,
    text: String,
}

/// A line of the page.
#[derive(Debug, Clone, PartialEq)]
struct TextRow {
    /// Distance from the lower edge of the page.
    y: f32,
    /// Largest font size of the line.
    size: f32,
    /// From left to right.
    runs: Vec<TextRun>,
}

/// Consecutive lines with a common gap.
#[derive(Debug)]
struct RowBlock<'a> {
    rows: &'a [TextRow],
    gap: (f32, f32),
}

/// Puts the short columns in `text` one after the other. `spans` are the positions of the text.
pub(super) fn parted(text: String, spans: &[TextSpan]) -> String {
    let rows = rows(spans);
    if rows.len() > MOST_LINES {
        return text;
    }
    let blocks: Vec<RowBlock> = blocks(&rows).into_iter().filter(RowBlock::is_prose).collect();
    if blocks.is_empty() {
        return text;
    }
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let before = lines.clone();
    for block in blocks {
        block.part(&mut lines);
    }
    if lines == before { text } else { lines.join("\n") }
}

/// The lines of a page from top to bottom.
fn rows(spans: &[TextSpan]) -> Vec<TextRow> {
    let mut spans: Vec<&TextSpan> = spans.iter().filter(|span| !span.text.trim().is_empty()).collect();
    spans.sort_by(|one, other| other.bbox.y.total_cmp(&one.bbox.y));
    let same_line = |one: &&TextSpan, other: &&TextSpan| (one.bbox.y - other.bbox.y).abs() < other.font_size / 2.0;
    spans.chunk_by(same_line).map(row).collect()
}

fn row(spans: &[&TextSpan]) -> TextRow {
    let mut spans = spans.to_vec();
    spans.sort_by(|one, other| one.bbox.x.total_cmp(&other.bbox.x));
    let size = spans.iter().map(|span| span.font_size).fold(0.0, f32::max);
    let mut row = TextRow { y: spans[0].bbox.y, size, runs: Vec::new() };
    for span in spans {
        let (left, right) = (span.bbox.x, span.bbox.x + span.bbox.width);
        match row.runs.last_mut() {
            Some(run) if left - run.right < span.font_size * LEAST_GAP => {
                run.right = run.right.max(right);
                run.text.push(' ');
                run.text.push_str(&span.text);
            }
            _ => row.runs.push(TextRun { left, right, text: span.text.clone() }),
        }
    }
    row
}

/// Finds consecutive rows with a common gap.
fn blocks(rows: &[TextRow]) -> Vec<RowBlock<'_>> {
    let mut blocks = Vec::new();
    let mut start = 0;
    while start < rows.len() {
        let Some(mut gap) = rows[start].gap() else {
            start += 1;
            continue;
        };
        let mut end = start + 1;
        while let Some(row) = rows.get(end).filter(|row| row.follows(&rows[end - 1]))
            && let Some(narrower) = row.gap_within(gap)
        {
            (gap, end) = (narrower, end + 1);
        }
        blocks.push(RowBlock { rows: &rows[start..end], gap });
        start = end;
    }
    blocks
}

impl TextRow {
    /// The gap between its two runs.
    fn gap(&self) -> Option<(f32, f32)> {
        match &self.runs[..] {
            [left, right] => Some((left.right, right.left)),
            _ => None,
        }
    }

    fn follows(&self, above: &Self) -> bool {
        above.y - self.y <= self.size.max(above.size) * MOST_LEADING
    }

    /// The part of `gap` that is free in this row, too. The row may be empty on one side of it.
    fn gap_within(&self, (from, to): (f32, f32)) -> Option<(f32, f32)> {
        let narrower = match &self.runs[..] {
            [left, right] => (from.max(left.right), to.min(right.left)),
            [only] if only.right <= to && only.left < from => (from.max(only.right), to),
            [only] if only.left >= from && only.right > to => (from, to.min(only.left)),
            _ => return None,
        };
        (narrower.1 - narrower.0 >= RAGGED).then_some(narrower)
    }
}

impl RowBlock<'_> {
    /// The left or right run of each row.
    fn side(&self, is_left: bool) -> Vec<Option<&TextRun>> {
        let of = |row: &'_ TextRow| row.runs.iter().position(|run| (run.right <= self.gap.0) == is_left);
        self.rows.iter().map(|row| of(row).map(|index| &row.runs[index])).collect()
    }

    fn is_prose(&self) -> bool {
        [true, false].into_iter().all(|is_left| is_prose(&self.side(is_left).into_iter().flatten().collect::<Vec<_>>()))
    }

    /// Moves the right halves after the left ones, if `lines` has these rows one after the other.
    fn part(&self, lines: &mut Vec<String>) {
        let (left, right) = (self.side(true), self.side(false));
        let keys: Vec<[String; 2]> = left.iter().zip(&right).map(|(left, right)| [key(*left), key(*right)]).collect();
        let Some(found) = found(lines, &keys) else { return };
        let halves: Vec<(String, String)> =
            found.iter().zip(&keys).map(|(&at, [left, _])| halves(&lines[at], left.chars().count())).collect();
        let (left, right): (Vec<String>, Vec<String>) = halves.into_iter().unzip();
        let parted = left.into_iter().chain(right).filter(|half| !half.is_empty());
        lines.splice(found[0]..=found[found.len() - 1], parted.collect::<Vec<_>>());
    }
}

/// Whether the lines of a column begin at the same place and fill the column.
fn is_prose(runs: &[&TextRun]) -> bool {
    let left = runs.iter().map(|run| run.left).fold(f32::INFINITY, f32::min);
    let right = runs.iter().map(|run| run.right).fold(f32::NEG_INFINITY, f32::max);
    let most = |is: &dyn Fn(&TextRun) -> bool| runs.iter().filter(|run| is(run)).count() * 3 >= runs.len() * 2;
    let words: usize = runs.iter().map(|run| run.text.split_whitespace().count()).sum();
    runs.len() >= FEWEST_LINES
        && words >= runs.len() * FEWEST_WORDS
        && most(&|run| run.left - left < RAGGED)
        && most(&|run| run.right - run.left >= (right - left) * FULL)
}

/// The text of a run without spaces.
fn key(run: Option<&TextRun>) -> String {
    run.map_or(String::new(), |run| without_spaces(&run.text))
}

fn without_spaces(text: &str) -> String {
    text.split_whitespace().collect()
}

/// The indices of the lines that match these rows. There may be blank lines between them.
fn found(lines: &[String], keys: &[[String; 2]]) -> Option<Vec<usize>> {
    let full: Vec<(usize, String)> =
        lines.iter().map(|line| without_spaces(line)).enumerate().filter(|(_, key)| !key.is_empty()).collect();
    let keys: Vec<String> = keys.iter().map(|both| both.concat()).collect();
    let is_there = |window: &[(usize, String)]| window.iter().map(|(_, line)| line).eq(&keys);
    full.windows(keys.len()).find(|window| is_there(window)).map(|window| window.iter().map(|(at, _)| *at).collect())
}

/// Splits `line` after this many characters, not counting spaces.
fn halves(line: &str, characters: usize) -> (String, String) {
    let mut signs = line.char_indices().filter(|(_, sign)| !sign.is_whitespace());
    let at = signs.nth(characters).map_or(line.len(), |(at, _)| at);
    (line[..at].trim().to_owned(), line[at..].trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEFT: [&str; 4] = [
        "The cat sat on the mat and",
        "would not move, for it was",
        "of the opinion that a mat",
        "is a good place for a cat.",
    ];
    const RIGHT: [&str; 4] = [
        "Dogs however looked at it",
        "from the garden, where the",
        "rain fell on all of them as",
        "it had done since Monday.",
    ];

    fn span(x: f32, y: f32, text: &str) -> TextSpan {
        let bbox = pdf_oxide::geometry::Rect { x, y, width: 5.0 * text.len() as f32, height: 10.0 };
        TextSpan { text: text.into(), bbox, font_size: 10.0, ..TextSpan::default() }
    }

    fn spans(left: &[&str], right: &[&str]) -> Vec<TextSpan> {
        let side = |x: f32, texts: &[&str]| {
            (0_u8..).zip(texts).map(|(line, text)| span(x, 600.0 - 12.0 * f32::from(line), text)).collect::<Vec<_>>()
        };
        [
            vec![span(60.0, 640.0, "A title that goes over both of the columns of the page")],
            side(60.0, left),
            side(220.0, right),
        ]
        .concat()
    }

    fn mixed(left: &[&str], right: &[&str]) -> String {
        let lines: Vec<String> = left.iter().zip(right).map(|(left, right)| format!("{left}   {right}")).collect();
        format!("A title\n\n{}\n\nThe end.", lines.join("\n"))
    }

    #[test]
    fn mixed_columns_are_parted() {
        let expected = format!("A title\n\n{}\n{}\n\nThe end.", LEFT.join("\n"), RIGHT.join("\n"));
        assert_eq!(parted(mixed(&LEFT, &RIGHT), &spans(&LEFT, &RIGHT)), expected);
    }

    #[test]
    fn tables_and_text_in_another_order_stay() {
        let (names, numbers) = (["Cats", "Dogs and their", "Birds", "Mice"], ["12 of them", "3", "41 or so", "many"]);
        let table = mixed(&names, &numbers);
        assert_eq!(parted(table.clone(), &spans(&names, &numbers)), table);
        let ordered = format!("{}\n{}", LEFT.join("\n"), RIGHT.join("\n"));
        assert_eq!(parted(ordered.clone(), &spans(&LEFT, &RIGHT)), ordered);
    }

    #[test]
    fn a_text_of_one_column_stays() {
        let text = LEFT.join("\n");
        assert_eq!(parted(text.clone(), &spans(&LEFT, &[])), text);
    }
}
