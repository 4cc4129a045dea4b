//! The socket to WhatsApp: TCP through the egress, TLS for `wss`, then a WebSocket.
//!
//! The protocol library's own transport leaves Nagle's algorithm on, which costs 40 ms for each message to somebody who is online,
//! and dials wherever it is told. This one does neither, tells the line's [`Wire`] what becomes of the socket, and holds a message back
//! until the line's [`Ratchet`] is saved.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderValue, ORIGIN};
use http::{HeaderName, Uri};
use rustls::pki_types::ServerName;
use switchboard_egress::{Egress, EgressError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_websockets::ClientBuilder;
use url::{Host, Url};
use whatsapp_rust::anyhow;
use whatsapp_rust::async_channel::Receiver;
use whatsapp_rust::async_trait;
use whatsapp_rust::transport::{Transport, TransportEvent, TransportFactory, from_websocket};
use whatsapp_rust::wacore::net::WHATSAPP_WEB_ORIGIN;

use crate::line::loss::LossReason;
use crate::line::ratchet::{Ratchet, Settled};
use crate::line::wire::{Watched, Wire};
use crate::masked::Masked;

/// How long it may take until there is a WebSocket. The library gives up after 20 s, and would not say so.
const DIAL_PATIENCE: Duration = Duration::from_secs(15);

/// What the library gets: a pipe to write to, and what comes out of it.
type Pipe = (Arc<dyn Transport>, Receiver<TransportEvent>);

/// Where the socket leads.
#[derive(Debug, Clone)]
struct Target {
    uri: Uri,
    host: String,
    port: u16,
    /// The name that the certificate must bear; `None` without TLS.
    tls: Option<ServerName<'static>>,
}

/// A URL that is not one of a WebSocket.
#[derive(Debug, thiserror::Error)]
#[error("must be a ws or wss address, such as wss://web.whatsapp.com/ws/chat")]
pub struct NotASocket;

impl Target {
    fn parse(text: &str) -> Result<Self, NotASocket> {
        let url = Url::parse(text).map_err(|_| NotASocket)?;
        let host = match url.host().ok_or(NotASocket)? {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let tls = match url.scheme() {
            "ws" => None,
            "wss" => Some(ServerName::try_from(host.clone()).map_err(|_| NotASocket)?),
            _ => return Err(NotASocket),
        };
        Ok(Self {
            uri: url.as_str().parse().map_err(|_| NotASocket)?,
            port: url.port_or_known_default().ok_or(NotASocket)?,
            host,
            tls,
        })
    }
}

/// Dials WhatsApp: one for all lines that have no proxy, and one for each that has.
#[derive(Clone)]
pub(crate) struct Dialer {
    egress: Egress,
    target: Target,
    tls: TlsConnector,
}

impl Dialer {
    pub(crate) fn new(url: &str, egress: Egress) -> Result<Self, NotASocket> {
        Ok(Self {
            tls: TlsConnector::from(egress.tls()),
            target: Target::parse(url)?,
            egress,
        })
    }

    /// The same by another way out.
    pub(crate) fn over(&self, egress: Egress) -> Self {
        Self { egress, ..self.clone() }
    }

    /// Whether the target is within reach, as far as that can be said without dialling it.
    pub(crate) fn check(&self) -> Result<(), EgressError> {
        self.egress.reach().check_host(&self.target.host)
    }

    async fn tcp(&self) -> Result<TcpStream, EgressError> {
        self.egress.connect(&self.target.host, self.target.port).await
    }

    async fn dial(&self, wire: &Arc<Wire>) -> anyhow::Result<Pipe> {
        let tcp = Watched::new(self.tcp().await?, Arc::clone(wire));
        match self.target.tls.clone() {
            Some(name) => upgrade(&self.target.uri, self.tls.connect(name, tcp).await?).await,
            None => upgrade(&self.target.uri, tcp).await,
        }
    }
}

async fn upgrade<S>(uri: &Uri, stream: S) -> anyhow::Result<Pipe>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    const HEADER: (HeaderName, HeaderValue) = (ORIGIN, HeaderValue::from_static(WHATSAPP_WEB_ORIGIN));
    let (name, value) = HEADER;
    let builder = ClientBuilder::from_uri(uri.clone()).add_header(name, value)?;
    let (socket, _) = builder.connect_on(stream).await?;
    Ok(from_websocket(socket))
}

/// Dials for one line.
pub(crate) struct LineTransport {
    pub(crate) dialer: Dialer,
    pub(crate) wire: Arc<Wire>,
    pub(crate) ratchet: Arc<Ratchet>,
}

#[async_trait]
impl TransportFactory for LineTransport {
    async fn create_transport(&self) -> anyhow::Result<Pipe> {
        let dialled = timeout(DIAL_PATIENCE, self.dialer.dial(&self.wire)).await;
        let dialled =
            dialled.unwrap_or_else(|_| Err(anyhow::anyhow!("no connection within {} s", DIAL_PATIENCE.as_secs())));
        let (transport, events) = dialled.inspect_err(|error| self.wire.unreachable(reason(error)))?;
        self.wire.upgraded();
        let settled = Settled {
            transport,
            ratchet: Arc::clone(&self.ratchet),
            wire: Arc::clone(&self.wire),
        };
        Ok((Arc::new(settled), events))
    }
}

/// Why there is no socket, and whether that is the proxy's doing, or that of somebody who stands in WhatsApp's place.
fn reason(error: &anyhow::Error) -> LossReason {
    let tls = error.chain().find_map(|cause| {
        let wrapped = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.and_then(|wrapped| wrapped.downcast_ref::<rustls::Error>())
    });
    if matches!(tls, Some(rustls::Error::InvalidCertificate(_))) {
        return LossReason::Handshake;
    }
    let words = Masked::from(format!("{error:#}"));
    match error.downcast_ref() {
        Some(EgressError::Proxy(_)) => LossReason::Proxy(words),
        _ => LossReason::Socket(words),
    }
}

#[cfg(test)]
mod tests {
    use switchboard_egress::{EgressOptions, Reach};
    use tokio::net::TcpListener;

    use super::*;

    fn dialer(url: &str, reach: Reach) -> Dialer {
        Dialer::new(url, Egress::new(EgressOptions { reach }).unwrap()).unwrap()
    }

    #[test]
    fn a_target_is_a_web_socket_and_nothing_else() {
        let target = Target::parse("wss://web.whatsapp.com/ws/chat").unwrap();
        assert_eq!(
            (target.host.as_str(), target.port, target.tls.is_some()),
            ("web.whatsapp.com", 443, true)
        );
        let target = Target::parse("ws://[::1]:8080/ws/chat").unwrap();
        assert_eq!(
            (target.host.as_str(), target.port, target.tls.is_some()),
            ("::1", 8080, false)
        );
        for bad in ["", "web.whatsapp.com", "https://web.whatsapp.com/", "ws://"] {
            assert!(Target::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_certificate_that_is_not_valid_is_told_from_a_socket_that_broke() {
        let of_tls = |error| reason(&anyhow::Error::from(io::Error::new(io::ErrorKind::InvalidData, error)));
        let forged = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        assert_eq!(of_tls(forged), LossReason::Handshake);
        for error in [
            of_tls(rustls::Error::HandshakeNotComplete),
            reason(&io::Error::from(io::ErrorKind::ConnectionRefused).into()),
        ] {
            assert!(matches!(error, LossReason::Socket(_)), "{error}");
        }
    }

    #[tokio::test]
    async fn small_messages_do_not_wait_for_the_peer() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/ws/chat", listener.local_addr().unwrap());
        let tcp = dialer(&url, Reach::LoopbackOnly).tcp().await.unwrap();
        assert!(tcp.nodelay().unwrap());
    }

    #[test]
    fn a_walled_in_dialer_knows_its_target_before_it_dials() {
        for url in [
            "ws://localhost:1/",
            "wss://web.whatsapp.com/ws/chat",
            "ws://10.0.0.1:1/",
            "ws://0.0.0.0:1/",
        ] {
            assert!(dialer(url, Reach::LoopbackOnly).check().is_err(), "{url}");
            assert!(dialer(url, Reach::Anywhere).check().is_ok(), "{url}");
        }
        assert!(dialer("ws://127.0.0.1:1/", Reach::LoopbackOnly).check().is_ok());
    }
}
