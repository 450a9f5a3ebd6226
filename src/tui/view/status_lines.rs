//! The two lines at the bottom: presets and figures.
//!
//! Both show the most important items first. What does not fit is left out, never cut.

use ratatui::text::{Line, Span};

use super::super::theme::Theme;
use super::super::wrap::width;
use super::formatting::{bytes, count, rate, short_count, time};
use crate::chat::{CacheState, Chat, Measurement, Model};
use crate::engine::message::{Counting, ModelInfo, PlainServer};
use crate::swaa::Preset;
use crate::swaa::preset::CUSTOM;

/// The presets with their keys. The active one stands out, the next one is strong. If not all names fit, these two keep
/// theirs, as does `custom`, which is in no list; then as many others as there is room for, from the left.
pub(super) fn presets(chat: &Chat, theme: &Theme, cells: usize) -> Line<'static> {
    if chat.sends_document() {
        return Line::styled(fitting(&["no presets", "the server decides about attention"], cells), theme.dim);
    }
    let telling = |preset_entry: &Preset| {
        is_in_force(chat, preset_entry) || is_to_come(chat, preset_entry) || preset_entry.name == CUSTOM
    };
    let shown: Vec<&Preset> =
        chat.preset_entries.iter().filter(|preset_entry| preset_entry.key.is_some() || telling(preset_entry)).collect();
    let mut named: Vec<&str> =
        shown.iter().filter(|preset_entry| telling(preset_entry)).map(|preset_entry| &*preset_entry.name).collect();
    for preset_entry in &shown {
        let more = [&named[..], &[&*preset_entry.name]].concat();
        if strip(chat, theme, &shown, &more).width() > cells {
            break;
        }
        named = more;
    }
    strip(chat, theme, &shown, &named)
}

/// The presets, those in `named` with their names.
fn strip(chat: &Chat, theme: &Theme, preset_entries: &[&Preset], named: &[&str]) -> Line<'static> {
    let mut spans = Vec::new();
    for preset_entry in preset_entries {
        let text = match preset_entry.key {
            Some(key) if named.contains(&&*preset_entry.name) => format!("{key} {}", preset_entry.name),
            Some(key) => key.to_string(),
            None => preset_entry.name.clone(),
        };
        let style = if is_in_force(chat, preset_entry) {
            theme.chosen
        } else if is_to_come(chat, preset_entry) {
            theme.accent
        } else {
            theme.dim
        };
        if !spans.is_empty() {
            spans.push(Span::raw(" "));
        }
        spans.push(Span::styled(text, style));
    }
    Line::from(spans)
}

/// Whether the engine's cache was made with it.
fn is_in_force(chat: &Chat, preset_entry: &Preset) -> bool {
    chat.cache_state.as_ref().is_some_and(|cache_state| *cache_state.resolved_preset.name == *preset_entry.name)
}

/// Whether it was asked for.
fn is_to_come(chat: &Chat, preset_entry: &Preset) -> bool {
    let next = chat.next_switch.and_then(|next| chat.preset_entries.get(next));
    let resolved_preset = chat.resolved_preset.as_ref().map(|resolved_preset| &*resolved_preset.name);
    let current = chat.preset_entries.get(chat.current_preset_entry()).map(|preset_entry| &*preset_entry.name);
    next.map(|next| &*next.name).or(resolved_preset).or(current) == Some(&*preset_entry.name)
}

/// The figures: as many as fit, in long or short form.
pub(super) fn figures(chat: &Chat, theme: &Theme, cells: usize) -> Line<'static> {
    let facts = facts(chat);
    let long: Vec<&str> = facts.iter().map(|fact| fact.0.as_str()).collect();
    let short: Vec<&str> = facts.iter().map(|fact| fact.1.as_str()).collect();
    let text = if width(&long.join(" · ")) <= cells { long.join(" · ") } else { fitting(&short, cells) };
    Line::styled(text, theme.dim)
}

fn fitting(facts: &[&str], cells: usize) -> String {
    let mut line = String::new();
    for fact in facts {
        let joined = if line.is_empty() { (*fact).to_owned() } else { format!("{line} · {fact}") };
        if width(&joined) <= cells {
            line = joined;
        }
    }
    line
}

/// Each figure in long and short form, most important first.
fn facts(chat: &Chat) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let Model::Ready { info, .. } = &chat.model else { return facts };
    if let (Some(server), cache_state) = (info.server, &chat.cache_state) {
        return server_facts(chat, info, server, cache_state.as_ref());
    }
    let Some(cache_state) = &chat.cache_state else {
        let weights = bytes(info.weights_bytes());
        let model = format!("model {weights} on {}, loaded in {}", info.place(), time(info.load_time));
        return vec![(model, format!("model {weights}"))];
    };
    facts.push(context(cache_state));
    facts.extend(chat.thinking().map(|thinking| (thinking.clone(), thinking)));
    if let Some(reading) = chat.measurements.of(&cache_state.resolved_preset.name) {
        facts.extend(speeds(reading));
        facts.extend(memory(reading));
    }
    facts.extend(info.runs_on.iter().map(|server| (format!("on {server}"), format!("on {server}"))));
    facts
}

/// What is known of a model on somebody else's server: how full its context is, and how fast it writes.
fn server_facts(
    chat: &Chat,
    info: &ModelInfo,
    server: PlainServer,
    cache_state: Option<&CacheState>,
) -> Vec<(String, String)> {
    let mut facts = vec![(format!("{} on {}", info.title(), info.place()), info.title())];
    if let Some(cache_state) = cache_state {
        let is_asked = cache_state.context_used > 0;
        let (used, about) = match server.counting {
            _ if is_asked => (cache_state.context_used, ""),
            Counting::Exact => (cache_state.document_tokens, ""),
            Counting::Estimated => (cache_state.document_tokens, "about "),
        };
        let all = server.is_context_known.then_some(cache_state.context_tokens);
        let short_all = all.map_or_else(String::new, |all| format!("/{}", short_count(all)));
        let all = all.map_or_else(String::new, |all| format!(" of {}", count(all)));
        let long = format!("{about}{}{all} tokens", count(used));
        facts.insert(0, (long, format!("{about}{}{short_all} tokens", short_count(used))));
    }
    facts.extend(chat.thinking().map(|thinking| (thinking.clone(), thinking)));
    let reading = cache_state.and_then(|state| chat.measurements.of(&state.resolved_preset.name));
    facts.extend(reading.map(speeds).unwrap_or_default());
    facts
}

fn context(cache_state: &CacheState) -> (String, String) {
    let (used, all) = (cache_state.context_used, cache_state.context_tokens);
    (format!("{} of {} tokens", count(used), count(all)), format!("{}/{}", short_count(used), short_count(all)))
}

fn speeds(reading: &Measurement) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    if let Some(speed) = reading.prefill_tokens_per_s() {
        let (took, speed, tokens) = (time(reading.prefill), rate(speed), reading.prefilled_tokens);
        let long = format!("{} tokens read in {took}, {speed}", count(tokens));
        facts.push((long, format!("{} in {took}, {speed}", short_count(tokens))));
    }
    if let Some(speed) = reading.decode_tokens_per_s {
        facts.push((format!("answers {}", rate(speed)), format!("out {}", rate(speed))));
    }
    facts
}

/// `KV 35 of 118 MB`, where both have the same unit.
fn short_kv(used: u64, all: u64) -> String {
    let (used, all) = (bytes(used), bytes(all));
    match (used.split_once(' '), all.split_once(' ')) {
        (Some((number, unit)), Some((_, other))) if unit == other => format!("KV {number} of {all}"),
        _ => format!("KV {used} of {all}"),
    }
}

fn memory(reading: &Measurement) -> [(String, String); 2] {
    let memory = &reading.memory;
    let kv = format!("KV {} of {}", bytes(memory.kv_used_bytes), bytes(memory.kv_bytes));
    [
        (kv, short_kv(memory.kv_used_bytes, memory.kv_bytes)),
        (format!("process {}", bytes(memory.rss_bytes)), format!("RSS {}", bytes(memory.rss_bytes))),
    ]
}
