//! The end of a link, and the next one.

use switchboard_core::event::{LineEvent, LogoutReason};
use switchboard_whatsapp::backend::Backend;
use switchboard_whatsapp::{LineStatus, Purpose};
use whatsapp_rust::traits::DeviceStore;

use crate::fixture::{B, Session, World, arrives, qr, send, status};

async fn has_keys(session: &Session) -> bool {
    Backend::new(session.keys.clone()).exists().await.unwrap()
}

#[tokio::test]
async fn a_device_that_the_phone_removes_is_logged_out_and_links_again_under_the_same_session() {
    let world = World::new().await;
    let (session, line) = world.linked().await;
    assert!(has_keys(&session).await);
    world.a.unlink_all().unwrap();
    status(&line, LineStatus::LoggedOut(LogoutReason::RemovedByPhone)).await;
    assert!(!has_keys(&session).await);
    assert_eq!(session.heard.count(|event| matches!(event, LineEvent::LoggedOut(_))), 1);
    assert!(send(&line, B, "too late").await.is_err());

    let line = session.open(Purpose::Link);
    world.a.scan_qr(&qr(&line).await).await.unwrap();
    status(&line, LineStatus::Ready).await;
    send(&line, B, "new keys").await.unwrap();
    arrives(&world.b, "new keys").await;
    line.stop().await;
}

#[tokio::test]
async fn a_logout_removes_the_device_from_the_phone_and_wipes_its_keys() {
    let world = World::new().await;
    let (session, line) = world.linked().await;
    assert_eq!(world.a.companions().len(), 1);
    line.logout().await.unwrap();
    assert_eq!(
        line.state().borrow().status,
        LineStatus::LoggedOut(LogoutReason::Requested)
    );
    assert!(world.a.companions().is_empty());
    assert!(!has_keys(&session).await);
    line.logout().await.unwrap();
}

#[tokio::test]
async fn a_line_that_shows_codes_can_be_logged_out_and_stopped() {
    let world = World::new().await;
    let session = world.session();
    let line = session.open(Purpose::Link);
    qr(&line).await;
    line.logout().await.unwrap();
    assert!(!has_keys(&session).await);
    let line = session.open(Purpose::Link);
    qr(&line).await;
    line.stop().await;
    assert!(line.state().borrow().step.is_none());
}

#[tokio::test]
async fn keys_left_over_from_an_old_link_make_way_for_a_new_one() {
    let world = World::new().await;
    let (session, line) = world.linked().await;
    line.stop().await;
    world.a.unlink_all().unwrap();
    let line = session.open(Purpose::Link);
    world.a.scan_qr(&qr(&line).await).await.unwrap();
    status(&line, LineStatus::Ready).await;
    line.stop().await;
}

#[tokio::test]
async fn a_login_that_is_refused_for_good_ends_the_link() {
    let reasons = [
        (401, LogoutReason::RemovedByPhone),
        (403, LogoutReason::Refused(403)),
        (406, LogoutReason::Refused(406)),
    ];
    for (code, reason) in reasons {
        let world = World::new().await;
        let (session, line) = world.linked().await;
        world.refuse_login(code);
        status(&line, LineStatus::LoggedOut(reason)).await;
        assert!(!has_keys(&session).await);
    }
}
