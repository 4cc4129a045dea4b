//! The use cases of Switchboard, without HTTP.
//!
//! A [`Service`] is what the server holds. Below it, the supervisor runs one task per session, which owns the session's one line to
//! WhatsApp and its part of the outbox; a request never waits for another session. Everything that a client reads here is a view: a
//! struct with the API's own field names.

#![forbid(unsafe_code)]

mod contacts;
mod effects;
mod line_fault;
mod messages;
mod metrics;
mod outbox;
mod parts;
mod plugins;
mod recipients;
mod service;
mod sessions;
mod supervisor;
mod tokens;
mod voices;
mod wording;

pub use switchboard_store::messages::Cursor;
pub use switchboard_store::tokens::Token;

pub use self::effects::{Carrier, mistakes as mistakes_in_grants};
pub use self::messages::log::{LogFilter, LogPage};
pub use self::messages::reference::MessageRef;
pub use self::messages::send::{Envelope, SendRequest, SendStatus, Sent, SentMessage};
pub use self::messages::view::{FailureView, MessageView, Party, StepView};
pub use self::plugins::{AsksView, CredentialView, GrantedView, LimitsView, PluginView, RouteView, unused_grants};
pub use self::service::{Service, ServiceOptions};
pub use self::sessions::create::NewSession;
pub use self::sessions::list::SessionPage;
pub use self::sessions::metadata::{Metadata, TooMuch};
pub use self::sessions::update::SessionChanges;
pub use self::sessions::view::{HealthView, LossView, QrView, SessionView};
pub use self::sessions::watch::{Changed, MOST_WATCHES, News, Watch};
pub use self::supervisor::lines::Lines;
pub use self::tokens::issue::{LIFETIME, NewToken, token_id};
pub use self::tokens::list::TokenPage;
pub use self::tokens::view::TokenView;
pub use self::voices::list::{ProviderView, SpeedView, VoiceView, VoicesView};
pub use self::voices::speak::{SpeechRequest, SpokenSound};
pub use self::wording::DirectionWord;
