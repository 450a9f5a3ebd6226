//! Jupyter notebooks: the cells in order. Headings of Markdown cells become the outline.
//!
//! Markdown stays as it is. Code is in a fence with the language of the notebook, what it printed in a fence below it.
//! Pictures and interactive outputs are named, not read:
//!
//! ````text
//! ```python
//! plot(x)
//! ```
//!
//! [output: image/png]
//! ````

use std::fmt::Write as _;

use serde_json::Value;

use super::charset;
use super::flow::paged;
use super::html::text_of_page;
use super::interface::{FileText, Format};
use super::markdown;
use crate::error::Error;
use crate::options::ReadOptions;
use crate::raw_file::RawFile;
use crate::report::{FileReport, counted};

const WHAT: &str = "a Jupyter notebook";

/// A longer output is cut in the middle: it is a log, or a table of data.
const LONGEST_OUTPUT: usize = 32 << 10;

pub(super) struct Notebook;

impl Format for Notebook {
    fn name(&self) -> &'static str {
        "notebook"
    }

    fn recognises(&self, file: &RawFile) -> bool {
        let is_json = file.bytes.trim_ascii_start().starts_with(b"{");
        is_json && file.extension().as_deref() == Some("ipynb")
    }

    fn read(&self, file: RawFile, _options: &ReadOptions) -> Result<FileText, Error> {
        let RawFile { name, bytes, .. } = file;
        let mut report = FileReport { name, bytes: bytes.len() as u64, ..FileReport::default() };
        let parsed = serde_json::from_str::<Value>(&charset::read(&bytes).text);
        let broken = |evidence: String| Error::Broken { name: report.name.clone(), what: WHAT, evidence };
        let notebook = parsed.map_err(|error| broken(error.to_string()))?;
        // Version 3 had its cells in worksheets.
        let cells = notebook["cells"].as_array().or_else(|| notebook["worksheets"][0]["cells"].as_array());
        let cells = cells.ok_or_else(|| broken("it has no list of cells".into()))?;
        let mut writer = Writer { language: language(&notebook), ..Writer::default() };
        for cell in cells {
            writer.cell(cell);
        }
        report.remarks.extend(writer.remarks());
        let page = paged(&writer.text);
        let outline = markdown::headings(&page.text);
        FileText::of_flow(page, outline, report, WHAT)
    }
}

fn language(notebook: &Value) -> String {
    let metadata = &notebook["metadata"];
    let named = metadata["language_info"]["name"].as_str().or_else(|| metadata["kernelspec"]["language"].as_str());
    named.unwrap_or("python").to_owned()
}

#[derive(Default)]
struct Writer {
    text: String,
    language: String,
    pictures: u64,
    cut: u64,
}

impl Writer {
    fn cell(&mut self, cell: &Value) {
        let source = joined(cell.get("source").or_else(|| cell.get("input")).unwrap_or(&Value::Null));
        match cell["cell_type"].as_str() {
            Some("code") => {
                if !source.trim().is_empty() {
                    let language = self.language.clone();
                    self.fence(&language, &source);
                }
                cell["outputs"].as_array().into_iter().flatten().for_each(|output| self.output(output));
            }
            Some("heading") => {
                let level = cell["level"].as_u64().unwrap_or(1).clamp(1, 6) as usize;
                self.paragraph(&format!("{} {source}", "#".repeat(level)));
            }
            _ => self.paragraph(&source),
        }
    }

    /// The text of an output, in the plainest form that it has.
    fn output(&mut self, output: &Value) {
        let data = &output["data"];
        let error = || {
            let name = output["ename"].as_str()?;
            Some(format!("{name}: {}", output["evalue"].as_str().unwrap_or_default()))
        };
        let text = [&output["text"], &data["text/markdown"], &data["text/latex"], &data["text/plain"]]
            .into_iter()
            .find(|text| !text.is_null())
            .map(joined)
            .or_else(error);
        let text = text.or_else(|| text_of_page(&joined(data.get("text/html")?)));
        let picture = data.as_object().and_then(|data| data.keys().find(|kind| kind.starts_with("image/")));
        if let Some(kind) = picture {
            self.pictures += 1;
            self.paragraph(&format!("[output: {kind}]"));
        } else if let Some(text) = text.filter(|text| !text.trim().is_empty()) {
            let shown = self.shortened(&text);
            self.fence("text", &shown);
        } else if let Some(kind) = data.as_object().and_then(|data| data.keys().next()) {
            self.paragraph(&format!("[output: {kind}]"));
        }
    }

    fn shortened(&mut self, text: &str) -> String {
        if text.len() <= LONGEST_OUTPUT {
            return text.to_owned();
        }
        self.cut += 1;
        let (start, end) =
            (text.floor_char_boundary(LONGEST_OUTPUT / 2), text.ceil_char_boundary(text.len() - LONGEST_OUTPUT / 2));
        format!("{}\n[… {} bytes left out …]\n{}", &text[..start], end - start, &text[end..])
    }

    fn fence(&mut self, language: &str, text: &str) {
        let marks = if text.contains("```") { "~~~~" } else { "```" };
        let _ = write!(self.text, "{marks}{language}\n{}\n{marks}\n\n", text.trim_end());
    }

    fn paragraph(&mut self, text: &str) {
        if !text.trim().is_empty() {
            let _ = write!(self.text, "{}\n\n", text.trim_end());
        }
    }

    fn remarks(&self) -> impl Iterator<Item = String> {
        let pictures =
            (self.pictures > 0).then(|| format!("{} of outputs left out", counted(self.pictures, "picture")));
        let cut = (self.cut > 0).then(|| format!("{} shortened", counted(self.cut, "long output")));
        pictures.into_iter().chain(cut)
    }
}

/// A text, or a list of its lines.
fn joined(text: &Value) -> String {
    match text {
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        Value::String(text) => text.clone(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<FileText, Error> {
        let file = RawFile::new("a.ipynb", text);
        assert!(Notebook.recognises(&file));
        Notebook.read(file, &ReadOptions::default())
    }

    #[test]
    fn cells_and_printed_outputs_are_read_and_pictures_named() {
        let text = r##"{"cells": [
            {"cell_type": "markdown", "source": ["# Waves\n", "\n", "A look."]},
            {"cell_type": "code", "source": "plot(x)\n# not a heading", "outputs": [
                {"output_type": "stream", "text": ["one\n", "two\n"]},
                {"output_type": "display_data", "data": {"image/png": "iVBORw0KGgo=", "text/plain": "<Figure>"}},
                {"output_type": "error", "ename": "ValueError", "evalue": "too high", "traceback": ["\u001b[31m"]}]},
            {"cell_type": "code", "source": [], "outputs": []}],
            "metadata": {"kernelspec": {"language": "julia"}}, "nbformat": 4}"##;
        let file = read(text).expect("a notebook");
        let expected = "# Waves\n\nA look.\n\n```julia\nplot(x)\n# not a heading\n```\n\n```text\none\ntwo\n```\n\n[output: image/png]\n\n\
                        ```text\nValueError: too high\n```\n";
        assert_eq!(file.text, expected);
        assert_eq!(file.report.remarks, ["1 picture of outputs left out"]);
        assert_eq!(file.outline.len(), 1);
    }

    #[test]
    fn a_notebook_without_cells_is_damaged_and_without_words_has_no_text() {
        assert!(read("{\"cells\": 3}").expect_err("no cells").to_string().contains("damaged"));
        assert!(read("{\"cells\": []}").expect_err("nothing").to_string().contains("no text"));
    }
}
