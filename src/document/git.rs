//! Fetches a repository by the `git` program: `https://example.org/x.git`, `git@example.org:x.git`, `ssh://…`.
//!
//! The newest commit alone is cloned, into a temporary folder that is removed after it was read. Only https and ssh are
//! allowed; there are no submodules, no hooks, no questions, and files of Git LFS stay pointers.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::controls::printable;
use super::error::Error;
use super::web;

/// For the whole clone.
const MOST_TIME: Duration = Duration::from_mins(5);
/// How much of git's complaint is told.
const MOST_COMPLAINT_BYTES: u64 = 4096;

/// A cloned repository. It is removed when this is dropped.
pub(super) struct Clone {
    folder: TempDir,
    name: String,
}

/// Whether `argument` is the address of a repository rather than a path or a page.
pub(super) fn is_repository(argument: &str) -> bool {
    let is_scp = argument.strip_prefix("git@").is_some_and(|rest| rest.contains(':'));
    let is_https = argument.starts_with("https://") && argument.trim_end_matches('/').rsplit('.').next() == Some("git");
    argument.starts_with("ssh://") || is_scp || is_https
}

impl Clone {
    /// Clones the repository at `address`.
    pub(super) fn of(address: &str) -> Result<Self, Error> {
        let told = printable(&web::without_password(address));
        let unreachable = |reason: String| Error::Unreachable { name: told.clone(), reason: printable(reason.trim()) };
        let folder = tempfile::tempdir().map_err(|error| unreachable(format!("no temporary folder: {error}")))?;
        let name = name_of(address);
        let child = command(address, folder.path().join(&name)).spawn().map_err(|error| {
            let is_missing = error.kind() == std::io::ErrorKind::NotFound;
            unreachable(if is_missing { "there is no program `git`".into() } else { error.to_string() })
        })?;
        wait(child).map_err(unreachable)?;
        Ok(Self { folder, name })
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join(&self.name)
    }

    /// `path` of a file in it, as it is told: `x/src/lib.rs`.
    pub(super) fn told(&self, path: &str) -> String {
        path.strip_prefix(&format!("{}/", self.folder.path().display())).unwrap_or(path).to_owned()
    }
}

/// The name of the repository: `x` of `git@example.org:a/x.git`.
fn name_of(address: &str) -> String {
    let last = address.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or_default();
    let name = last.strip_suffix(".git").unwrap_or(last);
    let is_safe = |sign: &char| sign.is_alphanumeric() || matches!(sign, '-' | '_' | '.');
    let name: String = name.chars().filter(is_safe).collect();
    if name.trim_matches('.').is_empty() { "repository".into() } else { name }
}

fn command(address: &str, to: PathBuf) -> Command {
    let mut command = Command::new("git");
    for setting in
        ["core.hooksPath=/dev/null", "core.fsmonitor=false", "core.symlinks=false", "submodule.recurse=false"]
    {
        command.args(["-c", setting]);
    }
    command.args([
        "clone",
        "--quiet",
        "--depth=1",
        "--single-branch",
        "--no-tags",
        "--no-recurse-submodules",
        "--template=",
        "--",
    ]);
    command.arg(address).arg(to);
    command.env("GIT_ALLOW_PROTOCOL", "https:ssh").env("GIT_TERMINAL_PROMPT", "0").env("GIT_LFS_SKIP_SMUDGE", "1");
    command.env("GIT_ASKPASS", "true").env("SSH_ASKPASS", "true").env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Waits for the clone, and ends it if it takes too long.
fn wait(mut child: Child) -> Result<(), String> {
    let stderr = child.stderr.take();
    let complaint = std::thread::spawn(move || {
        let mut complaint = Vec::new();
        if let Some(mut stderr) = stderr {
            let _ = stderr.by_ref().take(MOST_COMPLAINT_BYTES).read_to_end(&mut complaint);
            let _ = std::io::copy(&mut stderr, &mut std::io::sink());
        }
        String::from_utf8_lossy(&complaint).into_owned()
    });
    let until = Instant::now() + MOST_TIME;
    let status = loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) => break status,
            None if Instant::now() > until => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("git took more than {} s", MOST_TIME.as_secs()));
            }
            None => sleep(Duration::from_millis(20)),
        }
    };
    if status.success() {
        return Ok(());
    }
    let complaint = complaint.join().unwrap_or_default();
    let last = complaint.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("git failed without a reason");
    Err(last.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_told_from_pages_and_paths() {
        for address in ["https://example.org/a/x.git", "git@example.org:a/x.git", "ssh://git@example.org/x"] {
            assert!(is_repository(address), "{address}");
        }
        for other in ["https://example.org/a", "x.git", "git@home", "file:///x.git", "http://example.org/x.git"] {
            assert!(!is_repository(other), "{other}");
        }
        assert_eq!(
            (name_of("git@example.org:a/x.git").as_str(), name_of("ssh://h/../..").as_str()),
            ("x", "repository")
        );
    }

    #[test]
    fn only_https_and_ssh_are_allowed() {
        let folder = tempfile::tempdir().expect("a folder");
        let address = format!("file://{}", folder.path().display());
        let error = Clone::of(&address).err().expect("not allowed");
        assert!(error.to_string().starts_with("cannot fetch file://"), "{error}");
    }
}
