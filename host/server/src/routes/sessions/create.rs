//! `POST /api/sessions`: a new session, waiting for a phone to link it.

use axum::Json;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use switchboard_core::ids::{LinkMethod, PhoneNumber, SessionId};
use switchboard_core::proxy::Proxy;
use switchboard_core::status::SessionStatus;
use switchboard_service::{Metadata, NewSession};
use utoipa::ToSchema;

use crate::auth::May;
use crate::auth::scope::SessionsWrite;
use crate::described::{LinkMethodWord, PhoneNumberText, ProxyText};
use crate::extract::{self, Text};
use crate::problem::Answer;

/// How to link it, and what to call it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CreateBody {
    /// A name for people, up to 100 characters.
    #[schema(value_type = Option<String>, example = "front desk", min_length = 1, max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    name: Option<Text<1, 100>>,
    /// `qr`: a phone scans a code. `phone`: a code is typed on the phone.
    #[serde(default)]
    #[schema(value_type = LinkMethodWord, required = false)]
    method: LinkMethod,
    /// The number of the phone; with `phone` only, and needed then.
    #[schema(value_type = Option<PhoneNumberText>)]
    phone_number: Option<PhoneNumber>,
    /// Whatever you want to keep with it, up to 4 KiB.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Metadata>,
    /// Through whom the session's connections leave, from the first on: an HTTP proxy that takes `CONNECT` (`http://`) or a SOCKS5 proxy
    /// (`socks5://`, also `socks5h://`), with a user name and a password if it wants them. It looks up WhatsApp's name itself, and TLS to
    /// WhatsApp goes through it from end to end. At a public address, or at one that the operator lists in `egress.proxies`.
    #[schema(value_type = Option<ProxyText>)]
    proxy: Option<Proxy>,
}

/// A session was created.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Created {
    /// Always true.
    success: bool,
    /// Always this sentence.
    #[schema(example = "Session initialized")]
    message: &'static str,
    /// The session.
    session: CreatedSession,
}

/// The new session.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreatedSession {
    /// Its id.
    #[schema(value_type = String, example = "qr_1700000000000_1a2b3c4d")]
    session_id: SessionId,
    /// `REGISTERING`; soon `QR_READY` or `PAIRING_CODE_READY`.
    #[schema(value_type = String, example = "REGISTERING")]
    status: SessionStatus,
    /// As it was asked for.
    #[schema(value_type = String, example = "qr")]
    method: LinkMethod,
}

/// A new session. Poll it until there is something to scan (`qr`) or to type (`pairingCode`).
#[utoipa::path(
    post,
    path = "/api/sessions",
    operation_id = "createSession",
    tag = "sessions",
    request_body = CreateBody,
    responses((status = 201, body = Created)),
    security(("bearer" = ["sessions:write"]))
)]
pub(crate) async fn create(
    may: May<SessionsWrite>,
    extract::Json(body): extract::Json<CreateBody>,
) -> Answer<(StatusCode, Json<Created>)> {
    let new = NewSession {
        method: body.method,
        name: body.name.map(String::from),
        phone_number: body.phone_number,
        metadata: body.metadata,
        proxy: body.proxy,
    };
    let session_id = may.service.create_session(new).await?;
    let session = CreatedSession {
        session_id,
        status: SessionStatus::Registering,
        method: session_id.method(),
    };
    Ok((
        StatusCode::CREATED,
        Json(Created {
            success: true,
            message: "Session initialized",
            session,
        }),
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::TestApp;

    #[tokio::test]
    async fn a_new_session_has_the_documented_shape() {
        let app = TestApp::new().await;
        let created = app
            .call(
                "POST",
                "/api/sessions",
                json!({"name": "front desk", "metadata": {"room": 1}}),
            )
            .await;
        assert_eq!(created.status, 201);
        let body = created.json();
        let id = body["session"]["sessionId"].as_str().unwrap();
        assert!(id.starts_with("qr_"), "{id}");
        assert_eq!(
            body,
            json!({
                "success": true,
                "message": "Session initialized",
                "session": {"sessionId": id, "status": "REGISTERING", "method": "qr"}
            })
        );
        let info = app.get(&format!("/api/sessions/{id}")).await.json();
        assert_eq!(
            (&info["name"], &info["metadata"]),
            (&json!("front desk"), &json!({"room": 1}))
        );
    }

    #[tokio::test]
    async fn a_session_that_is_linked_by_code_says_so_in_its_id() {
        let app = TestApp::new().await;
        let body = json!({"method": "phone", "phoneNumber": "+1 555 000 0001"});
        let created = app.call("POST", "/api/sessions", body).await;
        assert_eq!(created.status, 201);
        let session = &created.json()["session"];
        assert_eq!(
            (&session["method"], &session["status"]),
            (&json!("phone"), &json!("REGISTERING"))
        );
        assert!(session["sessionId"].as_str().unwrap().starts_with("phone_"));
    }

    #[tokio::test]
    async fn a_proxy_is_shown_without_its_password_and_what_is_wrong_with_one_is_said() {
        let app = TestApp::new().await;
        let body = json!({"proxy": "socks5h://user:hunter2@127.0.0.1:9"});
        let created = app.call("POST", "/api/sessions", body).await.json();
        let id = created["session"]["sessionId"].as_str().unwrap();
        let info = app.get(&format!("/api/sessions/{id}")).await.json();
        assert_eq!(info["proxy"], "socks5://user:***@127.0.0.1:9");
        let listed = app.get("/api/sessions").await.json();
        assert_eq!(listed["sessions"][0]["proxy"], info["proxy"]);
        let refused = app
            .call("POST", "/api/sessions", json!({"proxy": "ftp://127.0.0.1:9"}))
            .await;
        let said = refused.failure(400, "invalid_field", Some("proxy"))["error"].clone();
        assert!(said.as_str().unwrap().contains("http:// or socks5://"), "{said}");
    }

    #[tokio::test]
    async fn a_proxy_that_the_operator_has_not_allowed_is_forbidden() {
        let app = TestApp::new().await;
        for proxy in [
            "http://user:hunter2@10.0.0.5:3128",
            "http://user:hunter2@169.254.169.254:80",
            "socks5://localhost:9",
        ] {
            let refused = app.call("POST", "/api/sessions", json!({"proxy": proxy})).await;
            let said = refused.failure(403, "forbidden", Some("proxy"))["error"].to_string();
            assert!(said.contains("egress.proxies") && !said.contains("hunter2"), "{said}");
        }
        assert_eq!(app.get("/api/sessions").await.json()["sessions"], json!([]));
    }

    #[tokio::test]
    async fn each_wrong_field_is_named() {
        let app = TestApp::new().await;
        for (body, field) in [
            (json!({"name": 5}), "name"),
            (json!({"name": ""}), "name"),
            (json!({"name": "x".repeat(101)}), "name"),
            (json!({"method": "sms"}), "method"),
            (json!({"method": null}), "method"),
            (json!({"method": "phone"}), "phoneNumber"),
            (json!({"method": "phone", "phoneNumber": "12"}), "phoneNumber"),
            (json!({"phoneNumber": "+1 555 000 0001"}), "phoneNumber"),
            (json!({"metadata": "x"}), "metadata"),
            (json!({"metadata": {"x": "y".repeat(5000)}}), "metadata"),
            (json!({"naem": "x"}), "naem"),
            (json!({"proxy": 3128}), "proxy"),
            (json!({"proxy": ""}), "proxy"),
            (json!({"proxy": "127.0.0.1:9"}), "proxy"),
            (json!({"proxy": "https://user:hunter2@127.0.0.1:9"}), "proxy"),
            (json!({"proxy": "http://user:hunter2@127.0.0.1"}), "proxy"),
            (json!({"proxy": "http://user:hunter2@127.0.0.1:9/path"}), "proxy"),
            (json!({"proxy": "socks5://user:hunter2@127.0.0.1:9?x"}), "proxy"),
            (json!({"proxy": "file:///etc/passwd"}), "proxy"),
            (json!({"proxy": "http://user:***@127.0.0.1:9"}), "proxy"),
        ] {
            let answered = app.call("POST", "/api/sessions", body.clone()).await;
            let said = answered.failure(400, "invalid_field", Some(field));
            assert!(!said.to_string().contains("hunter2"), "{said}");
        }
        assert_eq!(
            app.get("/api/sessions").await.json()["sessions"],
            json!([]),
            "none was created"
        );
    }
}
