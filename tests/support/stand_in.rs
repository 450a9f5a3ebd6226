//! Stands in for other people's servers: answers HTTP on 127.0.0.1 with what they are documented to send, byte by byte.
//!
//! It is a plain listener and knows nothing of Lunette: a path gets the reply that the test has for it, and what was asked
//! is kept for the test to look at.
#![allow(dead_code, reason = "each test file takes what it needs")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// Longer than any test waits for anything.
const PATIENCE: Duration = Duration::from_mins(2);

/// A request that came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    /// The lines of its head, in lower case up to the colon.
    pub(crate) head: Vec<String>,
    /// `null` without a body.
    pub(crate) body: Value,
}

/// A part of a reply's body.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    Text(String),
    Pause(Duration),
    /// Nothing more comes until the client closes the connection.
    UntilGone,
    /// The connection is closed in the middle.
    Broken,
}

#[derive(Debug, Clone)]
pub(crate) struct Reply {
    status: u16,
    head: String,
    parts: Vec<Part>,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::text(status, "application/json", &body.to_string())
    }

    pub(crate) fn text(status: u16, kind: &str, body: &str) -> Self {
        Self { status, head: format!("Content-Type: {kind}\r\n"), parts: vec![Part::Text(body.to_owned())] }
    }

    /// A stream of server-sent events.
    pub(crate) fn events(parts: Vec<Part>) -> Self {
        Self { status: 200, head: "Content-Type: text/event-stream; charset=utf-8\r\n".to_owned(), parts }
    }

    pub(crate) fn with_header(mut self, line: &str) -> Self {
        self.head.push_str(line);
        self.head.push_str("\r\n");
        self
    }
}

/// A server that runs until it is dropped.
pub(crate) struct StandIn {
    /// Without a path.
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    gone: Mutex<Receiver<()>>,
}

impl StandIn {
    /// Replies to each request as `reply` says.
    pub(crate) fn start(reply: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (asked, reply) = (Arc::<Mutex<Vec<Asked>>>::default(), Arc::new(reply));
        let (told, gone) = channel();
        let kept = asked.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (reply, asked, told) = (reply.clone(), kept.clone(), told.clone());
                thread::spawn(move || serve(stream, &*reply, &asked, &told));
            }
        });
        Self { url, asked, gone: Mutex::new(gone) }
    }

    /// Everything that was asked of `path` so far.
    pub(crate) fn asked(&self, path: &str) -> Vec<Asked> {
        let asked = self.asked.lock().expect("nobody panics with it");
        asked.iter().filter(|asked| asked.path == path).cloned().collect()
    }

    /// Waits until a client has closed its connection in the middle of a reply.
    pub(crate) fn wait_until_gone(&self) {
        self.gone.lock().expect("one test").recv_timeout(PATIENCE).expect("the client closes the connection");
    }
}

fn serve(mut stream: TcpStream, reply: &dyn Fn(&Asked) -> Reply, asked: &Mutex<Vec<Asked>>, gone: &Sender<()>) {
    let _ = stream.set_read_timeout(Some(PATIENCE));
    let Some(request) = read(&stream) else { return };
    asked.lock().expect("nobody panics with it").push(request.clone());
    let Reply { status, head, parts } = reply(&request);
    let head = format!("HTTP/1.1 {status} Any\r\n{head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
    if stream.write_all(head.as_bytes()).is_err() {
        return;
    }
    for part in parts {
        match part {
            Part::Text(text) => {
                let chunk = format!("{:x}\r\n{text}\r\n", text.len());
                if stream.write_all(chunk.as_bytes()).is_err() {
                    let _ = gone.send(());
                    return;
                }
            }
            Part::Pause(time) => thread::sleep(time),
            Part::UntilGone => {
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest);
                let _ = gone.send(());
                return;
            }
            Part::Broken => return,
        }
    }
    let _ = stream.write_all(b"0\r\n\r\n");
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end();
        let Some((name, value)) = line.split_once(':') else { break };
        head.push(format!("{}:{value}", name.to_ascii_lowercase()));
    }
    let length = head.iter().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { path, head, body: serde_json::from_slice(&body).unwrap_or_default() })
}

/// One event with `data`.
pub(crate) fn event(data: &Value) -> Part {
    Part::Text(format!("data: {data}\n\n"))
}

pub(crate) fn done() -> Part {
    Part::Text("data: [DONE]\n\n".to_owned())
}

/// A chunk with `delta`, as all of them send it.
pub(crate) fn delta(delta: &Value) -> Part {
    event(&json!({ "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": null }] }))
}

pub(crate) fn finish(reason: &str) -> Part {
    event(&json!({ "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{ "index": 0, "delta": {}, "logprobs": null, "finish_reason": reason, "stop_reason": null }] }))
}

/// Like vLLM with a reasoning parser: one model of 32,768 tokens, `/tokenize` that counts four bytes as a token, and an
/// answer with reasoning in a field of its own and the usage in a last chunk without choices.
pub(crate) fn vllm(asked: &Asked) -> Reply {
    match asked.path.as_str() {
        "/v1/models" => Reply::json(
            200,
            &json!({ "object": "list", "data": [{
            "id": "Qwen/Qwen3-8B", "object": "model", "created": 1, "owned_by": "vllm", "root": "Qwen/Qwen3-8B",
            "parent": null, "max_model_len": 32768, "permission": []
        }] }),
        ),
        "/tokenize" => {
            let tokens = asked.body["prompt"].as_str().map_or(0, |text| text.len().div_ceil(4));
            Reply::json(
                200,
                &json!({ "count": tokens, "max_model_len": 32768, "tokens": vec![1; tokens], "token_strs": null }),
            )
        }
        "/v1/chat/completions" => Reply::events(vec![
            delta(&json!({ "role": "assistant", "content": "" })),
            delta(&json!({ "reasoning_content": "Let me " })),
            delta(&json!({ "reasoning_content": "look." })),
            delta(&json!({ "content": "\n\nA clergy" })),
            delta(&json!({ "content": "man." })),
            finish("stop"),
            event(
                &json!({ "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [],
                "usage": { "prompt_tokens": 2510, "total_tokens": 2522, "completion_tokens": 12,
                    "prompt_tokens_details": { "cached_tokens": 2496 } } }),
            ),
            done(),
        ]),
        _ => Reply::json(404, &json!({ "detail": "Not Found" })),
    }
}

/// Like llama-server: timings and progress, and `/props` with the context of its slots.
pub(crate) fn llama_server(asked: &Asked) -> Reply {
    match asked.path.as_str() {
        "/v1/models" => Reply::json(
            200,
            &json!({ "models": [{ "name": "qwen.gguf" }], "object": "list", "data": [{
            "id": "qwen.gguf", "object": "model", "created": 1, "owned_by": "llamacpp",
            "meta": { "vocab_type": 2, "n_vocab": 151_936, "n_ctx_train": 32768, "n_embd": 896, "n_params": 494_032_768, "size": 531_068_960 }
        }] }),
        ),
        "/props" => Reply::json(
            200,
            &json!({ "default_generation_settings": { "id": 0, "n_ctx": 8192, "params": {} }, "total_slots": 1 }),
        ),
        "/tokenize" => {
            let tokens = asked.body["content"].as_str().map_or(0, |text| text.len().div_ceil(4));
            Reply::json(200, &json!({ "tokens": vec![1; tokens] }))
        }
        "/v1/chat/completions" => Reply::events(vec![
            event(
                &json!({ "choices": [{ "index": 0, "delta": { "role": "assistant", "content": null }, "finish_reason": null }],
                "prompt_progress": { "total": 2200, "cache": 0, "processed": 2048, "time_ms": 1024 } }),
            ),
            delta(&json!({ "content": "A clergyman." })),
            finish("stop"),
            event(
                &json!({ "choices": [], "usage": { "completion_tokens": 4, "prompt_tokens": 2200, "total_tokens": 2204 },
                "timings": { "cache_n": 0, "prompt_n": 2200, "prompt_ms": 1100.0, "predicted_n": 4, "predicted_ms": 200.0 } }),
            ),
            done(),
        ]),
        _ => Reply::json(
            404,
            &json!({ "error": { "code": 404, "message": "File Not Found", "type": "not_found_error" } }),
        ),
    }
}

/// Like Ollama: several models, no tokeniser, no context length, reasoning in `reasoning`, usage beside the finish.
pub(crate) fn ollama(asked: &Asked) -> Reply {
    match asked.path.as_str() {
        "/v1/models" => Reply::json(
            200,
            &json!({ "object": "list", "data": [
            { "id": "qwen3:8b", "object": "model", "created": 1, "owned_by": "library" },
            { "id": "llama3.2:latest", "object": "model", "created": 1, "owned_by": "library" },
        ] }),
        ),
        "/v1/chat/completions" => Reply::events(vec![
            delta(&json!({ "role": "assistant", "content": "", "reasoning": "Hm." })),
            delta(&json!({ "role": "assistant", "content": "A clergyman." })),
            event(
                &json!({ "choices": [{ "index": 0, "delta": { "role": "assistant", "content": "" }, "finish_reason": "stop" }] }),
            ),
            event(
                &json!({ "choices": [], "usage": { "prompt_tokens": 4096, "completion_tokens": 4, "total_tokens": 4100 } }),
            ),
            done(),
        ]),
        _ => Reply::text(404, "text/plain", "404 page not found"),
    }
}

/// Like `OpenRouter`: comments while it waits, reasoning under two names, and a provider that fails in the middle if the
/// question asks for it.
pub(crate) fn open_router(asked: &Asked) -> Reply {
    match asked.path.as_str() {
        "/v1/models" => Reply::json(
            200,
            &json!({ "data": [{ "id": "qwen/qwen3-8b", "name": "Qwen: Qwen3 8B", "context_length": 40960,
            "pricing": { "prompt": "0.00000002", "completion": "0.0000001" }, "top_provider": { "context_length": 40960 } }] }),
        ),
        "/v1/chat/completions" => {
            let comment = Part::Text(": OPENROUTER PROCESSING\n\n".to_owned());
            let mut parts = vec![
                comment.clone(),
                comment,
                delta(
                    &json!({ "role": "assistant", "content": "", "reasoning": "Hm.", "reasoning_details": [{ "type": "reasoning.text", "text": "Hm." }] }),
                ),
                delta(&json!({ "role": "assistant", "content": "A clergy" })),
            ];
            if asked.body.to_string().contains("Fail") {
                parts.push(event(&json!({ "error": { "code": 502, "message": "Provider disconnected" },
                    "choices": [{ "index": 0, "delta": { "content": "" }, "finish_reason": "error" }] })));
            } else {
                parts.push(delta(&json!({ "content": "man." })));
                parts.push(finish("stop"));
                parts.push(event(&json!({ "choices": [{ "index": 0, "delta": { "role": "assistant", "content": "" }, "finish_reason": null }],
                    "usage": { "prompt_tokens": 2300, "completion_tokens": 9, "total_tokens": 2309, "cost": 0.0001,
                        "completion_tokens_details": { "reasoning_tokens": 3 } } })));
                parts.push(done());
            }
            Reply::events(parts)
        }
        _ => Reply::text(
            404,
            "text/html",
            "<!DOCTYPE html><html><head><title>Not Found | OpenRouter</title></head></html>",
        ),
    }
}
