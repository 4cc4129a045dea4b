//! WhatsApp's demand for a passkey before it links a device.

use std::time::Duration;

use serde::Deserialize;

/// How long a challenge is good for that does not say so.
const USUAL: Duration = Duration::from_secs(60);
/// The longest that a challenge is waited for, whatever it says.
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// The part of WebAuthn's `PublicKeyCredentialRequestOptions` that matters here.
#[derive(Deserialize)]
struct Options {
    /// In milliseconds.
    timeout: Option<u64>,
}

/// How long a challenge is good for.
pub(super) fn timeout(challenge: &str) -> Duration {
    let options: Option<Options> = serde_json::from_str(challenge).ok();
    let said = options.and_then(|options| options.timeout).map(Duration::from_millis);
    said.unwrap_or(USUAL).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_good_for_as_long_as_it_says_within_reason() {
        for (challenge, seconds) in [
            (r#"{"challenge":"YWJj","timeout":30000}"#, 30),
            (r#"{"challenge":"YWJj"}"#, 60),
            (r#"{"timeout":18446744073709551615}"#, 600),
            (r#"{"timeout":"soon"}"#, 60),
            ("no JSON", 60),
        ] {
            assert_eq!(timeout(challenge), Duration::from_secs(seconds), "{challenge}");
        }
    }
}
