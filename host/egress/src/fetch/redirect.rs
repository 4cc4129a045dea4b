//! Where a redirect leads: on within its origin, or nowhere.

use bytes::Bytes;
use reqwest::header::{CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE, HeaderMap, LOCATION};
use url::Url;

use super::error::FetchError;
use super::target::Target;
use crate::Method;

/// How many redirects of one fetch are followed.
pub(super) const MOST_REDIRECTS: usize = 3;

/// One request of a fetch, complete but for what the host adds.
pub(super) struct Hop {
    pub(super) method: Method,
    pub(super) target: Target,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Hop {
    /// The request that an answer asks for instead of this one; itself back when the answer is none of that kind.
    ///
    /// # Errors
    /// When the answer leads out of the origin.
    pub(super) fn redirected(self, status: u16, answer: &HeaderMap) -> Result<Redirected, FetchError> {
        let (301 | 302 | 303 | 307 | 308, Some(location)) = (status, answer.get(LOCATION)) else {
            return Ok(Redirected::No(self));
        };
        let location = location
            .to_str()
            .ok()
            .and_then(|text| self.target.url().join(text).ok());
        let target = location.and_then(|url| self.within(url));
        let target = target.ok_or_else(|| FetchError::RedirectElsewhere {
            origin: self.target.origin().to_string(),
        })?;
        Ok(Redirected::To(match (status, self.method) {
            // As browsers do it, and so every server expects it.
            (303, _) | (301 | 302, Method::Post) => self.into_get(target),
            _ => Self { target, ..self },
        }))
    }

    fn within(&self, url: Url) -> Option<Target> {
        let target = Target::new(url).ok()?;
        (target.origin() == self.target.origin()).then_some(target)
    }

    fn into_get(self, target: Target) -> Self {
        let mut headers = self.headers;
        for about_the_body in [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION] {
            headers.remove(about_the_body);
        }
        Self {
            method: Method::Get,
            target,
            headers,
            body: Bytes::new(),
        }
    }
}

/// What an answer makes of a request.
pub(super) enum Redirected {
    /// Nothing: it is the answer.
    No(Hop),
    /// Another request.
    To(Hop),
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn redirected(method: Method, status: u16, location: Option<&str>) -> Result<Redirected, FetchError> {
        let hop = Hop {
            method,
            target: Target::read("https://api.example.com/v1/speech?x=1").unwrap(),
            headers: HeaderMap::from_iter([
                (CONTENT_TYPE, HeaderValue::from_static("text/plain")),
                (reqwest::header::ACCEPT, HeaderValue::from_static("*/*")),
            ]),
            body: Bytes::from_static(b"hello"),
        };
        let location = location.map(|text| (LOCATION, HeaderValue::from_bytes(text.as_bytes()).unwrap()));
        hop.redirected(status, &location.into_iter().collect())
    }

    fn followed(method: Method, status: u16, location: &str) -> Hop {
        match redirected(method, status, Some(location)) {
            Ok(Redirected::To(hop)) => hop,
            _ => panic!("{status} {location} is not followed"),
        }
    }

    #[test]
    fn a_redirect_within_the_origin_is_followed() {
        for (location, url) in [
            ("/v2", "https://api.example.com/v2"),
            ("other?y=2#z", "https://api.example.com/v1/other?y=2"),
            ("//API.example.com./v2", "https://api.example.com/v2"),
            ("https://api.example.com:443/v2", "https://api.example.com/v2"),
        ] {
            assert_eq!(
                followed(Method::Get, 302, location).target.url().as_str(),
                url,
                "{location}"
            );
        }
    }

    #[test]
    fn a_redirect_out_of_the_origin_is_an_error_that_does_not_repeat_it() {
        for location in [
            "https://evil.example/hunter2",
            "//evil.example/",
            "\\\\evil.example\\",
            "/\\evil.example/",
            "http://api.example.com/v1",
            "https://api.example.com:8443/",
            "https://api.example.com@evil.example/",
            "https://user:hunter2@api.example.com/",
            "http://169.254.169.254/latest/meta-data/",
            "http://2130706433/",
            "https://api.example.com.evil.example/",
            "file:///etc/passwd",
            "data:text/plain,x",
            "https://",
            "/é",
        ] {
            let error = redirected(Method::Get, 307, Some(location)).err().unwrap();
            assert!(
                matches!(error, FetchError::RedirectElsewhere { .. }),
                "{location}: {error}"
            );
            let sentence = "https://api.example.com redirects to somewhere else, which is not followed";
            assert_eq!(error.to_string(), sentence);
        }
    }

    #[test]
    fn method_and_body_change_as_in_a_browser() {
        for (method, status, then) in [
            (Method::Post, 301, Method::Get),
            (Method::Post, 302, Method::Get),
            (Method::Post, 303, Method::Get),
            (Method::Put, 303, Method::Get),
            (Method::Delete, 303, Method::Get),
            (Method::Put, 302, Method::Put),
            (Method::Post, 307, Method::Post),
            (Method::Patch, 308, Method::Patch),
        ] {
            let hop = followed(method, status, "/v2");
            assert_eq!(hop.method, then, "{method:?} {status}");
            let kept = then != Method::Get;
            assert_eq!(
                (hop.body.is_empty(), hop.headers.contains_key(CONTENT_TYPE)),
                (!kept, kept)
            );
            assert!(hop.headers.contains_key("accept"));
        }
    }

    #[test]
    fn what_is_no_redirect_is_an_answer() {
        for (status, location) in [
            (200, Some("/v2")),
            (201, Some("/v2")),
            (304, Some("/v2")),
            (300, Some("/v2")),
            (302, None),
        ] {
            let answer = redirected(Method::Post, status, location);
            assert!(matches!(answer, Ok(Redirected::No(_))), "{status}");
        }
    }
}
