//! The screen over a model on somebody else's server: what isn't known isn't shown.

use super::*;
use crate::engine::message::{
    Counting, Memory, ModelInfo, PlainServer, Threads, Timings, TokenCounts, UNKNOWN_CONTEXT_TOKENS,
};

#[test]
fn a_served_model_has_no_presets_no_memory_and_no_context_that_nobody_told() {
    let mut session = Session::begin("full");
    let server = PlainServer { counting: Counting::Estimated, is_context_known: false };
    session.tell(Event::Loaded(Box::new(ModelInfo {
        name: "qwen3:8b".into(),
        devices: vec!["Ollama at localhost:11434".into()],
        offloaded_layers: 1,
        layers: crate::swaa::ModelLayers::All(0),
        server: Some(server),
        sliding_refused: Some("the model runs on a server".into()),
        train_context_tokens: UNKNOWN_CONTEXT_TOKENS,
        ..model()
    })));
    let figures = |prefilled, generated| {
        let answered = answer_figures(&crate::swaa::RecipeSpec::FULL, generated);
        Box::new(crate::engine::message::Figures {
            tokens: TokenCounts {
                document: DOCUMENT_TOKENS,
                prompt: DOCUMENT_TOKENS,
                prefilled,
                generated,
                ..TokenCounts::default()
            },
            timings: Timings { prefill: Duration::ZERO, ..answered.timings },
            memory: Memory::default(),
            threads: Threads::default(),
            context_tokens: UNKNOWN_CONTEXT_TOKENS,
            ..answered
        })
    };
    session.tell(Event::Prefilled { job: session.job, stopped: false, figures: figures(0, 0) });
    let ready = drawn(&session.chat, &mut Screen::default(), (120, 24));
    assert!(ready.contains("goes to the server with each question"), "{ready}");
    assert!(ready.contains("about 10,000 tokens"), "{ready}");
    session.ask("Who?");
    session.tell(Event::Piece { job: session.job, channel: Channel::Answer, text: "A clergyman.".into() });
    session.tell(Event::Answered {
        job: session.job,
        finish: Finish::EndOfGeneration,
        figures: figures(DOCUMENT_TOKENS, 6),
    });
    let answered = drawn(&session.chat, &mut Screen::default(), (120, 24));
    for absent in ["KV", "RSS", "process", "4,294,967", "4.3"] {
        assert!(!answered.contains(absent), "{absent}: {answered}");
    }
    assert!(answered.contains("the server decides about attention"), "{answered}");
}
