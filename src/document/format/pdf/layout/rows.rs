//! Rows: pieces of a region with nearly the same baseline, across all of its columns.

use super::pieces::Piece;

/// Baselines that differ by less are one row, in sizes of the smaller text.
const SAME_ROW: f64 = 0.3;
/// As above, between the field of a form and its label.
const SAME_ROW_AS_LABEL: f64 = 0.6;

/// Sizes that differ by less are one.
const SAME_SIZE: f64 = 0.97;

/// Pieces with nearly the same baseline, as indices, from left to right.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub pieces: Vec<usize>,
    pub baseline: f64,
    pub size: f64,
}

/// The rows of the pieces at `region`, from top to bottom.
pub(super) fn rows(pieces: &[Piece], region: &[usize]) -> Vec<Row> {
    let mut sorted = region.to_vec();
    sorted.sort_by(|&one, &other| pieces[one].baseline.total_cmp(&pieces[other].baseline));
    let mut rows: Vec<Row> = Vec::new();
    // The width of the piece that a row has its baseline from.
    let mut widest = 0.0;
    for index in sorted {
        let piece = &pieces[index];
        let width = piece.right - piece.left;
        let is_near = |row: &&mut Row| {
            let is_labelled = piece.is_field || row.pieces.iter().any(|&other| pieces[other].is_field);
            let most = if is_labelled { SAME_ROW_AS_LABEL } else { SAME_ROW };
            piece.baseline - row.baseline <= most * piece.size.min(row.size)
        };
        if let Some(row) = rows.last_mut().filter(is_near) {
            row.pieces.push(index);
            // The row is where its largest text is, and of that the widest piece: the `A` of LaTeX is a little higher.
            if piece.size > row.size || piece.size > SAME_SIZE * row.size && width > widest {
                (row.baseline, row.size, widest) = (piece.baseline, piece.size.max(row.size), width);
            }
        } else {
            rows.push(Row { pieces: vec![index], baseline: piece.baseline, size: piece.size });
            widest = width;
        }
    }
    for row in &mut rows {
        row.pieces.sort_by(|&one, &other| pieces[one].left.total_cmp(&pieces[other].left));
    }
    rows
}

/// The most common distance between the baselines of neighbouring rows; `None` for a single row.
pub(super) fn leading(rows: &[Row]) -> Option<f64> {
    let mut distances: Vec<f64> = rows.windows(2).map(|two| two[1].baseline - two[0].baseline).collect();
    distances.retain(|distance| *distance > 0.0);
    distances.sort_by(f64::total_cmp);
    // Below the median: gaps between paragraphs are larger.
    distances.get(distances.len().saturating_sub(1) * 2 / 5).copied()
}
