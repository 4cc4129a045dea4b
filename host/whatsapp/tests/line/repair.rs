//! Messages that cannot be decrypted, and keys that a crash set back.

use std::collections::BTreeMap;
use std::time::Duration;

use simulator::{Fault, Number};
use switchboard_core::ids::Jid;
use switchboard_store::keys::KeyStore;
use switchboard_whatsapp::{Line, LineStatus, Purpose};

use crate::fixture::{A, B, Log, PATIENCE, World, arrives, send, status, to};

/// The ratchets that A's device shares with A's phone, as they are on the disk.
async fn ratchets(line: &dyn Line, keys: &KeyStore) -> BTreeMap<String, Vec<u8>> {
    let lid = line.state().borrow().account.as_ref().unwrap().lid.clone().unwrap();
    let mut found = BTreeMap::new();
    for address in [to(A), lid].iter().map(Jid::to_string) {
        // Signal's address of a primary device ends in its number, 0.
        for address in [format!("{address}.0"), address] {
            if let Some(ratchet) = keys.sessions().get(address.as_str()).await.unwrap() {
                found.insert(address, ratchet);
            }
        }
    }
    assert!(!found.is_empty());
    found
}

async fn set_back(keys: &KeyStore, ratchets: BTreeMap<String, Vec<u8>>) {
    for (address, ratchet) in ratchets {
        keys.sessions().put(&[(address.as_str(), ratchet)]).await.unwrap();
    }
}

fn corrupt_next() -> Fault {
    Fault::CorruptMessages {
        number: Number::parse(A).unwrap(),
        device: None,
        times: 1,
    }
}

#[tokio::test]
async fn the_phone_is_asked_for_a_message_of_its_own_that_cannot_be_decrypted() {
    let world = World::new().await;
    let (session, line) = world.linked().await;
    world.simulator.inject(corrupt_next()).unwrap();
    let id = world.a.send_text(B, "damaged on the way").await.unwrap();
    let message = session.heard.text("damaged on the way").await;
    assert_eq!((message.stanza_id.as_str(), message.from_me), (id.as_str(), true));
    assert_eq!((message.chat, message.sender), (to(B), to(A)));
    // The fresh session serves both directions.
    world.a.send_text(B, "and the next").await.unwrap();
    session.heard.text("and the next").await;
    send(&line, B, "as before").await.unwrap();
    arrives(&world.b, "as before").await;
    assert_eq!(world.simulator.tally().placeholders, 1);
    line.stop().await;
}

#[tokio::test]
async fn a_message_of_somebody_else_that_cannot_be_decrypted_is_sent_again() {
    let world = World::new().await;
    let (session, line) = world.linked().await;
    world.simulator.inject(corrupt_next()).unwrap();
    world.b.send_text(A, "damaged on the way").await.unwrap();
    session.heard.text("damaged on the way").await;
    line.stop().await;
}

#[tokio::test]
async fn what_its_sender_was_asked_for_in_vain_is_asked_of_the_phone_at_the_next_connection() {
    let world = World::new().await;
    // Only the phone has it.
    let id = world.b.send_text(A, "never read here").await.unwrap();
    let (session, line) = world.linked().await;
    let missing = format!(r#"{{"chat":"{b}","sender":"{b}","sent_s":1}}"#, b = to(B));
    session.keys.unreadable().put(&id, missing.as_bytes()).await.unwrap();
    world.simulator.inject(drop_socket()).unwrap();
    session.heard.text("never read here").await;
    line.stop().await;
}

#[tokio::test]
async fn what_cannot_be_decrypted_is_remembered_until_a_connection_finds_that_it_has_come() {
    let world = World::new().await;
    let (session, line) = world.linked().await;
    let remembered = async || {
        let rows = session.keys.unreadable().all().await.unwrap();
        rows.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
    };
    let becomes = async |expected: &[String], patience| {
        let deadline = tokio::time::Instant::now() + patience;
        while remembered().await != expected {
            if tokio::time::Instant::now() > deadline {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        true
    };
    // The first look of the connection may come so late that it finds the first of them there; it is the only one for a minute.
    let mut is_remembered = false;
    for text in ["damaged on the way", "damaged too"] {
        world.simulator.inject(corrupt_next()).unwrap();
        let id = world.b.send_text(A, text).await.unwrap();
        session.heard.text(text).await;
        // The note is written beside the question, and the answer may overtake it.
        is_remembered = becomes(&[id], Duration::from_secs(10)).await;
        if is_remembered {
            break;
        }
    }
    assert!(is_remembered, "{:?}", remembered().await);
    world.simulator.inject(drop_socket()).unwrap();
    assert!(becomes(&[], PATIENCE).await, "{:?}", remembered().await);
    line.stop().await;
}

#[tokio::test]
async fn nothing_is_lost_when_a_crash_set_the_ratchet_of_the_own_phone_back() {
    let world = World::new().await;
    let (session, line) = world.linked().await;
    world.a.send_text(B, "one").await.unwrap();
    session.heard.text("one").await;
    send(&line, B, "two").await.unwrap();
    arrives(&world.b, "two").await;
    line.stop().await;
    let old = ratchets(&*line, &session.keys).await;

    let line = session.open(Purpose::Resume);
    status(&line, LineStatus::Ready).await;
    // Each answer moves the ratchet of the other side on.
    for round in ["three", "four", "five"] {
        world.a.send_text(B, round).await.unwrap();
        session.heard.text(round).await;
        let copy = send(&line, B, &format!("answer to {round}")).await.unwrap();
        let arrived = world
            .a
            .wait_for_message(PATIENCE, |message| message.id == copy.as_str())
            .await;
        arrived.unwrap();
    }
    line.stop().await;
    set_back(&session.keys, old).await;

    let line = session.open(Purpose::Resume);
    status(&line, LineStatus::Ready).await;
    for body in ["six", "seven", "eight"] {
        world.a.send_text(B, body).await.unwrap();
        session.heard.text(body).await;
    }
    assert!(world.simulator.tally().placeholders > 0, "nothing had to be repaired");
    line.stop().await;
}

#[tokio::test]
async fn what_is_sent_after_a_message_leaves_when_the_ratchet_is_on_the_disk() {
    let world = World::new().await;
    let (session, mut line) = world.linked().await;
    for round in 0..20 {
        world.a.send_text(B, &format!("question {round}")).await.unwrap();
        session.heard.text(&format!("question {round}")).await;
        let copy = send(&line, B, &format!("answer {round}")).await.unwrap();
        // What a kill would leave at this moment.
        let left = ratchets(&*line, &session.keys).await;
        let arrived = world
            .a
            .wait_for_message(PATIENCE, |message| message.id == copy.as_str())
            .await;
        arrived.unwrap();
        if round % 5 == 4 {
            line.stop().await;
            set_back(&session.keys, left).await;
            line = session.open(Purpose::Resume);
            status(&line, LineStatus::Ready).await;
        }
    }
    line.stop().await;
    assert_eq!(world.simulator.tally().placeholders, 0, "the phone had to be asked");
}

#[tokio::test]
async fn a_question_that_a_crash_cut_off_is_asked_again() {
    let world = World::new().await;
    let (session, line) = world.linked().await;
    let id = world.a.send_text(B, "before the crash").await.unwrap();
    session.heard.text("before the crash").await;
    line.stop().await;
    let other = world.session();
    let missing = format!(r#"{{"chat":"{}","sender":"{}","sent_s":1795000000}}"#, to(B), to(A));
    session.keys.unreadable().put(&id, missing.as_bytes()).await.unwrap();
    let line = other.open(Purpose::Resume);
    let message = other.heard.text("before the crash").await;
    assert_eq!((message.chat, message.at.as_secs()), (to(B), 1_795_000_000));
    line.stop().await;
    assert_eq!(session.keys.unreadable().all().await.unwrap(), []);
}

#[tokio::test]
async fn a_message_whose_plaintext_a_crash_destroyed_is_asked_of_the_phone() {
    let world = World::new().await;
    let (session, line) = world.linked().await;
    for (phone, to, body) in [(&world.b, A, "from a friend"), (&world.a, B, "from the phone")] {
        // Decrypted and not acknowledged, for it could not be kept; then the buffer is lost, the ratchet is not.
        session.heard.refuse(1);
        let id = phone.send_text(to, body).await.unwrap();
        let refused = |log: &Log| (log.refusals == 0).then_some(());
        session.heard.wait("the refusal", refused).await;
        forget_plaintext(&session.keys, &id).await;
        world.simulator.inject(drop_socket()).unwrap();
        let message = session.heard.text(body).await;
        assert_eq!((message.chat, message.from_me), (self::to(B), to == B));
    }
    assert_eq!(world.simulator.tally().placeholders, 2);
    line.stop().await;
    assert_eq!(session.keys.unreadable().all().await.unwrap(), []);
}

/// Removes a message from the buffer of those that are not committed.
async fn forget_plaintext(keys: &KeyStore, id: &str) {
    let pending = keys.pending_inbound();
    for chat in [to(A), to(B)].map(|jid| jid.to_string()) {
        for sender in [to(A), to(B)].map(|jid| jid.to_string()) {
            pending.delete(&[(chat.as_str(), sender.as_str(), id)]).await.unwrap();
        }
    }
}

fn drop_socket() -> Fault {
    Fault::DropSocket {
        number: Number::parse(A).unwrap(),
        device: None,
    }
}
