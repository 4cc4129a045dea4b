//! What a plugin asks the operator for: hosts to reach and credentials to use. Asking gives nothing; it is granted in the
//! configuration of the host, and only what was asked for can be.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::kind::is_name;
use crate::load_error::Refusal;

/// An entry that stands for the origin of a configured URL.
const FROM_CONFIG: &str = "config:";

/// What a plugin asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    origins: Vec<String>,
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
    origins: Vec<String>,
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
    /// Checks what can be checked without knowing the network: that each entry is one, and that configured ones are configured.
    pub(super) fn check(
        http: WrittenHttp,
        credentials: WrittenCredentials,
        config: &Map<String, Value>,
    ) -> Result<Self, Refusal> {
        for origin in http.allow.iter().chain(credentials.values().flat_map(|one| &one.hosts)) {
            check_origin(origin, config)?;
        }
        for (name, credential) in &credentials {
            let wrong = |why: &str| Refusal::Manifest(format!("[credentials.{name}] {why}"));
            if !is_name(name) {
                return Err(wrong("must be named with 1 to 64 of a-z, 0-9, - and _, first a letter"));
            }
            if credential.hosts.is_empty() {
                return Err(wrong("names no hosts, so it would never be sent"));
            }
            if credential.header.is_empty()
                || !credential
                    .header
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            {
                return Err(wrong("has a header that is not letters, digits and hyphens"));
            }
            if credential.prefix.bytes().any(|b| !(b' '..=b'~').contains(&b)) {
                return Err(wrong("has a prefix with other than printable ASCII characters"));
            }
        }
        let credentials = credentials.into_iter().map(|(name, written)| {
            let WrittenCredential { header, prefix, hosts } = written;
            let asked = AskedCredential {
                header,
                prefix,
                origins: hosts,
            };
            (name, asked)
        });
        Ok(Self {
            origins: http.allow,
            credentials: credentials.collect(),
        })
    }

    pub(crate) fn origins<'a>(&'a self, config: &'a Map<String, Value>) -> BTreeSet<&'a str> {
        resolved(&self.origins, config)
    }

    pub(crate) fn credential_origins<'a>(&'a self, name: &str, config: &'a Map<String, Value>) -> BTreeSet<&'a str> {
        self.credentials
            .get(name)
            .map_or_else(BTreeSet::new, |credential| resolved(&credential.origins, config))
    }
}

fn resolved<'a>(origins: &'a [String], config: &'a Map<String, Value>) -> BTreeSet<&'a str> {
    let resolved = origins
        .iter()
        .filter_map(|origin| match origin.strip_prefix(FROM_CONFIG) {
            Some(key) => config.get(key)?.as_str().and_then(origin_of),
            None => Some(origin.as_str()),
        });
    resolved.collect()
}

/// `scheme://authority` of a URL.
fn origin_of(url: &str) -> Option<&str> {
    let authority = url.find("://")? + 3;
    let end = url[authority..]
        .find(['/', '?', '#', '\\'])
        .map_or(url.len(), |at| authority + at);
    // A user name or a password is no part of an origin, and would be shown with it.
    (!url[authority..end].contains('@')).then(|| &url[..end])
}

fn check_origin(origin: &str, config: &Map<String, Value>) -> Result<(), Refusal> {
    if let Some(key) = origin.strip_prefix(FROM_CONFIG) {
        return match config.get(key).and_then(Value::as_str).and_then(origin_of) {
            Some(_) => Ok(()),
            None => Err(Refusal::Manifest(format!("{origin:?} names no URL of its [config]"))),
        };
    }
    match origin_of(origin) {
        Some(whole) if whole == origin && (origin.starts_with("https://") || origin.starts_with("http://")) => Ok(()),
        _ => Err(Refusal::Manifest(format!(
            "{origin:?} is no origin: write scheme, host and, if it is not the usual one, port, as in https://api.example.com"
        ))),
    }
}
