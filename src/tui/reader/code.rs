//! Syntax highlighting: keywords, names, literals, comments. Only visible code is parsed, and the result is cached.
//!
//! A grammar reads a file from its first line, which is too slow for a page in the middle of 100,000 lines. Parsing
//! starts [`BEFORE`] lines above the page instead, or at a line that was reached before. A string or comment opened
//! further up is coloured wrong until the user scrolls to it: an occasional error in return for a page that appears at
//! once.

use std::collections::HashMap;
use std::sync::LazyLock;

use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet};

use super::book::Book;
use super::kind::{TextKind, ending};
use super::look::TextRole;
use crate::document::ByteSpan;

/// How many lines above the first visible one parsing starts.
const BEFORE: usize = 100;
/// Parser states are kept every so many lines.
const STEP: usize = 20;
/// Most cached lines: a few recent pages.
const KEPT: usize = 4_000;
/// Longer lines are generated code, and slow to parse.
const LONGEST: usize = 1_000;

/// The grammars, loaded on first use.
static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(SyntaxSet::load_defaults_newlines);

/// The role of each scope; the first match counts.
static ROLES: LazyLock<Vec<(Scope, TextRole)>> = LazyLock::new(|| {
    let roles = [
        ("comment", TextRole::Comment),
        ("string", TextRole::Literal),
        ("constant", TextRole::Literal),
        ("keyword.operator", TextRole::Text),
        ("keyword", TextRole::Keyword),
        ("storage", TextRole::Keyword),
        ("entity.name", TextRole::Name),
        ("support", TextRole::Name),
        ("markup.heading", TextRole::Name),
        ("variable.function", TextRole::Name),
    ];
    roles.map(|(name, role)| (Scope::new(name).expect("a scope of fixed words"), role)).to_vec()
});

/// A piece of code with one role.
pub(in crate::tui) type Coloured = (ByteSpan, TextRole);

/// The parser's state between two lines.
#[derive(Debug, Clone)]
struct Standing {
    state: ParseState,
    scopes: ScopeStack,
}

/// Cached results.
#[derive(Debug, Clone, Default)]
pub(in crate::tui) struct Highlighter {
    lines: HashMap<usize, Vec<Coloured>>,
    standings: HashMap<usize, Standing>,
}

impl Highlighter {
    /// Parses the code of a page, for [`Self::roles`].
    pub(in crate::tui) fn prepare(&mut self, book: &Book, units: impl Iterator<Item = usize>) {
        if self.lines.len() > KEPT {
            self.lines.clear();
            self.standings.clear();
        }
        for unit in units {
            if !self.lines.contains_key(&unit) {
                self.read_up_to(book, unit);
            }
        }
    }

    /// The roles of a unit's code, in order; empty without a grammar, or if the unit was not prepared.
    pub(in crate::tui) fn roles(&self, unit: usize) -> &[Coloured] {
        self.lines.get(&unit).map_or(&[], Vec::as_slice)
    }

    fn read_up_to(&mut self, book: &Book, unit: usize) {
        let Some((from, syntax)) = region(book, unit) else {
            self.lines.insert(unit, Vec::new());
            return;
        };
        let earliest = from.max(unit.saturating_sub(BEFORE));
        let known = (earliest..=unit).rev().find(|at| self.standings.contains_key(at));
        let start = known.unwrap_or(earliest);
        let fresh = || Standing { state: ParseState::new(syntax), scopes: ScopeStack::new() };
        let mut standing = self.standings.get(&start).cloned().unwrap_or_else(fresh);
        for at in start..=unit {
            if at % STEP == 0 {
                self.standings.entry(at).or_insert_with(|| standing.clone());
            }
            let line = coloured(book, at, &mut standing);
            self.lines.insert(at, line);
        }
        self.standings.insert(unit + 1, standing);
    }
}

/// The first unit of the code that contains `unit`, and its grammar.
fn region(book: &Book, unit: usize) -> Option<(usize, &'static SyntaxReference)> {
    let start = book.span(unit).start;
    if book.kind(unit) == TextKind::Markdown {
        let fence = book.fence_at(start)?;
        let language = fence.language.split([' ', ',', '{']).next().unwrap_or_default();
        return Some((book.unit_at(fence.span.start), syntax(language)?));
    }
    Some((book.units_of_source(unit).start, syntax(&ending(book.file_at(start)?))?))
}

/// The grammar for a language's name or file extension.
pub(in crate::tui) fn syntax(name: &str) -> Option<&'static SyntaxReference> {
    let name = match name {
        "" | "text" | "txt" | "plain" => return None,
        "ts" | "tsx" | "jsx" | "mjs" | "cjs" | "typescript" => "js",
        "pyi" => "py",
        "jsonl" | "json5" => "json",
        "zsh" | "console" => "sh",
        name => name,
    };
    SYNTAXES.find_syntax_by_token(name)
}

fn coloured(book: &Book, unit: usize, standing: &mut Standing) -> Vec<Coloured> {
    let span = book.span(unit);
    if span.len() > LONGEST {
        return Vec::new();
    }
    roles_of_line(&book.text()[span.start..span.end], standing)
        .into_iter()
        .map(|(start, end, role)| (ByteSpan { start: span.start + start, end: span.start + end }, role))
        .collect()
}

/// The roles of one line. Grammars need the line break: a comment that ends with the line ends after it.
fn roles_of_line(line: &str, standing: &mut Standing) -> Vec<(usize, usize, TextRole)> {
    let Ok(operations) = standing.state.parse_line(&format!("{line}\n"), &SYNTAXES) else { return Vec::new() };
    let mut segments = Vec::new();
    let mut start = 0;
    for (at, operation) in operations {
        let at = at.min(line.len());
        if at > start {
            segments.push((start, at, role(&standing.scopes)));
            start = at;
        }
        if standing.scopes.apply(&operation).is_err() {
            return Vec::new();
        }
    }
    if start < line.len() {
        segments.push((start, line.len(), role(&standing.scopes)));
    }
    segments
}

/// The role of the innermost known scope.
fn role(scopes: &ScopeStack) -> TextRole {
    let meaning = |scope: &Scope| ROLES.iter().find(|(prefix, _)| prefix.is_prefix_of(*scope)).map(|(_, role)| *role);
    scopes.as_slice().iter().rev().find_map(meaning).unwrap_or(TextRole::Text)
}

/// A whole code block, line by line, for answers.
pub(in crate::tui) fn highlight<'a>(code: &'a str, language: &str) -> Option<Vec<Vec<(&'a str, TextRole)>>> {
    let syntax = syntax(language)?;
    let mut standing = Standing { state: ParseState::new(syntax), scopes: ScopeStack::new() };
    let line = |line: &'a str| {
        let roles = if line.len() > LONGEST { Vec::new() } else { roles_of_line(line, &mut standing) };
        if roles.is_empty() {
            return vec![(line, TextRole::Text)];
        }
        roles.into_iter().map(|(start, end, role)| (&line[start..end], role)).collect()
    };
    Some(code.lines().map(line).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::document::{Document, Position, SourceSpan};

    fn words(name: &str, text: &str, unit: usize) -> Vec<(String, TextRole)> {
        let span = ByteSpan { start: 0, end: text.len() };
        let source = SourceSpan { span, name: name.into(), position: Position::Line(1) };
        let book = Book::new(Arc::new(Document { text: text.into(), sources: vec![source], ..Document::default() }));
        let mut highlighter = Highlighter::default();
        highlighter.prepare(&book, std::iter::once(unit));
        let roles = highlighter.roles(unit).iter();
        let coloured = roles.filter(|(_, role)| *role != TextRole::Text);
        coloured.map(|(span, role)| (text[span.start..span.end].trim().to_owned(), *role)).collect()
    }

    #[test]
    fn words_of_code_have_roles() {
        let found = words("main.rs", "// why\nfn main() { let x = \"y\"; }\n", 1);
        for expected in
            [("fn", TextRole::Keyword), ("main", TextRole::Name), ("let", TextRole::Keyword), ("y", TextRole::Literal)]
        {
            assert!(found.contains(&(expected.0.to_owned(), expected.1)), "{expected:?} in {found:?}");
        }
    }

    #[test]
    fn what_a_line_is_depends_on_the_lines_above() {
        assert_eq!(words("main.rs", "/* a\nfn b\n*/", 1), [("fn b".to_owned(), TextRole::Comment)]);
    }

    #[test]
    fn code_within_markdown_has_the_language_of_its_fence() {
        let text = "a\n```python\ndef f(): pass\n```\n";
        assert!(words("a.md", text, 2).contains(&("def".to_owned(), TextRole::Keyword)));
    }

    #[test]
    fn a_comment_up_to_the_end_ends_with_its_line() {
        let code = "fn f() {\n    None // refused\n}\n\n// the end";
        let lines = highlight(code, "rust").expect("a grammar");
        for (line, segments) in code.lines().zip(&lines) {
            assert_eq!(segments.iter().map(|(text, _)| *text).collect::<String>(), line);
        }
        assert!(lines[1].contains(&(" refused", TextRole::Comment)), "{:?}", lines[1]);
        assert_eq!(
            words("main.rs", code, 1)[1..],
            [("//".to_owned(), TextRole::Comment), ("refused".to_owned(), TextRole::Comment)]
        );
    }

    #[test]
    fn an_unknown_language_is_plain() {
        assert_eq!(words("a.unheard", "fn main() {}", 0), []);
    }
}
