//! Prefill and decoding by depth on a GPU: the unpatched library beside ours, in one run.
//!
//! `make bench-cuda` builds `tests/stock`'s program twice, without and with the patches, and hands both to this. Models of real shapes with
//! random weights are written first. Each program reads made-up tokens from position 0 to the deepest depth, tells the seconds at each
//! depth, and decodes a few tokens there with full attention.
//!
//! Example: `prefill_cuda --stock A/stock --ours B/stock --folder /tmp --models qwen3-4b:bf16 --depths 8192,131072`
//!
//! What it does not do: judge answers (`tests/attention/gpu.rs`, `lunette eval`).

#![allow(clippy::print_stdout, reason = "its table is its output")]

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use clap::Parser;
use serde_json::Value;

#[derive(Parser)]
struct Args {
    /// `tests/stock`'s program on the unpatched library.
    #[arg(long)]
    stock: PathBuf,
    /// The same program on the patched one.
    #[arg(long)]
    ours: PathBuf,
    /// Where the models are written; each is removed when it was measured.
    #[arg(long)]
    folder: PathBuf,
    /// `SHAPE:WEIGHTS`, or `SHAPE:WEIGHTS:DEPTH` to go no deeper.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "qwen3-4b:bf16,qwen3-4b:q4_k_m,qwen2.5-0.5b:q8_0,llama-8b:bf16:65536"
    )]
    models: Vec<String>,
    #[arg(long, value_delimiter = ',', default_value = "8192,16384,32768,65536,131072")]
    depths: Vec<usize>,
    /// What `cargo bench` says to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// One way to read: which program, in ubatches of how many tokens, and its attention.
struct ResolvedPreset {
    name: &'static str,
    is_stock: bool,
    ubatch: usize,
    window: Window,
    /// One far key in this many; 0 for none.
    far: u32,
    full_layers: &'static str,
    kv: &'static str,
}

#[derive(Clone, Copy)]
enum Window {
    Full,
    Tokens(usize),
    /// A quarter of the deepest depth.
    Quarter,
}

const fn stock(name: &'static str, ubatch: usize) -> ResolvedPreset {
    ResolvedPreset { name, is_stock: true, ubatch, window: Window::Full, far: 0, full_layers: "none", kv: "f16" }
}

const fn ours(name: &'static str, window: Window, full_layers: &'static str) -> ResolvedPreset {
    ResolvedPreset { name, is_stock: false, ubatch: 2048, window, far: 0, full_layers, kv: "f16" }
}

/// Presets that read alike are one row: `stream` as `quick`, `naive` as the window of 2k, `paper` (odd layers full) as `accurate`.
const WAYS: &[ResolvedPreset] = &[
    stock("stock, ubatch 512", 512),
    stock("stock, ubatch 2048", 2048),
    ours("full", Window::Full, "none"),
    ours("accurate", Window::Tokens(2048), "half"),
    ours("a quarter full", Window::Tokens(2048), "quarter"),
    ours("a window of a quarter", Window::Quarter, "none"),
    ours("quick", Window::Tokens(4096), "none"),
    ours("window of 2k", Window::Tokens(2048), "none"),
    ResolvedPreset { far: 16, ..ours("balanced", Window::Tokens(2048), "none") },
    ResolvedPreset { far: 32, ..ours("window of 2k, 1 in 32", Window::Tokens(2048), "none") },
    ResolvedPreset { far: 64, ..ours("fastest", Window::Tokens(1024), "none") },
    ResolvedPreset { kv: "q8_0", ..ours("window of 2k, KV in q8_0", Window::Tokens(2048), "none") },
    ResolvedPreset { kv: "q4_0", ..ours("window of 2k, KV in q4_0", Window::Tokens(2048), "none") },
    ResolvedPreset { far: 16, kv: "q8_0", ..ours("balanced, KV in q8_0", Window::Tokens(2048), "none") },
];

/// What came of one way.
struct Row {
    name: &'static str,
    is_stock: bool,
    kv: &'static str,
    /// Seconds and tokens a second at each depth.
    at: Vec<At>,
    /// Behind the first chunk.
    first: Speed,
    /// Of the device's memory, at the end.
    device_gib: f64,
}

struct At {
    prefill_s: f64,
    speed: Speed,
    decode_tok_s: f64,
}

/// Tokens a second: over 8,192 tokens, and of one chunk whose preparation is not hidden behind another.
struct Speed {
    pace: f64,
    alone: f64,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    for model in &args.models {
        let (path, deepest) = write_model(&args, model)?;
        // Gone when this ends, whatever happens: it may have 16 GB.
        let path = tempfile::TempPath::try_from_path(path)?;
        let depths: Vec<usize> = args.depths.iter().copied().filter(|&depth| depth <= deepest).collect();
        let mut device = String::new();
        let rows = WAYS
            .iter()
            .map(|resolved_preset| run(&args, &depths, &path, resolved_preset, &mut device))
            .collect::<anyhow::Result<Vec<_>>>()?;
        print_table(model, &device, &depths, &rows);
        print_bars(&rows)?;
        path.close().context("cannot remove the model")?;
    }
    Ok(())
}

/// The file, and how deep it is read at most.
fn write_model(args: &Args, model: &str) -> anyhow::Result<(PathBuf, usize)> {
    let parts: Vec<&str> = model.split(':').collect();
    let (shape, weights, deepest) = match parts[..] {
        [shape, weights] => (shape, weights, usize::MAX),
        [shape, weights, deepest] => (shape, weights, deepest.parse().context("a depth is a number")?),
        _ => bail!("{model} is not SHAPE:WEIGHTS or SHAPE:WEIGHTS:DEPTH"),
    };
    let path = args.folder.join(format!("{shape}-{weights}.gguf"));
    let status = Command::new(&args.stock).args(["shape", shape, weights]).arg(&path).output()?;
    ensure!(status.status.success(), "writing {model}: {}", String::from_utf8_lossy(&status.stderr));
    Ok((path, deepest))
}

fn run(
    args: &Args,
    depths: &[usize],
    model: &Path,
    resolved_preset: &ResolvedPreset,
    device: &mut String,
) -> anyhow::Result<Row> {
    let deepest = depths.iter().copied().max().context("no depths")?;
    let window = match resolved_preset.window {
        Window::Full => 0,
        Window::Tokens(tokens) => tokens,
        Window::Quarter => deepest / 4,
    };
    let depths = depths.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
    let mut command = Command::new(if resolved_preset.is_stock { &args.stock } else { &args.ours });
    command.arg("pass").arg(model).args(["--depths", &depths, "--threads", "8"]);
    command.args([
        "--ubatch",
        &resolved_preset.ubatch.to_string(),
        "--window",
        &window.to_string(),
        "--far",
        &resolved_preset.far.to_string(),
        "--full-layers",
        resolved_preset.full_layers,
        "--kv",
        resolved_preset.kv,
    ]);
    let output = command.output()?;
    if !output.status.success() {
        bail!("{}: {}", resolved_preset.name, String::from_utf8_lossy(&output.stderr));
    }
    let answer: Value = serde_json::from_slice(&output.stdout)?;
    answer["device"].as_str().unwrap_or_default().clone_into(device);
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let speed = |value: &Value| Speed { pace: number(&value["pace"]), alone: number(&value["alone"]) };
    let at = |row: &Value| At {
        prefill_s: number(&row["prefill_s"]),
        speed: speed(&row["tok_s"]),
        decode_tok_s: number(&row["decode_tok_s"]),
    };
    let rows = answer["rows"].as_array().context("the answer has rows")?;
    Ok(Row {
        name: resolved_preset.name,
        is_stock: resolved_preset.is_stock,
        kv: resolved_preset.kv,
        at: rows.iter().map(at).collect(),
        first: speed(&answer["first_tok_s"]),
        device_gib: number(&answer["device_bytes"]) / f64::from(1 << 30),
    })
}

fn print_table(model: &str, device: &str, depths: &[usize], rows: &[Row]) {
    println!("\n## {model} on {device}\n");
    let heads: Vec<String> = depths.iter().map(|depth| format!("{depth}")).collect();
    println!(
        "Seconds of prefill from token 0 · tokens a second over the last 8,192 · tokens a second of decoding there; device memory at the end.\n"
    );
    println!("| | {} | GiB |", heads.join(" | "));
    println!("|---|{}---|", "---|".repeat(depths.len()));
    for row in rows {
        let cell = |at: &At| format!("{:.3} · {:.0} · {:.0}", at.prefill_s, at.speed.pace, at.decode_tok_s);
        let cells: Vec<String> = row.at.iter().map(cell).collect();
        println!("| {} | {} | {:.2} |", row.name, cells.join(" | "), row.device_gib);
    }
}

/// Ratios within this run.
fn print_bars(rows: &[Row]) -> anyhow::Result<()> {
    let deepest = |row: &Row| row.at.last().map_or(f64::NAN, |at| at.prefill_s);
    let best = rows
        .iter()
        .filter(|row| row.is_stock)
        .min_by(|a, b| deepest(a).total_cmp(&deepest(b)))
        .context("no stock row")?;
    let of = |name: &str| rows.iter().find(|row| row.name == name).context("a way of that name");
    let (full, windowed) = (of("full")?, of("window of 2k")?);
    let last = windowed.at.last().context("no depth")?;
    let decode = |row: &Row| row.at.last().map_or(f64::NAN, |at| at.decode_tok_s);
    println!("\n| ratio at the deepest depth | |\n|---|---|");
    for name in ["full", "accurate", "a quarter full", "balanced", "quick", "window of 2k", "fastest"] {
        println!("| {} / {name} | {:.2} |", best.name, deepest(best) / deepest(of(name)?));
    }
    println!(
        "| window of 2k, last 8,192 tokens / those behind the first chunk | {:.3} |",
        last.speed.pace / windowed.first.pace
    );
    println!(
        "| window of 2k, last chunk alone / second chunk alone | {:.3} |",
        last.speed.alone / windowed.first.alone
    );
    for name in ["balanced", "window of 2k, 1 in 32", "fastest"] {
        println!("| {name} / window of 2k | {:.3} |", deepest(of(name)?) / deepest(windowed));
    }
    println!("| decoding, full / stock | {:.3} |", decode(full) / decode(best));
    let ratios: Vec<f64> =
        full.at.iter().zip(&best.at).map(|(ours, stock)| ours.decode_tok_s / stock.decode_tok_s).collect();
    println!(
        "| decoding, full / stock, mean over the depths | {:.3} |",
        ratios.iter().sum::<f64>() / count(ratios.len())
    );
    println!("| device memory, window of 2k / stock | {:.4} |", windowed.device_gib / best.device_gib);
    let sliding = rows.iter().filter(|row| !row.is_stock && row.name != "full" && row.kv == full.kv);
    let pairs = sliding.flat_map(|row| row.at.iter().zip(&full.at));
    let worst = pairs.map(|(mixed, full)| mixed.prefill_s / full.prefill_s).fold(0.0, f64::max);
    println!("| slowest of any sliding row / full, at any depth | {worst:.3} |");
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "a handful of depths")]
fn count(depths: usize) -> f64 {
    depths as f64
}
