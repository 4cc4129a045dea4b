//! A load of HTTP requests that costs little itself: one socket a client, bytes written once, and no more of the answer read than
//! its status and length.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// One request, to be sent over and over.
#[derive(Clone)]
pub(crate) struct Target {
    address: String,
    request: Vec<u8>,
    status: u16,
}

impl Target {
    pub(crate) fn get(base: &str, token: &str, path: &str, status: u16) -> Self {
        Self::new(base, status, &format!("GET {path} HTTP/1.1\r\n"), token, "")
    }

    pub(crate) fn post(base: &str, token: &str, path: &str, body: &Value, status: u16) -> Self {
        Self::new(
            base,
            status,
            &format!("POST {path} HTTP/1.1\r\n"),
            token,
            &body.to_string(),
        )
    }

    fn new(base: &str, status: u16, first: &str, token: &str, body: &str) -> Self {
        let address = base.trim_start_matches("http://").to_owned();
        let request = format!(
            "{first}Host: {address}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        Self {
            address,
            request: request.into_bytes(),
            status,
        }
    }
}

/// What a load came to.
pub(crate) struct Figures {
    pub(crate) clients: usize,
    pub(crate) count: u64,
    took: Duration,
    micros: Histogram<u64>,
}

impl Figures {
    pub(crate) fn rate(&self) -> f64 {
        self.count as f64 / self.took.as_secs_f64()
    }

    pub(crate) fn at(&self, quantile: f64) -> Duration {
        Duration::from_micros(self.micros.value_at_quantile(quantile))
    }

    /// One line: how many a second by how many clients, how long each took, and how that compares.
    pub(crate) fn report(&self, what: &str, baseline: Option<&Self>) {
        let ratio = baseline.map_or_else(String::new, |b| {
            format!("  {:.2} of the baseline", self.rate() / b.rate())
        });
        println!(
            "{what:>24}  {:>4} clients  {:>8.0}/s  p50 {:>7.2} ms  p99 {:>7.2} ms{ratio}",
            self.clients,
            self.rate(),
            self.at(0.50).as_secs_f64() * 1e3,
            self.at(0.99).as_secs_f64() * 1e3,
        );
    }
}

/// Something that is done over and over by one client.
pub(crate) trait Work: Send + 'static {
    /// Does it once.
    fn once(&mut self) -> impl Future<Output = ()> + Send;
}

struct Client {
    target: Target,
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Work for Client {
    async fn once(&mut self) {
        self.stream
            .write_all(&self.target.request)
            .await
            .expect("the request is sent");
        let status = answer(&mut self.stream, &mut self.buffer).await;
        assert_eq!(status, self.target.status, "{}", String::from_utf8_lossy(&self.buffer));
    }
}

/// Sends the request from so many clients for so long.
pub(crate) async fn load(target: &Target, clients: usize, time: Duration) -> Figures {
    load_each(vec![target.clone(); clients], time).await
}

/// Sends each request from a client of its own for so long.
pub(crate) async fn load_each(targets: Vec<Target>, time: Duration) -> Figures {
    let mut works = Vec::with_capacity(targets.len());
    for target in targets {
        let stream = TcpStream::connect(&target.address).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        works.push(Client {
            target,
            stream,
            buffer: Vec::with_capacity(64 * 1024),
        });
    }
    repeat(works, time).await
}

/// Does all of the works at once, each over and over.
pub(crate) async fn repeat<W: Work>(works: Vec<W>, time: Duration) -> Figures {
    let clients = works.len();
    let mut tasks = Vec::new();
    let started = Instant::now();
    for mut work in works {
        tasks.push(tokio::spawn(async move {
            let mut micros = Histogram::<u64>::new_with_bounds(1, 60_000_000, 3).expect("a histogram");
            while started.elapsed() < time {
                let begun = Instant::now();
                work.once().await;
                micros.saturating_record(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
            }
            micros
        }));
    }
    let mut micros = Histogram::<u64>::new_with_bounds(1, 60_000_000, 3).expect("a histogram");
    for task in tasks {
        micros.add(task.await.expect("a client")).expect("the same bounds");
    }
    Figures {
        clients,
        count: micros.len(),
        took: started.elapsed(),
        micros,
    }
}

/// Reads one answer to its end and tells its status.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> u16 {
    buffer.clear();
    let head = loop {
        assert_ne!(stream.read_buf(buffer).await.expect("an answer"), 0, "the host hung up");
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
    let length = text
        .split("content-length: ")
        .nth(1)
        .and_then(|rest| rest.split('\r').next())
        .expect("a length");
    let whole = head + length.parse::<usize>().expect("a number");
    while buffer.len() < whole {
        assert_ne!(stream.read_buf(buffer).await.expect("a body"), 0, "the host hung up");
    }
    text[9..12].parse().expect("a status")
}
