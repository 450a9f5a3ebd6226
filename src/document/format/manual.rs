//! Manual pages (man, mdoc): the text without the requests of troff. `.SH` and `.Sh` become headings.
//!
//! `.SH NAME` and `cat \- concatenate \fIfiles\fP` become `## NAME` and `cat - concatenate files`. Options keep their
//! place before what is said about them. A row of a table is a line with ` | ` between cells. Macros, strings and
//! conditions of the page itself are expanded; what other files define is not. Pictures stay as they are written.

mod arguments;
mod roff;
mod signs;
mod table;

use self::arguments::{argument_bytes, arguments};
use self::table::Table;
use super::flow::{Flow, Flowed};
use super::interface::{FileText, Format};
use crate::decode::decode;
use crate::error::Error;
use crate::options::ReadOptions;
use crate::raw_file::RawFile;

const WHAT: &str = "a manual page";

/// How much of a file is examined.
const HEAD_BYTES: usize = 16 << 10;

pub(super) struct Manual;

impl Format for Manual {
    fn name(&self) -> &'static str {
        "man"
    }

    /// By the title line, which every manual page has: `.TH` or `.Dd`.
    fn recognises(&self, file: &RawFile) -> bool {
        let head = &file.bytes[..file.bytes.len().min(HEAD_BYTES)];
        let extension = file.extension().unwrap_or_default();
        let is_named =
            extension.starts_with(|first: char| first.is_ascii_digit()) || matches!(extension.as_str(), "man" | "mdoc");
        let begins = |line: &[u8]| line.starts_with(b".TH ") || line.starts_with(b".Dd ");
        let is_request = |line: &[u8]| line.is_empty() || matches!(line[0], b'.' | b'\'');
        let mut lines = head.split(|&byte| byte == b'\n');
        lines.by_ref().take_while(|line| is_named || is_request(line)).any(begins)
    }

    fn read(&self, file: RawFile, _options: &ReadOptions) -> Result<FileText, Error> {
        let decoded = decode(file)?;
        let flowed = text(&decoded.text);
        let outline = flowed.outline();
        let controls = decoded.report.control_characters;
        let mut read = FileText::of_flow(flowed, outline, decoded.report, WHAT)?;
        read.report.control_characters = controls;
        Ok(read)
    }
}

fn text(page: &str) -> Flowed {
    let mut writer = Writer::default();
    for line in roff::expanded(page) {
        writer.line(&line);
    }
    writer.end_code();
    writer.flow.finish()
}

#[derive(Default)]
struct Writer {
    flow: Flow,
    in_code: bool,
    /// The next line is the term of a list: the option before its description.
    is_term: bool,
    /// Pages in mdoc begin with `.Dd`.
    is_mdoc: bool,
    table: Option<Table>,
    /// The name of the page, which `.Nm` stands for.
    name: String,
}

impl Writer {
    fn line(&mut self, line: &str) {
        if let Some(table) = &mut self.table {
            if line.trim_end() == ".TE" {
                self.table = None;
                self.flow.block();
            } else if let Some(row) = table.row(line) {
                self.row(&row);
            }
            return;
        }
        match line.strip_prefix(['.', '\'']) {
            Some(request) => self.request(request),
            None if line.trim().is_empty() => self.flow.block(),
            None => self.words(line),
        }
        if self.is_term && !line.starts_with(['.', '\'']) {
            self.end_term();
        }
    }

    fn words(&mut self, line: &str) {
        let words = unescaped(line);
        self.flow.text(&words);
        if self.in_code {
            self.flow.text("\n");
        } else {
            self.flow.space();
        }
        // An indented line is laid out by hand.
        if line.starts_with([' ', '\t']) && !self.in_code {
            self.flow.line();
        }
    }

    fn row(&mut self, cells: &[String]) {
        self.flow.begin_row();
        for cell in cells {
            self.flow.begin_cell();
            self.flow.text(&unescaped(cell));
        }
        self.flow.end_row();
    }

    fn end_term(&mut self) {
        self.is_term = false;
        self.flow.set_depth(1);
        self.flow.line();
    }

    fn begin_code(&mut self) {
        if !std::mem::replace(&mut self.in_code, true) {
            self.flow.begin_code();
        }
    }

    fn end_code(&mut self) {
        if std::mem::take(&mut self.in_code) {
            self.flow.end_code();
        }
    }

    fn heading(&mut self, level: u8, arguments: &str) {
        self.end_code();
        self.flow.set_depth(0);
        self.flow.begin_heading(level);
        self.flow.text(arguments);
        self.flow.end_heading();
    }

    fn request(&mut self, request: &str) {
        let request = request.trim_start();
        let end = request.find(char::is_whitespace).unwrap_or(request.len());
        let (name, rest) = request.split_at(end);
        let arguments = arguments(rest);
        let joined = || unescaped(&arguments.join(" "));
        match name {
            "TH" => self.heading(1, &unescaped(arguments.first().map_or("", String::as_str))),
            "Dt" => self.heading(1, &joined()),
            "SH" | "Sh" => self.heading(2, &joined()),
            "SS" | "Ss" => self.heading(3, &joined()),
            "PP" | "P" | "LP" | "Pp" | "sp" | "HP" => {
                self.flow.set_depth(0);
                self.flow.block();
            }
            "TP" | "TQ" => {
                self.flow.set_depth(0);
                self.flow.block();
                self.is_term = true;
            }
            "IP" | "It" => {
                self.flow.set_depth(0);
                self.flow.block();
                if name == "It" {
                    self.mdoc(&arguments);
                } else {
                    self.flow.text(&unescaped(arguments.first().map_or("", String::as_str)));
                }
                self.end_term();
            }
            "br" => self.flow.line(),
            "nf" | "EX" | "Bd" => self.begin_code(),
            "fi" | "EE" | "Ed" => self.end_code(),
            "B" | "I" | "SM" | "SB" | "R" | "UR" | "MT" => self.words(&arguments.join(" ")),
            "BR" | "RB" | "IR" | "RI" | "BI" | "IB" => self.words(&arguments.concat()),
            "Dd" => self.is_mdoc = true,
            "TS" => {
                self.end_code();
                self.flow.block();
                self.table = Some(Table::default());
            }
            "Nm" if self.name.is_empty() || !arguments.is_empty() => {
                self.name = arguments.first().cloned().unwrap_or_default();
                self.mdoc(&arguments);
            }
            "Nm" => self.words(&self.name.clone()),
            "Ex" => {
                let name = arguments.get(1).unwrap_or(&self.name).clone();
                self.words(&format!("The {name} utility exits 0 on success, and >0 if an error occurs."));
            }
            "Nd" => self.words(&format!("- {}", joined())),
            "Os" | "Bl" | "El" | "so" | "ft" | "in" | "ad" | "hy" | "nh" | "ta" | "ne" | "nr" | "tr" | "RS" | "RE"
            | "UE" | "ME" | "PD" | "DT" | "AT" | "UC" | "ll" | "rm" | "rr" | "ps" | "vs" | "ns" | "rs" | "na"
            | "ss" | "mk" | "rt" | "ti" | "." | "Sm" | "TE" | "Bk" | "Ek" | "SY" | "YS" | "" => {}
            // A comment.
            other if other.starts_with('\\') => {}
            other
                if self.is_mdoc && other.len() <= 2 && other.starts_with(|first: char| first.is_ascii_uppercase()) =>
            {
                let called: Vec<String> = [other.to_owned()].into_iter().chain(arguments.iter().cloned()).collect();
                self.mdoc(&called);
            }
            _ => {}
        }
        if self.is_term && !matches!(name, "TP" | "TQ" | "PD") {
            self.end_term();
        }
    }

    /// Arguments of mdoc, which may call macros: `Fl v Ar file` is `-v file`.
    fn mdoc(&mut self, arguments: &[String]) {
        let mut words = String::new();
        let mut glue = "";
        let mut close = Vec::new();
        for argument in arguments {
            match argument.as_str() {
                "Fl" => {
                    words += glue;
                    words += "-";
                    glue = "";
                }
                "Op" | "Oo" => {
                    words += glue;
                    words += "[";
                    glue = "";
                    close.push("]");
                }
                "Oc" => words += close.pop().unwrap_or_default(),
                "Pq" | "Po" => {
                    words += glue;
                    words += "(";
                    glue = "";
                    close.push(")");
                }
                "Dq" | "Do" | "Sq" | "So" | "Ql" => {
                    words += glue;
                    words += "\"";
                    glue = "";
                    close.push("\"");
                }
                "Ns" => glue = "",
                // The next column of a list.
                "Ta" => {
                    words += " | ";
                    glue = "";
                }
                macro_name if is_macro(macro_name) => {}
                "." | "," | ";" | ":" | ")" | "]" => words += argument,
                other => {
                    words += glue;
                    words += other;
                    glue = " ";
                }
            }
        }
        close.reverse();
        self.words(&(words + &close.concat()));
    }
}

/// Macros of mdoc that only choose a font.
fn is_macro(word: &str) -> bool {
    const FONTS: [&str; 33] = [
        "Ad", "An", "Ar", "Bq", "Brq", "Cd", "Cm", "Dl", "Dv", "Em", "Er", "Ev", "Fa", "Fd", "Fn", "Ft", "Ic", "In",
        "Li", "Lk", "Ms", "Mt", "No", "Pa", "Pc", "Sc", "Dc", "St", "Sx", "Sy", "Tn", "Va", "Xr",
    ];
    FONTS.contains(&word)
}

/// `line` without escapes: `\fB`, `\-`, `\(em`, `\[oq]`, `\s+1`.
fn unescaped(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        let escape = &rest[at + 1..];
        let (sign, length) = escape_sign(escape);
        plain.push_str(&sign);
        rest = escape.get(length..).unwrap_or_default();
        if escape.starts_with('"') {
            return plain;
        }
    }
    plain + rest
}

/// What an escape stands for, and how many bytes it has behind the backslash.
fn escape_sign(escape: &str) -> (String, usize) {
    let Some(first) = escape.chars().next() else { return (String::new(), 0) };
    let name = |from: usize, to: usize| escape.get(from..to).unwrap_or_default().to_owned();
    match first {
        '-' => ("-".into(), 1),
        'e' | '\\' => ("\\".into(), 1),
        '(' => (signs::sign(&name(1, 3)), 3),
        '[' => escape.find(']').map_or((String::new(), 1), |end| (signs::sign(&name(1, end)), end + 1)),
        'f' | 'F' | '*' | 'n' | 'g' | 'k' | 'm' | 'M' | 'Y' => (String::new(), 1 + argument_bytes(&escape[1..])),
        's' => {
            let signs = escape[1..].bytes().take_while(|byte| matches!(byte, b'+' | b'-')).count();
            let digits = escape[1 + signs..].bytes().take_while(u8::is_ascii_digit).take(2).count();
            (String::new(), 1 + signs + digits)
        }
        'h' | 'v' | 'w' | 'l' | 'L' | 'o' | 'D' | 'x' | 'X' | 'Z' | 'b' => {
            let quote = escape[1..].chars().next().unwrap_or('\'');
            let end = escape[1..]
                .char_indices()
                .skip(1)
                .find(|(_, sign)| *sign == quote)
                .map_or(0, |(at, _)| at + quote.len_utf8());
            (String::new(), 1 + end)
        }
        '~' | ' ' | '0' => (" ".into(), 1),
        '&' | '|' | '^' | '%' | ':' | '/' | ',' | ')' | 'c' | 'd' | 'u' | '"' | 'p' | 'z' | '{' | '}' => {
            (String::new(), 1)
        }
        't' => ("\t".into(), 1),
        '`' => ("`".into(), 1),
        '\'' => ("'".into(), 1),
        other => (other.into(), other.len_utf8()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, page: &str) -> String {
        let file = RawFile::new(name, page);
        assert!(Manual.recognises(&file), "{name}");
        Manual.read(file, &ReadOptions::default()).expect("a page").text
    }

    #[test]
    fn a_page_of_man_is_read_without_its_requests() {
        let page = ".\\\" comment\n.TH CAT 1 \"2026\" GNU\n.SH NAME\ncat \\- concatenate \\fIfiles\\fP\n.SH \"OPTIONS HERE\"\n.TP\n\\fB\\-A\\fR, \
                    \\fB\\-\\-show\\-all\\fR\nshow\nall\n.IP \\-b\nnumber\\(emlines\n.PP\nSee\n.BR tac (1).\n.nf\n  a  b\nc\n.fi\nEnd.\n";
        let expected = "# CAT\n\n## NAME\n\ncat - concatenate files\n\n## OPTIONS HERE\n\n-A, --show-all\n  show all\n\n-b\n  number—lines\n\n\
                        See tac(1).\n\n  a  b\nc\n\nEnd.\n";
        assert_eq!(read("cat.1", page), expected);
    }

    #[test]
    fn a_page_of_mdoc_is_read_too() {
        let page = ".Dd May 1\n.Dt CAT 1\n.Os\n.Sh NAME\n.Nm cat\n.Nd join files\n.Sh SYNOPSIS\n.Nm\n.Op Fl bn\n.Op Ar file ...\n.Bl -tag\n.It Fl b\nNumber.\n.El\n";
        let text = read("cat.1", page);
        assert!(
            text.contains("cat - join files")
                && text.contains("cat [-bn] [file ...]")
                && text.contains("-b\n  Number."),
            "{text}"
        );
        let list = ".Dd May 1\n.Dt CAT 1\n.Os\n.Sh NAME\n.Nm cat\n.Bl -column a b\n.It Sy Key Ta Sy Act\n.El\n.Sh EXIT STATUS\n.Ex -std\n";
        let text = read("cat.1", list);
        assert!(text.contains("Key | Act") && text.contains("The cat utility exits 0 on success"), "{text}");
    }

    #[test]
    fn a_page_of_perl_keeps_its_code_and_shows_no_macro() {
        let page = ".de Sp\n.if n .sp\n..\n.de Vb\n.ft CW\n.nf\n.ne \\\\$1\n..\n.de Ve\n.ft R\n.fi\n..\n.ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n\
                    .de IX\n..\n.IX Title \"X 3\"\n.TH X 3\n.SH NAME\n.IX Header \"NAME\"\nIt\\*(Aqs X\n.Sp\n.Vb 2\n\\&  use X;\n\\&    x();\n.Ve\n.PP\nEnd.\n";
        assert_eq!(read("X.3", page), "# X\n\n## NAME\n\nIt's X\n\n  use X;\n    x();\n\nEnd.\n");
    }

    #[test]
    fn a_table_of_a_page_is_a_line_a_row() {
        let page = ".TH S 7\n.SH SIGNALS\n.TS\nl c c\n____\nl c l.\nSignal\tNumber\tAction\n_\nSIGHUP\t1\tT{\nends \\fIit\\fP\nT}\nSIGQUIT\t3\tdumps core\n.TE\nEnd.\n";
        let table = "Signal | Number | Action\nSIGHUP | 1 | ends it\nSIGQUIT | 3 | dumps core";
        assert_eq!(read("s.7", page), format!("# S\n\n## SIGNALS\n\n{table}\n\nEnd.\n"));
    }

    #[test]
    fn a_text_with_dots_is_no_page() {
        assert!(!Manual.recognises(&RawFile::new("a.txt", "Text\n.TH is a macro\n")));
    }
}
