//! The conversation as lines: questions, reasoning, answers, what they cost, and switches between them.

use std::time::Duration;

use ratatui::text::{Line, Span};

use super::super::markdown::markdown;
use super::super::theme::Theme;
use super::super::wrap::{width, wrap};
use super::words::{bytes, count, rate, short_count, time};
use super::work;
use crate::chat::{Chat, Comparison, Entry, Exchange, ExchangeState, Model, Reading};
use crate::engine::message::{Figures, Finish};

/// How far answers stand in.
const INDENT: &str = "  ";

/// All of it, in lines of at most `cells` cells.
pub(super) fn lines(chat: &Chat, reasoning_open: bool, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    if chat.transcript.is_empty() {
        return welcome(chat, theme, cells);
    }
    let mut lines = Vec::new();
    for entry in &chat.transcript {
        lines.push(Line::default());
        match entry {
            Entry::Exchange(exchange) => lines.extend(exchange_lines(chat, exchange, reasoning_open, theme, cells)),
            Entry::Switch(comparison) => lines.extend(switch_lines(comparison, theme, cells)),
        }
    }
    lines
}

/// What a person sees who has not asked yet.
fn welcome(chat: &Chat, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let title = &chat.document.title;
    let state = match (&chat.model, &chat.held) {
        (Model::Failed(_), _) => "There is no model to ask.".to_owned(),
        (Model::Loading { .. }, _) | (_, None) => {
            "You can ask already; the answer comes when the document is read.".to_owned()
        }
        (_, Some(held)) if held.is_complete() => format!("{title} is read. Ask it anything."),
        (_, Some(held)) => format!(
            "{} of {} tokens are read. Enter reads on, a question does, too.",
            count(held.tokens),
            count(held.document_tokens)
        ),
    };
    let presets =
        "Presets change how it is read: 1 with full attention, the others through a window, faster. ? shows them.";
    let mut lines = vec![Line::default()];
    lines.extend(wrap(&[Span::raw(state)], cells, 0));
    lines.extend(chat.document.choice.iter().flat_map(|choice| wrap(&[Span::raw(choice.clone())], cells, 0)));
    lines.extend(wrap(&[Span::styled(presets, theme.dim)], cells, 0));
    lines
}

fn exchange_lines(
    chat: &Chat,
    exchange: &Exchange,
    reasoning_open: bool,
    theme: &Theme,
    cells: usize,
) -> Vec<Line<'static>> {
    let mut lines = question(exchange, theme, cells);
    lines.extend(reasoning(chat, exchange, reasoning_open, theme, cells));
    let answer = exchange.answer.trim();
    lines.extend(markdown(answer, cells - INDENT.len(), theme).into_iter().map(|line| indented(INDENT, line)));
    if let Some(state) = state(chat, exchange, theme) {
        lines.extend(wrap(&state, cells - INDENT.len(), 0).into_iter().map(|line| indented(INDENT, line)));
    }
    lines
}

fn question(exchange: &Exchange, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let wrapped = exchange.question.lines().flat_map(|line| wrap(&[Span::styled(line, theme.strong)], cells - 2, 0));
    let marks = std::iter::once("› ").chain(std::iter::repeat(INDENT));
    wrapped.zip(marks).map(|(line, mark)| prefixed(Span::styled(mark, theme.accent), line)).collect()
}

/// `▸ thought for 3.2 s · 31 tokens`, and below it the thoughts when they are open.
fn reasoning(chat: &Chat, exchange: &Exchange, open: bool, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let Some(took) = exchange.reasoning.time(chat.now) else { return Vec::new() };
    let arrow = if open { "▾" } else { "▸" };
    let told = if exchange.reasoning.is_open() {
        format!("{arrow} thinking{}", work::running(took))
    } else {
        let tokens = exchange.reasoning.tokens.map_or(String::new(), |tokens| format!(" · {} tokens", count(tokens)));
        format!("{arrow} thought for {}{tokens}", time(took))
    };
    let key = if open { " · Ctrl-T folds" } else { " · Ctrl-T opens" };
    let told = [Span::styled(told, theme.dim), Span::styled(key, theme.dim)];
    let mut lines: Vec<Line> = wrap(&told, cells - 2, 2).into_iter().map(|line| indented(INDENT, line)).collect();
    if open {
        let thoughts = exchange.reasoning.text.trim();
        let gutter = || Span::styled("  │ ", theme.dim);
        let wrapped = thoughts.lines().flat_map(|line| wrap(&[Span::styled(line, theme.dim)], cells - 4, 0));
        lines.extend(wrapped.map(|line| prefixed(gutter(), line)));
    }
    lines
}

/// What is to be said of a question besides its answer.
fn state(chat: &Chat, exchange: &Exchange, theme: &Theme) -> Option<Vec<Span<'static>>> {
    let dim = |text: String| Some(vec![Span::styled(text, theme.dim)]);
    match &exchange.state {
        ExchangeState::Waiting if matches!(chat.model, Model::Loading { .. }) => dim("waits for the model".to_owned()),
        ExchangeState::Waiting if !chat.is_read() => dim("waits until the document is read".to_owned()),
        ExchangeState::Waiting => dim("is next".to_owned()),
        ExchangeState::Running if exchange.answer.is_empty() && exchange.reasoning.began.is_none() => {
            dim("reading the question …".to_owned())
        }
        ExchangeState::Running => None,
        ExchangeState::Withdrawn => dim("not asked: the reading was stopped".to_owned()),
        ExchangeState::Failed(failure) => {
            let mut spans = vec![Span::styled(failure.message.clone(), theme.error)];
            spans.extend(failure.hint.as_ref().map(|hint| Span::styled(format!(" · {hint}"), theme.dim)));
            Some(spans)
        }
        ExchangeState::Answered(finish) => {
            let mut spans: Vec<Span> =
                ended(*finish, exchange).map(|why| Span::raw(format!("{why} · "))).into_iter().collect();
            spans.push(Span::styled(costs(exchange), theme.dim));
            Some(spans)
        }
    }
}

/// Why an answer is not whole; `None` when the model ended it.
fn ended(finish: Finish, exchange: &Exchange) -> Option<&'static str> {
    match finish {
        Finish::EndOfGeneration | Finish::StopString => {
            exchange.answer.trim().is_empty().then_some("the model said nothing")
        }
        Finish::TokenLimit => Some("cut off: the limit of tokens"),
        Finish::TimeLimit => Some("cut off: the time of --timeout is over"),
        Finish::ContextFull => Some("cut off: the context is full"),
        Finish::Cancelled => Some("stopped"),
    }
}

/// `accurate · 40 tokens at 20.0 tok/s · first after 0.4 s · read 24 more`.
fn costs(exchange: &Exchange) -> String {
    let mut facts: Vec<String> = exchange.preset.iter().map(ToString::to_string).collect();
    if let Some(figures) = &exchange.figures {
        facts.extend(measured(figures));
    }
    facts.join(" · ")
}

fn measured(figures: &Figures) -> Vec<String> {
    let (tokens, timings) = (&figures.tokens, &figures.timings);
    let mut facts = Vec::new();
    if tokens.generated > 0 && timings.decode_tokens_per_s > 0.0 {
        facts.push(format!("{} tokens at {}", count(tokens.generated), rate(timings.decode_tokens_per_s)));
    }
    if timings.first_token > Duration::ZERO {
        facts.push(format!("first after {}", time(timings.first_token)));
    }
    facts.push(format!("read {} more", count(tokens.prefilled)));
    facts
}

/// Both readings side by side, one figure a row.
fn switch_lines(comparison: &Comparison, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let Comparison { old, new, reread_tokens, took } = comparison;
    let title = match reread_tokens {
        0 => "instant: nothing was read again".to_owned(),
        tokens => format!("{} tokens read again in {}", count(*tokens), time(*took)),
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

fn rows(old: &Reading, new: &Reading) -> [[String; 3]; 6] {
    let both = |name: &str, figure: &dyn Fn(&Reading) -> String| [name.to_owned(), figure(old), figure(new)];
    let unknown = || "–".to_owned();
    [
        both("reading", &|reading| time(reading.prefill)),
        both("computed", &|reading| format!("{} tokens", short_count(reading.prefilled_tokens))),
        both("speed", &|reading| reading.prefill_tokens_per_s().map_or_else(unknown, rate)),
        both("answers", &|reading| reading.decode_tokens_per_s.map_or_else(unknown, rate)),
        both("KV cache", &|reading| bytes(reading.memory.kv_used_bytes)),
        both("process", &|reading| bytes(reading.memory.rss_bytes)),
    ]
}

fn row(cells: &[String; 3], style: ratatui::style::Style, theme: &Theme) -> Line<'static> {
    let padded = |text: &str, to: usize| format!("{text}{}", " ".repeat(to.saturating_sub(width(text))));
    Line::from(vec![
        Span::styled(padded(&format!("{INDENT}{}", cells[0]), 12), theme.dim),
        Span::styled(padded(&cells[1], 13), style),
        Span::styled(cells[2].clone(), style),
    ])
}

fn indented(indent: &'static str, line: Line<'static>) -> Line<'static> {
    prefixed(Span::raw(indent), line)
}

fn prefixed(prefix: Span<'static>, mut line: Line<'static>) -> Line<'static> {
    line.spans.insert(0, prefix);
    line
}
