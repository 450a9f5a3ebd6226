//! Carries out a chat's effects, and returns the results as one stream.
//!
//! [`crate::chat::update`] returns [`Effect`]s: data such as "send this command to the engine" or "read the file that a
//! question names". [`EffectRunner`] carries them out for every interactive front end. Nothing here blocks for long:
//! slow work runs on its own thread, and its result arrives as an [`EffectResult`], along with the engine's events.
//!
//! ```text
//! chat ── Effect ──> EffectRunner ──> engine, files, hub ── EffectResult ──> chat
//! ```
//!
//! A question has to be about the document as it is now. A front end that must not stand still begins to look at the files
//! ([`EffectRunner::look`]) and holds the question until [`EffectResult::Looked`]; others let [`EffectRunner::reload`] wait.
//!
//! It does not touch the terminal. Clipboard, editor and exports belong to the terminal interface.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::calibrating::trials;
use super::catalogue::known_models;
use super::client::{EngineClient, Stops};
use super::counting::{CountRequest, TokenCounter};
use super::documents::{Opened, chosen_pages, open_source};
use super::earlier::{self, TakenUp};
use super::looking_up::{self, LookingUp};
use super::opening;
use super::paths::{Completed, complete, expanded, is_model};
use super::place_teller::PlaceTeller;
use super::recorder::Recorder;
use super::working_set::{ReloadRequest, Reloaded, WorkingSet};
use crate::chat::{
    Action, Chat, Choice, Chosen, DocumentFacts, Effect, Fetched, Input, KnownModel, News, OpenedDocument, SessionId,
    Source,
};
use crate::document::{LoadProgress, ReadOptions};
use crate::engine::message::{CancelToken, Command, Event, Urgency};
use crate::failure::{Failure, FailureKind};
use crate::fit::Proposal;
use crate::models::{self, Catalogue, Entry, PullProgress, Resolved};
use crate::settings::Settings;

/// How many steps a download reports; front ends can't show more.
const FETCH_STEPS: u64 = 200;

/// The result of an effect, or of counting parts.
#[derive(Debug, Clone, PartialEq)]
pub enum EffectResult {
    /// For [`crate::chat::update`].
    Chat(Input),
    /// For the front end that had parts counted.
    Parts(PartsResult),
    /// The documents of [`Effect::Open`] are read: [`ReloadRequest::Opened`] uses them from then on.
    Opened,
    /// The files were looked at: [`ReloadRequest::Again`] does not wait now.
    Looked,
}

/// The result of counting parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartsResult {
    /// The tokens of some parts; `first` is the index of the first one.
    Counted { of: CountRequest, first: usize, tokens: Vec<u32> },
    /// What would fit instead of the parts with these numbers.
    Proposed { of: CountRequest, parts: Vec<usize>, proposals: Vec<Proposal> },
    /// The parts can't be counted; the sentence says why.
    Failed(String),
}

/// Documents that were opened, with the conversation that goes on about them.
struct NextDocuments {
    opened: Opened,
    taken_up: Option<TakenUp>,
}

/// Carries out effects.
pub struct EffectRunner<'settings> {
    settings: &'settings Settings,
    engine: EngineClient,
    /// The model that the settings name, and the one in use.
    models: [Option<PathBuf>; 2],
    /// The model to fetch while none is on this machine; the catalogue doesn't list those of `-hf`.
    offered: Option<Arc<Entry>>,
    files: WorkingSet<'settings>,
    looking_up: LookingUp,
    /// Documents that were opened and are not in use yet.
    opened: Arc<Mutex<Option<NextDocuments>>>,
    recorder: Recorder,
    counter: TokenCounter,
    sender: UnboundedSender<EffectResult>,
    results: UnboundedReceiver<EffectResult>,
}

impl<'settings> EffectRunner<'settings> {
    /// Starts the engine with `model` if that is on this machine. Signals are left to the front end.
    #[must_use]
    pub fn new(settings: &'settings Settings, files: WorkingSet<'settings>, model: Resolved) -> Self {
        let named = match &model {
            Resolved::Found(file) => Some(file.clone()),
            Resolved::Missing(entry) => Some(settings.places.own_path(entry)),
        };
        let (engine, offered) = match model {
            Resolved::Found(file) => (EngineClient::starting(settings, file, Stops::never()), None),
            Resolved::Missing(entry) => (EngineClient::without_engine(Stops::never()), Some(Arc::from(entry))),
        };
        let (sender, results) = unbounded_channel();
        Self {
            settings,
            engine,
            models: [named.clone(), named],
            offered,
            files,
            looking_up: LookingUp::default(),
            opened: Arc::default(),
            recorder: Recorder::nothing(),
            counter: TokenCounter::new(settings),
            sender,
            results,
        }
    }

    /// Saves the conversation with `recorder`.
    #[must_use]
    pub fn recorded_by(self, recorder: Recorder) -> Self {
        Self { recorder, ..self }
    }

    /// What saves the conversation, and has the saved ones.
    pub fn recorder(&mut self) -> &mut Recorder {
        &mut self.recorder
    }

    /// A saved conversation, to be exported.
    pub fn saved_chat(&mut self, id: i64) -> Result<Chat, earlier::Error> {
        earlier::saved_chat(self.settings, &mut self.recorder, &id.to_string())
    }

    /// The next result, from the engine or any other effect. Cancel-safe.
    pub async fn next(&mut self) -> EffectResult {
        tokio::select! {
            input = self.engine.input() => EffectResult::Chat(input),
            Some(result) = self.results.recv() => result,
        }
    }

    /// The next result, if one has already arrived.
    pub fn try_next(&mut self) -> Option<EffectResult> {
        self.engine.try_input().map(EffectResult::Chat).or_else(|| self.results.try_recv().ok())
    }

    /// Carries out one effect, except [`Effect::Quit`], which the front end handles.
    pub fn run(&mut self, effect: Effect) {
        let Some(effect) = self.engine.carry_out(effect) else { return };
        match effect {
            Effect::FindHeads { job, template, cancel } => match trials(&template) {
                Ok(trials) => {
                    self.engine.send(Command::FindHeads { job, trials, urgency: Urgency::Idle, cancel });
                }
                Err(failure) => {
                    let failed = Input::Engine(Event::Failed { job, failure });
                    let _ = self.sender.send(EffectResult::Chat(failed));
                }
            },
            Effect::Fetch { name, cancel } => self.fetch(&name, cancel),
            Effect::Start(file) => {
                self.models[1] = Some(file.clone());
                self.engine.restart(self.settings.engine.with_model(file));
            }
            Effect::Open(source) => self.open(source),
            Effect::OpenSession(session) => self.open_session(session),
            Effect::Save(saving) => {
                if let Some(input) = self.recorder.save(&saving, &self.files) {
                    let _ = self.sender.send(EffectResult::Chat(input));
                }
            }
            Effect::ReadFile(name) => {
                let read = self.settings.read.clone();
                self.aside(move || looking_up::file(name, &read));
            }
            Effect::CheckCitations { entry, answer, passages } => {
                self.aside(self.looking_up.quotes(&self.files, entry, answer, passages));
            }
            Effect::FindSources { entry, passages } => {
                let found = looking_up::sources(&self.files, entry, passages);
                let _ = self.sender.send(EffectResult::Chat(found));
            }
            Effect::Send(_) | Effect::Cancel(_) | Effect::Quit => {}
        }
    }

    /// The documents: the parts in use, and everything that can be chosen from.
    #[must_use]
    pub fn files(&self) -> &WorkingSet<'settings> {
        &self.files
    }

    /// The model in use, if the user chose another one than the settings name.
    #[must_use]
    pub fn other_model(&self) -> Option<&Path> {
        let [named, current] = &self.models;
        current.as_deref().filter(|_| named != current)
    }

    /// Begins to look whether the files have changed. Returns how long a question should wait for [`EffectResult::Looked`]; nothing, if
    /// [`ReloadRequest::Again`] does not wait any more.
    pub fn look(&mut self) -> Option<std::time::Duration> {
        let results = self.sender.clone();
        self.files.begin_look(move || {
            let _ = results.send(EffectResult::Looked);
        })
    }

    /// Reads the documents again, or selects other parts. From then on citations are looked up in the new parts.
    pub fn reload(&mut self, request: ReloadRequest<'_>) -> Option<Reloaded> {
        let reloaded = match request {
            ReloadRequest::Opened => self.use_opened()?,
            request => self.files.reload(request)?,
        };
        if reloaded.document.is_some() {
            self.looking_up.forget();
        }
        Some(reloaded)
    }

    /// Uses the documents that were opened last.
    fn use_opened(&mut self) -> Option<Reloaded> {
        let next = self.opened.lock().expect("nothing panics while it holds the lock").take()?;
        let NextDocuments { opened, taken_up } = next;
        let pages = taken_up.as_ref().and_then(|taken_up| taken_up.documents.pages.clone());
        self.files.replace(opened, pages);
        self.counter = self.counter.for_source(self.files.source());
        let mut document = opening::opened(self.settings, &self.files);
        if let Some(taken_up) = taken_up {
            self.take_up(&taken_up, &mut document);
        }
        let news = News::Opened(Box::new(document));
        Some(Reloaded { news, document: Some(self.files.document()), whole: Some(self.files.whole()) })
    }

    /// Uses the parts that the conversation was about, and lets it go on.
    fn take_up(&mut self, taken_up: &TakenUp, document: &mut OpenedDocument) {
        let all = self.files.whole().parts().len();
        let parts = taken_up.documents.parts.clone().unwrap_or_default();
        let parts: Vec<usize> = parts.into_iter().filter(|&number| number <= all).collect();
        if !parts.is_empty() {
            let choice = Choice { parts, preset_entry: None };
            if let Some(Reloaded { news: News::Chosen(chosen), .. }) = self.files.reload(ReloadRequest::Choose(&choice))
            {
                let Chosen { title, text, part, .. } = chosen;
                document.facts = DocumentFacts { title, text, part, choice: None };
            }
        }
        if taken_up.documents.parts.is_some() || taken_up.gone.is_some() {
            document.within = None;
        }
        document.restored = Some(Box::new(taken_up.restored(&self.files.document())));
    }

    /// The models that can be used by name: none where a server has its own.
    #[must_use]
    pub fn known_models(&self) -> Vec<KnownModel> {
        if self.settings.server.is_some() {
            return Vec::new();
        }
        known_models(&self.settings.places)
    }

    /// Completes a path that the user types.
    #[must_use]
    pub fn complete(&self, text: &str) -> Completed {
        complete(text, self.settings.home.as_deref())
    }

    /// Counts the tokens of every part.
    pub fn count_parts(&self, of: CountRequest) {
        let (counter, results) = (self.counter.clone(), self.sender.clone());
        thread::spawn(move || {
            let mut on_batch = |first, tokens| {
                let batch = PartsResult::Counted { of: of.clone(), first, tokens };
                results.send(EffectResult::Parts(batch)).is_ok()
            };
            if let Err(failure) = counter.count_parts(&of, &mut on_batch) {
                let _ = results.send(EffectResult::Parts(PartsResult::Failed(failure.message)));
            }
        });
    }

    /// Looks for selections that would fit instead of the parts with these numbers.
    pub fn propose(&self, of: CountRequest, parts: Vec<usize>) {
        let (counter, results) = (self.counter.clone(), self.sender.clone());
        thread::spawn(move || {
            let result = match counter.propose(&of, &parts) {
                Ok(proposals) => PartsResult::Proposed { of, parts, proposals },
                Err(failure) => PartsResult::Failed(failure.message),
            };
            let _ = results.send(EffectResult::Parts(result));
        });
    }

    fn open(&self, source: Source) {
        let (read, home) = (self.read_from_the_start(), self.settings.home.clone());
        let (opened, results) = (self.opened.clone(), self.sender.clone());
        thread::spawn(move || {
            let _teller = tell_place(&read, &results);
            if let Some(model) = model_of(&source, home.as_deref()) {
                let _ = results.send(EffectResult::Chat(model));
                return;
            }
            let result = match open_source(source, &read, home.as_deref()) {
                Ok(documents) => {
                    let next = NextDocuments { opened: documents, taken_up: None };
                    *opened.lock().expect("nothing panics while it holds the lock") = Some(next);
                    EffectResult::Opened
                }
                Err(error) => {
                    let failure = Failure::of(FailureKind::Input, &error);
                    EffectResult::Chat(Input::News(News::NotOpened(failure)))
                }
            };
            let _ = results.send(result);
        });
    }

    /// The options for documents that are opened now: where their reading is has nothing to do with that of others.
    fn read_from_the_start(&self) -> ReadOptions {
        ReadOptions { progress: LoadProgress::default(), ..self.settings.read.clone() }
    }

    /// Opens the documents of a saved conversation. Without them, it goes on all the same.
    fn open_session(&mut self, session: SessionId) {
        let folder = self.recorder.folder().to_owned();
        let Some(database) = self.recorder.database() else { return };
        let taken_up = match TakenUp::of(database, session.0, &folder) {
            Ok(taken_up) => taken_up,
            Err(error) => {
                let failure = Failure::of(FailureKind::Runtime, &error);
                let _ = self.sender.send(EffectResult::Chat(Input::News(News::NotOpened(failure))));
                return;
            }
        };
        let (read, home) = (self.read_from_the_start(), self.settings.home.clone());
        let (opened, results) = (self.opened.clone(), self.sender.clone());
        thread::spawn(move || {
            let _teller = tell_place(&read, &results);
            let next = reopened(taken_up, &read, home.as_deref());
            *opened.lock().expect("nothing panics while it holds the lock") = Some(next);
            let _ = results.send(EffectResult::Opened);
        });
    }

    fn fetch(&self, name: &str, cancel: CancelToken) {
        let offered = self.offered.clone().filter(|entry| entry.name == name);
        let Some(entry) = offered.or_else(|| Catalogue::bundled().named(name).cloned().map(Arc::new)) else { return };
        let (places, results) = (self.settings.places.clone(), self.sender.clone());
        thread::spawn(move || {
            let mut steps = FetchSteps::default();
            let mut progress = |progress| {
                if let Some(fetched) = steps.next(&progress) {
                    let _ = results.send(EffectResult::Chat(Input::Fetching(fetched)));
                }
            };
            let came = models::pull(&entry, &places, &mut progress, &cancel)
                .map_err(|error| Failure::of(FailureKind::Model, &error));
            if !cancel.is_cancelled() {
                let _ = results.send(EffectResult::Chat(Input::Fetched(came)));
            }
        });
    }

    /// Looks something up on a thread of its own.
    fn aside(&self, look_up: impl FnOnce() -> Input + Send + 'static) {
        let results = self.sender.clone();
        thread::spawn(move || {
            let _ = results.send(EffectResult::Chat(look_up()));
        });
    }
}

/// Tells the chat where the reading with these options is, until the result is dropped.
fn tell_place(read: &ReadOptions, results: &UnboundedSender<EffectResult>) -> PlaceTeller {
    let results = results.clone();
    PlaceTeller::start(read.progress.clone(), move |at| {
        let _ = results.send(EffectResult::Chat(Input::News(News::OpeningAt(at))));
    })
}

/// The documents of a saved conversation as they are now; none if they can't be opened any more.
fn reopened(mut taken_up: TakenUp, read: &ReadOptions, home: Option<&Path>) -> NextDocuments {
    let opened = taken_up.documents.source().map(|source| open_source(source, read, home));
    let opened = match opened {
        Some(Ok(opened)) => with_pages(opened, taken_up.documents.pages.as_deref()),
        Some(Err(error)) => {
            taken_up.gone = Some(error.to_string());
            Opened::nothing()
        }
        None => Opened::nothing(),
    };
    NextDocuments { opened, taken_up: Some(taken_up) }
}

/// The pages that the conversation was about, if the document still has them.
fn with_pages(opened: Opened, pages: Option<&str>) -> Opened {
    let whole = match chosen_pages(pages, opened.whole.clone()) {
        Ok(chosen) => chosen,
        Err(_) => opened.whole,
    };
    Opened { whole, ..opened }
}

/// What to do with a source that is the path of a model; `None` if it is none.
fn model_of(source: &Source, home: Option<&Path>) -> Option<Input> {
    let Source::Named(names) = source else { return None };
    let [name] = &names[..] else { return None };
    let file = expanded(name, home);
    if !is_model(&file) {
        return None;
    }
    Some(if file.is_file() {
        Input::User(Action::TakeModel(file))
    } else {
        let failure = Failure::new(FailureKind::Model, format!("there is no model {name}: no such file"), None);
        Input::News(News::NotOpened(failure))
    })
}

/// Reduces download progress to a limited number of steps.
#[derive(Debug, Default)]
struct FetchSteps {
    last: Fetched,
}

impl FetchSteps {
    /// What to report about `progress`; `None` if it is too close to the last report.
    fn next(&mut self, progress: &PullProgress) -> Option<Fetched> {
        let now = match *progress {
            PullProgress::Checking { done, total } => Fetched { done, total, checking: true },
            PullProgress::Fetching { done, total } => Fetched { done, total, checking: false },
            _ => return None,
        };
        let is_near = (now.done - self.last.done.min(now.done)) * FETCH_STEPS < now.total;
        if is_near && now.checking == self.last.checking {
            return None;
        }
        self.last = now;
        Some(now)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io;
    use std::time::Duration;

    use tempfile::TempDir;

    use super::*;
    use crate::chat::Choice;
    use crate::citations::Verdict;
    use crate::session::documents;
    use crate::session::fixtures::{Recorder, chapters, settings, write};

    /// A folder with `book.md` of six chapters in it, and settings that name it.
    fn scene() -> (TempDir, Settings) {
        let folder = tempfile::tempdir().expect("a folder");
        let book = write(folder.path(), "book.md", &chapters(6), 1_000);
        let settings = settings(folder.path(), &[&book.to_string_lossy()]);
        (folder, settings)
    }

    /// A runner without a model.
    fn runner(settings: &Settings) -> EffectRunner<'_> {
        let opened = documents::open(settings, &mut io::empty(), &mut Recorder::default()).expect("text");
        let files = WorkingSet::new(settings, opened).expect("parts");
        // Its only source is a hub that does not answer.
        let missing = Resolved::Missing(Box::new(Catalogue::bundled().default_for(settings.places.machine).clone()));
        EffectRunner::new(settings, files, missing)
    }

    fn block_on<T>(work: impl Future<Output = T>) -> T {
        let limited = async { tokio::time::timeout(Duration::from_mins(1), work).await.expect("a result comes") };
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(limited)
    }

    /// The result of what `act` makes `runner` do.
    fn result(runner: &mut EffectRunner<'_>, act: impl FnOnce(&mut EffectRunner<'_>)) -> EffectResult {
        act(runner);
        block_on(runner.next())
    }

    /// The verdict on the quote in `answer`.
    fn looked_up(runner: &mut EffectRunner<'_>, answer: &str) -> Verdict {
        let answer: Arc<str> = answer.into();
        let checks = Effect::CheckCitations { entry: 3, answer: answer.clone(), passages: Vec::new() };
        match result(runner, |runner| runner.run(checks)) {
            EffectResult::Chat(Input::Checked { entry: 3, answer: checked, citations }) if checked == answer => {
                citations[0].verdict
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn quotes_are_looked_up_in_the_parts_that_are_in_use() {
        let (_folder, settings) = scene();
        let answer = "It says \"Chapter 5 Text 5\".";
        assert!(matches!(looked_up(&mut runner(&settings), answer), Verdict::Verified(_)));
        let mut runner = runner(&settings);
        let choice = Choice { parts: vec![1, 2], preset_entry: None };
        assert!(runner.reload(ReloadRequest::Choose(&choice)).is_some());
        assert_eq!(looked_up(&mut runner, answer), Verdict::NotFound);
    }

    #[test]
    fn a_file_that_a_question_names_is_read_as_documents_are() {
        let (folder, settings) = scene();
        let file = folder.path().join("notes.txt");
        fs::write(&file, "\u{feff}One.\r\nTwo.\n").expect("written");
        for (name, came) in [
            (file.to_string_lossy().into_owned(), Ok("One.\nTwo.\n".into())),
            ("no/such/file".to_owned(), Err("no document part or file is named no/such/file".to_owned())),
        ] {
            let name: Arc<str> = name.into();
            let read = Effect::ReadFile(name.clone());
            let expected = EffectResult::Chat(Input::FileRead { name, came });
            assert_eq!(result(&mut runner(&settings), |runner| runner.run(read)), expected);
        }
    }

    #[test]
    fn a_model_that_can_t_be_fetched_comes_back_as_a_failure_and_one_that_was_given_up_not_at_all() {
        let (_folder, settings) = scene();
        let given_up = CancelToken::default();
        given_up.cancel();
        let fetched = result(&mut runner(&settings), |runner| {
            let name = Catalogue::bundled().default_for(settings.places.machine).name.clone();
            runner.run(Effect::Fetch { name: name.clone(), cancel: given_up });
            runner.run(Effect::Fetch { name, cancel: CancelToken::default() });
        });
        let EffectResult::Chat(Input::Fetched(Err(failure))) = fetched else { panic!("{fetched:?}") };
        assert_eq!(failure.kind, FailureKind::Model);
    }

    #[test]
    fn an_engine_that_can_t_load_says_why_and_then_that_it_is_gone() {
        let (folder, settings) = scene();
        let broken = folder.path().join("broken.gguf");
        fs::write(&broken, "GGUF").expect("written");
        let mut runner = runner(&settings);
        runner.run(Effect::Start(broken));
        let results = block_on(async {
            let mut all = Vec::new();
            while all.last() != Some(&EffectResult::Chat(Input::EngineGone)) {
                all.push(runner.next().await);
            }
            all
        });
        let is_refusal =
            |result: &EffectResult| matches!(result, EffectResult::Chat(Input::Engine(Event::LoadFailed(_))));
        assert!(matches!(&results[..], [.., refusal, _] if is_refusal(refusal)), "{results:?}");
    }

    #[test]
    fn a_document_that_is_opened_takes_the_place_of_the_first_and_the_flags_are_not_about_it() {
        let (folder, settings) = scene();
        let settings = Settings { parts: Some("2".into()), ..settings };
        let other = write(folder.path(), "other.md", &chapters(3), 1_000).to_string_lossy().into_owned();
        let mut runner = runner(&settings);
        let source = Source::Named(vec![other.clone()]);
        assert_eq!(result(&mut runner, |runner| runner.run(Effect::Open(source))), EffectResult::Opened);
        let Some(Reloaded { news: News::Opened(opened), .. }) = runner.reload(ReloadRequest::Opened) else {
            panic!("it was opened")
        };
        assert_eq!((&opened.facts.title, &opened.facts.part, opened.within), (&other, &None, None));
        assert_eq!((runner.files().parts(), runner.files().text().contains("Text 3.")), (&[1, 2, 3][..], true));
        assert!(runner.reload(ReloadRequest::Opened).is_none(), "once");
        write(folder.path(), "other.md", &chapters(4), 2_000);
        let news = runner.reload(ReloadRequest::Again).map(|reloaded| reloaded.news);
        assert!(matches!(news, Some(News::Changed(new)) if new.text.contains("Text 4.")), "it is watched");
    }

    #[test]
    fn the_demo_is_limited_in_time_and_a_file_that_is_missing_is_told() {
        let (folder, settings) = scene();
        let mut runner = runner(&settings);
        result(&mut runner, |runner| runner.run(Effect::Open(Source::Demo)));
        let news = runner.reload(ReloadRequest::Opened).map(|reloaded| reloaded.news);
        let Some(News::Opened(opened)) = news else { panic!("{news:?}") };
        assert_eq!(opened.within.map(|within| within.allowance.time), Some(Duration::from_mins(1)));
        let gone = folder.path().join("gone.txt").to_string_lossy().into_owned();
        let missing = result(&mut runner, |runner| runner.run(Effect::Open(Source::Named(vec![gone.clone()]))));
        let EffectResult::Chat(Input::News(News::NotOpened(failure))) = missing else { panic!("{missing:?}") };
        assert_eq!(failure.message, format!("cannot read {gone}: no such file"));
    }

    #[test]
    fn a_path_of_a_model_is_expanded_and_its_file_has_to_be_there() {
        let (folder, settings) = scene();
        fs::write(folder.path().join("mine.gguf"), "GGUF").expect("written");
        let open = |name: &str| {
            let source = Source::Named(vec![name.to_owned()]);
            result(&mut runner(&settings), |runner| runner.run(Effect::Open(source)))
        };
        let file = folder.path().join("mine.gguf");
        assert_eq!(open("~/mine.gguf"), EffectResult::Chat(Input::User(Action::TakeModel(file))));
        let EffectResult::Chat(Input::News(News::NotOpened(failure))) = open("~/gone.gguf") else {
            panic!("it is gone")
        };
        assert_eq!(failure.message, "there is no model ~/gone.gguf: no such file");
    }

    #[test]
    fn counting_with_a_model_that_is_gone_comes_back_as_a_sentence() {
        let (folder, settings) = scene();
        let mut runner = runner(&settings);
        let of = CountRequest { model: folder.path().join("gone.gguf"), whole: runner.files().whole() };
        let counted = result(&mut runner, |runner| runner.count_parts(of));
        assert!(
            matches!(&counted, EffectResult::Parts(PartsResult::Failed(why)) if why.contains("gone.gguf")),
            "{counted:?}"
        );
    }

    #[test]
    fn a_download_reports_two_hundred_steps_at_most() {
        let mut steps = FetchSteps::default();
        let total = 491_400_064;
        let all = (0..=10_000).map(|step| PullProgress::Fetching { done: total * step / 10_000, total });
        let reported = all.filter_map(|progress| steps.next(&progress)).count();
        assert!((190..=201).contains(&reported), "{reported} steps");
        let checking = PullProgress::Checking { done: total, total };
        assert_eq!(steps.next(&checking), Some(Fetched { done: total, total, checking: true }));
    }
}
