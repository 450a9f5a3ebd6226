//! Moves what earlier versions kept in files of the state folder into the database: `questions.jsonl`, `reading/*.json`, `recent.json`.
//!
//! A file is removed once its content is in the database. What the database knows already wins, so a move that was broken off, or an earlier
//! version that ran meanwhile, does no harm. A file that can't be read moves to `NAME.unread`, so that it is kept and not tried again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::database::{Database, Error};
use super::positions::Remembered;
use super::recent::RecentDocument;

impl Database {
    /// Moves in what lies in the folder `state`. Returns how many files came.
    ///
    /// Errors: the database can't be written; then the files stay.
    pub fn move_in(&self, state: &Path) -> Result<usize, Error> {
        let questions = state.join("questions.jsonl");
        let recent = state.join("recent.json");
        let mut moved = self.take(&questions, Self::take_questions)?;
        moved += self.take(&recent, Self::take_recent)?;
        for place in files_of(&state.join("reading")) {
            moved += self.take(&place, |database, text| database.take_place(&place, text))?;
        }
        let _ = fs::remove_dir(state.join("reading"));
        Ok(moved)
    }

    /// Removes the file once `take` has put its text into the database; it returns false for a text that it can't read.
    fn take(&self, file: &Path, take: impl FnOnce(&Self, &str) -> Result<bool, Error>) -> Result<usize, Error> {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            // Neither is lost: bytes that are no text, a file that is not ours.
            Err(_) => return Ok(0),
        };
        let gone = if take(self, &text)? {
            fs::remove_file(file)
        } else {
            let mut unread = file.as_os_str().to_owned();
            unread.push(".unread");
            fs::rename(file, PathBuf::from(unread))
        };
        Ok(usize::from(gone.is_ok()))
    }

    fn take_questions(&self, text: &str) -> Result<bool, Error> {
        let earlier: Vec<String> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let known = self.questions()?;
        if earlier.is_empty() && !text.trim().is_empty() {
            return Ok(false);
        }
        // They were asked before all that is known.
        self.change("DELETE FROM questions", [])?;
        let new = earlier.iter().filter(|question| !known.contains(question));
        for question in new.chain(&known) {
            self.add_question(question)?;
        }
        Ok(true)
    }

    fn take_recent(&self, text: &str) -> Result<bool, Error> {
        let Ok(earlier) = serde_json::from_str::<Vec<RecentDocument>>(text) else { return Ok(false) };
        let known = self.recent()?;
        let is_new = |document: &&RecentDocument| known.iter().all(|known| known.names != document.names);
        // Newest first, in the file and in the list; the last one added comes first.
        let new: Vec<&RecentDocument> = earlier.iter().filter(is_new).collect();
        for document in known.iter().chain(new).rev() {
            self.add_recent(document)?;
        }
        Ok(true)
    }

    fn take_place(&self, file: &Path, text: &str) -> Result<bool, Error> {
        let Ok(mut place) = serde_json::from_str::<Remembered>(text) else { return Ok(false) };
        let Some(key) = file.file_stem().and_then(|stem| stem.to_str()) else { return Ok(false) };
        if let Some(known) = self.place_of(key)? {
            place = Remembered { marks: place.marks.into_iter().chain(known.marks).collect(), ..known };
        }
        self.put_place_of(key, &place)?;
        Ok(true)
    }
}

fn files_of(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.extension().is_some_and(|ending| ending == "json")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::positions::place_key;
    use super::*;

    #[test]
    fn what_earlier_versions_kept_moves_in_once_and_the_newer_wins() {
        let home = tempfile::tempdir().expect("a folder");
        let (state, database) = (home.path().join("state"), Database::open(home.path()).expect("opened"));
        fs::create_dir_all(state.join("reading")).expect("a folder");
        let place = state.join("reading").join(format!("{}.json", place_key("a text")));
        let write = || {
            fs::write(state.join("questions.jsonl"), "\"One?\"\nnot JSON\n\"Two\\nlines?\"\n").expect("written");
            let recent = r#"[{"names": ["/b"], "title": "b", "opened_s": 2}, {"names": ["/a"], "title": "a", "opened_s": 1, "tokens": 9}]"#;
            fs::write(state.join("recent.json"), recent).expect("written");
            fs::write(&place, r#"{"title": "Emma", "byte": 5, "marks": {"a": 1, "b": 2}}"#).expect("written");
        };
        write();
        assert_eq!(database.move_in(&state).expect("moved"), 3);
        let left: Vec<_> = state.read_dir().expect("a folder").flatten().map(|entry| entry.file_name()).collect();
        assert!(left.is_empty(), "{left:?}");
        database.add_question("Three?").expect("written");
        let marks = BTreeMap::from([('a', 7)]);
        database.put_place("a text", &Remembered { title: "Emma".into(), byte: 8, marks }).expect("written");
        // An earlier version ran once more.
        fs::create_dir_all(state.join("reading")).expect("a folder");
        write();
        assert_eq!(database.move_in(&state).expect("moved"), 3);
        assert_eq!(database.questions().expect("questions"), ["One?", "Two\nlines?", "Three?"]);
        let recent: Vec<_> = database.recent().expect("a list").into_iter().map(|it| (it.title, it.tokens)).collect();
        assert_eq!(recent, [("b".to_owned(), None), ("a".to_owned(), Some(9))]);
        let marks = BTreeMap::from([('a', 7), ('b', 2)]);
        assert_eq!(database.place("a text").expect("read"), Some(Remembered { title: "Emma".into(), byte: 8, marks }));
    }

    /// It panicked, at every start.
    #[test]
    fn a_place_beyond_every_text_is_moved_in() {
        let home = tempfile::tempdir().expect("a folder");
        let (state, database) = (home.path().join("state"), Database::open(home.path()).expect("opened"));
        fs::create_dir_all(state.join("reading")).expect("a folder");
        let place = format!(r#"{{"title": "Emma", "byte": {}, "marks": {{"a": {}}}}}"#, u64::MAX, u64::MAX);
        fs::write(state.join("reading").join(format!("{}.json", place_key("a text"))), place).expect("written");
        assert_eq!(database.move_in(&state).expect("moved"), 1);
        assert!(database.place("a text").expect("read").is_some_and(|place| place.byte > 1 << 40));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_kept_and_not_tried_again() {
        let home = tempfile::tempdir().expect("a folder");
        let (state, database) = (home.path().join("state"), Database::open(home.path()).expect("opened"));
        fs::create_dir_all(&state).expect("a folder");
        fs::write(state.join("recent.json"), "[{\"names\": ").expect("written");
        assert_eq!(database.move_in(&state).expect("moved"), 1);
        assert_eq!(fs::read_to_string(state.join("recent.json.unread")).expect("kept"), "[{\"names\": ");
        assert_eq!(database.move_in(&state).expect("nothing"), 0);
    }
}
