//! Renders a question with its reasoning, answer, quotes and costs.

use std::time::Duration;

use ratatui::text::{Line, Span};

use super::super::rendered_entries::RenderedEntry;
use super::super::theme::Theme;
use super::super::wrap::{clean, shorten, wrap};
use super::entry::{EntryContext, INDENT, indented, prefixed};
use super::formatting::{count, counted, rate, time};
use super::{citations, sources, versus, work};
use crate::chat::{Chat, Exchange, ExchangeState, Model, endings};
use crate::engine::message::Figures;
use crate::session::references::describe;

/// Most lines of a question: the answer matters more.
const MOST_QUESTION_LINES: usize = 12;

/// Renders an exchange.
pub(in crate::tui) fn write(rendered: &mut RenderedEntry, exchange: &Exchange, at: &EntryContext<'_>) {
    let EntryContext { chat, theme, cells, .. } = *at;
    rendered.lines = question(exchange, theme, cells);
    rendered.says_from(0);
    if exchange.is_left_out {
        let said = "no longer given to the model";
        rendered.lines.push(indented(INDENT, Line::styled(shorten(said, cells - 2), theme.dim)));
    }
    rendered.lines.extend(attached(exchange, theme, cells));
    let (head, thoughts) = reasoning(chat, exchange, at.reasoning_open, theme, cells);
    rendered.lines.extend(head);
    let from = rendered.lines.len();
    rendered.lines.extend(thoughts);
    rendered.says_from(from);
    let from = rendered.lines.len();
    let answer = rendered.answer.of(exchange.answer.trim(), cells - INDENT.len(), theme);
    rendered.lines.extend(answer.iter().cloned().map(|line| indented(INDENT, line)));
    rendered.says_from(from);
    let mut citations = citations::lines(at, exchange, cells - INDENT.len());
    citations.extend(sources::lines(at, exchange, cells - INDENT.len()));
    rendered.chosen_line =
        citations.iter().position(|(is_chosen, _)| *is_chosen).map(|line| rendered.lines.len() + line);
    rendered.lines.extend(citations.into_iter().map(|(_, line)| indented(INDENT, line)));
    if let Some(state) = state(chat, exchange, theme) {
        rendered.lines.extend(wrap(&state, cells - INDENT.len(), 0).into_iter().map(|line| indented(INDENT, line)));
    }
}

/// Renders two answers to the same question.
pub(in crate::tui) fn write_pair(
    rendered: &mut RenderedEntry,
    first: &Exchange,
    second: &Exchange,
    at: &EntryContext<'_>,
) {
    rendered.lines = question(first, at.theme, at.cells);
    rendered.says_from(0);
    rendered.lines.extend(attached(first, at.theme, at.cells));
    // In two columns, one line does not continue in the next.
    let from = rendered.lines.len();
    let (answers, figures) = versus::lines(at, first, second);
    rendered.lines.extend(answers);
    rendered.said.extend((from..rendered.lines.len()).map(|line| line..line + 1));
    rendered.lines.extend(figures);
}

/// The question, shortened if it has a long paste in it.
fn question(exchange: &Exchange, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let all = exchange.question.lines().count();
    let shown = if all > MOST_QUESTION_LINES { MOST_QUESTION_LINES - 1 } else { all };
    let lines = exchange.question.lines().take(shown);
    let wrapped = lines.flat_map(|line| wrap(&[Span::styled(line, theme.strong)], cells - 2, 0));
    let marks = std::iter::once("› ").chain(std::iter::repeat(INDENT));
    let mut lines: Vec<Line> =
        wrapped.zip(marks).map(|(line, mark)| prefixed(Span::styled(mark, theme.accent), line)).collect();
    if shown < all {
        lines.push(indented(INDENT, Line::styled(format!("… {} more lines", all - shown), theme.dim)));
    }
    lines
}

/// What the question refers to, one line each.
fn attached(exchange: &Exchange, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let attached = exchange.attached.iter().map(|attached| format!("with {}", clean(&describe(attached))));
    let lines = attached.flat_map(|text| wrap(&[Span::styled(text, theme.dim)], cells - 2, 2));
    lines.map(|line| indented(INDENT, line)).collect()
}

/// `▸ thought for 3.2 s · 31 tokens`, followed by the thoughts if they are open.
fn reasoning(
    chat: &Chat,
    exchange: &Exchange,
    open: bool,
    theme: &Theme,
    cells: usize,
) -> (Vec<Line<'static>>, Vec<Line<'static>>) {
    let Some(took) = exchange.reasoning.time(chat.now) else { return (Vec::new(), Vec::new()) };
    let arrow = if open { "▾" } else { "▸" };
    let summary = if exchange.reasoning.is_open() {
        format!("{arrow} thinking{}", work::running(took))
    } else {
        let tokens =
            exchange.reasoning.tokens.map_or(String::new(), |tokens| format!(" · {}", counted(tokens, "token")));
        format!("{arrow} thought for {}{tokens}", time(took))
    };
    let key = if open { " · Ctrl-T hides" } else { " · Ctrl-T shows" };
    let summary = [Span::styled(summary, theme.dim), Span::styled(key, theme.dim)];
    let head = wrap(&summary, cells - 2, 2).into_iter().map(|line| indented(INDENT, line)).collect();
    let thoughts = if open { thoughts(&exchange.reasoning.text, theme, cells) } else { Vec::new() };
    (head, thoughts)
}

fn thoughts(text: &str, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let wrapped = text.trim().lines().flat_map(|line| wrap(&[Span::styled(line, theme.dim)], cells - 4, 0));
    wrapped.map(|line| prefixed(Span::styled("  │ ", theme.dim), line)).collect()
}

/// The state of a question: waiting, failed, or how it ended.
fn state(chat: &Chat, exchange: &Exchange, theme: &Theme) -> Option<Vec<Span<'static>>> {
    let dim = |text: String| Some(vec![Span::styled(text, theme.dim)]);
    match &exchange.state {
        ExchangeState::Waiting if !matches!(chat.model, Model::Ready { .. }) => dim("waiting for the model".to_owned()),
        ExchangeState::Waiting if !chat.is_read() => dim("waiting until the document is read".to_owned()),
        ExchangeState::Waiting if exchange.waits_for_file() => dim("waiting for the file".to_owned()),
        ExchangeState::Waiting => dim("next".to_owned()),
        ExchangeState::Running if exchange.answer.is_empty() && exchange.reasoning.began.is_none() => {
            let again = exchange.passages().len();
            dim(if again > 0 { "reading the passages again …" } else { "reading the question …" }.to_owned())
        }
        ExchangeState::Running => dim("writing … Esc stops".to_owned()),
        ExchangeState::Withdrawn if exchange.variant.is_some() => {
            dim("not asked: the comparison was stopped".to_owned())
        }
        ExchangeState::Withdrawn => dim("not asked: reading was stopped".to_owned()),
        ExchangeState::Failed(failure) => {
            let mut spans = vec![Span::styled(failure.message.clone(), theme.error)];
            spans.extend(failure.hint.as_ref().map(|hint| Span::styled(format!(" · {hint}"), theme.dim)));
            Some(spans)
        }
        ExchangeState::Answered(finish) => {
            let told = endings(*finish, exchange);
            let mut spans: Vec<Span> = told.into_iter().map(|why| Span::raw(format!("{why} · "))).collect();
            spans.push(Span::styled(costs(exchange), theme.dim));
            Some(spans)
        }
    }
}

/// `accurate · 40 tokens at 20.0 tok/s · first after 0.4 s · 24 more tokens read`.
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
        facts.push(format!("{} at {}", counted(tokens.generated, "token"), rate(timings.decode_tokens_per_s)));
    }
    if tokens.drafted > 0 {
        facts.push(format!("{} of {} drafted accepted", count(tokens.accepted), count(tokens.drafted)));
    }
    if timings.first_token > Duration::ZERO {
        facts.push(format!("first token after {}", time(timings.first_token)));
    }
    facts.push(format!("{} prefilled", count(tokens.prefilled)));
    facts
}
