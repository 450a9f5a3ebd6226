//! Reads git's unified diffs and applies them strictly: every line at its number, every context line as it is written.
//!
//! Upstream is pinned and the patches are exported against it, so nothing ever needs to be searched for. A hunk that is one
//! line off is an error here, where `patch` would print "offset 1" and `git apply` inside an ignored folder would skip the
//! file and return 0. Renames, mode changes and binary files are refused.

use std::fmt;

/// What one patch does to one file.
#[derive(Debug, PartialEq, Eq)]
pub struct FilePatch {
    /// Relative to the root of the tree, with `/`.
    pub path: String,
    pub change: Change,
    hunks: Vec<Hunk>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Create,
    Modify,
    Delete,
}

#[derive(Debug, PartialEq, Eq)]
struct Hunk {
    /// First line of the old file that the hunk speaks of, from 0.
    start: usize,
    lines: Vec<Line>,
}

/// A line of a hunk, with its line end where the file has one.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Keep(String),
    Remove(String),
    Add(String),
}

#[derive(Debug, PartialEq, Eq)]
pub enum Error {
    /// The text is no diff that is understood here; line from 1.
    Syntax { line: usize, found: String },
    /// The file is not what the patch was made for; line from 1.
    Mismatch { path: String, line: usize, expected: String, found: String },
    /// A file to change or delete is missing, or one to create is there.
    Presence { path: String, change: Change },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { line, found } => write!(f, "line {line} of the patch is not understood: `{found}`"),
            Self::Mismatch { path, line, expected, found } => {
                write!(f, "{path}:{line} is `{}`, the patch expects `{}`", found.trim_end(), expected.trim_end())
            }
            Self::Presence { path, change: Change::Create } => {
                write!(f, "{path} is already there, the patch creates it")
            }
            Self::Presence { path, .. } => write!(f, "{path} is missing, the patch changes it"),
        }
    }
}

/// The files of one patch, in its order. What stands before the first `diff --git` is the header and is skipped.
pub fn parse(text: &str) -> Result<Vec<FilePatch>, Error> {
    let mut reader = Reader { lines: text.lines().collect(), at: 0 };
    let mut files = Vec::new();
    while let Some(line) = reader.next() {
        if let Some(paths) = line.strip_prefix("diff --git a/") {
            files.push(reader.file(paths)?);
        }
    }
    Ok(files)
}

struct Reader<'text> {
    lines: Vec<&'text str>,
    at: usize,
}

impl<'text> Reader<'text> {
    fn next(&mut self) -> Option<&'text str> {
        let line = self.peek();
        self.at += 1;
        line
    }

    fn peek(&self) -> Option<&'text str> {
        self.lines.get(self.at).copied()
    }

    /// The line that was read last is not understood.
    fn syntax<T>(&self) -> Result<T, Error> {
        let found = self.lines.get(self.at - 1).copied().unwrap_or("end of the patch");
        Err(Error::Syntax { line: self.at, found: found.to_owned() })
    }

    /// Reads what follows `diff --git a/`: `<path> b/<path>`, the extended header, the hunks.
    fn file(&mut self, paths: &str) -> Result<FilePatch, Error> {
        let Some((path, same_path)) = paths.split_once(" b/") else { return self.syntax() };
        if path != same_path {
            return self.syntax();
        }
        let change = self.extended_header()?;
        let mut hunks = Vec::new();
        while self.peek().is_some_and(|line| line.starts_with("@@ ")) {
            hunks.push(self.hunk()?);
        }
        Ok(FilePatch { path: path.to_owned(), change, hunks })
    }

    fn extended_header(&mut self) -> Result<Change, Error> {
        let mut change = Change::Modify;
        while let Some(line) = self.peek() {
            if line.starts_with("@@ ") || line.starts_with("diff --git ") || line == "-- " {
                break;
            }
            self.at += 1;
            match line.split(' ').next() {
                Some("new") => change = Change::Create,
                Some("deleted") => change = Change::Delete,
                Some("index" | "---" | "+++" | "") => {}
                _ => return self.syntax(),
            }
        }
        Ok(change)
    }

    fn hunk(&mut self) -> Result<Hunk, Error> {
        let header = self.next().unwrap_or_default();
        let Some((first, mut old, mut new)) = ranges(header) else { return self.syntax() };
        // "-5,3" starts at the fifth line; "-5,0" inserts behind the fifth line.
        let start = if old == 0 { first } else { first.saturating_sub(1) };
        let mut lines = Vec::new();
        while old > 0 || new > 0 {
            let line = self.hunk_line()?;
            let (of_old, of_new) = line.sides();
            if of_old > old || of_new > new {
                return self.syntax();
            }
            old -= of_old;
            new -= of_new;
            lines.push(line);
        }
        Ok(Hunk { start, lines })
    }

    fn hunk_line(&mut self) -> Result<Line, Error> {
        let Some(line) = self.next() else { return self.syntax() };
        let (sign, rest) = line.split_at_checked(1).unwrap_or((line, ""));
        let ended = if self.peek().is_some_and(|next| next.starts_with("\\ No newline")) {
            self.at += 1;
            rest.to_owned()
        } else {
            format!("{rest}\n")
        };
        match sign {
            // Editors strip the blank of an empty context line.
            " " | "" => Ok(Line::Keep(ended)),
            "-" => Ok(Line::Remove(ended)),
            "+" => Ok(Line::Add(ended)),
            _ => self.syntax(),
        }
    }
}

impl Line {
    /// How many lines of the old and of the new file this is.
    fn sides(&self) -> (usize, usize) {
        match self {
            Self::Keep(_) => (1, 1),
            Self::Remove(_) => (1, 0),
            Self::Add(_) => (0, 1),
        }
    }
}

/// `@@ -5,3 +7,4 @@ …` is (5, 3, 4).
fn ranges(header: &str) -> Option<(usize, usize, usize)> {
    let mut words = header.split(' ').skip(1);
    let (first, old) = range(words.next()?.strip_prefix('-')?)?;
    let (_, new) = range(words.next()?.strip_prefix('+')?)?;
    Some((first, old, new))
}

fn range(text: &str) -> Option<(usize, usize)> {
    match text.split_once(',') {
        Some((first, count)) => Some((first.parse().ok()?, count.parse().ok()?)),
        None => Some((text.parse().ok()?, 1)),
    }
}

impl FilePatch {
    /// The file after the patch; `None` when it is deleted. `old` is the file before, `None` when there is none.
    pub fn apply(&self, old: Option<&str>) -> Result<Option<String>, Error> {
        if old.is_some() == (self.change == Change::Create) {
            return Err(Error::Presence { path: self.path.clone(), change: self.change });
        }
        let old: Vec<&str> = old.unwrap_or_default().split_inclusive('\n').collect();
        let mut new = String::new();
        let mut done = 0;
        for hunk in &self.hunks {
            done = self.apply_hunk(hunk, &old, done, &mut new)?;
        }
        new.extend(old[done..].iter().copied());
        match self.change {
            Change::Create | Change::Modify => Ok(Some(new)),
            Change::Delete if new.is_empty() => Ok(None),
            Change::Delete => Err(self.mismatch(&old, done, "")),
        }
    }

    /// Copies the lines between line `done` and the hunk to `new`, then the hunk's. Returns how many of `old` are done now.
    fn apply_hunk(&self, hunk: &Hunk, old: &[&str], done: usize, new: &mut String) -> Result<usize, Error> {
        let Some(before) = old.get(done..hunk.start) else { return Err(self.mismatch(old, hunk.start, "")) };
        new.extend(before.iter().copied());
        let mut at = hunk.start;
        for line in &hunk.lines {
            if let Line::Keep(expected) | Line::Remove(expected) = line {
                if old.get(at) != Some(&expected.as_str()) {
                    return Err(self.mismatch(old, at, expected));
                }
                at += 1;
            }
            if let Line::Keep(text) | Line::Add(text) = line {
                new.push_str(text);
            }
        }
        Ok(at)
    }

    fn mismatch(&self, old: &[&str], at: usize, expected: &str) -> Error {
        let found = old.get(at).copied().unwrap_or("end of file").to_owned();
        Error::Mismatch { path: self.path.clone(), line: at + 1, expected: expected.to_owned(), found }
    }
}
