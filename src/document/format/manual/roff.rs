//! Expands what a manual page defines itself: strings, macros and conditions of troff.
//!
//! ```text
//! .ds Aq '
//! .de Vb
//! .nf
//! ..
//! .Vb 3                      .nf
//! That\*(Aqs it              That's it
//! ```
//!
//! Perl's pages (`pod2man`) are written so, and could not be read without it. Of conditions, those are known that ask for
//! a terminal (`n`, true), a typesetter (`t`, false), for groff (`\n(.g`, true), and those that compare two strings; all
//! others are false. Number registers are not kept, loops are left out. Macros that the reader knows itself, such as
//! `.SH`, keep their meaning even if a page defines them anew.

use std::collections::HashMap;

use super::arguments::argument_bytes;

/// Macros in macros, and strings in strings.
const DEEPEST: usize = 12;
/// Most lines that macros and conditions give.
const MOST_EXPANDED_LINES: usize = 200_000;
/// Most bytes that a string gives.
const MOST_STRING_BYTES: usize = 4096;

/// Requests whose meaning a page can't change.
const FIXED: [&str; 30] = [
    "TH", "SH", "Sh", "SS", "Ss", "PP", "P", "LP", "Pp", "HP", "TP", "TQ", "IP", "It", "B", "I", "SM", "SB", "R", "BR",
    "RB", "IR", "RI", "BI", "IB", "nf", "fi", "EX", "EE", "br",
];

/// Strings that macro packages define.
const KNOWN_STRINGS: [(&str, &str); 9] = [
    ("R", "\\(rg"),
    ("Tm", "\\(tm"),
    ("lq", "\\(lq"),
    ("rq", "\\(rq"),
    ("Aq", "\\(aq"),
    ("L\"", "\\(lq"),
    ("R\"", "\\(rq"),
    ("--", "\\(em"),
    ("C+", "C++"),
];

/// The lines of `page` with nothing left to expand.
pub(super) fn expanded(page: &str) -> Vec<String> {
    let strings = KNOWN_STRINGS.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let mut roff =
        Roff { strings, macros: HashMap::new(), was_true: false, left: MOST_EXPANDED_LINES, written: Vec::new() };
    let lines: Vec<String> = page.lines().map(str::to_owned).collect();
    roff.run(&lines, &[], 0);
    roff.written
}

struct Roff {
    strings: HashMap<String, String>,
    macros: HashMap<String, Vec<String>>,
    /// What the last `.ie` asked for, which `.el` answers.
    was_true: bool,
    /// Lines that macros may still give.
    left: usize,
    written: Vec<String>,
}

impl Roff {
    /// Runs `lines`: those of the page, of a macro that was called with `arguments`, or of a condition.
    fn run(&mut self, lines: &[String], arguments: &[String], depth: usize) {
        let mut at = 0;
        while let Some(line) = lines.get(at) {
            at += 1;
            if depth > 0 {
                let Some(left) = self.left.checked_sub(1) else { return };
                self.left = left;
            }
            let mut line = line.clone();
            // A backslash at the end continues the line.
            while line.ends_with('\\') && !line.ends_with("\\\\") && at < lines.len() {
                line.pop();
                line.push_str(&lines[at]);
                at += 1;
            }
            let line = with_arguments(&without_comment(&line).replace("\\}", ""), arguments);
            at = self.line(&line, lines, at, arguments, depth);
        }
    }

    /// Runs `line`, and returns where it goes on in `lines`.
    fn line(&mut self, line: &str, lines: &[String], at: usize, arguments: &[String], depth: usize) -> usize {
        let Some(request) = line.strip_prefix(['.', '\'']) else {
            self.write(line);
            return at;
        };
        let request = request.trim_start();
        let end = request.find(|sign: char| sign.is_whitespace() || sign == '\\').unwrap_or(request.len());
        let (name, rest) = request.split_at(end);
        match name {
            "de" | "de1" | "am" | "ig" => return self.define(name, rest, lines, at),
            "ds" | "ds1" | "as" => self.define_string(name, rest),
            "if" | "ie" => {
                let (is_true, body) = self.condition(rest.trim_start());
                if name == "ie" {
                    self.was_true = is_true;
                }
                return self.branch(is_true, &body, lines, at, arguments, depth);
            }
            "el" => return self.branch(!self.was_true, rest, lines, at, arguments, depth),
            // The end of a block.
            "" => {}
            "while" => return self.branch(false, rest, lines, at, arguments, depth),
            _ => match self.macros.get(name).filter(|_| !FIXED.contains(&name) && depth < DEEPEST) {
                Some(body) => {
                    let (body, given) = (body.clone(), super::arguments::arguments(&self.with_strings(rest, 0)));
                    self.run(&body, &given, depth + 1);
                }
                None => self.write(line),
            },
        }
        at
    }

    fn write(&mut self, line: &str) {
        let line = self.with_strings(line, 0);
        self.written.push(line);
    }

    /// Keeps a macro, or skips what is to be ignored.
    fn define(&mut self, name: &str, rest: &str, lines: &[String], at: usize) -> usize {
        let mut words = rest.split_whitespace();
        let defined = if name == "ig" { None } else { words.next() };
        let end = format!(".{}", words.next().unwrap_or("."));
        let length =
            lines[at..].iter().position(|line| line.trim_end() == end || line.replace("\\}", "").trim() == end);
        let length = length.unwrap_or(lines.len() - at);
        if let Some(defined) = defined {
            // In a definition, a backslash is written twice.
            let body = lines[at..at + length].iter().map(|line| line.replace("\\\\", "\\"));
            let kept = self.macros.entry(defined.to_owned()).or_default();
            if name != "am" {
                kept.clear();
            }
            kept.extend(body);
        }
        at + length + 1
    }

    fn define_string(&mut self, request: &str, rest: &str) {
        let rest = rest.trim_start();
        let (name, text) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let text = text.trim_start();
        let text = text.strip_prefix('"').unwrap_or(text).replace("\\\\", "\\");
        let kept = self.strings.entry(name.to_owned()).or_default();
        if request == "as" {
            kept.push_str(&text);
        } else {
            *kept = text;
        }
        kept.truncate(kept.floor_char_boundary(MOST_STRING_BYTES));
    }

    /// Whether the condition at the start of `rest` is true, and what hangs on it.
    fn condition(&self, rest: &str) -> (bool, String) {
        if let Some(rest) = rest.strip_prefix('!') {
            let (is_true, body) = self.condition(rest);
            return (!is_true, body);
        }
        let Some(first) = rest.chars().next() else { return (false, String::new()) };
        let behind = &rest[first.len_utf8()..];
        if matches!(first, 'n' | 't' | 'o' | 'e') && !behind.starts_with(char::is_alphanumeric) {
            return (matches!(first, 'n' | 'o'), behind.to_owned());
        }
        if matches!(first, '\'' | '"') {
            let mut pieces = behind.splitn(3, first);
            let (one, other) = (pieces.next().unwrap_or_default(), pieces.next().unwrap_or_default());
            let is_same = self.with_strings(one, 0) == self.with_strings(other, 0);
            return (is_same, pieces.next().unwrap_or_default().to_owned());
        }
        // `.if \n(.g .ds …`, `.if (\n(rF:(\n(.g==0)) \{\`: a number, up to the white space or the brace behind it.
        let brace = rest.find("\\{").unwrap_or(rest.len());
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len()).min(brace);
        let number = &rest[..end];
        (matches!(number, "\\n(.g" | "\\n[.g]" | "1"), rest[end..].to_owned())
    }

    /// Runs what hangs on a condition, or skips it: the rest of the line, or all lines up to the closing brace.
    fn branch(
        &mut self,
        is_true: bool,
        body: &str,
        lines: &[String],
        at: usize,
        arguments: &[String],
        depth: usize,
    ) -> usize {
        let body = body.trim_start();
        let block = body.strip_prefix("\\{");
        if is_true {
            let body = block.unwrap_or(body).trim_start();
            if depth < DEEPEST && !body.is_empty() && body != "\\" {
                return self.line(body, lines, at, arguments, depth + 1);
            }
            return at;
        }
        let Some(block) = block else { return at };
        let braces = |line: &str| (line.matches("\\{").count(), line.matches("\\}").count());
        let (mut open, mut closed) = braces(block);
        open += 1;
        let skipped = lines[at..].iter().position(|line| {
            let (more_open, more_closed) = braces(line);
            (open, closed) = (open + more_open, closed + more_closed);
            closed >= open
        });
        at + skipped.map_or(lines.len() - at, |skipped| skipped + 1)
    }

    /// `text` with its strings (`\*x`, `\*(xx`, `\*[name]`) in words.
    fn with_strings(&self, text: &str, depth: usize) -> String {
        let mut plain = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("\\*") {
            plain.push_str(&rest[..at]);
            let name = &rest[at + 2..];
            let length = argument_bytes(name);
            let named = name.get(..length).unwrap_or_default().trim_start_matches(['(', '[']).trim_end_matches(']');
            if let Some(string) = self.strings.get(named).filter(|_| depth < DEEPEST) {
                plain.push_str(&self.with_strings(string, depth + 1));
            }
            if depth > 0 && plain.len() > MOST_STRING_BYTES {
                return plain;
            }
            rest = name.get(length..).unwrap_or_default();
        }
        plain + rest
    }
}

/// `line` without the comment at its end.
fn without_comment(line: &str) -> &str {
    let comment = line.match_indices("\\\"").find(|(at, _)| !line[..*at].ends_with('\\'));
    comment.map_or(line, |(at, _)| &line[..at])
}

/// The line of a macro with its arguments: `\$1`, `\$*`, `\$@`.
fn with_arguments(line: &str, arguments: &[String]) -> String {
    if !line.contains("\\$") {
        return line.to_owned();
    }
    let mut whole = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("\\$") {
        whole.push_str(&rest[..at]);
        rest = &rest[at + 2..];
        let Some(sign) = rest.chars().next() else { break };
        rest = &rest[sign.len_utf8()..];
        match sign {
            '*' | '@' => whole.push_str(&arguments.join(" ")),
            '1'..='9' => {
                let argument = arguments.get(sign as usize - '1' as usize);
                whole.push_str(argument.map_or("", String::as_str));
            }
            _ => {}
        }
    }
    whole + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_macros_and_conditions_are_expanded() {
        let page = ".de Vb \\\" verbatim\n.nf\n.ne \\\\$1\n..\n.ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n.ie t \\{\\\n.ds x wrong\n.\\}\n.el \\{\\\n.ds x right\n\
                    .\\}\n.if n it\\*(Aqs \\*x\n.Vb 3\ncode\n.if t never\n.if !t always\n.if 'a'b' never\n";
        assert_eq!(expanded(page), ["it\\(aqs right", ".nf", ".ne 3", "code", "always"]);
    }

    #[test]
    fn what_calls_itself_ends() {
        let endless = ".de A\n.A\n.A\ntext\n..\n.A\n.ds b \\*b\\*b\nuse \\*b.\n";
        let lines = expanded(endless);
        assert!(
            lines.len() <= 2 * MOST_EXPANDED_LINES && lines.iter().all(|line| line.len() < 1 << 17),
            "{}",
            lines.len()
        );
        assert_eq!(expanded(".while 1 \\{\\\nagain\n.\\}\nend\n.de"), ["end"]);
    }
}
