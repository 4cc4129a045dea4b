//! Servers and name servers for the tests: on loopback, and as bad as a test wants them.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::{Credential, CredentialOptions, FetchRequest, Fetcher, Grant, GrantOptions};
use crate::{Looking, Lookup, Method, Reach, SystemLookup};

/// What no answer and no error may show.
pub(super) const SECRET: &str = "sk-hunter2/+hunter2";

/// An HTTP server that keeps what it was sent.
pub(super) struct Server {
    address: SocketAddr,
    kept: Arc<Mutex<Kept>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Kept {
    requests: Vec<String>,
    connections: usize,
}

impl Server {
    /// One that answers the nth request with what `answer` makes of n, from 0, and of the whole request. An answer that is empty leaves
    /// the request waiting.
    pub(super) async fn start(answer: impl Fn(usize, &str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1:0", answer).await
    }

    /// The same at this address.
    pub(super) async fn start_at(
        address: &str,
        answer: impl Fn(usize, &str) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let kept = Arc::<Mutex<Kept>>::default();
        let task = tokio::spawn(accept(listener, Arc::clone(&kept), Arc::new(answer)));
        Self { address, kept, task }
    }

    /// Its address and port.
    pub(super) fn host(&self) -> String {
        self.address.to_string()
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The requests so far.
    pub(super) fn seen(&self) -> Vec<String> {
        self.kept.lock().unwrap().requests.clone()
    }

    /// How many connections were made to it.
    pub(super) fn connections(&self) -> usize {
        self.kept.lock().unwrap().connections
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Answer = Arc<dyn Fn(usize, &str) -> Vec<u8> + Send + Sync>;

async fn accept(listener: TcpListener, kept: Arc<Mutex<Kept>>, answer: Answer) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        kept.lock().unwrap().connections += 1;
        connections.spawn(serve(stream, Arc::clone(&kept), Arc::clone(&answer)));
    }
}

async fn serve(mut stream: TcpStream, kept: Arc<Mutex<Kept>>, answer: Answer) {
    while let Some(request) = read(&mut stream).await {
        let n = {
            let requests = &mut kept.lock().unwrap().requests;
            requests.push(request.clone());
            requests.len() - 1
        };
        let answer = answer(n, &request);
        if answer.is_empty() {
            std::future::pending::<()>().await;
        }
        // Whoever has read enough goes away.
        let _ = stream.write_all(&answer).await;
    }
}

/// One request with its body; nothing at the end of the connection.
async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if length.map_or(0, |length| length.parse().unwrap()) <= body.len() {
                return Some(text.into_owned());
            }
        }
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return None;
        }
    }
}

/// An answer with its length.
pub(super) fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}").into_bytes()
}

/// A name server with an answer for each look-up, in order. A name that is asked for once more stays without one.
pub(super) struct Names(Mutex<VecDeque<Vec<&'static str>>>);

impl Names {
    pub(super) fn new(answers: &[&[&'static str]]) -> Arc<Self> {
        Arc::new(Self(Mutex::new(answers.iter().map(|answer| answer.to_vec()).collect())))
    }

    /// How many look-ups are left.
    pub(super) fn left(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

impl Lookup for Names {
    fn look_up<'a>(&'a self, _: &'a str, port: u16) -> Looking<'a> {
        let answer = self.0.lock().unwrap().pop_front();
        Box::pin(async move {
            let Some(answer) = answer else {
                return std::future::pending().await;
            };
            let addresses = answer
                .iter()
                .map(|address| SocketAddr::new(address.parse().unwrap(), port));
            Ok(addresses.collect())
        })
    }
}

/// A fetcher as it is outside of tests.
pub(super) fn fetcher() -> Fetcher {
    Fetcher::new(Reach::Public, Arc::new(SystemLookup)).unwrap()
}

/// The same with another name server.
pub(super) fn fetcher_asking(names: &Arc<Names>) -> Fetcher {
    Fetcher::new(Reach::Public, Arc::<Names>::clone(names)).unwrap()
}

/// A grant for `server` and `api.example.com`, with a credential called `openai` for both.
pub(super) fn grant(server: &Server) -> Grant {
    granting(&[&server.url(""), "https://api.example.com"])
}

/// A grant for these origins with the same credential, for all of them that are one.
pub(super) fn granting(origins: &[&str]) -> Grant {
    let single: Vec<_> = origins.iter().copied().filter(|origin| !origin.contains('*')).collect();
    granting_with(origins, &single)
}

/// A grant for these origins with the same credential for those.
pub(super) fn granting_with(origins: &[&str], of_credential: &[&str]) -> Grant {
    let read = |origins: &[&str]| origins.iter().map(|origin| origin.parse().unwrap()).collect();
    let credential = Credential::new(CredentialOptions {
        name: "openai".to_owned(),
        header: "Authorization".to_owned(),
        prefix: "Bearer ".to_owned(),
        secret: SECRET.to_owned().into(),
        origins: read(of_credential),
    });
    let options = GrantOptions {
        origins: read(origins),
        private: true,
        credentials: vec![credential.unwrap()],
        max_request_bytes: 64,
    };
    Grant::new(options).unwrap()
}

/// A `GET` without anything.
pub(super) fn request(url: &str) -> FetchRequest {
    FetchRequest {
        method: Method::Get,
        url: url.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
        credential: None,
        timeout: Duration::from_secs(20),
        max_response_bytes: 1024,
    }
}
