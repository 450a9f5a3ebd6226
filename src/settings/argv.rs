//! Rewrites llama.cpp's short flags of several letters (`-ngl`) into their long names, before clap sees them.
//!
//! clap would read `-ngl 99` as `-n -g -l 99`, so `-ngl` becomes `--gpu-layers`. A switch with an optional value is
//! joined to its value: `-fa on` becomes `--flash-attn=on`, and `-fa book.txt` becomes `--flash-attn=on book.txt`.
//!
//! The reference, in Python, writes flags with `_`: `--sliding_window_size=2048` becomes `--sliding-window-size=2048`.
//!
//! Left alone: everything after `--`, and the text that follows `-p` and similar flags, even if it looks like a flag.

use std::ffi::{OsStr, OsString};

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
const TAKES_TEXT: &[&str] = &["-p", "--prompt", "--ask", "--system-prompt", "--stop", "-f", "--file"];

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
    rewritten
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
