//! What a host says of itself while its disk takes nothing more.

use serde_json::json;

use crate::support::{Api, Host};

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_cannot_write_is_not_ready_until_it_can_and_alive_all_the_while() {
    let folder = tempfile::tempdir().unwrap();
    let command = Host::command_that_survives_limits(&folder.path().join("data"), "ws://127.0.0.1:9/ws/chat");
    let host = Host::start(command).await;
    let api = Api::with_local_token(&host.base).await;
    api.get("/readyz").await.expect(200);

    host.limit_files("0").await;
    let refused = api.post("/api/sessions", &json!({})).await;
    refused.expect_problem(503, "unavailable", None);
    for _ in 0..2 {
        let sentence = api.get("/readyz").await.expect_problem(503, "unavailable", None);
        assert!(sentence.contains("database"), "{sentence}");
        api.get("/healthz").await.expect(200);
    }

    host.limit_files("unlimited").await;
    api.get("/readyz").await.expect(200);
    api.post("/api/sessions", &json!({})).await.expect(201);
    assert_eq!(host.stop("TERM").await, Some(0));
}
