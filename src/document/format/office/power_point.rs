//! `PowerPoint`: the slides in their order, each with its notes.

use std::borrow::Cow;

use crate::error::Error;
use crate::format::archive::{Archive, resolve};
use crate::format::flow::Flow;
use crate::format::xml::{Element, XmlHandler};

const PRESENTATION: &str = "ppt/presentation.xml";

pub(super) fn read(archive: &mut Archive<'_>, flow: &mut Flow) -> Result<(), Error> {
    let mut order = SlideOrder::default();
    archive.read_xml(PRESENTATION, &mut order)?;
    let related = targets(archive, PRESENTATION)?;
    let slide = |id: &String| related.iter().find(|target| target.id == *id).map(|target| target.path.clone());
    for (index, path) in order.ids.iter().filter_map(slide).enumerate() {
        flow.begin_heading(1);
        flow.text(&format!("Slide {}", index + 1));
        flow.end_heading();
        if !archive.has(&path) {
            continue;
        }
        archive.read_xml(&path, &mut SlideReader::new(flow))?;
        let notes = targets(archive, &path)?.into_iter().find(|target| target.kind.ends_with("/notesSlide"));
        if let Some(notes) = notes.filter(|notes| archive.has(&notes.path)) {
            flow.block();
            let before = flow.len();
            archive.read_xml(&notes.path, &mut SlideReader { is_notes: true, ..SlideReader::new(flow) })?;
            if flow.len() > before {
                flow.block();
            }
        }
    }
    Ok(())
}

/// What a part refers to.
struct Target {
    id: String,
    kind: String,
    path: String,
}

/// The relationships of the part at `path`; none if it has no file of them.
fn targets(archive: &mut Archive<'_>, path: &str) -> Result<Vec<Target>, Error> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let file = format!("{folder}/_rels/{name}.rels");
    let mut reader = TargetReader { base: path.to_owned(), targets: Vec::new() };
    if archive.has(&file) {
        archive.read_xml(&file, &mut reader)?;
    }
    Ok(reader.targets)
}

struct TargetReader {
    base: String,
    targets: Vec<Target>,
}

impl XmlHandler for TargetReader {
    fn open(&mut self, element: &Element<'_>) {
        let get = |name| element.attribute(name).map(Cow::into_owned).unwrap_or_default();
        if element.name() == "Relationship"
            && let Some(path) = resolve(&self.base, &get("Target"))
        {
            self.targets.push(Target { id: get("Id"), kind: get("Type"), path });
        }
    }
}

/// The ids of the slides, in order.
#[derive(Default)]
struct SlideOrder {
    ids: Vec<String>,
}

impl XmlHandler for SlideOrder {
    fn open(&mut self, element: &Element<'_>) {
        if element.name() == "sldId" {
            self.ids.extend(element.prefixed_attribute("r:id").map(Cow::into_owned));
        }
    }
}

/// Reads a slide: its shapes from top to bottom, as the file has them.
struct SlideReader<'a> {
    flow: &'a mut Flow,
    is_notes: bool,
    /// The kind of the open shape: title, body, page number.
    shape: String,
    is_text: bool,
    level: usize,
    rows: Vec<bool>,
    has_notes: bool,
}

impl<'a> SlideReader<'a> {
    fn new(flow: &'a mut Flow) -> Self {
        Self {
            flow,
            is_notes: false,
            shape: String::new(),
            is_text: false,
            level: 0,
            rows: Vec::new(),
            has_notes: false,
        }
    }

    /// Page numbers, dates and footers say nothing about the slide; a slide within notes is a picture of it.
    fn is_skipped(&self) -> bool {
        let is_frame = matches!(self.shape.as_str(), "sldNum" | "dt" | "ftr" | "hdr");
        is_frame || self.is_notes && self.shape != "body"
    }

    fn end_row(&mut self) {
        if self.rows.pop() == Some(true) {
            self.flow.end_row();
        }
    }

    fn is_title(&self) -> bool {
        !self.is_notes && matches!(self.shape.as_str(), "title" | "ctrTitle")
    }
}

impl XmlHandler for SlideReader<'_> {
    fn open(&mut self, element: &Element<'_>) {
        match element.name() {
            // Tables and groups are no titles, whatever was before them.
            "sp" | "graphicFrame" | "grpSp" => self.shape.clear(),
            "ph" => self.shape = element.attribute("type").map_or_else(|| "body".into(), Cow::into_owned),
            "txBody" if self.is_title() => self.flow.begin_heading(2),
            "txBody" => self.flow.block(),
            "p" if !self.is_title() => self.level = 0,
            "pPr" => self.level = element.attribute("lvl").and_then(|level| level.parse().ok()).unwrap_or(0),
            "r" | "fld" if !self.is_skipped() && !self.is_title() => self.flow.set_depth(self.level),
            "t" => self.is_text = !element.is_empty,
            "br" => self.flow.line_break(),
            "tr" if !element.is_empty => {
                let is_begun = self.flow.begin_row();
                self.rows.push(is_begun);
            }
            "tc" if !element.is_empty && self.rows.last() == Some(&true) => self.flow.begin_cell(),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "t" => self.is_text = false,
            "p" if self.is_title() => self.flow.space(),
            "p" => self.flow.line(),
            "txBody" if self.is_title() => self.flow.end_heading(),
            "txBody" | "tbl" => {
                self.flow.set_depth(0);
                self.flow.block();
            }
            "tr" => self.end_row(),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if !self.is_text || self.is_skipped() {
            return;
        }
        if self.is_notes && !std::mem::replace(&mut self.has_notes, true) {
            self.flow.text("Notes: ");
        }
        self.flow.text(text);
    }
}
