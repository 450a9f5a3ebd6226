//! What a shell gets to know of the command line: completions, and the manual page. Both are generated from the flags'
//! own definitions.
//!
//! `make install` puts them where shells and `man` look for them.

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use super::args::LowArgs;

/// The script that completes `lunette` in `shell`.
#[must_use]
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut LowArgs::command(), "lunette", &mut script);
    script
}

/// The manual page, in roff.
#[must_use]
pub fn man_page() -> Vec<u8> {
    let mut page = Vec::new();
    Man::new(LowArgs::command()).render(&mut page).expect("memory takes everything");
    page
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_shell_completes_flags_and_commands() {
        for shell in Shell::value_variants() {
            let script = String::from_utf8(completions(*shell)).expect("text");
            for word in ["require-citations", "completions", "inspect"] {
                assert!(script.contains(word), "{shell} does not know {word}");
            }
        }
    }

    #[test]
    fn the_manual_page_has_every_flag_and_exit_code() {
        let page = String::from_utf8(man_page()).expect("text");
        let plain = page.replace("\\-", "-").replace("\\fB", "").replace("\\fR", "");
        for words in [".TH lunette 1", ".SH OPTIONS", "--require-citations", "--schema", "lunette-fit(1)", "124"] {
            assert!(plain.contains(words), "{words} is missing in:\n{plain}");
        }
    }
}
