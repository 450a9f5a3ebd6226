//! Parsers for values that are not part of a recipe: times, cache types, counts that may be "all".
//!
//! An error says which values are allowed; clap puts the flag's name and the value in front of it.
//!
//! Every number has a range: what llama.cpp or this program can't count with is refused here, and what would fill the memory,
//! too. `every_number_has_its_range` in this module's tests has the table.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::engine::config::{GpuLayers, KvDtype, RopeMethod, SplitMode};
use crate::swaa::written;

/// The longest time: a year. Times are added to the clock, which ends some day.
const LONGEST: Duration = Duration::from_hours(365 * 24);
/// llama.cpp's `GGML_MAX_N_THREADS`. More of them end the process.
const MOST_THREADS: u32 = 512;
/// Tokens in one call: the largest batches of servers have some thousands, and each takes memory.
pub(super) const MOST_BATCH_TOKENS: u32 = 1 << 16;
/// Positions are `i32` in llama.cpp.
const MOST_TOKENS: u32 = i32::MAX.cast_unsigned();
/// Tokens that the repetition penalty looks back at: each is kept in a list.
const MOST_LOOK_BACK: i32 = 1 << 20;
/// More than any model has.
const MOST_LAYERS: u32 = 10_000;
/// Scores are divided by the temperature and the penalty: beyond these, they are no numbers any more.
const HIGHEST_TEMPERATURE: f32 = 1000.0;
const PENALTIES: std::ops::RangeInclusive<f32> = 0.01..=100.0;
/// Of rotations: bases are up to some hundred millions, scales down to some thousandths.
const ROTATIONS: std::ops::RangeInclusive<f32> = 1e-6..=1e10;

/// A count; `None` means all, or no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count(pub Option<u32>);

/// Fields of a JSON object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fields(pub Map<String, Value>);

/// Parses `--server-body`. What makes the conversation and its answer is laid out here, and no field of the user's.
pub(super) fn fields(text: &str) -> Result<Fields, String> {
    const OWN: [&str; 4] = ["messages", "model", "stream", "stream_options"];
    let wrong = || "a JSON object, as in {\"sliding_window_size\": 2048}".to_owned();
    let fields: Map<String, Value> = serde_json::from_str(text).map_err(|_| wrong())?;
    match OWN.into_iter().find(|own| fields.contains_key(*own)) {
        Some(own) => Err(format!("fields other than {own}, which Lunette writes")),
        None => Ok(Fields(fields)),
    }
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// A name or a number, without brackets.
    pub host: String,
    /// 0: any that is free.
    pub port: u16,
}

impl Listen {
    /// Whether only this machine can reach it, as far as can be seen without a name server.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }
}

/// Parses `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`.
pub(super) fn address(text: &str) -> Result<Listen, String> {
    let wrong = || "HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080".to_owned();
    let (host, port) = text.trim().rsplit_once(':').ok_or_else(wrong)?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = bare.unwrap_or(host);
    if host.is_empty() || (bare.is_none() && host.contains(':')) {
        return Err(wrong());
    }
    Ok(Listen { host: host.to_owned(), port: port.parse().map_err(|_| wrong())? })
}

/// What `--rpc` says for no other machine.
pub(super) const NO_PEER: &str = "none";

/// Parses a machine that computes layers: `10.0.0.2:50052`, or `none`.
pub(super) fn peer(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.eq_ignore_ascii_case(NO_PEER) {
        return Ok(NO_PEER.to_owned());
    }
    match address(text) {
        Ok(Listen { port: 0, .. }) | Err(_) => Err("HOST:PORT, such as 10.0.0.2:50052 or [fe80::1]:50052".to_owned()),
        Ok(_) => Ok(text.to_owned()),
    }
}

/// Parses several of them, separated by commas.
pub(super) fn peers(text: &str) -> Result<Vec<String>, String> {
    text.split(',').map(peer).collect()
}

/// Parses `60`, `60s`, `500ms`, `2m`, `1.5h`; a plain number is in seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "a time above 0, such as 60s, 500ms, 2m or 1h".to_owned();
    let text_squeezed = text.trim().to_lowercase();
    let digits = text_squeezed.trim_end_matches(char::is_alphabetic);
    let unit_s = match text_squeezed[digits.len()..].trim() {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    let number: f64 = digits.trim().parse().map_err(|_| wrong())?;
    let time = Duration::try_from_secs_f64(number * unit_s).map_err(|_| wrong())?;
    match time {
        Duration::ZERO => Err(wrong()),
        time if time > LONGEST => Err("a time of at most a year".to_owned()),
        time => Ok(time),
    }
}

/// Parses `5GB`, `500 MB`, `1.5g`, `2GiB`; a plain number is in bytes. Units are powers of ten, those with an `i` powers of two.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let wrong = || "a size, such as 5GB, 500MB or 0".to_owned();
    let squeezed = text.trim().to_lowercase();
    let digits = squeezed.trim_end_matches(|c: char| c.is_alphabetic() || c == ' ');
    let unit = match squeezed[digits.len()..].trim() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        _ => return Err(wrong()),
    };
    let number: f64 = digits.parse().map_err(|_| wrong())?;
    let is_sound = number.is_finite() && number >= 0.0;
    if is_sound { Ok((number * unit) as u64) } else { Err(wrong()) }
}

/// Parses the KV cache type of K or V.
pub(super) fn kv_dtype(text: &str) -> Result<KvDtype, String> {
    match text.trim().to_lowercase().as_str() {
        "f16" => Ok(KvDtype::F16),
        "q8_0" => Ok(KvDtype::Q8_0),
        "q4_0" => Ok(KvDtype::Q4_0),
        "f32" => Ok(KvDtype::F32),
        "bf16" => Ok(KvDtype::Bf16),
        _ => Err("f16, bf16, f32, q8_0 or q4_0".to_owned()),
    }
}

/// Parses a number of threads; -1, `all`, `auto` and, as in llama.cpp, 0 mean as many as there are cores to spare.
pub(super) fn threads(text: &str) -> Result<Count, String> {
    match text.trim().to_lowercase().as_str() {
        "-1" | "0" | "all" | "auto" => Ok(Count(None)),
        digits => {
            let wrong = || {
                format!(
                    "a whole number up to {MOST_THREADS}, or -1 for the physical cores that other programs leave free"
                )
            };
            let count: u32 = digits.parse().map_err(|_| wrong())?;
            if count <= MOST_THREADS { Ok(Count(Some(count))) } else { Err(wrong()) }
        }
    }
}

/// Parses a batch size in tokens.
pub(super) fn batch(text: &str) -> Result<u32, String> {
    let tokens = written::tokens(text).ok().filter(|tokens| (1..=MOST_BATCH_TOKENS).contains(tokens));
    tokens.ok_or_else(|| format!("a whole number from 1 to {MOST_BATCH_TOKENS}"))
}

/// Parses a context size in tokens; 0 means one that fits.
pub(super) fn context(text: &str) -> Result<u32, String> {
    let tokens = written::tokens(text).map_err(|error| error.allowed.to_owned())?;
    if tokens <= MOST_TOKENS { Ok(tokens) } else { Err(format!("a whole number of tokens up to {MOST_TOKENS}")) }
}

/// Parses how many tokens the repetition penalty covers; -1 means the whole context.
pub fn look_back(text: &str) -> Result<i32, String> {
    let tokens = text.trim().parse().ok().filter(|tokens| (-1..=MOST_LOOK_BACK).contains(tokens));
    tokens.ok_or_else(|| format!("a whole number up to {MOST_LOOK_BACK}, or -1 for the whole context"))
}

/// Parses a part of a model for one GPU.
pub(super) fn proportion(text: &str) -> Result<f32, String> {
    let number = finite(text).filter(|number| (0.0..=1e6).contains(number));
    number.ok_or_else(|| "a number from 0 to 1000000".to_owned())
}

/// Parses the number of layers to offload; llama.cpp's -1 means `auto`.
pub(super) fn gpu_layers(text: &str) -> Result<GpuLayers, String> {
    match text.trim().to_lowercase().as_str() {
        "-1" | "auto" => Ok(GpuLayers::Auto),
        "all" => Ok(GpuLayers::All),
        digits => {
            let layers = digits.parse().ok().filter(|layers| *layers <= MOST_LAYERS);
            layers.map(GpuLayers::Count).ok_or_else(|| format!("auto, all or a whole number up to {MOST_LAYERS}"))
        }
    }
}

/// Parses how to split a model across several GPUs.
pub(super) fn split_mode(text: &str) -> Result<SplitMode, String> {
    match text.trim().to_lowercase().as_str() {
        "none" => Ok(SplitMode::None),
        "layer" => Ok(SplitMode::Layer),
        "row" => Err("none or layer; llama.cpp's CUDA backend no longer supports row".to_owned()),
        _ => Err("none or layer".to_owned()),
    }
}

/// Parses how positions are scaled.
pub(super) fn rope_method(text: &str) -> Result<RopeMethod, String> {
    match text.trim().to_lowercase().as_str() {
        "none" => Ok(RopeMethod::None),
        "linear" => Ok(RopeMethod::Linear),
        "yarn" => Ok(RopeMethod::Yarn),
        _ => Err("none, linear or yarn".to_owned()),
    }
}

/// Parses a base or a scale of rotations.
pub(super) fn above_zero(text: &str) -> Result<f32, String> {
    let number = finite(text).filter(|number| ROTATIONS.contains(number));
    number.ok_or_else(|| format!("a number from {} to {:e}", ROTATIONS.start(), ROTATIONS.end()))
}

/// Parses a limit in tokens; -1 (and llama.cpp's -2) means no limit.
pub fn limit(text: &str) -> Result<Count, String> {
    match text.trim() {
        "-1" | "-2" => Ok(Count(None)),
        digits => {
            let count = digits.parse().ok().filter(|count| *count <= MOST_TOKENS);
            count
                .map(|count| Count(Some(count)))
                .ok_or_else(|| format!("a whole number up to {MOST_TOKENS}, or -1 for no limit"))
        }
    }
}

/// Parses the limit of an answer, which has at least one token.
pub(super) fn answer_limit(text: &str) -> Result<Count, String> {
    match limit(text)? {
        Count(Some(0)) => Err("a whole number from 1 up, or -1 for no limit".to_owned()),
        count => Ok(count),
    }
}

/// Parses a seed; -1 means a random one.
pub fn seed(text: &str) -> Result<u32, String> {
    match text.trim() {
        "-1" => Ok(u32::MAX),
        digits => digits.parse().map_err(|_| "a whole number up to 4294967295, or -1 for a random seed".to_owned()),
    }
}

/// Parses a temperature.
pub fn from_zero(text: &str) -> Result<f32, String> {
    let number = finite(text).filter(|number| (0.0..=HIGHEST_TEMPERATURE).contains(number));
    number.ok_or_else(|| format!("a number from 0 to {HIGHEST_TEMPERATURE}"))
}

/// Parses a number from 0 to 1, such as a probability.
pub fn share(text: &str) -> Result<f32, String> {
    finite(text).filter(|number| (0.0..=1.0).contains(number)).ok_or_else(|| "a number from 0 to 1".to_owned())
}

/// Parses a repetition penalty, by which scores are divided.
pub fn penalty(text: &str) -> Result<f32, String> {
    let number = finite(text).filter(|number| PENALTIES.contains(number));
    number.ok_or_else(|| format!("a number from {} to {} (1 = off)", PENALTIES.start(), PENALTIES.end()))
}

fn finite(text: &str) -> Option<f32> {
    text.trim().parse().ok().filter(|number: &f32| number.is_finite())
}

/// Parses llama.cpp's `on`, `off` and `auto`; `auto` turns it on if the model supports it.
pub(super) fn flash_attention(text: &str) -> Result<bool, String> {
    if text.eq_ignore_ascii_case("auto") {
        return Ok(true);
    }
    written::switch(text).map_err(|_| "on, off or auto".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_units() {
        let cases = [("60", 60_000), ("60s", 60_000), ("500ms", 500), ("2m", 120_000), ("1.5 h", 5_400_000)];
        for (text, milliseconds) in cases {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "0", "-3s", "soon", "3d", "1e999", "nan"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_read_with_their_units() {
        let cases =
            [("0", 0), ("5GB", 5_000_000_000), ("500 mb", 500_000_000), ("1.5g", 1_500_000_000), ("2GiB", 2 << 30)];
        for (text, bytes) in cases {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "GB", "-1", "5 apples", "nan", "inf", "1e400"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn addresses_have_a_host_and_a_port() {
        let listen = |host: &str, port| Ok(Listen { host: host.to_owned(), port });
        assert_eq!(address("127.0.0.1:8080"), listen("127.0.0.1", 8080));
        assert_eq!(address("[::1]:0"), listen("::1", 0));
        assert_eq!(address("gpu.example:80"), listen("gpu.example", 80));
        for text in ["", ":80", "host", "host:", "host:70000", "::1:80", "[]:80", "host:-1"] {
            assert!(address(text).is_err(), "{text}");
        }
        let is_loopback = |host: &str| Listen { host: host.to_owned(), port: 1 }.is_loopback();
        assert!(["127.0.0.1", "127.9.9.9", "::1", "localhost"].into_iter().all(is_loopback));
        assert!(!["0.0.0.0", "::", "192.168.1.2", "gpu.example", "localhost.example"].into_iter().any(is_loopback));
    }

    #[test]
    fn other_machines_have_an_address_each() {
        let peers = |text: &str| peers(text).map(|peers| peers.join(" "));
        assert_eq!(peers("10.0.0.2:50052, [::1]:9"), Ok("10.0.0.2:50052 [::1]:9".to_owned()));
        assert_eq!(peers("None"), Ok("none".to_owned()));
        for text in ["", "gpu-box", "gpu-box:0", "gpu-box:50052,", "::1:50052"] {
            assert!(peers(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_for_sampling_are_within_what_they_can_mean() {
        assert_eq!(
            (from_zero("0"), from_zero(" 1.5"), share("1"), penalty("1.1")),
            (Ok(0.0), Ok(1.5), Ok(1.0), Ok(1.1))
        );
        for text in ["-1", "nan", "inf", "hot", ""] {
            assert!(from_zero(text).is_err() && share(text).is_err() && penalty(text).is_err(), "{text}");
        }
        assert!(share("1.01").is_err() && penalty("0").is_err());
    }

    /// The first and the last number that each takes, and the nearest ones that it refuses.
    #[test]
    fn every_number_has_its_range() {
        type Takes = fn(&str) -> bool;
        let table: [(&str, Takes, &[&str], &[&str]); 13] = [
            ("-t", |text| threads(text).is_ok(), &["0", "512"], &["513", "100000", "4294967295", "-2"]),
            ("-b", |text| batch(text).is_ok(), &["1", "64k", "65536"], &["0", "65537", "4294967295", "-1"]),
            ("-c", |text| context(text).is_ok(), &["0", "2147483647"], &["2147483648", "4294967295", "-1"]),
            ("-n", |text| answer_limit(text).is_ok(), &["1", "2147483647", "-1"], &["0", "2147483648", "-3"]),
            ("--reasoning-budget", |text| limit(text).is_ok(), &["0", "2147483647"], &["2147483648"]),
            ("-ngl", |text| gpu_layers(text).is_ok(), &["0", "10000"], &["10001", "4294967295", "-2"]),
            ("-ts", |text| proportion(text).is_ok(), &["0", "1e6"], &["-1", "nan", "inf", "1e7"]),
            ("--temp", |text| from_zero(text).is_ok(), &["0", "1000"], &["-0.1", "1001", "nan", "inf", "1e39"]),
            ("--top-p", |text| share(text).is_ok(), &["0", "1"], &["-0.1", "1.1", "nan"]),
            ("--repeat-penalty", |text| penalty(text).is_ok(), &["0.01", "100"], &["0", "1e-45", "101", "nan"]),
            ("--repeat-last-n", |text| look_back(text).is_ok(), &["-1", "1048576"], &["-2", "1048577", "2147483647"]),
            (
                "--rope-scale",
                |text| above_zero(text).is_ok(),
                &["1e-6", "8", "1e10"],
                &["0", "-1", "nan", "inf", "1e11"],
            ),
            ("--timeout", |text| duration(text).is_ok(), &["1ms", "8760h"], &["0", "8761h", "1e18", "1e400"]),
        ];
        for (flag, takes, taken, refused) in table {
            for text in taken {
                assert!(takes(text), "{flag} {text}");
            }
            for text in refused {
                assert!(!takes(text), "{flag} {text}");
            }
            for text in ["", " ", "x", "0x10", "1e", "18446744073709551616", "99999999999999999999999"] {
                assert!(!takes(text), "{flag} {text:?}");
            }
        }
    }

    #[test]
    fn minus_one_is_all_or_none() {
        assert_eq!((threads("-1"), threads("all"), threads("0")), (Ok(Count(None)), Ok(Count(None)), Ok(Count(None))));
        assert_eq!((limit("-1"), limit("-2"), limit("7")), (Ok(Count(None)), Ok(Count(None)), Ok(Count(Some(7)))));
        assert_eq!((seed("-1"), seed("42")), (Ok(u32::MAX), Ok(42)));
        assert!(threads("-3").is_err() && limit("x").is_err() && seed("-2").is_err());
    }
}
