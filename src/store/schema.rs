//! The tables, version by version.
//!
//! | table | a row is |
//! |---|---|
//! | `sessions` | a conversation: its name, its documents with their fingerprints, who writes to it |
//! | `turns` | an entry of one of its branches: question, answer and thoughts as text, all else as JSON |
//! | `pieces` | what an answer that is still being written has grown by; it joins its turn when that is written again |
//! | `found` | the index of words (FTS5) over the texts of `turns`, which triggers keep |
//! | `questions` | what was asked, to be found with the up key |
//! | `places` | where a document was left, and its marks |
//! | `recent` | documents that were opened |
//!
//! A migration is never changed once it was released: the next version appends one. The version is SQLite's `user_version`.

use rusqlite::{Connection, Transaction, TransactionBehavior};

/// Entry `n` leads from version `n` to `n + 1`.
pub(super) const MIGRATIONS: &[&str] = &[FIRST];
/// The newest version that this program knows.
pub(super) const KNOWN: u32 = MIGRATIONS.len() as u32;

const FIRST: &str = "
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT,
    title TEXT NOT NULL,
    part TEXT,
    model TEXT,
    preset TEXT,
    -- The branch that is shown, from 0.
    shown INTEGER NOT NULL DEFAULT 0,
    -- The folder that the program ran in.
    folder TEXT NOT NULL,
    -- What was named, one path or address a line, to find the conversations about it.
    source TEXT NOT NULL,
    -- JSON: the files with their fingerprints, and the parts in use.
    documents TEXT NOT NULL,
    began_s INTEGER NOT NULL,
    used_s INTEGER NOT NULL,
    -- Grows with each use. Clocks are set back; this is not.
    used INTEGER NOT NULL,
    -- The window that writes to it.
    writer TEXT NOT NULL
) STRICT;
CREATE INDEX sessions_used ON sessions (used);
CREATE TABLE turns (
    id INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    branch INTEGER NOT NULL,
    position INTEGER NOT NULL,
    kind TEXT NOT NULL,
    question TEXT NOT NULL,
    answer TEXT NOT NULL,
    thoughts TEXT NOT NULL,
    detail TEXT NOT NULL,
    asked_s INTEGER NOT NULL,
    UNIQUE (session, branch, position)
) STRICT;
CREATE TABLE pieces (
    id INTEGER PRIMARY KEY,
    turn INTEGER NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
    answer TEXT NOT NULL,
    thoughts TEXT NOT NULL
) STRICT;
CREATE VIRTUAL TABLE found USING fts5 (
    question, answer, thoughts, content = 'turns', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
);
INSERT INTO found (found, rank) VALUES ('secure-delete', 1);
CREATE TRIGGER turns_in AFTER INSERT ON turns BEGIN
    INSERT INTO found (rowid, question, answer, thoughts) VALUES (new.id, new.question, new.answer, new.thoughts);
END;
CREATE TRIGGER turns_out AFTER DELETE ON turns BEGIN
    INSERT INTO found (found, rowid, question, answer, thoughts)
    VALUES ('delete', old.id, old.question, old.answer, old.thoughts);
END;
CREATE TRIGGER turns_changed AFTER UPDATE OF question, answer, thoughts ON turns BEGIN
    INSERT INTO found (found, rowid, question, answer, thoughts)
    VALUES ('delete', old.id, old.question, old.answer, old.thoughts);
    INSERT INTO found (rowid, question, answer, thoughts) VALUES (new.id, new.question, new.answer, new.thoughts);
END;
CREATE TABLE questions (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
CREATE TABLE places (
    -- The fingerprint of the document's text.
    document TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    byte INTEGER NOT NULL
) STRICT;
CREATE TABLE marks (
    document TEXT NOT NULL,
    name TEXT NOT NULL,
    byte INTEGER NOT NULL,
    PRIMARY KEY (document, name)
) STRICT;
CREATE TABLE recent (
    -- Paths and addresses, one a line.
    names TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    opened_s INTEGER NOT NULL,
    tokens INTEGER,
    -- Grows with each opening.
    used INTEGER NOT NULL
) STRICT;
";

pub(super) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Brings the schema to the version that `migrations` lead to. One that fails leaves the version before.
pub(super) fn migrate(connection: &mut Connection, migrations: &[&str]) -> rusqlite::Result<()> {
    for (migration, to) in migrations.iter().zip(1..) {
        if version(connection)? >= to {
            continue;
        }
        let step = Transaction::new(connection, TransactionBehavior::Immediate)?;
        step.execute_batch(migration)?;
        step.pragma_update(None, "user_version", to)?;
        step.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_is_reached_from_each_before_and_a_failed_step_changes_nothing() {
        let next = "ALTER TABLE questions ADD COLUMN asked_s INTEGER";
        let mut connection = Connection::open_in_memory().expect("memory");
        migrate(&mut connection, MIGRATIONS).expect("migrated");
        connection.execute("INSERT INTO questions (text) VALUES ('Who?')", []).expect("written");
        let both = [MIGRATIONS, &[next]].concat();
        migrate(&mut connection, &[&both[..], &["ALTER TABLE nowhere ADD COLUMN x"]].concat()).expect_err("no table");
        assert_eq!(version(&connection).expect("a version"), KNOWN + 1);
        migrate(&mut connection, &both).expect("nothing to do");
        let kept: (String, Option<i64>) = connection
            .query_row("SELECT text, asked_s FROM questions", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .expect("a row");
        assert_eq!(kept, ("Who?".to_owned(), None));
    }
}
