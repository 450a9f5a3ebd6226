//! The system prompt: the one for reading, the user's own, or none; and how a document is fenced.
//!
//! Small models answer from what they remember, or run on, unless they are told what to do with the text in front of
//! them. [`READING`] tells them, in few words. With any system prompt the document stands between two tags that name it,
//! so that a model can tell it from the question:
//!
//! ```text
//! <document title="Pride and Prejudice">
//! It is a truth universally acknowledged …
//! </document>
//!
//! Who is Mr. Collins?
//! ```
//!
//! Without a system prompt (`--no-system`, or an empty one) the bare document and the question are all there is. Which
//! wording brings how many right answers: `benches/results/answers.md`.
//!
//! This file doesn't arrange messages: [`super::prompt`] does.

use std::sync::Arc;

/// What a model is told about a document, unless the user says otherwise.
pub const READING: &str = "You are a careful reader. Answer each question about the document in one short sentence, unless more \
                           is asked for, using only what the document says.";

/// The system prompt of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SystemPrompt {
    /// [`READING`] if there is a document; nothing without one.
    #[default]
    Reading,
    Own(Arc<str>),
    Absent,
}

impl SystemPrompt {
    /// From `--system-prompt` or the configuration: `None` is [`SystemPrompt::Reading`], a blank text
    /// [`SystemPrompt::Absent`].
    #[must_use]
    pub fn of(written: Option<&str>) -> Self {
        match written {
            None => Self::Reading,
            Some(text) if text.trim().is_empty() => Self::Absent,
            Some(text) => Self::Own(text.into()),
        }
    }

    /// What a user makes of a prompt that was shown: blank is none, and [`READING`] is what it was.
    #[must_use]
    pub fn edited(text: Option<&str>) -> Self {
        match text {
            Some(text) if text.trim() == READING => Self::Reading,
            text => Self::of(Some(text.unwrap_or_default())),
        }
    }

    /// The text; `None` if the model is told nothing.
    #[must_use]
    pub fn text(&self, has_document: bool) -> Option<Arc<str>> {
        match self {
            Self::Reading => has_document.then(|| READING.into()),
            Self::Own(text) => (!text.trim().is_empty()).then(|| text.clone()),
            Self::Absent => None,
        }
    }
}

/// What stands before and after a document.
pub(super) struct Fence {
    pub opening: String,
    pub closing: &'static str,
}

/// The fence of the document called `title`, which may be empty.
pub(super) fn fence(title: &str) -> Fence {
    let opening = match as_attribute(title).as_str() {
        "" => "<document>\n".to_owned(),
        title => format!("<document title=\"{title}\">\n"),
    };
    Fence { opening, closing: "\n</document>" }
}

/// The title on one line, without what would end the attribute or the tag, and without the number of files: that changes
/// with the parts in use, and everything behind the tag would have to be prefilled again.
fn as_attribute(title: &str) -> String {
    let title = title.split(" · ").next().unwrap_or_default();
    let is_count = |rest: &str| rest.strip_suffix(" more").is_some_and(|count| count.parse::<u32>().is_ok());
    let title = title.rsplit_once(" and ").filter(|(_, rest)| is_count(rest)).map_or(title, |(first, _)| first);
    let plain = |c: char| match c {
        '"' => '\'',
        '<' | '>' => ' ',
        c if c.is_control() => ' ',
        c => c,
    };
    title.chars().map(plain).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_with_the_prompt_for_reading_unless_another_or_none_is_asked_for() {
        let told = |written, has_document| SystemPrompt::of(written).text(has_document);
        assert_eq!((told(None, true), told(None, false)), (Some(READING.into()), None));
        assert_eq!(told(Some("Be brief."), false), Some("Be brief.".into()));
        assert_eq!((told(Some(""), true), told(Some(" \n"), true)), (None, None));
        let edited = [None, Some(""), Some(READING), Some("Be brief.")].map(SystemPrompt::edited);
        let own = SystemPrompt::Own("Be brief.".into());
        assert_eq!(edited, [SystemPrompt::Absent, SystemPrompt::Absent, SystemPrompt::Reading, own]);
    }

    #[test]
    fn a_title_cannot_end_its_tag() {
        assert_eq!(fence("a \"b\">\n<c.txt").opening, "<document title=\"a 'b'   c.txt\">\n");
        assert_eq!(fence(" ").opening, "<document>\n");
    }

    #[test]
    fn a_title_stays_when_other_files_of_a_folder_are_used() {
        let tags = ["ignore/ · 22 files", "ignore/ · 3 of 22 files"].map(|title| fence(title).opening);
        assert_eq!(tags, ["<document title=\"ignore/\">\n"; 2]);
        assert_eq!(fence("a.txt and 2 more").opening, fence("a.txt and 1 more").opening);
        assert_eq!(fence("war and peace.txt").opening, "<document title=\"war and peace.txt\">\n");
    }
}
