//! Why a fetch came to nothing.

use std::error::Error;
use std::io;
use std::time::Duration;

use tokio::task::JoinError;

use crate::EgressError;
use crate::http::{CONNECT_PATIENCE, Unread};

/// The most characters of a plugin's text that a sentence repeats.
const LONGEST_QUOTE: usize = 64;

/// Why a fetch came to nothing. A sentence for a person and, behind it, causes for the log; neither shows a path, a query, a body or a
/// secret, nor anything that the server wrote.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The URL cannot be used, for this reason.
    #[error("the URL {0}")]
    Url(&'static str),
    /// The operator did not grant this.
    #[error("{origin} is not granted to this plugin")]
    NotGranted {
        /// Scheme, host and port.
        origin: String,
    },
    /// Granted, but not to be dialled: in these words.
    #[error("{0}")]
    OutOfReach(String),
    /// A header that a plugin may not send, for this reason.
    #[error("the header \"{name}\" {reason}")]
    Header {
        /// As the plugin wrote it, escaped and cut.
        name: String,
        /// Why.
        reason: &'static str,
    },
    /// More headers than allowed.
    #[error("a request has at most {most} headers of {most_bytes} bytes together")]
    Headers {
        /// How many are allowed.
        most: usize,
        /// How many bytes of names and values are allowed.
        most_bytes: usize,
    },
    /// The plugin has no such credential. Another plugin may.
    #[error("this plugin has no credential called \"{name}\"")]
    UnknownCredential {
        /// As the plugin wrote it, escaped and cut.
        name: String,
    },
    /// The credential is not for this origin, or not without TLS.
    #[error("the credential {name} must not be shown to {origin}: it is for its own origins alone, over https")]
    CredentialElsewhere {
        /// Its name.
        name: String,
        /// Scheme, host and port.
        origin: String,
    },
    /// The body is larger than the plugin may send.
    #[error("the request's body is larger than {0} bytes")]
    RequestTooLarge(usize),
    /// The answer's body is larger than asked for.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The answer's headers are larger than allowed.
    #[error("the headers of the answer are larger than {0} bytes")]
    AnswerHeaders(usize),
    /// The answer came in a form that cannot be searched for the credential, and was not asked for in it.
    #[error("{0} compressed its answer to a request with a credential although it was asked not to, so it is not used")]
    Encoded(String),
    /// The answer could not be searched for credentials.
    #[error("the answer could not be searched for credentials, so it is not used")]
    Unsearched(#[source] JoinError),
    /// It took longer than allowed.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The host is not known, or does not take the connection.
    #[error("no connection to {host}")]
    Connect {
        /// The host.
        host: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The host did not prove who it is, or does not speak TLS.
    #[error("no secure connection to {host}")]
    Tls {
        /// The host.
        host: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The answer is a redirect to another scheme, host or port, or to nowhere.
    #[error("{origin} redirects to somewhere else, which is not followed")]
    RedirectElsewhere {
        /// Who says so.
        origin: String,
    },
    /// One redirect after another.
    #[error("{origin} redirects more than {most} times")]
    Redirects {
        /// Who says so.
        origin: String,
        /// How many are followed.
        most: usize,
    },
    /// The connection ended early, or what came is not HTTP.
    #[error("{host} did not answer properly")]
    Broken {
        /// The host.
        host: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
}

impl FetchError {
    pub(super) fn header(name: &str, reason: &'static str) -> Self {
        Self::Header {
            name: quote(name),
            reason,
        }
    }

    pub(super) fn unknown_credential(name: &str) -> Self {
        Self::UnknownCredential { name: quote(name) }
    }

    /// For an exchange with `host` that failed.
    pub(super) fn failed(error: reqwest::Error, host: &str) -> Self {
        let (source, host) = (error.without_url(), host.to_owned());
        match refusal(&source) {
            Some(EgressError::Timeout(limit)) => Self::Timeout(*limit),
            Some(EgressError::Lookup { .. }) => Self::Connect { host, source },
            Some(refusal) => Self::OutOfReach(refusal.to_string()),
            None if is_tls(&source) => Self::Tls { host, source },
            None if source.is_connect() && source.is_timeout() => Self::Timeout(CONNECT_PATIENCE),
            None if source.is_connect() => Self::Connect { host, source },
            None => Self::Broken { host, source },
        }
    }

    /// For a body from `host` that was not read.
    pub(super) fn unread(unread: Unread, host: &str) -> Self {
        match unread {
            Unread::TooLarge(most) => Self::TooLarge(most),
            Unread::Broken(error) => Self::failed(error, host),
        }
    }
}

/// What a person may be shown of a plugin's text.
fn quote(text: &str) -> String {
    text.chars()
        .flat_map(char::escape_default)
        .take(LONGEST_QUOTE)
        .collect()
}

/// What the guard said when it was asked for a name's addresses.
fn refusal(error: &reqwest::Error) -> Option<&EgressError> {
    causes(error).find_map(<dyn Error>::downcast_ref)
}

fn is_tls(error: &reqwest::Error) -> bool {
    causes(error)
        .filter_map(<dyn Error>::downcast_ref::<io::Error>)
        .any(wraps_tls)
}

/// An I/O error leaves the error that it wraps out of its chain.
fn wraps_tls(error: &io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(|inner| inner.is::<rustls::Error>() || inner.downcast_ref::<io::Error>().is_some_and(wraps_tls))
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugins_text_is_repeated_escaped_and_cut() {
        let error = FetchError::unknown_credential(&"\r\n\u{202e}\"é".repeat(1000));
        let sentence = error.to_string();
        assert!(sentence.is_ascii() && sentence.len() < 120, "{sentence}");
        assert!(!sentence.contains(['\r', '\n']), "{sentence:?}");
    }
}
