//! Raised letters in running text: `10` and a raised `-9` are `10^-9`, since `10-9` is another number.

/// `^2`, `^(n+1)`; what is no exponent stays, as the `st` of `1st`.
pub(super) fn raised(text: &str) -> String {
    let mark = text.trim();
    let has_digit = mark.contains(|sign: char| sign.is_ascii_digit());
    let is_variable = mark.chars().count() == 1 && mark.chars().all(char::is_alphabetic);
    match mark {
        _ if !(has_digit || is_variable) => text.to_owned(),
        _ if mark.chars().enumerate().all(|(at, sign)| sign.is_alphanumeric() || at == 0) => format!("^{mark}"),
        _ => format!("^({mark})"),
    }
}
