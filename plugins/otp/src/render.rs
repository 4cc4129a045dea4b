//! The message: who may use the code, how long, and that it is a secret.

use crate::languages::Language;

/// What lies between these two is laid out by itself and does not turn the words around it: a code from left to right, a brand in
/// its own direction.
const LEFT_TO_RIGHT_ISOLATE: char = '\u{2066}';
const FIRST_STRONG_ISOLATE: char = '\u{2068}';
const POP_ISOLATE: char = '\u{2069}';

/// One line of text.
pub(crate) fn message(language: &Language, code: &str, brand: Option<&str>, expires_minutes: Option<f64>) -> String {
    let isolated = |opening: char, text: &str| match language.right_to_left {
        true => format!("{opening}{text}{POP_ISOLATE}"),
        false => text.to_owned(),
    };
    let code = isolated(LEFT_TO_RIGHT_ISOLATE, code);
    let first = match brand {
        // The brand is the client's text and may hold braces itself, so it is filled in last.
        Some(brand) => language
            .branded
            .replace("{code}", &code)
            .replace("{brand}", &isolated(FIRST_STRONG_ISOLATE, brand)),
        None => language.plain.replace("{code}", &code),
    };
    let expiry = expires_minutes.map(|minutes| language.expiry.replace("{minutes}", &minutes.to_string()));
    let sentences: Vec<String> = [Some(first), expiry, Some(language.warning.to_owned())]
        .into_iter()
        .flatten()
        .collect();
    sentences.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::languages::find;

    #[test]
    fn everything_that_is_known_is_said() {
        let english = find("en").unwrap();
        assert_eq!(
            message(english, "493027", Some("Acme"), Some(10.0)),
            "493027 is your verification code for Acme. It is valid for 10 min. Do not share it with anyone."
        );
        assert_eq!(
            message(english, "493027", None, None),
            "493027 is your verification code. Do not share it with anyone."
        );
    }

    #[test]
    fn a_code_keeps_its_direction_among_words_from_right_to_left() {
        for tag in ["ar", "he"] {
            let text = message(find(tag).unwrap(), "A1B2", Some("Acme"), None);
            assert!(text.contains("\u{2066}A1B2\u{2069}"), "{text}");
            assert!(text.contains("\u{2068}Acme\u{2069}"), "{text}");
        }
        assert!(!message(find("de").unwrap(), "A1B2", None, None).contains('\u{2066}'));
    }

    #[test]
    fn a_brand_with_braces_is_only_a_brand() {
        let text = message(find("en").unwrap(), "493027", Some("{code} {minutes}"), Some(5.0));
        assert!(text.starts_with("493027 is your verification code for {code} {minutes}. It is valid for 5 min."));
    }
}
