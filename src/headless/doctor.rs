//! `lunette doctor`: what this machine has, what the program makes of it, and what to do about what is wrong.
//!
//! ```text
//! ok    processor   4 cores; AVX2, AVX-512 found and compiled in
//! note  graphics    this program was built without GPU support
//!                   build with --features cuda, vulkan or metal if there is a GPU
//! wrong disk        1.2 GB are free where models are kept
//!                   make room, or set XDG_CACHE_HOME to another disk
//! ```
//!
//! Reads and asks; changes nothing, and loads no model. `lunette fit --measure` measures speed.

use std::path::Path;

use serde::Serialize;
use serde_json::json;

use super::Reporter;
use crate::engine::peers::{self, PeerDevice, Wants};
use crate::engine::{self, Facts};
use crate::exit::{Exit, ExitError};
use crate::models::{Catalogue, Places};
use crate::remote;
use crate::sandbox::{self, Sealed};
use crate::settings::{Settings, UsedServer};
use crate::store::blocks::free_bytes;
use crate::units::bytes;

/// A disk with less room than this can't take a model.
const LITTLE_ROOM_BYTES: u64 = 3_000_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Note,
    Wrong,
}

/// One thing that was looked at.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Finding {
    verdict: Verdict,
    what: &'static str,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Finding {
    fn ok(what: &'static str, found: String) -> Self {
        Self { verdict: Verdict::Ok, what, found, advice: None }
    }

    fn but(verdict: Verdict, what: &'static str, found: String, advice: &str) -> Self {
        Self { verdict, what, found, advice: Some(advice.to_owned()) }
    }

    fn in_words(&self) -> String {
        let verdict = match self.verdict {
            Verdict::Ok => "ok",
            Verdict::Note => "note",
            Verdict::Wrong => "wrong",
        };
        let advice = self.advice.as_ref().map_or(String::new(), |advice| format!("{:18}{advice}\n", ""));
        format!("{verdict:<6}{:<12}{}\n{advice}", self.what, self.found)
    }
}

/// Looks at the machine. The exit code is 1 if anything is wrong.
pub fn doctor(settings: &Settings, json: bool, reporter: &mut Reporter) -> Result<Exit, ExitError> {
    let findings = [
        Some(program()),
        settings.server.as_ref().map(server),
        Some(processor(&engine::facts(), settings.places.machine.cores)),
        Some(graphics(&engine::facts())),
        Some(rpc(peers::BUILT)),
        Some(memory(&settings.places)),
        Some(model(&settings.places)),
        Some(disk("models", &settings.places.own)),
        Some(disk("readings", &settings.directories.kv_folder())),
        Some(terminal(settings)),
        Some(sealing(sandbox::available())),
    ];
    let peers = settings.engine.offload.peers.iter().map(|address| peer(address));
    let findings: Vec<Finding> = findings.into_iter().flatten().chain(peers).collect();
    let is_wrong = findings.iter().any(|finding| finding.verdict == Verdict::Wrong);
    if json {
        reporter.object(&json!({ "findings": findings }))?;
    } else {
        reporter.data(&findings.iter().map(Finding::in_words).collect::<String>())?;
    }
    Ok(if is_wrong { Exit::Runtime } else { Exit::Ok })
}

/// Whether processes that read strangers' files can be kept from everything else.
fn sealing(available: Sealed) -> Finding {
    let missing = match (available.files, available.calls) {
        (true, true) => {
            return Finding::ok("sealing", "PDFs and unknown models are read behind Landlock and seccomp".into());
        }
        (true, false) => "seccomp",
        (false, true) => "Landlock",
        (false, false) => "Landlock and seccomp",
    };
    let advice = "they are read in processes of their own all the same; Linux 5.13 and later can have both";
    let found = format!("PDFs and unknown models are read without {missing}, which this system lacks");
    Finding::but(Verdict::Note, "sealing", found, advice)
}

fn program() -> Finding {
    let (library, patches) = (engine::library_version(), engine::patch_stamp());
    Finding::ok("program", format!("lunette {} on llama.cpp {library}, {patches}", env!("CARGO_PKG_VERSION")))
}

/// The server whose engine is used, if one is.
fn server(server: &UsedServer) -> Finding {
    match remote::described(server) {
        Ok(found) => Finding::ok("server", found),
        Err(failure) => {
            let advice = failure.hint.unwrap_or_default();
            Finding::but(Verdict::Wrong, "server", failure.message, &advice)
        }
    }
}

fn processor(facts: &Facts, cores: u32) -> Finding {
    let cores = if cores == 1 { "1 core".to_owned() } else { format!("{cores} cores") };
    if facts.compiled.is_empty() && facts.found.is_empty() {
        return Finding::ok("processor", cores);
    }
    let missing: Vec<&str> = facts.found.iter().copied().filter(|set| !facts.compiled.contains(set)).collect();
    let compiled = facts.compiled.join(", ");
    if missing.is_empty() {
        return Finding::ok("processor", format!("{cores}; compiled for {compiled}"));
    }
    let found = format!("{cores}; {} found but not compiled in (that is {compiled})", missing.join(", "));
    Finding::but(Verdict::Wrong, "processor", found, "build on this machine, or with --features portable")
}

fn graphics(facts: &Facts) -> Finding {
    match (facts.gpus.is_empty(), facts.built_for_gpus) {
        (false, _) => Finding::ok("graphics", facts.gpus.join(", ")),
        (true, true) => {
            let advice = "check the driver; without a GPU the CPU is used";
            Finding::but(
                Verdict::Wrong,
                "graphics",
                "no GPU is found, though the program is built for one".into(),
                advice,
            )
        }
        (true, false) => {
            let advice = "build with --features cuda, vulkan or metal if there is a GPU";
            Finding::but(Verdict::Note, "graphics", "the program is built without GPU support".into(), advice)
        }
    }
}

/// Whether other machines can compute layers.
fn rpc(is_built: bool) -> Finding {
    let found = if is_built {
        "other machines can compute layers (--rpc), and this one for others (lunette rpc-server)"
    } else {
        "the program is built without RPC: no other machine computes layers"
    };
    Finding::ok("rpc", found.to_owned())
}

/// A machine that shall compute layers.
fn peer(address: &str) -> Finding {
    if !peers::BUILT {
        let failure = peers::not_built(address);
        return Finding::but(Verdict::Wrong, "peer", failure.message, &failure.hint.unwrap_or_default());
    }
    match peers::ask(address, &engine::patch_stamp(), Wants::Answer) {
        Ok((_, devices)) => {
            let devices: Vec<String> = devices.iter().map(PeerDevice::in_words).collect();
            Finding::ok("peer", format!("{address} has {}", devices.join("; ")))
        }
        Err(failure) => Finding::but(Verdict::Wrong, "peer", failure.message, &failure.hint.unwrap_or_default()),
    }
}

fn memory(places: &Places) -> Finding {
    let (free, all) = (engine::memory::free_bytes(), places.machine.memory_bytes);
    let entry = Catalogue::bundled().default_for(places.machine);
    let found = format!("{} of {} are free", bytes(free), bytes(all));
    // Weights are repacked into a second copy, and there is a cache.
    if free > 2 * entry.bytes {
        return Finding::ok("memory", found);
    }
    let advice = format!("close other programs: {} ({}) may not fit", entry.name, bytes(entry.bytes));
    Finding::but(Verdict::Note, "memory", found, &advice)
}

fn model(places: &Places) -> Finding {
    let entry = Catalogue::bundled().default_for(places.machine);
    if let Some(path) = places.find(entry) {
        return Finding::ok("model", format!("{}, the default, is at {}", entry.name, path.display()));
    }
    let others = places.models_on_disk(Catalogue::bundled()).len();
    let found = format!("the default, {}, is not here; {others} others are", entry.name);
    Finding::but(Verdict::Note, "model", found, "`lunette pull` downloads it; `lunette models ls` lists the others")
}

fn disk(what: &'static str, folder: &Path) -> Finding {
    let place = folder.display();
    match free_bytes(folder) {
        Ok(free) if free >= LITTLE_ROOM_BYTES => Finding::ok(what, format!("{} are free for {place}", bytes(free))),
        Ok(free) => {
            let found = format!("only {} are free for {place}", bytes(free));
            Finding::but(Verdict::Wrong, what, found, "make room, or set XDG_CACHE_HOME to a folder on another disk")
        }
        Err(error) => {
            let found = format!("cannot look at {place}: {error}");
            Finding::but(Verdict::Wrong, what, found, "check who may write there")
        }
    }
}

fn terminal(settings: &Settings) -> Finding {
    let variables = &settings.screen.variables;
    if !settings.terminal.is_interactive() {
        return Finding::ok("terminal", "none: input or output is a file or a pipe".to_owned());
    }
    if variables.dumb {
        let advice = "set TERM to what the terminal is, e.g. xterm-256color, for the screen";
        return Finding::but(Verdict::Note, "terminal", "TERM is dumb or missing: plain lines are used".into(), advice);
    }
    let colours = if variables.true_color { "24-bit colours" } else { "256 colours or fewer (COLORTERM says no more)" };
    let tmux = if variables.in_tmux { ", in tmux" } else { "" };
    Finding::ok("terminal", format!("{colours}{tmux}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(found: &[&'static str], compiled: &[&'static str], gpus: &[&str], built_for_gpus: bool) -> Facts {
        let gpus = gpus.iter().map(|&gpu| gpu.to_owned()).collect();
        Facts { found: found.to_vec(), compiled: compiled.to_vec(), gpus, built_for_gpus }
    }

    #[test]
    fn instructions_that_the_build_leaves_out_are_told() {
        let whole = processor(&facts(&["AVX2"], &["AVX2"], &[], false), 4);
        assert_eq!(whole, Finding::ok("processor", "4 cores; compiled for AVX2".to_owned()));
        let lacking = processor(&facts(&["AVX2", "AVX512"], &["AVX2"], &[], false), 1);
        assert_eq!(lacking.verdict, Verdict::Wrong);
        assert!(
            lacking.in_words().starts_with("wrong processor   1 core; AVX512 found but not compiled in"),
            "{lacking:?}"
        );
    }

    #[test]
    fn a_build_for_gpus_without_one_is_wrong_and_one_without_support_is_told() {
        assert_eq!(graphics(&facts(&[], &[], &["NVIDIA H200"], true)).verdict, Verdict::Ok);
        assert_eq!(graphics(&facts(&[], &[], &[], true)).verdict, Verdict::Wrong);
        assert_eq!(graphics(&facts(&[], &[], &[], false)).verdict, Verdict::Note);
    }

    #[test]
    fn a_disk_that_cannot_be_looked_at_is_wrong_and_its_folder_need_not_exist_yet() {
        let folder = tempfile::tempdir().expect("a folder");
        let there = disk("models", &folder.path().join("not/yet/made"));
        assert!(there.found.contains("are free for"), "{there:?}");
    }

    #[test]
    fn a_system_without_seals_is_a_note_that_names_them() {
        assert_eq!(sealing(Sealed { files: true, calls: true }).verdict, Verdict::Ok);
        let lacking = sealing(Sealed { files: false, calls: true });
        assert_eq!(lacking.verdict, Verdict::Note);
        assert!(lacking.found.contains("without Landlock, which this system lacks"), "{lacking:?}");
    }
}
