//! What plugins ask for, carried out. A plugin hands back a record of what it wants; whether it gets that is decided here.
//!
//! Every plugin may fetch, within its grant, and keep records of its own. Only a dialect acts on sessions, and only as the client that
//! called it: with the scopes of that client's token, on the sessions which that token sees.

mod blobs;
mod body;
mod fetch;
mod form;
mod grants;
mod records;

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use switchboard_core::access::{Scope, Scopes};
use switchboard_core::ids::{Recipient, SessionId, SessionRef};
use switchboard_core::problem::{Code, Problem};
use switchboard_plugins::contract::effects::{
    ContactStatus, ContactsCheck, Effect, MessageOf, Outcome, Send, Sent, SessionRange, Typing as ShowTyping,
    TypingPlace, TypingState,
};
use switchboard_plugins::effects::{Effects, unsupported};
use switchboard_plugins::{CallContext, Plugin, World, for_guest};
use switchboard_whatsapp::Typing;

use self::blobs::Blobs;
pub use self::grants::mistakes;
pub(crate) use self::grants::{Granted, granted_origins};
use crate::messages::reference::MessageRef;
use crate::messages::send::{Delivery, Envelope, SendStatus};
use crate::service::Service;

/// The longest reference of a client, in bytes.
const LONGEST_REFERENCE: usize = 512;

/// Carries out what one request's plugin asks for, and keeps the request's blobs.
#[derive(Debug)]
pub struct Carrier<'a> {
    service: &'a Service,
    context: &'a CallContext,
    /// Of the client that called a dialect; none without a token.
    scopes: Option<Scopes>,
    blobs: Blobs,
}

impl<'a> Carrier<'a> {
    /// For a plugin that acts on no session.
    pub(crate) fn for_plugin(service: &'a Service, context: &'a CallContext) -> Self {
        Self::for_caller(service, context, None)
    }

    /// For a dialect, which acts as the client that called it. `service` sees that client's sessions and no other.
    pub fn for_caller(service: &'a Service, context: &'a CallContext, scopes: Option<Scopes>) -> Self {
        Self {
            service,
            context,
            scopes,
            blobs: Blobs::default(),
        }
    }

    async fn act(&self, plugin: &Plugin, effect: Effect) -> Result<Outcome, Problem> {
        match effect {
            Effect::Fetch(wanted) => self.fetch(plugin, wanted).await,
            Effect::RecordGet(key) => self.record(plugin, key).await,
            Effect::RecordPut(entry) => self.keep_record(plugin, entry).await,
            Effect::RecordDelete(key) => self.drop_record(plugin, key).await,
            Effect::RecordList(range) => self.records(plugin, range).await,
            other if plugin.world() != World::Dialect => Ok(unsupported(&other)),
            Effect::Send(send) => self.send(send).await,
            Effect::MarkRead(message) => self.mark_read(message).await,
            Effect::Typing(typing) => self.typing(typing).await,
            Effect::SessionGet(session) => self.session(&session).await,
            Effect::SessionList(range) => self.sessions(range),
            Effect::ContactsCheck(asked) => self.contacts(asked).await,
            other => Ok(unsupported(&other)),
        }
    }

    fn may(&self, scope: Scope) -> Result<(), Problem> {
        match self.scopes {
            None => Err(Problem::new(Code::UNAUTHORIZED, "This needs a token.")),
            Some(scopes) if scopes.allow(scope) => Ok(()),
            Some(scopes) => {
                let sentence = format!("This needs the scope {scope}; the token has {scopes}.");
                Err(Problem::new(Code::FORBIDDEN, sentence))
            }
        }
    }

    async fn send(&self, send: Send) -> Result<Outcome, Problem> {
        self.may(Scope::MessagesSend)?;
        let Send {
            session,
            to,
            content,
            reply_to,
            reference,
            options,
        } = send;
        without_options(&options)?;
        let to = parsed::<Recipient>("to", &to)?;
        if reference
            .as_ref()
            .is_some_and(|reference| reference.len() > LONGEST_REFERENCE)
        {
            let sentence = format!("The reference must be at most {LONGEST_REFERENCE} bytes.");
            return Err(Problem::invalid_field("reference", sentence));
        }
        let envelope = Envelope {
            reply_to: reply_to.map(|id| parsed("replyTo", &id)).transpose()?,
            wait: true,
            client_ref: reference,
        };
        let delivery = Delivery {
            to,
            contents: vec![content],
            envelope,
            accepted_at: self.context.accepted_at,
        };
        let sent = self.service.send_contents(&session_ref(&session)?, delivery).await?;
        let to = match sent.chat.number() {
            Some(number) => number.digits().to_owned(),
            None => sent.to.to_string(),
        };
        Ok(Outcome::Sent(Sent {
            message_id: sent.message_id.to_string(),
            wamid: sent.wamid,
            to,
            acknowledged: sent.status == SendStatus::Sent,
        }))
    }

    async fn mark_read(&self, of: MessageOf) -> Result<Outcome, Problem> {
        self.may(Scope::MessagesSend)?;
        let message = parsed::<MessageRef>("messageId", &of.message)?;
        self.service.mark_read(&session_ref(&of.session)?, message).await?;
        Ok(Outcome::Done)
    }

    async fn typing(&self, show: ShowTyping) -> Result<Outcome, Problem> {
        self.may(Scope::MessagesSend)?;
        let typing = match show.state {
            TypingState::Writing => Typing::Writing,
            TypingState::Recording => Typing::Recording,
            TypingState::Paused => Typing::Paused,
        };
        let session = session_ref(&show.session)?;
        let chat = match show.place {
            TypingPlace::Chat(chat) => parsed::<Recipient>("chat", &chat)?.jid(),
            TypingPlace::Message(message) => {
                let message = parsed::<MessageRef>("messageId", &message)?;
                self.service.chat_of(&session, message).await?
            }
        };
        self.service.show_typing(&session, &chat, typing).await?;
        Ok(Outcome::Done)
    }

    async fn session(&self, session: &str) -> Result<Outcome, Problem> {
        self.may(Scope::SessionsRead)?;
        let Ok(session) = session_ref(session) else {
            return Ok(Outcome::Missing);
        };
        match self.service.session(&session).await {
            Ok(view) => {
                let json: Value = serde_json::to_value(view).map_err(Problem::internal)?;
                Ok(Outcome::Json(json.to_string()))
            }
            Err(problem) if *problem.code() == Code::SESSION_NOT_FOUND => Ok(Outcome::Missing),
            Err(problem) => Err(problem),
        }
    }

    fn sessions(&self, range: SessionRange) -> Result<Outcome, Problem> {
        self.may(Scope::SessionsRead)?;
        let limit = page_limit(range.limit)?;
        let after = range
            .after
            .map(|after| parsed::<SessionId>("after", &after))
            .transpose()?;
        let page = self.service.sessions(None, after, limit);
        let list = json!({"sessions": page.sessions, "next": page.next});
        Ok(Outcome::Json(list.to_string()))
    }

    async fn contacts(&self, asked: ContactsCheck) -> Result<Outcome, Problem> {
        self.may(Scope::MessagesSend)?;
        if !(1..=50).contains(&asked.numbers.len()) {
            return Err(Problem::invalid_field("numbers", "numbers must be a list of 1 to 50."));
        }
        let session = session_ref(&asked.session)?;
        let mut contacts = Vec::with_capacity(asked.numbers.len());
        for input in asked.numbers {
            let phone = match input.parse::<Recipient>() {
                Ok(Recipient::Number(number)) => self.service.number_on_whatsapp(&session, &number).await?,
                Ok(_) | Err(_) => None,
            };
            contacts.push(ContactStatus {
                input,
                phone: phone.map(|number| number.digits().to_owned()),
            });
        }
        Ok(Outcome::Contacts(contacts))
    }
}

#[async_trait]
impl Effects for Carrier<'_> {
    async fn carry_out(&self, plugin: &Plugin, effect: Effect) -> Outcome {
        match self.act(plugin, effect).await {
            Ok(outcome) => outcome,
            Err(problem) => {
                // Not the host's to mend, and a plugin may try it again and again.
                let is_told = [Code::NOT_SUPPORTED, Code::RECORDS_FULL].contains(problem.code());
                if problem.code().status() >= 500 && !is_told {
                    let cause = problem.cause_chain();
                    let request_id = &self.context.request_id;
                    tracing::warn!(%request_id, plugin = plugin.name(), code = %problem.code(), cause, "a plugin's effect failed");
                }
                Outcome::Failed(for_guest(&problem))
            }
        }
    }
}

/// Refuses whatever an envelope has beyond the fields of the effect: none of it is offered by this version.
fn without_options(options: &str) -> Result<(), Problem> {
    let options: Map<String, Value> = serde_json::from_str(options)
        .map_err(|_| Problem::invalid_field("options", "options must be a JSON object."))?;
    match options.keys().next() {
        None => Ok(()),
        Some(field) => Err(Problem::invalid_field(
            field.chars().take(64).collect::<String>(),
            "This field is not offered by this version.",
        )),
    }
}

/// How many entries of a list are wanted.
fn page_limit(limit: u32) -> Result<usize, Problem> {
    match usize::try_from(limit) {
        Ok(limit @ 1..=100) => Ok(limit),
        _ => Err(Problem::invalid_field("limit", "limit must be 1 to 100.")),
    }
}

/// A text that is no session id at all names no session.
fn session_ref(text: &str) -> Result<SessionRef, Problem> {
    text.parse()
        .map_err(|_| Problem::new(Code::SESSION_NOT_FOUND, "There is no such session.").field("sessionId"))
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(field: &'static str, text: &str) -> Result<T, Problem> {
    text.parse()
        .map_err(|invalid| Problem::invalid_field(field, format!("{field} {invalid}.")))
}
