//! Who gets the app's token without showing anything: a program on this machine, and nobody a browser or a proxy stands for.
//!
//! The listener being on loopback is not enough. A web page can make the browser call 127.0.0.1 (then `Origin` is another site's),
//! or give its own name that address (then `Host` is not ours), and a reverse proxy on this machine makes the whole world local
//! (then there are forwarding headers, or the operator has set `server.public_url`). Each of these is refused by itself.

use axum::http::header::{self, HeaderMap, HeaderName};
use axum::http::uri::{Authority, Uri};
use switchboard_core::problem::{Code, Problem};

/// Headers by which a proxy says for whom it asks.
const FORWARDING: [HeaderName; 10] = [
    header::FORWARDED,
    header::VIA,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-forwarded-server"),
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("x-client-ip"),
    HeaderName::from_static("cf-connecting-ip"),
    HeaderName::from_static("fly-client-ip"),
];

/// What about this server decides whether anybody is local.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Locality {
    /// `auth.local_token`.
    pub(crate) enabled: bool,
    /// Every address it listens on is loopback.
    pub(crate) loopback_only: bool,
    /// `server.public_url` is set.
    pub(crate) has_public_url: bool,
}

/// Whether a request without any key comes from a program on this machine.
///
/// # Errors
/// `forbidden`, with the reason and what to do instead.
pub(crate) fn check(locality: Locality, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let reason = if !locality.enabled {
        "auth.local_token is off"
    } else if locality.has_public_url {
        "server.public_url is set"
    } else if !locality.loopback_only {
        "the server does not listen on loopback alone"
    } else if FORWARDING.iter().any(|name| headers.contains_key(name)) {
        "the request comes through a proxy"
    } else if !names_this_machine(uri, headers) {
        "the request's Host is not localhost, 127.0.0.1 or [::1]"
    } else if !origin_is_ours(headers) {
        "the request comes from a page of another site"
    } else {
        return Ok(());
    };
    Err(Problem::new(
        Code::FORBIDDEN,
        format!(
            "A token is given without a key only to programs on this machine, and {reason}. \
             Send server.admin_key as a bearer token, or run `switchboard token` on the server."
        ),
    ))
}

/// One `Host`, and an absolute request target if there is one, both name this machine.
fn names_this_machine(uri: &Uri, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    host.to_str().is_ok_and(is_loopback_authority)
        && uri
            .authority()
            .is_none_or(|authority| is_loopback_authority(authority.as_str()))
}

/// No `Origin`, or that of a page which this very server has delivered.
fn origin_is_ours(headers: &HeaderMap) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    match (origins.next(), origins.next()) {
        (None, _) => true,
        (Some(origin), None) => origin
            .to_str()
            .is_ok_and(|origin| origin.strip_prefix("http://").is_some_and(|rest| Some(rest) == host)),
        (Some(_), Some(_)) => false,
    }
}

fn is_loopback_authority(text: &str) -> bool {
    text.parse::<Authority>()
        .is_ok_and(|authority| !text.contains('@') && matches!(authority.host(), "localhost" | "127.0.0.1" | "[::1]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: Locality = Locality {
        enabled: true,
        loopback_only: true,
        has_public_url: false,
    };

    fn asked(locality: Locality, target: &str, headers: &[(&str, &str)]) -> Result<(), String> {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .collect::<HeaderMap>();
        check(locality, &target.parse().unwrap(), &headers).map_err(|problem| {
            assert_eq!(problem.code(), &Code::FORBIDDEN);
            problem.to_string()
        })
    }

    #[test]
    fn a_program_on_this_machine_gets_a_token() {
        for host in ["localhost", "localhost:4002", "127.0.0.1:4002", "[::1]:4002", "[::1]"] {
            assert_eq!(asked(LOCAL, "/api/token", &[("host", host)]), Ok(()), "{host}");
        }
        let own_page = [("host", "localhost:4002"), ("origin", "http://localhost:4002")];
        assert_eq!(asked(LOCAL, "/api/token", &own_page), Ok(()));
    }

    #[test]
    fn a_server_that_others_can_reach_gives_none() {
        let host = [("host", "localhost:4002")];
        for (locality, reason) in [
            (
                Locality {
                    enabled: false,
                    ..LOCAL
                },
                "auth.local_token",
            ),
            (
                Locality {
                    loopback_only: false,
                    ..LOCAL
                },
                "loopback",
            ),
            (
                Locality {
                    has_public_url: true,
                    ..LOCAL
                },
                "server.public_url",
            ),
        ] {
            let sentence = asked(locality, "/api/token", &host).unwrap_err();
            assert!(
                sentence.contains(reason) && sentence.contains("admin_key"),
                "{sentence}"
            );
        }
    }

    #[test]
    fn a_name_that_was_made_to_point_here_gets_none() {
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "0.0.0.0:4002",
            "127.1",
            "2130706433",
            "[::ffff:127.0.0.1]",
            "127.0.0.1@evil.example",
            "user@localhost",
            "LOCALHOST.",
            "",
        ] {
            assert!(asked(LOCAL, "/api/token", &[("host", host)]).is_err(), "{host:?}");
        }
        assert!(asked(LOCAL, "/api/token", &[]).is_err(), "no Host at all");
        assert!(asked(LOCAL, "http://evil.example/api/token", &[("host", "localhost")]).is_err());
    }

    #[test]
    fn a_second_host_header_gets_none() {
        let mut headers = HeaderMap::new();
        headers.append(header::HOST, "localhost".parse().unwrap());
        headers.append(header::HOST, "evil.example".parse().unwrap());
        assert!(check(LOCAL, &"/api/token".parse().unwrap(), &headers).is_err());
    }

    #[test]
    fn a_page_of_another_site_gets_none() {
        for origin in [
            "http://evil.example",
            "null",
            "https://localhost:4002",
            "http://localhost:3000",
            "http://localhost:4002.evil.example",
            "http://127.0.0.1:4002",
            "chrome-extension://abc",
        ] {
            let headers = [("host", "localhost:4002"), ("origin", origin)];
            assert!(asked(LOCAL, "/api/token", &headers).is_err(), "{origin}");
        }
    }

    #[test]
    fn whoever_a_proxy_asks_for_gets_none() {
        for name in FORWARDING {
            let headers = [("host", "localhost:4002"), (name.as_str(), "127.0.0.1")];
            assert!(asked(LOCAL, "/api/token", &headers).is_err(), "{name}");
        }
    }
}
