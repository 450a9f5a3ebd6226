//! Lists the files that git has in a folder, as its index says: a file may be tracked although `.gitignore` ignores it.
//!
//! Reads versions 2 and 3 of the index, which are git's defaults; of others, and without a repository, nothing is listed.
//! Starts no program.

use std::fs;
use std::path::{Path, PathBuf};

/// Larger indices are of repositories that nobody reads as a whole.
const MOST_BYTES: u64 = 64 << 20;
/// Bytes of an entry before its name: times, numbers, size, hash, flags.
const HEAD_BYTES: usize = 62;

/// The paths of the tracked files in `folder`, which may be part of a repository.
pub(super) fn tracked_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(absolute) = folder.canonicalize() else { return Vec::new() };
    let Some(root) = absolute.ancestors().find(|above| above.join(".git/index").is_file()) else { return Vec::new() };
    let index = root.join(".git/index");
    if fs::metadata(&index).map_or(true, |metadata| metadata.len() > MOST_BYTES) {
        return Vec::new();
    }
    let names = fs::read(index).map_or(Vec::new(), |bytes| names(&bytes));
    let inside = |name: String| Some(folder.join(root.join(name).strip_prefix(&absolute).ok()?));
    names.into_iter().filter_map(inside).collect()
}

/// The names in an index.
fn names(index: &[u8]) -> Vec<String> {
    let number = |at: usize| Some(u32::from_be_bytes(index.get(at..at + 4)?.try_into().ok()?));
    let is_known = index.starts_with(b"DIRC") && matches!(number(4), Some(2 | 3));
    let count = number(8).filter(|_| is_known).unwrap_or(0);
    let mut names = Vec::new();
    let mut at = 12;
    for _ in 0..count {
        let Some(flags) = index.get(at + HEAD_BYTES - 2).copied() else { break };
        // Version 3 may have two more bytes of flags.
        let head = HEAD_BYTES + if flags & 0x40 != 0 { 2 } else { 0 };
        let Some(rest) = index.get(at + head..) else { break };
        let Some(length) = rest.iter().position(|&byte| byte == 0) else { break };
        names.push(String::from_utf8_lossy(&rest[..length]).into_owned());
        // An entry is padded with one to eight NULs to a multiple of eight.
        at += (head + length + 8) / 8 * 8;
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An index with these names.
    fn index(names: &[&str]) -> Vec<u8> {
        let mut index = b"DIRC\0\0\0\x02".to_vec();
        index.extend((names.len() as u32).to_be_bytes());
        for name in names {
            let mut entry = vec![0; HEAD_BYTES];
            entry.extend(name.as_bytes());
            entry.resize((entry.len() + 8) / 8 * 8, 0);
            index.extend(entry);
        }
        index
    }

    #[test]
    fn names_are_read_and_damage_is_survived() {
        let bytes = index(&["a", "src/lib.rs", "src/a/long/name.txt"]);
        assert_eq!(names(&bytes), ["a", "src/lib.rs", "src/a/long/name.txt"]);
        for end in 0..bytes.len() {
            let _ = names(&bytes[..end]);
        }
    }

    #[test]
    fn a_folder_of_a_repository_has_its_own_files_only() {
        let root = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(root.path().join(".git")).expect("made");
        fs::create_dir_all(root.path().join("src")).expect("made");
        fs::write(root.path().join(".git/index"), index(&["README", "src/lib.rs"])).expect("written");
        let src = root.path().join("src");
        assert_eq!(tracked_in(&src), [src.join("lib.rs")]);
        assert_eq!(tracked_in(root.path()).len(), 2);
    }
}
