//! Draws a chat and a screen. Pure: nothing is changed but the frame, and what the screen notes of its size.
//!
//! ```text
//!  Pride and Prejudice · chapters 1-12 of 61            Qwen2.5-Coder-0.5B    header
//!  › Who is Mr. Collins?                                                      transcript
//!    A clergyman …
//!  reading · fastest                4,300 of 10,000 tokens · 812 tok/s · 7 s  work, while there is any
//!  ████████████████████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
//!  auto chose accurate: about 1.6 times as fast …                             notice, if any
//!  ╭──────────────────────────────────────────────────────────────────────╮
//!  │ And his patroness?                                                   │   input
//!  ╰─────────────────────────── Enter ask · Alt-1…8 preset · ? help ──────╯
//!  1 full  2 accurate  3 balanced  4 quick  5 fastest  6 stream  7 paper …    presets
//!  10,064 of 12,288 tokens · read 10 s, 1,000 tok/s · answers 20 tok/s …      figures
//! ```
//!
//! From the bottom up every part takes what it needs; the transcript gets the rest, and never less than three lines.

mod figures;
mod help;
mod transcript;
mod words;
mod work;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Margin, Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, BorderType, Clear, Paragraph};

use super::keymap::Focus;
use super::screen::Screen;
use super::theme::Theme;
use super::wrap::{shorten, width, wrap};
use crate::chat::{Chat, Model, Tone};

/// Below this nothing can be told.
const SMALLEST: (u16, u16) = (24, 8);
/// The input box grows to so many lines of text.
const INPUT_LINES: usize = 6;
/// What the transcript never gives up.
const TRANSCRIPT_LINES: u16 = 3;

/// One frame.
pub(super) fn draw(frame: &mut Frame, chat: &Chat, screen: &mut Screen, theme: &Theme) {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        frame.render_widget(Paragraph::new("Lunette needs more room"), area);
        return;
    }
    let parts = Parts::of(area, chat, screen, theme);
    frame.render_widget(header(chat, theme, parts.header.width), parts.header);
    draw_transcript(frame, chat, screen, theme, parts.transcript);
    frame.render_widget(Text::from(work::lines(chat, theme, parts.work.width.into())), parts.work);
    frame.render_widget(Text::from(notice(chat, theme, parts.notice.width)), parts.notice);
    draw_input(frame, screen, theme, parts.input);
    frame.render_widget(figures::presets(chat, theme, parts.presets.width.into()), parts.presets);
    frame.render_widget(figures::line(chat, theme, parts.figures.width.into()), parts.figures);
    if let Some(line) = screen.help {
        draw_help(frame, chat, line, theme, area);
    }
}

/// Where everything goes.
struct Parts {
    header: Rect,
    transcript: Rect,
    work: Rect,
    notice: Rect,
    input: Rect,
    presets: Rect,
    figures: Rect,
}

impl Parts {
    fn of(area: Rect, chat: &Chat, screen: &Screen, theme: &Theme) -> Self {
        let inner = area.inner(Margin::new(1, 0));
        let work = work::lines(chat, theme, inner.width.into()).len() as u16;
        let notice = notice(chat, theme, inner.width).len() as u16;
        let fixed = 1 + TRANSCRIPT_LINES + work + 2;
        let input = input_height(screen, area.width).min(area.height.saturating_sub(fixed)).max(3);
        let notice = notice.min(area.height.saturating_sub(fixed + input));
        let rows = [
            Constraint::Length(1),
            Constraint::Min(1),
            Constraint::Length(work),
            Constraint::Length(notice),
            Constraint::Length(input),
            Constraint::Length(1),
            Constraint::Length(1),
        ];
        let [header, transcript, work, notice, _, presets, figures] = Layout::vertical(rows).areas(inner);
        let [_, _, _, _, input, _, _] = Layout::vertical(rows).areas(area);
        Self { header, transcript, work, notice, input, presets, figures }
    }
}

fn input_height(screen: &Screen, cells: u16) -> u16 {
    let inner = usize::from(cells.saturating_sub(4));
    let rows: usize = screen.input.lines().iter().map(|line| wrap(&[Span::raw(line)], inner, 0).len()).sum();
    rows.clamp(1, INPUT_LINES) as u16 + 2
}

/// The document on the left, the model on the right; the model gives way.
fn header<'a>(chat: &Chat, theme: &Theme, cells: u16) -> Line<'a> {
    let cells = usize::from(cells);
    let title = shorten(&chat.document.title, cells);
    let part = chat.document.part.as_ref().map_or(String::new(), |part| format!(" · {part}"));
    let part = shorten(&part, cells - width(&title));
    let model = match &chat.model {
        Model::Ready { info, .. } => info.name.clone(),
        Model::Loading { .. } | Model::Failed(_) => String::new(),
    };
    let left = cells - width(&title) - width(&part);
    let model = if width(&model) + 2 <= left { model } else { String::new() };
    let gap = " ".repeat(left - width(&model));
    Line::from(vec![
        Span::styled(title, theme.strong),
        Span::styled(part, theme.dim),
        Span::raw(gap),
        Span::styled(model, theme.dim),
    ])
}

fn draw_transcript(frame: &mut Frame, chat: &Chat, screen: &mut Screen, theme: &Theme, area: Rect) {
    let lines = transcript::lines(chat, screen.reasoning_open, theme, area.width.into());
    let shown = usize::from(area.height);
    screen.measured(lines.len(), shown);
    let end = lines.len().saturating_sub(shown);
    // What is said before anything was asked is read from its beginning.
    let followed = if chat.transcript.is_empty() { 0 } else { end };
    let top = screen.top.unwrap_or(followed).min(end);
    let below = lines.len().saturating_sub(top + shown);
    let visible: Vec<Line> = lines.into_iter().skip(top).take(shown).collect();
    frame.render_widget(Text::from(visible), area);
    if below > 0 && !chat.transcript.is_empty() {
        let mark = format!(" {below} more ↓ ");
        let cells = width(&mark) as u16;
        let corner = Rect { x: area.right().saturating_sub(cells), y: area.bottom() - 1, width: cells, height: 1 };
        frame.render_widget(Span::styled(mark, theme.chosen), corner);
    }
}

/// The notice and its hint, two lines of it at most.
fn notice(chat: &Chat, theme: &Theme, cells: u16) -> Vec<Line<'static>> {
    let Some(notice) = &chat.notice else { return Vec::new() };
    let style = match notice.tone {
        Tone::Info => Style::new(),
        Tone::Error => theme.error,
    };
    let mut spans = vec![Span::styled(notice.text.clone(), style)];
    if let Some(hint) = &notice.hint {
        spans.push(Span::styled(format!(" · {hint}"), theme.dim));
    }
    let mut lines = wrap(&spans, cells.into(), 2);
    lines.truncate(3);
    lines
}

fn draw_input(frame: &mut Frame, screen: &Screen, theme: &Theme, area: Rect) {
    let focused = screen.focus == Focus::Input;
    let hints: &[&str] = if focused {
        &[" Enter ask · Alt-1…8 preset · Tab transcript · ? help ", " Enter ask · Alt-1…8 preset · ? help ", " ? help "]
    } else {
        &[" 1…8 preset · j k scroll · Tab question · ? help ", " 1…8 preset · Tab question · ? help ", " ? help "]
    };
    let room = usize::from(area.width.saturating_sub(4));
    let hint = hints.iter().find(|hint| width(hint) <= room).copied().unwrap_or_default();
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(if focused { Style::new() } else { theme.dim })
        .title_bottom(Line::styled(hint, theme.dim).right_aligned());
    let inner = block.inner(area).inner(Margin::new(1, 0));
    frame.render_widget(block, area);
    if screen.input.is_empty() {
        frame.render_widget(Line::styled("Ask the document", theme.dim), inner);
    } else {
        frame.render_widget(&screen.input, inner);
    }
    if focused && screen.help.is_none() {
        frame.set_cursor_position(caret(screen, inner));
    }
}

/// Where the hardware cursor goes, so that input methods open beside the caret.
fn caret(screen: &Screen, area: Rect) -> Position {
    if screen.input.is_empty() {
        return area.as_position();
    }
    let (top, left) = screen.input.scroll_offset();
    let cursor = screen.input.screen_cursor();
    let x = area.x + (cursor.col as u16).saturating_sub(left);
    let y = area.y + (cursor.row as u16).saturating_sub(top);
    Position { x: x.min(area.right().saturating_sub(1)), y: y.min(area.bottom().saturating_sub(1)) }
}

fn draw_help(frame: &mut Frame, chat: &Chat, line: usize, theme: &Theme, area: Rect) {
    let cells = area.width.saturating_sub(2).min(78);
    let lines = help::lines(chat, theme, usize::from(cells.saturating_sub(4)));
    let height = (lines.len() as u16 + 2).min(area.height);
    let shown = usize::from(height.saturating_sub(2));
    let top = line.min(lines.len().saturating_sub(shown));
    let keys = if shown < lines.len() { " ↓ ↑ scroll · Esc closes " } else { " Esc closes " };
    let popup = area.centered(Constraint::Length(cells), Constraint::Length(height));
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .title(Line::styled(" help ", theme.strong))
        .title_bottom(Line::styled(keys, theme.dim).right_aligned());
    let inner = block.inner(popup).inner(Margin::new(1, 0));
    frame.render_widget(Clear, popup);
    frame.render_widget(block, popup);
    frame.render_widget(Text::from(lines.into_iter().skip(top).take(shown).collect::<Vec<_>>()), inner);
}
