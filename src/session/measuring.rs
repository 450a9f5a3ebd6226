//! Measures how fast this machine prefills with a model. The engine records the result, and later plans predict times
//! from it.

use std::sync::Arc;

use super::client::{ClientError, EngineClient};
use super::observer::{Activity, Observer};
use crate::chat::{ChatTemplate, Moment, PromptRequest, SystemPrompt, build_prompt, model_notes};
use crate::document::PRIDE_AND_PREJUDICE;
use crate::engine::message::{Command, Event, Prompt};
use crate::failure::{Failure, FailureKind};
use crate::swaa::{ChainOfThought, RecipeSpec};

/// How many bytes of the bundled book are prefilled: some 1,100 tokens.
const MEASURED_BYTES: usize = 4800;

/// Prefills the beginning of the bundled book with full attention.
pub async fn measure(client: &mut EngineClient, observer: &mut dyn Observer) -> Result<(), ClientError> {
    let model = client.loaded(observer).await?;
    let template = ChatTemplate::of(&model, Moment(0));
    for note in model_notes(&model, &template) {
        observer.note(&note);
    }
    let prompt = prompt(&template)?;
    let read = |job, cancel| Command::Prefill { job, prompt, recipe: RecipeSpec::FULL, cancel };
    let mut listen = |event: &Event| {
        if let Event::Prefilling { progress, .. } = event {
            observer.progress(Activity::Prefilling(progress));
        }
        Ok::<(), ClientError>(())
    };
    client.run(read, &mut listen).await?;
    client.stopped().map_or(Ok(()), |stop| Err(ClientError::Stopped(stop)))
}

fn prompt(template: &ChatTemplate) -> Result<Prompt, Failure> {
    let document: Arc<str> = PRIDE_AND_PREJUDICE[..MEASURED_BYTES].into();
    let request = PromptRequest {
        template,
        system: &SystemPrompt::Absent,
        title: "",
        document: &document,
        front: None,
        turns: &[],
        question: None,
        cot: ChainOfThought::default(),
    };
    let built = build_prompt(&request).map_err(|error| Failure::of(FailureKind::Model, &error))?;
    Ok(built.0)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use tokio::sync::mpsc::unbounded_channel;

    use super::*;
    use crate::chat::fixtures::{figures, model, progress};
    use crate::engine::message::JobId;
    use crate::session::client::{EngineChannels, Stops};
    use crate::session::fixtures::Recorder;

    /// An engine that loads, and then answers one command with the events that `reply` gives.
    fn engine(reply: impl FnOnce(JobId, Prompt, RecipeSpec) -> Vec<Event> + Send + 'static) -> EngineClient {
        let (commands, received) = channel();
        let (sender, events) = unbounded_channel();
        thread::spawn(move || {
            let loaded = [Event::Loading { fraction: 0.5 }, Event::Loaded(Box::new(model()))];
            for event in loaded {
                drop(sender.send(event));
            }
            if let Ok(Command::Prefill { job, prompt, recipe, .. }) = received.recv() {
                for event in reply(job, prompt, recipe) {
                    drop(sender.send(event));
                }
            }
        });
        EngineClient::new(EngineChannels { commands, events, thread: None }, Stops::never())
    }

    #[tokio::test]
    async fn a_thousand_tokens_are_prefilled_with_full_attention() {
        let mut client = engine(|job, prompt, recipe| {
            let text: String = prompt.parts.iter().map(|part| &*part.text).collect();
            assert!(recipe == RecipeSpec::FULL && text.contains("It is a truth universally acknowledged"));
            assert!((MEASURED_BYTES..MEASURED_BYTES + 200).contains(&text.len()), "{}", text.len());
            let read = Event::Prefilled { job, stopped: false, figures: Box::new(figures(&recipe, 0, 1_100)) };
            vec![Event::Prefilling { job, progress: progress(500) }, read]
        });
        let mut observer = Recorder::default();
        assert_eq!(measure(&mut client, &mut observer).await, Ok(()));
        assert_eq!(observer.heard, ["loaded 0.5", "prefilled 500"]);
    }

    #[tokio::test]
    async fn a_failure_of_the_engine_is_the_error() {
        let failure = Failure::new(FailureKind::DoesNotFit, "too long", None);
        let told = failure.clone();
        let mut client = engine(move |job, _, _| vec![Event::Failed { job, failure: told }]);
        assert_eq!(measure(&mut client, &mut Recorder::default()).await, Err(ClientError::Failed(failure)));
    }
}
