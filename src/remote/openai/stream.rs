//! Reads the lines of a stream of server-sent events, and what OpenAI-compatible servers put into them.
//!
//! ```text
//! : OPENROUTER PROCESSING                                     a comment, to keep the connection open
//! data: {"choices":[{"delta":{"reasoning_content":"Hm"}}]}    Chunk { reasoning: "Hm" }
//! data: {"choices":[],"usage":{"prompt_tokens":12, …}}        Chunk { usage: 12 tokens, … }
//! data: [DONE]                                                Item::Done
//! ```
//!
//! Servers differ in names, and all of them are read: reasoning is `reasoning_content` (llama-server, DeepSeek, older
//! vLLM) or `reasoning` (`OpenRouter`, Ollama, newer vLLM); cached tokens are in `prompt_tokens_details` or in
//! `prompt_cache_hit_tokens`; an error in the middle is an object called `error`, or is one itself. A server that
//! doesn't stream sends one object with a whole `message`.
//!
//! It keeps nothing between two lines but the data of an event that goes on, and doesn't tell tags in the text:
//! [`super::answer`] does.

use std::time::Duration;

use serde_json::Value;

use super::refusal::Refusal;

/// The longest event that goes on over several lines.
const MOST_BYTES: usize = 16 << 20;

/// What a line of the stream completed.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    Chunk(Box<Chunk>),
    /// `[DONE]`: nothing more will come.
    Done,
    /// The server has failed in the middle.
    Failed(Refusal),
    /// An event that is not JSON. It is reported, not skipped: something is missing.
    Unreadable(String),
}

/// What one event adds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Chunk {
    pub(super) reasoning: String,
    pub(super) content: String,
    /// `stop`, `length`, `content_filter`, …
    pub(super) finish: Option<String>,
    pub(super) usage: Option<Usage>,
    pub(super) timings: Option<ServerTimings>,
    pub(super) progress: Option<ReadSoFar>,
}

/// The tokens that the server counted; what it doesn't say is absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) prompt: u32,
    pub(super) completion: u32,
    pub(super) cached: Option<u32>,
    pub(super) reasoning: Option<u32>,
}

/// llama-server's own measurements.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ServerTimings {
    pub(super) prefilled: u32,
    pub(super) prefill: Duration,
    pub(super) cached: Option<u32>,
    pub(super) generated: u32,
    pub(super) decode: Duration,
}

/// llama-server's progress of a prefill (`return_progress`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReadSoFar {
    pub(super) total: u32,
    pub(super) cached: u32,
    /// Including the cached ones.
    pub(super) done: u32,
    pub(super) elapsed: Duration,
}

/// Puts lines together to events.
#[derive(Debug, Default)]
pub(super) struct EventReader {
    /// The data lines of the event so far.
    data: Option<String>,
}

impl EventReader {
    /// Takes a line, without its end. Servers that send one `data` line for each event, as all do, get its item at once.
    pub(super) fn take(&mut self, line: &str) -> Option<Item> {
        let line = line.trim_end_matches(['\r', '\n']);
        let Some(data) = line.strip_prefix("data:") else {
            // A blank line ends an event, comments and other fields say nothing, and bare JSON is an answer in one piece, or an error.
            return match line.trim_start() {
                "" => self.take_ended(),
                bare if bare.starts_with('{') => self.take_data(bare),
                _ => None,
            };
        };
        self.take_data(data.strip_prefix(' ').unwrap_or(data))
    }

    /// The end of the stream: what has not ended is read as it is.
    pub(super) fn finish(&mut self) -> Option<Item> {
        self.take_ended()
    }

    fn take_data(&mut self, line: &str) -> Option<Item> {
        let data = match self.data.take() {
            Some(before) => before + "\n" + line,
            None => line.to_owned(),
        };
        if data.trim() == "[DONE]" {
            return Some(Item::Done);
        }
        if let Ok(value) = serde_json::from_str::<Value>(&data) {
            return Some(item_of(&value));
        }
        if data.len() > MOST_BYTES {
            return Some(Item::Unreadable(data));
        }
        self.data = Some(data);
        None
    }

    fn take_ended(&mut self) -> Option<Item> {
        let data = self.data.take()?;
        if data.trim().is_empty() { None } else { Some(Item::Unreadable(data)) }
    }
}

fn item_of(value: &Value) -> Item {
    let choice = &value["choices"][0];
    let failed = [value, choice].into_iter().find_map(Refusal::in_object);
    failed.map_or_else(|| Item::Chunk(Box::new(chunk_of(value, choice))), Item::Failed)
}

fn chunk_of(value: &Value, choice: &Value) -> Chunk {
    let said = if choice["delta"].is_object() { &choice["delta"] } else { &choice["message"] };
    Chunk {
        reasoning: first_text(said, &["reasoning_content", "reasoning"]),
        content: first_text(said, &["content", "refusal"]),
        finish: choice["finish_reason"].as_str().map(str::to_owned),
        usage: usage_of(&value["usage"]).or_else(|| usage_of(&choice["usage"])),
        timings: timings_of(&value["timings"]),
        progress: progress_of(&value["prompt_progress"]),
    }
}

/// The first of these fields that has a text: some servers send the same one under two names.
fn first_text(said: &Value, names: &[&str]) -> String {
    let texts = names.iter().filter_map(|name| said[*name].as_str());
    texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default().to_owned()
}

fn usage_of(value: &Value) -> Option<Usage> {
    let details = &value["prompt_tokens_details"]["cached_tokens"];
    Some(Usage {
        prompt: whole(&value["prompt_tokens"])?,
        completion: whole(&value["completion_tokens"]).unwrap_or_default(),
        cached: whole(details).or_else(|| whole(&value["prompt_cache_hit_tokens"])),
        reasoning: whole(&value["completion_tokens_details"]["reasoning_tokens"]),
    })
}

fn timings_of(value: &Value) -> Option<ServerTimings> {
    Some(ServerTimings {
        prefilled: whole(&value["prompt_n"])?,
        prefill: milliseconds(&value["prompt_ms"])?,
        cached: whole(&value["cache_n"]),
        generated: whole(&value["predicted_n"])?,
        decode: milliseconds(&value["predicted_ms"])?,
    })
}

fn progress_of(value: &Value) -> Option<ReadSoFar> {
    Some(ReadSoFar {
        total: whole(&value["total"])?,
        cached: whole(&value["cache"]).unwrap_or_default(),
        done: whole(&value["processed"])?,
        elapsed: milliseconds(&value["time_ms"]).unwrap_or_default(),
    })
}

/// A count. Some servers write whole numbers as fractions (`12.0`).
pub(super) fn whole(value: &Value) -> Option<u32> {
    let number = value.as_f64().filter(|number| *number >= 0.0 && *number <= f64::from(u32::MAX))?;
    Some(number as u32)
}

fn milliseconds(value: &Value) -> Option<Duration> {
    Duration::try_from_secs_f64(value.as_f64()? / 1e3).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn items(stream: &str) -> Vec<Item> {
        let mut reader = EventReader::default();
        let mut items: Vec<Item> = stream.split('\n').filter_map(|line| reader.take(line)).collect();
        items.extend(reader.finish());
        items
    }

    fn content(text: &str) -> Item {
        Item::Chunk(Box::new(Chunk { content: text.to_owned(), ..Chunk::default() }))
    }

    fn only_chunk(line: &str) -> Chunk {
        match items(line).as_slice() {
            [Item::Chunk(chunk)] => (**chunk).clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn comments_event_names_and_either_line_end_are_no_data() {
        let stream = ": OPENROUTER PROCESSING\r\n\r\nevent: message\r\nid: 3\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\r\n\r\n\
                      data:{\"choices\":[{\"delta\":{\"content\":\" b\"}}]}\n\ndata: [DONE]\n\n";
        assert_eq!(items(stream), [content("a"), content(" b"), Item::Done]);
    }

    #[test]
    fn data_over_several_lines_is_one_event() {
        assert_eq!(items("data: {\"choices\":\ndata: [{\"delta\":{\"content\":\"a\"}}]}\n\n"), [content("a")]);
    }

    #[test]
    fn reasoning_has_two_names_and_counts_once() {
        for delta in [
            r#"{"reasoning_content":"Hm","content":null}"#,
            r#"{"reasoning":"Hm","content":""}"#,
            r#"{"reasoning":"Hm","reasoning_content":"Hm","reasoning_details":[{"text":"Hm"}]}"#,
        ] {
            let chunk = only_chunk(&format!("data: {{\"choices\":[{{\"delta\":{delta}}}]}}"));
            assert_eq!((chunk.reasoning.as_str(), chunk.content.as_str()), ("Hm", ""), "{delta}");
        }
    }

    #[test]
    fn usage_comes_with_and_without_details_and_in_a_chunk_without_choices() {
        let vllm = only_chunk(
            r#"data: {"choices":[],"usage":{"prompt_tokens":1200,"total_tokens":1240,"completion_tokens":40,"prompt_tokens_details":{"cached_tokens":1184}}}"#,
        );
        assert_eq!(vllm.usage, Some(Usage { prompt: 1200, completion: 40, cached: Some(1184), reasoning: None }));
        let deepseek = only_chunk(
            r#"data: {"choices":[{"delta":{}}],"usage":{"prompt_tokens":9,"completion_tokens":3,"prompt_cache_hit_tokens":8,"completion_tokens_details":{"reasoning_tokens":2}}}"#,
        );
        assert_eq!(deepseek.usage, Some(Usage { prompt: 9, completion: 3, cached: Some(8), reasoning: Some(2) }));
        let bare =
            only_chunk(r#"data: {"choices":[{"delta":{},"finish_reason":"length"}],"usage":{"prompt_tokens":9.0}}"#);
        assert_eq!(bare.usage, Some(Usage { prompt: 9, ..Usage::default() }));
        assert_eq!(bare.finish.as_deref(), Some("length"));
    }

    #[test]
    fn llama_server_s_timings_and_progress_are_read() {
        let timed = only_chunk(
            r#"data: {"choices":[],"timings":{"cache_n":100,"prompt_n":20,"prompt_ms":500.5,"predicted_n":8,"predicted_ms":400.0}}"#,
        );
        let expected = ServerTimings {
            prefilled: 20,
            prefill: Duration::from_micros(500_500),
            cached: Some(100),
            generated: 8,
            decode: Duration::from_millis(400),
        };
        assert_eq!(timed.timings, Some(expected));
        let progress = only_chunk(
            r#"data: {"choices":[{"delta":{}}],"prompt_progress":{"total":4000,"cache":100,"processed":2148,"time_ms":900}}"#,
        );
        let expected = ReadSoFar { total: 4000, cached: 100, done: 2148, elapsed: Duration::from_millis(900) };
        assert_eq!(progress.progress, Some(expected));
    }

    #[test]
    fn an_answer_in_one_piece_is_a_chunk() {
        let whole = only_chunk(
            r#"{"choices":[{"message":{"role":"assistant","content":"Hi","reasoning":"Hm"},"finish_reason":"stop"}]}"#,
        );
        assert_eq!((whole.content.as_str(), whole.reasoning.as_str()), ("Hi", "Hm"));
    }

    #[test]
    fn errors_in_the_middle_have_several_forms() {
        let said = |line: &str| match items(line).as_slice() {
            [Item::Failed(refusal)] => refusal.message.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(said(r#"data: {"error":{"message":"out of memory","code":500}}"#), "out of memory");
        assert_eq!(said(r#"data: {"error":"out of memory"}"#), "out of memory");
        assert_eq!(said(r#"data: {"object":"error","message":"out of memory","code":500}"#), "out of memory");
        assert_eq!(
            said(
                r#"data: {"choices":[{"delta":{"content":""},"error":{"message":"provider gone"},"finish_reason":"error"}]}"#
            ),
            "provider gone"
        );
    }

    #[test]
    fn data_that_is_no_json_is_reported() {
        assert_eq!(
            items("data: {\"choices\":[\n\ndata: [DONE]"),
            [Item::Unreadable("{\"choices\":[".into()), Item::Done]
        );
    }

    proptest! {
        #[test]
        fn nothing_that_a_server_sends_is_too_much(lines in prop::collection::vec(".{0,40}", 0..8)) {
            items(&lines.join("\n"));
        }

        #[test]
        fn texts_arrive_whole(texts in prop::collection::vec("[^\u{0}]{1,12}", 1..6)) {
            let line = |text: &String| format!("data: {}\n\n", serde_json::json!({ "choices": [{ "delta": { "content": text } }] }));
            let stream: String = texts.iter().map(line).collect();
            prop_assert_eq!(items(&stream), texts.iter().map(|text| content(text)).collect::<Vec<_>>());
        }
    }
}
