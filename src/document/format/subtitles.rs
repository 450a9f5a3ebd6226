//! Subtitles (SRT, `WebVTT`, ASS): what is said, line by line, with the time where a cue begins.
//!
//! `00:01:02,500 --> 00:01:04,000` above `Look!` becomes `[0:01:02] Look!`. Numbers, ends, places and colours of cues
//! are left out, and counted in a remark. A cue that says again what the one before said is read once.

use std::fmt::Write as _;

use super::flow::paged;
use super::interface::{FileText, Format};
use crate::decode::decode;
use crate::error::Error;
use crate::options::ReadOptions;
use crate::raw_file::RawFile;
use crate::report::counted;

const WHAT: &str = "a file of subtitles";

pub(super) struct Subtitles;

impl Format for Subtitles {
    fn name(&self) -> &'static str {
        "subtitles"
    }

    fn recognises(&self, file: &RawFile) -> bool {
        matches!(file.extension().as_deref(), Some("srt" | "vtt" | "ass" | "ssa"))
    }

    fn read(&self, file: RawFile, _options: &ReadOptions) -> Result<FileText, Error> {
        let decoded = decode(file)?;
        let mut text = String::new();
        let mut last = String::new();
        let mut cues = 0;
        for (time, words) in cues_of(&decoded.text) {
            cues += 1;
            if words != last && !words.is_empty() {
                let _ = writeln!(text, "[{time}] {words}");
                last = words;
            }
        }
        if cues == 0 {
            // A file of another kind with this name.
            return Ok(FileText::of_lines(decoded, Vec::new()));
        }
        let mut report = decoded.report;
        report.remarks.push(format!("{} read with their times; numbers and styles left out", counted(cues, "cue")));
        FileText::of_flow(paged(&text), Vec::new(), report, WHAT)
    }
}

/// The time and words of each cue.
fn cues_of(text: &str) -> Vec<(String, String)> {
    let mut cues: Vec<(String, String)> = Vec::new();
    let mut is_in_cue = false;
    for line in text.lines() {
        if let Some(dialogue) = line.strip_prefix("Dialogue:") {
            cues.extend(of_dialogue(dialogue));
        } else if let Some((start, _)) = line.split_once("-->") {
            cues.push((short(start), String::new()));
            is_in_cue = true;
        } else if line.trim().is_empty() {
            is_in_cue = false;
        } else if let Some((_, words)) = cues.last_mut().filter(|_| is_in_cue) {
            let said = without_tags(line);
            *words = if words.is_empty() { said } else { format!("{words} {said}") };
        }
    }
    cues
}

/// `0,0:00:01.00,0:00:02.00,Default,,0,0,0,,Look!\NThere.`
fn of_dialogue(fields: &str) -> Option<(String, String)> {
    let mut fields = fields.splitn(10, ',');
    let start = fields.nth(1)?;
    let speaker = fields.nth(2)?.trim();
    let words = fields.nth(4)?.replace("\\N", " ").replace("\\n", " ");
    // Shapes are written as words.
    let is_drawing = ('1'..='9').any(|scale| words.contains(&format!("\\p{scale}")));
    let said = if is_drawing { String::new() } else { without_tags(&words) };
    Some((short(start), if speaker.is_empty() || said.is_empty() { said } else { format!("{speaker}: {said}") }))
}

/// `00:01:02,500` as `0:01:02`; `WebVTT` may leave out the hours.
fn short(time: &str) -> String {
    let time = time.trim().split([',', '.']).next().unwrap_or_default();
    let whole = if time.matches(':').count() == 1 { format!("0:{time}") } else { time.to_owned() };
    whole
        .strip_prefix('0')
        .filter(|rest| rest.starts_with(|digit: char| digit.is_ascii_digit()))
        .unwrap_or(&whole)
        .into()
}

/// `line` without `<i>` and `{\an8}`. `<v Anna>` is who speaks, and becomes `Anna: `.
fn without_tags(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(['<', '{']) {
        let (before, tag) = rest.split_at(at);
        plain.push_str(before);
        let close = if tag.starts_with('<') { '>' } else { '}' };
        let is_tag = tag[1..].starts_with(|first: char| first.is_ascii_alphanumeric() || matches!(first, '/' | '\\'));
        if let Some(end) = tag.find(close).filter(|_| is_tag) {
            if let Some(speaker) = tag[..end].strip_prefix("<v").filter(|name| name.starts_with([' ', '.'])) {
                let name = speaker.split_once(' ').map_or("", |(_, name)| name.trim());
                plain.push_str(name);
                plain.push_str(if name.is_empty() { "" } else { ": " });
            }
            rest = &tag[end + 1..];
        } else {
            plain.push_str(&tag[..1]);
            rest = &tag[1..];
        }
    }
    (plain + rest).trim().replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str, text: &str) -> String {
        Subtitles.read(RawFile::new(name, text), &ReadOptions::default()).expect("text").text
    }

    #[test]
    fn cues_of_each_kind_are_lines_with_their_times() {
        let srt = "1\n00:00:01,500 --> 00:00:03,000\n<i>Look!</i>\nThere < here.\n\n2\n01:00:04,000 --> 01:00:05,000\n{\\an8}A red sail.\n";
        assert_eq!(text("a.srt", srt), "[0:00:01] Look! There < here.\n[1:00:04] A red sail.\n");
        let vtt = "WEBVTT\n\nNOTE no cue\n\nintro\n00:01.500 --> 00:03.000 align:start\n<v Ann>Look &amp; see\n\n00:04.000 --> 00:05.000\nLook &amp; see\n";
        assert_eq!(text("a.vtt", vtt), "[0:00:01] Ann: Look & see\n[0:00:04] Look & see\n");
        let ass = "[Events]\nFormat: Layer, Start\nDialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\i1}Look, there!\\NA sail.\n";
        assert_eq!(text("a.ass", ass), "[0:00:01] Look, there! A sail.\n");
        let named = "Dialogue: 0,0:00:01.00,0:00:02.00,Default,Ann,0,0,0,,Look!\nDialogue: 0,0:00:02.00,0:00:03.00,Default,,0,0,0,,{\\p1}m 0 0 l 9 9{\\p0}\n";
        assert_eq!(text("a.ass", named), "[0:00:01] Ann: Look!\n");
    }

    #[test]
    fn a_file_without_cues_stays_as_it_is() {
        assert_eq!(text("a.srt", "Nothing of the kind.\n"), "Nothing of the kind.\n");
    }
}
