//! What an operator sees from outside: metrics and the log.

use simulator::Fault;

use crate::support::{Api, DESK, FRIEND, World, desk};

/// The text of `GET /metrics`, once all of this stands in it.
async fn metrics(world: &World, expected: &[&str]) -> String {
    let metrics = Api::anonymous(&world.host.metrics());
    metrics
        .until_text("/metrics", |text| {
            expected.iter().all(|number| text.lines().any(|line| line == *number))
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_what_happened_and_not_to_whom() {
    let world = World::start_with(|host| {
        host.env("SWITCHBOARD_METRICS__LISTEN", "127.0.0.1:0");
    })
    .await;
    let friend = world.phone(FRIEND);
    let session = world.linked(DESK).await;
    world.api.send(&session, FRIEND, "hello").await.expect(200);
    friend.send_text(DESK, "hello yourself").await.unwrap();
    world.inject(Fault::NackMessages {
        number: desk(),
        device: None,
        code: 463,
        times: 1,
    });
    world
        .api
        .send(&session, FRIEND, "once more")
        .await
        .expect_problem(422, "whatsapp_refused", None);
    let text = metrics(
        &world,
        &[
            r#"switchboard_build_info{version="0.1.0",realm="simulator"} 1"#,
            r#"switchboard_sessions{status="READY"} 1"#,
            r#"switchboard_http_requests_total{route="/api/messages/send",method="POST",status="200"} 1"#,
            r#"switchboard_http_requests_total{route="/api/messages/send",method="POST",status="422"} 1"#,
            r#"switchboard_plugin_calls_total{plugin="messages",outcome="answered"} 2"#,
            r#"switchboard_plugin_guest_seconds_count{plugin="messages"} 2"#,
            "switchboard_messages_accepted_total 2",
            "switchboard_messages_received_total 1",
            r#"switchboard_messages_settled_total{outcome="sent"} 1"#,
            r#"switchboard_messages_settled_total{outcome="whatsapp_refused"} 1"#,
            "switchboard_message_ack_seconds_count 1",
        ],
    )
    .await;
    for private in [session.as_str(), DESK, FRIEND] {
        assert!(!text.contains(private), "{private} is in\n{text}");
    }

    world.drop_socket();
    world.api.session_becomes(&session, "RECONNECTING").await;
    world.api.session_becomes(&session, "READY").await;
    metrics(&world, &[r#"switchboard_connection_losses_total{reason="socket"} 1"#]).await;
}
