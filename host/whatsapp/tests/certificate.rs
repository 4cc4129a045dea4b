//! A build either checks WhatsApp's certificates or is walled in. Compiled both ways: with the feature `simulator` and without.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![cfg_attr(
    not(feature = "simulator"),
    expect(clippy::panic, reason = "a test stops at the first surprise")
)]

use std::sync::Arc;
use std::time::Duration;

use switchboard_core::clock::SystemClock;
use switchboard_core::config::WebVersion;
use switchboard_core::random::OsRandom;
use switchboard_egress::{Egress, EgressOptions, Reach};
use switchboard_whatsapp::{Driver, DriverError, DriverOptions};

/// A driver for this target, with a way out that would lead anywhere.
fn driver(url: &str) -> Result<Driver, DriverError> {
    let reach = Reach::Anywhere;
    Driver::new(DriverOptions {
        url: url.to_owned(),
        version: WebVersion::Fixed(2, 3000, 1),
        device_name: "Test".to_owned(),
        pre_keys: Some(30),
        max_silence: Duration::from_secs(35),
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
        proxies: Vec::new(),
        egress: Egress::new(EgressOptions { reach }).unwrap(),
    })
}

#[test]
fn a_target_that_is_no_socket_is_refused_with_the_name_of_its_setting() {
    let error = driver("https://web.whatsapp.com").unwrap_err().to_string();
    assert!(error.starts_with("whatsapp.url must be a ws or wss address"), "{error}");
}

#[cfg(feature = "simulator")]
mod a_build_that_skips_the_check {
    use switchboard_core::realm::Realm;
    use switchboard_whatsapp::CertificateCheck;

    use super::*;

    #[test]
    fn knows_it_and_keeps_to_the_simulators_realm() {
        let driver = driver("ws://127.0.0.1:1/ws/chat").unwrap();
        assert_eq!(driver.certificate_check(), CertificateCheck::Skipped);
        assert_eq!(Driver::realm(), Realm::Simulator);
    }

    #[test]
    fn dials_loopback_literals_and_nothing_else() {
        for url in ["ws://127.0.0.1:1/ws/chat", "ws://[::1]:1/ws/chat", "wss://127.0.0.1:1/"] {
            assert!(driver(url).is_ok(), "{url}");
        }
        for url in [
            "wss://web.whatsapp.com/ws/chat",
            "ws://localhost:1/ws/chat",
            "ws://ip6-localhost:1/ws/chat",
            "ws://127.0.0.1.nip.io:1/ws/chat",
            "ws://0.0.0.0:1/ws/chat",
            "ws://[::]:1/ws/chat",
            "ws://[::ffff:127.0.0.1]:1/ws/chat",
            "ws://192.168.1.1:1/ws/chat",
            "ws://157.240.1.60:1/ws/chat",
        ] {
            let error = driver(url).err().unwrap_or_else(|| panic!("{url} was accepted"));
            assert!(matches!(error, DriverError::OutOfReach(_)), "{url}: {error}");
        }
    }
}

#[cfg(not(feature = "simulator"))]
mod a_build_that_checks {
    use std::time::Duration;

    use simulator::{Options, Simulator};
    use switchboard_core::event::{InboundMessage, LineEvent};
    use switchboard_core::ids::{Jid, SessionId, StanzaId};
    use switchboard_core::problem::Problem;
    use switchboard_core::realm::Realm;
    use switchboard_store::keys::KeyStore;
    use switchboard_store::{DataFolder, OpenOptions, Store};
    use switchboard_whatsapp::{CertificateCheck, LineState, LineStatus, Loss, LossReason, Purpose, Sink};
    use whatsapp_rust::bot::Bot;
    use whatsapp_rust::handshake::HandshakeError;
    use whatsapp_rust::wacore::handshake::HandshakeError as Refusal;
    use whatsapp_rust::wacore::net::{HttpClient, HttpRequest, HttpResponse};
    use whatsapp_rust::wacore::store::InMemoryBackend;
    use whatsapp_rust::{ConnectError, anyhow, async_trait};

    use super::*;

    struct NoHttp;

    #[async_trait]
    impl HttpClient for NoHttp {
        async fn execute(&self, request: HttpRequest) -> anyhow::Result<HttpResponse> {
            anyhow::bail!("no test needs {}", request.url)
        }
    }

    struct Deaf;

    #[async_trait]
    impl Sink for Deaf {
        async fn messages(&self, _: &SessionId, _: Vec<InboundMessage>) -> Result<(), Problem> {
            panic!("nothing can arrive over a line that was never trusted")
        }

        async fn knows(&self, _: &SessionId, _: &Jid, _: &Jid, _: &StanzaId) -> Result<bool, Problem> {
            panic!("nothing can come again over a line that was never trusted")
        }

        fn event(&self, _: &SessionId, event: LineEvent) {
            panic!("nothing can happen on a line that was never trusted: {event:?}")
        }
    }

    #[test]
    fn may_talk_to_whatsapp_wherever_the_operator_says_it_is() {
        for url in [
            "wss://web.whatsapp.com/ws/chat",
            "ws://127.0.0.1:1/ws/chat",
            "wss://relay.example/ws",
        ] {
            assert_eq!(driver(url).unwrap().certificate_check(), CertificateCheck::Enforced);
        }
        assert_eq!(Driver::realm(), Realm::Live);
    }

    #[tokio::test]
    async fn refuses_the_simulators_certificate() {
        let simulator = Simulator::start(Options::default()).await.unwrap();
        let factory = whatsapp_rust::transport::TokioWebSocketTransportFactory::new();
        let bot = Bot::builder()
            .with_backend(InMemoryBackend::new())
            .with_transport_factory(factory.with_url(simulator.ws_url()))
            .with_http_client(NoHttp)
            .with_version((2, 3000, 1))
            .build()
            .await
            .unwrap();
        let error = bot.client().connect().await.unwrap_err();
        let refused = matches!(
            error,
            ConnectError::Handshake(HandshakeError::Core(Refusal::CertVerification(_)))
        );
        assert!(refused, "{error:?}");
    }

    #[tokio::test]
    async fn never_goes_on_with_a_server_it_does_not_trust() {
        let simulator = Simulator::start(Options::default()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let options = OpenOptions {
            realm: Realm::Live,
            seal_key: None,
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom),
        };
        let store = Store::open(&DataFolder::open(folder.path()).unwrap(), options).unwrap();
        let session: SessionId = "qr_1700000000000_00000001".parse().unwrap();
        let keys = KeyStore::new(store.clone(), Arc::new(SystemClock), &session);
        let line = driver(&simulator.ws_url())
            .unwrap()
            .open(session, keys, Purpose::Link, None, None, Arc::new(Deaf));

        // The server has answered, more than once, and got no further than its certificate.
        let mut state = line.state();
        let mut loss = async |known: Option<Loss>| {
            let wanted = |state: &LineState| state.last_loss.is_some() && state.last_loss != known;
            let next = tokio::time::timeout(Duration::from_secs(60), state.wait_for(wanted));
            next.await.unwrap().unwrap().last_loss.clone()
        };
        let first = loss(None).await;
        let second = loss(first.clone()).await;
        for loss in [first, second] {
            assert_eq!(loss.unwrap().reason, LossReason::Handshake);
        }
        // Of what it said nothing was taken for WhatsApp's.
        assert_eq!(line.health().last_frame, None);
        assert_eq!(line.state().borrow().status, LineStatus::Registering);
        assert!(simulator.tally().stanzas.is_empty(), "{:?}", simulator.tally());
        line.stop().await;
        store.close().await;
    }
}
