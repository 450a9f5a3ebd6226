//! A switch of presets: both prefills side by side.

use ratatui::text::{Line, Span};

use super::super::theme::Theme;
use super::super::wrap::{width, wrap};
use super::entry::INDENT;
use super::formatting::{bytes, count, rate, read_in, read_tokens, time};
use crate::chat::{Comparison, Measurement};

/// Both prefills side by side, one figure per row.
pub(in crate::tui) fn lines(comparison: &Comparison, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let Comparison { old, new, reread_tokens, took } = comparison;
    let title = match reread_tokens {
        0 => "instant: nothing was re-read".to_owned(),
        tokens => format!("{} tokens re-read in {}", count(*tokens), time(*took)),
    };
    let heading = [
        Span::styled(format!("{} → {}", old.preset, new.preset), theme.accent),
        Span::styled(format!(" · {title}"), theme.dim),
    ];
    let mut lines = wrap(&heading, cells, 2);
    let names = [String::new(), old.preset.to_string(), new.preset.to_string()];
    lines.push(row(&names, theme.dim, theme));
    lines.extend(rows(old, new).iter().map(|cells| row(cells, ratatui::style::Style::new(), theme)));
    lines
}

fn rows(old: &Measurement, new: &Measurement) -> [[String; 3]; 6] {
    let both = |name: &str, figure: &dyn Fn(&Measurement) -> String| [name.to_owned(), figure(old), figure(new)];
    let unknown = || "–".to_owned();
    [
        both("read in", &read_in),
        both("tokens", &read_tokens),
        both("read at", &|reading| reading.prefill_tokens_per_s().map_or_else(unknown, rate)),
        both("answers", &|reading| reading.decode_tokens_per_s.map_or_else(unknown, rate)),
        both("KV cache", &|reading| bytes(reading.memory.kv_used_bytes)),
        both("process", &|reading| bytes(reading.memory.rss_bytes)),
    ]
}

fn row(cells: &[String; 3], style: ratatui::style::Style, theme: &Theme) -> Line<'static> {
    let padded = |text: &str, to: usize| format!("{text}{}", " ".repeat(to.saturating_sub(width(text))));
    Line::from(vec![
        Span::styled(padded(&format!("{INDENT}{}", cells[0]), 12), theme.dim),
        Span::styled(padded(&cells[1], 19), style),
        Span::styled(cells[2].clone(), style),
    ])
}
