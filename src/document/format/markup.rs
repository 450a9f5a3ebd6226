//! Markup languages that people read as they are written: the text stays, and its headings become the outline.
//!
//! | language | heading |
//! |---|---|
//! | reStructuredText | a title over (and under) a line of signs |
//! | `AsciiDoc` | `== Title` |
//! | Org | `** Title` |
//! | LaTeX | `\section{Title}` |
//! | Texinfo | `@section Title` |
//! | `MediaWiki` | `== Title ==` |
//! | Perl's POD | `=head1 Title` |
//! | Typst | `= Title` |
//!
//! The language is told by the name of the file, and LaTeX also by `\documentclass`. What looks like a heading in a
//! listing is none. Macros are not expanded, and files that are included are not read.

use super::interface::{FileText, Format};
use crate::controls::printable;
use crate::decode::decode;
use crate::error::Error;
use crate::headings;
use crate::options::ReadOptions;
use crate::outline::{OutlineEntry, close_spans};
use crate::raw_file::RawFile;
use crate::span::ByteSpan;

pub(super) struct Markup;

/// How much of a file is examined if its name does not tell.
const HEAD_BYTES: usize = 16 << 10;
/// A longer title was probably never closed.
const LONGEST_TITLE: usize = 200;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Rst,
    AsciiDoc,
    Org,
    Latex,
    Texinfo,
    MediaWiki,
    Pod,
    Typst,
}

impl Language {
    fn of(file: &RawFile) -> Option<Self> {
        match file.extension().as_deref() {
            Some("rst" | "rest") => Some(Self::Rst),
            Some("adoc" | "asciidoc" | "asc") => Some(Self::AsciiDoc),
            Some("org") => Some(Self::Org),
            Some("tex" | "ltx" | "latex" | "dtx") => Some(Self::Latex),
            Some("texi" | "texinfo" | "txi") => Some(Self::Texinfo),
            Some("wiki" | "mediawiki" | "wikitext") => Some(Self::MediaWiki),
            Some("pod") => Some(Self::Pod),
            Some("typ") => Some(Self::Typst),
            None | Some("txt") => {
                let head = String::from_utf8_lossy(&file.bytes[..file.bytes.len().min(HEAD_BYTES)]);
                let is_latex = head.lines().any(|line| line.starts_with("\\documentclass"));
                is_latex.then_some(Self::Latex)
            }
            Some(_) => None,
        }
    }

    /// The level and title of a heading on `line`, and whether the line opens or closes a listing.
    fn line(self, line: &str) -> Line<'_> {
        let heading =
            |found: Option<(u8, &str)>| found.map_or(Line::Text, |(level, title)| Line::Heading(level, title.into()));
        match self {
            Self::Rst => Line::Text,
            Self::AsciiDoc if is_fence(line) => Line::Listing(line.trim_end()),
            Self::AsciiDoc | Self::Typst => heading(marked(line, '=')),
            Self::Org => org(line),
            Self::Latex => latex(line),
            Self::Texinfo => heading(texinfo(line)),
            Self::MediaWiki => heading(media_wiki(line)),
            Self::Pod => heading(pod(line)),
        }
    }
}

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
enum Line<'a> {
    Text,
    Heading(u8, String),
    /// Opens a listing, which the same words close.
    Listing(&'a str),
    /// Opens or closes a listing that has different words at its ends.
    Opens,
    Closes,
}

impl Format for Markup {
    fn name(&self) -> &'static str {
        "markup"
    }

    fn recognises(&self, file: &RawFile) -> bool {
        Language::of(file).is_some()
    }

    fn read(&self, file: RawFile, _options: &ReadOptions) -> Result<FileText, Error> {
        let language = Language::of(&file).expect("it was recognised");
        let decoded = decode(file)?;
        let outline = outline(language, &decoded.text);
        Ok(FileText::of_lines(decoded, outline))
    }
}

fn outline(language: Language, text: &str) -> Vec<OutlineEntry> {
    if language == Language::Rst {
        return headings::underlined(text);
    }
    let mut outline = Vec::new();
    let mut listing: Option<&str> = None;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        match (language.line(line.trim_end()), listing) {
            (Line::Listing(words), None) => listing = Some(words),
            (Line::Listing(words), Some(open)) if words == open => listing = None,
            (Line::Opens, None) => listing = Some(""),
            (Line::Closes, Some("")) => listing = None,
            (Line::Heading(level, title), None) if !title.trim().is_empty() => {
                let title = printable(title.trim());
                outline.push(OutlineEntry { title, level, span: ByteSpan { start, end: start } });
            }
            _ => {}
        }
        start += line.len();
    }
    if outline.is_empty() && language == Language::AsciiDoc {
        return headings::underlined(text);
    }
    close_spans(&mut outline, text.len());
    outline
}

/// `== Title`: the number of marks is the level.
fn marked(line: &str, mark: char) -> Option<(u8, &str)> {
    let title = line.trim_start_matches(mark);
    let marks = line.len() - title.len();
    ((1..=6).contains(&marks) && title.starts_with(' ')).then(|| (marks as u8, title.trim()))
}

/// A line that opens or closes a block of `AsciiDoc`: `----`, `....`, `++++`, `====`, or three backticks.
fn is_fence(line: &str) -> bool {
    let line = line.trim_end();
    let only = |sign: char| line.len() >= 4 && line.chars().all(|other| other == sign);
    only('-') || only('.') || only('+') || only('/') || line.starts_with("```")
}

fn org(line: &str) -> Line<'_> {
    let lower = line.trim_start().get(..8).map(str::to_ascii_lowercase).unwrap_or_default();
    if lower == "#+begin_" {
        return Line::Opens;
    }
    if line.trim_start().get(..6).is_some_and(|start| start.eq_ignore_ascii_case("#+end_")) {
        return Line::Closes;
    }
    marked(line, '*').map_or(Line::Text, |(level, title)| Line::Heading(level, without_keyword(title).to_owned()))
}

/// `TODO Buy milk :shop:` without its state and tags.
fn without_keyword(title: &str) -> &str {
    let title = ["TODO ", "DONE "].iter().find_map(|state| title.strip_prefix(state)).unwrap_or(title);
    match title.rsplit_once(char::is_whitespace) {
        Some((words, tags)) if tags.len() > 2 && tags.starts_with(':') && tags.ends_with(':') => words.trim_end(),
        _ => title,
    }
}

fn latex(line: &str) -> Line<'_> {
    const LISTINGS: [&str; 4] = ["verbatim", "lstlisting", "minted", "comment"];
    const LEVELS: [(&str, u8); 6] =
        [("part", 1), ("chapter", 2), ("section", 3), ("subsection", 4), ("subsubsection", 5), ("paragraph", 6)];
    let line = line.trim_start();
    let named =
        |start: &str| line.strip_prefix(start).is_some_and(|rest| LISTINGS.iter().any(|name| rest.starts_with(name)));
    if named("\\begin{") {
        return if line.contains("\\end{") { Line::Text } else { Line::Opens };
    }
    if named("\\end{") {
        return Line::Closes;
    }
    let Some(command) = line.strip_prefix('\\') else { return Line::Text };
    let end = command.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(command.len());
    let Some(&(_, level)) = LEVELS.iter().find(|(name, _)| *name == &command[..end]) else { return Line::Text };
    let rest = command[end..].trim_start_matches('*').trim_start();
    let rest =
        if rest.starts_with('[') { rest.find(']').map_or(rest, |close| rest[close + 1..].trim_start()) } else { rest };
    rest.strip_prefix('{').map_or(Line::Text, |rest| Line::Heading(level, plain(argument(rest))))
}

/// What is before the brace that closes the argument.
fn argument(rest: &str) -> &str {
    let mut depth = 0_usize;
    for (at, sign) in rest.char_indices().take(LONGEST_TITLE) {
        match sign {
            '{' => depth += 1,
            '}' if depth == 0 => return &rest[..at],
            '}' => depth -= 1,
            _ => {}
        }
    }
    rest.char_indices().nth(LONGEST_TITLE).map_or(rest, |(at, _)| &rest[..at])
}

/// A title without commands: `The \emph{red} fox~I` is `The red fox I`.
fn plain(title: &str) -> String {
    let mut plain = String::new();
    let mut rest = title;
    while let Some(at) = rest.find(['\\', '{', '}', '~']) {
        plain.push_str(&rest[..at]);
        let sign = &rest[at..];
        if let Some(command) = sign.strip_prefix('\\') {
            let end = command.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(command.len());
            // `\&` is a sign, `\emph` is none.
            let escaped = if end == 0 { command.chars().next().map_or(0, char::len_utf8) } else { 0 };
            plain.push_str(&command[..escaped]);
            rest = &command[end.max(escaped)..];
        } else {
            plain.push_str(if sign.starts_with('~') { " " } else { "" });
            rest = &sign[1..];
        }
    }
    plain + rest
}

fn texinfo(line: &str) -> Option<(u8, &str)> {
    const COMMANDS: [(&str, u8); 14] = [
        ("part", 1),
        ("chapter", 2),
        ("unnumbered", 2),
        ("appendix", 2),
        ("majorheading", 2),
        ("section", 3),
        ("unnumberedsec", 3),
        ("appendixsec", 3),
        ("heading", 3),
        ("subsection", 4),
        ("unnumberedsubsec", 4),
        ("appendixsubsec", 4),
        ("subheading", 4),
        ("subsubsection", 5),
    ];
    let (command, title) = line.strip_prefix('@')?.split_once(' ')?;
    COMMANDS.iter().find(|(name, _)| *name == command).map(|&(_, level)| (level, title))
}

fn media_wiki(line: &str) -> Option<(u8, &str)> {
    let inner = line.trim_start_matches('=');
    let marks = line.len() - inner.len();
    let title = inner.trim_end_matches('=');
    let is_closed = inner.len() - title.len() == marks;
    ((1..=6).contains(&marks) && is_closed).then(|| (marks as u8, title.trim()))
}

fn pod(line: &str) -> Option<(u8, &str)> {
    let rest = line.strip_prefix("=head")?;
    let level = rest.chars().next()?.to_digit(10).filter(|level| (1..=6).contains(level))?;
    Some((level as u8, rest[1..].trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(name: &str, text: &str) -> Vec<(u8, String)> {
        let file = RawFile::new(name, text.as_bytes());
        assert!(Markup.recognises(&file), "{name}");
        let file = Markup.read(file, &ReadOptions::default()).expect("text");
        assert_eq!(file.text, text, "the text stays");
        file.outline.into_iter().map(|entry| (entry.level, entry.title)).collect()
    }

    fn expected(entries: &[(u8, &str)]) -> Vec<(u8, String)> {
        entries.iter().map(|(level, title)| (*level, (*title).to_owned())).collect()
    }

    /// A file's name, its text, and its headings.
    type Case<'a> = (&'a str, &'a str, &'a [(u8, &'a str)]);

    #[test]
    fn each_language_has_its_headings() {
        let cases: [Case<'_>; 8] = [
            (
                "a.rst",
                "===\nTop\n===\n\nOf Cats\n-------\n\ntext\n\nOf Dogs\n-------\n",
                &[(1, "Top"), (2, "Of Cats"), (2, "Of Dogs")],
            ),
            (
                "a.adoc",
                "= Top\n\n== Of Cats\n----\n== no\n----\n=== Small\n",
                &[(1, "Top"), (2, "Of Cats"), (3, "Small")],
            ),
            (
                "a.org",
                "#+TITLE: x\n* TODO Of Cats :pet:\n#+begin_src\n* no\n#+end_src\n** Small\n*bold*\n",
                &[(1, "Of Cats"), (2, "Small")],
            ),
            (
                "a.tex",
                "\\documentclass{book}\n\\chapter*{Of \\emph{Cats} \\& Dogs}\n\\section[short]{A {b} c}\n%\\section{no}\n\\begin{verbatim}\n\\section{no}\n\\end{verbatim}\n\\sectioning{x}\n",
                &[(2, "Of Cats & Dogs"), (3, "A b c")],
            ),
            ("a.texi", "@node x\n@chapter Of Cats\n@section Small\n", &[(2, "Of Cats"), (3, "Small")]),
            ("a.wiki", "== Of Cats ==\ntext\n=== Small ===\n== open\n", &[(2, "Of Cats"), (3, "Small")]),
            ("a.pod", "=head1 NAME\n\ncat\n\n=head2 Small\n", &[(1, "NAME"), (2, "Small")]),
            ("a.typ", "= Of Cats\n== Small\n", &[(1, "Of Cats"), (2, "Small")]),
        ];
        for (name, text, wanted) in cases {
            assert_eq!(titles(name, text), expected(wanted), "{name}");
        }
    }

    #[test]
    fn latex_is_told_by_its_first_line() {
        assert_eq!(titles("notes.txt", "\\documentclass{article}\n\\section{One}\n"), expected(&[(3, "One")]));
        assert!(!Markup.recognises(&RawFile::new("notes.txt", "\\section is a command")));
    }
}
