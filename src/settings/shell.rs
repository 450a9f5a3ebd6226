//! What a shell gets to know of the command line: completions, and the manual page. Both are generated from the flags'
//! own definitions.
//!
//! `make install` puts them where shells and `man` look for them.

use std::io;

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use super::args::{EXAMPLES, EXIT_CODES, EXIT_CODES_OF, LowArgs, version};

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
    render(&mut page).expect("memory takes everything");
    page
}

/// The sections in the order of man-pages(7). The title takes one line, and the version of `--version` has two.
fn render(page: &mut Vec<u8>) -> io::Result<()> {
    let man = Man::new(LowArgs::command().version(env!("CARGO_PKG_VERSION")));
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    man.render_subcommands_section(page)?;
    page.extend(section("EXIT STATUS", &format!("Of {}:", EXIT_CODES_OF.trim_start_matches("of ")), EXIT_CODES));
    page.extend(section("EXAMPLES", "", EXAMPLES));
    page.extend(section("VERSION", "", version()));
    Ok(())
}

/// A section of a paragraph and of `lines` that are not filled, so that columns stay.
fn section(heading: &str, paragraph: &str, lines: &str) -> Vec<u8> {
    let escaped = |line: &str| {
        let line = line.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq");
        if line.starts_with('.') { format!("\\&{line}") } else { line }
    };
    let paragraph = if paragraph.is_empty() { String::new() } else { format!("{}\n.PP\n", escaped(paragraph)) };
    let lines: String = lines.lines().map(|line| escaped(line) + "\n").collect();
    format!(".SH \"{heading}\"\n{paragraph}.nf\n{lines}.fi\n").into_bytes()
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
        for words in [
            ".TH lunette 1",
            ".SH OPTIONS",
            ".SH \"EXIT STATUS\"",
            ".SH \"EXAMPLES\"",
            "--require-citations",
            "--schema",
            "lunette-fit(1)",
            "124",
        ] {
            assert!(plain.contains(words), "{words} is missing in:\n{plain}");
        }
    }
    /// The title's version had a line end in it, and what followed stood above the page; columns were filled.
    #[test]
    fn the_manual_page_begins_with_its_title_alone_and_keeps_columns() {
        let page = String::from_utf8(man_page()).expect("text");
        let titles: Vec<&str> = page.lines().filter(|line| line.starts_with(".TH")).collect();
        assert_eq!(titles, [format!(".TH lunette 1  \"lunette {}\" ", env!("CARGO_PKG_VERSION"))]);
        let before_the_name = page.lines().take_while(|line| *line != ".SH NAME");
        assert_eq!(before_the_name.filter(|line| !line.starts_with('.')).collect::<Vec<_>>(), [""; 0]);
        assert!(page.contains(".nf\n  0    answered\n  1    failed\n"), "{page}");
        assert!(page.contains("lunette \\-\\-headless \\-p \\(aqWho is Mr. Collins?\\(aq book.txt\n"), "{page}");
        assert!(!page.contains("EXTRA"), "{page}");
    }
}
