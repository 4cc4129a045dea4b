//! A plugin's fetch: what of its request the operator has granted, sent by the host, with the host's secrets.
//!
//! Bounds: 20 seconds from the asking to the answer, also when many ask at once and it has to wait for a place; 16 MiB of body each way;
//! and what of answers is kept for a request, 32 MiB together.

use std::time::Duration;

use switchboard_core::problem::{Code, Problem};
use switchboard_egress::Method;
use switchboard_egress::fetch::{FetchError, FetchRequest};
use switchboard_plugins::Plugin;
use switchboard_plugins::contract::effects::{Fetch, Outcome};
use switchboard_plugins::contract::http::{Body, Data, Method as ContractMethod, Response};
use tokio::time::{Instant, timeout_at};

use super::body::MOST_INLINE;
use super::{Carrier, form};
use crate::parts::Parts;

/// How long an exchange may take when the plugin says nothing, and at most.
const TIMEOUT: Duration = Duration::from_secs(20);
/// The largest body of an answer.
const MOST_BYTES: usize = 16 * 1024 * 1024;

impl Carrier<'_> {
    pub(super) async fn fetch(&self, plugin: &Plugin, wanted: Fetch) -> Result<Outcome, Problem> {
        let Fetch {
            request,
            credential,
            keep,
            timeout_ms,
        } = wanted;
        let grants = &self.service.parts.grants;
        let grant = grants.of(plugin)?;
        if let Some(missing) = credential.as_ref().and_then(|name| grants.lacks(plugin, name)) {
            return Err(Problem::new(Code::FORBIDDEN, missing));
        }
        let mut headers = request.headers;
        let body = match request.body {
            Body::Form(parts) => {
                if form::MOST_PARTS < parts.len() {
                    let sentence = format!("A form must have at most {} parts.", form::MOST_PARTS);
                    return Err(Problem::invalid_field("body", sentence));
                }
                let boundary = form::boundary(&*self.service.parts.random);
                headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
                headers.push((
                    "content-type".to_owned(),
                    format!("multipart/form-data; boundary={boundary}"),
                ));
                let parts = parts.into_iter().map(|part| {
                    let bytes = self.bytes(part.data)?;
                    Ok(form::Part {
                        name: part.name,
                        filename: part.filename,
                        mime: part.mime,
                        bytes,
                    })
                });
                form::body(&boundary, parts.collect::<Result<_, Problem>>()?)
            }
            Body::Empty => Vec::new(),
            Body::Whole(data) => vec![self.bytes(data)?],
        };
        let timeout = timeout_ms.map_or(TIMEOUT, |ms| Duration::from_millis(ms.into()).min(TIMEOUT));
        let request = FetchRequest {
            method: method(request.method),
            url: request.url,
            headers,
            body,
            credential,
            timeout,
            max_response_bytes: MOST_BYTES,
        };
        let Parts { places, fetcher, .. } = &*self.service.parts;
        let deadline = Instant::now() + timeout;
        let place = timeout_at(deadline, places.take(plugin.id())).await;
        let _place = place.map_err(|_| busy())?.map_err(Problem::internal)?;
        let fetched = timeout_at(deadline, fetcher.fetch(&grant, request)).await;
        let response = fetched.unwrap_or(Err(FetchError::Timeout(timeout))).map_err(problem)?;
        let is_kept = keep && (200..300).contains(&response.status);
        let mime = response
            .headers
            .iter()
            .find(|(name, _)| name == "content-type")
            .map(|(_, value)| value.clone());
        let body = if is_kept || MOST_INLINE < response.body.len() {
            Body::Whole(Data::Blob(self.blobs.keep_fetched(response.body, mime.as_deref())?))
        } else {
            self.body(response.body, mime.as_deref())
        };
        Ok(Outcome::Fetched(Response {
            status: response.status,
            headers: response.headers,
            body,
        }))
    }
}

const fn method(method: ContractMethod) -> Method {
    match method {
        ContractMethod::Get => Method::Get,
        ContractMethod::Post => Method::Post,
        ContractMethod::Put => Method::Put,
        ContractMethod::Patch => Method::Patch,
        ContractMethod::Delete => Method::Delete,
    }
}

/// There was no place within the time of the fetch. It was never sent, so it may be asked for again.
fn busy() -> Problem {
    let sentence = "Too many fetches are under way; this one was not sent.";
    Problem::new(Code::UNAVAILABLE, sentence).retry_after(Duration::from_secs(1))
}

/// What the plugin is told. What was never sent is its own fault or the operator's; the rest is the service's.
fn problem(error: FetchError) -> Problem {
    let code = match &error {
        FetchError::NotGranted { .. } | FetchError::OutOfReach(_) | FetchError::CredentialElsewhere { .. } => {
            Code::FORBIDDEN
        }
        FetchError::Url(_)
        | FetchError::Header { .. }
        | FetchError::Headers { .. }
        | FetchError::UnknownCredential { .. }
        | FetchError::RequestTooLarge(_) => Code::INVALID_FIELD,
        _ => Code::UPSTREAM_FAILED,
    };
    let sentence = sentence(&error.to_string());
    Problem::new(code, sentence).cause(error)
}

/// An error as a sentence. What begins with an address stays as it is.
fn sentence(error: &str) -> String {
    let first = error.split(' ').next().unwrap_or_default();
    let is_word = first.bytes().all(|byte| byte.is_ascii_lowercase());
    let (begin, rest) = error.split_at(usize::from(is_word && !first.is_empty()));
    format!("{}{rest}.", begin.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_begins_with_a_capital_but_an_address_does_not() {
        for (error, expected) in [
            ("the URL has no host", "The URL has no host."),
            ("https://a.example is not granted", "https://a.example is not granted."),
            ("10.0.0.1 is private", "10.0.0.1 is private."),
            ("", "."),
        ] {
            assert_eq!(sentence(error), expected);
        }
    }
}
