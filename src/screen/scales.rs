//! Counts parts, and tries what would fit, with the model's vocabulary alone: the engine goes on with what it does.
//!
//! The model's tables are opened when they are first needed, and kept.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use lunette::chat::Moment;
use lunette::document::ByteSpan;
use lunette::engine::config::EngineSettings;
use lunette::engine::message::{Failure, FailureKind, ModelInfo};
use lunette::engine::{Measured, Survey};
use lunette::fit::{self, Known, Proposal, Wish};
use lunette::headless;
use lunette::settings::Settings;
use lunette::swaa::selection::PresetSelection;
use lunette::tui::{Question, Scales, Told};

/// What a plan is made by, and the tables once they are open.
struct Weigher {
    engine: EngineSettings,
    reading: PresetSelection,
    system: Option<Arc<str>>,
    answer_tokens: Option<u32>,
    folder: Option<String>,
    survey: Mutex<Option<Arc<Survey>>>,
}

pub fn of(settings: &Settings) -> Scales {
    let weigher = Arc::new(Weigher {
        engine: settings.engine.clone(),
        reading: settings.reading.clone(),
        system: settings.system_prompt.as_deref().map(Arc::from),
        answer_tokens: settings.limits.max_tokens,
        folder: headless::only_folder(settings).map(str::to_owned),
        survey: Mutex::default(),
    });
    let proposer = weigher.clone();
    Scales {
        weigh: Arc::new(move |of, told| weigher.weigh(of, told)),
        propose: Arc::new(move |of, parts| proposer.propose(of, parts)),
    }
}

impl Weigher {
    fn survey(&self, model: &Path) -> Result<Arc<Survey>, Failure> {
        let mut known = self.survey.lock().expect("nobody panics with it");
        if let Some(survey) = known.as_ref().filter(|survey| survey.info().path == model) {
            return Ok(survey.clone());
        }
        let survey = Arc::new(Survey::of(&self.engine.with_model(model.to_owned()))?);
        *known = Some(survey.clone());
        Ok(survey)
    }

    fn weigh(&self, of: &Question, told: Told<'_>) -> Result<(), Failure> {
        fit::weigh(&*self.survey(&of.model)?, &of.whole, told);
        Ok(())
    }

    fn propose(&self, of: &Question, parts: &[usize]) -> Result<Vec<Proposal>, Failure> {
        let written = fit::written(parts);
        let wish = Wish {
            whole: &of.whole,
            parts: Some(&written),
            pick: None,
            folder: self.folder.as_deref(),
            question: None,
            system: self.system.as_ref(),
            reading: &self.reading,
            engine: &self.engine,
            answer_tokens: self.answer_tokens,
            now: Moment::from(SystemTime::now()),
        };
        let fit = fit::plan(&wish, &Aboard(self.survey(&of.model)?)).map_err(|error| failure(&error))?;
        Ok(fit.proposals)
    }
}

fn failure(error: &fit::Error) -> Failure {
    Failure { kind: FailureKind::Runtime, message: error.to_string(), hint: None }
}

/// A model that is loaded already: its weights are no longer among what memory has to hold.
struct Aboard(Arc<Survey>);

impl Known for Aboard {
    fn info(&self) -> &ModelInfo {
        self.0.info()
    }

    fn count(&self, text: &str) -> u32 {
        Known::count(&*self.0, text)
    }

    fn count_each(&self, texts: &[&str]) -> Vec<u32> {
        self.0.count_each(texts)
    }

    fn count_markup(&self, text: &str) -> u32 {
        self.0.count_markup(text)
    }

    fn count_spans(&self, text: &str, spans: &[ByteSpan]) -> Vec<u32> {
        self.0.count_spans(text, spans)
    }

    fn measured(&self) -> Option<Measured> {
        self.0.measured()
    }

    fn free_bytes(&self) -> Option<u64> {
        self.0.free_bytes().map(|free| free + self.info().model_bytes)
    }
}
