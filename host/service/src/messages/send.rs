//! Sending: from contents to committed messages and, for whoever waits, to WhatsApp's word on them.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use switchboard_core::clock::UnixMillis;
use switchboard_core::content::Content;
use switchboard_core::direction::Direction;
use switchboard_core::ids::{Jid, MessageId, PhoneNumber, Recipient, RequestId, SessionId, SessionRef, StanzaId};
use switchboard_core::problem::Problem;
use switchboard_core::random;
use switchboard_plugins::contract::content as contract;
use switchboard_plugins::contract::effects::{Effect, Outcome};
use switchboard_plugins::effects::Effects;
use switchboard_plugins::{CallContext, Plugin, for_guest};
use switchboard_store::messages::{self as table, NewMessage, Pending, Report};
use switchboard_whatsapp::{Quoted, Wrapping, encode};
use tokio::time::{Instant, timeout_at};
use utoipa::ToSchema;

use super::prepare::Preparing;
use super::reference::MessageRef;
use super::turns::{Interrupted, Sending, Turn};
use super::view::wamid;
use crate::effects::Carrier;
use crate::outbox::refusal;
use crate::parts::Parts;
use crate::service::Service;
use crate::supervisor::handle::{Handle, OpenLine};

/// A request to send.
#[derive(Debug, Clone)]
pub struct SendRequest {
    /// The session that sends.
    pub session: SessionRef,
    /// Where to.
    pub to: Recipient,
    /// The kind of message: the name of one that a plugin offers.
    pub kind: String,
    /// The body of that kind, without the envelope.
    pub body: Value,
    /// What goes with it.
    pub envelope: Envelope,
}

/// What goes with the contents of a send, whatever they are.
#[derive(Debug, Clone, Default)]
pub struct Envelope {
    /// The message that is answered.
    pub reply_to: Option<MessageRef>,
    /// Whether to wait for WhatsApp's acknowledgement.
    pub wait: bool,
    /// The caller's own reference, kept with each message.
    pub client_ref: Option<String>,
}

/// Contents on their way.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) to: Recipient,
    pub(crate) contents: Vec<contract::Content>,
    pub(crate) envelope: Envelope,
    pub(crate) accepted_at: UnixMillis,
}

/// What became of a request so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SendStatus {
    /// WhatsApp's server has taken every message.
    Sent,
    /// Everything is committed here and goes out as soon as it can.
    Queued,
}

/// The answer to a send.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    /// Always true.
    pub success: bool,
    /// `Message sent` or `Message queued`.
    #[schema(example = "Message sent")]
    pub message: &'static str,
    /// Our id of the first message.
    #[schema(value_type = String, example = "msg_01ARZ3NDEKTSV4RRFFQ69G5FAV")]
    pub message_id: MessageId,
    /// Its id in the form of Meta's Cloud API; null in groups, and for parties without a known number.
    pub wamid: Option<String>,
    /// Whether WhatsApp has it.
    pub status: SendStatus,
    /// The recipient, in its one spelling.
    #[schema(value_type = String, example = "15550000002")]
    pub to: Recipient,
    /// The address under which WhatsApp knows the recipient, as far as that was found out: it may have another number.
    #[serde(skip)]
    pub(crate) chat: Jid,
    /// The session that sends.
    #[schema(value_type = String, example = "qr_1700000000000_1a2b3c4d")]
    pub session_id: SessionId,
    /// Every message, when the request made several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<SentMessage>,
}

/// One of the messages that a request made.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SentMessage {
    /// Our id.
    #[schema(value_type = String)]
    pub message_id: MessageId,
    /// The id in the form of Meta's Cloud API.
    pub wamid: Option<String>,
}

/// A handler's wishes, carried out while others of its session have their turn: a service that is slow to answer holds up no message but
/// the one it is asked for.
struct OffTurn<'a> {
    carrier: Carrier<'a>,
    turn: Interrupted<'a>,
}

#[async_trait]
impl Effects for OffTurn<'_> {
    async fn carry_out(&self, plugin: &Plugin, effect: Effect) -> Outcome {
        let outcome = self.turn.between(self.carrier.carry_out(plugin, effect)).await;
        outcome.unwrap_or_else(|stopping| Outcome::Failed(for_guest(&stopping)))
    }
}

impl Sent {
    /// Whether WhatsApp does not have it yet.
    pub fn is_queued(&self) -> bool {
        self.status == SendStatus::Queued
    }
}

impl Service {
    /// Sends what a plugin makes of the body. When this returns, every message of the request is committed: it survives a crash and
    /// goes out under its id. With `wait` and a live connection it returns after WhatsApp's acknowledgement, or as `Queued` when that
    /// takes too long.
    ///
    /// # Errors
    /// `session_not_found`, `session_not_linked`; what the plugin says of the body; `message_not_found` for a reply or a reaction to
    /// what is not there; `recipient_not_on_whatsapp` and `whatsapp_refused`, if they are known while the request waits; when the
    /// database cannot be written, or the service stops.
    pub async fn send(
        &self,
        request: SendRequest,
        request_id: RequestId,
        accepted_at: UnixMillis,
    ) -> Result<Sent, Problem> {
        let _under_way = self.parts.enter()?;
        let handle = self.resolve(&request.session)?;
        let sending = handle.turns.enter(&self.parts.crowd);
        let turn = Interrupted::begin(&sending).await?;
        handle.sendable()?;
        let context = CallContext {
            request_id,
            accepted_at,
        };
        let effects = OffTurn {
            carrier: Carrier::for_plugin(self, &context),
            turn,
        };
        let plugins = &self.parts.plugins;
        let contents = plugins.handle(&context, &request.kind, &request.body, &effects).await?;
        drop(effects);
        let delivery = Delivery {
            to: request.to,
            contents,
            envelope: request.envelope,
            accepted_at,
        };
        self.deliver(&handle, &sending, delivery).await
    }

    /// Sends contents that are there already.
    ///
    /// # Errors
    /// As [`send`](Self::send), but for what a plugin says.
    pub(crate) async fn send_contents(&self, session: &SessionRef, delivery: Delivery) -> Result<Sent, Problem> {
        let _under_way = self.parts.enter()?;
        let handle = self.resolve(session)?;
        let sending = handle.turns.enter(&self.parts.crowd);
        self.deliver(&handle, &sending, delivery).await
    }

    async fn deliver(&self, handle: &Arc<Handle>, sending: &Sending<'_>, delivery: Delivery) -> Result<Sent, Problem> {
        let Delivery {
            to,
            contents,
            envelope,
            accepted_at,
        } = delivery;
        let parts = &self.parts;
        let (link, line) = handle.sendable()?;
        let until = Instant::now() + parts.ack_timeout;
        let chat = address(parts, line.as_deref(), &to, until).await?;
        let preparing = Preparing {
            parts,
            session: handle.id,
            chat: &chat,
        };
        let quoted = match &envelope.reply_to {
            Some(message) => Some(preparing.quoted(message).await?),
            None => None,
        };
        let mut prepared = Vec::with_capacity(contents.len());
        for content in contents {
            prepared.push(preparing.content(content).await?);
        }
        let draft = Draft {
            session: handle.id,
            chat,
            sender: Jid::of_number(&link.number),
            client_ref: envelope.client_ref,
            quoted,
            accepted_at,
        };
        let messages = prepared
            .into_iter()
            .map(|content| draft.message(parts, content))
            .collect::<Result<Vec<_>, _>>()?;
        let ids: Vec<_> = messages
            .iter()
            .map(|message| (message.id, message.stanza_id.clone()))
            .collect();
        let waits = (envelope.wait && line.is_some()).then_some(until);
        // Before the messages can go out, so that no verdict comes too early.
        let waiting: Vec<_> = match waits {
            Some(_) => ids
                .iter()
                .map(|(_, stanza_id)| handle.waiters.wait_for(stanza_id.clone()))
                .collect(),
            None => Vec::new(),
        };
        let turn = sending.turn().await?;
        commit(parts.clone(), Arc::clone(handle), link.number, messages, turn).await?;

        let mut status = SendStatus::Queued;
        if let Some(until) = waits {
            status = SendStatus::Sent;
            for mut waiting in waiting {
                match timeout_at(until, waiting.verdict()).await {
                    Ok(Some(verdict)) => verdict?,
                    Ok(None) | Err(_) => status = SendStatus::Queued,
                }
            }
        }
        draft
            .sent(&ids, status, to)
            .ok_or_else(|| Problem::internal("a plugin made no message"))
    }
}

/// The recipient's address. With a live line a number is looked up first; without one, that is done when the message goes out.
async fn address(parts: &Parts, line: Option<&OpenLine>, to: &Recipient, until: Instant) -> Result<Jid, Problem> {
    let (Some(open), Recipient::Number(number)) = (line, to) else {
        return Ok(to.jid());
    };
    match timeout_at(until, parts.recipients.find(&*open.line, number, &*parts.clock)).await {
        Ok(Ok(found)) => found.ok_or_else(refusal::not_on_whatsapp),
        // The line broke just now, or WhatsApp does not say, at least not in time: the outbox asks again.
        Ok(Err(_)) | Err(_) => Ok(to.jid()),
    }
}

/// Commits messages and hands them to the session's task; then the turn is over. In a task of its own: a caller that goes away
/// halfway must not leave messages behind that are committed and that nobody knows of. They are from `number`: when the session is no
/// longer that, because it was deleted or linked by another phone meanwhile, they fail as all do that were accepted before.
async fn commit(
    parts: Arc<Parts>,
    handle: Arc<Handle>,
    number: PhoneNumber,
    messages: Vec<NewMessage>,
    turn: Turn,
) -> Result<(), Problem> {
    let committed = tokio::spawn(async move {
        if !handle.sends_from(&number) {
            return Err(refusal::session_gone());
        }
        let outgoing: Vec<_> = messages
            .iter()
            .map(|message| (message.stanza_id.clone(), message.chat.clone(), message.wire.clone()))
            .collect();
        let seqs = parts.messages.accept(messages).await?;
        drop(turn);
        parts.metrics.accepted(seqs.len());
        parts.audience.grown(handle.id);
        if !handle.sends_from(&number) {
            let gone = refusal::session_gone();
            for (stanza_id, ..) in outgoing {
                let outcome = table::Outcome::Failed(refusal::failure(&gone));
                let (session, at) = (handle.id, parts.clock.now());
                parts
                    .recorder
                    .report(Report {
                        session,
                        stanza_id,
                        outcome,
                        at,
                    })
                    .await;
            }
            return Err(gone);
        }
        for (seq, (stanza_id, chat, wire)) in seqs.into_iter().zip(outgoing) {
            handle.offer(Pending {
                seq,
                stanza_id,
                chat,
                wire,
            });
        }
        Ok::<_, Problem>(())
    });
    committed.await.map_err(Problem::internal)?
}

/// What the messages of one request have in common.
struct Draft {
    session: SessionId,
    chat: Jid,
    sender: Jid,
    client_ref: Option<String>,
    quoted: Option<Quoted>,
    accepted_at: UnixMillis,
}

impl Draft {
    fn message(&self, parts: &Parts, content: Content) -> Result<NewMessage, Problem> {
        let random = &*parts.random;
        let wrapping = Wrapping {
            message_secret: random::array(random),
            quoted: self.quoted.clone(),
            at: self.accepted_at,
        };
        Ok(NewMessage {
            id: MessageId::mint(&*parts.clock, random),
            session: self.session,
            chat: self.chat.clone(),
            sender: self.sender.clone(),
            stanza_id: StanzaId::mint(random),
            wire: Bytes::from(encode(&content, &wrapping)?),
            content,
            client_ref: self.client_ref.clone(),
            accepted_at: self.accepted_at,
        })
    }

    fn sent(&self, ids: &[(MessageId, StanzaId)], status: SendStatus, to: Recipient) -> Option<Sent> {
        let message = |(message_id, stanza_id): &(MessageId, StanzaId)| SentMessage {
            message_id: *message_id,
            wamid: wamid(&self.chat, Direction::Outbound, stanza_id),
        };
        let first = message(ids.first()?);
        Some(Sent {
            success: true,
            message: match status {
                SendStatus::Sent => "Message sent",
                SendStatus::Queued => "Message queued",
            },
            message_id: first.message_id,
            wamid: first.wamid,
            status,
            to,
            chat: self.chat.clone(),
            session_id: self.session,
            messages: if ids.len() > 1 {
                ids.iter().map(message).collect()
            } else {
                Vec::new()
            },
        })
    }
}
