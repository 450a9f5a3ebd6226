//! What a run measures, from the settings and flags.

use std::path::PathBuf;
use std::time::SystemTime;

use super::table::REFERENCE;
use crate::chat::{Moment, SystemPrompt};
use crate::document::ReadOptions;
use crate::engine::message::{Reread, SamplingPatch};
use crate::settings::{Error, EvalArgs, Probe, Settings};
use crate::swaa::selection::PresetSelection;
use crate::swaa::{ChainOfThought, Preset, WindowSpec};

/// What to measure.
#[derive(Debug, Clone)]
pub struct Plan {
    pub files: Vec<PathBuf>,
    /// How documents that records name are read.
    pub read: ReadOptions,
    /// The presets to compare, in this order.
    pub presets: Vec<Preset>,
    /// Decides what `auto` stands for.
    pub reading: PresetSelection,
    /// `None`: the one for reading where a record names a document, and none where it has its own text.
    pub system: Option<SystemPrompt>,
    pub cot: ChainOfThought,
    /// Each preset is measured with each of these.
    pub rereads: Vec<Reread>,
    /// And with each of these: whether a question stands before the document, too.
    pub questions_first: Vec<bool>,
    /// Most records of each file, spread evenly over it.
    pub limit: Option<usize>,
    /// Only these tasks; empty means all.
    pub tasks: Vec<String>,
    /// Skips prompts with more tokens than this.
    pub max_prompt_tokens: Option<u32>,
    pub sampling: SamplingPatch,
    /// 0: no answer is written; how probable the right ones are is the only measure.
    pub max_answer_tokens: u32,
    /// The results file.
    pub out: Option<PathBuf>,
    pub resume: bool,
    /// Print every answer.
    pub shows_answers: bool,
    /// The file for the picture of score against seconds.
    pub svg: Option<PathBuf>,
    /// The time that the model's template may print.
    pub now: Moment,
}

impl Plan {
    /// The plan for a probe: no answers are written.
    ///
    /// Errors: an unknown preset.
    pub fn for_probe(settings: &Settings, probe: &Probe) -> Result<Self, Error> {
        Ok(Self {
            files: Vec::new(),
            read: settings.read.clone(),
            presets: presets(&settings.reading, &probe.presets)?,
            reading: settings.reading.clone(),
            system: settings.system_prompt.as_deref().map(|text| SystemPrompt::of(Some(text))),
            cot: ChainOfThought::Off,
            rereads: probe.rereads.clone(),
            questions_first: vec![false],
            limit: None,
            tasks: Vec::new(),
            max_prompt_tokens: None,
            sampling: settings.sampling,
            max_answer_tokens: 0,
            out: None,
            resume: false,
            shows_answers: false,
            svg: None,
            now: Moment::from(SystemTime::now()),
        })
    }

    /// The plan for `args`.
    ///
    /// Errors: an unknown preset, or flags that don't give a valid recipe.
    pub fn new(settings: &Settings, args: &EvalArgs) -> Result<Self, Error> {
        Ok(Self {
            files: args.files.clone(),
            read: settings.read.clone(),
            presets: presets(&settings.reading, &with_reference(&args.presets))?,
            reading: settings.reading.clone(),
            system: settings.system_prompt.as_deref().map(|text| SystemPrompt::of(Some(text))),
            cot: settings.reading.cot.unwrap_or(ChainOfThought::Off),
            rereads: args.reread.clone(),
            questions_first: args.question_first.clone(),
            limit: args.limit,
            tasks: args.tasks.clone(),
            max_prompt_tokens: args.max_context_tokens,
            sampling: settings.sampling,
            max_answer_tokens: args.predict,
            out: args.out.clone(),
            resume: args.resume,
            shows_answers: args.show_answers,
            svg: args.svg.clone(),
            now: Moment::from(SystemTime::now()),
        })
    }
}

/// Full attention is always among them.
fn with_reference(names: &[String]) -> Vec<String> {
    let reference = (!names.iter().any(|name| name == REFERENCE)).then(|| REFERENCE.to_owned());
    reference.into_iter().chain(names.iter().cloned()).collect()
}

/// The presets with these names. Flags change the sliding ones; full attention is the reference and stays unchanged.
fn presets(reading: &PresetSelection, names: &[String]) -> Result<Vec<Preset>, Error> {
    let mut presets = Vec::new();
    for name in names {
        let mut preset = reading.presets.get(name)?.clone();
        if let Some(recipe) = preset.recipe.as_mut().filter(|recipe| recipe.window != WindowSpec::Full) {
            *recipe = reading.changes.over(recipe);
            recipe.check()?;
        }
        presets.push(preset);
    }
    Ok(presets)
}

#[cfg(test)]
pub(super) mod fixtures {
    use super::*;
    use crate::session::fixtures::settings;
    use crate::settings::FrontEnd;

    /// The plan of `lunette eval records.jsonl` with these flags.
    pub(in crate::eval) fn planned(flags: &[&str]) -> Result<Plan, Error> {
        let home = tempfile::tempdir().expect("a folder");
        let settings = settings(home.path(), &[&["eval", "records.jsonl"], flags].concat());
        let FrontEnd::Eval(args) = &settings.front_end else { panic!("{:?}", settings.front_end) };
        Plan::new(&settings, args)
    }
}

#[cfg(test)]
mod tests {
    use super::fixtures::planned;

    #[test]
    fn full_attention_is_always_measured() {
        let names = |flag| -> Vec<String> {
            planned(&["--presets", flag]).expect("a plan").presets.into_iter().map(|preset| preset.name).collect()
        };
        assert_eq!(
            (names("quick"), names("quick,full")),
            (vec!["full".into(), "quick".into()], vec!["quick".into(), "full".into()])
        );
    }

    #[test]
    fn flags_change_sliding_presets_and_leave_full_attention() {
        let plan = planned(&["--presets", "full,quick", "--window", "3k"]).expect("a plan");
        let windows = plan.presets.iter().map(|preset| preset.recipe.as_ref().map(|recipe| recipe.window.to_string()));
        assert_eq!(windows.collect::<Vec<_>>(), [Some("full".to_owned()), Some("3k".to_owned())]);
    }
}
