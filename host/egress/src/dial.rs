//! TCP connections.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::lookup::SystemLookup;
use crate::reach::Guard;
use crate::{Egress, EgressError};

/// How long one address may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

impl Egress {
    /// A TCP connection to the first address of `host` that takes it. A host is a name, an address, or an IPv6 address in
    /// brackets. Small writes go out at once (`TCP_NODELAY`): waiting for the peer's acknowledgement costs 40 ms a message. Through a
    /// proxy, names are looked up by the proxy.
    ///
    /// # Errors
    /// When the host is out of reach, unknown, or does not answer; when the proxy is not reached, or refuses.
    pub async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, EgressError> {
        match &self.via {
            None => dial(self.guard, host, port).await,
            Some(via) => {
                self.guard.check_host(host)?;
                Ok(via.connect(host, port).await?)
            }
        }
    }
}

/// A connection to the first address of `host` that takes it, of those that `guard` allows.
pub(crate) async fn dial(guard: Guard, host: &str, port: u16) -> Result<TcpStream, EgressError> {
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in guard.addresses(&SystemLookup, host, port).await? {
        match open(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(EgressError::Connect {
        host: host.to_owned(),
        source: failure,
    })
}

async fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = tokio::time::timeout(PATIENCE, TcpStream::connect(address)).await??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::{EgressOptions, Reach};

    #[tokio::test]
    async fn small_writes_do_not_wait() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let stream = Egress::new(EgressOptions {
            reach: Reach::LoopbackOnly,
        })
        .unwrap()
        .connect("127.0.0.1", port)
        .await
        .unwrap();
        assert!(stream.nodelay().unwrap());
    }

    #[tokio::test]
    async fn a_public_egress_does_not_dial_a_listener_next_door() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let egress = Egress::new(EgressOptions { reach: Reach::Public }).unwrap();
        for host in ["127.0.0.1", "localhost"] {
            let error = egress.connect(host, port).await.unwrap_err();
            assert!(matches!(error, EgressError::NotPublic { .. }), "{host}: {error}");
        }
    }

    #[tokio::test]
    async fn an_operators_own_target_may_be_next_door_and_have_a_name() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let egress = Egress::new(EgressOptions { reach: Reach::Public })
            .unwrap()
            .reaching(Reach::Anywhere)
            .unwrap();
        assert_eq!(egress.reach(), Reach::Anywhere);
        egress.connect("localhost", port).await.unwrap();
    }

    #[tokio::test]
    async fn a_closed_port_is_named_by_its_host() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let error = Egress::new(EgressOptions {
            reach: Reach::LoopbackOnly,
        })
        .unwrap()
        .connect("127.0.0.1", port)
        .await
        .unwrap_err();
        assert!(
            matches!(&error, EgressError::Connect { host, .. } if host == "127.0.0.1"),
            "{error}"
        );
    }
}
