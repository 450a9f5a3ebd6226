//! Finds conversations by what was asked, answered and thought in them.
//!
//! All words of the query have to be in one text; the last may be the beginning of one, and words in quotation marks stand together:
//! `"single man" fort` finds "a single man in possession of a good fortune". Case and accents don't count.
//!
//! The index knows words between blanks. Chinese, Japanese, Thai and other scripts have none, so a query with such a character is looked
//! for in the texts themselves.

use rusqlite::Row;

use super::database::{Database, Error};
use super::sessions::index;

/// Most turns that a search looks at; the newest come first.
const MOST: usize = 200;
/// Words of a text around what was found.
const WORDS: usize = 16;
/// Characters before and behind what was found, where words can't be counted.
const AROUND: usize = 30;
/// Around what was found; no text has them, or it has no reader who sees them.
const MARKS: [char; 2] = ['\u{2}', '\u{3}'];

/// A text that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    pub session: i64,
    /// Its name, or else its document's title.
    pub called: String,
    /// Both from 0.
    pub branch: usize,
    pub position: usize,
    pub question: String,
    pub place: FoundIn,
    /// What was found, with some words around it.
    pub words: String,
}

/// Which text of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundIn {
    Question,
    Answer,
    Thoughts,
}

impl FoundIn {
    const ALL: [Self; 3] = [Self::Question, Self::Answer, Self::Thoughts];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Question => "question",
            Self::Answer => "answer",
            Self::Thoughts => "thoughts",
        }
    }
}

impl Database {
    /// Where `query` is found, the newest conversations first. A turn that several branches share is found once.
    pub fn search(&mut self, query: &str) -> Result<Vec<Hit>, Error> {
        self.join_pieces()?;
        let turns = if has_words(query) { self.by_words(query)? } else { self.by_characters(query)? };
        let mut hits: Vec<Hit> = Vec::new();
        for hit in turns.into_iter().flatten() {
            let is_same = |known: &Hit| {
                (known.session, known.place, &known.question, &known.words)
                    == (hit.session, hit.place, &hit.question, &hit.words)
            };
            if !hits.iter().any(is_same) {
                hits.push(hit);
            }
        }
        Ok(hits)
    }

    fn by_words(&self, query: &str) -> Result<Vec<Vec<Hit>>, Error> {
        let words = written(query);
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let [open, close] = MARKS;
        let snippet = |column| format!("snippet(found, {column}, '{open}', '{close}', '…', {WORDS})");
        let select = format!(
            "SELECT t.session, coalesce(s.name, s.title), t.branch, t.position, t.question, {}, {}, {}
             FROM found JOIN turns AS t ON t.id = found.rowid JOIN sessions AS s ON s.id = t.session
             WHERE found MATCH ?1 ORDER BY s.used DESC, t.branch, t.position LIMIT {MOST}",
            snippet(0),
            snippet(1),
            snippet(2)
        );
        self.all_by(&select, [words], |row| hits_of(row, |_, text| text.contains(open).then(|| unmarked(text))))
    }

    fn by_characters(&self, query: &str) -> Result<Vec<Vec<Hit>>, Error> {
        let wanted = query.trim().to_lowercase();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let select = "SELECT t.session, coalesce(s.name, s.title), t.branch, t.position, t.question, t.question, t.answer, t.thoughts
             FROM turns AS t JOIN sessions AS s ON s.id = t.session ORDER BY s.used DESC, t.branch, t.position";
        let mut all = self.all_by(select, [], |row| hits_of(row, |_, text| around(text, &wanted)))?;
        all.retain(|hits| !hits.is_empty());
        all.truncate(MOST);
        Ok(all)
    }
}

/// The texts of a row that `found` gives words of.
fn hits_of(row: &Row<'_>, found: impl Fn(FoundIn, &str) -> Option<String>) -> rusqlite::Result<Vec<Hit>> {
    let mut hits = Vec::new();
    for (place, column) in FoundIn::ALL.into_iter().zip(5..) {
        let text: String = row.get(column)?;
        if let Some(words) = found(place, &text) {
            hits.push(Hit {
                session: row.get(0)?,
                called: row.get(1)?,
                branch: index(row.get(2)?),
                position: index(row.get(3)?),
                question: row.get(4)?,
                place,
                words,
            });
        }
    }
    Ok(hits)
}

fn unmarked(text: &str) -> String {
    text.replace(MARKS, "")
}

/// What is found of `wanted`, which is in lower case, with some characters on both sides.
fn around(text: &str, wanted: &str) -> Option<String> {
    let characters: Vec<char> = text.chars().collect();
    let lower: String = text.to_lowercase();
    let byte = lower.find(wanted)?;
    // Lower case may have more characters, so this is a character off at worst.
    let start = lower[..byte].chars().count().min(characters.len());
    let end = (start + wanted.chars().count()).min(characters.len());
    let (from, to) = (start.saturating_sub(AROUND), (end + AROUND).min(characters.len()));
    let (before, behind) = (if from > 0 { "…" } else { "" }, if to < characters.len() { "…" } else { "" });
    let words: String = characters[from..to].iter().collect();
    Some(format!("{before}{words}{behind}"))
}

/// Whether the words of `query` stand between blanks: it has no character of a script that is written without.
fn has_words(query: &str) -> bool {
    let without_blanks = |c: char| {
        matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{2e80}'..='\u{30ff}'
            | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
    };
    !query.contains(without_blanks)
}

/// `query` in FTS5's syntax: each word quoted, so that none of its signs is obeyed.
fn written(query: &str) -> String {
    let mut terms: Vec<String> = Vec::new();
    for (number, piece) in query.split('"').enumerate() {
        if number % 2 == 1 {
            terms.extend(has_letters(piece).then(|| piece.to_owned()));
        } else {
            terms.extend(piece.split_whitespace().filter(|word| has_letters(word)).map(str::to_owned));
        }
    }
    let ends_in_word = query.chars().next_back().is_some_and(char::is_alphanumeric);
    let last = terms.len();
    let quoted = |(number, term): (usize, String)| {
        let prefix = if number == last && ends_in_word { "*" } else { "" };
        format!("\"{term}\"{prefix}")
    };
    (1..).zip(terms).map(quoted).collect::<Vec<_>>().join(" ")
}

fn has_letters(text: &str) -> bool {
    text.contains(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::super::sessions::{Head, Saving, Target, Turn, TurnChange, Writer};
    use super::*;

    fn database() -> (tempfile::TempDir, Database) {
        let home = tempfile::tempdir().expect("a folder");
        let mut database = Database::open(home.path()).expect("opened");
        let turn = |branch, position, question: &str, answer: &str, thoughts: &str| {
            TurnChange::Whole(Turn {
                branch,
                position,
                kind: "question".into(),
                question: question.into(),
                answer: answer.into(),
                thoughts: thoughts.into(),
                detail: "{}".into(),
                asked_s: 0,
            })
        };
        let turns = vec![
            turn(0, 0, "Who wants a wife?", "A single man in possession of a good fortune.", ""),
            turn(0, 1, "彼は誰ですか", "コリンズ氏は牧師です。", "Perhaps a café-owner?"),
            turn(1, 0, "Who wants a wife?", "A single man in possession of a good fortune.", ""),
        ];
        let head = Some(Head { title: "Emma".into(), ..Head::default() });
        let writer = Writer { token: "ada", folder: "/", now_s: 0 };
        database.save(Target::New, writer, &Saving { head, turns, ..Saving::default() }).expect("saved");
        (home, database)
    }

    #[test]
    fn words_beginnings_phrases_and_scripts_without_blanks_are_found_once() {
        let (_home, mut database) = database();
        let mut found = |query: &str| {
            let hits = database.search(query).expect("a search");
            hits.into_iter().map(|hit| (hit.position, hit.place.name(), hit.words)).collect::<Vec<_>>()
        };
        let man = vec![(0, "answer", "A single man in possession of a good fortune.".to_owned())];
        for query in ["fortune", "FORTU", "\"single man\" good", "man single", "good-fortune"] {
            assert_eq!(found(query), man, "{query}");
        }
        assert_eq!(found("cafe"), [(1, "thoughts", "Perhaps a café-owner?".to_owned())]);
        assert_eq!(found("牧師"), [(1, "answer", "コリンズ氏は牧師です。".to_owned())]);
        assert_eq!(found("誰"), [(1, "question", "彼は誰ですか".to_owned())]);
        for nothing in ["\"man single\"", "fortunes", "", " ", "\"", "* OR -", "NEAR(", "犬"] {
            assert_eq!(found(nothing), [], "{nothing}");
        }
    }

    #[test]
    fn nothing_that_is_typed_is_an_error() {
        let (_home, mut database) = database();
        for query in ["a AND", "col:x", "^a", "a\"b\"c\"", "(", "a* *", "{a b}: c", "\u{0}", "'", "a\nb"] {
            database.search(query).unwrap_or_else(|error| panic!("{query:?}: {error}"));
        }
    }
}
