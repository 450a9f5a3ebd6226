//! The tree of parts with checkboxes, and a summary: tokens, context limit, memory, time, cached tokens.
//!
//! ```text
//!  ▾ [-] src/                          12,345 of 40,210
//!      [x] lib.rs                                12,345
//!    ▸ [ ] net/                                  27,865
//!  ────────────────────────────────────────────────────
//!  1 of 9 parts · 12,377 of 32,768 tokens
//!  fits; 20,391 tokens left for questions and answers
//!  KV 189 MB · accurate: about 14 s · 4,096 cached
//! ```

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Margin, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, BorderType, Clear, Paragraph};

use super::super::screen::{PartSelection, Screen, SelectionCost, SelectionVerdict, WouldFit};
use super::super::theme::Theme;
use super::super::wrap::{clean, shorten, width, wrap};
use super::formatting::{bytes, coarse_time, count, counted, short_count};
use super::input::draw_line;
use crate::chat::{Chat, INSTANT_TOKENS, Model, Phase};
use crate::fit::Proposal;
use crate::fit::ticks::{Mark, Sum};

const WIDEST: u16 = 100;
/// The summary with the line above it.
const SCALE_LINES: u16 = 4;

pub(super) fn draw(
    frame: &mut Frame,
    chat: &Chat,
    screen: &Screen,
    selection: &PartSelection,
    theme: &Theme,
    area: Rect,
) {
    let popup = place(selection, area);
    let cells = popup.width;
    let title = shorten(&format!(" parts of {} ", chat.document.title), usize::from(cells).saturating_sub(4));
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .title(Line::styled(title, theme.strong))
        .title_bottom(Line::styled(keys(selection, usize::from(cells).saturating_sub(4)), theme.dim).right_aligned());
    frame.render_widget(Clear, popup);
    frame.render_widget(block, popup);
    let [tree, scale] = tree_and_scale(popup);
    match &selection.would_fit {
        Some(would_fit) => frame.render_widget(Text::from(proposals(would_fit, theme, tree)), tree),
        None => draw_tree(frame, screen, selection, theme, tree),
    }
    frame.render_widget(Paragraph::new(scale_lines(chat, screen, selection, theme, scale.width.into())), scale);
}

/// How many rows of the tree are visible.
pub(in crate::tui) fn shown(selection: &PartSelection, area: Rect) -> usize {
    let [tree, _] = tree_and_scale(place(selection, area));
    let [_, rows] = filter_and_rows(selection, tree);
    usize::from(rows.height).max(1)
}

fn place(selection: &PartSelection, area: Rect) -> Rect {
    let cells = area.width.saturating_sub(2).min(WIDEST);
    area.centered(Constraint::Length(cells), Constraint::Length(height(selection, area)))
}

fn tree_and_scale(popup: Rect) -> [Rect; 2] {
    Layout::vertical([Constraint::Min(1), Constraint::Length(SCALE_LINES)]).areas(popup.inner(Margin::new(2, 1)))
}

/// The filter line, if there is one, and the rest.
fn filter_and_rows(selection: &PartSelection, tree: Rect) -> [Rect; 2] {
    Layout::vertical([Constraint::Length(has_filter(selection).into()), Constraint::Min(1)]).areas(tree)
}

/// The height of the tree, with room for proposals.
fn height(selection: &PartSelection, area: Rect) -> u16 {
    let rows = (selection.ticks.tree().nodes().len() as u16).max(8) + u16::from(has_filter(selection));
    rows.saturating_add(SCALE_LINES + 2).min(area.height)
}

fn has_filter(selection: &PartSelection) -> bool {
    selection.field.is_some() || !selection.ticks.filter().is_empty()
}

/// Key hints, the longest that fit.
fn keys(selection: &PartSelection, cells: usize) -> &'static str {
    let resolved_presets: &[&str] = match selection {
        PartSelection { field: Some(_), .. } => &[" Enter applies the filter · Esc clears it ", " Enter · Esc "],
        PartSelection { would_fit: Some(_), .. } => {
            &[" ↓ ↑ · Enter ticks these · Esc back to the tree ", " Enter · Esc "]
        }
        _ => &[
            " Space tick · a all · n none · i invert · f fit · / filter · [ ] preset · Enter load · Esc ",
            " Space tick · a all · n none · f fit · / · Enter load · Esc ",
            " Space · a n f / · Enter · Esc ",
        ],
    };
    resolved_presets.iter().find(|resolved_preset| width(resolved_preset) <= cells).copied().unwrap_or_default()
}

fn draw_tree(frame: &mut Frame, screen: &Screen, selection: &PartSelection, theme: &Theme, area: Rect) {
    let [filter, area] = filter_and_rows(selection, area);
    if has_filter(selection) {
        if let Some(field) = &selection.field {
            draw_line(frame, "/", field.area(), theme.accent, filter);
        } else {
            let typed = shorten(selection.ticks.filter(), usize::from(filter.width).saturating_sub(2));
            frame.render_widget(Line::from(vec![Span::styled("/", theme.accent), Span::raw(typed)]), filter);
        }
    }
    let rows = selection.ticks.rows();
    let shown = usize::from(area.height);
    let top = selection.at.saturating_sub(shown / 2).min(rows.len().saturating_sub(shown));
    let row = |at: usize| row(screen, selection, rows[at], at == selection.at, theme, area.width.into());
    let lines: Vec<Line> = (top..rows.len().min(top + shown)).map(row).collect();
    if lines.is_empty() {
        frame.render_widget(Line::styled("no part matches", theme.dim), area);
    } else {
        frame.render_widget(Text::from(lines), area);
    }
}

/// A checkbox, a name, and the tokens at the right.
fn row(
    screen: &Screen,
    selection: &PartSelection,
    node: usize,
    is_chosen: bool,
    theme: &Theme,
    cells: usize,
) -> Line<'static> {
    let ticks = &selection.ticks;
    let here = &ticks.tree().nodes()[node];
    let (mark, style) = match ticks.mark(node) {
        Mark::All => ("[x] ", theme.accent),
        Mark::Some => ("[-] ", theme.accent),
        Mark::Nothing => ("[ ] ", theme.dim),
    };
    let fold = match (ticks.tree().is_part(node), ticks.is_folded(node)) {
        (true, _) => "  ",
        (false, true) => "▸ ",
        (false, false) => "▾ ",
    };
    let indent = " ".repeat((here.depth * 2).min(cells / 4));
    let tokens = tokens(screen, selection, node, cells);
    let before = width(&indent) + width(fold) + width(mark);
    let name = shorten(&clean(&here.name), cells.saturating_sub(before + width(&tokens) + 1));
    let gap = " ".repeat(cells.saturating_sub(before + width(&name) + width(&tokens)));
    let mut spans = vec![
        Span::raw(indent),
        Span::styled(fold, theme.dim),
        Span::styled(mark, style),
        Span::raw(name),
        Span::raw(gap),
        Span::styled(tokens, theme.dim),
    ];
    if is_chosen {
        for span in &mut spans {
            span.style = span.style.patch(theme.found);
        }
    }
    Line::from(spans)
}

/// `12,345`; of a partly ticked folder `1,234 of 12,345`; `…` if nothing is counted, `12,345 …` if not all is.
fn tokens(screen: &Screen, selection: &PartSelection, node: usize, cells: usize) -> String {
    let all = selection.ticks.sum(node, &screen.parts.tokens);
    let text = sum_text(all, selection.ticks.tree().nodes()[node].parts.len());
    if selection.ticks.mark(node) == Mark::Some && all.uncounted == 0 && cells >= 50 {
        let ticked = selection.ticks.sum_ticked(node, &screen.parts.tokens);
        return format!("{} of {text}", count(ticked.tokens));
    }
    text
}

fn sum_text(sum: Sum, parts: usize) -> String {
    match sum.uncounted {
        0 => count(sum.tokens),
        uncounted if uncounted == parts => "…".to_owned(),
        _ => format!("{} …", count(sum.tokens)),
    }
}

/// The proposals with their costs.
fn proposals(would_fit: &WouldFit, theme: &Theme, area: Rect) -> Vec<Line<'static>> {
    let cells = usize::from(area.width);
    let mut lines = vec![Line::styled("What would fit:", theme.strong)];
    match would_fit.proposals.as_deref() {
        None => lines.push(Line::styled("trying…", theme.dim)),
        Some([]) => {
            let text = "Nothing: neither a single part nor a smaller cache fits. n unticks all, f ticks what fits.";
            lines.extend(wrap(&[Span::raw(text)], cells, 0));
        }
        Some(proposals) => {
            for (index, it) in proposals.iter().enumerate() {
                lines.extend(proposal(it, index == would_fit.at, theme, cells));
            }
        }
    }
    // The selected proposal stays visible.
    let chosen = lines.iter().rposition(|line| line.style == theme.found).unwrap_or(0);
    let top = (chosen + 1).saturating_sub(area.height.into());
    lines.split_off(top)
}

fn proposal(it: &Proposal, is_chosen: bool, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let comes_to = format!("{} tokens, KV {}", count(it.tokens), bytes(it.kv_bytes));
    let text = match it.parts {
        // The flag for a single folder is its name.
        Some(_) if !it.flags.starts_with('-') => format!("{}, {}: {comes_to}", it.flags, it.what),
        Some(_) => format!("{}: {comes_to}", it.what),
        None => format!("{}: {comes_to}, after a restart with {}", it.what, it.flags),
    };
    let lines = wrap(&[Span::raw("· "), Span::raw(text)], cells, 2);
    let style = if is_chosen { theme.found } else { Style::new() };
    lines.into_iter().map(|line| line.patch_style(style)).collect()
}

fn scale_lines(
    chat: &Chat,
    screen: &Screen,
    selection: &PartSelection,
    theme: &Theme,
    cells: usize,
) -> Vec<Line<'static>> {
    let scale = screen.parts.cost(chat, selection);
    let verdict = verdict(chat, screen, &scale, if selection.would_fit.is_some() { 0 } else { cells });
    let (verdict, style) = match &screen.message {
        Some(text) => (text.clone(), theme.accent),
        None if matches!(scale.verdict(), SelectionVerdict::TooMany(_)) => (verdict, theme.error),
        None => (verdict, Style::new()),
    };
    vec![
        Line::styled("─".repeat(cells), theme.dim),
        Line::styled(weight(chat, &scale, cells), theme.strong),
        Line::styled(shorten(&verdict, cells), style),
        Line::styled(costs(chat, selection, &scale, cells), theme.dim),
    ]
}

/// The first text that fits.
fn fitting(resolved_presets: &[String], cells: usize) -> String {
    let resolved_preset =
        resolved_presets.iter().find(|resolved_preset| width(resolved_preset) <= cells).or(resolved_presets.last());
    resolved_preset.map_or(String::new(), |resolved_preset| shorten(resolved_preset, cells))
}

fn weight(chat: &Chat, scale: &SelectionCost, cells: usize) -> String {
    let SelectionCost { ticked, parts, tokens, limit, .. } = *scale;
    let about = if chat.is_estimating() { "about " } else { "" };
    let Some(limit) = limit else {
        let known = chat.plain_server().map(|_| format!(" · {about}{} tokens", count(tokens)));
        return format!("{ticked} of {parts} parts ticked{}", known.unwrap_or_default());
    };
    fitting(
        &[
            format!("{ticked} of {parts} parts · {about}{} of {} tokens of context", count(tokens), count(limit)),
            format!("{ticked} of {parts} parts · {about}{} of {} tokens", count(tokens), count(limit)),
            format!("{ticked} of {parts} · {about}{} of {} tokens", short_count(tokens), short_count(limit)),
        ],
        cells,
    )
}

fn verdict(chat: &Chat, screen: &Screen, scale: &SelectionCost, cells: usize) -> String {
    if let Some(why) = &screen.parts.failed {
        return format!("cannot count the parts: {why}");
    }
    match scale.verdict() {
        SelectionVerdict::NothingTicked => "nothing is ticked".to_owned(),
        SelectionVerdict::Counting(left) => format!("counting; {} left", counted(left, "part")),
        SelectionVerdict::TooMany(tokens) => fitting(
            &[
                format!("{} tokens too many; Enter shows what would fit, n unticks all", count(tokens)),
                format!("{} too many; Enter: what would fit", count(tokens)),
                format!("{} too many", count(tokens)),
            ],
            cells,
        ),
        SelectionVerdict::Fits(None) if matches!(chat.model, Model::Ready { .. } | Model::Failed(_)) => String::new(),
        SelectionVerdict::Fits(None) => "tokens are counted once the model is loaded".to_owned(),
        SelectionVerdict::Fits(Some(left)) => fitting(
            &[
                format!("fits; {} tokens left for questions and answers", count(left)),
                format!("fits; {} left for answers", count(left)),
                format!("fits; {} left", count(left)),
            ],
            cells,
        ),
    }
}

/// Memory, time with the preset, and cached tokens; as long as fits.
fn costs(chat: &Chat, selection: &PartSelection, scale: &SelectionCost, cells: usize) -> String {
    let Some(kv_bytes) = scale.kv_bytes.filter(|_| scale.ticked > 0) else { return String::new() };
    let memory = format!("KV {}", bytes(kv_bytes));
    let mut resolved_presets: Vec<String> =
        reading(chat, selection, scale).iter().map(|resolved_preset| format!("{memory} · {resolved_preset}")).collect();
    resolved_presets.push(memory);
    fitting(&resolved_presets, cells)
}

/// The time and cached tokens of a prefill, longest text first.
fn reading(chat: &Chat, selection: &PartSelection, scale: &SelectionCost) -> Vec<String> {
    let Some(forecast) = scale.forecast else {
        let preset_entry = selection.preset_entry.or(chat.automatic()).unwrap_or_else(|| chat.current_preset_entry());
        let name = chat.preset_entries.get(preset_entry).map_or("", |preset_entry| preset_entry.name.as_str());
        let why = match (scale.verdict(), &chat.work) {
            (SelectionVerdict::TooMany(_), _) => return vec![name.to_owned()],
            (_, Phase::Idle | Phase::Drafting { .. }) => "…",
            _ => "time and cache are known when idle",
        };
        return vec![format!("{name}: {why}"), format!("{name} …")];
    };
    let engine = &forecast.plan;
    let name = &forecast.preset;
    let cached = engine.cached_tokens.min(engine.document_tokens);
    let time = match engine.predicted {
        _ if engine.to_prefill_tokens <= INSTANT_TOKENS => "at once".to_owned(),
        Some(time) => format!("about {}", coarse_time(time)),
        None => "not measured yet".to_owned(),
    };
    let short = format!("{} · {} cached", time.trim_start_matches("about "), short_count(cached));
    vec![
        format!("{name}: {time} · {} of these tokens cached", count(cached)),
        format!("{name}: {time} · {} cached", count(cached)),
        short,
        format!("{} cached", short_count(cached)),
    ]
}
