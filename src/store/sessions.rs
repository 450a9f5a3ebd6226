//! Conversations in the database: saved as they grow, listed, loaded, renamed, copied, removed.
//!
//! Text and JSON only: what a turn means is `chat`'s affair. One [`Saving`] is one transaction, so a reader sees a conversation as it was
//! before or after it.
//!
//! An answer grows by [`TurnChange::Grown`], which writes what is new and nothing else; [`TurnChange::Whole`] joins it. A window writes to
//! its own conversations: when another one has taken one over, or it was removed, the save fails with [`SaveError::Elsewhere`] and has
//! written nothing.

use rusqlite::{OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::database::{Database, Error};

/// What has changed about a conversation since the last save.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Saving {
    pub head: Option<Head>,
    /// The documents, if they changed.
    pub documents: Option<Documents>,
    /// How many entries each branch has, if that changed; what is beyond goes.
    pub lengths: Option<Vec<usize>>,
    pub turns: Vec<TurnChange>,
}

/// What a list shows of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    pub name: Option<String>,
    pub title: String,
    pub part: Option<String>,
    pub model: Option<String>,
    pub preset: Option<String>,
    /// The branch that is shown, from 0.
    pub shown: usize,
}

/// What a conversation is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Documents {
    /// Absolute paths and addresses.
    pub names: Vec<String>,
    /// JSON: fingerprints and parts.
    pub detail: String,
}

/// What has changed about an entry of a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnChange {
    Whole(Turn),
    /// Its texts end with this now.
    Grown {
        branch: usize,
        position: usize,
        answer: String,
        thoughts: String,
    },
}

/// An entry of a branch; both are counted from 0.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Turn {
    pub branch: usize,
    pub position: usize,
    pub kind: String,
    pub question: String,
    pub answer: String,
    pub thoughts: String,
    /// JSON: all else.
    pub detail: String,
    /// Seconds since 1970 (UTC).
    pub asked_s: i64,
}

/// Where a save goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    New,
    /// This one, which another window may have written to: only if nothing was written since it was [`Session::used`].
    TakeOver {
        id: i64,
        used: i64,
    },
    /// This one, which this window wrote to last.
    Own(i64),
}

/// Who saves, where, and when.
#[derive(Debug, Clone, Copy)]
pub struct Writer<'a> {
    /// Tells this window from all others.
    pub token: &'a str,
    /// The folder that the program runs in.
    pub folder: &'a str,
    /// Seconds since 1970 (UTC).
    pub now_s: i64,
}

/// Why nothing was saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    #[error("another window goes on with the conversation")]
    Elsewhere,
    #[error(transparent)]
    Failed(#[from] Error),
}

/// A conversation, without its turns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Session {
    pub id: i64,
    pub head: Head,
    pub documents: Documents,
    pub folder: String,
    pub began_s: i64,
    pub used_s: i64,
    /// Grows with each turn that is saved.
    pub used: i64,
    /// Questions of the shown branch.
    pub questions: usize,
    /// The last of them.
    pub last_question: String,
}

/// The columns of [`session_of`].
const SESSION: &str = "
SELECT id, name, title, part, model, preset, shown, source, documents, folder, began_s, used_s,
    (SELECT count(*) FROM turns WHERE session = s.id AND branch = s.shown AND kind = 'question'),
    coalesce((SELECT question FROM turns WHERE session = s.id AND branch = s.shown AND kind = 'question'
        ORDER BY position DESC LIMIT 1), ''), used
FROM sessions AS s";

impl Database {
    /// Saves a change, all of it or nothing. Returns where: a new conversation gets the next number.
    pub fn save(&mut self, target: Target, writer: Writer<'_>, saving: &Saving) -> Result<i64, SaveError> {
        let saved = self.try_save(target, writer, saving);
        match saved {
            Ok(Some(id)) => Ok(id),
            Ok(None) => Err(SaveError::Elsewhere),
            Err(error) => Err(self.failed(error).into()),
        }
    }

    /// `None` if the target is another window's, or gone.
    fn try_save(&mut self, target: Target, writer: Writer<'_>, saving: &Saving) -> rusqlite::Result<Option<i64>> {
        let step = Transaction::new(&mut self.connection, TransactionBehavior::Immediate)?;
        let Some(id) = aim(&step, target, writer)? else { return Ok(None) };
        if let Some(head) = &saving.head {
            put_head(&step, id, head)?;
        }
        if let Some(Documents { names, detail }) = &saving.documents {
            let set = "UPDATE sessions SET source = ?2, documents = ?3 WHERE id = ?1";
            step.execute(set, params![id, names.join("\n"), detail])?;
        }
        if let Some(lengths) = &saving.lengths {
            cut(&step, id, lengths)?;
        }
        for change in &saving.turns {
            if !put_turn(&step, id, change)? {
                // It grows, and is not there: the file was changed by hand.
                return Ok(None);
            }
        }
        let only_grew =
            saving.head.is_none() && saving.turns.iter().all(|turn| matches!(turn, TurnChange::Grown { .. }));
        if !only_grew || target == Target::New {
            let set = "UPDATE sessions SET used_s = ?2, used = (SELECT max(used) + 1 FROM sessions) WHERE id = ?1";
            step.execute(set, params![id, writer.now_s])?;
        }
        step.commit()?;
        Ok(Some(id))
    }

    /// All conversations, the one that was used last first.
    pub fn sessions(&self) -> Result<Vec<Session>, Error> {
        self.all(&format!("{SESSION} ORDER BY used DESC"), [])
    }

    /// The conversations about the documents of these names, or begun in `folder` without one; the one used last first.
    pub fn sessions_about(&self, names: &[String], folder: &str) -> Result<Vec<Session>, Error> {
        if names.is_empty() {
            return self.all(&format!("{SESSION} WHERE folder = ?1 ORDER BY used DESC"), [folder]);
        }
        self.all(&format!("{SESSION} WHERE source = ?1 ORDER BY used DESC"), [names.join("\n")])
    }

    /// The conversations of this number or name, the one used last first.
    pub fn sessions_called(&self, called: &str) -> Result<Vec<Session>, Error> {
        let number: i64 = called.trim_start_matches('#').parse().unwrap_or(-1);
        let of_number = self.all(&format!("{SESSION} WHERE id = ?1"), [number])?;
        if !of_number.is_empty() {
            return Ok(of_number);
        }
        let all = self.sessions()?.into_iter();
        let lower = called.to_lowercase();
        Ok(all.filter(|session| session.head.name.as_ref().is_some_and(|name| name.to_lowercase() == lower)).collect())
    }

    /// The turns of a conversation, branch by branch, with what answers had grown by when they were broken off.
    pub fn turns(&mut self, id: i64) -> Result<Vec<Turn>, Error> {
        self.join_pieces()?;
        let select = "SELECT branch, position, kind, question, answer, thoughts, detail, asked_s FROM turns \
                      WHERE session = ?1 ORDER BY branch, position";
        self.all_by(select, [id], turn_of)
    }

    /// Names a conversation, or takes its name away.
    pub fn rename(&self, id: i64, name: Option<&str>) -> Result<(), Error> {
        self.change("UPDATE sessions SET name = ?2 WHERE id = ?1", params![id, name])
    }

    /// Copies a conversation. Returns the number of the copy.
    pub fn fork(&mut self, id: i64, name: Option<&str>, writer: Writer<'_>) -> Result<i64, Error> {
        self.join_pieces()?;
        let copied = self.try_fork(id, name, writer);
        copied.map_err(|error| self.failed(error))
    }

    fn try_fork(&mut self, id: i64, name: Option<&str>, writer: Writer<'_>) -> rusqlite::Result<i64> {
        let step = Transaction::new(&mut self.connection, TransactionBehavior::Immediate)?;
        step.execute(
            "INSERT INTO sessions (name, title, part, model, preset, shown, folder, source, documents, began_s, used_s, used, writer)
             SELECT ?2, title, part, model, preset, shown, folder, source, documents, began_s, ?3,
                 (SELECT max(used) + 1 FROM sessions), ?4 FROM sessions WHERE id = ?1",
            params![id, name, writer.now_s, writer.token],
        )?;
        let copy = step.last_insert_rowid();
        step.execute(
            "INSERT INTO turns (session, branch, position, kind, question, answer, thoughts, detail, asked_s)
             SELECT ?2, branch, position, kind, question, answer, thoughts, detail, asked_s FROM turns WHERE session = ?1",
            params![id, copy],
        )?;
        step.commit()?;
        Ok(copy)
    }

    /// Removes a conversation; what it said is overwritten on the disk, too. Returns whether it was there.
    pub fn remove(&mut self, id: i64) -> Result<bool, Error> {
        let removed = self.try_remove(id).map_err(|error| self.failed(error))?;
        // The log still has it. If another program reads, that is done later.
        let _ = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        Ok(removed)
    }

    fn try_remove(&mut self, id: i64) -> rusqlite::Result<bool> {
        let step = Transaction::new(&mut self.connection, TransactionBehavior::Immediate)?;
        step.execute("DELETE FROM turns WHERE session = ?1", [id])?;
        let removed = step.execute("DELETE FROM sessions WHERE id = ?1", [id])?;
        step.commit()?;
        Ok(removed > 0)
    }

    /// Joins the pieces of answers that were broken off to their turns, so that they are found and copied.
    pub(super) fn join_pieces(&mut self) -> Result<(), Error> {
        let joined = self.try_join_pieces();
        joined.map_err(|error| self.failed(error))
    }

    fn try_join_pieces(&mut self) -> rusqlite::Result<()> {
        let waiting: i64 = self.connection.query_row("SELECT count(*) FROM pieces", [], |row| row.get(0))?;
        if waiting == 0 {
            return Ok(());
        }
        let step = Transaction::new(&mut self.connection, TransactionBehavior::Immediate)?;
        step.execute_batch(
            "UPDATE turns SET
                 answer = answer || (SELECT group_concat(p.answer, '' ORDER BY p.id) FROM pieces AS p WHERE p.turn = turns.id),
                 thoughts = thoughts || (SELECT group_concat(p.thoughts, '' ORDER BY p.id) FROM pieces AS p WHERE p.turn = turns.id)
             WHERE id IN (SELECT turn FROM pieces);
             DELETE FROM pieces;",
        )?;
        step.commit()
    }

    fn all(&self, select: &str, params: impl rusqlite::Params) -> Result<Vec<Session>, Error> {
        self.all_by(select, params, session_of)
    }

    pub(super) fn all_by<T>(
        &self,
        select: &str,
        params: impl rusqlite::Params,
        of: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Error> {
        let rows = || self.connection.prepare(select)?.query_map(params, of)?.collect::<rusqlite::Result<Vec<T>>>();
        rows().map_err(|error| self.failed(error))
    }

    pub(super) fn change(&self, statement: &str, params: impl rusqlite::Params) -> Result<(), Error> {
        self.connection.execute(statement, params).map(drop).map_err(|error| self.failed(error))
    }
}

/// The number of the conversation to write to; `None` if it is another window's, or gone.
fn aim(step: &Transaction<'_>, target: Target, writer: Writer<'_>) -> rusqlite::Result<Option<i64>> {
    let Writer { token, folder, now_s } = writer;
    let (Target::Own(id) | Target::TakeOver { id, .. }) = target else {
        step.execute(
            "INSERT INTO sessions (title, folder, source, documents, began_s, used_s, used, writer)
             VALUES ('', ?1, '', '', ?2, ?2, (SELECT coalesce(max(used), 0) + 1 FROM sessions), ?3)",
            params![folder, now_s, token],
        )?;
        return Ok(Some(step.last_insert_rowid()));
    };
    let select = "SELECT writer, used FROM sessions WHERE id = ?1";
    let held: Option<(String, i64)> = step.query_row(select, [id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    match (held, target) {
        (Some((_, now)), Target::TakeOver { used, .. }) if now == used => {
            step.execute("UPDATE sessions SET writer = ?2 WHERE id = ?1", params![id, token])?;
            Ok(Some(id))
        }
        (Some((holder, _)), Target::Own(_)) if holder == token => Ok(Some(id)),
        _ => Ok(None),
    }
}

fn put_head(step: &Transaction<'_>, id: i64, head: &Head) -> rusqlite::Result<()> {
    let Head { name, title, part, model, preset, shown } = head;
    let set = "UPDATE sessions SET name = ?2, title = ?3, part = ?4, model = ?5, preset = ?6, shown = ?7 WHERE id = ?1";
    step.execute(set, params![id, name, title, part, model, preset, number(*shown)]).map(drop)
}

/// Removes the entries beyond the end of each branch, and the branches that are gone.
fn cut(step: &Transaction<'_>, id: i64, lengths: &[usize]) -> rusqlite::Result<()> {
    step.execute("DELETE FROM turns WHERE session = ?1 AND branch >= ?2", params![id, number(lengths.len())])?;
    for (branch, length) in lengths.iter().enumerate() {
        let beyond = "DELETE FROM turns WHERE session = ?1 AND branch = ?2 AND position >= ?3";
        step.execute(beyond, params![id, number(branch), number(*length)])?;
    }
    Ok(())
}

/// Returns false if a turn grows that is not there.
fn put_turn(step: &Transaction<'_>, id: i64, change: &TurnChange) -> rusqlite::Result<bool> {
    match change {
        TurnChange::Whole(turn) => put_whole(step, id, turn).map(|()| true),
        TurnChange::Grown { branch, position, answer, thoughts } => {
            let grow = "INSERT INTO pieces (turn, answer, thoughts) SELECT id, ?4, ?5 FROM turns \
                        WHERE session = ?1 AND branch = ?2 AND position = ?3";
            let rows = step.execute(grow, params![id, number(*branch), number(*position), answer, thoughts])?;
            Ok(rows == 1)
        }
    }
}

fn put_whole(step: &Transaction<'_>, id: i64, turn: &Turn) -> rusqlite::Result<()> {
    let Turn { branch, position, kind, question, answer, thoughts, detail, asked_s } = turn;
    let place = params![id, number(*branch), number(*position)];
    step.execute(
        "DELETE FROM pieces WHERE turn IN (SELECT id FROM turns WHERE session = ?1 AND branch = ?2 AND position = ?3)",
        place,
    )?;
    // The time of a question that is written again stays that of the first time, unless it is another question.
    step.execute(
        "INSERT INTO turns (session, branch, position, kind, question, answer, thoughts, detail, asked_s)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (session, branch, position) DO UPDATE SET
             kind = excluded.kind, question = excluded.question, answer = excluded.answer, thoughts = excluded.thoughts,
             detail = excluded.detail, asked_s = iif(question = excluded.question, asked_s, excluded.asked_s)",
        params![id, number(*branch), number(*position), kind, question, answer, thoughts, detail, asked_s],
    )
    .map(drop)
}

fn session_of(row: &Row<'_>) -> rusqlite::Result<Session> {
    let source: String = row.get(7)?;
    Ok(Session {
        id: row.get(0)?,
        head: Head {
            name: row.get(1)?,
            title: row.get(2)?,
            part: row.get(3)?,
            model: row.get(4)?,
            preset: row.get(5)?,
            shown: index(row.get(6)?),
        },
        documents: Documents { names: source.lines().map(str::to_owned).collect(), detail: row.get(8)? },
        folder: row.get(9)?,
        began_s: row.get(10)?,
        used_s: row.get(11)?,
        questions: index(row.get(12)?),
        last_question: row.get(13)?,
        used: row.get(14)?,
    })
}

fn turn_of(row: &Row<'_>) -> rusqlite::Result<Turn> {
    Ok(Turn {
        branch: index(row.get(0)?),
        position: index(row.get(1)?),
        kind: row.get(2)?,
        question: row.get(3)?,
        answer: row.get(4)?,
        thoughts: row.get(5)?,
        detail: row.get(6)?,
        asked_s: row.get(7)?,
    })
}

/// As SQLite has numbers. One that it doesn't have comes from a damaged file and means nothing.
pub(super) fn number(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

pub(super) fn index(number: i64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ADA: Writer<'static> = Writer { token: "ada", folder: "/home/ada", now_s: 1_000 };
    const BOB: Writer<'static> = Writer { token: "bob", folder: "/home/ada", now_s: 900 };

    fn database() -> (tempfile::TempDir, Database) {
        let home = tempfile::tempdir().expect("a folder");
        let database = Database::open(home.path()).expect("opened");
        (home, database)
    }

    fn turn(branch: usize, position: usize, question: &str, answer: &str) -> Turn {
        let (question, answer) = (question.to_owned(), answer.to_owned());
        Turn {
            branch,
            position,
            kind: "question".into(),
            question,
            answer,
            detail: "{}".into(),
            asked_s: 7,
            ..Turn::default()
        }
    }

    fn saving(turns: &[Turn]) -> Saving {
        let branches = turns.iter().map(|turn| turn.branch + 1).max().unwrap_or(0);
        let length = |branch| turns.iter().filter(|turn| turn.branch == branch).count();
        Saving {
            head: Some(Head { title: "Emma".into(), ..Head::default() }),
            documents: Some(Documents { names: vec!["/books/emma.txt".into()], detail: "{}".into() }),
            lengths: Some((0..branches).map(length).collect()),
            turns: turns.iter().cloned().map(TurnChange::Whole).collect(),
        }
    }

    fn grown(answer: &str) -> Saving {
        let grown = TurnChange::Grown { branch: 0, position: 0, answer: answer.into(), thoughts: "Hm.".into() };
        Saving { turns: vec![grown], ..Saving::default() }
    }

    #[test]
    fn a_conversation_comes_back_as_it_was_saved_piece_by_piece() {
        let (_home, mut database) = database();
        let id = database.save(Target::New, ADA, &saving(&[turn(0, 0, "Who?", "")])).expect("saved");
        for piece in ["A ", "clergy", "man."] {
            database.save(Target::Own(id), ADA, &grown(piece)).expect("saved");
        }
        let expected = Turn { thoughts: "Hm.Hm.Hm.".into(), ..turn(0, 0, "Who?", "A clergyman.") };
        assert_eq!(database.turns(id).expect("turns"), [expected]);
        database.save(Target::Own(id), ADA, &saving(&[turn(0, 0, "Who?", "A clergyman.")])).expect("saved");
        assert_eq!(database.turns(id).expect("turns"), [turn(0, 0, "Who?", "A clergyman.")]);
        let sessions = database.sessions().expect("a list");
        let told = (sessions[0].questions, sessions[0].last_question.as_str(), sessions[0].head.title.as_str());
        assert_eq!(told, (1, "Who?", "Emma"));
    }

    fn used(database: &Database, id: i64) -> i64 {
        database.sessions_called(&id.to_string()).expect("a list")[0].used
    }

    #[test]
    fn two_windows_never_write_to_one_conversation() {
        let (home, mut ada) = database();
        let mut bob = Database::open(home.path()).expect("opened");
        let id = ada.save(Target::New, ADA, &saving(&[turn(0, 0, "Who?", "A clergyman.")])).expect("saved");
        let (seen, too) = (used(&ada, id), used(&bob, id));
        let by_bob = [turn(0, 0, "Who?", "A clergyman."), turn(0, 1, "Where?", "At Hunsford.")];
        bob.save(Target::TakeOver { id, used: seen }, BOB, &saving(&by_bob)).expect("taken over");
        let of_ada = saving(&[turn(0, 0, "Why?", "Because.")]);
        // It wrote last before, or it has merely opened what was written to since.
        for target in [Target::Own(id), Target::TakeOver { id, used: too }] {
            let late = ada.save(target, ADA, &of_ada);
            assert!(matches!(late, Err(SaveError::Elsewhere)), "{late:?}");
        }
        assert_eq!(ada.turns(id).expect("turns"), by_bob);
        ada.remove(id).expect("removed");
        let gone = bob.save(Target::Own(id), BOB, &grown("more"));
        assert!(matches!(gone, Err(SaveError::Elsewhere)), "{gone:?}");
        assert_eq!(bob.sessions().expect("a list"), []);
    }

    #[test]
    fn the_last_one_used_comes_first_though_the_clock_is_set_back() {
        let (_home, mut database) = database();
        let of = |now_s| Writer { now_s, ..ADA };
        let one = saving(&[turn(0, 0, "Who?", "He.")]);
        let first = database.save(Target::New, of(5_000), &one).expect("saved");
        let second = database.save(Target::New, of(10), &one).expect("saved");
        let order =
            |database: &Database| database.sessions().expect("a list").iter().map(|it| it.id).collect::<Vec<_>>();
        assert_eq!(order(&database), [second, first]);
        database.save(Target::Own(first), of(-3), &one).expect("saved");
        assert_eq!(order(&database), [first, second]);
        let about = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            database.sessions_about(&names, "/home/ada").expect("a list").len()
        };
        assert_eq!((about(&["/books/emma.txt"]), about(&["/books/other.txt"]), about(&[])), (2, 0, 2));
    }

    #[test]
    fn a_copy_is_its_own_and_what_is_removed_is_gone_from_the_files() {
        let (home, mut database) = database();
        let id = database.save(Target::New, ADA, &saving(&[turn(0, 0, "Who?", "")])).expect("saved");
        database.save(Target::Own(id), ADA, &grown("Fitzwilliam")).expect("saved");
        let copy = database.fork(id, Some("mine"), BOB).expect("copied");
        assert!(database.remove(id).expect("removed") && !database.remove(id).expect("removed"));
        assert_eq!(database.turns(copy).expect("turns")[0].answer, "Fitzwilliam");
        let called =
            |name: &str| database.sessions_called(name).expect("a list").iter().map(|it| it.id).collect::<Vec<_>>();
        assert_eq!((called("MINE"), called(&copy.to_string()), called("#99")), (vec![copy], vec![copy], vec![]));
        database.rename(copy, None).expect("renamed");
        assert_eq!(database.sessions().expect("a list")[0].head.name, None);
        database.remove(copy).expect("removed");
        let left: Vec<u8> = home
            .path()
            .read_dir()
            .expect("a folder")
            .flatten()
            .flat_map(|it| std::fs::read(it.path()).expect("bytes"))
            .collect();
        assert!(!left.windows(11).any(|bytes| bytes == b"Fitzwilliam"), "it is still in a file");
    }

    /// What a window may do between two saves.
    #[derive(Debug, Clone)]
    enum Step {
        Ask(String),
        Grow(String),
        Fork(usize),
        Cut,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            "[a-z ?\u{e9}\u{5f7c}']{0,12}".prop_map(Step::Ask),
            "[a-z .\n]{1,9}".prop_map(Step::Grow),
            (0_usize..3).prop_map(Step::Fork),
            Just(Step::Cut),
        ];
        prop::collection::vec(step, 1..24)
    }

    /// The branches of a conversation after a step, and what is to be saved.
    fn stepped(branches: &mut Vec<Vec<Turn>>, step: &Step) -> Saving {
        let last = branches.len() - 1;
        let (before, at) = (branches[last].clone(), branches[last].len());
        let mut turns = Vec::new();
        match step {
            Step::Ask(question) => {
                branches[last].push(turn(last, at, question, ""));
                turns.push(TurnChange::Whole(branches[last][at].clone()));
            }
            Step::Grow(piece) if at > 0 => {
                branches[last][at - 1].answer += piece;
                let (position, answer) = (at - 1, piece.clone());
                turns.push(TurnChange::Grown { branch: last, position, answer, thoughts: String::new() });
            }
            Step::Fork(kept) => {
                let copies = before.into_iter().take(*kept).map(|turn| Turn { branch: last + 1, ..turn });
                branches.push(copies.collect());
                turns.extend(branches[last + 1].iter().cloned().map(TurnChange::Whole));
            }
            Step::Grow(_) | Step::Cut => drop(branches[last].pop()),
        }
        Saving { lengths: Some(branches.iter().map(Vec::len).collect()), turns, ..Saving::default() }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

        /// After any steps, and whatever is found of it meanwhile, the stored conversation is the one of the window.
        #[test]
        fn any_steps_come_back(steps in steps()) {
            let (home, mut database) = database();
            let mut branches = vec![Vec::new()];
            let id = database.save(Target::New, ADA, &saving(&[])).expect("saved");
            for (number, step) in steps.iter().enumerate() {
                let saving = stepped(&mut branches, step);
                database.save(Target::Own(id), ADA, &saving).expect("saved");
                if number % 5 == 4 {
                    // Another program looks at it, and joins the pieces.
                    Database::open(home.path()).expect("opened").turns(id).expect("turns");
                }
            }
            let expected: Vec<Turn> = branches.into_iter().flatten().collect();
            prop_assert_eq!(database.turns(id).expect("turns"), expected);
            database.connection.execute("INSERT INTO found (found) VALUES ('integrity-check')", []).expect("the index agrees");
        }
    }
}
