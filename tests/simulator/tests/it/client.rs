//! A real whatsapp-rust client with its keys in memory, and words to wait for its events.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use simulator::{LinkedDevice, Phone, Simulator};
use whatsapp_rust::bot::{Bot, BotHandle};
use whatsapp_rust::pair_code::PairCodeOptions;
use whatsapp_rust::transport::TokioWebSocketTransportFactory;
use whatsapp_rust::types::presence::ReceiptType;
use whatsapp_rust::wacore::net::{HttpClient, HttpRequest, HttpResponse};
use whatsapp_rust::wacore::store::InMemoryBackend;
use whatsapp_rust::wacore::types::events::{ChannelEventHandler, Event};
use whatsapp_rust::waproto::whatsapp as wa;
use whatsapp_rust::{Jid, SendOptions, anyhow, async_channel, async_trait};

/// Longer than anything takes on a busy machine; a test that waits this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Nothing here needs HTTP.
struct NoHttp;

#[async_trait]
impl HttpClient for NoHttp {
    async fn execute(&self, request: HttpRequest) -> anyhow::Result<HttpResponse> {
        anyhow::bail!("no test needs {}", request.url)
    }
}

pub(crate) struct Client {
    bot: BotHandle,
    events: async_channel::Receiver<Arc<Event>>,
    store: Arc<InMemoryBackend>,
    unread: Mutex<VecDeque<Text>>,
}

impl Client {
    /// A client that was never linked.
    pub(crate) async fn new(simulator: &Simulator) -> Self {
        Self::at(simulator.ws_url()).await
    }

    /// A client that was never linked, of a server in another process.
    pub(crate) async fn at(url: String) -> Self {
        Self::with_store(url, Arc::new(InMemoryBackend::new())).await
    }

    async fn with_store(url: String, store: Arc<InMemoryBackend>) -> Self {
        let bot = Bot::builder()
            .with_backend_arc(store.clone())
            .with_transport_factory(TokioWebSocketTransportFactory::new().with_url(url))
            .with_http_client(NoHttp)
            .with_version((2, 3000, 1))
            .with_wanted_pre_key_count(30)
            .skip_history_sync()
            .build()
            .await
            .unwrap();
        let (handler, events) = ChannelEventHandler::new();
        bot.client().subscribe_handler(handler).detach();
        Self {
            bot: bot.spawn(),
            events,
            store,
            unread: Mutex::default(),
        }
    }

    /// A client linked to a phone, connected.
    pub(crate) async fn linked(simulator: &Simulator, phone: &Phone) -> Self {
        let client = Self::new(simulator).await;
        client.link(phone).await;
        client.connected().await;
        client
    }

    pub(crate) async fn link(&self, phone: &Phone) -> LinkedDevice {
        phone.scan_qr(&self.qr().await).await.unwrap()
    }

    pub(crate) async fn qr(&self) -> String {
        self.wait("a QR code", |event| match event {
            Event::PairingQrCode(qr) => Some(qr.code.clone()),
            _ => None,
        })
        .await
    }

    pub(crate) async fn phone_code(&self, number: &str) -> String {
        self.qr().await;
        let options = PairCodeOptions {
            phone_number: number.to_owned(),
            ..Default::default()
        };
        self.bot.client().pair_with_code(options).await.unwrap()
    }

    /// Stops the client, as a process that ends, and starts another on the same keys.
    pub(crate) async fn restart(self, simulator: &Simulator) -> Self {
        let store = self.stop().await;
        Self::with_store(simulator.ws_url(), store.0).await
    }

    /// A second client on the same keys, while the first still runs.
    pub(crate) async fn twin(&self, simulator: &Simulator) -> Self {
        Self::with_store(simulator.ws_url(), self.store.clone()).await
    }

    /// Stops the client; its keys stay.
    pub(crate) async fn stop(self) -> Keys {
        self.bot.shutdown().await;
        Keys(self.store)
    }

    pub(crate) async fn connected(&self) {
        self.wait("the connection", |event| {
            matches!(event, Event::Connected(_)).then_some(())
        })
        .await;
    }

    pub(crate) async fn logged_out(&self) {
        self.wait("the logout", |event| matches!(event, Event::LoggedOut(_)).then_some(()))
            .await;
    }

    /// Waits for a message that cannot be decrypted, and asks the own phone what it says.
    pub(crate) async fn ask_the_own_phone(&self) {
        let unread = self.wait("a message that cannot be decrypted", |event| match event {
            Event::UndecryptableMessage(message) => Some(Arc::clone(&message.info)),
            _ => None,
        });
        let client = self.bot.client();
        client.send_pdo_placeholder_resend_request(&unread.await).await.unwrap();
    }

    pub(crate) async fn send(&self, number: &str, text: &str) -> String {
        self.send_with(number, text, SendOptions::default()).await
    }

    /// Sends a text under an id of our choice, as an outbox does that is not sure whether it arrived.
    pub(crate) async fn send_as(&self, id: &str, number: &str, text: &str) {
        let options = SendOptions::default().with_message_id(id);
        self.send_with(number, text, options).await;
    }

    async fn send_with(&self, number: &str, text: &str, options: SendOptions) -> String {
        let message = wa::Message {
            conversation: Some(text.to_owned()),
            ..Default::default()
        };
        let sent = self
            .bot
            .client()
            .send_message_with_options(Jid::pn(number), message, options)
            .await
            .unwrap();
        sent.message_id
    }

    /// The next text. One event may bring several.
    pub(crate) async fn text(&self) -> Text {
        if let Some(text) = self.unread.lock().unwrap().pop_front() {
            return text;
        }
        let mut texts = self
            .wait("a text", |event| {
                let texts: VecDeque<Text> = event
                    .messages()
                    .filter_map(|message| {
                        Some(Text {
                            text: message.message.conversation.clone()?,
                            id: message.info.id.clone(),
                            chat: message.info.source.chat.clone(),
                            from_me: message.info.source.is_from_me,
                        })
                    })
                    .collect();
                (!texts.is_empty()).then_some(texts)
            })
            .await;
        let first = texts.pop_front().unwrap();
        self.unread.lock().unwrap().append(&mut texts);
        first
    }

    pub(crate) async fn read(&self, text: &Text) {
        let client = self.bot.client();
        client
            .mark_as_read(&text.chat, None, &[text.id.as_str()])
            .await
            .unwrap();
    }

    /// Waits for a receipt of this kind for this message.
    pub(crate) async fn receipt(&self, kind: ReceiptType, id: &str) {
        self.wait("a receipt", |event| match event {
            Event::Receipt(receipt)
                if receipt.r#type == kind && receipt.message_ids.iter().any(|known| known == id) =>
            {
                Some(())
            }
            _ => None,
        })
        .await;
    }

    /// Waits for the server's acknowledgement of a message; the error in it, if it was refused.
    pub(crate) async fn ack(&self, id: &str) -> Option<String> {
        self.wait("an acknowledgement", |event| match event {
            Event::ServerAck(ack) if ack.id == id => Some(ack.error.clone()),
            _ => None,
        })
        .await
    }

    pub(crate) async fn is_on_whatsapp(&self, number: &str) -> bool {
        let client = self.bot.client();
        let found = client.contacts().is_on_whatsapp(&[Jid::pn(number)]).await.unwrap();
        found.iter().any(|entry| entry.is_registered)
    }

    pub(crate) async fn log_out(&self) {
        self.bot.client().logout().await;
    }

    pub(crate) async fn wait<T>(&self, what: &str, mut find: impl FnMut(&Event) -> Option<T>) -> T {
        let search = async {
            loop {
                let event = self.events.recv().await.expect("the client is gone");
                if let Some(found) = find(&event) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, search)
            .await
            .unwrap_or_else(|_| panic!("{what} did not come"))
    }
}

/// The keys of a client that is not running.
pub(crate) struct Keys(Arc<InMemoryBackend>);

impl Keys {
    pub(crate) async fn start(self, simulator: &Simulator) -> Client {
        self.start_at(simulator.ws_url()).await
    }

    pub(crate) async fn start_at(self, url: String) -> Client {
        Client::with_store(url, self.0).await
    }
}

pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) id: String,
    pub(crate) chat: Jid,
    pub(crate) from_me: bool,
}
