//! The same chat and engine without a screen: questions in, answers out, for scripts.
//!
//! ```text
//! documents ─> model ─> tokens counted ─> parts and preset chosen ─> each question: prompt ─> engine ─> answer
//! ```
//!
//! The contract (tests hold it): standard output is the answer and exactly one newline; everything else is on standard error. With `--json`
//! each question gives one object on one line, in the order they were asked, and an error is the last object; with `--jsonl` each event
//! does. Several answers as text are parted by an empty line. Several questions share one reading of the documents: 30,000 tokens of
//! document and a second question give `cached: 30012, prefilled: 21`. The first signal stops the answer, and what there is of it is
//! printed; a second one doesn't wait. [`crate::exit::Exit`] has the exit codes.
//!
//! Does not know where models lie (whoever calls [`run`] starts the engine), and never asks anything back.

mod changed;
mod fit;
mod inspect;
mod listing;
mod picked;
mod pull;
mod report;
mod rows;
mod talk;
mod versus;
mod voice;
mod within;

use std::io::{self, Read};
use std::sync::Arc;
use std::time::SystemTime;

use fit::PickedLine;
pub use fit::{fit, measure};
pub use inspect::{Counted, inspect};
pub use listing::{list_presets, paths};
pub use pull::pull;
use report::{Line, Report, Said};
use talk::Talk;
pub use talk::{Counter, Stops};
use voice::Tidy;
pub use voice::Voice;

use crate::chat::{ChatTemplate, Moment, PromptRequest, build_prompt};
use crate::document::{Document, Watched};
use crate::engine::message::{Channel, Command, Event, Figures, Finish, ModelInfo, Prompt, Question, ReasoningTags};
use crate::exit::{Exit, Trouble};
use crate::fit::pick::Piece;
use crate::session::documents::{self, Opened, file_names};
use crate::settings::{Headless, Output, Settings};
use crate::swaa::selection::ResolvedPreset;

/// Answers the questions of `settings`, and says why when it can't. `start` finds the model, starts an engine with it and
/// listens for signals from then on; it is called once the documents were read, so that a misspelt path is told at once.
pub async fn run(
    settings: &Settings,
    headless: Headless,
    stdin: &mut dyn Read,
    start: impl FnOnce(&mut Voice<'_>) -> Result<(Counter, Stops), Trouble>,
    voice: &mut Voice<'_>,
) -> Exit {
    let ended = async {
        let Opened { watched, whole } = documents::open(settings, stdin, voice)?;
        let opened = (watched, documents::chosen_parts(settings, whole)?);
        let (counter, stops) = start(voice)?;
        let talk = Talk::new(counter, stops);
        let mut session = Session::open(settings, headless, opened, talk, voice).await?;
        session.answer_all(voice).await
    };
    match ended.await {
        Ok(exit) => exit,
        Err(trouble) => {
            voice.trouble(&trouble);
            trouble.exit
        }
    }
}

/// How much was taken of the document (after `--parts`), to be taken again when it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    All,
    /// So many parts, by `--within`.
    First(usize),
    /// The nearest to the questions, with at most so many tokens.
    Picked(u32),
}

/// A document, a model, and what was chosen for them.
struct Session<'a> {
    settings: &'a Settings,
    headless: Headless,
    talk: Talk,
    model: ModelInfo,
    template: ChatTemplate,
    system: Option<Arc<str>>,
    document: Arc<str>,
    watched: Watched,
    taken: Taken,
    /// What `--pick` took.
    picked: Option<Vec<Piece>>,
    /// The files, as the user named them.
    names: Vec<String>,
    chosen: ResolvedPreset,
    /// Why, when `auto` chose.
    reason: Option<String>,
}

impl<'a> Session<'a> {
    /// Waits for the model, and chooses how to read: which parts (`--within`, `--pick`) and with which recipe.
    async fn open(
        settings: &'a Settings,
        headless: Headless,
        (watched, document): (Watched, Document),
        mut talk: Talk,
        voice: &mut Voice<'_>,
    ) -> Result<Self, Trouble> {
        let model = talk.loaded(&mut |fraction| voice.loading(fraction)).await?;
        if headless.output == Output::JsonLines {
            let load_s = report::rounded(model.load_time.as_secs_f64());
            voice.object(&Line::Loaded { model: &model.name, load_s })?;
        }
        let template = ChatTemplate::of(&model, Moment::from(SystemTime::now()));
        if template.is_fallback() {
            voice.note("note: the model brings no chat template, ChatML stands in");
        }
        if let Some(why) = model.without_gpu {
            voice.note(&format!("note: {why}"));
        }
        let (chosen, reason) = settings.reading.choose(settings.reading.asked(), &model.facts(), 0)?;
        let mut session = Self {
            settings,
            headless,
            talk,
            chosen,
            reason,
            model,
            template,
            system: settings.system_prompt.as_deref().map(Arc::from),
            document: Arc::from(document.text.as_str()),
            watched,
            taken: Taken::All,
            picked: None,
            names: file_names(&document),
        };
        match (settings.within, settings.pick) {
            (Some(time), _) => session.choose_parts(&document, time, voice).await?,
            (None, Some(room)) => {
                session.pick_parts(&document, room, voice).await?;
                session.taken = Taken::Picked(room);
                session.choose_recipe().await?;
            }
            (None, None) => session.choose_recipe().await?,
        }
        if let Some(reason) = &session.reason {
            voice.note(&format!("auto: {}, {reason}", session.chosen.name));
        }
        Ok(session)
    }

    /// Settles the recipe for the document as it is now.
    async fn choose_recipe(&mut self) -> Result<(), Trouble> {
        let tokens = self.talk.count(&self.document).await?;
        let reading = &self.settings.reading;
        (self.chosen, self.reason) = reading.choose(reading.asked(), &self.model.facts(), tokens)?;
        Ok(())
    }

    /// The prompt for `question` about `document`; `None` is the document alone.
    fn prompt(
        &self,
        document: &Arc<str>,
        question: Option<&Arc<str>>,
    ) -> Result<(Prompt, Option<ReasoningTags>), Trouble> {
        let request = PromptRequest {
            template: &self.template,
            system: self.system.as_ref(),
            document,
            turns: &[],
            question,
            cot: self.chosen.cot,
        };
        Ok(build_prompt(&request)?)
    }

    /// Answers one question after another. The first that ended badly gives the exit code.
    async fn answer_all(&mut self, voice: &mut Voice<'_>) -> Result<Exit, Trouble> {
        let mut worst = Exit::Ok;
        for (index, question) in self.settings.questions.iter().enumerate() {
            if index > 0 && self.headless.output == Output::Text {
                voice.data("\n")?;
            }
            self.take_changes(question, voice).await?;
            let exit = if self.settings.ab.is_empty() {
                self.answer(question, voice).await?
            } else {
                self.answer_under_each(self.settings, question, voice).await?
            };
            worst = if worst == Exit::Ok { exit } else { worst };
            if self.talk.stopped().is_some() {
                break;
            }
        }
        Ok(worst)
    }

    async fn answer(&mut self, question: &str, voice: &mut Voice<'_>) -> Result<Exit, Trouble> {
        let (prompt, reasoning) = self.prompt(&self.document, Some(&Arc::from(question)))?;
        let (recipe, sampling) = (self.chosen.recipe.clone(), self.settings.sampling);
        let limits = self.settings.limits.clone();
        let ask = |job, cancel| Command::Ask(Question { job, prompt, recipe, sampling, limits, reasoning, cancel });
        let mut listener = Listener::new(self.headless, &self.chosen.name, voice);
        let ended = self.talk.job(ask, &mut |event| listener.hear(event)).await?;
        let Event::Answered { finish, figures, .. } = ended else { return Err(Trouble::engine_gone()) };
        let heard = listener.heard;
        // `--timeout` cancels too, but what ended the answer is the time.
        let finish = if self.talk.stopped() == Some(Exit::Timeout) { Finish::TimeLimit } else { finish };
        self.tell(&heard, finish, &figures, voice)?;
        Ok(self.talk.stopped().unwrap_or_else(|| finish.into()))
    }

    /// Ends the answer's text, or prints its object; then the figures.
    fn tell(&self, heard: &Heard, finish: Finish, figures: &Figures, voice: &mut Voice) -> io::Result<()> {
        let answer = voice::tidied(&heard.answer);
        let answer = if self.headless.extract { voice::extracted(&answer) } else { answer };
        let reasoning = voice::tidied(&heard.reasoning);
        let reasoning = Some(reasoning).filter(|text| !text.is_empty() && !self.headless.hide_reasoning);
        let said = Said { answer, reasoning, finish };
        match self.headless.output {
            Output::Text if self.headless.extract => voice.data(&format!("{}\n", said.answer))?,
            Output::Text => voice.data("\n")?,
            Output::Json => voice.object(&self.report(said, figures))?,
            Output::JsonLines => voice.object(&Line::Done(Box::new(self.report(said, figures))))?,
        }
        if let (Output::Text, Some(why)) = (self.headless.output, cut_short(finish)) {
            voice.note(&format!("note: {why}"));
        }
        if self.headless.stats {
            voice.note(&report::stats(&self.chosen, figures, &self.model, finish));
        }
        Ok(())
    }

    fn report<'b>(&'b self, said: Said, figures: &Figures) -> Report<'b> {
        let report = Report::new(said, &self.chosen, figures, &self.model, &self.names);
        Report { picked: self.picked.as_ref().map(|pieces| pieces.iter().map(PickedLine::from).collect()), ..report }
    }
}

/// Why an answer ends early, if a limit ended it.
fn cut_short(finish: Finish) -> Option<&'static str> {
    match finish {
        Finish::TokenLimit => Some("the answer was cut at the limit of tokens (-n)"),
        Finish::TimeLimit => Some("the answer was cut when the time given with --timeout was over"),
        Finish::ContextFull => Some("the answer was cut when the context was full (-c)"),
        Finish::EndOfGeneration | Finish::StopString | Finish::Cancelled => None,
    }
}

/// What was said of one answer.
#[derive(Debug, Default)]
struct Heard {
    answer: String,
    reasoning: String,
}

/// Hears an answer grow and passes it on as the output wants it.
struct Listener<'a, 'b> {
    headless: Headless,
    preset: &'a str,
    voice: &'a mut Voice<'b>,
    heard: Heard,
    tidy: Tidy,
}

impl<'a, 'b> Listener<'a, 'b> {
    fn new(headless: Headless, preset: &'a str, voice: &'a mut Voice<'b>) -> Self {
        Self { headless, preset, voice, heard: Heard::default(), tidy: Tidy::default() }
    }

    fn hear(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Prefilling { progress, .. } => self.voice.reading(progress),
            Event::Piece { channel: Channel::Answer, text, .. } => self.heard.answer.push_str(text),
            Event::Piece { channel: Channel::Reasoning, text, .. } => self.heard.reasoning.push_str(text),
            _ => {}
        }
        match self.headless.output {
            Output::Text => self.say(event),
            Output::Json => Ok(()),
            Output::JsonLines => self.line(event),
        }
    }

    /// Text is streamed, unless all of it is needed to find what to print.
    fn say(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Piece { channel: Channel::Answer, text, .. } if !self.headless.extract => {
                if self.heard.answer.len() == text.len()
                    && !self.heard.reasoning.is_empty()
                    && !self.headless.hide_reasoning
                {
                    self.voice.note("");
                }
                let ready = self.tidy.push(text);
                self.voice.data(&ready)
            }
            Event::Piece { channel: Channel::Reasoning, text, .. } if !self.headless.hide_reasoning => {
                self.voice.reasoning(text);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn line(&mut self, event: &Event) -> io::Result<()> {
        let line = match event {
            Event::Planned { plan, .. } => Line::Planned {
                preset: self.preset,
                document: plan.document_tokens,
                prompt: plan.prompt_tokens,
                cached: plan.cached_tokens,
                to_prefill: plan.to_prefill_tokens,
                predicted_s: plan.predicted.map(|time| report::rounded(time.as_secs_f64())),
            },
            Event::Prefilling { progress, .. } => Line::progress(progress),
            Event::Piece { channel: Channel::Answer, text, .. } => Line::Answer { text },
            Event::Piece { channel: Channel::Reasoning, text, .. } if !self.headless.hide_reasoning => {
                Line::Reasoning { text }
            }
            _ => return Ok(()),
        };
        self.voice.object(&line)
    }
}

#[cfg(test)]
mod tests;
