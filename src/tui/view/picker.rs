//! The preset picker: the presets, and for the selected one its layers, window and sinks to scale, its cost, and what
//! was measured.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span, Text};

use super::super::screen::{PresetPicker, RecipeDraft, RecipeField};
use super::super::theme::Theme;
use super::super::wrap::{shorten, wrap};
use super::formatting::{bytes, coarse_time, count, rate, time};
use super::map::{Atlas, sign};
use super::popup::Popup;
use crate::chat::{Chat, INSTANT_TOKENS, Model, Phase, ResolvedPreset};
use crate::engine::message::Plan;
use crate::swaa::{Attention, ModelLayers, RecipeSpec};

const WIDEST: u16 = 100;
const HIGHEST: u16 = 20;
/// Width of the names.
const NAMES: u16 = 16;
/// Narrower, the details go below the names.
const TWO_COLUMNS: u16 = 64;
/// Width of the labels.
const LABELS: usize = 10;

pub(super) fn draw(frame: &mut Frame, chat: &Chat, picker: &PresetPicker, theme: &Theme, area: Rect) {
    let height = HIGHEST.max(chat.preset_entries.len() as u16 + 2);
    let current = chat.preset_entries.get(chat.current_preset_entry()).map_or("", |preset_entry| &preset_entry.name);
    let compared = format!(" compare {current} with ");
    let (title, keys): (&str, &[&str]) = match (&picker.draft, picker.versus) {
        (Some(_), _) => (" custom preset ", &[" ← → change · Enter try · s save · Esc ", " Enter · s save · Esc "]),
        (None, true) => (&compared, &[" Enter asks with both · Esc closes ", " Enter · Esc "]),
        (None, false) => (" presets ", &[" Enter switches · e edits · Esc closes ", " Enter · e · Esc "]),
    };
    let inner = Popup { title, keys, cells: WIDEST, height }.draw(frame, theme, area);
    let (names, details_area) = shared_out(inner, chat.preset_entries.len() as u16);
    frame.render_widget(Text::from(preset_entries(chat, picker, theme, names)), names);
    frame.render_widget(Text::from(details(chat, picker, theme, details_area.width.into())), details_area);
}

fn shared_out(area: Rect, preset_entries: u16) -> (Rect, Rect) {
    if area.width >= TWO_COLUMNS {
        let columns = [Constraint::Length(NAMES), Constraint::Length(2), Constraint::Min(1)];
        let [names, _, details_area] = Layout::horizontal(columns).areas(area);
        return (names, details_area);
    }
    let names = preset_entries.min(area.height / 3).max(1);
    let [names, _, details_area] =
        Layout::vertical([Constraint::Length(names), Constraint::Length(1), Constraint::Min(1)]).areas(area);
    (names, details_area)
}

/// The names with their keys. A dot marks the active preset.
fn preset_entries(chat: &Chat, picker: &PresetPicker, theme: &Theme, area: Rect) -> Vec<Line<'static>> {
    let shown = usize::from(area.height);
    let top = (picker.at + 1).saturating_sub(shown);
    let cache_state = chat.cache_state.as_ref().map(|cache_state| cache_state.resolved_preset.name.clone());
    let preset_entries = chat.preset_entries.iter().enumerate().skip(top).take(shown);
    let line = |(index, preset_entry): (usize, &crate::swaa::Preset)| {
        let dot = if cache_state.as_deref() == Some(preset_entry.name.as_str()) { "● " } else { "  " };
        let key = preset_entry.key.map_or(' ', |key| key);
        let name = shorten(&format!("{key} {}", preset_entry.name), usize::from(area.width).saturating_sub(2));
        let style = match index == picker.at {
            true => theme.found,
            false if chat.why_refused(index).is_some() => theme.dim,
            false => Style::new(),
        };
        Line::from(vec![Span::styled(dot, theme.accent), Span::styled(name, style)])
    };
    preset_entries.map(line).collect()
}

fn details(chat: &Chat, picker: &PresetPicker, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let Some(preset_entry) = chat.preset_entries.get(picker.at) else { return Vec::new() };
    let mut lines = Vec::new();
    let resolved_preset = if let Some(draft) = &picker.draft {
        lines.extend(fields(draft, theme));
        Some(ResolvedPreset {
            name: "draft".into(),
            recipe: draft.recipe.clone(),
            cot: crate::swaa::ChainOfThought::default(),
        })
    } else {
        lines.extend(wrap(&[Span::styled(preset_entry.summary.clone(), theme.strong)], cells, 0));
        chat.resolve_entry(picker.at).or_else(|| way_without_model(preset_entry))
    };
    lines.push(Line::default());
    let Some(resolved_preset) = resolved_preset else {
        lines.extend(wrap(&[Span::raw("chooses a preset by the document's length")], cells, 0));
        return lines;
    };
    if let Some(why) = chat.why_refused(picker.at).filter(|_| picker.draft.is_none()) {
        lines.extend(labelled("not here", why, theme, cells));
        return lines;
    }
    if picker.draft.is_none() {
        lines.extend(labelled("recipe", &resolved_preset.recipe.to_string(), theme, cells));
    }
    lines.extend(layers(chat, &resolved_preset.recipe, theme, cells));
    lines.extend(scale(chat, &resolved_preset.recipe, theme, cells));
    if picker.draft.is_none() {
        lines.extend(costs(chat, picker.at, &resolved_preset, theme, cells));
        lines.extend(measured(chat, &resolved_preset, theme, cells));
    }
    lines
}

/// A preset before a model is loaded.
fn way_without_model(preset_entry: &crate::swaa::Preset) -> Option<ResolvedPreset> {
    let recipe = preset_entry.recipe.clone()?;
    Some(ResolvedPreset { name: preset_entry.name.as_str().into(), recipe, cot: preset_entry.cot.unwrap_or_default() })
}

fn fields(draft: &RecipeDraft, theme: &Theme) -> Vec<Line<'static>> {
    let line = |field: RecipeField| {
        let value = format!("◂ {} ▸", field.value(&draft.recipe));
        let style = if field == draft.field { theme.found } else { Style::new() };
        Line::from(vec![Span::styled(format!("{:<13}", field.name()), theme.dim), Span::styled(value, style)])
    };
    RecipeField::ALL.into_iter().map(line).collect()
}

fn labelled(label: &str, text: &str, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    wrap(&[Span::styled(format!("{label:<LABELS$}"), theme.dim), Span::raw(text.to_owned())], cells, LABELS)
}

/// One cell per layer: full or sliding.
fn layers(chat: &Chat, recipe: &RecipeSpec, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let Model::Ready { info, .. } = &chat.model else { return Vec::new() };
    let tokens = chat.cache_state.as_ref().map_or(u32::MAX, |cache_state| cache_state.document_tokens);
    if info.server.is_some() {
        return Vec::new();
    }
    let attending = info.layers.attending();
    let is_full = |layer: &u32| match &recipe.resolve(tokens, &info.layers).reading {
        Attention::Full => true,
        Attention::Sliding { full_layers, .. } => full_layers.contains(*layer),
    };
    let full: Vec<bool> = attending.as_slice().iter().map(is_full).collect();
    let count = full.iter().filter(|full| **full).count();
    let strip: String = full.iter().map(|full| if *full { '█' } else { '░' }).collect();
    let words = match &info.layers {
        ModelLayers::All(layers) => format!("  {count} of {layers} full"),
        ModelLayers::Some { of, .. } => {
            format!("  {count} of {} full ({of} layers, the others keep a state)", full.len())
        }
    };
    let mut lines = wrap(
        &[Span::styled(format!("{:<LABELS$}", "layers"), theme.dim), Span::styled(strip, theme.bar), Span::raw(words)],
        cells,
        LABELS,
    );
    lines.truncate(4);
    lines
}

/// The document to scale, with sinks and window.
fn scale(chat: &Chat, recipe: &RecipeSpec, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let (Model::Ready { info, .. }, Some(cache_state)) = (&chat.model, &chat.cache_state) else { return Vec::new() };
    if info.server.is_some() {
        return Vec::new();
    }
    let tokens = cache_state.document_tokens;
    let resolved = recipe.resolve(tokens, &info.layers);
    let room = cells.saturating_sub(LABELS).min(60);
    let mut strip = vec![Span::styled(format!("{:<LABELS$}", "document"), theme.dim)];
    strip
        .extend(Atlas::planned(resolved.clone(), tokens).rows(room as u16).into_iter().map(|reach| sign(reach, theme)));
    let words = match resolved.reading {
        Attention::Full => format!("full attention over {} tokens", count(tokens)),
        Attention::Sliding { window, sinks, far, .. } => {
            let window = window.min(tokens);
            let far = if far > 0 { format!(", and 1 in {} between them", count(far)) } else { String::new() };
            format!("◆ {} sinks, █ the last {} of {} tokens{far}", count(sinks), count(window), count(tokens))
        }
    };
    let mut lines = vec![Line::from(strip)];
    lines.extend(wrap(&[Span::raw(" ".repeat(LABELS)), Span::styled(words, theme.dim)], cells, LABELS));
    lines
}

/// The forecast cost of switching to the preset.
fn costs(
    chat: &Chat,
    preset_entry: usize,
    resolved_preset: &ResolvedPreset,
    theme: &Theme,
    cells: usize,
) -> Vec<Line<'static>> {
    let in_force = chat
        .cache_state
        .as_ref()
        .is_some_and(|cache_state| cache_state.resolved_preset == *resolved_preset && cache_state.is_complete());
    let cost = match chat.survey.get(preset_entry).and_then(Option::as_ref) {
        _ if chat.sends_document() => {
            "the server reads the document with each question, in a time that it does not tell".to_owned()
        }
        _ if in_force => "active".to_owned(),
        Some(plan) => switch_cost(plan),
        None if chat.cache_state.is_none() => "known once the document is read".to_owned(),
        None if matches!(chat.work, Phase::Surveying { .. }) => "being computed".to_owned(),
        None if chat.work == Phase::Idle => "unknown".to_owned(),
        None => "known when idle".to_owned(),
    };
    let mut lines = labelled("costs", &cost, theme, cells);
    if let (Model::Ready { info, .. }, Some(cache_state)) = (&chat.model, &chat.cache_state)
        && info.server.is_none()
    {
        let plan = chat.survey.get(preset_entry).and_then(Option::as_ref);
        let kept = if in_force { "" } else { ", in addition to the active cache" };
        let bounded = plan.and_then(|plan| plan.bounded_tokens);
        let tokens = bounded.unwrap_or(cache_state.document_tokens);
        let (kv, of) = (bytes(info.cache.bytes(tokens)), count(tokens));
        let what = if bounded.is_some() { format!("{of} tokens, whatever the length") } else { format!("{of} tokens") };
        lines.extend(labelled("memory", &format!("{kv} of KV cache for {what}{kept}"), theme, cells));
    }
    lines
}

fn switch_cost(plan: &Plan) -> String {
    if plan.to_prefill_tokens <= INSTANT_TOKENS {
        return "instant: nothing to re-read".to_owned();
    }
    let predicted = plan.predicted.map_or(String::new(), |time| format!(": about {}", coarse_time(time)));
    format!("re-reads {} of {} tokens{predicted}", count(plan.to_prefill_tokens), count(plan.prompt_tokens))
}

/// What was measured with it in this run.
fn measured(chat: &Chat, resolved_preset: &ResolvedPreset, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let Some(reading) = chat.measurements.of(&resolved_preset.name) else { return Vec::new() };
    let mut facts = Vec::new();
    if let Some(speed) = reading.prefill_tokens_per_s() {
        facts.push(format!("read in {}, {}", time(reading.prefill), rate(speed)));
    }
    facts.extend(reading.decode_tokens_per_s.map(|speed| format!("answers {}", rate(speed))));
    if facts.is_empty() { Vec::new() } else { labelled("measured", &facts.join(" · "), theme, cells) }
}
