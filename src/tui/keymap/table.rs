//! All commands, in the order of the help.

use super::intent::Focus::{Entry, Input, List, MarkName, Parts, Reader, Transcript};
use super::intent::{Focus, Intent, Scroll};

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
const ALL: &[Focus] = &[Input, Transcript, Reader, List, Parts, Entry, MarkName];
const MOVING: &[Focus] = &[Transcript, Reader, List, Parts, Entry];
const PAGING: &[Focus] = &[Transcript, Reader, List, Parts];
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
    row("ask", &[Input], &["enter"], Intent::Submit, "ask; on an empty line: yes to what is asked, or read on"),
    row("newline", &[Input], &["ctrl-j", "alt-enter", "shift-enter"], Intent::Newline, "a new line in the question"),
    row("earlier", &[Input], &["up"], Intent::Earlier, "the question before"),
    row("later", &[Input], &["down"], Intent::Later, "the question after"),
    row("choose", &[List, Entry], &["enter"], Intent::Submit, "go there"),
    row("confirm", PANELS, &["enter"], Intent::Submit, "go on with what is asked; to the passage that is quoted"),
    row("resume", PANELS, &["r"], Intent::Resume, "read on"),
    row("stop", ALL, &["esc"], Intent::Escape, "stop, close, go back; what was read and said is kept"),
    row("next-pane", MAIN, &["tab"], Intent::NextPane, "to the transcript, the document, the question"),
    row("previous-pane", MAIN, &["backtab"], Intent::PreviousPane, "the other way round"),
    row("to-input", PANELS, &["i"], Intent::ToInput, "to the question"),
    row("panes", MAIN, &["w", "alt-w"], Intent::Panes, "side by side, stacked, one alone"),
    row("contents", MAIN, &["t", "alt-t"], Intent::Contents, "the document's contents"),
    row("parts", MAIN, &["s", "alt-s"], Intent::Parts, "choose the parts that are read; what they take"),
    row("parts-tick", &[Parts], &["space"], Intent::Tick, "tick or untick, a folder with all in it"),
    row("parts-all", &[Parts], &["a"], Intent::TickAll, "tick all"),
    row("parts-none", &[Parts], &["n"], Intent::TickNone, "tick none"),
    row("parts-invert", &[Parts], &["i"], Intent::TickOthers, "tick what was not ticked"),
    row("parts-fitting", &[Parts], &["f"], Intent::TickFitting, "tick as many as fit, from here on"),
    row("parts-fold", &[Parts], &["left", "h"], Intent::Less, "fold, or go to what it lies in"),
    row("parts-unfold", &[Parts], &["right", "l"], Intent::More, "unfold"),
    row("parts-filter", &[Parts], &["/"], Intent::Search, "show only those whose names have some words"),
    row("parts-take", &[Parts], &["enter"], Intent::Submit, "read what is ticked"),
    row("search", &[Reader], &["/"], Intent::Search, "search in the document"),
    row("find", &[Transcript], &["/"], Intent::Find, "search in what was asked, thought and said"),
    row("next-hit", PANELS, &["n"], Intent::NextHit, "the next hit, or the next quote of an answer"),
    row("previous-hit", PANELS, &["N"], Intent::PreviousHit, "the hit or quote before"),
    row("hits", &[Reader], &["l"], Intent::Hits, "list all hits"),
    row("next-part", &[Reader], &["}"], Intent::NextPart, "the next chapter"),
    row("previous-part", &[Reader], &["{"], Intent::PreviousPart, "the chapter's start, the one before"),
    row("set-mark", &[Reader], &["m"], Intent::SetMark, "mark this place: m, then a letter"),
    row("go-to-mark", &[Reader], &["'"], Intent::GoToMark, "to a mark: ', then its letter"),
    row("back", &[Reader], &["ctrl-o", "alt-left"], Intent::Back, "back to where you were"),
    row("forward", &[Reader], &["ctrl-i", "alt-right"], Intent::Forward, "forward again"),
    row("numbers", &[Reader], &["#"], Intent::Numbers, "show or hide line numbers"),
    row("edit-last", &[Transcript], &["e"], Intent::EditLast, "change the last question and ask it again"),
    row("regenerate", &[Transcript], &["R"], Intent::Regenerate, "another answer to the last question"),
    row("continue", &[Transcript], &["c"], Intent::Continue, "let an answer that was cut off go on"),
    row("fork", &[Transcript], &["F"], Intent::Fork, "go on from an earlier answer on a branch of its own"),
    row("branches", &[Transcript], &["B"], Intent::Branches, "list the branches of the conversation"),
    row("previous-branch", &[Transcript], &["<"], Intent::PreviousBranch, "show the branch before"),
    row("next-branch", &[Transcript], &[">"], Intent::NextBranch, "show the next branch"),
    row("copy-answer", &[Transcript], &["y"], Intent::CopyAnswer, "copy the answer, as it was written"),
    row("copy-code", &[Transcript], &["Y"], Intent::CopyCode, "copy the last block of code"),
    row("export-markdown", &[Transcript], &["x"], Intent::ExportMarkdown, "export the conversation as markdown"),
    row("export-json", &[Transcript], &["X"], Intent::ExportJson, "export the conversation as JSON"),
    row("refer", &[Input], &["alt-r"], Intent::Refer, "refer to a part or a file, as @ does"),
    row("editor", &[Input], &["ctrl-g"], Intent::Editor, "write the question in $EDITOR"),
    row("palette", MAIN, &["ctrl-p", ":"], Intent::Palette, "all commands by their names; / in an empty question, too"),
    row("suspend", MAIN, &["ctrl-z"], Intent::Suspend, "suspend; fg comes back"),
    row("up", MOVING, &["k", "up"], Intent::Scroll(Scroll::Up), "up"),
    row("down", MOVING, &["j", "down"], Intent::Scroll(Scroll::Down), "down"),
    row("half-up", PAGING, &["ctrl-u"], Intent::Scroll(Scroll::HalfUp), "half a page up"),
    row("half-down", PAGING, &["ctrl-d"], Intent::Scroll(Scroll::HalfDown), "half a page down"),
    row(
        "page-up",
        &[Input, Transcript, Reader, List, Parts],
        &["pageup", "b"],
        Intent::Scroll(Scroll::PageUp),
        "a page up",
    ),
    row(
        "page-down",
        &[Input, Transcript, Reader, List],
        &["pagedown", "space"],
        Intent::Scroll(Scroll::PageDown),
        "a page down",
    ),
    row("parts-page-down", &[Parts], &["pagedown"], Intent::Scroll(Scroll::PageDown), "a page down"),
    row("top", PAGING, &["g", "home"], Intent::Scroll(Scroll::Top), "to the beginning"),
    row("bottom", PAGING, &["G", "end"], Intent::Scroll(Scroll::Bottom), "to the end"),
    row("presets", MAIN, &["p", "alt-p"], Intent::Presets, "the presets: what each means here and costs"),
    row("compare", MAIN, &["a", "alt-a"], Intent::Versus, "ask one question under two presets (A/B)"),
    row("figures", MAIN, &["f", "alt-f"], Intent::Figures, "what was measured"),
    row("change", &[List], &["e"], Intent::Change, "change a preset"),
    row("less", &[List], &["left", "h"], Intent::Less, "less"),
    row("more", &[List], &["right"], Intent::More, "more"),
    row("save", &[List], &["s"], Intent::Save, "save the preset to your configuration"),
    row("previous-preset", SWITCHING, &["[", "alt-up"], Intent::PreviousPreset, "read by the preset before"),
    row("next-preset", SWITCHING, &["]", "alt-down"], Intent::NextPreset, "read by the next preset"),
    row("preset-0", CHOOSING, &["0", "alt-0"], Intent::Preset('0'), "read by preset 0"),
    row("preset-1", CHOOSING, &["1", "alt-1", "f1"], Intent::Preset('1'), "read by preset 1"),
    row("preset-2", CHOOSING, &["2", "alt-2", "f2"], Intent::Preset('2'), "read by preset 2"),
    row("preset-3", CHOOSING, &["3", "alt-3", "f3"], Intent::Preset('3'), "read by preset 3"),
    row("preset-4", CHOOSING, &["4", "alt-4", "f4"], Intent::Preset('4'), "read by preset 4"),
    row("preset-5", CHOOSING, &["5", "alt-5", "f5"], Intent::Preset('5'), "read by preset 5"),
    row("preset-6", CHOOSING, &["6", "alt-6", "f6"], Intent::Preset('6'), "read by preset 6"),
    row("preset-7", CHOOSING, &["7", "alt-7", "f7"], Intent::Preset('7'), "read by preset 7"),
    row("preset-8", CHOOSING, &["8", "alt-8", "f8"], Intent::Preset('8'), "read by preset 8"),
    row("preset-9", CHOOSING, &["9", "alt-9", "f9"], Intent::Preset('9'), "read by preset 9"),
    row("reasoning", MAIN, &["ctrl-t"], Intent::ToggleReasoning, "open or fold the reasoning"),
    row("answer-now", &[Input, Transcript], &["ctrl-o"], Intent::AnswerNow, "end the reasoning and answer"),
    row("help", MAIN, &["?"], Intent::Help, "this help"),
    row("redraw", ALL, &["ctrl-l"], Intent::Redraw, "draw the screen afresh"),
    row("interrupt", ALL, &["ctrl-c"], Intent::Interrupt, "stop, then clear, then leave"),
    row("leave", PANELS, &["q"], Intent::Leave, "leave, quit"),
    row("leave-empty", &[Input], &["ctrl-d"], Intent::EndOfInput, "leave, when nothing is written"),
];
