//! Which of Meta's errors stands for which code of the host.
//!
//! Clients branch on the number, so each row is the number that asks them to do the right thing: try again, ask for another token,
//! give the message up. The titles are those of Meta's list of error codes.

/// Meta's kinds of exceptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    OAuthException,
    /// About the object or the method of a request. A client that tests its token takes it for a good one.
    GraphMethodException,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::OAuthException => "OAuthException",
            Self::GraphMethodException => "GraphMethodException",
        }
    }
}

/// One of Meta's errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Meaning {
    /// The status of the answer.
    pub(crate) status: u16,
    pub(crate) code: u32,
    pub(crate) subcode: Option<u32>,
    pub(crate) kind: Kind,
    pub(crate) title: &'static str,
}

/// The answer to content that cannot be sent.
pub(crate) const UNSUPPORTED_TYPE: Meaning = oauth(400, 131_051, "Unsupported message type");
/// The answer to a value that cannot be.
pub(crate) const WRONG_VALUE: Meaning = oauth(400, 131_009, "Parameter value is not valid");
/// The answer to a body that is no list of parameters.
pub(crate) const WRONG_BODY: Meaning = oauth(400, 100, "Invalid parameter");

const BAD_TOKEN: Meaning = oauth(401, 190, "Invalid OAuth access token - Cannot parse access token");
const NO_PERMISSION: Meaning = oauth(403, 10, "Application does not have permission for this action");
const NOTHING_THERE: Meaning = Meaning {
    subcode: Some(33),
    kind: Kind::GraphMethodException,
    ..oauth(
        400,
        100,
        "Unsupported request. Object does not exist, cannot be loaded due to missing permissions, or does not support this \
         operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api",
    )
};
const WRONG_METHOD: Meaning = Meaning {
    kind: Kind::GraphMethodException,
    ..oauth(400, 100, "Unsupported request - method type")
};
const NO_CAPABILITY: Meaning = oauth(400, 3, "Application does not have the capability to make this API call");
const NOT_REGISTERED: Meaning = oauth(400, 133_010, "Account not registered");
const UNDELIVERABLE: Meaning = oauth(400, 131_026, "Message undeliverable");
const TOO_MANY: Meaning = oauth(429, 130_429, "Rate limit hit");
/// The answer to too many requests, of whatever kind.
pub(crate) const TOO_MANY_REQUESTS: Meaning = oauth(429, 4, "Application request limit reached");
const UNAVAILABLE: Meaning = oauth(503, 131_016, "Service unavailable");
pub(crate) const FAILED: Meaning = oauth(500, 131_000, "Something went wrong");

const fn oauth(status: u16, code: u32, title: &'static str) -> Meaning {
    Meaning {
        status,
        code,
        subcode: None,
        kind: Kind::OAuthException,
        title,
    }
}

impl Meaning {
    /// What a code of the host means, and any other code by its status.
    pub(crate) fn of(code: &str, status: u16) -> Self {
        let with_status = |meaning: Self| Self { status, ..meaning };
        match code {
            "unauthorized" => BAD_TOKEN,
            "forbidden" => NO_PERMISSION,
            "not_found" | "session_not_found" => NOTHING_THERE,
            "method_not_allowed" => WRONG_METHOD,
            "message_not_found" | "invalid_field" | "conflict" => WRONG_VALUE,
            "invalid_json" | "unsupported_media_type" | "not_acceptable" => WRONG_BODY,
            "body_too_large" => with_status(WRONG_BODY),
            "unknown_type" => UNSUPPORTED_TYPE,
            "session_not_linked" => NOT_REGISTERED,
            "recipient_not_on_whatsapp" | "whatsapp_refused" => UNDELIVERABLE,
            "rate_limited" => TOO_MANY,
            "not_supported" => NO_CAPABILITY,
            "unavailable" | "plugin_busy" => UNAVAILABLE,
            "plugin_timeout" | "request_timeout" | "upstream_failed" => with_status(UNAVAILABLE),
            "internal" | "plugin_trap" => FAILED,
            _ => match status {
                401 => BAD_TOKEN,
                403 => NO_PERMISSION,
                404 => NOTHING_THERE,
                429 => TOO_MANY,
                400..500 => with_status(WRONG_BODY),
                502..=504 => with_status(UNAVAILABLE),
                _ => FAILED,
            },
        }
    }

    /// The sentence in an answer: the title behind its number, where Meta puts one.
    pub(crate) fn message(&self) -> String {
        match self.kind {
            Kind::OAuthException if self.code != BAD_TOKEN.code => format!("(#{}) {}", self.code, self.title),
            _ => self.title.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_host_has_a_number_that_tells_a_client_what_to_do() {
        for (code, status, answer, number) in [
            ("invalid_field", 400, 400, 131_009),
            ("invalid_json", 400, 400, 100),
            ("unknown_type", 400, 400, 131_051),
            ("unauthorized", 401, 401, 190),
            ("forbidden", 403, 403, 10),
            ("not_found", 404, 400, 100),
            ("session_not_found", 404, 400, 100),
            ("message_not_found", 404, 400, 131_009),
            ("method_not_allowed", 405, 400, 100),
            ("not_acceptable", 406, 400, 100),
            ("session_not_linked", 409, 400, 133_010),
            ("conflict", 409, 400, 131_009),
            ("body_too_large", 413, 413, 100),
            ("unsupported_media_type", 415, 400, 100),
            ("recipient_not_on_whatsapp", 422, 400, 131_026),
            ("whatsapp_refused", 422, 400, 131_026),
            ("rate_limited", 429, 429, 130_429),
            ("internal", 500, 500, 131_000),
            ("plugin_trap", 500, 500, 131_000),
            ("not_supported", 501, 400, 3),
            ("upstream_failed", 502, 502, 131_016),
            ("unavailable", 503, 503, 131_016),
            ("plugin_busy", 503, 503, 131_016),
            ("plugin_timeout", 504, 504, 131_016),
            ("request_timeout", 504, 504, 131_016),
        ] {
            let meaning = Meaning::of(code, status);
            assert_eq!((meaning.status, meaning.code), (answer, number), "{code}");
        }
    }

    #[test]
    fn a_code_that_nobody_knows_goes_by_its_status() {
        for (status, number) in [
            (401, 190),
            (403, 10),
            (404, 100),
            (418, 100),
            (429, 130_429),
            (500, 131_000),
            (503, 131_016),
            (599, 131_000),
        ] {
            assert_eq!(Meaning::of("otp_expired", status).code, number, "{status}");
        }
    }

    #[test]
    fn the_number_stands_before_the_title_where_meta_puts_it() {
        assert_eq!(TOO_MANY.message(), "(#130429) Rate limit hit");
        assert!(BAD_TOKEN.message().starts_with("Invalid OAuth"));
        assert!(NOTHING_THERE.message().starts_with("Unsupported request."));
    }
}
