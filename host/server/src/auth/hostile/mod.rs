//! The corpus of hostile credentials: what each shows, and what it is answered with.
//!
//! Forgeries are rightly signed with the server's own key wherever the signature is not the point, so that nothing but the point
//! can be what refuses them. Every case comes from an address of its own, so that none is refused for the ones before it.

mod guessing;
mod headers;
mod rotation;
mod tokens;
mod urls;

use std::net::{IpAddr, Ipv4Addr};

use axum::body::Body;
use axum::http::{HeaderValue, Request, header};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Map, Value, json};
use switchboard_core::access::Scope;
use switchboard_core::clock::Clock as _;

use super::keys::Keys;
use crate::peer::Peer;
use crate::testing::{ADMIN_KEY, Answered, TestApp};

/// What a case is answered with.
#[derive(Clone, Copy)]
enum Then {
    Taken,
    Refused,
}

/// An application, and everything that its operator knows.
struct Forge {
    app: TestApp,
    kid: String,
    secret: Vec<u8>,
    /// The claims of a good token.
    claims: Value,
    session: String,
}

impl Forge {
    async fn new() -> Self {
        let app = TestApp::new().await;
        let file = std::fs::read(Keys::path(&app.data())).unwrap();
        let key = serde_json::from_slice::<Value>(&file).unwrap()["keys"][0].clone();
        let session = app.session().await;
        let scopes: Vec<_> = Scope::ALL.into_iter().map(Scope::as_str).collect();
        let good = app.token(json!({"scopes": scopes})).await;
        Self {
            kid: key["kid"].as_str().unwrap().to_owned(),
            secret: BASE64.decode(key["secret"].as_str().unwrap()).unwrap(),
            claims: part(&good, 1),
            session,
            app,
        }
    }

    fn header(&self, changes: &Value) -> Value {
        with(&json!({"typ": "JWT", "alg": "HS256", "kid": self.kid}), changes)
    }

    fn claims(&self, changes: &Value) -> Value {
        with(&self.claims, changes)
    }

    fn token(&self, header: &Value, claims: &Value) -> String {
        signed(&self.header(header), &self.claims(claims), &self.secret)
    }

    /// Shows these `Authorization` headers at this path, from an address of its own.
    async fn show(&self, case: usize, path: &str, bearers: &[&[u8]]) -> Answered {
        let case = u32::try_from(case).unwrap();
        let mut request = Request::builder().uri(path).body(Body::empty()).unwrap();
        request
            .extensions_mut()
            .insert(Peer(IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + case))));
        for bearer in bearers {
            let value = HeaderValue::from_bytes(bearer).unwrap();
            request.headers_mut().append(header::AUTHORIZATION, value);
        }
        self.app.raw(request).await
    }
}

/// The object with these fields changed; null takes one away.
fn with(object: &Value, changes: &Value) -> Value {
    let mut object: Map<String, Value> = object.as_object().unwrap().clone();
    for (field, value) in changes.as_object().unwrap() {
        if value.is_null() {
            object.remove(field);
        } else {
            object.insert(field.clone(), value.clone());
        }
    }
    object.into()
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&BASE64.decode(part).unwrap()).unwrap()
}

fn signed(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let message = format!(
        "{}.{}",
        BASE64.encode(header.to_string()),
        BASE64.encode(claims.to_string())
    );
    let key = EncodingKey::from_secret(secret);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

/// Another spelling of the same bytes: the last sign of 43 carries two bits that say nothing.
fn respelled(base64: &str) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (head, last) = base64.split_at(base64.len() - 1);
    let at = SIGNS.iter().position(|sign| last.as_bytes() == [*sign]).unwrap();
    format!("{head}{}", char::from(SIGNS[at | 1]))
}
