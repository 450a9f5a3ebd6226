//! Reads scanned pages with `tesseract`, where that is installed and `--ocr` asks for it.
//!
//! `pdftoppm` renders a page as a picture, and tesseract reads the picture, each in a process of its own with a limit on its
//! time. The text is marked for the user and the model with how sure tesseract is:
//! `[page 7: recognised from an image, confidence 91%]`.
//!
//! Pages are read one after the other, because tesseract uses several cores itself. Text pages are never read this way.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::classify::ReadPage;
use crate::options::Ocr;
use crate::progress::{LoadProgress, PageStep};
use crate::report::PageFound;

/// Pixels per inch; the programs' manuals advise so many.
const RESOLUTION: &str = "300";
/// Maximum time for a page.
const MOST_TIME: Duration = Duration::from_mins(1);
/// Maximum size of a picture, and of what is recognised.
const MOST_BYTES: u64 = 256 << 20;
/// Words that tesseract is less sure of are noise.
const LEAST_CONFIDENCE: f64 = 20.0;

/// Reads the scanned ones of `pages` of the PDF in `bytes`. Returns why it could not, if a program is missing or fails on all
/// of them.
pub(super) fn recognise(
    ocr: &Ocr,
    bytes: &[u8],
    password: &str,
    pages: &mut [ReadPage],
    progress: &LoadProgress,
) -> Option<String> {
    let is_scan = |page: &&mut ReadPage| matches!(page.report.found, PageFound::Picture | PageFound::Garbled);
    let mut scans = pages.iter_mut().filter(is_scan).peekable();
    scans.peek()?;
    let file = match tempfile::NamedTempFile::new().and_then(|mut file| file.write_all(bytes).map(|()| file)) {
        Ok(file) => file,
        Err(error) => return Some(format!("no temporary file for OCR: {error}")),
    };
    let mut complaint = None;
    let mut has_any = false;
    progress.begin_step(PageStep::Recognise);
    for page in scans {
        progress.turn_page(None, Some(page.report.number));
        let read = read_page(ocr, file.path(), password, page.report.number);
        progress.turn_page(Some(page.report.number), None);
        match read {
            Ok(recognised) if recognised.text.trim().is_empty() => {}
            Ok(recognised) => {
                has_any = true;
                page.report.characters = recognised.text.chars().filter(|sign| !sign.is_whitespace()).count();
                page.report.quality = recognised.confidence;
                page.report.found = PageFound::Recognised { confidence: recognised.confidence };
                page.text = recognised.text;
                page.looks = Vec::new();
            }
            Err(reason) if reason.starts_with("there is no program") => return Some(reason),
            Err(reason) => complaint = Some(reason),
        }
    }
    complaint.filter(|_| !has_any)
}

/// What tesseract read on a page.
#[derive(Debug, PartialEq, Eq)]
struct Recognised {
    text: String,
    /// The mean over all words, in percent.
    confidence: u8,
}

fn read_page(ocr: &Ocr, file: &Path, password: &str, number: u32) -> Result<Recognised, String> {
    let number = number.to_string();
    let mut render = Command::new("pdftoppm");
    render.args(["-r", RESOLUTION, "-gray", "-png", "-f", &number, "-l", &number, "-singlefile"]);
    if !password.is_empty() {
        render.args(["-upw", password]);
    }
    // Without a name for the picture it goes to standard output; `-` would be a name.
    render.arg(file);
    let picture = output_of("pdftoppm", render, Vec::new())?;
    let mut recognise = Command::new("tesseract");
    recognise.args(["stdin", "stdout", "-l", &ocr.languages, "--dpi", RESOLUTION, "tsv"]);
    let table = output_of("tesseract", recognise, picture)?;
    Ok(recognised(&String::from_utf8_lossy(&table)))
}

/// What `command` prints, given `input`.
fn output_of(name: &str, mut command: Command, input: Vec<u8>) -> Result<Vec<u8>, String> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => format!("there is no program `{name}`"),
        _ => format!("{name} could not be started: {error}"),
    })?;
    if let Some(mut stdin) = child.stdin.take() {
        thread::spawn(move || stdin.write_all(&input));
    }
    let (output, complaint) = (read_in_thread(child.stdout.take()), read_in_thread(child.stderr.take()));
    let read = output.recv_timeout(MOST_TIME);
    if read.is_err() {
        let _ = child.kill();
    }
    let status = wait(&mut child);
    match read {
        Ok(bytes) if status => Ok(bytes),
        Ok(_) => {
            let complaint = complaint.recv_timeout(Duration::from_secs(1)).unwrap_or_default();
            let complaint = String::from_utf8_lossy(&complaint).into_owned();
            let first = complaint.lines().find(|line| !line.trim().is_empty()).unwrap_or("it gave no reason");
            Err(format!("{name} failed: {first}"))
        }
        Err(_) => Err(format!("{name} took more than {} s", MOST_TIME.as_secs())),
    }
}

fn wait(child: &mut Child) -> bool {
    child.wait().is_ok_and(|status| status.success())
}

fn read_in_thread(source: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(source) = source {
            let _ = source.take(MOST_BYTES).read_to_end(&mut bytes);
        }
        sender.send(bytes)
    });
    receiver
}

/// The words of tesseract's table, line by line. Its columns are level, page, block, paragraph, line, word, place (4),
/// confidence, text.
fn recognised(table: &str) -> Recognised {
    let mut text = String::new();
    let (mut last, mut sum, mut count) = (None, 0.0, 0_u32);
    for line in table.lines().skip(1) {
        let columns: Vec<&str> = line.splitn(12, '\t').collect();
        let [_, _, block, paragraph, row, _, _, _, _, _, confidence, word] = columns[..] else { continue };
        let Some(confidence) = confidence.parse::<f64>().ok().filter(|confidence| *confidence >= LEAST_CONFIDENCE)
        else {
            continue;
        };
        if word.trim().is_empty() {
            continue;
        }
        let place = (block.to_owned(), paragraph.to_owned(), row.to_owned());
        text += match &last {
            None => "",
            Some((old_block, old_paragraph, _)) if *old_block != place.0 || *old_paragraph != place.1 => "\n\n",
            Some((_, _, old_row)) if *old_row != place.2 => "\n",
            Some(_) => " ",
        };
        text += word.trim();
        last = Some(place);
        (sum, count) = (sum + confidence, count + 1);
    }
    let confidence = if count == 0 { 0 } else { (sum / f64::from(count)).round() as u8 };
    Recognised { text, confidence }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_joined_to_lines_and_paragraphs() {
        let head = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n";
        let row =
            |place: &str, confidence: &str, word: &str| format!("5\t1\t{place}\t1\t0\t0\t9\t9\t{confidence}\t{word}\n");
        let table = [
            row("1\t1\t1", "96", "The"),
            row("1\t1\t1", "90", "lamp"),
            row("1\t1\t2", "84", "turns."),
            row("1\t1\t2", "3", "~"),
            row("1\t2\t1", "-1", ""),
            row("1\t2\t1", "90", "End."),
        ];
        let expected = Recognised { text: "The lamp\nturns.\n\nEnd.".into(), confidence: 90 };
        assert_eq!(recognised(&(head.to_owned() + &table.concat())), expected);
        assert_eq!(recognised("no table"), Recognised { text: String::new(), confidence: 0 });
    }

    #[test]
    fn a_program_that_is_missing_or_fails_is_told() {
        assert_eq!(
            output_of("no-such-program", Command::new("no-such-program-at-all"), Vec::new()),
            Err("there is no program `no-such-program`".into())
        );
        let mut failing = Command::new("sh");
        failing.args(["-c", "echo bad luck >&2; exit 3"]);
        assert_eq!(output_of("sh", failing, Vec::new()), Err("sh failed: bad luck".into()));
        assert_eq!(output_of("cat", Command::new("cat"), b"x".to_vec()), Ok(b"x".to_vec()));
    }
}
