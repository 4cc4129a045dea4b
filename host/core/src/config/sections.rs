//! The sections of the configuration, one type each, and how each key is read.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use url::Url;
use zeroize::Zeroizing;

use super::fields::{Fields, Given};
use crate::proxy::{InvalidAddress, ProxyAddress};
use crate::secret::Secret;

/// The REST API's listeners and limits.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerConfig {
    /// The addresses to listen on, at least one.
    pub listen: Vec<SocketAddr>,
    /// Where clients reach this server from outside.
    pub public_url: Option<Url>,
    /// The operator's own key.
    pub admin_key: Option<Secret>,
    /// The largest request body, in KiB.
    pub max_body_kib: usize,
    /// After this a request is answered with 504.
    pub request_timeout: Duration,
    /// How long a stop waits for what is under way.
    pub shutdown_timeout: Duration,
}

impl ServerConfig {
    pub(super) fn read(fields: &mut Fields) -> Self {
        const S: &str = "server";
        Self {
            listen: fields.take(S, "listen", |given| match addresses(given)? {
                none if none.is_empty() => Err("must name at least one address, such as 127.0.0.1:4002".to_owned()),
                some => Ok(some),
            }),
            public_url: fields.take(S, "public_url", |given| optional(given, http_url)),
            admin_key: fields.take(S, "admin_key", |given| optional(given, admin_key)),
            max_body_kib: fields.take(S, "max_body_kib", |given| whole(given, 1, 102_400)),
            request_timeout: fields.take(S, "request_timeout", duration),
            shutdown_timeout: fields.take(S, "shutdown_timeout", duration),
        }
    }
}

/// The data folder.
#[derive(Debug, Clone, PartialEq)]
pub struct DataConfig {
    /// The folder.
    pub dir: PathBuf,
    /// The key that seals secrets, if the operator keeps it: 32 bytes in base64.
    pub seal_key: Option<Secret>,
}

impl DataConfig {
    pub(super) fn read(fields: &mut Fields) -> Self {
        const S: &str = "data";
        Self {
            dir: fields.take(S, "dir", |given| match given.text()? {
                text if text.is_empty() => Err("must not be empty".to_owned()),
                text => Ok(PathBuf::from(text)),
            }),
            seal_key: fields.take(S, "seal_key", |given| optional(given, seal_key)),
        }
    }
}

/// Tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthConfig {
    /// Whether `GET /api/token` answers without a key on loopback.
    pub local_token: bool,
    /// `iss` of every token.
    pub issuer: String,
    /// `aud` of every token.
    pub audience: String,
}

impl AuthConfig {
    pub(super) fn read(fields: &mut Fields) -> Self {
        const S: &str = "auth";
        Self {
            local_token: fields.take(S, "local_token", Given::boolean),
            issuer: fields.take(S, "issuer", |given| sized(given, 1, 200)),
            audience: fields.take(S, "audience", |given| sized(given, 1, 200)),
        }
    }
}

/// Sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendConfig {
    /// How long a send waits for WhatsApp's acknowledgement.
    pub ack_timeout: Duration,
}

impl SendConfig {
    pub(super) fn read(fields: &mut Fields) -> Self {
        Self {
            ack_timeout: fields.take("send", "ack_timeout", duration),
        }
    }
}

/// The version of WhatsApp Web that a client announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WebVersion {
    /// Looked up once a day; a failed look-up falls back to the last one known.
    #[default]
    Auto,
    /// Always this one.
    Fixed(u32, u32, u32),
}

impl FromStr for WebVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const EXPECTED: &str = "must be auto or a version such as 2.3000.1023456789";
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let parts: Vec<u32> = text
            .split('.')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map_err(|_| EXPECTED)?;
        match parts[..] {
            [primary, secondary, tertiary] => Ok(Self::Fixed(primary, secondary, tertiary)),
            _ => Err(EXPECTED.to_owned()),
        }
    }
}

/// The connection to WhatsApp.
#[derive(Debug, Clone, PartialEq)]
pub struct WhatsappConfig {
    /// The socket, `ws` or `wss`.
    pub url: Url,
    /// The announced version.
    pub version: WebVersion,
    /// The name in the phone's list of linked devices.
    pub device_name: String,
    /// After how long without anything that can be read an open socket is asked whether it is alive.
    pub max_silence: Duration,
}

impl WhatsappConfig {
    pub(super) fn read(fields: &mut Fields) -> Self {
        const S: &str = "whatsapp";
        Self {
            url: fields
                .take(S, "url", |given| socket_url(&given.text()?).map(Some))
                .unwrap_or_else(placeholder_url),
            version: fields.take(S, "version", |given| given.text()?.parse()),
            device_name: fields.take(S, "device_name", |given| sized(given, 1, 50)),
            max_silence: fields.take(S, "max_silence", duration),
        }
    }
}

/// What may be connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressConfig {
    /// Proxies that sessions may use although their addresses are not public.
    pub proxies: Vec<ProxyAddress>,
}

impl EgressConfig {
    pub(super) fn read(fields: &mut Fields) -> Self {
        Self {
            proxies: fields.take("egress", "proxies", |given| {
                let texts = given.texts()?;
                let proxies = texts.iter().map(|text| text.parse());
                proxies
                    .collect::<Result<_, _>>()
                    .map_err(|error: InvalidAddress| error.to_string())
            }),
        }
    }
}

/// The plugin host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginsConfig {
    /// How many calls run at once.
    pub max_concurrent: usize,
    /// How long a call waits for its turn.
    pub queue_timeout: Duration,
    /// The largest component that is loaded, in MiB.
    pub max_wasm_mib: usize,
    /// Where compiled code of the plugins came with the program.
    pub precompiled_dir: Option<PathBuf>,
}

impl PluginsConfig {
    pub(super) fn read(fields: &mut Fields) -> Self {
        const S: &str = "plugins";
        Self {
            max_concurrent: fields.take(S, "max_concurrent", |given| whole(given, 1, 1000)),
            queue_timeout: fields.take(S, "queue_timeout", duration),
            max_wasm_mib: fields.take(S, "max_wasm_mib", |given| whole(given, 1, 256)),
            precompiled_dir: fields.take(S, "precompiled_dir", |given| {
                optional(given, |text| Ok(PathBuf::from(text)))
            }),
        }
    }
}

/// The metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsConfig {
    /// The addresses to listen on; none by default.
    pub listen: Vec<SocketAddr>,
}

impl MetricsConfig {
    pub(super) fn read(fields: &mut Fields) -> Self {
        Self {
            listen: fields.take("metrics", "listen", addresses),
        }
    }
}

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// How a line is written.
    pub format: LogFormat,
    /// Directives of `tracing_subscriber::EnvFilter`; the server checks them.
    pub filter: String,
}

impl LogConfig {
    pub(super) fn read(fields: &mut Fields) -> Self {
        const S: &str = "log";
        Self {
            format: fields.take(S, "format", |given| match given.text()?.as_str() {
                "text" => Ok(LogFormat::Text),
                "json" => Ok(LogFormat::Json),
                _ => Err("must be text or json".to_owned()),
            }),
            filter: fields.take(S, "filter", |given| sized(given, 1, 1000)),
        }
    }
}

/// Stands for a URL that has a fault, until the faults are reported; no configuration ever carries it.
fn placeholder_url() -> Url {
    #[expect(clippy::expect_used, reason = "a constant that parses")]
    Url::parse("ws://0.0.0.0").expect("a constant URL")
}

fn addresses(given: Given) -> Result<Vec<SocketAddr>, String> {
    given
        .texts()?
        .iter()
        .map(|text| {
            text.parse()
                .map_err(|_| "must be addresses with a port, such as 127.0.0.1:4002 or [::1]:4002".to_owned())
        })
        .collect()
}

/// An empty text means that the key is not set.
fn optional<T>(given: Given, read: impl FnOnce(&str) -> Result<T, String>) -> Result<Option<T>, String> {
    match Zeroizing::new(given.text()?).as_str() {
        "" => Ok(None),
        text => read(text).map(Some),
    }
}

fn http_url(text: &str) -> Result<Url, String> {
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| "must be an http or https address, such as https://wa.example.com".to_owned())
}

fn socket_url(text: &str) -> Result<Url, String> {
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "ws" | "wss") && url.has_host())
        .ok_or_else(|| "must be a ws or wss address, such as wss://web.whatsapp.com/ws/chat".to_owned())
}

fn admin_key(text: &str) -> Result<Secret, String> {
    let fits = text.len() >= 16 && text.bytes().all(|b| (b' '..=b'~').contains(&b));
    if fits {
        Ok(Secret::from(text.to_owned()))
    } else {
        Err("must have at least 16 characters, all of them printable ASCII".to_owned())
    }
}

fn seal_key(text: &str) -> Result<Secret, String> {
    match BASE64_STANDARD.decode(text).map(Zeroizing::new) {
        Ok(bytes) if bytes.len() == 32 => Ok(Secret::from(text.to_owned())),
        _ => Err("must be 32 bytes in base64, as `openssl rand -base64 32` prints them".to_owned()),
    }
}

fn whole(given: Given, lowest: usize, highest: usize) -> Result<usize, String> {
    let number = usize::try_from(given.integer()?)
        .ok()
        .filter(|number| (lowest..=highest).contains(number));
    number.ok_or_else(|| format!("must be {lowest} to {highest}"))
}

fn sized(given: Given, shortest: usize, longest: usize) -> Result<String, String> {
    let text = given.text()?;
    if (shortest..=longest).contains(&text.chars().count()) {
        Ok(text)
    } else {
        Err(format!("must have {shortest} to {longest} characters"))
    }
}

/// A number and a unit, from 1 ms to a day.
fn duration(given: Given) -> Result<Duration, String> {
    const EXPECTED: &str = "must be a duration of 1ms to 24h, such as 250ms, 15s, 5m or 24h";
    let text = given.text().map_err(|_| EXPECTED)?;
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or(EXPECTED)?;
    let count: u64 = text[..digits].parse().map_err(|_| EXPECTED)?;
    let unit_ms = match &text[digits..] {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(EXPECTED.to_owned()),
    };
    let ms = count
        .checked_mul(unit_ms)
        .filter(|ms| (1..=86_400_000).contains(ms))
        .ok_or(EXPECTED)?;
    Ok(Duration::from_millis(ms))
}
