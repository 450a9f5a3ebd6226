//! What a server makes of a request, without the server.

#[path = "../../src/server/conversation.rs"]
mod conversation;
#[path = "../../src/server/error.rs"]
mod error;
#[path = "../../src/server/fields.rs"]
mod fields;
#[path = "../../src/server/request.rs"]
mod request;

use request::{Request, Said, Way};

/// Reads `body` as a request of each kind. What is refused is the request's fault, told in a short sentence.
pub fn read(body: &[u8]) {
    for way in [Way::Chat, Way::Text] {
        match Request::read(way, body) {
            Err(error) => {
                let told = error.to_json()["error"]["message"].as_str().map_or(0, str::len);
                assert!(error.status == 400 && (1..600).contains(&told), "{error:?}");
            }
            Ok(request) => {
                assert!(request.stop.len() <= 16 && request.stop.iter().all(|stop| !stop.is_empty()));
                match request.said {
                    Said::Conversation(said) => {
                        assert!(!said.question.trim().is_empty());
                        let turns = said.turns.len();
                        assert_eq!(said.behind_document().turns.len(), turns);
                    }
                    Said::Text(text) => assert!(!text.is_empty()),
                }
            }
        }
    }
}
