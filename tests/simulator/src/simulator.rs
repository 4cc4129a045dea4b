//! The simulator as a whole: its listeners, and the handle that tests hold.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use whatsapp_rust::wacore::libsignal::protocol::CurveError;

use crate::address::Number;
use crate::counters::{Counters, Tally};
use crate::directory::Directory;
use crate::fault::{self, Carrier, Fault, FaultBook, FaultError};
use crate::noise::ServerIdentity;
use crate::noise::certificate::ServerKeys;
use crate::options::Options;
use crate::pairing::PairingDesk;
use crate::persist::{self, DataError, Folder, Saver};
use crate::phone::{Phone, PhoneError};
use crate::server::Server;
use crate::{admin, connection};

/// How long a stop waits for connections to end.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// A running simulator. Clones are the same one; when the last is dropped, it stops.
#[derive(Clone)]
pub struct Simulator(Arc<Running>);

struct Running {
    server: Arc<Server>,
    socket: SocketAddr,
    admin: SocketAddr,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.server.closing.cancel();
    }
}

/// Why a simulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listen address that other machines could reach. The simulator trusts everybody who connects.
    #[error("the simulator listens on loopback addresses only, and {0} is none")]
    NotLoopback(SocketAddr),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The data folder cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A key cannot be used.
    #[error("the server's certificate cannot be signed: {0}")]
    Certificate(#[from] CurveError),
}

impl Simulator {
    /// Starts a simulator and returns when it listens.
    ///
    /// # Errors
    /// When an address is not loopback or is taken, or the data folder cannot be used.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let sockets = listen(options.listen).await?;
        let admin = listen(options.admin_listen).await?;
        let (socket, admin_address) = (
            address(&sockets, options.listen)?,
            address(&admin, options.admin_listen)?,
        );
        let random = options.random;
        let (folder, keys, accounts) = match options.data_dir {
            Some(path) => {
                let (folder, contents) = Folder::open(path, &random)?;
                (Some(folder), contents.keys, contents.accounts)
            }
            None => (None, ServerKeys::generate(&random), Vec::new()),
        };
        let server = Arc::new(Server {
            identity: ServerIdentity::issue(keys, &random, options.clock.unix_seconds())?,
            clock: options.clock,
            random,
            timing: options.timing,
            directory: Directory::with(accounts),
            desk: PairingDesk::default(),
            faults: FaultBook::default(),
            carrier: Carrier::default(),
            counters: Counters::default(),
            saver: Saver::new(folder),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        server.tasks.spawn(accept(Arc::clone(&server), sockets));
        server.tasks.spawn(admin::serve(Arc::clone(&server), admin));
        server.tasks.spawn(persist::save_changes(Arc::clone(&server)));
        tracing::info!(%socket, admin = %admin_address, "the simulator listens");
        Ok(Self(Arc::new(Running {
            server,
            socket,
            admin: admin_address,
        })))
    }

    /// Where clients connect, as a socket's address.
    pub fn socket(&self) -> SocketAddr {
        self.0.socket
    }

    /// Where clients connect: `ws://127.0.0.1:<port>/ws/chat`.
    pub fn ws_url(&self) -> String {
        format!("ws://{}/ws/chat", self.0.socket)
    }

    /// Where the admin interface is: `http://127.0.0.1:<port>`.
    pub fn admin_url(&self) -> String {
        format!("http://{}", self.0.admin)
    }

    /// The root key that signed the server's certificate chain.
    pub fn root_public_key(&self) -> [u8; 32] {
        self.0.server.identity.root_public_key()
    }

    /// The phone with this number; if there is none yet, its account is made, and the number is on WhatsApp from then on.
    ///
    /// # Errors
    /// When the text is no phone number.
    pub fn phone(&self, number: &str) -> Result<Phone, PhoneError> {
        let account = self.0.server.account(&Number::parse(number)?)?;
        Ok(Phone::new(Arc::clone(&self.0.server), account))
    }

    /// Makes something go wrong.
    ///
    /// # Errors
    /// When the fault names an account or a connection that is not there.
    pub fn inject(&self, fault: Fault) -> Result<(), FaultError> {
        fault::inject(&self.0.server, fault)
    }

    /// What happened since the start.
    pub fn tally(&self) -> Tally {
        self.0.server.counters.tally()
    }

    #[cfg(test)]
    pub(crate) fn server(&self) -> &Arc<Server> {
        &self.0.server
    }

    /// Closes all sockets and listeners and saves what has changed.
    pub async fn shutdown(self) {
        let server = Arc::clone(&self.0.server);
        server.closing.cancel();
        server.tasks.close();
        if tokio::time::timeout(STOP_PATIENCE, server.tasks.wait()).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
        let saved = tokio::task::spawn_blocking(move || persist::save(&server)).await;
        if let Err(error) = saved {
            tracing::error!(%error, "saving accounts failed");
        }
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    if !address.ip().is_loopback() {
        return Err(StartError::NotLoopback(address));
    }
    TcpListener::bind(address)
        .await
        .map_err(|source| StartError::Listen { address, source })
}

fn address(listener: &TcpListener, asked: SocketAddr) -> Result<SocketAddr, StartError> {
    listener
        .local_addr()
        .map_err(|source| StartError::Listen { address: asked, source })
}

async fn accept(server: Arc<Server>, listener: TcpListener) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = server.closing.cancelled() => return,
        };
        match accepted {
            Ok(_) if server.faults.refuses_connection() => tracing::debug!("a connection is refused as ordered"),
            Ok((tcp, _)) => {
                server.tasks.spawn(connection::serve(Arc::clone(&server), tcp));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_others_can_reach_is_refused() {
        let options = Options {
            listen: ([0, 0, 0, 0], 0).into(),
            ..Default::default()
        };
        let error = Simulator::start(options).await.err().unwrap();
        assert!(matches!(error, StartError::NotLoopback(_)), "{error}");
    }

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let first = Simulator::start(Options::default()).await.unwrap();
        let options = Options {
            listen: first.0.socket,
            ..Default::default()
        };
        let error = Simulator::start(options).await.err().unwrap();
        assert!(error.to_string().contains(&first.0.socket.to_string()), "{error}");
    }

    #[tokio::test]
    async fn a_phone_is_one_and_the_same_in_every_spelling() {
        let simulator = Simulator::start(Options::default()).await.unwrap();
        let lid = simulator.phone("15550000001").unwrap().lid().to_owned();
        assert_eq!(simulator.phone("+1 555 000 0001").unwrap().lid(), lid);
        assert!(simulator.phone("nobody").is_err());
    }
}
