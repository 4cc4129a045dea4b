//! The rounds of a request: the plugin says what it wants, the host does it and asks again, until there is an answer.

use async_trait::async_trait;
use switchboard_core::problem::{Code, Problem};

use crate::contract::content::Content;
use crate::contract::effects::{Effect, Outcome};
use crate::contract::http::{Body, Data};
use crate::fault::Fault;
use crate::plugin::Plugin;
use crate::problem;

/// Calls for one request.
const MAX_ROUNDS: usize = 8;
/// Effects in one step.
const MAX_EFFECTS: usize = 32;

/// Kinds of content that have a type of their own, which the open case may not imitate; also by the name that the log has for them.
const TYPED: [&str; 14] = [
    "text",
    "image",
    "video",
    "audio",
    "voice",
    "speech",
    "document",
    "sticker",
    "location",
    "contacts",
    "contact",
    "poll",
    "reaction",
    "interactive",
];

/// Bytes that an outcome of a few ids and sentences counts as.
const WORDS: usize = 256;

/// Bytes of all outcomes of one request together.
const MOST_OUTCOME_BYTES: usize = 8 * 1024 * 1024;

/// Carries out what a plugin asks for. One lives as long as a request: it keeps the blobs of that request.
#[async_trait]
pub trait Effects: Send + Sync {
    /// Does one thing, or says why not: a failure is an outcome.
    async fn carry_out(&self, plugin: &Plugin, effect: Effect) -> Outcome;
}

/// Carries out nothing: for what is tried without a host behind it.
#[derive(Debug, Clone, Copy)]
pub struct NoEffects;

#[async_trait]
impl Effects for NoEffects {
    async fn carry_out(&self, _plugin: &Plugin, effect: Effect) -> Outcome {
        unsupported(&effect)
    }
}

/// What becomes of an effect that the host does not know, or that this kind of plugin may not have.
pub fn unsupported(effect: &Effect) -> Outcome {
    let sentence = format!("This host does not carry out {} for this plugin.", name(effect));
    Outcome::Failed(problem::for_guest(&Problem::new(Code::NOT_SUPPORTED, sentence)))
}

/// The name of an effect, as in the contract.
pub fn name(effect: &Effect) -> &str {
    match effect {
        Effect::Fetch(_) => "fetch",
        Effect::RecordGet(_) => "record-get",
        Effect::RecordPut(_) => "record-put",
        Effect::RecordDelete(_) => "record-delete",
        Effect::RecordList(_) => "record-list",
        Effect::Send(_) => "send",
        Effect::MarkRead(_) => "mark-read",
        Effect::Typing(_) => "typing",
        Effect::SessionGet(_) => "session-get",
        Effect::SessionList(_) => "session-list",
        Effect::ContactsCheck(_) => "contacts-check",
        Effect::MediaPut(_) => "media-put",
        Effect::MediaGet(_) => "media-get",
        Effect::MediaDelete(_) => "media-delete",
        Effect::ProfileGet(_) => "profile-get",
        Effect::ProfileSet(_) => "profile-set",
        Effect::Block(_) => "block",
        Effect::Unblock(_) => "unblock",
        Effect::Blocked(_) => "blocked",
        Effect::Other(open) => &open.name,
    }
}

/// What a plugin wants next.
#[derive(Debug)]
pub(crate) enum Turn<A> {
    Do(Vec<Effect>),
    Done(A),
}

impl<A> Turn<A> {
    /// A step of effects, if it keeps to the contract.
    pub(crate) fn effects(effects: Vec<Effect>) -> Result<Self, Fault> {
        counted("effects", effects.len(), MAX_EFFECTS)?;
        for effect in &effects {
            match effect {
                Effect::Other(open) => checked_open(&open.name, &open.json)?,
                Effect::Send(send) => checked_content(&send.content)?,
                _ => {}
            }
        }
        Ok(Self::Do(effects))
    }
}

/// 1 to `most` of something.
pub(crate) fn counted(what: &str, count: usize, most: usize) -> Result<(), Fault> {
    if (1..=most).contains(&count) {
        Ok(())
    } else {
        Err(Fault::Contract(format!("{count} {what}; 1 to {most} are allowed")))
    }
}

/// A name and a JSON object.
pub(crate) fn checked_open(name: &str, json: &str) -> Result<(), Fault> {
    if !crate::kind::is_name(name) {
        return Err(Fault::Contract(
            "a name that is not 1 to 64 of a-z, 0-9, - and _".to_owned(),
        ));
    }
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(json) {
        Ok(_) => Ok(()),
        Err(_) => Err(Fault::Contract(format!("the JSON of {name} is not a JSON object"))),
    }
}

/// A content, if it keeps to the contract: the open case is for what has no type of its own.
pub(crate) fn checked_content(content: &Content) -> Result<(), Fault> {
    let Content::Other(open) = content else {
        return Ok(());
    };
    checked_open(&open.name, &open.json)?;
    if TYPED.contains(&open.name.as_str()) {
        let name = &open.name;
        return Err(Fault::Contract(format!(
            "a content of kind {name} without its own type"
        )));
    }
    Ok(())
}

/// Bytes of what an outcome holds, as far as their number is not bounded by a type. Blobs stay in the host.
fn weight(outcome: &Outcome) -> usize {
    let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let data = |data: &Data| match data {
        Data::Text(text) => text.len(),
        Data::Bytes(bytes) => bytes.len(),
        Data::Blob(_) => 0,
    };
    match outcome {
        Outcome::Json(json) => json.len(),
        Outcome::Other(open) => open.json.len(),
        Outcome::Entries(entries) => entries.iter().map(|entry| entry.at.key.len() + entry.value.len()).sum(),
        Outcome::Contacts(contacts) => contacts.iter().map(|contact| contact.input.len() + WORDS).sum(),
        Outcome::Fetched(response) => {
            let headers = response.headers.iter();
            let headers: usize = headers.map(|(name, value)| name.len() + value.len()).sum();
            headers
                + match &response.body {
                    Body::Empty => 0,
                    Body::Whole(whole) => data(whole),
                    Body::Form(parts) => parts
                        .iter()
                        .map(|part| {
                            part.name.len() + optional(&part.filename) + optional(&part.mime) + data(&part.data)
                        })
                        .sum(),
                }
        }
        Outcome::Done | Outcome::Missing | Outcome::Failed(_) | Outcome::Sent(_) | Outcome::Media(_) => WORDS,
    }
}

fn too_much() -> Outcome {
    let sentence = format!(
        "The outcomes of one request are at most {} MiB together.",
        MOST_OUTCOME_BYTES >> 20
    );
    Outcome::Failed(problem::for_guest(&Problem::new(Code::NOT_SUPPORTED, sentence)))
}

/// One request to a plugin, which can be put again with more outcomes.
pub(crate) trait Question: Sync {
    type Answer: Send;

    fn plugin(&self) -> &Plugin;

    /// Puts it once.
    fn put(&self, outcomes: &[Outcome]) -> impl Future<Output = Result<Turn<Self::Answer>, Problem>> + Send;
}

/// An answer, and everything that was done on the way to it.
#[derive(Debug)]
pub(crate) struct Answered<A> {
    pub(crate) answer: A,
    pub(crate) outcomes: Vec<Outcome>,
}

/// Puts a question until it is answered.
pub(crate) async fn ask<Q: Question>(question: &Q, effects: &dyn Effects) -> Result<Answered<Q::Answer>, Problem> {
    let plugin = question.plugin();
    plugin.check_in()?;
    let mut outcomes = Vec::new();
    let mut bytes = 0;
    for round in 1..=MAX_ROUNDS {
        match question.put(&outcomes).await? {
            Turn::Done(answer) => return Ok(Answered { answer, outcomes }),
            // Nobody would hear what became of them.
            Turn::Do(_) if round == MAX_ROUNDS => break,
            Turn::Do(wanted) => {
                for effect in wanted {
                    let outcome = effects.carry_out(plugin, effect).await;
                    let sum = bytes + weight(&outcome);
                    // What was done is done; only what there is to say of it is too much.
                    if sum <= MOST_OUTCOME_BYTES {
                        bytes = sum;
                        outcomes.push(outcome);
                    } else {
                        outcomes.push(too_much());
                    }
                }
            }
        }
    }
    let endless = Fault::Contract(format!("no final answer in {MAX_ROUNDS} rounds"));
    Err(plugin.failed(endless))
}
