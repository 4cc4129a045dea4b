//! The one way to fail: a [`Problem`] travels from any crate to the edge, where each HTTP dialect renders it in its own words.
//!
//! A small enum of errors may live inside a crate; what faces a person is a `Problem`. Use 400 for the shape of a request and for
//! its fields, 422 for what only WhatsApp or a provider can know, and [`Problem::internal`] for everything nobody asked about: its
//! cause goes to one log line with the request id and never to the client.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// A stable, machine-readable name for a kind of failure and the HTTP status it answers with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Code {
    name: Cow<'static, str>,
    status: u16,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $constant:ident = $status:literal $name:literal;)*) => {
        impl Code {
            $($(#[$doc])* pub const $constant: Self = Self { name: Cow::Borrowed($name), status: $status };)*

            /// Every code of our own, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$constant),*];
        }
    };
}

codes! {
    /// A field has a value that is not allowed; `field` names it.
    INVALID_FIELD = 400 "invalid_field";
    /// The body is not JSON, or not a JSON object.
    INVALID_JSON = 400 "invalid_json";
    /// No plugin offers this message type.
    UNKNOWN_TYPE = 400 "unknown_type";
    /// No token, or one that is not valid.
    UNAUTHORIZED = 401 "unauthorized";
    /// A valid token that may not do this.
    FORBIDDEN = 403 "forbidden";
    /// There is no such route.
    NOT_FOUND = 404 "not_found";
    /// There is no such session, or the token may not see it.
    SESSION_NOT_FOUND = 404 "session_not_found";
    /// There is no such token, or the caller may not see it.
    TOKEN_NOT_FOUND = 404 "token_not_found";
    /// There is no such message, or the token may not see it.
    MESSAGE_NOT_FOUND = 404 "message_not_found";
    /// There is no such plugin.
    PLUGIN_NOT_FOUND = 404 "plugin_not_found";
    /// The route exists, but not with this method.
    METHOD_NOT_ALLOWED = 405 "method_not_allowed";
    /// None of the representations the client accepts can be made.
    NOT_ACCEPTABLE = 406 "not_acceptable";
    /// The session is in a state in which this cannot be done.
    SESSION_NOT_LINKED = 409 "session_not_linked";
    /// The session is in the wrong state for this operation.
    CONFLICT = 409 "conflict";
    /// There is no QR code to scan at this moment.
    QR_NOT_AVAILABLE = 409 "qr_not_available";
    /// The body is larger than `server.max_body_kib`.
    BODY_TOO_LARGE = 413 "body_too_large";
    /// The body is not sent as `application/json`.
    UNSUPPORTED_MEDIA_TYPE = 415 "unsupported_media_type";
    /// WhatsApp knows no account with this number.
    RECIPIENT_NOT_ON_WHATSAPP = 422 "recipient_not_on_whatsapp";
    /// WhatsApp took the message and refused it.
    WHATSAPP_REFUSED = 422 "whatsapp_refused";
    /// A plugin cannot be loaded as it is; what served before it serves on.
    PLUGIN_REFUSED = 422 "plugin_refused";
    /// The voice cannot be used now: its provider lacks a credential, or does not answer.
    VOICE_UNAVAILABLE = 422 "voice_unavailable";
    /// More than is allowed in this time; see `Retry-After`.
    RATE_LIMITED = 429 "rate_limited";
    /// Something failed here that nobody could have asked for.
    INTERNAL = 500 "internal";
    /// A plugin crashed or broke its contract.
    PLUGIN_TRAP = 500 "plugin_trap";
    /// This is not offered by this version.
    NOT_SUPPORTED = 501 "not_supported";
    /// A service behind us answered with a failure.
    UPSTREAM_FAILED = 502 "upstream_failed";
    /// A plugin keeps as much as it may; what it was to keep now is not kept.
    RECORDS_FULL = 507 "records_full";
    /// The server is starting, stopping, or out of something it needs.
    UNAVAILABLE = 503 "unavailable";
    /// Every instance a plugin may have is busy; see `Retry-After`.
    PLUGIN_BUSY = 503 "plugin_busy";
    /// A plugin crashed again and again and is set aside for a while; see `Retry-After`.
    PLUGIN_SET_ASIDE = 503 "plugin_set_aside";
    /// A plugin used up its time.
    PLUGIN_TIMEOUT = 504 "plugin_timeout";
    /// The request took longer than the server allows.
    REQUEST_TIMEOUT = 504 "request_timeout";
}

impl Code {
    /// A code that a plugin made up. `None` unless the status is 4xx or 5xx and the name is 1 to 64 of `a-z`, `0-9` and `_`.
    pub fn foreign(status: u16, name: &str) -> Option<Self> {
        let name_ok = (1..=64).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        ((400..600).contains(&status) && name_ok).then(|| Self {
            name: Cow::Owned(name.to_owned()),
            status,
        })
    }

    /// The name: `snake_case`, stable across versions.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The HTTP status, 400 to 599.
    pub const fn status(&self) -> u16 {
        self.status
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A failure with a code for programs, a sentence for a person and, where there is one, the field it is about.
#[derive(Debug)]
pub struct Problem {
    code: Code,
    message: String,
    field: Option<String>,
    retry_after: Option<Duration>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Problem {
    /// A problem with one sentence for the person who made the request. Say what is wrong and what is allowed.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            field: None,
            retry_after: None,
            cause: None,
        }
    }

    /// `invalid_field`: the sentence says what is allowed in `field`.
    pub fn invalid_field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Code::INVALID_FIELD, message).field(field)
    }

    /// A failure of ours. The client gets a fixed sentence; `cause` goes to the log.
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(
            Code::INTERNAL,
            "Something failed on our side. The request id leads to the details in the log.",
        )
        .cause(cause)
    }

    /// Names the field of the request, in dotted form (`contacts.0.name`).
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Says when trying again may help.
    #[must_use]
    pub const fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// Keeps what is behind it, for the log only.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The code, with its status.
    pub const fn code(&self) -> &Code {
        &self.code
    }

    /// The sentence for a person.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The field of the request, in dotted form.
    pub fn field_name(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// When trying again may help.
    pub const fn retry_delay(&self) -> Option<Duration> {
        self.retry_after
    }

    /// What is behind it and all that is behind that, as one line for the log.
    pub fn cause_chain(&self) -> Option<String> {
        let mut next: Option<&dyn Error> = self.cause.as_deref().map(|cause| cause as &dyn Error);
        let mut line = next?.to_string();
        while let Some(cause) = next.and_then(Error::source) {
            line.push_str(": ");
            line.push_str(&cause.to_string());
            next = Some(cause);
        }
        Some(line)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Problem {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("inner")]
    struct Inner;

    #[test]
    fn every_code_is_a_client_or_server_error_with_a_name_of_its_own() {
        let mut names: Vec<_> = Code::ALL.iter().map(Code::name).collect();
        assert!(Code::ALL.iter().all(|code| (400..600).contains(&code.status())));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Code::ALL.len());
    }

    #[test]
    fn a_foreign_code_must_be_a_failure_with_a_plain_name() {
        assert_eq!(Code::foreign(422, "otp_expired").unwrap().status(), 422);
        for (status, name) in [
            (200, "ok"),
            (399, "x"),
            (600, "x"),
            (400, ""),
            (400, "Bad Name"),
            (400, "a\r\nb"),
        ] {
            assert_eq!(Code::foreign(status, name), None, "{status} {name:?}");
        }
        assert_eq!(Code::foreign(400, &"x".repeat(65)), None);
    }

    #[test]
    fn an_internal_cause_is_for_the_log_and_not_for_the_sentence() {
        let problem = Problem::internal(Outer(Inner));
        assert!(!problem.to_string().contains("outer"));
        assert_eq!(problem.cause_chain().as_deref(), Some("outer: inner"));
        assert_eq!(Problem::invalid_field("to", "wrong").cause_chain(), None);
    }
}
