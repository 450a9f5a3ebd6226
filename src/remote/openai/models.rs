//! Which models does a server have, which one is asked, and what does the server say about it?
//!
//! `GET /v1/models` lists them. Each server adds what it knows, under names of its own:
//!
//! | server | context length | recognised by |
//! |---|---|---|
//! | vLLM | `max_model_len` | `owned_by: "vllm"` |
//! | llama-server | `/props`: `default_generation_settings.n_ctx` | `owned_by: "llamacpp"` |
//! | Lunette | `meta.n_ctx_train` | `owned_by: "lunette"`, or `lunette` |
//! | Ollama | does not say | `owned_by: "library"` |
//! | LM Studio | does not say here | `owned_by: "organization_owner"` |
//! | `OpenRouter` | `context_length` | `pricing` |
//!
//! Example: a server with one model needs no `-m`. With several, `-m qwen3` finds `Qwen/Qwen3-8B` if no other name
//! contains it; otherwise the error lists them.
//!
//! It doesn't ask the server; [`super::offer`] does.

use serde_json::Value;

use super::stream::whole;
use crate::failure::{Failure, FailureKind};
use crate::harmless;

/// The most names that an error lists.
const MOST_LISTED: usize = 20;

/// Whose server it is, as far as that makes a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Vllm,
    LlamaServer,
    Lunette,
    Ollama,
    LmStudio,
    OpenRouter,
    Other,
}

impl Kind {
    /// As its makers write it; `None` if it is not known.
    pub(super) const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::Vllm => "vLLM",
            Self::LlamaServer => "llama-server",
            Self::Lunette => "Lunette",
            Self::Ollama => "Ollama",
            Self::LmStudio => "LM Studio",
            Self::OpenRouter => "OpenRouter",
            Self::Other => return None,
        })
    }
}

/// A model that a server offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    /// As requests name it.
    pub(super) id: String,
    pub(super) kind: Kind,
    /// Tokens of a prompt with its answer, if the server says.
    pub(super) context_tokens: Option<u32>,
    pub(super) vocab_tokens: Option<u32>,
    pub(super) bytes: Option<u64>,
}

impl Offer {
    fn of(model: &Value) -> Option<Self> {
        let id = model["id"].as_str().or_else(|| model["name"].as_str())?.to_owned();
        let kind = kind_of(model);
        let meta = &model["meta"];
        let context = match kind {
            // What the model was trained for is not what the server has room for.
            Kind::LlamaServer => &meta["n_ctx"],
            Kind::Lunette => &meta["n_ctx_train"],
            Kind::OpenRouter => &model["context_length"],
            _ => &model["max_model_len"],
        };
        let context = [context, &model["context_length"], &model["top_provider"]["context_length"]];
        Some(Self {
            id,
            kind,
            context_tokens: context.into_iter().filter_map(whole).find(|tokens| *tokens > 0),
            vocab_tokens: whole(&meta["n_vocab"]),
            bytes: meta["size"].as_u64(),
        })
    }
}

fn kind_of(model: &Value) -> Kind {
    let owner = model["owned_by"].as_str().unwrap_or_default();
    match owner {
        "vllm" => Kind::Vllm,
        "llamacpp" => Kind::LlamaServer,
        "lunette" => Kind::Lunette,
        "library" => Kind::Ollama,
        "organization_owner" => Kind::LmStudio,
        _ if model["lunette"].is_object() => Kind::Lunette,
        _ if model["pricing"].is_object() => Kind::OpenRouter,
        _ => Kind::Other,
    }
}

/// The models in the answer to `GET /v1/models`, in the server's order.
pub(super) fn offers(listing: &Value) -> Vec<Offer> {
    let list = listing["data"].as_array().or_else(|| listing["models"].as_array()).or_else(|| listing.as_array());
    list.into_iter().flatten().filter_map(Offer::of).collect()
}

/// The model called `name`, or the only one.
///
/// Errors: there is none, or several that could be meant; they are listed.
pub(super) fn choose(mut offers: Vec<Offer>, name: Option<&str>) -> Result<Offer, Failure> {
    let usage = |message: String, hint: &str| Failure::new(FailureKind::Usage, message, Some(hint.to_owned()));
    let Some(name) = name else {
        return match offers.len() {
            0 => Err(usage("the server lists no model".to_owned(), "name one with -m NAME, or load one in the server")),
            1 => Ok(offers.remove(0)),
            all => Err(usage(format!("the server has {all} models: {}", listed(&offers)), "choose one with -m NAME")),
        };
    };
    // A server may load a model that it doesn't list.
    if offers.is_empty() {
        return Ok(Offer {
            id: name.to_owned(),
            kind: Kind::Other,
            context_tokens: None,
            vocab_tokens: None,
            bytes: None,
        });
    }
    if let Some(at) = offers.iter().position(|offer| offer.id == name) {
        return Ok(offers.swap_remove(at));
    }
    let wanted = name.to_lowercase();
    let is_meant = |offer: &Offer| offer.id.to_lowercase().contains(&wanted);
    let (mut meant, others): (Vec<_>, Vec<_>) = offers.into_iter().partition(is_meant);
    match meant.len() {
        0 => Err(usage(format!("the server has no model {name:?}"), &format!("it has {}", listed(&others)))),
        1 => Ok(meant.remove(0)),
        _ => Err(usage(
            format!("{name:?} may be one of several models: {}", listed(&meant)),
            "give its whole name with -m",
        )),
    }
}

/// Their names, up to [`MOST_LISTED`] of them.
fn listed(offers: &[Offer]) -> String {
    let names: Vec<_> = offers.iter().take(MOST_LISTED).map(|offer| harmless::text(&offer.id)).collect();
    let more = offers.len().saturating_sub(MOST_LISTED);
    let rest = if more > 0 { format!(", and {more} more") } else { String::new() };
    names.join(", ") + &rest
}

/// The context of llama-server's slots, which `/props` tells.
pub(super) fn context_in_props(props: &Value) -> Option<u32> {
    let settings = &props["default_generation_settings"];
    [&settings["n_ctx"], &props["n_ctx"]].into_iter().filter_map(whole).find(|tokens| *tokens > 0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn offer(id: &str) -> Offer {
        Offer { id: id.to_owned(), kind: Kind::Other, context_tokens: None, vocab_tokens: None, bytes: None }
    }

    fn told(names: &[&str], name: Option<&str>) -> Result<String, (String, Option<String>)> {
        let offers = names.iter().map(|name| offer(name)).collect();
        choose(offers, name).map(|offer| offer.id).map_err(|failure| (failure.message, failure.hint))
    }

    #[test]
    fn each_server_is_recognised_and_its_context_found() {
        let told = |model: Value| {
            let offers = offers(&json!({ "object": "list", "data": [model] }));
            (offers[0].kind, offers[0].context_tokens)
        };
        let vllm = json!({ "id": "Qwen/Qwen3-8B", "object": "model", "owned_by": "vllm", "max_model_len": 40960 });
        assert_eq!(told(vllm), (Kind::Vllm, Some(40_960)));
        let llama = json!({ "id": "qwen", "owned_by": "llamacpp", "meta": { "n_vocab": 151_936, "n_ctx_train": 32768, "size": 9 } });
        assert_eq!(told(llama), (Kind::LlamaServer, None));
        assert_eq!(told(json!({ "id": "llama3.2:latest", "owned_by": "library" })), (Kind::Ollama, None));
        assert_eq!(told(json!({ "id": "qwen3-8b", "owned_by": "organization_owner" })), (Kind::LmStudio, None));
        let router = json!({ "id": "a/b", "context_length": 131_072, "pricing": { "prompt": "0" } });
        assert_eq!(told(router), (Kind::OpenRouter, Some(131_072)));
        assert_eq!(told(json!({ "id": "gpt", "owned_by": "system" })), (Kind::Other, None));
    }

    #[test]
    fn props_have_the_context_that_the_server_made() {
        let props = json!({ "default_generation_settings": { "n_ctx": 8192, "params": {} }, "total_slots": 1 });
        assert_eq!((context_in_props(&props), context_in_props(&json!({ "n_ctx": 0 }))), (Some(8192), None));
    }

    #[test]
    fn one_model_needs_no_name_and_several_do() {
        assert_eq!(told(&["a"], None), Ok("a".to_owned()));
        let several = ("the server has 2 models: a, b".to_owned(), Some("choose one with -m NAME".to_owned()));
        assert_eq!(told(&["a", "b"], None), Err(several));
        assert!(told(&[], None).is_err_and(|(message, _)| message == "the server lists no model"));
        assert_eq!(told(&[], Some("a")), Ok("a".to_owned()), "it may have what it doesn't list");
    }

    #[test]
    fn a_name_is_whole_or_a_part_that_no_other_has() {
        let names = ["Qwen/Qwen3-8B", "Qwen/Qwen3-8B-FP8", "meta/Llama-3"];
        assert_eq!(told(&names, Some("Qwen/Qwen3-8B")), Ok("Qwen/Qwen3-8B".to_owned()));
        assert_eq!(told(&names, Some("llama")), Ok("meta/Llama-3".to_owned()));
        let many = told(&names, Some("qwen3")).expect_err("two have it").0;
        assert_eq!(many, "\"qwen3\" may be one of several models: Qwen/Qwen3-8B, Qwen/Qwen3-8B-FP8");
        let none = told(&names, Some("phi")).expect_err("none has it");
        assert_eq!(none.0, "the server has no model \"phi\"");
        assert_eq!(none.1.as_deref(), Some("it has Qwen/Qwen3-8B, Qwen/Qwen3-8B-FP8, meta/Llama-3"));
    }

    #[test]
    fn a_long_list_is_cut_with_its_number() {
        let offers: Vec<Offer> = (0..25).map(|number| offer(&format!("m{number}"))).collect();
        assert!(listed(&offers).ends_with("m18, m19, and 5 more"));
    }
}
