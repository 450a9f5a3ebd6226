//! What llama.cpp without our patches answers: greedy tokens, logits, seconds of prefill. README.md says how to use it.

mod llama;
mod shapes;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use clap::{Args, Parser, Subcommand, ValueEnum};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use llama::{Clocks, FlashAttention, KvType, Session, Setup};
use shapes::{ShapeName, Weights};

#[derive(Parser)]
#[command(about, version)]
struct Arguments {
    #[command(subcommand)]
    question: Question,
}

#[derive(Subcommand)]
enum Question {
    /// The greedy continuation of a prompt.
    Tokens {
        model: PathBuf,
        ids: PathBuf,
        /// How many tokens to generate.
        #[arg(short, long, default_value_t = 32)]
        n_predict: usize,
        /// Where the prompt's decode calls end, in tokens from its start; after every `--batch` when left out.
        #[arg(long, value_delimiter = ',')]
        calls: Vec<usize>,
        #[command(flatten)]
        options: Options,
    },
    /// The logits behind the last token of a prompt, or behind every one.
    Logits {
        model: PathBuf,
        ids: PathBuf,
        #[arg(long)]
        all: bool,
        /// Also writes the rows as little-endian f32.
        #[arg(long)]
        raw: Option<PathBuf>,
        #[command(flatten)]
        options: Options,
    },
    /// Prefill to the deepest depth: seconds so far, speed of reading and of decoding at each depth, device memory. The best of up to
    /// three passes, fewer when one takes seconds.
    Pass {
        model: PathBuf,
        #[arg(long, value_delimiter = ',', required = true)]
        depths: Vec<usize>,
        /// Tokens decoded at each depth, with full attention.
        #[arg(long, default_value_t = 32)]
        decode: usize,
        #[command(flatten)]
        attend: Attend,
        #[command(flatten)]
        options: Options,
    },
    /// Writes a model of a real shape with random weights.
    Shape { name: ShapeName, weights: Weights, out: PathBuf },
    /// Seconds of one chunk of prefill at each depth.
    Chunks {
        model: PathBuf,
        #[arg(long, value_delimiter = ',', required = true)]
        depths: Vec<usize>,
        #[command(flatten)]
        options: Options,
    },
}

/// Which layers stay full when the others slide.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FullLayers {
    None,
    /// The first half.
    Half,
    /// Every fourth.
    Quarter,
}

impl FullLayers {
    fn of(self, n_layer: i32) -> Vec<i32> {
        let stays_full = |layer: &i32| match self {
            Self::None => false,
            Self::Half => *layer < n_layer / 2,
            Self::Quarter => layer % 4 == 1,
        };
        (0..n_layer).filter(stays_full).collect()
    }
}

/// Sliding attention; refused by a library without the patches.
#[derive(Args, Clone, Copy)]
struct Attend {
    /// Keys that a query sees; 0 is full attention.
    #[arg(long, default_value_t = 0)]
    window: u32,
    #[arg(long, default_value_t = 100)]
    sinks: u32,
    /// Of the keys between sinks and window, one in this many is seen; 0 for none.
    #[arg(long, default_value_t = 0)]
    far: u32,
    #[arg(long, value_enum, default_value_t = FullLayers::None)]
    full_layers: FullLayers,
}

#[derive(Args)]
struct Options {
    /// Context in tokens; as many as needed when left out.
    #[arg(short, long)]
    ctx: Option<usize>,
    /// Tokens in one decode call; as many as `--ubatch` when left out.
    #[arg(short, long)]
    batch: Option<usize>,
    #[arg(short, long, default_value_t = 512)]
    ubatch: usize,
    #[arg(short, long, default_value_t = 2)]
    threads: usize,
    #[arg(long, value_enum, default_value_t = FlashAttention::On)]
    flash_attn: FlashAttention,
    #[arg(long, value_enum, default_value_t = KvType::F16)]
    kv: KvType,
}

impl Options {
    fn setup(&self, tokens_needed: usize) -> Setup {
        Setup {
            n_ctx: self.ctx.unwrap_or(tokens_needed),
            n_batch: self.batch.unwrap_or(self.ubatch),
            n_ubatch: self.ubatch,
            n_threads: self.threads,
            flash_attention: self.flash_attn,
            kv_type: self.kv,
            n_outputs: 0,
        }
    }
}

fn main() -> anyhow::Result<()> {
    let mut answer = match Arguments::parse().question {
        Question::Tokens { model, ids, n_predict, calls, options } => {
            tokens(&model, &read_ids(&ids)?, n_predict, calls, &options)?
        }
        Question::Logits { model, ids, all, raw, options } => logits(&model, &read_ids(&ids)?, all, raw, &options)?,
        Question::Chunks { model, depths, options } => chunks(&model, depths, &options)?,
        Question::Pass { model, depths, decode, attend, options } => pass(&model, depths, decode, attend, &options)?,
        Question::Shape { name, weights, out } => json!({ "bytes": shapes::write(name, weights, &out)? }),
    };
    answer["stamp"] = llama_cpp_sys_2::PATCH_STAMP.into();
    writeln!(std::io::stdout(), "{answer}")?;
    Ok(())
}

fn read_ids(path: &Path) -> anyhow::Result<Vec<i32>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let words = text.split(|letter: char| !letter.is_ascii_digit()).filter(|word| !word.is_empty());
    let ids = words.map(str::parse).collect::<Result<Vec<i32>, _>>()?;
    ensure!(!ids.is_empty(), "{} holds no token ids", path.display());
    Ok(ids)
}

fn tokens(model: &Path, ids: &[i32], n_predict: usize, calls: Vec<usize>, options: &Options) -> anyhow::Result<Value> {
    let setup = options.setup(ids.len() + n_predict);
    let calls = if calls.is_empty() { even_calls(ids.len(), setup.n_batch) } else { calls };
    let mut session = Session::open(model, &setup)?;
    let mut generated = Vec::with_capacity(n_predict);
    for call in cut(ids, &calls, setup.n_batch)? {
        session.decode(call, false)?;
    }
    while generated.len() < n_predict {
        let token = likeliest(session.last_logits()?);
        generated.push(token);
        session.decode(&[token], false)?;
    }
    Ok(json!({ "tokens": generated }))
}

/// Where calls of `n_batch` tokens end.
fn even_calls(count: usize, n_batch: usize) -> Vec<usize> {
    (n_batch..count).step_by(n_batch).chain([count]).collect()
}

/// `ids` in the calls that end at `ends`.
fn cut<'ids>(ids: &'ids [i32], ends: &[usize], n_batch: usize) -> anyhow::Result<Vec<&'ids [i32]>> {
    let starts = std::iter::once(&0).chain(ends);
    let sizes_fit = starts.clone().zip(ends).all(|(start, end)| (start + 1..=start + n_batch).contains(end));
    ensure!(sizes_fit, "the calls {ends:?} have to rise, by {n_batch} tokens at most");
    ensure!(ends.last() == Some(&ids.len()), "the calls {ends:?} do not end with the prompt's {} tokens", ids.len());
    Ok(starts.zip(ends).map(|(&start, &end)| &ids[start..end]).collect())
}

fn logits(model: &Path, ids: &[i32], all: bool, raw: Option<PathBuf>, options: &Options) -> anyhow::Result<Value> {
    let setup = options.setup(ids.len());
    let mut session = Session::open(model, &setup)?;
    let mut rows = Vec::new();
    let mut bits = Vec::new();
    for (chunk, first) in ids.chunks(setup.n_batch).zip((0..).step_by(setup.n_batch)) {
        session.decode(chunk, all)?;
        let wanted = if all { 0..chunk.len() } else { chunk.len() - 1..chunk.len() };
        for index in wanted.filter(|index| all || first + index + 1 == ids.len()) {
            let row = session.logits(index)?;
            let row_bits: Vec<u8> = row.iter().flat_map(|logit| logit.to_le_bytes()).collect();
            rows.push(json!({ "position": first + index, "sha256": hex(&row_bits), "top": likeliest(row) }));
            bits.extend(row_bits);
        }
    }
    if let Some(path) = raw {
        fs::write(&path, bits).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(json!({ "n_vocab": session.n_vocab(), "rows": rows }))
}

/// Prefills made-up tokens once, from position 0 past the deepest depth, and times the chunk that starts at each depth.
fn chunks(model: &Path, mut depths: Vec<usize>, options: &Options) -> anyhow::Result<Value> {
    depths.sort_unstable();
    let setup = options.setup(depths.last().copied().unwrap_or(0) + options.ubatch);
    let mut session = Session::open(model, &setup)?;
    let mut timed = Vec::new();
    let mut at = 0;
    for depth in depths {
        ensure!(depth >= at, "depth {depth} lies in the chunk before it: chunks are {} tokens", setup.n_ubatch);
        session.prefill(&made_up(at..depth, session.n_vocab()), setup.n_batch)?;
        let before = Clocks::now()?;
        session.decode(&made_up(depth..depth + setup.n_ubatch, session.n_vocab()), false)?;
        let (wall_s, cpu_s) = before.elapsed()?;
        timed.push(json!({ "depth": depth, "tokens": setup.n_ubatch, "wall_s": wall_s, "cpu_s": cpu_s }));
        at = depth + setup.n_ubatch;
    }
    Ok(json!({ "chunks": timed }))
}

/// A prefill in chunks of one ubatch, the first two of which are made twice: once to warm up.
fn pass(
    model: &Path,
    mut depths: Vec<usize>,
    n_decode: usize,
    attend: Attend,
    options: &Options,
) -> anyhow::Result<Value> {
    depths.sort_unstable();
    let deepest = depths.last().copied().unwrap_or(0).max(options.ubatch + PACE_TOKENS);
    let least = 2 * options.ubatch;
    ensure!(depths.iter().all(|&depth| depth >= least), "the least depth is two chunks, {least} tokens");
    let setup = Setup { n_outputs: 1, ..options.setup(deepest + n_decode + 8) };
    let before = Clocks::now()?;
    let mut session = Session::open(model, &setup)?;
    let load_s = before.elapsed()?.0;
    let full_layers = attend.full_layers.of(session.n_layer());
    session.configure(attend.window, attend.sinks, attend.far, &full_layers)?;
    session.slide(attend.window > 0);
    let first_speed = warm_up(&mut session, setup.n_ubatch)?;

    let (mut best, mut measured_s, mut passes) = (Vec::new(), 0.0, 0);
    while passes < PASSES_AT_MOST && measured_s < ENOUGH_S {
        let rows = one_pass(&mut session, &depths, n_decode, attend.window > 0, setup.n_ubatch)?;
        measured_s += rows.last().map_or(ENOUGH_S, |row| row.prefill_s);
        best = if best.is_empty() { rows } else { best.into_iter().zip(rows).map(|(a, b)| a.better(&b)).collect() };
        session.forget_from(0)?;
        passes += 1;
    }
    let rows: Vec<Value> = depths.iter().zip(&best).map(|(depth, at)| at.as_json(*depth)).collect();
    Ok(json!({
        "device": llama::device_name(), "device_bytes": llama::device_bytes_used(), "load_s": load_s, "passes": passes,
        "first_tok_s": first_speed.as_json(), "rows": rows,
    }))
}

/// Short passes are repeated, since one of them differs from the next by more than a long one does.
const PASSES_AT_MOST: usize = 3;
/// Seconds of prefill after which no pass is repeated.
const ENOUGH_S: f64 = 5.0;

/// Tokens over which the pace at a depth is measured, several chunks of them: while one is computed the next is prepared.
const PACE_TOKENS: usize = 8192;

/// Tokens a second of prefill.
#[derive(Clone, Copy)]
struct Speed {
    /// Over the last [`PACE_TOKENS`], or since the depth before, if that is nearer.
    pace: f64,
    /// Of the last chunk with nothing before or behind it: what a chunk costs when its preparation is not hidden. Not a number on hybrids,
    /// which can't read it twice.
    alone: f64,
}

impl Speed {
    fn better(self, other: Self) -> Self {
        Self { pace: self.pace.max(other.pace), alone: self.alone.max(other.alone) }
    }

    fn as_json(self) -> Value {
        json!({ "pace": self.pace, "alone": self.alone })
    }
}

/// What is measured at a depth.
struct At {
    /// From token 0 on.
    prefill_s: f64,
    speed: Speed,
    decode_tok_s: Option<f64>,
}

impl At {
    /// The best of each.
    fn better(&self, other: &Self) -> Self {
        Self {
            prefill_s: self.prefill_s.min(other.prefill_s),
            speed: self.speed.better(other.speed),
            decode_tok_s: self.decode_tok_s.zip(other.decode_tok_s).map(|(one, another)| one.max(another)),
        }
    }

    fn as_json(&self, depth: usize) -> Value {
        json!({
            "depth": depth, "prefill_s": self.prefill_s, "tok_s": self.speed.as_json(), "decode_tok_s": self.decode_tok_s,
        })
    }
}

/// From token 0 to the deepest of `depths`, a few tokens decoded at each.
fn one_pass(
    session: &mut Session,
    depths: &[usize],
    n_decode: usize,
    slides: bool,
    n_ubatch: usize,
) -> anyhow::Result<Vec<At>> {
    let mut prefill_s = 0.0;
    let mut rows = Vec::with_capacity(depths.len());
    for &depth in depths {
        let (some_s, speed) = prefill_to(session, depth, n_ubatch)?;
        prefill_s += some_s;
        session.slide(false);
        let decode_tok_s = decode_speed(session, n_decode)?;
        if session.can_go_back() {
            session.forget_from(depth)?;
        }
        session.slide(slides);
        rows.push(At { prefill_s, speed, decode_tok_s });
    }
    Ok(rows)
}

/// Reads a first chunk and on from there, decodes a token, and forgets all of it, a few times over. Returns the best speed behind the first
/// chunk, the first time left out: it warms up.
fn warm_up(session: &mut Session, n_ubatch: usize) -> anyhow::Result<Speed> {
    let mut best = Speed { pace: 0.0, alone: f64::NAN };
    for time in 0..=PASSES_AT_MOST {
        read(session, n_ubatch, n_ubatch)?;
        let pace = speed_of(session, n_ubatch + PACE_TOKENS, n_ubatch)?.1;
        let alone = if session.can_go_back() {
            session.forget_from(n_ubatch)?;
            speed_of(session, 2 * n_ubatch, n_ubatch)?.1
        } else {
            f64::NAN
        };
        best = if time == 0 { best } else { best.better(Speed { pace, alone }) };
        decode_speed(session, 1)?;
        session.forget_from(0)?;
    }
    Ok(best)
}

/// Reads on to `depth`. Returns the seconds that it took, and the speed there.
fn prefill_to(session: &mut Session, depth: usize, n_ubatch: usize) -> anyhow::Result<(f64, Speed)> {
    let (first_s, _) = speed_of(session, depth.saturating_sub(PACE_TOKENS), n_ubatch)?;
    let (last_s, pace) = speed_of(session, depth, n_ubatch)?;
    if !session.can_go_back() {
        return Ok((first_s + last_s, Speed { pace, alone: f64::NAN }));
    }
    // From the chunk before it: the same chunk twice would find its graph made.
    session.forget_from(depth - 2 * n_ubatch)?;
    read(session, depth - n_ubatch, n_ubatch)?;
    let (_, alone) = speed_of(session, depth, n_ubatch)?;
    Ok((first_s + last_s, Speed { pace, alone }))
}

/// Reads on to `depth`, and waits for it. Returns the seconds and tokens a second.
fn speed_of(session: &mut Session, depth: usize, n_ubatch: usize) -> anyhow::Result<(f64, f64)> {
    session.wait();
    let tokens = depth.saturating_sub(session.position());
    let started = Clocks::now()?;
    read(session, depth, n_ubatch)?;
    session.wait();
    let seconds = started.elapsed()?.0;
    Ok((seconds, as_number(tokens) / seconds))
}

fn read(session: &mut Session, depth: usize, n_ubatch: usize) -> anyhow::Result<()> {
    while session.position() < depth {
        let at = session.position();
        let end = depth.min(at + n_ubatch);
        session.decode(&made_up(at..end, session.n_vocab()), false)?;
    }
    Ok(())
}

/// Tokens a second, the first few left out: they build and capture graphs.
fn decode_speed(session: &mut Session, count: usize) -> anyhow::Result<Option<f64>> {
    let step = |session: &mut Session| {
        let at = session.position();
        session.decode(&made_up(at..at + 1, session.n_vocab()), false)?;
        session.last_logits().map(|_| ())
    };
    (0..4).try_for_each(|_| step(session))?;
    let timed = Clocks::now()?;
    (0..count).try_for_each(|_| step(session))?;
    Ok((count > 1).then_some(as_number(count) / timed.elapsed()?.0))
}

#[allow(clippy::cast_precision_loss, reason = "counts of tokens")]
fn as_number(count: usize) -> f64 {
    count as f64
}

/// Token ids that differ from their neighbours: which ones does not matter for time.
fn made_up(positions: std::ops::Range<usize>, n_vocab: usize) -> Vec<i32> {
    positions.map(|position| i32::try_from(position * 7919 % n_vocab).expect("a vocabulary fits an i32")).collect()
}

/// The first of the greatest: llama.cpp's own greedy sampler breaks ties so too.
fn likeliest(logits: &[f32]) -> i32 {
    let best = logits.iter().enumerate().rev().max_by(|a, b| a.1.total_cmp(b.1));
    best.map_or(0, |(token, _)| i32::try_from(token).expect("a vocabulary fits an i32"))
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<_> = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}
