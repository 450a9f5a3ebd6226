//! Tells what is new in a chat, each thing once, line by line.
//!
//! It compares the chat with what it has told before: after an input that changed nothing it writes nothing. A prompt (`> `) says that it is
//! the person's turn; what comes after it begins on a line of its own.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::Duration;

use crate::chat::{Attached, AttachedText, Chat, Entry, Exchange, ExchangeState, Model, Phase, why_not_whole};
use crate::citations::{Citation, Verdict, find_citations};
use crate::document::Document;
use crate::harmless;
use crate::units::{coarse_time, count, rate, time};

/// So many words of a quote are enough to know it by.
const QUOTE_WORDS: usize = 12;

/// What was told so far.
#[derive(Debug, Default)]
pub(crate) struct Announcer {
    loading: bool,
    choice: Option<String>,
    /// The preset, and the last tenth of the reading.
    tenth: Option<(String, u32)>,
    read_by: Option<String>,
    answer: Option<AnswerTold>,
    /// The entries whose end was told.
    ended: BTreeSet<usize>,
    /// The entry whose quotes are being looked up.
    quotes_of: Option<usize>,
    /// How many notices were told.
    notices: usize,
    deciding: bool,
    prompted: bool,
}

/// The answer that is under way.
#[derive(Debug, Clone, Copy)]
struct AnswerTold {
    entry: usize,
    /// How many bytes of it were told.
    bytes: usize,
    thinking: bool,
}

impl Announcer {
    /// Tells what is new; `document` is where quotes are found.
    pub(crate) fn announce(&mut self, chat: &Chat, document: &Document, out: &mut dyn Write) -> io::Result<()> {
        self.tell_model(chat, out)?;
        self.tell_choice(chat, out)?;
        self.tell_reading(chat, out)?;
        self.tell_answers(chat, out)?;
        self.tell_not_answered(chat, out)?;
        self.tell_quotes(chat, document, out)?;
        self.tell_decision(chat, out)?;
        self.tell_notice(chat, out)?;
        let is_idle = matches!(chat.work, Phase::Idle | Phase::Deciding { .. }) && !self.waits_for_citations();
        if is_idle && chat.cache_state.is_some() && !self.prompted {
            self.prompt(out)?;
        }
        out.flush()
    }

    /// Tells `text`, which answers what was typed, and gives the turn back.
    pub(super) fn say(&mut self, text: &str, out: &mut dyn Write) -> io::Result<()> {
        // What was typed has ended the prompt's line.
        self.prompted = false;
        self.line(out, text)?;
        self.prompt(out)
    }

    /// Whether the quotes of an answer are still being looked up.
    pub(super) fn waits_for_citations(&self) -> bool {
        self.quotes_of.is_some()
    }

    fn prompt(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.prompted = true;
        write!(out, "> ")?;
        out.flush()
    }

    fn line(&mut self, out: &mut dyn Write, text: &str) -> io::Result<()> {
        self.end_prompt(out)?;
        writeln!(out, "{}", harmless::text(text))
    }

    fn end_prompt(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if std::mem::take(&mut self.prompted) { writeln!(out) } else { Ok(()) }
    }

    fn tell_model(&mut self, chat: &Chat, out: &mut dyn Write) -> io::Result<()> {
        if matches!(chat.model, Model::Loading { .. }) && !std::mem::replace(&mut self.loading, true) {
            self.line(out, "loading the model")?;
        }
        Ok(())
    }

    /// Which parts of the document are read, when time or the questions chose them.
    fn tell_choice(&mut self, chat: &Chat, out: &mut dyn Write) -> io::Result<()> {
        if chat.document.choice != self.choice {
            self.choice.clone_from(&chat.document.choice);
            if let Some(choice) = &chat.document.choice {
                self.line(out, choice)?;
            }
        }
        Ok(())
    }

    /// Every tenth of a reading, and its end.
    fn tell_reading(&mut self, chat: &Chat, out: &mut dyn Write) -> io::Result<()> {
        if let (Phase::Prefilling { run, .. }, Some(resolved_preset)) = (&chat.work, &chat.resolved_preset)
            && let Some(progress) = run.progress
        {
            let share = 100 * u64::from(progress.done_tokens) / u64::from(progress.total_tokens.max(1));
            let tenth = (resolved_preset.name.to_string(), share as u32 / 10);
            if self.tenth.as_ref() != Some(&tenth) {
                self.line(out, &format!("reading {} by {}: {share}%", chat.document.title, resolved_preset.name))?;
                self.tenth = Some(tenth);
            }
        }
        let cache_state = chat
            .cache_state
            .as_ref()
            .filter(|cache_state| cache_state.is_complete())
            .map(|cache_state| cache_state.resolved_preset.name.to_string());
        if let Some(name) = cache_state.filter(|name| self.read_by.as_ref() != Some(name)) {
            let is_first = self.read_by.is_none();
            let read = format!("{} is read. Ask, or /help.", chat.document.title);
            self.line(out, &if is_first { read } else { format!("read by {name}") })?;
            self.read_by = Some(name);
        }
        Ok(())
    }

    /// The answers that are new, each from where it was told up to.
    fn tell_answers(&mut self, chat: &Chat, out: &mut dyn Write) -> io::Result<()> {
        self.go_on_with_answer(chat, out)?;
        while let (None, Some(entry)) = (self.answer, self.next_answer(chat)) {
            self.begin_answer(chat, entry, out)?;
            self.go_on_with_answer(chat, out)?;
        }
        Ok(())
    }

    /// The first entry with an answer, of which nothing was told.
    fn next_answer(&self, chat: &Chat) -> Option<usize> {
        chat.transcript.iter().enumerate().find_map(|(entry, what)| match what {
            Entry::Exchange(Exchange { state: ExchangeState::Running | ExchangeState::Answered(_), .. }) => {
                (!self.ended.contains(&entry)).then_some(entry)
            }
            _ => None,
        })
    }

    /// What goes along with the question, and which of several presets answers it.
    fn begin_answer(&mut self, chat: &Chat, entry: usize, out: &mut dyn Write) -> io::Result<()> {
        self.answer = Some(AnswerTold { entry, bytes: 0, thinking: false });
        let Some(Entry::Exchange(exchange)) = chat.transcript.get(entry) else { return Ok(()) };
        for attached in &exchange.attached {
            self.line(out, &format!("with {}", described(attached)))?;
        }
        match &exchange.variant {
            Some(variant) => self.line(out, &format!("answer by {}:", variant.resolved_preset.name)),
            None => Ok(()),
        }
    }

    /// An answer as it grows, then how it ended and what it cost.
    fn go_on_with_answer(&mut self, chat: &Chat, out: &mut dyn Write) -> io::Result<()> {
        let Some(mut told) = self.answer else { return Ok(()) };
        let Some(Entry::Exchange(exchange)) = chat.transcript.get(told.entry) else { return Ok(()) };
        if exchange.reasoning.is_open() && !std::mem::replace(&mut told.thinking, true) {
            self.line(out, "thinking")?;
        }
        if exchange.answer.len() > told.bytes {
            self.end_prompt(out)?;
            write!(out, "{}", harmless::text(&exchange.answer[told.bytes..]))?;
            told.bytes = exchange.answer.len();
        }
        self.answer = Some(told);
        if !matches!(exchange.state, ExchangeState::Running | ExchangeState::Waiting) {
            self.end_answer(chat, exchange, told.entry, out)?;
        }
        Ok(())
    }

    fn end_answer(&mut self, chat: &Chat, exchange: &Exchange, entry: usize, out: &mut dyn Write) -> io::Result<()> {
        self.answer = None;
        self.prompted = false;
        writeln!(out)?;
        for line in endings(exchange) {
            self.line(out, &line)?;
        }
        self.ended.insert(entry);
        let has_quotes = matches!(exchange.state, ExchangeState::Answered(_))
            && !chat.document.text.is_empty()
            && !find_citations(&exchange.answer).is_empty();
        self.quotes_of = has_quotes.then_some(entry);
        Ok(())
    }

    /// The questions that the engine did not get to. One that failed for the reason of a notice is told by that.
    fn tell_not_answered(&mut self, chat: &Chat, out: &mut dyn Write) -> io::Result<()> {
        for (entry, what) in chat.transcript.iter().enumerate() {
            let Entry::Exchange(exchange) = what else { continue };
            let why = match &exchange.state {
                ExchangeState::Withdrawn => "the reading was stopped",
                ExchangeState::Failed(failure) => &failure.message,
                _ => continue,
            };
            let is_new = self.ended.insert(entry);
            if is_new && chat.notice.as_ref().is_none_or(|notice| notice.text != why) {
                self.line(out, &format!("no answer to \"{}\": {why}", exchange.question))?;
            }
        }
        Ok(())
    }

    /// Where the passages are that an answer quotes.
    fn tell_quotes(&mut self, chat: &Chat, document: &Document, out: &mut dyn Write) -> io::Result<()> {
        let Some(entry) = self.quotes_of else { return Ok(()) };
        let Some(Entry::Exchange(exchange)) = chat.transcript.get(entry) else { return Ok(()) };
        if exchange.citations.is_empty() {
            return Ok(());
        }
        self.quotes_of = None;
        for citation in &exchange.citations {
            self.line(out, &located(citation, &exchange.answer, document))?;
        }
        Ok(())
    }

    fn tell_decision(&mut self, chat: &Chat, out: &mut dyn Write) -> io::Result<()> {
        let Phase::Deciding { to, plan } = &chat.work else {
            self.deciding = false;
            return Ok(());
        };
        if !std::mem::replace(&mut self.deciding, true) {
            let time = plan
                .predicted
                .map_or(String::new(), |time| format!(", about {}", coarse_time(time.max(Duration::from_secs(1)))));
            self.line(out, &format!("{} reads {} tokens again{time}. Go on? y or n", to.name, plan.to_prefill_tokens))?;
        }
        Ok(())
    }

    fn tell_notice(&mut self, chat: &Chat, out: &mut dyn Write) -> io::Result<()> {
        for notice in &chat.notices[self.notices..] {
            self.line(out, &notice.text)?;
            notice.hint.iter().try_for_each(|hint| self.line(out, hint))?;
        }
        self.notices = chat.notices.len();
        Ok(())
    }
}

/// `notes.txt, 1,204 tokens`.
fn described(attached: &Attached) -> String {
    let name = &attached.name;
    match (&attached.text, attached.tokens) {
        (AttachedText::Read(_), _) => format!("{name}, which is read"),
        (_, Some(tokens)) => format!("{name}, {} tokens", count(tokens)),
        (_, None) => name.to_string(),
    }
}

/// Why an answer ended, when the model did not end it, and what it cost.
fn endings(exchange: &Exchange) -> Vec<String> {
    match &exchange.state {
        ExchangeState::Answered(finish) => {
            let why = why_not_whole(*finish, &exchange.answer).map(str::to_owned);
            why.into_iter().chain([costs(exchange)]).collect()
        }
        ExchangeState::Failed(failure) => {
            [Some(failure.message.clone()), failure.hint.clone()].into_iter().flatten().collect()
        }
        ExchangeState::Waiting | ExchangeState::Running | ExchangeState::Withdrawn => Vec::new(),
    }
}

/// `(accurate, thought for 3.2 s, 40 tokens at 20.0 tok/s)`.
fn costs(exchange: &Exchange) -> String {
    let mut facts: Vec<String> = exchange.preset.iter().map(ToString::to_string).collect();
    let reasoning = &exchange.reasoning;
    let thought = reasoning.began.zip(reasoning.ended).map(|(began, ended)| ended.saturating_sub(began));
    facts.extend(thought.map(|thought| format!("thought for {}", time(thought))));
    if let Some(figures) = &exchange.figures {
        let speed = rate(figures.timings.decode_tokens_per_s);
        facts.push(format!("{} tokens at {speed}", figures.tokens.generated));
    }
    format!("({})", facts.join(", "))
}

/// `quoted from Chapter 1, line 28: "a single man in possession of a good fortune"`.
fn located(citation: &Citation, answer: &str, document: &Document) -> String {
    let words: Vec<&str> = answer[citation.span.start..citation.span.end].split_whitespace().collect();
    let more = if words.len() > QUOTE_WORDS { " …" } else { "" };
    let text = format!("\"{}{more}\"", words[..words.len().min(QUOTE_WORDS)].join(" "));
    let place = citation.verdict.passage().and_then(|passage| document.locate(passage.start));
    let place = place.map_or(String::new(), |place| {
        place.title.map_or_else(|| place.position.to_string(), |title| format!("{title}, {}", place.position))
    });
    match citation.verdict {
        Verdict::Verified(_) => format!("quoted from {place}: {text}"),
        Verdict::Repaired { agreement, .. } => {
            format!("nearly as in {place}, {:.0}% of the words alike: {text}", agreement * 100.0)
        }
        Verdict::NotFound => format!("not in the document: {text}"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::chat::fixtures::{DOCUMENT_TOKENS, Session, answer_figures, model, plan, progress};
    use crate::chat::{Action, Input, News};
    use crate::citations::{Index, check};
    use crate::document::{self, ReadOptions};
    use crate::engine::message::{Channel, Event, Finish};
    use crate::failure::{Failure, FailureKind};

    /// A session, and what is told of it.
    struct Told {
        session: Session,
        document: Document,
        announcer: Announcer,
        out: Vec<u8>,
    }

    impl Told {
        /// Everything before is told already.
        fn about(session: Session) -> Self {
            let mut told =
                Self { session, document: Document::default(), announcer: Announcer::default(), out: Vec::new() };
            told.news();
            told
        }

        fn read() -> Self {
            Self::about(Session::with_document_read("accurate"))
        }

        /// What was told since it was asked the last time.
        fn news(&mut self) -> String {
            self.announcer.announce(&self.session.chat, &self.document, &mut self.out).expect("memory");
            String::from_utf8(std::mem::take(&mut self.out)).expect("text")
        }

        /// What is told of an answer that ends by `event`.
        fn ended(&mut self, event: Event) -> String {
            self.session.tell(event);
            self.news()
        }

        fn piece(&mut self, channel: Channel, text: &str) {
            self.session.tell(Event::Piece { job: self.session.job, channel, text: text.to_owned() });
        }

        fn finish(&mut self, finish: Finish) -> String {
            let figures = Box::new(answer_figures(&self.session.recipe(), 6));
            self.ended(Event::Answered { job: self.session.job, finish, figures })
        }
    }

    #[test]
    fn a_session_is_told_line_by_line() {
        let mut told = Told::about(Session::begin("accurate"));
        let mut all = told.news();
        let mut steps: Vec<Box<dyn FnMut(&mut Told)>> = vec![
            Box::new(|told| drop(told.session.tell(Event::Loaded(Box::new(model()))))),
            Box::new(|told| {
                drop(told.session.tell(Event::Prefilling { job: told.session.job, progress: progress(4_300) }))
            }),
            Box::new(|told| {
                drop(told.session.tell(Event::Prefilling { job: told.session.job, progress: progress(4_400) }))
            }),
            Box::new(|told| drop(told.session.read(0, DOCUMENT_TOKENS))),
            Box::new(|told| drop(told.session.ask("Who?"))),
            Box::new(|told| told.piece(Channel::Answer, "A clergy")),
            Box::new(|told| told.piece(Channel::Answer, "man.")),
            Box::new(|told| all_of(told, Finish::EndOfGeneration)),
        ];
        for step in &mut steps {
            step(&mut told);
            all += &told.news();
        }
        let expected = "reading Pride and Prejudice by accurate: 43%\n\
            Pride and Prejudice is read. Ask, or /help.\n> \nA clergyman.\n(accurate, 6 tokens at 20.0 tok/s)\n> ";
        assert_eq!(all, expected);
    }

    fn all_of(told: &mut Told, finish: Finish) {
        let figures = Box::new(answer_figures(&told.session.recipe(), 6));
        told.session.tell(Event::Answered { job: told.session.job, finish, figures });
    }

    #[test]
    fn every_way_an_answer_may_end_is_told() {
        let all = [
            (Finish::EndOfGeneration, ""),
            (Finish::StopString, ""),
            (Finish::TokenLimit, "cut off: token limit reached\n"),
            (Finish::TimeLimit, "cut off: --timeout reached\n"),
            (Finish::ContextFull, "cut off: the context is full\n"),
            (Finish::Cancelled, "stopped\n"),
        ];
        for (finish, why) in all {
            let mut told = Told::read();
            told.session.ask("Who?");
            told.piece(Channel::Answer, "A clergyman");
            let expected = format!("\nA clergyman\n{why}(accurate, 6 tokens at 20.0 tok/s)\n> ");
            assert_eq!(told.finish(finish), expected, "{finish:?}");
        }
        let mut told = Told::read();
        told.session.ask("Who?");
        let nothing = "\nthe model returned an empty answer\n(accurate, 6 tokens at 20.0 tok/s)\n> ";
        assert_eq!(told.finish(Finish::EndOfGeneration), nothing);
    }

    #[test]
    fn an_answer_that_fails_is_told_with_what_can_be_done() {
        let mut told = Told::read();
        told.session.ask("Everything?");
        told.news();
        let failure =
            Failure { kind: FailureKind::DoesNotFit, message: "too long".into(), hint: Some("ask less".into()) };
        assert_eq!(told.ended(Event::Failed { job: told.session.job, failure }), "\ntoo long\nask less\n> ");
    }

    #[test]
    fn of_two_answers_that_follow_each_other_both_are_told_with_what_they_cost() {
        let mut told = Told::read();
        told.session.ask("Who?");
        told.session.ask("What?");
        let mut all = told.news();
        for answer in ["A clergyman.", "A proposal."] {
            told.session.answer(answer);
            all += &told.news();
        }
        let (first, second) = ("A clergyman.\n(accurate, 40 tokens", "A proposal.\n(accurate, 40 tokens");
        assert!(all.contains(first) && all.contains(second), "{all}");
    }

    #[test]
    fn thinking_is_told_when_it_begins_and_how_long_it_took() {
        let mut told = Told::read();
        told.session.ask("Who?");
        told.piece(Channel::Reasoning, "The question is about ");
        assert_eq!(told.news(), "\nthinking\n");
        told.session.seconds += 4;
        told.piece(Channel::Reasoning, "Mr. Collins.");
        assert_eq!(told.news(), "");
        told.piece(Channel::Answer, "A clergyman.");
        let ended = told.finish(Finish::EndOfGeneration);
        assert_eq!(ended, "A clergyman.\n(accurate, thought for 6.0 s, 6 tokens at 20.0 tok/s)\n> ");
    }

    #[test]
    fn questions_that_are_not_asked_any_more_are_told() {
        let mut told = Told::about(Session::begin("accurate"));
        told.session.tell(Event::Loaded(Box::new(model())));
        told.session.ask("Who?");
        told.news();
        told.session.act(Action::Cancel);
        told.session.read(0, 4_000);
        let news = told.news();
        assert!(news.contains("no answer to \"Who?\": the reading was stopped\n"), "{news}");
        assert_eq!(told.news(), "", "it is told once");
    }

    #[test]
    fn what_goes_along_with_a_question_is_told_before_its_answer() {
        let mut told = Told::read();
        told.session.act(Action::Attach(Attached::part("Chapter 1", "It is a truth")));
        told.session.act(Action::Attach(Attached::file("notes.txt")));
        told.session.input(Input::FileRead { name: "notes.txt".into(), came: Ok("Bring fish.".into()) });
        told.session.tell(Event::Counted { job: told.session.job, tokens: vec![1_204] });
        told.session.ask("Does @\"Chapter 1\" agree with @notes.txt ?");
        assert_eq!(told.news(), "\nwith Chapter 1, which is read\nwith notes.txt, 1,204 tokens\n");
    }

    #[test]
    fn a_name_that_is_no_file_is_told() {
        let mut told = Told::read();
        told.session.act(Action::Attach(Attached::file("nobody")));
        told.session.input(Input::FileRead { name: "nobody".into(), came: Err("no file is called nobody".into()) });
        assert_eq!(told.news(), "\nno file is called nobody; the reference is left as typed\n> ");
    }

    #[test]
    fn quotes_are_told_with_their_places_before_it_is_the_person_s_turn_again() {
        let text = "# Chapter 1\n\nIt is a truth universally acknowledged.\n\n# Chapter 2\n\nMr. Bennet was so odd a mixture.\n";
        let input = document::Input::Memory { name: "book.md".into(), bytes: text.as_bytes().into() };
        let mut told = Told::read();
        told.document = document::load(&[input], &ReadOptions::default(), &mut std::io::empty()).expect("text");
        told.session.chat.document.text = text.into();
        told.session.ask("Who?");
        let answer =
            "\"a truth universally acknowledged\", \"Mr. Bennet was so odd a mix\", \"men should marry for love\"";
        told.session.answer(answer);
        assert!(told.news().ends_with("tok/s)\n") && told.announcer.waits_for_citations());
        let citations = check(answer, &Index::new(text));
        told.session.input(Input::Checked { entry: 0, answer: Arc::from(answer), citations });
        let expected = "quoted from Chapter 1, line 3: \"a truth universally acknowledged\"\n\
            nearly as in Chapter 2, line 7, 86% of the words alike: \"Mr. Bennet was so odd a mix\"\n\
            not in the document: \"men should marry for love\"\n> ";
        assert_eq!((told.news().as_str(), told.announcer.waits_for_citations()), (expected, false));
    }

    #[test]
    fn one_question_under_two_presets_is_answered_twice_by_name() {
        let mut told = Told::read();
        let preset_entry = |name: &str| {
            told.session
                .chat
                .preset_entries
                .iter()
                .position(|preset_entry| preset_entry.name == name)
                .expect("built in")
        };
        let preset_entries = vec![preset_entry("accurate"), preset_entry("fastest")];
        told.session.act(Action::Versus { question: "Who?".into(), preset_entries });
        let mut all = told.news();
        told.session.answer("A clergyman.");
        all += &told.news();
        told.session.read(2_000, 8_000);
        all += &told.news();
        told.session.answer("A cousin.");
        all += &told.news();
        let first = "answer by accurate:\nA clergyman.\n(accurate, 40 tokens at 20.0 tok/s)\n";
        let second = "answer by fastest:\nA cousin.\n(fastest, 40 tokens at 20.0 tok/s)\n";
        assert!(all.contains(first) && all.contains(second), "{all}");
    }

    #[test]
    fn how_much_of_the_document_is_read_is_told_once_it_is_chosen() {
        let mut told = Told::about(Session::begin_within_a_minute("full", 6));
        told.session.tell(Event::Loaded(Box::new(model())));
        let effects = told.session.read(0, DOCUMENT_TOKENS);
        told.session.forecast_beginnings(effects);
        let news = told.news();
        assert!(news.contains("6 parts are read within 60 s"), "{news}");
    }

    #[test]
    fn a_switch_is_asked_about_and_told() {
        let mut told = Told::read();
        told.session.switch("fastest");
        told.session.tell(Event::Forecast {
            job: told.session.job,
            plan: plan(8_000, Some(std::time::Duration::from_secs(12))),
        });
        assert_eq!(told.news(), "\nfastest reads 8000 tokens again, about 12 s. Go on? y or n\n> ");
        told.session.act(Action::Confirm);
        told.session.read(2_000, 8_000);
        let news = told.news();
        assert!(news.contains("read by fastest\n"), "{news}");
    }

    #[test]
    fn a_document_that_can_t_be_read_any_more_is_told() {
        let mut told = Told::read();
        told.session.input(Input::News(News::Unreadable("cannot read book.txt: no such file".into())));
        assert_eq!(told.news(), "\ncannot read book.txt: no such file; answers still use the earlier text\n> ");
    }

    fn is_harmful(c: char) -> bool {
        harmless::sign(c).is_some() && !matches!(c, '\n' | '\t')
    }

    #[test]
    fn what_could_reach_the_terminal_is_made_harmless() {
        let mut told = Told::read();
        told.session.ask("Who?");
        told.news();
        let harmful: String = ('\0'..=char::MAX).filter(|c| is_harmful(*c)).collect();
        let shown: String = harmful.chars().filter_map(harmless::sign).collect();
        told.piece(Channel::Answer, &harmful);
        assert_eq!(told.news(), format!("\n{shown}"));
        told.session.input(Input::News(News::Unreadable(format!("cannot read {harmful}"))));
        let news = told.news();
        assert!(news.contains(&format!("cannot read {shown}")) && !news.contains(is_harmful), "{news}");
    }
}
