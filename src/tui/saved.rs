//! What the screen does with saved conversations: lists, finds, names, copies, removes them.

use super::runner::Reply;
use super::screen::SessionRow;
use crate::session::Recorder;
use crate::session::earlier::{self, Error, ago, now_s};

/// All conversations, with a line to show.
pub(super) fn listed(recorder: &mut Recorder, message: Option<String>) -> Reply {
    match rows(recorder) {
        Ok(rows) => Reply::Sessions { rows, found_by: None, message },
        Err(error) => Reply::Message(error.to_string()),
    }
}

/// Those in which `text` was said; one row for each place.
pub(super) fn found(recorder: &mut Recorder, text: String) -> Reply {
    let hits = rows(recorder).and_then(|all| Ok((all, earlier::found(recorder, &text)?)));
    match hits {
        Ok((all, hits)) => {
            let row = |hit: earlier::Found| {
                let row = all.iter().find(|row| row.id == hit.session)?;
                Some(SessionRow { words: hit.words, ..row.clone() })
            };
            Reply::Sessions { rows: hits.into_iter().filter_map(row).collect(), found_by: Some(text), message: None }
        }
        Err(error) => Reply::Message(error.to_string()),
    }
}

pub(super) fn named(recorder: &mut Recorder, id: i64, name: &str) -> Reply {
    let name = Some(name).filter(|name| !name.is_empty());
    match recorder.rename(id, name) {
        Ok(()) => listed(recorder, None),
        Err(error) => Reply::Message(error.to_string()),
    }
}

pub(super) fn copied(recorder: &mut Recorder, id: i64) -> Reply {
    match recorder.fork(id, None) {
        Ok(copy) => listed(recorder, Some(format!("{copy} is a copy of {id}"))),
        Err(error) => Reply::Message(error.to_string()),
    }
}

pub(super) fn removed(recorder: &mut Recorder, id: i64) -> Reply {
    match recorder.remove(id) {
        Ok(_) => listed(recorder, Some("removed".to_owned())),
        Err(error) => Reply::Message(error.to_string()),
    }
}

fn rows(recorder: &mut Recorder) -> Result<Vec<SessionRow>, Error> {
    let open = recorder.current();
    let all = earlier::listed(recorder)?.into_iter();
    let row = |session: earlier::Session| SessionRow {
        id: session.id,
        name: session.head.name,
        title: session.head.title,
        words: session.last_question,
        questions: session.questions,
        when: ago(session.used_s, now_s()),
        is_open: open == Some(session.id),
    };
    Ok(all.map(row).collect())
}
