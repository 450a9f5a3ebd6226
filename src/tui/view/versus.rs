//! Two answers to one question side by side, with differing words highlighted and their costs below.

use std::time::Duration;

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use similar::{ChangeTag, TextDiff};

use super::super::theme::Theme;
use super::super::wrap::{width, wrap};
use super::entry::{EntryContext, INDENT, indented};
use super::formatting::{bytes, counted, rate, read_in, read_tokens, time};
use crate::chat::{Chat, Exchange, ExchangeState};

/// Narrower, the answers are stacked.
const SIDE_BY_SIDE: usize = 56;

/// The lines of a pair without its question: both answers, and their costs.
pub(super) fn lines(
    at: &EntryContext<'_>,
    first: &Exchange,
    second: &Exchange,
) -> (Vec<Line<'static>>, Vec<Line<'static>>) {
    let cells = at.cells.saturating_sub(INDENT.len());
    let (one, other) = marked(first, second, at.theme);
    let columns = [(first, one), (second, other)];
    let lines = if cells >= SIDE_BY_SIDE {
        let room = (cells - 3) / 2;
        let [left, right] = columns.map(|(exchange, answer)| side(at, exchange, &answer, room));
        beside(left, right, room, at.theme)
    } else {
        columns.into_iter().flat_map(|(exchange, answer)| side(at, exchange, &answer, cells)).collect()
    };
    let answers = lines.into_iter().map(|line| indented(INDENT, line)).collect();
    (answers, figures(at.chat, first, second, at.theme))
}

/// One column: heading, answer, state.
fn side(at: &EntryContext<'_>, exchange: &Exchange, answer: &[Vec<Span<'static>>], cells: usize) -> Vec<Line<'static>> {
    let name = exchange.variant.as_ref().map_or(String::new(), |variant| variant.resolved_preset.name.to_string());
    let mut lines = vec![Line::styled(name, at.theme.accent)];
    lines.extend(answer.iter().flat_map(|line| wrap(line, cells, 0)));
    let state = match &exchange.state {
        ExchangeState::Waiting => Some("waiting".to_owned()),
        ExchangeState::Running if exchange.reasoning.is_open() => Some("thinking …".to_owned()),
        ExchangeState::Running if exchange.answer.is_empty() => Some("reading the question …".to_owned()),
        ExchangeState::Failed(failure) => Some(failure.message.clone()),
        ExchangeState::Withdrawn => Some("not asked: reading was stopped".to_owned()),
        _ => None,
    };
    lines.extend(state.into_iter().flat_map(|state| wrap(&[Span::styled(state, at.theme.dim)], cells, 0)));
    lines
}

fn beside(left: Vec<Line<'static>>, right: Vec<Line<'static>>, room: usize, theme: &Theme) -> Vec<Line<'static>> {
    let height = left.len().max(right.len());
    let pad = |lines: Vec<Line<'static>>| lines.into_iter().chain(std::iter::repeat(Line::default()));
    let both = pad(left).zip(pad(right)).take(height);
    let joined = |(left, right): (Line<'static>, Line<'static>)| {
        let gap = room.saturating_sub(left.width());
        let style = left.style;
        let mut spans: Vec<Span> = left.spans.into_iter().map(|span| span.patch_style(style)).collect();
        spans.push(Span::raw(" ".repeat(gap)));
        spans.push(Span::styled(" │ ", theme.dim));
        spans.extend(right.spans.into_iter().map(|span| span.patch_style(right.style)));
        Line::from(spans)
    };
    both.map(joined).collect()
}

type Marked = Vec<Vec<Span<'static>>>;

/// Both answers; once both have ended, words that the other lacks are highlighted.
fn marked(first: &Exchange, second: &Exchange, theme: &Theme) -> (Marked, Marked) {
    let is_over = |exchange: &Exchange| matches!(exchange.state, ExchangeState::Answered(_));
    let plain = |exchange: &Exchange| -> Marked {
        exchange.answer.trim().lines().map(|line| vec![Span::raw(line.to_owned())]).collect()
    };
    if !is_over(first) || !is_over(second) {
        return (plain(first), plain(second));
    }
    let diff = TextDiff::from_words(first.answer.trim(), second.answer.trim());
    let of = |tag: ChangeTag, style: Style| {
        let mut lines: Marked = vec![Vec::new()];
        for change in diff.iter_all_changes().filter(|change| change.tag() == tag || change.tag() == ChangeTag::Equal) {
            let style = if change.tag() == tag { style } else { Style::new() };
            for (index, part) in change.value().split('\n').enumerate() {
                if index > 0 {
                    lines.push(Vec::new());
                }
                lines.last_mut().expect("there is a first").push(Span::styled(part.to_owned(), style));
            }
        }
        lines
    };
    (of(ChangeTag::Delete, theme.hit), of(ChangeTag::Insert, theme.hit))
}

/// The costs of both, one figure per row.
fn figures(chat: &Chat, first: &Exchange, second: &Exchange, theme: &Theme) -> Vec<Line<'static>> {
    let both = |name: &str, figure: &dyn Fn(&Exchange) -> Option<String>| {
        let [one, other] = [first, second].map(|exchange| figure(exchange).unwrap_or_else(|| "–".to_owned()));
        (name.to_owned(), one, other)
    };
    let reading = |exchange: &Exchange| {
        let name = &exchange.variant.as_ref()?.resolved_preset.name;
        chat.measurements.of(name).cloned()
    };
    let name = |exchange: &Exchange| exchange.variant.as_ref().map(|variant| variant.resolved_preset.name.to_string());
    let rows = [
        both("", &name),
        both("tokens", &|exchange| reading(exchange).as_ref().map(read_tokens)),
        both("read in", &|exchange| reading(exchange).as_ref().map(read_in)),
        both("read at", &|exchange| reading(exchange)?.prefill_tokens_per_s().map(rate)),
        both("first token", &|exchange| {
            let first = exchange.figures.as_ref()?.timings.first_token;
            (first > Duration::ZERO).then(|| time(first))
        }),
        both("answer", &|exchange| exchange.figures.as_ref().map(|figures| counted(figures.tokens.generated, "token"))),
        both("written at", &|exchange| {
            exchange.figures.as_ref().map(|figures| rate(figures.timings.decode_tokens_per_s))
        }),
        both("reasoning", &|exchange| exchange.reasoning.time(chat.now).map(time)),
        both("KV cache", &|exchange| exchange.figures.as_ref().map(|figures| bytes(figures.memory.kv_used_bytes))),
    ];
    let known: Vec<_> = rows.into_iter().filter(|(_, one, other)| one != "–" || other != "–").collect();
    let column = known.iter().map(|(_, one, _)| width(one) + 3).max().unwrap_or(0);
    known.iter().map(|(name, one, other)| row(name, one, other, column, theme)).collect()
}

/// `column` is the width of the first figure, in cells.
fn row(name: &str, one: &str, other: &str, column: usize, theme: &Theme) -> Line<'static> {
    let padded = |text: &str, to: usize| format!("{text}{}", " ".repeat(to.saturating_sub(width(text))));
    Line::from(vec![
        Span::styled(padded(&format!("{INDENT}{name}"), 15), theme.dim),
        Span::raw(padded(one, column)),
        Span::raw(other.to_owned()),
    ])
}
