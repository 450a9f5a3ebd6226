//! Resolves the entities that an XHTML file defines itself, and drops the definitions.
//!
//! Example: `<!DOCTYPE html [<!ENTITY house "Haus">]><p>&house;</p>` becomes `<!DOCTYPE html><p>Haus</p>`.
//!
//! Only short texts without markup are resolved, once, so that a file can't grow without limit. Files that are named in
//! definitions are never read.

use std::borrow::Cow;
use std::collections::HashMap;

/// Longer values are markup, or hostile.
const LONGEST_VALUE: usize = 200;
const MOST_ENTITIES: usize = 1000;
/// Most bytes that all values together may add.
const MOST_ADDED_BYTES: usize = 4 << 20;
/// The definitions stand at the start of a file.
const HEAD_BYTES: usize = 64 << 10;

/// `text` without the definitions in its DOCTYPE, and with their values in their places.
pub(super) fn resolved(text: &str) -> Cow<'_, str> {
    let Some((open, close)) = subset(text) else { return Cow::Borrowed(text) };
    let entities = entities(&text[open + 1..close]);
    let behind = &text[close + 1..];
    Cow::Owned(format!("{}{}", text[..open].trim_end(), replaced(behind, &entities)))
}

/// Where the square brackets of the DOCTYPE are.
fn subset(text: &str) -> Option<(usize, usize)> {
    let head = &text[..text.floor_char_boundary(HEAD_BYTES)];
    let start = head.find("<!DOCTYPE").or_else(|| head.find("<!doctype"))?;
    let open = start + head[start..].find(['[', '>']).filter(|&at| head[start + at..].starts_with('['))?;
    let mut quote = None;
    for (at, byte) in head.bytes().enumerate().skip(open + 1) {
        match (quote, byte) {
            (None, b']') => return Some((open, at)),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

/// The values of `<!ENTITY name "value">`, by name.
fn entities(subset: &str) -> HashMap<&str, &str> {
    let entity = |definition: &'_ str| -> Option<(usize, usize, usize, usize)> {
        let rest = definition.trim_start();
        let name_start = definition.len() - rest.len();
        let name_end = name_start + rest.find(char::is_whitespace)?;
        let behind = definition[name_end..].trim_start();
        let quote = behind.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        let value_start = definition.len() - behind.len() + 1;
        let value_end = value_start + definition[value_start..].find(quote)?;
        Some((name_start, name_end, value_start, value_end))
    };
    let definitions = subset.split("<!ENTITY").skip(1).take(MOST_ENTITIES);
    let pairs = definitions.filter_map(|definition| {
        let (name_start, name_end, value_start, value_end) = entity(definition)?;
        Some((&definition[name_start..name_end], &definition[value_start..value_end]))
    });
    pairs.filter(|(name, value)| *name != "%" && value.len() <= LONGEST_VALUE && !value.contains('<')).collect()
}

fn replaced(text: &str, entities: &HashMap<&str, &str>) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut added = 0;
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, reference) = rest.split_at(at);
        replaced.push_str(before);
        let end = reference.as_bytes().iter().take(64).position(|&byte| byte == b';');
        let value = end.and_then(|end| entities.get(&reference[1..end]).map(|value| (*value, end)));
        if let Some((value, end)) = value.filter(|(value, _)| added + value.len() <= MOST_ADDED_BYTES) {
            added += value.len();
            replaced.push_str(value);
            rest = &reference[end + 1..];
        } else {
            replaced.push('&');
            rest = &reference[1..];
        }
    }
    replaced + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_entities_are_resolved_and_their_definitions_are_gone() {
        let text = "<!DOCTYPE html PUBLIC \"x\" \"y\" [\n<!ENTITY house \"Haus\">\n<!ENTITY bad SYSTEM 'f'>\n]>\n<p>A &house; &amp; &bad; &none;</p>";
        assert_eq!(resolved(text), "<!DOCTYPE html PUBLIC \"x\" \"y\">\n<p>A Haus &amp; &bad; &none;</p>");
        for text in ["<!DOCTYPE html><p>[x]</p>", "<p>no</p>", "<!DOCTYPE a [ <!ENTITY"] {
            assert_eq!(resolved(text), text);
        }
    }

    #[test]
    fn entities_of_entities_do_not_grow() {
        let text = "<!DOCTYPE a [<!ENTITY l 'lol'><!ENTITY m '&l;&l;'>]><a>&m;</a>";
        assert_eq!(resolved(text), "<!DOCTYPE a><a>&l;&l;</a>");
        let text = format!("<!DOCTYPE a [<!ENTITY l '{}'>]><a>{}", "l".repeat(200), "&l;".repeat(100_000));
        assert!(resolved(&text).len() < MOST_ADDED_BYTES + text.len());
    }
}
