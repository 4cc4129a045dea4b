//! What a path leads to. A first segment in the form `v20.0` is a version; anything else there is the id of an object.

use crate::bindings::exports::switchboard::plugin::dialect::Request;
use crate::routes::{MESSAGES, VERSIONED_EDGE, VERSIONED_MESSAGES, VERSIONED_OBJECT};

/// A path, read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// As it was asked for, such as `v20.0`. None is refused.
    pub(crate) version: Option<String>,
    pub(crate) target: Target,
}

/// What is at the end of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The messages of a phone number: `mobid`, session id or number, for the host to resolve.
    Messages(String),
    /// An object of any kind.
    Object(String),
    /// What hangs on one, other than messages: its id and the rest of the path.
    Edge(String, String),
    /// What a token allows.
    Token,
    /// A version and nothing behind it. Clients ask for it to see whether their token is good.
    Version(String),
    /// A path that no object has.
    Nothing(String),
}

/// What stands where an id does, and is none.
const TOKEN: &str = "debug_token";

impl Target {
    /// What stands at the place of an id.
    fn named(id: String) -> Self {
        if id == TOKEN { Self::Token } else { Self::Object(id) }
    }
}

impl Address {
    pub(crate) fn of(request: &Request) -> Self {
        let param = |wanted: &str| {
            let value = request.params.iter().find(|(name, _)| name == wanted);
            value.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let (first, target) = match request.route.as_str() {
            VERSIONED_MESSAGES => (param("version"), Target::Messages(param("phone"))),
            VERSIONED_OBJECT => (param("version"), Target::named(param("id"))),
            VERSIONED_EDGE => (param("version"), Target::Edge(param("id"), param("edge"))),
            // Behind a version this is no edge of a phone number, but an object of that name.
            MESSAGES if is_version(&param("phone")) => (param("phone"), Target::Object("messages".to_owned())),
            MESSAGES => return Self::without_version(Target::Messages(param("phone"))),
            _ if is_version(&param("id")) => (param("id"), Target::Version(param("id"))),
            _ => return Self::without_version(Target::named(param("id"))),
        };
        if is_version(&first) {
            return Self {
                version: Some(first),
                target,
            };
        }
        Self::without_version(Target::Nothing(match target {
            Target::Messages(phone) => format!("/{phone}/messages"),
            Target::Edge(id, edge) => format!("/{id}/{edge}"),
            Target::Token => format!("/{TOKEN}"),
            Target::Object(id) | Target::Version(id) | Target::Nothing(id) => format!("/{id}"),
        }))
    }

    const fn without_version(target: Target) -> Self {
        Self { version: None, target }
    }
}

/// The version that a path begins with.
pub(crate) fn version_of(path: &str) -> Option<&str> {
    path.split('/').nth(1).filter(|segment| is_version(segment))
}

/// `v<digits>.<digits>`.
fn is_version(segment: &str) -> bool {
    let number = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let parts = segment.strip_prefix('v').and_then(|rest| rest.split_once('.'));
    parts.is_some_and(|(major, minor)| number(major) && number(minor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::switchboard::plugin::http::{Body, Method};
    use crate::routes::OBJECT;

    fn address(route: &str, params: &[(&str, &str)]) -> (Option<String>, Target) {
        let params = params
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let Address { version, target } = Address::of(&Request {
            method: Method::Get,
            base_url: "https://chat.example.com".to_owned(),
            route: route.to_owned(),
            path: String::new(),
            params: params.collect(),
            query: vec![],
            headers: vec![],
            body: Body::Empty,
            caller: None,
        });
        (version, target)
    }

    #[test]
    fn a_path_is_read_with_and_without_a_version() {
        let (phone, v) = ("104857600000001".to_owned(), Some("v20.0".to_owned()));
        for (route, params, expected) in [
            (
                VERSIONED_MESSAGES,
                &[("version", "v20.0"), ("phone", "104857600000001")][..],
                (v.clone(), Target::Messages(phone.clone())),
            ),
            (
                MESSAGES,
                &[("phone", "104857600000001")],
                (None, Target::Messages(phone.clone())),
            ),
            (
                VERSIONED_OBJECT,
                &[("version", "v20.0"), ("id", "104857600000001")],
                (v.clone(), Target::Object(phone.clone())),
            ),
            (
                VERSIONED_EDGE,
                &[("version", "v20.0"), ("id", "104857600000001"), ("edge", "media")],
                (v.clone(), Target::Edge(phone.clone(), "media".to_owned())),
            ),
            (OBJECT, &[("id", "104857600000001")], (None, Target::Object(phone))),
            (OBJECT, &[("id", "debug_token")], (None, Target::Token)),
            (
                VERSIONED_OBJECT,
                &[("version", "v20.0"), ("id", "debug_token")],
                (v.clone(), Target::Token),
            ),
            (
                VERSIONED_EDGE,
                &[("version", "non"), ("id", "sen"), ("edge", "se/x")],
                (None, Target::Nothing("/sen/se/x".to_owned())),
            ),
            (
                OBJECT,
                &[("id", "v20.0")],
                (v.clone(), Target::Version("v20.0".to_owned())),
            ),
            (
                MESSAGES,
                &[("phone", "v20.0")],
                (v, Target::Object("messages".to_owned())),
            ),
            (
                VERSIONED_OBJECT,
                &[("version", "1"), ("id", "media")],
                (None, Target::Nothing("/media".to_owned())),
            ),
            (
                VERSIONED_MESSAGES,
                &[("version", "1"), ("phone", "2")],
                (None, Target::Nothing("/2/messages".to_owned())),
            ),
        ] {
            assert_eq!(address(route, params), expected, "{route} {params:?}");
        }
    }

    #[test]
    fn only_a_version_is_a_version() {
        for version in ["v13.0", "v26.0", "v1.10"] {
            assert!(is_version(version), "{version}");
        }
        for other in [
            "v13",
            "13.0",
            "v.0",
            "v13.",
            "V13.0",
            "v13.0.1",
            "vx.y",
            "qr_1700000000000_1a2b3c4d",
            "",
        ] {
            assert!(!is_version(other), "{other}");
        }
    }
}
