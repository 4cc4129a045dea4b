//! What others have written, inside a sentence of ours: on one line, no longer than anybody reads, and without anything that a
//! terminal or a log would obey.

/// The most that is kept, in bytes.
const MOST: usize = 2 * 1024;

/// The text, fit for the log, a terminal and an answer.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(MOST));
    for c in text.chars() {
        if shown.len() >= MOST {
            shown.push_str(" ...");
            break;
        }
        match c {
            '\n' => shown.push(' '),
            c if is_obeyed(c) => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}

/// Control characters, and those that turn the direction of writing.
fn is_obeyed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_that_a_terminal_or_a_log_obeys_and_what_is_read_stays() {
        assert_eq!(
            shown("a\nb \u{1b}[2Jc\u{202e}d é \"x\""),
            r#"a b \u{1b}[2Jc\u{202e}d é "x""#
        );
    }

    #[test]
    fn a_long_text_is_cut_between_two_characters() {
        let cut = shown(&"é".repeat(1_000_000));
        assert!(cut.len() <= MOST + 8 && cut.ends_with("é ..."), "{}", cut.len());
    }
}
