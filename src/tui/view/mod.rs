//! Draws a chat and a screen. Pure: it changes only the frame, which [`super::layout`] has laid out before.
//!
//! ```text
//!  Pride and Prejudice · chapters 1-12 of 61            Qwen2.5-Coder-0.5B    header
//!  Chapter 13              line 412 · 20%     › Who is Mr. Collins?           body: document with map,
//!   410  "I hope, my dear," said Mr. …  ▒▐      A clergyman …                   and transcript
//!  reading · fastest                4,300 of 10,000 tokens · 812 tok/s · 7 s  progress, if any
//!  ████████████████████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
//!  auto chose accurate: about 1.6 times as fast …                             notice, if any
//!  ╭──────────────────────────────────────────────────────────────────────╮
//!  │ And his patroness?                                                   │   input
//!  ╰────────────────────────── Enter send · Alt-1…8 preset · ? help ──────╯
//!  1 full  2 accurate  3 balanced  4 quick  5 fastest  6 stream  7 paper …    presets
//!  10,064 of 12,288 tokens · read 10 s, 1,000 tok/s · answers 20 tok/s …      figures
//! ```
//!
//! Each area takes the height it needs, from the bottom up; the body gets the rest, at least three lines.
//! [`super::panes`] divides it between the document and the transcript.

mod citations;
pub(super) mod entry;
pub(super) mod exchange;
mod field;
pub(super) mod figures;
mod formatting;
pub(super) mod greeting;
mod header;
pub(super) mod help;
pub(super) mod input;
pub(super) mod list;
mod map;
pub(super) mod notice;
mod palette;
pub(super) mod parts;
mod picker;
mod popup;
pub(super) mod reader;
pub(super) mod references;
pub(super) mod sessions;
mod sources;
mod start;
mod status_lines;
pub(super) mod switch;
mod transcript;
mod versus;
pub(super) mod work;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::text::Text;
use ratatui::widgets::Paragraph;

use super::screen::{FrameLayout, Overlay, Screen};
use super::theme::Theme;
use crate::chat::Chat;
use crate::harmless::sign;

/// Draws the frame that was laid out. If the terminal was resized since, the frame stays empty; the resize event
/// triggers the next one.
pub(super) fn draw(frame: &mut Frame, chat: &Chat, screen: &Screen, theme: &Theme) {
    let layout = screen.layout;
    if frame.area() != layout.area {
        return;
    }
    if !layout.has_room() {
        frame.render_widget(Paragraph::new("The window is too small"), layout.area);
        return;
    }
    draw_base(frame, chat, screen, theme, layout);
    draw_overlay(frame, chat, screen, theme, layout);
    make_harmless(frame.buffer_mut());
}

/// Removes from a finished frame what a terminal would obey or show elsewhere, whichever widget put it there. Text that
/// was wrapped ([`wrap`](mod@super::wrap)) has visible signs for it already.
fn make_harmless(buffer: &mut Buffer) {
    let is_harmful = |c: char| sign(c).is_some();
    for cell in buffer.content.iter_mut().filter(|cell| cell.symbol().contains(is_harmful)) {
        let symbol = cell.symbol().replace(is_harmful, "");
        cell.set_symbol(if symbol.is_empty() { " " } else { &symbol });
    }
}

fn draw_base(frame: &mut Frame, chat: &Chat, screen: &Screen, theme: &Theme, layout: FrameLayout) {
    let FrameLayout { header, work, notice, input, presets, figures, reader, transcript, .. } = layout;
    frame.render_widget(header::line(chat, theme, header.width.into()), header);
    if let Some(area) = reader {
        reader::draw(frame, chat, screen, theme, area);
    }
    if let Some(area) = transcript {
        transcript::draw(frame, chat, screen, theme, area);
    }
    frame.render_widget(Text::from(work::lines(chat, theme, work.width.into())), work);
    frame.render_widget(Text::from(notice::lines(chat, screen, theme, notice.width.into())), notice);
    input::draw(frame, chat, screen, theme, input);
    frame.render_widget(status_lines::presets(chat, theme, presets.width.into()), presets);
    frame.render_widget(status_lines::figures(chat, theme, figures.width.into()), figures);
}

fn draw_overlay(frame: &mut Frame, chat: &Chat, screen: &Screen, theme: &Theme, layout: FrameLayout) {
    let area = layout.area;
    match &screen.overlay {
        Some(Overlay::Help(line)) => help::draw(frame, screen, *line, theme, area),
        Some(Overlay::List(list)) => list::draw(frame, chat, screen, list, theme, area),
        Some(Overlay::Palette(palette)) => palette::draw(frame, chat, screen, palette, theme, area),
        Some(Overlay::Field(entry)) => field::draw(frame, entry, theme, area),
        Some(Overlay::Picker(picker)) => picker::draw(frame, chat, picker, theme, area),
        Some(Overlay::Parts(selection)) => parts::draw(frame, chat, screen, selection, theme, area),
        Some(Overlay::Sessions(list)) => sessions::draw(frame, list, theme, area),
        Some(Overlay::Figures(line)) => figures::draw(frame, chat, screen, *line, theme, area),
        None => references::draw(frame, chat, screen, theme, layout.input),
    }
}
