//! `lunette fit` and `--dry-run`: does it fit, and what would it take? Loads only the model's tables.
//!
//! [`crate::fit`] makes the plan; this file prints it, as text or as one JSON object. If it does not fit, the exit code
//! is 4 and the output says what would.
//!
//! Predicted times are based on measurements on this machine ([`Measured`]), and are printed with their date. Without
//! measurements the output says so; `--measure` prefills a thousand tokens of the bundled book first.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::Reporter;
use super::report::PickedLine;
use super::rows::{Listed, are_files, put, table};
use crate::chat::record::{RecipeRecord, rounded};
use crate::chat::within::in_words;
use crate::chat::{Moment, SystemPrompt};
use crate::document::{Document, FileReport};
use crate::engine::Measured;
use crate::engine::config::EngineSettings;
use crate::engine::message::{CacheShape, ModelInfo};
use crate::exit::{Exit, ExitError};
use crate::fit::tree::{Folder, folders};
use crate::fit::{Estimator, Fit, Obstacle, PartCost, PlanRequest, PresetCost, Proposal, WithinTime, plan};
use crate::harmless;
use crate::session::documents::{named_source, only_folder};
use crate::settings::{FitAs, Settings};
use crate::units::{bytes, count, counted, time};

/// Plans the prefill of `document` (before parts are chosen) by `settings`, and prints the plan. Exit code 4 if it does
/// not fit.
pub fn fit(
    settings: &Settings,
    how: FitAs,
    document: &Document,
    known: &dyn Estimator,
    reporter: &mut Reporter,
) -> Result<Exit, ExitError> {
    let questions = settings.questions.join("\n");
    let folder = only_folder(settings);
    let system = SystemPrompt::of(settings.system_prompt.as_deref());
    let engine =
        EngineSettings { context: known.info().context_or(settings.engine.context), ..settings.engine.clone() };
    let wish = PlanRequest {
        whole: document,
        parts: settings.parts.as_deref(),
        within: settings.within,
        pick: settings.pick,
        folder: folder.as_deref(),
        question: Some(questions.as_str()).filter(|text| !text.is_empty()),
        question_first: settings.question_first,
        system: &system,
        source: &named_source(&settings.documents),
        reading: &settings.reading,
        engine: &engine,
        answer_tokens: settings.limits.max_tokens,
        now: Moment::from(SystemTime::now()),
    };
    let fit = plan(&wish, known);
    if let Some(failure) = known.failure() {
        return Err(failure.into());
    }
    let fit = fit?;
    let told_to_model = system.text(!document.text.trim().is_empty());
    let told = Told {
        fit: &fit,
        model: known.info(),
        files: &document.report.files,
        parts: settings.parts.as_deref(),
        system: told_to_model.as_deref(),
    };
    if how.json {
        reporter.object(&told.object())?;
    } else {
        reporter.data(&told.in_words())?;
    }
    Ok(if fit.fits() { Exit::Ok } else { Exit::DoesNotFit })
}

/// What is printed of a plan.
struct Told<'a> {
    fit: &'a Fit,
    model: &'a ModelInfo,
    files: &'a [FileReport],
    /// `--parts`, as written.
    parts: Option<&'a str>,
    system: Option<&'a str>,
}

/// The plan as `--json` prints it. Scripts rely on the fields.
#[derive(Debug, Serialize)]
struct Object<'a> {
    fits: bool,
    tokens: Tokens,
    /// The tokens were not counted but estimated: the document is many times too long, or the model is on a server that counts none.
    estimated: bool,
    /// Most tokens in the context: `-c`, but no more than the model was trained for. Null if a server does not tell.
    limit_tokens: Option<u32>,
    /// The tokens that memory is bounded to under this preset, whatever the length; null if every token is kept.
    bounded_tokens: Option<u32>,
    /// Null, as all bytes, if the model is on a server that is not Lunette's.
    kv_bytes: Option<u64>,
    kv_bytes_per_token: Option<u64>,
    /// Of layers that keep a state of fixed size.
    state_bytes: Option<u64>,
    /// Of layers that keep only what their own window sees, at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    own_windows_bytes: Option<u64>,
    memory_class: Option<&'static str>,
    /// All weights in memory, with the part that is rearranged for this CPU.
    model_bytes: Option<u64>,
    repacked_bytes: Option<u64>,
    /// Null if a GPU holds the model and the cache.
    free_bytes: Option<u64>,
    /// Null if nothing has been measured on this machine yet.
    predicted_s: Option<f64>,
    measured: Option<MeasuredLine>,
    preset: &'a str,
    recipe: RecipeRecord,
    model: String,
    documents: Vec<&'a str>,
    parts: Vec<PartLine<'a>>,
    parts_in_all: usize,
    /// With `--within`.
    #[serde(skip_serializing_if = "Option::is_none")]
    within: Option<WithinLine>,
    picked: Option<Vec<PickedLine<'a>>>,
    /// What the model is told before the document; null for nothing.
    system_prompt: Option<&'a str>,
    folders: Vec<FolderLine>,
    presets: Vec<PresetLine<'a>>,
    obstacles: Vec<ObstacleLine>,
    proposals: Vec<ProposalLine<'a>>,
}

#[derive(Debug, Serialize)]
struct Tokens {
    document: u32,
    /// Of these, the question before the document and what stands before that: sinks beside the preset's.
    front: u32,
    prompt: u32,
    /// Prompt and answer.
    needed: u32,
}

#[derive(Debug, Serialize)]
struct MeasuredLine {
    tokens: u64,
    /// `2026-11-26`
    on: String,
}

#[derive(Debug, Serialize)]
struct PartLine<'a> {
    number: usize,
    title: &'a str,
    tokens: u32,
    kv_bytes: u64,
}

#[derive(Debug, Serialize)]
struct WithinLine {
    time_s: f64,
    /// From the first on, of those that `--parts` selects.
    parts: usize,
    of: usize,
    /// False if nothing was measured yet: these are the parts that there is room for.
    is_predicted: bool,
}

impl From<WithinTime> for WithinLine {
    fn from(within: WithinTime) -> Self {
        let WithinTime { time, parts, of, is_predicted } = within;
        Self { time_s: in_seconds(time), parts, of, is_predicted }
    }
}

#[derive(Debug, Serialize)]
struct FolderLine {
    path: String,
    tokens: u32,
    files: usize,
}

#[derive(Debug, Serialize)]
struct PresetLine<'a> {
    name: &'a str,
    recipe: RecipeRecord,
    kv_bytes: u64,
    /// Null if every token is kept.
    bounded_tokens: Option<u32>,
    predicted_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum ObstacleLine {
    Context { too_many_tokens: u32 },
    Memory { need_bytes: u64, free_bytes: u64 },
}

#[derive(Debug, Serialize)]
struct ProposalLine<'a> {
    flags: &'a str,
    what: &'a str,
    prompt_tokens: u32,
    kv_bytes: u64,
}

impl Told<'_> {
    fn object(&self) -> Object<'_> {
        let Self { fit, model, files, system, .. } = self;
        // What a model takes on somebody else's server is not known here.
        let ours = |bytes: u64| model.server.is_none().then_some(bytes);
        Object {
            system_prompt: *system,
            fits: fit.fits(),
            estimated: fit.is_estimate || model.is_estimating(),
            tokens: Tokens {
                document: fit.tokens.document,
                front: fit.tokens.front,
                prompt: fit.tokens.prompt,
                needed: fit.needed_tokens,
            },
            limit_tokens: model.is_context_known().then_some(fit.limit_tokens),
            bounded_tokens: fit.bounded_tokens,
            kv_bytes: ours(fit.kv_bytes),
            kv_bytes_per_token: ours(fit.cache.bytes_per_token),
            state_bytes: ours(fit.cache.state_bytes),
            own_windows_bytes: fit.cache.own_windows.map(|short| u64::from(short.tokens) * short.bytes_per_token),
            memory_class: model.server.is_none().then(|| fit.cache.class.name()),
            model_bytes: ours(fit.model_bytes),
            repacked_bytes: ours(fit.repacked_bytes),
            free_bytes: fit.free_bytes,
            predicted_s: fit.predicted.map(in_seconds),
            measured: fit.measured.map(|measured| MeasuredLine { tokens: measured.tokens, on: day(measured) }),
            preset: &fit.chosen.name,
            recipe: (&fit.recipe).into(),
            model: model.title(),
            documents: files.iter().map(|file| file.name.as_str()).collect(),
            parts: fit.parts.iter().map(PartLine::from).collect(),
            parts_in_all: fit.parts_in_all,
            within: fit.within.map(WithinLine::from),
            picked: fit.picked.as_ref().map(|picked| picked.pieces.iter().map(PickedLine::from).collect()),
            folders: self.folders(),
            presets: fit.presets.iter().map(PresetLine::from).collect(),
            obstacles: fit.obstacles.iter().map(ObstacleLine::from).collect(),
            proposals: fit.proposals.iter().map(ProposalLine::from).collect(),
        }
    }

    fn within_in_words(&self, within: WithinTime) -> String {
        let WithinTime { time, parts, of, is_predicted } = within;
        if is_predicted {
            return in_words(parts, of, time, self.parts);
        }
        let seconds = time.as_secs_f64();
        format!(
            "{parts} of {} at most, for which there is room: a run times the first one, and reads what it can in {seconds} s",
            counted(of, "part")
        )
    }

    fn folders(&self) -> Vec<FolderLine> {
        let named: Vec<(&str, u32)> =
            self.fit.parts.iter().map(|cost| (cost.part.title.as_str(), cost.tokens)).collect();
        if !are_files(named.iter().map(|(title, _)| *title), self.files) {
            return Vec::new();
        }
        let line = |Folder { path, tokens, files }| FolderLine { path, tokens, files };
        folders(&named).into_iter().map(line).collect()
    }

    fn in_words(&self) -> String {
        let Self { fit, model, files, .. } = self;
        let is_ours = model.server.is_none();
        let listed: Vec<Listed> = fit.parts.iter().map(Listed::from).collect();
        let mut words = table(&listed, files, is_ours.then_some(fit.cache.bytes_per_token));
        if let Some(picked) = &fit.picked {
            put(&mut words, format_args!("\npicked   {}\n", picked.in_words()));
        }
        if let Some(within) = fit.within {
            put(&mut words, format_args!("\nwithin   {}\n", self.within_in_words(within)));
        }
        words.push('\n');
        if is_ours {
            words += &presets(&fit.presets);
        }
        put(&mut words, format_args!("{}\n\n", basis(model, fit.measured)));
        if fit.is_estimate {
            put(
                &mut words,
                format_args!("The document is many times too long: its tokens are estimated from samples.\n\n"),
            );
        }
        words += &self.tokens_in_words();
        if is_ours {
            words += &self.cost_in_words();
        }
        put(
            &mut words,
            format_args!(
                "system   {}\n{}{}\n",
                self.system.unwrap_or("no system prompt"),
                beyond_training(fit),
                verdict(fit)
            ),
        );
        words + &proposals(fit, is_ours)
    }

    fn tokens_in_words(&self) -> String {
        let Self { fit, model, .. } = self;
        let about = if model.is_estimating() { "about " } else { "" };
        let room =
            if model.is_context_known() { room(fit) } else { "has a context that its server does not tell".to_owned() };
        format!(
            "tokens   {about}{} in the document{}, {about}{} in the prompt, {about}{} with the answer; {} {room}\n",
            count(fit.tokens.document),
            front(fit),
            count(fit.tokens.prompt),
            count(fit.needed_tokens),
            harmless::line(&model.title()),
        )
    }

    /// What it takes on this machine, or on a Lunette's.
    fn cost_in_words(&self) -> String {
        let fit = self.fit;
        let repacked = match fit.repacked_bytes {
            0 => String::new(),
            repacked => format!(" ({} of it rearranged for this CPU)", bytes(repacked)),
        };
        let free = fit.free_bytes.map_or(String::new(), |free| format!(" · {} free", bytes(free)));
        format!(
            "memory   KV cache {} ({}) · model {}{repacked}{free}\n\
             kept     {}\n\
             preset   {}: {}\n\
             prefill  {}\n",
            bytes(fit.kv_bytes),
            cache_in_words(fit.cache),
            bytes(fit.model_bytes),
            kept(fit),
            fit.chosen.name,
            fit.recipe,
            prediction(fit.predicted),
        )
    }
}

/// ` (34 of them before it, as sinks)`; empty unless the question is asked first.
fn front(fit: &Fit) -> String {
    match fit.tokens.front {
        0 => String::new(),
        tokens => format!(" ({} of them before it, which are sinks)", count(tokens)),
    }
}

fn presets(presets: &[PresetCost]) -> String {
    let width = presets.iter().map(|preset| preset.name.chars().count()).max().unwrap_or(0).max(6);
    let mut words = format!("{:width$}  {:>20}  recipe\n", "preset", "prefill");
    for preset in presets {
        let what = preset.refused.clone().unwrap_or_else(|| preset.recipe.to_string());
        let time = if preset.refused.is_some() { "–".to_owned() } else { prediction(preset.predicted) };
        put(&mut words, format_args!("{:width$}  {time:>20}  {what}\n", preset.name));
    }
    words
}

/// `has room for 32,768`
fn room(fit: &Fit) -> String {
    match fit.bounded_tokens {
        Some(_) => format!("reads on under {}, whatever the length", fit.chosen.name),
        None => format!("has room for {}", count(fit.limit_tokens)),
    }
}

/// How much of what is read is kept, under this preset and under others.
fn kept(fit: &Fit) -> String {
    let is_other = |preset: &&PresetCost| preset.bounded_tokens.is_some() != fit.bounded_tokens.is_some();
    let others: Vec<&str> = fit.presets.iter().filter(is_other).map(|preset| preset.name.as_str()).collect();
    match (fit.bounded_tokens, others.is_empty()) {
        (Some(tokens), _) => format!(
            "{} tokens, whatever the length: memory doesn't grow, and what is farther back than the window is not seen",
            count(tokens)
        ),
        (None, true) => "every token, under every preset".to_owned(),
        (None, false) => format!("every token; less only under {}", others.join(", ")),
    }
}

/// Where the times come from.
fn basis(model: &ModelInfo, measured: Option<Measured>) -> String {
    if model.server.is_some() {
        let server = harmless::line(&model.place()).into_owned();
        return format!(
            "The model runs on {server}: the server decides about presets, and its times and memory are not known."
        );
    }
    if let Some(server) = &model.runs_on {
        let is_measured = model.prefill_cost.token_s.is_some();
        let of_it = if is_measured { "from what it has measured" } else { "once it has measured any" };
        return format!("Times are predicted for {server}, {of_it}.");
    }
    match measured {
        Some(measured) => format!(
            "Predicted from {} tokens prefilled on this machine with this model, most recently on {}.",
            count(measured.tokens),
            day(measured)
        ),
        None => "Prefill speed has not been measured on this machine with this model yet; --measure does that first."
            .to_owned(),
    }
}

/// `12 kB per token`, `1.0 kB per token and 2.1 MB of state`, `3.1 kB per token and up to 15 MB for layers with …`
fn cache_in_words(cache: CacheShape) -> String {
    let per_token = (cache.bytes_per_token > 0).then(|| format!("{} per token", bytes(cache.bytes_per_token)));
    let state = (cache.state_bytes > 0).then(|| format!("{} of state", bytes(cache.state_bytes)));
    let windows = cache.own_windows.map(|short| {
        let most = u64::from(short.tokens) * short.bytes_per_token;
        format!("up to {} for layers with windows of their own", bytes(most))
    });
    per_token.into_iter().chain(state).chain(windows).collect::<Vec<_>>().join(" and ")
}

/// Says that a `-c` beyond the model's training makes no room; empty if there is none.
fn beyond_training(fit: &Fit) -> String {
    fit.beyond_training.map_or(String::new(), |asked| {
        format!(
            "context  -c {} is more than the {} tokens that the model was trained for: it makes no sense of the rest (--rope-scale stretches it)\n",
            count(asked),
            count(fit.limit_tokens)
        )
    })
}

fn verdict(fit: &Fit) -> String {
    let against: Vec<String> = fit
        .obstacles
        .iter()
        .map(|obstacle| match obstacle {
            Obstacle::Context { too_many } => format!("{} tokens too many", count(*too_many)),
            Obstacle::Memory { need_bytes, free_bytes } => {
                format!("model and KV cache need {} of memory, {} are free", bytes(*need_bytes), bytes(*free_bytes))
            }
        })
        .collect();
    match (against.is_empty(), fit.has_room_for_answer()) {
        (true, true) => "it fits".to_owned(),
        (true, false) => {
            format!("it fits, with {} tokens left for the answer", count(fit.limit_tokens - fit.tokens.prompt))
        }
        (false, _) => format!("it does not fit: {}", against.join("; ")),
    }
}

fn proposals(fit: &Fit, is_ours: bool) -> String {
    if fit.fits() {
        return String::new();
    }
    if fit.proposals.is_empty() {
        let smaller = if is_ours { ", no smaller KV cache" } else { "" };
        return format!("nothing would fit: no single part, no passages{smaller}\n");
    }
    let mut words = "what would fit:\n".to_owned();
    for Proposal { flags, what, tokens, kv_bytes, .. } in &fit.proposals {
        let tokens = count(*tokens);
        let kv = if is_ours { format!(", KV cache {}", bytes(*kv_bytes)) } else { String::new() };
        put(&mut words, format_args!("  {flags}\n      {what}: {tokens} prompt tokens{kv}\n"));
    }
    words
}

fn prediction(predicted: Option<Duration>) -> String {
    predicted.map_or("not measured yet".to_owned(), |seconds| format!("about {}", time(seconds)))
}

fn in_seconds(time: Duration) -> f64 {
    rounded(time.as_secs_f64())
}

fn day(measured: Measured) -> String {
    Moment::from(measured.at).strftime("%F")
}

impl<'a> From<&'a PartCost> for PartLine<'a> {
    fn from(cost: &'a PartCost) -> Self {
        Self { number: cost.part.number, title: &cost.part.title, tokens: cost.tokens, kv_bytes: cost.kv_bytes }
    }
}

impl<'a> From<&'a PartCost> for Listed<'a> {
    fn from(cost: &'a PartCost) -> Self {
        Self { number: cost.part.number, title: &cost.part.title, tokens: Some(cost.tokens as usize) }
    }
}

impl<'a> From<&'a PresetCost> for PresetLine<'a> {
    fn from(preset: &'a PresetCost) -> Self {
        Self {
            name: &preset.name,
            recipe: (&preset.recipe).into(),
            kv_bytes: preset.kv_bytes,
            bounded_tokens: preset.bounded_tokens,
            predicted_s: preset.predicted.map(in_seconds),
            refused: preset.refused.as_deref(),
        }
    }
}

impl From<&Obstacle> for ObstacleLine {
    fn from(obstacle: &Obstacle) -> Self {
        match *obstacle {
            Obstacle::Context { too_many } => Self::Context { too_many_tokens: too_many },
            Obstacle::Memory { need_bytes, free_bytes } => Self::Memory { need_bytes, free_bytes },
        }
    }
}

impl<'a> From<&'a Proposal> for ProposalLine<'a> {
    fn from(proposal: &'a Proposal) -> Self {
        Self {
            flags: &proposal.flags,
            what: &proposal.what,
            prompt_tokens: proposal.tokens,
            kv_bytes: proposal.kv_bytes,
        }
    }
}
