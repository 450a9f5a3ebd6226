//! The figures: how fast each preset read by depth, as a chart; memory by part; what every reading took.
//!
//! The chart is the product's picture: under full attention the line falls as the document gets longer, through a window it stays flat.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Margin, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Axis, Block, BorderType, Chart, Clear, Dataset, GraphType, LegendPosition};

use super::super::theme::Theme;
use super::super::wrap::{shorten, width};
use super::words::{bytes, count, rate, short_count, time};
use crate::chat::{Chat, Reading, Trace};
use crate::engine::message::Memory;

const WIDEST: u16 = 104;
/// A lower chart has no room for a line.
const LOWEST_CHART: u16 = 8;

pub(super) fn draw(frame: &mut Frame, chat: &Chat, line: usize, theme: &Theme, area: Rect) {
    let popup =
        area.centered(Constraint::Length(area.width.saturating_sub(2).min(WIDEST)), Constraint::Length(area.height));
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .title(Line::styled(" figures ", theme.strong))
        .title_bottom(Line::styled(" ↓ ↑ scroll · Esc closes ", theme.dim).right_aligned());
    let inner = block.inner(popup).inner(Margin::new(1, 0));
    frame.render_widget(Clear, popup);
    frame.render_widget(block, popup);
    let all = lines(chat, theme, inner.width.into());
    let height = inner.height.saturating_sub(all.len() as u16 + 1).max(inner.height / 2);
    let has_chart = height >= LOWEST_CHART && chat.readings.traces().iter().any(|trace| trace.chunks.len() > 1);
    let height = if has_chart { height } else { 0 };
    let [top, below] = Layout::vertical([Constraint::Length(height), Constraint::Min(0)]).areas(inner);
    if has_chart {
        draw_chart(frame, chat.readings.traces(), theme, top);
    }
    let first = line.min(all.len().saturating_sub(below.height.into()));
    frame.render_widget(Text::from(all.into_iter().skip(first).collect::<Vec<Line>>()), below);
}

/// Tokens a second over the depth at which they were read, a line for each preset.
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
        .legend_position(Some(LegendPosition::TopRight))
        .hidden_legend_constraints((Constraint::Ratio(1, 2), Constraint::Ratio(1, 2)))
        .x_axis(Axis::default().title("tokens deep").style(theme.dim).bounds([0.0, deepest]).labels(labels(deepest)))
        .y_axis(Axis::default().title("tok/s").style(theme.dim).bounds([0.0, fastest]).labels(labels(fastest)));
    frame.render_widget(drawn, area);
}

/// Lines are told apart by colour, and without colours by weight.
fn colour(index: usize, theme: &Theme) -> Style {
    match index % 4 {
        0 => theme.bar,
        1 => theme.good.add_modifier(Modifier::BOLD),
        2 => theme.code,
        _ => theme.error,
    }
}

fn lines(chat: &Chat, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let readings = chat.readings.as_slice();
    if readings.is_empty() {
        return vec![Line::styled("nothing was measured yet", theme.dim)];
    }
    let mut lines = vec![Line::styled("Readings", theme.strong)];
    lines.push(table(&HEAD.map(str::to_owned), theme.dim, cells));
    for reading in readings {
        lines.push(table(&row(reading), Style::new(), cells));
    }
    lines.push(Line::default());
    lines.push(Line::styled("Memory", theme.strong));
    let current = chat.held.as_ref().and_then(|held| chat.readings.of(&held.way.name));
    if let Some(reading) = current {
        lines.extend(memory(&reading.memory, theme, cells));
    }
    lines
}

const HEAD: [&str; 6] = ["preset", "computed", "in", "speed", "answers", "KV"];

fn row(reading: &Reading) -> [String; 6] {
    let unknown = || "–".to_owned();
    [
        reading.preset.to_string(),
        count(reading.prefilled_tokens),
        time(reading.prefill),
        reading.prefill_tokens_per_s().map_or_else(unknown, rate),
        reading.decode_tokens_per_s.map_or_else(unknown, rate),
        bytes(reading.memory.kv_used_bytes),
    ]
}

/// One line of six columns; on a narrow screen the first ones that fit.
fn table(cells_of_row: &[String; 6], style: Style, cells: usize) -> Line<'static> {
    let column = (cells / 6).clamp(11, 16);
    let columns = (cells / column).min(6);
    let padded = |text: &String| {
        let text = shorten(text, column - 1);
        format!("{text}{}", " ".repeat(column - width(&text)))
    };
    Line::styled(cells_of_row.iter().take(columns).map(padded).collect::<String>(), style)
}

/// A bar for each part, to one scale.
fn memory(memory: &Memory, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let parts = [
        ("weights", memory.model_bytes),
        ("KV cache", memory.kv_bytes),
        ("compute", memory.compute_bytes),
        ("kept readings", memory.resident_bytes),
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
