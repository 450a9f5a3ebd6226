//! Is prefill through a window linear? Seconds per chunk by depth, sliding against full attention, in one run.
//!
//! The cache is filled once through the window. At each depth the chunk that comes next is computed several times under each
//! attention, and cut off again: what a chunk costs depends on how much lies before it, not on what that says. Last, the first
//! tokens are read whole from nothing, both ways. With `--far 32` a third attention is measured beside them, sliding with far keys.
//!
//! ```text
//! cargo bench --bench prefill -- --model MODEL.gguf [--window 2048] [--sinks 100] [--far 32] [--depths 4096,16384,31232] [--whole 16384]
//! ```
//!
//! Prints a table in markdown, ratios and bars. `cpu_s` is the process's time over all threads, which a busy machine disturbs
//! less than the wall clock. Exits with 1 when a bar is missed. Compares nothing with the unpatched library: `tests/stock/compare` does.

#![allow(unsafe_code, reason = "the patched library's own functions, which the safe binding does not wrap")]
#![allow(clippy::print_stdout, reason = "the table is the output")]

#[path = "support/processor_time.rs"]
mod processor_time;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::ptr::NonNull;
use std::time::Instant;

use clap::Parser;
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_sys_2 as sys;
use processor_time::cpu_seconds;

/// What is to be held.
const FLAT_AT_MOST: f64 = 1.10;
const DEEP_AT_LEAST: f64 = 5.5;
const WHOLE_AT_LEAST: f64 = 2.2;
const FAR_AT_MOST: f64 = 1.10;
/// Deeper, far keys have no bar: they grow with depth.
const FAR_DEPTH: u32 = 16_384;

#[derive(Parser)]
struct Args {
    #[arg(long, env = "LUNETTE_BENCH_MODEL")]
    model: PathBuf,
    #[arg(long, default_value_t = 2048)]
    window: u32,
    #[arg(long, default_value_t = 100)]
    sinks: u32,
    /// Also measure sliding with one far key in this many; 0 leaves it out.
    #[arg(long, default_value_t = 0)]
    far: u32,
    #[arg(long, default_value_t = 512)]
    chunk: u32,
    #[arg(long, default_value_t = 2)]
    threads: i32,
    /// The first is the one that the others may not exceed.
    #[arg(long, value_delimiter = ',', default_values_t = [4096, 16_384, 31_232])]
    depths: Vec<u32>,
    /// Times that each chunk is computed; the quickest counts.
    #[arg(long, default_value_t = 3)]
    repeat: u32,
    /// Tokens read whole from nothing; 0 leaves it out.
    #[arg(long, default_value_t = 16_384)]
    whole: u32,
    /// What cargo hands to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Seconds by the wall and of the processor.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    wall_s: f64,
    cpu_s: f64,
}

impl Cost {
    fn plus(self, other: Self) -> Self {
        Self { wall_s: self.wall_s + other.wall_s, cpu_s: self.cpu_s + other.cpu_s }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attention {
    Full,
    Sliding,
    /// Sliding with far keys.
    Far,
}

/// A context whose cache is filled with made-up tokens.
struct Reader<'model> {
    context: LlamaContext<'model>,
    raw: NonNull<sys::llama_context>,
    batch: LlamaBatch<'static>,
    position: u32,
    vocab: i32,
    recipe: Recipe,
}

#[derive(Debug, Clone, Copy)]
struct Recipe {
    window: u32,
    sinks: u32,
    far: u32,
}

impl<'model> Reader<'model> {
    fn new(backend: &LlamaBackend, model: &'model LlamaModel, args: &Args) -> Self {
        let deepest = args.depths.iter().max().copied().unwrap_or(0).max(args.whole);
        let params = LlamaContextParams::default()
            .with_n_ctx(NonZeroU32::new(deepest + args.chunk))
            .with_n_batch(args.chunk)
            .with_n_ubatch(args.chunk)
            .with_n_threads(args.threads)
            .with_n_threads_batch(args.threads)
            .with_flash_attention_policy(sys::LLAMA_FLASH_ATTN_TYPE_ENABLED);
        let context = model.new_context(backend, params).expect("the context fits into memory");
        // SAFETY: the context that this thread made last is the one above.
        let raw = NonNull::new(unsafe { sys::llama_swaa_newest_context() }).expect("a context was made");
        let (batch, vocab) = (LlamaBatch::new(args.chunk as usize, 1), model.n_vocab());
        let recipe = Recipe { window: args.window, sinks: args.sinks, far: args.far };
        Self { context, raw, batch, position: 0, vocab, recipe }
    }

    fn attend(&self, attention: Attention) {
        let Recipe { window, sinks, far } = self.recipe;
        let far = if attention == Attention::Far { far } else { 0 };
        // SAFETY: `raw` lives as long as `context`; no layer is named.
        let status =
            unsafe { sys::llama_swaa_configure_far(self.raw.as_ptr(), window, sinks, far, std::ptr::null(), 0) };
        assert_eq!(status, 0, "this model can slide");
        // SAFETY: as above.
        unsafe { sys::llama_swaa_set_sliding(self.raw.as_ptr(), attention != Attention::Full) };
    }

    /// Computes the next `tokens` tokens, which stay in the cache.
    fn read(&mut self, tokens: u32, attention: Attention) -> Cost {
        self.attend(attention);
        self.batch.clear();
        for position in self.position..self.position + tokens {
            let token = LlamaToken((position.wrapping_mul(2_654_435_761) % self.vocab.unsigned_abs()).cast_signed());
            let is_last = position + 1 == self.position + tokens;
            self.batch.add(token, position.cast_signed(), &[0], is_last).expect("the batch holds a chunk");
        }
        let (wall, cpu) = (Instant::now(), cpu_seconds());
        self.context.decode(&mut self.batch).expect("the chunk is computed");
        self.context.synchronize();
        self.position += tokens;
        Cost { wall_s: wall.elapsed().as_secs_f64(), cpu_s: cpu_seconds() - cpu }
    }

    fn cut(&mut self, position: u32) {
        self.context.kv_cache_seq_rm(0, Some(position), None).expect("a plain cache can be cut");
        self.position = position;
    }

    /// Reads up to `depth` and returns what the chunks cost together.
    fn read_to(&mut self, depth: u32, chunk: u32, attention: Attention) -> Cost {
        let mut sum = Cost::default();
        while self.position < depth {
            let tokens = chunk.min(depth - self.position);
            sum = sum.plus(self.read(tokens, attention));
        }
        sum
    }

    /// The quickest of `repeat` computations of the next chunk; the cache is as before.
    fn probe(&mut self, chunk: u32, attention: Attention, repeat: u32) -> Cost {
        let depth = self.position;
        let costs = (0..repeat).map(|_| {
            let cost = self.read(chunk, attention);
            self.cut(depth);
            cost
        });
        costs.min_by(|a, b| a.cpu_s.total_cmp(&b.cpu_s)).expect("repeat is at least 1")
    }
}

/// A ratio and what it has to be.
struct Bar {
    what: String,
    ratio: f64,
    met: bool,
    wanted: String,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let mut backend = LlamaBackend::init().expect("the library starts");
    backend.void_logs();
    let model =
        LlamaModel::load_from_file(&backend, &args.model, &LlamaModelParams::default()).expect("the model loads");
    println!(
        "{}: window {}, sinks {}, every layer sliding, chunks of {} tokens, {} threads\n",
        args.model.file_name().unwrap_or_default().display(),
        args.window,
        args.sinks,
        args.chunk,
        args.threads
    );
    let mut bars = by_depth(&backend, &model, &args);
    if args.whole > 0 {
        bars.push(whole(&backend, &model, &args));
    }
    println!("\n| bar | measured | wanted | |\n|---|---|---|---|");
    for bar in &bars {
        println!("| {} | {:.2} | {} | {} |", bar.what, bar.ratio, bar.wanted, if bar.met { "met" } else { "MISSED" });
    }
    if bars.iter().all(|bar| bar.met) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn by_depth(backend: &LlamaBackend, model: &LlamaModel, args: &Args) -> Vec<Bar> {
    let mut reader = Reader::new(backend, model, args);
    println!(
        "| depth | sliding, cpu s | full, cpu s | full / sliding | sliding, tok/s | full, tok/s |\n|---|---|---|---|---|---|"
    );
    let mut costs = Vec::new();
    let mut far_bars = Vec::new();
    for &depth in &args.depths {
        reader.read_to(depth, args.chunk, Attention::Sliding);
        let sliding = reader.probe(args.chunk, Attention::Sliding, args.repeat);
        let full = reader.probe(args.chunk, Attention::Full, args.repeat);
        let tokens = f64::from(args.chunk);
        println!(
            "| {depth} | {:.2} | {:.2} | {:.2} | {:.0} | {:.0} |",
            sliding.cpu_s,
            full.cpu_s,
            full.cpu_s / sliding.cpu_s,
            tokens / sliding.wall_s,
            tokens / full.wall_s
        );
        costs.push((depth, sliding, full));
        if args.far > 0 {
            let far = reader.probe(args.chunk, Attention::Far, args.repeat);
            let ratio = far.cpu_s / sliding.cpu_s;
            let what = format!("chunk at {depth} with 1 in {} ({:.2} s) / without", args.far, far.cpu_s);
            let (at_most, wanted) = if depth > FAR_DEPTH {
                (f64::INFINITY, "-".to_owned())
            } else {
                (FAR_AT_MOST, format!("≤ {FAR_AT_MOST:.2}"))
            };
            far_bars.push(Bar { what, ratio, met: ratio <= at_most, wanted });
        }
    }
    let (Some((first, shallow, _)), Some((last, deep, deep_full))) = (costs.first(), costs.last()) else {
        return Vec::new();
    };
    let flat = costs.iter().skip(1).map(|(depth, sliding, _)| {
        let ratio = sliding.cpu_s / shallow.cpu_s;
        let what = format!("sliding chunk at {depth} / at {first}");
        Bar { what, ratio, met: ratio <= FLAT_AT_MOST, wanted: format!("≤ {FLAT_AT_MOST:.2}") }
    });
    let ratio = deep_full.cpu_s / deep.cpu_s;
    let deep = Bar {
        what: format!("full chunk / sliding chunk at {last}"),
        ratio,
        met: ratio >= DEEP_AT_LEAST,
        wanted: format!("≥ {DEEP_AT_LEAST:.1}"),
    };
    flat.chain([deep]).chain(far_bars).collect()
}

fn whole(backend: &LlamaBackend, model: &LlamaModel, args: &Args) -> Bar {
    let mut reader = Reader::new(backend, model, args);
    let sliding = reader.read_to(args.whole, args.chunk, Attention::Sliding);
    reader.cut(0);
    let full = reader.read_to(args.whole, args.chunk, Attention::Full);
    println!(
        "\nThe first {} tokens, from nothing: sliding {:.1} s, full {:.1} s (processor: {:.1} and {:.1} s).",
        args.whole, sliding.wall_s, full.wall_s, sliding.cpu_s, full.cpu_s
    );
    let ratio = full.cpu_s / sliding.cpu_s;
    let what = format!("whole of {}, full / sliding", args.whole);
    Bar { what, ratio, met: ratio >= WHOLE_AT_LEAST, wanted: format!("≥ {WHOLE_AT_LEAST:.1}") }
}
