//! What a line looks like on its page: where it is, and how large, compared with the text around it.

use serde::{Deserialize, Serialize};

use super::line::Printed;

/// How a line looks. Running heads are told from titles by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct LineLook {
    /// Distance of the baseline from the upper edge, in thousandths of the page's height. `None` for turned text.
    pub height: Option<u16>,
    /// The size of its font, in percent of the size of most of the page's text.
    pub size: u16,
    /// Whether it has a gap that is wider than spaces: between a title and a page number, for example.
    pub has_gap: bool,
}

impl LineLook {
    /// `height` and `size` are shares of the page's height and of its usual size.
    pub(super) fn new(height: Option<f64>, size: f64, has_gap: bool) -> Self {
        let height = height.map(|height| (height * 1000.0).clamp(0.0, 1000.0) as u16);
        Self { height, size: (size * 100.0).clamp(0.0, 10_000.0) as u16, has_gap }
    }
}

/// The size that most characters have.
pub(super) fn usual_size(printed: &[Printed]) -> f64 {
    let mut sizes: Vec<(f64, usize)> = printed.iter().map(|line| (line.size, line.text.len())).collect();
    sizes.sort_by(|one, other| one.0.total_cmp(&other.0));
    let half = sizes.iter().map(|(_, characters)| characters).sum::<usize>() / 2;
    let mut seen = 0;
    let usual = sizes.iter().find(|(_, characters)| {
        seen += characters;
        seen > half
    });
    usual.map_or(1.0, |(size, _)| *size)
}
