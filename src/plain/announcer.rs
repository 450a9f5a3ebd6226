//! Announces what is new in a chat, line by line and each thing once.
//!
//! It compares the chat with what it announced before; an input that changes nothing writes nothing. The prompt (`> `)
//! says that it is the user's turn; the next announcement starts on a new line.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::Duration;

use crate::chat::{self, Chat, Entry, Exchange, ExchangeState, Model, Phase, WayOut};
use crate::citations::can_look_up;
use crate::harmless;
use crate::session::references::describe;
use crate::units::{coarse_time, count, rate, time};

/// After this time it is told where an opening is, and again whenever twice as much time has passed.
const LONG_OPENING: Duration = Duration::from_secs(10);

/// What was announced so far.
#[derive(Debug, Default)]
pub(crate) struct Announcer {
    loading: bool,
    choice: Option<String>,
    /// The preset, and the last announced tenth of the prefill.
    tenth: Option<(String, u32)>,
    read_by: Option<String>,
    answer: Option<AnnouncedAnswer>,
    /// Entries whose end was announced.
    ended: BTreeSet<usize>,
    /// The entry whose quotes are still being checked.
    quotes_of: Option<usize>,
    /// The conversation, its shown branch, and how many there are.
    branch: Option<(u32, usize, usize)>,
    /// Announced notices.
    notices: usize,
    deciding: bool,
    prompted: bool,
    /// What was being opened, and after what time it was last told where reading is.
    opening: Option<(String, Duration)>,
    /// It was said that no document is open.
    is_bare: bool,
    /// The earlier conversation was announced.
    is_offered: bool,
    /// The ways out of a full context were announced.
    is_full: bool,
}

/// The answer being announced.
#[derive(Debug, Clone, Copy)]
struct AnnouncedAnswer {
    entry: usize,
    /// Announced bytes.
    bytes: usize,
    thinking: bool,
}

impl Announcer {
    /// Announces what is new.
    pub(crate) fn announce(&mut self, chat: &Chat, out: &mut dyn Write) -> io::Result<()> {
        self.notice_changes(chat);
        self.announce_model(chat, out)?;
        self.announce_choice(chat, out)?;
        self.announce_reading(chat, out)?;
        self.announce_answers(chat, out)?;
        self.announce_not_answered(chat, out)?;
        self.announce_quotes(chat, out)?;
        self.announce_decision(chat, out)?;
        self.announce_notice(chat, out)?;
        self.announce_opening(chat, out)?;
        self.announce_ways_out(chat, out)?;
        self.announce_earlier(chat, out)?;
        let is_idle = matches!(chat.work, Phase::Idle | Phase::Deciding { .. }) && !self.waits_for_citations();
        let can_ask = chat.cache_state.is_some() || (matches!(chat.model, Model::Ready { .. }) && !chat.has_document());
        if is_idle && can_ask && chat.opening.is_none() && !self.prompted {
            self.prompt(out)?;
        }
        out.flush()
    }

    /// Answers a typed line with `text`, and prompts again.
    pub(super) fn say(&mut self, text: &str, out: &mut dyn Write) -> io::Result<()> {
        // The typed line has ended the prompt's line.
        self.prompted = false;
        self.line(out, text)?;
        self.prompt(out)
    }

    /// Whether the quotes of an answer are still being checked.
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

    /// Entries of another branch are not announced again; an entry that runs again is, from where it goes on.
    fn notice_changes(&mut self, chat: &Chat) {
        let is_over = |entry: usize| {
            chat.transcript.get(entry).and_then(Entry::exchange).is_some_and(|exchange| !exchange.is_waited_for())
        };
        let branch = (chat.conversation, chat.branches.shown(), chat.branches.count());
        let former = self.branch.replace(branch).unwrap_or((0, branch.1, branch.2));
        if former != branch {
            self.ended = (0..chat.transcript.len()).filter(|&entry| is_over(entry)).collect();
            return;
        }
        let again: Vec<usize> = self.ended.iter().copied().filter(|&entry| !is_over(entry)).collect();
        for entry in again {
            let Some(exchange) = chat.transcript.get(entry).and_then(Entry::exchange) else { continue };
            self.ended.remove(&entry);
            if exchange.state == ExchangeState::Running && !exchange.answer.is_empty() {
                self.answer = Some(AnnouncedAnswer { entry, bytes: exchange.answer.len(), thinking: true });
            }
        }
    }

    fn announce_model(&mut self, chat: &Chat, out: &mut dyn Write) -> io::Result<()> {
        if matches!(chat.model, Model::Loading { .. }) && !std::mem::replace(&mut self.loading, true) {
            self.line(out, "loading the model")?;
        }
        Ok(())
    }

    /// What is being opened, and where a long opening is.
    fn opening_news(&mut self, chat: &Chat) -> Option<String> {
        let Some(opening) = &chat.opening else {
            if self.opening.take().is_some() {
                // Another document is read like the first one.
                self.read_by = None;
            }
            return None;
        };
        match &mut self.opening {
            Some((called, told_after)) if opening.called == *called => {
                let at = opening.at.as_ref().filter(|at| at.after >= (*told_after * 2).max(LONG_OPENING))?;
                *told_after = at.after;
                Some(format!("still opening {}", at.place))
            }
            told => {
                *told = Some((opening.called.clone(), Duration::ZERO));
                Some(format!("opening {}", opening.called))
            }
        }
    }

    /// What is being opened, or that nothing is open.
    fn announce_opening(&mut self, chat: &Chat, out: &mut dyn Write) -> io::Result<()> {
        if let Some(news) = self.opening_news(chat) {
            self.line(out, &news)?;
        }
        let is_bare = matches!(chat.model, Model::Ready { .. }) && !chat.has_document() && chat.opening.is_none();
        if is_bare && !std::mem::replace(&mut self.is_bare, true) {
            self.line(out, "No document is open. /open PATH opens one, /demo the bundled book; or just ask.")?;
        }
        Ok(())
    }

    /// The saved conversation that can go on.
    fn announce_earlier(&mut self, chat: &Chat, out: &mut dyn Write) -> io::Result<()> {
        match &chat.earlier {
            Some(earlier) if !std::mem::replace(&mut self.is_offered, true) => {
                self.line(out, &format!("/continue goes on with the conversation {}.", earlier.words))
            }
            _ => Ok(()),
        }
    }

    /// What can be done about a full context, each with its command.
    fn announce_ways_out(&mut self, chat: &Chat, out: &mut dyn Write) -> io::Result<()> {
        let Some(full) = &chat.full else {
            self.is_full = false;
            return Ok(());
        };
        if !std::mem::replace(&mut self.is_full, true) {
            for way in &full.ways {
                let command = match way {
                    WayOut::NewConversation => "/new".to_owned(),
                    WayOut::LeaveOut { .. } => "/leave-out".to_owned(),
                    WayOut::Branch => "/branch NUMBER".to_owned(),
                    WayOut::Enlarge { tokens, .. } => format!("/context {tokens}"),
                };
                self.line(out, &format!("{command}: {}", way.in_words()))?;
            }
        }
        Ok(())
    }

    /// Which parts of the document are used, if time or the questions decided that.
    fn announce_choice(&mut self, chat: &Chat, out: &mut dyn Write) -> io::Result<()> {
        if chat.document.choice != self.choice {
            self.choice.clone_from(&chat.document.choice);
            if let Some(choice) = &chat.document.choice {
                self.line(out, choice)?;
            }
        }
        Ok(())
    }

    /// Each tenth of a prefill, and its end.
    fn announce_reading(&mut self, chat: &Chat, out: &mut dyn Write) -> io::Result<()> {
        if let (Phase::Prefilling { run, .. }, Some(resolved_preset)) = (&chat.work, &chat.resolved_preset)
            && let Some(progress) = run.progress
        {
            let share = 100 * u64::from(progress.done_tokens) / u64::from(progress.total_tokens.max(1));
            let tenth = (resolved_preset.name.to_string(), share as u32 / 10);
            if self.tenth.as_ref() != Some(&tenth) {
                self.line(out, &format!("reading {} ({}): {share}%", chat.document.title, resolved_preset.name))?;
                self.tenth = Some(tenth);
            }
        }
        let cache_state = chat
            .cache_state
            .as_ref()
            .filter(|cache_state| cache_state.is_complete() || chat.sends_document())
            .map(|cache_state| cache_state.resolved_preset.name.to_string());
        if let Some(name) = cache_state.filter(|name| self.read_by.as_ref() != Some(name)) {
            let is_first = self.read_by.is_none();
            let how = if chat.sends_document() { "goes to the server with each question" } else { "is read" };
            let read = format!("{} {how}. Ask, or /help.", chat.document.title);
            self.line(out, &if is_first { read } else { format!("switched to {name}") })?;
            self.read_by = Some(name);
        }
        Ok(())
    }

    /// New text of answers.
    fn announce_answers(&mut self, chat: &Chat, out: &mut dyn Write) -> io::Result<()> {
        self.go_on_with_answer(chat, out)?;
        while let (None, Some(entry)) = (self.answer, self.next_answer(chat)) {
            self.begin_answer(chat, entry, out)?;
            self.go_on_with_answer(chat, out)?;
        }
        Ok(())
    }

    /// The first answered entry that was not announced.
    fn next_answer(&self, chat: &Chat) -> Option<usize> {
        chat.transcript.iter().enumerate().find_map(|(entry, what)| match what {
            Entry::Exchange(Exchange { state: ExchangeState::Running | ExchangeState::Answered(_), .. }) => {
                (!self.ended.contains(&entry)).then_some(entry)
            }
            _ => None,
        })
    }

    /// What the question refers to, and the preset if there are several answers.
    fn begin_answer(&mut self, chat: &Chat, entry: usize, out: &mut dyn Write) -> io::Result<()> {
        self.answer = Some(AnnouncedAnswer { entry, bytes: 0, thinking: false });
        let Some(Entry::Exchange(exchange)) = chat.transcript.get(entry) else { return Ok(()) };
        for attached in &exchange.attached {
            self.line(out, &format!("with {}", describe(attached)))?;
        }
        match &exchange.variant {
            Some(variant) => self.line(out, &format!("answer with {}:", variant.resolved_preset.name)),
            None => Ok(()),
        }
    }

    /// New text of an answer, then how it ended and what it cost.
    fn go_on_with_answer(&mut self, chat: &Chat, out: &mut dyn Write) -> io::Result<()> {
        let Some(mut announced) = self.answer else { return Ok(()) };
        let Some(Entry::Exchange(exchange)) = chat.transcript.get(announced.entry) else { return Ok(()) };
        if exchange.reasoning.is_open() && !std::mem::replace(&mut announced.thinking, true) {
            self.line(out, "thinking")?;
        }
        let is_over = !matches!(exchange.state, ExchangeState::Running | ExchangeState::Waiting);
        let new = exchange.settled_answer().get(announced.bytes..).unwrap_or_default();
        let new = if is_over { new } else { harmless::settled(new) };
        if !new.is_empty() {
            self.end_prompt(out)?;
            write!(out, "{}", harmless::text(new))?;
            announced.bytes += new.len();
        }
        self.answer = Some(announced);
        if is_over {
            self.end_answer(chat, exchange, announced.entry, out)?;
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
        let has_quotes =
            matches!(exchange.state, ExchangeState::Answered(_)) && can_look_up(&exchange.answer, &chat.document.text);
        self.quotes_of = has_quotes.then_some(entry);
        Ok(())
    }

    /// Questions that were not answered. A failure that a notice explains is not repeated.
    fn announce_not_answered(&mut self, chat: &Chat, out: &mut dyn Write) -> io::Result<()> {
        for (entry, what) in chat.transcript.iter().enumerate() {
            let Entry::Exchange(exchange) = what else { continue };
            let why = match &exchange.state {
                ExchangeState::Withdrawn => "reading was stopped",
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

    /// Where the quoted passages are.
    fn announce_quotes(&mut self, chat: &Chat, out: &mut dyn Write) -> io::Result<()> {
        let Some(entry) = self.quotes_of else { return Ok(()) };
        let Some(Entry::Exchange(exchange)) = chat.transcript.get(entry) else { return Ok(()) };
        if exchange.citations.is_empty() {
            return Ok(());
        }
        self.quotes_of = None;
        for citation in &exchange.citations {
            self.line(out, &citation.in_words(&exchange.answer))?;
        }
        Ok(())
    }

    fn announce_decision(&mut self, chat: &Chat, out: &mut dyn Write) -> io::Result<()> {
        let Phase::Deciding { to, plan } = &chat.work else {
            self.deciding = false;
            return Ok(());
        };
        if !std::mem::replace(&mut self.deciding, true) {
            let time = plan
                .predicted
                .map_or(String::new(), |time| format!(", about {}", coarse_time(time.max(Duration::from_secs(1)))));
            let tokens = count(plan.to_prefill_tokens);
            self.line(out, &format!("{} re-reads {tokens} tokens{time}. Continue? y or n", to.name))?;
        }
        Ok(())
    }

    fn announce_notice(&mut self, chat: &Chat, out: &mut dyn Write) -> io::Result<()> {
        for notice in &chat.notices[self.notices..] {
            self.line(out, &notice.text)?;
            notice.hint.iter().try_for_each(|hint| self.line(out, hint))?;
        }
        self.notices = chat.notices.len();
        Ok(())
    }
}

/// Why an answer ended, unless the model ended it, and what it cost.
fn endings(exchange: &Exchange) -> Vec<String> {
    match &exchange.state {
        ExchangeState::Answered(finish) => {
            let why = chat::endings(*finish, exchange).into_iter().map(str::to_owned);
            why.chain([costs(exchange)]).collect()
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
        let (generated, per_s) = (figures.tokens.generated, figures.timings.decode_tokens_per_s);
        // Somebody else's server may tell neither.
        if generated > 0 || figures.memory.is_known() {
            facts.push(format!("{generated} tokens at {}", rate(per_s)));
        }
    }
    format!("({})", facts.join(", "))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::chat::fixtures::{DOCUMENT_TOKENS, Session, answer_figures, model, plan, progress};
    use crate::chat::{Action, Attached, Input, News, OpeningAt, Source};
    use crate::citations::{Index, check};
    use crate::document::{self, ReadOptions};
    use crate::engine::message::{Channel, Event, Finish};
    use crate::failure::{Failure, FailureKind};

    /// A session and its announcer.
    struct Listener {
        session: Session,
        announcer: Announcer,
        out: Vec<u8>,
    }

    impl Listener {
        /// Everything so far is announced.
        fn about(session: Session) -> Self {
            let mut listener = Self { session, announcer: Announcer::default(), out: Vec::new() };
            listener.news();
            listener
        }

        fn read() -> Self {
            Self::about(Session::with_document_read("accurate"))
        }

        /// What is new since the last call.
        fn news(&mut self) -> String {
            self.announcer.announce(&self.session.chat, &mut self.out).expect("memory");
            String::from_utf8(std::mem::take(&mut self.out)).expect("text")
        }

        /// What is announced after `event`.
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

    type Step = Box<dyn FnMut(&mut Listener)>;

    #[test]
    fn a_session_is_told_line_by_line() {
        let mut listener = Listener::about(Session::begin("accurate"));
        let mut all = listener.news();
        let mut steps: Vec<Step> = vec![
            Box::new(|listener| drop(listener.session.tell(Event::Loaded(Box::new(model()))))),
            Box::new(|listener| {
                drop(listener.session.tell(Event::Prefilling { job: listener.session.job, progress: progress(4_300) }));
            }),
            Box::new(|listener| {
                drop(listener.session.tell(Event::Prefilling { job: listener.session.job, progress: progress(4_400) }));
            }),
            Box::new(|listener| drop(listener.session.read(0, DOCUMENT_TOKENS))),
            Box::new(|listener| drop(listener.session.ask("Who?"))),
            Box::new(|listener| listener.piece(Channel::Answer, "A clergy")),
            Box::new(|listener| listener.piece(Channel::Answer, "man.")),
            Box::new(|listener| all_of(listener, Finish::EndOfGeneration)),
        ];
        for step in &mut steps {
            step(&mut listener);
            all += &listener.news();
        }
        let expected = "reading Pride and Prejudice (accurate): 43%\n\
            Pride and Prejudice is read. Ask, or /help.\n> \nA clergyman.\n(accurate, 6 tokens at 20.0 tok/s)\n> ";
        assert_eq!(all, expected);
    }

    fn all_of(listener: &mut Listener, finish: Finish) {
        let figures = Box::new(answer_figures(&listener.session.recipe(), 6));
        listener.session.tell(Event::Answered { job: listener.session.job, finish, figures });
    }

    #[test]
    fn every_way_an_answer_may_end_is_told() {
        let all = [
            (Finish::EndOfGeneration, ""),
            (Finish::StopString, ""),
            (Finish::TokenLimit, "cut off: token limit reached\n"),
            (Finish::TimeLimit, "cut off: --timeout reached\n"),
            (Finish::ContextFull, "cut off: the context is full\n"),
            (Finish::Repetition, "cut off: the answer repeats itself\n"),
            (Finish::Cancelled, "stopped\n"),
        ];
        for (finish, why) in all {
            let mut listener = Listener::read();
            listener.session.ask("Who?");
            listener.piece(Channel::Answer, "A clergyman");
            let expected = format!("\nA clergyman\n{why}(accurate, 6 tokens at 20.0 tok/s)\n> ");
            assert_eq!(listener.finish(finish), expected, "{finish:?}");
        }
        let mut listener = Listener::read();
        listener.session.ask("Who?");
        let nothing = "\nthe model returned an empty answer\n(accurate, 6 tokens at 20.0 tok/s)\n> ";
        assert_eq!(listener.finish(Finish::EndOfGeneration), nothing);
    }

    #[test]
    fn an_answer_that_fails_is_told_with_what_can_be_done() {
        let mut listener = Listener::read();
        listener.session.ask("Everything?");
        listener.news();
        let failure =
            Failure { kind: FailureKind::DoesNotFit, message: "too long".into(), hint: Some("ask less".into()) };
        assert_eq!(listener.ended(Event::Failed { job: listener.session.job, failure }), "\ntoo long\nask less\n> ");
    }

    #[test]
    fn of_two_answers_that_follow_each_other_both_are_told_with_what_they_cost() {
        let mut listener = Listener::read();
        listener.session.ask("Who?");
        listener.session.ask("What?");
        let mut all = listener.news();
        for answer in ["A clergyman.", "A proposal."] {
            listener.session.answer(answer);
            all += &listener.news();
        }
        let (first, second) = ("A clergyman.\n(accurate, 40 tokens", "A proposal.\n(accurate, 40 tokens");
        assert!(all.contains(first) && all.contains(second), "{all}");
    }

    #[test]
    fn thinking_is_told_when_it_begins_and_how_long_it_took() {
        let mut listener = Listener::read();
        listener.session.ask("Who?");
        listener.piece(Channel::Reasoning, "The question is about ");
        assert_eq!(listener.news(), "\nthinking\n");
        listener.session.seconds += 4;
        listener.piece(Channel::Reasoning, "Mr. Collins.");
        assert_eq!(listener.news(), "");
        listener.piece(Channel::Answer, "A clergyman.");
        let ended = listener.finish(Finish::EndOfGeneration);
        assert_eq!(ended, "A clergyman.\n(accurate, thought for 6.0 s, 6 tokens at 20.0 tok/s)\n> ");
    }

    #[test]
    fn questions_that_are_not_asked_any_more_are_told() {
        let mut listener = Listener::about(Session::begin("accurate"));
        listener.session.tell(Event::Loaded(Box::new(model())));
        listener.session.ask("Who?");
        listener.news();
        listener.session.act(Action::Cancel);
        listener.session.read(0, 4_000);
        let news = listener.news();
        assert!(news.contains("no answer to \"Who?\": reading was stopped\n"), "{news}");
        assert_eq!(listener.news(), "", "it is announced once");
    }

    #[test]
    fn what_goes_along_with_a_question_is_told_before_its_answer() {
        let mut listener = Listener::read();
        listener.session.act(Action::Attach(Attached::part("Chapter 1", "It is a truth")));
        listener.session.act(Action::Attach(Attached::file("notes.txt")));
        listener.session.input(Input::FileRead { name: "notes.txt".into(), came: Ok("Bring fish.".into()) });
        listener.session.tell(Event::Counted { job: listener.session.job, tokens: vec![1_204] });
        listener.session.ask("Does @\"Chapter 1\" agree with @notes.txt ?");
        assert_eq!(listener.news(), "\nwith Chapter 1, in context\nwith notes.txt, 1,204 tokens\n");
    }

    #[test]
    fn a_name_that_is_no_file_is_told() {
        let mut listener = Listener::read();
        listener.session.act(Action::Attach(Attached::file("nobody")));
        listener.session.input(Input::FileRead { name: "nobody".into(), came: Err("no file is called nobody".into()) });
        assert_eq!(listener.news(), "\nno file is called nobody; the reference is left as typed\n> ");
    }

    #[test]
    fn quotes_are_told_with_their_places_before_it_is_the_person_s_turn_again() {
        let text = "# Chapter 1\n\nIt is a truth universally acknowledged.\n\n# Chapter 2\n\nMr. Bennet was so odd a mixture.\n";
        let input = document::Input::Memory { name: "book.md".into(), bytes: text.as_bytes().into() };
        let mut listener = Listener::read();
        let document = document::load(&[input], &ReadOptions::default(), &mut std::io::empty()).expect("text");
        let document = Arc::new(document);
        listener.session.chat.document.text = text.into();
        listener.session.ask("Who?");
        let answer =
            "\"a truth universally acknowledged\", \"Mr. Bennet was so odd a mix\", \"men should marry for love\"";
        listener.session.answer(answer);
        assert!(listener.news().ends_with("tok/s)\n") && listener.announcer.waits_for_citations());
        let citations = check(answer, &Index::of(document.clone(), document), &[]);
        listener.session.input(Input::Checked { entry: 0, answer: Arc::from(answer), citations });
        let expected = "quoted from Chapter 1, line 3: \"a truth universally acknowledged\"\n\
            close to Chapter 2, line 7 (86% of the words match): \"Mr. Bennet was so odd a mix\"\n\
            not in the document: \"men should marry for love\"\n> ";
        assert_eq!((listener.news().as_str(), listener.announcer.waits_for_citations()), (expected, false));
    }

    #[test]
    fn one_question_under_two_presets_is_answered_twice_by_name() {
        let mut listener = Listener::read();
        let preset_entry = |name: &str| {
            listener
                .session
                .chat
                .preset_entries
                .iter()
                .position(|preset_entry| preset_entry.name == name)
                .expect("built in")
        };
        let preset_entries = vec![preset_entry("accurate"), preset_entry("fastest")];
        listener.session.act(Action::Versus { question: "Who?".into(), preset_entries });
        let mut all = listener.news();
        listener.session.answer("A clergyman.");
        all += &listener.news();
        listener.session.read(2_000, 8_000);
        all += &listener.news();
        listener.session.answer("A cousin.");
        all += &listener.news();
        let first = "answer with accurate:\nA clergyman.\n(accurate, 40 tokens at 20.0 tok/s)\n";
        let second = "answer with fastest:\nA cousin.\n(fastest, 40 tokens at 20.0 tok/s)\n";
        assert!(all.contains(first) && all.contains(second), "{all}");
    }

    #[test]
    fn how_much_of_the_document_is_read_is_told_once_it_is_chosen() {
        let mut listener = Listener::about(Session::begin_within_a_minute("full", 6));
        listener.session.tell(Event::Loaded(Box::new(model())));
        let effects = listener.session.read(0, DOCUMENT_TOKENS);
        listener.session.forecast_beginnings(effects);
        let news = listener.news();
        assert!(news.contains("6 parts are read within 60 s"), "{news}");
    }

    #[test]
    fn where_a_long_opening_is_is_told_after_ten_seconds_and_whenever_twice_the_time_has_passed() {
        let mut listener = Listener::read();
        listener.session.act(Action::Open(Source::Named(vec!["long.pdf".into()])));
        assert_eq!(listener.news(), "\nopening long.pdf\n");
        let told: Vec<u64> = (1..=45)
            .filter(|&after| {
                let at =
                    OpeningAt { place: format!("long.pdf, page {after} of 99"), after: Duration::from_secs(after) };
                listener.session.input(Input::News(News::OpeningAt(at)));
                let news = listener.news();
                assert!(news.is_empty() || news == format!("still opening long.pdf, page {after} of 99\n"), "{news}");
                !news.is_empty()
            })
            .collect();
        assert_eq!(told, [10, 20, 40]);
    }

    #[test]
    fn a_switch_is_asked_about_and_told() {
        let mut listener = Listener::read();
        listener.session.switch("fastest");
        listener.session.tell(Event::Forecast {
            job: listener.session.job,
            plan: plan(8_000, Some(std::time::Duration::from_secs(12))),
        });
        assert_eq!(listener.news(), "\nfastest re-reads 8,000 tokens, about 12 s. Continue? y or n\n> ");
        listener.session.act(Action::Confirm);
        listener.session.read(2_000, 8_000);
        let news = listener.news();
        assert!(news.contains("switched to fastest\n"), "{news}");
    }

    #[test]
    fn a_document_that_can_t_be_read_any_more_is_told() {
        let mut listener = Listener::read();
        listener.session.input(Input::News(News::Unreadable("cannot read book.txt: no such file".into())));
        assert_eq!(listener.news(), "\ncannot read book.txt: no such file; answers still use the earlier text\n> ");
    }

    fn is_harmful(c: char) -> bool {
        harmless::sign(c).is_some() && !matches!(c, '\n' | '\t')
    }

    #[test]
    fn what_could_reach_the_terminal_is_made_harmless() {
        let mut listener = Listener::read();
        listener.session.ask("Who?");
        listener.news();
        let harmful: String = ('\0'..=char::MAX).filter(|c| is_harmful(*c)).collect();
        let shown: String = harmful.chars().filter_map(harmless::sign).collect();
        listener.piece(Channel::Answer, &harmful);
        assert_eq!(listener.news(), format!("\n{shown}"));
        listener.session.input(Input::News(News::Unreadable(format!("cannot read {harmful}"))));
        let news = listener.news();
        assert!(news.contains(&format!("cannot read {shown}")) && !news.contains(is_harmful), "{news}");
    }
}
