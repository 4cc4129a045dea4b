//! The line that callers hold.

use std::sync::Arc;

use async_trait::async_trait;
use switchboard_core::ids::{Jid, PhoneNumber, SessionId, StanzaId};
use switchboard_core::proxy::Proxy;
use switchboard_store::keys::KeyStore;
use tokio::sync::{mpsc, watch};
use whatsapp_rust::waproto::codec;
use whatsapp_rust::{ChatStateType, Client, ClientError, Jid as LibraryJid, SendOptions};

use super::board::Board;
use super::current::{Current, InUse};
use super::repair::Repair;
use super::state::{Health, LineState, LineStatus, Patience};
use super::task::{Parts, Task};
use super::wire::Wire;
use super::wish::Wish;
use super::{Line, LineError, Outgoing, Purpose, Registered, SendError, Typing};
use crate::driver::Shared;
use crate::jid;
use crate::masked::Masked;
use crate::sink::Sink;

/// Starts the task of a line.
pub(crate) fn open(
    shared: Arc<Shared>,
    session: SessionId,
    keys: KeyStore,
    purpose: Purpose,
    patience: Option<Patience>,
    proxy: Option<Proxy>,
    sink: Arc<dyn Sink>,
) -> Arc<dyn Line> {
    let (board, state) = Board::new(&purpose, patience, Arc::clone(&shared.clock));
    let (wish, wishes) = watch::channel(Wish::Run);
    let (tell, news) = mpsc::unbounded_channel();
    let wire = Arc::new(Wire::new(Arc::clone(&shared.clock), tell));
    let current = Arc::default();
    let handle = Handle {
        state,
        wish,
        wire: Arc::clone(&wire),
        current: Arc::clone(&current),
    };
    let clock = Arc::clone(&shared.clock);
    let repair = Repair::new(session, keys.clone(), clock, Arc::clone(&sink), Arc::clone(&wire));
    let parts = Parts {
        shared,
        session,
        keys,
        proxy,
        sink,
        wire,
        repair: Arc::new(repair),
        current,
    };
    tokio::spawn(Task::new(parts, purpose, board).run(patience, wishes, news));
    Arc::new(handle)
}

struct Handle {
    state: watch::Receiver<LineState>,
    /// When this is dropped, the task stops.
    wish: watch::Sender<Wish>,
    wire: Arc<Wire>,
    current: Arc<Current<Arc<Client>>>,
}

impl Handle {
    /// Tells the task what is wanted, and waits for the line's end.
    async fn end(&self, wish: Wish) -> LineStatus {
        self.wish.send_if_modified(|now| {
            let stronger = wish > *now;
            if stronger {
                *now = wish;
            }
            stronger
        });
        let mut state = self.state.clone();
        match state.wait_for(|state| state.status.is_final()).await {
            Ok(state) => state.status.clone(),
            Err(_) => LineStatus::Stopped,
        }
    }

    /// The client, if it can be asked for something.
    async fn ready(&self) -> Option<InUse<Arc<Client>>> {
        let client = self.current.get().await?;
        (self.state.borrow().status == LineStatus::Ready).then_some(client)
    }
}

#[async_trait]
impl Line for Handle {
    fn state(&self) -> watch::Receiver<LineState> {
        self.state.clone()
    }

    fn health(&self) -> Health {
        self.wire.health()
    }

    async fn send(&self, message: Outgoing) -> Result<(), SendError> {
        let decoded =
            codec::message_decode(&message.wire).map_err(|error| SendError::Refused(Masked::chain(&error)))?;
        let in_use = self.ready().await.ok_or(SendError::NotConnected)?;
        let options = SendOptions::default().with_message_id(message.stanza_id.to_string());
        let chat = jid::library(&message.chat);
        let sent = Box::pin(in_use.client().send_message_with_options(chat, decoded, options));
        let sent = in_use.wait(sent).await.ok_or(SendError::NotConnected)?;
        sent.map(|_| ()).map_err(send_error)
    }

    async fn is_on_whatsapp(&self, number: &PhoneNumber) -> Result<Option<Registered>, LineError> {
        let in_use = self.ready().await.ok_or(LineError::NotConnected)?;
        let asked = [LibraryJid::pn(number.digits())];
        let contacts = in_use.client().contacts();
        let answers = in_use.wait(Box::pin(contacts.is_on_whatsapp(&asked))).await;
        let answers = answers.ok_or(LineError::NotConnected)?;
        let answers = answers.map_err(|error| LineError::Query(Masked::chain(&error)))?;
        let answer = answers.into_iter().find(|answer| answer.is_registered);
        Ok(answer.and_then(|answer| {
            let by_number = answer.pn_jid.as_ref().unwrap_or(&answer.jid);
            Some(Registered {
                jid: jid::bare(by_number)?,
                lid: answer.lid.as_ref().and_then(jid::bare),
            })
        }))
    }

    async fn mark_read(&self, chat: &Jid, sender: Option<&Jid>, message: &StanzaId) -> Result<(), LineError> {
        let in_use = self.ready().await.ok_or(LineError::NotConnected)?;
        let (chat, sender, ids) = (jid::library(chat), sender.map(jid::library), [message.as_str()]);
        let read = in_use.client().mark_as_read(&chat, sender.as_ref(), &ids);
        let read = in_use.wait(Box::pin(read)).await.ok_or(LineError::NotConnected)?;
        read.map_err(|error| LineError::Query(Masked::chain(error.as_ref())))
    }

    async fn show_typing(&self, chat: &Jid, typing: Typing) -> Result<(), LineError> {
        let in_use = self.ready().await.ok_or(LineError::NotConnected)?;
        let state = match typing {
            Typing::Writing => ChatStateType::Composing,
            Typing::Recording => ChatStateType::Recording,
            Typing::Paused => ChatStateType::Paused,
        };
        let (chat, states) = (jid::library(chat), in_use.client().chatstate());
        let shown = in_use.wait(Box::pin(states.send(&chat, state))).await;
        let shown = shown.ok_or(LineError::NotConnected)?;
        shown.map_err(|error| LineError::Query(Masked::chain(&error)))
    }

    async fn logout(&self) -> Result<(), LineError> {
        match self.end(Wish::Logout).await {
            LineStatus::LoggedOut(_) => Ok(()),
            _ => Err(LineError::Keys),
        }
    }

    async fn stop(&self) {
        self.end(Wish::Stop).await;
    }
}

fn send_error(error: whatsapp_rust::send::SendError) -> SendError {
    use whatsapp_rust::send::SendError as Library;
    match error {
        Library::NotLoggedIn => SendError::NotConnected,
        Library::InvalidRequest(reason) => SendError::Refused(reason.into()),
        Library::Client(error) => client_error(&error),
        Library::Iq(error) => client_error(&error.into()),
        other => SendError::Internal(Masked::chain(&other)),
    }
}

fn client_error(error: &ClientError) -> SendError {
    if error.is_transport_unavailable() {
        SendError::NotConnected
    } else {
        SendError::Internal(Masked::chain(error))
    }
}
