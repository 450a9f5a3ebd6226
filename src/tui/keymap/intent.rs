//! What keys mean, and where.

use ratatui::crossterm::event::KeyEvent;

use crate::swaa::ChainOfThought;

/// What receives keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::tui) enum Focus {
    Input,
    Transcript,
    Reader,
    /// A popup list, such as contents or hits.
    List,
    /// The tree of the document's parts.
    Parts,
    /// The list of saved conversations.
    Sessions,
    /// A one-line input: a search, a command name.
    Entry,
    /// The next key names a mark.
    MarkName,
}

pub(super) const PLACES: [Focus; 8] = [
    Focus::Input,
    Focus::Transcript,
    Focus::Reader,
    Focus::List,
    Focus::Parts,
    Focus::Sessions,
    Focus::Entry,
    Focus::MarkName,
];

impl Focus {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Input => "the question",
            Self::Transcript => "the transcript",
            Self::Reader => "the document",
            Self::List => "lists",
            Self::Parts => "the tree of parts",
            Self::Sessions => "saved conversations",
            Self::Entry => "input lines",
            Self::MarkName => "mark names",
        }
    }

    /// Whether letters are typed text here.
    pub(super) const fn takes_text(self) -> bool {
        matches!(self, Self::Input | Self::Entry | Self::MarkName)
    }
}

/// What the user wants, whichever key it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) enum Intent {
    /// Typed text.
    Type(KeyEvent),
    Paste(String),
    Submit,
    Newline,
    /// Ctrl-C: stop, then clear, then leave.
    Interrupt,
    Escape,
    /// Ctrl-D: quit if the input is empty.
    EndOfInput,
    Leave,
    NextPane,
    PreviousPane,
    ToInput,
    Panes,
    ToggleReasoning,
    /// Reason like this before the next answers; `None`: the mode after the present one.
    Think(Option<ChainOfThought>),
    /// End reasoning after so many tokens.
    ReasoningBudget(Option<u32>),
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
    /// Search in the transcript.
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
    /// Continue from an earlier answer on a new branch.
    Fork,
    Branches,
    NextBranch,
    PreviousBranch,
    EditLast,
    Regenerate,
    /// Ask again without the selected source.
    DropSource,
    /// Ask again with what the document shows as a source.
    AddSource,
    Continue,
    CopyAnswer,
    CopyCode,
    ExportMarkdown,
    ExportJson,
    /// Insert a reference to a part or file.
    Refer,
    /// Edit the question in the user's editor.
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
    /// Invert the ticks.
    TickOthers,
    /// Tick what fits.
    TickFitting,
    /// Edit the selected item.
    Change,
    Less,
    More,
    Save,
    /// Read the other presets in the background, or no more.
    ReadAhead,
    /// Start a new conversation.
    NewConversation,
    /// Ask about what is before the page's end alone, or about all again.
    UntilHere,
    /// List what can be opened: recent documents, the demo.
    Start,
    /// Open the bundled book.
    Demo,
    /// List the saved conversations.
    Sessions,
    NameSession,
    CopySession,
    RemoveSession,
    /// List the models.
    Models,
    /// List the themes.
    Themes,
    /// List the ways out of a full context.
    Room,
    /// Type a value.
    Edit(Field),
    /// Already handled.
    Seen,
}

/// What can be typed into a popup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum Field {
    /// A path or an address.
    Open,
    /// The system prompt.
    System,
    /// The name of the conversation.
    Name,
    Temperature,
    TopK,
    TopP,
    MinP,
    RepeatPenalty,
    Seed,
    MaxTokens,
}

/// A scroll movement.
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
