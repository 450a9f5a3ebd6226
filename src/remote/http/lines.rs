//! Lines of a text that comes in pieces.
//!
//! Example: `{"a":1}\n{"b` and `":2}\r\n` are two lines; an empty line is one, too.

/// What has come and is not taken.
#[derive(Debug, Default)]
pub(super) struct Lines {
    text: Vec<u8>,
    /// Where the first line that is not taken begins.
    start: usize,
    /// No line ends before here.
    searched: usize,
}

impl Lines {
    pub(super) fn add(&mut self, piece: &[u8]) {
        self.text.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        self.text.extend_from_slice(piece);
    }

    /// The next whole line.
    pub(super) fn next(&mut self) -> Option<String> {
        let Some(length) = self.text[self.searched..].iter().position(|&byte| byte == b'\n') else {
            self.searched = self.text.len();
            return None;
        };
        let end = self.searched + length;
        let line = line_of(&self.text[self.start..end]);
        (self.start, self.searched) = (end + 1, end + 1);
        Some(line)
    }

    /// What stands behind the last end of a line.
    pub(super) fn rest(&mut self) -> Option<String> {
        let rest = line_of(&self.text[self.start..]);
        self.start = self.text.len();
        self.searched = self.start;
        (!rest.is_empty()).then_some(rest)
    }

    /// Bytes that are no whole line yet.
    pub(super) fn waiting(&self) -> usize {
        self.text.len() - self.start
    }
}

fn line_of(bytes: &[u8]) -> String {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn taken(pieces: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::default();
        let mut taken = Vec::new();
        for piece in pieces {
            lines.add(piece);
            taken.extend(std::iter::from_fn(|| lines.next()));
        }
        taken.extend(lines.rest());
        taken
    }

    #[test]
    fn lines_end_with_either_end_or_with_the_text() {
        assert_eq!(taken(&[b"a\r\n\nb\nc"]), ["a", "", "b", "c"]);
        assert_eq!(taken(&[b"a\n"]), ["a"]);
        assert_eq!(taken(&[]), [""; 0]);
    }

    proptest! {
        #[test]
        fn where_the_pieces_are_cut_changes_nothing(text in "[aé\n]{0,40}", cuts in prop::collection::vec(0_usize..60, 0..6)) {
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|&cut| cut <= text.len()).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &text.as_bytes()[cut[0]..cut[1]]).collect();
            prop_assert_eq!(taken(&pieces), taken(&[text.as_bytes()]));
        }
    }
}
