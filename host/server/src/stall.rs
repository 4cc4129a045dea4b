//! A connection whose other end must take what is written to it: one that takes nothing for a while is broken off.
//!
//! What is written waits in the system's buffers first, and a write is kept waiting only when those are full. So whoever is cut off
//! here has taken no byte for that long with a good deal to take.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::CancellationToken;

/// How long a write may be kept waiting.
const PATIENCE: Duration = Duration::from_secs(30);
/// The same from when the server stops, which must not wait for who does not read.
const LAST_PATIENCE: Duration = Duration::from_secs(2);

/// The connection.
#[derive(Debug)]
pub(crate) struct Unstalled<S> {
    stream: S,
    stop: CancellationToken,
    /// When the write is given up that waits.
    limit: Option<Pin<Box<Sleep>>>,
}

impl<S> Unstalled<S> {
    /// Watches over a connection of a server that stops when `stop` says so.
    pub(crate) const fn new(stream: S, stop: CancellationToken) -> Self {
        Self {
            stream,
            stop,
            limit: None,
        }
    }

    fn within_limit(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.limit = None;
            return written;
        }
        let patience = if self.stop.is_cancelled() {
            LAST_PATIENCE
        } else {
            PATIENCE
        };
        let latest = Instant::now() + patience;
        let limit = self.limit.get_or_insert_with(|| Box::pin(sleep_until(latest)));
        if latest < limit.deadline() {
            limit.as_mut().reset(latest);
        }
        limit
            .as_mut()
            .poll(cx)
            .map(|()| Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Unstalled<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Unstalled<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.within_limit(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.within_limit(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::time::advance;

    use super::*;

    /// A connection that holds four bytes, and its other end.
    fn connection() -> (Unstalled<DuplexStream>, DuplexStream, CancellationToken) {
        let (near, far) = duplex(4);
        let stop = CancellationToken::new();
        (Unstalled::new(near, stop.clone()), far, stop)
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_broken_off_after_a_while() {
        let (mut near, _far, _stop) = connection();
        let began = Instant::now();
        let error = near.write_all(b"too much").await.unwrap_err();
        assert_eq!((error.kind(), began.elapsed()), (io::ErrorKind::TimedOut, PATIENCE));
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_a_little_again_and_again_gets_it_all() {
        let (mut near, mut far, _stop) = connection();
        let writing = tokio::spawn(async move { near.write_all(&[7; 20]).await });
        let mut taken = Vec::new();
        while taken.len() < 20 {
            tokio::task::yield_now().await;
            advance(PATIENCE - Duration::from_secs(1)).await;
            let mut some = [0; 2];
            let count = far.read(&mut some).await.unwrap();
            taken.extend_from_slice(&some[..count]);
        }
        writing.await.unwrap().unwrap();
        assert_eq!(taken, [7; 20]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_makes_it_short() {
        let (mut near, _far, stop) = connection();
        let began = Instant::now();
        let writing = async {
            tokio::select! {
                written = near.write_all(b"too much") => return written,
                () = stop.cancelled() => {}
            }
            // As the server does, which looks at all its connections then.
            near.write_all(b"too much").await
        };
        let stopping = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            stop.cancel();
        };
        let (written, ()) = tokio::join!(writing, stopping);
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(began.elapsed(), Duration::from_secs(1) + LAST_PATIENCE);
    }
}
