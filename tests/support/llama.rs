//! llama.cpp through its raw C interface: just enough of it, with owners that free.
//!
//! The one file of the tests that holds unsafe code. The crate llama-cpp-2 is not used, because it hides the pointers.

#![allow(unsafe_code, reason = "the raw C interface is what is tested")]
#![allow(clippy::cast_possible_wrap, reason = "C counts in i32; what tests count is small")]

use std::ffi::{CStr, CString, c_char, c_int};
use std::io::Write as _;
use std::mem::ManuallyDrop;
use std::ops::Range;
use std::path::Path;
use std::ptr::{self, NonNull};
use std::sync::Once;
use std::sync::atomic::{AtomicPtr, Ordering};

use llama_cpp_sys_2 as sys;
use lunette::swaa::Attention;

use super::random_model::{GgufFace, RandomModel};
use super::reference::Token;
use super::toys::Toy;

/// Number types of the KV cache.
pub(crate) const F32: sys::ggml_type = sys::GGML_TYPE_F32;
pub(crate) const F16: sys::ggml_type = sys::GGML_TYPE_F16;
pub(crate) const Q8_0: sys::ggml_type = sys::GGML_TYPE_Q8_0;
pub(crate) const Q4_0: sys::ggml_type = sys::GGML_TYPE_Q4_0;

/// How a context is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    pub(crate) context_tokens: u32,
    /// Most tokens computed at once.
    pub(crate) ubatch: u32,
    pub(crate) flash_attention: bool,
    pub(crate) kv_dtype: sys::ggml_type,
    pub(crate) sequences: u32,
    /// All sequences share one row of cells; else each has its own (a stream).
    pub(crate) unified: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { context_tokens: 1024, ubatch: 64, flash_attention: true, kv_dtype: F16, sequences: 1, unified: true }
    }
}

/// Where a model's layers lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Cpu,
    Gpu,
}

/// A loaded model.
pub(crate) struct Model {
    raw: NonNull<sys::llama_model>,
    place: Place,
}

impl Model {
    pub(crate) fn load(model: &RandomModel) -> Self {
        Self::load_as(model, &GgufFace::of(model.shape.family))
    }

    /// Loads the weights onto the GPU, all of them.
    pub(crate) fn load_on_gpu(model: &RandomModel) -> Self {
        Self::write_and_open(model, &GgufFace::of(model.shape.family), Place::Gpu)
    }

    /// Loads the weights under another architecture's name.
    pub(crate) fn load_as(model: &RandomModel, face: &GgufFace) -> Self {
        Self::write_and_open(model, face, Place::Cpu)
    }

    /// Loads a toy of a family that the reference does not compute.
    pub(crate) fn load_toy(toy: Toy) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().join("model.gguf");
        toy.write_to(&path);
        Self::open(&path, Place::Cpu)
    }

    fn write_and_open(model: &RandomModel, face: &GgufFace, place: Place) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().join("model.gguf");
        model.write_as(&path, face);
        Self::open(&path, place)
    }

    fn open(path: &Path, place: Place) -> Self {
        start_backend();
        let path = CString::new(path.to_str().expect("temporary paths are UTF-8")).expect("paths hold no zero byte");
        // SAFETY: `path` lives through the call; the parameters are llama.cpp's own defaults.
        let model = unsafe {
            let mut params = sys::llama_model_default_params();
            // Read into memory: the file is gone before the model is.
            params.load_mode = sys::LLAMA_LOAD_MODE_NONE;
            params.n_gpu_layers = if place == Place::Gpu { i32::MAX } else { 0 };
            sys::llama_model_load_from_file(path.as_ptr(), params)
        };
        Self { raw: NonNull::new(model).expect("the model was written as llama.cpp wants it"), place }
    }

    pub(crate) fn vocab(&self) -> usize {
        // SAFETY: the model lives as long as self, the vocabulary as long as the model.
        unsafe { sys::llama_vocab_n_tokens(sys::llama_model_get_vocab(self.raw.as_ptr())) as usize }
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: contexts borrow the model, so none is left.
        unsafe { sys::llama_model_free(self.raw.as_ptr()) }
    }
}

/// A context of a model.
pub(crate) struct Context<'model> {
    raw: NonNull<sys::llama_context>,
    model: &'model Model,
}

// SAFETY: a context may be used from any thread, one at a time, which `&mut self` sees to.
unsafe impl Send for Context<'_> {}
// SAFETY: a loaded model is only read.
unsafe impl Sync for Model {}

impl<'model> Context<'model> {
    pub(crate) fn new(model: &'model Model, options: Options) -> Self {
        // SAFETY: the model outlives the context by the lifetime; the parameters start from llama.cpp's defaults.
        let raw = unsafe {
            let mut params = sys::llama_context_default_params();
            params.n_ctx = options.context_tokens;
            params.n_batch = options.context_tokens;
            params.n_ubatch = options.ubatch;
            params.n_seq_max = options.sequences;
            params.kv_unified = options.unified;
            params.type_k = options.kv_dtype;
            params.type_v = options.kv_dtype;
            params.flash_attn_type = if options.flash_attention {
                sys::LLAMA_FLASH_ATTN_TYPE_ENABLED
            } else {
                sys::LLAMA_FLASH_ATTN_TYPE_DISABLED
            };
            // One thread: tests run side by side.
            params.n_threads = 1;
            params.n_threads_batch = 1;
            params.op_offload = model.place == Place::Gpu;
            sys::llama_init_from_model(model.raw.as_ptr(), params)
        };
        Self { raw: NonNull::new(raw).expect("the context is small enough for any machine"), model }
    }

    /// How many threads compute the next calls.
    pub(crate) fn set_threads(&mut self, threads: i32) {
        // SAFETY: the context lives, and no call is running.
        unsafe { sys::llama_set_n_threads(self.raw.as_ptr(), threads, threads) }
    }

    /// Copies positions `start..end` of a sequence.
    ///
    /// `None`: refused.
    pub(crate) fn copy_range(&mut self, sequence: i32, start: i32, end: i32) -> Option<Vec<u8>> {
        // SAFETY: the context lives; the library writes at most the size that is given, which the vector has.
        unsafe {
            let positions = u32::try_from(end - start).unwrap_or(0);
            let mut bytes = vec![0_u8; sys::llama_swaa_range_size(self.raw.as_ptr(), positions)];
            let (destination, size) = (bytes.as_mut_ptr().cast(), bytes.len());
            let written = sys::llama_swaa_range_get(self.raw.as_ptr(), sequence, start, end, destination, size);
            (written > 0 && written == bytes.len()).then_some(bytes)
        }
    }

    /// Appends positions `start..end` to a sequence. Returns whether they were taken.
    pub(crate) fn append_range(&mut self, sequence: i32, start: i32, end: i32, bytes: &[u8]) -> bool {
        // SAFETY: the context lives; the bytes live through the call.
        let read = unsafe {
            let source = bytes.as_ptr().cast();
            sys::llama_swaa_range_append(self.raw.as_ptr(), sequence, start, end, source, bytes.len())
        };
        read > 0 && read == bytes.len()
    }

    /// What the bytes of a range depend on; `Err`: why there are none.
    pub(crate) fn range_layout(&self) -> Result<String, String> {
        // SAFETY: the context lives; the library returns null or a string literal, and writes at most 4096 bytes.
        unsafe {
            let refusal = sys::llama_swaa_range_refusal(self.raw.as_ptr());
            if !refusal.is_null() {
                return Err(CStr::from_ptr(refusal).to_string_lossy().into_owned());
            }
            let mut text = vec![0_u8; 4096];
            sys::llama_swaa_range_layout(self.raw.as_ptr(), text.as_mut_ptr().cast::<c_char>(), text.len());
            Ok(CStr::from_bytes_until_nul(&text).expect("it ends").to_string_lossy().into_owned())
        }
    }

    /// Reads `tokens` in one call. Returns the logits of each.
    pub(crate) fn read(&mut self, tokens: &[Token]) -> Vec<Vec<f32>> {
        let mut batch = Batch::of(tokens);
        // SAFETY: the batch's arrays have one entry a token and live through the call; llama_decode copies them.
        let status = unsafe { sys::llama_decode(self.raw.as_ptr(), batch.raw()) };
        assert_eq!(status, 0, "llama_decode of {} tokens", tokens.len());
        (0..tokens.len()).map(|index| self.logits(index)).collect()
    }

    fn logits(&mut self, index: usize) -> Vec<f32> {
        // SAFETY: every token of the last call asked for its logits: `vocab` floats, valid until the next call; copied here.
        unsafe {
            let logits = sys::llama_get_logits_ith(self.raw.as_ptr(), index as i32);
            std::slice::from_raw_parts(logits, self.model.vocab()).to_vec()
        }
    }

    /// Configures the window and switches to it, or to full attention. `Err` is the refusal's sentence.
    pub(crate) fn attend(&mut self, attention: &Attention) -> Result<(), String> {
        if let Attention::Sliding { window, sinks, far, full_layers } = attention {
            let layers: Vec<i32> = full_layers.as_slice().iter().map(|&layer| layer as i32).collect();
            self.configure_far(*window, *sinks, *far, &layers)?;
        }
        self.slide(matches!(attention, Attention::Sliding { .. }));
        Ok(())
    }

    pub(crate) fn configure(&mut self, window: u32, sinks: u32, full_layers: &[i32]) -> Result<(), String> {
        // SAFETY: the layers live through the call, which copies them.
        let status = unsafe {
            sys::llama_swaa_configure(self.raw.as_ptr(), window, sinks, full_layers.as_ptr(), full_layers.len())
        };
        self.configured(status)
    }

    /// The same with far keys, one in `far`.
    pub(crate) fn configure_far(
        &mut self,
        window: u32,
        sinks: u32,
        far: u32,
        full_layers: &[i32],
    ) -> Result<(), String> {
        let (layers, count) = (full_layers.as_ptr(), full_layers.len());
        // SAFETY: the layers live through the call, which copies them.
        let status = unsafe { sys::llama_swaa_configure_far(self.raw.as_ptr(), window, sinks, far, layers, count) };
        self.configured(status)
    }

    fn configured(&self, status: i32) -> Result<(), String> {
        if status == 0 { Ok(()) } else { Err(self.refusal().expect("a failure has a sentence")) }
    }

    pub(crate) fn slide(&mut self, sliding: bool) {
        // SAFETY: the context lives.
        unsafe { sys::llama_swaa_set_sliding(self.raw.as_ptr(), sliding) }
        // SAFETY: as above.
        assert_eq!(unsafe { sys::llama_swaa_get_sliding(self.raw.as_ptr()) }, sliding);
    }

    /// Whether sliding layers attend to the needed stretches only, or to everything through the mask.
    pub(crate) fn set_views(&mut self, views: bool) {
        // SAFETY: the context lives.
        unsafe { sys::llama_swaa_set_views(self.raw.as_ptr(), views) }
    }

    pub(crate) fn refusal(&self) -> Option<String> {
        // SAFETY: the sentence is valid until the next call on this context; copied here.
        unsafe { copy_text(sys::llama_swaa_refusal(self.raw.as_ptr())) }
    }

    /// The layers that attend to the cache that can slide.
    pub(crate) fn attending_layers(&self) -> Vec<i32> {
        let mut layers = vec![0; 64];
        // SAFETY: the context lives; the library writes at most as many indices as there is room for.
        let count = unsafe { sys::llama_swaa_get_layers(self.raw.as_ptr(), layers.as_mut_ptr(), layers.len()) };
        layers.truncate(count);
        layers
    }

    pub(crate) fn columns(&self) -> sys::llama_swaa_columns {
        // SAFETY: the context lives; plain numbers come back.
        unsafe { sys::llama_swaa_get_columns(self.raw.as_ptr()) }
    }

    /// Chooses heads, by layer and head, that tell what they attend to. `Err` is the library's status.
    pub(crate) fn choose_heads(&mut self, heads: &[(i32, i32)]) -> Result<(), i32> {
        let (layers, indices): (Vec<i32>, Vec<i32>) = heads.iter().copied().unzip();
        // SAFETY: both lists live through the call, which copies them.
        let status =
            unsafe { sys::llama_locate_configure(self.raw.as_ptr(), layers.as_ptr(), indices.as_ptr(), heads.len()) };
        if status == 0 { Ok(()) } else { Err(status) }
    }

    /// From now on the tokens at the positions `rows` tell what they attend to among the positions `0..keys`.
    pub(crate) fn look_out(&mut self, keys: u32, rows: Range<u32>) {
        // SAFETY: the context lives.
        unsafe { sys::llama_locate_set(self.raw.as_ptr(), keys, rows.start as i32, rows.end as i32) }
    }

    /// What each of `heads` chosen heads has told about `keys` keys, and how many tokens told it.
    pub(crate) fn seen(&self, heads: usize, keys: u32) -> Option<(Vec<Vec<f32>>, u32)> {
        let mut rows = 0;
        // SAFETY: the context lives; unless it is null there is a number for each head and key, copied here.
        unsafe {
            let sums = sys::llama_locate_get(self.raw.as_ptr(), &raw mut rows);
            let sums = (!sums.is_null()).then(|| std::slice::from_raw_parts(sums, heads * keys as usize))?;
            Some((sums.chunks(keys as usize).map(<[f32]>::to_vec).collect(), rows))
        }
    }

    pub(crate) fn memory(&self) -> sys::llama_swaa_memory {
        // SAFETY: the context lives; plain numbers come back.
        unsafe { sys::llama_swaa_get_memory(self.raw.as_ptr()) }
    }

    /// How many calls used the graph of the call before.
    pub(crate) fn graphs_reused(&self) -> i32 {
        // SAFETY: the context lives; plain numbers come back.
        unsafe { sys::llama_perf_context(self.raw.as_ptr()).n_reused }
    }

    /// Forgets the positions `from..to` of a sequence.
    pub(crate) fn remove(&mut self, sequence: u32, from: u32, to: u32) {
        // SAFETY: the memory belongs to the context, which lives.
        let removed =
            unsafe { sys::llama_memory_seq_rm(self.memory_handle(), sequence as i32, from as i32, to as i32) };
        assert!(removed, "a plain KV cache can forget any range");
    }

    /// Moves the positions `from..` of a sequence down by `by`.
    pub(crate) fn move_down(&mut self, sequence: u32, from: u32, by: u32) {
        // SAFETY: the memory belongs to the context, which lives. -1 is "to the end".
        unsafe { sys::llama_memory_seq_add(self.memory_handle(), sequence as i32, from as i32, -1, -(by as i32)) }
    }

    /// Gives all that a sequence has read to another one as well.
    pub(crate) fn copy(&mut self, from: u32, to: u32) {
        // SAFETY: the memory belongs to the context, which lives. -1 and -1 are "all positions".
        unsafe { sys::llama_memory_seq_cp(self.memory_handle(), from as i32, to as i32, -1, -1) }
    }

    /// The whole state as bytes.
    pub(crate) fn save(&mut self) -> Vec<u8> {
        // SAFETY: the buffer has the length that llama.cpp asked for, and is written once.
        unsafe {
            let mut bytes = vec![0; sys::llama_state_get_size(self.raw.as_ptr())];
            let written = sys::llama_state_get_data(self.raw.as_ptr(), bytes.as_mut_ptr(), bytes.len());
            bytes.truncate(written);
            bytes
        }
    }

    pub(crate) fn restore(&mut self, state: &[u8]) {
        // SAFETY: the bytes live through the call, which copies them.
        let read = unsafe { sys::llama_state_set_data(self.raw.as_ptr(), state.as_ptr(), state.len()) };
        assert_eq!(read, state.len());
    }

    pub(crate) fn is_newest(&self) -> bool {
        newest_context() == self.raw.as_ptr()
    }

    fn memory_handle(&self) -> sys::llama_memory_t {
        // SAFETY: the context lives.
        unsafe { sys::llama_get_memory(self.raw.as_ptr()) }
    }
}

impl Drop for Context<'_> {
    fn drop(&mut self) {
        // SAFETY: nobody else holds the pointer.
        unsafe { sys::llama_free(self.raw.as_ptr()) }
    }
}

/// A batch that asks for the logits of every token.
struct Batch {
    ids: Vec<i32>,
    positions: Vec<i32>,
    sequence_counts: Vec<i32>,
    sequences: Vec<i32>,
    sequence_pointers: Vec<*mut i32>,
    wants_logits: Vec<i8>,
}

impl Batch {
    fn of(tokens: &[Token]) -> Self {
        let mut sequences: Vec<i32> = tokens.iter().map(|token| token.sequence as i32).collect();
        Self {
            ids: tokens.iter().map(|token| token.id as i32).collect(),
            positions: tokens.iter().map(|token| token.position as i32).collect(),
            sequence_counts: vec![1; tokens.len()],
            sequence_pointers: sequences.iter_mut().map(ptr::from_mut).collect(),
            sequences,
            wants_logits: vec![1; tokens.len()],
        }
    }

    fn raw(&mut self) -> sys::llama_batch {
        debug_assert_eq!(self.sequences.len(), self.sequence_pointers.len());
        sys::llama_batch {
            n_tokens: self.ids.len() as i32,
            token: self.ids.as_mut_ptr(),
            embd: ptr::null_mut(),
            pos: self.positions.as_mut_ptr(),
            n_seq_id: self.sequence_counts.as_mut_ptr(),
            seq_id: self.sequence_pointers.as_mut_ptr(),
            logits: self.wants_logits.as_mut_ptr(),
        }
    }
}

/// The context most recently created on this thread; null without one.
pub(crate) fn newest_context() -> *mut sys::llama_context {
    // SAFETY: takes nothing, returns a pointer that is only compared.
    unsafe { sys::llama_swaa_newest_context() }
}

unsafe extern "C" {
    /// C's own.
    fn atexit(handler: extern "C" fn()) -> c_int;
}

/// The context that [`free_kept`] frees.
static KEPT: AtomicPtr<sys::llama_context> = AtomicPtr::new(ptr::null_mut());

/// What a program that called [`free_at_exit`] writes to standard error when it has freed the context.
pub(crate) const FREED: &str = "the context is freed";

/// Makes a context that is freed when the program exits, as one in a static object would be.
///
/// Exit handlers and destructors of static objects run in reverse order, so this one, registered before the library is used, runs after the
/// destructors of all static objects that the library makes on first use.
pub(crate) fn free_at_exit(make: impl FnOnce() -> Context<'static>) {
    // SAFETY: the handler is a function of this program and does not unwind.
    assert_eq!(unsafe { atexit(free_kept) }, 0, "there is room for an exit handler");
    KEPT.store(ManuallyDrop::new(make()).raw.as_ptr(), Ordering::Release);
}

extern "C" fn free_kept() {
    // SAFETY: `free_at_exit` handed over the only pointer. The model lives for ever, by the context's lifetime.
    unsafe { sys::llama_free(KEPT.swap(ptr::null_mut(), Ordering::Acquire)) };
    // Without standard error the parent misses the line, which fails the test.
    let _ = writeln!(std::io::stderr(), "{FREED}");
}

/// The stamp of the running library.
pub(crate) fn stamp() -> String {
    // SAFETY: a string constant.
    unsafe { copy_text(sys::llama_swaa_stamp()) }.expect("the stamp is always there")
}

/// The stamp of the series that the crate was built with.
pub(crate) const PATCH_STAMP: &str = sys::PATCH_STAMP;

/// SAFETY: `text` is null or a zero-terminated string that lives through the call.
unsafe fn copy_text(text: *const c_char) -> Option<String> {
    // SAFETY: see above.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_str().expect("sentences are UTF-8").to_owned())
}

fn start_backend() {
    static START: Once = Once::new();
    // SAFETY: called once, before everything else; the callback ignores its arguments.
    START.call_once(|| unsafe {
        sys::llama_log_set(Some(ignore_log), ptr::null_mut());
        #[cfg(feature = "portable")]
        load_backends_beside_program();
        sys::llama_backend_init();
    });
}

/// Shared backends lie where the test program does.
#[cfg(feature = "portable")]
fn load_backends_beside_program() {
    let program = std::env::current_exe().expect("a running program has a path");
    let folder = program.parent().and_then(Path::to_str).expect("it lies in a folder whose name is UTF-8");
    let folder = CString::new(folder).expect("paths hold no zero byte");
    // SAFETY: `folder` is a C string that outlives the call.
    unsafe { sys::ggml_backend_load_all_from_path(folder.as_ptr()) };
}

/// The first GPU that ggml sees, by name: models are offloaded to it.
pub(crate) fn gpu() -> Option<String> {
    start_backend();
    // SAFETY: indices below the count are valid; descriptions are strings that live as long as their device, which is for ever.
    unsafe {
        let devices = (0..sys::ggml_backend_dev_count()).map(|index| sys::ggml_backend_dev_get(index));
        let mut gpus =
            devices.filter(|&device| sys::ggml_backend_dev_type(device) == sys::GGML_BACKEND_DEVICE_TYPE_GPU);
        gpus.next().and_then(|device| copy_text(sys::ggml_backend_dev_description(device)))
    }
}

extern "C" fn ignore_log(_level: sys::ggml_log_level, _text: *const c_char, _data: *mut std::ffi::c_void) {}

/// How the rows of a tensor lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    /// Number after number.
    Whole,
    /// Every second number: the tensor is a view whose first two dimensions were exchanged.
    WithGaps,
}

/// Joins two tensors of half-precision numbers, `[64, 2, columns]` and `[64, 2, 2 * columns]`, along the last dimension, as
/// sinks and window are joined. Returns the joined bits.
///
/// The sources hold 0, 1, 2, … in the order of memory, as bits.
pub(crate) fn concat(columns: usize, rows: Rows) -> Vec<u16> {
    start_backend();
    // SAFETY: the context owns all tensors and is freed after their last use; it is large enough for three tensors of
    // 6 * 128 * columns numbers in all, the graph and its plan. Contiguous f16 tensors hold two bytes a number.
    unsafe {
        let mem_size = 2 * 128 * 6 * columns + (8 << 20);
        let params = sys::ggml_init_params { mem_size, mem_buffer: ptr::null_mut(), no_alloc: false };
        let ggml = sys::ggml_init(params);
        let source = |columns: usize| {
            let (first, second) = if rows == Rows::Whole { (64, 2) } else { (2, 64) };
            let tensor = sys::ggml_new_tensor_3d(ggml, F16, first, second, columns as i64);
            let numbers = std::slice::from_raw_parts_mut(sys::ggml_get_data(tensor).cast::<u16>(), 128 * columns);
            numbers.iter_mut().enumerate().for_each(|(index, number)| *number = index as u16);
            if rows == Rows::Whole { tensor } else { sys::ggml_permute(ggml, tensor, 1, 0, 2, 3) }
        };
        let joined = sys::ggml_concat(ggml, source(columns), source(2 * columns), 2);
        let graph = sys::ggml_new_graph(ggml);
        sys::ggml_build_forward_expand(graph, joined);
        assert_eq!(sys::ggml_graph_compute_with_ctx(ggml, graph, 1), sys::GGML_STATUS_SUCCESS);
        let bits = std::slice::from_raw_parts(sys::ggml_get_data(joined).cast::<u16>(), 3 * 128 * columns).to_vec();
        sys::ggml_free(ggml);
        bits
    }
}
