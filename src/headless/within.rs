//! `--within 60s`: as many parts as this machine reads in that time.
//!
//! [`crate::chat::within`] has the picture and the arithmetic; here are the steps, each waited for in turn, without a screen.

use std::sync::Arc;
use std::time::Duration;

use super::{Session, Taken, Voice};
use crate::chat;
use crate::chat::within::{Allowance, Search, in_words};
use crate::document::Document;
use crate::engine::message::{Command, Event};
use crate::exit::Trouble;
use crate::session::documents::file_names;

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
            voice.note(&format!("note: the first part was read in {} at {rate:.0} tok/s", chat::time(spent)));
        }
        let mut search = Search::new(parts);
        while let Some(middle) = search.next() {
            let allowed = self.is_read_within(&document.first_parts(middle), time, first.0).await?;
            search = search.told(middle, allowed);
        }
        let fits = search.found();
        self.take(&document.first_parts(fits));
        self.taken = Taken::First(fits);
        self.choose_recipe().await?;
        voice.note(&format!("note: {}", in_words(fits, parts, time, self.settings.parts.as_deref())));
        Ok(())
    }

    /// Reads the first part: how long that took, and how fast it went.
    async fn read_first_part(
        &mut self,
        document: &Document,
        voice: &mut Voice<'_>,
    ) -> Result<(Duration, Option<f64>), Trouble> {
        self.take(&document.first_parts(1));
        self.choose_recipe().await?;
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
        self.model.prefill_cost = figures.prefill_cost;
        let rate = Some(figures.timings.prefill_tokens_per_s).filter(|&rate| rate > 0.0);
        Ok((figures.timings.prefill, rate))
    }

    /// Whether `beginning` is read in `time`, what was read already included, and fits the model with room for an answer.
    async fn is_read_within(&mut self, beginning: &Document, time: Duration, spent: Duration) -> Result<bool, Trouble> {
        let text: Arc<str> = Arc::from(beginning.text.as_str());
        let tokens = self.talk.count(&text).await?;
        let reading = &self.settings.reading;
        let (chosen, _) = reading.choose(reading.asked(), &self.model.facts(), tokens)?;
        let (prompt, _) = self.prompt(&text, None)?;
        let plan = self.talk.forecast(prompt, chosen.recipe).await?;
        let engine = &self.settings.engine;
        let allowance = Allowance { time, context: engine.context, reserve_tokens: engine.reserve_tokens };
        Ok(allowance.allows(&plan, spent, self.model.train_context_tokens))
    }

    /// Makes `document` the one that is asked about.
    pub(super) fn take(&mut self, document: &Document) {
        self.document = Arc::from(document.text.as_str());
        self.names = file_names(document);
    }
}
