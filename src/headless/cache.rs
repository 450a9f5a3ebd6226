//! `lunette cache`: what is kept of readings on disk, whether it is whole, and how to be rid of it.
//!
//! ```text
//! Qwen2.5-Coder 0.5B · Q8_0, f16: 2 readings, 55 blocks, 338 MB   (5f0c1a2b)
//!    16,384 tokens, used 5 min 10 s ago: Pride and Prejudice
//!    12,301 tokens, used 2 days ago: report.pdf
//! 338 MB in /home/ada/.cache/lunette/kv; 78.2 GB are free on its disk
//! ```
//!
//! A reading is known by its length and by what its document is called; the document's text is not kept.

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::json;

use super::Reporter;
use crate::engine::patch_stamp;
use crate::exit::{Exit, ExitError};
use crate::failure::{Failure, FailureKind};
use crate::harmless;
use crate::settings::CacheTask;
use crate::store::blocks::{GroupSummary, Reading, Store, free_bytes};
use crate::units::{bytes, count, counted, time};

/// So many digits of a group's name are shown, and tell it from others.
const ID_DIGITS: usize = 8;

/// Runs a task of `lunette cache` on `store`.
pub fn cache(store: &Store, task: &CacheTask, json: bool, reporter: &mut Reporter) -> Result<Exit, ExitError> {
    let done = match task {
        CacheTask::Path => path(store, json, reporter),
        CacheTask::List => list(store, json, reporter),
        CacheTask::Verify => return Ok(verify(store, json, reporter).map_err(|error| unreadable(store, &error))?),
        CacheTask::Prune { to } => prune(store, *to, json, reporter),
        CacheTask::Remove { name } => return remove(store, name.as_deref(), json, reporter),
    };
    done.map_err(|error| unreadable(store, &error))?;
    Ok(Exit::Ok)
}

fn unreadable(store: &Store, error: &io::Error) -> Failure {
    Failure::new(FailureKind::Runtime, format!("cannot use {}: {error}", store.folder().display()), None)
}

fn path(store: &Store, json: bool, reporter: &mut Reporter) -> io::Result<()> {
    let path = store.folder().display().to_string();
    if json { reporter.object(&json!({ "path": path })) } else { reporter.data(&format!("{path}\n")) }
}

/// A group as `--json` prints it.
#[derive(Serialize)]
struct GroupLine<'a> {
    id: &'a str,
    /// All null if it is not known what the group is.
    model: Option<&'a str>,
    file: Option<String>,
    cache_type: Option<&'a str>,
    library: Option<&'a str>,
    /// Whether this version of Lunette can use it.
    current: bool,
    blocks: usize,
    bytes: u64,
    readings: Vec<ReadingLine<'a>>,
}

#[derive(Serialize)]
struct ReadingLine<'a> {
    /// Null for a reading that was broken off, and for a document without a name.
    title: Option<&'a str>,
    tokens: u32,
    /// Seconds since 1970.
    used: u64,
}

impl<'a> From<&'a GroupSummary> for GroupLine<'a> {
    fn from(group: &'a GroupSummary) -> Self {
        let about = group.about.as_ref();
        let readings = group.readings.iter().map(|reading| ReadingLine {
            title: reading.title.as_deref(),
            tokens: reading.tokens,
            used: reading.used.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        });
        Self {
            id: &group.id,
            model: about.map(|about| about.model.as_str()),
            file: about.map(|about| about.file.display().to_string()),
            cache_type: about.map(|about| about.cache_type.as_str()),
            library: about.map(|about| about.library.as_str()),
            current: is_current(group),
            blocks: group.blocks,
            bytes: group.bytes,
            readings: readings.collect(),
        }
    }
}

/// Whether this version of Lunette can use it.
fn is_current(group: &GroupSummary) -> bool {
    group.about.as_ref().is_none_or(|about| about.library == patch_stamp())
}

fn list(store: &Store, json: bool, reporter: &mut Reporter) -> io::Result<()> {
    let groups = store.summaries()?;
    let taken = groups.iter().map(|group| group.bytes).sum();
    let free = free_bytes(store.folder())?;
    let path = store.folder().display();
    if json {
        let lines: Vec<GroupLine> = groups.iter().map(GroupLine::from).collect();
        return reporter.object(&json!({
            "path": path.to_string(), "bytes": taken, "free_bytes": free, "groups": lines,
        }));
    }
    let now = SystemTime::now();
    let listed: String = groups.iter().map(|group| in_words(group, now)).collect();
    reporter.data(&listed)?;
    reporter.data(&format!("{} in {path}; {} are free on its disk\n", bytes(taken), bytes(free)))
}

fn in_words(group: &GroupSummary, now: SystemTime) -> String {
    let GroupSummary { id, blocks, bytes: taken, readings, .. } = group;
    let unusable = if is_current(group) { "" } else { "; of another version, which cannot be used" };
    let heading = format!(
        "{}: {}, {}, {}{unusable}   ({})\n",
        title(group),
        counted(readings.len(), "reading"),
        counted(*blocks, "block"),
        bytes(*taken),
        &id[..ID_DIGITS]
    );
    heading + &readings.iter().map(|reading| line(reading, now)).collect::<String>()
}

fn line(reading: &Reading, now: SystemTime) -> String {
    let title = reading.title.as_ref().map_or_else(String::new, |title| format!(": {}", harmless::line(title)));
    format!("   {} tokens, {}{title}\n", count(reading.tokens), ago(reading.used, now))
}

/// `Qwen2.5-Coder 0.5B · Q8_0, f16`.
fn title(group: &GroupSummary) -> String {
    let about = group.about.as_ref();
    about.map_or("unknown".to_owned(), |about| {
        format!("{}, {}", harmless::line(&about.model), harmless::line(&about.cache_type))
    })
}

/// `used 2 days ago`.
fn ago(used: SystemTime, now: SystemTime) -> String {
    const DAY: Duration = Duration::from_hours(24);
    match now.duration_since(used) {
        Ok(since) if since >= DAY => {
            let days = since.as_secs() / DAY.as_secs();
            format!("used {} ago", counted(days as usize, "day"))
        }
        Ok(since) => format!("used {} ago", time(since)),
        Err(_) => "used in the future, by the clock".to_owned(),
    }
}

/// Reads every block. A block that is not whole is dropped, and makes the exit code 1.
fn verify(store: &Store, json: bool, reporter: &mut Reporter) -> io::Result<Exit> {
    let total = store.bytes()?;
    let mut done = 0;
    let verified = store.verify(|bytes| {
        done += bytes;
        reporter.verifying(done, total);
    })?;
    let exit = if verified.dropped.is_empty() { Exit::Ok } else { Exit::Runtime };
    if json {
        let dropped: Vec<_> = verified
            .dropped
            .iter()
            .map(|(path, why)| json!({ "path": path.display().to_string(), "why": why }))
            .collect();
        reporter.object(&json!({ "whole": verified.whole, "bytes": verified.bytes, "dropped": dropped }))?;
        return Ok(exit);
    }
    for (path, why) in &verified.dropped {
        reporter.note(&format!("dropped {}: {why}", path.display()));
    }
    let whole = counted(verified.whole, "block");
    reporter.data(&format!("{whole} whole, {}; {} dropped\n", bytes(verified.bytes), count(verified.dropped.len())))?;
    Ok(exit)
}

/// Drops what this version can't use, and then what was not used for longest, until the rest takes at most `to` bytes.
fn prune(store: &Store, to: Option<u64>, json: bool, reporter: &mut Reporter) -> io::Result<()> {
    let before = store.bytes()?;
    store.remove(|group| !is_current(group))?;
    if let Some(to) = to {
        store.make_room(store.bytes()?.saturating_sub(to), SystemTime::now() + Duration::from_secs(1))?;
    }
    let after = store.bytes()?;
    freed(before.saturating_sub(after), after, json, reporter)
}

/// Removes the groups whose model or name `name` is; all without one.
fn remove(store: &Store, name: Option<&str>, json: bool, reporter: &mut Reporter) -> Result<Exit, ExitError> {
    let wanted = |group: &GroupSummary| name.is_none_or(|name| is_called(group, name));
    let removed = store.remove(wanted).map_err(|error| unreadable(store, &error))?;
    if let (Some(name), true) = (name, removed.is_empty()) {
        let message = format!("nothing is kept of a model called {name:?}");
        let hint = Some("`lunette cache ls` lists what is kept".to_owned());
        return Err(Failure::new(FailureKind::Usage, message, hint).into());
    }
    let after = store.bytes().map_err(|error| unreadable(store, &error))?;
    freed(removed.iter().map(|group| group.bytes).sum(), after, json, reporter)?;
    Ok(Exit::Ok)
}

fn is_called(group: &GroupSummary, name: &str) -> bool {
    let wanted = name.to_lowercase();
    let is_model = group.about.as_ref().is_some_and(|about| {
        let file = about.file.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
        about.model.to_lowercase().contains(&wanted) || file.contains(&wanted)
    });
    !wanted.is_empty() && (is_model || group.id.starts_with(&wanted))
}

fn freed(freed: u64, left: u64, json: bool, reporter: &mut Reporter) -> io::Result<()> {
    if json {
        return reporter.object(&json!({ "freed_bytes": freed, "bytes": left }));
    }
    reporter.data(&format!("{} freed, {} left\n", bytes(freed), bytes(left)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Output, Terminal};
    use crate::store::blocks::{About, BlockKey, BlockName, PartOf};

    const IDS: [&str; 2] = ["0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"];

    /// A store with a reading of two blocks of this version, and one of another.
    fn store(folder: &std::path::Path) -> Store {
        let store = Store::at(folder.join("kv"));
        for (id, model, library) in [(IDS[0], "Small 1B", patch_stamp()), (IDS[1], "Large 7B", "old".to_owned())] {
            let about = About { model: model.into(), file: "/m/s.gguf".into(), cache_type: "f16".into(), library };
            for (start, parent, key) in [(0, 0, 1), (512, 1, 2)] {
                let (parent, key) = (BlockKey([parent; 16]), BlockKey([key; 16]));
                let name = BlockName { start, tokens: 512, call_tokens: 512, parent, key, part: PartOf::Document };
                store.group(id).write(&name, b"", &[0; 1000], &about).expect("written");
            }
        }
        store
    }

    /// What is printed on standard output and standard error, and the exit.
    fn printed(store: &Store, task: &CacheTask, json: bool) -> (String, String, Result<Exit, String>) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let output = if json { Output::Json } else { Output::Text };
        let terminal = Terminal { stdin: false, stdout: false, stderr: false, color: false };
        let exit = cache(store, task, json, &mut Reporter::new(&mut out, &mut err, output, terminal));
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        (text(out), text(err), exit.map_err(|error| error.told().map_or_else(String::new, |told| told.0.to_owned())))
    }

    #[test]
    fn what_is_kept_is_listed_with_what_it_is_of() {
        let folder = tempfile::tempdir().expect("a folder");
        let (out, _, exit) = printed(&store(folder.path()), &CacheTask::List, false);
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(exit, Ok(Exit::Ok));
        assert_eq!(lines[0], "Small 1B, f16: 1 reading, 2 blocks, 2.25 kB   (01234567)");
        assert!(lines[1].starts_with("   1,024 tokens, used ") && lines[1].ends_with(" s ago"), "{}", lines[1]);
        assert_eq!(
            lines[2],
            "Large 7B, f16: 1 reading, 2 blocks, 2.25 kB; of another version, which cannot be used   (fedcba98)"
        );
        assert!(lines[4].starts_with("4.50 kB in "), "{}", lines[4]);
    }

    #[test]
    fn json_has_the_same_in_numbers() {
        let folder = tempfile::tempdir().expect("a folder");
        let (out, _, _) = printed(&store(folder.path()), &CacheTask::List, true);
        let object: serde_json::Value = serde_json::from_str(&out).expect("one object");
        assert_eq!(
            (&object["groups"][0]["model"], &object["groups"][1]["current"]),
            (&json!("Small 1B"), &json!(false))
        );
        assert_eq!(object["groups"][0]["readings"][0]["tokens"], json!(1024));
    }

    #[test]
    fn a_block_that_is_not_whole_is_dropped_and_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(folder.path());
        assert_eq!(printed(&store, &CacheTask::Verify, false).0, "4 blocks whole, 4.50 kB; 0 dropped\n");
        let bad = std::fs::read_dir(store.group(IDS[0]).folder()).expect("a folder").flatten();
        let bad = bad
            .map(|entry| entry.path())
            .find(|path| path.ends_with("kv") || path.extension().is_some_and(|e| e == "kv"));
        std::fs::write(bad.expect("a block"), "x").expect("written");
        let (out, err, exit) = printed(&store, &CacheTask::Verify, false);
        assert_eq!((out.as_str(), exit), ("3 blocks whole, 3.38 kB; 1 dropped\n", Ok(Exit::Runtime)));
        assert!(err.starts_with("dropped ") && err.ends_with(": it is cut off\n"), "{err}");
    }

    #[test]
    fn what_cannot_be_used_goes_first_and_then_what_is_too_much() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(folder.path());
        assert_eq!(printed(&store, &CacheTask::Prune { to: None }, false).0, "2.25 kB freed, 2.25 kB left\n");
        assert_eq!(printed(&store, &CacheTask::Prune { to: Some(2000) }, false).0, "1.13 kB freed, 1.13 kB left\n");
        assert_eq!(printed(&store, &CacheTask::Prune { to: Some(0) }, true).0, "{\"freed_bytes\":1126,\"bytes\":0}\n");
    }

    #[test]
    fn a_model_is_removed_by_name_and_an_unknown_one_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(folder.path());
        let remove = |name: Option<&str>| CacheTask::Remove { name: name.map(str::to_owned) };
        let unknown = printed(&store, &remove(Some("medium")), false).2;
        assert_eq!(unknown, Err("nothing is kept of a model called \"medium\"".to_owned()));
        assert_eq!(printed(&store, &remove(Some("large")), false).0, "2.25 kB freed, 2.25 kB left\n");
        assert_eq!(printed(&store, &remove(None), false).0, "2.25 kB freed, 0 B left\n");
    }

    #[test]
    fn times_are_as_exact_as_one_cares() {
        let now = UNIX_EPOCH + Duration::from_hours(1000);
        let told = |hours| ago(UNIX_EPOCH + Duration::from_hours(hours), now);
        assert_eq!([told(998), told(976), told(900)], ["used 2 h 00 min ago", "used 1 day ago", "used 4 days ago"]);
        assert_eq!(told(1001), "used in the future, by the clock");
    }
}
