//! Reads the text of a DOCX file: paragraphs, headings, lists, tables, and notes and comments at their
//! references.

use std::collections::HashMap;

use super::formula::Formula;
use super::notes::Note;
use super::numbering::{NumberRef, Numbering};
use super::styles::{Rank, Styles, heading};
use crate::format::flow::Flow;
use crate::format::raised::raised;
use crate::format::xml::{Element, XmlHandler};

/// More columns are not readable.
const MOST_COLUMNS: usize = 200;

/// Writes the main part of a document to a flow.
#[derive(Debug)]
pub(super) struct BodyReader<'a> {
    pub flow: &'a mut Flow,
    pub styles: &'a Styles,
    pub numbering: &'a mut Numbering,
    pub footnotes: HashMap<String, Note>,
    pub endnotes: HashMap<String, Note>,
    pub comments: HashMap<String, Note>,
    /// The open paragraphs. Several are open inside a text box, which is in the middle of a paragraph.
    paragraphs: Vec<Paragraph>,
    /// For each open row, whether the flow has one open for it.
    rows: Vec<bool>,
    /// Columns that the open cell spans after its first.
    more_columns: usize,
    /// Number of open elements whose text is skipped: deleted, moved away, or an alternative form of other text.
    dropped: usize,
    in_properties: bool,
    is_text: bool,
    /// The end of the last paragraph was deleted, so the next one continues it.
    joins: bool,
    has_title: bool,
    /// Whether the last paragraph was code.
    in_code: bool,
    /// How the current run is raised; hidden runs are not read.
    run: RunLook,
    formula: Option<Formula>,
    /// Hidden runs, which only their author sees.
    pub hidden_runs: u64,
    pub changes: TrackedChanges,
}

/// Numbers of tracked changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct TrackedChanges {
    pub deletions: u64,
    pub insertions: u64,
}

/// How a run of letters looks, as far as it changes what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct RunLook {
    is_raised: bool,
    is_hidden: bool,
}

#[derive(Debug, Default)]
struct Paragraph {
    style: String,
    number: NumberRef,
    outline: Option<usize>,
    is_begun: bool,
    is_heading: bool,
    is_item: bool,
    end_is_deleted: bool,
}

impl<'a> BodyReader<'a> {
    pub(super) fn new(flow: &'a mut Flow, styles: &'a Styles, numbering: &'a mut Numbering) -> Self {
        Self {
            flow,
            styles,
            numbering,
            footnotes: HashMap::new(),
            endnotes: HashMap::new(),
            comments: HashMap::new(),
            paragraphs: Vec::new(),
            rows: Vec::new(),
            more_columns: 0,
            dropped: 0,
            in_properties: false,
            is_text: false,
            joins: false,
            has_title: false,
            in_code: false,
            run: RunLook::default(),
            formula: None,
            hidden_runs: 0,
            changes: TrackedChanges::default(),
        }
    }

    fn write(&mut self, text: &str) {
        if self.dropped == 0 {
            self.begin();
            self.flow.text(text);
        }
    }

    /// Begins the paragraph as a heading, a list item or plain text, according to its properties. Called for its first
    /// word.
    fn begin(&mut self) {
        let Some(paragraph) = self.paragraphs.last_mut().filter(|paragraph| !paragraph.is_begun) else { return };
        paragraph.is_begun = true;
        if std::mem::take(&mut self.joins) {
            return;
        }
        let rank = match paragraph.outline {
            Some(level) => heading(level),
            None => self.styles.rank(&paragraph.style),
        };
        let of_style = self.styles.number(&paragraph.style);
        let list = paragraph.number.list.as_ref().or(of_style.list.as_ref()).filter(|list| *list != "0");
        let level = paragraph.number.level.or(of_style.level).unwrap_or(0);
        let label = list.and_then(|list| self.numbering.count(list, level));
        self.flow.set_depth(0);
        if self.styles.is_code(&paragraph.style) && rank.is_none() && label.is_none() {
            if std::mem::replace(&mut self.in_code, true) {
                self.flow.text("\n");
            } else {
                self.flow.begin_code();
            }
            return;
        }
        if std::mem::take(&mut self.in_code) {
            self.flow.end_code();
        }
        if let Some(rank) = rank {
            paragraph.is_heading = true;
            let level = match rank {
                Rank::Title => 1,
                Rank::Heading(level) => level + u8::from(self.has_title),
            };
            self.has_title |= rank == Rank::Title;
            self.flow.begin_heading(level);
            self.flow.text(label.as_deref().filter(|label| *label != "- ").unwrap_or_default());
        } else if let Some(label) = label {
            paragraph.is_item = true;
            self.flow.set_depth(level + 1);
            self.flow.item(&label);
        } else {
            self.flow.block();
        }
    }

    fn end_paragraph(&mut self) {
        let Some(paragraph) = self.paragraphs.pop() else { return };
        if paragraph.end_is_deleted {
            self.joins = true;
        } else if paragraph.is_heading {
            self.flow.end_heading();
        } else if paragraph.is_item {
            self.flow.end_item();
            self.flow.line();
        } else if !self.in_code && (paragraph.is_begun || self.paragraphs.is_empty()) {
            self.flow.block();
        }
    }

    /// Ends everything that is open.
    pub(super) fn end(&mut self) {
        if std::mem::take(&mut self.in_code) {
            self.flow.end_code();
        }
    }

    /// Writes the text of a run: `10` and the raised `-9` are `10^-9`.
    fn write_run(&mut self, text: &str) {
        if self.run.is_hidden {
            self.hidden_runs += u64::from(!text.trim().is_empty());
        } else if self.run.is_raised && self.paragraphs.last().is_some_and(|paragraph| paragraph.is_begun) {
            self.write(&raised(text));
        } else {
            self.write(text);
        }
    }

    /// A property in `<w:rPr>`.
    fn look(&mut self, element: &Element<'_>) {
        let value = element.attribute("val");
        match element.name() {
            "vertAlign" => self.run.is_raised = value.is_some_and(|value| value == "superscript"),
            "vanish" => self.run.is_hidden = value.is_none_or(|value| !matches!(&*value, "0" | "false")),
            _ => {}
        }
    }

    /// A sign that is named by its number in a font of signs: the boxes of forms, else nothing known.
    fn sign(&mut self, element: &Element<'_>) {
        let code = element.attribute("char").and_then(|code| u32::from_str_radix(&code, 16).ok()).unwrap_or(0);
        let is_wingdings = element.attribute("font").is_some_and(|font| font.starts_with("Wingdings"));
        if element.attribute("font").is_some_and(|font| font == "Symbol")
            && let Some(sign) = of_symbol(code & 0xff)
        {
            return self.write(sign.encode_utf8(&mut [0; 4]));
        }
        let sign = match code & 0xff {
            0xfe | 0xfd | 0x52 | 0x53 if is_wingdings => "[x]",
            0xa8 | 0x6f | 0x71 if is_wingdings => "[ ]",
            0xfc if is_wingdings => "✓",
            0xfb if is_wingdings => "✗",
            0xe0 if is_wingdings => "→",
            0xb7 | 0xa7 => "•",
            _ => "□",
        };
        self.write(sign);
    }

    fn note(&mut self, what: &str, id: Option<&str>) {
        let notes = match what {
            "footnote" => &mut self.footnotes,
            "endnote" => &mut self.endnotes,
            _ => &mut self.comments,
        };
        let Some(note) = id.and_then(|id| notes.remove(id)).filter(|_| self.dropped == 0) else { return };
        let by = if note.author.is_empty() { String::new() } else { format!(" by {}", note.author) };
        self.flow.space();
        self.write(&format!("[{what}{by}: {}]", note.text.trim()));
    }

    /// A property in `<w:pPr>`.
    fn property(&mut self, element: &Element<'_>) {
        let Some(paragraph) = self.paragraphs.last_mut() else { return };
        let value = element.attribute("val").unwrap_or_default();
        match element.name() {
            "pStyle" => paragraph.style = value.into_owned(),
            "numId" => paragraph.number.list = Some(value.into_owned()),
            "ilvl" => paragraph.number.level = value.parse().ok(),
            "outlineLvl" => paragraph.outline = value.parse().ok(),
            "del" | "moveFrom" => paragraph.end_is_deleted = true,
            _ => {}
        }
    }

    fn table_part(&mut self, name: &str) {
        match name {
            "tbl" => self.flow.block(),
            "tr" => {
                self.flow.set_depth(0);
                let is_begun = self.flow.begin_row();
                self.rows.push(is_begun);
            }
            _ if self.rows.last() == Some(&true) => self.flow.begin_cell(),
            _ => self.flow.block(),
        }
    }

    /// Leaves the other columns of a cell that spans several of them empty.
    fn end_cell(&mut self) {
        let more = std::mem::take(&mut self.more_columns);
        if self.rows.last() == Some(&true) {
            (0..more).for_each(|_| self.flow.begin_cell());
        }
    }

    fn end_row(&mut self) {
        if self.rows.pop() == Some(true) {
            self.flow.end_row();
        }
    }

    fn dropping(&mut self, name: &str) {
        self.dropped += 1;
        self.changes.deletions += u64::from(name == "del");
    }
}

/// The sign of this number in the font `Symbol`: Greek letters and signs of formulas.
fn of_symbol(code: u32) -> Option<char> {
    const CAPITALS: &str = "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ";
    const LETTERS: &str = "αβχδεφγηιϕκλμνοπθρστυϖωξψζ";
    match code {
        0x41..=0x5a => CAPITALS.chars().nth(code as usize - 0x41),
        0x61..=0x7a => LETTERS.chars().nth(code as usize - 0x61),
        0x30..=0x39 => char::from_u32(code),
        0xa3 => Some('≤'),
        0xa5 => Some('∞'),
        0xae => Some('→'),
        0xb0 => Some('°'),
        0xb1 => Some('±'),
        0xb3 => Some('≥'),
        0xb4 => Some('×'),
        0xb9 => Some('≠'),
        0xbb => Some('≈'),
        0xd6 => Some('√'),
        0xe5 => Some('∑'),
        0xf2 => Some('∫'),
        _ => None,
    }
}

impl XmlHandler for BodyReader<'_> {
    fn open(&mut self, element: &Element<'_>) {
        if self.in_properties {
            return self.property(element);
        }
        if let Some(formula) = &mut self.formula {
            if let Some(sign) = element.attribute("val") {
                formula.sign(element.name(), &sign);
            }
            if !element.is_empty {
                formula.open(element.name());
            }
            return;
        }
        match element.name() {
            "r" => self.run = RunLook::default(),
            "vertAlign" | "vanish" => self.look(element),
            "gridSpan" => {
                let columns = element.attribute("val").and_then(|columns| columns.parse::<usize>().ok()).unwrap_or(1);
                self.more_columns = columns.clamp(1, MOST_COLUMNS) - 1;
            }
            "sym" => self.sign(element),
            "oMath" if !element.is_empty && self.dropped == 0 => self.formula = Some(Formula::default()),
            "p" if !element.is_empty => self.paragraphs.push(Paragraph::default()),
            "pPr" if !element.is_empty => self.in_properties = true,
            name @ ("del" | "moveFrom" | "Fallback") if !element.is_empty => self.dropping(name),
            "ins" if !element.is_empty => self.changes.insertions += 1,
            "t" => self.is_text = !element.is_empty,
            "tab" | "ptab" if self.in_code => self.write("\t"),
            "tab" | "ptab" => self.flow.space(),
            "br" | "cr" if self.dropped == 0 => self.flow.line_break(),
            "noBreakHyphen" => self.write("-"),
            "footnoteReference" => self.note("footnote", element.attribute("id").as_deref()),
            "endnoteReference" => self.note("endnote", element.attribute("id").as_deref()),
            "commentReference" => self.note("comment", element.attribute("id").as_deref()),
            name @ ("tbl" | "tr" | "tc") if !element.is_empty => self.table_part(name),
            "rt" if !element.is_empty => self.write("("),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        if name == "oMath"
            && let Some(formula) = self.formula.take()
        {
            return self.write(&formula.finish());
        }
        if let Some(formula) = &mut self.formula {
            return formula.close(name);
        }
        match name {
            "pPr" => self.in_properties = false,
            _ if self.in_properties => {}
            "p" => self.end_paragraph(),
            "del" | "moveFrom" | "Fallback" => self.dropped = self.dropped.saturating_sub(1),
            "t" => self.is_text = false,
            "tc" => self.end_cell(),
            "tr" => self.end_row(),
            "tbl" => self.flow.block(),
            "rt" => self.write(")"),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(formula) = &mut self.formula {
            formula.text(text);
        } else if self.is_text && !self.in_properties {
            self.write_run(text);
        }
    }
}
