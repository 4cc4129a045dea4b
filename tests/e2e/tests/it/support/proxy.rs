//! Proxies on loopback: one that does what it should, and others that do not.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// The only user that these proxies know.
const USER: &str = "desk";

/// How a proxy is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Http,
    Socks5,
}

/// A proxy that asks for a password and counts what it does.
pub(crate) struct Proxy {
    kind: Kind,
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    password: Mutex<String>,
    granted: AtomicUsize,
    refused: AtomicUsize,
    targets: Mutex<Vec<String>>,
}

impl Proxy {
    pub(crate) async fn start(kind: Kind, password: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let state = Arc::new(State {
            password: Mutex::new(password.to_owned()),
            granted: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            targets: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                // Whatever goes wrong ends this connection and no other.
                tokio::spawn(async move {
                    let _ = match kind {
                        Kind::Http => state.http(stream).await,
                        Kind::Socks5 => state.socks5(stream).await,
                    };
                });
            }
        });
        Self { kind, address, state }
    }

    /// Its URL, with this password.
    pub(crate) fn url(&self, password: &str) -> String {
        format!("{}://{USER}:{password}@{}", self.scheme(), self.address)
    }

    /// Its URL as it is shown.
    pub(crate) fn shown(&self) -> String {
        self.url("***")
    }

    fn scheme(&self) -> &'static str {
        match self.kind {
            Kind::Http => "http",
            Kind::Socks5 => "socks5",
        }
    }

    /// From now on it asks for another password.
    pub(crate) fn set_password(&self, password: &str) {
        password.clone_into(&mut self.state.password.lock().unwrap());
    }

    /// How many connections it has made for others.
    pub(crate) fn granted(&self) -> usize {
        self.state.granted.load(Ordering::Relaxed)
    }

    /// How many it has refused for a wrong password.
    pub(crate) fn refused(&self) -> usize {
        self.state.refused.load(Ordering::Relaxed)
    }

    /// To where, each once.
    pub(crate) fn targets(&self) -> Vec<String> {
        let mut targets = self.state.targets.lock().unwrap().clone();
        targets.dedup();
        targets
    }
}

impl State {
    async fn http(&self, mut near: TcpStream) -> std::io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(near.read_u8().await?);
        }
        let head = String::from_utf8_lossy(&head);
        let target = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next());
        let target = target.expect("nothing but CONNECT is asked for").to_owned();
        let shown = head
            .lines()
            .find_map(|line| line.strip_prefix("Proxy-Authorization: Basic "));
        let both = format!("{USER}:{}", self.password.lock().unwrap());
        if shown != Some(base64(both.as_bytes()).as_str()) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            let answer = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n";
            return near.write_all(answer.as_bytes()).await;
        }
        let far = self.connect(&target).await?;
        near.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
        carry(near, far).await
    }

    async fn socks5(&self, mut near: TcpStream) -> std::io::Result<()> {
        let mut offer = vec![0; 2];
        near.read_exact(&mut offer).await?;
        let mut methods = vec![0; offer[1].into()];
        near.read_exact(&mut methods).await?;
        assert!(methods.contains(&2), "no password is offered");
        near.write_all(&[5, 2]).await?;
        near.read_u8().await?;
        let (user, password) = (counted(&mut near).await?, counted(&mut near).await?);
        let known = user == USER && password == *self.password.lock().unwrap();
        near.write_all(&[1, u8::from(!known)]).await?;
        if !known {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        let mut head = [0; 4];
        near.read_exact(&mut head).await?;
        assert_eq!(head, [5, 1, 0, 1], "the simulator's address is an IPv4 literal");
        let mut address = [0; 4];
        near.read_exact(&mut address).await?;
        let target = SocketAddr::from((address, near.read_u16().await?)).to_string();
        let far = self.connect(&target).await?;
        near.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 80]).await?;
        carry(near, far).await
    }

    async fn connect(&self, target: &str) -> std::io::Result<TcpStream> {
        self.granted.fetch_add(1, Ordering::Relaxed);
        self.targets.lock().unwrap().push(target.to_owned());
        TcpStream::connect(target).await
    }
}

async fn counted(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut word = vec![0; stream.read_u8().await?.into()];
    stream.read_exact(&mut word).await?;
    Ok(String::from_utf8_lossy(&word).into_owned())
}

async fn carry(mut near: TcpStream, mut far: TcpStream) -> std::io::Result<()> {
    copy_bidirectional(&mut near, &mut far).await.map(drop)
}

/// What a hostile proxy does with each connection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trick {
    /// Says these bytes after it was asked for the first time, and ends the connection.
    Say(&'static [u8]),
    /// Says these bytes over and over.
    Repeat(&'static [u8]),
    /// Says the next byte each second.
    Drip(&'static [u8]),
    /// Says nothing.
    Silence,
}

/// Starts a hostile proxy; where it listens.
pub(crate) async fn hostile(trick: Trick) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = play(stream, trick).await;
            });
        }
    });
    address
}

async fn play(mut stream: TcpStream, trick: Trick) -> std::io::Result<()> {
    stream.read_buf(&mut Vec::with_capacity(1024)).await?;
    match trick {
        Trick::Say(bytes) => {
            stream.write_all(bytes).await?;
            stream.shutdown().await?;
        }
        Trick::Repeat(bytes) => loop {
            stream.write_all(bytes).await?;
        },
        Trick::Drip(bytes) => {
            for byte in bytes {
                stream.write_all(&[*byte]).await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        Trick::Silence => {}
    }
    // Until the other side has enough.
    while stream.read_u8().await.is_ok() {}
    Ok(())
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = char::from(LETTERS[(bits >> (18 - 6 * place) & 63) as usize]);
            text.push(if place <= chunk.len() { letter } else { '=' });
        }
    }
    text
}
