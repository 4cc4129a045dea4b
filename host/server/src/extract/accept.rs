//! Which of several representations a client wants: the `Accept` header (RFC 9110, section 12.5.1).

use axum::http::header::{self, HeaderMap};
use switchboard_core::problem::{Code, Problem};

/// The offer that the client prefers; among equals the first. No header, or one that cannot be read, means that all are welcome.
///
/// # Errors
/// `not_acceptable` when the client takes none of them; the sentence lists the offers.
pub(crate) fn negotiate<'a>(headers: &HeaderMap, offers: &[&'a str]) -> Result<&'a str, Problem> {
    let accepted: Vec<Range> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(Range::parse)
        .collect();
    let mut best: Option<(&str, u16)> = None;
    for offer in offers {
        let quality = if accepted.is_empty() {
            Range::FULL
        } else {
            quality(&accepted, offer)
        };
        if quality > best.map_or(0, |(_, quality)| quality) {
            best = Some((offer, quality));
        }
    }
    best.map(|(offer, _)| offer).ok_or_else(|| {
        Problem::new(
            Code::NOT_ACCEPTABLE,
            format!(
                "This can be had as {}; ask for one of them in Accept.",
                offers.join(", ")
            ),
        )
    })
}

/// The weight of the most specific range that covers the offer.
fn quality(accepted: &[Range], offer: &str) -> u16 {
    accepted
        .iter()
        .filter_map(|range| range.covers(offer).map(|specificity| (specificity, range.weight)))
        .max()
        .map_or(0, |(_, weight)| weight)
}

struct Range {
    pattern: String,
    /// In thousandths.
    weight: u16,
}

impl Range {
    const FULL: u16 = 1000;

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let pattern = parts.next()?.to_ascii_lowercase();
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let weight = match weight {
            None => Self::FULL,
            Some(text) => thousandths(text)?,
        };
        pattern.contains('/').then_some(Self { pattern, weight })
    }

    fn covers(&self, offer: &str) -> Option<u8> {
        if self.pattern == offer {
            return Some(2);
        }
        let family = self.pattern.strip_suffix('*')?;
        if family == "*/" {
            Some(0)
        } else {
            offer.starts_with(family).then_some(1)
        }
    }
}

/// `0`, `1`, or either with up to three decimals.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits_ok = decimals.len() <= 3 && decimals.bytes().all(|digit| digit.is_ascii_digit());
    if !digits_ok {
        return None;
    }
    let fraction: u16 = format!("{decimals:0<3}").parse().ok()?;
    match (whole, fraction) {
        ("0", _) => Some(fraction),
        ("1", 0) => Some(Range::FULL),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFERS: [&str; 3] = ["application/json", "image/png", "image/svg+xml"];

    fn wanted(accept: &[&str]) -> Result<&'static str, Problem> {
        let headers = accept
            .iter()
            .map(|value| (header::ACCEPT, value.parse().unwrap()))
            .collect();
        negotiate(&headers, &OFFERS)
    }

    #[test]
    fn the_client_gets_what_it_prefers() {
        for (accept, offer) in [
            (&[][..], "application/json"),
            (&["*/*"], "application/json"),
            (&["image/png"], "image/png"),
            (&["image/svg+xml, image/png;q=0.9"], "image/svg+xml"),
            (&["image/png;q=0.1", "image/svg+xml;q=0.2"], "image/svg+xml"),
            (&["image/*"], "image/png"),
            (&["image/*, image/png;q=0"], "image/svg+xml"),
            (&["IMAGE/PNG"], "image/png"),
            (
                &["image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"],
                "image/png",
            ),
            (&["text/html,application/xhtml+xml,*/*;q=0.8"], "application/json"),
            (&["nonsense"], "application/json"),
        ] {
            assert_eq!(wanted(accept).unwrap(), offer, "{accept:?}");
        }
    }

    #[test]
    fn a_client_that_takes_none_of_them_is_told_the_list() {
        for accept in ["text/html", "*/*;q=0", "image/gif, video/*"] {
            let problem = wanted(&[accept]).unwrap_err();
            assert_eq!(problem.code(), &Code::NOT_ACCEPTABLE);
            assert!(
                OFFERS.iter().all(|offer| problem.message().contains(offer)),
                "{problem}"
            );
        }
    }
}
