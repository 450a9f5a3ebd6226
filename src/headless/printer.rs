//! Prints what has changed in a chat: growing answers, notices, progress, and the object or figures at the end of each
//! answer.
//!
//! It keeps track of what it has printed, so that each change is printed once. Text answers are streamed; with `--json`
//! a finished answer is one object, and with `--jsonl` each change is one.

use std::io;

use super::report::{self, Line, PartLine, PickedLine, Report};
use super::reporter::{self, Reporter, Tidy};
use crate::chat::record::{Record, rounded};
use crate::chat::{Chat, Exchange, ExchangeState, Model, Phase, Run, endings};
use crate::citations::{Citation, Verdict};
use crate::engine::message::{Counting, Finish, Progress};
use crate::exit::{Exit, ExitError};
use crate::fit::retrieval::Piece;
use crate::harmless;
use crate::session::documents::file_names;
use crate::session::references::describe;
use crate::session::{Stop, WorkingSet};
use crate::settings::{Headless, Output};

/// Prints the changes of one chat.
pub(super) struct Printer {
    headless: Headless,
    /// The files of the document, as the user named them.
    files: Vec<String>,
    /// The parts in use, unless time limits them, and how many there are in all.
    parts: Vec<PartLine>,
    parts_in_all: usize,
    /// What `--pick` selected.
    picked: Option<Vec<Piece>>,
    /// How many notices have been printed.
    notices: usize,
    /// The last printed reason for the document's length.
    choice: Option<String>,
    model_is_told: bool,
    progress: Option<Progress>,
    /// How many answers have been printed completely: the next answer's index in the transcript.
    printed: usize,
    /// The first entry that is printed.
    first: usize,
    answer: Printed,
    /// The exit code of the first answer that did not end normally.
    exit: Exit,
}

/// What has been printed of the current answer.
#[derive(Debug, Default)]
struct Printed {
    has_begun: bool,
    is_planned: bool,
    answer_bytes: usize,
    reasoning_bytes: usize,
    tidy: Tidy,
}

impl Printer {
    /// The first `earlier` entries of the transcript are not printed.
    pub(super) fn new(headless: Headless, files: &WorkingSet<'_>, earlier: usize) -> Self {
        let mut printer = Self {
            headless,
            files: Vec::new(),
            parts: Vec::new(),
            parts_in_all: 0,
            picked: None,
            notices: 0,
            choice: None,
            model_is_told: false,
            progress: None,
            first: earlier,
            printed: earlier,
            answer: Printed::default(),
            exit: Exit::Ok,
        };
        printer.take(files);
        printer
    }

    /// Takes the document that the next answers are about.
    pub(super) fn take(&mut self, files: &WorkingSet<'_>) {
        self.files = file_names(&files.document());
        let whole = files.whole().parts();
        let line = |&number: &usize| PartLine { part: number, title: whole[number - 1].title.clone() };
        self.parts = files.parts().iter().map(line).collect();
        self.parts_in_all = whole.len();
        self.picked = files.retrieved().map(|retrieved| retrieved.pieces.clone());
    }

    /// How many answers have been printed completely.
    pub(super) fn printed(&self) -> usize {
        self.printed
    }

    pub(super) fn exit(&self) -> Exit {
        self.exit
    }

    /// Prints what is new.
    ///
    /// Errors: an answer failed, or the output can't be written.
    pub(super) fn print(
        &mut self,
        chat: &Chat,
        stopped: Option<Stop>,
        reporter: &mut Reporter,
    ) -> Result<(), ExitError> {
        self.print_model(chat, reporter)?;
        self.print_notices(chat, reporter);
        self.print_progress(chat, reporter)?;
        while let Some(exchange) = chat.transcript.get(self.printed).and_then(|entry| entry.exchange()) {
            match &exchange.state {
                ExchangeState::Failed(failure) => return Err(failure.clone().into()),
                // After a stop no other answer begins.
                ExchangeState::Running if stopped.is_some() && !self.answer.has_begun => return Ok(()),
                ExchangeState::Running => return Ok(self.print_growth(exchange, reporter)?),
                ExchangeState::Answered(finish) => {
                    self.print_growth(exchange, reporter)?;
                    // `--timeout` also cancels, but the reason for the end is the time limit.
                    let finish = if stopped == Some(Stop::Timeout) { Finish::TimeLimit } else { *finish };
                    let cited = self.is_cited(exchange);
                    self.print_end(chat, exchange, finish, reporter)?;
                    let exit = stopped.map_or(finish.into(), Exit::from);
                    let exit = if cited { exit } else { exit.or(Exit::NotCited) };
                    self.exit = self.exit.or(exit);
                }
                ExchangeState::Waiting | ExchangeState::Withdrawn => return Ok(()),
            }
        }
        Ok(())
    }

    fn print_model(&mut self, chat: &Chat, reporter: &mut Reporter) -> io::Result<()> {
        match &chat.model {
            Model::Loading { fraction } => reporter.loading(*fraction),
            Model::Ready { info, .. } if !std::mem::replace(&mut self.model_is_told, true) => {
                reporter.loading(1.0);
                if self.headless.output == Output::JsonLines {
                    let load_s = rounded(info.load_time.as_secs_f64());
                    return reporter.object(&Line::Loaded { model: &info.title(), load_s });
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Prints new notices, except the one that repeats why the run fails: that is printed at its end.
    fn print_notices(&mut self, chat: &Chat, reporter: &mut Reporter) {
        for notice in &chat.notices[self.notices..] {
            if chat.failure().is_some_and(|failure| failure.message == notice.text) {
                continue;
            }
            reporter.note(&format!("note: {}", notice.text));
            if let Some(hint) = &notice.hint {
                reporter.note(&format!("hint: {hint}"));
            }
        }
        self.notices = chat.notices.len();
        if chat.document.choice != self.choice {
            self.choice.clone_from(&chat.document.choice);
            self.choice.iter().for_each(|choice| reporter.note(&format!("note: {choice}")));
        }
    }

    /// Prints prefill progress: as a bar, and as an event if it is for an answer.
    fn print_progress(&mut self, chat: &Chat, reporter: &mut Reporter) -> io::Result<()> {
        let Some(run) = chat.run() else { return Ok(()) };
        let is_for_answer = matches!(chat.work, Phase::Answering { .. });
        if is_for_answer && self.headless.output == Output::JsonLines {
            self.print_plan(chat, run, reporter)?;
        }
        if run.progress == self.progress {
            return Ok(());
        }
        self.progress = run.progress;
        let Some(progress) = &run.progress else { return Ok(()) };
        reporter.reading(progress);
        if is_for_answer && self.headless.output == Output::JsonLines {
            return reporter.object(&Line::progress(progress));
        }
        Ok(())
    }

    fn print_plan(&mut self, chat: &Chat, run: &Run, reporter: &mut Reporter) -> io::Result<()> {
        let (Some(plan), Some(resolved_preset)) = (&run.plan, &chat.resolved_preset) else { return Ok(()) };
        if std::mem::replace(&mut self.answer.is_planned, true) {
            return Ok(());
        }
        let server = chat.plain_server();
        let is_counted = server.is_none_or(|server| server.counting == Counting::Exact);
        reporter.object(&Line::Planned {
            preset: &resolved_preset.name,
            document: is_counted.then_some(plan.document_tokens),
            prompt: is_counted.then_some(plan.prompt_tokens),
            cached: server.is_none().then_some(plan.cached_tokens),
            to_prefill: server.is_none().then_some(plan.to_prefill_tokens),
            predicted_s: plan.predicted.map(|time| rounded(time.as_secs_f64())),
        })
    }

    /// Prints what was added to an answer and its reasoning.
    fn print_growth(&mut self, exchange: &Exchange, reporter: &mut Reporter) -> io::Result<()> {
        if !std::mem::replace(&mut self.answer.has_begun, true) {
            self.print_beginning(exchange, reporter)?;
        }
        let reasoning = &exchange.reasoning.text[self.answer.reasoning_bytes..];
        let goes_on = exchange.reasoning.is_open() && exchange.state == ExchangeState::Running;
        let reasoning = if goes_on { harmless::settled(reasoning) } else { reasoning };
        let answer = &exchange.settled_answer()[self.answer.answer_bytes..];
        let is_first = self.answer.answer_bytes == 0;
        self.answer.reasoning_bytes += reasoning.len();
        self.answer.answer_bytes += answer.len();
        let reasoning = Some(reasoning).filter(|text| !text.is_empty() && !self.headless.hide_reasoning);
        let answer = Some(answer).filter(|text| !text.is_empty());
        match self.headless.output {
            Output::Json => {}
            Output::JsonLines => {
                reasoning.map_or(Ok(()), |text| reporter.object(&Line::Reasoning { text }))?;
                answer.map_or(Ok(()), |text| reporter.object(&Line::Answer { text }))?;
            }
            Output::Text => {
                if let Some(text) = reasoning {
                    reporter.reasoning(text);
                }
                // Text is streamed, unless `--extract` needs all of it first.
                if let Some(text) = answer.filter(|_| !self.headless.extract) {
                    if is_first && self.answer.reasoning_bytes > 0 && !self.headless.hide_reasoning {
                        reporter.note("");
                    }
                    let ready = self.answer.tidy.push(text);
                    reporter.data(&ready)?;
                }
            }
        }
        Ok(())
    }

    /// Says what the question refers to. In text output, separates answers by an empty line, and puts the preset's name
    /// before those of an A/B comparison.
    fn print_beginning(&self, exchange: &Exchange, reporter: &mut Reporter) -> io::Result<()> {
        for attached in exchange.attached.iter().filter(|_| !exchange.is_further_variant()) {
            reporter.note(&format!("note: with {}", describe(attached)));
        }
        if self.headless.output != Output::Text {
            return Ok(());
        }
        let apart = if self.printed > self.first { "\n" } else { "" };
        let heading = exchange
            .variant
            .as_ref()
            .map_or(String::new(), |variant| format!("== {}\n\n", variant.resolved_preset.name));
        reporter.data(&format!("{apart}{heading}"))
    }

    /// Ends the answer's text, or prints its object; then prints why it is incomplete, and its figures.
    fn print_end(
        &mut self,
        chat: &Chat,
        exchange: &Exchange,
        finish: Finish,
        reporter: &mut Reporter,
    ) -> Result<(), ExitError> {
        let (Model::Ready { info, .. }, Some(figures)) = (&chat.model, &exchange.figures) else { return Ok(()) };
        let report = self.report(chat, exchange, finish);
        match self.headless.output {
            Output::Text if self.headless.extract => reporter.data(&format!("{}\n", report.record.answer))?,
            Output::Text => reporter.data(&format!("\n{}", self.citations(exchange)))?,
            Output::Json => reporter.object(&report)?,
            Output::JsonLines => reporter.object(&Line::Done(Box::new(report)))?,
        }
        if self.headless.output == Output::Text {
            for why in endings(finish, exchange) {
                reporter.note(&format!("note: {why}"));
            }
        }
        if let Some(why) = self.why_nothing_is_cited(exchange) {
            reporter.note(&format!("note: {why}"));
        }
        if !self.is_cited(exchange) {
            reporter.note("note: the answer has no quote that is in the document word for word");
        }
        if self.headless.stats {
            let preset = exchange.preset.as_deref().unwrap_or_default();
            reporter.note(&report::stats(preset, finish, exchange, figures, info));
        }
        self.printed += 1;
        self.answer = Printed::default();
        Ok(())
    }

    fn report<'a>(&'a self, chat: &'a Chat, exchange: &'a Exchange, finish: Finish) -> Report<'a> {
        let mut record = Record::of(chat, exchange).ended_by(exchange, finish);
        record.answer = reporter::tidied(&exchange.answer);
        if self.headless.extract {
            record.answer = reporter::extracted(&record.answer);
        }
        let reasoning = record.reasoning.take().map(|text| reporter::tidied(&text));
        record.reasoning = reasoning.filter(|text| !text.is_empty() && !self.headless.hide_reasoning);
        record.documents.clone_from(&self.files);
        let parts = &self.parts[..chat.parts_read(self.parts.len())];
        let parts = Some(parts).filter(|parts| parts.len() < self.parts_in_all);
        Report {
            record,
            parts,
            picked: self.picked.as_ref().map(|pieces| pieces.iter().map(PickedLine::from).collect()),
        }
    }

    /// With `--cite`, where the quotes are, one a line below an empty line.
    fn citations(&self, exchange: &Exchange) -> String {
        let line = |citation: &Citation| format!("{}\n", citation.in_words(&exchange.answer));
        let lines: String = exchange.citations.iter().filter(|_| self.headless.cite).map(line).collect();
        if lines.is_empty() { lines } else { format!("\n{lines}") }
    }

    /// Why `--cite` prints nothing. With `--require-citations` the failure is told instead.
    fn why_nothing_is_cited(&self, exchange: &Exchange) -> Option<&'static str> {
        let Headless { cite, require_citations, output, .. } = self.headless;
        let is_expected = cite && !require_citations && output == Output::Text;
        (is_expected && exchange.citations.is_empty()).then_some(if self.files.is_empty() {
            "there is no document to look quotes up in"
        } else {
            "the answer has no quote of four words or more to look up"
        })
    }

    /// Whether it has the verified quote that `--require-citations` asks for.
    fn is_cited(&self, exchange: &Exchange) -> bool {
        let mut verdicts = exchange.citations.iter().map(|citation| citation.verdict);
        !self.headless.require_citations || verdicts.any(|verdict| matches!(verdict, Verdict::Verified(_)))
    }
}
