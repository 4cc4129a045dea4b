//! The admin interface, spoken to as curl would.

use serde_json::{Value, json};
use simulator::Simulator;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::Client;
use crate::{A, B, start};

/// One request; the status and the JSON of the answer.
pub(crate) async fn request(url: &str, method: &str, path: &str, body: &str) -> (u16, Value) {
    let host = url.strip_prefix("http://").unwrap();
    let mut socket = TcpStream::connect(host).await.unwrap();
    let length = body.len();
    let text = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    socket.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

async fn post(simulator: &Simulator, path: &str, body: Value) -> (u16, Value) {
    request(&simulator.admin_url(), "POST", path, &body.to_string()).await
}

async fn get(simulator: &Simulator, path: &str) -> Value {
    let (status, body) = request(&simulator.admin_url(), "GET", path, "").await;
    assert_eq!(status, 200, "{body}");
    body
}

#[tokio::test]
async fn a_person_with_curl_can_do_it_all() {
    let simulator = start().await;
    let client = Client::new(&simulator).await;
    let qr = client.qr().await;
    let (status, linked) = request(
        &simulator.admin_url(),
        "POST",
        &format!("/admin/mock-phone/scan-qr?phone={A}"),
        &qr,
    )
    .await;
    assert_eq!((status, linked["device"].as_u64()), (200, Some(1)), "{linked}");
    client.connected().await;
    let (status, _) = post(&simulator, &format!("/admin/phones/{B}"), json!({})).await;
    assert_eq!(status, 200);

    let (status, sent) = post(
        &simulator,
        &format!("/admin/phones/{B}/send"),
        json!({"to": A, "text": "hi"}),
    )
    .await;
    assert_eq!(status, 200, "{sent}");
    let text = client.text().await;
    assert_eq!(text.id, sent["id"]);

    let id = client.send(B, "hello").await;
    client.ack(&id).await;
    client
        .receipt(whatsapp_rust::types::presence::ReceiptType::Delivered, &id)
        .await;
    let log = get(&simulator, &format!("/admin/phones/{B}/messages")).await;
    assert_eq!(log["messages"][0]["id"], id.as_str());
    assert_eq!(log["messages"][0]["type"], "text");
    assert_eq!(log["messages"][0]["text"], "hello");
    assert_eq!(log["messages"][0]["from"], A);
    let (status, _) = post(&simulator, &format!("/admin/phones/{B}/read"), json!({"id": id})).await;
    assert_eq!(status, 200);
    client
        .receipt(whatsapp_rust::types::presence::ReceiptType::Read, &id)
        .await;

    let state = get(&simulator, "/admin/state").await;
    assert_eq!(state["accounts"][0]["number"], A);
    assert_eq!(state["accounts"][0]["devices"][1]["online"], true);
    assert_eq!(state["counters"]["stanzas"]["message"], 1);

    let (status, _) = post(&simulator, &format!("/admin/phones/{A}/unlink"), json!({})).await;
    assert_eq!(status, 200);
    client.logged_out().await;
}

#[tokio::test]
async fn faults_are_ordered_over_http() {
    let simulator = start().await;
    let client = Client::linked(&simulator, &simulator.phone(A).unwrap()).await;
    let fault = json!({"number": A, "device": 1, "fault": "stream-error", "code": 503});
    assert_eq!(post(&simulator, "/admin/faults", fault).await.0, 200);
    client.connected().await;
}

#[tokio::test]
async fn what_cannot_be_done_is_said_in_a_sentence() {
    let simulator = start().await;
    simulator.phone(A).unwrap();
    let unlink = format!("/admin/phones/{A}/unlink");
    let send = format!("/admin/phones/{A}/send");
    let faults = "/admin/faults";
    let enter = "/admin/mock-phone/enter-code";
    let cases = [
        (
            request(&simulator.admin_url(), "POST", "/admin/mock-phone/scan-qr", "hello").await,
            400,
        ),
        (
            request(
                &simulator.admin_url(),
                "POST",
                "/admin/mock-phone/scan-qr?phone=nobody",
                "hello",
            )
            .await,
            400,
        ),
        (
            post(&simulator, enter, json!({"phone": A, "code": "ABCD1234"})).await,
            404,
        ),
        (post(&simulator, enter, json!({"phone": A})).await, 400),
        (request(&simulator.admin_url(), "POST", &send, "{").await, 400),
        (post(&simulator, &send, json!({"to": "x", "text": "hi"})).await, 400),
        (post(&simulator, &send, json!({"to": B, "text": "hi"})).await, 404),
        (
            post(
                &simulator,
                &format!("/admin/phones/{B}/send"),
                json!({"to": A, "text": "hi"}),
            )
            .await,
            404,
        ),
        (
            post(&simulator, &format!("/admin/phones/{A}/read"), json!({"id": "none"})).await,
            404,
        ),
        (post(&simulator, &unlink, json!({"device": 9})).await, 404),
        (post(&simulator, faults, json!({"fault": "meteor"})).await, 400),
        (
            post(&simulator, faults, json!({"fault": "drop-socket", "number": B})).await,
            404,
        ),
        (
            post(&simulator, faults, json!({"fault": "drop-socket", "number": A})).await,
            409,
        ),
        (
            post(&simulator, faults, json!({"fault": "refuse-connections", "times": 0})).await,
            400,
        ),
        (request(&simulator.admin_url(), "GET", "/admin/nothing", "").await, 404),
        (request(&simulator.admin_url(), "GET", "/admin/faults", "").await, 405),
    ];
    for (index, ((status, body), expected)) in cases.into_iter().enumerate() {
        assert_eq!(status, expected, "case {index}: {body}");
        assert!(
            body["error"].as_str().is_some_and(|sentence| sentence.contains(' ')),
            "case {index}: {body}"
        );
    }
}
