//! The parts of an acceptance by themselves, in this process: the plugin call without HTTP and commit, the commit without HTTP and
//! plugin.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use switchboard_core::clock::{Clock, SystemClock};
use switchboard_core::content::{Content, Text};
use switchboard_core::ids::{Jid, LinkMethod, MessageId, RequestId, SessionId, StanzaId};
use switchboard_core::random::{OsRandom, Random};
use switchboard_core::realm::Realm;
use switchboard_plugins::effects::NoEffects;
use switchboard_plugins::{CallContext, Engine, EngineOptions, PluginSource, Plugins};
use switchboard_store::messages::{Messages, NewMessage};
use switchboard_store::sessions::{Session, Sessions};
use switchboard_store::{DataFolder, OpenOptions, Store};

use crate::common::load::{Figures, Work, repeat};

pub(crate) const TEXT: &str = "Hello there, how are you?";

struct Call {
    plugins: Plugins,
    request_id: RequestId,
}

impl Work for Call {
    async fn once(&mut self) {
        let context = CallContext {
            request_id: self.request_id.clone(),
            accepted_at: SystemClock.now(),
        };
        let contents = self
            .plugins
            .handle(&context, "text", &json!({"text": TEXT}), &NoEffects)
            .await
            .expect("contents");
        assert_eq!(contents.len(), 1);
    }
}

/// Calls of the bundled text handler, each on a fresh instance.
pub(crate) async fn plugin_calls(callers: usize, time: Duration) -> Figures {
    let engine = Engine::new(EngineOptions {
        concurrency: u32::try_from(callers).expect("a small number"),
        ..EngineOptions::default()
    })
    .expect("an engine");
    let source = |plugin: &bundled::Bundled| PluginSource::bundled(plugin.id, plugin.manifest, plugin.wasm);
    let plugins = Plugins::load(engine, bundled::plugins().iter().map(source).collect())
        .await
        .expect("the plugins");
    let request_id = RequestId::mint(&SystemClock, &OsRandom);
    let call = || Call {
        plugins: plugins.clone(),
        request_id: request_id.clone(),
    };
    repeat((0..callers).map(|_| call()).collect(), time).await
}

struct Commit {
    messages: Messages,
    session: SessionId,
    chat: Jid,
}

impl Work for Commit {
    async fn once(&mut self) {
        let message = NewMessage {
            id: MessageId::mint(&SystemClock, &OsRandom),
            session: self.session,
            chat: self.chat.clone(),
            sender: self.chat.clone(),
            stanza_id: StanzaId::mint(&OsRandom),
            content: Content::Text(Text {
                body: TEXT.to_owned(),
                preview_url: false,
            }),
            wire: Bytes::from_static(&[0; 64]),
            client_ref: None,
            accepted_at: SystemClock.now(),
        };
        self.messages.accept(vec![message]).await.expect("a commit");
    }
}

/// Durable commits of one message each, by so many producers.
pub(crate) async fn commits(producers: usize, time: Duration) -> Figures {
    let folder = tempfile::tempdir().expect("a folder");
    let data = DataFolder::open(&folder.path().join("data")).expect("a data folder");
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let random: Arc<dyn Random> = Arc::new(OsRandom);
    let options = OpenOptions {
        realm: Realm::Simulator,
        seal_key: None,
        clock,
        random,
    };
    let store = Store::open(&data, options).expect("a store");
    let session = SessionId::mint(LinkMethod::Qr, &SystemClock, &OsRandom);
    let row = Session::new(session, None, None, SystemClock.now());
    Sessions::new(store.clone()).insert(&row).await.expect("a session");
    let commit = || Commit {
        messages: Messages::new(store.clone()),
        session,
        chat: "15550000002@s.whatsapp.net".parse().expect("an address"),
    };
    let figures = repeat((0..producers).map(|_| commit()).collect(), time).await;
    store.close().await;
    figures
}
