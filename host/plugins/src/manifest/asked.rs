//! What a plugin asks the operator for: hosts to reach and credentials to use. Asking gives nothing; it is granted in the
//! configuration of the host, and only what was asked for can be.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value};
use switchboard_core::header::is_the_hosts_own;
use switchboard_core::origin::{InvalidOrigin, Origin};

use super::clipped;
use crate::kind::is_name;
use crate::load_error::Refusal;

/// An entry that stands for the origin of a configured URL.
const FROM_CONFIG: &str = "config:";

/// What a plugin asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// Where it wants to go, with the configured ones put in.
    pub origins: BTreeSet<Origin>,
    /// By name.
    pub credentials: BTreeMap<String, AskedCredential>,
}

/// A secret that the host adds to a fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedCredential {
    /// The header that carries it.
    pub header: String,
    /// What goes before the secret in the header, such as `Bearer `.
    pub prefix: String,
    /// Where it is meant to go, with the configured ones put in; none of them a wildcard.
    pub origins: BTreeSet<Origin>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenHttp {
    #[serde(default)]
    allow: Vec<String>,
}

pub(super) type WrittenCredentials = BTreeMap<String, WrittenCredential>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenCredential {
    header: String,
    #[serde(default)]
    prefix: String,
    hosts: Vec<String>,
}

impl Asked {
    /// Checks all that can be wrong with what is asked for, so that what is loaded can be granted.
    pub(super) fn check(
        http: &WrittenHttp,
        credentials: WrittenCredentials,
        config: &Map<String, Value>,
    ) -> Result<Self, Refusal> {
        let credentials = credentials.into_iter().map(|(name, written)| {
            let wrong = |why: &str| Refusal::Manifest(format!("[credentials.{}] {why}", clipped(&name)));
            if !is_name(&name) {
                return Err(wrong("must be named with 1 to 64 of a-z, 0-9, - and _, first a letter"));
            }
            let credential = written.check(&wrong, config)?;
            Ok((name, credential))
        });
        Ok(Self {
            credentials: credentials.collect::<Result<_, _>>()?,
            origins: read(&http.allow, config)?,
        })
    }
}

impl WrittenCredential {
    fn check(self, wrong: &impl Fn(&str) -> Refusal, config: &Map<String, Value>) -> Result<AskedCredential, Refusal> {
        let Self { header, prefix, hosts } = self;
        if hosts.is_empty() {
            return Err(wrong("names no hosts, so it would never be sent"));
        }
        let is_plain = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if header.is_empty() || !is_plain(&header) {
            return Err(wrong("has a header that is not letters, digits and hyphens"));
        }
        if is_the_hosts_own(&header) {
            return Err(wrong(
                "has a header that the host alone sets; write the one that the service reads, such as Authorization or X-API-Key",
            ));
        }
        if prefix.bytes().any(|b| !(b' '..=b'~').contains(&b)) {
            return Err(wrong("has a prefix with other than printable ASCII characters"));
        }
        let origins = read(&hosts, config)?;
        if let Some(many) = origins.iter().find(|origin| origin.is_wildcard()) {
            let why = format!(
                "has {many} among its hosts; write each of them out, for a secret is not for all that have such a name"
            );
            return Err(wrong(&why));
        }
        // Where the operator puts the service, and whether it needs the secret there, is not the plugin's to say.
        let written: Vec<_> = hosts
            .into_iter()
            .filter(|host| !host.starts_with(FROM_CONFIG))
            .collect();
        if let Some(open) = read(&written, config)?.iter().find(|origin| !origin.takes_secrets()) {
            let why = format!("has {open} among its hosts; write https://, for a secret is not sent in the open");
            return Err(wrong(&why));
        }
        Ok(AskedCredential {
            header,
            prefix,
            origins,
        })
    }
}

/// The origins that are meant.
fn read(written: &[String], config: &Map<String, Value>) -> Result<BTreeSet<Origin>, Refusal> {
    let origins = written.iter().map(|text| {
        let read = match text.strip_prefix(FROM_CONFIG) {
            None => text.parse(),
            Some(key) => {
                let url = config.get(key).and_then(Value::as_str);
                // The URL itself is not repeated: the operator may have put a password into it.
                let none = || Refusal::Manifest(format!("{:?} names no URL of its [config]", clipped(text)));
                url.and_then(origin_of).ok_or_else(none)?.parse()
            }
        };
        read.map_err(|invalid: InvalidOrigin| {
            Refusal::Manifest(format!(
                "{:?} is no origin: it {invalid}; write scheme, host and, if it is not the usual one, port, as in https://api.example.com",
                clipped(text)
            ))
        })
    });
    origins.collect()
}

/// `scheme://authority` of a URL.
fn origin_of(url: &str) -> Option<&str> {
    let authority = url.find("://")? + 3;
    let end = url[authority..]
        .find(['/', '?', '#', '\\'])
        .map_or(url.len(), |at| authority + at);
    Some(&url[..end])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What is asked for in this part of a plugin.toml, where the plugin has this address in its configuration.
    fn asked(part: &str, base_url: &str) -> Result<Asked, String> {
        #[derive(Deserialize)]
        struct Part {
            #[serde(default)]
            http: WrittenHttp,
            #[serde(default)]
            credentials: WrittenCredentials,
        }
        let Part { http, credentials } = toml::from_str(part).unwrap();
        let config = Map::from_iter([("base_url".to_owned(), json!(base_url))]);
        Asked::check(&http, credentials, &config).map_err(|refusal| refusal.to_string())
    }

    fn credential(header: &str, host: &str) -> Result<Asked, String> {
        let part = format!("[credentials.key]\nheader = {header:?}\nhosts = [{host:?}]\n");
        asked(&part, "http://tts.example:8880/v1")
    }

    #[test]
    fn an_origin_that_can_never_be_granted_is_told_with_what_to_write() {
        for (origin, word) in [
            ("api.example.com", "must begin with https://"),
            ("ftp://api.example.com", "must begin with https://"),
            (
                "http://*.example.com",
                "must begin with https:// when it has a wildcard",
            ),
            ("https://*.com", "a name of at least two parts"),
            ("https://*.corp.internal", "must be written out"),
            ("https://api.example.com/v1", "no path"),
            ("https://user:hunter2@api.example.com", "must not contain a user name"),
            ("http://169.254.169.254", "must not be a link-local"),
            ("https://api.example.com:0", "must have a port"),
            ("https://", "must name a host"),
        ] {
            let refusal = asked(&format!("[http]\nallow = [{origin:?}]\n"), "").unwrap_err();
            assert!(refusal.contains(&format!("{origin:?} is no origin: it ")), "{refusal}");
            assert!(
                refusal.contains(word) && refusal.contains("; write scheme"),
                "{refusal}"
            );
        }
        let asked = asked("[http]\nallow = [\"https://*.Example.com.\"]\n", "").unwrap();
        assert_eq!(asked.origins, [("https://*.example.com").parse().unwrap()].into());
    }

    #[test]
    fn an_address_that_an_operator_sets_is_an_origin_and_is_never_repeated() {
        let part = "[http]\nallow = [\"config:base_url\"]\n";
        let origins = asked(part, "HTTP://127.0.0.1:8880/v1?x=y").unwrap().origins;
        assert_eq!(origins, ["http://127.0.0.1:8880".parse().unwrap()].into());
        for url in [
            "https://user:hunter2@api.example.com/",
            "http://169.254.169.254/hunter2",
            "https://*.hunter2/",
            "hunter2",
        ] {
            let refusal = asked(part, url).unwrap_err();
            assert!(
                refusal.contains("\"config:base_url\"") && !refusal.contains("hunter2"),
                "{refusal}"
            );
        }
    }

    #[test]
    fn a_credential_that_could_never_be_sent_is_told_with_what_to_write() {
        for (header, host, word) in [
            ("Host", "https://api.example.com", "such as Authorization"),
            (
                "Proxy-Authorization",
                "https://api.example.com",
                "such as Authorization",
            ),
            ("Content-Length", "https://api.example.com", "such as Authorization"),
            ("X-Key", "https://*.example.com", "write each of them out"),
            ("X-Key", "http://api.example.com", "write https://"),
            ("X-Key", "api.example.com", "is no origin"),
        ] {
            let refusal = credential(header, host).unwrap_err();
            assert!(refusal.contains(word), "{refusal}");
        }
        for host in ["https://api.example.com", "http://127.0.0.1:8880", "config:base_url"] {
            let asked = credential("X-Key", host);
            assert_eq!(
                asked.map(|asked| asked.credentials["key"].origins.len()),
                Ok(1),
                "{host}"
            );
        }
    }
}
