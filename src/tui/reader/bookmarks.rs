//! Marks, and the positions before each jump.

use std::collections::BTreeMap;

/// Most positions kept; marks are for older ones.
const KEPT: usize = 100;

/// Positions in one document, as bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::tui) struct Bookmarks {
    pub marks: BTreeMap<char, usize>,
    before: Vec<usize>,
    after: Vec<usize>,
}

impl Bookmarks {
    /// Records a position before a jump.
    pub(super) fn leave(&mut self, byte: usize) {
        self.after.clear();
        self.before.retain(|&known| known != byte);
        self.before.push(byte);
        if self.before.len() > KEPT {
            self.before.remove(0);
        }
    }

    /// The position before the last jump from `here`.
    pub(super) fn back(&mut self, here: usize) -> Option<usize> {
        let place = self.before.pop()?;
        self.after.push(here);
        Some(place)
    }

    /// The position that [`Bookmarks::back`] left.
    pub(super) fn forward(&mut self, here: usize) -> Option<usize> {
        let place = self.after.pop()?;
        self.before.push(here);
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_is_the_way_forward_until_another_jump() {
        let mut places = Bookmarks::default();
        places.leave(10);
        places.leave(20);
        assert_eq!([places.back(30), places.back(20), places.back(10)], [Some(20), Some(10), None]);
        assert_eq!([places.forward(10), places.forward(20), places.forward(30)], [Some(20), Some(30), None]);
        places.back(30);
        places.leave(25);
        assert_eq!(places.forward(25), None);
    }
}
