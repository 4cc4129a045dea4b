//! What this machine can reach: WhatsApp, as a line would, and this server itself from outside.

use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use switchboard_core::clock::UnixMillis;
use switchboard_core::config::Config;
use switchboard_core::random;
use switchboard_egress::{Egress, EgressError, EgressOptions, Limits, Reach, Request, Response};
use switchboard_whatsapp::{CertificateCheck, DriverError};
use url::Url;

use super::report::Finding::{self, Fault, Note, Well};
use crate::cli::exit::{self, Exit};
use crate::serve::ServeOptions;
use crate::start_error::StartError;
use crate::wiring;

const LIMITS: Limits = Limits {
    max_body_bytes: 1 << 20,
    timeout: Duration::from_secs(15),
};
/// What WhatsApp's own page sends; without it no WebSocket is opened.
const ORIGIN: &str = "https://web.whatsapp.com";

/// What makes a build that checks certificates: what is built together with the simulator does not.
const CHECKING: &str = "build it alone, with `cargo build --release -p switchboard`";

/// What was found out about the way to WhatsApp.
pub(super) struct Way {
    pub(super) whatsapp: Finding,
    pub(super) certificates: Finding,
    /// What time it is there.
    pub(super) date: Option<UnixMillis>,
}

/// Opens a WebSocket where a line would, and drops it. Nobody logs in.
pub(super) async fn whatsapp(config: &Config, options: &ServeOptions) -> Way {
    let driver = match wiring::driver(config, options) {
        Ok(driver) => driver,
        Err(error) => {
            let what_to_do = match error {
                StartError::Driver(DriverError::OutOfReach(_)) => format!("; {CHECKING}"),
                _ => String::new(),
            };
            return Way {
                whatsapp: Fault(format!("{error}{what_to_do}")),
                certificates: Note("not known".to_owned()),
                date: None,
            };
        }
    };
    let check = driver.certificate_check();
    let certificates = match check {
        CertificateCheck::Enforced => Well("WhatsApp's certificate chain is checked".to_owned()),
        CertificateCheck::Skipped => Note(
            "this build accepts any certificate, for the simulator, and therefore reaches loopback alone".to_owned(),
        ),
    };
    let url = &config.whatsapp.url;
    let (whatsapp, date) = match opened(url, check, options).await {
        Ok((101, date)) => (Well(format!("{url} opens a WebSocket")), date),
        Ok((status, date)) => {
            let sentence = format!(
                "{url} answers with status {status} and opens no WebSocket: correct whatsapp.url, or look for a proxy in between"
            );
            (Fault(sentence), date)
        }
        Err(error) => {
            let sentence = format!(
                "{url} cannot be reached ({}): look at this machine's network, its firewall and whatsapp.url",
                words(&error)
            );
            (Fault(sentence), None)
        }
    };
    Way {
        whatsapp,
        certificates,
        date,
    }
}

/// The status of the answer, and the time there.
async fn opened(
    url: &Url,
    check: CertificateCheck,
    options: &ServeOptions,
) -> Result<(u16, Option<UnixMillis>), EgressError> {
    let egress = egress(check)?;
    let key = BASE64_STANDARD.encode(random::array::<16>(&*options.random));
    let upgrade = Request::get(page(url))
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", key)
        .header("Origin", ORIGIN);
    let answer = egress.send(upgrade, LIMITS).await?;
    let date = match date_of(&answer) {
        Some(date) => Some(date),
        // An upgrade need not have one; any page has.
        None => {
            let root = url.join("/").map_or_else(|_| page(url), |root| page(&root));
            egress
                .send(Request::get(root), LIMITS)
                .await
                .ok()
                .as_ref()
                .and_then(date_of)
        }
    };
    Ok((answer.status, date))
}

/// Whether this server answers at `server.public_url`, if one runs and that is set.
pub(super) async fn public_url(url: &Url, in_use: bool) -> Finding {
    if !in_use {
        return Note(format!("{url} was not asked, because no server is running"));
    }
    let asked = async {
        let health = format!("{}/healthz", url.as_str().trim_end_matches('/'));
        egress(CertificateCheck::of_this_build())?
            .send(Request::get(health), LIMITS)
            .await
    };
    let found = match asked.await {
        Ok(answer) if answer.status == 200 => return Well(format!("{url} leads here")),
        Ok(answer) => format!("answers with status {}", answer.status),
        Err(error) => format!("cannot be reached from here: {}", words(&error)),
    };
    Note(format!(
        "{url} {found}; look at the proxy in front of this server, and at server.public_url"
    ))
}

/// A way out to addresses that the operator wrote down, as far as this build may go.
fn egress(check: CertificateCheck) -> Result<Egress, EgressError> {
    let reach = match check {
        CertificateCheck::Enforced => Reach::Anywhere,
        CertificateCheck::Skipped => Reach::LoopbackOnly,
    };
    Egress::new(EgressOptions { reach })
}

/// The same address, asked over HTTP.
fn page(socket: &Url) -> String {
    match socket.as_str().strip_prefix("ws") {
        Some(rest) => format!("http{rest}"),
        None => socket.to_string(),
    }
}

fn date_of(answer: &Response) -> Option<UnixMillis> {
    let date = httpdate::parse_http_date(answer.header("date")?).ok()?;
    let since = date.duration_since(UNIX_EPOCH).ok()?;
    Some(UnixMillis(0).plus(since))
}

/// An error and all that is behind it.
fn words(error: &EgressError) -> String {
    exit::Fault::with_causes(Exit::Unavailable, error).sentence
}
