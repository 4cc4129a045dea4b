//! What arrives is committed once before WhatsApp hears of it, and stands in the log with what was sent.

use switchboard_core::direction::Direction;
use switchboard_core::ids::SessionRef;
use switchboard_core::status::MessageStatus;
use switchboard_service::{Cursor, LogFilter};

use crate::fake::{World, text_from};

const ADA: &str = "15550000001";
const BOB: &str = "15550000002";

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_stands_in_the_log_behind_what_was_sent_and_by_its_chat() {
    let world = World::new().await;
    let (id, line) = world.linked(ADA).await;
    world.send(id, BOB, "question", true).await.unwrap();
    line.deliver(vec![text_from(BOB, "3EB0AA", "answer 👍")]).await.unwrap();
    line.deliver(vec![text_from("15550000003", "3EB0BB", "elsewhere")])
        .await
        .unwrap();

    let filter = LogFilter {
        session: Some(SessionRef::Session(id)),
        chat: Some(BOB.parse().unwrap()),
        direction: None,
    };
    let log = world
        .service
        .messages(filter.clone(), Cursor::default(), 10)
        .await
        .unwrap();
    let texts: Vec<_> = log
        .messages
        .iter()
        .map(|message| (message.direction, message.text.as_deref().unwrap()))
        .collect();
    assert_eq!(
        texts,
        [(Direction::Outbound, "question"), (Direction::Inbound, "answer 👍")]
    );
    let answer = &log.messages[1];
    assert_eq!(
        (answer.status, answer.push_name.as_deref()),
        (MessageStatus::Received, Some("Ada"))
    );
    assert_eq!(answer.from.phone.as_ref().unwrap().digits(), BOB);
    assert!(!log.more);

    // From the cursor on there is nothing, until there is something.
    assert!(
        world
            .service
            .messages(filter.clone(), log.next, 10)
            .await
            .unwrap()
            .messages
            .is_empty()
    );
    line.deliver(vec![text_from(BOB, "3EB0CC", "one more")]).await.unwrap();
    assert_eq!(
        world
            .service
            .messages(filter, log.next, 10)
            .await
            .unwrap()
            .messages
            .len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_again_is_kept_once() {
    let world = World::new().await;
    let (_, line) = world.linked(ADA).await;
    let batch = vec![text_from(BOB, "3EB0AA", "one"), text_from(BOB, "3EB0AB", "two")];
    line.deliver(batch.clone()).await.unwrap();
    line.deliver(batch).await.unwrap();
    let log = world
        .service
        .messages(LogFilter::default(), Cursor::default(), 10)
        .await
        .unwrap();
    assert_eq!(log.messages.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_committed_is_not_acknowledged() {
    let world = World::new().await;
    let (_, line) = world.linked(ADA).await;
    world
        .service
        .shutdown(tokio::time::Instant::now() + std::time::Duration::from_secs(10))
        .await;
    assert!(line.deliver(vec![text_from(BOB, "3EB0AA", "too late")]).await.is_err());
}
