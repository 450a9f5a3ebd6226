//! A heading, whatever its style.

/// A line that begins a part of the text.
#[derive(Debug)]
pub(super) struct Heading {
    pub start: usize,
    /// 1 is the outermost. Ranks need not be dense.
    pub rank: u8,
    /// Tells headings of a rank apart.
    pub number: u32,
    pub title: String,
}

impl Heading {
    /// The same for all spellings of a heading.
    pub(super) fn key(&self) -> (u8, u32) {
        (self.rank, self.number)
    }
}
