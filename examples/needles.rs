//! Records for `lunette eval`: facts that no model can know, planted in the bundled book, and a question for each.
//!
//! ```text
//! cargo run --release --example needles -- --bytes 134000 > needles.jsonl
//! lunette eval needles.jsonl -m qwen2.5-coder-0.5b --presets full,balanced,fastest
//! ```
//!
//! The picture: five pins in a haystack, at a tenth, three, five, seven and nine tenths of it, each between two paragraphs: "The secret number of the
//! Longbourn pantry is 48213." All records have one context, so that it is read once for each preset. 134,000 bytes are about 30,000 tokens.

#![allow(clippy::print_stdout, reason = "the records are the output")]

use clap::Parser;
use lunette::document::PRIDE_AND_PREJUDICE;
use serde_json::json;

/// Places and their numbers; five digits, so that none is in the book.
const PINS: [(&str, u32); 5] = [
    ("Longbourn pantry", 48_213),
    ("Netherfield stables", 90_377),
    ("Rosings library", 15_846),
    ("Pemberley boathouse", 67_502),
    ("Lambton inn", 32_981),
];

#[derive(Parser)]
struct Args {
    /// Bytes of the book, from its beginning.
    #[arg(long, default_value_t = 134_000)]
    bytes: usize,
}

fn main() {
    let args = Args::parse();
    let context = with_pins(&PRIDE_AND_PREJUDICE[..paragraph_end(args.bytes)]);
    for (place, number) in PINS {
        // Asked to answer "with the number", a model of half a billion parameters names the last one in the text.
        let question = format!("What is the secret number of the {place}?");
        let id = place.to_lowercase().replace(' ', "-");
        let record = json!({
            "id": id, "task": "needle", "context": context, "question": question, "answers": [number.to_string()], "metric": "contains_all",
        });
        println!("{record}");
    }
}

/// The text with each pin between two paragraphs.
fn with_pins(text: &str) -> String {
    let mut pinned = text.to_owned();
    // From the last on, so that the places of the others stay.
    for (index, (place, number)) in PINS.iter().enumerate().rev() {
        let tenths = 2 * index + 1;
        let at = paragraph_end(text.len() * tenths / 10);
        pinned.insert_str(at, &format!("\n\nThe secret number of the {place} is {number}."));
    }
    pinned
}

/// The end of the last paragraph that ends before `byte` of the book.
fn paragraph_end(byte: usize) -> usize {
    let within = byte.min(PRIDE_AND_PREJUDICE.len());
    PRIDE_AND_PREJUDICE.match_indices("\n\n").map(|(at, _)| at).take_while(|&at| at <= within).last().unwrap_or(0)
}
