//! Which parts of the documents are in use, and whether the files have changed.
//!
//! At first the flags select parts (`--parts`, then `--pick`); later the user may choose others by hand.
//!
//! ```text
//! documents::open ──> whole ── --parts ──> --pick ──> document ── ReloadRequest ──> Reloaded { news, document, whole }
//! ```
//!
//! When a document changes on disk, the same parts stay in use, by number: parts 3 and 4 of 61 become parts 3 and 4 of
//! 62. If the files can't be read any more, or none of these parts is left, the old text stays in use and the news says
//! why.
//!
//! Files are looked at on a thread of their own ([`WorkingSet::begin_look`]), which is waited for as long as a person waits without wondering
//! ([`PATIENCE`]): a network that hangs, a pipe in the place of a file or a PDF of many pages must not stop the front end.
//! What comes later is used for the next question.
//!
//! It does not select parts by time (`--within`): that takes the engine, and [`crate::chat::within`] does it.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use super::documents::{Opened, chosen_pages, first_change};
use super::error::Error;
use super::retriever::Retriever;
use crate::chat::titles::{counts_files, title};
use crate::chat::{Choice, Chosen, NewText, News, Retrieved, Source};
use crate::document::{self, Document, Watched};
use crate::fit::part_in_words;
use crate::fit::retrieval::RetrievedParts;
use crate::settings::Settings;
use crate::units::counted;

/// A file that is being saved is waited for up to two seconds, and then read.
const PATIENCE: Duration = Duration::from_secs(4);

/// Most looks take less: a screen that waits for so long stands still for nobody.
const MOMENT: Duration = Duration::from_millis(50);

/// The documents after a look at their files, and the new text if it differs.
type Looked = (Watched, Result<Option<Document>, document::Error>);

/// A look at the files that goes on.
struct Looking {
    /// Whoever began it waits by itself.
    is_waited_for: bool,
    result: Receiver<Looked>,
    /// It has come, and was not used yet.
    came: Option<Looked>,
}

impl Looking {
    /// Looks at the files of `watched` on a thread of its own, which calls `then` when it is done.
    fn begin(mut watched: Watched, then: impl FnOnce() + Send + 'static) -> Self {
        let (sender, result) = channel();
        thread::spawn(move || {
            let changed = watched.changed();
            // Nobody waits if other documents are in use.
            let _ = sender.send((watched, changed));
            then();
        });
        Self { is_waited_for: false, result, came: None }
    }

    /// Waits for it for `time` at most. Returns whether it is over: it panicked, if nothing has come, which is in the log.
    fn is_over_within(&mut self, time: Duration) -> bool {
        if self.came.is_some() {
            return true;
        }
        match self.result.recv_timeout(time) {
            Ok(looked) => {
                self.came = Some(looked);
                true
            }
            Err(RecvTimeoutError::Disconnected) => true,
            Err(RecvTimeoutError::Timeout) => false,
        }
    }
}

/// What to do with the documents.
#[derive(Debug, Clone, Copy)]
pub enum ReloadRequest<'a> {
    /// Read them again if they have changed. Asked before each question.
    Again,
    /// Use these parts from now on.
    Choose(&'a Choice),
    /// Use the documents that were opened last ([`super::EffectResult::Opened`]).
    Opened,
}

/// How the parts in use can be selected again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Selection<'a> {
    /// The parts that the user chose.
    pub by_hand: Option<&'a [usize]>,
    /// These are other documents than those of the command line, to which its flags do not apply.
    pub is_replaced: bool,
    /// As for `--parts`.
    pub parts: Option<&'a str>,
    /// As for `--pages`.
    pub pages: Option<&'a str>,
}

/// What has become of the documents.
pub struct Reloaded {
    pub news: News,
    /// The parts in use from now on; `None` if the old ones stay.
    pub document: Option<Arc<Document>>,
    /// Everything that can be chosen from, if that has changed.
    pub whole: Option<Arc<Document>>,
}

/// The parts in use, and the whole that they are chosen from.
pub struct WorkingSet<'settings> {
    settings: &'settings Settings,
    source: Source,
    /// The flags of the command line, which select parts and pages of the first documents only.
    flags: Flags,
    watched: Watched,
    /// A look at the files that takes long.
    looking: Option<Looking>,
    whole: Arc<Document>,
    retriever: Option<Retriever>,
    /// Other documents than those of the command line.
    is_replaced: bool,
    /// The parts that the user chose by hand. Until then the flags select them.
    choice: Option<Choice>,
    in_use: InUse,
    /// The text of the parts in use.
    text: Arc<str>,
}

/// `--parts` and `--pages`, as written.
#[derive(Clone, Default)]
struct Flags {
    parts: Option<String>,
    pages: Option<String>,
}

/// Parts of the whole.
#[derive(Clone)]
struct InUse {
    document: Arc<Document>,
    /// The numbers of these parts in the whole.
    parts: Vec<usize>,
    /// What `--pick` selected.
    retrieved: Option<RetrievedParts>,
}

impl<'settings> WorkingSet<'settings> {
    /// Uses the parts of `opened` that `--parts` selects.
    pub fn new(settings: &'settings Settings, opened: Opened) -> Result<Self, Error> {
        let flags = Flags { parts: settings.parts.clone(), pages: settings.pages.clone() };
        Self::with(settings, opened, flags)
    }

    /// Uses all parts of `opened`, which are the pages that the settings name.
    pub fn of_all(settings: &'settings Settings, opened: Opened) -> Result<Self, Error> {
        Self::with(settings, opened, Flags { parts: None, pages: settings.pages.clone() })
    }

    fn with(settings: &'settings Settings, opened: Opened, flags: Flags) -> Result<Self, Error> {
        let Opened { source, watched, whole } = opened;
        let whole = Arc::new(whole);
        let in_use = by_flags(&flags, &whole, None)?;
        let text = Arc::from(in_use.document.text.as_str());
        Ok(Self {
            settings,
            source,
            flags,
            watched,
            looking: None,
            whole,
            retriever: None,
            is_replaced: false,
            choice: None,
            in_use,
            text,
        })
    }

    /// Uses all parts of `opened` instead, which has these `pages` of the documents; the command line's flags are about
    /// the documents before.
    pub fn replace(&mut self, opened: Opened, pages: Option<String>) {
        let Opened { source, watched, whole } = opened;
        (self.source, self.watched, self.whole) = (source, watched, Arc::new(whole));
        self.flags = Flags { pages, parts: None };
        (self.retriever, self.choice, self.looking) = (None, None, None);
        self.is_replaced = true;
        let parts = (1..=self.whole.parts().len()).collect();
        self.put_in_use(InUse { document: self.whole.clone(), parts, retrieved: None });
    }

    /// `--pages`, as written, if they are about these documents.
    #[must_use]
    pub fn pages(&self) -> Option<&str> {
        self.flags.pages.as_deref()
    }

    /// What `~` stands for.
    #[must_use]
    pub fn home(&self) -> Option<&Path> {
        self.settings.home.as_deref()
    }

    /// What was named.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// What the parts in use are called.
    #[must_use]
    pub fn title(&self) -> String {
        title(&self.source, &self.whole, &self.in_use.document)
    }

    /// Narrows the parts down to those that `--pick` selects, counting tokens with the vocabulary of the model file
    /// `model`.
    pub fn retrieve(&mut self, model: &Path) -> Result<(), Error> {
        self.retrieve_with(Retriever::for_model(self.settings, model)?)
    }

    /// As [`Self::retrieve`], with a given retriever. `None` changes nothing.
    pub fn retrieve_with(&mut self, retriever: Option<Retriever>) -> Result<(), Error> {
        self.retriever = retriever;
        if self.retriever.is_some() {
            let in_use = by_flags(&self.flags, &self.whole, self.retriever.as_ref())?;
            self.put_in_use(in_use);
        }
        Ok(())
    }

    /// Everything that can be chosen from.
    #[must_use]
    pub fn whole(&self) -> Arc<Document> {
        self.whole.clone()
    }

    /// The parts in use, as one document.
    #[must_use]
    pub fn document(&self) -> Arc<Document> {
        self.in_use.document.clone()
    }

    /// The text of [`Self::document`].
    #[must_use]
    pub fn text(&self) -> Arc<str> {
        self.text.clone()
    }

    /// The numbers of the parts in use, counted in [`Self::whole`].
    #[must_use]
    pub fn parts(&self) -> &[usize] {
        &self.in_use.parts
    }

    /// How the parts in use can be selected again.
    #[must_use]
    pub fn selection(&self) -> Selection<'_> {
        let Flags { parts, pages } = &self.flags;
        // Parts of selected pages are numbered anew, and flags can't name both.
        let by_hand = self.choice.as_ref().filter(|_| pages.is_none()).map(|choice| &*choice.parts);
        Selection { by_hand, is_replaced: self.is_replaced, parts: parts.as_deref(), pages: pages.as_deref() }
    }

    /// What `--pick` selected, if it did.
    #[must_use]
    pub fn retrieved(&self) -> Option<&RetrievedParts> {
        self.in_use.retrieved.as_ref()
    }

    /// Does what `request` asks. `None` if nothing has changed.
    pub fn reload(&mut self, request: ReloadRequest<'_>) -> Option<Reloaded> {
        match request {
            ReloadRequest::Choose(choice) => Some(self.choose(choice)),
            // [`super::EffectRunner`] has them.
            ReloadRequest::Opened => None,
            ReloadRequest::Again => match self.changed() {
                Ok(reloaded) => reloaded,
                Err(error) => Some(Reloaded { news: News::Unreadable(error.to_string()), document: None, whole: None }),
            },
        }
    }

    fn choose(&mut self, choice: &Choice) -> Reloaded {
        let document = Arc::new(self.whole.with_parts(&choice.parts));
        self.choice = Some(choice.clone());
        self.put_in_use(InUse { document: document.clone(), parts: choice.parts.clone(), retrieved: None });
        let (count, all) = (choice.parts.len(), self.whole.parts().len());
        let words =
            if count == all { format!("all {}", counted(all, "part")) } else { format!("{count} of {all} parts") };
        let pages = self.flags.pages.as_ref().map(|pages| format!("pages {pages}"));
        let part = part_in_words(&choice.parts, all).or(pages);
        let part = part.filter(|_| !counts_files(&self.source, &self.in_use.document));
        let title = self.title();
        let news = News::Chosen(Chosen { title, text: self.text(), words, part, preset_entry: choice.preset_entry });
        Reloaded { news, document: Some(document), whole: None }
    }

    fn changed(&mut self) -> Result<Option<Reloaded>, Error> {
        let Some(whole) = self.looked()? else { return Ok(None) };
        let whole = Arc::new(chosen_pages(self.flags.pages.as_deref(), whole)?);
        let in_use = match &self.choice {
            Some(choice) => still_there(&whole, choice)?,
            None => by_flags(&self.flags, &whole, self.retriever.as_ref())?,
        };
        self.whole = whole;
        let place = first_change(&in_use.document, &self.text);
        self.put_in_use(in_use);
        let document = self.document();
        let ends = document.parts().iter().map(|part| part.span.end).collect();
        let retrieved = self.retrieved().map(|picked| Retrieved { part: picked.in_short(), choice: picked.in_words() });
        let news = News::Changed(NewText { text: self.text(), ends, place, retrieved });
        Ok(Some(Reloaded { news, document: Some(document), whole: Some(self.whole()) }))
    }

    /// Begins to look at the files, unless that goes on already; `then` is called on another thread when it is done. From now on
    /// [`ReloadRequest::Again`] does not wait for it. Returns how long it is worth waiting for; nothing, if it is over.
    pub fn begin_look(&mut self, then: impl FnOnce() + Send + 'static) -> Option<Duration> {
        let looking = self.looking.get_or_insert_with(|| Looking::begin(self.watched.clone(), then));
        looking.is_waited_for = true;
        if looking.is_over_within(MOMENT) { None } else { Some(PATIENCE) }
    }

    /// The documents as they are now, if their text differs.
    ///
    /// Errors: the files can't be read any more, or it takes longer than [`PATIENCE`].
    fn looked(&mut self) -> Result<Option<Document>, Error> {
        let mut looking = self.looking.take().unwrap_or_else(|| Looking::begin(self.watched.clone(), || ()));
        let patience = if looking.is_waited_for { Duration::ZERO } else { PATIENCE };
        if !looking.is_over_within(patience) {
            self.looking = Some(looking);
            return Err(Error::StillReading);
        }
        let (watched, changed) = looking.came.ok_or(Error::StillReading)?;
        self.watched = watched;
        Ok(changed?)
    }

    fn put_in_use(&mut self, in_use: InUse) {
        self.text = Arc::from(in_use.document.text.as_str());
        self.in_use = in_use;
    }
}

/// The parts that `--parts` and then `--pick` select.
fn by_flags(flags: &Flags, whole: &Arc<Document>, retriever: Option<&Retriever>) -> Result<InUse, Error> {
    let parts = whole.parts_by_flag(flags.parts.as_deref())?;
    let document = match whole.taking(&parts) {
        Cow::Borrowed(_) => whole.clone(),
        Cow::Owned(fewer) => Arc::new(fewer),
    };
    let Some(retriever) = retriever else { return Ok(InUse { document, parts, retrieved: None }) };
    let nearest = retriever.retrieve(&document)?;
    let document = Arc::new(nearest.document.clone());
    Ok(InUse { document, parts: of_pieces(&nearest, &parts), retrieved: Some(nearest) })
}

/// The numbers, in the whole, of the parts that `retrieved` has pieces of. It was retrieved from `parts`.
fn of_pieces(retrieved: &RetrievedParts, parts: &[usize]) -> Vec<usize> {
    let numbers = retrieved.pieces.iter().filter_map(|piece| parts.get(piece.part - 1).copied());
    let mut numbers: Vec<usize> = numbers.collect();
    numbers.dedup();
    numbers
}

/// Those of the parts chosen by hand that the document still has.
fn still_there(whole: &Document, choice: &Choice) -> Result<InUse, Error> {
    let all = whole.parts().len();
    let parts: Vec<usize> = choice.parts.iter().copied().filter(|&number| number <= all).collect();
    if parts.is_empty() {
        return Err(Error::PartsGone { parts: all });
    }
    Ok(InUse { document: Arc::new(whole.with_parts(&parts)), parts, retrieved: None })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io;

    use tempfile::TempDir;

    use super::*;
    use crate::session::documents;
    use crate::session::fixtures::{Recorder, chapters, settings, write};

    /// A folder with `book.md` in it, and settings that name it.
    fn scene(text: &str, flags: &[&str]) -> (TempDir, Settings) {
        let folder = tempfile::tempdir().expect("a folder");
        let book = write(folder.path(), "book.md", text, 1_000);
        let settings = settings(folder.path(), &[flags, &[&book.to_string_lossy()]].concat());
        (folder, settings)
    }

    fn opened(settings: &Settings) -> WorkingSet<'_> {
        let opened = documents::open(settings, &mut io::empty(), &mut Recorder::default()).expect("text");
        WorkingSet::new(settings, opened).expect("parts")
    }

    /// Counts one token a word.
    fn by_words(settings: &Settings) -> Option<Retriever> {
        let words = |texts: &[&str]| texts.iter().map(|text| text.split_whitespace().count() as u32).collect();
        Retriever::counting_by(settings, Box::new(words))
    }

    /// The numbers of the chapters that `text` has.
    fn found(text: &str) -> Vec<usize> {
        (1..=9).filter(|number| text.contains(&format!("Text {number}."))).collect()
    }

    fn choose(files: &mut WorkingSet<'_>, parts: &[usize]) -> Reloaded {
        let choice = Choice { parts: parts.to_vec(), preset_entry: None };
        files.reload(ReloadRequest::Choose(&choice)).expect("a choice is always news")
    }

    fn again(files: &mut WorkingSet<'_>) -> Option<Reloaded> {
        files.reload(ReloadRequest::Again)
    }

    /// Why the documents stay as they were.
    fn unreadable(reloaded: Option<Reloaded>) -> String {
        match reloaded {
            Some(Reloaded { news: News::Unreadable(why), document: None, whole: None }) => why,
            other => panic!("{:?}", other.map(|reloaded| reloaded.news)),
        }
    }

    #[test]
    fn all_parts_are_in_use_until_the_user_chooses() {
        let (_folder, settings) = scene(&chapters(6), &[]);
        let mut files = opened(&settings);
        assert_eq!((files.parts(), found(&files.text())), (&[1, 2, 3, 4, 5, 6][..], vec![1, 2, 3, 4, 5, 6]));
        assert!(Arc::ptr_eq(&files.whole(), &files.document()), "nothing is copied");
        let Reloaded { news, document, whole } = choose(&mut files, &[2, 5]);
        let News::Chosen(chosen) = news else { panic!("{news:?}") };
        let expected = Chosen {
            text: files.text(),
            title: files.title(),
            words: "2 of 6 parts".into(),
            part: Some("parts 2,5 of 6".into()),
            preset_entry: None,
        };
        assert_eq!((chosen, found(&files.text()), files.parts()), (expected, vec![2, 5], &[2, 5][..]));
        assert!(document.is_some_and(|document| *document.text == *files.text()) && whole.is_none());
    }

    #[test]
    fn flags_select_parts_by_their_numbers_in_the_whole() {
        let (_folder, settings) = scene(&chapters(6), &["--parts", "2,5"]);
        let files = opened(&settings);
        assert_eq!((files.parts(), found(&files.text()), files.whole().parts().len()), (&[2, 5][..], vec![2, 5], 6));
    }

    #[test]
    fn unchanged_files_are_no_news() {
        let (folder, settings) = scene(&chapters(6), &[]);
        let mut files = opened(&settings);
        assert!(again(&mut files).is_none());
        write(folder.path(), "book.md", &chapters(6), 2_000);
        assert!(again(&mut files).is_none(), "touched, but with the same text");
    }

    #[test]
    fn a_change_brings_the_new_text_its_parts_and_its_place() {
        let (folder, settings) = scene("# One\n\na\n\n# Two\n\nb\n", &[]);
        let mut files = opened(&settings);
        let book = write(folder.path(), "book.md", "# One\n\na\n\n# Two\n\nc\n\n# Three\n\nd\n", 2_000);
        let Some(Reloaded { news, document, whole }) = again(&mut files) else { panic!("it has changed") };
        let text = files.text();
        let ends = files.document().parts().iter().map(|part| part.span.end).collect();
        let place = format!("from line 7 of {} on", book.display());
        assert_eq!(news, News::Changed(NewText { text, ends, place, retrieved: None }));
        assert_eq!((files.parts(), files.text().ends_with("d\n")), (&[1, 2, 3][..], true));
        let (document, whole) = document.zip(whole).expect("both are new");
        assert!(Arc::ptr_eq(&document, &files.document()) && Arc::ptr_eq(&whole, &files.whole()));
        assert!(again(&mut files).is_none(), "one change is reported once");
    }

    #[test]
    fn parts_chosen_by_hand_keep_their_numbers_when_the_document_grows_or_shrinks() {
        let (folder, settings) = scene(&chapters(6), &["--parts", "1"]);
        let mut files = opened(&settings);
        choose(&mut files, &[2, 5]);
        write(folder.path(), "book.md", &chapters(7), 2_000);
        assert!(again(&mut files).is_some());
        assert_eq!((found(&files.text()), files.whole().parts().len()), (vec![2, 5], 7));
        write(folder.path(), "book.md", &chapters(3), 3_000);
        assert!(again(&mut files).is_some());
        assert_eq!(found(&files.text()), [2]);
    }

    #[test]
    fn the_old_text_stays_when_all_parts_chosen_by_hand_are_gone() {
        let (folder, settings) = scene(&chapters(6), &[]);
        let mut files = opened(&settings);
        choose(&mut files, &[5, 6]);
        write(folder.path(), "book.md", &chapters(2), 2_000);
        let told = "the selected parts no longer exist: the document now has 2";
        assert_eq!((unreadable(again(&mut files)).as_str(), found(&files.text())), (told, vec![5, 6]));
        assert_eq!(files.whole().parts().len(), 6);
    }

    #[test]
    fn the_old_text_stays_when_the_parts_of_a_flag_are_gone() {
        let (folder, settings) = scene(&chapters(6), &["--parts", "5-6"]);
        let mut files = opened(&settings);
        write(folder.path(), "book.md", &chapters(2), 2_000);
        assert_eq!(unreadable(again(&mut files)), "there is no part 5: the document has 2");
        assert_eq!(found(&files.text()), [5, 6]);
        write(folder.path(), "book.md", &chapters(7), 3_000);
        assert!(again(&mut files).is_some(), "they are back");
        assert_eq!((files.parts(), files.whole().parts().len()), (&[5, 6][..], 7));
    }

    #[test]
    fn the_old_text_stays_while_a_file_is_unreadable() {
        let (folder, settings) = scene(&chapters(2), &[]);
        let mut files = opened(&settings);
        fs::remove_file(folder.path().join("book.md")).expect("removed");
        assert!(unreadable(again(&mut files)).ends_with("book.md: no such file"));
        assert_eq!(found(&files.text()), [1, 2]);
        write(folder.path(), "book.md", &chapters(3), 2_000);
        assert!(again(&mut files).is_some());
        assert_eq!(found(&files.text()), [1, 2, 3]);
    }

    #[test]
    fn the_old_text_stays_whatever_takes_the_place_of_the_file() {
        type Replace = fn(&std::path::Path);
        let cases: [(Replace, &str); 3] = [
            (|path| fs::create_dir(path).expect("a folder"), "it is a folder now"),
            (|path| fs::write(path, "").expect("written"), "book.md is empty"),
            (|path| fs::write(path, b"\0\x01\x02\0").expect("written"), "it is binary"),
        ];
        for (replace, told) in cases {
            let (folder, settings) = scene(&chapters(2), &[]);
            let mut files = opened(&settings);
            let path = folder.path().join("book.md");
            fs::remove_file(&path).expect("removed");
            replace(&path);
            if path.is_dir() {
                fs::write(path.join("other.txt"), "Another text.").expect("written");
            }
            let why = unreadable(again(&mut files));
            assert!(why.contains(told), "{why}");
            assert_eq!(found(&files.text()), [1, 2]);
        }
    }

    #[test]
    fn pick_selects_among_the_parts_of_the_flags_and_again_after_a_change() {
        let text = |whale: usize| {
            let about = |number: usize| if number == whale { "the whale" } else { "a calm sea" };
            let chapter = |number: usize| format!("# Chapter {number}\n\nText {number}. {}\n\n", about(number));
            (1..=6).map(chapter).collect::<String>()
        };
        let (folder, settings) = scene(&text(3), &["--parts", "2-5", "--pick", "20", "-p", "Where is the whale?"]);
        let mut files = opened(&settings);
        files.retrieve_with(by_words(&settings)).expect("a chapter");
        assert_eq!((files.parts(), found(&files.text())), (&[3][..], vec![3]));
        assert_eq!(files.retrieved().map(RetrievedParts::in_short).as_deref(), Some("1 of 4 parts"));
        write(folder.path(), "book.md", &text(5), 2_000);
        assert!(again(&mut files).is_some());
        assert_eq!((files.parts(), found(&files.text())), (&[5][..], vec![5]));
        write(folder.path(), "book.md", &text(6), 3_000);
        let told = "nothing to pick: no part with a word of the question fits in 20 tokens";
        assert_eq!((unreadable(again(&mut files)).as_str(), files.parts()), (told, &[5][..]));
    }

    #[test]
    fn a_choice_by_hand_replaces_what_was_retrieved() {
        let (_folder, settings) = scene(&chapters(6), &["--pick", "20", "-p", "Text"]);
        let mut files = opened(&settings);
        files.retrieve_with(by_words(&settings)).expect("some chapters");
        choose(&mut files, &[1, 2, 3, 4, 5, 6]);
        assert_eq!((files.parts().len(), files.retrieved()), (6, None));
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_in_the_place_of_a_file_is_told_and_does_not_hang() {
        let (folder, settings) = scene(&chapters(2), &[]);
        let mut files = opened(&settings);
        let book = folder.path().join("book.md");
        fs::remove_file(&book).expect("it is there");
        let made = std::process::Command::new("mkfifo").arg(&book).status().expect("mkfifo is there");
        assert!(made.success());
        let told = "the files are still being read";
        assert_eq!((unreadable(again(&mut files)).as_str(), found(&files.text())), (told, vec![1, 2]));
        // Somebody writes into the pipe: what waited for it comes to its end.
        fs::write(&book, chapters(3)).expect("somebody reads");
        let mut rest = again(&mut files);
        if rest.as_ref().is_some_and(|reloaded| reloaded.document.is_none()) {
            rest = again(&mut files);
        }
        assert!(rest.is_some_and(|reloaded| reloaded.document.is_some()), "the text that came is used");
    }
}
