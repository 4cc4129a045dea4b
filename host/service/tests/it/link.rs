//! The life of a session: created, linked, lost, logged out, linked again, deleted.

use switchboard_core::ids::{LinkMethod, SessionRef};
use switchboard_core::problem::Code;
use switchboard_core::status::{MessageStatus, SessionStatus};
use switchboard_service::{MessageRef, NewSession};
use switchboard_whatsapp::Purpose;

use crate::fake::{World, until};

const ADA: &str = "15550000001";
const BOB: &str = "15550000002";

#[tokio::test(flavor = "multi_thread")]
async fn a_session_shows_a_code_until_a_phone_scans_it_and_is_then_ready_with_number_and_mobid() {
    let world = World::new().await;
    let new = NewSession {
        name: Some("front desk".to_owned()),
        ..NewSession::default()
    };
    let id = world.service.create_session(new).await.unwrap();
    world.status(id, SessionStatus::QrReady).await;
    let session = SessionRef::Session(id);
    assert_eq!(world.service.qr(&session).unwrap().text, "2@qr");
    let info = world.service.session(&session).await.unwrap();
    assert_eq!(
        (info.mobid, info.mobile_number, info.qr.unwrap().code),
        (None, None, "2@qr".to_owned())
    );

    world.lines.of(id).await.link(ADA);
    world.status(id, SessionStatus::Ready).await;
    let info = world.service.session(&session).await.unwrap();
    assert_eq!(info.mobile_number.unwrap().digits(), ADA);
    assert_eq!(
        (info.name.as_deref(), info.health.unwrap().socket_open),
        (Some("front desk"), true)
    );
    assert_eq!(world.service.qr(&session).unwrap_err().code(), &Code::QR_NOT_AVAILABLE);
    for name in [
        SessionRef::Mobid(info.mobid.unwrap()),
        SessionRef::Number(ADA.parse().unwrap()),
    ] {
        assert_eq!(world.service.session(&name).await.unwrap().session_id, id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_follows_the_connection_and_the_last_loss_says_why() {
    let world = World::new().await;
    let (id, line) = world.linked(ADA).await;
    line.lose();
    world.status(id, SessionStatus::Reconnecting).await;
    line.connect();
    world.status(id, SessionStatus::Ready).await;
    let info = world.service.session(&SessionRef::Session(id)).await.unwrap();
    assert_eq!(info.last_loss.unwrap().reason, "the connection ended: reset");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_removed_on_the_phone_is_linked_again_under_the_same_id_and_mobid() {
    let world = World::new().await;
    let (id, line) = world.linked(ADA).await;
    let session = SessionRef::Session(id);
    let mobid = world.service.session(&session).await.unwrap().mobid;
    line.unlink();
    world.status(id, SessionStatus::LoggedOut).await;
    assert_eq!(
        world.send(id, BOB, "hi", true).await.unwrap_err().code(),
        &Code::SESSION_NOT_LINKED
    );
    assert_eq!(
        world.service.restart(&session).await.unwrap_err().code(),
        &Code::SESSION_NOT_LINKED
    );

    world.service.relink(&session).await.unwrap();
    world.status(id, SessionStatus::QrReady).await;
    world.lines.of(id).await.link(ADA);
    world.status(id, SessionStatus::Ready).await;
    assert_eq!(world.service.session(&session).await.unwrap().mobid, mobid);
    assert_eq!(
        world.service.relink(&session).await.unwrap_err().code(),
        &Code::CONFLICT
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_link_and_its_reason_are_seen_together_and_stay_as_they_were_first_seen() {
    let world = World::new().await;
    let (id, line) = world.linked(ADA).await;
    let seen = || {
        let session = world.service.sessions(None, None, 1).sessions.remove(0);
        (session.status, session.last_loss.map(|loss| (loss.reason, loss.at)))
    };
    assert_eq!(seen(), (SessionStatus::Ready, None));
    line.lose_link();
    let first = seen();
    assert_eq!(first.0, SessionStatus::LoggedOut);
    assert_eq!(first.1.as_ref().unwrap().0, "The device was removed on the phone.");
    line.tell_unlinked();
    until("the task has heard of it", async || {
        assert_eq!(seen(), first);
        let restarted = world.service.restart(&SessionRef::Session(id)).await;
        restarted
            .is_err_and(|problem| *problem.code() == Code::SESSION_NOT_LINKED)
            .then_some(())
    })
    .await;
    assert_eq!(seen(), first);
    let world = world.restarted().await;
    let session = world.service.sessions(None, None, 1).sessions.remove(0);
    assert_eq!(
        (session.status, session.last_loss.map(|loss| (loss.reason, loss.at))),
        first
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_tells_whatsapp_and_can_be_repeated() {
    let world = World::new().await;
    let (id, line) = world.linked(ADA).await;
    let session = SessionRef::Session(id);
    let view = world.service.logout(&session).await.unwrap();
    assert_eq!(view.status, SessionStatus::LoggedOut);
    assert!(line.was_logged_out());
    assert_eq!(
        world.service.logout(&session).await.unwrap().status,
        SessionStatus::LoggedOut
    );
    assert_eq!(world.lines.open_count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_session_is_inactive_its_unsent_messages_fail_and_its_log_stays() {
    let world = World::new().await;
    let (id, line) = world.linked(ADA).await;
    line.lose();
    let queued = world.send(id, BOB, "never sent", true).await.unwrap();
    let session = SessionRef::Session(id);
    world.service.delete(&session).await.unwrap();
    world.service.delete(&session).await.unwrap();
    assert!(line.was_logged_out());
    let info = world.service.session(&session).await.unwrap();
    assert_eq!(
        (info.status, info.mobile_number.unwrap().digits()),
        (SessionStatus::Inactive, ADA)
    );
    let message = world.service.message(MessageRef::Id(queued.message_id)).await.unwrap();
    assert_eq!(
        (message.status, message.error.unwrap().code.as_str()),
        (MessageStatus::Failed, "session_not_linked")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_for_one_number_are_never_sent_from_another() {
    let world = World::new().await;
    let (id, line) = world.linked(ADA).await;
    line.lose();
    let queued = world.send(id, BOB, "from ada", true).await.unwrap();
    line.unlink();
    world.status(id, SessionStatus::LoggedOut).await;
    world.service.relink(&SessionRef::Session(id)).await.unwrap();
    let line = world.lines.of(id).await;
    line.link("15550000009");
    world.status(id, SessionStatus::Ready).await;
    world.send(id, BOB, "from another", true).await.unwrap();
    assert_eq!(line.written().len(), 1);
    let message = world.service.message(MessageRef::Id(queued.message_id)).await.unwrap();
    assert_eq!(message.status, MessageStatus::Failed);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_pages_through_every_session_and_filters_by_status() {
    let world = World::new().await;
    let (ready, _) = world.linked(ADA).await;
    let mut waiting = Vec::new();
    for _ in 0..4 {
        let id = world.service.create_session(NewSession::default()).await.unwrap();
        world.status(id, SessionStatus::QrReady).await;
        waiting.push(id);
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = world.service.sessions(None, after, 2);
        seen.extend(page.sessions.iter().map(|session| session.session_id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    waiting.push(ready);
    seen.sort_unstable();
    waiting.sort_unstable();
    assert_eq!(seen, waiting);
    let ready_ones = world.service.sessions(Some(SessionStatus::Ready), None, 100).sessions;
    assert_eq!(
        ready_ones.iter().map(|session| session.session_id).collect::<Vec<_>>(),
        [ready]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_restarted_keeps_its_link() {
    let world = World::new().await;
    let (id, first) = world.linked(ADA).await;
    world.service.restart(&SessionRef::Session(id)).await.unwrap();
    assert!(!first.was_logged_out());
    let second = world.lines.of(id).await;
    assert_eq!(second.purpose, Purpose::Resume);
    second.connect();
    world.status(id, SessionStatus::Ready).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_linked_by_code_shows_one_whenever_it_is_not_linked() {
    let world = World::new().await;
    let new = NewSession {
        method: LinkMethod::Phone,
        phone_number: Some(ADA.parse().unwrap()),
        ..NewSession::default()
    };
    let id = world.service.create_session(new).await.unwrap();
    let session = SessionRef::Session(id);
    assert!(id.to_string().starts_with("phone_"));
    world.status(id, SessionStatus::PairingCodeReady).await;
    let world = world.restarted().await;
    world.status(id, SessionStatus::PairingCodeReady).await;
    let line = world.lines.of(id).await;
    assert_eq!(line.purpose, Purpose::LinkByCode(ADA.parse().unwrap()));
    let info = world.service.session(&session).await.unwrap();
    assert_eq!(
        (info.pairing_code.unwrap().code.as_str(), info.qr.is_none()),
        ("ABCD1234", true)
    );
    assert_eq!(world.service.qr(&session).unwrap_err().code(), &Code::QR_NOT_AVAILABLE);
    line.link(ADA);
    world.status(id, SessionStatus::Ready).await;
    assert!(world.service.session(&session).await.unwrap().pairing_code.is_none());
    world.service.logout(&session).await.unwrap();
    world.service.relink(&session).await.unwrap();
    world.status(id, SessionStatus::PairingCodeReady).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_that_is_demanded_is_shown_as_json() {
    let world = World::new().await;
    let id = world.service.create_session(NewSession::default()).await.unwrap();
    world.lines.of(id).await.demand_passkey(r#"{"challenge":"YWJj"}"#);
    world.status(id, SessionStatus::PasskeyRequired).await;
    let info = world.service.session(&SessionRef::Session(id)).await.unwrap();
    let passkey = info.passkey.unwrap();
    assert_eq!(
        (&passkey.challenge["challenge"], info.qr.is_none()),
        (&"YWJj".into(), true)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_and_a_method_that_do_not_go_together_are_refused() {
    let world = World::new().await;
    let new = |method, number: Option<&str>| NewSession {
        method,
        phone_number: number.map(|number| number.parse().unwrap()),
        ..NewSession::default()
    };
    for (new, code, field) in [
        (new(LinkMethod::Qr, Some(ADA)), Code::INVALID_FIELD, "phoneNumber"),
        (new(LinkMethod::Phone, None), Code::INVALID_FIELD, "phoneNumber"),
    ] {
        let problem = world.service.create_session(new).await.unwrap_err();
        assert_eq!((problem.code(), problem.field_name()), (&code, Some(field)));
    }
    assert!(world.service.sessions(None, None, 10).sessions.is_empty());
}
