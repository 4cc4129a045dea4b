//! Whether a text is one emoji: the grammar of UTS #51, section 1.4.9, over whole blocks.
//!
//! Which characters are emoji grows every year, and always in blocks that are set aside for them. So the table below holds those
//! blocks and not today's list: it lets a few pictures through that are no emoji, and needs no update when new ones come.

const JOINER: char = '\u{200d}';
const PRESENTATION: char = '\u{fe0f}';
const KEYCAP: char = '\u{20e3}';

/// What may begin an emoji, besides digits, `#`, `*` and the letters of flags. In order.
const PICTURES: &[(char, char)] = &[
    ('\u{a9}', '\u{a9}'),
    ('\u{ae}', '\u{ae}'),
    ('\u{203c}', '\u{203c}'),
    ('\u{2049}', '\u{2049}'),
    ('\u{2122}', '\u{2122}'),
    ('\u{2139}', '\u{2139}'),
    ('\u{2194}', '\u{2199}'),
    ('\u{21a9}', '\u{21aa}'),
    ('\u{231a}', '\u{231b}'),
    ('\u{2328}', '\u{2328}'),
    ('\u{23cf}', '\u{23cf}'),
    ('\u{23e9}', '\u{23fa}'),
    ('\u{24c2}', '\u{24c2}'),
    ('\u{25aa}', '\u{25ab}'),
    ('\u{25b6}', '\u{25b6}'),
    ('\u{25c0}', '\u{25c0}'),
    ('\u{25fb}', '\u{25fe}'),
    // Miscellaneous symbols and dingbats.
    ('\u{2600}', '\u{27bf}'),
    ('\u{2934}', '\u{2935}'),
    ('\u{2b05}', '\u{2b07}'),
    ('\u{2b1b}', '\u{2b1c}'),
    ('\u{2b50}', '\u{2b50}'),
    ('\u{2b55}', '\u{2b55}'),
    ('\u{3030}', '\u{3030}'),
    ('\u{303d}', '\u{303d}'),
    ('\u{3297}', '\u{3297}'),
    ('\u{3299}', '\u{3299}'),
    // Tiles, cards and enclosed characters, without the letters of flags.
    ('\u{1f004}', '\u{1f004}'),
    ('\u{1f0cf}', '\u{1f0cf}'),
    ('\u{1f170}', '\u{1f171}'),
    ('\u{1f17e}', '\u{1f17f}'),
    ('\u{1f18e}', '\u{1f18e}'),
    ('\u{1f191}', '\u{1f19a}'),
    ('\u{1f201}', '\u{1f202}'),
    ('\u{1f21a}', '\u{1f21a}'),
    ('\u{1f22f}', '\u{1f22f}'),
    ('\u{1f232}', '\u{1f23a}'),
    ('\u{1f250}', '\u{1f251}'),
    // Pictographs, faces, transport.
    ('\u{1f300}', '\u{1f64f}'),
    ('\u{1f680}', '\u{1f6ff}'),
    ('\u{1f7e0}', '\u{1f7eb}'),
    ('\u{1f7f0}', '\u{1f7f0}'),
    ('\u{1f90c}', '\u{1f9ff}'),
    ('\u{1fa70}', '\u{1faff}'),
];

/// Whether `text` is one emoji, with all its modifiers, and nothing else.
pub(crate) fn is_one(text: &str) -> bool {
    let rest = element(text);
    rest.is_some_and(|mut rest| {
        while let Some(next) = rest.strip_prefix(JOINER).and_then(element) {
            rest = next;
        }
        rest.is_empty()
    })
}

/// What follows the flag, keycap or picture that `text` begins with.
fn element(text: &str) -> Option<&str> {
    let mut characters = text.chars();
    let first = characters.next()?;
    let rest = characters.as_str();
    match first {
        '\u{1f1e6}'..='\u{1f1ff}' => rest.strip_prefix(|c| matches!(c, '\u{1f1e6}'..='\u{1f1ff}')),
        '0'..='9' | '#' | '*' => rest.strip_prefix(PRESENTATION).unwrap_or(rest).strip_prefix(KEYCAP),
        picture if PICTURES.iter().any(|(from, to)| (*from..=*to).contains(&picture)) => {
            let rest = rest.strip_prefix(PRESENTATION).unwrap_or(rest);
            let rest = rest
                .strip_prefix(|c| matches!(c, '\u{1f3fb}'..='\u{1f3ff}'))
                .unwrap_or(rest);
            // A flag of a region is a black flag with the region's name in tags.
            let after_tags = rest.trim_start_matches(|c| matches!(c, '\u{e0020}'..='\u{e007e}'));
            Some(after_tags.strip_prefix('\u{e007f}').unwrap_or(rest))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_emoji_is_one_however_many_characters_it_has() {
        let region = "\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}";
        for emoji in [
            "👍",
            "👍🏽",
            "❤️",
            "❤",
            "🇮🇳",
            "1️⃣",
            "#⃣",
            "👨‍👩‍👧‍👦",
            "❤️‍🔥",
            "🧑🏿‍🦰",
            "🏳️‍🌈",
            "😮‍💨",
            "🫶",
            "✅",
            "©️",
            region,
        ] {
            assert!(is_one(emoji), "{emoji}");
        }
    }

    #[test]
    fn words_and_several_emoji_are_not_one() {
        for text in [
            "",
            "a",
            "1",
            "ok",
            "👍👍",
            "👍 ",
            "🇮",
            "🇮🇳🇮🇳",
            "👍\u{200d}",
            "\u{200d}👍",
            "\u{fe0f}",
            "é",
            "👍a",
        ] {
            assert!(!is_one(text), "{text:?}");
        }
    }
}
