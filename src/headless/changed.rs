//! A document that changes on disk between two questions: noticed when the next is asked, and read again from the first change on.
//!
//! ```text
//! note: the document changed on disk, from line 812 of book.txt on: 30,012 of 31,003 tokens are kept
//! ```
//!
//! The same parts are taken as before, by number or nearest to the questions, and read by the same recipe. What can't be read any more, or has no
//! such parts, is answered from as it was, and that is said.

use std::fmt::Display;
use std::sync::Arc;

use super::{Session, Taken, Voice};
use crate::chat::count;
use crate::document::Document;
use crate::exit::Trouble;
use crate::fit::Error;
use crate::fit::pick::Picked;
use crate::session::documents::{chosen_parts, first_change};

/// Of a document that changed, the parts that are taken as before.
struct Retaken {
    document: Document,
    /// What `--pick` took, when it did.
    picked: Option<Picked>,
}

impl Session<'_> {
    /// Takes the document as it is now, if it is another, before `question` is asked about it.
    pub(super) async fn take_changes(&mut self, question: &str, voice: &mut Voice<'_>) -> Result<(), Trouble> {
        let before = self.document.clone();
        let Some(Retaken { document, picked }) = self.retake(voice).await? else { return Ok(()) };
        if *document.text == *before {
            return Ok(());
        }
        match picked {
            Some(picked) => self.take_picked(picked, voice),
            None => self.take(&document),
        }
        self.tell_change(&first_change(&document, &before), question, voice).await
    }

    /// The parts as they are now; `None` when nothing has changed, or what was asked for is not there any more, which is told.
    async fn retake(&mut self, voice: &mut Voice<'_>) -> Result<Option<Retaken>, Trouble> {
        let whole = match self.watched.changed() {
            Ok(None) => return Ok(None),
            Ok(Some(whole)) => whole,
            Err(error) => return Ok(stays(&error, voice)),
        };
        let parts = match chosen_parts(self.settings, whole) {
            Ok(parts) => parts,
            Err(error) => return Ok(stays(&error, voice)),
        };
        Ok(match self.taken {
            Taken::All => Some(Retaken { document: parts, picked: None }),
            Taken::First(count) => Some(Retaken { document: parts.first_parts(count), picked: None }),
            Taken::Picked(room) => match self.nearest(&parts, room).await? {
                Some(picked) => Some(Retaken { document: picked.document.clone(), picked: Some(picked) }),
                None => stays(&Error::NothingPicked { room }, voice),
            },
        })
    }

    async fn tell_change(&mut self, place: &str, question: &str, voice: &mut Voice<'_>) -> Result<(), Trouble> {
        let (prompt, _) = self.prompt(&self.document, Some(&Arc::from(question)))?;
        let plan = self.talk.forecast(prompt, self.chosen.recipe.clone()).await?;
        let (kept, tokens) = (count(plan.cached_tokens.min(plan.document_tokens)), count(plan.document_tokens));
        voice.note(&format!("note: the document changed on disk, {place}: {kept} of {tokens} tokens are kept"));
        Ok(())
    }
}

/// Says why nothing is taken.
fn stays(why: &dyn Display, voice: &mut Voice) -> Option<Retaken> {
    voice.note(&format!("note: {why}; the answer is from what was read before"));
    None
}
