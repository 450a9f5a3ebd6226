//! The few calls of llama.cpp's C interface that are needed here, behind safe functions. The only file with `unsafe`.

use std::ffi::CString;
use std::path::Path;
use std::ptr::NonNull;
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use clap::ValueEnum;
use llama_cpp_sys_2 as sys;

#[derive(Clone, Copy, ValueEnum)]
pub enum FlashAttention {
    On,
    Off,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum KvType {
    F16,
    F32,
    Bf16,
    #[value(name = "q8_0")]
    Q8,
    #[value(name = "q4_0")]
    Q4,
}

/// llama.cpp's context parameters, in its own names.
pub struct Setup {
    pub n_ctx: usize,
    pub n_batch: usize,
    pub n_ubatch: usize,
    pub n_threads: usize,
    pub flash_attention: FlashAttention,
    pub kv_type: KvType,
    /// Most tokens of a decode call whose logits are wanted; 0 is all.
    pub n_outputs: u32,
}

/// A model with one context, one sequence. Both are freed with it.
pub struct Session {
    context: NonNull<sys::llama_context>,
    model: NonNull<sys::llama_model>,
    n_vocab: usize,
    position: i32,
    /// Tokens of the last decode call.
    last_count: usize,
}

impl Session {
    pub fn open(model: &Path, setup: &Setup) -> anyhow::Result<Self> {
        let name = CString::new(model.as_os_str().as_encoded_bytes())?;
        // SAFETY: `name` is a C string that outlives the calls; the default parameters are valid as they are; a null model
        // is refused before it is used.
        unsafe {
            sys::llama_log_set(Some(keep_quiet), std::ptr::null_mut());
            #[cfg(feature = "portable")]
            load_backends_beside_program()?;
            sys::llama_backend_init();
            let loaded = sys::llama_model_load_from_file(name.as_ptr(), sys::llama_model_default_params());
            let model = NonNull::new(loaded).with_context(|| format!("cannot load {}", model.display()))?;
            let n_vocab = sys::llama_vocab_n_tokens(sys::llama_model_get_vocab(model.as_ptr()));
            let Some(context) = NonNull::new(sys::llama_init_from_model(model.as_ptr(), context_params(setup)?)) else {
                sys::llama_model_free(model.as_ptr());
                bail!("cannot make a context of {} tokens", setup.n_ctx);
            };
            Ok(Self { context, model, n_vocab: usize::try_from(n_vocab)?, position: 0, last_count: 0 })
        }
    }

    pub fn n_vocab(&self) -> usize {
        self.n_vocab
    }

    pub fn n_layer(&self) -> i32 {
        // SAFETY: the model lives.
        unsafe { sys::llama_model_n_layer(self.model.as_ptr()) }
    }

    /// Whether the context can forget the last positions and keep the others; the state of a hybrid's other layers can't.
    pub fn can_go_back(&self) -> bool {
        // SAFETY: the model lives.
        unsafe {
            !sys::llama_model_is_hybrid(self.model.as_ptr()) && !sys::llama_model_is_recurrent(self.model.as_ptr())
        }
    }

    /// Tokens that the context holds.
    pub fn position(&self) -> usize {
        usize::try_from(self.position).expect("positions count up from 0")
    }

    /// Forgets the positions from `from` on.
    pub fn forget_from(&mut self, from: usize) -> anyhow::Result<()> {
        let from = i32::try_from(from)?;
        // SAFETY: the context lives, and its memory with it. -1 is "to the end".
        let done = unsafe { sys::llama_memory_seq_rm(sys::llama_get_memory(self.context.as_ptr()), 0, from, -1) };
        ensure!(done, "positions from {from} on can't be forgotten");
        self.position = from;
        Ok(())
    }

    /// Waits until everything that was asked for is computed.
    pub fn wait(&self) {
        // SAFETY: the context lives.
        unsafe { sys::llama_synchronize(self.context.as_ptr()) }
    }

    /// Sets the window of sliding attention; 0 is none.
    #[cfg(not(feature = "unpatched"))]
    pub fn configure(&mut self, window: u32, sinks: u32, far: u32, full_layers: &[i32]) -> anyhow::Result<()> {
        let (layers, n_layers) = (full_layers.as_ptr(), full_layers.len());
        // SAFETY: the context lives; the layers are only read during the call.
        let status =
            unsafe { sys::llama_swaa_configure_far(self.context.as_ptr(), window, sinks, far, layers, n_layers) };
        ensure!(status == 0, "llama_swaa_configure_far returned {status}");
        Ok(())
    }

    #[cfg(feature = "unpatched")]
    #[allow(clippy::unused_self, reason = "the patched program's has one")]
    pub fn configure(&mut self, window: u32, _sinks: u32, _far: u32, _full_layers: &[i32]) -> anyhow::Result<()> {
        ensure!(window == 0, "this is the library without patches: it has no window");
        Ok(())
    }

    #[cfg(not(feature = "unpatched"))]
    pub fn slide(&mut self, sliding: bool) {
        // SAFETY: the context lives.
        unsafe { sys::llama_swaa_set_sliding(self.context.as_ptr(), sliding) }
    }

    #[cfg(feature = "unpatched")]
    #[allow(clippy::unused_self, reason = "the patched program's has one")]
    pub fn slide(&mut self, _sliding: bool) {}

    /// Decodes `ids` in calls of at most `n_batch` tokens.
    pub fn prefill(&mut self, ids: &[i32], n_batch: usize) -> anyhow::Result<()> {
        ids.chunks(n_batch).try_for_each(|chunk| self.decode(chunk, false))
    }

    /// One decode call, at the positions behind the last one. Logits come for the last token, or for all.
    pub fn decode(&mut self, ids: &[i32], all_logits: bool) -> anyhow::Result<()> {
        let mut tokens = ids.to_vec();
        let mut positions: Vec<i32> = (self.position..).take(ids.len()).collect();
        let mut wanted: Vec<i8> = (1..=ids.len()).map(|count| i8::from(all_logits || count == ids.len())).collect();
        let batch = sys::llama_batch {
            n_tokens: i32::try_from(ids.len())?,
            token: tokens.as_mut_ptr(),
            embd: std::ptr::null_mut(),
            pos: positions.as_mut_ptr(),
            n_seq_id: std::ptr::null_mut(),
            seq_id: std::ptr::null_mut(),
            logits: wanted.as_mut_ptr(),
        };
        // SAFETY: the arrays hold `n_tokens` entries each and live to the end of the call; null sequence ids mean sequence 0.
        let status = unsafe { sys::llama_decode(self.context.as_ptr(), batch) };
        ensure!(status == 0, "llama_decode of {} tokens at {} returned {status}", ids.len(), self.position);
        self.position += i32::try_from(ids.len())?;
        self.last_count = ids.len();
        Ok(())
    }

    /// The logits behind the last token.
    pub fn last_logits(&self) -> anyhow::Result<&[f32]> {
        self.logits(self.last_count - 1)
    }

    /// The logits behind token `index` of the last decode call, which must have asked for them.
    pub fn logits(&self, index: usize) -> anyhow::Result<&[f32]> {
        // SAFETY: a row that is not null holds n_vocab floats, owned by the context until the next decode call, and that needs
        // `&mut self`.
        unsafe {
            let row = sys::llama_get_logits_ith(self.context.as_ptr(), i32::try_from(index)?);
            ensure!(!row.is_null(), "no logits for token {index}");
            Ok(std::slice::from_raw_parts(row, self.n_vocab))
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: both are owned by this value and freed once, the context before the model that it refers to.
        unsafe {
            sys::llama_free(self.context.as_ptr());
            sys::llama_model_free(self.model.as_ptr());
        }
    }
}

fn context_params(setup: &Setup) -> anyhow::Result<sys::llama_context_params> {
    // SAFETY: the function takes nothing and returns a plain struct.
    let mut params = unsafe { sys::llama_context_default_params() };
    params.n_ctx = setup.n_ctx.try_into()?;
    params.n_batch = setup.n_batch.try_into()?;
    params.n_ubatch = setup.n_ubatch.try_into()?;
    params.n_threads = setup.n_threads.try_into()?;
    params.n_threads_batch = params.n_threads;
    params.n_outputs_max = setup.n_outputs;
    params.flash_attn_type = match setup.flash_attention {
        FlashAttention::On => sys::LLAMA_FLASH_ATTN_TYPE_ENABLED,
        FlashAttention::Off => sys::LLAMA_FLASH_ATTN_TYPE_DISABLED,
    };
    params.type_k = match setup.kv_type {
        KvType::F16 => sys::GGML_TYPE_F16,
        KvType::F32 => sys::GGML_TYPE_F32,
        KvType::Bf16 => sys::GGML_TYPE_BF16,
        KvType::Q8 => sys::GGML_TYPE_Q8_0,
        KvType::Q4 => sys::GGML_TYPE_Q4_0,
    };
    params.type_v = params.type_k;
    Ok(params)
}

/// Shared backends lie where the program does.
#[cfg(feature = "portable")]
fn load_backends_beside_program() -> anyhow::Result<()> {
    let program = std::env::current_exe()?;
    let folder = program.parent().context("a program lies in a folder")?;
    let folder = CString::new(folder.as_os_str().as_encoded_bytes())?;
    // SAFETY: `folder` is a C string that outlives the call.
    unsafe { sys::ggml_backend_load_all_from_path(folder.as_ptr()) };
    Ok(())
}

/// The GPUs that ggml sees.
fn gpus() -> Vec<sys::ggml_backend_dev_t> {
    // SAFETY: indices below the count are valid, and devices live as long as the program.
    unsafe {
        let devices = (0..sys::ggml_backend_dev_count()).map(|index| sys::ggml_backend_dev_get(index));
        devices.filter(|&device| sys::ggml_backend_dev_type(device) == sys::GGML_BACKEND_DEVICE_TYPE_GPU).collect()
    }
}

/// What computes.
pub fn device_name() -> String {
    let name = |device| {
        // SAFETY: the device lives, and so does its description.
        unsafe { std::ffi::CStr::from_ptr(sys::ggml_backend_dev_description(device)) }.to_string_lossy().into_owned()
    };
    gpus().first().copied().map_or_else(|| "CPU".to_owned(), name)
}

/// Bytes of the GPUs' memory that are taken, by whomever.
pub fn device_bytes_used() -> usize {
    let used = |device| {
        let (mut free, mut total) = (0, 0);
        // SAFETY: the device lives, and both numbers are there to be written.
        unsafe { sys::ggml_backend_dev_memory(device, &raw mut free, &raw mut total) };
        total - free
    };
    gpus().into_iter().map(used).sum()
}

/// stdout is for the answer, and an error says what failed without llama.cpp's log.
unsafe extern "C" fn keep_quiet(_: sys::ggml_log_level, _: *const std::ffi::c_char, _: *mut std::ffi::c_void) {}

/// The wall clock, and the processor time of all threads of this process.
pub struct Clocks {
    wall: Instant,
    cpu_s: f64,
}

impl Clocks {
    pub fn now() -> anyhow::Result<Self> {
        let mut cpu = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `cpu` is a valid place for the answer.
        let status = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut cpu) };
        ensure!(status == 0, "clock_gettime returned {status}");
        #[allow(clippy::cast_precision_loss, reason = "seconds of one process")]
        let cpu_s = cpu.tv_sec as f64 + cpu.tv_nsec as f64 * 1e-9;
        Ok(Self { wall: Instant::now(), cpu_s })
    }

    /// Wall and processor seconds since `self`.
    pub fn elapsed(&self) -> anyhow::Result<(f64, f64)> {
        Ok((self.wall.elapsed().as_secs_f64(), Self::now()?.cpu_s - self.cpu_s))
    }
}
