//! The map beside the document: which parts of it the question can attend to, and how. Each row stands for an equal
//! share of the text.
//!
//! ```text
//! ◆  sinks: every token attends to them     █  in the window at the end: every layer attends to it
//! ▒  reached by full layers, as far keys, or by the question and answer with full attention
//! ░  prefilled, but out of the question's reach       ·  not prefilled
//! ▓  during prefill: was in the cache already         second column: the visible page
//! ```
//!
//! While a question's attention is known, the rows that its heads look at show it instead: the lens.
//!
//! ```text
//! ●  where they look most       •  where they look half as much or less
//! ```
//!
//! Tokens are mapped to bytes in proportion, which is as exact as a row of the map.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span, Text};

use super::super::reader::DocumentReader;
use super::super::theme::Theme;
use crate::chat::{Chat, Model, Phase};
use crate::swaa::{Attention, ModelLayers, Recipe};

/// How the question reaches a piece of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    Sink,
    Window,
    /// Only through full layers, as far keys, or because the question and answer use full attention.
    Through,
    Hidden,
    Unread,
    /// Was in the cache before this prefill.
    Cached,
    /// Not part of the prompt.
    Apart,
}

/// What the map shows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Atlas {
    /// The recipe of the prefill; `None` before one.
    recipe: Option<Recipe>,
    /// Prefilled tokens of the document.
    read: u32,
    all: u32,
    /// During a prefill: tokens that were cached before.
    cached: Option<u32>,
    /// The share of the displayed document that is part of the prompt, from 0 to 1.
    given: f64,
}

impl Atlas {
    pub(super) fn of(chat: &Chat, document_bytes: usize) -> Self {
        let given = chat.document.text.len() as f64 / document_bytes.max(1) as f64;
        let layers = match &chat.model {
            Model::Ready { info, .. } => &info.layers,
            _ => &ModelLayers::All(1),
        };
        let nothing = Self { recipe: None, read: 0, all: 1, cached: None, given };
        if let (Phase::Prefilling { run, .. }, Some(resolved_preset)) = (&chat.work, &chat.resolved_preset) {
            let Some(progress) = run.progress else { return nothing };
            let recipe = Some(resolved_preset.recipe.resolve(progress.total_tokens, layers));
            let cached = Some(progress.cached_tokens);
            return Self { recipe, read: progress.done_tokens, all: progress.total_tokens, cached, given };
        }
        let Some(cache_state) = &chat.cache_state else { return nothing };
        let recipe = Some(cache_state.resolved_preset.recipe.resolve(cache_state.document_tokens, layers));
        Self { recipe, read: cache_state.tokens, all: cache_state.document_tokens, cached: None, given }
    }

    /// The map of a document of `tokens` prefilled with `recipe`.
    pub(super) fn planned(recipe: Recipe, tokens: u32) -> Self {
        Self { recipe: Some(recipe), read: tokens, all: tokens, cached: None, given: 1.0 }
    }

    /// What is at `share` (0 to 1) of the displayed text.
    pub(super) fn at(&self, share: f64) -> Reach {
        if share >= self.given {
            return Reach::Apart;
        }
        let token = (share / self.given * f64::from(self.all)) as u32;
        match (&self.recipe, self.cached) {
            (Some(_), Some(cached)) if token < cached.min(self.read) => Reach::Cached,
            (Some(recipe), _) if token < self.read => self.seen(recipe, token),
            _ => Reach::Unread,
        }
    }

    fn seen(&self, recipe: &Recipe, token: u32) -> Reach {
        let Attention::Sliding { window, sinks, far, full_layers } = &recipe.reading else { return Reach::Window };
        if token < *sinks {
            Reach::Sink
        } else if token + window >= self.read {
            Reach::Window
        } else if recipe.dense_tail || recipe.fa_decode || *far > 0 || !full_layers.is_empty() {
            Reach::Through
        } else {
            Reach::Hidden
        }
    }

    /// One symbol per row. The sinks, a few tokens, always get the first.
    pub(super) fn rows(&self, rows: u16) -> Vec<Reach> {
        let middle = |row: u16| (f64::from(row) + 0.5) / f64::from(rows);
        let mut signs: Vec<Reach> = (0..rows).map(|row| self.at(middle(row))).collect();
        if let (Some(first), Reach::Sink) = (signs.first_mut(), self.at(0.0)) {
            *first = Reach::Sink;
        }
        signs
    }
}

/// Draws the map, with the visible page marked.
pub(super) fn draw(
    frame: &mut Frame,
    chat: &Chat,
    reader: &DocumentReader,
    shown: Option<(usize, usize)>,
    theme: &Theme,
    area: Rect,
) {
    let bytes = reader.book.text().len();
    let row_of = |byte: usize| (byte as f64 / bytes.max(1) as f64 * f64::from(area.height)) as u16;
    let page = shown.map(|(start, end)| (row_of(start), row_of(end.saturating_sub(1))));
    let signs = Atlas::of(chat, bytes).rows(area.height);
    let heat = heat(chat, bytes, area.height);
    let line = |(row, reach): (usize, Reach)| {
        let is_shown = page.is_some_and(|(first, last)| (first..=last).contains(&(row as u16)));
        let page = if is_shown { Span::styled("▐", theme.strong) } else { Span::raw(" ") };
        let sign = heat.get(row).copied().flatten().map_or_else(|| sign(reach, theme), |heat| lens(heat, theme));
        Line::from(vec![Span::raw(" "), sign, page])
    };
    frame.render_widget(Text::from(signs.into_iter().enumerate().map(line).collect::<Vec<Line>>()), area);
}

/// How much the heads look at what a row stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heat {
    Most,
    Some,
}

/// Of the strongest row, the share from which on a row shows its heat.
const MOST_HEAT: f32 = 0.5;
const SOME_HEAT: f32 = 0.1;

/// The heat of the last question over the document, row by row; empty if it is not known.
fn heat(chat: &Chat, bytes: usize, rows: u16) -> Vec<Option<Heat>> {
    let Some(read_again) = chat.exchanges().last().and_then(|exchange| exchange.read_again.as_deref()) else {
        return Vec::new();
    };
    let mut sums = vec![0.0_f32; rows.into()];
    for chunk in read_again.heat.iter() {
        let row = usize::midpoint(chunk.span.start, chunk.span.end) * sums.len() / bytes.max(1);
        if let Some(sum) = sums.get_mut(row) {
            *sum += chunk.score;
        }
    }
    let strongest = sums.iter().copied().fold(0.0, f32::max);
    let level = |sum: &f32| match sum / strongest.max(f32::MIN_POSITIVE) {
        share if share >= MOST_HEAT => Some(Heat::Most),
        share if share >= SOME_HEAT => Some(Heat::Some),
        _ => None,
    };
    sums.iter().map(level).collect()
}

fn lens(heat: Heat, theme: &Theme) -> Span<'static> {
    match heat {
        Heat::Most => Span::styled("●", theme.accent),
        Heat::Some => Span::styled("•", theme.accent),
    }
}

pub(super) fn sign(reach: Reach, theme: &Theme) -> Span<'static> {
    match reach {
        Reach::Sink => Span::styled("◆", theme.accent),
        Reach::Window => Span::styled("█", theme.bar),
        Reach::Through => Span::styled("▒", theme.bar),
        Reach::Hidden => Span::styled("░", theme.error),
        Reach::Unread => Span::styled("·", theme.dim),
        Reach::Cached => Span::styled("▓", theme.dim),
        Reach::Apart => Span::raw(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::fixtures::{Session, plan, progress, recipe_of};
    use crate::engine::message::Event;
    use crate::settings::ThemeChoice;

    fn signs(atlas: &Atlas, rows: u16) -> String {
        let theme = Theme::of(ThemeChoice::Ansi);
        atlas.rows(rows).into_iter().map(|reach| sign(reach, &theme).content.into_owned()).collect()
    }

    fn read(preset: &str) -> String {
        let session = Session::with_document_read(preset);
        signs(&Atlas::of(&session.chat, session.chat.document.text.len()), 10)
    }

    #[test]
    fn the_map_tells_how_the_question_sees_the_document() {
        assert_eq!(read("full"), "██████████");
        // 10,000 tokens: 1,024 or 2,048 of them in the window, 100 sinks.
        assert_eq!(read("fastest"), "◆▒▒▒▒▒▒▒▒█");
        assert_eq!(read("accurate"), "◆▒▒▒▒▒▒▒██");
        assert_eq!(read("naive"), "░░░░░░░░██");
    }

    #[test]
    fn prefill_runs_along_the_map() {
        let mut session = Session::begin("full");
        let bytes = session.chat.document.text.len();
        assert_eq!(signs(&Atlas::of(&session.chat, bytes), 10), "··········");
        session.tell(Event::Loaded(Box::new(crate::chat::fixtures::model())));
        let job = session.job;
        session.tell(Event::Planned { job, plan: plan(9_000, None) });
        session.tell(Event::Prefilling { job, progress: progress(4_300) });
        assert_eq!(signs(&Atlas::of(&session.chat, bytes), 10), "▓███······");
        assert_eq!(signs(&Atlas::of(&session.chat, 2 * bytes), 10), "██···     ", "half of it is given to the model");
    }

    #[test]
    fn a_preset_without_sinks_shows_none() {
        assert_eq!(recipe_of("naive").sinks, 0);
        let has_sinks = |preset: &str| read(preset).contains('◆');
        assert_eq!((has_sinks("naive"), has_sinks("fastest")), (false, true));
    }
}
