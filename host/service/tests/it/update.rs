//! What a client changes about a session, and when its line is opened anew.

use switchboard_core::ids::SessionRef;
use switchboard_core::proxy::Proxy;
use switchboard_core::status::SessionStatus;
use switchboard_service::{NewSession, SessionChanges};

use crate::fake::World;

const ADA: &str = "15550000001";

fn proxy(port: u16) -> Option<Proxy> {
    Some(format!("http://user:hunter2@127.0.0.1:{port}").parse().unwrap())
}

fn through(proxy: Option<Proxy>) -> SessionChanges {
    SessionChanges {
        proxy: Some(proxy),
        ..SessionChanges::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_line_is_opened_anew_through_another_proxy_and_left_alone_otherwise() {
    let world = World::new().await;
    let new = NewSession {
        proxy: proxy(1),
        ..NewSession::default()
    };
    let id = world.service.create_session(new).await.unwrap();
    let line = world.lines.of(id).await;
    assert_eq!(line.proxy, proxy(1));
    line.link(ADA);
    world.status(id, SessionStatus::Ready).await;
    let named = SessionChanges {
        name: Some(Some("desk".to_owned())),
        ..SessionChanges::default()
    };
    for (changes, opened) in [
        (through(proxy(1)), 1),
        (named, 1),
        (through(proxy(2)), 2),
        (through(proxy(2)), 2),
        (through(None), 3),
    ] {
        let proxy = changes.proxy.clone();
        world
            .service
            .update_session(&SessionRef::Session(id), changes)
            .await
            .unwrap();
        assert_eq!(world.lines.opened().len(), opened);
        if let Some(proxy) = proxy {
            assert_eq!(world.lines.of(id).await.proxy, proxy);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_without_a_line_keeps_its_new_proxy_for_the_next_link_and_the_next_start() {
    let world = World::new().await;
    let (id, _) = world.linked(ADA).await;
    let session = SessionRef::Session(id);
    world.service.logout(&session).await.unwrap();
    let updated = world.service.update_session(&session, through(proxy(1))).await.unwrap();
    assert_eq!(updated.proxy.as_deref(), Some("http://user:***@127.0.0.1:1"));
    assert_eq!(world.lines.open_count(), 0);
    let world = world.restarted().await;
    world.service.relink(&session).await.unwrap();
    assert_eq!(world.lines.of(id).await.proxy, proxy(1));
}
