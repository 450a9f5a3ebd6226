//! Which models of the catalogue suit this machine and this document? Up to three: fast, balanced, best.
//!
//! Nothing is loaded, so everything is a prediction. The document's tokens: a token has about four bytes. Memory: the weights with the
//! copy that is rearranged for the CPU, half of their file again ([`WEIGHTS`]), and the cache of the document, by the published shape.
//! Time: one core reads [`CORE_PARAMETERS_PER_S`] parameters a second, as with the catalogue's 1.5B on a Xeon with AVX-512, and attention
//! costs what it does relative to that on the CPU that the cost model was measured on; under the preset that is asked for, on the models
//! that can slide.
//!
//! Example: for 30,000 tokens on 16 GB the fast one is a 1.5B, the best an 8B.
//!
//! *Fast* reads the document in the shortest time, and *best* has the largest file. *Balanced* lies between them in size and time: the
//! largest that reads it within the geometric mean of their times, or else the quickest. Nothing here knows which model answers better than its size says.

use std::time::Duration;

use crate::chat::{Role, Suggestion, Suggestions};
use crate::engine::predicted_cost;
use crate::models::{Card, Catalogue, Entry, ListedClass, Machine, Shape};
use crate::settings::Settings;
use crate::swaa::model::ModelFacts;
use crate::swaa::{Attention, ModelLayers};

/// A token of prose has 4 to 4.6 bytes, of source code 3 to 4.
const BYTES_PER_TOKEN: u64 = 4;

/// Weights in memory relative to their file: 1.1 GB become 1.7 GB.
const WEIGHTS: f64 = 1.55;

/// Parameters times tokens that one core does in a second: 42 tokens through 1.31 billion (`core_tokens_per_s` of the catalogue's 1.5B).
const CORE_PARAMETERS_PER_S: f64 = 42.0 * 1.31e9;

/// The share of a machine's memory that a model and its cache may take.
const SHARE_OF_MEMORY: f64 = 0.8;

/// If nothing holds the whole document: so much of it.
const A_PART_TOKENS: u32 = 32_768;

/// What suits this machine for a document of `text_bytes`; for an empty one, 32,768 tokens are assumed.
#[must_use]
pub fn suggested(settings: &Settings, text_bytes: usize) -> Suggestions {
    let whole = u32::try_from(text_bytes as u64 / BYTES_PER_TOKEN).unwrap_or(u32::MAX);
    let whole = if whole == 0 { A_PART_TOKENS } else { whole };
    let of = |tokens: u32| ranked(&candidates(settings, tokens));
    let for_all = of(whole);
    if !for_all.is_empty() || whole <= A_PART_TOKENS {
        return Suggestions { document_tokens: whole, tokens: whole, models: for_all };
    }
    Suggestions { document_tokens: whole, tokens: A_PART_TOKENS, models: of(A_PART_TOKENS) }
}

/// Of a text of `text_bytes`, those that `model` reads in `time` on this machine: all of them, where its speed is not known.
#[must_use]
pub fn read_within(settings: &Settings, text_bytes: usize, model: &Entry, time: Duration) -> usize {
    let Some(speed) = model.predicted_tokens_per_s(settings.places.machine) else { return text_bytes };
    let tokens = f64::from(speed) * time.as_secs_f64();
    text_bytes.min((tokens * BYTES_PER_TOKEN as f64) as usize)
}

/// The models that hold `tokens` and the answer on this machine.
fn candidates(settings: &Settings, tokens: u32) -> Vec<Suggestion> {
    let machine = settings.places.machine;
    let needed = tokens.saturating_add(settings.engine.reserve_tokens);
    let most_bytes = machine.memory_bytes as f64 * SHARE_OF_MEMORY;
    let holds = |entry: &&Entry| entry.card.as_ref().is_some_and(|card| card.context_tokens >= needed);
    let described = |entry: &Entry| {
        let card = entry.card.as_ref()?;
        let shape = card.shape?;
        let memory = entry.bytes as f64 * WEIGHTS + f64::from(needed) * shape.kv_bytes_per_token as f64;
        let (reading, preset) = reading(settings, entry, card, shape, tokens)?;
        (memory <= most_bytes).then(|| Suggestion {
            role: Role::Fast,
            name: entry.name.clone(),
            title: entry.title.clone(),
            bytes: entry.bytes,
            is_here: settings.places.find(entry).is_some(),
            memory_bytes: memory as u64 + shape.state_bytes,
            reading,
            preset,
        })
    };
    Catalogue::bundled().entries().iter().filter(holds).filter_map(described).collect()
}

/// How long reading takes under the preset that is asked for, and that preset's name.
fn reading(settings: &Settings, entry: &Entry, card: &Card, shape: Shape, tokens: u32) -> Option<(Duration, String)> {
    let (parameters, width) = (shape.active_parameters as f64, f64::from(shape.attention_width));
    let Machine { cores, .. } = settings.places.machine;
    let seconds_per_token = parameters / (CORE_PARAMETERS_PER_S * f64::from(cores.max(1)));
    let cost = predicted_cost(parameters, shape.attention_layers, width, seconds_per_token);
    let refused = (card.memory_class == ListedClass::Windowed).then_some("it has a sliding window of its own");
    // Which layers of a hybrid attend is known once its file is here; how many, now.
    let layers = ModelLayers::All(shape.attention_layers);
    let facts = ModelFacts {
        name: &entry.title,
        architecture: &card.architecture,
        layers: &layers,
        sliding_refused: refused,
        sliding_unproven: card.memory_class.sliding_unproven(),
        cost,
    };
    let chosen = settings.reading.choose(settings.reading.asked(), &facts, tokens).ok().filter(|_| refused.is_none());
    let (attention, preset) = match chosen {
        Some((chosen, _)) => (chosen.recipe.resolve(tokens, &layers).reading, chosen.name.as_ref().to_owned()),
        None => (Attention::Full, "full".to_owned()),
    };
    Some((cost.time(0, &[(tokens, &attention)], shape.attention_layers)?, preset))
}

/// Up to three of `all`, each once.
fn ranked(all: &[Suggestion]) -> Vec<Suggestion> {
    let Some(fast) = all.iter().min_by_key(|model| model.reading).cloned() else { return Vec::new() };
    let best = all.iter().max_by_key(|model| model.bytes).expect("one is there").clone();
    let mean = (fast.reading.as_secs_f64() * best.reading.as_secs_f64()).sqrt();
    let is_between =
        |model: &&Suggestion| model.bytes > fast.bytes && model.bytes < best.bytes && model.reading < best.reading;
    let between = || all.iter().filter(is_between);
    let within_mean = between().filter(|model| model.reading.as_secs_f64() <= mean).max_by_key(|model| model.bytes);
    let balanced = within_mean.or_else(|| between().min_by_key(|model| model.reading)).cloned();
    let with = |role, model: Suggestion| Suggestion { role, ..model };
    let best = (best.name != fast.name).then(|| with(Role::Best, best));
    let balanced = balanced.map(|model| with(Role::Balanced, model));
    [Some(with(Role::Fast, fast)), balanced, best].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::fixtures;

    fn on(gigabytes: f64, flags: &[&str], tokens: usize) -> Suggestions {
        let folder = tempfile::tempdir().expect("a folder");
        let mut settings = fixtures::settings(folder.path(), flags);
        settings.places.machine = Machine { memory_bytes: (gigabytes * 1e9) as u64, cores: 4 };
        suggested(&settings, tokens * 4)
    }

    fn roles(suggestions: &Suggestions) -> Vec<(Role, &str)> {
        suggestions.models.iter().map(|model| (model.role, model.name.as_str())).collect()
    }

    #[test]
    fn three_suit_a_machine_and_a_document() {
        let suggestions = on(16.0, &["--preset", "accurate"], 30_000);
        let expected = [(Role::Fast, "qwen2.5-coder-1.5b"), (Role::Balanced, "qwen3.5-4b"), (Role::Best, "qwen3.5-9b")];
        assert_eq!(roles(&suggestions), expected);
        let times: Vec<Duration> = suggestions.models.iter().map(|model| model.reading).collect();
        assert!(times.is_sorted(), "{times:?}");
    }

    /// The demo: of a book of 171,000 tokens, a minute is read.
    #[test]
    fn a_reading_that_is_limited_in_time_is_suggested_for_what_it_reaches() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut settings = fixtures::settings(folder.path(), &[]);
        settings.places.machine = Machine { memory_bytes: 16_000_000_000, cores: 2 };
        let offered = Catalogue::bundled().named("qwen2.5-coder-1.5b").expect("it is listed");
        let minute = Duration::from_mins(1);
        let reached = read_within(&settings, 684_000, offered, minute);
        assert_eq!(suggested(&settings, reached).tokens, 84 * 60, "42 tokens a second on each of 2 cores");
        assert_eq!(read_within(&settings, 1_000, offered, minute), 1_000, "a short one is read whole");
        let unknown = Catalogue::bundled().named("qwen3-4b").expect("it is listed");
        assert_eq!(read_within(&settings, 684_000, unknown, minute), 684_000);
    }

    #[test]
    fn classes_have_the_engine_s_names() {
        use crate::engine::message::MemoryClass;
        let pairs = [
            (ListedClass::Plain, MemoryClass::Plain),
            (ListedClass::Windowed, MemoryClass::Windowed),
            (ListedClass::Hybrid, MemoryClass::Hybrid),
        ];
        assert!(pairs.iter().all(|(ours, engine)| ours.name() == engine.name()));
        assert!(pairs.iter().all(|(ours, engine)| ours.sliding_unproven() == engine.sliding_unproven()));
    }

    #[test]
    fn everything_fits_and_larger_machines_are_offered_larger_models() {
        let mut before = 0;
        for gigabytes in [4.0, 8.0, 16.0, 32.0, 64.0] {
            let suggestions = on(gigabytes, &[], 20_000);
            let most = (gigabytes * 1e9) as u64;
            assert!(suggestions.models.iter().all(|model| model.memory_bytes < most), "{suggestions:?}");
            let largest = suggestions.models.iter().map(|model| model.bytes).max().unwrap_or(0);
            assert!(largest >= before, "{gigabytes} GB");
            before = largest;
        }
        assert!(before > 20_000_000_000);
    }

    #[test]
    fn a_document_that_nothing_holds_is_suggested_for_in_part() {
        let suggestions = on(8.0, &[], 900_000);
        assert_eq!((suggestions.document_tokens, suggestions.tokens), (900_000, A_PART_TOKENS));
        assert!(!suggestions.models.is_empty());
    }

    #[test]
    fn a_window_makes_plain_models_read_faster_and_hybrids_too() {
        let of = |preset: &str, name: &str| {
            let suggestions = candidates(
                &{
                    let folder = tempfile::tempdir().expect("a folder");
                    let mut settings = fixtures::settings(folder.path(), &["--preset", preset]);
                    settings.places.machine = Machine { memory_bytes: 64_000_000_000, cores: 4 };
                    settings
                },
                100_000,
            );
            suggestions.into_iter().find(|model| model.name == name).expect("it is there").reading
        };
        assert!(of("fastest", "qwen3-4b") * 2 < of("full", "qwen3-4b"));
        assert!(of("fastest", "qwen3.5-4b") < of("full", "qwen3.5-4b"));
        assert_eq!(of("auto", "qwen3.5-4b"), of("full", "qwen3.5-4b"), "what it costs is not measured");
    }
}
