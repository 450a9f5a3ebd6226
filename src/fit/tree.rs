//! A tree of files and folders, with the tokens of each folder.
//!
//! ```text
//!      6,012  src/
//!      4,000    lib.rs
//!      2,012    net/
//!      2,012      tcp.rs
//! ```
//!
//! Keeps the order of the files, which are already grouped by folder (see `document::folder`). Of a long file, the
//! chapters are listed in its place: `lib.md · Installation`. Works on names and numbers, never on the disk.

/// A folder; `path` is its whole path with a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    pub path: String,
    /// Tokens of all files in it and below.
    pub tokens: u32,
    pub files: usize,
}

/// A line of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    Folder {
        /// Its path below the folder above it.
        name: String,
        depth: usize,
        folder: Folder,
    },
    File {
        name: String,
        depth: usize,
        /// Index of the file.
        index: usize,
    },
}

/// The folders of `files` (names and tokens), each before its contents. The folder that all files share comes first.
#[must_use]
pub fn folders(files: &[(&str, u32)]) -> Vec<Folder> {
    let folder = |row| match row {
        Row::Folder { folder, .. } => Some(folder),
        Row::File { .. } => None,
    };
    rows(files).into_iter().filter_map(folder).collect()
}

/// The tree of `files` (names and tokens), line by line.
#[must_use]
pub fn rows(files: &[(&str, u32)]) -> Vec<Row> {
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    let root = common_folder(&names);
    let mut rows = Vec::new();
    let mut open: Vec<&str> = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let folders: Vec<&str> = folders_of(name, root).collect();
        let shared = open.iter().zip(&folders).take_while(|(one, other)| one == other).count();
        for depth in shared..folders.len() {
            let above = depth.checked_sub(1).map_or(0, |above| folders[above].len());
            let folder = sum(folders[depth], files);
            rows.push(Row::Folder { name: folders[depth][above..].to_owned(), depth, folder });
        }
        let inside = folders.last().map_or(0, |folder| folder.len());
        rows.push(Row::File { name: name[inside..].to_owned(), depth: folders.len(), index });
        open = folders;
    }
    rows
}

/// The deepest folder that contains all of `names`; empty if there is none.
fn common_folder<'a>(names: &[&'a str]) -> &'a str {
    let Some(first) = names.first() else { return "" };
    let ends = file_of(first).match_indices('/').map(|(at, _)| at + 1);
    let shared = ends.take_while(|&end| names.iter().all(|name| name.starts_with(&first[..end]))).last();
    &first[..shared.unwrap_or(0)]
}

/// What separates the name of a file from the title of a chapter in it.
const BETWEEN_TITLES: &str = " · ";

/// The file of a part: `a/b.md` for `a/b.md · Chapter 1/2`.
#[must_use]
pub fn file_of(title: &str) -> &str {
    title.split_once(BETWEEN_TITLES).map_or(title, |(file, _)| file)
}

/// The folders that contain `name`, outermost first, starting with `root` if there is one.
fn folders_of<'a>(name: &'a str, root: &str) -> impl Iterator<Item = &'a str> {
    let least = root.len();
    file_of(name).match_indices('/').map(|(at, _)| &name[..=at]).filter(move |folder| folder.len() >= least.max(1))
}

fn sum(path: &str, files: &[(&str, u32)]) -> Folder {
    let inside = files.iter().filter(|(name, _)| name.starts_with(path));
    let (tokens, count) = inside.fold((0, 0), |(sum, count), (_, tokens)| (sum + tokens, count + 1));
    Folder { path: path.to_owned(), tokens, files: count }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(files: &[(&str, u32)]) -> String {
        let line = |row: &Row| match row {
            Row::Folder { name, depth, folder } => {
                format!("{:indent$}{name} {} in {}\n", "", folder.tokens, folder.files, indent = depth * 2)
            }
            Row::File { name, depth, index } => {
                format!("{:indent$}{name} {}\n", "", files[*index].1, indent = depth * 2)
            }
        };
        rows(files).iter().map(line).collect()
    }

    #[test]
    fn folders_come_before_what_lies_in_them_with_their_sums() {
        let files = [
            ("a/b/README.md", 1),
            ("a/b/lib.rs", 2),
            ("a/b/net/tcp.rs", 4),
            ("a/b/net/udp/x.rs", 8),
            ("a/b/z/y.rs", 16),
        ];
        let expected = "\
a/b/ 31 in 5
  README.md 1
  lib.rs 2
  net/ 12 in 2
    tcp.rs 4
    udp/ 8 in 1
      x.rs 8
  z/ 16 in 1
    y.rs 16
";
        assert_eq!(drawn(&files), expected);
    }

    #[test]
    fn files_without_a_folder_are_a_list() {
        assert_eq!(drawn(&[("a.txt", 1), ("b.txt", 2)]), "a.txt 1\nb.txt 2\n");
        assert_eq!(drawn(&[("a.txt", 1), ("b/c.txt", 2)]), "a.txt 1\nb/ 2 in 1\n  c.txt 2\n");
        assert_eq!(drawn(&[]), "");
    }
}
