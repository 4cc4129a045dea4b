//! Takes a credential out of what a server says.
//!
//! A server may repeat what it was shown, in an error or on a page for debugging, and a plugin that chooses the path chooses whether it
//! does. So each answer is searched for the secret: as it is, with its prefix, in base64 (alone, or in the middle of more), and with
//! any of its characters percent-encoded or escaped for JSON, in upper or lower case. This stops echoes. It does not stop a server
//! that wants to betray the secret, which it was given.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use bytes::Bytes;
use switchboard_core::secret::Secret;
use tokio::task::{JoinError, spawn_blocking};
use zeroize::Zeroizing;

/// The shortest secret, in bytes: what is shorter would be found in innocent text, too.
pub(super) const SHORTEST_SECRET: usize = 8;
/// The largest body that is searched in passing, on a thread that others wait for.
const MOST_IN_PASSING: usize = 256 << 10;
/// What stands where a secret stood.
const REDACTED: &[u8] = b"[redacted]";

/// The texts that give one secret away. A clone is the same texts.
#[derive(Clone)]
pub(super) struct Needles(Arc<[Zeroizing<String>]>);

impl Needles {
    /// For a secret, and for what is shown of it with its prefix.
    pub(super) fn new(secret: &Secret, shown: &str) -> Self {
        let mut needles = vec![
            Zeroizing::new(shown.to_owned()),
            Zeroizing::new(secret.expose().to_owned()),
        ];
        for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
            needles.push(engine.encode(shown).into());
            needles.push(engine.encode(secret.expose()).into());
            needles.extend((0..3).map(|offset| inner(engine, secret.expose(), offset)));
        }
        needles.sort_unstable_by(|a, b| a.as_str().cmp(b));
        needles.dedup();
        Self(needles.into())
    }
}

/// The characters of base64 that are the same whatever stands around `secret`, when it begins `offset` bytes after a multiple of 3.
fn inner(engine: &impl base64::Engine, secret: &str, offset: usize) -> Zeroizing<String> {
    let bytes = Zeroizing::new([&b"\0\0"[..offset], secret.as_bytes()].concat());
    let whole = Zeroizing::new(engine.encode(&*bytes));
    // A character is 6 bits. The first one that belongs to the secret alone, and one past the last.
    let (first, end) = ((offset * 8).div_ceil(6), bytes.len() * 8 / 6);
    Zeroizing::new(whole[first..end].to_owned())
}

/// The same body without secrets. One without any is not copied. A large one is searched where that holds up nothing else: it can take a
/// tenth of a second.
///
/// # Errors
/// When the search was broken off.
pub(super) async fn clean(body: Bytes, secrets: Vec<Needles>) -> Result<Bytes, JoinError> {
    if secrets.is_empty() {
        return Ok(body);
    }
    let is_large = MOST_IN_PASSING < body.len();
    let search = move || match Redactor::new(&secrets).text(&body) {
        Cow::Borrowed(_) => body.clone(),
        Cow::Owned(clean) => clean.into(),
    };
    if is_large {
        spawn_blocking(search).await
    } else {
        Ok(search())
    }
}

/// Searches answers for the secrets of one plugin.
pub(super) struct Redactor<'a> {
    /// By the byte that they begin with, in lower case; the longer ones first.
    needles: Vec<Vec<&'a str>>,
    /// Which bytes something may begin with that spells one of them.
    begins: [bool; 256],
}

impl<'a> Redactor<'a> {
    pub(super) fn new(all: impl IntoIterator<Item = &'a Needles>) -> Self {
        let mut needles = vec![Vec::new(); 256];
        for needle in all.into_iter().flat_map(|needles| needles.0.iter()) {
            for first in needle.bytes().take(1) {
                needles[usize::from(first.to_ascii_lowercase())].push(needle.as_str());
            }
        }
        // Of two that begin at one place the longer is the right one.
        for group in &mut needles {
            group.sort_by_key(|needle| std::cmp::Reverse(needle.len()));
        }
        let mut begins = [false; 256];
        for first in 0..=u8::MAX {
            let encoded = matches!(first, b'%' | b'\\');
            let group = &needles[usize::from(first.to_ascii_lowercase())];
            begins[usize::from(first)] = encoded || !group.is_empty();
        }
        Self { needles, begins }
    }

    /// The same text without secrets.
    pub(super) fn text<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        let mut clean = Vec::new();
        let (mut at, mut kept) = (0, 0);
        while let Some(skipped) = text[at..].iter().position(|byte| self.begins[usize::from(*byte)]) {
            at += skipped;
            match self.found(&text[at..]) {
                None => at += 1,
                Some(length) => {
                    clean.extend_from_slice(&text[kept..at]);
                    clean.extend_from_slice(REDACTED);
                    at += length;
                    kept = at;
                }
            }
        }
        if kept == 0 {
            return Cow::Borrowed(text);
        }
        clean.extend_from_slice(&text[kept..]);
        Cow::Owned(clean)
    }

    /// How many bytes at the beginning of `text` spell a secret.
    fn found(&self, text: &[u8]) -> Option<usize> {
        let (first, _) = plain(text)?;
        let as_it_is = self.beginning_with(*text.first()?).find_map(|needle| {
            let begin = text.get(..needle.len())?;
            begin.eq_ignore_ascii_case(needle.as_bytes()).then_some(needle.len())
        });
        let encoded = self.beginning_with(first).find_map(|needle| spelled(text, needle));
        as_it_is.max(encoded)
    }

    fn beginning_with(&self, first: u8) -> impl Iterator<Item = &'a str> {
        self.needles[usize::from(first.to_ascii_lowercase())].iter().copied()
    }
}

/// How many bytes at the beginning of `text` spell `needle`, when some may be encoded.
fn spelled(text: &[u8], needle: &str) -> Option<usize> {
    needle.bytes().try_fold(0, |at, byte| {
        let (plain, length) = plain(&text[at..])?;
        plain.eq_ignore_ascii_case(&byte).then_some(at + length)
    })
}

/// The byte that `text` begins with, and in how many bytes it is spelled: as it is, `%2f`, `\u002f`, or `\/`.
fn plain(text: &[u8]) -> Option<(u8, usize)> {
    match *text {
        [b'%', high, low, ..] => hex(high, low).map(|byte| (byte, 3)),
        [b'\\', b'u' | b'U', b'0', b'0', high, low, ..] => hex(high, low).map(|byte| (byte, 6)),
        [b'\\', escaped, ..] if escaped.is_ascii_punctuation() => Some((escaped, 2)),
        _ => None,
    }
    .or_else(|| Some((*text.first()?, 1)))
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "sk+hunter2/\"x\\y=";

    fn needles(secret: &str, prefix: &str) -> Needles {
        Needles::new(&Secret::from(secret.to_owned()), &format!("{prefix}{secret}"))
    }

    fn redacted(text: &str) -> String {
        let needles = needles(SECRET, "Bearer ");
        let clean = Redactor::new([&needles]).text(text.as_bytes()).into_owned();
        String::from_utf8(clean).unwrap()
    }

    #[test]
    fn an_echo_is_taken_out_however_it_is_spelled() {
        let shown = format!("Bearer {SECRET}");
        for spelled in [
            SECRET,
            &shown,
            &SECRET.to_uppercase(),
            r#"sk+hunter2\/\"x\\y="#,
            r#"sk\u002bhunter2\u002F\u0022x\u005Cy\u003d"#,
            "sk%2Bhunter2%2F%22x%5Cy%3D",
            "sk%2bhunter2%2f%22x%5cy%3d",
            "%73%6b%2b%68unter2/%22x%5Cy=",
            &STANDARD.encode(SECRET),
            &STANDARD_NO_PAD.encode(SECRET),
            &URL_SAFE.encode(SECRET),
            &STANDARD.encode(&shown),
            &URL_SAFE_NO_PAD.encode(&shown),
            &STANDARD.encode(SECRET).replace('=', "%3D").replace('+', "%2B"),
        ] {
            assert_eq!(redacted(&format!("<{spelled}>")), "<[redacted]>", "{spelled}");
            let twice = redacted(&format!("{spelled}{spelled}, {spelled}"));
            assert_eq!(twice, "[redacted][redacted], [redacted]", "{spelled}");
        }
    }

    #[test]
    fn inside_a_longer_text_in_base64_nothing_of_use_is_left() {
        for around in [
            ("u:", ""),
            ("ab:", "c"),
            ("authorization: Bearer ", "\r\n"),
            ("", "tail"),
        ] {
            for engine in [&STANDARD, &URL_SAFE] {
                let clean = redacted(&engine.encode(format!("{}{SECRET}{}", around.0, around.1)));
                assert!(clean.contains("[redacted]"), "{around:?}: {clean}");
                for offset in 0..3 {
                    let whole = inner(engine, SECRET, offset);
                    assert!(!clean.contains(&whole[whole.len() / 2..]), "{around:?}: {clean}");
                    assert!(!clean.contains(&whole[..whole.len() / 2]), "{around:?}: {clean}");
                }
            }
        }
    }

    #[tokio::test]
    async fn a_body_is_searched_to_its_end_however_large_it_is() {
        for size in [0, 100, MOST_IN_PASSING, 4 * MOST_IN_PASSING] {
            let innocent = Bytes::from(vec![b's'; size]);
            let echo: Bytes = [&innocent[..], SECRET.as_bytes()].concat().into();
            let secrets = || vec![needles(SECRET, "")];
            let found = clean(echo.clone(), secrets()).await.unwrap();
            assert_eq!(found.len(), size + REDACTED.len());
            assert!(found.ends_with(REDACTED));
            let same = clean(innocent.clone(), secrets()).await.unwrap();
            assert_eq!((same.as_ptr(), same.len()), (innocent.as_ptr(), size));
            assert_eq!(clean(echo.clone(), Vec::new()).await.unwrap(), echo);
        }
    }

    #[test]
    fn what_is_no_secret_is_not_touched_and_not_copied() {
        let needles = needles(SECRET, "Bearer ");
        let all: Vec<u8> = (0..=255).cycle().take(4096).collect();
        for text in [
            b"".as_slice(),
            b"sk+hunter2/\"x\\y",
            b"Bearer ",
            b"%",
            b"\\",
            b"\\u00",
            b"%73%6",
            b"sk%2Bhunter3",
            &all,
        ] {
            assert!(matches!(Redactor::new([&needles]).text(text), Cow::Borrowed(same) if same == text));
            assert!(matches!(Redactor::new([]).text(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn one_secret_that_begins_another_does_not_hide_the_rest_of_it() {
        let (short, long) = (needles("hunter2-hunter2", ""), needles("hunter2-hunter2-and-more", ""));
        let redactor = Redactor::new([&short, &long]);
        let clean = redactor.text(b"hunter2-hunter2-and-more hunter2-hunter2").into_owned();
        assert_eq!(clean, b"[redacted] [redacted]");
    }
}
