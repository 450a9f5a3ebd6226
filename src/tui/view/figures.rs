//! The figures: a chart of prefill speed by depth for each preset, memory by kind, and a table of all prefills.
//!
//! The chart shows what the program is about: with full attention the speed falls as the document grows, with a window
//! it stays flat.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Axis, Chart, Dataset, GraphType, LegendPosition};

use super::super::screen::Screen;
use super::super::theme::Theme;
use super::super::wrap::{shorten, width};
use super::formatting::{bytes, rate, read_in, read_tokens, short_count};
use super::popup::{Popup, SCROLL_KEYS};
use crate::chat::{Chat, Measurement, Trace};
use crate::engine::message::Memory;

const WIDEST: u16 = 104;
/// Gap between table columns.
const COLUMN_GAP: usize = 2;
/// Minimum height of the chart.
const LOWEST_CHART: u16 = 8;

pub(super) fn draw(frame: &mut Frame, chat: &Chat, screen: &Screen, line: usize, theme: &Theme, area: Rect) {
    popup(area).draw(frame, theme, area);
    let [chart_area, text] = chart_and_text(chat, screen.popup.lines.len(), area);
    if !chart_area.is_empty() {
        draw_chart(frame, chat.measurements.traces(), theme, chart_area);
    }
    frame.render_widget(Text::from(screen.popup.visible(line).to_vec()), text);
}

/// The width of the text.
pub(in crate::tui) fn cells(area: Rect) -> usize {
    Popup::room(WIDEST, area).into()
}

/// How many of `lines` lines are visible.
pub(in crate::tui) fn shown(chat: &Chat, lines: usize, area: Rect) -> usize {
    let [_, text] = chart_and_text(chat, lines, area);
    text.height.into()
}

fn popup(area: Rect) -> Popup<'static> {
    Popup { title: " figures ", keys: SCROLL_KEYS, cells: WIDEST, height: area.height }
}

/// The chart gets the space that the text leaves, at least half of it; none if that is too low or there is no data.
fn chart_and_text(chat: &Chat, lines: usize, area: Rect) -> [Rect; 2] {
    let inside = popup(area).inside(area);
    let height = inside.height.saturating_sub(lines as u16 + 1).max(inside.height / 2);
    let has_chart = height >= LOWEST_CHART && chat.measurements.traces().iter().any(|trace| trace.chunks.len() > 1);
    let height = if has_chart { height } else { 0 };
    Layout::vertical([Constraint::Length(height), Constraint::Min(0)]).areas(inside)
}

/// Tokens per second by depth, one line for each preset.
fn draw_chart(frame: &mut Frame, traces: &[Trace], theme: &Theme, area: Rect) {
    let points: Vec<Vec<(f64, f64)>> = traces
        .iter()
        .map(|trace| trace.chunks.iter().map(|(depth, speed)| (f64::from(*depth), *speed)).collect())
        .collect();
    let all = || points.iter().flatten();
    let deepest = all().map(|point| point.0).fold(1.0, f64::max);
    let fastest = all().map(|point| point.1).fold(1.0, f64::max) * 1.1;
    let sets = traces.iter().zip(&points).enumerate().map(|(index, (trace, points))| {
        Dataset::default()
            .name(trace.preset.to_string())
            .marker(Marker::Braille)
            .graph_type(GraphType::Line)
            .style(colour(index, theme))
            .data(points)
    });
    let labels = |most: f64| ["0".to_owned(), short_count((most / 2.0) as u32), short_count(most as u32)];
    let drawn = Chart::new(sets.collect())
        // Lines start high and fall to the right, so the legend goes to the bottom left.
        .legend_position(Some(LegendPosition::BottomLeft))
        .hidden_legend_constraints((Constraint::Ratio(1, 2), Constraint::Ratio(1, 2)))
        .x_axis(Axis::default().title("tokens deep").style(theme.dim).bounds([0.0, deepest]).labels(labels(deepest)))
        .y_axis(Axis::default().title("tok/s").style(theme.dim).bounds([0.0, fastest]).labels(labels(fastest)));
    frame.render_widget(drawn, area);
}

/// Lines differ in colour, and without colours in weight.
fn colour(index: usize, theme: &Theme) -> Style {
    match index % 4 {
        0 => theme.bar,
        1 => theme.good.add_modifier(Modifier::BOLD),
        2 => theme.code,
        _ => theme.error,
    }
}

/// Lines of at most `cells` cells.
pub(in crate::tui) fn lines(chat: &Chat, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let measurements = chat.measurements.as_slice();
    if measurements.is_empty() {
        return vec![Line::styled("no measurements yet", theme.dim)];
    }
    let mut lines = vec![Line::styled("Prefills", theme.strong)];
    lines.extend(table(measurements, theme, cells));
    let current =
        chat.cache_state.as_ref().and_then(|cache_state| chat.measurements.of(&cache_state.resolved_preset.name));
    if let Some(reading) = current.filter(|reading| reading.threads.are_known()) {
        lines.push(Line::styled(shorten(&format!("threads: {}", reading.threads), cells), theme.dim));
    }
    if current.is_some_and(|reading| !reading.memory.is_known()) {
        return lines;
    }
    lines.push(Line::default());
    lines.push(Line::styled("Memory", theme.strong));
    if let Some(reading) = current {
        lines.extend(memory(&reading.memory, theme, cells));
    }
    lines
}

/// Most important columns first: a narrow screen shows only those.
const HEAD: [&str; 6] = ["preset", "read at", "tokens", "read in", "answers", "KV cache"];

fn row(reading: &Measurement) -> [String; 6] {
    let unknown = || "–".to_owned();
    [
        reading.preset.to_string(),
        reading.prefill_tokens_per_s().map_or_else(unknown, rate),
        read_tokens(reading),
        read_in(reading),
        reading.decode_tokens_per_s.map_or_else(unknown, rate),
        if reading.memory.is_known() { bytes(reading.memory.kv_used_bytes) } else { unknown() },
    ]
}

/// A header and one line for each prefill, with as many whole columns as fit.
fn table(measurements: &[Measurement], theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let rows: Vec<[String; 6]> = [HEAD.map(str::to_owned)].into_iter().chain(measurements.iter().map(row)).collect();
    let widths: Vec<usize> =
        (0..HEAD.len()).map(|column| rows.iter().map(|row| width(&row[column])).max().unwrap_or(0)).collect();
    let ends = widths.iter().scan(0, |end, width| {
        *end += width + COLUMN_GAP;
        Some(*end - COLUMN_GAP)
    });
    let fitting = ends.take_while(|end| *end <= cells).count().max(1);
    let line = |row: &[String; 6]| {
        let columns = row.iter().zip(&widths).take(fitting);
        let padded = columns.map(|(text, room)| format!("{text}{}", " ".repeat(room - width(text) + COLUMN_GAP)));
        shorten(padded.collect::<String>().trim_end(), cells)
    };
    let style = |index| if index == 0 { theme.dim } else { Style::new() };
    rows.iter().enumerate().map(|(index, row)| Line::styled(line(row), style(index))).collect()
}

/// One bar for each kind of memory, to scale.
fn memory(memory: &Memory, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let parts = [
        ("weights", memory.model_bytes),
        ("KV in use", memory.kv_used_bytes),
        ("KV cache", memory.kv_bytes),
        ("compute", memory.compute_bytes),
        ("kept caches", memory.resident_bytes),
        ("process", memory.rss_bytes),
        ("on devices", memory.device_bytes),
    ];
    let most = parts.iter().map(|part| part.1).max().unwrap_or(1).max(1);
    let room = cells.saturating_sub(26).min(50);
    let line = |(name, size): (&str, u64)| {
        let bar = "█".repeat((size as f64 / most as f64 * room as f64).round() as usize);
        Line::from(vec![
            Span::styled(format!("{name:<14}"), theme.dim),
            Span::raw(format!("{:>8}  ", bytes(size))),
            Span::styled(bar, theme.bar),
        ])
    };
    parts.into_iter().filter(|part| part.1 > 0).map(line).collect()
}
