//! Makes the plan of a run from the settings and flags.

use std::time::SystemTime;

use super::Plan;
use crate::chat::{Moment, SystemPrompt};
use crate::settings::{Error, EvalArgs, Settings};
use crate::swaa::selection::PresetSelection;
use crate::swaa::{ChainOfThought, Preset, WindowSpec};

impl Plan {
    /// The plan for `args`.
    ///
    /// Errors: an unknown preset, or flags that don't give a valid recipe.
    pub fn new(settings: &Settings, args: &EvalArgs) -> Result<Self, Error> {
        Ok(Self {
            files: args.files.clone(),
            presets: presets(&settings.reading, &args.presets)?,
            reading: settings.reading.clone(),
            system: settings.system_prompt.as_deref().map(|text| SystemPrompt::of(Some(text))),
            cot: settings.reading.cot.unwrap_or(ChainOfThought::Off),
            rereads: args.reread.clone(),
            limit: args.limit,
            tasks: args.tasks.clone(),
            max_prompt_tokens: args.max_context_tokens,
            sampling: settings.sampling,
            max_answer_tokens: args.predict,
            out: args.out.clone(),
            resume: args.resume,
            shows_answers: args.show_answers,
            now: Moment::from(SystemTime::now()),
        })
    }
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
mod tests {
    use super::*;
    use crate::session::fixtures::settings;
    use crate::settings::FrontEnd;

    fn planned(flags: &[&str]) -> Result<Plan, Error> {
        let home = tempfile::tempdir().expect("a folder");
        let settings = settings(home.path(), &[&["eval", "records.jsonl"], flags].concat());
        let FrontEnd::Eval(args) = &settings.front_end else { panic!("{:?}", settings.front_end) };
        Plan::new(&settings, args)
    }

    #[test]
    fn flags_change_sliding_presets_and_leave_full_attention() {
        let plan = planned(&["--presets", "full,quick", "--window", "3k"]).expect("a plan");
        let windows = plan.presets.iter().map(|preset| preset.recipe.as_ref().map(|recipe| recipe.window.to_string()));
        assert_eq!(windows.collect::<Vec<_>>(), [Some("full".to_owned()), Some("3k".to_owned())]);
    }
}
