//! What the socket of a line is doing, seen from below: the protocol library does not tell of every end.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use switchboard_core::clock::{Clock, UnixMillis};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::news::News;
use super::ratchet::SHORTEST_MESSAGE;
use super::state::Health;

/// The time that stands for never.
const NEVER: i64 = i64::MIN;

/// What is known about a line's socket, across all its connections.
#[derive(Debug)]
pub(crate) struct Wire {
    clock: Arc<dyn Clock>,
    news: UnboundedSender<News>,
    open: AtomicUsize,
    last_frame: AtomicI64,
    last_ack: AtomicI64,
    /// When something came that may have been a message.
    last_long: Mutex<Option<Instant>>,
}

impl Wire {
    pub(super) fn new(clock: Arc<dyn Clock>, news: UnboundedSender<News>) -> Self {
        Self {
            clock,
            news,
            open: AtomicUsize::new(0),
            last_frame: AtomicI64::new(NEVER),
            last_ack: AtomicI64::new(NEVER),
            last_long: Mutex::new(None),
        }
    }

    /// How the connection is doing.
    pub(super) fn health(&self) -> Health {
        let moment = |at: &AtomicI64| {
            Some(at.load(Ordering::Relaxed))
                .filter(|at| *at != NEVER)
                .map(UnixMillis)
        };
        Health {
            socket_open: self.open.load(Ordering::Relaxed) > 0,
            last_frame: moment(&self.last_frame),
            last_ack: moment(&self.last_ack),
        }
    }

    /// Notes an acknowledgement, and says when it came.
    pub(super) fn acknowledged(&self) -> UnixMillis {
        let now = self.clock.now();
        self.last_ack.store(now.0, Ordering::Relaxed);
        now
    }

    /// The server could not be reached.
    pub(crate) fn unreachable(&self, reason: String) {
        self.tell(News::Unreachable(reason));
    }

    pub(super) fn tell(&self, news: News) {
        // The receiver is gone when the line has ended; nobody needs the news then.
        let _ = self.news.send(news);
    }

    /// Whether something that may have been a message has come in this time.
    pub(super) fn heard_a_message_within(&self, time: Duration) -> bool {
        let last = *self.last_long.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|at| at.elapsed() <= time)
    }

    fn heard(&self, bytes: usize) {
        self.last_frame.store(self.clock.now().0, Ordering::Relaxed);
        if bytes >= SHORTEST_MESSAGE {
            *self.last_long.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
    }

    fn closed(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.tell(News::SocketClosed);
    }
}

/// A stream that tells a [`Wire`] what comes and when it ends.
#[derive(Debug)]
pub(crate) struct Watched<S> {
    stream: S,
    wire: Arc<Wire>,
    ended: bool,
}

impl<S> Watched<S> {
    pub(crate) fn new(stream: S, wire: Arc<Wire>) -> Self {
        wire.open.fetch_add(1, Ordering::Relaxed);
        Self {
            stream,
            wire,
            ended: false,
        }
    }

    fn end(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            self.wire.closed();
        }
    }
}

impl<S> Drop for Watched<S> {
    fn drop(&mut self) {
        self.end();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let outcome = ready!(Pin::new(&mut self.stream).poll_read(cx, buf));
        let came = buf.filled().len() - before;
        if outcome.is_ok() && came > 0 {
            self.wire.heard(came);
        } else if outcome.is_err() || buf.remaining() > 0 {
            self.end();
        }
        Poll::Ready(outcome)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
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
    use switchboard_core::clock::ManualClock;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_too_short_for_a_message_is_none() {
        let (news, _heard) = mpsc::unbounded_channel();
        let wire = Arc::new(Wire::new(Arc::new(ManualClock::at(UnixMillis(7))), news));
        let (near, mut far) = tokio::io::duplex(1024);
        let mut near = Watched::new(near, Arc::clone(&wire));
        let second = Duration::from_secs(1);
        for (bytes, is_one) in [(SHORTEST_MESSAGE - 1, false), (SHORTEST_MESSAGE, true)] {
            far.write_all(&vec![0; bytes]).await.unwrap();
            near.read_exact(&mut vec![0; bytes]).await.unwrap();
            assert_eq!(wire.heard_a_message_within(second), is_one, "{bytes}");
        }
        tokio::time::advance(second * 2).await;
        assert!(!wire.heard_a_message_within(second));
    }

    #[tokio::test]
    async fn a_socket_is_open_until_the_other_side_ends_it_and_its_end_is_told_once() {
        let clock = Arc::new(ManualClock::at(UnixMillis(7)));
        let (news, mut heard) = mpsc::unbounded_channel();
        let wire = Arc::new(Wire::new(clock, news));
        assert_eq!(wire.health(), Health::default());

        let (near, mut far) = tokio::io::duplex(16);
        let mut near = Watched::new(near, Arc::clone(&wire));
        assert!(wire.health().socket_open);
        far.write_all(b"x").await.unwrap();
        near.read_u8().await.unwrap();
        assert_eq!(wire.health().last_frame, Some(UnixMillis(7)));
        drop(far);
        assert!(near.read_u8().await.is_err());
        assert!(!wire.health().socket_open);
        drop(near);
        assert!(matches!(heard.try_recv(), Ok(News::SocketClosed)));
        assert!(heard.try_recv().is_err());
    }
}
