//! Listening, and the life of a connection: HTTP/1.1, bounded in number, time and header size, broken off when the client does not
//! read, ended gracefully.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::peer::Peer;
use crate::stall::Unstalled;

/// Connections beyond these wait in the system's queue.
const MAX_CONNECTIONS: usize = 4096;
/// How long a client may take for a request's headers; also how long an idle connection is kept.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest request head.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// After the system had no resources for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The setting that an address stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// `server.listen`
    Server,
    /// `metrics.listen`
    Metrics,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Server => "server.listen (SWITCHBOARD_SERVER__LISTEN)",
            Self::Metrics => "metrics.listen (SWITCHBOARD_METRICS__LISTEN)",
        })
    }
}

/// An address could not be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody else does.
    #[error("{0} is in use by another program. Stop it, or choose another address in {1}")]
    Taken(SocketAddr, Setting),
    /// The system does not allow it, as with ports below 1024.
    #[error("the system does not allow listening on {0}; choose another address in {1}")]
    NotAllowed(SocketAddr, Setting),
    /// This machine has no such address.
    #[error("this machine has no address {0}; correct {1}")]
    NoSuchAddress(SocketAddr, Setting),
    /// Anything else.
    #[error("cannot listen on {address}: {cause}")]
    Other {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        #[source]
        cause: io::Error,
    },
}

impl ListenError {
    fn new(setting: Setting, address: SocketAddr, cause: io::Error) -> Self {
        match cause.kind() {
            io::ErrorKind::AddrInUse => Self::Taken(address, setting),
            io::ErrorKind::PermissionDenied => Self::NotAllowed(address, setting),
            io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported => Self::NoSuchAddress(address, setting),
            // A kernel without IPv6 does not know the family; std has no kind of its own for that.
            _ if cause.raw_os_error() == Some(EAFNOSUPPORT) => Self::NoSuchAddress(address, setting),
            _ => Self::Other { address, cause },
        }
    }
}

const EAFNOSUPPORT: i32 = 97;

/// Binds all addresses of a setting. One that this machine does not have, such as `[::1]` without IPv6, is passed over as long as another was
/// bound.
///
/// # Errors
/// The first address that is taken or not allowed; or that this machine has none of them.
pub(crate) async fn bind(setting: Setting, addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, ListenError> {
    let mut listeners = Vec::with_capacity(addresses.len());
    let mut missing = None;
    for &address in addresses {
        match TcpListener::bind(address)
            .await
            .map_err(|cause| ListenError::new(setting, address, cause))
        {
            Ok(listener) => listeners.push(listener),
            Err(error @ ListenError::NoSuchAddress(..)) => {
                tracing::warn!(%address, "this machine has no such address; not listening there");
                missing.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    match missing {
        Some(error) if listeners.is_empty() => Err(error),
        _ => Ok(listeners),
    }
}

/// The listeners' connections, all of them.
#[derive(Debug)]
pub(crate) struct Connections {
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Connections {
    /// Serves `router` on the listeners until [`Connections::drain`].
    pub(crate) fn serve(listeners: Vec<TcpListener>, router: &Router) -> Self {
        let connections = Self {
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        };
        let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        for listener in listeners {
            let accepting = accept(
                listener,
                router.clone(),
                Arc::clone(&room),
                connections.tasks.clone(),
                connections.stop.clone(),
            );
            connections.tasks.spawn(accepting);
        }
        connections
    }

    /// Closes the listeners, lets every request under way finish, and closes idle connections. Cancel it to stop waiting: what is
    /// still open then ends with the runtime.
    pub(crate) async fn drain(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

async fn accept(
    listener: TcpListener,
    router: Router,
    room: Arc<Semaphore>,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = async {
                let permit = Arc::clone(&room).acquire_owned().await;
                (listener.accept().await, permit)
            } => accepted,
        };
        match accepted {
            (Ok((stream, address)), Ok(permit)) => {
                let (router, stop) = (router.clone(), stop.clone());
                tasks.spawn(async move {
                    converse(stream, Peer(address.ip()), router, stop).await;
                    drop(permit);
                });
            }
            (Err(error), _) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
            (Ok(_), Err(_closed)) => return,
        }
    }
}

async fn converse(stream: TcpStream, peer: Peer, router: Router, stop: CancellationToken) {
    // Answers are small and wait for nothing; without this each would wait for the client's delayed acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the connection is gone already");
        return;
    }
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(Unstalled::new(stream, stop.clone())), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::ready;

    use axum::body::Body;
    use axum::routing::get;
    use futures::stream::repeat_with;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::Notify;
    use tokio::time::Instant;

    use super::*;

    const ANY_PORT: &str = "127.0.0.1:0";

    async fn read_to_end(mut stream: TcpStream) -> String {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let first = bind(Setting::Server, &[ANY_PORT.parse().unwrap()]).await.unwrap();
        let address = first[0].local_addr().unwrap();
        let error = bind(Setting::Server, &[address]).await.unwrap_err();
        assert!(matches!(error, ListenError::Taken(taken, _) if taken == address));
        assert!(error.to_string().contains(&address.to_string()));
    }

    #[tokio::test]
    async fn an_address_this_machine_lacks_is_passed_over_only_beside_another() {
        let lacking: SocketAddr = "192.0.2.1:0".parse().unwrap();
        assert!(matches!(
            bind(Setting::Server, &[lacking]).await,
            Err(ListenError::NoSuchAddress(..))
        ));
        assert_eq!(
            bind(Setting::Server, &[lacking, ANY_PORT.parse().unwrap()])
                .await
                .unwrap()
                .len(),
            1
        );
    }

    /// As `fly.toml` and the image have it.
    #[tokio::test]
    async fn the_open_address_of_ipv6_takes_ipv4_too() {
        let Ok(listeners) = bind(Setting::Server, &["[::]:0".parse().unwrap()]).await else {
            return; // without IPv6 there is no such address
        };
        let port = listeners[0].local_addr().unwrap().port();
        let connections = Connections::serve(listeners, &Router::new().route("/", get(|| async { "here" })));
        for address in ["127.0.0.1", "::1"] {
            let mut stream = TcpStream::connect((address, port)).await.unwrap();
            let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
            stream.write_all(request).await.unwrap();
            assert!(read_to_end(stream).await.ends_with("here"), "{address}");
        }
        connections.drain().await;
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_cut_off_and_keeps_nothing() {
        let gone = CancellationToken::new();
        let router = Router::new().route("/", {
            let gone = gone.clone();
            get(move || {
                let held = gone.clone().drop_guard();
                let endless = repeat_with(move || {
                    let _held = &held;
                    Ok::<_, Infallible>(vec![b'x'; 64 * 1024])
                });
                ready(Body::from_stream(endless))
            })
        });
        let listeners = bind(Setting::Server, &[ANY_PORT.parse().unwrap()]).await.unwrap();
        let mut idle = TcpStream::connect(listeners[0].local_addr().unwrap()).await.unwrap();
        let _connections = Connections::serve(listeners, &router);
        // Before the server can have begun to wait.
        let began = Instant::now();
        idle.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .await
            .unwrap();
        idle.readable().await.unwrap();

        tokio::time::pause();
        gone.cancelled().await;
        assert!(began.elapsed() >= Duration::from_secs(30), "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn a_drain_finishes_what_is_under_way_and_takes_nothing_new() {
        let (entered, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let router = Router::new().route("/", {
            let (entered, go_on) = (Arc::clone(&entered), Arc::clone(&go_on));
            get(move || async move {
                entered.notify_one();
                go_on.notified().await;
                "done"
            })
        });
        let listeners = bind(Setting::Server, &[ANY_PORT.parse().unwrap()]).await.unwrap();
        let address = listeners[0].local_addr().unwrap();
        let connections = Connections::serve(listeners, &router);

        let idle = TcpStream::connect(address).await.unwrap();
        let mut busy = TcpStream::connect(address).await.unwrap();
        busy.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .await
            .unwrap();
        entered.notified().await;

        let drained = tokio::spawn(async move { connections.drain().await });
        assert_eq!(read_to_end(idle).await, "", "an idle connection is closed");
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        go_on.notify_one();
        assert!(read_to_end(busy).await.ends_with("done"));
        drained.await.unwrap();
    }
}
