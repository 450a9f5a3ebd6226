//! All commands, in the order of the help.

use super::intent::Focus::{Entry, Input, List, MarkName, Parts, Reader, Sessions, Transcript};
use super::intent::{Field, Focus, Intent, Scroll};
use crate::swaa::ChainOfThought as Cot;

/// A row of the table.
#[derive(Debug)]
pub(in crate::tui) struct KeyCommand {
    /// The name in the configuration, such as `contents`.
    pub name: &'static str,
    pub places: &'static [Focus],
    /// The default keys, in the syntax of [`super::chord::Chord`].
    pub keys: &'static [&'static str],
    pub intent: Intent,
    /// The description in the help.
    pub what: &'static str,
}

/// The input box and both panes.
const MAIN: &[Focus] = &[Input, Transcript, Reader];
/// Where a preset key works.
const CHOOSING: &[Focus] = &[Input, Transcript, Reader, List, Parts];
const PANELS: &[Focus] = &[Transcript, Reader];
const ALL: &[Focus] = &[Input, Transcript, Reader, List, Parts, Sessions, Entry, MarkName];
const MOVING: &[Focus] = &[Transcript, Reader, List, Parts, Sessions, Entry];
const PAGING: &[Focus] = &[Transcript, Reader, List, Parts, Sessions];
/// Where something can be opened; of lists, only from the start.
const OPENING: &[Focus] = &[Input, Transcript, Reader, List];
/// Where the next and previous preset can be selected.
const SWITCHING: &[Focus] = &[Input, Transcript, Reader, Parts];

const fn row(
    name: &'static str,
    places: &'static [Focus],
    keys: &'static [&'static str],
    intent: Intent,
    what: &'static str,
) -> KeyCommand {
    KeyCommand { name, places, keys, intent, what }
}

pub(in crate::tui) static COMMANDS: &[KeyCommand] = &[
    row("ask", &[Input], &["enter"], Intent::Submit, "send; on an empty line, confirm or continue reading"),
    row("newline", &[Input], &["ctrl-j", "alt-enter", "shift-enter"], Intent::Newline, "new line"),
    row("earlier", &[Input], &["up"], Intent::Earlier, "previous question"),
    row("later", &[Input], &["down"], Intent::Later, "next question"),
    row("choose", &[List, Sessions, Entry], &["enter"], Intent::Submit, "select"),
    row("confirm", PANELS, &["enter"], Intent::Submit, "confirm, or show the quoted passage"),
    row("resume", PANELS, &["r"], Intent::Resume, "continue reading"),
    row("stop", ALL, &["esc"], Intent::Escape, "stop, close or go back; progress is kept"),
    row("next-pane", MAIN, &["tab"], Intent::NextPane, "next pane: transcript, document, question"),
    row("previous-pane", MAIN, &["backtab"], Intent::PreviousPane, "previous pane"),
    row("to-input", PANELS, &["i"], Intent::ToInput, "go to the question"),
    row("panes", MAIN, &["w", "alt-w"], Intent::Panes, "change layout: side by side, stacked, single"),
    row(
        "open",
        OPENING,
        &["o", "alt-o"],
        Intent::Edit(Field::Open),
        "open a document, a folder or a model by its path",
    ),
    row("recent", OPENING, &["O"], Intent::Start, "recent documents and the demo"),
    row("demo", MAIN, &[], Intent::Demo, "open Pride and Prejudice: what this machine reads in a minute"),
    row("new", MAIN, &["alt-n"], Intent::NewConversation, "new conversation about this document"),
    row(
        "sessions",
        OPENING,
        &["H", "alt-h"],
        Intent::Sessions,
        "saved conversations: go on with one, find, copy, remove",
    ),
    row("session-find", &[Sessions], &["/"], Intent::Search, "find what was asked, answered or thought"),
    row("session-name", &[Sessions], &["n"], Intent::NameSession, "name the conversation"),
    row("session-copy", &[Sessions], &["c"], Intent::CopySession, "copy the conversation"),
    row("session-export", &[Sessions], &["x"], Intent::ExportMarkdown, "export the conversation as markdown"),
    row("session-remove", &[Sessions], &["d"], Intent::RemoveSession, "remove the conversation (twice)"),
    row("name", MAIN, &[], Intent::Edit(Field::Name), "name the conversation"),
    row("models", OPENING, &["M", "alt-l"], Intent::Models, "use another model; the conversation stays"),
    row("contents", MAIN, &["t", "alt-t"], Intent::Contents, "table of contents"),
    row("parts", MAIN, &["s", "alt-s"], Intent::Parts, "choose which parts to read, with their cost"),
    row(
        "until-here",
        MAIN,
        &["u", "alt-u"],
        Intent::UntilHere,
        "ask up to here: what comes later is not told; again: about all of it",
    ),
    row("parts-tick", &[Parts], &["space"], Intent::Tick, "tick or untick; a folder with everything in it"),
    row("parts-all", &[Parts], &["a"], Intent::TickAll, "tick all"),
    row("parts-none", &[Parts], &["n"], Intent::TickNone, "untick all"),
    row("parts-invert", &[Parts], &["i"], Intent::TickOthers, "invert the ticks"),
    row("parts-fitting", &[Parts], &["f"], Intent::TickFitting, "tick as many as fit, starting here"),
    row("parts-fold", &[Parts], &["left", "h"], Intent::Less, "fold, or go to the parent"),
    row("parts-unfold", &[Parts], &["right", "l"], Intent::More, "unfold"),
    row("parts-filter", &[Parts], &["/"], Intent::Search, "filter by name"),
    row("parts-take", &[Parts], &["enter"], Intent::Submit, "load the ticked parts"),
    row("search", &[Reader], &["/"], Intent::Search, "search the document"),
    row("find", &[Transcript], &["/"], Intent::Find, "search the transcript"),
    row("next-hit", PANELS, &["n"], Intent::NextHit, "next hit, or next quote in an answer"),
    row("previous-hit", PANELS, &["N"], Intent::PreviousHit, "previous hit or quote"),
    row("hits", &[Reader], &["l"], Intent::Hits, "list all hits"),
    row("next-part", &[Reader], &["}"], Intent::NextPart, "next chapter"),
    row("previous-part", &[Reader], &["{"], Intent::PreviousPart, "previous chapter (or start of this one)"),
    row("set-mark", &[Reader], &["m"], Intent::SetMark, "set a mark: m, then a letter"),
    row("go-to-mark", &[Reader], &["'"], Intent::GoToMark, "go to a mark: ', then its letter"),
    row("back", &[Reader], &["ctrl-o", "alt-left"], Intent::Back, "back to the previous position"),
    row("forward", &[Reader], &["ctrl-i", "alt-right"], Intent::Forward, "forward again"),
    row("drop-source", &[Transcript], &["d"], Intent::DropSource, "leave the selected source out and ask again"),
    row("add-source", &[Reader], &["P"], Intent::AddSource, "read this passage again and ask the last question again"),
    row("numbers", &[Reader], &["#"], Intent::Numbers, "show or hide line numbers"),
    row("edit-last", &[Transcript], &["e"], Intent::EditLast, "edit the last question and ask it again"),
    row("regenerate", &[Transcript], &["R"], Intent::Regenerate, "another answer to the last question"),
    row("continue", &[Transcript], &["c"], Intent::Continue, "continue an answer that was cut off"),
    row("fork", &[Transcript], &["F"], Intent::Fork, "continue from an earlier answer on a new branch"),
    row("branches", &[Transcript], &["B"], Intent::Branches, "list the branches of the conversation"),
    row("previous-branch", &[Transcript], &["<"], Intent::PreviousBranch, "show the previous branch"),
    row("next-branch", &[Transcript], &[">"], Intent::NextBranch, "show the next branch"),
    row("copy-answer", &[Transcript], &["y"], Intent::CopyAnswer, "copy the answer as markdown"),
    row("copy-code", &[Transcript], &["Y"], Intent::CopyCode, "copy the last code block"),
    row("export-markdown", &[Transcript], &["x"], Intent::ExportMarkdown, "export the conversation as markdown"),
    row("export-json", &[Transcript], &["X"], Intent::ExportJson, "export the conversation as JSON"),
    row("refer", &[Input], &["alt-r"], Intent::Refer, "refer to a part or file, like @"),
    row("editor", &[Input], &["ctrl-g"], Intent::Editor, "edit the question in $EDITOR"),
    row("palette", MAIN, &["ctrl-p", ":"], Intent::Palette, "all commands by name; also / in an empty question"),
    row("suspend", MAIN, &["ctrl-z"], Intent::Suspend, "suspend; fg resumes"),
    row("up", MOVING, &["k", "up"], Intent::Scroll(Scroll::Up), "up"),
    row("down", MOVING, &["j", "down"], Intent::Scroll(Scroll::Down), "down"),
    row("half-up", PAGING, &["ctrl-u"], Intent::Scroll(Scroll::HalfUp), "half a page up"),
    row("half-down", PAGING, &["ctrl-d"], Intent::Scroll(Scroll::HalfDown), "half a page down"),
    row(
        "page-up",
        &[Input, Transcript, Reader, List, Parts, Sessions],
        &["pageup", "b"],
        Intent::Scroll(Scroll::PageUp),
        "page up",
    ),
    row(
        "page-down",
        &[Input, Transcript, Reader, List, Sessions],
        &["pagedown", "space"],
        Intent::Scroll(Scroll::PageDown),
        "page down",
    ),
    row("parts-page-down", &[Parts], &["pagedown"], Intent::Scroll(Scroll::PageDown), "page down"),
    row("top", PAGING, &["g", "home"], Intent::Scroll(Scroll::Top), "go to the beginning"),
    row("bottom", PAGING, &["G", "end"], Intent::Scroll(Scroll::Bottom), "go to the end"),
    row("presets", MAIN, &["p", "alt-p"], Intent::Presets, "presets: what each does here, and what it costs"),
    row("compare", MAIN, &["a", "alt-a"], Intent::Versus, "ask one question with two presets (A/B)"),
    row("figures", MAIN, &["f", "alt-m"], Intent::Figures, "measurements"),
    row("change", &[List], &["e"], Intent::Change, "edit a preset"),
    row("less", &[List], &["left", "h"], Intent::Less, "less"),
    row("more", &[List], &["right"], Intent::More, "more"),
    row("save", &[List], &["s"], Intent::Save, "save the preset to your configuration"),
    row("previous-preset", SWITCHING, &["[", "alt-up"], Intent::PreviousPreset, "previous preset"),
    row("next-preset", SWITCHING, &["]", "alt-down"], Intent::NextPreset, "next preset"),
    row("preset-0", CHOOSING, &["0", "alt-0"], Intent::Preset('0'), "use preset 0"),
    row("preset-1", CHOOSING, &["1", "alt-1", "f1"], Intent::Preset('1'), "use preset 1"),
    row("preset-2", CHOOSING, &["2", "alt-2", "f2"], Intent::Preset('2'), "use preset 2"),
    row("preset-3", CHOOSING, &["3", "alt-3", "f3"], Intent::Preset('3'), "use preset 3"),
    row("preset-4", CHOOSING, &["4", "alt-4", "f4"], Intent::Preset('4'), "use preset 4"),
    row("preset-5", CHOOSING, &["5", "alt-5", "f5"], Intent::Preset('5'), "use preset 5"),
    row("preset-6", CHOOSING, &["6", "alt-6", "f6"], Intent::Preset('6'), "use preset 6"),
    row("preset-7", CHOOSING, &["7", "alt-7", "f7"], Intent::Preset('7'), "use preset 7"),
    row("preset-8", CHOOSING, &["8", "alt-8", "f8"], Intent::Preset('8'), "use preset 8"),
    row("preset-9", CHOOSING, &["9", "alt-9", "f9"], Intent::Preset('9'), "use preset 9"),
    row("system-prompt", MAIN, &[], Intent::Edit(Field::System), "system prompt"),
    row("temperature", MAIN, &[], Intent::Edit(Field::Temperature), "temperature"),
    row("top-k", MAIN, &[], Intent::Edit(Field::TopK), "sampling: top-k"),
    row("top-p", MAIN, &[], Intent::Edit(Field::TopP), "sampling: top-p"),
    row("min-p", MAIN, &[], Intent::Edit(Field::MinP), "sampling: min-p"),
    row("repeat-penalty", MAIN, &[], Intent::Edit(Field::RepeatPenalty), "sampling: repeat penalty"),
    row("seed", MAIN, &[], Intent::Edit(Field::Seed), "sampling: seed"),
    row("max-tokens", MAIN, &[], Intent::Edit(Field::MaxTokens), "longest answer, in tokens"),
    row("room", MAIN, &[], Intent::Room, "what to do when the context is full"),
    row("theme", MAIN, &[], Intent::Themes, "colours: auto, dark, light, ansi, none"),
    row("reasoning", MAIN, &["ctrl-t"], Intent::ToggleReasoning, "show or hide the reasoning"),
    row("read-ahead", MAIN, &[], Intent::ReadAhead, "read the other presets in the background; again: no more"),
    row("think", MAIN, &["K", "alt-k"], Intent::Think(None), "think before answering: off, native, prompted"),
    row("think-off", MAIN, &[], Intent::Think(Some(Cot::Off)), "answer without thinking"),
    row("think-auto", MAIN, &[], Intent::Think(Some(Cot::Auto)), "think as the model's template has it"),
    row("think-native", MAIN, &[], Intent::Think(Some(Cot::Native)), "let the model think, if its template can"),
    row("think-prompted", MAIN, &[], Intent::Think(Some(Cot::Prompted)), "ask for the thoughts, then for the answer"),
    row("think-short", MAIN, &[], Intent::ReasoningBudget(Some(64)), "think for at most 64 tokens"),
    row("think-longer", MAIN, &[], Intent::ReasoningBudget(Some(512)), "think for at most 512 tokens"),
    row("think-freely", MAIN, &[], Intent::ReasoningBudget(None), "think without a limit of one's own"),
    row("answer-now", &[Input, Transcript], &["ctrl-o"], Intent::AnswerNow, "stop reasoning and answer"),
    row("help", MAIN, &["?"], Intent::Help, "this help"),
    row("redraw", ALL, &["ctrl-l"], Intent::Redraw, "redraw the screen"),
    row("interrupt", ALL, &["ctrl-c"], Intent::Interrupt, "stop, else clear, else quit (twice)"),
    row("leave", &[Transcript, Reader, List, Sessions], &["q"], Intent::Leave, "quit; in a list, close it"),
    row("leave-empty", &[Input], &["ctrl-d"], Intent::EndOfInput, "quit if the question is empty"),
];
