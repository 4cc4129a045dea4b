//! Programs written for Meta's Cloud API, which change their base URL and nothing else.

use serde_json::{Value, json};
use simulator::ReceivedMessage;

use crate::support::{Answer, Api, DESK, FRIEND, PATIENCE, World};

/// A session, and every name that a Cloud API program may have for it.
async fn desk(world: &World) -> (String, String) {
    let session = world.linked(DESK).await;
    let info = world.api.get(&format!("/api/sessions/{session}")).await.expect(200);
    let mobid = info["mobid"].as_str().expect("a mobid").to_owned();
    (session, mobid)
}

fn text(body: &str) -> Value {
    json!({"messaging_product": "whatsapp", "recipient_type": "individual", "to": FRIEND, "type": "text", "text": {"body": body}})
}

/// The error of an answer, which is an error in Meta's words.
#[track_caller]
fn error(answer: Answer, status: u16, code: u32) -> Value {
    let body = answer.expect(status);
    let error = &body["error"];
    assert_eq!(error["code"], code, "{body}");
    let trace = error["fbtrace_id"].as_str().expect("a trace id");
    assert!(trace.starts_with('A') && trace.len() == 23, "{trace}");
    assert!(error["type"].is_string() && error["message"].is_string(), "{body}");
    error.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_goes_out_under_every_name_of_the_phone_with_a_version_and_without() {
    let world = World::start().await;
    let friend = world.phone(FRIEND);
    let (session, mobid) = desk(&world).await;
    for (n, path) in [
        format!("/v23.0/{mobid}/messages"),
        format!("/{mobid}/messages"),
        format!("/v13.0/{session}/messages"),
        format!("/v26.0/{DESK}/messages"),
        format!("/v20.0/{mobid}/messages/"),
    ]
    .into_iter()
    .enumerate()
    {
        let said = format!("hello {n}");
        let answer = world.api.post(&path, &text(&said)).await;
        let first = path.split('/').nth(1).filter(|first| first.starts_with('v'));
        assert_eq!(
            answer.headers["facebook-api-version"],
            first.unwrap_or("v23.0"),
            "{path}"
        );
        assert_eq!(answer.headers["content-type"], "application/json");
        let body = answer.expect(200);
        assert_eq!(body["messaging_product"], "whatsapp");
        assert_eq!(body["contacts"], json!([{"input": FRIEND, "wa_id": FRIEND}]));
        let wamid = body["messages"][0]["id"].as_str().expect("an id");
        assert!(wamid.starts_with("wamid."), "{wamid}");
        let wanted = |message: &ReceivedMessage| message.text.as_deref() == Some(&said);
        friend.wait_for_message(PATIENCE, wanted).await.unwrap();
        let ours = world.api.get(&format!("/api/messages/{wamid}")).await.expect(200);
        assert_eq!(ours["message"]["sessionId"], json!(session));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_contacts_a_reaction_and_an_answer_arrive() {
    let world = World::start().await;
    let friend = world.phone(FRIEND);
    let (_, mobid) = desk(&world).await;
    let path = format!("/v23.0/{mobid}/messages");
    let send = async |kind: &str, object: Value| {
        let mut body = json!({"messaging_product": "whatsapp", "to": format!("+{FRIEND}"), "type": kind});
        body[kind] = object;
        world.api.post(&path, &body).await.expect(200)["messages"][0]["id"].clone()
    };
    let first = send("text", json!({"body": "first"})).await;
    let stanza = friend.wait_for_message(PATIENCE, |_| true).await.unwrap().id;
    send(
        "location",
        json!({"latitude": "9.9312", "longitude": "76.2673", "name": "Fort Kochi", "address": null}),
    )
    .await;
    let place = friend
        .wait_for_message(PATIENCE, |got| got.kind == "location")
        .await
        .unwrap();
    assert_eq!(place.latitude, Some(9.9312));
    send(
        "contacts",
        json!(r#"[{"name": {"formatted_name": "Asha"}, "phones": [{"phone": "+91 70127 29389"}]}]"#),
    )
    .await;
    let card = friend
        .wait_for_message(PATIENCE, |got| got.kind == "contact")
        .await
        .unwrap();
    assert!(card.vcards[0].contains("FN:Asha"), "{card:?}");
    send("reaction", json!({"message_id": first, "emoji": "🙏"})).await;
    let reaction = friend
        .wait_for_message(PATIENCE, |got| got.kind == "reaction")
        .await
        .unwrap();
    assert_eq!(
        (reaction.emoji.as_deref(), reaction.reacts_to.as_ref()),
        (Some("🙏"), Some(&stanza))
    );
    let mut answer = text("second");
    answer["context"] = json!({"message_id": first});
    answer["biz_opaque_callback_data"] = json!("order 7");
    let body = world.api.post(&path, &answer).await.expect(200);
    let second = friend
        .wait_for_message(PATIENCE, |got| got.text.as_deref() == Some("second"))
        .await
        .unwrap();
    assert_eq!(second.quotes.as_ref(), Some(&stanza));
    let id = body["messages"][0]["id"].as_str().unwrap();
    let ours = world.api.get(&format!("/api/messages/{id}")).await.expect(200);
    assert_eq!(ours["message"]["clientRef"], "order 7");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_a_message_that_is_not_known_is_sent_without_it() {
    let world = World::start().await;
    let friend = world.phone(FRIEND);
    let (_, mobid) = desk(&world).await;
    for (n, unknown) in [
        "msg_01ARZ3NDEKTSV4RRFFQ69G5FAV",
        // As Meta made them in the years before.
        "wamid.HBgLMTU1NTAwMDAwMDIVAgARGBIwQkRCNDFGMzhFNkJCODVBNzIA",
        "wamid.gBGGSFcCNEOPAgkO_KJ55r4w_ww",
    ]
    .into_iter()
    .enumerate()
    {
        let said = format!("answer {n}");
        let mut answer = text(&said);
        answer["context"] = json!({"message_id": unknown});
        world
            .api
            .post(&format!("/v23.0/{mobid}/messages"), &answer)
            .await
            .expect(200);
        let arrived = friend
            .wait_for_message(PATIENCE, |got| got.text.as_deref() == Some(&said))
            .await
            .unwrap();
        assert_eq!(arrived.quotes, None, "{unknown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_may_be_a_form_or_stand_in_the_query() {
    let world = World::start().await;
    let friend = world.phone(FRIEND);
    let (_, mobid) = desk(&world).await;
    let path = format!("/v23.0/{mobid}/messages");
    let pairs = |body: &str| format!("messaging_product=whatsapp&to={FRIEND}&text=%7B%22body%22%3A%22{body}%22%7D");
    let part =
        |name: &str, value: &str| format!("--b\r\ncontent-disposition: form-data; name={name}\r\n\r\n{value}\r\n");
    let parts = [
        part("messaging_product", "whatsapp"),
        part("to", FRIEND),
        part("text", r#"{"body": "multipart"}"#),
        "--b--\r\n".to_owned(),
    ];
    let form = "application/x-www-form-urlencoded";
    for (body, path, content_type, bytes) in [
        ("form", path.clone(), form, pairs("form")),
        // What curl says of whatever it sends with -d.
        ("json", path.clone(), form, text("json").to_string()),
        (
            "multipart",
            path.clone(),
            "multipart/form-data; boundary=b",
            parts.concat(),
        ),
        (
            "query",
            format!("{path}?{}", pairs("query")),
            "text/plain",
            String::new(),
        ),
    ] {
        let headers = [("content-type", content_type)];
        let answer = world
            .api
            .call(reqwest::Method::POST, &path, &headers, Some(bytes.into_bytes()));
        answer.await.expect(200);
        let wanted = |message: &ReceivedMessage| message.text.as_deref() == Some(body);
        friend.wait_for_message(PATIENCE, wanted).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_offered_yet_is_refused_in_metas_words_once_the_token_is_good() {
    let world = World::start().await;
    let (_, mobid) = desk(&world).await;
    let stranger = world.api.with_token("nonsense");
    let media = format!("/v23.0/{mobid}/media");
    let file = "--b\r\ncontent-disposition: form-data; name=file; filename=a.png\r\n\r\nx\r\n--b--\r\n";
    for (api, status, code) in [(&stranger, 401, 190), (&world.api, 400, 100)] {
        let headers = [("content-type", "multipart/form-data; boundary=b")];
        let upload = api.call(reqwest::Method::POST, &media, &headers, Some(file.into()));
        error(upload.await, status, code);
        for edge in ["phone_numbers", "message_templates", "whatsapp_business_profile"] {
            error(api.get(&format!("/v23.0/{mobid}/{edge}")).await, status, code);
            error(api.delete(&format!("/v23.0/{mobid}/{edge}")).await, status, code);
        }
        error(
            api.post(&format!("/v23.0/{mobid}/register"), &json!({})).await,
            status,
            code,
        );
    }
    error(world.api.get(&format!("/v23.0/{mobid}/messages/1/2")).await, 400, 2500);
    error(world.api.get("/non/sen/se").await, 400, 2500);
    let token = world.api.get("/v23.0/debug_token?input_token=T").await.expect(200);
    assert_eq!(token["data"]["is_valid"], true, "{token}");
    error(stranger.get("/v23.0/debug_token?input_token=T").await, 401, 190);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_marked_as_read_with_and_without_typing() {
    let world = World::start().await;
    let friend = world.phone(FRIEND);
    let (session, mobid) = desk(&world).await;
    let sent = friend.send_text(DESK, "are you there?").await.unwrap();
    let path = format!("/api/messages?sessionId={session}&direction=inbound");
    let inbound = world.api.until(&path, |page| page["messages"].get(0).cloned()).await;
    let read = json!({
        "messaging_product": "whatsapp", "status": "read", "message_id": inbound["wamid"],
        "typing_indicator": {"type": "text"},
    });
    let answer = world
        .api
        .post(&format!("/v23.0/{mobid}/messages"), &read)
        .await
        .expect(200);
    assert_eq!(answer, json!({"success": true}));
    friend
        .wait_for_receipt(PATIENCE, &sent, |receipt| receipt.kind == "read")
        .await
        .unwrap();
    let path = format!("/v23.0/{mobid}/messages");
    let ours = world.api.post(&path, &text("ours")).await.expect(200);
    let read = json!({"messaging_product": "whatsapp", "status": "read", "message_id": ours["messages"][0]["id"]});
    error(world.api.post(&path, &read).await, 400, 131_009);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_is_told_in_metas_words() {
    let world = World::start().await;
    let (_, mobid) = desk(&world).await;
    let path = format!("/v23.0/{mobid}/messages");
    let strangers = [Api::anonymous(&world.host.base), world.api.with_token("nonsense")];
    for api in &strangers {
        error(api.post(&path, &text("x")).await, 401, 190);
        // Before anything else is looked at: some programs try their token on whatever route there is.
        error(api.get(&path).await, 401, 190);
        error(api.delete(&path).await, 401, 190);
        error(api.get(&format!("/v23.0/{mobid}")).await, 401, 190);
    }
    let limited = json!({"scopes": ["messages:read"]});
    let limited = world.api.post("/api/tokens", &limited).await.expect(201)["token"]
        .as_str()
        .unwrap()
        .to_owned();
    error(world.api.with_token(&limited).post(&path, &text("x")).await, 403, 10);

    let unknown = error(
        world.api.post("/v23.0/104857600000009/messages", &text("x")).await,
        400,
        100,
    );
    assert_eq!(unknown["error_subcode"], 33, "{unknown}");
    error(world.api.delete(&path).await, 400, 100);
    let without_to = error(
        world
            .api
            .post(&path, &json!({"messaging_product": "whatsapp", "text": {"body": "x"}}))
            .await,
        400,
        100,
    );
    assert!(
        without_to["message"]
            .as_str()
            .unwrap()
            .contains("The parameter to is required"),
        "{without_to}"
    );
    // Programs that keep numbers as floating ones: without its dot it would be somebody else's.
    for floating in [json!(15_550_000_002.5), json!("15550000002.0")] {
        let mut to = text("x");
        to["to"] = floating;
        assert_eq!(world.api.post(&path, &to).await.status, 400, "{to}");
    }
    let many = vec!["a"; 1000].join("&");
    error(world.api.get(&format!("/v23.0/{mobid}?{many}")).await, 400, 131_009);
    let mut reaction = json!({"messaging_product": "whatsapp", "to": FRIEND, "type": "reaction"});
    reaction["reaction"] = json!({"message_id": "msg_01ARZ3NDEKTSV4RRFFQ69G5FAV", "emoji": "this is text"});
    assert_eq!(world.api.post(&path, &reaction).await.status, 400);
    for (kind, code) in [("template", 131_051), ("hologram", 100)] {
        let mut other = text("x");
        other["type"] = json!(kind);
        error(world.api.post(&path, &other).await, 400, code);
    }
    let mut nobody = text("x");
    nobody["to"] = json!("15559999999");
    error(world.api.post(&path, &nobody).await, 400, 131_026);
    let huge = json!({"messaging_product": "whatsapp", "to": FRIEND, "text": {"body": "x".repeat(1 << 20)}});
    let answer = world.api.post(&path, &huge).await;
    assert_eq!(answer.status, 413);
    assert!(answer.json()["error"]["code"].is_u64());
    let answer = world.api.call(
        reqwest::Method::POST,
        &path,
        &[("content-type", "application/json")],
        Some(b"{not json".to_vec()),
    );
    error(answer.await, 400, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_phone_is_described_and_ours_stay_ours() {
    let world = World::start().await;
    let (_, mobid) = desk(&world).await;
    let phone = world
        .api
        .get(&format!("/v23.0/{mobid}?fields=display_phone_number,id,nonsense"))
        .await
        .expect(200);
    assert_eq!(phone["id"], mobid.as_str(), "{phone}");
    assert!(
        phone["display_phone_number"].as_str().unwrap().ends_with("0001"),
        "{phone}"
    );
    let path = format!("/v23.0/{mobid}");
    let head = world.api.call(reqwest::Method::HEAD, &path, &[], None).await;
    assert_eq!((head.status, head.bytes.as_slice()), (200, &b""[..]));
    assert_eq!(head.headers["content-type"], "application/json");
    // Some clients send their token in the query.
    let by_query = Api::anonymous(&world.host.base);
    let path = format!("/v14.0/{mobid}?fields=id&access_token={}", world.api.token());
    assert_eq!(by_query.get(&path).await.expect(200)["id"], mobid.as_str());
    error(
        by_query.get(&format!("/v14.0/{mobid}?access_token=nonsense")).await,
        401,
        190,
    );
    // Our own routes never take it from there.
    let ours = format!("/api/sessions?access_token={}", world.api.token());
    assert_eq!(by_query.get(&ours).await.status, 401);
    // n8n asks so whether a token is good.
    let alone = world.api.get("/v13.0/").await;
    assert_ne!(alone.json()["error"]["type"], "OAuthException");
    // No dialect answers where the host has a name of its own.
    world
        .api
        .get("/api/nothing")
        .await
        .expect_problem(404, "not_found", None);
    world.api.get("/docs/x/y").await.expect_problem(404, "not_found", None);
    let document = world.api.get("/openapi.json").await.expect(200);
    assert_eq!(
        document["paths"]["/{version}/{phone}/messages"]["post"]["x-plugin"],
        "cloud-api"
    );
}
