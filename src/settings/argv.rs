//! Rewrites llama.cpp's short flags of several letters (`-ngl`) into their long names, before clap sees them.
//!
//! clap would read `-ngl 99` as `-n -g -l 99`, so `-ngl` becomes `--gpu-layers`. A switch with an optional value is
//! joined to its value: `-fa on` becomes `--flash-attn=on`, and `-fa book.txt` becomes `--flash-attn=on book.txt`.
//!
//! The reference, in Python, writes flags with `_`: `--sliding_window_size=2048` becomes `--sliding-window-size=2048`.
//!
//! A command behind flags goes to the front, because clap reads commands only there: `-t 2 demo` becomes `demo -t 2`.
//! `help` becomes `--help`, and `help fit` becomes `fit --help`.
//!
//! Left alone: everything after `--`, and the text that follows `-p` and similar flags, even if it looks like a flag.

use std::ffi::{OsStr, OsString};

use clap::{Arg, Command, CommandFactory};

use super::args::LowArgs;
use crate::swaa::written;

/// llama.cpp's short names of several letters, and the long names that clap knows.
const SHORT_NAMES: &[(&str, &str)] = &[
    ("-hf", "--hf-repo"),
    ("-hfr", "--hf-repo"),
    ("-ub", "--ubatch-size"),
    ("-ngl", "--gpu-layers"),
    ("-dev", "--device"),
    ("-sm", "--split-mode"),
    ("-ts", "--tensor-split"),
    ("-mg", "--main-gpu"),
    ("-fa", "--flash-attn"),
    ("-ctk", "--cache-type-k"),
    ("-ctv", "--cache-type-v"),
    ("-sys", "--system-prompt"),
];

/// Flags with an optional value. If the next argument is such a value, it is joined to the flag.
const SWITCHES: &[&str] = &["--flash-attn", "--fa-decode", "--force-fa-decode", "--dense-tail"];

/// Flags whose value is free text, which may look like a flag.
const TAKES_TEXT: &[&str] = &["-p", "--prompt", "--ask", "--system-prompt", "--system", "--stop", "-f", "--file"];

/// Returns `arguments` (the program's name first) with every flag in the form that clap reads.
#[must_use]
pub fn rewrite(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut rest = arguments.into_iter().peekable();
    let mut rewritten: Vec<OsString> = rest.next().into_iter().collect();
    while let Some(argument) = rest.next() {
        if argument == "--" {
            rewritten.push(argument);
            break;
        }
        let argument = long_name(argument);
        let switch = SWITCHES.iter().any(|&name| argument == name);
        let value = rest.next_if(|next| if switch { is_value_of_a_switch(next) } else { takes_text(&argument) });
        match (switch, value) {
            (true, value) => rewritten.push(joined(argument, &value.unwrap_or_else(|| "on".into()))),
            (false, value) => rewritten.extend([argument].into_iter().chain(value)),
        }
    }
    rewritten.extend(rest);
    command_first(rewritten)
}

/// Moves the command, if there is one, to the front.
fn command_first(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let known = LowArgs::command();
    let Some(at) = first_without_flag(&known, &arguments) else { return arguments };
    if arguments[at] == "help" {
        let about = arguments.get(at + 1).filter(|word| known.find_subcommand(word).is_some()).cloned();
        return arguments.into_iter().take(1).chain(about).chain(["--help".into()]).collect();
    }
    if known.find_subcommand(&arguments[at]).is_some() {
        arguments[1..=at].rotate_right(1);
    }
    arguments
}

/// The index of the first argument that is neither a flag nor the value of one.
fn first_without_flag(known: &Command, arguments: &[OsString]) -> Option<usize> {
    let mut words = arguments.iter().enumerate().skip(1);
    while let Some((at, word)) = words.next() {
        match word.to_str() {
            Some("--") => return None,
            Some(flag) if flag.starts_with('-') && flag != "-" => {
                if takes_the_next(known, flag) {
                    words.next();
                }
            }
            _ => return Some(at),
        }
    }
    None
}

/// Whether the argument after `flag` is its value. A command's own flags may stand before it, too.
fn takes_the_next(known: &Command, flag: &str) -> bool {
    let takes = |is_meant: &dyn Fn(&Arg) -> bool| {
        let all = std::iter::once(known).chain(known.get_subcommands()).flat_map(Command::get_arguments);
        let meant = all.into_iter().find(|argument| is_meant(argument));
        meant.is_some_and(|argument| argument.get_action().takes_values() && !argument.is_require_equals_set())
    };
    if let Some(name) = flag.strip_prefix("--") {
        return takes(&|argument: &Arg| is_called(argument, name));
    }
    // Of `-Rt 2`, the first letter that takes a value takes the rest; only the last one takes the next argument.
    let mut letters = flag[1..].chars();
    let last = letters.find(|&letter| takes(&|argument: &Arg| argument.get_short() == Some(letter)));
    last.is_some() && letters.next().is_none()
}

/// The flags of a command line, as they are needed to come back to the same session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GivenFlags {
    /// `-m` or `-hf`.
    pub model: Vec<String>,
    /// `--parts`, `--pages`, `--within` and `--pick`: they are about the documents that were named.
    pub selection: Vec<String>,
    /// `--session`.
    pub conversation: Vec<String>,
    pub others: Vec<String>,
}

/// The flags among `rewritten`, with their values. Questions are left out, because they have been asked, passwords, because
/// they would be shown, and `--continue` and `--new`, because whoever comes back goes on.
#[must_use]
pub fn given_flags(rewritten: &[OsString]) -> GivenFlags {
    let known = LowArgs::command();
    let mut given = GivenFlags::default();
    let mut words = rewritten.iter().skip(1).take_while(|word| *word != "--");
    while let Some(word) = words.next() {
        let Some(flag) = word.to_str().filter(|flag| flag.starts_with('-') && *flag != "-") else { continue };
        let value = if takes_the_next(&known, flag) { words.next() } else { None };
        let list = match kinds_of(&known, flag) {
            kinds if kinds.contains(&Kind::LeftOut) => continue,
            kinds if kinds.contains(&Kind::Selection) => &mut given.selection,
            kinds if kinds.contains(&Kind::Conversation) => &mut given.conversation,
            kinds if kinds.contains(&Kind::Model) => &mut given.model,
            _ => &mut given.others,
        };
        list.extend([word].into_iter().chain(value).map(|word| word.to_string_lossy().into_owned()));
    }
    given
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Model,
    Selection,
    Conversation,
    LeftOut,
    Other,
}

/// What the flag `--name`, `--name=value` or each letter of `-abc` is about.
fn kinds_of(known: &Command, flag: &str) -> Vec<Kind> {
    let all = || std::iter::once(known).chain(known.get_subcommands()).flat_map(Command::get_arguments);
    let kind = |argument: &Arg| match argument.get_id().as_str() {
        "prompts" | "prompt_files" | "pdf_password" | "continue_last" | "new_session" => Kind::LeftOut,
        "parts" | "pages" | "within" | "pick" => Kind::Selection,
        "session" => Kind::Conversation,
        "model" | "hf_repo" => Kind::Model,
        _ => Kind::Other,
    };
    if let Some(name) = flag.strip_prefix("--") {
        let name = name.split('=').next().unwrap_or(name);
        return all().find(|argument| is_called(argument, name)).map(kind).into_iter().collect();
    }
    let mut kinds = Vec::new();
    for letter in flag[1..].chars() {
        let Some(argument) = all().find(|argument| argument.get_short() == Some(letter)) else { break };
        kinds.push(kind(argument));
        // What follows is its value.
        if argument.get_action().takes_values() {
            break;
        }
    }
    kinds
}

fn is_called(argument: &Arg, name: &str) -> bool {
    argument.get_long() == Some(name) || argument.get_all_aliases().is_some_and(|all| all.contains(&name))
}

/// Whether the user asked for JSON. Checked before clap parses, so that even clap's errors can be JSON.
#[must_use]
pub fn wants_json(rewritten: &[OsString]) -> bool {
    rewritten
        .iter()
        .take_while(|argument| *argument != "--")
        .any(|argument| argument == "--json" || argument == "--jsonl")
}

fn long_name(argument: OsString) -> OsString {
    match SHORT_NAMES.iter().find(|(short, _)| argument == *short) {
        Some((_, long)) => long.into(),
        None => with_dashes(argument),
    }
}

/// Replaces `_` with `-` in the name of a long flag. Its value, other arguments and non-UTF-8 stay as they are.
fn with_dashes(argument: OsString) -> OsString {
    let Some(flag) = argument.to_str().filter(|text| text.starts_with("--")) else { return argument };
    let name = flag.split('=').next().unwrap_or(flag);
    format!("{}{}", name.replace('_', "-"), &flag[name.len()..]).into()
}

fn takes_text(argument: &OsStr) -> bool {
    TAKES_TEXT.iter().any(|name| argument == *name)
}

/// Accepts `auto` for every switch; clap rejects it for all but `-fa`.
fn is_value_of_a_switch(next: &OsStr) -> bool {
    next.to_str().is_some_and(|text| text.eq_ignore_ascii_case("auto") || written::switch(text).is_ok())
}

fn joined(mut flag: OsString, value: &OsStr) -> OsString {
    flag.push("=");
    flag.push(value);
    flag
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(line: &str) -> String {
        let words = line.split(' ').map(OsString::from);
        rewrite(words).join(OsStr::new(" ")).into_string().unwrap()
    }

    #[test]
    fn flags_of_several_letters_get_their_long_names() {
        let cases = [
            ("lunette -ngl 99 a.txt", "lunette --gpu-layers 99 a.txt"),
            ("lunette -hf Qwen/Qwen3-4B-GGUF:Q8_0", "lunette --hf-repo Qwen/Qwen3-4B-GGUF:Q8_0"),
            ("lunette -ub 512 -b 2048 -c 0", "lunette --ubatch-size 512 -b 2048 -c 0"),
            ("lunette -ctk q8_0 -ctv q8_0", "lunette --cache-type-k q8_0 --cache-type-v q8_0"),
            ("lunette -sys -fa -p -ngl", "lunette --system-prompt -fa -p -ngl"),
            ("lunette eval -ngl 3 f", "lunette eval --gpu-layers 3 f"),
        ];
        for (typed, expected) in cases {
            assert_eq!(rewritten(typed), expected);
        }
    }

    #[test]
    fn a_switch_takes_its_value_along_and_leaves_a_document_alone() {
        let cases = [
            ("lunette -fa book.txt", "lunette --flash-attn=on book.txt"),
            ("lunette -fa off book.txt", "lunette --flash-attn=off book.txt"),
            ("lunette -fa auto", "lunette --flash-attn=auto"),
            ("lunette --force-fa-decode True b", "lunette --force-fa-decode=True b"),
            ("lunette --dense-tail --json b", "lunette --dense-tail=on --json b"),
            ("lunette --fa-decode=off b", "lunette --fa-decode=off b"),
        ];
        for (typed, expected) in cases {
            assert_eq!(rewritten(typed), expected);
        }
    }

    #[test]
    fn underscores_in_names_are_dashes() {
        let cases = [
            ("lunette --sliding_window_size 2048 my_book.txt", "lunette --sliding-window-size 2048 my_book.txt"),
            ("lunette --cache_type_k=q8_0", "lunette --cache-type-k=q8_0"),
            ("lunette --force_fa_decode False", "lunette --force-fa-decode=False"),
            ("lunette -p --a_b -- --c_d", "lunette -p --a_b -- --c_d"),
        ];
        for (typed, expected) in cases {
            assert_eq!(rewritten(typed), expected);
        }
    }

    #[test]
    fn a_command_may_stand_behind_flags() {
        let cases = [
            ("lunette -t 2 demo", "lunette demo -t 2"),
            ("lunette -t2 --json fit src", "lunette fit -t2 --json src"),
            ("lunette --model=m --measure fit src", "lunette fit --model=m --measure src"),
            ("lunette --limit 5 eval r.jsonl", "lunette eval --limit 5 r.jsonl"),
            ("lunette -Rt 2 demo", "lunette demo -Rt 2"),
            ("lunette -fa off demo", "lunette demo --flash-attn=off"),
            // Not commands: a question, a value, a document after another, anything behind two dashes.
            ("lunette -p demo book.txt", "lunette -p demo book.txt"),
            ("lunette -m fit", "lunette -m fit"),
            ("lunette book.txt fit", "lunette book.txt fit"),
            ("lunette -- demo", "lunette -- demo"),
            ("lunette ./demo", "lunette ./demo"),
        ];
        for (typed, expected) in cases {
            assert_eq!(rewritten(typed), expected);
        }
    }

    #[test]
    fn flags_are_given_again_without_questions_and_passwords() {
        let given = |line: &str| given_flags(&rewrite(line.split(' ').map(OsString::from)));
        let words = |line: &str| line.split(' ').map(str::to_owned).filter(|word| !word.is_empty()).collect::<Vec<_>>();
        let cases = [
            ("lunette -m small -t 2 --parts 3-7 book.txt -c 8k", "-m small", "--parts 3-7", "-t 2 -c 8k"),
            ("lunette demo -hf a/b:Q8_0 --within=5m -fa off", "--hf-repo a/b:Q8_0", "--within=5m", "--flash-attn=off"),
            ("lunette -p Who? -pWho? -f q.txt --ask=So? --pdf-password x --exclude *.csv a", "", "", "--exclude *.csv"),
            ("lunette -Rt 2 a -- -t 3", "", "", "-Rt 2"),
            ("lunette -mfile.gguf --preset quick -", "-mfile.gguf", "", "--preset quick"),
        ];
        for (line, model, selection, others) in cases {
            let conversation = Vec::new();
            let [model, selection, others] = [model, selection, others].map(words);
            assert_eq!(given(line), GivenFlags { model, selection, conversation, others }, "{line}");
        }
        let kept = given("lunette --continue --new --session a --no-session");
        assert_eq!((kept.conversation, kept.others), (words("--session a"), words("--no-session")));
    }

    #[test]
    fn help_is_a_word_too() {
        let cases = [
            ("lunette help", "lunette --help"),
            ("lunette help fit", "lunette fit --help"),
            ("lunette -t 2 help pull", "lunette pull --help"),
            ("lunette help me", "lunette --help"),
            ("lunette -p help book.txt", "lunette -p help book.txt"),
        ];
        for (typed, expected) in cases {
            assert_eq!(rewritten(typed), expected);
        }
    }

    #[test]
    fn nothing_behind_two_dashes_is_touched() {
        assert_eq!(rewritten("lunette -fa -- -fa -ngl"), "lunette --flash-attn=on -- -fa -ngl");
    }

    #[test]
    fn json_is_seen_before_the_two_dashes_only() {
        let seen = |line: &str| wants_json(&rewrite(line.split(' ').map(OsString::from)));
        assert_eq!(
            (seen("lunette --json x"), seen("lunette --jsonl x"), seen("lunette -- --json")),
            (true, true, false)
        );
    }
}
