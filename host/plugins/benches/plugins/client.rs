//! Clients outside the runtime, as those of the server are: each a thread at the other end of a socket, which asks, waits for the
//! answer, and pauses. So what is measured has everything in it that a client waits for: until the runtime looks at the socket, until
//! a thread of it is free, and the call itself.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use switchboard_plugins::Plugins;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::runtime::Runtime;
use tokio::time::Instant;

use crate::figures::Times;
use crate::ours;

const CLIENTS: usize = 2;
/// Long enough that clients alone leave the machine idle for most of the time.
const PAUSE: Duration = Duration::from_micros(500);

/// What is asked for, over and over.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) plugins: Plugins,
    pub(crate) kind: &'static str,
    pub(crate) body: Value,
}

/// How long clients wait for their answers, in so much time.
pub(crate) fn ask(runtime: &Runtime, asked: &Asked, time: Duration) -> Times {
    let client = |_| {
        let (near, far) = UnixStream::pair().unwrap();
        runtime.spawn(serve(far, asked.clone()));
        thread::spawn(move || wait(near, time))
    };
    let clients: Vec<_> = (0..CLIENTS).map(client).collect();
    let mut times = Times::new();
    for client in clients {
        times.add(&client.join().unwrap());
    }
    times
}

fn wait(mut socket: UnixStream, time: Duration) -> Times {
    let mut times = Times::new();
    let begun = Instant::now();
    while begun.elapsed() < time {
        let at = Instant::now();
        socket.write_all(&[0]).unwrap();
        socket.read_exact(&mut [0]).unwrap();
        times.note_since(at);
        thread::park_timeout(PAUSE);
    }
    times
}

async fn serve(socket: UnixStream, asked: Asked) {
    socket.set_nonblocking(true).unwrap();
    let mut socket = tokio::net::UnixStream::from_std(socket).unwrap();
    while socket.read_exact(&mut [0]).await.is_ok() {
        ours::call(&asked.plugins, asked.kind, &asked.body).await;
        socket.write_all(&[0]).await.unwrap();
    }
}
