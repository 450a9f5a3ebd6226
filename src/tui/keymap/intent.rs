//! What keys mean, and where they mean it.

use ratatui::crossterm::event::KeyEvent;

/// Who gets the letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::tui) enum Focus {
    Input,
    Transcript,
    Reader,
    /// A list that lies over everything: contents, hits.
    List,
    /// The tree of the document's parts.
    Parts,
    /// A line that is typed: what is searched for, a command's name.
    Entry,
    /// The name of a mark is waited for.
    MarkName,
}

pub(super) const PLACES: [Focus; 7] =
    [Focus::Input, Focus::Transcript, Focus::Reader, Focus::List, Focus::Parts, Focus::Entry, Focus::MarkName];

impl Focus {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Input => "the question",
            Self::Transcript => "the transcript",
            Self::Reader => "the document",
            Self::List => "lists",
            Self::Parts => "the tree of parts",
            Self::Entry => "lines that are typed",
            Self::MarkName => "the names of marks",
        }
    }

    /// Whether letters are text here.
    pub(super) const fn takes_text(self) -> bool {
        matches!(self, Self::Input | Self::Entry | Self::MarkName)
    }
}

/// What a person wants, whatever key said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) enum Intent {
    /// For whatever takes text.
    Type(KeyEvent),
    Paste(String),
    Submit,
    Newline,
    /// Ctrl-C: stop, then clear, then leave.
    Interrupt,
    Escape,
    /// Ctrl-D: leave, when nothing is written.
    EndOfInput,
    Leave,
    NextPane,
    PreviousPane,
    ToInput,
    Panes,
    ToggleReasoning,
    AnswerNow,
    Resume,
    Help,
    Redraw,
    Scroll(Scroll),
    Preset(char),
    NextPreset,
    PreviousPreset,
    Earlier,
    Later,
    Contents,
    Search,
    /// In the transcript.
    Find,
    Hits,
    NextHit,
    PreviousHit,
    NextPart,
    PreviousPart,
    SetMark,
    GoToMark,
    Back,
    Forward,
    Numbers,
    /// Goes on from an earlier place on a branch of its own.
    Fork,
    Branches,
    NextBranch,
    PreviousBranch,
    EditLast,
    Regenerate,
    Continue,
    CopyAnswer,
    CopyCode,
    ExportMarkdown,
    ExportJson,
    /// A name of a part or a file is put into the question.
    Refer,
    /// The question in the user's own editor.
    Editor,
    Palette,
    Suspend,
    Presets,
    /// One question under two presets.
    Versus,
    Figures,
    /// The tree of the document's parts.
    Parts,
    Tick,
    TickAll,
    TickNone,
    /// What was not ticked.
    TickOthers,
    /// As many as fit.
    TickFitting,
    /// Changes what is chosen in a list.
    Change,
    Less,
    More,
    Save,
    /// Was done already.
    Seen,
}

/// A movement through what has the focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum Scroll {
    Up,
    Down,
    HalfUp,
    HalfDown,
    PageUp,
    PageDown,
    Top,
    Bottom,
}
