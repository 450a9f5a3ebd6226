use std::cell::RefCell;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::engine::message::{
    Begins, CancelToken, Channel, Drafting, Event, Failure, FailureKind, Finish, FoundBy, GivenPassages, Head, JobId,
    Limits, NoPassages, Origin, OutputMarkup, Part, Passage, Plan, Pointing, Progress, Question, ReadAgain, ReadAhead,
    Repetition, Reread, Rereading, Sampling, ScoredToken, Segment, TagPair, TokenScore, Trial, Urgency, WeighedToken,
    Weight,
};
use crate::swaa::{Recipe, RecipeSpec};

fn text() -> impl Strategy<Value = Arc<str>> {
    prop_oneof![
        Just(Arc::from("")),
        "[a-zé<|>\\n\"\\\\]{0,40}".prop_map(Arc::from),
        (b'a'..=b'e', 1_000_usize..3_000)
            .prop_map(|(letter, times)| Arc::from(char::from(letter).to_string().repeat(times))),
    ]
}

/// What never travels by its hash.
fn short() -> impl Strategy<Value = Arc<str>> {
    "[a-zé<|>\n\"\\\\]{0,40}".prop_map(Arc::from)
}

fn prompt() -> impl Strategy<Value = Prompt> {
    let origin = prop_oneof![Just(Origin::Template), Just(Origin::Text)];
    let segment = prop_oneof![Just(Segment::Front), Just(Segment::Document), Just(Segment::Tail)];
    let part = (text(), origin, segment).prop_map(|(text, origin, segment)| Part { text, origin, segment });
    (prop::collection::vec(part, 0..5), short()).prop_map(|(parts, title)| Prompt { parts, title })
}

fn recipe() -> impl Strategy<Value = RecipeSpec> {
    prop_oneof![Just(RecipeSpec::FULL), (1_u32..99).prop_map(|sinks| RecipeSpec { sinks, ..RecipeSpec::SLIDING })]
}

/// Shares that JSON repeats exactly.
fn share() -> impl Strategy<Value = f32> {
    (0_u8..=128).prop_map(|parts| f32::from(parts) / 128.0)
}

fn question() -> impl Strategy<Value = Question> {
    let rereading = prop_oneof![
        Just(None),
        (0_usize..3).prop_map(|question_part| Some(Rereading { reread: Reread::Auto, question_part, given: None })),
        prop::collection::vec(0_usize..50, 0..3).prop_map(|starts| {
            let spans = starts.into_iter().map(|start| start..start + 10).collect();
            let given = Some(GivenPassages { found_by: FoundBy::User, spans });
            Some(Rereading { reread: Reread::Passages(3), question_part: 1, given })
        }),
    ];
    let markup = prop_oneof![
        Just(OutputMarkup::default()),
        short().prop_map(|text| OutputMarkup {
            begins: Begins::InReasoning(Some(text.to_string())),
            reasoning: vec![TagPair::new("<think>", "</think>")],
            lone_close: Some("</think>".into()),
            answer: vec![TagPair::new("", "</a>")],
            ends: vec!["<|end|>".into()],
            answer_cue: vec![Part { text, origin: Origin::Template, segment: Segment::Tail }],
            answer_is_asked_for: true,
        })
    ];
    let limits = (any::<Option<u32>>(), any::<Option<u32>>(), prop::option::of(0_u64..9_999)).prop_map(
        |(max_tokens, reasoning_tokens, millis)| Limits {
            max_tokens,
            reasoning_tokens,
            time: millis.map(Duration::from_millis),
            stop: vec!["\n\n".into()],
            repetition: Repetition::Allowed,
        },
    );
    let drafting = prop_oneof![Just(Drafting::Auto), Just(Drafting::Off), (1_u32..16).prop_map(Drafting::Tokens)];
    let sampling = (share(), any::<u32>(), any::<Option<u32>>()).prop_map(|(top_p, seed, n_probs)| Sampling {
        top_p,
        seed,
        n_probs,
        ..Sampling::GREEDY
    });
    (prompt(), rereading, recipe(), sampling, drafting, limits, markup, prop::option::of(short())).prop_map(
        |(prompt, rereading, recipe, sampling, drafting, limits, markup, schema)| Question {
            job: JobId(3),
            prompt,
            rereading,
            recipe,
            sampling,
            drafting,
            limits,
            markup: Box::new(markup),
            schema,
            cancel: CancelToken::default(),
        },
    )
}

fn command() -> impl Strategy<Value = Command> {
    let job = JobId(3);
    let cancel = CancelToken::default;
    prop_oneof![
        (prompt(), recipe()).prop_map(move |(prompt, recipe)| Command::Prefill {
            job,
            prompt,
            recipe,
            cancel: cancel()
        }),
        question().prop_map(Command::Ask),
        (question(), text()).prop_map(|(question, answer)| Command::Weigh { question, answer }),
        (prompt(), recipe(), prompt()).prop_map(move |(prompt, recipe, home)| Command::ReadAhead(Box::new(
            ReadAhead { job, prompt, recipe: recipe.clone(), home: (home, recipe), cancel: cancel() }
        ))),
        (prompt(), recipe()).prop_map(move |(prompt, recipe)| Command::Forecast { job, prompt, recipe }),
        prop::collection::vec(text(), 0..4).prop_map(move |texts| Command::Count { job, texts }),
        (prompt(), 0_usize..9).prop_map(move |(prompt, start)| {
            let trial = Trial { prompt, question_part: 1, fact: start..start + 4 };
            Command::FindHeads {
                job,
                trials: vec![trial.clone(), trial].into(),
                urgency: Urgency::Now,
                cancel: cancel(),
            }
        }),
        Just(Command::AnswerNow { job }),
        any::<u32>().prop_map(|tokens| Command::AllowContext { tokens }),
        Just(Command::Shutdown),
    ]
}

/// Every command has its own token, which does not travel.
fn without_token(command: Command) -> Command {
    let one = TOKEN.with_borrow(Clone::clone);
    command.as_job(JobId(3), &one)
}

thread_local! {
    static TOKEN: RefCell<CancelToken> = RefCell::default();
}

proptest! {
    #[test]
    fn every_command_comes_back_with_its_texts(command in command()) {
        let (job, long) = Job::of(&command, "id".into(), "model".into());
        let json = serde_json::to_string(&job).expect("it is written");
        for text in long.values() {
            prop_assert!(!json.contains(&**text), "a long text travels by its hash");
        }
        let read: Job = serde_json::from_str(&json).expect("it is read");
        let back = read.command(|hash| long.get(hash).cloned()).expect("all texts are there");
        prop_assert_eq!(without_token(back), without_token(command));
    }

    #[test]
    fn what_a_server_lacks_is_named_once(command in command()) {
        let (job, long) = Job::of(&command, "id".into(), "model".into());
        match job.command(|_| None) {
            Ok(_) => prop_assert!(long.is_empty()),
            Err(Incomplete::Missing(Missing { mut texts })) => {
                let mut expected: Vec<TextHash> = long.into_keys().collect();
                texts.sort_unstable();
                expected.sort_unstable();
                prop_assert_eq!(texts, expected);
            }
            Err(Incomplete::Uneven) => prop_assert!(false, "it was just made"),
        }
    }

    #[test]
    fn bundles_come_apart_as_they_were(texts in prop::collection::vec(text(), 0..6)) {
        prop_assert_eq!(unbundled(&bundle(&texts)), Ok(texts));
    }

    #[test]
    fn no_bytes_break_a_bundle(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = unbundled(&bytes);
    }

    #[test]
    fn counts_come_with_their_texts(prompt in prompt(), texts in prop::collection::vec(text(), 0..4)) {
        for (what, texts) in [(Counted::Each, &texts[..]), (Counted::Prompt(prompt), &[])] {
            let (job, long) = CountJob::of(what.clone(), texts);
            let read: CountJob = serde_json::from_str(&json!(job).to_string()).expect("it is read");
            let whole = read.whole(|hash| long.get(hash).cloned());
            prop_assert_eq!(whole, Ok((what, texts.to_vec())));
        }
    }
}

fn figures() -> Box<crate::engine::message::Figures> {
    Box::new(crate::chat::fixtures::answer_figures(&RecipeSpec::SLIDING, 6))
}

fn plan() -> Plan {
    Plan {
        recipe: Recipe::FULL,
        document_tokens: 1,
        prompt_tokens: 2,
        cached_tokens: 1,
        to_prefill_tokens: 1,
        predicted: Some(Duration::from_millis(1500)),
        context_tokens: 4096,
        bounded_tokens: Some(1284),
    }
}

#[test]
fn every_event_comes_back() {
    let job = JobId(7);
    let progress = Progress {
        done_tokens: 5,
        total_tokens: 9,
        cached_tokens: 2,
        elapsed: Duration::from_millis(20),
        tokens_per_s: 12.5,
        remaining: None,
    };
    let read_again = Box::new(ReadAgain {
        found_by: FoundBy::Words,
        passages: vec![Passage { span: 3..9, score: 0.5 }],
        why_none: Some(NoPassages::NoRoom),
        tokens: 3,
        share: None,
        heat: vec![Passage { span: 0..9, score: 0.25 }].into(),
    });
    let weight = Weight { log_probability: f64::NEG_INFINITY, is_likeliest: false };
    let token = TokenScore { id: 7, bytes: vec![0xc3], log_probability: f64::NEG_INFINITY };
    let scored = ScoredToken { token: token.clone(), likeliest: vec![TokenScore { log_probability: -0.5, ..token }] };
    let events = [
        Event::Loading { fraction: 0.5 },
        Event::Loaded(Box::new(crate::session::scripted_engine::model())),
        Event::LoadFailed(Failure::engine_gone()),
        Event::Planned { job, plan: plan() },
        Event::Prefilling { job, progress },
        Event::ReadAgain { job, read_again },
        Event::Scored { job, channel: Channel::Answer, tokens: vec![scored] },
        Event::Piece { job, channel: Channel::Reasoning, text: "é\n".into() },
        Event::AskedForAnswer { job },
        Event::WasReasoning { job },
        Event::Prefilled { job, stopped: true, figures: figures() },
        Event::Answered { job, finish: Finish::ContextFull, figures: figures() },
        Event::FindingHeads { job, done: 1, total: 2 },
        Event::HeadsFound {
            job,
            stopped: false,
            heads: vec![Pointing { head: Head { layer: 1, head: 2 }, found: 0.5, share: 0.25 }],
        },
        Event::Weighed { job, stopped: false, tokens: vec![WeighedToken { bytes: 3, weight }], figures: figures() },
        Event::Forecast { job, plan: plan() },
        Event::Counted { job, tokens: vec![1, 2] },
        Event::Noted { job, text: "a note".into() },
        Event::Failed { job, failure: Failure::new(FailureKind::DoesNotFit, "too long", Some("shorten it".into())) },
    ];
    let names: std::collections::HashSet<_> = events.iter().map(std::mem::discriminant).collect();
    assert_eq!(names.len(), events.len(), "one of each");
    for event in events {
        let json = serde_json::to_string(&event).expect("it is written");
        assert!(!json.contains('\n'), "an event is a line: {json}");
        assert_eq!(serde_json::from_str::<Event>(&json).expect("it is read"), event, "{json}");
        let other = event.clone().renumbered(JobId(8));
        assert_eq!(other.job(), event.job().map(|_| JobId(8)));
    }
}

#[test]
fn a_hash_is_of_64_digits() {
    let hash = TextHash::of("abc");
    assert_eq!(hash.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(hash.to_string().parse(), Ok(hash));
    for wrong in ["", "ab", &"g".repeat(64), &"A".repeat(64), &"é".repeat(32)] {
        assert!(wrong.parse::<TextHash>().is_err(), "{wrong}");
    }
}

#[test]
fn a_greeting_is_read_of_any_version() {
    let later = json!({ "lunette": "9.0.0", "protocol": 99, "everything": "else" });
    let greeting: Greeting = serde_json::from_value(later).expect("it is read");
    assert_eq!(greeting, Greeting { lunette: "9.0.0".into(), protocol: 99 });
}

#[test]
fn broken_bundles_are_told_apart() {
    assert_eq!(unbundled(b"5 Hello"), Err("a text's length is missing"));
    assert_eq!(unbundled(b"x\nHello"), Err("a text's length is no number"));
    assert_eq!(unbundled(b"9\nHello"), Err("the last text breaks off"));
    assert_eq!(unbundled(b"1\n\xff"), Err("a text is not UTF-8"));
    assert_eq!(unbundled(b"99999999999999999999999\nx"), Err("a text's length is missing"));
}
