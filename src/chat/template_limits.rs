//! How much may a chat template take? It is a stranger's program, and runs in this process.
//!
//! | what | limit | why |
//! |---|---|---|
//! | its source | 256 KiB | the longest of 70 real ones has 30 KB |
//! | nested blocks, links of a chain in a tag | [`MOST_NESTED`], [`MOST_LINKS`] | compiling recurses; an overflow of the stack ends the process |
//! | steps of a rendering | [`FUEL`] | `{% for %}` in `{% for %}` |
//! | its output, and what one filter makes | [`MOST_BYTES`] | it sees placeholders in place of texts: real ones write some KB |
//!
//! Example: `{{ 'a'|upper|upper … }}` with 100,000 filters is refused with "a tag at line 1 has more than 1000 links". A
//! template that doubles a string in a loop is not seen here: it dies in the process that tries a model before it is loaded
//! ([`crate::engine::trial`]).

use std::io::{self, Write};
use std::thread;

use minijinja::value::{Rest, Value};
use minijinja::{Environment, Error, ErrorKind, State};
use minijinja_contrib::pycompat;

/// The longest source.
const MOST_SOURCE_BYTES: usize = 256 << 10;
/// Blocks in blocks.
const MOST_NESTED: usize = 100;
/// Operators, filters and brackets of one tag between two commas, and `elif` of one block.
const MOST_LINKS: usize = 1000;
/// Instructions. A conversation of 200 turns under a template that goes over all of them for each takes 1.6 million.
const FUEL: u64 = 2_000_000;
/// Bytes that a rendering, or one filter, may give.
const MOST_BYTES: usize = 4 << 20;
/// Rows or columns that a filter may be asked for.
const MOST_PARTS: i64 = 10_000;
/// Digits of a width in a format: `%099999d`.
const MOST_DIGITS: usize = 4;
/// Compiling a chain of [`MOST_LINKS`] takes 4 KB a link without optimisations.
const STACK_BYTES: usize = 32 << 20;

/// Runs `work` on a thread with a stack for the deepest template that is not refused.
pub(super) fn on_a_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("chat template".into()).stack_size(STACK_BYTES);
        let running = thread.spawn_scoped(scope, work).expect("a thread can be started");
        running.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Limits what rendering may take.
pub(super) fn limit(environment: &mut Environment<'_>) {
    environment.set_fuel(Some(FUEL));
    environment.set_unknown_method_callback(|state, value, method, arguments| {
        check_call(method, &[std::slice::from_ref(value), arguments].concat())?;
        pycompat::unknown_method_callback(state, value, method, arguments)
    });
    let filters = [
        ("replace", Value::from_function(minijinja::filters::replace)),
        ("join", Value::from_function(minijinja::filters::join)),
        ("batch", Value::from_function(minijinja::filters::batch)),
        ("slice", Value::from_function(minijinja::filters::slice)),
        ("indent", Value::from_function(minijinja::filters::indent)),
        ("format", Value::from_function(minijinja::filters::format)),
    ];
    for (name, filter) in filters {
        environment.add_filter(name, move |state: &mut State, arguments: Rest<Value>| {
            check_filter(name, &arguments)?;
            filter.call(state, &arguments)
        });
    }
}

/// Refuses a method that gives too much. `arguments` begin with the value itself.
fn check_call(method: &str, arguments: &[Value]) -> Result<(), Error> {
    match (method, arguments) {
        ("replace", [value, from, to, ..]) => check_bytes(replaced_bytes(value, from, to)),
        ("join", [between, values, ..]) => check_bytes(joined_bytes(values, between)),
        _ => Ok(()),
    }
}

/// Refuses a filter that gives too much.
fn check_filter(name: &str, arguments: &[Value]) -> Result<(), Error> {
    match (name, arguments) {
        ("replace", [value, from, to, ..]) => check_bytes(replaced_bytes(value, from, to)),
        ("join", [values, between, ..]) => check_bytes(joined_bytes(values, between)),
        ("batch" | "slice" | "indent", [_, count, ..]) if count.as_i64().is_some_and(|count| count > MOST_PARTS) => {
            Err(too_much(&format!("{name} by {count}")))
        }
        ("format", [format, ..]) => check_format(format.as_str().unwrap_or_default()),
        _ => Ok(()),
    }
}

fn text_bytes(value: &Value) -> usize {
    value.as_str().map_or_else(|| value.to_string().len(), str::len)
}

fn replaced_bytes(value: &Value, from: &Value, to: &Value) -> usize {
    let (Some(text), Some(from)) = (value.as_str(), from.as_str()) else { return 0 };
    let places = if from.is_empty() { text.len() + 1 } else { text.matches(from).count() };
    text.len().saturating_add(places.saturating_mul(text_bytes(to)))
}

fn joined_bytes(values: &Value, between: &Value) -> usize {
    let Ok(values) = values.try_iter() else { return 0 };
    let between = text_bytes(between);
    values.fold(0_usize, |sum, value| sum.saturating_add(between).saturating_add(value.as_str().map_or(0, str::len)))
}

fn check_bytes(bytes: usize) -> Result<(), Error> {
    if bytes <= MOST_BYTES { Ok(()) } else { Err(too_much(&format!("a text of {bytes} bytes"))) }
}

fn check_format(format: &str) -> Result<(), Error> {
    let longest = format.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or(0);
    if longest <= MOST_DIGITS { Ok(()) } else { Err(too_much("a format that wide")) }
}

fn too_much(what: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("{what} is more than a prompt needs"))
}

/// What is rendered, as far as it is not too much.
#[derive(Default)]
pub(super) struct Rendered(Vec<u8>);

impl Rendered {
    pub(super) fn into_text(self) -> String {
        // The library writes whole strings.
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl Write for Rendered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MOST_BYTES {
            return Err(io::Error::other(format!("it writes more than {} MiB", MOST_BYTES >> 20)));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Why a source is not even parsed, and at which line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooDeep {
    pub(super) line: usize,
    pub(super) reason: String,
}

/// Refuses a source that is too long, or nested so deeply that compiling it might overflow the stack.
pub(super) fn check_source(source: &str) -> Result<(), TooDeep> {
    if source.len() > MOST_SOURCE_BYTES {
        let reason = format!("it has {} bytes, and at most {MOST_SOURCE_BYTES} are read", source.len());
        return Err(TooDeep { line: 0, reason });
    }
    // Every open block, with its branches.
    let mut blocks: Vec<usize> = Vec::new();
    let mut rest = source;
    while let Some(tag) = Tag::next(&mut rest) {
        let line = || source[..source.len() - rest.len()].lines().count();
        let too_deep = |reason: String| Err(TooDeep { line: line(), reason });
        if tag.links() > MOST_LINKS {
            return too_deep(format!("a tag has more than {MOST_LINKS} links"));
        }
        match tag.word() {
            "if" | "for" | "macro" | "call" | "filter" | "block" | "with" | "autoescape" => blocks.push(0),
            "set" if !tag.inside.contains('=') => blocks.push(0),
            "elif" | "else" => _ = blocks.last_mut().map(|branches| *branches += 1),
            word if word.starts_with("end") => _ = blocks.pop(),
            _ => {}
        }
        if blocks.len() > MOST_NESTED {
            return too_deep(format!("more than {MOST_NESTED} blocks are nested"));
        }
        if blocks.last().is_some_and(|branches| *branches > MOST_LINKS) {
            return too_deep(format!("a block has more than {MOST_LINKS} branches"));
        }
    }
    Ok(())
}

/// `{{ … }}` or `{% … %}`.
struct Tag<'a> {
    inside: &'a str,
    is_block: bool,
}

impl<'a> Tag<'a> {
    /// The next tag of `rest`, which is moved behind it. A tag that is never closed ends with the source.
    fn next(rest: &mut &'a str) -> Option<Self> {
        let start = rest.find("{{").into_iter().chain(rest.find("{%")).min()?;
        let is_block = rest[start..].starts_with("{%");
        let inside = &rest[start + 2..];
        let end = tag_end(inside, if is_block { "%}" } else { "}}" });
        *rest = inside.get(end + 2..).unwrap_or_default();
        Some(Self { inside: &inside[..end], is_block })
    }

    /// The first word of a block.
    fn word(&self) -> &'a str {
        let inside = self.inside.trim_start_matches(['-', '+']).trim_start();
        let end = inside.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(inside.len());
        if self.is_block { &inside[..end] } else { "" }
    }

    /// The most things between two commas that may stand inside of each other: operators, filters, attributes, brackets
    /// and words.
    fn links(&self) -> usize {
        let (mut links, mut most) = (0, 0);
        let mut quoted = None;
        let mut is_escaped = false;
        let mut was_word = false;
        for c in self.inside.chars() {
            let is_word = c.is_alphanumeric() || c == '_';
            match (quoted, c) {
                (Some(quote), _) if c == quote && !is_escaped => quoted = None,
                (Some(_), _) => {}
                (None, '\'' | '"') => quoted = Some(c),
                (None, ',') => links = 0,
                (None, _) if is_word && was_word || c.is_whitespace() => {}
                (None, _) => links += 1,
            }
            is_escaped = quoted.is_some() && c == '\\' && !is_escaped;
            was_word = is_word && quoted.is_none();
            most = most.max(links);
        }
        most
    }
}

/// Where `end` is in a tag, outside of texts in quotes.
fn tag_end(inside: &str, end: &str) -> usize {
    let mut quoted = None;
    let mut is_escaped = false;
    for (at, c) in inside.char_indices() {
        match quoted {
            Some(quote) => quoted = quoted.filter(|_| c != quote || is_escaped),
            None if inside[at..].starts_with(end) => return at,
            None if matches!(c, '\'' | '"') => quoted = Some(c),
            None => {}
        }
        is_escaped = quoted.is_some() && c == '\\' && !is_escaped;
    }
    inside.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(source: &str) -> Option<String> {
        check_source(source).err().map(|error| format!("{}: {}", error.line, error.reason))
    }

    #[test]
    fn ordinary_templates_are_not_refused() {
        let sources = [
            "",
            "{{",
            "{% if a %}{% for b in c %}{{ b.d['}}'] ~ \"%}\" }}{% endfor %}{% elif x %}y{% endif %}",
            "{# {% if %} is closed somewhere #}{% set a %}b{% endset %}{% set c = 1 %}",
        ];
        for source in sources {
            assert_eq!(refused(source), None, "{source}");
        }
        let long_list = format!("{{{{ [{}] }}}}", "'a' ~ b, ".repeat(5000));
        assert_eq!(refused(&long_list), None, "its length is no depth");
    }

    #[test]
    fn every_chain_and_every_nesting_is_refused_before_it_is_parsed() {
        let many = 20_000;
        let cases = [
            format!("{{{{ {}1 }}}}", "not ".repeat(many)),
            format!("{{{{ {}1 }}}}", "-".repeat(many)),
            format!("{{{{ a{} }}}}", ".b".repeat(many)),
            format!("{{{{ a{} }}}}", "|e".repeat(many)),
            format!("{{{{ a{} }}}}", "[0]".repeat(many)),
            format!("{{{{ {}{} }}}}", "(".repeat(many), ")".repeat(many)),
            format!("{{{{ 1{} }}}}", "+1".repeat(many)),
            format!("{{{{ 1{} }}}}", " if a else 1".repeat(many)),
            format!("{{% set x = {}1 %}}", "not ".repeat(many)),
            format!("{}{}", "{% if 1 %}".repeat(many), "{% endif %}".repeat(many)),
            format!("{{% if 1 %}}{}{{% endif %}}", "{% elif 1 %}".repeat(many)),
            "x".repeat(MOST_SOURCE_BYTES + 1),
        ];
        for source in cases {
            assert!(refused(&source).is_some(), "{}…", &source[..40.min(source.len())]);
        }
    }
}
