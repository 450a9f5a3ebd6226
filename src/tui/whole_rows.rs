//! Keeps rows free of left-overs where terminals disagree about widths.
//!
//! 👍🏽 is one picture of two cells by Unicode's rules, and two pictures of four cells in tmux 3.3; a soft hyphen has no
//! cell in one terminal and one in another. What is written behind such a grapheme ends up elsewhere than it was meant,
//! and cells that a frame doesn't change keep what is there. So a row that has or had one is drawn whole: cleared, and
//! the cursor set anew behind each of them. Other rows are drawn as ratatui draws them, by what changed.
//!
//! At the right edge nothing may wrap onto the next row; the guard turns that off. A terminal may still show such a grapheme in its own way: the cut half of a picture, or a blank beside it.

use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A backend that knows what it has drawn.
pub(super) struct WholeRows<B> {
    inner: B,
    /// The cells on the screen, by row. Cells that were never drawn are blank.
    rows: Vec<Vec<Cell>>,
    /// The width of the screen; 0 until it is known.
    columns: std::cell::Cell<u16>,
}

/// A changed cell and its column.
type Change = (u16, Cell);

impl<B: Backend> WholeRows<B> {
    pub(super) const fn new(inner: B) -> Self {
        Self { inner, rows: Vec::new(), columns: std::cell::Cell::new(0) }
    }

    /// Notes the changes of row `y`. Returns whether the row has to be drawn whole.
    fn note(&mut self, y: u16, changes: &[Change]) -> bool {
        let y = usize::from(y);
        if self.rows.len() <= y {
            self.rows.resize_with(y + 1, Vec::new);
        }
        let row = &mut self.rows[y];
        let was_unsettled = is_unsettled(row);
        for (x, cell) in changes {
            let (x, cells) = (usize::from(*x), cells(cell));
            if row.len() < x + cells {
                row.resize(x + cells, Cell::default());
            }
            // ratatui doesn't mention the cells behind a wide grapheme, and takes them for blank later.
            row[x..x + cells].fill(Cell::default());
            row[x] = cell.clone();
        }
        was_unsettled || is_unsettled(row)
    }

    fn draw_whole(&mut self, y: u16) -> Result<(), B::Error> {
        self.inner.set_cursor_position(Position { x: 0, y })?;
        self.inner.clear_region(ClearType::CurrentLine)?;
        let row = &self.rows[usize::from(y)];
        let visible: Vec<(u16, &Cell)> = visible(row).map(|(x, cell)| (x as u16, cell)).collect();
        // Each call sets the cursor.
        for run in visible.split_inclusive(|(_, cell)| !is_settled(cell.symbol())) {
            self.inner.draw(run.iter().map(|(x, cell)| (*x, y, *cell)))?;
            let behind = run.last().map_or(0, |(x, cell)| x + cells(cell) as u16);
            // The last grapheme may have taken more cells than it should.
            if behind < self.columns.get() {
                self.inner.set_cursor_position(Position { x: behind, y })?;
                self.inner.clear_region(ClearType::UntilNewLine)?;
            }
        }
        Ok(())
    }
}

/// How many cells ratatui gives to `cell`.
fn cells(cell: &Cell) -> usize {
    cell.symbol().width().max(1)
}

/// The cells of a row that are seen: those behind a wide grapheme are part of it.
fn visible(row: &[Cell]) -> impl Iterator<Item = (usize, &Cell)> {
    let mut next = 0;
    row.iter().enumerate().filter(move |(x, cell)| {
        let is_seen = *x >= next;
        if is_seen {
            next = x + cells(cell);
        }
        is_seen
    })
}

fn is_unsettled(row: &[Cell]) -> bool {
    visible(row).any(|(_, cell)| !is_settled(cell.symbol()))
}

/// Whether terminals agree about the width of `grapheme`: they do about one character of an alphabet, a frame, or
/// Chinese, Japanese or Korean. Several code points, characters without width, and pictures are another matter.
fn is_settled(grapheme: &str) -> bool {
    let mut characters = grapheme.chars();
    let (Some(c), None) = (characters.next(), characters.next()) else { return grapheme.is_empty() };
    let is_picture = matches!(c, '\u{2600}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}' | '\u{1f000}'..='\u{1fbff}');
    let is_ideograph = matches!(c,
        '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}' | '\u{20000}'..='\u{3fffd}');
    match c.width().unwrap_or(0) {
        1 => !is_picture && c != '\u{ad}',
        2 => is_ideograph,
        _ => false,
    }
}

impl<B: Backend> Backend for WholeRows<B> {
    type Error = B::Error;

    fn draw<'a, I>(&mut self, content: I) -> Result<(), B::Error>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let changes: Vec<(u16, u16, &Cell)> = content.collect();
        let (mut plain, mut whole) = (Vec::new(), Vec::new());
        // ratatui gives the changes row by row.
        for row in changes.chunk_by(|one, next| one.1 == next.1) {
            let y = row[0].1;
            let noted: Vec<Change> = row.iter().map(|(x, _, cell)| (*x, (*cell).clone())).collect();
            if self.note(y, &noted) { whole.push(y) } else { plain.extend_from_slice(row) }
        }
        self.inner.draw(plain.into_iter())?;
        whole.into_iter().try_for_each(|y| self.draw_whole(y))
    }

    fn clear_region(&mut self, clear_type: ClearType) -> Result<(), B::Error> {
        // Only the whole screen is cleared by those who use this.
        self.rows.clear();
        self.inner.clear_region(clear_type)
    }

    fn clear(&mut self) -> Result<(), B::Error> {
        self.clear_region(ClearType::All)
    }

    fn hide_cursor(&mut self) -> Result<(), B::Error> {
        self.inner.hide_cursor()
    }

    fn show_cursor(&mut self) -> Result<(), B::Error> {
        self.inner.show_cursor()
    }

    fn get_cursor_position(&mut self) -> Result<Position, B::Error> {
        self.inner.get_cursor_position()
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> Result<(), B::Error> {
        self.inner.set_cursor_position(position)
    }

    fn size(&self) -> Result<Size, B::Error> {
        let size = self.inner.size()?;
        self.columns.set(size.width);
        Ok(size)
    }

    fn window_size(&mut self) -> Result<WindowSize, B::Error> {
        self.inner.window_size()
    }

    fn flush(&mut self) -> Result<(), B::Error> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::io::{self, Write};
    use std::rc::Rc;

    use proptest::prelude::*;
    use ratatui::backend::CrosstermBackend;
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    const COLUMNS: u16 = 16;
    const ROWS: u16 = 3;

    /// What was written, for an emulator. Its widths are those of the code points, one by one, as tmux 3.3 has them.
    #[derive(Clone, Default)]
    struct Written(Rc<RefCell<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn frame(lines: &[String]) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, COLUMNS, ROWS));
        for (y, line) in lines.iter().enumerate() {
            // The emulator wraps what doesn't fit at the edge; a terminal is told not to (`super::super::guard`).
            buffer.set_stringn(0, y as u16, line, usize::from(COLUMNS - 4), Style::new());
        }
        buffer
    }

    /// The emulator's screen after `frames`, each drawn over the one before.
    fn screen_after<B: Backend>(frames: &[Buffer], written: &Written, mut backend: B) -> String {
        let mut before = Buffer::empty(Rect::new(0, 0, COLUMNS, ROWS));
        for frame in frames {
            assert!(backend.draw(before.diff(frame).into_iter()).is_ok());
            before = frame.clone();
        }
        let mut emulator = vt100::Parser::new(ROWS, COLUMNS, 0);
        emulator.process(&written.0.borrow());
        // A blank that was written looks like one that was not.
        emulator.screen().rows(0, COLUMNS).map(|row| row.trim_end().to_owned() + "\n").collect()
    }

    fn whole(frames: &[Buffer]) -> String {
        let written = Written::default();
        screen_after(frames, &written, whole_rows(&written))
    }

    fn whole_rows(written: &Written) -> WholeRows<CrosstermBackend<Written>> {
        let backend = WholeRows::new(CrosstermBackend::new(written.clone()));
        backend.columns.set(COLUMNS);
        backend
    }

    #[test]
    fn ratatui_alone_leaves_something_behind_and_whole_rows_do_not() {
        // The emulator lets the skin tone take the place of `cd`, which no frame changes.
        let frames = [frame(&["abcdefgh".into()]), frame(&["👍🏽cdefgh".into()])];
        let written = Written::default();
        let alone = screen_after(&frames, &written, CrosstermBackend::new(written.clone()));
        assert_ne!(alone, whole(&frames[1..]), "the emulator shows the problem");
        assert_eq!(whole(&frames), whole(&frames[1..]));
    }

    #[test]
    fn rows_of_settled_characters_are_drawn_by_what_changed() {
        let frames = [frame(&["真理 é │ one".into()]), frame(&["真理 é │ two".into()])];
        let written = Written::default();
        screen_after(&frames, &written, whole_rows(&written));
        let text = String::from_utf8(written.0.take()).expect("UTF-8");
        assert_eq!((text.matches('真').count(), text.matches("\x1b[2K").count()), (1, 0), "{text:?}");
    }

    /// Graphemes that terminals have several widths for, and some that they agree about.
    const GRAPHEMES: [&str; 14] =
        ["a", " ", "真", "é", "e\u{301}", "👍🏽", "👩‍👩‍👧", "🇫🇷", "❤\u{fe0f}", "กำ", "น้", "\u{ad}", "☀", "🫠"];

    proptest! {
        #[test]
        fn nothing_of_earlier_frames_is_left(
            frames in proptest::collection::vec(
                proptest::collection::vec(proptest::collection::vec(0..GRAPHEMES.len(), 0..20), 3),
                2..5,
            ),
        ) {
            let text = |line: &Vec<usize>| line.iter().map(|&at| GRAPHEMES[at]).collect::<String>();
            let frames: Vec<Buffer> = frames.iter().map(|lines| frame(&lines.iter().map(text).collect::<Vec<_>>())).collect();
            prop_assert_eq!(whole(&frames), whole(&frames[frames.len() - 1..]));
        }
    }
}
