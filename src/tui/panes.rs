//! Arranges the document and the transcript: side by side, stacked, or one alone.
//!
//! A wide screen shows both side by side, a tall one stacks them, a small one shows the pane that had the focus last. A
//! key selects another arrangement; if it does not fit, one pane is shown.

use ratatui::layout::{Constraint, Layout, Rect};

use super::keymap::Focus;

/// The arrangement that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Panes {
    /// Depends on the size of the screen.
    #[default]
    Auto,
    Side,
    Stacked,
    Alone,
}

/// Minimum width for side-by-side: automatic, and on explicit request.
const SIDE_AUTO: u16 = 100;
const SIDE: u16 = 60;
/// Minimum height for stacked panes: automatic, and on explicit request.
const STACKED_AUTO: u16 = 28;
const STACKED: u16 = 11;
/// Wider lines are tiring to read.
const WIDEST_READER: u16 = 92;
/// Between panes that are side by side.
const GAP: u16 = 2;

/// Where the panes are; `None` for a hidden one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arranged {
    pub reader: Option<Rect>,
    pub transcript: Option<Rect>,
}

impl Panes {
    pub(super) fn next(self) -> Self {
        match self {
            Self::Auto => Self::Side,
            Self::Side => Self::Stacked,
            Self::Stacked => Self::Alone,
            Self::Alone => Self::Auto,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Auto => "layout: automatic",
            Self::Side => "layout: side by side",
            Self::Stacked => "layout: stacked",
            Self::Alone => "layout: single pane; Tab shows the other",
        }
    }

    /// Divides `area`. `pane` is the pane that had the focus last, the transcript or the reader.
    pub(super) fn arrange(self, area: Rect, pane: Focus, has_document: bool) -> Arranged {
        let side = match self {
            Self::Auto => area.width >= SIDE_AUTO,
            Self::Side => area.width >= SIDE,
            Self::Stacked | Self::Alone => false,
        };
        let stacked = match self {
            Self::Auto => area.height >= STACKED_AUTO,
            Self::Stacked => area.height >= STACKED,
            Self::Side | Self::Alone => false,
        };
        match (has_document, side, stacked) {
            (false, ..) => Arranged { reader: None, transcript: Some(area) },
            (true, true, _) => side_by_side(area),
            (true, false, true) => one_above_the_other(area),
            _ if pane == Focus::Reader => Arranged { reader: Some(area), transcript: None },
            _ => Arranged { reader: None, transcript: Some(area) },
        }
    }
}

fn side_by_side(area: Rect) -> Arranged {
    let reader = ((area.width - GAP) / 2).min(WIDEST_READER);
    let columns = [Constraint::Length(reader), Constraint::Length(GAP), Constraint::Min(1)];
    let [reader, _, transcript] = Layout::horizontal(columns).areas(area);
    Arranged { reader: Some(reader), transcript: Some(transcript) }
}

fn one_above_the_other(area: Rect) -> Arranged {
    let rows = [Constraint::Length(area.height.div_ceil(2)), Constraint::Length(1), Constraint::Min(1)];
    let [reader, _, transcript] = Layout::vertical(rows).areas(area);
    Arranged { reader: Some(reader), transcript: Some(transcript) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(panes: Panes, (width, height): (u16, u16), pane: Focus) -> (bool, bool) {
        let arranged = panes.arrange(Rect::new(0, 0, width, height), pane, true);
        (arranged.reader.is_some(), arranged.transcript.is_some())
    }

    #[test]
    fn a_small_screen_shows_what_had_the_focus() {
        let reader = Focus::Reader;
        assert_eq!(shown(Panes::Auto, (78, 16), Focus::Transcript), (false, true));
        assert_eq!(shown(Panes::Auto, (78, 16), reader), (true, false));
        assert_eq!(shown(Panes::Auto, (118, 16), reader), (true, true));
        assert_eq!(shown(Panes::Auto, (78, 32), reader), (true, true));
        assert_eq!(shown(Panes::Side, (78, 16), reader), (true, true));
        assert_eq!(shown(Panes::Side, (40, 40), reader), (true, false));
        assert_eq!(shown(Panes::Alone, (118, 40), reader), (true, false));
    }

    #[test]
    fn without_a_document_there_is_only_the_transcript() {
        let arranged = Panes::Side.arrange(Rect::new(0, 0, 120, 40), Focus::Transcript, false);
        assert_eq!((arranged.reader, arranged.transcript.map(|area| area.width)), (None, Some(120)));
    }
}
