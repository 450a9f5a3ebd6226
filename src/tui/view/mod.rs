//! Draws a chat and a screen. Pure: nothing is changed but the frame, and what the screen notes of its size.
//!
//! ```text
//!  Pride and Prejudice · chapters 1-12 of 61            Qwen2.5-Coder-0.5B    header
//!  Chapter 13              line 412 · 20%     › Who is Mr. Collins?           body: the document with its map,
//!   410  "I hope, my dear," said Mr. …  ▒▐      A clergyman …                   and the transcript
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
//! From the bottom up every part takes what it needs; the body gets the rest, and never less than three lines. How it is shared
//! between the document and the transcript: [`super::panes`].

mod exchange;
mod figures;
mod help;
mod list;
mod map;
mod measured;
mod naming;
mod palette;
mod parts;
mod picker;
mod popup;
mod quotes;
mod reader;
mod switch;
mod transcript;
mod versus;
mod words;
mod work;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Margin, Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, BorderType, Paragraph};
use ratatui_textarea::TextArea;

use self::popup::Popup;
use super::keymap::Place;
use super::screen::{Measured, Overlay, Rest, Screen};
use super::theme::Theme;
use super::wrap::{shorten, width, wrap};
use crate::chat::{Chat, Model, Notice, Tone};

/// Below this nothing can be told.
const SMALLEST: (u16, u16) = (24, 8);
/// The input box grows to so many lines of text.
const INPUT_LINES: usize = 6;
/// Wider, the help's second column is far from its keys.
const HELP_CELLS: u16 = 78;
const SCROLL_KEYS: &[&str] = &[" ↓ ↑ scroll · Esc closes ", " Esc closes "];
/// What the document and the transcript never give up.
const BODY_LINES: u16 = 3;

/// One frame.
pub(super) fn draw(frame: &mut Frame, chat: &Chat, screen: &mut Screen, theme: &Theme) {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        frame.render_widget(Paragraph::new("Lunette needs more room"), area);
        return;
    }
    let parts = Parts::of(area, chat, screen, theme);
    screen.areas.input = parts.input;
    frame.render_widget(header(chat, theme, parts.header.width), parts.header);
    draw_body(frame, chat, screen, theme, parts.body);
    frame.render_widget(Text::from(work::lines(chat, theme, parts.work.width.into())), parts.work);
    frame.render_widget(Text::from(notice(chat, screen, theme, parts.notice.width)), parts.notice);
    draw_input(frame, chat, screen, theme, parts.input);
    frame.render_widget(figures::presets(chat, theme, parts.presets.width.into()), parts.presets);
    frame.render_widget(figures::line(chat, theme, parts.figures.width.into()), parts.figures);
    match screen.overlay.clone() {
        Some(Overlay::Help(line)) => draw_help(frame, chat, screen, line, theme, area),
        Some(Overlay::List(list)) => list::draw(frame, chat, screen, &list, theme, area),
        Some(Overlay::Palette(palette)) => palette::draw(frame, chat, screen, &palette, theme, area),
        Some(Overlay::Picker(picker)) => picker::draw(frame, chat, &picker, theme, area),
        Some(Overlay::Parts(plan)) => parts::draw(frame, chat, screen, &plan, theme, area),
        Some(Overlay::Figures(line)) => measured::draw(frame, chat, screen, line, theme, area),
        None => naming::draw(frame, chat, screen, theme, parts.input),
    }
}

fn draw_body(frame: &mut Frame, chat: &Chat, screen: &mut Screen, theme: &Theme, area: Rect) {
    let arranged = screen.panes.arrange(area, screen.pane, !screen.reader.is_empty());
    screen.areas.reader = arranged.reader;
    screen.areas.transcript = arranged.transcript;
    if let Some(area) = arranged.reader {
        reader::draw(frame, chat, screen, theme, area);
    }
    if let Some(area) = arranged.transcript {
        transcript::draw(frame, chat, screen, theme, area);
    }
}

/// Where everything goes.
struct Parts {
    header: Rect,
    body: Rect,
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
        let notice = notice(chat, screen, theme, inner.width).len() as u16;
        let fixed = 1 + BODY_LINES + work + 2;
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
        let [header, body, work, notice, _, presets, figures] = Layout::vertical(rows).areas(inner);
        let [_, _, _, _, input, _, _] = Layout::vertical(rows).areas(area);
        Self { header, body, work, notice, input, presets, figures }
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
    let part = branch(chat) + &part;
    let part = shorten(&part, cells - width(&title));
    let model = match &chat.model {
        Model::Ready { info, .. } => info.name.clone(),
        _ => String::new(),
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

/// ` · branch 2 of 3`, when there are several.
fn branch(chat: &Chat) -> String {
    let all = chat.branches.count();
    if all > 1 { format!(" · branch {} of {all}", chat.branches.shown() + 1) } else { String::new() }
}

/// What the screen has to say, or the chat: three lines of it at most.
fn notice(chat: &Chat, screen: &Screen, theme: &Theme, cells: u16) -> Vec<Line<'static>> {
    let spans = match (&screen.told, &chat.notice) {
        (Some(told), _) => vec![Span::raw(told.clone())],
        (None, Some(notice)) => noticed(notice, theme),
        (None, None) => return Vec::new(),
    };
    let mut lines = wrap(&spans, cells.into(), 2);
    lines.truncate(3);
    lines
}

/// The notice and its hint.
fn noticed(notice: &Notice, theme: &Theme) -> Vec<Span<'static>> {
    let style = match notice.tone {
        Tone::Info => Style::new(),
        Tone::Error => theme.error,
    };
    let hint = notice.hint.iter().map(|hint| Span::styled(format!(" · {hint}"), theme.dim));
    [Span::styled(notice.text.clone(), style)].into_iter().chain(hint).collect()
}

fn draw_input(frame: &mut Frame, chat: &Chat, screen: &Screen, theme: &Theme, area: Rect) {
    let focused = screen.focus == Place::Input;
    let hints = hints(chat, screen.focus);
    let room = usize::from(area.width.saturating_sub(4));
    let hint = hints.iter().find(|hint| width(hint) <= room).copied().unwrap_or_default();
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(if focused { Style::new() } else { theme.dim })
        .title_bottom(Line::styled(hint, theme.dim).right_aligned());
    let with = naming::title(chat, screen).map(|with| shorten(&with, room));
    let block = with.into_iter().fold(block, |block, with| block.title_top(Line::styled(with, theme.dim)));
    let inner = block.inner(area).inner(Margin::new(1, 0));
    frame.render_widget(block, area);
    if screen.input.is_empty() {
        let invitation = if focused { "Ask the document" } else { "i to ask" };
        frame.render_widget(Line::styled(invitation, theme.dim), inner);
    } else {
        frame.render_widget(&screen.input, inner);
    }
    if screen.place() == Place::Input || (focused && screen.naming.is_some() && screen.overlay.is_none()) {
        frame.set_cursor_position(caret(&screen.input, inner));
    }
}

/// A line that is typed, behind its sign, with the caret in it.
fn draw_line(frame: &mut Frame, sign: &'static str, input: &TextArea<'_>, style: Style, area: Rect) {
    let [before, line] = Layout::horizontal([Constraint::Length(width(sign) as u16), Constraint::Min(1)]).areas(area);
    frame.render_widget(Span::styled(sign, style), before);
    frame.render_widget(input, line);
    frame.set_cursor_position(caret(input, line));
}

/// What can be done here, in as many words as there is room for.
fn hints(chat: &Chat, focus: Place) -> &'static [&'static str] {
    match focus {
        Place::Input if matches!(chat.model, Model::Absent(_)) => {
            &[" Enter fetches the model · Tab transcript · ? help ", " Enter fetches the model · ? help ", " ? help "]
        }
        Place::Transcript => {
            &[" 1…8 preset · j k scroll · Tab document · ? help ", " 1…8 preset · Tab document · ? help ", " ? help "]
        }
        Place::Reader => &[
            " / search · t contents · s parts · m mark · w panes · Tab question · ? help ",
            " / search · t contents · ? help ",
            " ? help ",
        ],
        _ => &[
            " Enter ask · Alt-1…8 preset · Tab transcript · ? help ",
            " Enter ask · Alt-1…8 preset · ? help ",
            " ? help ",
        ],
    }
}

/// Where the hardware cursor goes, so that input methods open beside the caret.
fn caret(input: &TextArea<'_>, area: Rect) -> Position {
    if input.is_empty() {
        return area.as_position();
    }
    let (top, left) = input.scroll_offset();
    let cursor = input.screen_cursor();
    let x = area.x + (cursor.col as u16).saturating_sub(left);
    let y = area.y + (cursor.row as u16).saturating_sub(top);
    Position { x: x.min(area.right().saturating_sub(1)), y: y.min(area.bottom().saturating_sub(1)) }
}

fn draw_help(frame: &mut Frame, chat: &Chat, screen: &mut Screen, line: usize, theme: &Theme, area: Rect) {
    let lines = help::lines(chat, screen, theme, Popup::room(HELP_CELLS, area).into());
    let height = lines.len() as u16 + 2;
    let keys: &[&str] = if height > area.height { SCROLL_KEYS } else { &[" Esc closes "] };
    let popup = Popup { title: help::title(screen.focus), keys, cells: HELP_CELLS, height };
    let inner = popup.draw(frame, theme, area);
    draw_text(frame, screen, lines, line, inner);
}

/// A text that lies over everything, from a line on.
fn draw_text(frame: &mut Frame, screen: &mut Screen, lines: Vec<Line<'static>>, line: usize, area: Rect) {
    let shown = usize::from(area.height);
    screen.popup = Measured { lines: lines.len(), shown, rest: Rest::Beginning };
    let top = line.min(screen.popup.end());
    frame.render_widget(Text::from(lines.into_iter().skip(top).take(shown).collect::<Vec<_>>()), area);
}
