//! One socket, from the TCP accept to its end: WebSocket upgrade, Noise handshake, login or registration, then stanzas.
//!
//! Two tasks serve it. The reader owns the connection's life and handles stanzas in order; the writer encrypts and sends
//! what is put into the [`Link`]. The queue between them is unbounded: the peer is a client on the same machine, and a
//! server that waits for one slow client would hold up all others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_websockets::{Message, ServerBuilder, WebSocketStream};
use whatsapp_rust::wacore::framing::{FrameDecoder, encode_frame};
use whatsapp_rust::wacore::handshake::NoiseCipher;
use whatsapp_rust::wacore::libsignal::protocol::CurveError;
use whatsapp_rust::wacore_binary::consts::WA_CONN_HEADER;
use whatsapp_rust::wacore_binary::{BinaryError, Node};

use crate::fault::BadHandshake;
use crate::login::{self, Role};
use crate::noise::{self, Answer, Established, HandshakeFailure, ServerIdentity};
use crate::server::Server;
use crate::stanza;

type Socket = WebSocketStream<TcpStream>;

/// Why a connection ended other than by our own will.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    #[error("the socket failed: {0}")]
    Socket(#[from] tokio_websockets::Error),
    #[error("the client closed the socket")]
    ByClient,
    #[error("we closed the socket")]
    ByServer,
    #[error("the stream does not begin with the WhatsApp header")]
    Header,
    #[error(transparent)]
    Handshake(#[from] HandshakeFailure),
    #[error("a forged certificate cannot be signed: {0}")]
    Forgery(#[from] CurveError),
    #[error("a frame cannot be decrypted")]
    Undecryptable,
    #[error("a frame holds no stanza: {0}")]
    Stanza(#[from] BinaryError),
    #[error("a frame is too large to send")]
    TooLarge,
    #[error("the handshake is left unanswered, or broken, as ordered")]
    Ordered,
}

enum Outbound {
    Stanza(Arc<Node>),
    /// Send what nobody can decrypt.
    Garbage,
    /// Send what is queued, then close the WebSocket.
    Close,
    /// Drop the TCP connection without a word.
    Abort,
}

static NEXT_LINK: AtomicU64 = AtomicU64::new(1);

/// The sending end of a socket. Clones are the same link; equality says so.
#[derive(Clone)]
pub(crate) struct Link {
    id: u64,
    outbound: mpsc::UnboundedSender<Outbound>,
    frozen: Arc<AtomicBool>,
}

impl PartialEq for Link {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Link {
    /// Queues a stanza. If the socket is gone, so is the stanza: what must arrive waits in a mailbox.
    pub(crate) fn send(&self, stanza: Node) {
        self.send_shared(Arc::new(stanza));
    }

    pub(crate) fn send_shared(&self, stanza: Arc<Node>) {
        self.push(Outbound::Stanza(stanza));
    }

    /// Closes the socket once everything queued before has been written.
    pub(crate) fn close(&self) {
        self.push(Outbound::Close);
    }

    /// Says why, then closes.
    pub(crate) fn close_with(&self, last: Node) {
        self.send(last);
        self.close();
    }

    /// Drops the socket as a broken network would.
    pub(crate) fn abort(&self) {
        self.push(Outbound::Abort);
    }

    /// From now on nothing that either side says arrives, and nobody closes the socket.
    pub(crate) fn freeze(&self) {
        self.frozen.store(true, Ordering::Relaxed);
    }

    /// Sends bytes that the client cannot decrypt.
    pub(crate) fn garble(&self) {
        self.push(Outbound::Garbage);
    }

    fn is_frozen(&self) -> bool {
        self.frozen.load(Ordering::Relaxed)
    }

    fn push(&self, outbound: Outbound) {
        if self.outbound.send(outbound).is_err() {
            tracing::trace!(link = self.id, "the socket is already gone");
        }
    }
}

/// Serves one socket until it ends.
pub(crate) async fn serve(server: Arc<Server>, tcp: TcpStream) {
    let closing = server.closing.child_token();
    let ended = tokio::select! {
        result = run(&server, tcp, &closing) => result,
        () = closing.cancelled() => Err(Ended::ByServer),
    };
    if let Err(reason) = ended {
        tracing::debug!(%reason, "a connection ended");
    }
}

async fn run(server: &Arc<Server>, tcp: TcpStream, closing: &CancellationToken) -> Result<(), Ended> {
    // A response waits for nothing: without this the kernel holds small stanzas back for the client's acknowledgement.
    if let Err(error) = tcp.set_nodelay(true) {
        tracing::debug!(%error, "the socket keeps its delay");
    }
    let (_request, socket) = ServerBuilder::new().accept(tcp).await?;
    let (mut sink, stream) = socket.split();
    let mut frames = Frames::new(stream);
    let established = handshake(server, &mut frames, &mut sink).await?;
    server.counters.handshake(established.pattern);
    let Established {
        client_static,
        payload,
        read,
        write,
        ..
    } = established;

    let (outbound, queue) = mpsc::unbounded_channel();
    let link = Link {
        id: NEXT_LINK.fetch_add(1, Ordering::Relaxed),
        outbound,
        frozen: Arc::default(),
    };
    let writer = tokio::spawn(write_stanzas(
        sink,
        write,
        queue,
        Arc::clone(&link.frozen),
        closing.clone(),
    ));
    match login::admit(server, &link, client_static, payload) {
        Some(role) => {
            let role_ended = Departure {
                server,
                role: &role,
                link: &link,
            };
            let result = read_stanzas(server, &role, &link, &mut frames, read, closing).await;
            drop(role_ended);
            link.close();
            result
        }
        None => {
            // The refusal is queued; the writer ends after it.
            if let Err(error) = writer.await {
                tracing::debug!(%error, "the writer failed");
            }
            Ok(())
        }
    }
}

/// Signs a client off however its connection ends, cancellation included.
struct Departure<'a> {
    server: &'a Arc<Server>,
    role: &'a Role,
    link: &'a Link,
}

impl Drop for Departure<'_> {
    fn drop(&mut self) {
        login::depart(self.server, self.role, self.link);
    }
}

async fn handshake(
    server: &Server,
    frames: &mut Frames,
    sink: &mut SplitSink<Socket, Message>,
) -> Result<Established, Ended> {
    let hello = frames.next().await?;
    let forged;
    let mut identity = &server.identity;
    match server.faults.handshake() {
        None => {}
        Some(BadHandshake::Stall) => {
            // Until the client gives up.
            while frames.next().await.is_ok() {}
            return Err(Ended::Ordered);
        }
        Some(BadHandshake::Break) => {
            send_frame(sink, b"this is no handshake").await?;
            while frames.next().await.is_ok() {}
            return Err(Ended::Ordered);
        }
        Some(BadHandshake::Forge) => {
            forged = ServerIdentity::forged(&server.random, server.clock.unix_seconds())?;
            identity = &forged;
        }
    }
    match noise::answer_hello(identity, &server.random, &hello)? {
        Answer::Established(reply, established) => {
            send_frame(sink, &reply).await?;
            Ok(*established)
        }
        Answer::AwaitFinish(reply, responder) => {
            send_frame(sink, &reply).await?;
            Ok(responder.finish(&frames.next().await?)?)
        }
    }
}

async fn send_frame(sink: &mut SplitSink<Socket, Message>, payload: &[u8]) -> Result<(), Ended> {
    let frame = encode_frame(payload, None).map_err(|_| Ended::TooLarge)?;
    Ok(sink.send(Message::binary(frame)).await?)
}

async fn read_stanzas(
    server: &Arc<Server>,
    role: &Role,
    link: &Link,
    frames: &mut Frames,
    cipher: NoiseCipher,
    closing: &CancellationToken,
) -> Result<(), Ended> {
    for counter in 0.. {
        let mut frame = tokio::select! {
            frame = frames.next() => frame?,
            () = closing.cancelled() => return Err(Ended::ByServer),
        };
        cipher
            .decrypt_in_place_with_counter(counter, &mut frame)
            .map_err(|_| Ended::Undecryptable)?;
        if link.is_frozen() {
            continue;
        }
        let stanza = stanza::decode(&frame)?;
        server.counters.stanza(&stanza);
        login::handle(server, role, link, &stanza);
    }
    Ok(())
}

/// Writes until the link is closed or dropped, many stanzas to a flush when many wait.
async fn write_stanzas(
    mut sink: SplitSink<Socket, Message>,
    cipher: NoiseCipher,
    mut queue: mpsc::UnboundedReceiver<Outbound>,
    frozen: Arc<AtomicBool>,
    closing: CancellationToken,
) {
    let mut counter = 0;
    let mut result = Ok(());
    'socket: while let Some(first) = queue.recv().await {
        let mut next = Some(first);
        while let Some(outbound) = next {
            match outbound {
                Outbound::Stanza(_) | Outbound::Garbage | Outbound::Close if frozen.load(Ordering::Relaxed) => {}
                Outbound::Garbage => result = feed_frame(&mut sink, &[0; 64]).await,
                Outbound::Stanza(stanza) => {
                    result = feed(&mut sink, &cipher, counter, &stanza).await;
                    counter += 1;
                }
                Outbound::Close => {
                    result = sink.close().await.map_err(Ended::from);
                    break 'socket;
                }
                Outbound::Abort => break 'socket,
            }
            if result.is_err() {
                break 'socket;
            }
            next = queue.try_recv().ok();
        }
        result = sink.flush().await.map_err(Ended::from);
        if result.is_err() {
            break;
        }
    }
    if let Err(reason) = result {
        tracing::debug!(%reason, "writing ended");
    }
    closing.cancel();
}

async fn feed(
    sink: &mut SplitSink<Socket, Message>,
    cipher: &NoiseCipher,
    counter: u32,
    stanza: &Node,
) -> Result<(), Ended> {
    let sealed = cipher
        .encrypt_with_counter(counter, &stanza::encode(stanza)?)
        .map_err(|_| Ended::TooLarge)?;
    feed_frame(sink, &sealed).await
}

async fn feed_frame(sink: &mut SplitSink<Socket, Message>, payload: &[u8]) -> Result<(), Ended> {
    let frame = encode_frame(payload, None).map_err(|_| Ended::TooLarge)?;
    Ok(sink.feed(Message::binary(frame)).await?)
}

/// The incoming bytes cut into frames: 3 bytes of length, then so many bytes. Before the first frame stand an optional
/// routing blob (`ED`, two version bytes, 3 bytes of length) and the protocol header.
struct Frames {
    stream: SplitStream<Socket>,
    decoder: FrameDecoder,
    intro: Vec<u8>,
    introduced: bool,
}

impl Frames {
    fn new(stream: SplitStream<Socket>) -> Self {
        Self {
            stream,
            decoder: FrameDecoder::new(),
            intro: Vec::new(),
            introduced: false,
        }
    }

    async fn next(&mut self) -> Result<Vec<u8>, Ended> {
        loop {
            if let Some(frame) = self.decoder.decode_frame() {
                return Ok(frame.to_vec());
            }
            let message = self.stream.next().await.ok_or(Ended::ByClient)??;
            if message.is_close() {
                return Err(Ended::ByClient);
            }
            if !message.is_binary() {
                continue;
            }
            let payload = message.into_payload();
            if self.introduced {
                self.decoder.feed(&payload);
                continue;
            }
            self.intro.extend_from_slice(&payload);
            if let Some(start) = intro_length(&self.intro)? {
                self.decoder.feed(&self.intro[start..]);
                self.intro = Vec::new();
                self.introduced = true;
            }
        }
    }
}

/// How many bytes come before the first frame; `None` until they are all there.
fn intro_length(bytes: &[u8]) -> Result<Option<usize>, Ended> {
    const ROUTING_HEADER: usize = 7;
    let mut start = 0;
    if bytes.starts_with(b"ED") {
        let Some(length) = bytes.get(4..ROUTING_HEADER) else {
            return Ok(None);
        };
        start = ROUTING_HEADER + length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    }
    let Some(header) = bytes.get(start..start + WA_CONN_HEADER.len()) else {
        return Ok(None);
    };
    if header == WA_CONN_HEADER {
        Ok(Some(start + WA_CONN_HEADER.len()))
    } else {
        Err(Ended::Header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_comes_first() {
        assert_eq!(intro_length(&WA_CONN_HEADER).unwrap(), Some(4));
        assert_eq!(intro_length(b"W").unwrap(), None);
        assert!(matches!(intro_length(b"GET / HTTP"), Err(Ended::Header)));
    }

    #[test]
    fn a_routing_blob_before_the_header_is_skipped() {
        let mut bytes = b"ED\x00\x01\x00\x00\x02xy".to_vec();
        bytes.extend(WA_CONN_HEADER);
        assert_eq!(intro_length(&bytes[..6]).unwrap(), None);
        assert_eq!(intro_length(&bytes).unwrap(), Some(13));
    }
}
