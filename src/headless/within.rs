//! `--within 60s`: as many parts as this machine reads in that time.
//!
//! The first part is read and timed; the engine then forecasts longer beginnings, and the longest that fits the time and the
//! model's context is taken. Nothing is lost: what was read is the beginning of what will be.
//!
//! Example: 61 chapters, 60 s; the first takes 14 s, four are forecast at 55 s in all, five at 70 s: four are read.

use std::sync::Arc;
use std::time::Duration;

use super::talk::Talk;
use super::voice::seconds;
use super::{Counter, Session, Stops, Voice};
use crate::document::Document;
use crate::engine::message::{Command, Event, ModelInfo, Plan};
use crate::exit::Trouble;
use crate::settings::{Chosen, Headless, Output, Settings};

/// A document that is as long as there is time for, and the engine that has begun to read it.
pub struct Beginning {
    pub document: Document,
    /// How many of the document's parts were taken, of how many.
    pub parts: (usize, usize),
    pub counter: Counter,
    /// Told by the engine already, and not told again.
    pub model: ModelInfo,
}

/// Chooses as much of `document` as `settings` gives time for, on an engine that was just started.
pub async fn beginning(
    settings: &Settings,
    document: &Document,
    (counter, stops): (Counter, Stops),
    voice: &mut Voice<'_>,
) -> Result<Beginning, Trouble> {
    let plain = Headless { output: Output::Text, stats: false, hide_reasoning: true, extract: false, dry_run: false };
    let session = Session::open(settings, plain, document, Talk::new(counter, stops), voice).await?;
    let parts = (session.parts_taken, document.parts().len());
    let document = document.first_parts(session.parts_taken);
    Ok(Beginning { document, parts, counter: session.talk.into_counter(), model: session.model })
}

impl Session<'_> {
    /// Makes the session's document the longest beginning of `document` that is read within `time`, and settles its recipe.
    pub(super) async fn choose_parts(
        &mut self,
        document: &Document,
        time: Duration,
        voice: &mut Voice<'_>,
    ) -> Result<(), Trouble> {
        let parts = document.parts().len();
        let first = self.read_first_part(document, voice).await?;
        if let (spent, Some(rate)) = first {
            voice.note(&format!("note: the first part was read in {} at {rate:.0} tok/s", seconds(spent)));
        }
        let (mut fits, mut too_many) = (1, parts + 1);
        while too_many - fits > 1 {
            let middle = usize::midpoint(fits, too_many);
            if self.is_read_within(&document.first_parts(middle), time, first).await? {
                fits = middle;
            } else {
                too_many = middle;
            }
        }
        self.take(&document.first_parts(fits));
        self.parts_taken = fits;
        self.choose_recipe(first.1).await?;
        voice.note(&in_words(fits, parts, time));
        Ok(())
    }

    /// Reads the first part: how long that took, and how fast it went.
    async fn read_first_part(
        &mut self,
        document: &Document,
        voice: &mut Voice<'_>,
    ) -> Result<(Duration, Option<f64>), Trouble> {
        self.take(&document.first_parts(1));
        self.choose_recipe(None).await?;
        let (prompt, _) = self.prompt(&self.document, None)?;
        let recipe = self.chosen.recipe.clone();
        let mut listen = |event: &Event| {
            if let Event::Prefilling { progress, .. } = event {
                voice.reading(progress);
            }
            Ok(())
        };
        let read = self.talk.job(|job, cancel| Command::Read { job, prompt, recipe, cancel }, &mut listen).await?;
        if let Some(exit) = self.talk.stopped() {
            return Err(Trouble::stopped(exit));
        }
        let Event::Read { figures, .. } = read else { return Err(Trouble::engine_gone()) };
        let rate = Some(figures.timings.prefill_tokens_per_s).filter(|&rate| rate > 0.0);
        Ok((figures.timings.prefill, rate))
    }

    /// Whether `beginning` is read in `time`, what was read already included, and fits the model with room for an answer.
    async fn is_read_within(
        &mut self,
        beginning: &Document,
        time: Duration,
        (spent, tokens_per_s): (Duration, Option<f64>),
    ) -> Result<bool, Trouble> {
        let text: Arc<str> = Arc::from(beginning.text.as_str());
        let tokens = self.talk.count(&text).await?;
        let reading = &self.settings.reading;
        let Chosen { recipe, .. } = reading.choose(reading.asked(), &self.model, tokens, tokens_per_s)?;
        let (prompt, _) = self.prompt(&text, None)?;
        let Plan { prompt_tokens, predicted, .. } = self.talk.forecast(prompt, recipe).await?;
        let needed = prompt_tokens.saturating_add(self.settings.engine.reserve_tokens);
        let soon_enough = predicted.is_none_or(|predicted| spent + predicted <= time);
        Ok(soon_enough && needed <= self.context_limit())
    }

    /// Makes `document` the one that is asked about.
    fn take(&mut self, document: &Document) {
        self.document = Arc::from(document.text.as_str());
    }
}

fn in_words(taken: usize, parts: usize, time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match (taken, parts) {
        (_, 1) => "note: the document has no parts to choose from, all of it is read".to_owned(),
        (taken, parts) if taken == parts => format!("note: all {parts} parts are read within {seconds} s"),
        (taken, parts) => format!(
            "note: {taken} of {parts} parts are read, as many as this machine reads in {seconds} s; \
             more with --within 5m, others with --parts {}-{}",
            taken + 1,
            (2 * taken).min(parts)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_is_told_how_many_and_how_to_take_more() {
        let told = in_words(4, 61, Duration::from_secs(60));
        assert_eq!(
            told,
            "note: 4 of 61 parts are read, as many as this machine reads in 60 s; more with --within 5m, others with --parts 5-8"
        );
        assert_eq!(
            in_words(1, 1, Duration::from_secs(60)),
            "note: the document has no parts to choose from, all of it is read"
        );
    }
}
