//! Questions that were asked, to be found again with the up key.

use super::database::{Database, Error};
use super::sessions::number;

/// So many are kept.
const KEPT: usize = 500;

impl Database {
    /// The last questions, oldest first.
    pub fn questions(&self) -> Result<Vec<String>, Error> {
        let select = "SELECT text FROM (SELECT id, text FROM questions ORDER BY id DESC LIMIT ?1) ORDER BY id";
        self.all_by(select, [number(KEPT)], |row| row.get(0))
    }

    /// Adds one; of more than are kept, the oldest go.
    pub fn add_question(&self, question: &str) -> Result<(), Error> {
        self.change("INSERT INTO questions (text) VALUES (?1)", [question])?;
        self.change(
            "DELETE FROM questions WHERE id <= (SELECT id FROM questions ORDER BY id DESC LIMIT 1 OFFSET ?1)",
            [number(KEPT)],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_come_back_with_their_lines_and_only_the_last_are_kept() {
        let home = tempfile::tempdir().expect("a folder");
        let database = Database::open(home.path()).expect("opened");
        for number in 0..(KEPT + 2) {
            database.add_question(&format!("Who?\n{number}")).expect("written");
        }
        let all = database.questions().expect("questions");
        let last = format!("Who?\n{}", KEPT + 1);
        assert_eq!((all.len(), all[0].as_str(), all[KEPT - 1].as_str()), (KEPT, "Who?\n2", last.as_str()));
    }
}
