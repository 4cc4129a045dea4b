//! What the socket of a line is doing, seen from below: the protocol library does not tell of every end.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use switchboard_core::clock::{Clock, UnixMillis};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::loss::LossReason;
use super::news::{Closing, News};
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
    /// How many there were.
    sockets: AtomicU64,
    last_frame: AtomicI64,
    last_ack: AtomicI64,
    heard: Mutex<Heard>,
    /// Frames that were sent over the present socket.
    said: AtomicU32,
}

/// When what came last came, by a clock that nobody sets.
#[derive(Debug, Default)]
struct Heard {
    /// Anything that could be decrypted, over the present socket; its opening counts.
    at: Option<Instant>,
    /// Something that may have been a message, over any.
    long: Option<Instant>,
    /// Whether anything came after the socket was a WebSocket.
    frame: bool,
}

impl Wire {
    pub(super) fn new(clock: Arc<dyn Clock>, news: UnboundedSender<News>) -> Self {
        Self {
            clock,
            news,
            open: AtomicUsize::new(0),
            sockets: AtomicU64::new(0),
            last_frame: AtomicI64::new(NEVER),
            last_ack: AtomicI64::new(NEVER),
            heard: Mutex::default(),
            said: AtomicU32::new(0),
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

    /// The server could not be reached, for this reason.
    pub(crate) fn unreachable(&self, reason: LossReason) {
        self.tell(News::Unreachable(reason));
    }

    pub(super) fn tell(&self, news: News) {
        // The receiver is gone when the line has ended; nobody needs the news then.
        let _ = self.news.send(news);
    }

    /// WhatsApp has said something that could be decrypted.
    pub(super) fn understood(&self) {
        self.last_frame.store(self.clock.now().0, Ordering::Relaxed);
        self.heard().at = Some(Instant::now());
    }

    /// How long nothing that could be decrypted has come over the socket that is open; `None` if there is none.
    pub(super) fn silent_for(&self) -> Option<Duration> {
        let open = self.open.load(Ordering::Relaxed) > 0;
        self.heard().at.filter(|_| open).map(|at| at.elapsed())
    }

    /// Whether something that may have been a message has come in this time.
    pub(super) fn heard_a_message_within(&self, time: Duration) -> bool {
        self.heard().long.is_some_and(|at| at.elapsed() <= time)
    }

    /// The socket has become a WebSocket: what comes from now on is WhatsApp's.
    pub(crate) fn upgraded(&self) {
        self.heard().frame = false;
    }

    /// A frame is sent.
    pub(crate) fn saying(&self) {
        self.said.fetch_add(1, Ordering::Relaxed);
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another socket; returns its number.
    fn opened(&self) -> u64 {
        self.open.fetch_add(1, Ordering::Relaxed);
        let number = self.sockets.fetch_add(1, Ordering::Relaxed) + 1;
        self.said.store(0, Ordering::Relaxed);
        let mut heard = self.heard();
        (heard.at, heard.frame) = (Some(Instant::now()), false);
        number
    }

    fn came(&self, bytes: usize) {
        let mut heard = self.heard();
        heard.frame = true;
        if bytes >= SHORTEST_MESSAGE {
            heard.long = Some(Instant::now());
        }
    }

    /// The socket of this number is over, by the other side or by us. Of one that another has followed already nobody is told: it would
    /// be taken for the end of that other.
    fn closed(&self, number: u64, by_us: bool) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        if self.sockets.load(Ordering::Relaxed) != number {
            return;
        }
        // Our hello is the first frame. Whoever is content with the answer goes on to a second.
        let in_handshake = by_us && self.said.load(Ordering::Relaxed) == 1;
        self.tell(News::SocketClosed(match (in_handshake, self.heard().frame) {
            (true, true) => Closing::Distrusted,
            (true, false) => Closing::Unanswered,
            (false, _) => Closing::Other,
        }));
    }
}

/// A stream that tells a [`Wire`] what comes and when it ends.
#[derive(Debug)]
pub(crate) struct Watched<S> {
    stream: S,
    wire: Arc<Wire>,
    number: u64,
    ended: bool,
}

impl<S> Watched<S> {
    pub(crate) fn new(stream: S, wire: Arc<Wire>) -> Self {
        let number = wire.opened();
        Self {
            stream,
            wire,
            number,
            ended: false,
        }
    }

    fn end(&mut self, by_us: bool) {
        if !std::mem::replace(&mut self.ended, true) {
            self.wire.closed(self.number, by_us);
        }
    }
}

impl<S> Drop for Watched<S> {
    fn drop(&mut self) {
        self.end(true);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let outcome = ready!(Pin::new(&mut self.stream).poll_read(cx, buf));
        let came = buf.filled().len() - before;
        if outcome.is_ok() && came > 0 {
            self.wire.came(came);
        } else if outcome.is_err() || buf.remaining() > 0 {
            self.end(false);
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

        let (near, far) = tokio::io::duplex(16);
        let mut near = Watched::new(near, Arc::clone(&wire));
        assert!(wire.health().socket_open);
        wire.understood();
        assert_eq!(wire.health().last_frame, Some(UnixMillis(7)));
        drop(far);
        assert!(near.read_u8().await.is_err());
        assert!(!wire.health().socket_open);
        drop(near);
        assert!(matches!(heard.try_recv(), Ok(News::SocketClosed(Closing::Other))));
        assert!(heard.try_recv().is_err());
    }

    #[tokio::test]
    async fn the_late_end_of_a_socket_is_not_taken_for_the_end_of_the_next() {
        let (news, mut heard) = mpsc::unbounded_channel();
        let wire = Arc::new(Wire::new(Arc::new(ManualClock::at(UnixMillis(7))), news));
        let [old, new] = [(); 2].map(|()| Watched::new(tokio::io::duplex(16).0, Arc::clone(&wire)));
        drop(old);
        assert!(heard.try_recv().is_err() && wire.health().socket_open);
        drop(new);
        assert!(matches!(heard.try_recv(), Ok(News::SocketClosed(_))));
        assert!(!wire.health().socket_open);
    }

    /// How a socket ended that had become a WebSocket, over which so many frames left and something came or not.
    async fn ending(frames: u32, answer: bool, by_us: bool) -> Closing {
        let (news, mut heard) = mpsc::unbounded_channel();
        let wire = Arc::new(Wire::new(Arc::new(ManualClock::at(UnixMillis(7))), news));
        let (near, mut far) = tokio::io::duplex(64);
        let mut near = Watched::new(near, Arc::clone(&wire));
        far.write_all(b"HTTP/1.1 101").await.unwrap();
        near.read_exact(&mut [0; 12]).await.unwrap();
        wire.upgraded();
        (0..frames).for_each(|_| wire.saying());
        if answer {
            far.write_all(b"x").await.unwrap();
            near.read_u8().await.unwrap();
        }
        if !by_us {
            drop(far);
            near.read_u8().await.unwrap_err();
        }
        drop(near);
        match heard.try_recv() {
            Ok(News::SocketClosed(closing)) => closing,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_handshake_that_we_end_was_not_answered_or_not_to_be_trusted() {
        for (frames, answer, by_us, closing) in [
            (1, true, true, Closing::Distrusted),
            (1, false, true, Closing::Unanswered),
            (1, true, false, Closing::Other),
            (2, true, true, Closing::Other),
        ] {
            assert_eq!(
                ending(frames, answer, by_us).await,
                closing,
                "{frames} {answer} {by_us}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_counted_from_what_was_understood_last_while_a_socket_is_open() {
        let (news, _heard) = mpsc::unbounded_channel();
        let wire = Arc::new(Wire::new(Arc::new(ManualClock::at(UnixMillis(7))), news));
        assert_eq!(wire.silent_for(), None);
        let (near, mut far) = tokio::io::duplex(16);
        let mut near = Watched::new(near, Arc::clone(&wire));
        let second = Duration::from_secs(1);
        tokio::time::advance(second * 3).await;
        assert_eq!(wire.silent_for(), Some(second * 3));
        far.write_all(b"x").await.unwrap();
        near.read_u8().await.unwrap();
        assert_eq!(wire.silent_for(), Some(second * 3), "a byte alone says nothing");
        wire.understood();
        assert_eq!(wire.silent_for(), Some(Duration::ZERO));
        drop(near);
        assert_eq!(wire.silent_for(), None);
    }
}
