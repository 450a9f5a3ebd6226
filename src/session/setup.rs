//! What every chat starts from, whatever its documents and its model are.

use crate::chat::{Asking, Calibrate, DocumentFacts, Keeping, Moment, Questions, Setup, Suggestions, SystemPrompt};
use crate::engine::message::Sampling;
use crate::settings::Settings;

/// The setup of a chat about `document` that began at `began`. It is not saved, and no model is missing.
#[must_use]
pub(super) fn setup_about(settings: &Settings, document: DocumentFacts, began: Moment) -> Setup {
    Setup {
        document,
        within: None,
        reading: settings.reading.clone(),
        asking: asking(settings),
        now: began,
        context: settings.engine.context,
        absent: None,
        suggestions: Suggestions::default(),
        keeping: Keeping::Nothing,
        earlier: None,
    }
}

fn asking(settings: &Settings) -> Asking {
    Asking {
        questions: Questions::Conversation,
        system: SystemPrompt::of(settings.system_prompt.as_deref()),
        sampling: settings.sampling.over(Sampling::GREEDY),
        given: settings.sampling,
        limits: settings.limits.clone(),
        schema: settings.schema.clone(),
        reread: settings.reread,
        question_first: settings.question_first,
        calibrate: if settings.calibrates_idle { Calibrate::Idle } else { Calibrate::Never },
        drafting: settings.drafting,
    }
}
