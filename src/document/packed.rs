//! Reads archives as folders: zip, tar, tar.gz. A file packed by gzip alone is that file.
//!
//! `book.tar.gz` with `book/a.md` and `book/b.md` gives the files `book.tar.gz/book/a.md` and `book.tar.gz/book/b.md`, in
//! the order of a folder, chosen by the rules of a folder. Nothing is written to disk, and no name in an archive becomes a
//! path on disk. Links are not followed. The total size, the number of members and the compression ratio are limited, and
//! archives in archives are not opened.

use std::io::{Cursor, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use zip::ZipArchive;

use super::controls::printable;
use super::error::Error;
use super::folder::{self, Choice, Wanted};
use super::raw_file::{MAX_BYTES, RawFile};
use super::report::{SkipReason, Skipped};
use super::sniff;

const MOST_MEMBERS: usize = 20_000;
/// Maximum compression ratio, above a size at which any is harmless.
const MOST_RATIO: u64 = 500;
const HARMLESS_BYTES: u64 = 8 << 20;
const BLOCK: usize = 512;

/// A file, or the files of an archive.
pub(super) enum Unpacked {
    File(RawFile),
    Files(Vec<RawFile>, Vec<Skipped>),
}

/// Opens `file` if it is an archive.
pub(super) fn unpack(file: RawFile, wanted: &Wanted) -> Result<Unpacked, Error> {
    let file = gunzipped(file)?;
    if sniff::is_tar(&file.bytes) {
        return members(&file.name, "a tar archive", tar(&file), wanted);
    }
    if sniff::is_plain_zip(&file.bytes) {
        let found = zip(&file)?;
        return members(&file.name, "a zip archive", found, wanted);
    }
    Ok(Unpacked::File(file))
}

/// `file` without its compression by gzip, if it has one.
pub(super) fn gunzipped(file: RawFile) -> Result<RawFile, Error> {
    const WHAT: &str = "gzip-compressed";
    if !file.bytes.starts_with(b"\x1f\x8b") {
        return Ok(file);
    }
    let most = MAX_BYTES.min(HARMLESS_BYTES.max(file.bytes.len() as u64 * MOST_RATIO));
    let mut bytes = Vec::new();
    let unpacked = MultiGzDecoder::new(Cursor::new(&file.bytes)).take(most + 1).read_to_end(&mut bytes);
    if bytes.len() as u64 > most {
        let evidence = format!("more than {} MiB from {} bytes", most >> 20, file.bytes.len());
        return Err(Error::Bomb { name: file.name, what: "a gzip-compressed file", evidence });
    }
    if let Err(error) = unpacked {
        return Err(Error::Broken { name: file.name, what: WHAT, evidence: error.to_string() });
    }
    let name = match file.name.rsplit_once('.') {
        Some((stem, ending)) if ending.eq_ignore_ascii_case("gz") => stem.to_owned(),
        Some((stem, ending)) if ending.eq_ignore_ascii_case("tgz") => format!("{stem}.tar"),
        _ => file.name,
    };
    Ok(RawFile { name, bytes, served: file.served })
}

/// A member of an archive: its name as written, and its bytes or why it has none.
struct Member {
    name: String,
    bytes: Result<Vec<u8>, SkipReason>,
}

/// The members that a folder would have, in its order.
fn members(archive: &str, what: &'static str, found: Vec<Member>, wanted: &Wanted) -> Result<Unpacked, Error> {
    if found.len() > MOST_MEMBERS {
        let evidence = format!("{} members", found.len());
        return Err(Error::Bomb { name: archive.into(), what, evidence });
    }
    let chooser = folder::Chooser::new(wanted)?;
    let (mut files, mut skipped) = (Vec::new(), Vec::new());
    for Member { name, bytes } in found {
        let Some(inside) = safe(&name) else { continue };
        let full = format!("{}/{}", printable(archive), printable(&inside));
        let size = bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
        match (chooser.choose(Path::new(&inside), size), bytes) {
            (Choice::Unwanted, _) => {}
            (Choice::Skip(reason), _) | (Choice::Read, Err(reason)) => skipped.push(Skipped { name: full, reason }),
            (Choice::Read, Ok(bytes)) => files.push((inside, RawFile { name: full, bytes, served: None })),
        }
    }
    files.sort_by(|(one, _), (other, _)| folder::in_reading_order(Path::new(one), Path::new(other)));
    skipped.sort_by(|one: &Skipped, other| one.name.cmp(&other.name));
    Ok(Unpacked::Files(files.into_iter().map(|(_, file)| file).collect(), skipped))
}

/// `name` without what would lead out of the archive; `None` for a folder.
fn safe(name: &str) -> Option<String> {
    let name = name.replace('\\', "/");
    if name.ends_with('/') {
        return None;
    }
    let parts: Vec<&str> = name.split('/').filter(|part| !matches!(*part, "" | "." | "..")).collect();
    Some(parts.join("/")).filter(|name| !name.is_empty())
}

fn zip(file: &RawFile) -> Result<Vec<Member>, Error> {
    const WHAT: &str = "a zip archive";
    let broken = |evidence: String| Error::Broken { name: file.name.clone(), what: WHAT, evidence };
    let mut zip = ZipArchive::new(Cursor::new(&file.bytes)).map_err(|error| broken(error.to_string()))?;
    let mut left = MAX_BYTES;
    let mut found = Vec::new();
    for index in 0..zip.len().min(MOST_MEMBERS + 1) {
        let mut member = match zip.by_index(index) {
            Ok(member) => member,
            Err(error) => {
                let reason = SkipReason::Unreadable(format!("can't be unpacked: {error}"));
                found.push(Member { name: format!("member {index}"), bytes: Err(reason) });
                continue;
            }
        };
        let name = member.name().map_or_else(|_| format!("member {index}"), std::borrow::Cow::into_owned);
        if member.is_dir() {
            continue;
        }
        if member.is_symlink() {
            found.push(Member { name, bytes: Err(SkipReason::SymbolicLink) });
            continue;
        }
        let most = left.min(HARMLESS_BYTES.max(member.compressed_size().saturating_mul(MOST_RATIO)));
        let mut bytes = Vec::new();
        let read = (&mut member).take(most + 1).read_to_end(&mut bytes);
        if bytes.len() as u64 > most {
            let evidence = format!("more than {} MiB ({})", most >> 20, printable(&name));
            return Err(Error::Bomb { name: file.name.clone(), what: WHAT, evidence });
        }
        left -= bytes.len() as u64;
        let damaged = |error: std::io::Error| SkipReason::Unreadable(format!("damaged: {error}"));
        found.push(Member { name, bytes: read.map(|_| bytes).map_err(damaged) });
    }
    Ok(found)
}

/// The members of a tar archive, as far as it goes: old, ustar, GNU (long names) and pax (paths).
fn tar(file: &RawFile) -> Vec<Member> {
    let mut found = Vec::new();
    let mut long_name: Option<String> = None;
    let mut rest = &file.bytes[..];
    while rest.len() >= BLOCK && rest[0] != 0 && found.len() <= MOST_MEMBERS {
        let (head, behind) = rest.split_at(BLOCK);
        let size = octal(&head[124..136]);
        let content = &behind[..size.min(behind.len())];
        rest = &behind[size.div_ceil(BLOCK).saturating_mul(BLOCK).min(behind.len())..];
        match head[156] {
            b'L' => long_name = Some(text(content)),
            b'x' => long_name = pax_path(content).or(long_name),
            b'0' | 0 | b'7' => {
                let is_whole = content.len() == size;
                let bytes = if is_whole { Ok(content.to_vec()) } else { Err(SkipReason::Unreadable("cut off".into())) };
                found.push(Member { name: long_name.take().unwrap_or_else(|| name(head)), bytes });
            }
            b'1' | b'2' => {
                let name = long_name.take().unwrap_or_else(|| name(head));
                found.push(Member { name, bytes: Err(SkipReason::SymbolicLink) });
            }
            b'g' | b'K' => {}
            _ => long_name = None,
        }
    }
    found
}

/// The name in a head, with its prefix if it is of the kind that has one.
fn name(head: &[u8]) -> String {
    let prefix = if &head[257..263] == b"ustar\0" { text(&head[345..500]) } else { String::new() };
    let name = text(&head[..100]);
    if prefix.is_empty() { name } else { format!("{prefix}/{name}") }
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

fn octal(bytes: &[u8]) -> usize {
    let digits = bytes.iter().filter(|byte| (b'0'..=b'7').contains(*byte));
    digits.fold(0_usize, |number, digit| number.saturating_mul(8).saturating_add(usize::from(digit - b'0')))
}

/// The path of a pax head: `27 path=a/long/name\n`.
fn pax_path(content: &[u8]) -> Option<String> {
    let content = String::from_utf8_lossy(content);
    content.lines().find_map(|line| Some(line.split_once(' ')?.1.strip_prefix("path=")?.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn names(unpacked: Result<Unpacked, Error>) -> (Vec<String>, Vec<String>) {
        match unpacked.expect("an archive") {
            Unpacked::Files(files, skipped) => {
                let skipped = skipped.into_iter().map(|file| format!("{}: {}", file.name, file.reason));
                (files.into_iter().map(|file| file.name).collect(), skipped.collect())
            }
            Unpacked::File(file) => (vec![file.name], Vec::new()),
        }
    }

    fn open(name: &str, bytes: Vec<u8>) -> Result<Unpacked, Error> {
        unpack(RawFile::new(name, bytes), &Wanted::default())
    }

    fn tar_member(name: &str, kind: u8, content: &[u8]) -> Vec<u8> {
        let mut head = vec![0; BLOCK];
        head[..name.len()].copy_from_slice(name.as_bytes());
        head[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        head[156] = kind;
        head[257..263].copy_from_slice(b"ustar\0");
        head.extend_from_slice(content);
        head.resize(head.len().next_multiple_of(BLOCK), 0);
        head
    }

    fn gzipped(bytes: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        writer.write_all(bytes).expect("memory");
        writer.finish().expect("memory")
    }

    #[test]
    fn members_are_files_of_a_folder_whatever_their_names_lead_to() {
        let long = format!("a/{}/b.md", "x".repeat(120));
        let members = [
            tar_member("a/z.md", b'0', b"z"),
            tar_member("../../etc/passwd", b'0', b"p"),
            tar_member("a/README", b'0', b"r"),
            tar_member("long", b'L', long.as_bytes()),
            tar_member("a/cut", b'0', b"b"),
            tar_member("a/link", b'2', b""),
            tar_member("a/Cargo.lock", b'0', b"l"),
            tar_member("a/.git/config", b'0', b"c"),
            vec![0; 2 * BLOCK],
        ];
        let (files, skipped) = names(open("t.tar.gz", gzipped(&members.concat())));
        let expected = ["t.tar/a/README", "t.tar/a/z.md", &format!("t.tar/{long}"), "t.tar/etc/passwd"];
        assert_eq!(files, expected);
        assert_eq!(
            skipped,
            ["t.tar/a/.git/config: hidden", "t.tar/a/Cargo.lock: a lock file", "t.tar/a/link: a symbolic link"]
        );
    }

    #[test]
    fn a_zip_of_texts_is_a_folder_and_a_file_of_gzip_is_the_file() {
        let bytes = super::super::format::zipped(&[("b/two.md", b"2"), ("one.md", b"1"), ("c/", b"")]);
        assert_eq!(names(open("t.zip", bytes)).0, ["t.zip/one.md", "t.zip/b/two.md"]);
        assert_eq!(names(open("page.1.gz", gzipped(b".TH X\n"))).0, ["page.1"]);
    }

    #[test]
    fn bombs_and_what_is_damaged_are_refused() {
        let refusal = |bytes: Vec<u8>| open("b.gz", bytes).err().expect("refused").to_string();
        assert!(refusal(gzipped(&vec![0; 64 << 20])).contains("bomb"));
        let whole = gzipped(b"some text that is long enough to be cut off");
        assert!(refusal(whole[..whole.len() - 12].to_vec()).contains("damaged"));
    }

    #[test]
    fn a_tar_that_is_cut_off_or_lies_about_sizes_is_read_as_far_as_it_goes() {
        let mut bytes = tar_member("a.md", b'0', b"text");
        bytes.extend(&tar_member("b.md", b'0', &[b'x'; 4000])[..1000]);
        let (files, skipped) = names(open("t.tar", bytes));
        assert_eq!((files, skipped), (vec!["t.tar/a.md".to_owned()], vec!["t.tar/b.md: cut off".to_owned()]));
    }
}
