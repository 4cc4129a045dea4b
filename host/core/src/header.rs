//! HTTP headers that only the host sets, whoever asks for another value.
//!
//! An underscore counts as a hyphen, because many servers read it as one.

/// What belongs to the connection, to the framing of a message, or to how the host wants the answer: whole and in the clear, for a secret
/// in pieces or in another encoding would not be found in it.
const OURS: [&str; 14] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "keep-alive",
    "http2-settings",
    "accept-encoding",
    "accept-charset",
    "range",
    "alt-used",
];

/// Whether a header is one that nobody but the host sets, not even as a credential.
pub fn is_the_hosts_own(name: &str) -> bool {
    let name = plain(name);
    OURS.contains(&name.as_str()) || name.starts_with("proxy-")
}

/// A name in the one spelling in which names are compared: lower case, with hyphens.
pub fn plain(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_the_connection_is_the_hosts_in_every_spelling() {
        for name in ["Host", "content_length", "TE", "Proxy-Authorization", "proxy_anything"] {
            assert!(is_the_hosts_own(name), "{name}");
        }
        for name in ["authorization", "x-api-key", "hosts", "proxy", ""] {
            assert!(!is_the_hosts_own(name), "{name}");
        }
    }
}
