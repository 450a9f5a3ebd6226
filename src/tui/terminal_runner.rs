//! Carries out the loop's commands at a real terminal: the chat's effects, the clipboard, export, editor and Ctrl-Z.

use std::io::{self, stdout};
use std::path::{Path, PathBuf};

use super::clipboard::{Clipboard, CopiedTo};
use super::editor::edit;
use super::guard::lend;
use super::options::Options;
use super::recents::{self, Left};
use super::runner::{LoopCommand, Reply, Runner};
use super::saved::{copied, found, listed, named, removed};
use super::terminal_input::{stop, with_stops_released};
use super::ui_command::UiCommand;
use crate::chat::export::as_markdown;
use crate::chat::{Chat, Source};
use crate::failure::Hint;
use crate::fit::written;
use crate::harmless;
use crate::session::{EffectResult, EffectRunner, Recorder, ReloadRequest, Selection};
use crate::settings::argv::GivenFlags;
use crate::settings::{ThemeChoice, add_preset};
use crate::store::file::write_whole;
use crate::swaa::Preset;

/// Carries out commands at a real terminal.
pub(super) struct TerminalRunner<'settings> {
    effects: EffectRunner<'settings>,
    options: Options,
    /// The file name of exports.
    title: String,
    clipboard: Clipboard,
}

impl<'settings> TerminalRunner<'settings> {
    pub(super) fn new(effects: EffectRunner<'settings>, options: Options, title: String) -> Self {
        Self { effects, options, title, clipboard: Clipboard::default() }
    }
}

impl TerminalRunner<'_> {
    /// Notes the document among the recent ones; its tokens, once all of it is read.
    pub(super) fn note(&mut self, chat: &Chat) {
        let files = self.effects.files();
        let is_whole = files.parts().len() == files.whole().parts().len() && chat.parts_read(usize::MAX) == usize::MAX;
        let tokens = chat.cache_state.as_ref().filter(|state| is_whole && state.is_complete());
        let tokens = tokens.map(|state| state.document_tokens);
        let (source, title) = (files.source().clone(), files.title());
        recents::note(self.effects.recorder(), &source, self.options.home.as_deref(), &title, tokens);
    }

    /// What saves the conversation.
    pub(super) fn recorder(&mut self) -> &mut Recorder {
        self.effects.recorder()
    }
}

impl TerminalRunner<'_> {
    /// How to open the same documents again, with the same flags; `None` if their names don't.
    pub(super) fn farewell(&self, chat: &Chat) -> Option<String> {
        let files = self.effects.files();
        let is_saved = chat.is_saved() && !chat.transcript.is_empty();
        let conversation =
            if is_saved { vec!["--continue".to_owned()] } else { self.options.given.conversation.clone() };
        let flags = flags_again(&self.options.given, files.selection(), self.effects.other_model());
        let words = words_again(files.source(), &[conversation, flags].concat())?;
        Some(format!("to come back: lunette {words}"))
    }
}

/// The flags that were given, as far as they still hold: parts that were chosen by hand and another model replace theirs.
fn flags_again(given: &GivenFlags, selection: Selection<'_>, other_model: Option<&Path>) -> Vec<String> {
    let flag = |name: &str, value: String| vec![name.to_owned(), value];
    let model = other_model.map(|file| flag("-m", file.to_string_lossy().into_owned()));
    let selected = match selection {
        Selection { by_hand: Some(parts), .. } => flag("--parts", written(parts)),
        Selection { is_replaced: false, .. } if !given.selection.is_empty() => given.selection.clone(),
        Selection { parts: Some(parts), .. } => flag("--parts", parts.to_owned()),
        Selection { pages: Some(pages), .. } => flag("--pages", pages.to_owned()),
        _ => Vec::new(),
    };
    [model.unwrap_or_else(|| given.model.clone()), given.others.clone(), selected].concat()
}

/// The command line after `lunette`; `None` for standard input and for no document.
fn words_again(source: &Source, flags: &[String]) -> Option<String> {
    let flags = flags.iter().cloned();
    let words: Vec<String> = match source {
        Source::Demo => ["demo".to_owned()].into_iter().chain(flags).collect(),
        Source::Named(names) if names.is_empty() || names.iter().any(|name| name == "-") => return None,
        Source::Named(names) => flags.chain(names.iter().map(|name| not_a_flag(name))).collect(),
    };
    Some(words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "))
}

fn not_a_flag(name: &str) -> String {
    if name.starts_with('-') { format!("./{name}") } else { name.to_owned() }
}

/// `name` as a shell takes it.
fn quoted(name: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-~:+,=@".contains(c);
    if name.chars().all(is_plain) { name.to_owned() } else { format!("'{}'", name.replace('\'', "'\\''")) }
}

impl Runner for TerminalRunner<'_> {
    fn run(&mut self, command: LoopCommand) -> io::Result<Reply> {
        match command {
            LoopCommand::Chat(effect) => self.effects.run(effect),
            LoopCommand::Look => {
                let patience = self.effects.look();
                return Ok(patience.map_or_else(|| self.reload(ReloadRequest::Again), Reply::Looking));
            }
            LoopCommand::Reload => return Ok(self.reload(ReloadRequest::Again)),
            LoopCommand::Opened(left) => return Ok(self.opened(left.as_ref())),
            LoopCommand::Screen(command) => return self.run_for_screen(command),
        }
        Ok(Reply::Nothing)
    }

    async fn next(&mut self) -> EffectResult {
        self.effects.next().await
    }

    fn try_next(&mut self) -> Option<EffectResult> {
        self.effects.try_next()
    }
}

impl TerminalRunner<'_> {
    fn run_for_screen(&mut self, command: UiCommand) -> io::Result<Reply> {
        Ok(match command {
            UiCommand::Copy { text, name } => Reply::Message(self.copy(&text, name)),
            UiCommand::Export { text, name, ending } => {
                Reply::Message(self.export(&text, name.as_ref().unwrap_or(&self.title), ending))
            }
            UiCommand::SavePreset(preset) => Reply::Message(self.save(&preset)),
            UiCommand::Edit(text) => {
                let edit = || with_stops_released(|| edit(&text, self.options.editor.as_deref()));
                lend(edit)?.map_or_else(Reply::Message, Reply::Edited)
            }
            UiCommand::Suspend => lend(suspend)?,
            UiCommand::Reclaim => lend(|| Reply::Nothing)?,
            UiCommand::TakeParts(choice) => self.reload(ReloadRequest::Choose(&choice)),
            UiCommand::Remember(question) => {
                self.remember(&question);
                Reply::Nothing
            }
            UiCommand::Complete(text) => {
                let completed = self.effects.complete(&text);
                Reply::Completed(text, completed)
            }
            UiCommand::ListSessions => listed(self.effects.recorder(), None),
            UiCommand::FindSessions(text) => found(self.effects.recorder(), text),
            UiCommand::NameSession { id, name } => named(self.effects.recorder(), id, &name),
            UiCommand::CopySession(id) => copied(self.effects.recorder(), id),
            UiCommand::RemoveSession(id) => removed(self.effects.recorder(), id),
            UiCommand::ExportSession(id) => self.export_session(id),
            UiCommand::ListModels => Reply::Models(self.effects.known_models()),
            UiCommand::UseTheme(ThemeChoice::Auto) => Reply::Theme(self.options.theme),
            UiCommand::UseTheme(theme) => Reply::Theme(theme),
            UiCommand::CountParts(of) => {
                self.effects.count_parts(of);
                Reply::Nothing
            }
            UiCommand::Propose { of, parts } => {
                self.effects.propose(of, parts);
                Reply::Nothing
            }
        })
    }

    fn reload(&mut self, request: ReloadRequest<'_>) -> Reply {
        self.effects.reload(request).map_or(Reply::Nothing, Reply::Reloaded)
    }

    /// Uses the documents that were opened, and notes them among the recent ones.
    fn opened(&mut self, left: Option<&Left>) -> Reply {
        let Some(reloaded) = self.effects.reload(ReloadRequest::Opened) else { return Reply::Nothing };
        if let Some(left) = left {
            recents::remember(self.effects.recorder(), left);
        }
        let files = self.effects.files();
        let (source, document, parts) = (files.source().clone(), files.document(), files.parts().to_vec());
        self.title = files.title();
        recents::note(self.effects.recorder(), &source, self.options.home.as_deref(), &self.title, None);
        let place = recents::place(self.effects.recorder(), &document);
        Reply::Opened { reloaded, parts, place }
    }

    fn remember(&mut self, question: &str) {
        let Some(database) = self.effects.recorder().database() else { return };
        if let Err(error) = database.add_question(question) {
            tracing::warn!(%error, "a question is not remembered");
        }
    }

    /// Copies `text` without control characters: users may paste it into a shell.
    fn copy(&mut self, text: &str, name: &str) -> String {
        match self.clipboard.copy(&harmless::text(text), &mut stdout(), self.options.in_tmux) {
            CopiedTo::Clipboard => format!("copied {name}"),
            CopiedTo::Tmux => format!("copied {name} to tmux's paste buffer"),
            CopiedTo::Terminal => format!("gave {name} to the terminal, which may not take it; x exports it"),
            CopiedTo::Nowhere => format!("{name} is too long for the terminal's clipboard; x exports it"),
        }
    }

    fn save(&self, preset: &Preset) -> String {
        let file = &self.options.config;
        match add_preset(file, preset) {
            Ok(()) => format!("saved as {} to {}", preset.name, file.display()),
            Err(error) => {
                let hint = error.hint().map_or(String::new(), |hint| format!(" · {hint}"));
                format!("not saved to {}: {error}{hint}", file.display())
            }
        }
    }

    fn export_session(&mut self, id: i64) -> Reply {
        match self.effects.saved_chat(id) {
            Ok(chat) => {
                let name = chat.name.as_deref().unwrap_or(&chat.document.title).to_owned();
                Reply::Message(self.export(&as_markdown(&chat), &name, "md"))
            }
            Err(error) => Reply::Message(format!("not exported: {error}")),
        }
    }

    fn export(&self, text: &str, name: &str, ending: &str) -> String {
        let path = free_path(&self.options.exports, name, ending);
        match write_whole(&path, text) {
            Ok(()) => format!("written to {}", path.display()),
            Err(error) => format!("cannot write {}: {error}", path.display()),
        }
    }
}

/// The first free name: `Pride and Prejudice.md`, `Pride and Prejudice 2.md`, …
fn free_path(folder: &Path, title: &str, ending: &str) -> PathBuf {
    let safe: String = title.chars().map(|c| if c.is_alphanumeric() || " -_.".contains(c) { c } else { '-' }).collect();
    // A name that begins with a dash is a flag to other programs, and one with a dot is hidden.
    let safe = safe.trim_start_matches(['.', ' ', '-']);
    let stem = if safe.is_empty() { "conversation" } else { safe };
    let named = |number: u32| match number {
        1 => folder.join(format!("{stem}.{ending}")),
        number => folder.join(format!("{stem} {number}.{ending}")),
    };
    (1..u32::MAX).map(named).find(|path| !path.exists()).expect("some number is free")
}

/// Suspends the process until the shell resumes it.
fn suspend() -> Reply {
    match stop() {
        Ok(()) => Reply::Nothing,
        Err(error) => Reply::Message(format!("cannot suspend: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_name_is_written_as_a_shell_takes_it() {
        let cases = [
            ("~/a/b.txt", "~/a/b.txt"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("https://a.b/c?d", "'https://a.b/c?d'"),
        ];
        for (name, expected) in cases {
            assert_eq!(quoted(name), expected);
        }
    }

    #[test]
    fn whoever_comes_back_has_the_flags_that_still_hold() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let given = GivenFlags {
            model: words("-m small"),
            selection: words("--parts 3-7"),
            conversation: Vec::new(),
            others: words("-t 2"),
        };
        let named = Source::Named(vec!["a b.txt".to_owned(), "-c.txt".to_owned()]);
        let again = |source, selection, other: Option<&str>| {
            words_again(source, &flags_again(&given, selection, other.map(Path::new))).expect("a name")
        };
        let by_flags = Selection { parts: Some("3-7"), ..Selection::default() };
        assert_eq!(again(&named, by_flags, None), "-m small -t 2 --parts 3-7 'a b.txt' ./-c.txt");
        let by_hand = Selection { by_hand: Some(&[2, 3, 5]), ..by_flags };
        assert_eq!(again(&Source::Demo, by_hand, None), "demo -m small -t 2 --parts 2-3,5");
        let replaced = Selection { is_replaced: true, ..Selection::default() };
        assert_eq!(again(&Source::Demo, replaced, Some("/m/x y.gguf")), "demo -m '/m/x y.gguf' -t 2");
        let pages = Selection { pages: Some("2-4"), ..replaced };
        assert_eq!(again(&Source::Demo, pages, None), "demo -m small -t 2 --pages 2-4");
        assert_eq!(words_again(&Source::Named(vec!["-".to_owned()]), &[]), None);
    }

    #[test]
    fn exports_never_overwrite_one_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let next = || {
            let path = free_path(folder.path(), "src/ and 2 more", "md");
            fs::write(&path, "").expect("written");
            path.file_name().expect("a name").to_string_lossy().into_owned()
        };
        assert_eq!([next(), next()], ["src- and 2 more.md", "src- and 2 more 2.md"]);
        assert_eq!(free_path(folder.path(), "../..", "md"), folder.path().join("conversation.md"));
        assert_eq!(free_path(folder.path(), "/tmp/a.txt", "md"), folder.path().join("tmp-a.txt.md"));
    }
}
