//! The two lines at the bottom: presets and figures.
//!
//! Both show the most important items first. What does not fit is left out, never cut.

use ratatui::text::{Line, Span};

use super::super::theme::Theme;
use super::super::wrap::width;
use super::formatting::{bytes, count, rate, short_count, time};
use crate::chat::{Chat, Held, Model, Reading};
use crate::swaa::Preset;
use crate::swaa::preset::CUSTOM;

/// The presets with their keys. The active one stands out, the next one is strong. If not all names fit, these two keep
/// theirs, as does `custom`, which is in no list.
pub(super) fn presets(chat: &Chat, theme: &Theme, cells: usize) -> Line<'static> {
    let telling = |offer: &Preset| is_in_force(chat, offer) || is_to_come(chat, offer) || offer.name == CUSTOM;
    let shown: Vec<&Preset> = chat.offers.iter().filter(|offer| offer.key.is_some() || telling(offer)).collect();
    let all = strip(chat, theme, &shown, |_| true);
    if all.width() <= cells { all } else { strip(chat, theme, &shown, telling) }
}

fn strip(chat: &Chat, theme: &Theme, offers: &[&Preset], named: impl Fn(&Preset) -> bool) -> Line<'static> {
    let mut spans = Vec::new();
    for offer in offers {
        let text = match offer.key {
            Some(key) if named(offer) => format!("{key} {}", offer.name),
            Some(key) => key.to_string(),
            None => offer.name.clone(),
        };
        let style = if is_in_force(chat, offer) {
            theme.chosen
        } else if is_to_come(chat, offer) {
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
fn is_in_force(chat: &Chat, offer: &Preset) -> bool {
    chat.held.as_ref().is_some_and(|held| *held.way.name == *offer.name)
}

/// Whether it was asked for.
fn is_to_come(chat: &Chat, offer: &Preset) -> bool {
    let next = chat.next_switch.and_then(|next| chat.offers.get(next));
    let way = chat.way.as_ref().map(|way| &*way.name);
    let current = chat.offers.get(chat.current_offer()).map(|offer| &*offer.name);
    next.map(|next| &*next.name).or(way).or(current) == Some(&*offer.name)
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
    let Some(held) = &chat.held else {
        let model =
            format!("model {} on {}, loaded in {}", bytes(info.model_bytes), info.place(), time(info.load_time));
        return vec![(model, format!("model {}", bytes(info.model_bytes)))];
    };
    facts.push(context(held));
    if let Some(reading) = chat.readings.of(&held.way.name) {
        facts.extend(speeds(reading));
        facts.extend(memory(reading));
    }
    facts
}

fn context(held: &Held) -> (String, String) {
    let (used, all) = (held.context_used, held.context_tokens);
    (format!("{} of {} tokens", count(used), count(all)), format!("{}/{}", short_count(used), short_count(all)))
}

fn speeds(reading: &Reading) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    if let Some(speed) = reading.prefill_tokens_per_s() {
        let (took, speed) = (time(reading.prefill), rate(speed));
        facts.push((format!("read in {took}, {speed}"), format!("in {speed}, {took}")));
    }
    if let Some(speed) = reading.decode_tokens_per_s {
        facts.push((format!("answers {}", rate(speed)), format!("out {}", rate(speed))));
    }
    facts
}

fn memory(reading: &Reading) -> [(String, String); 2] {
    let memory = &reading.memory;
    [
        (
            format!("KV {} of {}", bytes(memory.kv_used_bytes), bytes(memory.kv_bytes)),
            format!("KV {}", bytes(memory.kv_bytes)),
        ),
        (format!("process {}", bytes(memory.rss_bytes)), format!("RSS {}", bytes(memory.rss_bytes))),
    ]
}
