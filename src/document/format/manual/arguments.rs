//! Arguments of requests and escapes: `.IP "a term" 4`, `\fB`, `\*(Aq`.

/// The arguments of a request: words, or what is in quotes.
pub(super) fn arguments(rest: &str) -> Vec<String> {
    let rest = rest.split("\\\"").next().unwrap_or_default();
    let mut arguments = Vec::new();
    let mut rest = rest.trim();
    while !rest.is_empty() {
        let (argument, behind) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        arguments.push(argument.to_owned());
        rest = behind.trim_start();
    }
    arguments
}

/// `B`, `(CW`, `[CR]`: how long the argument of `\f` is.
pub(super) fn argument_bytes(rest: &str) -> usize {
    match rest.as_bytes().first() {
        Some(b'(') => 3,
        Some(b'[') => rest.find(']').map_or(1, |end| end + 1),
        Some(_) => rest.chars().next().map_or(0, char::len_utf8),
        None => 0,
    }
}
