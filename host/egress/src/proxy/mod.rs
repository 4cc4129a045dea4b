//! Connections through a proxy.
//!
//! The proxy's own address is dialled like any other, within a [`Reach`](crate::Reach) of its own; the host behind it is looked up by the
//! proxy. Whoever chose the proxy need not have chosen a good one, so nothing that it says is believed or repeated: an answer has a
//! most size and a most time, ends where it says, and becomes one of the words of a [`ProxyFault`].

mod connect;
mod socks5;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use switchboard_core::proxy::{Proxy, ProxyKind};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::EgressError;
use crate::dial::dial;
use crate::reach::Guard;

/// How long a proxy may take to connect to the host behind it. The protocol library gives up on a connection after 20 seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why there is no connection through a proxy. Never shows credentials, nor anything that the proxy wrote.
#[derive(Debug, thiserror::Error)]
pub enum ProxyFault {
    /// The proxy itself was not reached, or must not be.
    #[error("the proxy cannot be reached")]
    Unreachable(#[source] Box<EgressError>),
    /// It wants credentials, or others than it was shown; in these words.
    #[error("the proxy {0}")]
    Credentials(&'static str),
    /// It does not connect to the host, for this reason.
    #[error("the proxy refused the connection: {0}")]
    Refused(String),
    /// It ended the connection instead of answering.
    #[error("the proxy ended the connection before it answered")]
    Ended(#[from] io::Error),
    /// It took longer than allowed.
    #[error("the proxy did not answer within {0:?}")]
    Silent(Duration),
    /// What it answered is not what such a proxy answers.
    #[error("the proxy's answer {0}")]
    Malformed(&'static str),
}

/// The way through one proxy.
#[derive(Debug, Clone)]
pub(crate) struct Via {
    proxy: Arc<Proxy>,
    guard: Guard,
}

impl Via {
    pub(crate) fn new(proxy: &Proxy, guard: Guard) -> Self {
        let proxy = Arc::new(proxy.clone());
        Self { proxy, guard }
    }

    /// What decides about the proxy's own addresses.
    pub(crate) const fn guard(&self) -> Guard {
        self.guard
    }

    /// Checks what can be checked of the proxy without looking it up.
    pub(crate) fn check(&self) -> Result<(), ProxyFault> {
        let checked = self.guard.check_host(self.proxy.address().host());
        checked.map_err(|error| ProxyFault::Unreachable(Box::new(error)))
    }

    /// A connection to `host` behind the proxy.
    pub(crate) async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, ProxyFault> {
        let address = self.proxy.address();
        let dialled = dial(self.guard, address.host(), address.port()).await;
        let mut stream = dialled.map_err(|error| ProxyFault::Unreachable(Box::new(error)))?;
        self.ask(&mut stream, host, port).await?;
        Ok(stream)
    }

    /// Has the proxy at the other end of `stream` connect it to `host`.
    async fn ask<S>(&self, stream: &mut S, host: &str, port: u16) -> Result<(), ProxyFault>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let credentials = self.proxy.credentials();
        let asked = async {
            match self.proxy.kind() {
                ProxyKind::Http => connect::ask(stream, host, port, credentials).await,
                ProxyKind::Socks5 => socks5::ask(stream, host, port, credentials).await,
            }
        };
        timeout(PATIENCE, asked)
            .await
            .map_err(|_| ProxyFault::Silent(PATIENCE))?
    }

    /// The same way for the HTTP client, which makes its own connections.
    pub(crate) fn for_http(&self) -> reqwest::Result<reqwest::Proxy> {
        let url = self.proxy.to_url();
        match self.proxy.kind() {
            ProxyKind::Http => reqwest::Proxy::all(url.expose()),
            // To the client the plain name means that it looks hosts up itself.
            ProxyKind::Socks5 => reqwest::Proxy::all(url.expose().replacen("socks5:", "socks5h:", 1)),
        }
    }
}

#[cfg(test)]
mod testing {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

    use super::*;
    use crate::Reach;

    /// What comes of a proxy that answers each time that it was asked something with the next of these bytes, and then ends the
    /// connection; with all that it was told.
    pub(super) async fn answered(proxy: &str, host: &str, answers: &[&[u8]]) -> (Result<(), ProxyFault>, Vec<u8>) {
        let via = Via::new(&proxy.parse().unwrap(), Guard::new(Reach::LoopbackOnly));
        let (mut near, far) = tokio::io::duplex(1 << 16);
        let asked = async {
            let asked = via.ask(&mut near, host, 443).await;
            drop(near);
            asked
        };
        tokio::join!(asked, play(far, answers))
    }

    async fn play(mut far: DuplexStream, answers: &[&[u8]]) -> Vec<u8> {
        let mut told = Vec::new();
        for answer in answers {
            assert!(far.read_buf(&mut told).await.unwrap() > 0, "nothing is asked any more");
            // Whoever has heard enough does not read the rest.
            let _ = far.write_all(answer).await;
        }
        let _ = far.shutdown().await;
        let _ = far.read_to_end(&mut told).await;
        told
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio::task::JoinHandle;

    use super::*;
    use crate::{Egress, EgressOptions, Limits, Reach, Request};

    fn through(proxy: &str, target: Reach, proxies: Reach) -> Egress {
        let egress = Egress::new(EgressOptions { reach: target }).unwrap();
        egress.through(&proxy.parse().unwrap(), proxies).unwrap()
    }

    const LIMITS: Limits = Limits {
        max_body_bytes: 64,
        timeout: Duration::from_secs(20),
    };

    #[tokio::test]
    async fn a_proxy_next_door_is_not_dialled_for_a_socket_nor_for_a_request() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        for proxy in [
            format!("http://127.0.0.1:{port}"),
            format!("socks5://localhost:{port}"),
            format!("http://2130706433:{port}"),
            format!("http://[::ffff:127.0.0.1]:{port}"),
            "http://169.254.169.254:80".to_owned(),
            "socks5://[fd00:ec2::254]:80".to_owned(),
            "http://10.0.0.5:3128".to_owned(),
        ] {
            let egress = through(&proxy, Reach::Anywhere, Reach::Public);
            let error = egress.connect("web.whatsapp.com", 443).await.unwrap_err();
            let EgressError::Proxy(ProxyFault::Unreachable(reason)) = &error else {
                panic!("{proxy}: {error:?}")
            };
            assert!(matches!(**reason, EgressError::NotPublic { .. }), "{proxy}: {reason}");
            let request = Request::get("http://web.whatsapp.com/");
            assert!(egress.send(request, LIMITS).await.is_err(), "{proxy}");
        }
        let dialled = timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(dialled.is_err(), "something was dialled");
    }

    #[tokio::test]
    async fn the_host_behind_a_proxy_is_within_reach_or_the_proxy_is_not_asked() {
        let egress = through("http://127.0.0.1:9", Reach::LoopbackOnly, Reach::LoopbackOnly);
        for host in ["web.whatsapp.com", "10.0.0.1", "localhost"] {
            let error = egress.connect(host, 443).await.unwrap_err();
            assert!(matches!(error, EgressError::NotLoopback { .. }), "{host}: {error}");
        }
        let egress = through("http://127.0.0.1:9", Reach::Public, Reach::LoopbackOnly);
        for url in ["http://169.254.169.254/latest/", "https://2852039166/", "http://[::1]/"] {
            let error = egress.send(Request::get(url), LIMITS).await.err().unwrap();
            assert!(matches!(error, EgressError::NotPublic { .. }), "{url}: {error}");
        }
    }

    /// A proxy that is asked for one thing and gives one answer; what it was asked comes back.
    async fn answering(answer: &'static [u8]) -> (SocketAddr, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                assert!(stream.read_buf(&mut asked).await.unwrap() > 0);
            }
            stream.write_all(answer).await.unwrap();
            String::from_utf8(asked).unwrap()
        });
        (address, asked)
    }

    #[tokio::test]
    async fn a_request_goes_through_the_proxy_too_and_its_refusal_shows_no_credentials() {
        for (url, begins, answer, status) in [
            (
                "https://127.0.0.1:9/media",
                "CONNECT 127.0.0.1:9 ",
                "HTTP/1.1 407 hunter2\r\ncontent-length: 0\r\n\r\n",
                None,
            ),
            (
                "http://127.0.0.1:9/media",
                "GET http://127.0.0.1:9/media ",
                "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
                Some(200),
            ),
        ] {
            let (address, asked) = answering(answer.as_bytes()).await;
            let proxy = format!("http://user:hunter2%40@{address}");
            let egress = through(&proxy, Reach::LoopbackOnly, Reach::LoopbackOnly);
            // The client belongs to the way, not to how far it leads.
            let egress = egress.reaching(Reach::LoopbackOnly).unwrap();
            let answered = egress.send(Request::get(url), LIMITS).await;
            assert!(!format!("{:?} {egress:?}", answered.as_ref().err()).contains("hunter2"));
            assert_eq!(answered.ok().map(|answer| answer.status), status, "{url}");
            let asked = asked.await.unwrap().to_lowercase();
            assert!(asked.starts_with(&begins.to_lowercase()), "{asked}");
            assert!(
                asked.contains("proxy-authorization: basic dxnlcjpodw50zxiyqa=="),
                "{asked}"
            );
        }
    }

    #[tokio::test]
    async fn a_request_through_a_socks_proxy_leaves_the_name_to_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = format!("socks5://user:hunter2@{}", listener.local_addr().unwrap());
        let asked = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            for answer in [b"\x05\x02".as_slice(), b"\x01\x00", b"\x05\x00\x00\x01\0\0\0\0\0\0"] {
                asked.clear();
                assert!(stream.read_buf(&mut asked).await.unwrap() > 0);
                stream.write_all(answer).await.unwrap();
            }
            asked
        });
        let egress = through(&proxy, Reach::Public, Reach::LoopbackOnly);
        assert!(
            egress
                .send(Request::get("http://media.example/"), LIMITS)
                .await
                .is_err()
        );
        assert_eq!(asked.await.unwrap(), b"\x05\x01\x00\x03\x0dmedia.example\x00\x50");
    }

    #[tokio::test]
    async fn a_proxy_that_is_not_there_is_said_to_be_the_proxy() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = format!("http://user:hunter2@{}", listener.local_addr().unwrap());
        drop(listener);
        let error = through(&proxy, Reach::LoopbackOnly, Reach::LoopbackOnly)
            .connect("127.0.0.1", 1)
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "the proxy cannot be reached");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_proxy_that_says_nothing_or_little_at_a_time_is_left_at_the_deadline() {
        for proxy in ["http://127.0.0.1:9", "socks5://127.0.0.1:9"] {
            let via = Via::new(&proxy.parse().unwrap(), Guard::new(Reach::LoopbackOnly));
            let (mut near, mut far) = tokio::io::duplex(1 << 16);
            let slow = async {
                let answer = [b"\x05\x00\x05\x00\x00\x03\xff".as_slice(), &[b'x'; 200]].concat();
                for byte in if proxy.starts_with("http") {
                    vec![b'H'; 200]
                } else {
                    answer
                } {
                    far.write_all(&[byte]).await.unwrap();
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                std::future::pending::<()>().await;
            };
            let asked = tokio::select! {
                asked = via.ask(&mut near, "web.whatsapp.com", 443) => asked,
                () = slow => unreachable!(),
            };
            assert!(matches!(asked, Err(ProxyFault::Silent(PATIENCE))), "{proxy}: {asked:?}");
        }
    }
}
