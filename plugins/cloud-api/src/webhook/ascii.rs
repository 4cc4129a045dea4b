//! JSON in pure ASCII, as Meta sends and signs it: every UTF-16 unit above 0x7E as `\uXXXX` in lower case. Some clients escape a
//! body so before they check its signature, and would refuse any other form.

/// The same JSON. What is escaped only ever stands inside a JSON string.
pub(super) fn escaped(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if c <= '~' {
            escaped.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            escaped.push_str(&format!("\\u{unit:04x}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_above_a_tilde_is_escaped_in_lower_case() {
        assert_eq!(escaped(r#"{"t":"é😀"}"#), r#"{"t":"\u00e9\ud83d\ude00"}"#);
        assert_eq!(escaped("~\u{7f}"), "~\\u007f");
        assert_eq!(escaped(r#"{"a":"\n\""}"#), r#"{"a":"\n\""}"#);
    }
}
