//! What of the files lies on the desk: which parts are read, and whether they are still what they were.
//!
//! First what the flags say (`--parts`, `--pick`), then what was ticked on the screen. A document that changes on disk keeps the parts that it
//! has, by number: 3 and 4 of 61 chapters are 3 and 4 of 62.

use std::path::Path;
use std::sync::Arc;

use lunette::chat::{Choice, Chosen, NewText, News};
use lunette::document::{Document, Watched};
use lunette::engine::Vocabulary;
use lunette::exit::{Exit, Trouble};
use lunette::fit::pick::{Picked, pick_now};
use lunette::fit::{self, part_in_words};
use lunette::headless;
use lunette::settings::Settings;
use lunette::tui::{Look, Looked};

/// `--pick`: takes what is nearest to the questions that the screen is opened with.
pub struct Picker {
    room_and_vocabulary: Option<(u32, Vocabulary)>,
    questions: String,
}

impl Picker {
    /// Without a model there is no vocabulary to count with, and nothing is picked.
    pub fn of(settings: &Settings, model: Option<&Path>) -> Result<Self, Trouble> {
        let room_and_vocabulary = match (settings.pick, model) {
            (Some(room), Some(model)) => Some((room, Vocabulary::open(model)?)),
            _ => None,
        };
        Ok(Self { room_and_vocabulary, questions: settings.questions.join("\n") })
    }

    pub fn apply(&self, document: Document) -> Result<(Document, Option<Picked>), Trouble> {
        let Some((room, vocabulary)) = &self.room_and_vocabulary else { return Ok((document, None)) };
        let picked = pick_now(&document, &self.questions, *room, |texts| {
            vocabulary.count_each(texts).into_iter().map(|tokens| tokens as u32).collect()
        });
        let picked = picked.ok_or(fit::Error::NothingPicked { room: *room })?;
        Ok((picked.document.clone(), Some(picked)))
    }
}

/// Everything that can be read, and what is.
pub struct Desk<'settings> {
    settings: &'settings Settings,
    watched: Watched,
    picker: Picker,
    whole: Arc<Document>,
    /// What was ticked on the screen; until then the flags count.
    choice: Option<Choice>,
    /// The text that is read.
    text: Arc<str>,
}

/// What the flags take of a document.
pub struct Taken {
    pub document: Document,
    /// The numbers of its parts.
    pub parts: Vec<usize>,
    /// What `--pick` took.
    pub nearest: Option<Picked>,
}

impl<'settings> Desk<'settings> {
    /// Lays `whole` on the desk; returns what the flags take of it, too.
    pub fn new(
        settings: &'settings Settings,
        watched: Watched,
        whole: Document,
        picker: Picker,
    ) -> Result<(Self, Taken), Trouble> {
        let taken = by_flags(settings, &whole, &picker)?;
        let text = Arc::from(taken.document.text.as_str());
        Ok((Self { settings, watched, picker, whole: Arc::new(whole), choice: None, text }, taken))
    }

    pub fn whole(&self) -> Arc<Document> {
        self.whole.clone()
    }

    /// Does what is wanted of the files. `None`: nothing is another than it was.
    pub fn look(&mut self, look: Look<'_>) -> Option<Looked> {
        match look {
            Look::Choose(choice) => Some(self.choose(choice)),
            Look::Again => match self.changed() {
                Ok(looked) => looked,
                Err(trouble) => Some(Looked { news: News::Unreadable(trouble.message), document: None, whole: None }),
            },
        }
    }

    fn choose(&mut self, choice: &Choice) -> Looked {
        let document = Arc::new(self.whole.with_parts(&choice.parts));
        self.choice = Some(choice.clone());
        self.text = Arc::from(document.text.as_str());
        let (count, all) = (choice.parts.len(), self.whole.parts().len());
        let words = if count == all { format!("all {all} parts") } else { format!("{count} of {all} parts") };
        let pages = self.settings.pages.as_ref().map(|pages| format!("pages {pages}"));
        let part = part_in_words(&choice.parts, all).or(pages);
        let chosen = Chosen { text: self.text.clone(), words, part, offer: choice.offer };
        Looked { news: News::Chosen(chosen), document: Some(document), whole: None }
    }

    fn changed(&mut self) -> Result<Option<Looked>, Trouble> {
        let Some(whole) = self.watched.changed()? else { return Ok(None) };
        let whole = headless::chosen_pages(self.settings, whole)?;
        let document = match &self.choice {
            Some(choice) => still_there(&whole, choice)?,
            None => by_flags(self.settings, &whole, &self.picker)?.document,
        };
        self.whole = Arc::new(whole);
        let place = headless::place(&document, &self.text);
        self.text = Arc::from(document.text.as_str());
        let ends = document.parts().iter().map(|part| part.span.end).collect();
        let news = News::Changed(NewText { text: self.text.clone(), ends, place });
        Ok(Some(Looked { news, document: Some(Arc::new(document)), whole: Some(self.whole.clone()) }))
    }
}

fn by_flags(settings: &Settings, whole: &Document, picker: &Picker) -> Result<Taken, Trouble> {
    let (parts, document) = match &settings.parts {
        Some(written) => {
            let parts = whole.part_numbers(written)?;
            let document = whole.with_parts(&parts);
            (parts, document)
        }
        None => ((1..=whole.parts().len()).collect(), whole.clone()),
    };
    let (document, nearest) = picker.apply(document)?;
    let parts = match &nearest {
        Some(nearest) => of_pieces(nearest, &parts),
        None => parts,
    };
    Ok(Taken { document, parts, nearest })
}

/// The numbers of the parts that something was picked of, in the whole document, of which `parts` were there to pick from.
fn of_pieces(picked: &Picked, parts: &[usize]) -> Vec<usize> {
    let mut numbers: Vec<usize> = picked.pieces.iter().filter_map(|piece| parts.get(piece.part - 1).copied()).collect();
    numbers.dedup();
    numbers
}

/// The chosen parts that the document still has.
fn still_there(whole: &Document, choice: &Choice) -> Result<Document, Trouble> {
    let all = whole.parts().len();
    let parts: Vec<usize> = choice.parts.iter().copied().filter(|&number| number <= all).collect();
    if parts.is_empty() {
        let told = format!("the document has {all} parts now, none of them those that were chosen");
        return Err(Trouble::new(Exit::Input, told, None));
    }
    Ok(whole.with_parts(&parts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lunette::document::{Input, ReadOptions, load};

    fn book(chapters: usize) -> Document {
        let chapter = |number: usize| format!("# Chapter {number}\n\nText {number}.\n\n");
        let text = (1..=chapters).map(chapter).collect::<String>();
        let input = Input::Memory { name: "book.md".to_owned(), bytes: text.into_bytes().into() };
        load(&[input], &ReadOptions::default(), &mut std::io::empty()).expect("text")
    }

    fn choice(parts: &[usize]) -> Choice {
        Choice { parts: parts.to_vec(), offer: None }
    }

    #[test]
    fn chosen_parts_stay_by_number_when_the_document_grows_or_shrinks() {
        let six = still_there(&book(6), &choice(&[2, 5])).expect("both are there");
        assert!(six.text.contains("Text 2.") && six.text.contains("Text 5.") && !six.text.contains("Text 3."));
        let three = still_there(&book(3), &choice(&[2, 5])).expect("one is there");
        assert!(three.text.contains("Text 2.") && !three.text.contains("Text 3."));
        let gone = still_there(&book(1), &choice(&[2, 5])).expect_err("nothing is left");
        assert_eq!(gone.message, "the document has 1 parts now, none of them those that were chosen");
    }
}
