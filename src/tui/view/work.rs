//! Progress above the input box: loading, prefill, or the question whether to switch. Empty while idle.

use std::time::Duration;

use ratatui::text::{Line, Span};

use super::super::theme::Theme;
use super::super::wrap::{clean, shorten, width, wrap};
use super::formatting::{bytes, coarse_time, count, rate, short_count, time};
use crate::chat::{Chat, Fetched, IdleSearch, Model, Phase, ResolvedPreset, Run};
use crate::engine::message::{Plan, Progress};

/// At most three lines of at most `cells` cells.
pub(in crate::tui) fn lines(chat: &Chat, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    if let Model::Loading { fraction } = chat.model {
        let right = format!("{:.0}%", fraction * 100.0);
        return vec![ends("loading the model", &right, theme, cells), bar(fraction, 0.0, theme, cells)];
    }
    if let Model::Fetching { offered, fetched, .. } = &chat.model {
        return fetching(&offered.title, fetched, theme, cells);
    }
    if let Some(opening) = &chat.opening {
        let left = opening.at.as_ref().map_or(&opening.called, |at| &at.place);
        let right = opening.at.as_ref().map_or(String::new(), |at| time(at.after));
        return vec![ends(&format!("opening {}", clean(left)), &right, theme, cells)];
    }
    if let (Some(download), Phase::Idle) = (&chat.download, &chat.work) {
        return fetching(&download.offered.title, &download.fetched, theme, cells);
    }
    if let (Some(run), Phase::Idle) = (chat.ahead.as_ref().and_then(|ahead| ahead.run.as_ref()), &chat.work) {
        let done = run
            .run
            .progress
            .map_or(0.0, |progress| f64::from(progress.done_tokens) / f64::from(progress.total_tokens.max(1)) * 100.0);
        let left = format!("reading {} in the background", run.preset.name);
        return vec![ends(&left, &format!("{done:.0}%"), theme, cells)];
    }
    if let (Some(_), Phase::Idle) = (&chat.idle_search.run, &chat.work) {
        let IdleSearch { done, total, .. } = &chat.idle_search;
        let right = if *total == 0 { "reading a text for it".to_owned() } else { format!("{done} of {total}") };
        return vec![ends("finding heads that point at passages, for --reread", &right, theme, cells)];
    }
    match &chat.work {
        Phase::Sizing { .. } => vec![Line::styled("counting the document's tokens", theme.dim)],
        Phase::Choosing { .. } => vec![Line::styled("choosing how many parts fit the time", theme.dim)],
        Phase::Forecasting { to, .. } => vec![Line::styled(format!("estimating the cost of {}", to.name), theme.dim)],
        Phase::Deciding { to, plan } => decision(chat, to, plan, theme, cells),
        Phase::Prefilling { run, .. } => prefill(chat, run, theme, cells),
        Phase::Answering { run, .. } if is_long(run) => prefill(chat, run, theme, cells),
        Phase::Idle
        | Phase::Surveying { .. }
        | Phase::Drafting { .. }
        | Phase::CountingAttachments { .. }
        | Phase::Answering { .. } => Vec::new(),
    }
}

/// The progress of a model's download.
fn fetching(title: &str, fetched: &Fetched, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let share = fetched.done as f32 / fetched.total.max(1) as f32;
    let left = if fetched.checking { "checking" } else { "fetching" };
    let right = format!("{} of {} · Esc stops", bytes(fetched.done), bytes(fetched.total));
    vec![ends(&format!("{left} {title}"), &right, theme, cells), bar(share, 0.0, theme, cells)]
}

/// Whether a question's prefill deserves a progress bar: it may include the rest of a document.
fn is_long(run: &Run) -> bool {
    let to_prefill = run.plan.as_ref().map_or(0, |plan| plan.to_prefill_tokens);
    let done = run.progress.map_or(0, |progress| progress.done_tokens);
    let total = run.plan.as_ref().map_or(0, |plan| plan.prompt_tokens);
    to_prefill > 1_024 && done < total
}

/// The cost of a switch, and how to confirm or cancel it.
fn decision(chat: &Chat, to: &ResolvedPreset, plan: &Plan, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let predicted =
        plan.predicted.map_or("the time is not known yet".to_owned(), |time| format!("about {}", coarse_time(time)));
    let cost =
        format!(" re-reads {} of {} tokens: {predicted}", count(plan.to_prefill_tokens), count(plan.prompt_tokens));
    let key = chat
        .preset_entries
        .iter()
        .find(|preset_entry| *preset_entry.name == *to.name)
        .and_then(|preset_entry| preset_entry.key);
    let go = key.map_or("Enter".to_owned(), |key| format!("{key} or Enter"));
    let old = chat.cache_state.as_ref().map_or("the current cache", |cache_state| &*cache_state.resolved_preset.name);
    let mut lines = wrap(&[Span::styled(to.name.to_string(), theme.accent), Span::raw(cost)], cells, 2);
    lines.extend(wrap(
        &[
            Span::styled(go, theme.strong),
            Span::raw(" confirms · "),
            Span::styled("Esc", theme.strong),
            Span::raw(format!(" keeps {old}")),
        ],
        cells,
        2,
    ));
    lines
}

/// The progress of a prefill: figures and a bar.
fn prefill(chat: &Chat, run: &Run, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let name = chat.resolved_preset.as_ref().map_or("", |resolved_preset| &resolved_preset.name);
    let left = match (run.stopping, &chat.beginning) {
        (true, _) => format!("stopping · {name}"),
        (false, Some(_)) => "measuring how fast this machine reads".to_owned(),
        (false, None) => format!("reading · {name}"),
    };
    let Some(progress) = run.progress else {
        let right = run.plan.as_ref().map_or("preparing".to_owned(), planned);
        return vec![ends(&left, &right, theme, cells), bar(0.0, 0.0, theme, cells)];
    };
    let right = progress_text(&progress, cells.saturating_sub(width(&left) + 2));
    let share = |tokens: u32| tokens as f32 / progress.total_tokens.max(1) as f32;
    let bar = bar(share(progress.done_tokens), share(progress.cached_tokens), theme, cells);
    vec![ends(&left, &right, theme, cells), bar]
}

fn planned(plan: &Plan) -> String {
    let predicted = plan.predicted.map_or(String::new(), |time| format!(" · about {}", coarse_time(time)));
    format!("{} tokens{predicted}", count(plan.to_prefill_tokens))
}

/// The longest of three texts that fits.
fn progress_text(progress: &Progress, cells: usize) -> String {
    let done = progress.done_tokens;
    let total = progress.total_tokens;
    let speed = rate(progress.tokens_per_s);
    let left = progress.remaining.map_or(String::new(), |remaining| format!(" · {} left", coarse_time(remaining)));
    let cached = match progress.cached_tokens {
        0 => String::new(),
        cached => format!(" ({} cached)", count(cached)),
    };
    let resolved_presets = [
        format!("{} of {} tokens{cached} · {speed}{left}", count(done), count(total)),
        format!("{} of {} · {speed}{left}", short_count(done), short_count(total)),
        format!("{:.0}%{left}", 100.0 * f64::from(done) / f64::from(total.max(1))),
    ];
    let fitting = resolved_presets.iter().find(|resolved_preset| width(resolved_preset) <= cells);
    fitting.unwrap_or(&resolved_presets[2]).clone()
}

/// A line with text at both edges.
fn ends(left: &str, right: &str, theme: &Theme, cells: usize) -> Line<'static> {
    let left = shorten(left, cells.saturating_sub(width(right) + 1));
    let gap = cells.saturating_sub(width(&left) + width(right));
    Line::from(vec![
        Span::styled(left, theme.strong),
        Span::raw(" ".repeat(gap)),
        Span::styled(right.to_owned(), theme.dim),
    ])
}

/// A bar: done is solid, cached is shaded, the rest is light. Eighths of a cell make it move smoothly.
fn bar(done: f32, cached: f32, theme: &Theme, cells: usize) -> Line<'static> {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (done.clamp(0.0, 1.0) * cells as f32 * 8.0).round() as usize;
    let (full, part) = (eighths / 8, EIGHTHS[eighths % 8]);
    let shaded = ((cached.clamp(0.0, 1.0) * cells as f32).floor() as usize).min(full);
    let rest = cells - full - usize::from(!part.is_empty());
    Line::from(vec![
        Span::styled("▓".repeat(shaded), theme.bar),
        Span::styled("█".repeat(full - shaded), theme.bar),
        Span::styled(part, theme.bar),
        Span::styled("░".repeat(rest), theme.dim),
    ])
}

/// How long something has been running.
pub(super) fn running(for_time: Duration) -> String {
    if for_time < Duration::from_secs(1) {
        "…".to_owned()
    } else {
        format!("… {}", time(Duration::from_secs(for_time.as_secs())))
    }
}
