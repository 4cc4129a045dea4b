//! The URL that a plugin wrote, read so that what is checked is what is sent.
//!
//! The URL parser of browsers mends what it is given: it drops tabs and line breaks, takes a backslash for a slash, and finds hosts in
//! odd places. Nobody needs that from a plugin, so such a URL is refused before it is mended.

use switchboard_core::origin::Origin;
use url::Url;

use super::error::FetchError;
use crate::reach::read_url;

/// The longest URL, in bytes.
const LONGEST_URL: usize = 8 << 10;

/// A URL and the origin that it leads to.
pub(super) struct Target {
    url: Url,
    origin: Origin,
    host: String,
}

impl Target {
    /// Reads a plugin's URL.
    ///
    /// # Errors
    /// When it cannot be used, or reads differently to different readers.
    pub(super) fn read(text: &str) -> Result<Self, FetchError> {
        if text.len() > LONGEST_URL {
            return Err(FetchError::Url("is longer than 8192 bytes"));
        }
        if text.contains(|c: char| c == '\\' || c.is_whitespace() || c.is_control()) {
            return Err(FetchError::Url(
                "must not contain spaces, control characters or backslashes",
            ));
        }
        let url = read_url(text).map_err(FetchError::Url)?;
        let rest = text.split_once("://").map(|(_, rest)| rest).unwrap_or_default();
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(FetchError::Url("must not contain a user name or a password"));
        }
        if authority.is_empty() {
            return Err(FetchError::Url("must name a host after https://"));
        }
        Self::new(url)
    }

    /// The same for a URL that was found by following one.
    pub(super) fn new(mut url: Url) -> Result<Self, FetchError> {
        let unusable = || FetchError::Url("names no host that could be reached");
        if !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::Url("must not contain a user name or a password"));
        }
        let origin = Origin::of(&url).ok_or_else(unusable)?;
        let host = origin.host().ok_or_else(unusable)?.to_string();
        // The name without the dot of the root, which is the one that was compared.
        url.set_host(Some(&host)).map_err(|_| unusable())?;
        url.set_fragment(None);
        Ok(Self { url, origin, host })
    }

    pub(super) const fn url(&self) -> &Url {
        &self.url
    }

    pub(super) const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The host as it stands in the URL.
    pub(super) fn host(&self) -> &str {
        &self.host
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_what_was_compared() {
        for (text, url, origin) in [
            (
                "https://api.example.com",
                "https://api.example.com/",
                "https://api.example.com",
            ),
            (
                "HTTPS://API.Example.COM.:443/a?b#c",
                "https://api.example.com/a?b",
                "https://api.example.com",
            ),
            (
                "https://ａｐｉ.example。com/é",
                "https://api.example.com/%C3%A9",
                "https://api.example.com",
            ),
            ("http://0x7f.1:80/", "http://127.0.0.1/", "http://127.0.0.1"),
            ("http://127.0.0.1./", "http://127.0.0.1/", "http://127.0.0.1"),
            (
                "http://[::FFFF:127.0.0.1]:5000/",
                "http://[::ffff:7f00:1]:5000/",
                "http://[::ffff:7f00:1]:5000",
            ),
            ("https://a.example/@b/..", "https://a.example/", "https://a.example"),
        ] {
            let target = Target::read(text).unwrap();
            assert_eq!(
                (target.url().as_str(), target.origin().to_string().as_str()),
                (url, origin),
                "{text}"
            );
        }
    }
}
